"""Choices between options, in a user's own model file: probabilities and a plain loop."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest

from empathymodels import Column, Response, State, Study, get_model, log_likelihood, put
from folders import OWN_MODELS

PATH = OWN_MODELS / "choice_learning.py"
LEARNING_RATE = {"self": 0.6, "other": 0.15}
INVERSE_TEMPERATURE = {"self": 5.0, "other": 1.5}
RECIPIENTS = ["self", "other", "other", "self", "other"]
OUTCOMES = [(1, 0), (0, 1), (0.2, 1), (1, 0.3), (0, 0.9)]


@pytest.fixture(scope="module")
def model():
    return get_model(PATH)


def named(values, name):
    return {f"{name}[{level}]": value for level, value in values.items()}


PARAMETERS = named(LEARNING_RATE, "learning_rate") | named(
    INVERSE_TEMPERATURE, "inverse_temperature"
)


def every_choice_sequence(options, trials=5):
    """One participant for every possible sequence of choices in the same short design."""
    rows = [
        {"participant": f"P{number:03}", "trial": t + 1, "choice": chosen}
        for number, choices in enumerate(itertools.product(range(options), repeat=trials))
        for t, chosen in enumerate(choices)
    ]
    table = pd.DataFrame(rows)
    table["recipient"] = [RECIPIENTS[t - 1] for t in table["trial"]]
    for k in range(options):
        table[f"outcome_{k}"] = [(*OUTCOMES[t - 1], 0.45)[k] for t in table["trial"]]
    return table


def loop(table, learning_rate, inverse_temperature, options):
    """Log-probability of every row, by a plain loop over one person's trials."""
    value, found = {}, []
    for row in table.itertuples():
        values = value.setdefault(row.recipient, [0.5] * options)
        beta = inverse_temperature[row.recipient]
        weights = [math.exp(beta * v) for v in values]
        if math.isnan(row.choice):
            found.append(math.nan)
            continue
        chosen = int(row.choice)
        found.append(math.log(weights[chosen] / sum(weights)))
        outcome = getattr(row, f"outcome_{chosen}")
        if not any(math.isnan(getattr(row, f"outcome_{k}")) for k in range(options)):
            values[chosen] += learning_rate[row.recipient] * (outcome - values[chosen])
    return found


def expected_rows(table, options=2, rates=LEARNING_RATE, temperatures=INVERSE_TEMPERATURE):
    parts = [
        pd.Series(loop(group, rates, temperatures, options), index=group.index)
        for _, group in table.groupby("participant")
    ]
    return pd.concat(parts).sort_index().to_numpy()


@pytest.fixture(scope="module")
def enumerated(model):
    table = every_choice_sequence(2)
    return table, log_likelihood(model, Study(trials=table), PARAMETERS)


def test_probabilities_of_all_choice_sequences_sum_to_one(enumerated):
    _, found = enumerated
    by_person = found["participant"]["log_likelihood"].sel(response="choice")
    assert by_person.sizes["participant"] == 32
    assert float(np.exp(by_person).sum()) == pytest.approx(1, rel=1e-12)
    assert float(by_person.std()) > 0.1


def test_equals_a_plain_loop(enumerated):
    table, found = enumerated
    np.testing.assert_allclose(found["row"]["choice"], expected_rows(table), rtol=1e-12)
    assert found.attrs["total"] == pytest.approx(expected_rows(table).sum(), rel=1e-12)


def test_values_per_recipient_equal_sequences_per_recipient(model, enumerated):
    table, found = enumerated
    rival = log_likelihood(model.rival("reset_per_recipient"), Study(trials=table), PARAMETERS)
    np.testing.assert_allclose(rival["row"]["choice"], found["row"]["choice"], rtol=1e-12)


def test_people_differ_and_choices_are_missed(model):
    rng = np.random.default_rng(8)
    people = ["a", "b", "c"]
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "participant": person,
                    "trial": np.arange(n),
                    "choice": rng.integers(0, 2, n).astype(float),
                    "recipient": rng.choice(["self", "other"], n),
                    "outcome_0": rng.random(n),
                    "outcome_1": rng.random(n),
                }
            )
            for person, n in zip(people, [7, 12, 4], strict=True)
        ],
        ignore_index=True,
    )
    table.loc[[2, 9, 20], "choice"] = np.nan
    values = pd.DataFrame(
        {
            "learning_rate[self]": [0.1, 0.5, 1.0],
            "learning_rate[other]": [0.9, 0.0, 0.3],
            "inverse_temperature[self]": [1.0, 4.0, 2.0],
            "inverse_temperature[other]": [3.0, 0.5, 6.0],
        },
        index=pd.Index(people, name="participant"),
    )
    shuffled = table.sample(frac=1, random_state=3).reset_index(drop=True)
    found = log_likelihood(model, Study(trials=shuffled), values)["row"]["choice"]
    for person in people:
        mine = table[table["participant"] == person]
        parameters = [
            {level: values.loc[person, f"{name}[{level}]"] for level in ("self", "other")}
            for name in ("learning_rate", "inverse_temperature")
        ]
        expected = loop(mine, *parameters, 2)
        rows = shuffled[shuffled["participant"] == person].sort_values("trial").index
        np.testing.assert_allclose(found[rows], expected, rtol=1e-12)
    assert int(np.isnan(found).sum()) == 3


# ------------------------------------------------------------------------------ three options


def step_of_three(state, parameters, data):
    """Values of three options, each a scalar; chosen by softmax."""
    first, second, third = state.value
    outcomes = (data.outcome_0, data.outcome_1, data.outcome_2)
    chosen = sum(pt.eq(data.choice, k) * (outcomes[k] - state.value[k]) for k in range(3))
    updated = [value + parameters.learning_rate * chosen for value in state.value]
    beta = parameters.inverse_temperature
    total = pt.exp(beta * first) + pt.exp(beta * second) + pt.exp(beta * third)
    latents = {f"utility_{k}": beta * value for k, value in enumerate(state.value)}
    latents |= {f"probability_{k}": pt.exp(beta * v) / total for k, v in enumerate(state.value)}
    kept = [pt.switch(pt.eq(data.choice, k), updated[k], state.value[k]) for k in range(3)]
    return dict(value=tuple(kept)), latents


def by_utility(latent, parameters, data):
    """Softmax of utilities by the distribution."""
    utilities = [latent.utility_0, latent.utility_1, latent.utility_2]
    return pm.Categorical.dist(logit_p=pt.stack(utilities, axis=-1))


def by_probability(latent, parameters, data):
    """Softmax written out with scalars in the trial's equations."""
    probabilities = [latent.probability_0, latent.probability_1, latent.probability_2]
    return pm.Categorical.dist(p=pt.stack(probabilities, axis=-1))


@pytest.fixture(scope="module")
def three(model):
    latents = {f"{kind}_{k}": "" for kind in ("utility", "probability") for k in range(3)}
    return replace(
        model,
        step=step_of_three,
        # the levels give the number of options; no row needs this column
        columns=(
            *model.columns,
            Column("outcome_2", "outcome of option 2", range=(0, 1)),
            Column("option", "the options", levels=("left", "middle", "right"), default=0.0),
        ),
        states=(State("value", 0.5, over="option"),),
        parameters=tuple(replace(p, by=None) for p in model.parameters),
        latents=latents,
        name="three_options",
    )


@pytest.mark.parametrize("function", [by_utility, by_probability])
def test_three_options(three, function):
    model = replace(three, responses=(Response("choice", function, "", levels=(0, 1, 2)),))
    model = replace(model, columns=tuple(c for c in model.columns if c.name != "recipient"))
    table = every_choice_sequence(3, trials=4).assign(recipient="anyone")
    values = {"learning_rate": 0.4, "inverse_temperature": 3.0}
    found = log_likelihood(model, Study(trials=table.drop(columns="recipient")), values)
    by_person = found["participant"]["log_likelihood"].sel(response="choice")
    assert by_person.sizes["participant"] == 81
    assert float(np.exp(by_person).sum()) == pytest.approx(1, rel=1e-12)
    expected = expected_rows(table, 3, {"anyone": 0.4}, {"anyone": 3.0})
    np.testing.assert_allclose(found["row"]["choice"], expected, rtol=1e-11)


def test_put_changes_one_option_only():
    options = tuple(pt.constant(float(k)) for k in range(3))
    for index in range(3):
        changed = [float(v.eval()) for v in put(options, pt.constant(index), pt.constant(9.0))]
        assert changed == [9.0 if k == index else float(k) for k in range(3)]
