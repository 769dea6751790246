"""Compare fitted models by how well they predict."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.evaluating import Evaluator, evaluate_draws, evaluator
from empathymodels.fitting import marked, method_of, model_of, study_of
from empathymodels.predicting import thinned
from empathymodels.wording import counted, listed

NEARBY = 1e-9  # as a share of the range of the values
STIR = 1e-11  # log-likelihood added where it would be constant
FEWEST_DRAWS = 25  # PSIS smooths the largest fifth of the weights and needs five of them


def compare(
    fits: Mapping[str, xr.DataTree],
    *,
    unit: str = "trial",
    response: str | None = None,
    draws: int = 2000,
) -> pd.DataFrame:
    """Rank models by expected log predictive density.

    Parameters
    ----------
    fits : mapping of str to DataTree
        Fits of the same observations.
    unit : {"trial"}
        What is predicted. ``"trial"``: one more observation of the same people, given the
        history as input (conditional PSIS-LOO; every observed response value is left out in
        turn). It says nothing about new people.
    response : str, optional
        Compare on this response only. Otherwise on all that the fits share, jointly.
    draws : int
        About how many posterior draws to use.

    Returns
    -------
    DataFrame
        Index: names of the fits, best first, marked where a fit is approximate. ArviZ's columns
        (``elpd``, ``p``, ``elpd_diff``, ``weight`` by stacking, ``se``, ``dse``, ...) and
        ``pareto_k_bad``, the number of observations whose importance weights cannot be trusted.
        ``attrs``: ``unit``, ``responses``, ``observations``, ``reading`` (the verdict in words,
        with what observations of unreliable weights contribute) and ``elpd`` (ArviZ's result
        per model, with pointwise values and k).

    Raises
    ------
    ValueError
        Fewer than two fits, a fit that is a single point (method "map"), other rows, other base
        measures (a density against a mass), no shared response, or an unknown unit.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), doi:10.1007/s11222-016-9696-4.
    Yao, Vehtari, Simpson & Gelman (2018), doi:10.1214/17-BA1091.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.compare({"learning": fit, "static": static_fit})  # doctest: +SKIP
    """
    if unit not in _UNITS:
        raise ValueError(
            f"unit must be one of {listed(_UNITS)}; found '{unit}'. Name one, or leave it out."
        )
    if len(fits) < 2:
        raise ValueError(
            f"A comparison needs at least two fits; found {listed(fits)}. Add the fit of a rival."
        )
    fits = {_marked(name, fit): fit for name, fit in fits.items()}
    compiled = {name: evaluator(model_of(fit), study_of(fit)) for name, fit in fits.items()}
    responses = _shared_responses(compiled, response)
    _refuse_other_measures(
        {name: _measures(compiled[name], fit, responses) for name, fit in fits.items()}
    )
    found = {
        name: _UNITS[unit](compiled[name], thinned(fit["posterior"].to_dataset(), draws), responses)
        for name, fit in fits.items()
    }
    elpds = {name: _loo(name, log_likelihood) for name, log_likelihood in found.items()}
    table = az.compare(elpds, round_to="none")
    table["pareto_k_bad"] = [_bad(elpds[name]) for name in table.index]
    table.attrs |= {
        "unit": unit,
        "responses": responses,
        "observations": int(next(iter(elpds.values())).n_data_points),
        "reading": _reading(table, elpds) + _approximate(fits),
        "elpd": elpds,
    }
    return table


def _marked(name: str, fit: xr.DataTree) -> str:
    if method_of(fit) == "map":
        raise ValueError(
            f"Predictions are compared over draws of the posterior; '{name}' is a single point "
            "(method='map'). Fit it with method='nuts'."
        )
    return marked(name, method_of(fit))


def _by_trial(compiled: Evaluator, posterior: xr.Dataset, responses: list[str]) -> xr.DataArray:
    """Pointwise log-likelihood (chain, draw, observation) of every scored value."""
    found = evaluate_draws(compiled, posterior, "log_likelihood", description="Log-likelihoods")
    joint = np.concatenate([_in_study_order(compiled, n, found[n]) for n in responses], axis=-1)
    return xr.DataArray(joint, dims=("chain", "draw", "observation"), name="observation")


def _in_study_order(compiled: Evaluator, name: str, values: np.ndarray) -> np.ndarray:
    return values[..., np.argsort(compiled.arrangement.scored[name].rows)]


_UNITS: dict[str, Callable[[Evaluator, xr.Dataset, list[str]], xr.DataArray]] = {"trial": _by_trial}


def _measures(compiled: Evaluator, fit: xr.DataTree, responses: list[str]) -> dict[str, str]:
    """Say of each response what its likelihood is made of: densities, masses, or both.

    A density is nearly the same a little to one side of a value, a mass is not.
    """
    one = fit["posterior"].to_dataset().isel(chain=[0], draw=[0])

    def likelihood(moved: float) -> dict[str, np.ndarray]:
        before = dict(compiled.data)
        for name in responses:
            given = before[f"observed {name}"]
            if given.dtype.kind == "f":
                compiled.data[f"observed {name}"] = given + moved * max(float(np.ptp(given)), 1.0)
        try:
            return evaluate_draws(compiled, one, "log_likelihood", description="Likelihoods")
        finally:
            compiled.data.update(before)

    here, *beside = (likelihood(moved) for moved in (0.0, -NEARBY, NEARBY))
    found = {}
    for name in responses:
        apart = [~np.isclose(there[name], here[name], atol=1e-3) for there in beside]
        is_mass = apart[0] & apart[1]
        if compiled.data[f"observed {name}"].dtype.kind != "f":
            is_mass[:] = True
        found[name] = "densities"
        if is_mass.any():
            found[name] = "probability masses" if is_mass.all() else "densities with masses"
    return found


def _refuse_other_measures(measures: Mapping[str, Mapping[str, str]]) -> None:
    first, *others = measures
    for response, kind in measures[first].items():
        for name in others:
            if (kind == "densities") != (measures[name][response] == "densities"):
                raise ValueError(
                    f"Models are compared on the same measure. The likelihood of '{response}' "
                    f"consists of {kind} in '{first}' and of {measures[name][response]} in "
                    f"'{name}': a density is per unit of the scale and may exceed one, a mass may "
                    "not, so that their logarithms are not comparable. Compare models that treat "
                    "these values alike (all with masses at the ends of a scale, or none)."
                )


def _shared_responses(compiled: Mapping[str, Evaluator], response: str | None) -> list[str]:
    scored = {name: found.arrangement.scored for name, found in compiled.items()}
    first = next(iter(scored))
    shared = [r for r in scored[first] if all(r in other for other in scored.values())]
    chosen = shared if response is None else [r for r in shared if r == response]
    if not chosen:
        raise ValueError(
            f"Models are compared on responses that all of them score. Shared: {listed(shared)}; "
            f"asked for: {response}. Scored: "
            + "; ".join(f"{n}: {listed(found)}" for n, found in scored.items())
            + ". Ask for a shared one, or fit models that score the same response."
        )
    problems = []
    for name in scored:
        for r in chosen:
            problems += _differences(r, first, scored[first][r], name, scored[name][r])
    if problems:
        raise ValueError(
            "Models are compared on the same observations. Found: " + "; ".join(problems) + ". Fit "
            "all of them to the same study (see fit.attrs['missing']), or name one with response=."
        )
    return chosen


def _differences(response: str, first: str, one: Any, name: str, other: Any) -> list[str]:
    rows, others = np.sort(one.rows), np.sort(other.rows)
    if not np.array_equal(rows, others):
        return [
            f"'{response}' is scored on {counted(len(rows), 'row')} in '{first}' and on "
            f"{len(others):,} in '{name}', {len(np.intersect1d(rows, others)):,} of them shared"
        ]
    if not np.array_equal(
        one.observed[np.argsort(one.rows)], other.observed[np.argsort(other.rows)]
    ):
        return [f"the values of '{response}' differ between '{first}' and '{name}'"]
    return []


def _loo(name: str, log_likelihood: xr.DataArray) -> Any:
    size = log_likelihood.sizes["chain"] * log_likelihood.sizes["draw"]
    if size < FEWEST_DRAWS:
        raise ValueError(
            f"Importance weights need at least {FEWEST_DRAWS} posterior draws; found {size} of "
            f"'{name}'. Raise draws= here, or fit with more."
        )
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(coords=log_likelihood.isel(observation=0, drop=True).coords),
            "log_likelihood": _with_tails(log_likelihood).to_dataset(name="observation"),
        }
    )
    with warnings.catch_warnings():  # told below, with counts and consequences
        warnings.filterwarnings("ignore", message="Estimated shape parameter of Pareto")
        return az.loo(tree, pointwise=True, reff=_efficiency(log_likelihood))


def _with_tails(log_likelihood: xr.DataArray) -> xr.DataArray:
    """Stir observations whose log-likelihood is the same in every draw, far below what counts.

    The first choice of a learner that starts indifferent is one: its importance weights are all
    alike, and have no tail that could be fitted.
    """
    samples = ("chain", "draw")
    still = log_likelihood.max(samples) - log_likelihood.min(samples) < 1e3 * STIR
    noise = np.random.default_rng(0).normal(0, STIR, log_likelihood.shape)
    return log_likelihood + log_likelihood.copy(data=noise) * still


def _efficiency(log_likelihood: xr.DataArray) -> float:
    """Relative efficiency of the draws for the total log-likelihood."""
    total = log_likelihood.sum("observation").to_numpy()
    if total.std() == 0:
        return 1.0
    return float(min(az.ess(total, method="mean") / total.size, 1.0))


def _is_bad(elpd: Any) -> np.ndarray:
    return np.asarray(elpd.pareto_k) > elpd.good_k


def _bad(elpd: Any) -> int:
    return int(_is_bad(elpd).sum())


def _reading(table: pd.DataFrame, elpds: Mapping[str, Any]) -> str:
    best, second = table.index[0], table.index[1]
    difference, error = abs(float(table["elpd_diff"].iloc[1])), float(table["dse"].iloc[1])
    clear = difference > 4 and difference > 2 * error
    verdict = (
        f"'{best}' predicts better than '{second}'"
        if clear
        else f"undecided between '{best}' and '{second}'"
    )
    text = f"{verdict}: elpd difference {difference:.1f} with standard error {error:.1f}"
    bad = {name: int(n) for name, n in table["pareto_k_bad"].items() if n}
    if bad:
        # weights of a choice that was nearly certain are often flagged, and matter little
        one, other = elpds[best], elpds[second]
        either = _is_bad(one) | _is_bad(other)
        part = float((np.asarray(one.elpd_i) - np.asarray(other.elpd_i))[either].sum())
        text += (
            f"; unreliable importance weights: {bad}, treat the ranking with care: these "
            f"observations make {part:.1f} of the difference"
        )
    return text


def _approximate(fits: Mapping[str, xr.DataTree]) -> str:
    names = [name for name, fit in fits.items() if method_of(fit) != "nuts"]
    if not names:
        return ""
    return f"; elpd from approximate draws: {listed(names)}. Fit with method='nuts' to decide"
