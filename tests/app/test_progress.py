"""How far a fit is, in words, and what its checks say."""

import pytest

from empathymodels.app import progress as progressing
from empathymodels.app.progress import progress, rows, verdict
from empathymodels.inference.store_progress import Progress


@pytest.fixture
def session(sessions):
    session = sessions.new()
    session.choose(model="prosocial_effort", rivals=["linear"], draws=None)
    return session


@pytest.mark.parametrize(
    ("at", "asked", "says", "left"),
    [
        (Progress(), None, "being compiled; then chains look for where to start", ""),
        (Progress(500), None, "adapting: 500 of 1,000 steps per chain", ""),
        (Progress(500, 0, 0.1), 400, "adapting: 500 of 1,000 steps per chain", "about 2 minutes"),
        (Progress(1000, 160, 0.1), 400, "160 of 400 draws per chain", "about 24 seconds"),
        (Progress(1000, 416, 0.1), 400, "400 of 400 draws per chain", ""),
        (
            Progress(1000, 1200, 1.0),
            None,
            "1,200 of 1,500 draws per chain, where convergence is looked for (at most 5,000)",
            "about 5 minutes",
        ),
    ],
)
def test_progress_and_time_left_in_words(session, monkeypatch, at, asked, says, left):
    session.choose(draws=asked)
    found = {"prosocial_effort.zarr": at, "linear.zarr": Progress()}
    monkeypatch.setattr(progressing, "store_progress", lambda path: found[path.name])
    now = progress(session, "started")
    assert [fit["says"] for fit in now["fits"]] == [says, "waits"]
    assert now["left"] == left
    assert 0 <= now["fits"][0]["share"] <= 1


def test_fits_that_are_written_are_done(session):
    (session.folder / "prosocial_effort.nc").touch()
    (session.folder / "linear.zarr").mkdir()  # a finished fit lies there
    fits = progress(session, "started")["fits"]
    assert [fit["says"] for fit in fits] == ["done", "being written"]


def test_verdicts():
    passed, failed = ({"check": "R-hat", "passed": word} for word in ("True", "False"))
    assert verdict([passed, passed]) == ("All 2 checks passed.", [])
    assert verdict([passed, failed]) == ("1 of 2 checks did not pass.", [failed])


def test_labels_are_shown_as_they_were(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("who,mean\n'@x,-1.5\n'tis,1\n", encoding="utf-8")
    assert rows(file) == [{"who": "@x", "mean": "-1.5"}, {"who": "'tis", "mean": "1"}]
