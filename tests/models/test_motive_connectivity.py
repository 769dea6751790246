"""Motive connectivity: a plain loop, rivals, motives of people left out, recovery."""

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em

CONNECTIONS = ("ACC_to_AI", "AI_to_ACC", "AI_to_VS", "VS_to_AI", "ACC_to_VS", "VS_to_ACC")
MOTIVES = ("empathy", "reciprocity")
RNG = np.random.default_rng(4)
WEIGHTS = {f"{m}_{name}": round(float(RNG.normal()), 2) for m in MOTIVES for name in CONNECTIONS}
VALUES = {"empathy_bias": 0.3, "reciprocity_bias": -0.5} | WEIGHTS


@pytest.fixture(scope="module")
def connectivity():
    return em.get_model("motive_connectivity")


@pytest.fixture(scope="module")
def table():
    """12 people in three conditions each; one motive is not known."""
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"participant": np.repeat(list("abcdefghijkl"), 3)})
    rows["trial"] = np.tile([1, 2, 3], 12)
    for name in CONNECTIONS:
        rows[name] = rng.normal(0, 1, 36).round(2)
    rows["motive"] = rng.integers(0, 3, 36).astype(float)
    rows.loc[7, "motive"] = np.nan
    return rows


def loop(table, v, motives=MOTIVES, weights_of=None):
    """Log-probability of every motive, of none and of those that are told."""
    found = []
    for row in table.itertuples():
        if math.isnan(row.motive):
            found.append(math.nan)
            continue
        odds = [1.0]
        for motive in motives:
            u = v[f"{motive}_bias"]
            for name in CONNECTIONS:
                u += v[f"{weights_of or motive}_{name}"] * getattr(row, name)
            odds.append(math.exp(u))
        found.append(math.log(odds[int(row.motive)] / sum(odds)))
    return np.array(found)


def scored(model, table, v):
    free = {p.name for p in model.parameters if p.fixed is None}
    given = {name: value for name, value in v.items() if name in free}
    return em.log_likelihood(model, em.Study(trials=table), given)["row"]["motive"].to_numpy()


def test_it_is_the_loop_and_so_are_its_rivals(connectivity, table):
    nothing = VALUES | dict.fromkeys(WEIGHTS, 0.0)
    expected = {
        "few_connections": loop(table, VALUES),
        "chance": loop(table, nothing),
        "any_motive": loop(table, VALUES, weights_of="empathy"),
    }
    found = scored(connectivity, table, VALUES)
    np.testing.assert_allclose(found, loop(table, VALUES), rtol=0, atol=1e-8)
    for name, numbers in expected.items():
        found = scored(connectivity.rival(name), table, VALUES)
        np.testing.assert_allclose(found, numbers, rtol=0, atol=1e-8, err_msg=name)


def test_one_motive_beside_none(connectivity, table):
    two = connectivity.rival("two_motives")
    some = table[table["motive"] != 2]
    np.testing.assert_allclose(
        scored(two, some, VALUES), loop(some, VALUES, MOTIVES[:1]), rtol=0, atol=1e-8
    )
    with pytest.raises(ValueError, match="'motive' of trials must be one of"):
        scored(two, table, VALUES)


def test_connections_that_a_study_lacks_say_nothing(connectivity, table):
    fewer = table.drop(columns=["VS_to_AI", "ACC_to_VS"])
    held = [f"{m}_{name}" for m in MOTIVES for name in ("VS_to_AI", "ACC_to_VS")]
    given = {name: value for name, value in VALUES.items() if name not in held}
    found = em.log_likelihood(connectivity, em.Study(trials=fewer), given)["row"]["motive"]
    expected = loop(table, VALUES | dict.fromkeys(held, 0.0))
    np.testing.assert_allclose(found.to_numpy(), expected, rtol=0, atol=1e-8)


# ---------------------------------------------------------------------- people left out


@pytest.fixture(scope="module")
def fit(connectivity):
    study = em.load_study("read_motives")
    return em.fit(connectivity, study, seed=1, chains=2, draws=500, tune=400)


def test_weights_are_recovered(fit):
    posterior = fit["posterior"].to_dataset()
    truth = {"empathy_ACC_to_AI": 0.6, "reciprocity_AI_to_ACC": 0.8, "reciprocity_AI_to_VS": 1.0}
    for name in WEIGHTS:
        draws, true = posterior[name], truth.get(name, 0.6 * (name == "reciprocity_ACC_to_AI"))
        print(f"{name}: true {true}, {float(draws.mean()):.2f} +- {float(draws.std()):.2f}")
        assert abs(float(draws.mean()) - true) < 3 * float(draws.std()), name
    assert float((posterior["reciprocity_AI_to_VS"] > 0).mean()) > 0.99


def test_motives_of_people_left_out(fit):
    """Probabilities sum to one, and their log scores are those of `loo` over people."""
    told = em.classify(fit)
    levels = told[["p_0", "p_1", "p_2"]].to_numpy()
    np.testing.assert_allclose(levels.sum(axis=1), 1, atol=1e-10)
    assert (told["predicted"] == levels.argmax(axis=1)).all()
    of_observed = levels[np.arange(len(told)), told["observed"].astype(int)]
    loo = em.loo(fit, unit="participant", draws=300)
    everybody = pd.Series(np.log(of_observed), told["participant"])
    found = pd.Series(loo.elpd_i.to_numpy(), loo.elpd_i["participant"].to_numpy())
    np.testing.assert_allclose(found.reindex(everybody.index), everybody, atol=0.1)
    assert told.attrs["log_score"] == pytest.approx(np.log(of_observed).mean())
    accuracy, people = told["correct"].mean(), len(told)
    assert told.attrs["accuracy"] == pytest.approx(accuracy)
    expected = (accuracy * (1 - accuracy) / (people - 1)) ** 0.5
    assert told.attrs["se"] == pytest.approx(expected)
    assert told.attrs["chance"] == told["observed"].value_counts().max() / people
    assert told.attrs["reading"].startswith("'motive' of people left out is told right in")
    glance, short = fit.copy(), fit.copy()
    glance.attrs = fit.attrs | {"method": "laplace"}
    assert "from approximate draws" in em.classify(glance).attrs["reading"]
    short["posterior"] = xr.DataTree(fit["posterior"].to_dataset().isel(draw=slice(40)))
    assert "not converged: 'fit' (" in em.classify(short).attrs["reading"]


def test_rows_of_one_person_are_left_out_together(connectivity, table):
    """As by importance weights of all of a person's rows, here without smoothing."""
    some = table.dropna()
    fit = em.fit(connectivity, em.Study(trials=some), seed=1, chains=2, draws=500, tune=400)
    told = em.classify(fit).set_index(["participant", "trial"])
    posterior = fit["posterior"].to_dataset().stack(sample=("chain", "draw"))
    for person in "ac":
        rows, each = some[some["participant"] == person], []
        for row in rows.itertuples():
            odds = [np.ones(1000)]
            for motive in MOTIVES:
                u = posterior[f"{motive}_bias"].to_numpy()
                for name in CONNECTIONS:
                    u = u + posterior[f"{motive}_{name}"].to_numpy() * getattr(row, name)
                odds.append(np.exp(u))
            each.append(np.array(odds) / sum(odds))
        weights = 1 / np.prod(
            [p[int(m)] for p, m in zip(each, rows["motive"], strict=True)], axis=0
        )
        for row, p in zip(rows.itertuples(), each, strict=True):
            expected = (p * weights).sum(axis=1) / weights.sum()
            found = told.loc[(person, row.trial), ["p_0", "p_1", "p_2"]].to_numpy(dtype=float)
            np.testing.assert_allclose(found, expected, atol=0.02)


def test_what_cannot_be_told(fit, own_fit):
    with pytest.raises(KeyError, match="must name a response that the fit scored: 'motive'"):
        em.classify(fit, response="motiv")
    with pytest.raises(ValueError, match="only what all people share is known"):
        em.classify(own_fit)
