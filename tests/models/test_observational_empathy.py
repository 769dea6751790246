"""Empathy transmitted by demonstrators: a plain loop, rivals, what equations imply, recovery."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from designs import trials_of
from folders import BUNDLED

TRUTH = BUNDLED / "shown_empathy" / "true_parameters.csv"
VALUES = {
    "learning_rate": 0.3,
    "transmission": 0.12,
    "start_empathy": 45.0,
    "start_expectation": 60.0,
    "rating_noise": 11.0,
    "prediction_noise": 14.0,
}


@pytest.fixture(scope="module")
def observing():
    return em.get_model("observational_empathy")


@pytest.fixture(scope="module")
def seen():
    """Three people, two sessions of 40 trials, two demonstrators; some ratings are missing."""
    rng = np.random.default_rng(3)
    table = trials_of()
    n = len(table)
    table["demonstrator"] = rng.choice(["Ann", "Bea"], n)
    levels = table["demonstrator"].map({"Ann": 85, "Bea": 20})
    table["demonstration"] = (levels + rng.normal(0, 12, n)).clip(0, 100).round()
    for response in ("rating", "prediction"):
        table[response] = rng.integers(20, 81, n).astype(float)
        table.loc[rng.random(n) < 0.1, response] = np.nan
    table.loc[2:4, "rating"] = 0.0, 100.0, 57.0
    table.loc[rng.random(n) < 0.15, "demonstration"] = np.nan
    return table


def by_error(values, empathy, expectation, d):
    return values["transmission"] * (d - expectation)


def by_demonstration(values, empathy, expectation, d):
    return values["transmission"] * (d - empathy)


def by_expectation(values, empathy, expectation, d):
    by_now = (1 - values["learning_rate"]) * expectation + values["learning_rate"] * d
    return values["transmission"] * (by_now - empathy)


def by_sign(values, empathy, expectation, d):
    weight = "transmission_up" if d > expectation else "transmission_down"
    return values[weight] * (d - expectation)


def loop(table, values, change=by_error, *, in_steps=True):
    """Log-probability of every rating and prediction, NaN where there is none."""
    found = {"rating": [], "prediction": []}
    for _, rows in table.groupby(["participant", "session"], sort=False):
        empathy, expected = values["start_empathy"], {}
        for row in rows.itertuples():
            mine = expected.get(row.demonstrator, values["start_expectation"])
            for name, value, mean in (
                ("rating", row.rating, empathy),
                ("prediction", row.prediction, mine),
            ):
                found[name].append(log_probability(value, mean, values[f"{name}_noise"], in_steps))
            if not math.isnan(row.demonstration):
                empathy += change(values, empathy, mine, row.demonstration)
                error = row.demonstration - mine
                expected[row.demonstrator] = mine + values["learning_rate"] * error
            empathy += values.get("drift", 0.0)
    return {name: np.array(series) for name, series in found.items()}


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


def agrees(model, table, values, *given, **settings):
    free = {p.name: values[p.name] for p in model.parameters if p.fixed is None}
    found = em.log_likelihood(model, em.Study(trials=table), free)["row"]
    for name, expected in loop(table, values, *given, **settings).items():
        assert 0 < np.isnan(expected).sum() < len(expected) / 5
        np.testing.assert_allclose(
            found[name].to_series().to_numpy(), expected, rtol=0, atol=1e-8, err_msg=name
        )


def test_it_is_the_loop(observing, seen):
    agrees(observing, seen, VALUES)
    agrees(observing.rival("plain_normal"), seen, VALUES, in_steps=False)


def test_one_demonstrator_needs_no_name(observing, seen):
    found = em.log_likelihood(
        observing, em.Study(trials=seen.drop(columns="demonstrator")), VALUES
    )["row"]
    expected = loop(seen.assign(demonstrator="one"), VALUES)
    np.testing.assert_allclose(found["rating"].to_numpy(), expected["rating"], rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("rival", "values", "change"),
    [
        ("no_transmission", {"transmission": 0.0}, by_error),
        ("anchoring", {}, by_demonstration),
        ("toward_expectation", {}, by_expectation),
        ("separate_weights", {"transmission_up": 0.2, "transmission_down": 0.05}, by_sign),
        ("drift", {"transmission": 0.0, "drift": -0.4}, by_error),
        ("expects_oneself", {"start_expectation": VALUES["start_empathy"]}, by_error),
        ("no_learning", {"learning_rate": 0.0}, by_error),
    ],
)
def test_rivals(observing, seen, rival, values, change):
    agrees(observing.rival(rival), seen, VALUES | values, change)


def one_demonstrator(n=60):
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"participant": np.repeat(["a", "b"], n)})
    table["trial"] = np.tile(np.arange(n), 2)
    table["rating"] = table["prediction"] = rng.integers(20, 80, 2 * n)
    return table.assign(demonstration=rng.normal(85, 8, 2 * n).round())


def test_what_was_expected_is_not_transmitted(observing):
    """Empathy moves in proportion to the expectation; with anchoring it does not stop there."""
    study = em.Study(trials=one_demonstrator())
    latents = em.log_likelihood(observing, study, VALUES)["latents"]
    empathy, expectation = (latents[n].to_numpy() for n in ("empathy", "expectation"))
    share = VALUES["transmission"] / VALUES["learning_rate"]
    np.testing.assert_allclose(empathy - 45, share * (expectation - 60), atol=1e-9)
    assert empathy[59] == pytest.approx(45 + share * 25, abs=3)
    anchored = em.log_likelihood(observing.rival("anchoring"), study, VALUES)["latents"]
    assert anchored["empathy"].to_numpy()[59] == pytest.approx(85, abs=6)


def test_statistics(observing):
    """Change over thirds of the trials, its slope on distance, and the error of predictions."""
    table = pd.DataFrame(
        {
            "participant": np.repeat(["a", "b", "c"], 6),
            "rating": [50, 50, 0, 0, 60, 60, 50, 50, 0, 0, 40, 40, 50, 50, 0, 0, 50, 50],
            "demonstration": np.repeat([90.0, 10.0, 50.0], 6),
            "prediction": [70, 80, 85, 90, 90, 90, *[10.0] * 6, *[50.0] * 6],
        }
    )
    found = {s.name: s.function(table) for s in observing.statistics}
    assert found["change in ratings"] == pytest.approx(0)
    assert found["change per point of distance to demonstrators"] == pytest.approx(10 / 40)
    early, late = (20 + 10 + 5) / 9, 0
    assert found["error of predictions, early minus late"] == pytest.approx(early - late)


@pytest.mark.slow
def test_modes_find_what_was_simulated():
    """Of every third person: how much each is moved, and how fast each learns."""
    trials = em.load_study("shown_empathy").trials
    truth = pd.read_csv(TRUTH).set_index("participant").iloc[::3]
    study = em.Study(trials=trials[trials["participant"].isin(truth.index)])
    fit = em.fit(em.get_model("observational_empathy"), study, method="map", seed=1)
    posterior = fit["posterior"].to_dataset()
    typical = 1 / (1 + np.exp(-float(posterior["transmission_mean"].mean())))
    assert typical == pytest.approx(truth["transmission"].median(), abs=0.025)
    for name, least in (("transmission", 0.5), ("learning_rate", 0.6), ("start_empathy", 0.8)):
        found = posterior[name].mean(("chain", "draw")).to_series().reindex(truth.index)
        r = np.corrcoef(found, truth[name])[0, 1]
        print(f"{name}: r = {r:.3f}")
        assert r > least


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_human_transmits_more_than_a_computer():
    """True effects, on the logit scale, lie in 95 % intervals of those of the covariates."""
    study = em.load_study("shown_empathy")
    covariates = {"transmission": 'C(demonstrator_type, Treatment("computer")) + group'}
    model = em.get_model("observational_empathy")
    fit = em.fit(model, study, covariates=covariates, seed=1, chains=2)
    effects = fit["posterior"].to_dataset()["transmission_effect"]
    names = list(effects["transmission_covariate"].to_numpy())
    for word, true in (("human", np.log(0.12 / 0.88) - np.log(0.06 / 0.94)), ("group", 0.0)):
        [name] = [n for n in names if word in n]
        draws = effects.sel(transmission_covariate=name).to_numpy().ravel()
        low, high = np.quantile(draws, [0.025, 0.975])
        print(f"{name}: true {true:.3f}, {draws.mean():.3f} [{low:.3f}, {high:.3f}]")
        assert low < true < high
