"""Estimated against true parameters of one simulated study, or of many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from empathymodels.arguments import checked_arguments
from empathymodels.inference.fits import arrangement_of, checked_fit
from empathymodels.messages import listed, words
from empathymodels.plots.style import (
    COLOURS,
    GREY,
    PROBS,
    SMALL,
    letter_by_letter,
    panels,
    refuse_other_table,
    says_method,
)
from empathymodels.recovery.coverage import is_informative
from empathymodels.results.against_truth import against_truth
from empathymodels.results.estimates import estimates

COLUMNS = 3


@checked_arguments
def plot_recovery(source: xr.DataTree | pd.DataFrame, truth: pd.DataFrame | None = None) -> Figure:
    """Show estimated against true parameters of one simulated study, or of many.

    Parameters
    ----------
    source : DataTree or DataFrame
        Fit of a simulated study, or the result of `recover`.
    truth : DataFrame, optional
        For a fit: one row per participant; columns ``participant`` and ``name`` or
        ``name[level]``, as for `simulate`. Parameters of items are not shown.

    Returns
    -------
    Figure
        One panel per participant-level parameter. Of one study: posterior medians with 90 %
        highest-density intervals against true values, the line of equality, and in the title
        the correlation r and the share of true values inside their interval. The last panel:
        population-level parameters, as distance from the truth in posterior standard
        deviations. Of many: posterior means of everybody in all replicates, with correlation and
        90 % coverage; then the coverage of every parameter, and of all means and all spreads
        together, with two standard errors, and the middle 90 % of what estimates were off, in
        posterior standard deviations. Names of parameters whose chains did not mix are grey.

    Raises
    ------
    KeyError
        `truth` holds none of the fit's parameters.
    TypeError
        A fit without its truth.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_recovery(fit, true_parameters)  # doctest: +SKIP
    >>> em.plot_recovery(em.recover(model, study))  # doctest: +SKIP
    """
    if isinstance(source, pd.DataFrame):
        refuse_other_table(source, "em.recover(model, study)", ["whose"], "replicates")
        return _of_many(source)
    if truth is None:
        raise TypeError(
            "A fit is shown against its true values; found none. Give the table that simulate() "
            "returned, or the result of recover() alone."
        )
    checked_fit(source)
    if "participant" not in truth:
        raise KeyError(
            "True values must have a column 'participant', and one for each parameter; found "
            f"{listed(truth, 5)}. Give the table that simulate() returned."
        )
    return _of_one(source, truth)


@says_method
def _of_one(fit: xr.DataTree, truth: pd.DataFrame) -> Figure:
    arrangement = arrangement_of(fit)
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


@letter_by_letter
def _of_many(table: pd.DataFrame) -> Figure:
    found = table.attrs["replicates"]
    people = table[table["whose"] != "population"]
    columns = min(COLUMNS, max(len(people), 2))
    rows = -(-len(people) // columns)
    heights = [*[2.6] * rows, 1.0 + 0.17 * len(table)]
    figure, axes = panels(columns * (rows + 1), columns=columns, width=2.8, height=heights)
    for panel, row in zip(axes, people.to_dict("records"), strict=False):
        _add_everybody(panel, row, found.isel(quantity=found["label"] == row["parameter"]))
    coverage, distance = axes[columns * rows : columns * rows + 2]
    _add_coverage(coverage, table)
    _add_distances(distance, table, found)
    distance.set_ylim(coverage.get_ylim())  # parameters beside each other
    for unused in [*axes[len(people) : columns * rows], *axes[columns * rows + 2 :]]:
        unused.remove()
    return figure


def _add_everybody(panel: Axes, row: dict[str, Any], one: xr.Dataset) -> None:
    true, mean = one["true"].to_numpy().ravel(), one["mean"].to_numpy().ravel()
    low, high = np.nanmin([true, mean]), np.nanmax([true, mean])
    panel.plot([low, high], [low, high], color=GREY, linewidth=1, zorder=0)
    panel.plot(true, mean, "o", color=COLOURS[0], markersize=2, alpha=0.3, markeredgewidth=0)
    r = "" if np.isnan(row["correlation"]) else f"r = {row['correlation']:.2f}, "
    title = f"{words(row['parameter'])}\n{r}{row['coverage_90']:.0%} inside 90 %"
    panel.set_title(title, fontsize=SMALL, loc="left")
    panel.set_xlabel("true", fontsize=SMALL)
    panel.set_ylabel("posterior mean", fontsize=SMALL)


def _add_coverage(panel: Axes, table: pd.DataFrame) -> None:
    pooled = table.attrs["pooled"]
    pooled = pooled[pooled["kind"].isin(["means", "spreads"])]
    together = pooled.assign(parameter="all " + pooled["kind"], mixed=1.0)
    single, table = len(table), pd.concat([table, together], ignore_index=True)
    place = single - 1 - np.arange(len(table))
    for prob, colour in ((0.5, COLOURS[1]), (0.9, COLOURS[0])):
        share, error = (table[f"coverage_{prob:.0%}".rstrip("%") + end] for end in ("", "_se"))
        panel.axvline(prob, color=colour, linewidth=1, linestyle="--", zorder=0)
        panel.hlines(place, share - 2 * error, share + 2 * error, color=colour, alpha=0.5)
        text = f"{prob * 100:.0f} %"
        panel.plot(share, place, "o", color=colour, markersize=3, label=text)
    # beside the title, since rows fill the panel
    room: dict[str, Any] = dict(
        loc="lower right", bbox_to_anchor=(1.05, 0.99), borderpad=0, columnspacing=0.6
    )
    panel.legend(ncols=2, fontsize=SMALL - 1, frameon=False, handletextpad=0, **room)
    panel.set_xlim(-0.03, 1.03)
    panel.set_yticks(place, [words(name) for name in table["parameter"]], fontsize=SMALL - 2)
    for label, is_clear in zip(panel.get_yticklabels(), is_informative(table), strict=True):
        label.set_color("black" if is_clear else GREY)
    panel.set_ylim(place.min() - 0.7, single - 0.3)
    panel.set_title("coverage", fontsize=SMALL, loc="left")
    text = "true values in the 50 % and 90 %\nintervals (2 standard errors)"
    if not is_informative(table).all():
        text += "\ngrey: not informative, chains did not mix"
    panel.set_xlabel(text, fontsize=SMALL)


def _add_distances(panel: Axes, table: pd.DataFrame, found: xr.Dataset) -> None:
    place = np.arange(len(table))[::-1]
    distance = ((found["mean"] - found["true"]) / found["sd"]).groupby("label")
    low, mid, high = (
        distance.quantile(q, ...).sel(label=table["parameter"].to_numpy())
        for q in (0.05, 0.5, 0.95)
    )
    panel.axvline(0, color=GREY, linewidth=1, zorder=0)
    panel.hlines(place, low, high, color=COLOURS[0], alpha=0.5)
    panel.plot(mid, place, "o", color=COLOURS[0], markersize=3)
    panel.set_yticks(place, [""] * len(table))
    panel.set_title("estimated minus true", fontsize=SMALL, loc="left")
    panel.set_xlabel("posterior standard deviations\n(median, middle 90 %)", fontsize=SMALL)


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
