"""The script that is shown is the one that runs, and nothing that was typed runs in it."""

import ast
import inspect
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

import empathymodels as em
from empathymodels.app import script as writing
from empathymodels.app.matching import meanings
from empathymodels.app.script import analysis_script, design_script, is_same
from folders import ROOT

HOSTILE = 'x"; import os; os.abort() #\n"""\nos.abort()\'\\'
CHOICES = {
    "name": "effort",
    "question": "",
    "study": "",
    "encoding": "utf-8",
    "files": {
        "trials": {
            "file": "trials.csv",
            "own": "My data.csv",
            "columns": dict.fromkeys(["Subject", "trial", "work", "Choice"], ""),
        }
    },
    "columns": {"trials": {"participant": "Subject", "trial": "trial", "work": "Choice"}},
    "missing": {"work": ["9"]},
    "codes": {"recipient": {"1": "self", "2": "other"}},
    "model": "prosocial_effort",
    "rivals": ["linear"],
    "covariates": {},
    "draws": None,
    "seed": 1,
}
DATA_SET = {
    "bids": {"file": "bids", "own": "/data/x", "tasks": ["a"], "task": "a", "keep": "work >= 0"},
    "columns": {"trials": {"work": "Choice"}, "participants": {"age": "years"}},
    "files": {
        "trials": CHOICES["files"]["trials"],
        "participants": {"file": "bids", "own": "/data/x", "columns": {"years": ""}},
    },
}
SEVERAL = {
    "files": {"trials": CHOICES["files"]["trials"] | {"file": "trials", "own": "x, 2 files"}},
    "file_names": "sub-{participant}_x.csv",
}
OWN_MODEL = {"model": "mine", "model_file": {"file": "mine.py", "own": "/models/mine.py"}}
LEFT_OUT = {"left_out": ["P 2", "it's"], "left_out_reason": "fell asleep"}
KINDS = [{}, LEFT_OUT, {"study": "effort_for_others"}, DATA_SET, SEVERAL, OWN_MODEL, {"rivals": []}]
FIELDS = {  # every text that somebody typed
    "name": {"name": HOSTILE},
    "question": {"question": HOSTILE},
    "file": {"files": {"trials": CHOICES["files"]["trials"] | {"own": HOSTILE}}},
    "columns": {"columns": {"trials": {"participant": HOSTILE}}},
    "missing": {"missing": {"work": [HOSTILE]}},
    "codes": {"codes": {"work": {HOSTILE: HOSTILE}}},
    "covariates": {"covariates": {"discount": HOSTILE}},
    "file_names": {"file_names": HOSTILE},
    "keep": {"bids": DATA_SET["bids"] | {"keep": HOSTILE, "own": HOSTILE}},
    "people": {"left_out": [HOSTILE, HOSTILE.replace("'", ""), HOSTILE.replace('"', "")]},
    "reason": {"left_out": ["7"], "left_out_reason": HOSTILE},
    "model": {"model_file": {"file": "mine.py", "own": HOSTILE}},
}


def shape(script):
    """What a script does, whatever its texts are."""
    tree = ast.parse(script)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = ""
    return [type(node).__name__ for node in ast.walk(tree)]


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("script", [analysis_script, design_script])
def test_what_was_typed_stays_text(name, script):
    harmless = ast.literal_eval(repr(FIELDS[name]).replace(repr(HOSTILE)[1:-1], "harmless"))
    assert shape(script(CHOICES | FIELDS[name])) == shape(script(CHOICES | harmless))


def test_a_study_is_read_as_it_was_matched(study_of_effort, tmp_path, monkeypatch):
    table = study_of_effort.rename(columns={"participant": "Subject", "work": "Choice"})
    # a column of the file that has our name, and is something else
    table = table.assign(work="sand", recipient=table["recipient"].map({"self": 1, "other": 2}))
    table.loc[table.index[0], "Choice"] = 9
    table.to_csv(tmp_path / "trials.csv", index=False)
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(design_script(CHOICES).split("table =")[0], namespace)
    study = namespace["study"]
    assert study.trials["work"].isna().sum() == 1
    expected = study_of_effort["work"].to_numpy()[1:]
    np.testing.assert_array_equal(study.trials["work"].to_numpy()[1:], expected)
    assert set(study.trials["recipient"]) == {"self", "other"}
    assert set(study.trials["work_in_file"]) == {"sand"}


def test_tables_run_in_no_spreadsheet(tmp_path, monkeypatch):
    label = '=HYPERLINK("http://x")'
    table = pd.DataFrame({"who": [label, "@x", "sub-1"], "mean": [-1.5, 2.0, 3.0], "+y": "-2"})
    compared = pd.DataFrame({"elpd_diff": [0.0]}, index=[label])
    compared.attrs["reading"] = "One is better"
    dims = ("chain", "draw", "participant")
    drawn = xr.Dataset({"discount": (dims, [[[0.0, 1.0]]]), "held": (dims, [[[0.5, 0.5]]])})
    seen = xr.Dataset({"work": ("trial_row", [1.0])})
    fit = xr.DataTree.from_dict({"posterior": drawn, "observed_data": seen})
    given = {"fit": fit, "save": None, "report": None, "compare": compared}
    given |= dict.fromkeys(("Study", "get_model", "check", "estimates", "diagnose_design"), table)
    figures = ("parameters", "people", "predictions", "compare")
    given |= {f"plot_{name}": Figure(figsize=(1, 1)) for name in figures}
    for name, value in given.items():
        monkeypatch.setattr(em, name, lambda *_, value=value, **__: value)
    monkeypatch.setattr(pd.DataFrame, "rival", lambda self, name: self, raising=False)
    monkeypatch.chdir(tmp_path)
    for script in (analysis_script, design_script):
        exec(script(CHOICES), {})
    files = {file.name: file.read_text() for file in tmp_path.glob("*.csv")}
    assert files.pop("comparison.csv") == 'name,elpd_diff\n"\'=HYPERLINK(""http://x"")",0.0\n'
    assert len(files) == 5
    inert = 'who,mean,\'+y\n"\'=HYPERLINK(""http://x"")",-1.5,-2\n\'@x,2.0,-2\nsub-1,3.0,-2\n'
    assert set(files.values()) == {inert}
    kinds = ("parameters", "people-discount", "predictions-work")
    pictures = {f"{name}-{kind}.png" for name in ("prosocial_effort", "linear") for kind in kinds}
    assert {file.name for file in tmp_path.glob("*.png")} == pictures | {"comparison.png"}


def names_of_ours(script):
    """What a script imports, and what it takes of the package: `em.Study.from_bids`, say."""
    tree = ast.parse(script)
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    taken = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    ours = {name for name in taken if re.fullmatch(r"em(\.\w+)+", name)}
    return {ast.unparse(node) for node in imported}, ours


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_scripts_rely_on_public_names_alone(kind):
    for script in (analysis_script, design_script):
        imported, taken = names_of_ours(script(CHOICES | KINDS[kind]))
        others = {"from pathlib import Path", "import matplotlib.pyplot as plt"}
        assert imported - others == {"import empathymodels as em"}
        assert {name.split(".")[1] for name in taken} <= set(em.__all__)
        assert {"em.write_table", "em.get_model"} < taken
        methods = {name.split(".")[2] for name in taken if name.count(".") == 2}
        assert methods <= {"from_bids"} and hasattr(em.Study, "from_bids")


def test_people_are_left_out_of_any_study():
    expected = """
study = study.exclude(
    "participant in [\\"P 2\\", \\"it's\\"]",
    table="participants",
    reason="fell asleep",
)
"""
    for kind in (KINDS[0], {"study": "effort_for_others"}, DATA_SET):
        for script in (analysis_script, design_script):
            assert expected in script(CHOICES | kind | LEFT_OUT)
            assert "exclude" not in script(CHOICES | kind | LEFT_OUT | {"left_out": []})


def test_people_of_any_name_are_left_out(study_of_effort, tmp_path, monkeypatch):
    odd = ["O'B\"x", 'a\\"', HOSTILE.replace("\n", " "), "stays"]
    names = dict(zip(study_of_effort["participant"].unique(), odd, strict=True))
    table = study_of_effort.replace({"participant": names})
    table.to_csv(tmp_path / "trials.csv", index=False)
    monkeypatch.chdir(tmp_path)
    files = {"trials": {"file": "trials.csv", "own": "x", "columns": dict.fromkeys(table, "")}}
    choices = CHOICES | {"files": files, "columns": {}, "missing": {}, "codes": {}}
    choices |= {"left_out": odd[:-1], "left_out_reason": "fell asleep"}
    namespace = {}
    exec(design_script(choices).partition("model = ")[0], namespace)
    assert list(namespace["study"].participants["participant"]) == ["stays"]


def test_a_data_set_several_files_and_a_model_of_ones_own_are_named():
    data_set = design_script(CHOICES | DATA_SET)
    assert 'em.Study.from_bids(\n    "bids",  # given as "/data/x"\n    task="a",\n' in data_set
    renamed = '"work": "Choice", "work_in_file": "work", "age": "years"'
    assert f'    keep="work >= 0",\n    columns={{{renamed}}},\n' in data_set
    several = design_script(CHOICES | SEVERAL)
    assert 'trials="trials",  # given as "x, 2 files"' in several
    assert 'file_names="sub-{participant}_x.csv"' in several
    own = design_script(CHOICES | OWN_MODEL)
    assert 'em.get_model("mine.py")  # a copy of "/models/mine.py"' in own


def test_the_guide_shows_what_is_written():
    guide = (ROOT / "docs" / "how_to" / "app.md").read_text(encoding="utf-8")
    shown = guide.split("```python\n")[1].split("```")[0]
    own = {"file": "trials.tsv", "own": "my data.tsv", "columns": {"Subject": "", "Choice": ""}}
    choices = CHOICES | {"files": {"trials": own}, "missing": {}, "rivals": []}
    choices |= {"columns": {"trials": {"participant": "Subject", "work": "Choice"}}}
    body = analysis_script(choices).partition('\n"""\n\n')[2]
    assert body.startswith(shown)
    assert "em.fit(" in shown and "em.write_table(" in shown


def test_calls_have_arguments_that_there_are():
    for script in (analysis_script(CHOICES | {"draws": 50}), design_script(CHOICES)):
        calls = [node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Call)]
        ours = [call for call in calls if re.fullmatch(r"em\.\w+", ast.unparse(call.func))]
        assert len(ours) >= 3
        for call in ours:
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            inspect.signature(getattr(em, call.func.attr)).bind(*call.args, **keywords)


@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_every_seed_is_one(seed):
    assert f"em.fit(variant, study, seed={seed}, store=" in analysis_script(
        CHOICES | {"seed": seed}
    )


@pytest.mark.parametrize("script", [analysis_script, design_script])
def test_a_new_version_begins_nothing_anew(script, sessions, monkeypatch):
    before, session = script(CHOICES), sessions.new()
    for kind in ("analysis", "design"):
        session.prepare(kind, before)
    kept = session.folder / "linear.nc"
    kept.touch()
    own, compared = session.folder / "comparison.py", session.folder / "comparison.csv"
    own.touch()
    compared.touch()
    monkeypatch.setattr(writing, "__version__", "99.1.0")
    after = script(CHOICES)
    assert "99.1.0" in after and is_same(before, after)
    session.prepare("analysis", after)
    assert kept.exists() and session.script("analysis") == after
    changed = script(CHOICES | {"model": "linear"})
    assert not is_same(after, changed)
    session.prepare("analysis", changed)
    assert not kept.exists() and not compared.exists() and own.exists()


def test_meanings_of_codes():
    expected = {"1": "self", "2": "other", "3": 0, "4": -1.5, "5": "007"}
    assert meanings("x", "1=self, 2 = other ,3=0, 4=-1.5, 5=007") == expected
    assert meanings("x", "1=self; 2 = other ;3=0; 4=-1.5, 5=007") == expected
    with pytest.raises(ValueError, match=r"CODE=MEANING.*found '1=self, 2' for 'recipient'"):
        meanings("recipient", "1=self, 2")
