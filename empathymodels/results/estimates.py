"""Tables of what was inferred of the population and of every participant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.parts import Parameter
from empathymodels.inference.fits import arrangement_of, covariates_of
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.scales import linked_values, natural_values
from empathymodels.results.population_values import (
    at_level,
    average_over_people,
    levels_of_parameter,
    linked_mean,
    sign_is_open,
)
from empathymodels.results.summary import share_of_draws, summary, summary_of_spread, with_method


@checked_arguments
def estimates(fit: xr.DataTree, *, prob: float = 0.9) -> pd.DataFrame:
    """Tidy table of the population and of every participant, on the natural scale.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    prob : float in (0, 1)
        Mass of the highest-density intervals.

    Returns
    -------
    DataFrame
        One row per quantity: ``parameter``, ``level`` (of its `by` column), ``whose`` (the
        participant's label, ``"median person"``, ``"population average"``, ``"population"``,
        ``"spread between people"`` or ``"effect of <covariate>"``), ``mean``, ``median``,
        ``sd``, ``hdi_low``, ``hdi_high``, ``p_positive`` (posterior probability of a value above
        0, where the parameter's support leaves its sign open), ``unit`` ("natural" or "link") and
        ``shrinkage``. The *median person* has the population mean on the link scale; the
        *population average* is the mean over people, which differs where the link is not linear.
        With covariates the median person has everybody's mean covariates on the link scale, and
        the population average is taken over people with covariates of their own.
        ``spread between people`` is on the link scale, and so are ``effect of <covariate>``: of a
        label against the reference, of a number per standard deviation; with covariates there is
        a last column ``coding`` that says which (``"age per standard deviation (8.3) from 31"``).
        ``shrinkage`` (people only) is the posterior variance of the person's value over the
        population variance, on the link scale: near 0 the person's own data decide, near 1
        only the population is known. An approximate fit has a further column ``method``, such
        as "laplace, approximate". The intervals of spreads are then missing: Laplace's Gaussian
        around a spread's mode is too narrow (90 % intervals hold about 65 % of true values).
        "map" has no uncertainty, so that all but ``mean`` and ``median`` are missing.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.estimates(fit).query("whose == 'median person'")  # doctest: +SKIP
    """
    arrangement = arrangement_of(fit)
    posterior = fit["posterior"].to_dataset()
    rows: list[dict[str, Any]] = []
    for parameter in arrangement.parameters:
        if parameter.fixed is None:
            rows += _population_rows(fit, posterior, parameter, arrangement, prob)
            rows += _unit_rows(posterior, parameter, arrangement, prob)
    table = pd.DataFrame(rows)
    if "coding" in table:
        table["coding"] = table.pop("coding")  # the last column
    return with_method(table, fit, place=3)


def _population_rows(
    fit: xr.DataTree,
    posterior: xr.Dataset,
    parameter: Parameter,
    arrangement: Arrangement,
    prob: float,
) -> Iterator[dict[str, Any]]:
    name, model = parameter.name, arrangement.model
    covariates = covariates_of(fit, arrangement).get(name)
    for level in levels_of_parameter(parameter, arrangement):
        head = {"parameter": name, "level": level}
        if parameter.level == "population":
            draws = at_level(posterior[name], parameter, level).to_numpy()
            yield {**head, "whose": "population", **_natural(parameter, draws, prob)}
            continue
        mean = linked_mean(fit, parameter, level)
        spread = at_level(posterior[f"{name}_sd"], parameter, level).to_numpy()
        median = natural_values(parameter, model, mean)
        average = average_over_people(fit, parameter, model, level, None)
        whose = "median item" if parameter.is_item else "median person"
        yield {**head, "whose": whose, **_natural(parameter, median, prob)}
        whose = "item average" if parameter.is_item else "population average"
        yield {**head, "whose": whose, **_natural(parameter, average, prob)}
        whose = "spread between items" if parameter.is_item else "spread between people"
        yield {**head, "whose": whose, **summary_of_spread(fit, spread, prob), "unit": "link"}
        for covariate, effect in _effects(posterior, parameter, level):
            coding = covariates.coding.get(covariate, ()) if covariates else ()
            share = {"p_positive": share_of_draws(effect, (effect > 0).mean()), "unit": "link"}
            told = {"coding": "; ".join(map(str, coding))}
            whose = f"effect of {covariate}"
            yield {**head, "whose": whose, **summary(effect, prob), **share, **told}


def _effects(
    posterior: xr.Dataset, parameter: Parameter, level: Any
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every covariate of a parameter with its draws."""
    name, dim = f"{parameter.name}_effect", f"{parameter.name}_covariate"
    if name in posterior:
        values = at_level(posterior[name], parameter, level)
        for covariate in posterior[dim].to_numpy():
            yield str(covariate), values.sel({dim: covariate}).to_numpy()


def rows_of_population(fit: xr.DataTree, parameter: Parameter) -> int:
    """Return how many rows of `estimates` are about the population of a parameter (at a level)."""
    if parameter.level == "population":
        return 1
    # median, average and spread; then effects
    return 3 + fit["posterior"].sizes.get(f"{parameter.name}_covariate", 0)


def _unit_rows(
    posterior: xr.Dataset, parameter: Parameter, arrangement: Arrangement, prob: float
) -> Iterator[dict[str, Any]]:
    if parameter.level == "population":
        return
    labels = arrangement.levels[parameter.level] if parameter.is_item else arrangement.participants
    dim = parameter.level
    for level in levels_of_parameter(parameter, arrangement):
        values = at_level(posterior[parameter.name], parameter, level)
        variance = np.mean(
            at_level(posterior[f"{parameter.name}_sd"], parameter, level).to_numpy() ** 2
        )
        for label in labels:
            draws = values.sel({dim: label}).to_numpy()
            linked = linked_values(parameter, arrangement.model, draws)
            yield {
                "parameter": parameter.name,
                "level": level,
                "whose": str(label),
                **_natural(parameter, draws, prob),
                "shrinkage": share_of_draws(linked, float(min(linked.var() / variance, 1.0))),
            }


def _natural(parameter: Parameter, draws: np.ndarray, prob: float) -> dict[str, Any]:
    """Summary of natural-scale draws, with how probable it is that they are above 0."""
    p_positive = share_of_draws(draws, (draws > 0).mean()) if sign_is_open(parameter) else np.nan
    return {**summary(draws, prob), "p_positive": p_positive, "unit": "natural"}
