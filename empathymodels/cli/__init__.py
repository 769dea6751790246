"""The command line: the verbs that make sense there, under the names they have in Python.

Doors: none.
May import: all that lies below.
"""

from __future__ import annotations

import linecache
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from empathymodels.cli.certificates import certify
from empathymodels.cli.fits import check, compare, estimates, latents, predict, report
from empathymodels.cli.images import extract, signature_scores
from empathymodels.cli.models import card, list_, verify
from empathymodels.cli.page import app_
from empathymodels.cli.regions import fit_regions, region_effects
from empathymodels.cli.studies import demo, diagnose_design, fetch, fit, simulate
from empathymodels.terminal import tell
from empathymodels.version import __version__

BAD_INPUT = 2
COMMANDS: dict[Callable[..., Any], tuple[str, ...]] = {  # with the lines of an example
    list_: ("empathymodels list",),
    card: ("empathymodels card outgroup_help_learning --out model.md",),
    fetch: ("empathymodels fetch lockwood_2024 --out study",),
    diagnose_design: ("empathymodels diagnose_design motivated_empathy --study motives",),
    simulate: (
        "empathymodels simulate outgroup_help_learning --study outgroup_help",
        "--rival no_learning --seed 1 --out simulated",
    ),
    fit: (
        "empathymodels fit outgroup_help_learning --trials trials.csv --columns feeling=rating",
        "--missing feeling=99 --covariates 'learning_rate=partner_group + age' --seed 1",
    ),
    check: ("empathymodels check fit.nc --out checks.csv",),
    predict: (
        "empathymodels predict fit.nc --seed 1 --out predictions.csv",
        "--figure feeling.png --response feeling --by partner_group",
    ),
    estimates: ("empathymodels estimates fit.nc --out estimates.csv",),
    latents: ("empathymodels latents fit.nc --out latents.tsv",),
    compare: ("empathymodels compare learning.nc no_learning.nc",),
    report: (
        "empathymodels report learning.nc no_learning.nc --out report.html",
        "--question 'Is empathy learned from help?'",
    ),
    extract: ("empathymodels extract runs.csv --t-r 2 --region AI --region VS --out regions.csv",),
    signature_scores: (
        "empathymodels signature_scores maps.csv --weights care=care.nii --out scores.csv",
    ),
    fit_regions: (
        "empathymodels fit_regions vicarious_reward --trials trials.csv --regions betas.csv",
        "--without rating --fix vs_partner_effect=0 --folder parcels --out parcels.nc",
    ),
    region_effects: (
        "empathymodels region_effects parcels.nc vs_gain_mean",
        "--first partner=friend --second partner=stranger --out effects.csv",
    ),
    verify: ("empathymodels verify my_model.py",),
    certify: (
        "empathymodels certify prosocial_effort --study effort_for_others --minutes 20",
        "# all models; the same line again goes on where it was stopped",
        "empathymodels certify --all --minutes 20 --folder replicates --out certificates",
    ),
    demo: ("empathymodels demo --out first-look",),
    app_: ("empathymodels app --folder analyses",),
}
OPTIONS = {  # what messages say of Python, and what says it on the command line
    "load(path, model=": "--model FILE.py",
    "kind='simulation'": "--kind simulation",
    "columns={": "--columns NAME=YOURS",
    "codes={": "--codes NAME:CODE=MEANING",
    "missing={": "--missing NAME=CODE",
    'others="keep"': "--others keep",
    "file_names=": "--file-names PATTERN",
    "encoding=": "--encoding NAME",
}

app = typer.Typer(
    help="Hierarchical Bayesian models of motivated empathy, from behaviour and brain data.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"empathymodels {__version__}")
        raise typer.Exit


@app.callback()
def _whole(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, help="Print the version and end.")
    ] = False,
) -> None:
    pass


for _command, _lines in COMMANDS.items():
    _example = "\b\nExample:\n  " + " \\\n      ".join(_lines)
    app.command(_command.__name__.rstrip("_"), epilog=_example)(_command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; faults of the user are told on stderr and end with exit code 2."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: tell(f"Warning: {message}")
        try:
            app(args=arguments, prog_name="empathymodels")
        except (
            AttributeError,
            ImportError,
            KeyError,
            OSError,
            TypeError,
            ValueError,
        ) as error:
            if not _is_reported(error):
                raise
            tell(f"Error: {error.args[0]}{_as_options(str(error.args[0]))}")
            sys.exit(BAD_INPUT)


def _as_options(message: str) -> str:
    """Name the options that stand for the Python arguments of a message."""
    named = [option for words, option in OPTIONS.items() if words in message]
    return f"\nOn the command line: {', '.join(named)}." if named else ""


def _is_reported(error: Exception) -> bool:
    """Whether this package raised the error on purpose, so that its words say what to do."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    raised = linecache.getline(frame.filename, frame.lineno or 0).strip().startswith("raise ")
    return raised and Path(frame.filename).is_relative_to(Path(__file__).parents[1])
