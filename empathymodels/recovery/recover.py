"""Are true values found again? Over many simulated studies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.layout.arrange import arrange
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.covariates import covariates_for
from empathymodels.recovery.coverage import (
    mixed,
    pooled_coverage,
    pooled_words,
    share_and_error,
    uninformative_words,
)
from empathymodels.recovery.plan import Sampling
from empathymodels.recovery.simulated_fits import (
    Truth,
    as_dataset,
    failures,
    sampling_words,
    simulated_fits,
)
from empathymodels.results.quantities import WHOLE, prior_variances
from empathymodels.simulation.placeholders import with_placeholders
from empathymodels.study.study import Study

ENDS = {"coverage_50": ("q25", "q75"), "coverage_90": ("q05", "q95")}


@checked_arguments
def recover(
    model: Model,
    design: Study | pd.DataFrame,
    *,
    n: int = 100,
    truth: Truth = None,
    covariates: Mapping[str, str] | None = None,
    seed: int = 0,
    draws: int = 500,
    tune: int = 500,
    chains: int = 2,
    target_accept: float = 0.9,
    folder: str | Path | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    r"""Simulate a design from known values and fit it again, many times.

    Every replicate is simulated, fitted and written to a file of its own. A run that is stopped
    and run again with the same folder does only what is missing; results depend on the seed
    and not on the workers.

    Parameters
    ----------
    model : Model
        What simulates and is fitted.
    design : Study or DataFrame
        People, trials and all columns that are not responses; a DataFrame is a table of trials.
        Responses that it has are replaced, missing ones too.
    n : int
        How many replicates.
    truth : DataFrame, mapping or DataTree, optional
        Natural-scale values of everybody, as in `simulate`, the same in all replicates; or a fit,
        whose posterior gives a population for each replicate, with new people. Populations and
        people are drawn from the prior unless given.
    covariates : mapping of str to str, optional
        Formula per parameter, as in `fit`.
    seed : int
        Of everything. Replicate k is the same whatever `n`.
    draws, tune, chains, target_accept
        As in `fit`, which every replicate is sampled like: a pilot of its own measures centring,
        and chains start from it. They run one after the other on one core (with ``workers=1``
        side by side).
    folder : str or Path, optional
        Where the replicates are kept. `calibrate` with the same folder, seed and settings
        reads those of `recover`.
    workers : int, optional
        Processes at a time: all cores unless given, or what the joblib backend in force offers
        (``with joblib.parallel_config(backend="dask"): ...``). Each compiles once.

    Returns
    -------
    DataFrame
        One row per parameter: ``parameter``; ``whose`` ("people", "items" or "population"; means,
        spreads, effects and correlations on the link scale, all else on the natural scale);
        ``values``, how many were recovered; ``bias`` and ``rmse`` of posterior means;
        ``correlation`` of posterior means with true values (of people: within each replicate,
        averaged; of the population: over replicates; none where the truth does not vary);
        ``coverage_50``, ``coverage_90``: share of true values in the central intervals, with its
        standard error over replicates in ``coverage_50_se``, ``coverage_90_se``;
        ``contraction``, 1 minus the posterior variance over the prior variance, on the link
        scale; ``mixed``, the share of these values about which chains agreed (R-hat at most
        1.05); ``divergences``, the share of replicates with any (the same in all
        rows). ``attrs``: ``replicates`` (Dataset of every number, (replicate, quantity)),
        ``pooled`` (DataFrame; coverage of all means, all spreads, all values of people
        together, with standard errors, without the ``left_out`` values about which chains did
        not mix or that belong to rows that are not informative), ``failed`` (number and reason),
        ``seconds`` (of every replicate) and ``reading``, in words.

    Raises
    ------
    RuntimeError
        No replicate can be fitted, or the workers are gone.
    OSError
        The folder cannot be written to. What was written before stays.
    ValueError
        The design does not fit the model's declarations.

    Notes
    -----
    A replicate that fails counts as failed; the table is about the others. With truths from the
    prior, coverages are those promised if the sampling is right: `calibrate` tests it.

    Where ``mixed`` is below 0.9, a row is not informative: bias and coverage then say more of
    sampling that was too short than of the model. Give more `draws` and `tune`.

    References
    ----------
    Wilson & Collins (2019), doi:10.7554/eLife.49547 (recovery). Schad, Betancourt & Vasishth
    (2021), doi:10.1037/met0000275 (contraction).

    Examples
    --------
    >>> import empathymodels as em
    >>> model, study = em.get_model("outgroup_help_learning"), em.load_study("outgroup_help")
    >>> table = em.recover(model, study, n=100, folder="recovery")  # doctest: +SKIP
    >>> em.plot_recovery(table)  # doctest: +SKIP
    """
    sampling = Sampling(draws, tune, chains, target_accept)
    done, study = simulated_fits(
        model,
        design,
        n=n,
        truth=truth,
        covariates=covariates,
        seed=seed,
        sampling=sampling,
        folder=folder,
        workers=workers,
        name="Recovery",
    )
    found, failed = as_dataset(done), failures(done)
    arrangement = arrange(model, with_placeholders(model, study, model.responses))
    variances = prior_variances(arrangement, covariates_for(arrangement, covariates))
    table = _table(found, arrangement, variances)
    pooled = pooled_coverage(found, _inside(found))
    words = (sampling_words(found, failed), uninformative_words(table), pooled_words(pooled))
    table.attrs = {
        "replicates": found,
        "pooled": pooled,
        "failed": failed,
        "seconds": [one.seconds for one in done],
        "reading": "; ".join(filter(None, words)),
    }
    return table


def _table(
    found: xr.Dataset, arrangement: Arrangement, variances: Mapping[str, float]
) -> pd.DataFrame:
    items = {p.name for p in arrangement.parameters if p.is_item}
    diverged = float((found["divergences"] > 0).mean())
    rows = []
    for label, one in found.groupby("label", squeeze=False):
        name = str(label).split("[")[0]
        whose = "population" if (one["whose"] == WHOLE).all() else "people"
        error = one["mean"] - one["true"]
        row: dict[str, Any] = {
            "parameter": str(label),
            "whose": "items" if name in items else whose,
            "values": int(error.size),
            "bias": float(error.mean()),
            "rmse": float(np.sqrt((error**2).mean())),
            "correlation": _correlation(one),
        }
        for column, inside in _inside(one).items():
            row |= dict(zip((column, f"{column}_se"), share_and_error(inside), strict=True))
        row["contraction"] = 1 - float(one["variance"].mean()) / variances[name]
        rows.append({**row, "mixed": mixed(one), "divergences": diverged})
    order = {str(label): k for k, label in enumerate(found["label"].to_numpy())}
    return pd.DataFrame(sorted(rows, key=lambda row: order[row["parameter"]]))


def _inside(found: xr.Dataset) -> dict[str, xr.DataArray]:
    """Whether true values lie in their central intervals."""
    true = found["true"]
    return {
        name: (found[low] <= true) & (true <= found[high]) for name, (low, high) in ENDS.items()
    }


def _correlation(one: xr.Dataset) -> float:
    """Within replicates where there are several people, else over replicates."""
    dim = "quantity" if one.sizes["quantity"] > 1 else "replicate"
    true, mean = one["true"], one["mean"]
    varies = (true.std(dim) > 0) & (mean.std(dim) > 0)
    if one.sizes[dim] < 3 or not varies.any():
        return float("nan")
    return float(xr.corr(true, mean, dim).where(varies).mean())
