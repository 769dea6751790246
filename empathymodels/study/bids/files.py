"""The files of a task, and what their names say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from empathymodels.messages import Notices, counted, did_you_mean, listed
from empathymodels.study.bids.parsing import read_each, read_table
from empathymodels.study.table_files import natural
from empathymodels.study.table_header import MISSING_TEXT

FOLDERS = ("func", "beh", "eeg", "meg", "ieeg", "nirs")
SUFFIXES = ("events", "beh")
RECORDINGS = ("bold", "eeg", "meg", "ieeg", "nirs")
PARTS = ("echo", "part", "split", "recording")  # of one recording: they share its events


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
    *parts, suffix = path.name.partition(".")[0].split("_")
    pairs = [part.partition("-") for part in parts]
    return Named(path, {key: value for key, _, value in pairs}, suffix)


def task_files(root: Path, task: str, sessions: list[str], told: Notices) -> list[Named]:
    """Return the files to read, in order of participant, session and run."""
    every = files_of_tasks(root, told)
    tasks = sorted({file.entities.get("task", "") for file in every})
    if task not in tasks:
        raise ValueError(
            f"`task` must be a task with events or behaviour, in files *_task-{task}_*events.tsv "
            f"or _beh.tsv in sub-*/[ses-*/]({'|'.join(FOLDERS)}), or events above them. Found none "
            f"in {counted(len(every), 'file')} of '{root}'. There are {listed(tasks)}. "
            f"Name one of them.{did_you_mean(task, tasks)} {_what_lies_where(root, task)}"
        )
    files = [file for file in every if file.entities.get("task") == task]
    told.done.extend(_people_without(root, files))
    files = _of_sessions(_without_doubles(files, told), sessions, told)
    return _in_order(root, files, sessions, told)


def _people_without(root: Path, files: list[Named]) -> Iterator[str]:
    """Say whose folders have nothing of the task, or are not named so that it is read."""
    read = {f"sub-{file.entities.get('sub', '')}" for file in files}
    folders = [path.name for path in root.glob("[sS][uU][bB]-*/")]
    without = sorted({*folders} - read, key=natural)
    if without:
        yield (
            f"read no events of {len(without):,} of {counted(len(folders), 'folder')} of people: "
            f"{listed(without, 5)}"
        )


def files_of_tasks(root: Path, told: Notices) -> list[Named]:
    """Return the files of events or behaviour of all tasks, inherited ones once per recording."""
    own = _behaviour(root)
    return own + _inherited(root, own, told)


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
    return [file for file in _within(root, "sub-*.tsv") if file.suffix in SUFFIXES]


def _within(root: Path, pattern: str) -> list[Named]:
    """Return the files in everybody's folders that match a pattern."""
    inside = [f"{session}{kind}" for session in ("", "ses-*/") for kind in FOLDERS]
    return [named(path) for folder in inside for path in root.glob(f"sub-*/{folder}/{pattern}")]


def _inherited(root: Path, own: list[Named], told: Notices) -> list[Named]:
    """Return events above the recordings that have none of their own, once for each recording.

    By BIDS inheritance they are the nearest file whose entities the recording has: for everybody
    at the root, for a person or a session in their folder.
    """
    above = [
        named(path)
        for folder in ("", "sub-*/", "sub-*/ses-*/")
        for path in root.glob(f"{folder}*_events.tsv")
    ]
    if not above:
        return []
    with_events = {_run(file) for file in own if file.suffix == "events"}
    recordings = {}
    for file in _within(root, "sub-*_task-*"):
        entities = {key: value for key, value in file.entities.items() if key not in PARTS}
        if file.suffix in RECORDINGS and _run(file) not in with_events:
            recordings[tuple(entities.items())] = (file.path, entities)
    found = []
    for path, entities in recordings.values():
        fitting = [
            events
            for events in above
            if events.entities.items() <= entities.items() and events.path.parent in path.parents
        ]
        if fitting:
            nearest = max(fitting, key=lambda e: (len(e.path.parts), len(e.entities)))
            found.append(Named(nearest.path, entities, "events"))
    if found:
        names = sorted({file.path.name for file in found})
        told.log.append(
            f"took the events of {counted(len(found), 'recording')} from {listed(names)}"
        )
    return found


def _run(file: Named) -> tuple[str | None, ...]:
    return tuple(file.entities.get(key) for key in ("task", "sub", "ses", "run"))


def _what_lies_where(root: Path, task: str) -> str:
    """Say which files each kind of folder holds, those of the task if there are any."""
    levels = ("", "sub-*/", "sub-*/*/", "sub-*/ses-*/*/")
    every = [path for level in levels for path in root.glob(f"{level}*") if "_" in path.name]
    of_task = [path for path in every if named(path).entities.get("task") == task]
    held: dict[str, Counter[str]] = {}
    for path in of_task or every:
        folder = re.sub(r"-[^/]+", "-*", path.parent.relative_to(root).as_posix())
        _, _, ending = path.name.rpartition("_")
        held.setdefault(folder, Counter())[ending] += 1
    shown = [
        f"{'the root' if folder == '.' else folder} has "
        + ", ".join(f"{number:,} {ending}" for ending, number in counts.most_common(4))
        for folder, counts in list(held.items())[:6]
    ]
    of = f"of task '{task}' " if of_task else ""
    return f"What is there {of}lies so: {'; '.join(shown)}." if shown else ""


def _without_doubles(files: list[Named], told: Notices) -> list[Named]:
    """Return the files without those of behaviour that stand beside events of the same run."""
    with_events = {_run(file) for file in files if file.suffix == "events"}
    kept = [file for file in files if file.suffix == "events" or _run(file) not in with_events]
    if len(kept) < len(files):
        beside = counted(len(files) - len(kept), "_beh.tsv file")
        told.log.append(f"did not read {beside}: there are events of the same run")
    return kept


def _of_sessions(files: list[Named], sessions: list[str], told: Notices) -> list[Named]:
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


def _in_order(root: Path, files: list[Named], sessions: list[str], told: Notices) -> list[Named]:
    """Return the files by person, session and run; numbers in labels ascend, 2 before 10."""
    times = {} if sessions else _session_times(root, files, told)

    def place(file: Named) -> tuple[Any, ...]:
        person, session, run = (file.entities.get(key, "") for key in ("sub", "ses", "run"))
        when = sessions.index(session) if sessions else times.get((person, session), "")
        return natural(person), when, natural(session), natural(run), file.path

    return sorted(files, key=place)


def _session_times(root: Path, files: list[Named], told: Notices) -> dict[tuple[str, str], str]:
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
    told_of = session_rows(root, held, {})
    for person, labels in held.items():
        known = {
            label: said["acq_time"]
            for (of, label), said in told_of.items()
            if of == person and said.get("acq_time", "") not in MISSING_TEXT
        }
        if labels <= set(known):
            times |= {(person, label): known[label] for label in labels}
        elif len(labels) > 1:
            unknown.add(person)
    if unknown:
        shown = sorted({label for person in unknown for label in held[person]}, key=natural)
        told.doubts.append(
            f"Sessions {listed(shown)} of {counted(len(unknown), 'participant')} are taken in "
            "the order of their labels: no sub-*_sessions.tsv tells their acq_time. What a model "
            "learns over sessions depends on it. Name them in order of time: sessions=[...]."
        )
    return times


def session_rows(
    root: Path, people: Iterable[str], broken: dict[Path, str]
) -> dict[tuple[str, str], dict[str, str]]:
    """Return what sessions.tsv says of each session, by the labels of person and session.

    Each person has such a table, ``sub-*_sessions.tsv``; one at the root names the people.
    """
    paths = [root / "sessions.tsv"]
    paths += [root / f"sub-{person}" / f"sub-{person}_sessions.tsv" for person in people]
    there = [path for path in paths if path.exists()]
    said = {}
    for path, table in read_each(there, read_table, broken).items():
        of_one = named(path).entities.get("sub", "")
        for row in table.to_dict("records"):
            person = row.pop("participant_id", of_one).removeprefix("sub-")
            said[person, row.pop("session_id", "").removeprefix("ses-")] = row
    return said


def misplaced(root: Path, files: list[Named]) -> Iterator[str]:
    """Yield a problem where folders and names contradict each other."""
    wrong = []
    for file in [file for file in files if file.path.parent.name in FOLDERS]:
        *folders, kind, name = file.path.relative_to(root).parts
        said = [f"{key}-{file.entities[key]}" for key in ("sub", "ses") if key in file.entities]
        if said != folders:
            wrong.append("/".join((*folders, kind, name)))
    if wrong:
        yield (
            f"File names must begin with the labels of their folders. Found {len(wrong):,} of "
            f"{counted(len(files), 'file')} that do not: {listed(wrong, 3)}. Rename or move them."
        )
