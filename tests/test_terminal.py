"""How far something is: a bar at a terminal, a plain line now and then in a log file."""

import re
import sys
import time
from types import SimpleNamespace

import pytest

import empathymodels as em
from empathymodels import terminal
from empathymodels.inference import sample
from empathymodels.inference.sample import RunningChains
from empathymodels.terminal import progress, progress_kind, regular_lines


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(terminal, "EVERY", 0.05)


@pytest.mark.parametrize(
    ("at_terminal", "in_notebook", "asked", "told"),
    [
        (True, False, None, "bar"),
        (True, False, False, "nothing"),
        (False, False, None, "lines"),
        (False, False, True, "lines"),
        (False, False, False, "nothing"),
        (False, True, None, "nothing"),
        (False, True, True, "bar"),
    ],
)
def test_a_bar_is_for_those_who_can_see_it(monkeypatch, at_terminal, in_notebook, asked, told):
    monkeypatch.setattr(terminal, "is_interactive", lambda: at_terminal)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    if in_notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    assert progress_kind(asked) == told


def test_lines_come_now_and_then_and_end(often, capsys):
    with regular_lines(lambda: "working"):
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 6 and all(re.fullmatch(r"\[0:0\d\] working", line) for line in lines)
    time.sleep(0.15)
    assert capsys.readouterr().err == ""
    with regular_lines(lambda: "working", is_on=False):
        time.sleep(0.15)
    assert capsys.readouterr().err == ""


def test_loops_say_how_far_they_are(often, capsys, monkeypatch):
    monkeypatch.setattr(terminal, "is_interactive", lambda: False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    for _ in progress(range(8), "People"):
        time.sleep(0.04)
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 7
    for line in lines:
        assert re.fullmatch(r"\[0:0\d\] People: \d of 8, about 1 second left", line)
    assert list(progress(iter([3, 4]), "People")) == [3, 4]


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (0, "Sampling: adapting, 0 of 400 steps per chain"),
        (100, "adapting, 100 of 400 steps per chain; about 7 seconds left (to 400 draws)"),
        (500, "100 of 400 draws per chain; convergence is looked for there, at most 1,600; about"),
        (1000, "600 of 800 draws per chain; convergence is looked for there, at most 1,600; about"),
        (1900, "1,500 of 1,600 draws per chain; about"),
    ],
)
def test_chains_say_stage_draws_and_time_left(steps, says):
    chains = object.__new__(RunningChains)
    chains._tune, chains._told, chains._looks = 400, None, (400, 800, 1600)
    chains._past, chains._take_turns = [(time.monotonic() - steps / 100, 0)], False
    chains._note([SimpleNamespace(finished_draws=steps + more) for more in (30, 0)])
    assert says in chains.says()


def begin_earlier(chains, seconds):
    chains._past = [(at - seconds, done) for at, done in chains._past]


def test_the_first_steps_which_take_longest_are_forgotten(monkeypatch):
    """100 steps in 10 minutes, the next 300 in one: 600 are left, at two minutes."""
    monkeypatch.setattr(sample, "nutpie", SimpleNamespace(sample=lambda density, **settings: None))
    chains = RunningChains(None, tune=300, draws=700, chains=2)
    chains._note([SimpleNamespace(finished_draws=one) for one in (100, 130)])
    begin_earlier(chains, 60)
    chains._past[0] = (chains._past[0][0] - 600, 0)
    chains._note([SimpleNamespace(finished_draws=one) for one in (400, 430)])
    assert "about 2 minutes left (to 700 draws)" in chains.says()


@pytest.mark.parametrize(
    ("steps", "minutes"),
    [((250, 250, 0, 0), 30), ((500, 500, 0, 0), 10), ((500, 500, 300, 0, 0), 12 / 13 * 10)],
)
def test_chains_that_wait_for_others_take_their_time_too(steps, minutes, monkeypatch):
    """Ten minutes are over; of chains that have 500 steps each, some have not begun."""
    sampler = SimpleNamespace(sample=lambda density, **settings: None)
    monkeypatch.setattr(sample, "nutpie", sampler)
    chains = RunningChains(None, tune=300, draws=200, chains=len(steps), cores=2)
    assert "left" not in chains.says()
    begin_earlier(chains, 600)
    chains._note([SimpleNamespace(finished_draws=one) for one in steps])
    assert f"about {terminal.duration(minutes * 60)} left (to 200 draws)" in chains.says()
    together = RunningChains(None, tune=300, draws=200, chains=2, cores=2)
    begin_earlier(together, 600)
    together._note([SimpleNamespace(finished_draws=one) for one in (400, 250)])
    assert "about 10 minutes left" in together.says()  # the slowest has as much to do again


def test_a_fit_writes_lines_into_a_log_and_no_control_characters(
    own_model, own_study, often, capsys
):
    em.fit(own_model, own_study, seed=1, chains=2, draws=300, tune=300, progress=True)
    told = capsys.readouterr().err
    assert "Compiling the density" in told or "Sampling: " in told
    assert "\x1b" not in told and "\r" not in told
    em.fit(own_model, own_study, seed=1, chains=2, draws=20, tune=100, progress=False)
    assert "Sampling: " not in capsys.readouterr().err
