"""A BIDS data set that was given: uploaded, or by its folder on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile

from empathymodels.app.file_names import plain_names
from empathymodels.app.forms import whole_text, write_upload
from empathymodels.app.matching import first_values
from empathymodels.messages import listed, shortened
from empathymodels.study.bids.overview import recording_of, role_of, tables_of, tasks_of

DATA_SET = "bids"  # name of its field, and of its folder


def given_data_set(root: Path, own: str, left_out: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a data set that is kept has, as choices of a session."""
    tasks = tasks_of(root)
    about = {"file": root.name, "own": whole_text(DATA_SET, own), "tasks": tasks}
    about |= {"left_out": list(left_out)} if left_out else {}
    return {"bids": about, "encoding": "utf-8"} | task_of(root, about, tasks[0])


def task_of(root: Path, about: dict[str, Any], task: str) -> dict[str, Any]:
    """Return what a task of a data set has, as choices of a session."""
    tables = tables_of(root, task)
    files = {
        table: {"file": about["file"], "own": about["own"], "columns": first_values(rows)}
        for table, rows in tables.items()
    }
    return {"bids": about | {"task": task, "keep": ""}, "files": files}


def keep_data_set(uploads: list[tuple[str, UploadFile]], root: Path) -> tuple[Path, str, list[str]]:
    """Keep what is read of a data set; return where, what it is called, and what is left out."""
    parts = [name.strip("/").split("/") for name, _ in uploads]
    depths = [i for one in parts for i, part in enumerate(one[:-1]) if part.startswith("sub-")]
    above = min(depths, default=0)
    shared = next((one[:above] for one in parts if "".join(one[above:]).startswith("sub-")), [])
    within = {
        "/".join(one[above:]): file
        for one, (_, file) in zip(parts, uploads, strict=True)
        if one[:above] == shared
    }
    read = {recording_of(name): file for name, file in within.items() if role_of(name)}
    outside = ["/".join(one) for one in parts if one[:above] != shared]
    other = [*(name for name in within if not role_of(name)), *outside]
    left_out = [name for name in other if not name.rpartition("/")[2].startswith(".")]
    for name in plain_names(list(read), "the data set"):
        path = root / name
        if role_of(name) == "all":
            write_upload(read[name], path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    root.mkdir(exist_ok=True)
    return root, shared[-1] if shared else "a BIDS data set", left_out


def copied(given: str, root: Path) -> Path:
    """Copy what is read of a data set on this machine: tables and sidecars, of images the names.

    Raises
    ------
    ValueError
        The path is no whole path of a data set, or files cannot be read.
    """
    source = _at_home(given)
    if not source.is_absolute():
        raise ValueError(
            f"The folder of a data set must be given by its whole path; found '{source}'. Write "
            "it from its beginning, such as /home/me/study."
        )
    tasks_of(source)  # tells what is wrong with it
    found = [*source.glob("*.*"), *source.glob("phenotype/*")]
    found += [path for person in source.glob("sub-*/") for path in person.rglob("*")]
    broken = []
    for path in found:
        name = path.relative_to(source).as_posix()
        role, kept = role_of(name), root / recording_of(name)
        if not role or (role == "all" and path.is_dir()):
            continue
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            shutil.copyfile(path, kept) if role == "all" else kept.touch()
        except OSError as error:
            broken.append(f"{shortened(name, 120)} ({error.strerror})")
    if broken:
        raise ValueError(
            f"Files of the data set must be readable; found {len(broken):,} that are not: "
            f"{listed(broken, 3)}. Fetch their contents where they are links (datalad get)."
        )
    return root


def _at_home(path: str) -> Path:
    """Return a path with the folder of a user in place of ``~``, where there is such a user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
