"""What was inferred about the population and about everybody in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.parts import Parameter
from empathymodels.inference.fits import arrangement_of
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.levels import levels_among, levels_of
from empathymodels.messages import did_you_mean, listed, words
from empathymodels.plots.style import (
    GREY,
    PROBS,
    ROUND,
    SMALL,
    add_key,
    add_legend,
    colours_of,
    interval,
    label_axes,
    level_label,
    panels,
    parameter_label,
    says_method,
)
from empathymodels.population.scales import natural_values
from empathymodels.results.population_values import (
    averaged_over,
    linked_mean,
    median_persons,
    shown_covariate,
)

LABELLED_PEOPLE = 60  # more names than this on an axis cannot be read
SHOWN_MASS = 0.998  # of a density: a long tail would squeeze the rest


@says_method
@checked_arguments
def plot_parameters(fit: xr.DataTree) -> Figure:
    """Show what is known of the population, one panel per parameter, on the natural scale.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.

    Returns
    -------
    Figure
        Curves: posterior density of the median person (of every level of the parameter's `by`
        column, or of every group where a categorical covariate enters its formula), or of the
        value itself for population-level parameters, with a bar for the central 90 %.
        Ticks under them: posterior medians of the people. Covariates that have no curves of
        their own are averaged over, and the axis says so.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_parameters(fit).savefig("parameters.png")  # doctest: +SKIP
    """
    arrangement = arrangement_of(fit)
    shown = [p for p in arrangement.parameters if p.fixed is None]
    figure, axes = panels(len(shown), width=3.3, height=2.6)
    for panel, parameter in zip(axes, shown, strict=True):
        found = _population(fit, parameter, arrangement)
        colours = _colours(fit, parameter, arrangement, found)
        _set_limits(panel, found)
        top = max(_add_density(panel, draws, colours[g], g) for g, (draws, _) in found.items())
        for row, (group, (draws, people)) in enumerate(found.items()):
            _add_people_under(panel, draws, people, colours[group], -top * (0.1 + 0.17 * row))
        headroom = 1.08 + (0.32 * len(found) if len(found) > 1 else 0)  # for the legend
        panel.set_ylim(-top * (0.05 + 0.17 * len(found)), top * headroom)
        panel.set_yticks([])
        panel.xaxis.set_major_locator(MaxNLocator(**ROUND))
        panel.spines["left"].set_visible(False)
        column = shown_covariate(fit, parameter, arrangement)
        text = parameter_label(arrangement.model, parameter)
        text += averaged_over(fit, parameter, arrangement, shown=column)
        label_axes(panel, x=text, title=words(parameter.name))
        add_legend(panel, place="upper right")
    add_key(figure, POPULATION_KEY)
    return figure


def _colours(
    fit: xr.DataTree, parameter: Parameter, arrangement: Arrangement, drawn: Iterable[str]
) -> dict[str, str]:
    """Colour of every level that a parameter is drawn for: that of the level in all figures."""
    column = parameter.by or shown_covariate(fit, parameter, arrangement)
    if column is None:
        return colours_of(drawn)
    return colours_of(level_label(column, level) for level in levels_of(arrangement, column))


POPULATION_KEY: dict[str, Artist] = {
    "posterior density of the population's value": Patch(color=GREY, alpha=0.35),
    "its central 90 %": Line2D([], [], color=GREY, linewidth=3, alpha=0.6),
    "people, posterior medians": Line2D([], [], color=GREY, marker="|", linestyle=""),
}


Draws = tuple[np.ndarray, np.ndarray]  # of the population value; medians of the people


def _population(
    fit: xr.DataTree, parameter: Parameter, arrangement: Arrangement
) -> dict[str, Draws]:
    """Draws of the population value and medians of people, per level or group, by its label."""
    values = fit["posterior"][parameter.name]
    found: dict[str, Draws] = {}
    for level in arrangement.levels[parameter.by] if parameter.by else [None]:
        own = values if level is None else values.sel({parameter.by: level})
        name = level_label(parameter.by, level) if parameter.by else ""
        if parameter.level == "population":
            found[name] = own.to_numpy().ravel(), np.empty(0)
            continue
        medians = own.median(("chain", "draw"))
        column = shown_covariate(fit, parameter, arrangement)
        if column is None:
            linked = linked_mean(fit, parameter, level).ravel()
            found[name] = natural_values(parameter, arrangement.model, linked), medians.to_numpy()
            continue
        for group, draws in median_persons(fit, parameter, arrangement, column).items():
            people = _people_of(arrangement, column, group)
            found[level_label(column, group)] = draws, medians.sel(participant=people).to_numpy()
    return found


def _people_of(arrangement: Arrangement, column: str, group: Any) -> list[str]:
    people = arrangement.checked.tables["participants"]
    chosen = set(people.loc[people[column] == group, "participant"])
    return [label for label in arrangement.participants if label in chosen]


def _set_limits(panel: Axes, found: dict[str, Draws]) -> None:
    ends = [interval(draws, SHOWN_MASS) for draws, _ in found.values()]
    ends += [np.array([people.min(), people.max()]) for _, people in found.values() if len(people)]
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    margin = 0.04 * (high - low)
    panel.set_xlim(low - margin, high + margin)


def _add_density(panel: Axes, draws: np.ndarray, colour: str, label: str) -> float:
    grid, density, _ = az.kde(draws)
    panel.plot(grid, density, color=colour, linewidth=1.3, label=label or None)
    panel.fill_between(grid, density, color=colour, alpha=0.2, linewidth=0)
    return float(density.max())


def _add_people_under(
    panel: Axes, draws: np.ndarray, people: np.ndarray, colour: str, height: float
) -> None:
    low, high = interval(draws, PROBS[0])
    panel.plot([low, high], [height, height], color=colour, linewidth=3, alpha=0.5)
    panel.plot(people, np.full(len(people), height), "|", color=colour, markersize=6, alpha=0.8)


# ------------------------------------------------------------------------------ people


@says_method
@checked_arguments
def plot_people(fit: xr.DataTree, parameter: str, *, by: str | None = None) -> Figure:
    """Show everybody's value of one parameter, sorted, around the population's median person.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    parameter : str
        A parameter that varies between participants (or items).
    by : str, optional
        Column of the participants table whose levels are coloured. Where it is a covariate of
        the parameter, every group has a median person of its own. The parameter's own `by`
        column puts its levels into one panel, side by side for everybody, in the order of the
        first.

    Returns
    -------
    Figure
        Per person the posterior median with central intervals of 50 % (thick) and 90 %
        (thin). Line and shade: median person with 90 %; the axis says which covariates it is
        averaged over. One panel per level of the parameter's `by` column, on one scale.

    Raises
    ------
    KeyError
        Unknown parameter or column.
    ValueError
        The parameter is fixed or population-level.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_people(fit, "learning_rate", by="partner_group")  # doctest: +SKIP
    """
    arrangement = arrangement_of(fit)
    declared = arrangement.model.parameter(parameter)
    if declared.level == "population" or declared.fixed is not None:
        raise ValueError(
            f"plot_people shows a parameter that varies between people and is not fixed; "
            f"'{parameter}' does not. Choose another, or plot_parameters(fit)."
        )
    if by is not None and by == declared.by:
        return _people_by_condition(fit, declared, arrangement)
    groups = _groups(arrangement, declared, by)
    colours = colours_of(levels_of(arrangement, by)) if by else {}
    levels = arrangement.levels[declared.by] if declared.by else [None]
    size = len(fit["posterior"][declared.level])
    height = min(1.3 + 0.15 * size, 9.0) if size > 4 else 2.4
    figure, axes = panels(len(levels), width=5.2, height=height)
    for panel in axes[1:]:
        panel.sharex(axes[0])
    column = shown_covariate(fit, declared, arrangement)
    shown = by if by == column else None
    text = parameter_label(arrangement.model, declared)
    text += averaged_over(fit, declared, arrangement, shown=shown, whose=f"{_middle(declared)} ")
    of_level = colours_of(levels)
    for panel, level in zip(axes, levels, strict=True):
        values = fit["posterior"][parameter]
        values = values if level is None else values.sel({declared.by: level})
        _add_middle(panel, fit, declared, arrangement, level, by)
        _add_people(panel, values, groups, by, colours, of_level[level])
        title = words(parameter) + (f", {level_label(declared.by, level)}" if declared.by else "")
        label_axes(panel, x=text, title=title, width=60)
    add_key(figure, PEOPLE_KEY)
    return figure


def _people_by_condition(
    fit: xr.DataTree, parameter: Parameter, arrangement: Arrangement
) -> Figure:
    """Draw everybody's values at all levels of a parameter's own column in one panel."""
    column, values = str(parameter.by), fit["posterior"][parameter.name]
    levels = arrangement.levels[column]
    size = len(fit["posterior"][parameter.level])
    height = min(1.3 + (0.1 + 0.07 * len(levels)) * size, 9.0) if size > 4 else 2.4
    figure, (panel,) = panels(1, width=5.2, height=height)
    colours = colours_of(levels)
    medians = values.sel({column: levels[0]}).median(("chain", "draw")).to_numpy()
    order, steps = np.argsort(medians), np.linspace(-0.25, 0.25, len(levels))
    for level, step in zip(levels, steps, strict=True):
        linked = linked_mean(fit, parameter, level).ravel()
        middle = natural_values(parameter, arrangement.model, linked)
        _add_middle_of(panel, middle, colours[level], f"{_middle(parameter)}, {level}")
        draws = values.sel({column: level}).transpose(parameter.level, ...).to_numpy()
        own = draws.reshape(size, -1)[order]
        _add_intervals(panel, own, np.arange(size) + step, [colours[level]] * size)
    _name_rows(panel, values[parameter.level].to_numpy()[order].astype(str), parameter.level)
    text = parameter_label(arrangement.model, parameter)
    text += averaged_over(fit, parameter, arrangement, whose=f"{_middle(parameter)} ")
    label_axes(panel, x=text, title=f"{words(parameter.name)} by {words(column)}", width=60)
    add_legend(panel, place="lower right")
    add_key(figure, PEOPLE_KEY)
    return figure


LINES = (0.8, 2.6)  # thickness of intervals of 90 % and 50 %
PEOPLE_KEY: dict[str, Artist] = {
    "posterior median": Line2D([], [], color=GREY, marker="o", markersize=3.5, linestyle=""),
    "50 %": Line2D([], [], color=GREY, linewidth=LINES[1]),
    "90 %": Line2D([], [], color=GREY, linewidth=LINES[0]),
    "90 % of the dashed line": Patch(color=GREY, alpha=0.25, linewidth=0),
}


def _groups(arrangement: Arrangement, parameter: Parameter, by: str | None) -> pd.Series | None:
    people = arrangement.checked.tables["participants"].set_index("participant")
    if by is None:
        return None
    if parameter.is_item or by not in people:
        columns = [c for c in people.columns if c != "_row"]
        raise KeyError(
            f"by= names a column of the participants table, for a parameter of participants; found "
            f"'{by}' for '{parameter.name}' (one per {parameter.level}). It has {listed(columns)}. "
            "Name one of them, or leave by= out." + did_you_mean(by, columns)
        )
    return people[by]


def _add_people(
    panel: Axes,
    values: xr.DataArray,
    groups: pd.Series | None,
    by: str | None,
    colours: Mapping[Any, str],
    of_all: str,
) -> None:
    dim = next(d for d in values.dims if d not in ("chain", "draw"))
    labels = np.array([str(label) for label in values[dim].to_numpy()])
    draws = values.transpose(dim, ...).to_numpy().reshape(len(labels), -1)
    order = np.argsort(np.median(draws, axis=1))
    for group in levels_among(groups, list(colours)) if groups is not None else ():
        label = level_label(by or "", group)
        panel.plot([], [], "o", color=colours[group], markersize=3.5, label=label)
    own = [colours[groups[one]] if groups is not None else of_all for one in labels[order]]
    _add_intervals(panel, draws[order], np.arange(len(order)), own)
    _name_rows(panel, labels[order], str(dim))
    add_legend(panel, place="lower right")


def _add_intervals(
    panel: Axes, draws: np.ndarray, places: np.ndarray, colours: Sequence[str]
) -> None:
    """Draw medians with intervals of draws (person, draw), each at its place."""
    for own, place, colour in zip(draws, places, colours, strict=True):
        for prob, thickness in zip(PROBS, LINES, strict=True):
            panel.plot(interval(own, prob), [place, place], color=colour, linewidth=thickness)
        panel.plot(np.median(own), place, "o", color=colour, markersize=3.5)


def _name_rows(panel: Axes, labels: np.ndarray, what: str) -> None:
    """Name everybody, where names can be read, from below."""
    if len(labels) <= LABELLED_PEOPLE:
        panel.set_yticks(np.arange(len(labels)), labels, fontsize=6)
    else:
        panel.set_yticks([])
        panel.set_ylabel(f"{len(labels):,} {what}s, sorted", fontsize=SMALL)
    panel.set_ylim(-0.8, len(labels) - 0.2)


def _add_middle(
    panel: Axes,
    fit: xr.DataTree,
    parameter: Parameter,
    arrangement: Arrangement,
    level: Any,
    by: str | None,
) -> None:
    """Draw the median person (of every group, where the column is a covariate)."""
    if by and shown_covariate(fit, parameter, arrangement) == by:
        found = median_persons(fit, parameter, arrangement, by)
        colours = colours_of(levels_of(arrangement, by))
        for group, draws in found.items():
            _add_middle_of(panel, draws, colours[group], f"{_middle(parameter)}, {group}")
    else:
        linked = linked_mean(fit, parameter, level).ravel()
        draws = natural_values(parameter, arrangement.model, linked)
        _add_middle_of(panel, draws, GREY, _middle(parameter))


def _middle(parameter: Parameter) -> str:
    """Return what the one at the mean of the link scale is called."""
    return "median item" if parameter.is_item else "median person"


def _add_middle_of(panel: Axes, draws: np.ndarray, colour: str, label: str) -> None:
    low, high = interval(draws, PROBS[0])
    panel.axvspan(low, high, color=colour, alpha=0.12, linewidth=0)
    panel.axvline(float(np.median(draws)), color=colour, linewidth=1, linestyle="--", label=label)
