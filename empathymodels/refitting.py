"""Fit a model again to a part of the same study, without compiling anew for every part."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import xarray as xr

from empathymodels.build import build
from empathymodels.covariates import covariates_for
from empathymodels.fitting import method_of, model_of, study_of
from empathymodels.population import centring_of, labelled
from empathymodels.sampling import compiled_density, sample
from empathymodels.starting import starts_around
from empathymodels.terminal import available_cores, is_interactive


def refit(fit: xr.DataTree, counted: Mapping[str, np.ndarray]) -> xr.Dataset:
    """Sample the posterior given a part of the observations, everything else as in a fit.

    Parameters
    ----------
    fit : DataTree
        Its model, study, covariates, seed, centring and settings are used again.
    counted : mapping of str to ndarray (observation,)
        Per response whether an observation counts.

    Returns
    -------
    Dataset (chain, draw, ...)
        As the fit's ``posterior``: people without observations follow the population.

    Raises
    ------
    ValueError
        The fit was not sampled.
    """
    if method_of(fit) != "nuts":
        raise ValueError(
            f"Fits are repeated as they were sampled; this one is of method '{method_of(fit)}'. "
            "Fit it with method='nuts'."
        )
    settings, seed = json.loads(fit.attrs["settings"]), int(fit.attrs["seed"])
    formulas = json.loads(fit.attrs["covariates"])
    built, arrangement = build(
        model_of(fit),
        study_of(fit),
        covariates=formulas,
        centring=settings["centring"],
        counted=counted,
    )
    density = compiled_density(built, arrangement)
    covariates = covariates_for(arrangement, formulas)
    starts = starts_around(density, built, arrangement, covariates, seed=seed)
    how = {name: settings[name] for name in ("draws", "tune", "chains", "target_accept")}
    trace = sample(
        density,
        starts=starts,
        seed=seed,
        cores=min(settings["chains"], available_cores()),
        progress_bar=is_interactive(),
        **how,
        **settings["sampler"],
    )
    return labelled(arrangement, covariates, centring_of(built), trace.draws)
