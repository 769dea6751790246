"""Numbers that equations are written with have 64 bits, wherever the equations are read."""

import math

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.traversal import ancestors
from scipy.stats import norm

import empathymodels as em
from empathymodels.compiling import compiling, in_double_precision
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.engine.build import build
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for
from empathymodels.simulation.made_up import made_up_study
from empathymodels.simulation.placeholders import with_placeholders

PRIOR = dict(location=em.Prior("Normal", mu=0, sigma=1), spread=em.Prior("HalfNormal", sigma=1))


def step(state, parameters, data):
    """Numbers of their own, on which no declared one has any bearing."""
    near = pt.gt(data.x, 0)
    latents = dict(
        digits=pt.log(10.0) + data.x,
        integer_digits=pt.sqrt(2) * data.x,
        large=pt.where(near, 100, 50) * 2 + 0 * data.x,  # an int8 ends at 127
        small=pt.where(near, 0.1, 0.2) / 3,
        level=parameters.level + state.count,
    )
    return dict(count=state.count + pt.exp(1.0)), latents


def own_density(value, mean):
    """A normal log-density whose constants are written as numbers."""
    return -pt.sqr(value - mean) / 2 - pt.log(2) / 2 - pt.log(np.pi) / 2


def rated(latent, parameters, data):
    return pm.Normal.dist(latent.level, pt.exp(0.5))


def scored(latent, parameters, data):
    return pm.CustomDist.dist(latent.level, logp=own_density, dist=lambda mean, size: mean)


@pytest.fixture(scope="module")
def written():
    model = em.Model(
        "written",
        (em.Parameter("level", "", **PRIOR),),
        (em.Response("rating", rated, ""), em.Response("score", scored, "")),
        columns=(em.Column("x", ""),),
        step=step,
        states=(em.State("count", 0.0),),
        latents=dict.fromkeys(("digits", "integer_digits", "large", "small", "level"), ""),
        name="written",
    )
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"participant": np.repeat(["a", "b"], 4), "trial": np.tile(range(4), 2)})
    table = table.assign(**{name: rng.normal(size=8) for name in ("x", "rating", "score")})
    return model, em.Study(trials=table)


def test_latents_and_likelihoods_have_all_their_digits(written):
    model, study = written
    found = em.log_likelihood(model, study, {"level": 0.3})
    latents, trials = found["latents"].to_dataset(), study.trials
    near, x = trials["x"] > 0, trials["x"]
    level = 0.3 + trials["trial"] * math.e
    expected = {
        "digits": math.log(10) + x,
        "integer_digits": math.sqrt(2) * x,
        "large": np.where(near, 200, 100),
        "small": np.where(near, 0.1, 0.2) / 3,
        "level": level,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(latents[name], values, rtol=1e-15, err_msg=name)
    rows = found["row"].to_dataset()
    rating = norm.logpdf(trials["rating"], level, math.exp(0.5))
    np.testing.assert_allclose(rows["rating"], rating, rtol=1e-14)
    np.testing.assert_allclose(rows["score"], norm.logpdf(trials["score"], level), rtol=1e-14)


def is_narrow(variable):
    return getattr(variable, "dtype", "") in ("float16", "float32")


@pytest.mark.parametrize("name", ["written", *em.list_models()])
def test_no_sampled_density_has_a_narrow_number(written, name):
    if name == "written":
        model, study = written
    else:
        model = em.get_model(name)
        design = made_up_study(model, people=3, trials=6, seed=1)
        study = with_placeholders(model, design, model.responses)
    with compiling():
        arrangement = arrange(model, study)
        terms = build(arrangement, covariates_for(arrangement, None)).logp(sum=False)
    assert not [str(v) for v in ancestors(terms) if is_narrow(v)][:5]


def test_identity_does_not_depend_on_where_it_is_asked(written):
    for model in (written[0], em.get_model("outgroup_help_learning")):
        with in_double_precision():
            inside = fingerprint(model)
        assert inside == fingerprint(model)
    assert pytensor.config.cast_policy == "custom"


def test_total_deviation_of_plain_numbers():
    assert em.measured(10.0, 10.0).dtype == "float64"
    assert float(em.measured(100, 100).eval()) == pytest.approx(math.sqrt(20_000), rel=1e-15)
