"""Levels of columns, in the order in which tables and figures show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from empathymodels.layout.arrangement import Arrangement


def levels_of(arrangement: Arrangement, column: str) -> list[Any]:
    """Return the levels of a column in the order in which every figure shows and colours them.

    It is the declared one, that of a categorical, or else the alphabet's, numbers before labels.
    """
    if column in arrangement.levels:
        return list(arrangement.levels[column])
    declared = next((c for c in arrangement.model.columns if c.name == column), None)
    if declared is not None and isinstance(declared.levels, tuple):
        return list(declared.levels)
    values = next(t[column] for t in arrangement.study.tables.values() if column in t)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return list(values.cat.categories)
    return sorted(values.dropna().unique(), key=lambda level: (isinstance(level, str), level))


def levels_among(values: pd.Series, levels: Sequence[Any]) -> list[Any]:
    """Return those of some levels that occur."""
    found = set(values.dropna().unique().tolist())
    return [level for level in levels if level in found]
