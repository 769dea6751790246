"""How much do conclusions lean on the priors, and how much on the data? Power-scaling."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr
from pymc_extras.prior import Prior

from empathymodels.arguments import checked_arguments
from empathymodels.engine.evaluator import each_draw
from empathymodels.inference.fits import covariates_of, evaluator_of_fit, method_of, thinned
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted, listed
from empathymodels.population.blocks import blocks
from empathymodels.population.covariates import Covariates
from empathymodels.population.variables import LKJ_CONCENTRATION
from empathymodels.results.quantities import WHOLE, quantities
from empathymodels.results.summary import with_method

THRESHOLD = 0.05  # of the paper: from there on a posterior counts as sensitive


@checked_arguments
def sensitivity(fit: xr.DataTree, *, draws: int = 4000) -> pd.DataFrame:
    r"""Tell how much each population parameter would move with the prior and the likelihood.

    Prior and likelihood are raised to powers near 1, one at a time, and the posterior is weighted
    accordingly; nothing is fitted again. The prior is that of the population: means, spreads,
    effects, correlations and what all share. The distribution of people in the population
    is part of the model and not scaled.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    draws : int
        About how many posterior draws to use; with a thousand, chance alone may come near 0.05.

    Returns
    -------
    DataFrame
        One row per number: ``parameter``, ``prior`` and ``likelihood`` (sensitivity: how far the
        distribution moves per doubling of the power; above 0.05 it counts) and
        ``diagnosis``: "potential prior-data conflict" where both count, "potential strong prior /
        weak likelihood" where only the prior does, otherwise a check mark.
        ``attrs["reading"]`` says it in words. An approximate fit has a column ``method``, as in
        `estimates`.

    Raises
    ------
    ValueError
        The fit is a single point (method "map"), or a prior has no log-density of its own.

    Notes
    -----
    With prior :math:`p(\theta)`, likelihood :math:`p(y \mid \theta)` and a power :math:`\alpha`
    the scaled posteriors are proportional to
    :math:`p(y \mid \theta)\, p(\theta)^\alpha` and :math:`p(y \mid \theta)^\alpha p(\theta)`;
    draws get importance weights :math:`p(\theta)^{\alpha - 1}` and
    :math:`p(y \mid \theta)^{\alpha - 1}`, smoothed by PSIS.

    References
    ----------
    Kallioinen, Paananen, Bürkner & Vehtari (2024), doi:10.1007/s11222-023-10366-5.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.sensitivity(fit).query("prior > 0.05")  # doctest: +SKIP
    """
    if method_of(fit) == "map":
        raise ValueError(
            "Sensitivity is told from draws of the posterior; this fit (method='map') is a single "
            "point. Fit with method='nuts'."
        )
    compiled = evaluator_of_fit(fit)
    arrangement = compiled.arrangement
    covariates = covariates_of(fit, arrangement)
    posterior = thinned(fit["posterior"].to_dataset(), draws)
    dims = ("chain", "draw")
    total = np.empty([posterior.sizes[dim] for dim in dims])
    each = each_draw(compiled, posterior, "log_likelihood", description="Log-likelihoods")
    for place, one in each:
        total[place] = sum(values.sum() for values in one.values())
    found = quantities(posterior, arrangement)
    shared = {
        label: (dims, found.natural[..., k])
        for k, (label, whose) in enumerate(found.names)
        if whose == WHOLE
    }
    coords = {dim: posterior[dim] for dim in dims}
    prior = log_prior(posterior, arrangement, covariates)
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(shared, coords=coords),
            "log_likelihood": xr.Dataset({"all": ((*dims, "row"), total[..., None])}, coords),
            "log_prior": xr.Dataset({"all": (dims, prior)}, coords),
        }
    )
    with _without_log():  # the table and its reading say it
        table = az.psense_summary(tree, threshold=THRESHOLD, round_to=6)
    table = table.rename_axis("parameter").reset_index()
    table = with_method(table, fit, place=1)
    table.attrs["reading"] = _reading(table)
    return table


def log_prior(
    posterior: xr.Dataset, arrangement: Arrangement, covariates: Mapping[str, Covariates]
) -> np.ndarray:
    """Log-density of the population's prior, (chain, draw), up to a constant."""
    parts = list(_of_parameters(posterior, arrangement))
    for name in covariates:
        effect = f"{name}_effect"
        if effect in posterior:
            prior = arrangement.model.parameter(name).effect_prior
            parts.append(_log_density(prior, posterior[effect], effect))
    for block in blocks(arrangement):
        name = block.correlation[0]
        if name in posterior:
            # some columns of an LKJ matrix of K are LKJ with half as much more as are left out
            left_out = block.correlated - len(block.free_correlated)
            power = LKJ_CONCENTRATION + left_out / 2 - 1
            matrix = posterior[name].transpose("chain", "draw", ...).to_numpy()
            parts.append(power * np.linalg.slogdet(matrix)[1])
    return np.sum(parts, axis=0)


def _of_parameters(posterior: xr.Dataset, arrangement: Arrangement) -> Iterator[np.ndarray]:
    for parameter in arrangement.parameters:
        for part, prior in (("mean", parameter.location), ("sd", parameter.spread)):
            name = f"{parameter.name}_{part}"
            if name in posterior:
                yield _log_density(prior, posterior[name], name)


def _log_density(prior: Prior, values: xr.DataArray, name: str) -> np.ndarray:
    """Summed over all numbers of a variable, (chain, draw)."""
    numbers = prior.parameters.values()
    if prior.transform is not None or not all(isinstance(x, int | float) for x in numbers):
        raise ValueError(
            f"Sensitivity needs priors with a density of their own; that of '{name}' has a "
            f"transform, or parameters that are no numbers ({listed(prior.parameters)}). Give one "
            "with numbers: model.with_priors(...)."
        )
    array = values.transpose("chain", "draw", ...).to_numpy()
    density = prior.preliz.logpdf(array.ravel()).reshape(array.shape)
    return density.reshape(*array.shape[:2], -1).sum(axis=-1)


@contextmanager
def _without_log() -> Iterator[None]:
    log = logging.getLogger("arviz_stats.psense")
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


def _reading(table: pd.DataFrame) -> str:
    leaning = table[table["prior"] >= THRESHOLD]
    if leaning.empty:
        return f"no parameter of {len(table)} leans on its prior (sensitivity below {THRESHOLD:g})"
    worst = leaning.sort_values("prior", ascending=False)["parameter"]
    weak = int((leaning["likelihood"] < THRESHOLD).sum())
    why = {
        "the data hardly inform": weak,
        "prior and data may differ in": len(leaning) - weak,
    }
    told = ", ".join(f"{words} {number} of them" for words, number in why.items() if number)
    return (
        f"of {counted(len(table), 'parameter')}, {len(leaning)} "
        f"{'leans' if len(leaning) == 1 else 'lean'} on priors: {listed(worst, 5)}; "
        f"{told}. Say why you believe these priors, or fit with others to see what changes."
    )
