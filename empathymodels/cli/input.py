"""What the options of the command line stand for: models, fits, studies, tables.

Modules that import PyMC or pandas are imported inside the functions, as everywhere in `cli`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from empathymodels.cli.options import StudyOptions, VariantOptions
from empathymodels.cli.output import TABLE
from empathymodels.declaration.catalog import get_model, list_models

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from empathymodels.declaration.model import Model
    from empathymodels.study.recoding import Value
    from empathymodels.study.study import Study

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")  # but "07" is a label


def changed_model(name: str, change: VariantOptions) -> Model:
    """Return the model of a name or file, with the changes that the options ask for."""
    model = get_model(name)
    if change.rival is not None:
        model = model.rival(change.rival)
    held = {key: _number(value, f"--fix {key}") for key, value in pairs(change.fix, "fix").items()}
    model = model.fix(**held) if held else model
    return model.without(*change.without) if change.without else model


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


def given_study(options: StudyOptions, *, simulated: bool = False) -> Study:
    """Return the study that the options name: bundled, or of one's own files."""
    from empathymodels.study.bundled import load_study
    from empathymodels.study.study import Study

    given = {table: file for table, file in options.files.items() if file is not None}
    if (options.study is None) == (not given):
        raise ValueError(
            "A study is either bundled (--study NAME) or read from files (--trials FILE, with "
            f"--participants and --regions if you have them). Found {'both' if given else 'none'}. "
            "Give one of the two."
        )
    if options.study is None:
        missing: dict[str, list[str]] = {}
        for column, code in _split(options.missing, "missing"):
            missing.setdefault(column, []).append(code)
        tables: dict[str, Any] = given
        return Study(
            **tables,
            columns=columns_of(options.columns),
            missing=missing,
            codes=codes_of(options.codes),
            others=options.others,  # type: ignore[arg-type]
            file_names=options.file_names,
            encoding=options.encoding,
            simulated=simulated,
        )
    if options.read_files or simulated:
        raise ValueError(
            "--columns, --missing, --codes, --others, --file-names, --encoding and --simulated are "
            "for your own files; found one of them with "
            f"the bundled study '{options.study}'. Leave them out."
        )
    return load_study(options.study)


def columns_of(entries: list[str] | None) -> dict[str, str | dict[str, str]]:
    """Return your names of our columns: for all tables, or ``table.name`` for one."""
    names: dict[str, Any] = {}
    for ours, own in pairs(entries, "columns").items():
        table, _, column = ours.rpartition(".")
        if table in ("trials", "participants", "regions"):
            names.setdefault(table, {})[column] = own
        else:
            names[ours] = own
    return names


def codes_of(entries: list[str] | None) -> dict[str, dict[Value, Value]]:
    """Return what codes mean, by column; a meaning that looks like a number is one."""
    meanings: dict[str, dict[Value, Value]] = {}
    for entry in entries or ():
        column, _, rest = entry.partition(":")
        told = [[part.strip() for part in pair.partition("=")[::2]] for pair in rest.split(",")]
        if not column.strip() or not all(code and meaning for code, meaning in told):
            raise ValueError(
                f"--codes must be NAME:CODE=MEANING, with commas between codes; found '{entry}'. "
                "Write for example --codes recipient:1=self,2=other."
            )
        own = meanings.setdefault(column.strip(), {})
        own |= {code: _number_or_text(meaning) for code, meaning in told}
    return meanings


def _number_or_text(text: str) -> str | float:
    if not NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


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
            raise ValueError(
                f"--{option} must be NAME=VALUE; found '{entry}'. Give both, with = between them."
            )
    return [(name.strip(), value.strip()) for name, _, value in parts]


def pairs(entries: list[str] | None, option: str) -> dict[str, str]:
    """Return entries NAME=VALUE as a mapping; the last of a name counts."""
    return dict(_split(entries, option))


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(
            f"{option} must be a number; found '{text}'. Write it like 0.3."
        ) from error
