"""Predictions of a fit, for the same data or for new people and trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Prediction, Response
from empathymodels.declaration.record import all_needs
from empathymodels.engine.evaluator import Evaluator, evaluate_draws, evaluator
from empathymodels.engine.feedback import fed_back_responses
from empathymodels.inference.fits import (
    arrangement_of,
    covariates_of,
    marked,
    model_of,
    study_of,
    thinned,
)
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.rows import observed_data, response_rows
from empathymodels.messages import listed
from empathymodels.population.blocks import POPULATION, blocks
from empathymodels.population.covariates import Covariates
from empathymodels.population.new_people import draw_people
from empathymodels.simulation.placeholders import with_placeholders
from empathymodels.simulation.prior_people import prior_people
from empathymodels.simulation.simulate_draws import simulate_draws
from empathymodels.study.study import Study
from empathymodels.terminal import tell


@checked_arguments
def predict(
    source: xr.DataTree | Model,
    study: Study | None = None,
    *,
    kind: Prediction = "one_step_ahead",
    draws: int = 400,
    seed: int,
) -> xr.DataTree:
    """Predict responses: from a fit (posterior) or from a model alone (prior).

    Parameters
    ----------
    source : DataTree or Model
        A fit gives posterior predictions, a model prior ones.
    study : Study, optional
        Trials and people to predict; for a fit its own study unless given. People and items that
        the fit knows keep their parameters; others are drawn from its population. A response
        is predicted on the rows that have it, and on all rows where the study has none of it.
        Ratings are predicted in the steps of the fit, declared or read from its data. Where the
        study has some between those that were read, which a warning names, they are predicted
        in its own finer steps: the rating before it is rounded has the same distribution.
    kind : {"one_step_ahead", "simulation"}
        Each response given what really happened before it, or whole sequences in which
        responses drawn earlier feed into later trials. The two differ only for models whose
        equations read responses.
    draws : int
        About how many parameter draws to use.
    seed : int
        Seed of all draws.

    Returns
    -------
    DataTree
        Group ``posterior_predictive`` or ``prior_predictive`` (chain, draw, row) and
        ``observed_data``; attribute ``prediction`` says in words what was predicted.

    Raises
    ------
    ValueError
        A simulation needs outcomes that the study does not hold, one-step-ahead prediction
        responses that it does not hold, ratings lie between steps that the fit's model declares,
        or parameters are split by a column (`by`) with a label that the fit has not seen.
    TypeError
        A model is given without a study.

    Examples
    --------
    >>> import empathymodels as em
    >>> study = em.load_study("outgroup_help")
    >>> model = em.get_model("outgroup_help_learning")
    >>> prior = em.predict(model, study, draws=50, seed=1)
    >>> prior.attrs["prediction"]
    'prior prediction, one step ahead, new people'
    """
    if isinstance(source, Model):
        if study is None:
            raise TypeError(
                "Prior prediction needs a study; found none. Give one: predict(model, study, "
                "seed=...)."
            )
        study, unknown = _with_responses(source, study, kind)
        values, who, name = (
            prior_people(source, study, draws=draws, seed=seed),
            "new people",
            "prior",
        )
        compiled = evaluator(source, study)
    else:
        name, model = "posterior", model_of(source)
        study, unknown = _with_responses(model, study or study_of(source), kind)
        compiled = evaluator(model, study)
        posterior = thinned(source["posterior"].to_dataset(), draws)
        values, who = _known_and_new(source, compiled, posterior, seed)
    compiled.reseed(seed)
    reads_itself = bool(fed_back_responses(compiled.arrangement))
    found = (
        simulate_draws(compiled, values)
        if kind == "simulation"
        else evaluate_draws(compiled, values, "draw", description="Predictions")
    )
    rows = {n: response_rows(compiled.arrangement, n, v) for n, v in found.items()}
    tree = xr.DataTree.from_dict(
        {
            f"{name}_predictive": xr.Dataset(rows),
            "observed_data": observed_data(compiled.arrangement).drop_vars(unknown),
        }
    )
    manner = "one step ahead" if kind == "one_step_ahead" else "full simulation"
    same = "" if reads_itself else " (the same for this model, whose equations read no response)"
    made = name if isinstance(source, Model) else marked(name, source)
    tree.attrs["prediction"] = f"{made} prediction, {manner}, {who}"
    tree.attrs["manner"] = manner + same
    return tree


def _with_responses(model: Model, study: Study, kind: Prediction) -> tuple[Study, list[str]]:
    """Fill in responses of which a study has nothing, so that all their rows are predicted."""
    held = {r.name: _rows_with(r, study) for r in model.responses}
    unknown = [response for response in model.responses if not held[response.name]]
    if not unknown:
        return study, []
    read = set().union(*(needs.all_data for needs in all_needs(model).values()))
    needed = [response.name for response in unknown if response.name in read]
    if needed and kind == "one_step_ahead":
        raise ValueError(
            f"One-step-ahead prediction rests on what really happened: this study must hold "
            f"{listed(needed)}, which the equations of '{model.label}' read. Add it, or predict "
            "with kind='simulation'."
        )
    return with_placeholders(model, study, unknown), [response.name for response in unknown]


def _rows_with(response: Response, study: Study) -> int:
    table = study.tables.get(response.table)
    if table is None or response.values.name not in table:
        return 0
    rows = table if response.region is None else table[table["region"] == response.region]
    return int(rows[response.values.name].notna().sum())


def _known_and_new(
    fit: xr.DataTree, compiled: Evaluator, posterior: xr.Dataset, seed: int
) -> tuple[xr.Dataset, str]:
    """Parameters of a study's people and items: their own where the fit has them, else drawn."""
    arrangement = compiled.arrangement
    units = {b.unit: b.labels for b in blocks(arrangement) if b.unit != POPULATION}
    posterior = _at_levels(posterior, compiled)
    place, new = {}, {}
    for unit, labels in units.items():  # by their text: in one file 1, in another "1"
        seen = {str(label): k for k, label in enumerate(posterior[unit].to_numpy().tolist())}
        place[unit] = np.array([seen.get(str(label), -1) for label in labels])
        new[unit] = [label for label in labels if str(label) not in seen]
    own = posterior.isel(place)
    who = _who(arrangement, posterior, units, new)
    if not any(new.values()):
        return own, who
    covariates: Mapping[str, Covariates] = {}
    if new.get("participant"):
        original = arrangement_of(fit)
        covariates = covariates_of(fit, original)
    drawn = draw_people(arrangement, posterior, covariates, np.random.default_rng(seed))
    for parameter in compiled.parameters:
        values, unit = own[parameter.name], parameter.level
        if unit in units:
            values = values.assign_coords({unit: drawn[unit]})
            known = xr.DataArray(place[unit] >= 0, dims=unit)
            values = values.where(known, drawn[parameter.name])
        drawn[parameter.name] = values
    return drawn, who


def _who(
    arrangement: Arrangement,
    posterior: xr.Dataset,
    units: Mapping[str, list[Any]],
    new: Mapping[str, list[Any]],
) -> str:
    """Say which people, and items if any is new, are those of the fit."""
    people, drawn = units.get("participant", []), new.get("participant", [])
    who = "the same people"
    if drawn:
        known = len(people) - len(drawn)
        who = f"{known} known and {len(drawn)} new people" if known else "new people"
    free = {p.level for p in arrangement.parameters if f"{p.name}_sd" in posterior}
    for unit in [u for u in units if u in free and u != "participant" and new[u]]:
        tell(f"Drawn, since the fit has no such '{unit}': {listed(new[unit])}.")
        who += f", {len(units[unit]) - len(new[unit])} known and {len(new[unit])} new of '{unit}'"
    return who


def _at_levels(posterior: xr.Dataset, compiled: Evaluator) -> xr.Dataset:
    """Put values of `by` levels into the order of a study's own labels."""
    for column in sorted({p.by for p in compiled.parameters if p.by is not None}):
        labels, known = compiled.arrangement.levels[column], posterior[column].to_numpy().tolist()
        unknown = [label for label in labels if label not in known]
        if unknown:
            raise ValueError(
                f"Every level of '{column}' must be one that the fit has seen: {listed(known)}. "
                f"Found {listed(unknown)}. Exclude these trials, or fit a study that has them."
            )
        posterior = posterior.sel({column: labels})
    return posterior
