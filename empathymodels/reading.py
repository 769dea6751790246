"""Reading the tables of a study: names, codes and keys, with all that is wrong told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.wording import counted, did_you_mean, listed, tell_all

type Source = pd.DataFrame | str | Path

KEYS = {
    "trials": ("participant", "session", "block", "trial"),
    "participants": ("participant",),
    "regions": ("participant", "region", "session", "block", "trial"),
}
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
# Not pandas' own list: that one also swallows labels such as "None" and "null".
MISSING_TEXT = ["", "n/a", "N/A", "NA", "#N/A", "NaN", "nan"]


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


def as_numbers(values: Any) -> pd.Series:
    """Return the values of a column as floats: NaN where missing or not a number."""
    numbers: Any = pd.to_numeric(values, errors="coerce")
    return numbers.astype(float)


def read_study(
    sources: Mapping[str, Source | None],
    name: str,
    columns: Mapping[str, str],
    missing: Mapping[str, Any],
    codes: Mapping[str, Mapping[Any, Any]],
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Return the tables under our column names, with typed keys, and what was done to them."""
    given: dict[str, pd.DataFrame] = {}
    problems: list[str] = []
    for table_name, source in sources.items():
        try:
            if source is not None:
                given[table_name] = _read(source, table_name, columns.get("participant"))
        except ValueError as error:
            problems.append(str(error))
    if not problems and not any(map(len, given.values())):
        problems.append(
            f"A study needs rows in at least one table. Found 0 rows (tables given: "
            f"{listed(given)}). Give `trials`, `participants` or `regions`."
        )
        given = {}
    ours = {own: name for name, own in columns.items()}
    tables = {table_name: table.rename(columns=ours) for table_name, table in given.items()}
    problems += _mapping_problems(given, tables, columns, missing, codes)
    tables = {name: table for name, table in tables.items() if table.columns.is_unique}
    done = [f"read column '{own}' as '{name}'" for name, own in columns.items() if own != name]
    done += _blank_codes(tables, missing)
    done += _decode(tables, codes)
    lost = {name for name, own in columns.items() if not any(own in t for t in given.values())}
    _type_keys(tables)
    for table_name, table in tables.items():
        problems += _key_problems(table, table_name, lost)
    people = _people(tables)
    problems += _unknown_people(tables, people)
    tell_all(f"Study '{name}' cannot be used as it is:", problems)
    return {**tables, "participants": people}, done


def _read(source: Source, table_name: str, id_column: str | None) -> pd.DataFrame:
    """Return a fresh table with text column names; labels that look like numbers stay text."""
    if isinstance(source, pd.DataFrame):
        unnamed = list(source.index.names) == [None]
        return source.reset_index(drop=unnamed, allow_duplicates=True).rename(columns=str)
    if not isinstance(source, str | Path):
        raise TypeError(
            f"{table_name} must be a DataFrame or the path of a CSV or TSV file; "
            f"found {type(source).__name__}."
        )
    file = Path(source)
    kind = file.name.lower().removesuffix(".gz").rpartition(".")[2]
    if kind not in ("csv", "tsv") or not file.is_file():
        raise ValueError(
            f"{table_name} must be an existing .csv or .tsv file (or .gz of it). Found no such "
            f"file at '{file}'. Check the path and its ending."
        )
    try:
        table = pd.read_csv(
            file,
            sep="\t" if kind == "tsv" else ",",
            dtype={id_column or "participant": str},
            keep_default_na=False,
            na_values=MISSING_TEXT,
        )
    except ValueError as error:
        raise ValueError(
            f"{table_name} must be a table in UTF-8 text. '{file}' cannot be read: {error}. "
            "Repair the file, or read it yourself and give the DataFrame."
        ) from error
    _refuse_other_separator(table, table_name, file)
    return table


def _refuse_other_separator(table: pd.DataFrame, table_name: str, file: Path) -> None:
    """Refuse a file whose columns were not told apart."""
    first = str(table.columns[0]) if table.shape[1] == 1 else ""
    separator = next((mark for mark in (";", "\t", ",", "|") if mark in first), None)
    if separator is not None:
        raise ValueError(
            f"{table_name} must have its columns separated by commas (.csv) or tabs (.tsv). Found "
            f"one column in '{file}', {first!r}, which looks separated by {separator!r}. Save it "
            f"with commas, or give pandas.read_csv({file.name!r}, sep={separator!r}, "
            'dtype={"participant": str}), with decimal="," where numbers have a decimal comma.'
        )


def _mapping_problems(
    given: Mapping[str, pd.DataFrame],
    tables: Mapping[str, pd.DataFrame],
    columns: Mapping[str, str],
    missing: Mapping[str, Any],
    codes: Mapping[str, Mapping[Any, Any]],
) -> Iterator[str]:
    before = {column for table in given.values() for column in table}
    after = {column for table in tables.values() for column in table}
    named = (
        ("columns", columns.values(), before),
        ("missing", missing, after),
        ("codes", codes, after),
    )
    for argument, names, known in named:
        for name in names:
            if given and name not in known:
                yield (
                    f"`{argument}` must name columns of the study. Found '{name}', which no table "
                    f"has. There are {listed(sorted(known))}.{did_you_mean(name, known)}"
                )
    for own in {own for own in columns.values() if list(columns.values()).count(own) > 1}:
        ours = [name for name, theirs in columns.items() if theirs == own]
        yield (
            f"`columns` must read each column once. Found '{own}' under {len(ours)} names: "
            f"{listed(ours)}. Keep one, or give the table a copy of the column."
        )
    for table_name, table in tables.items():
        for name in table.columns[table.columns.duplicated()].unique():
            theirs = f" ('{columns[name]}' is read as '{name}')" if name in columns else ""
            yield (
                f"Column names must be unique in {table_name}. Found "
                f"{(table.columns == name).sum()} columns named '{name}'{theirs}. "
                "Drop or rename the others."
            )


def _blank_codes(tables: dict[str, pd.DataFrame], missing: Mapping[str, Any]) -> list[str]:
    """Replace missing-value codes by NaN; they match as numbers (2, "2", 2.0) or as text."""
    done = []
    for name, given in missing.items():
        codes = pd.Series([given] if pd.api.types.is_scalar(given) else list(given), dtype=object)
        numbers = as_numbers(codes).dropna()
        for table_name, table in tables.items():
            if name in table:
                coded = table[name].isin(codes) | as_numbers(table[name]).isin(numbers)
                table[name] = table[name].mask(coded)
                done.append(
                    f"read {coded.sum():,} of {counted(len(table), 'value')} of "
                    f"{table_name}.{name} as missing: {listed(codes)}"
                )
    return done


def _decode(tables: dict[str, pd.DataFrame], codes: Mapping[str, Mapping[Any, Any]]) -> list[str]:
    """Replace codes by what they stand for; they match as numbers (2, "2", 2.0) or as text."""
    done = []
    for name, meanings in codes.items():
        known = pd.Series(list(meanings), dtype=object)
        of_text = dict(zip(known.astype(str), meanings.values(), strict=True))
        numbers = as_numbers(known)
        of_number = {n: m for n, m in zip(numbers, meanings.values(), strict=True) if n == n}
        for table_name, table in tables.items():
            if name not in table:
                continue
            given = table[name]
            text, number = given.astype(str), as_numbers(given)
            is_text, is_number = text.isin(list(of_text)), number.isin(list(of_number))
            meant = text.map(of_text).astype(object).where(is_text, number.map(of_number))
            is_coded = is_text | is_number
            table[name] = meant.where(is_coded, given.astype(object)).infer_objects()
            done.append(
                f"read {is_coded.sum():,} of {counted(len(table), 'value')} of "
                f"{table_name}.{name} by their codes: "
                + ", ".join(f"{code} as {meaning}" for code, meaning in meanings.items())
            )
    return done


def _type_keys(tables: dict[str, pd.DataFrame]) -> None:
    """Give every key one type in all tables, so that 7, 7.0 and "7" meet."""
    for key in ("participant", "region", "session", "block", "trial"):
        held = [t for name, t in tables.items() if key in key_columns(t, name)]
        unreadable = [as_numbers(t[key]).isna() & t[key].notna() for t in held]
        text = key in ("participant", "region") or any(rows.any() for rows in unreadable)
        for table in held:
            table[key] = _labels(table[key]) if text else _whole(as_numbers(table[key]))


def _labels(values: Any) -> pd.Series:
    text = values.astype(str).str.strip().str.replace(r"^(-?\d+)\.0+$", r"\1", regex=True)
    return text.astype(object).where(values.notna() & (text != ""))


def _whole(numbers: pd.Series) -> pd.Series:
    return numbers.astype(int) if (numbers % 1 == 0).all() else numbers


def _key_problems(table: pd.DataFrame, table_name: str, told: set[str]) -> Iterator[str]:
    keys, rows = key_columns(table, table_name), counted(len(table), "row")
    lacking = [key for key in REQUIRED[table_name] if key not in table]
    for key in sorted(set(lacking) - told):
        yield (
            f"{table_name} must have a column '{key}'. It has {listed(table)}. "
            f'Name yours: columns={{"{key}": "..."}}.{did_you_mean(key, table)}'
        )
    gaps = table[keys].isna()
    for key in gaps.columns[gaps.any()]:
        at = np.flatnonzero(gaps[key])
        yield (
            f"'{key}' must be given in every row of {table_name}. It is missing in {len(at):,} of "
            f"{rows}, first in row {', '.join(map(str, at[:5]))} (from 0). Fill in or drop them."
        )
    if "trial" in keys:
        text = as_numbers(table["trial"]).isna() & ~gaps["trial"]
        if text.any():
            yield (
                f"'trial' must be a number, it orders the rows of {table_name}. Found text in "
                f"{text.sum():,} of {rows}: {first_rows(table, table_name, text)}. Number them."
            )
    if lacking:
        return
    shared = table.duplicated(keys, keep=False) & ~gaps.any(axis=1)
    if shared.any():
        second = shared & table.groupby(keys, dropna=False).cumcount().eq(1)
        yield (
            f"Rows of {table_name} must differ in {listed(keys)}. Found {shared.sum():,} of {rows} "
            f"that share theirs: {first_rows(table, table_name, second)}. "
            + DUPLICATE_ADVICE[table_name].format(columns=_separating(table, keys))
        )


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
                f"{_same_but_written_otherwise(unknown.unique(), known)}"
            )


def _same_but_written_otherwise(unknown: Iterable[str], known: Iterable[str]) -> str:
    """Point to ids that differ by leading zeros, capitals or blanks alone."""
    bare = {str(label).strip().lower().lstrip("0"): str(label) for label in known}
    pairs = [(str(u), bare.get(str(u).strip().lower().lstrip("0"))) for u in unknown]
    alike = [f"{there!r} for {here!r}" for here, there in pairs if there is not None]
    if not alike:
        return ""
    return f" There participants has {', '.join(alike[:5])}: write them alike."
