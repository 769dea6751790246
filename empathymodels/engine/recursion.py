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
from functools import cache
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.cache import compile_numba_function_src
from pytensor.link.numba.dispatch.basic import (
    numba_funcify_and_cache_key,
    numba_funcify_ensure_cache,
    numba_njit,
    register_funcify_and_cache_key,
)
from pytensor.scalar.basic import Composite

from empathymodels.engine.cell import Cell
from empathymodels.engine.loop_source import backward_source, forward_source


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
        return forward_source(op.cell), op.cell.step
    return backward_source(op.cell, op.connected), op.cell.adjoint
