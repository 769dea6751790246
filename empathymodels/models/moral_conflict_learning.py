r"""Moral conflict learning: which option brings oneself money, and which another person shocks.

On every trial a participant chooses between two new options. What is chosen brings oneself much
money (:math:`M = 1`) or little (:math:`-1`), and another person a strong shock (:math:`S = 1`) or a
weak one (:math:`-1`). Money for oneself and shocks for the other are learned apart (two
Rescorla-Wagner learners), and weighed when they are seen, by one weight :math:`w`:

.. math::

    \delta^M_t &= w\, M_t - V^M_{c,t}, \qquad V^M_{c,t+1} = V^M_{c,t} + \alpha_M\, \delta^M_t \\
    \delta^S_t &= -(1 - w)\, S_t - V^S_{c,t}, \qquad
        V^S_{c,t+1} = V^S_{c,t} + \alpha_S\, \delta^S_t
        \quad \text{for the option } c \text{ chosen} \\
    P(\text{choice}_t = 1) &= \frac{1}{1 + e^{-\beta \left(
        m_t (V^M_{1,t} - V^M_{0,t}) + s_t (V^S_{1,t} - V^S_{0,t})\right)}}

All values begin at 0. Near :math:`w = 0` the other's shocks decide, near 1 one's own money.
:math:`m` and :math:`s` are 1 where money and shocks are at stake. Where either is known to be gone
before the choice (0), it does not decide, and nothing is learned of it.

Notes
-----
What was published: separate values of money and shocks with outcomes of 1 and -1, weighed at the
outcome or at the decision, a single value of both (`combined_value`), choices at random
(`no_learning`), and a test in which money or shocks are taken away after 10 trials, which the
single value did not predict. The weight also predicted costly helping in another task.
What is ours: shocks are coded as shocks (published: by what they are worth, -1 for a strong one);
the weights at a decision where one outcome is gone (below), every prior, the hierarchy, the other
rivals. Equations and models were read from a figure's legend and from secondary sources.
What cannot be told apart: values are linear in outcomes. As long as both are always at stake,
weights at the decision give the very same choices as weights at the outcome, and a single value the
same as two that are learned equally fast. So `weight_at_decision` and `combined_value` need
`at_stake`: with money alone left, choices follow :math:`\beta w` times the money expected here, and
:math:`\beta` times it if there is nothing left to weigh.
Traps: choices tell :math:`\beta w` and :math:`\beta (1 - w)`. Where money and shocks always come
together, only :math:`\beta (2 w - 1)` is known: let them vary independently. Somebody near
:math:`w = 0.5` chooses at random in conflict, whatever they have learned, and their learning rates
and inverse temperature lean on the population. Blocks have new options and labels of their own.
Code 1 as the option of more money and more shocks: the equations do not ask, the statistics do.

References
----------
Fornari, L., Ioumpa, K., ... Keysers, C., & Gazzola, V. (2023). Neuro-computational mechanisms and
individual biases in action-outcome learning under moral conflict. Nature Communications, 14.
doi:10.1038/s41467-023-36807-3
"""

from dataclasses import replace

import pytensor.tensor as pt

import empathymodels as em

STAKES = ("both", "money", "shocks")


def step(state, parameters, data):
    """Choose by the values of what is at stake; learn what the choice brought, already weighed."""
    return _learned(state, parameters, data, at_outcome=parameters.weight)


def _learned(state, parameters, data, *, at_outcome=None, at_decision=None, rate=None):
    """Return next values and latents; a weight not given leaves both outcomes as they are."""
    rates = {
        "money": parameters.money_learning_rate if rate is None else rate,
        "shock": parameters.shock_learning_rate if rate is None else rate,
    }
    chose_1, following, latents, difference = pt.eq(data.choice, 1), {}, {}, 0.0
    for what, worth, absent in (("money", data.money, "shocks"), ("shock", -data.shock, "money")):
        value_0, value_1 = (getattr(state, f"{what}_value_{option}") for option in (0, 1))
        expected = pt.where(chose_1, value_1, value_0)
        error = _weighed(worth, at_outcome, what) - expected
        is_at_stake = pt.neq(data.at_stake, STAKES.index(absent))
        change = pt.where(is_at_stake, rates[what] * error, 0.0)
        following[f"{what}_value_0"] = pt.where(chose_1, value_0, value_0 + change)
        following[f"{what}_value_1"] = pt.where(chose_1, value_1 + change, value_1)
        latents[f"{what}_value"], latents[f"{what}_prediction_error"] = expected, error
        counts = pt.where(is_at_stake, _weighed(value_1 - value_0, at_decision, what), 0.0)
        difference = difference + counts
    return following, latents | {"utility": parameters.inverse_temperature * difference}


def _weighed(worth, weight, what):
    if weight is None:
        return worth
    return (weight if what == "money" else 1 - weight) * worth


def choice(latent, parameters, data):
    """The option of higher value is chosen the more often the more it is worth."""
    return em.Choice.dist(latent.utility)


# --------------------------------------------------------------------- what else could hold


def weight_at_decision(model):
    """Outcomes are learned as they are, and weighed where they have to be decided between."""

    def step(state, parameters, data):
        alone = pt.where(pt.eq(data.at_stake, STAKES.index("money")), 1.0, 0.0)
        weight = pt.where(pt.eq(data.at_stake, STAKES.index("both")), parameters.weight, alone)
        return _learned(state, parameters, data, at_decision=weight)

    return replace(_of_stakes(model), step=step)


def combined_value(model):
    """An option has one value of money and shocks together, of which neither can be taken away."""

    def step(state, parameters, data):
        chose_1, weight = pt.eq(data.choice, 1), parameters.weight
        money = pt.where(pt.eq(data.at_stake, STAKES.index("shocks")), 0.0, data.money)
        shock = pt.where(pt.eq(data.at_stake, STAKES.index("money")), 0.0, data.shock)
        expected = pt.where(chose_1, state.value_1, state.value_0)
        error = weight * money - (1 - weight) * shock - expected
        change = parameters.learning_rate * error
        following = {
            "value_0": pt.where(chose_1, state.value_0, state.value_0 + change),
            "value_1": pt.where(chose_1, state.value_1 + change, state.value_1),
        }
        utility = parameters.inverse_temperature * (state.value_1 - state.value_0)
        return following, {"value": expected, "prediction_error": error, "utility": utility}

    return replace(
        _one_rate(_of_stakes(model)),
        step=step,
        states=tuple(em.State(f"value_{k}", 0.0, meaning=f"of option {k}") for k in (0, 1)),
        latents={
            "value": "value of the option chosen, before the outcome",
            "prediction_error": "worth of money and shock together, minus that value",
            "utility": model.latents["utility"],
        },
    )


def _of_stakes(model):
    columns = (replace(c, default=None) if c.name == "at_stake" else c for c in model.columns)
    return replace(model, columns=tuple(columns))


def one_learning_rate(model):
    """What one gets oneself and what the other gets are learned equally fast."""

    def step(state, parameters, data):
        weight, rate = parameters.weight, parameters.learning_rate
        return _learned(state, parameters, data, at_outcome=weight, rate=rate)

    return replace(_one_rate(model), step=step)


def _one_rate(model):
    rate = model.parameter("money_learning_rate")
    meaning = "share of a prediction error that changes a value of the option chosen"
    shared = replace(rate, name="learning_rate", meaning=meaning, symbol=r"\alpha")
    return model.with_parameters(shared, without=["money_learning_rate", "shock_learning_rate"])


def money_only(model):
    """Nothing is learned of the other's shocks: one's own money decides."""
    # of money alone, inverse temperature times weight is known
    return model.fix(shock_learning_rate=0.0, weight=0.5)


def shocks_only(model):
    """Nothing is learned of one's own money: the other's shocks decide."""
    return model.fix(money_learning_rate=0.0, weight=0.5)


def perseveration(model):
    """The last choice is repeated, or not, whatever it brought."""

    def step(state, parameters, data):
        following, latents = model.step(state, parameters, data)
        utility = latents["utility"] + parameters.stickiness * state.last
        last = pt.where(pt.eq(data.choice, 1), 1.0, -1.0)
        return following | {"last": last}, latents | {"utility": utility}

    stickiness = em.Parameter(
        "stickiness", "log odds of the last choice of the block, beside values", location=(0, 1),
        spread=0.5, typical=(-0.5, 1), symbol=r"\kappa",
    )
    last = em.State("last", 0.0, meaning="last choice of the block (1 or -1; 0: none)")
    return replace(model, step=step, states=(*model.states, last)).with_parameters(stickiness)


def no_learning(model):
    """Options stay what they seemed at first: every choice is a toss of a coin."""
    # with equal values neither weight nor inverse temperature has an effect to show
    rates = {"money_learning_rate": 0.0, "shock_learning_rate": 0.0}
    return model.fix(**rates, weight=0.5, inverse_temperature=1.0)


# ------------------------------------------------------------------------- declarations


def _by_stake(stake):
    return lambda table: table.choice[table.at_stake == stake].mean()


def _blocks(table):
    return table.groupby([key for key in ("participant", "session", "block") if key in table])


def _late_minus_early(table):
    """Choices of 1 in the second half of what a block has with both at stake, minus the first."""
    table = table[table.at_stake == "both"]
    is_late = _blocks(table).cumcount() >= _blocks(table)["choice"].transform("size") / 2
    return table.choice[is_late].mean() - table.choice[~is_late].mean()


def _rate(what, of, symbol):
    return em.Parameter(
        f"{what}_learning_rate",
        f"share of the prediction error of {of} that changes its value of the option chosen",
        location=(-1.5, 1), spread=0.75, support="unit", typical=(0.05, 0.6), symbol=symbol,
    )


model = em.Model(
    step=step,
    states=tuple(
        em.State(f"{what}_value_{option}", 0.0, meaning=f"weighed {of} of option {option}")
        for what, of in (("money", "money"), ("shock", "relief from shocks"))
        for option in (0, 1)
    ),
    latents={
        "money_value": "value, as to money, of the option chosen, before the outcome",
        "money_prediction_error": "weighed money minus that value",
        "shock_value": "value, as to shocks, of the option chosen (high: weak shocks)",
        "shock_prediction_error": "weighed worth of the shock minus that value",
        "utility": "log odds of choosing option 1",
    },
    columns=(
        em.Column(
            "money", "1: much money for oneself; -1: little", range=(-1, 1), follows="choice"
        ),
        em.Column(
            "shock", "1: a strong shock for the other; -1: a weak one", range=(-1, 1),
            follows="choice",
        ),
        em.Column("at_stake", "what the choice can bring", levels=STAKES, default="both"),
    ),
    parameters=(
        _rate("money", "money", r"\alpha_M"),
        _rate("shock", "shocks", r"\alpha_S"),
        em.Parameter(
            "weight", "weight of one's own money; that of the other's shocks is what remains to 1",
            location=(0, 1), spread=1, support="unit", typical=(0.15, 0.85), symbol="w",
        ),
        em.Parameter(
            "inverse_temperature", "how strongly the difference in values decides",
            location=(1, 0.75), spread=0.5, support="positive", typical=(1.5, 8), symbol=r"\beta",
        ),
    ),
    responses=(
        em.Response(
            "choice", choice, "1: the option of more money and more shocks; 0: the other",
            levels=(0, 1),
        ),
    ),
    correlate=("money_learning_rate", "shock_learning_rate", "weight"),
    statistics=(
        *(
            em.Statistic(f"choices of option 1, at stake: {stake}", "choice", _by_stake(stake))
            for stake in STAKES
        ),
        em.Statistic("option 1, late minus early in a block", "choice", _late_minus_early),
        em.Statistic.between_people("choice", "sd of people's choices of option 1"),
    ),
    rivals=(
        weight_at_decision, combined_value, one_learning_rate, money_only, shocks_only,
        perseveration, no_learning,
    ),
)
