"""Learning for oneself, for another and for no one: a plain loop, rivals, missed trials, a fit."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

import empathymodels as em

RECIPIENTS = ("self", "other", "no_one")
RATES = {"self": 0.35, "other": 0.12, "no_one": 0.6}
TEMPERATURES = {"self": 6.0, "other": 2.5, "no_one": 11.0}


@pytest.fixture(scope="module")
def learning():
    return em.get_model("prosocial_learning")


@pytest.fixture(scope="module")
def played():
    """Three people, nine blocks of six trials, outcomes -1, 0 and 1, some choices missed."""
    rng = np.random.default_rng(7)
    rows = [
        {"participant": person, "block": block, "trial": 6 * block + k, "recipient": recipient}
        for person in ("a", "b", "c")
        for block, recipient in enumerate(RECIPIENTS * 3)
        for k in range(6)
    ]
    table = pd.DataFrame(rows)
    table["choice"] = rng.integers(0, 2, len(table)).astype(float)
    table["outcome"] = rng.integers(-1, 2, len(table)).astype(float)
    table.loc[rng.random(len(table)) < 0.1, ["choice", "outcome"]] = np.nan
    return table


def loop(table, rate, temperature, start=0.5):
    """Log-probability of every choice; `rate(recipient, error)` and `temperature(recipient)`."""
    found = []
    for _, block in table.groupby(["participant", "block"], sort=False):
        values = [start, start]
        for row in block.itertuples():
            if math.isnan(row.choice):
                found.append(math.nan)
                continue
            weights = [math.exp(temperature(row.recipient) * v) for v in values]
            chosen = int(row.choice)
            found.append(math.log(weights[chosen] / sum(weights)))
            error = row.outcome - values[chosen]
            values[chosen] += rate(row.recipient, error) * error
    return np.array(found)


def named(**values):
    return {
        f"{name}[{level}]": number for name, of in values.items() for level, number in of.items()
    }


def rows_of(model, table, values):
    found = em.log_likelihood(model, em.Study(trials=table), values)
    return found["row"]["choice"].to_series().to_numpy()


def test_it_is_the_loop(learning, played):
    values = named(learning_rate=RATES, inverse_temperature=TEMPERATURES)
    expected = loop(played, lambda who, _: RATES[who], TEMPERATURES.get)
    assert 0 < np.isnan(expected).sum() < len(expected) / 4
    np.testing.assert_allclose(rows_of(learning, played, values), expected, rtol=0, atol=1e-8)


def test_the_grid_of_four(learning, played):
    """Each of the two per recipient, or shared by all."""
    for by_rate, by_temperature in itertools.product((True, False), repeat=2):
        pooled = [
            n
            for n, by in (("learning_rate", by_rate), ("inverse_temperature", by_temperature))
            if not by
        ]
        model = learning.pool(*pooled) if pooled else learning
        values = named(learning_rate=RATES) if by_rate else {"learning_rate": 0.3}
        values |= (
            named(inverse_temperature=TEMPERATURES)
            if by_temperature
            else {"inverse_temperature": 4.0}
        )
        expected = loop(
            played,
            lambda who, _, by=by_rate: RATES[who] if by else 0.3,
            lambda who, by=by_temperature: TEMPERATURES[who] if by else 4.0,
        )
        found = rows_of(model, played, values)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)
    names = {"one_temperature": ["inverse_temperature"], "one_rate": ["learning_rate"]}
    for rival, shared in names.items():
        by = {p.name: p.by for p in learning.rival(rival).parameters if p.by}
        assert set(shared).isdisjoint(by)
        assert len(by) == 1
    assert not any(p.by for p in learning.rival("one_learner").parameters)


@pytest.mark.parametrize("is_mixed", [False, True], ids=["blocks", "integrated"])
def test_rates_by_valence(learning, played, is_mixed):
    """Where recipients alternate within a block, what anybody gets moves one integrated value."""
    if is_mixed:
        who = np.random.default_rng(8).choice(RECIPIENTS, len(played))
        played = played.assign(recipient=who)
    model = learning.rival("rates_by_valence")
    worse = {who: rate / 3 for who, rate in RATES.items()}
    values = named(
        learning_rate_better=RATES, learning_rate_worse=worse, inverse_temperature=TEMPERATURES
    )
    expected = loop(
        played, lambda who, error: (RATES if error > 0 else worse)[who], TEMPERATURES.get
    )
    found = rows_of(model, played, values)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def test_where_values_start(learning, played):
    values = named(learning_rate=RATES, inverse_temperature=TEMPERATURES)
    expected = loop(played, lambda who, _: RATES[who], TEMPERATURES.get, start=0.0)
    held = rows_of(learning.fix(start_value=0.0), played, values)
    free = rows_of(learning.rival("estimated_start"), played, values | {"start_value": 0.0})
    for found in (held, free):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)
    assert learning.parameter("start_value").fixed == 0.5


def test_without_learning_choices_are_tosses_of_a_coin(learning, played):
    found = rows_of(learning.rival("no_learning"), played, {})
    np.testing.assert_allclose(found[~np.isnan(found)], math.log(0.5), rtol=1e-12)
    assert (np.isnan(found) == played["choice"].isna()).all()


def test_a_simulation_needs_what_every_choice_would_have_brought(learning, played):
    values = named(learning_rate=RATES, inverse_temperature=TEMPERATURES)
    with pytest.raises(ValueError, match="outcome_0"):
        em.simulate(learning, em.Study(trials=played), values, seed=1)
    both = played.drop(columns=["choice", "outcome"]).assign(outcome_0=0, outcome_1=1)
    simulated, _ = em.simulate(learning, em.Study(trials=both), values, seed=1)
    trials = simulated.trials
    assert (trials["outcome"] == trials["choice"]).all()
    late = trials.groupby(["participant", "block"]).tail(3)
    assert late["choice"].mean() > trials.groupby(["participant", "block"]).head(1)["choice"].mean()


def test_the_bundled_study_shows_the_published_order():
    """Most is learned for oneself; accuracy rises within blocks."""
    trials = em.load_study("self_other_no_one").trials
    accuracy = trials.groupby("recipient")["choice"].mean()
    assert accuracy["self"] > max(accuracy["other"], accuracy["no_one"])
    place = trials.groupby(["participant", "block"]).cumcount()
    assert trials["choice"][place > 11].mean() > trials["choice"][place < 4].mean() + 0.1
    counts = trials.groupby(["participant", "recipient", "block"]).size()
    assert set(counts) == {16}
    assert len(counts) == 40 * 9
