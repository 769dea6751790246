"""Simulate the bundled study ``chosen_empathy``: see README.md for the command.

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

SEED = 20190601
PEOPLE, TRIALS = 100, 40
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the questions of Cameron, Hutcherson, Ferguson, "
    "Scheffer, Hadjiandreou & Inzlicht (2019), doi:10.1037/xge0000595; the design is ours"
)
STUDIES = {"one": 0.3, "two": -0.3, "three": 0.15, "four": -0.15}
CLOSE = ("one", "two")  # studies in which every other target is a loved one
RAISED = ("three", "four")  # studies in which efficacy was raised in one half of the session
POPULATION = {
    "effort_weight": -0.35,
    "aversion_weight": -0.2,
    "efficacy_weight": 0.35,
    "manipulation_effect": 0.62,
    "closeness_weight": 0.8,
}


def studies() -> np.ndarray:
    """Study of every participant, in turn."""
    return np.resize(list(STUDIES), PEOPLE)


def design(rng: np.random.Generator) -> em.Study:
    """Appraisals that differ between people and trials; loved ones or raised efficacy, by study."""
    people = pd.DataFrame({"participant": labels(PEOPLE), "study": studies()})
    of_trial = np.repeat(studies(), TRIALS)
    number = np.tile(np.arange(TRIALS), PEOPLE)
    trials = pd.DataFrame(
        {
            "participant": np.repeat(people["participant"], TRIALS),
            "trial": number + 1,
            "time": number / (TRIALS - 1) - 0.5,
        }
    )
    for appraisal in ("effort", "aversion", "efficacy"):
        own = np.repeat(rng.normal(0, 0.6, PEOPLE), TRIALS)
        trials[appraisal] = own + rng.normal(0, 0.8, len(trials))
    is_close = rng.permuted(np.tile([False, True], (PEOPLE, TRIALS // 2)), axis=1).ravel()
    trials["closeness"] = (is_close & np.isin(of_trial, CLOSE)).astype(int)
    raised_first = np.arange(PEOPLE) // len(STUDIES) % 2 == 1
    is_raised = (number < TRIALS // 2) == np.repeat(raised_first, TRIALS)
    trials["efficacy_manipulation"] = (is_raised & np.isin(of_trial, RAISED)).astype(int)
    return em.Study(trials=trials.round(2), participants=people)


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    table = {
        "participant": labels(PEOPLE),
        "readiness": rng.normal(-0.62, 1.2, PEOPLE) + pd.Series(studies()).map(STUDIES),
        "exhaustion": rng.normal(-0.4, 0.4, PEOPLE),
    }
    return pd.DataFrame(table | POPULATION).round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    study, _ = em.simulate(em.get_model("empathy_selection"), planned, parameters, seed=SEED)
    study.trials["engage"] = study.trials["engage"].astype(int)
    tables = ["trials", "participants"]
    write(FOLDER, study, parameters, citation=CITATION, tables=tables)


if __name__ == "__main__":
    main()
