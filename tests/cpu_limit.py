"""A test that takes too long fails, unless it is marked `slow`, or `dear` with the reason.

Counted is time of the processor, of this process and of those it started that have ended, so that
a busy machine fails nobody. A test's own call and each fixture that is made for it are judged
apart: what several tests share is not charged to the one that comes first. Fixtures of the whole
session are not judged: pytest calls hooks of a folder's conftest for those of its modules only.
"""

import os

import pytest

LIMIT = 90.0  # seconds: thrice what the dearest need on a quiet machine; most need a hundredth
ADVICE = (
    "{what} took {spent:.1f} s of the processor; a test, and a fixture, may take {limit:g}. Use a "
    "smaller model or study, a drawn fit or a fixture that others share, or mark the test `slow` "
    "and leave a smaller one."
)
_made = []  # fixtures made since the test began: name and seconds


def _spent():
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _judge(item, costs):
    """Fail a test for the first of its costs, by name, that is above the limit."""
    if not any(item.get_closest_marker(name) for name in ("slow", "dear")):
        for what, spent in costs:
            if spent > LIMIT:
                pytest.fail(ADVICE.format(what=what, spent=spent, limit=LIMIT), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef):
    before = _spent()
    try:
        return (yield)
    finally:
        _made.append((f"fixture '{fixturedef.argname}'", _spent() - before))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    _made.clear()
    found = yield
    _judge(item, _made)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    before = _spent()
    found = yield
    _judge(item, [("this test", _spent() - before)])
    return found
