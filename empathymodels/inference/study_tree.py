"""A study as a tree of datasets in which every missing value survives a file."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.study.study import Study

VARIABLE = re.compile(r"\w[\w .()-]{0,99}(?<! )", re.ASCII)  # what any file may call a variable

FIXED_LENGTH = "SUV"  # kinds of types of texts and records of one length


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


def contents(tree: xr.DataTree) -> str:
    """Return a hash of all that a tree of datasets holds, by which two are told apart."""
    held: list[Any] = [
        (node.path, str(name), v.dims, dict(v.attrs), v.to_numpy())
        for node in tree.subtree
        for name, v in node.variables.items()
    ]
    held += [(node.path, dict(node.attrs)) for node in tree.subtree]
    return hashlib.sha256(pickle.dumps(held)).hexdigest()


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
            attributes |= {"kind": "labels", "labels": json.dumps([_json_label(x) for x in labels])}
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


def _json_label(value: Any) -> Any:
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
