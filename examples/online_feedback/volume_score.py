"""The score of a signature in a volume as it comes from the scanner."""

from pathlib import Path

import numpy as np


class VolumeScore:
    """Weights of a signature times a volume, in percent of the first volumes of the run.

    Parameters
    ----------
    weights : path of an .npy file
        Weights on the grid of the scanner's volumes, 0 beyond the signature.
    first : int
        Number of whole volumes whose mean is 100 percent. They have no score themselves, nor has a
        volume in which a voxel of the signature is missing.
    """

    def __init__(self, weights: str | Path, first: int = 10) -> None:
        self.weights = np.load(weights, allow_pickle=False)
        self.inside = np.isfinite(self.weights) & (self.weights != 0)
        self.first = first
        self.seen = []

    def __call__(self, volume: object) -> float | None:
        """Return the score of the next volume; None where it cannot have one."""
        values = np.asarray(volume, dtype=float)
        if values.shape != self.weights.shape:
            return None
        own = values[self.inside]
        if len(self.seen) < self.first:
            if np.isfinite(own).all():
                self.seen.append(own)
            return None
        baseline = np.mean(self.seen, axis=0)
        percent = 100 * (own / baseline - 1)
        if not np.isfinite(percent).all():  # of a part of its voxels the score would be another one
            return None
        return float(self.weights[self.inside] @ percent)
