"""Priors of the population, inside a PyMC model, and the labelled results that come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pymc_extras.prior import Prior

from empathymodels.arrangement import Arrangement
from empathymodels.covariates import Covariates
from empathymodels.model import Model
from empathymodels.nouns import Parameter, Population
from empathymodels.people import (
    DEGREES,
    POPULATION,
    Anchor,
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
    population_kind,
    scale_columns,
    scales,
    unmixed,
)
from empathymodels.response_scale import scale_of

LKJ_CONCENTRATION = 2.0
CENTRING = ":centring"  # how the names of shares among the data end
ANCHORING = ":anchoring"  # and those of powers


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
    arranged = blocks(arrangement)
    shared = [_prior_vector(b, arrangement, "location") for b in arranged if is_shared(b)]
    log_scale = _log_scale(arranged, shared[0] if shared else None)
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


def is_shared(block: Block) -> bool:
    """Whether the parameters of a block have one value for everybody."""
    return block.unit == POPULATION


@dataclass(frozen=True)
class Parametrisation:
    """In which coordinates the sampler moves; the posterior is the same in all.

    Attributes
    ----------
    centring : mapping of str to ndarray (column,)
        Per unit: shares of centring (see `people.Scatter`).
    anchoring : mapping of str to ndarray (column, scale)
        Per unit: powers of the shared scales (see `people.Anchor`); none are 0.
    """

    centring: Mapping[str, np.ndarray]
    anchoring: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, np.ndarray]) -> Parametrisation:
        """That of a built model, among whose data it is."""
        parts = [
            {n.removesuffix(end): x for n, x in data.items() if n.endswith(end)}
            for end in (CENTRING, ANCHORING)
        ]
        return cls(*parts)

    @property
    def data(self) -> dict[str, np.ndarray]:
        """The same under the names that it has among the data."""
        centring = {f"{unit}{CENTRING}": share for unit, share in self.centring.items()}
        return centring | {f"{unit}{ANCHORING}": x for unit, x in self.anchoring.items()}


def _log_scale(arranged: list[Block], location: Any) -> Any:
    """Log of every shared scale over the centre of its prior, (..., scale); None without any."""
    places = [k for block in arranged if is_shared(block) for k in scale_columns(block)]
    if not places:
        return None
    (block,) = [block for block in arranged if is_shared(block)]
    centres = np.array([float(block.columns[k][0].location.parameters["mu"]) for k in places])
    return location[..., np.array(places)] - centres


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


# ------------------------------------------------------------------------------ priors

STANDARD = {"location": ("Normal", ("mu", "sigma")), "spread": ("HalfNormal", ("sigma",))}


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


# ----------------------------------------------------------------------------- results


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
    for group in _groups(arrangement, covariates, anchors, raw):
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


def reparametrised(
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    old: Parametrisation,
    new: Parametrisation,
    raw: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """What the sampler would have moved, had it another parametrisation.

    Parameters
    ----------
    arrangement, covariates, raw
        As for `labelled`.
    old, new : Parametrisation
        That of the draws, and the other one.

    Returns
    -------
    dict of str to ndarray (chain, draw, ...)
        On the sampler's scale, under the names that the variables have there.
    """
    found = {}
    before, after = (anchors_of(arrangement, one.anchoring, raw) for one in (old, new))
    for group in _groups(arrangement, covariates, before, raw):
        unit, block = group.block.unit, group.block
        if group.spread is None:
            continue
        anchor = after[unit]
        standard = {part: standard_columns(block, part) for part in STANDARD}
        found[f"{unit}:location"] = anchor.moved(group.location)[..., standard["location"]]
        spread = anchor.stretched(group.spread)[..., standard["spread"]]
        found[f"{unit}:spread_log__"] = np.log(spread)
        if group.effects is not None:
            found[f"{unit}:effect"] = anchor.stretched(group.effects, group.effect_columns)
        was = group.scatter(before[unit], old.centring[unit])
        deviations = was.deviations(raw[f"{unit}:deviation"])
        found[f"{unit}:deviation"] = group.scatter(anchor, new.centring[unit]).sampled(deviations)
    return found


@dataclass(frozen=True)
class _Group:
    """The population of a block's units on the link scale, in draws.

    Attributes
    ----------
    block : Block
        Whose it is.
    location, spread : ndarray (chain, draw, column)
        No spread where all share one value.
    factor : ndarray (chain, draw, column, column) or None
        Cholesky factor of the correlations.
    effects : ndarray (chain, draw, entry) or None
        Of covariates, in the order of `effect_entries`.
    entries : list
        These.
    design : ndarray (unit, covariate)
        Values of covariates.
    """

    block: Block
    location: np.ndarray
    spread: np.ndarray | None = None
    factor: np.ndarray | None = None
    effects: np.ndarray | None = None
    entries: Sequence[tuple[int, int, Parameter]] = ()
    design: np.ndarray | None = None

    @property
    def effect_columns(self) -> list[int]:
        """Columns that the effects are of."""
        return [column for _, column, _ in self.entries]

    def scatter(self, anchor: Anchor, share: np.ndarray) -> Scatter:
        """How units scatter in the sampler's unit."""
        centre = anchor.moved(self.location)[..., None, :]
        if self.effects is not None and self.design is not None:
            rows = [row for row, _, _ in self.entries]
            shape = (*self.effects.shape[:2], self.design.shape[1], self.block.shape[1])
            matrix = np.zeros(shape)
            matrix[..., rows, self.effect_columns] = anchor.stretched(
                self.effects, self.effect_columns
            )
            centre = centre + self.design @ matrix
        return Scatter(centre, anchor.stretched(self.spread), self.factor, share)


def _groups(
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    anchors: Mapping[str, Anchor],
    raw: Mapping[str, np.ndarray],
) -> list[_Group]:
    found = []
    for block in blocks(arrangement):
        location = _assembled(block, arrangement, "location", raw)
        if is_shared(block):
            found.append(_Group(block, location))
            continue
        anchor = anchors[block.unit]
        own: dict[str, Any] = {}
        if f"{block.unit}:effect" in raw:
            entries = effect_entries(block, covariates)
            columns = [column for _, column, _ in entries]
            tables = [one.table.to_numpy() for one in covariates.values()]
            own = {"entries": entries, "design": np.concatenate(tables, axis=1)}
            own["effects"] = anchor.unstretched(raw[f"{block.unit}:effect"], columns)
        spread = anchor.unstretched(_assembled(block, arrangement, "spread", raw))
        location = anchor.released(location[..., None, :])[..., 0, :]
        found.append(_Group(block, location, spread, _factor(block, raw), **own))
    return found


def anchor_labels(
    arrangement: Arrangement, anchoring: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float]]:
    """Powers of the scales by name, for every column that is anchored."""
    arranged = blocks(arrangement)
    scaling = [b.columns[k] for b in arranged if is_shared(b) for k in scale_columns(b)]
    names = [column_label(parameter, arrangement, level) for parameter, level in scaling]
    found: dict[str, dict[str, float]] = {}
    for block in [b for b in arranged if b.unit in anchoring]:
        for (parameter, level), own in zip(block.columns, anchoring[block.unit], strict=True):
            powers = {n: round(float(q), 3) for n, q in zip(names, own, strict=True) if q}
            found |= {column_label(parameter, arrangement, level): powers} if powers else {}
    return found


def anchorable_columns(block: Block, model: Model) -> list[int]:
    """Free columns that a scale can stretch: of standard priors, from 0, plain or with a log link.

    A column's unit is that of what it weighs; what begins elsewhere than at 0 is a place.
    """
    standard = set(standard_columns(block, "location")) & set(standard_columns(block, "spread"))
    return [
        k
        for k in sorted(standard)
        for p in [block.columns[k][0]]
        if p.fixed is None and p.support in ("real", "positive") and scale_of(model, p)[0] == 0
    ]


def anchors_of(
    arrangement: Arrangement,
    anchoring: Mapping[str, np.ndarray],
    raw: Mapping[str, np.ndarray],
) -> dict[str, Anchor]:
    """The sampler's unit for every block, in draws; where nothing anchors it, 1."""
    arranged, found = blocks(arrangement), {}
    shared = [_assembled(b, arrangement, "location", raw) for b in arranged if is_shared(b)]
    log_scale = _log_scale(arranged, shared[0] if shared else None)
    for block in arranged:
        log_unit = np.zeros(block.shape[1])
        if block.unit in anchoring and log_scale is not None:
            log_unit = log_scale @ anchoring[block.unit].T
        found[block.unit] = Anchor.at(block, log_unit)
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
