"""New people drawn from population values, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from empathymodels.arrangement import Arrangement
from empathymodels.build import build
from empathymodels.model import Model, Parameter
from empathymodels.population import (
    Covariates,
    correlated,
    covariates_for,
    fixed_values,
    natural_values,
    parameter_dims,
    parameter_shape,
)
from empathymodels.study import Study


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
    built, arrangement = build(model, study, covariates=covariates)
    names = [v.name for v in built.basic_RVs if _is_of_population(v.name)]
    names += ["correlation"] if "correlation" in built.named_vars else []
    drawn = pm.draw([built[name] for name in names], draws=draws, random_seed=seed)
    dims = built.named_vars_to_dims
    population = xr.Dataset(
        {
            name: (("chain", "draw", *dims.get(name, ())), _by_draw(value, draws))
            for name, value in zip(names, drawn, strict=True)
        },
        coords={d: list(c) for d, c in built.coords.items() if c is not None},
    )
    found = covariates_for(arrangement, covariates)
    people = draw_people(arrangement, population, found, np.random.default_rng(seed))
    return population.merge(people)


def _by_draw(value: Any, draws: int) -> np.ndarray:
    """Draws of one chain; PyMC drops the dim of a single draw."""
    value = np.asarray(value)
    return value[None] if draws > 1 else value[None, None]


def _is_of_population(name: str) -> bool:
    return name.endswith(("_mean", "_sd", "_effect"))


def draw_people(
    arrangement: Arrangement,
    population: xr.Dataset,
    covariates: Mapping[str, Covariates],
    rng: np.random.Generator,
) -> xr.Dataset:
    """Draw everybody's natural-scale parameters given population values.

    Parameters
    ----------
    arrangement : Arrangement
        Model, and the study whose participants (and items) are drawn.
    population : Dataset (chain, draw, ...)
        ``<name>_mean``, ``<name>_sd``, ``<name>_effect`` and ``correlation`` on the link scale.
    covariates : mapping of str to Covariates
        As evaluated for the participants of the fit; used with the arrangement's participants.
    rng : Generator
        Source of randomness.
    """
    shape = (population.sizes["chain"], population.sizes["draw"])
    deviations = _correlated_deviations(arrangement, population, rng)
    people = arrangement.checked.tables["participants"].set_index("participant")
    found = {}
    for parameter in arrangement.parameters:
        dims = parameter_dims(parameter)
        sizes = parameter_shape(parameter, arrangement)
        if parameter.fixed is not None:
            values = np.broadcast_to(fixed_values(parameter, arrangement), (*shape, *sizes))
        else:
            deviation = deviations.get(parameter.name, rng.standard_normal((*shape, *sizes)))
            linked = _linked(parameter, population, deviation)
            if parameter.name in covariates:
                matrix = covariates[parameter.name].at(people).to_numpy()
                effect = population[f"{parameter.name}_effect"].to_numpy()
                linked = linked + np.einsum("pk,cdk...->cdp...", matrix, effect)
            values = natural_values(parameter, arrangement.model, linked)
        found[parameter.name] = (("chain", "draw", *dims), values)
    coords = {"participant": arrangement.participants, **arrangement.levels}
    used = {dim for dims, _ in found.values() for dim in dims}
    return xr.Dataset(found, coords={d: labels for d, labels in coords.items() if d in used})


def _linked(parameter: Parameter, population: xr.Dataset, deviation: np.ndarray) -> np.ndarray:
    mean = population[f"{parameter.name}_mean"].to_numpy()
    if parameter.level == "population":
        return mean
    spread = population[f"{parameter.name}_sd"].to_numpy()
    return mean[:, :, None] + spread[:, :, None] * deviation


def _correlated_deviations(
    arrangement: Arrangement, population: xr.Dataset, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    columns = correlated(arrangement)
    if len(columns) < 2:
        return {}
    factor = np.linalg.cholesky(population["correlation"].to_numpy())
    shape = (*factor.shape[:2], len(arrangement.participants), len(columns))
    joint = np.einsum("cdij,cdpj->cdpi", factor, rng.standard_normal(shape))
    found: dict[str, Any] = {}
    for parameter in {p.name: p for p, _ in columns}.values():
        positions = [i for i, (p, _) in enumerate(columns) if p.name == parameter.name]
        block = joint[..., positions]
        found[parameter.name] = block if parameter.by else block[..., 0]
    return found
