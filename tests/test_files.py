"""Nothing of the user's is lost: what every verb that writes may replace, and what it leaves."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

import empathymodels as em
from empathymodels import cli, files
from empathymodels.files import ANY_FILE, WRITING, refuse_loss, whole
from empathymodels.inference import store as storing
from empathymodels.inference.fit_files import BEGUN
from empathymodels.reporting import report as page

MODEL, STUDY = "outgroup_help_learning", "outgroup_help"
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def snapshot(folder):
    """Everything in a folder: links with their ends, files with their bytes."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }


# ------------------------------------------------------------------- what lies at a target


def a_file(target):
    target.write_text("mine")


def an_empty_file(target):
    target.touch()


def a_folder(target):
    target.mkdir()
    (target / "notes.txt").write_text("mine")


def an_empty_folder(target):
    target.mkdir()


def a_store_under_way(target):
    (target / BEGUN).mkdir(parents=True)
    (target / BEGUN / "zarr.json").write_text("{}")
    (target / "run-0").mkdir()


def a_link_to_a_file(target):
    end = target.with_name("elsewhere")
    end.write_text("mine")
    target.symlink_to(end)


def a_link_to_nothing(target):
    target.symlink_to(target.with_name("nowhere"))


def a_link_to_a_folder(target):
    end = target.with_name("folder")
    a_folder(end)
    target.symlink_to(end, target_is_directory=True)


def a_pipe(target):
    os.mkfifo(target)


def a_read_only_file(target):
    target.write_text("mine")
    target.chmod(0o444)


OBSTACLES = [
    a_file,
    an_empty_file,
    a_folder,
    an_empty_folder,
    a_store_under_way,
    a_link_to_a_file,
    a_link_to_nothing,
    a_link_to_a_folder,
    a_pipe,
    a_read_only_file,
]


# ------------------------------------------------------------------------ verbs that write


def run(*words):
    """Run a command; raise what it says where it refuses."""
    try:
        cli.app(
            args=[str(word) for word in words], prog_name="empathymodels", standalone_mode=False
        )
    except SystemExit as ended:
        assert ended.code == 0, words


def saved(fit, target):
    em.save(fit, target)


def reported(fit, target):
    em.report(fit, target)


def stored(fit, target):
    storing.open_store(target, em.get_model(MODEL), em.load_study(STUDY), {}, method="nuts", seed=1)


def command(*words, option="--out"):
    def write(fit, target):
        run(*words, option, target)

    return write


def simulated(fit, target):
    run("simulate", MODEL, "--study", STUDY, "--seed", 1, "--out", target.parent)


def demonstrated(fit, target):
    run("demo", "--out", target.parent)


def cards(fit, target):
    run("card", "--all", "--out", target.parent)


VERBS = {
    "save, netCDF": ("fit.nc", saved),
    "save, Zarr": ("fit.zarr", saved),
    "fit(store=)": ("long.zarr", stored),
    "report": ("page.html", reported),
    "command line: fit": ("fit.nc", command("fit", MODEL, "--study", STUDY)),
    "command line: fit, Zarr": ("fit.zarr", command("fit", MODEL, "--study", STUDY)),
    "check": ("t.csv", command("check", "absent.nc")),
    "predict": ("t.csv", command("predict", "absent.nc", "--seed", 1)),
    "predict, all draws": ("t.nc", command("predict", "absent.nc", "--seed", 1)),
    "predict, figure": ("f.png", command("predict", "absent.nc", "--seed", 1, option="--figure")),
    "estimates": ("t.tsv", command("estimates", "absent.nc")),
    "estimates, figure": ("f.pdf", command("estimates", "absent.nc", option="--figure")),
    "latents": ("t.tsv", command("latents", "absent.nc")),
    "compare": ("t.csv", command("compare", "absent.nc", "other.nc")),
    "diagnose_design": ("t.csv", command("diagnose_design", MODEL, "--study", STUDY)),
    "card": ("card.md", command("card", MODEL)),
    "card --all": (f"{MODEL}.md", cards),
    "certify": ("certificate.json", command("certify", MODEL, "--study", STUDY)),
    "simulate": ("participants.csv", simulated),
    "demo": ("checks.csv", demonstrated),
}


GOES_ON = {("fit(store=)", an_empty_folder), ("fit(store=)", a_store_under_way)}  # test_resuming


@pytest.mark.parametrize(
    ("verb", "obstacle"), [(v, o) for v in VERBS for o in OBSTACLES if (v, o) not in GOES_ON]
)
def test_nothing_is_replaced_that_would_be_lost(tmp_path, drawn_fit, verb, obstacle):
    name, write = VERBS[verb]
    obstacle(tmp_path / name)
    before = snapshot(tmp_path) if obstacle is not a_pipe else None
    with pytest.raises(FileExistsError, match=r"found .* at '.*'\. (Choose|Save|Move)") as refused:
        write(drawn_fit, tmp_path / name)
    assert str(tmp_path / name) in str(refused.value)
    assert (tmp_path / name).is_fifo() if before is None else snapshot(tmp_path) == before


@pytest.mark.parametrize("obstacle", [o for o in OBSTACLES if o not in (a_file, an_empty_file)])
def test_overwrite_replaces_files_and_nothing_else(tmp_path, obstacle):
    obstacle(tmp_path / "card.md")
    before = snapshot(tmp_path) if obstacle is not a_pipe else None
    with pytest.raises(FileExistsError, match="Choose another name, or move it away"):
        run("card", MODEL, "--out", tmp_path / "card.md", "--overwrite")
    assert before is None or snapshot(tmp_path) == before


def test_overwrite_replaces_a_file(tmp_path):
    a_file(tmp_path / "card.md")
    run("card", MODEL, "--out", tmp_path / "card.md", "--overwrite")
    assert "learning_rate" in (tmp_path / "card.md").read_text(encoding="utf-8")


# --------------------------------------------------------------------- fits replace fits


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_finished_fit_is_replaced(tmp_path, drawn_fit, suffix):
    path = em.save(drawn_fit, tmp_path / f"fit{suffix}")
    other = drawn_fit.copy()
    other.attrs = drawn_fit.attrs | {"label": "another"}
    em.save(other, path)
    assert em.load(path).attrs["label"] == "another"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("place", ["notes.txt", "posterior/notes.txt", "posterior/c/notes.txt"])
def test_a_fit_with_something_of_the_users_is_not_replaced(tmp_path, drawn_fit, place):
    path = em.save(drawn_fit, tmp_path / "fit.zarr")
    (path / place).parent.mkdir(parents=True, exist_ok=True)
    (path / place).write_text("mine")
    before = snapshot(tmp_path)
    for write in (saved, stored):
        with pytest.raises(FileExistsError, match=rf"that also holds '{place}'"):
            write(drawn_fit, path)
    assert snapshot(tmp_path) == before


def test_a_fit_that_came_to_have_something_of_the_users_meanwhile(tmp_path, drawn_fit, monkeypatch):
    path = em.save(drawn_fit, tmp_path / "fit.zarr")
    written = xr.DataTree.to_zarr

    def slow(self, target, **settings):
        written(self, target, **settings)
        (path / "notes.txt").write_text("mine")

    monkeypatch.setattr(xr.DataTree, "to_zarr", slow)
    with pytest.raises(FileExistsError, match="notes"):
        em.save(drawn_fit, path)
    assert (path / "notes.txt").read_text() == "mine"
    assert (path / "posterior" / "zarr.json").exists()


def test_files_that_are_no_fits_are_not_replaced(tmp_path, drawn_fit):
    foreign = tmp_path / "data.nc"
    xr.Dataset({"x": 1}).to_netcdf(foreign, engine="h5netcdf")
    damaged = em.save(drawn_fit, tmp_path / "damaged.nc")
    damaged.write_bytes(damaged.read_bytes()[:5000])
    array = tmp_path / "data.zarr"
    xr.Dataset({"x": 1}).to_zarr(array, consolidated=False)
    before = snapshot(tmp_path)
    for path in (foreign, damaged, array):
        with pytest.raises(FileExistsError, match="that is no fit"):
            em.save(drawn_fit, path)
    assert snapshot(tmp_path) == before


def test_a_report_replaces_a_report(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(f"<html><head>{page.MARK}</head></html>")
    refuse_loss(path, page.REPORT)
    path.write_text(f"<html>{' ' * page.WITHIN}{page.MARK}</html>")
    with pytest.raises(FileExistsError, match="that is no report"):
        refuse_loss(path, page.REPORT)


# ------------------------------------------------------- full disks, read-only places, kills


def full(*_, **__):
    raise FULL


def test_a_full_disk_leaves_all_as_it_was(tmp_path, drawn_fit, monkeypatch):
    for suffix in (".nc", ".zarr"):
        em.save(drawn_fit, tmp_path / f"fit{suffix}")
    (tmp_path / "card.md").write_text("older")
    before = snapshot(tmp_path)
    monkeypatch.setattr(xr.DataTree, "to_netcdf", full)
    monkeypatch.setattr(xr.DataTree, "to_zarr", full)
    monkeypatch.setattr(Path, "write_text", full)
    for suffix in (".nc", ".zarr"):
        with pytest.raises(OSError, match=r"No space left on device; the older one there is as"):
            em.save(drawn_fit, tmp_path / f"fit{suffix}")
    with pytest.raises(OSError, match="Results must be written whole") as failed:
        run("card", MODEL, "--out", tmp_path / "card.md", "--overwrite")
    assert failed.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert snapshot(tmp_path) == before


def test_a_read_only_place_is_told(tmp_path, drawn_fit, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(files.tempfile, "mkdtemp", refused)
    for write, name in ((saved, "fit.nc"), (saved, "fit.zarr")):
        with pytest.raises(OSError, match=r"cannot be: Permission denied\. Make room"):
            write(drawn_fit, tmp_path / name)
    assert snapshot(tmp_path) == {}


@pytest.mark.parametrize("links", [True, False])
def test_several_files_are_put_in_place_together_or_not_at_all(tmp_path, monkeypatch, links):
    older = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in older:
        path.write_text(f"older {path.stem}")
    paths = [*older, tmp_path / "new" / "c.csv"]
    before = snapshot(tmp_path)
    replace = os.replace

    def last_fails(source, target):
        if Path(target).name == "c.csv":
            raise FULL
        replace(source, target)

    monkeypatch.setattr(os, "replace", last_fails)
    if not links:
        monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space left"), whole(*paths, rule=ANY_FILE) as places:
        for place in places:
            place.write_text("newer")
    assert {k: v for k, v in snapshot(tmp_path).items() if k != "new"} == before
    monkeypatch.setattr(os, "replace", replace)
    with whole(*paths, rule=ANY_FILE) as places:
        for place in places:
            place.write_text("newer")
    assert snapshot(tmp_path) == dict.fromkeys(["a.csv", "b.csv", "new/c.csv"], b"newer") | {
        "new": None
    }


def test_what_a_body_raises_is_raised(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole(tmp_path / "a") as [place]:
        place.write_text("half")
        raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), whole(tmp_path / "a") as [place]:
        _ = 1 / 0
    assert snapshot(tmp_path) == {}


def test_a_parent_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="must be written whole"), whole(tmp_path / "file" / "a"):
        pass
    assert snapshot(tmp_path) == {"file": b"mine"}


KILLED = """
import os, sys, signal
from pathlib import Path
from empathymodels.files import ANY_FILE, NOTHING, Rule, whole
path, when = Path(sys.argv[1]), sys.argv[2]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
with whole(path, rule=Rule(lambda path: "")) as [place]:
    place.mkdir() if path.suffix == ".zarr" else place.write_text("newer")
    if when == "writing":
        die()
    replace = os.replace
    def at_the_worst_moment(source, target):
        if Path(target) == path:
            die()
        replace(source, target)
    os.replace = at_the_worst_moment
"""


@pytest.mark.parametrize("when", ["writing", "replacing"])
@pytest.mark.parametrize("name", ["fit.nc", "fit.zarr"])
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path, name, when):
    path = tmp_path / name
    if name == "fit.zarr":
        path.mkdir()
        (path / "older").write_text("older")
    else:
        path.write_text("older")
    before = snapshot(tmp_path)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), when], check=False)
    assert killed.returncode == -signal.SIGKILL
    [left] = tmp_path.glob(".fit-*")
    assert (left / WRITING).exists()
    with whole(tmp_path / "other") as [place]:
        place.write_text("")
    (tmp_path / "other").unlink()
    assert snapshot(tmp_path) == before


def test_who_is_still_writing_is_left_alone(tmp_path):
    with whole(tmp_path / "slow") as [slow]:
        slow.write_text("half")
        with whole(tmp_path / "quick") as [quick]:
            quick.write_text("all")
        assert slow.read_text() == "half"
        slow.write_text("all")
    assert snapshot(tmp_path) == {"slow": b"all", "quick": b"all"}


def test_hidden_folders_of_the_users_are_left_alone(tmp_path, drawn_fit):
    (tmp_path / ".fit-notes").mkdir()
    (tmp_path / ".fit-notes" / "fit.nc").write_text("mine")
    em.save(drawn_fit, tmp_path / "fit.nc")
    assert (tmp_path / ".fit-notes" / "fit.nc").read_text() == "mine"
