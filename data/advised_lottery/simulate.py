"""Simulate the bundled study ``advised_lottery``: see README.md for the command.

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

SEED = 20140904
PEOPLE = 60
# how often advice is right: long phases, then intentions that change every 15 trials, then one more
HELPFULNESS = np.repeat([0.8, 0.2, 0.8, 0.2, 0.8, 0.2], [50, 15, 15, 15, 15, 50])
EVIDENCE = (0.25, 0.35, 0.5, 0.65, 0.75)
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after Diaconescu, Mathys, Weber, Daunizeau, Kasper, "
    "Lomakina, Fehr & Stephan (2014), doi:10.1371/journal.pcbi.1003810; the numbers of the design "
    "are ours"
)


def design(rng: np.random.Generator) -> em.Study:
    """Phases in one of two orders; own evidence says nothing of whether the adviser is honest."""
    parts = []
    for number, label in enumerate(labels(PEOPLE)):
        helpful = HELPFULNESS if number % 2 else 1 - HELPFULNESS
        rows = pd.DataFrame(
            {
                "participant": label,
                "trial": np.arange(1, len(helpful) + 1),
                "first_phase": "helpful" if number % 2 else "misleading",
                "helpfulness": helpful,
                "own_evidence": rng.permutation(np.resize(EVIDENCE, len(helpful))),
                "advice_right": (rng.random(len(helpful)) < helpful).astype(int),
            }
        )
        parts.append(rows)
    return em.Study(trials=pd.concat(parts, ignore_index=True))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "advice_weight": sigmoid(rng.normal(0.4, 0.8, PEOPLE)),
            "tonic_volatility": rng.normal(-2.2, 0.8, PEOPLE),
            "meta_volatility": 0.15,
            "start_log_odds": rng.normal(0.6, 0.5, PEOPLE),
            "inverse_temperature": 2.5 * np.exp(rng.normal(0, 0.4, PEOPLE)),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("advice_taking")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials"],
        model="advice_taking",
    )


if __name__ == "__main__":
    main()
