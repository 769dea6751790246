"""Whether somebody is watching."""

from __future__ import annotations

import sys


def is_interactive() -> bool:
    """Whether messages and progress bars reach a person at a terminal."""
    return sys.stderr.isatty()


def tell(message: str) -> None:
    """Write a message for the person at work to stderr."""
    print(message, file=sys.stderr)
