"""Fit files: whole or not at all, the same in a fresh process, and never run unasked."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.inference import fit_files as saving
from empathymodels.inference import fits
from empathymodels.inference.study_tree import study_from_tree, study_tree
from folders import OWN_MODELS

OWN_MODEL = OWN_MODELS / "rated_pain.py"


@pytest.fixture
def forgotten(monkeypatch):
    """No model is in memory, as in a fresh process."""
    monkeypatch.setattr(fits, "_MODELS", {})


@pytest.fixture
def special():
    """A study whose tables have missing texts, booleans and numbers, and odd labels."""
    trials = pd.DataFrame(
        {
            "participant": ["1", "1", "02", "02"],
            "trial": [1, 2, 1, 2],
            "cue": ["low", None, "", "NA"],
            "seen": [True, None, False, True],
            "sure": [True, False, False, True],
            "count": [3, 1, 4, 1],
            "rating": [1.5, np.nan, 2.0, -0.25],
            "mixed": ["a", 1, 2.5, None],
        }
    )
    people = pd.DataFrame(
        {"participant": ["1", "02"], "group": ["in", None], "age": [31.0, np.nan]}
    )
    return em.Study(
        trials=trials,
        participants=people,
        name="special",
        citation="Nobody (2026) — “quoted”",
        log=("made by hand",),
        simulated=True,
    )


def same_tables(one, other):
    assert set(one.tables) == set(other.tables)
    for name, table in one.tables.items():
        again = other.tables[name]
        assert list(table) == list(again)
        for column in table:
            left = [None if pd.isna(x) else x for x in table[column]]
            right = [None if pd.isna(x) else x for x in again[column]]
            assert left == right, column
            assert [type(x) for x in left] == [type(x) for x in right], column


def test_studies_survive_a_tree(special):
    same_tables(special, study_from_tree(study_tree(special)))


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_round_trip(fit, special, tmp_path, suffix):
    whole = fit.copy()
    whole["study"] = study_tree(special)
    path = em.save(whole, tmp_path / f"fit{suffix}")
    assert [entry.name for entry in tmp_path.iterdir()] == [f"fit{suffix}"]
    again = em.load(path)
    for group in ("posterior", "sample_stats", "observed_data", "constant_data"):
        xr.testing.assert_equal(again[group].to_dataset(), fit[group].to_dataset())
        for name, array in fit[group].data_vars.items():
            assert again[group][name].dims == array.dims
    same_tables(special, study_from_tree(again["study"]))
    restored = study_from_tree(again["study"])
    assert (restored.name, restored.log, restored.simulated) == ("special", ("made by hand",), True)
    assert restored.citation == special.citation
    assert {k: v for k, v in again.attrs.items() if k != "format"} == {
        k: v for k, v in fit.attrs.items() if k != "source"
    }


def test_suffix_decides_the_format(fit, tmp_path):
    with pytest.raises(ValueError, match=r"found 'fit\.pkl'"):
        em.save(fit, tmp_path / "fit.pkl")


def test_model_without_a_file_is_not_saved(fit, tmp_path):
    nameless = fit.copy()
    nameless.attrs["model_text"] = ""
    with pytest.raises(ValueError, match=r"Put it into a \.py file"):
        em.save(nameless, tmp_path / "fit.nc")


@pytest.mark.parametrize(("suffix", "writer"), [(".nc", "to_netcdf"), (".zarr", "to_zarr")])
def test_interrupted_save_keeps_the_older_file(fit, tmp_path, monkeypatch, suffix, writer):
    path = em.save(fit, tmp_path / f"fit{suffix}")

    def interrupted(self, target, **settings):
        target = Path(target)
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(xr.DataTree, writer, interrupted)
    with pytest.raises(KeyboardInterrupt):
        em.save(fit, path)
    monkeypatch.undo()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    xr.testing.assert_equal(em.load(path)["posterior"].to_dataset(), fit["posterior"].to_dataset())


def test_newer_save_replaces_the_older(fit, static_fit, tmp_path):
    for suffix in (".nc", ".zarr"):
        path = em.save(fit, tmp_path / f"fit{suffix}")
        em.save(static_fit, path)
        assert em.load(path).attrs["label"] == static_fit.attrs["label"]


def test_files_that_are_no_fits(tmp_path):
    with pytest.raises(FileNotFoundError, match="found none at"):
        em.load(tmp_path / "fit.nc")
    (tmp_path / "text.nc").write_text("not netCDF")
    with pytest.raises(ValueError, match=r"text\.nc cannot be read as such"):
        em.load(tmp_path / "text.nc")
    xr.Dataset({"x": 1}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match="it has no model identity"):
        em.load(tmp_path / "other.nc")


def changed(fit, path, **attributes):
    """Save a fit as if other attributes had been written."""
    other = fit.copy()
    other.attrs = fit.attrs | attributes
    return em.save(other, path)


def test_later_format(fit, tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "FORMAT", saving.FORMAT + 1)
    path = em.save(fit, tmp_path / "fit.nc")
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"file format 2; this version .* Update empathymodels"):
        em.load(path)


def test_installed_model_that_changed_since(fit, tmp_path, forgotten):
    path = changed(fit, tmp_path / "fit.nc", fingerprint="0" * 64)
    with pytest.raises(ValueError, match=r"have changed since this fit.*model_text"):
        em.load(path)


def test_another_version_is_told(fit, tmp_path, capsys):
    versions = json.loads(fit.attrs["versions"]) | {"empathymodels": "0.0.1"}
    em.load(changed(fit, tmp_path / "fit.nc", versions=json.dumps(versions)))
    assert "was written by empathymodels 0.0.1" in "".join(capsys.readouterr())


def test_own_model_needs_its_file(own_fit, tmp_path, forgotten, capsys):
    path = em.save(own_fit, tmp_path / "own.nc")
    alone = em.load(path)
    assert alone["posterior"].equals(own_fit["posterior"])  # numbers need no model
    with pytest.raises(ValueError, match=r"load\(path, model='rated_pain\.py'\).*trust_source"):
        em.latents(alone)
    moved = shutil.copy(OWN_MODEL, tmp_path / "rated_pain.py")
    assert em.estimates(em.load(path, model=moved))["parameter"].iloc[0] == "baseline"
    assert str(moved) in "".join(capsys.readouterr())


def test_docstring_edits_break_nothing_and_equations_do(own_fit, tmp_path, forgotten):
    path = em.save(own_fit, tmp_path / "own.nc")
    text = OWN_MODEL.read_text(encoding="utf-8")
    edited = tmp_path / "edited.py"
    edited.write_text(text.replace("Rating rises", "Ratings rise"), encoding="utf-8")
    em.load(path, model=edited)
    other = tmp_path / "other.py"
    other.write_text(text.replace("parameters.slope * data", "2 * parameters.slope * data"))
    with pytest.raises(ValueError, match="have changed since this fit"):
        em.load(path, model=other)


def test_own_file_may_have_the_name_of_an_installed_model(own_study, tmp_path, forgotten):
    mine = Path(shutil.copy(OWN_MODEL, tmp_path / "outgroup_help_learning.py"))
    own = em.fit(em.get_model(mine), own_study, chains=1, draws=5, tune=20, seed=1, centring=0.0)
    path = em.save(own, tmp_path / "own.nc")
    fits._MODELS.clear()  # that of the fixture
    assert em.estimates(em.load(path, model=mine))["parameter"].iloc[0] == "baseline"
    with pytest.raises(ValueError, match="have changed since this fit"):
        em.load(path)  # takes the installed model of that name


def test_a_file_cannot_say_which_code_to_run(own_fit, tmp_path, forgotten):
    path = em.save(own_fit, tmp_path / "own.nc")
    sneaky = changed(em.load(path), tmp_path / "sneaky.nc", source=str(OWN_MODEL))
    with pytest.raises(ValueError, match="trust_source"):
        em.estimates(em.load(sneaky))


def test_stored_text_runs_only_when_trusted(own_fit, tmp_path, forgotten):
    mark = tmp_path / "it ran"
    text = OWN_MODEL.read_text(encoding="utf-8") + f"\nopen({str(mark)!r}, 'w').close()\n"
    path = changed(own_fit, tmp_path / "own.nc", model_text=text)
    alone = em.load(path)
    with pytest.raises(ValueError, match="trust_source"):
        em.estimates(alone)
    assert not mark.exists()
    trusted = em.load(path, trust_source=True)
    assert mark.exists()
    assert len(em.estimates(trusted))


FRESH = """
import sys, warnings
warnings.simplefilter("error", UserWarning)
import empathymodels as em
folder, own_model = sys.argv[1:]
fit, static = em.load(f"{folder}/fit.zarr"), em.load(f"{folder}/static.nc")
print(dict(em.predict(fit, draws=4, seed=1)["posterior_predictive"]["feeling"].sizes))
print(dict(em.latents(fit, draws=4)["value"].sizes))
print(em.check(fit, draws=20)["check"].tolist()[0])
print(em.compare({"learning": fit, "static": static}, draws=40).index.tolist())
own = em.load(f"{folder}/own.nc", model=own_model)
print(em.predict(own, draws=4, seed=1).attrs["prediction"])
print(len(em.estimates(own)), em.contrast(own, "baseline", {"age": 40}, {"age": 30}).shape)
"""


def test_everything_works_in_a_fresh_process(fit, static_fit, own_fit, tmp_path):
    em.save(fit, tmp_path / "fit.zarr")
    em.save(static_fit, tmp_path / "static.nc")
    em.save(own_fit, tmp_path / "own.nc")
    moved = shutil.copy(OWN_MODEL, tmp_path / "rated_pain.py")
    command = [sys.executable, "-c", FRESH, str(tmp_path), str(moved)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "{'chain': 2, 'draw': 2, 'trial_row': 720}"
    assert lines[1] == "{'chain': 2, 'draw': 2, 'trial_row': 720}"
    assert lines[2] == "R-hat, population"
    assert sorted(eval(lines[3])) == ["learning", "static"]
    assert lines[4] == "posterior prediction, one step ahead, the same people"
    assert lines[5].startswith(f"{len(em.estimates(own_fit))} (1, ")
    assert "from the installed package" in done.stderr
