"""Draws of a person's parameters for a filter, from a fit."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import xarray as xr

from empathymodels.inference.fits import arrangement_of, covariates_of, model_of
from empathymodels.messages import did_you_mean, listed
from empathymodels.neuro.kalman import Parameters
from empathymodels.population.new_people import draw_people

MODEL = "signature_tracking"


def parameters_of(fit: xr.DataTree, participant: str | None, draws: int, seed: int) -> Parameters:
    """Draw parameters of a participant of a fit, or of somebody new."""
    model = model_of(fit)
    if model.name != MODEL:
        raise ValueError(
            f"A filter needs a fit of '{MODEL}'; found one of '{model.label}'. Fit that model to "
            "the scores of earlier runs."
        )
    if split := [parameter.name for parameter in model.parameters if parameter.by is not None]:
        raise ValueError(
            f"A filter needs one value per person of every parameter; {listed(split)} of this fit "
            "have several. Fit the model without split()."
        )
    posterior = fit["posterior"].to_dataset()
    rng = np.random.default_rng(seed)
    if participant is None:
        arrangement = arrangement_of(fit)
        values = draw_people(arrangement, posterior, covariates_of(fit, arrangement), rng)
    else:
        values = _of_one(posterior, participant)
    stacked = values.stack(sample=("chain", "draw"))
    sample = rng.choice(
        stacked.sizes["sample"], size=draws, replace=draws > stacked.sizes["sample"]
    )
    stacked = stacked.isel(sample=sample)
    if participant is None:  # covariates as those of anybody in the study
        people = xr.DataArray(rng.integers(stacked.sizes["participant"], size=draws), dims="sample")
        stacked = stacked.isel(participant=people)
    fixed = {parameter.name: parameter.fixed for parameter in model.parameters}
    found = {
        name: np.array(stacked[name] if name in stacked else np.full(draws, fixed[name]), float)
        for name in (field.name for field in fields(Parameters))
    }
    return Parameters(**found)


def _of_one(posterior: xr.Dataset, participant: str) -> xr.Dataset:
    known = [str(label) for label in posterior["participant"].to_numpy()]
    if participant not in known:
        raise ValueError(
            f"participant must be one of the fit's {len(known)}, such as {listed(known[:3])}; "
            f"found {participant!r}. Leave it out for somebody new."
            + did_you_mean(participant, known)
        )
    return posterior.isel(participant=known.index(participant))
