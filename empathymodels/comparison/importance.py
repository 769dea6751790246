r"""Integrals by importance sampling, with the weights' known mean as a control variate.

.. math::

    \int L(\theta)\, p(\theta)\, d\theta
    \approx \bar Y - \hat\beta\, (\bar X - 1), \qquad
    X_j = \frac{p(\theta_j)}{q(\theta_j)}, \quad Y_j = X_j L(\theta_j), \quad \theta_j \sim q

Densities integrate to 1, so that the weights :math:`X_j` have that mean; :math:`\hat\beta` is the
slope of the weighted likelihoods :math:`Y_j` on the weights. The integral is a mean of likelihoods
whose weights sum to 1: exact where the likelihood is constant, and nearly so where it changes
little over :math:`p`, however few proposals are there (Owen & Zhou 2000,
doi:10.1080/01621459.2000.10473909).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

FREEDOM = 5.0  # degrees of freedom of the t distribution
DEFENSIVE = 0.1  # share of the proposals that come from the prior: bounds the weights
UNCERTAIN = 0.1  # relative error of an integral above which it is found anew
FEWEST = 20  # effective proposals whose agreement means something
CONSTANT = 1e-9  # relative error of an integral of what does not vary
CHUNK = 50_000  # numbers worked on at once
DOMINANT = 0.5  # leverage of a single proposal above which it is left out explicitly


@dataclass(frozen=True)
class Integrals:
    """Integrals of likelihoods over priors.

    Attributes
    ----------
    log_values : ndarray (integral,)
        Their logs.
    influence : ndarray (integral, proposal)
        Share of the integral that would be missing without this proposal (jackknife).
    effective : ndarray (integral,)
        Effective number of proposals from the prior.
    """

    log_values: np.ndarray
    influence: np.ndarray
    effective: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """Relative standard error (integral,)."""
        return np.sqrt((self.influence**2).sum(axis=-1))

    @property
    def uncertain(self) -> np.ndarray:
        """Whether an integral needs more proposals, or others, (integral,).

        So few may agree by chance that their error is believed only where it is nearly none, as
        of a likelihood that is constant.
        """
        error = self.error
        return (error > UNCERTAIN) | ((self.effective < FEWEST) & (error > CONSTANT))


def integrals(log_weights: np.ndarray, log_likelihood: np.ndarray) -> Integrals:
    """Integrate likelihoods over priors, from proposals of another distribution.

    Parameters
    ----------
    log_weights : ndarray (integral, proposal)
        Log of the prior's density over that of the proposals.
    log_likelihood : ndarray (integral, proposal), or broadcast to it
        At the proposals; may be minus infinity.
    """
    number, size = log_weights.shape
    log_likelihood = np.broadcast_to(log_likelihood, log_weights.shape)
    log_values, influence, effective = np.empty(number), np.empty((number, size)), np.empty(number)
    step = max(1, CHUNK // size)
    for first in range(0, number, step):
        some = slice(first, first + step)
        log_values[some], influence[some], effective[some] = _integrals(
            log_weights[some], log_likelihood[some]
        )
    return Integrals(log_values, influence, effective)


def _integrals(
    log_weights: np.ndarray, log_likelihood: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logs of some integrals, influences, and effective numbers."""
    size = log_weights.shape[1]
    top = log_weights.max(axis=1, keepdims=True)
    most = log_likelihood.max(axis=1, keepdims=True)
    most = np.where(np.isfinite(most), most, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        x, scale = np.exp(log_weights - top), np.exp(top)
        y = x * np.exp(log_likelihood - most)
        x_mean, y_mean = x.mean(axis=1, keepdims=True), y.mean(axis=1, keepdims=True)
        away = x - x_mean
        square = (away**2).mean(axis=1, keepdims=True)
        square = np.where(square > (1e-9 * x_mean) ** 2, square, np.inf)  # alike: no slope
        slope = (away * y).mean(axis=1, keepdims=True) / square
        slope = np.where(np.isfinite(square), slope, y_mean / x_mean)
        value = slope + scale * (y_mean - slope * x_mean)
        value = np.where(value > 0, value, y_mean / x_mean)
        leverage = (1 + away**2 / square) / size
        weight = scale - (scale * x_mean - 1) / square * away
        residual = y - y_mean - slope * away
        influence = weight * residual / (size * value * (1 - leverage))
        for row in np.flatnonzero(leverage.max(axis=1) > DOMINANT):
            place = x[row].argmax()
            influence[row, place] = 1 - _without(place, x[row], y[row]) / value[row, 0]
        effective = size * x_mean[:, 0] ** 2 / (x**2).mean(axis=1)
        log_values = (np.log(value) + most)[:, 0]
    return log_values, np.nan_to_num(influence, nan=np.inf), effective


def _without(place: int, x: np.ndarray, y: np.ndarray) -> float:
    """Mean likelihood without a proposal that outweighs all others: no slope can tell."""
    return np.delete(y, place).sum() / np.delete(x, place).sum()


# ------------------------------------------------------------------------------- proposals


def heavy_tailed(number: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws (number, size) of a standard t distribution."""
    scale = np.sqrt(rng.chisquare(FREEDOM, size=(number, 1)) / FREEDOM)
    return rng.standard_normal((number, size)) / scale


def log_t(points: np.ndarray, mean: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Log-density (…, point) of t distributions with these means and Cholesky factors."""
    size = mean.shape[-1]
    apart = np.swapaxes(points - mean[..., None, :], -1, -2)
    away = (np.linalg.solve(factor, apart) ** 2).sum(axis=-2)
    constant = gammaln((FREEDOM + size) / 2) - gammaln(FREEDOM / 2)
    constant = constant - size * np.log(FREEDOM * np.pi) / 2
    width = np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1)[..., None]
    return constant - width - (FREEDOM + size) / 2 * np.log1p(away / FREEDOM)


def log_mixture(near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Log-density of proposals: those near, and a tenth of those far."""
    return np.logaddexp(np.log1p(-DEFENSIVE) + near, np.log(DEFENSIVE) + far)
