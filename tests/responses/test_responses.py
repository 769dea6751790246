"""Distributions of responses: probabilities, draws and gradients."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pymc.distributions.moments.means import mean
from scipy import special, stats

from empathymodels import (
    CensoredNormal,
    Choice,
    HurdleSquareRoot,
    OrderedBeta,
    Ordinal,
    OrdinalGiven,
    OrdinalProbit,
    RoundedNormal,
    SoftmaxChoice,
    measured,
    pick,
    put,
    thresholds,
)
from empathymodels.responses.log_sigmoid import log_sigmoid
from empathymodels.responses.rounded import discernible_noise
from empathymodels.responses.rounded import rounded as recorded

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


# ------------------------------------------------- every distribution against plain formulas


def lapsing(y, u, lapse):
    return np.log(lapse / 2 + (1 - lapse) * special.expit((2 * y - 1) * u))


def among(y, u, lapse):
    return np.log(lapse / 3 + (1 - lapse) * special.softmax([u, 0.3, -1.0])[int(y)])


def among_two(y, u, lapse):
    return np.log(lapse / 2 + (1 - lapse) * special.softmax([u, -1.0])[int(y) // 2])


def censored(y, mu, sigma):
    if y <= 0:
        return stats.norm.logcdf(0, mu, sigma)
    if y >= 10:
        return stats.norm.logsf(10, mu, sigma)
    return stats.norm.logpdf(y, mu, sigma)


def rounded(y, mu, sigma):
    low = -np.inf if y <= 0 else y - 0.25
    high = np.inf if y >= 10 else y + 0.25
    if low > mu:  # of two numbers near 1 the difference would be lost
        low, high, mu = -high, -low, -mu
    below, within = stats.norm.logcdf([low, high], mu, sigma)
    return within + np.log1p(-np.exp(below - within))


def ordered_beta(y, eta, precision):
    low, high = special.expit(eta + 2), special.expit(eta - 1.5)  # above the cuts -2 and 1.5
    if y <= 0:
        return np.log1p(-low)
    if y >= 10:
        return np.log(high)
    mean = special.expit(eta)
    return np.log(low - high) + stats.beta.logpdf(
        y, mean * precision, (1 - mean) * precision, scale=10
    )


def ordinal(y, eta, step):
    below = special.expit(np.array([-np.inf, -1, -1 + step, -1 + 2 * step, np.inf]) - eta)
    return np.log(np.diff(below)[int(y) - 1])


CUTS = [-0.55, 0.85]


def ordinal_probit(y, eta, step):
    below = np.array([-np.inf, -1, -1 + step, -1 + 2 * step, np.inf]) - eta
    return np.log(stats.norm.cdf(-below[:-1]) - stats.norm.cdf(-below[1:]))[int(y) - 1]


def below_both(h, k, r):
    """Bivariate normal distribution function by Owen's T; h and k are not 0."""
    if not np.isfinite([h, k]).all():
        return 0.0 if -np.inf in (h, k) else special.ndtr(min(h, k))
    left = np.sqrt(1 - r * r)
    parts = special.owens_t([h, k], [(k - r * h) / (h * left), (h - r * k) / (k * left)])
    return (special.ndtr(h) + special.ndtr(k)) / 2 - parts.sum() - (0 if h * k > 0 else 0.5)


def rectangle(first, second, r):
    """Probability of an interval of each of two normal variables."""
    corners = [(h, k, i + j) for i, h in enumerate(first) for j, k in enumerate(second)]
    return sum((-1) ** n * below_both(h, k, r) for h, k, n in corners)


def hurdle(y, mu, sigma):
    if y == 0:
        return special.log_expit(-0.4)
    root = stats.truncnorm.logpdf(np.sqrt(y), -mu / sigma, np.inf, mu, sigma)
    return special.log_expit(0.4) + root - np.log(2 * np.sqrt(y))


CASES = {
    "choice with lapse": (lambda a, b: Choice.dist(a, b), lapsing, [0, 1], (0.02, 0.4)),
    "softmax": (lambda a, b: SoftmaxChoice.dist([a, 0.3, -1.0], b), among, [0, 1, 2], (0.02, 0.4)),
    "softmax, some offered": (
        lambda a, b: SoftmaxChoice.dist([a, 0.3, -1.0], b, offered=[1, 0, 1]),
        among_two,
        [0, 2],
        (0.02, 0.4),
    ),
    "censored": (
        lambda a, b: CensoredNormal.dist(a, b, 0.0, 10.0),
        censored,
        [0.0, 0.01, 3.0, 9.9, 10.0],
        (0.8, 6.0),
    ),
    "rounded": (
        lambda a, b: RoundedNormal.dist(a, b, 0.0, 10.0, 0.5),
        rounded,
        [0.0, 0.5, 3.0, 9.5, 10.0],
        (0.3, 6.0),
    ),
    "ordered beta": (
        lambda a, b: OrderedBeta.dist(a, b, -2.0, 1.5, 0.0, 10.0),
        ordered_beta,
        [0.0, 0.01, 3.0, 9.9, 10.0],
        (1.0, 12.0),
    ),
    "ordinal": (
        lambda a, b: Ordinal.dist(a, thresholds(-1.0, b, b)),
        ordinal,
        [1, 2, 3, 4],
        (0.3, 2.0),
    ),
    "ordinal probit": (
        lambda a, b: OrdinalProbit.dist(a, thresholds(-1.0, b, b)),
        ordinal_probit,
        [1, 2, 3, 4],
        (0.3, 2.0),
    ),
    "hurdle": (
        lambda a, b: HurdleSquareRoot.dist(0.4, a, b),
        hurdle,
        [0.0, 0.001, 0.5, 4.0],
        (0.3, 1.5),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_log_probabilities_and_slopes(case):
    make, formula, values, (low, high) = CASES[case]
    first, second, value = pt.dvector("first"), pt.dvector("second"), pt.dvector("value")
    dist = make(first, second)
    observed = value.astype("int64") if dist.dtype == "int64" else value
    logp = pm.logp(dist, observed)
    function = pytensor.function(
        [first, second, value], [logp, *pt.grad(logp.sum(), [first, second])]
    )
    grid = np.meshgrid(np.linspace(-4, 4, 17), np.linspace(low, high, 5), values)
    a, b, y = (axis.ravel() for axis in grid)
    found, slope_a, slope_b = function(a, b, y)
    expected = [formula(*row) for row in zip(y, a, b, strict=True)]
    # the probability of a step is a difference of two tails: near 1 it has the digits of 1
    of_one = 1e-13 if case in ("rounded", "ordinal probit") else 0
    np.testing.assert_allclose(found, expected, 1e-10, atol=of_one)
    step = 1e-6
    for slope, (da, db) in ((slope_a, (step, 0)), (slope_b, (0, step))):
        ahead, behind = function(a + da, b + db, y)[0], function(a - da, b - db, y)[0]
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-7)
    extreme = function(np.array([-300.0, 300.0]), np.full(2, high), np.full(2, values[1]))
    assert np.isfinite(extreme[1:]).all()  # and so the sampler can find its way back


@pytest.mark.parametrize("case", CASES)
def test_values_that_cannot_be(case):
    dist = CASES[case][0](np.zeros(2), np.full(2, 0.5))
    impossible = np.array([-1.0, 11.0 if case != "hurdle" else -0.1])
    assert (pm.logp(dist, impossible.astype(dist.dtype)).eval() == -np.inf).all()


@pytest.mark.parametrize("case", CASES)
def test_draws_follow_the_probabilities(case):
    make, formula, values, (low, high) = CASES[case]
    a, b, size = 0.7, (low + high) / 2, 40_000
    draws = pm.draw(make(np.full(size, a), np.full(size, b)), random_seed=5)
    is_discrete = draws.dtype == np.int64 or case == "rounded"
    borders = values if is_discrete else [0.0, 0.2, 1.0, 3.0, 8.0]
    for border in borders:
        if is_discrete or border == 0:
            expected = np.exp(formula(border, a, b))
            share = np.mean(draws == border)
        else:
            root = np.linspace(1e-6, np.sqrt(border), 4001)  # a density of y may end at 0 steeply
            density = np.exp([formula(y, a, b) for y in root**2])
            expected = np.exp(formula(0.0, a, b)) + np.trapezoid(density * 2 * root, root)
            share = np.mean(draws <= border)
        error = np.sqrt(expected * (1 - expected) / size)
        assert abs(share - expected) < 4.5 * error + 2e-4, border
    assert not np.array_equal(draws[: size // 2], draws[size // 2 :])


EXTREMES = {  # parameters a study's data can drive somebody to, and values that have been seen
    "lapse": (
        lambda a, b: Choice.dist(a, b),
        [0, 1],
        [(800.0, 0.0), (-800.0, 0.0), (800.0, 1.0), (-800.0, 1e-308), (0.0, 1.0)],
    ),
    "lapse among three": (
        lambda a, b: SoftmaxChoice.dist([a, 0.0, 1.0], b),
        [0, 1, 2],
        [(800.0, 0.0), (-800.0, 0.0), (800.0, 1.0), (-800.0, 1e-308)],
    ),
    "lapse among those offered": (
        lambda a, b: SoftmaxChoice.dist([a, 0.0, 1.0], b, offered=[1, 0, 1]),
        [0, 2],
        [(800.0, 0.0), (-800.0, 0.0), (800.0, 1.0), (-800.0, 1e-308)],
    ),
    "ordered beta": (
        lambda a, b: OrderedBeta.dist(a, b, -2.0, 2.0, 0.0, 100.0),
        [0.0, 1e-9, 50.0, 100.0],
        [(1000.0, 5.0), (-1000.0, 5.0), (0.0, 1e-200), (3.0, 1e12), (40.0, 1e-3)],
    ),
    "ordered beta, cuts that meet": (
        lambda a, b: OrderedBeta.dist(a, 3.0, 0.0, b, 0.0, 100.0),
        [0.0, 50.0, 100.0],
        [(0.0, 0.0), (500.0, 1e-17), (-500.0, 1e-17)],
    ),
    "ordinal, cutpoints that meet": (
        lambda a, b: Ordinal.dist(a, thresholds(0.0, b)),
        [1, 2, 3],
        [(0.0, 0.0), (700.0, 1e-20), (-700.0, 1e-20)],
    ),
    "ordinal probit, cutpoints that meet": (
        lambda a, b: OrdinalProbit.dist(a, thresholds(0.0, b)),
        [1, 2, 3],
        [(0.0, 0.0), (700.0, 1e-20), (-700.0, 1e-20), (1e200, 1.0)],
    ),
    "second of a pair": (
        lambda a, b: OrdinalGiven.dist(
            a, CUTS, other=1, other_location=b, other_cutpoints=CUTS, correlation=0.9
        ),
        [1, 2, 3],
        [(0.0, 0.0), (700.0, -700.0), (-700.0, 700.0), (1e200, 1e200), (40.0, 1e5)],
    ),
    "correlation of a pair": (
        lambda a, b: OrdinalGiven.dist(
            a, CUTS, other=2, other_location=0.0, other_cutpoints=CUTS, correlation=b
        ),
        [1, 2, 3],
        [(0.0, 1.0), (0.0, -1.0), (30.0, 1.0), (1e9, -0.99), (0.0, 0.0)],
    ),
    "hurdle": (
        lambda a, b: HurdleSquareRoot.dist(-900.0, a, b),
        [0.0, 1e-300, 1e-6, 4.0],
        [(-1e6, 1e-3), (-5.0, 1e-8), (2.0, 1e-6), (1e5, 1.0), (0.0, 1e6)],
    ),
    "rounded": (
        lambda a, b: RoundedNormal.dist(a, b, 1.0, 9.0, 1.0),
        [1.0, 5.0, 9.0],
        [(1e9, 1e-6), (-1e9, 1.0), (5.0, 1e-100), (5.0, 1e100), (8.5, 1e-9)],
    ),
}


@pytest.mark.parametrize("case", EXTREMES)
def test_values_and_slopes_are_finite_at_extremes(case):
    make, values, parameters = EXTREMES[case]
    first, second, value = pt.dvectors("first", "second", "value")
    dist = make(first, second)
    observed = value.astype("int64") if dist.dtype == "int64" else value
    logp = pm.logp(dist, observed)
    slopes = pytensor.grad(logp.sum(), [first, second])
    function = pytensor.function([first, second, value], [logp, *slopes])
    rows = np.array([(a, b, y) for a, b in parameters for y in values], dtype=float)
    for found in function(*rows.T):
        assert np.isfinite(found).all(), rows[~np.isfinite(found)]


def test_a_pair_of_ratings_is_a_rectangle_of_the_bivariate_normal():
    """Both orders, all categories, against SciPy, and probabilities of the second sum to one."""
    first, second, r = pt.lvector("first"), pt.lvector("second"), pt.dvector("r")
    eta, value = {"first": 0.4, "second": -0.7}, {"first": first, "second": second}
    ends = [-np.inf, *CUTS, np.inf]

    def pair(one, other):
        alone = pm.logp(OrdinalProbit.dist(np.full(63, eta[one]), CUTS), value[one])
        given = OrdinalGiven.dist(
            np.full(63, eta[other]), CUTS, other=value[one], other_location=eta[one],
            other_cutpoints=CUTS, correlation=r,
        )  # fmt: skip
        return alone, pm.logp(given, value[other])

    function = pytensor.function(
        [first, second, r], [*pair("first", "second"), *pair("second", "first")]
    )
    correlations = np.array([-0.95, -0.6, -1e-9, 0.3, 0.7, 0.9, 0.95])
    x, y, rho = (axis.ravel() for axis in np.meshgrid([1, 2, 3], [1, 2, 3], correlations))
    one, given_one, two, given_two = function(x, y, rho)
    p = np.exp(one + given_one)
    np.testing.assert_allclose(p, np.exp(two + given_two), rtol=0, atol=1e-8)
    for k in range(63):
        a, b = (np.array(ends[j - 1 : j + 1]) - e for j, e in ((x[k], 0.4), (y[k], -0.7)))
        assert p[k] == pytest.approx(rectangle(a, b, rho[k]), abs=1e-8)
        bivariate = stats.multivariate_normal([0, 0], [[1, rho[k]], [rho[k], 1]])
        low, high = np.maximum([a[0], b[0]], -9), np.minimum([a[1], b[1]], 9)
        expected = bivariate.cdf(high, lower_limit=low)
        assert p[k] == pytest.approx(expected, abs=1e-6)
    for r_ in correlations:
        assert p[rho == r_].sum() == pytest.approx(1, abs=1e-12)


def test_slopes_of_the_second_of_a_pair_and_what_it_cannot_be():
    eta, r = pt.dvectors("eta", "r")
    made = OrdinalGiven.dist(
        eta, CUTS, other=3, other_location=0.3, other_cutpoints=CUTS, correlation=r
    )
    logp = pm.logp(made, np.array([1, 2, 3, 1, 2, 3, 0, 4]))
    function = pytensor.function([eta, r], [logp, *pt.grad(logp[:6].sum(), [eta, r])])
    at = np.array([-1.0, 0.3, 2.0, 1.5, -0.8, -2.0, 0.0, 0.0]), np.array([-0.9, 0, 0.5, 0.9] * 2)
    found, *slopes = function(*at)
    assert (found[6:] == -np.inf).all()
    for slope, moved in zip(slopes, (np.array([1e-6, 0]), np.array([0, 1e-6])), strict=True):
        ahead, behind = (function(at[0] + s * moved[0], at[1] + s * moved[1])[0] for s in (1, -1))
        np.testing.assert_allclose(slope[:6], (ahead[:6] - behind[:6]) / 2e-6, 1e-5, atol=1e-7)


def test_pairs_are_drawn_with_their_correlation():
    size = 40_000
    first = pm.draw(OrdinalProbit.dist(np.full(size, 0.4), CUTS), random_seed=1)
    given = OrdinalGiven.dist(
        np.full(size, -0.7), CUTS, other=first, other_location=0.4, other_cutpoints=CUTS,
        correlation=-0.8,
    )  # fmt: skip
    second = pm.draw(given, random_seed=2)
    ends = [-np.inf, *CUTS, np.inf]
    for x in (1, 2, 3):
        for y in (1, 2, 3):
            a, b = np.array(ends[x - 1 : x + 1]) - 0.4, np.array(ends[y - 1 : y + 1]) + 0.7
            expected = rectangle(a, b, -0.8)
            error = np.sqrt(expected * (1 - expected) / size)
            assert abs(((first == x) & (second == y)).mean() - expected) < 4.5 * error + 1e-4
    far = OrdinalGiven.dist(
        np.zeros(200), CUTS, other=1, other_location=60.0, other_cutpoints=CUTS, correlation=0.9
    )
    assert (pm.draw(far, random_seed=3) == 1).all()


@pytest.mark.parametrize("mu, sigma", [(-400.0, 1.0), (-8.0, 0.5), (3.0, 0.1), (40.0, 0.01)])
def test_mean_of_a_truncated_square_root(mu, sigma):
    found = mean(HurdleSquareRoot.dist(40.0, mu, sigma)).eval()
    root = stats.truncnorm(-mu / sigma, np.inf, mu, sigma)
    if mu > -100:  # farther out scipy has no digits left; there it is exponential, by its slope
        assert found == pytest.approx(root.var() + root.mean() ** 2, rel=1e-6)
    else:
        assert found == pytest.approx(2 * (sigma**2 / mu) ** 2, rel=1e-2)


@pytest.mark.parametrize("lower, upper, step", [(1, 9, 1), (0, 1, 0.05), (-3, 3, 0.5)])
def test_rounded_ratings_have_probabilities_that_sum_to_one_and_their_mean(lower, upper, step):
    grid = lower + step * np.arange(round((upper - lower) / step) + 1)
    for mu, sigma in ((lower, 0.3), (4.0, 2.0), (upper + 30.0, 1.0), (0.52, 1e-3), (0.5, 1e-8)):
        rating = RoundedNormal.dist(float(mu), sigma, lower, upper, step)
        p = np.exp(pm.logp(rating, grid).eval())
        assert p.sum() == pytest.approx(1, abs=1e-12)
        assert mean(rating).eval() == pytest.approx(p @ grid, abs=1e-10)


def test_both_ends_stand_for_all_beyond_them_in_steps_of_any_size():
    numbers = np.arange(2, 1001.0)
    for low, high in ((0.0, 1.0), (0.0, 4.9), (-3.3, 7.1)):
        step = (high - low) / numbers
        for end, beyond in ((high, 2 * high), (low, low - high)):
            rating = RoundedNormal.dist(beyond, 0.01, low, high, step)
            np.testing.assert_allclose(pm.logp(rating, np.full(999, end)).eval(), 0, atol=1e-12)
            assert (pm.draw(rating, random_seed=1) == end).all()
    rating = RoundedNormal.dist(6.0, 1.0, 0.0, 4.9, 0.7)
    assert float(pm.logp(rating, 4.9).eval()) == pytest.approx(
        stats.norm.logsf(4.55, 6, 1), abs=1e-12
    )


def test_no_noise_however_small_makes_a_rounded_rating_unbounded():
    """Ratings that are met exactly, at steps between the ends and at an end."""
    mu, sigma = pt.dscalar("mu"), pt.dscalar("sigma")
    logp = pm.logp(RoundedNormal.dist(mu, sigma, 1.0, 9.0, 1.0), np.array([5.0, 9.0])).sum()
    function = pytensor.function([mu, sigma], [logp, *pytensor.grad(logp, [mu, sigma])])
    for noise in (1e-300, 1e-12, 1e-3, 1.0, 1e8):
        for location in (5.0, 9.0, 8.5, -1e3):
            found = function(location, noise)
            assert found[0] <= 0
            if noise > 1e-100:
                assert np.isfinite(found).all(), (noise, location)
    plain = pm.logp(pm.Normal.dist(5.0, 1e-12), 5.0).eval()
    assert plain > 25  # what a density does there


def test_noise_counts_as_what_a_scale_can_tell_and_has_slopes():
    noise = pt.dvector("noise")
    found = discernible_noise(noise, 0.5, 7.0)
    function = pytensor.function([noise], [found, pytensor.grad(found.sum(), noise)])
    least, half = 0.5 / np.sqrt(12), 3.5
    # but for 3.5, where two slopes meet
    values = np.array([1e-3, 0.1, 0.25, 0.5, 1.75, 3.4, 5.0, 7.0, 20.0])
    low, high = np.clip(1 - values / (3 * least), 0, None), np.clip(values / half - 1, 0, None)
    bounded, slope = function(values)
    expected = np.minimum(values, half) + least * low**3 + half * np.tanh(high)
    np.testing.assert_allclose(bounded, expected, rtol=1e-14)
    np.testing.assert_allclose(slope, 1 - low**2 - np.tanh(high) ** 2, rtol=1e-12)
    assert (bounded[3:6] == values[3:6]).all()  # what it is, to the last digit
    assert (np.diff(bounded) > 0).all()
    ends, flat = function(np.array([0.0, 1e-300, 1e100, 1e300]))
    np.testing.assert_allclose(ends, np.repeat([least, 2 * half], 2), rtol=1e-15)
    np.testing.assert_allclose(flat, 0, atol=1e-12)
    for border in (3 * least, half):  # slopes meet there, and so do their changes
        near = function(border + np.array([-2e-4, -1e-4, 1e-4, 2e-4]))[1]
        np.testing.assert_allclose(near, 1, atol=1e-6)
    assert np.isnan(function(np.array([-0.1]))[0]).all()
    rating = recorded(pm.Normal.dist(5.0, -0.1), 1.0, 9.0, 1.0)
    assert pm.logp(rating, 5.0).eval() == -np.inf


@pytest.mark.parametrize(("step", "least"), [(1.0, 1.8), (0.18, 1.8), (18.0, 18.0)])
def test_nobody_places_a_mark_more_precisely_than_a_hundredth_of_a_slider(step, least):
    noise = pt.dscalar("noise")
    rating = pm.logp(recorded(pm.Normal.dist(90.0, noise), 0.0, 180.0, step), 90.0)
    at = pytensor.function([noise], rating)
    for sd in (1e-9, 0.4 * least, 2.0 * least):
        short = max(1 - sd * np.sqrt(12) / (3 * least), 0)
        counts = sd + least / np.sqrt(12) * short**3
        assert at(sd) == pytest.approx(np.log(special.erf(step / 2 / counts / np.sqrt(2))))


def test_parts_of_a_draw_are_drawn_for_every_row():
    draws = pm.draw(HurdleSquareRoot.dist(np.full(500, 3.0), 1.0, 0.5), random_seed=1)
    positive = draws[draws > 0]
    assert len(np.unique(positive)) == len(positive)


def test_in_a_pymc_model_by_name():
    with pm.Model() as model:
        utility = pm.Normal("utility")
        Choice("choice", utility, observed=[0, 1, 1])
        Ordinal("item", utility, [-1.0, 1.0], observed=[1, 3])
    expected = stats.norm.logpdf(0.2) + np.log(special.expit([-0.2, 0.2, 0.2])).sum()
    expected += special.log_expit(-1.2) + special.log_expit(-0.8)
    assert model.compile_logp()({"utility": 0.2}) == pytest.approx(expected, rel=1e-12)


def test_stickiness_is_a_bonus_of_the_last_option():
    utilities = put((0.0, 0.5, 1.0), 1, pick((0.0, 0.5, 1.0), 1) + 2.0)
    logp = pm.logp(SoftmaxChoice.dist(utilities), np.arange(3)).eval()
    np.testing.assert_allclose(logp, special.log_softmax([0.0, 2.5, 1.0]))


def test_a_choice_needs_options():
    with pytest.raises(ValueError, match="at least two options; found 1"):
        SoftmaxChoice.dist([0.0])
    with pytest.raises(ValueError, match="found 2 for 3 options"):
        SoftmaxChoice.dist([0.0, 1.0, 2.0], offered=[1, 0])


def test_what_is_not_offered_is_not_chosen():
    """Neither by worth nor in a lapse; every row has an offer of its own."""
    offered = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
    worths = np.array([0.5, -1.0, 3.0])
    for lapse in (None, 0.3):
        dist = SoftmaxChoice.dist(list(worths), lapse, offered=list(offered.T))
        share = 0.0 if lapse is None else lapse
        for option in range(3):
            weights = np.exp(worths) * offered
            p = share * offered / offered.sum(1, keepdims=True)
            p = p + (1 - share) * weights / weights.sum(1, keepdims=True)
            found = np.exp(pm.logp(dist, np.full(3, option)).eval())
            np.testing.assert_allclose(found, p[:, option], rtol=1e-12)
        draws = pm.draw(dist, draws=500, random_seed=3)
        assert offered[np.arange(3), draws].all()
        assert np.mean(draws[:, 0] == 1) == pytest.approx(p[0, 1], abs=0.08)


def test_ordered_beta_by_name_and_values_between_categories():
    with pm.Model() as model:
        OrderedBeta("share", 0.3, 5.0, -2.0, 2.0, observed=[0.0, 0.4, 1.0])
    assert np.isfinite(model.compile_logp()({}))
    for dist in (Ordinal.dist(0.0, [-1.0, 1.0]), SoftmaxChoice.dist([0.0, 0.0, 0.0])):
        value = pt.dscalar("value")
        logp = pytensor.function([value], pm.logp(dist, value))
        assert logp(1.5) == -np.inf
        assert np.isfinite(logp(1.0))
