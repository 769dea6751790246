"""Many replicates of one task: a small file each, the same results whatever the workers.

Every replicate has a seed of its own (child of the task's seed) and a file of its own, which is
written once it is done. A run that is stopped and run again, on other workers or for more
replicates, does only what is missing. What is done may be the same every time but for the seed, or
something else for each, such as the fit of one of many regions.
"""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from threading import Lock
from time import perf_counter, process_time
from typing import Any

import joblib
import numpy as np
from joblib.externals.loky import process_executor
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from empathymodels.messages import counted, listed, sentence
from empathymodels.recovery.replicate_files import (
    Replicate,
    content_hash,
    put_replicate,
    read_replicates,
    replicate_folder,
    write_replicate,
)
from empathymodels.terminal import (
    available_cores,
    is_interactive,
    progress_kind,
    regular_lines,
    share,
    tell,
)

MOST_LOSSES = 3  # times that all workers are lost before anything more is done
_ONE_AT_A_TIME = Lock()  # compiled programs hold their data: threads take turns


@dataclass(frozen=True)
class Task:
    """What is done once per replicate.

    Attributes
    ----------
    name : str
        In words, for messages.
    run : callable
        ``run(plan, seeds, cores) -> dict`` of what JSON can hold, a function of a module;
        `seeds` is the replicate's own `numpy.random.SeedSequence`, `cores` what it may use.
    prepare : callable
        ``prepare(cores) -> plan, seconds``: whatever `run` needs, the same for all replicates
        and fit to be sent to another process, and how long one will take; None for as long as
        the first, which is then done before it is said. Called where some are missing.
    identity : dict
        What the results depend on, as JSON: replicates of another identity are others.
    seed : int
        Of all replicates.
    misshapen : callable, optional
        ``misshapen(results) -> numbers`` of those results, by number, that do not have the form
        which `run` gives them; they are made again.
    noun : str
        What one of them is called.
    labels : mapping of int to str
        Names of those that have one beside their number.
    part : callable, optional
        ``part(plan, number)``: what is sent for one of them, where that is not the whole plan.
    """

    name: str
    run: Callable[[Any, np.random.SeedSequence, int], Mapping[str, Any]]
    prepare: Callable[[int], tuple[Any, float | None]]
    identity: Mapping[str, Any]
    seed: int
    misshapen: Callable[[Mapping[int, Any]], Iterable[int]] = lambda results: ()
    noun: str = "replicate"
    labels: Mapping[int, str] = field(default_factory=dict)
    part: Callable[[Any, int], Any] = lambda plan, number: plan

    @property
    def key(self) -> str:
        """Hash of the identity and the seed, with which file names begin."""
        return content_hash({**self.identity, "seed": self.seed})[:16]

    def path(self, number: int, place: Path) -> Path:
        """File of one replicate."""
        return place / f"{self.key}-{number:05}.json"

    def finished(self, numbers: Sequence[int], place: Path) -> dict[int, Replicate]:
        """Those replicates that are there, by their number."""
        paths = {k: self.path(k, place) for k in numbers}
        return read_replicates(paths, self.misshapen)

    def named(self, number: int) -> str:
        """What one replicate is called in messages."""
        return self.labels.get(number, str(number))


def seeds_of(seed: int, number: int) -> np.random.SeedSequence:
    """Seeds of one replicate: the same however many there are."""
    return np.random.SeedSequence(seed, spawn_key=(number,))


def replicates(
    task: Task,
    *,
    number: int | Sequence[int],
    folder: str | Path | None = None,
    workers: int | None = None,
) -> list[Replicate]:
    """Return all replicates of a task, doing those that are not in the folder yet.

    Parameters
    ----------
    task : Task
        What is done.
    number : int or sequence of int
        How many replicates, or their numbers.
    folder : str or Path, optional
        Where their files are; a temporary folder unless given. Tasks may share one.
    workers : int, optional
        Processes at a time: all cores, or what the joblib backend in force offers.

    Raises
    ------
    OSError
        A file cannot be read or written. What was written before stays.
    RuntimeError
        The workers are gone or out of reach.
    ValueError
        `number` or `workers` is below 1, or the folder holds something else.
    """
    size = number if isinstance(number, int) else len(number)
    for name, value in ((f"number of {task.noun}s", size), ("workers", workers)):
        if value is not None and value < 1:
            raise ValueError(f"The {name} must be at least 1; found {value}. Give 1 or more.")
    numbers = range(number) if isinstance(number, int) else number
    with replicate_folder(folder) as place:
        found = task.finished(numbers, place)
        if found:
            tell(f"{task.name}: {len(found)} of {counted(size, task.noun)} are there already.")
        if len(found) < size:
            _fill(task, numbers, found, place, workers)
    done = [found[k] for k in numbers]
    failed = [one for one in done if one.error]
    if failed:
        where = "" if folder is None else f" Their files in {folder} say so; delete one to retry."
        names = listed((task.named(one.number) for one in failed), 5) if task.labels else ""
        tell(
            f"{task.name}: {len(failed)} of {counted(size, task.noun)} failed"
            f"{f' ({names})' if names else ''}, the first with {failed[0].error}{where}"
        )
    return done


def _announce(task: Task, number: int, at_once: int, seconds: float) -> None:
    at_once = min(at_once, number)
    tell(
        f"{task.name}: {counted(number, task.noun)} on {counted(at_once, 'worker')}, about "
        f"{_duration(seconds * -(-number // at_once))} once they have started "
        f"and compiled the model ({_duration(seconds)} each)."
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _fill(
    task: Task,
    numbers: Sequence[int],
    found: dict[int, Replicate],
    place: Path,
    workers: int | None,
) -> None:
    """Do what is missing; what workers had finished when they were lost is not done again."""
    losses, at_once = 0, joblib.effective_n_jobs(_asked(workers))
    cores = available_cores() if at_once == 1 else 1
    plan, seconds = task.prepare(cores)
    missing = [k for k in numbers if k not in found]
    if seconds is None:
        seconds = _first(task, plan, cores, missing, place, found)
        missing = [k for k in missing if k not in found]
    if missing:
        _announce(task, len(missing), at_once, seconds)
    number = len(numbers)
    with _bar(task, number, len(found)) as advance:
        while len(found) < number:
            before = len(found)
            try:
                for one in _stream(task, plan, cores, missing, place, workers):
                    write_replicate(one, task.path(one.number, place), len(found), number)
                    found[one.number] = one
                    advance(len(found))
            except BrokenProcessPool as error:
                found |= task.finished(numbers, place)
                advance(len(found))
                left = [k for k in missing if k not in found]
                # those under way come last: one that kills its worker must not hold up the others
                missing = left[at_once:] + left[:at_once]
                losses = 0 if len(found) > before else losses + 1
                if losses == MOST_LOSSES:
                    raise RuntimeError(_lost(task, numbers, found, place, error)) from error
                tell(f"{task.name}: a worker was lost; its {task.noun}s are done again.")


def _first(
    task: Task,
    plan: Any,
    cores: int,
    missing: Sequence[int],
    place: Path,
    found: dict[int, Replicate],
) -> float:
    """Do the first that succeeds, and those before it, in this process: how long one takes.

    Beside other workers it has one core, and takes as long as its threads do one after the other.
    """
    for k in missing:
        began, busy = perf_counter(), process_time()
        path = task.path(k, place)
        one = _one(task.run, task.part(plan, k), seeds_of(task.seed, k), cores, path)
        write_replicate(one, path, len(found), len(found) + len(missing))
        found[k] = one
        if not one.error:
            break
    return (process_time() - busy) if cores == 1 else (perf_counter() - began)


def _stream(
    task: Task, plan: Any, cores: int, missing: list[int], place: Path, workers: int | None
) -> Iterator[Replicate]:
    paths = {k: task.path(k, place) for k in missing}
    calls = (
        joblib.delayed(_one)(task.run, task.part(plan, k), seeds_of(task.seed, k), cores, path)
        for k, path in paths.items()
    )
    parallel = joblib.Parallel(
        n_jobs=_asked(workers), return_as="generator_unordered", batch_size=1
    )
    try:
        yield from parallel(calls)
    except BrokenProcessPool:
        raise
    except Exception as error:  # a backend may raise anything; replicates raise nothing
        raise RuntimeError(
            f"{task.name}: workers must be within reach and must be able to read the task. Found "
            f"{type(error).__name__}: {error}. What is done is in {place}. See that the cluster "
            "answers and has the same packages, and run again with the same folder."
        ) from error


def _asked(workers: int | None) -> int | None:
    """What joblib is asked for; nothing where somebody has entered a backend."""
    backend, jobs = joblib.parallel.get_active_backend()
    nothing_entered = type(backend).__name__ == "LokyBackend" and jobs in (None, 1)
    return available_cores() if workers is None and nothing_entered else workers


def _one(
    run: Callable[..., Any], plan: Any, seeds: np.random.SeedSequence, cores: int, path: Path
) -> Replicate:
    """Do one replicate, in a worker; whatever goes wrong in it is its result."""
    # A worker keeps what it compiles. Joblib takes growth by 300 MB for a leak, stops the worker,
    # and may wait for it forever; this private limit is the only one there is.
    process_executor._MAX_MEMORY_LEAK_SIZE = inf
    began, error, result = perf_counter(), "", dict[str, Any]()
    with _ONE_AT_A_TIME, warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore", UserWarning)  # said once, of the design
        try:
            result = dict(run(plan, seeds, cores))
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"
    one = Replicate(seeds.spawn_key[0], perf_counter() - began, error, result)
    # here already, so that nothing is lost with this process; on a machine that does not share
    # the folder, or where there is no room, the process that asked for it writes or complains
    with suppress(OSError):
        if path.parent.is_dir():
            put_replicate(one, path)
    return one


def _lost(
    task: Task,
    numbers: Sequence[int],
    found: Mapping[int, Replicate],
    place: Path,
    error: Exception,
) -> str:
    missing = [task.named(k) for k in numbers if k not in found]
    return (
        f"{task.name}: workers must survive their {task.noun}s; all were lost {MOST_LOSSES} times "
        f"in a row ({type(error).__name__}), mostly for want of memory. {len(found)} of "
        f"{len(numbers)} are done, in {place}; missing: {listed(missing, 5)}. Run again with the "
        f"same folder and fewer workers, or look at this {task.noun}'s data with seed and number."
    )


@contextmanager
def _bar(task: Task, number: int, done: int) -> Iterator[Callable[[int], None]]:
    """A progress bar with the time left, where somebody can see it, else a line now and then."""
    what = TextColumn(f"{sentence(task.noun)}s")
    columns = (what, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # refreshed by us alone: whatever a replicate says in this process must not mix with it
    shown = Progress(*columns, auto_refresh=False, transient=True, disable=not is_interactive())
    at, began = [done], time.monotonic()

    def says() -> str:
        left = share(at[-1] - done, number - done, time.monotonic() - began).partition(", ")[2]
        told = f"{task.name}: {at[-1]:,} of {number:,} {task.noun}s"
        return f"{told}, {left}" if left else told

    lines = regular_lines(says, is_on=progress_kind(None) == "lines")
    with shown if is_interactive() else lines:
        line = shown.add_task("", total=number, completed=done)
        shown.refresh()

        def advance(to: int) -> None:
            at.append(to)
            shown.update(line, completed=to, refresh=True)

        yield advance
