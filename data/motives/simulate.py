"""Simulate the bundled study ``motives``: see README.md for the command.

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

SEED = 20180501
PEOPLE, TRIALS = 40, 60
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the motives of Weisz & Zaki (2018), "
    "doi:10.1016/j.copsyc.2018.05.005; the design is ours"
)
WEIGHTS = {
    "suffering": -0.4,
    "cost": -0.8,
    "competition": -0.6,
    "effort": -0.7,
    "positive_affect": 0.5,
    "affiliation": 0.8,
    "desirability": 0.3,
}
SHIFTS = {"competition": 0.6, "affiliation": -0.6, "positive_affect": -0.3}


def design(rng: np.random.Generator) -> em.Study:
    """Targets of the own and of another group; the group shifts three attributes by some sd."""
    parts = []
    for label in labels(PEOPLE):
        group = rng.permutation(np.repeat(["in", "out"], TRIALS // 2))
        side = np.where(group == "out", 1.0, -1.0)
        table = pd.DataFrame({"participant": label, "trial": np.arange(1, TRIALS + 1)})
        table["context"] = group
        for name in WEIGHTS:
            shift = SHIFTS.get(name, 0.0)
            table[name] = shift * side + np.sqrt(1 - shift**2) * rng.normal(size=TRIALS)
        table["time"] = np.linspace(-0.5, 0.5, TRIALS)
        parts.append(table)
    trials = pd.concat(parts, ignore_index=True).round(2)
    betas = [trials[["participant", "trial"]].assign(region=r) for r in ("AI", "TPJ", "VS")]
    regions = pd.concat(betas, ignore_index=True).assign(beta=0.0, se=0.3)
    return em.Study(trials=trials, regions=regions)


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale; AI follows the more, the less cost weighs."""

    def person(mean: float, spread: float) -> np.ndarray:
        return rng.normal(mean, spread, PEOPLE)

    table = {"participant": labels(PEOPLE), "readiness": person(0.2, 0.7)}
    table |= {f"{name}_weight": person(mean, 0.4) for name, mean in WEIGHTS.items()}
    table |= {
        "exhaustion": person(-0.6, 0.4),
        "rating_baseline": person(50, 10),
        "rating_slope": np.full(PEOPLE, 8.0),
        "rating_noise": np.exp(rng.normal(np.log(12), 0.2, PEOPLE)),
    }
    generous = (table["cost_weight"] - WEIGHTS["cost"]) / 0.4
    slopes = {"ai": 0.3 + 0.12 * generous, "tpj": np.full(PEOPLE, 0.2), "vs": np.full(PEOPLE, 0.4)}
    for region, slope in slopes.items():
        table |= {
            f"{region}_baseline": person(0, 0.3),
            f"{region}_slope": slope + rng.normal(0, 0.12, PEOPLE),
            f"{region}_noise": np.full(PEOPLE, 0.8),
        }
    return pd.DataFrame(table).round(4)


def main() -> None:
    """Simulate engaging, ratings and regions; write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("motivated_empathy").without("attention", "help")
    model = model.fix(stimulus_effect=0.0)
    shared = ("rating_slope", "ai_noise", "tpj_noise", "vs_noise")
    values = dict(parameters.set_index("participant").items())
    values |= {name: float(parameters[name].iloc[0]) for name in shared}
    study, _ = em.simulate(model, planned, values, seed=SEED)
    study.trials["engage"] = study.trials["engage"].astype(int)
    kept = ["trials", "regions"]
    write(FOLDER, study, parameters, citation=CITATION, tables=kept)


if __name__ == "__main__":
    main()
