"""An effect in every region: by itself, partially pooled, and how often signs are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.messages import counted, listed
from empathymodels.neuro.pooling import Pooled, false_sign_rates, pooled
from empathymodels.results.of_regions import (
    checked_regions,
    mixed_regions,
    own_values,
    population_draws,
)
from empathymodels.results.summary import summary

RATE = 0.05  # of signs that are wrong, of which the reading says how many regions keep to it
FEWEST = 3  # people who are in all regions, for correlations of regions over people
AFTER = ("pooled_mean", "pooled_sd", "pooled_low", "pooled_high", "pooled_p_positive")
ERRORS = ("false_sign", "false_sign_rate")


@checked_arguments
def region_effects(
    result: xr.Dataset,
    quantity: str,
    first: Mapping[str, Any] | None = None,
    second: Mapping[str, Any] | None = None,
    *,
    prob: float = 0.9,
) -> pd.DataFrame:
    r"""Tell an effect in every region, alone and pooled with the others, and how sure its sign is.

    Parameters
    ----------
    result : Dataset
        What `fit_regions` returned.
    quantity : str
        A value of the population with draws, such as ``"vs_gain_mean"``, or ``"vs_gain_effect"``
        for covariates.
    first, second : mapping, optional
        Which one, where there are several: labels of its dims, such as ``{"partner": "friend"}``
        or ``{"vs_gain_covariate": "age"}``. With `second`, the difference ``first`` minus
        ``second``.
    prob : float in (0, 1)
        Mass of the intervals.

    Returns
    -------
    DataFrame
        A row per region: ``mean``, ``median``, ``sd``, ``hdi_low``, ``hdi_high`` and
        ``p_positive`` of the region's own fit; ``pooled_mean``, ``pooled_sd``, ``pooled_low``,
        ``pooled_high`` (central interval) and ``pooled_p_positive`` after partial pooling;
        ``false_sign``, how probable it is that the sign of the pooled mean is wrong, and
        ``false_sign_rate``, the mean of that over all regions whose sign is at least as sure:
        the share of wrong signs to expect if these are reported. ``passed`` and
        ``failed_checks`` are those of `check`. Regions that could not be fitted, or whose chains
        are apart (R-hat above 1.05), are not pooled; nothing is where the effect's prior is not
        Gaussian. ``attrs``: ``reading``, in words; ``mean`` and ``spread`` (posterior mean and
        sd) of the effects of all regions.

    Raises
    ------
    KeyError
        There is no such quantity, or the labels do not say which of its numbers is meant.
    TypeError
        The result is not one of `fit_regions`.

    Notes
    -----
    The probability of direction of a single region takes no account of how many were looked at:
    it is right on average if effects come from the fit's own prior, which is wide. Pooling learns
    from all regions how large effects are, and takes extreme estimates towards their mean; then
    no further correction for the number of regions is needed [2]_, and the mean of
    ``false_sign`` over any set of regions is the share of wrong signs to expect in it [1]_.
    The same people are in all regions, so errors of regions go together: how far is estimated from
    people's own values. Else what happens to be high in these people everywhere would pass for an
    effect of many regions.

    That holds as far as effects of regions are Gaussian around one mean. The share of wrong signs
    is one to expect: where errors go together, most signs of a study are right or wrong together.
    Regions that were chosen for their effect in these data cannot be told so. The equations are in
    `empathymodels.neuro.pooling`.

    References
    ----------
    .. [1] Stephens, M. (2017). False discovery rates: a new deal. Biostatistics, 18, 275-294.
       doi:10.1093/biostatistics/kxw041
    .. [2] Gelman, A., Hill, J., & Yajima, M. (2012). Why we (usually) don't have to worry about
       multiple comparisons. Journal of Research on Educational Effectiveness, 5, 189-211.
       doi:10.1080/19345747.2011.618213

    See Also
    --------
    plot_regions : Takes the table as effects.

    Examples
    --------
    >>> import empathymodels as em
    >>> table = em.region_effects(
    ...     result, "vs_gain_mean", {"partner": "friend"}, {"partner": "stranger"}
    ... )  # doctest: +SKIP
    >>> table[table["false_sign_rate"] < 0.05]  # doctest: +SKIP
    """
    checked_regions(result)
    draws = population_draws(result, quantity, first or {})
    people = own_values(result, quantity, first or {})
    if second is not None:
        draws = draws - population_draws(result, quantity, second)
        others = own_values(result, quantity, second)
        people = None if people is None or others is None else people - others
    rows = [_alone(values, prob) for values in draws]
    table = pd.DataFrame(rows, index=pd.Index(result["region"].to_numpy(), name="region"))
    table[[*AFTER, *ERRORS]] = np.nan
    usable = mixed_regions(result)
    prior = _prior(result[quantity], is_difference=second is not None)
    reading = _counts(result, usable)
    if prior is None:
        reading += f"; not pooled: the prior of '{quantity}' is not Gaussian"
    elif usable.any():
        means, sds = (table.loc[usable, name].to_numpy() for name in ("mean", "sd"))
        complete = _of_usable(people, usable)
        is_known = complete is not None and len(complete) >= FEWEST
        found = pooled(means, sds, *prior, complete if is_known else None)
        wrong, rates = false_sign_rates(found.p_positive)
        ends = [found.quantile((1 - prob) / 2), found.quantile((1 + prob) / 2)]
        columns = [found.mean, found.sd, *ends, found.p_positive, wrong, rates]
        table.loc[usable, [*AFTER, *ERRORS]] = np.column_stack(columns)
        table.attrs |= {"mean": found.centre, "spread": found.spread}
        reading += f"; {_signs(found, wrong, rates)}"
        if not is_known:
            reading += f"; {_why_unknown(people, complete)}: errors count as independent"
    for name in ("passed", "failed_checks"):
        table[name] = result[name].to_numpy()
    table.attrs["reading"] = reading
    return table


def _alone(values: np.ndarray, prob: float) -> dict[str, float]:
    """A region's own fit; nothing where there is none."""
    if np.isnan(values).all():
        return dict.fromkeys((*summary(np.zeros(1), prob), "p_positive"), np.nan)
    return summary(values, prob) | {"p_positive": float((values > 0).mean())}


def _of_usable(people: np.ndarray | None, usable: np.ndarray) -> np.ndarray | None:
    """Values of those who are in all regions that are pooled, (participant, region)."""
    if people is None:
        return None
    own = people[:, usable]
    return own[np.isfinite(own).all(axis=1)]


def _why_unknown(people: np.ndarray | None, complete: np.ndarray | None) -> str:
    """Say why people do not tell how errors of regions go together."""
    if people is None or complete is None:
        return "people have no values of their own in it"
    return f"only {len(complete)} of {len(people)} people are in all of these regions"


def _prior(values: xr.DataArray, *, is_difference: bool) -> tuple[float, float] | None:
    """Mean and sd of the prior of an effect, or of the difference of two that are independent."""
    if "prior_mean" not in values.attrs:
        return None
    mean, sd = float(values.attrs["prior_mean"]), float(values.attrs["prior_sd"])
    return (0.0, sd * np.sqrt(2)) if is_difference else (mean, sd)


def _counts(result: xr.Dataset, usable: np.ndarray) -> str:
    """Say how many regions there are, and which cannot be used."""
    names = result["region"].to_numpy()
    failed = (result["error"] != "").to_numpy()
    told = counted(len(names), "region")
    for which, words in ((failed, "without a fit"), (~usable & ~failed, "with chains apart")):
        if which.any():
            told += f", {which.sum()} {words} ({listed(names[which], 3)})"
    return told


def _signs(found: Pooled, wrong: np.ndarray, rates: np.ndarray) -> str:
    """Say what all regions share, and of how many the sign is sure."""
    (centre, error), (spread, _) = found.centre, found.spread
    sure = rates <= RATE
    told = f"their mean is {centre:.2g} (sd {error:.1g}), around which they scatter by {spread:.2g}"
    if not sure.any():
        return f"{told}; no sign is wrong with less than {RATE:.0%}"
    return (
        f"{told}; {sure.sum()} can be reported with at most {RATE:.0%} wrong signs expected "
        f"({wrong[sure].sum():.2g} of them)"
    )
