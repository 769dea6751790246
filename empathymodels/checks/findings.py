"""What checks find: one row of a table each, in the same words everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

LOADS = 0.25  # entry of a direction, relative to its largest, from where on a name belongs to it

Finding = dict[str, Any]


def finding(check: str, value: Any, limit: str, passed: bool, advice: str = "") -> Finding:
    """One row of the table of findings."""
    return {"check": check, "value": value, "limit": limit, "passed": passed, "advice": advice}


def combination(names: list[str], weights: np.ndarray) -> str:
    """Write the larger part of a direction, as ``0.71 cost - 0.71 effort``."""
    places = np.flatnonzero(abs(weights) >= LOADS * abs(weights).max())
    weights = weights * np.sign(weights[places[0]])
    terms = [f"{'-' if weights[k] < 0 else '+'} {abs(weights[k]):.2f} {names[k]}" for k in places]
    return " ".join(terms).removeprefix("+ ")
