"""Simulate the bundled study ``profit_from_pain``: see README.md for the command.

Writes the tables beside this file, from the package's own simulator and a fixed seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

sys.path.insert(0, str(Path(__file__).parents[1]))
from bundling import labels, shuffled, sigmoid, write

SEED = 20141117
PEOPLE = 40
PRICES = [k / (100 - k) for k in (5, *range(10, 100, 10))]  # of a shock: harm aversions .05 to .9
SHOCKS, LEAST, MOST = (1, 2, 4, 10, 19), 0.1, 19.9  # further shocks; money that is offered
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after Crockett, Kurth-Nelson, Siegel, Dayan & Dolan (2014), "
    "doi:10.1073/pnas.1408988111; numbers of trials and amounts are ours"
)


def design(rng: np.random.Generator) -> em.Study:
    """Every price and number of shocks, for both recipients and frames, in an own order."""
    offers = [(round(price * more, 2), more) for price in PRICES for more in SHOCKS]
    cells = [
        (sign * money, sign * more, recipient)
        for money, more in offers
        if LEAST <= money <= MOST
        for sign in (1, -1)
        for recipient in ("self", "other")
    ]
    trials = pd.DataFrame(cells, columns=["money", "shocks", "recipient"])
    return em.Study(trials=shuffled(rng, PEOPLE, trials))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale."""
    person, other = rng.normal(0, 0.7, PEOPLE), rng.normal(0.4, 0.4, PEOPLE)

    def kappa(frame: float, recipient: np.ndarray | float) -> np.ndarray:
        return sigmoid(-0.6 + frame + person + recipient + rng.normal(0, 0.25, PEOPLE))

    table = pd.DataFrame(
        {
            "participant": labels(PEOPLE),
            "harm_aversion_profiting[self]": kappa(0.2, 0.0),
            "harm_aversion_profiting[other]": kappa(0.2, other),
            "harm_aversion_paying[self]": kappa(-0.2, 0.0),
            "harm_aversion_paying[other]": kappa(-0.2, other),
            "inverse_temperature": np.exp(rng.normal(np.log(0.8), 0.4, PEOPLE)),
        }
    )
    return table.round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    model = em.get_model("harm_aversion")
    study, _ = em.simulate(model, planned, parameters, seed=SEED)
    study.trials["switch"] = study.trials["switch"].astype(int)
    write(FOLDER, study, parameters, citation=CITATION, tables=["trials"], model="harm_aversion")


if __name__ == "__main__":
    main()
