"""What must be there before anything is answered."""

import signal
import socket
import stat
import threading
import time

import pytest

from empathymodels import cli
from empathymodels.app import serve as serving
from empathymodels.app.serve import LOOPBACK, bound, serve, write_entry


def test_without_the_extra_the_error_names_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(serving, "find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(ImportError, match=r"'uvicorn'. Install them: .*'empathymodels\[app\]'"):
        serve(tmp_path / "analyses")
    assert not (tmp_path / "analyses").exists()
    with pytest.raises(SystemExit) as end:
        cli.main(["app", "--folder", str(tmp_path / "analyses"), "--no-browser"])
    assert end.value.code == 2
    assert "empathymodels[app]" in capsys.readouterr().err


def test_it_listens_on_the_loopback_address_alone():
    with bound(0) as listening:
        address, port = listening.getsockname()
        assert address == LOOPBACK == "127.0.0.1"
        listening.listen()
        with pytest.raises(OSError, match=f"port {port} of 127.0.0.1 is not: .* --port"):
            bound(port)
        with socket.create_connection((address, port)):
            pass


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_page_that_leads_in_is_for_its_owner_alone(tmp_path):
    file = tmp_path / "open.html"
    file.write_text("of an earlier server, for all to read")
    file.chmod(0o644)
    write_entry(file, "http://127.0.0.1:9/?token=a-secret_of-64")
    assert mode_of(file) == 0o600
    assert file.read_text().count("http://127.0.0.1:9/?token=a-secret_of-64") == 2


def test_no_program_has_the_token_among_its_arguments(tmp_path, monkeypatch, capsys):
    folder, opened = tmp_path / "analyses", []
    folder.mkdir(mode=0o755)

    def open_(address):
        (file,) = folder.glob("open-*.html")
        opened.append((address, file, mode_of(folder), mode_of(file), file.read_text()))
        time.sleep(0.5)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    monkeypatch.setattr(serving.webbrowser, "open", open_)
    before = signal.getsignal(signal.SIGTERM)
    try:
        serve(folder)
    finally:
        signal.signal(signal.SIGTERM, before)
    ((address, file, *modes, text),) = opened
    told = capsys.readouterr().err
    token = told.partition("?token=")[2].split()[0]
    assert address == file.as_uri() and token not in address
    assert modes == [0o700, 0o600]
    assert token in text and not file.exists()
    assert "Stopped." in told
