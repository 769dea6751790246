"""What the JSON files say: meanings of codes, name and citation, descriptions of columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from empathymodels.messages import Notices, counted, did_you_mean, listed
from empathymodels.study.bids.contents import About, Contents


def meanings(
    rows: pd.DataFrame,
    people: pd.DataFrame | None,
    contents: Contents,
    columns: Mapping[str, str],
    labels: Sequence[str],
    told: Notices,
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


def title(root: Path, data_set: Mapping[str, Any]) -> tuple[str, str]:
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


def notes(
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
