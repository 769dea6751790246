"""The tables of a study as they are read: names, codes and keys, all faults told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.messages import Notices, counted, did_you_mean, listed, tell_all
from empathymodels.study.column_types import (
    EVERY_WHOLE,
    as_labels,
    keeps_text,
    plain,
    storable,
    typed,
)
from empathymodels.study.keys import KEYS, first_rows, key_columns
from empathymodels.study.recoding import Codes, Marks, as_numbers, blank_missing, decode
from empathymodels.study.spellings import (
    blanks_apart,
    header_like,
    join_spellings,
    nearly_alike,
    same_but_written_otherwise,
)
from empathymodels.study.table_files import read_files
from empathymodels.study.table_header import MISSING_TEXT

RENAMED = "read column"  # how the log tells of columns that are called otherwise

type Source = pd.DataFrame | str | Path | Sequence[str | Path]
type Columns = Mapping[str, str | Mapping[str, str]]
REQUIRED = {
    "trials": ("participant", "trial"),
    "participants": ("participant",),
    "regions": ("participant", "region", "beta"),
}
DUPLICATE_ADVICE = {
    "trials": "If trial numbers start again in every run, name the run: {columns}.",
    "participants": "Keep one row per person.",
    "regions": "Name what tells the betas apart (trial, condition, session, block): {columns}.",
}


def read_study(
    sources: Mapping[str, Source | None],
    name: str,
    *,
    columns: Columns,
    missing: Marks,
    codes: Codes,
    others: str,
    file_names: str | None,
    encoding: str,
) -> tuple[dict[str, pd.DataFrame], Notices]:
    """Return the tables under our column names, with typed keys, and what was done to them."""
    told = Notices()
    given: dict[str, pd.DataFrame] = {}
    for table_name, source in sources.items():
        if source is not None:
            table = _read(source, table_name, file_names, encoding, told)
            given |= {} if table is None else {table_name: table}
    if not told.problems and not any(map(len, given.values())):
        told.problems.append(
            f"A study needs rows in at least one table. Found 0 rows (tables given: "
            f"{listed(given)}). Give `trials`, `participants` or `regions`."
        )
        given = {}
    own = {table_name: _own_names(columns, table_name) for table_name in KEYS}
    tables = {
        table_name: table.rename(columns={theirs: ours for ours, theirs in own[table_name].items()})
        for table_name, table in given.items()
    }
    told.problems.extend(_mapping_problems(given, tables, columns, missing, codes))
    tables = {name: table for name, table in tables.items() if table.columns.is_unique}
    told.log.extend(_renamed(columns))
    blank_missing(tables, missing, told)
    decode(tables, codes, others, told)
    _type_columns(tables, [n for n, s in sources.items() if not isinstance(s, pd.DataFrame)], told)
    _type_keys(tables, told)
    for table_name, table in tables.items():
        hint = "" if file_names else _names_of_files(sources[table_name])
        lost = _named_in_vain(columns, table_name, given)
        told.problems.extend(_key_problems(table, table_name, lost, own[table_name], hint))
    people = _people(tables)
    told.problems.extend(_unknown_people(tables, people))
    tell_all(f"Study '{name}' cannot be used as it is:", told.problems)
    return {**tables, "participants": people}, told


def _own_names(columns: Columns, table_name: str) -> dict[str, str]:
    """Return the names that a table has for ours: those given for all, then its own."""
    own = columns.get(table_name, {})
    shared = {ours: theirs for ours, theirs in columns.items() if isinstance(theirs, str)}
    return shared | (dict(own) if isinstance(own, Mapping) else {})


def _named_in_vain(
    columns: Columns, table_name: str, given: Mapping[str, pd.DataFrame]
) -> set[str]:
    """Return our names for which `columns` names what is not there, which is a problem itself."""
    everywhere = {column for table in given.values() for column in table}
    own = columns.get(table_name, {})
    here = own if isinstance(own, Mapping) else {}
    lost = {ours for ours, theirs in here.items() if theirs not in given[table_name]}
    shared = {ours: theirs for ours, theirs in columns.items() if isinstance(theirs, str)}
    return lost | {ours for ours, theirs in shared.items() if theirs not in everywhere}


def _renamed(columns: Columns) -> Iterator[str]:
    for ours, theirs in columns.items():
        if isinstance(theirs, Mapping):
            yield from (f"{line} in {ours}" for line in _renamed(theirs))
        elif ours != theirs:
            yield f"{RENAMED} '{theirs}' as '{ours}'"


def _read(
    source: Source, table_name: str, file_names: str | None, encoding: str, told: Notices
) -> pd.DataFrame | None:
    """Return a fresh table with text column names; one from files holds text alone."""
    if isinstance(source, pd.DataFrame):
        unnamed = list(source.index.names) == [None]
        table = source.set_flags(allows_duplicate_labels=True)
        table = table.reset_index(drop=unnamed, allow_duplicates=True)
        names = [storable(str(name)) for name in table]
        columns = [plain(table.iloc[:, k].rename(k), name, told) for k, name in enumerate(names)]
        held = pd.concat(columns, axis=1) if columns else table
        told.log.extend(
            f"{RENAMED} {str(given)!r} as '{name}'"
            for given, name in zip(table, names, strict=True)
            if str(given) != name
        )
        return held.set_axis(pd.Index(names, dtype=object), axis=1)
    paths = [source] if isinstance(source, str | Path) else list(source)
    if not paths:
        raise ValueError(
            f"{table_name} must be a DataFrame, a file, several files or their folder; found an "
            "empty list. Name a file, or leave it out."
        )
    return read_files(paths, table_name, file_names=file_names, encoding=encoding, notices=told)


def _mapping_problems(
    given: Mapping[str, pd.DataFrame],
    tables: Mapping[str, pd.DataFrame],
    columns: Columns,
    missing: Marks,
    codes: Codes,
) -> Iterator[str]:
    before = {column for table in given.values() for column in table}
    after = {column for table in tables.values() for column in table}
    own = {name: theirs for name, theirs in columns.items() if isinstance(theirs, Mapping)}
    shared = {ours: theirs for ours, theirs in columns.items() if isinstance(theirs, str)}
    named: list[tuple[str, Iterable[str], set[str], str]]
    named = [("columns", shared.values(), before, "no table has")]
    for table_name, names in own.items():
        if table_name not in KEYS or table_name not in given:
            yield (
                f"`columns` may hold names of one table, of {listed(given)}. Found '{table_name}'. "
                f'Write for example columns={{"participants": {{"participant": "id"}}}}.'
            )
            continue
        held = set(given[table_name])
        named.append(("columns", names.values(), held, f"{table_name} does not have"))
    named += [("missing", missing, after, "no table has"), ("codes", codes, after, "no table has")]
    renamed = {own: ours for t in given for ours, own in _own_names(columns, t).items()}
    for argument, wanted, known, lacks in named:
        for name in wanted:
            if given and name not in known:
                is_own = known is after and name in renamed
                hint = f" '{name}' is read as '{renamed[name]}': name it so." if is_own else ""
                yield (
                    f"`{argument}` must name columns of the study. Found '{name}', which {lacks}. "
                    f"There are {listed(sorted(known))}.{hint or did_you_mean(name, known)}"
                )
    for mapping in [shared, *(names for table, names in own.items() if table in given)]:
        yield from _read_twice(mapping)
    for table_name, table in tables.items():
        columns_here = _own_names(columns, table_name)
        for name in table.columns[table.columns.duplicated()].unique():
            read_as = (
                f" ('{columns_here[name]}' is read as '{name}')" if name in columns_here else ""
            )
            yield (
                f"Column names must be unique in {table_name}. Found "
                f"{(table.columns == name).sum()} columns named '{name}'{read_as}. "
                "Drop or rename the others."
            )


def _read_twice(columns: Mapping[str, str]) -> Iterator[str]:
    named = list(columns.values())
    for own in dict.fromkeys(own for own in named if named.count(own) > 1):
        ours = [name for name, theirs in columns.items() if theirs == own]
        yield (
            f"`columns` must read each column once. Found '{own}' under {len(ours)} names: "
            f"{listed(ours)}. Keep one, or give the table a copy of the column."
        )


def _type_columns(tables: Mapping[str, pd.DataFrame], of_files: list[str], told: Notices) -> None:
    """Give the columns of text that files hold their types; keys are typed together."""
    for table_name in [name for name in of_files if name in tables]:
        table = tables[table_name]
        for column in [name for name in table if name not in KEYS[table_name]]:
            table[column] = typed(table[column])
            if pd.api.types.is_string_dtype(table[column]) and (
                lost := keeps_text(table[column].dropna())
            ):
                told.log.append(f"kept {table_name}.{column} as text, with {listed(lost)}")


def _type_keys(tables: Mapping[str, pd.DataFrame], told: Notices) -> None:
    """Give every key one type in all tables, so that 7, 7.0 and "7" meet."""
    for key in ("participant", "region", "session", "block", "trial"):
        held = {n: t for n, t in tables.items() if key in key_columns(t, n)}
        unreadable = [~_is_exact(t[key]) & _is_named(t[key]) for t in held.values()]
        text = key in ("participant", "region") or any(rows.any() for rows in unreadable)
        for table_name, table in held.items():
            values = table[key]
            table[key] = _key_labels(values) if text else _whole(as_numbers(values))
            if text:
                told.doubts.extend(blanks_apart(values, table[key], f"{table_name}.{key}"))
        if key == "participant":
            join_spellings(held, told)
        if text:
            told.doubts.extend(nearly_alike(key, [table[key] for table in held.values()]))


def _is_named(values: pd.Series) -> pd.Series:
    return values.notna() & ~values.astype(str).str.strip().isin(MISSING_TEXT)


def _is_exact(values: pd.Series) -> pd.Series:
    """Whether keys are numbers that a float holds as they are written."""
    return as_numbers(values).abs() < EVERY_WHOLE


def _key_labels(values: pd.Series) -> pd.Series:
    labels = as_labels(values.where(_is_named(values)))
    return labels.where(labels.isna(), labels.astype(str).str.strip())


def _whole(numbers: pd.Series) -> pd.Series:
    return numbers.astype(int) if (numbers % 1 == 0).all() else numbers


def _names_of_files(source: Source | None) -> str:
    """Advise to read ids out of the names of several files."""
    is_folder = isinstance(source, str | Path) and Path(source).is_dir()
    if is_folder or (isinstance(source, Sequence) and not isinstance(source, str)):
        return " Or take them out of the files' names: file_names='sub-{participant}_*.csv'."
    return ""


def _key_problems(
    table: pd.DataFrame, table_name: str, lost: set[str], own: Mapping[str, str], hint: str
) -> Iterator[str]:
    keys, rows = key_columns(table, table_name), counted(len(table), "row")
    lacking = [key for key in REQUIRED[table_name] if key not in table]
    for key in sorted(set(lacking) - lost):
        yield (
            f"{table_name} must have a column '{key}'. It has {listed(table)}. "
            f'Name yours: columns={{"{key}": "..."}}.{did_you_mean(key, table)}'
            f"{hint if key == 'participant' else ''}"
        )
    gaps = table[keys].isna()
    for key in gaps.columns[gaps.any()]:
        at = np.flatnonzero(gaps[key])
        yield (
            f"'{key}' must be given in every row of {table_name}. It is missing in {len(at):,} of "
            f"{rows}, first in row {', '.join(map(str, at[:5]))} (from 0). Fill in or drop them."
        )
    if "participant" in keys:
        yield from header_like(table, table_name, own.get("participant", "participant"))
    if "trial" in keys:
        wrong = ~_is_exact(table["trial"]) & ~gaps["trial"]
        if wrong.any():
            kind = "text" if as_numbers(table["trial"])[wrong].isna().any() else "larger ones"
            yield (
                f"'trial' must be a number (below {EVERY_WHOLE:,}), it orders the rows of "
                f"{table_name}. Found {kind} in {wrong.sum():,} of {rows}: "
                f"{first_rows(table, table_name, wrong)}. Number them."
            )
    if lacking:
        return
    shared = table.duplicated(keys, keep=False) & ~gaps.any(axis=1)
    if shared.any():
        second = shared & table.groupby(keys, dropna=False).cumcount().eq(1)
        yield (
            f"Rows of {table_name} must differ in {listed(keys)}. Found {shared.sum():,} of {rows} "
            f"that share theirs: {first_rows(table, table_name, second)}. "
            + " ".join(_apart(table[shared], table_name, keys, table))
        )


def _apart(
    shared: pd.DataFrame, table_name: str, keys: list[str], table: pd.DataFrame
) -> Iterator[str]:
    """Say how to tell rows apart that share their keys, and which of them are one row twice."""
    again = shared.astype(str).duplicated()
    if again.any():
        yield (
            f"{counted(int(again.sum()), 'row')} of these repeat another in every column: leave "
            "out what was exported twice (table.drop_duplicates()), and say so in log=[...]."
        )
    if shared[~again].duplicated(keys).any():
        yield DUPLICATE_ADVICE[table_name].format(columns=_separating(table, keys))


def _separating(table: pd.DataFrame, keys: list[str]) -> str:
    """Return the `columns=` entry that would make the keys unique, or an example of one."""
    others = table.drop(columns=keys).astype(str)
    distinct: Any = others.nunique().sort_values(kind="stable")
    few = distinct[distinct <= len(table) / 2].index
    separates = (c for c in few if not others[[c]].join(table[keys]).duplicated().any())
    return f'columns={{"block": "{next(separates, "run")}"}}'


def _people(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the participants table, or one of the ids that other tables hold."""
    if "participants" in tables:
        return tables["participants"]
    ids = [table["participant"] for table in tables.values() if "participant" in table]
    people = pd.concat(ids) if ids else pd.Series(dtype=object)
    return pd.DataFrame({"participant": people.dropna().unique()})


def _unknown_people(tables: Mapping[str, pd.DataFrame], people: pd.DataFrame) -> Iterator[str]:
    known: Any = people.get("participant", [])
    for table_name in [name for name in tables if name != "participants"]:
        ids: Any = tables[table_name].get("participant", pd.Series(dtype=object))
        unknown = ids[ids.notna() & ~ids.isin(known)]
        if len(known) and len(unknown):
            yield (
                f"Every participant of {table_name} must be in participants. Found no "
                f"{listed(unknown.unique())} there ({len(unknown):,} of "
                f"{counted(len(ids), 'row')} of {table_name}); it has {listed(known, limit=3)}. "
                "Add them, or drop these rows."
                f"{same_but_written_otherwise(unknown.unique(), known)}"
            )
