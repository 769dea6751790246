"""Neurofeedback tuning: a plain loop, rivals, statistics, recovery."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from folders import BUNDLED

DATA = BUNDLED / "insula_feedback"
VALUES = {
    "baseline": -0.2,
    "learning": 0.7,
    "time_constant": 4.0,
    "practice": 0.15,
    "transfer_effect": -0.1,
    "transfer_share": 0.6,
    "noise": 0.5,
}
FIXED = {
    "no_learning": {"learning": 0.0, "time_constant": 5.0, "transfer_share": 1.0},
    "no_practice": {"practice": 0.0},
    "no_transfer": {"transfer_share": 0.0},
    "full_transfer": {"transfer_share": 1.0},
}


@pytest.fixture(scope="module")
def tuning():
    return em.get_model("neurofeedback_tuning")


@pytest.fixture(scope="module")
def training():
    """Four people, 20 runs of which some show no feedback; some responses are missing."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {"participant": np.repeat(list("abcd"), 20), "trial": np.tile(range(20), 4)}
    )
    table["transfer"] = rng.choice([0, 1], 80, p=[0.7, 0.3])
    table["runs"] = (1 - table["transfer"]).groupby(table["participant"]).cumsum()
    table["response"] = np.where(rng.random(80) < 0.1, np.nan, rng.normal(0, 0.6, 80))
    people = pd.DataFrame({"participant": list("abcd"), "feedback": ["real", "sham"] * 2})
    return table, people


def exponential(row, values):
    return values["learning"] * (1 - math.exp(-row.runs / values["time_constant"]))


def linear(row, values):
    return values["learning"] * row.runs / 10


def loop(table, people, values, taught=exponential, sham=0.0):
    """Log densities run by run, NaN where a response is missing, and what was learned."""
    group = dict(zip(people["participant"], people["feedback"], strict=True))
    densities, learned = [], []
    for row in table.itertuples():
        has = taught(row, values) * (1.0 if group[row.participant] == "real" else sham)
        learned.append(has)
        mean = values["baseline"] + values["practice"] * row.runs / 10
        if row.transfer:
            mean += values["transfer_effect"] + values["transfer_share"] * has
        else:
            mean += has
        missing = math.isnan(row.response)
        normal = NormalDist(mean, values["noise"])
        densities.append(math.nan if missing else math.log(normal.pdf(row.response)))
    return np.array(densities), np.array(learned)


def agrees(model, training, values, **settings):
    table, people = training
    free = {p.name for p in model.parameters if p.fixed is None}
    given = {name: value for name, value in values.items() if name in free}
    study = em.Study(trials=table, participants=people)
    found = em.log_likelihood(model, study, given)
    densities, learned = loop(table, people, values, **settings)
    assert 60 < np.isfinite(densities).sum() < 80
    assert (learned != 0).any() or not values["learning"]
    for name, expected in (("row", densities), ("latents", learned)):
        column = {"row": "response", "latents": "learned"}[name]
        np.testing.assert_allclose(found[name][column].to_numpy(), expected, rtol=0, atol=1e-8)


def test_it_is_the_loop(tuning, training):
    agrees(tuning, training, VALUES)


@pytest.mark.parametrize("name", FIXED)
def test_rivals_that_hold_parameters(tuning, training, name):
    agrees(tuning.rival(name), training, VALUES | FIXED[name])


def test_rivals_with_another_course(tuning, training):
    agrees(tuning.rival("any_feedback"), training, VALUES, sham=1.0)
    agrees(tuning.rival("linear_learning"), training, VALUES, taught=linear)


def test_without_transfer_runs_and_groups_all_have_feedback(tuning, training):
    table, people = training
    held = ("transfer_effect", "transfer_share")
    values = {name: value for name, value in VALUES.items() if name not in held}
    study = em.Study(trials=table.drop(columns="transfer"))
    found = em.log_likelihood(tuning, study, values)["row"]["response"].to_numpy()
    expected, _ = loop(table.assign(transfer=0), people.assign(feedback="real"), VALUES)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def test_statistics(tuning):
    """First and last quarter of 8 runs; transfer after the last."""
    runs = [*range(1, 9), 8]
    real = [1.0, 3.0, 9, 9, 9, 9, 6.0, 8.0, 5.0]
    table = pd.concat(
        [
            pd.DataFrame({"participant": person, "feedback": group, "runs": runs})
            .assign(transfer=[0] * 8 + [1])
            .assign(response=values)
            for person, group, values in (("a", "real", real), ("b", "sham", range(9)))
        ]
    )
    found = {s.name: s.function(table) for s in tuning.statistics}
    assert found["gain, real"] == 7 - 2
    assert found["gain, sham"] == 6.5 - 0.5
    assert found["gain, real minus sham"] == -1
    assert found["transfer, real"] == 5 - 7


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_larger_training_is_recovered(tuning):
    """120 people, half of them with a sham: means, and whose learning is larger."""
    rng = np.random.default_rng(11)
    people = [f"p{number}" for number in range(120)]
    bundled = em.load_study("insula_feedback").trials
    one = bundled[bundled["participant"] == "sub-01"].drop(columns=["participant", "response"])
    trials = pd.concat([one.assign(participant=person) for person in people], ignore_index=True)
    groups = pd.DataFrame({"participant": people, "feedback": np.resize(["real", "sham"], 120)})
    index = pd.Index(people, name="participant")
    values = VALUES | {
        "baseline": pd.Series(rng.normal(0, 0.3, 120), index),
        "learning": pd.Series(rng.normal(0.6, 0.3, 120), index),
        "practice": pd.Series(rng.normal(0.1, 0.1, 120), index),
    }
    study, _ = em.simulate(tuning, em.Study(trials=trials, participants=groups), values, seed=2)
    fit = em.fit(tuning, study, seed=1, chains=2, draws=400, tune=400)
    posterior = fit["posterior"].to_dataset()
    for name, true in {
        "learning_mean": 0.6,
        "practice_mean": 0.1,
        "transfer_share": 0.6,
        "transfer_effect": -0.1,
        "time_constant": 4.0,
    }.items():
        draws = posterior[name]
        print(f"{name}: true {true}, {float(draws.mean()):.3f} +- {float(draws.std()):.3f}")
        assert abs(float(draws.mean()) - true) < 3 * float(draws.std()), name
    mean = posterior["learning"].mean(("chain", "draw")).to_series().reindex(index)
    real = groups.set_index("participant")["feedback"] == "real"
    r = np.corrcoef(mean[real], values["learning"][real])[0, 1]
    print(f"learning with feedback of one's own: r = {r:.3f}")
    assert r > 0.5
    sd = posterior["learning"].std(("chain", "draw")).to_series().reindex(index)
    assert sd[real].mean() < 0.9 * sd[~real].mean()  # a sham says nothing of learning
