"""Simulate the bundled study ``shown_empathy``: see README.md for the command.

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

SEED = 20240227
PEOPLE, BASELINE, SHOWN, LATER = 64, 8, 32, 16  # trials: alone, with the demonstrator, someone new
LEVELS = {"high": 80, "low": 25}  # what demonstrators feel on average
TRANSMISSION = {"human": 0.12, "computer": 0.06}
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after Zhou, Han, Kang, Tobler & Hein (2024), "
    "doi:10.1073/pnas.2313073121; equations and all numbers are ours"
)


def design(rng: np.random.Generator) -> em.Study:
    """Own ratings throughout; in the middle a demonstrator, of one of two groups and two types."""
    people = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "group": np.resize(["high", "low"], PEOPLE),
            "demonstrator_type": np.resize(np.repeat(["human", "computer"], 2), PEOPLE),
        }
    )
    trials = BASELINE + SHOWN + LATER
    parts = []
    for person in people.itertuples():
        rows = pd.DataFrame({"participant": person.participant, "trial": range(1, trials + 1)})
        felt = rng.normal(LEVELS[person.group], 10, trials).clip(0, 100).round()
        is_shown = rows["trial"].between(BASELINE + 1, BASELINE + SHOWN)
        parts.append(rows.assign(demonstration=np.where(is_shown, felt, np.nan)))
    return em.Study(trials=pd.concat(parts, ignore_index=True), participants=people)


def truth(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """True parameters, on the natural scale, in points."""
    typical = np.log(people["demonstrator_type"].map(TRANSMISSION))
    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "learning_rate": sigmoid(rng.normal(-1.2, 0.6, PEOPLE)),
            "transmission": np.exp(typical + rng.normal(0, 0.4, PEOPLE)),
            "start_empathy": 100 * sigmoid(rng.normal(0.1, 0.5, PEOPLE)),
            "start_expectation": 100 * sigmoid(rng.normal(0.1, 0.4, PEOPLE)),
            "rating_noise": 9 * np.exp(rng.normal(0, 0.25, PEOPLE)),
            "prediction_noise": 9 * np.exp(rng.normal(0, 0.25, PEOPLE)),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned = design(rng)
    parameters = truth(rng, planned.participants)
    model = em.get_model("observational_empathy")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    is_shown = study.trials["demonstration"].notna()
    trials = study.trials.assign(prediction=study.trials["prediction"].where(is_shown))
    columns = ["participant", "trial", "rating", "prediction", "demonstration"]
    study = em.Study(trials=trials[columns], participants=study.participants)
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials", "participants"],
        model="observational_empathy",
    )


if __name__ == "__main__":
    main()
