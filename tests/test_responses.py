"""Choices: probabilities, draws and gradients."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import special, stats

from empathymodels import Choice, measured
from empathymodels.logistic import log_sigmoid

EXTREME = np.array([-1e308, -1e6, -800.0, -40.0, -1e-300, 0.0, 1e-300, 40.0, 800.0, 1e6, 1e308])


@pytest.fixture(scope="module")
def log_probability():
    """Return logp and its gradient with respect to utility as one function."""
    utility, value = pt.dvector("utility"), pt.lvector("value")
    logp = pm.logp(Choice.dist(utility), value)
    return pytensor.function([utility, value], [logp, pt.grad(logp.sum(), utility)])


def test_log_probability_equals_bernoulli(log_probability):
    utility = np.repeat(np.linspace(-30, 30, 201), 2)
    value = np.tile([0, 1], 201)
    logp, _ = log_probability(utility, value)
    ordinary = np.abs(utility) < 6
    expected = stats.bernoulli.logpmf(value, special.expit(utility))
    np.testing.assert_allclose(logp[ordinary], expected[ordinary], rtol=1e-12)
    # the same without rounding the probability first: tiny values to full precision too
    np.testing.assert_allclose(logp, special.log_expit((2 * value - 1) * utility), rtol=1e-12)


def test_gradient_is_the_residual(log_probability):
    utility = np.repeat(np.linspace(-30, 30, 61), 2)
    value = np.tile([0, 1], 61)
    _, gradient = log_probability(utility, value)
    sign = 2 * value - 1
    np.testing.assert_allclose(gradient, sign * special.expit(-sign * utility), rtol=1e-12)
    ordinary, step = np.abs(utility) < 5, 1e-6
    high, low = (log_probability(utility + sign * step, value)[0] for sign in (1, -1))
    difference = (high - low) / (2 * step)
    np.testing.assert_allclose(gradient[ordinary], difference[ordinary], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("value", [0, 1])
def test_extreme_utilities_stay_finite(log_probability, value):
    logp, gradient = log_probability(EXTREME, np.full(len(EXTREME), value))
    assert np.isfinite(logp).all()
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(logp, special.log_expit((2 * value - 1) * EXTREME), rtol=1e-12)
    assert (np.abs(gradient) <= 1).all()


def test_log_sigmoid_bends_as_it_should():
    x = pt.dvector("x")
    slope = pt.grad(log_sigmoid(x).sum(), x)
    function = pytensor.function([x], [log_sigmoid(x), slope, pt.grad(slope.sum(), x)])
    values = np.concatenate([EXTREME, np.linspace(-8, 8, 33)])
    value, slope, bend = function(values)
    np.testing.assert_allclose(value, special.log_expit(values), rtol=1e-14)
    np.testing.assert_allclose(slope, special.expit(-values), rtol=1e-14)
    np.testing.assert_allclose(bend, -special.expit(values) * special.expit(-values), rtol=1e-12)
    plain = pytensor.function([x], log_sigmoid(x), mode="FAST_COMPILE")
    np.testing.assert_allclose(plain(values), value, rtol=1e-15)


def test_other_values_are_impossible(log_probability):
    logp, _ = log_probability(np.array([0.3, 0.3, 0.3]), np.array([-1, 2, 1]))
    assert logp.tolist()[:2] == [-np.inf, -np.inf]
    assert np.isfinite(logp[2])


def test_frequencies_of_draws():
    utility, draws = np.array([-3.0, -0.5, 0.0, 1.2, 4.0]), 20_000
    sample = pm.draw(Choice.dist(utility), draws, random_seed=7)
    assert sample.shape == (draws, 5)
    assert set(np.unique(sample)) == {0, 1}
    expected = special.expit(utility)
    z = (sample.mean(0) - expected) / np.sqrt(expected * (1 - expected) / draws)
    assert (np.abs(z) < 4).all(), z
    # draws of different entries and of successive draws are independent
    assert np.abs(np.corrcoef(sample, rowvar=False)[np.triu_indices(5, 1)]).max() < 0.03
    assert abs(np.corrcoef(sample[1:, 2], sample[:-1, 2])[0, 1]) < 0.03


def test_draws_at_extremes_and_shapes():
    sample = pm.draw(Choice.dist(np.array([-1e6, 1e6])), 50, random_seed=1)
    assert (sample == [0, 1]).all()
    assert pm.draw(Choice.dist(0.0, shape=(3, 2)), random_seed=1).shape == (3, 2)
    same = [pm.draw(Choice.dist(np.zeros(20)), random_seed=3) for _ in range(2)]
    np.testing.assert_array_equal(*same)


def test_measured_adds_variances():
    assert measured(3.0, 4.0).eval() == pytest.approx(5.0, rel=1e-15)
    assert measured(np.zeros(2), 0.7).eval().tolist() == pytest.approx([0.7, 0.7], rel=1e-15)
