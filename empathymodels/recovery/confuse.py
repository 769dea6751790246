"""Can these models be told apart on this design? Confusion of models, by simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.comparison.comparable import (
    measures,
    refuse_other_measures,
    refuse_other_observations,
)
from empathymodels.comparison.compare import compare
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.engine.evaluator import Evaluator, evaluator
from empathymodels.inference.fit import fit
from empathymodels.messages import counted, did_you_mean, listed
from empathymodels.recovery.packed_model import PackedModel, packed, unpacked
from empathymodels.recovery.plan import Plan, Sampling, as_study
from empathymodels.recovery.refitter import kept_refitter
from empathymodels.recovery.replicate_files import Replicate
from empathymodels.recovery.replicates import Task, replicates
from empathymodels.recovery.simulated_fits import expected_seconds
from empathymodels.simulation.placeholders import filled_study, with_placeholders
from empathymodels.simulation.prior_people import prior_people
from empathymodels.study.study import Study

Unit = Literal["trial", "participant", "future"]


@dataclass(frozen=True)
class _Contest:
    """What a worker needs: the competitors by name, where, and how they are compared."""

    key: str
    models: Mapping[str, PackedModel | Model]
    design: Study
    unit: Unit
    response: str | None
    sampling: Sampling


@checked_arguments
def confuse(
    models: Mapping[str, Model],
    design: Study | pd.DataFrame,
    *,
    n: int = 20,
    unit: Unit = "trial",
    response: str | None = None,
    seed: int = 0,
    draws: int = 500,
    tune: int = 500,
    chains: int = 2,
    target_accept: float = 0.9,
    folder: str | Path | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Simulate a design from each of several models, fit all to it, and see which one is chosen.

    Parameters
    ----------
    models : mapping of str to Model
        Two or more, by the names they get in the result.
    design : Study or DataFrame
        As in `recover`; every model must be able to simulate on it.
    n : int
        How many studies are simulated from each model, with people of its prior.
    unit, response
        How `compare` compares: by importance sampling, by refits only what comes later.
    seed, draws, tune, chains, target_accept, folder, workers
        As in `recover`.

    Returns
    -------
    DataFrame
        The confusion matrix: rows (``simulated``) are the models that simulated, columns
        (``chosen``) those that predicted best; shares of each row's studies. ``attrs``:
        ``inversion`` (DataFrame; how probable it is that each model simulated, given the one
        chosen, all being as likely before), ``counts``, ``clear`` (share of each row's studies in
        which the model that simulated was first by more than twice the standard error of the
        difference), ``unit``, ``failed``, ``seconds`` (of every replicate) and ``reading``.

    Raises
    ------
    ValueError
        Fewer than two models, the design does not fit one of them, or they could not be compared:
        one has a density at the end of a scale where another has a mass.
    RuntimeError, OSError
        As in `recover`.

    References
    ----------
    Wilson & Collins (2019), doi:10.7554/eLife.49547 (confusion and inversion matrices).

    Examples
    --------
    >>> import empathymodels as em
    >>> model, study = em.get_model("outgroup_help_learning"), em.load_study("outgroup_help")
    >>> models = {"learning": model, "no learning": model.rival("no_learning")}
    >>> em.confuse(models, study, n=20, folder="confusion")  # doctest: +SKIP
    """
    if len(models) < 2:
        raise ValueError(
            "Models are confused with others: give two or more, by name; found "
            f"{listed(models)}. Add a rival: {{'a': model, 'b': model.rival(...)}}."
        )
    for name, model in models.items():
        known = [one.name for one in model.responses]
        if response is not None and response not in known:
            raise KeyError(
                f"response must name a response of all models; found '{response}', and '{name}' "
                f"has {listed(known)}. Correct the name.{did_you_mean(response, known)}"
            )
    study = as_study(design)
    sampling = Sampling(draws, tune, chains, target_accept)
    identity = {
        "task": "confusion",
        "models": [[name, fingerprint(model), model.label] for name, model in models.items()],
        "design": study.digest,
        "compared": [unit, response],
        **sampling.identity,
    }

    def prepare(cores: int) -> tuple[_Contest, float]:
        refuse_incomparable(models, study, response)
        sent = {name: packed(model) for name, model in models.items()}
        seconds = 0.0
        for name, model in sent.items():
            plan = Plan(f"{task.key} {name}", model, study, None, None, sampling)
            seconds += expected_seconds(plan, seed, n, cores)
        return _Contest(task.key, sent, study, unit, response, sampling), seconds

    def misshapen(results: Mapping[int, Any]) -> list[int]:
        names = list(models)
        return [k for k, result in results.items() if not _is_contest(result, names, k)]

    task = Task("Confusion", _simulated_contest, prepare, identity, seed, misshapen)
    done = replicates(task, number=n * len(models), folder=folder, workers=workers)
    table = _matrix(done, list(models), unit)
    table.attrs["seconds"] = [one.seconds for one in done]
    return table


def refuse_incomparable(
    models: Mapping[str, Model], study: Study, response: str | None = None
) -> None:
    """Refuse models whose fits to a simulated design `compare` would refuse, before any is made.

    Measures are asked for where values lie at the ends of scales, too: what is simulated may lie
    there in some replicates and in others not, and whether models can be compared must not
    depend on it.

    Raises
    ------
    ValueError
        The design does not fit a model, or models score other rows or have other measures.
    """
    filled = {name: with_placeholders(m, study, m.responses) for name, m in models.items()}
    compiled = {name: evaluator(model, filled[name]) for name, model in models.items()}
    scored = {name: one.arrangement.scored for name, one in compiled.items()}
    shared = sorted(set.intersection(*(set(found) for found in scored.values())))
    asked = [name for name in shared if response in (None, name)]
    refuse_other_observations(scored, asked, values=False)
    found = {}
    for name, one in compiled.items():
        drawn = prior_people(models[name], filled[name], draws=1, seed=0)
        found[name] = measures(_at_ends(one), drawn, asked)
    refuse_other_measures(found)


def _at_ends(compiled: Evaluator) -> Evaluator:
    """The same with values of responses with a range at its ends and in its middle."""
    given = {}
    for one in compiled.arrangement.scored.values():
        if one.response.range is not None:
            low, high = one.response.range
            ends = np.resize([low, (low + high) / 2, high], one.observed.shape)
            given[f"observed {one.response.name}"] = ends
    return compiled.given(given)


def _simulated_contest(plan: _Contest, seeds: np.random.SeedSequence, cores: int) -> dict[str, Any]:
    """Simulate from one model, in turns, and compare all."""
    names = list(plan.models)
    true = names[seeds.spawn_key[0] % len(names)]
    population, people, responses, of_fit = seeds.generate_state(4).tolist()
    simulator = kept_refitter(f"{plan.key} {true}", plan.models[true], plan.design)
    truth = simulator.people(simulator.population(population), people)
    drawn = simulator.simulate(truth, responses)
    simulated = filled_study(simulator.arrangement.study, simulator.arrangement, drawn)
    fits = {
        name: fit(
            unpacked(model),
            simulated,
            seed=of_fit,
            cores=cores,
            progress=False,
            **plan.sampling.settings,
        )
        for name, model in plan.models.items()
    }
    table = compare(fits, unit=plan.unit, response=plan.response, refit=plan.unit == "future")
    second = table.iloc[1]
    return {
        "simulated": true,
        "chosen": str(table.index[0]),
        "clear": bool(abs(second["elpd_diff"]) > 2 * second["dse"]),
        "elpd": {str(name): float(value) for name, value in table["elpd"].items()},
        "divergences": {n: int(one["sample_stats"]["diverging"].sum()) for n, one in fits.items()},
    }


def _is_contest(result: Mapping[str, Any], names: list[str], number: int) -> bool:
    """Whether a result is what `_simulated_contest` returns as its so manieth."""
    simulated, chosen = result.get("simulated"), result.get("chosen")
    clear = isinstance(result.get("clear"), bool)
    return clear and simulated == names[number % len(names)] and chosen in names


def _matrix(done: list[Replicate], names: list[str], unit: str) -> pd.DataFrame:
    results = pd.DataFrame([one.result for one in done if not one.error])
    failed = {one.number: one.error for one in done if one.error}
    if results.empty:
        raise RuntimeError(
            f"Confusion needs studies that can be fitted; all {len(done)} failed, the first with "
            f"{done[0].error} Try em.simulate and em.fit_rivals on this design."
        )
    counts = pd.crosstab(results["simulated"], results["chosen"])
    counts = counts.reindex(index=names, columns=names, fill_value=0)
    shares = counts.div(counts.sum(axis=1), axis=0)
    right = results["simulated"] == results["chosen"]
    clear = (right & results["clear"]).groupby(results["simulated"]).mean().reindex(names)
    for table in (counts, shares):
        table.index.name, table.columns.name = "simulated", "chosen"
    shares.attrs = {
        "inversion": shares.div(shares.sum(axis=0), axis=1),
        "counts": counts.copy(),
        "clear": clear.to_dict(),
        "unit": unit,
        "failed": failed,
        "reading": (
            f"the model that simulated was chosen in {right.sum()} of "
            f"{counted(len(results), 'replicate')}, clearly in "
            f"{int((right & results['clear']).sum())}; {len(failed)} failed"
        ),
    }
    return shares
