"""The inner step of the Laplace approximation: modes and curvatures of single people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

SMALL, BENT = 1e-4, 1e-2  # steps of second and of third differences, deviations' prior sd 1

SETTLED, NEARLY, CLOSE = 1e-9, 1e-4, 1e-3  # expected gain in log-density at which a search ends

FLAT = 1e-2  # least curvature that a step reckons with

MOST_STEPS = 50


@dataclass(frozen=True)
class Target:
    """A log-density and which of its coordinates belong to whom.

    Attributes
    ----------
    at : callable
        ``at(point)`` returns log-density and gradient.
    people : ndarray (person, entry) of int
        Coordinates of everybody's deviations: independent of one another, given all others.
    items : ndarray (entry,) of int
        Coordinates of the deviations of crossed items.
    population : ndarray (entry,) of int
        All other coordinates.
    """

    at: Callable[[np.ndarray], tuple[float, np.ndarray]]
    people: np.ndarray
    items: np.ndarray
    population: np.ndarray


@dataclass(frozen=True)
class Curvature:
    """Minus the second derivatives H by all deviations, taken apart.

    Given items people are independent: one block per person. What is left of the items' block
    after people have adapted (Schur's complement) is the other part.

    Attributes
    ----------
    people, people_axes : ndarray (person, entry), ndarray (person, entry, entry)
        Eigenvalues, positive, and eigenvectors of everybody's block.
    cross : ndarray (person, entry, item)
        Minus the second derivatives by a person's and an item's deviation.
    items, items_axes : ndarray (item,), ndarray (item, item)
        Eigenvalues, positive, and eigenvectors of the complement.
    """

    people: np.ndarray
    people_axes: np.ndarray
    cross: np.ndarray
    items: np.ndarray
    items_axes: np.ndarray

    @property
    def log_determinant(self) -> float:
        """Logarithm of the determinant of H."""
        return float(np.log(self.people).sum() + np.log(self.items).sum())

    def changed(self, change: Callable[[np.ndarray], np.ndarray]) -> Curvature:
        """Return H with a function applied to its eigenvalues."""
        return replace(self, people=change(self.people), items=change(self.items))

    def of_people(self, values: np.ndarray) -> np.ndarray:
        """Everybody's inverse block times values (person, entry, ...)."""
        turned = np.einsum("pij,pi...->pj...", self.people_axes, values)
        shape = (*self.people.shape, *[1] * (values.ndim - 2))
        return np.einsum("pij,pj...->pi...", self.people_axes, turned / self.people.reshape(shape))

    def adapted(self, items: np.ndarray) -> np.ndarray:
        """How everybody's mode moves (person, entry) when items move (item,)."""
        return -self.of_people(self.cross @ items)


@dataclass(frozen=True)
class Settled:
    """People and items at the mode of their deviations, given a population.

    Attributes
    ----------
    point, slopes : ndarray (coordinate,)
        Where that is, and the gradient of the joint log-density there.
    value : float
        Joint log-density.
    curvature : Curvature
        Around it.
    """

    point: np.ndarray
    slopes: np.ndarray
    value: float
    curvature: Curvature

    @property
    def marginal(self) -> float:
        """Laplace's marginal log-density M of the population."""
        return self.value - self.curvature.changed(widened).log_determinant / 2


def widened(eigenvalues: np.ndarray) -> np.ndarray:
    """Return e**(x - 1) in place of eigenvalues x below 1; see the module."""
    return np.maximum(eigenvalues, 1) * np.exp(np.minimum(eigenvalues, 1) - 1)


def floored(eigenvalues: np.ndarray) -> np.ndarray:
    """Return the inverse of the slope of the logarithm of `_widened`."""
    return np.maximum(eigenvalues, 1)


def settle(target: Target, point: np.ndarray, *, gain: float = SETTLED) -> Settled:
    """Move all deviations to their mode, the population held, by Newton's method.

    Parameters
    ----------
    target : Target
        Density.
    point : ndarray (coordinate,)
        Population, and where the deviations start.
    gain : float
        Expected gain in log-density at which the search ends.
    """
    value, slopes = target.at(point)
    curvature = None
    for _ in range(MOST_STEPS):
        found = curvature_at(target, point)
        if found is None or not np.isfinite(value):
            break
        curvature = found
        step = times_covariance(target, curvature, slopes)
        expected = float(slopes @ step)
        moved = None
        if expected >= gain:
            moved = _uphill(target, point, value, step, expected)
        if moved is None:
            return Settled(point, slopes, value, curvature)
        point, value, slopes = moved
    return Settled(point, slopes, -np.inf, curvature or _of_the_prior(target))


def curvature_at(target: Target, point: np.ndarray) -> Curvature | None:
    """Curvature of the log-density by deviations; None where it is not finite.

    An entry of everybody is moved at once, an item at a time.
    """
    people, items = target.people, target.items
    blocks = np.empty((*people.shape, people.shape[1]))
    cross = np.empty((*people.shape, len(items)))
    shared = np.empty((len(items), len(items)))
    for k in range(people.shape[1]):
        blocks[:, :, k] = _curve_along(target, point, people[:, k])[people]
    for k, item in enumerate(items):
        curve = _curve_along(target, point, item)
        cross[:, :, k], shared[:, k] = curve[people], curve[items]
    if not all(np.isfinite(part).all() for part in (blocks, cross, shared)):
        return None
    values, axes = np.linalg.eigh((blocks + blocks.transpose(0, 2, 1)) / 2)
    found = Curvature(_positive(values), axes, cross, np.empty(0), np.empty((0, 0)))
    shared = shared - np.einsum("pik,pil->kl", cross, found.of_people(cross))
    values, axes = np.linalg.eigh((shared + shared.T) / 2)
    return replace(found, items=_positive(values), items_axes=axes)


def _of_the_prior(target: Target) -> Curvature:
    (people, entries), items = target.people.shape, len(target.items)
    axes, cross = np.tile(np.eye(entries), (people, 1, 1)), np.zeros((people, entries, items))
    return Curvature(np.ones((people, entries)), axes, cross, np.ones(items), np.eye(items))


def _positive(eigenvalues: np.ndarray) -> np.ndarray:
    return np.maximum(abs(eigenvalues), FLAT)


def _curve_along(target: Target, point: np.ndarray, places: Any) -> np.ndarray:
    """Minus the change of the gradient per unit that the coordinates at `places` move."""
    move = np.zeros_like(point)
    move[places] = SMALL
    ahead, behind = slopes_beside(target, point, move)
    return (behind - ahead) / (2 * SMALL)


def size_of(target: Target) -> int:
    """Number of values that are moved."""
    return target.people.size + len(target.items) + len(target.population)


def slopes_beside(
    target: Target, point: np.ndarray, move: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the slopes a small move ahead and behind."""
    return target.at(point + move)[1], target.at(point - move)[1]


def times_covariance(target: Target, curvature: Curvature, slopes: np.ndarray) -> np.ndarray:
    """Inverse of H times the deviations' part of a vector, (coordinate,)."""
    people, axes = curvature.of_people(slopes[target.people]), curvature.items_axes
    left = slopes[target.items] - np.einsum("pik,pi->k", curvature.cross, people)
    items = axes @ (axes.T @ left / curvature.items)
    step = np.zeros_like(slopes)
    step[target.people] = people + curvature.adapted(items)
    step[target.items] = items
    return step


def _uphill(
    target: Target, point: np.ndarray, value: float, step: np.ndarray, expected: float
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Take a step, halved until the log-density rises enough; None where it never does."""
    length = 1.0
    while length > SMALL:
        new, slopes = target.at(point + length * step)
        if new >= value + SMALL * length * expected:
            return point + length * step, new, slopes
        length /= 2
    return None


def directions_of(target: Target, curvature: Curvature) -> Iterator[np.ndarray]:
    r"""Vectors :math:`v` (coordinate,) with :math:`\sum v v^\top = H^{-1}`, those of people joined.

    Second derivatives along joined vectors are the sums of those along each person's own.
    """
    for k in range(target.people.shape[1]):
        along = np.zeros(size_of(target))
        own = curvature.people_axes[:, :, k] / np.sqrt(curvature.people[:, k, None])
        along[target.people] = own
        yield along
    for k in range(len(target.items)):
        along = np.zeros(size_of(target))
        along[target.items] = curvature.items_axes[:, k] / np.sqrt(curvature.items[k])
        along[target.people] = curvature.adapted(along[target.items])
        yield along
