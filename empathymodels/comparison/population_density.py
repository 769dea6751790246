"""What draws of a posterior say of the population that people are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import xarray as xr

from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.parts import Population as Kind
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import (
    blocks,
    log_density_of_deviations,
    refuse_heavy_tails,
)
from empathymodels.population.population_draws import population_draws


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
    kind : {"normal", "student_t"}
        How deviations are distributed that this factor scales and correlates.
    """

    columns: list[tuple[Parameter, int]]
    centre: np.ndarray
    factor: np.ndarray
    kind: Kind = "normal"

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
        return replace(self, centre=self.centre[draws], factor=self.factor[draws])

    def log_density(self, person: int, points: np.ndarray) -> np.ndarray:
        """Log-density (draw, point) of a person's link-scale values ([draw,] point, column)."""
        size, centre = len(self.columns), self.centre[:, person]
        width = np.log(np.diagonal(self.factor, axis1=1, axis2=2)).sum(axis=1)
        if self.kind != "normal":
            return self._log_density_of_deviations(centre, points) - width[:, None]
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

    def _log_density_of_deviations(self, centre: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Log-density (draw, point) of the deviations that make points ([draw,] point, column)."""
        found = []
        inverse = np.swapaxes(np.linalg.inv(self.factor), -1, -2)
        for draw, of_draw in enumerate(np.broadcast_to(points, (len(centre), *points.shape[-2:]))):
            deviations = (of_draw - centre[draw]) @ inverse[draw]
            found.append(log_density_of_deviations(self.kind, deviations).sum(axis=-1))
        return np.array(found)


def population_of(
    arrangement: Arrangement,
    used: list[Parameter],
    posterior: xr.Dataset,
    constant: xr.Dataset,
) -> Population:
    """Collect what a posterior says of the population of the parameters in use."""
    block = next((b for b in blocks(arrangement) if b.unit == "participant"), None)
    kind, names = arrangement.model.population, {p.name for p in used if p.fixed is None}
    if block and kind != "normal" and names & set(arrangement.model.correlate):
        # sums of such deviations are of another kind: none is integrated out beforehand
        if len(block.free_correlated) < block.correlated:
            refuse_heavy_tails(arrangement.model, "With a fixed value among those that correlate")
        names |= {block.columns[k][0].name for k in block.free_correlated}
    places = [k for k, (p, _) in enumerate(block.columns) if p.name in names] if block else []
    size, people = posterior.sizes["chain"] * posterior.sizes["draw"], len(arrangement.participants)
    if block is None or not places:
        return Population([], np.zeros((size, people, 0)), np.zeros((size, 0, 0)))
    found, columns = population_draws(block, arrangement, posterior), []
    centre = np.zeros((size, people, len(places)))
    for column, k in enumerate(places):
        parameter, level = block.columns[k]
        columns.append((parameter, level))
        centre[..., column] = found.location[..., k].reshape(size, 1)
        if parameter.name in found.effects:
            effects = found.effects[parameter.name][..., level].reshape(size, -1)
            centre[..., column] += effects @ constant[f"{parameter.name}_covariates"].to_numpy().T
    spread = found.spread[..., places].reshape(size, -1)
    correlation = found.correlation[..., places, :][..., places].reshape(size, *[len(places)] * 2)
    return Population(columns, centre, spread[:, :, None] * np.linalg.cholesky(correlation), kind)


def times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Products (..., row) of matrices and vectors."""
    return np.matmul(matrices, vectors[..., None])[..., 0]
