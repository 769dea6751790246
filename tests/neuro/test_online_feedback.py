"""The examples for programs of real-time fMRI: a run is replayed through each of them."""

import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from test_filter import made

import empathymodels as em
from folders import ROOT

EXAMPLE = ROOT / "examples" / "online_feedback"
FIRST, VOLUMES, SHAPE = 10, 30, (4, 5, 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The example with a filter and weights beside it, as a session has it."""
    for file in EXAMPLE.glob("*.py"):
        shutil.copy(file, tmp_path)
    weights = np.zeros(SHAPE)
    weights[1:3, 1:4, 1] = [[0.5, -0.25, 0.25], [0.125, 0.25, -0.5]]
    np.save(tmp_path / "weights.npy", weights)
    online = made(target=0.1)
    online.update(3.0)  # a filter is saved wherever it stands
    (tmp_path / "filter.json").write_text(online.to_json(), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("volume_score", "pyneal_analysis", "rtcloud_feedback"):
        sys.modules.pop(name, None)


@pytest.fixture
def run():
    """Volumes of a run, of which one is lost, one cut short, and one lacks a single value."""
    rng = np.random.default_rng(3)
    volumes = list(rng.uniform(500, 900, SHAPE) * rng.normal(1, 0.01, (VOLUMES, *SHAPE)))
    volumes[15] = None
    volumes[18] = volumes[18][..., :2]
    volumes[21][2, 3, 1] = np.nan
    volumes[21][0, 0, 0] = np.inf  # beyond the signature
    return volumes


def expected(folder, run):
    """The same by hand: percent of the mean of the first volumes, times the weights."""
    weights, online = np.load(folder / "weights.npy"), made(target=0.1)
    baseline, steps = np.mean(run[:FIRST], axis=0), []
    for k, volume in enumerate(run):
        is_there = k >= FIRST and k not in (15, 18, 21)
        score = float((weights * 100 * (volume / baseline - 1)).sum()) if is_there else None
        steps.append(online.update(score))
    return np.array(steps), online


def test_pyneal(folder, run):
    from pyneal_analysis import CustomAnalysis

    analysis = CustomAnalysis(mask_img=None)
    found = [analysis.compute(volume, k) for k, volume in enumerate(run)]
    steps, by_hand = expected(folder, run)
    assert list(found[0]) == list(em.Filter.update(by_hand, None)._fields)
    np.testing.assert_allclose([list(step.values()) for step in found], steps, rtol=1e-9)
    assert (analysis.filter.seen, analysis.filter.missing) == (VOLUMES - FIRST - 3, FIRST + 3)
    assert np.ptp(steps[FIRST:, 2]) > 0.1  # feedback that says something


def test_rt_cloud(folder, run):
    from rtcloud_feedback import give_feedback
    from volume_score import VolumeScore

    sent, drawn = {}, []
    subj = SimpleNamespace(setResultDict=lambda name, values: sent.update({name: values}))
    web = SimpleNamespace(plotDataPoint=lambda *point: drawn.append(point))
    online = em.Filter.from_json((folder / "filter.json").read_text(encoding="utf-8"))
    online.reset()
    score = VolumeScore(folder / "weights.npy", first=FIRST)
    for k, volume in enumerate(run, start=1):
        give_feedback(online, score, volume, run=2, number=k, subj=subj, web=web)
    steps, _ = expected(folder, run)
    assert list(sent) == [f"run2_TR{k}" for k in range(1, VOLUMES + 1)]
    np.testing.assert_allclose([list(v.values()) for v in sent.values()], steps, rtol=1e-9)
    assert all(type(value) is float for values in sent.values() for value in values.values())
    np.testing.assert_allclose(drawn, [(2, k + 1, s[2]) for k, s in enumerate(steps)], rtol=1e-9)
