"""The command line: answers at once, says what is wrong, and ends with the right code."""

import subprocess
import sys

import pandas as pd
import pytest

import empathymodels as em
from empathymodels import cli

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


@pytest.mark.parametrize("command", [["list"], ["--help"], ["fit", "--help"]])
def test_heavy_modules_are_not_imported_to_list_or_help(command):
    script = (
        "import sys; from empathymodels.cli import main\n"
        f"try: main({command!r})\n"
        "except SystemExit as end: assert not end.code\n"
        "print({'pymc', 'pytensor', 'pandas', 'xarray', 'arviz'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


def test_list_names_every_model(run):
    code, out, _ = run("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(em.list_models())


@pytest.mark.parametrize("command", ["list", "card", "fit", "check", "compare", "verify", "demo"])
def test_every_help_has_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"Example:\n    empathymodels {command}" in out


def test_card(run):
    code, out, _ = run("card", "outgroup_help_learning")
    assert code == 0
    assert out.startswith("# outgroup_help_learning\n")


def test_fit_hands_on_what_was_asked(run, trials, fitted, tmp_path):
    out = tmp_path / "new.nc"
    code, printed, _ = run(
        *("fit", "outgroup_help_learning", "--trials", trials, "--rival", "individual_only"),
        *("--fix", "learning_rate=0.3", "--fix", "start_value=0"),
        *("--columns", "feeling=rating", "--missing", "feeling=99", "--missing", "feeling=98"),
        *("--covariates", "start_value=partner_group + age", "--seed", "7", "--draws", "50"),
        *("--out", out),
    )
    assert code == 0
    assert fitted["model"].label.endswith("individual_only learning_rate=0.3 start_value=0.0")
    assert fitted["study"].trials["feeling"].isna().tolist() == [True, False, False]
    assert fitted["settings"] == {
        "seed": 7,
        "draws": 50,
        "tune": 1000,
        "chains": 4,
        "cores": None,
        "target_accept": 0.9,
        "covariates": {"start_value": "partner_group + age"},
    }
    assert (fitted["saved"], fitted["path"]) == ("a fit", out)
    assert f"empathymodels check {out}" in printed


def test_a_fit_is_named_after_the_model(run, trials, fitted):
    run("fit", "outgroup_help_learning", "--trials", trials, "--rival", "no_learning")
    assert str(fitted["path"]) == "outgroup_help_learning-no_learning.nc"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["card", "outgroup_help_lerning"], "Did you mean 'outgroup_help_learning'"),
        (["card", "nowhere.py"], "A model file must exist where you say"),
        (["fit", "outgroup_help_learning"], "Found none"),
        (["fit", "outgroup_help_learning", "--trials", "no.csv"], "no such file at 'no.csv'"),
        (["fit", "outgroup_help_learning", "--rival", "x", "--study", "y"], "has no rival 'x'"),
        (["fit", "outgroup_help_learning", "--fix", "learning_rate"], "must be NAME=VALUE"),
        (["fit", "outgroup_help_learning", "--fix", "learning_rate=x"], "must be a number"),
        (["check", "nowhere.nc"], "A fit must exist where you say"),
        (["compare", "nowhere.nc", "no.nc"], "A fit must exist where you say"),
    ],
)
def test_faults_of_the_user_are_told_without_traceback(run, arguments, told):
    code, out, err = run(*arguments)
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
    monkeypatch.setattr(cli, "get_model", lambda name: {}["lost"])
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
    assert asked["settings"] == {"unit": "trial", "response": "feeling"}
    assert "undecided" in printed
