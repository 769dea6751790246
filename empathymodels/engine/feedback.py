"""Simulation where responses feed back: draw, then update, one trial of all sequences at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.replace import vectorize_graph

from empathymodels.compiling import in_double_precision
from empathymodels.declaration.dependencies import reading_order, responses_read
from empathymodels.declaration.equations import Names, latent_name
from empathymodels.declaration.missing_values import mask_columns
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Column, Parameter, Response
from empathymodels.declaration.rating_scale import distribution_of
from empathymodels.engine.evaluator import Evaluator, Values
from empathymodels.engine.program import OFTEN, Program
from empathymodels.kept import Kept
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.scoring import starting_rows
from empathymodels.messages import listed
from empathymodels.population.blocks import flat_positions, flat_values
from empathymodels.responses.options import pick


@dataclass(frozen=True)
class Trial:
    """One trial of many sequences, compiled: draws of what feeds back, then the next states.

    The program takes every state, every parameter, every data input and every response that
    feeds back (NaN where it is to be drawn) as (sequence,).
    """

    program: Program
    parameters: list[Parameter]
    data: list[str]


_TRIALS = Kept()  # by the key of the evaluator's program


def fed_back_responses(arrangement: Arrangement) -> list[Response]:
    """Trial-level responses that later trials or other responses read, those read first."""
    read = set(arrangement.equations.data).union(
        *(needs.direct_data for needs in arrangement.needs.values()),
        (column.follows for column in _following(arrangement) if column.follows),
    )
    found = [r for r in arrangement.model.responses if r.table == "trials" and r.name in read]
    order = reading_order(responses_read(arrangement.model, arrangement.needs))
    return sorted(found, key=lambda response: order.index(response.name))


def _following(arrangement: Arrangement) -> list[Column]:
    """Columns of the equations whose value a response brings about."""
    read = arrangement.equations.data
    return [c for c in arrangement.model.columns if c.follows and c.name in read]


def option_columns(model: Model, column: Column) -> list[str]:
    """Columns that say what every level of a response would have brought (`Column.follows`)."""
    if column.follows is None:
        return []
    return [f"{column.name}_{level}" for level in model.response(column.follows).levels or ()]


def run_trials(
    compiled: Evaluator, values: Values, *, often: bool = False
) -> dict[str, np.ndarray]:
    """Draw the responses that feed back, and the outcomes that follow from them.

    To be asked `often`, it is compiled; see `Program`.

    Returns
    -------
    dict of str to ndarray (trial_row,)
        In engine order.

    Raises
    ------
    ValueError
        The design does not hold the outcome of every level of a response.
    """
    arrangement = compiled.arrangement
    fed_back = fed_back_responses(arrangement)
    _refuse_unknown_outcomes(arrangement)
    trial: Trial = _TRIALS.get(compiled.program.key, lambda: _compile_trial(arrangement, fed_back))
    # the evaluator was seeded by the caller; this stream continues from it
    trial.program.reseed(int(compiled.program.random[0].get_value().integers(2**31)))
    starts = compiled(values, often=often)["start"]
    states = [np.array(starts[name]) for name in arrangement.equations.states]
    parameters = [_parameter_rows(arrangement, p, values) for p in trial.parameters]
    data = [_data_rows(arrangement, name, fed_back) for name in trial.data]
    drawn = {response.name: np.empty(len(arrangement.trials)) for response in fed_back}
    offsets = arrangement.layout.offsets
    given = [_given_rows(arrangement, response) for response in fed_back]
    for first, last in pairwise(offsets):
        rows, active = slice(first, last), slice(0, last - first)
        inputs = [s[active] for s in states] + [x[rows] for x in parameters + data + given]
        results = trial.program(*inputs, often=often or len(offsets) > OFTEN)
        for array, result in zip(drawn.values(), results, strict=False):
            array[rows] = result
        for state, result in zip(states, results[len(drawn) :], strict=True):
            state[active] = result
    return drawn | _outcomes(arrangement, drawn)


def simulated(
    compiled: Evaluator, values: Values, *, often: bool = False
) -> tuple[Evaluator, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Draw all that other equations read, and give it to them.

    Returns
    -------
    Evaluator
        The same, of what was drawn.
    dict of str to ndarray (trial_row,)
        Responses and outcomes of trials, as `run_trials` returns them.
    dict of str to ndarray (observation,)
        Responses of people that other responses read.
    """
    arrangement = compiled.arrangement
    feeds_back = bool(fed_back_responses(arrangement))
    trials = run_trials(compiled, values, often=often) if feeds_back else {}
    compiled, people = with_trials(compiled, trials), {}
    for name in _read_of_people(arrangement):
        people[name] = compiled(values, often=often)["draw"][name]
        compiled = with_people(compiled, people)
    return compiled, trials, people


def _read_of_people(arrangement: Arrangement) -> list[str]:
    """Responses of people that other responses read, those read first."""
    needs = arrangement.needs
    read = set().union(*(entry.direct_data for entry in needs.values()))
    found = {
        r.name: needs[r.name].direct_data
        for r in arrangement.model.responses
        if r.table == "participants" and r.name in read
    }
    return reading_order({name: reads & found.keys() for name, reads in found.items()})


def with_people(compiled: Evaluator, people: Mapping[str, np.ndarray]) -> Evaluator:
    """Return an evaluator to which responses of people (observation,) have other values."""
    given, arrangement = {}, compiled.arrangement
    for name in compiled.data:
        place, _, column = name.partition(":")
        if column not in people or place == column:
            continue
        if place not in arrangement.scored:
            raise ValueError(
                f"What is measured once per person can be simulated where other measures of people "
                f"read it; '{column}' is read by {place}. Let trials read a column in its place."
            )
        by_person = np.full(len(arrangement.participants), np.nan)
        by_person[arrangement.scored[column].participant] = people[column]
        given[name] = by_person[arrangement.scored[place].participant]
    return compiled.given(given)


def with_trials(compiled: Evaluator, trials: Mapping[str, np.ndarray]) -> Evaluator:
    """Return an evaluator of other trial data (trial_row,)."""
    given = {}
    arrangement = compiled.arrangement
    for name in compiled.data:
        place, _, column = name.partition(":")
        if column in trials:
            scored = arrangement.scored.get(place)
            rows = slice(None) if scored is None or scored.trial is None else scored.trial
            given[name] = trials[column][rows]
        elif not trials.keys().isdisjoint(mask_columns(column)):
            real = [other for other in mask_columns(column) if other not in trials]
            given[name] = arrangement.is_observed(arrangement.trials, real)
    return compiled.given(given)


@in_double_precision()
def _compile_trial(arrangement: Arrangement, fed_back: list[Response]) -> Trial:
    equations, names = arrangement.equations, [r.name for r in fed_back]
    direct = set().union(*(arrangement.needs[n].direct_parameters for n in names))
    used = [p for p in arrangement.parameters if p.name in direct | set(equations.parameters)]
    read = set().union(*(arrangement.needs[n].direct_data for n in names)) | set(equations.data)
    options = [
        o for column in _following(arrangement) for o in option_columns(arrangement.model, column)
    ]
    data_names = sorted(read - set(names)) + options

    states = {name: pt.dvector(name) for name in equations.states}
    parameters = {p.name: pt.dvector(p.name) for p in used}
    data: dict[str, Any] = {name: pt.dvector(name) for name in data_names}
    known = {equations.states[name]: vector for name, vector in states.items()}
    known |= {scalar: parameters[name] for name, scalar in equations.parameters.items()}
    known |= {scalar: data[name] for name, scalar in equations.data.items() if name in data}
    draws: dict[str, Any] = {}
    given = {name: pt.dvector(f"given {name}") for name in names}
    for response in fed_back:
        names_read = sorted(arrangement.needs[response.name].latents)
        latents = vectorize_graph([equations.readable[name] for name in names_read], known)
        views = (
            Names("latent", dict(zip(map(latent_name, names_read), latents, strict=True))),
            Names("parameters", parameters),
            Names("data", data | draws),
        )
        draw = distribution_of(response, *views).astype("float64")
        held = given[response.name]
        draws[response.name] = pt.switch(pt.isnan(held), draw, held)
        if response.name in equations.data:
            known[equations.data[response.name]] = draws[response.name]
        for column in _following(arrangement):
            if column.follows == response.name:
                brought = (data[o] for o in option_columns(arrangement.model, column))
                position = _position(arrangement, column, draws)
                known[equations.data[column.name]] = pick(tuple(brought), position)
    following = vectorize_graph(list(equations.next_states.values()), known)
    inputs = [*states.values(), *parameters.values(), *data.values(), *given.values()]
    return Trial(Program(inputs, [*draws.values(), *following]), used, data_names)


def _position(arrangement: Arrangement, column: Column, draws: Mapping[str, Any]) -> Any:
    """Position of a drawn response among its levels."""
    assert column.follows is not None
    levels = arrangement.model.response(column.follows).levels or ()
    positions = tuple(pt.constant(float(k)) for k in range(len(levels)))
    draw, found = draws[column.follows], positions[-1]
    for level, position in zip(levels[:-1], positions[:-1], strict=True):
        found = pt.switch(pt.eq(draw, level), position, found)
    return found


def _outcomes(arrangement: Arrangement, drawn: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {}
    for column in _following(arrangement):
        assert column.follows is not None
        levels = arrangement.model.response(column.follows).levels or ()
        brought = arrangement.trials[option_columns(arrangement.model, column)].to_numpy(
            dtype=float
        )
        position = np.searchsorted(np.sort(levels), drawn[column.follows])
        found[column.name] = brought[np.arange(len(brought)), np.argsort(levels)[position]]
    return found


def _parameter_rows(arrangement: Arrangement, parameter: Parameter, values: Values) -> np.ndarray:
    positions = flat_positions(parameter, arrangement, arrangement.trials)
    flat = flat_values(arrangement, values)
    return np.broadcast_to(flat[positions], len(arrangement.trials))


def _data_rows(arrangement: Arrangement, name: str, fed_back: list[Response]) -> np.ndarray:
    if mask_columns(name):
        simulated = {r.name for r in fed_back} | {c.name for c in _following(arrangement)}
        real = [column for column in mask_columns(name) if column not in simulated]
        return arrangement.is_observed(arrangement.trials, real).astype(float)
    options = {
        o for column in _following(arrangement) for o in option_columns(arrangement.model, column)
    }
    if name in options:
        return arrangement.trials[name].to_numpy(dtype=float)
    return arrangement.trial_data(name)


def _given_rows(arrangement: Arrangement, response: Response) -> np.ndarray:
    """Values of a response where it starts a state and is no draw, (trial_row,); NaN elsewhere."""
    values = arrangement.trials[response.name].to_numpy(dtype=float, na_value=np.nan)
    return np.where(starting_rows(arrangement, response, arrangement.trials), values, np.nan)


def unknown_outcomes(arrangement: Arrangement) -> list[str]:
    """Columns without which sequences cannot be simulated: what other responses had brought."""
    options = [o for c in _following(arrangement) for o in option_columns(arrangement.model, c)]
    return [option for option in options if option not in arrangement.trials]


def _refuse_unknown_outcomes(arrangement: Arrangement) -> None:
    absent = unknown_outcomes(arrangement)
    for column in _following(arrangement):
        options = option_columns(arrangement.model, column)
        if any(option in absent for option in options):
            raise ValueError(
                f"Full simulation needs the '{column.name}' that every '{column.follows}' would "
                f"have brought: columns {listed(options)} of trials. Missing: "
                f"{listed([option for option in options if option in absent])}. "
                "Add them, or predict one step ahead, which needs only what happened."
            )
