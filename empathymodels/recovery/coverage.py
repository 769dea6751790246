"""How often central intervals hold true values, and whether the chains mixed that say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from empathymodels.messages import listed
from empathymodels.results.quantities import WHOLE

APART = 1.05  # R-hat above which chains did not mix
FEWEST_MIXED = 0.9  # share of values whose chains must have mixed, or they inform of nothing
PROBS = {"coverage_50": 0.5, "coverage_90": 0.9}
PEOPLE, SHARED, CORRELATIONS = "values of people", "shared values", "correlations"
ENDINGS = {"_mean": "means", "_sd": "spreads", "_effect": "effects"}


def mixed(one: xr.Dataset) -> float:
    """Share of the values of a parameter, of everybody in all replicates, whose chains mixed."""
    return float((one["rhat"] <= APART).mean())


def is_informative(table: pd.DataFrame) -> pd.Series:
    """Whether chains mixed often enough for a row to tell of the model, not of the sampler."""
    return table["mixed"] >= FEWEST_MIXED


def share_and_error(inside: xr.DataArray) -> tuple[float, float]:
    """Share of hits, and its standard error over replicates, which are independent."""
    per_replicate = inside.mean("quantity")
    number = per_replicate.size
    error = float(per_replicate.std(ddof=1)) / np.sqrt(number) if number > 1 else float("nan")
    return float(per_replicate.mean()), error


def pooled_coverage(found: xr.Dataset, inside: Mapping[str, xr.DataArray]) -> pd.DataFrame:
    """Coverage of all numbers of a kind together, which shows what single parameters hide.

    Parameters
    ----------
    found : Dataset (replicate, quantity)
        Replicates, labelled.
    inside : mapping of str to DataArray (replicate, quantity)
        Per column of `PROBS` whether an interval holds the true value.

    Returns
    -------
    DataFrame
        One row per kind: ``kind`` ("means", "spreads", "effects" and "correlations" of the
        population, "shared values", "values of people", items among them), ``values``, and per
        interval its coverage with standard error over replicates, as of a parameter.
    """
    kinds = np.array(_kinds(found["label"].to_numpy(), found["whose"].to_numpy()))
    rows = []
    for kind in dict.fromkeys(kinds.tolist()):
        mine = np.flatnonzero(kinds == kind)
        row = {"kind": kind, "values": found.sizes["replicate"] * len(mine)}
        for column in PROBS:
            told = share_and_error(inside[column].isel(quantity=mine))
            row |= dict(zip((column, f"{column}_se"), told, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def _kinds(labels: Iterable[str], whose: Iterable[str]) -> list[str]:
    names = [str(label).split("[")[0] for label in labels]
    return [
        _kind(name, set(names)) if owner == WHOLE else PEOPLE
        for name, owner in zip(names, whose, strict=True)
    ]


def _kind(name: str, names: set[str]) -> str:
    """Kind of a number of the population; the means of a parameter come with its values."""
    for ending, kind in ENDINGS.items():
        if name.endswith(ending) and name.removesuffix(ending) in names:
            return kind
    return CORRELATIONS if name == "correlation" or name.endswith("_correlation") else SHARED


def smallest_chance(pooled: pd.DataFrame, replicates: int) -> float:
    """P-value of the coverage furthest from what it should be, corrected for all of them.

    A t-test over replicates, whose standard error is at least that of independent hits: of few
    numbers all may be hits.
    """
    p_values = []
    for column, prob in PROBS.items():
        alone = np.sqrt(prob * (1 - prob) / pooled["values"])
        away = abs(pooled[column] - prob) / np.fmax(pooled[f"{column}_se"], alone)
        p_values.extend(2 * stats.t.sf(away, max(replicates - 1, 1)))
    return min(1.0, len(p_values) * float(min(p_values)))


def pooled_words(pooled: pd.DataFrame) -> str:
    """Coverage of all means and of all spreads, in words; "" where neither is known."""
    rows = pooled.set_index("kind")
    told = [
        f"{rows.loc[kind, 'coverage_90']:.3f} of all {kind} (standard error "
        f"{rows.loc[kind, 'coverage_90_se']:.3f})"
        for kind in ("means", "spreads")
        if kind in rows.index
    ]
    return f"90 % intervals hold {' and '.join(told)}" if told else ""


def uninformative_words(table: pd.DataFrame) -> str:
    """Name the parameters whose chains did not mix often enough, if there are any."""
    names = table.loc[~is_informative(table), "parameter"].tolist()
    if not names:
        return ""
    about = "anything" if len(names) == len(table) else listed(names, 5)
    return (
        f"not informative about {about}: of the values, chains of more than "
        f"{100 * (1 - FEWEST_MIXED):.0f} % did not mix (R-hat above {APART})"
    )
