"""Code linked in pieces: the same numbers, machine code of entries alone, exceptions arrive."""

import os
import shutil
import subprocess
import sys
import threading

import numba
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from numba.core import codegen
from numba.core.registry import cpu_target

from empathymodels.compiling import compiling, numba_mode
from empathymodels.engine import pieces
from empathymodels.engine.pieces import call, linked_in_pieces

POINTS = np.linspace(-2, 2, 7)


def summed():
    """A compiled function of Python that calls two pieces, and the pieces."""

    @numba.njit(no_cpython_wrapper=True)
    def squared(x):
        if x > 1.9:
            raise ValueError("more than", x)
        return x * x

    @numba.njit(no_cpython_wrapper=True)
    def halved(x):
        return squared(x) / 2

    @numba.njit
    def total(values):
        found = 0.0
        for value in values:
            found += halved(value)
        return found

    return total, [squared, halved]


@pytest.fixture
def made(monkeypatch):
    """Names of the modules of which machine code is made, but for numba's own first one."""
    found, add = [], codegen.JitEngine.add_module

    def noted(self, module):
        found.extend([module.name.split(".")[-1]] if module.name != "nrt" else [])
        return add(self, module)

    monkeypatch.setattr(codegen.JitEngine, "add_module", noted)
    return found


def graph_of_sums():
    x = pt.dvector("x")
    outputs = [pt.exp(x).sum(), pt.grad((x**3).sum(), x)]
    with compiling():
        return pytensor.function([x], outputs, mode=numba_mode())


def test_numbers_are_the_same_and_machine_code_is_of_entries_alone(made):
    alone, linked = summed()[0], summed()[0]
    expected = alone(POINTS[:-1])
    assert made == ["squared", "halved", "total"]
    made.clear()
    with linked_in_pieces():
        assert linked(POINTS[:-1]) == expected
    assert made[1:] == ["total"]  # the first: places of environments


def test_exceptions_of_pieces_arrive():
    total, _ = summed()
    with linked_in_pieces(), pytest.raises(ValueError, match="more than"):
        total(POINTS)
    with pytest.raises(ValueError) as caught:
        total(POINTS)
    assert caught.value.args == ("more than", 2.0)


def test_exceptions_of_pieces_arrive_in_what_is_compiled_later():
    _, (_, halved) = summed()

    @numba.njit(no_cpython_wrapper=True)
    def before(x):
        return halved(x) + 1

    with linked_in_pieces():
        before.compile((numba.float64,))

    @numba.njit
    def after(x):
        return before(x)

    assert after(1.0) == 1.5
    with pytest.raises(ValueError) as caught:
        after(3.0)
    assert caught.value.args == ("more than", 3.0)


def test_machine_code_of_a_piece_is_made_when_it_is_asked_for_later():
    @numba.njit(no_cpython_wrapper=True)
    def root(x):
        if x < 0:
            raise ValueError("less than 0", x)
        return np.sqrt(x)

    with linked_in_pieces():
        root.compile((numba.float64,))

    @numba.njit
    def applied(functions, x):
        found = 0.0
        for function in functions:
            found += function(x)
        return found

    @numba.njit
    def twice(x):
        return applied((root, root), x)

    assert twice(9.0) == 6.0
    with pytest.raises(ValueError) as caught:
        twice(-1.0)
    assert caught.value.args == ("less than 0", -1.0)
    compiled = root.overloads[(numba.float64,)]
    assert compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)
    assert compiled.library.is_machine_code


def test_graphs_called_in_pieces_give_the_same_bits():
    with pytensor.config.change_flags(numba__cache=False):
        plain, linked = graph_of_sums(), graph_of_sums()
        for one, other in zip(plain(POINTS), call(linked, POINTS), strict=True):
            np.testing.assert_array_equal(one, other)
    assert isinstance(next(iter(linked.vm.jit_fn.overloads.values())).library, pieces.Piece)
    found = call(linked, POINTS)  # compiled already
    np.testing.assert_array_equal(found[1], 3 * POINTS**2)


def test_nothing_of_numba_stays_changed():
    compiler = cpu_target.target_context.codegen()
    with pytest.raises(RuntimeError, match="stop"), linked_in_pieces():
        with linked_in_pieces():
            pass
        assert compiler._library_class is pieces.Piece  # the inner one left it as it was
        raise RuntimeError("stop")
    assert {"_library_class", "set_env"}.isdisjoint(vars(compiler))


def test_another_release_of_numba_compiles_as_it_does(monkeypatch, made):
    monkeypatch.setattr(pieces, "ARE_AS_KNOWN", False)
    total, _ = summed()
    with linked_in_pieces():
        assert total(POINTS[:-1]) == pytest.approx((POINTS[:-1] ** 2).sum() / 2)
    assert made == ["squared", "halved", "total"]


def test_threads_compile_beside_one_another():
    found = {}

    def compile_one(number):
        total, _ = summed()
        with linked_in_pieces():
            found[number] = total(POINTS[:-1] / (number + 1))

    threads = [threading.Thread(target=compile_one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {k: pytest.approx((POINTS[:-1] ** 2).sum() / 2 / (k + 1) ** 2) for k in range(4)}
    assert found == expected
    assert "_library_class" not in vars(cpu_target.target_context.codegen())


KEPT = """
import sys
import numba
import numpy as np
from empathymodels.engine import pieces
from tests_of_pieces import graph_of_sums

pieces.ARE_AS_KNOWN = sys.argv[1] == "pieces"
found = pieces.call(graph_of_sums(), np.linspace(-2, 2, 7))
print(*[value.tobytes().hex() for value in found])
"""


def test_what_is_kept_is_read_both_ways(tmp_path):
    """Pieces by whoever makes machine code of all, and the other way round."""
    shutil.copy(__file__, tmp_path / "tests_of_pieces.py")
    seen = set()
    for folder, ways in (("a", ("pieces", "alone", "pieces")), ("b", ("alone", "pieces"))):
        environment = os.environ | {
            "PYTENSOR_FLAGS": f"base_compiledir={tmp_path / folder}",
            "PYTHONPATH": str(tmp_path),
        }
        for way in ways:
            command = [sys.executable, "-W", "ignore", "-c", KEPT, way]
            run = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False
            )
            assert run.returncode == 0, run.stderr
            seen.add(run.stdout)
    assert len(seen) == 1
