"""Tables in files: whole, inert, and never over what would be lost."""

import pandas as pd
import pytest

import empathymodels as em

TABLE = pd.DataFrame(
    {"participant": ["=1+1", "@x"], "trial": [1, 2], "work": [1.0, None], "+y": ["-2", "a"]}
)


def test_labels_run_in_no_spreadsheet_and_a_study_reads_them_as_they_were(tmp_path):
    file = em.write_table(TABLE, tmp_path / "trials.csv")
    assert file.read_text() == "participant,trial,work,'+y\n'=1+1,1,1.0,-2\n'@x,2,,a\n"
    study = em.Study(trials=file)
    assert list(study.trials["participant"]) == ["=1+1", "@x"] and "+y" in study.trials


def test_names_of_rows_are_a_column_and_missing_values_are_as_bids_has_them(tmp_path):
    named = pd.DataFrame({"elpd": [0.5, None]}, index=["=a", "b"])
    file = em.write_table(named, str(tmp_path / "compared.tsv"))
    assert file.read_text() == "name\telpd\n'=a\t0.5\nb\tn/a\n"


def test_a_name_of_the_index_is_kept_and_numbers_of_rows_are_left_out(tmp_path):
    table = pd.DataFrame({"name": ["x", "y", "z"], "mean": [1, 2, 3]})
    chosen = em.write_table(table[table["mean"].isin([1, 3])], tmp_path / "chosen.csv")
    assert chosen.read_text() == "name,mean\nx,1\nz,3\n"
    by_region = table.set_index(pd.Index(["a", "b", "c"], name="region"))
    file = em.write_table(by_region[:1], tmp_path / "regions.csv")
    assert file.read_text() == "region,name,mean\na,x,1\n"
    by_trial = table[["mean"]].set_index(pd.RangeIndex(3, name="trial"))
    file = em.write_table(by_trial[:2], tmp_path / "trials.csv")
    assert file.read_text() == "trial,mean\n0,1\n1,2\n"


def test_what_lies_there_is_replaced_only_if_that_is_said(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("mine")
    with pytest.raises(FileExistsError, match=r"a file of 4 bytes .* overwrite=True"):
        em.write_table(TABLE, file)
    assert file.read_text() == "mine"
    em.write_table(TABLE, file, overwrite=True)
    assert file.read_text().startswith("participant,")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileExistsError, match="an empty folder"):
        em.write_table(TABLE, tmp_path / "folder.csv", overwrite=True)


@pytest.mark.parametrize(
    ("table", "name", "says"),
    [
        (TABLE, "table.xlsx", "ends in .csv or .tsv"),
        (pd.DataFrame(), "a.csv", "at least one"),
        (TABLE.set_index(["participant", "trial"]), "a.csv", r"2 levels .* table\.reset_index\(\)"),
        (pd.DataFrame({"name": [1]}, index=["a"]), "a.csv", "found 'name' as a column already"),
        (TABLE.set_index("trial", drop=False), "a.csv", r"'trial' as .* table\.rename_axis\("),
    ],
)
def test_what_cannot_be_a_file_is_told(table, name, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        em.write_table(table, tmp_path / name)
    assert not list(tmp_path.iterdir())
