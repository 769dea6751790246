"""Simulate the bundled study ``close_others``: see README.md for the command.

Writes the tables beside this file, from the package's own simulator and a fixed seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

sys.path.insert(0, str(Path(__file__).parents[1]))
from bundling import labels, shuffled, write

SEED = 20101014
PEOPLE, PER_CELL = 48, 6
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the questions of Krienen, Tu & Buckner (2010), "
    "doi:10.1523/JNEUROSCI.2180-10.2010; the design is ours"
)
CELLS = [("self", 0, 0), *(("other", close, similar) for close in (1, 0) for similar in (1, 0))]
SHARED = {"interaction": 0.0, "noise": 0.8, "acc_interaction": 0.0, "acc_noise": 0.8}


def design(rng: np.random.Generator) -> em.Study:
    """Judgments of oneself and of four kinds of others, in an order of everybody's own."""
    columns = ["target", "close", "similar"]
    trials = shuffled(rng, PEOPLE, pd.DataFrame(CELLS * PER_CELL, columns=columns))
    betas = [trials[["participant", "trial"]].assign(region=r) for r in ("MPFC", "ACC")]
    return em.Study(
        trials=trials, regions=pd.concat(betas, ignore_index=True).assign(beta=0.0, se=0.3)
    )


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters; closeness matters by half a standard deviation, similarity does not."""

    def person(mean: float, spread: float) -> np.ndarray:
        return rng.normal(mean, spread, PEOPLE)

    table = {
        "participant": labels(PEOPLE),
        "baseline": person(0, 0.3),
        "self_effect": person(0.5, 0.25),
        "closeness_effect": person(0.5, 0.2),
        "similarity_effect": person(0, 0.1),
        "acc_baseline": person(0, 0.3),
        "acc_self_effect": person(0.4, 0.25),
        "acc_closeness_effect": person(0.4, 0.2),
        "acc_similarity_effect": person(0, 0.1),
    }
    return pd.DataFrame(table | SHARED).round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    values = dict(parameters.set_index("participant").items()) | SHARED
    study, _ = em.simulate(em.get_model("closeness_similarity"), planned, values, seed=SEED)
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials", "regions"],
        model="closeness_similarity",
    )


if __name__ == "__main__":
    main()
