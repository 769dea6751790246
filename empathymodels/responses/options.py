"""Values of several options: the one at a symbolic position, read or replaced."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt


def pick(options: tuple[Any, ...], index: Any) -> Any:
    """Return the option at a symbolic position: ``pick(state.expectation, data.cue)``."""
    chosen = options[-1]
    for position in range(len(options) - 2, -1, -1):
        chosen = pt.switch(pt.eq(index, position), options[position], chosen)
    return chosen


def put(options: tuple[Any, ...], index: Any, value: Any) -> tuple[Any, ...]:
    """Return the options with the one at a symbolic position replaced by `value`."""
    return tuple(pt.switch(pt.eq(index, k), value, option) for k, option in enumerate(options))
