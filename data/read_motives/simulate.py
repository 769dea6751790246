"""Simulate the bundled study ``read_motives``: see README.md for the command.

Writes the tables beside this file, from the package's own simulator and a fixed seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

sys.path.insert(0, str(Path(__file__).parents[1]))
from bundling import labels, write

SEED = 20160304
PEOPLE = 150
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the questions of Hein, Morishima, Leiberg, Sul & Fehr "
    "(2016), doi:10.1126/science.aac7992; the design is ours"
)
CONNECTIONS = ("ACC_to_AI", "AI_to_ACC", "AI_to_VS", "VS_to_AI", "ACC_to_VS", "VS_to_ACC")
SHARED = {
    "empathy_bias": 0.1,
    "reciprocity_bias": -0.1,
    **{f"{motive}_{name}": 0.0 for motive in ("empathy", "reciprocity") for name in CONNECTIONS},
    "empathy_ACC_to_AI": 0.6,
    "reciprocity_ACC_to_AI": 0.6,
    "reciprocity_AI_to_ACC": 0.8,
    "reciprocity_AI_to_VS": 1.0,
}


def design(rng: np.random.Generator) -> em.Study:
    """Connections of everybody, standardised over people."""
    strengths = rng.normal(0, 1, (PEOPLE, len(CONNECTIONS)))
    strengths = (strengths - strengths.mean(axis=0)) / strengths.std(axis=0, ddof=1)
    table = pd.DataFrame(strengths.round(2), columns=list(CONNECTIONS))
    table.insert(0, "trial", 1)
    table.insert(0, "participant", labels(PEOPLE))
    return em.Study(trials=table)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned = design(rng)
    study, _ = em.simulate(em.get_model("motive_connectivity"), planned, SHARED, seed=SEED + 1)
    parameters = pd.DataFrame({"participant": labels(PEOPLE)} | SHARED)
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials"],
        model="motive_connectivity",
    )


if __name__ == "__main__":
    main()
