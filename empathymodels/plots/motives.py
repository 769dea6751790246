"""What moves people toward empathy and away from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.parts import Motive, Parameter
from empathymodels.declaration.text import fixed_text
from empathymodels.inference.fits import arrangement_of, recorded
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import words
from empathymodels.plots.style import (
    COLOURS,
    DARK,
    GREY,
    PROBS,
    SMALL,
    add_key,
    interval,
    level_label,
    panels,
    parameter_label,
    says_method,
    with_unit,
)
from empathymodels.population.scales import natural_values
from empathymodels.results.population_values import averaged_over, linked_mean, sign_is_open

LOOKS: dict[Motive, tuple[str, str]] = {
    "approach": (COLOURS[0], "o"),
    "avoidance": (COLOURS[1], "s"),
}
SIGNS: dict[Motive, str] = {"approach": "> 0", "avoidance": "< 0"}
THICKNESS = (1.8, 4.5)  # of intervals of 90 % and 50 %
ROW = 0.62  # inches
HALF = 0.36  # of a row, that people take above and below its middle


@dataclass(frozen=True)
class Weight:
    """One weight of a motive: a row of the figure.

    Attributes
    ----------
    parameter : Parameter
        The declaration.
    label : str
        Its name, with its level where it has several.
    population : ndarray (draw,)
        The median person's value, or that of the population.
    people : ndarray (person, draw)
        Everybody's values; none for a parameter of the population.
    """

    parameter: Parameter
    label: str
    population: np.ndarray
    people: np.ndarray

    @property
    def probability(self) -> str:
        """How probable it is that the weight has the sign that its motive is held to have."""
        assert self.parameter.motive is not None
        if not sign_is_open(self.parameter):
            return "sign assumed"
        sign = SIGNS[self.parameter.motive]
        share = float((self.population > 0 if sign == "> 0" else self.population < 0).mean())
        if share > 0.995 or share < 0.005:  # draws cannot tell it from certainty
            return f"P({sign}) {'> 0.99' if share > 0.5 else '< 0.01'}"
        return f"P({sign}) = {share:.2f}"


@says_method
@checked_arguments
def plot_motives(fit: xr.DataTree) -> Figure:
    r"""Show how much every motive to approach and to avoid weighs, and how surely so.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`, of a model that declares motives: parameters with
        ``motive="approach"`` or ``motive="avoidance"``.

    Returns
    -------
    Figure
        A row per weight (and level of its `by` column), motives to approach first, on the
        natural scale; weights of different units have panels of their own. In front: posterior
        median of the median person (covariates averaged over) with central intervals of 50 %
        (thick) and 90 % (thin). Behind, lightly: the same of everybody, sorted, with 90 %. At
        the right: the posterior probability that the median person's weight :math:`w` has the
        sign that its motive is held to have, :math:`P(w > 0)` for approach, :math:`P(w < 0)`
        for avoidance; no model here forces that sign unless "sign assumed" is written. Weights
        that are held at a value are named under the figure.

    Raises
    ------
    ValueError
        The model declares no motive, or every weight of one is held at a value.

    See Also
    --------
    empathymodels.estimates : The same numbers; ``p_positive`` is :math:`P(w > 0)`.

    Examples
    --------
    >>> import empathymodels as em
    >>> model, study = em.get_model("costly_helping"), em.load_study("induced_motives")
    >>> fit = em.fit(model, study, seed=1)  # doctest: +SKIP
    >>> em.plot_motives(fit).savefig("motives.png")  # doctest: +SKIP
    """
    arrangement = arrangement_of(fit)
    declared = [p for p in arrangement.parameters if p.motive is not None]
    free = [p for p in declared if p.fixed is None]
    if not free:
        raise ValueError(_no_motives(fit, arrangement, declared))
    scales: dict[str, list[Parameter]] = {}
    for parameter in free:
        scales.setdefault(parameter.unit or parameter.name, []).append(parameter)
    weights = [_weights(fit, arrangement, together) for together in scales.values()]
    told = _fixed_text(fit, declared)
    heights = [0.75 + ROW * len(rows) for rows in weights]
    heights[-1] += 0.2 * len(told.splitlines())
    figure, axes = panels(len(weights), columns=1, width=6.4, height=heights)
    for panel, rows, together in zip(axes, weights, scales.values(), strict=True):
        _add_weights(panel, rows)
        panel.set_xlabel(fill(_scale_text(fit, arrangement, together), 70), fontsize=SMALL)
    add_key(figure, _key(weights), title=told)
    return figure


def _no_motives(fit: xr.DataTree, arrangement: Arrangement, declared: Sequence[Parameter]) -> str:
    model = arrangement.model.name
    if not declared:
        return (
            f"plot_motives needs a model that declares motives; '{model}' has none among its "
            f'{len(arrangement.parameters)} parameters. Add motive="approach" or '
            'motive="avoidance" to the weights of motives, or use plot_parameters(fit).'
        )
    return (
        f"plot_motives needs a weight of a motive that is inferred; '{model}' has "
        f"{len(declared)}, and all are held. {_fixed_text(fit, declared)} Fit a study with "
        "such columns, or a model that does not hold them."
    )


def _weights(
    fit: xr.DataTree, arrangement: Arrangement, parameters: Sequence[Parameter]
) -> list[Weight]:
    """Return the rows of a panel, motives to approach first."""
    found = []
    for parameter in sorted(parameters, key=lambda p: str(p.motive)):
        for level in arrangement.levels[parameter.by] if parameter.by else [None]:
            label = words(parameter.name)
            if parameter.by:
                label += f"\n{level_label(parameter.by, level)}"
            found.append(Weight(parameter, label, *_draws(fit, arrangement, parameter, level)))
    return found


def _draws(
    fit: xr.DataTree, arrangement: Arrangement, parameter: Parameter, level: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of the median person (draw,) and of everybody (person, draw)."""
    values = fit["posterior"][parameter.name]
    values = values if level is None else values.sel({parameter.by: level})
    if parameter.level == "population":
        draws = values.to_numpy().ravel()
        return draws, np.empty((0, draws.size))
    linked = linked_mean(fit, parameter, level).ravel()
    people = values.transpose(parameter.level, ...).to_numpy()
    middle = natural_values(parameter, arrangement.model, linked)
    return middle, people.reshape(len(people), -1)


def _add_weights(panel: Axes, rows: Sequence[Weight]) -> None:
    panel.axvline(0, color=GREY, linewidth=1, linestyle="--", zorder=1)
    places = np.arange(len(rows))[::-1]
    for place, row in zip(places, rows, strict=True):
        assert row.parameter.motive is not None
        colour, marker = LOOKS[row.parameter.motive]
        _add_everybody(panel, row.people, place, colour)
        for prob, thickness in zip(PROBS, THICKNESS, strict=True):
            ends = interval(row.population, prob)
            panel.plot(ends, [place] * 2, color=colour, linewidth=thickness, zorder=3)
        middle = float(np.median(row.population))
        panel.plot(middle, place, marker, color=colour, markersize=8, mec="white", zorder=4)
        panel.text(
            1.02,
            place,
            row.probability,
            transform=panel.get_yaxis_transform(),
            fontsize=SMALL,
            va="center",
        )
    panel.set_yticks(places, [row.label for row in rows], fontsize=SMALL, color=DARK)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.set_ylim(-0.6, len(rows) - 0.4)


def _add_everybody(panel: Axes, people: np.ndarray, place: float, colour: str) -> None:
    """Draw people lightly, one above the other, in the order of their medians."""
    medians = np.median(people, axis=1)
    order = np.argsort(medians)
    heights = place + np.linspace(-HALF, HALF, len(people)) if len(people) > 1 else [place]
    ends = interval(people[order], PROBS[0])
    panel.hlines(heights, *ends, color=colour, linewidth=0.5, alpha=0.3, zorder=2)
    panel.plot(medians[order], heights, ".", color=colour, markersize=3, alpha=0.45, zorder=2)


def _scale_text(fit: xr.DataTree, arrangement: Arrangement, parameters: list[Parameter]) -> str:
    averaged = "".join(
        {averaged_over(fit, p, arrangement, whose="median person "): None for p in parameters}
    )
    if len(parameters) == 1:
        return parameter_label(arrangement.model, parameters[0]) + averaged
    return with_unit("weight of the motive", parameters[0].unit) + averaged


def _fixed_text(fit: xr.DataTree, declared: Sequence[Parameter]) -> str:
    """Name the weights that are held, with their values, and say why."""
    absent = recorded(fit, "held")
    reasons: dict[str, list[str]] = {}
    for p in declared:
        if p.fixed is not None:
            reason = "for want of their column" if p.name in absent else "by the model"
            reasons.setdefault(reason, []).append(f"{words(p.name)} at {fixed_text(p)}")
    texts = [f"held {reason}: {', '.join(names)}" for reason, names in reasons.items()]
    return fill(f"Not shown, since {'; '.join(texts)}.", 90) if texts else ""


def _key(panels_of: Sequence[Sequence[Weight]]) -> dict[str, Artist]:
    """Name the kinds of motives that are drawn, and what is drawn of them."""
    shown = {row.parameter.motive for rows in panels_of for row in rows}
    kinds: dict[str, Artist] = {
        f"motive to {'approach' if kind == 'approach' else 'avoid'}": Line2D(
            [], [], color=colour, marker=marker, markersize=8, linestyle=""
        )
        for kind, (colour, marker) in LOOKS.items()
        if kind in shown
    }
    drawn: dict[str, Artist] = {
        "median person, 50 %": Line2D([], [], color=GREY, linewidth=THICKNESS[1]),
        "90 %": Line2D([], [], color=GREY, linewidth=THICKNESS[0]),
        "everybody, 90 %": Line2D(
            [], [], color=GREY, linewidth=0.5, marker=".", markersize=3, alpha=0.8
        ),
    }
    return kinds | drawn
