"""Combinations of a person's parameters that the sampler moves: the same density, larger steps."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.engine.build import build
from empathymodels.engine.c_function import log_density_at, variables_at
from empathymodels.engine.density import compiled_density
from empathymodels.engine.linear_map import NO_STEPS, LinearMap
from empathymodels.inference import centring
from empathymodels.inference.centring import measured_combinations, pilot_starts, pilot_trace
from empathymodels.inference.fits import recorded
from empathymodels.inference.integrity import _are_steps
from empathymodels.inference.partial_fit import in_coordinates_of
from empathymodels.inference.starts import places, start_point
from empathymodels.layout.arrange import arrange
from empathymodels.population.blocks import blocks

PEOPLE = 12


def some_at_the_floor(low=3, trials=120):
    """Ratings on a slider; without pain, those of the first people are all at its lower end."""
    rng = np.random.default_rng(4)
    pain, who = np.tile(np.arange(trials) % 2, PEOPLE), np.repeat(np.arange(PEOPLE), trials)
    level = np.where(who < low, -20, rng.normal(25, 12, PEOPLE)[who])
    felt = rng.normal(level + pain * np.where(who < low, 65, 30), 2)
    table = {
        "participant": [f"P{k:02}" for k in who],
        "trial": np.tile(np.arange(trials) + 1, PEOPLE),
        "pain": pain,
        "rating": np.clip(felt.round(), 0, 100),
    }
    return em.Study(trials=pd.DataFrame(table), simulated=True)


def slider(latent, parameters, data):
    mean = parameters.baseline + parameters.pain_effect * data.pain
    return em.CensoredNormal.dist(mean, parameters.rating_noise, 0.0, 100.0)


@pytest.fixture(scope="module")
def model():
    """Everybody's level without pain, and what pain adds to it, on a slider."""
    of_rating = {"scale_of": "rating", "spread": 0.3}
    return em.Model(
        title="level and change",
        columns=(em.Column("pain", "1: pain; 0: none", levels=(0, 1)),),
        parameters=(
            em.Parameter("baseline", "level", location=(0.3, 0.5), role="location", **of_rating),
            em.Parameter("pain_effect", "change", location=(0, 0.5), **of_rating),
            em.Parameter(
                "rating_noise", "sd", location=(-2.3, 0.5), support="positive", **of_rating
            ),
        ),
        responses=(em.Response("rating", slider, "how it feels", range=(0, 100), resolution=None),),
    )


@pytest.fixture(scope="module")
def density(model):
    arrangement = arrange(model, some_at_the_floor())
    return compiled_density(build(arrangement, {}), arrangement, {})


def any_map(size, steps=40):
    """Steps of which later ones add what earlier ones have changed."""
    rng = np.random.default_rng(6)
    pairs = [rng.choice(size, 2, replace=False).tolist() for _ in range(steps)]
    return LinearMap.of([(to, added, float(rng.normal())) for to, added in pairs])


def test_a_map_is_undone_and_has_the_determinant_1():
    linear = any_map(9)
    points = np.random.default_rng(1).normal(size=(2, 5, 9))
    moved = linear.applied(points)
    assert abs(moved - points).max() > 1
    np.testing.assert_allclose(linear.undone(moved), points, rtol=1e-9)
    assert np.linalg.det(linear.applied(np.eye(9))) == pytest.approx(1)
    again = LinearMap.from_json(linear.to_json())
    np.testing.assert_array_equal(again.applied(points), moved)
    np.testing.assert_array_equal(NO_STEPS.applied(points), points)


def test_a_density_and_its_slopes_are_those_of_the_moved_point(density):
    """Slopes follow by the chain rule; all variables of a draw are those of the moved point."""
    compiled, start = density.compiled, start_point(density.built)
    linear = any_map(len(start))
    point = start + 0.1 * np.random.default_rng(2).normal(size=len(start))
    mapped = density.mapped(linear).compiled
    value, slopes = log_density_at(mapped, point)
    expected, plain = log_density_at(compiled, linear.applied(point))
    matrix = linear.applied(np.eye(len(point)))  # whose rows are where unit vectors go
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(slopes, matrix @ plain, rtol=1e-9)
    variables = variables_at(compiled, linear.applied(point))
    np.testing.assert_allclose(variables_at(mapped, point), variables, rtol=1e-12)
    assert log_density_at(compiled, point)[0] != pytest.approx(expected)


def test_a_map_stays_when_data_are_swapped(density):
    linear = any_map(density.compiled.n_dim)
    swapped = density.mapped(linear).given(density.data)
    np.testing.assert_array_equal(swapped.linear_map.places, linear.places)
    np.testing.assert_array_equal(swapped.linear_map.weights, linear.weights)
    assert len(density.linear_map.weights) == 0


@pytest.mark.parametrize("step", [(0, -1, 1.0), (10_000, 0, 1.0), (3, 3, 1.0), (1, 0, np.nan)])
def test_coordinates_that_are_not_there_are_refused(density, step):
    """Nothing may be written beside the numbers of a point, whatever a file holds."""
    with pytest.raises(ValueError, match="must add finite multiples of coordinates to others"):
        density.mapped(LinearMap.of([step]))
    size = density.compiled.n_dim
    assert len(density.mapped(LinearMap.of([(size - 1, 0, 1.0)])).linear_map.weights) == 1
    with pytest.raises(ValueError, match="found 1 of 1 steps that do not"):
        density.mapped(LinearMap.of([(0, size, 1.0)]))
    with pytest.raises(ValueError, match="two places and one weight per step"):
        density.mapped(LinearMap(np.zeros((0, 2), int), np.ones(3)))


@pytest.mark.parametrize("place", [-1, 2**31, 10**30, 0.5, True, "0"])
def test_steps_in_a_file_are_of_their_kind(place):
    assert _are_steps([[1, 0, 0.5]])
    assert not _are_steps([[place, 0, 0.5]])
    assert not _are_steps([[1, place, 0.5]])
    assert not _are_steps([[1, 0, "0.5"]])


@pytest.fixture
def own_columns(density):
    """Places of the columns of the fifth person."""
    (block,) = [b for b in blocks(density.arrangement) if b.unit == "participant"]
    deviations = places(density.built)["participant:deviation"]
    return deviations.start + 4 * block.shape[1] + np.arange(block.shape[1])


def points_of(density, chains=2):
    return np.random.default_rng(2).normal(size=(chains, 200, density.compiled.n_dim))


def test_what_a_column_follows_is_taken_out_of_it(density, own_columns):
    """The second column of one person is known up to the first; all others are left alone."""
    points, (first, second, *_) = points_of(density), own_columns
    points[..., second] = 0.2 * points[..., second] - 1.5 * points[..., first]
    linear = measured_combinations(density, points)
    np.testing.assert_array_equal(linear.places, [[second, first]])
    assert linear.weights == pytest.approx([-1.5], abs=0.05)
    released = linear.undone(points)[..., [first, second]].reshape(-1, 2)
    assert abs(np.corrcoef(released.T)[0, 1]) < 0.02


def test_columns_that_follow_each_other_are_all_released(density, own_columns):
    points, (first, second, third, *_) = points_of(density), own_columns
    points[..., second] = 0.2 * points[..., second] - 1.5 * points[..., first]
    points[..., third] = 0.2 * points[..., third] + 0.7 * points[..., second]
    linear = measured_combinations(density, points)
    assert set(linear.places[:, 0].tolist()) == {second, third}
    released = linear.undone(points)[..., [first, second, third]].reshape(-1, 3)
    assert abs(np.corrcoef(released.T) - np.eye(3)).max() < 0.02
    np.testing.assert_allclose(linear.applied(linear.undone(points)), points, atol=1e-12)


def test_chains_apart_and_columns_that_stand_still_follow_nothing(density, own_columns):
    points = points_of(density)
    points[0] += 3
    assert len(measured_combinations(density, points).weights) == 0
    points[..., own_columns[:3]] = 0.1
    assert len(measured_combinations(density, points).weights) == 0


def test_a_pilot_ends_where_its_chains_are(density, monkeypatch):
    """Its starts, moved by the map that it found, are its draws; a store finds the same density."""
    monkeypatch.setattr(centring, "PILOT", centring.PILOT | {"tune": 150, "draws": 60})
    kept = {}

    def trace_of(*of, **how):
        kept["trace"] = pilot_trace(*of, **how)
        return kept["trace"]

    monkeypatch.setattr(centring, "pilot_trace", trace_of)
    pilot = centring.run_pilot(density, seed=1, cores=2)
    linear = pilot.density.linear_map
    assert len(linear.weights) > 0
    unmapped = pilot.density.mapped(NO_STEPS)
    draws = pilot_starts(kept["trace"], density, unmapped)
    np.testing.assert_allclose(linear.applied(pilot.starts), draws.reshape(len(pilot.starts), -1))
    value = log_density_at(pilot.density.compiled, pilot.starts[-1])[0]
    assert value == pytest.approx(log_density_at(unmapped.compiled, draws[-1, -1])[0], rel=1e-12)
    shares = {name: np.asarray(share).tolist() for name, share in pilot.centring.items()}
    begun = xr.DataTree()
    begun.attrs = {
        "shares": json.dumps(shares),
        "anchoring": "{}",
        "combinations": linear.to_json(),
    }
    again = in_coordinates_of(begun, density)
    assert log_density_at(again.compiled, pilot.starts[-1])[0] == value


def test_people_at_an_end_of_the_scale_cost_no_small_steps(model):
    """Of them only the sum of level and change is known: 31 steps a draw by columns, now 19."""
    fit = em.fit(model, some_at_the_floor(), chains=2, draws=150, tune=300, seed=1)
    assert recorded(fit, "settings")["combinations"] == 3
    level, change = (fit["posterior"][n].to_numpy() for n in ("baseline", "pain_effect"))
    for person in range(3):
        both = level[..., person].ravel(), change[..., person].ravel()
        assert np.corrcoef(*both)[0, 1] < -0.9
    assert float(fit["sample_stats"]["n_steps"].mean()) < 25
    assert int(fit["sample_stats"]["diverging"].sum()) == 0
