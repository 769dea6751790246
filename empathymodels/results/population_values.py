"""Values of the population from a fit: the median person, the average over people, covariates."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.inference.fits import covariates_of
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.levels import levels_among, levels_of
from empathymodels.messages import words
from empathymodels.population.blocks import deviation_quadrature
from empathymodels.population.covariates import people_of
from empathymodels.population.scales import natural_values


def levels_of_parameter(parameter: Parameter, arrangement: Arrangement) -> list[Any]:
    """Return the levels that a parameter has values for, or None alone."""
    return arrangement.levels[parameter.by] if parameter.by else [None]


def at_level(values: xr.DataArray, parameter: Parameter, level: Any) -> xr.DataArray:
    """Return the values of a parameter at one of its levels."""
    return values if parameter.by is None else values.sel({parameter.by: level})


def linked_mean(
    fit: xr.DataTree, parameter: Parameter, level: Any, rows: np.ndarray | None = None
) -> np.ndarray:
    """Population mean on the link scale, (chain, draw), at the mean of rows of covariates.

    Parameters
    ----------
    fit, parameter, level : DataTree, Parameter, label or None
        Which mean.
    rows : ndarray ((row,) covariate), optional
        The fit's own participants unless given.
    """
    rows = _covariate_rows(fit, parameter) if rows is None else np.atleast_2d(rows)
    return _linked_at(fit, parameter, level, rows.mean(axis=0))


def _covariate_rows(fit: xr.DataTree, parameter: Parameter) -> np.ndarray:
    """Covariates of the fit's participants, (participant, covariate); none without a formula."""
    name = f"{parameter.name}_covariates"
    if f"{parameter.name}_effect" not in fit["posterior"]:
        return np.zeros((1, 0))
    return np.asarray(fit["constant_data"][name].to_numpy())


def _linked_at(fit: xr.DataTree, parameter: Parameter, level: Any, row: np.ndarray) -> np.ndarray:
    """Population mean on the link scale, (chain, draw), at one row of covariates."""
    posterior, effect = fit["posterior"].to_dataset(), f"{parameter.name}_effect"
    mean = at_level(posterior[f"{parameter.name}_mean"], parameter, level).to_numpy()
    if effect not in posterior:
        return mean
    values = at_level(posterior[effect], parameter, level)
    values = values.transpose("chain", "draw", f"{parameter.name}_covariate").to_numpy()
    return mean + values @ row


def average_over_people(
    fit: xr.DataTree, parameter: Parameter, model: Model, level: Any, rows: np.ndarray | None
) -> np.ndarray:
    """Mean over people with these rows of covariates on the natural scale, (chain, draw)."""
    rows = _covariate_rows(fit, parameter) if rows is None else np.atleast_2d(rows)
    spread = at_level(fit["posterior"][f"{parameter.name}_sd"], parameter, level).to_numpy()
    alike, people = np.unique(rows, axis=0, return_counts=True)
    averages = (
        share * population_average(parameter, model, linked, spread)
        for row, share in zip(alike, people / people.sum(), strict=True)
        for linked in [_linked_at(fit, parameter, level, row)]
    )
    return np.asarray(sum(averages))


def population_average(
    parameter: Parameter, model: Model, mean: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """Mean over people of one link-scale mean on the natural scale, by quadrature over deviations.

    With Student-t deviations the exponential of a log link has no mean: NaN.
    """
    support = SUPPORTS[parameter.support]
    if support.is_linear:
        return natural_values(parameter, model, mean)
    kind = model.population if parameter.level == "participant" else "normal"
    if kind == "student_t" and support.is_log:
        return np.full_like(mean, np.nan)
    nodes, weights = deviation_quadrature(kind)
    values = natural_values(parameter, model, mean[..., None] + spread[..., None] * nodes)
    return values @ weights


def sign_is_open(parameter: Parameter) -> bool:
    """Whether a parameter's support lets it be below and above 0."""
    low, high = SUPPORTS[parameter.support].ends
    return low < 0 < high


def shown_covariate(fit: xr.DataTree, parameter: Parameter, arrangement: Arrangement) -> str | None:
    """Return the covariate whose groups are drawn: the first with labels in the formula.

    A parameter with `by` levels is drawn by these instead.
    """
    if parameter.by is not None:
        return None
    covariates = covariates_of(fit, arrangement).get(parameter.name)
    people = arrangement.checked.tables["participants"]
    for column in people.columns:
        if covariates and column in covariates.levels:
            return str(column)
    return None


def averaged_over(
    fit: xr.DataTree,
    parameter: Parameter,
    arrangement: Arrangement,
    *,
    shown: str | None = None,
    whose: str = "",
) -> str:
    """Say over which covariates of a parameter a figure averages; nothing if over none."""
    covariates = covariates_of(fit, arrangement).get(parameter.name)
    columns = [words(c) for c in (covariates.columns if covariates else ()) if c != shown]
    return f"; {whose}averaged over {', '.join(columns)}" if columns else ""


def median_persons(
    fit: xr.DataTree, parameter: Parameter, arrangement: Arrangement, column: str
) -> dict[Any, np.ndarray]:
    """Return draws of the median person of every group of a covariate, other ones as they are."""
    covariates = covariates_of(fit, arrangement)[parameter.name]
    people = people_of(arrangement)
    found = {}
    for group in levels_among(people[column], levels_of(arrangement, column)):
        row = covariates.at(people.assign(**{column: group})).to_numpy().mean(axis=0)
        linked = linked_mean(fit, parameter, None, row).ravel()
        found[group] = natural_values(parameter, arrangement.model, linked)
    return found
