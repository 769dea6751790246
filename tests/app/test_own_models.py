"""Models of one's own: from files that are named when the page is started, and only from these."""

import pytest
from starlette.testclient import TestClient

from app.stand_ins import HOST, PORT, TOKEN
from empathymodels.app.desk import Desk, named_models
from empathymodels.app.guard import Guard
from empathymodels.app.script import analysis_script
from empathymodels.app.site import application
from folders import OWN_MODELS

FILE = OWN_MODELS / "rated_pain.py"


@pytest.fixture
def own_client(sessions, workers, tmp_path):
    """A client of a page that was started with a model of one's own."""
    file = tmp_path / FILE.name
    file.write_text(FILE.read_text())
    desk = Desk(sessions, workers, named_models([file]))
    guarded = Guard(application(desk), port=PORT, token=TOKEN)
    client = TestClient(guarded, base_url=HOST, headers={"Origin": HOST})
    client.get("/", params={"token": TOKEN})
    return client, file


def test_a_model_of_ones_own_is_offered_kept_and_run(own_client, sessions):
    client, file = own_client
    text = client.get("/").text
    assert "(your own)</option>" in text and f"Their code is run here: {file}." in text
    table = b"participant,trial,pain\n" + b"".join(
        b"%d,%d,1\n" % (p, t) for p in (1, 2) for t in (1, 2)
    )
    answer = client.post("/", data={"model": "rated_pain"}, files={"trials": ("a.csv", table)})
    assert answer.url.path.endswith("/columns"), answer.text
    (session,) = sessions
    assert (session.folder / FILE.name).read_text() == FILE.read_text()
    assert 'em.get_model("rated_pain.py")' in analysis_script(session.choices | {"rivals": []})
    # the analysis has its own copy, whatever becomes of the file
    file.unlink()
    assert client.get(answer.url.path).status_code == 200


def test_without_one_it_is_said_how_and_none_can_be_uploaded(client, sessions):
    text = client.get("/").text
    assert "empathymodels app --model my_model.py" in text
    for model in ("rated_pain", str(FILE), "rated_pain.py"):
        files = {"trials": ("rated_pain.py", FILE.read_bytes())}
        assert client.post("/", data={"model": model}, files=files).status_code == 422
    assert list(sessions) == []


def test_files_that_are_no_models_are_told_at_the_start(tmp_path):
    for name, text, error in (
        ("a.py", "x = 1", TypeError),
        ("b.txt", "", ValueError),
        ("analysis.py", FILE.read_text(), ValueError),
        ("prosocial_effort.py", FILE.read_text(), ValueError),
        ("Comparison.py", FILE.read_text(), ValueError),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(error):
            named_models([tmp_path / name])
    with pytest.raises(FileNotFoundError):
        named_models([tmp_path / "absent.py"])
    with pytest.raises(ValueError, match=r"found 'rated_pain'. .* Rename the file."):
        named_models([FILE, FILE])


@pytest.mark.parametrize("module", ["random", "json", "numpy", "pymc"])
def test_names_of_modules_are_refused(tmp_path, module):
    file = tmp_path / f"{module}.py"
    file.write_text(FILE.read_text())
    with pytest.raises(ValueError, match=f"found '{module}'. Rename the file, .* my_{module}.py"):
        named_models([file])


def test_a_model_on_the_path_is_not_taken_for_another(tmp_path, monkeypatch):
    file = tmp_path / "found_on_the_path.py"
    file.write_text(FILE.read_text())
    monkeypatch.syspath_prepend(tmp_path)
    assert named_models([file]) == {"found_on_the_path": file.resolve()}


def test_a_model_is_not_called_as_its_rival(own_client, sessions, tmp_path):
    text = FILE.read_text() + "\nmodel = dataclasses.replace(model, rivals={NAMES})\n"
    text = text.replace("from", "import dataclasses\nfrom", 1)
    rival = tmp_path / "plain.py"
    rival.write_text(text.replace("NAMES", "'plain': lambda model: model"))
    with pytest.raises(ValueError, match="must not be called as one of its rivals; 'plain' is"):
        named_models([rival])
    # the file may get such a rival after the start
    client, file = own_client
    file.write_text(text.replace("NAMES", "'rated_pain': lambda model: model"))
    answer = client.post(
        "/", data={"model": "rated_pain"}, files={"trials": ("a.csv", b"participant,trial\n1,1\n")}
    )
    assert answer.status_code == 422 and "as one of its rivals" in answer.text
    assert list(sessions.folder.iterdir()) == list(sessions.folder.glob("*.lock"))
