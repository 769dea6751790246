"""Are ranks of true values uniform? Their distribution beside the bands that chance allows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from arviz_stats.ecdf_utils import ecdf_pit
from matplotlib.figure import Figure

from empathymodels.arguments import checked_arguments
from empathymodels.messages import did_you_mean, listed, words
from empathymodels.plots.style import (
    COLOURS,
    GREY,
    SMALL,
    letter_by_letter,
    panels,
    refuse_other_table,
)
from empathymodels.recovery.coverage import is_informative

PROB = 0.95  # that a whole curve of uniform ranks lies in its band
SIMULATIONS = 1000


@letter_by_letter
@checked_arguments
def plot_calibration(table: pd.DataFrame, *, parameters: Sequence[str] | None = None) -> Figure:
    """Show the distribution of ranks of true values, minus a uniform one.

    Parameters
    ----------
    table : DataFrame
        Result of `calibrate`.
    parameters : sequence of str, optional
        Which of its rows to show; all unless given.

    Returns
    -------
    Figure
        One panel per parameter: the cumulative distribution of ranks minus that of uniform ranks,
        in the band in which 95 % of whole curves of uniform ranks lie. A hill means that
        posteriors lie too high, a valley too low; an S that they are too wide or too narrow.
        Grey where chains did not mix, so that the curve is of the sampling.

    Raises
    ------
    KeyError
        A parameter is not in the table.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_calibration(em.calibrate(model, study))  # doctest: +SKIP
    """
    refuse_other_table(table, "em.calibrate(model, study)", ["parameter"], "ranks")
    known = table["parameter"].tolist()
    chosen = known if parameters is None else list(parameters)
    for name in chosen:
        if name not in known:
            raise KeyError(
                f"Parameters must be among those calibrated: {listed(known)}; found '{name}'. "
                "Correct the name." + did_you_mean(name, known)
            )
    figure, axes = panels(len(chosen), columns=4, width=2.2, height=1.9, share=True)
    informative = is_informative(table.set_index("parameter"))
    for panel, name in zip(axes, chosen, strict=True):
        colour = COLOURS[0] if informative[name] else GREY
        ranks = table.attrs["ranks"][name].to_numpy()
        x, ecdf, low, high = ecdf_pit(ranks, PROB, SIMULATIONS)
        panel.fill_between(x, low - x, high - x, color=GREY, alpha=0.25, linewidth=0)
        panel.plot(x, ecdf - x, color=colour, linewidth=1.2, drawstyle="steps-post")
        panel.axhline(0, color=GREY, linewidth=0.8, zorder=0)
        p_value = float(table.loc[table["parameter"] == name, "p_uniform"].iloc[0])
        told = f"p = {p_value:.2g}" if informative[name] else "not informative"
        panel.set_title(f"{words(name)}\n{told}", fontsize=SMALL, loc="left")
    figure.supxlabel("rank of the true value among posterior draws", fontsize=SMALL)
    figure.supylabel("cumulative share minus uniform", fontsize=SMALL)
    return figure
