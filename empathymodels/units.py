"""What is left out and predicted: single observations, whole people, or what comes later."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import logsumexp

from empathymodels.arrangement import Arrangement
from empathymodels.elpds import (
    Uncertainty,
    influence_of_draws,
    is_bad,
    left_out_by_refits,
    left_out_one_by_one,
    replaced,
    weights_of_draws,
)
from empathymodels.evaluating import Evaluator, each_draw, evaluate_draws
from empathymodels.marginal import Integrated, integrate_people
from empathymodels.predicting import thinned
from empathymodels.refitting import refit as fit_again
from empathymodels.terminal import tell
from empathymodels.wording import counted, listed

WORST = 0.5  # Monte-Carlo error of a log-density above which it says nothing
FOLDS = 10  # where more people than this would need a refit of their own
MANY = 100_000_000  # log-likelihoods that are kept in half the bytes
PERIODS = ("session", "block")


@dataclass(frozen=True)
class Asked:
    """How units are to be scored: see `compare`."""

    draws: int
    refit: bool
    folds: int | None
    seed: int


@dataclass(frozen=True)
class Score:
    """How one fit predicts what it did not see.

    Attributes
    ----------
    elpd : ELPDData
        In ArviZ's form.
    units : DataFrame
        Index: the units. Columns ``elpd``, ``pareto_k``, ``error`` (Monte-Carlo standard error;
        NaN where importance weights fail, since none can be told) and ``exact`` (whether the fit
        was repeated without the unit).
    uncertainty : list of Uncertainty
        Of units that were scored by the same draws: one for every fit. Those whose weights fail
        are not among them.
    """

    elpd: az.ELPDData
    units: pd.DataFrame
    uncertainty: list[Uncertainty]

    @property
    def error(self) -> float:
        """Monte-Carlo standard error of the elpd, NaN where somebody's cannot be told."""
        return float("nan") if is_bad(self.elpd).any() else self.known_error

    @property
    def known_error(self) -> float:
        """Monte-Carlo standard error of the elpd of units whose importance weights hold."""
        return float(np.sqrt(sum(one.total**2 for one in self.uncertainty)))

    @property
    def failing(self) -> np.ndarray:
        """Whether importance weights or Monte-Carlo error of a unit cannot be trusted, (unit,)."""
        return is_bad(self.elpd) | ~(self.units["error"].to_numpy() <= WORST)

    def of(self, units: pd.Index) -> Score:
        """Return the score with its units in another order."""
        place, elpd = self.units.index.get_indexer(units), copy(self.elpd)
        elpd.elpd_i = elpd.elpd_i[place]
        if elpd.pareto_k is not None:
            elpd.pareto_k = elpd.pareto_k[place]
        return replace(self, elpd=elpd, units=self.units.iloc[place])


Fits = Mapping[str, xr.DataTree]
Compiled = Mapping[str, Evaluator]


# ------------------------------------------------------------------------------- single rows


def by_trial(
    fits: Fits, compiled: Compiled, responses: list[str], asked: Asked
) -> dict[str, Score]:
    """Leave out one observed value after another, the people being known."""
    _refuse_refits("trial", asked)
    found = {}
    for name, fit in fits.items():
        posterior = thinned(fit["posterior"].to_dataset(), asked.draws)
        values = _of_rows(compiled[name], posterior, responses)
        elpd, uncertainty = left_out_one_by_one(name, values)
        units = _units(elpd, pd.RangeIndex(elpd.n_data_points), np.zeros(elpd.n_data_points))
        found[name] = Score(elpd, units, [uncertainty])
    return found


def _of_rows(compiled: Evaluator, posterior: xr.Dataset, responses: list[str]) -> xr.DataArray:
    """Log-likelihoods (chain, draw, observation): responses one after another, rows in order.

    One array, filled draw by draw, since of many people it is nearly all the memory there is.
    """
    scored = compiled.arrangement.scored
    orders = {name: scored[name].order for name in responses}  # rows are known by their keys
    sizes = posterior.sizes["chain"], posterior.sizes["draw"], sum(map(len, orders.values()))
    values = np.empty(sizes, dtype=float if np.prod(sizes, dtype=float) < MANY else np.float32)
    draws = each_draw(compiled, posterior, "log_likelihood", description="Log-likelihoods")
    for place, found in draws:
        values[place] = np.concatenate([found[name][order] for name, order in orders.items()])
    return xr.DataArray(values, dims=("chain", "draw", "observation"))


def _refuse_refits(unit: str, asked: Asked) -> None:
    if asked.refit or asked.folds is not None:
        raise ValueError(
            f"Refits leave out people or later blocks; found refit={asked.refit}, "
            f"folds={asked.folds} with unit='{unit}'. Leave both out, or name another unit."
        )


def _units(elpd: az.ELPDData, index: pd.Index, error: np.ndarray) -> pd.DataFrame:
    k = np.nan if elpd.pareto_k is None else np.asarray(elpd.pareto_k)
    columns = {"elpd": np.asarray(elpd.elpd_i), "pareto_k": k, "error": error}
    return pd.DataFrame({**columns, "exact": elpd.pareto_k is None}, index=index)


# ------------------------------------------------------------------------------ whole people


def by_participant(
    fits: Fits, compiled: Compiled, responses: list[str], asked: Asked
) -> dict[str, Score]:
    """Leave out one person after another: somebody new, known by covariates at most."""
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


def people_of(arrangement: Arrangement, responses: list[str]) -> list[str]:
    """Participants with a value of any of some responses, in the order of the arrangement."""
    found = [arrangement.scored[name].participant for name in responses]
    return [arrangement.participants[s] for s in np.unique(np.concatenate(found))]


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
    elpd, _ = left_out_one_by_one(name, values)
    index = pd.Index(values["participant"].to_numpy(), name="participant")
    bad = is_bad(elpd)
    units = _units(elpd, index, np.where(bad, np.nan, uncertainty.each))
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
        proposals.append(_error_of_proposals(one, left_out=left_out))
    dims = ("chain", "draw", "participant")
    stacked = xr.DataArray(np.stack(values, axis=-1), {"participant": names}, dims)
    return stacked, Uncertainty(np.stack(influence), np.array(proposals))


def _error_of_proposals(one: Integrated, *, left_out: bool) -> float:
    """Standard deviation of a person's score from finite proposals.

    Where it is a mean of inverse likelihoods, errors of single draws also bias it, by their
    variance.
    """
    if not (np.isfinite(one.values).all() and np.isfinite(one.influence).all()):
        return np.inf
    weights = weights_of_draws(one.values, left_out=left_out)
    spread = np.sqrt(((weights @ one.influence) ** 2).sum())
    bias = 0.0 if left_out else weights @ (one.influence**2).sum(axis=1)
    return float(np.hypot(spread, bias))


def troubled(score: Score) -> list[str]:
    """People whose importance weights or Monte-Carlo error cannot be trusted."""
    return score.units.index[score.failing].tolist()


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
    for place, person in enumerate(people, start=1):
        tell(f"'{name}' without {person} ({place} of {len(people)})")
        rows, of_refit = _without(fit, compiled, responses, [person], asked)
        units.loc[person] = rows.loc[person].to_dict()
        uncertainty.append(of_refit)
    exact = {person: float(units.loc[person, "elpd"]) for person in people}
    return Score(replaced(score.elpd, exact), units, uncertainty)


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
    shuffled = np.random.default_rng(asked.seed).permutation(people)
    tables, uncertainty = [], []
    for place, group in enumerate(np.array_split(shuffled, number), start=1):
        tell(f"'{name}' without {counted(len(group), 'participant')} (fit {place} of {number})")
        rows, of_refit = _without(fit, compiled, responses, group.tolist(), asked)
        tables.append(rows)
        uncertainty.append(of_refit)
    units = pd.concat(tables).loc[people]
    known = integrate_people(fit, responses, draws=asked.draws, seed=asked.seed)
    within = float(sum(_log_mean(one.values) for one in known))
    samples = fit["posterior"].sizes["chain"] * fit["posterior"].sizes["draw"]
    elpd_i = xr.DataArray(units["elpd"].to_numpy(), {"participant": people}, "participant")
    elpd = left_out_by_refits(elpd_i, within, samples=samples, refits=number)
    return Score(elpd, units, uncertainty)


def _without(
    fit: xr.DataTree, compiled: Evaluator, responses: list[str], people: list[str], asked: Asked
) -> tuple[pd.DataFrame, Uncertainty]:
    """Score people by a fit to all others: a row of `Score.units` each."""
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
    scores = _log_mean(values.to_numpy().reshape(-1, len(people)).T)
    index = pd.Index(values["participant"].to_numpy(), name="participant")
    rows = {"elpd": scores, "pareto_k": np.nan, "error": uncertainty.each, "exact": True}
    return pd.DataFrame(rows, index=index), uncertainty


def _log_mean(values: np.ndarray) -> np.ndarray:
    return logsumexp(values, axis=-1) - np.log(values.shape[-1])


# -------------------------------------------------------------------------- what comes later


def by_block(
    fits: Fits, compiled: Compiled, responses: list[str], asked: Asked
) -> dict[str, Score]:
    """Predict every person's next block from fits to all blocks before it."""
    arrangements = {name: one.arrangement for name, one in compiled.items()}
    blocks = {name: _blocks(one, responses) for name, one in arrangements.items()}
    last = max(int(of.max()) for one in blocks.values() for of in one.values())
    if last == 0:
        keys = [key for key in PERIODS if key in next(iter(arrangements.values())).trials]
        raise ValueError(
            "What comes later is predicted from block to block; every person has a single one "
            f"here (told apart by {listed(keys) if keys else 'nothing: no session, no block'}). "
            "Name the column of blocks (columns={'block': ...}), or compare with unit='trial' or "
            "'participant'."
        )
    if not asked.refit or asked.folds is not None:
        raise ValueError(
            "To predict later blocks every model is fitted again to the blocks before each: "
            f"{counted(last, 'fit')} for each of {counted(len(fits), 'model')}; found "
            f"refit={asked.refit}, folds={asked.folds}. Ask for them with refit=True alone."
        )
    return {
        name: _later(name, fit, compiled[name], responses, blocks[name], last, asked)
        for name, fit in fits.items()
    }


def _blocks(arrangement: Arrangement, responses: list[str]) -> dict[str, np.ndarray]:
    """Per response the block of every observation, (observation,), from 0, in the order met.

    Observations of a person as a whole, or of unknown time, get -1: they count nowhere.
    """
    trials = arrangement.trials
    keys = [key for key in PERIODS if key in trials]
    whole = np.zeros(len(trials), dtype=int)
    if keys:
        ordered = trials.sort_values("_row")
        first = ordered.drop_duplicates(["participant", *keys])
        place = first.groupby("participant").cumcount().to_numpy()
        numbered = first[["participant", *keys]].assign(place=place)
        whole = trials[["participant", *keys]].merge(numbered, how="left")["place"].to_numpy()
    found = {}
    for name, scored in arrangement.scored.items():
        known = scored.trial is not None
        found[name] = whole[scored.trial] if known else np.full(len(scored.rows), -1)
    if all((found[name] < 0).all() for name in responses):
        raise ValueError(
            "What comes later is predicted for responses of trials; found "
            f"{listed(responses)}, of people or regions without trials. Name a response of "
            "trials with response=."
        )
    return found


def _later(
    name: str,
    fit: xr.DataTree,
    compiled: Evaluator,
    responses: list[str],
    blocks: Mapping[str, np.ndarray],
    last: int,
    asked: Asked,
) -> Score:
    full = _of_blocks(compiled, fit["posterior"].to_dataset(), responses, blocks, asked.draws)
    scores: dict[tuple[str, int], float] = {}
    uncertainty, within = [], 0.0
    for block in range(1, last + 1):
        tell(f"'{name}' before block {block + 1} (fit {block} of {last})")
        kept = {n: (of >= 0) & (of < block) for n, of in blocks.items()}
        posterior = fit_again(fit, kept)
        ahead = _of_blocks(compiled, posterior, responses, blocks, asked.draws)
        ahead = {key: values for key, values in ahead.items() if key[1] == block}
        scores |= {key: float(_log_mean(values.ravel())) for key, values in ahead.items()}
        within += sum(float(_log_mean(full[key].ravel())) for key in ahead)
        influence = [influence_of_draws(values, left_out=True) for values in ahead.values()]
        if influence:
            uncertainty.append(Uncertainty(np.stack(influence), np.zeros(len(influence))))
    index = pd.MultiIndex.from_tuples(
        [(person, block + 1) for person, block in scores], names=["participant", "block"]
    )
    elpd_i = xr.DataArray(list(scores.values()), dims="unit")
    samples = int(json.loads(fit.attrs["settings"])["draws"]) * fit["posterior"].sizes["chain"]
    elpd = left_out_by_refits(elpd_i, within, samples=samples, refits=last)
    errors = np.concatenate([one.each for one in uncertainty])
    return Score(elpd, _units(elpd, index, errors), uncertainty)


def _of_blocks(
    compiled: Evaluator,
    posterior: xr.Dataset,
    responses: list[str],
    blocks: Mapping[str, np.ndarray],
    draws: int,
) -> dict[tuple[str, int], np.ndarray]:
    """Joint log-likelihood (chain, draw) of each person's observations of each block."""
    drawn = thinned(posterior, draws)
    values = evaluate_draws(compiled, drawn, "log_likelihood", description="Log-likelihoods")
    arrangement = compiled.arrangement
    joint = np.concatenate([values[n] for n in responses], axis=-1)
    block = np.concatenate([blocks[n] for n in responses])
    person = np.concatenate([arrangement.scored[n].participant for n in responses])
    found = {}
    pairs = pd.DataFrame({"person": person, "block": block}).groupby(["person", "block"]).indices
    for (who, when), rows in pairs.items():
        if when >= 0:
            found[arrangement.participants[who], int(when)] = joint[..., rows].sum(axis=-1)
    return found


UNITS: dict[str, Callable[[Fits, Compiled, list[str], Asked], dict[str, Score]]] = {
    "trial": by_trial,
    "participant": by_participant,
    "future": by_block,
}
