"""Time the recovery of simulated studies against sampling alone.

Run ``python benchmarks/recovery.py`` on a quiet machine.
"""

import argparse
import tempfile
from time import perf_counter

import empathymodels as em
from empathymodels.terminal import available_cores

AIM_RATIO, AIM_MINUTES = 1.2, 15


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--replicates", type=int, default=100)
    asked.add_argument("--workers", type=int, default=available_cores())
    asked.add_argument("--draws", type=int, default=500)
    asked.add_argument("--tune", type=int, default=500)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--folder", default=None, help="keep the replicates there")
    given = asked.parse_args()
    model, study = em.get_model("outgroup_help_learning"), em.load_study("outgroup_help")
    with tempfile.TemporaryDirectory() as made:
        began = perf_counter()
        table = em.recover(
            model,
            study,
            n=given.replicates,
            draws=given.draws,
            tune=given.tune,
            seed=given.seed,
            workers=given.workers,
            folder=given.folder or made,
        )
        wall = perf_counter() - began
    print(table.drop(columns="divergences").round(3).to_string(index=False))
    print(table.attrs["reading"])
    report(table, wall, given.workers)


def report(table, wall: float, workers: int) -> None:
    found = table.attrs["replicates"]
    sampling, starting = (float(found[name].sum()) for name in ("sampling", "starting"))
    busy = float(found["seconds"].sum()) - starting
    print(f"{study_words(found)}, {workers} workers")
    print(f"all in all                      {wall / 60:8.2f} min   (aim: under {AIM_MINUTES})")
    print(f"sampling alone, all replicates  {sampling:8.1f} s")
    print(f"started workers at work         {busy:8.1f} s")
    print(f"  as a multiple of sampling     {busy / sampling:8.2f}       (aim: {AIM_RATIO})")
    print(f"workers starting, all of them   {starting:8.1f} s")


def study_words(found) -> str:
    return f"{found.sizes['replicate']} replicates of 36 people x 20 trials"


if __name__ == "__main__":
    main()
