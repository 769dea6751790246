"""What the files of a data set hold, tables and sidecars."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from empathymodels.study.bids.files import Named, named, session_rows
from empathymodels.study.bids.parsing import read_each, read_json, read_table

type About = dict[str, dict[str, Any]]  # what sidecars say, by column


@dataclass(frozen=True, eq=False)
class Contents:
    """What the files hold, as text.

    Parameters
    ----------
    tables : dict of Path to DataFrame
        Tables of the task that can be read; the index is the line in the file.
    labels : list of str
        For every file of the task, whose it is.
    about : list of dict
        For every file of the task, what its sidecars say about the columns.
    people : DataFrame or None
        participants.tsv.
    phenotype : dict of Path to DataFrame
        The tables of scores in phenotype/.
    sessions : dict
        What sessions.tsv says of each session, by the labels of person and session.
    people_about, data_set : dict
        participants.json (and those in phenotype/) and dataset_description.json.
    broken : dict of Path to str
        Why the other files cannot be read.
    """

    tables: dict[Path, pd.DataFrame]
    labels: list[str]
    about: list[About]
    people: pd.DataFrame | None
    phenotype: dict[Path, pd.DataFrame]
    sessions: dict[tuple[str, str], dict[str, str]]
    people_about: About
    data_set: dict[str, Any]
    broken: dict[Path, str]


def read_contents(root: Path, files: list[Named]) -> Contents:
    """Return what the files of a task, the data set's own files and all sidecars hold."""
    chains = _sidecar_chains(root, files)
    description = root / "dataset_description.json"
    of_people = [root / "participants.json", *sorted((root / "phenotype").glob("*.json"))]
    people, scores = root / "participants.tsv", sorted((root / "phenotype").glob("*.tsv"))
    broken: dict[Path, str] = {}
    of_task = dict.fromkeys(file.path for file in files)
    tables = read_each((*of_task, *_there(people), *scores), read_table, broken)
    paths = dict.fromkeys(path for chain in chains for path in chain)
    objects = read_each((*paths, *_there(*of_people, description)), read_json, broken)
    about = {chain: _merged([objects.get(path, {}) for path in chain]) for chain in set(chains)}
    return Contents(
        tables={path: table for path, table in tables.items() if path in of_task},
        labels=[file.entities.get("sub", "") for file in files],
        about=[about[chain] for chain in chains],
        people=tables.get(people),
        phenotype={path: tables[path] for path in scores if path in tables},
        sessions=session_rows(root, {file.entities.get("sub", "") for file in files}, broken),
        people_about=_merged([objects.get(path, {}) for path in of_people]),
        data_set=objects.get(description, {}),
        broken=broken,
    )


def _there(*paths: Path) -> list[Path]:
    return [path for path in paths if os.path.lexists(path)]  # a dangling link is told, not skipped


def unreadable(root: Path, contents: Contents) -> Iterator[str]:
    """Yield a problem where files cannot be read."""
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
                    map(named, folder.glob("*.json")), key=lambda side: len(side.entities)
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
