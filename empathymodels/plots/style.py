"""What the plots share: panels, colours, words for axes, and bands of uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from textwrap import fill
from typing import Any, Concatenate

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Parameter, Response
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.inference.fits import marked, method_of
from empathymodels.messages import counted, drawable, listed, words

# Okabe & Ito (2008), readable with every common colour vision, without yellow (too pale for lines)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DARK, GREY = "#222222", "#8A8A8A"
PROBS = (0.9, 0.5)  # mass of the bands and intervals, widest first
TEXT, SMALL = 9, 8  # points; legible at the width of a page
NARROWEST = 4.8  # inches of a whole figure; room for the key below the panels
ROUND: dict[str, Any] = {"nbins": 6, "steps": [1, 2, 5, 10]}  # ticks at trials 5, 10, 15, ...


def panels(
    number: int,
    *,
    columns: int = 3,
    width: float = 3.0,
    height: float | Sequence[float] = 2.5,
    share: bool = False,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with a grid of panels, and the panels.

    Sizes are in inches; `height` may differ by row.

    The figure is known to its receiver only: a notebook shows it once, as the value of its
    cell, and no window opens elsewhere.
    """
    columns = min(columns, number)
    width = max(width, NARROWEST / columns)
    rows = -(-number // columns)
    heights = [height] * rows if isinstance(height, int | float) else list(height)
    with plt.ioff():
        figure, grid = plt.subplots(
            rows,
            columns,
            figsize=(width * columns, sum(heights)),
            height_ratios=heights,
            squeeze=False,
            sharey=share,
            layout="constrained",
        )
    plt.close(figure)
    axes = list(grid.ravel())
    for unused in axes[number:]:
        unused.remove()
    for panel in axes[:number]:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=SMALL)
    return figure, axes[:number]


def colours_of(levels: Iterable[Any]) -> dict[Any, str]:
    """Return a colour per level, blue for a single one."""
    return {level: COLOURS[i % len(COLOURS)] for i, level in enumerate(levels)}


def label_axes(panel: Axes, *, x: str = "", y: str = "", title: str = "", width: int = 42) -> None:
    """Write those of axis labels and title that are given, wrapped to about `width` characters."""
    if x:
        panel.set_xlabel(fill(x, width), fontsize=SMALL)
    if y:
        panel.set_ylabel(fill(y, 36), fontsize=SMALL)
    if title:
        panel.set_title(fill(title, width), fontsize=TEXT, loc="left")


def add_legend(panel: Axes, *, place: Any = "best") -> None:
    """Add a frameless legend to a panel that has labelled drawings."""
    if panel.get_legend_handles_labels()[1]:
        panel.legend(*panel.get_legend_handles_labels(), loc=place, fontsize=SMALL, frameon=False)


KEY_WIDTH, LETTER_WIDTH = 0.5, 0.075  # inches that an entry of a key takes, about


def add_key(figure: Figure, entries: Mapping[str, Artist], *, title: str = "") -> None:
    """Add a legend below all panels, where it covers nothing, in as many rows as it needs."""
    widths = [KEY_WIDTH + LETTER_WIDTH * len(label) for label in entries]
    fits = sum(widths) <= figure.get_figwidth()
    columns = len(entries) if fits else max(1, int(figure.get_figwidth() / max(widths)))
    figure.legend(
        list(entries.values()),
        list(entries),
        title=title or None,
        loc="outside lower center",
        ncols=columns,
        columnspacing=1.4,
        handlelength=1.6,
        fontsize=SMALL,
        title_fontsize=SMALL,
        frameon=False,
    )


PREDICTED_KEY: dict[str, Artist] = {
    "predicted: median": Line2D([], [], color=GREY, linewidth=1.5),
    "50 %": Patch(color=GREY, alpha=0.5, linewidth=0),
    "90 %": Patch(color=GREY, alpha=0.22, linewidth=0),
    "observed": Line2D([], [], color=DARK, marker="o", markersize=4, linestyle=""),
}


def with_unit(text: str, unit: str) -> str:
    """Return a label with its unit in brackets, where it has one."""
    return f"{text} ({unit})" if unit else text


def parameter_label(model: Model, parameter: Parameter) -> str:
    """Return the meaning of a parameter with the unit of its natural scale."""
    response = next((r for r in model.observables if r.name == parameter.scale_of), None)
    unit = response.unit if response else parameter.unit or SUPPORTS[parameter.support].span
    return with_unit(parameter.meaning, unit)


def response_label(model: Model, name: str) -> str:
    """Return the meaning of a response with its unit."""
    response = model.response(name)
    return with_unit(response.meaning or words(name), response.unit)


def mean_label(model: Model, name: str) -> str:
    """Return what the mean of a response is: of 0 and 1, the share of what 1 stands for."""
    response = model.response(name)
    if not is_binary(response):
        return f"mean {response_label(model, name)}"
    return with_unit(f"share of {words(name)}", response.meaning.partition(";")[0])


def is_binary(response: Response) -> bool:
    """Whether a response is 0 or 1, so that its mean is a share."""
    return response.levels == (0, 1)


def column_label(model: Model, name: str) -> str:
    """Return name, meaning and unit of a column; the name alone of one that is not declared."""
    column = next((c for c in model.columns if c.name == name), None)
    if column is None:
        return words(name)
    return with_unit(f"{words(name)}: {column.meaning}", column.unit)


def level_label(column: str, level: Any) -> str:
    """Return "partner group: out"."""
    return f"{words(column)}: {level}"


# ------------------------------------------------------------------------- uncertainty


def interval(draws: np.ndarray, prob: float) -> np.ndarray:
    """Return the lower and upper end of the central interval over the last dim."""
    return np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2], axis=-1)


def add_band(panel: Axes, x: Sequence[float] | np.ndarray, draws: np.ndarray, colour: str) -> None:
    """Draw the median of draws (x, draw) with bands of 90 % and 50 % around it."""
    for prob, shade in zip(PROBS, (0.18, 0.3), strict=True):
        low, high = interval(draws, prob)
        panel.fill_between(x, low, high, color=colour, alpha=shade, linewidth=0)
    panel.plot(x, np.median(draws, axis=-1), color=colour, linewidth=1.5)


def add_boxes(
    panel: Axes, x: np.ndarray, draws: np.ndarray, colour: str, *, width: float | np.ndarray
) -> None:
    """Draw the median of draws (x, draw) with boxes of 90 % and 50 %, for places apart."""
    panel.use_sticky_edges = False  # a box that ends the axis would look cut off
    for prob, shade in zip(PROBS, (0.18, 0.3), strict=True):
        low, high = interval(draws, prob)
        panel.bar(x, high - low, width, bottom=low, color=colour, alpha=shade, linewidth=0)
    medians = np.median(draws, axis=-1)
    panel.hlines(medians, x - width / 2, x + width / 2, color=colour, linewidth=1.5)


def groups_of(
    values: pd.Series, bins: int, *, apart: int = 0, levels: Sequence[Any] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of each value on an axis of at most `bins` groups, and their centres.

    Few different numbers (`bins`, or `apart` if that is more) are groups of their own; others
    are cut into groups of about equal size, each at its mean. Labels stand in the order of
    `levels`, one step apart.
    """
    if not pd.api.types.is_numeric_dtype(values):
        return pd.Index(levels).get_indexer(values), np.arange(len(levels), dtype=float)
    numbers = values.to_numpy(dtype=float)
    if len(np.unique(numbers)) > max(bins, apart):
        numbers_or_groups = pd.qcut(numbers, bins, labels=False, duplicates="drop")
    else:
        numbers_or_groups = numbers
    codes = np.unique(numbers_or_groups, return_inverse=True)[1]  # no group is empty
    return codes, group_means(numbers[None], codes)[:, 0]


def group_means(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return means (group, draw) of values (draw, row) over the rows of each group."""
    member = np.equal.outer(np.arange(codes.max() + 1), codes).astype(float)  # (group, row)
    return member @ values.T / member.sum(axis=1, keepdims=True)


def letter_by_letter[**P](plot: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let a figure draw all labels as they are, whatever matplotlib would make of them."""

    @wraps(plot)
    def drawn(*arguments: P.args, **settings: P.kwargs) -> Figure:
        figure = plot(*arguments, **settings)
        for text in figure.findobj(Text):
            text.set_text(drawable(text.get_text()))
        for axis in (axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)):
            names = [label.get_text() for label in axis.get_ticklabels()]
            if isinstance(axis.get_major_locator(), FixedLocator) and any(names):
                axis.set_ticklabels([drawable(name) for name in names])
        return figure

    return drawn


type FitPlot[**P] = Callable[Concatenate[xr.DataTree, P], Figure]


def says_method[**P](plot: FitPlot[P]) -> FitPlot[P]:
    """Let a figure of a fit say where its posterior is approximate; refuse a fit of one point."""

    @letter_by_letter
    @wraps(plot)
    def drawn(fit: xr.DataTree, *arguments: P.args, **settings: P.kwargs) -> Figure:
        method = method_of(fit)
        if method == "map":
            raise ValueError(
                "A figure shows uncertainty, and a fit with method='map' has none. Fit with "
                "method='laplace', or sample."
            )
        figure = plot(fit, *arguments, **settings)
        text = marked("posterior", fit)
        if text != "posterior":
            figure.suptitle(text, fontsize="small", color="0.4", x=0.99, ha="right")
        return figure

    return drawn


def refuse_other_table(table: pd.DataFrame, call: str, columns: Iterable[str], attrs: str) -> None:
    """Refuse a table that is not what a call returned, with the attributes that it gave."""
    if table.empty or not set(columns) <= set(table) or attrs not in table.attrs:
        raise ValueError(
            f"This figure needs a table as {call} returns it, with its attrs; found "
            f"{counted(len(table), 'row')} and {counted(len(table.columns), 'column')}: "
            f"{listed(table.columns, 5)}. Give that table."
        )
