"""The worker: runs scripts of one kind in processes of their own, one at a time, in order.

Who runs is said by a lock that the process inherits and the system lets go of when it ends. So a
server that was killed leaves the process at work, and the next server finds it there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, RLock, Thread
from typing import IO, Any

from empathymodels.app.script import is_same
from empathymodels.app.session import Session, Sessions

try:
    import fcntl
except ImportError:  # on Windows: there a server knows of its own processes only
    fcntl = None  # type: ignore[assignment]

LOOK = 0.3  # seconds between looks at the queue
PATIENCE = 5  # seconds in which a script that is stopped ends
SETTINGS = {"PYTHONUNBUFFERED": "1", "MPLBACKEND": "agg"}  # of scripts: nobody sees windows
POLITE = 5  # niceness of scripts: the page comes first


class Worker:
    """Runs the scripts of one kind.

    Parameters
    ----------
    kind : str
        ``"design"`` or ``"analysis"``.
    sessions : Sessions
        Whose scripts.
    """

    def __init__(self, kind: str, sessions: Sessions):
        self.kind, self.sessions = kind, sessions
        self._place = sessions.folder / f"{kind}.lock"
        self._mine: tuple[Session, subprocess.Popen[bytes]] | None = None
        self._changing, self._ending = RLock(), Event()
        self._thread = Thread(target=self._work, name=f"{kind} worker", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier server left unfinished."""
        busy = self.running()
        for session in self.sessions:
            is_left = session.job(self.kind)["state"] == "started" and session.id != busy
            if is_left:
                state = "done" if session.has_result(self.kind) else "waiting"
                session.set_job(self.kind, state)
        self._thread.start()

    def close(self) -> None:
        """End; the script under way waits for the next server."""
        self._ending.set()
        self._thread.join()
        with self._changing:
            if self._mine is not None:
                session, process = self._mine
                process.terminate()
                process.wait()
                done = session.has_result(self.kind)
                session.set_job(self.kind, "done" if done else "waiting")
                self._mine = None

    def add(self, session: Session, script: str) -> None:
        """Put a script at the end of the queue, in place of another one of the session."""
        with self._changing:
            if self.state(session) in ("waiting", "started"):
                if is_same(session.script(self.kind), script):
                    return
                self.stop(session)
            session.prepare(self.kind, script)
            session.set_job(self.kind, "waiting")

    def stop(self, session: Session) -> None:
        """Stop the script of a session; what it has written stays."""
        with self._changing:
            state = self.state(session)
            if state in ("waiting", "started"):
                session.set_job(self.kind, "stopped")
            if state == "started":
                number = self._lock_text().get("process")
                with suppress(ProcessLookupError):
                    os.kill(int(number), signal.SIGTERM) if number else None
                until = time.monotonic() + PATIENCE
                while self.running() == session.id and time.monotonic() < until:
                    time.sleep(0.02)

    def state(self, session: Session) -> str:
        """Return "new", "waiting", "started", "stopped", "failed" or "done"."""
        with self._changing:
            state = str(session.job(self.kind)["state"])
            if state == "started" and self.running() != session.id:
                state = "done" if session.has_result(self.kind) else "failed"
                with suppress(OSError):  # a disk is full: it is written down when there is room
                    session.set_job(self.kind, state)
            return state

    def running(self) -> str:
        """Return the session at work, of whatever server; empty if none is."""
        self._reap()
        if self._mine is not None:
            return self._mine[0].id
        lock = self._lock(alone=False)
        if lock is None:
            return str(self._lock_text().get("session", ""))
        lock.close()
        return ""

    def ahead(self, session: Session) -> int:
        """Return how many scripts come before that of a session."""
        queue = self._queue()
        before = [one.id for one in queue].index(session.id) if session in queue else 0
        return before + bool(self.running())

    def _queue(self) -> list[Session]:
        asked = [(session, session.job(self.kind)) for session in self.sessions]
        waiting = [(job["since"], session) for session, job in asked if job["state"] == "waiting"]
        return [session for _, session in sorted(waiting, key=lambda pair: pair[0])]

    def _work(self) -> None:
        while not self._ending.wait(LOOK):
            with self._changing, suppress(OSError):  # a session was removed meanwhile, say
                self._begin_first()

    def _begin_first(self) -> None:
        """Begin the first script of the queue that can be begun; say of others why not."""
        for session in [] if self.running() else self._queue():
            try:
                self._begin(session)
                return
            except OSError as fault:  # where not even this can be written down, it still waits
                with suppress(OSError):
                    session.set_job(self.kind, "failed")
                    session.add_to_log(self.kind, f"It could not be begun: {fault}")

    def _begin(self, session: Session) -> None:
        lock = self._lock(alone=True)
        if lock is None:  # somebody looks just now
            return
        command = [sys.executable, f"{self.kind}.py"]
        how: dict[str, Any] = {"cwd": session.folder, "stdin": subprocess.DEVNULL}
        how |= {"pass_fds": [lock.fileno()], "start_new_session": True} if fcntl else {}
        how |= {"env": os.environ | SETTINGS, "stderr": subprocess.STDOUT}
        with lock, (session.folder / f"{self.kind}.log").open("wb") as log:
            session.set_job(self.kind, "started")
            process = subprocess.Popen(command, stdout=log, **how)
            try:
                who = {"session": session.id, "process": process.pid}
                self._place.write_text(json.dumps(who), encoding="utf-8")
            except OSError:  # nobody else would know whose it is
                process.kill()
                process.wait()
                raise
            if hasattr(os, "setpriority"):
                with suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, process.pid, POLITE)
        self._mine = (session, process)

    def _reap(self) -> None:
        """Write down how this server's own process ended, if it did."""
        with self._changing:
            if self._mine is None or self._mine[1].poll() is None:
                return
            (session, process), self._mine = self._mine, None
            if session.folder.exists() and session.job(self.kind)["state"] == "started":
                with suppress(OSError):  # `state` finds it out
                    session.set_job(self.kind, "failed" if process.returncode else "done")

    def _lock(self, *, alone: bool) -> IO[str] | None:
        """Return the lock, or None where a process has it; lookers share it."""
        file = self._place.open("a")
        if fcntl is not None:
            try:
                fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return None
        return file

    def _lock_text(self) -> dict[str, Any]:
        try:
            return dict(json.loads(Path(self._place).read_text(encoding="utf-8")))
        except ValueError:  # being written
            return {}
