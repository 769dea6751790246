"""The population of every block in labelled draws: the inverse of `labels.labelled`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from empathymodels.declaration.parts import Parameter
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import Block, correlated_labels


@dataclass(frozen=True)
class PopulationDraws:
    """What labelled draws say of the population of a block's units, on the link scale.

    Attributes
    ----------
    location, spread : ndarray (chain, draw, column)
        0 for fixed columns; spreads are 0 where all share one value.
    correlation : ndarray (chain, draw, column, column)
        Fixed and other uncorrelated columns correlate with themselves alone.
    effects : dict of str to ndarray (chain, draw, covariate, level)
        Of the covariates of every parameter that has some.
    """

    location: np.ndarray
    spread: np.ndarray
    correlation: np.ndarray
    effects: Mapping[str, np.ndarray]


def column_of(draws: xr.Dataset, name: str, parameter: Parameter, level: int) -> np.ndarray:
    """Draws (chain, draw, ...) of a parameter, or of its mean, spread or effects, at one level."""
    values = draws[name].to_numpy()
    return values[..., level] if parameter.by else values


def population_draws(block: Block, arrangement: Arrangement, draws: xr.Dataset) -> PopulationDraws:
    """Read the population of a block, as `labels.labelled` writes it.

    Parameters
    ----------
    block : Block
        Whose population.
    arrangement : Arrangement
        Model and study.
    draws : Dataset (chain, draw, ...)
        ``<name>_mean``, ``<name>_sd``, ``<name>_effect`` and ``correlation``.
    """
    shape = draws.sizes["chain"], draws.sizes["draw"]

    def columns(part: str) -> np.ndarray:
        found = [
            column_of(draws, name, parameter, level) if name in draws else np.zeros(shape)
            for parameter, level in block.columns
            for name in [f"{parameter.name}_{part}"]
        ]
        return np.stack(found, axis=-1)

    effects = {}
    for name in dict.fromkeys(parameter.name for parameter, _ in block.columns):
        if (variable := f"{name}_effect") in draws:
            values = draws[variable].to_numpy()
            effects[name] = values.reshape(*values.shape[:3], -1)
    correlation = _correlation(block, arrangement, draws, shape)
    return PopulationDraws(columns("mean"), columns("sd"), correlation, effects)


def _correlation(
    block: Block, arrangement: Arrangement, draws: xr.Dataset, shape: tuple[int, int]
) -> np.ndarray:
    matrix = np.tile(np.eye(len(block.columns)), (*shape, 1, 1))
    free = block.free_correlated
    if len(free) > 1:
        name, *dims = block.correlation
        found = draws[name].sel(dict.fromkeys(dims, correlated_labels(block, arrangement)))
        matrix[..., np.array(free)[:, None], np.array(free)] = found.to_numpy()
    return matrix
