"""What is wrong with a study is told in words that say what to do, before any compilation."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pymc_extras.prior import Prior as Theirs

import empathymodels as em


@pytest.fixture
def effort():
    """Two people with four trials of `prosocial_effort`."""
    return pd.DataFrame(
        {
            "participant": np.repeat(["a", "b"], 4),
            "trial": [1, 2, 3, 4] * 2,
            "reward": [2, 3, 4, 5] * 2,
            "effort": [2, 4, 3, 6] * 2,
            "recipient": ["self", "other"] * 4,
            "work": [0, 1, 1, 0] * 2,
        }
    )


def told(model, trials, **study):
    with pytest.raises(ValueError, match="cannot") as error:
        em.log_likelihood(model, em.Study(trials=trials, **study), {})
    return str(error.value)


def test_choice_coded_one_and_two(effort):
    text = told(em.get_model("prosocial_effort"), effort.assign(work=effort["work"] + 1))
    assert "'work' of trials must be one of 0, 1. Found 2 in 4 of 8 rows" in text
    assert "or say what every code stands for, codes={'work': {2: ...}}." in text
    assert "missing=" not in text  # half of the rows are no missing values


def test_choice_as_text(effort):
    words = effort["work"].map({0: "rest", 1: "work"})
    text = told(em.get_model("prosocial_effort"), effort.assign(work=words))
    assert "'work' of trials must be a number. Found 'rest', 'work' in 8 of 8 rows" in text
    assert "codes={'work': {'rest': ...}}" in text


def test_option_outside_the_range(effort):
    text = told(em.get_model("prosocial_effort"), effort.assign(work=[0, 1, 3, 0] * 2))
    assert "must be one of 0, 1. Found 3 in 2 of 8 rows: participant 'a', trial 3" in text


def test_slider_of_another_scale(effort):
    ratings = effort.assign(pain=[0, 1] * 4, rating=[10, 50, 20, 70] * 2)
    model = em.get_model("intergroup_bias").with_range(rating=(0, 1))
    text = told(model, ratings)
    assert "'rating' of trials must lie between 0 and 1 points. Found 10, 50, 20, 70" in text
    assert "with_range(rating=(low, high))" in text


def test_ids_that_do_not_match(effort):
    people = pd.DataFrame({"participant": ["a", "c"], "age": [30, 40]})
    text = told(em.get_model("prosocial_effort"), effort, participants=people)
    assert "Every participant of trials must be in participants. Found no 'b' there" in text


def test_ratings_with_gaps_are_fine(effort):
    ratings = effort.assign(pain=[0, 1] * 4, rating=[10, 90, 10, 90] * 2, item="one")
    model = em.get_model("intergroup_bias").fix(group_effect=0.0, bias=0.0, item_effect=0.0)
    values = {"baseline": 10.0, "pain_effect": 80.0, "rating_noise": 5.0}
    found = em.log_likelihood(model.with_resolution(None), em.Study(trials=ratings), values)
    assert found.attrs["total"] == pytest.approx(-8 * np.log(5 * np.sqrt(2 * np.pi)))


def test_betas_that_do_not_know_their_trial(effort):
    trials = effort.assign(pain=[0, 1] * 4, group="in")
    regions = pd.DataFrame({"participant": ["a", "b"], "region": "AI", "beta": [0.1, 0.2]})
    model = em.get_model("intergroup_bias").without("rating", "help", "ACC")
    with pytest.raises(ValueError, match=r"must tell its '(pain|group)'.*need the `trial` key"):
        em.log_likelihood(model, em.Study(trials=trials, regions=regions), {})


def test_values_split_by_what_a_table_does_not_know(study):
    model = em.get_model("outgroup_help_learning").split("session", "empathy")
    twice = em.Study(
        trials=study.trials.assign(session=1 + study.trials["trial"] // 11),
        participants=study.participants,
        name="twice",
    )
    with pytest.raises(ValueError, match="must tell its 'session', by which something is split"):
        em.log_likelihood(model, twice, {})


def test_a_rare_code_may_mean_that_there_is_no_value(effort):
    text = told(em.get_model("prosocial_effort"), effort.assign(work=[0, 1, 1, 9, 0, 1, 1, 0]))
    assert "Found 9 in 1 of 8 rows" in text
    assert "If it means that there is no value, missing={'work': [9]}." in text


def test_ids_that_are_written_in_two_ways(effort):
    people = pd.DataFrame({"participant": ["A", "07"], "age": [30, 40]})
    trials = effort.assign(participant=np.repeat(["a", "7"], 4))
    text = told(em.get_model("prosocial_effort"), trials, participants=people)
    assert "There participants has 'A' for 'a', '07' for '7': write them alike." in text


@pytest.mark.parametrize("values", [["f", "f"], [30, 30]])
def test_covariate_with_one_level(effort, values):
    people = pd.DataFrame({"participant": ["a", "b"], "given": values})
    study = em.Study(trials=effort, participants=people)
    model = em.get_model("prosocial_effort")
    with pytest.raises(ValueError, match="Covariates must differ between participants; 'given'"):
        em.fit(model, study, covariates={"discount": "given"}, seed=1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            ["f", "f", "f", "f", "g", "g", "g", "g"],
            r"add trials.groupby\('participant'\)\['given'\].first\(\)",
        ),
        (["f", "g"] * 4, r"differs within 2 of 2 participants.*model.split\('given', ...\)"),
    ],
)
def test_covariate_that_is_a_column_of_trials(effort, given, told):
    study = em.Study(trials=effort.assign(participant=np.repeat(["a", "b"], 4), given=given))
    with pytest.raises(KeyError, match=f"'given' is a column of trials.*{told}"):
        em.fit(em.get_model("prosocial_effort"), study, covariates={"discount": "given"}, seed=1)


def test_a_table_of_point_estimates_is_taken_as_it_is(own_model, own_study):
    table = em.point_estimates(own_model.fix(noise=1.0), own_study, starts=1)
    found = em.log_likelihood(own_model.fix(noise=1.0), own_study, table)
    assert found.attrs["total"] == pytest.approx(table["log_likelihood"].sum())


def test_one_recipient_only(effort):
    """What never occurs is estimated from its prior, which is told."""
    alone = em.Study(trials=effort.assign(recipient="self"))
    with (
        pytest.warns(UserWarning, match="No variance: 'recipient' is self in all 8 rows of trials"),
        pytest.warns(UserWarning, match=r"'discount\[other\]', 'inverse_temperature\[other\]' of"),
    ):
        em.fit(em.get_model("prosocial_effort"), alone, method="map", seed=1)


def test_priors_that_cannot_be(own_model, own_study):
    wrong = {"slope": {"location": em.Prior("Normal", mu=0, sigma=-1)}}
    wrong["baseline"] = {"spread": em.Prior("Normal", mu=0, sigma=1)}
    told = r"(?s)1\. .*location of 'slope' must be .*sigma > 0.*2\. .*'baseline'.* never below 0"
    with pytest.raises(ValueError, match=told):
        own_model.with_priors(**wrong)
    changed = [replace(p, **wrong.get(p.name, {})) for p in own_model.parameters]
    with pytest.raises(ValueError, match=r"never below 0(?s:.*)sigma > 0"):
        em.simulate(replace(own_model, parameters=tuple(changed)), own_study, seed=1)


@pytest.mark.parametrize(
    ("part", "prior", "fault"),
    [
        ("location", em.Prior("Normal", mu=np.nan, sigma=1), "mu must be a finite number"),
        ("location", Theirs("Gamma", alpha=2), "says: Incompatible parameteri"),
        ("location", Theirs("StudentT", sigma=1), "missing 1 required positional argument: 'nu'"),
        ("location", em.Prior("Poisson", mu=1), "with decimals"),
        ("location", em.Prior("Normal", mu=em.Prior("HalfNormal", sigma=-1)), "sigma > 0"),
        ("spread", em.Prior("Uniform", lower=-0.01, upper=1), "never below 0"),
        ("spread", em.Prior("Uniform", lower=-10, upper=-2), "never below 0"),
        ("effect", em.Prior("Normal", mu=0, sigma=0), "sigma > 0"),
    ],
)
def test_each_kind_of_impossible_prior(own_model, part, prior, fault):
    with pytest.raises(ValueError, match=rf"{part} of 'slope' must be possible: .*{fault}"):
        own_model.with_priors(slope={part: prior})


def test_priors_of_priors_and_other_families_are_fine(own_model):
    sigma = em.Prior("HalfNormal", sigma=1)
    parts = {
        "location": em.Prior("Normal", mu=0, sigma=sigma),
        "spread": em.Prior("HalfCauchy", beta=1),
    }
    assert own_model.with_priors(slope=parts).parameter("slope").spread.distribution == "HalfCauchy"
