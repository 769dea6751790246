"""What an open study is: where its files are, what they must hold, how they become a `Study`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath

import pandas as pd

from empathymodels.study.study import Study

Files = Mapping[str, Path]  # where every file of a study is, by its name
SHOWN = 5  # files that are named where many are absent
ANNEX, LINK_LENGTH = b".git/annex/objects/", 300  # what such a link says, in its first bytes


@dataclass(frozen=True)
class FileTable:
    """A table in one file or in many, of which the cells have a checksum and the bytes have none.

    Attributes
    ----------
    paths : tuple of str
        Paths of its files in the repository, in order.
    columns : tuple of str
        The columns that are read; a file that lacks one has it missing.
    digest : str
        SHA-256 of these cells, however numbers and missing values are written.
    """

    paths: tuple[str, ...]
    columns: tuple[str, ...]
    digest: str

    def read(self, files: Files) -> pd.DataFrame:
        """Return all rows as text, with the name of their file in front and "" where missing."""
        parts = []
        for name in map(file_name, self.paths):
            separator = "\t" if name.endswith(".tsv") else ","
            part = pd.read_csv(files[name], sep=separator, dtype=str, keep_default_na=False)
            part = part.reindex(columns=list(self.columns), fill_value="")
            part.insert(0, "file", name)
            parts.append(part)
        return pd.concat(parts, ignore_index=True).map(_plain)

    def digest_of(self, table: pd.DataFrame) -> str:
        """Return the SHA-256 of what `read` returns."""
        rows = [list(table), *table.to_numpy().tolist()]
        return sha256("\n".join("\t".join(row) for row in rows).encode()).hexdigest()


def _plain(cell: str) -> str:
    """Write a number in one way, and what is missing as ""."""
    cell = cell.strip()
    try:
        return "" if cell.lower() in ("n/a", "nan") else f"{float(cell.replace(',', '.')):.9g}"
    except ValueError:
        return cell


def file_name(path: str) -> str:
    """Return the name of a file of a repository."""
    return PurePosixPath(path).name


@dataclass(frozen=True)
class OpenStudy:
    """A published data set under an open licence.

    Attributes
    ----------
    title : str
        What was studied, in words.
    repository, commit : str
        Where its files are on GitHub (owner/name), and in which state.
    licence, citation : str
        What to keep with copies, and what to cite.
    model : str
        The built-in model that is nearest, or "" where none reads these data.
    read : callable
        Make a study of its files, given by name.
    files : mapping of str to str
        SHA-256 of every file that is read as it is, by its path in the repository.
    tables : tuple of FileTable
        What is read of files that have no checksum of their own.
    variant : str
        What to add to ``em.get_model(model)`` for these data: ``.rival("no_items")``.
    """

    title: str
    repository: str
    commit: str
    licence: str
    citation: str
    model: str
    read: Callable[[Files], Study]
    files: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[FileTable, ...] = ()
    variant: str = ""

    @property
    def address(self) -> str:
        """Where files are downloaded from."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/"

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of all files in the repository."""
        return (*self.files, *(path for table in self.tables for path in table.paths))

    @property
    def call(self) -> str:
        """The model as it is written in Python."""
        return f'em.get_model("{self.model}"){self.variant}'

    def located(self, folder: Path) -> dict[str, Path]:
        """Return where every file is: in a folder, or below it as in the repository."""
        beside = {path: folder / file_name(path) for path in self.paths}
        return {
            place.name: place if place.is_file() else folder / path
            for path, place in beside.items()
        }

    def faults(self, files: Files) -> list[str]:
        """Return what is wrong with files: they are absent, or not those that were published."""
        said = [_absence(path, files[file_name(path)]) for path in self.paths]
        if absent := [fault for fault in said if fault]:
            more = [f"{len(absent) - SHOWN} more are"] if len(absent) > SHOWN else []
            return absent[:SHOWN] + more
        digests = {path: files[file_name(path)].read_bytes() for path in self.files}
        changed = [
            f"'{file_name(path)}' has other bytes than the one that was published"
            for path, content in digests.items()
            if sha256(content).hexdigest() != self.files[path]
        ]
        others = [
            f"{_named(table.paths)} other cells than those that were published"
            for table in self.tables
            if table.digest_of(table.read(files)) != table.digest
        ]
        return changed + others


def is_annexed(file: Path) -> bool:
    """Whether a file only says where git-annex has its content: a link, or the text of one."""
    is_link = file.is_symlink() and not file.exists()
    return is_link or (file.is_file() and ANNEX in file.read_bytes()[:LINK_LENGTH])


def _absence(path: str, file: Path) -> str:
    """Return why a file has no content, or ""."""
    if is_annexed(file):
        return f"'{file.name}' is a link to content that git-annex keeps elsewhere"
    return "" if file.is_file() else f"'{file.name}' is absent ('{path}' of the repository)"


def _named(paths: tuple[str, ...]) -> str:
    first = f"'{file_name(paths[0])}'"
    return f"{first} has" if len(paths) == 1 else f"the {len(paths)} files like {first} have"
