"""Which model predicts better."""

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
def plot_compare(table: pd.DataFrame) -> Figure:
    """Show which model predicts better, and by how much compared with the uncertainty.

    Parameters
    ----------
    table : DataFrame
        Result of `compare`.

    Returns
    -------
    Figure
        Left: difference in expected log predictive density to the best model, with 1 (thick)
        and 2 (thin) standard errors of the difference; fits that did not converge are marked.
        Right: stacking weights.

    Examples
    --------
    >>> import empathymodels as em
    >>> table = em.compare({"learning": fit, "static": static_fit})  # doctest: +SKIP
    >>> em.plot_compare(table)  # doctest: +SKIP
    """
    refuse_other_table(table, "em.compare(fits)", ["elpd_diff", "dse", "weight"], "unit")
    figure, (left, right) = panels(2, width=3.6, height=1.0 + 0.4 * len(table))
    place = np.arange(len(table))[::-1]
    # differences are shown as "this model minus the best", whatever sign the table has
    difference = -table["elpd_diff"].abs().to_numpy(float)
    error = table["dse"].to_numpy(float)
    left.axvline(0, color=GREY, linewidth=1, linestyle="--")
    for errors, thickness in ((2, 1.0), (1, 3.0)):
        ends = (difference - errors * error, difference + errors * error)
        left.hlines(place, *ends, color=COLOURS[0], linewidth=thickness)
    left.plot(difference, place, "o", color=DARK, markersize=5)
    numbers = [
        "best",
        *(f"{d:,.1f} ± {e:,.1f}" for d, e in zip(difference[1:], error[1:], strict=True)),
    ]
    poor = table.attrs.get("not_converged", {})
    names = [
        f"{words(str(name))}\n{text}" + ", not converged" * (name in poor)
        for name, text in zip(table.index, numbers, strict=True)
    ]
    left.set_yticks(place, names, fontsize=SMALL)
    left.locator_params(axis="x", nbins=4)
    left.xaxis.set_major_formatter("{x:,.0f}" if abs(difference).max() >= 10 else "{x:g}")
    right.barh(place, table["weight"].to_numpy(float), height=0.5, color=COLOURS[0])
    right.set_yticks(place, [""] * len(table))
    right.set_xlim(0, 1.02)
    unit = {"future": "later block"}.get(table.attrs.get("unit"), table.attrs.get("unit", "trial"))
    label_axes(
        left,
        x="expected log predictive density minus the best model's (1 and 2 standard errors)",
        title=f"prediction, one {unit} at a time",
    )
    label_axes(right, x="in the best mixture", title="stacking weight")
    for panel in (left, right):
        panel.set_ylim(-0.6, len(table) - 0.4)
    return figure
