"""Expected log predictive densities as ArviZ keeps them, from log-likelihoods of any unit."""

from __future__ import annotations

import warnings

import arviz as az
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

STIR = 1e-11  # log-likelihood added where it would be constant
FEWEST_DRAWS = 25  # PSIS smooths the largest fifth of the weights and needs five of them
CHUNK = 20_000_000  # numbers worked on at once
SAMPLES = ("chain", "draw")


def left_out_one_by_one(name: str, log_likelihood: xr.DataArray) -> az.ELPDDataLOO:
    """Leave one unit out after another by importance sampling.

    Parameters
    ----------
    name : str
        Of the fit, for messages.
    log_likelihood : DataArray (chain, draw, unit)
        Of every unit that is left out.

    Raises
    ------
    ValueError
        Fewer than 25 draws.
    """
    size = log_likelihood.sizes["chain"] * log_likelihood.sizes["draw"]
    if size < FEWEST_DRAWS:
        raise ValueError(
            f"Importance weights need at least {FEWEST_DRAWS} posterior draws; found {size} of "
            f"'{name}'. Raise draws= here, or fit with more."
        )
    unit = str(log_likelihood.dims[-1])
    efficiency = _efficiency(log_likelihood)
    step = max(1, CHUNK // size)
    parts = [
        _loo(log_likelihood.isel({unit: slice(first, first + step)}), efficiency)
        for first in range(0, log_likelihood.sizes[unit], step)
    ]
    elpd_i = xr.concat([part.elpd_i for part in parts], unit)
    return az.ELPDDataLOO(
        elpd=float(elpd_i.sum()),
        se=_error(elpd_i),
        p=float(sum(part.p for part in parts)),
        n_samples=size,
        n_data_points=elpd_i.size,
        scale="log",
        warning=any(part.warning for part in parts),
        good_k=parts[0].good_k,
        elpd_i=elpd_i,
        pareto_k=xr.concat([part.pareto_k for part in parts], unit),
    )


def left_out_by_refits(
    elpd_i: xr.DataArray, within: float, *, samples: int, refits: int
) -> az.ELPDDataLOOKFold:
    """Scores of units that were left out of a fit, as ArviZ keeps those of K-fold.

    Parameters
    ----------
    elpd_i : DataArray (unit,)
        Log predictive density of every unit.
    within : float
        Log predictive density of all when none is left out, for the effective number of
        parameters.
    samples, refits : int
        Draws of every fit, and how many of these there were.
    """
    return az.ELPDDataLOOKFold(
        elpd=float(elpd_i.sum()),
        se=_error(elpd_i),
        p=within - float(elpd_i.sum()),
        n_samples=samples,
        n_data_points=elpd_i.size,
        scale="log",
        warning=False,
        good_k=None,
        elpd_i=elpd_i,
        pareto_k=None,
        n_folds=refits,
    )


def replaced(elpd: az.ELPDDataLOO, exact: dict[str, float]) -> az.ELPDDataLOO:
    """Put exact scores of some units in the place of those by importance sampling."""
    unit = elpd.elpd_i.dims[0]
    elpd_i, pareto_k = elpd.elpd_i.copy(), elpd.pareto_k.copy()
    for label, value in exact.items():
        elpd_i.loc[{unit: label}] = value
        pareto_k.loc[{unit: label}] = 0.0
    total = float(elpd_i.sum())
    return az.ELPDDataLOO(
        elpd=total,
        se=_error(elpd_i),
        p=elpd.p + elpd.elpd - total,
        n_samples=elpd.n_samples,
        n_data_points=elpd.n_data_points,
        scale="log",
        warning=bool((pareto_k > elpd.good_k).any()),
        good_k=elpd.good_k,
        elpd_i=elpd_i,
        pareto_k=pareto_k,
    )


def smoothed(values: np.ndarray) -> np.ndarray:
    """Log predictive density (…,) of a unit that is left out, from log-likelihoods (…, draw)."""
    return np.logaddexp.reduce(_log_weights(values) + values, axis=-1)


def error_of_draws(values: np.ndarray, *, left_out: bool) -> float:
    """Monte-Carlo standard error of a unit's log predictive density, from its finite draws.

    Parameters
    ----------
    values : ndarray (chain, draw)
        Log-likelihoods of the unit.
    left_out : bool
        Whether the draws are of a fit without the unit; otherwise they are weighted (Vehtari,
        Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4).
    """
    flat = values.ravel()
    if np.ptp(flat) == 0:
        return 0.0
    log_weights = np.full(flat.size, -np.log(flat.size)) if left_out else _log_weights(flat)
    score = np.logaddexp.reduce(log_weights + flat)
    efficiency = min(float(az.ess(np.exp(values - flat.max()), method="mean")) / flat.size, 1.0)
    apart = np.exp(log_weights + flat - score) - np.exp(log_weights)
    return float(np.sqrt((apart**2).sum() / efficiency))


def _log_weights(values: np.ndarray) -> np.ndarray:
    still = np.ptp(values, axis=-1, keepdims=True) < 1e3 * STIR
    noise = np.random.default_rng(0).normal(0, STIR, values.shape)
    weights, _ = array_stats.psislw(-(values + still * noise), axis=-1)
    return weights


def is_bad(elpd: az.ELPDData) -> np.ndarray:
    """Whether the importance weights of a unit cannot be trusted, (unit,)."""
    if elpd.pareto_k is None:
        return np.zeros(elpd.n_data_points, dtype=bool)
    return np.asarray(elpd.pareto_k) > elpd.good_k


def _loo(log_likelihood: xr.DataArray, efficiency: float) -> az.ELPDDataLOO:
    values = _with_tails(log_likelihood.astype(float))
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(coords=values.isel({values.dims[-1]: 0}, drop=True).coords),
            "log_likelihood": values.to_dataset(name="unit"),
        }
    )
    with warnings.catch_warnings():  # told in the reading, with counts and consequences
        warnings.filterwarnings("ignore", message="Estimated shape parameter of Pareto")
        return az.loo(tree, pointwise=True, reff=efficiency)


def _with_tails(log_likelihood: xr.DataArray) -> xr.DataArray:
    """Stir units whose log-likelihood is the same in every draw, far below what counts.

    The first choice of a learner that starts indifferent is one: its importance weights are all
    alike, and have no tail that could be fitted.
    """
    still = log_likelihood.max(SAMPLES) - log_likelihood.min(SAMPLES) < 1e3 * STIR
    noise = np.random.default_rng(0).normal(0, STIR, log_likelihood.shape)
    return log_likelihood + log_likelihood.copy(data=noise) * still


def _efficiency(log_likelihood: xr.DataArray) -> float:
    """Relative efficiency of the draws for the total log-likelihood."""
    total = log_likelihood.sum(log_likelihood.dims[-1], dtype=float).to_numpy()
    if total.std() == 0:
        return 1.0
    return float(min(az.ess(total, method="mean") / total.size, 1.0))


def _error(elpd_i: xr.DataArray) -> float:
    return float(np.sqrt(elpd_i.size * np.var(elpd_i.to_numpy())))
