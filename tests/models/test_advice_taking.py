"""Advice against own evidence: a plain loop, rivals, what volatility does, recovery."""

import math

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from designs import trials_of
from folders import BUNDLED

DATA = BUNDLED / "advised_lottery"
DECISION = {"advice_weight": 0.65, "inverse_temperature": 2.2}
VALUES = DECISION | {
    "tonic_volatility": -2.0,
    "meta_volatility": 0.3,
    "start_log_odds": 0.4,
}


@pytest.fixture(scope="module")
def advised():
    return em.get_model("advice_taking")


@pytest.fixture(scope="module")
def advice():
    """Three people, two sessions of 60 trials; some outcomes and some choices are missing."""
    rng = np.random.default_rng(17)
    table = trials_of(trials=60)
    n = len(table)
    table["own_evidence"] = rng.choice([0.2, 0.4, 0.6, 0.8], n)
    table["advice_right"] = (rng.random(n) < 0.5 + 0.4 * np.sin(table["trial"] / 8)).astype(float)
    table["take"] = rng.integers(0, 2, n).astype(float)
    for name in ("advice_right", "take"):
        table.loc[rng.random(n) < 0.08, name] = np.nan
    return table


def logistic(x):
    return 1 / (1 + math.exp(-x))


class Filter:
    """Three levels, by precisions."""

    coupling = 1.0

    def __init__(self, values):
        self.values = values
        self.mu2, self.pi2, self.mu3, self.pi3 = values["start_log_odds"], 1.0, 0.0, 1.0

    def probability(self):
        return logistic(self.mu2)

    def sharpness(self):
        return self.values["inverse_temperature"]

    def learn(self, u):
        v, k, p = self.values, self.coupling, self.probability()
        added = math.exp(k * self.mu3 + v["tonic_volatility"])
        predicted = 1 / (1 / self.pi2 + added)
        pi2 = predicted + p * (1 - p)
        mu2 = self.mu2 + (u - p) / pi2
        surprise = 1 / pi2 + (mu2 - self.mu2) ** 2
        predicted3 = 1 / (1 / self.pi3 + v["meta_volatility"])
        mu3 = self.mu3 + k * added * predicted * (surprise * predicted - 1) / (2 * predicted3)
        added = math.exp(k * mu3 + v["tonic_volatility"])
        then = 1 / (1 / self.pi2 + added)
        gain = added * then + (added - 1 / self.pi2) * then * (surprise * then - 1)
        self.pi3 = predicted3 + max(0.0, k**2 * added * then * gain / 2)
        self.mu2, self.pi2, self.mu3 = mu2, pi2, mu3


class TwoLevels(Filter):
    coupling = 0.0

    def __init__(self, values):
        super().__init__(values | {"meta_volatility": 1.0})


class Volatile(Filter):
    def sharpness(self):
        return self.values["inverse_temperature"] * math.exp(-self.mu3)


class Kalman:
    def __init__(self, values):
        self.values = values
        self.m, self.w = values["start_log_odds"], values["noise"]
        self.v = values["start_volatility"]

    def probability(self):
        return logistic(self.m)

    def sharpness(self):
        return self.values["inverse_temperature"]

    def learn(self, u):
        total = self.w + self.v
        gain = total / (total + self.values["noise"])
        m = self.m + math.sqrt(total) * (u - self.probability())
        w = (1 - gain) * total
        error = (m - self.m) ** 2 + w + self.w - 2 * (1 - gain) * self.w - self.v
        self.m, self.w = m, w
        self.v += self.values["volatility_rate"] * error


class Rescorla:
    def __init__(self, values):
        self.values, self.p = values, values["start_probability"]

    def probability(self):
        return self.p

    def sharpness(self):
        return self.values["inverse_temperature"]

    def learn(self, u):
        self.p += self.values["learning_rate"] * (u - self.p)


def loop(table, values, kind=Filter, weight=None):
    found = []
    for _, rows in table.groupby(["participant", "session"], sort=False):
        person = kind(values)
        for row in rows.itertuples():
            share = values["advice_weight"] if weight is None else weight
            belief = share * person.probability() + (1 - share) * row.own_evidence
            odds = person.sharpness() * math.log(belief / (1 - belief))
            if math.isnan(row.take):
                found.append(math.nan)
            else:
                found.append(-math.log1p(math.exp(-odds if row.take else odds)))
            if not math.isnan(row.advice_right):
                person.learn(row.advice_right)
    return np.array(found)


def agrees(model, table, values, expected):
    found = em.log_likelihood(model, em.Study(trials=table), values)["row"]["take"]
    assert 0 < np.isnan(expected).sum() < len(expected) / 5
    np.testing.assert_allclose(found.to_series().to_numpy(), expected, rtol=0, atol=1e-8)


def test_it_is_the_loop(advised, advice):
    agrees(advised, advice, VALUES, loop(advice, VALUES))


def test_rivals_of_volatility(advised, advice):
    values = {n: v for n, v in VALUES.items() if n != "meta_volatility"}
    agrees(advised.rival("no_volatility"), advice, values, loop(advice, values, TwoLevels))
    volatile = advised.rival("volatile_decisions")
    agrees(volatile, advice, VALUES, loop(advice, VALUES, Volatile))


def test_other_learners(advised, advice):
    values = DECISION | {"start_log_odds": 0.4, "noise": 0.7}
    values |= {"volatility_rate": 0.2, "start_volatility": 0.5}
    agrees(advised.rival("volatile_kalman"), advice, values, loop(advice, values, Kalman))
    values = DECISION | {"learning_rate": 0.2, "start_probability": 0.6}
    agrees(advised.rival("rescorla_wagner"), advice, values, loop(advice, values, Rescorla))


def test_own_evidence_only(advised, advice):
    values = {"inverse_temperature": 2.2}
    expected = loop(advice, VALUES, weight=0.0)
    agrees(advised.rival("own_evidence_only"), advice, values, expected)


def test_changes_raise_the_volatility(advised):
    """It is higher after intentions that changed every eight trials than after a long calm."""
    calm, restless = np.resize([1.0], 64), np.resize(np.repeat([1.0, 0.0], 8), 64)
    parts = [
        pd.DataFrame({"participant": who, "trial": range(65), "advice_right": [*before, 0.0]})
        for who, before in (("calm", calm), ("restless", restless))
    ]
    table = pd.concat(parts).assign(own_evidence=0.5)
    table["take"] = np.resize([1.0, 0.0], len(table))
    found = em.log_likelihood(advised, em.Study(trials=table), VALUES)["latents"]
    people = found.to_dataset().to_dataframe().groupby("participant").last()
    assert people.loc["restless", "volatility"] > people.loc["calm", "volatility"] + 0.3


def test_statistics(advised):
    table = pd.DataFrame(
        {
            "participant": ["a", "a", "a", "b", "b"],
            "advice_right": [1, 0, 1, 0, 1],
            "own_evidence": [0.2, 0.8, 0.3, 0.5, 0.4],
            "take": [1.0, 1.0, 0.0, 1.0, 1.0],
        }
    )
    found = {s.name: s.function(table) for s in advised.statistics}
    assert found["advice taken after it was right"] == 1  # the second of a
    assert found["advice taken after it was wrong"] == pytest.approx(1 / 2)
    assert found["advice taken against own evidence"] == pytest.approx(2 / 3)


@pytest.mark.slow
def test_modes_find_people_without_volatility():
    """Of every second person, by two levels; with three, the search for a mode finds none."""
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant").iloc[::2]
    trials = em.load_study("advised_lottery").trials
    study = em.Study(trials=trials[trials["participant"].isin(truth.index)])
    fit = em.fit(em.get_model("advice_taking").rival("no_volatility"), study, method="map", seed=1)
    found = fit["posterior"].to_dataset().mean(("chain", "draw"))
    least = {"advice_weight": 0.7, "tonic_volatility": 0.7, "start_log_odds": 0.4}
    for name, r_least in (least | {"inverse_temperature": 0.7}).items():
        r = np.corrcoef(found[name].to_series().reindex(truth.index), truth[name])[0, 1]
        print(f"{name}: r = {r:.3f}")
        assert r > r_least


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_people_are_found_by_sampling():
    """Means over people of the whole study lie in 95 % intervals; people are found again."""
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant")
    fit = em.fit(em.get_model("advice_taking"), em.load_study("advised_lottery"), seed=1, chains=2)
    posterior = fit["posterior"].to_dataset()
    for name, least in (
        ("advice_weight", 0.7),
        ("tonic_volatility", 0.5),
        ("inverse_temperature", 0.7),
    ):
        people = posterior[name].mean(("chain", "draw")).to_series().reindex(truth.index)
        r = np.corrcoef(people, truth[name])[0, 1]
        print(f"{name}: r = {r:.3f}")
        assert r > least
    low, high = np.quantile(posterior["tonic_volatility_mean"], [0.025, 0.975])
    print(f"tonic_volatility: true {truth['tonic_volatility'].mean():.2f}, [{low:.2f}, {high:.2f}]")
    assert low < truth["tonic_volatility"].mean() < high
