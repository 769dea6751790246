"""People whose answers a model meets exactly ruin neither a fit nor the numbers of others."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.recovery.certificate import design_of


def to_ends(values):
    """Answers above one's own median at the top, the others at the bottom."""
    return np.where(values > np.nanmedian(values), 1.0, 0.0)


def after_a_jump(values):
    """One answer until the middle of the study and another one since: learned at once, or never."""
    return np.where(np.arange(len(values)) < len(values) / 2, 0.25, 0.75)


SHAPES = {  # what becomes of one person's answers, as shares of the scale
    "ceiling, or always the same option": np.ones_like,
    "floor, or never that option": np.zeros_like,
    "the middle throughout": lambda values: np.full_like(values, 0.5),
    "only the ends": to_ends,
    "one jump": after_a_jump,
}


def with_odd_people(model, study):
    """Give the first people of a study one shape each, in all their trial responses."""
    trials = study.trials.copy()
    for person, shape in zip(trials["participant"].unique(), SHAPES.values(), strict=False):
        for response in (r for r in model.responses if r.table == "trials" and r.name in trials):
            own = (trials["participant"] == person) & trials[response.name].notna()
            share = shape(trials.loc[own, response.name].to_numpy(dtype=float))
            if response.levels:
                odd = np.where(share < 0.5, min(response.levels), max(response.levels))
            else:
                low, high = response.range
                odd = np.floor(low + share * (high - low))
            trials[response.name] = trials[response.name].astype(float)
            trials.loc[own, response.name] = odd
    return em.Study(trials=trials, participants=study.participants, regions=study.regions)


def win_stay(study, person):
    """Feelings of 9 after help and of 1 after none: without noise, whatever the scale."""
    trials = study.trials.copy()
    own = trials["participant"] == person
    previous = trials.loc[own, "outcome"].shift()
    trials.loc[own, "feeling"] = np.where(previous.isna(), np.nan, np.where(previous > 0, 9, 1))
    return em.Study(trials=trials, participants=study.participants)


def test_the_likelihood_of_a_win_stay_rater_is_bounded(study):
    """The less noise, the more probable are their ratings: up to 1; their densities know no end."""
    model = em.get_model("outgroup_help_learning")
    model = model.without("insula", "empathy_before", "empathy_after")
    odd, people = win_stay(study, "sub-01"), study.participants["participant"]
    values = {"learning_rate": 1.0, "start_value": 0.0, "baseline": 5.0, "sensitivity": 4.0}
    found = {}
    for name, of in (("in steps", model), ("plain", model.with_resolution(None))):
        for noise in (1e-2, 1e-5):
            own = pd.Series(np.where(people == "sub-01", noise, 2.0), people)
            rows = em.log_likelihood(of, odd, values | {"feeling_noise": own})["row"]["feeling"]
            found[name, noise] = float(rows[rows["participant"] == "sub-01"].sum())
    assert -2 < found["in steps", 1e-2] <= found["in steps", 1e-5] <= 0
    assert found["plain", 1e-5] > found["plain", 1e-2] + 100


@pytest.mark.slow
def test_a_win_stay_rater_ruins_nothing(study):
    """The density of a plain normal is unbounded here: R-hat 3.0, noise 3e-5, 226 divergences.

    With the small steps that `fit` takes by itself once a draw diverged.
    """
    model = em.get_model("outgroup_help_learning")
    model = model.without("insula", "empathy_before", "empathy_after")
    exact = {"draws": 500, "tune": 500, "chains": 2, "target_accept": 0.99}
    fit = em.fit(model, win_stay(study, "sub-01"), **exact, seed=1)
    checks = em.check(fit, draws=50).set_index("check")
    assert checks.loc["divergences", "value"] == 0
    assert checks.loc["R-hat, people", "value"] < 1.05
    noise = fit["posterior"]["feeling_noise"].sel(participant="sub-01")
    assert float(noise.min()) > 0.1
    rate = fit["posterior"]["learning_rate"].median(("chain", "draw"))
    assert float(rate.sel(participant="sub-01")) > 0.7
    others = [p for p in rate["participant"].to_numpy() if p != "sub-01"]
    assert 0.15 < float(rate.sel(participant=others).median()) < 0.45


@pytest.mark.slow
@pytest.mark.parametrize("name", em.list_models())
def test_odd_people_do_not_break_default_fits(name):
    model = em.get_model(name)
    fit = em.fit(model, with_odd_people(model, em.load_study(design_of(name))), seed=1)
    checks = em.check(fit, draws=100).set_index("check")
    print(checks[["value", "passed"]].to_string(), fit.attrs.get("ended"))
    for row in ("R-hat, population", "R-hat, people", "divergences"):
        assert checks.loc[row, "passed"], checks.loc[row].to_dict()
