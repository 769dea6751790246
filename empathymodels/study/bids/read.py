"""From a BIDS data set to a study."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from empathymodels.messages import Notices, printable, tell_all
from empathymodels.study.bids.contents import read_contents, unreadable
from empathymodels.study.bids.files import misplaced, task_files
from empathymodels.study.bids.people import people_table
from empathymodels.study.bids.rows import chosen, columns_of_keys, typed, united
from empathymodels.study.bids.sidecars import meanings, notes, title
from empathymodels.study.bids.trials import (
    PLACE,
    files_of_one_run,
    numbered,
    trial_column,
    trial_table,
    without_repeats,
)
from empathymodels.study.recoding import Codes, Marks, met, without_marks
from empathymodels.terminal import tell


def read_bids[S](
    study_of: Callable[..., S],
    folder: str | Path,
    *,
    task: str,
    keep: str | None,
    columns: Mapping[str, str],
    missing: Marks,
    codes: Codes,
    others: Literal["refuse", "keep"],
    labels: str | Sequence[str],
    sessions: str | Sequence[str | int] | None,
) -> S:
    """Return what `study_of` (`Study`) makes of a data set; `Study.from_bids` explains the rest.

    `keep` may read variables of that method's caller.
    """
    root, told = Path(folder), Notices()
    labels = [labels] if isinstance(labels, str) else list(labels)
    asked = [sessions] if isinstance(sessions, str) else list(map(str, sessions or ()))
    asked = [label.removeprefix("ses-") for label in asked]
    task = task.removeprefix("task-")
    opening = f"Task '{task}' of BIDS data set '{root.resolve().name}' cannot be used as it is:"
    files = task_files(root, task, asked, told)
    contents = read_contents(root, files)
    told.problems.extend([*misplaced(root, files), *unreadable(root, contents)])
    rows = chosen(files, united(files, contents, told), keep, told) if files else pd.DataFrame()
    if rows.empty:  # what else is wrong depends on the rows that are meant
        tell_all(opening, told.problems)

    people = people_table(contents, columns, told)
    columns = {ours: own for ours, own in columns.items() if ours != "participant"}
    keys, trial = columns_of_keys(rows, columns, told), trial_column(rows, columns)
    told.problems.extend(files_of_one_run(files, rows))
    if trial == PLACE:
        rows = numbered(files, rows, keys, told)
    elif trial in rows:
        rows = without_repeats(rows, keys, trial, told)
    levels = meanings(rows, people, contents, columns, labels, told)
    for name, said in levels.items():  # a sidecar may name more codes than occur
        own = columns.get(name, name)
        held = [table[own] for table in (rows, people) if table is not None and own in table]
        levels[name] = met(said, without_marks(pd.concat(held), missing.get(name, ())))
    name, citation = title(root, contents.data_set)
    found = {ours: own for ours, own in (keys | {"trial": trial}).items() if own != ours}
    try:
        study = study_of(
            trials=trial_table(rows, keys),
            participants=None if people is None else typed(people),
            name=name,
            citation=citation,
            notes=notes(contents, rows, people, columns),
            columns=found | columns,
            missing=missing,
            codes=levels | dict(codes),
            others=others,
            log=(*told.log, *told.done),
        )
    except ValueError as error:  # an opening, then a numbered line for each problem
        lines = str(error).splitlines()[1:] or [str(error)]
        told.problems.extend(re.sub(r"^\s*\d+\. ", "", line) for line in lines)
    tell_all(opening, told.problems)
    for line in told.done:
        tell(f"Study '{name}': {line}.")
    for doubt in told.doubts:
        warnings.warn(printable(doubt), stacklevel=4)
    return study
