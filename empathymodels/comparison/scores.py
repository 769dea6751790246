"""What the scores of fits share, whatever is left out of them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import logsumexp

from empathymodels.comparison.elpd import Uncertainty, is_bad
from empathymodels.engine.evaluator import Evaluator
from empathymodels.inference.fits import evaluator_of_fit, method_of
from empathymodels.layout.arrangement import Arrangement

WORST = 0.5  # Monte-Carlo error of a log-density above which it says nothing


@dataclass(frozen=True)
class Asked:
    """How units are to be scored: see `compare`."""

    draws: int
    refit: bool
    folds: int | None
    seed: int
    from_block: int | None = None


@dataclass(frozen=True)
class Score:
    """How one fit predicts what it did not see.

    Attributes
    ----------
    elpd : ELPDData
        In ArviZ's form.
    units : DataFrame
        Index: the units. Columns ``elpd``, ``pareto_k``, ``error`` (Monte-Carlo standard error;
        NaN where importance weights fail, since none can be told) and ``exact`` (whether the fit
        was repeated without the unit).
    uncertainty : list of Uncertainty
        Of units that were scored by the same draws: one for every fit. Those whose weights fail
        are not among them.
    doubts : dict of str to str
        Refits whose chains disagree or diverge: what each left out, and how far.
    """

    elpd: az.ELPDData
    units: pd.DataFrame
    uncertainty: list[Uncertainty]
    doubts: dict[str, str] = field(default_factory=dict)

    @property
    def error(self) -> float:
        """Monte-Carlo standard error of the elpd, NaN where somebody's cannot be told."""
        return float("nan") if is_bad(self.elpd).any() else self.known_error

    @property
    def known_error(self) -> float:
        """Monte-Carlo standard error of the elpd of units whose importance weights hold."""
        return float(np.sqrt(sum(one.total**2 for one in self.uncertainty)))

    @property
    def failing(self) -> np.ndarray:
        """Whether importance weights or Monte-Carlo error of a unit cannot be trusted, (unit,)."""
        return is_bad(self.elpd) | ~(self.units["error"].to_numpy() <= WORST)

    def of(self, units: pd.Index) -> Score:
        """Return the score with its units in another order."""
        place, elpd = self.units.index.get_indexer(units), copy(self.elpd)
        elpd.elpd_i = elpd.elpd_i[place]
        if elpd.pareto_k is not None:
            elpd.pareto_k = elpd.pareto_k[place]
        return replace(self, elpd=elpd, units=self.units.iloc[place])


Fits = Mapping[str, xr.DataTree]

Compiled = Mapping[str, Evaluator]


def refuse_refits(unit: str, asked: Asked) -> None:
    """Raise ValueError where refits are asked of a unit that has none."""
    if asked.refit or asked.folds is not None:
        raise ValueError(
            f"Refits leave out people or later blocks; found refit={asked.refit}, "
            f"folds={asked.folds} with unit='{unit}'. Leave both out, or name another unit."
        )


def table_of_units(elpd: az.ELPDData, index: pd.Index, error: np.ndarray) -> pd.DataFrame:
    """Return a row per unit: elpd, Pareto k, Monte-Carlo error, and whether it is exact."""
    k = np.nan if elpd.pareto_k is None else np.asarray(elpd.pareto_k)
    columns = {"elpd": np.asarray(elpd.elpd_i), "pareto_k": k, "error": error}
    return pd.DataFrame({**columns, "exact": elpd.pareto_k is None}, index=index)


def people_of(arrangement: Arrangement, responses: list[str]) -> list[str]:
    """Participants with a value of any of some responses, in the order of the arrangement."""
    found = [arrangement.scored[name].participant for name in responses]
    return [arrangement.participants[s] for s in np.unique(np.concatenate(found))]


def troubled(score: Score) -> list[str]:
    """People whose importance weights or Monte-Carlo error cannot be trusted."""
    return score.units.index[score.failing].tolist()


def only_some(doubts: Mapping[str, str]) -> dict[str, str]:
    """Leave out refits of which there is no doubt."""
    return {what: why for what, why in doubts.items() if why}


def log_mean(values: np.ndarray) -> np.ndarray:
    """Return the log of the mean density over the last axis, from log-densities."""
    return logsumexp(values, axis=-1) - np.log(values.shape[-1])


def scorable(fit: xr.DataTree) -> Evaluator:
    """Evaluator of a fit whose draws can be scored.

    Raises
    ------
    ValueError
        The fit is a single point (method "map").
    """
    if method_of(fit) == "map":
        raise ValueError(
            "Predictions are scored over draws of the posterior; this fit is a single point "
            "(method='map'). Fit it with method='nuts'."
        )
    return evaluator_of_fit(fit)
