r"""Empathic accuracy: what others feel is followed in time, and inferred in words.

Perceivers watch targets talk and rate from moment to moment what the target feels; the target has
rated the same before. Let :math:`x` be the target's series, standardised (mean 0, variance 1 within
the series), and :math:`\bar x` its mean in points. Accuracy :math:`\rho` is the correlation of the
two series, bias :math:`b` the distance of their levels:

.. math::

    \rho_{p,k} &= \tanh\big(\operatorname{artanh} \rho_p + u_k + g_p\, c\big) \\
    \text{rating}_t &= \bar x + b_p + v_p\, \rho_{p,k}\, x_t + e_t, \qquad
        e_t = \phi_p\, e_{t-1} + \epsilon_t \\
    \epsilon_t &\sim \text{Normal}\big(0,\; v_p \sqrt{1 - \rho_{p,k}^2} \sqrt{1 - \phi_p^2}\big)

for perceiver :math:`p`, target :math:`k` and incentive :math:`c` (0 or 1), where :math:`v` is the
standard deviation of ratings and :math:`\phi` the autocorrelation of what the target does not
explain. The first rating of a series has its whole variance. Inferred thoughts and feelings are
scored 0 (wrong), 1 (close) or 2 (the same), by item :math:`i`:

.. math::

    P(\text{score}_t \le j) = \frac{1}{1 + e^{-(\kappa_j - \eta_t)}}, \qquad
    \eta_t = a_p + u'_k + q_i + g'_p\, c

Notes
-----
What was published: payment for accuracy improved inferences of women and men, and their difference
was gone (2001); whether an empathic perceiver is accurate depends on how expressive the target is
(2008). Series have been compared by their correlations.
What is ours: all equations, perceivers, targets and items crossed in one likelihood, bias apart
from accuracy, the autocorrelation, every prior, the hierarchy and the rivals.
Both responses are optional; where both were recorded, `accuracy` and `inference` of a person may
correlate. Covariates: ``covariates={"inference": "sex", "incentive_inference": "sex"}``.
Traps: ratings of neighbouring moments are nearly the same rating. The standard error of their
correlation is far above the usual one, and people then seem to differ who do not (compare with
`independent_errors`). Every series needs a `block` of its own, and moments at equal distances.
Standardise the target's series after cutting it to the moments that were rated. A missing rating is
passed over: the next one is taken for its neighbour. Perceivers lag behind: compare `lag_1` to
`lag_3` (in moments). Targets are few, so that how much they differ is known little. Items belong to
one target: give each a name of its own, and rows of ratings the name of none of them ("film").

References
----------
Klein, K. J. K., & Hodges, S. D. (2001). Gender differences, motivation, and empathic accuracy: When
it pays to understand. Personality and Social Psychology Bulletin, 27, 720-730.
doi:10.1177/0146167201276007

Zaki, J., Bolger, N., & Ochsner, K. (2008). It takes two: The interpersonal nature of empathic
accuracy. Psychological Science, 19, 399-404. doi:10.1111/j.1467-9280.2008.02099.x
"""

from dataclasses import replace

import numpy as np
import pymc as pm
import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Follow what the target feels; carry on what the last rating had beside it."""
    return _followed(state, parameters, data, data.felt)


def _followed(state, parameters, data, felt):
    """Return next states and latents, for a value of the target's series."""
    accuracy, unexplained = _accuracy(parameters, data)
    level = data.felt_mean + parameters.bias + parameters.variability * accuracy * felt
    carried = parameters.autocorrelation
    residual = data.rating - level
    is_known = pt.neq(residual, np.inf)  # where rating and series are: else the state stays
    following = {"residual": residual, "follows": pt.where(is_known, 1.0, state.follows)}
    new = unexplained * (1 - state.follows * carried**2)  # share of the variance
    latents = {
        "accuracy": accuracy,
        "expected": level + carried * state.residual,
        "noise": parameters.variability * pt.sqrt(new),
    }
    return following, latents


def _accuracy(parameters, data):
    """Correlation of a perceiver with a target, and the share of variance that it leaves.

    These are tanh(z) and 1 / cosh(z)**2 of the sum z of Fisher's z, by the addition theorem:
    one hyperbolic function per moment in place of three.
    """
    own = parameters.accuracy
    more = pt.tanh(parameters.target_accuracy + parameters.incentive_accuracy * data.incentive)
    together = 1 + own * more
    return (own + more) / together, (1 - own**2) * (1 - more**2) / together**2


def rating(latent, parameters, data):
    """Ratings scatter around the target's series and the last rating's distance from it."""
    return pm.Normal.dist(latent.expected, latent.noise)


def score(latent, parameters, data):
    """Inferences are the better the abler the perceiver and the easier target and item are."""
    able = parameters.inference + parameters.incentive_inference * data.incentive
    location = able + parameters.target_inference + parameters.item_inference
    return em.Ordinal.dist(location, em.thresholds(0.0, parameters.threshold_step), lowest=0)


# --------------------------------------------------------------------- what else could hold


def independent_errors(model):
    """Moments are as good as new people: what a naive correlation takes for granted."""
    return model.fix(autocorrelation=0.0)


def no_accuracy(model):
    """Ratings have nothing to do with what the target feels."""
    return model.fix(accuracy=0.0, target_accuracy=0.0, incentive_accuracy=0.0)


def no_incentive(model):
    """Payment makes no difference."""
    return model.fix(incentive_accuracy=0.0, incentive_inference=0.0)


def no_targets(model):
    """All targets are equally easy to read."""
    return model.fix(target_accuracy=0.0, target_inference=0.0)


def no_items(model):
    """All thoughts and feelings of a target are equally easy to infer."""
    return model.fix(item_inference=0.0)


def lag_1(model):
    """Ratings follow what the target felt one moment before."""
    return _lagging(model, 1)


def lag_2(model):
    """Ratings follow what the target felt two moments before."""
    return _lagging(model, 2)


def lag_3(model):
    """Ratings follow what the target felt three moments before."""
    return _lagging(model, 3)


def _lagging(model, moments):
    names = [f"felt_{k}" for k in range(1, moments + 1)]

    def step(state, parameters, data):
        before = [getattr(state, name) for name in names]
        following, latents = _followed(state, parameters, data, before[-1])
        return following | dict(zip(names, [data.felt, *before], strict=False)), latents

    states = [
        em.State(name, 0.0, meaning=f"what the target felt {k} moments before (mean: 0)")
        for k, name in enumerate(names, 1)
    ]
    return replace(model, step=step, states=(*model.states, *states))


# ------------------------------------------------------------------------- declarations

KEYS = ("participant", "session", "block", "target")


def _correlations(table):
    """Correlation of rating and target, by series, with the incentive of the series."""
    table = table[table.rating.notna() & table.felt.notna()]
    series = table.groupby([key for key in KEYS if key in table])
    standardised = [
        (table[name] - series[name].transform("mean")) / series[name].transform("std", ddof=0)
        for name in ("rating", "felt")
    ]
    found = table.assign(correlation=standardised[0] * standardised[1])
    return found.groupby([key for key in KEYS if key in table])[["correlation", "incentive"]].mean()


def _paid(values, incentive):
    return values[incentive == 1].mean() - values[incentive == 0].mean()


def _lag_1(table):
    """Correlation of neighbouring ratings within series."""
    table = table[table.rating.notna()]
    series = table.groupby([key for key in KEYS if key in table])["rating"]
    centred = table.rating - series.transform("mean")
    before = centred.groupby([table[key] for key in KEYS if key in table]).shift()
    return (centred * before).sum() / (centred**2).sum()


def _correlation(summary):
    return lambda table: summary(_correlations(table))


def _sd_of(key):
    return lambda found: found["correlation"].groupby(key).mean().std()


def _of_series(name, function):
    return em.Statistic(name, "rating", function, kind="simulation")


def _crossed(name, meaning, level, spread, symbol):
    return em.Parameter(
        name, meaning, location=(0, 1e-3), spread=spread, level=level,
        typical=(-spread, spread), symbol=symbol,
    )


model = em.Model(
    step=step,
    states=(
        em.State("residual", 0.0, meaning="last rating minus what the target's series gave"),
        em.State("follows", 0.0, meaning="1: there was a rating before; 0: the first of a series"),
    ),
    latents={
        "accuracy": "correlation of this perceiver with this target, with this incentive",
        "expected": "rating expected from the target's series and the last rating",
        "noise": "standard deviation of ratings around it",
    },
    columns=(
        em.Column("felt", "what the target felt at this moment, standardised within the series"),
        em.Column("felt_mean", "mean of what the target felt in the series", unit="points"),
        em.Column("target", "who is watched", levels="any"),
        em.Column("item", "which thought or feeling is inferred", levels="any", default="all"),
        em.Column("incentive", "1: accuracy is paid for; 0: it is not", range=(0, 1), default=0.0),
    ),
    parameters=(
        em.Parameter(
            "accuracy", "correlation of ratings with what a target of the middle feels",
            location=(0.3, 0.4), spread=0.3, support="signed", typical=(0.1, 0.7), symbol=r"\rho",
        ),
        em.Parameter(
            "bias", "level of ratings minus level of what targets feel", location=(0, 0.15),
            spread=0.1, scale_of="rating", typical=(-0.1, 0.1), symbol="b",
        ),
        em.Parameter(
            "variability", "standard deviation of ratings within a series", location=(-1.8, 0.5),
            spread=0.4, support="positive", scale_of="rating", typical=(0.1, 0.25), symbol="v",
        ),
        em.Parameter(
            "autocorrelation", "correlation of neighbouring ratings beside what targets explain",
            location=(1, 0.5), spread=0.3, support="signed", typical=(0.4, 0.9), symbol=r"\phi",
        ),
        em.Parameter(
            "incentive_accuracy", "what payment adds to accuracy (Fisher's z)", location=(0, 0.3),
            spread=0.2, typical=(-0.1, 0.3), symbol="g", weighs="incentive",
        ),
        _crossed("target_accuracy", "what a target adds to Fisher's z", "target", 0.2, "u"),
        em.Parameter(
            "inference", "log odds of a score above 0, for a target and an item of the middle",
            location=(0, 1), spread=0.75, typical=(-1, 1.5), symbol="a",
        ),
        em.Parameter(
            "incentive_inference", "what payment adds to inference, log odds", location=(0, 0.75),
            spread=0.4, typical=(-0.3, 1), symbol="g'", weighs="incentive",
        ),
        _crossed("target_inference", "what a target adds to log odds", "target", 0.5, "u'"),
        _crossed("item_inference", "what an item adds to log odds", "item", 0.75, "q"),
        em.Parameter(
            "threshold_step", "distance of the borders of scores 1 and 2", location=(0.3, 0.5),
            level="population", support="positive", typical=(0.8, 2.5),
            symbol=r"\kappa_1 - \kappa_0",
        ),
    ),
    responses=(
        em.Response("rating", rating, "what a target seems to feel", range=(0, 100), unit="points"),
        em.Response("score", score, "0: wrong; 1: close; 2: the same", levels=(0, 1, 2)),
    ),
    correlate=("accuracy", "inference"),
    statistics=(
        em.Statistic.mean("rating"),
        em.Statistic.sd("rating"),
        _of_series("autocorrelation of ratings", _lag_1),
        _of_series(
            "mean correlation with targets",
            _correlation(lambda found: found["correlation"].mean()),
        ),
        _of_series(
            "correlation, paid minus not",
            _correlation(lambda found: _paid(found["correlation"], found["incentive"])),
        ),
        _of_series("sd of people's correlations", _correlation(_sd_of("participant"))),
        _of_series("sd of targets' correlations", _correlation(_sd_of("target"))),
        em.Statistic.mean("score"),
        em.Statistic("score, paid minus not", "score", lambda t: _paid(t.score, t.incentive)),
        em.Statistic.between_people("score", "sd of people's scores"),
        em.Statistic(
            "sd of items' scores", "score", lambda t: t.score.groupby(t["item"]).mean().std()
        ),
    ),
    rivals=(
        independent_errors, no_accuracy, no_incentive, no_targets, no_items, lag_1, lag_2, lag_3,
        em.plain_normal,
    ),
)
