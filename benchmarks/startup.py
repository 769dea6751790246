"""Time imports in new processes, with empty and with warm caches."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measurement import markdown

WARM_REPEATS = 3


def import_times(packages: tuple[str, ...]) -> str:
    """Return a Markdown table of the seconds that importing each package takes."""
    heads = ("import", "s, nothing cached (no bytecode either)", "s, warm (fastest of 3)")
    rows = []
    for package in packages:
        with tempfile.TemporaryDirectory() as folder:
            cold = _seconds(package, Path(folder))
            warm = min(_seconds(package, Path(folder)) for _ in range(WARM_REPEATS))
        rows.append((package, f"{cold:.1f}", f"{warm:.1f}"))
    return "Importing (a whole `python -c` process)\n\n" + markdown(heads, rows)


def _seconds(package: str, folder: Path) -> float:
    caches = os.environ | {
        "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    caches.pop("PYTHONDONTWRITEBYTECODE", None)  # it would keep the warm import cold
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {package}"], check=True, env=caches)
    return time.perf_counter() - began


if __name__ == "__main__":
    print(import_times(("pymc", "empathymodels")))
