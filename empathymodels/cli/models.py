"""Commands about models: list, card, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from empathymodels.cli import output
from empathymodels.cli.options import Overwrite
from empathymodels.declaration.catalog import get_model, list_models


def list_() -> None:
    """List the built-in models."""
    models = list_models()
    width = max(map(len, models))
    for name, title in models.items():
        typer.echo(f"{name:{width}}  {title}")


def card(
    model: Annotated[
        str | None, typer.Argument(help="Name of a model, or path of your file; or give --all.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All built-in models, a page each and README.md as index.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write it to this .md file instead; with --all, a folder.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Print a model's card: equations, priors, data, references."""
    if (model is None) == (not every):
        found = "neither" if model is None else f"both '{model}' and --all"
        raise ValueError(
            f"A card is of one model, or with --all of every one; found {found}. Give the name of "
            "a model or the path of its file, or --all --out FOLDER."
        )
    if model is None:
        _write_pages(out, overwrite=overwrite)
        return
    output.check_target(out, output.TEXT, overwrite=overwrite)
    text = str(get_model(model))
    if out is None:
        typer.echo(text)
    else:
        output.write_files({out: output.text_writer(text)}, overwrite=overwrite)


def _write_pages(folder: Path | None, *, overwrite: bool) -> None:
    """Write the cards of all built-in models, and an index of them."""
    from empathymodels.reporting.card import pages

    if folder is None:
        raise ValueError("Cards of --all need a folder to go to; found none. Add --out FOLDER.")
    names = list_models()
    for name in (*names, "README"):
        output.check_target(folder / f"{name}.md", output.TEXT, overwrite=overwrite)
    texts = pages(map(get_model, names))
    files = {folder / file: output.text_writer(text) for file, text in texts.items()}
    output.write_files(files, overwrite=overwrite)


def verify(
    file: Annotated[str, typer.Argument(help="Your model file, or the name of a model.")],
) -> None:
    """Test a model file: declarations, gradient, simulator.

    Exit code 1 if something failed.
    """
    import empathymodels as em

    table = em.verify(file)
    output.put_out(table)
    output.end(table)
