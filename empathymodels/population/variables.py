"""Priors of the population as variables of a PyMC model."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc_extras.prior import Prior

from empathymodels.declaration.parts import Population
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import (
    DEGREES,
    Anchor,
    Block,
    blocks,
    population_kind,
)
from empathymodels.population.covariates import Covariates
from empathymodels.population.parametrisation import (
    ANCHORING,
    CENTRING,
    STANDARD,
    effect_entries,
    is_shared,
    log_of_scales,
    own_name,
    standard_columns,
)
from empathymodels.population.scales import Scales, natural, scales
from empathymodels.population.scatter import Scatter, cholesky_of, unmixed

LKJ_CONCENTRATION = 2.0


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
        Natural-scale values of everybody, flat (see `blocks.flat_positions`).
    """
    parts = []
    arranged = blocks(arrangement)
    shared = [_prior_vector(b, arrangement, "location") for b in arranged if is_shared(b)]
    log_scale = log_of_scales(arranged, shared[0] if shared else None)
    for block in arranged:
        fixed = scales(block, arrangement)
        scale = Scales(
            fixed.support,
            fixed.low,
            fixed.width,
            fixed_size_data(f"{block.unit}:is_fixed", fixed.is_fixed),
            fixed_size_data(f"{block.unit}:fixed", fixed.fixed),
        )
        if is_shared(block):
            values = natural(scale, shared[0][None, :], pt)
        else:
            anchor = _anchor(block, log_scale)
            values = _block_values(block, scale, arrangement, covariates, centring, anchor)
        parts.append(values.ravel())
    return pt.concatenate(parts) if len(parts) > 1 else parts[0]


def _block_values(
    block: Block,
    scale: Scales,
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    centring: Mapping[str, np.ndarray],
    anchor: Anchor | None,
) -> Any:
    location = _prior_vector(block, arrangement, "location", anchor)
    factor = _lkj_cholesky(block) if block.correlated else None
    spread = _prior_vector(block, arrangement, "spread", anchor)
    centre = location[None, :] + _effects(block, covariates, anchor)
    share = fixed_size_data(f"{block.unit}{CENTRING}", centring[block.unit])
    scatter = Scatter(centre, spread, factor, share, pt)
    sampled = _sampled(block, scatter, population_kind(block, arrangement.model))
    values = scatter.values(scatter.deviations(sampled))
    return natural(scale, anchor.released(values) if anchor else values, pt)


def _anchor(block: Block, log_scale: Any) -> Anchor | None:
    """The anchor of a block in the PyMC model in context, of powers 0 until these are measured."""
    if log_scale is None:
        return None
    powers = np.zeros((block.shape[1], log_scale.type.shape[-1]))
    powers = fixed_size_data(f"{block.unit}{ANCHORING}", powers)
    return Anchor.at(block, powers @ log_scale, pt)


def _sampled(block: Block, scatter: Scatter, population: Population = "normal") -> Any:
    """Add what the sampler moves, (unit, column), distributed as `Scatter` says."""
    name = f"{block.unit}:deviation"
    family, numbers, narrowed = pm.Normal, {}, 1.0
    if population == "student_t":  # of variance 1
        family, numbers = pm.StudentT, {"nu": DEGREES}
        narrowed = np.sqrt((DEGREES - 2) / DEGREES)
    if scatter.factor is None:
        sigma = scatter.mixing * narrowed
        return family(name, **numbers, mu=scatter.mean, sigma=sigma, shape=block.shape)

    def standard(**size: Any) -> Any:
        return family.dist(**numbers, mu=0.0, sigma=narrowed, **size)

    def log_density(value: Any, mean: Any, mixing: Any) -> Any:
        alone = pm.logp(standard(), unmixed(mixing, value - mean, pt)).sum()
        return alone - len(block.labels) * pt.log(pt.diagonal(mixing)).sum()

    def draw(mean: Any, mixing: Any, size: Any) -> Any:
        return mean + standard(size=block.shape) @ mixing.mT

    return pm.CustomDist(
        name,
        pt.broadcast_to(scatter.mean, block.shape),
        scatter.mixing,
        logp=log_density,
        dist=draw,
        signature="(n,k),(k,k)->(n,k)",
        support_point=lambda _, size, mean, mixing: mean,
    )


def _prior_vector(
    block: Block, arrangement: Arrangement, part: str, anchor: Anchor | None = None
) -> Any:
    """One prior per column, (column,): those of the standard family as one variable."""
    priors = [getattr(parameter, part) for parameter, _ in block.columns]
    family, names = STANDARD[part]
    standard = standard_columns(block, part)
    vector: Any = pt.zeros(len(priors))
    if standard:
        numbers = {n: np.array([float(priors[k].parameters[n]) for k in standard]) for n in names}
        numbers = anchor.prior(numbers, standard) if anchor else numbers
        distribution = getattr(pm, family)
        own = distribution(f"{block.unit}:{part}", **numbers, shape=len(standard))
        if len(standard) == len(priors):
            return own
        vector = vector[np.array(standard)].set(own)
    for k, prior in enumerate(priors):
        if k not in standard:
            vector = vector[k].set(_own_variable(prior, own_name(block, arrangement, part, k)))
    return vector


def _own_variable(prior: Prior, name: str) -> Any:
    prior = deepcopy(prior)
    prior.dims = ()
    return prior.create_variable(name)


def _effects(block: Block, covariates: Mapping[str, Covariates], anchor: Anchor | None) -> Any:
    entries = effect_entries(block, covariates) if block.unit == "participant" else []
    if not entries:
        return 0.0
    rows, columns, parameters = zip(*entries, strict=True)
    priors = [parameter.effect_prior.parameters for parameter in parameters]
    numbers = {n: np.array([float(prior[n]) for prior in priors]) for n in ("mu", "sigma")}
    if anchor:
        numbers = {n: anchor.stretched(x, np.array(columns)) for n, x in numbers.items()}
    effects = pm.Normal(f"{block.unit}:effect", **numbers, shape=len(entries))
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
