"""Commands about fits: check, predict, estimates, latents, compare, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from empathymodels.cli import output
from empathymodels.cli.input import given_study, load_fit, load_fits
from empathymodels.cli.options import (
    Draws,
    FitFile,
    ModelFile,
    Overwrite,
    Seed,
    Simulated,
    StudyOptions,
    TableFile,
    grouped,
    several,
)
from empathymodels.messages import counted
from empathymodels.terminal import put, tell


def check(
    fit: FitFile,
    model: ModelFile = None,
    out: TableFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Check the sampling and the predictions of a fit.

    Exit code 1 if something failed.
    """
    import empathymodels as em

    output.check_target(out, output.TABLE, overwrite=overwrite)
    table = em.check(load_fit(fit, model))
    output.put_out(table, out, overwrite=overwrite)
    output.end(table)


@grouped
def predict(
    *,
    fit: FitFile,
    seed: Seed,
    out: Annotated[
        Path | None, typer.Option(help="A row per value (.csv, .tsv), or all draws (.nc).")
    ] = None,
    source: StudyOptions,
    simulated: Simulated = False,
    kind: Annotated[str, typer.Option(help="one_step_ahead or simulation.")] = "one_step_ahead",
    draws: Draws = 400,
    figure: Annotated[
        Path | None, typer.Option(help="Draw data and predictions: .png, .pdf or .svg.")
    ] = None,
    response: Annotated[str | None, typer.Option(help="Response of the figure.")] = None,
    by: Annotated[str | None, typer.Option(help="Column with a panel per level.")] = None,
    x: Annotated[str | None, typer.Option(help="Column on its horizontal axis.")] = None,
    model: ModelFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Predict responses of the same or of other people.

    They are those of the fit, unless you give another study.

    A table has, per predicted value, its keys, `response`, `observed` and, over draws, `mean`,
    `sd`, `q05` and `q95` (the central 90 % interval).
    """
    import empathymodels as em

    inputs = (fit, *source.files.values())
    output.check_target(out, (*output.TABLE, *output.TREE), *inputs, overwrite=overwrite)
    output.check_target(figure, output.FIGURE, overwrite=overwrite)
    has_study = source.are_given or simulated
    _check_figure(figure, response, by or x, out, is_own=not has_study and kind == "one_step_ahead")
    fitted = load_fit(fit, model)
    other = given_study(source, simulated=simulated) if has_study else None
    results: dict[Path, output.Writer] = {}
    if figure is not None and response is not None:
        drawn = em.plot_predictions(fitted, response, by=by, x=x, draws=draws, seed=seed)
        results[figure] = output.figure_writer(drawn)
    if out is not None:
        tree = em.predict(fitted, other, kind=kind, draws=draws, seed=seed)  # type: ignore[arg-type]
        tell(f"{out.name}: {tree.attrs['prediction']}")
        results[out] = output.writer_of(tree, out, output.predicted_table)
    output.write_files(results, overwrite=overwrite)


def _check_figure(
    figure: Path | None, response: str | None, column: str | None, out: Path | None, *, is_own: bool
) -> None:
    if figure is None and out is None:
        raise ValueError("Predictions need a place to go: --out FILE, --figure FILE, or both.")
    if figure is None and (response or column):
        raise ValueError(
            "--response, --by and --x are for --figure FILE. Add it, or leave them out."
        )
    if figure is not None and response is None:
        raise ValueError("A figure shows one response of the model. Name it: --response NAME.")
    if figure is not None and not is_own:
        raise ValueError(
            "A figure shows the fit's own study, predicted one step ahead; found another study or "
            "--kind simulation. Leave --figure out, or ask for both separately."
        )


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
    overwrite: Overwrite = False,
) -> None:
    """Print what was inferred of the population.

    The file of --out also has every participant's values, with their shrinkage.
    """
    import empathymodels as em

    output.check_target(out, output.TABLE, overwrite=overwrite)
    output.check_target(figure, output.FIGURE, overwrite=overwrite)
    if not 0 < prob < 1:
        raise ValueError(f"--prob must lie between 0 and 1; found {prob:g}. Give for example 0.9.")
    fitted = load_fit(fit, model)
    table = em.estimates(fitted, prob=prob)
    results: dict[Path, output.Writer] = {}
    if out is not None:
        results[out] = output.table_writer(table)
    if figure is not None:
        results[figure] = output.figure_writer(em.plot_parameters(fitted))
    output.write_files(results, overwrite=overwrite)
    of_people = table.reindex(columns=["shrinkage"])["shrinkage"].notna()
    output.show_table(table[~of_people].dropna(axis=1, how="all"))
    if out is None and of_people.any():
        hidden = counted(int(of_people.sum()), "row")
        tell(f"Not shown: {hidden} of participants or items. Write them with --out estimates.csv")


def latents(
    fit: FitFile,
    out: Annotated[
        Path, typer.Option(help="Mean and sd per trial (.csv, .tsv), or all draws (.nc).")
    ],
    draws: Draws = 400,
    model: ModelFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Write the latents of every trial.

    For example as regressors of brain images.

    A table has, per trial, its keys and `<latent>_mean` and `<latent>_sd` over draws; a TSV has
    n/a where a latent is missing, as in BIDS.
    """
    import empathymodels as em

    output.check_target(out, (*output.TABLE, *output.TREE), fit, overwrite=overwrite)
    found = em.latents(load_fit(fit, model), draws=draws)
    if not found.data_vars:
        raise ValueError(
            f"Latents need a model that has some; the model of '{fit}' has none. "
            "Its predictions may help: empathymodels predict."
        )
    writer = output.writer_of(found, out, output.latent_table)
    output.write_files({out: writer}, overwrite=overwrite)


def compare(
    fits: Annotated[list[Path], typer.Argument(help="Files that `fit` wrote, at least two.")],
    unit: Annotated[
        Literal["trial", "participant", "future"],
        typer.Option(help="What is predicted: more of the same people, new people, or later."),
    ] = "trial",
    response: Annotated[str | None, typer.Option(help="Compare on this response only.")] = None,
    refit: Annotated[bool, typer.Option(help="Fit again where that is needed.")] = False,
    folds: Annotated[int | None, typer.Option(help="Leave out people in groups.")] = None,
    from_block: Annotated[
        int | None, typer.Option(help="First block that is predicted, for later ones.")
    ] = None,
    model: Annotated[
        list[Path] | None, several("File of the model, for fits of models of yours.", "FILE.py")
    ] = None,
    out: TableFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare fits by how well they predict, best first."""
    import empathymodels as em

    output.check_target(out, output.TABLE, overwrite=overwrite)
    loaded = load_fits(_names(fits), model or [])
    table = em.compare(
        loaded, unit=unit, response=response, refit=refit, folds=folds, from_block=from_block
    )
    output.put_out(table, out, overwrite=overwrite)
    put(table.attrs["reading"])


def report(
    fits: Annotated[list[Path], typer.Argument(help="Files that `fit` wrote.")],
    out: Annotated[Path, typer.Option(help="The page: .html.")] = Path("report.html"),
    question: Annotated[str, typer.Option(help="What the analysis asks, in words.")] = "",
    model: Annotated[
        list[Path] | None, several("File of the model, for fits of models of yours.", "FILE.py")
    ] = None,
) -> None:
    """Write one page about fits, for paper and screen.

    It holds the model, the data, diagnostics, estimates, predictive checks, the comparison of
    several fits, and the methods section that a paper needs. It loads nothing from a network.
    """
    import empathymodels as em

    output.check_target(out, output.PAGE, *fits, overwrite=True)  # report() keeps what is none
    written = em.report(load_fits(_names(fits), model or []), out, question=question)
    tell(f"Wrote {written}")


def _names(files: list[Path]) -> dict[str, Path]:
    """Name every file by its stem, or by its path where stems repeat."""
    stems = [file.stem for file in files]
    return {f.stem if stems.count(f.stem) == 1 else str(f): f for f in files}
