"""What a model asks of a study, beside what the tables of a session have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from empathymodels.app.page_words import with_own_names
from empathymodels.app.script import exclusion_arguments, study_arguments
from empathymodels.declaration.catalog import get_model
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Column
from empathymodels.layout.arrange import arrange
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import Notices, shortened, tell_all
from empathymodels.population.covariates import covariates_for
from empathymodels.study.bundled import load_study
from empathymodels.study.keys import KEYS
from empathymodels.study.study import Study
from empathymodels.study.table_files import read_files

SAID = {  # of keys: what they are
    "participant": "who: a label or number per person",
    "session": "which session, where there are several",
    "block": "which block or run, where trials are counted anew in each",
    "trial": "which trial: a number that rises",
    "region": "name of the region",
    "condition": "which condition, where betas are per condition and not per trial",
}
NEEDED = {"trials": ("participant", "trial"), "regions": ("participant", "region")}
READ = (  # choices that say how a study is read
    *("name", "study", "bids", "files", "file_names", "encoding", "columns", "missing", "codes"),
)
MATCHED = (*READ, "left_out", "left_out_reason", "model", "model_file")  # how it is laid out
EXAMPLES = 3  # values that are shown of a column
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


@dataclass(frozen=True)
class Wanted:
    """A column that the model can read.

    Attributes
    ----------
    name : str
        Our name of it.
    meaning : str
        What a value says.
    values : str
        Which values it may have.
    need : str
        "needed", or what happens without it.
    is_key : bool
        Whether it tells rows apart; the others may have codes.
    """

    name: str
    meaning: str
    values: str = ""
    need: str = ""
    is_key: bool = False


def read_table(
    files: Sequence[Path], table: str, folder: Path, own: Mapping[str, str], encoding: str
) -> dict[str, str]:
    """Return the columns of a table that was uploaded, each with its first values.

    Raises
    ------
    ValueError
        All that is wrong with the files, which are called by their own names.
    """
    notices = Notices()
    found = read_files(files, table, file_names=None, encoding=encoding, notices=notices)
    faults = [with_own_names(problem, folder, own) for problem in notices.problems]
    tell_all(f"The file{'s' * (len(files) > 1)} of {table} cannot be used:", faults)
    return {} if found is None else first_values(found)


def first_values(table: pd.DataFrame) -> dict[str, str]:
    """Return the columns of a table, each with its first values."""
    values = {str(name): table[name].dropna().unique()[: EXAMPLES + 1] for name in table}
    return {name: _examples(list(some)) for name, some in values.items()}


def _examples(values: list[Any]) -> str:
    first = [shortened(str(value), 16) for value in values[:EXAMPLES]]
    return ", ".join(first) + (", ..." if len(values) > EXAMPLES else "")


def asked(choices: Mapping[str, Any], model: Model) -> dict[str, list[Wanted]]:
    """Return by table of a session what is asked of it: what the model can read.

    What names of files always say in a BIDS data set is not asked.
    """
    every = {table: wanted(model, table) for table in choices["files"]}
    if not choices.get("bids"):
        return every
    trial = Wanted(
        "trial", SAID["trial"], need="its place in the run is taken without it", is_key=True
    )
    return {
        table: [
            trial if w.name == "trial" else w for w in wants if not w.is_key or w.name == "trial"
        ]
        for table, wants in every.items()
    }


def wanted(model: Model, table: str) -> list[Wanted]:
    """Return what a model can read in a table: keys, columns, responses."""
    return list({one.name: one for one in reversed(list(_wanted(model, table)))}.values())[::-1]


def _wanted(model: Model, table: str) -> Iterator[Wanted]:
    keys = KEYS[table] if table != "regions" else (*KEYS[table], "condition")
    for key in keys:
        is_needed = key in NEEDED.get(table, ("participant",))
        yield Wanted(key, SAID[key], need="needed" if is_needed else "if you have it", is_key=True)
    for column in model.columns:
        if column.table == table:
            absent = f"{column.default} is taken without it"
            yield _of_column(column, "needed" if column.default is None else absent)
    for response in model.observables:
        if response.table == table:
            yield _of_column(response.values, "observed; left out without it")


def _of_column(column: Column, need: str) -> Wanted:
    values = ""
    if isinstance(column.levels, tuple):
        values = " or ".join(map(str, column.levels))
    elif column.range is not None:
        values = f"{column.range[0]:g} to {column.range[1]:g} {column.unit}".strip()
    return Wanted(column.name, column.meaning, values, need)


def alike(name: str, columns: Mapping[str, str]) -> str:
    """Return the column whose name is ours, whatever its capitals and signs; empty without."""
    plain = {_plain(own): own for own in reversed(list(columns))}
    return name if name in columns else plain.get(_plain(name), "")


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


# ------------------------------------------------------------------------- what was written


def marks(text: str) -> list[str]:
    """Return the codes that a list with commas, or semicolons, names."""
    return [code.strip() for code in re.split("[,;]", text) if code.strip()]


def meanings(name: str, text: str) -> dict[str, str | float]:
    """Return what codes mean, as in ``1=self, 2=other``.

    Raises
    ------
    ValueError
        An entry has no code, or no meaning.
    """
    pairs = [[part.strip() for part in entry.partition("=")[::2]] for entry in marks(text)]
    if not all(code and meaning for code, meaning in pairs):
        raise ValueError(
            f"Codes must be written as CODE=MEANING, with commas between; found '{text}' for "
            f"'{name}'. Write for example 1=self, 2=other."
        )
    return {code: _value(meaning) for code, meaning in pairs}


def _value(text: str) -> str | float:
    if not NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


# ------------------------------------------------------------------------ before compiling


def model_of(choices: Mapping[str, Any], folder: Path) -> Model:
    """Return the model of a session: built in, or the copy of a file of one's own."""
    own = choices.get("model_file")
    return get_model(folder / own["file"] if own else choices["model"])


def given_study(choices: Mapping[str, Any], folder: Path) -> Study:
    """Return the study of a session, as its script reads it."""
    whole = whole_study(choices, folder)
    exclusion = exclusion_arguments(choices)
    return whole.exclude(**exclusion) if exclusion else whole


def whole_study(choices: Mapping[str, Any], folder: Path) -> Study:
    """Return the study of a session with everybody in it; the last few are kept."""
    return _whole_study(
        json.dumps({name: choices[name] for name in READ if name in choices}), folder
    )


@lru_cache(maxsize=2)
def _whole_study(read: str, folder: Path) -> Study:
    """Return the study of choices in JSON; a file that they name never has another content."""
    choices = json.loads(read)
    if choices.get("study"):
        return load_study(choices["study"])
    if data_set := choices.get("bids"):
        return Study.from_bids(folder / data_set["file"], **study_arguments(choices))
    tables: dict[str, Any] = {t: folder / f["file"] for t, f in choices["files"].items()}
    return Study(**tables, **study_arguments(choices))


def arranged(choices: Mapping[str, Any], folder: Path) -> Arrangement:
    """Return the study laid out for the model and all that `fit` would refuse before it compiles.

    Raises
    ------
    KeyError, ValueError
        The study cannot be read, lacks what the model or a rival needs, or a covariate formula
        names what there is not.
    """
    study = given_study(choices, folder)
    model = model_of(choices, folder)
    arrangement = arrange(model, study)
    covariates = choices.get("covariates") or None
    covariates_for(arrangement, covariates)
    for name in choices.get("rivals", []):
        try:
            covariates_for(arrange(model.rival(name), study), covariates)
        except (KeyError, ValueError) as fault:
            raise ValueError(f"Rival '{name}': {fault.args[0]}") from fault
    return arrangement


def arranged_once(choices: Mapping[str, Any], folder: Path) -> Arrangement:
    """Return the study laid out for the model, without a plan; the last few are kept."""
    matched = {name: choices[name] for name in MATCHED if name in choices} | {"rivals": []}
    return _arranged_once(json.dumps(matched), folder)


@lru_cache(maxsize=2)
def _arranged_once(matched: str, folder: Path) -> Arrangement:
    """Return what is arranged for choices in JSON; files that they name never change."""
    return arranged(json.loads(matched), folder)
