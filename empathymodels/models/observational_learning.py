r"""Observational learning: what to choose is learned from another's choices and from own rewards.

Two tokens, orange and blue, of which one is rewarded now. On every trial one first watches a
partner, who knows which, choose a box :math:`b \in \{1, 2\}` and get a token, then chooses a token
oneself. *Emulation* infers what the partner is after: the probability :math:`A_b` that a box gives
orange starts at 0.5 in each block, with new boxes, and :math:`b'` is the box not chosen:

.. math::

    \delta^O_t &= [\text{partner's token}_t = \text{orange}] - A_{b,t} \\
    A_{b,t+1} &= A_{b,t} + \alpha_O\, \delta^O_t, \qquad
        A_{b',t+1} = A_{b',t} - \alpha_O\, \delta^O_t \\
    v_t &= 2 A_{b,t+1} - 1, \quad \text{and } v_t = 0 \text{ on the first trial of a block}

*Experience* learns the probability :math:`V_k` that one's chosen token :math:`k` is rewarded, from
0.5, and the size :math:`M_k` of its last reward, from 0; :math:`R_t` is the points got, :math:`k'`
the token not chosen. Both are carried on over blocks:

.. math::

    \delta^E_t &= [R_t > 0] - V_{k,t}, \qquad
        V_{k,t+1} = V_{k,t} + \alpha_E\, \delta^E_t, \qquad V_{k',t+1} = 1 - V_{k,t+1} \\
    (M_{k,t+1}, M_{k',t+1}) &= \begin{cases}
        (R_t / 100,\; M_{k',t} / 2) & \text{if } R_t > 0 \\
        (M_{k,t} / 2,\; M_{k',t}) & \text{otherwise}
    \end{cases}

*Arbitration* mixes the choices of both, with a weight :math:`w` of observation:

.. math::

    P(\text{orange}_t) = w\, \sigma(\beta_O v_t) + (1 - w)\,
        \sigma\big(\beta_E (V_{\text{orange},t} - V_{\text{blue},t})
        + m (M_{\text{orange},t} - M_{\text{blue},t})\big)

with the logistic function :math:`\sigma`. The rival `dynamic_arbitration` has a weight of every
trial, by how reliable either learner is: :math:`\text{logit}\, w_t = r^O_t - r^E_t + b`.

Notes
-----
What was published (2024): all equations of this model and, with one exception, of the rivals
`observation_only`, `experience_only`, `dynamic_arbitration` and `choice_biases`, where imitation
is repeating the side that the partner took. The package gives the authors' log-likelihoods of the
first two and of the fixed weight at their estimates of everybody.
What is ours: the hierarchy, every prior, the rival `no_magnitude`. The exception: after a missed
choice, reliability and the side chosen last are those of the trial before; they were set to zero.
The study of 2020 found choice imitation and goal emulation weighted by the reliability of
emulation, in a task where both persons choose among the same machines; that task is not here.
Traps: what is seen of the partner comes before the choice of the same trial. A weight near 0 or 1
leaves the other learner's rate and temperature to the prior: read a person's rates beside the
weight, and correlate none of them without it. Where a learner hardly learns, its temperature is
not known either. A fifth of the people of 2024 were best described by `choice_biases`, so compare
with it. Reliability compares an error with the smallest and largest so far, which bends the
likelihood at the trials where these change.

References
----------
Charpentier, C. J., Wu, Q., Min, S., Ding, W., Cockburn, J., & O'Doherty, J. P. (2024).
Heterogeneity in strategy use during arbitration between experiential and observational learning.
Nature Communications, 15, 4436. doi:10.1038/s41467-024-48548-y

Charpentier, C. J., Iigaya, K., & O'Doherty, J. P. (2020). A neuro-computational account of
arbitration between choice imitation and goal emulation during human observational learning.
Neuron, 106, 687-699. doi:10.1016/j.neuron.2020.02.028
"""

from dataclasses import replace

import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Watch the partner, choose by observation and by experience, then see the reward."""
    following, latents = _learned(state, parameters, data)
    return following, latents | {
        "utility": _arbitrated(parameters, latents, parameters.observation_weight)
    }


def _learned(state, parameters, data):
    """Return the next states of both learners, and what they tell of this trial."""
    beliefs, of_partner = _observed(state, parameters, data)
    values, of_oneself = _experienced(state, parameters, data)
    return beliefs | values, of_partner | of_oneself


def _observed(state, parameters, data):
    first = pt.eq(data.first_of_block, 1)
    is_box_1 = pt.eq(data.partner_box, 1)
    before = pt.where(first, 0.5, state.orange_from_box_1)
    expected = pt.where(is_box_1, before, 1 - before)
    error = pt.eq(data.partner_token, 1) - expected
    belief = expected + parameters.observational_learning_rate * error
    value = pt.where(first, 0.0, 2 * belief - 1)
    latents = {"observational_value": value, "observational_prediction_error": error}
    return {"orange_from_box_1": pt.where(is_box_1, belief, 1 - belief)}, latents


def _experienced(state, parameters, data):
    orange, blue = pt.eq(data.choice, 1), pt.eq(data.choice, 0)
    rewarded = pt.eq(data.choice, data.orange_rewarded)
    expected = pt.where(orange, state.orange_value, 1 - state.orange_value)
    error = rewarded - expected
    learned = expected + parameters.experiential_learning_rate * error

    def next_size(size, chosen):
        of_chosen = pt.where(rewarded, data.points_at_stake / 100, size / 2)
        return pt.where(chosen, of_chosen, pt.where(rewarded, size / 2, size))

    following = {
        "orange_value": pt.where(orange, learned, 1 - learned),
        "orange_size": next_size(state.orange_size, orange),
        "blue_size": next_size(state.blue_size, blue),
    }
    return following, {
        "experiential_value": 2 * state.orange_value - 1,
        "size_difference": state.orange_size - state.blue_size,
        "experiential_prediction_error": error,
    }


def _arbitrated(parameters, latents, weight):
    """Log odds of orange, of a mixture of the choices of both learners."""
    observed = parameters.observational_inverse_temperature * latents["observational_value"]
    experienced = parameters.experiential_inverse_temperature * latents["experiential_value"]
    experienced = experienced + parameters.magnitude_weight * latents["size_difference"]
    orange = weight * pt.sigmoid(observed) + (1 - weight) * pt.sigmoid(experienced)
    blue = weight * pt.sigmoid(-observed) + (1 - weight) * pt.sigmoid(-experienced)
    return pt.log(orange) - pt.log(blue)


def choice(latent, parameters, data):
    """The token chosen."""
    return em.Choice.dist(latent.utility)


# --------------------------------------------------------------------- what else could hold

EXPERIENCE = ("experiential_learning_rate", "experiential_inverse_temperature", "magnitude_weight")
OBSERVATION = ("observational_learning_rate", "observational_inverse_temperature")


def observation_only(model):
    """Only the partner is learned from (emulation)."""
    return model.fix(observation_weight=1.0, **dict.fromkeys(EXPERIENCE, 0.0))


def experience_only(model):
    """Only one's own rewards are learned from."""
    return model.fix(observation_weight=0.0, **dict.fromkeys(OBSERVATION, 0.0))


def dynamic_arbitration(model):
    """Observation has the more weight, the smaller its errors are compared with experience's."""

    def step(state, parameters, data):
        following, latents = _learned(state, parameters, data)
        error = pt.abs(latents["observational_prediction_error"])
        surprise, least, most = _relative(error, state.observed_least, state.observed_most)
        following |= {"observed_least": least, "observed_most": most}
        reliability = {
            "observational_reliability": 1 - 2 * surprise,
            "experiential_reliability": state.last_points / 100 - state.last_surprise,
        }
        error = pt.abs(latents["experiential_prediction_error"])
        surprise, least, most = _relative(error, state.experienced_least, state.experienced_most)
        rewarded = pt.eq(data.choice, data.orange_rewarded)
        following |= {
            "experienced_least": least,
            "experienced_most": most,
            "last_surprise": surprise,
            "last_points": pt.where(rewarded, data.points_at_stake, 0.0),
        }
        difference = reliability["observational_reliability"]
        difference = difference - reliability["experiential_reliability"]
        weight = pt.sigmoid(difference + parameters.observation_bias)
        utility = _arbitrated(parameters, latents, weight)
        return following, latents | reliability | {"weight": weight, "utility": utility}

    def _relative(error, least, most):
        """Return an error between the smallest (0) and the largest (1) so far, and these."""
        least, most = pt.minimum(error, least), pt.maximum(error, most)
        differ = pt.gt(most, least)
        relative = (error - least) / pt.where(differ, most - least, 1.0)
        return pt.where(differ, relative, 0.5), least, most

    bias = em.Parameter(
        "observation_bias", "log odds of following observation at equal reliability",
        location=(0, 1), spread=1, typical=(-2, 2), symbol="b",
    )
    states = [
        em.State(f"{of}_{name}", start, meaning=f"{name} error of {learner} so far, unsigned")
        for of, learner in (("observed", "observation"), ("experienced", "experience"))
        for name, start in (("least", 1.0), ("most", 0.0))
    ]
    more = {
        "observational_reliability": "1 less twice the relative error of observation, -1 to 1",
        "experiential_reliability": "last points / 100 less the relative error, -1 to 1",
        "weight": "weight of observation on this trial",
    }
    changed = replace(
        model,
        step=step,
        states=(
            *model.states,
            *states,
            em.State("last_surprise", 0.5, meaning="relative error of experience, last trial"),
            em.State("last_points", 0.0, meaning="points got on the last trial"),
        ),
        latents=model.latents | more,
    )
    return changed.with_parameters(bias, without=["observation_weight"])


def no_magnitude(model):
    """How large rewards were has no effect, only whether there were any."""
    return model.fix(magnitude_weight=0.0)


def choice_biases(model):
    """Nothing is learned: habits of a token and of sides, own and the partner's (imitation)."""

    def step(state, parameters, data):
        orange = 2 * data.orange_left - 1  # 1: orange lies left, -1: right
        sides = parameters.left_bias + parameters.repetition * state.own_side
        sides = sides + parameters.imitation * (2 * data.partner_left - 1)
        side = pt.where(pt.eq(data.choice, 1), orange, -orange)
        return {"own_side": side}, {"utility": parameters.orange_bias + orange * sides}

    habits = {
        "orange_bias": "log odds of choosing orange, beside the other habits",
        "left_bias": "log odds of choosing the token on the left",
        "repetition": "log odds of choosing on the side that was chosen last",
        "imitation": "log odds of choosing on the side that the partner took",
    }
    return replace(
        model,
        step=step,
        states=(em.State("own_side", 0.0, meaning="side chosen last; 1: left, -1: right"),),
        latents={"utility": model.latents["utility"]},
        columns=(
            em.Column("orange_left", "1: orange lies left, 0: right", levels=(0, 1)),
            em.Column("partner_left", "1: the partner's box was left, 0: right", levels=(0, 1)),
        ),
        parameters=tuple(
            em.Parameter(name, meaning, location=(0, 0.5), spread=0.5, typical=(-0.7, 0.7))
            for name, meaning in habits.items()
        ),
    )


# ------------------------------------------------------------------------- declarations


def _within(table, *keys):
    """Columns that tell runs of trials apart, of those that a study has."""
    return [table[key] for key in ("participant", "session", *keys) if key in table]


def _seems_orange(table):
    """What the partner seems to be after, by this block's tokens so far; 1: orange, 0: blue."""
    shows = (table["partner_token"] == 1) == (table["partner_box"] == 1)
    keys = [*_within(table, "block"), (table["first_of_block"] == 1).cumsum()]
    balance = (2 * shows - 1).groupby(keys).cumsum() * (3 - 2 * table["partner_box"])
    later = (balance != 0) & (table["first_of_block"] == 0)
    return (balance > 0).where(later).astype(float)


def _after_partner(table):
    seems = _seems_orange(table)
    return (table["choice"] == seems)[seems.notna() & table["choice"].notna()].mean()


def _stays(rewarded):
    """Share of tokens chosen again after a reward, or after none."""

    def share(table):
        before = table[["choice", "orange_rewarded"]].groupby(_within(table)).shift()
        was = (before["choice"] == before["orange_rewarded"]) == rewarded
        known = before["choice"].notna() & table["choice"].notna()
        return (table["choice"] == before["choice"])[known & was].mean()

    return share


def _rate(name, of, symbol):
    return em.Parameter(
        name, f"share of the prediction error that changes {of}", location=(-0.7, 1), spread=0.75,
        support="unit", typical=(0.05, 0.7), symbol=symbol,
    )


def _temperature(name, what, symbol):
    return em.Parameter(
        name, f"how consistently choices follow {what}", location=(0.7, 0.75), spread=0.75,
        support="positive", typical=(0.7, 6), symbol=symbol,
    )


model = em.Model(
    step=step,
    states=(
        em.State("orange_from_box_1", 0.5, meaning="probability that box 1 gives orange"),
        em.State("orange_value", 0.5, meaning="probability that orange is rewarded"),
        em.State("orange_size", 0.0, meaning="size of the last reward of orange"),
        em.State("blue_size", 0.0, meaning="size of the last reward of blue"),
    ),
    latents={
        "observational_value": "evidence that the partner is after orange (1), blue (-1)",
        "observational_prediction_error": "partner's token (1: orange) less what its box promised",
        "experiential_value": "reward probability of orange less that of blue, before the choice",
        "size_difference": "last reward of orange less that of blue, in 100 points",
        "experiential_prediction_error": "reward (1, else 0) less what the chosen token promised",
        "utility": "log odds of choosing orange",
    },
    columns=(
        em.Column("partner_box", "box that the partner chose", levels=(1, 2)),
        em.Column("partner_token", "what the partner got; 1: orange, 2: blue", levels=(1, 2)),
        em.Column("first_of_block", "1: first trial with new boxes", levels=(0, 1)),
        em.Column("orange_rewarded", "1: orange is rewarded now, 0: blue is", levels=(0, 1)),
        em.Column("points_at_stake", "what the rewarded token gives", range=(1, 100)),
    ),
    parameters=(
        em.Parameter(
            "observation_weight", "share of choices by observation rather than by own rewards",
            location=(0, 1), spread=1, support="unit", typical=(0.15, 0.85), symbol="w",
        ),
        _rate("observational_learning_rate", "the belief about boxes", r"\alpha_O"),
        _rate("experiential_learning_rate", "the reward probabilities", r"\alpha_E"),
        _temperature("observational_inverse_temperature", "the partner", r"\beta_O"),
        _temperature("experiential_inverse_temperature", "own rewards", r"\beta_E"),
        em.Parameter(
            "magnitude_weight", "weight of the sizes of last rewards", location=(0, 1), spread=0.75,
            typical=(-1, 2), symbol="m",
        ),
    ),
    responses=(em.Response("choice", choice, "1: orange, 0: blue", levels=(0, 1)),),
    sequence=("session",),
    statistics=(
        em.Statistic(
            "rewarded tokens", "choice",
            lambda t: (t.choice == t.orange_rewarded)[t.choice.notna()].mean(),
        ),
        em.Statistic("tokens that the partner seems to be after", "choice", _after_partner),
        em.Statistic("the same token after a reward", "choice", _stays(True), kind="simulation"),
        em.Statistic("the same token after none", "choice", _stays(False), kind="simulation"),
        em.Statistic.between_people("choice", "sd of people's shares of orange"),
    ),
    rivals=(
        observation_only, experience_only, dynamic_arbitration, no_magnitude, choice_biases,
    ),
)
