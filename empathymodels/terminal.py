"""What reaches the person at work: messages, progress, and no noise."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from rich.progress import track

from empathymodels.messages import printable


def is_interactive() -> bool:
    """Whether messages and progress bars reach a person at a terminal."""
    return sys.stderr.isatty()


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
    """Iterate with a progress bar where somebody can see it; `total` where items have no length."""
    quiet = not is_interactive()
    return iter(track(items, description, total=total, disable=quiet, transient=True))
