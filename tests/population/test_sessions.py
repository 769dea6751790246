"""Parameters per session: their correlation, and reliability as a posterior."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.layout.arrange import arrange

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
    assert retested["posterior"]["session"].to_numpy().tolist() == ["1", "2"]
    shift = em.contrast(retested, "baseline", {"session": 2}, {"session": 1}).iloc[0]
    assert abs(shift["mean"] - SHIFT) < 2.5 * shift["sd"]


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


def test_covariates_add_to_the_differences_between_people(retested):
    """Two groups that are 4 and 2 points apart: variances 4 and 1 and a covariance of 2 on top."""
    fit, posterior = retested.copy(), retested["posterior"].to_dataset().copy(deep=True)
    scale = 10.0  # points of the rating's range
    posterior["baseline_sd"][...] = SPREAD / scale
    posterior["baseline_mean"][...] = 0.5
    correlation = posterior["correlation"]
    correlation[...] = np.where(np.eye(correlation.sizes["correlated"], dtype=bool), 1, CORRELATION)
    effect = np.array([4.0, 2.0]) / scale
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    posterior["baseline_effect"] = (
        ("chain", "draw", "session", "baseline_covariate"),
        np.broadcast_to(effect[:, None], (chains, draws, 2, 1)),
    )
    fit["posterior"] = xr.DataTree(posterior)
    rows = np.resize([0.0, 1.0], PEOPLE)[:, None]
    constant = xr.Dataset({"baseline_covariates": (("participant", "baseline_covariate"), rows)})
    fit["constant_data"] = xr.DataTree(constant)
    conditional = em.reliability(fit, "baseline")
    assert "unexplained" in conditional.attrs["reading"]
    found = conditional.set_index("measure")["mean"]
    assert found["ICC consistency"] == pytest.approx(CORRELATION)
    variance, shared = SPREAD**2, CORRELATION * SPREAD**2
    assert found["ICC agreement"] == pytest.approx(2 * shared / (2 * variance + 1**2))
    everything = em.reliability(fit, "baseline", kind="unconditional")
    found = everything.set_index("measure")["mean"]
    variances, shared = np.array([variance + 4, variance + 1]), shared + 2
    assert found["correlation"] == pytest.approx(shared / np.sqrt(variances.prod()))
    assert found["ICC consistency"] == pytest.approx(2 * shared / variances.sum())
    assert found["ICC agreement"] == pytest.approx(2 * shared / (variances.sum() + 1))
    with pytest.raises(ValueError, match="'conditional' or 'unconditional'"):
        em.reliability(fit, "baseline", kind="total")


def test_reliability_has_no_interval_where_spreads_have_none(retested):
    approximate = retested.copy()
    approximate.attrs = retested.attrs | {"method": "laplace"}
    table = em.reliability(approximate, "baseline")
    assert table[["hdi_low", "hdi_high"]].isna().all(axis=None)
    assert set(table["method"]) == {"laplace, approximate"}
    assert not em.reliability(retested, "baseline")["hdi_low"].isna().any()


def test_reliability_of_what_is_not_split(retested):
    with pytest.raises(ValueError, match=r"'slope' has 0 and .*split\(\"session\", \"slope\"\)"):
        em.reliability(retested, "slope")


@pytest.mark.parametrize("trials", [True, False])
def test_betas_may_be_of_sessions_with_trials_and_without(trials):
    """A key that splits is a label in all tables that have it, or betas meet no trial."""
    keys = [(person, session, k) for person in "abc" for session in (1, 2) for k in (1, 2)]
    rows = pd.DataFrame(keys, columns=["participant", "session", "trial"])
    rows["pain"] = rows["trial"] - 1.0
    betas = rows.assign(region="AI", beta=np.arange(12.0) / 4).drop(columns="pain")
    model = em.get_model("intergroup_bias").without("rating", "ACC", "help")
    model = model.fix(ai_group_effect=0.0, ai_bias=0.0).split("session", "ai_pain_effect")
    study = em.Study(trials=rows, regions=betas)
    if not trials:
        pain = replace(model.column("pain"), table="regions")
        kept = tuple(pain if c.name == "pain" else c for c in model.columns)
        model, study = replace(model, columns=kept), em.Study(regions=betas.merge(rows))
    arrangement = arrange(model, study)
    assert arrangement.levels["session"] == ["1", "2"]
    frame = arrangement.scored["AI"].frame
    assert arrangement.codes(frame, "session").tolist() == [0, 0, 1, 1] * 3
    assert arrangement.values(frame, model.column("pain")).tolist() == [0, 1] * 6
    once = betas.merge(rows).query("session == 1").drop(columns="session")
    with pytest.raises(ValueError, match=r"Column 'session' .* must be in trials"):
        arrange(model, em.Study(trials=once.drop(columns=["region", "beta"]), regions=once))


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
