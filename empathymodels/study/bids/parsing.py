"""Tables and JSON objects from the text of files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from empathymodels.study.table_files import UNREADABLE, text_table


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
    """Return a table as text, with the lines of the file as index and no blanks around cells."""
    table, _ = text_table(path, "\t")
    return table.apply(lambda cells: cells.str.strip())


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(content, dict):
        raise ValueError(f"holds no JSON object but a {type(content).__name__}")
    return content
