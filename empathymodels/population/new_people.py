"""New people, and items, drawn from populations, in NumPy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import (
    POPULATION,
    Block,
    blocks,
    correlated_labels,
    parameter_values,
    population_kind,
    standard_deviations,
)
from empathymodels.population.covariates import Covariates
from empathymodels.population.scales import natural, scales
from empathymodels.population.scatter import Scatter


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
