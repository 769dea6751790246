"""Rows of events as trials: numbered, in order, told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.messages import Notices, counted, listed
from empathymodels.study.bids.files import Named
from empathymodels.study.bids.rows import FILE, KEYS, LINE, typed
from empathymodels.study.keys import first_rows
from empathymodels.study.recoding import as_numbers

PLACE = "place in the run"  # the column that numbers trials where the files do not


def trial_column(rows: pd.DataFrame, columns: Mapping[str, str]) -> str:
    """Return the column that numbers trials: theirs where they have or name one."""
    theirs = "trial" in rows and "trial" not in columns.values()
    return columns.get("trial", "trial" if theirs else PLACE)


def files_of_one_run(files: list[Named], rows: pd.DataFrame) -> Iterator[str]:
    """Yield a problem where files share participant, session and run."""
    held = rows.groupby([name for name in KEYS if name in rows], dropna=False)[FILE].unique()
    shared = [_names([files[k] for k in found]) for found in held if len(found) > 1]
    if shared:
        yield (
            "Files of a task must differ in participant, session or run. Found "
            f"{sum(map(len, shared)):,} of {counted(len(files), 'file')} that share theirs: "
            f"{'; '.join(listed(names, 3) for names in shared[:3])}. Choose with `keep` by what "
            "else their names say, as in keep=\"acq == '...'\", or take some out of the data set."
        )


def _names(files: list[Named]) -> list[str]:
    """Names of files; with those of their folders where files have one name."""
    names = [file.path.name for file in files]
    if len({*names}) == len(names):
        return names
    return [f"{file.path.parent.name}/{file.path.name}" for file in files]


def numbered(
    files: list[Named], rows: pd.DataFrame, keys: Mapping[str, str], told: Notices
) -> pd.DataFrame:
    """Return the rows of every file in order of onset, with their places in the run.

    Files of behaviour keep their order: BIDS knows no onsets in them.
    """
    timed = np.array([file.suffix == "events" for file in files])[rows[FILE]]
    onset = as_numbers(rows["onset"]) if "onset" in rows else pd.Series(np.nan, index=rows.index)
    told.problems.extend(_onset_problems(files, rows, timed & ~np.isfinite(onset)))
    order = np.lexsort((rows.index, onset.where(timed, 0), rows[FILE]))
    moved = int((order != rows.index).sum())
    if moved:
        told.log.append(f"put {counted(moved, 'row')} in order of onset")
    same = rows[[FILE]].assign(onset=onset).duplicated(keep=False) & timed & onset.notna()
    rows, same = rows.iloc[order].reset_index(drop=True), np.asarray(same)[order]
    rows[PLACE] = rows.groupby(list(keys.values()), dropna=False).cumcount() + 1
    if same.any():
        _tell_equal_onsets(rows, keys, same, told)
    return rows


def _tell_equal_onsets(
    rows: pd.DataFrame, keys: Mapping[str, str], same: np.ndarray, told: Notices
) -> None:
    count = f"{same.sum():,} of {counted(len(rows), 'row')}"
    copies = same & rows.drop(columns=[LINE, PLACE]).duplicated(keep=False)
    told.log.append(f"{count} share their onset with another of their file")
    told.doubts.append(
        f"Rows of a run should differ in onset. Found {count} that share theirs, "
        f"{copies.sum():,} of them equal in all columns: "
        f"{_shown(rows, keys, PLACE, same)}. They count as trials, in the order of the file. If "
        "some are copies, leave those out: "
        "study.exclude(\"participant == '...' and trial == ...\", reason=...)."
    )


def _onset_problems(files: list[Named], rows: pd.DataFrame, wrong: pd.Series) -> Iterator[str]:
    if wrong.any():
        given = rows["onset"] if "onset" in rows else pd.Series(np.nan, index=rows.index)
        text = given[wrong].dropna()
        kinds = [f"n/a in {wrong.sum() - len(text):,}"] if len(text) < wrong.sum() else []
        kinds += [f"{listed(text.unique(), 3)} in {len(text):,}"] if len(text) else []
        first = [
            f"{files[r[FILE]].path.name}, line {r[LINE]}" for _, r in rows[wrong][:3].iterrows()
        ]
        yield (
            "'onset' must be a number in every row that is kept, it orders the trials. Found "
            f"{' and '.join(kinds)} of {counted(len(rows), 'row')}, first {listed(first)}. "
            "Repair the files, leave the rows out with `keep`, or name the column that numbers "
            'trials: columns={"trial": "..."}.'
        )


def _shown(rows: pd.DataFrame, keys: Mapping[str, str], trial: str, found: Any) -> str:
    """Return our keys of the first rows `found`."""
    table = pd.DataFrame({ours: rows[own] for ours, own in keys.items()})
    numbers = [int(n) if n % 1 == 0 else n for n in rows[trial]]
    return first_rows(table.assign(trial=pd.Series(numbers, dtype=object)), "trials", found)


def without_repeats(
    rows: pd.DataFrame, keys: Mapping[str, str], trial: str, told: Notices
) -> pd.DataFrame:
    """Return the rows; where their trials repeat, a problem is told and they are numbered."""
    number = as_numbers(rows[trial])
    table = rows[list(keys.values())].assign(**{PLACE: number})
    shared = table.duplicated(keep=False) & number.notna()
    if not shared.any():
        return rows
    free = 'columns={"trial_in_file": "trial"}' if trial == "trial" else "no `trial` in `columns`"
    told.problems.append(
        f"'{trial}' numbers the trials and must tell the rows of a run apart. Found "
        f"{shared.sum():,} of {counted(len(rows), 'row')} that share theirs: "
        f"{_shown(table, keys, PLACE, shared & table.duplicated())}. Where a trial has several "
        "rows of events, choose one of them, as in keep=\"trial_type == '...'\"; or have the rows "
        f"numbered by onset, with {free}."
    )
    return rows.assign(**{trial: np.arange(len(rows))})


def trial_table(rows: pd.DataFrame, keys: Mapping[str, str]) -> pd.DataFrame:
    """Return typed rows, keys first; the parts of file names that are no keys follow at the end."""
    table = typed(rows.drop(columns=[FILE, LINE]))
    first = [own for own in (*keys.values(), PLACE) if own in table]
    rest = [name for name in table if name not in first]
    parts = {name: name[:-1] for name in rest if name.endswith("-") and name[:-1] not in table}
    return table[[*first, *rest]].rename(columns=parts)
