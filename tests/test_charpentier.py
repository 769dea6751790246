"""Three models of user files on Charpentier et al. (2024), study 1 (skipped where it is absent)."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import empathymodels as em

ROOT = Path(__file__).parents[1]
FOLDER = ROOT.parent / "shared" / "studies" / "charpentier2024_observational"
COLUMNS = {
    "participant": "subNb",
    "block": "blockNb",
    "trial": "trialNbBl",
    "partner_box": "boxPartner",
    "partner_token": "tokPartner",
    "orange_rewarded": "isOrRew",
    "points_at_stake": "rewMag",
    "choose_orange": "choiceColor",
}
# of each file: the authors' name of the model, their total, and our names of their parameters
PUBLISHED = {
    "obs_learn": (
        "obslearn",
        -12170.992187,
        {"learning_rate": "alpha", "inverse_temperature": "beta"},
    ),
    "exp_learn": (
        "explearn",
        -12708.108249,
        {"learning_rate": "alpha", "inverse_temperature": "beta", "magnitude_weight": "mag_boost"},
    ),
    "fix_arb": (
        "fixarb",
        -11275.846228,
        {
            "observation_weight": "w_ol",
            "observational_learning_rate": "alpha_ol",
            "experiential_learning_rate": "alpha_el",
            "observational_inverse_temperature": "beta_ol",
            "experiential_inverse_temperature": "beta_el",
            "magnitude_weight": "mag_boost",
        },
    ),
}
every_model = pytest.mark.parametrize("name", PUBLISHED)
with_the_study = pytest.mark.skipif(
    not FOLDER.exists(),
    reason="the open study charpentier2024_observational is not beside the checkout",
)


def file_of(name):
    return ROOT / "examples" / "observational_learning" / f"{name}.py"


@cache
def published_fits():
    fits = pd.read_csv(FOLDER / "derived_individual_fits.csv", dtype={"subNb": str})
    return fits.set_index("subNb").rename_axis("participant")


@pytest.fixture(scope="module")
def study():
    trials = pd.read_csv(FOLDER / "data_study1.csv")
    trials["first_of_block"] = (trials.trialNbBl == 1).astype(int)
    return em.Study(trials=trials, columns=COLUMNS)


@with_the_study
def test_the_study_is_whole(study):
    trials = study.trials
    assert (trials.participant.nunique(), len(trials)) == (126, 20160)
    assert trials.choose_orange.notna().sum() == published_fits().n_choices.sum() == 19994


@with_the_study
@every_model
def test_the_authors_log_likelihood_is_reproduced(study, name):
    theirs, total, names = PUBLISHED[name]
    fits = published_fits()
    table = pd.DataFrame({ours: fits[f"{theirs}_{column}"] for ours, column in names.items()})
    result = em.log_likelihood(em.get_model(file_of(name)), study, table)
    assert result["row"]["choose_orange"].notnull().sum() == 19994  # as many as were scored
    assert result.attrs["total"] == pytest.approx(total, rel=0, abs=1e-5)
    people = result["participant"]["log_likelihood"].sum("response").to_series()
    assert len(people) == len(fits)
    expected = fits[f"{theirs}_loglik"].reindex(people.index)
    np.testing.assert_allclose(people, expected, rtol=0, atol=1e-8)


@every_model
def test_the_file_passes_verify(name):
    checks = em.verify(file_of(name))
    assert checks.passed.all(), checks[~checks.passed].to_string()
