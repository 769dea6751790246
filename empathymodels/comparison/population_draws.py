"""What draws of a posterior say of the population that people are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from empathymodels.declaration.parts import Parameter
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import blocks, column_label


@dataclass(frozen=True)
class Population:
    """What draws of a posterior say of the population, on the link scale.

    Attributes
    ----------
    columns : list of (Parameter, int)
        Person-level parameters that the responses depend on, and positions of their levels.
    centre : ndarray (draw, person, column)
    factor : ndarray (draw, column, column)
        Cholesky factor of the covariance between people.
    """

    columns: list[tuple[Parameter, int]]
    centre: np.ndarray
    factor: np.ndarray

    @cached_property
    def covariance(self) -> np.ndarray:
        """Between people, (draw, column, column)."""
        return np.matmul(self.factor, np.swapaxes(self.factor, -1, -2))

    @cached_property
    def precision(self) -> np.ndarray:
        """Inverse of the covariance, (draw, column, column)."""
        inverse = np.linalg.inv(self.factor)
        return np.matmul(np.swapaxes(inverse, -1, -2), inverse)

    def at(self, draws: np.ndarray | slice) -> Population:
        """Some of the draws."""
        return Population(self.columns, self.centre[draws], self.factor[draws])

    def log_density(self, person: int, points: np.ndarray) -> np.ndarray:
        """Log-density (draw, point) of a person's link-scale values ([draw,] point, column)."""
        size, centre = len(self.columns), self.centre[:, person]
        width = np.log(np.diagonal(self.factor, axis1=1, axis2=2)).sum(axis=1)
        constant = -width - size * np.log(2 * np.pi) / 2
        if points.ndim == 3:
            away = points - centre[:, None]
            squares = np.einsum("djk,dkl,djl->dj", away, self.precision, away, optimize=True)
            return constant[:, None] - squares / 2
        # the same as one matrix product: a quadratic in the points, around a common origin
        origin = points.mean(axis=0)
        away, towards = points - origin, centre - origin
        products = (away[:, :, None] * away[:, None, :]).reshape(len(points), -1)
        features = np.column_stack([products, away, np.ones(len(points))])
        pull = times(self.precision, towards)
        level = constant - (towards * pull).sum(axis=1) / 2
        squares = -self.precision.reshape(len(centre), -1) / 2
        return np.column_stack([squares, pull, level]) @ features.T


def population_of(
    arrangement: Arrangement,
    used: list[Parameter],
    posterior: xr.Dataset,
    constant: xr.Dataset,
) -> Population:
    """Collect what a posterior says of the population of the parameters in use."""
    block = next((b for b in blocks(arrangement) if b.unit == "participant"), None)
    names = {p.name for p in used if p.fixed is None}
    columns = [(p, k) for p, k in block.columns if p.name in names] if block else []
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    centre = np.zeros((size, len(arrangement.participants), len(columns)))
    spread = np.zeros((size, len(columns)))

    def of(name: str, parameter: Parameter, level: int) -> np.ndarray:
        """Draws (draw, ...) of one column of a result."""
        found = posterior[name]
        if parameter.by:
            found = found.isel({parameter.by: level})
        return found.to_numpy().reshape(size, *found.shape[2:])

    for place, (parameter, level) in enumerate(columns):
        centre[..., place] = of(f"{parameter.name}_mean", parameter, level)[:, None]
        spread[:, place] = of(f"{parameter.name}_sd", parameter, level)
        if f"{parameter.name}_effect" in posterior:
            table = constant[f"{parameter.name}_covariates"].to_numpy()
            centre[..., place] += of(f"{parameter.name}_effect", parameter, level) @ table.T
    correlation = np.tile(np.eye(len(columns)), (size, 1, 1))
    if "correlation" in posterior:
        matrix = posterior["correlation"]
        labels = matrix["correlated"].to_numpy().tolist()
        own = [column_label(p, arrangement, k) for p, k in columns]
        here = [(place, labels.index(n)) for place, n in enumerate(own) if n in labels]
        if here:
            to, origin = map(list, zip(*here, strict=True))
            values = matrix.to_numpy().reshape(size, len(labels), len(labels))
            correlation[np.ix_(range(size), to, to)] = values[np.ix_(range(size), origin, origin)]
    return Population(columns, centre, spread[:, :, None] * np.linalg.cholesky(correlation))


def times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Products (..., row) of matrices and vectors."""
    return np.matmul(matrices, vectors[..., None])[..., 0]
