"""Which differences between people go together."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from empathymodels.arguments import checked_arguments
from empathymodels.inference.fits import arrangement_of, model_of
from empathymodels.messages import words
from empathymodels.plots.style import COLOURS, DARK, PROBS, SMALL, interval, panels, says_method
from empathymodels.results.reliability import correlation_prior_sd

# blue below 0, white, vermillion above: told apart with every common colour vision
DIVERGING = LinearSegmentedColormap.from_list("blue to vermillion", [COLOURS[0], "w", COLOURS[1]])
CELL = 0.74  # inches


@says_method
@checked_arguments
def plot_correlations(fit: xr.DataTree) -> Figure:
    r"""Show which parameters go together over people, such as weights of motives and regions.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`, of a model that names parameters in `correlate`.

    Returns
    -------
    Figure
        A cell per pair of person-level parameters: posterior mean of their correlation on the
        link scale (large, and in colour), and its central 90 % interval (small). Where the
        interval excludes 0 the mean is bold and the cell framed. These are correlations of the
        people's true values, so that noise of single estimates does not lower them. Under it:
        the standard deviation of the prior, :math:`1/\sqrt{3 + K}` for each of the correlations
        of :math:`K` parameters under an LKJ(2) prior, also marked on the colour bar. Where the
        posterior is about as wide as that around 0, the data said nothing.

    Raises
    ------
    ValueError
        The fit has no correlations.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), J Multivariate Analysis 100:1989-2001,
    doi:10.1016/j.jmva.2009.04.008.

    Examples
    --------
    >>> import empathymodels as em
    >>> fit = em.fit(em.get_model("motivated_empathy"), em.load_study("motives"))  # doctest: +SKIP
    >>> em.plot_correlations(fit).savefig("correlations.png")  # doctest: +SKIP
    """
    posterior = fit["posterior"].to_dataset()
    if "correlation" not in posterior:
        model = model_of(fit)
        raise ValueError(
            "plot_correlations needs two or more parameters whose correlations were inferred; "
            f"'{model.name}' names {len(model.correlate)} in correlate=. Name more person-level "
            "parameters there, or leave the figure out."
        )
    draws = posterior["correlation"].transpose(..., "chain", "draw").to_numpy()
    draws = draws.reshape(*draws.shape[:2], -1)
    labels = [_label(str(label)) for label in posterior["correlated"].to_numpy()]
    prior_sd = correlation_prior_sd(arrangement_of(fit))
    size = CELL * (len(labels) - 1)
    figure, (panel,) = panels(1, width=max(size + 2.2, 5.6), height=size + 2.0)
    _add_cells(panel, draws)
    _add_labels(panel, labels)
    _add_bar(figure, panel, prior_sd)
    panel.set_title("correlations between people", fontsize="medium", loc="left")
    return figure


def _add_cells(panel: Axes, draws: np.ndarray) -> None:
    """Draw the pairs below the diagonal of draws (parameter, parameter, draw)."""
    for column, row in combinations(range(len(draws)), 2):
        mean = float(draws[row, column].mean())
        low, high = interval(draws[row, column], PROBS[0])
        excludes = low > 0 or high < 0
        panel.add_patch(
            Rectangle(
                (column - 0.46, row - 0.46),
                0.92,
                0.92,
                facecolor=DIVERGING((1 + mean) / 2),
                edgecolor=DARK if excludes else "none",
                linewidth=1.4,
            )
        )
        weight = "bold" if excludes else "normal"
        panel.text(column, row - 0.1, _short(mean), ha="center", va="center", weight=weight)
        ends = f"{_short(low)} to {_short(high)}"
        panel.text(column, row + 0.26, ends, ha="center", va="center", fontsize=6)


def _label(column: str) -> str:
    """Return "bias, empathy" for ``bias[empathy]``."""
    return words(column).replace("[", ", ").removesuffix("]")


def _short(number: float) -> str:
    """Return -.31 for -0.31, as correlations are written; with a true minus sign."""
    rounded = round(number, 2) + 0.0  # never -.00
    return f"{rounded:.2f}".replace("0.", ".", 1).replace("-", "\N{MINUS SIGN}")


def _add_labels(panel: Axes, labels: list[str]) -> None:
    last = len(labels) - 1
    panel.set_xticks(range(last), labels[:-1], rotation=40, ha="right", rotation_mode="anchor")
    panel.set_yticks(range(1, last + 1), labels[1:])
    panel.tick_params(length=0, labelsize=SMALL)
    panel.spines[:].set_visible(False)
    panel.set_xlim(-0.5, last - 0.5)
    panel.set_ylim(last + 0.5, 0.5)
    panel.set_aspect("equal")


def _add_bar(figure: Figure, panel: Axes, prior_sd: float) -> None:
    colours = ScalarMappable(Normalize(-1, 1), DIVERGING)
    bar = figure.colorbar(colours, ax=panel, location="bottom", shrink=0.6, aspect=30, pad=0.03)
    bar.ax.vlines([-prior_sd, prior_sd], 0, 1, color=DARK, linewidth=1.2, linestyle=":")
    bar.set_ticks([-1, -0.5, 0, 0.5, 1])
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    text = (
        "posterior mean of the correlation, with its 90 % interval; framed where that excludes 0.\n"
        f"Dotted: prior, mean 0 and sd {prior_sd:.2f}"
    )
    bar.set_label(text, fontsize=SMALL)
