"""Certificates: what they hold, how long they take, and what cards show of them."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
import model_pages  # of the documentation
from empathymodels.cli import certificates as certify_command
from empathymodels.cli import main
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.recovery import certificate as certificates
from empathymodels.recovery import certify as certifying

POOLED = pd.DataFrame(
    {
        "kind": ["means"],
        "values": [200],
        "coverage_50": [0.48],
        "coverage_50_se": [0.011],
        "coverage_90": [0.8751],
        "coverage_90_se": [0.009],
    }
)


@pytest.fixture
def mocked(monkeypatch):
    """Stand-ins that count replicates and take no time."""
    asked = {"recover": [], "confuse": [], "calibrate": [], "workers": set(), "contests": set()}
    asked["mixed"] = 1.0

    def recover(model, study, *, n, folder, seed, workers):
        asked["recover"].append(n)
        asked["workers"].add(workers)
        row = {"parameter": "slope", "whose": "people", "values": 24 * n, "bias": 0.0123}
        row |= {"rmse": 0.2, "correlation": 0.31, "coverage_50": 0.5, "coverage_50_se": 0.1}
        row |= {"coverage_90": 0.91, "coverage_90_se": 0.1, "contraction": 0.2}
        table = pd.DataFrame([row | {"mixed": asked["mixed"], "divergences": 0.0}])
        table.attrs = {"failed": {1: "no"}, "reading": "R-hat below 1.01 throughout"}
        table.attrs["pooled"] = POOLED
        table.attrs["seconds"] = [0.1] * n
        return table

    def confuse(models, study, *, n, folder, seed, workers, draws, tune):
        asked["confuse"].append(n)
        asked["workers"].add(workers)
        asked["contests"].add((draws, tune))
        names = list(models)
        table = pd.DataFrame(np.eye(len(names)), names, names)
        table.index.name, table.columns.name = "simulated", "chosen"
        table.attrs = {"failed": {}, "reading": "chosen in 17 of 20 replicates"}
        table.attrs["seconds"] = [0.1] * n * len(models)
        return table

    def calibrate(model, study, *, n, folder, seed, workers):
        asked["calibrate"].append(n)
        table = pd.DataFrame([{"parameter": "slope", "p_uniform": 0.4}])
        table.attrs = {"failed": {}, "reading": "no rank departs from uniform", "pooled": POOLED}
        return table

    for name, function in (("recover", recover), ("confuse", confuse), ("calibrate", calibrate)):
        monkeypatch.setattr(certifying, name, function)
    return asked


def test_what_a_certificate_holds(mocked, own_model, own_study):
    found = em.certify(own_model, own_study, minutes=0, calibration=7, workers=2)
    assert [mocked[verb] for verb in ("recover", "confuse", "calibrate")] == [[2, 7], [1], [7]]
    assert (mocked["workers"], mocked["contests"]) == ({2}, {(250, 300)})
    assert (found["model"], found["people"], found["trials"]) == ("rated_pain", 24, 463)
    assert found["recovery"]["n"] == 7
    assert found["recovery"]["failed"] == 1
    assert found["recovery"]["table"][0]["bias"] == 0.012
    assert found["confusion"]["table"][1]["simulated"] == "no_slope"
    assert found["recovery"]["pooled"] == found["calibration"]["pooled"]
    assert found["recovery"]["pooled"][0]["coverage_90"] == 0.875
    assert (found["centring"], found["asked"]) == (
        "every data set",
        {"minutes": 0, "calibration": 7},
    )
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("foreign", ["thesis.docx", "recovery.zip"])
def test_a_folder_of_others_is_left_alone(mocked, own_model, own_study, tmp_path, foreign):
    (tmp_path / "recovery").mkdir()
    (tmp_path / foreign).write_text("mine")
    with pytest.raises(ValueError, match=f"must hold nothing else; found '{foreign}' in"):
        em.certify(own_model, own_study, minutes=0, folder=tmp_path)
    assert not mocked["recover"] and (tmp_path / foreign).read_text() == "mine"


@pytest.mark.parametrize("models", [1, 3])
def test_the_time_decides_how_many(models):
    asked = []

    def run(n):
        asked.append(n)
        table = pd.DataFrame()
        number = n * models
        # whichever worker was first compiled for half a minute
        table.attrs["seconds"] = [33.0] * min(number, 2 * models) + [9.0] * (number - 2 * models)
        return table

    workers = 2
    table, n = certifying._as_many_as_fit(run, 10.0, workers, 2)
    assert asked[:2] == [2, 4]
    assert asked[2] == n
    spent = sum(table.attrs["seconds"])
    assert 600 * workers - 2 * models * 9.0 < spent <= 600 * workers
    again = certifying._as_many_as_fit(run, 10.0, workers, 2)[1]  # a run that goes on
    assert again == n


def test_rivals_of_another_measure_are_named():
    model, study = em.get_model("affect_congruence"), em.load_study("rival_fortunes")
    models, left_out = certifying._competitors(model, study)
    assert list(models) == [model.name, *(name for name in model.rivals if name != "plain_normal")]
    assert "densities in 'plain_normal'" in left_out["plain_normal"]


def test_rivals_of_other_rows_are_named():
    model, study = em.get_model("cue_expectation_learning"), em.load_study("cue_pain")
    models, left_out = certifying._competitors(model, study)
    assert "first_rating_start" not in models
    assert "2,160 rows in 'cue_expectation_learning' and on 2,080" in left_out["first_rating_start"]


def test_rivals_that_a_study_lacks_a_column_of_are_named():
    model, study = em.get_model("empathy_selection"), em.load_study("chosen_empathy")
    _, left_out = certifying._competitors(model, study)
    assert list(left_out) == ["discounting"]
    assert "Column 'money'" in left_out["discounting"]


def test_cards_show_certificates_of_the_same_equations(mocked, monkeypatch, tmp_path):
    model, study = em.get_model("prosocial_effort"), em.load_study("effort_for_others")
    found = em.certify(model, study, minutes=0, workers=1)
    (tmp_path / certificates.FILE).write_text(json.dumps(found), encoding="utf-8")
    monkeypatch.setattr(certificates, "list_studies", lambda: ["pain"])
    monkeypatch.setattr(certificates, "study_folder", lambda name: tmp_path)
    text = em.card(model).partition("## Certificate")[2]
    assert "design of `effort_for_others` (40 participants and 6,000 trials in all)" in text
    assert "Recovery, 1 data set, 1 of them failed" in text
    row = "| `slope`   | people | 0.31 | 0.01 | 0.20 | 0.50    | 0.91    | 0.20        |"
    assert f"{row} 1.00         |" in text
    assert re.search(r"\| all means +\| 0.480 \(0.011\) \| 0.875 \(0.009\) \|", text)
    assert "Made the old way" not in text and "not informative" not in text
    assert "From this design estimates of 'slope' correlate less than 0.5 with true values" in text
    assert "chosen in 17 of 20 replicates" in text
    assert "Left out" not in text
    assert "## Certificate" not in em.card(model.pool("inverse_temperature"))
    without = found | {"confusion": found["confusion"] | {"left_out": {"linear": "no column"}}}
    (tmp_path / certificates.FILE).write_text(json.dumps(without))
    assert "Left out: `linear`, not to be compared with the others" in em.card(model)
    for mixed, words in ((0.6, "0.60: not informative |"), (0.0, "0.00: not informative |")):
        found["recovery"]["table"][0]["mixed"] = mixed
        (tmp_path / certificates.FILE).write_text(json.dumps(found))
        assert words in em.card(model)
    old = {name: value for name, value in found.items() if name != "centring"}
    del old["recovery"]["table"][0]["mixed"], old["recovery"]["pooled"]
    (tmp_path / certificates.FILE).write_text(json.dumps(old))
    text = em.card(model)
    assert "Made the old way, to be made again: centring was measured on the first" in text
    assert f"{row} –            |" in text
    (tmp_path / certificates.FILE).write_text(json.dumps(found | {"fingerprint": "x"}))
    assert "Made for other equations or priors, so not shown" in em.card(model)


def test_the_command(mocked, own_study, monkeypatch, tmp_path):
    out = tmp_path / "pain.json"
    with pytest.raises(SystemExit) as end:
        given = ["--study", "effort_for_others", "--workers", "3", "--out", str(out)]
        main(["certify", "prosocial_effort", *given])
    assert end.value.code in (0, None)
    assert json.loads(out.read_text())["study"] == "effort_for_others"
    assert mocked["recover"][-1] == certifying.MOST - certifying.MOST % 3
    assert mocked["workers"] == {3}


def run_here(asked):
    """In place of a process for each model: the command in this one, as far as it is asked."""

    def run(command):
        assert command[1:3] == ["-m", "empathymodels"]
        asked.append(command[command.index("certify") + 1])
        with pytest.raises(SystemExit) as end:
            main(command[3:])
        return SimpleNamespace(returncode=end.value.code or 0)

    return run


def ended(arguments):
    with pytest.raises(SystemExit) as end:
        main(list(map(str, arguments)))
    return end.value.code or 0


def test_several_models_are_certified_and_gone_on_with(mocked, monkeypatch, tmp_path, capsys):
    asked, two = [], ["prosocial_effort", "costly_helping"]
    monkeypatch.setattr(certify_command.subprocess, "run", run_here(asked))
    out, folder = tmp_path / "out", tmp_path / "kept"
    command = ["certify", *two, "--minutes", 0, "--workers", 1, "--folder", folder, "--out", out]
    assert ended(command) == 0
    assert asked == two
    files = [out / name / "certificate.json" for name in ("effort_for_others", "induced_motives")]
    assert [certificates.read_certificate(file)["model"] for file in files] == two
    assert ended(command) == 0
    assert asked == two and "prosocial_effort is there already" in capsys.readouterr().err
    assert ended([*command, "--calibration", 3]) == 0  # which is another certificate
    assert asked == [*two, *two]
    files[1].write_text(json.dumps(json.loads(files[1].read_text()) | {"fingerprint": "older"}))
    assert ended([*command, "--calibration", 3]) == 0
    assert asked == [*two, *two, "costly_helping"]


def test_what_is_no_certificate_is_not_replaced_by_one(mocked, monkeypatch, tmp_path, capsys):
    asked = []
    monkeypatch.setattr(certify_command.subprocess, "run", run_here(asked))
    file = tmp_path / "out" / "induced_motives" / "certificate.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"grade": "A"}')
    where = ["--folder", tmp_path / "kept", "--out", tmp_path / "out", "--minutes", 0]
    assert ended(["certify", "prosocial_effort", "costly_helping", *where]) == 2
    assert "must not replace" in capsys.readouterr().err
    assert not asked and file.read_text() == '{"grade": "A"}'


def test_a_model_that_fails_does_not_stop_the_others(monkeypatch, tmp_path, capsys):
    asked = []

    def run(command):
        asked.append(command[4])
        return SimpleNamespace(returncode=int(len(asked) == 1))

    monkeypatch.setattr(certify_command.subprocess, "run", run)
    where = ["--folder", tmp_path / "kept", "--out", tmp_path / "out"]
    assert ended(["certify", "--all", *where]) == 2
    assert asked == list(em.list_models())
    told = capsys.readouterr().err
    assert f"1 model of {len(asked)} could not be" in told and f"'{asked[0]}'" in told


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "found neither"),
        (["prosocial_effort", "--all"], "found both"),
        (["--all", "--out", "out"], "found --folder None, --out out"),
        (["--all", "--out", "a", "--folder", "b", "--study", "motives"], "leave out --study"),
        (["my_model.py"], "have a design of their own"),
    ],
)
def test_commands_that_cannot_be_meant(wrong, message, capsys):
    assert ended(["certify", *wrong]) == 2
    assert message in capsys.readouterr().err


# ------------------------------------------------------------------- certificates that are shipped


def in_words(found, marks):
    """A model's row in the table of certificates of the documentation."""
    recovery, confusion = found["recovery"], found["confusion"]
    people = pd.DataFrame(row for row in recovery["table"] if row["whose"] == "people")
    ranges = [
        f"{people[c].min():.2f} to {people[c].max():.2f}" for c in ("correlation", "coverage_90")
    ]
    weakest = people.loc[people["correlation"].idxmin(), "parameter"]
    told = re.match(
        r"the model that simulated was chosen in ([\d,]+) of ([\d,]+)", confusion["reading"]
    )
    cells = [
        f"[{found['model']}]({found['model']}.md){marks}",
        f"`{found['study']}`",
        str(recovery["n"]),
        f"{ranges[0]} (`{weakest}`)",
        ranges[1],
        f"{told[1]} of {told[2]}, {len(confusion['table'])} models",
    ]
    return f"| {' | '.join(cells)} |"


SHIPPED = [
    name for name in em.list_models() if certificates.certificate_of(em.get_model(name)) is not None
]


@pytest.mark.parametrize("name", SHIPPED)
def test_certificates_that_are_shipped(name):
    model = em.get_model(name)
    found = certificates.certificate_of(model)
    if found["fingerprint"] != fingerprint(model):  # and so not shown, until it is made anew
        assert "Made for other equations or priors" in em.card(model)
        assert "‡ |" in model_pages.certificate_row(model)
        return
    study = em.load_study(found["study"])
    assert found["people"] == len(study.tables["participants"])
    assert found["trials"] == len(study.tables["trials"])
    assert found["recovery"]["n"] > 5 * found["recovery"]["failed"]
    competitors = {name, *model.rivals} - set(found["confusion"]["left_out"])
    assert {row["simulated"] for row in found["confusion"]["table"]} == competitors
    calibrated = name in ("outgroup_help_learning", "motivated_empathy")
    assert found.get("calibration", {"n": 0})["n"] >= 100 * calibrated
    assert "## Certificate" in em.card(model)
    marks = "†" * (not certificates.is_current(found))
    assert in_words(found, marks) == model_pages.certificate_row(model)
