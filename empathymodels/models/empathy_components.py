r"""Empathy components: sharing, mentalizing and concern are three abilities, seen in many measures.

People differ in how much they share what others feel (:math:`S`), in how well they read others'
minds (:math:`M`) and in how much they are concerned for others (:math:`C`). Each is a factor of
mean 0 and standard deviation 1 over people, and the three may correlate. For participant
:math:`s`, trial :math:`t` (:math:`e_t = 1`: what another tells is emotional; 0: neutral) and
region :math:`r`, which belongs to the process :math:`p(r)`,

.. math::

    (S_s, M_s, C_s) &\sim \text{Normal}(0, \Omega), \qquad \Omega \sim \text{LKJ}(2) \\
    \text{affect}_t &\sim \text{Normal}\big(a_s + e_t (b_s - \lambda_a S_s),\; \sigma_a\big) \\
    \text{compassion}_t &\sim \text{Normal}\big(a'_s + e_t (b'_s + \lambda_c C_s),\;
        \sigma_c\big) \\
    P(\text{correct}_t) &= \frac{1}{1 + e^{-(m_s + \lambda_m M_s - d_{q(t)})}} \\
    \text{beta}_{s,r} &\sim \text{Normal}\big(\mu_r + \lambda_r F_{s,p(r)},\;
        \sqrt{\sigma_r^2 + \text{se}^2}\big), \qquad F_s = (S_s, M_s, C_s)

Affect runs from unpleasant to pleasant, so that who shares suffering falls further. What a measure
does not share with the others of its factor is its own: :math:`b_s`, :math:`b'_s` and :math:`m_s`
differ between people, and so do betas, by :math:`\sigma_r`. A region loads on the factor of its
process alone.

Notes
-----
What was published: a task that takes affect, compassion and the accuracy of mentalizing in the
same trials, with regions of each; and, in reviews, three processes with regions of their own. These
were comparisons of condition means.
What is ours: the factors, a measurement model of all measures at once, every prior and all rivals.
Factors are identified by mean 0, standard deviation 1 and loadings above 0, and by each measure
loading on one factor only, not by a loading that is held at 1: any of the measures may be absent.
`regions` needs a row per person and region, a contrast (emotional minus neutral, or mentalizing
minus not) divided by its standard deviation over people, and the column `process`, which
`em.regions()` has:

    regions = em.extract(...).merge(em.regions()[["region", "process"]].drop_duplicates())

The loading of a region is then its correlation with the factor, and the product of two loadings
that of two regions of one process; `correlation` of the fit is that of the factors.
Traps: a factor needs three measures. With two only the product of loadings is known, with one
nothing but the prior; read a correlation of factors against its prior (`plot_correlations`). A
person's noise is in the factor where there is no `se`, but only as far as measures share it: runs,
motion and signal-to-noise ratio are shared by all regions and make one factor of three. Whether
there are three is asked of new people: `em.compare(fits, unit="participant")` with the rivals.
Where a region has more than one process (the temporoparietal junction, say), the zeros are wrong
and the factors correlate more than they should. Correct answers are those to questions about
minds: leave `correct` empty where a question was about facts. Guessing is not modelled. Without
neutral trials leave `emotional` out; levels and responses are then one.

References
----------
Kanske, P., Böckler, A., Trautwein, F.-M., & Singer, T. (2015). Dissecting the social brain:
Introducing the EmpaToM to reveal distinct neural networks and brain-behavior relations for empathy
and Theory of Mind. NeuroImage, 122, 6-19. doi:10.1016/j.neuroimage.2015.07.082

Weisz, E., & Zaki, J. (2018). Motivated empathy: a social neuroscience perspective. Current Opinion
in Psychology, 24, 67-71. doi:10.1016/j.copsyc.2018.05.005
"""

from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pymc as pm

import empathymodels as em

FACTORS = {  # and the process of the regions that load on it
    "sharing": "experience sharing",
    "mentalizing": "mentalizing",
    "concern": "empathic concern",
}


def _functions(sharing, mentalizing, concern):
    """Make the functions of the responses, with the factors that stand for the processes."""

    def affect(latent, parameters, data):
        """Own affect falls where another suffers, the more the more is shared."""
        shared = parameters.affect_loading * getattr(parameters, sharing)
        mean = parameters.affect_level + data.emotional * (parameters.affect_response - shared)
        return pm.Normal.dist(mean, parameters.affect_noise)

    def compassion(latent, parameters, data):
        """Compassion rises."""
        felt = parameters.compassion_loading * getattr(parameters, concern)
        response = parameters.compassion_response + felt
        mean = parameters.compassion_level + data.emotional * response
        return pm.Normal.dist(mean, parameters.compassion_noise)

    def correct(latent, parameters, data):
        """Questions about another's mind."""
        able = parameters.accuracy_loading * getattr(parameters, mentalizing)
        return em.Choice.dist(parameters.accuracy + able - parameters.difficulty)

    def beta(latent, parameters, data):
        """Every region has a mean, a loading and a noise of its own."""
        seen = tuple(getattr(parameters, name) for name in (sharing, mentalizing, concern))
        mean = parameters.region_mean + parameters.region_loading * em.pick(seen, data.process)
        return pm.Normal.dist(mean, em.measured(data.se, parameters.region_noise))

    return dict(affect=affect, compassion=compassion, correct=correct, beta=beta)


# --------------------------------------------------------------------- what else could hold


def _seen_by(model, *factors):
    """Let other factors stand for the three processes."""
    for response in model.responses:
        model = model.with_response(response.name, _functions(*factors)[response.name])
    known = {p.name for p in model.parameters}
    unread = [name for name in FACTORS if name in known and name not in factors]
    return model.with_parameters(without=unread)


def two_factors(model):
    """Sharing and concern are one, affective factor; mentalizing is the other."""
    return _seen_by(model, "sharing", "mentalizing", "sharing")


def one_factor(model):
    """All measures are of one factor."""
    return _seen_by(model, "sharing", "sharing", "sharing")


def uncorrelated(model):
    """Three factors, none of which says anything about another."""
    return replace(model, correlate=())


def no_factors(model):
    """No measure says anything about another."""
    nothing = [p.name for p in model.parameters if p.name.endswith("_loading") or p.name in FACTORS]
    return model.fix(**dict.fromkeys(nothing, 0.0))


# ------------------------------------------------------------------------- declarations


def _factor(name, symbol):
    """Declare a factor, its mean and standard deviation set to 0 and 1 (up to a thousandth)."""
    return em.Parameter(
        name, f"{FACTORS[name]}, in standard deviations of people", location=(0, 1e-3),
        spread=em.Prior("Gamma", alpha=1e6, beta=1e6), effect=0.5, typical=(-1.5, 1.5),
        symbol=symbol,
    )


def _rating(name, process, prime, responds):
    """Declare what a rating has; `responds` is the usual range of its mean response."""
    return (
        em.Parameter(
            f"{name}_level", f"{name}, neutral", location=(0.5, 0.2), spread=0.15, scale_of=name,
            role="location", typical=(0.35, 0.65), symbol="a" + prime,
        ),
        em.Parameter(
            f"{name}_response", f"{name}, emotional minus neutral, at the mean of {process}",
            location=(0, 0.25), spread=0.1, scale_of=name, typical=responds, symbol="b" + prime,
            weighs="emotional",
        ),
        em.Parameter(
            f"{name}_loading", f"change of the response of {name} per sd of {process}",
            location=(-2.5, 0.75), level="population", support="positive", scale_of=name,
            typical=(0.03, 0.15), symbol=rf"\lambda_{name[0]}",
        ),
        em.Parameter(
            f"{name}_noise", f"standard deviation of {name}", location=(-2, 0.5),
            level="population", support="positive", scale_of=name, typical=(0.06, 0.25),
            symbol=rf"\sigma_{name[0]}",
        ),
    )


def _responding(response):
    """Everybody's mean, emotional minus neutral."""

    def responses(table):
        emotional = table.emotional > 0.5
        high, low = (
            rows.groupby("participant")[response].mean()
            for rows in (table[emotional], table[~emotional])
        )
        return high - low

    return responses


def _over_people(response, summary):
    return lambda table: getattr(_responding(response)(table), summary)()


def _together(first, second):
    """Mean correlation of regions of one process with others, of the same or another process."""

    def mean_r(table):
        betas = table.pivot_table("beta", "participant", "region")
        process = table.drop_duplicates("region").set_index("region")["process"][betas.columns]
        r = betas.corr().to_numpy()
        of_pair = np.outer(process == FACTORS[first], process == FACTORS[second])
        pairs = r[of_pair & ~np.eye(len(r), dtype=bool)]
        return pairs.mean() if pairs.size else np.nan

    return mean_r


THREE = _functions(*FACTORS)
model = em.Model(
    title="sharing, mentalizing and concern are three abilities, seen in many measures",
    columns=(
        em.Column(
            "emotional", "1: what another tells is emotional; 0: neutral", range=(0, 1),
            default=1.0,
        ),
        em.Column("question", "which question about another's mind", levels="any", default="all"),
        em.Column("region", "where in the brain", table="regions", levels="any"),
        em.Column(
            "process", "process that the region is of", table="regions",
            levels=tuple(FACTORS.values()),
        ),
        em.Column(
            "se", "known standard error of the beta", table="regions", range=(1e-6, 1e6),
            unit="as beta", default=0.0,
        ),
    ),
    parameters=(
        _factor("sharing", "S"),
        _factor("mentalizing", "M"),
        _factor("concern", "C"),
        *_rating("affect", "sharing", "", (-0.4, 0)),
        *_rating("compassion", "concern", "'", (0, 0.4)),
        em.Parameter(
            "accuracy", "log odds of a correct answer at the mean of mentalizing",
            location=(0.5, 0.75), spread=0.5, typical=(0, 1.5), symbol="m",
        ),
        em.Parameter(
            "accuracy_loading", "change of these log odds per sd of mentalizing",
            location=(-0.7, 0.6), level="population", support="positive", typical=(0.2, 1),
            symbol=r"\lambda_m",
        ),
        em.Parameter(
            "difficulty", "how much a question lowers these log odds", location=(0, 1e-3),
            spread=0.75, level="question", typical=(-0.8, 0.8), symbol="d",
        ),
        em.Parameter(
            "region_mean", "mean beta of a region", location=(0, 0.75), level="population",
            by="region", typical=(-0.2, 1), symbol=r"\mu_r",
        ),
        em.Parameter(
            "region_loading", "change of a region's beta per sd of its factor",
            location=(-0.6, 0.5), level="population", by="region", support="positive",
            typical=(0.3, 0.9), symbol=r"\lambda_r",
        ),
        em.Parameter(
            "region_noise", "what of a region's beta is its own, standard deviation",
            location=(-0.4, 0.5), level="population", by="region", support="positive",
            typical=(0.4, 1), symbol=r"\sigma_r",
        ),
    ),
    responses=(
        em.Response(
            "affect", THREE["affect"], "own affect, from unpleasant to pleasant", range=(0, 100),
            unit="points",
        ),
        em.Response(
            "compassion", THREE["compassion"], "compassion felt", range=(0, 100), unit="points",
        ),
        em.Response(
            "correct", THREE["correct"], "1: right about another's mind; 0: not", levels=(0, 1),
        ),
        em.Response("beta", THREE["beta"], "beta of a region, a contrast", table="regions"),
    ),
    correlate=tuple(FACTORS),
    statistics=(
        *(
            em.Statistic(
                f"{what} of {name}, emotional minus neutral", name, _over_people(name, summary)
            )
            for name in ("affect", "compassion")
            for summary, what in (("mean", "mean"), ("std", "sd over people"))
        ),
        em.Statistic.mean("correct", "share of correct answers"),
        em.Statistic.between_people("correct"),
        *(
            em.Statistic(
                f"mean r of regions, {one} and {other}", "beta", _together(one, other)
            )
            for one, other in combinations_with_replacement(FACTORS, 2)
        ),
    ),
    rivals=(two_factors, one_factor, uncorrelated, no_factors, em.plain_normal),
)
