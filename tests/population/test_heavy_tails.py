"""Student-t deviations of people: the density, the draws, what follows them and what refuses."""

from dataclasses import replace

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
import xarray as xr
from scipy.stats import norm
from scipy.stats import t as student_t

import empathymodels as em
from empathymodels.comparison.new_person import integrate_people
from empathymodels.comparison.population_density import Population, population_of
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.inference.fits import thinned
from empathymodels.layout.arrange import arrange
from empathymodels.population.blocks import Block, standard_deviations
from empathymodels.population.scatter import Scatter
from empathymodels.population.variables import _sampled
from empathymodels.results.population_values import population_average

SPREAD, CENTRE = np.array([1.5, 0.7]), np.array([4.0, -5.0])
FACTOR = np.linalg.cholesky(np.array([[1, 0.8], [0.8, 1]]))
NARROWED = np.sqrt(0.5)  # a t of 4 degrees of freedom has the variance 2


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("factor", [FACTOR, None], ids=["correlated", "alone"])
def test_density_is_that_of_scaled_t_distributions(share, factor):
    block = Block("participant", list(range(5)), [(None, 0)] * 2, correlated=2, offset=0)
    shares = np.full(2, share)
    parts = [None if x is None else pt.as_tensor(x) for x in (CENTRE[None], SPREAD, factor, shares)]
    with pm.Model() as built:
        _sampled(block, Scatter(*parts, pt), "student_t")
    sampled = np.random.default_rng(3).normal(size=block.shape)
    numbers = Scatter(np.tile(CENTRE, (5, 1)), SPREAD, factor, shares)
    mixing = numbers.mixing if factor is None else np.diag(numbers.mixing)
    expected = student_t(4, scale=NARROWED).logpdf(numbers.deviations(sampled)) - np.log(mixing)
    found = built.compile_logp()({"participant:deviation": sampled})
    np.testing.assert_allclose(found, expected.sum(), rtol=1e-9)


def test_deviations_have_the_spread_as_standard_deviation_and_heavy_tails():
    rng = np.random.default_rng(1)
    heavy, normal = (standard_deviations(k, (400_000,), rng) for k in ("student_t", "normal"))
    # the variance of a t with 4 degrees of freedom converges slowly: quantiles are exact
    quantiles = student_t(4, scale=NARROWED).ppf([0.05, 0.5, 0.95])
    np.testing.assert_allclose(np.quantile(heavy, [0.05, 0.5, 0.95]), quantiles, atol=0.01)
    assert heavy.std() == pytest.approx(1, abs=0.05)
    assert (abs(heavy) > 4).mean() > 20 * (abs(normal) > 4).mean()


def test_population_averages_integrate_over_the_tails(own_model):
    heavy = own_model.with_population("student_t")
    parameter = replace(own_model.parameter("slope"), support="unit", scale_of=None)
    mean, spread = np.array([0.5]), np.array([1.2])
    found = population_average(parameter, heavy, mean, spread)
    values = mean + spread * standard_deviations(
        "student_t", (1_000_000,), np.random.default_rng(2)
    )
    assert found[0] == pytest.approx((1 / (1 + np.exp(-values))).mean(), abs=2e-3)
    rate = replace(parameter, support="positive")
    assert np.isnan(population_average(rate, heavy, mean, spread)).all()
    assert np.isfinite(population_average(rate, own_model, mean, spread)).all()


def test_it_is_a_variant_like_any_other(own_model):
    heavy = own_model.with_population("student_t")
    assert heavy.label == "rated_pain population(student_t)"
    assert fingerprint(heavy) != fingerprint(own_model)
    assert own_model.vary(heavy.variant) == heavy
    assert own_model.with_population("normal") == own_model
    with pytest.raises(ValueError, match="must be 'normal' or 'student_t'; found 'cauchy'"):
        own_model.with_population("cauchy")


@pytest.fixture(scope="module")
def with_an_outlier(own_study):
    """One person whose ratings are far above everybody's."""
    trials = own_study.trials.copy()
    trials.loc[trials["participant"] == "P07", "rating"] += 12
    return replace(own_study, trials=trials, name="outlier")


HOW = {"seed": 1, "chains": 2, "draws": 300, "tune": 400}


@pytest.fixture(scope="module")
def normal_fit(own_model, with_an_outlier):
    return em.fit(own_model, with_an_outlier, **HOW)


@pytest.fixture(scope="module")
def heavy_fit(own_model, with_an_outlier):
    return em.fit(own_model, with_an_outlier, population="student_t", **HOW)


@pytest.fixture(scope="module")
def fits(normal_fit, heavy_fit):
    return {"normal": normal_fit, "student_t": heavy_fit}


def test_one_outlier_does_not_widen_everybodys_spread(fits):
    """Half of the population within less: quartiles of a normal at .674, of this t at .524 sd."""
    spread = {n: float(fit["posterior"]["baseline_sd"].mean()) for n, fit in fits.items()}
    print(spread)
    assert 0.524 * spread["student_t"] < 0.85 * 0.674 * spread["normal"]
    far = {
        n: float(fit["posterior"]["baseline"].sel(participant="P07").mean())
        for n, fit in fits.items()
    }
    assert far["student_t"] >= far["normal"] - 0.05


def test_what_follows_the_tails_and_what_refuses_them(fits, own_model, with_an_outlier, tmp_path):
    heavy = fits["student_t"]
    assert heavy.attrs["label"] == "rated_pain population(student_t)"
    loaded = em.load(em.save(heavy, tmp_path / "fit.nc"), model=own_model.source)
    table = em.estimates(loaded)
    assert np.isfinite(table.loc[table["whose"] == "population average", "mean"]).any()
    assert em.predict(loaded, draws=10, seed=1) is not None
    assert "rated_pain population(student_t)" in loaded.attrs["label"]
    assert set(em.compare(fits)["elpd"].index) == set(fits)
    words = r"takes people's deviations .* found model 'rated_pain population\(student_t\)'"
    with pytest.raises(ValueError, match=f"method='laplace' {words}"):
        em.fit(own_model, with_an_outlier, population="student_t", method="laplace")


@pytest.mark.parametrize("own", [True, False], ids=["points of every draw", "points for all"])
def test_log_densities_of_people_are_those_of_correlated_t_distributions(own):
    rng = np.random.default_rng(4)
    factor = np.stack([np.diag(SPREAD) @ FACTOR, np.diag(SPREAD[::-1]) @ FACTOR])
    centre = np.stack([np.tile(CENTRE, (3, 1)), np.tile(CENTRE + 1, (3, 1))])
    points = CENTRE + rng.normal(0, 3, (2, 6, 2) if own else (6, 2))
    found = Population([], centre, factor, "student_t").log_density(1, points)
    for draw in range(2):
        here = points[draw] if own else points
        deviations = np.linalg.solve(factor[draw], (here - centre[draw, 1]).T)
        expected = student_t(4, scale=NARROWED).logpdf(deviations).sum(axis=0)
        expected = expected - np.log(abs(np.linalg.det(factor[draw])))
        np.testing.assert_allclose(found[draw], expected, rtol=1e-12)


def test_somebody_new_may_be_far_from_all_others(fits, with_an_outlier):
    """People's own baseline and slope are integrated out over t distributions, as by quadrature."""
    heavy, people, draws = fits["student_t"], ["P03", "P07", "P24"], 12
    few = thinned(heavy["posterior"].to_dataset(), draws)
    of = {name: few[name].to_numpy().ravel() for name in few if few[name].ndim == 2}
    at = np.linspace(-30, 30, 1201)
    weight = student_t(4, scale=NARROWED).pdf(at) * (at[1] - at[0])
    found = integrate_people(heavy, ["rating"], draws=draws, seed=1, people=people)
    for one in found:
        rows = with_an_outlier.trials.query("participant == @one.participant").dropna()
        for d in range(len(one.values)):
            baseline = 10 * (of["baseline_mean"][d] + of["baseline_sd"][d] * at)
            slope = 10 * (of["slope_mean"][d] + of["slope_sd"][d] * at)
            away = [
                y - baseline[:, None] - x * slope
                for x, y in zip(rows["intensity"], rows["rating"], strict=True)
            ]
            noise = of["noise"][d]
            log_likelihood = sum(norm.logpdf(residual, 0, noise) for residual in away)
            top = log_likelihood.max()
            exact = top + np.log(weight @ np.exp(log_likelihood - top) @ weight)
            assert one.values[d] == pytest.approx(exact, abs=0.2), (one.participant, d)


def test_fixed_values_among_those_that_correlate_are_refused(own_model, own_study):
    """Deviations of what follows them are sums of several t distributions."""
    model = replace(own_model, correlate=("baseline", "slope")).with_population("student_t")
    arrangement = arrange(model.fix(slope=0.1), own_study)
    with pytest.raises(ValueError, match="With a fixed value among those that correlate takes"):
        population_of(arrangement, list(arrangement.parameters), xr.Dataset(), xr.Dataset())


def test_people_are_compared_whatever_the_tails(fits):
    table = em.compare(fits, unit="participant", refit=False)
    print(table.drop(columns="elpd").to_string(), table.attrs["reading"])
    assert (table["monte_carlo_error"].dropna() < 1).all()
