"""Fits that go on until their chains have converged: when they end, what they say, same draws."""

import json
import re

import numpy as np
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.inference import convergence, store_draws, stored_run
from empathymodels.inference.convergence import FIRST, Length, criteria

HOW = {"chains": 2, "tune": 200, "seed": 1, "centring": 0.5}


def posterior(draws, apart=0.0, autocorrelation=0.0, chains=4):
    """Draws of a population mean, an autoregression, with one chain elsewhere, and of people."""
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(chains, draws))
    values = np.empty_like(noise)
    values[:, 0] = noise[:, 0]
    for k in range(1, draws):
        fresh = np.sqrt(1 - autocorrelation**2) * noise[:, k]
        values[:, k] = autocorrelation * values[:, k - 1] + fresh
    values[0] += apart
    people = rng.normal(size=(chains, draws, 3))
    return xr.Dataset(
        {
            "rate_mean": (("chain", "draw"), values),
            "rate": (("chain", "draw", "participant"), people),
            "held": (("chain", "draw"), np.ones((chains, draws))),
        },
        coords={"participant": ["a", "b", "c"]},
    )


def test_looks_do_not_depend_on_anything_but_the_limit():
    assert Length(5000, is_open=True).looks == [1000, 1500, 2200, 3300, 5000]
    assert Length(1200, is_open=True).looks == [1000, 1200]
    assert Length(300, is_open=True).looks == [300]
    assert Length(3000).looks == [3000]
    settings = {"draws": None, "until": "converged", "max_draws": 700}
    assert Length.of(settings).share(20) == "20 of at most 700 draws per chain"
    assert Length.of({"draws": 50}).share(20) == "20 of 50 draws per chain"


def test_verdicts():
    length = Length(2200, is_open=True)
    assert length.verdict(posterior(1000)) == "converged after 1,000 draws per chain"
    slow = posterior(1500, autocorrelation=0.97)
    assert length.verdict(slow) == ""
    told = length.verdict(posterior(2200, autocorrelation=0.97))
    assert told.startswith("not converged after 2,200 draws per chain, the most allowed (max_draws")
    assert "bulk ESS, population" in told
    assert "(rate_mean), asked >= 400" in told
    assert length.verdict(posterior(1000, apart=4)) == ""
    told = length.verdict(posterior(1500, apart=4))
    assert "more would not help, chains differ: R-hat, population" in told


def test_criteria_are_those_that_check_reports(own_fit):
    found = {c.name: c for c in criteria(own_fit["posterior"].to_dataset())}
    table = em.check(own_fit, draws=20).set_index("check")
    for name, criterion in found.items():
        assert table.loc[name, "value"] == pytest.approx(criterion.worst, abs=1e-4)
        assert table.loc[name, "passed"] == (not criterion.missed)
    assert not [name for name in found["R-hat, population"].values if name.startswith("held")]


@pytest.fixture
def early(monkeypatch):
    """Looks after 100, 150, 220 and 300 draws."""
    monkeypatch.setattr(convergence, "FIRST", 100)
    monkeypatch.setattr(
        "empathymodels.inference.convergence.round", lambda x, _: round(x, -1), raising=False
    )
    return {**HOW, "max_draws": 300}


def test_draws_are_those_of_a_fit_of_that_length(own_model, own_study, early, tmp_path, capsys):
    assert Length(300, is_open=True).looks == [100, 150, 220, 300]
    fit = em.fit(own_model, own_study, **early)
    made = fit["posterior"].sizes["draw"]
    assert f"{made} draws per chain" in fit.attrs["ended"]
    assert fit.attrs["ended"][1:] in capsys.readouterr().err
    settings = json.loads(fit.attrs["settings"])
    assert (settings["draws"], settings["until"], settings["max_draws"]) == (made, "converged", 300)
    exact = em.fit(own_model, own_study, **HOW, draws=made)
    xr.testing.assert_equal(fit["posterior"].to_dataset(), exact["posterior"].to_dataset())
    xr.testing.assert_equal(fit["sample_stats"]["n_steps"], exact["sample_stats"]["n_steps"])
    assert "ended" not in exact.attrs
    assert "until" not in json.loads(exact.attrs["settings"])
    stored = em.fit(own_model, own_study, **early, store=tmp_path / "fit.zarr")
    xr.testing.assert_equal(stored["posterior"].to_dataset(), exact["posterior"].to_dataset())
    assert stored.attrs["ended"] == fit.attrs["ended"]
    assert json.loads(stored.attrs["runs"]) == [made]


def test_chains_end_once_they_have_converged(own_model, own_study, early, tmp_path, monkeypatch):
    """With limits that 150 draws meet, and not 100."""
    monkeypatch.setattr(convergence, "ESS", 0)
    monkeypatch.setattr(convergence, "RHAT_PEOPLE", 9)
    monkeypatch.setattr(convergence, "RHAT_POPULATION", 9)
    assert em.fit(own_model, own_study, **early)["posterior"].sizes["draw"] == 100
    verdict = Length.verdict

    def later(self, draws):
        return verdict(self, draws) if draws.sizes["draw"] > 100 else ""

    monkeypatch.setattr(Length, "verdict", later)
    fits = [
        em.fit(own_model, own_study, **early | {"max_draws": 4000}, store=store)
        for store in (None, tmp_path / "fit.zarr")
    ]
    for fit in fits:
        assert fit["posterior"].sizes["draw"] == 150
        assert fit.attrs["ended"] == "converged after 150 draws per chain"
    xr.testing.assert_equal(*[fit["posterior"].to_dataset() for fit in fits])


def test_a_store_goes_on_until_converged(own_model, own_study, early, tmp_path, monkeypatch):
    """A run that was killed after 200 draws: convergence is looked for in old and new ones."""
    store = tmp_path / "fit.zarr"
    sample_into = stored_run.sample_into

    def killed(run, density, *, draws, looks, is_enough, **settings):
        sample_into(run, density, draws=128, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(stored_run, "sample_into", killed)
    with pytest.raises(KeyboardInterrupt, match=r"\d+ of at most 300 draws per chain are in"):
        em.fit(own_model, own_study, **early, store=store)
    monkeypatch.undo()
    monkeypatch.setattr(convergence, "FIRST", 100)
    kept = store_draws.kept_draws(store).draws
    assert 64 <= kept <= 128
    monkeypatch.setattr(Length, "verdict", lambda self, p: "enough" * (p.sizes["draw"] >= 300))
    fit = em.fit(own_model, own_study, **early, store=store)
    assert json.loads(fit.attrs["runs"]) == [kept, 300 - kept]


def test_chains_of_which_a_draw_diverges_begin_anew_once(
    own_model, own_study, early, tmp_path, monkeypatch, capsys
):
    """With and without a store: the draws are those of a fit at the second rate."""
    monkeypatch.setattr("empathymodels.inference.request.TARGETS", (0.05, 0.95))
    fit = em.fit(own_model, own_study, **early)
    told = capsys.readouterr().err
    assert re.search(
        r"[1-9]\d* of 200 draws diverged: chains begin anew with smaller steps "
        r"\(target_accept 0.95\)\.\n",
        told,
    )
    settings = json.loads(fit.attrs["settings"])
    assert settings["target_accept"] == 0.95
    how = {**HOW, "draws": settings["draws"]}
    exact = em.fit(own_model, own_study, **how, target_accept=0.95)
    stored = em.fit(own_model, own_study, **early, store=tmp_path / "fit.zarr")
    for other in (exact, stored):
        xr.testing.assert_equal(fit["posterior"].to_dataset(), other["posterior"].to_dataset())
        assert json.loads(other.attrs["settings"])["target_accept"] == 0.95
    capsys.readouterr()
    for asked in ({**early, "target_accept": 0.05}, {**HOW, "draws": 100}):
        kept = em.fit(own_model, own_study, **asked)
        assert json.loads(kept.attrs["settings"])["target_accept"] == 0.05
        assert kept["sample_stats"]["diverging"].sum() > 0
    assert "anew with smaller" not in capsys.readouterr().err


def test_a_store_that_was_left_at_the_second_rate_goes_on_there(
    own_model, own_study, early, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("empathymodels.inference.request.TARGETS", (0.05, 0.95))
    store, one_run = tmp_path / "fit.zarr", stored_run._one_run

    def killed(*given, target_accept, **settings):
        one_run(*given, target_accept=target_accept, **settings)
        if target_accept == 0.95:
            raise KeyboardInterrupt

    monkeypatch.setattr(stored_run, "_one_run", killed)
    with pytest.raises(KeyboardInterrupt):
        em.fit(own_model, own_study, **early, store=store)
    monkeypatch.setattr(stored_run, "_one_run", None)  # all draws are there
    assert "begin anew" in capsys.readouterr().err
    fit = em.fit(own_model, own_study, **early, store=store)
    assert json.loads(fit.attrs["settings"])["target_accept"] == 0.95
    assert "begin anew" not in capsys.readouterr().err
    whole = em.fit(own_model, own_study, **early)
    xr.testing.assert_equal(fit["posterior"].to_dataset(), whole["posterior"].to_dataset())


def test_draws_that_are_dropped_halfway_leave_those_before(tmp_path, monkeypatch):
    """Killed while it makes room for chains that begin anew: the last run goes first, at once."""
    for number in range(11):
        (tmp_path / f"run-{number}").mkdir()
        (tmp_path / f"run-{number}" / "draws").touch()
    seen = []

    def killed(folder, **_):
        seen.append([run.name for run in store_draws.run_folders(tmp_path)])
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(stored_run.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        stored_run._begin(tmp_path, xr.DataTree(), 0.9)
    assert seen == [[f"run-{number}" for number in range(left)] for left in (10, 9, 8)]


def test_what_was_left_of_dropped_draws_does_not_stop_the_next_time(tmp_path, monkeypatch):
    for name in ("run-0", "run-1", ".run-0", ".run-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "draws").touch()
    monkeypatch.setattr(stored_run, "save", lambda *_: None)
    stored_run._begin(tmp_path, xr.DataTree(), 0.9)
    assert list(tmp_path.iterdir()) == []


def test_what_fit_names_itself_is_no_setting_of_the_sampler(own_model, own_study):
    for name in ("target_accept", "progress_bar", "seed"):
        with pytest.raises(ValueError, match=f"sampler .*found '{name}'. Give '{name}='"):
            em.fit(own_model, own_study, sampler={name: 0.5, "maxdepth": 8})


def test_so_many_draws_as_asked_for_are_said_not_to_have_converged(own_model, own_study, capsys):
    fit = em.fit(own_model, own_study, chains=2, draws=20, tune=100, seed=1, progress=False)
    told = capsys.readouterr().err
    assert "Not converged after the 20 draws per chain that were asked for: R-hat" in told
    assert "ended" not in fit.attrs
    em.fit(own_model, own_study, chains=1, draws=20, tune=100, seed=1, progress=False)
    assert "Not converged" not in capsys.readouterr().err


def test_a_single_chain_has_a_fixed_length(own_model, own_study):
    fit = em.fit(own_model, own_study, chains=1, tune=100, seed=1, progress=False)
    assert dict(fit["posterior"].sizes)["draw"] == FIRST
    assert "ended" not in fit.attrs


def test_what_cannot_be_asked_for(own_model, own_study):
    with pytest.raises(ValueError, match="until must be 'converged'; found 'done'"):
        em.fit(own_model, own_study, until="done")
    with pytest.raises(ValueError, match=r"on_interrupt must be 'raise' or 'partial'; found None"):
        em.fit(own_model, own_study, on_interrupt=None)
    with pytest.raises(ValueError, match="max_draws must be a whole number, at least 1; found 0"):
        em.fit(own_model, own_study, max_draws=0)
