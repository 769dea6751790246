"""Power of a design: sizes, stated effects, and how often a contrast is found."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.recovery import design_power as powering
from empathymodels.recovery.design_power import Finding, assigned
from empathymodels.recovery.design_size import resized
from empathymodels.recovery.refitter import refitter

FEW = {"draws": 100, "tune": 150, "seed": 2, "workers": 1}
ASKED = {
    "parameter": "baseline",
    "first": {"group": "out"},
    "second": {"group": "in"},
    "rope": (-0.2, 0.2),
    "covariates": {"baseline": "group"},
}


@pytest.fixture(scope="module")
def design():
    rng = np.random.default_rng(1)
    names = [f"S{k}" for k in range(4)]
    keys = {"participant": np.repeat(names, 6), "trial": np.tile(np.arange(6), 4)}
    trials = pd.DataFrame({**keys, "intensity": rng.uniform(-1, 1, 24)})
    people = pd.DataFrame({"participant": names, "group": ["in", "out", "in", "out"]})
    return em.Study(trials=trials, participants=people)


def test_designs_are_resized(design):
    more = resized(design, 6, 4)
    assert len(more.participants) == 6 and len(more.trials) == 24
    assert more.participants["group"].tolist() == ["in", "out", "in", "out", "in", "out"]
    first = design.trials.query("participant == 'S1' and trial < 4")["intensity"].tolist()
    assert more.trials.query("participant == 'P00002'")["intensity"].tolist() == first
    assert more.trials.query("participant == 'P00006'")["intensity"].tolist() == first
    with pytest.raises(ValueError, match=r"7 per person; 4 participants have fewer, .* example 6"):
        resized(design, 4, 7)


def test_regions_follow_their_trials(study):
    fewer = resized(study, 3, 5)
    assert len(fewer.trials) == 15
    regions = fewer.regions.groupby("participant")["trial"].apply(set)
    trials = fewer.trials.groupby("participant")["trial"].apply(set)
    assert (regions == trials).all()


def test_effects_are_true_of_the_population(own_model, design):
    refit = refitter(own_model, design, covariates=ASKED["covariates"])
    stated = {"baseline_effect[group[T.out]]": 0.3, "slope_sd": 0.01, "noise_mean": -2.0}
    population = assigned(refit.population(1), stated)
    assert population["slope_sd"].item() == 0.01
    assert float(population["baseline_effect"].sum()) == 0.3
    people = refit.people(population, 1)
    assert people["noise"].item() == pytest.approx(10 * np.exp(-2))
    untouched = refit.population(1)
    assert untouched["slope_mean"].item() == population["slope_mean"].item()
    with pytest.raises(KeyError, match="Did you mean 'slope_mean'"):
        assigned(untouched, {"slope_men": 0.1})


@pytest.mark.parametrize("people", [(8,), pytest.param((4, 8), marks=pytest.mark.slow)])
def test_a_large_effect_is_found(own_model, design, tmp_path, people):
    stated = {"baseline_sd": 0.02, "noise_mean": -3.0, "baseline_effect[group[T.out]]": 0.4}
    how = {**ASKED, **FEW, "people": people, "n": 3, "folder": tmp_path}
    table = em.design_power(own_model, design, effect=stated, trials=(6,), **how)
    assert table["people"].tolist() == list(people)
    assert table["trials"].tolist() == [6] * len(people)
    assert table["power"].iloc[-1] == 1 and table["enough"].iloc[-1]
    assert table["sign_errors"].tolist() == [0] * len(people)
    assert table.attrs["smallest"]["people"] in people
    assert "are the first that find the contrast" in table.attrs["reading"]
    assert len(list(tmp_path.iterdir())) == 3 * len(people)


def test_no_effect_is_not_found(own_model, design):
    none = {"baseline_sd": 0.02, "noise_mean": -3.0, "baseline_effect[group[T.out]]": 0.0}
    how = {**ASKED, **FEW, "people": (8,), "n": 3}
    nothing = em.design_power(own_model, design, effect=none, **how)
    assert nothing["power"].iloc[0] == 0 and nothing.attrs["smallest"] is None
    assert nothing["sign_errors"].iloc[0] == 0
    assert nothing.attrs["reading"].startswith("the contrast truly is 0, so that there is no power")


def test_what_is_found_with_the_wrong_sign_is_no_power():
    results = [
        {"found": True, "mean": 0.4, "true": 0.3},
        {"found": True, "mean": -0.4, "true": 0.3},
        {"found": True, "mean": 0.4, "true": 0.0},  # nothing is there to be found
        {"found": True, "mean": -0.4, "true": 3e-17},
        {"found": False, "mean": -0.4, "true": 0.0},
        {"found": False, "mean": 0.4, "true": 0.3},
        {},  # failed
    ]
    found = [powering._finding(one) for one in results]
    missed = [Finding.NONE] * 3
    assert found == [Finding.RIGHT, Finding.WRONG, Finding.FALSE, Finding.FALSE, *missed]
    whole = dict(enumerate(results[:6]))
    assert powering._misshapen(whole) == []
    assert powering._misshapen({7: {"found": True, "mean": 0.4}}) == [7]


def test_the_reading_tells_errors_of_sign():
    sizes = {"people": [10, 40], "trials": [20, 20], "power": [0.3, 0.9], "power_low": [0.2, 0.8]}
    rest = {"power_high": [0.4, 0.95], "failed": [0, 1], "enough": [False, True]}
    table = pd.DataFrame({**sizes, **rest, "sign_errors": [0.06, 0.01]})
    text = powering._reading(table, {"people": 40, "trials": 20}, 0.8)
    assert "with the wrong sign in up to 0.06 of replicates (10 people x 20 trials)" in text
    assert powering._failed_words(table) == "; 1 replicate failed and count as not found"
    none = powering._reading(table.assign(sign_errors=0.0), {"people": 40, "trials": 20}, 0.8)
    assert "sign" not in none
    nothing = powering._of_nothing(table.assign(false_positives=[0.04, 0.07]))
    assert "found in at most 0.07 of replicates (false positives, 40 people x 20 tri" in nothing


def test_a_contrast_that_no_fit_could_answer_is_refused_before_any(own_model, design, tmp_path):
    how = {**ASKED, **FEW, "people": (4,), "n": 2, "folder": tmp_path}
    with pytest.raises(KeyError, match=r"'group' must be .* formula is .*Fit with covariates="):
        em.design_power(own_model, design, **{**how, "covariates": {"baseline": "0"}})
    with pytest.raises(KeyError, match="found 'outt'"):
        em.design_power(own_model, design, **{**how, "first": {"group": "outt"}})
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"people": ()}, "Numbers of people"),
        ({"people": (0,)}, "people must be a list, each a whole number, at least 1"),
        (
            {"people": (4,), "trials": (0,)},
            "trials must be a list, each a whole number, at least 1",
        ),
        ({"people": (4,), "probability": 1.5}, "probability must be a number between 0 and 1"),
        ({"people": (4,), "rope": (1, -1)}, "rope must be two numbers that rise"),
    ],
)
def test_impossible_questions_are_refused(own_model, design, wrong, message):
    with pytest.raises(ValueError, match=message):
        em.design_power(own_model, design, **{**ASKED, **wrong}, n=1)
