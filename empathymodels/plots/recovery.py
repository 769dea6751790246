"""Estimated against true parameters of a simulated study."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from empathymodels.estimating import estimates
from empathymodels.evaluating import evaluator
from empathymodels.fitting import model_of, study_of
from empathymodels.plots.style import (
    COLOURS,
    GREY,
    PROBS,
    SMALL,
    panels,
    says_method,
    words,
)
from empathymodels.recovering import against_truth


@says_method
def plot_recovery(fit: xr.DataTree, truth: pd.DataFrame) -> Figure:
    """Show estimated against true parameters of a simulated study.

    Parameters
    ----------
    fit : DataTree
        Fit of the simulated study.
    truth : DataFrame
        One row per participant; columns ``participant`` and ``name`` or ``name[level]``, as
        for `simulate`. Parameters of items are not shown.

    Returns
    -------
    Figure
        One panel per participant-level parameter: posterior medians with 90 %
        highest-density intervals against true values, the line of equality, and in the title
        the correlation r and the share of true values inside their interval. The last panel:
        population-level parameters, as distance from the truth in posterior standard
        deviations.

    Raises
    ------
    KeyError
        `truth` holds none of the fit's parameters.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_recovery(fit, true_parameters)  # doctest: +SKIP
    """
    arrangement = evaluator(model_of(fit), study_of(fit)).arrangement
    table = against_truth(estimates(fit, prob=PROBS[0]), truth, arrangement)
    people = table[table["level_of"] == "participant"]
    population = table[table["level_of"] == "population"]
    figure, axes = panels(people["column"].nunique() + (len(population) > 0), width=2.8, height=2.8)
    groups = people.groupby("column", sort=False)
    for panel, (column, rows) in zip(axes, groups, strict=False):
        _add_recovered(panel, str(column), rows)
    if len(population):
        _add_population_recovery(axes[-1], population)
    return figure


def _add_recovered(panel: Axes, column: str, rows: pd.DataFrame) -> None:
    ends = rows[["true", "hdi_low", "hdi_high"]].to_numpy()
    low, high = np.nanmin(ends), np.nanmax(ends)
    panel.plot([low, high], [low, high], color=GREY, linewidth=1, zorder=0)
    panel.vlines(rows["true"], rows["hdi_low"], rows["hdi_high"], color=COLOURS[0], alpha=0.35)
    panel.plot(rows["true"], rows["median"], "o", color=COLOURS[0], markersize=3.5)
    inside = rows["true"].between(rows["hdi_low"], rows["hdi_high"])
    varies = rows["true"].nunique() > 1
    r = f"r = {rows['true'].corr(rows['median']):.2f}, " if varies else ""
    title = f"{words(column)}\n{r}{inside.sum()} of {len(rows)} inside"
    panel.set_title(title, fontsize=SMALL, loc="left")
    panel.set_xlabel("true", fontsize=SMALL)
    panel.set_ylabel("estimated, 90 % interval", fontsize=SMALL)


def _add_population_recovery(panel: Axes, rows: pd.DataFrame) -> None:
    place = np.arange(len(rows))[::-1]
    ends = [(rows[name] - rows["true"]) / rows["sd"] for name in ("hdi_low", "median", "hdi_high")]
    panel.axvline(0, color=GREY, linewidth=1, zorder=0)
    panel.hlines(place, ends[0], ends[2], color=COLOURS[0], alpha=0.5)
    panel.plot(ends[1], place, "o", color=COLOURS[0], markersize=4)
    panel.set_yticks(place, [words(column) for column in rows["column"]], fontsize=SMALL)
    panel.set_ylim(-0.7, len(rows) - 0.3)
    panel.set_title("population\n90 % intervals", fontsize=SMALL, loc="left")
    panel.set_xlabel("estimated minus true\n(posterior standard deviations)", fontsize=SMALL)
