"""Simulate the bundled study ``trained_cortex``: see README.md for the command.

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

SEED = 20171004
PEOPLE, PARCELS = 210, 4  # a third of the people per order of modules; parcels per network
FOLDER = Path(__file__).parent
CITATION = (
    "Simulated, with data from nobody, after the questions of Valk et al. (2017), "
    "doi:10.1126/sciadv.1700489; the design is ours"
)
ORDERS = (
    ("attention", "affect", "perspective"),
    ("attention", "perspective", "affect"),
    ("none", "none", "none"),
)
NETWORKS = {"prefrontal": "attention", "frontoinsular": "affect", "temporal": "perspective"}
NETWORKS["occipital"] = "none"  # and the module that is held to change it
EFFECT, SPILL = 0.2, 0.05  # on the network of a module, and of affect on that of attention
TIME = (-0.05, -0.05, 0.0)
SPREADS = {"time": 0.3, "person": 0.4, "region": 0.15, "module": 0.05}
LINKS = {"attention": 0.3, "affect": 0.8, "perspective": 0.6}


def shared() -> dict[str, float]:
    """Values of the population, by their names."""
    found = {}
    for module in LINKS:
        for network, of in NETWORKS.items():
            found[f"{module}_change[{network}]"] = EFFECT if of == module else 0.0
        found[f"{module}_link"] = LINKS[module]
    found["affect_change[prefrontal]"] = SPILL
    found |= {f"behaviour_change[{m}]": 0.3 for m in LINKS} | {"behaviour_change[none]": 0.0}
    return found | {"noise": 0.9, "behaviour_noise": 0.8}


def parcels() -> pd.DataFrame:
    """Parcels and their networks."""
    rows = [(f"{network}-{k}", network) for network in NETWORKS for k in range(1, PARCELS + 1)]
    return pd.DataFrame(rows, columns=["region", "network"])


def design() -> em.Study:
    """Three periods of everybody, in one of three orders; a change of every parcel in each."""
    rows = [
        (label, phase, phase, module)
        for k, label in enumerate(labels(PEOPLE))
        for phase, module in enumerate(ORDERS[k % len(ORDERS)], start=1)
    ]
    trials = pd.DataFrame(rows, columns=["participant", "trial", "phase", "module"])
    regions = trials[["participant", "trial", "module"]].merge(parcels(), how="cross")
    regions["target"] = (regions["network"].map(NETWORKS) == regions["module"]).astype(int)
    regions["target"] *= regions["module"] != "none"
    return em.Study(trials=trials, regions=regions.drop(columns="module").assign(beta=0.0))


def truth(rng: np.random.Generator) -> pd.DataFrame:
    """True parameters of people, on the natural scale."""
    table: dict[str, object] = {"participant": labels(PEOPLE)}
    for phase, mean in enumerate(TIME, start=1):
        table[f"time_change[{phase}]"] = rng.normal(mean, SPREADS["time"], PEOPLE)
    for module in LINKS:
        table[f"{module}_person"] = rng.normal(0, SPREADS["person"], PEOPLE)
    return pd.DataFrame(table | shared()).round(4)


def main() -> None:
    """Simulate and write."""
    rng = np.random.default_rng(SEED)
    planned, parameters = design(), truth(rng)
    table = parcels()[["region"]]
    table["parcel_change"] = rng.normal(0, SPREADS["region"], len(table)).round(2)
    for module in LINKS:
        table[f"{module}_parcel"] = rng.normal(0, SPREADS["module"], len(table)).round(2)
    values = dict(parameters.set_index("participant").items()) | shared()
    values |= dict(table.set_index("region").items())
    study, _ = em.simulate(em.get_model("structural_plasticity"), planned, values, seed=SEED)
    write(
        FOLDER,
        study,
        parameters,
        citation=CITATION,
        tables=["trials", "regions"],
        model="structural_plasticity",
    )
    table.to_csv(FOLDER / "true_items.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
