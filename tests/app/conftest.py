"""A page that is asked without a network, and scripts that stand in for fits."""

import re
import shutil
import time

import pandas as pd
import pytest
from starlette.testclient import TestClient

from app.stand_ins import HOST, HOSTILE, MATCHED, PORT, STAND_IN, TOKEN
from empathymodels.app import script as scripts
from empathymodels.app import worker as working
from empathymodels.app.desk import Desk
from empathymodels.app.guard import Guard
from empathymodels.app.session import RESULTS, Sessions
from empathymodels.app.site import application
from empathymodels.app.worker import Worker


@pytest.fixture
def sessions(tmp_path):
    folder = tmp_path / "analyses"
    folder.mkdir()
    return Sessions(folder)


@pytest.fixture
def workers(sessions, monkeypatch):
    monkeypatch.setattr(working, "LOOK", 0.02)  # seconds between looks at the queue
    workers = {kind: Worker(kind, sessions) for kind in RESULTS}
    for worker in workers.values():
        worker.start()
    yield workers
    for worker in workers.values():
        worker.close()


@pytest.fixture
def stranger(sessions, workers):
    """A client that does not know the token."""
    guarded = Guard(application(Desk(sessions, workers)), port=PORT, token=TOKEN)
    return TestClient(guarded, base_url=HOST, headers={"Origin": HOST})


@pytest.fixture
def client(stranger):
    stranger.get("/", params={"token": TOKEN})
    return stranger


@pytest.fixture
def stand_in(monkeypatch):
    """Let an analysis be another script."""

    def replace(text):
        monkeypatch.setattr(scripts, "analysis_script", lambda choices: text)

    replace(STAND_IN)
    return replace


@pytest.fixture(scope="session")
def messy(study_of_effort):
    """Trials as a laboratory has them: other names, codes, a hostile participant."""
    table = study_of_effort.rename(columns={"participant": "Subject No", "work": "Choice"})
    codes = table["recipient"].map({"self": 1, "other": 2})
    return table.assign(recipient=codes).to_csv(index=False).encode()


@pytest.fixture(scope="session")
def matched(messy, tmp_path_factory):
    """The folder of an analysis of messy trials whose columns were matched on the page."""
    sessions = Sessions(tmp_path_factory.mktemp("matched"))
    workers = {kind: Worker(kind, sessions) for kind in RESULTS}  # they are not started
    client = TestClient(application(Desk(sessions, workers)), base_url=HOST)
    form = {"model": "prosocial_effort", "name": "effort"}
    answer = client.post("/", data=form, files={"trials": ("data.csv", messy)})
    answer = client.post(answer.url.path, data=MATCHED)
    assert answer.url.path.endswith("/plan"), answer.text
    (session,) = sessions
    return session.folder


@pytest.fixture
def planned(matched, sessions):
    """The address of an analysis of messy trials whose columns are matched."""
    shutil.copytree(matched, sessions.folder / matched.name)
    return f"/session/{matched.name}"


@pytest.fixture(scope="session")
def study_of_effort():
    from empathymodels.study.bundled import load_study

    trials = load_study("effort_for_others").trials
    people = trials["participant"].unique()[:4]
    first = trials[trials["participant"].isin(people) & (trials["trial"] <= 30)]
    return pd.DataFrame(first.replace({"participant": {people[0]: HOSTILE}}))


@pytest.fixture
def begin(client):
    """Begin an analysis with uploaded trials; return the answer."""

    def begin(content, file="data.csv", **fields):
        form = {"model": "prosocial_effort", "name": "effort", **fields}
        return client.post("/", data=form, files={"trials": (file, content)})

    return begin


@pytest.fixture
def bundled(client):
    """The address of an analysis of a bundled study."""
    form = {"model": "prosocial_effort", "study": "effort_for_others", "question": HOSTILE}
    answer = client.post("/", data=form)
    return re.sub("/plan$", "", answer.url.path)


@pytest.fixture
def wait(client):
    """Wait until an analysis, or another kind of script, is in a state; return its progress."""

    def wait(address, *states, kind="state"):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            now = client.get(f"{address}/progress").json()
            if now[kind] in states:
                return now
            time.sleep(0.05)
        raise AssertionError(now)

    return wait
