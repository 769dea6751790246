"""Differences of a parameter between levels or groups, from the joint posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.parts import Parameter
from empathymodels.inference.fits import arrangement_of, covariates_of
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import did_you_mean, listed
from empathymodels.population.covariates import Covariates, people_of
from empathymodels.population.design_matrix import label_text
from empathymodels.population.scales import linked_values, natural_values
from empathymodels.results.population_values import (
    at_level,
    average_over_people,
    levels_of_parameter,
    linked_mean,
)
from empathymodels.results.summary import share_of_draws, summary, with_method


@checked_arguments
def contrast(
    fit: xr.DataTree,
    parameter: str,
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    *,
    minus: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None,
    rope: tuple[float, float] | None = None,
    prob: float = 0.9,
    scale: Literal["median person", "population average", "link"] = "median person",
) -> pd.DataFrame:
    """Difference of a parameter between two levels or groups, from the joint posterior.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    parameter : str
        Parameter that varies between participants, or that all share and that has levels.
    first, second : mapping
        What is compared, ``first`` minus ``second``: the level of the parameter's `by` column
        (``{"cue": "high"}``) and/or values of covariates in its formula
        (``{"partner_group": "out"}``). Covariates not named keep each participant's value: the
        median person has their mean on the link scale, and the population average is the mean
        over people with values of their own.
    minus : (mapping, mapping), optional
        A second difference to take away from the first: an interaction.
    rope : (float, float), optional
        Region of practical equivalence, in the unit of `scale`.
    prob : float in (0, 1)
        Mass of the highest-density interval.
    scale : {"median person", "population average", "link"}
        Natural scale of the median person or of the population average, or the link scale.

    Returns
    -------
    DataFrame
        One row: ``mean``, ``median``, ``sd``, ``hdi_low``, ``hdi_high``, ``p_positive``, and with a
        ROPE ``p_in_rope``, ``p_below_rope``, ``p_above_rope`` and ``verdict``. An approximate
        fit has a column ``method``, as in `estimates`.

    Raises
    ------
    KeyError
        A name is neither the parameter's `by` column nor a covariate of its formula.
    ValueError
        The parameter is fixed, varies between items alone, or is one value for all; or `rope`
        does not rise from a lower to a higher end.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.contrast(
    ...     fit,
    ...     "learning_rate",
    ...     {"partner_group": "out"},
    ...     {"partner_group": "in"},
    ...     rope=(-0.05, 0.05),
    ... )  # doctest: +SKIP
    """
    check_rope(rope)
    arrangement = arrangement_of(fit)
    covariates = covariates_of(fit, arrangement).get(parameter)
    pairs = [(first, second), *([minus] if minus else [])]
    difference = difference_between(fit, arrangement, covariates, parameter, pairs, scale)
    row: dict[str, Any] = {
        "parameter": parameter,
        "first": " minus ".join(_words(pair[0]) for pair in pairs),
        "second": " minus ".join(_words(pair[1]) for pair in pairs),
        "scale": scale,
        **contrast_numbers(difference, prob),
    }
    table = pd.DataFrame([row | (_rope(difference, rope, row) if rope is not None else {})])
    return with_method(table, fit, place=4)


def difference_between(
    fit: xr.DataTree,
    arrangement: Arrangement,
    covariates: Covariates | None,
    parameter: str,
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    scale: str = "median person",
) -> np.ndarray:
    """Return draws of the difference of the first pair's sides, less those of the others.

    Raises
    ------
    KeyError, ValueError
        As `contrast`.
    """
    declared = arrangement.model.parameter(parameter)
    sides_asked = [at for pair in pairs for at in pair]
    places = contrast_places(arrangement, covariates, parameter, sides_asked)
    sides = [_side(fit, declared, arrangement, *place, scale) for place in places]
    differences = [one - other for one, other in zip(sides[::2], sides[1::2], strict=True)]
    return np.asarray(differences[0] - sum(differences[1:]))


def contrast_numbers(difference: np.ndarray, prob: float) -> dict[str, float]:
    """Summarise draws of a difference, with the probability that it is above 0."""
    above = share_of_draws(difference, (difference > 0).mean())
    return {**summary(difference, prob), "p_positive": above}


def _words(at: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in at.items())


def contrast_places(
    arrangement: Arrangement,
    covariates: Covariates | None,
    parameter: str,
    sides: Sequence[Mapping[str, Any]],
) -> list[tuple[Any, np.ndarray | None]]:
    """Level and rows of covariates (participant, covariate) of every side; needs no fit.

    Raises
    ------
    KeyError, ValueError
        As `contrast`.
    """
    declared = arrangement.model.parameter(parameter)
    has_sides = declared.level == "participant" or (
        declared.level == "population" and declared.by is not None
    )
    if not has_sides or declared.fixed is not None:
        raise ValueError(
            "A contrast needs a parameter that varies between participants, or that has levels "
            f"which all share, and that is not fixed; '{parameter}' is none. Choose another."
        )
    return [_place(declared, arrangement, covariates, at) for at in sides]


def _place(
    parameter: Parameter,
    arrangement: Arrangement,
    covariates: Covariates | None,
    at: Mapping[str, Any],
) -> tuple[Any, np.ndarray | None]:
    given = dict(at)
    asked = given.pop(parameter.by, None) if parameter.by else None
    known = {label_text(level): level for level in levels_of_parameter(parameter, arrangement)}
    level = known.get(label_text(asked))
    if parameter.by and level is None:
        example = {parameter.by: next(iter(known.values()))}
        raise KeyError(
            f"'{parameter.name}' has one value per '{parameter.by}': name one of "
            f"{listed(known.values())} on both sides, for example {example}; found {asked!r}."
        )
    return level, _rows_at(parameter, arrangement, covariates, given)


def _side(
    fit: xr.DataTree,
    parameter: Parameter,
    arrangement: Arrangement,
    level: Any,
    rows: np.ndarray | None,
    scale: str,
) -> np.ndarray:
    if parameter.level == "population":
        return _shared_value(fit, parameter, arrangement, level, scale)
    if scale == "population average":
        return average_over_people(fit, parameter, arrangement.model, level, rows)
    mean = linked_mean(fit, parameter, level, rows)
    return mean if scale == "link" else natural_values(parameter, arrangement.model, mean)


def _shared_value(
    fit: xr.DataTree, parameter: Parameter, arrangement: Arrangement, level: Any, scale: str
) -> np.ndarray:
    """Return the value that all share at a level, (chain, draw)."""
    values = at_level(fit["posterior"][parameter.name], parameter, level).to_numpy()
    return values if scale != "link" else linked_values(parameter, arrangement.model, values)


def _rows_at(
    parameter: Parameter,
    arrangement: Arrangement,
    covariates: Covariates | None,
    given: Mapping[str, Any],
) -> np.ndarray | None:
    if not given:
        return None
    people = people_of(arrangement)
    if covariates is not None and not covariates.coding:
        covariates.at(people)  # says why the formula in the file cannot be used
    for name, value in given.items():
        if covariates is None or name not in covariates.columns:
            raise KeyError(_no_side(name, parameter, covariates, people))
        levels = covariates.levels.get(name, [])
        if levels and label_text(value) not in levels:
            raise KeyError(
                f"'{name}' must be one of {listed(levels)}; found {value!r}. Name one of them."
                + did_you_mean(value, levels)
            )
        people = people.assign(**{name: value})
    assert covariates is not None
    return np.asarray(covariates.at(people).to_numpy())


def _no_side(
    name: str, parameter: Parameter, covariates: Covariates | None, people: pd.DataFrame
) -> str:
    """Say why two sides cannot be told apart by a name."""
    columns = [column for column in people if column != "_row"]
    by = f" or its `by` column '{parameter.by}'" if parameter.by else ""
    formula = f"'{covariates.formula}'" if covariates else "none"
    if name in columns:
        advice = f"Fit with covariates={{'{parameter.name}': '{name}'}}."
    else:
        advice = f"The participants table has {listed(columns)}.{did_you_mean(name, columns)}"
    return (
        f"'{name}' must be a covariate of '{parameter.name}'{by}, for sides to differ in it; the "
        f"formula is {formula}. {advice}"
    )


def check_rope(rope: tuple[float, float] | None) -> None:
    """Refuse a region of practical equivalence whose ends do not rise."""
    if rope is not None and not rope[0] < rope[1]:
        raise ValueError(
            f"rope must be two numbers that rise, the ends of what counts as equal; found {rope}. "
            "Give for example (-0.1, 0.1)."
        )


def _rope(
    difference: np.ndarray, rope: tuple[float, float], row: Mapping[str, Any]
) -> dict[str, Any]:
    low, high = rope
    inside = row["hdi_low"] >= low and row["hdi_high"] <= high
    outside = row["hdi_low"] > high or row["hdi_high"] < low
    verdict = "practically equal" if inside else "different" if outside else "undecided"
    return {
        "p_below_rope": share_of_draws(difference, (difference < low).mean()),
        "p_in_rope": share_of_draws(
            difference, ((difference >= low) & (difference <= high)).mean()
        ),
        "p_above_rope": share_of_draws(difference, (difference > high).mean()),
        "verdict": verdict,
    }
