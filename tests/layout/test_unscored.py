"""Rows that hold a response and cannot be scored are told, and refused where none is left."""

import numpy as np
import pytest

import empathymodels as em
from bundled import MODELS
from empathymodels.layout.arrange import arrange

EFFORT = em.get_model("prosocial_effort")


def changed(name, column, values, rows=slice(None), table="trials"):
    """A bundled study with other values of a column in some rows."""
    study = em.load_study(name)
    tables = {key: each.copy() for key, each in study.tables.items()}
    tables[table][column] = tables[table][column].astype(object)
    tables[table].loc[tables[table].index[rows], column] = values
    return em.Study(**tables)


def test_rows_that_lack_what_a_response_depends_on_are_counted():
    notices = arrange(EFFORT, changed("effort_for_others", "effort", np.nan, slice(37))).notices
    [told] = [notice for notice in notices if "not scored" in notice]
    assert "'work' is not scored on 37 of 6,000 rows of trials" in told
    assert told.endswith("'effort' is missing on 37.")


@pytest.mark.parametrize(("name", "model"), MODELS.items())
def test_bundled_studies_are_scored_whole(name, model):
    notices = arrange(em.get_model(model), em.load_study(name)).notices
    assert not [notice for notice in notices if "not scored" in notice]


def test_a_study_of_which_nothing_can_be_scored_is_refused():
    study = changed("effort_for_others", "reward", np.nan)
    with pytest.raises(ValueError, match=r"'work' is not scored on 6,000 of 6,000 .*'reward'"):
        arrange(EFFORT, study)
    regions = changed("group_pain", "se", np.nan, table="regions")
    with pytest.raises(ValueError, match="cannot use study") as refused:
        arrange(em.get_model("intergroup_bias"), regions)
    assert "1. 'AI' is not scored" in str(refused.value)
    assert "2. 'ACC' is not scored" in str(refused.value)


@pytest.mark.parametrize("nothing", [None, np.nan, "", "  "])
@pytest.mark.parametrize(
    ("name", "column"), [("observed_shocks", "cue"), ("trust_game", "partner")]
)
def test_labels_that_are_all_missing_are_refused(name, column, nothing):
    study = changed(name, column, nothing)
    with pytest.raises(ValueError, match=rf"Column '{column}' .* must hold labels: "):
        arrange(em.get_model(MODELS[name]), study)
