"""Simulate a study from a model: trials outermost, all sequences at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.arrangement import Arrangement, starting_rows
from empathymodels.drawing import prior_people
from empathymodels.evaluating import Evaluator, Values, evaluator
from empathymodels.feedback import (
    fed_back_responses,
    option_columns,
    replaced,
    run_trials,
)
from empathymodels.model import Model
from empathymodels.nouns import FirstResponse, Response
from empathymodels.own_values import values_from_table
from empathymodels.people import column_label, parameter_dims
from empathymodels.rating_scale import middle_of
from empathymodels.reading import in_key_order
from empathymodels.study import Study
from empathymodels.wording import counted, listed


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


def simulate_responses(compiled: Evaluator, values: Values) -> dict[str, np.ndarray]:
    """Draw all responses once, feeding those that the equations read back into them.

    Returns
    -------
    dict of str to ndarray
        Per response on its scored rows; per outcome column that followed from a response, on
        all trial rows (engine order).
    """
    arrangement = compiled.arrangement
    trials = run_trials(compiled, values) if fed_back_responses(arrangement) else {}
    with replaced(compiled, trials):
        drawn = compiled(values)["draw"]
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


# ------------------------------------------------------------------- the design as a study


def with_placeholders(model: Model, study: Study, responses: Iterable[Response]) -> Study:
    """Give a study a legal value of some of the responses on every row.

    A response that starts a state repeats its last value instead, since the first is real.

    Raises
    ------
    ValueError
        A state starts with a response that some sequence does not have.
    """
    tables = {name: table.copy() for name, table in study.tables.items()}
    filled = list(responses)
    for response in filled:
        column, value = response.values.name, _placeholder(response)
        if response.table == "regions":
            tables["regions"] = _with_region(tables, response, value)
            continue
        table = tables[response.table]
        present = table[column] if column in table else pd.Series(np.nan, index=table.index)
        present, keys = present.astype(float), _sequence_keys(model, response, table)
        if keys:
            _refuse_unknown_starts(model, response, present, table[keys])
            sorted_in_time = present[table["trial"].sort_values(kind="stable").index]
            present = sorted_in_time.groupby([table[key] for key in keys]).ffill()
        table[column] = present if keys else present.fillna(value)
    for following in model.columns:
        options = option_columns(model, following)
        is_filled = following.follows in {response.name for response in filled}
        if is_filled and set(options) <= set(tables["trials"]):
            # what really follows is filled in once the response is drawn
            tables["trials"][following.name] = tables["trials"][options[0]]
    return replace(study, **tables, simulated=True)


def _sequence_keys(model: Model, response: Response, table: pd.DataFrame) -> list[str]:
    """Columns that tell the sequences whose state a response starts; none if it starts none."""
    started = [
        state
        for state in model.states
        if isinstance(state.start, FirstResponse) and state.start.response == response.name
    ]
    over = [state.over for state in started if state.over and state.over in table]
    keys = ["participant", *(key for key in model.sequence if key in table), *over]
    return list(dict.fromkeys(keys)) if started else []


def _refuse_unknown_starts(
    model: Model, response: Response, present: pd.Series, keys: pd.DataFrame
) -> None:
    known = present.notna().groupby([keys[key] for key in keys]).any()
    if not known.all():
        raise ValueError(
            f"Model '{model.label}' starts with the first '{response.name}' that somebody gave, "
            f"so the design must hold it; {counted(int((~known).sum()), 'sequence')} of "
            f"{len(known)} ({listed(keys)}) have none. Fill in the column '{response.name}' on "
            "the first trial, or use a model whose start value is a parameter."
        )


def _placeholder(response: Response) -> float:
    if response.levels is not None:
        return float(response.levels[0])
    return middle_of(response) if response.range else 0.0


def _with_region(tables: dict[str, pd.DataFrame], response: Response, value: float) -> pd.DataFrame:
    regions = tables.get("regions")
    if regions is not None and (regions["region"] == response.region).any():
        betas = regions[response.column].astype(float)
        lacking = betas.isna() & (regions["region"] == response.region)
        regions[response.column] = betas.mask(lacking, value)
        return regions
    keys = [k for k in ("participant", "session", "block", "trial") if k in tables["trials"]]
    made = tables["trials"][keys].assign(region=response.region, **{response.column: value})
    return made if regions is None else pd.concat([regions, made], ignore_index=True)


def filled_study(design: Study, arrangement: Arrangement, drawn: Mapping[str, np.ndarray]) -> Study:
    """Return a design with the responses that `simulate_responses` drew."""
    tables = {name: table.copy() for name, table in design.tables.items()}
    for name, values in drawn.items():
        if name not in arrangement.scored:  # an outcome that followed from a response
            tables["trials"].loc[arrangement.place, name] = values
            continue
        scored = arrangement.scored[name]
        table = tables[scored.response.table]
        table.iloc[scored.rows, table.columns.get_loc(scored.response.values.name)] = values
    log = (*design.log, f"responses simulated from {arrangement.model.label}")
    return replace(design, **tables, log=log, simulated=True)
