"""Accuracy in time and in words: a plain loop, rivals, naive standard errors, recovery."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from folders import BUNDLED

DATA = BUNDLED / "accurate_perceivers"
TARGETS = pd.Series({"Kim": 0.2, "Lou": -0.15, "Max": 0.05})
EASE = pd.Series({"Kim": -0.5, "Lou": 0.4, "Max": 0.0})
ITEMS = pd.Series({"film": 0.0, "i1": 0.7, "i2": -0.6, "i3": 0.1})
VALUES = {
    "accuracy": 0.45,
    "bias": 6.0,
    "variability": 17.0,
    "autocorrelation": 0.7,
    "incentive_accuracy": 0.2,
    "target_accuracy": TARGETS,
    "inference": 0.3,
    "incentive_inference": 0.6,
    "target_inference": EASE,
    "item_inference": ITEMS,
    "threshold_step": 1.3,
}


@pytest.fixture(scope="module")
def accuracy():
    return em.get_model("empathic_accuracy")


@pytest.fixture(scope="module")
def watched():
    """Three people, three targets, 25 moments and 3 items each; some ratings and scores missing."""
    rng = np.random.default_rng(5)
    parts = []
    for person in "abc":
        for block, target in enumerate(rng.permutation(TARGETS.index), 1):
            rows = pd.DataFrame({"trial": range(28), "participant": person, "block": block})
            rows = rows.assign(target=target, incentive=int(rng.integers(0, 2)), felt_mean=47.0)
            rows["felt"] = rng.normal(size=28)
            rows["rating"] = (50 + 15 * rng.normal(size=28)).clip(0, 100).round()
            rows["item"], rows["score"] = "film", np.nan
            rows.loc[25:, "item"] = ["i1", "i2", "i3"]
            rows.loc[25:, "score"] = rng.integers(0, 3, 3)
            rows.loc[25:, ["felt", "rating"]] = np.nan
            rows.loc[rng.random(28) < 0.1, "rating"] = np.nan
            parts.append(rows)
    table = pd.concat(parts, ignore_index=True)
    table.loc[0, "rating"], table.loc[5, "rating"], table.loc[6, "rating"] = np.nan, 0.0, 100.0
    table.loc[27, "score"] = np.nan
    return table


def loop(table, values, *, lag=0, in_steps=True):
    """Log-probability of every rating and score, NaN where there is none."""
    found = {"rating": [], "score": []}
    values = VALUES | values
    for _, rows in table.groupby(["participant", "block"], sort=False):
        residual, seen = None, []
        for row in rows.itertuples():
            z = math.atanh(values["accuracy"]) + values["target_accuracy"][row.target]
            z += values["incentive_accuracy"] * row.incentive
            r, v, phi = math.tanh(z), values["variability"], values["autocorrelation"]
            felt = row.felt if lag == 0 else (seen[-lag] if len(seen) >= lag else 0.0)
            level = row.felt_mean + values["bias"] + v * r * felt
            sd = v * math.sqrt(1 - r**2)
            mean = level
            if residual is not None:
                mean, sd = level + phi * residual, sd * math.sqrt(1 - phi**2)
            found["rating"].append(log_probability(row.rating, mean, sd, in_steps))
            if not math.isnan(row.rating):
                residual = row.rating - level
            if not math.isnan(row.felt):
                seen.append(row.felt)
            found["score"].append(ordinal(row, values))
    return {name: np.array(series) for name, series in found.items()}


def ordinal(row, values):
    if math.isnan(row.score):
        return math.nan
    able = values["inference"] + values["incentive_inference"] * row.incentive
    able += values["target_inference"][row.target] + values["item_inference"][row.item]
    below = [0, *(1 / (1 + math.exp(able - cut)) for cut in (0, values["threshold_step"])), 1]
    return math.log(below[int(row.score) + 1] - below[int(row.score)])


def log_probability(value, mean, noise, in_steps):
    if math.isnan(value):
        return math.nan
    if not in_steps:
        return math.log(NormalDist(mean, noise).pdf(value))
    low = -math.inf if value == 0 else (value - 0.5 - mean) / noise
    high = math.inf if value == 100 else (value + 0.5 - mean) / noise
    if low > 0:  # the same on the other side, where no digits are lost
        low, high = -high, -low
    return math.log((math.erfc(-high / math.sqrt(2)) - math.erfc(-low / math.sqrt(2))) / 2)


def agrees(model, table, values, **settings):
    free = {p.name: VALUES[p.name] for p in model.parameters if p.fixed is None}
    found = em.log_likelihood(model, em.Study(trials=table), free)["row"]
    for name, expected in loop(table, values, **settings).items():
        assert np.isfinite(expected).sum() > 20
        np.testing.assert_allclose(
            found[name].to_series().to_numpy(), expected, rtol=0, atol=1e-8, err_msg=name
        )


def test_it_is_the_loop(accuracy, watched):
    agrees(accuracy, watched, {})
    agrees(accuracy.rival("plain_normal"), watched, {}, in_steps=False)


NONE = pd.Series(0.0, index=[*TARGETS.index, *ITEMS.index])


@pytest.mark.parametrize(
    ("rival", "values", "lag"),
    [
        ("independent_errors", {"autocorrelation": 0.0}, 0),
        (
            "no_accuracy",
            {"accuracy": 0.0, "target_accuracy": NONE, "incentive_accuracy": 0.0},
            0,
        ),
        ("no_incentive", {"incentive_accuracy": 0.0, "incentive_inference": 0.0}, 0),
        ("no_targets", {"target_accuracy": NONE, "target_inference": NONE}, 0),
        ("no_items", {"item_inference": NONE}, 0),
        ("lag_1", {}, 1),
        ("lag_3", {}, 3),
    ],
)
def test_rivals(accuracy, watched, rival, values, lag):
    agrees(accuracy.rival(rival), watched, values, lag=lag)


def test_accuracy_is_the_correlation_and_bias_is_not(accuracy):
    """Of long simulated series: correlation, level, standard deviation and autocorrelation."""
    felt = slow(np.random.default_rng(6), 3000, 0.8)
    table = pd.DataFrame({"participant": np.repeat(["a", "b"], 3000), "block": 1})
    table = table.assign(trial=np.tile(np.arange(3000), 2), felt=np.tile(felt, 2), felt_mean=50.0)
    table = table.assign(target="Kim")
    values = {name: VALUES[name] for name in ("variability", "autocorrelation")}
    values |= {"accuracy": pd.Series({"a": 0.5, "b": 0.1}), "target_accuracy": 0 * TARGETS[["Kim"]]}
    values |= {"bias": pd.Series({"a": 0.0, "b": 12.0})}
    model = accuracy.without("score")
    study, _ = em.simulate(model, em.Study(trials=table), values, seed=1)
    for name, rows in study.trials.groupby("participant"):
        r = np.corrcoef(rows["felt"], rows["rating"])[0, 1]
        assert r == pytest.approx(values["accuracy"][name], abs=0.08)
        assert rows["rating"].mean() - 50 == pytest.approx(values["bias"][name], abs=2)
        assert rows["rating"].std() == pytest.approx(17, rel=0.1)


def slow(rng, n, carried, series=()):
    """Autocorrelated series (the last axis is time), each standardised."""
    values = rng.normal(size=(*series, n))
    for k in range(1, n):
        values[..., k] = carried * values[..., k - 1] + math.sqrt(1 - carried**2) * values[..., k]
    values -= values.mean(-1, keepdims=True)
    return values / values.std(-1, keepdims=True)


def test_the_naive_standard_error_is_too_small():
    """Of series without any relation, correlations scatter far beyond 1 / sqrt(n - 3)."""
    rng = np.random.default_rng(7)
    n, naive = 60, 1 / math.sqrt(57)
    independent = (slow(rng, n, 0.0, (2000,)) * slow(rng, n, 0.0, (2000,))).mean(-1)
    assert np.arctanh(independent).std() == pytest.approx(naive, rel=0.05)
    autocorrelated = (slow(rng, n, 0.8, (2000,)) * slow(rng, n, 0.8, (2000,))).mean(-1)
    z = np.arctanh(autocorrelated)
    assert z.std() > 1.7 * naive
    assert (np.abs(z) > 1.96 * naive).mean() > 0.2  # "significant", in place of 0.05


@pytest.mark.slow
def test_with_autocorrelation_intervals_of_people_hold_their_accuracy(accuracy):
    """All are equally accurate: a naive model makes them differ, and is sure of it."""
    rng = np.random.default_rng(8)
    people, moments = 24, 60
    felt = slow(rng, moments, 0.85, (people,)).round(2)
    table = pd.DataFrame({"participant": np.repeat([f"p{k:02}" for k in range(people)], moments)})
    table = table.assign(block=1, trial=np.tile(np.arange(moments), people), felt=felt.ravel())
    table = table.assign(felt_mean=50 + np.arange(len(table)) // moments % 5, target="Kim")
    model = accuracy.without("score").fix(target_accuracy=0.0)
    values = {"accuracy": 0.4, "bias": 0.0, "variability": 15.0, "autocorrelation": 0.85}
    study, _ = em.simulate(model, em.Study(trials=table), values, seed=2)
    inside, spread = {}, {}
    for name, used in (("carried", model), ("naive", model.fix(autocorrelation=0.0))):
        fit = em.fit(used, study, method="laplace", seed=1)
        posterior = fit["posterior"].to_dataset()
        draws = posterior["accuracy"].stack(sample=("chain", "draw")).to_numpy()
        low, high = np.quantile(draws, [0.05, 0.95], axis=-1)
        inside[name] = ((low < 0.4) & (high > 0.4)).mean()
        spread[name] = float(posterior["accuracy_sd"].median())
    print(inside, spread)
    assert inside["carried"] >= 0.8
    assert inside["naive"] < 0.7
    assert spread["naive"] > 1.3 * spread["carried"]


def test_statistics(accuracy):
    """Correlations by series, people and targets; neighbours; scores by payment, people, items."""
    table = pd.DataFrame(
        {
            "participant": ["a"] * 8 + ["b"] * 4,
            "block": [1] * 4 + [2] * 4 + [1] * 4,
            "target": ["Kim"] * 4 + ["Lou"] * 4 + ["Kim"] * 4,
            "incentive": [1] * 4 + [0] * 8,
            "felt": [1, 2, 3, np.nan, 3, 2, 1, np.nan, 1, 2, 3, np.nan],
            "rating": [10, 20, 30, np.nan, 10, 20, 30, np.nan, 20, 40, 60, np.nan],
            "item": ["film"] * 3 + ["i1"] + ["film"] * 3 + ["i2"] + ["film"] * 3 + ["i1"],
            "score": [*[np.nan] * 3, 2, *[np.nan] * 3, 0, *[np.nan] * 3, 1],
        }
    )
    found = {s.name: s.function(table) for s in accuracy.statistics}
    assert found["mean correlation with targets"] == pytest.approx(1 / 3)
    assert found["correlation, paid minus not"] == pytest.approx(1 - 0)
    assert found["sd of people's correlations"] == pytest.approx(np.std([0, 1], ddof=1))
    assert found["sd of targets' correlations"] == pytest.approx(np.std([1, -1], ddof=1))
    assert found["autocorrelation of ratings"] == pytest.approx(0)  # -1, 0, 1 in every series
    assert found["score, paid minus not"] == pytest.approx(2 - 0.5)
    assert found["sd of items' scores"] == pytest.approx(np.std([1.5, 0], ddof=1))


@pytest.mark.slow
def test_modes_find_what_was_simulated(accuracy):
    """Of every second person: accuracy, bias, what differs least between them last."""
    trials = em.load_study("accurate_perceivers").trials
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant").iloc[::2]
    study = em.Study(trials=trials[trials["participant"].isin(truth.index)])
    fit = em.fit(accuracy, study, method="map", seed=1)
    posterior = fit["posterior"].to_dataset()
    for name, least in (("accuracy", 0.5), ("bias", 0.8), ("variability", 0.7), ("inference", 0.5)):
        found = posterior[name].mean(("chain", "draw")).to_series().reindex(truth.index)
        r = np.corrcoef(found, truth[name])[0, 1]
        print(f"{name}: r = {r:.3f}")
        assert r > least
    mean = math.tanh(float(posterior["accuracy_mean"].mean()))
    assert mean == pytest.approx(truth["accuracy"].mean(), abs=0.12)
