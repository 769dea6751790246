"""People drawn from the prior, as parameters by draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from empathymodels.compiling import INTERPRETED, compiling
from empathymodels.declaration.model import Model
from empathymodels.engine.build import build
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for
from empathymodels.population.labels import labelled
from empathymodels.population.new_people import draw_people
from empathymodels.population.parametrisation import Parametrisation
from empathymodels.study.study import Study


def prior_people(
    model: Model,
    study: Study,
    *,
    draws: int,
    seed: int,
    covariates: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Draw populations from the prior and everybody's parameters from each.

    Returns
    -------
    Dataset (chain, draw, ...)
        Natural-scale parameters, and the population's values on the link scale.
    """
    arrangement = arrange(model, study)
    found = covariates_for(arrangement, covariates)
    built = build(arrangement, found)
    names = [v.name for v in built.free_RVs if not v.name.endswith(":deviation")]
    how = {"draws": draws, "random_seed": seed, "mode": INTERPRETED}
    with compiling():
        drawn = pm.draw([built[name] for name in names], **how)
    raw = {name: _by_draw(value, draws) for name, value in zip(names, drawn, strict=True)}
    population = labelled(arrangement, found, Parametrisation({}), raw)
    people = draw_people(arrangement, population, found, np.random.default_rng(seed))
    return population.merge(people, compat="override")  # what all share is the same in both


def _by_draw(value: Any, draws: int) -> np.ndarray:
    """Draws of one chain; PyMC drops the dim of a single draw."""
    value = np.asarray(value)
    return value[None] if draws > 1 else value[None, None]
