"""The files of a task, and what their names say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from empathymodels.bids.parsing import UNREADABLE, read_table
from empathymodels.table_files import MISSING_TEXT
from empathymodels.wording import Told, counted, did_you_mean, listed

FOLDERS = ("func", "beh")
SUFFIXES = ("events", "beh")


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


def named(path: Path) -> Named:
    """Return a file with what its name says."""
    *parts, suffix = path.stem.split("_")
    pairs = [part.partition("-") for part in parts]
    return Named(path, {key: value for key, _, value in pairs}, suffix)


def task_files(root: Path, task: str, sessions: list[str], told: Told) -> list[Named]:
    """Return the files to read, in order of participant, session and run."""
    every = _behaviour(root)
    tasks = sorted({file.entities.get("task", "") for file in every})
    if task not in tasks:
        raise ValueError(
            f"`task` must be a task with events or behaviour, in files sub-*/[ses-*/](func|beh)/"
            f"*_task-{task}_*events.tsv or _beh.tsv. Found none in {counted(len(every), 'file')} "
            f"of '{root}'. There are {listed(tasks)}. Name one of them.{did_you_mean(task, tasks)}"
        )
    files = [file for file in every if file.entities.get("task") == task]
    files = _of_sessions(_without_doubles(files, told), sessions, told)
    return _in_order(root, files, sessions, told)


def _behaviour(root: Path) -> list[Named]:
    """Return the files of events or behaviour of all tasks; ValueError where there is no tree."""
    if not any(root.glob("sub-*/")):
        what = "which has no such folder" if root.is_dir() else "which is no folder"
        near = [path for path in (root.parent, *root.glob("*/")) if any(path.glob("sub-*/"))]
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ValueError(
            f"`folder` must be a BIDS data set, with a folder sub-<label> for everybody. Found "
            f"'{root}', {what}. Give the folder that holds participants.tsv and sub-*.{hint}"
        )
    inside = [f"{session}{kind}" for session in ("", "ses-*/") for kind in FOLDERS]
    paths = [path for folder in inside for path in root.glob(f"sub-*/{folder}/sub-*.tsv")]
    return [file for file in map(named, paths) if file.suffix in SUFFIXES]


def _without_doubles(files: list[Named], told: Told) -> list[Named]:
    """Return the files without those of behaviour that stand beside events of the same run."""

    def run(file: Named) -> tuple[str | None, ...]:
        return tuple(file.entities.get(key) for key in ("sub", "ses", "run"))

    with_events = {run(file) for file in files if file.suffix == "events"}
    kept = [file for file in files if file.suffix == "events" or run(file) not in with_events]
    if len(kept) < len(files):
        beside = counted(len(files) - len(kept), "_beh.tsv file")
        told.log.append(f"did not read {beside}: there are events of the same run")
    return kept


def _of_sessions(files: list[Named], sessions: list[str], told: Told) -> list[Named]:
    if not sessions:
        return files
    known = sorted({file.entities["ses"] for file in files if "ses" in file.entities})
    for label in [label for label in sessions if label not in known]:
        told.problems.append(
            f"`sessions` must name sessions of the task, without 'ses-'. Found '{label}'; there "
            f"are {listed(known)}. Correct or drop it.{did_you_mean(label, known)}"
        )
    told.log.append(f"read sessions {listed(sessions)} of {listed(known)}")
    return [file for file in files if file.entities.get("ses") in sessions]


def _in_order(root: Path, files: list[Named], sessions: list[str], told: Told) -> list[Named]:
    """Return the files by person, session and run; numbers in labels ascend, 2 before 10."""
    times = {} if sessions else _session_times(root, files, told)

    def place(file: Named) -> tuple[Any, ...]:
        person, session, run = (file.entities.get(key, "") for key in ("sub", "ses", "run"))
        when = sessions.index(session) if sessions else times.get((person, session), "")
        return _natural(person), when, _natural(session), _natural(run), file.path

    return sorted(files, key=place)


def _natural(label: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", label)]


def _session_times(root: Path, files: list[Named], told: Told) -> dict[tuple[str, str], str]:
    """Return when sessions took place, where somebody's are told apart by text.

    It is doubtful where this is not known and labels have to order them.
    """
    held: dict[str, set[str]] = {}
    for file in [file for file in files if "ses" in file.entities]:
        held.setdefault(file.entities["sub"], set()).add(file.entities["ses"])
    if all(label.isdecimal() for labels in held.values() for label in labels):
        return {}
    times: dict[tuple[str, str], str] = {}
    unknown: set[str] = set()
    for person, labels in held.items():
        known = _acquired(root / f"sub-{person}" / f"sub-{person}_sessions.tsv")
        if labels <= set(known):
            times |= {(person, label): known[label] for label in labels}
        elif len(labels) > 1:
            unknown.add(person)
    if unknown:
        shown = sorted({label for person in unknown for label in held[person]}, key=_natural)
        told.doubts.append(
            f"Sessions {listed(shown)} of {counted(len(unknown), 'participant')} are taken in "
            "the order of their labels: no sub-*_sessions.tsv tells their acq_time. What a model "
            "learns over sessions depends on it. Name them in order of time: sessions=[...]."
        )
    return times


def _acquired(path: Path) -> dict[str, str]:
    """Return acq_time by label of the session; times in BIDS have one format and sort as text."""
    try:
        table = read_table(path)
        table = table.loc[~table["acq_time"].isin(MISSING_TEXT)]
        return dict(
            zip(table["session_id"].str.removeprefix("ses-"), table["acq_time"], strict=True)
        )
    except (*UNREADABLE, KeyError):
        return {}


def misplaced(root: Path, files: list[Named]) -> Iterator[str]:
    """Yield a problem where folders and names contradict each other."""
    wrong = []
    for file in files:
        *folders, kind, name = file.path.relative_to(root).parts
        said = [f"{key}-{file.entities[key]}" for key in ("sub", "ses") if key in file.entities]
        if said != folders:
            wrong.append("/".join((*folders, kind, name)))
    if wrong:
        yield (
            f"File names must begin with the labels of their folders. Found {len(wrong):,} of "
            f"{counted(len(files), 'file')} that do not: {listed(wrong, 3)}. Rename or move them."
        )
