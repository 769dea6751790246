"""Compiled C functions on disk: found whole and under their own key, or compiled again.

Numba keeps them in PyTensor's folder, named after their key. An entry counts if its seal, which is
written last, fits to its key and to its bytes. So what a killed process left, what a full disk cut
off, and what belongs to another function are compiled again, and replaced.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from pytensor.link.numba import cache


def c_function(signature: Any, function: Callable[..., int], key: str | None) -> Any:
    """Compile a function that can be called from C, or find it compiled.

    Parameters
    ----------
    signature : numba signature
        Its types.
    function : callable
        As ``compile_numba_function_src`` gives it for this key.
    key : str or None
        Holds all that it depends on; without one nothing is kept.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    if key is None:
        return numba.cfunc(signature)(function)
    if not is_sound(key):
        for file in _files(key):
            file.unlink(missing_ok=True)
    compiled = numba.cfunc(signature, cache=True)(function)
    if not compiled.cache_hits and _files(key):
        _seal(key).write_text(_digest(key), encoding="ascii")
    return compiled


def remove_unreadable() -> None:
    """Remove damaged entries of the cache, on which all that needs them would fail for ever."""
    for file in cache.NUMBA_CACHE_PATH.glob("*.nb[ic]"):
        try:
            with file.open("rb") as opened:
                pickle.load(opened)
                while opened.peek(1):  # an index has two parts
                    pickle.load(opened)
        except FileNotFoundError:  # another process was faster
            continue
        except Exception:  # unpickling raises whatever it meets
            file.unlink(missing_ok=True)


def kept_text(key: str) -> str | None:
    """Text that was kept under a key; None where there is none, or another."""
    with suppress(OSError, ValueError):
        seal, text = _text_file(key).read_text(encoding="utf-8").split("\n", 1)
        return text if seal == _sealed(key, text) else None
    return None


def keep_text(key: str, text: str) -> None:
    """Keep a text under a key, with its seal.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    _text_file(key).write_text(f"{_sealed(key, text)}\n{text}", encoding="utf-8")


def _text_file(key: str) -> Path:
    return cache.NUMBA_CACHE_PATH / f"{key}.txt"


def _sealed(key: str, text: str) -> str:
    return hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()


def is_sound(key: str) -> bool:
    """Whether an entry is what was written under this key."""
    with suppress(OSError):
        return bool(_files(key)) and _seal(key).read_bytes() == _digest(key).encode()
    return False


def _digest(key: str) -> str:
    found = hashlib.sha256(key.encode())
    for file in _files(key):
        found.update(file.read_bytes())
    return found.hexdigest()


def _seal(key: str) -> Path:
    return cache.NUMBA_CACHE_PATH / f"{key}.seal"


def _files(key: str) -> list[Path]:
    """Numba's files of an entry: an index, and machine code."""
    return sorted(cache.NUMBA_CACHE_PATH.glob(f"*-{key}.*.nb[ic]"))
