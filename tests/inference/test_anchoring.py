"""Weights sampled in units of a scale that multiplies them: the same posterior, found faster."""

import json
from dataclasses import replace

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytest

import empathymodels as em
from empathymodels.engine.build import build
from empathymodels.engine.density import compiled_density
from empathymodels.inference.centring import measured_anchoring, pilot_starts, pilot_trace
from empathymodels.inference.starts import density_and_slopes
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for
from empathymodels.population.draws import reparametrised
from empathymodels.population.labels import labelled
from empathymodels.population.parametrisation import Parametrisation

PEOPLE, TRIALS = 16, 20


def felt(latent, parameters, data):
    """Ratings tell the product of gain and weight, and nearly nothing tells the two apart."""
    mean = parameters.gain * (parameters.weight + parameters.drive * data.intensity)
    return pm.Normal.dist(mean, parameters.noise)


def prior(mu, sigma):
    return em.Prior("Normal", mu=mu, sigma=sigma)


def spread(sigma):
    return em.Prior("HalfNormal", sigma=sigma)


@pytest.fixture(scope="module")
def model():
    person = {"location": prior(1, 1), "spread": spread(0.5)}
    shared = {"level": "population", "support": "positive"}
    return em.Model(
        title="two weights and a scale",
        columns=(em.Column("intensity", "what is seen"),),
        parameters=(
            em.Parameter("weight", "of seeing anything", **person),
            em.Parameter("drive", "of intensity", support="positive", **person),
            em.Parameter("gain", "of ratings", prior(0, 1), **shared),
            em.Parameter("noise", "of ratings", prior(-1, 1), **shared),
        ),
        responses=(em.Response("rating", felt, "how it feels"),),
        correlate=("weight", "drive"),
    )


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(3)
    names = [f"P{k:02}" for k in range(PEOPLE)]
    weight, drive = rng.normal(1, 0.4, PEOPLE), np.exp(rng.normal(0.2, 0.3, PEOPLE))
    x = rng.normal(size=(PEOPLE, TRIALS))
    rating = 1.5 * (weight[:, None] + drive[:, None] * x) + rng.normal(0, 0.3, x.shape)
    trials = pd.DataFrame(
        {
            "participant": np.repeat(names, TRIALS),
            "trial": np.tile(np.arange(TRIALS) + 1, PEOPLE),
            "intensity": x.ravel(),
            "rating": rating.ravel(),
        }
    )
    people = pd.DataFrame({"participant": names, "age": rng.integers(20, 60, PEOPLE)})
    return em.Study(trials=trials, participants=people, simulated=True)


@pytest.fixture(scope="module")
def density(model, study):
    arrangement = arrange(model, study)
    covariates = covariates_for(arrangement, {"weight": "age"})
    return compiled_density(build(arrangement, covariates), arrangement, covariates)


@pytest.fixture(scope="module")
def pilot(density):
    return pilot_trace(density, seed=1, cores=2)


def test_only_shared_scales_anchor_and_none_does_at_first(density):
    powers = density.parametrisation.anchoring
    assert list(powers) == ["participant"]
    np.testing.assert_array_equal(powers["participant"], np.zeros((2, 2)))  # (column, scale)


@pytest.mark.parametrize("powers", [[[1, 0], [1, 0]], [[0.6, -0.3], [-1, 0.2]]])
def test_the_posterior_is_the_same_in_any_unit(density, pilot, powers):
    """The same people; the density moves by the Jacobian of what is sampled, exactly."""
    share = np.array([0.3, 0.8])
    other = Parametrisation({"participant": share}, {"participant": np.array(powers, float)})
    moved = density.reparametrised(other)
    old = replace(density.parametrisation, centring={"participant": share})
    same_share = density.reparametrised(old)
    first = pilot_starts(pilot, density, same_share)
    starts = pilot_starts(pilot, density, moved)
    raw = pilot.draws
    given = (density.arrangement, density.covariates)
    before, after = density.parametrisation, moved.parametrisation
    names = {"participant:spread_log__": "participant:spread"}
    changed = {
        names.get(n, n): np.exp(x) if n in names else x
        for n, x in reparametrised(*given, before, after, raw).items()
    }
    people = labelled(*given, before, raw)
    again = labelled(*given, after, {**raw, **changed})
    for name in people:
        np.testing.assert_allclose(again[name], people[name], rtol=1e-8, atol=1e-10)
    scales = [people[f"{n}_mean"].to_numpy().ravel()[-1] for n in ("gain", "noise")]
    log_unit = np.array(powers) @ (np.array(scales) - [0, -1])
    # every location, the effect on the weights, and what is sampled of everybody
    stretched = log_unit * np.array([2 + PEOPLE * share[0], 0.0])  # a log link is moved alone
    densities = [
        density_and_slopes(one.compiled)(points[-1, -1])[0]
        for one, points in ((same_share, first), (moved, starts))
    ]
    np.testing.assert_allclose(densities[1], densities[0] - stretched.sum(), rtol=1e-9)


def test_columns_that_move_against_a_scale_are_anchored(density, pilot):
    powers = measured_anchoring(pilot, density)["participant"]
    np.testing.assert_allclose(powers[:, 0], [1, 1], atol=0.25)
    np.testing.assert_array_equal(powers[:, 1], [0, 0])


def test_fits_in_the_measured_unit_mix_better(model, study, density):
    """The same draws, in plain values and as `fit` samples them."""
    fit = em.fit(model, study, covariates={"weight": "age"}, seed=1, chains=2, draws=300, tune=300)
    assert set(fit_anchors(fit)) == {"weight", "drive"}
    assert fit_anchors(fit)["weight"]["gain"] == pytest.approx(1, abs=0.25)
    plain = em.fit(
        model, study, covariates={"weight": "age"}, seed=1, chains=2, draws=300, tune=300,
        centring=0.5,
    )  # fmt: skip
    assert fit_anchors(plain) == {}
    steps = [float(one["sample_stats"]["n_steps"].sum()) for one in (fit, plain)]
    ess = [float(az.ess(one["posterior"]["gain"])) for one in (fit, plain)]
    print("gain: ESS", ess, "gradients", steps)
    assert ess[0] / steps[0] > 3 * ess[1] / steps[1]
    means = [one["posterior"]["gain_mean"].to_numpy() for one in (fit, plain)]
    error = means[1].std() * np.sqrt(1 / ess[0] + 1 / ess[1])
    assert abs(means[0].mean() - means[1].mean()) < 4 * error


def fit_anchors(fit):
    return json.loads(fit.attrs["settings"])["anchoring"]


def test_a_model_without_shared_scales_has_no_anchors():
    model = em.get_model("costly_helping").rival("trade_off")
    built = build(arrange(model, em.load_study("induced_motives")), {})
    assert not [v.name for v in built.data_vars if "anchoring" in v.name]
