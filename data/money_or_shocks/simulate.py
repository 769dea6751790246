"""Simulate the bundled study ``money_or_shocks``: see README.md for the command.

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

SEED = 20230301
PEOPLE, BLOCKS, BOTH, ONE, CHANCE = 79, 6, 10, 5, 0.8  # trials of a block: both at stake, then one
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after Fornari, Ioumpa, ... & Gazzola (2023), "
    "doi:10.1038/s41467-023-36807-3; numbers of blocks, chances and later trials are ours"
)


def design(rng: np.random.Generator) -> em.Study:
    """Six blocks of 15 trials: money or shocks are taken away after 10, by an own order."""
    parts = []
    for label in labels(PEOPLE):
        left = rng.permutation(np.repeat(["money", "shocks"], BLOCKS // 2))
        rows = pd.DataFrame({"block": np.repeat(np.arange(1, BLOCKS + 1), BOTH + ONE)})
        rows.insert(0, "trial", np.arange(1, len(rows) + 1))
        rows.insert(0, "participant", label)
        stakes = [["both"] * BOTH + [one] * ONE for one in left]
        rows["at_stake"] = np.concatenate(stakes)
        for option, chance in ((0, 1 - CHANCE), (1, CHANCE)):
            for outcome, gone in (("money", "shocks"), ("shock", "money")):
                brought = np.where(rng.random(len(rows)) < chance, 1.0, -1.0)
                at_stake = rows["at_stake"] != gone
                rows[f"{outcome}_{option}"] = np.where(at_stake, brought, np.nan)
        parts.append(rows)
    return em.Study(trials=pd.concat(parts, ignore_index=True))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "money_learning_rate": sigmoid(rng.normal(-0.8, 0.6, PEOPLE)),
            "shock_learning_rate": sigmoid(rng.normal(-0.8, 0.6, PEOPLE)),
            "weight": sigmoid(rng.normal(0, 1.2, PEOPLE)),
            "inverse_temperature": np.exp(rng.normal(np.log(3.5), 0.4, PEOPLE)),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("moral_conflict_learning")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    trials = study.trials.astype({"choice": int, "money": "Int64", "shock": "Int64"})
    columns = ["participant", "block", "trial", "at_stake", "choice", "money", "shock"]
    study = em.Study(trials=trials[columns])
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials"],
        model="moral_conflict_learning",
    )


if __name__ == "__main__":
    main()
