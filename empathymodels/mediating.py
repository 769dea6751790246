r"""How much of the effect of a data column on a response goes through a latent.

A response that is expected where the column is at :math:`x`, and where whatever reads the latent,
on that trial or on a later one, finds the latent as it is where the column is at :math:`x'`, is

.. math:: Y(x, x') = \frac{1}{S} \sum_s \frac{1}{T_s} \sum_t
    E\left[ y_{s,t} \mid x, L_s(x'), \theta_s \right]

for participants :math:`s` with rows :math:`t`. Moving the column from :math:`l` to :math:`h` then
changes it by

.. math::

    \underbrace{Y(h, h) - Y(l, l)}_{\text{total}}
        = \underbrace{Y(l, h) - Y(l, l)}_{\text{through the latent}}
        + \underbrace{Y(h, l) - Y(l, l)}_{\text{not through it}}
        + \underbrace{Y(h, h) - Y(h, l) - Y(l, h) + Y(l, l)}_{\text{both together}}

The equations are cut at the latent: one run of them gives the latent, and a second run reads it
in place of its own. Expected responses of people are averaged, not their coefficients: where a
person's slopes multiply, the average holds their covariance over people, and probabilities are
averaged as probabilities.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arrangement import Arrangement, arrange, columns_read
from empathymodels.covariates import covariates_for
from empathymodels.cutting import between, expectation, moved, reads_latent
from empathymodels.estimating import summary, with_method
from empathymodels.evaluating import evaluate_draws
from empathymodels.fitting import model_of, study_of
from empathymodels.nouns import FirstResponse
from empathymodels.predicting import thinned
from empathymodels.wording import did_you_mean, listed

ROUNDING = 1e-12  # relative, of a mean over rows: far above its error, far below any interest


def path_effects(
    fit: xr.DataTree,
    column: str,
    response: str,
    *,
    through: str,
    values: tuple[Any, Any],
    draws: int = 400,
    prob: float = 0.9,
) -> pd.DataFrame:
    """How far a column changes a response, and how much of this goes through a latent.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    column : str
        Data column that the equations read, such as an attribute or the context.
    response : str
        The response whose expected value changes.
    through : str
        The latent, such as ``"utility"`` or ``"prediction_error"``.
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
        effect); ``"not through <latent>"`` (if the column moves and the latent does not: the
        natural direct effect); and ``"both together"`` (what the two do beyond their sum, 0 where
        nothing bends or multiplies). The last three add up to the total. Columns
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
        No equation of the response reads the column or the latent, the values are outside of the
        column's range or the same, or the response's distribution has no mean in closed form.

    Notes
    -----
    People keep their own parameters and count alike, whatever their number of rows. The latent is
    held on every trial: a state that it updates is then what the held latent makes of it.
    Responses that the equations read, such as earlier choices, stay as observed: what the column
    does to the response by way of them is not counted. A share of the total is not given: it has
    no stable value where the total may be 0, and a share near 1 would not show that there is no
    other way, only that the model has none.

    References
    ----------
    Pearl (2001), Direct and indirect effects, Proc UAI 17:411-420, doi:10.48550/arXiv.1301.2300.
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
    _check_names(arrangement, column, response, through, fit)
    _check_values(arrangement, column, values)
    worlds = [expectation(moved(arrangement, column, x), response, through) for x in values]
    posterior = thinned(fit["posterior"].to_dataset(), draws)
    means = {}
    for own, latent in product((0, 1), repeat=2):
        world = between(worlds[own], worlds[latent])
        found = evaluate_draws(world, posterior, "mean", description="Paths")
        means[own, latent] = found[response][..., 0]
    start = means[0, 0]
    paths = {
        "total": means[1, 1] - start,
        f"through {through}": means[0, 1] - start,
        f"not through {through}": means[1, 0] - start,
        "both together": means[1, 1] - means[1, 0] - means[0, 1] + start,
    }
    change = f"{column}: {values[0]} to {values[1]}"
    table = pd.DataFrame(
        {
            "response": response,
            "change": change,
            "path": path,
            **summary(effect, prob),
            "p_positive": float((effect > 0).mean())
            if effect.size > 1 and effect.any()
            else np.nan,
        }
        for path, effect in _beyond_rounding(paths, start).items()
    )
    table.attrs["reading"] = _reading(arrangement, column, response, through, values)
    return with_method(table, fit, place=3)


def _beyond_rounding(paths: Mapping[str, np.ndarray], start: np.ndarray) -> dict[str, np.ndarray]:
    """Make 0 of differences that are nothing but rounding, whose sign would say something."""
    least = ROUNDING * np.maximum(abs(start), abs(start + paths["total"]))
    return {path: np.where(abs(effect) > least, effect, 0.0) for path, effect in paths.items()}


# --------------------------------------------------------------------------- what can be asked


def _check_names(
    arrangement: Arrangement, column: str, response: str, through: str, fit: xr.DataTree
) -> None:
    model, latents = arrangement.model, arrangement.equations.latents
    declared = model.response(response)
    if through not in latents:
        raise KeyError(
            f"`through` must be a latent of trials that the study can tell; '{model.label}' has "
            f"{len(latents)}: {listed(latents)}. Found '{through}'. Name one of them."
            + did_you_mean(through, latents)
        )
    read = columns_read(model, declared)
    if column not in read or not _has(arrangement, response, column):
        _refuse_column(arrangement, column, response, read, fit)
    read_latents = [name for name in latents if reads_latent(arrangement, declared, name)]
    if through not in read_latents:
        raise ValueError(
            f"'{response}' must depend on the latent that its path is to go through; in "
            f"'{model.label}' it depends on {listed(read_latents)}; '{through}' is not among these "
            f"{len(read_latents)}. Name one of them, or another response."
        )
    _refuse_first_responses(arrangement, column)


def _has(arrangement: Arrangement, response: str, column: str) -> bool:
    return any(column in x for x in (arrangement.trials, arrangement.scored[response].frame))


def _refuse_column(
    arrangement: Arrangement, column: str, response: str, read: set[str], fit: xr.DataTree
) -> None:
    asked: dict[str, str] = json.loads(fit.attrs["covariates"])
    covariates = covariates_for(arrangement, asked)
    explained = [name for name, found in covariates.items() if column in found.columns]
    there = [c.name for c in arrangement.model.columns if _has(arrangement, response, c.name)]
    usable = [name for name in there if name in read]
    if explained:
        raise ValueError(
            f"A path starts at a column that equations read on the way to '{response}': "
            f"{listed(usable)}. '{column}' is a covariate of {len(explained)} parameters, "
            f"{listed(explained)}: it tells people apart and is no part of a trial. Ask "
            f"em.contrast(fit, '{explained[0]}', ...)."
        )
    arrangement.model.column(column)
    reason = "the study does not have it" if column in read else "no equation of it reads it"
    raise ValueError(
        f"A path starts at a column of the study that equations read on the way to '{response}'. "
        f"Found '{column}': {reason}. There are {len(usable)}: {listed(usable)}. Name one of them."
        + did_you_mean(column, usable)
    )


def _refuse_first_responses(arrangement: Arrangement, column: str) -> None:
    model = arrangement.model
    started = [
        s.name for s in model.states if s.over == column and isinstance(s.start, FirstResponse)
    ]
    if started:
        raise ValueError(
            f"A column can be moved where states do not start at responses to its levels. In "
            f"'{model.label}' {len(started)} do by '{column}': {listed(started)}; responses to a "
            "level that was not shown are unknown. Name another column."
        )


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
    arrangement: Arrangement, column: str, response: str, through: str, values: tuple[Any, Any]
) -> str:
    """Say what the numbers are and what they rest on."""
    declared = arrangement.model.response(response)
    read = columns_read(arrangement.model, declared)
    given = [r.name for r in arrangement.model.observables if r.name in read]
    unit = f", in {declared.unit}" if declared.unit else ""
    sentences = [
        f"Change of the expected '{response}'{unit}, where '{column}' is moved from {values[0]} to "
        f"{values[1]} on all trials.",
        "Averaged over every participant's rows, then over the participants of the study, who keep "
        "their own parameters.",
        f"'Through {through}': only '{through}' moves, on all trials, as the column would move it.",
        f"Responses that the equations read are as observed: {listed(given)}; what '{column}' does "
        "by way of these is not counted."
        if given
        else "",
        f"An effect of '{column}', and of '{through}', only as far as the equations of "
        f"'{arrangement.model.label}' hold and nothing that they lack moves two of '{column}', "
        f"'{through}' and '{response}' together.",
        "Ways that the model does not have are not looked for.",
    ]
    return " ".join(filter(None, sentences))
