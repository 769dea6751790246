"""Files that are given: several of a table, folders, data sets; what is kept under which name."""

import io
import json
import re
from html import unescape

import pandas as pd
import pytest

from app.stand_ins import HOSTILE
from empathymodels.app import uploads
from empathymodels.app.file_names import pattern_of

PEOPLE = ("07", "12", "30")
TRIALS = "trial,reward,effort,recipient,work\n1,2,3,self,1\n2,4,2,other,0\n"


@pytest.fixture
def send(client, sessions):
    """Begin an analysis with files by their names; return the answer and the session, if any."""

    def send(files, field="trials", paths=None, **fields):
        form = {"model": "prosocial_effort", **fields}
        form |= {f"{field}.paths": json.dumps(paths)} if paths is not None else {}
        sent = [(field, (name, io.BytesIO(text.encode()))) for name, text in files.items()]
        answer = client.post("/", data=form, files=sent)
        return answer, next(iter(sessions), None)

    return send


def said(answer):
    assert answer.status_code == 422, answer.text
    return unescape(answer.text.split('id="fault">')[1].split("</div>")[0])


def kept(session):
    """Where tables are kept, without the digests of their contents."""
    places = (path.relative_to(session.folder) for path in session.folder.rglob("*.?sv"))
    return {re.sub("^trials_[0-9a-f]{12}/", "trials/", place.as_posix()) for place in places}


def names(pattern):
    return {pattern.format(person): TRIALS for person in PEOPLE}


def fields_of(text):
    """What the fields of a page hold that has columns chosen already."""
    lists = re.findall(r'<select [^>]*name="([^"]+)".*?</select>', text, re.DOTALL)
    held = {}
    for name in lists:
        options = text.split(f'name="{name}"')[1].split("</select>")[0]
        found = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        held[name] = (found[1] or found[2]) if found else ""
    return held | dict(re.findall(r'<input [^>]*name="([^"]+)" value="([^"]*)"', text))


# ------------------------------------------------------------------------- several files


@pytest.mark.parametrize("is_told", [True, False])
def test_a_file_per_person_is_read_by_its_name(send, client, is_told):
    files = names("study/VP{} effort.csv")
    given = {name.rpartition("/")[2]: text for name, text in files.items()} if is_told else files
    answer, session = send(given, paths=list(files) if is_told else None)
    assert kept(session) == {f"trials/VP{person} effort.csv" for person in PEOPLE}
    assert "Trials: study, 3 files" in answer.text and session.choices["name"] == "study"
    fields = fields_of(answer.text)
    assert fields["file_names"] == "VP{participant} effort.csv"
    answer = client.post(answer.url.path, data=fields)
    assert answer.url.path.endswith("/plan"), answer.text
    assert "6 rows of trials, 3 rows of participants" in answer.text


def test_folders_within_folders_and_what_else_lies_there(send, client):
    files = names("d/sub-{0}/sub-{0}_run-1_x.csv")
    files |= {"d/readme.md": "x", "d/.DS_Store": "x", "d/sub-07/.hidden.csv": "x"}
    answer, session = send(files)
    assert "Left out, since they are no tables: d/readme.md." in answer.text
    assert kept(session) == {f"trials/sub-{p}/sub-{p}_run-1_x.csv" for p in PEOPLE}
    fields = fields_of(answer.text)
    assert fields["file_names"] == "sub-{participant}/sub-*_run-{block}_x.csv"
    answer = client.post(answer.url.path, data=fields | {"file_names": "vp{participant}/*.csv"})
    assert "'What the names of the files say'" in said(answer)
    assert 'value="vp{participant}/*.csv"' in answer.text
    answer = client.post(answer.url.path, data=fields)
    assert "3 rows of participants" in answer.text
    assert session.choices["file_names"] == fields["file_names"]


@pytest.mark.parametrize(
    "name",
    [
        "../{}.csv",
        "d/../../{}.csv",
        "/etc/{}.csv",
        "..\\{}.csv",
        "d/{}:x.csv",
        "d/{}\x00.csv",
        "d/con{}/nul.csv",
        "d/" + HOSTILE + "/{}.csv",
        "a/b/c/d/e/f/g/h{}/x.csv",
        "d/{}/ x.csv",
        "d/~{}.csv",
    ],
)
def test_names_that_may_be_no_paths_are_refused(send, sessions, name):
    answer, session = send({"a.csv": TRIALS, "b.csv": TRIALS}, paths=["d/k.csv", name.format("x")])
    if session is None:
        assert "Rename them." in said(answer) and HOSTILE not in answer.text
    else:  # what all names share was left away, and the rest is harmless
        assert len(kept(session)) == 2 and not re.search(r"[^\w/. ]", "".join(kept(session)))
        assert all(place.startswith("trials/") for place in kept(session))
    outside = [p for p in sessions.folder.parent.rglob("*.csv") if "/trials_" not in p.as_posix()]
    assert outside == [] and str(sessions.folder) not in answer.text


def test_names_of_several_files_must_be_of_one_kind_and_depth(send):
    deep = {"d/a.csv": TRIALS, "d/e/b.csv": TRIALS}
    assert "equally deep" in said(send(deep)[0])
    twice = {"d/a.csv": TRIALS, "d/A.csv": TRIALS}
    assert "names of their own" in said(send(twice)[0])
    assert "found 'b.xlsx' for trials" in said(send({"a.csv": TRIALS, "b.xlsx": "x"})[0])
    answer, _ = send({"d/a.csv": TRIALS, "d/b.csv": "a,b\n1\n"})
    assert "trials in 'trials/b.csv'" in said(answer)


@pytest.mark.parametrize("paths", ["no json", '["a"]', "[1, 2]", '{"a": 1}', "[" * 10**5, ""])
def test_paths_that_are_none_are_not_taken(client, sessions, paths):
    form = {"model": "prosocial_effort", "trials.paths": paths}
    files = [("trials", (name, TRIALS.encode())) for name in ("p1.csv", "p2.csv")]
    assert client.post("/", data=form, files=files).status_code == 200
    assert kept(next(iter(sessions))) == {"trials/p1.csv", "trials/p2.csv"}


def test_patterns_of_names():
    cases = {
        ("a.csv", "b.csv"): "{participant}.csv",
        ("s1/x.csv", "s2/x.csv"): "s{participant}/x.csv",
        ("vp1_a/x.csv", "vp2_b/y.csv"): "",
        ("p10.csv", "p1.csv"): "p{participant}.csv",
        ("sub-1_ses-1_x.csv", "sub-1_ses-2_x.csv"): "sub-{participant}_ses-{session}_x.csv",
        ("sub-1_x.csv", "sub-2_y.csv"): "sub-{participant}_*.csv",
        ("one.csv",): "",
    }
    for given, pattern in cases.items():
        assert pattern_of(given) == pattern, given


# -------------------------------------------------------------------------- BIDS data sets


@pytest.fixture
def data_set(tmp_path):
    """A data set of two tasks on this machine: its files by their paths."""
    events = "onset\tduration\ttrial_type\treward\teffort\trecipient\tChoice\n"
    events += "0\t1\toffer\t2\t3\tself\t1\n2\t1\tfixation\tn/a\tn/a\tn/a\tn/a\n"
    events += "4\t1\toffer\t4\t2\tother\t0\n"
    files = {"participants.tsv": "participant_id\tage\nsub-01\t20\nsub-02\t30\n"}
    files |= {f"sub-{p}/func/sub-{p}_task-effort_events.tsv": events for p in ("01", "02")}
    files |= {f"sub-{p}/func/sub-{p}_task-effort_bold.nii.gz": "image" for p in ("01", "02")}
    files |= {"sub-01/func/sub-01_task-rest_events.tsv": "onset\tduration\n0\t9\n"}
    files |= {"derivatives/sub-01/func/sub-01_task-other_events.tsv": events, "code/a.tsv": "x"}
    root = tmp_path / "my data"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root, files


@pytest.mark.parametrize("way", ["dropped", "chosen", "path"])
def test_a_data_set_is_read_by_task_and_rows(send, client, data_set, way):
    root, files = data_set
    named = {f"my data/{name}": text for name, text in files.items()}
    if way == "path":
        answer, session = send({}, **{"bids.path": str(root)})
    elif way == "dropped":
        answer, session = send(named, "bids")
    else:
        answer, session = send(named, "bids.folder")
    assert kept(session) == {f"bids/{name}" for name in files if re.match(r"p|sub.*sv$", name)}
    images = list(session.folder.rglob("*.nii.gz"))
    assert len(images) == 2 and not any(path.stat().st_size for path in images)
    fields = fields_of(answer.text)
    assert fields["task"] == "effort" and session.choices["bids"]["tasks"] == ["effort", "rest"]
    assert "trials.participant.column" not in fields and "can be covariates" in answer.text
    if way != "path":
        return
    place, own = answer.url.path, list(session.choices["files"]["trials"]["columns"])
    fields["trials.work.column"] = str(own.index("Choice"))
    assert "'recipient' of trials must be given" in said(client.post(place, data=fields))
    wrong = client.post(place, data=fields | {"keep": "trial_typ == 'offer'"})
    assert "'Rows to keep' must be a condition" in said(wrong)
    answer = client.post(place, data=fields | {"keep": "trial_type == 'offer'"})
    assert answer.url.path.endswith("/plan"), answer.text
    assert "4 rows of trials, 2 rows of participants" in answer.text and ": age." in answer.text
    # another task has other columns
    answer = client.post(place, data=fields | {"task": "rest"})
    assert answer.url.path == place and "Choice" not in answer.text
    assert "must be a task" in said(client.post(place, data=fields | {"task": "nothing"}))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("relative/place", "by its whole path"),
        ("~nobody-of-this-name/study", "by its whole path"),
        ("/nowhere/at/all", "which is no folder"),
        ("{root}/sub-01", "Did you mean '"),
        ("{root}/code", "which has no such folder"),
    ],
)
def test_folders_that_are_no_data_set_are_told(send, data_set, sessions, path, says):
    answer, _ = send({}, **{"bids.path": path.format(root=data_set[0])})
    assert says in said(answer)
    assert f'value="{path.format(root=data_set[0])}"' in answer.text
    assert list(sessions) == [] and list(sessions.folder.glob("*/*")) == []


def test_a_data_set_without_its_contents_is_told(send, data_set):
    root, _ = data_set
    events = root / "sub-01" / "func" / "sub-01_task-effort_events.tsv"
    events.unlink()
    events.symlink_to("annexed")
    assert "datalad get" in said(send({}, **{"bids.path": str(root)})[0])


@pytest.mark.parametrize("way", ["chosen", "path"])
def test_a_recording_may_be_a_folder(send, tmp_path, way):
    person = "sub-01/meg/sub-01_task-effort_meg.ds"
    files = {"task-effort_events.tsv": TRIALS.replace(",", "\t").replace("trial", "onset")}
    files |= {f"{person}/{name}": "raw" for name in ("sub-01_task-effort_meg.meg4", "hz~.txt")}
    files |= {f"{person}/a.json": "{}", "sub-01/meg/sub-01_T1w.nii": "image", "code/a.tsv": "x"}
    for name, text in files.items():
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text(text)
    if way == "path":
        answer, session = send({}, **{"bids.path": str(tmp_path / "d")})
    else:
        answer, session = send({f"d/{name}": text for name, text in files.items()}, "bids.folder")
        left_out = ["sub-01/meg/sub-01_T1w.nii", "code/a.tsv"]
        assert session.choices["bids"]["left_out"] == left_out
        assert f"since nothing is read of them: {', '.join(left_out)}." in answer.text
    assert answer.url.path.endswith("/columns"), answer.text
    there = [path for path in (session.folder / "bids").rglob("*") if path.is_file()]
    names = {path.relative_to(session.folder / "bids").as_posix() for path in there}
    assert names == {"task-effort_events.tsv", person}


def test_uploads_that_are_no_data_set_are_told(send):
    assert "a folder sub-<label> for everybody" in said(send({"x/a.tsv": "a\n"}, "bids.folder")[0])
    strange = {"x/sub-1/func/sub-1_task-a?_events.tsv": "onset\n1\n"}
    assert "Rename them." in said(send(strange, "bids.folder")[0])


def test_nothing_is_left_of_what_failed(client, sessions, monkeypatch):
    def fail(*_):
        raise RuntimeError("of ours")

    monkeypatch.setattr(uploads, "read_table", fail)
    with pytest.raises(RuntimeError, match="of ours"):
        files = {"trials": ("a.csv", TRIALS.encode())}
        client.post("/", data={"model": "prosocial_effort"}, files=files)
    assert list(sessions.folder.iterdir()) == list(sessions.folder.glob("*.lock"))


def test_data_come_from_one_place(client, sessions, data_set):
    form = {"model": "prosocial_effort", "bids.path": str(data_set[0])}
    answer = client.post("/", data=form, files={"trials": ("a.csv", TRIALS.encode())})
    assert "found both" in said(answer)
    assert list(sessions) == []


@pytest.mark.parametrize("codes", ["", "1=1, 0=0"])
def test_codes_that_are_not_told_are_advised_by_fields(send, client, codes):
    rows = "".join(f"1,{t},2,3,self,{w}\n" for t, w in enumerate([1, 0] * 30 + [98, 99]))
    answer, _ = send({"a.csv": f"participant,trial,reward,effort,recipient,work\n{rows}"})
    fields = fields_of(answer.text) | {"trials.work.codes": codes}
    told = said(client.post(answer.url.path, data=fields))
    assert "under 'What other codes mean' of 'work', as 98=MEANING" in told
    assert f"write 98{'' if codes else ', 99'} under 'Codes of missing values'" in told
    assert "={" not in told and "others=" not in told


def test_cells_are_shown_as_they_are_read(send):
    table = pd.DataFrame({"RT": ["1,5", "0,25"], "n": ["n/a", "3"]}).to_csv(sep=";", index=False)
    answer, _ = send({"a.csv": table})
    assert "RT (1.5, 0.25)" in answer.text
