"""Many parcels: time, memory, and whether intervals and shares of wrong signs hold.

Betas of wins and losses of a friend, a stranger and a computer in every parcel, from simulated
people. Gains of parcels scatter around a mean; a person's gains go together over parcels, and so
do the errors of parcels.

    python benchmarks/regions.py --parcels 400 --folder parcels   # run again, it goes on
    python benchmarks/regions.py --pooling                        # pooling alone, in many studies
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em
from empathymodels.neuro.pooling import false_sign_rates, pooled

MEAN, SPREAD = 0.15, 0.2  # of the gain with the friend, over parcels
OF_PEOPLE, TOGETHER = 0.5, 0.3  # sd of people's gains, and how far these are the same everywhere
PRIOR = 0.75  # sd of the prior of an effect, where pooling alone is simulated
STUDIES = 1000  # most signs of one are right or wrong together, so few tell little
CELLS = [(partner, win) for partner in ("computer", "friend", "stranger") for win in (0, 1)]
SETTINGS = {"draws": 1000, "tune": 1000, "chains": 2}


def simulated(parcels: int, people: int, seed: int) -> tuple[em.Study, np.ndarray]:
    """A study, and the true gain with the friend in every parcel."""
    rng = np.random.default_rng(seed)
    names = [f"{k + 1:03}" for k in range(people)]
    rows = [(name, k + 1, *cell) for name in names for k, cell in enumerate(CELLS)]
    trials = pd.DataFrame(rows, columns=["participant", "trial", "partner", "win"])
    who = np.repeat(np.arange(people), len(CELLS))
    is_friend, sign = (trials["partner"] == "friend").to_numpy(), trials["win"].to_numpy() - 0.5
    friend, everywhere = rng.normal(MEAN, SPREAD, parcels), rng.normal(size=people)
    tables = []
    for parcel in range(parcels):
        own = np.sqrt(TOGETHER) * everywhere + np.sqrt(1 - TOGETHER) * rng.normal(size=people)
        gain = np.where(is_friend, friend[parcel], 0.1) + OF_PEOPLE * own[who]
        beta = rng.normal(0, 0.5, people)[who] + sign * gain + rng.normal(0, 0.8, len(trials))
        tables.append(
            trials[["participant", "trial"]].assign(region=f"parcel {parcel + 1}", beta=beta)
        )
    return em.Study(trials=trials, regions=pd.concat(tables, ignore_index=True)), friend


def pooling(
    studies: int, seed: int, *, people: int = 40, regions: int = 60, together: float = TOGETHER
) -> pd.DataFrame:
    """What pooling gives over simulated studies, without fits: each effect a mean over people.

    Errors of regions correlate by `together`; `pooled` learns that from people, or takes them as
    independent. Effects of regions scatter around a mean; both are drawn for every study.

    Returns
    -------
    DataFrame
        A row per way of pooling: regions that can be ``reported`` with at most 5 % wrong signs,
        shares of their signs ``expected`` to be wrong and ``wrong``, and the share of true effects
        that 90 % intervals hold (``covered``).
    """
    rng, counts = np.random.default_rng(seed), {"together": [], "independent": []}
    for _ in range(studies):
        true = rng.normal(rng.normal(0, 0.2), abs(rng.normal(0, 0.2)), regions)
        noise = np.sqrt(together) * rng.normal(size=(people, 1))
        own = true + noise + np.sqrt(1 - together) * rng.normal(size=(people, regions))
        error = own.std(axis=0, ddof=1) / np.sqrt(people)
        sd = (error**-2.0 + PRIOR**-2.0) ** -0.5
        mean = own.mean(axis=0) / error**2 * sd**2
        for way, values in (("together", own), ("independent", None)):
            found = pooled(mean, sd, 0.0, PRIOR, values)
            wrong, rates = false_sign_rates(found.p_positive)
            sure = rates <= 0.05
            inside = (found.quantile(0.05) < true) & (true < found.quantile(0.95))
            false = (found.mean > 0) != (true > 0)
            counts[way].append((sure.sum(), wrong[sure].sum(), false[sure].sum(), inside.mean()))
    rows = {way: np.array(found) for way, found in counts.items()}
    columns = ["reported", "expected", "wrong", "covered"]
    table = pd.DataFrame({way: found.sum(axis=0) for way, found in rows.items()}, columns).T
    table[["expected", "wrong"]] = table[["expected", "wrong"]].div(table["reported"], axis=0)
    return table.assign(covered=table["covered"] / studies)


def memory() -> str:
    """Most memory that this process had, and any of its workers."""
    import resource  # not on Windows

    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    own, worker = (resource.getrusage(kind).ru_maxrss / 2**20 for kind in kinds)
    return f"{own:.2f} GiB, a worker {worker:.2f} GiB"


def main() -> None:
    """Simulate, fit every parcel, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parcels", type=int, default=400)
    parser.add_argument("--only", type=int, help="fit the first so many of them")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("parcels"))
    parser.add_argument("--workers", type=int)
    parser.add_argument("--pooling", action="store_true", help="many studies without fits")
    given = parser.parse_args()
    if given.pooling:
        print(pooling(STUDIES, given.seed).round(3))
        return
    study, friend = simulated(given.parcels, given.people, given.seed)
    model = em.get_model("vicarious_reward").without("rating").fix(vs_partner_effect=0)
    names = study.regions["region"].unique().tolist()[: given.only]
    how = {"folder": given.folder, "workers": given.workers, "seed": given.seed, **SETTINGS}
    began = time.perf_counter()
    result = em.fit_regions(model, study, regions=names, **how)
    print(f"{time.perf_counter() - began:.0f} s; seconds per region, by quantile:")
    print(result["seconds"].quantile([0, 0.5, 0.95, 1]).to_numpy().round(1))
    size = sum(file.stat().st_size for file in given.folder.iterdir()) / 2**20
    print(f"memory: {memory()}; folder {size:.0f} MiB; result {result.nbytes / 2**20:.0f} MiB")
    passed = result["passed"].to_numpy()
    failed = (result["error"] != "").to_numpy()
    print(f"{passed.sum()} of {len(passed)} passed every check, {failed.sum()} failed")
    print(pd.Series(result["failed_checks"].to_numpy()[~passed]).value_counts().head(10))

    table = em.region_effects(result, "vs_gain_mean", {"partner": "friend"})
    true = friend[: len(table)]
    print(table.attrs["reading"])
    for what, low, high in (
        ("alone", "hdi_low", "hdi_high"),
        ("pooled", "pooled_low", "pooled_high"),
    ):
        inside = (table[low] < true) & (true < table[high])
        print(f"{what}: 90 % intervals hold {inside.mean():.3f} of true gains")
    sure = (table["false_sign_rate"] <= 0.05).to_numpy()
    wrong = (table["pooled_mean"] > 0).to_numpy() != (true > 0)
    expected = table["false_sign"][sure].sum()
    print(f"reported: {sure.sum()}; wrong signs {wrong[sure].sum()}, expected {expected:.1f}")
    alone = np.minimum(table["p_positive"], 1 - table["p_positive"]).to_numpy()
    wrong = (table["mean"] > 0).to_numpy() != (true > 0)
    print(
        f"p > .95 alone: {(alone < 0.05).sum()}; wrong signs {wrong[alone < 0.05].sum()}, "
        f"expected {alone[alone < 0.05].sum():.1f}"
    )
    rmse = {name: np.sqrt(((table[name] - true) ** 2).mean()) for name in ("mean", "pooled_mean")}
    print(rmse)


if __name__ == "__main__":
    main()
