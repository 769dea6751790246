"""Simulate the bundled study ``observed_shocks``: see README.md for the command.

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

SEED = 20160101
INSTRUCTIONS = ("enhance", "none", "reduce")
SIZES = {"enhance": 1.3, "none": 1.0, "reduce": 0.7}  # of a demonstrator's shock, relative
COLOURS = ("blue", "yellow")
PEOPLE, HALF, TEST = 60, 24, 24  # trials before and after the reversal, and of the test
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after Olsson, McMahon, Papenberg, Zaki, Bolger & Ochsner "
    "(2016), doi:10.1177/0956797615604124; the numbers of the design are ours"
)


def part(rng: np.random.Generator, trials: int, threat: str = "") -> pd.DataFrame:
    """Equally many trials of both colours, in random order; half of the threat's with a shock."""
    rows = pd.DataFrame({"cue": np.repeat(COLOURS, trials // 2)})
    rows["shock"] = np.resize([0.0, 1.0], trials) * (rows["cue"] == threat) if threat else np.nan
    return rows.iloc[rng.permutation(trials)].assign(first_of_phase=0)


def design(rng: np.random.Generator) -> em.Study:
    """Observation with a reversal, then a test; instruction and first threat are balanced."""
    parts = []
    for number, label in enumerate(labels(PEOPLE)):
        first, second = COLOURS if number // len(INSTRUCTIONS) % 2 else COLOURS[::-1]
        rows = [part(rng, HALF, first), part(rng, HALF, second), part(rng, TEST)]
        for phase in (rows[0], rows[2]):
            phase.iloc[0, phase.columns.get_loc("first_of_phase")] = 1
        parts.append(pd.concat(rows).assign(participant=label, trial=range(1, 2 * HALF + TEST + 1)))
    people = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "instruction": np.resize(INSTRUCTIONS, PEOPLE),
            "empathy": rng.normal(3.5, 0.6, PEOPLE).clip(1, 5).round(2),
        }
    )
    trials = pd.concat(parts, ignore_index=True)
    return em.Study(
        trials=trials[["participant", "trial", "cue", "shock", "first_of_phase"]],
        participants=people,
    )


def truth(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """True parameters, on the natural scale in the units of the data."""

    def about(median: float, spread: float) -> np.ndarray:
        return median * np.exp(rng.normal(0, spread, PEOPLE))

    size = people["instruction"].map(SIZES) * np.exp(0.2 * (people["empathy"] - 3.5) / 0.6)
    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "learning_rate": sigmoid(rng.normal(-1.2, 0.7, PEOPLE)),
            "social_shock": size * about(0.6, 0.3),
            "scr_baseline": rng.normal(0.5, 0.15, PEOPLE),
            "habituation": about(0.015, 0.4),
            "readiness": rng.normal(-0.8, 0.7, PEOPLE),
            "readiness_slope": 3.0,
            "scr_noise": about(0.2, 0.2),
            "expectancy_baseline": rng.normal(12, 6, PEOPLE),
            "expectancy_slope": about(70, 0.2),
            "expectancy_noise": about(13, 0.25),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned = design(rng)
    parameters = truth(rng, planned.participants)
    model = em.get_model("vicarious_fear").without("says_shock")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    scr = study.trials["scr"]
    trials = study.trials.assign(scr=scr.where(scr == 0, scr.clip(lower=0.01)))  # rounded later
    study = em.Study(trials=trials, participants=study.participants)
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials", "participants"],
        model="vicarious_fear",
    )


if __name__ == "__main__":
    main()
