"""What type a column has: numbers where that loses nothing that was written, else text."""

from __future__ import annotations

import re
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.recoding import EXACT, TRUTH, as_numbers
from empathymodels.table_files import MISSING_TEXT
from empathymodels.wording import Told, listed

LOSSY = re.compile(r"[+-]?0\d+(\.0*)?|[+-]?\d{16,}")  # 007, and more digits than a float has


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

    Examples
    --------
    >>> as_labels(pd.Series([7.0, 2.5, "07", "7.0"], dtype=object)).tolist()
    ['7', '2.5', '07', '7.0']
    """
    text = values.map(_as_label, na_action="ignore").astype(object)
    return text.where(values.notna() & (text != ""))


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


def plain(values: pd.Series, name: str, told: Told) -> pd.Series:
    """Return a column of a data frame with a type of NumPy's, or of categories in use.

    Nullable and Arrow columns hold what others hold: text, numbers, truth values.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        unused = values.cat.categories.difference(values.dropna().unique(), sort=False)
        if len(unused):
            told.done.append(f"left out levels of '{name}' that no row has: {listed(unused)}")
        used = values.cat.remove_unused_categories()
        return used.cat.rename_categories(_plain_values(pd.Series(used.cat.categories)).array)
    return _plain_values(values)


def _plain_values(values: pd.Series) -> pd.Series:
    dtype: Any = values.dtype
    if isinstance(dtype, np.dtype):
        return values
    if isinstance(dtype, pd.StringDtype):
        return values.astype("str")
    match getattr(dtype, "numpy_dtype", np.dtype("V")).kind:
        case "i" | "u" if not values.isna().any():
            return values.astype(dtype.numpy_dtype)
        case "i" | "u" | "f":
            return values.astype(float)
        case "M" | "m":
            return values.astype(dtype.numpy_dtype)
        case "b" | "U" | "O":
            given = values.astype(object).where(values.notna(), np.nan)
            is_text = given.dropna().map(lambda value: isinstance(value, str))
            return given.astype("str") if is_text.all() else given.infer_objects()
    return values
