"""Simulate the bundled study ``accurate_perceivers``: see README.md for the command.

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

SEED = 20080401
PEOPLE, TARGETS, MOMENTS, ITEMS = 32, 6, 30, 4  # moments rated and items inferred of every target
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after Klein & Hodges (2001), doi:10.1177/0146167201276007, "
    "and Zaki, Bolger & Ochsner (2008), doi:10.1111/j.1467-9280.2008.02099.x; numbers are ours"
)


def felt(rng: np.random.Generator) -> np.ndarray:
    """What a target felt, from moment to moment: slow, and standardised."""
    series = rng.normal(size=MOMENTS)
    for k in range(1, MOMENTS):
        series[k] = 0.8 * series[k - 1] + 0.6 * series[k]
    return np.round((series - series.mean()) / series.std(), 2)


def design(rng: np.random.Generator) -> em.Study:
    """Six targets in an order of everybody's own, three of them paid for; moments, then items."""
    names = [f"target-{k}" for k in range(1, TARGETS + 1)]
    series = {name: felt(rng) for name in names}
    level = dict(zip(names, rng.normal(50, 10, TARGETS).round(2), strict=True))
    parts = []
    for label in labels(PEOPLE):
        paid = rng.permutation(np.repeat([0, 1], TARGETS // 2))
        for block, name in enumerate(rng.permutation(names), 1):
            items = [f"{name}-{k}" for k in range(1, ITEMS + 1)]
            rows = pd.DataFrame(
                {
                    "participant": label,
                    "block": block,
                    "trial": range(1, MOMENTS + ITEMS + 1),
                    "target": name,
                    "incentive": paid[block - 1],
                    "felt": [*series[name], *[np.nan] * ITEMS],
                    "felt_mean": level[name],
                    "item": ["film"] * MOMENTS + items,
                }
            )
            parts.append(rows)
    return em.Study(trials=pd.concat(parts, ignore_index=True))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters of perceivers, on the natural scale, in points."""
    able = rng.normal(size=PEOPLE)  # who follows well also infers well
    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "accuracy": np.tanh(0.5 + 0.09 * able + rng.normal(0, 0.12, PEOPLE)),
            "bias": rng.normal(2, 7, PEOPLE),
            "variability": 16 * np.exp(rng.normal(0, 0.25, PEOPLE)),
            "autocorrelation": np.tanh(rng.normal(1, 0.2, PEOPLE)),
            "incentive_accuracy": rng.normal(0.1, 0.05, PEOPLE),
            "inference": 0.3 + 0.5 * able + rng.normal(0, 0.5, PEOPLE),
            "incentive_inference": rng.normal(0.5, 0.2, PEOPLE),
            "threshold_step": 1.4,
        }
    )
    return table.round(4)


def true_targets(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What targets add to accuracy and inference, and items to inference."""
    names = [f"target-{k}" for k in range(1, TARGETS + 1)]
    targets = pd.DataFrame(
        {
            "target": names,
            "target_accuracy": rng.normal(0, 0.12, TARGETS),
            "target_inference": rng.normal(0, 0.4, TARGETS),
        }
    )
    items = pd.DataFrame(
        {
            "item": [f"{name}-{k}" for name in names for k in range(1, ITEMS + 1)],
            "item_inference": rng.normal(0, 0.7, TARGETS * ITEMS),
        }
    )
    items.loc[len(items)] = ["film", 0.0]  # rows of ratings; not scored
    return targets.round(2), items.round(2)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    targets, items = true_targets(rng)
    values = dict(parameters.set_index("participant").items())
    values |= dict(targets.set_index("target").items()) | dict(items.set_index("item").items())
    values["threshold_step"] = float(parameters["threshold_step"].iloc[0])
    study, _ = em.simulate(em.get_model("empathic_accuracy"), planned, values, seed=SEED)
    is_moment = study.trials["felt"].notna()
    trials = study.trials.assign(
        rating=study.trials["rating"].where(is_moment),
        score=study.trials["score"].where(~is_moment),
    )
    columns = ["participant", "block", "trial", "target", "incentive", "felt", "felt_mean"]
    study = em.Study(trials=trials[[*columns, "rating", "item", "score"]])
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials"],
        model="empathic_accuracy",
    )
    for name, table in (("true_targets", targets), ("true_items", items)):
        table.to_csv(FOLDER / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
