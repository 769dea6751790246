"""The command that opens the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

KEPT = "Where analyses are kept: a folder of its own, which you alone may read from then on."

MODEL = "A model of your own, a .py file: it is offered beside the others, and run. Once per model."


def app_(
    folder: Annotated[Path, typer.Option(help=KEPT, file_okay=False)] = Path("empathymodels-app"),
    port: Annotated[
        int, typer.Option(help="Port of this machine's loopback address; a free one if 0.", min=0)
    ] = 0,
    model: Annotated[list[Path] | None, typer.Option(help=MODEL, dir_okay=False)] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Open a page for analyses without Python, in the browser of this machine.

    It answers this machine alone. Analyses are kept in a folder: what was under way when the page
    was stopped goes on when it is started again. Needs the extra app.
    """
    from empathymodels.app.serve import serve

    serve(folder, port=port, opens_browser=browser, models=model or ())
