"""Replicates that simulate a design from known values and fit it again, for what reads them.

`recover` and `calibrate` read the same replicates: with one folder and seed they are made once.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.inference.centring import PILOT
from empathymodels.inference.convergence import NOT_MIXED
from empathymodels.inference.fits import in_steps_of
from empathymodels.inference.starts import check_start
from empathymodels.kept import Kept
from empathymodels.layout.arrange import arrange
from empathymodels.messages import counted, listed
from empathymodels.population.covariates import covariates_for
from empathymodels.population.given_values import values_from_table
from empathymodels.recovery.packed_model import packed
from empathymodels.recovery.plan import Plan, Sampling, as_study
from empathymodels.recovery.refitter import Refitter, kept_refitter
from empathymodels.recovery.replicate_files import Replicate
from empathymodels.recovery.replicates import Task, replicates, seeds_of
from empathymodels.results.quantities import Quantities, prior_variances, quantities
from empathymodels.simulation.placeholders import with_placeholders
from empathymodels.study.study import Study
from empathymodels.terminal import tell

type Truth = pd.DataFrame | Mapping[str, Any] | xr.DataTree | None
QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}
_SECONDS = Kept()  # that a replicate takes, by the key of its plan
SUMMARIES = ("true", "mean", "sd", *QUANTILES, "variance", "rank", "ess", "rhat")  # of a quantity
UNKNOWN = ("variance", "ess", "rhat")  # of numbers that are all the same, or on no link scale
RANKS = 99  # draws, nearly independent, among which the truth has a rank


def simulated_fits(
    model: Model,
    design: Study | pd.DataFrame,
    *,
    n: int,
    truth: Truth,
    covariates: Mapping[str, str] | None,
    seed: int,
    sampling: Sampling,
    folder: str | Path | None,
    workers: int | None,
    name: str,
) -> tuple[list[Replicate], Study]:
    """Make, or read, replicates of a model on a design.

    Returns
    -------
    list of Replicate
        The result of each: ``quantities`` (columns ``label``, ``whose``, ``true``, ``mean``,
        ``sd``, quantiles, ``variance`` on the link scale, ``rank`` in (0, 1), ``ess``,
        ``rhat``), ``divergences``, and the seconds spent ``starting`` and ``sampling``.
    Study
        The design.
    """
    study = as_study(design)
    known, told = _given(truth, model)
    identity = {
        "task": "simulated fits",
        "model": [fingerprint(model), model.label],
        "design": study.digest,
        "covariates": dict(covariates) if covariates else None,
        "truth": told,
        **sampling.identity,
    }

    def prepare(cores: int) -> tuple[Plan, float]:
        _check(model, study, known)
        plan = Plan(task.key, packed(model), study, covariates, known, sampling)
        return plan, expected_seconds(plan, seed, n, cores)

    def misshapen(results: Mapping[int, Any]) -> set[int]:
        return _misshapen(results, _variables(model, study, covariates))

    task = Task(name, _simulated_fit, prepare, identity, seed, misshapen)
    done = replicates(task, number=n, folder=folder, workers=workers)
    if all(one.error for one in done):
        raise RuntimeError(
            f"{name} needs replicates that can be fitted; all {n} failed, the first with "
            f"{done[0].error} Try em.simulate and em.fit on this design to see where."
        )
    return done, study


def _check(model: Model, study: Study, truth: Any) -> None:
    """Tell once what would be told of every fit; faults of the design or the truth raise."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Identical responses")
        arrangement = arrange(model, with_placeholders(model, study, model.responses))
    if _is_table(truth):
        values_from_table(arrangement, truth)
    for notice in arrangement.notices:
        tell(notice)


_OF_POPULATIONS = ("_mean", "_sd", "_effect", "correlation")


def _given(truth: Truth, model: Model) -> tuple[Any, Any]:
    """The truth as workers need it, and what identifies it."""
    if truth is None:
        return None, "prior"
    if isinstance(truth, xr.DataTree):
        if truth.attrs["fingerprint"] != fingerprint(in_steps_of(truth, model)):
            raise ValueError(
                f"True populations must come from a fit of the same model; the fit is of "
                f"'{truth.attrs['label']}', the model is '{model.label}'. Fit that one, or give a "
                "table of everybody's values."
            )
        posterior = truth["posterior"].to_dataset()
        kept = sorted(str(n) for n in posterior if str(n).endswith(_OF_POPULATIONS))
        population = posterior[kept].load()
        parts = [(n, population[n].to_numpy().tobytes()) for n in kept]
        return population, hashlib.sha256(repr(parts).encode()).hexdigest()
    if isinstance(truth, pd.DataFrame):
        return truth, hashlib.sha256(truth.to_json(double_precision=15).encode()).hexdigest()
    if isinstance(truth, Mapping):
        plain = {
            str(n): v.to_json(double_precision=15) if isinstance(v, pd.Series) else v
            for n, v in truth.items()
        }
        return dict(truth), json.dumps(plain, default=lambda value: np.asarray(value).tolist())
    raise TypeError(
        "Truths must be a table or mapping of everybody's values, a fit, or None for the prior; "
        f"found {type(truth).__name__}. Give one of these."
    )


def expected_seconds(plan: Plan, seed: int, n: int, cores: int) -> float:
    """Say how long a replicate will take, from the pilot of the first that can be fitted.

    The number is kept, for more replicates of the same plan.

    Raises
    ------
    RuntimeError
        None of them can be simulated and fitted.
    """
    return _SECONDS.get(plan.key, lambda: _timed(plan, seed, n, cores))


def _timed(plan: Plan, seed: int, n: int, cores: int) -> float:
    refit = kept_refitter(plan.key, plan.model, plan.design, plan.covariates)
    check_start(refit.density)
    problem: Exception | None = None
    for number in range(n):
        try:
            _, drawn, seeds = _drawn(refit, plan, seeds_of(seed, number))
            began = perf_counter()
            refit.pilot(drawn, seed=seeds["fit"], cores=cores)
        except Exception as error:  # it will be kept as a failure of that replicate
            problem = error
            continue
        share = plan.sampling.steps / (PILOT["chains"] * (PILOT["tune"] + PILOT["draws"]))
        return (1 + share) * (perf_counter() - began)
    raise RuntimeError(
        f"Replicates need a design on which responses can be simulated and fitted; none of {n} "
        f"can, the last for {type(problem).__name__}: {problem} Try em.simulate and em.fit."
    ) from problem


def _simulated_fit(plan: Plan, seeds: np.random.SeedSequence, cores: int) -> dict[str, Any]:
    """Make one replicate."""
    began = perf_counter()
    refit = kept_refitter(plan.key, plan.model, plan.design, plan.covariates)
    refit.warm_up(from_prior=plan.truth is None)
    starting = perf_counter() - began
    truth, drawn, own = _drawn(refit, plan, seeds)
    posterior, stats = refit.fit(drawn, seed=own["fit"], cores=cores, **plan.sampling.settings)
    true = quantities(truth, refit.arrangement)
    found = quantities(posterior, refit.arrangement)
    return {
        "quantities": _summaries(found, true, np.random.default_rng(own["ties"])),
        "divergences": int(stats["diverging"].sum()),
        "starting": starting,
        "sampling": float(stats.attrs["seconds"]),
    }


def _variables(
    model: Model, study: Study, covariates: Mapping[str, str] | None
) -> dict[str, float]:
    """What fits may have numbers of, by its name without levels."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Identical responses")
        arrangement = arrange(model, with_placeholders(model, study, model.responses))
    return prior_variances(arrangement, covariates_for(arrangement, covariates))


def _misshapen(results: Mapping[int, Any], variables: Collection[str]) -> set[int]:
    """Numbers of results that are not of quantities, or of others than most are."""
    labels = {k: _labels(result, variables) for k, result in results.items()}
    legible = Counter(found for found in labels.values() if found)
    usual = legible.most_common(1)[0][0] if legible else ()
    return {k for k, found in labels.items() if not found or found != usual}


def _labels(result: Mapping[str, Any], variables: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Whose quantities a result is about; none where it is not what `_simulated_fit` returns."""
    try:
        columns = dict(result["quantities"])
        labels = tuple(zip(columns.pop("label"), columns.pop("whose"), strict=True))
        numbers = np.array([columns[name] for name in SUMMARIES])
        of_fit = np.array([result[name] for name in ("divergences", "starting", "sampling")])
    except (KeyError, TypeError, ValueError):
        return ()
    named = all(isinstance(word, str) for pair in labels for word in pair)
    numeric = numbers.dtype.kind == of_fit.dtype.kind == "f"
    fits = set(columns) == set(SUMMARIES) and numbers.shape == (len(SUMMARIES), len(labels))
    if not (
        named and numeric and fits and {name.split("[")[0] for name, _ in labels} <= set(variables)
    ):
        return ()
    known = numbers[[name not in UNKNOWN for name in SUMMARIES]]
    possible = np.isfinite(known).all() and np.isfinite(of_fit).all() and (of_fit >= 0).all()
    return labels if possible else ()


def _is_table(truth: Any) -> bool:
    """Whether a truth gives everybody's values."""
    return isinstance(truth, pd.DataFrame | Mapping) and not isinstance(truth, xr.Dataset)


def _drawn(
    refit: Refitter, plan: Plan, seeds: np.random.SeedSequence
) -> tuple[xr.Dataset, dict[str, np.ndarray], dict[str, int]]:
    """True values of one replicate, its responses, and its seeds."""
    states = seeds.generate_state(5).tolist()
    own = dict(zip(("population", "people", "responses", "fit", "ties"), states, strict=True))
    if _is_table(plan.truth):
        truth = refit.given(plan.truth)
    elif plan.truth is None:
        truth = refit.people(refit.population(own["population"]), own["people"])
    else:
        rng = np.random.default_rng(own["population"])
        chain, draw = (int(rng.integers(plan.truth.sizes[dim])) for dim in ("chain", "draw"))
        one = plan.truth.isel(chain=[chain], draw=[draw])
        truth = refit.people(one, own["people"])
    return truth, refit.simulate(truth, own["responses"]), own


def _summaries(
    found: Quantities, true: Quantities, rng: np.random.Generator
) -> dict[str, list[Any]]:
    """Columns of what is kept of every quantity whose true value is known."""
    known = {name: k for k, name in enumerate(true.names)}
    mine = np.array([k for k, name in enumerate(found.names) if name in known])
    if not len(mine):
        raise ValueError(
            f"True values must be of parameters that are inferred: {listed(found.labels)}; found "
            f"{listed(true.labels)}."
        )
    truth = true.natural[0, 0, [known[found.names[k]] for k in mine]]
    natural, linked = found.natural[..., mine], found.linked[..., mine]
    flat = natural.reshape(-1, len(mine))
    thin = np.linspace(0, len(flat) - 1, min(RANKS, len(flat))).round().astype(int)
    below = (flat[thin] < truth).sum(axis=0)
    quantile = np.quantile(flat, list(QUANTILES.values()), axis=0)
    columns = {
        "label": [found.labels[k] for k in mine],
        "whose": [found.whose[k] for k in mine],
        "true": truth,
        "mean": flat.mean(axis=0),
        "sd": flat.std(axis=0, ddof=1),
        **dict(zip(QUANTILES, quantile, strict=True)),
        "variance": linked.reshape(-1, len(mine)).var(axis=0, ddof=1),
        "rank": (below + rng.uniform(size=len(mine))) / (len(thin) + 1),
        "ess": az.ess(natural, chain_axis=0, draw_axis=1),
        "rhat": az.rhat(natural, chain_axis=0, draw_axis=1),
    }
    return {name: np.asarray(values).tolist() for name, values in columns.items()}


def as_dataset(done: list[Replicate]) -> xr.Dataset:
    """Replicates that did not fail, side by side: dims (replicate, quantity)."""
    kept = [one for one in done if not one.error]
    first = kept[0].result["quantities"]
    numbers = {
        name: (
            ("replicate", "quantity"),
            np.array([one.result["quantities"][name] for one in kept], dtype=float),
        )
        for name in SUMMARIES
    }
    of_each = {
        name: ("replicate", np.array([one.result[name] for one in kept]))
        for name in ("divergences", "starting", "sampling")
    }
    seconds = ("replicate", np.array([one.seconds for one in kept]))
    return xr.Dataset(
        {**numbers, **of_each, "seconds": seconds},
        coords={
            "replicate": [one.number for one in kept],
            "label": ("quantity", first["label"]),
            "whose": ("quantity", first["whose"]),
        },
    )


def failures(done: list[Replicate]) -> dict[int, str]:
    """Why replicates failed, by number."""
    return {one.number: one.error for one in done if one.error}


def sampling_words(found: xr.Dataset, failed: Mapping[int, str]) -> str:
    """How the fits went, in words."""
    diverged = int((found["divergences"] > 0).sum())
    rhat = found["rhat"].max("quantity")
    return (
        f"{counted(found.sizes['replicate'], 'replicate')}; {len(failed)} failed; {diverged} with "
        f"divergences; {int((rhat > NOT_MIXED).sum())} with an R-hat above {NOT_MIXED}"
    )
