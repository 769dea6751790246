"""Predictions of a fit against the data: means, distributions, and features of the data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pandas.api.types import is_numeric_dtype

from empathymodels.arguments import checked_arguments
from empathymodels.checks.predictive_statistics import predictive_statistics
from empathymodels.declaration.parts import Response
from empathymodels.inference.fits import arrangement_of, evaluator_of_fit, model_of, thinned
from empathymodels.layout.arrangement import Arrangement, Scored
from empathymodels.layout.levels import levels_among, levels_of
from empathymodels.messages import listed, words
from empathymodels.plots.style import (
    COLOURS,
    DARK,
    PREDICTED_KEY,
    ROUND,
    SMALL,
    add_band,
    add_boxes,
    add_key,
    colours_of,
    column_label,
    group_means,
    groups_of,
    is_binary,
    label_axes,
    level_label,
    mean_label,
    panels,
    response_label,
    says_method,
)
from empathymodels.results.predicted_rows import BLOCKS, column_of, predicted_rows, scored_rows

FEW_VALUES = 40  # a number with at most that many values is not cut into groups
BINS = 16  # groups of a number with more, unless asked for
FEW = 6  # places on an axis up to which nothing is drawn between them
WIDTH = 36  # letters of a wrapped axis label


@says_method
@checked_arguments
def plot_predictions(
    fit: xr.DataTree,
    response: str,
    *,
    by: str | Sequence[str] | None = None,
    x: str | None = None,
    bins: int | None = None,
    draws: int = 200,
    seed: int = 0,
) -> Figure:
    """Show observed means of a response inside the bands that the fit predicts for them.

    Over trials this is a learning curve, over an attribute of choices a choice curve.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    response : str
        A response of the model.
    by : str or two str, optional
        Column (of the response's table, of trials or of participants) with one panel per level.
        Of two columns, levels of the first are rows of panels, and those of the second columns.
    x : str, optional
        Column on the horizontal axis. Unless given it is ``"trial"`` for a model with states,
        and for one without the first of its columns that the response depends on and that
        varies (its trials have no order). ``"trial_in_block"`` is the place of a trial among those
        of its block. A response without trials is shown as histogram.
    bins : int, optional
        Number of groups of about equal size that a number is cut into. Unless given, up to 40
        different values stay apart, and more are cut into 16 groups.
    draws : int
        About how many posterior draws to use.
    seed : int
        Seed of the predicted data.

    Returns
    -------
    Figure
        Dots: observed means over people. Line and bands: median, 50 % and 90 % of the same
        means in predicted data of the same people, one step ahead. For a response of 0 and 1
        dots are shares, with binomial (Wilson) intervals of 90 % that take every row for
        independent; whether the fit is good is told by dots and bands alone.

    Raises
    ------
    KeyError
        Unknown response or column.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_predictions(fit, "feeling", by="partner_group")  # doctest: +SKIP

    A choice curve per motive, of ``costly_helping``:

    >>> em.plot_predictions(fit, "help", x="other_gain", by="motive")  # doctest: +SKIP

    A design of two factors, as rows and columns:

    >>> em.plot_predictions(fit, "help", by=("motive", "recipient"))  # doctest: +SKIP
    """
    model = model_of(fit)
    arrangement = arrangement_of(fit)
    scored = scored_rows(arrangement, response)
    factors = _factors(by)
    x = _default_column(arrangement, scored, factors) if x is None else x
    for name in [name for name in (x, *factors) if name is not None]:
        column_of(arrangement, scored, name)
    levels = pd.DataFrame({name: column_of(arrangement, scored, name) for name in factors})
    predicted = predicted_rows(fit, scored, draws, seed)
    known = [levels_of(arrangement, name) for name in factors]
    shown = [levels_among(levels[n], own) for n, own in zip(factors, known, strict=True)]
    cells = list(product(*shown))
    across = len(shown[1]) if len(shown) > 1 else 2 if len(cells) == 4 else 3
    figure, axes = panels(len(cells), columns=across, width=3.8, height=2.9, share=True)
    colours = colours_of(known[-1] if factors else [response])
    text = response_label(model, response)
    for place, (panel, cell) in enumerate(zip(axes, cells, strict=True)):
        inside = [levels[name] == level for name, level in zip(factors, cell, strict=True)]
        rows = np.flatnonzero(np.all([np.ones(len(scored.rows), dtype=bool), *inside], axis=0))
        titles = [level_label(name, level) for name, level in zip(factors, cell, strict=True)]
        label_axes(panel, title=", ".join(titles) or words(response))
        colour = colours[cell[-1] if cell else response]
        is_lowest = place + across >= len(cells)
        if not len(rows):  # a design need not be complete
            panel.text(0.5, 0.5, "no data", ha="center", transform=panel.transAxes, fontsize=SMALL)
        elif x is None:
            _add_histogram(panel, scored, rows, predicted, colour)
        else:
            column = column_of(arrangement, scored, x)
            order = [] if is_numeric_dtype(column) else levels_of(arrangement, x)
            _add_means(panel, scored, rows, predicted, colour, column, order, bins)
        if is_lowest:
            label = text if x is None else column_label(model, x)
            panel.set_xlabel(fill(label, WIDTH), fontsize=SMALL)
    label = "number of participants" if x is None else mean_label(model, response)
    for panel in axes[::across]:
        panel.set_ylabel(fill(label, WIDTH), fontsize=SMALL)
    is_share = is_binary(scored.response) and x is not None
    add_key(figure, SHARE_KEY if is_share else PREDICTED_KEY)
    return figure


SHARE_KEY: dict[str, Artist] = {
    ("observed, binomial 90 %" if name == "observed" else name): artist
    for name, artist in PREDICTED_KEY.items()
}


def _factors(by: str | Sequence[str] | None) -> list[str]:
    """Return the columns whose levels have panels: none, one or two."""
    factors = [by] if isinstance(by, str) else list(by or ())
    if len(set(factors)) != len(factors) or len(factors) > 2:
        raise ValueError(
            "by= must be one column or two different ones, of rows and columns of panels; found "
            f"{listed(factors)}. Leave out what may be averaged over."
        )
    return factors


def _default_column(arrangement: Arrangement, scored: Scored, factors: Sequence[str]) -> str | None:
    """Return the column that a response is best shown over, or none for a histogram."""
    model, name = arrangement.model, scored.response.name
    if scored.response.table != "participants" and not model.states:
        for column in (c.name for c in model.columns if c.name not in factors):
            is_read = column in arrangement.needs[name].all_data and column in scored.frame
            if is_read and scored.frame[column].nunique() > 1:
                return column
    return "trial" if "trial" in scored.frame and scored.trial is not None else None


def _add_means(
    panel: Axes,
    scored: Scored,
    rows: np.ndarray,
    predicted: np.ndarray,
    colour: str,
    column: pd.Series,
    order: Sequence[Any],
    bins: int | None,
) -> None:
    """Draw observed means with the bands of predicted ones: curves of numbers, boxes of labels."""
    curves, number = _curves(scored, rows, column), column.iloc[rows].nunique()
    labels, places, whole = levels_among(column.iloc[rows], order), np.empty(0), True
    is_curve = not labels and (number > FEW or len(curves) > 1 or (bins or number) < number)
    for own in curves:
        values = column.iloc[own]
        per_curve = max((bins or BINS) // len(curves), 1)
        codes, places = groups_of(values, per_curve, apart=0 if bins else FEW_VALUES, levels=labels)
        observed = group_means(scored.observed[None, own], codes)[:, 0]
        means = group_means(predicted[:, own], codes)
        whole = whole and bool((places % 1 == 0).all())
        if is_curve:
            add_band(panel, places, means, colour)
        else:
            width = 0.4 * (np.diff(places).min() if len(places) > 1 else 1.0)
            add_boxes(panel, places, means, colour, width=width)
        if is_binary(scored.response):
            counts = np.bincount(codes)
            panel.vlines(places, *wilson(observed * counts, counts), color=DARK, linewidth=0.8)
        panel.plot(places, observed, "o", color=DARK, markersize=3.5)
    if is_curve:
        panel.xaxis.set_major_locator(MaxNLocator(**ROUND, integer=whole))
    else:
        _name_places(panel, places, labels or sorted(column.iloc[rows].dropna().unique()))


def _curves(scored: Scored, rows: np.ndarray, column: pd.Series) -> list[np.ndarray]:
    """Cut rows between blocks, where trials are numbered through them; else all are one curve."""
    keys = [key for key in BLOCKS if key in scored.frame and column.name == "trial"]
    if not keys:
        return [rows]
    own = scored.frame.iloc[rows]
    blocks = own.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
    if (pd.Series(blocks).groupby(own["trial"].to_numpy()).nunique() > 1).any():
        return [rows]
    return [rows[blocks == block] for block in range(blocks.max() + 1)]


def _name_places(panel: Axes, places: np.ndarray, labels: Sequence[Any]) -> None:
    step = np.diff(places).min() if len(places) > 1 else 1.0
    names = [f"{round(v, 3):g}" if isinstance(v, float) else str(v) for v in labels]
    turned: dict[str, Any] = {"rotation": 30, "ha": "right"} if len(names) > FEW else {}
    panel.set_xticks(places, names, **turned)
    panel.set_xlim(places[0] - 0.6 * step, places[-1] + 0.6 * step)


def wilson(successes: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Return both ends (end, share) of 90 % intervals of binomial shares (Wilson 1927)."""
    z = 1.6448536269514722  # of a standard normal, 5 % lie above it
    middle = (successes + z**2 / 2) / (trials + z**2)
    variance = successes * (trials - successes) / trials + z**2 / 4
    return middle + np.array([[-1], [1]]) * z * np.sqrt(variance) / (trials + z**2)


def _add_histogram(
    panel: Axes, scored: Scored, rows: np.ndarray, predicted: np.ndarray, colour: str
) -> None:
    """Numbers of observed values per bin, with the bands of the same numbers in predictions."""
    edges = _edges(scored.response, scored.observed, predicted)
    middles = (edges[:-1] + edges[1:]) / 2
    counts = np.array([np.histogram(values[rows], edges)[0] for values in predicted])
    add_boxes(panel, middles, counts.T, colour, width=np.diff(edges))
    observed = np.histogram(scored.observed[rows], edges)[0]
    panel.plot(middles, observed, "o", color=DARK, markersize=4, clip_on=False)


def _edges(response: Response, observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    if response.levels is not None:
        levels = np.sort(np.array(response.levels, float))
        middles = (levels[:-1] + levels[1:]) / 2
        return np.r_[2 * levels[0] - middles[0], middles, 2 * levels[-1] - middles[-1]]
    ends = np.r_[observed.min(), observed.max(), np.quantile(predicted, [0.001, 0.999])]
    return np.linspace(ends.min(), ends.max(), 11)


# -------------------------------------------------------------------------- statistics


@says_method
@checked_arguments
def plot_statistics(fit: xr.DataTree, *, draws: int = 400, seed: int = 0) -> Figure:
    """Show where each feature of the data lies among the values that the fit predicts.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    draws : int
        About how many posterior draws to use.
    seed : int
        Seed of the predicted data.

    Returns
    -------
    Figure
        One panel per statistic of the model, which the axis names: histogram of its predicted
        values, a line at the observed one, and in the title the response and p, the share of
        predictions above the observed value (half of ties), as in `check`.

    Raises
    ------
    ValueError
        The model declares no statistic of the responses that the study has.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_statistics(fit)  # doctest: +SKIP
    """
    model = model_of(fit)
    compiled = evaluator_of_fit(fit)
    posterior = thinned(fit["posterior"].to_dataset(), draws)
    found = predictive_statistics(compiled, model, posterior, seed)
    if not found:
        raise ValueError(
            f"Model '{model.name}' declares no statistic of the responses that were fitted. Add "
            "statistics=(Statistic(...),) to the model, or use plot_predictions."
        )
    figure, axes = panels(len(found), columns=4, width=2.6, height=2.1)
    for panel, feature in zip(axes, found, strict=True):
        response = words(feature.statistic.response)
        panel.hist(feature.predicted, bins=25, color=COLOURS[0], alpha=0.45, label="predicted")
        panel.axvline(feature.observed, color=DARK, linewidth=2, label="observed")
        panel.set_yticks([])
        panel.xaxis.set_major_locator(MaxNLocator(nbins=4))  # more would run into each other
        panel.spines["left"].set_visible(False)
        panel.set_xlabel(fill(feature.statistic.name, 30), fontsize=SMALL)
        panel.set_title(f"{response}: p = {feature.p:.2f}", fontsize=SMALL, loc="left")
    handles, labels = axes[0].get_legend_handles_labels()
    add_key(figure, dict(zip(labels, handles, strict=True)))
    return figure
