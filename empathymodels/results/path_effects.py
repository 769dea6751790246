r"""How much of the effect of a data column on a response goes along a path.

A path goes from the column by steps :math:`m_1, \dots, m_K` to the response. Let its first step be
as it is where the column is at :math:`x'`, and all else as where it is at :math:`x`:

.. math::

    m_1^* = m_1(x'), \qquad m_k^* = m_k(x,\, m_{k-1}^*), \qquad
    Y(x, x') = \frac{1}{S} \sum_s \frac{1}{T_s} \sum_t
        E\left[ y_{s,t} \mid x,\, m_K^*,\, \theta_s \right]

for participants :math:`s` with rows :math:`t`. Whatever reads the step :math:`m_{k-1}` on the way
to :math:`m_k`, on that trial or on a later one, finds :math:`m_{k-1}^*`. Moving the column from
:math:`l` to :math:`h` then changes the response by

.. math::

    \underbrace{Y(h, h) - Y(l, l)}_{\text{total}}
        = \underbrace{Y(l, h) - Y(l, l)}_{\text{through the path}}
        + \underbrace{Y(h, l) - Y(l, l)}_{\text{not through it}}
        + \underbrace{Y(h, h) - Y(h, l) - Y(l, h) + Y(l, l)}_{\text{both together}}

The equations are cut at every step: one run of them gives the first, and each further run reads a
step in place of its own. Expected responses of people are averaged, not their coefficients: where
a person's slopes multiply, the average holds their covariance over people, and probabilities are
averaged as probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.engine.evaluator import evaluate_draws
from empathymodels.inference.fits import model_of, study_of, thinned
from empathymodels.layout.arrange import arrange, columns_read
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import did_you_mean, listed
from empathymodels.results.path_routes import check_route, shared_parameters
from empathymodels.results.path_worlds import between, drawn_beside, expectation, moved
from empathymodels.results.summary import summary, with_method

ROUNDING = 1e-12  # relative, of a mean over rows: far above its error, far below any interest


@checked_arguments
def path_effects(
    fit: xr.DataTree,
    column: str,
    response: str,
    *,
    through: str | Sequence[str],
    values: tuple[Any, Any],
    draws: int = 400,
    prob: float = 0.9,
) -> pd.DataFrame:
    """How far a column changes a response, and how much of this goes along a path.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    column : str
        Data column that the equations read, such as an attribute or the context.
    response : str
        The response whose expected value changes.
    through : str or sequence of str
        The latent, such as ``"utility"``, or several in the order in which each leads to the next:
        ``["avoidance", "empathy"]``. For a score of people the last may be a summary that it
        reads, such as ``"mean_surprise"``.
    values : (low, high)
        The column is moved from `low` to `high` on every row that has it: two numbers within its
        declared range, or two of its labels.
    draws : int
        About how many posterior draws to use (evenly thinned over all chains).
    prob : float in (0, 1)
        Mass of the highest-density intervals.

    Returns
    -------
    DataFrame
        Four rows, told apart by ``path``: ``"total"``; ``"through <latent>"`` (what the response
        changes by if only the latent moves as the column would move it: the natural indirect
        effect), of several ``"through <first> -> <second>"`` (if only the first moves so, and only
        by way of the second and so on: the path-specific effect); ``"not through ..."`` (if the
        column moves, and nothing goes along this path; for one latent the natural direct effect);
        and ``"both together"`` (what the two do beyond their sum, 0 where nothing bends or
        multiplies). The last three add up to the total. Columns
        ``response``, ``change``, ``path``, ``mean``, ``median``, ``sd``, ``hdi_low``, ``hdi_high``
        (in the response's unit; of a choice, as probability) and ``p_positive``
        (none of an exact 0); an approximate
        fit has a column ``method``, as in `estimates`. ``attrs["reading"]`` says in words what was
        averaged, and on what assumptions the numbers rest.

    Raises
    ------
    KeyError
        There is no such column, latent or response, or no such label.
    ValueError
        The equations do not have the path: the first step does not depend on the column, a step
        not on the one before it, or the response not on the last; a step is a response. The values
        are outside of the column's range or the same, or a distribution has no mean in closed form.

    Notes
    -----
    People keep their own parameters and count alike, whatever their number of rows. Steps are
    held on every trial: a state that one updates is then what the held step makes of it.
    Another response of the same trial that this one reads (a residual shared with it) is averaged
    over as it would be drawn, exactly for levels and by quadrature with 40 points for a normal.
    Responses that equations of trials read, such as earlier choices, stay as observed: what the
    column does to the response by way of them is not counted. A share of the total is not given:
    it has no stable value where the total may be 0, and a share near 1 would not show that there is
    no other way, only that the model has none.

    References
    ----------
    Pearl (2001), Direct and indirect effects, Proc UAI 17:411-420, doi:10.48550/arXiv.1301.2300.
    Avin, Shpitser & Pearl (2005), Identifiability of path-specific effects, Proc IJCAI 19:357-363.
    Kenny, Korchmaros & Bolger (2003), Psychological Methods 8:115-128,
    doi:10.1037/1082-989X.8.2.115 (the covariance of slopes).

    Examples
    --------
    >>> import empathymodels as em
    >>> table = em.path_effects(
    ...     fit, "outcome", "insula", through="value", values=(-1, 1)
    ... )  # doctest: +SKIP
    >>> print(table.attrs["reading"])  # doctest: +SKIP
    """
    arrangement = arrange(model_of(fit), study_of(fit))
    steps = [through] if isinstance(through, str) else list(through)
    check_route(arrangement, column, response, steps, fit)
    _check_values(arrangement, column, values)
    worlds = [expectation(moved(arrangement, column, x), response, steps) for x in values]
    posterior = thinned(fit["posterior"].to_dataset(), draws)
    means = {}
    for own, first in product((0, 1), repeat=2):
        world = between(worlds[own], worlds[first])
        found = evaluate_draws(world, posterior, "mean", description="Paths")
        means[own, first] = found[response][..., 0]
    start, path = means[0, 0], " -> ".join(steps)
    paths = {
        "total": means[1, 1] - start,
        f"through {path}": means[0, 1] - start,
        f"not through {path}": means[1, 0] - start,
        "both together": means[1, 1] - means[1, 0] - means[0, 1] + start,
    }
    change = f"{column}: {values[0]} to {values[1]}"
    table = pd.DataFrame(
        {
            "response": response,
            "change": change,
            "path": name,
            **summary(effect, prob),
            "p_positive": float((effect > 0).mean())
            if effect.size > 1 and effect.any()
            else np.nan,
        }
        for name, effect in _beyond_rounding(paths, start).items()
    )
    table.attrs["reading"] = _reading(arrangement, column, response, steps, values)
    return with_method(table, fit, place=3)


def _beyond_rounding(paths: Mapping[str, np.ndarray], start: np.ndarray) -> dict[str, np.ndarray]:
    """Make 0 of differences that are nothing but rounding, whose sign would say something."""
    least = ROUNDING * np.maximum(abs(start), abs(start + paths["total"]))
    return {path: np.where(abs(effect) > least, effect, 0.0) for path, effect in paths.items()}


# --------------------------------------------------------------------------- what can be asked


def _check_values(arrangement: Arrangement, column: str, values: tuple[Any, Any]) -> None:
    declared = arrangement.model.column(column)
    if len(values) != 2 or values[0] == values[1]:
        raise ValueError(
            f"`values` must be two different values of '{column}', from and to; found {values!r}. "
            "Give for example values=(low, high)."
        )
    levels = arrangement.levels.get(column, declared.levels)
    low, high = declared.range or (-np.inf, np.inf)
    for value in values:
        if levels is not None and value not in list(levels):
            raise KeyError(
                f"'{column}' must be one of its {len(levels)} levels, {listed(levels)}; found "
                f"{value!r} among `values`. Name two of them." + did_you_mean(value, levels)
            )
        if levels is None and not (isinstance(value, Real) and low <= float(value) <= high):
            raise ValueError(
                f"'{column}' must be a number from {low:g} to {high:g}; found {value!r} among "
                "`values`. Give two numbers inside."
            )


def _reading(
    arrangement: Arrangement,
    column: str,
    response: str,
    steps: Sequence[str],
    values: tuple[Any, Any],
) -> str:
    """Say what the numbers are and what they rest on."""
    declared = arrangement.model.response(response)
    unit = f", in {declared.unit}" if declared.unit else ""
    chain, nodes = " -> ".join(steps), [column, *steps, response]
    ways = (
        f"only '{steps[0]}' moves, on all trials, as the column would move it"
        if len(steps) == 1
        else f"'{steps[0]}' moves, on all trials, as the column would move it, each further step "
        "only as far as the one before it moves it, and nothing else moves"
    )
    sentences = [
        f"Change of the expected '{response}'{unit}, where '{column}' is moved from {values[0]} to "
        f"{values[1]} on all trials.",
        "Averaged over every participant's rows, then over the participants of the study, who keep "
        "their own parameters.",
        f"'Through {chain}': {ways}.",
        *_of_other_responses(arrangement, column, response),
        f"An effect of '{column}', and of {_and(steps)}, only as far as the equations of "
        f"'{arrangement.model.label}' hold and nothing that they lack moves two of {_and(nodes)} "
        "together.",
        "Ways that the model does not have are not looked for.",
    ]
    return " ".join(sentences)


def _and(names: Sequence[str]) -> str:
    """Name one or more in a sentence."""
    before, last = listed(names[:-1]), f"'{names[-1]}'"
    return f"{before} and {last}" if len(names) > 1 else last


def _of_other_responses(arrangement: Arrangement, column: str, response: str) -> list[str]:
    """Say what became of the responses that were recorded."""
    read = columns_read(arrangement.model, arrangement.model.response(response))
    drawn = drawn_beside(arrangement, response)
    given = [r.name for r in arrangement.model.observables if r.name in read - set(drawn)]
    sentences = [
        f"'{response}' reads '{name}' of its trial, and is averaged over it as the model draws it "
        f"where '{column}' is moved."
        for name in drawn
    ]
    if given:
        sentences.append(
            f"Responses that the equations read are as observed: {listed(given)}; what '{column}' "
            "does by way of these is not counted."
        )
    return sentences + [
        f"'{response}' does not read '{other}' and has {listed(parameters)} in common with it: "
        f"no path goes by what was recorded of '{other}'."
        for other, parameters in shared_parameters(arrangement, response).items()
    ]
