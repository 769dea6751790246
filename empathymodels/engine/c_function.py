"""The density that the sampler calls: compiled once per machine, then read from a disk cache.

Its C functions (see `c_source`) lie in the folder where PyTensor keeps what it compiles (see
`function_cache`), and beside them an outline of the rest: a program that was compiled before needs
no graph any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
from nutpie import compile_pymc
from nutpie.compile_pymc import _UNCONSTRAINED_PARAMETER as UNCONSTRAINED
from pytensor.link.numba import cache

from empathymodels.compiling import numba_mode
from empathymodels.engine.c_source import (
    FORMS,
    Outline,
    Read,
    compiled_source,
    conditions,
    identity,
    source_of,
)
from empathymodels.engine.function_cache import (
    is_sound,
    keep_text,
    kept_text,
    remove_unreadable,
)
from empathymodels.engine.linear_map import NO_STEPS, VECTORS
from empathymodels.engine.pieces import as_piece, linked_in_pieces
from empathymodels.terminal import tell


def compiled_model(
    make: Callable[[], pm.Model], *, program: str = "", data: Mapping[str, np.ndarray] | None = None
) -> compile_pymc.CompiledPyMCModel:
    """Compile a model as ``nutpie.compile_pymc_model`` does, or find it compiled.

    Where compiled functions cannot be kept, they are compiled for this process alone: the numbers
    are the same.

    Parameters
    ----------
    make : callable
        Returns the model, whose data are vectors. Not called where it is found by its program.
    program : str, optional
        Identity of all that is compiled, by which it is found before any graph is made.
    data : dict of str to ndarray, optional
        The data, by name; to be given with `program`.

    Returns
    -------
    nutpie model
        The sampler must be given starts.
    """
    fault = ""
    if pytensor.config.numba__cache:
        key = program and identity(program, conditions())
        with suppress(Exception):  # reading a damaged entry raises whatever it meets
            if key and (found := _recalled_model(key, data or {})):
                return found
        try:
            return _kept_model(make(), key)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
        with suppress(OSError):
            remove_unreadable()
    with pytensor.config.change_flags(numba__cache=False):
        compiled = _kept_model(make(), "")
    if fault:
        tell(
            "The density was compiled for this process alone: it could neither be read from "
            f"{cache.NUMBA_CACHE_PATH} nor kept there ({fault}). What is damaged there was removed."
        )
    return compiled


class Vector(NamedTuple):
    """A vector of data, as nutpie asks for it."""

    name: str
    ndim: int = 1


def _recalled_model(
    key: str, data: Mapping[str, np.ndarray]
) -> compile_pymc.CompiledPyMCModel | None:
    """A model whose program was compiled before; None where that, or a part of it, is not kept."""
    text = kept_text(key)
    if text is None:
        return None
    outline = Outline.of(text)
    sources = [source_of(form, outline) for form in FORMS]
    if not all(source.key and is_sound(source.key) for source in sources):
        return None
    functions = [compiled_source(source) for source in sources]
    given = [_unchanging(data[name]) for name in outline.vectors[: -len(VECTORS)]]
    return _assembled(outline, functions, given)


def _kept_model(model: pm.Model, key: str) -> compile_pymc.CompiledPyMCModel:
    """Make the graphs of a model, and compile them or find them compiled."""
    _, _, *graphs, _, (names, _, shapes), transformed = compile_pymc._make_functions(
        model,
        mode=numba_mode(),
        compute_grad=True,
        join_expanded=True,
        pymc_initial_point_fn=model.initial_point,
    )
    vectors = list(dict.fromkeys(vector for graph in graphs for vector in graph.get_shared()))
    data = [_unchanging(vector.get_value()) for vector in vectors]
    reads = {
        form.name: Read(
            cache.CACHED_SRC_FUNCTIONS.get(graph.vm.jit_fn.py_func),
            {str(vectors.index(v)): str(v.type.dtype) for v in graph.get_shared()},
        )
        for form, graph in zip(FORMS, graphs, strict=True)
    }
    free, sizes = len(model.free_RVs), [list(map(int, shape)) for shape in shapes]
    read = [*(vector.name for vector in vectors), *VECTORS]
    outline = Outline(free, names, sizes, transformed, read, reads)
    with linked_in_pieces():
        functions = [
            compiled_source(source_of(form, outline), as_piece(graph))
            for form, graph in zip(FORMS, graphs, strict=True)
        ]
    if key:
        keep_text(key, outline.text)
    found = _assembled(outline, functions, data)
    return replace(found, logp_func=graphs[0], expand_func=graphs[1])


def _assembled(
    outline: Outline, functions: Sequence[Any], data: Sequence[np.ndarray]
) -> compile_pymc.CompiledPyMCModel:
    data = [*data, *map(_unchanging, (NO_STEPS.places.ravel(), NO_STEPS.weights))]
    keys = {Vector(name): str(number) for number, name in enumerate(outline.vectors)}
    vectors = {str(number): vector for number, vector in enumerate(data)}
    shapes, ends = list(map(tuple, outline.shapes)), outline.ends
    slices = list(map(slice, [0, *ends[:-1]], ends))
    return compile_pymc.CompiledPyMCModel(
        _n_dim=outline.sizes["size"],
        dims={},
        _coords={UNCONSTRAINED: _labels(outline)},
        _shapes=dict(zip(outline.names, shapes, strict=True)),
        compiled_logp_func=functions[0],
        compiled_expand_func=functions[1],
        initial_point_func=None,
        shared_data=vectors,
        shared_var_keys=keys,
        user_data=compile_pymc.make_user_data(keys, vectors),
        n_expanded=outline.sizes["expanded"],
        shape_info=(outline.names, slices, shapes),
        logp_func=None,
        expand_func=None,
        reparameterized_names=outline.transformed,
    )


def _labels(outline: Outline) -> pd.Index:
    """Names of all numbers that are sampled."""
    found = []
    for name, shape in zip(outline.names[: outline.free], outline.shapes, strict=False):
        places = (".".join(map(str, place)) for place in np.ndindex(*shape))
        found += [f"{name}_{place}" if place else name for place in places]
    return pd.Index(found)


def _unchanging(vector: np.ndarray) -> np.ndarray:
    """A copy of a vector that stays at its address with its values."""
    if vector.ndim != 1:
        raise ValueError(
            f"Data of a compiled model must be vectors; found an array of shape {vector.shape}. "
            "Pack the model's data."
        )
    copy = np.array(vector)
    copy.flags.writeable = False
    return copy


# ----------------------------------------------------------------------- calling them


def log_density_at(compiled: Any, point: np.ndarray) -> tuple[float, np.ndarray]:
    """Log-density of a compiled model and its gradient at a point on the sampler's scale.

    Both are NaN where they cannot be computed.
    """
    value, slopes = np.full((), np.nan), np.full(compiled.n_dim, np.nan)
    _call(compiled.compiled_logp_func, [len(point)], [point, slopes, value, compiled.user_data])
    return float(value), slopes


def variables_at(compiled: Any, point: np.ndarray) -> np.ndarray:
    """All variables of a compiled model at a point, behind each other as ``shape_info`` has it."""
    values = np.full(compiled.n_expanded, np.nan)
    sizes = [len(point), compiled.n_expanded]
    _call(compiled.compiled_expand_func, sizes, [point, values, compiled.user_data])
    return values


def _call(function: Any, sizes: Sequence[int], arrays: Sequence[np.ndarray]) -> None:
    types = function.ctypes.argtypes[len(sizes) :]
    kept = [np.ascontiguousarray(arrays[0], dtype=np.float64), *arrays[1:]]
    pointers = [array.ctypes.data_as(kind) for array, kind in zip(kept, types, strict=True)]
    if function.ctypes(*sizes, *pointers) == -1:
        raise ValueError(f"A point must have as many numbers as the model; found {sizes[0]}.")
