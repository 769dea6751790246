"""Simulation: designs, feedback of responses into later trials, outcomes of what was chosen."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import empathymodels as em
from empathymodels import FirstResponse, State
from folders import OWN_MODELS

PATH = OWN_MODELS / "followed_choice.py"
VALUES = {"learning_rate": 0.6, "inverse_temperature": 2.5, "habit_weight": 0.8, "glow": 0.5}
BROUGHT = {0: [0.0, 0.1, -0.2, 0.0], 1: [0.9, -0.8, 1.0, 0.4]}  # per option and trial
TRIALS, PEOPLE = 4, 20_000


@pytest.fixture(scope="module")
def chooser():
    return em.get_model(PATH)


@pytest.fixture(scope="module")
def design():
    """The same four trials for everybody, with what each option would have brought."""
    names = [f"P{k:05}" for k in range(PEOPLE)]
    table = {"participant": np.repeat(names, TRIALS), "trial": np.tile(np.arange(TRIALS), PEOPLE)}
    table |= {f"outcome_{option}": np.tile(x, PEOPLE) for option, x in BROUGHT.items()}
    return em.Study(trials=pd.DataFrame(table))


@pytest.fixture(scope="module")
def simulated(chooser, design):
    return em.simulate(chooser, design, VALUES, seed=3)


def loop(choices):
    """Probability of a sequence of choices, by a plain loop."""
    value, habit, probability = 0.2, 0.0, 1.0
    for trial, chosen in enumerate(choices):
        helping = special.expit(
            VALUES["inverse_temperature"] * value + VALUES["habit_weight"] * habit
        )
        probability *= helping if chosen else 1 - helping
        if chosen:
            value += VALUES["learning_rate"] * (BROUGHT[1][trial] - value)
        habit = 1.0 if chosen else -1.0
    return probability


def test_sequences_are_as_frequent_as_they_are_probable(chooser, simulated):
    study, _ = simulated
    choices = study.trials["choice"].to_numpy().reshape(PEOPLE, TRIALS).astype(int)
    counts = np.bincount(choices @ [8, 4, 2, 1], minlength=16)
    expected = np.array([loop(c) for c in itertools.product((0, 1), repeat=TRIALS)])
    assert expected.sum() == pytest.approx(1, rel=1e-12)
    assert stats.chisquare(counts, expected * PEOPLE).pvalue > 0.001
    # and the package's own likelihood is that of the loop
    found = em.log_likelihood(chooser, study, VALUES)["participant"]["log_likelihood"]
    own = np.exp(found.sel(response="choice").to_numpy())
    np.testing.assert_allclose(own, expected[choices @ [8, 4, 2, 1]], rtol=1e-12)


def test_outcome_of_the_chosen_option_is_filled_in(simulated):
    trials = simulated[0].trials
    expected = np.where(trials["choice"] == 1, trials["outcome_1"], trials["outcome_0"])
    np.testing.assert_array_equal(trials["outcome"], expected)
    assert simulated[0].simulated
    assert "responses simulated from followed_choice" in simulated[0].log[-1]


def test_responses_after_the_loop_see_the_drawn_choices(simulated):
    trials = simulated[0].trials
    residual = trials["mood"] - 0.5 * trials["choice"]
    first = residual[trials["trial"] == 0]
    assert abs(first.mean() - 0.2) < 4 * 0.5 / np.sqrt(PEOPLE)
    # moods are recorded in whole points, which adds the variance of a step
    assert abs(first.std() - np.sqrt(0.5**2 + 1 / 12)) < 0.02


def test_design_without_responses_is_enough_and_stays_as_it_was(design, simulated):
    assert {"choice", "mood", "outcome"}.isdisjoint(design.trials)
    assert simulated[0].trials[["choice", "mood", "outcome"]].notna().all(axis=None)
    used = simulated[1]
    assert list(used) == ["participant", *VALUES]
    assert (used[list(VALUES)] == pd.Series(VALUES)).all(axis=None)


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"participant": np.repeat(["a", "b", "c"], 6), "trial": [*range(6)] * 3})
    table["outcome_0"], table["outcome_1"] = rng.uniform(-1, 1, (2, 18))
    return table


def test_seed_decides(chooser, small):
    study = em.Study(trials=small)
    one, other, third = (em.simulate(chooser, study, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one[0].trials, other[0].trials)
    pd.testing.assert_frame_equal(one[1], other[1])
    assert not one[1].equals(third[1])
    assert not one[0].trials["mood"].equals(third[0].trials["mood"])


def test_the_order_of_rows_does_not_matter(chooser, small):
    """Rows are known by their keys: the same seed gives the same data, row by row."""
    people = pd.DataFrame({"participant": small["participant"].unique()})
    one, truth = em.simulate(chooser, em.Study(trials=small, participants=people), seed=4)
    mixed = small.sample(frac=1, random_state=1)
    study = em.Study(trials=mixed, participants=people[::-1])
    other, again = em.simulate(chooser, study, seed=4)
    assert other.trials["trial"].tolist() == mixed["trial"].tolist()
    assert again["participant"].tolist() == people["participant"][::-1].tolist()
    keys = [key for key in ("participant", "block", "trial") if key in small]
    pd.testing.assert_frame_equal(
        one.trials.sort_values(keys, ignore_index=True),
        other.trials.sort_values(keys, ignore_index=True)[list(one.trials)],
    )
    pd.testing.assert_frame_equal(truth, again[::-1].reset_index(drop=True))


def test_without_what_other_options_would_have_brought(chooser, small):
    observed = small.assign(choice=[0, 1] * 9, outcome=small["outcome_1"], mood=small["outcome_0"])
    study = em.Study(trials=observed.drop(columns=["outcome_0", "outcome_1"]))
    with pytest.raises(ValueError, match=r"'outcome_0', 'outcome_1'.*predict one step ahead"):
        em.simulate(chooser, study, VALUES, seed=1)
    with pytest.raises(ValueError, match="predict one step ahead"):
        em.predict(chooser, study, kind="simulation", draws=2, seed=1)
    predicted = em.predict(chooser, study, draws=3, seed=1)["prior_predictive"]
    assert dict(predicted["choice"].sizes) == {"chain": 1, "draw": 3, "trial_row": 18}
    assert set(np.unique(predicted["choice"])) <= {0.0, 1.0}


def test_full_simulation_from_the_prior(chooser, small):
    study = em.Study(trials=small.assign(choice=0, outcome=small["outcome_0"], mood=0.0))
    with pytest.warns(UserWarning, match="Identical responses"):
        predicted = em.predict(chooser, study, kind="simulation", draws=20, seed=1)
    found = predicted["prior_predictive"]["choice"]
    assert dict(found.sizes) == {"chain": 1, "draw": 20, "trial_row": 18}
    assert 0.2 < float(found.mean()) < 0.95
    assert predicted.attrs["prediction"] == "prior prediction, full simulation, new people"


def test_regions_are_made_for_every_trial(model, study):
    design = em.Study(trials=study.trials.drop(columns="feeling"), participants=study.participants)
    drawn, truth = em.simulate(model, design, seed=5)
    assert len(drawn.regions) == len(study.trials)
    assert drawn.regions["beta"].std() > 0
    assert drawn.participants["empathy_after"].notna().all()
    assert len(truth) == len(study.participants)
    assert truth["insula_noise"].nunique() == 1


@pytest.mark.parametrize("scored", [True, False])
def test_first_responses_that_start_a_state_stay(chooser, small, scored):
    states = (State("value", FirstResponse("mood", scored)), *chooser.states[1:])
    chooser = replace(chooser, states=states)
    with pytest.raises(ValueError, match=r"starts with the first 'mood'.* have none"):
        em.simulate(chooser, em.Study(trials=small), VALUES, seed=1)
    first = (small.groupby("participant").cumcount() == 0).to_numpy()
    some = np.linspace(-1, 1, len(small))
    known = em.Study(trials=small.assign(mood=np.where(first, some, np.nan)))
    found, _ = em.simulate(chooser, known, VALUES, seed=1)
    np.testing.assert_array_equal(found.trials["mood"] == some, first)
    started = em.log_likelihood(chooser, found, VALUES)["latents"]["value"].to_numpy()[first]
    np.testing.assert_allclose(started, some[first])


def test_rows_keep_their_places(chooser, small):
    shuffled = small.sample(frac=1, random_state=1).reset_index(drop=True)
    drawn, _ = em.simulate(chooser, em.Study(trials=shuffled), VALUES, seed=4)
    pd.testing.assert_frame_equal(drawn.trials[list(small)], shuffled, check_dtype=False)
    chosen = np.where(drawn.trials["choice"] == 1, shuffled["outcome_1"], shuffled["outcome_0"])
    np.testing.assert_array_equal(drawn.trials["outcome"], chosen)
