"""Simulate a study from a model: trials outermost, all sequences at once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.engine.evaluator import Evaluator, Values, evaluator
from empathymodels.engine.feedback import simulated
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.scoring import starting_rows
from empathymodels.population.blocks import column_label, parameter_dims
from empathymodels.population.given_values import values_from_table
from empathymodels.simulation.placeholders import filled_study, with_placeholders
from empathymodels.simulation.prior_people import prior_people
from empathymodels.study.keys import in_key_order
from empathymodels.study.study import Study


@checked_arguments
def simulate(
    model: Model,
    study: Study,
    parameters: pd.DataFrame | Mapping[str, Any] | None = None,
    *,
    seed: int,
) -> tuple[Study, pd.DataFrame]:
    """Simulate everything a model observes, for the design of a study.

    Parameters
    ----------
    model : Model
        What generates the data. Where a state starts with a first response, that response is
        kept as the design has it.
    study : Study
        The design: people, trials and all columns that are not responses. Responses that it
        has are replaced; where it has no regions table, betas are made for every trial.
    parameters : DataFrame or mapping, optional
        Natural-scale values as in `log_likelihood`. Drawn from the prior unless given.
    seed : int
        Seed of all draws. It gives the same data whatever the order of the design's rows.

    Returns
    -------
    Study
        The design with simulated responses (which may leave the ends of a rating scale where
        their distribution does).
    DataFrame
        The parameters used: one row per participant, columns ``name`` or ``name[level]``.

    Raises
    ------
    ValueError
        An outcome depends on the response and the design does not say what other responses
        would have brought, or a state starts with a response that the design does not have.

    Examples
    --------
    >>> import empathymodels as em
    >>> study = em.load_study("outgroup_help")
    >>> model = em.get_model("outgroup_help_learning")
    >>> simulated, truth = em.simulate(model, study, seed=1)
    >>> len(truth)
    36
    """
    order = {name: in_key_order(t, name, as_met=True) for name, t in study.tables.items()}
    design = with_placeholders(model, _reordered(study, order), model.responses)
    with warnings.catch_warnings():  # placeholders are identical by design
        warnings.filterwarnings("ignore", message="Identical responses")
        compiled = evaluator(model, design)
    arrangement = compiled.arrangement
    if parameters is None:
        drawn = prior_people(model, design, draws=1, seed=seed)
        values = {p.name: drawn[p.name].to_numpy()[0, 0] for p in arrangement.parameters}
    else:
        values = values_from_table(arrangement, parameters)
    compiled.reseed(seed)
    responses = simulate_responses(compiled, values)
    filled = filled_study(design, arrangement, responses)
    truth = parameter_table(arrangement, values)
    back = {name: np.argsort(places) for name, places in order.items()}
    return _reordered(filled, back), truth.iloc[back["participants"]].reset_index(drop=True)


def _reordered(study: Study, order: Mapping[str, np.ndarray]) -> Study:
    """Return a study with the rows of its tables in another order; new rows follow."""
    if all(np.array_equal(places, np.arange(len(places))) for places in order.values()):
        return study
    tables = {
        name: study.tables[name].iloc[[*places, *range(len(places), len(study.tables[name]))]]
        for name, places in order.items()
    }
    return replace(study, **tables)


def simulate_responses(
    compiled: Evaluator, values: Values, *, often: bool = False
) -> dict[str, np.ndarray]:
    """Draw all responses once, feeding those that the equations read back into them.

    To be asked `often`, it is compiled.

    Returns
    -------
    dict of str to ndarray
        Per response on its scored rows; per outcome column that followed from a response, on
        all trial rows (engine order).
    """
    arrangement = compiled.arrangement
    compiled, trials, people = simulated(compiled, values, often=often)
    drawn = compiled(values, often=often)["draw"] | people
    for name, filled in trials.items():
        trial = arrangement.scored[name].trial if name in arrangement.scored else None
        drawn[name] = filled if trial is None else filled[trial]
    for name, scored in arrangement.scored.items():
        if scored.response.table == "trials":
            started = starting_rows(arrangement, scored.response, arrangement.trials)[scored.trial]
            drawn[name] = np.where(started, scored.observed, drawn[name])
    return drawn


def parameter_table(arrangement: Arrangement, values: Values) -> pd.DataFrame:
    """One row per participant, one column per value; population-level values repeat."""
    columns: dict[str, Any] = {"participant": arrangement.participants}
    for parameter in arrangement.parameters:
        array = np.asarray(values[parameter.name])
        if parameter_dims(parameter)[:1] not in (("participant",), (), (parameter.by,)):
            continue  # items have no place in a table of people
        for k in range(len(arrangement.levels[parameter.by]) if parameter.by else 1):
            column = array[..., k] if parameter.by else array
            columns[column_label(parameter, arrangement, k)] = np.broadcast_to(
                column, len(arrangement.participants)
            )
    return pd.DataFrame(columns)
