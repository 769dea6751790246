"""Tests that take too much of the processor fail; those that wait, or are marked, do not."""

import subprocess
import sys

import pytest

from folders import ROOT

LIMITED = """
import cpu_limit
from cpu_limit import pytest_fixture_setup, pytest_runtest_call, pytest_runtest_setup

cpu_limit.LIMIT = 0.5
"""
TESTS = """
import subprocess
import sys
import time

import pytest

WORK = "import time\\nwhile time.process_time() < 1: pass"

def work():
    end = time.process_time() + 0.8
    while time.process_time() < end:
        pass

@pytest.fixture(scope="module")
def dear():
    work()

@pytest.fixture
def cheap():
    return 1

def test_waits(cheap):
    time.sleep(0.8)

def test_works():
    work()

def test_has_others_work():
    subprocess.run([sys.executable, "-c", WORK], check=True)

@pytest.mark.slow
def test_may_work():
    work()

@pytest.mark.dear("it has to")
def test_has_to_work():
    work()

def test_makes_a_dear_fixture(dear):
    pass

def test_finds_it_made(dear):
    pass
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What pytest says of these tests at a small limit."""
    folder = tmp_path_factory.mktemp("limited")
    (folder / "conftest.py").write_text(LIMITED, encoding="utf-8")
    (folder / "test_of_time.py").write_text(TESTS, encoding="utf-8")
    markers = "markers =\n    slow: takes long\n    dear(reason): takes more than others\n"
    settings = f"[pytest]\npythonpath = {ROOT / 'tests'}\n{markers}"
    (folder / "pytest.ini").write_text(settings, encoding="utf-8")
    run = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", str(folder)]
    return subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("test_waits", "PASSED"),
        ("test_works", "FAILED"),
        ("test_has_others_work", "FAILED"),
        ("test_may_work", "PASSED"),
        ("test_has_to_work", "PASSED"),
        ("test_makes_a_dear_fixture", "ERROR"),
        ("test_finds_it_made", "PASSED"),
    ],
)
def test_what_takes_too_long_fails(told, name, outcome):
    assert f"::{name} {outcome}" in told


def test_it_is_said_what_took_how_long(told):
    assert "this test took 0." in told and "s of the processor; a test, and a fixture," in told
    assert "fixture 'dear' took 0." in told
