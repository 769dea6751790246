"""Learners of volatility: plain loops, extremes, missing outcomes, what is known of parameters."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.engine.build import build
from empathymodels.layout.arrange import arrange

HGF = {"tonic_volatility": -2.5, "meta_volatility": 0.4, "coupling": 1.3}
KALMAN = {"volatility_rate": 0.15, "noise": 0.8}
PARAMETERS = {
    "tonic_volatility": "real",
    "meta_volatility": "positive",
    "coupling": "real",
    "volatility_rate": "unit",
    "noise": "positive",
}


def guess(latent, parameters, data):
    return em.Choice.dist(latent.utility)


def learner(step, names, states, latents, outcome=(0, 1)):
    kind = {"levels": outcome} if isinstance(outcome, tuple) else {"range": tuple(outcome)}
    return em.Model(
        name="volatility",
        title="a learner alone",
        step=step,
        states=tuple(em.State(name, start, meaning=name) for name, start in states.items()),
        latents=dict.fromkeys([*latents, "utility"], "what the learner says"),
        columns=(em.Column("outcome", "what happened", **kind),),
        parameters=tuple(
            em.Parameter(
                name, "of the learner", location=(0, 1), spread=0.5, support=PARAMETERS[name]
            )
            for name in names
        ),
        responses=(em.Response("guess", guess, "1 or 0", levels=(0, 1)),),
    )


@cache
def hgf():
    def step(state, parameters, data):
        given = {name: getattr(parameters, name) for name in HGF}
        following, latents = em.hgf_binary(state, data.outcome, **given)
        return following, latents | {"utility": state.mean}

    states = {"mean": 0.2, "variance": 0.7, "volatility_mean": 0.0, "volatility_variance": 0.9}
    latents = ["probability", "volatility", "prediction_error", "weighted_error"]
    return learner(step, HGF, states, [*latents, "volatility_error", "weighted_volatility_error"])


@cache
def kalman(binary=True):
    def step(state, parameters, data):
        given = {name: getattr(parameters, name) for name in KALMAN}
        following, latents = em.volatile_kalman(state, data.outcome, binary=binary, **given)
        return following, latents | {"utility": state.mean}

    states = {"mean": 0.2, "variance": 0.8, "volatility": 0.5}
    latents = ["expectation", "volatility", "prediction_error", "weighted_error"]
    outcome = (0, 1) if binary else [-10, 10]
    return learner(step, KALMAN, states, [*latents, "volatility_error"], outcome)


def trials(outcomes, people=("a", "b")):
    rng = np.random.default_rng(3)
    parts = [
        pd.DataFrame({"participant": who, "trial": range(len(outcomes)), "outcome": outcomes})
        for who in people
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(guess=rng.integers(0, 2, len(table)).astype(float))


@cache
def reversals():
    """500 outcomes of one kind or the other, mostly, with changes at all distances."""
    rng = np.random.default_rng(5)
    likely = np.repeat(rng.permutation([0.9, 0.1] * 10), rng.multinomial(500, [0.05] * 20))
    return (rng.random(500) < likely).astype(float)


def hgf_loop(outcomes, *, tonic_volatility, meta_volatility, coupling):
    """The filter by precisions, as it is published, and the enhanced last level."""
    mu2, pi2, mu3, pi3 = 0.2, 1 / 0.7, 0.0, 1 / 0.9
    rows = []
    for u in outcomes:
        muhat1 = 1 / (1 + np.exp(-mu2))
        pihat1 = 1 / (muhat1 * (1 - muhat1))
        v = np.exp(coupling * mu3 + tonic_volatility)
        pihat2 = 1 / (1 / pi2 + v)
        new_pi2 = pihat2 + 1 / pihat1
        delta1 = u - muhat1
        new_mu2 = mu2 + delta1 / new_pi2
        delta2 = (1 / new_pi2 + (new_mu2 - mu2) ** 2) * pihat2 - 1
        pihat3 = 1 / (1 / pi3 + meta_volatility)
        new_mu3 = mu3 + 0.5 / pihat3 * coupling * v * pihat2 * delta2
        vv = np.exp(coupling * new_mu3 + tonic_volatility)
        pimhat = 1 / (1 / pi2 + vv)
        ww = vv * pimhat
        rr = (vv - 1 / pi2) * pimhat
        dd = (1 / new_pi2 + (new_mu2 - mu2) ** 2) * pimhat - 1
        new_pi3 = pihat3 + max(0, 0.5 * coupling**2 * ww * (ww + rr * dd))
        rows.append([muhat1, mu3, delta1, new_mu2 - mu2, delta2, new_mu3 - mu3, mu2])
        mu2, pi2, mu3, pi3 = new_mu2, new_pi2, new_mu3, new_pi3
    return np.array(rows)


def kalman_loop(outcomes, *, volatility_rate, noise, binary):
    m, w, v = 0.2, 0.8, 0.5
    rows = []
    for u in outcomes:
        k = (w + v) / (w + v + noise)
        expected = 1 / (1 + np.exp(-m)) if binary else m
        new_m = m + (np.sqrt(w + v) if binary else k) * (u - expected)
        new_w = (1 - k) * (w + v)
        covariance = (1 - k) * w
        error = (new_m - m) ** 2 + new_w + w - 2 * covariance - v
        rows.append([expected, v, u - expected, new_m - m, error, m])
        m, w, v = new_m, new_w, v + volatility_rate * error
    return np.array(rows)


def latents_of(model, table, values):
    found = em.log_likelihood(model, em.Study(trials=table), values)
    people = found["latents"].to_dataset().to_dataframe()
    names = [name for name in model.latents if name in people]
    return people.iloc[: len(table) // 2][names].to_numpy(), found.attrs["total"]


def test_hgf_is_the_loop():
    found, _ = latents_of(hgf(), trials(reversals()), HGF)
    expected = hgf_loop(reversals(), **HGF)
    assert np.ptp(expected[:, 1]) > 0.5  # volatility moves
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("binary", [True, False])
def test_volatile_kalman_is_the_loop(binary):
    outcomes = reversals()
    if not binary:
        outcomes = (6 * outcomes - 3 + np.random.default_rng(4).normal(size=500)).clip(-10, 10)
    found, _ = latents_of(kalman(binary), trials(outcomes), KALMAN)
    expected = kalman_loop(outcomes, binary=binary, **KALMAN)
    assert np.ptp(expected[:, 1]) > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def test_without_coupling_volatility_is_the_same_always():
    values = HGF | {"coupling": 0.0}
    found, _ = latents_of(hgf(), trials(reversals()), values)
    volatility = list(hgf().latents).index("volatility")
    assert (found[:, volatility] == 0).all()


@pytest.mark.parametrize("model", [hgf, kalman])
def test_a_missing_outcome_leaves_states_as_they_are(model):
    outcomes = reversals()[:60]
    with_gaps = np.insert(outcomes, [10, 10, 40], np.nan)
    values = HGF if model is hgf else KALMAN
    all_seen, _ = latents_of(model(), trials(outcomes), values)
    gaps, _ = latents_of(model(), trials(with_gaps), values)
    first = [n for n in model().latents if n in ("probability", "expectation", "volatility")]
    columns = [list(model().latents).index(name) for name in first]
    seen = ~np.isnan(with_gaps)
    np.testing.assert_array_equal(gaps[seen][:, columns], all_seen[:, columns])


EXTREMES = {
    hgf: [
        {"tonic_volatility": tonic, "meta_volatility": meta, "coupling": coupling}
        for tonic in (-30.0, -4.0, 3.0, 30.0)
        for meta in (1e-9, 1.0, 1e3)
        for coupling in (-2.0, 1.0, 3.0)
    ],
    kalman: [
        {"volatility_rate": rate, "noise": noise}
        for rate in (1e-9, 0.5, 1 - 1e-9)
        for noise in (1e-8, 1.0, 1e8)
    ],
}


COURSES = {  # of outcomes over 500 trials
    "surprises after long certainty": np.repeat([1.0, 0.0, 1.0, 0.0], [200, 1, 99, 200]),
    "changes all the time": np.resize([1.0, 0.0], 500),
    "reversals": reversals(),
}


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("model", EXTREMES)
def test_numbers_and_slopes_are_finite_at_extremes(model, course):
    built = build(arrange(model(), em.Study(trials=trials(COURSES[course]))), {})
    density, slopes = built.compile_logp(), built.compile_dlogp()
    start = built.initial_point()
    for values in EXTREMES[model]:
        centre = [unbounded(name, values[name]) for name in values]
        point = start | {"participant:location": np.array(centre)}
        assert np.isfinite(density(point)), values
        assert np.isfinite(slopes(point)).all(), values


def unbounded(name, value):
    kind = PARAMETERS[name]
    if kind == "positive":
        return math.log(value)
    return math.log(value / (1 - value)) if kind == "unit" else value
