"""Closeness or similarity: a plain loop, rivals, recovery, practical equivalence."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from folders import BUNDLED

DATA = BUNDLED / "close_others"
EFFECTS = {
    "baseline": 0.2,
    "self_effect": 0.6,
    "closeness_effect": 0.4,
    "similarity_effect": -0.15,
    "interaction": 0.3,
    "noise": 0.7,
}
CINGULATE = {
    "baseline": -0.1,
    "self_effect": 0.3,
    "closeness_effect": 0.5,
    "similarity_effect": 0.1,
    "interaction": -0.2,
    "noise": 0.9,
}
VALUES = EFFECTS | {f"acc_{name}": value for name, value in CINGULATE.items()}
RIVALS = {
    "additive": ("interaction",),
    "closeness_only": ("similarity_effect", "interaction"),
    "similarity_only": ("closeness_effect", "interaction"),
    "no_difference": ("closeness_effect", "similarity_effect", "interaction"),
}


@pytest.fixture(scope="module")
def midline():
    return em.get_model("closeness_similarity")


@pytest.fixture(scope="module")
def judged():
    """Three people, 30 judgments; some attributes are graded, some betas are missing."""
    rng = np.random.default_rng(3)
    n = 90
    table = pd.DataFrame(
        {"participant": np.repeat(list("abc"), 30), "trial": np.tile(range(30), 3)}
    )
    table["target"] = rng.choice(["self", "other"], n, p=[0.2, 0.8])
    table["close"] = rng.choice([0, 0.25, 1], n)
    table["similar"] = rng.choice([0, 0.5, 1], n)
    betas = pd.concat(
        [table[["participant", "trial"]].assign(region=region) for region in ("MPFC", "ACC")]
    )
    betas["beta"], betas["se"] = rng.normal(0, 1, (2 * n)), rng.uniform(0.1, 0.5, 2 * n)
    return table, betas[rng.random(2 * n) > 0.1].reset_index(drop=True)


def loop(table, betas, region, effects):
    found = []
    rows = {(row.participant, row.trial): row for row in table.itertuples()}
    for beta in betas[betas["region"] == region].itertuples():
        row = rows[beta.participant, beta.trial]
        mean = effects["baseline"]
        if row.target == "self":
            mean += effects["self_effect"]
        else:
            mean += effects["closeness_effect"] * (row.close - 0.5)
            mean += effects["similarity_effect"] * (row.similar - 0.5)
            mean += effects["interaction"] * (row.close - 0.5) * (row.similar - 0.5)
        normal = NormalDist(mean, math.hypot(effects["noise"], beta.se))
        found.append(math.log(normal.pdf(beta.beta)))
    return found


def agrees(model, judged, zero=()):
    table, betas = judged
    values = {n: v for n, v in VALUES.items() if n.removeprefix("acc_") not in zero}
    study = em.Study(trials=table, regions=betas)
    found = em.log_likelihood(model, study, values)["row"]
    for region, effects in (("MPFC", EFFECTS), ("ACC", CINGULATE)):
        expected = loop(table, betas, region, effects | dict.fromkeys(zero, 0.0))
        given = found[region].to_numpy()
        np.testing.assert_allclose(given[np.isfinite(given)], expected, rtol=0, atol=1e-8)


def test_it_is_the_loop(midline, judged):
    agrees(midline, judged)


@pytest.mark.parametrize("name", RIVALS)
def test_rivals(midline, judged, name):
    agrees(midline.rival(name), judged, RIVALS[name])


def test_attributes_of_oneself_are_not_read(midline, judged):
    table, betas = judged
    is_self = table["target"] == "self"
    changed = table.assign(close=table["close"].mask(is_self, 1 - table["close"]))
    totals = [
        em.log_likelihood(midline, em.Study(trials=rows, regions=betas), VALUES).attrs["total"]
        for rows in (table, changed)
    ]
    assert totals[0] == pytest.approx(totals[1], rel=1e-12)
    assert is_self.any()


def test_without_similarity_its_effect_is_held(midline, judged):
    table, betas = judged
    plain = table.drop(columns=["similar", "target"])
    held = ("self_effect", "similarity_effect", "interaction")
    values = {n: v for n, v in VALUES.items() if n.removeprefix("acc_") not in held}
    study = em.Study(trials=plain, regions=betas)
    found = em.log_likelihood(midline, study, values)["row"]["MPFC"].to_numpy()
    others = plain.assign(similar=0.5, target="other")
    expected = loop(others, betas, "MPFC", EFFECTS | dict.fromkeys(held, 0.0))
    np.testing.assert_allclose(found[np.isfinite(found)], expected, rtol=0, atol=1e-8)


def test_statistics(midline):
    table = pd.DataFrame(
        {
            "participant": "a",
            "target": ["self", "other", "other", "other", "other"],
            "close": [1, 1, 1, 0, 0],
            "similar": [1, 1, 0, 1, 0],
            "MPFC": [9.0, 5.0, 3.0, 2.0, 1.0],
        }
    )
    found = {s.name: s.function(table) for s in midline.statistics if s.response == "MPFC"}
    assert found["MPFC, close minus other"] == 4 - 1.5
    assert found["MPFC, similar minus not"] == 3.5 - 2
    assert found["MPFC, interaction"] == 3 - 2
    assert found["MPFC, self minus others"] == 9 - 11 / 4


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_was_simulated_is_recovered(midline):
    """Means over people, and that similarity makes no practical difference."""
    study = em.load_study("close_others")
    fit = em.fit(midline, study, seed=1, chains=2, draws=500, tune=500)
    posterior = fit["posterior"].to_dataset()
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant")
    for name in VALUES:
        draws, true = posterior[name], truth[name].mean()
        if "participant" in draws.dims:
            draws = draws.mean("participant")
        assert abs(float(draws.mean()) - true) < 3 * float(draws.std()), name
    mean = posterior["closeness_effect"].mean(("chain", "draw")).to_series().reindex(truth.index)
    assert np.corrcoef(mean, truth["closeness_effect"])[0, 1] > 0.2
    similarity, closeness = (posterior[f"{n}_effect_mean"] for n in ("similarity", "closeness"))
    within = float((abs(similarity) < 0.1).mean())
    print(f"similarity practically none with probability {within:.3f}")
    assert within > 0.7  # .16 in the prior
    assert float((abs(closeness) < 0.1).mean()) < 0.01
    assert float((closeness > similarity).mean()) > 0.99
