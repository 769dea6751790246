"""Empathy components: a plain loop, rivals by their factors, what is said of regions, recovery."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.checks.contraction import left_open
from empathymodels.inference.fits import arrangement_of
from folders import BUNDLED

DATA = BUNDLED / "told_stories"
PROCESSES = {"sharing": "experience sharing", "mentalizing": "mentalizing"}
PROCESSES["concern"] = "empathic concern"
REGIONS = {"AI": "sharing", "TPJ": "mentalizing", "TP": "mentalizing", "VS": "concern"}
ALONE = {name: name for name in PROCESSES}  # by which factor a process is seen
RIVALS = {
    "two_factors": ALONE | {"concern": "sharing"},
    "one_factor": dict.fromkeys(PROCESSES, "sharing"),
    "uncorrelated": ALONE,
}
NORMAL = NormalDist()
QUESTIONS = pd.Series({"one": 0.5, "two": -0.7}, name="difficulty")


def values():
    """Different numbers for everything, factors of everybody's own."""
    rng = np.random.default_rng(7)
    found = {name: pd.Series(rng.normal(0, 1, 4), list("abcd")) for name in PROCESSES}
    for name, level, response in (("affect", 60.0, -20.0), ("compassion", 35.0, 25.0)):
        found |= {f"{name}_level": level, f"{name}_response": response}
        found |= {f"{name}_loading": rng.uniform(4, 9), f"{name}_noise": rng.uniform(10, 20)}
    found |= {"accuracy": 0.4, "accuracy_loading": 0.8}
    for region in REGIONS:
        for name in ("region_mean", "region_loading", "region_noise"):
            found[f"{name}[{region}]"] = rng.uniform(0.3, 1)
    return found


@pytest.fixture(scope="module")
def components():
    return em.get_model("empathy_components")


@pytest.fixture(scope="module")
def study():
    """Four people, 20 stories of graded emotion, four regions; something of all is missing."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {"participant": np.repeat(list("abcd"), 20), "trial": np.tile(range(20), 4)}
    )
    table["emotional"] = rng.choice([0, 0.5, 1], 80)
    table["question"] = rng.choice(QUESTIONS.index, 80)
    for name in ("affect", "compassion"):
        table[name] = rng.integers(0, 101, 80).astype(float)
        table.loc[rng.random(80) < 0.1, name] = np.nan
    table.loc[:2, "affect"] = 0.0, 100.0, 51.0
    table["correct"] = np.where(rng.random(80) < 0.3, np.nan, rng.integers(0, 2, 80))
    rows = pd.DataFrame({"region": list(REGIONS)})
    rows["process"] = rows["region"].map(REGIONS).map(PROCESSES)
    betas = pd.concat([rows.assign(participant=p) for p in "abcd"], ignore_index=True)
    betas["beta"], betas["se"] = rng.normal(0, 1, 16), rng.uniform(0.1, 0.5, 16)
    return em.Study(trials=table, regions=betas.drop(index=5))


def rated(value, mean, noise):
    """Log-probability of a rating in whole points, all beyond an end at the end."""
    low = -math.inf if value == 0 else (value - 0.5 - mean) / noise
    high = math.inf if value == 100 else (value + 0.5 - mean) / noise
    if low > 0:  # the same on the other side, where no digits are lost
        low, high = -high, -low
    return math.log((math.erfc(-high / math.sqrt(2)) - math.erfc(-low / math.sqrt(2))) / 2)


def density(value, mean, noise):
    return math.log(NORMAL.pdf((value - mean) / noise) / noise)


def loop(study, v, seen=ALONE, likelihood=rated):
    """Log-likelihoods by response, with the factors by which processes are seen."""
    found = {name: [] for name in ("affect", "compassion", "correct", "beta")}
    for row in study.trials.itertuples():
        sharing, mentalizing, concern = (v[seen[name]][row.participant] for name in PROCESSES)
        moved = {
            "affect": v["affect_response"] - v["affect_loading"] * sharing,
            "compassion": v["compassion_response"] + v["compassion_loading"] * concern,
        }
        for name, response in moved.items():
            value, noise = getattr(row, name), v[f"{name}_noise"]
            if not math.isnan(value):
                mean = v[f"{name}_level"] + row.emotional * response
                found[name].append(likelihood(value, mean, noise))
        if not math.isnan(row.correct):
            able = v["accuracy"] + v["accuracy_loading"] * mentalizing - QUESTIONS[row.question]
            p = 1 / (1 + math.exp(-able))
            found["correct"].append(math.log(p if row.correct else 1 - p))
    for row in study.regions.itertuples():
        factor = v[seen[REGIONS[row.region]]][row.participant]
        mean, loading, noise = (
            v[f"region_{n}[{row.region}]"] for n in ("mean", "loading", "noise")
        )
        found["beta"].append(density(row.beta, mean + loading * factor, math.hypot(noise, row.se)))
    return found


def agrees(model, study, expected):
    free = {p.name for p in model.parameters if p.fixed is None}
    given = {n: value for n, value in values().items() if n.split("[")[0] in free}
    rows = em.log_likelihood(model, study, given | {"difficulty": QUESTIONS})["row"]
    for name, numbers in expected.items():
        scored = rows[name].to_numpy()
        scored = scored[np.isfinite(scored)]
        np.testing.assert_allclose(scored, numbers, rtol=0, atol=1e-8, err_msg=name)


def test_it_is_the_loop(components, study):
    agrees(components, study, loop(study, values()))
    agrees(components.rival("plain_normal"), study, loop(study, values(), likelihood=density))


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_see_processes_by_their_factors(components, study, name):
    model, seen = components.rival(name), RIVALS[name]
    assert {p.name for p in model.parameters} & set(PROCESSES) == set(seen.values())
    agrees(model, study, loop(study, values(), seen))


def test_without_factors_measures_share_nothing(components, study):
    nothing = {name: 0.0 for name in values() if name.split("[")[0].endswith("_loading")}
    agrees(components.rival("no_factors"), study, loop(study, values() | nothing))


def test_only_three_factors_correlate_as_they_like(components):
    assert components.correlate == tuple(PROCESSES)
    assert components.rival("two_factors").correlate == ("sharing", "mentalizing")
    assert components.rival("one_factor").correlate == ("sharing",)
    assert components.rival("uncorrelated").correlate == ()


def test_a_rival_of_fewer_measures(components):
    alone = components.without("affect", "compassion", "correct").rival("one_factor")
    assert [r.name for r in alone.responses] == ["beta"]


def test_correlations_between_regions_by_process(components):
    """Regions of one process alike, those of another the opposite."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, 30)
    rows = [
        (f"p{k}", region, process, sign * value)
        for region, process, sign in (
            ("AI", "experience sharing", 1),
            ("ACC", "experience sharing", 2),
            ("TPJ", "mentalizing", -1),
        )
        for k, value in enumerate(x)
    ]
    table = pd.DataFrame(rows, columns=["participant", "region", "process", "beta"])
    found = {s.name: s.function(table) for s in components.statistics if s.response == "beta"}
    assert found["mean r of regions, sharing and sharing"] == pytest.approx(1)
    assert found["mean r of regions, sharing and mentalizing"] == pytest.approx(-1)
    assert np.isnan(found["mean r of regions, mentalizing and mentalizing"])
    assert np.isnan(found["mean r of regions, sharing and concern"])


def test_regions_of_the_package_name_their_process(components):
    levels = components.column("process").levels
    assert set(em.regions()["process"]) == set(levels)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_factors_of_regions_are_recovered(components):
    """Loadings, correlations of factors and people's factors, from betas alone."""
    study = em.load_study("told_stories")
    model = components.without("affect", "compassion", "correct")
    fit = em.fit(model, study, seed=1, chains=2, draws=400, tune=400)
    posterior = fit["posterior"].to_dataset()
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant")
    for region in posterior["region"].to_numpy():
        draws = posterior["region_loading"].sel(region=region)
        true = truth[f"region_loading[{region}]"].iloc[0]
        print(f"{region}: true {true:.2f}, {float(draws.mean()):.2f} +- {float(draws.std()):.2f}")
        assert abs(float(draws.mean()) - true) < 3 * float(draws.std()), region
    for name in PROCESSES:
        mean = posterior[name].mean(("chain", "draw")).to_series().reindex(truth.index)
        r = np.corrcoef(mean, truth[name])[0, 1]
        print(f"{name}: r = {r:.2f}")
        assert r > 0.7
    labels, _ = left_open(posterior, arrangement_of(fit))
    assert not set(labels) & set(PROCESSES)  # means that the priors set are no question
