"""Simulate the bundled study ``shared_wins``: see README.md for the command.

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

SEED = 20120627
PEOPLE, PER_CELL = 40, 8
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the questions of Fareri, Niznikiewicz, Lee & Delgado "
    "(2012), doi:10.1523/JNEUROSCI.0610-12.2012, and Braams et al. (2014), "
    "doi:10.1093/scan/nst077; the design is ours"
)
PARTNERS = {"rival": -1.1, "stranger": 0.0, "friend": 1.1}  # mean closeness, in order of rank
GAINS = {"rival": (2, 0.1), "stranger": (14, 0.25), "friend": (22, 0.35)}  # rating, VS
SHARED = {"closeness_slope": 12.0, "vs_closeness_slope": 0.3, "vs_noise": 0.8}
PARTNER_EFFECTS = pd.DataFrame(
    {"partner_effect": [-3.0, 0.0, 2.0], "vs_partner_effect": [0.0, -0.1, 0.1]},
    index=pd.Index(PARTNERS, name="partner"),
)


def design(rng: np.random.Generator) -> em.Study:
    """Rounds of a card game with three partners, in an order of everybody's own."""
    rounds = pd.DataFrame(
        list(itertools.product(PARTNERS, (1, 0), range(PER_CELL))), columns=["partner", "win", "k"]
    ).drop(columns="k")
    trials = shuffled(rng, PEOPLE, rounds)
    close = {
        (person, partner): round(rng.normal(mean, 0.5), 2)
        for person in labels(PEOPLE)
        for partner, mean in PARTNERS.items()
    }
    pairs = zip(trials["participant"], trials["partner"], strict=True)
    trials["closeness"] = [close[pair] for pair in pairs]
    trials["rank"] = trials["partner"].map({partner: k for k, partner in enumerate(PARTNERS)})
    regions = trials[["participant", "trial"]].assign(region="VS", beta=0.0, se=0.3)
    return em.Study(trials=trials, regions=regions)


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters, on the natural scale; gains of ratings and striatum share a part."""

    def person(mean: float, spread: float) -> np.ndarray:
        return rng.normal(mean, spread, PEOPLE)

    own = person(0, 1)
    table = {"participant": labels(PEOPLE), "baseline": person(50, 7)}
    table |= {
        f"gain[{partner}]": gain + 6 * own + person(0, 6) for partner, (gain, _) in GAINS.items()
    }
    table["rating_noise"] = np.exp(person(np.log(11), 0.2))
    table["vs_baseline"] = person(0, 0.3)
    table |= {
        f"vs_gain[{partner}]": gain + 0.2 * own + person(0, 0.2)
        for partner, (_, gain) in GAINS.items()
    }
    return pd.DataFrame(table | SHARED).round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(rng), truth(rng)
    values = dict(parameters.set_index("participant").items()) | SHARED
    values |= dict(PARTNER_EFFECTS.items())
    study, _ = em.simulate(em.get_model("vicarious_reward"), planned, values, seed=SEED)
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials", "regions"],
        model="vicarious_reward",
    )
    effects = PARTNER_EFFECTS.reset_index()
    effects.to_csv(FOLDER / "true_items.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
