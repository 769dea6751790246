"""Regions on a glass brain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from empathymodels.arguments import checked_arguments
from empathymodels.messages import drawable, listed
from empathymodels.neuro.images import need_nilearn
from empathymodels.neuro.regions import regions as known_regions
from empathymodels.plots.style import COLOURS, GREY, SMALL, TEXT

PROCESSES = ("experience sharing", "mentalizing", "empathic concern")
LOOKS = dict(zip(PROCESSES, (COLOURS[1], COLOURS[0], COLOURS[2]), strict=True))
SIZE = 60  # of a marker, square points
NAMED = 40  # regions up to which names are written beside them
MIDDLE = (15, 10)  # of what is seen from a side: y and z, mm


@checked_arguments
def plot_regions(
    regions: pd.DataFrame | None = None,
    *,
    effects: Mapping[str, float] | pd.DataFrame | None = None,
    label: str = "effect",
) -> Figure:
    """Draw regions on a glass brain: in the colours of three systems, or by their effects.

    Parameters
    ----------
    regions : DataFrame, optional
        Spheres as `regions` returns them, with ``region``, ``x``, ``y``, ``z`` and, for colours,
        ``process``; all that are known unless given.
    effects : mapping of str to float or DataFrame, optional
        A number per region, such as posterior means of betas, or the table of `region_effects`,
        whose pooled means are taken: colours then say how large it is. Regions without one are
        grey.
    label : str
        What the numbers are, for the colour bar.

    Returns
    -------
    Figure
        Left, from above and from the front; up to 40 regions are named.

    Raises
    ------
    ImportError
        nilearn is not installed (extra ``neuro``).
    ValueError
        Columns are absent, or effects are of regions that are not drawn.

    See Also
    --------
    extract : Betas of these regions.
    region_effects : Effects in many regions, after a fit of each.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plot_regions()  # doctest: +SKIP
    >>> em.plot_regions(effects={"AI": 0.4, "VS": -0.1}, label="pain minus touch")  # doctest: +SKIP
    """
    need_nilearn()
    from nilearn.plotting import plot_glass_brain

    table = known_regions() if regions is None else regions
    if isinstance(effects, pd.DataFrame):
        effects = _pooled(effects)
    if absent := [c for c in ("region", "x", "y", "z") if c not in table]:
        raise ValueError(
            f"regions must have the columns region, x, y, z; absent: {listed(absent)}."
        )
    drawn = set(table["region"])
    if effects is not None and (unknown := [name for name in effects if name not in drawn]):
        raise ValueError(
            f"effects must be of regions that are drawn ({listed(sorted(drawn))}); found "
            f"{listed(unknown)}. Correct the names, or give regions= with their places."
        )
    with plt.ioff():
        figure = plt.figure(figsize=(11, 4))
    brain = plot_glass_brain(
        None, display_mode="lyrz", figure=figure, axes=(0, 0.08, 0.9 if effects else 1, 0.9)
    )
    if effects is None:
        process = table["process"] if "process" in table else pd.Series("regions", table.index)
        looks = LOOKS | {name: GREY for name in process.unique() if name not in LOOKS}
        for name in [name for name in looks if (process == name).any()]:
            _mark(brain, table[process == name], looks[name])
        key = [_dot(looks[name], str(name)) for name in looks if (process == name).any()]
    else:
        limit = max((abs(value) for value in effects.values()), default=1.0) or 1.0
        norm, colours = plt.Normalize(-limit, limit), plt.get_cmap("RdBu_r")
        rest = table[~table["region"].isin(list(effects))]
        key = [_dot(GREY, "no effect given")] if len(rest) else []
        if len(rest):
            _mark(brain, rest, GREY)
        for name, value in effects.items():
            _mark(brain, table[table["region"] == name], colours(norm(value)))
        bar = figure.colorbar(
            plt.cm.ScalarMappable(norm, colours), cax=figure.add_axes((0.92, 0.25, 0.015, 0.55))
        )
        bar.set_label(drawable(label), fontsize=TEXT)
        bar.ax.tick_params(labelsize=SMALL)
    if key:
        figure.legend(handles=key, loc="lower center", ncols=3, frameon=False, fontsize=TEXT)
    if table["region"].nunique() <= NAMED:
        _label(brain, table)
    plt.close(figure)  # else a notebook shows it twice
    return figure


def _pooled(effects: pd.DataFrame) -> dict[str, float]:
    """Pooled means of a table of `region_effects`, of the regions that have one."""
    if "pooled_mean" not in effects or effects["pooled_mean"].isna().all():
        raise ValueError(
            "effects must be the table of region_effects() with pooled means; found "
            f"{listed(effects)}. Give that, or a number per region: dict(table['mean'])."
        )
    found = effects["pooled_mean"].dropna()
    return {str(name): float(value) for name, value in found.items()}


def _mark(brain: Any, rows: pd.DataFrame, colour: Any) -> None:
    """Draw spheres of one colour."""
    places = rows[["x", "y", "z"]].to_numpy(dtype=float)
    brain.add_markers(places, marker_color=[colour] * len(rows), marker_size=SIZE)


def _label(brain: Any, table: pd.DataFrame) -> None:
    """Name regions beside their markers, seen from the side, away from the middle of the brain."""
    halo = [withStroke(linewidth=2, foreground="white")]
    for view, chosen in {"l": table["x"] <= 0, "r": table["x"] > 0}.items():
        axes = brain.axes[view].ax
        left, right = axes.get_xlim()
        ahead = 1 if left < right else -1  # where the front of the brain is
        for _, row in table[chosen].iterrows():
            across = ahead if row["y"] > MIDDLE[0] else -ahead
            up = 1 if row["z"] > MIDDLE[1] else -1
            axes.annotate(
                drawable(row["region"]),
                (row["y"], row["z"]),
                (4 * across, 6 * up),
                textcoords="offset points",
                ha="left" if across > 0 else "right",
                va="center",
                fontsize=SMALL,
                path_effects=halo,
            )


def _dot(colour: Any, label: str) -> Line2D:
    return Line2D([], [], marker="o", linestyle="", color=colour, label=drawable(label))
