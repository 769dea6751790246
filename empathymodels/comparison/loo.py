"""How well one fit predicts what it did not see, and what ArviZ needs to tell the same."""

from __future__ import annotations

from typing import Any, Literal

import arviz as az
import numpy as np
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.comparison.compare import UNITS
from empathymodels.comparison.elpd import jittered
from empathymodels.comparison.scores import Asked, scorable
from empathymodels.engine.evaluator import Evaluator, evaluate_draws
from empathymodels.inference.fits import marked, thinned
from empathymodels.layout.arrangement import Scored
from empathymodels.layout.rows import row_coordinates
from empathymodels.messages import did_you_mean, listed
from empathymodels.terminal import tell

MOST = 100_000_000  # numbers in each of the two groups that are added: 0.8 GB


@checked_arguments
def loo(
    fit: xr.DataTree,
    *,
    unit: Literal["trial", "participant", "future"] = "trial",
    response: str | None = None,
    draws: int = 2000,
    refit: bool = False,
    folds: int | None = None,
    seed: int = 0,
) -> az.ELPDData:
    r"""Expected log predictive density of one fit, with what is predicted left out of it.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    unit : {"trial", "participant", "future"}
        What is predicted: one more observation of the same people, all observations of
        somebody new, or the next block of the same people (see `compare`).
    response : str, optional
        Score this response only. Otherwise all that the fit scored, jointly.
    draws : int
        About how many posterior draws to use.
    refit : bool
        Fit again where importance sampling cannot be trusted (see `compare`).
    folds : int, optional
        With ``unit="participant"``: leave people out in this many groups, by refits.
    seed : int
        Seed of proposals and groups.

    Returns
    -------
    ELPDData
        As of `arviz.loo`: ``elpd``, its standard error ``se``, the effective number of
        parameters ``p``, and by unit ``elpd_i`` and Pareto's k. It goes into `arviz.compare`
        beside others of the same observations.

    Raises
    ------
    KeyError
        The fit did not score this response.
    ValueError
        The fit is a single point (method "map"), an unknown unit, no blocks to predict, or
        refits where the unit is not refitted.

    See Also
    --------
    empathymodels.compare : The same for several fits, with their differences.
    empathymodels.with_log_likelihood : For ArviZ's own functions, a response at a time.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), doi:10.1007/s11222-016-9696-4.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.loo(fit)  # doctest: +SKIP
    """
    compiled, name = scorable(fit), marked("fit", fit)
    known = compiled.arrangement.scored
    if response is not None and response not in known:
        raise KeyError(
            f"response= must name a response that the fit scored: {listed(known)}; found "
            f"'{response}'. Correct the name." + did_you_mean(response, known)
        )
    responses = list(known) if response is None else [response]
    asked = Asked(draws=draws, refit=refit, folds=folds, seed=seed)
    return UNITS[unit]({name: fit}, {name: compiled}, responses, asked)[name].elpd


@checked_arguments
def with_log_likelihood(fit: xr.DataTree, *, draws: int = 1000, seed: int = 0) -> xr.DataTree:
    """Return a fit with the groups that ArviZ's functions on predictions read.

    They are computed when asked for, since of many trials they are by far the largest part of a
    fit.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    draws : int
        About how many posterior draws to keep (evenly thinned over all chains); fewer, which is
        told, where a group would hold more than 100 million numbers.
    seed : int
        Seed of the predicted data.

    Returns
    -------
    DataTree
        The fit, all its groups thinned to the same draws, with ``log_likelihood`` and
        ``posterior_predictive`` (chain, draw, ``<response>_row``) of the rows that were scored, and
        ``observed_data`` of these. Keys of the rows are coordinates, ``<response>_participant``
        and so on. Where a model has several responses ArviZ's functions ask for ``var_name``;
        each is then left out alone, the others being known. Log-likelihoods that are the same in
        all draws, as of a first choice between options of equal value, are made to differ by some
        1e-11: ArviZ takes no ties.

    Raises
    ------
    ValueError
        The fit is a single point (method "map").

    See Also
    --------
    empathymodels.loo : All responses jointly, or whole people left out.

    Examples
    --------
    >>> import arviz as az
    >>> import empathymodels as em
    >>> whole = em.with_log_likelihood(fit)  # doctest: +SKIP
    >>> az.loo(whole, var_name="feeling")  # doctest: +SKIP
    >>> az.plot_loo_pit(whole, var_names="feeling")  # doctest: +SKIP
    """
    compiled = scorable(fit)
    scored = compiled.arrangement.scored
    most = max(MOST // sum(len(one.rows) for one in scored.values()), 1)
    if most < draws:
        tell(f"{most:,} draws are kept in place of {draws:,}: more would fill the memory.")
    whole = fit.copy()
    for name, group in fit.children.items():
        if "draw" in group.dims:
            whole[name] = xr.DataTree(thinned(group.to_dataset(), min(draws, most)))
    posterior = whole["posterior"].to_dataset()
    compiled.reseed(seed)
    for name, kind in (("log_likelihood", "log_likelihood"), ("posterior_predictive", "draw")):
        found = evaluate_draws(compiled, posterior, kind, description=name.replace("_", " "))
        if kind == "log_likelihood":
            found = {of: _with_tails(values) for of, values in found.items()}
        whole[name] = xr.DataTree(_of_rows(compiled, found, posterior))
    observed = {name: one.observed for name, one in scored.items()}
    whole["observed_data"] = xr.DataTree(_of_rows(compiled, observed, posterior))
    return whole


def _with_tails(values: np.ndarray) -> np.ndarray:
    """Log-likelihoods (chain, draw, observation) of which `arviz.loo` can fit every tail."""
    by_draw = values.reshape(-1, values.shape[-1]).T  # (observation, draw)
    return jittered(by_draw).T.reshape(values.shape)


def _of_rows(
    compiled: Evaluator, values: dict[str, np.ndarray], posterior: xr.Dataset
) -> xr.Dataset:
    """Label values (..., observation) of responses by draws and by the keys of their rows."""
    found = {}
    for name, array in values.items():
        scored, row = compiled.arrangement.scored[name], f"{name}_row"
        order = np.argsort(scored.rows)  # that of the study
        samples = [dim for dim in ("chain", "draw") if array.ndim > 1]
        labels = {dim: posterior[dim] for dim in samples} | _keys(compiled, scored, order)
        found[name] = xr.DataArray(array[..., order], dims=(*samples, row), coords=labels)
    return xr.Dataset(found)


def _keys(compiled: Evaluator, scored: Scored, order: np.ndarray) -> dict[str, Any]:
    """Keys of a response's scored rows, each under the response's name."""
    name, rows = scored.response.name, scored.rows[order]
    found = {}
    for key, (_, labels) in row_coordinates(compiled.arrangement, scored.response.table).items():
        own = "participant" if key == "participant_row" else key.removeprefix("region_")
        found[f"{name}_{own}"] = f"{name}_row", np.asarray(labels)[rows]
    return found
