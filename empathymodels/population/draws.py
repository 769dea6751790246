"""The population of every block in draws of the sampled variables, in any parametrisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from empathymodels.declaration.parts import Parameter
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import Anchor, Block, blocks
from empathymodels.population.covariates import Covariates
from empathymodels.population.parametrisation import (
    STANDARD,
    Parametrisation,
    effect_entries,
    is_shared,
    log_of_scales,
    own_name,
    standard_columns,
)
from empathymodels.population.scatter import Scatter, cholesky_of


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
    for group in groups_in_draws(arrangement, covariates, before, raw):
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


def groups_in_draws(
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    anchors: Mapping[str, Anchor],
    raw: Mapping[str, np.ndarray],
) -> list[_Group]:
    """Return the population of every block, in draws."""
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


def anchors_of(
    arrangement: Arrangement,
    anchoring: Mapping[str, np.ndarray],
    raw: Mapping[str, np.ndarray],
) -> dict[str, Anchor]:
    """The sampler's unit for every block, in draws; where nothing anchors it, 1."""
    arranged, found = blocks(arrangement), {}
    shared = [_assembled(b, arrangement, "location", raw) for b in arranged if is_shared(b)]
    log_scale = log_of_scales(arranged, shared[0] if shared else None)
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
    own = {k: own_name(block, arrangement, part, k) for k in range(len(block.columns))}
    standard = iter(np.moveaxis(raw.get(f"{block.unit}:{part}", np.empty((0, 0, 0))), -1, 0))
    columns = [raw[name] if name in raw else next(standard) for name in own.values()]
    return np.stack(columns, axis=-1)


def _factor(block: Block, raw: Mapping[str, np.ndarray]) -> np.ndarray | None:
    if not block.correlated:
        return None
    return cholesky_of(2 * raw[f"{block.unit}:partial"] - 1, block.correlated, block.shape[1])
