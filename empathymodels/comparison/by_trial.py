"""Leave-one-observation-out scores: single values of people who are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.comparison.elpd import left_out_one_by_one
from empathymodels.comparison.scores import (
    Asked,
    Compiled,
    Fits,
    Score,
    refuse_refits,
    table_of_units,
)
from empathymodels.engine.evaluator import Evaluator, each_draw
from empathymodels.inference.fits import thinned

MANY = 100_000_000  # log-likelihoods that are kept in half the bytes


def by_trial(
    fits: Fits, compiled: Compiled, responses: list[str], asked: Asked
) -> dict[str, Score]:
    """Leave out one observed value after another, the people being known."""
    refuse_refits("trial", asked)
    found = {}
    for name, fit in fits.items():
        posterior = thinned(fit["posterior"].to_dataset(), asked.draws)
        values = _of_rows(compiled[name], posterior, responses)
        elpd, uncertainty = left_out_one_by_one(name, values)
        units = table_of_units(
            elpd, pd.RangeIndex(elpd.n_data_points), np.zeros(elpd.n_data_points)
        )
        found[name] = Score(elpd, units, [uncertainty])
    return found


def _of_rows(compiled: Evaluator, posterior: xr.Dataset, responses: list[str]) -> xr.DataArray:
    """Log-likelihoods (chain, draw, observation): responses one after another, rows in order.

    One array, filled draw by draw, since of many people it is nearly all the memory there is.
    """
    scored = compiled.arrangement.scored
    orders = {name: scored[name].order for name in responses}  # rows are known by their keys
    sizes = posterior.sizes["chain"], posterior.sizes["draw"], sum(map(len, orders.values()))
    values = np.empty(sizes, dtype=float if np.prod(sizes, dtype=float) < MANY else np.float32)
    draws = each_draw(compiled, posterior, "log_likelihood", description="Log-likelihoods")
    for place, found in draws:
        values[place] = np.concatenate([found[name][order] for name, order in orders.items()])
    return xr.DataArray(values, dims=("chain", "draw", "observation"))
