"""Priors of the population, inside a PyMC model, and the labelled results that come back."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pymc_extras.prior import Prior

from empathymodels.arrangement import Arrangement
from empathymodels.covariates import Covariates
from empathymodels.nouns import Parameter
from empathymodels.people import (
    POPULATION,
    Block,
    Scales,
    Scatter,
    blocks,
    cholesky_of,
    column_label,
    correlated_labels,
    natural,
    parameter_coords,
    parameter_values,
    scales,
    unmixed,
)

LKJ_CONCENTRATION = 2.0
CENTRING = ":centring"  # how the names of shares among the data end


def fixed_size_data(name: str, array: Any) -> Any:
    """Add data to the PyMC model in context: their values may be swapped, their sizes not.

    Known sizes spare the compiled density its run-time shape checks.
    """
    return pm.Data(name, array, shape=np.shape(array))


def add_parameters(
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    centring: Mapping[str, np.ndarray],
) -> Any:
    """Add all parameters to the PyMC model in context.

    A fixed parameter keeps its place (its variables then follow the prior alone), so that a
    model and the same model with a value held fixed are one compiled program.

    Parameters
    ----------
    arrangement : Arrangement
        Model and study.
    covariates : mapping of str to Covariates
        Covariates per parameter.
    centring : mapping of str to ndarray (column,)
        Per unit: 1 where values are sampled directly (centred), 0 where deviations from the
        mean are, or anything between.

    Returns
    -------
    tensor (place,)
        Natural-scale values of everybody, flat (see `people.flat_positions`).
    """
    parts = []
    for block in blocks(arrangement):
        fixed = scales(block, arrangement)
        scale = Scales(
            fixed.support,
            fixed.low,
            fixed.width,
            fixed_size_data(f"{block.unit}:is_fixed", fixed.is_fixed),
            fixed_size_data(f"{block.unit}:fixed", fixed.fixed),
        )
        values = _block_values(block, scale, arrangement, covariates, centring)
        parts.append(values.ravel())
    return pt.concatenate(parts) if len(parts) > 1 else parts[0]


def _block_values(
    block: Block,
    scale: Scales,
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    centring: Mapping[str, np.ndarray],
) -> Any:
    location = _prior_vector(block, arrangement, "location")
    if block.unit == POPULATION:
        return natural(scale, location[None, :], pt)
    factor = _lkj_cholesky(block) if block.correlated else None
    spread = _prior_vector(block, arrangement, "spread")
    centre = location[None, :] + _effects(block, covariates)
    share = fixed_size_data(f"{block.unit}{CENTRING}", centring[block.unit])
    scatter = Scatter(centre, spread, factor, share, pt)
    return natural(scale, scatter.values(scatter.deviations(_sampled(block, scatter))), pt)


def _sampled(block: Block, scatter: Scatter) -> Any:
    """Add what the sampler moves, (unit, column), distributed as `Scatter` says."""
    name = f"{block.unit}:deviation"
    if scatter.factor is None:
        return pm.Normal(name, scatter.mean, scatter.mixing, shape=block.shape)

    def log_density(value: Any, mean: Any, mixing: Any) -> Any:
        normal = pm.logp(pm.Normal.dist(), unmixed(mixing, value - mean, pt)).sum()
        return normal - len(block.labels) * pt.log(pt.diagonal(mixing)).sum()

    def draw(mean: Any, mixing: Any, size: Any) -> Any:
        return mean + pm.Normal.dist(size=block.shape) @ mixing.mT

    return pm.CustomDist(
        name,
        pt.broadcast_to(scatter.mean, block.shape),
        scatter.mixing,
        logp=log_density,
        dist=draw,
        signature="(n,k),(k,k)->(n,k)",
        support_point=lambda _, size, mean, mixing: mean,
    )


# ------------------------------------------------------------------------------ priors

STANDARD = {"location": ("Normal", ("mu", "sigma")), "spread": ("HalfNormal", ("sigma",))}


def _prior_vector(block: Block, arrangement: Arrangement, part: str) -> Any:
    """One prior per column, (column,): those of the standard family as one variable."""
    priors = [getattr(parameter, part) for parameter, _ in block.columns]
    family, names = STANDARD[part]
    standard = standard_columns(block, part)
    vector: Any = pt.zeros(len(priors))
    if standard:
        numbers = {n: np.array([float(priors[k].parameters[n]) for k in standard]) for n in names}
        distribution = getattr(pm, family)
        own = distribution(f"{block.unit}:{part}", **numbers, shape=len(standard))
        if len(standard) == len(priors):
            return own
        vector = vector[np.array(standard)].set(own)
    for k, prior in enumerate(priors):
        if k not in standard:
            vector = vector[k].set(_own_variable(prior, _own_name(block, arrangement, part, k)))
    return vector


def standard_columns(block: Block, part: str) -> list[int]:
    """Columns whose prior of this part is of the standard family: they are one variable."""
    family, names = STANDARD[part]
    priors = enumerate(getattr(parameter, part) for parameter, _ in block.columns)
    return [k for k, prior in priors if _is_standard(prior, family, names)]


def _is_standard(prior: Prior, family: str, names: tuple[str, ...]) -> bool:
    numbers = [prior.parameters.get(name) for name in names]
    return (
        prior.distribution == family
        and set(prior.parameters) == set(names)
        and all(isinstance(number, int | float) for number in numbers)
        and prior.transform is None
    )


def centring_of(data: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Shares of centring, (column,) per unit, among the data of a built model."""
    return {n.removesuffix(CENTRING): share for n, share in data.items() if n.endswith(CENTRING)}


def centring_data(shares: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Shares of centring per unit, under the names that they have among the data."""
    return {f"{unit}{CENTRING}": share for unit, share in shares.items()}


def prior_widths(
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    centring: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Prior standard deviations of locations, deviations and effects of covariates, by name.

    Those of deviations are taken at the centre of the priors of spreads.
    """
    found = {}
    for block in blocks(arrangement):
        parameters = [parameter for parameter, _ in block.columns]
        standard = standard_columns(block, "location")
        found[f"{block.unit}:location"] = np.array(
            [float(parameters[k].location.parameters["sigma"]) for k in standard]
        )
        if block.unit != POPULATION:
            spread = np.array([p.spread_scale for p in parameters])
            width = spread ** centring[block.unit]
            found[f"{block.unit}:deviation"] = np.broadcast_to(width, block.shape)
        if block.unit == "participant":
            of_effects = [p.effect_prior for _, _, p in effect_entries(block, covariates)]
            found["participant:effect"] = np.array(
                [float(e.parameters["sigma"]) for e in of_effects]
            )
    return found


def _own_variable(prior: Prior, name: str) -> Any:
    prior = deepcopy(prior)
    prior.dims = ()
    return prior.create_variable(name)


def _own_name(block: Block, arrangement: Arrangement, part: str, place: int) -> str:
    parameter, level = block.columns[place]
    return f"{block.unit}:{part} of {column_label(parameter, arrangement, level)}"


def effect_entries(
    block: Block, covariates: Mapping[str, Covariates]
) -> list[tuple[int, int, Parameter]]:
    """Every covariate effect as (row of all covariates, column of the block, parameter)."""
    entries, first = [], 0
    for name, found in covariates.items():
        for row in range(first, first + found.table.shape[1]):
            entries += [(row, k, block.columns[k][0]) for k in block.places(name)]
        first += found.table.shape[1]
    return entries


def _effects(block: Block, covariates: Mapping[str, Covariates]) -> Any:
    entries = effect_entries(block, covariates) if block.unit == "participant" else []
    if not entries:
        return 0.0
    rows, columns, parameters = zip(*entries, strict=True)
    priors = [parameter.effect_prior.parameters for parameter in parameters]
    mu, sigma = (np.array([float(prior[n]) for prior in priors]) for n in ("mu", "sigma"))
    effects = pm.Normal(f"{block.unit}:effect", mu, sigma, shape=len(entries))
    design = np.concatenate([found.table.to_numpy() for found in covariates.values()], axis=1)
    matrix = pt.zeros((design.shape[1], block.shape[1]))
    matrix = matrix[np.array(rows), np.array(columns)].set(effects)
    # the name tells which columns have which effects, since compiled densities are kept by it
    of = ", ".join(f"{name} {found.table.shape[1]}" for name, found in covariates.items())
    return fixed_size_data(f"covariates of {of}", design) @ matrix


def _lkj_cholesky(block: Block) -> Any:
    """Cholesky factor, (column, column), of an LKJ prior of the block's correlations.

    The partial correlation of columns i > j given all before j is 2b - 1 with b ~ Beta(a, a),
    a = eta + (size - 2 - j) / 2 (Lewandowski, Kurowicka & Joe 2009).
    """
    _, columns = np.tril_indices(block.correlated, -1)
    shape = LKJ_CONCENTRATION + (block.correlated - 2 - columns) / 2
    partial = 2 * pm.Beta(f"{block.unit}:partial", shape, shape, shape=len(columns)) - 1
    return cholesky_of(partial, block.correlated, block.shape[1], xp=pt)


# ----------------------------------------------------------------------------- results


def labelled(
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    centring: Mapping[str, np.ndarray],
    raw: Mapping[str, np.ndarray],
) -> xr.Dataset:
    """Turn draws of the sampled variables into labelled parameters.

    Parameters
    ----------
    arrangement, covariates, centring
        As for `add_parameters`.
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
    for block in blocks(arrangement):
        location = _assembled(block, arrangement, "location", raw)
        spread = None
        if block.unit != POPULATION:
            spread = _assembled(block, arrangement, "spread", raw)
        factor = _factor(block, raw)
        population |= _labelled_population(block, arrangement, location, spread)
        population |= _labelled_effects(block, covariates, raw)
        free = block.free_correlated
        if factor is not None and len(free) > 1:
            matrix = (factor @ np.swapaxes(factor, -1, -2))[..., free, :][..., free]
            name, *dims = block.correlation
            population[name] = (("chain", "draw", *dims), matrix)
        if block.unit != POPULATION and f"{block.unit}:deviation" not in raw:
            continue
        linked = location[..., None, :]
        if block.unit != POPULATION:
            centre = linked + _effect_values(block, covariates, raw)
            scatter = Scatter(centre, spread, factor, centring[block.unit])
            linked = scatter.values(scatter.deviations(raw[f"{block.unit}:deviation"]))
        values = natural(scales(block, arrangement), linked)
        flat.append(values.reshape(*values.shape[:2], -1))
    coords = _population_coords(arrangement, covariates, population)
    found = xr.Dataset(population, coords=coords)
    if len(flat) < len(blocks(arrangement)):
        return found
    return found.merge(parameter_values(arrangement, np.concatenate(flat, axis=-1)))


def recentred(
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    centring: Mapping[str, np.ndarray],
    wanted: Mapping[str, np.ndarray],
    raw: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """What the sampler would have moved, (chain, draw, unit, column), had it other shares.

    Parameters
    ----------
    arrangement, covariates, centring, raw
        As for `labelled`.
    wanted : mapping of str to ndarray (column,)
        The other shares, per unit.
    """
    found = {}
    for block in blocks(arrangement):
        name = f"{block.unit}:deviation"
        if block.unit == POPULATION:
            continue
        location = _assembled(block, arrangement, "location", raw)
        spread = _assembled(block, arrangement, "spread", raw)
        centre = location[..., None, :] + _effect_values(block, covariates, raw)
        scatter = Scatter(centre, spread, _factor(block, raw), centring[block.unit])
        other = replace(scatter, share=wanted[block.unit])
        found[name] = other.sampled(scatter.deviations(raw[name]))
    return found


def _assembled(
    block: Block, arrangement: Arrangement, part: str, raw: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Draws of one prior per column, (chain, draw, column)."""
    own = {k: _own_name(block, arrangement, part, k) for k in range(len(block.columns))}
    standard = iter(np.moveaxis(raw.get(f"{block.unit}:{part}", np.empty((0, 0, 0))), -1, 0))
    columns = [raw[name] if name in raw else next(standard) for name in own.values()]
    return np.stack(columns, axis=-1)


def _factor(block: Block, raw: Mapping[str, np.ndarray]) -> np.ndarray | None:
    if not block.correlated:
        return None
    return cholesky_of(2 * raw[f"{block.unit}:partial"] - 1, block.correlated, block.shape[1])


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
    block: Block, covariates: Mapping[str, Covariates], raw: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """``<name>_effect`` (chain, draw, covariate[, level]) of the block's parameters."""
    if block.unit != "participant" or f"{block.unit}:effect" not in raw:
        return {}
    draws, found = raw[f"{block.unit}:effect"], {}
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


def _effect_values(
    block: Block, covariates: Mapping[str, Covariates], raw: Mapping[str, np.ndarray]
) -> Any:
    """What covariates add to every unit and column, (chain, draw, unit, column)."""
    if block.unit != "participant" or f"{block.unit}:effect" not in raw:
        return 0.0
    draws = raw[f"{block.unit}:effect"]
    design = np.concatenate([found.table.to_numpy() for found in covariates.values()], axis=1)
    matrix = np.zeros((*draws.shape[:2], design.shape[1], block.shape[1]))
    for i, (row, column, _) in enumerate(effect_entries(block, covariates)):
        matrix[..., row, column] = draws[..., i]
    return design @ matrix


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
