"""Simulate the bundled study ``self_other_no_one``: see README.md for the command.

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

SEED = 20210101
PEOPLE, BLOCKS, TRIALS, CHANCE = 40, 3, 16, 0.75  # blocks per recipient, trials per block
RECIPIENTS = ("self", "other", "no_one")
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, from the design of Lockwood, Apps, Valton, Viding & Roiser "
    "(2016), doi:10.1073/pnas.1603198113, near numbers released with Cutler et al. (2021), "
    "doi:10.1038/s41467-021-24576-w"
)


def design(rng: np.random.Generator) -> em.Study:
    """Nine blocks of 16 trials, ordered anew for everybody, and what each choice would bring."""
    parts = []
    for label in labels(PEOPLE):
        order = rng.permutation(np.repeat(RECIPIENTS, BLOCKS))
        rows = pd.DataFrame({"recipient": np.repeat(order, TRIALS)})
        rows.insert(0, "block", np.repeat(np.arange(1, len(order) + 1), TRIALS))
        rows.insert(0, "trial", np.arange(1, len(rows) + 1))
        rows.insert(0, "participant", label)
        rows["outcome_0"] = (rng.random(len(rows)) > CHANCE).astype(int)
        rows["outcome_1"] = (rng.random(len(rows)) < CHANCE).astype(int)
        parts.append(rows)
    return em.Study(trials=pd.concat(parts, ignore_index=True))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    shared = rng.normal(0, 0.3, PEOPLE)  # who learns fast for one learns fast for all

    def rate(median: float, spread: float) -> np.ndarray:
        own = np.log(median / (1 - median)) + shared + rng.normal(0, spread, PEOPLE)
        return 1 / (1 + np.exp(-own))

    medians = {"self": 0.10, "other": 0.066, "no_one": 0.073}
    table = pd.DataFrame({"participant": labels(PEOPLE)})
    for recipient in RECIPIENTS:
        table[f"learning_rate[{recipient}]"] = rate(medians[recipient], 0.4)
    temperature = np.exp(np.log(15) + rng.normal(0, 0.4, PEOPLE))
    for recipient in RECIPIENTS:
        table[f"inverse_temperature[{recipient}]"] = temperature
    return table.round(4).assign(start_value=0.5)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("prosocial_learning")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    trials = study.trials.astype({"choice": int, "outcome": int})
    columns = ["participant", "block", "trial", "recipient", "choice", "outcome"]
    study = em.Study(trials=trials[columns])
    write(
        FOLDER, study, parameters, citation=CITATION, tables=["trials"], model="prosocial_learning"
    )


if __name__ == "__main__":
    main()
