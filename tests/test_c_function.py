"""Compiled C functions on disk: found, right, and compiled again where they are not."""

import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import llvmlite.binding
import numba
import numpy as np
import nutpie
import pymc as pm
import pytest
from numba.core.caching import IndexDataCacheFile
from pytensor.link.numba import cache

from empathymodels.compiling import compiling
from empathymodels.engine import build, c_function, density
from empathymodels.engine.c_function import compiled_model, log_density_at, variables_at
from empathymodels.engine.function_cache import c_function as kept
from empathymodels.inference.sample import sample
from empathymodels.inference.starts import start_point

POINT = np.array([0.3, -0.2])
DATA = np.array([0.0, 1.0, 2.5, 3.0])
KEY, OTHER_KEY = "1" * 64, "2" * 64


def compiled(scale=1.5):
    """A small model, compiled or found compiled."""
    with compiling(), pm.Model() as model:
        level, noise = pm.Normal("level", 0, scale), pm.HalfNormal("noise", 1)
        observed = np.array([1.0, 2.0, 2.0, 4.0])
        pm.Normal("response", level + pm.Data("shift", DATA), noise, observed=observed)
        return compiled_model(model)


def expected(scale=1.5, shift=DATA):
    """Its log-density, up to the constant of all normal densities."""
    level, noise = POINT[0], np.exp(POINT[1])
    off = np.array([1.0, 2.0, 2.0, 4.0]) - level - shift
    terms = [-((level / scale) ** 2) / 2 - np.log(scale), -(noise**2) / 2 + np.log(2) + POINT[1]]
    terms += [-((off / noise) ** 2).sum() / 2 - 4 * np.log(noise)]
    return sum(terms) - 6 * np.log(2 * np.pi) / 2


def seen():
    """What a process sees of the model: its numbers, with other data too, and draws."""
    found = compiled()
    at_zero = replace(found, initial_point_func=lambda _: np.zeros(2))
    how = {"seed": 1, "draws": 50, "tune": 50, "chains": 2, "progress_bar": False}
    posterior = nutpie.sample(at_zero, **how)["posterior"]
    value, slopes = log_density_at(found, POINT)
    return {
        "hits": [found.compiled_logp_func.cache_hits, found.compiled_expand_func.cache_hits],
        "value": value,
        "slopes": slopes.tolist(),
        "shifted": log_density_at(found.with_data(shift=DATA + 1), POINT)[0],
        "draws": {name: values.to_numpy().tolist() for name, values in posterior.items()},
    }


def contents(folder):
    return {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.iterdir()}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setattr(cache, "NUMBA_CACHE_PATH", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache that holds the small model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "NUMBA_CACHE_PATH", tmp_path_factory.mktemp("cache"))
        compiled()
        yield cache.NUMBA_CACHE_PATH


@pytest.fixture
def copy(filled, folder):
    """A cache of one's own that holds the small model."""
    shutil.copytree(filled, folder, dirs_exist_ok=True)
    return folder


def count(folder, name):
    """Number of functions of a name in a cache."""
    return len(list(folder.glob(f"string.{name}-*.nbi")))


# ------------------------------------------------------------------------------ the same numbers


def test_numbers_are_those_of_pytensor(copy):
    found = compiled()
    assert found.compiled_logp_func.cache_hits == found.compiled_expand_func.cache_hits == 1
    value, slopes = log_density_at(found, POINT)
    assert value == pytest.approx(expected(), rel=1e-12)
    for own, theirs in zip((value, slopes), found.logp_func(POINT), strict=True):
        np.testing.assert_allclose(own, theirs, rtol=1e-12)
    np.testing.assert_allclose(variables_at(found, POINT), [*POINT, np.exp(POINT[1])], rtol=1e-12)


def test_what_cannot_be_computed_is_nan(copy):
    value, _ = log_density_at(compiled(), np.array([np.nan, 0.0]))
    assert np.isnan(value)
    with pytest.raises(ValueError, match="as many numbers as the model; found 3"):
        log_density_at(compiled(), np.zeros(3))


def test_arrays_of_more_dimensions_are_left_to_nutpie(folder, capsys):
    with pm.Model() as model:
        pm.Normal("response", pm.Data("shift", np.ones((2, 2))).sum() + pm.Normal("level"))
    with compiling():
        found = compiled_model(model)
    assert "Data of a compiled model must be vectors; found an array of shape (2, 2)" in (
        capsys.readouterr().err
    )
    assert log_density_at(found, POINT)[0] == pytest.approx(
        -(POINT[0] ** 2 + (POINT[1] - 4 - POINT[0]) ** 2) / 2 - np.log(2 * np.pi), rel=1e-12
    )


def test_processes_that_fill_a_cache_at_once_and_one_that_finds_it(tmp_path, monkeypatch):
    """The later one compiles nothing; all see the same numbers and draws."""
    flags = [os.environ.get("PYTENSOR_FLAGS", ""), f"base_compiledir={tmp_path}"]
    run = [sys.executable, "-W", "ignore", "-c"]
    run += ["import json, test_c_function as t; print(json.dumps(t.seen()))"]
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    caches = {"PYTENSOR_FLAGS": ",".join(filter(None, flags)), "PYTHONPATH": paths}
    how = {"env": os.environ | caches, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(run, **how) for _ in range(2)]
    first, second = (json.loads(one.communicate()[0].splitlines()[-1]) for one in both)
    assert [one.returncode for one in both] == [0, 0]
    monkeypatch.setattr(cache, "NUMBA_CACHE_PATH", tmp_path / "numba")
    before = contents(cache.NUMBA_CACHE_PATH)
    here = seen()
    assert here.pop("hits") == [1, 1]
    assert contents(cache.NUMBA_CACHE_PATH) == before
    assert min(first.pop("hits"), second.pop("hits")) == [0, 0]
    assert here == first == second
    assert here["value"] == pytest.approx(expected(), rel=1e-12)
    assert here["shifted"] == pytest.approx(expected(shift=DATA + 1), rel=1e-12)


@pytest.mark.slow
def test_draws_are_the_same_cold_and_warm(own_model, own_study, folder, monkeypatch):
    draws = []
    for hits in (0, 1):
        monkeypatch.setattr(density, "_DENSITIES", density.OrderedDict())
        built, arrangement = build.build(own_model, own_study)
        found = density.compiled_density(built, arrangement, {}).compiled
        assert found.compiled_logp_func.cache_hits == hits
        starts = start_point(built)[None]
        draws.append(sample(found, starts=starts, draws=50, tune=50, chains=2, seed=1).draws)
    cold, warm = draws
    assert cold.keys() == warm.keys()
    assert all(np.array_equal(cold[name], warm[name]) for name in cold)


# ------------------------------------------------------------------------------ stale entries


def test_models_that_differ_in_a_constant_share_nothing(copy):
    found = compiled(scale=1.25)
    assert found.compiled_logp_func.cache_hits == 0
    assert log_density_at(found, POINT)[0] == pytest.approx(expected(scale=1.25), rel=1e-12)
    assert log_density_at(compiled(), POINT)[0] == pytest.approx(expected(), rel=1e-12)
    # all variables of a draw are the same function of it
    assert [count(copy, "log_density"), count(copy, "variables")] == [2, 1]


@pytest.mark.parametrize("what", ["version", "package", "flag", "processor", "text"])
def test_what_was_compiled_under_other_conditions_is_not_found(copy, monkeypatch, what):
    other = SimpleNamespace(__name__="pytensor", __version__="0")
    changed = c_function.LOG_DENSITY._replace(text=c_function.LOG_DENSITY.text + "\n")
    conditions = {
        "version": (c_function, "__version__", "0"),
        "package": (c_function, "PACKAGES", (other,)),
        "flag": (numba.config, "SLP_VECTORIZE", 1 - int(numba.config.SLP_VECTORIZE)),
        "processor": (llvmlite.binding, "get_host_cpu_name", lambda: "x86-64"),
        "text": (c_function, "LOG_DENSITY", changed),
    }
    monkeypatch.setattr(*conditions[what])
    found = compiled()
    assert found.compiled_logp_func.cache_hits == 0
    assert log_density_at(found, POINT)[0] == pytest.approx(expected(), rel=1e-12)
    assert count(copy, "log_density") == 2


# ------------------------------------------------------------------- damaged and foreign entries


def plus(number, key=KEY):
    """A function that adds a number, compiled or found compiled, and whether it was found."""
    text = f"def plus(x):\n    return x + {number}"
    function = cache.compile_numba_function_src(text, "plus", {"__name__": __name__}, cache_key=key)
    found = kept(numba.types.int64(numba.types.int64), function, key)
    return found.ctypes(1) - 1, found.cache_hits


def file(folder, pattern, key=KEY):
    (found,) = folder.glob(pattern.format(key))
    return found


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


def turn_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


CODE, INDEX, SEAL = "*-{}.*.nbc", "*-{}.*.nbi", "{}.seal"


@pytest.mark.parametrize("pattern", [CODE, INDEX, SEAL])
@pytest.mark.parametrize("damage", [cut, empty, turn_a_bit, Path.unlink])
def test_damaged_entries_are_compiled_again(folder, pattern, damage):
    assert [plus(2), plus(2)] == [(2, 0), (2, 1)]
    damage(file(folder, pattern))
    assert [plus(2), plus(2)] == [(2, 0), (2, 1)]


@pytest.mark.parametrize("patterns", [[CODE], [CODE, INDEX], [CODE, INDEX, SEAL]])
def test_entries_of_another_function_are_compiled_again(folder, patterns):
    assert [plus(2), plus(3, OTHER_KEY)] == [(2, 0), (3, 0)]
    for pattern in patterns:
        shutil.copy(file(folder, pattern, OTHER_KEY), file(folder, pattern))
    assert [plus(2), plus(2)] == [(2, 0), (2, 1)]


def test_a_function_without_a_key_is_not_kept(folder):
    assert [plus(2, key=None), plus(3, key=None)] == [(2, 0), (3, 0)]
    assert list(folder.iterdir()) == []


def test_damaged_entries_that_it_is_compiled_from_are_removed(copy, capsys):
    """Those of PyTensor, which nobody else would ever replace."""
    for path in copy.glob("*.nbc"):
        cut(path)
    for path in copy.glob("string.log_density*"):
        path.unlink()
    assert log_density_at(compiled(), POINT)[0] == pytest.approx(expected(), rel=1e-12)
    assert "compiled for this process alone" in capsys.readouterr().err
    for path in copy.glob("*.nbc"):
        pickle.loads(path.read_bytes())
    assert compiled().compiled_logp_func.cache_hits == 0
    assert compiled().compiled_logp_func.cache_hits == 1
    assert capsys.readouterr().err == ""


# ------------------------------------------------------------------------ nowhere to keep anything


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setattr(cache, "NUMBA_CACHE_PATH", tmp_path / "file" / "numba")
    assert log_density_at(compiled(), POINT)[0] == pytest.approx(expected(), rel=1e-12)
    assert capsys.readouterr().err == ""


def test_a_disk_that_is_full(folder, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000))
    assert log_density_at(compiled(), POINT)[0] == pytest.approx(expected(), rel=1e-12)
    assert list(folder.iterdir()) == []


def test_a_disk_that_becomes_full(folder, monkeypatch, capsys):
    def save(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", save)
    assert log_density_at(compiled(), POINT)[0] == pytest.approx(expected(), rel=1e-12)
    assert "(OSError: [Errno 28] No space left on device)" in capsys.readouterr().err
