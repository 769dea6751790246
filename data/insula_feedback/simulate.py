"""Simulate the bundled study ``insula_feedback``: see README.md for the command.

Writes the tables beside this file, from the package's own simulator and a fixed seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

sys.path.insert(0, str(Path(__file__).parents[1]))
from bundling import everybody, labels, write

SEED = 20190510
PEOPLE, TRAINING, EVERY = 20, 16, 4  # runs of training; runs after which one of transfer follows
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after Kanel, Al-Wasity, Stefanov & Pollick (2019), "
    "doi:10.1016/j.neuroimage.2019.05.021; where transfer runs lie is ours"
)
SHARED = {"time_constant": 5.0, "transfer_effect": -0.1, "transfer_share": 0.7}


def design(rng: np.random.Generator) -> em.Study:
    """Four times four runs with feedback and one without; every other participant has a sham."""
    runs = [
        (count, transfer)
        for count in range(1, TRAINING + 1)
        for transfer in ((0, 1) if count % EVERY == 0 else (0,))
    ]
    trials = everybody(PEOPLE, pd.DataFrame(runs, columns=["runs", "transfer"]))
    people = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "feedback": np.resize(["real", "sham"], PEOPLE),
            "empathy": rng.normal(3.5, 0.6, PEOPLE).clip(1, 5).round(2),
        }
    )
    return em.Study(trials=trials, participants=people)


def truth(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """True parameters; who has less empathy would learn more."""
    empathy = (people["empathy"].to_numpy() - 3.5) / 0.6
    table = {
        "participant": labels(PEOPLE),
        "baseline": rng.normal(0, 0.3, PEOPLE),
        "learning": rng.normal(0.6, 0.25, PEOPLE) - 0.2 * empathy,
        "practice": rng.normal(0.05, 0.1, PEOPLE),
        "noise": 0.4 * np.exp(rng.normal(0, 0.2, PEOPLE)),
    }
    return pd.DataFrame(table | SHARED).round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned = design(rng)
    parameters = truth(rng, planned.participants)
    values = dict(parameters.set_index("participant").items()) | SHARED
    study, _ = em.simulate(em.get_model("neurofeedback_tuning"), planned, values, seed=SEED)
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials", "participants"],
        model="neurofeedback_tuning",
    )


if __name__ == "__main__":
    main()
