"""What the page for R says runs in R, where R is there."""

import os
import re
import shutil
import subprocess
import sys

import pytensor
import pytest

from folders import BUNDLED, ROOT

PAGE = (ROOT / "docs" / "how_to" / "r.md").read_text(encoding="utf-8")
BY_COMMANDS, BY_RETICULATE = re.findall(r"^```r\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PEOPLE, TRIALS = 6, 150
R = shutil.which("Rscript")

pytestmark = pytest.mark.skipif(R is None, reason="R is not installed")


@pytest.fixture
def folder(tmp_path):
    """A folder with the file that the page reads, the first people of a bundled study."""
    whole = (BUNDLED / "effort_for_others" / "trials.csv").read_text(encoding="utf-8")
    (tmp_path / "export.csv").write_text("\n".join(whole.splitlines()[: 1 + PEOPLE * TRIALS]))
    return tmp_path


def run(code, folder):
    """Run lines of R in a folder, with this environment as the one that the page names."""
    (folder / "home").mkdir(exist_ok=True)
    if not (folder / "home" / "empathy").exists():
        (folder / "home" / "empathy").symlink_to(sys.prefix)
    variables = os.environ | {
        "HOME": str(folder / "home"),
        "PATH": os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]]),
        "PYTENSOR_FLAGS": f"base_compiledir={pytensor.config.base_compiledir}",
    }
    (folder / "lines.R").write_text(code, encoding="utf-8")
    command = [R, "--vanilla", "lines.R"]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)


@pytest.mark.parametrize("code", [BY_COMMANDS, BY_RETICULATE], ids=["commands", "reticulate"])
def test_r_can_read_the_lines(code, folder):
    (folder / "shown.R").write_text(code, encoding="utf-8")
    done = run('stopifnot(length(parse("shown.R")) > 5)', folder)
    assert done.returncode == 0, done.stderr


def test_a_command_that_fails_stops_r_with_its_words(folder):
    function, _, _ = BY_COMMANDS.partition("\n\n")
    done = run(f'{function}\nempathymodels("card", "no_such_model")', folder)
    assert done.returncode != 0
    assert "no_such_model" in done.stderr
    assert "it says above what is wrong" in done.stderr


def test_the_program_of_an_environment_is_named_as_the_page_says(folder):
    """R's `system2` does not expand a tilde by itself."""
    program = re.search(r'`(path\.expand\("[^`]*"\))`', PAGE)[1]
    function, _, _ = BY_COMMANDS.partition("\n\n")
    named = function.replace('system2("empathymodels"', f"system2({program}")
    assert named != function
    done = run(f'{named}\nempathymodels("--version")', folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("empathymodels ")


@pytest.mark.slow
def test_the_page_runs_by_commands(folder):
    done = run(BY_COMMANDS, folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"discount +self", done.stdout)
    assert {file.name for file in folder.iterdir()} >= {"fit.nc", "latents.csv", "report.html"}


@pytest.mark.slow
def test_the_page_runs_by_reticulate(folder):
    asked = 'library(reticulate)\nuse_virtualenv("~/empathy", required = TRUE)\npy_config()'
    if (probe := run(asked, folder)).returncode:
        pytest.skip(f"reticulate cannot run this Python: {probe.stderr.strip().splitlines()[0]}")
    done = run(f"{BY_RETICULATE}\nstopifnot(is.data.frame(estimates))", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "comparison.csv").read_text(encoding="utf-8").count("\n") == 3
    assert (folder / "fit.nc").is_file()
