r"""Partial pooling of one effect over regions, from fits of single regions.

Of region :math:`r` the fit under the prior :math:`\text{Normal}(m_0, s_0)` gave an effect with mean
:math:`b_r` and standard deviation :math:`d_r`. What the data alone said is, as far as both are
Gaussian, a normal likelihood with precision :math:`\lambda_r = d_r^{-2} - s_0^{-2}` around
:math:`y_r = (b_r d_r^{-2} - m_0 s_0^{-2}) / \lambda_r`. Errors of regions go together, since the
same people were in all of them, with correlations :math:`c_{rq}`; effects of regions scatter around
a mean of all:

.. math::

    y \sim \text{Normal}(\theta, \Sigma), \quad
    \Sigma_{rq} = c_{rq}\, (\lambda_r \lambda_q)^{-1/2}, \quad
    \theta_r \sim \text{Normal}(\mu, \tau), \quad
    \mu \sim \text{Normal}(m_0, s_0), \quad \tau \sim \text{HalfNormal}(s_0)

:math:`\mu` and :math:`\theta` are integrated out for every :math:`\tau` of a grid; the posterior
of a region's effect is the mixture over that grid.

The error of a mean over people goes from region to region as people do, so :math:`c` is the
correlation over people of their own values, shrunken to its mean over pairs of regions as far as
the number of people makes it uncertain (Schaefer & Strimmer 2005, doi:10.2202/1544-6115.1175). So
are the sizes of errors, on the log scale: where errors go together, differences in size that are
due to chance would else look as if they cancelled what regions have in common.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from empathymodels.engine.density import on_one_thread

GRID = 200  # values of the spread between regions
WIDEST = 4.0  # the largest of them, in standard deviations of the prior of an effect
HALVINGS = 40  # of the range in which a quantile is looked for


@dataclass(frozen=True)
class Pooled:
    """Effects after partial pooling.

    Attributes
    ----------
    mean, sd, p_positive : ndarray (region,)
        Of every region's effect.
    centre, spread : (float, float)
        Posterior mean and standard deviation of the mean of regions, and of how they scatter
        around it.
    parts : (ndarray, ndarray, ndarray)
        Weights (spread,), means and standard deviations (spread, region), of the mixtures.
    """

    mean: np.ndarray
    sd: np.ndarray
    p_positive: np.ndarray
    centre: tuple[float, float]
    spread: tuple[float, float]
    parts: tuple[np.ndarray, np.ndarray, np.ndarray]

    def quantile(self, share: float) -> np.ndarray:
        """Quantile of every region's effect, (region,)."""
        weights, means, sds = self.parts
        low = (means - 9 * sds).min(axis=0)
        high = (means + 9 * sds).max(axis=0)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = weights @ ndtr((middle - means) / sds)
            low, high = np.where(below < share, middle, low), np.where(below < share, high, middle)
        return (low + high) / 2


@on_one_thread
def pooled(
    mean: np.ndarray,
    sd: np.ndarray,
    prior_mean: float,
    prior_sd: float,
    people: np.ndarray | None = None,
) -> Pooled:
    """Pool effects of regions that were fitted by themselves.

    Parameters
    ----------
    mean, sd : ndarray (region,)
        Of the posterior of every region's fit.
    prior_mean, prior_sd : float
        Of the prior of the effect in every one of these fits.
    people : ndarray (person, region), optional
        Everybody's own effects, without what covariates say of them: how errors of regions go
        together. Independent unless given.
    """
    certain = prior_sd**-2
    precision = sd**-2.0 - certain
    told = precision > 0  # elsewhere the data said nothing
    error = precision[told] ** -0.5
    estimate = (mean[told] * sd[told] ** -2.0 - prior_mean * certain) * error**2
    together = np.eye(told.sum())
    if people is not None and told.any():
        together = shrunken_correlation(people[:, told])
        error = shrunken_sizes(error, len(people))
    sizes, axes = np.linalg.eigh(together * np.outer(error, error))
    sizes = np.maximum(sizes, 0.0)

    places = (np.arange(GRID) + 0.5) / GRID
    spread = WIDEST * prior_sd * places**2  # closer together where it is small
    variance = sizes + spread[:, None] ** 2  # (spread, axis)
    ones, rest = axes.sum(axis=0), (estimate - prior_mean) @ axes
    certainty = certain + (ones**2 / variance).sum(axis=1)
    pull = (ones * rest / variance).sum(axis=1)
    fit = (rest**2 / variance).sum(axis=1) - pull**2 / certainty
    log_weight = -(np.log(variance).sum(axis=1) + np.log(certainty) + fit) / 2
    log_weight += np.log(places) - (spread / prior_sd) ** 2 / 2
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()

    centre = prior_mean + pull / certainty
    own = spread[:, None] ** 2 / variance  # of what an axis has, how much its regions keep
    means = np.repeat(centre[:, None], len(mean), axis=1)
    variances = np.repeat(spread[:, None] ** 2 + 1 / certainty[:, None], len(mean), axis=1)
    means[:, told] += (own * ((estimate - prior_mean) @ axes)) @ axes.T
    means[:, told] -= (own * ones) @ axes.T * (centre - prior_mean)[:, None]
    left = 1 - (own * ones) @ axes.T  # of the mean of all, how much is in a region
    variances[:, told] = (own * sizes) @ axes.T**2 + left**2 / certainty[:, None]
    sds = np.sqrt(variances)
    middle = weight @ means
    middle_of_all, width = weight @ centre, weight @ spread
    return Pooled(
        middle,
        np.sqrt(weight @ (variances + (means - middle) ** 2)),
        weight @ ndtr(means / sds),
        (float(middle_of_all), _sd(weight, 1 / certainty + (centre - middle_of_all) ** 2)),
        (float(width), _sd(weight, (spread - width) ** 2)),
        (weight, means, sds),
    )


def _sd(weight: np.ndarray, squares: np.ndarray) -> float:
    return float(np.sqrt(weight @ squares))


def shrunken_correlation(people: np.ndarray) -> np.ndarray:
    """Correlations of regions over people, shrunken to their mean.

    Parameters
    ----------
    people : ndarray (person, region)
        Everybody's own values, without what covariates say of them.
    """
    n, size = people.shape
    if size < 2:
        return np.eye(size)
    moves = people.std(axis=0) > 0
    found = np.eye(size)
    found[np.ix_(moves, moves)] = np.corrcoef(people[:, moves], rowvar=False)
    apart = found[np.triu_indices(size, 1)]
    common = apart.mean()
    scatter = ((apart - common) ** 2).mean()
    by_chance = ((1 - apart**2) ** 2).mean() / (n - 1)
    share = min(by_chance / scatter, 1.0) if scatter > 0 else 1.0
    shrunken = (1 - share) * found + share * common
    np.fill_diagonal(shrunken, 1.0)
    return shrunken


def shrunken_sizes(error: np.ndarray, n: int) -> np.ndarray:
    """Sizes of errors of means over n people, as far as they differ by more than chance."""
    logs = np.log(error)
    scatter, by_chance = logs.var(), 1 / (2 * (n - 1))
    share = max(1 - by_chance / scatter, 0.0) if scatter > 0 else 0.0
    return np.exp(logs.mean() + share * (logs - logs.mean()))


def false_sign_rates(p_positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How probably a sign is wrong, of every region, and on average of all at least as sure."""
    wrong = np.minimum(p_positive, 1 - p_positive)
    order = np.argsort(wrong, kind="stable")
    on_average = np.cumsum(wrong[order]) / np.arange(1, len(wrong) + 1)
    rates = np.empty(len(wrong))
    rates[order] = on_average
    return wrong, rates
