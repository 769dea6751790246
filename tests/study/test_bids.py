"""BIDS data sets: what is read from names, tables and sidecars, and what is said when they err."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from empathymodels.study.keys import join_rows
from empathymodels.study.study import Study
from open_copies import COPIES, split, text_of

TRUST = COPIES["fareri_2022"]
HANDS = COPIES["tamm_2017"]
HEADER = "onset duration event_type rating"


def write(root, name, rows, header=HEADER):
    """Write a table; cells are parted by spaces, and None writes a file without any byte."""
    labels = dict(part.split("-") for part in name.split("_")[:-1])
    folders = [f"{key}-{labels[key]}" for key in ("sub", "ses") if key in labels]
    file = Path(root, *folders, "beh" if name.endswith("beh") else "func", f"{name}.tsv")
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [] if rows is None else [header, *rows]
    file.write_text("".join("\t".join(line.split(" ")) + "\n" for line in lines))
    return file


def write_json(root, name, content):
    file = Path(root, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def read(root, **more):
    return Study.from_bids(root, **{"task": "pain"} | more)


def refusal(root, **more):
    with pytest.raises(ValueError) as error:
        read(root, **more)
    return " ".join(str(error.value).split())


@pytest.fixture
def tree(tmp_path):
    """Two people, two sessions of two runs, each of two pictures and their ratings."""
    for person, sessions in (("007", (1, 2)), ("12", (1,))):
        for session in sessions:
            for run in ("01", "02"):
                name = f"sub-{person}_ses-{session}_task-pain_run-{run}_events"
                rows = ["0 2 picture n/a", "3 1 rate 64", "10 2 picture n/a", "13 1 rate n/a"]
                write(tmp_path, name, rows)
    (tmp_path / "participants.tsv").write_text(
        "participant_id\tage\tgroup\nsub-12\t30\tn/a\nsub-007\t41\tcontrol\nsub-3\tn/a\tpatient\n"
    )
    return tmp_path


@pytest.fixture
def one(tmp_path):
    """One person, one run."""
    write(tmp_path, "sub-01_task-pain_events", ["0 2 picture 1", "3 1 rate 2", "9 1 rate 3"])
    return tmp_path


# names and tables


def test_keys_come_from_the_names(tree):
    study = read(tree)
    assert list(study.trials)[:4] == ["participant", "session", "block", "trial"]
    assert len(study.trials) == 24
    assert study.trials["participant"].unique().tolist() == ["007", "12"]
    first = study.trials.query("participant == '007' and session == 2 and block == 2")
    assert first["trial"].tolist() == [1, 2, 3, 4]
    assert first["onset"].tolist() == [0, 3, 10, 13]
    assert first["rating"].isna().tolist() == [True, False, True, True]
    assert study.trials["session"].dtype == study.trials["block"].dtype == int
    assert "read column 'run-' as 'block'" in study.log


def test_people_without_events_stay_and_order_is_that_of_participants(tree):
    people = read(tree).participants
    assert people["participant"].tolist() == ["12", "007", "3"]
    assert people["age"].tolist()[:2] == [30, 41]
    assert people["group"].isna().tolist() == [True, False, False]


def test_without_a_table_people_are_those_with_rows(tree):
    (tree / "participants.tsv").unlink()
    assert read(tree).participants["participant"].tolist() == ["007", "12"]


def test_keep_chooses_rows_and_is_logged(tree):
    study = read(tree, keep="event_type == 'rate' and session == 1")
    assert study.trials["trial"].tolist() == [1, 2] * 4
    assert study.trials["onset"].unique().tolist() == [3, 13]
    assert "dropped 16 of 24 rows: kept event_type == 'rate' and session == 1" in study.log
    assert any(
        line.startswith("no row was kept of 2 files: 'sub-007_ses-2_task-pain_run-01_events.tsv'")
        for line in study.log
    )


def test_keep_reads_every_part_of_the_names(tree):
    write(tree, "sub-12_ses-1_task-pain_acq-fast_run-3_events", ["1 1 rate 5"])
    keep = "participant == '12' and block >= 3 and acq == 'fast'"
    study = Study.from_bids(tree, task="pain", keep=keep)
    assert study.trials[["block", "acq", "rating"]].to_numpy().tolist() == [[3, "fast", 5]]


def test_rows_are_put_in_order_of_onset(tmp_path):
    write(tmp_path, "sub-01_task-pain_events", ["10 1 rate 2", "9 1 rate 1", "11 1 rate 3"])
    study = read(tmp_path)
    assert study.trials[["trial", "rating"]].to_numpy().tolist() == [[1, 1], [2, 2], [3, 3]]
    assert "put 2 rows in order of onset" in study.log


def test_numbers_in_labels_ascend(tmp_path):
    for run in (10, 9, 1):
        for person in ("p10", "p9"):
            write(tmp_path, f"sub-{person}_task-pain_run-{run}_events", ["0 1 rate 1"])
    trials = read(tmp_path).trials
    assert trials["participant"].tolist() == ["p9"] * 3 + ["p10"] * 3
    assert trials["block"].tolist() == [1, 9, 10] * 2


def test_an_only_run_need_not_be_numbered(tmp_path):
    write(tmp_path, "sub-1_task-pain_events", ["0 1 rate 1"])
    write(tmp_path, "sub-2_task-pain_run-2_events", ["0 1 rate 1"])
    study = read(tmp_path)
    assert study.trials["block"].tolist() == [1, 2]
    assert "took 1 file without run- in the name for run 1" in study.log


def test_only_some_files_with_sessions(tree):
    write(tree, "sub-3_task-pain_run-1_events", ["0 1 rate 1"])
    assert "'session' must be given in every row of trials. It is missing in 1 of" in refusal(tree)
    assert "session" not in read(tree, keep="missing(session)").trials
    assert read(tree, keep="not missing(session)").trials["session"].dtype == int


def test_tables_as_they_are_found(one):
    file = one / "sub-01" / "func" / "sub-01_task-pain_events.tsv"
    text = '\ufeffonset\tsaid\r\n0\t"a ""b""\tc"\r\n\r\n 1.5 \té\r\n'
    file.write_bytes(text.encode())
    trials = read(one).trials
    assert trials[["onset", "said"]].to_numpy().tolist() == [[0, 'a "b"\tc'], [1.5, "é"]]


def test_types_are_those_of_the_whole_column(tmp_path):
    header = "onset code hit name when"
    write(tmp_path, "sub-1_task-pain_events", ["0 1 true 01 n/a"], header)
    write(tmp_path, "sub-2_task-pain_events", ["0 2 False b n/a"], header)
    trials = read(tmp_path).trials
    assert trials["code"].dtype == int
    assert trials["hit"].dtype == bool
    assert trials["name"].tolist() == ["01", "b"]
    assert trials["when"].dtype == float


def test_files_with_other_columns_are_united(one, capsys):
    write(one, "sub-02_task-pain_events", ["0 1 5"], "onset duration pupil")
    write(one, "sub-03_task-pain_events", [])
    write(one, "sub-04_task-pain_events", None)
    study = read(one)
    assert study.trials["pupil"].isna().tolist() == [True] * 3 + [False]
    assert study.trials["rating"].isna().tolist() == [False] * 3 + [True]
    assert study.log[:5] == (
        "read 4 files of task 'pain'",
        "2 files had no rows: 'sub-03_task-pain_events.tsv', 'sub-04_task-pain_events.tsv'",
        "1 file had no column 'event_type': read as missing",
        "1 file had no column 'rating': read as missing",
        "1 file had no column 'pupil': read as missing",
    )
    assert "1 file had no column 'rating': read as missing." in capsys.readouterr().err


def test_other_tasks_and_folders_are_left_alone(one):
    write(one, "sub-01_task-painful_events", ["0 1 rate 1"])
    write(one / "derivatives", "sub-01_task-pain_events", ["0 1 rate 1"])
    write(one, "sub-01_task-pain_physio", ["0 1 rate 1"])
    (one / "sub-01" / "func" / "._sub-01_task-pain_events.tsv").write_bytes(b"\x00\xff")
    assert len(read(one).trials) == 3


def test_behaviour_is_read_where_there_are_no_events(one):
    write(one, "sub-02_task-pain_beh", ["late 5", "early 6"], "moment rating")
    write(one, "sub-01_task-pain_beh", ["late 5"], "moment rating")
    study = read(one)
    rows = study.trials.query("participant == '02'")
    assert rows[["trial", "moment", "rating"]].to_numpy().tolist() == [
        [1, "late", 5],
        [2, "early", 6],
    ]
    assert "did not read 1 _beh.tsv file: there are events of the same run" in study.log


def test_behaviour_alone_needs_no_onset(tmp_path):
    write(tmp_path, "sub-02_task-pain_beh", ["5", "6"], "rating")
    assert read(tmp_path).trials["trial"].tolist() == [1, 2]


# names of columns, codes


def test_columns_name_ours(tree):
    columns = {"pain": "rating", "trial": "onset", "years": "age", "participant": "participant_id"}
    study = read(tree, columns=columns, missing={"pain": [64], "years": 30})
    assert study.trials["trial"].tolist() == [0, 3, 10, 13] * 6
    assert study.trials["pain"].isna().all()
    assert study.participants["years"].isna().tolist() == [True, False, True]
    assert "read 6 of 24 values of trials.pain as missing: '64'" in study.log


def test_people_may_be_listed_under_another_name(tree):
    file = tree / "participants.tsv"
    file.write_text(file.read_text().replace("participant_id", "who"))
    assert len(read(tree, columns={"participant": "who"}).participants) == 3
    text = refusal(tree)
    assert "participants.tsv must have a column 'participant_id'. It has 'who', 'age'" in text
    assert 'Name that of the labels: columns={"participant": "..."}.' in text


def test_a_trial_column_of_the_files_is_used(tmp_path):
    write(tmp_path, "sub-1_task-pain_events", ["5 8", "n/a 7"], "onset trial")
    study = read(tmp_path)
    assert study.trials["trial"].tolist() == [8, 7]  # and onsets need not order the rows
    write(tmp_path, "sub-1_task-pain_events", ["5 8", "2 7"], "onset trial")
    study = read(tmp_path, columns={"trial_in_file": "trial"})
    assert study.trials[["trial", "trial_in_file"]].to_numpy().tolist() == [[1, 7], [2, 8]]


def test_a_block_within_a_run(tmp_path):
    header = "onset cycle"
    write(tmp_path, "sub-1_task-pain_run-1_events", ["0 1", "5 2"], header)
    write(tmp_path, "sub-1_task-pain_run-2_events", ["0 2", "5 3"], header)
    trials = read(tmp_path, columns={"block": "cycle"}).trials
    assert trials[["block", "trial", "run"]].to_numpy().tolist() == [
        [1, 1, 1],
        [2, 1, 1],
        [2, 2, 2],
        [3, 1, 2],
    ]


def test_a_block_in_the_file_without_runs_in_the_names(tmp_path):
    write(tmp_path, "sub-1_task-pain_events", ["0 1", "5 1", "6 2"], "onset block")
    assert read(tmp_path).trials["trial"].tolist() == [1, 2, 1]


# sessions


def sessions_tree(root, acquired):
    for person, times in acquired.items():
        for session in ("post", "pre"):
            write(root, f"sub-{person}_ses-{session}_task-pain_events", ["0 1 rate 1"])
        rows = [f"ses-{session}\t{time}" for session, time in times.items()]
        if rows:
            file = root / f"sub-{person}" / f"sub-{person}_sessions.tsv"
            file.write_text("\n".join(["session_id\tacq_time", *rows]) + "\n")


def order(study):
    return study.trials.groupby("participant")["session"].agg(list).to_dict()


def test_text_sessions_are_in_order_of_time(tmp_path):
    first, second = "1877-01-05T10:00:00", "1877-02-01T09:00:00"
    times = {"1": dict(pre=first, post=second), "2": dict(pre=second, post=first)}
    sessions_tree(tmp_path, times)
    assert order(read(tmp_path)) == {"1": ["pre", "post"], "2": ["post", "pre"]}


def test_text_sessions_without_times_are_doubtful(tmp_path):
    sessions_tree(tmp_path, {"1": {}, "2": dict(pre="n/a", post="1877-02-01T09:00:00")})
    with pytest.warns(UserWarning, match=r"'post', 'pre' of 2 participants .* sessions=\[") as told:
        assert order(read(tmp_path))["1"] == ["post", "pre"]
    assert "test_bids" not in told[0].message.args[0]
    study = read(tmp_path, sessions=["pre", "post"])
    assert order(study) == {"1": ["pre", "post"], "2": ["pre", "post"]}
    assert "read sessions 'pre', 'post' of 'post', 'pre'" in study.log
    assert order(read(tmp_path, sessions="post")) == {"1": ["post"], "2": ["post"]}


def test_sessions_join_whatever_their_type(tree):
    study = read(tree, keep="event_type == 'rate'", sessions=[2])
    regions = pd.DataFrame(
        {"participant": "007", "session": "02", "block": [2.0, 1.0], "region": "AI", "beta": 0.0}
    )
    study = Study(trials=study.trials, regions=regions.assign(trial=2))
    np.testing.assert_array_equal(
        join_rows(study.regions, study.trials, "regions", "trials"), [3, 1]
    )


# sidecars


@pytest.fixture
def described(tmp_path):
    """Codes of partners; the second person's file has its own levels."""
    header = "onset partner rating"
    for person in ("1", "2"):
        write(tmp_path, f"sub-{person}_task-pain_events", ["0 1 5", "9 2 n/a"], header)
    (tmp_path / "participants.tsv").write_text("participant_id\tsex\nsub-1\tF\nsub-2\tM\n")
    partner = {"Description": "Who gave pain", "Levels": {"1": "friend", "2": "stranger"}}
    write_json(tmp_path, "task-pain_events.json", {"partner": partner, "rating": {"Units": "mm"}})
    levels = {"1.0": {"Description": "friend"}, "2": "stranger", "3": {}}
    own = {"partner": {"LongName": "Giver of pain", "Levels": levels}}
    write_json(tmp_path, "sub-2/func/sub-2_task-pain_events.json", own)
    write_json(tmp_path, "participants.json", {"sex": {"Levels": {"F": "female", "M": "male"}}})
    write_json(tmp_path, "events.json", {"rating": {"Units": "cm"}, "onset": {"Units": "s"}})
    write_json(tmp_path, "task-other_events.json", {"rating": {"Units": "km"}})
    about = {
        "Name": "Pain of others",
        "Authors": ["A. One", "B. Two"],
        "License": "CC0",
        "DatasetDOI": "doi:10.1/x",
        "HowToAcknowledge": "Cite us.",
    }
    write_json(tmp_path, "dataset_description.json", about)
    return tmp_path


def test_notes_and_citation(described):
    study = read(described, columns={"pain": "rating"})
    assert study.name == "Pain of others"
    assert study.citation == "A. One, B. Two. Pain of others. doi:10.1/x. Licence: CC0."
    assert study.notes.splitlines() == [
        "To acknowledge: Cite us.",
        "trials.pain: Units: mm",
        "trials.onset: Units: s",
        "trials.partner: Who gave pain. Levels: 1 = friend; 2 = stranger (1 other description in "
        "other files)",
        "participants.sex: Levels: F = female; M = male",
    ]


def test_without_descriptions_the_folder_gives_the_name(one):
    study = read(one)
    assert (study.name, study.citation, study.notes) == (one.name, "", "")


def test_levels_name_the_codes(described):
    columns, missing = {"gender": "sex", "friend": "partner"}, {"friend": [2]}
    labels = ["friend", "gender"]
    study = read(described, columns=columns, labels=labels, missing=missing)
    assert study.trials["friend"].fillna("-").tolist() == ["friend", "-", "friend", "-"]
    assert study.participants["gender"].tolist() == ["female", "male"]
    words = "read 2 of 4 values of trials.friend by their codes: 1 as friend"
    assert words in study.log
    study = read(described, labels="sex", codes={"partner": {1: "A"}}, others="keep")
    assert study.trials["partner"].tolist() == ["A", 2, "A", 2]


def test_the_nearest_sidecar_counts(tmp_path):
    for name in ("ses-1_task-pain_run-1", "ses-1_task-pain_run-2", "ses-2_task-pain_run-1"):
        write(tmp_path, f"sub-1_{name}_events", ["0 1"], "onset partner")
    for path, partner, unit in (
        ("task-pain_events.json", "friend", "s"),
        ("sub-1/ses-1/sub-1_ses-1_task-pain_events.json", "stranger", "s"),
        ("sub-1/ses-1/func/sub-1_ses-1_task-pain_run-2_events.json", "stranger", "ms"),
    ):
        content = {"partner": {"Levels": {"1": partner}}, "onset": {"Units": unit}}
        write_json(tmp_path, path, content)
    first = read(tmp_path, labels=["partner"], sessions=["1"])
    assert first.trials["partner"].tolist() == ["stranger", "stranger"]
    assert first.notes.splitlines()[1] == (
        "trials.onset: Units: s (1 other description in other files)"
    )
    second = read(tmp_path, labels=["partner"], sessions=["2"])
    assert second.trials["partner"].tolist() == ["friend"]
    text = refusal(tmp_path, labels=["partner"])
    assert "A code of 'partner' must have one meaning to be replaced by it. Found '1' as" in text
    assert "as 'stranger', 'friend' in the Levels of different sidecars. Correct the side" in text


# what is wrong


def test_no_bids_tree(tree):
    with pytest.raises(ValueError, match=r"must be a BIDS data set.*'nowhere', which is no folder"):
        read("nowhere")
    text = refusal(tree / "sub-12")
    assert "sub-12', which has no such folder. Give the folder that holds participants.tsv" in text
    assert text.endswith(f"Did you mean '{tree}'?")


def test_no_such_task(tree):
    write(tree, "sub-3_task-rest_events", ["0 1 rate 1"])
    text = refusal(tree, task="pian")
    assert "`task` must be a task with events or behaviour" in text
    assert "Found none in 7 files of" in text
    assert "There are 'pain', 'rest'. Name one of them. Did you mean 'pain'?" in text


def test_no_rows(tmp_path):
    write(tmp_path, "sub-01_task-pain_events", [])
    text = refusal(tmp_path)
    assert f"Task 'pain' of BIDS data set '{tmp_path.name}' cannot be used as it is: 1. The" in text
    assert "must hold rows. Found none in 1 file: 'sub-01_task-pain_events.tsv'" in text


def test_onsets_must_be_numbers(tmp_path):
    write(tmp_path, "sub-01_task-pain_events", ["0 1 rate 1", "n/a 1 rate 1", "soon 1 rate 1"])
    write(tmp_path, "sub-02_task-pain_events", ["1 rate"], "duration event_type")
    text = refusal(tmp_path)
    assert "'onset' must be a number in every row that is kept, it orders the trials. Found" in text
    assert (
        "Found n/a in 2 and 'soon' in 1 of 4 rows, first 'sub-01_task-pain_events.tsv, line 3',"
        in (text)
    )
    assert "'sub-02_task-pain_events.tsv, line 2'. Repair the files, leave the rows out" in text
    assert len(read(tmp_path, keep="onset == '0'").trials) == 1


def test_no_onset_at_all(tmp_path):
    write(tmp_path, "sub-01_task-pain_events", ["1 rate"], "duration event_type")
    assert "Found n/a in 1 of 1 row, first" in refusal(tmp_path)


def test_named_trials_must_not_repeat(tree):
    text = refusal(tree, columns={"trial": "duration"})
    assert (
        "'duration' numbers the trials and must tell the rows of a run apart. Found 24 of 24"
        in (text)
    )
    assert "share theirs: participant '007', session 1, block 1, trial 2; " in text
    assert "choose one of them, as in keep=\"trial_type == '...'\"; or have the rows" in text
    assert "with no `trial` in `columns`" in text
    assert " 2. " not in text


def test_trials_of_the_files_must_not_repeat(tmp_path):
    write(tmp_path, "sub-1_task-pain_events", ["5 8", "6 8", "7 n/a"], "onset trial")
    text = refusal(tmp_path)
    assert "Found 2 of 3 rows that share theirs: participant '1', trial 8." in text
    assert 'with columns={"trial_in_file": "trial"}' in text


def test_equal_onsets_are_told(tree):
    name = "sub-12_ses-1_task-pain_run-02_events"
    write(tree, name, ["0 1 rate 1", "3 1 rate 2", "3 1 rate 2", "3 1 rate 3"])
    with pytest.warns(UserWarning) as told:
        study = read(tree)
    text = str(told[0].message)
    assert len(told) == 1
    assert Path(told[0].filename).name == "test_bids.py"
    assert "Found 3 of 24 rows that share theirs, 2 of them equal in all columns" in text
    assert "columns: participant '12', session 1, block 2, trial 2; participant '12'" in text
    assert "3 of 24 rows share their onset with another of their file" in study.log
    assert study.trials["rating"].tolist()[-3:] == [2, 2, 3]


def test_files_of_one_run(one):
    for acquisition in ("a", "b"):
        write(one, f"sub-02_task-pain_acq-{acquisition}_events", ["0 1 rate 1"])
    text = refusal(one)
    assert "Files of a task must differ in participant, session or run. Found 2 of 3 files" in text
    assert "'sub-02_task-pain_acq-a_events.tsv', 'sub-02_task-pain_acq-b_events.tsv'" in text
    assert read(one, keep="acq == 'a'").trials["participant"].tolist() == ["02"]


def test_files_of_one_name_are_told_by_their_folders(one):
    again = one / "sub-01" / "eeg" / "sub-01_task-pain_events.tsv"
    again.parent.mkdir()
    again.write_text("onset\tduration\n1\t1\n")
    assert "'eeg/sub-01_task-pain_events.tsv', 'func/sub-01_task-pain_events.tsv'" in refusal(one)


@pytest.mark.parametrize("folder", ["sub-02", "SUB-02", "Sub-10"])
def test_people_of_whom_nothing_is_read_are_told(one, folder, capsys):
    (one / folder / "func").mkdir(parents=True)
    (one / folder / "func" / f"{folder}_task-pain_events.tsv.gz").write_bytes(b"")
    assert read(one).participants["participant"].tolist() == ["01"]
    told = capsys.readouterr().err
    assert f"read no events of 1 of 2 folders of people: '{folder}'." in told


def test_keys_from_two_places(tmp_path):
    header = "onset block participant"
    write(tmp_path, "sub-1_task-pain_run-1_events", ["5 8 x"], header)
    text = refusal(tmp_path)
    assert (
        "'block' must come from one place. Found run- in the file names and a column 'block'"
        in (text)
    )
    assert '{"block_in_file": "block"}; or choose it: columns={"block": "block"}.' in text
    assert 'columns={"participant_in_file": "participant"}.' in text
    columns = {"block": "block", "id": "participant"}
    assert read(tmp_path, columns=columns).trials["block"].tolist() == [8]


def test_everything_wrong_is_told_at_once(tree):
    func = tree / "sub-12" / "ses-1" / "func"
    name = "sub-12_ses-1_task-pain_run-0{}_events.tsv"
    (func / name.format(3)).write_bytes(b"onset\n\xff\n")
    (func / name.format(4)).write_text("onset\trating\n1\t2\n3\n")
    (func / name.format(5)).write_text("onset\tonset\n1\t2\n")
    (func / name.format(6)).symlink_to(tree / "annex")
    write_json(tree, "task-pain_events.json", [])
    (tree / "dataset_description.json").write_text("{")
    shutil.copy(func / name.format(1), tree / "sub-3_ses-1_task-pain_events.tsv")
    write(tree, "sub-4_task-pain_run-1_events", ["x 1 rate 1"])
    (func / "sub-11_ses-1_task-pain_run-01_events.tsv").write_text("onset\n1\n")
    text = refusal(
        tree,
        columns={"pain": "ratng"},
        missing={"mood": 9},
        labels=["rating"],
        sessions=None,
    )
    for words in (
        "1. File names must begin with the labels of their folders. Found 1 of 12 files that do "
        "not: 'sub-12/ses-1/func/sub-11_ses-1_task-pain_run-01_events.tsv'",
        "2. Files must be tables of tab-separated values (.tsv) or JSON objects, in UTF-8. Found 6 "
        "that cannot be read so: 'sub-12/ses-1/func/sub-12_ses-1_task-pain_run-03_events.tsv' (",
        "run-04_events.tsv' (every row must have a cell for each of the 2 names in the header. 1 "
        "row of 2 has fewer, first line 3 with 1: '3'.",
        "run-05_events.tsv' (column names must be unique. Found 2 columns named 'onset'. Drop or "
        "rename the others.) (and 3 more). Repair them",
        "3. 'onset' must be a number in every row",
        "4. `labels` must name columns with Levels in a sidecar. Found 'rating'; there are none",
        "5. `columns` must name columns of the study. Found 'ratng'",
        "Did you mean 'rating'?",
        "6. `missing` must name columns of the study. Found 'mood'",
        "7. 'session' must be given in every row of trials. It is missing in 1 of 26 rows",
        "8. Every participant of trials must be in participants. Found no '4', '11' there (2 of",
    ):
        assert words in text


def test_absent_contents_are_told(one):
    (one / "sub-01" / "func" / "sub-01_task-pain_run-2_events.tsv").symlink_to(one / "annex")
    assert "run-2_events.tsv' (No such file or directory). Repair them, or fetch" in refusal(one)


def test_unknown_sessions(tree):
    text = refusal(tree, sessions=["01", "2"])
    assert (
        "`sessions` must name sessions of the task, without 'ses-'. Found '01'; there are" in text
    )
    assert "'1', '2'." in text
    assert " 2. " not in refusal(tree, sessions=["x"])


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        ("event_typ == 'rate'", "there is no column 'event_typ'. Did you mean 'event_type'?"),
        ("event_type == ", "found the end at character 15"),
        ("event_type == 'Rate'", "it is true of no row"),
        ("block", "it gives no true or false for each row"),
        ("event_type", "it gives no true or false for each row"),
        ("onset = 1", "found '=' at character 7 where an operator should be"),
    ],
)
def test_keep_must_choose(tree, keep, why):
    text = refusal(tree, keep=keep)
    assert "`keep` must be a condition that chooses rows of events. Found" in text
    assert why in text
    assert "'rating', 'participant', 'session', 'block'. Labels are text" in text


def test_keep_names_people_with_or_without_prefix(tree):
    found = [read(tree, keep=f"participant == {named}").trials for named in ("'sub-007'", "'007'")]
    pd.testing.assert_frame_equal(*found)
    assert set(found[0]["participant"]) == {"007"}


def test_labels_suggest(described):
    text = refusal(described, labels=["partnr"])
    assert "Found 'partnr'; there are 'partner', 'sex'. Correct or drop it. Did you mean" in text


def test_a_name_for_people_needs_their_table(one):
    text = refusal(one, columns={"participant": "subject"})
    assert "`columns` can name 'participant' only for participants.tsv. Found 'subject'" in text


def test_an_empty_table_of_people(one):
    (one / "participants.tsv").write_text("participant_id\n")
    study = read(one)
    assert study.participants["participant"].tolist() == ["01"]
    assert "participants.tsv had no rows" in study.log


# real data


def assert_same(trials, table):
    """Compare as read by pandas; `n/a` is missing."""
    for column in table:
        theirs = table[column].replace("n/a", None)
        numbers = pd.to_numeric(theirs, errors="coerce")
        if numbers.isna().equals(theirs.isna()):
            np.testing.assert_array_equal(trials[column].astype(float), numbers.astype(float))
        else:
            assert trials[column].where(trials[column].notna(), None).tolist() == theirs.tolist()


@pytest.mark.skipif(not TRUST.exists(), reason="the open study dvs_trustgame is not beside it")
def test_trust_game(tmp_path):
    table = text_of(TRUST)
    split(table, tmp_path, "trust", ["sub", "run"])
    study = Study.from_bids(tmp_path, task="trust")
    assert repr(study) == f"<Study {tmp_path.name}: 97 participants, 27,354 trials>"
    trials = study.trials.rename(columns={"participant": "sub", "block": "run"})
    assert_same(trials, table)
    assert (trials["trial"] == table.groupby(["sub", "run"]).cumcount() + 1).all()
    sent = study.trials[study.trials["trial_type"].str.startswith("choice")]
    sent = sent[sent["participant"] < "2"].groupby("trial_type")["trust_value"].mean()
    assert sent.round(3).tolist() == [3.680, 4.352, 3.993]

    shutil.copy(TRUST / "participants.tsv", tmp_path)
    text = refusal(tmp_path, task="trust")  # the friends are not in it
    assert "Every participant of trials must be in participants. Found no '204', '205'" in text
    scanned = Study.from_bids(tmp_path, task="trust", keep="participant < '2'")
    assert (len(scanned.participants), len(scanned.trials)) == (50, 14187)


@pytest.fixture
def hands(tmp_path):
    if not HANDS.exists():
        pytest.skip("the open study sleepybrain_hands is not beside the checkout")
    split(text_of(HANDS), tmp_path, "hands", ["sub", "ses"])
    shutil.copy(HANDS / "participants_subset.tsv", tmp_path / "participants.tsv")
    shutil.copy(HANDS / "dataset_description.json", tmp_path)
    return tmp_path


def test_empathy_for_pain(hands):
    with pytest.warns(UserWarning, match=r"Found 2 of 6,554 rows that share theirs, 2 of them"):
        study = Study.from_bids(
            hands,
            task="hands",
            keep="event_type == 'Rate'",
            columns={"rating": "unpleasantness_rating"},
        )
    assert (len(study.trials), len(study.participants)) == (6554, 86)
    assert study.name.startswith("The Stockholm Sleepy Brain Study")
    assert study.citation.endswith("doi:10.18112/openneuro.ds000201.v1.0.3. Licence: CC0.")
    assert "dropped 20,036 of 26,590 rows: kept event_type == 'Rate'" in study.log
    assert "no row was kept of 1 file: 'sub-9066_ses-1_task-hands_events.tsv'" in study.log
    visits = study.trials.groupby(["participant", "session"])["trial"].agg(["size", "max"])
    assert len(visits) == 164
    assert visits["size"].equals(visits["max"])
    table = text_of(HANDS).query("event_type == 'Rate'").reset_index(drop=True)
    keys = {"participant": "sub", "session": "ses", "rating": "unpleasantness_rating"}
    assert_same(study.trials.rename(columns=keys), table)
    rated = study.trials.merge(study.participants, on="participant")
    normal = rated[rated["session"] != rated["Sl_cond"]]
    means = normal[normal["condition"] == "Pain"].groupby("AgeGroup")["rating"].mean()
    assert means.round(2).tolist() == [42.22, 36.38]  # of the study's README


def test_a_doubled_row_is_refused_as_a_trial(hands):
    text = refusal(
        hands, task="hands", keep="event_type == 'Rate'", columns={"trial": "trial_number"}
    )
    assert "Found 2 of 6,554 rows that share theirs: participant '9091', session 1, trial 36." in (
        text
    )
    doubled = "participant == '9091' and session == 1 and trial_number == 36"
    keep = f"event_type == 'Rate' and not ({doubled})"
    columns = {"trial": "trial_number"}
    assert len(Study.from_bids(hands, task="hands", keep=keep, columns=columns).trials) == 6552


# where else behaviour and scores may lie


def recorded(root, person, folder="func", ending="bold.nii.gz", name="task-pain"):
    file = Path(root, f"sub-{person}", folder, f"sub-{person}_{name}_{ending}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


@pytest.mark.parametrize("folder", ["eeg", "meg", "ieeg", "nirs"])
def test_events_beside_recordings_of_every_kind(tmp_path, folder):
    recorded(tmp_path, "01", folder, f"{folder}.edf")
    events = tmp_path / "sub-01" / folder / "sub-01_task-pain_events.tsv"
    events.write_text("onset\tduration\trating\n0\t1\t3\n5\t1\tn/a\n")
    study = read(tmp_path)
    assert study.trials["rating"].tolist()[0] == 3
    assert len(study.trials) == 2


def test_events_at_the_root_are_everybodys_who_has_none(tmp_path):
    rows = "onset\trating\n0\t{}\n5\t{}\n"
    for person, folder in (("01", "func"), ("02", "func"), ("03", "eeg"), ("04", "func")):
        for echo in ("echo-1", "echo-2") if folder == "func" else ("run-1",):
            ending = "bold.nii.gz" if folder == "func" else "eeg.set"
            recorded(tmp_path, person, folder, ending, f"task-pain_{echo}")
    recorded(tmp_path, "05", "func", "bold.nii.gz", "task-rest")
    (tmp_path / "task-pain_events.tsv").write_text(rows.format(1, 2))
    (tmp_path / "sub-02" / "sub-02_task-pain_events.tsv").write_text(rows.format(3, 4))
    own = tmp_path / "sub-04" / "func" / "sub-04_task-pain_events.tsv"
    own.write_text(rows.format(5, 6))
    study = read(tmp_path)
    felt = study.trials.groupby("participant")["rating"].agg(list).to_dict()
    assert felt == {"01": [1, 2], "02": [3, 4], "03": [1, 2], "04": [5, 6]}
    words = "took the events of 3 recordings from 'sub-02_task-pain_events.tsv', 'task-pain_ev"
    assert any(line.startswith(words) for line in study.log)


def test_where_there_are_no_events_it_is_said_what_lies_where(tmp_path):
    for person in ("01", "02"):
        recorded(tmp_path, person)
        recorded(tmp_path, person, "eeg", "eeg.set", "task-rest")
    text = refusal(tmp_path)
    assert "What is there of task 'pain' lies so: sub-*/func has 2 bold.nii.gz." in text
    text = refusal(tmp_path, task="faces")
    assert "What is there lies so: sub-*/eeg has 2 eeg.set; sub-*/func has 2 bold.nii.gz." in text


def test_scores_of_phenotype_and_sessions(tree):
    folder = tree / "phenotype"
    folder.mkdir()
    (folder / "iri.tsv").write_text(
        "participant_id\tconcern\tage\nsub-007\t01\t5\n12\t3\t6\nx\t1\t1\n"
    )
    (folder / "iri.json").write_text('{"concern": {"Description": "Empathic concern"}}')
    (folder / "mood.tsv").write_text(
        "participant_id\tsession_id\tmood\nsub-007\tses-1\t4\nsub-007\tses-2\t5\nsub-12\tses-1\tn/a\n"
    )
    (tree / "sub-007" / "sub-007_sessions.tsv").write_text(
        "session_id\tdrug\trating\nses-1\tplacebo\t1\nses-2\toxytocin\t2\n"
    )
    study = read(tree, sessions=["ses-1", "2"])
    people = study.participants.set_index("participant")
    assert people.columns.tolist() == ["age", "group", "concern", "iri_age", "mood_1", "mood_2"]
    assert people.loc["12", "concern"] == "3" and people.loc["007", "concern"] == "01"
    assert people.loc["007", ["iri_age", "mood_1", "mood_2"]].tolist() == [5, 4, 5]
    assert people.loc["3", ["concern", "mood_1"]].isna().all()
    assert "participants.concern: Empathic concern" in study.notes
    drugs = study.trials.groupby(["participant", "session"])["drug"].first().to_dict()
    assert [drugs["007", 1], drugs["007", 2]] == ["placebo", "oxytocin"]
    assert pd.isna(drugs["12", 1])
    told = [
        "took 2 columns of 2 people from phenotype/iri.tsv ('age' as 'iri_...'); left out 'x', no",
        "'mood.tsv': a column for each session, such as 'mood_1'",
        "left out 'rating' of sessions.tsv: the files of the task have it",
        "took 'drug' of each session from sessions.tsv",
    ]
    assert all(any(line.startswith(words) for line in study.log) for words in told)


def test_scores_of_others_are_told(tree, capsys):
    (tree / "phenotype").mkdir()
    (tree / "phenotype" / "bdi.tsv").write_text("participant_id\tbdi\n7\t1\nSUB-99\t3\n")
    read(tree, sessions=["1"])
    told = capsys.readouterr().err
    words = "took 1 column of 0 people from phenotype/bdi.tsv; left out '7', 'SUB-99', no partic"
    assert words in told
    assert "There participants has '007' for '7': write them alike." in told


def test_scores_without_a_table_of_people(tree):
    (tree / "participants.tsv").unlink()
    (tree / "phenotype").mkdir()
    scores = tree / "phenotype" / "iri.tsv"
    scores.write_text("participant_id\tconcern\n007\t1\nsub-12\t3\n")
    assert read(tree, task="task-pain").participants["concern"].tolist() == [1, 3]
    scores.write_text("participant_id\tconcern\n007\t1\nsub-12\t3\n007\t4\n")
    assert "'iri.tsv' has 1 row that share theirs" in refusal(tree)
    scores.write_text("person\tconcern\n007\t1\n")
    assert "'iri.tsv' has no participant_id" in refusal(tree)
