r"""Choice learning: which of two options serves a recipient better, learned from outcomes.

For every recipient both options have a value. The chosen option's value moves toward its
outcome (Rescorla-Wagner); a softmax of the two values gives the choice:

.. math::

    V_{k,t+1} = V_{k,t} + \alpha_{recipient} (\lambda_{k,t} - V_{k,t})
    \quad \text{if option } k \text{ is chosen}, \qquad
    P(\text{choice}_t = 1) = \frac{1}{1 + e^{-\beta_{recipient} (V_{1,t} - V_{0,t})}}
"""

from dataclasses import replace

import pytensor.tensor as pt

from empathymodels import (
    Choice,
    Column,
    Model,
    Parameter,
    Prior,
    Reference,
    Response,
    State,
    pick,
    put,
)


def step(state, parameters, data):
    """Choose by the values of the present recipient, then update the chosen one."""
    value_0, value_1 = pick(state.value_0, data.recipient), pick(state.value_1, data.recipient)
    updated_0 = value_0 + parameters.learning_rate * (data.outcome_0 - value_0)
    updated_1 = value_1 + parameters.learning_rate * (data.outcome_1 - value_1)
    chose_0 = pt.eq(data.choice, 0)
    next_state = dict(
        value_0=put(state.value_0, data.recipient, pt.where(chose_0, updated_0, value_0)),
        value_1=put(state.value_1, data.recipient, pt.where(chose_0, value_1, updated_1)),
    )
    utility = parameters.inverse_temperature * (value_1 - value_0)
    return next_state, dict(value_0=value_0, value_1=value_1, utility=utility)


def choice(latent, parameters, data):
    """Choice of option 1 rather than 0."""
    return Choice.dist(latent.utility)


def reset_per_recipient(model):
    """Every recipient is a sequence of its own, so the values need no recipient."""

    def step(state, parameters, data):
        value_0, value_1 = state.value_0, state.value_1
        updated_0 = value_0 + parameters.learning_rate * (data.outcome_0 - value_0)
        updated_1 = value_1 + parameters.learning_rate * (data.outcome_1 - value_1)
        chose_0 = pt.eq(data.choice, 0)
        next_state = dict(
            value_0=pt.where(chose_0, updated_0, value_0),
            value_1=pt.where(chose_0, value_1, updated_1),
        )
        utility = parameters.inverse_temperature * (value_1 - value_0)
        return next_state, dict(value_0=value_0, value_1=value_1, utility=utility)

    states = tuple(replace(state, over=None) for state in model.states)
    return replace(model, step=step, states=states, sequence=("block", "recipient"))


model = Model(
    title="two options, learned for each recipient from the outcomes of choices",
    step=step,
    states=(
        State("value_0", 0.5, over="recipient", meaning="expected outcome of option 0"),
        State("value_1", 0.5, over="recipient", meaning="expected outcome of option 1"),
    ),
    latents={
        "value_0": "expected outcome of option 0 for the present recipient",
        "value_1": "expected outcome of option 1 for the present recipient",
        "utility": "weighted difference between the options' values",
    },
    sequence=("block",),
    columns=(
        Column("recipient", "who gets the outcome", levels=("self", "other")),
        Column("outcome_0", "outcome of option 0", range=(0, 1)),
        Column("outcome_1", "outcome of option 1", range=(0, 1)),
    ),
    parameters=(
        Parameter(
            "learning_rate",
            "share of the prediction error that changes the chosen option's value",
            location=Prior("Normal", mu=-1, sigma=1),
            spread=Prior("HalfNormal", sigma=0.75),
            support="unit",
            by="recipient",
            typical=(0.05, 0.7),
            symbol=r"\alpha",
        ),
        Parameter(
            "inverse_temperature",
            "how strongly the difference in values decides",
            location=Prior("Normal", mu=1, sigma=0.75),
            spread=Prior("HalfNormal", sigma=0.5),
            support="positive",
            by="recipient",
            typical=(1, 8),
            symbol=r"\beta",
        ),
    ),
    responses=(Response("choice", choice, "option chosen", levels=(0, 1)),),
    rivals={"reset_per_recipient": reset_per_recipient},
    references=(
        Reference(
            "Lockwood, P. L., Apps, M. A. J., Valton, V., Viding, E., & Roiser, J. P. (2016). "
            "Neurocomputational mechanisms of prosocial learning and links to empathy. PNAS, 113, "
            "9763-9768.",
            "10.1073/pnas.1603198113",
        ),
    ),
)
