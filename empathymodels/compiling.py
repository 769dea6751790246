"""How programs are compiled, all in the same way."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytensor


@contextmanager
def compiling() -> Iterator[None]:
    """Compile arithmetic exactly as it is written.

    With numba's ``fastmath`` a program that was compiled just now and the same program from the
    cache differ in last digits (sums are reordered across the functions that one sees whole and
    the other does not), from which chains drift apart: a seed would not give the same draws in
    every process. Without it both give the same bits, at about a tenth more time per gradient.

    PyTensor's advice on a BLAS for C code is left out: ours is compiled by numba.
    """
    with warnings.catch_warnings(), pytensor.config.change_flags(numba__fastmath=False):
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS")
        yield
