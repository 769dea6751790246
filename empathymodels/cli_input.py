"""What the command line takes in: options that commands share, and what they stand for.

Modules that import PyMC or pandas are imported inside the functions, as in `cli`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from empathymodels.catalog import get_model, list_models
from empathymodels.cli_output import TABLE

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from empathymodels.model import Model
    from empathymodels.study import Study


def file_option(text: str) -> Any:
    """Return an option that names a file."""
    return typer.Option(help=text, dir_okay=False)


def several(text: str, metavar: str = "NAME=VALUE") -> Any:
    """Return an option that may be given several times."""
    return typer.Option(help=f"{text} May be repeated.", metavar=metavar)


ModelName = Annotated[str, typer.Argument(help="Name of a model, or path of your file.")]
FitFile = Annotated[Path, typer.Argument(help="File that `fit` wrote.")]
ModelFile = Annotated[
    Path | None, typer.Option("--model", help="File of the model, for a fit of a model of yours.")
]
Trials = Annotated[Path | None, file_option("Trials: CSV or TSV.")]
Participants = Annotated[Path | None, file_option("Participants: CSV or TSV.")]
Regions = Annotated[Path | None, file_option("ROI betas: CSV or TSV.")]
Bundled = Annotated[str | None, typer.Option(help="A bundled study in place of files.")]
Columns = Annotated[list[str] | None, several("Our name = your column: choice=resp.")]
Missing = Annotated[list[str] | None, several("Code of a missing value: choice=9.")]
Simulated = Annotated[
    bool, typer.Option("--simulated", help="Your files are simulated: values may leave ranges.")
]
Rival = Annotated[str | None, typer.Option(help="Take this alternative of the model.")]
Fix = Annotated[list[str] | None, several("Hold a parameter: learning_rate=0.3.")]
Without = Annotated[list[str] | None, several("Leave out a response.", "RESPONSE")]
Seed = Annotated[int, typer.Option(help="Seed of all draws.", min=0)]
Draws = Annotated[int, typer.Option(help="About how many posterior draws to use.", min=1)]
TableFile = Annotated[Path | None, typer.Option(help="Also write the table: .csv or .tsv.")]


# --------------------------------------------------------------------- what they stand for


def changed_model(
    name: str, rival: str | None, fix: list[str] | None, without: list[str] | None
) -> Model:
    """Return the model of a name or file, with the changes that the options ask for."""
    model = get_model(name)
    if rival is not None:
        model = model.rival(rival)
    held = {key: _number(value, f"--fix {key}") for key, value in pairs(fix, "fix").items()}
    model = model.fix(**held) if held else model
    return model.without(*without) if without else model


def load_fit(fit: Path, model: Path | None) -> xr.DataTree:
    """Read a fit, with the file of its model if one is given."""
    import empathymodels as em

    if model is not None:
        get_model(str(model))  # tells at once what is wrong with it
    return em.load(fit, model=model)


def load_fits(files: Mapping[str, Path], models: list[Path]) -> dict[str, xr.DataTree]:
    """Read fits, those of models of one's own with the file that has the model's name.

    A single file that has no fit's name may have been renamed, and is taken for the others.
    """
    fits = {name: load_fit(file, None) for name, file in files.items()}
    if not models:
        return fits
    own = {model.stem: model for model in models}
    names = {fit.attrs["model"] for fit in fits.values()}
    other = [model for stem, model in own.items() if stem not in names]
    for name, fit in fits.items():
        model = own.get(fit.attrs["model"])
        if model is None and len(other) == 1 and fit.attrs["model"] not in list_models():
            model = other[0]
        if model is not None:
            fits[name] = load_fit(files[name], model)
    return fits


def given_study(
    files: dict[str, Path | None],
    name: str | None,
    columns: list[str] | None,
    missing: list[str] | None,
    simulated: bool = False,
) -> Study:
    """Return the study that the options name: bundled, or of one's own files."""
    from empathymodels.study import Study, load_study

    given = {table: file for table, file in files.items() if file is not None}
    if (name is None) == (not given):
        raise ValueError(
            "A study is either bundled (--study NAME) or read from files (--trials FILE, with "
            f"--participants and --regions if you have them). Found {'both' if given else 'none'}."
        )
    if name is None:
        codes: dict[str, list[str]] = {}
        for column, code in _split(missing, "missing"):
            codes.setdefault(column, []).append(code)
        tables: dict[str, Any] = given
        renamed = pairs(columns, "columns")
        return Study(**tables, columns=renamed, missing=codes, simulated=simulated)
    if columns or missing or simulated:
        raise ValueError(
            "--columns, --missing and --simulated are for your own files. Leave them out."
        )
    return load_study(name)


def read_parameters(file: Path) -> pd.DataFrame:
    """Read a table of parameters, with labels of participants as text."""
    import pandas as pd

    if file.suffix not in TABLE or not file.is_file():
        raise ValueError(
            f"--parameters must be an existing .csv or .tsv file. Found no such file at '{file}'. "
            "Check the path and its ending."
        )
    separator = "\t" if file.suffix == ".tsv" else ","
    try:
        return pd.read_csv(file, sep=separator, dtype={"participant": str})
    except ValueError as error:
        raise ValueError(
            f"--parameters must be a table in UTF-8 text; '{file}' cannot be read: {error}. "
            "Repair the file."
        ) from error


def _split(entries: list[str] | None, option: str) -> list[tuple[str, str]]:
    parts = [entry.partition("=") for entry in entries or ()]
    for entry, (name, _, value) in zip(entries or (), parts, strict=True):
        if not name.strip() or not value.strip():
            raise ValueError(f"--{option} must be NAME=VALUE; found '{entry}'.")
    return [(name.strip(), value.strip()) for name, _, value in parts]


def pairs(entries: list[str] | None, option: str) -> dict[str, str]:
    """Return entries NAME=VALUE as a mapping; the last of a name counts."""
    return dict(_split(entries, option))


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{option} must be a number; found '{text}'.") from error
