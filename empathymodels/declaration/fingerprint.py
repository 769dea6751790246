"""Fingerprints: which equations and declarations a model has, whatever its text."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor
from pymc.distributions.distribution import SymbolicRandomVariable
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.op import Op
from pytensor.graph.traversal import ancestors, toposort
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.random.op import RandomVariable

from empathymodels.declaration.dependencies import trace_response
from empathymodels.declaration.equations import read_equations
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import PARTS
from empathymodels.declaration.response_scale import scale_of


def fingerprint(model: Model) -> str:
    """Return a hash of the model's equations and declarations, not of its text.

    Docstrings, comments and the names of local variables do not enter; an operation, a
    constant, a prior, a range, a start value, a fixed value, or one that is held where a study
    lacks something does.
    """
    fixed = [(p.name, p.fixed) for p in model.parameters if p.fixed is not None]
    weights = [(p.name, p.weighs, p.if_absent) for p in model.parameters if p.weighs is not None]
    regions = {response.name: response.region for response in model.responses}
    return _hash([_program(model, regions), repr((fixed, weights, model.anchors))])


def program_fingerprint(model: Model) -> str:
    """Return the `fingerprint` without what is data to a compiled program.

    These are fixed values, and of which region a response is.
    """
    return _program(model, {})


# numbers as wide as they are written, whatever the precision in which they are computed
@pytensor.config.change_flags(cast_policy="custom")
def _program(model: Model, regions: Mapping[str, str | None]) -> str:
    """Return a hash of the equations and declarations of a program for responses of regions."""
    equations = read_equations(model)
    parts = [
        graph_text([*equations.next_states.values(), *equations.latents.values()]),
        repr([(k, list(getattr(equations, k))) for k in ("next_states", "latents")]),
        repr([(s.name, s.start, s.over) for s in model.states]),
        repr([(s.name, s.of, s.kind) for s in model.summaries]),
        repr([(c.name, c.table, c.levels, c.range, c.default, c.follows) for c in model.columns]),
        repr((model.sequence, model.correlate, sorted(model.covariates.items()))),
        *([] if model.population == "normal" else [model.population]),
    ]
    for parameter in model.parameters:
        fields = (parameter.name, parameter.support, parameter.by, parameter.level)
        scale: tuple[Any, ...] = (parameter.scale_of, parameter.role if parameter.scale_of else "")
        if parameter.scale_of in {response.name for response in model.left_out}:
            scale += scale_of(model, parameter)
        declared = map(parameter.priors.get, PARTS)
        priors = [prior and repr(prior.to_dict()) for prior in declared]
        parts.append(repr((*fields, *scale, *priors)))
    for response in model.responses:
        distribution, _ = trace_response(model, response, equations)
        place = (response.table, response.values.name, response.range, response.levels)
        if response.range is not None:
            parts.append(repr(response.resolution))
        if response.timing == "after":
            parts.append("after" + graph_text(list(equations.later.values())))
        read = (response.name, *place, regions.get(response.name))
        parts.append(repr(read) + graph_text([distribution]))
        parts += own_density(distribution)
    return _hash(parts)


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def own_density(distribution: Variable) -> Iterator[str]:
    """Yield the log-density of a distribution not wholly of PyMC's, whose names would not do."""
    made = {v.owner.op for v in ancestors([distribution]) if v.owner}
    random = [op for op in made if isinstance(op, RandomVariable | SymbolicRandomVariable)]
    if not all(map(_is_known, random)):
        yield graph_text([pm.logp(distribution, distribution.type("value"))])


def _is_known(op: Op) -> bool:
    """Whether a distribution is PyMC's, under the name that it has there."""
    kind = type(op)
    is_theirs = kind.__module__.split(".")[0] in ("pymc", "pytensor", "pymc_extras")
    return is_theirs and getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind


def graph_text(outputs: Iterable[Variable]) -> str:
    """Write down how outputs are computed: operations, constants, and names of what is given."""
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
    return text if inner is None else f"{text}{{{graph_text(inner.outputs)}}}"


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
