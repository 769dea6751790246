"""Open studies: from local copies, from a server, offline; files that are other ones."""

import threading
from dataclasses import replace
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pooch
import pytest

import empathymodels as em
from empathymodels import cli
from empathymodels.layout.arrange import arrange
from empathymodels.study import fetch_study as fetching
from empathymodels.study import open_studies
from empathymodels.study.open_studies import OPEN_STUDIES
from empathymodels.study.open_study import FileTable, OpenStudy, file_name
from open_copies import COPIES

SIZES = {  # people, rows, and rows with a response, as their authors have them
    "buechel_2018": (372, 1860, 1860),
    "charpentier_2024": (126, 20_160, 19_994),
    "dvs_2024": (228, 1368, 1236),
    "fareri_2021": (32, 8640, 8072),
    "fareri_2022": (97, 14_635, 14_635),
    "fareri_2022_connectivity": (48, 144, 144),
    "jung_2023": (110, 5936, 5936),
    "jung_2023_own": (110, 5571, 5571),
    "lockwood_2024": (85, 12_750, 12_306),
    "nilsonne_2017": (63, 2520, 2499),
    "saulin_2022": (33, 4938, 4938),
    "tamm_2017": (84, 6554, 6554),
}


@pytest.mark.parametrize("name", OPEN_STUDIES)
def test_a_published_study_is_read_for_its_model(name, open_study, capsys):
    study, source = open_study(name), OPEN_STUDIES[name]
    people, rows, answers = SIZES[name]
    assert (len(study.participants), len(study.trials)) == (people, rows)
    if not source.model:
        assert study.trials["gamble"].notna().sum() == answers
        return
    model = eval(source.call, {"em": em})
    response = next(r.name for r in model.responses if r.name in study.trials)
    assert study.trials[response].notna().sum() == answers
    arrangement = arrange(model, study)
    assert len(arrangement.participants) == people


@pytest.mark.parametrize("name", ["lockwood_2024", "fareri_2021"])
def test_licence_and_citation_are_shown(name, capsys):
    if not COPIES[name].exists():
        pytest.skip(f"{COPIES[name].name} is not beside the checkout")
    study, source = em.fetch_study(name, folder=COPIES[name]), OPEN_STUDIES[name]
    told = capsys.readouterr().err
    assert f"Licence of the data: {source.licence}. Cite: {source.citation}" in told
    assert ("Model: em.get_model(" in told) == bool(source.model)
    assert (study.name, study.citation) == (name, source.citation)
    assert source.commit[:10] in study.notes


def made_up(files):
    named = {f"data/{name}": sha256(text).hexdigest() for name, text in files.items()}
    return OpenStudy(
        title="made up",
        repository="nobody/nothing",
        commit="0123456789abcdef",
        files=named,
        licence="CC0 1.0",
        citation="Nobody (2026). Nothing.",
        model="prosocial_effort",
        read=lambda files: em.Study(trials=pd.read_csv(files["trials.csv"])),
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
    empty = server / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=r"'trials.csv' is absent \('data/trials.csv'"):
        em.fetch_study("made_up", folder=empty)


def test_a_repository_is_a_folder_of_its_files(server):
    assert em.fetch_study("made_up", folder=server).trials.equals(em.fetch_study("made_up").trials)


RUNS = {  # two ways to write the same cells
    "sub-07_run-1_events.tsv": ("onset\trating\n0.5\t3\n2\tn/a\n", "rating\n3.0\n\n\n"),
    "sub-07_run-2_events.tsv": ("rating\tonset\n3,25\t0\n", "rating\tmood\n3.250\tgood\n"),
}


@pytest.fixture
def many(server, monkeypatch):
    """A study in many files without a checksum of their own; only one of their columns is read."""
    for name, (text, _) in RUNS.items():
        (server / "data" / name).write_text(text)
    table = FileTable(paths=tuple(f"data/{name}" for name in RUNS), columns=("rating",), digest="")
    files = {name: server / "data" / name for name in RUNS}
    table = replace(table, digest=table.digest_of(table.read(files)))

    def read(files):
        rows = table.read(files).assign(participant="07")
        return em.Study(trials=rows.assign(trial=range(1, 1 + len(rows))))

    monkeypatch.setattr(fetching, "MANY", 1)
    monkeypatch.setitem(
        open_studies.OPEN_STUDIES, "made_up", replace(made_up({}), tables=(table,), read=read)
    )
    return server


def test_a_table_in_many_files_is_known_by_its_cells(many, capsys):
    study = em.fetch_study("made_up")
    assert study.trials["rating"].tolist()[::2] == ["3", "3.25"]
    assert "made_up: downloading 2 files" in capsys.readouterr().err
    for name, (_, other) in RUNS.items():
        (many / "data" / name).write_text(other.replace("\n\n\n", '\n""\n'))
    again = em.fetch_study("made_up", folder=many)
    assert again.trials["rating"].equals(study.trials["rating"])
    assert "downloading" not in capsys.readouterr().err


def test_a_table_with_another_cell_is_not_read(many):
    file = many / "data" / "sub-07_run-2_events.tsv"
    file.write_text("rating\n4\n")
    with pytest.raises(ValueError, match=r"the 2 files like 'sub-07_run-1_events.tsv' have other"):
        em.fetch_study("made_up")
    with pytest.raises(ValueError, match="Remove this folder, fetch again"):
        em.fetch_study("made_up")
    file.unlink()
    with pytest.raises(ValueError, match=r"'sub-07_run-2_events.tsv' is absent"):
        em.fetch_study("made_up", folder=many)


def test_links_to_an_annex_are_not_read(server):
    link = "../.git/annex/objects/1m/1K/MD5E-s17--7c.csv/MD5E-s17--7c.csv"
    (server / "data" / "trials.csv").write_text(link)  # as a server gives it
    with pytest.raises(ValueError, match=r"'trials.csv' is a link to content that git-annex keeps"):
        em.fetch_study("made_up", folder=server)
    (server / "data" / "trials.csv").unlink()
    (server / "data" / "trials.csv").symlink_to(link)  # as a clone has it
    with pytest.raises(ValueError, match=r"`git annex get` in a clone .* folder=\.\.\.\)\.$"):
        em.fetch_study("made_up", folder=server)


def test_links_that_a_download_gives_are_not_to_be_fetched_again(many):
    link = "../.git/annex/objects/1m/1K/MD5E-s17--7c.tsv/MD5E-s17--7c.tsv"
    (many / "data" / "sub-07_run-2_events.tsv").write_text(link)
    with pytest.raises(ValueError, match="git-annex keeps elsewhere") as refused:
        em.fetch_study("made_up")
    assert "`git annex get` in a clone" in str(refused.value)
    assert "again" not in str(refused.value)


def test_many_absent_files_are_not_all_named(tmp_path):
    with pytest.raises(ValueError) as error:
        em.fetch_study("fareri_2022", folder=tmp_path)
    assert "must have the 425 files" in str(error.value)
    assert str(error.value).count("is absent") == 5 and "420 more are" in str(error.value)


def test_offline_it_says_how_to_go_on(server, monkeypatch):
    monkeypatch.setattr(OpenStudy, "address", property(lambda _: "http://127.0.0.1:9/"))
    with pytest.raises(ConnectionError, match=r"by hand, and give their folder: fetch_study\(name"):
        em.fetch_study("made_up")


def test_unknown_names_are_told():
    with pytest.raises(KeyError, match="Did you mean 'lockwood_2024'"):
        em.fetch_study("lockwood2024")


def test_every_study_says_what_it_is():
    for name, study in OPEN_STUDIES.items():
        assert study.model in (*em.list_models(), ""), name
        assert len(study.commit) == 40 and study.repository.count("/") == 1
        digests = [*study.files.values(), *(table.digest for table in study.tables)]
        assert digests and all(len(digest) == 64 for digest in digests)
        assert study.citation.count("doi:") <= 1 and study.licence
        assert len({file_name(path) for path in study.paths}) == len(study.paths)
        assert name in em.fetch_study.__doc__


def fetch(*words):
    try:
        cli.main(["fetch", "made_up", *map(str, words)])
    except SystemExit as ended:
        return ended.code


def test_the_command_line_writes_its_tables(server, capsys):
    out = server / "study"
    assert fetch("--out", out) == 0
    told = capsys.readouterr().err
    assert "Cite: Nobody (2026). Nothing." in told
    assert f"Next: empathymodels fit prosocial_effort --trials {out / 'trials.csv'}" in told
    written = em.Study(trials=out / "trials.csv", participants=out / "participants.csv")
    assert written.trials.equals(em.fetch_study("made_up").trials)
    assert sorted(file.name for file in out.iterdir()) == ["participants.csv", "trials.csv"]
    assert fetch("--out", out) == 2  # nothing is replaced unasked
    (out / "regions.csv").touch()
    capsys.readouterr()
    assert fetch("--out", out, "--overwrite") == 2
    assert "The folder of a study must hold no table of another one" in capsys.readouterr().err
    (out / "regions.csv").unlink()
    assert fetch("--out", out, "--overwrite", "--folder", server / "data") == 0


def test_the_command_line_goes_on_in_python_where_it_must(server, monkeypatch, capsys):
    changed = replace(
        OPEN_STUDIES["made_up"], model="intergroup_bias", variant='.rival("no_items")'
    )
    monkeypatch.setitem(open_studies.OPEN_STUDIES, "made_up", changed)
    assert fetch("--out", server / "one") == 0
    told = capsys.readouterr().err
    assert (
        'Next, in Python: em.fit(em.get_model("intergroup_bias").rival("no_items"), em.St' in told
    )
    monkeypatch.setitem(open_studies.OPEN_STUDIES, "made_up", replace(changed, model=""))
    assert fetch("--out", server / "two") == 0
    assert "Next, in Python: em.Study(trials=" in capsys.readouterr().err
