"""The header of a table in a text file: one row of names, a cell for each in every other row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.messages import counted, listed

# Not pandas' own list: that one also swallows labels such as "None" and "null".
MISSING_TEXT = ["", "n/a", "N/A", "NA", "#N/A", "NaN", "nan"]


class Misread(ValueError):
    """A file that can be read, and whose table is not what it seems."""


def under_header(rows: list[tuple[int, list[str]]]) -> tuple[pd.DataFrame, list[str]]:
    """Return the table below a header that fits it, and what was left out."""
    notes = []
    header = [name.strip() for name in rows[0][1]]
    filled = [(line, cells) for line, cells in rows[1:] if any(cell.strip() for cell in cells)]
    if len(filled) < len(rows) - 1:
        notes.append(f"left out {counted(len(rows) - 1 - len(filled), 'row')} of empty cells")
    longer = [cells for _, cells in filled if len(cells) > len(header)]
    _refuse_other_lengths(header, filled)
    if longer:
        notes.append(f"left out empty cells at the end of {counted(len(longer), 'row')}")
    cells = [cells[: len(header)] for _, cells in filled]
    table = pd.DataFrame(cells, index=[line for line, _ in filled], dtype=object)
    table = table.reindex(columns=range(len(header))).astype(object)
    unnamed = [k for k, name in enumerate(header) if not name]
    idle = [k for k in unnamed if not table[k].str.strip().any()]
    table = table.drop(columns=idle)
    table.columns = pd.Index([header[k] or f"Unnamed: {k}" for k in table], dtype=object)
    twice = table.columns[table.columns.duplicated()].unique()
    if len(twice):
        raise Misread(
            f"column names must be unique. Found {(table.columns == twice[0]).sum()} columns named "
            f"{listed(twice)}. Drop or rename the others."
        )
    further = _header_rows(table)
    if further.any():
        notes.append(
            f"left out {counted(int(further.sum()), 'further header row')}, first "
            f"{_shown(table[further].iloc[0])}"
        )
    return table[~further], notes


def _refuse_other_lengths(header: list[str], filled: list[tuple[int, list[str]]]) -> None:
    """Refuse rows with cells that have no name, or with fewer cells than names."""
    size = len(header)
    over = [(line, cells) for line, cells in filled if any(c.strip() for c in cells[size:])]
    under = [(line, cells) for line, cells in filled if len(cells) < size]
    for wrong, words in ((over, "more"), (under, "fewer")):
        if wrong:
            line, cells = wrong[0]
            raise Misread(
                f"every row must have a cell for each of the {size} names in the header. "
                f"{counted(len(wrong), 'row')} of {len(filled):,} "
                f"{'has' if len(wrong) == 1 else 'have'} {words}, first "
                f"line {line} with {len(cells)}: {_shown(cells)}. {_length_advice(wrong, filled)}"
            )
    numbers = [cells[0].strip() for _, cells in filled if len(cells) == size + 1]
    if len(numbers) == len(filled) > 1 and numbers == [str(k + 1) for k in range(len(numbers))]:
        raise Misread(
            f"every row must have a cell for each of the {size} names in the header. All "
            f"{len(filled):,} rows have one more: the first cell may be a row number "
            "without a name, or the last one an end of line. Name the row numbers in the header, "
            "or take the delimiters at the line ends out."
        )


def _length_advice(wrong: list[tuple[int, list[str]]], filled: list[tuple[int, list[str]]]) -> str:
    if len(wrong) == len(filled):
        return "Where the first cell is a row name, name it in the header or leave it out."
    return "Repair these lines (a text that holds the delimiter belongs in quotes)."


def _header_rows(table: pd.DataFrame) -> np.ndarray:
    """Find rows that say again what the columns are, (row,) of bool.

    These are repeats of the header, where files were joined, and what Qualtrics writes below it.
    Anything else that looks like one (text above columns of numbers) is refused.
    """
    again = table.iloc[:, 0].str.strip() == table.columns[0]
    further = again.to_numpy(copy=True)
    further[further] = [
        [cell.strip() for cell in row] == list(table) for row in table[again].values
    ]
    imports = [any('{"ImportId"' in cell for cell in row) for row in table.iloc[:2].values]
    further[: 1 + max(np.flatnonzero(imports), default=-1)] = True
    rest = table[~further]
    for line, cells in rest.iloc[:2].iterrows():
        _refuse_text_above_numbers(line, cells.str.strip(), rest.iloc[2:])
    return further


def _refuse_text_above_numbers(line: Any, cells: pd.Series, below: pd.DataFrame) -> None:
    given = cells[~cells.isin(MISSING_TEXT)]
    if len(below) < 2 or pd.to_numeric(given, errors="coerce").notna().any():
        return
    under = {name: below[name][~below[name].str.strip().isin(MISSING_TEXT)] for name in given.index}
    numeric = [
        name
        for name, values in under.items()
        if len(values) and pd.to_numeric(values, errors="coerce").notna().all()
    ]
    if len(numeric) > 1:
        raise Misread(
            f"a table must have one header row. Line {line} has text in columns that "
            f"are numeric below ({listed(numeric, 4)}): {_shown(cells)}. Delete the further header."
        )


def _shown(cells: Sequence[str] | pd.Series) -> str:
    given = [cell for cell in cells if str(cell).strip()]
    return listed((cell if len(cell) < 30 else f"{cell[:27]}..." for cell in given), 4)
