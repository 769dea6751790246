"""Simulate the bundled study ``shared_dollars``: see README.md for the command.

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

SEED = 20060401
PEOPLE = 40
DISTANCES = (1, 2, 5, 10, 20, 50, 100)
AMOUNTS = tuple(range(5, 86, 10))
CORRELATION = -0.4
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the social discounting of Jones & Rachlin (2006), "
    "doi:10.1111/j.1467-9280.2006.01699.x"
)


def design(rng: np.random.Generator) -> em.Study:
    """Every distance with every amount, in an own order; then the amount at every distance."""
    choices = pd.DataFrame(
        itertools.product(DISTANCES, AMOUNTS), columns=["distance", "amount_self"]
    )
    rows = shuffled(rng, PEOPLE, choices)
    parts = []
    for label, own in rows.groupby("participant", sort=False):
        asked = pd.DataFrame({"participant": label, "distance": DISTANCES})
        asked["trial"] = len(own) + np.arange(1, len(DISTANCES) + 1)
        parts += [own, asked]
    trials = pd.concat(parts, ignore_index=True)
    return em.Study(trials=trials)


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    both = rng.multivariate_normal([0, 0], [[1, CORRELATION], [CORRELATION, 1]], PEOPLE)

    def positive(median: float, deviation: np.ndarray) -> np.ndarray:
        return median * np.exp(deviation)

    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "discount_rate": positive(0.05, both[:, 0]),
            "undiscounted_value": positive(80, 0.2 * both[:, 1]),
            "inverse_temperature": positive(0.1, rng.normal(0, 0.3, PEOPLE)),
            "noise": positive(8, rng.normal(0, 0.3, PEOPLE)),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("social_discounting")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    is_choice = study.trials["amount_self"].notna()
    study.trials["share"] = study.trials["share"].where(is_choice).astype("Int64")
    study.trials["amount_self"] = study.trials["amount_self"].astype("Int64")
    study.trials["amount"] = study.trials["amount"].mask(is_choice)
    write(FOLDER, study, parameters, citation=CITATION, tables=["trials"])


if __name__ == "__main__":
    main()
