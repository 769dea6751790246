"""One trial's equations and their adjoint as compiled scalar functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.graph.traversal import toposort
from pytensor.scalar.basic import Composite, ScalarVariable, float64, identity
from pytensor.tensor.elemwise import Elemwise

from empathymodels.compiling import compiling
from empathymodels.declaration.equations import Equations


@dataclass(frozen=True)
class Cell:
    """One trial as scalar functions: the forward step and its adjoint.

    ``varying`` says for each parameter whether it has a value per row (or per sequence).
    ``carried`` are the outputs: next states first, then latents. An output that merely passes
    an input on is marked by that input's position.
    """

    n_states: int
    varying: tuple[bool, ...]
    n_data: int
    n_latents: int
    step: Composite
    adjoint: Composite

    @property
    def n_parameters(self) -> int:
        return len(self.varying)


def make_cell(equations: Equations, varying: Sequence[bool], latents: Sequence[str]) -> Cell:
    """Compile-ready functions of one trial, from the graph of its equations.

    Parameters
    ----------
    equations : Equations
        Graph of one trial.
    varying : sequence of bool
        For each entry of ``equations.parameters``: whether it changes from row to row.
    latents : sequence of str
        The latents to return, of `Equations.readable`.
    """
    states, parameters = list(equations.states.values()), list(equations.parameters.values())
    data = list(equations.data.values())
    readable = equations.readable
    outputs = [*equations.next_states.values(), *(readable[name] for name in latents)]
    inputs = [*states, *parameters, *data]
    cotangents = [pt.dscalar(f"cotangent_{i}") for i in range(len(outputs))]
    total = pt.add(*(c * o for c, o in zip(cotangents, outputs, strict=True)), 0.0)
    gradients = pt.grad(total, [*states, *parameters], disconnected_inputs="ignore")
    return Cell(
        len(states),
        tuple(varying),
        len(data),
        len(latents),
        _scalar_function(inputs, outputs),
        _scalar_function([*inputs, *cotangents], gradients),
    )


def _scalar_function(inputs: list[Variable], outputs: list[Variable]) -> Composite:
    """Fuse a graph of 0-d element-wise operations into one scalar Op."""
    graph = FunctionGraph(inputs, outputs, clone=True)
    with compiling():
        rewrite_graph(graph, include=("canonicalize", "stabilize", "specialize"), clone=False)
    scalars: dict[Variable, ScalarVariable] = {v: float64(v.name) for v in graph.inputs}

    def scalar(variable: Variable) -> Any:
        if variable not in scalars and isinstance(variable, Constant):
            return pytensor.scalar.constant(variable.data.item(), dtype=variable.dtype)
        return scalars[variable]

    for node in toposort(graph.outputs, blockers=graph.inputs):
        if not isinstance(node.op, Elemwise):
            raise ValueError(
                "Equations must reduce to element-wise operations on scalars; found "
                f"`{node.op}`. Write the trial with scalar expressions only."
            )
        made = node.op.scalar_op.make_node(*(scalar(v) for v in node.inputs))
        scalars.update(zip(node.outputs, made.outputs, strict=True))
    # identity() gives every output its own node, also where it is an input or a constant
    results = [identity(pytensor.scalar.cast(scalar(v), "float64")) for v in graph.outputs]
    return Composite([scalars[v] for v in graph.inputs], results)
