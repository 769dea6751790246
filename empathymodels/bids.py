"""A study from the behaviour in a BIDS data set: its events, its people, and their sidecars.

While they are read, what the name of a file says stands in columns called ``sub-``, ``ses-``,
``run-``, so that it cannot be mistaken for a column of the file; the study's log names them so.
"""

from __future__ import annotations

import csv
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.reading import MISSING_TEXT, as_numbers, first_rows
from empathymodels.study import Study
from empathymodels.wording import counted, did_you_mean, listed, tell_all

FOLDERS = ("func", "beh")
SUFFIXES = ("events", "beh")
OUR_KEY = {"sub-": "participant", "ses-": "session", "run-": "block"}
PLACE = "place in the run"  # the column that numbers trials where the files do not
WHERE = ["file-", "line-"]  # columns that say where a row was found


@dataclass(frozen=True)
class Named:
    """A file with what its name says.

    Parameters
    ----------
    path : Path
        The file.
    entities : mapping of str to str
        ``{"sub": "01", "task": "trust"}``; a part of the name without a value has an empty one.
    suffix : str
        Last part of the name: ``"events"``.
    """

    path: Path
    entities: Mapping[str, str]
    suffix: str


def read_bids(
    folder: str | Path,
    *,
    task: str,
    keep: str | None,
    columns: Mapping[str, str] | None,
    missing: Mapping[str, Any] | None,
    labels: Iterable[str],
    sessions: Sequence[str] | None,
) -> Study:
    """Return the study of `Study.from_bids`; `keep` may read variables of that one's caller."""
    root, columns, missing = Path(folder), dict(columns or {}), dict(missing or {})
    opening = f"Task '{task}' of the BIDS data set '{root.resolve().name}' cannot be read:"
    files, log, problems = _chosen(root, task, sessions)
    problems += _misplaced(root, files)
    tables, people, about, data_set = _read_all(root, files, problems)
    rows = _united(files, tables)
    if rows.empty:
        problems.append(_no_rows(files))
    tell_all(opening, problems if rows.empty else [])
    log += _reading_log(files, tables, rows)
    try:
        kept = _kept(rows, keep)
    except ValueError as error:
        tell_all(opening, [*problems, str(error)])
        raise
    log += _keeping_log(files, rows, kept, keep)
    keys, numbered = _keys(kept, columns), not _has_trials(kept, columns)
    kept = _in_time(kept, numbered)
    problems += _row_problems(files, kept, columns, keys)
    kept[PLACE] = kept.groupby(list(keys.values()), dropna=False).cumcount() + 1
    events, clear = _named_levels(kept, about, columns, missing, labels), set()
    people, events = _as_tables(people, kept, columns, labels)
    ...
