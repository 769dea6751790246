"""New people, and items, drawn from populations, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from empathymodels.arrangement import Arrangement
from empathymodels.build import build
from empathymodels.compiling import compiling
from empathymodels.covariates import Covariates, covariates_for
from empathymodels.model import Model
from empathymodels.people import (
    POPULATION,
    Block,
    Scatter,
    blocks,
    correlated_labels,
    natural,
    parameter_values,
    population_kind,
    scales,
    standard_deviations,
)
from empathymodels.population import Parametrisation, labelled
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
    names = [v.name for v in built.free_RVs if not v.name.endswith(":deviation")]
    with compiling():
        drawn = pm.draw([built[name] for name in names], draws=draws, random_seed=seed)
    raw = {name: _by_draw(value, draws) for name, value in zip(names, drawn, strict=True)}
    found = covariates_for(arrangement, covariates)
    population = labelled(arrangement, found, Parametrisation({}), raw)
    people = draw_people(arrangement, population, found, np.random.default_rng(seed))
    return population.merge(people)


def _by_draw(value: Any, draws: int) -> np.ndarray:
    """Draws of one chain; PyMC drops the dim of a single draw."""
    value = np.asarray(value)
    return value[None] if draws > 1 else value[None, None]


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
    flat = []
    for block in blocks(arrangement):
        linked = _columns(block, population, "mean", shape)[..., None, :]
        if block.unit != POPULATION:
            kind = population_kind(block, arrangement.model)
            scatter = Scatter(
                linked + _effect(block, arrangement, population, covariates, shape),
                _columns(block, population, "sd", shape),
                _factor(block, arrangement, population, shape),
            )
            linked = scatter.values(standard_deviations(kind, (*shape, *block.shape), rng))
        values = natural(scales(block, arrangement), linked)
        flat.append(values.reshape(*shape, -1))
    return parameter_values(arrangement, np.concatenate(flat, axis=-1))


def _factor(
    block: Block, arrangement: Arrangement, population: xr.Dataset, shape: tuple[int, int]
) -> np.ndarray | None:
    """Cholesky factor of the correlations, (chain, draw, column, column); fixed ones have none."""
    if not block.correlated:
        return None
    matrix = np.tile(np.eye(len(block.columns)), (*shape, 1, 1))
    free = block.free_correlated
    if len(free) > 1:
        name, *dims = block.correlation
        labels = correlated_labels(block, arrangement)
        found = population[name].sel(dict.fromkeys(dims, labels))
        matrix[..., np.array(free)[:, None], np.array(free)] = found.to_numpy()
    return np.linalg.cholesky(matrix)


def _columns(block: Block, population: xr.Dataset, part: str, shape: tuple[int, int]) -> np.ndarray:
    """Population values of every column, (chain, draw, column); zeros for fixed ones."""
    columns = []
    for parameter, level in block.columns:
        name = f"{parameter.name}_{part}"
        if name not in population:
            columns.append(np.zeros(shape))
            continue
        values = population[name].to_numpy()
        columns.append(values[..., level] if parameter.by else values)
    return np.stack(columns, axis=-1)


def _effect(
    block: Block,
    arrangement: Arrangement,
    population: xr.Dataset,
    covariates: Mapping[str, Covariates],
    shape: tuple[int, int],
) -> np.ndarray:
    """What covariates add to every unit and column, (chain, draw, unit, column)."""
    effect = np.zeros((*shape, *block.shape))
    people = arrangement.checked.tables["participants"].set_index("participant")
    for name, found in covariates.items():
        if block.unit == "participant" and f"{name}_effect" in population:
            draws = population[f"{name}_effect"].to_numpy()
            draws = draws.reshape(*draws.shape[:3], -1)  # (chain, draw, covariate, level)
            effect[..., block.places(name)] += found.at(people).to_numpy() @ draws
    return effect
