"""Effects beside each other: whatever they are called, there is room for them."""

from itertools import pairwise

import matplotlib.pyplot as plt
import pytest

from empathymodels.plots.effects import draw_effects

INTERACTION = (
    "Discount, interaction of recipient and group: other minus self at group training, minus the "
    "same at group control"
)


@pytest.mark.parametrize("labels", [["Slope"], ["Slope", INTERACTION], ["x" * 300] * 8])
def test_labels_leave_room_for_intervals(labels):
    figure = draw_effects(labels, [(-1.0, 0.5, 2.0)] * len(labels), [True] * len(labels))
    figure.canvas.draw()  # where nothing is left of the axes, matplotlib warns
    (axes,) = figure.axes
    assert axes.get_position().width > 0.35
    boxes = [text.get_window_extent() for text in axes.get_yticklabels()]
    assert all(low.y1 <= high.y0 for high, low in pairwise(boxes))
    plt.close(figure)
