"""How often central intervals hold true values, and whether the chains mixed that say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from empathymodels.inference.convergence import NOT_MIXED
from empathymodels.messages import listed
from empathymodels.results.quantities import WHOLE

FEWEST_MIXED = 0.9  # share of values whose chains must have mixed, or they inform of nothing
PROBS = {"coverage_50": 0.5, "coverage_90": 0.9}
PEOPLE, SHARED, CORRELATIONS = "values of people", "shared values", "correlations"
ENDINGS = {"_mean": "means", "_sd": "spreads", "_effect": "effects"}


def mixed(one: xr.Dataset) -> float:
    """Share of the values of a parameter, of everybody in all replicates, whose chains mixed."""
    return float((one["rhat"] <= NOT_MIXED).mean())


def informative_values(found: xr.Dataset) -> xr.DataArray:
    """Whether chains mixed about a value, and often enough about its parameter's values.

    Leaving out values by R-hat, which is known of the data alone, does not bias the coverage of
    the others.

    Parameters
    ----------
    found : Dataset (replicate, quantity)
        Replicates, labelled.

    Returns
    -------
    DataArray (replicate, quantity) of bool
    """
    is_mixed = found["rhat"] <= NOT_MIXED
    of_label = is_mixed.mean("replicate").groupby("label").mean()
    shares = of_label.sel(label=found["label"]).drop_vars("label")
    return is_mixed & (shares >= FEWEST_MIXED)


def is_informative(table: pd.DataFrame) -> pd.Series:
    """Whether chains mixed often enough for a row to tell of the model, not of the sampler."""
    return table["mixed"] >= FEWEST_MIXED


def share_and_error(inside: xr.DataArray) -> tuple[float, float]:
    """Share of hits (NaN: left out), and its standard error over replicates, all independent."""
    per_replicate = inside.mean("quantity").dropna("replicate")
    number = per_replicate.size
    error = float(per_replicate.std(ddof=1)) / np.sqrt(number) if number > 1 else float("nan")
    return float(per_replicate.mean()) if number else float("nan"), error


def pooled_coverage(found: xr.Dataset, inside: Mapping[str, xr.DataArray]) -> pd.DataFrame:
    """Coverage of all numbers of a kind together, which shows what single parameters hide.

    Values that inform of nothing, since chains did not mix (`informative_values`), are left out.

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
        population, "shared values", "values of people", items among them), ``values``, how many
        count, ``left_out``, how many do not, and per interval its coverage with standard error
        over replicates, as of a parameter (missing where no value counts).
    """
    counts = informative_values(found)
    kinds = np.array(_kinds(found["label"].to_numpy(), found["whose"].to_numpy()))
    rows = []
    for kind in dict.fromkeys(kinds.tolist()):
        mine = np.flatnonzero(kinds == kind)
        used = counts.isel(quantity=mine)
        number = int(used.sum())
        row = {"kind": kind, "values": number, "left_out": used.size - number}
        for column in PROBS:
            told = share_and_error(inside[column].isel(quantity=mine).where(used))
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
    numbers all may be hits. 1 where no value counts.
    """
    pooled = pooled[pooled["values"] > 0]
    p_values: list[float] = []
    for column, prob in PROBS.items():
        alone = np.sqrt(prob * (1 - prob) / pooled["values"])
        away = abs(pooled[column] - prob) / np.fmax(pooled[f"{column}_se"], alone)
        p_values.extend(2 * stats.t.sf(away, max(replicates - 1, 1)))
    return min([1.0, *(len(p_values) * float(p_value) for p_value in p_values)])


def pooled_words(pooled: pd.DataFrame) -> str:
    """Coverage of all means and of all spreads, in words, and how many values are left out."""
    rows = pooled[pooled["kind"].isin(["means", "spreads"])].set_index("kind")
    told = [
        f"{row['coverage_90']:.3f} of all {kind} (standard error {row['coverage_90_se']:.3f})"
        for kind, row in rows.iterrows()
        if row["values"]
    ]
    words = [f"90 % intervals hold {' and '.join(told)}"] if told else []
    number = int(pooled["left_out"].sum())
    if number:
        total = number + int(pooled["values"].sum())
        words.append(f"pooled coverage leaves out {number:,} of {total:,} values, not informative")
    return "; ".join(words)


def uninformative_words(table: pd.DataFrame) -> str:
    """Name the parameters whose chains did not mix often enough, if there are any."""
    names = table.loc[~is_informative(table), "parameter"].tolist()
    if not names:
        return ""
    about = "anything" if len(names) == len(table) else listed(names, 5)
    return (
        f"not informative about {about}: of the values, chains of more than "
        f"{100 * (1 - FEWEST_MIXED):.0f} % did not mix (R-hat above {NOT_MIXED})"
    )
