"""Time the compiling of log-densities: data as single arrays, and packed as the package does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measurement import markdown

STUDIES = {"outgroup_help_learning": "outgroup_help", "motivated_empathy": "motives"}

PROGRAM = """
import sys
import time

import nutpie

import empathymodels as em
from empathymodels.compiling import compiling
from empathymodels.engine.build import build
from empathymodels.engine.density import packed
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for

model, study, how = sys.argv[1:]
arrangement = arrange(em.get_model(model), em.load_study(study))
built = build(arrangement, covariates_for(arrangement, None))
began = time.process_time()
with compiling():
    nutpie.compile_pymc_model(packed(built) if how == "packed" else built)
print(len(built.data_vars), time.process_time() - began)
"""


def compile_times() -> str:
    """Return a Markdown table of CPU seconds per model, cache and way of giving data."""
    heads = ("model", "arrays", "cache", "single arrays, s", "packed, s", "ratio")
    rows = []
    for model, study in STUDIES.items():
        with tempfile.TemporaryDirectory() as single, tempfile.TemporaryDirectory() as packs:
            for cache in ("empty", "warm"):
                arrays, apart = _seconds(model, study, "single", Path(single))
                _, together = _seconds(model, study, "packed", Path(packs))
                ratio = f"{apart / together:.2f}"
                rows.append((model, arrays, cache, f"{apart:.1f}", f"{together:.1f}", ratio))
    return "Compiling a log-density with its gradient (CPU time)\n\n" + markdown(heads, rows)


def _seconds(model: str, study: str, how: str, folder: Path) -> tuple[str, float]:
    caches = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={folder}", "OMP_NUM_THREADS": "1"}
    program = [sys.executable, "-W", "ignore", "-c", PROGRAM, model, study, how]
    printed = subprocess.run(program, check=True, env=caches, capture_output=True, text=True)
    arrays, seconds = printed.stdout.splitlines()[-1].split()
    return arrays, float(seconds)


if __name__ == "__main__":
    print(compile_times())
