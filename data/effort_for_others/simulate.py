"""Simulate the bundled study ``effort_for_others``: see README.md for the command.

Writes the tables beside this file, from the package's own simulator and a fixed seed.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

sys.path.insert(0, str(Path(__file__).parents[1]))
from bundling import labels, shuffled, write

SEED = 20240101
PEOPLE, REPEATS, LEVELS = 40, 3, (2, 3, 4, 5, 6)
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, from the design of Lockwood, Cutler et al. (2024), "
    "doi:10.1038/s41562-024-01899-4"
)


def design(rng: np.random.Generator) -> em.Study:
    """Every effort x reward x recipient three times, in an order of everybody's own."""
    cells = list(itertools.product(LEVELS, LEVELS, ("self", "other"))) * REPEATS
    trials = pd.DataFrame(cells, columns=["reward", "effort", "recipient"])
    return em.Study(trials=shuffled(rng, PEOPLE, trials))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    shared = rng.normal(0, 0.5, PEOPLE)  # who minds effort minds it for both

    def positive(median: float, spread: float, together: float) -> np.ndarray:
        return np.exp(np.log(median) + together * shared + rng.normal(0, spread, PEOPLE))

    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "discount[self]": positive(0.07, 0.5, 1.0),
            "discount[other]": positive(0.15, 0.5, 1.0),
            "inverse_temperature[self]": positive(1.5, 0.4, 0.0),
            "inverse_temperature[other]": positive(1.5, 0.4, 0.0),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("prosocial_effort")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    study.trials["work"] = study.trials["work"].astype(int)
    write(FOLDER, study, parameters, citation=CITATION, tables=["trials"])


if __name__ == "__main__":
    main()
