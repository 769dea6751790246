"""The log-likelihood at given parameters, without sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.engine.evaluator import evaluator
from empathymodels.layout.rows import latent_rows, response_rows
from empathymodels.population.given_values import values_from_table
from empathymodels.study.study import Study


@checked_arguments
def log_likelihood(
    model: Model, study: Study, parameters: pd.DataFrame | Mapping[str, Any]
) -> xr.DataTree:
    """Log-likelihood of a study at given parameters, without sampling.

    Parameters
    ----------
    model : Model
        Model to evaluate.
    study : Study
        Data.
    parameters : DataFrame or mapping
        Natural-scale values in data units. As a table: one row per participant (column or
        index ``participant``), one column ``name`` or ``name[level]`` per value;
        population-level parameters repeat. As a mapping: those names to one number for
        everybody or to a Series indexed by participant, so that published values on another
        scale are converted on the way: ``{"inverse_temperature": 1 / table["temperature"]}``.

    Returns
    -------
    DataTree
        ``row``: log-likelihood of every response per row of its table (NaN where nothing was
        scored). ``participant``: the same summed per participant, dims
        (participant, response). ``latents``: the trial-wise latents. Attribute ``total``: the
        sum.

    Raises
    ------
    KeyError
        Columns are missing or unknown.
    ValueError
        Participants are missing, values lie outside the support, or a population-level
        parameter differs between rows.

    Examples
    --------
    >>> import empathymodels as em
    >>> study = em.load_study("outgroup_help")
    >>> model = em.get_model("outgroup_help_learning").without(
    ...     "insula", "empathy_before", "empathy_after"
    ... )
    >>> values = {"learning_rate": 0.3, "start_value": 0, "baseline": 5, "sensitivity": 1}
    >>> result = em.log_likelihood(model, study, {**values, "feeling_noise": 1.0})
    >>> dict(result["row"].sizes)
    {'trial_row': 720}
    """
    compiled = evaluator(model, study)
    arrangement = compiled.arrangement
    everything = compiled(values_from_table(arrangement, parameters))
    found, latents = everything["log_likelihood"], everything["latent"]
    rows = {name: response_rows(arrangement, name, value) for name, value in found.items()}
    sums = np.stack(
        [
            np.bincount(arrangement.scored[name].participant, value, len(arrangement.participants))
            for name, value in found.items()
        ],
        axis=-1,
    )
    by_person = xr.DataArray(
        sums,
        dims=("participant", "response"),
        coords={"participant": arrangement.participants, "response": list(found)},
        name="log_likelihood",
    )
    latent_values = {name: latent_rows(arrangement, name, v) for name, v in latents.items()}
    tree = xr.DataTree.from_dict(
        {
            "row": xr.Dataset(rows),
            "participant": by_person.to_dataset(),
            "latents": xr.Dataset(latent_values),
        }
    )
    tree.attrs["total"] = float(sums.sum())
    return tree
