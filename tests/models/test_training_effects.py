"""Training empathy, then compassion: a plain loop, rivals, recovery of what training adds."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from folders import BUNDLED

DATA = BUNDLED / "trained_compassion"
MEASURES = {"negative": "negative_", "positive": "positive_", "AI": "ai_", "mOFC": "mofc_"}
RATINGS = ("negative", "positive")
ITEMS = pd.DataFrame({"negative_item": [0.4, -0.2, 0.1], "positive_item": [-0.3, 0.2, 0.0]})
ITEMS.index = ["one", "two", "three"]
NORMAL = NormalDist()
RIVALS = {
    "no_training": ("empathy_effect", "compassion_effect"),
    "empathy_only": ("compassion_effect",),
    "compassion_only": ("empathy_effect",),
}


def values():
    """Different numbers for everything."""
    rng, found = np.random.default_rng(1), {}
    for response, prefix in MEASURES.items():
        unit, middle = (1.5, 4.0) if response in RATINGS else (0.5, 0.0)
        for name in ("first_change", "second_change"):
            found[prefix + name] = rng.normal(0, unit)
        for video in ("neutral", "suffering"):
            found[f"{prefix}level[{video}]"] = middle + rng.normal(0, unit)
            for name in ("empathy_effect", "compassion_effect"):
                found[f"{prefix}{name}[{video}]"] = rng.normal(0, unit)
        found[prefix + "noise"] = rng.uniform(0.8, 1.5)
    return found


@pytest.fixture(scope="module")
def training():
    return em.get_model("training_effects")


@pytest.fixture(scope="module")
def videos():
    """Four people, two of them trained, 30 videos; ratings and betas are missing here and there."""
    rng = np.random.default_rng(5)
    n = 120
    table = pd.DataFrame({"participant": np.repeat(list("abcd"), 30)})
    table["trial"] = np.tile(range(30), 4)
    table["phase"] = rng.integers(0, 3, n)
    table["video"] = rng.choice(["neutral", "suffering"], n)
    table["item"] = rng.choice(ITEMS.index, n)
    for response in RATINGS:
        table[response] = rng.integers(0, 11, n).astype(float)
        table.loc[rng.random(n) < 0.1, response] = np.nan
    people = pd.DataFrame({"participant": list("abcd"), "group": ["training", "control"] * 2})
    rows = [table[["participant", "trial"]].assign(region=region) for region in ("AI", "mOFC")]
    betas = pd.concat(rows)
    betas["beta"], betas["se"] = rng.normal(0, 1, 2 * n), rng.uniform(0.1, 0.5, 2 * n)
    return table, people, betas[rng.random(2 * n) > 0.1].reset_index(drop=True)


def score(value, mean, noise):
    """Log-probability of a rating in whole steps from 0 to 10."""
    low = 0.0 if value == 0 else NORMAL.cdf((value - 0.5 - mean) / noise)
    high = 1.0 if value == 10 else NORMAL.cdf((value + 0.5 - mean) / noise)
    return math.log(high - low)


def density(value, mean, noise):
    return math.log(NORMAL.pdf((value - mean) / noise) / noise)


def mean_of(row, group, prefix, given):
    mean = given[f"{prefix}level[{row.video}]"]
    for k, (change, effect) in enumerate(
        (("first_change", "empathy_effect"), ("second_change", "compassion_effect")), start=1
    ):
        if row.phase >= k:
            mean += given[prefix + change]
            if group == "training":
                mean += given[f"{prefix}{effect}[{row.video}]"]
    return mean


def loop(videos, given, rated=score):
    table, people, betas = videos
    groups = people.set_index("participant")["group"]
    rows = {(row.participant, row.trial): row for row in table.itertuples()}
    found = {response: [] for response in MEASURES}
    for row in table.itertuples():
        for response in RATINGS:
            value = getattr(row, response)
            if not math.isnan(value):
                prefix = MEASURES[response]
                mean = mean_of(row, groups[row.participant], prefix, given)
                mean += ITEMS.loc[row.item, prefix + "item"]
                found[response].append(rated(value, mean, given[prefix + "noise"]))
    for beta in betas.itertuples():
        row, prefix = rows[beta.participant, beta.trial], MEASURES[beta.region]
        mean = mean_of(row, groups[beta.participant], prefix, given)
        noise = math.hypot(given[prefix + "noise"], beta.se)
        found[beta.region].append(density(beta.beta, mean, noise))
    return found


def agrees(model, videos, given, expected):
    table, people, betas = videos
    study = em.Study(trials=table, participants=people, regions=betas)
    found = em.log_likelihood(model, study, given | dict(ITEMS.items()))["row"]
    for response, numbers in expected.items():
        scored = found[response].to_numpy()
        scored = scored[np.isfinite(scored)]
        np.testing.assert_allclose(scored, numbers, rtol=0, atol=1e-8, err_msg=response)


def test_it_is_the_loop(training, videos):
    agrees(training, videos, values(), loop(videos, values()))
    plain = loop(videos, values(), rated=density)
    agrees(training.rival("plain_normal"), videos, values(), plain)


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_without_an_effect(training, videos, name):
    held = {n: 0.0 for n in values() if any(effect in n for effect in RIVALS[name])}
    free = {n: v for n, v in values().items() if n not in held}
    assert len(held) == 8 * len(RIVALS[name])
    agrees(training.rival(name), videos, free, loop(videos, values() | held))


def test_rival_of_any_video(training, videos):
    both = {n: v for n, v in values().items() if "effect" in n}
    pooled = {n.split("[")[0]: v for n, v in both.items() if "suffering" in n}
    free = {n: v for n, v in values().items() if n not in both} | pooled
    alike = {n: pooled[n.split("[")[0]] for n in both}
    agrees(training.rival("any_video"), videos, free, loop(videos, values() | alike))


def test_nothing_of_training_is_read_before_it_or_without_it(training, videos):
    """Who is in the control group, or not yet trained, says nothing of what training adds."""
    table, people, betas = videos
    changed = {n: v + 1 if "effect" in n else v for n, v in values().items()}
    untrained = (table, people.assign(group=["control"] * 3 + ["training"]), betas)
    before = (
        table.assign(phase=table["phase"].where(table["participant"] != "d", 0)),
        *untrained[1:],
    )
    study = em.Study(trials=before[0], participants=before[1], regions=betas)
    totals = [
        em.log_likelihood(training, study, given | dict(ITEMS.items())).attrs["total"]
        for given in (values(), changed)
    ]
    assert totals[0] == pytest.approx(totals[1], rel=1e-12)


def test_statistics(training):
    rows = [
        ("training", 0, "suffering", 4.0), ("training", 1, "suffering", 7.0),
        ("training", 2, "suffering", 5.0), ("control", 0, "suffering", 5.0),
        ("control", 1, "suffering", 4.5), ("control", 2, "suffering", 4.0),
        ("control", 0, "neutral", 1.0),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["group", "phase", "video", "negative"])
    table["participant"] = table["group"]
    found = {s.name: s.function(table) for s in training.statistics if s.response == "negative"}
    assert found["negative of suffering, first change, trained minus control"] == 3 + 0.5
    assert found["negative of suffering, second change, trained minus control"] == -2 + 0.5
    assert found["negative, suffering minus neutral"] == pytest.approx(29.5 / 6 - 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_training_adds_is_recovered(training):
    """Effects on negative and positive affect, and their directions."""
    study = em.load_study("trained_compassion")
    study = em.Study(trials=study.trials, participants=study.participants, simulated=True)
    how = {"seed": 1, "chains": 2, "draws": 400, "tune": 400}
    fit = em.fit(training.without("AI", "mOFC"), study, **how)
    posterior = fit["posterior"].to_dataset()
    truth = pd.read_csv(DATA / "true_parameters.csv")
    for measure in RATINGS:
        for name in ("empathy", "compassion"):
            for video in ("neutral", "suffering"):
                draws = posterior[f"{measure}_{name}_effect"].sel(video=video)
                true = truth[f"{measure}_{name}_effect[{video}]"].iloc[0]
                print(measure, name, video, f"{float(draws.mean()):.2f} (true {true})")
                assert abs(float(draws.mean()) - true) < 3 * float(draws.std())
    for column, sign in (
        ("negative_empathy_effect", 1),
        ("negative_compassion_effect", -1),
        ("positive_compassion_effect", 1),
    ):
        of_suffering = sign * posterior[column].sel(video="suffering")
        assert float((of_suffering > 0).mean()) > 0.99, column
