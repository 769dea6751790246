"""In which steps ratings were recorded, as the data show."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import empathymodels as em
from empathymodels.declaration.parts import Response
from empathymodels.declaration.rating_scale import middle_of, observed_resolution, strays
from empathymodels.declaration.record import all_needs
from empathymodels.inference.fits import find_model
from empathymodels.layout.arrange import arrange
from empathymodels.reporting.methods import _recorded
from empathymodels.simulation.placeholders import with_placeholders

RNG = np.random.default_rng(1)
CASES = {
    "whole numbers": ((1, 9), RNG.integers(1, 10, 200), 1),
    "few ratings, all odd": ((1, 9), [1, 5, 9, 9, 1], 1),
    "a scale of five steps coded 1, 3, 5, 7, 9": ((1, 9), 1 + 2 * RNG.integers(0, 5, 200), 2),
    "halves": ((1, 9), 1 + RNG.integers(0, 17, 200) / 2, 0.5),
    "means of three items": ((1, 7), 1 + RNG.integers(0, 19, 300) / 3, 1 / 3),
    "two decimals": ((1, 9), (1 + 8 * RNG.random(300)).round(2), 0.01),
    "a slider in whole points": ((0, 100), RNG.integers(0, 101, 300), 1),
    "a slider in steps of five": ((0, 100), 5 * RNG.integers(0, 21, 300), 5),
    "people who like tens": ((0, 100), [*(10 * RNG.integers(0, 11, 300)), 37], 1),
    "shares": ((0, 1), RNG.integers(0, 101, 300) / 100, 0.01),
    "shares of a slider of 517 pixels": ((0, 1), RNG.integers(0, 518, 900) / 517, 1 / 517),
    "no steps at all": ((0, 1), RNG.random(300), 0.001),
    "dollars": ((0, 85), [*RNG.integers(0, 86, 100), 42.5], 0.5),
    "below zero": ((-50, 50), RNG.integers(-50, 51, 200), 1),
    "the middle, before anything is drawn": ((0, 85), [42, 42, 42], 1),
    "nothing observed": ((0, 10), [np.nan, np.nan], 1),
}


def noise_parameters():
    """Standard deviations of ratings in all built-in models: (model, parameter)."""
    return [
        (name, parameter.name)
        for name in em.list_models()
        for parameter in em.get_model(name).parameters
        if parameter.name.endswith("noise") and parameter.scale_of
    ]


@pytest.mark.parametrize(("name", "noise"), noise_parameters())
def test_priors_of_noise_have_no_mass_at_zero(name, noise):
    """As the documentation says: shares of the range that priors predict for one person."""
    parameter, rng = em.get_model(name).parameter(noise), np.random.default_rng(1)
    mean, sd = (parameter.location.parameters[part] for part in ("mu", "sigma"))
    logs = rng.normal(mean, sd, 200_000)
    if parameter.level == "participant":
        spreads = abs(rng.normal(0, parameter.spread.parameters["sigma"], logs.size))
        logs += spreads * rng.normal(size=logs.size)
    assert parameter.support == "positive"
    least, low, middle, high = np.exp(np.quantile(logs, [1e-4, 0.005, 0.5, 0.995]))
    assert 0.0015 < least < 0.025
    assert 0.01 < low < high < 0.8
    assert 0.1 < middle < 0.17


@pytest.mark.parametrize("case", CASES)
def test_steps_are_read_from_ratings(case):
    ends, values, expected = CASES[case]
    response = Response("rating", lambda *_: None, "", range=ends)
    found = observed_resolution(response, np.asarray(values, dtype=float))
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("ends", [(1, 9), (0, 85), (0, 1), (-1, 1), (0, 180)])
def test_the_middle_of_a_scale_is_on_a_step(ends):
    response = Response("rating", lambda *_: None, "", range=ends)
    found = observed_resolution(response, np.full(3, middle_of(response)))
    assert found == observed_resolution(response, np.array([]))


def test_a_declared_resolution_must_divide_the_range():
    model = em.get_model("outgroup_help_learning")
    for wrong in ("fine", True):
        with pytest.raises((TypeError, ValueError), match="feeling must be a number or 'observed'"):
            model.with_resolution(feeling=wrong)
    for wrong in (3, 0, -1, 16):
        with pytest.raises(ValueError, match="a number that divides the width of its range, 8"):
            model.with_resolution(feeling=wrong)
    with pytest.raises(ValueError, match="'insula' has none"):
        model.with_resolution(insula=1)
    with pytest.raises(KeyError, match="has no response 'felt'"):
        model.with_resolution(felt=1)
    plain = model.with_resolution(None)
    assert [r.resolution for r in plain.responses if r.range] == [None] * 3
    assert model.vary(plain.variant).label == plain.label


def test_simulated_ratings_are_ones_that_a_study_can_hold():
    """Half of a normal's draws would lie beyond the scale of one to five, or between its steps."""
    study = em.load_study("outgroup_help")
    model = em.get_model("outgroup_help_learning").without("insula")
    unrated = em.Study(trials=study.trials.drop(columns="feeling"), participants=study.participants)
    simulated, _ = em.simulate(model.with_resolution(feeling=2), unrated, seed=4)
    assert set(simulated.trials["feeling"]) <= {1, 3, 5, 7, 9}
    simulated, _ = em.simulate(model, study, seed=4)
    assert set(simulated.trials["feeling"]) <= set(range(1, 10))  # as the study's own are
    before = simulated.participants["empathy_before"].to_numpy()
    assert before == pytest.approx(before.round(1))  # means of ten items there
    prior = em.predict(model, study, draws=60, seed=1)["prior_predictive"]["feeling"]
    assert set(np.unique(prior)) <= set(range(1, 10))


def test_new_people_are_predicted_in_the_steps_of_the_fit(drawn_fit, own_study):
    """Whole points would be the rule for a scale of 1 to 9, but the fit's ratings had no steps."""
    design = em.Study(trials=own_study.trials.drop(columns="rating"))
    drawn = em.predict(drawn_fit, design, draws=10, seed=1)["posterior_predictive"]["rating"]
    assert len(np.unique(drawn)) > 20


def rated(distribution, **how):
    """A model of one response, whose scale has ends."""
    priors = {"location": em.Prior("Normal", mu=0, sigma=1), "spread": em.Prior("HalfNormal")}
    level = em.Parameter("level", "of everybody", **priors)
    rating = em.Response(
        "rating", lambda latent, parameters, data: distribution(parameters.level), "", **how
    )
    return em.Model("Rated", (level,), (rating,), name="rated")


def rating_study(values, **how):
    """Two people with half of the ratings each."""
    people, trials = np.repeat(["a", "b"], (len(values) + 1) // 2)[: len(values)], len(values)
    table = {"participant": people, "trial": np.arange(trials), "rating": values}
    return em.Study(trials=pd.DataFrame(table), **how)


def normal(level):
    return pm.Normal.dist(level, 1.0)


WITHOUT_STEPS = {
    "StudentT": lambda level: pm.StudentT.dist(4.0, level, sigma=1.0),
    "OrderedBeta": lambda level: em.OrderedBeta.dist(level, 5.0, -2.0, 2.0, 0.0, 20.0),
    "CensoredNormal": lambda level: em.CensoredNormal.dist(level, 5.0, 0.0, 20.0),
}


@pytest.mark.parametrize("kind", WITHOUT_STEPS)
def test_distributions_without_steps_have_no_use_for_a_resolution(kind):
    model = rated(WITHOUT_STEPS[kind], range=(0, 20))
    whole = arrange(model, rating_study([3.0, 18.0, 5.0, 20.0]))
    assert whole.model.variant == () and not any("steps" in told for told in whole.notices)
    assert "0 to 20 |" in em.card(model).replace("  ", "")
    for step in ("observed", 2.0):
        again = arrange(whole.model.with_resolution(step), rating_study([3.217, 5.0, 18.0]))
        assert again.scored["rating"].observed.min() == 3.217
    if kind == "StudentT":  # which leaves its scale
        simulated = rating_study([-2.6, 23.1, 5.0], simulated=True)
        assert arrange(model, simulated).scored["rating"].observed.min() == -2.6


def test_steps_that_were_read_give_way_to_finer_data_and_declared_ones_do_not():
    odd = rating_study(np.tile([0.0, 4.0, 8.0, 12.0, 16.0, 20.0], 3))
    finer = rating_study([0.0, 4.0, 6.0, 12.0, 6.0, 7.0])
    read = arrange(rated(normal, range=(0, 20)), odd).model
    response = read.response("rating")
    assert (response.resolution, response.is_resolution_read, read.label) == (4, True, "rated")
    assert arrange(read, rating_study([8.0, 12.0])).model.response("rating").resolution == 4
    found = r"in steps of 4, these data in steps of 1. Found 6, 7 in 3 of 6 rows: participant 'a'"
    with pytest.warns(UserWarning, match=found):
        arrangement = arrange(read, finer)
    assert arrangement.model.response("rating").resolution == 1
    assert "'rating' 1" in arrangement.notices[0]
    declared = read.with_resolution(rating=4)
    assert declared.label == "rated steps(rating=4)"
    with pytest.raises(ValueError, match=r"recorded in steps of 4 from 0\. Found 6, 7 in 3 of 6"):
        arrange(declared, finer)


def test_placeholders_do_not_change_the_steps_of_the_answers():
    """The middle of 0 to 100 is on no step of 20, and would be a sixth answer of these five."""
    model = rated(normal, range=(0, 100))
    for answers, step in (([0, 20, 40, 60, 80, 100], 20), ([0, 25, 75, 100], 1), ([], 1)):
        study = rating_study([*answers, np.nan, np.nan, np.nan])
        filled = with_placeholders(model, study, model.responses)
        assert filled.trials["rating"].notna().all()
        assert arrange(model, filled).model.response("rating").resolution == step


def test_few_ratings_between_steps_are_named_with_what_to_do():
    values = np.tile(np.arange(1.0, 10.0), 40)
    values[[17, 200]] = 3.25, 6.75
    model = rated(normal, range=(1, 9))
    with pytest.warns(UserWarning) as told:
        assert arrange(model, rating_study(values)).model.response("rating").resolution == 0.25
    [message] = [str(one.message) for one in told]
    assert "in steps of 1, but for 3.25, 6.75 in 2 of 360 rows: participant 'a', trial 17; " in (
        message
    )
    assert "recorded in steps of 0.25" in message
    assert "model.with_resolution(rating=0.25); if not, correct or drop them" in message
    arrange(model.with_resolution(rating=0.25), rating_study(values))  # said, and no doubt
    with pytest.raises(ValueError, match=r"steps of 1 from 1\. Found 3.25, 6.75 in 2 of 360"):
        arrange(model.with_resolution(rating=1), rating_study(values))


@pytest.mark.parametrize(
    ("ends", "values", "off", "step"),
    [
        ((1, 9), [*np.tile([1.0, 2.5, 4.0, 5.5, 9.0], 50), 4.37], 1, 0.5),
        ((0, 1), [*np.tile(np.arange(0, 11) / 10, 20), 0.333], 1, 0.1),
        ((0, 100), [*np.tile(np.arange(0, 101, 10.0), 90), 37.0], 0, 1),  # a whole point
        ((1, 9), [*np.tile(np.arange(1.0, 10.0), 3), 4.5, 2.5], 0, 0.5),  # two of 29
        ((1, 7), 1 + RNG.integers(0, 19, 300) / 3, 0, 1 / 3),
        ((0, 1), RNG.random(300), 0, 0.001),
        ((1, 9), [4.5, np.nan], 0, 0.5),
    ],
)
def test_ratings_that_alone_make_a_step_finer(ends, values, off, step):
    response = Response("rating", lambda *_: None, "", range=ends)
    found, others = strays(response, np.asarray(values, dtype=float))
    assert found.sum() == off and others == pytest.approx(step, rel=1e-9)


def test_a_declared_resolution_goes_with_the_range():
    model = em.get_model("outgroup_help_learning")
    halves = model.with_resolution(feeling=0.5).with_range(feeling=(0, 60))
    assert halves.response("feeling").resolution == 0.5
    assert "steps(feeling=0.5)" in halves.label
    assert model.vary(halves.variant) == halves
    with pytest.raises(ValueError, match=r"of 4 that are declared; found 0 to 10\. Give both"):
        model.with_resolution(feeling=4).with_range(feeling=(0, 10))
    assert model.with_resolution(None).with_range(feeling=(0, 7)).response("feeling") == (
        model.with_range(feeling=(0, 7)).with_resolution(None).response("feeling")
    )
    read = model.with_read_resolution(feeling=4).with_range(feeling=(0, 10)).response("feeling")
    assert (read.resolution, read.is_resolution_read) == ("observed", False)


def test_a_fit_predicts_ratings_in_finer_steps_than_it_was_fitted_to(
    own_model, own_study, as_drawn, tmp_path
):
    trials = own_study.trials.assign(rating=own_study.trials["rating"].round().clip(0, 10))
    whole = em.Study(trials=trials, participants=own_study.participants)
    fit = as_drawn(own_model.with_resolution("observed"), whole)
    em.save(fit, tmp_path / "fit.nc")
    again = em.load(tmp_path / "fit.nc", model=own_model.source)
    assert fit.attrs["label"] == "rated_pain" == find_model(again).label
    assert find_model(again).response("rating").is_resolution_read
    quarter = trials["rating"].where(trials["trial"] != 3, 4.25)
    new = em.Study(trials=trials.assign(rating=quarter), participants=own_study.participants)
    with pytest.warns(UserWarning, match=r"in steps of 0\.25\. Found 4\.25 in 24 of 463 rows"):
        drawn = em.predict(again, new, draws=10, seed=1)["posterior_predictive"]["rating"]
    assert np.array_equal(drawn, (4 * drawn).round() / 4) and (drawn % 1 > 0).any()


def test_methods_say_in_which_steps_a_rating_was_recorded():
    study = rating_study(np.tile([0.0, 4.0, 8.0, 12.0, 16.0, 20.0], 3))
    for model, words in (
        (rated(normal, range=(0, 20)), "in steps of 4, as the data show"),
        (rated(normal, range=(0, 20)).with_resolution(rating=2), "in steps of 2"),
    ):
        [text] = _recorded(SimpleNamespace(arrangement=arrange(model, study)))
        assert text == (
            f"Rating was taken as recorded {words}, and at an end of its scale (0 to 20) as "
            "standing for all beyond it."
        )
    kind = WITHOUT_STEPS["StudentT"]
    assert not _recorded(SimpleNamespace(arrangement=arrange(rated(kind, range=(0, 20)), study)))


def test_models_with_ratings_have_their_density_as_a_rival():
    """As the documentation says."""
    without = [
        model.name
        for model in map(em.get_model, em.list_models())
        if any(needs.in_steps for needs in all_needs(model).values())
        and "plain_normal" not in model.rivals
    ]
    assert without == []
