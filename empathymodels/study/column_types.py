"""What type a column has: numbers where that loses nothing that was written, else text."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.messages import Notices, counted, listed, shortened
from empathymodels.study.recoding import EXACT, TRUTH, as_numbers
from empathymodels.study.table_header import MISSING_TEXT

LOSSY = re.compile(r"[+-]?0\d+(\.0*)?|[+-]?\d{16,}")  # 007, and more digits than a float has
EVERY_WHOLE = 2**53  # up to here a float holds every whole number
WIDEST = 2**63 - 1  # whole number of 64 bits
BEYOND = 10**4000  # Python writes no longer numbers in decimals
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of an object in memory, another in every process


def typed(values: pd.Series) -> pd.Series:
    """Return a column of text with the type that all its values have.

    Numbers become numbers unless something written would be lost (see `keeps_text`), and
    true or false in any case become booleans. What a code stands for has a type already.

    Examples
    --------
    >>> typed(pd.Series(["2.50", "n/a", "3"])).tolist()
    [2.5, nan, 3.0]
    >>> typed(pd.Series(["007", "012"])).tolist()
    ['007', '012']
    """
    code, unique = pd.factorize(values)
    different = _typed(pd.Series(unique, dtype=object))
    absent = different.reindex([*range(len(different)), -1]) if (code < 0).any() else different
    return pd.Series(absent.loc[code].array, index=values.index, name=values.name)


def _typed(values: pd.Series) -> pd.Series:
    is_text = values.map(lambda value: isinstance(value, str)).astype(bool)
    values = values.mask(is_text & values.astype(str).str.strip().isin(MISSING_TEXT))
    given = values.dropna()
    if given.empty:
        return values.astype(float)
    if not is_text[given.index].any():
        return values.infer_objects()
    if not as_numbers(given).isna().any():
        text = values.map(lambda value: value.strip() if isinstance(value, str) else value)
        numbers: Any = pd.to_numeric(text)
        return values.astype("str") if keeps_text(given[is_text]) else numbers
    if not is_text[given.index].all():
        return values.infer_objects()
    lower = values.str.strip().str.lower()
    true = lower.isin(list(TRUTH))
    return lower.map(TRUTH) if true[given.index].all() else values.astype("str")


def as_labels(values: pd.Series) -> pd.Series:
    """Return labels as text: as they are written, and numbers without the decimals of a float.

    Blanks alone are no label.

    Examples
    --------
    >>> as_labels(pd.Series([7.0, 2.5, "07", "7.0", " "], dtype=object)).tolist()
    ['7', '2.5', '07', '7.0', nan]
    """
    text = values.map(_as_label, na_action="ignore").astype(object)
    return text.where(values.notna() & text.map(lambda label: bool(str(label).strip())))


def _as_label(value: Any) -> str:
    is_number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    return f"{value:.15g}" if is_number and abs(value) < EXACT else str(value)


def keeps_text(written: pd.Series) -> list[str]:
    """Return examples of what numbers would not keep of a column of text; none if nothing.

    Leading zeros (007), more digits than a number has, and decimals that end in zeros beside
    others of another length (1.1 and 1.10, as sections are numbered).
    """
    texts = list(dict.fromkeys(str(value).strip() for value in written))
    decimals = {text: text.rpartition(".")[2] for text in texts if "." in text}
    decimals = {t: after for t, after in decimals.items() if after.strip("0").isdecimal()}
    mixed = len({len(after) for after in decimals.values()}) > 1
    lost = [
        text
        for text in texts
        if LOSSY.fullmatch(text) or (mixed and decimals.get(text, "").endswith("0"))
    ]
    return lost[:3]


# --------------------------------------------------------------------------- of data frames


def plain(values: pd.Series, name: str, told: Notices) -> pd.Series:
    """Return a column of a data frame as text, numbers and truth values, or categories of these.

    Nullable, sparse and Arrow columns hold what others hold. Cells of any other kind (dates,
    lists, objects) become text, which is told: where no model reads them they stop nothing, and
    where one does they are refused as written.

    Examples
    --------
    >>> told = Notices()
    >>> plain(pd.Series([[1, 2], None, "x"]), "answer", told).tolist()
    ['[1, 2]', nan, 'x']
    >>> told.done
    ["read 1 of 3 values of 'answer' as text, of type list: '[1, 2]'"]
    """
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return _plain_values(values, name, told)
    unused = values.cat.categories.difference(values.dropna().unique(), sort=False)
    if len(unused):
        told.done.append(f"left out levels of '{name}' that no row has: {listed(unused)}")
    used = values.cat.remove_unused_categories()
    labels = _plain_values(pd.Series(used.cat.categories), name, told)
    if labels.is_unique and not labels.isna().any():
        return used.cat.rename_categories(labels.array)
    return labels.reindex(used.cat.codes).set_axis(values.index)


def _plain_values(values: pd.Series, name: str, told: Notices) -> pd.Series:
    if isinstance(values.dtype, pd.SparseDtype):
        values = values.sparse.to_dense()
    dtype: Any = values.dtype
    match getattr(getattr(dtype, "numpy_dtype", dtype), "kind", "O"):
        case "f":
            return values.astype(float)
        case "i" | "u" if not values.isna().any():
            return values.astype("int64" if values.max() <= WIDEST else "uint64")
        case "i" | "u" if values.abs().max() <= EVERY_WHOLE:
            return values.astype(float)
        case "b" if not values.isna().any():
            return values.astype(bool)
    given = values.dropna()
    if pd.api.types.infer_dtype(given, skipna=False) == "string" and all(
        storable(text) == text for text in given.unique()
    ):
        return values if isinstance(dtype, np.dtype) else values.astype("str")
    return _plain_cells(values, name, told)


def _plain_cells(values: pd.Series, name: str, told: Notices) -> pd.Series:
    given: list[Any] = list(values.astype(object))
    cells = [plain_cell(value) for value in given]
    if cells and all(type(cell) is int and abs(cell) <= WIDEST for cell in cells):
        return pd.Series(cells, index=values.index, name=values.name, dtype="int64")
    cells = [str(c) if type(c) is int and abs(c) > EVERY_WHOLE else c for c in cells]
    changed = [
        (type(value).__name__, cell)
        for value, cell in zip(given, cells, strict=True)
        if isinstance(cell, str) and not (isinstance(value, str) and value == cell)
    ]
    if changed:
        kinds = dict(changed[::-1])
        told.done.append(
            f"read {len(changed):,} of {counted(len(cells), 'value')} of '{name}' as text, of type "
            f"{', '.join(kinds)}: {listed((shortened(text) for text in kinds.values()), 3)}"
        )
    column = pd.Series(np.empty(len(cells), dtype=object), index=values.index, name=values.name)
    column[:] = cells
    return column.infer_objects()


def plain_cell(value: Any) -> Any:
    """Return a cell as text, a number, a truth value or NaN.

    Examples
    --------
    >>> from datetime import date
    >>> from decimal import Decimal
    >>> [plain_cell(value) for value in (Decimal("0.5"), None, b"S01", date(2020, 1, 1), {1})]
    [0.5, nan, 'S01', '2020-01-01', '{1}']
    """
    if isinstance(value, str):
        return storable(value)
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return np.nan
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value) if abs(int(value)) < BEYOND else storable(f"{int(value):#x}")
    if isinstance(value, Real | Decimal):
        with np.errstate(over="ignore"), suppress(OverflowError):
            return float(value)
    return storable(_as_text(value))


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        with suppress(UnicodeDecodeError):
            return value.decode()
    if isinstance(value, date | np.datetime64):
        return str(pd.Timestamp(value)).removesuffix(" 00:00:00")
    held = value.tolist() if isinstance(value, np.ndarray | pd.Series | pd.Index) else value
    try:
        return ADDRESS.sub("", str(held))
    except Exception:  # what an object says of itself is its own code
        return f"<{type(held).__name__}>"


def storable(text: str) -> str:
    r"""Return a text as files can hold it: letters that UTF-8 or C's texts lack are written out.

    Examples
    --------
    >>> print(storable("a\0b \ud800"))
    a\x00b \ud800
    """
    held = text.encode("utf-8", "backslashreplace").decode()
    return held.replace("\0", r"\x00")
