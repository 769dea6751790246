"""How equations are read and programs compiled, all in the same way."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytensor
from pytensor.compile.mode import Mode, get_mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery

FRUITLESS = (
    "dot_diag_to_elemwise",
    "selection_dot_to_indexing",
    "useless_symmetric_transpose",
    "local_greedy_distributor",
)
# Of graphs that are needed a few times, for which compiling costs more than evaluating. What makes
# them exact, such as the logarithm of a difference from one, is rewritten as it is for compiling.
_EXACT = RewriteDatabaseQuery(include=["canonicalize", "stabilize"], exclude=list(FRUITLESS))
INTERPRETED = Mode(linker="py", optimizer=_EXACT)
ROOM = 100_000_000  # bytes that must be free for compiled functions to be kept


@contextmanager
def in_double_precision() -> Iterator[None]:
    """Give every number that equations are written with 64 bits.

    PyTensor would keep ``10.0`` as float32 and ``100`` as int8, since these hold them exactly.
    Yet ``pt.log(10.0)`` would have eight digits, and ``pt.where(data.near, 100, 50) * 2`` be -56.
    """
    with pytensor.config.change_flags(cast_policy="numpy+floatX"):
        yield


@contextmanager
def compiling() -> Iterator[None]:
    """Compile arithmetic exactly as it is written, `in_double_precision`.

    With numba's ``fastmath`` a program that was compiled just now and the same program from the
    cache differ in last digits (sums are reordered across the functions that one sees whole and
    the other does not), from which chains drift apart: a seed would not give the same draws in
    every process. Without it both give the same bits, at about a tenth more time per gradient.

    Where compiled functions cannot be kept, in a read-only folder or on a full disk, they are
    compiled for this process alone.

    Nothing is compiled by a C compiler, though one be there: PyTensor would have it compile what
    interpreted graphs hold inside, at a second per piece, which then takes as long to evaluate.

    PyTensor's advice on a BLAS for C code is left out: ours is compiled by numba. So is its word
    that loops over more than 32 arrays stay apart where there is no C compiler, which costs no
    time here.
    """
    keep = pytensor.config.numba__cache and _can_be_kept()
    exactly = pytensor.config.change_flags(numba__fastmath=False, numba__cache=keep, cxx="")
    with warnings.catch_warnings(), exactly, in_double_precision():
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS")
        warnings.filterwarnings("ignore", message="Loop fusion failed")
        yield


def numba_mode() -> Mode:
    """How graphs are compiled: without rewrites that take a third of the time, and gain nothing.

    Three look for products with diagonal, symmetric and selecting matrices, of which our densities
    have none. One distributes divisions over products, which changes last digits and leaves as
    many operations as before.
    """
    return get_mode("NUMBA").excluding(*FRUITLESS)


def _can_be_kept() -> bool:
    """Whether the folder of compiled functions can be written to."""
    from pytensor.link.numba import cache  # imports numba, of which reading equations needs nothing

    folder = cache.NUMBA_CACHE_PATH
    return os.access(folder, os.W_OK | os.X_OK) and shutil.disk_usage(folder).free >= ROOM
