r"""Prosocial learning: which option brings more is learned for oneself, for another, for no one.

In every block a participant chooses between two new options, of which one brings a reward more
often. Whom the reward goes to, the recipient, is known: oneself, another person, or nobody. The
value of the option chosen moves toward what it brought (:math:`o`, a Rescorla-Wagner learner), at
a rate of its own for each recipient; the values decide by a softmax:

.. math::

    \delta_t &= o_t - V_{c,t}, \qquad
        V_{c,t+1} = V_{c,t} + \alpha_{\text{recipient}}\, \delta_t
        \quad \text{for the option } c \text{ chosen} \\
    P(\text{choice}_t = 1) &= \frac{1}{1 + e^{-\beta_{\text{recipient}} (V_{1,t} - V_{0,t})}}

The option that was not chosen keeps its value, and both start anew with every block, at
:math:`V_1`. The motive to help shows in how fast one learns for another compared to oneself, or in
how strongly what was learned decides.

Notes
-----
What was published: the learner with a rate and a temperature per recipient, and those that share
either or both (2016; 2021, where three rates and one temperature described people best), and values
that start at 0.5.
What is ours: every prior, sampling the whole hierarchy, an estimated start, and the other rivals.
Published temperatures divide: `inverse_temperature` is 1 / temperature.
`one_temperature`, `one_rate` and `one_learner` share what differs between recipients, which is
model.pool("inverse_temperature") and so on. `one_rate` says that the recipient matters for how
strongly values decide (value sensitivity) and not for learning: what has been found where
another's harm is to be avoided.
Where recipients alternate within a block, options have one value that what anybody gets moves
(integrated values), at the recipient's rate; with `rates_by_valence` at four rates or more.
Traps: blocks must have labels of their own wherever options are new, for each recipient: values
start anew with `block`. Within 16 trials rate and inverse temperature trade off, the more so the
slower one learns; compare recipients in one of them only after the other is known to be shared
(`compare`). Code 1 as the option that pays more often: the equations do not ask, but the share
of choices of 1 is then the accuracy. A missed choice is a missing value: nothing is learned from
it. The start is held at 0.5, the middle of outcomes 0 and 1; for losses and gains (-1, 0, 1) give
model.fix(start_value=0), or take the rival `estimated_start`.

References
----------
Lockwood, P. L., Apps, M. A. J., Valton, V., Viding, E., & Roiser, J. P. (2016). Neurocomputational
mechanisms of prosocial learning and links to empathy. PNAS, 113, 9763-9768.
doi:10.1073/pnas.1603198113

Cutler, J., Wittmann, M. K., Abdurahman, A., Hargitai, L. D., Drew, D., Husain, M., & Lockwood, P.
L. (2021). Ageing is associated with disrupted reinforcement learning whilst learning to help others
is preserved. Nature Communications, 12, 4440. doi:10.1038/s41467-021-24576-w
"""

from dataclasses import replace

import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Choose by the values of the two options; update that of the one chosen."""
    return _learned(state, parameters, data, lambda error: parameters.learning_rate)


def _learned(state, parameters, data, rate_of):
    """Return next values and latents, where the rate may depend on the prediction error."""
    chose_1 = pt.eq(data.choice, 1)
    error = data.outcome - pt.where(chose_1, state.value_1, state.value_0)
    change = rate_of(error) * error
    next_values = dict(
        value_0=pt.where(chose_1, state.value_0, state.value_0 + change),
        value_1=pt.where(chose_1, state.value_1 + change, state.value_1),
    )
    utility = parameters.inverse_temperature * (state.value_1 - state.value_0)
    latents = dict(value_0=state.value_0, value_1=state.value_1, prediction_error=error)
    return next_values, latents | dict(utility=utility)


def choice(latent, parameters, data):
    """The option of higher value is chosen the more often the more it is worth."""
    return em.Choice.dist(latent.utility)


# --------------------------------------------------------------------- what else could hold


def one_temperature(model):
    """Recipients differ in learning, not in how strongly values decide."""
    return model.pool("inverse_temperature")


def one_rate(model):
    """Recipients differ in how strongly values decide (value sensitivity), not in learning."""
    return model.pool("learning_rate")


def one_learner(model):
    """Recipients make no difference."""
    return model.pool("learning_rate", "inverse_temperature")


def rates_by_valence(model):
    """Learning differs after better-than-expected and worse-than-expected outcomes."""

    def step(state, parameters, data):
        def rate_of(error):
            return pt.where(
                pt.gt(error, 0), parameters.learning_rate_better, parameters.learning_rate_worse
            )

        return _learned(state, parameters, data, rate_of)

    rate = model.parameter("learning_rate")
    rates = [
        replace(rate, name=f"{rate.name}_{name}", meaning=f"{rate.meaning}, after {name} outcomes")
        for name in ("better", "worse")
    ]
    model = replace(model, step=step).with_parameters(*rates, without=["learning_rate"])
    return replace(model, correlate=tuple(rate.name for rate in rates))


def no_learning(model):
    """Options stay what they seemed at first: every choice is a toss of a coin."""
    # with equal values an inverse temperature has no effect to show
    return model.fix(learning_rate=0.0, inverse_temperature=1.0)


def estimated_start(model):
    """What options are held to be worth before the first outcome is everybody's own."""
    return model.with_parameters(replace(model.parameter("start_value"), fixed=None))


# ------------------------------------------------------------------------- declarations


def _accuracy(recipient):
    return lambda table: table.choice[table.recipient == recipient].mean()


def _late_minus_early(table):
    """Share of choices of option 1 in the second half of blocks minus that in the first."""
    keys = [key for key in ("participant", "session", "block") if key in table]
    blocks = table.groupby(keys)
    is_late = blocks.cumcount() >= blocks["choice"].transform("size") / 2
    return table.choice[is_late].mean() - table.choice[~is_late].mean()


model = em.Model(
    step=step,
    states=(
        em.State("value_0", "start_value", meaning="expected outcome of option 0"),
        em.State("value_1", "start_value", meaning="expected outcome of option 1"),
    ),
    latents={
        "value_0": "expected outcome of option 0 before the choice",
        "value_1": "expected outcome of option 1 before the choice",
        "prediction_error": "outcome minus expected outcome of the option chosen",
        "utility": "log odds of choosing option 1",
    },
    columns=(
        em.Column("recipient", "who gets the outcome", levels=("self", "other", "no_one")),
        em.Column("outcome", "what the choice brought", range=(-1, 1), follows="choice"),
    ),
    parameters=(
        em.Parameter(
            "learning_rate", "share of the prediction error that changes the chosen option's value",
            location=(-1.5, 1), spread=0.75, support="unit", by="recipient", typical=(0.04, 0.5),
            symbol=r"\alpha",
        ),
        em.Parameter(
            "inverse_temperature", "how strongly the difference in values decides",
            location=(1.5, 1), spread=0.5, support="positive", by="recipient", typical=(2, 20),
            symbol=r"\beta",
        ),
        em.Parameter(
            "start_value", "value of an option before its first outcome", location=(0.5, 0.25),
            spread=0.15, typical=(0.2, 0.8), symbol="V_1", fixed=0.5,
        ),
    ),
    responses=(
        em.Response(
            "choice", choice, "1: the option that pays more often; 0: the other", levels=(0, 1)
        ),
    ),
    correlate=("learning_rate",),
    statistics=(
        *(
            em.Statistic(f"choices of the better option, {who}", "choice", _accuracy(who))
            for who in ("self", "other", "no_one")
        ),
        em.Statistic("better option, late minus early in a block", "choice", _late_minus_early),
        em.Statistic.between_people("choice", "sd of people's choices of the better option"),
    ),
    rivals=(one_temperature, one_rate, one_learner, rates_by_valence, no_learning, estimated_start),
)
