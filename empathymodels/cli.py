"""The command line: the verbs that make sense there, under the names they have in Python.

Exit codes: 0, all is well; 1, checks failed; 2, the command, the model or the data are wrong
(told on stderr). Modules that import PyMC are imported inside the commands, so that ``--help``
and ``list`` answer at once.
"""

from __future__ import annotations

import linecache
import re
import sys
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from empathymodels import cli_output as output
from empathymodels.catalog import get_model, list_models
from empathymodels.cli_input import (
    Bundled,
    Columns,
    Draws,
    FitFile,
    Fix,
    Missing,
    ModelFile,
    ModelName,
    Participants,
    Regions,
    Rival,
    Seed,
    Simulated,
    TableFile,
    Trials,
    Without,
    changed_model,
    file_option,
    given_study,
    load_fit,
    load_fits,
    pairs,
    read_parameters,
    several,
)
from empathymodels.terminal import tell
from empathymodels.wording import counted, listed

if TYPE_CHECKING:
    import pandas as pd

    from empathymodels.model import Model
    from empathymodels.study import Study

CHECKS_FAILED, BAD_INPUT = 1, 2
OPTIONS = {  # what messages say of Python, and what says it on the command line
    "load(path, model=": "--model FILE.py",
    "kind='simulation'": "--kind simulation",
    "columns={": "--columns NAME=YOURS",
}

app = typer.Typer(
    help="Hierarchical Bayesian models of motivated empathy, from behaviour and brain data.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _example(*lines: str) -> str:
    return "\b\nExample:\n  " + " \\\n      ".join(lines)


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
            tell(f"Error: {error.args[0]}{_as_options(str(error.args[0]))}")
            sys.exit(BAD_INPUT)


def _as_options(message: str) -> str:
    """Name the options that stand for the Python arguments of a message."""
    named = [option for words, option in OPTIONS.items() if words in message]
    return f"\nOn the command line: {', '.join(named)}." if named else ""


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


@app.command(epilog=_example("empathymodels card outgroup_help_learning --out model.md"))
def card(
    model: ModelName,
    out: Annotated[Path | None, typer.Option(help="Write it to this .md file instead.")] = None,
) -> None:
    """Print a model's card: equations, priors, data, references."""
    output.check_target(out, output.TEXT)
    text = str(get_model(model))
    if out is None:
        typer.echo(text)
    else:
        output.write_files({out: output.text_writer(text)})


@app.command(
    epilog=_example(
        "empathymodels simulate outgroup_help_learning --study outgroup_help",
        "--rival no_learning --seed 1 --out simulated",
    )
)
def simulate(
    model: ModelName,
    seed: Seed,
    out: Annotated[Path, typer.Option(help="Folder for the tables.", file_okay=False)],
    trials: Trials = None,
    participants: Participants = None,
    regions: Regions = None,
    study: Bundled = None,
    columns: Columns = None,
    missing: Missing = None,
    parameters: Annotated[
        Path | None, file_option("Natural-scale values: CSV or TSV, a row per participant.")
    ] = None,
    rival: Rival = None,
    fix: Fix = None,
    without: Without = None,
) -> None:
    """Simulate what a model observes, for the design of a study.

    Writes trials.csv, participants.csv and regions.csv, as far as they exist, and parameters.csv
    with the values behind them, drawn from the prior unless given.
    """
    import empathymodels as em

    files = {"trials": trials, "participants": participants, "regions": regions}
    written = {name: out / f"{name}.csv" for name in (*files, "parameters")}
    for file in written.values():
        output.check_target(file, output.TABLE, *files.values(), parameters)
    changed = changed_model(model, rival, fix, without)
    given = read_parameters(parameters) if parameters is not None else None
    design = given_study(files, study, columns, missing)
    simulated, truth = em.simulate(changed, design, given, seed=seed)
    tables = {**simulated.tables, "parameters": truth}
    _refuse_leftovers(out, [file for name, file in written.items() if name not in tables])
    output.write_files({written[n]: output.table_writer(t) for n, t in tables.items()})
    options = [f"--{name} {written[name]}" for name in simulated.tables]
    if real := _kept_responses(changed, design):
        tell(f"Not simulated, but as the design has them: {listed(real)}")
        options += [f"--without {name}" for name in real]
    tell(f"Next: empathymodels fit {model} {' '.join(options)} --simulated")


def _kept_responses(model: Model, design: Study) -> list[str]:
    """Responses that a variant leaves out and that are in the design: they stay real."""
    held = {name: list(table) for name, table in design.tables.items()}
    return [r.name for r in model.left_out if r.values.name in held.get(r.table, ())]


def _refuse_leftovers(folder: Path, absent: list[Path]) -> None:
    """Raise ValueError where a folder has a table that would not belong to the new ones."""
    left = [file.name for file in absent if file.exists()]
    if left:
        raise ValueError(
            f"The folder of a simulation must hold no table of another one; '{folder}' has "
            f"{listed(left)}, which this simulation does not write. Remove it, or choose another "
            "folder."
        )


@app.command(
    epilog=_example(
        "empathymodels fit outgroup_help_learning --trials trials.csv --columns feeling=rating",
        "--missing feeling=99 --covariates 'learning_rate=partner_group + age' --seed 1",
    )
)
def fit(
    model: ModelName,
    trials: Trials = None,
    participants: Participants = None,
    regions: Regions = None,
    study: Bundled = None,
    columns: Columns = None,
    missing: Missing = None,
    simulated: Simulated = False,
    rival: Rival = None,
    fix: Fix = None,
    without: Without = None,
    covariates: Annotated[
        list[str] | None, several('Formula of a parameter: "learning_rate=group + age".')
    ] = None,
    method: Annotated[
        str, typer.Option(help="nuts samples; laplace and map are quick and approximate.")
    ] = "nuts",
    seed: Annotated[
        int | None, typer.Option(help="Drawn and recorded unless given.", min=0)
    ] = None,
    draws: Annotated[int, typer.Option(help="Draws per chain.", min=1)] = 1000,
    tune: Annotated[int, typer.Option(help="Adaptation steps per chain.", min=1)] = 1000,
    chains: Annotated[int, typer.Option(help="Number of chains.", min=1)] = 4,
    cores: Annotated[int | None, typer.Option(help="All unless given.", min=1)] = None,
    target_accept: Annotated[float, typer.Option(help="Target acceptance rate.")] = 0.9,
    out: Annotated[
        Path | None, typer.Option(help="File of the fit (.nc or .zarr).  [default: MODEL.nc]")
    ] = None,
) -> None:
    """Fit a model to a study and write the fit to a file."""
    changed = changed_model(model, rival, fix, without)
    files = {"trials": trials, "participants": participants, "regions": regions}
    given = given_study(files, study, columns, missing, simulated)
    file = out or Path(re.sub(r"[^\w.=-]+", "-", changed.label).strip("-") + ".nc")
    settings: dict[str, Any] = {"covariates": pairs(covariates, "covariates"), "seed": seed}
    settings |= {"draws": draws, "tune": tune, "chains": chains, "cores": cores}
    settings |= {"target_accept": target_accept, "method": method}
    _fit(changed, given, file, settings)


def _fit(model: Model, study: Study, file: Path, settings: dict[str, Any]) -> None:
    import empathymodels as em
    from empathymodels.saving import check_suffix

    check_suffix(file)
    output.check_place(file)
    em.save(em.fit(model, study, **settings), file)
    tell(f"Wrote {file}\nNext: empathymodels check {file}")


@app.command(epilog=_example("empathymodels check fit.nc --out checks.csv"))
def check(fit: FitFile, model: ModelFile = None, out: TableFile = None) -> None:
    """Check the sampling and the predictions of a fit.

    Exit code 1 if something failed.
    """
    import empathymodels as em

    output.check_target(out, output.TABLE)
    table = em.check(load_fit(fit, model))
    _put_out(table, out)
    _end(table)


@app.command(
    epilog=_example(
        "empathymodels predict fit.nc --seed 1 --out predictions.csv",
        "--figure feeling.png --response feeling --by partner_group",
    )
)
def predict(
    fit: FitFile,
    seed: Seed,
    out: Annotated[
        Path | None, typer.Option(help="A row per value (.csv, .tsv), or all draws (.nc).")
    ] = None,
    trials: Trials = None,
    participants: Participants = None,
    regions: Regions = None,
    study: Bundled = None,
    columns: Columns = None,
    missing: Missing = None,
    simulated: Simulated = False,
    kind: Annotated[str, typer.Option(help="one_step_ahead or simulation.")] = "one_step_ahead",
    draws: Draws = 400,
    figure: Annotated[
        Path | None, typer.Option(help="Draw data and predictions: .png, .pdf or .svg.")
    ] = None,
    response: Annotated[str | None, typer.Option(help="Response of the figure.")] = None,
    by: Annotated[str | None, typer.Option(help="Column with a panel per level.")] = None,
    model: ModelFile = None,
) -> None:
    """Predict responses of the same or of other people.

    They are those of the fit, unless you give another study.

    A table has, per predicted value, its keys, `response`, `observed` and, over draws, `mean`,
    `sd`, `q05` and `q95` (the central 90 % interval).
    """
    import empathymodels as em

    files = {"trials": trials, "participants": participants, "regions": regions}
    output.check_target(out, (*output.TABLE, *output.TREE), fit, *files.values())
    output.check_target(figure, output.FIGURE)
    has_study = any((*files.values(), study, columns, missing, simulated))
    _check_figure(figure, response, by, out, is_own=not has_study and kind == "one_step_ahead")
    fitted = load_fit(fit, model)
    other = given_study(files, study, columns, missing, simulated) if has_study else None
    results: dict[Path, output.Writer] = {}
    if figure is not None and response is not None:
        drawn = em.plot_predictions(fitted, response, by=by, draws=draws, seed=seed)
        results[figure] = output.figure_writer(drawn)
    if out is not None:
        tree = em.predict(fitted, other, kind=kind, draws=draws, seed=seed)  # type: ignore[arg-type]
        tell(f"{out.name}: {tree.attrs['prediction']}")
        results[out] = output.writer_of(tree, out, output.predicted_table)
    output.write_files(results)


def _check_figure(
    figure: Path | None, response: str | None, by: str | None, out: Path | None, *, is_own: bool
) -> None:
    if figure is None and out is None:
        raise ValueError("Predictions need a place to go: --out FILE, --figure FILE, or both.")
    if figure is None and (response or by):
        raise ValueError("--response and --by are for --figure FILE. Add it, or leave them out.")
    if figure is not None and response is None:
        raise ValueError("A figure shows one response of the model. Name it: --response NAME.")
    if figure is not None and not is_own:
        raise ValueError(
            "A figure shows the fit's own study, predicted one step ahead; found another study or "
            "--kind simulation. Leave --figure out, or ask for both separately."
        )


@app.command(epilog=_example("empathymodels estimates fit.nc --out estimates.csv"))
def estimates(
    fit: FitFile,
    prob: Annotated[float, typer.Option(help="Mass of the highest-density intervals.")] = 0.9,
    out: Annotated[
        Path | None, typer.Option(help="Write everybody's own values too: .csv or .tsv.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the population: .png, .pdf or .svg.")
    ] = None,
    model: ModelFile = None,
) -> None:
    """Print what was inferred of the population.

    The file of --out also has every participant's values, with their shrinkage.
    """
    import empathymodels as em

    output.check_target(out, output.TABLE)
    output.check_target(figure, output.FIGURE)
    if not 0 < prob < 1:
        raise ValueError(f"--prob must lie between 0 and 1; found {prob:g}. Give for example 0.9.")
    fitted = load_fit(fit, model)
    table = em.estimates(fitted, prob=prob)
    results: dict[Path, output.Writer] = {}
    if out is not None:
        results[out] = output.table_writer(table)
    if figure is not None:
        results[figure] = output.figure_writer(em.plot_parameters(fitted))
    output.write_files(results)
    of_people = table.reindex(columns=["shrinkage"])["shrinkage"].notna()
    output.show_table(table[~of_people].dropna(axis=1, how="all"))
    if out is None and of_people.any():
        hidden = counted(int(of_people.sum()), "row")
        tell(f"Not shown: {hidden} of participants or items. Write them with --out estimates.csv")


@app.command(epilog=_example("empathymodels latents fit.nc --out latents.tsv"))
def latents(
    fit: FitFile,
    out: Annotated[
        Path, typer.Option(help="Mean and sd per trial (.csv, .tsv), or all draws (.nc).")
    ],
    draws: Draws = 400,
    model: ModelFile = None,
) -> None:
    """Write the latents of every trial.

    For example as regressors of brain images.

    A table has, per trial, its keys and `<latent>_mean` and `<latent>_sd` over draws; a TSV has
    n/a where a latent is missing, as in BIDS.
    """
    import empathymodels as em

    output.check_target(out, (*output.TABLE, *output.TREE), fit)
    found = em.latents(load_fit(fit, model), draws=draws)
    if not found.data_vars:
        raise ValueError(
            f"Latents need a model that has some; the model of '{fit}' has none. "
            "Its predictions may help: empathymodels predict."
        )
    output.write_files({out: output.writer_of(found, out, output.latent_table)})


@app.command(epilog=_example("empathymodels compare learning.nc no_learning.nc"))
def compare(
    fits: Annotated[list[Path], typer.Argument(help="Files that `fit` wrote, at least two.")],
    unit: Annotated[str, typer.Option(help="What is predicted.")] = "trial",
    response: Annotated[str | None, typer.Option(help="Compare on this response only.")] = None,
    model: Annotated[
        list[Path] | None, several("File of the model, for fits of models of yours.", "FILE.py")
    ] = None,
    out: TableFile = None,
) -> None:
    """Compare fits by how well they predict, best first."""
    import empathymodels as em

    output.check_target(out, output.TABLE)
    loaded = load_fits(_names(fits), model or [])
    table = em.compare(loaded, unit=unit, response=response)
    _put_out(table, out)
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
    _put_out(table, None)
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


# ----------------------------------------------------------------------------- output


def _put_out(table: pd.DataFrame, out: Path | None) -> None:
    """Print a table, and write it if asked."""
    named = output.named_rows(table)
    if out is not None:
        output.write_files({out: output.table_writer(named)})
    output.show_table(named)


def _end(table: pd.DataFrame) -> None:
    raise typer.Exit(0 if table["passed"].all() else CHECKS_FAILED)
