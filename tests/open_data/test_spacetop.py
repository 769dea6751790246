"""The cue-expectation model on the Spacetop cue task (skipped where the study is absent)."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from open_copies import COPIES

FOLDER = COPIES["jung_2023"]
KEYS = {
    "participant": "src_subject_id",
    "session": "session_id",
    "block": "param_run_num",
    "trial": "trial_index_runwise",
}


@pytest.fixture(scope="module")
def pain(open_study):
    """Own-pain task of the 63 people whom the authors fitted."""
    whole = open_study("jung_2023_own")
    return whole.exclude("included == 0", table="participants", reason="not fitted by the authors")


@pytest.fixture(scope="module")
def evaluated(pain):
    """The authors' parameters, with their two plug-ins, in our likelihood."""
    trials = pain.trials.sort_values(["participant", "trial_index_subjectwise"])
    means = trials.pivot_table(index="participant", columns="stimulus", values="outcome_rating")
    first = trials.groupby(["participant", "cue"]).expectation_rating.first().unstack()
    theirs = pd.read_csv(FOLDER / "derived_author_mdl1_pain_parameters.csv")
    theirs = theirs.set_index(theirs.columns[0])
    theirs.index = theirs.index.astype(int).astype(str)
    table = pd.DataFrame(
        {
            "learning_rate": theirs.alpha_mdl1,
            "expectation_weight": theirs.w_mdl1,
            "outcome_noise": theirs.sigma_outcome_mdl1,
            "expectation_noise": theirs.sigma_expect_mdl1,
        }
    )
    table = table.join(means.add_prefix("stimulus_intensity[").add_suffix("]"))
    table = table.join(first.add_prefix("start_expectation[").add_suffix("]"))
    table.index.name = "participant"
    model = em.get_model("cue_expectation_learning").rival("plain_normal")
    return em.log_likelihood(model, pain, table), theirs


def test_the_authors_log_likelihood_is_reproduced(evaluated):
    result, theirs = evaluated
    assert result.attrs["total"] == pytest.approx(-35889.542490, abs=1e-5)
    people = result["participant"]["log_likelihood"].sum("response").to_series()
    np.testing.assert_allclose(people, theirs.loglik_mdl1.reindex(people.index), atol=1e-4)


def test_the_authors_trial_wise_estimates_are_reproduced(pain, evaluated):
    result, theirs = evaluated
    file = FOLDER / "derived_table_pain_4mdls_author_trial_estimates.csv"
    stated = pd.read_csv(file).rename(columns={name: key for key, name in KEYS.items()})
    stated["participant"] = stated["participant"].astype(int).astype(str)
    trials = pain.trials.merge(stated, on=list(KEYS), how="left", validate="one_to_one")
    latents = result["latents"]
    assert trials.participant.nunique() == len(theirs) == 63
    for name, column in (("expectation", "Exp_mdl1"), ("prediction_error", "PE_mdl1")):
        np.testing.assert_allclose(latents[name], trials[column], rtol=0, atol=1e-6)


@pytest.mark.slow
def test_vicarious_pain_is_fitted_cleanly(open_study):
    study = open_study("jung_2023")
    assert (study.trials.participant.nunique(), len(study.trials)) == (110, 5936)
    model = em.get_model("cue_expectation_learning")
    fit = em.fit(model, study, seed=1, draws=2000, tune=1000, chains=4, progress=False)
    checks = em.check(fit).set_index("check")
    print(checks.to_string())
    for name in ("R-hat, population", "R-hat, people", "bulk ESS, population", "divergences"):
        assert checks.loc[name, "passed"], checks.loc[name, "advice"]
