"""How people scatter about the population: centred, non-centred, or between."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Scatter:
    r"""How units scatter around their means on the link scale, and what the sampler moves for it.

    Values are :math:`\theta = m + \sigma L z` with standard normal z. What is sampled is
    :math:`u = c\,m + M z` with the lower triangular

    .. math:: M_{kk} = (\sigma_k L_{kk})^{c_k}, \qquad M_{kj} = c_k \sigma_k L_{kj} \ (j < k),

    so that every column is, given those before it, centred for c = 1 and non-centred for c = 0
    (Gorinova, Moore & Hoffman 2020, arXiv:1906.03028).

    Attributes
    ----------
    centre : (…, unit, column)
        Means m: location and effects of covariates; of one unit where they are all alike.
    spread : (…, column)
        Spreads :math:`\sigma` of the population.
    factor : (…, column, column) or None
        Cholesky factor L of the correlations; None where no columns correlate.
    share : (column,), optional
        Share of centring c.
    xp : module, optional
        NumPy or ``pytensor.tensor``.
    """

    centre: Any
    spread: Any
    factor: Any
    share: Any = 0.0
    xp: Any = np

    @property
    def mean(self) -> Any:
        """Mean of what is sampled, (…, unit, column)."""
        return self.share * self.centre

    @cached_property
    def mixing(self) -> Any:
        """M (…, column, column), or its diagonal (…, column) where no columns correlate."""
        if self.factor is None:
            return self.spread**self.share
        own = self.xp.eye(self.factor.shape[-1])
        narrowed = self.spread * (self.factor * own).sum(-1)
        before = (self.share * self.spread)[..., :, None] * self.factor * (1 - own)
        return before + (narrowed**self.share)[..., :, None] * own

    def deviations(self, sampled: Any) -> Any:
        """Standard normal z, (…, unit, column), of what is sampled."""
        if self.factor is None:
            return (sampled - self.mean) / self.mixing[..., None, :]
        return unmixed(self.mixing, sampled - self.mean, self.xp)

    def sampled(self, deviations: Any) -> Any:
        """What the sampler moves for these deviations, (…, unit, column)."""
        if self.factor is None:
            return self.mean + self.mixing[..., None, :] * deviations
        return self.mean + deviations @ self.mixing.mT

    def values(self, deviations: Any) -> Any:
        """Link-scale values, (…, unit, column)."""
        mixed = deviations if self.factor is None else deviations @ self.factor.mT
        return self.centre + self.spread[..., None, :] * mixed


def unmixed(mixing: Any, mixed: Any, xp: Any) -> Any:
    """Rows z, (…, unit, column), of ``z @ mixing.mT`` for a lower triangular matrix."""
    if xp is not np:
        return xp.linalg.solve_triangular(mixing, mixed.mT, lower=True).mT
    found = np.empty_like(mixed)
    for k in range(mixed.shape[-1]):
        before = found[..., :k] @ mixing[..., k, :k, None]
        found[..., k] = (mixed[..., k] - before[..., 0]) / mixing[..., k, k, None]
    return found


def cholesky_of(partial: Any, correlated: int, columns: int, xp: Any = np) -> Any:
    r"""Cholesky factor of a correlation matrix whose first columns correlate.

    With partial correlations :math:`p_{ij}` of columns i > j given all before j, the entries are
    :math:`L_{ij} = p_{ij} \prod_{k<j} \sqrt{1 - p_{ik}^2}`, where :math:`p_{ii} = 1`
    (Lewandowski, Kurowicka & Joe 2009, doi:10.1016/j.jmva.2009.04.008).

    Parameters
    ----------
    partial : (…, pair)
        Partial correlations, in the order of ``np.tril_indices(correlated, -1)``.
    correlated, columns : int
        How many of the columns correlate.
    xp : module
        NumPy or ``pytensor.tensor``.

    Returns
    -------
    array or tensor (…, column, column)
    """
    rows, before = np.tril_indices(correlated, -1)
    place = np.full((columns, columns), len(rows))  # of the 0 behind the partial correlations
    place[rows, before] = np.arange(len(rows))
    padded = xp.concatenate([partial, xp.zeros_like(partial[..., :1])], axis=-1)
    entries = padded[..., place]
    earlier = np.triu(np.ones((columns, columns)), 1)
    left = xp.exp(xp.log1p(-(entries**2)) @ earlier / 2)
    return (entries + np.eye(columns)) * left
