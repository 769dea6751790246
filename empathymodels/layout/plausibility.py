"""Data that can be used and may not be what they seem: units, labels, scales, silent people."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher

import numpy as np
import pandas as pd

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Column, Response
from empathymodels.messages import counted, listed, printable
from empathymodels.study.keys import KEYS
from empathymodels.study.recoding import folded

OF_SECONDS = ("s", "sec", "second", "seconds")
OF_MILLISECONDS = ("ms", "msec", "millisecond", "milliseconds")
STANDARDISED = ("z", "sd")  # units of values whose standard deviation should be near 1
FAR = 5.0  # factor by which it may differ from 1
FEW = 10  # values whose standard deviation says little
SECONDS = 100.0  # no response takes as long: these are milliseconds
MILLISECONDS = 10.0  # no response is as quick: these are seconds
MANY = 50  # ratings that would show the ends of their scale
USED = 0.8  # share of a scale that they then take up
RARE = 0.1  # share of what labels have in rows, and of people, below which one is rare
NUMBERING = re.compile(r"\d|\b[^\W\d_]\b")  # digits, and letters that stand alone
OTHER_NAMES = {"session": ("ses", "visit"), "block": ("run",)}  # of keys that may be absent
NUMBERED = ("id", "nr", "no", "num", "number", "index")  # what names of columns may end in
ALIKE = 0.8  # how similar names are that may be one, from 0 to 1


def rows_of(response: Response, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that hold a response: of regions, those of its own."""
    return table if response.region is None else table.loc[table["region"] == response.region]


def doubts(
    model: Model,
    recorded: list[Response],
    columns: list[Column],
    tables: Mapping[str, pd.DataFrame],
) -> Iterator[str]:
    """Yield what works but is unwise, with its consequence."""
    if len(tables["participants"]) == 1:
        yield "Only one participant: the spread between people is its prior."
    if model.states and "trials" in tables and tables["trials"]["participant"].is_unique:
        yield "One trial per participant: learning cannot be told from the start value."
    for response in recorded:
        values = rows_of(response, tables[response.table])[response.values.name].dropna()
        if len(values) > 1 and len(values.unique()) == 1:
            yield (
                f"Identical responses: '{response.name}' is {values.iloc[0]:g} in all "
                f"{counted(len(values), 'row')}. What makes it differ cannot be learned, and "
                "a noise would collapse toward its prior's lower end."
            )
        yield from _other_units(response.name, response.values.unit, values)
    for column in columns:
        rows = tables.get(column.table, pd.DataFrame())
        if column.name in rows and not column.is_label:
            yield from _other_units(column.name, column.unit, rows[column.name].dropna())
        elif column.name in rows and column.levels == "any":
            yield from mistyped_labels(rows, column.name, column.table)
    people = tables["participants"]
    declared = {column.name for column in columns}
    for name in [name for name in people if name not in {"participant", "_row", *declared}]:
        labels = people[name].dropna()  # a group, such as a covariate
        if all(isinstance(label, str) for label in labels) and 2 * labels.nunique() <= len(labels):
            yield from mistyped_labels(people, name, "participants")


def _other_units(name: str, unit: str, values: pd.Series) -> Iterator[str]:
    """Yield a doubt of values whose size does not fit the unit they are declared in."""
    size = float(values.abs().median()) if len(values) else np.nan
    is_large = unit in OF_SECONDS and size > SECONDS
    if is_large or (unit in OF_MILLISECONDS and size < MILLISECONDS):
        other = "ms" if is_large else "s"
        yield (
            f"Other units: '{name}' is declared in {unit}; half of {counted(len(values), 'value')} "
            f"are {'above' if is_large else 'below'} {size:.4g}, as if they were in {other}. "
            f"{'Divide' if is_large else 'Multiply'} them by 1000."
        )
    if unit not in STANDARDISED or len(values) <= FEW or values.nunique() == 1:
        return
    spread, level = float(values.std()), float(values.mean())
    if unit == "z" and abs(level) > FAR:
        yield (
            f"Other units: '{name}' should be z-scored, for its priors belong to a mean near 0 and "
            f"a standard deviation near 1; found {level:.3g} and {spread:.3g} in "
            f"{counted(len(values), 'row')}. Subtract that mean and divide by that standard "
            "deviation, or give priors of these units with model.with_priors(...)."
        )
    elif not 1 / FAR <= spread <= FAR:
        yield (
            f"Other units: '{name}' should be standardised (unit '{unit}'), for its priors belong "
            f"to a standard deviation near 1; found {spread:.3g} in {counted(len(values), 'row')}. "
            f"Divide it by that (of betas the standard errors, too), or give priors of these units "
            "with model.with_priors(...)."
        )


def warn_of_constants(columns: Iterable[Column], tables: Mapping[str, pd.DataFrame]) -> None:
    """Warn of columns whose effects a fit cannot learn, since they never differ."""
    for column in columns:
        rows = tables.get(column.table, pd.DataFrame())
        values = rows[column.name].dropna() if column.name in rows else pd.Series(dtype=float)
        if len(values) > 1 and values.nunique() == 1:
            warnings.warn(
                f"No variance: '{column.name}' is {values.iloc[0]} in all "
                f"{counted(len(values), 'row')} of {column.table}. What depends on its differences "
                "cannot be learned from this study and will follow its prior.",
                stacklevel=3,
            )


# -------------------------------------------------------------------------------- labels


def mistyped_labels(table: pd.DataFrame, name: str, table_name: str) -> Iterator[str]:
    """Yield a doubt of labels that may be others of the column, mistyped.

    They differ from a more frequent one by blanks, case or hyphens alone, or have few rows (or a
    single one) of few people and are nearly spelled like one, or (where people have many rows)
    like none.

    Examples
    --------
    >>> people = pd.DataFrame({"group": ["control"] * 3 + ["Control ", "patient"]})
    >>> (doubt,) = mistyped_labels(people, "group", "participants")
    >>> doubt.partition(").")[0]
    "Labels of 'group' in participants may be mistyped: 'Control ' (1 row) for 'control' (3 rows"
    """
    given = table[[name]].dropna().astype(str)
    rows = given[name].value_counts()
    if rows.empty:
        return
    ids = table.loc[given.index, "participant"] if "participant" in table else given.index
    people = pd.Series(ids, index=given.index).groupby(given[name]).nunique()
    likely: dict[str, str] = {}
    for _, alike in rows.groupby(folded, sort=False):
        clean = max(alike.index, key=lambda label: (_is_clean(label), alike[label]))
        likely |= {label: clean for label in alike.index if label != clean}
    common = [label for label in rows.index if label not in likely]
    usual = float(np.median(np.repeat(rows[common], rows[common])))  # of the label of a usual row
    few_people = max(1.0, RARE * pd.Series(ids).nunique())
    is_rare = {label: rows[label] < max(RARE * usual, min(usual, 2)) for label in common}
    for label in [label for label in common if is_rare[label]]:
        others = [other for other in common if not is_rare[other]]
        near = max(others, key=lambda other: _similarity(label, other))
        if people[label] > few_people:
            continue
        if _similarity(label, near) >= ALIKE:
            likely[label] = near
        elif table_name != "participants" and rows[label] < RARE * usual:
            likely[label] = ""
    if likely:
        said = [
            f"'{label}' ({counted(int(rows[label]), 'row')})"
            + (f" for '{other}' ({counted(int(rows[other]), 'row')})" if other else "")
            for label, other in likely.items()
        ]
        pairs = {label: other or "..." for label, other in list(likely.items())[:3]}
        yield (
            f"Labels of '{name}' in {table_name} may be mistyped: {', '.join(said[:5])}"
            f"{f' and {len(said) - 5} more' if len(said) > 5 else ''}. Each is taken as a level of "
            f"its own. Correct them, codes={{'{name}': {pairs}}} with others=\"keep\"."
        )


def _is_clean(label: str) -> bool:
    """Whether a label holds nothing that a reader does not see."""
    return printable(label.strip(), keep="") == label


def _similarity(label: str, other: str) -> float:
    one, two = folded(label), folded(other)
    if NUMBERING.findall(one) != NUMBERING.findall(two):
        return 0.0  # picture 7 is not picture 8 mistyped, nor is site A site B
    return SequenceMatcher(None, one, two).ratio()


def misnamed_columns(
    model: Model, columns: list[Column], tables: Mapping[str, pd.DataFrame]
) -> Iterator[str]:
    """Yield a doubt of columns that a default stands for, where the table has a near name."""
    for column in _absent(columns, tables):
        near = _near_names(model, column, tables[column.table])
        if near:
            yield (
                f"Column '{column.name}' ({column.meaning}) is not in {column.table}, and "
                f"{column.default!r} is taken throughout. There is {listed(near, 2)}: if that is "
                f'it, columns={{"{column.name}": "{near[0]}"}}.'
            )


def misnamed_keys(model: Model, tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield a doubt of keys that start states anew, where trials have a near name alone."""
    trials = tables.get("trials", pd.DataFrame())
    keys = [key for key in model.sequence if model.states and key in OTHER_NAMES]
    for key in [key for key in keys if key not in trials]:
        names = (key, *OTHER_NAMES[key])
        others = [name for name in _others(model, trials) if name not in KEYS["trials"]]
        near = [other for other in others if any(_ends_in(name, other) for name in names)]
        varying = [n for n in near if (trials.groupby("participant")[n].nunique() > 1).any()]
        if varying:
            yield (
                f"States start anew with every '{key}', and trials has none: they go on through "
                f"all trials of a participant. There is {listed(varying, 2)}: if that is it, "
                f'columns={{"{key}": "{varying[0]}"}}.'
            )


def absent_columns(
    model: Model, columns: list[Column], tables: Mapping[str, pd.DataFrame]
) -> Iterator[str]:
    """Yield a notice of columns that a default stands for, and no name in the table is near.

    Nor of those that a parameter weighs, which is held and told where its column is absent.
    """
    weighed = {parameter.weighs for parameter in model.parameters}
    for column in _absent(columns, tables):
        if column.name not in weighed and not _near_names(model, column, tables[column.table]):
            yield (
                f"{column.table} has no column '{column.name}' ({column.meaning}): "
                f"{column.default!r} is taken in every row."
            )


def _absent(columns: list[Column], tables: Mapping[str, pd.DataFrame]) -> list[Column]:
    optional = [c for c in columns if c.default is not None and c.table in tables]
    return [column for column in optional if column.name not in tables[column.table]]


def _near_names(model: Model, column: Column, table: pd.DataFrame) -> list[str]:
    """Names of the table that may be meant: nearly spelled so, or ending in the column's name."""
    name = column.name
    return [
        other
        for other in _others(model, table)
        if _similarity(name, other) >= ALIKE or _ends_in(name, other)
    ]


def _others(model: Model, table: pd.DataFrame) -> list[str]:
    """Names of columns that the model does not read."""
    known = {c.name for c in model.columns} | {r.values.name for r in model.observables}
    return [str(name) for name in table if name not in known and name != "_row"]


def _ends_in(name: str, other: str) -> bool:
    """Whether another name ends in this one, but for a word such as number or id."""
    words, there = (re.split(r"[\W_]+", text.strip().casefold()) for text in (name, other))
    while there[-1:] and there[-1] in NUMBERED and there != words:
        there = there[:-1]
    return there[-len(words) :] == words


# ------------------------------------------------------------- what data say nothing about


def unheard_people(kept: list[Response], tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield a notice of people without any trial, or without any response."""
    people = tables["participants"]["participant"]
    heard: set[str] = set()
    for response in kept:
        rows = rows_of(response, tables[response.table])
        heard |= set(rows.loc[rows[response.values.name].notna(), "participant"])
    tried = set(tables["trials"]["participant"]) if "trials" in tables else set(people)
    silent = people[~people.isin(heard)]
    for found, lack in (
        (silent[~silent.isin(tried)], "any trial"),
        (silent[silent.isin(tried)], "any response"),
    ):
        if len(found):
            yield (
                f"{len(found):,} of {counted(len(people), 'participant')} "
                f"{'has' if len(found) == 1 else 'have'} not {lack}: {listed(found, 5)}. What is "
                "said of them comes from the others alone (exclude them from participants if they "
                "do not belong)."
            )


def unused_ends(recorded: list[Response], tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield a notice of ratings that take only a part of their scale."""
    for response in recorded:
        if response.range is None:
            continue
        values = rows_of(response, tables[response.table])[response.values.name].dropna()
        low, high = response.range
        least, most = values.min(), values.max()
        if len(values) >= MANY and 0 < most - least < USED * (high - low):
            yield (
                f"'{response.name}' lies between {least:g} and {most:g} in all "
                f"{counted(len(values), 'row')}, on a scale from {low:g} to {high:g}. If people "
                f"could answer no further, say so: model.with_range({response.name}=(low, high))."
            )
