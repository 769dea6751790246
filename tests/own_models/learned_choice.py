r"""Learned choice: whether to choose follows a value that is learned from outcomes.

.. math::

    V_{t+1} = V_t + \alpha (r_t - V_t), \qquad
    P(\text{choose}_t) = \frac{1}{1 + e^{-\beta (V_t - 1/2)}}
"""

from empathymodels import Choice, Column, Model, Parameter, Prior, Reference, Response, State


def step(state, parameters, data):
    """Choose by the value, then update it."""
    learned = state.value + parameters.learning_rate * (data.outcome - state.value)
    utility = parameters.inverse_temperature * (state.value - 0.5)
    return dict(value=learned), dict(value=state.value, utility=utility)


def choose(latent, parameters, data):
    """Choice of the option."""
    return Choice.dist(latent.utility)


model = Model(
    title="choices follow a learned value",
    step=step,
    states=(State("value", 0.5, meaning="value of the option"),),
    latents={"value": "value before the choice", "utility": "log odds of choosing"},
    columns=(Column("outcome", "what the option brought", levels=(0, 1)),),
    parameters=(
        Parameter(
            "learning_rate",
            "share of the prediction error that is learned",
            location=Prior("Normal", mu=-1, sigma=1),
            spread=Prior("HalfNormal", sigma=0.75),
            support="unit",
            typical=(0.05, 0.7),
        ),
        Parameter(
            "inverse_temperature",
            "weight of the value",
            location=Prior("Normal", mu=1, sigma=0.75),
            spread=Prior("HalfNormal", sigma=0.5),
            support="positive",
            typical=(1, 10),
        ),
    ),
    responses=(Response("choose", choose, "1: chosen, 0: not", levels=(0, 1)),),
    references=(
        Reference(
            "Rescorla, R. A., & Wagner, A. R. (1972). A theory of Pavlovian conditioning. In "
            "Classical conditioning II, 64-99.",
            "10.1093/acprof:oso/9780199600434.003.0001",
        ),
    ),
)
