"""Affect congruence: empathy and counter-empathy by relation and stakes, and their scale."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.layout.arrange import arrange
from folders import BUNDLED

DATA = BUNDLED / "rival_fortunes"
SHORT = {"chains": 2, "draws": 300, "tune": 400, "seed": 1}
CONGRUENCE = {"ally": 0.7, "neutral": 0.3, "rival": -0.2}
RIVALS = ("no_relation", "no_stakes", "positive_only")


@pytest.fixture(scope="module")
def congruence():
    return em.get_model("affect_congruence")


@pytest.fixture(scope="module")
def fortunes():
    return em.load_study("rival_fortunes")


@pytest.fixture(scope="module")
def fits(congruence, fortunes):
    return em.fit_rivals(congruence, fortunes, *RIVALS, **SHORT)


def added(kappa, shift):
    """Sum of two congruences on the scale of atanh."""
    return np.tanh(np.arctanh(kappa) + np.arctanh(shift))


def near(draws, value):
    draws = np.asarray(draws)
    return abs(draws.mean() - value) < 3 * draws.std()


@pytest.mark.slow
def test_congruence_is_recovered(fits):
    posterior = fits["affect_congruence"]["posterior"]
    means = np.tanh(posterior["congruence_mean"])
    for relation, value in CONGRUENCE.items():
        assert near(means.sel(relation=relation), value)
    assert float((means.sel(relation="rival") < 0).mean()) > 0.95
    shift = np.tanh(posterior["stakes_shift_mean"])
    assert near(added(means.sel(relation="rival"), shift), -0.4)
    assert float((shift < 0).mean()) > 0.99
    assert near(np.exp(posterior["reactivity_mean"]), 0.3)  # a share of the scale's 100 points


@pytest.mark.slow
def test_people_are_recovered(fits):
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant")
    posterior = fits["affect_congruence"]["posterior"].sel(participant=truth.index)
    columns = {f"congruence[{k}]": posterior["congruence"].sel(relation=k) for k in CONGRUENCE}
    columns |= {name: posterior[name] for name in ("reactivity", "rating_noise")}
    for name, values in columns.items():
        draws = values.transpose("chain", "draw", "participant").to_numpy()
        assert np.corrcoef(draws.mean(axis=(0, 1)), truth[name])[0, 1] > 0.7
        low, high = np.quantile(draws, [0.05, 0.95], axis=(0, 1))
        assert ((low < truth[name]) & (truth[name] < high)).mean() > 0.75


@pytest.mark.slow
def test_rivals_without_what_made_the_data_lose(fits):
    elpds = em.compare(fits).attrs["elpd"]
    best = np.asarray(elpds["affect_congruence"].elpd_i)
    for name in RIVALS:
        difference = best - np.asarray(elpds[name].elpd_i)
        assert difference.sum() > 3 * difference.std() * np.sqrt(len(difference))


EVENTS = pd.DataFrame(
    {
        "trial": range(1, 7),
        "relation": ["ally", "rival", "ally", "rival", "rival", "ally"],
        "stakes": ["independent", "independent", "zero_sum", "zero_sum", "zero_sum", "independent"],
        "recipient": ["other", "other", "other", "other", "self", "self"],
        "valence": [1, -1, -1, 1, -1, 0.5],
        "rating": 50.0,
    }
)
VALUES = {"baseline": 45.0, "reactivity": 30.0, "stakes_shift": -0.3, "rating_noise": 10.0}


def latents_of(model, **more):
    """Latents of the six events, which two people see."""
    trials = pd.concat([EVENTS.assign(participant=person) for person in "ab"])
    study = em.Study(trials=trials, simulated=True)
    return em.log_likelihood(model, study, VALUES | more)["latents"].isel(trial_row=range(6))


def test_affect_by_hand(congruence):
    found = latents_of(congruence, **{"congruence[ally]": 0.8, "congruence[rival]": -0.1})
    kappa = [0.8, -0.1, added(0.8, -0.3), added(-0.1, -0.3), 1, 1]
    np.testing.assert_allclose(found["felt_congruence"], kappa, rtol=1e-12)
    np.testing.assert_allclose(found["affect"], 30 * EVENTS["valence"] * kappa, rtol=1e-12)


def test_ends_of_congruence(congruence):
    """Full empathy and full counter-empathy stay what they are, whatever the stakes."""
    found = latents_of(congruence, **{"congruence[ally]": 1.0, "congruence[rival]": -1.0})
    np.testing.assert_allclose(found["felt_congruence"], [1, -1, 1, -1, 1, 1], rtol=1e-12)


def test_congruence_without_counter_empathy_by_hand(congruence):
    model = congruence.rival("positive_only")
    found = latents_of(model, **{"congruence[ally]": 0.8, "congruence[rival]": 0.1})
    odds = np.array([0.8, 0.1, 0.8, 0.1]) / (1 - np.array([0.8, 0.1, 0.8, 0.1]))
    odds[2:] *= 0.7 / 1.3
    np.testing.assert_allclose(found["felt_congruence"], [*odds / (1 + odds), 1, 1], rtol=1e-12)


# what anchors the scale


def test_without_events_of_ones_own_reactivity_is_held_at_half_the_range(congruence, fortunes):
    others = fortunes.trials.query("recipient == 'other'").drop(columns="recipient")
    found = arrange(congruence, em.Study(trials=others))
    assert found.model.parameter("reactivity").fixed == 50.0
    assert found.notices == [
        "Parameter 'reactivity' is held at 50: trials has no column 'recipient'.",
        "Ratings are taken as recorded in steps of: 'rating' 1. At an end they stand for all "
        "beyond it. Otherwise: model.with_resolution(...).",
    ]
    nine = congruence.with_range(rating=(-4, 4)).with_resolution(rating=None)
    nine = arrange(nine, em.Study(trials=others, simulated=True))
    assert nine.model.parameter("reactivity").fixed == 4.0
    plain = arrange(congruence, em.Study(trials=others.drop(columns="stakes")))
    assert plain.model.parameter("stakes_shift").fixed == 0.0


def told(congruence, trials):
    table = em.diagnose_design(congruence, em.Study(trials=trials), draws=3).set_index("check")
    return table.loc[~table["passed"], "advice"]


def test_a_design_without_an_anchor_is_told(congruence, fortunes):
    trials = fortunes.trials.query("participant <= 'sub-06'")
    assert told(congruence, trials).empty
    advice = told(congruence, trials.query("recipient == 'other'"))
    check = "share of people within whom 'recipient' is constant"
    assert advice.index.tolist() == [check]
    assert "leave the column out" in advice[check]


def test_a_design_of_rivals_at_stake_only_is_told(congruence, fortunes):
    at_stake = (fortunes.trials["relation"] == "rival") == (fortunes.trials["stakes"] == "zero_sum")
    trials = fortunes.trials[at_stake].query("participant <= 'sub-06'")
    advice = told(congruence, trials)
    assert "correlation of 'relation[rival]' and 'stakes[zero_sum]' within people" in advice
    assert any("congruence[rival]" in check and "stakes_shift" in check for check in advice.index)
