"""Simulate the bundled study ``hidden_multiplier``: see README.md for the command.

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
from bundling import labels, shuffled, sigmoid, write

SEED = 20190401
PEOPLE, REPEATS, INVESTMENTS, MULTIPLIERS = 57, 2, range(1, 11), (2, 4, 6)
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after van Baar, Chang & Sanfey (2019), "
    "doi:10.1038/s41467-019-09161-6; the number of trials is ours"
)


def design(rng: np.random.Generator) -> em.Study:
    """Every investment and multiplier twice, in an order of everybody's own."""
    cells = list(itertools.product(INVESTMENTS, MULTIPLIERS)) * REPEATS
    trials = pd.DataFrame(cells, columns=["investment", "multiplier"])
    return em.Study(trials=shuffled(rng, PEOPLE, trials))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "greed": sigmoid(rng.normal(-2.2, 0.9, PEOPLE)),
            "preference": rng.normal(0.01, 0.05, PEOPLE),
            "inverse_temperature": np.exp(rng.normal(np.log(100), 0.4, PEOPLE)),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("guilt_reciprocity")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    study.trials["returned"] = study.trials["returned"].astype(int)
    write(
        FOLDER, study, parameters, citation=CITATION, tables=["trials"], model="guilt_reciprocity"
    )


if __name__ == "__main__":
    main()
