"""Commands about models: list, card, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from empathymodels.catalog import get_model, list_models
from empathymodels.cli import output
from empathymodels.cli.options import ModelName


def list_() -> None:
    """List the built-in models."""
    models = list_models()
    width = max(map(len, models))
    for name, title in models.items():
        typer.echo(f"{name:{width}}  {title}")


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


def verify(
    file: Annotated[str, typer.Argument(help="Your model file, or the name of a model.")],
) -> None:
    """Test a model file: declarations, gradient, simulator.

    Exit code 1 if something failed.
    """
    import empathymodels as em

    table = em.verify(file)
    output.put_out(table, None)
    output.end(table)
