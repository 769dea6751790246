"""The rows of all files of a task as one table, and those of them that are meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from empathymodels.messages import Notices, counted, listed
from empathymodels.study import column_types
from empathymodels.study.bids.contents import Contents
from empathymodels.study.bids.files import Named
from empathymodels.study.row_filters import ALLOWED, rows_that_match
from empathymodels.study.table_files import columns_lacking, without_rows
from empathymodels.study.table_header import MISSING_TEXT

KEYS = {"sub-": "participant", "ses-": "session", "run-": "block"}
FILE, LINE = "file-", "line-"  # where a row was found: number of the file, line in it


def united(files: list[Named], contents: Contents, told: Notices) -> pd.DataFrame:
    """Return the rows of all files as text, with what the file names say and where they stand."""
    tables = [contents.tables.get(file.path, pd.DataFrame()) for file in files]
    filled = [table for table in tables if len(table)]
    if not filled:
        told.problems.append(
            f"The files of a task must hold rows. Found none in {counted(len(files), 'file')}: "
            f"{listed((file.path.name for file in files), 3)}. Give data, or another task."
        )
        return pd.DataFrame()
    lengths = [len(table) for table in tables]
    rows = pd.concat(filled, ignore_index=True)
    rows = rows.mask(rows.isin(MISSING_TEXT))
    number = np.repeat(np.arange(len(files)), lengths)
    for entity in dict.fromkeys(key for file in files for key in file.entities if key != "task"):
        rows[f"{entity}-"] = _labels_of(files, entity).iloc[number].to_numpy()
    for column in dict.fromkeys(name for said in contents.sessions.values() for name in said):
        if column in rows:
            told.log.append(f"left out '{column}' of sessions.tsv: the files of the task have it")
            continue
        of_file = [
            contents.sessions.get((f.entities.get("sub", ""), f.entities.get("ses", "")), {})
            for f in files
        ]
        values = pd.Series([said.get(column) for said in of_file], dtype=object)
        rows[column] = values.mask(values.isin(MISSING_TEXT)).iloc[number].to_numpy()
        told.log.append(f"took '{column}' of each session from sessions.tsv")
    lines = np.concatenate([table.index for table in filled])
    told.log.extend(_reading_log(files, contents))
    read = [file for file in files if file.path in contents.tables]
    told.done.extend(without_rows([f.path.name for f in read if contents.tables[f.path].empty]))
    told.done.extend(columns_lacking(filled))
    return rows.assign(**{FILE: number, LINE: lines})


def _labels_of(files: list[Named], entity: str) -> pd.Series:
    """Return an entity of every file: text; sessions and runs as numbers where all are whole."""
    absent = "1" if entity == "run" else None  # BIDS: an only run need not be numbered
    labels = pd.Series([file.entities.get(entity, absent) for file in files], dtype=object)
    whole = entity in ("ses", "run") and labels.dropna().str.fullmatch(r"\d+").all()
    return pd.to_numeric(labels) if whole else labels


def _reading_log(files: list[Named], contents: Contents) -> Iterator[str]:
    read = [file for file in files if file.path in contents.tables]
    yield f"read {counted(len(read), 'file')} of task '{files[0].entities['task']}'"
    without = [file for file in files if "run" not in file.entities]
    if 0 < len(without) < len(files):
        yield f"took {counted(len(without), 'file')} without run- in the name for run 1"


def chosen(files: list[Named], rows: pd.DataFrame, keep: str | None, told: Notices) -> pd.DataFrame:
    """Return the rows that `keep` chooses; none, and a problem, where it cannot."""
    if keep is None or rows.empty:
        return rows
    view = typed(rows).drop(columns=[FILE, LINE])
    view = view.rename(columns={name: key for name, key in KEYS.items() if key not in view})
    view = view.rename(columns={n: n[:-1] for n in view if n[-1:] == "-" and n[:-1] not in view})
    kept = rows.iloc[:0]
    try:
        kept, why = rows.loc[rows_that_match(keep, view)], "it is true of no row"
    except ValueError as error:
        why = str(error)
    if kept.empty:
        told.problems.append(
            f"`keep` must be a condition that chooses rows of events. Found {keep!r}: {why}. "
            f"It can read {listed(view, 30)}. Labels are text: \"participant == '07'\". A "
            f"condition may hold {ALLOWED}."
        )
        return kept
    told.log.append(
        f"dropped {len(rows) - len(kept):,} of {counted(len(rows), 'row')}: kept {keep}"
    )
    lost = [files[number].path.name for number in sorted({*rows[FILE]} - {*kept[FILE]})]
    if lost:
        told.done.append(f"no row was kept of {counted(len(lost), 'file')}: {listed(lost, 3)}")
    idle = [name for name in kept if name.endswith("-") and kept[name].isna().all()]
    return kept.drop(columns=idle).reset_index(drop=True)


def columns_of_keys(
    rows: pd.DataFrame, columns: Mapping[str, str], told: Notices
) -> dict[str, str]:
    """Return the column of `rows` for each of our keys that it has."""
    keys = {}
    for entity, key in KEYS.items():
        theirs = key in rows and key not in columns.values()
        own = columns.get(key, key if theirs else entity)
        if own in rows:
            keys[key] = own
        if entity in rows and theirs and key not in columns:
            told.problems.append(
                f"'{key}' must come from one place. Found {entity} in the file names and a column "
                f"'{key}' in {counted(rows.loc[rows[key].notna(), FILE].nunique(), 'file')}. Give "
                f'the column another name: columns={{"{key}_in_file": "{key}"}}'
                + ("." if entity == "sub-" else f'; or choose it: columns={{"{key}": "{key}"}}.')
            )
    return keys


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table with numbers and truth values where a whole column is, else text."""
    return rows.apply(
        lambda values: values if values.name == "sub-" else column_types.typed(values)
    )
