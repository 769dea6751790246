"""What is kept of the fit of one region, and all regions as one labelled dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.priors import new_person_prior
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.inference.fits import arrangement_of, thinned
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import POPULATION
from empathymodels.population.covariates import Covariates
from empathymodels.population.scales import natural_values
from empathymodels.recovery.replicate_files import Replicate
from empathymodels.results.quantities import prior_variances

KEPT = 1000  # draws of the population, about, all chains together
DIGITS = 6  # of every number that is kept
PARTS = ("draws", "people", "constants", "numbers", "texts")  # of what is kept of a region
NUMBERS = {  # of a region, and the row of `check` that has them
    "rhat": "R-hat, population",
    "rhat_people": "R-hat, people",
    "bulk_ess": "bulk ESS, population",
    "tail_ess": "tail ESS, population",
    "divergences": "divergences",
}


def region_result(fit: xr.DataTree, checks: pd.DataFrame, response: str) -> dict[str, Any]:
    """What is kept of the fit of a region, as JSON holds it.

    Returns
    -------
    dict
        ``draws`` of the population, means and sds of ``people`` and items, ``constants``
        (covariates), and ``numbers`` and ``texts`` on how the fit went.
    """
    arrangement = arrangement_of(fit)
    posterior = fit["posterior"].to_dataset()
    fixed = {p.name for p in arrangement.parameters if p.fixed is not None}
    items = {p.name for p in arrangement.parameters if p.is_item}
    posterior = posterior[[n for n in posterior if n.removesuffix("_mean") not in fixed]]
    single = [n for n in posterior if n in items or "participant" in posterior[n].dims]
    chained = thinned(posterior[[n for n in posterior if n not in single]], KEPT)
    draws = {n: _behind_each_other(values) for n, values in chained.data_vars.items()}
    people = {n: _mean_and_sd(posterior[n]) for n in single}
    constants = fit["constant_data"].to_dataset()
    rows = fit["observed_data"][response]
    scored = rows[rows.notnull().to_numpy()]
    failed = checks[~checks["passed"].astype(bool)]
    values = dict(zip(checks["check"], checks["value"], strict=True))
    numbers = {name: float(values.get(row, np.nan)) for name, row in NUMBERS.items()}
    numbers |= {
        "passed": float(failed.empty),
        "rows": float(scored.size),
        "missing": float(_own_rows(arrangement, response) - scored.size),
        "participants": float(len(set(scored["region_participant"].to_numpy().tolist()))),
    }
    told = "; ".join(f"{n}: {v}" for n, v in zip(failed["check"], failed["value"], strict=True))
    return {
        "draws": {n: _stored(array) for n, array in draws.items()},
        "people": {n: _stored(array) for n, array in people.items()},
        "constants": {str(n): _stored(array) for n, array in constants.data_vars.items()},
        "numbers": numbers,
        "texts": {"failed_checks": told},
    }


def _own_rows(arrangement: Arrangement, response: str) -> int:
    table = arrangement.study.tables["regions"]
    return int((table["region"] == arrangement.model.response(response).region).sum())


def _behind_each_other(values: xr.DataArray) -> xr.DataArray:
    """Draws of all chains over one dim ``draw``."""
    flat = values.transpose("chain", "draw", ...)
    numbers = flat.to_numpy().reshape(-1, *flat.shape[2:])
    dims = [str(dim) for dim in flat.dims[2:]]
    return xr.DataArray(numbers, dims=("draw", *dims), coords={d: flat[d] for d in dims})


def _mean_and_sd(values: xr.DataArray) -> xr.DataArray:
    both = [values.mean(("chain", "draw")), values.std(("chain", "draw"), ddof=1)]
    return xr.concat(both, pd.Index(["mean", "sd"], name="statistic"))


def _stored(array: xr.DataArray) -> dict[str, Any]:
    """An array as JSON holds it, in so many digits."""
    short = [float(f"{x:.{DIGITS}g}") for x in array.to_numpy().ravel().astype(float).tolist()]
    labels = {str(d): array[d].to_numpy().tolist() for d in array.dims if d in array.coords}
    return {
        "dims": [str(dim) for dim in array.dims],
        "shape": list(array.shape),
        "labels": labels,
        "values": short,
    }


def _restored(kept: Mapping[str, Any]) -> xr.DataArray:
    numbers = np.array(kept["values"], dtype=float).reshape(kept["shape"])
    return xr.DataArray(numbers, dims=kept["dims"], coords=dict(kept["labels"]))


def is_region_result(result: Mapping[str, Any]) -> bool:
    """Whether something has the form of what `region_result` returns, and a seed."""
    try:
        for part in PARTS[:3]:
            for kept in result[part].values():
                _restored(kept)
        numbers = [float(result["numbers"][name]) for name in NUMBERS]
        return (
            bool(numbers)
            and isinstance(result["texts"]["failed_checks"], str)
            and bool(result["draws"] and isinstance(result["seed"], int))
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def as_dataset(
    done: Mapping[str, Replicate],
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
) -> xr.Dataset:
    """Put regions side by side, those that failed with missing numbers.

    Parameters
    ----------
    done : mapping of str to Replicate
        By region.
    arrangement, covariates : Arrangement, dict of Covariates
        Of a region that was fitted: for priors.
    """
    fitted = {name: one.result for name, one in done.items() if not one.error}
    labels = pd.Index(list(fitted), name="region")
    each = [_arrays(result) for result in fitted.values()]
    found = xr.concat(each, labels, join="outer", data_vars="all", coords="minimal")
    found = found.reindex(region=list(done))
    for name, numbers in _per_region(done):
        found[name] = ("region", numbers)
    priors = _priors(arrangement, covariates)
    for name in [str(n) for n in found.data_vars if str(n) in priors]:
        found[name].attrs |= priors[name]
    if "correlation" in found:
        variance = prior_variances(arrangement, covariates)["correlation"]
        found["correlation"].attrs["prior_sd"] = float(np.sqrt(variance))
    return found


def _arrays(result: Mapping[str, Any]) -> xr.Dataset:
    parts = (result[part].items() for part in PARTS[:3])
    return xr.Dataset({name: _restored(kept) for part in parts for name, kept in part})


def _per_region(done: Mapping[str, Replicate]) -> Iterator[tuple[str, np.ndarray]]:
    """What there is one of for every region."""
    results = [one.result if not one.error else None for one in done.values()]
    names = [*NUMBERS, "passed", "rows", "missing", "participants"]
    for name in names:
        numbers = [np.nan if r is None else r["numbers"][name] for r in results]
        whole = np.array(numbers)
        yield name, whole == 1 if name == "passed" else whole
    yield (
        "failed_checks",
        np.array(["" if r is None else r["texts"]["failed_checks"] for r in results]),
    )
    yield "seed", np.array([-1 if r is None else r["seed"] for r in results])
    yield "seconds", np.array([one.seconds for one in done.values()])
    yield "error", np.array([one.error for one in done.values()])


def _priors(
    arrangement: Arrangement, covariates: Mapping[str, Covariates]
) -> dict[str, dict[str, float]]:
    """Mean and sd of the priors of the population's values that are Gaussian, by variable."""
    found = {}
    for parameter in arrangement.parameters:
        name = parameter.name
        if name in covariates:
            sigma = float(parameter.effect_prior.parameters["sigma"])
            found[f"{name}_effect"] = {"prior_mean": 0.0, "prior_sd": sigma}
        if parameter.fixed is not None or parameter.priors["location"].distribution != "Normal":
            continue
        mean, sd = _moments(parameter)
        found[f"{name}_mean"] = {"prior_mean": mean, "prior_sd": sd}
        if parameter.level == POPULATION and SUPPORTS[parameter.support].is_linear:
            low, high = natural_values(parameter, arrangement.model, [mean - sd, mean + sd])
            found[name] = {"prior_mean": (low + high) / 2, "prior_sd": (high - low) / 2}
    return found


def _moments(parameter: Parameter) -> tuple[float, float]:
    mean, sd = new_person_prior(replace(parameter, level=POPULATION, spread=None))
    return float(mean), float(sd)
