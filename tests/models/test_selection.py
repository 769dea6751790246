"""Empathy selection: what makes people choose empathy, in several studies, and its price."""

from itertools import combinations

import arviz as az
import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for
from folders import BUNDLED

DATA = BUNDLED / "chosen_empathy"
SHORT = {"chains": 2, "draws": 300, "tune": 400, "seed": 1}
SHARED = {
    "effort_weight": -0.35,
    "aversion_weight": -0.2,
    "efficacy_weight": 0.35,
    "manipulation_effect": 0.62,
    "closeness_weight": 0.8,
}
RIVALS = ("no_appraisals", "intercept_only")


@pytest.fixture(scope="module")
def selection():
    return em.get_model("empathy_selection")


@pytest.fixture(scope="module")
def fits(selection):
    return em.fit_rivals(selection, em.load_study("chosen_empathy"), *RIVALS, **SHORT)


@pytest.mark.slow
def test_weights_are_recovered(fits):
    posterior = fits["empathy_selection"]["posterior"]
    truth = pd.read_csv(DATA / "true_parameters.csv")
    for name, value in SHARED.items():
        assert (truth[name] == value).all()
        draws = posterior[name].to_numpy()
        assert abs(draws.mean() - value) < 3 * draws.std()
        assert (np.sign(draws) == np.sign(value)).mean() > 0.99


@pytest.mark.slow
def test_people_are_recovered(fits):
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant")["readiness"]
    posterior = fits["empathy_selection"]["posterior"]
    drawn = posterior["readiness"].sel(participant=truth.index)
    draws = drawn.transpose("chain", "draw", "participant").to_numpy()
    assert np.corrcoef(draws.mean(axis=(0, 1)), truth)[0, 1] > 0.9
    low, high = np.quantile(draws, [0.05, 0.95], axis=(0, 1))
    assert 0.8 < ((low < truth) & (truth < high)).mean() < 0.98
    spread = posterior["readiness_sd"].to_numpy()
    assert abs(spread.mean() - 1.2) < 3 * spread.std()


@pytest.mark.slow
def test_what_studies_add_is_recovered(fits):
    """Studies are a level of the population: their means differ, and sampling them is easy."""
    fit, people = fits["empathy_selection"], em.load_study("chosen_empathy").participants
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant")["readiness"]
    true = truth.groupby(people.set_index("participant")["study"]).mean()
    for one, other in combinations(true.index, 2):
        sides = {"study": one}, {"study": other}
        (row,) = em.contrast(fit, "readiness", *sides, prob=0.99).to_dict("records")
        assert row["hdi_low"] < true[one] - true[other] < row["hdi_high"]
    posterior = fit["posterior"]
    of_people = posterior["readiness_mean"], posterior["readiness_effect"]
    assert all(float(az.rhat(values).max()) < 1.03 for values in of_people)
    assert all(float(az.ess(values).min()) > 150 for values in of_people)


def test_no_studies(selection):
    study = em.load_study("chosen_empathy")
    assert list(covariates_for(arrange(selection, study), None)) == ["readiness"]
    assert covariates_for(arrange(selection.rival("no_studies"), study), None) == {}


def test_studies_that_are_named_on_trials_are_told(selection):
    study = em.load_study("chosen_empathy")
    found = arrange(selection, em.Study(trials=study.trials.merge(study.participants)))
    told = "Column 'study' is not read from trials: give it in participants, once per person."
    assert told in found.notices
    assert told not in arrange(selection, study).notices


@pytest.mark.slow
def test_rivals_without_what_made_the_data_lose(fits):
    elpds = em.compare(fits).attrs["elpd"]
    best = np.asarray(elpds["empathy_selection"].elpd_i)
    for name in RIVALS:
        difference = best - np.asarray(elpds[name].elpd_i)
        assert difference.sum() > 3 * difference.std() * np.sqrt(len(difference))


def test_choices_alone_will_do(selection):
    """What a study does not have is held at 0, and told; one study needs no level of studies."""
    trials = em.load_study("chosen_empathy").trials[["participant", "trial", "engage"]]
    found = arrange(selection, em.Study(trials=trials))
    assert [p.name for p in found.parameters if p.fixed is None] == ["readiness"]
    assert "Parameter 'effort_weight' is held at 0: trials has no column 'effort'." in found.notices
    assert len(found.notices) == 6
    assert covariates_for(found, None) == {}


# the price


@pytest.fixture(scope="module")
def offers():
    """30 people are offered money for empathising; half of the choices are effortful."""
    rng = np.random.default_rng(8)
    people = [f"P{k:02}" for k in range(30)]
    trials = pd.DataFrame(
        {
            "participant": np.repeat(people, 48),
            "trial": np.tile(np.arange(1, 49), 30),
            "effort": np.tile([-1.0, 1.0], 720),
            "money": np.tile(np.repeat([-0.5, 0.0, 0.5, 1.0, 1.5, 2.0], 8), 30),
        }
    )
    truth = {
        "readiness": pd.Series(rng.normal(-1.2, 0.5, 30), index=people),
        "money_weight": pd.Series(np.exp(rng.normal(np.log(1.5), 0.3, 30)), index=people),
        "effort_weight": -0.6,
    }
    return trials, truth


@pytest.fixture(scope="module")
def discounting(selection):
    return selection.rival("discounting")


@pytest.fixture(scope="module")
def bought(offers, discounting):
    trials, truth = offers
    study, _ = em.simulate(discounting, em.Study(trials=trials), truth, seed=4)
    return study


def true_prices(trials, truth):
    readiness, weight = (trials["participant"].map(truth[k]) for k in ("readiness", "money_weight"))
    return -(readiness + truth["effort_weight"] * trials["effort"]) / weight


def test_the_price_is_the_offer_that_makes_odds_even(offers, bought, discounting):
    trials, truth = offers
    found = em.log_likelihood(discounting, bought, truth)["latents"]
    prices = true_prices(trials, truth)
    np.testing.assert_allclose(found["price"], prices, rtol=1e-12)
    paid = em.Study(trials=bought.trials.assign(money=prices))
    at_price = em.log_likelihood(discounting, paid, truth)
    np.testing.assert_allclose(at_price["latents"]["utility"], 0, atol=1e-12)
    np.testing.assert_allclose(at_price["row"]["engage"], np.log(0.5), rtol=1e-12)


@pytest.mark.slow
def test_prices_are_recovered_with_their_uncertainty(offers, bought, discounting):
    trials, truth = offers
    fit = em.fit(discounting, bought, **SHORT)
    found = em.latents(fit, draws=600)["price"].transpose("chain", "draw", "trial_row").to_numpy()
    posterior = fit["posterior"]
    row = 5  # the first person's sixth trial, of high effort
    assert trials.loc[row, ["participant", "effort"]].tolist() == ["P00", 1.0]
    own = posterior.sel(participant="P00")
    by_hand = -(own["readiness"] + own["effort_weight"]) / own["money_weight"]
    np.testing.assert_allclose(found[..., row], by_hand, rtol=1e-9)
    prices = true_prices(trials, truth).to_numpy()
    easy = (trials["effort"] == -1).to_numpy()
    for rows in (easy, ~easy):
        medians = np.median(found[..., rows], axis=(0, 1))
        assert np.corrcoef(medians, prices[rows])[0, 1] > 0.6
        low, high = np.quantile(found[..., rows], [0.05, 0.95], axis=(0, 1))
        assert ((low < prices[rows]) & (prices[rows] < high)).mean() > 0.75
    # what effort adds to the price of the whole group
    added = found[..., ~easy].mean(axis=-1) - found[..., easy].mean(axis=-1)
    assert abs(added.mean() - (prices[~easy].mean() - prices[easy].mean())) < 3 * added.std()
