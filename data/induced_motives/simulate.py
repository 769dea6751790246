"""Simulate the bundled study ``induced_motives``: see README.md for the command.

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

SEED = 20220101
PEOPLE = 40
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the design of Saulin, Horn, Lotze, Kaiser & Hein "
    "(2022), doi:10.1016/j.neuroimage.2021.118827"
)
BIASES = {"control": 0.2, "empathy": 1.0, "reciprocity": 0.5}
WEIGHTS = {"control": 0.5, "empathy": 0.6, "reciprocity": 0.6}


def design(rng: np.random.Generator) -> em.Study:
    """Losses and gains of 20 to 380 points, independent of each other, for every motive."""
    cells = pd.DataFrame(
        [
            {"motive": motive, "own_loss": loss, "other_gain": gain}
            for motive in BIASES
            for loss in range(30, 390, 60)
            for gain in range(30, 390, 60)
        ]
    )
    parts = []
    for label in labels(PEOPLE):
        order = cells.iloc[rng.permutation(len(cells))].reset_index(drop=True)
        order.insert(0, "trial", np.arange(1, len(order) + 1))
        order.insert(0, "participant", label)
        parts.append(order)
    return em.Study(trials=pd.concat(parts, ignore_index=True))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale; what people bring to every motive correlates."""
    own = rng.normal(0, 0.8, PEOPLE)
    table = {"participant": labels(PEOPLE)}
    table |= {
        f"other_weight[{motive}]": rng.normal(mean, 0.3, PEOPLE) for motive, mean in WEIGHTS.items()
    }
    table |= {
        f"bias[{motive}]": mean + own + rng.normal(0, 0.4, PEOPLE)
        for motive, mean in BIASES.items()
    }
    table["inverse_temperature"] = np.exp(rng.normal(np.log(1.2), 0.4, PEOPLE))
    return pd.DataFrame(table).round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    study, _ = em.simulate(em.get_model("costly_helping"), planned, parameters, seed=SEED)
    study.trials["help"] = study.trials["help"].astype(int)
    write(FOLDER, study, parameters, citation=CITATION, tables=["trials"])


if __name__ == "__main__":
    main()
