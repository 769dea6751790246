"""Keys of tables: which columns they are, the order they give, and joins by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.messages import counted, listed
from empathymodels.study.table_files import natural

KEYS = {
    "trials": ("participant", "session", "block", "trial"),
    "participants": ("participant",),
    "regions": ("participant", "region", "session", "block", "trial"),
}


def key_columns(table: pd.DataFrame, table_name: str) -> list[str]:
    """Return the keys that a table has, in order.

    Examples
    --------
    >>> key_columns(pd.DataFrame(columns=["rt", "trial", "participant"]), "trials")
    ['participant', 'trial']
    """
    keys = [key for key in KEYS[table_name] if key in table]
    by_condition = table_name == "regions" and "condition" in table and "trial" not in table
    return [*keys, "condition"] if by_condition else keys


def tables_with(column: str, home: str, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the tables that hold a column: its own, and all of which it is a key.

    Examples
    --------
    >>> tables = {"regions": pd.DataFrame(columns=["participant", "session", "region", "beta"])}
    >>> tables_with("session", "trials", tables)
    ['regions']
    """
    keyed = [name for name in tables if column in KEYS[name]]
    return [name for name in dict.fromkeys([home, *keyed]) if column in tables.get(name, ())]


def in_key_order(table: pd.DataFrame, table_name: str, *, as_met: bool = False) -> np.ndarray:
    """Return the positions of rows in order of their keys, whatever order they are given in.

    Numbers ascend, and so do numbers within labels. With `as_met`, sessions and blocks with text
    labels are in order of time (see `times_of_labels`).

    Examples
    --------
    >>> trials = pd.DataFrame({"participant": ["p10", "p2", "p2"], "trial": [1, 2, 1]})
    >>> in_key_order(trials, "trials")
    array([2, 1, 0])
    """
    keys, ranks = key_columns(table, table_name), []
    for depth, key in enumerate(keys, start=1):
        values = table[key]
        if pd.api.types.is_numeric_dtype(values):
            ranks.append(values.to_numpy())
        elif as_met and key in ("session", "block"):
            met = pd.Series(np.arange(len(table)), index=table.index)
            ranks.append(times_of_labels(table, keys[:depth], met))
        else:
            place = {label: k for k, label in enumerate(sorted(values.unique(), key=natural))}
            ranks.append(values.map(place).to_numpy())
    return np.lexsort(ranks[::-1])


def times_of_labels(table: pd.DataFrame, keys: list[str], met: pd.Series) -> np.ndarray:
    """Return numbers, (row,), that put a person's labels of the last of `keys` in order of time.

    Where trial numbers run on over the labels of everybody, they give the order, and otherwise
    the places `met` in the table do: of everybody, since a person's order by numbers that begin
    anew with every label would be chance.

    Examples
    --------
    >>> trials = pd.DataFrame({"participant": "a", "block": ["late", "early"], "trial": [2, 1]})
    >>> times_of_labels(trials, ["participant", "block"], pd.Series([0, 1]))
    array([2, 1])
    >>> times_of_labels(trials.assign(trial=1), ["participant", "block"], pd.Series([0, 1]))
    array([0, 1])
    """
    labels = [table[key] for key in keys]
    first = met.groupby(labels).transform("min").to_numpy()
    if len(keys) == 1 or "trial" not in table:
        return first
    trial = table["trial"].groupby(labels)
    spans = pd.DataFrame({"low": trial.min(), "high": trial.max()}).sort_values("low")
    before = spans["high"].groupby(level=keys[:-1]).shift()
    if not (before.isna() | (spans["low"] > before)).all():
        return first
    return spans["low"].loc[pd.MultiIndex.from_frame(table[keys])].to_numpy()


def join_rows(
    left: pd.DataFrame, right: pd.DataFrame, left_name: str, right_name: str
) -> np.ndarray:
    """Return, for every row of `left`, the position of the row of `right` with its keys.

    Raises ValueError where no row matches, or several do.

    Examples
    --------
    >>> trials = pd.DataFrame({"participant": ["b", "a", "b"], "trial": [1, 1, 2]})
    >>> people = pd.DataFrame({"participant": ["a", "b"], "age": [30, 41]})
    >>> join_rows(trials, people, "trials", "participants")
    array([1, 0, 1])
    """
    left_keys, right_keys = key_columns(left, left_name), key_columns(right, right_name)
    shared = [key for key in right_keys if key in left_keys]
    both = pd.concat([left[shared], right[shared]], ignore_index=True)
    code = both.groupby(shared, sort=False, dropna=False).ngroup().to_numpy()
    left_code, right_code = code[: len(left)], code[len(left) :]
    position = np.zeros(code.max(initial=-1) + 1, dtype=int)
    position[right_code] = np.arange(len(right))
    matches = np.bincount(right_code, minlength=len(position))[left_code]
    lacking = [key for key in right_keys if key not in shared]
    problems = [
        f"Found {words} for {found.sum():,} of {counted(len(left), 'row')}: "
        f"{first_rows(left, left_name, found)}. {advice}"
        for words, found, advice in (
            ("no match", matches == 0, f"Add these to {right_name}, or exclude them."),
            ("several matches", matches > 1, f"Give {left_name} the keys {listed(lacking)}."),
        )
        if found.any()
    ]
    if problems:
        rule = f"Every row of {left_name} must match one row of {right_name} on {listed(shared)}."
        raise ValueError(" ".join([rule, *problems]))
    return position[left_code]


def first_rows(table: pd.DataFrame, table_name: str, found: Any, limit: int = 3) -> str:
    """Return the keys of the first rows `found` (a mask), and how many more there are."""
    keys = key_columns(table, table_name)
    rows = table.loc[np.asarray(found), keys]
    shown = [
        ", ".join(f"{key} {value!r}" for key, value in row.items())
        for row in rows.head(limit).astype(object).to_dict("records")
    ]
    more = f" (and {len(rows) - limit:,} more)" if len(rows) > limit else ""
    return "; ".join(shown) + more
