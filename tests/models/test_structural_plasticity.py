"""Structural plasticity: a plain loop, rivals, what is said of networks, recovery."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from folders import BUNDLED

DATA = BUNDLED / "trained_cortex"
MODULES = ("attention", "affect", "perspective")
PARCELS = {"p1": "front", "p2": "front", "p3": "back", "p4": "back"}
PEOPLE = list("abcdef")
NORMAL = NormalDist()
RIVALS = {
    "no_training": ("change", "parcel", "person", "link"),
    "no_parcels": ("parcel",),
    "no_link": ("link",),
}


def values():
    """Different numbers for everything, of every person and parcel."""
    rng = np.random.default_rng(3)
    found = {f"time_change[{k}]": pd.Series(rng.normal(0, 1, 6), PEOPLE) for k in (1, 2)}
    found["parcel_change"] = pd.Series(rng.normal(0, 1, 4), list(PARCELS))
    for module in MODULES:
        found |= {f"{module}_change[{network}]": rng.normal() for network in ("front", "back")}
        found[f"{module}_parcel"] = pd.Series(rng.normal(0, 1, 4), list(PARCELS))
        found[f"{module}_person"] = pd.Series(rng.normal(0, 1, 6), PEOPLE)
        found[f"{module}_link"] = rng.normal()
    found |= {f"behaviour_change[{m}]": rng.normal() for m in ("none", *MODULES)}
    return found | {"noise": 0.7, "behaviour_noise": 1.3}


@pytest.fixture(scope="module")
def plasticity():
    return em.get_model("structural_plasticity")


@pytest.fixture(scope="module")
def study():
    """Six people, two periods, four parcels in two networks; something of all is missing."""
    rng = np.random.default_rng(8)
    trials = pd.DataFrame({"participant": np.repeat(PEOPLE, 2), "trial": [1, 2] * 6})
    trials["phase"] = trials["trial"]
    trials["module"] = [*MODULES, "none"] * 3
    trials["behaviour"] = np.where(np.arange(12) == 4, np.nan, rng.normal(0, 1, 12))
    parcels = pd.DataFrame({"region": list(PARCELS), "network": list(PARCELS.values())})
    regions = trials[["participant", "trial"]].merge(parcels, how="cross")
    regions["target"] = rng.choice([0, 0.5, 1], 48)
    regions["beta"], regions["se"] = rng.normal(0, 1, 48), rng.uniform(0.1, 0.5, 48)
    return em.Study(trials=trials, regions=regions.drop(index=[3, 17]).reset_index(drop=True))


def density(value, mean, noise):
    return math.log(NORMAL.pdf((value - mean) / noise) / noise)


def loop(study, v):
    """Log densities by response, where there are any."""
    trials = {(row.participant, row.trial): row for row in study.trials.itertuples()}
    found = {"beta": [], "behaviour": []}
    for row in study.trials.itertuples():
        mean = v[f"behaviour_change[{row.module}]"]
        if row.module != "none":
            mean += v[f"{row.module}_link"] * v[f"{row.module}_person"][row.participant]
        if not math.isnan(row.behaviour):
            found["behaviour"].append(density(row.behaviour, mean, v["behaviour_noise"]))
    for row in study.regions.itertuples():
        trial = trials[row.participant, row.trial]
        mean = v[f"time_change[{trial.phase}]"][row.participant] + v["parcel_change"][row.region]
        if trial.module != "none":
            mean += v[f"{trial.module}_change[{row.network}]"]
            mean += v[f"{trial.module}_parcel"][row.region]
            mean += row.target * v[f"{trial.module}_person"][row.participant]
        found["beta"].append(density(row.beta, mean, math.hypot(v["noise"], row.se)))
    return found


def agrees(model, study, given, expected):
    free = {p.name for p in model.parameters if p.fixed is None}
    given = {name: value for name, value in given.items() if name.split("[")[0] in free}
    rows = em.log_likelihood(model, study, given)["row"]
    for name, numbers in expected.items():
        scored = rows[name].to_numpy()
        scored = scored[np.isfinite(scored)]
        np.testing.assert_allclose(scored, numbers, rtol=0, atol=1e-8, err_msg=name)


def test_it_is_the_loop(plasticity, study):
    agrees(plasticity, study, values(), loop(study, values()))


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_hold_parts_at_nothing(plasticity, study, name):
    given = values()
    for key in [k for k in given if k.split("[")[0].partition("_")[2] in RIVALS[name]]:
        if key.startswith(MODULES):
            given[key] = given[key] * 0.0
    agrees(plasticity.rival(name), study, given, loop(study, given))


def test_any_module_and_no_networks(plasticity, study):
    given, alike = values(), values()
    for name in values():
        if name.startswith(("affect_", "perspective_")):
            alike[name] = given["attention_" + name.partition("_")[2]]
    agrees(plasticity.rival("any_module"), study, given, loop(study, alike))
    pooled = values()
    for module in MODULES:
        pooled[f"{module}_change"] = pooled.pop(f"{module}_change[front]")
        pooled.pop(f"{module}_change[back]")
        given[f"{module}_change[back]"] = given[f"{module}_change[front]"]
    agrees(plasticity.rival("no_networks"), study, pooled, loop(study, given))


def test_without_targets_nobody_responds_in_an_own_way(plasticity, study):
    without = em.Study(trials=study.trials, regions=study.regions.drop(columns="target"))
    held = [f"{m}_{part}" for m in MODULES for part in ("person", "link")]
    given = {name: value for name, value in values().items() if name not in held}
    rows = em.log_likelihood(plasticity, without, given)["row"]
    nothing = values() | {name: values()[name] * 0.0 for name in held}
    for name, numbers in loop(study, nothing).items():
        scored = rows[name].to_numpy()
        np.testing.assert_allclose(scored[np.isfinite(scored)], numbers, rtol=0, atol=1e-8)


def test_features_of_modules(plasticity):
    """Two networks, of which the module changes one by 2."""
    table = pd.DataFrame(
        [
            (person, module, network, f"{network}-{k}", 2.0 * (module != "none" and network == "a"))
            for person in "xy"
            for module in ("none", "affect")
            for network in "ab"
            for k in (1, 2)
        ],
        columns=["participant", "module", "network", "region", "beta"],
    )
    found = {s.name: s.function for s in plasticity.statistics}
    assert found["thickness, affect minus none"](table) == 1
    spread = found["sd over networks of thickness, affect minus none"](table)
    assert spread == pytest.approx(2**0.5)
    assert np.isnan(found["sd over parcels of thickness, attention minus none"](table))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_was_simulated_is_recovered(plasticity):
    """Changes by module and network lie within three posterior sds of the truth."""
    whole = em.load_study("trained_cortex")
    some = whole.trials["participant"].unique()[:45]
    trials, regions = (t[t["participant"].isin(some)] for t in (whole.trials, whole.regions))
    study = em.Study(trials=trials, regions=regions)
    model = plasticity.without("behaviour")
    fit = em.fit(model, study, seed=1, chains=2, draws=200, tune=250)
    posterior = fit["posterior"].to_dataset()
    truth = pd.read_csv(DATA / "true_parameters.csv").iloc[0]
    for module in MODULES:
        for network in posterior["network"].to_numpy():
            draws = posterior[f"{module}_change"].sel(network=network)
            true = truth[f"{module}_change[{network}]"]
            mean, sd = float(draws.mean()), float(draws.std())
            print(f"{module} {network}: true {true}, {mean:.2f} +- {sd:.2f}")
            assert abs(mean - true) < 3 * sd
