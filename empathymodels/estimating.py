"""Tables of what was inferred, and differences between levels or groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.arrangement import Arrangement, is_item
from empathymodels.covariates import Covariates, covariates_of, people_of
from empathymodels.design_matrix import label_text
from empathymodels.evaluating import evaluator
from empathymodels.fitting import PARTIAL, method_of, model_of, study_of
from empathymodels.model import Model
from empathymodels.nouns import SUPPORTS, Parameter
from empathymodels.people import deviation_quadrature, linked_values, natural_values
from empathymodels.wording import did_you_mean, listed


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
    model = model_of(fit)
    arrangement = evaluator(model, study_of(fit)).arrangement
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


def with_method(table: pd.DataFrame, fit: xr.DataTree, *, place: int) -> pd.DataFrame:
    """Say in a column of its own that a fit is approximate or partial."""
    if method_of(fit) != "nuts":
        table.insert(place, "method", f"{method_of(fit)}, approximate")
    elif PARTIAL in fit.attrs:
        table.insert(place, "method", f"{PARTIAL}, {fit.attrs[PARTIAL]}")
    return table


def summary(draws: np.ndarray, prob: float) -> dict[str, float]:
    """Mean, median, sd and highest-density interval of draws."""
    is_point = draws.size == 1
    low, high = (np.nan, np.nan) if is_point else az.hdi(draws.ravel(), prob=prob)
    return {
        "mean": float(draws.mean()),
        "median": float(np.median(draws)),
        "sd": np.nan if is_point else float(draws.std(ddof=1)),
        "hdi_low": float(low),
        "hdi_high": float(high),
    }


def summary_of_spread(fit: xr.DataTree, draws: np.ndarray, prob: float) -> dict[str, float]:
    """Return `summary` of what spreads between people make; Laplace's has no interval.

    In 20 simulated studies its intervals of 90 % held 65 % of the spreads.
    """
    has_none = method_of(fit) == "laplace"
    without = {"hdi_low": np.nan, "hdi_high": np.nan} if has_none else {}
    return summary(draws, prob) | without


def _levels(parameter: Parameter, arrangement: Arrangement) -> list[Any]:
    return arrangement.levels[parameter.by] if parameter.by else [None]


def _at(values: xr.DataArray, parameter: Parameter, level: Any) -> xr.DataArray:
    return values if parameter.by is None else values.sel({parameter.by: level})


def _population_rows(
    fit: xr.DataTree,
    posterior: xr.Dataset,
    parameter: Parameter,
    arrangement: Arrangement,
    prob: float,
) -> Iterator[dict[str, Any]]:
    name, model = parameter.name, arrangement.model
    covariates = covariates_of(fit, arrangement).get(name)
    for level in _levels(parameter, arrangement):
        head = {"parameter": name, "level": level}
        if parameter.level == "population":
            draws = _at(posterior[name], parameter, level).to_numpy()
            yield {**head, "whose": "population", **_natural(parameter, draws, prob)}
            continue
        mean = linked_mean(fit, parameter, level)
        spread = _at(posterior[f"{name}_sd"], parameter, level).to_numpy()
        median = natural_values(parameter, model, mean)
        average = _average(fit, parameter, model, level, None)
        whose = "median item" if is_item(parameter) else "median person"
        yield {**head, "whose": whose, **_natural(parameter, median, prob)}
        whose = "item average" if is_item(parameter) else "population average"
        yield {**head, "whose": whose, **_natural(parameter, average, prob)}
        whose = "spread between items" if is_item(parameter) else "spread between people"
        yield {**head, "whose": whose, **summary_of_spread(fit, spread, prob), "unit": "link"}
        for covariate, effect in _effects(posterior, parameter, level):
            coding = covariates.coding.get(covariate, ()) if covariates else ()
            share = {"p_positive": _share(effect, (effect > 0).mean()), "unit": "link"}
            told = {"coding": "; ".join(map(str, coding))}
            whose = f"effect of {covariate}"
            yield {**head, "whose": whose, **summary(effect, prob), **share, **told}


def _effects(
    posterior: xr.Dataset, parameter: Parameter, level: Any
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every covariate of a parameter with its draws."""
    name, dim = f"{parameter.name}_effect", f"{parameter.name}_covariate"
    if name in posterior:
        values = _at(posterior[name], parameter, level)
        for covariate in posterior[dim].to_numpy():
            yield str(covariate), values.sel({dim: covariate}).to_numpy()


def rows_of_population(fit: xr.DataTree, parameter: Parameter) -> int:
    """Return how many rows a parameter (at a level) has in `estimates` before those of people."""
    if parameter.level == "population":
        return 1
    # median, average and spread; then effects
    return 3 + fit["posterior"].sizes.get(f"{parameter.name}_covariate", 0)


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
    mean = _at(posterior[f"{parameter.name}_mean"], parameter, level).to_numpy()
    if effect not in posterior:
        return mean
    values = _at(posterior[effect], parameter, level)
    values = values.transpose("chain", "draw", f"{parameter.name}_covariate").to_numpy()
    return mean + values @ row


def _average(
    fit: xr.DataTree, parameter: Parameter, model: Model, level: Any, rows: np.ndarray | None
) -> np.ndarray:
    """Mean over people with these rows of covariates on the natural scale, (chain, draw)."""
    rows = _covariate_rows(fit, parameter) if rows is None else np.atleast_2d(rows)
    spread = _at(fit["posterior"][f"{parameter.name}_sd"], parameter, level).to_numpy()
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
    if parameter.support == "real":
        return natural_values(parameter, model, mean)
    kind = model.population if parameter.level == "participant" else "normal"
    if kind == "student_t" and parameter.support == "positive":
        return np.full_like(mean, np.nan)
    nodes, weights = deviation_quadrature(kind)
    values = natural_values(parameter, model, mean[..., None] + spread[..., None] * nodes)
    return values @ weights


def _unit_rows(
    posterior: xr.Dataset, parameter: Parameter, arrangement: Arrangement, prob: float
) -> Iterator[dict[str, Any]]:
    if parameter.level == "population":
        return
    labels = arrangement.levels[parameter.level] if is_item(parameter) else arrangement.participants
    dim = parameter.level
    for level in _levels(parameter, arrangement):
        values = _at(posterior[parameter.name], parameter, level)
        variance = np.mean(_at(posterior[f"{parameter.name}_sd"], parameter, level).to_numpy() ** 2)
        for label in labels:
            draws = values.sel({dim: label}).to_numpy()
            linked = linked_values(parameter, arrangement.model, draws)
            yield {
                "parameter": parameter.name,
                "level": level,
                "whose": str(label),
                **_natural(parameter, draws, prob),
                "shrinkage": _share(linked, float(min(linked.var() / variance, 1.0))),
            }


def _natural(parameter: Parameter, draws: np.ndarray, prob: float) -> dict[str, Any]:
    """Summary of natural-scale draws, with how probable it is that they are above 0."""
    p_positive = _share(draws, (draws > 0).mean()) if sign_is_open(parameter) else np.nan
    return {**summary(draws, prob), "p_positive": p_positive, "unit": "natural"}


def sign_is_open(parameter: Parameter) -> bool:
    """Whether a parameter's support lets it be below and above 0."""
    low, high = SUPPORTS[parameter.support]
    return low < 0 < high


def _share(draws: np.ndarray, share: float) -> float:
    """Return a share among draws; none is known from a single point."""
    return float(share) if draws.size > 1 else np.nan


# ------------------------------------------------------------------------- contrasts


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
        Participant-level parameter.
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
        The parameter is fixed or population-level, or `rope` does not rise from a lower to a
        higher end.

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
    arrangement = evaluator(model_of(fit), study_of(fit)).arrangement
    declared = arrangement.model.parameter(parameter)
    pairs = [(first, second), *([minus] if minus else [])]
    covariates = covariates_of(fit, arrangement).get(parameter)
    sides_asked = [at for pair in pairs for at in pair]
    places = contrast_places(arrangement, covariates, parameter, sides_asked)
    sides = [_side(fit, declared, arrangement, *place, scale) for place in places]
    differences = [one - other for one, other in zip(sides[::2], sides[1::2], strict=True)]
    difference = differences[0] - sum(differences[1:])
    row: dict[str, Any] = {
        "parameter": parameter,
        "first": " minus ".join(_words(pair[0]) for pair in pairs),
        "second": " minus ".join(_words(pair[1]) for pair in pairs),
        "scale": scale,
        **summary(difference, prob),
        "p_positive": _share(difference, (difference > 0).mean()),
    }
    table = pd.DataFrame([row | (_rope(difference, rope, row) if rope is not None else {})])
    return with_method(table, fit, place=4)


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
    if declared.level != "participant" or declared.fixed is not None:
        raise ValueError(
            f"A contrast needs a parameter that varies between participants and is not fixed; "
            f"'{parameter}' does not. Choose another."
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
    known = {label_text(level): level for level in _levels(parameter, arrangement)}
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
    if scale == "population average":
        return _average(fit, parameter, arrangement.model, level, rows)
    mean = linked_mean(fit, parameter, level, rows)
    return mean if scale == "link" else natural_values(parameter, arrangement.model, mean)


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
        "p_below_rope": _share(difference, (difference < low).mean()),
        "p_in_rope": _share(difference, ((difference >= low) & (difference <= high)).mean()),
        "p_above_rope": _share(difference, (difference > high).mean()),
        "verdict": verdict,
    }
