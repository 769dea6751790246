"""A model whose options are not always offered: its likelihood and its draws."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from folders import OWN_MODELS

VALUES = {"weight": 1.2, "lapse": 0.2}


@pytest.fixture(scope="module")
def offered():
    return em.get_model(OWN_MODELS / "offered_options.py")


@pytest.fixture(scope="module")
def study(offered):
    rng = np.random.default_rng(3)
    n = 120
    table = pd.DataFrame({"participant": np.repeat(["a", "b"], n // 2), "trial": np.arange(n)})
    for option in range(3):
        table[f"gain_{option}"] = rng.normal(0, 1, n)
    for option in (1, 2):
        table[f"offers_{option}"] = rng.integers(0, 2, n)
    return em.simulate(offered, em.Study(trials=table), VALUES, seed=1)[0]


def test_only_what_is_offered_is_chosen(study):
    trials = study.trials
    for option in (1, 2):
        chosen = trials["choice"] == option
        assert chosen.any()
        assert (trials.loc[chosen, f"offers_{option}"] == 1).all()


def test_it_is_the_loop(offered, study):
    found = em.log_likelihood(offered, study, VALUES)["row"]["choice"].to_series().to_numpy()
    expected = []
    for row in study.trials.itertuples():
        options = {0: row.gain_0}
        options |= {1: row.gain_1} if row.offers_1 else {}
        options |= {2: row.gain_2} if row.offers_2 else {}
        odds = {option: np.exp(1.2 * gain) for option, gain in options.items()}
        p = 0.8 * odds[int(row.choice)] / sum(odds.values()) + 0.2 / len(options)
        expected.append(np.log(p))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def test_a_choice_of_what_was_not_offered_is_named(offered, study):
    trials = study.trials.copy()
    row = trials.index[trials["offers_2"] == 0][0]
    trials.loc[row, "choice"] = 2
    where = f"participant a, trial {trials.loc[row, 'trial']}"
    with pytest.raises(ValueError, match=f"'choice' has log-density -inf at {where}"):
        em.fit(offered, em.Study(trials=trials), chains=1, draws=5, tune=5, seed=1)
