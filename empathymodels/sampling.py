"""Sample with nutpie, and measure in a pilot run how centred the sampled values should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import xarray as xr

from empathymodels.build import shares_of_centring
from empathymodels.density import Density, on_one_thread
from empathymodels.nouns import Parameter
from empathymodels.people import Anchor, Block, blocks, linked_values, scale_columns
from empathymodels.population import (
    Parametrisation,
    anchorable_columns,
    anchors_of,
    is_shared,
    reparametrised,
)
from empathymodels.starting import places, starts_around

# What the columns before it leave of a column that correlates closely may be very little.
MOST_CENTRED = 0.9
PILOT = {"tune": 300, "draws": 150, "chains": 2}
WAIT = 0.1  # seconds between looks at how far chains are
ANCHORED = 0.25  # of the variance of a log size, from which its scale anchors a column
FEWEST = 10  # draws per chain that an interrupted fit must have to be of any use


@dataclass(frozen=True)
class Trace:
    """Draws of the sampled variables, (chain, draw, ...), and the sampler's statistics.

    Attributes
    ----------
    draws : dict of str to ndarray
        Of every variable.
    stats : Dataset (chain, draw)
        The sampler's statistics.
    ended : str
        Why the chains ended where they did; empty where they were to have so many draws.
    is_partial : bool
        Whether they were interrupted.
    """

    draws: dict[str, np.ndarray]
    stats: xr.Dataset
    ended: str = ""
    is_partial: bool = False

    @property
    def size(self) -> int:
        """Draws per chain."""
        return int(self.stats.sizes.get("draw", 0))

    def cut(self, size: int) -> Trace:
        """The first draws of every chain."""
        first = {name: values[:, :size] for name, values in self.draws.items()}
        return replace(self, draws=first, stats=self.stats.isel(draw=slice(size)))


Judge = Callable[[Trace], str]


@on_one_thread
def sample(
    density: Any,
    *,
    starts: np.ndarray,
    draws: int,
    looks: Sequence[int] = (),
    judge: Judge | None = None,
    on_interrupt: str = "raise",
    **settings: Any,
) -> Trace:
    """Run nutpie and return draws and statistics.

    Parameters
    ----------
    density : nutpie model
        What is sampled.
    starts : ndarray (start, place)
        On the sampler's scale; every chain starts from one of them.
    draws : int
        Per chain, at most.
    looks, judge
        Once all chains have so many draws, ``judge(trace)`` of just these says why they may end
        there, or nothing. Until then adaptation and chains are those of one run: the draws are
        the first ones of a run without looks.
    on_interrupt : {"raise", "partial"}
        Whether Ctrl-C loses the draws, or ends the chains where all of them are.

    Raises
    ------
    KeyboardInterrupt
        The sampling was interrupted.
    """
    density = replace(density, initial_point_func=starts_by_number(starts))
    chains = RunningChains(density, draws=draws, looks=looks, save_warmup=False, **settings)
    with chains:
        try:
            for look in looks[:-1]:
                chains.wait_for(look)
                trace = trace_of(chains.result())
                if judge and (ended := judge(trace.cut(look))):
                    return replace(trace.cut(look), ended=ended)
            chains.wait_for(np.inf)
            trace = trace_of(chains.result())
        except KeyboardInterrupt:
            if on_interrupt == "raise" or chains.finished < FEWEST:
                raise
            return replace(trace_of(chains.sampler.abort()), is_partial=True)
    return replace(trace, ended=judge(trace) if judge else "")


class RunningChains:
    """Chains that nutpie samples in threads of its own, until they end or this context does.

    Attributes
    ----------
    sampler : nutpie sampler
        Gives the draws.
    finished : int
        Draws that all chains have; those of adaptation are not counted.
    """

    def __init__(self, density: Any, *, tune: int, looks: Sequence[int] = (), **settings: Any):
        self.finished, self._whole = 0, None
        self._tune, self._told = tune, settings.pop("progress_callback", None)
        if len(looks) > 1:  # no chain may wait for another to end
            settings["cores"] = settings["chains"]
        how = {"tune": tune, "blocking": False, "progress_callback": self._note}
        self.sampler = nutpie.sample(density, **settings, **how)

    def _note(self, progress: Sequence[Any]) -> None:
        self.finished = min(chain.finished_draws for chain in progress) - self._tune
        if self._told:
            self._told(progress)

    @property
    def have_ended(self) -> bool:
        """Whether all draws are there."""
        return self._whole is not None

    def wait_for(self, draws: float) -> None:
        """Wait until all chains have so many draws, or have ended."""
        while not self.have_ended and self.finished < draws:
            with suppress(TimeoutError):
                self._whole = self.sampler.wait(timeout=WAIT)

    def result(self) -> Any:
        """All draws until now, of some chains more than of others."""
        return self._whole if self.have_ended else self.sampler.inspect()

    def __enter__(self) -> RunningChains:
        """Nothing is left to do: chains run from their making."""
        return self

    def __exit__(self, *_: Any) -> None:
        """End chains that still run."""
        self.sampler.cancel()


def trace_of(tree: xr.DataTree) -> Trace:
    """The draws of a nutpie trace that all of its chains have."""
    stats = tree["sample_stats"].to_dataset()
    draws = {str(n): v.to_numpy() for n, v in tree["posterior"].data_vars.items()}
    has_all = np.isfinite(stats["logp"].to_numpy()).all(axis=0)
    return Trace(draws, stats).cut(int(np.argmin(np.append(has_all, False))))


def starts_by_number(starts: np.ndarray) -> Callable[[int], np.ndarray]:
    """Choice of a start, of (start, place), by the number that a chain draws for itself."""
    return lambda number: starts[number % len(starts)]


@on_one_thread
def sample_into(
    folder: Path,
    density: Any,
    *,
    start_of: Callable[[int], np.ndarray],
    draws: int,
    looks: Sequence[int] = (),
    is_enough: Callable[[int], bool | None] = lambda look: False,
    **settings: Any,
) -> None:
    """Run nutpie as `sample` does, draws and statistics going to a Zarr folder as they come.

    ``is_enough(look)`` says whether chains may end once all have so many draws; None where these
    have not been written yet.
    """
    chains = RunningChains(
        replace(density, initial_point_func=start_of),
        draws=draws,
        looks=looks,
        zarr_store=nutpie.zarr_store.LocalStore(str(folder)),
        store_unconstrained=True,
        return_raw_trace=True,
        **settings,
    )
    with chains:
        for look in looks[:-1]:
            chains.wait_for(look)
            while (enough := is_enough(look)) is None and not chains.have_ended:
                chains.wait_for(chains.finished + 1)
            if enough:
                return
        chains.wait_for(np.inf)


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
        how: dict[str, Any] = {"tune": 1, "draws": 1, "seed": seed, "progress_bar": False}
        with RunningChains(asking, chains=size, return_raw_trace=True, **how) as running:
            running.wait_for(np.inf)
        (new,) = set(seen) - set(found)
        found.append(new)
    return found


@dataclass(frozen=True, eq=False)
class Pilot:
    """What a short run finds out for the sampling of one data set.

    Attributes
    ----------
    density : Density
        The same density in the coordinates that were measured: shares of centring, and what
        anchors what.
    centring : dict of str to list of float
        These shares per parameter and level; see `measured_centring`.
    starts : ndarray (start, place)
        Where chains may start: draws of the pilot on the sampler's scale.
    """

    density: Density
    centring: dict[str, list[float]]
    starts: np.ndarray


def run_pilot(density: Density, *, seed: int, **how: Any) -> Pilot:
    """Measure centring and anchoring in a short run, from whose draws chains then start.

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
    return Pilot(measured, centring, pilot_starts(trace, density, measured))


def pilot_trace(density: Density, *, seed: int, **how: Any) -> Trace:
    """Sample a few draws, and keep where they are on the sampler's scale."""
    settings: dict[str, Any] = {**PILOT, "seed": seed, "store_unconstrained": True}
    return sample(density.compiled, starts=starts_around(density, seed=seed), **settings, **how)


def pilot_starts(trace: Trace, density: Density, other: Density) -> np.ndarray:
    """Draws of a density, (draw, place) on the sampler's scale, in the coordinates of another."""
    points = trace.stats["unconstrained_draw"].to_numpy().copy()
    coordinates = density.parametrisation, other.parametrisation
    changed = reparametrised(density.arrangement, density.covariates, *coordinates, trace.draws)
    for name, place in places(density.built).items():
        if name in changed:
            points[..., place] = changed[name].reshape(*points.shape[:2], -1)
    return points.reshape(-1, points.shape[-1])


def measured_anchoring(trace: Trace, density: Density) -> dict[str, np.ndarray]:
    """Measure in a pilot run which columns move against a shared scale that multiplies them.

    Returns
    -------
    dict of str to ndarray (column, scale)
        Per unit the powers of `people.Anchor`: minus the slope of a column's log size (root mean
        square over people and, for a log link, mean) on the log of the scale that it follows
        most closely, between -1 and 1; 0 where the two share less than a quarter of their
        variance. Where the data tell values and scale apart, nothing is anchored.
    """
    pilot, arrangement = density.labelled(trace.draws), density.arrangement
    scales = [
        _draws_of(pilot, f"{p.name}_mean", p, level) if p.fixed is None else None
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
            values = _draws_of(pilot, parameter.name, parameter, level)
            linked = linked_values(parameter, arrangement.model, values)
            size = linked if parameter.support == "positive" else np.log(linked**2) / 2
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


def _draws_of(pilot: xr.Dataset, name: str, parameter: Parameter, level: int) -> np.ndarray:
    """One column, (chain, draw, ...)."""
    values = pilot[name].to_numpy()
    return values[..., level] if parameter.by else values


def measured_centring(
    trace: Trace, density: Density, anchoring: Mapping[str, np.ndarray] | None = None
) -> dict[str, list[float]]:
    """Measure in a pilot run how much each person's own data say about each parameter.

    Parameters
    ----------
    trace, density : Trace, Density
        The pilot.
    anchoring : mapping of str to ndarray (column, scale), optional
        Values and spreads are taken in the unit that these powers give them.

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
    anchors = anchors_of(arrangement, anchoring or {}, trace.draws)
    found: dict[str, list[float]] = {}
    for block in blocks(arrangement):
        free = [k for k, (p, _) in enumerate(block.columns) if p.fixed is None]
        columns = [block.columns[k] for k in free]
        if is_shared(block) or not columns:
            continue
        anchor = anchors[block.unit]
        deviations = np.stack([_deviation(block, k, anchor, density, pilot) for k in free], axis=-1)
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
    block: Block, column: int, anchor: Anchor, density: Density, pilot: xr.Dataset
) -> np.ndarray:
    """Link-scale values of one column, (chain, draw, unit), over the population spread."""
    parameter, level = block.columns[column]
    values = _draws_of(pilot, parameter.name, parameter, level)
    linked = linked_values(parameter, density.arrangement.model, values)
    spread = _draws_of(pilot, f"{parameter.name}_sd", parameter, level)
    unit, shift = anchor.unit[..., column], anchor.shift[..., column]
    moved = linked * np.asarray(unit)[..., None] + np.asarray(shift)[..., None]
    return moved / np.sqrt(np.mean((spread * unit) ** 2))
