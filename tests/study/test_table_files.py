"""Files: what is read as it is written, what is told apart from data, and what is refused."""

import codecs
import gzip
import re
import warnings

import numpy as np
import pandas as pd
import pytest

from empathymodels.messages import listed
from empathymodels.study.column_types import keeps_text, typed
from empathymodels.study.study import Study
from empathymodels.study.table_files import text_table

PEOPLE = {"7": ["1,0.5"], "8": [], "9": ["1,0.4", "2,0.6"]}


def rows(people=4, trials=5):
    """Return lines of a table, header first, without line ends."""
    lines = ["participant,trial,onset,choice"]
    return lines + [
        f"{100 + p},{t},{9.5 * t},{(p + t) % 2}" for p in range(people) for t in range(trials)
    ]


def written(tmp_path, lines, name="log.csv", delimiter=",", encoding="utf-8", end="\n"):
    file = tmp_path / name
    file.write_bytes((end.join(lines).replace(",", delimiter) + end).encode(encoding))
    return file


def refusal(source, **given):
    with pytest.raises(ValueError) as error:
        Study(trials=source, **given)
    return " ".join(str(error.value).split())


# what is written stays


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (["1", "2", ""], [1, 2, np.nan]),
        (["2.50", "0.25", "10.00"], [2.5, 0.25, 10]),  # decimals of one length: numbers
        ([" 1", "2 ", "3"], [1, 2, 3]),
        (["1", "1.0", "1e3"], [1, 1, 1000]),
        (["0", "0.5", ".5"], [0, 0.5, 0.5]),
        (["007", "7", "012"], ["007", "7", "012"]),
        (["1.1", "1.10", "1.2"], ["1.1", "1.10", "1.2"]),
        (["90071992547409931", "90071992547409932", "1"],) * 2,
        (["low ", "low", "high"],) * 2,
        (["TRUE", "false", "True"], [True, False, True]),
        (["true", "1", "no"],) * 2,
        (["NA", "None", "null"], [np.nan, "None", "null"]),
    ],
)
def test_a_column_of_a_file_loses_nothing_that_was_written(tmp_path, text, values):
    lines = ["participant,trial,x", *(f'a,{k},"{cell}"' for k, cell in enumerate(text))]
    read = Study(trials=written(tmp_path, lines)).trials["x"]
    assert read.astype(object).fillna("none").tolist() == [v if v == v else "none" for v in values]


def test_why_a_column_stays_text():
    assert keeps_text(pd.Series(["1.1", "1.10", "2.20"])) == ["1.10", "2.20"]
    assert keeps_text(pd.Series(["00", "0.5", "-01"])) == ["00", "-01"]
    assert keeps_text(pd.Series(["0.10", "0.25", "0", "3.00"])) == []
    assert typed(pd.Series([None, " "], dtype=object)).isna().all()


def test_ids_keep_their_zeros_however_each_table_names_them(tmp_path):
    trials = written(tmp_path, ["subject,trial", "007,1", "012,1"], "trials.csv")
    for own, columns in (
        ("participant", {"participant": "subject"}),
        ("ID", {"participant": "subject", "participants": {"participant": "ID"}}),
        ("ID", {"trials": {"participant": "subject"}, "participants": {"participant": "ID"}}),
    ):
        people = written(tmp_path, [f"{own},age", "007,20", "012,30"], "people.tsv", "\t")
        study = Study(trials=trials, participants=people, columns=columns)
        assert study.participants["participant"].tolist() == ["007", "012"]
        assert study.participants["age"].tolist() == [20, 30]
    text = refusal(trials, participants=people, columns={"participant": "subject"})
    assert "participants must have a column 'participant'. It has 'ID', 'age'" in text
    text = refusal(trials, columns={"participants": {"participant": "ID"}})
    assert "`columns` may hold names of one table, of 'trials'. Found 'participants'" in text
    text = refusal(trials, columns={"trials": {"participant": "subjct"}})
    assert "'subjct', which trials does not have" in text and "Did you mean 'subject'" in text


# headers and lines


@pytest.mark.parametrize("ends", [[",", ","], ["", ","], ["", ",,"], [",", ", ,"]])
def test_delimiters_at_line_ends_move_nothing(tmp_path, ends):
    header, *data = rows()
    lines = [header + ends[0], *(line + ends[1] for line in data)]
    study = Study(trials=written(tmp_path, lines))
    assert study.trials.columns.tolist() == header.split(",")
    assert study.participants["participant"].tolist() == ["100", "101", "102", "103"]
    assert study.trials["choice"].isin([0, 1]).all()


def test_rows_longer_or_shorter_than_the_header(tmp_path):
    header, *data = rows()
    text = refusal(written(tmp_path, [header, *data[:6], data[6] + ",late", *data[7:]]))
    assert "1 row of 20 has more, first line 8 with 5: '101', '1'" in text
    text = refusal(written(tmp_path, [header, *data[:-1], "103,4"]))
    assert "1 row of 20 has fewer, first line 21 with 2: '103', '4'" in text
    named = [f"p{k},{line}" for k, line in enumerate(data)]
    assert "a row name, name it in the header" in refusal(written(tmp_path, [header, *named]))
    numbered = [f"{k},{line[:-1]}" for k, line in enumerate(data, start=1)]
    assert "may be a row number without a name" in refusal(written(tmp_path, [header, *numbered]))


def test_row_numbers_under_an_empty_name_are_a_column(tmp_path):
    header, *data = rows()
    lines = [f",{header}", *(f"{k},{line}" for k, line in enumerate(data))]
    study = Study(trials=written(tmp_path, lines))
    assert study.trials.columns.tolist() == ["Unnamed: 0", *header.split(",")]


@pytest.mark.parametrize("table", ["trials", "participants"])
def test_two_columns_of_one_name(tmp_path, table):
    file = written(tmp_path, ["participant,trial,score, score", "a,1,3,9"])
    with pytest.raises(ValueError, match=r"log.csv': column names must be unique.*2 .*'score'"):
        Study(**{table: file})


def test_header_rows_of_qualtrics_are_no_people(tmp_path, capsys):
    ids = ['"{""ImportId"":""_recordId""}","{""ImportId"":""QID1""}"', "R_1,4", "R_2,5"]
    lines = ["ResponseId,IRI_1", '"Response ID","I often, often worry"', *ids]
    people = Study(
        participants=written(tmp_path, lines), columns={"participant": "ResponseId"}
    ).participants
    assert people["participant"].tolist() == ["R_1", "R_2"]
    assert people["IRI_1"].tolist() == [4, 5]
    assert (
        "left out 2 further header rows, first 'Response ID', 'I often" in capsys.readouterr().err
    )


def test_a_header_repeated_where_files_were_joined_is_no_person(tmp_path):
    lines = rows()
    study = Study(trials=written(tmp_path, [*lines, lines[0], *rows(6)[21:]]))
    assert len(study.participants) == 6
    assert study.trials["choice"].dtype == int
    assert any("left out 1 further header row, first 'participant'" in line for line in study.log)


@pytest.mark.parametrize(
    "further", ["id,number,seconds,key", "Person ID,Trial no.,s,0 or 1", ",text,text,text"]
)
def test_text_above_columns_of_numbers_is_refused(tmp_path, further):
    header, *data = rows()
    assert "Line 2 has text in columns that are numeric below" in refusal(
        written(tmp_path, [header, further, *data])
    )


@pytest.mark.parametrize(
    "label",
    [
        *["Participant ID", "subject", "participant_id", "Subject-ID", "VP-Nr.", "Sub", "ID"],
        *["PID", "Prolific PID", "Respondent_Number", "user name", "Vpn"],
    ],
)
def test_ids_that_name_a_column(label):
    table = pd.DataFrame({"participant": [label, "a", "b"], "age": ["years", 20, 30]})
    with pytest.raises(
        ValueError, match=rf"Found '{label}' in 1 row of participants, first in row 0"
    ):
        Study(participants=table)


@pytest.mark.parametrize("label", ["Mean", "TOTAL", "grand total", "Std. dev.", "average"])
@pytest.mark.parametrize("place", [0, 4, 9])
def test_rows_of_summaries_are_no_people(label, place):
    people = [f"a{number}" for number in range(9)]
    people.insert(place, label)
    with pytest.raises(ValueError, match=f"Found '{label}' in 1 row.*or one of summaries"):
        Study(participants=pd.DataFrame({"participant": people}))


@pytest.mark.parametrize("label", ["P", "id7", "sub7", "no", "Ida", "name", "VP1", "Subira", "SD"])
def test_ids_that_name_no_column(label):
    assert len(Study(participants=pd.DataFrame({"participant": [label, "a"]})).participants) == 2


def test_lines_of_nothing(tmp_path):
    header, *data = rows()
    study = Study(trials=written(tmp_path, ["", header, "", *data, ",,,", " , ,,"], end="\r\n"))
    assert len(study.trials) == 20
    assert "trials: left out 2 rows of empty cells" in study.log
    for lines in ([""], []):
        assert "log.csv' is empty." in refusal(written(tmp_path, lines))
    assert "A study needs rows" in refusal(written(tmp_path, [header]))


# kinds of files


@pytest.mark.parametrize("delimiter", ["\t", ";", ",", "|", " ", "   "])
@pytest.mark.parametrize("zipped", [False, True])
def test_txt_files_say_in_their_header_what_parts_cells(tmp_path, delimiter, zipped):
    file = written(tmp_path, rows(), "log.txt", delimiter)
    if zipped:
        file = tmp_path / "log.TXT.gz"
        file.write_bytes(gzip.compress((tmp_path / "log.txt").read_bytes()))
    expected = Study(trials=written(tmp_path, rows()))
    pd.testing.assert_frame_equal(Study(trials=file).trials, expected.trials)


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;", '"Sep=;"'])
def test_a_line_for_excel(tmp_path, first):
    lines = [line.replace(",", ";") for line in rows()]
    study = Study(trials=written(tmp_path, [first, *lines]))
    assert study.trials.columns.tolist() == ["participant", "trial", "onset", "choice"]
    broken = [first, *lines[:3], "100;2", *lines[4:]]
    assert "first line 5 with 2" in refusal(written(tmp_path, broken))


@pytest.mark.parametrize(
    ("name", "delimiter", "words"),
    [
        ("a.csv", ";", "semicolons"),
        ("a.csv", "\t", "tabs"),
        ("a.tsv", "|", "bars"),
        ("a.tsv", ";", ""),
    ],
)
def test_another_delimiter_than_the_ending_says_is_told(tmp_path, capsys, name, delimiter, words):
    expected = Study(trials=written(tmp_path, rows()))
    capsys.readouterr()
    study = Study(trials=written(tmp_path, rows(), name, delimiter=delimiter))
    pd.testing.assert_frame_equal(study.trials, expected.trials)
    assert f"read with {words or 'semicolons'} between columns" in capsys.readouterr().err
    assert study.trials["participant"].tolist() == expected.trials["participant"].tolist()


def test_a_comma_of_a_header_stays_what_parts_it(tmp_path):
    study = Study(trials=written(tmp_path, ["participant,trial,a;b", "x,1,3;4"]))
    assert study.trials.columns.tolist() == ["participant", "trial", "a;b"]
    assert study.trials["a;b"].tolist() == ["3;4"]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,25", "-0,5", "3"], [1.25, -0.5, 3]),
        ([" ,5", "1e-3", "1,5E2"], [0.5, 0.001, 150]),
        (["1,5", "", "NA"], [1.5, np.nan, np.nan]),
        (["1,5", "2.5", "1"], ["1,5", "2.5", "1"]),  # points and commas: left as it is, and refused
        (["1.234,5", "1", "2"], ["1.234,5", "1", "2"]),
        (["a1,5", "1", "2"],) * 2,
        (["1,234", "12,500", "987"],) * 2,  # thousands, as likely
        (["0,234", "12,500", "987"], [0.234, 12.5, 987]),
        (["1", "2", "3"], [1, 2, 3]),
    ],
)
def test_decimal_commas_where_no_comma_parts_columns(tmp_path, capsys, cells, values):
    lines = ["participant;trial;x", *(f"a;{k};{cell}" for k, cell in enumerate(cells))]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    read = Study(trials=tmp_path / "a.csv").trials["x"]
    assert read.astype(object).fillna("none").tolist() == [v if v == v else "none" for v in values]
    is_read = values != cells and any("," in cell for cell in cells)
    assert ("decimal commas of 1 column as points: 'x'" in capsys.readouterr().err) == is_read


@pytest.mark.parametrize(
    ("header", "row", "columns"),
    [
        ("participant;rating (0,5);rt", "a;1,5;300", 3),
        ('participant,trial,"a;b;c;d"', "x,1,3", 3),
        ("participant,trial,a;b;c;d", "x,1,3", 3),
        ("participant;trial;b, c", "x;1;3", 3),
        ("participant;trial", "x;1", 2),
    ],
)
def test_what_parts_cells_does_so_in_the_header_and_below(tmp_path, header, row, columns):
    (tmp_path / "a.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    found = text_table(tmp_path / "a.csv")[0]
    assert next(iter(found)) == "participant"
    assert found.shape == (1, columns)


def test_blanks_in_names_do_not_part_them(tmp_path):
    (tmp_path / "a.txt").write_text("participant\tmy own rating\nx\ta b c\n", encoding="utf-8")
    assert text_table(tmp_path / "a.txt")[0].to_numpy().tolist() == [["x", "a b c"]]


def test_whoever_gives_a_delimiter_has_points_in_numbers(tmp_path):
    """BIDS does."""
    (tmp_path / "a.tsv").write_text("onset\tshown\n1,234\t1,2\n", encoding="utf-8")
    assert text_table(tmp_path / "a.tsv", "\t")[0].to_numpy().tolist() == [["1,234", "1,2"]]


def test_commas_between_columns_are_no_decimal_commas(tmp_path):
    lines = ["participant,trial,x", 'a,1,"1,5"', 'a,2,"2,5"']
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    assert Study(trials=tmp_path / "a.csv").trials["x"].tolist() == ["1,5", "2,5"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252", "utf-8-sig", "utf-16-be"])
def test_encodings(tmp_path, encoding):
    header, *data = rows()
    lines = [f"{header},Gefühl", *(f"{line},groß" for line in data)]
    file = written(tmp_path, lines, encoding=encoding)
    assert Study(trials=file, encoding=encoding).trials["Gefühl"].unique().tolist() == ["groß"]
    if encoding != "utf-8-sig":
        text = refusal(file)
        assert "must be a table in UTF-8 text" in text
        assert f'Name its encoding (it is read as utf-8): encoding="{encoding}"' in text
    assert "unknown encoding: latin-x" in refusal(file, encoding="latin-x")


def test_no_encoding_is_advised_that_does_not_help(tmp_path):
    whole = gzip.compress(("\n".join(rows()) + "\n").encode())
    for name, content in (
        ("cut.csv.gz", whole[:-12]),
        ("plain.csv.gz", b"participant,trial\na,1\n"),
        ("null.csv", b"participant,trial\na,1\nb\0c,1\n" + b"d,1\n" * 9),
        ("even.csv", b"participant,trial\nab,1\n\0,1\n" + b"d,1\n" * 9),
    ):
        (tmp_path / name).write_bytes(content)
        told = refusal(tmp_path / name)
        assert "cannot be read" in told
        assert "encoding=" not in told
    for encoding in ("utf-16-le", "utf-16-be"):  # few of their letters hold a null
        (tmp_path / "own.csv").write_bytes("участник;проба\nЛев;1\n".encode(encoding))
        assert f'encoding="{encoding}"' in refusal(tmp_path / "own.csv")
    zipped = tmp_path / "other.csv.gz"
    zipped.write_bytes(gzip.compress("participant,trial\nZoë,1\n".encode("utf-16")))
    assert 'encoding="utf-16"' in refusal(zipped)


def test_files_of_another_kind_are_there(tmp_path):
    for name in ("log.xlsx", "log.sav"):
        (tmp_path / name).write_text("PK")
    told = refusal([tmp_path / "log.xlsx", tmp_path / "log.sav", tmp_path / "gone.csv"])
    assert "Found a file of another kind, " in told
    assert re.search(r"Found no file at '[^']*gone.csv'. Check the path", told)


def test_broken_files_are_all_named(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(b"participant,trial\n1,1\n")
    (tmp_path / "b.csv").write_bytes(codecs.BOM_UTF8 + b'participant,trial\n1,"1')
    text = refusal([tmp_path / "a.csv.gz", tmp_path / "b.csv"])
    assert "a.csv.gz' cannot be read: Not a gzipped file" in text
    assert "b.csv' cannot be read: unexpected end of data" in text


# several files


@pytest.fixture
def folder(tmp_path):
    """One file per person and run, with two that are something else."""
    for person in ("007", "12", "3"):
        for run in (1, 2):
            lines = ["trial,choice", "1,0", "2,1"]
            written(tmp_path, lines, f"sub-{person}_run-{run}_2026-01-0{run}.csv")
    written(tmp_path, ["a,b", "1,2"], "sizes.csv")
    (tmp_path / "notes.md").write_text("A note.")
    return tmp_path


def test_a_folder_with_a_file_per_person(folder):
    study = Study(trials=folder, file_names="sub-{participant}_run-{block}_*.csv")
    assert study.participants["participant"].tolist() == ["3", "007", "12"]
    assert study.trials.columns.tolist() == ["participant", "block", "trial", "choice"]
    assert study.trials["block"].tolist() == [1, 1, 2, 2] * 3
    assert "read 6 files of trials" in study.log
    assert any(
        "left out 1 file not named like" in line and "'sizes.csv'" in line for line in study.log
    )


def test_a_column_that_some_files_lack_is_told(tmp_path, capsys):
    for person, column in enumerate(("rt", "rt", "RT")):
        written(tmp_path, [f"trial,{column}", "1,2"], f"{person}.csv")
    Study(trials=tmp_path, file_names="{participant}.csv")
    told = capsys.readouterr().err
    assert "1 file had no column 'rt': read as missing." in told
    assert "2 files had no column 'RT': read as missing." in told


def test_files_without_rows_and_files_named_twice_are_told(tmp_path, capsys):
    names = [written(tmp_path, ["trial,rt", *rows], f"{who}.csv") for who, rows in PEOPLE.items()]
    study = Study(trials=[*names, names[2]], file_names="{participant}.csv")
    assert study.participants["participant"].tolist() == ["7", "9"]
    told = capsys.readouterr().err
    assert "1 file had no rows: '8.csv'." in told
    assert "trials: read 1 file once that the list names again: '9.csv'." in told


def test_files_that_lack_the_id_are_named_for_it(folder):
    (folder / "sizes.csv").unlink()
    assert "the files' names: file_names='sub-{participant}_*.csv'." in refusal(folder)
    files = sorted(folder.glob("*.csv"))
    assert "the files' names: file_names=" in refusal(files)
    assert "file_names=" not in refusal(files[0])


@pytest.mark.parametrize("argument", [{"codes": {"resp": {1: 2}}}, {"missing": {"resp": 1}}])
def test_columns_that_are_read_under_our_name_are_told(argument):
    table = pd.DataFrame({"participant": ["a"], "trial": [1], "resp": [1]})
    text = refusal(table, columns={"choice": "resp"}, **argument)
    assert "'resp' is read as 'choice': name it so." in text


def test_a_list_of_files_and_folders_within(folder):
    files = sorted(folder.glob("sub-*_run-1_*.csv"))
    study = Study(trials=files, file_names="sub-{participant}_*")
    assert study.participants["participant"].tolist() == ["007", "12", "3"]
    for file in files:
        inner = folder / "people" / file.name.split("_")[0]
        inner.mkdir(parents=True)
        file.rename(inner / "log.csv")
    study = Study(trials=folder / "people", file_names="sub-{participant}/log.csv")
    assert study.participants["participant"].tolist() == ["3", "007", "12"]


def test_files_that_hold_their_id_need_no_pattern(tmp_path):
    files = [written(tmp_path, ["participant,trial", f"{p},1"], f"{p}.csv") for p in ("01", "02")]
    written(tmp_path, ["participant,trial,extra", "03,1,5"], "03.csv")
    study = Study(trials=[*files, tmp_path / "03.csv"])
    assert study.participants["participant"].tolist() == ["01", "02", "03"]
    assert study.trials["extra"].isna().tolist() == [True, True, False]
    assert "2 files had no column 'extra': read as missing" in study.log
    assert "has 'participant'. Take it out of `file_names`" in refusal(
        files, file_names="{participant}.csv"
    )


def test_names_that_do_not_fit(folder):
    assert "must be named like `file_names` 'p{participant}.csv'. Found 'sizes.csv'" in refusal(
        folder, file_names="p{participant}.csv"
    )
    files = [folder / "sizes.csv", *folder.glob("sub-3*")]
    assert "Found 'sizes.csv'. Correct it" in refusal(files, file_names="sub-{participant}_*")
    for pattern in ("sub-*.csv", "{participant}_{participant}.csv", "sub-{participant}{run}*.csv"):
        with pytest.raises(ValueError, match="`file_names` must hold names in braces, each once"):
            Study(trials=folder, file_names=pattern)
    assert "must have a column 'participant'" in refusal(folder)
    empty = folder / "empty"
    empty.mkdir()
    (empty / "readme.md").write_text("x")
    assert "a folder of tables (.csv, .tsv, .txt, or .gz of them). Found 'readme.md'" in refusal(
        empty
    )


# ids


@pytest.mark.parametrize(
    ("first", "second", "ids"),
    [
        (["01", "02"], ["sub-01", "sub-02"], ["01", "02"]),
        (["sub-a", "sub-b"], ["a", "b"], ["a", "b"]),
        ([7, 8], ["7.0", "8.0"], ["7", "8"]),
        ([7.0, 8.0], ["sub-7", "8"], ["7", "8"]),
    ],
)
def test_tables_may_write_ids_with_prefix_or_decimals(first, second, ids):
    trials = pd.DataFrame({"participant": first, "trial": 1})
    people = pd.DataFrame({"participant": second, "age": [20, 30]})
    study = Study(trials=trials, participants=people)
    assert study.trials["participant"].tolist() == study.participants["participant"].tolist() == ids
    assert any("as others are written" in line for line in study.log)


def test_ids_of_one_spelling_stay_as_they_are():
    for ids in (["sub-01", "sub-02"], ["7.0", "8.0"], ["007", "8"], ["a.0", "a"]):
        study = Study(trials=pd.DataFrame({"participant": ids, "trial": 1}))
        assert study.participants["participant"].tolist() == ids
        assert study.log == ()


@pytest.mark.parametrize("other", ["7.0", "sub-7", "7.00"])
def test_people_are_not_merged_unsaid(other):
    table = pd.DataFrame({"participant": ["7", other, "8"], "trial": [1, 2, 1]})
    with pytest.warns(UserWarning, match=rf"in two, '{other}' beside '7', and are taken for the"):
        study = Study(trials=table)
    assert study.participants["participant"].tolist() == ["7", "8"]


@pytest.mark.parametrize(
    ("labels", "is_told"),
    [
        (["s1", "S1"], True),
        (["ab_2", "ab-2"], True),
        (["p01", "p1"], True),
        (["7", "007"], True),
        (["m\u00fc1", "mu\u03081"], True),
        (["p1", "p10"], False),
        (["1.05", "1.5"], False),
        (["P1", "Q1"], False),
    ],
)
def test_people_whose_ids_are_nearly_alike_are_told(labels, is_told):
    trials = pd.DataFrame({"participant": labels, "trial": 1})
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        study = Study(trials=trials)
    assert study.participants["participant"].tolist() == labels
    shown = [x if x.isascii() else f"{x} ({ascii(x)[1:-1]})" for x in labels]
    words = f"unseen marks alone: {listed(shown)}. They are taken for different ones"
    assert [words in str(one.message) for one in found] == [True] * is_told


def test_a_doubt_is_told_once_of_a_study():
    trials = pd.DataFrame({"participant": ["s1", "S1", "x"], "trial": 1})
    with pytest.warns(UserWarning, match="unseen marks alone: 's1', 'S1'"):
        study = Study(trials=trials)
    fewer = study.exclude("participant == 'x'", reason="a test")  # a warning would be an error
    assert any("unseen marks alone: 's1', 'S1'" in line for line in fewer.log)
    assert Study(**fewer.tables, log=fewer.log).participants["participant"].tolist() == ["s1", "S1"]


class Silent:
    def __str__(self):
        raise RuntimeError("no words")


def test_what_says_nothing_of_itself_stops_nothing(capsys):
    table = pd.DataFrame({"participant": ["a", "b"], "trial": 1, "clip": [Silent(), 2]})
    assert Study(trials=table).trials["clip"].tolist() == ["<Silent>", 2]
    assert "read 1 of 2 values of 'clip' as text, of type Silent" in capsys.readouterr().err


def test_names_that_differ_by_case_in_two_tables_are_told():
    trials = pd.DataFrame({"participant": ["s1", "s2"], "trial": 1, "block": ["Pre", "post"]})
    betas = pd.DataFrame({"participant": ["s1", "s2"], "trial": 1, "block": ["pre", "post"]})
    betas = betas.assign(region=["AI", "ai"], beta=0.1)
    with pytest.warns(UserWarning, match="should be written in one way") as found:
        Study(trials=trials, regions=betas)
    told = [str(one.message).partition(" should")[0] for one in found]
    assert told == ["Labels of 'region'", "Labels of 'block'"]


@pytest.mark.parametrize("blank", ["p1 ", " p1", "p1\u00a0"])
@pytest.mark.parametrize("as_file", [False, True])
def test_blanks_around_labels_join_them_and_are_told(blank, as_file, tmp_path):
    table = pd.DataFrame({"participant": ["p1", blank, "p2 "], "trial": [1, 2, 1]})
    table["session"] = ["one", "one", " one"]
    source = tmp_path / "table.csv" if as_file else table
    table.to_csv(tmp_path / "table.csv", index=False)
    with pytest.warns(UserWarning, match="with blanks and without") as told:
        study = Study(trials=source)
    assert [str(w.message).split()[2] for w in told] == ["trials.participant", "trials.session"]
    assert study.trials["participant"].tolist() == ["p1", "p1", "p2"]
    assert study.trials["session"].tolist() == ["one"] * 3


# pandas' own types


@pytest.mark.parametrize("text", ["string", "str", "string[pyarrow]", "object"])
@pytest.mark.parametrize("number", ["Int64", "Float64", "int64[pyarrow]", "double[pyarrow]"])
def test_nullable_and_arrow_columns_are_read_like_others(text, number):
    pytest.importorskip("pyarrow")
    values = {"participant": ["a", "a"], "trial": [1, 2], "who": ["x", None], "felt": [3, None]}
    types = {"participant": text, "trial": number, "who": text, "felt": number}
    table = pd.DataFrame(values, dtype=object).astype(types)
    read = Study(trials=table, missing={"who": []}).trials
    assert read["trial"].tolist() == [1, 2]
    assert read["felt"].dtype == float and read["felt"].isna().tolist() == [False, True]
    assert read["who"].tolist()[0] == "x" and read["who"].isna().tolist() == [False, True]
    coded = Study(trials=table, codes={"who": {"x": "self"}, "felt": {"3": 0}}).trials
    assert coded["who"][0] == "self" and coded["felt"][0] == 0


def test_levels_that_no_row_has_are_left_out(capsys):
    people = pd.DataFrame({"participant": list("abc"), "group": list("xyx")})
    people["group"] = pd.Categorical(people["group"], categories=["z", "y", "x"])
    study = Study(participants=people)
    assert study.participants["group"].cat.categories.tolist() == ["y", "x"]
    assert "left out levels of 'group' that no row has: 'z'" in capsys.readouterr().err
    fewer = study.exclude("group == 'y'", table="participants", reason="a test")
    assert fewer.participants["group"].cat.categories.tolist() == ["x"]
    assert "left out levels of 'group' that no row has: 'y'" in fewer.log
