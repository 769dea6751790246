"""Two ratings of one trial in a model: simulated together, likelihoods, predictions, labels."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import empathymodels as em
from empathymodels.layout.arrange import arrange
from folders import OWN_MODELS

ENDS = np.array([-9.0, -1, 0, 1, 9])


@pytest.fixture(scope="module")
def feelings():
    return em.get_model(OWN_MODELS / "two_feelings.py")


@pytest.fixture(scope="module")
def pairs(feelings):
    """Twenty people who rate forty pictures, of a correlation of -0.6, and their slopes."""
    people = [f"p{k:02}" for k in range(20)]
    design = pd.DataFrame({"participant": np.repeat(people, 40), "trial": np.tile(range(40), 20)})
    rng = np.random.default_rng(2)
    design["intensity"] = rng.normal(0, 1, len(design)).round(2)
    truth = pd.DataFrame({"participant": people, "valence_slope": rng.normal(1, 0.3, 20)})
    truth["arousal_slope"] = rng.normal(0.5, 0.3, 20)
    truth = truth.assign(shared=-0.6)
    study, _ = em.simulate(feelings, em.Study(trials=design), truth, seed=3)
    return study, truth


def test_a_pair_has_the_probability_of_its_rectangle(feelings, pairs):
    study, truth = pairs
    found = em.log_likelihood(feelings, study, truth)["row"]
    total = (found["pleasant"] + found["aroused"]).to_series().to_numpy()
    bivariate = stats.multivariate_normal([0, 0], [[1, -0.6], [-0.6, 1]])
    of = truth.set_index("participant")
    for k, row in enumerate(study.trials.head(30).itertuples()):
        slopes = of.loc[row.participant]
        a, b = (int(row.pleasant), int(row.aroused))
        means = np.array([slopes["valence_slope"], slopes["arousal_slope"]]) * row.intensity
        low, high = np.array([ENDS[a - 1], ENDS[b - 1]]), np.array([ENDS[a], ENDS[b]])
        expected = bivariate.cdf(high - means, lower_limit=low - means)
        assert np.exp(total[k]) == pytest.approx(expected, abs=1e-6)


def test_ratings_are_simulated_together(feelings, pairs):
    study, _ = pairs
    trials = study.trials
    left = trials[["pleasant", "aroused"]].corr().iloc[0, 1]
    alone = em.simulate(feelings.rival("nothing_shared"), study, pairs[1], seed=3)[0].trials
    assert left < alone[["pleasant", "aroused"]].corr().iloc[0, 1] - 0.3


def test_a_missing_first_leaves_the_second_unscored(feelings, pairs):
    trials = pairs[0].trials.astype({"pleasant": float})
    trials.loc[[0, 7], "pleasant"] = np.nan
    scored = arrange(feelings, em.Study(trials=trials)).scored
    for name in ("pleasant", "aroused"):
        assert sorted({*range(800)} - {*scored[name].rows}) == [0, 7]


def test_their_correlation_is_found(feelings, pairs):
    study, truth = pairs
    grid = np.arange(-0.9, 0.91, 0.15)
    totals = [
        em.log_likelihood(feelings, study, truth.assign(shared=r)).attrs["total"] for r in grid
    ]
    assert grid[np.argmax(totals)] == pytest.approx(-0.6, abs=0.151)


def test_predictions_and_labels_are_of_each(feelings, pairs, as_drawn):
    fit = as_drawn(feelings, pairs[0])
    predicted = em.predict(fit, pairs[0], seed=1)["posterior_predictive"]
    for name in ("pleasant", "aroused"):
        assert set(np.unique(predicted[name])) <= {1, 2, 3, 4}
    card = em.card(feelings)
    assert "OrdinalGiven, of valence, arousal, shared, pleasant" in " ".join(card.split())
    assert "the second of two ratings of one trial, correlated with the first" in card
