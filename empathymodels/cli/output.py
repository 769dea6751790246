"""What the command line puts out: tables on stdout, and files that are whole or not there.

Modules that import PyMC or pandas are imported inside the functions, as everywhere in `cli`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from empathymodels.files import ANY_FILE, Rule, lying, refuse_loss, whole
from empathymodels.messages import printable
from empathymodels.terminal import tell

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

type Writer = Callable[[Path], object]

CHECKS_FAILED = 1
ONLY_NEW = Rule(lying, "Choose another name, or add --overwrite to replace a file.")

TABLE, TREE, FIGURE, TEXT = (".csv", ".tsv"), (".nc",), (".png", ".pdf", ".svg"), (".md",)
PAGE = (".html",)
PIPED_WIDTH = 200  # columns of a table that no terminal limits
RESOLUTION = 150  # dots per inch of a figure
PREDICTED = (0.05, 0.95)  # ends of the central 90 % interval of predictions
KEY_ORDER = ("participant", "session", "block", "trial", "condition", "region", "onset", "duration")


# ------------------------------------------------------------------------ before computing


def check_target(
    path: Path | None,
    suffixes: Sequence[str],
    *inputs: Path | None,
    overwrite: bool = False,
) -> None:
    """Raise ValueError or FileExistsError for a file that must not, or cannot, be written."""
    if path is None:
        return
    if path.suffix not in suffixes:
        raise ValueError(
            f"A file to write must end in {', '.join(suffixes)} here; found '{path}'. "
            "Change the ending."
        )
    check_place(path, *inputs)
    refuse_loss(path, _rule(overwrite))


def _rule(overwrite: bool) -> Rule:
    return ANY_FILE if overwrite else ONLY_NEW


def check_place(path: Path, *inputs: Path | None) -> None:
    """Raise ValueError where nothing can be written, or what the command reads would go."""
    if path.resolve() in {given.resolve() for given in inputs if given is not None}:
        raise ValueError(
            f"Results must not replace what they are made from; found '{path}' as both. "
            "Write to another place."
        )
    nearest = next(folder for folder in path.absolute().parents if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise ValueError(
            f"Results need a folder in which one may write; found '{nearest}' on the way to "
            f"'{path}'. Choose another place."
        )


# --------------------------------------------------------------------------------- files


def write_files(files: Mapping[Path, Writer], *, overwrite: bool = False) -> None:
    """Write files and tell which; none is put in place before all are complete."""
    if not files:
        return
    with whole(*files, what="Results", rule=_rule(overwrite)) as unfinished:
        for path, write in zip(unfinished, files.values(), strict=True):
            write(path)
    for path in files:
        tell(f"Wrote {path}")


def writer_of(tree: Any, path: Path, as_table: Callable[[Any], pd.DataFrame]) -> Writer:
    """Return what writes labelled arrays: all of them, or as a table, as the file's ending says."""
    return tree_writer(tree) if path.suffix in TREE else table_writer(as_table(tree))


def table_writer(table: pd.DataFrame) -> Writer:
    """Return what writes a table as CSV, or as TSV with BIDS's n/a for missing values."""
    from empathymodels.results.write_table import put_table

    return lambda path: put_table(table, path)


def tree_writer(tree: xr.DataTree | xr.Dataset) -> Writer:
    """Return what writes labelled arrays as netCDF."""
    return lambda path: tree.to_netcdf(path, engine="h5netcdf")


def figure_writer(figure: Figure) -> Writer:
    """Return what writes a figure in the format that the file's ending names."""
    return lambda path: figure.savefig(path, dpi=RESOLUTION, bbox_inches="tight")


def text_writer(text: str) -> Writer:
    """Return what writes a text."""
    return lambda path: path.write_text(text, encoding="utf-8")


# --------------------------------------------------------------- labelled arrays as tables


def predicted_table(tree: xr.DataTree) -> pd.DataFrame:
    """Return predictions as one row per predicted value.

    Returns
    -------
    DataFrame
        The keys of the value's row, ``response``, ``observed`` (missing where the study has
        none), and over draws ``mean``, ``sd``, ``q05`` and ``q95``: the ends of the central
        90 % interval.
    """
    import numpy as np
    import pandas as pd

    predictive = tree["posterior_predictive"].to_dataset()
    observed = tree["observed_data"].to_dataset()
    tables = []
    for name, values in predictive.data_vars.items():
        draws = _draws(values)
        rows = np.flatnonzero(~np.isnan(draws).any(axis=0))
        known = observed[name].to_numpy()[rows] if name in observed else np.nan
        low, high = np.quantile(draws[:, rows], PREDICTED, axis=0)
        found = {"response": name, "observed": known, **_moments(draws[:, rows])}
        found |= {"q05": low, "q95": high}
        tables.append(_keys(values).iloc[rows].assign(**found))
    return _ordered(pd.concat(tables, ignore_index=True))


def latent_table(latents: xr.Dataset) -> pd.DataFrame:
    """Return one row per trial: its keys, and per latent ``<name>_mean`` and ``<name>_sd``."""
    moments = {
        f"{name}_{moment}": numbers
        for name, values in latents.data_vars.items()
        for moment, numbers in _moments(_draws(values)).items()
    }
    first = next(iter(latents.data_vars.values()))
    return _ordered(_keys(first).assign(**moments))


def _draws(values: xr.DataArray) -> np.ndarray:
    full = values.to_numpy()  # (chain, draw, row)
    return full.reshape(-1, full.shape[-1])


def _moments(draws: np.ndarray) -> dict[str, np.ndarray]:
    return {"mean": draws.mean(axis=0), "sd": draws.std(axis=0, ddof=1)}


def _keys(values: xr.DataArray) -> pd.DataFrame:
    """Return the coordinates of the rows, under the names that their table has them."""
    import pandas as pd

    row = values.dims[-1]
    named = {
        "participant" if name == "participant_row" else str(name).removeprefix("region_"): labels
        for name, labels in values.coords.items()
        if labels.dims == (row,)
    }
    return pd.DataFrame({name: labels.to_numpy() for name, labels in named.items()})


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Put keys first; whole numbers stay whole where other rows lack the key."""
    keys = [key for key in KEY_ORDER if key in table]
    return table[[*keys, *table.columns.drop(keys)]].assign(**table[keys].convert_dtypes())


# ------------------------------------------------------------------------------- on stdout


def put_out(table: pd.DataFrame, out: Path | None = None, *, overwrite: bool = False) -> None:
    """Print a table, and write it if asked."""
    from empathymodels.results.write_table import with_names

    named = with_names(table)
    if out is not None:
        write_files({out: table_writer(named)}, overwrite=overwrite)
    show_table(named)


def end(checks: pd.DataFrame) -> None:
    """End the command with the exit code that says whether all checks passed."""
    raise typer.Exit(0 if checks["passed"].all() else CHECKS_FAILED)


def show_table(table: pd.DataFrame) -> None:
    """Print a table, its numbers with four digits."""
    rows = [[_cell(value) for value in row] for row in table.to_numpy(dtype=object)]
    _show([printable(str(name), keep="") for name in table], rows)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return "" if value is None else printable(str(value), keep="")


def _show(header: list[str], rows: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    width = None if sys.stdout.isatty() else PIPED_WIDTH
    console = Console(width=width, markup=False, emoji=False)  # "rate[in]" is no markup
    table = Table(*header, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    console.print(table)
