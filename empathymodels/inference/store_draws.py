"""Draws on disk: those that all chains of a store have finished."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

from empathymodels.inference.fit_files import COMPLETE
from empathymodels.inference.integrity import absurd_size
from empathymodels.inference.sample import Trace

POSITION = "unconstrained_draw"  # where a draw is on the sampler's scale


@dataclass(frozen=True)
class StoredDraws:
    """What a store holds of a fit under way.

    Attributes
    ----------
    trace : Trace
        Draws that all chains have finished, of all runs together.
    last : ndarray (chain, place)
        Where each chain was at the last of them, on the sampler's scale.
    runs : list of int
        Draws per chain of every run.
    """

    trace: Trace
    last: np.ndarray
    runs: list[int]

    @property
    def draws(self) -> int:
        """Number of draws per chain."""
        return sum(self.runs)

    def cut(self, size: int, ended: str) -> StoredDraws:
        """The first draws of every chain, and why the chains ended there."""
        ends = np.minimum(np.cumsum(self.runs), size)
        runs = [draws for draws in np.diff(ends, prepend=0).tolist() if draws]
        return replace(self, trace=replace(self.trace.cut(size), ended=ended), runs=runs)


def run_folders(path: Path) -> list[Path]:
    """Folders of a store's runs, in their order."""
    numbers = sorted(int(run.name[4:]) for run in path.glob("run-*") if run.name[4:].isdecimal())
    return [path / f"run-{number}" for number in numbers]


def kept_draws(path: Path) -> StoredDraws | None:
    """Return the draws of a store that all chains have finished; None where there are none."""
    folders = run_folders(path)
    try:
        fault = next(filter(None, (absurd_size(run, growing=True) for run in folders)), "")
        runs = (
            []
            if fault
            else [finished_draws(r, is_complete=(r / COMPLETE).exists()) for r in folders]
        )
    except Exception as error:  # the libraries raise whatever they meet in damaged files
        raise ValueError(
            f"The draws of a store must be readable; of {len(folders)} runs in {path} one is "
            f"not: {error}. Remove the folder and fit again."
        ) from error
    if fault:
        raise ValueError(fault)
    runs = [run for run in runs if run.draws]
    if not runs:
        return None
    draws = {
        name: np.concatenate([run.trace.draws[name] for run in runs], axis=1)
        for name in runs[0].trace.draws
    }
    stats = xr.concat([run.trace.stats for run in runs], dim="draw")
    labels = {dim: np.arange(size) for dim, size in stats.sizes.items()}
    stats = stats.assign_coords(labels)
    return StoredDraws(Trace(draws, stats), runs[-1].last, [run.draws for run in runs])


def finished_draws(run: Path, *, is_complete: bool) -> StoredDraws:
    """Draws of one run that all its chains have finished.

    Variables are written side by side, and a block of zeros is not written at all. So the last
    block of a run that did not come to its end is left out: what belongs to it, a divergence
    say, may not have arrived.
    """
    posterior, stats = _group(run, "posterior"), _group(run, "sample_stats")
    if POSITION not in stats or not posterior:
        return StoredDraws(Trace({}, xr.Dataset()), np.empty((0, 0)), [0])
    arrays = [*posterior.data_vars.values(), stats[POSITION]]
    block = max(array.encoding["chunks"][1] for array in arrays)
    written = block * _written_blocks(run, stats.sizes["chain"])
    count = min(_finished_draws(array[:, :written]) for array in arrays)
    if not is_complete:
        count = max((count // block - 1) * block, 0)
    draws = {str(n): v[:, :count].to_numpy() for n, v in posterior.data_vars.items()}
    names = [name for name, v in stats.data_vars.items() if v.dims == ("chain", "draw")]
    each = stats[sorted(names)].isel(draw=slice(count)).load()
    last = stats[POSITION][:, max(count - 1, 0)].to_numpy()
    return StoredDraws(Trace(draws, each), last, [count])


def _group(run: Path, name: str) -> xr.Dataset:
    """One group of a run; empty where not even its description was written."""
    if not (run / name / "zarr.json").exists():
        return xr.Dataset()
    labels = ["unconstrained_parameter"]
    return xr.open_dataset(
        run, group=name, engine="zarr", consolidated=False, drop_variables=labels
    )


def _written_blocks(run: Path, chains: int) -> int:
    """How many blocks all chains may have: to ask Zarr for all that are not there takes long."""
    folder = run / "sample_stats" / POSITION / "c"
    return min(sum(1 for _ in folder.glob(f"{chain}/*")) for chain in range(chains))


def _finished_draws(array: xr.DataArray) -> int:
    """How many draws all chains have; those not written are NaN."""
    values = array.to_numpy()
    is_there = np.isfinite(values).all(axis=(0, *range(2, values.ndim)))
    return int(np.argmin(np.append(is_there, False)))
