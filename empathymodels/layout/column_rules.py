"""What the values of a declared column must be, and messages for those that are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from empathymodels.declaration.parts import Column
from empathymodels.messages import counted, did_you_mean, shown
from empathymodels.study.keys import first_rows
from empathymodels.study.recoding import LARGEST, as_numbers

MOST_MISSING = 0.25  # share of rows up to which a wrong value may be a code for a missing one


def _first(values: list[Any]) -> str:
    return shown(values[:1])


def value_problems(
    rows: pd.DataFrame,
    table_name: str,
    read: list[Column],
    ids: set[str | None],
    rated: set[str],
) -> Iterator[str]:
    """Yield one message for every column and rule that some rows break."""
    rows = rows.reset_index(drop=True)
    rules: dict[str, dict[str, pa.Check]] = {column.name: {} for column in read}
    for column in read:
        checks = {words: pa.Check(holds, error=words) for words, holds in _rules(column).items()}
        rules[column.name].update(checks)
    schema = pa.DataFrameSchema(
        {
            name: pa.Column(checks=list(checks.values()), nullable=name not in ids)
            for name, checks in rules.items()
        }
    )
    labels = {column.name: column.levels or () for column in read if column.is_label}
    for name, rule, broken in _broken(schema, rows):
        values = rows.loc[broken, name].drop_duplicates().tolist()
        if rule == "not_nullable":
            rule, found, advice = "must be given in every row", "no value", "Fill it in."
        else:
            found = shown(values)
            advice = (
                f"Correct this; or say what every code stands for, codes={{'{name}': "
                f"{{{_first(values)}: ...}}}}."
            )
            rare = [value for value in values if (rows[name] == value).mean() <= MOST_MISSING]
            if rare and rows[name].isin(rare).mean() <= MOST_MISSING:
                codes = shown(rare)
                stands = "If it means" if rare == values else f"If {codes} means"
                advice += f" {stands} that there is no value, missing={{'{name}': [{codes}]}}."
            if rule.startswith("must lie between") and name in rated:
                advice += f" On another scale: model.with_range({name}=(low, high))."
            advice += did_you_mean(values[0], labels.get(name, ()))
            if rule == "must be a number" and _have_decimal_commas(values):
                advice = 'Read the file with pandas.read_csv(..., decimal=",") and give the table.'
        yield (
            f"'{name}' of {table_name} {rule}. Found {found} in {broken.sum():,} of "
            f"{counted(len(rows), 'row')}: {first_rows(rows, table_name, broken)}. {advice}"
        )


def _have_decimal_commas(values: Iterable[object]) -> bool:
    """Whether all of some texts would be numbers if their comma were a point."""
    points = [str(value).replace(",", ".", 1) for value in values]
    return bool(as_numbers(pd.Series(points, dtype=object)).notna().all())


def _rules(column: Column) -> dict[str, Callable[[Any], Any]]:
    """Return what values that are there must be: in words, and as a test of a column."""

    def where_finite(holds: Callable[[pd.Series], Any]) -> Callable[[Any], Any]:
        return lambda values: ~np.isfinite(as_numbers(values)) | holds(as_numbers(values))

    if column.levels == "any":
        return {}
    levels = list(column.levels or ())
    one_of = f"must be one of {shown(levels)}"
    if column.is_label:
        return {one_of: lambda values: values.isin(levels)}
    rules: dict[str, Callable[[Any], Any]] = {
        "must be a number": lambda values: as_numbers(values).notna(),
        "must be finite": lambda values: ~np.isinf(as_numbers(values)),
        f"must be below {LARGEST:g} in size": where_finite(lambda n: n.abs() < LARGEST),
    }
    if levels:
        rules[one_of] = where_finite(lambda numbers: numbers.isin(levels))
    if column.range is not None:
        low, high = column.range
        words = f"must lie between {low:g} and {high:g}{' ' * bool(column.unit)}{column.unit}"
        rules[words] = where_finite(lambda numbers: numbers.between(low, high))
    return rules


def _broken(
    schema: pa.DataFrameSchema, rows: pd.DataFrame
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield column, rule and a mask of the rows that break it."""
    try:
        schema.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        for (name, rule), failed in cases.groupby(["column", "check"], sort=False):
            yield str(name), str(rule), np.isin(np.arange(len(rows)), failed["index"].astype(int))
