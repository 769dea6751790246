"""Tables of a report: cells with the text that is read and the value that is sorted by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes
    ----------
    text : str
        What is read; a Markup where it is HTML.
    value : float or str, optional
        What a column is sorted by, where that is not the text.
    note : str
        A smaller line below.
    look : str
        Class for the style sheet: ``"number"``, ``"good"`` or ``"bad"``.
    """

    text: str
    value: float | str | None = None
    note: str = ""
    look: str = ""

    @property
    def sorted_by(self) -> str:
        """The value as text, empty for one that is missing."""
        if isinstance(self.value, float):
            return "" if np.isnan(self.value) else repr(float(self.value))
        return str(self.text if self.value is None else self.value)


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header.

    Attributes
    ----------
    header : tuple of str
        Names of the columns.
    rows : list of list of Cell
        Cells by row.
    caption : str
        What the table holds.
    foot : list of Cell
        A last row that sorting leaves in place.
    is_sortable : bool
        Whether a reader may sort it.
    """

    header: tuple[str, ...]
    rows: list[list[Cell]]
    caption: str = ""
    foot: Sequence[Cell] = ()
    is_sortable: bool = False


def number(value: Any, note: str = "", digits: int = 3) -> Cell:
    """Return a number as a cell; empty where it is missing."""
    value = float(value)
    text = "" if np.isnan(value) else rounded(value, digits)
    return Cell(text, value, note, "number")


def rounded(value: float, digits: int = 3) -> str:
    """Return a number with some significant digits, whole ones as they are.

    Examples
    --------
    >>> rounded(0.0012345), rounded(1234.6), rounded(4000), rounded(999.7)
    ('0.00123', '1,235', '4,000', '1,000')
    """
    if float(value).is_integer() or abs(round(float(value), 0)) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> Table:
    """Return a table of values of any kind; columns that are empty throughout go."""
    cells = [[cell(value) for value in row] for row in rows]
    kept = [k for k in range(len(header)) if any(row[k].text for row in cells)]
    return Table(tuple(header[k] for k in kept), [[row[k] for k in kept] for row in cells], caption)


def of_frame(frame: pd.DataFrame, caption: str = "") -> Table:
    """Return a data frame as a table, its index first where that has names."""
    named = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index(names="")
    header = [str(name).replace("_", " ") for name in named]
    return table(header, named.to_numpy(dtype=object), caption)


def cell(value: Any) -> Cell:
    """Return any value as a cell."""
    if isinstance(value, Cell):
        return value
    if isinstance(value, bool | np.bool_):
        return Cell("yes", look="good") if value else Cell("no", look="bad")
    if isinstance(value, int | float | np.number):
        return number(value)
    return Cell("" if value is None else value if isinstance(value, str) else str(value))
