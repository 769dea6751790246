"""Simulate the bundled study ``trust_game``: see README.md for the command.

Writes the tables beside this file, from the package's own simulator and a fixed seed.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

sys.path.insert(0, str(Path(__file__).parents[1]))
from bundling import labels, write

SEED = 20150603
PEOPLE, RUNS, PER_PARTNER = 40, 4, 12  # per partner and run
PARTNERS = ("friend", "stranger", "computer")
AMOUNTS = (0, 2, 4, 8)
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, from the design of Fareri, Hackett, Tepfer, Kelly, "
    "Henninger, Reeck, Giovannetti & Smith (2022), doi:10.1016/j.neuroimage.2022.119267"
)


def design(rng: np.random.Generator) -> em.Study:
    """Four runs of 36 trials in an order of everybody's own; half of all returns are kept back."""
    pairs = [*combinations(AMOUNTS, 2)] * (PER_PARTNER // 6)
    run = pd.DataFrame(
        [(who, low, high) for who in PARTNERS for low, high in pairs],
        columns=["partner", "low", "high"],
    )
    parts = []
    for label in labels(PEOPLE):
        for number in range(1, RUNS + 1):
            rows = run.copy()
            for who in PARTNERS:
                own = rows["partner"] == who
                rows.loc[own, "returned"] = rng.permutation(np.resize([0.0, 1.0], own.sum()))
            rows = rows.iloc[rng.permutation(len(rows))]
            parts.append(rows.assign(participant=label, run=number))
    trials = pd.concat(parts, ignore_index=True)
    trials["trial"] = trials.groupby("participant").cumcount() + 1
    return em.Study(trials=trials)


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""

    def share(median: float, spread: float) -> np.ndarray:
        logit = np.log(median / (1 - median)) + rng.normal(0, spread, PEOPLE)
        return 1 / (1 + np.exp(-logit))

    friend = rng.normal(0.80, 0.50, PEOPLE)
    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "learning_rate": share(0.10, 0.8),
            "inverse_temperature": np.exp(np.log(0.4) + rng.normal(0, 0.5, PEOPLE)),
            "start_belief": 0.5,
            "bias": rng.normal(0.8, 1.0, PEOPLE),
            "social_value_friend": friend,
            "social_value_stranger": 0.4 * friend + rng.normal(0, 0.2, PEOPLE),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("trust_social_value")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    trials = study.trials
    sent = trials["high"].where(trials["choice"] == 1, trials["low"])
    trials["returned"] = trials["returned"].where(sent > 0)  # shown only if something was sent
    trials["choice"] = trials["choice"].astype(int)
    columns = ["participant", "run", "trial", "partner", "low", "high", "choice", "returned"]
    study = em.Study(trials=trials[columns])
    write(
        FOLDER, study, parameters, citation=CITATION, tables=["trials"], model="trust_social_value"
    )


if __name__ == "__main__":
    main()
