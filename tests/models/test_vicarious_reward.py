"""Wins of friend, stranger and rival: a plain loop, rivals, crossing points, the open study."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for
from folders import BUNDLED

DATA = BUNDLED / "shared_wins"
PARTNERS = ("friend", "rival", "stranger")
GAINS = {"friend": 25.0, "rival": -8.0, "stranger": 12.0}
STRIATAL = {"friend": 0.7, "rival": -0.3, "stranger": 0.2}
ITEMS = {
    "partner_effect": pd.Series([3.0, -2.0, 0.5], index=PARTNERS),
    "vs_partner_effect": pd.Series([0.1, -0.2, 0.05], index=PARTNERS),
}
VALUES = {
    "baseline": 47.0,
    "closeness_slope": 9.0,
    "rating_noise": 12.0,
    "vs_baseline": 0.2,
    "vs_closeness_slope": 0.25,
    "vs_noise": 0.7,
}
PEOPLE = 20
NORMAL = NormalDist()


@pytest.fixture(scope="module")
def reward():
    return em.get_model("vicarious_reward")


@pytest.fixture(scope="module")
def rounds():
    """Three people, 40 rounds; ratings, closeness and betas are missing here and there."""
    rng = np.random.default_rng(17)
    n = 120
    table = pd.DataFrame(
        {"participant": np.repeat(list("abc"), 40), "trial": np.tile(range(40), 3)}
    )
    table["partner"] = rng.choice(PARTNERS, n)
    table["win"] = rng.choice([0.0, 0.5, 1.0], n)
    table["closeness"] = rng.normal(0, 1, n).round(2)
    table["rank"] = table["partner"].map({"rival": 0, "stranger": 1, "friend": 2})
    table["rating"] = rng.integers(0, 101, n).astype(float)
    table.loc[3:5, "rating"] = 0.0, 100.0, 57.0
    table.loc[rng.random(n) < 0.1, "rating"] = np.nan
    table.loc[10:12, "closeness"] = np.nan
    betas = table[["participant", "trial"]].assign(region="VS", beta=rng.normal(0, 1, n))
    betas["se"] = rng.uniform(0.1, 0.5, n)
    return table, betas[rng.random(n) > 0.1].reset_index(drop=True)


def score(value, mean, noise):
    """Log-probability of a rating in whole steps from 0 to 100."""
    low = 0.0 if value == 0 else NORMAL.cdf((value - 0.5 - mean) / noise)
    high = 1.0 if value == 100 else NORMAL.cdf((value + 0.5 - mean) / noise)
    return math.log(high - low)


def density(value, mean, noise):
    return math.log(NORMAL.pdf((value - mean) / noise) / noise)


def loop(table, betas, gain, striatal, *, effects=ITEMS, rated=score):
    """Log-probabilities of ratings and betas; gains are functions of a row."""
    ratings, found = [], []
    for row in table.itertuples():
        level = VALUES["baseline"] + effects["partner_effect"][row.partner]
        mean = level + (row.win - 0.5) * gain(row)
        known = not (math.isnan(row.rating) or math.isnan(mean))
        ratings.append(rated(row.rating, mean, VALUES["rating_noise"]) if known else math.nan)
    rows = {(row.participant, row.trial): row for row in table.itertuples()}
    for beta in betas.itertuples():
        row = rows[beta.participant, beta.trial]
        level = VALUES["vs_baseline"] + effects["vs_partner_effect"][row.partner]
        mean = level + (row.win - 0.5) * striatal(row)
        noise = math.hypot(VALUES["vs_noise"], beta.se)
        found.append(math.nan if math.isnan(mean) else density(beta.beta, mean, noise))
    return {"rating": ratings, "VS": found}


def agrees(model, rounds, values, expected):
    table, betas = rounds
    study = em.Study(trials=table, regions=betas)
    free = {p.name for p in model.parameters if p.fixed is None}
    given = {n: v for n, v in (VALUES | ITEMS | values).items() if n.split("[")[0] in free}
    found = em.log_likelihood(model, study, given)["row"]
    for name, numbers in expected.items():
        assert 0 < np.isnan(numbers).sum() < len(numbers) / 4
        np.testing.assert_allclose(
            found[name].to_series().to_numpy(), numbers, rtol=0, atol=1e-8, err_msg=name
        )


def by_partner(gains, prefix=""):
    return {f"{prefix}gain[{partner}]": gain for partner, gain in gains.items()}


ALL_GAINS = by_partner(GAINS) | by_partner(STRIATAL, "vs_")


def test_it_is_the_loop(reward, rounds):
    def gain(row):
        return GAINS[row.partner] + 9.0 * row.closeness

    def striatal(row):
        return STRIATAL[row.partner] + 0.25 * row.closeness

    agrees(reward, rounds, ALL_GAINS, loop(*rounds, gain, striatal))
    plain = loop(*rounds, gain, striatal, rated=density)
    agrees(reward.rival("plain_normal"), rounds, ALL_GAINS, plain)


def test_rivals_without_partner_or_closeness(reward, rounds):
    table, betas = rounds
    seen = table.assign(closeness=table["closeness"].fillna(0))  # closeness does not matter
    seen.loc[7, "rating"] = np.nan
    seen.loc[8, "win"] = np.nan
    kept = (seen, betas)
    expected = loop(*kept, lambda row: GAINS[row.partner], lambda row: STRIATAL[row.partner])
    agrees(reward.rival("no_closeness"), kept, ALL_GAINS, expected)
    none = {name: dict.fromkeys(PARTNERS, 0.0) for name in ITEMS}
    expected = loop(*kept, lambda row: 11.0, lambda row: 0.3, effects=none)
    agrees(reward.rival("no_partner"), kept, {"gain": 11.0, "vs_gain": 0.3}, expected)


def test_rival_with_a_crossing_point(reward, rounds):
    expected = loop(
        *rounds,
        lambda row: 9.0 * (row.closeness + 0.4),
        lambda row: 0.25 * (row.closeness + 0.4),
    )
    agrees(reward.rival("by_closeness"), rounds, {"crossing": -0.4}, expected)


def test_rival_with_gains_in_order(reward, rounds):
    steps = {"gain_step_1": 6.0, "gain_step_2": 11.0, "vs_gain_step_1": 0.2, "vs_gain_step_2": 0.5}
    expected = loop(
        *rounds,
        lambda row: -4.0 + (0.0, 6.0, 17.0)[row.rank] + 9.0 * row.closeness,
        lambda row: 0.1 + (0.0, 0.2, 0.7)[row.rank] + 0.25 * row.closeness,
    )
    agrees(reward.rival("ordered_gains"), rounds, steps | {"gain": -4.0, "vs_gain": 0.1}, expected)


def test_crossing_point_is_where_a_win_is_worth_no_more_than_a_loss(reward):
    """The gain of the base model at closeness -gain / slope, and of the rival at its crossing."""
    table = pd.DataFrame({"participant": list("aabb"), "trial": [1, 2] * 2, "partner": "rival"})
    table = table.assign(win=[1, 0] * 2, closeness=-0.5, rating=[10, 20, 30, 40])
    study, rated = em.Study(trials=table), reward.without("VS")
    values = {"baseline": 50.0, "partner_effect": pd.Series({"rival": 0.0}), "rating_noise": 9.0}
    values["closeness_slope"] = 12.0
    base = em.log_likelihood(rated, study, values | {"gain[rival]": 6.0})
    rival = em.log_likelihood(rated.rival("by_closeness"), study, values | {"crossing": -0.5})
    for found in (base, rival):
        np.testing.assert_allclose(found["latents"]["felt_gain"], 0.0, atol=1e-12)


def test_without_closeness_its_slopes_are_held(reward, rounds):
    table, betas = rounds
    plain = table.drop(columns="closeness")
    study = em.Study(trials=plain, regions=betas)
    values = {n: v for n, v in (VALUES | ITEMS | ALL_GAINS).items() if "slope" not in n}
    found = em.log_likelihood(reward, study, values)["row"]["VS"].to_numpy()
    expected = loop(plain, betas, lambda row: GAINS[row.partner], lambda row: STRIATAL[row.partner])
    np.testing.assert_allclose(found, expected["VS"], rtol=0, atol=1e-8)
    with pytest.raises(ValueError, match="closeness"):
        em.log_likelihood(reward.rival("by_closeness"), study, VALUES | ITEMS | {"crossing": 0.0})


def test_statistics(reward):
    table = pd.DataFrame(
        {
            "participant": "a",
            "partner": ["friend", "friend", "rival", "rival"],
            "win": [1, 0, 1, 0],
            "closeness": [1.0, 1.0, -1.0, -1.0],
            "rating": [80.0, 30.0, 40.0, 60.0],
        }
    )
    found = {s.name: s.function(table) for s in reward.statistics if s.response == "rating"}
    assert found["rating, win minus loss"] == 60 - 45
    assert found["rating, win minus loss, largest difference between partners"] == 50 + 20
    # gains are 50 at a closeness of 1 and -20 at -1
    assert found["rating, win minus loss, slope on closeness"] == pytest.approx(35)


@pytest.fixture(scope="module")
def fits(reward):
    """The first people of the bundled study."""
    study = em.load_study("shared_wins")
    people = study.participants["participant"][:PEOPLE]
    tables = {
        name: table[table["participant"].isin(people)].reset_index(drop=True)
        for name, table in study.tables.items()
        if name != "participants"
    }
    study = em.Study(**tables, simulated=True, name="shared_wins, first people")
    how = {"chains": 2, "draws": 400, "tune": 400, "seed": 1}
    return em.fit_rivals(reward, study, "no_partner", **how)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_was_simulated_is_recovered(fits):
    """Means over people, slopes and crossing points lie within three posterior deviations.

    Of these people the closer ones happen to have smaller gains, -5.2 points per unit of closeness
    (2.5 standard errors), so that the slope of ratings is estimated too low.
    """
    posterior = fits["vicarious_reward"]["posterior"].to_dataset()
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant").iloc[:PEOPLE]
    for name, column in (("gain", "closeness_slope"), ("vs_gain", "vs_closeness_slope")):
        slope = posterior[column]
        assert abs(float(slope.mean()) - truth[column].iloc[0]) < 3 * float(slope.std())
        for partner in PARTNERS:
            of = truth[f"{name}[{partner}]"]
            draws = posterior[name].sel(partner=partner, participant=of.index.tolist())
            mean = draws.mean("participant")
            assert abs(float(mean.mean()) - of.mean()) < 3 * float(mean.std()), (name, partner)
    slope, of = posterior["closeness_slope"], truth["gain[rival]"]
    rival = posterior["gain"].sel(partner="rival", participant=of.index.tolist())
    assert np.corrcoef(rival.mean(("chain", "draw")), of)[0, 1] > 0.6
    # a ratio of draws has heavy tails; the gain at the true crossing point, which is 0, has not
    at_crossing = rival.mean("participant") - slope * of.mean() / truth["closeness_slope"].iloc[0]
    assert abs(float(at_crossing.mean())) < 3 * float(at_crossing.std())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_rival_without_partners_loses(fits):
    table = em.compare(fits, response="rating")
    assert table.index[0] == "vicarious_reward"
    assert table.loc["no_partner", "elpd_diff"] + 3 * table.loc["no_partner", "dse"] < 0


# ---------------------------------------------------------------------------- the open study

MEANS = {  # rating, VS
    ("friend", 1): (3.990, 4.916),
    ("stranger", 1): (2.602, 1.330),
    ("computer", 1): (1.699, 2.243),
    ("friend", 0): (-2.180, -4.792),
    ("stranger", 0): (-1.364, -5.478),
    ("computer", 0): (-1.257, -5.671),
}
SPREAD = 18.432  # standard deviation of all betas, which they are divided by


@pytest.fixture(scope="module")
def shared(open_study):
    """Ratings of 206 people and striatal betas of 200; 178 have both. Age of 224 is known."""
    return open_study("dvs_2024")


def cells(values, table):
    """Mean of every cell, along the last axis of the values."""
    return {
        cell: values[..., ((table["partner"] == cell[0]) & (table["win"] == cell[1])).to_numpy()]
        for cell in MEANS
    }


def test_means_are_those_of_the_published_data(shared):
    trials, betas = shared.trials, shared.regions.merge(shared.trials, on=["participant", "trial"])
    rated = trials.dropna(subset="rating")
    assert (rated["participant"].nunique(), betas["participant"].nunique()) == (206, 200)
    assert shared.participants["age"].notna().sum() == 224
    for cell, (rating, beta) in MEANS.items():
        assert cells(rated["rating"].to_numpy(), rated)[cell].mean() == pytest.approx(
            rating, abs=6e-4
        )
        assert cells(betas["beta"].to_numpy(), betas)[cell].mean() == pytest.approx(beta, abs=6e-4)


def test_age_is_a_covariate_of_those_whose_age_is_known(shared, reward):
    on, formula = reward.with_range(rating=(-5, 5)), {"gain": "age", "vs_gain": "age"}
    with pytest.raises(ValueError, match="Missing for 4 of 228: '103'"):
        covariates_for(arrange(on, shared), formula)
    known = shared.exclude("missing(age)", table="participants", reason="age unknown")
    ages = known.participants.set_index("participant")["age"]
    assert (len(ages), ages.min() >= 18, ages.max() <= 90) == (224, True, True)
    for covariates in covariates_for(arrange(on, known), formula).values():
        scaled = covariates.table["age"]
        np.testing.assert_allclose(scaled, ((ages - ages.mean()) / ages.std())[scaled.index])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_open_study_is_fitted_and_predicted(shared, reward):
    """Who a shared win is best with, in ratings and striatum, and what age changes."""
    on = reward.with_range(rating=(-5, 5))
    scaled = shared.regions.assign(beta=shared.regions["beta"] / SPREAD)
    known = replace(shared, regions=scaled).exclude(
        "missing(age)", table="participants", reason="age unknown"
    )
    fit = em.fit(on, known, covariates={"gain": "age", "vs_gain": "age"}, seed=1, cores=1)
    checks = em.check(fit).set_index("check")
    print(checks[["value", "passed"]].to_string(), fit.attrs.get("ended"))
    for row in ("R-hat, population", "R-hat, people", "divergences"):
        assert checks.loc[row, "passed"], checks.loc[row].to_dict()
    for parameter, unit in (("gain", 1), ("vs_gain", SPREAD)):
        for first, second in (("friend", "stranger"), ("stranger", "computer")):
            row = em.contrast(fit, parameter, {"partner": first}, {"partner": second}).iloc[0]
            print(
                parameter, first, second, (row[["median", "hdi_low", "hdi_high"]] * unit).tolist()
            )
            print("  probability:", row["p_positive"])
            assert parameter == "vs_gain" or row["p_positive"] > 0.99
    for name in ("gain_effect", "vs_gain_effect"):
        print(name, fit["posterior"][name].quantile([0.05, 0.5, 0.95], ("chain", "draw")))
    tree = em.predict(fit, seed=1)
    tables = {
        "rating": known.trials,
        "VS": known.regions.merge(known.trials, on=["participant", "trial"]),
    }
    outside = []
    for name, table in tables.items():
        seen = np.isfinite(tree["observed_data"][name].to_numpy())
        drawn = tree["posterior_predictive"][name].stack(sample=("chain", "draw"))
        drawn = drawn.transpose("sample", ...).to_numpy()[:, seen]
        observed = cells(tree["observed_data"][name].to_numpy()[seen], table[seen])
        for cell, values in cells(drawn, table[seen]).items():
            low, high = np.quantile(values.mean(axis=-1), [0.025, 0.975])
            mean = observed[cell].mean()
            print(name, cell, f"{mean:.3f} in [{low:.3f}, {high:.3f}]")
            outside += [] if low < mean < high else [(name, *cell)]
    assert set(outside) <= {("rating", "friend", 0)}  # losses of a friend are rated better
