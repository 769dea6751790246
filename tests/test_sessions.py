"""Parameters per session: their correlation, and reliability as a posterior."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em

PEOPLE, TRIALS, CORRELATION, SPREAD, SHIFT = 40, 12, 0.8, 1.5, 1.0


@pytest.fixture(scope="module")
def retested(own_model):
    """Ratings of 40 people at two sessions; baselines correlate .8, and rise by 1 point."""
    rng = np.random.default_rng(8)
    z = rng.normal(size=(PEOPLE, 2))
    second = CORRELATION * z[:, 0] + np.sqrt(1 - CORRELATION**2) * z[:, 1]
    baseline = 5 + SPREAD * np.column_stack([z[:, 0], second]) + [0, SHIFT]
    person, session, trial = (
        axis.ravel() for axis in np.indices((PEOPLE, 2, TRIALS))
    )  # fmt: skip
    intensity = rng.uniform(-1, 1, len(person))
    rating = baseline[person, session] + 1.2 * intensity + rng.normal(0, 1, len(person))
    table = {"participant": person, "session": session + 1, "trial": trial}
    trials = pd.DataFrame(table | {"intensity": intensity, "rating": rating})
    study = em.Study(trials=trials, simulated=True)
    model = own_model.split("session", "baseline")
    return em.fit(model, study, chains=2, draws=400, tune=500, seed=1)


def test_every_session_has_its_value(retested):
    assert retested["posterior"]["baseline"].dims == ("chain", "draw", "participant", "session")
    assert retested["posterior"]["session"].to_numpy().tolist() == [1, 2]
    shift = em.contrast(retested, "baseline", {"session": 2}, {"session": 1}).iloc[0]
    assert shift["hdi_low"] < SHIFT < shift["hdi_high"]


def test_reliability_is_recovered(retested):
    table = em.reliability(retested, "baseline").set_index("measure")
    agreement = 2 * CORRELATION * SPREAD**2 / (2 * SPREAD**2 + SHIFT**2)
    for measure, truth in {
        "correlation": CORRELATION,
        "ICC consistency": CORRELATION,
        "ICC agreement": agreement,
    }.items():
        assert abs(table.loc[measure, "mean"] - truth) < 2.5 * table.loc[measure, "sd"]
    assert table.loc["correlation", "sd"] < 0.5 * table.loc["correlation", "prior_sd"]
    assert table.loc["correlation", "prior_sd"] == pytest.approx(1 / np.sqrt(5))


def test_reliability_of_what_is_not_split(retested):
    with pytest.raises(ValueError, match=r"'slope' has 0 and .*split\(\"session\", \"slope\"\)"):
        em.reliability(retested, "slope")


def test_split_is_recorded_and_refused_where_it_cannot_be(own_model):
    model = own_model.split("session", "baseline")
    assert model.label == "rated_pain split(session, baseline)"
    assert own_model.vary(model.variant).parameters == model.parameters
    with pytest.raises(ValueError, match="'noise' has level 'population'"):
        own_model.split("session", "noise")


def test_difference_of_differences(own_fit):
    young, old = {"age": 30}, {"age": 50}
    one, other = (
        em.contrast(own_fit, "baseline", {"group": g} | old, {"group": g} | young).iloc[0]
        for g in ("out", "in")
    )
    pair = ({"group": "in"} | old, {"group": "in"} | young)
    row = em.contrast(
        own_fit, "baseline", {"group": "out"} | old, {"group": "out"} | young, minus=pair
    ).iloc[0]
    assert row["mean"] == pytest.approx(one["mean"] - other["mean"], abs=1e-12)
    assert row["first"] == "group = out, age = 50 minus group = in, age = 50"
