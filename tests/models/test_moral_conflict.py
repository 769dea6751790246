"""Money for oneself against shocks for another: a plain loop, rivals, what cannot be told apart."""

import math

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from folders import BUNDLED

TRUTH = BUNDLED / "money_or_shocks" / "true_parameters.csv"
VALUES = {
    "money_learning_rate": 0.45,
    "shock_learning_rate": 0.2,
    "weight": 0.35,
    "inverse_temperature": 3.5,
}
ONE_RATE = {"learning_rate": 0.3, "weight": 0.35, "inverse_temperature": 3.5}


@pytest.fixture(scope="module")
def conflict():
    return em.get_model("moral_conflict_learning")


@pytest.fixture(scope="module")
def chosen():
    """Three people, five blocks of 12 trials, stakes that come and go, missed choices, outcomes."""
    rng = np.random.default_rng(11)
    rows = [
        {"participant": person, "block": block, "trial": 12 * block + k}
        for person in "abc"
        for block in range(5)
        for k in range(12)
    ]
    table = pd.DataFrame(rows)
    n = len(table)
    table["at_stake"] = rng.choice(["both", "money", "shocks"], n, p=[0.7, 0.15, 0.15])
    table["choice"] = rng.integers(0, 2, n).astype(float)
    table["money"] = rng.choice([-1.0, 0.5, 1.0], n)
    table["shock"] = rng.choice([-1.0, 1.0], n)
    table.loc[rng.random(n) < 0.1, "choice"] = np.nan
    table.loc[rng.random(n) < 0.1, "money"] = np.nan  # not seen
    table.loc[(table["at_stake"] == "money") | (rng.random(n) < 0.1), "shock"] = np.nan
    return table


class Weighed:
    """Two values per option, weighed when outcomes are seen."""

    def __init__(self, values):
        self.values = {"money": [0.0, 0.0], "shock": [0.0, 0.0]}
        self.given = values

    def rate(self, what):
        return self.given.get(f"{what}_learning_rate", self.given.get("learning_rate"))

    def at_outcome(self):
        return {"money": self.given["weight"], "shock": 1 - self.given["weight"]}

    def at_decision(self, stakes):
        return dict.fromkeys(stakes, 1.0)

    def difference(self, stakes):
        """What option 1 is worth above option 0."""
        weights = self.at_decision(stakes)
        return sum(weights[w] * (self.values[w][1] - self.values[w][0]) for w in stakes)

    def learn(self, option, stakes, worth):
        for what in stakes:
            if not math.isnan(worth[what]):
                values = self.values[what]
                error = self.at_outcome()[what] * worth[what] - values[option]
                values[option] += self.rate(what) * error


class Decided(Weighed):
    """Weighed when one has to decide between the two."""

    def at_outcome(self):
        return {"money": 1.0, "shock": 1.0}

    def at_decision(self, stakes):
        return Weighed.at_outcome(self) if len(stakes) == 2 else dict.fromkeys(stakes, 1.0)


class Combined(Weighed):
    """One value per option."""

    def __init__(self, values):
        super().__init__(values)
        self.value = [0.0, 0.0]

    def difference(self, stakes):
        return self.value[1] - self.value[0]

    def learn(self, option, stakes, worth):
        weights = self.at_outcome()
        brought = sum(weights[what] * worth[what] for what in stakes)
        if not math.isnan(brought):
            self.value[option] += self.given["learning_rate"] * (brought - self.value[option])


def loop(table, values, learner=Weighed):
    """Log-probability of every choice, NaN where it was missed."""
    found = []
    stakes = {"both": ["money", "shock"], "money": ["money"], "shocks": ["shock"]}
    for _, block in table.groupby(["participant", "block"], sort=False):
        person, last = learner(values), 0
        for row in block.itertuples():
            if math.isnan(row.choice):
                found.append(math.nan)
                continue
            at_stake, option = stakes[row.at_stake], int(row.choice)
            utility = values["inverse_temperature"] * person.difference(at_stake)
            utility += values.get("stickiness", 0.0) * last
            found.append(-math.log1p(math.exp(-utility if option else utility)))
            person.learn(option, at_stake, {"money": row.money, "shock": -row.shock})
            last = 1 if option else -1
    return np.array(found)


def rows_of(model, table, values):
    """Free parameters are given, fixed ones are what the model holds them at."""
    free = {p.name: values[p.name] for p in model.parameters if p.fixed is None}
    found = em.log_likelihood(model, em.Study(trials=table), free)
    return found["row"]["choice"].to_series().to_numpy()


def agree(found, expected):
    assert 0 < np.isnan(expected).sum() < len(expected) / 5
    assert len(np.unique(expected.round(6))) > 50  # something is learned
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def test_it_is_the_loop(conflict, chosen):
    agree(rows_of(conflict, chosen, VALUES), loop(chosen, VALUES))


def test_without_a_column_both_are_at_stake(conflict, chosen):
    table = chosen.assign(at_stake="both")
    agree(rows_of(conflict, table.drop(columns="at_stake"), VALUES), loop(table, VALUES))


@pytest.mark.parametrize(
    ("rival", "values", "learner"),
    [
        ("weight_at_decision", VALUES, Decided),
        ("combined_value", ONE_RATE, Combined),
        ("one_learning_rate", ONE_RATE, Weighed),
        ("money_only", VALUES | {"shock_learning_rate": 0.0, "weight": 0.5}, Weighed),
        ("shocks_only", VALUES | {"money_learning_rate": 0.0, "weight": 0.5}, Weighed),
        ("perseveration", VALUES | {"stickiness": 0.7}, Weighed),
    ],
)
def test_rivals(conflict, chosen, rival, values, learner):
    agree(rows_of(conflict.rival(rival), chosen, values), loop(chosen, values, learner))


def test_without_learning_choices_are_tosses_of_a_coin(conflict, chosen):
    found = rows_of(conflict.rival("no_learning"), chosen, {})
    np.testing.assert_allclose(found[~np.isnan(found)], math.log(0.5), rtol=1e-12)
    assert (np.isnan(found) == chosen["choice"].isna()).all()


def test_only_what_is_taken_away_tells_rivals_apart(conflict, chosen):
    """Values are linear in outcomes: weighed before or after, they are the same."""
    pairs = {
        ("base", "weight_at_decision"): VALUES,
        ("one_learning_rate", "combined_value"): ONE_RATE,
    }
    whole = chosen.dropna(subset=["money", "shock"])
    for names, values in pairs.items():
        models = [conflict if name == "base" else conflict.rival(name) for name in names]
        both = whole.assign(at_stake="both")
        first, second = (rows_of(model, both, values) for model in models)
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-12)
        first, second = (rows_of(model, whole, values) for model in models)
        assert np.nanmax(np.abs(first - second)) > 0.1


@pytest.mark.parametrize("rival", ["weight_at_decision", "combined_value"])
def test_so_these_need_to_know_what_is_at_stake(conflict, chosen, rival):
    table = chosen.assign(shock=1.0).drop(columns="at_stake")
    with pytest.raises(ValueError, match="at_stake"):
        em.log_likelihood(conflict.rival(rival), em.Study(trials=table), VALUES)


def test_outcomes_that_always_come_together_tell_one_number(conflict, chosen):
    """Of weight w and inverse temperature b, b (2 w - 1), where both are learned equally fast."""
    table = chosen.assign(at_stake="both", money=1.0 * (chosen["trial"] % 3 > 0))
    together, apart = table.assign(shock=table["money"]), table.assign(shock=chosen["shock"])
    apart = apart.dropna(subset=["shock"])
    rival = conflict.rival("one_learning_rate")
    other = ONE_RATE | {"weight": 0.2, "inverse_temperature": 3.5 * 0.3 / 0.6}
    first, second = (rows_of(rival, together, values) for values in (ONE_RATE, other))
    np.testing.assert_allclose(first, second, rtol=0, atol=1e-12)
    first, second = (rows_of(rival, apart, values) for values in (ONE_RATE, other))
    assert np.nanmax(np.abs(first - second)) > 0.05


def test_who_values_money_chooses_it_and_who_values_the_other_does_not(conflict):
    """Signs: shocks are coded as shocks, and avoided."""
    table = pd.DataFrame({"participant": np.repeat(["a", "b"], 200), "block": 1})
    table["trial"] = np.tile(np.arange(200), 2)
    table = table.assign(money_0=-1, money_1=1, shock_0=-1, shock_1=1)
    people = pd.Series({"a": 0.9, "b": 0.1})
    study, _ = em.simulate(conflict, em.Study(trials=table), VALUES | {"weight": people}, seed=2)
    late = study.trials[study.trials["trial"] > 100].groupby("participant")["choice"].mean()
    assert late["a"] > 0.9
    assert late["b"] < 0.1


def test_statistics(conflict):
    """Choices by what is at stake, and early and late in blocks."""
    table = pd.DataFrame(
        {
            "participant": "a",
            "block": [1, 1, 1, 1, 1, 2, 2],
            "at_stake": ["both", "both", "both", "both", "shocks", "both", "money"],
            "choice": [1, 1, 0, 0, 1, 1, 0],
            "money": [1, -1, 1, -1, np.nan, 1, 1],
            "shock": [1, 1, -1, -1, 1, 1, np.nan],
        }
    )
    found = {s.name: s.function(table) for s in conflict.statistics}
    assert found["choices of option 1, at stake: both"] == pytest.approx(3 / 5)
    assert found["choices of option 1, at stake: shocks"] == 1
    # late in blocks: 0, 0 and 1 (block 2 has one trial of both, which is early)
    late = found["option 1, late minus early in a block"]
    assert late == pytest.approx(0 - (1 + 1 + 1) / 3)


@pytest.mark.slow
def test_modes_find_weights():
    """Of every third person; learning rates of people are hardly known in these designs."""
    trials = em.load_study("money_or_shocks").trials
    truth = pd.read_csv(TRUTH).set_index("participant").iloc[::3]
    study = em.Study(trials=trials[trials["participant"].isin(truth.index)])
    fit = em.fit(em.get_model("moral_conflict_learning"), study, method="map", seed=1)
    posterior = fit["posterior"].to_dataset()
    weight = posterior["weight"].mean(("chain", "draw")).to_series().reindex(truth.index)
    print(np.corrcoef(weight, truth["weight"])[0, 1])
    assert np.corrcoef(weight, truth["weight"])[0, 1] > 0.8
    mean = 1 / (1 + np.exp(-float(posterior["weight_mean"].mean())))
    assert mean == pytest.approx(truth["weight"].median(), abs=0.1)
