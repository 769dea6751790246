"""Comparing symbols with `==` is refused, in what authors write."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytensor.tensor.variable import TensorVariable

LIBRARIES = {"empathymodels", "numpy", "pandas", "pymc", "pymc_extras", "pytensor", "scipy"}
MODELS = "empathymodels.models"


@contextmanager
def equality_refused() -> Iterator[None]:
    """Refuse ``==`` and ``!=`` of symbols in equations while they are read.

    PyTensor answers them as Python does for any two objects, by whether they are one: ``if
    data.loss == 1`` would never hold, without a word. Libraries, which look symbols up by
    identity, go on as they are.
    """
    TensorVariable.__eq__ = _refusing("==", "pt.eq")
    TensorVariable.__ne__ = _refusing("!=", "pt.neq")
    try:
        yield
    finally:
        del TensorVariable.__eq__, TensorVariable.__ne__


def _refusing(sign: str, instead: str) -> Any:
    def compare(self: TensorVariable, other: Any) -> Any:
        module = str(sys._getframe(1).f_globals.get("__name__", ""))
        top = module.partition(".")[0]
        known = top in LIBRARIES or top in sys.stdlib_module_names
        if known and not module.startswith(MODELS):
            return NotImplemented  # whether they are one
        raise TypeError(
            f"`{sign}` says whether two symbols are one, never whether their values are alike. "
            f"Write {instead}(a, b), in pt.where(condition, a, b) in place of `if`."
        )

    return compare
