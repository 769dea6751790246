"""serve: answer on this machine's loopback address until it is stopped."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import webbrowser
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

from empathymodels.messages import listed
from empathymodels.terminal import tell

LOOPBACK = "127.0.0.1"
NEEDED = {  # modules, by the packages that have them
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "python-multipart": "python_multipart",
    "zarr": "zarr",
}


def serve(
    folder: Path, *, port: int = 0, opens_browser: bool = True, models: Sequence[Path] = ()
) -> None:
    """Answer until interrupted.

    Parameters
    ----------
    folder : Path
        Where sessions are kept; it is made if needed. From then on its owner alone may read it.
    port : int
        Port of the loopback address; a free one unless given.
    opens_browser : bool
        Whether to open the page in the browser of this machine.
    models : sequence of Path
        Files of models of one's own, which are offered beside the built-in ones. They are run.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        A file of a model is not there, is none, or has a name that is taken.
    ImportError
        The extra ``app`` is not installed.
    OSError
        The port is in use.
    """
    if absent := [name for name, module in NEEDED.items() if find_spec(module) is None]:
        raise ImportError(
            f"The page needs packages that are not installed: {listed(absent)}. Install them: pip "
            "install 'empathymodels[app]'."
        )
    import uvicorn

    from empathymodels.app.desk import Desk, named_models
    from empathymodels.app.guard import Guard
    from empathymodels.app.session import RESULTS, Sessions
    from empathymodels.app.site import application
    from empathymodels.app.worker import Worker

    own_models = named_models(models)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    sessions = Sessions(folder.resolve())
    workers = {kind: Worker(kind, sessions) for kind in RESULTS}
    with bound(port) as listening:
        port, token = listening.getsockname()[1], secrets.token_urlsafe(24)
        guarded = Guard(application(Desk(sessions, workers, own_models)), port=port, token=token)
        settings = uvicorn.Config(
            guarded,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
        address = f"http://{LOOPBACK}:{port}/?token={token}"
        tell(f"The page is at {address}\nAnalyses are kept in {sessions.folder}\nStop: Ctrl-C")
        # as Ctrl-C does: workers are ended in order, before this process
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        for worker in workers.values():
            worker.start()
        entry = sessions.folder / f"open-{port}.html"
        if opens_browser:
            write_entry(entry, address)
            Thread(target=webbrowser.open, args=(entry.as_uri(),), daemon=True).start()
        try:
            uvicorn.Server(settings).run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            entry.unlink(missing_ok=True)
            for worker in workers.values():
                worker.close()
    tell("Stopped. What was not done goes on when the page is started again.")


def write_entry(file: Path, address: str) -> None:
    """Write a page that leads to an address and that its owner alone can read.

    A browser is given its name: arguments of programs can be read by everybody on a machine, and
    the address has the token.
    """
    file.unlink(missing_ok=True)
    with open(
        os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as page:
        page.write(
            '<!doctype html><meta charset="utf-8"><title>empathymodels</title>'
            f'<meta http-equiv="refresh" content="0;url={address}">'
            f'<a href="{address}">Open the page</a>\n'
        )


def bound(port: int) -> socket.socket:
    """Return a socket on the loopback address."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except OSError as error:
        listening.close()
        raise OSError(
            f"A port must be free; port {port} of {LOOPBACK} is not: {error.strerror}. Give "
            "another, or leave --port out."
        ) from error
    return listening
