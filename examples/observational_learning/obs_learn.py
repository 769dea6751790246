r"""Observational learning: the token to choose is inferred from the partner's choices.

On each trial one sees a partner, who knows the token that is rewarded now, choose box
:math:`b_t \in \{1, 2\}` and get token :math:`o_t` (1: orange, 2: blue). The probability
:math:`A_b` that box :math:`b` gives orange is learned; the partner's box then tells which token
the partner is after. With :math:`A_1 = A_2 = 0.5` at the start of each block, and :math:`b'` the
box that was not chosen,

.. math::

    \delta_t &= [o_t = 1] - A_{b_t,t} \\
    A_{b_t,t+1} &= A_{b_t,t} + \alpha \delta_t, \qquad
    A_{b'_t,t+1} = A_{b'_t,t} - \alpha \delta_t \\
    v_t &= 2 A_{b_t,t+1} - 1, \quad \text{and } v_t = 0 \text{ on the first trial of a block} \\
    P(\text{orange}_t) &= \frac{1}{1 + e^{-\beta v_t}}

What is seen comes before one's own choice of the same trial. Since :math:`A_1 + A_2 = 1` always,
:math:`A_1` alone is carried here.

References
----------
Charpentier et al. (2024), doi:10.1038/s41467-024-48548-y.
"""

import pytensor.tensor as pt

from empathymodels import Choice, Column, Model, Parameter, Prior, Reference, Response, State


def step(state, parameters, data):
    """One trial: the partner is watched, then a token is chosen."""
    first_box = pt.eq(data.partner_box, 1)
    expected = pt.where(first_box, state.orange_from_box_1, 1 - state.orange_from_box_1)
    prediction_error = pt.eq(data.partner_token, 1) - expected
    belief = expected + parameters.learning_rate * prediction_error
    orange_from_box_1 = pt.where(first_box, belief, 1 - belief)
    value = pt.where(pt.eq(data.first_of_block, 1), 0.0, 2 * belief - 1)
    latents = dict(
        value=value,
        prediction_error=prediction_error,
        utility=parameters.inverse_temperature * value,
    )
    return dict(orange_from_box_1=orange_from_box_1), latents


def choose_orange(latent, parameters, data):
    """The choice of a token, given the log odds of orange."""
    return Choice.dist(latent.utility)


model = Model(
    title="the token to choose is inferred from the partner's choices",
    step=step,
    states=(State("orange_from_box_1", 0.5, meaning="probability that box 1 gives orange"),),
    latents={
        "value": "evidence from the partner's box for orange (1) against blue (-1)",
        "prediction_error": "partner's token (1: orange, 0: blue) minus what its box promised",
        "utility": "log odds of choosing orange",
    },
    columns=(
        Column("partner_box", "box that the partner chose", levels=(1, 2)),
        Column("partner_token", "token that the partner got; 1: orange, 2: blue", levels=(1, 2)),
        Column("first_of_block", "1: first trial of a block, 0: a later one", levels=(0, 1)),
    ),
    parameters=(
        Parameter(
            "learning_rate",
            "share of the prediction error that changes the belief about the boxes",
            location=Prior("Normal", mu=0, sigma=1),
            spread=Prior("HalfNormal", sigma=1),
            support="unit",
            typical=(0.1, 0.8),
        ),
        Parameter(
            "inverse_temperature",
            "how consistently choices follow what the partner shows",
            location=Prior("Normal", mu=0, sigma=1),
            spread=Prior("HalfNormal", sigma=1),
            support="positive",
            typical=(0.3, 5),
        ),
    ),
    responses=(Response("choose_orange", choose_orange, "1: orange, 0: blue", levels=(0, 1)),),
    references=(
        Reference(
            "Charpentier, C. J., Wu, Q., Min, S., Ding, W., Cockburn, J., & O'Doherty, J. P. "
            "(2024). Heterogeneity in strategy use during arbitration between experiential and "
            "observational learning. Nature Communications, 15, 4436.",
            "10.1038/s41467-024-48548-y",
        ),
    ),
)
