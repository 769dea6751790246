"""What values of a column stand for: marks of missing values, codes, numbers and truth values.

A code meets a value however either is written: 2, 2.0, "2" and " 2" are one, and so are True,
"TRUE", "true" and 1. A code that no value has is an error, and so is a value that no code has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence, Set
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.messages import UNSEEN, Notices, counted, listed
from empathymodels.study.participants import matched_participants, participant_label
from empathymodels.study.table_header import MISSING_TEXT

type Tables = dict[str, pd.DataFrame]
type Value = str | float | bool | None
type Codes = Mapping[str, Mapping[Value, Value]]
type Marks = Mapping[str, Value | Sequence[Value] | Set[Value]]

TRUTH = {"true": True, "false": False}
EXACT = 1e15  # whole numbers up to here are floats without rounding
LARGEST = 1e15  # no measured number is beyond it, and beyond it sums lose digits


def as_numbers(values: Any) -> pd.Series:
    """Return the values of a column as floats: NaN where missing or not a number.

    Blanks of any kind around a number are none of it.

    Examples
    --------
    >>> as_numbers(["1", " 2", "\u00a03", "three"]).tolist()
    [1.0, 2.0, 3.0, nan]
    """
    given = pd.Series(values)
    if given.dtype.kind in "mMc":  # dates and complex numbers are no measurements
        return pd.Series(np.nan, index=given.index)
    if given.dtype == object:
        given = given.where(given.map(lambda value: isinstance(value, str | Real)))
    if not pd.api.types.is_numeric_dtype(given):
        given = given.map(lambda value: value.strip() if isinstance(value, str) else value)
    numbers: Any = pd.to_numeric(given, errors="coerce")
    return numbers.astype(float)


def spelled(values: Any) -> pd.Series:
    """Return values as text, those of one meaning alike: numbers, truth values, blanks around.

    Examples
    --------
    >>> spelled(pd.Series([2.0, "2", " 2.00", True, "TRUE", "yes "], dtype=object)).tolist()
    ['2', '2', '2', '1', '1', 'yes']
    """
    given = pd.Series(values, dtype=object)
    text = given.astype(str).str.strip()
    truth = text.str.lower().map({word: str(int(true)) for word, true in TRUTH.items()})
    numbers = as_numbers(text)
    exact = numbers.abs() < EXACT
    plain = truth.where(truth.notna(), text)
    return numbers.map("{:.15g}".format).where(exact, plain).where(given.notna())


def folded(label: str) -> str:
    """Return a label without what a reader does not see or mean: case, blanks around, hyphens.

    Letters that look the same are the same here, however they are encoded.

    Examples
    --------
    >>> [folded(label) for label in ("Low-pain ", "low pain", "low\u200b_pain", "ｌｏｗ pain")]
    ['low pain', 'low pain', 'low pain', 'low pain']
    """
    seen = UNSEEN.sub(lambda match: match[0] if match[0].isspace() else "", label)
    plain = unicodedata.normalize("NFKC", seen).strip().casefold()
    return re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", plain)


def blank_missing(tables: Tables, missing: Marks, told: Notices) -> None:
    """Replace the marks of missing values by NaN, in every table that has the column.

    Marks of a codebook need not all occur; that none does is an error.
    """
    for name, given in missing.items():
        marks = _marks(given)
        held = {table_name: table[name] for table_name, table in tables.items() if name in table}
        at = {table_name: _positions(values, marks) for table_name, values in held.items()}
        unmet = _unmet(marks, at)
        if marks and len(unmet) == len(marks):
            _refuse_unmet("missing", name, unmet, held, told)
        for table_name, values in held.items():
            is_mark = at[table_name].notna()
            tables[table_name][name] = values.mask(is_mark)
            told.done.append(
                f"read {is_mark.sum():,} of {counted(len(values), 'value')} of "
                f"{table_name}.{name} as missing: {listed(marks)}"
                + (f" (no value is {written(unmet)})" if unmet else "")
            )


def decode(tables: Tables, codes: Codes, others: str, told: Notices) -> None:
    """Replace codes by what they stand for, in every table that has the column."""
    for name, given in codes.items():
        meanings = {_code(code): _code(meaning) for code, meaning in given.items()}
        meant = pd.Series(list(meanings.values()), dtype=object)
        held = {table_name: table[name] for table_name, table in tables.items() if name in table}
        positions = _positions_of_people if name == "participant" else _positions
        at = {table_name: positions(values, list(meanings)) for table_name, values in held.items()}
        _refuse_unmet("codes", name, _unmet(list(meanings), at), held, told)
        for table_name, values in held.items():
            coded = at[table_name].notna()
            others_than_coded = ~coded & _is_given(values)
            if others == "refuse":
                _refuse_others(f"{table_name}.{name}", values, others_than_coded, told)
            decoded = at[table_name].map(meant).astype(object)
            tables[table_name][name] = decoded.where(coded, values.astype(object)).infer_objects()
            told.done.append(
                f"read {coded.sum():,} of {counted(len(values), 'value')} of {table_name}.{name} "
                f"by their codes: {', '.join(f'{code} as {m}' for code, m in meanings.items())}"
                + _kept(values[others_than_coded])
            )


def _kept(values: pd.Series) -> str:
    """Say which values stay as they are, in words that follow those of the codes."""
    if values.empty:
        return ""
    return f"; kept {len(values):,} as they are: {written(values.unique(), 5)}"


def met(codes: Mapping[str, Any], values: pd.Series) -> dict[str, Any]:
    """Return those codes that some value has."""
    found = set(_positions(values, list(codes)).dropna().astype(int))
    return {code: meaning for k, (code, meaning) in enumerate(codes.items()) if k in found}


def without_marks(values: pd.Series, missing: Any) -> pd.Series:
    """Return values without those that a mark of a missing value meets."""
    return values.mask(_positions(values, _marks(missing)).notna())


def _code(value: Any) -> Any:
    """Return a scalar of NumPy as Python's, and what is missing as NaN."""
    return np.nan if pd.isna(value) else value.item() if isinstance(value, np.generic) else value


def _marks(given: Any) -> list[Any]:
    return [given] if pd.api.types.is_scalar(given) else list(given)


def _is_given(values: pd.Series) -> pd.Series:
    return values.notna() & ~values.astype(str).str.strip().isin(MISSING_TEXT)


def _positions(values: pd.Series, codes: Sequence[Any]) -> pd.Series:
    """Return the position of every value among `codes`, NaN where it is none of them.

    A code written exactly as the value comes before one that only means the same.
    """
    first_last = list(enumerate(codes))[::-1]
    exact = {str(code): k for k, code in first_last}
    alike = {same: k for (k, _), same in zip(first_last, spelled(list(codes))[::-1], strict=True)}
    at = values.astype(str).map(exact).astype(float)
    at = at.where(at.notna(), spelled(values).map(alike).astype(float))
    return at.where(values.notna())


def _positions_of_people(values: pd.Series, codes: Sequence[Any]) -> pd.Series:
    """Return the same for ids, which name people with or without BIDS's prefix."""
    ids = list(values.dropna().unique())
    places = {participant_label(code): k for k, code in list(enumerate(codes))[::-1]}
    named = dict(zip(ids, matched_participants(ids, codes), strict=True))
    at = {one: places[participant_label(who)] for one, who in named.items() if who is not None}
    return values.map(at).astype(float)


def _unmet(codes: Sequence[Any], at: Mapping[str, pd.Series]) -> list[Any]:
    found = {k for positions in at.values() for k in positions.dropna()}
    return [code for k, code in enumerate(codes) if k not in found]


def _refuse_unmet(
    argument: str, name: str, unmet: list[Any], held: Mapping[str, pd.Series], told: Notices
) -> None:
    if held and unmet:
        given = pd.concat([values.dropna().astype(object) for values in held.values()])
        told.problems.append(
            f"`{argument}` must name values that '{name}' has. Found {written(unmet)} in none of "
            f"{counted(len(given), 'value')}, which are {written(given.unique())}. Correct the "
            "spelling, or leave out what does not occur."
        )


def _refuse_others(name: str, values: pd.Series, others: pd.Series, told: Notices) -> None:
    if others.any():
        found, at = values[others].unique(), np.flatnonzero(others)
        column = name.rpartition(".")[2]
        told.problems.append(
            f"`codes` must say what every value of {name} stands for. Found {others.sum():,} of "
            f"{counted(len(values), 'value')} that are none of the codes: {written(found)}, first "
            f"in row {', '.join(map(str, at[:3]))} (from 0). Add them: codes={{'{column}': {{..., "
            f"{written(found[:1])}: ...}}}}, or missing={{'{column}': [{written(found[:1])}]}}; or "
            'keep such values as they are with others="keep".'
        )


def written(values: Sequence[Any] | np.ndarray, limit: int = 8) -> str:
    """Return values as one writes them in Python, cut after `limit`."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in values[:limit]]
    shown = [f"{value:.15g}" if isinstance(value, float) else repr(value) for value in plain]
    more = f" and {len(values) - limit:,} more" if len(values) > limit else ""
    return ", ".join(shown) + more
