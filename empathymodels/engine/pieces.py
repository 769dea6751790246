"""Code that is only a piece of other code: linked into it, never made into machine code alone.

Numba treats every function that a compiled function calls as if it were called by itself: it is
optimised with all that it calls in turn, and machine code is made of it. For the hundreds of
functions that a density consists of, this is a third of the time of compiling. Here only functions
with an entry, from C or from Python, go that far. The optimiser sees the pieces inside them, and
makes the same code of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, codegen
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from pytensor.link.numba.dispatch.basic import numba_njit

# Numba's insides that are changed or called: where a release lacks one, nothing is changed.
INSIDES = {
    codegen.JITCodeLibrary: (
        *("_ensure_finalized", "_optimize_final_module", "_finalize_final_module"),
        *("_finalize_dynamic_globals", "_verify_declare_only_symbols", "_unserialize"),
        *("serialize_using_bitcode", "serialize_using_object_code"),
    ),
    codegen.JITCPUCodegen: ("_library_class", "set_env", "_create_empty_module"),
    codegen.JitEngine: ("is_symbol_defined", "add_module", "finalize_object"),
}
ARE_AS_KNOWN = all(hasattr(owner, name) for owner, names in INSIDES.items() for name in names)
ENTRIES = ("cfunc.", "_ZN7cpython")  # as numba names what is called from C and from Python


@contextmanager
def linked_in_pieces() -> Iterator[None]:
    """Compile what has no entry of its own as a piece of what calls it.

    The numbers are the same to the last bit. What is kept on disk is read with and without this.
    """
    compiler = cpu_target.target_context.codegen()
    with global_compiler_lock:  # not while another thread compiles
        is_ours = ARE_AS_KNOWN and "_library_class" not in vars(compiler)
        if is_ours:
            compiler._library_class = Piece
            compiler.set_env = partial(_set_environment, compiler)
    try:
        yield
    finally:
        with global_compiler_lock:
            if is_ours:
                del compiler._library_class, compiler.set_env
                _place_environments(compiler)


def call(graph: Any, *inputs: Any) -> Any:
    """Call a function that PyTensor made for numba, which is compiled in the first call."""
    if graph.vm.jit_fn.overloads:
        return graph(*inputs)
    with linked_in_pieces():
        return graph(*inputs)


def as_piece(graph: Any) -> Any:
    """Return the same function for compiled code to call: without an entry from Python."""
    return numba_njit(graph.vm.jit_fn.py_func)


class Piece(codegen.JITCodeLibrary):
    """Code of a function and of all that it calls, of which machine code is made when asked for."""

    is_machine_code = False

    def _optimize_final_module(self) -> None:
        """Leave that to the machine code, its own or that of what it is linked into."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def _make_machine_code(self) -> None:
        self._ensure_finalized()
        if self.is_machine_code:
            return
        self.is_machine_code = True
        super()._optimize_final_module()
        self._final_module.verify()
        _place_environments(self._codegen)
        self._dynamic_globals.clear()
        super()._finalize_final_module()

    def get_pointer_to_function(self, name: str) -> int:
        """Where a function's machine code starts; 0 where there is no such function."""
        self._ensure_finalized()
        if name not in self._own_functions():
            return 0
        self._make_machine_code()
        return super().get_pointer_to_function(name)

    def serialize_using_object_code(self) -> tuple[str, str, Any]:
        """What is kept on disk: machine code of what has an entry alone."""
        self._ensure_finalized()
        if not any(name.startswith(ENTRIES) for name in self._own_functions()):
            return self.serialize_using_bitcode()
        self._make_machine_code()
        return super().serialize_using_object_code()

    def _own_functions(self) -> set[str]:
        """Names of functions that are not from what was linked in."""
        return {
            function.name
            for function in self._final_module.functions
            if function.linkage == llvm.Linkage.external and not function.is_declaration
        }

    @classmethod
    def _unserialize(cls, compiler: Any, state: tuple[str, str, Any]) -> codegen.JITCodeLibrary:
        """Read what is kept: machine code as numba does it, whoever kept it."""
        if state[1] == "bitcode":
            return super()._unserialize(compiler, state)
        compiler._library_class = codegen.JITCodeLibrary
        try:
            return codegen.JITCodeLibrary._unserialize(compiler, state)
        finally:
            compiler._library_class = cls


# An environment is what raises exceptions and holds constants. Code finds it by a global name that
# has a place in machine code: those of pieces wait here until some is made.
_WAITING: dict[str, Any] = {}


def _set_environment(compiler: Any, name: str, environment: Any) -> None:
    """Give an environment to a name, now or as soon as that has a place."""
    if compiler._engine.is_symbol_defined(name):
        codegen.JITCPUCodegen.set_env(compiler, name, environment)
    else:
        _WAITING[name] = environment


def _place_environments(compiler: Any) -> None:
    """Give a place to all names that wait for one."""
    if not _WAITING:
        return
    module = compiler._create_empty_module("environments")
    for name in _WAITING:
        place = ir.GlobalVariable(module, cgutils.voidptr_t, name)
        place.linkage, place.initializer = "common", cgutils.voidptr_t(None)
    compiler._engine.add_module(llvm.parse_assembly(str(module)))
    compiler._engine.finalize_object()
    for name, environment in _WAITING.items():
        codegen.JITCPUCodegen.set_env(compiler, name, environment)
    _WAITING.clear()
