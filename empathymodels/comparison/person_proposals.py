r"""Where to evaluate the likelihood of one person: proposals of the person's own parameters.

Proposals are t distributions matched to the Gaussian approximation of the person's posterior given
the population :math:`\phi`, with a tenth of :math:`p(\theta \mid \phi)` mixed in. Those that serve
all draws of :math:`\phi` mix such distributions, and priors, over draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from empathymodels.comparison.importance import DEFENSIVE, heavy_tailed, log_mixture, log_t
from empathymodels.comparison.population_density import Population, times
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import standard_deviations
from empathymodels.population.scales import linked_values

COMPONENTS = 100  # draws whose t distributions are mixed
FURTHEST = 30.0  # link-scale value that stands for one at the end of a range


@dataclass(frozen=True)
class Gaussian:
    """What a person's data say of the person's parameters, as a Gaussian on the link scale.

    Attributes
    ----------
    person : int
    precision : ndarray (column, column)
    pull : ndarray (column,)
        Precision times mean.
    """

    person: int
    precision: np.ndarray
    pull: np.ndarray


def gaussian_of_data(
    arrangement: Arrangement, population: Population, posterior: xr.Dataset, person: int
) -> Gaussian:
    """Find the Gaussian that made the population a person's posterior."""
    draws = _linked(arrangement, population, posterior, person)
    covariance = np.atleast_2d(np.cov(draws, rowvar=False))
    least = 1e-10 * np.maximum(np.diag(covariance), 1e-10)
    after = np.linalg.inv(covariance + np.diag(least))
    before = np.linalg.inv(population.covariance.mean(axis=0))
    values, directions = np.linalg.eigh(after - before)
    informed = directions[:, values > 0]
    precision = (directions * np.maximum(values, 0.0)) @ directions.T
    centre = population.centre[:, person].mean(axis=0)
    pull = informed @ (informed.T @ (after @ draws.mean(axis=0) - before @ centre))
    return Gaussian(person, precision, pull)


def _linked(
    arrangement: Arrangement, population: Population, posterior: xr.Dataset, person: int
) -> np.ndarray:
    """Posterior draws (draw, column) of one person's parameters on the link scale."""
    found = []
    for parameter, level in population.columns:
        values = posterior[parameter.name].isel(participant=person)
        values = values.isel({parameter.by: level}) if parameter.by else values
        with np.errstate(divide="ignore"):
            linked = linked_values(parameter, arrangement.model, values.to_numpy().ravel())
        furthest = np.inf if SUPPORTS[parameter.support].is_whole_line else FURTHEST
        found.append(np.clip(linked, -furthest, furthest))
    return np.stack(found, axis=-1)


def common_points(
    population: Population, told: Gaussian, number: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Points (proposal, column) that serve all draws, and the log of their density (proposal,)."""
    mean, factor = _given_each(_some(population), told)
    outside = round(DEFENSIVE * number)
    of = np.resize(rng.permutation(len(mean)), number - outside)
    near = mean[of] + times(factor[of], heavy_tailed(number - outside, mean.shape[1], rng))
    which = rng.integers(len(population.centre), size=outside)
    away = standard_deviations(population.kind, (outside, mean.shape[1]), rng)
    far = population.centre[which, told.person] + times(population.factor[which], away)
    points = np.concatenate([near, far])
    prior = _log_mean(population.log_density(told.person, points))
    return points, log_mixture(_log_mean(log_t(points, mean, factor)), prior)


def own_points(
    population: Population, told: Gaussian, number: int, rng: np.random.Generator
) -> np.ndarray:
    """Points (draw, proposal, column) for every draw, made from the same random numbers."""
    mean, factor = _given_each(population, told)
    size, outside = mean.shape[1], round(DEFENSIVE * number)
    near = heavy_tailed(number - outside, size, rng) @ np.swapaxes(factor, -1, -2)
    away = standard_deviations(population.kind, (outside, size), rng)
    far = away @ np.swapaxes(population.factor, -1, -2)
    centre = population.centre[:, told.person]
    return np.concatenate([mean[:, None] + near, centre[:, None] + far], axis=1)


def own_weights(population: Population, told: Gaussian, points: np.ndarray) -> np.ndarray:
    """Log of the prior of every draw over the density of its proposals, (draw, proposal)."""
    prior = population.log_density(told.person, points)
    return prior - log_mixture(log_t(points, *_given_each(population, told)), prior)


def _given_each(population: Population, told: Gaussian) -> tuple[np.ndarray, np.ndarray]:
    """Mean (draw, column) and Cholesky factor of what data and each draw say of a person."""
    covariance = np.linalg.inv(told.precision + population.precision)
    prior = times(population.precision, population.centre[:, told.person])
    mean = times(covariance, told.pull + prior)
    return mean, np.linalg.cholesky((covariance + np.swapaxes(covariance, -1, -2)) / 2)


def _some(population: Population) -> Population:
    """The draws whose t distributions are mixed."""
    which = np.linspace(0, len(population.centre) - 1, COMPONENTS)
    return population.at(np.unique(which.astype(int)))


def _log_mean(values: np.ndarray) -> np.ndarray:
    """Log of the mean over the first axis of what has these logs."""
    largest = values.max(axis=0)
    return np.log(np.exp(values - largest).mean(axis=0)) + largest
