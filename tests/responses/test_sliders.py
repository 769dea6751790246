"""Sliders with many ratings at an end: flagged, modelled, and compared only with their like."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.comparison.comparable import measures, refuse_other_measures
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.engine.evaluator import evaluator
from empathymodels.population.blocks import parameter_dims
from empathymodels.population.given_values import values_from_table

SHORT = {"chains": 2, "draws": 150, "tune": 250, "seed": 1}


@pytest.fixture(scope="module")
def ratings():
    """Ratings of 16 people of which a good third is at 0, as a scale that ends there shows them."""
    rng = np.random.default_rng(2)
    trial, person = np.meshgrid(np.arange(30), np.arange(16))
    pain = trial.ravel() % 2
    latent = -10 + 45 * pain + rng.normal(0, 12, 16)[person.ravel()] + rng.normal(0, 20, 480)
    trials = {"participant": person.ravel(), "trial": trial.ravel(), "pain": pain}
    trials |= {"group": np.where(rng.random(480) < 0.5, "in", "out"), "item": "one"}
    trials |= {"rating": np.clip(latent, 0, 100).round(1)}
    return em.Study(trials=pd.DataFrame(trials))


@pytest.fixture(scope="module")
def base():
    model = em.get_model("intergroup_bias").rival("no_items")
    return model.fix(group_effect=0.0, bias=0.0)


@pytest.fixture(scope="module")
def models(base):
    """The same regression with one distribution after the other."""
    rivals = {"normal": "plain_normal", "censored": "censored", "ordered beta": "ordered_beta"}
    return {"rounded": base} | {name: base.rival(rival) for name, rival in rivals.items()}


@pytest.fixture(scope="module")
def fits(models, ratings, as_drawn):
    """Fits whose draws are near the values behind the ratings, or near what a normal sees."""
    means = ratings.trials.groupby(["participant", "pain"])["rating"].mean().unstack()
    means.index = means.index.astype(str)
    people = -10 + np.random.default_rng(2).normal(0, 12, 16)
    behind = pd.DataFrame({"baseline": people, "pain_effect": 45.0, "rating_noise": 20.0})
    behind.index = behind.index.astype(str)
    seen = pd.DataFrame({"baseline": means[0], "pain_effect": means[1] - means[0]})
    near = dict.fromkeys(("rounded", "censored"), behind) | {"normal": seen.assign(rating_noise=15)}
    return {
        name: as_drawn(models[name], ratings, draws=60, near=values)
        for name, values in near.items()
    }


@pytest.fixture(scope="module")
def sampled(models, ratings):
    return {name: em.fit(model, ratings, **SHORT) for name, model in models.items()}


def is_flagged(tables):
    name = "predictive p: share of 'rating' at 0"
    assert not tables["normal"].loc[name, "passed"]
    assert "OrderedBeta (sliders)" in tables["normal"].loc[name, "advice"]
    assert all(table.loc[name, "passed"] for kind, table in tables.items() if kind != "normal")


def checks_of(fits):
    return {kind: em.check(fit, draws=60).set_index("check") for kind, fit in fits.items()}


def test_mass_at_an_end_is_flagged_where_it_is_not_modelled(fits):
    is_flagged(checks_of(fits))


@pytest.mark.slow
def test_mass_at_an_end_is_flagged_in_sampled_fits(sampled):
    is_flagged(checks_of(sampled))


def test_densities_are_not_compared_with_masses(fits):
    for other in ("censored", "rounded"):
        pair = {name: fits[name] for name in ("normal", other)}
        with pytest.raises(ValueError, match="'rating' consists of densities in 'normal' and of"):
            em.compare(pair, response="rating")
    pair = {name: fits[name] for name in ("rounded", "censored")}
    with pytest.raises(
        ValueError, match=r"of probability masses of steps of 0\.1 in 'rounded' and of dens"
    ):
        em.compare(pair, response="rating")


@pytest.mark.slow
def test_distributions_with_masses_at_the_ends_are_compared(sampled):
    pair = {name: sampled[name] for name in ("ordered beta", "censored")}
    table = em.compare(pair, response="rating")
    assert table.index[0] == "censored"  # what generated the ratings


def test_range_of_a_users_own_scale(base, ratings):
    nine = em.Study(trials=ratings.trials.assign(rating=1 + ratings.trials["rating"] * 0.08))
    model = base.with_range(rating=(1, 9))
    assert model.label.endswith("range(rating=1-9)")
    values = {"baseline": 2.0, "pain_effect": 3.0, "group_effect": 0.0, "bias": 0.0}
    found = em.log_likelihood(model, nine, values | {"rating_noise": 2.0})
    as_hundred = {"baseline": 12.5, "pain_effect": 37.5, "group_effect": 0.0, "bias": 0.0}
    other = em.log_likelihood(base, ratings, as_hundred | {"rating_noise": 25.0})
    assert found.attrs["total"] == pytest.approx(other.attrs["total"])
    found = em.log_likelihood(model.with_resolution(None), nine, values | {"rating_noise": 2.0})
    plain = base.rival("plain_normal")
    other = em.log_likelihood(plain, ratings, as_hundred | {"rating_noise": 25.0})
    assert found.attrs["total"] == pytest.approx(other.attrs["total"] - 480 * np.log(0.08))
    with pytest.raises(ValueError, match="two rising numbers"):
        base.with_range(rating=(9, 1))
    assert em.get_model("intergroup_bias").vary(model.variant).label == model.label


def test_one_rating_at_an_end_tells_a_mass_from_a_density(base, ratings):
    trials = ratings.trials.assign(rating=np.linspace(20, 80, len(ratings.trials)))
    trials.loc[0, "rating"] = 0.0
    study = em.Study(trials=trials)
    models = {"rounded": base, "normal": base.rival("plain_normal")}
    models |= {"censored": base.rival("censored")}
    values = {"baseline": 50.0, "pain_effect": 0.0, "rating_noise": 15.0}
    kinds = {}
    for name, model in models.items():
        compiled = evaluator(model, study)
        drawn = values_from_table(compiled.arrangement, values)
        posterior = xr.Dataset(
            {
                p.name: (
                    ("chain", "draw", *parameter_dims(p)),
                    np.asarray(drawn[p.name])[None, None],
                )
                for p in compiled.parameters
            }
        )
        kinds[name] = measures(compiled, posterior, ["rating"])["rating"]
    expected = {"normal": "densities", "censored": "densities with masses"}
    assert kinds == expected | {"rounded": "probability masses of steps of 0.1"}
    whole = {"rating": "probability masses of steps of 1"}
    with pytest.raises(ValueError, match=r"steps of 0\.1 in 'tenths' and of probability m"):
        refuse_other_measures({"tenths": {"rating": kinds["rounded"]}, "whole": whole})


def test_closeness_on_another_scale_stays_on_it():
    study = em.load_study("closeness_learning")
    small = em.Study(trials=study.trials.assign(closeness=study.trials["closeness"] / 10))
    model = em.get_model("empathy_learning").without("emotion").with_range(closeness=(0, 10))
    values = {"learning_rate": 0.5, "recalibration": 0.2, "start_closeness": 5.0}
    found = em.log_likelihood(model, small, values | {"closeness_noise": 1.0})["latents"]
    assert 0 <= float(found["closeness"].min()) < float(found["closeness"].max()) <= 10


def test_numbers_of_numpy_survive_a_file(base):
    model = base.with_range(rating=(np.int64(1), np.float64(9.0))).fix(baseline=np.float64(4.0))
    again = em.get_model("intergroup_bias").vary(json.loads(json.dumps(model.variant)))
    assert fingerprint(again) == fingerprint(model)
    split = base.split("session", "pain_effect").fix(pain_effect={1: 1.0, 2: 2.0})
    again = em.get_model("intergroup_bias").vary(json.loads(json.dumps(split.variant)))
    assert fingerprint(again) == fingerprint(split)
