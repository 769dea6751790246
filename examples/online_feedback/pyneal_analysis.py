"""Feedback in Pyneal: choose this file as custom analysis.

``filter.json`` and ``weights.npy`` lie beside it. Pyneal sends what `compute` returns to whoever
asks its results server, such as the program that shows the feedback.
"""

from pathlib import Path

from volume_score import VolumeScore

import empathymodels as em

FOLDER = Path(__file__).parent


class CustomAnalysis:
    """What Pyneal makes once per run, and gives every volume."""

    def __init__(self, mask_img):
        self.mask = mask_img
        self.score = VolumeScore(FOLDER / "weights.npy")
        self.filter = em.Filter.from_json((FOLDER / "filter.json").read_text(encoding="utf-8"))
        self.filter.reset()

    def compute(self, volume, volIdx):
        """Return what is known after this volume, for Pyneal's results server."""
        return self.filter.update(self.score(volume))._asdict()
