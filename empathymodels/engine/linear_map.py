"""Combinations of what is sampled: a linear map that the compiled density applies first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from nutpie.compile_pymc import CompiledPyMCModel

VECTORS = PLACES, WEIGHTS = "linear map: places", "linear map: weights"  # that hold it, by name


@dataclass(frozen=True, eq=False)
class LinearMap:
    """Steps, one after another, that add to one coordinate of a point a multiple of another one.

    No coordinate is added to itself: the determinant is 1, so that a density stays as it is.

    Attributes
    ----------
    places : ndarray of int (step, 2)
        The coordinate that is added to, and the one that is added.
    weights : ndarray of float (step,)
        How many times.
    """

    places: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, steps: list[tuple[int, int, float]]) -> LinearMap:
        """That of steps (added to, added, weight)."""
        places = np.array([step[:2] for step in steps], dtype=np.int64).reshape(-1, 2)
        return cls(places, np.array([step[2] for step in steps], dtype=float))

    @classmethod
    def in_density(cls, compiled: CompiledPyMCModel) -> LinearMap:
        """That which a compiled density applies."""
        data = {key.name: compiled.shared_data[k] for key, k in compiled.shared_var_keys.items()}
        return cls(data[PLACES].reshape(-1, 2), data[WEIGHTS])

    @classmethod
    def from_json(cls, text: str) -> LinearMap:
        """What `to_json` wrote."""
        return cls.of(json.loads(text))

    def to_json(self) -> str:
        """The steps as text."""
        steps = zip(self.places.tolist(), self.weights.tolist(), strict=True)
        return json.dumps([[*places, weight] for places, weight in steps])

    def applied_by(self, compiled: CompiledPyMCModel) -> CompiledPyMCModel:
        """A compiled density of the points that the map gives; a map that it had is replaced.

        Raises
        ------
        ValueError
            A coordinate is none of the density's.
        """
        if self.places.shape != (len(self.weights), 2):
            raise ValueError(
                "A linear map must have two places and one weight per step; found arrays of "
                f"shapes {self.places.shape} and {self.weights.shape}."
            )
        to, added = self.places.T
        beyond = ((self.places < 0) | (self.places >= compiled.n_dim)).any(axis=1)
        wrong = beyond | (to == added) | ~np.isfinite(self.weights)
        if wrong.any():
            raise ValueError(
                "A linear map must add finite multiples of coordinates to others; found "
                f"{wrong.sum():,} of {len(wrong):,} steps that do not, in {compiled.n_dim:,} "
                "coordinates."
            )
        return compiled.with_data(**{PLACES: self.places.ravel(), WEIGHTS: self.weights})

    def applied(self, points: Any) -> np.ndarray:
        """Where points (…, coordinate) are moved."""
        return self._run(points, 1, slice(None))

    def undone(self, points: Any) -> np.ndarray:
        """Points (…, coordinate) that are moved to the given ones."""
        return self._run(points, -1, slice(None, None, -1))

    def _run(self, points: Any, sign: int, order: slice) -> np.ndarray:
        moved = np.array(points, dtype=float)
        for (to, of), weight in zip(self.places[order], self.weights[order], strict=True):
            moved[..., to] += sign * weight * moved[..., of]
        return moved


NO_STEPS = LinearMap.of([])
