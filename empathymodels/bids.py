"""A study from the behaviour in a BIDS data set: its events, its people, and their sidecars.

While files are read, what their names say stands in columns called ``sub-``, ``ses-``, ``run-``,
so that it cannot be mistaken for a column of the files. The study's log names them so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.study import Study
from empathymodels.wording import tell_all

type About = dict[str, dict[str, Any]]  # what sidecars say, by column

FOLDERS = ("func", "beh")
SUFFIXES = ("events", "beh")
KEY_OF = {"sub-": "participant", "ses-": "session", "run-": "block"}
PLACE = "place in the run"  # the column that numbers trials where the files do not
FILE, LINE = "file-", "line-"  # where a row was found: number of the file, line in it
TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Named:
    """A file with what its name says.

    Parameters
    ----------
    path : Path
        The file.
    entities : dict of str to str
        ``{"sub": "01", "task": "trust"}``; a part of the name without a value has an empty one.
    suffix : str
        The last part of the name: ``"events"``.
    """

    path: Path
    entities: dict[str, str]
    suffix: str


@dataclass(frozen=True, eq=False)
class Contents:
    """What the files hold, as text.

    Parameters
    ----------
    tables : dict of Path to DataFrame
        The tables that can be read; the index is the line in the file.
    about : list of dict
        What the sidecars say about the columns of every file of the task.
    people : DataFrame or None
        participants.tsv.
    people_about, data_set : dict
        participants.json and dataset_description.json.
    broken : dict of Path to str
        Why the other files cannot be read.
    """

    tables: dict[Path, pd.DataFrame]
    about: list[About]
    people: pd.DataFrame | None
    people_about: About
    data_set: dict[str, Any]
    broken: dict[Path, str]


@dataclass(frozen=True)
class Told:
    """What is wrong with a data set, and what was done to it, as it is found."""

    problems: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


def read_bids(
    folder: str | Path,
    *,
    task: str,
    keep: str | None,
    columns: Mapping[str, str],
    missing: Mapping[str, Any],
    labels: Sequence[str],
    sessions: Sequence[str] | None,
) -> Study:
    """Return the study of `Study.from_bids`, where the arguments are explained.

    `keep` may read variables of that method's caller.
    """
    root, told = Path(folder), Told()
    opening = f"Task '{task}' of BIDS data set '{root.resolve().name}' cannot be used as it is:"
    files = _task_files(root, task, sessions, told)
    contents = _contents(root, files)
    told.problems.extend([*_misplaced(root, files), *_unreadable(root, contents.broken)])
    rows = _united(files, contents.tables, told)
    if not rows.empty:
        rows = _chosen(files, rows, keep, told)
    if rows.empty:  # what else is wrong depends on the rows that are meant
        tell_all(opening, told.problems)
    keys = _keys(rows, columns, told)
    numbered = not _names_trials(rows, columns)
    if numbered:
        rows = _in_time(files, rows, told)
        rows[PLACE] = rows.groupby(list(keys.values()), dropna=False).cumcount() + 1
    told.problems.extend(_shared_keys(files, rows, keys))
    if not numbered and _repeats(rows, keys, columns, told):
        rows = rows.assign(**{columns.get("trial", "trial"): np.arange(len(rows))})
    tables = _labelled(rows, contents, columns, missing, labels, told)
    study = _study(root, tables, contents, columns, missing, told)
    ...
