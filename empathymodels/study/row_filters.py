"""Which rows of a table are meant: a small language of conditions on its columns."""

from __future__ import annotations

import operator as operators
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.messages import did_you_mean, listed
from empathymodels.study.expressions import (
    ARITHMETIC,
    BINDS,
    BINDS_BEFORE,
    Call,
    Column,
    Node,
    Number,
    Operation,
    Text,
    Truth,
    Values,
    parse,
)
from empathymodels.study.participants import matched_participants, participant_label

ALLOWED = (
    "columns (with other characters than letters, digits and _ in `backticks`), numbers, labels "
    "in quotation marks (of which one within is written twice), == != < <= > >=, in [...], and, "
    "or, not, + - * / // % **, parentheses and missing(column)"
)
OPERATORS = frozenset(BINDS | BINDS_BEFORE) - {":"}

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}


def rows_that_match(condition: str, table: pd.DataFrame) -> np.ndarray:
    """Return whether a condition is true of each row of a table.

    Parameters
    ----------
    condition : str
        Of columns, numbers, labels in quotation marks, comparisons (``0.2 < rt <= 5``,
        ``participant in ['07', '12']``), ``and``, ``or``, ``not`` and arithmetic;
        ``missing(column)`` is true where a value is missing. It is parsed and no code is run.
    table : DataFrame
        Whose rows.

    Returns
    -------
    ndarray of bool (row,)
        A comparison with a missing value is false, but for ``!=``.

    Raises
    ------
    ValueError
        What is wrong with the condition, in words that follow "found ...:".

    Examples
    --------
    >>> table = pd.DataFrame({"rt": [0.1, 0.8, None], "cue": ["a", "b", "b"]})
    >>> rows_that_match("0.2 < rt or missing(rt)", table).tolist()
    [False, True, True]
    """
    tree = parse(condition, operators=OPERATORS, functions=["missing"])
    with np.errstate(all="ignore"):
        found = _evaluated(tree, table)
    if not (isinstance(found, pd.Series) and _is_truth(found)):
        raise ValueError("it gives no true or false for each row")
    matching = found.astype(object).fillna(False).to_numpy(dtype=bool)
    if matching.any():  # a condition of no row is told by whoever asks
        for name, unmet in _unmet(tree, table).items():
            warnings.warn(
                f"The condition `{condition}` names what '{name}' has in no row: {listed(unmet)}. "
                "If that is not meant, correct it.",
                stacklevel=4,
            )
    return matching


def _unmet(node: Node, table: pd.DataFrame) -> dict[str, list[Any]]:
    """Labels and ids that a condition names and no row has, by column."""
    parts: tuple[Node, ...] = node.operands if isinstance(node, Operation) else ()
    found: dict[str, list[Any]] = {}
    for part in parts:
        for name, unmet in _unmet(part, table).items():
            found[name] = [*found.get(name, []), *unmet]
    columns = [part for part in parts if isinstance(part, Column)]
    if isinstance(node, Operation) and node.operator in ("==", "!=", "in", "not in") and columns:
        others = [part for part in parts if part is not columns[0]]
        named = [n for part in others for n in (part.items if isinstance(part, Values) else [part])]
        given = [entry.value for entry in named if isinstance(entry, Number | Text)]
        values = table[columns[0].name].dropna()
        if columns[0] == Column("participant"):
            people = matched_participants(given, values.unique())
            unmet = [one for one, who in zip(given, people, strict=True) if who is None]
        else:
            unmet = [one for one in given if isinstance(one, str) and not (values == one).any()]
        found[columns[0].name] = [*found.get(columns[0].name, []), *unmet]
    return {name: unmet for name, unmet in found.items() if unmet}


def _evaluated(node: Node, table: pd.DataFrame) -> Any:
    """Value of a tree: of each row where it reads a column, else a scalar or a list."""
    match node:
        case Number(value) | Text(value) | Truth(value):
            return value
        case Column(name):
            return _column(name, table)
        case Values(items):
            values = [_evaluated(item, table) for item in items]
            if any(isinstance(value, pd.Series | list) for value in values):
                raise ValueError("in brackets must come numbers or labels, such as [1, 2]")
            return values
        case Call("missing", (Column(name),), ()):
            return _column(name, table).isna()
        case Operation("in" | "not in" as operator, (left, Values() as right)):
            rows = _rows(left, table, operator)
            among = rows.isin(_of_its_kind(left, rows, _evaluated(right, table)))
            return among if operator == "in" else ~among
        case Operation("in" | "not in", _):
            raise ValueError("after 'in' must come values in brackets, such as [1, 2]")
        case Operation("not" | "~" as operator, (only,)):
            return ~_truth(only, table, operator)
        case Operation("and" | "&" | "or" | "|" as operator, (left, right)):
            one, other = _truth(left, table, operator), _truth(right, table, operator)
            return one & other if operator in ("and", "&") else one | other
        case Operation(operator, (left, right)) if operator in _COMPARE:
            one, other = _evaluated(left, table), _evaluated(right, table)
            if operator in ("==", "!="):
                one, other = _of_its_kind(right, other, one), _of_its_kind(left, one, other)
            return _compared(operator, one, other)
        case Operation(operator, operands):
            values = [_numbers(operand, table, operator) for operand in operands]
            return ARITHMETIC[operator](*(values if len(values) == 2 else [0.0, *values]))
    raise ValueError("missing() takes one column")


def _column(name: str, table: pd.DataFrame) -> pd.Series:
    if name not in table:
        raise ValueError(f"there is no column '{name}'.{did_you_mean(name, table)}".rstrip("."))
    return table[name]


def _rows(node: Node, table: pd.DataFrame, operator: str) -> pd.Series:
    values = _evaluated(node, table)
    if not isinstance(values, pd.Series):
        raise ValueError(f"before {operator!r} must come a column")
    return values


def _truth(node: Node, table: pd.DataFrame, operator: str) -> pd.Series:
    """Value of a tree that is true or false of each row; what is missing is not true."""
    values = _evaluated(node, table)
    if isinstance(node, Truth):
        return pd.Series(node.value, index=table.index)
    if not (isinstance(values, pd.Series) and _is_truth(values)):
        raise ValueError(f"what {operator!r} joins must be true or false of each row")
    return values.astype(object).fillna(False).astype(bool)


def _is_truth(values: pd.Series) -> bool:
    """Whether all values that are not missing are true or false."""
    return bool(pd.api.types.is_bool_dtype(values.dropna().infer_objects()))


def _compared(operator: str, one: Any, other: Any) -> Any:
    if isinstance(one, list) or isinstance(other, list):
        raise ValueError(f"{operator!r} compares with one value; for several write 'in'")
    try:
        return _COMPARE[operator](one, other)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{operator!r} compares text with text and numbers with numbers"
        ) from error


def _of_its_kind(node: Node, values: Any, given: Any) -> Any:
    """Return what the rows of a column are compared with: of people their ids, else as written."""
    if not isinstance(values, pd.Series) or isinstance(given, pd.Series):
        return given
    said = given if isinstance(given, list) else [given]
    if node == Column("participant"):
        people = matched_participants(said, values.dropna().unique())
        said = [who or participant_label(one) for one, who in zip(said, people, strict=True)]
    for one in said:
        _refuse_other_kind(node, values, one)
    return said if isinstance(given, list) else said[0]


def _refuse_other_kind(node: Node, values: pd.Series, given: Any) -> None:
    """Refuse text for numbers and numbers for text, which are never equal."""
    kinds = {isinstance(value, str) for value in values.dropna().unique()}
    if len(kinds) != 1 or isinstance(given, str) in kinds:
        return
    name = f"'{node.name}'" if isinstance(node, Column) else "what comes before it"
    if isinstance(given, str):
        raise ValueError(f"{name} holds no text, and {given!r} is text")
    raise ValueError(f"{name} holds text, and {given!r} is none; in quotation marks it is")


def _numbers(node: Node, table: pd.DataFrame, operator: str) -> Any:
    """Value of a tree as floating-point numbers, so that none takes long or is too large."""
    values = _evaluated(node, table)
    if isinstance(values, pd.Series) and pd.api.types.is_numeric_dtype(values):
        return values.astype(float)
    if isinstance(values, int | float | np.floating):
        return np.float64(values)
    raise ValueError(f"{operator!r} calculates with numbers; found {_written_short(node)}")


def _written_short(node: Node) -> str:
    return f"the text column '{node.name}'" if isinstance(node, Column) else "text"
