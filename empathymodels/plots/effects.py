"""Effects of different scales beside each other, by how far they are from 0."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from empathymodels.messages import drawable
from empathymodels.plots.style import COLOURS, GREY, SMALL, TEXT

WIDTH = 44  # characters of a line of a label: half of the figure
LINE, GAP = 0.13, 0.21  # inches of height, of a line and between labels


def draw_effects(
    labels: Sequence[str], intervals: Sequence[tuple[float, float, float]], clear: Sequence[bool]
) -> Figure:
    """Draw effects in units of half their own interval: what is clear is seen at once.

    Parameters
    ----------
    labels : sequence of str
        What each is.
    intervals : sequence of (float, float, float)
        Low end, median and high end.
    clear : sequence of bool
        Whether its sign is clear: it has a colour.
    """
    texts = [fill(drawable(label), WIDTH) for label in labels]
    heights = np.array([GAP + LINE * (1 + text.count("\n")) for text in texts])
    places = heights.cumsum() - heights / 2
    figure, axes = plt.subplots(figsize=(6.5, 0.5 + heights.sum()), layout="constrained")
    for place, values, is_clear in zip(places, intervals, clear, strict=True):
        half = (values[2] - values[0]) / 2
        low, middle, high = (value / half if half > 0 else 0.0 for value in values)
        colour = COLOURS[0] if is_clear else GREY
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        axes.plot(middle, place, "o", color=colour)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_yticks(places, texts, fontsize=SMALL)
    axes.set_ylim(heights.sum(), 0)
    axes.set_xlabel("effect, as a multiple of half the width of its 90 % interval", fontsize=TEXT)
    axes.tick_params(axis="x", labelsize=SMALL)
    return figure
