r"""Signature expression: another's suffering is met with care and with distress, by motive.

Two brain signatures, of empathic care and of empathic distress, are scored on every trial, in
standard units of the study. With suffering :math:`p` (0: neutral, 1: suffering, or an intensity
between), closeness to the one who suffers :math:`c` and the cost of caring :math:`k`, both
standardised, for participant :math:`s` and trial :math:`t`:

.. math::

    e_{s,t} &= a_s + p_t (b_s + g_s c_t + h_s k_t) \\
    d_{s,t} &= a'_s + p_t (b'_s + g'_s c_t + h'_s k_t) \\
    \text{care}_t &\sim \text{Normal}(e_{s,t} + \tfrac12 d_{s,t},\; \sigma_s) \\
    \text{distress}_t &\sim \text{Normal}\big(e_{s,t} - \tfrac12 d_{s,t} + \rho\, \sigma'_s z_t,\;
        \sigma'_s \sqrt{1 - \rho^2}\big), \qquad
    z_t = \frac{\text{care}_t - e_{s,t} - \tfrac12 d_{s,t}}{\sigma_s}

:math:`e` is what both signatures do, :math:`d` is care minus distress. Given the mean, the two
scores are bivariate normal with correlation :math:`\rho`. Ratings of what was felt, and money
given, follow the scores:

.. math::

    \text{care rating}_t &\sim \text{Normal}(r_s + q_s\, \text{care}_t,\; s_{r,s}) \\
    \text{distress rating}_t &\sim \text{Normal}(r'_s + q'_s\, \text{distress}_t,\; s'_{r,s}) \\
    \text{donation}_t &\sim \text{Normal}(
        r''_s + q''_s\, \text{care}_t + u''_s\, \text{distress}_t,\; s''_{r,s})

Notes
-----
What was published: signatures of care and of distress that predicted ratings of people they were
not made from (r = .59 and .63 over 66 people), and donations trial by trial.
What is ours: the regressions, motives as moderators, the correlation of residuals, the hierarchy,
every prior and all rivals.
`signature_scores` gives a row per image and signature; this model takes a row per trial:

    trials = scores.pivot(index=["participant", "trial"], columns="signature", values="score")
    trials = ((trials - trials.mean()) / trials.std()).reset_index()

The predictive statistics hold :math:`\Phi(d / \sqrt 2)`, the probability of telling suffering
from neutral by two scores of one person (forced choice); :math:`d` is the difference of the means
in units of the standard deviation within people and conditions.
Traps: scores differ in scale by scanner and processing: standardise within study, or take the
cosine. The two signatures share voxels and so share noise: a correlation of residuals need not be
one of feelings. Somebody moved equally by closeness in both is no evidence of a motive to care:
look at `closeness_contrast`. Ratings that follow the own score may do so by what both scores share:
see the rival `crossed`. Distress and donations are scored only where care is, too. Without neutral
trials leave `suffering` out: its effects are then part of the baselines. Scores are taken to be
known: slopes of ratings are those on the noisy score. Signatures tested on the images that they
were trained on predict too well.

References
----------
Ashar, Y. K., Andrews-Hanna, J. R., Dimidjian, S., & Wager, T. D. (2017). Empathic care and
distress: predictive brain markers and dissociable brain systems. Neuron, 94, 1263-1273.
doi:10.1016/j.neuron.2017.05.014
"""

from statistics import NormalDist

import pymc as pm
import pytensor.tensor as pt

import empathymodels as em

SIGNATURES = {"care": 0.5, "distress": -0.5}  # and the share of the contrast that each has
EFFECTS = ("suffering", "closeness", "cost")


def _mean(parameters, data, signature):
    """Return the expression that suffering and motives let expect."""
    share = SIGNATURES[signature]
    suffering, closeness, cost = (
        getattr(parameters, f"{name}_effect") + share * getattr(parameters, f"{name}_contrast")
        for name in EFFECTS
    )
    moved = suffering + closeness * data.closeness + cost * data.cost
    return parameters.baseline + share * parameters.contrast + data.suffering * moved


def care(latent, parameters, data):
    """Expression of the care signature."""
    return pm.Normal.dist(_mean(parameters, data, "care"), parameters.care_noise)


def distress(latent, parameters, data):
    """Expression of the distress signature; part of what moves it beyond its mean is care's."""
    residual = (data.care - _mean(parameters, data, "care")) / parameters.care_noise
    noise, shared = parameters.distress_noise, parameters.residual_correlation
    mean = _mean(parameters, data, "distress") + shared * noise * residual
    return pm.Normal.dist(mean, noise * pt.sqrt(1 - shared**2))


def _following(name, *signatures):
    """Make a response that follows the scores of signatures."""

    def function(latent, parameters, data):
        mean = getattr(parameters, f"{name}_baseline")
        for signature in signatures:
            slope = getattr(parameters, f"{name}_{signature}_slope")
            mean = mean + slope * getattr(data, signature)
        return pm.Normal.dist(mean, getattr(parameters, f"{name}_noise"))

    return function


# --------------------------------------------------------------------- what else could hold


def no_motives(model):
    """Neither closeness nor cost moderates the response to suffering."""
    names = [f"{e}_{kind}" for e in ("closeness", "cost") for kind in ("effect", "contrast")]
    return model.fix(**dict.fromkeys(names, 0.0))


def no_contrast(model):
    """What moves care moves distress as much."""
    return model.fix(**{f"{effect}_contrast": 0.0 for effect in EFFECTS})


def no_shared_residuals(model):
    """Beyond suffering and motives the two scores have nothing in common."""
    return model.fix(residual_correlation=0.0)


def no_calibration(model):
    """Ratings and donations do not follow the scores."""
    slopes = [p.name for p in model.parameters if p.name.endswith("_slope")]
    return model.fix(**dict.fromkeys(slopes, 0.0))


def crossed(model):
    """Either rating follows the scores of both signatures."""
    for name, other in (("care_rating", "distress"), ("distress_rating", "care")):
        model = model.with_response(name, _following(name, *SIGNATURES))
        model = model.with_parameters(_slope(name, other, "w"))
    return model


# ------------------------------------------------------------------------- declarations


def _score(name, meaning, typical, symbol, weighs=None):
    return em.Parameter(
        name, meaning, location=(0, 0.5), spread=0.3, typical=typical, symbol=symbol,
        weighs=weighs,
    )


def _pair(name, meaning, symbol, both, contrast):
    """Declare what an effect does to both signatures, and to care more than to distress."""
    return (
        _score(f"{name}_effect", f"change of both scores {meaning}", both, symbol, name),
        _score(
            f"{name}_contrast", f"change of care minus distress {meaning}", contrast,
            f"{symbol}'", name,
        ),
    )


def _noise(name, meaning, mean, typical, symbol, scale_of=None):
    return em.Parameter(
        name, meaning, location=(mean, 0.5), spread=0.3, support="positive", typical=typical,
        symbol=symbol, scale_of=scale_of,
    )


def _slope(name, signature, symbol):
    return em.Parameter(
        f"{name}_{signature}_slope", f"{name.replace('_', ' ')} per sd of the {signature} score",
        location=(0.05, 0.1), spread=0.05, typical=(-0.02, 0.2), symbol=symbol, scale_of=name,
    )


def _outcome(name, signatures, mark):
    told = name.replace("_", " ")
    return (
        em.Parameter(
            f"{name}_baseline", f"{told} where scores are 0", location=(0.4, 0.2), spread=0.2,
            typical=(0.2, 0.6), symbol="r" + mark, scale_of=name, role="location",
        ),
        *(_slope(name, s, symbol + mark) for s, symbol in zip(signatures, "qu", strict=False)),
        _noise(
            f"{name}_noise", f"standard deviation of the {told}", -1.8, (0.08, 0.25), "s_r" + mark,
            scale_of=name,
        ),
    )


def _suffering(signature):
    """Return the scores where another suffers, minus those where not."""

    def difference(table):
        suffers = table.suffering > 0.5
        return table[signature][suffers].mean() - table[signature][~suffers].mean()

    return difference


def _forced_choice(signature):
    """Probability of telling suffering from neutral by one score each."""

    def accuracy(table):
        keys = [table.participant, table.suffering > 0.5]
        within = table[signature] - table.groupby(keys)[signature].transform("mean")
        return NormalDist().cdf(_suffering(signature)(table) / within.std() / 2**0.5)

    return accuracy


def _within(response, column):
    """Correlation within people."""

    def correlation(table):
        both = table[[response, column]]
        around = both - both.groupby(table.participant).transform("mean")
        return around[response].corr(around[column])

    return correlation


OUTCOMES = {
    "care_rating": (("care",), ""),
    "distress_rating": (("distress",), "'"),
    "donation": (("care", "distress"), "''"),
}
model = em.Model(
    title="another's suffering is met with care and with distress, by motive",
    columns=(
        em.Column(
            "suffering", "0: neutral; 1: another suffers; or an intensity between",
            range=(0, 1), default=1.0,
        ),
        em.Column("closeness", "closeness to the one who suffers, standardised", default=0.0),
        em.Column("cost", "what caring would cost, standardised", default=0.0),
    ),
    parameters=(
        _score("baseline", "mean of both scores, neutral", (-0.5, 0.5), "a"),
        _score("contrast", "care minus distress, neutral", (-0.5, 0.5), "a'"),
        *_pair("suffering", "with suffering", "b", (0, 1), (-0.4, 0.6)),
        *_pair("closeness", "per sd of closeness", "g", (-0.1, 0.3), (-0.1, 0.5)),
        *_pair("cost", "per sd of cost", "h", (-0.2, 0.2), (-0.5, 0.1)),
        _noise("care_noise", "standard deviation of care scores", -0.3, (0.5, 1.1), r"\sigma"),
        _noise(
            "distress_noise", "standard deviation of distress scores", -0.3, (0.5, 1.1),
            r"\sigma'",
        ),
        em.Parameter(
            "residual_correlation", "correlation of the two scores beyond their means",
            location=(0.3, 0.4), level="population", support="signed", typical=(0, 0.6),
            symbol=r"\rho",
        ),
        *(p for name, given in OUTCOMES.items() for p in _outcome(name, *given)),
    ),
    responses=(
        em.Response("care", care, "score of the care signature", unit="sd"),
        em.Response("distress", distress, "score of the distress signature", unit="sd"),
        em.Response(
            "care_rating", _following("care_rating", "care"), "care felt", range=(0, 100),
            unit="points",
        ),
        em.Response(
            "distress_rating", _following("distress_rating", "distress"), "distress felt",
            range=(0, 100), unit="points",
        ),
        em.Response(
            "donation", _following("donation", *SIGNATURES), "given of what one has",
            range=(0, 100), unit="percent",
        ),
    ),
    correlate=("suffering_effect", "suffering_contrast", "closeness_contrast", "cost_contrast"),
    statistics=(
        *(
            statistic
            for name in SIGNATURES
            for statistic in (
                em.Statistic.sd(name),
                em.Statistic(f"{name}, suffering minus neutral", name, _suffering(name)),
                em.Statistic(f"forced choice by {name}", name, _forced_choice(name)),
            )
        ),
        em.Statistic("r of the two scores within people", "distress", _within("distress", "care")),
        *(
            em.Statistic(f"r of {name} and {given[0][0]} within people", name,
                         _within(name, given[0][0]))
            for name, given in OUTCOMES.items()
        ),
    ),
    rivals=(
        no_motives, no_contrast, no_shared_residuals, no_calibration, crossed, em.plain_normal,
    ),
)
