"""Simulate the bundled study ``told_stories``: see README.md for the command.

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

SEED = 20151122
PEOPLE, STORIES = 120, 6  # stories of every kind: emotional or not, a question about minds or not
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the questions of Kanske, Böckler, Trautwein & Singer "
    "(2015), doi:10.1016/j.neuroimage.2015.07.082; the design is ours"
)
FACTORS = ("sharing", "mentalizing", "concern")
CORRELATIONS = np.array([[1, 1 / 3, 0.4], [1 / 3, 1, 0.2], [0.4, 0.2, 1]])
SE = 0.3
REGIONS = {  # process, mean and loading
    "AI": ("experience sharing", 0.8, 0.8),
    "ACC": ("experience sharing", 0.7, 0.75),
    "PMC": ("experience sharing", 0.3, 0.6),
    "IPL": ("experience sharing", 0.4, 0.6),
    "MPFC": ("mentalizing", 0.6, 0.75),
    "TPJ": ("mentalizing", 0.8, 0.75),
    "TP": ("mentalizing", 0.6, 0.65),
    "PCC": ("mentalizing", 0.5, 0.7),
    "VS": ("empathic concern", 0.3, 0.7),
    "VTA": ("empathic concern", 0.2, 0.5),
    "mOFC": ("empathic concern", 0.3, 0.7),
}
NORMALS = {  # mean and standard deviation over people
    "affect_level": (62, 6),
    "affect_response": (-25, 6),
    "compassion_level": (32, 8),
    "compassion_response": (28, 6),
    "accuracy": (0.6, 0.4),
}
SHARED = {
    "affect_loading": 7.0,
    "affect_noise": 13.0,
    "compassion_loading": 8.0,
    "compassion_noise": 14.0,
    "accuracy_loading": 0.6,
}


def shared() -> dict[str, float]:
    """Values of the population, by their names."""
    found = dict(SHARED)
    for region, (_, mean, loading) in REGIONS.items():
        noise = np.sqrt(1 - loading**2 - SE**2)  # so that betas have a standard deviation of 1
        found |= {f"region_mean[{region}]": mean, f"region_loading[{region}]": loading}
        found[f"region_noise[{region}]"] = round(float(noise), 4)
    return found


def design(rng: np.random.Generator) -> em.Study:
    """Stories in an order of everybody's own, and a beta of every region."""
    stories = pd.DataFrame(
        [
            (emotional, f"question-{emotional}-{k}" if asked else "about facts")
            for emotional in (0, 1)
            for asked in (0, 1)
            for k in range(1, STORIES + 1)
        ],
        columns=["emotional", "question"],
    )
    trials = shuffled(rng, PEOPLE, stories)
    people = labels(PEOPLE)
    rows = pd.DataFrame({"region": list(REGIONS), "beta": 0.0, "se": SE})
    rows["process"] = [process for process, *_ in REGIONS.values()]
    regions = pd.concat([rows.assign(participant=label) for label in people], ignore_index=True)
    return em.Study(
        trials=trials, regions=regions[["participant", "region", "process", "beta", "se"]]
    )


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    factors = rng.multivariate_normal(np.zeros(3), CORRELATIONS, PEOPLE)
    table: dict[str, object] = {"participant": labels(PEOPLE)}
    table |= dict(zip(FACTORS, factors.T, strict=True))
    table |= {name: rng.normal(*given, PEOPLE) for name, given in NORMALS.items()}
    return pd.DataFrame(table | shared()).round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    questions = pd.Index(sorted(planned.trials["question"].unique()), name="question")
    difficulty = pd.Series(rng.normal(0, 0.6, len(questions)).round(2), questions)
    difficulty["about facts"] = 0.0  # such questions are not scored
    values = dict(parameters.set_index("participant").items()) | shared()
    values["difficulty"] = difficulty
    study, _ = em.simulate(em.get_model("empathy_components"), planned, values, seed=SEED)
    is_asked = study.trials["question"] != "about facts"
    study.trials["correct"] = study.trials["correct"].where(is_asked)
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials", "regions"],
        model="empathy_components",
    )
    table = difficulty.rename("difficulty").reset_index()
    table.to_csv(FOLDER / "true_items.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
