"""Responses of a model as distributions on the rows of their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytensor.tensor as pt
from pytensor.graph.replace import vectorize_graph

from empathymodels.compiling import in_double_precision
from empathymodels.declaration.equations import ACCUMULATED, Names, latent_name, sum_name
from empathymodels.declaration.parts import FirstResponse, Parameter, Response, Summary
from empathymodels.declaration.rating_scale import distribution_of
from empathymodels.engine.cell import make_cell
from empathymodels.engine.recursion import Recursion
from empathymodels.layout.arrangement import (
    Arrangement,
    state_scalars,
    summary_counts,
    trial_column,
)
from empathymodels.population.blocks import flat_positions

Give = Callable[[str, np.ndarray], Any]


@dataclass(frozen=True)
class Observations:
    """Everything that follows from parameter values, symbolically.

    Attributes
    ----------
    latents : dict of str to tensor (trial_row,)
        In engine order.
    starts, finals : dict of str to tensor (sequence,)
        States before the first and after the last trial.
    summaries : dict of str to tensor (participant,)
        Person-level numbers of `Model.summaries`.
    distributions : dict of str to tensor (observation,)
        Unnamed distribution of every response on its scored rows.
    """

    latents: dict[str, Any]
    starts: dict[str, Any]
    finals: dict[str, Any]
    summaries: dict[str, Any]
    distributions: dict[str, Any]


@in_double_precision()
def observe(
    arrangement: Arrangement, values: Any, *, give: Give, latents: Iterable[str]
) -> Observations:
    """Run the equations on parameter values and state the distribution of every response.

    Parameters
    ----------
    arrangement : Arrangement
        Model and study.
    values : tensor (place,)
        Natural-scale parameters of everybody, flat (see `blocks.flat_positions`).
    give : callable
        ``give(name, array)`` makes a data array symbolic (and replaceable).
    latents : iterable of str
        The latents (and summaries) that are wanted.
    """
    rows = _Rows(arrangement, values, give)
    wanted = [name for name in arrangement.equations.readable if name in set(latents)]
    carried = arrangement.equations.states
    summaries = [
        s
        for s in arrangement.model.summaries
        if s.name in set(latents) and (sum_name(s) if s.kind in ACCUMULATED else s.of) in carried
    ]
    found: dict[str, Any] = {}
    starts: dict[str, Any] = {}
    finals: dict[str, Any] = {}
    if wanted or summaries:
        runner = _recursive if arrangement.equations.states else _static
        found, starts, finals = runner(arrangement, rows, wanted)
    summary_values = _summaries(arrangement, rows, summaries, starts, finals)
    distributions = {
        r.name: _distribution(arrangement, rows, r, found, summary_values)
        for r in arrangement.model.responses
    }
    return Observations(found, starts, finals, summary_values, distributions)


class _Rows:
    """Looks up parameters and data for the rows of a table, each array made symbolic once."""

    def __init__(self, arrangement: Arrangement, values: Any, give: Give):
        self.arrangement, self.values, self._give = arrangement, values, give
        self._given: dict[str, Any] = {}

    def data(self, name: str, array: np.ndarray) -> Any:
        if name not in self._given:
            self._given[name] = self._give(name, array)
        return self._given[name]

    def parameter(self, parameter: Parameter, place: str, frame: pd.DataFrame) -> Any:
        """Values of a parameter on the rows of `frame`; `place` names those rows."""
        positions = flat_positions(parameter, self.arrangement, frame)
        if isinstance(positions, int):
            return self.values[positions]
        return self.values[self.data(f"{place}:place of {parameter.name}", positions)]


def _recursive(arrangement: Arrangement, rows: _Rows, wanted: list[str]) -> tuple[dict, dict, dict]:
    equations, layout = arrangement.equations, arrangement.layout
    readable = equations.readable
    used = [arrangement.model.parameter(name) for name in equations.parameters]
    varying = [arrangement.varies_within_sequence(p) for p in used]
    scalar_states = {scalar: name for name, scalar in equations.states.items()}
    passed_on = {
        name: scalar_states[readable[name]] for name in wanted if readable[name] in scalar_states
    }
    computed = [name for name in wanted if name not in passed_on]
    inputs = _starts(arrangement, rows)
    for parameter, varies in zip(used, varying, strict=True):
        place = (
            ("trials", arrangement.trials) if varies else ("sequences", arrangement.sequence_rows)
        )
        value = rows.parameter(parameter, *place)
        size = len(place[1])
        inputs.append(value if value.ndim else pt.full((size,), value))
    for name in equations.data:
        inputs.append(rows.data(f"trials:{name}", arrangement.trial_data(name)))
    offsets = rows.data("sequences:offsets", layout.offsets)
    outputs = Recursion(make_cell(equations, varying, computed))(*inputs, offsets)
    names = [*equations.states, *computed, *equations.states]
    n_rows = len(equations.states) + len(computed)
    by_row = dict(zip(names[:n_rows], outputs[:n_rows], strict=True))
    finals = dict(zip(equations.states, outputs[n_rows:], strict=True))
    starts = dict(zip(equations.states, inputs, strict=False))
    latents = {name: by_row[passed_on.get(name, name)] for name in wanted}
    return latents, starts, finals


def _starts(arrangement: Arrangement, rows: _Rows) -> list[Any]:
    """Start of every state, (sequence,), in the order of ``equations.states``."""
    size = len(arrangement.layout.first_rows)
    states = {state.name: state for state in arrangement.model.states}
    starts: dict[str, Any] = {}
    for name, level, scalar in state_scalars(arrangement):
        start = states[name].start
        if isinstance(start, FirstResponse):
            array = arrangement.start_values(name, start, level)
            starts[scalar] = rows.data(f"sequences:start of {scalar}", array)
        elif isinstance(start, str):
            starts[scalar] = _start_parameter(arrangement, rows, start, states[name].over, level)
        else:
            starts[scalar] = rows.data(f"sequences:start of {scalar}", np.full(size, float(start)))
    zero = rows.data("sequences:zero", np.zeros(size))
    return [starts.get(name, zero) for name in arrangement.equations.states]


def _start_parameter(
    arrangement: Arrangement, rows: _Rows, name: str, over: str | None, level: int | None
) -> Any:
    parameter = arrangement.model.parameter(name)
    frame = arrangement.sequence_rows
    if over is not None and parameter.by == over:
        frame = frame.assign(**{over: arrangement.levels[over][level or 0]})
        return rows.parameter(parameter, f"sequences at {over} {level}", frame)
    if arrangement.varies_within_sequence(parameter):
        raise ValueError(
            f"A start value must be one number per sequence; '{name}' is split by "
            f"'{parameter.by}', which changes within sequences. Split the state over "
            f"'{parameter.by}' too, or pool the parameter."
        )
    value = rows.parameter(parameter, "sequences", frame)
    return value if value.ndim else pt.full((len(frame),), value)


def _static(arrangement: Arrangement, rows: _Rows, wanted: list[str]) -> tuple[dict, dict, dict]:
    """Latents of a model without states: its equations on whole columns."""
    equations = arrangement.equations
    vectors = {
        scalar: rows.parameter(arrangement.model.parameter(name), "trials", arrangement.trials)
        for name, scalar in equations.parameters.items()
    }
    vectors |= {
        scalar: rows.data(f"trials:{name}", arrangement.trial_data(name))
        for name, scalar in equations.data.items()
    }
    readable = equations.readable
    outputs = [readable[name] for name in wanted]
    size = len(arrangement.trials)
    computed = vectorize_graph(outputs, vectors) if outputs else []
    full = [v if v.ndim else pt.full((size,), v) for v in computed]
    return dict(zip(wanted, full, strict=True)), {}, {}


def _summaries(
    arrangement: Arrangement,
    rows: _Rows,
    summaries: list[Summary],
    starts: Mapping[str, Any],
    finals: Mapping[str, Any],
) -> dict[str, Any]:
    """Person-level numbers, (participant,): averages over the participant's sequences."""
    if not summaries:
        return {}
    people = arrangement.codes(arrangement.sequence_rows, "participant")
    counts, values = summary_counts(arrangement), {}
    for summary in summaries:
        if summary.kind in ACCUMULATED:
            total, weight = finals[sum_name(summary)], counts[summary.name]
        else:
            total, weight = finals[summary.of], np.ones(len(people))
            if summary.kind == "change":
                total = total - starts[summary.of]
        shared = np.bincount(people, weight, len(arrangement.participants))
        share = rows.data(f"summary:{summary.name}:share", 1 / np.maximum(shared, 1)[people])
        empty = pt.zeros(len(arrangement.participants))
        position = rows.data("sequences:position of participant", people)
        values[summary.name] = empty[position].inc(total * share)
    return values


def _distribution(
    arrangement: Arrangement,
    rows: _Rows,
    response: Response,
    latents: Mapping[str, Any],
    summaries: Mapping[str, Any],
) -> Any:
    model, scored = arrangement.model, arrangement.scored[response.name]
    needs = arrangement.needs[response.name]
    complete = scored.trial is not None and np.array_equal(
        scored.trial, np.arange(len(arrangement.trials))
    )
    place = "trials" if complete and response.table == "trials" else response.name

    def latent(name: str) -> Any:
        if response.table == "participants":
            return summaries[name][rows.data(f"{place}:place of participant", scored.participant)]
        if scored.trial is None:
            raise ValueError(
                f"Response '{response.name}' needs the latent '{name}' of single trials, but the "
                "regions table has no `trial` column. Add it, or use a model without trial-wise "
                "latents for this response."
            )
        if complete:
            return latents[name]
        return latents[name][rows.data(f"{place}:place of trial", scored.trial)]

    def column(name: str) -> Any:
        declared = next((c for c in model.columns if c.name == name), None)
        declared = declared or trial_column(model, name)
        return rows.data(f"{place}:{name}", arrangement.values(scored.frame, declared))

    def parameter(name: str) -> Any:
        return rows.parameter(model.parameter(name), place, scored.frame)

    latents_read = {latent_name(name): latent(name) for name in sorted(needs.latents)}
    return distribution_of(
        response,
        Names("latent", latents_read, model.name),
        Names("parameters", {n: parameter(n) for n in sorted(needs.direct_parameters)}, model.name),
        Names("data", {name: column(name) for name in sorted(needs.direct_data)}, model.name),
    )
