"""Expected log predictive densities as ArviZ keeps them, from log-likelihoods of any unit."""

from __future__ import annotations

from dataclasses import dataclass

import arviz as az
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

JITTER = 1e-11  # log-likelihood added where it is constant
TIED = 5  # as few of the draws make a tail that can be fitted
FEWEST_DRAWS = 25  # PSIS smooths the largest fifth of the weights and needs five of them
CHUNK = 4_000_000  # numbers worked on at once
SAMPLES = ("chain", "draw")


@dataclass(frozen=True)
class Uncertainty:
    """What finite draws and proposals leave open in scores of units, all from the same draws.

    Attributes
    ----------
    influence : ndarray (unit, chain, draw)
        How much every draw moves the score of every unit, see `influence_of_draws`.
    proposals : ndarray (unit,)
        Standard deviation from finite proposals, of which every unit has its own.
    """

    influence: np.ndarray
    proposals: np.ndarray

    @property
    def each(self) -> np.ndarray:
        """Monte-Carlo standard error of every unit's score, (unit,)."""
        draws = [error_of_draws(one) for one in self.influence]
        return np.hypot(np.array(draws), self.proposals)

    @property
    def total(self) -> float:
        """Monte-Carlo standard error of the sum: errors of one draw concern all units."""
        draws = error_of_draws(self.influence.sum(axis=0))
        return float(np.sqrt(draws**2 + (self.proposals**2).sum()))

    def without(self, units: np.ndarray) -> Uncertainty:
        """All but some units, told by a mask (unit,)."""
        return Uncertainty(self.influence[~units], self.proposals[~units])


def left_out_one_by_one(
    name: str, log_likelihood: xr.DataArray, efficiency: np.ndarray | None = None
) -> tuple[az.ELPDDataLOO, Uncertainty]:
    """Leave one unit out after another by importance sampling.

    Parameters
    ----------
    name : str
        Of the fit, for messages.
    log_likelihood : DataArray (chain, draw, unit)
        Of every unit that is left out.
    efficiency : ndarray (unit,), optional
        Relative efficiency of the draws for every unit, see `relative_efficiency`. Otherwise that
        for the total of all units.

    Returns
    -------
    ELPDDataLOO, Uncertainty
        The scores, and what finite draws leave open in the sum of those whose weights can be
        trusted (as of a single unit).

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
    values = log_likelihood.transpose(*SAMPLES, unit).to_numpy()
    if efficiency is None:
        total = values.sum(axis=-1, dtype=float)
        efficiency = np.full(values.shape[-1], relative_efficiency(total))
    step = max(1, CHUNK // size)
    elpd_i, pareto_k, within = np.empty((3, values.shape[-1]))
    influence, good_k = np.zeros(values.shape[:-1]), min(1 - 1 / np.log10(size), 0.7)
    for first in range(0, values.shape[-1], step):
        some = slice(first, first + step)
        chunk = np.moveaxis(values[..., some], -1, 0).astype(float)
        flat = chunk.reshape(len(chunk), size)
        log_weights, pareto_k[some] = _log_weights(flat, efficiency[some])
        elpd_i[some] = np.logaddexp.reduce(log_weights + flat, axis=-1)
        within[some] = np.logaddexp.reduce(flat, axis=-1) - np.log(size)
        good = pareto_k[some] <= good_k
        influence += _influence(log_weights, flat)[good].sum(axis=0).reshape(influence.shape)
    labels = log_likelihood[unit].coords

    def of_units(numbers: np.ndarray) -> xr.DataArray:
        return xr.DataArray(numbers, dims=unit, coords=labels)

    elpd = az.ELPDDataLOO(
        elpd=float(elpd_i.sum()),
        se=_error(of_units(elpd_i)),
        p=float((within - elpd_i).sum()),
        n_samples=size,
        n_data_points=elpd_i.size,
        scale="log",
        warning=bool((pareto_k > good_k).any()),
        good_k=good_k,
        elpd_i=of_units(elpd_i),
        pareto_k=of_units(pareto_k),
    )
    return elpd, Uncertainty(influence[None], np.zeros(1))


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


def weights_of_draws(values: np.ndarray, *, left_out: bool) -> np.ndarray:
    """How much a unit's score moves with its log-likelihood at every draw, summing to 1.

    Parameters
    ----------
    values : ndarray (chain, draw)
        Log-likelihoods of the unit.
    left_out : bool
        Whether the draws are of a fit without the unit, of which the score is the log of a mean;
        otherwise they are importance weights (Vehtari, Gelman & Gabry 2017,
        doi:10.1007/s11222-016-9696-4).

    Returns
    -------
    ndarray (chain, draw)
    """
    if left_out:
        return np.exp(values - np.logaddexp.reduce(values, axis=None))
    return np.exp(_log_weights_of_one(values)).reshape(values.shape)


def influence_of_draws(values: np.ndarray, *, left_out: bool) -> np.ndarray:
    """How much of a unit's log predictive density rests on every draw, (chain, draw).

    What it loses when the draw is left out and all others keep their weights (jackknife).

    Parameters
    ----------
    values : ndarray (chain, draw)
        Log-likelihoods of the unit.
    left_out : bool
        As of `weights_of_draws`.
    """
    flat = values.ravel()
    alike = np.full(flat.size, -np.log(flat.size))
    log_weights = alike if left_out else _log_weights_of_one(values)
    return _influence(log_weights, flat).reshape(values.shape)


def _influence(log_weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Log of a weighted mean less that without a draw, of every draw, (..., draw)."""
    terms = log_weights + values
    shares = terms - np.logaddexp.reduce(terms, axis=-1)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):  # a draw that is all there is
        found = np.log1p(-np.exp(log_weights)) - np.log1p(-np.exp(shares))
    return np.where(np.isnan(found), np.inf, found)


def error_of_draws(influence: np.ndarray) -> float:
    """Monte-Carlo standard error of what draws move by these amounts, (chain, draw)."""
    square = float((influence**2).sum())
    if not 0 < square < np.inf:
        return np.sqrt(square)
    return float(np.sqrt(square / relative_efficiency(influence)))


def relative_efficiency(values: np.ndarray) -> float:
    """Effective number of draws for the mean of values (chain, draw), per draw; at most 1."""
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        return 1.0
    return float(min(az.ess(values, method="mean") / values.size, 1.0))


def _log_weights(values: np.ndarray, efficiency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed logs of importance weights (unit, draw) of log-likelihoods, and Pareto's k (unit,).

    The efficiency (unit,) of the draws says how many weights make the tail that is smoothed.
    """
    pairs = zip(jittered(values), efficiency, strict=True)
    found = [array_stats.psislw(one, r_eff=of, axis=-1) for one, of in pairs]
    return np.stack([weights for weights, _ in found]), np.array([k for _, k in found])


def _log_weights_of_one(values: np.ndarray) -> np.ndarray:
    """Smoothed logs of importance weights of a unit's log-likelihoods (chain, draw), flat."""
    return _log_weights(values.reshape(1, -1), np.array([relative_efficiency(values)]))[0][0]


def jittered(values: np.ndarray) -> np.ndarray:
    """Add negligible jitter to log-likelihoods (..., draw) whose lowest are tied.

    A Pareto tail cannot be fitted to importance weights that are tied at their end. The first
    choice of a learner that starts indifferent is such a unit; others belong to chains that are
    stuck.
    """
    lowest = np.partition(values, TIED, axis=-1)[..., : TIED + 1]
    still = np.ptp(lowest, axis=-1, keepdims=True) < 1e3 * JITTER
    if not still.any():
        return values
    return values + still * np.random.default_rng(0).normal(0, JITTER, values.shape)


def is_bad(elpd: az.ELPDData) -> np.ndarray:
    """Whether the importance weights of a unit cannot be trusted, (unit,)."""
    if elpd.pareto_k is None:
        return np.zeros(elpd.n_data_points, dtype=bool)
    return np.asarray(elpd.pareto_k) > elpd.good_k


def _error(elpd_i: xr.DataArray) -> float:
    return float(np.sqrt(elpd_i.size * np.var(elpd_i.to_numpy())))
