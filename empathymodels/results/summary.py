"""Summaries of draws, and how a table says that they are approximate or partial."""

from __future__ import annotations

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.inference.fits import PARTIAL, method_of


def with_method(table: pd.DataFrame, fit: xr.DataTree, *, place: int) -> pd.DataFrame:
    """Say in a column of its own that a fit is approximate or partial."""
    if method_of(fit) != "nuts":
        table.insert(place, "method", f"{method_of(fit)}, approximate")
    elif PARTIAL in fit.attrs:
        table.insert(place, "method", f"{PARTIAL}, {fit.attrs[PARTIAL]}")
    return table


def summary(draws: np.ndarray, prob: float) -> dict[str, float]:
    """Mean, median, sd and highest-density interval of draws."""
    is_point = draws.size == 1
    low, high = (np.nan, np.nan) if is_point else az.hdi(draws.ravel(), prob=prob)
    return {
        "mean": float(draws.mean()),
        "median": float(np.median(draws)),
        "sd": np.nan if is_point else float(draws.std(ddof=1)),
        "hdi_low": float(low),
        "hdi_high": float(high),
    }


def summary_of_spread(fit: xr.DataTree, draws: np.ndarray, prob: float) -> dict[str, float]:
    """Return `summary` of what spreads between people make; Laplace's has no interval.

    In 20 simulated studies its intervals of 90 % held 65 % of the spreads.
    """
    has_none = method_of(fit) == "laplace"
    without = {"hdi_low": np.nan, "hdi_high": np.nan} if has_none else {}
    return summary(draws, prob) | without


def share_of_draws(draws: np.ndarray, share: float) -> float:
    """Return a share among draws; none is known from a single point."""
    return float(share) if draws.size > 1 else np.nan
