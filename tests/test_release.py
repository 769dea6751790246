"""What is released: one version, archives that are whole, a citation, a licence of every file."""

import importlib.util
import io
import re
import subprocess
import tarfile
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest
import typer
import yaml

import empathymodels as em
from empathymodels import cli
from empathymodels.version import versions
from folders import BUNDLED, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def of_file(path):
    """A script of the repository, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def release():
    return of_file(ROOT / ".ci" / "release.py")


# ---------------------------------------------------------------------------------------- version


def test_the_version_is_written_in_one_place(release):
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "empathymodels/version.py"
    written = [
        name
        for name in release.tracked("*.py", "*.pyi", "*.toml", "*.jinja", "*.cff", "Dockerfile")
        if re.search(rf"(?<![\d.]){re.escape(em.__version__)}(?![\d.])", (ROOT / name).read_text())
    ]
    # a citation is a file that others read as it is
    assert sorted(written) == ["CITATION.cff", "empathymodels/version.py"]


def test_all_say_the_same_version(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert not end.value.code
    assert capsys.readouterr().out == f"empathymodels {em.__version__}\n"
    assert versions("numpy").keys() == {"empathymodels", "numpy"}
    assert versions()["empathymodels"] == em.__version__
    assert f"version {em.__version__}" in str(em.cite("prosocial_effort"))


def test_the_site_takes_the_version_from_the_package():
    assert "\nversion = release = em.__version__\n" in (ROOT / "docs" / "conf.py").read_text()


def test_the_changelog_goes_by_release():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## (.*)$", text, re.MULTILINE)
    numbers = [re.match(r"(\d+)\.(\d+)\.(\d+) \(\S", release).groups() for release in releases]
    order = [tuple(map(int, number)) for number in numbers]
    assert order == sorted(order, reverse=True)
    assert ".".join(numbers[0]) == em.__version__
    dates = [re.search(r"\((\d{4}-\d\d-\d\d)\)$", release) for release in releases]
    assert all(date or "not " in release for date, release in zip(dates, releases, strict=True))


# --------------------------------------------------------------------------------------- archives


@pytest.fixture
def wheel(tmp_path):
    """Make a wheel of names with a byte each."""

    def wheel(names):
        path = tmp_path / "made-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name in [*names, "made-1.0.dist-info/METADATA"]:
                archive.writestr(name, "x")
        return path

    return wheel


def test_archives_hold_what_git_tracks(release, wheel):
    meant = release.expected_in_wheel(release.tracked(*release.SOURCES))
    assert release.faults(wheel(meant), meant) == []
    lacking = "empathymodels/reporting/report.html.jinja"
    found = release.faults(wheel({*meant, "tests/test_fit.py"} - {lacking}), meant)
    assert len(found) == 2
    assert lacking in found[0]
    assert "tests/test_fit.py, which git does not" in found[1]


def test_archives_that_are_too_large_are_named(release, wheel, monkeypatch):
    monkeypatch.setattr(release, "LARGEST", 10)
    (found,) = release.faults(wheel({"a"}), {"a"})
    assert "bytes; at most 10" in found


def test_source_distributions_are_read_without_their_folder(release, tmp_path):
    path = tmp_path / "made-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("made-1.0/PKG-INFO", "made-1.0/data/motives/study.json"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert release.names_in(path) == {"data/motives/study.json"}


def test_git_tracks_what_an_installed_package_needs(release):
    meant = release.expected_in_wheel(release.tracked(*release.SOURCES))
    needed = ["py.typed", "__init__.pyi", "reporting/report.html.jinja", "app/pages/page.css"]
    needed += [f"data/{name}/trials.csv" for name in ("motives", "outgroup_help")]
    needed += [f"models/{name}.py" for name in em.list_models()]
    assert {f"empathymodels/{name}" for name in needed} <= meant
    assert not any(fnmatch(name, "*test_*.py") for name in meant)
    assert len([name for name in meant if name.endswith("/certificate.json")]) >= 12


def test_a_python_that_cannot_be_had_fails_by_name(release, monkeypatch, capsys, tmp_path):
    """Nothing is skipped: what was not tried is named, and the exit code says so."""

    def uv(*arguments):
        if arguments[0] == "venv":
            raise subprocess.CalledProcessError(2, "uv")
        if arguments[0] == "tool":
            return
        meant = release.tracked(*release.SOURCES)
        folder = Path(arguments[-1])
        with zipfile.ZipFile(folder / "made-1.0-py3-none-any.whl", "w") as archive:
            for name in release.expected_in_wheel(meant):
                archive.writestr(name, "")
        with tarfile.open(folder / "made-1.0.tar.gz", "w:gz") as archive:
            for name in {*meant, *release.TEXTS}:
                archive.addfile(tarfile.TarInfo(f"made-1.0/{name}"), io.BytesIO())

    monkeypatch.setattr(release, "uv", uv)
    monkeypatch.setattr("sys.argv", ["release.py", "--out", str(tmp_path), "--pythons", "3.99"])
    assert release.main() == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Python 3.99 is not here, and uv cannot fetch it: not tried"
    )


# --------------------------------------------------------------------------------------- citation


def test_the_citation_file_is_what_its_format_asks():
    """What CFF 1.2.0 requires, and the facts of the package; releases validate it by its schema."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert cited["cff-version"] == "1.2.0"
    assert cited["type"] == "software"
    assert cited["license"] == PROJECT["project"]["license"]
    assert cited["version"] == em.__version__
    assert cited["abstract"]
    assert all(author.get("name") or author.get("family-names") for author in cited["authors"])
    for reference in cited["references"]:
        assert {"type", "title", "authors"} <= reference.keys()
        assert re.fullmatch(r"10\.\d{4,9}/\S+", reference["doi"])


# ---------------------------------------------------------------------------------------- licences


def licensed():
    """Patterns of files of the repository and their licences, by the page on licences."""
    page = (ROOT / "docs" / "reference" / "licences.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| `")]
    return [(re.findall(r"`([^`]+)`", files), licence.strip()) for files, _, licence in rows]


def test_every_file_has_one_licence(release):
    found = {
        name: [licence for files, licence in licensed() if any(fnmatch(name, f) for f in files)]
        for name in release.tracked()
    }
    assert len(found) > 500
    assert {name: licences for name, licences in found.items() if len(licences) != 1} == {}


@pytest.mark.parametrize("name", em.list_studies())
def test_every_bundled_study_says_its_licence_and_origin(name):
    text = (BUNDLED / name / "README.md").read_text(encoding="utf-8")
    assert "**Nobody's data.** Every value was drawn by the package's own simulator" in text
    licence = text.split("\n## Licence\n")[1].split("\n## ")[0]
    assert PROJECT["project"]["license"] in licence
    assert "`simulate.py`" in licence
    assert (BUNDLED / name / "simulate.py").is_file()


# --------------------------------------------------------------------------------------- container


def test_the_container_gets_what_the_build_reads():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)
    project = PROJECT["project"]
    assert {project["readme"], *project["license-files"], "pyproject.toml"} <= copied
    (python,) = [line.split(":")[1] for line in lines if line.startswith("FROM ")]
    assert python.startswith((ROOT / ".python-version").read_text(encoding="utf-8").strip())


def test_the_container_runs_a_command_that_exists():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    command, *options = yaml.safe_load(re.search(r"^CMD (.*)$", text, re.MULTILINE)[1])
    found = typer.main.get_command(cli.app).commands[command]
    known = {name for option in found.params for name in option.opts}
    assert {option for option in options if option.startswith("--")} <= known
