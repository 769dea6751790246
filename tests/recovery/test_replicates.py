"""Replicates: the same results whatever the workers, kept as they finish, none lost or dropped."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor

from empathymodels.recovery.replicate_files import content_hash
from empathymodels.recovery.replicates import Task, replicates, seeds_of
from empathymodels.terminal import available_cores

N = 6


def draw(plan, seeds, cores):
    """One number of the replicate's own; leaves a trace of having been done."""
    number = seeds.spawn_key[0]
    with (Path(plan["log"]) / f"{number}").open("a") as log:
        log.write("done\n")
    if number == plan.get("fails"):
        raise ValueError("no such luck")
    if number == plan.get("dies"):
        marker = Path(plan["log"]) / "died"
        if plan.get("always") or not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(plan.get("seconds", 0))
    return {"number": float(np.random.default_rng(seeds).normal())}


def count(plan, seeds, cores):
    return {"cores": cores}


KEPT = []


def grow(plan, seeds, cores):
    """Keep another 150 MB in this process, as one does that compiles, and say which it is."""
    KEPT.append(np.ones(150_000_000 // 8))
    time.sleep(1.1)  # joblib looks once a second
    return {"process": os.getpid()}


def task(log, seed=1, **plan):
    log.mkdir(exist_ok=True)
    plan = {"log": str(log), **plan}
    prepare, identity = lambda cores: (plan, 0.1), {"task": "drawing"}
    return Task("Drawing", draw, prepare, identity, seed, misshapen)


def misshapen(results):
    return [k for k, result in results.items() if list(result) != ["number"]]


def numbers(done):
    return [one.result["number"] for one in done]


def times_done(log):
    return {int(f.name): f.read_text().count("done") for f in log.iterdir() if f.name.isdigit()}


@pytest.fixture
def alone(tmp_path):
    """What one process gives."""
    return numbers(replicates(task(tmp_path / "alone"), number=N, workers=1))


def test_workers_keep_what_they_compiled():
    pytest.importorskip("psutil")  # without it joblib does not look
    done = replicates(Task("Growth", grow, lambda _: (None, 0.1), {}, 1), number=9, workers=2)
    get_reusable_executor().shutdown()
    assert len({one.result["process"] for one in done}) <= 2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_replicate_alone_has_all_cores(workers):
    told = []
    task = Task("Cores", count, lambda cores: (told.append(cores), 0.1), {}, 1)
    done = replicates(task, number=2, workers=workers)
    expected = available_cores() if workers == 1 else 1
    assert told + [one.result["cores"] for one in done] == 3 * [expected]


def test_seeds_are_numpys_children_whatever_their_number():
    children = np.random.SeedSequence(5).spawn(4)
    for number, child in enumerate(children):
        assert np.array_equal(seeds_of(5, number).generate_state(3), child.generate_state(3))


def test_results_do_not_depend_on_workers_nor_on_how_many_are_asked_for(tmp_path, alone):
    assert len(set(alone)) == N
    two = replicates(task(tmp_path / "log"), number=N, workers=2)
    assert [one.number for one in two] == list(range(N))
    assert numbers(two) == alone
    few = replicates(task(tmp_path / "log"), number=3, workers=1)
    assert numbers(few) == alone[:3]
    other = replicates(task(tmp_path / "log", seed=2), number=N, workers=1)
    assert not set(numbers(other)) & set(alone)


def test_only_what_is_missing_is_done(tmp_path, alone, capsys):
    log, folder = tmp_path / "log", tmp_path / "kept"
    replicates(task(log), number=4, folder=folder, workers=1)
    assert numbers(replicates(task(log), number=N, folder=folder, workers=1)) == alone
    assert times_done(log) == dict.fromkeys(range(N), 1)
    assert f"4 of {N} replicates are there already" in capsys.readouterr().err
    # another seed is another task in the same folder
    replicates(task(log, seed=2), number=1, folder=folder, workers=1)
    assert len(list(folder.iterdir())) == N + 1


def forged(**content):
    """A file of replicate 2 that has the right hash."""
    whole = {"number": 2, "seconds": 0.1, "error": "", "result": {"number": 0.5}} | content
    return json.dumps({"sha256": content_hash(whole), "content": whole}).encode()


HARMS = {
    "half": lambda text: text[: len(text) // 2],
    "empty": lambda text: b"",
    "altered": lambda text: text.replace(b'"number": 2', b'"number": 2.0'),
    "bytes that are no text": lambda text: b"\xff\xfe\x00",
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "a list": lambda text: b"[1, 2]",
    "a number": lambda text: b"7",
    "nested without end": lambda text: b"[" * 100_000,
    "content that is text": lambda text: b'{"sha256": "x", "content": "x"}',
    "another number": lambda text: forged(number=3),
    "no number": lambda text: forged(number=None),
    "seconds in words": lambda text: forged(seconds="long"),
    "endless seconds": lambda text: forged(seconds=float("nan")),
    "one entry more": lambda text: forged(more=1),
    "a list as result": lambda text: forged(result=[1]),
    "no result": lambda text: forged(result={}),
    "an error that is none": lambda text: forged(error=None),
    "an error and a result": lambda text: forged(error="ValueError: no"),
    "another result": lambda text: forged(result={"numbers": 0.5}),
}


@pytest.mark.parametrize("harm", HARMS)
def test_damaged_and_forged_files_are_done_again(tmp_path, alone, capsys, harm):
    log, folder = tmp_path / "log", tmp_path / "kept"
    made = task(log)
    replicates(made, number=N, folder=folder, workers=1)
    path = made.path(2, folder)
    path.write_bytes(HARMS[harm](path.read_bytes()))
    capsys.readouterr()
    assert numbers(replicates(made, number=N, folder=folder, workers=1)) == alone
    assert times_done(log) == {**dict.fromkeys(range(N), 1), 2: 2}
    told = capsys.readouterr().err
    assert path.name in told and "1 file" in told and "Done again" in told


def part(plan, number):
    return {**plan, "fails": 30}


def test_things_of_their_own_are_told_by_name(tmp_path, capsys):
    """Replicates may be regions, say: by name, some of them, and what each needs sent alone."""
    log = tmp_path / "log"
    labels = {30: "AI", 70: "VS", 11: "ACC"}
    made = replace(task(log), noun="region", labels=labels, part=part)
    done = replicates(made, number=list(labels), workers=1)
    assert [one.number for one in done] == list(labels)
    assert [bool(one.error) for one in done] == [True, False, False]
    told = capsys.readouterr().err
    assert "Drawing: 3 regions on 1 worker, about 1 s" in told
    assert "1 of 3 regions failed ('AI'), the first with ValueError: no such luck" in told
    with pytest.raises(ValueError, match="number of regions must be at least 1; found 0"):
        replicates(made, number=[])


def test_without_an_estimate_the_first_tells_the_time(tmp_path, capsys):
    """What fails before it counts for nothing."""
    log = tmp_path / "log"
    plan = {"log": str(log), "fails": 0, "seconds": 1.2}
    made = replace(task(log), prepare=lambda cores: (plan, None))
    done = replicates(made, number=3, workers=1)
    assert times_done(log) == dict.fromkeys(range(3), 1)
    assert [bool(one.error) for one in done] == [True, False, False]
    told = capsys.readouterr().err
    assert "Drawing: 1 replicate on 1 worker, about 1 s once" in told
    capsys.readouterr()
    replicates(replace(made, seed=2), number=1, workers=1)
    assert "about" not in capsys.readouterr().err


def test_a_killed_run_goes_on_where_it_was(tmp_path, alone):
    log, folder = tmp_path / "log", tmp_path / "kept"
    log.mkdir()
    script = (
        "from pathlib import Path; from test_replicates import task; "
        "from empathymodels.recovery.replicates import replicates; "
        f"replicates(task(Path({str(log)!r}), seconds=0.3), number={N}, "
        f"folder={str(folder)!r}, workers=1)"
    )
    where = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen([sys.executable, "-c", script], env=where) as run:
        until = time.monotonic() + 60
        while len(list(folder.glob("*.json"))) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        run.kill()
    kept = {f.name for f in folder.glob("*.json")}
    assert 2 <= len(kept) < N
    assert numbers(replicates(task(log), number=N, folder=folder, workers=1)) == alone
    again = {number for number, times in times_done(log).items() if times > 1}
    assert len(again) <= 1 and not again & {int(name[-10:-5]) for name in kept}


def test_what_fails_is_counted_and_kept(tmp_path, alone, capsys):
    log, folder = tmp_path / "log", tmp_path / "kept"
    for _ in range(2):
        done = replicates(task(log, fails=3), number=N, folder=folder, workers=1)
        assert [one.error for one in done if one.error] == ["ValueError: no such luck"]
        assert done[3].result == {}
        assert numbers([*done[:3], *done[4:]]) == [*alone[:3], *alone[4:]]
        told = capsys.readouterr().err
        assert f"1 of {N} replicates failed" in told and "no such luck" in told
    assert times_done(log) == dict.fromkeys(range(N), 1)


def test_a_lost_worker_costs_what_it_had_not_finished(tmp_path, alone, capsys):
    log, folder = tmp_path / "log", tmp_path / "kept"
    done = replicates(task(log, dies=2, seconds=0.2), number=N, folder=folder, workers=2)
    assert numbers(done) == alone
    assert not any(one.error for one in done)
    # two were under way when the worker was lost
    assert sum(times_done(log).values()) <= N + 2
    assert "a worker was lost" in capsys.readouterr().err


def test_workers_that_never_survive_end_the_run_and_keep_the_rest(tmp_path):
    log, folder = tmp_path / "log", tmp_path / "kept"
    made = task(log, dies=2, always=True)
    with pytest.raises(RuntimeError, match=r"missing: '2'.*Run again") as raised:
        replicates(made, number=N, folder=folder, workers=2)
    assert f"{N - 1} of {N} are done" in str(raised.value)
    assert len(list(folder.glob("*.json"))) == N - 1


def test_a_file_is_no_folder(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(OSError, match=r"notes.txt' is none and cannot be made: File exists. Name"):
        replicates(task(tmp_path / "log"), number=1, folder=file, workers=1)
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("foreign", ["thesis.docx", "0123456789abcdef-00001.csv", "results"])
def test_a_folder_of_others_is_left_alone(tmp_path, foreign):
    (tmp_path / "kept" / foreign).mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"must hold nothing else; found '{foreign}' .* new fold"):
        replicates(task(tmp_path / "log"), number=1, folder=tmp_path / "kept", workers=1)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [foreign]
    assert not times_done(tmp_path / "log")


def test_what_the_system_hides_in_a_folder_is_no_matter(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / ".DS_Store").write_bytes(b"\0")
    assert replicates(task(tmp_path / "log"), number=1, folder=tmp_path / "kept", workers=1)


@pytest.mark.parametrize("lying", ["folder", "link to a folder"])
def test_a_replicate_that_is_no_file_is_left_alone(tmp_path, lying):
    log, folder = tmp_path / "log", tmp_path / "kept"
    folder.mkdir()
    (tmp_path / "mine").mkdir()
    path = task(log).path(1, folder)
    if lying == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match=rf"{path.name}' is not: Is a directory. Move it away"):
        replicates(task(log), number=2, folder=folder, workers=1)
    assert path.is_dir() and not times_done(log)


def test_a_link_that_leads_nowhere_is_replaced(tmp_path, alone):
    log, folder = tmp_path / "log", tmp_path / "kept"
    folder.mkdir()
    path = task(log).path(1, folder)
    path.symlink_to(tmp_path / "gone")
    assert numbers(replicates(task(log), number=N, folder=folder, workers=1)) == alone
    assert path.is_file() and not path.is_symlink()


def test_a_full_disk_is_said_and_nothing_half_written_stays(tmp_path, alone, monkeypatch):
    log, folder = tmp_path / "log", tmp_path / "kept"
    write, written = Path.write_text, []

    def write_until_full(path, text, **how):
        if len(written) == 2:
            write(path, text[:20], **how)
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return write(path, text, **how)

    monkeypatch.setattr(Path, "write_text", write_until_full)
    with pytest.raises(OSError, match=f"2 of {N} are kept in .*Make room") as raised:
        replicates(task(log), number=N, folder=folder, workers=1)
    assert raised.value.errno == errno.ENOSPC
    assert len(list(folder.iterdir())) == 2
    monkeypatch.undo()
    assert numbers(replicates(task(log), number=N, folder=folder, workers=1)) == alone


def test_a_folder_that_may_not_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        replicates(task(tmp_path / "log"), number=1, folder=tmp_path / "file", workers=1)


def test_threads_take_turns(tmp_path, alone):
    with joblib.parallel_config(backend="threading", n_jobs=3):
        assert numbers(replicates(task(tmp_path / "log"), number=N)) == alone


@pytest.mark.parametrize("wrong", [{"number": 0}, {"number": 1, "workers": 0}])
def test_too_few_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"at least 1; found 0"):
        replicates(task(tmp_path / "log"), **wrong)


def test_time_is_told_first(tmp_path, capsys):
    replicates(task(tmp_path / "log"), number=N, workers=1)
    assert f"{N} replicates on 1 worker, about 1 s" in capsys.readouterr().err


def test_progress_shows_at_a_terminal(tmp_path):
    pty = pytest.importorskip("pty")
    script = (
        "from pathlib import Path; from test_replicates import task; "
        "from empathymodels.recovery.replicates import replicates; "
        f"replicates(task(Path({str(tmp_path / 'log')!r})), number=1, workers=1)"
    )
    here, there = pty.openpty()
    where = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "TERM": "xterm"}
    subprocess.run(
        [sys.executable, "-c", script], env=where, stdout=there, stderr=there, check=True
    )
    shown = os.read(here, 100_000).decode()
    assert "Replicates" in shown and "0/1" in shown and "1/1" in shown


# ----------------------------------------------------------------------------- a cluster


@pytest.fixture
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(sys.path.insert, 0, str(Path(__file__).parent))
        yield client


@pytest.mark.filterwarnings("default")  # of the cluster's own, not ours
def test_a_cluster_gives_the_same_results(tmp_path, alone, client):
    log, folder = tmp_path / "log", tmp_path / "kept"
    with joblib.parallel_config(backend="dask"):
        assert numbers(replicates(task(log), number=N, folder=folder)) == alone
    assert times_done(log) == dict.fromkeys(range(N), 1)
    assert len(list(folder.iterdir())) == N


@pytest.mark.filterwarnings("default")
def test_a_cluster_that_loses_a_worker_gives_the_same_results(tmp_path, alone, client):
    log, folder = tmp_path / "log", tmp_path / "kept"
    with joblib.parallel_config(backend="dask"):
        done = replicates(task(log, dies=2, seconds=0.2), number=N, folder=folder)
    assert numbers(done) == alone
    assert sum(times_done(log).values()) <= N + 2


@pytest.mark.filterwarnings("default")
def test_a_cluster_that_goes_away_is_said(tmp_path, client):
    log, folder = tmp_path / "log", tmp_path / "kept"
    closing = threading.Timer(2.0, client.cluster.close)
    closing.start()
    with (
        joblib.parallel_config(backend="dask"),
        pytest.raises(RuntimeError, match=r"within reach.*run again with the same folder"),
    ):
        replicates(task(log, seconds=1), number=20, folder=folder)
    closing.join()


@pytest.mark.filterwarnings("default")
def test_an_address_that_does_not_answer_is_said_by_the_cluster(tmp_path):
    dask = pytest.importorskip("dask")
    pytest.importorskip("distributed")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(OSError, match=r"127\.0\.0\.1:1"),
        joblib.parallel_config(backend="dask", scheduler_host="tcp://127.0.0.1:1"),
    ):
        replicates(task(tmp_path / "log"), number=1)
    assert not (tmp_path / "log").exists()
