"""The command line: answers at once, says what is wrong, and ends with the right code."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels import cli
from empathymodels.cli import output
from empathymodels.inference import fits as fits_module
from folders import BUNDLED, OWN_MODELS

DATA = BUNDLED / "outgroup_help"
OWN_MODEL = OWN_MODELS / "rated_pain.py"
LEARNING = "outgroup_help_learning"
COMMANDS = [c.name or c.callback.__name__ for c in cli.app.registered_commands]
PNG = b"\x89PNG"

CHECKS = pd.DataFrame(
    {
        "check": ["divergences", "R-hat"],
        "value": [1, 1.00349],
        "limit": ["0", "<= 1.01"],
        "passed": [False, True],
        "advice": ["Raise target_accept.", ""],
    }
)


@pytest.fixture
def run(capsys):
    """Run the command line and return exit code, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return run


@pytest.fixture
def trials(tmp_path):
    file = tmp_path / "trials.csv"
    file.write_text("participant,trial,outcome,rating\n1,1,1,99\n1,2,-1,5\n2,1,1,6\n")
    return file


@pytest.fixture
def fitted(monkeypatch):
    """Stand in for sampling and saving; collects what they were given."""
    asked = {}

    def fit(model, study, **settings):
        asked.update(model=model, study=study, settings=settings)
        return "a fit"

    monkeypatch.setitem(vars(em), "fit", fit)
    monkeypatch.setitem(vars(em), "save", lambda fit, path: asked.update(saved=fit, path=path))
    return asked


@pytest.fixture(scope="module")
def fit_file(fit, tmp_path_factory):
    return em.save(fit, tmp_path_factory.mktemp("fits") / "learning.nc")


@pytest.fixture(scope="module")
def own_file(own_fit, tmp_path_factory):
    return em.save(own_fit, tmp_path_factory.mktemp("own") / "own.nc")


@pytest.fixture
def written(tmp_path):
    """A folder for results, which must hold nothing unfinished in the end."""
    folder = tmp_path / "results"
    yield folder
    assert not list(folder.rglob(".*"))


@pytest.mark.parametrize(
    "command", [["list"], ["--help"], ["fit", "--help"], ["predict", "--help"]]
)
def test_heavy_modules_are_not_imported_to_list_or_help(command):
    script = (
        "import sys; from empathymodels.cli import main\n"
        f"try: main({command!r})\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'pymc', 'pytensor', 'pandas', 'xarray', 'arviz_base', 'matplotlib'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


def test_list_names_every_model(run):
    code, out, _ = run("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(em.list_models())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"Example:\n    empathymodels {command}" in out


def test_card(run):
    code, out, _ = run("card", "outgroup_help_learning")
    assert code == 0
    assert out.startswith("# outgroup_help_learning\n")


def test_card_as_a_file(run, written):
    code, out, err = run("card", LEARNING, "--out", written / "model.md")
    assert (code, out) == (0, "")
    assert (written / "model.md").read_text("utf-8") == str(em.get_model(LEARNING))
    assert f"Wrote {written / 'model.md'}" in err


def test_cards_of_all_models_with_an_index(run, written):
    code, out, err = run("card", "--all", "--out", written)
    assert (code, out) == (0, "")
    names = [*em.list_models(), "README"]
    assert sorted(file.name for file in written.iterdir()) == sorted(f"{n}.md" for n in names)
    for name in em.list_models():
        assert (written / f"{name}.md").read_text("utf-8") == em.card(em.get_model(name))
    index = (written / "README.md").read_text("utf-8")
    links = re.findall(r"^\| \[`(\w+)`\]\((\w+)\.md\) ", index, re.MULTILINE)
    assert links == [(name, name) for name in em.list_models()]
    assert all(em.get_model(name).title in index for name in em.list_models())
    assert f"Wrote {written / 'README.md'}" in err


def test_fit_hands_on_what_was_asked(run, trials, fitted, tmp_path):
    out = tmp_path / "new.nc"
    code, printed, told = run(
        *("fit", "outgroup_help_learning", "--trials", trials, "--rival", "individual_only"),
        *("--fix", "learning_rate=0.3", "--fix", "start_value=0", "--without", "insula"),
        *("--columns", "feeling=rating", "--missing", "feeling=99", "--missing", "feeling=98"),
        *("--covariates", "start_value=partner_group + age", "--seed", "7", "--draws", "50"),
        *("--out", out),
    )
    assert (code, printed) == (0, "")
    changes = "individual_only learning_rate=0.3 start_value=0.0 without(insula)"
    assert fitted["model"].label.endswith(changes)
    assert not fitted["study"].simulated
    assert fitted["study"].trials["feeling"].isna().tolist() == [True, False, False]
    assert fitted["settings"] == {
        "seed": 7,
        "draws": 50,
        "max_draws": 5000,
        "population": None,
        "tune": 1000,
        "chains": 4,
        "cores": None,
        "target_accept": None,
        "method": "nuts",
        "store": None,
        "covariates": {"start_value": "partner_group + age"},
    }
    assert (fitted["saved"], fitted["path"]) == ("a fit", out)
    assert f"empathymodels check {out}" in told


@pytest.mark.parametrize(
    "given",
    [
        ["--codes", "recipient:1=self,2=other", "--codes", "work:yes=1,no=0"],
        ["--codes", "recipient: 1 = self", "--codes=recipient:2=other", "--codes=work:yes=1,no=0"],
    ],
)
def test_codes_are_those_of_python(run, fitted, tmp_path, given):
    file = tmp_path / "trials.csv"
    file.write_text(
        "participant,trial,recipient,work,reward,effort\n"
        "1,1,1,yes,2,0.3\n1,2,2,no,4,0.5\n1,3,,yes,6,0.7\n"
    )
    code, _, err = run("fit", "prosocial_effort", "--trials", file, *given)
    assert code == 0, err
    codes = {"recipient": {1: "self", 2: "other"}, "work": {"yes": 1, "no": 0}}
    expected = em.Study(trials=file, codes=codes)
    pd.testing.assert_frame_equal(fitted["study"].trials, expected.trials)
    assert fitted["study"].log == expected.log


def test_files_are_read_as_in_python(run, fitted, tmp_path):
    people = tmp_path / "people.csv"
    people.write_bytes("ID,größe\n01,1.7\n02,1.8\n".encode("cp1252"))
    logs = tmp_path / "logs"
    logs.mkdir()
    for person in ("01", "02"):
        log = "trial,recipient,work,reward,effort\n1,1,1,2,0.3\n2,x,0,4,0.5\n"
        (logs / f"sub-{person}_log.txt").write_text(log)
    code, _, err = run(
        *("fit", "prosocial_effort", "--trials", logs, "--participants", people),
        *("--columns", "participants.participant=ID", "--file-names", "sub-{participant}_*"),
        *("--codes", "recipient:1=self", "--others", "keep", "--encoding", "cp1252"),
    )
    assert code == 0, err
    expected = em.Study(
        trials=logs,
        participants=people,
        columns={"participants": {"participant": "ID"}},
        file_names="sub-{participant}_*",
        codes={"recipient": {1: "self"}},
        others="keep",
        encoding="cp1252",
    )
    for name, table in expected.tables.items():
        pd.testing.assert_frame_equal(fitted["study"].tables[name], table)
    assert fitted["study"].log == expected.log


@pytest.mark.parametrize(
    ("text", "meaning"), [("7", 7), ("-0.5", -0.5), ("07", "07"), ("nan", "nan"), ("1e3", "1e3")]
)
def test_meanings_of_codes_that_look_like_numbers_are_numbers(text, meaning):
    (found,) = cli.input.codes_of([f"pain:P={text}"])["pain"].values()
    assert (found, type(found)) == (meaning, type(meaning))


@pytest.mark.parametrize("given", ["recipient", "recipient:1", ":1=self", "recipient:1=self,2"])
def test_codes_without_meaning_are_told(run, trials, fitted, given):
    code, out, err = run("fit", LEARNING, "--trials", trials, "--codes", given)
    assert (code, out, fitted) == (2, "", {})
    assert err.startswith("Error: --codes must be NAME:CODE=MEANING")
    assert f"found '{given}'. Write for example --codes recipient:1=self,2=other." in err


def test_codes_of_a_bundled_study_are_its_own(run, fitted):
    given = ("--study", "outgroup_help", "--codes", "outcome:1=-1")
    code, _, err = run("fit", LEARNING, *given)
    assert (code, fitted) == (2, {})
    assert "--simulated are for your own files" in err


def test_a_fit_is_named_after_the_model(run, trials, fitted):
    how = ("--rival", "no_learning", "--without", "insula", "--without", "empathy_after")
    run("fit", LEARNING, "--trials", trials, *how, "--simulated")
    assert str(fitted["path"]) == f"{LEARNING}-no_learning-without-insula-empathy_after.nc"
    assert fitted["study"].simulated


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["card", "outgroup_help_lerning"], "Did you mean 'outgroup_help_learning'"),
        (["card", "nowhere.py"], "A model file must exist where you say"),
        (["card"], "with --all of every one; found neither. Give the name of"),
        (["card", LEARNING, "--all", "--out", "a"], f"found both '{LEARNING}' and --all"),
        (["card", "--all"], "found none. Add --out FOLDER"),
        (["fit", "outgroup_help_learning"], "Found none"),
        (["fit", "outgroup_help_learning", "--trials", "no.csv"], "no file at 'no.csv'"),
        (["fit", "outgroup_help_learning", "--rival", "x", "--study", "y"], "has no rival 'x'"),
        (["fit", "outgroup_help_learning", "--fix", "learning_rate"], "must be NAME=VALUE"),
        (["fit", "outgroup_help_learning", "--fix", "learning_rate=x"], "must be a number"),
        (["check", "nowhere.nc"], "A fit must exist where you say"),
        (["compare", "nowhere.nc", "no.nc"], "A fit must exist where you say"),
        (["predict", "nowhere.nc", "--seed", "1", "--out", "p.csv"], "A fit must exist"),
        (["estimates", "nowhere.nc"], "A fit must exist where you say"),
        (["latents", "nowhere.nc", "--out", "l.csv"], "A fit must exist where you say"),
        # the places of results, before anything is read
        (["card", LEARNING, "--out", "card.txt"], "must end in .md here; found 'card.txt'"),
        (["check", "fit.nc", "--out", "a.xlsx"], "must end in .csv, .tsv here; found 'a.xlsx'"),
        (["compare", "a.nc", "b.nc", "--out", "a.nc"], "must end in .csv, .tsv here"),
        (["estimates", "fit.nc", "--out", "a.nc"], "must end in .csv, .tsv here"),
        (["estimates", "fit.nc", "--figure", "a.csv"], "must end in .png, .pdf, .svg here"),
        (["latents", "fit.nc", "--out", "a.zarr"], "must end in .csv, .tsv, .nc here"),
        (["latents", "fit.nc", "--out", "fit.nc"], "must not replace what they are made from"),
        (["predict", "fit.nc", "--seed", "1", "--out", "a.txt"], "must end in .csv, .tsv, .nc"),
        (["predict", "fit.nc", "--seed", "1", "--out", "./fit.nc"], "must not replace what"),
        (["predict", "fit.nc", "--seed", "1"], "--out FILE, --figure FILE, or both"),
        (["predict", "fit.nc", "--seed", "1", "--figure", "a.png"], "Name it: --response NAME"),
        (["predict", "a.nc", "--seed", "1", "--out", "a.csv", "--by", "x"], "are for --figure"),
        (
            ["predict", "a.nc", "--seed=1", "--figure=a.png", "--response=x", "--kind=simulation"],
            "found another study or --kind simulation",
        ),
        (["estimates", "fit.nc", "--prob", "90"], "between 0 and 1; found 90"),
        (["estimates", "fit.nc", "--model", "no.py"], "A model file must exist where you say"),
        (["simulate", "nothing", "--study", "x", "--seed", "1", "--out", "s"], "no built-in model"),
        (["simulate", LEARNING, "--study", "x", "--seed", "1", "--out", "s"], "No bundled study"),
        (["simulate", LEARNING, "--seed", "1", "--out", "s"], "Found none"),
        (
            ["simulate", LEARNING, "--trials", "no.csv", "--seed", "1", "--out", "s"],
            "no file at 'no.csv'",
        ),
        (
            ["simulate", LEARNING, "--seed", "1", "--out", "s", "--parameters", "p.csv"],
            "--parameters must be an existing .csv or .tsv file",
        ),
        (["simulate", LEARNING, "--seed", "1", "--out", "s", "--without", "fear"], "no response"),
        (
            ["simulate", LEARNING, "--trials", "s/trials.csv", "--seed", "1", "--out", "s"],
            "must not replace what they are made from; found 's/trials.csv'",
        ),
    ],
)
def test_faults_of_the_user_are_told_without_traceback(run, arguments, told, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert not list(tmp_path.iterdir())
    assert code == 2
    assert out == ""
    assert err.startswith("Error: ")
    assert told in err
    assert "Traceback" not in err


def test_the_suffix_is_checked_before_sampling(run, trials, fitted):
    code, _, err = run("fit", "outgroup_help_learning", "--trials", trials, "--out", "fit.csv")
    assert (code, fitted) == (2, {})
    assert "saved as .nc (netCDF) or .zarr; found 'fit.csv'" in err


def test_faults_of_ours_are_not_hidden(monkeypatch):
    monkeypatch.setattr(cli.models, "get_model", lambda name: {}["lost"])
    with pytest.raises(KeyError, match="lost"):
        cli.main(["card", "any"])


@pytest.mark.parametrize(("passed", "code"), [([False, True], 1), ([True, True], 0)])
def test_check_prints_a_table_and_its_code_says_whether_all_passed(
    run, monkeypatch, tmp_path, passed, code
):
    monkeypatch.setitem(vars(em), "load", lambda path, model=None: path)
    monkeypatch.setitem(vars(em), "check", lambda fit: CHECKS.assign(passed=passed))
    out = tmp_path / "tables" / "checks.csv"
    ended, printed, _ = run("check", "fit.nc", "--out", out)
    assert ended == code
    divergences = next(line for line in printed.splitlines() if "divergences" in line).split()
    assert divergences[:3] == ["divergences", "1", "0"]
    assert ("NO" in divergences) == (not passed[0])
    assert "1.003 " in printed
    assert pd.read_csv(out)["passed"].tolist() == passed


def test_compare_names_fits_by_stem_or_path(run, monkeypatch):
    asked = {}

    def compare(fits, **settings):
        asked.update(fits=fits, settings=settings)
        table = pd.DataFrame({"elpd": [-1.5, -2.5]}, index=list(fits)[:2])
        table.attrs["reading"] = "undecided"
        return table

    monkeypatch.setitem(vars(em), "load", lambda path, model=None: str(path))
    monkeypatch.setitem(vars(em), "compare", compare)
    code, printed, _ = run("compare", "a/fit.nc", "b/fit.nc", "c.nc", "--response", "feeling")
    assert code == 0
    assert asked["fits"] == {"a/fit.nc": "a/fit.nc", "b/fit.nc": "b/fit.nc", "c": "c.nc"}
    unasked = {"response": None, "refit": False, "folds": None, "from_block": None}
    assert asked["settings"] == unasked | {"unit": "trial", "response": "feeling"}
    run("compare", "a.nc", "b.nc", "--unit", "participant", "--refit", "--folds", "5")
    assert asked["settings"] == unasked | {"unit": "participant", "refit": True, "folds": 5}
    run("compare", "a.nc", "b.nc", "--unit", "future", "--refit", "--from-block", "3")
    assert asked["settings"] == unasked | {"unit": "future", "refit": True, "from_block": 3}
    assert "undecided" in printed


# ---------------------------------------------------------------------------- simulate


def test_simulated_tables_are_those_of_python(run, written, study, model):
    given = DATA / "true_parameters.csv"
    code, out, err = run(
        *("simulate", LEARNING, "--study", "outgroup_help", "--rival", "no_learning"),
        *("--without", "insula", "--parameters", given, "--seed", "3", "--out", written),
    )
    assert (code, out) == (0, "")
    changed = model.rival("no_learning").without("insula")
    table = pd.read_csv(given, dtype={"participant": str})
    expected, truth = em.simulate(changed, study, table, seed=3)
    files = {name: written / f"{name}.csv" for name in expected.tables}
    found = em.Study(**files, simulated=True)
    for name, wanted in expected.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], wanted, check_dtype=False)
    parameters = pd.read_csv(written / "parameters.csv")
    pd.testing.assert_frame_equal(parameters, truth, check_dtype=False)
    assert "Not simulated, but as the design has them: 'insula'" in err
    assert f"empathymodels fit {LEARNING} --trials {files['trials']}" in err
    assert "--without insula --simulated" in err


def test_simulation_for_a_design_of_ones_own(run, written, tmp_path):
    trials = tmp_path / "design.tsv"
    trials.write_text("subject\ttrial\tintensity\n01\t1\t0.5\n01\t2\t-0.5\n02\t1\t0\n")
    design = ("--trials", trials, "--columns", "participant=subject")
    command = ("simulate", OWN_MODEL, *design, "--seed", "1", "--out", written)
    code, _, err = run(*command)
    assert code == 0, err
    names = ["parameters.csv", "participants.csv", "trials.csv"]
    assert sorted(file.name for file in written.iterdir()) == names
    drawn = pd.read_csv(written / "trials.csv", dtype={"participant": str})
    assert drawn["participant"].tolist() == ["01", "01", "02"]
    assert drawn["rating"].notna().all()
    older = (written / "trials.csv").read_bytes()
    (written / "regions.csv").write_text("of something else")
    code, _, err = run(*command[:-3], "2", *command[-2:], "--overwrite")
    assert code == 2
    assert "has 'regions.csv', which would not be written" in err
    assert (written / "trials.csv").read_bytes() == older


def test_wrong_parameters_are_told(run, tmp_path):
    parameters = tmp_path / "parameters.csv"
    where = ("--study", "outgroup_help", "--seed", "1", "--out", tmp_path / "new")
    for text, told in {
        "participant,rate\nsub-01,1\n": "unknown: 'rate'",
        "": "cannot be read",
    }.items():
        parameters.write_text(text)
        code, _, err = run("simulate", LEARNING, "--parameters", parameters, *where)
        assert (code, (tmp_path / "new").exists()) == (2, False)
        assert told in err


# ----------------------------------------------------------------------------- predict


def test_predictions_as_a_table_and_a_figure(run, written, fit, fit_file):
    table, figure = written / "predictions.csv", written / "feeling.png"
    code, out, err = run(
        *("predict", fit_file, "--seed", "1", "--draws", "40", "--out", table),
        *("--figure", figure, "--response", "feeling", "--by", "partner_group"),
    )
    assert (code, out) == (0, "")
    assert "posterior prediction, one step ahead, the same people" in err
    assert figure.read_bytes()[:4] == PNG
    found = pd.read_csv(table, dtype={"trial": "Int64"})
    keys = ["participant", "trial", "region"]
    assert list(found) == [*keys, "response", "observed", "mean", "sd", "q05", "q95"]
    expected = em.predict(fit, draws=40, seed=1)
    for name, draws in expected["posterior_predictive"].data_vars.items():
        stacked = draws.stack(d=("chain", "draw")).to_numpy()
        rows = found[found["response"] == name]
        assert len(rows) == len(stacked)
        np.testing.assert_allclose(rows["mean"], stacked.mean(-1))
        np.testing.assert_allclose(rows["sd"], stacked.std(-1, ddof=1))
        ends = np.quantile(stacked, [0.05, 0.95], axis=-1)
        np.testing.assert_allclose(rows[["q05", "q95"]].T, ends)
        np.testing.assert_allclose(rows["observed"], expected["observed_data"][name])
    of = found.groupby("response")
    assert of["trial"].count()[["feeling", "insula", "empathy_after"]].tolist() == [720, 720, 0]
    assert of["region"].unique()["insula"].tolist() == ["AI"]
    assert found["participant"].notna().all()


def test_all_predicted_draws(run, written, fit, fit_file):
    out = written / "predictions.nc"
    how = ("--kind", "simulation", "--draws", "4")
    assert run("predict", fit_file, "--seed", "2", *how, "--out", out)[0] == 0
    with xr.open_datatree(out, engine="h5netcdf") as found:
        expected = em.predict(fit, kind="simulation", draws=4, seed=2)
        assert found.attrs["prediction"] == expected.attrs["prediction"]
        for group in ("posterior_predictive", "observed_data"):
            xr.testing.assert_allclose(found[group].to_dataset(), expected[group].to_dataset())


def test_predictions_of_others(run, written, tmp_path, fit_file):
    trials = pd.read_csv(DATA / "trials.csv").query("participant <= 'sub-02'")
    trials = trials.assign(participant=trials["participant"].replace("sub-02", "07"))
    trials.drop(columns="feeling").to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    people = pd.DataFrame({"participant": ["sub-01", "07"], "partner_group": ["out", "in"]})
    people.assign(empathic_concern=3.0).to_csv(tmp_path / "p.csv", index=False)
    files = ("--trials", tmp_path / "t.tsv", "--participants", tmp_path / "p.csv")
    out = written / "new.tsv"
    code, _, err = run("predict", fit_file, *files, "--seed", "1", "--draws", "8", "--out", out)
    assert code == 0, err
    assert "1 known and 1 new people" in err
    found = pd.read_csv(out, sep="\t", dtype=str, keep_default_na=False)
    assert found["participant"].unique().tolist() == ["sub-01", "07"]
    assert set(found["observed"]) == {"n/a"}
    figure = ("--figure", written / "a.png", "--response", "feeling")
    code, _, err = run("predict", fit_file, *files, "--seed", "1", *figure)
    assert (code, "found another study" in err) == (2, True)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (["--figure", "a.png", "--response", "feling"], "Did you mean 'feeling'"),
        (["--figure", "a.png", "--response", "feeling", "--by", "grup"], "must be a column that"),
        (["--kind", "both"], "'one_step_ahead' or 'simulation'; found 'both'"),
        (["--trials", "no.csv"], "no file at 'no.csv'"),
        (["--columns", "choice=resp"], "Found none"),
    ],
)
def test_wrong_predictions_write_nothing(run, fit_file, how, told, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("predict", fit_file, "--seed", "1", "--out", "a.csv", *how)
    assert (code, out, list(tmp_path.iterdir())) == (2, "", [])
    assert told in err


# ------------------------------------------------------------------ estimates and latents


def test_estimates_are_printed_and_written(run, written, fit, fit_file):
    code, out, err = run("estimates", fit_file)
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert sum(line[1:3] == ["median", "person"] for line in lines) > 5
    assert "sub-01" not in out
    table = em.estimates(fit, prob=0.5)
    hidden = int(table["shrinkage"].notna().sum())
    assert f"Not shown: {hidden} rows of participants or items" in err
    files = ("--out", written / "all.csv", "--figure", written / "all.png")
    code, _, err = run("estimates", fit_file, "--prob", "0.5", *files)
    assert (code, "Not shown" in err) == (0, False)
    assert (written / "all.png").read_bytes()[:4] == PNG
    found = pd.read_csv(written / "all.csv")
    wanted = table.astype({"level": float})  # None, where no parameter has levels
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


@pytest.mark.parametrize(("name", "separator"), [("latents.csv", ","), ("latents.tsv", "\t")])
def test_latents_as_a_table(run, written, fit, fit_file, name, separator):
    code, out, _ = run("latents", fit_file, "--draws", "20", "--out", written / name)
    assert (code, out) == (0, "")
    found = pd.read_csv(written / name, sep=separator)
    moments = [f"{n}_{m}" for n in ("value", "prediction_error") for m in ("mean", "sd")]
    assert list(found) == ["participant", "trial", *moments]
    draws = em.latents(fit, draws=20)["value"].stack(d=("chain", "draw")).to_numpy()
    np.testing.assert_allclose(found["value_mean"], draws.mean(-1))
    np.testing.assert_allclose(found["value_sd"], draws.std(-1, ddof=1))


def test_all_draws_of_latents(run, written, fit, fit_file):
    assert run("latents", fit_file, "--draws", "4", "--out", written / "latents.nc")[0] == 0
    with xr.open_dataset(written / "latents.nc", engine="h5netcdf") as found:
        xr.testing.assert_allclose(found, em.latents(fit, draws=4))


def test_missing_latents_of_some_trials(tmp_path):
    rows = {"participant": ("trial_row", ["a", "a"]), "trial": ("trial_row", [1, 2])}
    draws = (("chain", "draw", "trial_row"), [[[1.0, np.nan], [3.0, np.nan]]])
    table = output.latent_table(xr.Dataset({"value": draws}, coords=rows))
    output.write_files({tmp_path / "latents.tsv": output.table_writer(table)})
    lines = (tmp_path / "latents.tsv").read_text().splitlines()
    assert lines[1:] == ["a\t1\t2.0\t1.4142135623730951", "a\t2\tn/a\tn/a"]


# -------------------------------------------------------------------- models of one's own


def test_a_model_of_ones_own_is_named_by_its_file(run, written, own_file, monkeypatch, tmp_path):
    monkeypatch.setattr(fits_module, "_MODELS", {})
    code, out, err = run("estimates", own_file)
    assert (code, out) == (2, "")
    assert "Load it with load(path, model='rated_pain.py')" in err
    assert err.endswith("On the command line: --model FILE.py.\n")
    mine = shutil.copy(OWN_MODEL, tmp_path / "mine.py")
    code, out, _ = run("estimates", own_file, "--model", mine)
    assert (code, "baseline" in out) == (0, True)
    table = ("--out", written / "predictions.csv")
    assert run("predict", own_file, "--model", mine, "--seed", "1", "--draws", "4", *table)[0] == 0
    code, _, err = run("latents", own_file, "--model", mine, "--out", written / "latents.csv")
    assert (code, "the model of" in err and "has none" in err) == (2, True)


def test_compare_finds_the_file_of_every_model(run, fit_file, own_file, monkeypatch, tmp_path):
    asked = []
    load = em.load

    def recorded(path, model=None):
        asked.append((path.stem, model and model.name))
        return load(path, model=model)

    def compare(fits, **settings):
        table = pd.DataFrame({"elpd": [0.0] * len(fits)}, index=list(fits))
        table.attrs["reading"] = "undecided"
        return table

    monkeypatch.setitem(vars(em), "load", recorded)
    monkeypatch.setitem(vars(em), "compare", compare)
    renamed = Path(shutil.copy(OWN_MODEL, tmp_path / "renamed.py"))
    for file in (OWN_MODEL, renamed):
        asked.clear()
        assert run("compare", fit_file, own_file, "--model", file)[0] == 0
        assert asked == [("learning", None), ("own", None), ("own", file.name)]


def test_python_arguments_are_told_as_options(run, tmp_path, fitted):
    (tmp_path / "t.csv").write_text("subject,trial\n1,1\n")
    code, _, err = run("fit", LEARNING, "--trials", tmp_path / "t.csv")
    assert (code, fitted) == (2, {})
    assert err.endswith("On the command line: --columns NAME=YOURS.\n")
    (tmp_path / "utf16.csv").write_text("participant,trial,help\n1,1,yes\n", encoding="utf-16")
    (tmp_path / "help.csv").write_text("participant,trial,help\n1,1,yes\n1,2,no\n")
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "p1.csv").write_text("trial,help\n1,yes\n")
    for given, told in {
        ("utf16.csv",): ["--encoding NAME"],
        ("people",): ["--columns NAME=YOURS", "--file-names PATTERN"],
        ("help.csv", "--codes", "help:yes=1"): (
            ["--codes NAME:CODE=MEANING", "--missing NAME=CODE", "--others keep"]
        ),
    }.items():
        _, _, err = run("fit", LEARNING, "--trials", tmp_path / given[0], *given[1:])
        assert err.endswith(f"On the command line: {', '.join(told)}.\n")


# ------------------------------------------------------------------------------- files


def test_files_are_whole_or_stay_as_they_were(tmp_path):
    older = tmp_path / "a.md"
    older.write_text("older")

    def fails(path):
        path.write_text("half")
        raise OSError("no space left")

    files = {older: output.text_writer("newer"), tmp_path / "b" / "b.md": fails}
    with pytest.raises(OSError, match="cannot be: no space left"):
        output.write_files(files, overwrite=True)
    assert older.read_text() == "older"
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path != older]


def test_places_that_cannot_hold_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ValueError, match="need a folder in which one may write"):
        output.check_place(tmp_path / "file" / "a.csv")
    with pytest.raises(FileExistsError, match="found an empty folder"):
        output.check_target(tmp_path / "folder.csv", output.TABLE, overwrite=True)


def test_names_in_brackets_are_printed(capsys):
    output.show_table(pd.DataFrame({"parameter": ["rate[in]", ":smile:"], "mean": [1.0, np.nan]}))
    printed = capsys.readouterr().out
    assert "rate[in]" in printed
    assert ":smile:" in printed
