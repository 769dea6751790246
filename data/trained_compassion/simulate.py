"""Simulate the bundled study ``trained_compassion``: see README.md for the command.

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

SEED = 20130509
PEOPLE, VIDEOS = 50, 6  # videos of either kind, seen at all three times
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the questions of Klimecki, Leiberg, Ricard & Singer "
    "(2014), doi:10.1093/scan/nst060; the design is ours"
)
LEVELS = {"negative": (2.0, 5.5), "positive": (4.0, 2.5), "AI": (0.0, 0.6), "mOFC": (0.1, 0.0)}
TIME = {"negative": (-0.3, -0.2), "positive": (-0.1, 0.0), "AI": (-0.1, -0.1), "mOFC": (0.0, 0.0)}
TRAINED = {"negative": (1.2, -1.4), "positive": (0.0, 1.6), "AI": (0.5, -0.2), "mOFC": (0.0, 0.6)}
NEUTRAL = 0.25  # share of what training adds that neutral videos have


def effects() -> dict[str, float]:
    """Values of the population, by their names."""
    found = {}
    for measure, of_suffering in TRAINED.items():
        for name, effect in zip(("empathy", "compassion"), of_suffering, strict=True):
            for video, share in (("neutral", NEUTRAL), ("suffering", 1)):
                found[f"{measure.lower()}_{name}_effect[{video}]"] = round(effect * share, 4)
    return found | {"ai_noise": 0.8, "mofc_noise": 0.8}


def design(rng: np.random.Generator) -> em.Study:
    """Videos in an order of everybody's own, before, between and after two trainings."""
    videos = pd.DataFrame(
        [(kind, f"{kind}-{k}") for kind in ("neutral", "suffering") for k in range(1, VIDEOS + 1)],
        columns=["video", "item"],
    )
    times = [shuffled(rng, PEOPLE, videos).assign(phase=phase) for phase in (0, 1, 2)]
    trials = pd.concat(times, ignore_index=True)
    trials["trial"] += trials["phase"] * len(videos)
    trials = trials.sort_values(["participant", "trial"], ignore_index=True)
    people = pd.DataFrame({"participant": labels(PEOPLE)})
    people["group"] = ["training", "control"] * (PEOPLE // 2)
    betas = [trials[["participant", "trial"]].assign(region=r) for r in ("AI", "mOFC")]
    regions = pd.concat(betas, ignore_index=True).assign(beta=0.0, se=0.3)
    return em.Study(trials=trials, participants=people, regions=regions)


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    table: dict[str, object] = {"participant": labels(PEOPLE)}
    for measure, (neutral, suffering) in LEVELS.items():
        prefix, is_rating = measure.lower(), measure in ("negative", "positive")
        level, change = (0.8, 0.5) if is_rating else (0.3, 0.2)
        table[f"{prefix}_level[neutral]"] = rng.normal(neutral, level, PEOPLE)
        table[f"{prefix}_level[suffering]"] = rng.normal(suffering, level, PEOPLE)
        for name, mean in zip(("first", "second"), TIME[measure], strict=True):
            table[f"{prefix}_{name}_change"] = rng.normal(mean, change, PEOPLE)
        if is_rating:
            table[f"{prefix}_noise"] = np.exp(rng.normal(np.log(1.2), 0.2, PEOPLE))
    return pd.DataFrame(table | effects()).round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    items = pd.Index(sorted(planned.trials["item"].unique()), name="item")
    names = ["negative_item", "positive_item"]
    added = pd.DataFrame(rng.normal(0, 0.4, (len(items), 2)).round(2), items, names)
    values = dict(parameters.set_index("participant").items()) | effects() | dict(added.items())
    study, _ = em.simulate(em.get_model("training_effects"), planned, values, seed=SEED)
    write(FOLDER, study, parameters, citation=CITATION, model="training_effects")
    added.reset_index().to_csv(FOLDER / "true_items.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
