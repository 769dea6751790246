"""Simulate the bundled study ``outgroup_help``: python data/outgroup_help/simulate.py.

Writes the tables beside this file, from the package's own simulator and a fixed seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

sys.path.insert(0, str(Path(__file__).parents[1]))
from bundling import write

SEED = 20160101
PEOPLE, TRIALS, HELP = 36, 20, 15  # 18 per partner group, 75 % help
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, from the design of Hein, Engelmann, Vollberg & Tobler "
    "(2016), doi:10.1073/pnas.1514539112, with the numbers of its companion paper, Hein, "
    "Engelmann & Tobler (2018), doi:10.1098/rspb.2018.0501"
)


def design(rng: np.random.Generator) -> em.Study:
    """People, groups, and every person's own order of help and no help."""
    labels = [f"sub-{number:02d}" for number in range(1, PEOPLE + 1)]
    groups = ["out"] * (PEOPLE // 2) + ["in"] * (PEOPLE // 2)
    concern = rng.normal(3.5, 0.6, PEOPLE).round(2)
    participants = pd.DataFrame(
        {"participant": labels, "partner_group": groups, "empathic_concern": concern}
    )
    outcomes = np.repeat([1, -1], [HELP, TRIALS - HELP])
    trials = pd.DataFrame(
        {
            "participant": np.repeat(labels, TRIALS),
            "trial": np.tile(np.arange(1, TRIALS + 1), PEOPLE),
            "outcome": np.concatenate([rng.permutation(outcomes) for _ in labels]),
        }
    )
    regions = trials[["participant", "trial"]].assign(region="AI", beta=0.0, se=0.4)
    return em.Study(trials=trials, participants=participants, regions=regions)


def truth(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale in data units."""
    size, out = len(people), (people["partner_group"] == "out").to_numpy()
    table = pd.DataFrame(
        {
            "participant": people["participant"],
            "learning_rate": 1 / (1 + np.exp(-rng.normal(-0.7, 1.1, size))),
            "start_value": np.where(out, -0.2, 0.2) + rng.normal(0, 0.15, size),
            "baseline": rng.normal(5.0, 0.6, size),
            "sensitivity": np.exp(rng.normal(np.log(2.0), 0.35, size)),
            "feeling_noise": np.exp(rng.normal(np.log(0.75), 0.15, size)),
            "insula_baseline": rng.normal(0.0, 0.2, size),
            "insula_error": rng.normal(0.4, 0.2, size),
            "insula_noise": 0.7,
            "insula_tails": 15.0,
            "empathy": rng.normal(4.5, 1.1, size),
            "empathy_shift": -0.6,
            "generalisation": 1.5,
            "insula_link": 0.6,
            "empathy_noise": 0.5,
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned = design(rng)
    parameters = truth(planned.participants, rng)
    # feelings in whole points; empathy as the mean of ten items
    model = em.get_model("outgroup_help_learning").with_resolution(
        feeling=1.0, empathy_before=0.1, empathy_after=0.1
    )
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    write(FOLDER, study, parameters, citation=CITATION)


if __name__ == "__main__":
    main()
