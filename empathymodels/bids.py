"""A study from the behaviour in a BIDS data set: its events, its people, and their sidecars.

While files are read, what their names say stands in columns called ``sub-``, ``ses-``, ``run-``,
so that it cannot be mistaken for a column of the files. The study's log names them so.
"""

from __future__ import annotations

import csv
import json
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.reading import MISSING_TEXT, as_numbers, first_rows
from empathymodels.study import Study
from empathymodels.wording import counted, did_you_mean, listed, tell_all

type About = dict[str, dict[str, Any]]  # what sidecars say, by column

FOLDERS = ("func", "beh")
SUFFIXES = ("events", "beh")
KEYS = {"sub-": "participant", "ses-": "session", "run-": "block"}
PLACE = "place in the run"  # the column that numbers trials where the files do not
FILE, LINE = "file-", "line-"  # where a row was found: number of the file, line in it
TRUTH = {"true": True, "false": False}
UNREADABLE = (OSError, ValueError, csv.Error)


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
        Tables of the task that can be read; the index is the line in the file.
    about : list of dict
        For every file of the task, what its sidecars say about the columns.
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
    """What is wrong with a data set, what is doubtful and what was done, as it is found."""

    problems: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


def read_bids(
    folder: str | Path,
    *,
    task: str,
    keep: str | None,
    columns: Mapping[str, str],
    missing: Mapping[str, Any],
    codes: Mapping[str, Mapping[Any, Any]],
    labels: Sequence[str],
    sessions: Sequence[str] | None,
) -> Study:
    """Return the study of `Study.from_bids`, which explains the arguments.

    `keep` may read variables of that method's caller.
    """
    root, told = Path(folder), Told()
    labels = [labels] if isinstance(labels, str) else list(labels)
    sessions = [sessions] if isinstance(sessions, str) else list(map(str, sessions or ()))
    opening = f"Task '{task}' of BIDS data set '{root.resolve().name}' cannot be used as it is:"
    files = _task_files(root, task, sessions, told)
    contents = _contents(root, files)
    told.problems.extend([*_misplaced(root, files), *_unreadable(root, contents)])
    rows = _chosen(files, _united(files, contents, told), keep, told) if files else pd.DataFrame()
    if rows.empty:  # what else is wrong depends on the rows that are meant
        tell_all(opening, told.problems)

    people = _people(contents, columns, told)
    columns = {ours: own for ours, own in columns.items() if ours != "participant"}
    keys, trial = _keys(rows, columns, told), _trial_column(rows, columns)
    told.problems.extend(_files_of_one_run(files, rows))
    if trial == PLACE:
        rows = _numbered(files, rows, keys, told)
    elif trial in rows:
        rows = _without_repeats(rows, keys, trial, told)
    levels = _codes(rows, people, contents, columns, labels, told)
    name, citation = _title(root, contents.data_set)
    found = {ours: own for ours, own in (keys | {"trial": trial}).items() if own != ours}
    try:
        study = Study(
            trials=_trials(rows, keys),
            participants=None if people is None else _typed(people),
            name=name,
            citation=citation,
            notes=_notes(contents, rows, people, columns),
            columns=found | columns,
            missing=missing,
            codes=levels | dict(codes),
            log=tuple(told.log),
        )
    except ValueError as error:  # an opening, then a numbered line for each problem
        lines = str(error).splitlines()[1:] or [str(error)]
        told.problems.extend(re.sub(r"^\s*\d+\. ", "", line) for line in lines)
    tell_all(opening, told.problems)
    for doubt in told.doubts:
        warnings.warn(doubt, stacklevel=3)
    return study


# files and their names


def _named(path: Path) -> Named:
    *parts, suffix = path.stem.split("_")
    pairs = [part.partition("-") for part in parts]
    return Named(path, {key: value for key, _, value in pairs}, suffix)


def _task_files(root: Path, task: str, sessions: list[str], told: Told) -> list[Named]:
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
    return [file for file in map(_named, paths) if file.suffix in SUFFIXES]


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
        table = _read_table(path)
        table = table.loc[~table["acq_time"].isin(MISSING_TEXT)]
        return dict(
            zip(table["session_id"].str.removeprefix("ses-"), table["acq_time"], strict=True)
        )
    except (*UNREADABLE, KeyError):
        return {}


def _misplaced(root: Path, files: list[Named]) -> Iterator[str]:
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


# what files hold


def _contents(root: Path, files: list[Named]) -> Contents:
    chains = _sidecar_chains(root, files)
    single = [root / name for name in ("participants.json", "dataset_description.json")]
    people = root / "participants.tsv"
    broken: dict[Path, str] = {}
    tables = _each((*(file.path for file in files), *_there(people)), _read_table, broken)
    paths = dict.fromkeys(path for chain in chains for path in chain)
    objects = _each((*paths, *_there(*single)), _read_json, broken)
    about = {chain: _merged([objects.get(path, {}) for path in chain]) for chain in set(chains)}
    return Contents(
        tables={path: table for path, table in tables.items() if path != people},
        about=[about[chain] for chain in chains],
        people=tables.get(people),
        people_about=_merged([objects.get(single[0], {})]),
        data_set=objects.get(single[1], {}),
        broken=broken,
    )


def _there(*paths: Path) -> list[Path]:
    return [path for path in paths if os.path.lexists(path)]  # a dangling link is told, not skipped


def _each[T](
    paths: Iterable[Path], read: Callable[[Path], T], broken: dict[Path, str]
) -> dict[Path, T]:
    """Return what can be read; `broken` receives why the rest cannot."""
    done = {}
    for path in paths:
        try:
            done[path] = read(path)
        except UNREADABLE as error:
            broken[path] = getattr(error, "strerror", None) or str(error)
    return done


def _read_table(path: Path) -> pd.DataFrame:
    """Return a table as text, with the lines of the file as index; a cell more or less is told."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter="\t")
        filled = (row for row in reader if "".join(row).strip())
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in filled]
    header = rows[0][1] if rows else []
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ValueError(f"several columns are named {listed(twice)}")
    for line, cells in rows:
        if len(cells) != len(header):
            raise ValueError(f"line {line} has {len(cells)} values for {len(header)} columns")
    lines = [line for line, _ in rows[1:]]
    return pd.DataFrame([cells for _, cells in rows[1:]], index=lines, columns=header)


def _read_json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict):
        raise ValueError(f"holds no JSON object but a {type(content).__name__}")
    return content


def _unreadable(root: Path, contents: Contents) -> Iterator[str]:
    if contents.broken:
        shown = [
            f"'{path.relative_to(root).as_posix()}' ({why})"
            for path, why in list(contents.broken.items())[:3]
        ]
        more = len(contents.broken) - len(shown)
        yield (
            "Files must be tables of tab-separated values (.tsv) or JSON objects, in UTF-8. Found "
            f"{len(contents.broken):,} that cannot be read so: {'; '.join(shown)}"
            f"{f' (and {more:,} more)' if more else ''}. Repair them, or fetch their contents "
            "where they are links (datalad get)."
        )


def _sidecar_chains(root: Path, files: list[Named]) -> list[tuple[Path, ...]]:
    """Return for every file its sidecars, from the general to the particular.

    By BIDS inheritance these are the JSON files in its folder, or one above, of its suffix, and
    all of whose entities it has.
    """
    held: dict[Path, list[Named]] = {}
    chains = []
    for file in files:
        chain: list[Path] = []
        for folder in [root / above for above in file.path.relative_to(root).parents][::-1]:
            if folder not in held:
                held[folder] = sorted(
                    map(_named, folder.glob("*.json")), key=lambda side: len(side.entities)
                )
            chain += [
                side.path
                for side in held[folder]
                if side.suffix == file.suffix and side.entities.items() <= file.entities.items()
            ]
        chains.append(tuple(chain))
    return chains


def _merged(objects: Iterable[Mapping[str, Any]]) -> About:
    """Return what is said of every column; what comes later replaces it."""
    return {
        column: about
        for content in objects
        for column, about in content.items()
        if isinstance(about, dict)
    }


# rows of events


def _united(files: list[Named], contents: Contents, told: Told) -> pd.DataFrame:
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
    lines = np.concatenate([table.index for table in filled])
    told.log.extend(_reading_log(files, contents, tables))
    return rows.assign(**{FILE: number, LINE: lines})


def _labels_of(files: list[Named], entity: str) -> pd.Series:
    """Return an entity of every file: text; sessions and runs as numbers where all are whole."""
    absent = "1" if entity == "run" else None  # BIDS: an only run need not be numbered
    labels = pd.Series([file.entities.get(entity, absent) for file in files], dtype=object)
    whole = entity in ("ses", "run") and labels.dropna().str.fullmatch(r"\d+").all()
    return pd.to_numeric(labels) if whole else labels


def _reading_log(
    files: list[Named], contents: Contents, tables: list[pd.DataFrame]
) -> Iterator[str]:
    read = [file for file in files if file.path in contents.tables]
    yield f"read {counted(len(read), 'file')} of task '{files[0].entities['task']}'"
    empty = [file.path.name for file in read if contents.tables[file.path].empty]
    if empty:
        yield f"{counted(len(empty), 'file')} had no rows: {listed(empty, 3)}"
    without = [file for file in files if "run" not in file.entities]
    if 0 < len(without) < len(files):
        yield f"took {counted(len(without), 'file')} without run- in the name for run 1"
    filled = [table for table in tables if len(table)]
    for column in dict.fromkeys(column for table in filled for column in table):
        lacking = sum(column not in table for table in filled)
        if lacking:
            yield f"{counted(lacking, 'file')} had no column '{column}': read as missing"


def _chosen(files: list[Named], rows: pd.DataFrame, keep: str | None, told: Told) -> pd.DataFrame:
    """Return the rows that `keep` chooses; none, and a problem, where it cannot."""
    if keep is None or rows.empty:
        return rows
    view = _typed(rows).drop(columns=[FILE, LINE])
    view = view.rename(columns={name: key for name, key in KEYS.items() if key not in view})
    view = view.rename(columns={n: n[:-1] for n in view if n[-1:] == "-" and n[:-1] not in view})
    kept = rows.iloc[:0]
    try:
        true = view.eval(keep, engine="python", level=3)  # Study.from_bids is called there
        if isinstance(true, pd.Series) and pd.api.types.is_bool_dtype(true):
            kept, why = rows.loc[true.fillna(False)], "it is true of no row"
        else:
            why = "it is not true or false of every row"
    except (AttributeError, KeyError, NameError, SyntaxError, TypeError, ValueError) as error:
        why = str(error)
    if kept.empty:
        told.problems.append(
            f"`keep` must be a pandas query that chooses rows of events. Found {keep!r}: {why}. "
            f"It can read {listed(view, 30)}. Labels are text: \"participant == '07'\"."
        )
        return kept
    told.log.append(
        f"dropped {len(rows) - len(kept):,} of {counted(len(rows), 'row')}: kept {keep}"
    )
    lost = [files[number].path.name for number in sorted({*rows[FILE]} - {*kept[FILE]})]
    if lost:
        told.log.append(f"no row was kept of {counted(len(lost), 'file')}: {listed(lost, 3)}")
    idle = [name for name in kept if name.endswith("-") and kept[name].isna().all()]
    return kept.drop(columns=idle).reset_index(drop=True)


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table with numbers and truth values where a whole column is, else text."""
    return rows.apply(lambda values: values if values.name == "sub-" else _typed_column(values))


def _typed_column(values: pd.Series) -> pd.Series:
    given = values.dropna()
    if given.empty or not as_numbers(given).isna().any():
        return pd.to_numeric(values) if len(given) else values.astype(float)
    lower = given.str.lower()
    return values.str.lower().map(TRUTH) if lower.isin(list(TRUTH)).all() else values


def _keys(rows: pd.DataFrame, columns: Mapping[str, str], told: Told) -> dict[str, str]:
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


def _trial_column(rows: pd.DataFrame, columns: Mapping[str, str]) -> str:
    """Return the column that numbers trials: theirs where they have or name one."""
    theirs = "trial" in rows and "trial" not in columns.values()
    return columns.get("trial", "trial" if theirs else PLACE)


def _files_of_one_run(files: list[Named], rows: pd.DataFrame) -> Iterator[str]:
    held = rows.groupby([name for name in KEYS if name in rows], dropna=False)[FILE].unique()
    shared = [[files[number].path.name for number in found] for found in held if len(found) > 1]
    if shared:
        yield (
            "Files of a task must differ in participant, session or run. Found "
            f"{sum(map(len, shared)):,} of {counted(len(files), 'file')} that share theirs: "
            f"{'; '.join(listed(names, 3) for names in shared[:3])}. Choose with `keep` by what "
            "else their names say, as in keep=\"acq == '...'\", or take some out of the data set."
        )


def _numbered(
    files: list[Named], rows: pd.DataFrame, keys: Mapping[str, str], told: Told
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
    rows: pd.DataFrame, keys: Mapping[str, str], same: np.ndarray, told: Told
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


def _without_repeats(
    rows: pd.DataFrame, keys: Mapping[str, str], trial: str, told: Told
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


# people and words


def _people(contents: Contents, columns: Mapping[str, str], told: Told) -> pd.DataFrame | None:
    """Return participants.tsv with labels as in file names, or None."""
    people, name = contents.people, columns.get("participant", "participant_id")
    if people is None or people.empty:
        if people is not None:
            told.log.append("participants.tsv had no rows")
        if "participant" in columns:
            told.problems.append(
                "`columns` can name 'participant' only for participants.tsv. Found "
                f"'{name}' and no such table with rows. Drop it: the labels are in the file names."
            )
        return None
    if name not in people:
        told.problems.append(
            f"participants.tsv must have a column '{name}'. It has {listed(people)}. Name that of "
            f'the labels: columns={{"participant": "..."}}.{did_you_mean(name, people)}'
        )
        return None
    people = people.rename(columns={name: "sub-"}).reset_index(drop=True)
    people["sub-"] = people["sub-"].str.removeprefix("sub-")
    return people.mask(people.isin(MISSING_TEXT))


def _codes(
    rows: pd.DataFrame,
    people: pd.DataFrame | None,
    contents: Contents,
    columns: Mapping[str, str],
    labels: Sequence[str],
    told: Told,
) -> dict[str, dict[str, str]]:
    """Return what the codes in the columns `labels` stand for, by our names of these."""
    meant: dict[str, dict[str, dict[str, None]]] = {}
    for table, abouts in ((rows, contents.about), (people, [contents.people_about])):
        for about in _distinct(abouts):
            for column in [column for column in about if table is not None and column in table]:
                for code, name in _levels(about, column).items():
                    meant.setdefault(column, {}).setdefault(code, {})[name] = None
    ours = {own: name for name, own in columns.items()}
    known = sorted(ours.get(column, column) for column in meant)
    for name in [name for name in labels if name not in known]:
        told.problems.append(
            f"`labels` must name columns with Levels in a sidecar. Found '{name}'; there are "
            f"{listed(known)}. Correct or drop it.{did_you_mean(name, known)}"
        )
    codes = {name: meant[columns.get(name, name)] for name in labels if name in known}
    for name, meanings in codes.items():
        for code, names in [(code, names) for code, names in meanings.items() if len(names) > 1]:
            told.problems.append(
                f"A code of '{name}' must have one meaning to be replaced by it. Found '{code}' "
                f"as {listed(names)} in the Levels of different sidecars. Correct the sidecars, "
                f"or take '{name}' out of `labels`."
            )
    return {name: {code: next(iter(n)) for code, n in m.items()} for name, m in codes.items()}


def _distinct(abouts: list[About]) -> list[About]:
    return list({id(about): about for about in abouts}.values())


def _levels(about: About, column: str) -> dict[str, str]:
    """Return the names of codes; in newer BIDS these are objects with a Description."""
    levels = about.get(column, {}).get("Levels")
    if not isinstance(levels, dict):
        return {}
    said = {code: v.get("Description") if isinstance(v, dict) else v for code, v in levels.items()}
    same = {code: re.sub(r"^(-?\d+)\.0+$", r"\1", code) for code in said}  # 1.0 means 1
    return {same[code]: code if name is None else str(name) for code, name in said.items()}


def _trials(rows: pd.DataFrame, keys: Mapping[str, str]) -> pd.DataFrame:
    """Return typed rows, keys first; the parts of file names that are no keys follow at the end."""
    table = _typed(rows.drop(columns=[FILE, LINE]))
    first = [own for own in (*keys.values(), PLACE) if own in table]
    rest = [name for name in table if name not in first]
    parts = {name: name[:-1] for name in rest if name.endswith("-") and name[:-1] not in table}
    return table[[*first, *rest]].rename(columns=parts)


def _title(root: Path, data_set: Mapping[str, Any]) -> tuple[str, str]:
    """Return name and citation from dataset_description.json."""
    name = _text(data_set.get("Name")) or root.resolve().name
    doi = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", _text(data_set.get("DatasetDOI")))
    licence = _text(data_set.get("License"))
    parts = [_text(data_set.get("Authors")), name, f"doi:{doi}", f"Licence: {licence}"]
    given = [bool(parts[0]), True, bool(doi), bool(licence)]
    said = [part.rstrip(".") for part, there in zip(parts, given, strict=True) if there]
    return name, f"{'. '.join(said)}." if data_set else ""


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "").strip()


def _notes(
    contents: Contents,
    rows: pd.DataFrame,
    people: pd.DataFrame | None,
    columns: Mapping[str, str],
) -> str:
    """Return what the JSON files say, one line for each column."""
    ours = {own: name for name, own in columns.items()}
    titles = {"HowToAcknowledge": "To acknowledge", "ReferencesAndLinks": "References"}
    said = {title: _text(contents.data_set.get(key)) for key, title in titles.items()}
    lines = [f"{title}: {text}" for title, text in said.items() if text]
    lines += _descriptions("trials", contents.about, rows, ours)
    if people is not None:
        lines += _descriptions("participants", [contents.people_about], people, ours)
    return "\n".join(lines)


def _descriptions(
    table_name: str, abouts: list[About], table: pd.DataFrame, ours: Mapping[str, str]
) -> Iterator[str]:
    said: dict[str, dict[str, None]] = {}
    for about in _distinct(abouts):
        for column in [column for column in about if column in table]:
            said.setdefault(column, {})[_sentence(about, column)] = None
    for column, texts in said.items():
        first, *others = [text for text in texts if text] or [""]
        more = f" ({counted(len(others), 'other description')} in other files)" if others else ""
        if first:
            yield f"{table_name}.{ours.get(column, column)}: {first}{more}"


def _sentence(about: About, column: str) -> str:
    said = about[column]
    levels = "; ".join(f"{code} = {name}" for code, name in _levels(about, column).items())
    parts = [_text(said.get("LongName")), _text(said.get("Description"))]
    parts += [f"Units: {_text(said['Units'])}"] if said.get("Units") else []
    parts += [f"Levels: {levels}"] if levels else []
    return ". ".join(part.rstrip(".") for part in parts if part)
