"""Covariates as a fit keeps them: values of its people, formula and coding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted
from empathymodels.population.covariates import Covariates, people_of
from empathymodels.population.design_matrix import Coding


def stored(covariates: Mapping[str, Covariates], arrangement: Arrangement) -> xr.Dataset:
    """Return covariates as a fit keeps them: values, formula and coding."""
    tables = {
        f"{name}_covariates": xr.DataArray(
            found.table.to_numpy(),
            dims=("participant", f"{name}_covariate"),
            coords={
                "participant": arrangement.participants,
                f"{name}_covariate": list(found.table.columns),
            },
            attrs={
                "formula": found.formula,
                "coding": json.dumps({c: [*map(asdict, of)] for c, of in found.coding.items()}),
            },
        )
        for name, found in covariates.items()
    }
    return xr.Dataset(tables)


def restored(
    constant: xr.Dataset, names: Iterable[str], arrangement: Arrangement
) -> dict[str, Covariates]:
    """Return covariates of parameters that a fit's constant data hold; no formula is evaluated.

    Raises
    ------
    ValueError
        The data hold covariates that are not those of the participants.
    """
    people, found = people_of(arrangement), {}
    for name in dict.fromkeys(names):
        if f"{name}_covariates" in constant:
            values = constant[f"{name}_covariates"]
            table, attrs = _stored_table(name, values, people.index), values.attrs
            coding = _stored_coding(attrs.get("coding"), table)
            found[name] = Covariates(name, str(attrs.get("formula", "")), table, people, coding)
    return found


def _stored_table(name: str, values: xr.DataArray, people: pd.Index) -> pd.DataFrame:
    """Read the covariates of a parameter, participants by their labels."""
    dims = ("participant", f"{name}_covariate")
    table = pd.DataFrame()
    if values.dims == dims and values.dtype.kind in "iuf":
        labels, covariates = (values[dim].to_numpy().astype(str).tolist() for dim in dims)
        table = pd.DataFrame(values.to_numpy(), labels, covariates)
        table = table.reindex(people) if table.index.is_unique else pd.DataFrame()
    if table.shape[1] == 0 or not np.isfinite(table).to_numpy().all():
        raise ValueError(
            f"The covariates of '{name}' in a fit must be numbers for each of its "
            f"{counted(len(people), 'participant')}. Found none for some, in an array of shape "
            f"{values.shape}: the file was changed. Fit again."
        )
    return table


def _stored_coding(text: Any, table: pd.DataFrame) -> dict[str, tuple[Coding, ...]] | None:
    """Read how covariates were taken; None where a file does not say it of those it has."""
    try:
        held = {n: tuple(map(Coding.from_record, of)) for n, of in json.loads(text).items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return held if list(held) == list(table) else None
