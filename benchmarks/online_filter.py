"""How certain, and how fast, is `em.Filter`? New runs of the people of the bundled `care_runs`.

Fits `signature_tracking` at defaults, then simulates new runs from the true parameters, filters
them, and counts how often 90 % intervals hold the true state, for people of the fit and for
somebody new; beside it the errors of the filter and of the scores, and the time per volume.

    python benchmarks/online_filter.py
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

DATA = Path(__file__).parents[1] / "data" / "care_runs"
RUNS, VOLUMES, REACH = 4, 60, 1.645  # per person; half of a 90 % interval, in sd


def filtered(online: em.Filter, own: pd.Series, rng: np.random.Generator) -> list[tuple]:
    """Error of the filter, its sd, and error of the score, per volume of some runs of a person."""
    rows = []
    for _ in range(RUNS):
        online.reset()
        deviation = rng.normal(0, own["fluctuation"])
        for _ in range(VOLUMES):
            state = own["baseline"] + own["regulation"] + deviation
            score = rng.normal(state, own["noise"])
            step = online.update(score)
            rows.append((step.mean - state, step.sd, score - state))
            spread = own["fluctuation"] * np.sqrt(1 - own["persistence"] ** 2)
            deviation = rng.normal(own["persistence"] * deviation, spread)
    return rows


def main() -> None:
    """Fit, filter, and print."""
    truth = pd.read_csv(DATA / "true_parameters.csv", index_col="participant")
    fit = em.fit(em.get_model("signature_tracking"), em.load_study("care_runs"), seed=1)
    rng = np.random.default_rng(1)
    for name in ("known", "new"):
        began, rows = time.perf_counter(), []
        for person, own in truth.iterrows():
            online = em.Filter(fit, participant=person if name == "known" else None, seed=3)
            rows += filtered(online, own, rng)
        seconds = time.perf_counter() - began
        error, sd, noise = np.transpose(rows)
        print(
            f"{name}: 90 % intervals hold {(np.abs(error) < REACH * sd).mean():.3f}; error "
            f"{np.sqrt((error**2).mean()):.3f} for {np.sqrt((noise**2).mean()):.3f} of the scores; "
            f"{1000 * seconds / len(rows):.2f} ms per volume, making the filters included"
        )


if __name__ == "__main__":
    main()
