"""Links between the natural scale of a parameter and the one on which people scatter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.response_scale import scale_of
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import listed
from empathymodels.population.blocks import Block


@dataclass(frozen=True)
class Scales:
    """Support (its place among all), zero point, unit and fixed value of a block's columns."""

    support: Any
    low: Any
    width: Any
    is_fixed: Any
    fixed: Any


def scales(block: Block, arrangement: Arrangement) -> Scales:
    """Collect the scales of a block's columns."""
    places = np.array([scale_of(arrangement.model, p) for p, _ in block.columns])
    return Scales(
        np.array([_place_of_support(p) for p, _ in block.columns]),
        places[:, 0].copy(),
        places[:, 1].copy(),
        np.array([float(p.fixed is not None) for p, _ in block.columns]),
        np.array([fixed_value(p, arrangement, k) for p, k in block.columns]),
    )


def _place_of_support(parameter: Parameter) -> float:
    return float(list(SUPPORTS).index(parameter.support))


def fixed_value(parameter: Parameter, arrangement: Arrangement, level: int) -> float:
    """Natural-scale value at which a column is held (0 where it is free)."""
    given = 0.0 if parameter.fixed is None else parameter.fixed
    if not isinstance(given, Mapping):
        return float(given)
    labels = arrangement.levels[parameter.by] if parameter.by else []
    if set(given) != set(map(str, labels)):
        raise ValueError(
            f"Fixed values of '{parameter.name}' must name every level of '{parameter.by}': "
            f"{listed(labels)}; found {listed(given)}. Name them all, or give one number."
        )
    return float(given[str(labels[level])])


def natural(scale: Scales, linked: Any, xp: Any = np) -> Any:
    """Natural-scale values (…, column) of link-scale values, with fixed columns filled in.

    ``xp`` is NumPy or ``pytensor.tensor``.
    """
    plain, places = linked, np.asarray(scale.support)
    for place, support in enumerate(SUPPORTS.values()):
        here = places == place
        if here.any() and not support.is_linear:
            # a function sees only the columns it is for: elsewhere an exponential could overflow
            plain = xp.where(here, support.inverse(xp.where(here, linked, 0.0), xp), plain)
    return xp.where(scale.is_fixed > 0, scale.fixed, scale.low + scale.width * plain)


def natural_values(parameter: Parameter, model: Model, linked: Any) -> np.ndarray:
    """Natural-scale numbers of one free parameter's link-scale numbers."""
    support = np.array(_place_of_support(parameter))
    low, width = scale_of(model, parameter)
    with np.errstate(over="ignore"):  # exp(-x) of a very low logit: the value is 0
        return natural(
            Scales(support, low, width, np.array(0.0), 0.0), np.asarray(linked, dtype=float)
        )


def linked_values(parameter: Parameter, model: Model, values: np.ndarray) -> np.ndarray:
    """Link-scale numbers of one parameter's natural-scale numbers."""
    low, width = scale_of(model, parameter)
    return SUPPORTS[parameter.support].link((values - low) / width)
