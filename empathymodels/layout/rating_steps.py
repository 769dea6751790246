"""The steps of ratings in data: read from answers, or compared with those that are known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Response
from empathymodels.declaration.rating_scale import (
    observed_resolution,
    off_step,
    resolution_of,
    strays,
)
from empathymodels.layout.plausibility import rows_of
from empathymodels.messages import counted, shown
from empathymodels.study.keys import first_rows
from empathymodels.study.recoding import as_numbers


def with_steps_of(
    model: Model, in_steps: Collection[str], tables: Mapping[str, pd.DataFrame]
) -> Model:
    """Return the model with the steps of every rating that its data shall tell.

    Declared steps stay. Those that a fit read stay where all ratings are on them; where some are
    between them, the data are recorded finer, and each rating has the probability of the
    interval that its own step leaves: the rating before rounding has the same distribution.

    Parameters
    ----------
    model : Model
        The model.
    in_steps : collection of str
        Responses whose distribution has use for steps.
    tables : mapping of str to DataFrame
        Checked tables.
    """
    found = {}
    for response in model.responses:
        values = _ratings(response, tables)
        is_unread = response.resolution == "observed"
        is_finer = response.is_resolution_read and off_step(response, values).any()
        if response.name in in_steps and (is_unread or is_finer):
            found[response.name] = observed_resolution(response, values)
    return model.with_read_resolution(**found) if found else model


def _ratings(response: Response, tables: Mapping[str, pd.DataFrame]) -> np.ndarray:
    values = rows_of(response, tables[response.table])[response.values.name]
    return as_numbers(values).to_numpy(dtype=float, na_value=np.nan)


def between_steps(response: Response, tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield a problem of ratings between the steps that are declared."""
    between = off_step(response, _ratings(response, tables))
    if between.any() and not response.is_resolution_read:
        yield (
            f"'{response.values.name}' of {response.table} must be recorded in steps of "
            f"{resolution_of(response):g} from {response.ends['lowest']:g}. Found "
            f"{_listing(response, tables, between)}. Correct this, or let the data tell: "
            f'model.with_resolution({response.name}="observed").'
        )


def finer_steps(response: Response, tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield a doubt of ratings between the steps that a fit read from its own data."""
    values = _ratings(response, tables)
    between = off_step(response, values)
    if between.any() and response.is_resolution_read:
        yield (
            f"Finer steps: the fit's own data show '{response.name}' in steps of "
            f"{resolution_of(response):.4g}, these data in steps of "
            f"{observed_resolution(response, values):.4g}. Found "
            f"{_listing(response, tables, between)}. They are taken in the finer steps; the noise "
            "is that of a rating before it is rounded. If they are mistakes, correct or drop "
            "these rows; if not, and probabilities shall be comparable, fit the model with "
            f"model.with_resolution({response.name}=...)."
        )


def stray_steps(response: Response, tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield a doubt of a few ratings that make the step that is read finer for all."""
    if response.resolution != "observed":
        return
    values = _ratings(response, tables)
    between, step = strays(response, values)
    if between.any():
        finer = observed_resolution(response, values)
        yield (
            f"Few ratings between steps: '{response.values.name}' of {response.table} is in steps "
            f"of {step:.4g}, but for {_listing(response, tables, between)}. Because of "
            f"{'it' if between.sum() == 1 else 'them'} all are taken as recorded in steps of "
            f"{finer:.4g}. If that is right, say so: model.with_resolution({response.name}="
            f"{finer:.4g}); if not, correct or drop {'the row' if between.sum() == 1 else 'them'}."
        )


def _listing(response: Response, tables: Mapping[str, pd.DataFrame], between: np.ndarray) -> str:
    """Say which ratings lie between steps, how many, and in which rows."""
    rows = rows_of(response, tables[response.table]).reset_index(drop=True)
    values = rows.loc[between, response.values.name].drop_duplicates()
    return (
        f"{shown(values)} in {between.sum():,} of {counted(len(rows), 'row')}: "
        f"{first_rows(rows, response.table, between)}"
    )
