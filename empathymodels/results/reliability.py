"""How far a person's parameter is the same at another session: reliability from the posterior."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.parts import Parameter
from empathymodels.inference.fits import arrangement_of, model_of
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import listed
from empathymodels.population.blocks import blocks
from empathymodels.results.summary import summary_of_spread, with_method


@checked_arguments
def reliability(
    fit: xr.DataTree,
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
    fit : DataTree
        Result of `fit`, of a model such as ``model.split("session", "learning_rate")``.
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
        for all spreads (see `estimates`). Attribute ``scale`` names the link scale, and
        ``reading`` says what of the differences between people is covered.

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
    declared = model_of(fit).parameter(parameter)
    posterior = fit["posterior"].to_dataset()
    labels = posterior["correlated"].to_numpy().tolist() if "correlation" in posterior else []
    levels = posterior[declared.by].to_numpy().tolist() if declared.by in posterior.dims else []
    names = {level: f"{parameter}[{level}]" for level in levels}
    if len(levels) < 2 or not set(names.values()) <= set(labels):
        raise ValueError(
            f"Reliability needs two or more values per person that correlate; '{parameter}' has "
            f"{len(levels)} and the correlated are {listed(labels)}. Fit "
            f'model.split("session", "{parameter}").'
        )
    arrangement = arrangement_of(fit)
    prior_sd = correlation_prior_sd(arrangement)
    rows: list[dict[str, Any]] = []
    for first, second in combinations(levels, 2):
        pair = {declared.by: [first, second]}
        spreads, means = (
            posterior[f"{parameter}_{part}"].sel(pair).transpose(declared.by, ...).to_numpy()
            for part in ("sd", "mean")
        )
        at = {"correlated": names[first], "correlated_with": names[second]}
        correlation = posterior["correlation"].sel(at).to_numpy()
        variances, shared = spreads**2, correlation * spreads[0] * spreads[1]
        explained, covariance, shift = _explained(fit, declared, pair)
        if kind == "unconditional":
            variances, shared = variances + explained, shared + covariance
        total = variances.sum(axis=0)
        measures = {
            "correlation": shared / np.sqrt(variances.prod(axis=0)),
            "ICC consistency": 2 * shared / total,
            "ICC agreement": 2 * shared / (total + (means[0] - means[1] + shift) ** 2),
        }
        about = {"parameter": parameter, "first": first, "second": second}
        rows += [
            {**about, "measure": name, **summary_of_spread(fit, draws, prob), "prior_sd": prior_sd}
            for name, draws in measures.items()
        ]
    table = with_method(pd.DataFrame(rows), fit, place=4)
    covered = "what covariates leave unexplained" if kind == "conditional" else "all differences"
    has_covariates = f"{parameter}_effect" in posterior
    table.attrs["reading"] = (
        f"{kind} on covariates: of {covered} between people"
        if has_covariates
        else "of all differences between people"
    )
    table.attrs["scale"] = f"link scale of '{parameter}' (support: {declared.support})"
    return table


def _explained(
    fit: xr.DataTree, parameter: Parameter, pair: Mapping[Any, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What covariates add over people, per draw: two variances, covariance, and mean difference."""
    effect, dim = f"{parameter.name}_effect", f"{parameter.name}_covariate"
    posterior = fit["posterior"]
    if effect not in posterior:
        zero = np.zeros((posterior.sizes["chain"], posterior.sizes["draw"]))
        return np.stack([zero, zero]), zero, zero
    rows = fit["constant_data"][f"{parameter.name}_covariates"].to_numpy()
    values = posterior[effect].sel(pair).transpose(parameter.by, "chain", "draw", dim).to_numpy()
    people = values @ rows.T  # (level, chain, draw, participant)
    centred = people - people.mean(axis=-1, keepdims=True)
    variances, covariance = (centred**2).mean(axis=-1), (centred[0] * centred[1]).mean(axis=-1)
    return variances, covariance, (people[0] - people[1]).mean(axis=-1)


def correlation_prior_sd(arrangement: Arrangement) -> float:
    """Prior sd of every correlation between people, 1 / sqrt(3 + K) of K parameters."""
    size = next(b.correlated for b in blocks(arrangement) if b.unit == "participant")
    return float(1 / np.sqrt(3 + size))  # that of the whole matrix, fixed parameters included
