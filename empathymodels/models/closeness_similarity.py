r"""Closeness or similarity: the brain's midline responds to who is close, or to who is alike.

Participants judge themselves and four kinds of other people: close or not (:math:`c`:
:math:`\pm\tfrac12`), similar to themselves or not (:math:`m`: :math:`\pm\tfrac12`). Betas of the
medial prefrontal cortex (MPFC) and of the rostral anterior cingulate (ACC) follow both. For
participant :math:`s` and trial :math:`t`,

.. math::

    \eta_{s,t} &= \begin{cases}
        a_s + d_s & \text{the participant} \\
        a_s + b_s\, c_t + e_s\, m_t + h\, c_t m_t & \text{another person}
    \end{cases} \\
    \text{MPFC}_t &\sim \text{Normal}\big(\eta_{s,t},\; \sqrt{\sigma^2 + \text{se}_t^2}\big)

and the same, with values of its own, for ACC. :math:`a` is the response to others, averaged over
the four kinds, :math:`b` how much more those who are close evoke, :math:`e` those who are similar,
and :math:`d` oneself.

Notes
-----
What was published: over four experiments (98 people) judgments of oneself and of friends evoke more
midline response than those of unknown others, whether similar or not. These were comparisons of
condition means.
What is ours: the regression, the hierarchy, every prior and all rivals.
That similarity makes no difference is not shown by an interval that holds 0. Say beforehand which
differences count as none, such as a tenth of a standard deviation, and report how probable it is
that the effect lies within them:

    effect = fit["posterior"]["similarity_effect_mean"]
    (abs(effect) < 0.1).mean()      # within the region of practical equivalence
    (fit["posterior"]["closeness_effect_mean"] > effect).mean()

Look at the same share in the prior first (.16 here): few data leave it near there. The other way is
`compare` with the rivals, at best over participants.
Traps: `em.regions` has other places under the names `MPFC` and `ACC` (dorsal medial prefrontal and
midcingulate cortex), so give `em.extract` spheres of your own. Friends are similar: where the two
are rated and not crossed by design, both effects are known from those alone who are one without the
other. Whom a participant judged similar may also be better known. Betas must be divided by their
standard deviation, for the priors and for the region above. With one beta per condition the
interaction is the same for all people, and it is here: there is no telling differences between
people from noise. `target` = self needs some value in `close` and `similar`, which is not read.
Without the column `target` all are others; without `similar` its effect and the interaction are
held at 0. With nobody close, take `similarity_only`.

References
----------
Krienen, F. M., Tu, P.-C., & Buckner, R. L. (2010). Clan mentality: Evidence that the medial
prefrontal cortex responds to close others. Journal of Neuroscience, 30, 13906-13915.
doi:10.1523/JNEUROSCI.2180-10.2010
"""

import pymc as pm
import pytensor.tensor as pt

import empathymodels as em

REGIONS = {"": "MPFC", "acc_": "ACC"}  # prefix of parameters, and the region that they are of


def _mean(parameters, data, prefix=""):
    """Return the response to oneself or to another, for the parameters with a prefix."""
    baseline, of_self, closeness, similarity, both = (
        getattr(parameters, prefix + name)
        for name in (
            "baseline", "self_effect", "closeness_effect", "similarity_effect", "interaction",
        )
    )
    close, similar = data.close - 0.5, data.similar - 0.5
    other = closeness * close + similarity * similar + both * close * similar
    return baseline + pt.where(pt.eq(data.target, 1), of_self, other)


def mpfc(latent, parameters, data):
    """Medial prefrontal betas."""
    return pm.Normal.dist(_mean(parameters, data), em.measured(data.se, parameters.noise))


def acc(latent, parameters, data):
    """Rostral cingulate betas."""
    mean = _mean(parameters, data, "acc_")
    return pm.Normal.dist(mean, em.measured(data.se, parameters.acc_noise))


# --------------------------------------------------------------------- what else could hold


def _without(model, *effects):
    return model.fix(**{prefix + effect: 0.0 for prefix in REGIONS for effect in effects})


def additive(model):
    """Closeness and similarity add up."""
    return _without(model, "interaction")


def closeness_only(model):
    """Only closeness makes a difference."""
    return _without(model, "similarity_effect", "interaction")


def similarity_only(model):
    """Only similarity makes a difference."""
    return _without(model, "closeness_effect", "interaction")


def no_difference(model):
    """All others are alike; oneself may differ."""
    return _without(model, "closeness_effect", "similarity_effect", "interaction")


# ------------------------------------------------------------------------- declarations


def _effect(region, column):
    """Mean beta of others with this attribute minus that of those without it."""

    def difference(table):
        others = table[table.target == "other"]
        has = others[column] > 0.5
        return others[region][has].mean() - others[region][~has].mean()

    return difference


def _interaction(region):
    """How much larger the effect of closeness is where others are similar."""

    def difference(table):
        alike, unlike = (table[(table.similar > 0.5) == is_similar] for is_similar in (True, False))
        return _effect(region, "close")(alike) - _effect(region, "close")(unlike)

    return difference


def _of_self(region):
    def difference(table):
        is_self = table.target == "self"
        return table[region][is_self].mean() - table[region][~is_self].mean()

    return difference


def _parameters(prefix, region, prime):
    """Declare what one region has."""

    def effect(name, meaning, symbol, typical, weighs=None, mean=0.0):
        return em.Parameter(
            prefix + name, f"{meaning} ({region})", location=(mean, 0.5), spread=0.25,
            typical=typical, symbol=symbol + prime, weighs=weighs,
        )

    return (
        em.Parameter(
            f"{prefix}baseline", f"response to other people ({region})", location=(0, 0.5),
            spread=0.5, typical=(-0.5, 0.5), symbol="a" + prime,
        ),
        effect("self_effect", "oneself minus others", "d", (0, 1), weighs="target"),
        effect("closeness_effect", "close minus other people", "b", (0, 0.8)),
        effect(
            "similarity_effect", "similar minus dissimilar people", "e", (-0.3, 0.3),
            weighs="similar",
        ),
        em.Parameter(
            f"{prefix}interaction",
            f"effect of closeness of similar minus that of dissimilar people ({region})",
            location=(0, 0.5), level="population", typical=(-0.3, 0.3), symbol="h" + prime,
            weighs="similar",
        ),
        em.Parameter(
            f"{prefix}noise", f"standard deviation of betas ({region})", location=(-0.3, 0.5),
            level="population", support="positive", typical=(0.4, 1.2), symbol=r"\sigma" + prime,
        ),
    )


model = em.Model(
    columns=(
        em.Column("close", "1: close to the participant; 0: not", range=(0, 1)),
        em.Column("similar", "1: similar to the participant; 0: not", range=(0, 1), default=0.5),
        em.Column("target", "who is judged", levels=("other", "self"), default="other"),
        em.Column(
            "se", "known standard error of the beta", table="regions", range=(1e-6, 1e6),
            unit="as beta", default=0.0,
        ),
    ),
    parameters=(*_parameters("", "MPFC", ""), *_parameters("acc_", "ACC", "'")),
    responses=(
        em.Response("MPFC", mpfc, "medial prefrontal beta", table="regions", region="MPFC"),
        em.Response("ACC", acc, "rostral cingulate beta", table="regions", region="ACC"),
    ),
    correlate=("closeness_effect", "similarity_effect", "acc_closeness_effect"),
    statistics=tuple(
        statistic
        for region in REGIONS.values()
        for statistic in (
            em.Statistic.sd(region),
            em.Statistic(f"{region}, close minus other", region, _effect(region, "close")),
            em.Statistic(f"{region}, similar minus not", region, _effect(region, "similar")),
            em.Statistic(f"{region}, interaction", region, _interaction(region)),
            em.Statistic(f"{region}, self minus others", region, _of_self(region)),
        )
    ),
    rivals=(additive, closeness_only, similarity_only, no_difference),
)
