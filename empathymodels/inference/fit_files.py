"""Self-sufficient fit files: write whole, read back anywhere, never run what they contain."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import xarray as xr

from empathymodels.files import Rule, lying, refuse_loss, whole
from empathymodels.inference.fits import version_of
from empathymodels.inference.integrity import (
    MARKS,
    REMEDY,
    SEALED,
    absurd_size,
    damage,
    other_kinds,
    root_attributes,
    seal,
)
from empathymodels.inference.study_tree import study_from_tree
from empathymodels.messages import listed
from empathymodels.terminal import tell

FORMAT = 1
FOR_LABELS = 2**20  # bytes beside the numbers, generously
BEGUN = "begun.zarr"  # in a store: a fit under way, without its draws
COMPLETE = "complete"  # in a run of a store: it came to its end
ZARR_FILES = {"zarr.json", ".lock", COMPLETE, ".DS_Store"}  # those that are no chunks
CHUNK = re.compile(r"(.*/)?c(/\d+)*")
UNFINISHED = re.compile(r"#\d+$")  # of a file that was being written when its process was killed


def write(fit: xr.DataTree, path: Path, rule: Rule) -> Path:
    """Write a fit as `save` does, over what a rule lets go."""
    check_suffix(path)
    check_text(fit.attrs.get("model_text"))
    complete = fit.copy()
    complete.attrs = {k: v for k, v in fit.attrs.items() if k != "source"} | {"format": FORMAT}
    with whole(path, what=f"A fit of {complete.nbytes / 1e6:.1f} MB", rule=rule) as [unfinished]:
        if path.suffix == ".nc":
            _check_room(unfinished, complete.nbytes + FOR_LABELS)
            complete.to_netcdf(unfinished, engine="h5netcdf")
        else:
            complete.to_zarr(unfinished, consolidated=False)
        seal(unfinished)
    return path


def _check_room(file: Path, size: int) -> None:
    """Raise OSError where the system has no room for a file (where it can be asked).

    HDF5 takes the whole process down some time after a write that failed.
    """
    if hasattr(os, "posix_fallocate"):
        with file.open("wb") as reserved:
            os.posix_fallocate(reserved.fileno(), 0, size)
        file.unlink()


# --------------------------------------------------------------------- what may be replaced


def _unless_fit(path: Path) -> str:
    """Say what lies at a path unless it is a finished fit of ours and nothing else."""
    if path.is_dir() and is_begun(path):
        return f"a fit under way ({lying(path)})"
    if not set(root_attributes(path)) >= MARKS:
        return f"{lying(path)} that is no fit"
    return foreign(path) if path.is_dir() else ""


def foreign(folder: Path) -> str:
    """Say what a Zarr folder of ours holds that is not of Zarr; empty where it holds nothing."""
    entries = [e for e in folder.rglob("*") if e.is_symlink() or not e.is_dir()]
    other = [str(place) for e in entries if not _is_zarr(place := e.relative_to(folder))]
    return f"a folder that also holds {listed(sorted(other), 5)}" if other else ""


def _is_zarr(place: Path) -> bool:
    """Whether a file within a Zarr folder is one of those that we, or the system, make there."""
    path = Path(UNFINISHED.sub("", place.as_posix()))
    return path.name in ZARR_FILES or CHUNK.fullmatch(path.as_posix()) is not None


FIT = Rule(_unless_fit, "Save elsewhere, or move it away.")


# ----------------------------------------------------------------------------- what fits are


def check_target(path: Path) -> None:
    """Raise for a path to which `save` cannot write, or at which something would be lost."""
    check_suffix(path)
    refuse_loss(path, FIT)


def check_text(text: str | None) -> None:
    """Raise ValueError for a model without a file."""
    if not text:
        raise ValueError(
            "A saved fit carries the file that defines its model; this model was defined outside "
            "a file. Put it into a .py file, get it with get_model(path) and fit again."
        )


def check_suffix(path: Path) -> None:
    """Raise ValueError or ImportError for a path that `save` cannot write."""
    if path.suffix not in (".nc", ".zarr"):
        raise ValueError(
            f"A fit is saved as .nc (netCDF) or .zarr; found '{path.name}'. Change the suffix."
        )
    if path.suffix == ".zarr" and find_spec("zarr") is None:
        raise ImportError(
            "A .zarr folder needs the zarr library; it is not installed. Install it with "
            "pip install 'empathymodels[zarr]', or save to .nc."
        )


def is_begun(path: Path) -> bool:
    """Whether a store holds a fit that is not finished."""
    return (path / BEGUN).is_dir()


def read(path: Path) -> xr.DataTree:
    """Return the tree that `save` wrote; raise ValueError where it is none."""
    try:
        fault = damage(path) or absurd_size(path)
        fit = xr.DataTree() if fault else _opened(path)
    except Exception as error:  # the libraries raise whatever they meet in what is no fit
        raise ValueError(
            f"A fit file must be netCDF (.nc) or Zarr written by save(); {path.name} cannot be "
            f"read as such: {_first_line(error)}. Give the file that save() wrote, or fit and save "
            "again."
        ) from error
    if fault:
        raise ValueError(fault)
    _check_format(fit, path)
    return fit


def _opened(path: Path) -> xr.DataTree:
    how = {"engine": "zarr", "consolidated": False} if path.is_dir() else {"engine": "h5netcdf"}
    with xr.open_datatree(path, **how) as stored:
        fit = stored.load().copy()
    fit.attrs.pop(SEALED, None)
    return fit


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".:")


def _check_format(fit: xr.DataTree, path: Path) -> None:
    from empathymodels.version import __version__

    if "fingerprint" not in fit.attrs:
        raise ValueError(
            f"{path.name} must be a fit written by save(); it has no model identity. Give the file "
            "that save() wrote."
        )
    written = fit.attrs.get("format", 0)
    if isinstance(written, int | np.integer) and written > FORMAT:
        raise ValueError(
            f"{path.name} has file format {written}; this version ({__version__}) "
            f"reads up to {FORMAT}. Update empathymodels."
        )
    if fault := other_kinds(fit, path):
        raise ValueError(fault)
    try:
        study_from_tree(fit["study"])
    except Exception as error:  # whatever a library meets in tables that are none
        raise ValueError(
            f"A fit must hold its study as save() wrote it; that of {path.name} cannot be read: "
            f"{_first_line(error)}. {REMEDY}"
        ) from error
    if (version := version_of(fit)) != __version__:
        tell(f"{path.name} was written by empathymodels {version}; this is {__version__}.")
