"""How well a response of few values is told of people whom a fit has not seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.checks.check import unconverged
from empathymodels.comparison.elpd import is_bad, left_out_one_by_one, weights_of_draws
from empathymodels.comparison.scores import people_of, scorable
from empathymodels.engine.evaluator import Evaluator, evaluate_draws
from empathymodels.inference.fits import marked, method_of, thinned
from empathymodels.messages import counted, did_you_mean, listed, not_converged


@checked_arguments
def classify(fit: xr.DataTree, *, response: str | None = None, draws: int = 2000) -> pd.DataFrame:
    r"""Tell a response of few values, such as a motive, of everybody as if they were left out.

    All of a person's observations are left out at once, by importance sampling over draws (PSIS),
    so that what is told of them rests on other people alone:
    :math:`P(y_{s,t} = k \mid y_{-s})`.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`, of a model whose parameters all people share.
    response : str, optional
        Which response, of those with levels. The only one of these unless given.
    draws : int
        About how many posterior draws to use.

    Returns
    -------
    DataFrame
        One row per observation: ``participant`` and the other keys of its table, ``observed``,
        ``p_<value>`` for each value, ``predicted`` (the most probable value), ``correct`` and
        ``pareto_k``, above 0.7 where the weights of a person cannot be trusted.
        ``attrs``: ``accuracy``, the share that is correct, its standard error over people ``se``,
        ``chance``, the share of the most frequent value, ``log_score``, the mean log-probability
        of what was observed, ``pareto_k_bad``, the number of people with such weights, and
        ``reading``, all of it in words, with what the sampling of the fit failed.

    Raises
    ------
    KeyError
        The fit did not score this response.
    ValueError
        The fit is a single point (method "map"), no response or several have levels, or people
        have parameters of their own, which nobody knows of somebody left out.

    See Also
    --------
    empathymodels.compare : The log scores of several fits, ``unit="participant"``.

    Notes
    -----
    Accuracy throws away how sure a prediction is; compare log scores with those of a rival
    without predictors before you believe it. What was chosen by looking at the same people, such
    as regions or connections that differ between the values, makes it too high: nothing that is
    left out here can mend that.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), doi:10.1007/s11222-016-9696-4.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.classify(fit).attrs["reading"]  # doctest: +SKIP
    """
    compiled = _of_shared_parameters(fit)
    arrangement = compiled.arrangement
    name = _response(compiled, response)
    scored, keys = arrangement.scored[name], arrangement.scored[name].keys.names
    posterior = thinned(fit["posterior"].to_dataset(), draws)
    weights, pareto_k, bad = _left_out(compiled, posterior, marked("fit", fit))
    whose = scored.participant
    found: dict[str, np.ndarray] = {"observed": scored.observed}
    levels = np.array(scored.response.levels)
    for level in levels:
        told = compiled.given({f"observed {name}": np.full(len(whose), level)})
        logp = evaluate_draws(told, posterior, "log_likelihood", description=f"{name} = {level:g}")
        found[f"p_{level:g}"] = np.einsum("ncd,cdn->n", weights[whose], np.exp(logp[name]))
    told_of = np.stack([found[f"p_{level:g}"] for level in levels], axis=-1)
    found["predicted"] = levels[told_of.argmax(axis=-1)]
    found["correct"] = found["predicted"] == found["observed"]
    found["pareto_k"] = pareto_k[whose]
    table = pd.concat([scored.frame[list(keys)], pd.DataFrame(found)], axis=1)
    table = table.iloc[scored.order].reset_index(drop=True)
    of_observed = told_of[np.arange(len(whose)), np.searchsorted(levels, scored.observed)]
    table.attrs |= _summary(table, float(np.log(of_observed).mean()), int(bad.sum()), name)
    if method_of(fit) != "nuts":
        table.attrs["reading"] += "; from approximate draws: fit with method='nuts' to be sure"
    table.attrs["reading"] += not_converged({"fit": why} if (why := unconverged(fit)) else {})
    return table


def _of_shared_parameters(fit: xr.DataTree) -> Evaluator:
    """Evaluator of a fit in which people have no parameters of their own."""
    compiled = scorable(fit)
    own = [p.name for p in compiled.arrangement.parameters if p.level == "participant"]
    if own := [name for name in own if compiled.arrangement.model.parameter(name).fixed is None]:
        raise ValueError(
            f"Of somebody left out only what all people share is known; found parameters of "
            f"people: {listed(own)}. Score such a model with em.compare(fits, "
            'unit="participant"), which integrates them out.'
        )
    return compiled


def _response(compiled: Evaluator, response: str | None) -> str:
    scored = compiled.arrangement.scored
    if response is not None and response not in scored:
        raise KeyError(
            f"response= must name a response that the fit scored: {listed(scored)}; found "
            f"'{response}'. Correct the name." + did_you_mean(response, scored)
        )
    with_levels = [name for name, one in scored.items() if one.response.levels is not None]
    asked = with_levels if response is None else [n for n in with_levels if n == response]
    if len(asked) != 1:
        which = f"'{response}'" if response is not None else f"{listed(scored)}"
        raise ValueError(
            f"One response of few values is told; of {which} {len(asked)} have levels: "
            f"{listed(with_levels)}. Name one of them, response=..., or score densities with "
            "em.loo."
        )
    return asked[0]


def _left_out(
    compiled: Evaluator, posterior: xr.Dataset, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of draws without each person (person, chain, draw), Pareto's k, and if it is bad.

    People without observations keep their places, with weights that nobody reads.
    """
    arrangement = compiled.arrangement
    found = evaluate_draws(compiled, posterior, "log_likelihood", description="log-likelihoods")
    sizes = posterior.sizes["chain"], posterior.sizes["draw"]
    total = np.zeros((len(arrangement.participants), *sizes))
    for one, logp in found.items():
        np.add.at(total, arrangement.scored[one].participant, np.moveaxis(logp, -1, 0))
    people = people_of(arrangement, list(found))
    places = np.array([arrangement.participants.index(person) for person in people])
    values = xr.DataArray(
        np.moveaxis(total[places], 0, -1), {"participant": people}, ("chain", "draw", "participant")
    )
    elpd, _ = left_out_one_by_one(name, values)
    pareto_k, weights = np.full(len(total), np.nan), np.zeros_like(total)
    pareto_k[places] = np.asarray(elpd.pareto_k)
    weights[places] = [weights_of_draws(one, left_out=False) for one in total[places]]
    return weights, pareto_k, is_bad(elpd)


def _summary(table: pd.DataFrame, log_score: float, bad: int, name: str) -> dict[str, object]:
    """How often predictions are correct, and what that is to be held against."""
    by_person = table.groupby("participant")["correct"].agg(["sum", "count"])
    accuracy = float(table["correct"].mean())
    # rows of one person count together
    residual = by_person["sum"] - accuracy * by_person["count"]
    people = len(by_person)
    se = float(np.sqrt((residual**2).sum() * people / max(people - 1, 1)) / len(table))
    chance = float(table["observed"].value_counts(normalize=True).max())
    reading = (
        f"'{name}' of people left out is told right in {int(table['correct'].sum()):,} of "
        f"{counted(len(table), 'observation')} ({counted(people, 'participant')}): accuracy "
        f"{accuracy:.2f} (standard error {se:.2f}) against {chance:.2f} of the most frequent value"
    )
    if bad:
        reading += (
            f"; unreliable importance weights of {counted(bad, 'participant')}: confirm it with "
            'em.loo(fit, unit="participant", refit=True)'
        )
    return {
        "accuracy": accuracy,
        "se": se,
        "chance": chance,
        "log_score": log_score,
        "pareto_k_bad": bad,
        "reading": reading,
    }
