"""Approximate fits: exact where posteriors are Gaussian, near the sampler, and marked as such."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy.stats import halfnorm, multivariate_normal, norm

import empathymodels as em
from empathymodels.engine.build import build
from empathymodels.engine.density import compiled_density
from empathymodels.inference.fits import method_of
from empathymodels.inference.laplace import _own_noise, _target, marginal_slopes, most_probable
from empathymodels.inference.laplace_people import (
    Target,
    curvature_at,
    floored,
    settle,
    times_covariance,
    widened,
)
from empathymodels.inference.starts import start_point
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for

COVARIATES = {"baseline": "group + age"}


@pytest.fixture(scope="module")
def laplace(own_model, own_study):
    settings = {"covariates": COVARIATES, "method": "laplace", "seed": 1}
    return em.fit(own_model, own_study, draws=600, **settings)


@pytest.fixture(scope="module")
def point(own_model, own_study):
    return em.fit(own_model, own_study, covariates=COVARIATES, method="map", seed=1)


# layout and agreement


@pytest.mark.parametrize(("kind", "draws"), [("laplace", 600), ("point", 1)])
def test_layout_is_that_of_a_sampled_fit(kind, draws, own_fit, request):
    fit = request.getfixturevalue(kind)
    assert set(fit) == set(own_fit)
    sampled, found = own_fit["posterior"].to_dataset(), fit["posterior"].to_dataset()
    assert set(found.data_vars) == set(sampled.data_vars)
    assert (found.sizes["chain"], found.sizes["draw"]) == (1, draws)
    for name, array in sampled.data_vars.items():
        assert found[name].dims == array.dims
        assert found[name].isel(chain=0, draw=0).shape == array.isel(chain=0, draw=0).shape
        assert np.isfinite(found[name]).all()
    assert fit["sample_stats"]["logp"].dims == ("chain", "draw")
    assert fit.attrs.keys() == own_fit.attrs.keys()
    assert json.loads(fit.attrs["settings"]) == {"draws": draws}


def test_laplace_is_near_the_sampler(laplace, own_fit):
    sampled, found = own_fit["posterior"].to_dataset(), laplace["posterior"].to_dataset()
    assert len(sampled) == 9
    over = ("chain", "draw")
    for name, array in sampled.data_vars.items():
        distance = abs(found[name].mean(over) - array.mean(over)) / array.std(over)
        ratio = found[name].std(over) / array.std(over)
        assert float(distance.max()) < 0.5, name
        assert float(ratio.min()) > 0.7, name
        assert float(ratio.max()) < 1.35, name


def test_map_is_in_the_middle_of_laplace_and_spreads_are_open(point, laplace, own_fit):
    one, many = point["posterior"].to_dataset(), laplace["posterior"].to_dataset()
    for name in ("baseline_mean", "slope_mean", "baseline", "slope", "noise"):
        away = (one[name] - many[name].mean(("chain", "draw"))) / many[name].std(("chain", "draw"))
        assert float(abs(away).max()) < 0.3, name
    for name in ("baseline_sd", "slope_sd"):
        low, high = own_fit["posterior"][name].quantile([0.05, 0.95])
        assert low < one[name].item() < high


def test_seed_decides_draws_and_not_the_mode(laplace, point, own_model, own_study):
    settings = {"covariates": COVARIATES, "draws": 20}
    other = em.fit(own_model, own_study, method="laplace", seed=1, **settings)
    first = laplace["posterior"].to_dataset().isel(draw=slice(20))
    xr.testing.assert_allclose(other["posterior"].to_dataset(), first)
    again = em.fit(own_model, own_study, method="map", seed=2, **settings)
    xr.testing.assert_identical(again["posterior"].to_dataset(), point["posterior"].to_dataset())


def test_models_without_people(own_model, own_study):
    held = own_model.fix(baseline=5.0, slope=1.0)
    noise = em.fit(held, own_study, covariates=COVARIATES, method="laplace", seed=1, draws=200)
    trials = own_study.trials
    expected = np.sqrt(np.mean((trials["rating"] - 5 - trials["intensity"]) ** 2))
    assert float(noise["posterior"]["noise"].mean()) == pytest.approx(expected, rel=0.02)
    assert "slope_sd" not in noise["posterior"]


# the marginal density


@pytest.fixture(scope="module")
def gaussian(own_model, own_study):
    """The compiled density of a model whose people are Gaussian given the population."""
    centring = {"baseline": 0.0, "slope": 0.0}
    arrangement = arrange(own_model, own_study)
    covariates = covariates_for(arrangement, COVARIATES)
    built = build(arrangement, covariates, centring=centring)
    density = compiled_density(built, arrangement, covariates).compiled
    places = dict(zip(*density.shape_info[:2], strict=True))
    return _target(density, arrangement), places, start_point(built)


def test_marginal_density_is_exact_where_people_are_gaussian(gaussian, own_study):
    target, places, start = gaussian
    people = own_study.participants
    age = (people["age"] - people["age"].mean()) / people["age"].std()
    design = np.stack([people["group"] == "out", age], axis=1).astype(float)
    rng = np.random.default_rng(3)
    for _ in range(3):
        point = start.copy()
        point[target.population] += rng.normal(0, 0.3, len(target.population))
        value = {name: point[place] for name, place in places.items() if place.stop <= len(point)}
        location, effect = value["participant:location"], value["participant:effect"]
        spread = np.exp(value["participant:spread_log__"])
        log_noise = value["population:location"][0]
        exact = norm.logpdf(location, [0.5, 0], 0.25).sum() + norm.logpdf(effect, 0, 0.3).sum()
        exact += (halfnorm.logpdf(spread, scale=[0.3, 0.2]) + np.log(spread)).sum()
        exact += norm.logpdf(log_noise, -2.3, 0.5)
        for row, (_, own) in zip(
            design, own_study.trials.groupby("participant", sort=False), strict=True
        ):
            matrix = 10 * np.stack([np.ones(len(own)), own["intensity"]], axis=1)
            mean = matrix @ (location + np.array([row @ effect, 0]))
            noise = (10 * np.exp(log_noise)) ** 2 * np.eye(len(own))
            covariance = matrix * spread**2 @ matrix.T + noise
            exact += multivariate_normal.logpdf(own["rating"], mean, covariance)
        constant = target.people.size / 2 * np.log(2 * np.pi)
        assert settle(target, point).marginal + constant == pytest.approx(exact, abs=1e-4)


def test_slopes_of_the_marginal_density():
    """People whose densities bend, so that their modes and widths move with the population."""
    pushed = np.array([[0.5, -1.0], [2.0, 0.3], [1.0, 1.5]])

    def at(point):
        z, (tight, push) = point[:6].reshape(3, 2), point[6:]
        precision = 1 + np.exp(tight)
        value = (-precision * z**2 / 2 - z**4 / 4 + push * pushed * z).sum() - point[6:] @ point[6:]
        by_z = -precision * z - z**3 + push * pushed
        by_tight = -np.exp(tight) * (z**2).sum() / 2 - 2 * tight
        return value, np.array([*by_z.ravel(), by_tight, (pushed * z).sum() - 2 * push])

    target = Target(at, np.arange(6).reshape(3, 2), np.empty(0, dtype=int), np.array([6, 7]))
    settled = settle(target, np.array([0.0] * 6 + [0.4, 1.3]))
    slopes = marginal_slopes(target, settled)
    for k in target.population:
        ahead, behind = (settle(target, settled.point + s * np.eye(8)[k]) for s in (1e-4, -1e-4))
        expected = (ahead.marginal - behind.marginal) / 2e-4
        assert slopes[k - 6] == pytest.approx(expected, rel=1e-4)


@pytest.fixture(scope="module")
def crossed():
    """Five people and three items that curve together; their precision grows with exp(phi)."""
    rng = np.random.default_rng(6)
    people, items = np.arange(10).reshape(5, 2), np.arange(10, 13)
    precision = np.zeros((13, 13))
    for own in people:
        rows = rng.normal(size=(4, 13))
        rows[:, [k for k in range(10) if k not in own]] = 0
        precision += rows.T @ rows
    precision += 2 * np.eye(13)

    def at(point):
        z, phi = point[:13], point[13]
        z = z - 1
        bent = precision @ z
        value = -np.exp(phi) * z @ bent / 2 - phi**2 / 2
        return value, np.append(-np.exp(phi) * bent, -np.exp(phi) * z @ bent / 2 - phi)

    return Target(at, people, items, np.array([13])), precision


def test_people_and_crossed_items(crossed):
    target, precision = crossed
    settled = settle(target, np.append(np.zeros(13), 0.3))
    np.testing.assert_allclose(settled.point[:13], 1, atol=1e-6)
    exact = np.linalg.slogdet(np.exp(0.3) * precision)[1]
    assert settled.curvature.log_determinant == pytest.approx(exact, abs=1e-5)
    vector = np.random.default_rng(1).normal(size=14)
    expected = np.linalg.solve(np.exp(0.3) * precision, vector[:13])
    found = times_covariance(target, settled.curvature, vector)
    np.testing.assert_allclose(found, np.append(expected, 0), atol=1e-6)
    assert marginal_slopes(target, settled)[0] == pytest.approx(-13 / 2 - 0.3, abs=1e-3)


def test_draws_of_people_and_crossed_items(crossed):
    target, precision = crossed
    curvature = curvature_at(target, np.ones(14) * 1.0)
    rng = np.random.default_rng(2)
    drawn = np.array([_own_noise(target, curvature, rng) for _ in range(20_000)])
    found = np.cov(drawn[:, :13].T) @ (np.exp(1.0) * precision)
    np.testing.assert_allclose(found, np.eye(13), atol=0.15)
    assert (drawn[:, 13] == 0).all()


def test_two_modes_do_not_attract_the_population():
    values = np.array([0.0, 0.5, 1 - 1e-6, 1 + 1e-6, 3.0])
    np.testing.assert_allclose(np.log(widened(values))[2:4], 0, atol=1e-5)
    np.testing.assert_allclose(np.log(widened(values))[[0, 1, 4]], [-1, -0.5, np.log(3)])
    step = 1e-6
    slopes = (np.log(widened(values + step)) - np.log(widened(values - step))) / (2 * step)
    np.testing.assert_allclose(slopes[[0, 1, 4]], 1 / floored(values)[[0, 1, 4]], rtol=1e-6)


def test_no_maximum_is_told():
    def rising(point):
        return float(point[0]), np.ones(1)

    nobody = np.empty((0, 0), dtype=int)
    target = Target(rising, nobody, np.empty(0, dtype=int), np.array([0]))
    with pytest.raises(ValueError, match=r"search found none.*Fit with method='nuts'"):
        most_probable(target, np.zeros(1))


# marked wherever it goes


def test_fits_say_how_they_were_made(laplace, point, own_fit):
    assert [method_of(f) for f in (own_fit, laplace, point)] == ["nuts", "laplace", "map"]
    assert own_fit.attrs["label"] == "rated_pain"
    assert laplace.attrs["label"] == "rated_pain (laplace, approximate)"
    old = own_fit.copy()
    del old.attrs["method"]  # as saved by earlier versions
    assert method_of(old) == "nuts"


def test_check_fails_first_of_all(laplace, point):
    known = ["Pareto k, population", "least contraction, population: noise"]
    known.append("largest posterior correlation, population")
    for fit, others in ((laplace, known), (point, [])):
        table = em.check(fit, draws=40)
        statistics = [f"predictive p: {name}" for name in ("mean rating", "sd of ratings")]
        first = f"approximate: {method_of(fit)}"
        assert table["check"].tolist()[: len(others) + 3] == [first, *others, *statistics]
        assert not table["passed"][0]
        assert "Fit with method='nuts' before you report" in table["advice"][0]
        assert table["value"][len(others) + 1 :].between(0.025, 0.975).all()


def test_heavy_tails_of_the_population(laplace):
    other = laplace.copy(deep=True)
    other["sample_stats"].attrs["pareto_k"] = 0.9
    row = em.check(other, draws=20).set_index("check").loc["Pareto k, population"]
    assert not row["passed"]
    assert "intervals are rough" in row["advice"]


def test_estimates_have_a_column_for_it(laplace, point):
    table = em.estimates(laplace)
    assert (table["method"] == "laplace, approximate").all()
    is_spread = table["whose"] == "spread between people"
    assert is_spread.any() and table.loc[is_spread, ["hdi_low", "hdi_high"]].isna().all(axis=None)
    assert table.loc[~is_spread, ["hdi_low", "hdi_high"]].notna().all(axis=None)
    alone = em.estimates(point)
    assert (alone["method"] == "map, approximate").all()
    assert alone[["sd", "hdi_low", "hdi_high", "shrinkage"]].isna().all(axis=None)
    np.testing.assert_array_equal(alone["mean"], alone["median"])
    groups = {"group": "out"}, {"group": "in"}
    found = [em.contrast(f, "baseline", *groups, rope=(-0.1, 0.1)) for f in (laplace, point)]
    assert [row["method"][0].split(",")[0] for row in found] == ["laplace", "map"]
    assert found[0]["p_positive"][0] > 0.99
    assert np.isnan(found[1]["p_positive"][0])
    assert found[1]["verdict"][0] == "undecided"


def test_comparisons_say_so_or_are_refused(laplace, point, own_fit):
    table = em.compare({"sampled": own_fit, "quick": laplace})
    assert set(table.index) == {"sampled", "quick (laplace, approximate)"}
    words = "elpd from approximate draws: 'quick (laplace, approximate)'"
    assert words in table.attrs["reading"]
    assert abs(table["elpd_diff"]).max() < 3
    with pytest.raises(ValueError, match=r"'one' is a single point .*method='nuts'"):
        em.compare({"sampled": own_fit, "one": point})


def test_it_survives_saving(laplace, tmp_path, own_model):
    em.save(laplace, tmp_path / "quick.nc")
    again = em.load(tmp_path / "quick.nc", model=own_model.source)
    assert method_of(again) == "laplace"
    assert em.check(again, draws=20)["check"][:2].tolist() == [
        "approximate: laplace",
        "Pareto k, population",
    ]


def test_unknown_methods_and_unused_settings(own_model, own_study, capsys):
    for method in ("pathfinder", "vb"):
        words = f"method must be one of 'nuts', 'laplace', 'map'; found '{method}'"
        with pytest.raises(ValueError, match=words):
            em.fit(own_model, own_study, method=method)
    settings = {"covariates": COVARIATES, "method": "map"}
    em.fit(own_model, own_study, chains=2, centring=0.5, **settings)
    assert "does not sample and leaves 'chains', 'centring' unused" in capsys.readouterr().err


def test_figures_say_that_they_are_approximate_and_refuse_a_point(laplace, point):
    figure = em.plot_parameters(laplace)
    assert figure.get_suptitle() == "posterior (laplace, approximate)"
    with pytest.raises(ValueError, match="a fit with method='map' has none"):
        em.plot_people(point, "baseline")


def test_predictions_say_it_too(laplace):
    predicted = em.predict(laplace, draws=4, seed=1)
    assert predicted.attrs["prediction"].startswith("posterior (laplace, approximate) prediction")
