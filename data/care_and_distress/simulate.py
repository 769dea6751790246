"""Simulate the bundled study ``care_and_distress``: see README.md for the command.

Writes the tables beside this file, from the package's own simulator and a fixed seed.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

sys.path.insert(0, str(Path(__file__).parents[1]))
from bundling import labels, shuffled, write

SEED = 20170621
PEOPLE, SUFFERING, NEUTRAL = 48, 4, 8  # trials per kind of suffering person, and neutral ones
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the questions of Ashar, Andrews-Hanna, Dimidjian & "
    "Wager (2017), doi:10.1016/j.neuron.2017.05.014; the design is ours"
)
NORMALS = {  # mean and standard deviation over people
    "baseline": (-0.4, 0.3),
    "contrast": (0.0, 0.3),
    "suffering_effect": (0.6, 0.25),
    "suffering_contrast": (0.2, 0.25),
    "closeness_effect": (0.1, 0.1),
    "closeness_contrast": (0.3, 0.2),
    "cost_effect": (0.0, 0.1),
    "cost_contrast": (-0.25, 0.2),
    "care_rating_baseline": (45, 8),
    "care_rating_care_slope": (12, 3),
    "distress_rating_baseline": (40, 8),
    "distress_rating_distress_slope": (12, 3),
    "donation_baseline": (35, 10),
    "donation_care_slope": (4, 2),
    "donation_distress_slope": (2.5, 2),
}
LOGNORMALS = {  # median, and standard deviation of the logarithm
    "care_noise": (0.8, 0.2),
    "distress_noise": (0.8, 0.2),
    "care_rating_noise": (16, 0.2),
    "distress_rating_noise": (15, 0.2),
    "donation_noise": (16, 0.2),
}
SHARED = {"residual_correlation": 0.5}


def design(rng: np.random.Generator) -> em.Study:
    """People who suffer, close or not, costly to care for or not, and neutral ones."""
    columns = ["suffering", "closeness", "cost"]
    kinds = [(1, *kind) for kind in product((-1, 1), repeat=2)] * SUFFERING
    neutral = [(0, *kind) for kind in product((-1, 1), repeat=2)] * (NEUTRAL // 4)
    return em.Study(trials=shuffled(rng, PEOPLE, pd.DataFrame(kinds + neutral, columns=columns)))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale in the units of the data."""
    table = {"participant": labels(PEOPLE)}
    table |= {name: rng.normal(*given, PEOPLE) for name, given in NORMALS.items()}
    table |= {
        name: median * np.exp(rng.normal(0, spread, PEOPLE))
        for name, (median, spread) in LOGNORMALS.items()
    }
    return pd.DataFrame(table | SHARED).round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    values = dict(parameters.set_index("participant").items()) | SHARED
    study, _ = em.simulate(em.get_model("signature_expression"), planned, values, seed=SEED)
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials"],
        model="signature_expression",
    )


if __name__ == "__main__":
    main()
