"""Maximisation for single people: from several starts, away from walls, with doubts named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from empathymodels.declaration.supports import SUPPORTS
from empathymodels.population.blocks import Block

WALL = 10.0  # furthest value on the logit scale, and on the log scale from the prior's mean

END = 1e-3  # as near to an end of its range, relative to the range, a value is told

FURTHEST = 100.0  # prior standard deviations from its mean that a value without ends can lie

STEEP = 1e-3  # slope of the log-density, per unit of the link scale, above which a search failed

PROBES = 3  # random points at which a slope of exactly 0 says that the data are silent

TOGETHER, ALONE, ROUNDS = 200, 5000, 3  # steps of a search for all, for one; how often for one

Objective = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Search:
    """What is searched: values (person, column) on the link scale.

    Attributes
    ----------
    at : callable
        ``at(values)`` returns everybody's log-density (person,) and its slopes (person, column).
    low, high : ndarray (column,)
        The walls.
    """

    at: Objective
    low: np.ndarray
    high: np.ndarray


def with_prior(likelihood: Objective, mean: np.ndarray, sd: np.ndarray) -> Objective:
    """Add a normal prior, (column,), to a log-likelihood and its slopes."""

    def at(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, slopes = likelihood(values)
        away = (values - mean) / sd
        return found - (away**2).sum(axis=1) / 2, slopes - away / sd

    return at


def walls_of(block: Block, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest link-scale value of every column; fixed ones stand still."""
    supports = [SUPPORTS[parameter.support] for parameter, _ in block.columns]
    centre = np.where([one.is_bounded for one in supports], 0.0, mean)
    endless = np.array([one.is_whole_line for one in supports])
    room = np.where(endless, FURTHEST * sd, WALL * np.array([one.pace for one in supports]))
    fixed = np.array([parameter.fixed is not None for parameter, _ in block.columns])
    return np.where(fixed, mean, centre - room), np.where(fixed, mean, centre + room)


def starts_of_search(
    search: Search,
    people: int,
    mean: np.ndarray,
    sd: np.ndarray,
    number: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """The prior's mean and draws around it, (start, person, column); more of them as probes."""
    away = rng.standard_normal((number + PROBES, people, len(mean)))
    away[0] = 0.0
    drawn = np.clip(mean + sd * away, search.low, search.high)
    for points in drawn[1:]:
        impossible = ~np.isfinite(search.at(points)[0])
        points[impossible] = drawn[0, impossible]
    return drawn


def informed_by(likelihood: Objective, block: Block, probes: np.ndarray) -> np.ndarray:
    """Whether a person's data say anything about a column, (person, column)."""
    slopes = np.array([likelihood(points)[1] for points in probes])
    free = np.array([parameter.fixed is None for parameter, _ in block.columns])
    return (slopes != 0).any(axis=0) & free


def best_of(search: Search, starts: np.ndarray) -> np.ndarray:
    """Best values (person, column) over all starts."""
    best = starts[0]
    for start in starts:
        found = _together(search, start)
        better = search.at(found)[0] > search.at(best)[0]
        best = np.where(better[:, None], found, best)
    for _ in range(ROUNDS):
        for person in np.flatnonzero(steepness_of(search, best) > STEEP).tolist():
            best[person] = _one(search, best, person)
    return best


def _together(search: Search, start: np.ndarray) -> np.ndarray:
    """Search for everybody at once from one start: the sum of what is independent."""

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        found, slopes = search.at(flat.reshape(start.shape))
        return -float(found.sum()), -slopes.ravel()

    flat = _minimised(cost, start.ravel(), search, people=len(start), steps=TOGETHER)
    return flat.reshape(start.shape)


def _one(search: Search, values: np.ndarray, person: int) -> np.ndarray:
    """Search on for one person, everybody else left where they are."""

    def cost(own: np.ndarray) -> tuple[float, np.ndarray]:
        moved = values.copy()
        moved[person] = own
        found, slopes = search.at(moved)
        return -float(found[person]), -slopes[person]

    return _minimised(cost, values[person], search, people=1, steps=ALONE)


def _minimised(
    cost: Any, start: np.ndarray, search: Search, *, people: int, steps: int
) -> np.ndarray:
    bounds = np.stack([np.tile(search.low, people), np.tile(search.high, people)], axis=1)
    options = {"maxiter": steps, "maxfun": 10 * steps, "ftol": 1e-14, "gtol": STEEP / 10}
    return minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x


def steepness_of(search: Search, values: np.ndarray) -> np.ndarray:
    """Largest slope (person,) that does not press against a wall."""
    slopes = search.at(values)[1]
    pressed = ((values <= search.low) & (slopes < 0)) | ((values >= search.high) & (slopes > 0))
    steepness = np.where(pressed, 0.0, abs(slopes)).max(axis=1)
    return np.nan_to_num(steepness, nan=np.inf)


def near_an_end(block: Block, search: Search, found: np.ndarray) -> np.ndarray:
    """Values within a thousandth of an end of their range, or at a wall, (person, column)."""
    supports = [SUPPORTS[parameter.support] for parameter, _ in block.columns]
    margin = np.array([0 if s.is_whole_line else (WALL + np.log(END)) * s.pace for s in supports])
    return (found <= search.low + margin) | (found >= search.high - margin)
