"""Simulate the bundled study ``closeness_learning``: see README.md for the command.

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

SEED = 20240102
PEOPLE, TRIALS = 46, 25
PAINS = {"acquisition": 20, "extinction": 5, "control": 12}  # of 25 trials
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, from the design of Saulin, Ting, Engelmann & Hein (2024), "
    "doi:10.1523/JNEUROSCI.1108-23.2024"
)


def design(rng: np.random.Generator) -> em.Study:
    """Four blocks: pain often, then seldom; and two where it comes about half of the time."""
    parts = []
    for label in labels(PEOPLE):
        for block, phase in enumerate(("acquisition", "extinction", "control", "control"), 1):
            pain = rng.permutation(np.repeat([1, 0], [PAINS[phase], TRIALS - PAINS[phase]]))
            about = {"participant": label, "block": block, "trial": np.arange(1, TRIALS + 1)}
            parts.append(pd.DataFrame(about | {"phase": phase, "pain": pain}))
    return em.Study(trials=pd.concat(parts, ignore_index=True))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale in points of the ratings."""
    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "learning_rate": sigmoid(rng.normal(-2.5, 1.2, PEOPLE)),
            "recalibration": sigmoid(rng.normal(-0.37, 0.7, PEOPLE)),
            "start_closeness": 100 * sigmoid(rng.normal(0, 0.7, PEOPLE)),
            "closeness_noise": np.exp(rng.normal(np.log(10), 0.2, PEOPLE)),
            "emotion_baseline": rng.normal(58, 8, PEOPLE),
            "emotion_pain": rng.normal(-25, 10, PEOPLE),
            "emotion_error": rng.normal(0, 5, PEOPLE),
            "emotion_noise": np.exp(rng.normal(np.log(12), 0.2, PEOPLE)),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("empathy_learning")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    write(FOLDER, study, parameters, citation=CITATION, tables=["trials"])


if __name__ == "__main__":
    main()
