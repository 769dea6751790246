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

Given the population people are independent, so that H falls into one block per person. All
second and third derivatives are differences of the compiled gradient, everybody moved at once: a
gradient of M costs about 6 gradients of the density per parameter of a person, however many people
there are. Crossed items tie all people together: then there is a single, large block.

References
----------
Huys et al. (2011), doi:10.1371/journal.pcbi.1002028 (people and population by Laplace's method).
Kristensen et al. (2016), doi:10.18637/jss.v070.i05 (its marginal density, maximised by gradient).
Rue, Martino & Chopin (2009), doi:10.1111/j.1467-9868.2008.00700.x (people given the population).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

from empathymodels.arrangement import Arrangement
from empathymodels.people import POPULATION, blocks
from empathymodels.sampling import Trace, density_and_slopes

SMALL, BENT = 1e-4, 1e-2  # steps of second and of third differences, deviations' prior sd 1
FIRST_REACH, REACH = 1e-2, 0.1  # of differences of M: first, then in standard deviations
SETTLED, NEARLY, CLOSE = 1e-9, 1e-4, 1e-3  # expected gain in log-density at which a search ends
FLAT = 1e-2  # least curvature that a step reckons with
MOST_STEPS = 50
HOPELESS = 1e300  # cost of a population at which the density is infinite; L-BFGS steps back


@dataclass(frozen=True)
class Target:
    """A log-density and which of its coordinates belong to whom.

    Attributes
    ----------
    at : callable
        ``at(point)`` returns log-density and gradient.
    people : ndarray (group, entry) of int
        Coordinates of deviations; given the population, groups are independent.
    population : ndarray (coordinate,) of int
        All other coordinates.
    """

    at: Callable[[np.ndarray], tuple[float, np.ndarray]]
    people: np.ndarray
    population: np.ndarray


@dataclass(frozen=True)
class Settled:
    """People at the mode of their deviations, given a population.

    Attributes
    ----------
    point, slopes : ndarray (coordinate,)
        Where that is, and the gradient of the joint log-density there.
    value : float
        Joint log-density.
    precisions, axes : ndarray (group, entry), ndarray (group, entry, entry)
        Eigenvalues and eigenvectors of the curvature H of every group.
    """

    point: np.ndarray
    slopes: np.ndarray
    value: float
    precisions: np.ndarray
    axes: np.ndarray

    @property
    def marginal(self) -> float:
        """Laplace's marginal log-density M of the population."""
        return self.value - float(np.log(self.widened).sum()) / 2

    @property
    def widened(self) -> np.ndarray:
        """Precisions of the Gaussians: e**(x - 1) in place of eigenvalues x below 1."""
        return np.maximum(self.precisions, 1) * np.exp(np.minimum(self.precisions, 1) - 1)


@dataclass(frozen=True)
class Mode:
    """The most probable population, everybody given it, and the curvature of M there."""

    people: Settled
    precision: np.ndarray


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
        Compiled density.
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
    if method == "map":
        points, attributes = mode.people.point[None], {}
    else:
        points, log_weights = laplace_draws(target, mode, draws, np.random.default_rng(seed))
        attributes = {"pareto_k": _pareto_k(log_weights)}
    values = np.array([[target.at(point)[0] for point in points]])
    stats = xr.Dataset({"logp": (("chain", "draw"), values)}, attrs=attributes)
    return Trace(_variables(density, points), stats)


def _target(density: Any, arrangement: Arrangement) -> Target:
    names, slices, _ = density.shape_info
    place = dict(zip(names, slices, strict=True))
    varying = [block for block in blocks(arrangement) if block.unit != POPULATION]
    parts = [np.arange(density.n_dim)[place[f"{block.unit}:deviation"]] for block in varying]
    if [block.unit for block in varying] == ["participant"]:
        people = parts[0].reshape(varying[0].shape)
    else:
        people = np.concatenate(parts)[None] if parts else np.empty((0, 0), dtype=int)
    population = np.setdiff1d(np.arange(density.n_dim), people)
    return Target(density_and_slopes(density), people, population)


def _variables(density: Any, points: np.ndarray) -> dict[str, np.ndarray]:
    """Named variables (chain, draw, ...) of points of a compiled density."""
    given = density.expand_func.get_shared()
    shared = [density.shared_data[density.shared_var_keys[variable]] for variable in given]
    flat = np.stack([density.expand_func.vm.jit_fn(point, *shared)[0] for point in points])
    return {
        name: flat[:, place].reshape(1, len(points), *shape)
        for name, place, shape in zip(*density.shape_info, strict=True)
    }


# --------------------------------------------------------- people, given the population


def settle(target: Target, point: np.ndarray, *, gain: float = SETTLED) -> Settled:
    """Move everybody to the mode of their deviations, the population held, by Newton's method.

    Parameters
    ----------
    target : Target
        Density.
    point : ndarray (coordinate,)
        Population, and where everybody starts.
    gain : float
        Expected gain in log-density at which the search ends.
    """
    value, slopes = target.at(point)
    precisions = np.ones(target.people.shape)
    axes = np.tile(np.eye(target.people.shape[1]), (len(target.people), 1, 1))
    for _ in range(MOST_STEPS):
        curvature = _curvature(target, point)
        if not (np.isfinite(value) and np.isfinite(curvature).all()):
            return Settled(point, slopes, -np.inf, precisions, axes)
        precisions, axes = np.linalg.eigh(curvature)
        precisions = np.maximum(abs(precisions), FLAT)
        step = _times_covariance(precisions, axes, slopes[target.people])
        expected = float((slopes[target.people] * step).sum())
        if expected < gain:
            break
        moved = _uphill(target, point, value, step, expected)
        if moved is None:
            break
        point, value, slopes = moved
    return Settled(point, slopes, value, precisions, axes)


def _curvature(target: Target, point: np.ndarray) -> np.ndarray:
    """Minus the second derivatives of the log-density by deviations, (group, entry, entry)."""
    groups, entries = target.people.shape
    found = np.empty((groups, entries, entries))
    for k in range(entries):
        moves = np.zeros(target.people.shape)
        moves[:, k] = SMALL
        ahead, behind = _slopes_beside(target, point, moves)
        found[:, :, k] = ((behind - ahead) / (2 * SMALL))[target.people]
    return (found + found.transpose(0, 2, 1)) / 2


def _slopes_beside(
    target: Target, point: np.ndarray, moves: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients where deviations are moved by plus and by minus `moves` (group, entry)."""
    found = []
    for sign in (1, -1):
        moved = point.copy()
        moved[target.people] += sign * moves
        found.append(target.at(moved)[1])
    return found[0], found[1]


def _times_covariance(precisions: np.ndarray, axes: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Inverse curvature times a vector of every group, (group, entry)."""
    return np.einsum("gij,gj,gkj,gk->gi", axes, 1 / precisions, axes, vectors)


def _uphill(
    target: Target, point: np.ndarray, value: float, step: np.ndarray, expected: float
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Take a step, halved until the log-density rises enough; None where it never does."""
    length = 1.0
    while length > SMALL:
        moved = point.copy()
        moved[target.people] += length * step
        new, slopes = target.at(moved)
        if new >= value + 1e-4 * length * expected:
            return moved, new, slopes
        length /= 2
    return None


# ------------------------------------------------------------------------ the population


def marginal_slopes(target: Target, people: Settled) -> np.ndarray:
    r"""Gradient of Laplace's marginal log-density M, (population coordinate,).

    With :math:`v_m` such that :math:`\sum_m v_m v_m^\top = H^{-1}`, the gradient of
    :math:`-\tfrac12 \log\det H` by all coordinates is half the sum of the second derivatives
    of the log-density's gradient along :math:`v_m`. Its part by the deviations counts too, since
    :math:`\hat z` moves with the population: :math:`d\hat z/d\phi = H^{-1} \partial_z
    \partial_\phi \log p`.
    """
    bend = np.zeros_like(people.point)
    precisions = np.maximum(people.precisions, 1)  # see `Settled.widened`
    for k in range(target.people.shape[1]):
        along = people.axes[:, :, k] / np.sqrt(precisions[:, k, None])
        ahead, behind = _slopes_beside(target, people.point, BENT * along)
        bend += (ahead - 2 * people.slopes + behind) / (2 * BENT**2)
    pull = _times_covariance(precisions, people.axes, bend[target.people])
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
        own = rng.standard_normal(target.people.shape) / np.sqrt(people.widened)
        point = people.point.copy()
        point[target.people] += np.einsum("gij,gj->gi", people.axes, own)
        points.append(point)
    return np.array(points), np.array(log_weights)


def _pareto_k(log_weights: np.ndarray) -> float:
    weights = xr.DataArray(-log_weights, dims="sample")
    _, shape = weights.azstats.psislw(dim="sample")
    return float(shape)
