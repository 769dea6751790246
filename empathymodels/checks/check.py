"""Check a fit after sampling: one table, and for what fails which parameter, why, what to try."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.checks.boundaries import at_an_end, in_different_places, named_places
from empathymodels.checks.contraction import of_posterior
from empathymodels.checks.deterministic import KINDS, Follows, by_kind, deterministic_people, named
from empathymodels.checks.predictive_statistics import (
    ANOTHER,
    not_simulated,
    predictive_statistics,
)
from empathymodels.declaration.model import Model
from empathymodels.engine.evaluator import Evaluator
from empathymodels.inference.convergence import (
    APART,
    RHAT_ROW,
    TARGETS,
    Criterion,
    criteria,
    sampled_values,
)
from empathymodels.inference.fits import (
    PARTIAL,
    evaluator_of_fit,
    method_of,
    model_of,
    recorded,
    thinned,
)
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.rating_timing import CLEAR, mistimed
from empathymodels.messages import listed

HEAVY_TAILS = 0.7  # Pareto k above which importance weights cannot be trusted
TAIL = 0.025  # posterior predictive p-values this close to 0 or 1 are flagged


@checked_arguments
def check(fit: xr.DataTree, *, draws: int = 400, seed: int = 0) -> pd.DataFrame:
    """Tell whether the sampling can be trusted and whether the model reproduces the data.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    draws : int
        About how many draws the posterior predictive p-values use.
    seed : int
        Seed of the predicted data.

    Returns
    -------
    DataFrame
        Columns ``check``, ``value``, ``limit``, ``passed`` and ``advice`` (which parameter,
        why, what to try; empty where all is well). Rows: R-hat and bulk and tail effective
        sample sizes of population values and R-hat of people, divergences, tree depth; then,
        where chains agree, how far population means and effects contracted (1 minus the
        posterior variance over the prior's: the least of them, and a row for whatever the data
        hardly inform, alone or in combination) and the largest of their posterior correlations;
        then one posterior
        predictive p-value per statistic of the model (probability that predicted data give a
        larger value than the observed data, plus half of ties), or that none was made; then
        counts of missing values and responses left out (information, always passed). Where chains
        have somebody's parameter in different places, or nearly all draws of it lie at an end of
        its range, a row names the people, the parameters and, where their data show one, the
        reason; a row of information names those whose responses follow from something without
        noise (always the same answer, say), and a row fails where a rating goes with what its
        trial brings although it should precede that, or the other way round. For an approximate
        fit the first row says so and fails, in place of the rows on sampling; for "laplace" the
        second holds Pareto's k, how far the marginal density of the population is from Gaussian.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.check(fit)  # doctest: +SKIP
    """
    method, compiled = method_of(fit), evaluator_of_fit(fit)
    noiseless = deterministic_people(compiled.arrangement)
    rows = _sampling(fit) if method == "nuts" else _approximation(fit, method)
    posterior = thinned(fit["posterior"].to_dataset(), draws)
    if method == "map":
        posterior = posterior.isel(draw=np.zeros(draws, dtype=int))
    elif method != "nuts" or _agree(rows):
        rows += of_posterior(fit["posterior"].to_dataset(), compiled.arrangement)
    if method == "nuts":
        rows += _people_apart(fit["posterior"].to_dataset(), compiled.arrangement, noiseless)
    rows += _without_noise(noiseless)
    rows += [
        _row(found.row, round(found.t_value, 1), f"{CLEAR:g}", False, str(found))
        for found in mistimed(compiled.arrangement)
    ]
    rows += _statistics(compiled, model_of(fit), posterior, seed) or [_no_statistics(compiled)]
    rows += _outside_range(compiled)
    rows += _information(fit)
    return pd.DataFrame([row for row in rows if row is not None])


def _row(name: str, value: Any, limit: str, passed: bool, advice: str = "") -> dict[str, Any]:
    return {"check": name, "value": value, "limit": limit, "passed": passed, "advice": advice}


def _agree(rows: list[dict[str, Any] | None]) -> bool:
    """Whether chains found the same population: else their spread says nothing of the data."""
    return all(row["value"] <= APART for row in rows if row and row["check"] == RHAT_ROW)


def _sampling(fit: xr.DataTree) -> list[dict[str, Any] | None]:
    posterior = fit["posterior"].to_dataset()
    return [
        _partial(fit),
        *[_met(criterion, posterior.sizes["chain"]) for criterion in criteria(posterior)],
        _divergences(fit, sampled_values(posterior)),
        _tree_depth(fit),
    ]


def unconverged(fit: xr.DataTree) -> str:
    """Name the checks of its sampling that a fit failed, with their values; empty if none."""
    if method_of(fit) != "nuts":
        return ""
    rows = [row for row in _sampling(fit) if row is not None and not row["passed"]]
    return ", ".join(f"{row['check']}: {row['value']}" for row in rows)


def _people_apart(
    posterior: xr.Dataset, arrangement: Arrangement, noiseless: list[Follows]
) -> list[dict[str, Any]]:
    """Rows on people whose chains disagree, and on those at an end of a parameter's range."""
    rows = []
    if apart := in_different_places(posterior, arrangement):
        who = named_places(apart, arrangement, noiseless)
        advice = (
            f"{who}. Their data allow several explanations: look at them (plot_latent, "
            "plot_people), try a rival, or exclude them with a reason; longer chains alone seldom "
            "help."
        )
        people = len({place.participant for place in apart})
        rows.append(_row("people whose chains lie apart", people, "0", False, advice))
    if extreme := at_an_end(posterior, arrangement):
        who = named_places(extreme, arrangement, noiseless)
        advice = f"{who}. Only the population and priors hold them there."
        people = len({place.participant for place in extreme})
        rows.append(_row("people at an end of a range", people, "information", True, advice))
    return rows


def _without_noise(noiseless: list[Follows]) -> list[dict[str, Any]]:
    """Rows on people whose responses follow from something without noise."""
    rows = []
    for (response, kind), people in by_kind(noiseless).items():
        advice = (
            f"{named(people)}. Priors and the population say how consistent their '{response}' "
            "is, not their own data, which set no limit to it. Where they did not answer in "
            "earnest, fit again without them (Study.exclude of table='participants', with a "
            "reason) and compare."
        )
        name = KINDS[kind].format(response)
        rows.append(_row(name, len(people), "information", True, advice))
    return rows


def _partial(fit: xr.DataTree) -> dict[str, Any] | None:
    if PARTIAL not in fit.attrs:
        return None
    advice = "The fit was stopped before its end. " + (
        "Run the same fit with its store again: it goes on."
        if "asked" in fit.attrs
        else "Fit again; with store= it goes on where it was stopped."
    )
    return _row(PARTIAL, fit.attrs[PARTIAL], "all draws", False, advice)


_APPROXIMATE = {
    "laplace": "Gaussians around the most probable population, not draws of the posterior; too "
    "narrow for spreads between people, which therefore have no intervals",
    "map": "One point without any uncertainty; the p-values below leave out that of the parameters",
}


def _approximation(fit: xr.DataTree, method: str) -> list[dict[str, Any] | None]:
    advice = f"{_APPROXIMATE[method]}. Fit with method='nuts' before you report anything."
    first = _row(f"approximate: {method}", "not sampled", "sampled", False, advice)
    return [first, _tails(fit)]


def _tails(fit: xr.DataTree) -> dict[str, Any] | None:
    k = float(fit["sample_stats"].attrs.get("pareto_k", np.nan))
    if np.isnan(k):
        return None
    passed = bool(k <= HEAVY_TAILS)
    advice = "" if passed else "The population's values are not Gaussian: its intervals are rough."
    return _row("Pareto k, population", round(k, 3), f"<= {HEAVY_TAILS}", passed, advice)


_RHAT_ADVICE = "Chains disagree. Sample longer (tune=, draws=); if it stays, the data cannot tell"
_ONE_CHAIN = "One chain alone cannot show whether it has converged. Fit with chains=4."
_ESS_ADVICE = "Too few independent draws. Sample longer (draws=); if it stays, the data cannot tell"


def _met(criterion: Criterion, chains: int) -> dict[str, Any]:
    bad, text = criterion.missed, ""
    if bad:
        worst = ", ".join(f"{name} ({criterion.values[name]:.3g})" for name in bad[:3])
        advice = _RHAT_ADVICE if criterion.is_rhat else _ESS_ADVICE
        text = f"{worst}; {len(bad)} in all. {advice} these apart: fix or pool one."
        if criterion.is_rhat and chains == 1:
            text = _ONE_CHAIN
    return _row(criterion.name, round(criterion.worst, 4), criterion.bound, not bad, text)


def _divergences(fit: xr.DataTree, posterior: xr.Dataset) -> dict[str, Any]:
    diverging = fit["sample_stats"]["diverging"].to_numpy()
    number = int(diverging.sum())
    advice = ""
    if number:
        name = _where_they_gather(posterior, diverging)
        advice = f"They gather where {name} is unusual. "
        if recorded(fit, "settings").get("target_accept", 0.0) < TARGETS[-1]:
            advice += f"Raise target_accept ({TARGETS[-1]:g}). "
        advice += "If some stay, switch that parameter with centring= or give it a narrower prior."
    return _row("divergences", number, "0", number == 0, advice)


def _where_they_gather(posterior: xr.Dataset, diverging: np.ndarray) -> str:
    """Population value whose divergent draws lie furthest from its mean, in sds."""
    scores = {}
    for name, array in posterior.data_vars.items():
        if array.dims == ("chain", "draw"):
            values = array.to_numpy()
            scores[str(name)] = abs(values[diverging].mean() - values.mean()) / values.std()
    return f"'{max(scores, key=lambda n: scores[n])}'" if scores else "some parameter"


def _tree_depth(fit: xr.DataTree) -> dict[str, Any]:
    stats = fit["sample_stats"]
    if "maxdepth_reached" in stats:
        share = float(stats["maxdepth_reached"].mean())
    else:
        share = float((stats["depth"] >= 10).mean())
    advice = ""
    if share > 0.01:
        advice = (
            "The sampler turns back too late: strong posterior correlations. Simplify (fix, pool), "
            "or allow sampler={'maxdepth': 12}."
        )
    return _row("draws at the tree depth limit", round(share, 4), "<= 0.01", share <= 0.01, advice)


def _statistics(
    compiled: Evaluator, model: Model, posterior: xr.Dataset, seed: int
) -> list[dict[str, Any]]:
    rows = []
    for feature in predictive_statistics(compiled, model, posterior, seed):
        passed, advice = TAIL <= feature.p <= 1 - TAIL, ""
        if not passed:
            low, high = np.quantile(feature.predicted, [0.05, 0.95])
            # remedies of single kinds of data are against too much of something
            remedy = feature.remedy if feature.p < 0.5 else ANOTHER
            advice = (
                f"Observed {feature.observed:.3g}, predicted {low:.3g} to {high:.3g} (90 %): the "
                f"model does not reproduce this. {remedy}"
            )
        limit, name = f"{TAIL} to {1 - TAIL}", feature.statistic.name
        rows.append(_row(f"predictive p: {name}", round(feature.p, 3), limit, passed, advice))
    for name, columns in not_simulated(compiled.arrangement).items():
        reason = f"not known: whole sequences need {listed(columns)} of trials"
        rows.append(_row(f"predictive p: {name}", reason, "information", True))
    return rows


def _no_statistics(compiled: Evaluator) -> dict[str, Any]:
    advice = (
        f"No predictive check was made: '{compiled.arrangement.model.label}' declares no statistic "
        f"of {listed(compiled.arrangement.scored)}. Add statistics=(Statistic(...),) to the model, "
        "or look at plot_predictions."
    )
    return _row("predictive checks", 0, "information", True, advice)


def _outside_range(compiled: Evaluator) -> list[dict[str, Any]]:
    """Betas far from unit spread where the priors assume z-scores."""
    rows = []
    for name, scored in compiled.arrangement.scored.items():
        spread = float(scored.observed.std()) if len(scored.observed) > 1 else 1.0
        if scored.response.unit == "z" and not 1 / 3 < spread < 3:
            advice = "The priors assume z-scores: standardise the values, or give priors."
            rows.append(_row(f"sd of '{name}'", round(spread, 3), "about 1", False, advice))
    return rows


def _information(fit: xr.DataTree) -> list[dict[str, Any]]:
    missing = recorded(fit, "missing")
    left_out = recorded(fit, "left_out")
    rows = [
        _row(f"missing: {column}", number, "information", True)
        for column, number in missing.items()
    ]
    rows += [
        _row(f"left out: {name}", reason, "information", True) for name, reason in left_out.items()
    ]
    held = recorded(fit, "held")
    rows += [_row(f"held: {name}", text, "information", True) for name, text in held.items()]
    return rows
