r"""Inequity aversion: one's own money counts less where another has more, or less, than oneself.

On every trial a participant chooses between two allocations, A and B, of money to oneself
(:math:`x`) and to another person (:math:`y`). An allocation is worth what it gives oneself, less
envy :math:`\alpha` of what the other has more, and guilt :math:`\beta` about what the other has
less. Both may depend on the group :math:`g` of the recipient:

.. math::

    U_{s,g}(x, y) &= x - \alpha_{s,g} \max(y - x, 0) - \beta_{s,g} \max(x - y, 0) \\
    P(\text{B}_t) &= \text{logit}^{-1}\Big(\lambda_s \big(
        U_{s,g_t}(x^B_t, y^B_t) - U_{s,g_t}(x^A_t, y^A_t)\big)\Big)

Both are real numbers. Guilt below zero is spite: one likes to be ahead, as people may in
competition with another group. Envy below zero is being glad of what the other has more.

The responder of an ultimatum game chooses between two allocations as well: A, to reject, leaves
both nothing; B, to accept, gives oneself the offer and the other the rest.

Notes
-----
What was published: the utility of an allocation, for guilt that is neither below zero nor above
envy, and below 1.
What is ours: choices with an inverse temperature, values by group of the recipient, supports
without bounds (the rival `positive` has none below zero), the hierarchy, every prior and all
rivals.
Traps: envy needs options that give the other more than oneself, guilt options that give the other
less, for every group; what no trial shows follows its prior: diagnose_design tells, and fit warns.
Where amounts always add up to the same, only inverse temperature times (1 + 2 envy) and times
(1 - 2 guilt) are known: let the sums differ. Where one's own amount is the same in A and B, only
inverse temperature times envy or guilt is. Priors are in units of money: bring amounts near 10, or
give other priors. Missed trials are missing values, not a third choice. Values belong to a task:
another game need not give the same ones for the same person.

References
----------
Fehr, E., & Schmidt, K. M. (1999). A theory of fairness, competition, and cooperation. Quarterly
Journal of Economics, 114, 817-868. doi:10.1162/003355399556151
"""

from dataclasses import replace

import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Worth of either allocation, and of B above A."""
    worth_a = _worth(data.own_a, data.other_a, parameters)
    worth_b = _worth(data.own_b, data.other_b, parameters)
    utility = parameters.inverse_temperature * (worth_b - worth_a)
    return dict(worth_a=worth_a, worth_b=worth_b, utility=utility)


def _worth(own, other, parameters):
    behind, ahead = pt.maximum(other - own, 0.0), pt.maximum(own - other, 0.0)
    return own - parameters.envy * behind - parameters.guilt * ahead


def choice(latent, parameters, data):
    """B becomes likelier with what it is worth above A."""
    return em.Choice.dist(latent.utility)


def positive(model):
    """Nobody likes inequity: neither envy nor guilt is below zero."""
    supported = dict(support="positive", location=(-0.7, 0.7), spread=0.75, typical=(0.1, 1.5))
    dislikes = [replace(model.parameter(name), **supported) for name in ("envy", "guilt")]
    return model.with_parameters(*dislikes)


def no_envy(model):
    """What the other has more makes no difference."""
    return model.fix(envy=0.0)


def no_guilt(model):
    """What the other has less makes no difference."""
    return model.fix(guilt=0.0)


def selfish(model):
    """Only one's own money counts."""
    return model.fix(envy=0.0, guilt=0.0)


def no_group(model):
    """Envy and guilt are the same whatever the recipient's group."""
    return model.pool("envy", "guilt")


def _chosen(table, whose):
    """Amount of the chosen allocation, by row."""
    chose_b = table.choice > 0.5
    return table[f"{whose}_b"].where(chose_b, table[f"{whose}_a"])


def _mean(whose):
    return lambda table: _chosen(table, whose).mean()


def _ahead(table):
    """Share of choices that leave oneself with more than the other."""
    return (_chosen(table, "own") > _chosen(table, "other")).mean()


def _behind(table):
    """Share of choices that leave oneself with less than the other."""
    return (_chosen(table, "own") < _chosen(table, "other")).mean()


def _spread(table):
    """Standard deviation between participants of what they leave the other on average."""
    return _chosen(table, "other").groupby(table.participant).mean().std()


def _money(name, meaning):
    return em.Column(name, meaning, range=(0, 100), unit="units of money")


model = em.Model(
    step=step,
    latents={
        "worth_a": "worth of allocation A to oneself, in units of one's own money",
        "worth_b": "worth of allocation B to oneself, in units of one's own money",
        "utility": "log odds of choosing B",
    },
    columns=(
        _money("own_a", "what A gives oneself"),
        _money("other_a", "what A gives the other person"),
        _money("own_b", "what B gives oneself"),
        _money("other_b", "what B gives the other person"),
        em.Column("recipient_group", "group of the other person", levels="any", default="all"),
    ),
    parameters=(
        em.Parameter(
            "envy",
            "own money given up per unit that the other has more (disadvantageous inequity)",
            location=(0.4, 0.5), spread=0.5, by="recipient_group", typical=(-0.2, 1.5),
            symbol=r"\alpha",
        ),
        em.Parameter(
            "guilt", "own money given up per unit that the other has less (advantageous inequity)",
            location=(0.3, 0.3), spread=0.5, by="recipient_group", typical=(-0.4, 0.8),
            symbol=r"\beta",
        ),
        em.Parameter(
            "inverse_temperature", "change in the log odds per unit of money",
            location=(-0.5, 1), spread=0.5, support="positive", typical=(0.2, 1.5),
            symbol=r"\lambda",
        ),
    ),
    responses=(em.Response("choice", choice, "1: allocation B; 0: allocation A", levels=(0, 1)),),
    correlate=("envy", "guilt"),
    statistics=(
        em.Statistic("own money chosen", "choice", _mean("own")),
        em.Statistic("other's money chosen", "choice", _mean("other")),
        em.Statistic("choices that leave oneself ahead", "choice", _ahead),
        em.Statistic("choices that leave oneself behind", "choice", _behind),
        em.Statistic("sd of what people leave the other", "choice", _spread),
    ),
    rivals=(positive, no_envy, no_guilt, selfish, no_group),
)
