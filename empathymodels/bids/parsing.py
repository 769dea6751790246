"""Tables and JSON objects from the text of files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from empathymodels.wording import listed

UNREADABLE = (OSError, ValueError, csv.Error)


def read_each[T](
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


def read_table(path: Path) -> pd.DataFrame:
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


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict):
        raise ValueError(f"holds no JSON object but a {type(content).__name__}")
    return content
