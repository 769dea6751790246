"""The online filter: whatever a scanner sends, its text, a closed loop, and what it needs."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

import empathymodels as em
from empathymodels.neuro.kalman import Parameters, advance, start, summarised


def made(rule="graded", target=0.0, draws=50, **values):
    rng = np.random.default_rng(2)
    given = {
        "baseline": rng.normal(0, 0.1, draws),
        "regulation": rng.normal(0.4, 0.1, draws),
        "persistence": rng.uniform(0.6, 0.9, draws),
        "fluctuation": rng.uniform(0.5, 0.8, draws),
        "noise": rng.uniform(0.6, 0.9, draws),
    }
    given |= {name: np.full(draws, value) for name, value in values.items()}
    blank = {name: array.tolist() for name, array in given.items()}
    text = {
        "format": "empathymodels filter 1",
        "latent": "care_minus_distress",
        "target": target,
        "rule": rule,
        "parameters": blank,
        "state": {"deviation": [0.0] * draws, "share": [1.0] * draws},
        "regulate": 1.0,
        "seen": 0,
        "missing": 0,
    }
    return em.Filter.from_json(json.dumps(text))


class Hostile:
    def __float__(self):
        raise RuntimeError("no")

    def __repr__(self):  # the id of a test, the same in every worker
        return "Hostile()"


NO_NUMBERS = [None, "x", "", math.nan, math.inf, -math.inf, [1], [1, 2], {}, Hostile(), b"x"]


@pytest.mark.parametrize("bad", [*NO_NUMBERS, 1e308, -1e300], ids=repr)
def test_bad_numbers_are_missing_volumes(bad):
    one, other = made(), made()
    for value in (0.3, 1.1):
        one.update(value)
        other.update(value)
    assert one.update(bad) == other.update(None)
    assert (one.seen, one.missing) == (2, 1)
    if bad in NO_NUMBERS:
        assert one.update(0.2, regulate=bad) == other.update(0.2)
    else:
        assert one.update(0.2, regulate=bad) == other.update(0.2, regulate=float(bad > 0))


def test_without_scores_it_returns_to_what_it_knew():
    online = made()
    start_sd = made().update(None).sd
    online.update(2.0)
    steps = [online.update(None) for _ in range(200)]
    assert steps[0].mean > steps[-1].mean
    assert steps[-1].mean == pytest.approx(0.4, abs=0.05)
    assert steps[-1].sd == pytest.approx(start_sd, rel=0.01)


def test_a_constant_score_is_believed_the_more_the_longer_states_last():
    for persistence in (0.5, 0.99):
        online = made(persistence=persistence, baseline=0, regulation=0, noise=1, fluctuation=1)
        for _ in range(400):
            step = online.update(1.0)
        # steady state of the Riccati equation, by hand
        kept, share = persistence**2, 1.0
        for _ in range(5000):
            share = kept * share / (share + 1) + 1 - kept
        gain = share / (share + 1)
        mean = gain / (1 - persistence * (1 - gain))
        assert step.mean == pytest.approx(mean, abs=1e-6)
        assert step.sd == pytest.approx(math.sqrt(share * (1 - gain)), abs=1e-6)


def test_feedback_follows_its_rule():
    graded, signed = made(target=0.5), made("sign", target=0.5)
    for value in (3.0, -2.0, 0.5, None):
        a, b = graded.update(value), signed.update(value)
        assert a.p_above_target == b.p_above_target
        assert a.feedback == pytest.approx(2 * a.p_above_target - 1)
        assert b.feedback == (1.0 if a.feedback > 0 else -1.0)
        assert 0 <= a.p_above_target <= 1


def test_text_brings_it_back_in_the_middle_of_a_run():
    online = made(target=0.2)
    for value in (0.1, None, -0.4, 70.0):
        online.update(value, regulate=0.5)
    again = em.Filter.from_json(online.to_json())
    assert (again.seen, again.missing) == (online.seen, online.missing) == (2, 2)
    assert [again.update(v, regulate=None) for v in (0.3, None, 1.0)] == [
        online.update(v, regulate=None) for v in (0.3, None, 1.0)
    ]
    again.reset()
    assert again.update(0.3) == made(target=0.2).update(0.3)


def broken(**changes):
    found = json.loads(made().to_json()) | changes
    return json.dumps(found)


def with_noise(value):
    found = json.loads(made().to_json())
    found["parameters"]["noise"][3] = value
    return json.dumps(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "no json",
        broken(format="other"),
        broken(rule="loud"),
        broken(target=None),
        broken(target=math.nan),
        broken(state={"deviation": [0.0], "share": [1.0]}),
        broken(parameters={}),
        with_noise(math.inf),
        with_noise(-1.0),
        with_noise("a"),
        with_noise(None),
    ],
)
def test_text_that_is_no_filter_is_told(text):
    with pytest.raises(ValueError, match=r"must be what Filter\.to_json returned; .+\."):
        em.Filter.from_json(text)


NEEDS = """
import sys
import empathymodels as em
online = em.Filter.from_json(sys.stdin.read())
print(online.update(0.5).mean)
print(*[name for name in ("pymc", "pytensor", "numba", "xarray", "pandas", "scipy", "nilearn")
        if name in sys.modules])
"""


def test_the_scanner_room_needs_numpy_alone():
    run = [sys.executable, "-W", "ignore", "-c", NEEDS]
    online = made()
    told = subprocess.run(run, input=online.to_json(), capture_output=True, text=True, check=True)
    mean, *others = told.stdout.splitlines()
    assert float(mean) == online.update(0.5).mean
    assert others in ([], [""])


def test_the_mixture_is_that_of_its_draws():
    online = made(draws=3)
    state = start(online.parameters)
    found = advance(online.parameters, state, 0.7, 1.0)
    each = []
    for d in range(3):
        one = Parameters(**{n: v[d : d + 1] for n, v in vars(online.parameters).items()})
        each.append(advance(one, start(one), 0.7, 1.0))
    assert found.mean == pytest.approx([e.mean[0] for e in each])
    mean, sd, above = summarised(found.mean, found.variance, 0.3)
    rng = np.random.default_rng(0)
    draws = rng.normal(found.mean, np.sqrt(found.variance), (200_000, 3)).ravel()
    assert mean == pytest.approx(draws.mean(), abs=0.01)
    assert sd == pytest.approx(draws.std(), abs=0.01)
    assert above == pytest.approx((draws > 0.3).mean(), abs=0.01)


def test_scores_without_noise_are_believed():
    """As the rival `direct_scores` has them."""
    online = em.Filter.from_json(made(noise=0.0).to_json())
    step = online.update(0.7)
    assert (step.mean, step.sd) == (pytest.approx(0.7), pytest.approx(0.0, abs=1e-9))
    with pytest.raises(ValueError, match="not both be 0"):
        made(noise=0.0, fluctuation=0.0)
    with pytest.raises(ValueError, match="n must be 2 at least"):
        em.simulate_feedback(made(), sham=True, n=1)


def test_people_learn_from_feedback_and_not_from_that_of_others():
    online = made(target=0.3)
    real = em.simulate_feedback(online, runs=8, volumes=40, n=60, seed=1)
    sham = em.simulate_feedback(online, runs=8, volumes=40, n=60, sham=True, seed=1)
    gained = [x["regulation"].isel(run=-1) - x["regulation"].isel(run=0) for x in (real, sham)]
    assert float(gained[0].mean()) > 3 * float(gained[1].mean()) > 0
    assert float(real["false_feedback"].mean()) < 0.3
    assert float(sham["false_feedback"].mean()) == pytest.approx(0.5, abs=0.06)
    assert real["regulation"].dims == ("person", "run")
    assert real.equals(em.simulate_feedback(online, runs=8, volumes=40, n=60, seed=1))
    noiseless = made(target=0.3, noise=0.01)
    exact = em.simulate_feedback(noiseless, runs=2, volumes=40, n=60, seed=1)
    assert float(exact["false_feedback"].mean()) < 0.03
    perfect = em.simulate_feedback(made("sign", noise=0.01), learning=1.0, runs=3, n=20, seed=1)
    assert float(perfect["runs_to_half"].max()) == 2
