"""Fits that are interrupted: they raise, or come back marked partial, wherever they were."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel

import empathymodels as em
from empathymodels import cli
from empathymodels.engine import density
from empathymodels.inference import centring
from empathymodels.inference import sample as sampling
from empathymodels.inference.fits import PARTIAL
from folders import OWN_MODELS

OWN_MODEL = OWN_MODELS / "rated_pain.py"
ENDLESS = 2_000_000
HOW = {"chains": 2, "tune": 100, "seed": 1, "centring": 0.5, "draws": ENDLESS}


@pytest.fixture(autouse=True)
def heeded():
    """Ctrl-C as at a terminal, whatever started the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt(delay):
    """Send this process what Ctrl-C sends, in so many seconds."""
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()


@pytest.fixture
def while_sampling(monkeypatch):
    """Interrupt once both chains have so many draws (below zero: while they adapt)."""

    def after(draws):
        note = sampling.RunningChains._note

        def noted(self, progress):
            note(self, progress)
            if self.finished >= draws and not sent:
                sent.append(self.finished)
                interrupt(0)

        sent = []
        monkeypatch.setattr(sampling.RunningChains, "_note", noted)

    return after


def threads_end():
    """No chain runs on: nothing but waiting threads is left."""
    began = time.process_time()
    time.sleep(0.3)
    return time.process_time() - began < 0.25


def test_while_sampling(own_model, own_study, while_sampling):
    while_sampling(50)
    with pytest.raises(KeyboardInterrupt):
        em.fit(own_model, own_study, **HOW)
    assert threads_end()


def test_while_going_on_until_converged(own_model, own_study, while_sampling, monkeypatch):
    while_sampling(1100)
    monkeypatch.setattr(
        "empathymodels.inference.convergence.Length.verdict", lambda self, posterior: ""
    )
    settings = HOW | {"draws": None, "max_draws": ENDLESS}
    with pytest.raises(KeyboardInterrupt):
        em.fit(own_model, own_study, **settings)


@pytest.mark.parametrize("what", ["raise", "partial"])
def test_while_adapting(own_model, own_study, while_sampling, what):
    while_sampling(-ENDLESS + 50)
    settings = HOW | {"tune": ENDLESS, "on_interrupt": what}
    with pytest.raises(KeyboardInterrupt):  # there is nothing to return
        em.fit(own_model, own_study, **settings)
    assert threads_end()


def test_in_the_pilot(own_model, own_study, monkeypatch, while_sampling):
    monkeypatch.setitem(centring.PILOT, "draws", ENDLESS)
    while_sampling(10)
    with pytest.raises(KeyboardInterrupt):
        em.fit(own_model, own_study, **HOW | {"centring": "measured", "on_interrupt": "partial"})


def test_while_compiling(own_model, own_study, monkeypatch):
    """What was half compiled does not stand in the way of the next fit."""
    fewer = own_study.exclude("participant == 'P03'", reason="sizes that were not compiled yet")
    compiled = density.compiled_model

    def soon(make, **_):  # not by its program: found at once, it would leave nothing to interrupt
        interrupt(0.5)
        return compiled(make)

    monkeypatch.setattr(density, "compiled_model", soon)
    with pytest.raises(KeyboardInterrupt):
        em.fit(own_model, fewer, **HOW)
    monkeypatch.undo()
    assert em.fit(own_model, fewer, **HOW | {"draws": 5})["posterior"].sizes["draw"] == 5


def test_partial_fits_are_whole_as_far_as_they_go(own_model, own_study, while_sampling, capsys):
    while_sampling(60)
    settings = HOW | {"draws": None, "max_draws": ENDLESS, "on_interrupt": "partial"}
    fit = em.fit(own_model, own_study, **settings)
    made = fit["posterior"].sizes["draw"]
    assert 60 <= made < ENDLESS
    assert fit.attrs[PARTIAL] == f"{made:,} of at most {ENDLESS:,} draws per chain"
    assert f"This fit is partial: {fit.attrs[PARTIAL]}." in capsys.readouterr().err
    assert fit.attrs["label"] == "rated_pain (partial)"
    for group in ("posterior", "sample_stats"):
        for name, values in fit[group].data_vars.items():
            if values.dtype.kind == "f" and values.dims[:2] == ("chain", "draw"):
                assert name == "divergence_energy_error" or np.isfinite(values).all(), name
    first = em.check(fit, draws=20).iloc[0]
    assert (first["check"], bool(first["passed"])) == (PARTIAL, False)
    assert "with store= it goes on" in first["advice"]
    assert em.estimates(fit)["method"].str.startswith("partial, ").all()
    exact = em.fit(own_model, own_study, **HOW | {"draws": 20})["posterior"].to_dataset()
    assert fit["posterior"].to_dataset().isel(draw=slice(20)).equals(exact)


def test_on_the_command_line(own_study, tmp_path, while_sampling, monkeypatch, capsys):
    own_study.trials.to_csv(tmp_path / "trials.csv", index=False)
    out = tmp_path / "fit.nc"
    command = ["fit", str(OWN_MODEL), "--trials", str(tmp_path / "trials.csv"), "--out", str(out)]
    command += ["--draws", str(ENDLESS), "--tune", "100", "--chains", "2", "--seed", "1"]
    monkeypatch.setitem(centring.PILOT, "draws", ENDLESS)
    while_sampling(10)
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--simulated"])
    assert ended.value.code == 130
    assert "Interrupted; nothing is written." in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["trials.csv"]


def test_refits_do_not_go_on_with_what_was_interrupted(own_fit, while_sampling):
    """Whatever samples raises: half of a refit is not scored."""
    from empathymodels.inference.refit import refit

    settings = '{"draws": 2000000, "tune": 100, "chains": 2, "target_accept": 0.9, "sampler": {},'
    fit = own_fit.copy()
    fit.attrs = own_fit.attrs | {"settings": settings + ' "centring": {}}'}
    while_sampling(10)
    counted = {"rating": np.ones(fit["observed_data"]["rating"].size, dtype=bool)}
    with pytest.raises(KeyboardInterrupt):
        refit(fit, counted)


IN_A_NOTEBOOK = """
import empathymodels as em
from empathymodels.inference import sample

note = sample.RunningChains._note
def noted(self, progress):
    note(self, progress)
    if self.finished >= 50:
        print("sampling", flush=True)

sample.RunningChains._note = noted
fit = "nothing"
fit = em.fit(em.get_model({model!r}), em.Study(trials={trials!r}, simulated=True), {how})
"""
AFTER = """
import time

began = time.process_time()
time.sleep(0.3)
told = f"{fit} {time.process_time() - began < 0.25}"
"""


@pytest.mark.filterwarnings("default")  # of the kernel's client, not ours
@pytest.mark.timeout(900)
def test_in_the_kernel_of_a_notebook(own_study, tmp_path):
    """What its stop button sends ends the cell: the name is not bound, and the kernel goes on."""
    trials = tmp_path / "trials.csv"
    own_study.trials.to_csv(trials, index=False)
    cell = IN_A_NOTEBOOK.format(
        model=str(OWN_MODEL),
        trials=str(trials),
        how=", ".join(f"{n}={v!r}" for n, v in HOW.items()),
    )
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        # what is asked next is answered: after an error a kernel drops what waits, for a moment
        first = client.execute(cell, stop_on_error=False)
        while True:
            message = client.get_iopub_msg(timeout=600)
            if message["msg_type"] == "stream" and "sampling" in message["content"]["text"]:
                break
            assert message["msg_type"] != "error", message["content"]
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=60)
        while reply["parent_header"].get("msg_id") != first:
            reply = client.get_shell_msg(timeout=60)
        assert reply["content"]["status"] == "error"
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        # in the reply: what is printed may come after it
        asked = {"told": "told"}
        reply = client.execute_interactive(AFTER, user_expressions=asked, timeout=60)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert reply["content"]["status"] == "ok", reply["content"]
    told = reply["content"]["user_expressions"]["told"]
    assert told["data"]["text/plain"] == "'nothing True'"


PROGRAM = """
import empathymodels as em
from empathymodels.cli import main
main(["fit", {model!r}, "--trials", {trials!r}, "--simulated", "--draws", "2000000",
      "--tune", "100", "--chains", "2", "--seed", "1", "--out", {out!r}{store}])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("is_stored", [False, True])
def test_terminated(own_study, tmp_path, is_stored):
    """SIGTERM ends the process, as a scheduler wants it; a store keeps its draws."""
    trials, out, store = (tmp_path / name for name in ("trials.csv", "fit.nc", "fit.zarr"))
    own_study.trials.to_csv(trials, index=False)
    words = f", '--store', {str(store)!r}" if is_stored else ""
    text = PROGRAM.format(model=str(OWN_MODEL), trials=str(trials), out=str(out), store=words)
    process = subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.PIPE, text=True)
    block = store / "run-0" / "posterior" / "participant:location" / "c" / "1" / "9"
    until = time.monotonic() + 200
    while time.monotonic() < until and process.poll() is None and not block.exists():
        time.sleep(0.1)
        if not is_stored and time.monotonic() > until - 140:
            break
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert not out.exists()
    if is_stored:
        posterior = em.load(store, model=OWN_MODEL)["posterior"].to_dataset()
        assert all(np.isfinite(values).all() for values in posterior.data_vars.values())


COMPILING = """
import time
from empathymodels.cli import main
from empathymodels.engine import density

def compiled_model(make, **program):
    print("compiling", flush=True)
    time.sleep(600)

density.compiled_model = compiled_model
main(["fit", {model!r}, "--trials", {trials!r}, "--simulated", "--seed", "1", "--draws", "20",
      "--tune", "50", "--chains", "2", "--store", {store!r}, "--out", {out!r}])
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_ended_while_compiling(own_model, own_study, tmp_path, how):
    """Nothing is left in the way: the same fit can be asked for again."""
    trials, out, store = (tmp_path / name for name in ("trials.csv", "fit.nc", "fit.zarr"))
    own_study.trials.to_csv(trials, index=False)
    text = COMPILING.format(
        model=str(OWN_MODEL), trials=str(trials), out=str(out), store=str(store)
    )
    text = f"import signal; signal.signal({int(signal.SIGINT)}, signal.default_int_handler)\n{text}"
    process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "compiling\n"
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    assert [entry.name for entry in tmp_path.iterdir()] == ["trials.csv"]
