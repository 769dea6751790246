"""Studies: reading, keys, joins, exclusions, and what is said when they are wrong."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from empathymodels.study import bundled
from empathymodels.study.bundled import list_studies, load_study
from empathymodels.study.keys import join_rows, key_columns
from empathymodels.study.study import Study
from folders import STUDIES

SPACETOP = STUDIES / "spacetop_vicarious_cue/spacetop_cue_vicarious_0405.csv"
SPACETOP_COLUMNS = {
    "participant": "src_subject_id",
    "session": "session_id",
    "block": "param_run_num",
    "trial": "trial_index_runwise",
}


@pytest.fixture
def trials():
    return pd.DataFrame(
        {"participant": [7, 7, 3, 3], "trial": [1, 2, 1, 2], "resp": [0, 1, 9, 1]},
        index=[10, 11, 12, 13],
    )


@pytest.fixture
def regions():
    return pd.DataFrame(
        {"participant": [3.0, 7.0], "region": "AI", "trial": [2, 1], "beta": [0.1, 0.2]}
    )


def message(error):
    return " ".join(str(error.value).split())


# reading


def test_renames_and_reads_codes_as_missing_on_a_copy(trials):
    before = trials.copy(deep=True)
    study = Study(trials=trials, columns={"choice": "resp"}, missing={"choice": [9]})
    assert study.trials["choice"].tolist()[:2] == [0, 1]
    assert study.trials["choice"].isna().tolist() == [False, False, True, False]
    assert study.trials.index.equals(pd.RangeIndex(4))
    assert study.log == (
        "read column 'resp' as 'choice'",
        "read 1 of 4 values of trials.choice as missing: '9'",
    )
    pd.testing.assert_frame_equal(trials, before)


@pytest.mark.parametrize("values", [[2, 1], [2.0, 1.0], ["2", "1"], [" 2", "x"]])
@pytest.mark.parametrize("codes", [2, [2], ["2"], (2.0,)])
def test_missing_codes_match_by_value(values, codes):
    table = pd.DataFrame({"participant": 1, "trial": [1, 2], "choice": values})
    read = Study(trials=table, missing={"choice": codes}).trials
    assert read["choice"].isna().tolist() == [True, False]


def test_text_codes_are_not_split_into_letters():
    table = pd.DataFrame({"participant": 1, "trial": [1, 2, 3], "choice": ["none", "n", "yes"]})
    read = Study(trials=table, missing={"choice": "none"}).trials
    assert read["choice"].isna().tolist() == [True, False, False]


def test_columns_may_be_swapped(trials):
    study = Study(trials=trials.assign(rt=0.5), columns={"rt": "resp", "resp": "rt"})
    assert study.trials["rt"].tolist() == [0, 1, 9, 1]


def test_named_index_becomes_columns(trials):
    study = Study(trials=trials.set_index(["participant", "trial"]))
    assert study.trials["trial"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "tsv.gz"])
@pytest.mark.parametrize("kind", [str, Path])
def test_reads_files(tmp_path, ending, kind):
    rows = [["participant", "trial", "mood"], ["01", "1", "n/a"], ["sub-2", "1", "None"]]
    separator = "\t" if "tsv" in ending else ","
    text = "\n".join(separator.join(row) for row in rows)
    file = tmp_path / f"trials.{ending}"
    file.write_bytes(gzip.compress(text.encode()) if ending.endswith("gz") else text.encode())
    read = Study(trials=kind(file)).trials
    assert read["participant"].tolist() == ["01", "sub-2"]  # no number is made of a label
    assert pd.isna(read["mood"][0])
    assert read["mood"][1] == "None"  # a label, not a missing value


def test_keys_have_one_type_in_all_tables(tmp_path):
    trials = pd.DataFrame({"participant": [7, 8], "session": ["1", "2"], "trial": ["1", "2"]})
    regions = pd.DataFrame(
        {"participant": ["7", "8.0"], "session": [1.0, 2.0], "region": "AI", "beta": 0.0}
    )
    people = tmp_path / "participants.csv"
    people.write_text("participant,age\n7,20\n8,30\n")
    study = Study(trials=trials, participants=people, regions=regions)
    for table in study.tables.values():
        assert table["participant"].tolist() == ["7", "8"]
    assert study.trials["session"].tolist() == study.regions["session"].tolist() == [1, 2]
    assert study.trials["trial"].dtype == int


def test_a_text_session_makes_sessions_text_everywhere():
    trials = pd.DataFrame({"participant": 1, "session": [1, 2], "trial": 1})
    regions = pd.DataFrame({"participant": 1, "session": ["1", "x"], "region": "AI", "beta": 0.0})
    study = Study(trials=trials, regions=regions)
    assert study.trials["session"].tolist() == ["1", "2"]
    assert study.regions["session"].tolist() == ["1", "x"]


def test_people_are_derived_in_order_of_appearance(trials, regions):
    regions.loc[0, "participant"] = 12
    assert Study(trials=trials, regions=regions).participants["participant"].tolist() == [
        "7",
        "3",
        "12",
    ]


def test_people_without_trials_are_kept(trials):
    people = pd.DataFrame({"participant": [1, 3, 7], "age": [20, 30, 40]})
    assert len(Study(trials=trials, participants=people).participants) == 3


def test_prints_a_summary(trials, regions):
    study = Study(trials=trials, regions=regions, name="helping", citation="Hein et al. (2016)")
    assert repr(study) == "<Study helping: 2 participants, 4 trials, 2 region rows>"
    text = str(study.exclude("resp == 9", reason="no answer"))
    assert "trials: participant, trial, resp" in text
    assert "Hein et al. (2016)" in text
    assert "excluded 1 of 4 rows of trials: no answer" in text


def test_a_simulated_study_stays_one(trials):
    study = Study(trials=trials, simulated=True)
    assert repr(study) == "<Study study (simulated): 2 participants, 4 trials>"
    assert study.exclude("resp == 9", reason="no answer").simulated
    assert not Study(trials=trials).simulated


# what is wrong


def test_no_rows():
    with pytest.raises(ValueError, match=r"needs rows in at least one table.*none"):
        Study()
    with pytest.raises(ValueError, match=r"needs rows in at least one table.*'trials'"):
        Study(trials=pd.DataFrame())


def test_a_table_must_be_a_frame_or_path():
    with pytest.raises(ValueError, match=r"Study\(\) .*trials must be a table .*found \[1, 2\]"):
        Study(trials=[1, 2])
    with pytest.raises(TypeError, match=r"Study\(\) .*regions must be a table .*found int 3"):
        Study(regions=3)
    with pytest.raises(ValueError, match=r"trials must be a DataFrame, a file.*an empty list"):
        Study(trials=[])


def test_files_must_exist_and_be_readable(tmp_path):
    broken = tmp_path / "regions.csv"
    broken.write_text('participant,region\n1,"AI\n')
    with pytest.raises(ValueError) as error:
        Study(trials="nowhere.csv", participants="people.xlsx", regions=broken)
    text = message(error)
    assert "1. trials must be an existing .csv or .tsv file" in text
    assert "2. participants must be an existing" in text
    assert "people.xlsx" in text
    assert "3. regions must be a table in UTF-8 text" in text


def test_unknown_columns_are_named_and_the_consequence_is_not_told_twice(trials):
    trials = trials.rename(columns={"participant": "subject"})
    with pytest.raises(ValueError) as error:
        Study(trials=trials, columns={"participant": "subjct"}, missing={"respp": [9]})
    text = message(error)
    assert "`columns` must name columns" in text
    assert "'subjct'" in text
    assert "Did you mean 'subject'?" in text
    assert "`missing` must name columns" in text
    assert "Did you mean 'resp'?" in text
    assert "must have a column 'participant'" not in text


def test_two_columns_of_one_name(trials):
    with pytest.raises(ValueError, match=r"2 columns named 'choice' \('resp' is read as"):
        Study(trials=trials.assign(choice=1), columns={"choice": "resp"})


def test_one_column_under_two_names(trials):
    with pytest.raises(ValueError, match=r"read each column once. Found 'resp' under 2 names"):
        Study(trials=trials, columns={"choice": "resp", "rating": "resp"})


def test_key_columns_must_be_there(trials, regions):
    with pytest.raises(ValueError) as error:
        Study(
            trials=trials.rename(columns={"participant": "participant_id"}),
            regions=regions.drop(columns="beta"),
        )
    text = message(error)
    assert "trials must have a column 'participant'" in text
    assert 'columns={"participant": "..."}. Did you mean \'participant_id\'?' in text
    assert "regions must have a column 'beta'" in text


def test_missing_ids_are_counted_and_located(trials):
    trials["participant"] = [7, None, "", 3]
    with pytest.raises(ValueError, match=r"missing in 2 of 4 rows, first in row 1, 2 \(from 0\)"):
        Study(trials=trials)


def test_trials_must_be_numbers(trials):
    trials["trial"] = ["1", "two", "1", "2"]
    with pytest.raises(ValueError, match="Found text in 1 of 4 rows: participant '7', trial 'two'"):
        Study(trials=trials)


def test_repeated_keys_of_every_table_at_once(trials):
    trials["trial"], trials["rt"] = 1, [0.4, 0.5, 0.6, 0.7]
    people = pd.DataFrame({"participant": ["3", 7, "7"], "age": [20, 30, 31]})
    regions = pd.DataFrame({"participant": 3, "region": "AI", "beta": [0.0, 1.0]})
    with pytest.raises(ValueError) as error:
        Study(trials=trials, participants=people, regions=regions)
    text = message(error)
    assert "1. Rows of trials must differ in 'participant', 'trial'" in text
    assert "4 of 4 rows that share theirs: participant '7', trial 1; participant '3'" in text
    assert 'name the run: columns={"block": "run"}' in text
    assert "2. Rows of participants must differ in 'participant'" in text
    assert "Keep one row per person" in text
    assert "3. Rows of regions must differ in 'participant', 'region'" in text


def test_rows_that_were_exported_twice_are_told_from_other_repeated_ones(trials):
    trials["odd"] = [[1]] * len(trials)
    twice = pd.concat([trials, trials.iloc[[1, 2]]], ignore_index=True)
    with pytest.raises(ValueError, match="2 rows of these repeat another in every") as error:
        Study(trials=twice)
    assert "drop_duplicates()" in message(error)
    assert "name the run" not in message(error)
    other = trials.iloc[[0]].assign(rating=-1.5)
    with pytest.raises(ValueError, match=r"2 rows of these repeat .* name the run"):
        Study(trials=pd.concat([twice, other], ignore_index=True))


def test_the_advice_names_the_column_that_tells_repeated_trials_apart(trials):
    run = {"run_number": [1, 2, 1, 2], "rt": [0.1, 0.2, 0.3, 0.4]}
    with pytest.raises(ValueError, match=r'columns=\{"block": "run_number"\}'):
        Study(trials=trials.assign(trial=1, **run))


def test_betas_per_condition_need_no_trial():
    betas = pd.DataFrame(
        {"participant": 1, "region": "AI", "condition": ["pain", "touch"], "beta": 0.0}
    )
    assert key_columns(Study(regions=betas).regions, "regions")[-1] == "condition"


def test_participants_must_hold_everyone(trials):
    with pytest.raises(ValueError, match=r"no '3' there .2 of 4 rows of trials.; it has '7'"):
        Study(trials=trials, participants=pd.DataFrame({"participant": [7]}))


# exclusions


def test_exclude_returns_a_study_with_a_log_entry(trials):
    study = Study(trials=trials)
    shorter = study.exclude("resp > 5", reason="no answer")
    assert len(study.trials) == 4
    assert shorter.trials.index.equals(pd.RangeIndex(3))
    assert shorter.log == ("excluded 1 of 4 rows of trials: no answer",)


def test_excluded_people_leave_every_table(trials, regions):
    study = Study(trials=trials, regions=regions)
    shorter = study.exclude("participant == '7'", table="participants", reason="slept")
    assert {name: len(table) for name, table in shorter.tables.items()} == {
        "trials": 2,
        "participants": 1,
        "regions": 1,
    }
    assert "with them went 2 rows of trials" in shorter.log


def test_people_without_any_row_left_stay_only_with_covariates(trials):
    people = pd.DataFrame({"participant": [3, 7], "age": [20, 30]})
    query = {"query": "participant == '7'", "reason": "slept"}
    assert len(Study(trials=trials).exclude(**query).participants) == 1
    assert len(Study(trials=trials, participants=people).exclude(**query).participants) == 2


def test_exclude_explains_itself(trials):
    study = Study(trials=trials)
    with pytest.raises(ValueError, match=r"needs a condition.*'rsp > 1'.*It has 'participant'"):
        study.exclude("rsp > 1", reason="typo")
    with pytest.raises(KeyError, match="found 'regions'"):
        study.exclude("beta > 1", table="regions", reason="outlier")
    with pytest.warns(UserWarning, match=r"nothing is excluded. Labels are compared letter by"):
        study.exclude("participant == '07'", reason="slept")


@pytest.mark.parametrize("named", ["7", "7.0", "'sub-7'", "'7'"])
def test_people_are_excluded_however_they_are_named(trials, named):
    left = Study(trials=trials).exclude(f"participant == {named}", reason="slept")
    assert left.participants["participant"].tolist() == ["3"]


# joins


def test_join_rows(trials, regions):
    study = Study(trials=trials, regions=regions)
    rows = join_rows(study.regions, study.trials, "regions", "trials")
    np.testing.assert_array_equal(rows, [3, 0])
    rows = join_rows(study.trials, study.participants, "trials", "participants")
    np.testing.assert_array_equal(rows, [0, 0, 1, 1])


def test_an_absent_match(trials, regions):
    regions["trial"] = [2, 9]
    study = Study(trials=trials, regions=regions)
    with pytest.raises(ValueError, match="no match for 1 of 2 rows: participant '7', region 'AI'"):
        join_rows(study.regions, study.trials, "regions", "trials")


def test_a_key_that_one_table_lacks_matters_only_where_matches_are_many(trials, regions):
    once = Study(trials=trials.assign(session=1), regions=regions)
    assert join_rows(once.regions, once.trials, "regions", "trials").tolist() == [3, 0]
    twice = pd.concat([trials.assign(session=1), trials.assign(session=2)])
    study = Study(trials=twice, regions=regions)
    with pytest.raises(ValueError, match=r"several matches for 2 of 2 rows.*the keys 'session'"):
        join_rows(study.regions, study.trials, "regions", "trials")


# studies on disk


def test_bundled_studies(tmp_path, monkeypatch, trials):
    folder = tmp_path / "helping"
    folder.mkdir()
    trials.to_csv(folder / "trials.csv", index=False)
    (folder / "study.json").write_text(json.dumps({"citation": "Hein", "notes": "Two groups."}))
    monkeypatch.setattr(bundled, "_data_folder", lambda: tmp_path)
    assert list_studies() == ["helping"]
    study = load_study("helping")
    assert (study.name, study.citation, study.notes) == ("helping", "Hein", "Two groups.")
    assert study.participants["participant"].tolist() == ["7", "3"]
    with pytest.raises(
        KeyError, match=r"named 'helpin'. There are 'helping'. Name one.*Did you mean"
    ):
        load_study("helpin")


@pytest.mark.skipif(not SPACETOP.exists(), reason="the shared studies are not on this machine")
def test_spacetop():
    study = Study(trials=SPACETOP, columns=SPACETOP_COLUMNS)
    assert (len(study.trials), len(study.participants)) == (5936, 110)
    without_block = {k: v for k, v in SPACETOP_COLUMNS.items() if k != "block"}
    with pytest.raises(ValueError) as error:
        Study(trials=SPACETOP, columns=without_block)
    assert "5,396 of 5,936 rows that share theirs: participant '2', session 1" in message(error)
    assert 'columns={"block": "param_run_num"}' in message(error)


# ------------------------------------------------------------------------------- codes


def test_codes_are_read_as_what_they_stand_for(tmp_path, capsys):
    file = tmp_path / "trials.csv"
    file.write_text("participant,trial,who,help\n1,1,1,yes\n1,2,2.0,no\n2,1,9,\n2,2,3,yes\n")
    codes = {"recipient": {1: "self", "2": "other"}, "help": {"yes": 1, "no": 0}}
    given = {"columns": {"recipient": "who"}, "missing": {"recipient": 9}, "codes": codes}
    with pytest.raises(
        ValueError, match=r"1 of 4 values that are none of the codes: '3', first in "
    ):
        Study(trials=file, **given)
    assert capsys.readouterr().err == ""
    study = Study(trials=file, **given, others="keep")
    found = study.trials["recipient"].tolist()
    assert found[:2] == ["self", "other"]
    assert np.isnan(found[2])
    assert found[3] == "3"  # kept, for the check against a model
    np.testing.assert_array_equal(study.trials["help"], [1, 0, np.nan, 1])
    said = "read 3 of 4 values of trials.help by their codes: yes as 1, no as 0"
    assert study.log[-1] == said
    assert capsys.readouterr().err.count(said) == 1
    study.exclude("trial == 2", reason="a test")
    assert capsys.readouterr().err == ""  # told once


@pytest.mark.parametrize(
    ("values", "codes", "meant"),
    [
        ([True, False], {True: "yes", False: "no"}, ["yes", "no"]),
        (["TRUE", "false"], {True: "yes", "FALSE": "no"}, ["yes", "no"]),
        ([True, False], {"true": "yes", "False": "no"}, ["yes", "no"]),
        ([1.0, 0.0], {"True": "yes", False: "no"}, ["yes", "no"]),
        ([" 1", "0.0"], {1: "yes", 0: "no"}, ["yes", "no"]),
        (["1.0", "1"], {"1": "one", "1.0": "other"}, ["other", "one"]),
        (["NA", "EU"], {"NA": "America", "EU": "Europe"}, ["America", "Europe"]),
    ],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_codes_meet_values_however_either_is_written(tmp_path, values, codes, meant, as_file):
    table = pd.DataFrame({"participant": "a", "trial": [1, 2], "who": values})
    file = tmp_path / "trials.csv"
    table.to_csv(file, index=False)
    study = Study(trials=file if as_file else table, codes={"who": codes})
    assert study.trials["who"].tolist() == meant


@pytest.mark.parametrize("argument", ["codes", "missing"])
@pytest.mark.parametrize("code", ["slef", 3, True, -99])
def test_codes_that_no_value_has(argument, code):
    trials = pd.DataFrame({"participant": "a", "trial": [1, 2, 3], "who": ["self", "7", "other"]})
    given = {"codes": {code: "x"}, "missing": [code]}[argument]
    match = rf"`{argument}` must .* Found {code!r} in none of 3 values, which are 'self', '7'"
    with pytest.raises(ValueError, match=match):
        Study(trials=trials, others="keep", **{argument: {"who": given}})


def test_marks_of_a_codebook_need_not_all_occur():
    trials = pd.DataFrame({"participant": "a", "trial": [1, 2, 3], "felt": [4, 99, 2]})
    study = Study(trials=trials, missing={"felt": [98, "99", -1]})
    assert study.trials["felt"].isna().tolist() == [False, True, False]
    assert study.log[-1].endswith("as missing: '98', '99', '-1' (no value is 98, -1)")


def test_a_reversal_for_whole_numbers_does_not_go_halfway():
    trials = pd.DataFrame(
        {"participant": "a", "trial": range(1, 10), "felt": np.arange(1, 10) + 0.0}
    )
    reverse = {"felt": {k: 10 - k for k in range(1, 10)}}
    assert Study(trials=trials, codes=reverse).trials["felt"].tolist() == list(range(9, 0, -1))
    trials.loc[3, "felt"] = 4.25
    with pytest.raises(
        ValueError, match=r"Found 4 in none of 9 values(?s:.*)none of the codes: 4\.25"
    ):
        Study(trials=trials, codes=reverse)


def test_codes_of_unknown_columns(tmp_path):
    trials = pd.DataFrame({"participant": [1], "trial": [1], "recipient": [1]})
    with pytest.raises(ValueError, match=r"`codes` must name columns.*Did you mean 'recipient'"):
        Study(trials=trials, codes={"recipent": {1: "self"}})


def test_table_without_any_of_its_keys():
    trials = pd.DataFrame({"participant": [1], "trial": [1]})
    with pytest.raises(ValueError, match="participants must have a column 'participant'"):
        Study(trials=trials, participants=pd.DataFrame({"age": [30]}))


def test_exclusion_must_say_yes_or_no_of_every_row():
    trials = pd.DataFrame({"participant": [1, 1], "trial": [1, 2]})
    with pytest.raises(ValueError, match="no true or false for each row"):
        Study(trials=trials).exclude("trial", reason="a slip")


def test_values_that_no_code_names_are_kept_in_numbers(capsys):
    table = pd.DataFrame({"participant": list("abcd"), "who": ["1", "2", "friend", None]})
    with pytest.raises(ValueError, match=r"none of the codes: '2', 'friend'"):
        Study(participants=table, codes={"who": {1: "self"}})
    Study(participants=table, codes={"who": {1: "self"}}, others="keep")
    assert "1 as self; kept 2 as they are: '2', 'friend'." in capsys.readouterr().err
    flags = pd.DataFrame({"participant": list("ab"), "yes": [True, False]})
    with pytest.raises(ValueError, match=r"none of the codes: False, first in row 1"):
        Study(participants=flags, codes={"yes": {1: "yes"}})


def test_codes_that_stand_for_nothing():
    trials = pd.DataFrame({"participant": [1, 1], "trial": [1, 2], "help": ["yes", "?"]})
    study = Study(trials=trials, codes={"help": {"yes": 1, "?": None}})
    assert study.trials["help"].tolist()[0] == 1
    assert study.trials["help"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("ids", "codes"),
    [
        (["sub-01", "sub-12", "5"], {"01": "anna", "sub-12": "ben", "sub-5": "cora"}),
        ([1.0, 12.0, 5.0], {1: "anna", "12": "ben", "sub-5": "cora"}),
        (["1", "sub-12", "05"], {"sub-1": "anna", 12: "ben", "05": "cora"}),
    ],
)
def test_codes_name_people_with_or_without_a_prefix(ids, codes):
    trials = pd.DataFrame({"participant": ids, "trial": 1})
    found = Study(trials=trials, codes={"participant": codes})
    assert found.trials["participant"].tolist() == ["anna", "ben", "cora"]
    with pytest.raises(ValueError, match="Found '007' in none of 3 values"):
        Study(trials=trials, codes={"participant": {**codes, "007": "dora"}})


def test_changes_leave_out_how_data_are_called_and_written(tmp_path):
    for who in ("1", "2"):
        table = f"Subject;trial;resp;rt\n{who};1;9;0,5\n{who};2;1;0,1\n"
        (tmp_path / f"{who}.csv").write_text(table)
    study = Study(
        trials=tmp_path,
        columns={"participant": "Subject", "trials": {"choice": "resp"}},
        missing={"choice": [9]},
    ).exclude("rt < 0.2", reason="anticipations")
    told = " / ".join(study.log)
    for form in ("read column 'Subject'", "read column 'resp'", "read with semi", "read 2 files"):
        assert form in told
        assert form not in " / ".join(study.changes)
    assert any("9" in line and "choice" in line for line in study.changes)
    assert "excluded 2 of 4 rows of trials: anticipations" in study.changes
