"""Draws of the sampled variables as labelled parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import (
    Block,
    blocks,
    correlated_labels,
    parameter_coords,
    parameter_values,
)
from empathymodels.population.covariates import Covariates
from empathymodels.population.draws import anchors_of, groups_in_draws
from empathymodels.population.parametrisation import Parametrisation, effect_entries
from empathymodels.population.scales import natural, scales


def labelled(
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    parametrisation: Parametrisation,
    raw: Mapping[str, np.ndarray],
) -> xr.Dataset:
    """Turn draws of the sampled variables into labelled parameters.

    Parameters
    ----------
    arrangement, covariates
        As for `add_parameters`.
    parametrisation : Parametrisation
        Of the draws.
    raw : mapping of str to ndarray (chain, draw, ...)
        Draws under the names of the PyMC variables. Without deviations only the population's
        values are returned.

    Returns
    -------
    Dataset (chain, draw, ...)
        ``<name>`` on the natural scale; ``<name>_mean``, ``<name>_sd``, ``<name>_effect`` and
        ``correlation`` (of items ``<column>_correlation``) on the link scale, those of fixed
        parameters left out.
    """
    population: dict[str, Any] = {}
    flat = []
    anchors = anchors_of(arrangement, parametrisation.anchoring, raw)
    for group in groups_in_draws(arrangement, covariates, anchors, raw):
        block = group.block
        population |= _labelled_population(block, arrangement, group.location, group.spread)
        population |= _labelled_effects(block, covariates, group.effects)
        free = block.free_correlated
        if group.factor is not None and len(free) > 1:
            matrix = (group.factor @ group.factor.mT)[..., free, :][..., free]
            name, *dims = block.correlation
            population[name] = (("chain", "draw", *dims), matrix)
        linked = group.location[..., None, :]
        if group.spread is not None:
            if f"{block.unit}:deviation" not in raw:
                continue
            scatter = group.scatter(anchors[block.unit], parametrisation.centring[block.unit])
            sampled = scatter.values(scatter.deviations(raw[f"{block.unit}:deviation"]))
            linked = anchors[block.unit].released(sampled)
        values = natural(scales(block, arrangement), linked)
        flat.append(values.reshape(*values.shape[:2], -1))
    coords = _population_coords(arrangement, covariates, population)
    found = xr.Dataset(population, coords=coords)
    if len(flat) < len(blocks(arrangement)):
        return found
    return found.merge(parameter_values(arrangement, np.concatenate(flat, axis=-1)))


def _labelled_population(
    block: Block, arrangement: Arrangement, location: np.ndarray, spread: np.ndarray | None
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for parameter in {p.name: p for p, _ in block.columns}.values():
        if parameter.fixed is not None:
            continue
        places = block.places(parameter.name)
        for part, values in (("mean", location), ("sd", spread)):
            if values is not None:
                own = values[..., places] if parameter.by else values[..., places[0]]
                dims = ("chain", "draw", *((parameter.by,) if parameter.by else ()))
                found[f"{parameter.name}_{part}"] = (dims, own)
    return found


def _labelled_effects(
    block: Block, covariates: Mapping[str, Covariates], draws: np.ndarray | None
) -> dict[str, Any]:
    """``<name>_effect`` (chain, draw, covariate[, level]) of the block's parameters."""
    if draws is None:
        return {}
    found = {}
    entries = effect_entries(block, covariates)
    for name, covariate in covariates.items():
        mine = [i for i, (_, _, parameter) in enumerate(entries) if parameter.name == name]
        parameter = entries[mine[0]][2]
        if parameter.fixed is not None:
            continue
        shape = (covariate.table.shape[1], len(block.places(name)))
        values = draws[..., mine].reshape(*draws.shape[:2], *shape)
        dims = ("chain", "draw", f"{name}_covariate", *((parameter.by,) if parameter.by else ()))
        found[f"{name}_effect"] = (dims, values if parameter.by else values[..., 0])
    return found


def _population_coords(
    arrangement: Arrangement, covariates: Mapping[str, Covariates], found: Mapping[str, Any]
) -> dict[str, list]:
    coords = parameter_coords(arrangement, found)
    used = {dim for dims, _ in found.values() for dim in dims}
    coords |= {
        f"{name}_covariate": list(covariate.table.columns)
        for name, covariate in covariates.items()
        if f"{name}_covariate" in used
    }
    for block in blocks(arrangement):
        name, rows, columns = block.correlation
        if name in found:
            labels = correlated_labels(block, arrangement)
            coords |= {rows: labels, columns: labels}
    return coords
