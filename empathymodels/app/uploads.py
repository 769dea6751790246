"""Files that were given: kept under our names, or under plain ones where names tell something.

No name is used as a path unless every part of it is letters, digits and a few signs.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData, UploadFile

from empathymodels.app.data_set import DATA_SET, copied, given_data_set, keep_data_set
from empathymodels.app.file_names import pattern_of, plain_names
from empathymodels.app.forms import text_in, whole_text, write_upload
from empathymodels.app.matching import read_table
from empathymodels.app.page_words import own_names
from empathymodels.app.session import Session
from empathymodels.messages import counted, listed
from empathymodels.study.keys import KEYS

ENDINGS = (".csv", ".tsv", ".txt")
ENCODINGS = {
    "": "found out from the files",
    "utf-8": "UTF-8, as most programs write",
    "cp1252": "Windows (cp1252)",
    "utf-16": "UTF-16",
}
MOST_FILES = 5000
OURS = re.compile(rf"({'|'.join(KEYS)})(_[0-9a-f]+)?(\.(csv|tsv|txt))?")  # what tables are kept as
DIGITS = 12  # of the digest that a name has


def keep_uploads(
    form: FormData, folder: Path, before: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Keep the files of a form, and return what they are, as choices of a session.

    Tables that were there before stay, unless the form has others in their place.

    Raises
    ------
    ValueError
        Files are no tables, cannot be read, or have names that cannot be kept.
    """
    path = text_in(form, f"{DATA_SET}.path")
    data_set = _uploaded(form, DATA_SET)
    given = {table: uploads for table in KEYS if (uploads := _uploaded(form, table))}
    if bool(path) + bool(data_set) + bool(given) > 1:
        raise ValueError(
            "A study is read from tables or from a BIDS data set, and not from both; found both. "
            "Choose files for one of them."
        )
    if path:
        return given_data_set(copied(path, folder / DATA_SET), path)
    if data_set:
        root, own, left_out = keep_data_set(data_set, folder / DATA_SET)
        return given_data_set(root, own, left_out)
    new = {table: _keep_table(table, uploads, folder) for table, uploads in given.items()}
    every = {table: about for table in KEYS if (about := new.get(table, (before or {}).get(table)))}
    encoding = text_in(form, "encoding")
    if encoding not in ENCODINGS:
        raise ValueError(f"Encodings are those of the list; found '{encoding}'.")
    places = {table: _places(about, folder) for table, about in every.items()}
    encoding = encoding or _encoding([file for files in places.values() for file in files])
    kept = {
        table: {
            **about,
            "columns": read_table(files, table, folder, own_names({table: about}), encoding),
        }
        for (table, about), files in zip(every.items(), places.values(), strict=True)
    }
    several = [about["names"] for about in new.values() if "names" in about]
    pattern = pattern_of(several[0]) if several else ""
    return {"files": kept, "encoding": encoding} | ({"file_names": pattern} if pattern else {})


def _places(about: Mapping[str, Any], folder: Path) -> list[Path]:
    """Return where the files of a table are."""
    place = folder / str(about["file"])
    return [place / name for name in about["names"]] if "names" in about else [place]


def remove_unread(session: Session) -> None:
    """Remove tables that neither what is chosen nor what was fitted last reads any more."""
    plans = (session.choices, session.fitted)
    read = {file["file"] for plan in plans for file in plan["files"].values()}
    for path in session.folder.iterdir():
        if OURS.fullmatch(path.name) and path.name not in read:
            _remove(path)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _uploaded(form: FormData, name: str) -> list[tuple[str, UploadFile]]:
    """Return the files of a field with their paths in the folder that was given, if one was."""
    fields = [file for field in (name, f"{name}.folder") for file in form.getlist(field)]
    files = [file for file in fields if isinstance(file, UploadFile) and file.filename]
    try:
        paths = json.loads(str(form.get(f"{name}.paths") or "[]"))
    except (ValueError, RecursionError):
        paths = []
    is_told = isinstance(paths, list) and len(paths) == len(files) and {*map(type, paths)} == {str}
    names = paths if is_told else [str(file.filename) for file in files]
    return list(zip([name.replace("\\", "/") for name in names], files, strict=True))


# --------------------------------------------------------------------------------- tables


def _keep_table(table: str, uploads: list[tuple[str, UploadFile]], folder: Path) -> dict[str, Any]:
    """Keep the file, or the files, of a table by their content; return what they are."""
    names = [name for name, _ in uploads]
    is_one = len(names) == 1
    visible = [n for n in names if is_one or not n.rpartition("/")[2].startswith(".")]
    other = [name for name in visible if not name.lower().endswith(ENDINGS)]
    tables = [(n, file) for n, file in uploads if n in visible and n not in other]
    if not tables or (other and not any("/" in name for name in visible)):
        raise ValueError(
            f"Tables must be .csv, .tsv or .txt files; found {listed(other or names, 3)} for "
            f"{table}. Save them as CSV from your spreadsheet program."
        )
    about: dict[str, Any] = {"left_out": other} if other else {}
    if len(tables) == 1:
        ((own, file),) = tables
        ending = next(ending for ending in ENDINGS if own.lower().endswith(ending))
        written = folder / f"{table}_{secrets.token_hex()}{ending}"
        write_upload(file, written)
        own = whole_text(table, own.rpartition("/")[2])
        return about | {"file": _named_by_content(written, table), "own": own}
    parts = [name.strip("/").split("/") for name, _ in tables]
    shared = _shared(parts)
    names = plain_names(["/".join(one[len(shared) :]) for one in parts], table)
    if len({name.count("/") for name in names}) > 1:
        raise ValueError(
            f"The files of {table} must all lie equally deep in their folder, so that none is "
            f"overlooked; found {listed([min(names, key=len), max(names, key=len)])}. Put them "
            "into one folder."
        )
    written = folder / f"{table}_{secrets.token_hex()}"
    for name, (_, file) in zip(names, tables, strict=True):
        write_upload(file, written / name)
    place = _named_by_content(written, table)
    own = f"{shared[-1]}, " if shared else ""
    return about | {"file": place, "own": f"{own}{counted(len(names), 'file')}", "names": names}


def _named_by_content(written: Path, table: str) -> str:
    """Name what was written of a table by a digest, so that no name ever has two contents.

    Studies and scripts that were read or written before name files alone, and stay true.
    """
    digest = sha256()
    for path in [written, *sorted(written.rglob("*"))]:
        if path.is_file():
            with path.open("rb") as file:
                content = file_digest(file, "sha256").hexdigest()
            digest.update(f"{content} {path.relative_to(written).as_posix()}\n".encode())
    place = written.with_name(f"{table}_{digest.hexdigest()[:DIGITS]}{written.suffix}")
    _remove(written) if place.exists() else written.rename(place)
    return place.name


def _shared(parts: Sequence[Sequence[str]]) -> list[str]:
    """Return the folders that all files lie in."""
    shared = []
    for same in zip(*(one[:-1] for one in parts), strict=False):
        if len(set(same)) > 1:
            break
        shared.append(same[0])
    return shared


def _encoding(files: Sequence[Path]) -> str:
    """Return the encoding that all files can be read in, the most usual first."""
    texts = [file.read_bytes() for file in files]
    if texts and all(text[:2] in (b"\xff\xfe", b"\xfe\xff") for text in texts):
        return "utf-16"
    for encoding in ("utf-8", "cp1252"):
        try:
            for text in texts:
                text.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "utf-8"  # reading tells what is wrong
