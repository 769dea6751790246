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
import pandas as pd
import pymc as pm
import pytest
from numba.core.caching import IndexDataCacheFile
from pymc_extras import prior as prior_module
from pytensor.link.numba import cache

import empathymodels as em
from empathymodels.compiling import compiling
from empathymodels.declaration.fingerprint import own_density
from empathymodels.engine import c_function, c_source, density, function_cache
from empathymodels.engine.build import build
from empathymodels.engine.c_function import compiled_model, log_density_at, variables_at
from empathymodels.engine.function_cache import c_function as kept
from empathymodels.engine.program import program_key
from empathymodels.inference.sample import sample
from empathymodels.inference.starts import start_point
from empathymodels.kept import Kept
from empathymodels.layout.arrange import arrange

POINT = np.array([0.3, -0.2])
DATA = np.array([0.0, 1.0, 2.5, 3.0])
KEY, OTHER_KEY = "1" * 64, "2" * 64


def compiled(scale=1.5):
    """A small model, compiled or found compiled."""
    with compiling(), pm.Model() as model:
        level, noise = pm.Normal("level", 0, scale), pm.HalfNormal("noise", 1)
        observed = np.array([1.0, 2.0, 2.0, 4.0])
        pm.Normal("response", level + pm.Data("shift", DATA), noise, observed=observed)
        return compiled_model(lambda: model)


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
    how = {"seed": 1, "draws": 50, "tune": 50, "chains": 2}
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


def test_arrays_of_more_dimensions_are_refused(folder):
    with pm.Model() as model:
        pm.Normal("response", pm.Data("shift", np.ones((2, 2))).sum() + pm.Normal("level"))
    with compiling(), pytest.raises(ValueError, match=r"vectors; found an array of shape \(2, 2\)"):
        compiled_model(lambda: model)


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


# ------------------------------------------------------------------- programs found without graphs


def no_graph():
    raise AssertionError("a graph was made of what was compiled before")


def program(make=None, name="program", data=DATA):
    """The small model by the identity of its program."""

    def made():
        with pm.Model() as model:
            level, noise = pm.Normal("level", 0, 1.5), pm.HalfNormal("noise", 1)
            observed = np.array([1.0, 2.0, 2.0, 4.0])
            pm.Normal("response", level + pm.Data("shift", DATA), noise, observed=observed)
        return model

    with compiling():
        return compiled_model(make or made, program=name, data={"shift": data})


def draws_of(found):
    at_zero = replace(found, initial_point_func=lambda _: np.zeros(2))
    how = {"seed": 1, "draws": 50, "tune": 50, "chains": 2}
    return nutpie.sample(at_zero, **how, store_unconstrained=True)


def test_a_program_is_found_without_its_graph(copy):
    made = program()
    found = program(no_graph)
    assert found.compiled_logp_func.cache_hits == found.compiled_expand_func.cache_hits == 1
    assert log_density_at(found, POINT)[0] == pytest.approx(expected(), rel=1e-12)
    for name in ("n_dim", "n_expanded", "shape_info", "shapes", "reparameterized_names"):
        assert getattr(found, name) == getattr(made, name), name
    for own, theirs in zip(found.coords.items(), made.coords.items(), strict=True):
        assert own[0] == theirs[0]
        assert own[1].equals(theirs[1])
    draws = draws_of(made), draws_of(found)
    assert draws[0]["posterior"].to_dataset().equals(draws[1]["posterior"].to_dataset())
    for name in ("unconstrained_draw", "diverging"):
        np.testing.assert_array_equal(*(one["sample_stats"][name] for one in draws))


def test_outlines_are_those_of_nutpie(copy):
    def model():
        with pm.Model() as made:
            pm.Normal("a", shape=(2, 3))
            pm.HalfNormal("b", shape=2)
            pm.Uniform("c", pm.Data("shift", DATA).sum() - 7, 1)
            pm.Deterministic("twice", 2 * made["b"])
        return made

    with compiling():
        theirs = nutpie.compile_pymc_model(model())
        compiled_model(model, program="many", data={"shift": DATA})
        own = compiled_model(no_graph, program="many", data={"shift": DATA})
    for name in ("n_dim", "n_expanded", "shapes", "reparameterized_names", "dims"):
        assert getattr(own, name) == getattr(theirs, name), name
    assert own.shape_info[:2] == theirs.shape_info[:2]
    assert own.shape_info[2] == [tuple(map(int, shape)) for shape in theirs.shape_info[2]]
    (label,) = own.coords
    assert own.coords[label].equals(theirs.coords[label])


def test_a_program_that_is_found_is_given_its_own_data(copy):
    program()
    found = program(no_graph, data=DATA + 1)
    assert log_density_at(found, POINT)[0] == pytest.approx(expected(shift=DATA + 1), rel=1e-12)
    again = found.with_data(shift=DATA)
    assert log_density_at(again, POINT)[0] == pytest.approx(expected(), rel=1e-12)


@pytest.mark.parametrize(
    "what", ["program", "version", "our text", "Python", "settings", "code", "seal"]
)
def test_a_program_that_is_not_the_same_or_not_whole_is_made_again(copy, monkeypatch, what):
    program()
    (outline,) = copy.glob("*.txt")
    if what == "seal":
        outline.write_text(outline.read_text().replace("level", "lever"))
    elif what == "code":
        for path in copy.glob("string.log_density*.nbc"):
            turn_a_bit(path)
    conditions = {
        "version": (c_source, "__version__", "0"),
        "our text": (c_source, "OWN_TEXT", "other"),
        "Python": (c_source.sys.implementation, "cache_tag", "cpython-0"),
        "settings": (c_source.pytensor.config, "get_config_hash", lambda: "other"),
    }
    if what in conditions:
        monkeypatch.setattr(*conditions[what])
    made = []

    def again():
        made.append(1)
        with pm.Model() as model:
            pm.Normal("level", pm.Data("shift", DATA).sum())
        return model

    found = program(again, name="other" if what == "program" else "program")
    assert made == [1]
    assert found.n_dim == 1


def test_a_fit_in_a_second_process_makes_no_graph(own_model, own_study, folder, monkeypatch):
    arrangement, draws = arrange(own_model, own_study), []
    built = build(arrangement, {})
    for make in (density.packed, lambda _: no_graph()):
        monkeypatch.setattr(density, "_DENSITIES", Kept())
        monkeypatch.setattr(density, "packed", make)
        found = density.compiled_density(built, arrangement, {}).compiled
        starts = start_point(built)[None]
        draws.append(sample(found, starts=starts, draws=50, tune=50, chains=2, seed=1).draws)
    cold, warm = draws
    assert cold.keys() == warm.keys()
    assert all(np.array_equal(cold[name], warm[name]) for name in cold)


# ------------------------------------------------------- what tells programs apart on disk


def identity_of(model, study):
    """Texts under which the density of a model is kept."""
    built = build(arrange(model, study), {})
    return "\n".join([program_key(arrange(model, study), {}), *density._written(built)])


LEVELS = """
import pymc as pm
import empathymodels as em

def step(state, parameters, data):
    own = em.pick(state.q, data.cue)
    shares = zip(({shares}), state.q, strict=False)
    latents = dict(u=parameters.b * sum(share * value for share, value in shares))
    return dict(q=em.put(state.q, data.cue, own + parameters.b)), latents

def rating(latent, parameters, data):
    return pm.Normal.dist(latent.u, 1.0)

model = em.Model(
    title="levels", step=step, states=(em.State("q", 0.5, over="cue"),),
    latents={{"u": "value shown"}},
    columns=(em.Column("cue", "what is shown", levels="any"),),
    parameters=(em.Parameter("b", "slope", location=(0, 1), spread=0.5),),
    responses=(em.Response("rating", rating, "rating"),),
)
"""


def test_equations_are_those_of_as_many_levels_as_the_study_has(tmp_path):
    trials = pd.DataFrame({"participant": ["a"] * 6 + ["b"] * 6, "trial": [*range(6)] * 2})
    trials["cue"], trials["rating"] = ["x", "y", "z"] * 4, np.arange(12.0)
    found = []
    for name, shares in (("one", "1, .5, .25"), ("other", "1, .5, .9"), ("again", "1, .5, .25")):
        (tmp_path / f"{name}.py").write_text(LEVELS.format(shares=shares), encoding="utf-8")
        model = em.get_model(tmp_path / f"{name}.py")
        found.append(identity_of(model, em.Study(trials=trials, simulated=True)))
    assert found[0] == found[2] != found[1]


def test_parts_of_a_distribution_that_are_not_of_pymc_are_written_down():
    def mixture(power):
        def logp(value, center):
            return -(abs(value - center) ** power)

        part = pm.CustomDist.dist(0.5, logp=logp, class_name="Own")
        return pm.Mixture.dist([0.5, 0.5], [part, pm.Normal.dist(0, 1)])

    one, other, again = (list(own_density(mixture(power))) for power in (2, 3, 2))
    assert one == again != other
    plain = pm.Mixture.dist([0.5, 0.5], [pm.Normal.dist(0, 1), pm.Normal.dist(1, 1)])
    assert list(own_density(plain)) == []


def test_a_transform_that_is_registered_anew_is_another_program(own_model, own_study, monkeypatch):
    """Priors hold the name of a transform alone."""
    found = []
    for power in (2, 3, 2):
        transforms = {**prior_module.CUSTOM_TRANSFORMS, "mine": lambda x, power=power: x**power}
        monkeypatch.setattr(prior_module, "CUSTOM_TRANSFORMS", transforms)
        prior = em.Prior("Normal", mu=0, sigma=1, transform="mine")
        model = own_model.with_priors(slope={"location": prior})
        found.append(identity_of(model, own_study))
    assert found[0] == found[2] != found[1]


def test_names_of_variables_tell_programs_apart(own_model, own_study):
    prior = em.Prior("StudentT", nu=4, mu=0, sigma=1)
    model = own_model.split("site", "slope").with_priors(slope={"location": prior})
    sites = {
        names: replace(
            own_study,
            trials=own_study.trials.assign(site=np.resize(list(names), len(own_study.trials))),
        )
        for names in ("ab", "uv")
    }
    one, other = (identity_of(model, study) for study in sites.values())
    assert one != other


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
    first, second = c_source.FORMS
    changed = (first._replace(text=first.text + "\n"), second)
    conditions = {
        "version": (c_source, "__version__", "0"),
        "package": (c_source, "PACKAGES", (other,)),
        "flag": (numba.config, "SLP_VECTORIZE", 1 - int(numba.config.SLP_VECTORIZE)),
        "processor": (llvmlite.binding, "get_host_cpu_name", lambda: "x86-64"),
        "text": (c_function, "FORMS", changed),
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


def test_a_seal_without_an_entry_is_not_believed(folder):
    """Another process may remove an entry while this one seals it."""
    function_cache._seal(KEY).write_text(function_cache._digest(KEY))
    assert not function_cache.is_sound(KEY)
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
