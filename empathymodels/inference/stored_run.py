"""Sampling into a store: what it has is gone on with, and one process at a time is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from empathymodels.inference.convergence import Length
from empathymodels.inference.fit_files import BEGUN, COMPLETE, is_begun, read
from empathymodels.inference.fits import recorded
from empathymodels.inference.sample import (
    DIVERGED,
    Judge,
    begins_anew,
    chain_numbers,
    sample_into,
    starts_by_number,
    strict,
)
from empathymodels.inference.save import save
from empathymodels.inference.store import Store, refuse_news
from empathymodels.inference.store_draws import StoredDraws, finished_draws, kept_draws, run_folders
from empathymodels.terminal import tell


def sample_to(
    store: Store,
    begun: xr.DataTree,
    density: Any,
    *,
    length: Length,
    targets: Sequence[float],
    judge: Judge,
    **settings: Any,
) -> StoredDraws:
    """Sample what a store lacks, and return all of its draws.

    Parameters
    ----------
    store : Store
        Where draws are and go.
    begun : DataTree
        The fit without its draws.
    length : Length
        How many draws per chain are wanted.
    targets : sequence of float
        As for `sample.sample_anew`; what the store has of the last one is gone on with.
    density, judge, settings
        As for `sample.sample`; chains that have draws in the store start from their last.

    Raises
    ------
    KeyboardInterrupt
        The sampling was interrupted; draws until then are in the store.
    OSError
        Draws cannot be written; those before are in the store.
    ValueError
        Another process is at work in the store, or has been since it was opened.
    """
    path = store.path
    with _alone(path):
        refuse_news(store)
        left = targets[targets.index(_target(path, targets)) :]
        for target, following in zip_longest(left, left[1:]):
            if kept_draws(path) is None or _target(path, targets) != target:
                _begin(path, begun, target)  # with the coordinates of the draws to come
            judged = strict(judge) if following else judge
            kept = _judged(path, length, judged)
            if kept is None:
                how = {**settings, "length": length, "judge": judged, "target_accept": target}
                _one_run(path, kept_draws(path), density, **how)
                kept = _judged(path, length, judged)
            if kept is None or kept.trace.ended != DIVERGED:
                break
            tell(begins_anew(kept.trace, following))
    if kept is None:
        raise RuntimeError(f"Chains must end with all draws; {_there(path, length)} Run it again.")
    return replace(kept, trace=replace(kept.trace, target_accept=target))


def _target(path: Path, targets: Sequence[float]) -> float:
    """Acceptance rate of the draws in a store, or the first one."""
    if not is_begun(path):
        return targets[0]
    return float(recorded(read(path / BEGUN), "settings")["target_accept"])


def _begin(path: Path, begun: xr.DataTree, target: float) -> None:
    """Write the fit without its draws, of which there are none at this acceptance rate.

    Runs go one after another, the last first, each at once by its name: whenever this is cut short,
    what is left are the first draws of the rate that is written.
    """
    for run in reversed(run_folders(path)):
        gone = path / f".{run.name}"
        if gone.exists():  # cut short the last time
            shutil.rmtree(gone)
        run.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    settings = recorded(begun, "settings") | {"target_accept": target}
    begun = begun.copy()
    begun.attrs["settings"] = json.dumps(settings)
    save(begun, path / BEGUN)


def _judged(path: Path, length: Length, judge: Judge) -> StoredDraws | None:
    """The draws of a store up to the first look at which they may end; None where none may.

    A run that was killed after chains had converged, and before this was written, ends there too.
    """
    kept = kept_draws(path)
    for look in length.looks:
        if kept is None or kept.draws < look:
            return None
        ended = judge(kept.trace.cut(look))
        if ended or look == length.most:
            return kept.cut(look, ended)
    return None


def _one_run(
    path: Path,
    kept: StoredDraws | None,
    density: Any,
    *,
    length: Length,
    judge: Judge,
    starts: np.ndarray,
    seed: int,
    chains: int,
    **settings: Any,
) -> None:
    done = kept.draws if kept else 0
    number, left, start_of = 0, length.most - done, starts_by_number(starts)
    if kept:
        tell(f"{path.name}: going on after {length.share(done)}.")
        number = len(kept.runs)
        seed = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
        drawn = chain_numbers(density, kept.last[0], chains=chains, seed=seed)
        start_of = dict(zip(drawn, kept.last, strict=True)).__getitem__
    run = path / f"run-{number}"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()

    def is_enough(look: int) -> bool | None:
        now = kept_draws(path)
        if now is None or now.draws < done + look:  # not written yet
            return None
        return bool(judge(now.trace.cut(done + look)))

    looks = [look - done for look in length.looks if look > done]
    how = {"draws": left, "looks": looks, "seed": seed, "chains": chains, **settings}
    try:
        sample_into(run, density, start_of=start_of, is_enough=is_enough, **how)
    except RuntimeError as error:
        if "LocalFileSystem error" not in str(error):
            raise
        raise OSError(
            f"Draws must be written as they come; {_reason(error)}. {_there(path, length)} Make "
            "room on that disk, or see that it may be written to, and run the same again: it "
            "goes on from there."
        ) from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{_there(path, length)} To go on, run the same again.") from None
    if finished_draws(run, is_complete=True).draws == left:
        (run / COMPLETE).touch()


def _reason(error: Exception) -> str:
    """What the operating system said, of all that the sampler says of a failed write."""
    lines = [line.strip() for line in str(error).split("Stack backtrace")[0].splitlines()]
    return [line for line in lines if line][-1].rpartition(": ")[2]


def _there(path: Path, length: Length) -> str:
    kept = kept_draws(path)
    return f"{length.share(kept.draws if kept else 0)} are in {path}."


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a store for this process; the system lets go of it however the process ends."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("w")
    except OSError as error:
        raise OSError(
            f"A store must be a folder that may be written to; {path} cannot be: {error.strerror}. "
            "No draw is taken yet. Give another store, or see that the folder may be written to."
        ) from error
    with lock as file:
        try:
            import fcntl
        except ImportError:  # not on Windows
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"One process at a time may sample into a store; another one is at work in {path}. "
                "Wait for it, or give another store."
            ) from error
        yield
