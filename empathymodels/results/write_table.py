"""Write a table to a file whose labels no spreadsheet runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.files import ANY_FILE, Rule, lying, refuse_loss, whole
from empathymodels.messages import listed, spreadsheet_cell

WAYS: dict[str, dict[str, str]] = {".csv": {}, ".tsv": {"sep": "\t", "na_rep": "n/a"}}
ONLY_NEW = Rule(lying, "Choose another name, or say overwrite=True to replace a file.")


@checked_arguments
def write_table(table: pd.DataFrame, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a table to a file whose labels no spreadsheet runs.

    Labels of data may begin like a formula (``=HYPERLINK(...)``), which spreadsheet programs run
    when the file is opened. Such cells, and such names of columns, get an apostrophe before them;
    numbers stay as they are. `Study` reads the labels as they were.

    Parameters
    ----------
    table : DataFrame
        What `estimates`, `check`, `compare` and others return. Names of rows become a column, which
        is called as the index is, or else ``name``; numbers of rows are left out.
    path : str or Path
        ``.csv``, or ``.tsv`` with ``n/a`` for missing values, as BIDS has it.
    overwrite : bool
        Whether a file that lies there is replaced, once the new one is complete.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FileExistsError
        Something lies there. It is left alone.
    OSError
        It cannot be written, on a full disk for example.
    TypeError
        What was given is no table.
    ValueError
        The table has no column, its rows have names of several levels or a name that a column has,
        or the suffix is neither ``.csv`` nor ``.tsv``.

    Examples
    --------
    >>> import tempfile
    >>> table = pd.DataFrame({"whose": ["=1+1", "P2"], "mean": [-0.5, 1.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(write_table(table, Path(folder) / "means.csv").read_text())
    whose,mean
    '=1+1,-0.5
    P2,1.0
    <BLANKLINE>

    See Also
    --------
    save : write a fit.
    report : write all that there is to say about fits.
    """
    path = Path(path)
    if path.suffix not in WAYS:
        raise ValueError(
            f"A table is written to a file that ends in {' or '.join(WAYS)}; found '{path.name}'. "
            "Change the ending."
        )
    if not len(table.columns):
        raise ValueError("A table needs at least one column; found none. Give one that has some.")
    named = with_names(table)
    rule = ANY_FILE if overwrite else ONLY_NEW
    refuse_loss(path, rule)
    with whole(path, what="A table", rule=rule) as [unfinished]:
        put_table(named, unfinished)
    return path


def put_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table, without names of rows, in the format that the file's ending names."""
    _inert(table).to_csv(path, index=False, **WAYS.get(path.suffix, {}))


def with_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the names of its rows, if it has any, as a column."""
    rows = table.index
    if rows.nlevels > 1:
        raise ValueError(
            f"Rows of a table need one name each; found {rows.nlevels} levels "
            f"({listed(map(str, rows.names))}). Make them columns: table.reset_index()."
        )
    if rows.name is None and rows.dtype.kind in "iu":  # numbers of rows, all or those chosen
        return table
    name = "name" if rows.name is None else rows.name
    if name in table.columns:
        raise ValueError(
            f"Names of rows need a column of their own; found '{name}' as a column already. Call "
            "them otherwise: table.rename_axis(...)."
        )
    return table.reset_index(names=name)


def _inert(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose labels, names of columns among them, no spreadsheet runs."""

    def cell(value: Any) -> Any:
        return spreadsheet_cell(value) if isinstance(value, str) else value

    labels = [name for name, kind in table.dtypes.items() if kind.kind == "O"]
    safe = table.assign(**{name: table[name].astype(object).map(cell) for name in labels})
    return safe.rename(columns=cell)
