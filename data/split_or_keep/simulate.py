"""Simulate the bundled study ``split_or_keep``: see README.md for the command.

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

SEED = 1999
PEOPLE, EQUAL = 40, 10
OWN, OTHER = (8, 10, 12, 14, 16), (2, 6, 10, 14, 18, 22)
REPEATS = 2
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, from the utility of Fehr & Schmidt (1999), "
    "doi:10.1162/003355399556151"
)


def design(rng: np.random.Generator) -> em.Study:
    """An equal split against every other allocation, for both groups, in an own order."""
    cells = list(itertools.product(OWN, OTHER, ("in", "out"))) * REPEATS
    offered = pd.DataFrame(cells, columns=["own", "other", "recipient_group"])
    offered = offered[(offered["own"] != EQUAL) | (offered["other"] != EQUAL)]
    rows = shuffled(rng, PEOPLE, offered)
    equal_first = rng.random(len(rows)) < 0.5
    for who in ("own", "other"):
        rows[f"{who}_a"] = rows[who].mask(equal_first, EQUAL)
        rows[f"{who}_b"] = rows[who].where(equal_first, EQUAL)
    amounts = ["own_a", "other_a", "own_b", "other_b"]
    return em.Study(trials=rows[["participant", "trial", "recipient_group", *amounts]])


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    envy, guilt = rng.normal(0, 0.3, PEOPLE), rng.normal(0, 0.2, PEOPLE)  # the same for both groups

    def real(mean: float, shared: np.ndarray, spread: float) -> np.ndarray:
        return mean + shared + rng.normal(0, spread, PEOPLE)

    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "envy[in]": real(0.6, envy, 0.2),
            "envy[out]": real(0.6, envy, 0.2),
            "guilt[in]": real(0.35, guilt, 0.2),
            "guilt[out]": real(-0.1, guilt, 0.2),
            "inverse_temperature": np.exp(np.log(0.5) + rng.normal(0, 0.4, PEOPLE)),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("inequity_aversion")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    study.trials["choice"] = study.trials["choice"].astype(int)
    write(FOLDER, study, parameters, citation=CITATION, tables=["trials"])


if __name__ == "__main__":
    main()
