"""The text of the C functions that the sampler calls, what they read, and their identity.

Nutpie calls a log-density with its gradient, and a function that gives all variables of a draw, by
their addresses. Its own are closures, which numba cannot keep: they would be compiled anew in every
process. Here the same functions are text, under a key that holds all they depend on.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
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

from empathymodels.engine.function_cache import c_function
from empathymodels.version import __version__

PACKAGES = (llvmlite, numba, np, nutpie, pytensor, scipy)
NUMBA_FLAGS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "CPU_NAME", "CPU_FEATURES")

SIZE, NUMBERS = numba.types.uint64, numba.types.CPointer(numba.types.float64)
ADDRESSES = numba.types.CPointer(numba.types.uint64)


MAP = {"places": "np.int64", "weights": "np.float64"}  # a `LinearMap`, the last of the vectors
MOVE = """moved = point.copy()
        for k in range(len(weights)):
            moved[places[2 * k]] += weights[k] * moved[places[2 * k + 1]]"""


class Form(NamedTuple):
    """What nutpie wants of a C function: its name here, its types, and its text.

    It returns 0 where all is well, less for an error, more for a draw to be refused. The data come
    as the addresses of all vectors, followed by their sizes. The two last ones are a `LinearMap`,
    which moves the point first.
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
        {move}
        found, gradient = function(moved{given})
        value[()] = found
        slopes[...] = gradient
        for k in range(len(weights) - 1, -1, -1):
            slopes[places[2 * k + 1]] += weights[k] * slopes[places[2 * k]]
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
        {move}
        (found,) = function(moved{given})
        values[...] = found
    except Exception:
        return -2
    return 0
""",
)
FORMS = (LOG_DENSITY, VARIABLES)


class Read(NamedTuple):
    """What a C function is made of: the key of its graph, and which vectors it reads.

    Attributes
    ----------
    graph : str or None
        Key under which PyTensor keeps the graph; without one nothing is kept.
    types : dict of str to str
        Types of numbers by the number of the vector.
    """

    graph: str | None
    types: dict[str, str]


class Outline(NamedTuple):
    """What of a compiled model is no machine code.

    Attributes
    ----------
    free : int
        How many of the variables are sampled; these come first.
    names : list of str
        Of all variables.
    shapes : list of list of int
    transformed : list of str
        Those of the variables that are sampled on another scale than their own.
    vectors : list of str
        Names of the data, those of a linear map last.
    reads : dict of str to Read
        By the name of the C function.
    """

    free: int
    names: list[str]
    shapes: list[list[int]]
    transformed: list[str]
    vectors: list[str]
    reads: dict[str, Read]

    @property
    def ends(self) -> list[int]:
        """Where every variable ends among all numbers."""
        return np.cumsum([math.prod(shape) for shape in self.shapes]).tolist()

    @property
    def sizes(self) -> dict[str, int]:
        """How many numbers are sampled, and how many all variables have."""
        return {"size": self.ends[self.free - 1], "expanded": self.ends[-1]}

    @property
    def text(self) -> str:
        """As JSON."""
        return json.dumps(self)

    @classmethod
    def of(cls, text: str) -> Outline:
        """Read what `text` gives."""
        values: list[Any] = json.loads(text)
        values[-1] = {name: Read(*read) for name, read in values[-1].items()}
        return cls(*values)


class Source(NamedTuple):
    """A C function before it is compiled: text, types of what it reads, and its key."""

    form: Form
    text: str
    types: dict[str, str]
    key: str | None


def source_of(form: Form, outline: Outline) -> Source:
    """Write a C function of a compiled model."""
    read, count = outline.reads[form.name], len(outline.vectors)
    unpacked = [_unpacked(f"data{n}", int(n), count, f"type{n}") for n in read.types]
    for number, (name, kind) in enumerate(MAP.items(), start=count - len(MAP)):
        unpacked.append(_unpacked(name, number, count, kind))
    text = form.text.format(
        **outline.sizes,
        unpack="; ".join(unpacked),
        move=MOVE,
        given="".join(f", data{number}" for number in read.types),
    )
    parts = [text, str(form.signature), str(read.types)]
    return Source(form, text, read.types, read.graph and identity(read.graph, parts))


def _unpacked(name: str, number: int, count: int, kind: str) -> str:
    """Text that reads one of so many vectors."""
    data = f"carray(data_, {2 * count})"
    return f"{name} = carray(at({data}[{number}]), {data}[{number + count}], {kind})"


def compiled_source(source: Source, graph: Any = None) -> Any:
    """Compile the C function that calls what PyTensor made of a graph, or find it compiled."""
    known = {
        "__name__": __name__,
        "np": np,
        "carray": numba.carray,
        "at": compile_pymc.address_as_void_pointer,
        "function": graph,
    }
    known |= {f"type{number}": np.dtype(name).type for number, name in source.types.items()}
    form, key = source.form, source.key
    function = cache.compile_numba_function_src(source.text, form.name, known, cache_key=key)
    with warnings.catch_warnings():  # a graph with large constants is not kept: nothing is wrong
        warnings.filterwarnings("ignore", ".*Cannot cache", numba.NumbaWarning)
        return c_function(form.signature, function, key)


def identity(what: str, parts: Sequence[str]) -> str:
    """Identity of something compiled, which holds all that it depends on."""
    found = [what, *parts, f"empathymodels {__version__}"]
    found += [f"{package.__name__} {package.__version__}" for package in PACKAGES]
    found += [f"{flag} {getattr(numba.config, flag)}" for flag in NUMBA_FLAGS]
    host = llvmlite.binding
    found += [host.get_default_triple(), host.get_host_cpu_name()]
    found += [host.get_host_cpu_features().flatten(), str(sys.implementation.cache_tag)]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def conditions() -> list[str]:
    """What else decides which graph is made of a program: our text, PyMC, and settings."""
    versions = [f"pymc {pm.__version__}", f"pymc_extras {version('pymc-extras')}"]
    return [OWN_TEXT, *versions, pytensor.config.get_config_hash()]


def _own_text() -> str:
    """Digest of the package, in which the same version may read otherwise."""
    found, folder = hashlib.sha256(), Path(__file__).parents[1]
    for file in sorted(folder.rglob("*.py")):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        found.update(f"{file.relative_to(folder).as_posix()} {content}\n".encode())
    return found.hexdigest()


OWN_TEXT = _own_text()  # as it is when it is imported
