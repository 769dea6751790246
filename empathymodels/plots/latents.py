"""Trial-wise latents of a fit, and how responses depend on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.declaration.text import SUMMARIES
from empathymodels.inference.fits import arrangement_of, model_of, study_of
from empathymodels.layout.levels import levels_among, levels_of
from empathymodels.messages import words
from empathymodels.plots.style import (
    COLOURS,
    DARK,
    PREDICTED_KEY,
    ROUND,
    SMALL,
    add_band,
    add_key,
    add_legend,
    colours_of,
    group_means,
    groups_of,
    label_axes,
    level_label,
    mean_label,
    panels,
    says_method,
)
from empathymodels.population.design_matrix import labels_of
from empathymodels.results.latents import check_latent, latent_at_rows, latents
from empathymodels.results.predicted_rows import (
    BLOCKS,
    IN_BLOCK,
    column_of,
    predicted_rows,
    scored_rows,
    trial_in_block,
)
from empathymodels.study.participants import named_participants


@says_method
@checked_arguments
def plot_latent(
    fit: xr.DataTree,
    latent: str,
    *,
    participants: Sequence[Any] | str | float | None = None,
    n: int = 6,
    x: Literal["trial", "trial_in_block"] = "trial",
    draws: int = 400,
) -> Figure:
    """Show how a latent moves from trial to trial, one panel per participant.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    latent : str
        A latent of the model (see `latents`).
    participants : sequence, optional
        Whose, by their ids. Otherwise `n` of them, from those whose latent moves least to those
        whose moves most.
    n : int
        How many, unless named.
    x : {"trial", "trial_in_block"}
        What is on the horizontal axis: the trial, or its place in its block, every block in a
        colour of its own.
    draws : int
        About how many posterior draws to use.

    Returns
    -------
    Figure
        Posterior median with 50 % and 90 % bands over trials; lines break where a new
        sequence or block begins. Where a state has a value for each level of a column (a partner,
        a cue), every level that is met has a line of its own, in its colour as long as there are
        colours enough. Where the trials have a column ``outcome`` with two values, triangles along
        the top mark the larger one, along the bottom the smaller one.

    Raises
    ------
    KeyError
        Unknown latent or participant.
    ValueError
        Another `x`.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_latent(fit, "value", participants=["sub-01", "sub-19"])  # doctest: +SKIP
    """
    model, arrangement = model_of(fit), arrangement_of(fit)
    check_latent(model, latent)
    named = named_participants(participants or [], arrangement.participants)
    values = latents(fit, draws=draws)[latent].stack(sample=("chain", "draw")).to_numpy()
    trials = study_of(fit).trials
    assert trials is not None
    chosen = named or _spread_people(trials, values, n)
    outcomes = _outcomes(trials)
    figure, axes = panels(len(chosen), width=2.9, height=2.2, share=True)
    apart = None if x == IN_BLOCK else _met_column(model, trials)
    colours = _block_colours(trials) if x == IN_BLOCK else {}
    if apart and len(levels := levels_of(arrangement, apart)) <= len(COLOURS):
        colours = colours_of(levels)
    for panel, label in zip(axes, chosen, strict=True):
        rows = np.flatnonzero(trials["participant"] == label)
        own = trials.iloc[rows]
        place = trial_in_block(own) if x == IN_BLOCK else _trial_axis(own)
        for at in _curves(model, own):
            first = own.iloc[at[:1]]
            kind = labels_of(first[apart]).iloc[0] if apart else _block_names(first)[0]
            colour = colours[kind] if colours else COLOURS[0]
            add_band(panel, place[at], values[rows[at]], colour)
        if x == "trial":  # else those of several blocks would lie over each other
            _add_outcomes(panel, place, own, outcomes, [DARK] * 2 if apart else COLOURS[1:3])
        label_axes(panel, x=words(x), title=f"participant {label}")
        panel.xaxis.set_major_locator(MaxNLocator(**ROUND, integer=True))
        spec = panel.get_subplotspec()
        if spec is not None and spec.is_first_col():
            panel.set_ylabel(fill(_latent_label(model, latent), 30), fontsize=SMALL)
    handles, labels = axes[0].get_legend_handles_labels()
    key = dict(zip(labels, handles, strict=True))
    shown = {level_label(apart, name) if apart else name: c for name, c in colours.items()}
    key |= {name: Line2D([], [], color=colour) for name, colour in shown.items()}
    if key:
        titled = handles and not apart
        meaning = next((c.meaning for c in model.columns if c.name == "outcome" and titled), "")
        add_key(figure, key, title=meaning)
    return figure


def _block_colours(trials: pd.DataFrame) -> dict[str, str]:
    """Colour of every block of a study that has several, by its name."""
    names = list(dict.fromkeys(_block_names(trials)))
    return colours_of(names) if len(names) > 1 else {}


def _block_names(trials: pd.DataFrame) -> list[str]:
    keys = [key for key in BLOCKS if key in trials]
    rows = zip(*(trials[key] for key in keys), strict=True)
    named = [", ".join(f"{k} {v}" for k, v in zip(keys, row, strict=True)) for row in rows]
    return named or [""] * len(trials)


def _latent_label(model: Model, latent: str) -> str:
    """Return name and meaning of a latent or of a summary."""
    summary = next((s for s in model.summaries if s.name == latent), None)
    meaning = model.latents.get(latent, "")
    if summary is not None:
        meaning = SUMMARIES[summary.kind].format(words(summary.of)).replace("`", "")
    return f"{words(latent)}: {meaning}" if meaning else words(latent)


def _spread_people(trials: pd.DataFrame, values: np.ndarray, n: int) -> list[str]:
    """Return people evenly spaced in the order of how much their latent moves."""
    middle = pd.Series(np.median(values, axis=1), index=trials.index)
    order = middle.groupby(trials["participant"], sort=False).std().sort_values().index
    places = np.linspace(0, len(order) - 1, min(n, len(order))).round().astype(int)
    return [str(order[i]) for i in places]


def _met_column(model: Model, trials: pd.DataFrame) -> str | None:
    """Column of which one level is met per trial, and of which a state has a value each."""
    answers = {response.name for response in model.responses}
    over = dict.fromkeys(state.over for state in model.states if state.over)
    return next((name for name in over if name in trials and name not in answers), None)


def _curves(model: Model, rows: pd.DataFrame) -> Iterator[np.ndarray]:
    """Yield the row positions, in time, of what one person's curves each consist of."""
    met = _met_column(model, rows)
    keys = [key for key in dict.fromkeys([*BLOCKS, *model.sequence]) if key in rows]
    keys += [met] if met else []
    positions = pd.Series(np.arange(len(rows)), index=rows.index)
    grouped = (
        positions.groupby([rows[key] for key in keys], sort=False) if keys else [("", positions)]
    )
    for _, found in grouped:
        own = found.to_numpy()
        yield own[np.argsort(rows["trial"].to_numpy()[own], kind="stable")]


def _trial_axis(rows: pd.DataFrame) -> np.ndarray:
    """Trial numbers, or running numbers where a person's trial numbers repeat."""
    trial = rows["trial"].to_numpy()
    return trial if len(np.unique(trial)) == len(trial) else np.arange(1, len(trial) + 1)


def _outcomes(trials: pd.DataFrame) -> np.ndarray:
    """Return the two values of an ``outcome`` column, or nothing."""
    values = np.sort(trials["outcome"].dropna().unique()) if "outcome" in trials else np.empty(0)
    return values if len(values) == 2 else np.empty(0)


def _add_outcomes(
    panel: Axes, x: np.ndarray, rows: pd.DataFrame, outcomes: np.ndarray, colours: Sequence[str]
) -> None:
    marks = zip(outcomes, (0.03, 0.97), ("v", "^"), colours, strict=False)
    for value, height, marker, colour in marks:
        here = x[(rows["outcome"] == value).to_numpy()]
        panel.plot(
            here,
            np.full(len(here), height),
            marker,
            color=colour,
            markersize=4,
            transform=panel.get_xaxis_transform(),
            label=f"outcome {value:g}",
        )
    panel.margins(y=0.12)


# ------------------------------------------------------------------ response over latent


@says_method
@checked_arguments
def plot_response_over_latent(
    fit: xr.DataTree,
    response: str,
    latent: str,
    *,
    by: str | None = None,
    bins: int = 8,
    draws: int = 400,
    seed: int = 0,
) -> Figure:
    """Show how a response depends on a latent, in the data and in the fit's predictions.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    response : str
        A response of the model, for example the region betas ``"insula"``.
    latent : str
        A latent; for a response with one value per participant, a summary of the model.
    by : str, optional
        Column whose levels are drawn in colours of their own.
    bins : int
        Number of groups of about equal size that the latent is cut into.
    draws : int
        About how many posterior draws to use.
    seed : int
        Seed of the predicted data.

    Returns
    -------
    Figure
        Dots: observed mean per group of rows with similar posterior-mean latent, with its
        90 % sampling interval (1.64 standard errors). Line and bands: median, 50 % and 90 % of
        the same means in predicted data. The latent was estimated with the help of these very
        responses, so the picture shows the fit and is no independent test.

    Raises
    ------
    KeyError
        Unknown response, latent or column.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_response_over_latent(fit, "insula", "prediction_error")  # doctest: +SKIP
    """
    arrangement = arrangement_of(fit)
    scored = scored_rows(arrangement, response)
    levels = pd.Series(np.zeros(len(scored.rows)))
    levels = levels if by is None else column_of(arrangement, scored, by)
    place = latent_at_rows(fit, scored, latent, draws)
    predicted = predicted_rows(fit, scored, draws, seed)
    figure, (panel,) = panels(1, width=4.6, height=3.3)
    colours = colours_of(levels_of(arrangement, by) if by else [0.0])
    for level in levels_among(levels, list(colours)):
        colour = colours[level]
        rows = np.flatnonzero((levels == level).to_numpy() & np.isfinite(place))
        _add_dependence(panel, place[rows], scored.observed[rows], predicted[:, rows], bins, colour)
        if by:
            panel.plot([], [], color=colour, linewidth=4, label=level_label(by, level))
    add_legend(panel)
    add_key(figure, PREDICTED_KEY)
    model = model_of(fit)
    label_axes(
        panel,
        x=_latent_label(model, latent),
        y=mean_label(model, response),
        title=f"{words(response)} over {words(latent)}",
        width=60,
    )
    return figure


def _add_dependence(
    panel: Axes,
    place: np.ndarray,
    observed: np.ndarray,
    predicted: np.ndarray,
    bins: int,
    colour: str,
) -> None:
    codes, middles = groups_of(pd.Series(place), bins)
    add_band(panel, middles, group_means(predicted, codes), colour)
    means = group_means(observed[None], codes)[:, 0]
    spread = pd.Series(observed).groupby(codes).sem().to_numpy()
    panel.errorbar(
        middles,
        means,
        yerr=1.645 * spread,
        fmt="o",
        markersize=4,
        linewidth=1,
        color=DARK,
    )
