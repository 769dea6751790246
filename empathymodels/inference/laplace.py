r"""Approximate a posterior without sampling it: the mode of the population, Gaussians around it.

Write :math:`\phi` for what belongs to the population (means, spreads, effects, correlations and
population-level parameters, on the sampler's unconstrained scale with the Jacobian) and
:math:`z` for everybody's deviations. The joint mode of :math:`\phi` and :math:`z` says little: with
deviations from the mean (non-centred) spreads come out too wide where people are well informed,
with values themselves (centred) they collapse to zero where people are not. So the deviations
are integrated out first, by Laplace's method:

.. math::

    M(\phi) = \log p(y, \phi, \hat z(\phi)) - \tfrac12 \log \det H(\phi), \qquad
    H(\phi) = -\partial_z^2 \log p(y, \phi, z) \big|_{z = \hat z(\phi)}

with :math:`\hat z(\phi)` the mode of the deviations. How people are centred makes no difference
to this. ``"map"`` is the maximum of :math:`M` with everybody at :math:`\hat z`. ``"laplace"`` draws
:math:`\phi` from the Gaussian with the curvature of :math:`M` at its maximum, and given each draw
everybody from the Gaussian around their own :math:`\hat z(\phi)`.

Where the data of a person make two modes, an eigenvalue x of H falls below 1, the precision of the
prior, and to 0 where one mode gives way to the other: :math:`-\tfrac12 \log x` would draw the
population there. Below 1, :math:`\log x` is continued by its tangent x - 1.

Given the population (and crossed items) people are independent, so that H falls into one block
per person. All second and third derivatives are differences of the compiled gradient, everybody
moved at once: a gradient of M costs some ten gradients of the density per parameter of a person and
per item, however many people there are.

References
----------
Huys et al. (2011), doi:10.1371/journal.pcbi.1002028 (people and population by Laplace's method).
Kristensen et al. (2016), doi:10.18637/jss.v070.i05 (its marginal density, maximised by gradient).
Rue, Martino & Chopin (2009), doi:10.1111/j.1467-9868.2008.00700.x (people given the population).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

from empathymodels.engine.c_function import variables_at
from empathymodels.engine.density import on_one_thread
from empathymodels.inference.laplace_people import (
    BENT,
    CLOSE,
    FLAT,
    MOST_STEPS,
    NEARLY,
    SMALL,
    Curvature,
    Settled,
    Target,
    directions_of,
    floored,
    settle,
    size_of,
    slopes_beside,
    times_covariance,
    widened,
)
from empathymodels.inference.sample import Trace
from empathymodels.inference.starts import density_and_slopes
from empathymodels.layout.arrangement import Arrangement

FIRST_REACH, REACH = 1e-2, 0.1  # of differences of M: first, then in standard deviations
FEWEST_DRAWS = 25  # Pareto's k is fitted to a fifth of the weights and needs five
HOPELESS = 1e300  # cost of a population at which the density is infinite; L-BFGS steps back


@dataclass(frozen=True)
class Mode:
    """The most probable population, everybody given it, and the curvature of M there."""

    people: Settled
    precision: np.ndarray


@on_one_thread
def approximate(
    density: Any,
    arrangement: Arrangement,
    start: np.ndarray,
    *,
    method: str,
    draws: int,
    seed: int,
) -> Trace:
    """Return the posterior's mode ("map"), or draws of its Laplace approximation ("laplace").

    Parameters
    ----------
    density : nutpie model
        Compiled density, non-centred.
    arrangement : Arrangement
        Model and study.
    start : ndarray (coordinate,)
        Where the search begins.
    method : {"map", "laplace"}
        See the module.
    draws : int
        Number of draws of "laplace", in one chain; "map" gives one.
    seed : int
        Seed of the draws.

    Returns
    -------
    Trace
        As of `sample`. ``stats`` hold the log-density ``logp``, and for "laplace" in attribute
        ``pareto_k`` how heavy the tails of M are against the Gaussian of the population.

    Raises
    ------
    ValueError
        The search ends at no maximum.
    """
    target = _target(density, arrangement)
    mode = most_probable(target, start)
    attributes: dict[str, float] = {}
    points = mode.people.point[None]
    if method == "laplace":
        points, log_weights = laplace_draws(target, mode, draws, np.random.default_rng(seed))
        attributes = {"pareto_k": _pareto_k(log_weights)}
    values = np.array([[target.at(point)[0] for point in points]])
    stats = xr.Dataset({"logp": (("chain", "draw"), values)}, attrs=attributes)
    return Trace(_variables(density, points), stats)


def _target(density: Any, arrangement: Arrangement) -> Target:
    names, slices, shapes = density.shape_info
    coordinates = np.arange(density.n_dim)
    places = {
        name: coordinates[place].reshape(shape)
        for name, place, shape in zip(names, slices, shapes, strict=True)
        if name.endswith(":deviation")
    }
    people = places.pop("participant:deviation", np.empty((0, 0), dtype=int))
    items = np.concatenate([np.empty(0, dtype=int), *map(np.ravel, places.values())])
    population = np.setdiff1d(coordinates, np.concatenate([people.ravel(), items]))
    return Target(density_and_slopes(density), people, items, population)


def _variables(density: Any, points: np.ndarray) -> dict[str, np.ndarray]:
    """Named variables (chain, draw, ...) of points of a compiled density."""
    flat = np.stack([variables_at(density, point) for point in points])
    return {
        name: flat[:, place].reshape(1, len(points), *shape)
        for name, place, shape in zip(*density.shape_info, strict=True)
    }


# ------------------------------------------------------------------------ the population


def marginal_slopes(target: Target, people: Settled) -> np.ndarray:
    r"""Gradient of Laplace's marginal log-density M, (population coordinate,).

    With :math:`v_m` such that :math:`\sum_m v_m v_m^\top = H^{-1}`, the gradient of
    :math:`-\tfrac12 \log\det H` by all coordinates is half the sum of the second derivatives
    of the log-density's gradient along :math:`v_m`. Its part by the deviations counts too, since
    :math:`\hat z` moves with the population: :math:`d\hat z/d\phi = H^{-1} \partial_z
    \partial_\phi \log p`.
    """
    curvature, bend = people.curvature.changed(floored), np.zeros_like(people.point)
    for along in directions_of(target, curvature):
        ahead, behind = slopes_beside(target, people.point, BENT * along)
        bend += (ahead - 2 * people.slopes + behind) / (2 * BENT**2)
    pull = times_covariance(target, curvature, bend)
    ahead, behind = slopes_beside(target, people.point, SMALL * pull)
    return (people.slopes + bend + (ahead - behind) / (2 * SMALL))[target.population]


def most_probable(target: Target, start: np.ndarray) -> Mode:
    """Find the maximum of Laplace's marginal density M, by L-BFGS and then by Newton's method.

    Raises
    ------
    ValueError
        The search ends at no maximum.
    """
    latest = start

    def cost(population: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal latest
        people = settle(target, _at(target, latest, population))
        slopes = marginal_slopes(target, people)
        if not (np.isfinite(people.marginal) and np.isfinite(slopes).all()):
            return HOPELESS, np.zeros(len(population))
        latest = people.point
        return -people.marginal, -slopes

    found = minimize(cost, start[target.population], jac=True, method="L-BFGS-B").x
    reach = np.full(len(found), FIRST_REACH)
    for _ in range(MOST_STEPS):
        people = settle(target, _at(target, latest, found))
        slopes, precision = marginal_slopes(target, people), _precision(target, people, reach)
        if not np.isfinite(precision).all():
            break
        curvatures, axes = np.linalg.eigh(precision)
        step = axes @ (axes.T @ slopes / np.maximum(abs(curvatures), FLAT))
        gain = float(slopes @ step)
        if gain < CLOSE and (curvatures > 0).all():
            return Mode(people, precision)
        found = found + step / max(1.0, np.sqrt(gain))  # at most one standard deviation
        reach = REACH / np.sqrt(np.maximum(abs(np.diag(precision)), FLAT))
        latest = people.point
    raise ValueError(
        "An approximation needs a population at which the posterior has a maximum; the search "
        "found none: the data and priors leave some direction open. Fit with method='nuts', or "
        "fix or pool a parameter."
    )


def _at(target: Target, point: np.ndarray, population: np.ndarray) -> np.ndarray:
    moved = point.copy()
    moved[target.population] = population
    return moved


def _precision(target: Target, people: Settled, reach: np.ndarray) -> np.ndarray:
    """Minus the second derivatives of M by the population's coordinates, over steps `reach`."""
    centre = people.point[target.population]
    rows = []
    for length, step in zip(reach, np.diag(reach), strict=True):
        ahead, behind = (
            marginal_slopes(target, settle(target, _at(target, people.point, centre + sign * step)))
            for sign in (1, -1)
        )
        rows.append((behind - ahead) / (2 * length))
    found = np.array(rows)
    return (found + found.T) / 2


# --------------------------------------------------------------------------------- draws


def laplace_draws(
    target: Target, mode: Mode, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw populations from the Gaussian at the mode, and everybody given each of them.

    Returns
    -------
    ndarray (draw, coordinate)
        Points on the sampler's scale.
    ndarray (draw,)
        Logarithm of M over the Gaussian's density, up to a constant.
    """
    factor = np.linalg.cholesky(mode.precision)
    points, log_weights = [], []
    for _ in range(draws):
        noise = rng.standard_normal(len(target.population))
        moved = mode.people.point.copy()
        moved[target.population] += solve_triangular(factor, noise, lower=True, trans="T")
        people = settle(target, moved, gain=NEARLY)
        log_weights.append(people.marginal + noise @ noise / 2)
        points.append(people.point + _own_noise(target, people.curvature, rng))
    return np.array(points), np.array(log_weights)


def _own_noise(target: Target, curvature: Curvature, rng: np.random.Generator) -> np.ndarray:
    """Draw deviations (coordinate,) around their mode."""
    found, drawn = curvature.changed(widened), np.zeros(size_of(target))
    noise = rng.standard_normal(found.people.shape) / np.sqrt(found.people)
    drawn[target.items] = found.items_axes @ (
        rng.standard_normal(found.items.shape) / np.sqrt(found.items)
    )
    drawn[target.people] = np.einsum("pij,pj->pi", found.people_axes, noise)
    drawn[target.people] += found.adapted(drawn[target.items])
    return drawn


def _pareto_k(log_weights: np.ndarray) -> float:
    if len(log_weights) < FEWEST_DRAWS:
        return np.nan
    from arviz_stats.base import array_stats  # takes long to import, and fits need it here alone

    _, shape = array_stats.psislw(-log_weights, axis=-1)
    return float(shape)
