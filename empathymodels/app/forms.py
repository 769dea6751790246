"""What was written and chosen in forms."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData, UploadFile

LONGEST = 20_000  # letters of a text that is written in a form


def text_in(form: FormData, name: str, default: str = "") -> str:
    """Return what was written in a field, in one line.

    Raises
    ------
    ValueError
        It is too long.
    """
    given = form.get(name, default)
    return whole_text(name, " ".join(given.split())) if isinstance(given, str) else default


def whole_text(name: str, text: str) -> str:
    """Return a text that is kept as it is; one that is too long is refused, and never cut."""
    if len(text) > LONGEST:
        raise ValueError(
            f"A text must have at most {LONGEST:,} letters; found {len(text):,} in '{name}'. "
            "Shorten it."
        )
    return text


def column_in(form: FormData, name: str, columns: Sequence[str]) -> str:
    """Return the column of a file that was chosen in a field by its position; empty for none.

    Positions, because a browser sends line breaks of a name other than they are in the file.

    Raises
    ------
    ValueError
        The file has no such column.
    """
    given = form.get(name, "")
    return "" if given == "" else _at(given, columns, name, "a column of the file")


def people_in(form: FormData, name: str, people: Sequence[str]) -> list[str]:
    """Return the people who were chosen in a list by their positions, for the same reason.

    Raises
    ------
    ValueError
        There is nobody at such a position.
    """
    return [_at(given, people, name, "a person of the study") for given in form.getlist(name)]


def _at(given: object, labels: Sequence[str], name: str, what: str) -> str:
    if not isinstance(given, str) or given not in map(str, range(len(labels))):
        raise ValueError(
            f"A choice must be {what}, by its position from 0 to {len(labels) - 1}; found "
            f"{str(given)[:40]!r} for '{name}'. Choose again."
        )
    return labels[int(given)]


def plan_in(form: FormData, people: Sequence[str]) -> dict[str, Any]:
    """Return the plan that a form holds, of a study of these people."""
    formulas = {key: text_in(form, key) for key in form if key.startswith("covariates.")}
    draws, seed = text_in(form, "draws"), text_in(form, "seed")
    return {
        "rivals": [name for name in form.getlist("rival") if isinstance(name, str)],
        "left_out": people_in(form, "left_out", people),
        "left_out_reason": text_in(form, "left_out_reason"),
        "covariates": {key.partition(".")[2]: text for key, text in formulas.items() if text},
        "draws": _whole("Draws per chain", draws, least=1, most=100_000) if draws else None,
        "seed": _whole("The seed", seed, least=0, most=2**31 - 1) if seed else 1,
    }


def _whole(what: str, text: str, *, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ValueError(
            f"{what} must be a whole number from {least:,} to {most:,}; found '{text}'. Correct it."
        )
    return int(text)


def write_upload(file: UploadFile, path: Path) -> None:
    """Write a file that came with a form to a path of ours."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("wb") as kept:
        shutil.copyfileobj(file.file, kept)
