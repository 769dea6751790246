"""Supports of parameters: where their values may lie, and the scale on which people scatter.

A support is one entry of `SUPPORTS`; whatever asks for links, ends or their words asks here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Support:
    """Values that a parameter may have, and their link.

    Attributes
    ----------
    name : str
        As declarations name it.
    ends : (float, float)
        Smallest and largest value.
    link : callable
        ``link(values)``, in NumPy: from there to the whole line.
    inverse : callable
        ``inverse(linked, xp)``, and back; `xp` is NumPy or ``pytensor.tensor``.
    formula : str
        The link of ``{}`` as a formula.
    words : str
        The link scale in words; empty where it is the natural one.
    pace : float
        Where both ends are finite: link-scale distance per unit of the logit of the way up.
    """

    name: str
    ends: tuple[float, float]
    link: Callable[[Any], Any]
    inverse: Callable[[Any, Any], Any]
    formula: str
    words: str
    pace: float = 1.0

    @property
    def is_bounded(self) -> bool:
        """Whether both ends are finite."""
        return all(map(isfinite, self.ends))

    @property
    def is_whole_line(self) -> bool:
        """Whether neither end is."""
        return not any(map(isfinite, self.ends))

    @property
    def is_linear(self) -> bool:
        """Whether the link scale is the natural one."""
        return self.formula == "{}"

    @property
    def is_log(self) -> bool:
        """Whether a factor of the value is a shift on the link scale."""
        return self.link is np.log

    @property
    def span(self) -> str:
        """Both ends in words, where they are finite."""
        return f"{self.ends[0]:g} to {self.ends[1]:g}" if self.is_bounded else ""


def _logit(values: Any) -> Any:
    return np.log(values) - np.log1p(-values)


REAL = Support("real", (-inf, inf), lambda x: x, lambda x, _: x, "{}", "")
POSITIVE = Support("positive", (0.0, inf), np.log, lambda x, xp: xp.exp(x), "log({})", "log scale")
UNIT = Support(
    "unit", (0.0, 1.0), _logit, lambda x, xp: 1 / (1 + xp.exp(-x)), "logit({})", "logit scale"
)
SIGNED = Support(  # tanh(x) is 2 / (1 + exp(-2 x)) - 1
    "signed",
    (-1.0, 1.0),
    np.arctanh,
    lambda x, xp: xp.tanh(x),
    "atanh({})",
    "atanh scale",
    pace=0.5,
)
SUPPORTS = {support.name: support for support in (REAL, POSITIVE, UNIT, SIGNED)}
