"""How many people and trials does a question need? Power by simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import beta

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.inference.fit import fit
from empathymodels.messages import counted, did_you_mean, listed
from empathymodels.recovery.design_size import resized, trials_per_person
from empathymodels.recovery.packed_model import packed, unpacked
from empathymodels.recovery.plan import Plan, Sampling, as_study
from empathymodels.recovery.refitter import kept_refitter
from empathymodels.recovery.replicates import Task, replicates
from empathymodels.recovery.simulated_fits import expected_seconds
from empathymodels.results.contrast import check_rope, contrast, contrast_places
from empathymodels.results.quantities import entries
from empathymodels.simulation.placeholders import filled_study
from empathymodels.study.study import Study

NOTHING = 1e-12  # largest true contrast that is 0 but for rounding


class Finding(Enum):
    """What a replicate found: nothing, the contrast with either sign, or one that is not there."""

    NONE, RIGHT, WRONG, FALSE = range(4)


@dataclass(frozen=True)
class _Question:
    """What a worker needs: the design with its truth, and the contrast that is asked for."""

    plan: Plan
    effect: Mapping[str, float]
    asked: Mapping[str, Any]


@checked_arguments
def design_power(
    model: Model,
    design: Study | pd.DataFrame,
    *,
    parameter: str,
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    rope: tuple[float, float],
    effect: Mapping[str, float] | None = None,
    people: Sequence[int],
    trials: Sequence[int] | None = None,
    probability: float = 0.8,
    n: int = 100,
    prob: float = 0.9,
    scale: Literal["median person", "population average", "link"] = "median person",
    covariates: Mapping[str, str] | None = None,
    seed: int = 0,
    draws: int = 500,
    tune: int = 500,
    chains: int = 2,
    target_accept: float = 0.9,
    folder: str | Path | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Tell how often a contrast would be found, by numbers of people and of trials.

    Parameters
    ----------
    model, design : Model, Study
        As in `recover`. More people than the design has are copies of its people, in turns,
        with their trials and covariates.
    parameter, first, second, scale, prob
        The contrast, as in `contrast`.
    rope : (float, float)
        Region of practical equivalence: the contrast is found where its highest-density interval
        lies wholly outside.
    effect : mapping of str to float, optional
        True values of the population on the link scale, by the names that `recover` uses
        (``{"slope_mean": 0.2, "slope_sd": 0.1}``). All others are drawn from the prior.
    people : sequence of int
        Numbers of people to try.
    trials : sequence of int, optional
        Numbers of trials per person to try, the first ones of the design; all of them unless given.
    probability : float in (0, 1)
        With which the contrast is to be found.
    n : int
        Replicates for each number of people and trials.
    covariates, seed, draws, tune, chains, target_accept, folder, workers
        As in `recover`. Every size of design compiles once in each worker.

    Returns
    -------
    DataFrame
        One row per size: ``people``, ``trials``, ``power`` (share of replicates in which the
        contrast is found, with the sign that it truly has there), ``sign_errors`` (share in which
        it is found with the other sign), ``false_positives`` (share in which it is found although
        it truly is 0, so that no sign is right), ``power_low`` and ``power_high`` (90 % interval
        of the power given the replicates, uniform before them), ``replicates``, ``failed`` and
        ``enough`` (power is at least `probability`). ``attrs``: ``smallest``, the first size in
        order of people, then of trials, that is enough (or None), and ``reading``.

    Raises
    ------
    KeyError
        `effect` names what the population does not have; or as `contrast`, before any fit.
    ValueError
        The design has fewer trials than are asked for, or numbers are below 1.
    RuntimeError, OSError
        As in `recover`.

    Notes
    -----
    A replicate that fails counts as one in which nothing was found. With an `effect` under which
    the contrast is 0, for example of 0 for a group, ``power`` is 0 and ``false_positives`` is how
    often the decision rule finds what is not there.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.design_power(
    ...     em.get_model("outgroup_help_learning"),
    ...     em.load_study("outgroup_help"),
    ...     parameter="learning_rate",
    ...     first={"partner_group": "out"},
    ...     second={"partner_group": "in"},
    ...     rope=(-0.05, 0.05),
    ...     effect={"learning_rate_effect[partner_group[T.out]]": -1.0},
    ...     people=(24, 48, 96),
    ... )  # doctest: +SKIP
    """
    study = as_study(design)
    _check_numbers(people, [1] if trials is None else trials)
    check_rope(rope)
    sampling = Sampling(draws, tune, chains, target_accept)
    asked: dict[str, Any] = dict(parameter=parameter, first=dict(first), second=dict(second))
    asked |= dict(rope=list(rope), prob=prob, scale=scale)
    identity = {
        "task": "power",
        "model": [fingerprint(model), model.label],
        "asked": asked,
        "effect": dict(effect or {}),
        "covariates": dict(covariates) if covariates else None,
        **sampling.identity,
    }
    rows, truths = [], list[float]()
    sizes = [(k, t) for k in sorted(people) for t in (sorted(trials) if trials else [None])]
    designs = {size: resized(study, *size) for size in sizes}  # all faults before the first fit
    for (number, _), sized in designs.items():
        task = _task(model, sized, identity, sampling, seed, n)
        done = replicates(task, number=n, folder=folder, workers=workers)
        truths += [one.result["true"] for one in done if not one.error]
        found = [_finding(one.result) for one in done]
        right = found.count(Finding.RIGHT)
        low, high = beta.ppf([0.05, 0.95], right + 1, n - right + 1)
        rows.append(
            {
                "people": number,
                "trials": trials_per_person(sized),
                "power": right / n,
                "sign_errors": found.count(Finding.WRONG) / n,
                "false_positives": found.count(Finding.FALSE) / n,
                "power_low": float(low),
                "power_high": float(high),
                "replicates": n,
                "failed": sum(bool(one.error) for one in done),
                "enough": right / n >= probability,
            }
        )
    table = pd.DataFrame(rows)
    enough = table[table["enough"]]
    smallest = None if enough.empty else enough.iloc[0][["people", "trials"]].astype(int).to_dict()
    is_null = bool(truths) and not any(map(_is_there, truths))
    reading = _of_nothing(table) if is_null else _reading(table, smallest, probability)
    table.attrs = {"smallest": smallest, "reading": f"{reading}{_failed_words(table)}"}
    return table


def _task(
    model: Model,
    design: Study,
    identity: Mapping[str, Any],
    sampling: Sampling,
    seed: int,
    n: int,
) -> Task:
    """The replicates of one size of design."""

    def prepare(cores: int) -> tuple[_Question, float]:
        covariates = identity["covariates"]
        plan = Plan(task.key, packed(model), design, covariates, None, sampling)
        refit = kept_refitter(plan.key, plan.model, design, covariates)
        assigned(refit.population(0), identity["effect"])  # names are checked before any fit
        asked = identity["asked"]
        sides = [asked["first"], asked["second"]]
        entry = refit.covariates.get(asked["parameter"])
        contrast_places(refit.arrangement, entry, asked["parameter"], sides)
        seconds = expected_seconds(plan, seed, n, cores)
        return _Question(plan, identity["effect"], identity["asked"]), seconds

    named = f"Power, {len(design.participants)} people x {trials_per_person(design)} trials"
    task = Task(named, _detection, prepare, {**identity, "design": design.digest}, seed, _misshapen)
    return task


def _misshapen(results: Mapping[int, Any]) -> list[int]:
    """Numbers of results that do not say whether the contrast was found, and what it truly is."""
    return [
        k
        for k, result in results.items()
        if not isinstance(result.get("found"), bool)
        or not isinstance(result.get("true"), float)
        or not isinstance(result.get("mean"), float)
    ]


def _finding(result: Mapping[str, Any]) -> Finding:
    if not result.get("found"):
        return Finding.NONE
    if not _is_there(result["true"]):
        return Finding.FALSE
    return Finding.RIGHT if result["mean"] * result["true"] > 0 else Finding.WRONG


def _is_there(true: float) -> bool:
    """Whether a true contrast differs from 0 by more than the last digits."""
    return abs(true) > NOTHING


def _detection(question: _Question, seeds: np.random.SeedSequence, cores: int) -> dict[str, Any]:
    """Simulate a study in which the effect is true, fit it, and ask for the contrast."""
    plan, asked = question.plan, dict(question.asked)
    population, people, responses, of_fit = seeds.generate_state(4).tolist()
    simulator = kept_refitter(plan.key, plan.model, plan.design, plan.covariates)
    truth = assigned(simulator.population(population), question.effect)
    drawn = simulator.simulate(simulator.people(truth, people), responses)
    simulated = filled_study(simulator.arrangement.study, simulator.arrangement, drawn)
    fitted = fit(
        unpacked(plan.model),
        simulated,
        covariates=plan.covariates,
        seed=of_fit,
        cores=cores,
        progress=False,
        **plan.sampling.settings,
    )
    asked["rope"] = tuple(asked["rope"])
    sides = [asked.pop(name) for name in ("parameter", "first", "second")]
    row = contrast(fitted, *sides, **asked)
    true = contrast(_with_population(fitted, truth), *sides, **asked)
    verdict = str(row["verdict"].iloc[0])
    numbers = {name: float(row[name].iloc[0]) for name in ("mean", "hdi_low", "hdi_high")}
    numbers["true"] = float(true["mean"].iloc[0])
    divergences = int(fitted["sample_stats"]["diverging"].sum())
    return {"found": verdict == "different", **numbers, "divergences": divergences}


def _with_population(fitted: xr.DataTree, population: xr.Dataset) -> xr.DataTree:
    """Return a fit whose one draw is a given population."""
    kept = fitted.copy()
    kept["posterior"] = xr.DataTree(population)
    return kept


def assigned(population: xr.Dataset, effect: Mapping[str, float]) -> xr.Dataset:
    """Return a population with stated values, named as in the table of `recover`.

    Raises
    ------
    KeyError
        It has no such value, or a correlation, which cannot be changed alone.
    """
    places = {
        label: (str(name), place)
        for name, array in population.data_vars.items()
        if not str(name).endswith("correlation")
        for place, label, _ in entries(array, None)
    }
    changed = population.copy(deep=True)
    for label, value in effect.items():
        if label not in places:
            raise KeyError(
                f"Effects must be means, spreads or effects of the population: {listed(places)}; "
                f"found '{label}'. Correct the name." + did_you_mean(label, places)
            )
        name, place = places[label]
        changed[name].to_numpy()[(0, 0, *place)] = float(value)
    return changed


def _reading(table: pd.DataFrame, smallest: Mapping[str, int] | None, probability: float) -> str:
    end, worst = "", table.loc[table["sign_errors"].idxmax()]
    if worst["sign_errors"]:
        end = (
            f"; with the wrong sign in up to {worst['sign_errors']:.2f} of replicates "
            f"({worst['people']} people x {worst['trials']} trials)"
        )
    if smallest is None:
        best = table.loc[table["power"].idxmax()]
        return (
            f"no size tried finds the contrast with probability {probability:g}; at most "
            f"{best['power']:.2f}, with {best['people']} people x {best['trials']} trials{end}"
        )
    row = table[table["enough"]].iloc[0]
    return (
        f"{smallest['people']} people x {smallest['trials']} trials are the first that find the "
        f"contrast with probability {probability:g}: {row['power']:.2f} (90 % interval "
        f"{row['power_low']:.2f} to {row['power_high']:.2f}){end}"
    )


def _of_nothing(table: pd.DataFrame) -> str:
    worst = table.loc[table["false_positives"].idxmax()]
    return (
        "the contrast truly is 0, so that there is no power; it is found in at most "
        f"{worst['false_positives']:.2f} of replicates (false positives, {worst['people']} people "
        f"x {worst['trials']} trials)"
    )


def _failed_words(table: pd.DataFrame) -> str:
    failed = int(table["failed"].sum())
    return f"; {counted(failed, 'replicate')} failed and count as not found" if failed else ""


def _check_numbers(people: Sequence[int], trials: Sequence[int]) -> None:
    for name, numbers in (("people", people), ("trials", trials)):
        if not len(numbers):
            raise ValueError(
                f"Numbers of {name} must be one or more; found none. Give for example "
                f"{name}=(20, 40)."
            )
