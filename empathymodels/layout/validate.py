"""Checks of a study against a model's declarations, all told at once, before any compilation."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Column, Response
from empathymodels.declaration.priors import impossible_priors
from empathymodels.declaration.rating_scale import has_steps
from empathymodels.layout.availability import no_anchor
from empathymodels.layout.column_rules import value_problems
from empathymodels.layout.plausibility import (
    absent_columns,
    doubts,
    misnamed_columns,
    misnamed_keys,
    mistyped_labels,
    rows_of,
    unheard_people,
    unused_ends,
)
from empathymodels.layout.rating_steps import between_steps, finer_steps, stray_steps
from empathymodels.messages import counted, did_you_mean, listed, printable, tell_all
from empathymodels.study.column_types import as_labels
from empathymodels.study.keys import join_rows, key_columns, tables_with, times_of_labels
from empathymodels.study.recoding import as_numbers
from empathymodels.study.study import Study

ROUNDING = 1e-9  # share of a scale within which a rating is taken to be at its end


@dataclass(frozen=True, eq=False)
class Checked:
    """What of a study a model can use.

    Parameters
    ----------
    responses : tuple of str
        Responses that the study has.
    left_out : dict of str to str
        The model's other responses, and why they are not in the likelihood.
    missing : dict of str to int
        Number of missing values in every column that has some: ``{"trials.outcome": 3}``.
    tables : dict of str to DataFrame
        Copies of the tables: numeric columns as floats, labels as text; ``_row`` is the row's
        position in the study's table. Trials are in order of participant, session, block and
        trial (numbers ascending, text keys as they first appear for that person); regions are
        those that the responses read.
    notices : tuple of str
        What is to be told of data that can be used: people without any, ends of a scale that
        nobody used, columns that a default stands for.
    """

    responses: tuple[str, ...]
    left_out: dict[str, str]
    missing: dict[str, int]
    tables: dict[str, pd.DataFrame]
    notices: tuple[str, ...] = ()


def validate(
    model: Model,
    study: Study,
    *,
    needed: Mapping[str, set[str]] | None = None,
    in_steps: Collection[str] | None = None,
) -> Checked:
    """Return what the model can use of the study; a ValueError lists all that is wrong.

    Responses of a simulated study that are not recorded in steps may lie outside their declared
    range: the distributions that drew them may, and clipping them would bias what is recovered.
    They may also be all alike without a warning, as they are before they are drawn.

    Parameters
    ----------
    model : Model
        Declarations to check against.
    study : Study
        Data; nothing in it is changed.
    needed : mapping of str to set of str, optional
        For every response the columns that its distribution depends on, through the trial
        equations and through `by` and `level` of parameters too. Otherwise every response
        is taken to need every column.
    in_steps : collection of str, optional
        Responses whose distribution has use for the steps of their scale. Otherwise all whose
        scale has some.

    Examples
    --------
    >>> from empathymodels.study.column_types import as_labels
    >>> from empathymodels.declaration.model import Model
    >>> from empathymodels.declaration.parts import Response
    >>> rating = Response("rating", lambda *_: None, "how one feels", range=(1, 9))
    >>> trials = pd.DataFrame({"participant": [1, 1, 2], "trial": [1, 2, 1], "rating": [3, 9, 5]})
    >>> validate(Model("Example", (), (rating,)), Study(trials=trials)).responses
    ('rating',)
    """
    if in_steps is None:
        in_steps = {r.name for r in model.responses if has_steps(r)}
    if study.simulated:
        free = [r if r.name in in_steps else replace(r, range=None) for r in model.responses]
        model = replace(model, responses=tuple(free))
    reasons = {r.name: _why_left_out(r, study.tables) for r in model.responses}
    left_out = {name: reason for name, reason in reasons.items() if reason}
    kept = [response for response in model.responses if response.name not in left_out]
    readers = _readers(model, kept, needed)
    columns = [column for column, _ in readers]
    ids = {p.by for p in model.parameters} | {p.level for p in model.parameters}
    rated = {r.values.name for r in kept if r.range is not None}
    tables = _tables_read(study, kept)
    for column in columns:
        for home in tables_with(column.name, column.table, tables) if column.is_label else ():
            tables[home][column.name] = as_labels(tables[home][column.name])

    problems = [*_nothing_left(left_out, kept, study), *_absent_columns(readers, study, tables)]
    unanchored = no_anchor(model, [r.name for r in kept]) if kept else ""
    problems += [unanchored] if unanchored else []
    problems += [told for parameter in model.parameters for told in impossible_priors(parameter)]
    for table_name, rows, read in _parts(tables, kept, columns):
        problems += value_problems(rows, table_name, read, ids, rated)
    stepped = [response for response in kept if response.name in in_steps]
    problems += [told for response in stepped for told in between_steps(response, tables)]
    problems += _unmatched_regions(tables, kept)
    tell_all(f"Model '{model.label}' cannot use study '{study.name}':", problems)

    missing = _missing(_parts(tables, kept, columns))
    for column in columns:
        if column.is_label and column.default is not None and column.table in tables:
            table = tables[column.table]
            table[column.name] = table.get(column.name, column.default)
    for column in [*columns, *(response.values for response in kept)]:
        if not column.is_label and column.name in tables.get(column.table, ()):
            tables[column.table][column.name] = as_numbers(tables[column.table][column.name])
    for response in kept:
        if response.range is not None:
            table, name = tables[response.table], response.values.name
            table[name] = _snapped(table[name], *response.range)
    if "trials" in tables:
        tables["trials"] = _in_time(tables["trials"])
    recorded = [] if study.simulated else kept
    misnamed = (
        *misnamed_columns(model, columns, study.tables),
        *misnamed_keys(model, study.tables),
    )
    finer = [doubt for response in stepped for doubt in finer_steps(response, tables)]
    if not study.simulated:
        finer += [doubt for response in stepped for doubt in stray_steps(response, tables)]
    regions = study.tables.get("regions", pd.DataFrame({"region": []}))
    mistyped = mistyped_labels(regions, "region", "regions")
    for doubt in (*doubts(model, recorded, columns, tables), *misnamed, *mistyped, *finer):
        warnings.warn(printable(doubt), stacklevel=2)
    noticed = (
        *absent_columns(model, columns, study.tables),
        *unheard_people(kept, tables),
        *unused_ends(recorded, tables),
    )
    return Checked(tuple(response.name for response in kept), left_out, missing, tables, noticed)


def _snapped(values: pd.Series, low: float, high: float) -> pd.Series:
    """Put values that rounding left just beside an end of their scale on it."""
    near = ROUNDING * (high - low)
    return values.mask((values - low).abs() < near, low).mask((values - high).abs() < near, high)


def _why_left_out(response: Response, tables: Mapping[str, pd.DataFrame]) -> str:
    """Return why the study cannot show this response, or an empty text."""
    if response.table not in tables:
        return f"the study has no table '{response.table}'."
    rows, column = tables[response.table], response.values.name
    if column not in rows:
        return f"{response.table} has no column '{column}'.{did_you_mean(column, rows)}"
    if rows.empty:
        return f"{response.table} has no rows."
    rows = rows_of(response, rows)
    if rows.empty:
        regions = tables["regions"]["region"].unique()
        return (
            f"no row of regions has region '{response.region}'; there are {listed(regions)}."
            f"{did_you_mean(str(response.region), regions)}"
        )
    return "" if any(rows[column].notna()) else f"every value of '{column}' is missing."


def _readers(
    model: Model, kept: list[Response], needed: Mapping[str, set[str]] | None
) -> list[tuple[Column, list[str]]]:
    """Return the columns that the kept responses need, each with those responses."""
    known = {r.name: r.values for r in model.observables} | {c.name: c for c in model.columns}
    everything = {column.name for column in model.columns}
    needs = {r.name: everything if needed is None else needed.get(r.name, set()) for r in kept}
    read_by = {name: [r for r, names in needs.items() if name in names] for name in known}
    return [(known[name], responses) for name, responses in read_by.items() if responses]


def _tables_read(study: Study, kept: list[Response]) -> dict[str, pd.DataFrame]:
    """Return copies of the tables with row positions; of regions, what the responses read."""
    tables = {
        name: table.assign(_row=np.arange(len(table))) for name, table in study.tables.items()
    }
    regions = [response.region for response in kept if response.table == "regions"]
    if "regions" in tables and not regions:
        del tables["regions"]
    elif regions and None not in regions:
        rows = tables["regions"]
        tables["regions"] = rows.loc[rows["region"].isin(regions)].reset_index(drop=True)
    return tables


def _parts(
    tables: Mapping[str, pd.DataFrame], kept: list[Response], columns: list[Column]
) -> Iterator[tuple[str, pd.DataFrame, list[Column]]]:
    """Yield rows to check together: every table, and the rows of every response's region."""
    for table_name, table in tables.items():
        responses = [response for response in kept if response.table == table_name]
        declared = [c for c in columns if c.table == table_name and c.name in table]
        yield table_name, table, declared + [r.values for r in responses if r.region is None]
        for response in responses:
            if response.region is not None:
                yield table_name, rows_of(response, table), [response.values]


def _nothing_left(left_out: Mapping[str, str], kept: list[Response], study: Study) -> Iterator[str]:
    if not kept:
        reasons = " ".join(f"'{name}': {reason}" for name, reason in left_out.items())
        has = "; ".join(f"{name} has {listed(table)}" for name, table in study.tables.items())
        yield (
            f"At least one response of the model must be in the study. Found none of "
            f"{len(left_out)}. {reasons} Here {has}. Name yours: Study(..., columns={{...}})."
        )


def _absent_columns(
    readers: list[tuple[Column, list[str]]], study: Study, tables: Mapping[str, pd.DataFrame]
) -> Iterator[str]:
    for column, responses in readers:
        table = study.tables.get(column.table, pd.DataFrame())
        is_there = tables_with(column.name, column.table, study.tables)
        if not is_there and column.default is None:
            yield (
                f"Column '{column.name}' ({column.meaning}) must be in {column.table}: "
                f"{listed(responses)} cannot be explained without it. Found {listed(table)}. Name "
                f'yours: columns={{"{column.name}": "..."}}.{did_you_mean(column.name, table)}'
            )
        said = [tables[home][column.name] for home in is_there if home in tables]
        if column.is_label and said and not any(labels.notna().any() for labels in said):
            yield (
                f"Column '{column.name}' ({column.meaning}) must hold labels: "
                f"{listed(responses)} cannot be explained without them. Found none in "
                f"{counted(sum(map(len, said)), 'row')} of {listed(is_there)}. Fill it in"
                + (", or leave the column out." if column.default is not None else ".")
            )


def _unmatched_regions(tables: Mapping[str, pd.DataFrame], kept: list[Response]) -> Iterator[str]:
    if "regions" in tables and "trials" in tables and "trial" in tables["regions"]:
        measured = [response.values.name for response in kept if response.table == "regions"]
        rows = tables["regions"].dropna(subset=measured, how="all")
        try:
            join_rows(rows, tables["trials"], "regions", "trials")
        except ValueError as error:
            yield str(error)


def _missing(parts: Iterable[tuple[str, pd.DataFrame, list[Column]]]) -> dict[str, int]:
    gaps: Counter[str] = Counter()
    for table_name, rows, read in parts:
        for name in {column.name for column in read}:
            gaps[f"{table_name}.{name}"] += int(np.count_nonzero(rows[name].isna()))
    return {name: count for name, count in sorted(gaps.items()) if count}


def _in_time(trials: pd.DataFrame) -> pd.DataFrame:
    keys = key_columns(trials, "trials")
    order = []
    for depth, key in enumerate(keys, start=1):
        is_number = pd.api.types.is_numeric_dtype(trials[key])
        of_labels = times_of_labels(trials, keys[:depth], trials["_row"])
        order.append(trials[key].to_numpy() if is_number else of_labels)
    return trials.iloc[np.lexsort(order[::-1])].reset_index(drop=True)
