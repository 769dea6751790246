"""Labels are the user's text: nothing that shows or writes them runs them."""

import csv

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.cli import output
from empathymodels.messages import label_in_cell, listed, spreadsheet_cell
from empathymodels.study.participants import named_participants
from empathymodels.terminal import put, tell

RUN = ("=HYPERLINK(1)", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "'=1", "''@x", "=a,b", '="q"')
PLAIN = ("a=b", "o'clock", "'tis", "x-1", "-", "$x$", "1e5", "-1.5", "+3", "007", "n-a")


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_tables_hold_no_formula_and_read_back_to_the_same_labels(tmp_path, ending):
    labels = [*RUN, *PLAIN[:4], *PLAIN[5:]]
    trials = pd.DataFrame(
        {
            "participant": labels,
            "trial": 1,
            "gain": np.linspace(-2.5, 2, len(labels)),
            "-cue": labels[::-1],
        }
    )
    path = tmp_path / f"trials.{ending}"
    output.table_writer(trials)(path)
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="," if ending == "csv" else "\t")
    assert header == ["participant", "trial", "gain", "'-cue"]
    for cells in rows:
        for cell in (cells[0], cells[3]):
            is_number = cell in ("-1.5", "+3")
            assert is_number or cell[0] not in "=+-@\t\r"
    assert float(rows[0][2]) == -2.5  # numbers stay numbers
    found = em.Study(trials=path).trials
    assert found["participant"].tolist() == labels
    assert found["-cue"].tolist() == labels[::-1]
    np.testing.assert_allclose(found["gain"], trials["gain"])


@pytest.mark.parametrize("label", [*RUN, *PLAIN, "", "'", "''", "\tx", "=\n"])
def test_cells_lead_back_to_their_labels(label):
    assert label_in_cell(spreadsheet_cell(label)) == label


SEQUENCES = ("\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "a\rb", "back\x08", "left\u202eright")


@pytest.mark.parametrize("label", SEQUENCES)
def test_terminals_get_no_escape_codes(label, capsys):
    table = pd.DataFrame({"whose": [label, "P2"], label: [1.0, 2.0]})
    output.show_table(table)
    tell(f"left out: {label}")
    put(f"the reading of '{label}'\nin two lines")
    with pytest.raises(KeyError) as error:
        named_participants([label], ["P1"])
    out, err = capsys.readouterr()
    for text in (out, err, str(error.value.args[0]), listed([label])):
        assert not set("\x1b\x07\x08\x9b\r\u202e") & set(text)
    assert "\nin two lines" in out


@pytest.mark.parametrize("label", SEQUENCES)
def test_studies_and_what_is_said_of_them_get_no_escape_codes(label):
    table = pd.DataFrame({"participant": ["a", "A"], "trial": 1, "cue": label, f"{label}x": 1})
    with pytest.warns(UserWarning, match="nearly|one way") as found:
        study = em.Study(trials=table, name=label, notes=label, citation=label)
    with pytest.raises(ValueError) as error:
        em.Study(trials=table, codes={"cue": {1: 2}}, columns={"choice": label})
    said = [repr(study), str(study), str(error.value), *(str(one.message) for one in found)]
    for text in said:
        assert not set("\x1b\x07\x08\x9b\r\u202e") & set(text)


def test_files_of_tables_get_no_escape_codes(tmp_path):
    output.table_writer(pd.DataFrame({"whose": SEQUENCES}))(tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_bytes().decode()
    assert not set("\x1b\x07\x08\x9b\u202e") & set(text)


@pytest.mark.parametrize("given", [[3, "sub-10"], ["3", 10.0], np.array([3, 10]), ("sub-3", "10")])
def test_people_are_named_by_numbers_or_text(given):
    assert named_participants(given, ["sub-3", "10", "03"]) == ["sub-3", "10"]


def test_people_who_are_not_there_are_told():
    with pytest.raises(KeyError, match=r"'4' \(1 of 2\) are not\. It has 'sub-01', 'sub-02'"):
        named_participants(["01", 4], ["sub-01", "sub-02"])
