"""Simulate the bundled study ``watched_boxes``: see README.md for the command.

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

SEED = 20240524
PEOPLE, BLOCKS, TRIALS = 60, 8, 20
CONDITIONS = ((0.8, "even"), (0.8, "uneven"), (0.6, "even"), (0.6, "uneven"))
MISSED = 0.01
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after Charpentier, Wu, Min, Ding, Cockburn & O'Doherty "
    "(2024), doi:10.1038/s41467-024-48548-y"
)


def block(rng: np.random.Generator, common: float, points: str, start: int) -> pd.DataFrame:
    """One block: which token is rewarded more often, 1 (orange) or 2, changes once."""
    reversal = rng.integers(8, 14)
    goal = np.where(np.arange(TRIALS) < reversal, start, 3 - start)
    often = np.where(np.arange(TRIALS) < reversal, *rng.permutation([0.8, 0.6]))
    rewarded = np.where(rng.random(TRIALS) < often, goal, 3 - goal)
    box = partner_box(rng, goal, common)
    token = np.where(rng.random(TRIALS) < common, box, 3 - box)
    low, high = (45, 55) if points == "even" else (1, 99)
    return pd.DataFrame(
        {
            "box_odds": common,
            "points": points,
            "partner_box": box,
            "partner_token": token,
            "partner_left": rng.integers(0, 2, TRIALS),
            "orange_left": rng.integers(0, 2, TRIALS),
            "orange_rewarded": (rewarded == 1).astype(int),
            "points_at_stake": rng.integers(low, high + 1, TRIALS),
            "first_of_block": (np.arange(TRIALS) == 0).astype(int),
        }
    )


def partner_box(rng: np.random.Generator, goal: np.ndarray, common: float) -> np.ndarray:
    """The partner takes the box that gives the rewarded token more often, on most trials."""
    return np.where(rng.random(len(goal)) < (0.83 if common > 0.7 else 0.64), goal, 3 - goal)


def design(rng: np.random.Generator) -> em.Study:
    """Every condition in two blocks, in an order of everybody's own."""
    parts = []
    for label in labels(PEOPLE):
        order = rng.permutation(np.repeat(np.arange(len(CONDITIONS)), 2))
        starts = rng.permutation(np.resize([1, 2], BLOCKS))
        for number, (condition, start) in enumerate(zip(order, starts, strict=True), start=1):
            rows = block(rng, *CONDITIONS[condition], int(start))
            rows.insert(0, "trial", np.arange(1, TRIALS + 1))
            rows.insert(0, "block", number)
            rows.insert(0, "participant", label)
            parts.append(rows)
    return em.Study(trials=pd.concat(parts, ignore_index=True))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""

    def about(median: float, spread: float) -> np.ndarray:
        return median * np.exp(rng.normal(0, spread, PEOPLE))

    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "observation_weight": sigmoid(rng.normal(0, 1.2, PEOPLE)),
            "observational_learning_rate": sigmoid(rng.normal(-0.6, 0.7, PEOPLE)),
            "experiential_learning_rate": sigmoid(rng.normal(-0.8, 0.7, PEOPLE)),
            "observational_inverse_temperature": about(3.0, 0.5),
            "experiential_inverse_temperature": about(3.0, 0.5),
            "magnitude_weight": rng.normal(0.6, 0.6, PEOPLE),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate, let a few choices be missed, and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("observational_learning")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    missed = rng.random(len(study.trials)) < MISSED
    trials = study.trials.assign(choice=study.trials["choice"].mask(missed))
    write(
        FOLDER,
        em.Study(trials=trials),
        parameters,
        citation=CITATION,
        tables=["trials"],
        model="observational_learning",
    )


if __name__ == "__main__":
    main()
