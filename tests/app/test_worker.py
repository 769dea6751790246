"""One script at a time, in order; stopped, gone on with, and found again by another server."""

import errno
import os
import signal
import time
from pathlib import Path

import pytest

from empathymodels.app.worker import Worker

DONE = "from pathlib import Path\nPath('report.html').write_text('done')\n"
SLEEPING = "import time\nprint('asleep', flush=True)\ntime.sleep(60)\n"
# is done when it is run for the second time
TWICE = """
from pathlib import Path
import time
if not Path("kept.zarr").exists():
    Path("kept.zarr").mkdir()
    time.sleep(60)
Path("report.html").write_text("done")
"""


@pytest.fixture
def new(sessions):
    def new():
        session = sessions.new()
        session.choose(name="effort", files={})
        return session

    return new


@pytest.fixture
def worker(workers):
    return workers["analysis"]


def wait(worker, session, *states):
    until = time.monotonic() + 30
    while worker.state(session) not in states:
        assert time.monotonic() < until, (worker.state(session), session.log("analysis"))
        time.sleep(0.02)


def wait_for(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_two_wait_for_each_other(worker, new):
    first, second, third = new(), new(), new()
    worker.add(first, SLEEPING)
    wait(worker, first, "started")
    worker.add(second, DONE)
    worker.add(third, DONE)
    time.sleep(0.7)  # in which a second one would have begun
    assert worker.running() == first.id
    assert [worker.state(s) for s in (second, third)] == ["waiting", "waiting"]
    assert [worker.ahead(s) for s in (second, third)] == [1, 2]
    worker.stop(first)
    wait(worker, third, "done")
    assert worker.state(first) == "stopped"
    assert second.job("analysis")["since"] < third.job("analysis")["since"]


def test_what_was_stopped_goes_on_with_what_it_has(worker, new):
    session = new()
    worker.add(session, TWICE)
    wait_for((session.folder / "kept.zarr").exists)
    worker.stop(session)
    assert worker.state(session) == "stopped"
    worker.add(session, TWICE)
    wait(worker, session, "done")
    assert (session.folder / "kept.zarr").exists()


def test_another_script_begins_anew(worker, new):
    session = new()
    worker.add(session, TWICE)
    wait_for((session.folder / "kept.zarr").exists)
    worker.stop(session)
    worker.add(session, DONE)
    wait(worker, session, "done")
    assert not (session.folder / "kept.zarr").exists()


def test_a_script_that_fails_says_why(worker, new):
    session = new()
    worker.add(session, "raise ValueError('trials must be whole')")
    wait(worker, session, "failed")
    assert session.log("analysis")[-1] == "ValueError: trials must be whole"


def test_what_waits_can_be_taken_back(worker, new):
    first, second = new(), new()
    worker.add(first, SLEEPING)
    worker.add(second, DONE)
    worker.stop(second)
    worker.stop(first)
    time.sleep(0.7)
    assert worker.state(second) == "stopped"
    assert not second.has_result("analysis")


def test_a_server_that_ends_leaves_its_work_to_the_next(sessions, new):
    first = Worker("analysis", sessions)
    first.start()
    session = new()
    first.add(session, TWICE)
    wait_for((session.folder / "kept.zarr").exists)
    first.close()
    assert session.job("analysis")["state"] == "waiting"
    second = Worker("analysis", sessions)
    second.start()
    wait(second, session, "done")
    second.close()


def killed(worker):
    """End a server as if it were killed: whatever it began goes on."""
    worker._ending.set()
    worker._thread.join()
    return worker._mine[1]


def test_a_killed_server_leaves_its_script_at_work(sessions, new):
    first, second = Worker("analysis", sessions), Worker("analysis", sessions)
    session, other = new(), new()
    first.start()
    first.add(session, SLEEPING)
    wait(first, session, "started")
    process = killed(first)
    second.start()
    second.add(other, DONE)
    time.sleep(0.7)
    assert second.running() == session.id
    assert (second.state(session), second.state(other)) == ("started", "waiting")
    second.stop(session)
    assert process.wait(10) == -signal.SIGTERM
    wait(second, other, "done")
    assert second.state(session) == "stopped"
    second.close()


def test_when_both_were_killed_it_goes_on(sessions, new):
    first, second = Worker("analysis", sessions), Worker("analysis", sessions)
    session = new()
    first.start()
    first.add(session, TWICE)
    wait_for((session.folder / "kept.zarr").exists)
    process = killed(first)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    second.start()
    wait(second, session, "done")
    second.close()


def test_no_name_is_a_path(sessions, new):
    session = new()
    assert sessions.get(session.id) == session
    for name in ("..", ".", "", "../analyses", f"{session.id}/", f"./{session.id}", "0" * 16):
        assert sessions.get(name) is None


def test_a_changed_check_replaces_the_one_under_way(workers, new):
    worker, session = workers["design"], new()
    worker.add(session, SLEEPING)
    wait(worker, session, "started")
    worker.add(session, SLEEPING)  # the same goes on
    assert worker.state(session) == "started"
    worker.add(session, "from pathlib import Path\nPath('design.csv').write_text('check')\n")
    wait(worker, session, "done")
    assert session.has_result("design")


def test_a_session_that_is_removed_stops_nobody(worker, new):
    first, second = new(), new()
    worker.add(first, SLEEPING)
    wait(worker, first, "started")
    worker.add(second, DONE)
    worker.stop(first)
    first.remove()
    wait(worker, second, "done")


def full_disk(monkeypatch, of, name, is_full):
    """Let writing files fail, of those for which it is said to."""
    real = getattr(of, name)

    def write(self, *given, **how):
        if is_full(self, *given):
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return real(self, *given, **how)

    monkeypatch.setattr(of, name, write)


def test_what_cannot_be_begun_says_why_and_the_next_one_begins(worker, new, monkeypatch):
    first, second = new(), new()
    log = first.folder / "analysis.log"
    full_disk(monkeypatch, Path, "open", lambda path, mode="r", *_: path == log and mode == "wb")
    worker.add(first, DONE)
    worker.add(second, DONE)
    wait(worker, second, "done")
    assert worker.state(first) == "failed"
    assert first.log("analysis")[-1].startswith("It could not be begun: [Errno 28] No space left")
    monkeypatch.undo()
    worker.add(first, first.script("analysis"))
    wait(worker, first, "done")


def test_a_disk_that_is_full_for_a_while_ends_nobody(worker, new, monkeypatch):
    session, is_full = new(), [False]
    full_disk(monkeypatch, Path, "write_text", lambda *_: is_full[0])
    worker.add(session, DONE)
    is_full[0] = True
    time.sleep(0.7)  # it tries, and tries again
    assert session.job("analysis")["state"] == "waiting" and worker.running() == ""
    assert list(session.folder.glob(".*")) == []
    is_full[0] = False
    wait(worker, session, "done")
    worker.add(session, "import time\ntime.sleep(1)\n" + DONE)
    wait(worker, session, "started")
    is_full[0] = True  # when it ends, which cannot be written down; the script itself can write
    wait(worker, session, "done")
    assert session.job("analysis")["state"] == "started"  # as it was written
    is_full[0] = False
    assert worker.state(session) == "done" == session.job("analysis")["state"]


def test_a_script_that_nobody_would_know_of_is_ended(worker, new, monkeypatch):
    session = new()
    full_disk(monkeypatch, Path, "write_text", lambda path, *_: path == worker._place)
    worker.add(session, SLEEPING)
    wait(worker, session, "failed")
    assert worker.running() == ""
    assert "No space left" in session.log("analysis")[-1]
