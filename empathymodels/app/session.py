"""A session: one analysis, kept as a folder that outlives the server."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from empathymodels.app.script import is_same

IDENTIFIER = re.compile(r"[0-9a-f]{16}")
CHOICES = "choices.json"
RESULTS = {"design": "design.csv", "analysis": "report.html"}  # what a script writes last


@dataclass(frozen=True)
class Session:
    """One analysis.

    Attributes
    ----------
    folder : Path
        Everything that there is of it: the tables that were uploaded, ``choices.json``, and for
        each kind of script (``design``, ``analysis``) ``KIND.py``, ``KIND.job`` (its state),
        ``KIND.log`` and its results.
    """

    folder: Path

    @property
    def id(self) -> str:
        """Random name of the folder, and of the session in addresses."""
        return self.folder.name

    @property
    def choices(self) -> dict[str, Any]:
        """What was chosen until now."""
        return dict(json.loads((self.folder / CHOICES).read_text(encoding="utf-8")))

    @property
    def has_choices(self) -> bool:
        """Whether anything was chosen already."""
        return (self.folder / CHOICES).is_file()

    def choose(self, **changes: Any) -> None:
        """Write down what was chosen."""
        known = self.choices if self.has_choices else {}
        _write(self.folder / CHOICES, json.dumps(known | changes, indent=1))

    @property
    def fitted(self) -> dict[str, Any]:
        """What was chosen when the analysis was asked for last; until then, what is chosen now."""
        choices = self.choices
        return dict(choices.get("fitted", choices))

    def choose_to_fit(self, **changes: Any) -> None:
        """Write down what was chosen, and that the analysis is asked for with it."""
        chosen = self.choices | changes
        chosen.pop("fitted", None)
        self.choose(**chosen, fitted=chosen)

    def job(self, kind: str) -> dict[str, Any]:
        """State of a kind of script, and since when."""
        try:
            return dict(json.loads((self.folder / f"{kind}.job").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {"state": "new", "since": 0.0}

    def set_job(self, kind: str, state: str) -> None:
        """Write down a state, from now on."""
        _write(self.folder / f"{kind}.job", json.dumps({"state": state, "since": time.time()}))

    def prepare(self, kind: str, script: str) -> None:
        """Write a script; what another one left is removed, what the same one left is gone on with.

        The same one written by another version is the same. The last result of an earlier run is
        removed either way, so that it cannot be taken for new.
        """
        if kind == "analysis" and not is_same(self.script(kind), script):
            self._remove_draws()
        _write(self.folder / f"{kind}.py", script)
        (self.folder / RESULTS[kind]).unlink(missing_ok=True)

    def script(self, kind: str) -> str:
        """Return the script that was asked for last; empty if none was."""
        file = self.folder / f"{kind}.py"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def _remove_draws(self) -> None:
        for path in self.folder.glob("*.zarr"):
            shutil.rmtree(path)
        for pattern in ("*.nc", "*-*.csv", "*.png", "comparison.csv", "comparison.txt"):
            for path in self.folder.glob(pattern):
                path.unlink()

    def has_result(self, kind: str) -> bool:
        """Whether a script came to its end."""
        return (self.folder / RESULTS[kind]).exists()

    def log(self, kind: str, lines: int = 12) -> list[str]:
        """The last lines that a script wrote."""
        try:
            text = (self.folder / f"{kind}.log").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return [line for line in text.splitlines() if line.strip()][-lines:]

    def add_to_log(self, kind: str, line: str) -> None:
        """Write a line below what a script wrote."""
        with (self.folder / f"{kind}.log").open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def remove(self) -> None:
        """Remove the folder, with data and results."""
        shutil.rmtree(self.folder)


@dataclass(frozen=True)
class Sessions:
    """All sessions of a folder.

    Attributes
    ----------
    folder : Path
        Where they are; it is made if needed.
    """

    folder: Path

    def __iter__(self) -> Iterator[Session]:
        """The newest first."""
        found = [path for path in self.folder.iterdir() if IDENTIFIER.fullmatch(path.name)]
        there = [session for session in map(Session, found) if session.has_choices]
        yield from sorted(there, key=lambda session: -session.folder.stat().st_ctime)

    def new(self) -> Session:
        """Make an empty session."""
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        return Session(folder)

    def get(self, name: str) -> Session | None:
        """Return the session of that name, if there is one; the name is no path."""
        session = Session(self.folder / name) if IDENTIFIER.fullmatch(name) else None
        return session if session and session.has_choices else None


def _write(path: Path, text: str) -> None:
    """Write a file at once: a reader sees the old one or the new one."""
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)  # where a disk is full
