"""Figures of a report: drawn by the package's own plots, and put into the page as pictures."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from empathymodels.layout.arrangement import Arrangement
from empathymodels.plots.comparison import plot_compare
from empathymodels.plots.correlations import plot_correlations
from empathymodels.plots.motives import plot_motives
from empathymodels.plots.parameters import plot_parameters
from empathymodels.plots.predictions import plot_predictions, plot_statistics
from empathymodels.reporting import captions
from empathymodels.reporting.captions import Caption

# outlines in place of fonts that a reader may lack
LOOK: dict[Any, Any] = {"svg.fonttype": "path", "svg.hashsalt": "report"}
PIXELS = 96 / 72  # of a page, per point of a figure


@dataclass(frozen=True)
class Picture:
    """A figure as part of a page.

    Attributes
    ----------
    source : str
        The drawing itself, as an address that holds it. A drawing that is shown as a picture
        runs nothing and loads nothing.
    width, height : int
        Its size in pixels of the page.
    says : str
        What is seen, for those who do not see it.
    caption : str
        What to know to read it.
    """

    source: str
    width: int
    height: int
    says: str
    caption: str


def picture(draw: Callable[[], Figure], caption: Caption) -> Picture:
    """Return what a function draws as a picture."""
    with plt.rc_context(LOOK):
        figure, drawn = draw(), BytesIO()
        figure.savefig(drawn, format="svg", bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)
    opening = drawn.getvalue()[:2000].decode("utf-8", "ignore")
    width, height = (
        round(PIXELS * float(re.search(rf'\b{side}="([\d.]+)pt"', opening)[1]))  # type: ignore[index]
        for side in ("width", "height")
    )
    source = "data:image/svg+xml;base64," + b64encode(drawn.getvalue()).decode("ascii")
    return Picture(source, width, height, caption.says, caption.reads)


def of_parameters(fit: xr.DataTree, arrangement: Arrangement) -> Iterator[Picture]:
    """Yield the figures of what was inferred."""
    if any(p.motive is not None and p.fixed is None for p in arrangement.parameters):
        yield picture(lambda: plot_motives(fit), captions.MOTIVES)
    yield picture(lambda: plot_parameters(fit), captions.PARAMETERS)
    if "correlation" in fit["posterior"]:
        yield picture(lambda: plot_correlations(fit), captions.CORRELATIONS)


def of_predictions(
    fit: xr.DataTree, arrangement: Arrangement, *, draws: int, seed: int
) -> Iterator[Picture]:
    """Yield the figures of predictions beside the data."""
    for name in arrangement.scored:
        yield picture(
            lambda name=name: plot_predictions(fit, name, seed=seed),  # type: ignore[misc]
            captions.of_predictions(name),
        )
    try:
        yield picture(lambda: plot_statistics(fit, draws=draws, seed=seed), captions.STATISTICS)
    except ValueError:  # the model declares no feature of these responses
        return


def of_comparison(comparison: pd.DataFrame) -> Picture:
    """Return the figure of a comparison."""
    return picture(lambda: plot_compare(comparison), captions.COMPARISON)
