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

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

from empathymodels.arrangement import Arrangement
from empathymodels.density import on_one_thread
from empathymodels.sampling import Trace
from empathymodels.starting import density_and_slopes

SMALL, BENT = 1e-4, 1e-2  # steps of second and of third differences, deviations' prior sd 1
FIRST_REACH, REACH = 1e-2, 0.1  # of differences of M: first, then in standard deviations
SETTLED, NEARLY, CLOSE = 1e-9, 1e-4, 1e-3  # expected gain in log-density at which a search ends
FLAT = 1e-2  # least curvature that a step reckons with
MOST_STEPS = 50
FEWEST_DRAWS = 25  # Pareto's k is fitted to a fifth of the weights and needs five
HOPELESS = 1e300  # cost of a population at which the density is infinite; L-BFGS steps back


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
        return self.value - self.curvature.changed(_widened).log_determinant / 2


def _widened(eigenvalues: np.ndarray) -> np.ndarray:
    """Return e**(x - 1) in place of eigenvalues x below 1; see the module."""
    return np.maximum(eigenvalues, 1) * np.exp(np.minimum(eigenvalues, 1) - 1)


def _floored(eigenvalues: np.ndarray) -> np.ndarray:
    """Return the inverse of the slope of the logarithm of `_widened`."""
    return np.maximum(eigenvalues, 1)


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
    given = density.expand_func.get_shared()
    shared = [density.shared_data[density.shared_var_keys[variable]] for variable in given]
    flat = np.stack([density.expand_func.vm.jit_fn(point, *shared)[0] for point in points])
    return {
        name: flat[:, place].reshape(1, len(points), *shape)
        for name, place, shape in zip(*density.shape_info, strict=True)
    }


# ----------------------------------------------- people and items, given the population


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
        step = _times_covariance(target, curvature, slopes)
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
    ahead, behind = _slopes_beside(target, point, move)
    return (behind - ahead) / (2 * SMALL)


def _size(target: Target) -> int:
    return target.people.size + len(target.items) + len(target.population)


def _slopes_beside(
    target: Target, point: np.ndarray, move: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return target.at(point + move)[1], target.at(point - move)[1]


def _times_covariance(target: Target, curvature: Curvature, slopes: np.ndarray) -> np.ndarray:
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


def _directions(target: Target, curvature: Curvature) -> Iterator[np.ndarray]:
    r"""Vectors :math:`v` (coordinate,) with :math:`\sum v v^\top = H^{-1}`, those of people joined.

    Second derivatives along joined vectors are the sums of those along each person's own.
    """
    for k in range(target.people.shape[1]):
        along = np.zeros(_size(target))
        own = curvature.people_axes[:, :, k] / np.sqrt(curvature.people[:, k, None])
        along[target.people] = own
        yield along
    for k in range(len(target.items)):
        along = np.zeros(_size(target))
        along[target.items] = curvature.items_axes[:, k] / np.sqrt(curvature.items[k])
        along[target.people] = curvature.adapted(along[target.items])
        yield along


# ------------------------------------------------------------------------ the population


def marginal_slopes(target: Target, people: Settled) -> np.ndarray:
    r"""Gradient of Laplace's marginal log-density M, (population coordinate,).

    With :math:`v_m` such that :math:`\sum_m v_m v_m^\top = H^{-1}`, the gradient of
    :math:`-\tfrac12 \log\det H` by all coordinates is half the sum of the second derivatives
    of the log-density's gradient along :math:`v_m`. Its part by the deviations counts too, since
    :math:`\hat z` moves with the population: :math:`d\hat z/d\phi = H^{-1} \partial_z
    \partial_\phi \log p`.
    """
    curvature, bend = people.curvature.changed(_floored), np.zeros_like(people.point)
    for along in _directions(target, curvature):
        ahead, behind = _slopes_beside(target, people.point, BENT * along)
        bend += (ahead - 2 * people.slopes + behind) / (2 * BENT**2)
    pull = _times_covariance(target, curvature, bend)
    ahead, behind = _slopes_beside(target, people.point, SMALL * pull)
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
    found, drawn = curvature.changed(_widened), np.zeros(_size(target))
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
    weights = xr.DataArray(-log_weights, dims="sample")
    _, shape = weights.azstats.psislw(dim="sample")
    return float(shape)
