"""Leave-one-participant-out scores: somebody new, known by covariates at most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.comparison.elpd import (
    Uncertainty,
    influence_of_draws,
    is_bad,
    left_out_by_refits,
    left_out_one_by_one,
    relative_efficiency,
    replaced,
    weights_of_draws,
)
from empathymodels.comparison.new_person import Integrated, integrate_people
from empathymodels.comparison.scores import (
    Asked,
    Compiled,
    Fits,
    Score,
    log_mean,
    only_some,
    people_of,
    table_of_units,
    troubled,
)
from empathymodels.engine.evaluator import Evaluator
from empathymodels.inference.refit import refit as fit_again
from empathymodels.messages import counted
from empathymodels.terminal import tell

FOLDS = 10  # where more people than this would need a refit of their own


# ------------------------------------------------------------------------------ whole people


def by_participant(
    fits: Fits, compiled: Compiled, responses: list[str], asked: Asked
) -> dict[str, Score]:
    """Leave one participant out: predict each from covariates and the population."""
    _check_folds(compiled, responses, asked.folds)
    if asked.folds is None:
        found = {name: _people(name, fit, responses, asked) for name, fit in fits.items()}
        failing = {name: troubled(score) for name, score in found.items()}
        if not asked.refit or not any(failing.values()):
            return found
        if max(map(len, failing.values())) <= FOLDS:
            return {
                name: _exactly(name, fits[name], compiled[name], responses, asked, score)
                for name, score in found.items()
            }
        tell(
            f"More than {FOLDS} people need a refit of their own: all people of all models are "
            f"left out in {FOLDS} groups instead."
        )
    number = asked.folds or min(FOLDS, _number_of_people(compiled, responses))
    return {
        name: _in_groups(name, fit, compiled[name], responses, asked, number)
        for name, fit in fits.items()
    }


def _number_of_people(compiled: Compiled, responses: list[str]) -> int:
    return min(len(people_of(one.arrangement, responses)) for one in compiled.values())


def _check_folds(compiled: Compiled, responses: list[str], folds: int | None) -> None:
    people = _number_of_people(compiled, responses)
    if people < 2 or (folds is not None and not 2 <= folds <= people):
        raise ValueError(
            "People are left out in at least two groups and at most one by one: folds must lie "
            f"between 2 and the number of people, {people}; found {folds}. Choose fewer, or leave "
            "folds out."
        )


def _people(name: str, fit: xr.DataTree, responses: list[str], asked: Asked) -> Score:
    """Leave people out by importance sampling over draws of the population."""
    chains = fit["posterior"].sizes["chain"]
    found = integrate_people(fit, responses, draws=asked.draws, seed=asked.seed)
    values, uncertainty = _collected(found, chains, left_out=False)
    each = values.transpose("participant", "chain", "draw").to_numpy()
    efficiency = np.array([relative_efficiency(one) for one in each])
    elpd, _ = left_out_one_by_one(name, values, efficiency)
    index = pd.Index(values["participant"].to_numpy(), name="participant")
    bad = is_bad(elpd)
    units = table_of_units(elpd, index, np.where(bad, np.nan, uncertainty.each))
    return Score(elpd, units, [uncertainty.without(bad)])


def _collected(
    people: Iterable[Integrated], chains: int, *, left_out: bool
) -> tuple[xr.DataArray, Uncertainty]:
    """Marginal log-likelihoods (chain, draw, participant), and what they leave open."""
    names, values, influence, proposals = [], [], [], []
    for one in people:
        names.append(one.participant)
        values.append(one.values.reshape(chains, -1))
        influence.append(influence_of_draws(values[-1], left_out=left_out))
        proposals.append(_error_of_proposals(one, chains, left_out=left_out))
    dims = ("chain", "draw", "participant")
    stacked = xr.DataArray(np.stack(values, axis=-1), {"participant": names}, dims)
    return stacked, Uncertainty(np.stack(influence), np.array(proposals))


def _error_of_proposals(one: Integrated, chains: int, *, left_out: bool) -> float:
    """Standard deviation of a person's score from finite proposals.

    Where it is a mean of inverse likelihoods, errors of single draws also bias it, by their
    variance.
    """
    if not (np.isfinite(one.values).all() and np.isfinite(one.influence).all()):
        return np.inf
    weights = weights_of_draws(one.values.reshape(chains, -1), left_out=left_out).ravel()
    spread = np.sqrt(((weights @ one.influence) ** 2).sum())
    bias = 0.0 if left_out else weights @ (one.influence**2).sum(axis=1)
    return float(np.hypot(spread, bias))


def _exactly(
    name: str,
    fit: xr.DataTree,
    compiled: Evaluator,
    responses: list[str],
    asked: Asked,
    score: Score,
) -> Score:
    """Fit again without each person whose importance weights or error cannot be trusted."""
    units, people = score.units.copy(), troubled(score)
    gone = units.index.isin(people)[~is_bad(score.elpd)]
    uncertainty = [one.without(gone) for one in score.uncertainty]
    doubts = {}
    for place, person in enumerate(people, start=1):
        tell(f"'{name}' without {person} ({place} of {len(people)})")
        refitted = _without(fit, compiled, responses, [person], asked)
        units.loc[person] = refitted.units.loc[person].to_dict()
        uncertainty.append(refitted.uncertainty)
        doubts[f"without {person}"] = refitted.doubts
    exact = {person: float(units.loc[person, "elpd"]) for person in people}
    return Score(replaced(score.elpd, exact), units, uncertainty, only_some(doubts))


def _in_groups(
    name: str,
    fit: xr.DataTree,
    compiled: Evaluator,
    responses: list[str],
    asked: Asked,
    number: int,
) -> Score:
    """Fit again without each of some groups of people."""
    people = people_of(compiled.arrangement, responses)
    shuffled = np.random.default_rng(asked.seed).permutation(sorted(people))
    refits, doubts = [], {}
    for place, group in enumerate(np.array_split(shuffled, number), start=1):
        tell(f"'{name}' without {counted(len(group), 'participant')} (fit {place} of {number})")
        refits.append(_without(fit, compiled, responses, group.tolist(), asked))
        doubts[f"without group {place} of {number}"] = refits[-1].doubts
    units = pd.concat([one.units for one in refits]).loc[people]
    known = integrate_people(fit, responses, draws=asked.draws, seed=asked.seed)
    within = float(sum(log_mean(one.values) for one in known))
    samples = fit["posterior"].sizes["chain"] * fit["posterior"].sizes["draw"]
    elpd_i = xr.DataArray(units["elpd"].to_numpy(), {"participant": people}, "participant")
    elpd = left_out_by_refits(elpd_i, within, samples=samples, refits=number)
    uncertainty = [one.uncertainty for one in refits]
    return Score(elpd, units, uncertainty, only_some(doubts))


class _Refitted(NamedTuple):
    """People scored by a fit to all others: rows of `Score.units`, and how sure these are."""

    units: pd.DataFrame
    uncertainty: Uncertainty
    doubts: str


def _without(
    fit: xr.DataTree, compiled: Evaluator, responses: list[str], people: list[str], asked: Asked
) -> _Refitted:
    """Score people by a fit to all others."""
    arrangement = compiled.arrangement
    gone = [arrangement.participants.index(person) for person in people]
    kept = {n: ~np.isin(s.participant, gone) for n, s in arrangement.scored.items()}
    posterior = fit_again(fit, kept)
    found = integrate_people(
        fit,
        responses,
        draws=asked.draws,
        seed=asked.seed,
        population=posterior,
        people=people,
    )
    values, uncertainty = _collected(found, posterior.sizes["chain"], left_out=True)
    scores = log_mean(values.to_numpy().reshape(-1, len(people)).T)
    index = pd.Index(values["participant"].to_numpy(), name="participant")
    rows = {"elpd": scores, "pareto_k": np.nan, "error": uncertainty.each, "exact": True}
    return _Refitted(pd.DataFrame(rows, index=index), uncertainty, posterior.attrs["doubts"])
