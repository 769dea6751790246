r"""Two-option learner of the benchmark, as a user of the package writes it.

.. math:: V \leftarrow V + \alpha (\text{outcome} - V), \qquad
          P(\text{choice} = 1) = \text{logit}^{-1}(\beta (V_1 - V_0))

References
----------
Rescorla & Wagner (1972); see Daw (2011), doi:10.1093/acprof:oso/9780199600434.003.0001.
"""

import pytensor.tensor as pt

from empathymodels import Choice, Column, Model, Parameter, Prior, Response, State


def step(state, parameters, data):
    """Update the value of the chosen option."""
    change = parameters.learning_rate * (
        data.outcome - pt.where(pt.eq(data.choice, 1), state.second, state.first)
    )
    following = dict(
        first=state.first + (1 - data.choice) * change, second=state.second + data.choice * change
    )
    return following, dict(utility=parameters.inverse_temperature * (state.second - state.first))


def choice(latent, parameters, data):
    """Choose the second option by a logistic function of the utility."""
    return Choice.dist(latent.utility)


model = Model(
    title="two-option Rescorla-Wagner learner",
    step=step,
    states=(State("first", 0.5), State("second", 0.5)),
    latents={"utility": "inverse temperature times the difference of values"},
    sequence=("recipient",),
    columns=(
        Column("outcome", "1: won, 0: not", levels=(0, 1)),
        Column("recipient", "who wins", levels="any"),
    ),
    parameters=(
        Parameter(
            "learning_rate",
            "share of the prediction error that changes the value",
            location=Prior("Normal", mu=-1.5, sigma=1),
            spread=Prior("HalfNormal", sigma=0.75),
            support="unit",
            by="recipient",
            typical=(0.05, 0.7),
        ),
        Parameter(
            "inverse_temperature",
            "how strictly the better option is chosen",
            location=Prior("Normal", mu=1.5, sigma=1),
            spread=Prior("HalfNormal", sigma=0.5),
            support="positive",
            by="recipient",
            typical=(1, 10),
        ),
    ),
    responses=(Response("choice", choice, "option chosen", levels=(0, 1)),),
)
