"""Sample with nutpie: chains started, watched, ended, and their draws by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from inspect import signature
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import xarray as xr

from empathymodels.engine.density import on_one_thread
from empathymodels.inference.convergence import Length
from empathymodels.terminal import regular_lines, share, tell

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
    target_accept : float
        Acceptance rate that step sizes were adapted to; NaN where it is not known.
    """

    draws: dict[str, np.ndarray]
    stats: xr.Dataset
    ended: str = ""
    is_partial: bool = False
    target_accept: float = np.nan

    @property
    def size(self) -> int:
        """Draws per chain."""
        return int(self.stats.sizes.get("draw", 0))

    @property
    def divergences(self) -> int:
        """Number of draws, of all chains, that diverged."""
        return int(self.stats["diverging"].sum())

    def cut(self, size: int) -> Trace:
        """The first draws of every chain."""
        first = {name: values[:, :size] for name, values in self.draws.items()}
        return replace(self, draws=first, stats=self.stats.isel(draw=slice(size)))


Judge = Callable[[Trace], str]
DIVERGED = "draws diverged"


def sample_anew(
    density: Any, *, length: Length, targets: Sequence[float], judge: Judge, **settings: Any
) -> Trace:
    """Run `sample`, and once more at the next target of acceptance where draws diverged."""
    settings |= {"draws": length.most, "looks": length.looks}
    for target, following in zip_longest(targets, targets[1:]):
        judged = strict(judge) if following else judge
        trace = sample(density, target_accept=target, judge=judged, **settings)
        if trace.ended != DIVERGED:
            break
        tell(begins_anew(trace, following))
    return replace(trace, target_accept=target)


def strict(judge: Judge) -> Judge:
    """A judge who ends chains of which a draw diverged, and else judges as the given one."""
    return lambda trace: DIVERGED if trace.divergences else judge(trace)


def begins_anew(trace: Trace, target: float | None) -> str:
    """Say why chains begin anew, and how."""
    return (
        f"{trace.divergences:,} of {trace.stats['diverging'].size:,} draws diverged: chains begin "
        f"anew with smaller steps (target_accept {target:g})."
    )


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


def check_sampler(settings: Mapping[str, Any]) -> None:
    """Raise ValueError for settings that nutpie does not have, or not with such a value."""
    own = signature(nutpie.sample).parameters
    if {"sampler", "adaptation"} & set(settings):
        return  # which have settings of their own
    for name in [name for name in settings if name not in own]:
        try:
            nutpie._lib.PyNutsSettings.Diag(0).update({name: settings[name]})
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                "sampler must hold settings of nutpie, with values that they can have. Found "
                f"{name}={settings[name]!r}: {error}. Correct it, or leave it out."
            ) from error


class RunningChains:
    """Chains that nutpie samples in threads of its own, until they end or this context does.

    Attributes
    ----------
    sampler : nutpie sampler
        Gives the draws.
    finished : int
        Draws that all chains have; below 0 as many as are left of adaptation.
    """

    def __init__(self, density: Any, *, tune: int, looks: Sequence[int] = (), **settings: Any):
        self.finished, self._whole = -tune, None
        self._tune, self._told = tune, settings.pop("progress_callback", None)
        self._looks, self._past = looks or (settings["draws"],), [(time.monotonic(), 0)]
        progress_kind = settings.pop("progress", "nothing")
        self._lines = regular_lines(self.says, is_on=progress_kind == "lines")
        settings["progress_bar"] = progress_kind == "bar"
        if len(looks) > 1:  # no chain may wait for another to end
            settings["cores"] = settings["chains"]
        chains = settings["chains"]
        self._steps, self._take_turns = [0] * chains, (settings.get("cores") or chains) < chains
        how = {"tune": tune, "blocking": False, "progress_callback": self._note}
        self.sampler = nutpie.sample(density, **settings, **how)

    def _note(self, progress: Sequence[Any]) -> None:
        self._steps = [chain.finished_draws for chain in progress]
        self.finished = min(self._steps) - self._tune
        self._past.append((time.monotonic(), self._done))
        if self._told:
            self._told(progress)

    @property
    def _done(self) -> int:
        """Steps until now; all together of chains that take turns, where the last begins late."""
        return sum(self._steps) if self._take_turns else min(self._steps)

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

    def says(self) -> str:
        """Say how far the slowest chain is, and how long all will take to the next look.

        At the pace since half of the steps until now: the first ones take longest.
        """
        steps, tune = self.finished + self._tune, self._tune
        look = next((one for one in self._looks if one > self.finished), self._looks[-1])
        total = (tune + look) * (len(self._steps) if self._take_turns else 1)
        done = self._done  # which goes on while this is said
        began, before = [one for one in self._past if one[1] <= done / 2][-1]
        seconds = time.monotonic() - began
        left = share(done - before, total - before, seconds).partition(", ")[2]
        until = f" (to {look:,} draws)" if left else ""
        if steps < tune:
            text = f"adapting, {steps:,} of {tune:,} steps per chain"
        else:
            most = self._looks[-1]
            judged = f"; convergence is looked for there, at most {most:,}" if look < most else ""
            text = f"{max(self.finished, 0):,} of {look:,} draws per chain{judged}"
        return f"Sampling: {text}" + (f"; {left}{until}" if left else "")

    def __enter__(self) -> RunningChains:
        """Nothing is left to do but to say how far it is: chains run from their making."""
        self._lines.__enter__()
        return self

    def __exit__(self, *ended: Any) -> None:
        """End chains that still run."""
        self.sampler.cancel()
        self._lines.__exit__(*ended)


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

    Nutpie does not say which chain requests initial values: each additional chain requests one
    more number, so runs of one, two, ... chains are compared to find it.
    """
    found: list[int] = []
    for size in range(1, chains + 1):
        seen: list[int] = []

        def start_of(number: int, seen: list[int] = seen) -> np.ndarray:
            seen.append(number)
            return start

        asking = replace(density, initial_point_func=start_of)
        how: dict[str, Any] = {"tune": 1, "draws": 1, "seed": seed}
        with RunningChains(asking, chains=size, return_raw_trace=True, **how) as running:
            running.wait_for(np.inf)
        (new,) = set(seen) - set(found)
        found.append(new)
    return found
