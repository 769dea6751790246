"""Signature tracking: a plain Kalman filter, lost volumes, rivals, recovery, filtered states."""

import math

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.neuro.kalman import Parameters, advance, start
from folders import BUNDLED

DATA = BUNDLED / "care_runs"
VALUES = {
    "baseline": -0.3,
    "regulation": 0.5,
    "persistence": 0.8,
    "fluctuation": 0.7,
    "noise": 0.6,
}


@pytest.fixture(scope="module")
def tracking():
    return em.get_model("signature_tracking")


@pytest.fixture(scope="module")
def scores():
    """Two people with two runs of 30 volumes each; some volumes are lost."""
    rng = np.random.default_rng(3)
    rows = [
        {"participant": person, "block": run, "trial": volume}
        for person in "ab"
        for run in (1, 2)
        for volume in range(30)
    ]
    table = pd.DataFrame(rows)
    table["regulate"] = rng.random(len(table)).round(2)
    table["lost"] = (rng.random(len(table)) < 0.2).astype(int)
    table["score"] = np.where(table["lost"] == 1, np.nan, rng.normal(0, 1, len(table)))
    return table


def loop(table, values):
    """Log densities and what was expected, run by run, with variances written out."""
    densities, expected = [], []
    for _, run in table.groupby(["participant", "block"]):
        mean, variance = 0.0, values["fluctuation"] ** 2
        for row in run.itertuples():
            level = values["baseline"] + values["regulation"] * row.regulate
            total = variance + values["noise"] ** 2
            expected.append(level + mean)
            if row.lost:
                densities.append(math.nan)
            else:
                error = row.score - level - mean
                densities.append(-0.5 * (math.log(2 * math.pi * total) + error**2 / total))
                mean, variance = mean + variance / total * error, variance * (1 - variance / total)
            kept = values["persistence"]
            mean = kept * mean
            variance = kept**2 * variance + (1 - kept**2) * values["fluctuation"] ** 2
    return np.array(densities), np.array(expected)


VARIANTS = {
    "base": (lambda m: m, {}),
    "no_regulation": (lambda m: m.rival("no_regulation"), {"regulation": 0.0}),
    "no_persistence": (
        lambda m: m.rival("no_persistence"),
        {"persistence": 0.0, "fluctuation": 0.0},
    ),
    "direct_scores": (lambda m: m.rival("direct_scores"), {"noise": 0.0}),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_plain_loop_gives_the_same(name, tracking, scores):
    variant, fixed = VARIANTS[name]
    model, values = variant(tracking), VALUES | fixed
    free = {k: v for k, v in VALUES.items() if k not in fixed}
    found = em.log_likelihood(model, em.Study(trials=scores), free)["row"]["score"].to_numpy()
    expected, _ = loop(scores, values)
    seen = ~np.isnan(expected)
    assert seen.sum() == np.isfinite(found).sum() > 80
    assert found[np.isfinite(found)] == pytest.approx(expected[seen], abs=1e-8)


def test_the_filter_in_numpy_expects_what_the_model_does(scores):
    """The same equations twice: compiled for fits, and for the scanner room."""
    parameters = Parameters(**{name: np.array([value]) for name, value in VALUES.items()})
    _, expected = loop(scores, VALUES)
    found = []
    for _, run in scores.groupby(["participant", "block"]):
        state = start(parameters)
        for row in run.itertuples():
            level = VALUES["baseline"] + VALUES["regulation"] * row.regulate
            found.append(level + state.deviation[0])
            state = advance(parameters, state, row.score, row.regulate).state
    assert found == pytest.approx(expected, abs=1e-10)


def test_it_is_a_sound_model(tracking):
    checks = em.verify(tracking)
    assert checks["passed"].all(), checks[~checks["passed"]].to_string()


@pytest.fixture(scope="module")
def fit(tracking):
    return em.fit(tracking, em.load_study("care_runs"), draws=250, tune=400, chains=2, seed=1)


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv(DATA / "true_parameters.csv", index_col=0)


@pytest.fixture(scope="module")
def known_fit(tracking, truth, as_drawn):
    """A fit whose draws are near the true values of everybody."""
    return as_drawn(tracking, em.load_study("care_runs"), draws=50, near=truth)


@pytest.mark.slow
def test_the_true_parameters_are_recovered(fit, truth):
    inside = []
    for name in VALUES:
        draws = fit["posterior"][name].stack(sample=("chain", "draw"))
        low, high = (draws.quantile(q, "sample").to_numpy() for q in (0.05, 0.95))
        inside.append((low <= truth[name]) & (truth[name] <= high))
    assert 0.8 <= np.mean(inside) <= 0.98
    means = fit["posterior"]["regulation"].mean(("chain", "draw"))
    assert np.corrcoef(means, truth["regulation"])[0, 1] > 0.7


def online_errors(filters, truth, seed):
    """Distance of filtered means from true states, in their own standard deviations; of scores."""
    rng = np.random.default_rng(seed)
    standard, errors, noise = [], [], []
    for person, online in filters.items():
        own = truth.loc[person]
        online.reset()
        deviation = rng.normal(0, own.fluctuation)
        for _ in range(150):
            state = own.baseline + own.regulation + deviation
            score = rng.normal(state, own.noise)
            step = online.update(score)
            standard.append((step.mean - state) / step.sd)
            errors.append(step.mean - state)
            noise.append(score - state)
            spread = own.fluctuation * math.sqrt(1 - own.persistence**2)
            deviation = rng.normal(own.persistence * deviation, spread)
    return np.array(standard), np.array(errors), np.array(noise)


def test_filtered_states_of_known_parameters_are_as_certain_as_they_say(known_fit, truth):
    known = {person: em.Filter(known_fit, participant=person) for person in truth.index}
    standard, errors, noise = online_errors(known, truth, seed=5)
    assert 0.88 <= np.mean(np.abs(standard) < 1.645) <= 0.92
    assert np.std(errors) < 0.6 * np.std(noise)


@pytest.mark.slow
def test_filtered_states_are_as_certain_as_they_say(fit, truth):
    known = {person: em.Filter(fit, participant=person) for person in truth.index}
    standard, errors, noise = online_errors(known, truth, seed=5)
    assert 0.87 <= np.mean(np.abs(standard) < 1.645) <= 0.93
    assert np.std(errors) < 0.6 * np.std(noise)
    new = dict.fromkeys(truth.index, em.Filter(fit))
    standard, errors, noise = online_errors(new, truth, seed=6)
    assert 0.85 <= np.mean(np.abs(standard) < 1.645) <= 0.97
    assert np.std(errors) < 0.7 * np.std(noise)
    assert em.Filter(fit, draws=5000).parameters.noise.size == 5000


def test_filters_refuse_what_they_cannot_follow(known_fit, drawn_fit):
    fit = known_fit
    with pytest.raises(ValueError, match="needs a fit of 'signature_tracking'; found one of"):
        em.Filter(drawn_fit)
    with pytest.raises(ValueError, match=r"participant must be one of the fit's 20.*'sub-1'"):
        em.Filter(fit, participant="sub-1")
    with pytest.raises(ValueError, match="latent must be 'care_minus_distress'"):
        em.Filter(fit, latent="surprise")
    with pytest.raises(ValueError, match="rule must be"):
        em.Filter(fit, rule="loud")
    with pytest.raises(ValueError, match="target must be a number"):
        em.Filter(fit, target=math.nan)
    with pytest.raises(TypeError, match="A fit must be given"):
        em.Filter("fit.nc")
