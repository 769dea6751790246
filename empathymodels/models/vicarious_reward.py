r"""Vicarious reward: what another person's wins and losses are worth, by who that person is.

The outcome :math:`o` (1: a win, 0: a loss) befalls, or is shared with, a partner :math:`p`. Ratings
and betas of the ventral striatum (VS) follow the outcome by an amount that depends on the partner,
the gain :math:`g`, and on how close the participant is to them, :math:`C`. For participant
:math:`s` and trial :math:`t`,

.. math::

    G_{s,t} &= g_{s,p(t)} + k\, C_t \\
    \text{rating}_t &\sim \text{Normal}\big(a_s + m_{p(t)} + (o_t - \tfrac12)\, G_{s,t},\;
        \sigma_s\big) \\
    \text{VS}_t &\sim \text{Normal}\big(a'_s + m'_{p(t)} + (o_t - \tfrac12)\,
        (g'_{s,p(t)} + k' C_t),\; \sqrt{\sigma'^2 + \text{se}_t^2}\big)

A gain is the difference between a win and a loss; below 0, the other's win is worse than their
loss. It has a crossing point, the closeness :math:`C^* = -g / k` at which neither is better. The
rival `by_closeness` has it as a parameter, the same for ratings and striatum:

.. math::

    G_{s,t} = k_s\, (C_t - C^*_s), \qquad k_s > 0

Notes
-----
What was published: sharing a win with a friend is rated higher than with a confederate or a
computer, and evokes more of a response in the ventral striatum, the more so the closer the friend
(2012); for a disliked other that response is larger to losses (2014); investment in one's own group
goes with the striatal response to wins of its members above those of the other group's, which those
who are little invested prefer (2017). All compare condition means.
What is ours: all equations, crossing points as parameters, ratings and striatum in one likelihood,
every prior and all rivals.
Traps: without the column `closeness` its slopes are held at 0. The gain of a partner is the one at
a closeness of 0: centre it within each partner for gains at the average closeness (0 for a
computer), or bring all partners on one scale for crossing points and `by_closeness`. A partner to
whom everybody is equally close says nothing of the slope. Investment in a group enters as
`closeness` to the own group and, with the opposite sign, to the other. A crossing point beyond the
closeness that was seen is an extrapolation, and where the slope may be 0 there is none: give its
quantiles, for a ratio of draws has no mean to speak of. With one rating per partner and outcome,
noise is told apart from differences between people only since what a partner adds to win and loss
alike, `partner_effect`, is the same for all people. With two partners how far such effects spread
is hardly known, and chains may diverge (23 of 8,800 draws with 20 simulated people): unless levels
differ, hold it, `model.fix(partner_effect=0, vs_partner_effect=0)`. The correlations of `gain` and
`vs_gain` say whether people with the larger gains in ratings have the larger ones in the striatum.
Striatal priors assume betas divided by their standard deviation. `ordered_gains` needs a column
`rank` (0, 1, 2) with the expected order of partners.

References
----------
Braams, B. R., et al. (2014). Reward-related neural responses are dependent on the beneficiary.
Social Cognitive and Affective Neuroscience, 9, 1030-1037. doi:10.1093/scan/nst077

Fareri, D. S., Niznikiewicz, M. A., Lee, V. K., & Delgado, M. R. (2012). Social network modulation
of reward-related signals. Journal of Neuroscience, 32, 9045-9052.
doi:10.1523/JNEUROSCI.0610-12.2012

Hackel, L. M., Zaki, J., & Van Bavel, J. J. (2017). Social identity shapes social valuation:
Evidence from prosocial behavior and vicarious reward. Social Cognitive and Affective Neuroscience,
12, 1219-1228. doi:10.1093/scan/nsx045
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

import empathymodels as em

MEASURES = {"": "rating", "vs_": "VS"}  # prefix of parameters, and the response that they are of


def step(state, parameters, data):
    """Difference between a win and a loss with this partner, in the rating and in the striatum."""
    return _latents(
        parameters.gain + parameters.closeness_slope * data.closeness,
        parameters.vs_gain + parameters.vs_closeness_slope * data.closeness,
    )


def _latents(gain, vs_gain):
    return dict(felt_gain=gain, striatal_gain=vs_gain)


def rating(latent, parameters, data):
    """The rating moves with the outcome, by the gain."""
    level = parameters.baseline + parameters.partner_effect
    return pm.Normal.dist(level + (data.win - 0.5) * latent.felt_gain, parameters.rating_noise)


def vs(latent, parameters, data):
    """So do betas of the ventral striatum."""
    level = parameters.vs_baseline + parameters.vs_partner_effect
    mean = level + (data.win - 0.5) * latent.striatal_gain
    return pm.Normal.dist(mean, em.measured(data.se, parameters.vs_noise))


# --------------------------------------------------------------------- what else could hold


def no_partner(model):
    """It makes no difference who the partner is, nor how close."""
    model = model.pool("gain", "vs_gain")
    fixed = ("partner_effect", "closeness_slope", "vs_partner_effect", "vs_closeness_slope")
    return model.fix(**dict.fromkeys(fixed, 0.0))


def no_closeness(model):
    """Closeness makes no difference beyond who the partner is."""
    return model.fix(closeness_slope=0.0, vs_closeness_slope=0.0)


def by_closeness(model):
    """Closeness alone says what a win is worth: nothing at the crossing point, less below it."""

    def step(state, parameters, data):
        beyond = data.closeness - parameters.crossing
        return _latents(parameters.closeness_slope * beyond, parameters.vs_closeness_slope * beyond)

    closeness = replace(next(c for c in model.columns if c.name == "closeness"), default=None)
    columns = tuple(closeness if c.name == "closeness" else c for c in model.columns)
    slopes = [
        replace(
            model.parameter(f"{prefix}closeness_slope"),
            level="participant", support="positive", location=(middle, 0.75), spread=0.5,
            typical=typical, weighs=None,
        )
        for prefix, middle, typical in (("", -2.3, (0.04, 0.3)), ("vs_", -1.5, (0.1, 0.6)))
    ]
    crossing = em.Parameter(
        "crossing", "closeness at which a win is worth no more than a loss", location=(0, 1),
        spread=0.5, symbol="C^*",
    )
    model = replace(model, step=step, columns=columns, correlate=())
    return model.with_parameters(*slopes, crossing, without=["gain", "vs_gain"])


def ordered_gains(model):
    """Nobody's gain with a partner is smaller than that with one of lower rank."""

    def step(state, parameters, data):
        return _latents(*(_ordered(parameters, data, prefix) for prefix in MEASURES))

    rank = em.Column("rank", "place in the expected order of gains; 0: lowest", levels=(0, 1, 2))
    lowest = [replace(model.parameter(f"{prefix}gain"), by=None) for prefix in MEASURES]
    steps = [
        em.Parameter(
            f"{prefix}gain_step_{k}", f"gain at rank {k} minus that at rank {k - 1} ({response})",
            location=(middle, 0.75), spread=0.5, support="positive", typical=typical,
            scale_of=response if response == "rating" else None,
        )
        for (prefix, response), middle, typical in zip(
            MEASURES.items(), (-2.5, -1.2), ((0.03, 0.25), (0.1, 0.8)), strict=True
        )
        for k in (1, 2)
    ]
    model = replace(model, step=step, columns=(*model.columns, rank), correlate=())
    return model.with_parameters(*lowest, *steps)


def _ordered(parameters, data, prefix):
    first, second = (getattr(parameters, f"{prefix}gain_step_{k}") for k in (1, 2))
    raised = pt.where(data.rank > 0.5, first, 0.0) + pt.where(data.rank > 1.5, second, 0.0)
    slope = getattr(parameters, f"{prefix}closeness_slope")
    return getattr(parameters, f"{prefix}gain") + raised + slope * data.closeness


# ------------------------------------------------------------------------- declarations


def _gain(response):
    """Mean response to wins minus that to losses."""

    def gain(table):
        values, won = table[response], table.win > 0.5
        return values[won].mean() - values[~won].mean()

    return gain


def _by_partner(response):
    """Largest minus smallest gain, over partners."""

    def spread(table):
        gains = [_gain(response)(rows) for _, rows in table.groupby("partner")]
        return pd.Series(gains, dtype=float).agg(np.ptp)

    return spread


def _by_closeness(response):
    """Slope of the gain on closeness, over all trials; none where closeness is constant."""

    def slope(table):
        if table.closeness.nunique() < 2:
            return np.nan
        contrast = 2 * (table.win - 0.5)
        lines = np.column_stack([np.ones(len(table)), contrast, contrast * table.closeness / 2])
        return np.linalg.lstsq(lines, table[response].to_numpy(dtype=float), rcond=None)[0][2]

    return slope


def _of(response, prefix, *, unit, middle, prime=""):
    """Declare level, partners, gains and closeness of one measure; `unit` is its usual change."""
    scaled = {"scale_of": response} if response == "rating" else {}
    where = f" ({response})"
    return (
        em.Parameter(
            f"{prefix}baseline", f"level between win and loss{where}",
            location=(middle, unit), spread=unit / 2, typical=(middle - unit, middle + unit),
            symbol="a" + prime, role="location" if scaled else "scale", **scaled,
        ),
        em.Parameter(
            f"{prefix}partner_effect", f"what a partner adds to win and loss alike{where}",
            location=(0, 1e-3), spread=unit / 3, level="partner", typical=(-unit / 3, unit / 3),
            symbol="m" + prime, **scaled,
        ),
        em.Parameter(
            f"{prefix}gain", f"win minus loss with a partner{where}",
            location=(unit, 1.5 * unit), spread=unit, by="partner", typical=(-unit / 2, 2 * unit),
            symbol="g" + prime, **scaled,
        ),
        em.Parameter(
            f"{prefix}closeness_slope", f"change of the gain per unit of closeness{where}",
            location=(0, unit / 2), level="population", typical=(-unit / 4, unit / 2),
            symbol="k" + prime, weighs="closeness", **scaled,
        ),
    )


model = em.Model(
    step=step,
    latents={
        "felt_gain": "win minus loss with this partner at this closeness, in units of the rating",
        "striatal_gain": "win minus loss with this partner at this closeness, VS",
    },
    columns=(
        em.Column("win", "1: a win; 0: a loss; or graded in between", range=(0, 1)),
        em.Column("partner", "who wins or loses, or shares it", levels="any"),
        em.Column(
            "closeness", "closeness to the partner, or investment in their group, standardised",
            default=0.0,
        ),
        em.Column(
            "se", "known standard error of the beta", table="regions", range=(1e-6, 1e6),
            unit="as beta", default=0.0,
        ),
    ),
    parameters=(
        *_of("rating", "", unit=0.2, middle=0.5),
        em.Parameter(
            "rating_noise", "standard deviation of ratings", location=(-2, 0.5), spread=0.3,
            support="positive", scale_of="rating", typical=(0.06, 0.25), symbol=r"\sigma",
        ),
        *_of("VS", "vs_", unit=0.5, middle=0.0, prime="'"),
        em.Parameter(
            "vs_noise", "standard deviation of VS betas", location=(-0.3, 0.5), level="population",
            support="positive", typical=(0.4, 1.2), symbol=r"\sigma'",
        ),
    ),
    responses=(
        em.Response(
            "rating", rating, "how the outcome feels, from unpleasant to pleasant", range=(0, 100),
            unit="points",
        ),
        em.Response("VS", vs, "beta of the ventral striatum", table="regions", region="VS"),
    ),
    correlate=("gain", "vs_gain"),
    statistics=tuple(
        statistic
        for response in MEASURES.values()
        for statistic in (
            em.Statistic.mean(response),
            em.Statistic.sd(response),
            em.Statistic(f"{response}, win minus loss", response, _gain(response)),
            em.Statistic(
                f"{response}, win minus loss, largest difference between partners", response,
                _by_partner(response),
            ),
            em.Statistic(
                f"{response}, win minus loss, slope on closeness", response,
                _by_closeness(response),
            ),
        )
    ),
    rivals=(no_partner, no_closeness, by_closeness, ordered_gains, em.plain_normal),
)
