"""Fit a model again to a part of the same study, without compiling anew for every part."""

from __future__ import annotations

from collections.abc import Mapping

import arviz as az
import numpy as np
import xarray as xr

from empathymodels.engine.build import build
from empathymodels.engine.density import compiled_density
from empathymodels.inference.centring import run_pilot
from empathymodels.inference.convergence import NOT_MIXED
from empathymodels.inference.fits import arrangement_of, covariates_of, method_of, recorded
from empathymodels.inference.sample import Trace, sample
from empathymodels.messages import counted as number_of
from empathymodels.terminal import available_cores, progress_kind, tell


def refit(fit: xr.DataTree, counted: Mapping[str, np.ndarray]) -> xr.Dataset:
    """Sample the posterior given a part of the observations, everything else as in a fit.

    Parameters
    ----------
    fit : DataTree
        Its model, study, covariates, seed and settings are used again; centring is measured anew.
    counted : mapping of str to ndarray (observation,)
        Per response whether an observation counts.

    Returns
    -------
    Dataset (chain, draw, ...)
        As the fit's ``posterior``: people without observations follow the population. Chains
        that do not agree, or diverge, are told, and ``attrs["doubts"]`` says in words how much
        (empty if none).

    Raises
    ------
    ValueError
        The fit was not sampled.
    """
    if method_of(fit) != "nuts":
        raise ValueError(
            f"Fits are repeated as they were sampled; this one is of method '{method_of(fit)}'. "
            "Fit it with method='nuts'."
        )
    settings, seed = recorded(fit, "settings"), int(fit.attrs["seed"])
    arrangement = arrangement_of(fit)
    covariates = covariates_of(fit, arrangement)
    built = build(arrangement, covariates, counted=counted)
    density = compiled_density(built, arrangement, covariates)
    how = {
        "seed": seed,
        "cores": min(settings["chains"], available_cores()),
        "progress": progress_kind(None),
    }
    pilot = run_pilot(density, **how)
    how |= {name: settings[name] for name in ("draws", "tune", "chains", "target_accept")}
    trace = sample(pilot.density.compiled, starts=pilot.starts, **how, **settings["sampler"])
    posterior = pilot.density.labelled(trace.draws)
    doubts = _doubts(posterior, trace)
    if doubts:
        tell(
            f"Chains of a repeated fit should agree (R-hat at most {NOT_MIXED}) and not diverge; "
            f"found {doubts}. Scores that rest on it are less sure than they say: repeat the "
            "fits with more draws and tune."
        )
    return posterior.assign_attrs(doubts=doubts)


def _doubts(posterior: xr.Dataset, trace: Trace) -> str:
    """Say how far the chains of a repeated fit disagree, or diverge; nothing if they do not."""
    population = posterior[[n for n in posterior if "participant" not in posterior[n].dims]]
    with np.errstate(invalid="ignore"):  # what is constant, as a correlation with itself: no R-hat
        rhat = np.nanmax([float(values.max()) for values in az.rhat(population).values()])
    diverged = int(trace.stats["diverging"].sum())
    doubts = [f"an R-hat of {rhat:.2f}"] if rhat > NOT_MIXED else []
    doubts += [number_of(diverged, "divergence")] if diverged else []
    return " and ".join(doubts)
