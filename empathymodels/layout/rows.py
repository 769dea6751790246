"""Values per observation with the labels of their rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.layout.arrangement import Arrangement
from empathymodels.study.keys import key_columns
from empathymodels.study.recoding import as_numbers

TIMING = ("onset", "duration")  # of a trial, as events of brain images name them
ROW_DIMS = {"trials": "trial_row", "participants": "participant_row", "regions": "region_row"}


def row_coordinates(arrangement: Arrangement, table: str) -> dict[str, Any]:
    """Keys of every row of a study's table, and of trials their timing, as coordinates.

    Keys of ``trial_row`` keep their names; those of ``region_row`` start with ``region_``
    (one coordinate name can label one dim only); ``participant_row`` is the label itself.
    """
    if table == "participants":
        return {"participant_row": (ROW_DIMS[table], arrangement.participants)}
    frame = arrangement.study.tables[table]
    prefix = "region_" if table == "regions" else ""
    named = {
        key if key == "region" else prefix + key: (ROW_DIMS[table], _coordinate(frame[key]))
        for key in key_columns(frame, table)
    }
    timed = _timing(arrangement) if table == "trials" else []
    return named | {name: (ROW_DIMS[table], as_numbers(frame[name]).to_numpy()) for name in timed}


def _timing(arrangement: Arrangement) -> list[str]:
    """When trials began and how long they took, where a study tells that in numbers."""
    trials, model = arrangement.study.trials, arrangement.model
    assert trials is not None
    others = {*model.latents, *(response.name for response in model.observables)}
    named = [name for name in TIMING if name in trials and name not in others]
    return [name for name in named if trials[name].dtype.kind in "iuf"]


def _coordinate(column: pd.Series) -> np.ndarray:
    is_number = pd.api.types.is_numeric_dtype(column)
    return column.to_numpy() if is_number else column.to_numpy(dtype=object)


def response_rows(arrangement: Arrangement, name: str, values: np.ndarray) -> xr.DataArray:
    """Put values on a response's scored rows (…, observation) onto its whole table.

    Rows that were not scored hold NaN.
    """
    scored = arrangement.scored[name]
    table = scored.response.table
    size = len(arrangement.study.tables[table])
    full = np.full((*values.shape[:-1], size), np.nan)
    full[..., scored.rows] = values
    dims = ("chain", "draw")[: values.ndim - 1] if values.ndim > 1 else ()
    return xr.DataArray(
        full, dims=(*dims, ROW_DIMS[table]), coords=row_coordinates(arrangement, table), name=name
    )


def latent_rows(arrangement: Arrangement, name: str, values: np.ndarray) -> xr.DataArray:
    """Put a latent (…, place in engine order) onto the study's trial rows.

    Trials on which the data it needs are missing, and trials without any key, hold NaN.
    """
    trials = arrangement.study.trials
    assert trials is not None
    needed = arrangement.equations.needs(arrangement.equations.latents[name])
    known = arrangement.is_observed(arrangement.trials, needed)
    full = np.full((*values.shape[:-1], len(trials)), np.nan)
    full[..., arrangement.place[known]] = values[..., known]
    dims = ("chain", "draw")[: values.ndim - 1] if values.ndim > 1 else ()
    return xr.DataArray(
        full, dims=(*dims, "trial_row"), coords=row_coordinates(arrangement, "trials"), name=name
    )


def observed_data(arrangement: Arrangement) -> xr.Dataset:
    """Observed values of every response per row of its table (NaN where not scored)."""
    return xr.Dataset(
        {n: response_rows(arrangement, n, s.observed) for n, s in arrangement.scored.items()}
    )
