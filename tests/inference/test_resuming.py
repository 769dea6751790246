"""Long fits: killed in the middle, read as they are, and gone on with."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.inference import sample as sampling
from empathymodels.inference import store as storing
from empathymodels.inference import stored_run
from empathymodels.inference.fit_files import BEGUN, foreign, read
from empathymodels.inference.fits import PARTIAL
from empathymodels.inference.store_draws import kept_draws
from empathymodels.inference.store_progress import Progress, store_progress
from folders import OWN_MODELS

OWN_MODEL = OWN_MODELS / "rated_pain.py"
LONG = {"chains": 2, "draws": 3000, "tune": 200, "seed": 1, "centring": 0.5}
SHORT = LONG | {"draws": 120}
PROGRAM = """
import signal
import empathymodels as em
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a background job ignores
study = em.Study(trials={trials!r}, participants={people!r}, simulated=True)
em.fit(em.get_model({model!r}), study, store={store!r}, progress=False, **{settings})
"""


@pytest.fixture(scope="module")
def tables(own_study, tmp_path_factory):
    """The study as files, which another process can read."""
    folder = tmp_path_factory.mktemp("study")
    files = {"trials": str(folder / "trials.csv"), "people": str(folder / "people.csv")}
    own_study.trials.to_csv(files["trials"], index=False)
    own_study.participants.to_csv(files["people"], index=False)
    return files


@pytest.fixture(scope="module")
def read_study(tables):
    return em.Study(trials=tables["trials"], participants=tables["people"], simulated=True)


def begin(tables, store, settings=LONG):
    """Start a fit in another process."""
    text = PROGRAM.format(**tables, model=str(OWN_MODEL), store=str(store), settings=settings)
    return subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.PIPE, text=True)


def end_in_the_middle(process, store, how, blocks=12):
    """End a fit by a signal once a few blocks of draws have been written."""
    written = store / "run-0" / "posterior" / "participant:location" / "c"
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        if all(len(list((written / c).glob("*"))) >= blocks for c in "01"):
            break
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()[1]
    process.send_signal(how)
    return process.communicate(timeout=60)[1]


@pytest.fixture(scope="module")
def killed(tables, tmp_path_factory):
    """A store whose fit was killed in the middle."""
    store = tmp_path_factory.mktemp("killed") / "fit.zarr"
    process = begin(tables, store)
    end_in_the_middle(process, store, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return store


@pytest.fixture
def copied(killed, tmp_path):
    return Path(shutil.copytree(killed, tmp_path / "fit.zarr"))


# ----------------------------------------------------------------- killed in the middle


def test_a_killed_fit_is_read_as_partial(killed, capsys):
    fit = em.load(killed, model=OWN_MODEL)
    told = capsys.readouterr().err
    count = fit["posterior"].sizes["draw"]
    assert 64 <= count < 3000
    assert count % 16 == 0
    assert fit.attrs[PARTIAL] == f"{count:,} of 3,000 draws per chain"
    assert f"is partial: {fit.attrs[PARTIAL]}. To go on: em.fit(model, study, draws=3000" in told
    assert f"store={str(killed)!r}" in told
    for group in ("posterior", "sample_stats"):
        for name, values in fit[group].data_vars.items():
            assert values.sizes["draw"] == count, name
            assert np.isfinite(values.to_numpy().astype(float)).all(), name
    assert (fit["sample_stats"]["depth"] > 0).all()
    assert not fit["sample_stats"]["tuning"].any()


def test_its_files_say_how_far_it_is(killed, tmp_path):
    at, kept = store_progress(killed), kept_draws(killed).draws
    assert at.adapted == LONG["tune"]
    assert kept < at.draws <= kept + 64  # blocks under way are among them
    assert at.pace > 0
    assert store_progress(tmp_path / "none.zarr") == Progress()


def test_what_was_kept_is_what_a_fit_in_one_piece_begins_with(killed, own_model, read_study):
    partial = em.load(killed, model=OWN_MODEL)["posterior"].to_dataset()
    whole = em.fit(own_model, read_study, **LONG | {"draws": 64})["posterior"].to_dataset()
    xr.testing.assert_allclose(partial.isel(draw=slice(64)), whole, rtol=1e-9)


def test_every_output_says_partial(killed):
    fit = em.load(killed, model=OWN_MODEL)
    assert fit.attrs["label"] == "rated_pain (partial)"
    first = em.check(fit, draws=20).iloc[0]
    assert (first["check"], bool(first["passed"])) == (PARTIAL, False)
    assert "Run the same fit with its store again" in first["advice"]
    assert em.estimates(fit)["method"].str.startswith("partial, ").all()
    predicted = em.predict(fit, draws=4, seed=1)
    assert predicted.attrs["prediction"].startswith("posterior (partial) prediction")
    table = em.compare({"a": fit, "b": fit})
    assert set(table.index) == {"a (partial)", "b (partial)"}
    figure = em.plot_parameters(fit)
    assert figure.get_suptitle() == "posterior (partial)"


def test_a_partial_fit_that_is_saved_stays_partial(killed, tmp_path):
    path = em.save(em.load(killed, model=OWN_MODEL), tmp_path / "part.nc")
    assert PARTIAL in em.load(path, model=OWN_MODEL).attrs


def test_a_model_of_ones_own_must_be_named(killed, monkeypatch):
    with pytest.raises(ValueError, match=r"load\(path, model='rated_pain.py'\)"):
        em.load(killed)
    assert em.load(killed, trust_source=True).attrs[PARTIAL]


# ------------------------------------------------------------------------- gone on with


def test_it_goes_on_and_the_draws_are_those_of_the_posterior(copied, own_model, read_study, capsys):
    kept = em.load(copied, model=OWN_MODEL)["posterior"].to_dataset()
    count = kept.sizes["draw"]
    fit = em.fit(own_model, read_study, store=copied, **LONG)
    assert f"fit.zarr: going on after {count:,} of 3,000 draws per chain" in capsys.readouterr().err
    assert json.loads(fit.attrs["runs"]) == [count, 3000 - count]
    assert PARTIAL not in fit.attrs
    assert fit.attrs["label"] == "rated_pain"
    posterior = fit["posterior"].to_dataset()
    xr.testing.assert_equal(posterior.isel(draw=slice(count)), kept)
    whole = em.fit(own_model, read_study, **LONG)["posterior"].to_dataset()
    for name in ("baseline_mean", "baseline_sd", "slope_mean", "noise"):
        old, new = (source[name].to_numpy() for source in (whole, posterior))
        # means over some 1,000 effective draws each: their difference is about 0.045 sd
        assert abs(new.mean() - old.mean()) < 0.25 * old.std(), name
        assert 0.85 < new.std() / old.std() < 1.18, name
        later = new[:, count:]
        assert not np.isin(later, new[:, :count]).any(), name
    assert em.check(fit, draws=20).set_index("check").loc["R-hat, population", "passed"]
    again = em.load(copied, model=OWN_MODEL)
    xr.testing.assert_equal(again["posterior"].to_dataset(), posterior)
    assert not [entry for entry in copied.iterdir() if entry.name.startswith("run-")]
    assert [entry.name for entry in copied.parent.iterdir()] == ["fit.zarr"]


def test_chains_start_from_their_own_last_draws(copied, own_model, read_study, monkeypatch):
    last, started = kept_draws(copied).last, {}
    sample = stored_run.sample_into

    def watched(run, density, *, start_of, chains, seed, **settings):
        numbers = sampling.chain_numbers(density, last[0], chains=chains, seed=seed)
        started.update({k: start_of(number) for k, number in enumerate(numbers)})
        sample(run, density, start_of=start_of, chains=chains, seed=seed, **settings)

    monkeypatch.setattr(stored_run, "sample_into", watched)
    em.fit(own_model, read_study, store=copied, **LONG)
    assert len(started) == 2
    for chain, start in started.items():
        np.testing.assert_array_equal(start, last[chain])
    assert not np.array_equal(last[0], last[1])


def test_a_store_gives_the_draws_of_a_fit_without(own_model, own_study, tmp_path, capsys):
    store = tmp_path / "deep" / "fit.zarr"
    stored = em.fit(own_model, own_study, store=store, **SHORT)
    plain = em.fit(own_model, own_study, **SHORT)
    xr.testing.assert_equal(stored["posterior"].to_dataset(), plain["posterior"].to_dataset())
    for name in ("diverging", "depth", "n_steps", "energy", "maxdepth_reached"):
        xr.testing.assert_equal(stored["sample_stats"][name], plain["sample_stats"][name])
    assert json.loads(stored.attrs["runs"]) == [120]
    capsys.readouterr()
    began = time.monotonic()
    again = em.fit(own_model, own_study, store=store, **SHORT | {"seed": None})
    assert time.monotonic() - began < 5
    assert "fit.zarr holds this fit already" in capsys.readouterr().err
    xr.testing.assert_equal(again["posterior"].to_dataset(), stored["posterior"].to_dataset())
    assert em.check(again, draws=20) is not None


def test_a_store_that_holds_the_fit_gives_it_without_what_the_study_lacks(
    as_drawn, tmp_path, monkeypatch
):
    """Its model is that of the fit, from which responses were left out, not the one asked for."""
    model, study = em.get_model("intergroup_bias"), em.load_study("group_pain")
    people = study.participants["participant"][:3]
    trials = study.trials[study.trials["participant"].isin(people)]
    ratings = em.Study(trials=trials, participants=study.participants[:3])
    path = em.save(as_drawn(model, ratings), tmp_path / "fit.nc")
    there = storing.Store(tmp_path / "fit.zarr", "", read(path), is_begun=False)
    monkeypatch.setattr("empathymodels.inference.fit.open_store", lambda *_, **__: there)
    fit = em.fit(model, ratings, store=there.path)
    assert {"AI", "ACC"} <= set(json.loads(fit.attrs["left_out"]))
    predicted = em.predict(fit, draws=2, seed=1)["posterior_predictive"]
    assert list(predicted.data_vars) == ["rating", "help"]
    assert em.check(fit, draws=2) is not None


def test_an_interrupted_fit_says_where_its_draws_are(tables, tmp_path):
    store = tmp_path / "fit.zarr"
    process = begin(tables, store)
    told = end_in_the_middle(process, store, signal.SIGINT)
    assert process.returncode != 0
    count = em.load(store, model=OWN_MODEL)["posterior"].sizes["draw"]
    assert f"KeyboardInterrupt: {count:,} of 3,000 draws per chain are in {store}" in told


# ------------------------------------------------------------------------------- refused


def test_stores_of_other_fits_are_refused(copied, own_model, read_study, tmp_path):
    def refused(words, model=own_model, study=read_study, **changed):
        with pytest.raises(ValueError, match=words):
            em.fit(model, study, store=copied, **LONG | changed)

    refused(r"another draws \(3000; now 200\); 1 of 11 differ\. Ask for the same", draws=200)
    refused(r"another seed \(1; now 2\)", seed=2)
    refused(r"another centring \(0\.5; now 'measured'\)", centring="measured")
    refused(r"another covariates \({}; now {'baseline': 'age'}\)", covariates={"baseline": "age"})
    refused(r"another model .* equations .*; 2 of 11", model=own_model.rival("no_slope"))
    fewer = read_study.exclude("participant == 'P01'", reason="test")
    refused(r"another study \('\w{8}\.\.\.'; now", study=fewer)
    begun = storing.read(copied / BEGUN)
    versions = json.dumps(json.loads(begun.attrs["versions"]) | {"empathymodels": "0.0.1"})
    begun.attrs["versions"] = versions
    em.save(begun, copied / BEGUN)
    refused("are read by the version that wrote them; .*0.0.1")
    with pytest.raises(ValueError, match="are read by the version that wrote them"):
        em.load(copied, model=OWN_MODEL)


def test_a_store_must_be_a_folder_that_can_be_written(tmp_path):
    (tmp_path / "taken").write_text("a file")
    words = r"written to; .*taken.fit\.zarr cannot be: .*another store"
    with pytest.raises(OSError, match=words), stored_run._alone(tmp_path / "taken" / "fit.zarr"):
        pass


def test_what_cannot_be_stored_is_refused(own_model, own_study, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"method='laplace' samples none\. Leave store= out"):
        em.fit(own_model, own_study, method="laplace", store=tmp_path / "fit.zarr")
    with pytest.raises(ValueError, match=r"found 'fit\.nc'. Change its suffix"):
        em.fit(own_model, own_study, store=tmp_path / "fit.nc")
    (tmp_path / "other.zarr").mkdir()
    (tmp_path / "other.zarr" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"a folder that also holds 'notes\.txt'"):
        em.fit(own_model, own_study, store=tmp_path / "other.zarr")
    monkeypatch.setattr("empathymodels.inference.fit_files.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'empathymodels\[zarr\]'"):
        em.fit(own_model, own_study, store=tmp_path / "fit.zarr")
    assert not (tmp_path / "fit.zarr").exists()


def test_one_process_at_a_time(copied, own_model, read_study):
    fcntl = pytest.importorskip("fcntl")
    with (copied / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="another one is at work in"):
            em.fit(own_model, read_study, store=copied, **LONG)


@pytest.mark.parametrize("place", [BEGUN, ""])
def test_what_another_process_began_or_ended_meanwhile_is_left_alone(place, drawn_fit, tmp_path):
    """Both found the store empty, and the other was first."""
    store, other = tmp_path / "fit.zarr", drawn_fit.copy()
    other.attrs = drawn_fit.attrs | {
        "asked": "{}",
        "shares": "{}",
        "anchoring": "{}",
        "combinations": "[]",
    }
    em.save(other, store / place)
    before = sorted(store.rglob("*"))
    for earlier in (None, other):  # which is not as it was read from there
        stale = storing.Store(store, "{}", earlier)
        with pytest.raises(ValueError, match=r"by another process .*no draw .*Run the same again"):
            stored_run.sample_to(stale, drawn_fit, None, length=None, targets=(0.9,), judge=None)
        assert sorted(p for p in store.rglob("*") if p.name != ".lock") == before
    if place == BEGUN:
        storing.refuse_news(storing.Store(store, "{}", storing.read(store / place)))


# ------------------------------------------------------------- half written, and full disks


def test_a_store_without_any_draws(copied, own_model, read_study):
    shutil.rmtree(copied / "run-0")
    with pytest.raises(ValueError, match=r"has 0 of 3,000 draws per chain\. To go on: em\.fit"):
        em.load(copied, model=OWN_MODEL)
    for half in ("", "posterior", "sample_stats"):
        (copied / "run-0" / half).mkdir(exist_ok=True, parents=True)
        assert kept_draws(copied) is None


def test_half_written_draws_are_left_out(copied):
    before = kept_draws(copied).draws
    early = copied.with_name("early.zarr")
    shutil.copytree(copied, early)
    shutil.rmtree(early / "run-0" / "sample_stats" / "unconstrained_draw" / "c")
    assert kept_draws(early) is None
    values = copied / "run-0" / "posterior" / "participant:spread" / "c"
    shutil.rmtree(values / "1" / "3")
    assert kept_draws(copied).draws == 32 < before  # three whole blocks, less the last of them
    (values / "0" / "0" / "0").write_bytes(b"not a block")
    with pytest.raises(ValueError, match=r"of 1 runs in .* one is not: .*Remove the folder"):
        em.load(copied, model=OWN_MODEL)


@pytest.mark.parametrize("name", ["energy/c/0/9999#1", "energy/zarr.json#12"])
def test_files_that_were_being_written_do_not_stand_in_the_way(copied, name):
    """A kill may leave any of them beside whole ones."""
    before = kept_draws(copied).draws
    unfinished = copied / "run-0" / "sample_stats" / name
    unfinished.write_bytes(b"half of a bl")
    assert foreign(copied) == ""
    assert kept_draws(copied).draws == before
    unfinished.rename(unfinished.with_name("notes#1.txt"))
    assert "also holds" in foreign(copied)


def test_begun_in_vain(own_model, own_study, tmp_path):
    store = tmp_path / "fit.zarr"
    store.mkdir()
    (store / ".lock").touch()  # as a process leaves it that was killed at once
    fit = em.fit(own_model, own_study, store=store, **SHORT)
    assert fit["posterior"].sizes["draw"] == 120


def limited(size):
    """Code that lets no file of this process grow beyond a size: the system refuses the write."""
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    return f"import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); {limit}"


@pytest.mark.skipif(os.name == "nt", reason="limits of Unix")
def test_a_full_disk_while_saving(killed, tmp_path):
    file = em.save(em.load(killed, model=OWN_MODEL), tmp_path / "fit.nc")
    before = file.read_bytes()
    for path in (file, tmp_path / "fit.zarr"):
        text = f"""
import empathymodels as em
fit = em.load({str(file)!r}, model={str(OWN_MODEL)!r})
{limited(2000)}
try:
    em.save(fit, {str(path)!r})
except OSError as error:
    print(error.args[0])
"""
        ended = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
        assert f"MB must be written whole; '{path}' cannot be: File too large" in ended.stdout
        assert ("the older one there is as it was" in ended.stdout) == (path == file)
        assert "Make room on that disk" in ended.stdout
    assert file.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["fit.nc"]


def test_a_full_disk_while_sampling(own_model, own_study, tmp_path, monkeypatch):
    store = tmp_path / "fit.zarr"
    words = "Chunk write operation failed\n\nCaused by:\n    0: Failed to store chunk 6\n    1: "
    words += "Generic LocalFileSystem error: Unable to copy data to file: No space left on device"

    def full(run, density, **settings):
        raise RuntimeError(words + " (os error 28)\n\nStack backtrace:\n   0: <unknown>")

    monkeypatch.setattr(stored_run, "sample_into", full)
    told = (
        r"as they come; No space left on device .*\. 0 of 120 draws per chain are in .* Make room"
    )
    with pytest.raises(OSError, match=told):
        em.fit(own_model, own_study, store=store, **SHORT)
    monkeypatch.undo()
    assert em.fit(own_model, own_study, store=store, **SHORT)["posterior"].sizes["draw"] == 120
