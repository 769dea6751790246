"""The docstring of a model's file: title, equations, notes and references.

It is laid out as numpydoc asks: a first line, prose with the equations, and sections whose
titles are underlined.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

SECTION = re.compile(r"^(Notes|References)\n-{3,}\n", re.MULTILINE)
DOI = re.compile(r"[\s,]*(?:doi:|https://doi\.org/)\s*(10\.\d{4,9}/\S+?)\.?(?=\s|$)")


def docstring_of(path: Path) -> str:
    """Return the docstring of a Python file, which is not run."""
    about = path.stat()
    return _docstring_of(path, (about.st_mtime_ns, about.st_size))


@cache
def _docstring_of(path: Path, changed: tuple[int, int]) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def title_of(text: str) -> str:
    """Return what the first line says, after the name that it begins with."""
    line = text.partition("\n")[0].rstrip(".")
    return line.partition(": ")[2] or line


def equations_of(text: str) -> str:
    """Return the prose between the first line and the sections."""
    return SECTION.split(text.partition("\n")[2])[0].strip()


def section_of(text: str, title: str) -> str:
    """Return one of the sections; "" where there is none."""
    _, *found = SECTION.split(text)
    return dict(zip(found[::2], found[1::2], strict=True)).get(title, "").strip()


def references_of(text: str) -> list[tuple[str, str]]:
    """Return citation and DOI of the papers of the section ``References``, which end in it."""
    given = " ".join(section_of(text, "References").split())
    pieces = DOI.split(given)  # citation, DOI, citation, DOI, ..., the rest
    return list(zip(map(str.strip, pieces[:-1:2]), pieces[1::2], strict=True))
