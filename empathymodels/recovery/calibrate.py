"""Do posteriors hold what they promise? Simulation-based calibration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import arviz as az  # noqa: F401  registers the accessor azstats
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.recovery.coverage import (
    PROBS,
    is_informative,
    mixed,
    pooled_coverage,
    pooled_words,
    smallest_chance,
    uninformative_words,
)
from empathymodels.recovery.plan import Sampling
from empathymodels.recovery.simulated_fits import (
    RANKS,
    as_dataset,
    failures,
    sampling_words,
    simulated_fits,
)
from empathymodels.results.quantities import WHOLE
from empathymodels.study.study import Study

LEVEL = 0.05  # error probability of the verdict on all parameters together
FEWEST = 20  # replicates below which a verdict says little


@checked_arguments
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
        number of draws ranked among, so that ranks are a little too extreme; ``mixed``, the
        share of values, of everybody, about which chains agreed (R-hat at most 1.05). ``attrs``:
        ``ranks`` (Dataset (replicate), one variable per parameter), ``pooled`` (DataFrame;
        coverage of all means, all spreads, all values of people together, with standard errors
        over replicates, without the ``left_out`` values as in `recover`), ``failed`` and
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

    Ranks of draws that do not come from the posterior say nothing of the model: parameters with
    ``mixed`` below 0.9 are named as not informative and left out of the verdict on ranks. Small
    departures that are common to many parameters show in ``pooled`` first.

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
        sampling=Sampling(draws, tune, chains, target_accept),
        folder=folder,
        workers=workers,
        name="Calibration",
    )
    found, failed = as_dataset(done), failures(done)
    ranks, told = {}, {}
    for label, one in found.groupby("label", squeeze=False):
        mine = _one_person(one)
        ranks[str(label)] = mine["rank"]
        told[str(label)] = {"few": float((mine["ess"] < RANKS).mean()), "mixed": mixed(one)}
    shared = set(found["label"].to_numpy()[found["whose"].to_numpy() == WHOLE])
    names = dict.fromkeys(str(label) for label in found["label"].to_numpy())
    table = pd.DataFrame(
        {
            "parameter": name,
            "whose": "population" if name in shared else "people",
            **_uniformity(ranks[name]),
            **told[name],
        }
        for name in names
    )
    pooled = pooled_coverage(found, _inside(found["rank"]))
    words = (_verdict(table, pooled), uninformative_words(table), sampling_words(found, failed))
    table.attrs = {
        "ranks": xr.Dataset({name: ranks[name] for name in names}),
        "pooled": pooled,
        "failed": failed,
        "reading": "; ".join(filter(None, words)),
    }
    return table


def _one_person(one: xr.Dataset) -> xr.Dataset:
    """One person (or item) of each replicate, in turns: (replicate)."""
    turn = one["replicate"] % one.sizes["quantity"]
    return one.isel(quantity=turn.variable).drop_vars(("label", "whose"), errors="ignore")


def _uniformity(ranks: xr.DataArray) -> dict[str, float]:
    p_value, _, _ = ranks.azstats.uniformity_test(dim="replicate")
    return {
        "ranks": ranks.size,
        "p_uniform": float(p_value),
        "mean_rank": float(ranks.mean()),
        **{name: float(inside.mean()) for name, inside in _inside(ranks).items()},
    }


def _inside(ranks: xr.DataArray) -> dict[str, xr.DataArray]:
    """Whether ranks lie in the middle, as those of true values in central intervals do."""
    return {name: abs(ranks - 0.5) < prob / 2 for name, prob in PROBS.items()}


def _verdict(table: pd.DataFrame, pooled: pd.DataFrame) -> str:
    """Say whether ranks are uniform, of parameters whose chains mixed, and coverage is right."""
    words = [_of_ranks(table[is_informative(table)]), pooled_words(pooled)]
    together = smallest_chance(pooled, int(table["ranks"].max()))
    if together < LEVEL:
        words.append(f"pooled coverage is not what intervals promise (p {together:.2g})")
    return "; ".join(filter(None, words))


def _of_ranks(table: pd.DataFrame) -> str:
    if table.empty:
        return ""
    least = table.loc[table["p_uniform"].idxmin()]
    together = min(1.0, float(least["p_uniform"]) * len(table))
    text = "not uniform" if together < LEVEL else "no departure from uniform ranks found"
    if table["ranks"].max() < FEWEST:
        text = f"fewer than {FEWEST} replicates show gross faults only; {text}"
    return (
        f"{text}: smallest p value {least['p_uniform']:.2g} ('{least['parameter']}'), "
        f"{together:.2g} after correction for {len(table)} parameters"
    )
