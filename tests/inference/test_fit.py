"""Fitting: layout, seeds, variants that share a compiled density, covariates, bad starts."""

import json
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.engine import density
from empathymodels.layout.arrange import arrange
from empathymodels.population.blocks import Block
from empathymodels.population.covariates import covariates_for
from empathymodels.population.variables import _lkj_cholesky
from empathymodels.simulation.prior_people import prior_people

TINY = {"chains": 2, "draws": 20, "tune": 30, "centring": 0.5}


# layout


def test_groups_dims_and_labels(fit, model, study):
    assert {"posterior", "sample_stats", "observed_data", "constant_data", "study"} <= set(fit)
    posterior = fit["posterior"]
    assert dict(posterior["learning_rate"].sizes) == {"chain": 2, "draw": 100, "participant": 36}
    assert (
        posterior["participant"].to_numpy().tolist() == study.participants["participant"].tolist()
    )
    assert posterior["insula_noise"].dims == ("chain", "draw")
    assert posterior["learning_rate_mean"].dims == ("chain", "draw")
    assert posterior["learning_rate_effect"].dims == ("chain", "draw", "learning_rate_covariate")
    assert posterior["learning_rate_covariate"].to_numpy().tolist() == ["partner_group[T.out]"]
    together = ["learning_rate", "sensitivity", "insula_error"]
    assert posterior["correlated"].to_numpy().tolist() == together
    assert posterior["correlation"].dims == ("chain", "draw", "correlated", "correlated_with")
    expected = {p.name for p in model.parameters}
    assert expected <= set(posterior.data_vars)
    assert not [name for name in posterior.data_vars if ":" in str(name)]
    assert np.isfinite(posterior.to_dataset().to_array()).all()


def test_observed_values_stay_in_the_order_of_the_study(fit, study):
    observed = fit["observed_data"]
    np.testing.assert_array_equal(observed["feeling"], study.trials["feeling"])
    assert observed["feeling"]["trial"].to_numpy().tolist() == study.trials["trial"].tolist()
    assert observed["insula"].dims == ("region_row",)
    assert observed["empathy_after"].dims == ("participant_row",)
    assert observed["empathy_after"].sizes["participant_row"] == 36


def test_attributes_say_what_was_done(own_fit, own_model):
    attributes = own_fit.attrs
    assert (attributes["model"], attributes["seed"]) == ("rated_pain", 1)
    assert attributes["label"] == "rated_pain"
    assert attributes["model_text"] == Path(own_model.source).read_text(encoding="utf-8")
    assert {"empathymodels", "pymc", "nutpie"} <= set(json.loads(attributes["versions"]))
    settings = json.loads(attributes["settings"])
    assert (settings["draws"], settings["tune"], settings["chains"]) == (400, 400, 2)
    assert json.loads(attributes["missing"]) == {}
    assert json.loads(attributes["left_out"]) == {}


def test_covariate_tables_are_kept(fit, study):
    table = fit["constant_data"]["learning_rate_covariates"]
    expected = (study.participants["partner_group"] == "out").astype(float)
    np.testing.assert_array_equal(table.to_numpy()[:, 0], expected)


# seeds and compilation


@pytest.mark.parametrize(
    "wrong", [{"chains": 0}, {"draws": 0, "tune": -1}, {"cores": 0}, {"chains": 1.5}]
)
def test_impossible_numbers_are_refused_at_once(own_model, own_study, wrong):
    words = ".*".join(f"{name} must be .*; found .*{number}" for name, number in wrong.items())
    with pytest.raises((TypeError, ValueError), match=words):
        em.fit(own_model, own_study, seed=1, **wrong)


def test_what_is_no_seed_no_model_or_no_study_is_refused_at_once(own_model, own_study):
    with pytest.raises(TypeError, match="seed must be a whole number, at least 0; found str 'a'"):
        em.fit(own_model, own_study, seed="a")
    with pytest.raises(
        TypeError, match=r"model must be a Model; found Study .* study must be a Study"
    ):
        em.fit(own_study, own_model, seed=1)
    with pytest.raises(TypeError, match="study must be a Study; found DataFrame"):
        em.fit(own_model, own_study.trials, seed=1)


def test_seed_decides(own_model, own_study):
    one, other, third = (em.fit(own_model, own_study, seed=seed, **TINY) for seed in (5, 5, 6))
    xr.testing.assert_identical(one["posterior"].to_dataset(), other["posterior"].to_dataset())
    assert not one["posterior"].to_dataset().equals(third["posterior"].to_dataset())
    assert third.attrs["seed"] == 6


@pytest.fixture
def compilations(monkeypatch):
    """Count compilations of densities."""
    count = []
    original = density.compiled_model

    def counting(*given, **settings):
        count.append(1)
        return original(*given, **settings)

    monkeypatch.setattr(density, "compiled_model", counting)
    return count


def test_values_held_fixed_share_the_compiled_density(own_model, own_study, compilations):
    how = {"covariates": {"baseline": "group", "slope": "age"}, "seed": 1, **TINY}
    em.fit(own_model, own_study, **how)
    compilations.clear()
    held = em.fit(own_model.fix(slope=0.3), own_study, **how)
    flat = em.fit(own_model.rival("no_slope"), own_study, **how)
    assert compilations == []
    assert (held["posterior"]["slope"] == 0.3).all()
    assert "slope_mean" not in held["posterior"]
    assert "slope_effect" not in held["posterior"]
    assert (flat["posterior"]["slope"] == 0).all()
    assert held.attrs["label"] == "rated_pain slope=0.3"
    assert flat.attrs["label"] == "rated_pain no_slope"


def test_other_data_of_the_same_sizes_share_it_too(own_model, own_study, compilations):
    settings = {"covariates": {"baseline": "group + age"}, "seed": 1, **TINY}
    before = em.fit(own_model, own_study, **settings)
    compilations.clear()
    changed = own_study.trials.assign(rating=own_study.trials["rating"] + 1)
    raised = em.fit(own_model, replace(own_study, trials=changed), **settings)
    assert compilations == []
    difference = raised["posterior"]["baseline"].mean() - before["posterior"]["baseline"].mean()
    assert float(difference) == pytest.approx(1, abs=0.15)


# variants


def test_other_priors(own_model, own_study):
    narrow = own_model.with_priors(slope=em.Prior("Normal", mu=0.2, sigma=0.001))
    drawn = prior_people(narrow, own_study, draws=50, seed=1)
    assert float(drawn["slope_mean"].mean()) == pytest.approx(0.2, abs=0.001)
    assert float(drawn["slope_mean"].std()) < 0.002
    assert narrow.label == "rated_pain priors(slope)"
    assert own_model.vary(json.loads(json.dumps(narrow.variant))) == narrow


def test_priors_of_another_family(own_model, own_study):
    wide = own_model.with_priors(
        slope={"location": em.Prior("StudentT", nu=4, mu=0, sigma=0.1)},
        baseline={"spread": em.Prior("Exponential", lam=1)},
    )
    drawn = prior_people(wide, own_study, draws=50, seed=1)
    assert drawn["slope_mean"].dims == ("chain", "draw")
    assert float(drawn["baseline_sd"].min()) > 0
    assert drawn["baseline"].dims == ("chain", "draw", "participant")


@pytest.fixture(scope="module")
def cued():
    rng = np.random.default_rng(1)
    names = ["a", "b", "c", "d"]
    table = pd.DataFrame({"participant": np.repeat(names, 12), "trial": [*range(12)] * 4})
    table["cue"] = np.resize(["low", "high"], 48)
    table["stimulus"] = np.resize(["s1", "s1", "s2"], 48)
    table["expectation_rating"], table["outcome_rating"] = rng.uniform(20, 160, (2, 48))
    people = pd.DataFrame({"participant": names, "age": [20, 30, 44, 61]})
    return em.Study(trials=table, participants=people)


def test_pooled_parameter_has_one_value_per_person(cued):
    model = em.get_model("cue_expectation_learning")
    drawn = prior_people(model.pool("stimulus_intensity"), cued, draws=2, seed=1)
    assert drawn["stimulus_intensity"].dims == ("chain", "draw", "participant")
    assert drawn["start_expectation"].dims == ("chain", "draw", "participant", "cue")
    assert drawn["cue"].to_numpy().tolist() == ["high", "low"]
    with pytest.raises(ValueError, match=r"'learning_rate' of model .* has none"):
        model.pool("learning_rate")


def test_without_responses_their_parameters_go_too(model, study):
    reduced = model.without("insula", "empathy_before", "empathy_after")
    arrangement = arrange(reduced, study)
    assert list(arrangement.scored) == ["feeling"]
    left = {p.name for p in arrangement.parameters}
    assert left == {"learning_rate", "start_value", "baseline", "sensitivity", "feeling_noise"}


def test_absent_responses_are_left_out_and_told(model, study, capsys, monkeypatch):
    monkeypatch.setattr("empathymodels.inference.fit.compiled_density", lambda *_: 1 / 0)
    people = study.participants[["participant", "partner_group"]]
    with pytest.raises(ZeroDivisionError):  # told before anything is compiled
        em.fit(model, em.Study(trials=study.trials, participants=people), seed=1)
    told = "".join(capsys.readouterr())
    assert "'insula' is left out of the likelihood: the study has no table 'regions'" in told
    assert "'empathy_after' is left out" in told
    assert "Response 'feeling'" not in told


# covariates


def test_every_level_gets_its_own_coefficients(cued):
    model = em.get_model("cue_expectation_learning")
    covariates = {"start_expectation": "age", "learning_rate": "age"}
    drawn = prior_people(model, cued, draws=3, seed=1, covariates=covariates)
    effect = drawn["start_expectation_effect"]
    assert effect.dims == ("chain", "draw", "start_expectation_covariate", "cue")
    assert drawn["learning_rate_effect"].dims == ("chain", "draw", "learning_rate_covariate")
    assert float(abs(effect.sel(cue="low") - effect.sel(cue="high")).max()) > 0


def evaluated(own_model, people, formula="age", name="baseline"):
    trials = pd.DataFrame(
        {
            "participant": np.repeat(people["participant"], 2),
            "trial": [1, 2] * len(people),
            "intensity": [-0.5, 0.5] * len(people),
            "rating": np.linspace(1, 9, 2 * len(people)),
        }
    )
    arrangement = arrange(own_model, em.Study(trials=trials, participants=people))
    return covariates_for(arrangement, {name: formula})


@pytest.fixture
def people():
    return pd.DataFrame(
        {
            "participant": list("abcd"),
            "age": [20.0, 30, 40, 70],
            "group": ["x", "x", "y", "y"],
            "same": 1,
        }
    )


def test_numeric_covariates_are_centred_and_scaled(own_model, people):
    found = evaluated(own_model, people, "age + group")["baseline"]
    (age,) = found.coding["age"]
    assert (age.centre, age.scale) == (40, pytest.approx(people["age"].std()))
    assert str(age) == "age per standard deviation (21.6) from 40"
    assert list(found.table.columns) == ["age", "group[T.y]"]
    assert found.table["age"].std() == pytest.approx(1)
    others = found.at(people.iloc[[3]].set_index("participant").assign(age=40))
    assert others.to_numpy().tolist() == [[0.0, 1.0]]


def test_reference_category_of_ones_own(own_model, people):
    found = evaluated(own_model, people, 'C(group, Treatment("y"))')["baseline"]
    assert found.table.to_numpy().ravel().tolist() == [1, 1, 0, 0]
    assert found.at(people.set_index("participant")).to_numpy().ravel().tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("name", ["Treatment", "Sum", "scale"])
def test_columns_may_have_the_names_of_functions_of_the_formula_library(own_model, people, name):
    people = people.rename(columns={"group": name})
    found = evaluated(own_model, people, f"{name} + age")["baseline"]
    assert found.columns == sorted([name, "age"])
    assert list(found.table) == [f"{name}[T.y]", "age"]


def test_people_without_covariates_are_named(own_model, people):
    with pytest.raises(ValueError, match=r"Missing for 2 of 4: 'b', 'c'.*study\.exclude"):
        evaluated(own_model, people.assign(age=[1.0, np.nan, None, 4.0]))


def test_unknown_column_of_a_formula(own_model, people):
    with pytest.raises(KeyError, match=r"reads 'agee'.*Did you mean 'age'\?"):
        evaluated(own_model, people, "agee")


def test_what_is_no_formula(own_model, people):
    with pytest.raises(ValueError, match=r"must be a formula over participant columns.*'age \+'"):
        evaluated(own_model, people, "age +")


def test_categories_that_the_fit_has_not_seen(own_model, people):
    found = evaluated(own_model, people, "group")["baseline"]
    others = people.iloc[[3]].set_index("participant").assign(group="z")
    with pytest.raises(ValueError, match=r"Every 'group' must be one that the fit has seen.*'z'"):
        found.at(others)


def test_new_people_need_their_covariates_too(own_model, people):
    found = evaluated(own_model, people, "age")["baseline"]
    with pytest.raises(
        ValueError, match=r"must be known for every participant. Missing for 1 of 4"
    ):
        found.at(people.set_index("participant").assign(age=[1, 2, 3, np.nan]))


def test_constant_covariate(own_model, people):
    with pytest.raises(ValueError, match="'same' in the formula 'same' of 'baseline' is constant"):
        evaluated(own_model, people, "same")


def test_covariate_of_a_population_parameter(own_model, people):
    with pytest.raises(ValueError, match="'noise' has level 'population'"):
        evaluated(own_model, people, name="noise")


def test_covariate_of_an_unknown_parameter(own_model, people):
    with pytest.raises(KeyError, match="Did you mean 'baseline'"):
        evaluated(own_model, people, name="base_line")


@pytest.mark.parametrize(
    ("keep", "rating", "warning"),
    [
        ("participant == 'P01'", None, "Only one participant"),
        ("trial == 1", None, None),
        ("trial < 4", 5.0, "a noise would collapse"),
    ],
    ids=["one participant", "one trial each", "identical responses"],
)
def test_studies_with_little_in_them(own_model, own_study, keep, rating, warning):
    trials = own_study.trials.query(keep).reset_index(drop=True)
    trials = trials if rating is None else trials.assign(rating=rating)
    little = em.Study(trials=trials.assign(rating=trials["rating"].clip(0, 10)))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fit = em.fit(own_model, little, chains=1, draws=20, tune=100, seed=1)
    assert bool(told) == bool(warning)
    assert all(str(warning) in str(w.message) for w in told)
    posterior = fit["posterior"].to_dataset()
    assert posterior.sizes["participant"] == trials["participant"].nunique()
    assert all(np.isfinite(variable).all() for variable in posterior.data_vars.values())


def test_covariates_are_recovered(own_fit):
    effect = own_fit["posterior"]["baseline_effect"]  # link scale: fractions of the range of 10
    for covariate, truth in {"group[T.out]": 0.15, "age": -0.08}.items():
        draws = effect.sel(baseline_covariate=covariate).to_numpy()
        assert abs(draws.mean() - truth) < 3 * draws.std()
        assert draws.std() < 0.03
    assert float(own_fit["posterior"]["noise"].mean()) == pytest.approx(1, abs=0.1)


# what cannot be sampled


def test_infinite_density_names_participant_trial_and_parameter(own_model, own_study):
    with pytest.raises(ValueError, match="finite at the start") as error:
        em.fit(own_model.fix(noise=0.0), own_study, seed=1)
    words = str(error.value)
    first = own_study.trials.iloc[0]
    assert f"participant {first['participant']}, trial {first['trial']}" in words
    assert "'noise' are fixed" in words
    assert "response 'rating'" in words


def test_wrong_centring_is_refused(own_model, own_study):
    with pytest.raises(ValueError, match="centring must be 'measured'"):
        em.fit(own_model, own_study, seed=1, centring="mesured")
    with pytest.raises(KeyError, match="Did you mean 'baseline'"):
        em.fit(own_model, own_study, seed=1, centring={"basline": 1})


# the prior of correlations


@pytest.mark.parametrize("size", [2, 3, 4])
def test_prior_sd_of_correlations(size):
    draws = 4000
    with pm.Model():
        factor = _lkj_cholesky(
            Block("participant", ["a"], [(None, 0)] * size, correlated=size, offset=0)
        )
    found = pm.draw(factor, draws, random_seed=2)
    correlations = found @ np.swapaxes(found, 1, 2)
    np.testing.assert_allclose(np.diagonal(correlations, axis1=1, axis2=2), 1, rtol=1e-12)
    rows, columns = np.tril_indices(size, -1)
    values = correlations[:, rows, columns]
    expected = 1 / np.sqrt(3 + size)
    # the sd of an sd of n draws is near sd / sqrt(2 n); 4 of them
    np.testing.assert_allclose(values.std(axis=0), expected, rtol=4 / np.sqrt(2 * draws))
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=4 * expected / np.sqrt(draws))


def test_a_study_is_laid_out_once(own_model, own_study, monkeypatch):
    """By the fit; what is made of it finds the arrangement kept."""
    calls = []

    def counted(*given):
        calls.append(given)
        return arrange(*given)

    for name, module in list(sys.modules.items()):
        if name.startswith("empathymodels.") and getattr(module, "arrange", None) is arrange:
            monkeypatch.setattr(module, "arrange", counted)
    trials = own_study.trials.assign(rating=own_study.trials["rating"] + 1)  # seen by no other test
    study = em.Study(trials=trials, participants=own_study.participants, simulated=True)
    fit = em.fit(own_model, study, covariates={"baseline": "group"}, seed=1, **TINY)
    assert len(calls) == 1
    em.check(fit, draws=10)
    em.estimates(fit)
    assert len(calls) == 1
    em.fit(own_model, study, method="map", seed=1)
    assert len(calls) == 2
