"""Simulate the bundled study ``group_pain``: see README.md for the command.

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
from bundling import labels, shuffled, write

SEED = 20100101
PEOPLE, PICTURES, HELPING = 40, 12, 8
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the questions of Hein, Silani, Preuschoff, Batson & "
    "Singer (2010), doi:10.1016/j.neuron.2010.09.003; the design is ours"
)


def design(rng: np.random.Generator) -> em.Study:
    """Pictures with and without pain of either group, then occasions to help."""
    cells = itertools.product(("in", "out"), (0, 1), range(1, PICTURES + 1))
    pictures = pd.DataFrame(
        [(g, p, f"{g}-{'pain' if p else 'calm'}-{k:02d}") for g, p, k in cells],
        columns=["group", "pain", "item"],
    )
    seen = shuffled(rng, PEOPLE, pictures)
    occasions = pd.DataFrame({"group": ["in", "out"] * HELPING, "pain": 1})
    asked = shuffled(rng, PEOPLE, occasions)
    asked["trial"] += len(pictures)
    asked["item"] = "request"
    trials = pd.concat([seen, asked]).sort_values(["participant", "trial"], ignore_index=True)
    betas = [seen[["participant", "trial"]].assign(region=r) for r in ("AI", "ACC")]
    regions = pd.concat(betas, ignore_index=True).assign(beta=0.0, se=0.3)
    return em.Study(trials=trials, regions=regions)


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale; effects of pain have d = 0.8, biases d = 0.45."""

    def person(mean: float, spread: float) -> np.ndarray:
        return rng.normal(mean, spread, PEOPLE)

    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "baseline": person(30, 10),
            "pain_effect": person(24, 10),
            "group_effect": person(0, 3),
            "bias": person(4.5, 10),
            "rating_noise": np.exp(rng.normal(np.log(12), 0.2, PEOPLE)),
            "ai_baseline": person(0, 0.3),
            "ai_pain_effect": person(0.4, 0.5),
            "ai_group_effect": person(0, 0.1),
            "ai_bias": person(0.225, 0.5),
            "ai_noise": np.exp(rng.normal(np.log(0.8), 0.1, PEOPLE)),
            "acc_baseline": person(0, 0.3),
            "acc_pain_effect": person(0.3, 0.4),
            "acc_group_effect": person(0, 0.1),
            "acc_bias": person(0.2, 0.4),
            "acc_noise": np.exp(rng.normal(np.log(0.8), 0.1, PEOPLE)),
            "help_baseline": person(-0.3, 0.7),
            "help_group": person(0.3, 0.3),
            "insula_link": 0.8,
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate; keep ratings of pictures and helping on occasions; write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    items = sorted(planned.trials["item"].unique())
    effects = pd.Series(rng.normal(0, 4, len(items)).round(2), index=items)
    values = dict(parameters.set_index("participant").items())
    values |= {"insula_link": 0.8, "item_effect": effects}
    model = em.get_model("intergroup_bias")
    study, _ = em.simulate(model, planned, values, seed=SEED)
    is_request = study.trials["item"] == "request"
    study.trials["rating"] = study.trials["rating"].mask(is_request)
    study.trials["help"] = study.trials["help"].where(is_request).astype("Int64")
    kept = ["trials", "regions"]
    write(FOLDER, study, parameters, citation=CITATION, tables=kept)
    shown = effects.drop("request").rename_axis("item").rename("item_effect").reset_index()
    shown.to_csv(FOLDER / "true_items.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
