"""What the command line takes in: options that commands share, alone and in groups.

Modules that import PyMC or pandas are imported inside the functions, as everywhere in `cli`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer


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
Trials = Annotated[Path | None, typer.Option(help="Trials: CSV, TSV, TXT, or their folder.")]
Participants = Annotated[Path | None, typer.Option(help="Participants: CSV, TSV or TXT.")]
Regions = Annotated[Path | None, typer.Option(help="ROI betas: CSV, TSV, TXT, or their folder.")]
Bundled = Annotated[str | None, typer.Option(help="A bundled study in place of files.")]
Columns = Annotated[
    list[str] | None,
    several("Our name = your column: choice=resp; of one table, participants.participant=id."),
]
Missing = Annotated[list[str] | None, several("Code of a missing value: choice=9.")]
Codes = Annotated[
    list[str] | None,
    several("What codes of a column mean: recipient:1=self,2=other.", "NAME:CODE=MEANING,..."),
]
Others = Annotated[
    str, typer.Option(help="keep: values that --codes does not name stay; else they are refused.")
]
FileNames = Annotated[
    str | None, typer.Option(help="What names of files say: 'sub-{participant}_run-{block}_*'.")
]
Encoding = Annotated[str, typer.Option(help="Encoding of your files: utf-16, cp1252.")]
Simulated = Annotated[
    bool, typer.Option("--simulated", help="Your files are simulated: values may leave ranges.")
]
Rival = Annotated[str | None, typer.Option(help="Take this alternative of the model.")]
Fix = Annotated[list[str] | None, several("Hold a parameter: learning_rate=0.3.")]
Without = Annotated[list[str] | None, several("Leave out a response.", "RESPONSE")]
Seed = Annotated[int, typer.Option(help="Seed of all draws.", min=0)]
Draws = Annotated[int, typer.Option(help="About how many posterior draws to use.", min=1)]
DrawsPerChain = Annotated[
    int | None, typer.Option(help="Draws per chain, unless until they converge.", min=1)
]
MaxDraws = Annotated[int, typer.Option(help="Draws per chain to give up at.", min=1)]
Tune = Annotated[int, typer.Option(help="Adaptation steps per chain.", min=1)]
Chains = Annotated[int, typer.Option(help="Number of chains.", min=1)]
TargetAccept = Annotated[
    float | None,
    typer.Option(help="Target acceptance rate, unless 0.9, and 0.99 where draws diverge."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]
TableFile = Annotated[Path | None, typer.Option(help="Also write the table: .csv or .tsv.")]


# ---------------------------------------------------------------------------------- groups


@dataclass(frozen=True)
class StudyOptions:
    """Which study: files of one's own and how to read them, or a bundled one."""

    trials: Trials = None
    participants: Participants = None
    regions: Regions = None
    study: Bundled = None
    columns: Columns = None
    missing: Missing = None
    codes: Codes = None
    others: Others = "refuse"
    file_names: FileNames = None
    encoding: Encoding = "utf-8"

    @property
    def files(self) -> dict[str, Path | None]:
        """The file of every table, None where it is not given."""
        return {
            "trials": self.trials,
            "participants": self.participants,
            "regions": self.regions,
        }

    @property
    def are_given(self) -> bool:
        """Whether any of these options was used."""
        return bool(self._used)

    @property
    def read_files(self) -> bool:
        """Whether an option that says how files are read was used."""
        return bool(self._used - {"study", *self.files})

    @property
    def _used(self) -> set[str]:
        given = {option.name: getattr(self, option.name) for option in fields(self)}
        usual = {option.name: option.default for option in fields(self)}
        return {name for name, value in given.items() if value and value != usual[name]}


@dataclass(frozen=True)
class VariantOptions:
    """What to change in the model."""

    rival: Rival = None
    fix: Fix = None
    without: Without = None


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with an option for each field of the groups that it takes."""
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {}
    options: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        kind = parameter.annotation
        if kind in (StudyOptions, VariantOptions):
            groups[parameter.name] = kind
            options += inspect.signature(kind, eval_str=True).parameters.values()
        else:
            options.append(parameter)

    @wraps(command)
    def ungrouped(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    ungrouped.__annotations__ = {option.name: option.annotation for option in options}
    options = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options]
    vars(ungrouped)["__signature__"] = signature.replace(parameters=options)
    return ungrouped
