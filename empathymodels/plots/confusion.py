"""Which model is chosen when which simulated, and the other way round."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from empathymodels.arguments import checked_arguments
from empathymodels.messages import words
from empathymodels.plots.style import (
    DARK,
    SMALL,
    TEXT,
    letter_by_letter,
    panels,
    refuse_other_table,
)


@letter_by_letter
@checked_arguments
def plot_confusion(table: pd.DataFrame) -> Figure:
    """Show how well models can be told apart.

    Parameters
    ----------
    table : DataFrame
        Result of `confuse`.

    Returns
    -------
    Figure
        Left: share of the studies simulated from each model (rows) in which each was chosen
        (columns). Right: how probable it is that each model (rows) simulated, given the one that
        was chosen.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_confusion(em.confuse(models, study))  # doctest: +SKIP
    """
    refuse_other_table(table, "em.confuse(models, study)", [], "inversion")
    size = 1.4 + 0.6 * len(table)
    figure, axes = panels(2, width=size + 0.6, height=size)
    _add_matrix(axes[0], table, "chosen,\ngiven what simulated")
    _add_matrix(axes[1], table.attrs["inversion"], "simulated,\ngiven what was chosen")
    axes[1].set_ylabel("")
    return figure


def _add_matrix(panel: Axes, table: pd.DataFrame, title: str) -> None:
    values = table.to_numpy(float)
    panel.imshow(values, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        text = "" if np.isnan(value) else f"{value:.2f}"
        colour = "white" if value > 0.6 else DARK
        panel.text(column, row, text, ha="center", va="center", color=colour, fontsize=SMALL)
    names = [words(str(name)) for name in table.index]
    panel.set_xticks(range(len(names)), names, fontsize=SMALL, rotation=30, ha="right")
    panel.set_yticks(range(len(names)), names, fontsize=SMALL)
    panel.set_xlabel("chosen", fontsize=SMALL)
    panel.set_ylabel("simulated", fontsize=SMALL)
    panel.set_title(title, fontsize=TEXT, loc="left")
