"""Open studies: from local copies, from a server, offline; files that are other ones."""

import threading
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pooch
import pytest

import empathymodels as em
from empathymodels.layout.arrange import arrange
from empathymodels.study import open_studies
from empathymodels.study.open_studies import OPEN_STUDIES, OpenStudy

STUDIES = Path(__file__).parents[2] / "shared" / "studies"
FOLDERS = {
    "charpentier_2024": "charpentier2024_observational",
    "lockwood_2024": "lockwood2024_prosocial_effort_vmpfc",
    "nilsonne_2017": "nilsonne_oxazepam_empathy_pain",
    "saulin_2022": "hein_saulin2019_complex_motives",
}
SIZES = {  # people, and rows with a response
    "charpentier_2024": (126, 19_994),
    "lockwood_2024": (85, 12_306),
    "nilsonne_2017": (63, None),
    "saulin_2022": (33, 4938),
}


@pytest.mark.parametrize("name", OPEN_STUDIES)
def test_a_published_study_is_read_for_its_model(name, capsys):
    folder = STUDIES / FOLDERS[name]
    if not folder.exists():
        pytest.skip(f"{folder.name} is not beside the checkout")
    study = em.fetch_study(name, folder=folder)
    people, rows = SIZES[name]
    model = em.get_model(OPEN_STUDIES[name].model)
    response = next(r.name for r in model.responses if r.name in study.trials)
    assert study.trials["participant"].nunique() == people
    if rows is not None:
        assert study.trials[response].notna().sum() == rows
    told = capsys.readouterr().err
    assert "Licence of the data: " in told and OPEN_STUDIES[name].citation in told
    assert (study.name, study.citation) == (name, OPEN_STUDIES[name].citation)
    assert OPEN_STUDIES[name].commit[:10] in study.notes
    arrangement = arrange(model.rival("no_items") if name == "nilsonne_2017" else model, study)
    assert len(arrangement.participants) == people


def made_up(files):
    named = {name: (f"data/{name}", sha256(text).hexdigest()) for name, text in files.items()}
    return OpenStudy(
        title="made up",
        repository="nobody/nothing",
        commit="0123456789abcdef",
        files=named,
        licence="CC0 1.0",
        citation="Nobody (2026). Nothing.",
        model="prosocial_effort",
        read=lambda folder: em.Study(trials=pd.read_csv(folder / "trials.csv")),
    )


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A study on a server of this machine, and an empty cache."""
    text = b"participant,trial,rating\n007,1,3\n007,2,4\n"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "trials.csv").write_bytes(text)
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    serving = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{serving.server_port}/"
    monkeypatch.setattr(OpenStudy, "address", property(lambda _: address))
    monkeypatch.setitem(open_studies.OPEN_STUDIES, "made_up", made_up({"trials.csv": text}))
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    yield tmp_path
    serving.shutdown()
    thread.join()
    serving.server_close()


def test_files_are_downloaded_once_and_kept(server):
    study = em.fetch_study("made_up")
    assert len(study.trials) == 2
    (server / "data" / "trials.csv").unlink()
    assert em.fetch_study("made_up").trials.equals(study.trials)


def test_a_file_that_was_changed_is_not_read(server):
    (server / "data" / "trials.csv").write_text("participant,trial,rating\n1,1,5\n")
    with pytest.raises(ConnectionError, match=r"could not be downloaded .*nobody/nothing"):
        em.fetch_study("made_up")
    assert not list(server.rglob("cache/*/*/*/trials.csv"))
    with pytest.raises(ValueError, match="has other bytes than the one that was published"):
        em.fetch_study("made_up", folder=server / "data")
    with pytest.raises(ValueError, match=r"'trials.csv' is absent \('data/trials.csv'"):
        em.fetch_study("made_up", folder=server)


def test_offline_it_says_how_to_go_on(server, monkeypatch):
    monkeypatch.setattr(OpenStudy, "address", property(lambda _: "http://127.0.0.1:9/"))
    with pytest.raises(ConnectionError, match=r"by hand, and give their folder: fetch_study\(name"):
        em.fetch_study("made_up")


def test_unknown_names_are_told():
    with pytest.raises(KeyError, match="Did you mean 'lockwood_2024'"):
        em.fetch_study("lockwood2024")


def test_every_study_says_what_it_is():
    for name, study in OPEN_STUDIES.items():
        assert study.model in em.list_models(), name
        assert len(study.commit) == 40 and study.repository.count("/") == 1
        assert all(len(digest) == 64 for _, digest in study.files.values())
        assert study.citation.count("doi:") == 1
