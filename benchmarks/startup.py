"""Time what comes before the first answer, in new processes, with empty and with warm caches.

User CPU seconds, so that other work on the machine counts as little as it can. With the folder of
another checkout everything is measured there too, in turn, and compared.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from measurement import markdown

HERE = Path(__file__).parents[1]
MODEL, STUDY = "outgroup_help_learning", "outgroup_help"
PYMC = "`import pymc`"
IMPORTS = {
    PYMC: "import pymc",
    "`import empathymodels as em; em.fit`": "import empathymodels as em; em.fit",
}
FIRST_DRAW = f"""
import empathymodels as em

model, study = em.get_model("{MODEL}"), em.load_study("{STUDY}")
em.fit(model, study, draws=2, tune=10, chains=1, centring=0.5, seed=1)
"""
FIRST_ANSWER = f"""
import pandas as pd
import empathymodels as em

model, study = em.get_model("{MODEL}"), em.load_study("{STUDY}")
truth = pd.read_csv("data/{STUDY}/true_parameters.csv", dtype={{"participant": str}})
em.log_likelihood(model, study, truth)
"""


def startup_times(checkouts: list[Path], repeats: int) -> str:
    """Return a Markdown table of user CPU seconds, the least of so many, per checkout."""
    columns = [_column(checkout, repeats) for checkout in checkouts]
    heads = ["", *(f"{name}, {unit}" for name in _names(checkouts) for unit in ("s", "x pymc"))]
    rows = []
    for row in columns[0]:
        cells = [(f"{c[row]:.1f}", f"{c[row] / c[PYMC]:.2f}") for c in columns]
        rows.append((row, *(cell for pair in cells for cell in pair)))
    title = f"To the first answers of `{MODEL}` (without the pilot), whole processes\n\n"
    return title + markdown(tuple(heads), rows)


def _column(checkout: Path, repeats: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as caches:
        found = {"`log_likelihood`, empty caches": _least(FIRST_ANSWER, checkout, caches, 1)}
    with tempfile.TemporaryDirectory() as caches:
        found |= {"first draws, empty caches": _least(FIRST_DRAW, checkout, caches, 1)}
        found["first draws, warm"] = _least(FIRST_DRAW, checkout, caches, repeats)
        imports = {row: _least(text, checkout, caches, repeats) for row, text in IMPORTS.items()}
    return imports | found


def _names(checkouts: list[Path]) -> list[str]:
    return ["here", *(checkout.name for checkout in checkouts[1:])]


def _least(program: str, checkout: Path, caches: str, repeats: int) -> float:
    return min(_seconds(program, checkout, caches) for _ in range(repeats))


def _seconds(program: str, checkout: Path, caches: str) -> float:
    settings = {
        "PYTHONPATH": str(checkout),
        "OMP_NUM_THREADS": "1",
        "PYTENSOR_FLAGS": f"base_compiledir={caches}",
        "NUMBA_CACHE_DIR": caches,
    }
    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run = [sys.executable, "-W", "ignore", "-c", program]
    subprocess.run(run, check=True, env=os.environ | settings, cwd=checkout)
    needed = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began
    print(f"{needed:.1f}", end=" ", file=sys.stderr, flush=True)
    return needed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, nargs="*", default=[], help="other checkouts")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    print(startup_times([HERE, *asked.beside], asked.repeats))
