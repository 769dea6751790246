"""Do posteriors hold what they promise? Simulation-based calibration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import arviz as az  # noqa: F401  registers the accessor azstats
import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.model import Model
from empathymodels.quantities import WHOLE
from empathymodels.simulated_fits import (
    RANKS,
    as_dataset,
    failures,
    sampling_words,
    simulated_fits,
)
from empathymodels.study import Study

LEVEL = 0.05  # error probability of the verdict on all parameters together
FEWEST = 20  # replicates below which a verdict says little


def calibrate(
    model: Model,
    design: Study | pd.DataFrame,
    *,
    n: int = 100,
    covariates: Mapping[str, str] | None = None,
    seed: int = 0,
    draws: int = 500,
    tune: int = 500,
    chains: int = 2,
    target_accept: float = 0.9,
    folder: str | Path | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    r"""Test by simulation whether posteriors are what the model and its prior imply.

    Populations and people are drawn from the prior, responses are simulated, and the model is
    fitted. If simulator, likelihood and sampling agree, the rank of every true value among the
    posterior draws is uniform.

    Parameters
    ----------
    model, design, n, covariates, seed, draws, tune, chains, target_accept, folder, workers
        As in `recover`, whose replicates (with truths from the prior) are read where they are in
        the folder.

    Returns
    -------
    DataFrame
        One row per parameter: ``parameter``; ``whose`` ("people" or "population"); ``ranks``, how
        many; ``p_uniform``, the p value of a test of uniformity (ArviZ's); ``mean_rank``, 0.5 if
        nothing is biased; ``coverage_50``, ``coverage_90``, the share of ranks in the middle;
        ``few``, the share of replicates in which the effective sample size was below the
        number of draws ranked among, so that ranks are a little too extreme. ``attrs``:
        ``ranks`` (Dataset (replicate), one variable per parameter), ``failed`` and
        ``reading``, the verdict in words.

    Raises
    ------
    RuntimeError, OSError, ValueError
        As in `recover`.

    Notes
    -----
    With L + 1 positions among L thinned draws and r of them below the truth, the rank is

    .. math:: u = (r + v) / (L + 1), \qquad v \sim \text{Uniform}(0, 1)

    People of one replicate share a population, so their ranks are not independent. Each replicate
    gives the rank of one person, in turns; people are alike before the data.

    References
    ----------
    Talts et al. (2018), arXiv:1804.06788. Säilynoja, Bürkner & Vehtari (2022),
    doi:10.1007/s11222-022-10090-6 (bands).

    Examples
    --------
    >>> import empathymodels as em
    >>> model, study = em.get_model("outgroup_help_learning"), em.load_study("outgroup_help")
    >>> table = em.calibrate(model, study, n=200, folder="recovery")  # doctest: +SKIP
    >>> em.plot_calibration(table)  # doctest: +SKIP
    """
    done, _ = simulated_fits(
        model,
        design,
        n=n,
        truth=None,
        covariates=covariates,
        seed=seed,
        settings=dict(draws=draws, tune=tune, chains=chains, target_accept=target_accept),
        folder=folder,
        workers=workers,
        name="Calibration",
    )
    found, failed = as_dataset(done), failures(done)
    ranks, few = {}, {}
    for label, one in found.groupby("label", squeeze=False):
        mine = _one_person(one)
        ranks[str(label)], few[str(label)] = mine["rank"], float((mine["ess"] < RANKS).mean())
    shared = set(found["label"].to_numpy()[found["whose"].to_numpy() == WHOLE])
    names = dict.fromkeys(str(label) for label in found["label"].to_numpy())
    table = pd.DataFrame(
        {
            "parameter": name,
            "whose": "population" if name in shared else "people",
            **_uniformity(ranks[name]),
            "few": few[name],
        }
        for name in names
    )
    table.attrs = {
        "ranks": xr.Dataset({name: ranks[name] for name in names}),
        "failed": failed,
        "reading": f"{_verdict(table)}; {sampling_words(found, failed)}",
    }
    return table


def _one_person(one: xr.Dataset) -> xr.Dataset:
    """One person (or item) of each replicate, in turns: (replicate)."""
    turn = one["replicate"] % one.sizes["quantity"]
    return one.isel(quantity=turn.variable).drop_vars(("label", "whose"), errors="ignore")


def _uniformity(ranks: xr.DataArray) -> dict[str, float]:
    p_value, _, _ = ranks.azstats.uniformity_test(dim="replicate")
    off = np.abs(ranks - 0.5)
    return {
        "ranks": ranks.size,
        "p_uniform": float(p_value),
        "mean_rank": float(ranks.mean()),
        "coverage_50": float((off < 0.25).mean()),
        "coverage_90": float((off < 0.45).mean()),
    }


def _verdict(table: pd.DataFrame) -> str:
    least = table.loc[table["p_uniform"].idxmin()]
    number = len(table)
    together = min(1.0, float(least["p_uniform"]) * number)
    text = "not uniform" if together < LEVEL else "no departure from uniform ranks found"
    if table["ranks"].max() < FEWEST:
        text = f"fewer than {FEWEST} replicates show gross faults only; {text}"
    return (
        f"{text}: smallest p value {least['p_uniform']:.2g} ('{least['parameter']}'), "
        f"{together:.2g} after correction for {number} parameters"
    )
