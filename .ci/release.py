"""Build what is released, look into it, and use it in an empty environment per Python.

    python3 .ci/release.py                                  # Python 3.12, 3.13 and 3.14
    python3 .ci/release.py --pythons 3.13 /opt/python3.14   # others, by version or by path
    python3 .ci/release.py --build-only                     # build and look, install nothing

The wheel and the source distribution hold what git tracks of the package and of its studies, no
file less and none more. Each is installed into a new environment per Python, with nothing of this
folder on the path: it must say its version, list its models, read all its studies, fit one with few
draws, and print a card. A Python that is not here and that uv cannot fetch counts as failed, and is
named. `CITATION.cff` is validated. Archives go to `dist`; the exit code is 0 where all of it held.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.12", "3.13", "3.14")
SOURCES = ("empathymodels", "data")
TEXTS = ("CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "pyproject.toml")
MADE = {"PKG-INFO", ".gitignore"}  # by the build, in the source distribution
LARGEST = 5_000_000  # bytes of an archive
FIT = "fit prosocial_effort --study effort_for_others --draws 20 --tune 20 --chains 2 --seed 1"
USE = """
import sys, pathlib
import empathymodels as em
assert pathlib.Path(em.__file__).is_relative_to(sys.prefix), em.__file__
assert em.__version__ == "{version}", em.__version__
assert len(em.list_models()) == {models}, em.list_models()
assert len(em.list_studies()) == {studies}, em.list_studies()
for name in em.list_studies():
    assert em.load_study(name).tables, name
"""
WORKING = [  # what is run of an installed package, and a pattern of what it prints
    ("empathymodels --version", "^empathymodels {version}$"),
    ("empathymodels list", "^prosocial_effort "),
    ("python use.py", ""),
    (f"empathymodels {FIT} --out fit.nc", "fit.nc"),
    ("empathymodels estimates fit.nc", "discount"),
    ("empathymodels card prosocial_effort", "^# prosocial_effort$"),
]


# ---------------------------------------------------------------------------- what archives hold


def tracked(*paths: str) -> set[str]:
    """Return the files that git knows under some paths."""
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--", *paths]
    told = subprocess.run(listing, check=True, capture_output=True, text=True).stdout
    return set(filter(None, told.split("\0")))


def expected_in_wheel(sources: Iterable[str]) -> set[str]:
    """Return where the files of the repository lie in the wheel: studies are in the package."""
    return {re.sub(r"^data/", "empathymodels/data/", name) for name in sources}


def names_in(archive: Path) -> set[str]:
    """Return the files of a wheel without its metadata, or of a source distribution."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return {name for name in opened.namelist() if ".dist-info/" not in name}
    with tarfile.open(archive) as opened:
        files = [member.name for member in opened if not member.isdir()]
    return {name.partition("/")[2] for name in files} - MADE


def faults(archive: Path, expected: set[str]) -> list[str]:
    """Say what an archive lacks, what it has beside, and whether it is too large."""
    found = names_in(archive)
    said = [f"{archive.name} lacks {name}" for name in sorted(expected - found)]
    said += [f"{archive.name} has {name}, which git does not" for name in sorted(found - expected)]
    if (size := archive.stat().st_size) > LARGEST:
        said.append(f"{archive.name} has {size:,} bytes; at most {LARGEST:,} are meant")
    return said


def cites_well() -> bool:
    """Whether the citation file is valid by the schema of its format."""
    try:
        uv("tool", "run", "--quiet", "cffconvert", "--validate", "-i", "CITATION.cff")
    except subprocess.CalledProcessError:
        return False
    return True


def build(out: Path) -> tuple[Path, Path]:
    """Return the wheel and the source distribution, built anew, in a folder."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        uv("build", "--quiet", "--out-dir", folder)
        made = [*Path(folder).glob("*.whl"), *Path(folder).glob("*.tar.gz")]
        wheel, source = (Path(shutil.copy(archive, out)) for archive in made)
    return wheel, source


# ------------------------------------------------------------------------- empty environments


def uv(*arguments: str) -> None:
    """Run uv with no word of this environment's packages."""
    subprocess.run(["uv", *arguments], check=True, cwd=ROOT, env=bare())


def bare(**more: str) -> dict[str, str]:
    """Return this environment's variables without what leads Python elsewhere."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | {"PATH": os.pathsep.join([*pyenv_folders(), kept["PATH"]])} | more


def pyenv_folders() -> list[str]:
    """Return where pyenv keeps its Pythons, which uv does not look at by itself."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [str(folder) for folder in sorted(root.glob("versions/3.*/bin"), reverse=True)]


def used(archive: Path, python: str, folder: Path) -> Iterator[tuple[str, float]]:
    """Install an archive and use it; yields what was done and the seconds that it took."""
    began = time.perf_counter()

    def lap(what: str) -> tuple[str, float]:
        nonlocal began
        before, began = began, time.perf_counter()
        return what, began - before

    environment = folder / "environment"
    uv("venv", "--quiet", "--python", python, str(environment))
    uv("pip", "install", "--quiet", "--python", str(environment), str(archive))
    yield lap("install")
    about = {
        "version": archive.name.removesuffix(".tar.gz").split("-")[1],
        "models": len([n for n in tracked("empathymodels/models") if "/_" not in n]),
        "studies": len(tracked("data/*/study.json")),
    }
    (folder / "use.py").write_text(USE.format(**about), encoding="utf-8")
    compiled = f"base_compiledir={folder / 'compiled'}"
    for line, pattern in WORKING:
        command, *rest = line.split()
        run = [str(environment / "bin" / command), *rest]
        variables = bare(PYTENSOR_FLAGS=compiled)
        done = subprocess.run(run, cwd=folder, env=variables, capture_output=True, text=True)
        wanted = pattern.format(**{k: re.escape(str(v)) for k, v in about.items()})
        if done.returncode or not re.search(wanted, done.stdout + done.stderr, re.MULTILINE):
            raise RuntimeError(f"{line}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        yield lap(" ".join(line.split()[:2]))


def is_to_be_had(python: str) -> bool:
    """Whether uv finds a Python here or can fetch it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            uv("venv", "--quiet", "--python", python, str(Path(folder) / "trial"))
        except subprocess.CalledProcessError:
            return False
    return True


def try_out(archive: Path, python: str) -> bool:
    """Use an archive on a Python, and say how that went."""
    print(f"\nPython {python}, {archive.name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            for what, seconds in used(archive, python, Path(folder)):
                print(f"  {seconds:6.1f} s  {what}", flush=True)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"  FAILED  {error}", flush=True)
            return False
    return True


def main() -> int:
    """Build, look, use; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pythons", nargs="+", default=PYTHONS, help="versions, or paths")
    parser.add_argument("--build-only", action="store_true", help="install nothing")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the archives")
    given = parser.parse_args()
    wheel, source = build(given.out.resolve())
    sources = tracked(*SOURCES)
    failed = faults(wheel, expected_in_wheel(sources)) + faults(source, sources | set(TEXTS))
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes, {len(names_in(wheel))} files")
    print(f"{source.name}: {source.stat().st_size:,} bytes, {len(names_in(source))} files")
    if given.build_only:
        given.pythons = []
    elif not cites_well():
        failed.append("CITATION.cff is not valid, or no validator could be had")
    for python in given.pythons:
        if not is_to_be_had(python):
            failed.append(f"Python {python} is not here, and uv cannot fetch it: not tried")
            continue
        failed += [
            f"{archive.name} does not work on Python {python}"
            for archive in (wheel, source)
            if not try_out(archive, python)
        ]
    print("\n" + ("\n".join(failed) or "All of it held."))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
