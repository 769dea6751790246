"""What there is in a data set: its tasks, and the columns of one, before anything is chosen."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from empathymodels.messages import Notices, tell_all
from empathymodels.study.bids.contents import read_contents, unreadable
from empathymodels.study.bids.files import RECORDINGS, files_of_tasks, named, task_files
from empathymodels.study.bids.people import people_table
from empathymodels.study.table_header import MISSING_TEXT

OTHER = ("derivatives", "sourcedata", "code", "stimuli")  # folders that hold no data of people


def tasks_of(root: Path) -> list[str]:
    """Return the tasks that have events or behaviour.

    Raises
    ------
    ValueError
        The folder is no data set, or no file of it names a task.
    """
    files = files_of_tasks(root, Notices())
    found = sorted({file.entities["task"] for file in files if file.entities.get("task")})
    if not found:
        raise ValueError(
            "A data set must have events or behaviour of a task, in files *_task-*_events.tsv or "
            f"*_beh.tsv. Found none in {len(files):,} such files of '{root.name}'. Give the "
            "folder that holds participants.tsv and sub-*, with the files of events in it."
        )
    return found


def tables_of(root: Path, task: str) -> dict[str, pd.DataFrame]:
    """Return the events of a task and what is known of people, as text, by the tables they become.

    Raises
    ------
    ValueError
        There is no such task, or files of it cannot be read.
    """
    told = Notices()
    files = task_files(root, task, [], told)
    contents = read_contents(root, files)
    told.problems.extend(unreadable(root, contents))
    tell_all(f"The data set '{root.name}' cannot be used as it is:", told.problems)
    events = pd.concat(contents.tables.values(), ignore_index=True)
    people = people_table(contents, {}, Notices())
    tables = {"trials": events.mask(events.isin(MISSING_TEXT))}
    return tables if people is None else tables | {"participants": people.drop(columns="sub-")}


def role_of(place: str) -> str:
    """Return what of a file is read, by its path in the data set: all, its name, or nothing.

    Examples
    --------
    >>> [role_of(f"sub-1/func/sub-1_task-x_{end}") for end in ("events.tsv", "bold.nii.gz")]
    ['all', 'name']
    >>> role_of("sub-1/meg/sub-1_task-x_meg.ds/hz.txt")
    'name'
    >>> role_of("derivatives/sub-1/func/sub-1_task-x_events.tsv")
    ''
    """
    folders = place.split("/")[:-1]
    if any(part.startswith(".") for part in place.split("/")) or (
        folders[:1] and (folders[0] in OTHER)
    ):
        return ""
    recording = recording_of(place)
    if recording == place and place.endswith((".tsv", ".json")):
        return "all"
    return "name" if _is_recording(recording.rpartition("/")[2]) else ""


def recording_of(place: str) -> str:
    """Return the recording that a file is part of, where that is a folder; otherwise the file.

    Examples
    --------
    >>> recording_of("sub-1/meg/sub-1_task-x_meg.ds/hz.txt")
    'sub-1/meg/sub-1_task-x_meg.ds'
    """
    parts = place.split("/")
    folders = [i for i, part in enumerate(parts[:-1], start=1) if _is_recording(part)]
    return "/".join(parts[: folders[0]]) if folders else place


def _is_recording(name: str) -> bool:
    file = named(Path(name))
    return "sub" in file.entities and file.suffix in RECORDINGS
