"""The hidden multiplier trust game: a plain loop, the rivals, strategies by hand."""

import math

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from folders import BUNDLED

TRUTH = BUNDLED / "hidden_multiplier" / "true_parameters.csv"
VALUES = {"greed": 0.15, "preference": 0.012, "inverse_temperature": 80.0}
ALONE = {"greed": 0.15, "inverse_temperature": 80.0}


@pytest.fixture(scope="module")
def reciprocity():
    return em.get_model("guilt_reciprocity")


@pytest.fixture(scope="module")
def game():
    """Two people, every column varied, missed returns."""
    rng = np.random.default_rng(19)
    n = 60
    table = pd.DataFrame(
        {
            "participant": np.repeat(["a", "b"], n // 2),
            "trial": np.tile(np.arange(n // 2), 2),
            "investment": rng.integers(1, 11, n),
            "multiplier": rng.choice([2, 4, 6], n),
            "expected_share": rng.uniform(0, 1, n),
            "believed_multiplier": rng.choice([3.0, 4.0], n),
            "endowment": rng.choice([10.0, 12.0], n),
            "returned": rng.integers(0, 11, n).astype(float),
        }
    )
    table.loc[rng.random(n) < 0.1, "returned"] = np.nan
    return table


def utilities(row, values):
    """Utility of the eleven returns, the dislike by what the values name."""
    found = []
    pot = row.multiplier * row.investment
    for tenths in range(11):
        back = pot * tenths / 10
        believed = row.believed_multiplier * row.investment
        disappointed = (row.expected_share * believed - back) / believed
        guilt = disappointed**2 if disappointed > 0 else 0.0
        mine, yours = pot - back, row.endowment - row.investment + back
        inequity = (mine / (mine + yours) - 0.5) ** 2
        if "preference" in values:
            dislike = min(guilt + values["preference"], inequity - values["preference"])
        else:
            dislike = values["guilt_weight"] * guilt + (1 - values["guilt_weight"]) * inequity
        theta = values["greed"]
        found.append(theta * mine / pot - (1 - theta) * dislike)
    return np.array(found)


def loop(table, values):
    """Log-probability of every return, NaN where it was missed."""
    found = []
    for row in table.itertuples():
        if math.isnan(row.returned):
            found.append(math.nan)
            continue
        odds = np.exp(values["inverse_temperature"] * utilities(row, values))
        p = odds[int(row.returned)] / odds.sum()
        lapse = values.get("lapse", 0.0)
        found.append(math.log(lapse / 11 + (1 - lapse) * p))
    return np.array(found)


def rows_of(model, table, values):
    """Free parameters are given, fixed ones are what the model holds them at."""
    free = {p.name: values[p.name] for p in model.parameters if p.fixed is None}
    found = em.log_likelihood(model, em.Study(trials=table), free)
    return found["row"]["returned"].to_series().to_numpy()


CASES = {
    "": VALUES,
    "greed": {"greed": 1.0, "preference": 0.0, "inverse_temperature": 7.0},
    "guilt_aversion": ALONE | {"guilt_weight": 1.0},
    "inequity_aversion": ALONE | {"guilt_weight": 0.0},
    "opportunism": VALUES | {"preference": 0.0},
    "both_motives": ALONE | {"guilt_weight": 0.3},
    "lapses": VALUES | {"lapse": 0.15},
}


@pytest.mark.parametrize("rival", CASES)
def test_it_is_the_loop(reciprocity, game, rival):
    model = reciprocity.rival(rival) if rival else reciprocity
    expected = loop(game, CASES[rival])
    assert 0 < np.isnan(expected).sum() < len(expected) / 5
    np.testing.assert_allclose(rows_of(model, game, CASES[rival]), expected, rtol=0, atol=1e-8)


def test_every_rival_is_among_them(reciprocity):
    assert set(CASES) == {"", *reciprocity.rivals}


def test_latents_are_means_over_what_may_be_returned(reciprocity, game):
    found = em.log_likelihood(reciprocity, em.Study(trials=game), VALUES)["latents"]
    for row in game.head(8).itertuples():
        odds = np.exp(80 * utilities(row, VALUES))
        expected = (odds * np.arange(11) / 10).sum() / odds.sum()
        assert float(found["share"][row.Index]) == pytest.approx(expected)
    assert (found["guilt"] >= 0).all()
    assert (found["inequity"] >= 0).all()


def best(preference, greed=0.02):
    """Amounts of an investment of 10 that are best to return, by multiplier."""
    table = pd.DataFrame({"investment": 10, "multiplier": [2, 4, 6], "expected_share": 0.5})
    table = table.assign(believed_multiplier=4.0, endowment=10.0)
    values = {"greed": greed, "preference": preference}
    tenths = [int(np.argmax(utilities(row, values))) for row in table.itertuples()]
    return [k / 10 * 10 * m for k, m in zip(tenths, (2, 4, 6), strict=True)]


def test_strategies():
    """Equal shares, what is expected, the cheaper of both, nothing."""
    assert best(0.3) == [10, 20, 30]
    assert best(-0.3) == [20, 20, 24]  # 20 is no number of tenths of 60
    assert best(0.0) == [10, 20, 24]
    assert best(0.0, greed=0.6) == [0, 0, 0]


def test_a_strong_preference_is_a_single_motive(game):
    """Beyond the largest difference between guilt and inequity, no choice changes any more."""
    for preference, case in ((0.6, "inequity_aversion"), (-0.6, "guilt_aversion")):
        alone = loop(game, CASES[case])
        for strong in (preference, 2 * preference):
            found = loop(game, VALUES | {"preference": strong})
            np.testing.assert_allclose(found, alone, rtol=0, atol=1e-10)


def test_statistics(reciprocity):
    table = pd.DataFrame(
        {
            "participant": ["a", "a", "a", "b", "b"],
            "multiplier": [2, 4, 6, 2, 6],
            "returned": [10, 5, 5, 0, 5],
        }
    )
    found = {s.name: s.function(table) for s in reciprocity.statistics}
    assert found["mean share returned"] == pytest.approx(0.5)
    assert found["share of trials without a return"] == pytest.approx(0.2)
    assert found["returned per unit, high minus low multiplier"] == pytest.approx(3 - 1)
    shares = [20 / 30, 5 / 20]
    assert found["sd of people's share returned"] == pytest.approx(np.std(shares, ddof=1))
    assert found["sd of people's high minus low"] == pytest.approx(np.std([1, 3], ddof=1))


def test_the_study_prefers_its_true_parameters(reciprocity):
    """To those of the next person, to no preference, and to the opposite one."""
    trials = em.load_study("hidden_multiplier").trials
    truth = pd.read_csv(TRUTH).set_index("participant").astype(float).iloc[:20]
    study = em.Study(trials=trials[trials["participant"].isin(truth.index)])

    def total(**changed):
        values = dict((truth.assign(**changed)).items())
        return em.log_likelihood(reciprocity, study, values).attrs["total"]

    for name in truth:
        assert total() > total(**{name: np.roll(truth[name], 1)}) + 100, name
    assert total() > total(preference=0.0) + 100
    assert total() > total(preference=-truth["preference"]) + 100
