"""Simulate the bundled study ``cue_pain``: see README.md for the command.

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
from bundling import labels, shuffled, sigmoid, write

SEED = 20180101
PEOPLE, REPEATS = 40, 9
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the cue task of Jepma, Koban, van Doorn, Jones & "
    "Wager (2018), doi:10.1038/s41562-018-0455-8; the design is ours"
)


def design(rng: np.random.Generator) -> em.Study:
    """Two cues by three stimuli, nine times each, in an order of everybody's own."""
    cells = list(itertools.product(("high", "low"), ("high", "low", "medium"))) * REPEATS
    trials = pd.DataFrame(cells, columns=["cue", "stimulus"])
    return em.Study(trials=shuffled(rng, PEOPLE, trials))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale in degrees of the rating."""

    def degrees(centre: float, shared: np.ndarray) -> np.ndarray:
        logit = np.log(centre / (180 - centre))
        return 180 * sigmoid(logit + shared + rng.normal(0, 0.25, PEOPLE))

    expecting, feeling = rng.normal(0, 0.4, PEOPLE), rng.normal(0, 0.4, PEOPLE)
    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "learning_rate": sigmoid(rng.normal(-2, 1, PEOPLE)),
            "expectation_weight": sigmoid(rng.normal(-1, 0.6, PEOPLE)),
            "start_expectation[high]": degrees(90, expecting),
            "start_expectation[low]": degrees(40, expecting),
            "stimulus_intensity[high]": degrees(85, feeling),
            "stimulus_intensity[low]": degrees(45, feeling),
            "stimulus_intensity[medium]": degrees(65, feeling),
            "expectation_noise": np.exp(rng.normal(np.log(16), 0.25, PEOPLE)),
            "outcome_noise": np.exp(rng.normal(np.log(14), 0.25, PEOPLE)),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("cue_expectation_learning")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    write(FOLDER, study, parameters, citation=CITATION, tables=["trials"])


if __name__ == "__main__":
    main()
