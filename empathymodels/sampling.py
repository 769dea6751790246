"""Sample with nutpie, and measure in a pilot run how centred the sampled values should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import xarray as xr

from empathymodels.arrangement import Arrangement
from empathymodels.build import shares_of_centring
from empathymodels.density import Density, on_one_thread
from empathymodels.nouns import Parameter
from empathymodels.people import POPULATION, blocks, linked_values
from empathymodels.population import recentred
from empathymodels.starting import places, starts_around

# What the columns before it leave of a column that correlates closely may be very little.
MOST_CENTRED = 0.9
PILOT = {"tune": 300, "draws": 150, "chains": 2}


@dataclass(frozen=True)
class Trace:
    """Draws of the sampled variables, (chain, draw, ...), and the sampler's statistics."""

    draws: dict[str, np.ndarray]
    stats: xr.Dataset


@on_one_thread
def sample(density: Any, *, starts: np.ndarray, **settings: Any) -> Trace:
    """Run nutpie and return draws and statistics.

    Every chain starts from one of ``starts``, (start, place) on the sampler's scale.
    """
    density = replace(density, initial_point_func=starts_by_number(starts))
    tree = nutpie.sample(density, save_warmup=False, **settings)
    draws = {str(n): v.to_numpy() for n, v in tree["posterior"].data_vars.items()}
    return Trace(draws, tree["sample_stats"].to_dataset())


def starts_by_number(starts: np.ndarray) -> Callable[[int], np.ndarray]:
    """Choice of a start, of (start, place), by the number that a chain draws for itself."""
    return lambda number: starts[number % len(starts)]


@on_one_thread
def sample_into(
    folder: Path, density: Any, *, start_of: Callable[[int], np.ndarray], **settings: Any
) -> None:
    """Run nutpie as `sample` does, draws and statistics going to a Zarr folder as they come."""
    nutpie.sample(
        replace(density, initial_point_func=start_of),
        zarr_store=nutpie.zarr_store.LocalStore(str(folder)),
        store_unconstrained=True,
        return_raw_trace=True,
        **settings,
    )


@on_one_thread
def chain_numbers(density: Any, start: np.ndarray, *, chains: int, seed: int) -> list[int]:
    """Numbers that the chains of a run with this seed draw for themselves, in their order.

    Nutpie does not say which chain asks for a start: with a chain more, one number more is asked.
    """
    found: list[int] = []
    for size in range(1, chains + 1):
        seen: list[int] = []

        def start_of(number: int, seen: list[int] = seen) -> np.ndarray:
            seen.append(number)
            return start

        asking = replace(density, initial_point_func=start_of)
        how = {"tune": 1, "draws": 1, "seed": seed, "progress_bar": False}
        nutpie.sample(asking, chains=size, return_raw_trace=True, **how)
        (new,) = set(seen) - set(found)
        found.append(new)
    return found


@dataclass(frozen=True, eq=False)
class Pilot:
    """What a short run finds out for the sampling of one data set.

    Attributes
    ----------
    density : Density
        The same density with the shares of centring that were measured.
    centring : dict of str to list of float
        These shares per parameter and level; see `measured_centring`.
    starts : ndarray (start, place)
        Where chains may start: draws of the pilot on the sampler's scale.
    """

    density: Density
    centring: dict[str, list[float]]
    starts: np.ndarray


def run_pilot(density: Density, *, seed: int, **how: Any) -> Pilot:
    """Measure centring in a short run, from whose draws chains then start.

    Every fit begins so, of a study as of a simulated data set. Shares that suit one data set may
    leave the chains of another stuck, and so may starts that no sampler has moved yet.

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
    centring = measured_centring(trace, density)
    measured = density.recentred(shares_of_centring(density.arrangement, centring))
    return Pilot(measured, centring, pilot_starts(trace, density, measured))


def pilot_trace(density: Density, *, seed: int, **how: Any) -> Trace:
    """Sample a few draws, and keep where they are on the sampler's scale."""
    settings: dict[str, Any] = {**PILOT, "seed": seed, "store_unconstrained": True}
    return sample(density.compiled, starts=starts_around(density, seed=seed), **settings, **how)


def pilot_starts(trace: Trace, density: Density, other: Density) -> np.ndarray:
    """Draws of a density, (draw, place) on the sampler's scale, as other shares have them."""
    points = trace.stats["unconstrained_draw"].to_numpy().copy()
    shares = density.centring, other.centring
    changed = recentred(density.arrangement, density.covariates, *shares, trace.draws)
    for name, place in places(density.built).items():
        if name in changed:
            points[..., place] = changed[name].reshape(*points.shape[:2], -1)
    return points.reshape(-1, points.shape[-1])


def measured_centring(trace: Trace, density: Density) -> dict[str, list[float]]:
    """Measure in a pilot run how much each person's own data say about each parameter.

    Returns
    -------
    dict of str to list of float
        Per parameter and level the median over people (or items) of 1 minus the posterior
        variance over the population variance, on the link scale; for a correlated column, of
        what the columns before it leave open, and at most 0.9. One share serves all people
        of a column: shares per person, tried on the ratings of 110 people, left the spread of a
        column nearly stuck (effective sample size 8 in place of 234).
    """
    pilot, arrangement = density.labelled(trace.draws), density.arrangement
    found: dict[str, list[float]] = {}
    for block in blocks(arrangement):
        columns = [(p, level) for p, level in block.columns if p.fixed is None]
        if block.unit == POPULATION or not columns:
            continue
        deviations = np.stack([_deviation(p, k, arrangement, pilot) for p, k in columns], axis=-1)
        correlations = np.eye(len(columns))
        if (matrix := block.correlation[0]) in pilot:
            correlated = len(block.free_correlated)
            own = pilot[matrix].mean(("chain", "draw")).to_numpy()
            correlations[:correlated, :correlated] = own
        alone = deviations @ np.linalg.inv(np.linalg.cholesky(correlations)).T
        shares = np.median(1 - alone.var(axis=(0, 1)), axis=0)
        shares = np.clip(np.nan_to_num(shares), 0, 1)
        together = slice(len(block.free_correlated))
        shares[together] = np.minimum(shares[together], MOST_CENTRED)
        for (parameter, _), share in zip(columns, shares, strict=True):
            found.setdefault(parameter.name, []).append(float(share))
    return found


def _deviation(
    parameter: Parameter, level: int, arrangement: Arrangement, pilot: xr.Dataset
) -> np.ndarray:
    """Link-scale values of one column, (chain, draw, unit), in units of the population spread."""
    linked = linked_values(parameter, arrangement.model, pilot[parameter.name].to_numpy())
    spread = pilot[f"{parameter.name}_sd"].to_numpy()
    if parameter.by:
        linked, spread = linked[..., level], spread[..., level]
    return linked / np.sqrt(np.mean(spread**2))
