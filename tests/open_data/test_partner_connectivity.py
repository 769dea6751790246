"""Who the partner was, read out of connectivity in a trust game (skipped if absent): nothing."""

import numpy as np
import pytest

import empathymodels as em


@pytest.fixture(scope="module")
def connectivity(open_study):
    """48 people x 3 partners: coupling after defection and reciprocation, standardised."""
    return open_study("fareri_2022_connectivity")


def test_partners_of_people_left_out_are_told_at_chance(connectivity):
    model = em.get_model("motive_connectivity")
    fit = em.fit(model, connectivity, seed=1, chains=2, draws=500, tune=500)
    told = em.classify(fit)
    assert len(told) == 144
    assert told.attrs["chance"] == pytest.approx(1 / 3)
    assert told.attrs["accuracy"] == pytest.approx(1 / 3, abs=2 * told.attrs["se"])
    assert told.attrs["log_score"] < np.log(1 / 3)
