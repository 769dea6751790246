"""Power-scaling: the prior is the population's, and what leans on it is found."""

import numpy as np
import pytest
from scipy import stats

import empathymodels as em
from empathymodels.checks.sensitivity import _log_density, log_prior
from empathymodels.engine.evaluator import evaluator
from empathymodels.population.covariates import covariates_for

SHORT = {"chains": 2, "draws": 400, "tune": 400, "seed": 1, "progress": False}


def test_log_prior_is_that_of_the_population(own_fit, own_model, own_study):
    arrangement = evaluator(own_model, own_study).arrangement
    covariates = covariates_for(arrangement, {"baseline": "group + age"})
    posterior = own_fit["posterior"].to_dataset()
    found = log_prior(posterior, arrangement, covariates)
    by_hand = (
        stats.norm.logpdf(posterior["baseline_mean"], 0.5, 0.25)
        + stats.halfnorm.logpdf(posterior["baseline_sd"], 0, 0.3)
        + stats.norm.logpdf(posterior["slope_mean"], 0, 0.25)
        + stats.halfnorm.logpdf(posterior["slope_sd"], 0, 0.2)
        + stats.norm.logpdf(posterior["noise_mean"], -2.3, 0.5)
    )
    sigma = float(own_model.parameter("baseline").effect_prior.parameters["sigma"])
    by_hand += stats.norm.logpdf(posterior["baseline_effect"], 0, sigma).sum(axis=-1)
    assert np.allclose(found, by_hand)


def test_log_prior_of_correlations_is_lkj(fit, model, study):
    arrangement = evaluator(model, study).arrangement
    posterior = fit["posterior"].to_dataset()
    covariates = covariates_for(arrangement, None)
    matrix = posterior["correlation"].to_numpy()
    whole = log_prior(posterior, arrangement, covariates)
    without = log_prior(posterior.drop_vars("correlation"), arrangement, covariates)
    assert np.allclose(whole - without, np.linalg.slogdet(matrix)[1])  # LKJ(2): det ** (2 - 1)


def test_a_prior_against_the_data_is_found(own_model, own_study, own_fit):
    usual = em.sensitivity(own_fit, draws=800).set_index("parameter")
    assert set(usual.columns) == {"prior", "likelihood", "diagnosis"}
    assert usual.loc["slope_mean", "diagnosis"] == "✓"
    assert {"baseline_effect[age]", "noise"} <= set(usual.index)
    stubborn = own_model.with_priors(slope=em.Prior("Normal", mu=-0.2, sigma=0.05))
    # with few draws, chance alone is near .05
    against = em.sensitivity(em.fit(stubborn, own_study, **SHORT | {"draws": 1000}))
    row = against.set_index("parameter").loc["slope_mean"]
    assert row["prior"] > 0.05 and row["prior"] > 3 * usual.loc["slope_mean", "prior"]
    assert row["diagnosis"].startswith("potential")  # people's own slopes leave little to scale
    assert "'slope_mean'" in against.attrs["reading"]


def test_what_nothing_informs_leans_on_its_prior(own_model, own_study):
    flat = own_study.trials.assign(intensity=1e-9 * own_study.trials["intensity"])
    study = em.Study(trials=flat, name="flat")
    fit = em.fit(own_model, study, **SHORT | {"draws": 2000})  # with few, chance alone is near .05
    row = em.sensitivity(fit).set_index("parameter").loc["slope_mean"]
    assert row["diagnosis"] == "potential strong prior / weak likelihood"
    assert row["likelihood"] < 0.05 < row["prior"]


def test_a_single_point_is_refused_and_an_approximation_marked(own_model, own_study):
    point = em.fit(own_model, own_study, method="map", seed=1)
    with pytest.raises(ValueError, match="single point"):
        em.sensitivity(point)
    glance = em.fit(own_model, own_study, method="laplace", seed=1, draws=400)
    table = em.sensitivity(glance)
    assert set(table["method"]) == {"laplace, approximate"}


def test_priors_without_a_density_of_their_own_are_refused(own_fit):
    prior = em.Prior("Normal", mu=em.Prior("Normal"), sigma=1)
    with pytest.raises(ValueError, match=r"parameters that are no numbers.*with_priors"):
        _log_density(prior, own_fit["posterior"]["slope_mean"], "slope_mean")
