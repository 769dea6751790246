"""What reaches the person at work: messages, progress, and no noise."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Literal

from rich.progress import track

from empathymodels.messages import duration, printable

EVERY = 30.0  # seconds between lines that say how far something is, where there is no bar


def is_interactive() -> bool:
    """Whether messages and progress bars reach a person at a terminal."""
    return sys.stderr.isatty()


def progress_kind(asked: bool | None) -> Literal["bar", "lines", "nothing"]:
    """Return how progress is told: in a log file a bar would be signs that nobody can read.

    Parameters
    ----------
    asked : bool or None
        Whether somebody wants to be told; None where nobody said.
    """
    if asked is False:
        return "nothing"
    if is_interactive():
        return "bar"
    if "ipykernel" in sys.modules:  # a notebook has bars of its own
        return "bar" if asked else "nothing"
    return "lines"


@contextmanager
def regular_lines(says: Callable[[], str], *, is_on: bool = True) -> Iterator[None]:
    """Write a line now and then that says how far something is, until it ends."""
    ended, began, stream = Event(), time.monotonic(), sys.stderr  # which others may redirect

    def write() -> None:
        while not ended.wait(EVERY):
            line = f"[{clock(time.monotonic() - began)}] {says()}"
            print(printable(line), file=stream, flush=True)

    thread = Thread(target=write, daemon=True)
    if is_on:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if is_on:
            thread.join()


def tell(message: str) -> None:
    """Write a message for the person at work to stderr, labels in it as plain text."""
    print(printable(message), file=sys.stderr)


def put(text: str) -> None:
    """Write a result to stdout, labels in it as plain text."""
    print(printable(text))


def available_cores() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def progress(items: Iterable[Any], description: str, *, total: int | None = None) -> Iterator[Any]:
    """Iterate with a progress bar where somebody can see it, else with a line now and then.

    `total` is the number of items, where they have no length.
    """
    how = progress_kind(None)
    if how != "lines":
        return iter(track(items, description, total=total, disable=how != "bar", transient=True))
    known = len(items) if total is None and isinstance(items, Sized) else total
    return _with_lines(items, description, known)


def _with_lines(items: Iterable[Any], description: str, total: int | None) -> Iterator[Any]:
    began = last = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - last >= EVERY:
            last = now
            tell(f"[{clock(now - began)}] {description}: {share(done, total, now - began)}")
        yield item


def clock(seconds: float) -> str:
    """Return a time as a clock shows it, so that no two lines have the same.

    Examples
    --------
    >>> [clock(seconds) for seconds in (9.7, 150, 7300)]
    ['0:09', '2:30', '121:40']
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def share(done: int, total: int | None, seconds: float) -> str:
    """Say how much is done, and how long the rest will take at this pace.

    Examples
    --------
    >>> share(30, 120, 60.0)
    '30 of 120, about 3 minutes left'
    >>> share(0, 120, 60.0), share(30, None, 60.0)
    ('0 of 120', '30')
    """
    if total is None:
        return f"{done:,}"
    left = seconds / done * (total - done) if done else 0.0
    return f"{done:,} of {total:,}" + (f", about {duration(left)} left" if left else "")
