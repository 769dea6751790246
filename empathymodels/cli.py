"""The command line: the verbs that make sense there, under the names they have in Python.

Exit codes: 0, all is well; 1, checks failed; 2, the command, the model or the data are wrong
(told on stderr). Modules that import PyMC are imported inside the commands, so that ``--help``
and ``list`` answer at once.
"""

from __future__ import annotations

import linecache
import sys
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from empathymodels.catalog import get_model, list_models
from empathymodels.terminal import tell

if TYPE_CHECKING:
    import pandas as pd

    from empathymodels.study import Study

PIPED_WIDTH = 200  # columns of a table that no terminal limits
CHECKS_FAILED, BAD_INPUT = 1, 2

app = typer.Typer(
    help="Hierarchical Bayesian models of motivated empathy, from behaviour and brain data.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
ModelFile = Annotated[
    Path | None, typer.Option("--model", help="File of the model, for a fit of a model of yours.")
]
TableFile = Annotated[Path | None, typer.Option(help="Also write the table to this CSV file.")]


def _example(*lines: str) -> str:
    return "\b\nExample:\n  " + " \\\n      ".join(lines)


def _file(text: str) -> Any:
    return typer.Option(help=text, dir_okay=False)


def _pair(text: str) -> Any:
    return typer.Option(help=f"{text} May be repeated.", metavar="NAME=VALUE")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; faults of the user are told on stderr and end with exit code 2."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: tell(f"Warning: {message}")
        try:
            app(args=arguments, prog_name="empathymodels")
        except (
            AttributeError,
            ImportError,
            FileNotFoundError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:
            if not _is_told(error):
                raise
            tell(f"Error: {error.args[0]}")
            sys.exit(BAD_INPUT)


def _is_told(error: Exception) -> bool:
    """Whether this package raised the error on purpose, so that its words say what to do."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    raised = linecache.getline(frame.filename, frame.lineno or 0).strip().startswith("raise ")
    return raised and Path(frame.filename).is_relative_to(Path(__file__).parent)


@app.command("list", epilog=_example("empathymodels list"))
def list_() -> None:
    """List the built-in models."""
    models = list_models()
    width = max(map(len, models))
    for name, title in models.items():
        typer.echo(f"{name:{width}}  {title}")


@app.command(epilog=_example("empathymodels card outgroup_help_learning > model.md"))
def card(
    model: Annotated[str, typer.Argument(help="Name of a model, or path of your file.")],
) -> None:
    """Print a model's card: equations, priors, data, references."""
    typer.echo(str(get_model(model)))


@app.command(
    epilog=_example(
        "empathymodels fit outgroup_help_learning --trials trials.csv --columns feeling=rating",
        "--missing feeling=99 --covariates 'learning_rate=partner_group + age' --seed 1",
    )
)
def fit(
    model: Annotated[str, typer.Argument(help="Name of a model, or path of your file.")],
    trials: Annotated[Path | None, _file("Trials: CSV or TSV.")] = None,
    participants: Annotated[Path | None, _file("Participants: CSV or TSV.")] = None,
    regions: Annotated[Path | None, _file("ROI betas: CSV or TSV.")] = None,
    study: Annotated[str | None, typer.Option(help="A bundled study in place of files.")] = None,
    rival: Annotated[str | None, typer.Option(help="Fit this alternative of the model.")] = None,
    fix: Annotated[list[str] | None, _pair("Hold a parameter: learning_rate=0.3.")] = None,
    columns: Annotated[list[str] | None, _pair("Our name = your column: choice=resp.")] = None,
    missing: Annotated[list[str] | None, _pair("Code of a missing value: choice=9.")] = None,
    covariates: Annotated[
        list[str] | None, _pair('Formula of a parameter: "learning_rate=group + age".')
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Drawn and recorded unless given.")] = None,
    draws: Annotated[int, typer.Option(help="Draws per chain.")] = 1000,
    tune: Annotated[int, typer.Option(help="Adaptation steps per chain.")] = 1000,
    chains: int = 4,
    cores: Annotated[int | None, typer.Option(help="All unless given.")] = None,
    target_accept: Annotated[float, typer.Option(help="Target acceptance rate.")] = 0.9,
    out: Annotated[
        Path | None, typer.Option(help="File of the fit (.nc or .zarr).  [default: MODEL.nc]")
    ] = None,
) -> None:
    """Fit a model to a study and write the fit to a file."""
    changed = _model(model, rival, fix)
    files = {"trials": trials, "participants": participants, "regions": regions}
    given = _study(files, study, columns, missing)
    file = out or Path(f"{changed.label.replace(' ', '-')}.nc")
    settings: dict[str, Any] = {"covariates": _pairs(covariates, "covariates"), "seed": seed}
    settings |= {"draws": draws, "tune": tune, "chains": chains, "cores": cores}
    settings |= {"target_accept": target_accept}
    _fit(changed, given, file, settings)


def _model(name: str, rival: str | None, fix: list[str] | None) -> Any:
    model = get_model(name)
    if rival is not None:
        model = model.rival(rival)
    held = {key: _number(value, f"--fix {key}") for key, value in _pairs(fix, "fix").items()}
    return model.fix(**held) if held else model


def _fit(model: Any, study: Study, file: Path, settings: dict[str, Any]) -> None:
    import empathymodels as em
    from empathymodels.saving import check_suffix

    check_suffix(file)
    em.save(em.fit(model, study, **settings), file)
    typer.echo(f"Wrote {file}. Next: empathymodels check {file}")


@app.command(epilog=_example("empathymodels check fit.nc --out checks.csv"))
def check(
    fit: Annotated[Path, typer.Argument(help="File that `fit` wrote.")],
    model: ModelFile = None,
    out: TableFile = None,
) -> None:
    """Check the sampling and the predictions of a fit.

    Exit code 1 if something failed.
    """
    import empathymodels as em

    table = em.check(em.load(fit, model=model))
    _show_table(table, out)
    _end(table)


@app.command(epilog=_example("empathymodels compare learning.nc no_learning.nc"))
def compare(
    fits: Annotated[list[Path], typer.Argument(help="Files that `fit` wrote, at least two.")],
    unit: Annotated[str, typer.Option(help="What is predicted.")] = "trial",
    response: Annotated[str | None, typer.Option(help="Compare on this response only.")] = None,
    model: ModelFile = None,
    out: TableFile = None,
) -> None:
    """Compare fits by how well they predict, best first."""
    import empathymodels as em

    loaded = {name: em.load(file, model=model) for name, file in _names(fits).items()}
    table = em.compare(loaded, unit=unit, response=response)
    _show_table(table, out)
    typer.echo(table.attrs["reading"])


def _names(files: list[Path]) -> dict[str, Path]:
    """Name every file by its stem, or by its path where stems repeat."""
    stems = [file.stem for file in files]
    return {f.stem if stems.count(f.stem) == 1 else str(f): f for f in files}


@app.command(epilog=_example("empathymodels verify my_model.py"))
def verify(
    file: Annotated[str, typer.Argument(help="Your model file, or the name of a model.")],
) -> None:
    """Test a model file: declarations, gradient, simulator.

    Exit code 1 if something failed.
    """
    import empathymodels as em

    table = em.verify(file)
    _show_table(table, None)
    _end(table)


@app.command(epilog=_example("empathymodels demo --out first-look"))
def demo(
    out: Annotated[Path, typer.Option(help="Folder for all results.")] = Path("empathymodels-demo"),
    seed: int = 1,
) -> None:
    """Fit, check and compare two models of a bundled study.

    Writes all tables and figures, and says what they show.
    """
    from empathymodels.demo import demo as run

    run(out, seed=seed)


# ------------------------------------------------------------------------------ input


def _study(
    files: dict[str, Path | None],
    name: str | None,
    columns: list[str] | None,
    missing: list[str] | None,
) -> Study:
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
        return Study(**tables, columns=_pairs(columns, "columns"), missing=codes)
    if columns or missing:
        raise ValueError("--columns and --missing are for your own files. Leave them out.")
    return load_study(name)


def _split(entries: list[str] | None, option: str) -> list[tuple[str, str]]:
    parts = [entry.partition("=") for entry in entries or ()]
    for entry, (name, _, value) in zip(entries or (), parts, strict=True):
        if not name.strip() or not value.strip():
            raise ValueError(f"--{option} must be NAME=VALUE; found '{entry}'.")
    return [(name.strip(), value.strip()) for name, _, value in parts]


def _pairs(entries: list[str] | None, option: str) -> dict[str, str]:
    return dict(_split(entries, option))


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{option} must be a number; found '{text}'.") from error


# ----------------------------------------------------------------------------- output


def _end(table: pd.DataFrame) -> None:
    raise typer.Exit(0 if table["passed"].all() else CHECKS_FAILED)


def _show_table(table: pd.DataFrame, out: Path | None) -> None:
    import pandas as pd

    named = table if isinstance(table.index, pd.RangeIndex) else table.reset_index(names="name")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        named.to_csv(out, index=False)
    _show(list(named), [[_cell(value) for value in row] for row in named.to_numpy(dtype=object)])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return "" if value is None else str(value)


def _show(header: list[str], rows: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    table = Table(*header, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    console.print(table)
