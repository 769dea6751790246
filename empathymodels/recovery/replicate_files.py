"""Files of replicates: one each, written whole, known again, and made anew where damaged."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from empathymodels.files import ANY_FILE, whole
from empathymodels.messages import counted, listed
from empathymodels.terminal import tell

_OWN_FILE = re.compile(r"[0-9a-f]{16}-\d{5,}\.json")  # see `replicating.Task.path`


@dataclass(frozen=True)
class Replicate:
    """One replicate that is done.

    Attributes
    ----------
    number : int
        Its place among the seeds, from 0.
    seconds : float
        How long it took.
    error : str
        Why it failed; empty where it did not.
    result : dict
        What `Task.run` returned; empty where it failed.
    """

    number: int
    seconds: float
    error: str
    result: dict[str, Any]


@contextmanager
def replicate_folder(folder: str | Path | None) -> Iterator[Path]:
    """The folder of replicates, made if need be; a temporary one unless given."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="empathymodels-") as made:
            yield Path(made)
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"Replicates are kept in a folder; '{folder}' is none and cannot be made: "
            f"{_reason(error)}. Name another.",
        ) from error
    place = Path(folder).resolve()
    refuse_foreign(place, _OWN_FILE.fullmatch, "replicates")
    yield place


def refuse_foreign(place: Path, is_ours: Callable[[str], Any], what: str) -> None:
    """Raise ValueError for a folder that holds anything else than what is kept there.

    Hidden files are passed over: unfinished ones of ours, and those of the operating system.
    """
    names = [entry.name for entry in place.iterdir() if not entry.name.startswith(".")]
    foreign = sorted(name for name in names if not is_ours(name))
    if foreign:
        raise ValueError(
            f"A folder of {what} must hold nothing else; found {listed(foreign, 3)} in {place}, "
            f"{len(foreign)} in all. Nothing there was touched. "
            "Name a new folder, which is then made."
        )


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def content_hash(content: Any) -> str:
    """Hash of what JSON can hold."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def put_replicate(one: Replicate, path: Path) -> None:
    """Write a replicate whole or not at all."""
    content = vars(one)
    text = json.dumps({"sha256": content_hash(content), "content": content})
    with whole(path, what="A replicate", rule=ANY_FILE) as (place,):  # known by its name as ours
        place.write_text(text, encoding="utf-8")


def write_replicate(one: Replicate, path: Path, done: int, number: int) -> None:
    """Write a replicate where no worker has; of `number` so many are done."""
    if path.exists():
        return
    try:
        put_replicate(one, path)
    except OSError as error:
        raise OSError(
            error.errno,
            f"Every replicate must be written as it finishes; replicate {one.number} cannot be: "
            f"{_reason(error)}. {done} of {number} are kept in {path.parent}. Make room "
            "there, or see that it may be written to, and run again: only the others are done.",
        ) from error


def read_replicates(
    paths: Mapping[int, Path], misshapen: Callable[[Mapping[int, Any]], Iterable[int]]
) -> dict[int, Replicate]:
    """Read the replicates that are there; damaged ones are removed and count as not there.

    Parameters
    ----------
    paths : mapping of int to Path
        Where each replicate would be.
    misshapen : callable
        As of `replicates.Task`.

    Raises
    ------
    OSError
        What is there is no file, or cannot be read or replaced.
    """
    found, damaged = dict[int, Replicate](), list[Path]()
    path = Path()
    try:
        for k, path in paths.items():
            if os.path.lexists(path):
                try:
                    found[k] = _replicate(path.read_bytes(), k)
                except (ValueError, FileNotFoundError):  # the latter of a link that leads nowhere
                    damaged.append(path)
        results = {k: one.result for k, one in found.items() if not one.error}
        for k in misshapen(results):
            damaged.append(paths[k])
            del found[k]
        for path in damaged:
            path.unlink()
    except OSError as error:
        raise OSError(
            error.errno,
            f"Replicates must be files that may be read and replaced; '{path}' is not: "
            f"{_reason(error)}. Move it away, or name another folder.",
        ) from error
    if damaged:
        names = listed(sorted(path.name for path in damaged), 3)
        tell(
            f"A replicate's file must be whole; {counted(len(damaged), 'file')} in "
            f"{damaged[0].parent} {'is' if len(damaged) == 1 else 'are'} not ({names}). Done again."
        )
    return found


def _replicate(content: bytes, number: int) -> Replicate:
    """Read one replicate.

    Raises
    ------
    ValueError
        The content is not that of this replicate's file.
    """
    try:
        stored = json.loads(content.decode("utf-8"))
        one = Replicate(**stored["content"])
        whole = stored["sha256"] == content_hash(stored["content"]) and one.number == number
        typed = isinstance(one.error, str) and isinstance(one.result, dict)
        timed = isfinite(one.seconds) and one.seconds >= 0
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if not (whole and typed and timed and bool(one.error) != bool(one.result)):
        raise ValueError("a replicate has a number, seconds, and a result or an error")
    return one
