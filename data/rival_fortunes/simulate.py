"""Simulate the bundled study ``rival_fortunes``: see README.md for the command.

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

SEED = 20111201
PEOPLE, OTHERS, OWN = 40, 4, 1  # events per cell that befall the other, and oneself
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the questions of Cikara & Fiske (2011), "
    "doi:10.1162/jocn_a_00069; the design is ours"
)
CONGRUENCE = {"ally": 0.7, "neutral": 0.3, "rival": -0.2}
RIVAL_AT_STAKE = -0.4


def design(rng: np.random.Generator) -> em.Study:
    """Rounds of a game with another person, in an order of everybody's own."""
    cells = itertools.product(CONGRUENCE, ("independent", "zero_sum"), (-1, 1))
    rows = [
        (relation, stakes, recipient, valence)
        for relation, stakes, valence in cells
        for recipient in ["other"] * OTHERS + ["self"] * OWN
    ]
    rounds = pd.DataFrame(rows, columns=["relation", "stakes", "recipient", "valence"])
    return em.Study(trials=shuffled(rng, PEOPLE, rounds))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale; what people feel with everybody correlates."""

    def person(mean: float, spread: float) -> np.ndarray:
        return rng.normal(mean, spread, PEOPLE)

    own = person(0, 0.25)
    shift = np.arctanh(RIVAL_AT_STAKE) - np.arctanh(CONGRUENCE["rival"])
    table = {
        "participant": labels(PEOPLE),
        "baseline": person(50, 4),
        "reactivity": np.exp(person(np.log(30), 0.25)),
    }
    table |= {
        f"congruence[{relation}]": np.tanh(own + person(np.arctanh(kappa), 0.25))
        for relation, kappa in CONGRUENCE.items()
    }
    table["stakes_shift"] = np.tanh(person(shift, 0.15))
    table["rating_noise"] = np.exp(person(np.log(10), 0.2))
    return pd.DataFrame(table).round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    study, _ = em.simulate(em.get_model("affect_congruence"), planned, parameters, seed=SEED)
    write(FOLDER, study, parameters, citation=CITATION, tables=["trials"])


if __name__ == "__main__":
    main()
