"""In which steps ratings were recorded, as the data show."""

import numpy as np
import pytest

import empathymodels as em
from empathymodels.declaration.parts import Response
from empathymodels.declaration.rating_scale import middle_of, observed_resolution

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
    """As README says: shares of the range that priors predict for one person."""
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
    for wrong in (3, 0, -1, "fine", True, 16):
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
