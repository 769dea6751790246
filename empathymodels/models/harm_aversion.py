r"""Harm aversion: money for oneself against painful shocks, for oneself or for another person.

On every trial an option stands unless a participant switches to the alternative. The alternative
differs from it by :math:`\Delta m` in the participant's own money and by :math:`\Delta s` in
shocks, for oneself or for another. Harm aversion :math:`\kappa`, between 0 and 1, weighs one
against the other:

.. math::

    \Delta V_t &= (1 - \kappa_{r,f})\, \Delta m_t - \kappa_{r,f}\, \Delta s_t \\
    P(\text{switch}_t) &= \frac{1}{1 + e^{-\gamma \Delta V_t}}

It may depend on the recipient :math:`r` of the shocks (self, other) and on the frame :math:`f`:
:math:`\kappa^+` where one can profit from more shocks (:math:`\Delta s > 0`), :math:`\kappa^-`
where one can pay for fewer. A shock is worth :math:`\kappa / (1 - \kappa)` units of money: who has
the larger :math:`\kappa` for the other asks more money for harming the other than for being harmed.

Notes
-----
What was published: the task (recipient and frame varied independently), and that most people valued
others' pain more than their own, from models with a harm aversion for self and for other. The
equations are those of secondary sources: the value difference as restated for a later study, and
the rival `loss_aversion`, with the lapses of `lapses`, as somebody else implemented the study of
2015. They were not checked in the papers.
What is ours: a harm aversion of its own for each frame in the base model, the hierarchy, every
prior, the rivals `default_bias` and `two_temperatures`.
What cannot be told apart well: a loss aversion :math:`\lambda` multiplies what is lost, shocks
where one can profit and money where one can pay. That is an odds ratio of :math:`\lambda^2` between
:math:`\kappa^+` and :math:`\kappa^-`, the same for both recipients, with a scale of
:math:`\Delta V` of its own in each cell: `loss_aversion` says little else than one difference
between frames. A preference for what stands (`default_bias`) changes both frames too, but equally
whatever is at stake: choices between small amounts tell.
Traps: :math:`\kappa` depends on units. The priors expect money up to about 20 and shocks up to
about 20; in cents, nobody would seem to mind harm. Choices that all go one way leave :math:`\kappa`
near an end, and the inverse temperature to the population. Let the price of a shock vary widely.
In the published task, who pressed no key got the default: that is a choice of it (0) and not a
missed trial. Code :math:`\Delta s` with its sign, or frames are lost.

References
----------
Crockett, M. J., Kurth-Nelson, Z., Siegel, J. Z., Dayan, P., & Dolan, R. J. (2014). Harm to others
outweighs harm to self in moral decision making. PNAS, 111, 17320-17325.
doi:10.1073/pnas.1408988111

Crockett, M. J., Siegel, J. Z., Kurth-Nelson, Z., Ousdal, O. T., Story, G., Frieband, C.,
Grosse-Rueskamp, J. M., Dayan, P., & Dolan, R. J. (2015). Dissociable effects of serotonin and
dopamine on the valuation of harm in moral decision making. Current Biology, 25, 1852-1859.
doi:10.1016/j.cub.2015.05.021
"""

from dataclasses import replace

import pytensor.tensor as pt

import empathymodels as em

FRAMES = ("harm_aversion_profiting", "harm_aversion_paying")


def step(state, parameters, data):
    """Worth of the alternative, by what it changes for oneself and for who gets the shocks."""
    profiting, paying = (getattr(parameters, name) for name in FRAMES)
    kappa = pt.where(pt.gt(data.shocks, 0), profiting, paying)
    return _worth(kappa, data.money, data.shocks, parameters)


def _worth(kappa, money, shocks, parameters):
    value = (1 - kappa) * money - kappa * shocks
    return dict(value=value, utility=parameters.inverse_temperature * value)


def switch(latent, parameters, data):
    """Switching becomes likelier with what the alternative is worth above the default."""
    return em.Choice.dist(latent.utility)


# --------------------------------------------------------------------- what else could hold


def one_frame(model):
    """Harm counts the same whether one profits from more of it or pays for less."""

    def step(state, parameters, data):
        return _worth(parameters.harm_aversion, data.money, data.shocks, parameters)

    return _of_one_frame(model, step)


def _of_one_frame(model, step):
    """Return the model with one harm aversion for both frames."""
    meaning = "weight of a shock; that of a unit of one's own money is what remains to 1"
    shared = replace(
        model.parameter(FRAMES[0]), name="harm_aversion", meaning=meaning, symbol=r"\kappa"
    )
    changed = replace(model, step=step, correlate=("harm_aversion",))
    return changed.with_parameters(shared, without=FRAMES)


def loss_aversion(model):
    """What the alternative takes, money or freedom from shocks, counts more than what it gives."""

    def step(state, parameters, data):
        money = pt.where(pt.lt(data.money, 0), parameters.loss_aversion, 1.0) * data.money
        shocks = pt.where(pt.gt(data.shocks, 0), parameters.loss_aversion, 1.0) * data.shocks
        return _worth(parameters.harm_aversion, money, shocks, parameters)

    loss = em.Parameter(
        "loss_aversion", "how many times as much a loss counts as a gain", location=(0, 0.5),
        spread=0.5, support="positive", typical=(0.7, 2), symbol=r"\lambda",
    )
    return _of_one_frame(model, step).with_parameters(loss)


def one_recipient(model):
    """Another's shocks count as much as one's own."""
    return model.pool(*FRAMES)


def default_bias(model):
    """What stands unless one acts is preferred, or avoided, whatever is at stake."""

    def switch(latent, parameters, data):
        return em.Choice.dist(latent.utility - parameters.default_bias)

    bias = em.Parameter(
        "default_bias", "log odds of staying with the default, beside values", location=(0, 1),
        spread=0.5, typical=(-0.5, 1), symbol="b",
    )
    return model.with_response("switch", switch).with_parameters(bias)


def two_temperatures(model):
    """Choices about one's own shocks and about another's are not equally consistent."""
    return model.split("recipient", "inverse_temperature")


def lapses(model):
    """Some choices are made without regard to value, at random."""

    def switch(latent, parameters, data):
        return em.Choice.dist(latent.utility, parameters.lapse)

    lapse = em.Parameter(
        "lapse", "share of choices made at random",
        location=(-3, 1), level="population", support="unit", typical=(0.01, 0.2), symbol=r"\ell",
    )
    return model.with_response("switch", switch).with_parameters(lapse)


# ------------------------------------------------------------------------- declarations


def _harm(table):
    """1 where the option of more shocks was chosen, by row; none where both have as many."""
    harm = (table["switch"] > 0.5) == (table.shocks > 0)
    return harm.astype(float).where(table.shocks != 0)


def _harms(recipient):
    return lambda table: _harm(table)[table.recipient == recipient].mean()


def _frames(table):
    """Harmful choices where one can profit, minus those where one would have to pay for less."""
    harm, profiting = _harm(table), table.shocks > 0
    return harm[profiting].mean() - harm[~profiting].mean()


def _prices(table):
    """Harmful choices above the median price of a shock, minus those below."""
    harm, price = _harm(table), (table.money / table.shocks.where(table.shocks != 0)).abs()
    return harm[price > price.median()].mean() - harm[price < price.median()].mean()


def _spread(table):
    """Standard deviation between participants of the share of harmful choices."""
    return _harm(table).groupby(table.participant).mean().std()


def _difference(table):
    """The same for harm to oneself minus harm to the other."""
    harm, own = _harm(table), table.recipient == "self"
    shares = [harm[rows].groupby(table.participant[rows]).mean() for rows in (own, ~own)]
    return (shares[0] - shares[1]).std()


def _kappa(name, frame, sign):
    return em.Parameter(
        name, f"weight of a shock where one {frame}; that of a unit of one's own money is what "
        "remains to 1", location=(-0.5, 1), spread=1, support="unit", by="recipient",
        typical=(0.1, 0.7), symbol=rf"\kappa^{sign}",
    )


model = em.Model(
    step=step,
    latents={
        "value": "worth of the alternative above the default",
        "utility": "log odds of switching to the alternative",
    },
    columns=(
        em.Column(
            "money", "own money under the alternative minus that under the default",
            range=(-1000, 1000), unit="units of money",
        ),
        em.Column(
            "shocks", "shocks under the alternative minus those under the default",
            range=(-100, 100), unit="shocks",
        ),
        em.Column("recipient", "who gets the shocks", levels=("self", "other")),
    ),
    parameters=(
        _kappa(FRAMES[0], "can profit from more", "+"),
        _kappa(FRAMES[1], "can pay for fewer", "-"),
        em.Parameter(
            "inverse_temperature", "change in the log odds per unit of value",
            location=(-0.3, 0.75), spread=0.5, support="positive", typical=(0.2, 2),
            symbol=r"\gamma",
        ),
    ),
    responses=(em.Response("switch", switch, "1: alternative; 0: default", levels=(0, 1)),),
    correlate=FRAMES,
    statistics=(
        em.Statistic("harm to oneself chosen", "switch", _harms("self")),
        em.Statistic("harm to another chosen", "switch", _harms("other")),
        em.Statistic("harm chosen, profiting minus paying", "switch", _frames),
        em.Statistic("harm chosen, high minus low price", "switch", _prices),
        em.Statistic("sd of people's harm chosen", "switch", _spread),
        em.Statistic("sd of people's harm chosen, self minus other", "switch", _difference),
    ),
    rivals=(one_frame, loss_aversion, one_recipient, default_bias, two_temperatures, lapses),
)
