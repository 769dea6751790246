"""The trial engine: one trial's equations, compiled into loops over trials and back.

Rows of all sequences lie flat in *engine order*: trials outermost, sequences innermost, the
longest sequence first. Trial ``t`` of the ``n_t`` sequences that are that long occupies rows
``offsets[t] .. offsets[t] + n_t``; nothing is padded, and each sequence is looped only to its
own length. A forward loop returns every latent and the states it met; a backward loop applies
the adjoint of one trial, which PyTensor derives symbolically from the same graph.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Constant, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.op import Op
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.graph.traversal import toposort
from pytensor.link.numba.cache import compile_numba_function_src
from pytensor.link.numba.dispatch.basic import (
    numba_funcify_and_cache_key,
    numba_funcify_ensure_cache,
    numba_njit,
    register_funcify_and_cache_key,
)
from pytensor.scalar.basic import Composite, ScalarVariable, float64, identity
from pytensor.tensor.elemwise import Elemwise

from empathymodels.compiling import compiling
from empathymodels.equations import Equations


@dataclass(frozen=True)
class Layout:
    """How rows of a table become sequences of trials.

    Attributes
    ----------
    order : ndarray (row,) of int
        Row of the table at each place in engine order.
    sequence : ndarray (row,) of int
        Sequence (longest first) at each place in engine order.
    offsets : ndarray (trial + 1,) of int
        First place of every trial; the last entry is the number of rows.
    first_rows : ndarray (sequence,) of int
        A table row of every sequence, to look up its participant and labels.
    """

    order: np.ndarray
    sequence: np.ndarray
    offsets: np.ndarray
    first_rows: np.ndarray


def lay_out(sequence_codes: np.ndarray) -> Layout:
    """Arrange rows, given the sequence of each row and rows in time order within sequences.

    Examples
    --------
    >>> lay_out(np.array([0, 0, 1, 1, 1])).order
    array([2, 0, 3, 1, 4])
    """
    _, codes, lengths = np.unique(sequence_codes, return_inverse=True, return_counts=True)
    rank = np.empty(len(lengths), dtype=np.int64)
    rank[np.argsort(-lengths, kind="stable")] = np.arange(len(lengths))
    sequence = rank[codes]
    by_sequence = np.argsort(sequence, kind="stable")
    sorted_lengths = np.sort(lengths)[::-1]
    starts = np.concatenate([[0], np.cumsum(sorted_lengths)])
    trial = np.empty(len(codes), dtype=np.int64)
    trial[by_sequence] = np.arange(len(codes)) - np.repeat(starts[:-1], sorted_lengths)
    order = np.lexsort((sequence, trial))
    counts = np.bincount(trial, minlength=1)  # also without rows there is a first trial
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Layout(order, sequence[order], offsets, by_sequence[starts[:-1]])


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
        The latents to return.
    """
    states, parameters = list(equations.states.values()), list(equations.parameters.values())
    data = list(equations.data.values())
    outputs = [*equations.next_states.values(), *(equations.latents[name] for name in latents)]
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


def _vector(size: int | None) -> Variable:
    return pt.tensor(dtype="float64", shape=(size,))


class Recursion(Op):
    """Run one trial's equations over all trials of all sequences.

    Inputs: start of each state (sequence,), each parameter (sequence,) or (row,), each data
    column (row,), offsets (trial + 1,). Outputs: each state before the trial (row,), each
    latent (row,), each state after the last trial (sequence,). Rows in engine order.
    """

    __props__ = ("cell",)

    def __init__(self, cell: Cell):
        self.cell = cell

    def make_node(self, *inputs: Any) -> Apply:
        arrays = [pt.as_tensor(v, dtype="float64") for v in inputs[:-1]]
        cell, sizes = self.cell, [array.type.shape[0] for array in arrays]
        by_row = [k for k, varies in enumerate(cell.varying, cell.n_states) if varies]
        by_row += range(cell.n_states + cell.n_parameters, len(arrays))
        rows = next((sizes[k] for k in by_row if sizes[k] is not None), None)
        outputs = [_vector(rows) for _ in range(cell.n_states + cell.n_latents)]
        outputs += [_vector(size) for size in sizes[: cell.n_states]]
        return Apply(self, [*arrays, pt.as_tensor(inputs[-1], dtype="int64")], outputs)

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        cell = self.cell
        start = (shapes[0][0],) if cell.n_states else ()
        row = (node.inputs[-1][-1],)
        return [row] * (cell.n_states + cell.n_latents) + [start] * cell.n_states

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        results = _callable(self)(*inputs)
        for storage, result in zip(output_storage, results, strict=True):
            storage[0] = result

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        differentiable = self.cell.n_states + self.cell.n_parameters
        n_outputs = len(node.outputs)
        return [[i < differentiable] * n_outputs for i in range(len(node.inputs))]

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        cell = self.cell
        connected = tuple(not isinstance(c.type, DisconnectedType) for c in cotangents)
        given = [c for c, kept in zip(cotangents, connected, strict=True) if kept]
        histories = outputs[: cell.n_states]
        gradients = RecursionAdjoint(cell, connected)(*histories, *inputs[cell.n_states :], *given)
        gradients = gradients if isinstance(gradients, list) else [gradients]
        return [*gradients, *(disconnected_type() for _ in range(cell.n_data + 1))]


class RecursionAdjoint(Op):
    """Vector-Jacobian product of `Recursion`: one backward loop over trials.

    Inputs: states before each trial (row,), parameters, data, offsets, then the cotangents of
    those outputs of `Recursion` that are `connected`. Outputs: gradients with respect to the
    start of each state (sequence,) and each parameter (its own shape).
    """

    __props__ = ("cell", "connected")

    def __init__(self, cell: Cell, connected: tuple[bool, ...]):
        self.cell, self.connected = cell, connected

    def make_node(self, *inputs: Variable) -> Apply:
        cell = self.cell
        parameters = inputs[cell.n_states : cell.n_states + cell.n_parameters]
        outputs = [_vector(None) for _ in range(cell.n_states)]
        outputs += [_vector(variable.type.shape[0]) for variable in parameters]
        return Apply(self, list(inputs), outputs)

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        cell = self.cell
        offsets = node.inputs[cell.n_states + cell.n_parameters + cell.n_data]
        parameters = shapes[cell.n_states : cell.n_states + cell.n_parameters]
        return [(offsets[1],)] * cell.n_states + [tuple(shape) for shape in parameters]

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        results = _callable(self)(*inputs)
        for storage, result in zip(output_storage, results, strict=True):
            storage[0] = result


@cache
def _callable(op: Recursion | RecursionAdjoint) -> Any:
    """Compile the loop to a Python function (for linkers other than numba)."""
    source, scalar_op = _source(op)
    function, _ = numba_funcify_and_cache_key(scalar_op, _apply(scalar_op))
    loop = compile_numba_function_src(source, "loop", {"np": np, "cell": function})
    return numba_njit(loop, final_function=True)


def _apply(scalar_op: Composite) -> Apply:
    return scalar_op.make_node(*(variable.type() for variable in scalar_op.inputs))


@register_funcify_and_cache_key(Recursion)
@register_funcify_and_cache_key(RecursionAdjoint)
def funcify_recursion(op: Recursion | RecursionAdjoint, node: Any = None, **kwargs: Any) -> Any:
    """Give PyTensor's numba linker the loop and a key made of its text and its equations."""
    source, scalar_op = _source(op)
    function, cell_key = numba_funcify_ensure_cache(scalar_op, node=_apply(scalar_op))
    loop = compile_numba_function_src(source, "loop", {"np": np, "cell": function})
    if cell_key is None:
        return numba_njit(loop), None
    key = hashlib.sha256(f"{type(op).__name__}\n{source}\n{cell_key}".encode()).hexdigest()
    return numba_njit(loop), key


def _source(op: Recursion | RecursionAdjoint) -> tuple[str, Composite]:
    if isinstance(op, Recursion):
        return _forward_source(op.cell), op.cell.step
    return _backward_source(op.cell, op.connected), op.cell.adjoint


def _names(prefix: str, number: int) -> list[str]:
    return [f"{prefix}{i}" for i in range(number)]


def _reads(cell: Cell) -> list[str]:
    """Expressions of parameters and data on row ``r`` of sequence ``s``."""
    parameters = [f"p{i}[{'r' if v else 's'}]" for i, v in enumerate(cell.varying)]
    return parameters + [f"{name}[r]" for name in _names("d", cell.n_data)]


def _assigned(names: list[str], call: str) -> str:
    return f"{', '.join(names)} = {call}" if names else "pass"


def _forward_source(cell: Cell) -> str:
    states, latents = _names("x", cell.n_states), _names("l", cell.n_latents)
    starts, histories = _names("start", cell.n_states), _names("h", cell.n_states)
    inputs = [*starts, *_names("p", cell.n_parameters), *_names("d", cell.n_data), "offsets"]
    step = f"cell({', '.join([f'{x}[s]' for x in states] + _reads(cell))})"
    results = [f"next_{x}" for x in states] + [f"value_{name}" for name in latents]
    lines = [f"def loop({', '.join(inputs)}):"]
    lines += [f"    {x} = {start}.copy()" for x, start in zip(states, starts, strict=True)]
    lines += [f"    {name} = np.empty(offsets[-1])" for name in histories + latents]
    lines += [
        "    for t in range(len(offsets) - 1):",
        "        first = offsets[t]",
        "        for s in range(offsets[t + 1] - first):",
        "            r = first + s",
    ]
    lines += [f"            {h}[r] = {x}[s]" for h, x in zip(histories, states, strict=True)]
    lines += [f"            {_assigned(results, step)}"]
    lines += [f"            {x}[s] = next_{x}" for x in states]
    lines += [f"            {name}[r] = value_{name}" for name in latents]
    lines += [f"    return {', '.join([*histories, *latents, *states])},"]
    return "\n".join(lines)


def _backward_source(cell: Cell, connected: tuple[bool, ...]) -> str:
    states, parameters = _names("x", cell.n_states), _names("p", cell.n_parameters)
    histories, latents = _names("h", cell.n_states), _names("l", cell.n_latents)
    finals = [f"final_{x}" for x in states]
    outputs = [*histories, *latents, *finals]
    given = {name for name, kept in zip(outputs, connected, strict=True) if kept}
    inputs = [*histories, *parameters, *_names("d", cell.n_data), "offsets"]
    inputs += [f"c_{name}" for name in outputs if name in given]
    cotangents = [f"a_{x}[s]" for x in states]
    cotangents += [f"c_{name}[r]" if name in given else "0.0" for name in latents]
    arguments = [f"{h}[r]" for h in histories] + _reads(cell) + cotangents
    results = [f"g_{name}" for name in states + parameters]
    lines = [f"def loop({', '.join(inputs)}):"]
    for x, final in zip(states, finals, strict=True):
        begin = f"c_{final}.copy()" if final in given else "np.zeros(offsets[1])"
        lines.append(f"    a_{x} = {begin}")
    lines += [f"    b_{p} = np.zeros(len({p}))" for p in parameters]
    lines += [
        "    for t in range(len(offsets) - 2, -1, -1):",
        "        first = offsets[t]",
        "        for s in range(offsets[t + 1] - first):",
        "            r = first + s",
        f"            {_assigned(results, f'cell({", ".join(arguments)})')}",
    ]
    for h, x in zip(histories, states, strict=True):
        extra = f" + c_{h}[r]" if h in given else ""
        lines.append(f"            a_{x}[s] = g_{x}{extra}")
    for p, varies in zip(parameters, cell.varying, strict=True):
        lines.append(f"            b_{p}[{'r' if varies else 's'}] += g_{p}")
    returned = [f"a_{x}" for x in states] + [f"b_{p}" for p in parameters]
    lines += [f"    return {', '.join(returned)},"]
    return "\n".join(lines)
