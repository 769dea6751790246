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
    parameter_values,
    population_kind,
    standard_deviations,
)
from empathymodels.population.covariates import Covariates
from empathymodels.population.population_draws import PopulationDraws, population_draws
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
        found = population_draws(block, arrangement, population)
        linked = found.location[..., None, :]
        if block.unit != POPULATION:
            kind = population_kind(block, arrangement.model)
            factor = np.linalg.cholesky(found.correlation) if block.correlated else None
            centre = linked + _effect(block, arrangement, found, covariates)
            scatter = Scatter(centre, found.spread, factor)
            linked = scatter.values(standard_deviations(kind, (*shape, *block.shape), rng))
        values = natural(scales(block, arrangement), linked)
        flat.append(values.reshape(*shape, -1))
    return parameter_values(arrangement, np.concatenate(flat, axis=-1))


def _effect(
    block: Block,
    arrangement: Arrangement,
    population: PopulationDraws,
    covariates: Mapping[str, Covariates],
) -> np.ndarray:
    """What covariates add to every unit and column, (chain, draw, unit, column)."""
    effect = np.zeros((*population.location.shape[:2], *block.shape))
    people = arrangement.checked.tables["participants"].set_index("participant")
    for name, found in covariates.items():
        if block.unit == "participant" and name in population.effects:
            draws = population.effects[name]
            effect[..., block.places(name)] += found.at(people).to_numpy() @ draws
    return effect
