r"""Guilt and reciprocity: what is returned to an investor, for greed, guilt or equal outcomes.

An investor has an endowment :math:`e` and sends :math:`I` of it, which grows to :math:`mI`. On
every trial a participant returns a part of it, a number of tenths :math:`k`. The investor believes
that everything grows by :math:`b`, and only the participant knows :math:`m`. What would disappoint
the investor, who is thought to expect a share :math:`x` of :math:`bI` back, and what would leave
both with unequal amounts therefore differ:

.. math::

    r_k &= \frac{k}{10}\, m I, \qquad
    G_k = \max\Big(x - \frac{r_k}{b I}, 0\Big)^2, \qquad
    Q_k = \Big(\frac{mI - r_k}{mI + e - I} - \frac12\Big)^2 \\
    U_k &= \theta \Big(1 - \frac{k}{10}\Big) - (1 - \theta) \min(G_k + \phi, Q_k - \phi) \\
    P(k) &= \frac{e^{\lambda U_k}}{\sum_{j = 0}^{10} e^{\lambda U_j}}

Greed :math:`\theta` is the weight of one's own share, against guilt :math:`G` or inequity
:math:`Q`, whichever is the smaller. A preference :math:`\phi` far above 0 is inequity aversion
alone, far below 0 guilt aversion alone. Near 0 it is moral opportunism: to follow, each time, the
rule that costs less.

Notes
-----
What was published: the game with a hidden multiplier (2, 4 or 6 where investors believe 4), the
utility with :math:`\theta` from 0 to .5 and :math:`\phi` from -.1 to .1, greed, guilt aversion and
inequity aversion alone as rivals. The equations are those of the authors' own scripts, which round
what can be returned to whole units, predict the best option, and fit by least squares.
What is ours: a softmax over tenths in place of the best option, no bounds of :math:`\phi`, greed as
a weight in `guilt_aversion` and `inequity_aversion` too (the scripts: own money minus a multiple of
guilt or inequity), the hierarchy, every prior, the rivals `opportunism`, `both_motives`, `lapses`.
What cannot be told apart: :math:`\phi` beyond the largest difference between guilt and inequity
changes no choice, so that of a person with one motive only its sign is known, and the rest is the
population's. Where the multiplier is what the investor believes, guilt and inequity ask for nearly
the same, and with one multiplier alone :math:`\phi` is hardly known. Who returns nothing shows no
motive. Strategies found by clustering people are no classes of this model: people lie along
:math:`\phi`.
Traps: the investor's expectation is what the participant thinks that it is; who was not asked is
taken to think of half (:math:`x = .5`). Where there are few units of money, tenths
are amounts that nobody could return. Trials without any investment are not choices: leave them out.
The smaller of two motives makes a kink in the utility: method="map" may find no maximum, and
chains take small steps (53 per draw for 14 people).

References
----------
van Baar, J. M., Chang, L. J., & Sanfey, A. G. (2019). The computational and neural substrates of
moral strategies in social decision-making. Nature Communications, 10, 1483.
doi:10.1038/s41467-019-09161-6
"""

from dataclasses import replace

import pytensor.tensor as pt

import empathymodels as em

TENTHS = tuple(range(11))


def _guilt(returned, data):
    """What disappoints the investor, squared."""
    share = returned / (data.believed_multiplier * data.investment)
    return pt.maximum(data.expected_share - share, 0.0) ** 2


def _inequity(returned, data):
    """How far one's own share of all money is from a half, squared."""
    pot = data.multiplier * data.investment
    return ((pot - returned) / (pot + data.endowment - data.investment) - 0.5) ** 2


MOTIVES = {"guilt": _guilt, "inequity": _inequity}


def _least(parameters, guilt, inequity):
    """Guilt or inequity, whichever is the smaller."""
    return pt.minimum(guilt + parameters.preference, inequity - parameters.preference)


def _options(parameters, data, dislike, motives):
    """Utility of every option, and what it leaves of each motive."""
    amounts = [tenths / 10 * data.multiplier * data.investment for tenths in TENTHS]
    left = {name: [MOTIVES[name](amount, data) for amount in amounts] for name in motives}
    disliked = [dislike(parameters, *felt) for felt in zip(*left.values(), strict=True)]
    greed, inverse_temperature = parameters.greed, parameters.inverse_temperature
    utilities = [
        inverse_temperature * (greed * (1 - tenths / 10) - (1 - greed) * dislikes)
        for tenths, dislikes in zip(TENTHS, disliked, strict=True)
    ]
    return utilities, left


def _step(dislike, motives):
    """Return the step in which this is disliked: what is to be expected of the return."""

    def step(state, parameters, data):
        utilities, left = _options(parameters, data, dislike, motives)
        best = utilities[0]
        for utility in utilities[1:]:
            best = pt.maximum(best, utility)
        odds = [pt.exp(utility - best) for utility in utilities]
        values = {"share": [tenths / 10 for tenths in TENTHS]} | left
        return {
            name: sum(o * v for o, v in zip(odds, of, strict=True)) / sum(odds)
            for name, of in values.items()
        }

    return step


def _response(dislike, motives, *, lapses=False):
    """Return the response in which this is disliked."""

    def returned(latent, parameters, data):
        utilities, _ = _options(parameters, data, dislike, motives)
        return em.SoftmaxChoice.dist(utilities, parameters.lapse if lapses else None)

    return returned


step = _step(_least, tuple(MOTIVES))
returned = _response(_least, tuple(MOTIVES))


# --------------------------------------------------------------------- what else could hold


def _disliking(model, dislike, *motives):
    """Return the model in which this is disliked, without a preference."""
    changed = replace(
        model,
        step=_step(dislike, motives),
        latents={name: model.latents[name] for name in ("share", *motives)},
    )
    changed = changed.with_response("returned", _response(dislike, motives))
    return changed.with_parameters(without=["preference"])


def greed(model):
    """Only one's own share counts."""
    return model.fix(greed=1.0, preference=0.0)


def guilt_aversion(model):
    """Only what would disappoint the investor is disliked."""
    return _disliking(model, lambda parameters, guilt: guilt, "guilt")


def inequity_aversion(model):
    """Only unequal outcomes are disliked."""
    return _disliking(model, lambda parameters, inequity: inequity, "inequity")


def opportunism(model):
    """Everybody follows whichever of guilt and inequity is the smaller."""
    return model.fix(preference=0.0)


def both_motives(model):
    """Guilt and inequity are both disliked on every trial, each with its weight."""

    def dislike(parameters, guilt, inequity):
        return parameters.guilt_weight * guilt + (1 - parameters.guilt_weight) * inequity

    weight = em.Parameter(
        "guilt_weight", "weight of guilt; that of inequity is what remains to 1", location=(0, 1),
        spread=1, support="unit", typical=(0.1, 0.9), symbol="w",
    )
    return _disliking(model, dislike, *MOTIVES).with_parameters(weight)


def lapses(model):
    """Some returns are made without regard to utility, at random."""
    lapse = em.Parameter(
        "lapse", "share of returns made at random",
        location=(-3, 1), level="population", support="unit", typical=(0.01, 0.2), symbol=r"\ell",
    )
    changed = model.with_response("returned", _response(_least, tuple(MOTIVES), lapses=True))
    return changed.with_parameters(lapse)


# ------------------------------------------------------------------------- declarations


def _share(table):
    """Mean share returned."""
    return table.returned.mean() / 10


def _nothing(table):
    """Share of trials on which nothing is returned."""
    return (table.returned == 0).mean()


def _multiplied(table):
    """Amount returned per unit invested, by row, at the highest and at the lowest multiplier."""
    amount = table.returned / 10 * table.multiplier
    ends = table.multiplier.max(), table.multiplier.min()
    return [amount[table.multiplier == end] for end in ends]


def _difference(table):
    """Amount returned per unit invested, highest minus lowest multiplier."""
    high, low = _multiplied(table)
    return high.mean() - low.mean()


def _spread_of_difference(table):
    """Standard deviation of the same between participants."""
    high, low = (part.groupby(table.participant).mean() for part in _multiplied(table))
    return (high - low).std()


def _spread(table):
    """Standard deviation between participants of the mean share returned."""
    return (table.returned / 10).groupby(table.participant).mean().std()


model = em.Model(
    step=step,
    latents={
        "share": "share of what there is that is expected to be returned",
        "guilt": "guilt that remains, as expected: squared share of the investor's disappointment",
        "inequity": "inequity that remains, as expected: squared distance from equal shares",
    },
    columns=(
        em.Column(
            "investment", "what the investor sent", range=(0.01, 1000), unit="units of money"
        ),
        em.Column("multiplier", "how many times as much arrived", range=(0.1, 100)),
        em.Column(
            "expected_share", "share that the investor is thought to expect back, of what arrives "
            "in the investor's belief", range=(0, 1), default=0.5,
        ),
        em.Column(
            "believed_multiplier", "multiplier that the investor believes in", range=(0.1, 100),
            default=4.0,
        ),
        em.Column(
            "endowment", "what the investor had", range=(0.01, 1000), unit="units of money",
            default=10.0,
        ),
    ),
    parameters=(
        em.Parameter(
            "greed", "weight of one's own share; that of guilt or inequity is what remains to 1",
            location=(-1.5, 1), spread=1, support="unit", typical=(0.05, 0.4), symbol=r"\theta",
        ),
        em.Parameter(
            "preference", "above 0: rather equal outcomes; below 0: rather no disappointment",
            location=(0, 0.03), spread=0.05, typical=(-0.08, 0.08), symbol=r"\phi",
        ),
        em.Parameter(
            "inverse_temperature", "how consistently the option of more utility is chosen",
            location=(4.3, 0.75), spread=0.5, support="positive", typical=(30, 250),
            symbol=r"\lambda",
        ),
    ),
    responses=(
        em.Response(
            "returned", returned, "tenths of what there is that are returned", levels=TENTHS
        ),
    ),
    statistics=(
        em.Statistic("mean share returned", "returned", _share),
        em.Statistic("share of trials without a return", "returned", _nothing),
        em.Statistic("returned per unit, high minus low multiplier", "returned", _difference),
        em.Statistic("sd of people's share returned", "returned", _spread),
        em.Statistic("sd of people's high minus low", "returned", _spread_of_difference),
    ),
    rivals=(greed, guilt_aversion, inequity_aversion, opportunism, both_motives, lapses),
)
