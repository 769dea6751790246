"""What `fit_regions` returns, as others read it: draws per region, and whether to trust them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from empathymodels.inference.convergence import NOT_MIXED
from empathymodels.messages import did_you_mean, listed

OF_REGIONS = ("response", "settings", "model")  # attributes of every result
PER_REGION = ("rhat", "passed", "failed_checks", "error")


def is_of_regions(result: Any) -> bool:
    """Whether something is what `fit_regions` returns."""
    return (
        isinstance(result, xr.Dataset)
        and "region" in result.dims
        and all(name in result.attrs for name in OF_REGIONS)
        and all(name in result for name in PER_REGION)
    )


def checked_regions(result: Any) -> xr.Dataset:
    """Return what `fit_regions` returned; raise TypeError, with what to do, for anything else."""
    if not is_of_regions(result):
        raise TypeError(
            f"What fit_regions() returns must be given; found {type(result).__name__}. Fit the "
            "regions: em.fit_regions(model, study); from a file: xarray.load_dataset(path)."
        )
    return result


def mixed_regions(result: xr.Dataset) -> np.ndarray:
    """Whether a region was fitted, its chains in the same place, (region,)."""
    with np.errstate(invalid="ignore"):
        return (result["error"] == "").to_numpy() & (result["rhat"].to_numpy() <= NOT_MIXED)


def posterior_of(result: xr.Dataset, region: Any) -> xr.Dataset:
    """What is kept of a region, (chain, draw, ...), its draws as of one chain; its people alone."""
    one = result.sel(region=region, drop=True)
    kept = one[[n for n in one if "draw" in one[n].dims or str(n).endswith("_covariates")]]
    if "participant" in kept.dims:
        kept = kept.dropna("participant")
    chained = {n: v.expand_dims("chain") if "draw" in v.dims else v for n, v in kept.items()}
    return xr.Dataset(chained)


def population_draws(result: xr.Dataset, quantity: str, at: Mapping[str, Any]) -> np.ndarray:
    """Draws of one number per region, (region, draw).

    Raises
    ------
    KeyError
        There are no draws of that name, or the labels do not say of which number.
    """
    known = [str(name) for name, values in result.data_vars.items() if "draw" in values.dims]
    if quantity not in known:
        raise KeyError(
            f"quantity must be one that there are draws of: {listed(known, 30)}; found "
            f"'{quantity}'. Name one of these.{did_you_mean(quantity, known)}"
        )
    values = result[quantity]
    for dim, label in at.items():
        labels = values[dim].to_numpy().tolist() if dim in values.dims else []
        by_text = {str(one): one for one in labels}
        if dim in ("region", "draw") or str(label) not in by_text:
            raise KeyError(
                f"'{quantity}' has {_places(values)}; found {dim!r}: {label!r}. Name one label of "
                f"each.{did_you_mean(str(label), by_text)}"
            )
        values = values.sel({dim: by_text[str(label)]})
    if left := [str(dim) for dim in values.dims if dim not in ("region", "draw")]:
        raise KeyError(
            f"'{quantity}' has {_places(result[quantity])}: name one label of each; nothing is "
            f"said of {listed(left)}."
        )
    return values.transpose("region", "draw").to_numpy()


def own_values(result: xr.Dataset, quantity: str, at: Mapping[str, Any]) -> np.ndarray | None:
    """Everybody's own value behind a mean or an effect of covariates, (participant, region).

    Posterior means, without what covariates say of a person; None where people have none.
    """
    ending = "_mean" if quantity.endswith("_mean") else "_effect"
    name = quantity.removesuffix(ending)
    if name == quantity or name not in result or "participant" not in result[name].dims:
        return None
    values = result[name].sel(statistic="mean")
    for dim in [dim for dim in at if dim in values.dims]:
        (label,) = [one for one in values[dim].to_numpy().tolist() if str(one) == str(at[dim])]
        values = values.sel({dim: label})
    own = values.transpose("participant", "region").to_numpy()
    if f"{name}_covariates" not in result:
        return own
    rows = result[f"{name}_covariates"].transpose("region", "participant", ...).to_numpy()
    return np.column_stack([_residuals(own[:, k], rows[k]) for k in range(own.shape[1])])


def _residuals(values: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """What a line through covariates (participant, covariate) leaves of values."""
    known = np.isfinite(values) & np.isfinite(covariates).all(axis=1)
    lines = np.column_stack([np.ones(known.sum()), covariates[known]])
    left = np.full(values.shape, np.nan)
    if known.any():
        fitted = lines @ np.linalg.lstsq(lines, values[known], rcond=None)[0]
        left[known] = values[known] - fitted
    return left


def _places(values: xr.DataArray) -> str:
    """Which numbers a quantity has, in words."""
    dims = [dim for dim in values.dims if dim not in ("region", "draw")]
    told = [f"one number per '{dim}' ({listed(values[dim].to_numpy())})" for dim in dims]
    return " and ".join(told) or "one number per region"
