"""A pilot run, and the coordinates that it measures: centring, anchors, combinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from empathymodels.declaration.supports import SUPPORTS
from empathymodels.engine.build import shares_of_centring
from empathymodels.engine.density import Density
from empathymodels.engine.linear_map import LinearMap
from empathymodels.inference.sample import ANCHORED, Trace, sample
from empathymodels.inference.starts import places, starts_around
from empathymodels.population.blocks import blocks, scale_columns
from empathymodels.population.draws import anchors_of, groups_in_draws, reparametrised
from empathymodels.population.parametrisation import Parametrisation, anchorable_columns, is_shared
from empathymodels.population.population_draws import column_of
from empathymodels.population.scales import linked_values
from empathymodels.population.scatter import Scatter

# With high correlations the conditional variance of later columns is tiny: the share is capped.
MOST_CENTRED = 0.9
SHARES = np.linspace(0, 1, 21)  # of centring, among which the best is taken

STRONG = 0.8  # correlations of the columns of a unit from which they are sampled in combination
STILL = 1e-9  # share of its size by which a column moves that is constant but for rounding

PILOT = {"tune": 300, "draws": 150, "chains": 2, "target_accept": 0.9}


@dataclass(frozen=True, eq=False)
class Pilot:
    """What a short run finds out for the sampling of one data set.

    Attributes
    ----------
    density : Density
        The same density in the coordinates that were measured: shares of centring, what anchors
        what, and combinations of columns.
    centring : dict of str to list of float
        These shares per parameter and level; see `measured_centring`.
    starts : ndarray (start, place)
        Where chains may start: draws of the pilot on the sampler's scale.
    """

    density: Density
    centring: dict[str, list[float]]
    starts: np.ndarray


def run_pilot(density: Density, *, seed: int, **how: Any) -> Pilot:
    """Measure coordinates in a short run, from whose draws chains then start.

    Every fit begins so, of a study as of a simulated data set. Coordinates that suit one data set
    may leave the chains of another stuck, and so may starts that no sampler has moved yet.

    Parameters
    ----------
    density : Density
        Given the data that will be sampled.
    seed : int
        Of the pilot.
    how
        Further arguments of `sample`, such as ``cores``.
    """
    trace = pilot_trace(density, seed=seed, **how)
    anchoring = measured_anchoring(trace, density)
    centring = measured_centring(trace, density, anchoring)
    shares = shares_of_centring(density.arrangement, centring)
    measured = density.reparametrised(Parametrisation(shares, anchoring))
    starts = pilot_starts(trace, density, measured)
    combined = measured_combinations(measured, starts)
    starts = combined.undone(starts.reshape(-1, starts.shape[-1]))
    return Pilot(measured.mapped(combined), centring, starts)


def pilot_trace(density: Density, *, seed: int, **how: Any) -> Trace:
    """Sample a few draws, and keep where they are on the sampler's scale."""
    settings: dict[str, Any] = {**PILOT, "seed": seed, "store_unconstrained": True}
    return sample(density.compiled, starts=starts_around(density, seed=seed), **settings, **how)


def pilot_starts(trace: Trace, density: Density, other: Density) -> np.ndarray:
    """Draws of a density, (chain, draw, place) on the sampler's scale, in coordinates of another.

    Neither has a linear map.
    """
    points = trace.stats["unconstrained_draw"].to_numpy().copy()
    coordinates = density.parametrisation, other.parametrisation
    changed = reparametrised(density.arrangement, density.covariates, *coordinates, trace.draws)
    for name, place in places(density.built).items():
        if name in changed:
            points[..., place] = changed[name].reshape(*points.shape[:2], -1)
    return points


def measured_anchoring(trace: Trace, density: Density) -> dict[str, np.ndarray]:
    """Measure in a pilot run which columns move against a shared scale that multiplies them.

    Returns
    -------
    dict of str to ndarray (column, scale)
        Per unit the powers of `blocks.Anchor`: minus the slope of a column's log size (root mean
        square over people and, for a log link, mean) on the log of the scale that it follows
        most closely, between -1 and 1; 0 where the two share less than a quarter of their
        variance. Where the data tell values and scale apart, nothing is anchored.
    """
    pilot, arrangement = density.labelled(trace.draws), density.arrangement
    scales = [
        column_of(pilot, f"{p.name}_mean", p, level) if p.fixed is None else None
        for block in blocks(arrangement)
        if is_shared(block)
        for p, level in (block.columns[k] for k in scale_columns(block))
    ]
    found = {}
    for unit, powers in density.parametrisation.anchoring.items():
        (block,) = [block for block in blocks(arrangement) if block.unit == unit]
        measured = np.zeros_like(powers)
        for k in anchorable_columns(block, arrangement.model):
            parameter, level = block.columns[k]
            values = column_of(pilot, parameter.name, parameter, level)
            linked = linked_values(parameter, arrangement.model, values)
            size = linked if SUPPORTS[parameter.support].is_log else np.log(linked**2) / 2
            measured[k] = _power(size.mean(axis=-1), scales)
        found[unit] = measured
    return found


def _power(size: np.ndarray, scales: Sequence[np.ndarray | None]) -> np.ndarray:
    """Power, (scale,), of the scale that the log size of a column follows most closely."""
    powers = np.zeros(len(scales))
    shared = [0.0 if s is None else np.corrcoef(size.ravel(), s.ravel())[0, 1] ** 2 for s in scales]
    best = int(np.argmax(shared))
    if (scale := scales[best]) is not None and shared[best] >= ANCHORED:
        slope = np.cov(size.ravel(), scale.ravel())[0, 1] / scale.var()
        powers[best] = np.clip(-slope, -1, 1)
    return powers


def measured_centring(
    trace: Trace, density: Density, anchoring: Mapping[str, np.ndarray] | None = None
) -> dict[str, list[float]]:
    r"""Measure in a pilot run how far each parameter is best sampled directly.

    Where people's own data tell their values, these are to be sampled, else deviations from the
    mean. How precisely the median person is known does not tell which: a few people who are known
    very well tie the mean to themselves, unless their values are sampled directly, and of most
    nothing may be known beyond a border.

    Parameters
    ----------
    trace, density : Trace, Density
        The pilot.
    anchoring : mapping of str to ndarray (column, scale), optional
        Values and spreads are taken in the unit that these powers give them.

    Returns
    -------
    dict of str to list of float
        Per parameter and level the share c whose coordinates u(c) of people (or items) i, see
        `Scatter`, are nearest to independent Gaussians. Their Kullback-Leibler divergence from
        the posterior is, but for a constant,

        .. math:: \sum_i \tfrac12 \log \operatorname{var} u_i(c)
            - \operatorname{E} \log \left| \partial u_i(c) / \partial z_i \right|

        Of a column that correlates it is at most 0.9. One share serves all people
        of a column: shares per person, tried on the ratings of 110 people, left the spread of a
        column nearly stuck (effective sample size 8 in place of 234).
    """
    arrangement, sampled = density.arrangement, density.parametrisation
    before = anchors_of(arrangement, sampled.anchoring, trace.draws)
    after = anchors_of(arrangement, anchoring or {}, trace.draws)
    found: dict[str, list[float]] = {}
    for group in groups_in_draws(arrangement, density.covariates, before, trace.draws):
        block, unit = group.block, group.block.unit
        if is_shared(block):
            continue
        was = group.scatter(before[unit], sampled.centring[unit])
        deviations = was.deviations(trace.draws[f"{unit}:deviation"])
        each = [group.scatter(after[unit], np.full(block.shape[1], share)) for share in SHARES]
        shares = SHARES[np.argmin([_dependence(one, deviations) for one in each], axis=0)]
        shares[: block.correlated] = np.minimum(shares[: block.correlated], MOST_CENTRED)
        for (parameter, _), share in zip(block.columns, shares.tolist(), strict=True):
            if parameter.fixed is None:
                found.setdefault(parameter.name, []).append(share)
    return found


def _dependence(scatter: Scatter, deviations: np.ndarray) -> np.ndarray:
    """How far what is sampled is from independent Gaussians, (column,), but for a constant."""
    moved, stretched = scatter.sampled(deviations), scatter.mixing
    if scatter.factor is not None:
        stretched = np.diagonal(stretched, axis1=-2, axis2=-1)
    found = np.log(moved.var(axis=(0, 1))).mean(axis=0) / 2 - np.log(stretched).mean(axis=(0, 1))
    return np.asarray(found)


def measured_combinations(density: Density, points: np.ndarray) -> LinearMap:
    """Measure which columns of a unit are better sampled in combination.

    Somebody who rates at the lower end without pain has a rating with pain that is well known, and
    a level without pain and a change with it that are not. Steps must then be as small as that sum
    is certain: 200 of them per draw with the ratings of 84 people, and 31 in combination.

    Parameters
    ----------
    density : Density
        With the centring and anchoring that will be sampled in.
    points : ndarray (chain, draw, place)
        Draws on its scale. Chains that lie apart say nothing of what follows what.

    Returns
    -------
    LinearMap
        What a column follows of those before it that it correlates with by more than 0.8. All
        others are left alone: combined with one whose spread is near 0, a column keeps that spread
        from getting there. Columns of which only a sum of three or more is known are not found.
    """
    steps, where = [], places(density.built)
    centred = points - points.mean(axis=1, keepdims=True)
    moves = (centred**2).sum(axis=(0, 1)) > STILL**2 * (points**2).sum(axis=(0, 1))
    centred = np.where(moves, centred, 0.0).reshape(-1, points.shape[-1])
    for block in blocks(density.arrangement):
        if is_shared(block):
            continue
        deviations = where[f"{block.unit}:deviation"]
        draws = centred[:, deviations].reshape(-1, *block.shape)
        products = np.einsum("dij,dik->ijk", draws, draws)
        sizes = np.sqrt(np.diagonal(products, axis1=-2, axis2=-1))
        strong = np.tril(abs(products) > STRONG * sizes[:, :, None] * sizes[:, None, :], -1)
        for unit, column in np.argwhere(strong.any(axis=-1)).tolist():
            others = np.flatnonzero(strong[unit, column])
            slopes = np.linalg.lstsq(draws[:, unit, others], draws[:, unit, column])[0]
            first = deviations.start + unit * block.shape[1]
            followed = zip((first + others).tolist(), slopes.tolist(), strict=True)
            steps += [(first + column, other, slope) for other, slope in followed]
    return LinearMap.of(steps)
