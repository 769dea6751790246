"""Self-sufficient fit files: write whole, read back anywhere, never run what they contain."""

from __future__ import annotations

import json
import os
import re
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.catalog import FOLDER, get_model, list_models
from empathymodels.files import Rule, lying, refuse_loss, whole
from empathymodels.fits import checked_fit
from empathymodels.identity import fingerprint
from empathymodels.integrity import (
    MARKS,
    REMEDY,
    SEALED,
    absurd_size,
    damage,
    other_kinds,
    root_attributes,
    seal,
)
from empathymodels.model import Model
from empathymodels.study import Study
from empathymodels.terminal import tell
from empathymodels.wording import listed

FORMAT = 1
FOR_LABELS = 2**20  # bytes beside the numbers, generously
BEGUN = "begun.zarr"  # in a store: a fit under way, without its draws
COMPLETE = "complete"  # in a run of a store: it came to its end
VARIABLE = re.compile(r"\w[\w .()-]{0,99}(?<! )", re.ASCII)  # what any file may call a variable
FIXED_LENGTH = "SUV"  # kinds of types of texts and records of one length
ZARR_FILES = {"zarr.json", ".lock", COMPLETE, ".DS_Store"}  # those that are no chunks
CHUNK = re.compile(r"(.*/)?c(/\d+)*")


@checked_arguments
def save(fit: xr.DataTree, path: str | Path) -> Path:
    """Write a fit to one file from which everything downstream works.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    path : str or Path
        ``.nc`` for netCDF, ``.zarr`` for a Zarr folder. An older fit there is replaced, once
        the new one is complete.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FileExistsError
        What lies there is no finished fit, or more than one: a folder or file of another kind, a
        fit under way, a link, a read-only file. It is left alone.
    OSError
        It cannot be written, on a full disk for example. What was there before is as it was.
    TypeError
        Something that is no fit was given.
    ValueError
        The suffix is neither ``.nc`` nor ``.zarr``, or the model was not defined in a file.
    """
    return write(checked_fit(fit), Path(path), FIT)


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
    return place.name in ZARR_FILES or CHUNK.fullmatch(place.as_posix()) is not None


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


@checked_arguments
def load(
    path: str | Path, *, model: str | Path | None = None, trust_source: bool = False
) -> xr.DataTree:
    """Read a fit that `save` wrote, or what a store has of a fit under way.

    Parameters
    ----------
    path : str or Path
        File or Zarr folder. A store in which `fit` was stopped gives the fit of the draws that
        all chains have finished: ``attrs["partial"]`` says how many, every output that it is
        partial, and a message what goes on with it.
    model : str or Path, optional
        The file of the model, for a fit of a model of one's own. Its equations and
        declarations must equal those of the fit.
    trust_source : bool
        Use the model text stored in the file. This runs that text as Python: only for files
        whose author you trust.

    Returns
    -------
    DataTree
        As `fit` returned it.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is no fit, comes from a later format, or its model has changed since; a store
        has no draws yet.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"A fit must exist where you say; found none at {path}. Check the path."
        )
    fit = read(path / BEGUN if is_begun(path) else path)
    fit.attrs.pop("source", None)  # which file to run is for the caller to say
    if model is not None:
        fit.attrs["source"] = str(Path(model).resolve())
    elif trust_source and fit.attrs["model"] not in list_models():
        fit.attrs["source"] = str(_write_source(fit))
    if model is not None or fit.attrs["model"] in list_models() or trust_source:
        used = find_model(fit)
        tell(f"{path.name}: model '{used.label}' from {_origin(used, trust_source)}")
    if is_begun(path):
        from empathymodels.storing import partial_fit

        return partial_fit(path, fit)
    return fit


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


def _origin(model: Model, trusted: bool) -> str:
    if Path(model.source).parent == FOLDER:
        return "the installed package"
    return "the text stored in the file" if trusted else model.source


def _check_format(fit: xr.DataTree, path: Path) -> None:
    from empathymodels import __version__

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
    version = json.loads(fit.attrs["versions"])["empathymodels"]
    if version != __version__:
        tell(f"{path.name} was written by empathymodels {version}; this is {__version__}.")


def _write_source(fit: xr.DataTree) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="empathymodels-"))
    source = folder / f"{fit.attrs['model']}.py"
    source.write_text(fit.attrs["model_text"], encoding="utf-8")
    return source


def find_model(fit: xr.DataTree) -> Model:
    """Return the model behind a fit: the installed one or that of a named file.

    Raises
    ------
    ValueError
        It cannot be found, or its equations or declarations are no longer those of the fit.
    """
    name, source = fit.attrs["model"], fit.attrs.get("source", "")
    if name not in list_models() and not Path(source).is_file():
        raise ValueError(
            f"This fit is of '{name}', which is not among the installed models "
            f"({listed(list_models())}). Load it with load(path, model='{name}.py'), or, if you "
            "trust its author, with load(path, trust_source=True)."
        )
    base = get_model(source if Path(source).is_file() else name)
    written = json.loads(fit.attrs["versions"])["empathymodels"]
    try:
        model = base.vary(json.loads(fit.attrs["variant"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"What was changed in '{name}' for this fit (made with empathymodels {written}) must "
            f"be possible with the model as it is here. It is not: {error.args[0]} To use the fit, "
            "install that version or restore the model's file; else fit again."
        ) from error
    if fingerprint(model) != fit.attrs["fingerprint"]:
        raise ValueError(
            f"The equations or declarations of '{model.label}' have changed since this fit (made "
            f"with empathymodels {written}). Install that version, restore the model's file, or "
            "fit again. The text that was fitted is in fit.attrs['model_text']."
        )
    return model


# ------------------------------------------------------------------- studies in a tree


def study_tree(study: Study) -> xr.DataTree:
    """Return a study as a tree of datasets in which every missing value survives a file.

    Labels, booleans and mixed columns become integer codes with their values in an attribute
    (-1: missing), since plain netCDF cannot tell a missing text from an empty one.
    """
    groups = {name: _encoded(table) for name, table in study.tables.items()}
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {
        "name": study.name,
        "citation": study.citation,
        "notes": study.notes,
        "log": json.dumps(study.log),
        "simulated": int(study.simulated),
    }
    return tree


def study_from_tree(tree: xr.DataTree) -> Study:
    """Return the study that `study_tree` stored."""
    tables = {name: _decoded(node.to_dataset()) for name, node in tree.children.items()}
    return Study(
        trials=tables.get("trials"),
        participants=tables.get("participants"),
        regions=tables.get("regions"),
        name=tree.attrs["name"],
        citation=tree.attrs["citation"],
        notes=tree.attrs["notes"],
        log=tuple(json.loads(tree.attrs["log"])),
        simulated=bool(tree.attrs["simulated"]),
    )


def _encoded(table: pd.DataFrame) -> xr.Dataset:
    variables = {}
    for k, (name, column) in enumerate(table.items()):
        attributes = {"kind": "number", "column_dtype": str(column.dtype)}
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            missing = column.isna().any()
            values = column.to_numpy(
                dtype=float if missing else None, na_value=np.nan if missing else None
            )
        else:
            values, labels = _labelled(column)
            attributes |= {"kind": "labels", "labels": json.dumps([_plain(x) for x in labels])}
        held = str(name)
        if not VARIABLE.fullmatch(held) or held == "row":
            attributes["column"], held = held, f"column {k}"
        variables[held] = ("row", values, attributes)
    return xr.Dataset(variables, attrs={"columns": json.dumps(list(variables))})


def _labelled(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Return labels as codes, and what these stand for; of a categorical in its own order."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(dtype=np.int64), column.cat.categories
    column = column.astype(object)
    written = column.map(repr, na_action="ignore")  # True and 1, and 2 and 2.0, are not one
    values, _ = pd.factorize(written)
    return values, pd.Index(column[~written.duplicated() & written.notna()], dtype=object)


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, str | bool | int | float) else str(value)


def _decoded(dataset: xr.Dataset) -> pd.DataFrame:
    columns = {}
    for held in json.loads(dataset.attrs["columns"]):  # Zarr sorts them by name
        variable = dataset[held]
        name = str(variable.attrs.get("column", held))
        if variable.attrs["kind"] == "number":
            columns[name] = pd.Series(variable.to_numpy())
        else:
            labels = np.array([*json.loads(variable.attrs["labels"]), None], dtype=object)
            codes = variable.to_numpy()
            if ((codes < -1) | (codes >= len(labels) - 1)).any():
                raise ValueError(f"column '{name}' has codes without a label")
            columns[name] = pd.Series(labels[codes], dtype=object)
            if variable.attrs["column_dtype"] == "category":
                columns[name] = columns[name].astype(pd.CategoricalDtype(labels[:-1]))
        columns[name] = _restored(columns[name], variable.attrs["column_dtype"])
    return pd.DataFrame(columns)


def _restored(column: pd.Series, dtype: str) -> pd.Series:
    try:
        wanted = pd.api.types.pandas_dtype(dtype)
        if getattr(wanted, "kind", "O") in FIXED_LENGTH:  # asks for the memory that it names
            return column
        return column.astype(wanted)
    except (TypeError, ValueError):
        return column
