"""The author's equations, read once on symbolic scalars.

`read_equations` calls a model's ``step`` on named PyTensor scalars and returns the graph of
one trial: next states and latents. Which data a state's update or a latent needs is read from
that graph, never declared; so is the fingerprint that identifies the equations.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.op import Op
from pytensor.graph.traversal import ancestors, toposort
from pytensor.tensor.elemwise import Elemwise

from empathymodels.model import Model, scale_of
from empathymodels.nouns import Response, State, Summary
from empathymodels.wording import did_you_mean, listed

ACCUMULATED = {"mean": lambda latent: latent, "mean_absolute": pt.abs}


class Names:
    """What the equations read from: ``parameters.learning_rate``, ``data.outcome``, ...

    An unknown name is answered with the names that exist.
    """

    def __init__(self, kind: str, values: Mapping[str, Any], model: str = ""):
        self._kind, self._values, self._model = kind, dict(values), model

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._values:
            raise AttributeError(
                f"The equations of model '{self._model}' read `{self._kind}.{name}`, which is not "
                f"declared. Declared: {listed(self._values)}. Declare it or correct the name."
                + did_you_mean(name, self._values)
            )
        return self._values[name]

    def also(self, **values: Any) -> Names:
        """Return the same with more names."""
        return Names(self._kind, self._values | values, self._model)


def distribution_of(response: Response, latent: Names, parameters: Names, data: Names) -> Variable:
    """Call a response's function, with the ends of its range among the data."""
    return response.function(latent, parameters, data.also(**response.ends))


def pick(options: tuple[Any, ...], index: Any) -> Any:
    """Return the option at a symbolic position: ``pick(state.expectation, data.cue)``."""
    chosen = options[-1]
    for position in range(len(options) - 2, -1, -1):
        chosen = pt.switch(pt.eq(index, position), options[position], chosen)
    return chosen


def put(options: tuple[Any, ...], index: Any, value: Any) -> tuple[Any, ...]:
    """Return the options with the one at a symbolic position replaced by `value`."""
    return tuple(pt.switch(pt.eq(index, k), value, option) for k, option in enumerate(options))


@dataclass(frozen=True)
class Equations:
    """The graph of one trial.

    States over K levels appear as K scalars ``name[0]``, ``name[1]``, ...; summaries that
    average a latent appear as further states (their running sums).
    """

    states: dict[str, Variable]
    parameters: dict[str, Variable]
    data: dict[str, Variable]
    next_states: dict[str, Variable]
    latents: dict[str, Variable]

    def needs(self, output: Variable) -> frozenset[str]:
        """Names of the data columns that `output` needs on its own trial."""
        upstream = set(ancestors([output]))
        return frozenset(name for name, scalar in self.data.items() if scalar in upstream)


def scalar_names(state: State, sizes: Mapping[str, int]) -> list[str]:
    """Names of the scalars of a state: itself, or one per level of its column."""
    if state.over is None:
        return [state.name]
    return [f"{state.name}[{k}]" for k in range(sizes[state.over])]


def read_equations(model: Model, sizes: Mapping[str, int] | None = None) -> Equations:
    """Call ``model.step`` on symbolic scalars and return the graph of one trial.

    Parameters
    ----------
    model : Model
        Declaration whose `step` is read (``None`` gives empty equations).
    sizes : mapping of str to int, optional
        Number of levels of every column that a state is `over`; where not given, that of its
        declaration, and 2 for levels that only the data tell.

    Raises
    ------
    AttributeError
        The equations read an undeclared name.
    ValueError
        Returned states do not match the declared ones, or an operation is not element-wise.
    """
    sizes = {s.over: _declared_size(model, s) for s in model.states if s.over} | dict(sizes or {})
    parameters = {p.name: _input("parameters", p.name) for p in model.parameters}
    data = {name: _input("data", name) for name in trial_data_names(model)}
    states = {n: _input("state", n) for s in model.states for n in scalar_names(s, sizes)}
    if model.step is None:
        return Equations({}, {}, {}, {}, {})

    state_view = Names("state", _grouped(model.states, states, sizes), model.name)
    parameter_view = Names("parameters", parameters, model.name)
    ends = {f"{r.name}_{end}": x for r in model.observables for end, x in r.ends.items()}
    data_view = Names("data", data, model.name).also(**ends)
    returned = _call_step(model, state_view, parameter_view, data_view)
    next_view, latents = returned if isinstance(returned, tuple) else ({}, returned)
    if set(next_view) != {state.name for state in model.states}:
        raise ValueError(
            f"`step` of model '{model.name}' must return the next value of every declared state "
            f"and of no other. Declared: {listed(s.name for s in model.states)}; "
            f"returned: {listed(next_view)}."
        )
    next_states = _flattened(model, next_view, sizes)
    latents = {name: _number(model, name, value) for name, value in latents.items()}
    # a latent often has the name of a state, so the two are never merged by name
    _refuse_array_operations(model, next_states)
    _refuse_array_operations(model, latents)
    carried = list(states)
    for summary in model.summaries:
        if summary.kind not in ACCUMULATED and summary.of not in carried:
            raise ValueError(
                f"Summary '{summary.name}' of model '{model.name}' takes the {summary.kind} of "
                f"'{summary.of}', which is not a carried number. There are {listed(carried)}; of a "
                "state over levels, carry the number wanted in a state of its own."
                + did_you_mean(summary.of, carried)
            )
        if summary.kind in ACCUMULATED:
            hidden = sum_name(summary)
            states[hidden] = _input("state", hidden)
            if summary.of not in latents:
                raise ValueError(
                    f"Summary '{summary.name}' of model '{model.name}' averages '{summary.of}', "
                    f"which `step` does not return. Latents: {listed(latents)}."
                )
            next_states[hidden] = states[hidden] + ACCUMULATED[summary.kind](latents[summary.of])
    reached = set(ancestors([*next_states.values(), *latents.values()]))
    parameters = {name: scalar for name, scalar in parameters.items() if scalar in reached}
    data = {name: scalar for name, scalar in data.items() if scalar in reached}
    return Equations(states, parameters, data, next_states, latents)


_SYMBOLS = (
    "`step` of model '{model}' must work on symbols: pt.where(condition, a, b) in place of `if` "
    "and np.where, pt.eq(a, b) in place of a == b, pt.exp in place of np.exp."
)


def _number(model: Model, name: str, value: Any) -> Variable:
    """Make what `step` returned a symbolic number."""
    try:
        return pt.as_tensor(value).astype("float64")
    except (TypeError, ValueError, NotImplementedError) as error:
        told, kind = _SYMBOLS.format(model=model.name), type(value).__name__
        raise TypeError(f"{told} It returned a {kind} for '{name}'.") from error


def _call_step(model: Model, *views: Names) -> Any:
    assert model.step is not None
    try:
        return model.step(*views)
    except (TypeError, ValueError, NotImplementedError) as error:
        *_, place = traceback.extract_tb(error.__traceback__)[:2]
        raise TypeError(
            f"{_SYMBOLS.format(model=model.name)} It stopped in line {place.lineno} of "
            f"{Path(place.filename).name}, `{place.line}`: {error}"
        ) from error


def _input(kind: str, name: str) -> Variable:
    """Symbolic scalar under the name by which the equations read it, ``state.value``."""
    return pt.dscalar(f"{kind}.{name}")


def _declared_size(model: Model, state: State) -> int:
    levels = model.column(str(state.over)).levels
    return len(levels) if isinstance(levels, tuple) else 2


def hold_where_missing(equations: Equations, incomplete: Iterable[str]) -> Equations:
    """Make every state keep its value on trials where data that its update needs are missing.

    Adds one 0/1 data input ``observed:<columns>`` per set of incomplete columns that some
    update needs; see `mask_columns`.
    """
    incomplete, data, next_states = frozenset(incomplete), dict(equations.data), {}
    for name, updated in equations.next_states.items():
        missing = equations.needs(updated) & incomplete
        if missing:
            mask = data.setdefault(mask_name(missing), _input("data", mask_name(missing)))
            updated = pt.switch(pt.neq(mask, 0), updated, equations.states[name])
        next_states[name] = updated
    return replace(equations, data=data, next_states=next_states)


def computable(
    equations: Equations, model: Model, parameters: Iterable[str], data: Iterable[str]
) -> Equations:
    """Leave out latents, and states if nothing can be carried, that rest on absent inputs.

    Parameters
    ----------
    equations : Equations
        Graph of one trial of `model`.
    model : Model
        Declaration, for the start values.
    parameters, data : iterable of str
        Parameters that are inferred and trial data that are there.
    """
    known = {"parameters": set(parameters), "data": set(data)}

    def given(outputs: Iterable[Variable]) -> bool:
        reached = _through_states(equations, list(outputs))
        return reached["parameters"] <= known["parameters"] and reached["data"] <= known["data"]

    started = {state.start for state in model.states if isinstance(state.start, str)}
    carried = started <= known["parameters"] and given(equations.next_states.values())
    scalars = set(equations.states.values())
    latents = {
        name: output
        for name, output in equations.latents.items()
        if given([output]) and (carried or scalars.isdisjoint(ancestors([output])))
    }
    next_states = equations.next_states if carried else {}
    reached = set(ancestors([*next_states.values(), *latents.values()]))
    return Equations(
        equations.states if carried else {},
        {name: scalar for name, scalar in equations.parameters.items() if scalar in reached},
        {name: scalar for name, scalar in equations.data.items() if scalar in reached},
        next_states,
        latents,
    )


def mask_name(columns: Iterable[str]) -> str:
    """Name of the 0/1 input that says where all of `columns` are observed."""
    return "observed:" + ",".join(sorted(columns))


def mask_columns(name: str) -> list[str]:
    """The columns behind a mask's name; empty for an ordinary data input."""
    return name.removeprefix("observed:").split(",") if name.startswith("observed:") else []


def sum_name(summary: Summary) -> str:
    """Name of the hidden state that adds up a latent over trials."""
    return f"sum:{summary.name}"


def trial_data_names(model: Model) -> list[str]:
    """Names that trial equations may read from `data`: columns and trial-level responses."""
    names = [c.name for c in model.columns if c.table != "regions"]
    return names + [r.name for r in model.observables if r.table == "trials"]


def _grouped(
    states: tuple[State, ...], scalars: Mapping[str, Any], sizes: Mapping[str, int]
) -> dict[str, Any]:
    return {
        s.name: scalars[s.name]
        if s.over is None
        else tuple(scalars[name] for name in scalar_names(s, sizes))
        for s in states
    }


def _flattened(
    model: Model, values: Mapping[str, Any], sizes: Mapping[str, int]
) -> dict[str, Variable]:
    flat: dict[str, Variable] = {}
    for state in model.states:
        names = scalar_names(state, sizes)
        given = values[state.name] if state.over else (values[state.name],)
        if len(given) != len(names):
            raise ValueError(
                f"State '{state.name}' of model '{model.name}' has {len(names)} options (levels "
                f"of '{state.over}'); `step` returned {len(given)}. Return one scalar per option."
            )
        flat |= {n: _number(model, n, value) for n, value in zip(names, given, strict=True)}
    return flat


def _refuse_array_operations(model: Model, outputs: Mapping[str, Variable]) -> None:
    for name, output in outputs.items():
        for node in toposort([output]):
            if not isinstance(node.op, Elemwise) or node.outputs[0].ndim != 0:
                raise ValueError(
                    f"Equations must be element-wise on scalars; '{name}' of model '{model.name}' "
                    f"uses {_operation_name(node.op)}. Write it with +, -, *, /, pt.exp, pt.log, "
                    "pt.where, pick, put and the like, one scalar per option."
                )


def _operation_name(op: Op) -> str:
    return f"`{op}` ({type(op).__name__})"


# ---------------------------------------------------------------- what a response depends on


def trace_response(
    model: Model, response: Response, equations: Equations
) -> tuple[Variable, dict[str, dict[str, Variable]]]:
    """Return a response's distribution on scalar placeholders, and those placeholders."""
    latents = response_latents(model, response, equations)
    read = {
        "latent": latents,
        "parameters": [p.name for p in model.parameters],
        "data": response_data_names(model, response),
    }
    placeholders = {
        kind: {name: _input(kind, name) for name in names} for kind, names in read.items()
    }
    views = {kind: Names(kind, values, model.name) for kind, values in placeholders.items()}
    distribution = distribution_of(response, **views)
    return distribution, placeholders


def response_latents(model: Model, response: Response, equations: Equations) -> list[str]:
    """Names a response may read from `latent`: summaries for participants, else latents."""
    if response.table == "participants":
        return [summary.name for summary in model.summaries]
    return list(equations.latents)


def response_data_names(model: Model, response: Response) -> list[str]:
    """Names a response may read from `data`: columns of its table and of those it can join."""
    visible = {
        "trials": ("trials", "participants"),
        "participants": ("participants",),
        "regions": ("regions", "trials", "participants"),
    }[response.table]
    names = [c.name for c in model.columns if c.table in visible]
    responses = [r.name for r in model.observables if r.table in visible and r.table != "regions"]
    return names + responses


@dataclass(frozen=True)
class Needs:
    """What a response's distribution depends on.

    ``latents``, ``direct_parameters`` and ``direct_data`` are read by the response's own
    function; ``row_data`` must be observed on a row for the row to be scored; ``parameters``
    and ``all_data`` also count what reaches it through the states of earlier trials.
    """

    latents: frozenset[str]
    direct_parameters: frozenset[str]
    direct_data: frozenset[str]
    parameters: frozenset[str]
    row_data: frozenset[str]
    all_data: frozenset[str]


def response_needs(model: Model, response: Response, equations: Equations) -> Needs:
    """Read from the graphs what `response` depends on."""
    distribution, placeholders = trace_response(model, response, equations)
    upstream = set(ancestors([distribution]))
    direct = {
        kind: {name for name, scalar in scalars.items() if scalar in upstream}
        for kind, scalars in placeholders.items()
    }
    latents, summaries = direct["latent"], {s.name: s for s in model.summaries}
    row_data, outputs = set(direct["data"]), []
    for name in latents:
        if name in summaries:
            outputs += list(equations.next_states.values())
        else:
            row_data |= equations.needs(equations.latents[name])
            outputs.append(equations.latents[name])
    reached = _through_states(equations, outputs)
    started = {s.start for s in model.states if isinstance(s.start, str)} if latents else set()
    return Needs(
        frozenset(latents),
        frozenset(direct["parameters"]),
        frozenset(direct["data"]),
        frozenset(direct["parameters"] | reached["parameters"] | started),
        frozenset(row_data),
        frozenset(row_data | reached["data"]),
    )


def _through_states(equations: Equations, outputs: list[Variable]) -> dict[str, set[str]]:
    upstream = set(ancestors(outputs))
    if any(scalar in upstream for scalar in equations.states.values()):
        upstream |= set(ancestors(list(equations.next_states.values())))
    return {
        kind: {name for name, scalar in getattr(equations, kind).items() if scalar in upstream}
        for kind in ("parameters", "data")
    }


def check_declaration(model: Model) -> Model:
    """Return the model if its equations use exactly what it declares; raise otherwise.

    Raises
    ------
    ValueError
        A declared parameter or column is used by no equation, a latent of a response depends
        on that response's own value on the same trial, or `latents` documents other names.
    """
    equations = read_equations(model)
    problems = []
    parameters, data = set(equations.parameters), set(equations.data)
    for response in model.responses:
        needs = response_needs(model, response, equations)
        parameters |= needs.parameters
        data |= needs.all_data
        if response.name in needs.row_data:
            problems.append(
                f"response '{response.name}' depends on its own value on the same trial; only "
                "next states may read it"
            )
    for column in (model.column(state.over) for state in model.states if state.over):
        labels = column.levels
        if not column.is_label and labels is not None and [*labels] != [*range(len(labels))]:
            problems.append(
                f"a state is over '{column.name}', whose levels {labels} are numbers but not the "
                f'positions 0 to {len(labels) - 1} that pick and put count by (levels="any" '
                "makes labels of them)"
            )
    parameters |= {s.start for s in model.states if isinstance(s.start, str)}
    data |= {p.by for p in model.parameters if p.by} | {s.over for s in model.states if s.over}
    data |= {p.level for p in model.parameters if p.level not in ("participant", "population")}
    data |= {c.name for c in model.columns if any(c.name in f for f in model.covariates.values())}
    dropped = any(verb in ("without", "pool") for verb, _ in model.variant)
    for kind, declared, used in (
        ("parameter", [p.name for p in model.parameters], parameters),
        ("column", [c.name for c in model.columns if c.default is None], data),
    ):
        unused = [name for name in declared if name not in used]
        if unused and not dropped:
            problems.append(f"{kind} {listed(unused)} is declared but no equation uses it")
    if model.step is not None and set(model.latents) != set(equations.latents):
        problems.append(
            f"`latents` documents {listed(model.latents)} but `step` returns "
            f"{listed(equations.latents)}"
        )
    if problems:
        raise ValueError(
            f"The declaration of model '{model.name}' must match its equations. Found: "
            + "; ".join(problems)
            + ". Correct the declaration or the equations."
        )
    return model


# ---------------------------------------------------------------------------- identity


def fingerprint(model: Model) -> str:
    """Return a hash of the model's equations and declarations, not of its text.

    Docstrings, comments and the names of local variables do not enter; an operation, a
    constant, a prior, a range, a start value or a fixed value does.
    """
    fixed = [(p.name, p.fixed) for p in model.parameters if p.fixed is not None]
    return _hash([program_fingerprint(model), repr(fixed)])


def program_fingerprint(model: Model) -> str:
    """Return the `fingerprint` without fixed values, which are data to a compiled program."""
    equations = read_equations(model)
    parts = [
        _graph_text([*equations.next_states.values(), *equations.latents.values()]),
        repr([(k, list(getattr(equations, k))) for k in ("next_states", "latents")]),
        repr([(s.name, s.start, s.over) for s in model.states]),
        repr([(s.name, s.of, s.kind) for s in model.summaries]),
        repr([(c.name, c.table, c.levels, c.range, c.default, c.follows) for c in model.columns]),
        repr((model.sequence, model.correlate, sorted(model.covariates.items()))),
    ]
    for parameter in model.parameters:
        fields = (parameter.name, parameter.support, parameter.by, parameter.level)
        scale: tuple[Any, ...] = (parameter.scale_of, parameter.role if parameter.scale_of else "")
        if parameter.scale_of in {response.name for response in model.left_out}:
            scale += scale_of(model, parameter)
        priors = [p and repr(p.to_dict()) for p in (parameter.location, parameter.spread)]
        parts.append(repr((*fields, *scale, *priors)))
    for response in model.responses:
        distribution, _ = trace_response(model, response, equations)
        place = (response.table, response.values.name, response.range, response.levels)
        parts.append(repr((response.name, *place, response.region)) + _graph_text([distribution]))
        parts += _own_density(distribution)
    return _hash(parts)


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _own_density(distribution: Variable) -> Iterator[str]:
    """Yield the log-density of a distribution that is not PyMC's, whose name would not do."""
    kind = type(distribution.owner.op) if distribution.owner else type(None)
    home = sys.modules.get(kind.__module__)
    is_known = kind.__module__.split(".")[0] in ("pymc", "pytensor", "pymc_extras")
    if not is_known or getattr(home, kind.__name__, None) is not kind:
        yield _graph_text([pm.logp(distribution, distribution.type("value"))])


def _graph_text(outputs: Iterable[Variable]) -> str:
    outputs = list(outputs)
    names: dict[Variable, str] = {}
    lines: list[str] = []
    for node in toposort(outputs):
        inputs = [names.setdefault(v, _leaf_text(v)) for v in node.inputs]
        for position, output in enumerate(node.outputs):
            names[output] = f"{len(lines)}.{position}"
        lines.append(f"{_op_text(node.op)}({','.join(inputs)})")
    lines.append(";".join(names.get(output) or _leaf_text(output) for output in outputs))
    return "\n".join(lines)


def _leaf_text(variable: Variable) -> str:
    if isinstance(variable, Constant):
        value = np.asarray(variable.data)
        return f"{value.dtype}:{value.tolist()}"
    return variable.name or str(variable.type)


def _op_text(op: Any) -> str:
    inner = getattr(op, "fgraph", None)
    text = "|".join(str(part) for part in _op_parts(op))
    return text if inner is None else f"{text}{{{_graph_text(inner.outputs)}}}"


def _op_parts(op: Any) -> Iterator[str]:
    yield type(op).__name__
    if isinstance(op, Elemwise):
        yield _op_text(op.scalar_op)
    else:
        for name in getattr(op, "__props__", ()):
            value = getattr(op, name)
            if isinstance(value, Op):
                yield f"{name}={_op_text(value)}"
            elif isinstance(value, str | int | float | bool | tuple | type(None)):
                yield f"{name}={value}"
