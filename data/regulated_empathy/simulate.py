"""Simulate the bundled study ``regulated_empathy``: see README.md for the command.

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

SEED = 20140101
PEOPLE = 36
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the strategies of Zaki (2014), doi:10.1037/a0037679; "
    "the design is ours"
)
SHARED = {"distress_noise": 11.0, "concern_noise": 10.0, "residual_correlation": 0.3}


def design(rng: np.random.Generator) -> em.Study:
    """Four scenes of each of five intensities, each seen under each of three instructions."""
    scenes = pd.DataFrame(
        [
            {"instruction": told, "stimulus": intensity, "story": f"scene-{5 * copy + k + 1:02d}"}
            for told in ("view", "up", "down")
            for copy in range(4)
            for k, intensity in enumerate((0.0, 0.25, 0.5, 0.75, 1.0))
        ]
    )
    for way in ("up", "down"):
        scenes[f"{way}regulate"] = (scenes["instruction"] == way).astype(int)
    return em.Study(trials=shuffled(rng, PEOPLE, scenes))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale: attention goes up, and reappraisal down."""

    def person(mean: float, spread: float) -> np.ndarray:
        return rng.normal(mean, spread, PEOPLE)

    return pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "readiness": person(1.6, 0.7),
            "selection_slope": person(-1.0, 0.4),
            "selection_up": person(0.6, 0.3),
            "selection_down": person(-0.2, 0.3),
            "distress_baseline": person(22, 8),
            "distress_slope": person(40, 8),
            "concern_baseline": person(34, 9),
            "concern_slope": person(24, 7),
            "attention_up": person(0.4, 0.2),
            "attention_down": person(-0.1, 0.15),
            "shift_up": person(0.0, 2.0),
            "shift_down": person(9.0, 4.0),
        }
    ).round(4)


def main() -> None:
    """Simulate, empty the ratings of situations that were avoided, and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    items = np.array(sorted(planned.trials["story"].unique()))
    stories = pd.DataFrame(
        {
            "story": items,
            "distress_story": rng.normal(0, 5, len(items)),
            "concern_story": rng.normal(0, 4, len(items)),
        }
    ).round(2)
    values = dict(parameters.set_index("participant").items()) | SHARED
    values |= dict(stories.set_index("story").items())
    study, _ = em.simulate(em.get_model("empathy_regulation"), planned, values, seed=SEED)
    trials = study.trials
    trials["enter"] = trials["enter"].astype(int)
    trials.loc[trials["enter"] == 0, ["distress", "concern"]] = np.nan
    parameters = parameters.assign(**SHARED)
    write(FOLDER, study, parameters, citation=CITATION, tables=["trials"])
    stories.to_csv(FOLDER / "true_items.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
