"""Many replicates of one task: a small file each, the same results whatever the workers.

Every replicate has a seed of its own (child of the task's seed) and a file of its own, which is
written once it is done. A run that is stopped and run again, on other workers or for more
replicates, does only what is missing.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext, redirect_stderr, suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any
from uuid import uuid4

import joblib
import numpy as np
from joblib.externals.loky import process_executor
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from empathymodels.terminal import available_cores, is_interactive, tell
from empathymodels.wording import counted, listed

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
        and fit to be sent to another process, and how long one will take. Called where some are
        missing.
    identity : dict
        What the results depend on, as JSON: replicates of another identity are others.
    seed : int
        Of all replicates.
    """

    name: str
    run: Callable[[Any, np.random.SeedSequence, int], Mapping[str, Any]]
    prepare: Callable[[int], tuple[Any, float]]
    identity: Mapping[str, Any]
    seed: int

    @property
    def key(self) -> str:
        """Hash of the identity and the seed, with which file names begin."""
        return _hash({**self.identity, "seed": self.seed})[:16]

    def path(self, number: int, place: Path) -> Path:
        """File of one replicate."""
        return place / f"{self.key}-{number:05}.json"


def seeds_of(seed: int, number: int) -> np.random.SeedSequence:
    """Seeds of one replicate: the same however many there are."""
    return np.random.SeedSequence(seed, spawn_key=(number,))


@dataclass(frozen=True)
class Replicate:
    """One replicate that is done.

    Attributes
    ----------
    number : int
        Its place among the seeds.
    seconds : float
        How long it took.
    error : str
        Why it failed; empty where it did not.
    result : dict
        What `Task.run` returned; empty where it failed.
    """

    number: int
    seconds: float
    error: str
    result: dict[str, Any]


def replicates(
    task: Task,
    *,
    number: int,
    folder: str | Path | None = None,
    workers: int | None = None,
) -> list[Replicate]:
    """Return all replicates of a task, doing those that are not in the folder yet.

    Parameters
    ----------
    task : Task
        What is done.
    number : int
        How many replicates.
    folder : str or Path, optional
        Where their files are; a temporary folder unless given. Tasks may share one.
    workers : int, optional
        Processes at a time: all cores, or what the joblib backend in force offers.

    Raises
    ------
    OSError
        A file cannot be written. What was written before stays.
    RuntimeError
        The workers are gone or out of reach.
    ValueError
        `number` or `workers` is below 1.
    """
    for name, value in (("number of replicates", number), ("workers", workers)):
        if value is not None and value < 1:
            raise ValueError(f"The {name} must be at least 1; found {value}. Give 1 or more.")
    with _place(folder) as place:
        found = _found(task, number, place)
        if found:
            tell(f"{task.name}: {len(found)} of {counted(number, 'replicate')} are there already.")
        if len(found) < number:
            _fill(task, number, found, place, workers)
    done = [found[k] for k in range(number)]
    failed = [one for one in done if one.error]
    if failed:
        where = "" if folder is None else f" Their files in {folder} say so; delete one to retry."
        tell(
            f"{task.name}: {len(failed)} of {counted(number, 'replicate')} failed, the first with "
            f"{failed[0].error}{where}"
        )
    return done


@contextmanager
def _place(folder: str | Path | None) -> Iterator[Path]:
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="empathymodels-") as made:
            yield Path(made)
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"Replicates are kept in a folder; '{folder}' is none and cannot be made: "
            f"{error.strerror or error}. Name another.",
        ) from error
    yield Path(folder).resolve()


def _announce(task: Task, number: int, at_once: int, seconds: float) -> None:
    at_once = min(at_once, number)
    tell(
        f"{task.name}: {counted(number, 'replicate')} on {counted(at_once, 'worker')}, about "
        f"{_duration(seconds * -(-number // at_once))} once they have started "
        f"and compiled the model ({_duration(seconds)} each)."
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _fill(
    task: Task, number: int, found: dict[int, Replicate], place: Path, workers: int | None
) -> None:
    """Do what is missing; what workers had finished when they were lost is not done again."""
    losses, at_once = 0, joblib.effective_n_jobs(_asked(workers))
    cores = available_cores() if at_once == 1 else 1
    plan, seconds = task.prepare(cores)
    _announce(task, number - len(found), at_once, seconds)
    missing = [k for k in range(number) if k not in found]
    with _bar(number, len(found)) as advance:
        while len(found) < number:
            before = len(found)
            try:
                for one in _stream(task, plan, cores, missing, place, workers):
                    _write(task, one, place, len(found), number)
                    found[one.number] = one
                    advance(len(found))
            except BrokenProcessPool as error:
                found |= _found(task, number, place)
                advance(len(found))
                left = [k for k in missing if k not in found]
                # those under way come last: one that kills its worker must not hold up the others
                missing = left[at_once:] + left[:at_once]
                losses = 0 if len(found) > before else losses + 1
                if losses == MOST_LOSSES:
                    raise RuntimeError(_lost(task, number, found, place, error)) from error
                tell(f"{task.name}: a worker was lost; its replicates are done again.")


def _stream(
    task: Task, plan: Any, cores: int, missing: list[int], place: Path, workers: int | None
) -> Iterator[Replicate]:
    paths = {k: task.path(k, place) for k in missing}
    calls = (
        joblib.delayed(_one)(task.run, plan, seeds_of(task.seed, k), cores, path)
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
            _put(path, _text(one))
    return one


# ------------------------------------------------------------------------------- files


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _text(one: Replicate) -> str:
    content = vars(one)
    return json.dumps({"sha256": _hash(content), "content": content})


def _put(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(f".{path.stem}-{uuid4().hex}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def _write(task: Task, one: Replicate, place: Path, done: int, number: int) -> None:
    path = task.path(one.number, place)
    if path.exists():
        return
    try:
        _put(path, _text(one))
    except OSError as error:
        raise OSError(
            error.errno,
            f"Every replicate must be written as it finishes; replicate {one.number} cannot be: "
            f"{error.strerror or error}. {done} of {number} are kept in {place}. Make room "
            "there, or see that it may be written to, and run again: only the others are done.",
        ) from error


def _found(task: Task, number: int, place: Path) -> dict[int, Replicate]:
    """Read the replicates that are there; damaged ones count as not there."""
    found, damaged = {}, []
    for k in range(number):
        path = task.path(k, place)
        if not path.exists():
            continue
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            content = stored["content"]
            if stored["sha256"] != _hash(content):
                raise ValueError("its hash is another")
            found[k] = Replicate(**content)
        except (ValueError, KeyError, TypeError):
            damaged.append(path.name)
            path.unlink()
    if damaged:
        tell(
            f"A replicate's file must be whole; {counted(len(damaged), 'file')} in {place} "
            f"{'is' if len(damaged) == 1 else 'are'} not ({listed(damaged, 3)}). Done again."
        )
    return found


def _lost(
    task: Task, number: int, found: Mapping[int, Replicate], place: Path, error: Exception
) -> str:
    missing = [k for k in range(number) if k not in found]
    return (
        f"{task.name}: workers must survive their replicates; all were lost {MOST_LOSSES} times "
        f"in a row ({type(error).__name__}), mostly for want of memory. {len(found)} of {number} "
        f"are done, in {place}; missing: {listed(missing, 5)}. Run again with the same folder "
        "and fewer workers, or look at this replicate's data with seed and number."
    )


@contextmanager
def _bar(number: int, done: int) -> Iterator[Callable[[int], None]]:
    """A progress bar with the time left, where somebody can see it."""
    columns = (TextColumn("Replicates"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # refreshed by us alone: whatever a replicate says in this process must not mix with it
    shown = Progress(*columns, auto_refresh=False, transient=True, disable=not is_interactive())
    with shown if is_interactive() else nullcontext():
        line = shown.add_task("", total=number, completed=done)
        shown.refresh()

        def advance(to: int) -> None:
            shown.update(line, completed=to, refresh=True)

        yield advance
