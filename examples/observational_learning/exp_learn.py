r"""Experiential learning: the token to choose is learned from one's own rewards.

One chooses token :math:`k_t` (1: orange, 2: blue) and gets :math:`R_t` points, which are the
points at stake where that token is rewarded now and zero otherwise. The probability :math:`V_k`
that a token is rewarded is learned, and the size :math:`M_k` of its last reward fades. With
:math:`V_1 = V_2 = 0.5` and :math:`M_1 = M_2 = 0` at the start of the experiment (they are carried
on from block to block), and :math:`k'` the token that was not chosen,

.. math::

    P(\text{orange}_t) &=
        \frac{1}{1 + e^{-\beta (V_{1,t} - V_{2,t}) - m (M_{1,t} - M_{2,t})}} \\
    \delta_t &= [R_t > 0] - V_{k_t,t} \\
    V_{k_t,t+1} &= V_{k_t,t} + \alpha \delta_t, \qquad V_{k'_t,t+1} = 1 - V_{k_t,t+1} \\
    (M_{k_t,t+1}, M_{k'_t,t+1}) &= \begin{cases}
        (R_t / 100,\; M_{k'_t,t} / 2) & \text{if } R_t > 0 \\
        (M_{k_t,t} / 2,\; M_{k'_t,t}) & \text{otherwise}
    \end{cases}

Nothing changes after a missed choice. Since :math:`V_1 + V_2 = 1` always, :math:`V_1` alone is
carried here.

References
----------
Charpentier et al. (2024), doi:10.1038/s41467-024-48548-y.
"""

import pytensor.tensor as pt

from empathymodels import Choice, Column, Model, Parameter, Prior, Reference, Response, State


def next_magnitude(magnitude, chosen, rewarded, points):
    """The size of a token's last reward, after a trial."""
    of_chosen = pt.where(rewarded, points / 100, magnitude / 2)
    of_other = pt.where(rewarded, magnitude / 2, magnitude)
    return pt.where(chosen, of_chosen, of_other)


def step(state, parameters, data):
    """One trial: a token is chosen, then its reward is seen."""
    orange, blue = pt.eq(data.choose_orange, 1), pt.eq(data.choose_orange, 0)
    rewarded = pt.eq(data.choose_orange, data.orange_rewarded)
    expected = pt.where(orange, state.orange_value, 1 - state.orange_value)
    prediction_error = rewarded - expected
    learned = expected + parameters.learning_rate * prediction_error
    magnitudes = state.orange_magnitude, state.blue_magnitude
    next_state = dict(
        orange_value=pt.where(orange, learned, 1 - learned),
        orange_magnitude=next_magnitude(magnitudes[0], orange, rewarded, data.points_at_stake),
        blue_magnitude=next_magnitude(magnitudes[1], blue, rewarded, data.points_at_stake),
    )
    value = 2 * state.orange_value - 1
    magnitude = magnitudes[0] - magnitudes[1]
    latents = dict(
        value=value,
        magnitude=magnitude,
        prediction_error=prediction_error,
        utility=parameters.inverse_temperature * value + parameters.magnitude_weight * magnitude,
    )
    return next_state, latents


def choose_orange(latent, parameters, data):
    """The choice of a token, given the log odds of orange."""
    return Choice.dist(latent.utility)


model = Model(
    title="the token to choose is learned from one's own rewards",
    step=step,
    states=(
        State("orange_value", 0.5, meaning="probability that orange is rewarded"),
        State("orange_magnitude", 0.0, meaning="size of the last reward of orange"),
        State("blue_magnitude", 0.0, meaning="size of the last reward of blue"),
    ),
    sequence=(),
    latents={
        "value": "reward probability of orange minus that of blue, before the choice",
        "magnitude": "last reward of orange minus that of blue, before the choice",
        "prediction_error": "reward (1 or 0) minus what the chosen token promised",
        "utility": "log odds of choosing orange",
    },
    columns=(
        Column("orange_rewarded", "1: orange is rewarded now, 0: blue is", levels=(0, 1)),
        Column("points_at_stake", "points that the rewarded token gives", range=(1, 100)),
    ),
    parameters=(
        Parameter(
            "learning_rate",
            "share of the prediction error that changes the reward probabilities",
            location=Prior("Normal", mu=-1, sigma=1),
            spread=Prior("HalfNormal", sigma=1),
            support="unit",
            typical=(0.05, 0.7),
        ),
        Parameter(
            "inverse_temperature",
            "how consistently choices follow the reward probabilities",
            location=Prior("Normal", mu=0, sigma=1),
            spread=Prior("HalfNormal", sigma=1),
            support="positive",
            typical=(0.3, 5),
        ),
        Parameter(
            "magnitude_weight",
            "weight of the sizes of the last rewards",
            location=Prior("Normal", mu=0, sigma=1),
            spread=Prior("HalfNormal", sigma=1),
            typical=(-1, 2),
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
