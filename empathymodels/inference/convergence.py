"""When chains have converged: R-hat, effective sample sizes, and how long to go on for them.

Rank-normalised split R-hat and bulk and tail effective sample sizes (ESS) with the limits of
Vehtari et al. (2021, doi:10.1214/20-BA1221): what `check` asks of a fit is what `fit` goes on for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import xarray as xr

RHAT_POPULATION, RHAT_PEOPLE, ESS = 1.01, 1.02, 400
RHAT_ROW, APART = "R-hat, population", 1.1  # from there on chains are in different places
NOT_MIXED = 1.05  # R-hat above which chains of one of many repeated fits inform of nothing
FIRST, GROWTH = 1000, 1.5  # draws per chain before the first look, and from look to look
MOST = 5000  # draws per chain at which `fit` gives up unless told otherwise
TARGETS = (0.9, 0.99)  # acceptance rates: where draws diverge at the first, the second is taken


@dataclass(frozen=True)
class Criterion:
    """One diagnostic of a group of quantities, and its limit.

    Attributes
    ----------
    name : str
        For example ``"bulk ESS, population"``.
    values : dict of str to float
        The diagnostic of every quantity.
    limit : float
        What the values should keep to.
    is_rhat : bool
        Whether the limit is an upper one.
    """

    name: str
    values: dict[str, float]
    limit: float
    is_rhat: bool

    @property
    def missed(self) -> list[str]:
        """Quantities beyond the limit, the worst first; what is not finite has no diagnostic."""
        order = sorted(self.values, key=lambda name: self.values[name], reverse=self.is_rhat)
        return [name for name in order if not self._is_met(self.values[name])]

    @property
    def worst(self) -> float:
        """The value furthest from what is wanted."""
        numbers = np.array([x for x in self.values.values() if np.isfinite(x)] or [np.nan])
        return float(numbers.max() if self.is_rhat else numbers.min())

    @property
    def bound(self) -> str:
        """The limit in signs."""
        return f"{'<=' if self.is_rhat else '>='} {self.limit:g}"

    def _is_met(self, value: float) -> bool:
        return bool(np.isfinite(value)) and (
            value <= self.limit if self.is_rhat else value >= self.limit
        )


def criteria(posterior: xr.Dataset) -> list[Criterion]:
    """Compute what is asked of a sampled posterior (chain, draw, ...).

    Returns
    -------
    list of Criterion
        R-hat of the population and of people, bulk and tail effective sample sizes of the
        population; without those that nothing was sampled for.
    """
    moving = sampled_values(posterior)
    people = moving[[n for n in moving if "participant" in moving[n].dims]]
    population = moving[[n for n in moving if n not in people]]
    found = []
    with np.errstate(all="ignore"):  # of a few draws they are no numbers
        if len(population):
            found.append(Criterion(RHAT_ROW, _flat(az.rhat(population)), RHAT_POPULATION, True))
        if len(people):
            found.append(Criterion("R-hat, people", _flat(az.rhat(people)), RHAT_PEOPLE, True))
        if len(population):
            for method in ("bulk", "tail"):
                values = _flat(az.ess(population, method=method))
                found.append(Criterion(f"{method} ESS, population", values, ESS, False))
    return found


def shortfall(posterior: xr.Dataset) -> str:
    """Say what a sampled posterior lacks to have converged; empty for nothing."""
    return _in_words(_missed(posterior))


def _missed(posterior: xr.Dataset) -> list[Criterion]:
    return [criterion for criterion in criteria(posterior) if criterion.missed]


def _in_words(missed: Iterable[Criterion]) -> str:
    return "; ".join(f"{c.name} {c.worst:.3g} ({c.missed[0]}), asked {c.bound}" for c in missed)


def sampled_values(posterior: xr.Dataset) -> xr.Dataset:
    """Everything that was sampled: without fixed values and the diagonal of correlations."""
    kept = posterior[[n for n in posterior if float(posterior[n].std()) > 0]]
    for name in [str(n) for n in kept if str(kept[n].dims[-1]).endswith("correlated_with")]:
        dims = kept[name].dims[-2:]
        labels = kept[dims[0]].to_numpy()
        rows, columns = np.tril_indices(len(labels), -1)
        values = kept[name].to_numpy()[..., rows, columns]
        moving = values.std(axis=(0, 1)) > 0
        pairs = [f"{labels[i]}, {labels[j]}" for i, j in zip(rows, columns, strict=True)]
        alone = xr.DataArray(
            values[..., moving],
            dims=("chain", "draw", f"{name}_pair"),
            coords={f"{name}_pair": np.array(pairs)[moving]},
        )
        kept = kept.drop_dims(dims).assign({name: alone})
    return kept


def _flat(values: xr.Dataset) -> dict[str, float]:
    found = {}
    for name, array in values.data_vars.items():
        for index in np.ndindex(array.shape):
            at = [str(array[d].to_numpy()[i]) for d, i in zip(array.dims, index, strict=True)]
            found[f"{name}[{', '.join(at)}]" if at else str(name)] = float(array.to_numpy()[index])
    return found


@dataclass(frozen=True)
class Length:
    """How many draws per chain a fit takes: so many, or as many as convergence needs.

    Attributes
    ----------
    most : int
        Draws per chain at the end.
    is_open : bool
        Whether fewer will do if they have converged.
    """

    most: int
    is_open: bool = False

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Length:
        """The length that settings of a fit ask for."""
        if settings["draws"] is not None:
            return cls(settings["draws"])
        return cls(settings["max_draws"], is_open=settings["until"] == "converged")

    @property
    def looks(self) -> list[int]:
        """Draws per chain after which convergence is looked for, the last at the end.

        They do not depend on time, and so the same seed gives the same draws. Every look is half
        as long again as the one before: looking often would favour a lucky one.
        """
        found, draws = [], FIRST
        while self.is_open and draws < self.most:
            found.append(draws)
            draws = int(round(draws * GROWTH, -2))
        return [*found, self.most]

    def verdict(self, posterior: xr.Dataset) -> str:
        """Say why chains need not, or cannot usefully, go on; empty where they should."""
        missed, draws = _missed(posterior), posterior.sizes["draw"]
        each = f"{draws:,} draws per chain"
        if not missed:
            return f"converged after {each}"
        told = _in_words(missed)
        if draws >= self.most:
            return f"not converged after {each}, the most allowed (max_draws): {told}"
        apart = any(c.worst > APART for c in missed if c.is_rhat)
        if apart and draws > FIRST:
            return f"not converged after {each}, and more would not help, chains differ: {told}"
        return ""

    def share(self, draws: int) -> str:
        """Say how much of it is done."""
        return f"{draws:,} of {'at most ' if self.is_open else ''}{self.most:,} draws per chain"
