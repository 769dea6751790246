"""How far a fit under way is, by the files of its store alone: nothing is read or computed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from empathymodels.inference.store_draws import POSITION, run_folders


@dataclass(frozen=True)
class Progress:
    """How far the slowest chain of a store is.

    Attributes
    ----------
    adapted : int
        Adaptation steps of the run under way.
    draws : int
        Draws of all runs.
    pace : float
        Seconds per step, where it is now; 0 as long as that is not known.
    """

    adapted: int = 0
    draws: int = 0
    pace: float = 0.0


def store_progress(path: Path) -> Progress:
    """Return how far the fit is that goes to a store; zeros where no step was taken yet."""
    runs = run_folders(path)
    if not runs:
        return Progress()
    *earlier, draws = [_written(run / "sample_stats" / POSITION) for run in runs]
    adaptation = _written(runs[-1] / "warmup_sample_stats" / POSITION)
    total = draws.steps + sum(run.steps for run in earlier)
    return Progress(adaptation.steps, total, draws.pace or adaptation.pace)


class Written(NamedTuple):
    """Steps that all chains have written, and seconds per step of the slowest."""

    steps: int
    pace: float


def _written(array: Path) -> Written:
    try:
        about = json.loads((array / "zarr.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or being written
        return Written(0, 0.0)
    chains, most = about["shape"][:2]
    block = about["chunk_grid"]["configuration"]["chunk_shape"][1]
    return min(_of_chain(array / "c" / str(chain), block, most) for chain in range(chains))


def _of_chain(folder: Path, block: int, most: int) -> Written:
    """Steps of one chain; the first block, which says when it began, gives no pace."""
    blocks = list(folder.iterdir()) if folder.is_dir() else []
    later = block * (len(blocks) - 1)
    first = folder / "0"
    pace = (time.time() - first.stat().st_mtime) / later if later > 0 and first.exists() else 0.0
    return Written(min(most, block * len(blocks)), pace)
