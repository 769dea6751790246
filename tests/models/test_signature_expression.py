"""Signature expression: a plain loop, rivals, correlated residuals, forced choice, recovery."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from folders import BUNDLED

DATA = BUNDLED / "care_and_distress"
VALUES = {
    "baseline": -0.3,
    "contrast": 0.2,
    "suffering_effect": 0.6,
    "suffering_contrast": 0.3,
    "closeness_effect": 0.15,
    "closeness_contrast": 0.25,
    "cost_effect": -0.1,
    "cost_contrast": -0.35,
    "care_noise": 0.7,
    "distress_noise": 0.9,
    "residual_correlation": 0.4,
    "care_rating_baseline": 45.0,
    "care_rating_care_slope": 11.0,
    "care_rating_noise": 15.0,
    "distress_rating_baseline": 38.0,
    "distress_rating_distress_slope": 9.0,
    "distress_rating_noise": 17.0,
    "donation_baseline": 30.0,
    "donation_care_slope": 5.0,
    "donation_distress_slope": 2.0,
    "donation_noise": 14.0,
}
SLOPES = [name for name in VALUES if name.endswith("_slope")]
CROSSED = {"care_rating_distress_slope": -3.0, "distress_rating_care_slope": 4.0}
RIVALS = {
    "no_motives": ("closeness_effect", "closeness_contrast", "cost_effect", "cost_contrast"),
    "no_contrast": ("suffering_contrast", "closeness_contrast", "cost_contrast"),
    "no_shared_residuals": ("residual_correlation",),
    "no_calibration": SLOPES,
}
NORMAL = NormalDist()
SCORES = ("care", "distress")


@pytest.fixture(scope="module")
def signatures():
    return em.get_model("signature_expression")


@pytest.fixture(scope="module")
def scores():
    """Three people, 30 trials of graded suffering; some of every response is missing."""
    rng = np.random.default_rng(3)
    n = 90
    table = pd.DataFrame(
        {"participant": np.repeat(list("abc"), 30), "trial": np.tile(range(30), 3)}
    )
    table["suffering"] = rng.choice([0, 0.5, 1], n)
    table["closeness"], table["cost"] = rng.normal(0, 1, (2, n)).round(2)
    table["care"], table["distress"] = rng.normal(0, 1, (2, n))
    for name in ("care_rating", "distress_rating", "donation"):
        table[name] = rng.integers(0, 101, n).astype(float)
    table.loc[:2, "care_rating"] = 0.0, 100.0, 51.0
    for name in (*SCORES, "care_rating", "distress_rating", "donation"):
        table[name] = table[name].mask((rng.random(n) < 0.1) & (table.index > 2))
    return table


def log_normal(value, mean, noise):
    return math.log(NORMAL.pdf((value - mean) / noise) / noise)


def rated(value, mean, noise):
    """Log-probability of a rating in whole points, all beyond an end at the end."""
    low = -math.inf if value == 0 else (value - 0.5 - mean) / noise
    high = math.inf if value == 100 else (value + 0.5 - mean) / noise
    if low > 0:  # the same on the other side, where no digits are lost
        low, high = -high, -low
    return math.log((math.erfc(-high / math.sqrt(2)) - math.erfc(-low / math.sqrt(2))) / 2)


def loop(table, v, likelihood=rated):
    """Log-likelihoods by response, NaN where there are none; scores by their joint density."""
    found = {name: [] for name in (*SCORES, "care_rating", "distress_rating", "donation")}
    for row in table.itertuples():
        means = []
        for sign in (1, -1):
            mean = v["baseline"] + sign * v["contrast"] / 2
            moved = v["suffering_effect"] + sign * v["suffering_contrast"] / 2
            moved += (v["closeness_effect"] + sign * v["closeness_contrast"] / 2) * row.closeness
            moved += (v["cost_effect"] + sign * v["cost_contrast"] / 2) * row.cost
            means.append(mean + moved * row.suffering)
        found["care"].append(
            math.nan if math.isnan(row.care) else log_normal(row.care, means[0], v["care_noise"])
        )
        found["distress"].append(given_care(row, means, v))
        for name in ("care_rating", "distress_rating", "donation"):
            mean = v[f"{name}_baseline"]
            for score in SCORES:
                if f"{name}_{score}_slope" in v:
                    mean += v[f"{name}_{score}_slope"] * getattr(row, score)
            value = getattr(row, name)
            is_missing = math.isnan(value + mean)
            noise = v[f"{name}_noise"]
            found[name].append(math.nan if is_missing else likelihood(value, mean, noise))
    return {name: np.array(series) for name, series in found.items()}


def given_care(row, means, v):
    """Log density of distress given care: joint by the covariance matrix, less that of care."""
    both = np.array([row.care, row.distress]) - means
    if np.isnan(both).any():
        return math.nan
    care, distress, shared = (
        v[n] for n in ("care_noise", "distress_noise", "residual_correlation")
    )
    covariance = np.array(
        [[care**2, shared * care * distress], [shared * care * distress, distress**2]]
    )
    joint = -0.5 * both @ np.linalg.inv(covariance) @ both
    joint -= 0.5 * math.log(np.linalg.det(covariance)) + math.log(2 * math.pi)
    return joint - log_normal(row.care, means[0], care)


def agrees(model, table, values, **settings):
    """Hold a model against the loop where it scores; fixed parameters have their values."""
    free = {p.name for p in model.parameters if p.fixed is None}
    given = {name: value for name, value in values.items() if name in free}
    found = em.log_likelihood(model, em.Study(trials=table), given)["row"]
    for name, expected in loop(table, values, **settings).items():
        assert 60 < np.isfinite(expected).sum() < 90
        np.testing.assert_allclose(
            found[name].to_numpy(), expected, rtol=0, atol=1e-8, err_msg=name
        )


def test_it_is_the_loop(signatures, scores):
    agrees(signatures, scores, VALUES)
    agrees(signatures.rival("crossed"), scores, VALUES | CROSSED)
    agrees(signatures.rival("plain_normal"), scores, VALUES, likelihood=log_normal)


@pytest.mark.parametrize("name", RIVALS)
def test_rivals(signatures, scores, name):
    agrees(signatures.rival(name), scores, VALUES | dict.fromkeys(RIVALS[name], 0.0))


def test_without_neutral_trials_suffering_is_part_of_the_baselines(signatures, scores):
    held = ("suffering_effect", "suffering_contrast")
    values = {name: value for name, value in VALUES.items() if name not in held}
    study = em.Study(trials=scores.drop(columns="suffering"))
    found = em.log_likelihood(signatures, study, values)["row"]
    expected = loop(scores.assign(suffering=1.0), VALUES | dict.fromkeys(held, 0.0))
    for name in SCORES:
        np.testing.assert_allclose(found[name].to_numpy(), expected[name], rtol=0, atol=1e-8)


def test_what_is_simulated_has_the_correlation(signatures):
    """Scores of the simulator, without motives, correlate as the parameter says."""
    n = 4000
    table = pd.DataFrame({"participant": np.repeat(["a", "b"], n // 2), "suffering": 0.0})
    table["trial"] = np.tile(range(n // 2), 2)
    study, _ = em.simulate(signatures, em.Study(trials=table), VALUES, seed=1)
    found = study.trials
    assert found["care"].corr(found["distress"]) == pytest.approx(0.4, abs=3 * 0.84 / n**0.5)
    assert found["distress"].std() == pytest.approx(0.9, rel=0.04)


def test_forced_choice(signatures):
    """Means 2 apart, and a standard deviation of the root of 2 within: the normal cdf of 1."""
    deviations = np.array([-1.0, 1.0, -1.0, 1.0, 0.0])
    deviations *= 2**0.5 / np.tile(deviations, 4).std(ddof=1)
    rows = [
        (person, suffers, level + 2 * suffers + d)
        for person, level in (("a", 0.0), ("b", 5.0))
        for suffers in (0, 1)
        for d in deviations
    ]
    table = pd.DataFrame(rows, columns=["participant", "suffering", "care"])
    [choice] = [s for s in signatures.statistics if s.name == "forced choice by care"]
    assert choice.function(table) == pytest.approx(NORMAL.cdf(1.0))


def test_a_table_of_scores_becomes_trials():
    """What the card says to do with the rows of `signature_scores`."""
    rng = np.random.default_rng(1)
    long = pd.DataFrame(
        [(p, t, s) for p in "ab" for t in range(5) for s in SCORES],
        columns=["participant", "trial", "signature"],
    ).assign(score=lambda rows: rng.normal(3, 40, len(rows)))
    trials = long.pivot(index=["participant", "trial"], columns="signature", values="score")
    trials = ((trials - trials.mean()) / trials.std()).reset_index()
    assert trials[list(SCORES)].std().to_numpy() == pytest.approx([1, 1])
    study = em.Study(trials=trials)
    model = em.get_model("signature_expression").without(
        "care_rating", "distress_rating", "donation"
    )
    held = ("suffering", "closeness", "cost")
    values = {p.name: VALUES[p.name] for p in model.parameters if not p.name.startswith(held)}
    assert np.isfinite(em.log_likelihood(model, study, values).attrs["total"])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_was_simulated_is_recovered(signatures):
    """Means over people lie within three posterior standard deviations of the truth."""
    study = em.load_study("care_and_distress")
    scored = signatures.without("care_rating", "distress_rating", "donation")
    fit = em.fit(scored, study, seed=1, chains=2, draws=400, tune=400)
    posterior = fit["posterior"].to_dataset()
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant")
    for name in truth.columns.intersection(list(posterior)):
        draws, true = posterior[name], truth[name].mean()
        if "participant" in draws.dims:
            draws = draws.mean("participant")
        print(f"{name}: true {true:.3f}, {float(draws.mean()):.3f} +- {float(draws.std()):.3f}")
        assert abs(float(draws.mean()) - true) < 3 * float(draws.std()), name
    assert float((posterior["closeness_contrast_mean"] > 0).mean()) > 0.99
    assert float((posterior["cost_contrast_mean"] < 0).mean()) > 0.99
    for name, least in (("suffering_contrast", 0.3), ("closeness_contrast", 0.3)):
        mean = posterior[name].mean(("chain", "draw")).to_series().reindex(truth.index)
        r = np.corrcoef(mean, truth[name])[0, 1]
        print(f"{name}: r = {r:.3f}")
        assert r > least
