"""How many people each model describes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from empathymodels.arguments import checked_arguments
from empathymodels.messages import words
from empathymodels.plots.style import (
    COLOURS,
    DARK,
    GREY,
    SMALL,
    label_axes,
    letter_by_letter,
    panels,
    refuse_other_table,
)


@letter_by_letter
@checked_arguments
def plot_selection(table: pd.DataFrame) -> Figure:
    """Show how frequent models are among people, and which is the most frequent one.

    Parameters
    ----------
    table : DataFrame
        Result of `select`, or one of its tables of families or of ``same_model``.

    Returns
    -------
    Figure
        Left: expected frequencies with their intervals; the dashed line is where all are equally
        frequent. Right: exceedance probabilities, protected (bar) and not (mark). The title
        tells the omnibus risk. Models of whose fits one did not converge are marked.

    Raises
    ------
    ValueError
        Another table.

    Examples
    --------
    >>> import pandas as pd
    >>> import empathymodels as em
    >>> table = pd.DataFrame({"learning": [-40.0, -38.0, -51.0], "static": [-47.0, -45.0, -49.0]})
    >>> table.attrs["evidence"] = "-BIC/2"
    >>> figure = em.plot_selection(em.select(table))
    """
    refuse_other_table(table, "em.select(evidences)", ["protected_exceedance"], "prob")
    figure, (left, right) = panels(2, width=3.6, height=1.0 + 0.4 * len(table))
    place = np.arange(len(table))[::-1]
    left.axvline(1 / len(table), color=GREY, linewidth=1, linestyle="--")
    left.hlines(place, table["hdi_low"], table["hdi_high"], color=COLOURS[0], linewidth=2)
    left.plot(table["frequency"], place, "o", color=DARK, markersize=5)
    left.set_yticks(place, _names(table), fontsize=SMALL)
    right.barh(place, table["protected_exceedance"], height=0.5, color=COLOURS[0])
    right.plot(table["exceedance"], place, "|", color=DARK, markersize=12)
    right.set_yticks(place, [""] * len(table))
    prob, risk = 100 * table.attrs["prob"], table.attrs["omnibus_risk"]
    label_axes(
        left,
        x=f"share of people ({prob:g} % interval; dashed: all equally frequent)",
        title="how many people each describes",
    )
    label_axes(
        right,
        x="probability of being the most frequent (bar: protected; mark: not)",
        title=f"the most frequent one (risk that all are equally frequent: {risk:.2f})",
    )
    for panel in (left, right):
        panel.set_xlim(0, 1.02)
        panel.set_ylim(-0.6, len(table) - 0.4)
    return figure


def _names(table: pd.DataFrame) -> list[str]:
    converged = table["converged"] if "converged" in table else [True] * len(table)
    pairs = zip(table.index, converged, strict=True)
    return [words(str(name)) + ("" if is_fine else "\nnot converged") for name, is_fine in pairs]
