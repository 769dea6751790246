r"""Fixed arbitration: observation and own experience are mixed with a constant weight.

The two learners of ``obs_learn.py`` and ``exp_learn.py`` run side by side, each with a learning
rate and an inverse temperature of its own, and their choice probabilities are mixed.

Observation: on each trial the partner chooses box :math:`b_t \in \{1, 2\}` and gets token
:math:`o_t` (1: orange, 2: blue), *before* one's own choice. The probability :math:`A_b` that box
:math:`b` gives orange starts at 0.5 in each block; :math:`b'` is the box that was not chosen:

.. math::

    \delta^O_t &= [o_t = 1] - A_{b_t,t} \\
    A_{b_t,t+1} &= A_{b_t,t} + \alpha_O \delta^O_t, \qquad
    A_{b'_t,t+1} = A_{b'_t,t} - \alpha_O \delta^O_t \\
    v_t &= 2 A_{b_t,t+1} - 1, \quad \text{and } v_t = 0 \text{ on the first trial of a block}

Experience: one chooses token :math:`k_t` and gets :math:`R_t` points. Its reward probability
:math:`V_k` starts at 0.5 and the size of its last reward :math:`M_k` at 0, once in the experiment;
:math:`k'` is the token that was not chosen:

.. math::

    \delta^E_t &= [R_t > 0] - V_{k_t,t} \\
    V_{k_t,t+1} &= V_{k_t,t} + \alpha_E \delta^E_t, \qquad V_{k'_t,t+1} = 1 - V_{k_t,t+1} \\
    (M_{k_t,t+1}, M_{k'_t,t+1}) &= \begin{cases}
        (R_t / 100,\; M_{k'_t,t} / 2) & \text{if } R_t > 0 \\
        (M_{k_t,t} / 2,\; M_{k'_t,t}) & \text{otherwise}
    \end{cases}

The choice, with the logistic function :math:`\sigma` and the weight :math:`w` of observation:

.. math::

    P(\text{orange}_t) = w\, \sigma(\beta_O v_t)
        + (1 - w)\, \sigma\big(\beta_E (V_{1,t} - V_{2,t}) + m (M_{1,t} - M_{2,t})\big)

A missed choice leaves experience as it is; the partner is learned from all the same. Since
:math:`A_1 + A_2 = V_1 + V_2 = 1` always, :math:`A_1` and :math:`V_1` alone are carried here.

References
----------
Charpentier et al. (2024), doi:10.1038/s41467-024-48548-y.
"""

import pytensor.tensor as pt

from empathymodels import Choice, Column, Model, Parameter, Prior, Reference, Response, State


def observed(state, parameters, data):
    """What the partner shows: the next belief about box 1, and latents."""
    first_trial, first_box = pt.eq(data.first_of_block, 1), pt.eq(data.partner_box, 1)
    belief_before = pt.where(first_trial, 0.5, state.orange_from_box_1)
    expected = pt.where(first_box, belief_before, 1 - belief_before)
    prediction_error = pt.eq(data.partner_token, 1) - expected
    belief = expected + parameters.observational_learning_rate * prediction_error
    value = pt.where(first_trial, 0.0, 2 * belief - 1)
    latents = dict(observational_value=value, observational_prediction_error=prediction_error)
    return dict(orange_from_box_1=pt.where(first_box, belief, 1 - belief)), latents


def next_magnitude(magnitude, chosen, rewarded, points):
    """The size of a token's last reward, after a trial."""
    of_chosen = pt.where(rewarded, points / 100, magnitude / 2)
    of_other = pt.where(rewarded, magnitude / 2, magnitude)
    return pt.where(chosen, of_chosen, of_other)


def experienced(state, parameters, data):
    """What one's own choice brings: the next values of the tokens, and latents."""
    orange, blue = pt.eq(data.choose_orange, 1), pt.eq(data.choose_orange, 0)
    rewarded = pt.eq(data.choose_orange, data.orange_rewarded)
    expected = pt.where(orange, state.orange_value, 1 - state.orange_value)
    prediction_error = rewarded - expected
    learned = expected + parameters.experiential_learning_rate * prediction_error
    magnitudes = state.orange_magnitude, state.blue_magnitude
    next_state = dict(
        orange_value=pt.where(orange, learned, 1 - learned),
        orange_magnitude=next_magnitude(magnitudes[0], orange, rewarded, data.points_at_stake),
        blue_magnitude=next_magnitude(magnitudes[1], blue, rewarded, data.points_at_stake),
    )
    latents = dict(
        experiential_value=2 * state.orange_value - 1,
        magnitude=magnitudes[0] - magnitudes[1],
        experiential_prediction_error=prediction_error,
    )
    return next_state, latents


def log_odds_of_mixture(weight, first, second):
    """Log odds of a mixture of two choices, given theirs."""
    yes = weight / (1 + pt.exp(-first)) + (1 - weight) / (1 + pt.exp(-second))
    no = weight / (1 + pt.exp(first)) + (1 - weight) / (1 + pt.exp(second))
    return pt.log(yes) - pt.log(no)


def step(state, parameters, data):
    """One trial: the partner is watched, a token is chosen, then its reward is seen."""
    belief, of_partner = observed(state, parameters, data)
    tokens, of_self = experienced(state, parameters, data)
    utility = log_odds_of_mixture(
        parameters.observation_weight,
        parameters.observational_inverse_temperature * of_partner["observational_value"],
        parameters.experiential_inverse_temperature * of_self["experiential_value"]
        + parameters.magnitude_weight * of_self["magnitude"],
    )
    return belief | tokens, of_partner | of_self | dict(utility=utility)


def choose_orange(latent, parameters, data):
    """The choice of a token, given the log odds of orange."""
    return Choice.dist(latent.utility)


def learning_rate(name, meaning):
    """A learning rate of one of the two learners."""
    return Parameter(
        name,
        meaning,
        location=Prior("Normal", mu=-0.5, sigma=1),
        spread=Prior("HalfNormal", sigma=1),
        support="unit",
        typical=(0.05, 0.8),
    )


def inverse_temperature(name, meaning):
    """An inverse temperature of one of the two learners."""
    return Parameter(
        name,
        meaning,
        location=Prior("Normal", mu=0.5, sigma=1),
        spread=Prior("HalfNormal", sigma=1),
        support="positive",
        typical=(0.5, 6),
    )


model = Model(
    title="observation and own experience are mixed with a constant weight",
    step=step,
    states=(
        State("orange_from_box_1", 0.5, meaning="probability that box 1 gives orange"),
        State("orange_value", 0.5, meaning="probability that orange is rewarded"),
        State("orange_magnitude", 0.0, meaning="size of the last reward of orange"),
        State("blue_magnitude", 0.0, meaning="size of the last reward of blue"),
    ),
    sequence=(),
    latents={
        "observational_value": "evidence from the partner's box for orange (1), blue (-1)",
        "observational_prediction_error": "partner's token (1: orange) minus what its box promised",
        "experiential_value": "reward probability of orange minus that of blue, before the choice",
        "magnitude": "last reward of orange minus that of blue, before the choice",
        "experiential_prediction_error": "reward (1 or 0) minus what the chosen token promised",
        "utility": "log odds of choosing orange",
    },
    columns=(
        Column("partner_box", "box that the partner chose", levels=(1, 2)),
        Column("partner_token", "token that the partner got; 1: orange, 2: blue", levels=(1, 2)),
        Column("first_of_block", "1: first trial of a block, 0: a later one", levels=(0, 1)),
        Column("orange_rewarded", "1: orange is rewarded now, 0: blue is", levels=(0, 1)),
        Column("points_at_stake", "points that the rewarded token gives", range=(1, 100)),
    ),
    parameters=(
        Parameter(
            "observation_weight",
            "share of choices that follow the partner rather than own rewards",
            location=Prior("Normal", mu=0, sigma=1),
            spread=Prior("HalfNormal", sigma=1),
            support="unit",
            typical=(0.1, 0.9),
        ),
        learning_rate("observational_learning_rate", "learning rate of the belief about boxes"),
        learning_rate("experiential_learning_rate", "learning rate of the reward probabilities"),
        inverse_temperature(
            "observational_inverse_temperature",
            "how consistently choices by observation follow what the partner shows",
        ),
        inverse_temperature(
            "experiential_inverse_temperature",
            "how consistently choices by experience follow the reward probabilities",
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
