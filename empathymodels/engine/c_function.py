"""The C functions that the sampler calls: compiled once per machine, then read from a disk cache.

Nutpie calls a log-density with its gradient, and a function that gives all variables of a draw, by
their addresses. Its own are closures, which numba cannot keep: they would be compiled anew in every
process. Here the same functions are text, under a key that holds all they depend on, and lie in
the folder where PyTensor keeps what it compiles (see `function_cache`).
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import llvmlite
import llvmlite.binding
import numba
import numpy as np
import nutpie
import pymc as pm
import pytensor
import scipy
from nutpie import compile_pymc
from pytensor.link.numba import cache

from empathymodels.engine.function_cache import c_function, remove_unreadable
from empathymodels.terminal import tell
from empathymodels.version import __version__

PACKAGES = (llvmlite, numba, np, nutpie, pytensor, scipy)
NUMBA_FLAGS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "CPU_NAME", "CPU_FEATURES")

SIZE, NUMBERS = numba.types.uint64, numba.types.CPointer(numba.types.float64)
ADDRESSES = numba.types.CPointer(numba.types.uint64)


class Form(NamedTuple):
    """What nutpie wants of a C function: its name here, its types, and its text.

    It returns 0 where all is well, less for an error, more for a draw to be refused. The data come
    as the addresses of all vectors, followed by their sizes.
    """

    name: str
    signature: Any
    text: str


LOG_DENSITY = Form(
    "log_density",
    numba.types.int64(SIZE, NUMBERS, NUMBERS, NUMBERS, ADDRESSES),
    """
def log_density(size, point_, slopes_, value_, data_):
    if size != {size}:
        return -1
    try:
        point, slopes, value = carray(point_, size), carray(slopes_, size), carray(value_, ())
        {unpack}
        found, gradient = function(point{given})
        value[()] = found
        slopes[...] = gradient
        if not np.all(np.isfinite(slopes)):
            return 3
        if not np.isfinite(found):
            return 4
    except Exception:
        return 1
    return 0
""",
)
VARIABLES = Form(
    "variables",
    numba.types.int64(SIZE, SIZE, NUMBERS, NUMBERS, ADDRESSES),
    """
def variables(size, expanded, point_, values_, data_):
    if size != {size} or expanded != {expanded}:
        return -1
    try:
        point, values = carray(point_, size), carray(values_, expanded)
        {unpack}
        (found,) = function(point{given})
        values[...] = found
    except Exception:
        return -2
    return 0
""",
)


def compiled_model(model: pm.Model) -> compile_pymc.CompiledPyMCModel:
    """Compile a model as ``nutpie.compile_pymc_model`` does, or find it compiled.

    Its data are vectors. The sampler must be given starts. Where compiled functions cannot be kept,
    nutpie compiles the model for this process alone: the numbers are the same.
    """
    fault = ""
    if pytensor.config.numba__cache:
        try:
            return _kept_model(model)
        except Exception as error:  # reading a damaged entry raises whatever it meets
            fault = f"{type(error).__name__}: {error}"
        with suppress(OSError):
            remove_unreadable()
    with pytensor.config.change_flags(numba__cache=False):
        compiled = nutpie.compile_pymc_model(model)
    if fault:
        tell(
            "The density was compiled for this process alone: it could neither be read from "
            f"{cache.NUMBA_CACHE_PATH} nor kept there ({fault}). What is damaged there was removed."
        )
    return compiled


def _kept_model(model: pm.Model) -> compile_pymc.CompiledPyMCModel:
    size, expanded, density, variables, starts, shape_info, names = compile_pymc._make_functions(
        model,
        mode="NUMBA",
        compute_grad=True,
        join_expanded=True,
        pymc_initial_point_fn=model.initial_point,
    )
    dims, coords = compile_pymc._prepare_dims_and_coords(model, shape_info, names)
    vectors = dict.fromkeys([*density.get_shared(), *variables.get_shared()])
    keys = {vector: str(number) for number, vector in enumerate(vectors)}
    data = {key: _unchanging(vector.get_value()) for vector, key in keys.items()}
    sizes = {"size": size, "expanded": expanded}
    return compile_pymc.CompiledPyMCModel(
        _n_dim=size,
        dims=dims,
        _coords=coords,
        _shapes={name: tuple(shape) for name, _, shape in zip(*shape_info, strict=True)},
        compiled_logp_func=_c_function(LOG_DENSITY, density, keys, sizes),
        compiled_expand_func=_c_function(VARIABLES, variables, keys, sizes),
        initial_point_func=starts,
        shared_data=data,
        shared_var_keys=keys,
        user_data=compile_pymc.make_user_data(keys, data),
        n_expanded=expanded,
        shape_info=shape_info,
        logp_func=density,
        expand_func=variables,
        reparameterized_names=names,
    )


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


# ---------------------------------------------------------------------- compiling them


def _c_function(form: Form, graph: Any, keys: dict[Any, str], sizes: dict[str, int]) -> Any:
    """The C function that calls what PyTensor made of a graph."""
    types = {keys[vector]: vector.type for vector in graph.get_shared()}
    text = form.text.format(
        **sizes,
        unpack="; ".join(_unpacked(int(key), len(keys)) for key in types) or "pass",
        given="".join(f", data{key}" for key in types),
    )
    jitted = graph.vm.jit_fn
    known = {
        "__name__": __name__,
        "np": np,
        "carray": numba.carray,
        "at": compile_pymc.address_as_void_pointer,
        "function": jitted,
    }
    known |= {f"type{key}": np.dtype(kind.dtype).type for key, kind in types.items()}
    key = _key(cache.CACHED_SRC_FUNCTIONS.get(jitted.py_func), form, text, types)
    function = cache.compile_numba_function_src(text, form.name, known, cache_key=key)
    with warnings.catch_warnings():  # a graph with large constants is not kept: nothing is wrong
        warnings.filterwarnings("ignore", ".*Cannot cache", numba.NumbaWarning)
        return c_function(form.signature, function, key)


def _unpacked(number: int, count: int) -> str:
    """Text that reads one of so many vectors."""
    data = f"carray(data_, {2 * count})"
    return f"data{number} = carray(at({data}[{number}]), {data}[{count + number}], type{number})"


def _key(graph: str | None, form: Form, text: str, types: dict[str, Any]) -> str | None:
    """Identity of a C function, which holds all that it depends on; None where that is unknown."""
    if graph is None:
        return None
    parts = [graph, text, str(form.signature), str(types), f"empathymodels {__version__}"]
    parts += [f"{package.__name__} {package.__version__}" for package in PACKAGES]
    parts += [f"{flag} {getattr(numba.config, flag)}" for flag in NUMBA_FLAGS]
    host = llvmlite.binding
    parts += [host.get_default_triple(), host.get_host_cpu_name()]
    parts += [host.get_host_cpu_features().flatten()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
