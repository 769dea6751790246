"""The author's equations, read once on symbolic scalars.

`read_equations` calls a model's ``step`` on named PyTensor scalars and returns the graph of
one trial: next states and latents. Which data a state's update or a latent needs is read from
that graph, never declared.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.graph.op import Op
from pytensor.graph.replace import vectorize_graph
from pytensor.graph.traversal import ancestors, toposort
from pytensor.tensor.elemwise import Elemwise

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import State, Summary
from empathymodels.declaration.symbols import equality_refused
from empathymodels.messages import did_you_mean, listed

LATER, SUM = "later:", "sum:"  # how names begin of latents after the update, and of hidden states
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


@dataclass(frozen=True)
class Equations:
    """The graph of one trial.

    States over K levels appear as K scalars ``name[0]``, ``name[1]``, ...; summaries that
    average a latent appear as further states (their running sums). ``later`` are the latents as
    they are once the trial has updated the states, if a response reads them so (`Response.timing`).
    """

    states: dict[str, Variable]
    parameters: dict[str, Variable]
    data: dict[str, Variable]
    next_states: dict[str, Variable]
    latents: dict[str, Variable]
    later: dict[str, Variable] = field(default_factory=dict)

    @property
    def readable(self) -> dict[str, Variable]:
        """What responses may read: latents, and under `later_name` as they are later."""
        return self.latents | {later_name(name): v for name, v in self.later.items()}

    def needs(self, output: Variable) -> frozenset[str]:
        """Names of the data columns that `output` needs on its own trial."""
        upstream = set(ancestors([output]))
        return frozenset(name for name, scalar in self.data.items() if scalar in upstream)

    def reached_by(self, outputs: Iterable[Variable]) -> dict[str, set[str]]:
        """Names of the parameters and data that reach `outputs`, from earlier trials too."""
        upstream = set(ancestors(list(outputs)))
        if any(scalar in upstream for scalar in self.states.values()):
            upstream |= set(ancestors(list(self.next_states.values())))
        return {
            kind: {name for name, scalar in scalars.items() if scalar in upstream}
            for kind, scalars in (("parameters", self.parameters), ("data", self.data))
        }


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
    parameters = {p.name: symbol("parameters", p.name) for p in model.parameters}
    data = {name: symbol("data", name) for name in trial_data_names(model)}
    states = {n: symbol("state", n) for s in model.states for n in scalar_names(s, sizes)}
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
            f"returned: {listed(next_view)}. Return these, or correct `states`."
        )
    next_states = _flattened(model, next_view, sizes)
    latents = {name: _number(model, name, value) for name, value in latents.items()}
    # a latent often has the name of a state, so the two are never merged by name
    _refuse_array_operations(model, next_states)
    _refuse_array_operations(model, latents)
    later = {}
    if any(response.timing == "after" for response in model.observables):
        later = with_states(latents, states, next_states)
    _add_sums(model, states, next_states, latents)
    reached = set(ancestors([*next_states.values(), *latents.values(), *later.values()]))
    parameters = {name: scalar for name, scalar in parameters.items() if scalar in reached}
    data = {name: scalar for name, scalar in data.items() if scalar in reached}
    return Equations(states, parameters, data, next_states, latents, later)


def with_states(
    latents: Mapping[str, Variable], states: Mapping[str, Variable], others: Mapping[str, Variable]
) -> dict[str, Variable]:
    """Return latents as the equations give them with other states, of the same names."""
    changed = {states[name]: other.astype("float64") for name, other in others.items()}
    if not (latents and changed):
        return dict(latents)
    return dict(zip(latents, vectorize_graph(list(latents.values()), changed), strict=True))


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
        with equality_refused():
            return model.step(*views)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise TypeError(f"{_SYMBOLS.format(model=model.name)} {stopped(error)}") from error


def stopped(error: Exception) -> str:
    """Say where a function of the author's stopped that was called one frame above."""
    frames = traceback.extract_tb(error.__traceback__)
    if len(frames) == 1:
        return f"It cannot be called with what it is given: {error}."
    place = frames[1]
    return (
        f"It stopped in line {place.lineno} of {Path(place.filename).name}, `{place.line}`: {error}"
    )


def symbol(kind: str, name: str) -> Variable:
    """Symbolic scalar under the name by which the equations read it, ``state.value``."""
    return pt.dscalar(f"{kind}.{name}")


def _declared_size(model: Model, state: State) -> int:
    levels = model.column(str(state.over)).levels
    return len(levels) if isinstance(levels, tuple) else 2


def _add_sums(
    model: Model,
    states: dict[str, Variable],
    next_states: dict[str, Variable],
    latents: Mapping[str, Variable],
) -> None:
    """Add a hidden state for every summary that averages a latent; refuse what cannot be summed."""
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
            states[hidden] = symbol("state", hidden)
            if summary.of not in latents:
                raise ValueError(
                    f"Summary '{summary.name}' of model '{model.name}' averages '{summary.of}', "
                    f"which `step` does not return. Latents: {listed(latents)}. Return it among "
                    "them, or name one of them." + did_you_mean(summary.of, latents)
                )
            next_states[hidden] = states[hidden] + ACCUMULATED[summary.kind](latents[summary.of])


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
        reached = equations.reached_by(outputs)
        return reached["parameters"] <= known["parameters"] and reached["data"] <= known["data"]

    started = {state.start for state in model.states if isinstance(state.start, str)}
    carried = started <= known["parameters"] and given(equations.next_states.values())
    scalars = set(equations.states.values())
    latents, later = (
        {
            name: output
            for name, output in outputs.items()
            if given([output]) and (carried or scalars.isdisjoint(ancestors([output])))
        }
        for outputs in (equations.latents, equations.later)
    )
    next_states = equations.next_states if carried else {}
    reached = set(ancestors([*next_states.values(), *latents.values(), *later.values()]))
    return Equations(
        equations.states if carried else {},
        {name: scalar for name, scalar in equations.parameters.items() if scalar in reached},
        {name: scalar for name, scalar in equations.data.items() if scalar in reached},
        next_states,
        latents,
        later,
    )


def later_name(latent: str) -> str:
    """Name of a latent as it is once the trial has updated the states."""
    return LATER + latent


def latent_name(name: str) -> str:
    """Name under which a response's function reads what `Equations.readable` has."""
    return name.removeprefix(LATER)


def sum_name(summary: Summary) -> str:
    """Name of the hidden state that adds up a latent over trials."""
    return SUM + summary.name


def is_sum(name: str) -> bool:
    """Whether a state is a hidden one that adds up a latent."""
    return name.startswith(SUM)


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
