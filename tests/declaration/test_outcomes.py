"""Outcomes of people that a learner takes on: a plain loop, a planted link, what is refused."""

import json
import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.layout.arrange import arrange
from empathymodels.recovery.refitter import refitter
from folders import BUNDLED, OWN_MODELS

OUTCOMES = ("impression_before", "impression", "relief", "insula_effect", "mood")
VALUES = {
    "learning_rate": {"a": 0.2, "b": 0.5, "c": 0.7},
    "start_value": {"a": -0.2, "b": 0.1, "c": 0.3},
    "sensitivity": 2.0,
    "baseline": 5.0,
    "feeling_noise": 0.8,
    "insula_error": {"a": 0.1, "b": 0.4, "c": -0.3},
    "impression_baseline": {"a": 15.0, "b": 22.0, "c": 30.0},
    "impression_change": {"in": -1.0, "out": 2.0},
    "impression_by_value_change": {"in": 0.5, "out": 6.0},
    "impression_noise": 2.5,
    "relief_baseline": 4.0,
    "relief_by_value_change": 1.5,
    "relief_by_learning_rate": -2.0,
    "relief_noise": 0.9,
    "insula_effect_noise": 0.2,
    "mood_baseline": 0.1,
    "mood_by_relief": 0.3,
    "mood_by_surprise": -0.4,
    "mood_by_insula_error": 0.7,
    "mood_noise": 0.6,
}


@pytest.fixture(scope="module")
def helping(model):
    """The learner with the outcomes of a whole study in place of its own."""
    model = model.without("insula", "empathy_before", "empathy_after")
    model = model.with_outcome(
        "impression",
        before="impression_before",
        on=["value_change"],
        by="partner_group",
        range=(5, 35),
        meaning="impression of the out-group, sum of five items",
        unit="points",
    )
    model = model.with_outcome("relief", on=["value_change", "learning_rate"], range=(0, 10))
    model = model.with_summary("surprise", of="prediction_error", kind="mean_absolute")
    model = model.with_outcome("mood", on=["relief", "surprise", "insula_error"])
    return model.with_outcome("insula_effect", measures="insula_error")


@pytest.fixture(scope="module")
def people():
    """Three people; b has no impression after, c no relief (and so no mood that it explains)."""
    table = pd.DataFrame(
        {
            "participant": ["a", "b", "c"],
            "partner_group": ["out", "in", "out"],
            "impression_before": [14.0, 23.0, 35.0],
            "impression": [19.0, np.nan, 33.0],
            "relief": [3.0, 0.0, np.nan],
            "insula_effect": [0.31, 0.02, -0.4],
            "insula_effect_se": [0.1, 0.3, 0.2],
            "mood": [0.3, -1.2, 0.8],
        }
    )
    rng = np.random.default_rng(3)
    trials = pd.DataFrame({"participant": np.repeat(["a", "b", "c"], 12)})
    trials = trials.assign(trial=np.tile(np.arange(12), 3), outcome=rng.choice([-1, 1], 36))
    trials["feeling"] = rng.integers(1, 10, 36).astype(float)
    return em.Study(trials=trials, participants=table)


def rated(value, mean, noise, low, high):
    """Log-probability that a whole number is recorded."""
    normal = NormalDist(mean, noise)
    above = 1.0 if value == high else normal.cdf(value + 0.5)
    return math.log(above - (0.0 if value == low else normal.cdf(value - 0.5)))


def table_of(values):
    """The same as a table of people."""
    table = {"participant": list("abc")}
    for name, value in values.items():
        if not isinstance(value, dict):
            table[name] = value
        elif "a" in value:
            table[name] = list(value.values())
        else:
            table |= {f"{name}[{level}]": number for level, number in value.items()}
    return pd.DataFrame(table)


def loop(study, values):
    """Log-probability of every outcome, by person."""
    found = {name: [] for name in OUTCOMES}
    for row in study.participants.itertuples():
        of = {
            name: value[row.participant] if isinstance(value, dict) and "a" in value else value
            for name, value in values.items()
        }
        value, errors = of["start_value"], []
        for outcome in study.trials.query(f"participant == '{row.participant}'")["outcome"]:
            errors.append(outcome - value)
            value += of["learning_rate"] * errors[-1]
        change, surprise = value - of["start_value"], np.mean(np.abs(errors))
        level, noise = of["impression_baseline"], of["impression_noise"]
        found["impression_before"].append(rated(row.impression_before, level, noise, 5, 35))
        level += of["impression_change"][row.partner_group]
        level += of["impression_by_value_change"][row.partner_group] * change
        found["impression"].append(
            math.nan if math.isnan(row.impression) else rated(row.impression, level, noise, 5, 35)
        )
        mean = of["relief_baseline"] + of["relief_by_value_change"] * change
        mean += of["relief_by_learning_rate"] * of["learning_rate"]
        found["relief"].append(
            math.nan
            if math.isnan(row.relief)
            else rated(row.relief, mean, of["relief_noise"], 0, 10)
        )
        noise = math.hypot(of["insula_effect_noise"], row.insula_effect_se)
        effect = NormalDist(of["insula_error"], noise)
        found["insula_effect"].append(math.log(effect.pdf(row.insula_effect)))
        mean = of["mood_baseline"] + of["mood_by_relief"] * row.relief
        mean += of["mood_by_surprise"] * surprise + of["mood_by_insula_error"] * of["insula_error"]
        found["mood"].append(
            math.nan
            if math.isnan(row.relief)
            else math.log(NormalDist(mean, of["mood_noise"]).pdf(row.mood))
        )
    return found


def test_it_is_the_loop(helping, people):
    found = em.log_likelihood(helping, people, table_of(VALUES))["row"]
    for name, expected in loop(people, VALUES).items():
        own = found[name].to_series().to_numpy()
        np.testing.assert_allclose(own, expected, rtol=0, atol=1e-8, err_msg=name)


def test_the_model_that_took_them_on_is_as_before(model, helping):
    again = model.vary(json.loads(json.dumps(helping.variant)))
    assert fingerprint(again) == fingerprint(helping) != fingerprint(model)
    assert again.variant == helping.variant
    assert [r.name for r in model.responses][-1] == "empathy_after"
    assert helping.covariates["impression_baseline"] == "partner_group"
    rival = helping.rival("no_learning").fix(relief_by_value_change=0.0)
    assert "outcome(relief on value_change, learning_rate)" in rival.label


def test_the_battery_passes_with_them():
    """Any learner takes them on, here one of choices without summaries of its own."""
    model = em.get_model(OWN_MODELS / "learned_choice.py")
    model = model.with_summary("learned", of="value", kind="change")
    model = model.with_outcome("liking", before="liked", on=["learned"], range=(1, 7))
    found = em.verify(model.with_outcome("speed", measures="learning_rate"))
    failed = set(found["check"][~found["passed"]])
    assert failed == {"documentation"}, found.to_string()  # that file cites no paper


def test_the_card_says_what_they_are(helping):
    text = " ".join(em.card(helping).split())
    for told in (
        "Relief is normal around relief_baseline + relief_by_value_change times value_change + ",
        "Impression_before is normal around the person's impression_baseline, impression around ",
        "(values per partner_group), both with standard deviation impression_noise.",
        "Insula_effect is normal around insula_error with standard deviation insula_effect_noise",
        "impression of the out-group, sum of five items",
    ):
        assert told in text


def test_ranges_are_their_own(helping):
    wide = helping.with_range(relief=(0, 100))
    assert wide.response("relief").range == (0, 100)
    assert wide.response("impression").range == (5, 35)
    share = helping.fix_share(relief_noise=0.1).with_range(relief=(0, 100))
    assert share.parameter("relief_noise").fixed == 10.0


@pytest.fixture(scope="module")
def planted(model):
    """A study in which impressions follow what was learned in one group alone: model, values."""
    model = model.without("insula", "empathy_before", "empathy_after").with_outcome(
        "impression",
        before="impression_before",
        on=["value_change"],
        by="partner_group",
        range=(5, 35),
    )
    model = model.with_outcome("relief", on=["value_change"], range=(0, 10))
    truth = pd.read_csv(BUNDLED / "outgroup_help" / "true_parameters.csv")
    names = ["participant", "learning_rate", "start_value", "baseline", "sensitivity"]
    truth = truth[[*names, "feeling_noise"]].assign(
        impression_baseline=np.random.default_rng(8).normal(20, 4, len(truth)),
        impression_noise=1.5,
        relief_baseline=4.0,
        relief_by_value_change=2.5,
        relief_noise=0.8,
        **{"impression_change[in]": 0.0, "impression_change[out]": -3.0},
        **{"impression_by_value_change[in]": 0.0, "impression_by_value_change[out]": 9.0},
    )
    study, _ = em.simulate(model, em.load_study("outgroup_help"), truth, seed=4)
    return model, study, truth


def test_a_planted_link_is_likely(planted):
    """With all else true, the likelihood is highest near the slopes that were planted."""
    model, study, truth = planted
    assert study.participants["impression"].between(5, 35).all()
    for column, response, grid, true in (
        ("impression_by_value_change[out]", "impression", np.arange(-3.0, 22, 3), 9.0),
        ("impression_by_value_change[in]", "impression", np.arange(-12.0, 13, 3), 0.0),
        ("relief_by_value_change", "relief", np.arange(-2.5, 7.6, 1.25), 2.5),
    ):
        totals = [
            float(
                em.log_likelihood(model, study, truth.assign(**{column: g}))["row"][response].sum()
            )
            for g in grid
        ]
        assert abs(grid[np.argmax(totals)] - true) <= grid[1] - grid[0]


@pytest.mark.slow
def test_a_planted_link_is_found(planted):
    model, study, _ = planted
    fit = em.fit(model, study, method="laplace", seed=1)
    found = em.estimates(fit).query("whose == 'population'").set_index(["parameter", "level"])
    slopes = found.loc["impression_by_value_change"]
    assert 4 < slopes.loc["out", "hdi_low"] < 9 < slopes.loc["out", "hdi_high"]
    assert slopes.loc["in", "hdi_low"] < 0 < slopes.loc["in", "hdi_high"]
    relief = found.loc["relief_by_value_change"].iloc[0]
    assert 0 < relief["hdi_low"] < 2.5 < relief["hdi_high"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"on": ["value_chang"]}, "found 'value_chang'.*Did you mean 'value_change'"),
        ({"on": ["prediction_error"]}, r"of trials, add a summary: model\.with_summary"),
        ({}, "Give either what it goes with"),
        ({"on": ["value_change"], "measures": "insula_error"}, "Give either what it goes with"),
        ({"measures": "value_change"}, "found 'value_change'"),
        ({"measures": "insula_noise"}, "found 'insula_noise'"),
        ({"measures": "insula_error", "by": "partner_group"}, "has no `before` and no `by`"),
        ({"on": ["value_change"], "range": (9, 1)}, r"two rising numbers; found \(9, 1\)"),
        ({"on": ["value_change"], "by": "outcome"}, "'outcome' is no column of labels of particip"),
        ({"on": ["value_change"], "before": "feeling"}, "'feeling' must be a new name"),
        ({"on": ["value_change"], "before": "relief"}, "needs a column of its own"),
    ],
)
def test_what_does_not_go_together(model, given, told):
    with pytest.raises(ValueError, match=rf"(?s)Outcome 'relief' cannot be added:.*{told}"):
        model.with_outcome("relief", **given)


def test_names_that_are_taken(model):
    for name in ("feeling", "empathy", "outcome", "two words"):
        with pytest.raises(ValueError, match=f"'{name}' must be a new name"):
            model.with_outcome(name, on=["value_change"])
    with pytest.raises(ValueError, match=r"needs a new name.*Did you mean 'value'"):
        model.with_summary("late", of="valu", kind="last")
    with pytest.raises(ValueError, match="needs a new name"):
        model.with_summary("value_change", of="value", kind="last")
    with pytest.raises(ValueError, match="one of 'value'; found 'late' of 'prediction_error'"):
        model.with_summary("late", of="prediction_error", kind="last")


@pytest.fixture(scope="module")
def chained(own_model):
    """A chain of three measures of people, the last declared before what it reads is drawn."""
    model = own_model.with_outcome("relief", on=["slope"], range=(0, 10))
    model = model.with_outcome("donation", on=["relief"], range=(0, 100))
    return model.with_outcome("thanks", on=["donation", "relief"])


CHAIN = {
    "relief_baseline": 4.0,
    "relief_by_slope": 1.0,
    "relief_noise": 2.0,
    "donation_baseline": 10.0,
    "donation_by_relief": 1.5,
    "donation_noise": 1e-9,
    "thanks_baseline": 1.0,
    "thanks_by_donation": -0.25,
    "thanks_by_relief": 0.5,
    "thanks_noise": 1e-9,
}


@pytest.mark.parametrize("recorded", [False, True])
def test_simulated_measures_go_with_simulated_ones(chained, own_study, recorded):
    design = own_study
    if recorded:  # which must not matter
        people = own_study.participants.assign(relief=9.0, donation=5.0, thanks=0.0)
        design = replace(own_study, participants=people)
    rng = np.random.default_rng(2)
    slopes = pd.Series(rng.normal(1, 0.5, 24), index=design.participants["participant"])
    values = {"baseline": 5.0, "slope": slopes, "noise": 1.0, **CHAIN}
    found, _ = em.simulate(chained, design, values, seed=3)
    people = found.participants.astype(dict.fromkeys(("relief", "donation", "thanks"), float))
    assert people["relief"].nunique() > 5
    expected = np.clip(10 + 1.5 * people["relief"], 0, 100)
    np.testing.assert_allclose(people["donation"], expected, atol=1)  # in steps
    expected = 1 - 0.25 * people["donation"] + 0.5 * people["relief"]
    np.testing.assert_allclose(people["thanks"], expected, atol=1e-6)


def test_replicates_are_fitted_to_what_was_simulated(chained, own_study):
    refitted = refitter(chained, own_study)
    rng = np.random.default_rng(2)
    slopes = pd.Series(rng.normal(1, 0.5, 24), index=own_study.participants["participant"])
    values = {"baseline": 5.0, "slope": slopes, "noise": 1.0, **CHAIN}
    drawn = refitted.simulate(refitted.given(values), seed=1)
    data = refitted._density_of(drawn).data
    np.testing.assert_array_equal(data["donation:relief"], drawn["relief"])
    np.testing.assert_array_equal(data["thanks:donation"], drawn["donation"])
    np.testing.assert_array_equal(data["thanks:observed"], drawn["thanks"])


def test_outcomes_without_a_range_are_z_scores(own_model, own_study):
    with pytest.raises(ValueError, match=r"must be z-scored; found unit 'nmol/l'.*range="):
        own_model.with_outcome("cortisol", on=["slope"], unit="nmol/l")
    model = own_model.with_outcome("cortisol", on=["slope"])
    rng = np.random.default_rng(1)
    z = rng.normal(0, 1, 24)
    recorded = replace(own_study, simulated=False)
    for values, told in ((z * 50 + 300, r"found 3\d\d and \d\d"), (z * 20, r"found 1\d")):
        people = own_study.participants.assign(cortisol=values)
        with pytest.warns(UserWarning, match=f"'cortisol' should be .*{told}"):
            arrange(model, replace(recorded, participants=people))
    arrange(model, replace(recorded, participants=own_study.participants.assign(cortisol=z)))
