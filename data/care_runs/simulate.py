"""Simulate the bundled study ``care_runs``: see README.md for the command.

Writes the tables beside this file, from the package's own simulator and a fixed seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

sys.path.insert(0, str(Path(__file__).parents[1]))
from bundling import labels, sigmoid, write

SEED = 20140521
PEOPLE, RUNS, BLOCKS, VOLUMES = 20, 2, 4, 15  # pairs of blocks per run, volumes per block
LOST = 0.02  # share of volumes without a score
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the question of Moll et al. (2014), "
    "doi:10.1371/journal.pone.0097343; the design is ours"
)


def response(instructed: np.ndarray) -> np.ndarray:
    """Share of regulation that shows: the instruction through a slow response, volumes of 2 s."""
    seconds = 2 * np.arange(12)
    shape = seconds**5 * np.exp(-seconds)
    return np.convolve(instructed, shape / shape.sum())[: len(instructed)]


def design(rng: np.random.Generator) -> em.Study:
    """Runs of blocks of rest and regulation in turn; a few volumes are lost."""
    instructed = np.tile(np.repeat([0.0, 1.0], VOLUMES), BLOCKS)
    run = pd.DataFrame({"regulate": response(instructed).clip(0, 1).round(2)})
    run.insert(0, "trial", np.arange(1, len(run) + 1))
    parts = [
        run.assign(participant=label, block=block)
        for label in labels(PEOPLE)
        for block in range(1, RUNS + 1)
    ]
    trials = pd.concat(parts, ignore_index=True)
    trials["lost"] = (rng.random(len(trials)) < LOST).astype(int)
    return em.Study(trials=trials[["participant", "block", "trial", "regulate", "lost"]])


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale in the units of the data."""

    def about(median: float, spread: float) -> np.ndarray:
        return median * np.exp(rng.normal(0, spread, PEOPLE))

    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "baseline": rng.normal(-0.2, 0.35, PEOPLE),
            "regulation": rng.normal(0.4, 0.35, PEOPLE),
            "persistence": sigmoid(rng.normal(1.7, 0.5, PEOPLE)),
            "fluctuation": about(0.6, 0.25),
            "noise": about(0.8, 0.2),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    study, _ = em.simulate(em.get_model("signature_tracking"), planned, parameters, seed=SEED)
    seen = study.trials["score"].where(study.trials["lost"] == 0)
    study = em.Study(trials=study.trials.assign(score=seen))
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials"],
        model="signature_tracking",
    )


if __name__ == "__main__":
    main()
