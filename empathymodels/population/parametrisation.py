"""In which coordinates the sampler moves, and which variables have standard priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pymc_extras.prior import Prior

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.response_scale import scale_of
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import POPULATION, Block, blocks, column_label, scale_columns
from empathymodels.population.covariates import Covariates

CENTRING = ":centring"  # how the names of shares among the data end

ANCHORING = ":anchoring"  # and those of powers


def is_shared(block: Block) -> bool:
    """Whether the parameters of a block have one value for everybody."""
    return block.unit == POPULATION


@dataclass(frozen=True)
class Parametrisation:
    """In which coordinates the sampler moves; the posterior is the same in all.

    Attributes
    ----------
    centring : mapping of str to ndarray (column,)
        Per unit: shares of centring (see `scatter.Scatter`).
    anchoring : mapping of str to ndarray (column, scale)
        Per unit: powers of the shared scales (see `blocks.Anchor`); none are 0.
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


def log_of_scales(arranged: list[Block], location: Any) -> Any:
    """Log of every shared scale over the centre of its prior, (..., scale); None without any."""
    places = [k for block in arranged if is_shared(block) for k in scale_columns(block)]
    if not places:
        return None
    (block,) = [block for block in arranged if is_shared(block)]
    priors = [block.columns[k][0].priors["location"] for k in places]
    centres = np.array([float(prior.parameters["mu"]) for prior in priors])
    return location[..., np.array(places)] - centres


STANDARD = {"location": ("Normal", ("mu", "sigma")), "spread": ("HalfNormal", ("sigma",))}


def standard_columns(block: Block, part: str) -> list[int]:
    """Columns whose prior of this part is of the standard family: they are one variable."""
    family, names = STANDARD[part]
    priors = enumerate(parameter.priors[part] for parameter, _ in block.columns)
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
            [float(parameters[k].priors["location"].parameters["sigma"]) for k in standard]
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


def own_name(block: Block, arrangement: Arrangement, part: str, place: int) -> str:
    """Return the name of the variable that has a prior of its own."""
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
        for support in [SUPPORTS[p.support]]
        if p.fixed is None and (support.is_linear or support.is_log) and scale_of(model, p)[0] == 0
    ]
