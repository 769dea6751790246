"""Commands that begin with a study: fetch, diagnose_design, simulate, fit, demo."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from empathymodels.cli import output
from empathymodels.cli.input import changed_model, given_study, pairs, read_parameters
from empathymodels.cli.options import (
    Chains,
    DrawsPerChain,
    MaxDraws,
    ModelName,
    Overwrite,
    Seed,
    Simulated,
    StudyOptions,
    TableFile,
    TargetAccept,
    Tune,
    VariantOptions,
    file_option,
    grouped,
    several,
)
from empathymodels.messages import listed
from empathymodels.terminal import tell

if TYPE_CHECKING:
    from empathymodels.declaration.model import Model
    from empathymodels.study.open_study import OpenStudy
    from empathymodels.study.study import Study


def fetch(
    name: Annotated[str, typer.Argument(help="Name of the study: see `fetch_study`.")],
    out: Annotated[Path, typer.Option(help="Folder for the tables.", file_okay=False)],
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder that has its files already; nothing is downloaded."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Download an open study of others, as tables for the model that is nearest.

    Licence and citation are told. Needs pooch (extra studies), unless the files are there.
    """
    import empathymodels as em
    from empathymodels.study.open_studies import OPEN_STUDIES

    written = {table: out / f"{table}.csv" for table in ("trials", "participants", "regions")}
    for file in written.values():
        output.check_target(file, output.TABLE, overwrite=overwrite)
    study = em.fetch_study(name, folder=folder)
    _refuse_leftovers(out, [file for table, file in written.items() if table not in study.tables])
    files = {written[n]: output.table_writer(t) for n, t in study.tables.items()}
    output.write_files(files, overwrite=overwrite)
    tell(_next_of_fetched(OPEN_STUDIES[name], {table: written[table] for table in study.tables}))


def _next_of_fetched(study: OpenStudy, files: dict[str, Path]) -> str:
    """Say how to go on with the tables of an open study."""
    if study.model and not study.variant:
        options = " ".join(f"--{table} {file}" for table, file in files.items())
        return f"Next: empathymodels fit {study.model} {options}"
    tables = ", ".join(f'{table}="{file}"' for table, file in files.items())
    given = f"em.Study({tables})"
    if not study.model:
        return f"Next, in Python: {given}, for a model of yours"
    return f"Next, in Python: em.fit({study.call}, {given})"


@grouped
def diagnose_design(
    *,
    model: ModelName,
    source: StudyOptions,
    simulated: Simulated = False,
    change: VariantOptions,
    covariates: Annotated[
        list[str] | None, several('Formula of a parameter: "learning_rate=group + age".')
    ] = None,
    draws: Annotated[int, typer.Option(help="Sets of people from the prior.", min=1)] = 20,
    seed: Seed = 0,
    out: TableFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Tell what a design can and cannot tell about a model, before anything is sampled.

    Exit code 1 if something failed.
    """
    import empathymodels as em

    output.check_target(out, output.TABLE, *source.files.values(), overwrite=overwrite)
    changed = changed_model(model, change)
    design = given_study(source, simulated=simulated)
    formulas = pairs(covariates, "covariates")
    table = em.diagnose_design(changed, design, covariates=formulas, draws=draws, seed=seed)
    output.put_out(table, out, overwrite=overwrite)
    output.end(table)


@grouped
def simulate(
    *,
    model: ModelName,
    seed: Seed,
    out: Annotated[Path, typer.Option(help="Folder for the tables.", file_okay=False)],
    source: StudyOptions,
    parameters: Annotated[
        Path | None, file_option("Natural-scale values: CSV or TSV, a row per participant.")
    ] = None,
    change: VariantOptions,
    overwrite: Overwrite = False,
) -> None:
    """Simulate what a model observes, for the design of a study.

    Writes trials.csv, participants.csv and regions.csv, as far as they exist, and parameters.csv
    with the values behind them, drawn from the prior unless given.
    """
    import empathymodels as em

    written = {name: out / f"{name}.csv" for name in (*source.files, "parameters")}
    inputs = (*source.files.values(), parameters)
    for file in written.values():
        output.check_target(file, output.TABLE, *inputs, overwrite=overwrite)
    changed = changed_model(model, change)
    given = read_parameters(parameters) if parameters is not None else None
    design = given_study(source)
    simulated, truth = em.simulate(changed, design, given, seed=seed)
    tables = {**simulated.tables, "parameters": truth}
    _refuse_leftovers(out, [file for name, file in written.items() if name not in tables])
    files = {written[n]: output.table_writer(t) for n, t in tables.items()}
    output.write_files(files, overwrite=overwrite)
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
            f"The folder of a study must hold no table of another one; '{folder}' has "
            f"{listed(left)}, which would not be written. Remove it, or choose another folder."
        )


@grouped
def fit(
    *,
    model: ModelName,
    source: StudyOptions,
    simulated: Simulated = False,
    change: VariantOptions,
    covariates: Annotated[
        list[str] | None, several('Formula of a parameter: "learning_rate=group + age".')
    ] = None,
    method: Annotated[
        str, typer.Option(help="nuts samples; laplace and map are quick and approximate.")
    ] = "nuts",
    population: Annotated[
        str | None, typer.Option(help="normal, or student_t for people far from all others.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Drawn and recorded unless given.", min=0)
    ] = None,
    draws: DrawsPerChain = None,
    max_draws: MaxDraws = 5000,
    tune: Tune = 1000,
    chains: Chains = 4,
    cores: Annotated[int | None, typer.Option(help="All unless given.", min=1)] = None,
    target_accept: TargetAccept = None,
    out: Annotated[
        Path | None, typer.Option(help="File of the fit (.nc or .zarr).  [default: MODEL.nc]")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Keep draws here (.zarr) as they come, and go on from them.")
    ] = None,
) -> None:
    """Fit a model to a study and write the fit to a file.

    A fit with --store that was stopped goes on with the same command; the other commands read the
    draws that are there. In the end the store is the file of the fit.
    """
    changed = changed_model(model, change)
    given = given_study(source, simulated=simulated)
    file = out or store or Path(re.sub(r"[^\w.=-]+", "-", changed.label).strip("-") + ".nc")
    settings: dict[str, Any] = {"covariates": pairs(covariates, "covariates"), "seed": seed}
    settings |= {
        "draws": draws,
        "max_draws": max_draws,
        "population": population,
        "tune": tune,
        "chains": chains,
        "cores": cores,
    }
    settings |= {"target_accept": target_accept, "method": method, "store": store}
    _fit(changed, given, file, settings)


def _fit(model: Model, study: Study, file: Path, settings: dict[str, Any]) -> None:
    import empathymodels as em
    from empathymodels.inference.fit_files import check_target

    if file != settings["store"]:
        check_target(file)
    output.check_place(file)
    try:
        fitted = em.fit(model, study, **settings)
    except KeyboardInterrupt as stopped:
        tell(f"Interrupted. {stopped}" if stopped.args else "Interrupted; nothing is written.")
        raise
    if file != settings["store"]:
        em.save(fitted, file)
    call = ["empathymodels", "check", str(file)]
    if model.name not in em.list_models():
        call += ["--model", model.source]
    tell(f"Wrote {file}\nNext: {shlex.join(call)}")


def demo(
    out: Annotated[Path, typer.Option(help="Folder for all results.")] = Path("empathymodels-demo"),
    seed: int = 1,
    overwrite: Overwrite = False,
) -> None:
    """Fit, check and compare two models of a bundled study.

    Writes all tables and figures, and says what they show.
    """
    from empathymodels.cli.demo import demo as run

    run(out, seed=seed, overwrite=overwrite)
