"""How far a person's parameter is the same at another session: reliability from the posterior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.inference.convergence import NOT_MIXED
from empathymodels.inference.fits import arrangement_of, model_of
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import did_you_mean, listed
from empathymodels.population.blocks import blocks
from empathymodels.results.of_regions import is_of_regions, posterior_of
from empathymodels.results.summary import summary, summary_of_spread, with_method


@checked_arguments
def reliability(
    fit: xr.DataTree | xr.Dataset,
    parameter: str,
    *,
    prob: float = 0.9,
    kind: Literal["conditional", "unconditional"] = "conditional",
) -> pd.DataFrame:
    r"""Test-retest reliability of a parameter that is split by session (or by anything else).

    With spreads :math:`\sigma_1, \sigma_2` between people, their correlation :math:`\rho` and
    population means :math:`\mu_1, \mu_2`, all on the link scale and per draw:

    .. math::

        \text{ICC}_{consistency} &= \frac{2 \rho \sigma_1 \sigma_2}{\sigma_1^2 + \sigma_2^2} \\
        \text{ICC}_{agreement} &=
            \frac{2 \rho \sigma_1 \sigma_2}{\sigma_1^2 + \sigma_2^2 + (\mu_1 - \mu_2)^2}

    These are reliabilities of the parameters themselves: noise of single trials has its own place
    in the model and does not lower them, as it lowers correlations of point estimates.

    Parameters
    ----------
    fit : DataTree or Dataset
        Result of `fit`, of a model such as ``model.split("session", "learning_rate")``; or that of
        `fit_regions`, for the reliability in every region.
    parameter : str
        Participant-level parameter with a `by` column, among those that correlate.
    prob : float in (0, 1)
        Mass of the highest-density intervals.
    kind : {"conditional", "unconditional"}
        With covariates of the parameter: of what they leave unexplained (people of the same
        covariates), or of everything in which the fit's participants differ, to whose variances
        and covariance the covariates then add. Without covariates both are the same.

    Returns
    -------
    DataFrame
        Three rows per pair of levels (``measure``: ``"correlation"``, ``"ICC consistency"``,
        ``"ICC agreement"``) with ``mean``, ``median``, ``sd``, ``hdi_low``, ``hdi_high``, and
        ``prior_sd``, the standard deviation of the correlation's prior: where ``sd`` is not clearly
        smaller, the data have said little. Under ``method="laplace"`` there are no intervals, as
        for all spreads (see `estimates`). Of `fit_regions`, these rows of every region that was
        fitted, with columns ``region`` first and ``mixed`` last (R-hat at most 1.05). Attribute
        ``scale`` names the link scale, and ``reading`` says what of the differences between people
        is covered.

    Raises
    ------
    ValueError
        The parameter is not split, or its values do not correlate in this model.

    References
    ----------
    McGraw & Wong (1996), doi:10.1037/1082-989X.1.1.30 (ICC(C,1) and ICC(A,1)).

    Examples
    --------
    >>> import empathymodels as em
    >>> em.reliability(fit, "learning_rate")  # doctest: +SKIP
    """
    if is_of_regions(fit):
        return _of_regions(fit, parameter, prob, kind)
    declared = model_of(fit).parameter(parameter)
    arrangement = arrangement_of(fit)
    split = _split(parameter, declared.by, fit["posterior"].to_dataset(), fit)
    prior_sd = correlation_prior_sd(arrangement)
    table = pd.DataFrame(
        {**about, **summary_of_spread(fit, draws, prob), "prior_sd": prior_sd}
        for about, draws in _measures(split, kind)
    )
    table = with_method(table, fit, place=4)
    table.attrs["reading"] = _reading(split, kind)
    table.attrs["scale"] = f"link scale of '{parameter}' (support: {declared.support})"
    return table


@dataclass(frozen=True)
class _Split:
    """A parameter with values by level that correlate.

    Attributes
    ----------
    parameter, by : str
        Its name, and the column with the levels.
    names : dict of str to str
        Of every level the label among what correlates.
    posterior : Dataset (chain, draw, ...)
    covariates : ndarray (participant, covariate) or None
        Of the people of the fit.
    """

    parameter: str
    by: str
    names: Mapping[Any, str]
    posterior: xr.Dataset
    covariates: np.ndarray | None


def _split(
    parameter: str, by: str | None, posterior: xr.Dataset, constants: Mapping[str, Any]
) -> _Split:
    """Find the levels of a parameter among what correlates.

    Raises
    ------
    ValueError
        There are none, or they do not correlate.
    """
    labels = posterior["correlated"].to_numpy().tolist() if "correlation" in posterior else []
    levels = posterior[by].to_numpy().tolist() if by in posterior.dims else []
    names = {level: f"{parameter}[{level}]" for level in levels}
    if by is None or len(levels) < 2 or not set(names.values()) <= set(labels):
        raise ValueError(
            f"Reliability needs two or more values per person that correlate; '{parameter}' has "
            f"{len(levels)} and the correlated are {listed(labels)}. Fit "
            f'model.split("session", "{parameter}").'
        )
    rows = None
    if f"{parameter}_effect" in posterior:
        rows = constants["constant_data"][f"{parameter}_covariates"].to_numpy()
    return _Split(parameter, by, names, posterior, rows)


def _measures(split: _Split, kind: str) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield what is told of every pair of levels, and its draws (chain, draw)."""
    for first, second in combinations(split.names, 2):
        pair = {split.by: [first, second]}
        spreads, means = (
            split.posterior[f"{split.parameter}_{part}"].sel(pair).transpose(split.by, ...)
            for part in ("sd", "mean")
        )
        at = {"correlated": split.names[first], "correlated_with": split.names[second]}
        correlation = split.posterior["correlation"].sel(at).to_numpy()
        spreads, means = spreads.to_numpy(), means.to_numpy()
        variances, shared = spreads**2, correlation * spreads[0] * spreads[1]
        explained, covariance, shift = _explained(split, pair)
        if kind == "unconditional":
            variances, shared = variances + explained, shared + covariance
        total = variances.sum(axis=0)
        about = {"parameter": split.parameter, "first": first, "second": second}
        for measure, draws in (
            ("correlation", shared / np.sqrt(variances.prod(axis=0))),
            ("ICC consistency", 2 * shared / total),
            ("ICC agreement", 2 * shared / (total + (means[0] - means[1] + shift) ** 2)),
        ):
            yield {**about, "measure": measure}, draws


def _explained(split: _Split, pair: Mapping[Any, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What covariates add over people, per draw: two variances, covariance, and mean difference."""
    posterior, dim = split.posterior, f"{split.parameter}_covariate"
    if split.covariates is None:
        zero = np.zeros((posterior.sizes["chain"], posterior.sizes["draw"]))
        return np.stack([zero, zero]), zero, zero
    effect = posterior[f"{split.parameter}_effect"].sel(pair)
    values = effect.transpose(split.by, "chain", "draw", dim).to_numpy()
    people = values @ split.covariates.T  # (level, chain, draw, participant)
    centred = people - people.mean(axis=-1, keepdims=True)
    variances, covariance = (centred**2).mean(axis=-1), (centred[0] * centred[1]).mean(axis=-1)
    return variances, covariance, (people[0] - people[1]).mean(axis=-1)


def _reading(split: _Split, kind: str) -> str:
    covered = "what covariates leave unexplained" if kind == "conditional" else "all differences"
    if split.covariates is None:
        return "of all differences between people"
    return f"{kind} on covariates: of {covered} between people"


def _of_regions(result: xr.Dataset, parameter: str, prob: float, kind: str) -> pd.DataFrame:
    """The same of every region that was fitted."""
    known = [n.removesuffix("_sd") for n in map(str, result.data_vars) if n.endswith("_sd")]
    if parameter not in known:
        raise KeyError(
            f"parameter must be one that differs between people: {listed(known)}; found "
            f"'{parameter}'. Name one of these.{did_you_mean(parameter, known)}"
        )
    dims = [d for d in result[f"{parameter}_sd"].dims if d not in ("region", "draw")]
    by = str(dims[0]) if dims else None
    rows, reading = [], ""
    for region in result["region"].to_numpy()[(result["error"] == "").to_numpy()]:
        one = posterior_of(result, region)
        split = _split(parameter, by, one, {"constant_data": one})
        reading = _reading(split, kind)
        mixed = bool(result["rhat"].sel(region=region) <= NOT_MIXED)
        rows += [
            {
                "region": str(region),
                **about,
                **summary(draws, prob),
                "prior_sd": result["correlation"].attrs["prior_sd"],
                "mixed": mixed,
            }
            for about, draws in _measures(split, kind)
        ]
    table = pd.DataFrame(rows)
    table.attrs["reading"] = reading
    table.attrs["scale"] = f"link scale of '{parameter}'"
    return table


def correlation_prior_sd(arrangement: Arrangement) -> float:
    """Prior sd of every correlation between people, 1 / sqrt(3 + K) of K parameters."""
    size = next(b.correlated for b in blocks(arrangement) if b.unit == "participant")
    return float(1 / np.sqrt(3 + size))  # that of the whole matrix, fixed parameters included
