"""Path effects against computation by hand: slopes that covary, probabilities, chains, states."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from pymc.distributions.moments.means import mean
from scipy import integrate, special, stats

import empathymodels as em
from empathymodels.declaration.equations import read_equations, symbol
from empathymodels.inference import provenance
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for
from empathymodels.results.path_worlds import HELD, cut, expected, spread_out
from empathymodels.simulation.prior_people import prior_people
from folders import OWN_MODELS

TWO_WAYS = OWN_MODELS / "two_ways.py"
THREE_SLOPES = OWN_MODELS / "three_slopes.py"
EXACT = {"rtol": 1e-10, "atol": 1e-12}


def as_fit(model, study, **values):
    """A fit whose posterior is drawn from the prior, but for the values given."""
    arrangement = arrange(model, study)
    people = prior_people(model, study, draws=4, seed=1)
    for name, array in values.items():
        people[name] = people[name].dims, np.broadcast_to(array, people[name].shape)
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((1, 4), dtype=bool))})
    tree = provenance.fit_tree(people, stats, arrangement, covariates_for(arrangement, None))
    settings = {"draws": 4, "tune": 4, "chains": 1, "target_accept": 0.9, "sampler": {}}
    settings |= {"centring": {p.name: 0.0 for p in arrangement.parameters}}
    tree.attrs = provenance.provenance(arrangement, "nuts", 1, settings, {})
    return tree


def draws_of(fit, name):
    """Values of a parameter per draw, (draw, ...)."""
    return fit["posterior"][name].to_numpy()[0]


def means_of(table):
    return table.set_index("path")["mean"]


# --------------------------------------------------------------------- slopes of people covary


@pytest.fixture(scope="module")
def motives():
    """Eight people whose choices and insula depend on motives; unequal numbers of rows."""
    study = em.load_study("motives")
    people = study.trials["participant"].unique()[:8]
    trials = study.trials[study.trials["participant"].isin(people) & (study.trials["trial"] < 13)]
    trials = trials[(trials["participant"] != people[0]) | (trials["trial"] < 5)]
    keys = pd.MultiIndex.from_frame(trials[["participant", "trial"]])
    regions = study.regions[study.regions["region"] == "AI"]
    there = pd.MultiIndex.from_frame(regions[["participant", "trial"]]).isin(keys)
    return em.Study(trials=trials, regions=regions[there], name="few", simulated=True)


@pytest.fixture(scope="module")
def motives_fit(motives):
    """Who weighs costs more also has a steeper insula: the covariance over people is large."""
    rng = np.random.default_rng(2)
    weight = rng.normal(-0.8, 0.5, (1, 4, 8))
    slope = 0.4 + 0.6 * (weight + 0.8) + rng.normal(0, 0.05, (1, 4, 8))
    model = em.get_model("motivated_empathy")
    return as_fit(model, motives, cost_weight=weight, ai_slope=slope)


def test_the_mean_product_holds_the_covariance_of_slopes(motives_fit):
    table = em.path_effects(motives_fit, "cost", "AI", through="utility", values=(-1.0, 0.5))
    weight, slope = draws_of(motives_fit, "cost_weight"), draws_of(motives_fit, "ai_slope")
    by_hand = 1.5 * (weight * slope).mean(axis=1)
    found = means_of(table)
    np.testing.assert_allclose(found["through utility"], by_hand.mean(), **EXACT)
    row = table.set_index("path").loc["through utility"]
    np.testing.assert_allclose(row["sd"], by_hand.std(ddof=1), **EXACT)
    np.testing.assert_allclose(row["median"], np.median(by_hand), **EXACT)
    np.testing.assert_allclose(found["total"], by_hand.mean(), **EXACT)
    rest = table.set_index("path").loc[["not through utility", "both together"]]
    assert (rest[["mean", "sd", "hdi_low", "hdi_high"]] == 0).all(axis=None)
    assert rest["p_positive"].isna().all()  # what is 0 in every draw has no sign

    product_of_means = 1.5 * weight.mean(axis=1) * slope.mean(axis=1)
    covariance = 1.5 * (weight * slope).mean(axis=1) - product_of_means
    assert (abs(covariance) > 0.05).all()
    np.testing.assert_allclose(found["total"] - product_of_means.mean(), covariance.mean(), **EXACT)


def test_a_probability_is_averaged_as_a_probability(motives_fit, motives):
    table = em.path_effects(motives_fit, "cost", "engage", through="utility", values=(-1.0, 1.0))
    posterior = motives_fit["posterior"].to_dataset().isel(chain=0)
    rows, attributes = motives.trials, [c for c in motives.trials if f"{c}_weight" in posterior]
    assert len(attributes) == 7
    whose = posterior["participant"].to_index().get_indexer(rows["participant"])

    def engaging(cost):
        moved = rows.assign(cost=cost)
        utility = posterior["readiness"].to_numpy()[:, whose]
        utility = utility + posterior["exhaustion"].to_numpy()[:, whose] * moved["time"].to_numpy()
        for name in attributes:
            weight = posterior[f"{name}_weight"].to_numpy()[:, whose]
            utility = utility + weight * moved[name].to_numpy()
        people = pd.DataFrame(special.expit(utility).T).groupby(whose).mean()
        return people.mean().to_numpy()

    by_hand = engaging(1.0) - engaging(-1.0)
    found = means_of(table)
    np.testing.assert_allclose(found["total"], by_hand.mean(), **EXACT)
    np.testing.assert_allclose(found["through utility"], by_hand.mean(), **EXACT)
    assert abs(found["total"] - 2 * draws_of(motives_fit, "cost_weight").mean()) > 0.1


def test_a_latent_that_the_column_does_not_move(motives_fit):
    """Costs discourage: they are no part of what invites, and no path goes by it."""
    told = "'approach' does not depend on it. 3 do: 'avoidance', 'utility', 'empathy'"
    with pytest.raises(ValueError, match=rf"where 'cost' goes in; .*{told}"):
        em.path_effects(motives_fit, "cost", "engage", through="approach", values=(0, 1))


def test_a_model_without_latents(own_fit):
    with pytest.raises(ValueError, match="'rated_pain' has none that this study can tell"):
        em.path_effects(own_fit, "intensity", "rating", through="pain", values=(0, 1))


def test_context_through_motives_and_directly(motives):
    """Context that splits readiness goes into the utility, but into no motive."""
    model = em.get_model("motivated_empathy").rival("both").without("AI")
    fit = as_fit(model, motives)
    change = {"column": "context", "response": "engage", "values": ("in", "out")}
    by_utility = means_of(em.path_effects(fit, **change, through="utility"))
    assert by_utility["through utility"] == by_utility["total"] != 0
    with pytest.raises(ValueError, match="2 do: 'utility', 'empathy'"):
        em.path_effects(fit, **change, through="approach")


# -------------------------------------------------------------- a latent and a direct way beside it


@pytest.fixture(scope="module")
def two_ways():
    rng = np.random.default_rng(3)
    trials = pd.DataFrame(
        {
            "participant": np.repeat(["A", "B", "C", "D", "E"], 9),
            "trial": np.tile(np.arange(1, 10), 5),
            "closeness": rng.normal(size=45).clip(-3, 3),
            "context": rng.choice(["in", "out"], 45),
            "help": rng.integers(0, 2, 45),
            "rating": rng.uniform(0, 10, 45),
        }
    )
    trials.loc[[2, 20], "closeness"] = np.nan
    trials.loc[[3, 30, 31], "help"] = np.nan
    return em.Study(trials=trials, name="two_ways", simulated=True)


@pytest.fixture(scope="module")
def two_ways_fit(two_ways):
    return as_fit(em.get_model(TWO_WAYS), two_ways)


def test_both_ways_and_what_they_do_together(two_ways_fit, two_ways):
    table = em.path_effects(
        two_ways_fit, "closeness", "help", through="warmth", values=(-0.5, 1.5), prob=0.8
    )
    posterior = two_ways_fit["posterior"].to_dataset().isel(chain=0)
    rows = two_ways.trials.dropna(subset=["closeness", "help"])
    assert len(rows) == 40
    whose = posterior["participant"].to_index().get_indexer(rows["participant"])
    warming, readiness, giving = (
        posterior[name].to_numpy()[:, whose] for name in ("warming", "readiness", "giving")
    )
    where = posterior["context"].to_index().get_indexer(rows["context"])
    duty = posterior["duty"].transpose("draw", "participant", "context").to_numpy()[:, whose, where]

    def helping(closeness, warmth_at):
        utility = readiness + giving * (warming * warmth_at) + duty * closeness
        people = pd.DataFrame(special.expit(utility).T).groupby(whose).mean()
        return people.mean().to_numpy()

    start, end = helping(-0.5, -0.5), helping(1.5, 1.5)
    indirect, direct = helping(-0.5, 1.5) - start, helping(1.5, -0.5) - start
    by_hand = {
        "total": end - start,
        "through warmth": indirect,
        "not through warmth": direct,
        "both together": end - start - indirect - direct,
    }
    assert list(table["path"]) == list(by_hand)
    for path, effect in by_hand.items():
        row = table.set_index("path").loc[path]
        np.testing.assert_allclose(row["mean"], effect.mean(), **EXACT)
        np.testing.assert_allclose(row["sd"], effect.std(ddof=1), **EXACT)
        assert row["p_positive"] == (effect > 0).mean()
        assert row["hdi_low"] <= row["hdi_high"]
    assert (abs(table["mean"]) > 1e-4).all()


def test_a_split_parameter_moves_with_its_column(two_ways):
    """Duty and warming have a value per context: moving the context moves helping by both."""
    fit = as_fit(em.get_model(TWO_WAYS).split("context", "warming"), two_ways)
    change = {"column": "context", "response": "help", "values": ("in", "out")}
    found = means_of(em.path_effects(fit, **change, through="warmth"))
    assert (abs(found) > 1e-6).all()
    whole = em.get_model(TWO_WAYS)
    with pytest.raises(ValueError, match=r"'warmth' does not depend on it\. 0 do: none"):
        em.path_effects(as_fit(whole, two_ways), **change, through="warmth")


def test_ratings_with_ends_have_their_mean(two_ways_fit, two_ways):
    found = means_of(
        em.path_effects(two_ways_fit, "closeness", "rating", through="warmth", values=(0, 1))
    )
    posterior = two_ways_fit["posterior"].to_dataset().isel(chain=0)
    baseline, reach, noise = (
        posterior[name].to_numpy()[:, None] for name in ("baseline", "reach", "noise")
    )
    warming = posterior["warming"].to_numpy()

    def rating(closeness):
        mu = baseline + reach * warming * closeness
        normal = stats.norm(mu, noise)
        inside = [
            integrate.quad(lambda y, m=m, s=s: y * stats.norm.pdf(y, m, s), 0, 10, epsabs=1e-12)[0]
            for m, s in np.broadcast(mu, noise)
        ]
        return (np.reshape(inside, mu.shape) + 10 * normal.sf(10)).mean(axis=1)

    by_hand = (rating(1) - rating(0)).mean()
    np.testing.assert_allclose(found["through warmth"], by_hand, rtol=1e-7)
    np.testing.assert_allclose(found["total"], by_hand, rtol=1e-7)


# ---------------------------------------------------------------------- several steps in order


@pytest.fixture(scope="module")
def three_slopes():
    rng = np.random.default_rng(4)
    trials = pd.DataFrame(
        {
            "participant": np.repeat(["A", "B", "C", "D", "E", "F"], 7),
            "trial": np.tile(np.arange(1, 8), 6),
            "closeness": rng.normal(size=42).clip(-3, 3),
            "gift": rng.normal(size=42),
            "help": rng.integers(0, 2, 42),
            "thanked": rng.integers(0, 2, 42),
        }
    )
    trials.loc[[2, 20], "closeness"] = np.nan
    trials.loc[[3, 30, 31], "help"] = np.nan
    return em.Study(trials=trials, name="three_slopes", simulated=True)


@pytest.fixture(scope="module")
def three_slopes_fit(three_slopes):
    """Slopes of people that go with each other, (chain, draw, participant)."""
    rng = np.random.default_rng(5)
    common = rng.normal(size=(1, 4, 6))
    names = ("warming", "caring", "pity", "giving", "liking", "duty")
    slopes = {name: 0.5 + 0.6 * common + 0.2 * rng.normal(size=common.shape) for name in names}
    return as_fit(em.get_model(THREE_SLOPES), three_slopes, **slopes)


CHAIN = {"through": ["warmth", "concern"], "values": (-0.5, 1.5)}


def slopes_of(fit):
    """The six slopes of everybody, each (draw, participant)."""
    return tuple(
        draws_of(fit, name) for name in ("warming", "caring", "pity", "giving", "liking", "duty")
    )


def test_a_chain_of_slopes_is_the_mean_product(three_slopes_fit):
    """Mean of a product of three, which is that of their means and what they covary."""
    table = em.path_effects(three_slopes_fit, "closeness", "gift", **CHAIN).set_index("path")
    warming, caring, pity, giving, liking, duty = slopes_of(three_slopes_fit)
    products = {
        "total": warming * caring * giving + pity * giving + warming * liking + duty,
        "through warmth -> concern": warming * caring * giving,
        "not through warmth -> concern": pity * giving + warming * liking + duty,
    }
    assert list(table.index) == [*products, "both together"]
    for path, product in products.items():
        by_hand = 2 * product.mean(axis=1)
        np.testing.assert_allclose(table.loc[path, "mean"], by_hand.mean(), **EXACT)
        np.testing.assert_allclose(table.loc[path, "sd"], by_hand.std(ddof=1), **EXACT)
    assert (table.loc["both together", ["mean", "sd"]] == 0).all()

    chain = np.stack([warming, caring, giving])
    means = chain.mean(axis=2)
    off = chain - means[..., None]
    first, second, third = (off[[0, 0, 1]] * off[[1, 2, 2]]).mean(axis=2)
    covarying = means[2] * first + means[1] * second + means[0] * third + off.prod(0).mean(1)
    by_moments = 2 * (means.prod(axis=0) + covarying)
    np.testing.assert_allclose(
        table.loc["through warmth -> concern", "mean"], by_moments.mean(), **EXACT
    )
    assert (abs(2 * covarying) > 0.1).all()


def expected_helping(fit, study, closeness, first, response="help"):
    """Mean chance of help, or of thanks, where only warmth on its way to concern is as at first."""
    warming, caring, pity, giving, liking, duty = (x[..., None] for x in slopes_of(fit))
    concern = caring * warming * first + pity * closeness
    worth = giving * concern + liking * warming * closeness + duty * closeness
    help_ = special.expit(worth)
    if response == "thanked":
        reward, grace = (draws_of(fit, n)[:, None, None] for n in ("reward", "grace"))
        without, after = (special.expit(reward * h + grace * concern) for h in (0, 1))
        return (help_ * after + (1 - help_) * without).mean(axis=(1, 2))
    return help_.mean(axis=(1, 2))


@pytest.mark.parametrize("response", ["help", "thanked"])
def test_a_chain_to_a_choice_is_an_average_of_probabilities(
    three_slopes_fit, three_slopes, response
):
    """Thanks follow help of the same trial, which is averaged over as it would be drawn."""
    found = means_of(em.path_effects(three_slopes_fit, "closeness", response, **CHAIN))

    def at(own, first):
        return expected_helping(three_slopes_fit, three_slopes, own, first, response)

    low, high = CHAIN["values"]
    start = at(low, low)
    by_hand = {
        "total": at(high, high) - start,
        "through warmth -> concern": at(low, high) - start,
        "not through warmth -> concern": at(high, low) - start,
        "both together": at(high, high) - at(high, low) - at(low, high) + start,
    }
    for path, effect in by_hand.items():
        np.testing.assert_allclose(found[path], effect.mean(), **EXACT)
        assert abs(found[path]) > 1e-4
    np.testing.assert_allclose(found.iloc[1:].sum(), found["total"], **EXACT)


def test_context_to_motive_to_empathy_to_helping(motives):
    """Costs weigh more with the other group: the context acts through a motive, and on help."""
    trials = motives.trials.assign(help=motives.trials["engage"])
    model = em.get_model("motivated_empathy").split("context", "cost_weight").without("AI")
    fit = as_fit(model, em.Study(trials=trials, name="few", simulated=True))
    change = {"column": "context", "response": "help", "values": ("in", "out")}
    found = means_of(em.path_effects(fit, **change, through=["avoidance", "empathy"]))
    assert found["through avoidance -> empathy"] == found["total"] != 0
    assert found["not through avoidance -> empathy"] == 0

    weights = fit["posterior"]["cost_weight"].transpose("chain", "draw", "participant", "context")
    own = fit["posterior"].to_dataset().isel(chain=0)
    whose = own["participant"].to_index().get_indexer(trials["participant"])

    def helping(context):
        cost = weights.sel(context=context).to_numpy()[0][:, whose]
        utility = own["readiness"].to_numpy()[:, whose] + cost * trials["cost"].to_numpy()
        utility = utility + own["exhaustion"].to_numpy()[:, whose] * trials["time"].to_numpy()
        for name in (c for c in trials if f"{c}_weight" in own and c != "cost"):
            weight = own[f"{name}_weight"].to_numpy()[:, whose]
            utility = utility + weight * trials[name].to_numpy()
        log_odds = (
            own["help_baseline"].to_numpy()[:, whose]
            + own["help_slope"].to_numpy()[:, None] * utility
        )
        people = pd.DataFrame(special.expit(log_odds).T).groupby(whose).mean()
        return people.mean().to_numpy()

    by_hand = (helping("out") - helping("in")).mean()
    np.testing.assert_allclose(found["total"], by_hand, **EXACT)


def test_a_path_needs_every_step(three_slopes_fit, motives_fit):
    change = {"column": "closeness", "response": "gift", "values": (0, 1)}
    backwards = "in 'three_slopes' 'warmth' does not read 'concern'. 0 do: none"
    with pytest.raises(ValueError, match=f"must read the one before it; {backwards}"):
        em.path_effects(three_slopes_fit, **change, through=["concern", "warmth"])
    with pytest.raises(ValueError, match="none twice; found 2, of which twice 'warmth'"):
        em.path_effects(three_slopes_fit, **change, through=["warmth", "warmth"])
    with pytest.raises(ValueError, match=r"at least one step, and none twice; found 0"):
        em.path_effects(three_slopes_fit, **change, through=[])
    with pytest.raises(ValueError, match=r"'help' is a response; .*'gift' does not read it"):
        em.path_effects(three_slopes_fit, **change, through=["concern", "help"])
    with pytest.raises(ValueError, match=r"'avoidance' does not read 'approach'\. 2 do: 'utility'"):
        em.path_effects(
            motives_fit, "affiliation", "AI", through=["approach", "avoidance"], values=(0, 1)
        )


def test_words_of_a_chain(three_slopes_fit):
    table = em.path_effects(three_slopes_fit, "closeness", "thanked", **CHAIN)
    reading = table.attrs["reading"]
    assert "'Through warmth -> concern': 'warmth' moves" in reading
    assert "each further step only as far as the one before it moves it" in reading
    assert "'thanked' reads 'help' of its trial, and is averaged over it" in reading
    assert "moves two of 'closeness', 'warmth', 'concern' and 'thanked' together" in reading
    assert "as observed" not in reading


def test_a_shared_residual_of_a_choice_is_averaged_over(motives):
    """Its expected help is that of all residuals a rating may have, not of those recorded."""
    trials = motives.trials.assign(help=motives.trials["engage"])
    model = em.get_model("motivated_empathy").rival("shared_residuals").without("AI")
    model = model.with_resolution(None)  # a residual has a distribution in closed form
    few = em.Study(trials=trials, name="few", simulated=True)
    fit = as_fit(model, few, help_residual=1.5)
    change = {"column": "cost", "response": "help", "values": (-1.0, 1.0)}
    table = em.path_effects(fit, **change, through=["avoidance", "empathy"])
    assert "'help' reads 'rating' of its trial, and is averaged" in table.attrs["reading"]
    z, width = np.linspace(-9, 9, 2001, retstep=True)
    density = stats.norm.pdf(z) * width
    own = fit["posterior"].to_dataset().isel(chain=0)
    whose = own["participant"].to_index().get_indexer(trials["participant"])

    def helping(cost):
        utility = own["readiness"].to_numpy()[:, whose]
        utility = utility + own["exhaustion"].to_numpy()[:, whose] * trials["time"].to_numpy()
        for name in (c for c in trials if f"{c}_weight" in own):
            x = cost if name == "cost" else trials[name].to_numpy()
            utility = utility + own[f"{name}_weight"].to_numpy()[:, whose] * x
        worth = own["help_slope"].to_numpy()[:, None] * utility
        worth = worth + own["help_baseline"].to_numpy()[:, whose]
        chance = sum(d * special.expit(worth + 1.5 * at) for at, d in zip(z, density, strict=True))
        return pd.DataFrame(chance.T).groupby(whose).mean().mean().to_numpy()

    by_hand = (helping(1.0) - helping(-1.0)).mean()
    np.testing.assert_allclose(means_of(table)["total"], by_hand, rtol=1e-7)
    np.testing.assert_allclose(means_of(table).iloc[1], by_hand, rtol=1e-7)


def test_a_rating_in_steps_is_spread_over_them():
    response = em.Response("rating", lambda *_: None, "", range=(1, 9), resolution=0.5)
    rating = em.RoundedNormal.dist(np.array([2.0, 8.8]), 1.5, 1.0, 9.0, 0.5)
    values, weights = (part.eval() for part in spread_out(rating, response, in_steps=True))
    assert values.shape == (17, 1) and weights.shape == (17, 2)
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose((values * weights).sum(axis=0), mean(rating).eval(), rtol=1e-12)


def test_a_shared_residual_moves_nothing():
    """Concern reads what else moved distress: instructions change its mean, and no residual."""
    study = em.load_study("regulated_empathy")
    people = study.trials["participant"].unique()[:5]
    trials = study.trials[study.trials["participant"].isin(people)]
    model = em.get_model("empathy_regulation").rival("plain_normal")
    fit = as_fit(model, em.Study(trials=trials, name="few", simulated=True))
    change = {"column": "downregulate", "response": "concern", "values": (0, 1)}
    found = means_of(em.path_effects(fit, **change, through="shift"))
    rated = trials.dropna(subset=["distress", "concern"]).groupby("participant")["stimulus"]
    stimulus = rated.mean().loc[fit["posterior"]["participant"].to_numpy()].to_numpy()
    attended = draws_of(fit, "concern_slope") * draws_of(fit, "attention_down") * stimulus
    shift = draws_of(fit, "shift_down").mean()
    assert abs(draws_of(fit, "residual_correlation")).min() > 0.01
    np.testing.assert_allclose(found["through shift"], shift, rtol=1e-8)
    np.testing.assert_allclose(found["not through shift"], attended.mean(), rtol=1e-8)


# -------------------------------------------------------------------------------- learning


@pytest.fixture(scope="module")
def learning_study(study):
    """Six people of both groups, one of whom misses an outcome."""
    people = study.participants["participant"][15:21]
    trials, participants, regions = (
        table[table["participant"].isin(people)].reset_index(drop=True)
        for table in (study.trials, study.participants, study.regions)
    )
    trials["outcome"] = trials["outcome"].astype(float)
    trials.loc[4, "outcome"] = np.nan
    regions = regions[(regions["participant"] != people.iloc[0]) | (regions["trial"] != 5)]
    return em.Study(
        trials=trials, participants=participants, regions=regions, name="few", simulated=True
    )


@pytest.fixture(scope="module")
def learning_fit(model, learning_study):
    """Without steps and ends, so that the mean of a rating is what its equation says."""
    return as_fit(model.with_resolution(None), learning_study)


def by_recursion(fit, study, outcome, held=None):
    """Values and prediction errors, {name: (draw, participant, trial)}, by a plain loop."""
    rate, start = draws_of(fit, "learning_rate"), draws_of(fit, "start_value")
    people, trials = fit["posterior"]["participant"].to_numpy(), study.trials
    missing = (
        trials.pivot(index="participant", columns="trial", values="outcome").loc[people].isna()
    )
    found = {"value": [], "prediction_error": []}
    value = start
    for trial in range(missing.shape[1]):
        value = held["value"][..., trial] if held and "value" in held else value
        error = outcome - value
        if held and "prediction_error" in held:
            error = held["prediction_error"][..., trial]
        found["value"].append(value)
        found["prediction_error"].append(error)
        value = np.where(missing.to_numpy()[:, trial], value, value + rate * error)
    arrays = {name: np.stack(parts, axis=-1) for name, parts in found.items()}
    return arrays | {"last": value, "there": ~missing.to_numpy()}


def averaged(rows, there):
    """Mean over everybody's rows, then over people, (draw,)."""
    means = np.where(there, rows, 0).sum(axis=-1) / there.sum(axis=-1)
    return means.mean(axis=-1)


def insula(fit, run):
    slope = draws_of(fit, "insula_error")[..., None]
    return averaged(slope * run["prediction_error"], run["there"])


def feeling(fit, run):
    slope = draws_of(fit, "sensitivity")[..., None]
    return averaged(slope * run["value"], np.ones_like(run["there"]))


def empathy(fit, run):
    change = run["last"] - draws_of(fit, "start_value")
    error = np.where(run["there"], abs(run["prediction_error"]), 0).sum(axis=-1)
    surprise = error / run["there"].sum(axis=-1)
    shift = draws_of(fit, "generalisation")[:, None] * change
    link = draws_of(fit, "insula_link")[:, None] * draws_of(fit, "insula_error")
    return (shift + link * surprise).mean(axis=-1)


@pytest.mark.parametrize("through", ["prediction_error", "value"])
@pytest.mark.parametrize(
    ("response", "of"), [("insula", insula), ("feeling", feeling), ("empathy_after", empathy)]
)
def test_a_held_latent_is_held_for_later_trials_too(
    learning_fit, learning_study, response, of, through
):
    table = em.path_effects(learning_fit, "outcome", response, through=through, values=(-1, 1))
    free = {x: by_recursion(learning_fit, learning_study, x) for x in (-1, 1)}
    expected_at = {
        (own, other): of(
            learning_fit,
            by_recursion(learning_fit, learning_study, own, {through: free[other][through]}),
        )
        for own in (-1, 1)
        for other in (-1, 1)
    }
    start = expected_at[-1, -1]
    by_hand = {
        "total": of(learning_fit, free[1]) - of(learning_fit, free[-1]),
        f"through {through}": expected_at[-1, 1] - start,
        f"not through {through}": expected_at[1, -1] - start,
    }
    found = means_of(table)
    for path, effect in by_hand.items():
        np.testing.assert_allclose(found[path], effect.mean(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.iloc[1:].sum(), found["total"], rtol=1e-9, atol=1e-9)
    if through == "prediction_error":  # the only way of an outcome
        np.testing.assert_allclose(found[f"not through {through}"], 0, atol=1e-9)
        assert abs(found["total"]) > 1e-3
    if (response, through) == ("insula", "value"):  # value takes away from what outcomes add
        slope = draws_of(learning_fit, "insula_error").mean()
        np.testing.assert_allclose(found["not through value"], 2 * slope, rtol=1e-9)
        assert found["through value"] * slope < 0


@pytest.mark.parametrize("summary", ["mean_surprise", "value_change"])
def test_error_to_a_summary_to_the_change_of_empathy(learning_fit, learning_study, summary):
    """What the model has between errors and empathy: the insula's slope times the mean surprise."""
    steps = ["prediction_error", summary]
    table = em.path_effects(learning_fit, "outcome", "empathy_after", through=steps, values=(-1, 1))
    runs = [by_recursion(learning_fit, learning_study, outcome) for outcome in (-1, 1)]

    def mean_surprise(run):
        error = np.where(run["there"], abs(run["prediction_error"]), 0).sum(axis=-1)
        return error / run["there"].sum(axis=-1)

    link = draws_of(learning_fit, "insula_link")[:, None] * draws_of(learning_fit, "insula_error")
    shift = draws_of(learning_fit, "generalisation")[:, None]
    ways = {
        "mean_surprise": link * (mean_surprise(runs[1]) - mean_surprise(runs[0])),
        "value_change": shift * (runs[1]["last"] - runs[0]["last"]),
    }
    found, path = means_of(table), "prediction_error -> " + summary
    asked, other = ways.pop(summary), next(iter(v for k, v in ways.items() if k != summary))
    np.testing.assert_allclose(found[f"through {path}"], asked.mean(), rtol=1e-9)
    np.testing.assert_allclose(found[f"not through {path}"], other.mean(), rtol=1e-9)
    np.testing.assert_allclose(found["total"], (asked + other).mean(), rtol=1e-9)
    assert found["both together"] == 0
    told = "does not read 'insula' and has 'insula_error' in common with it: no path goes by what"
    assert told in table.attrs["reading"]


def test_recorded_betas_are_on_no_path(learning_fit):
    with pytest.raises(
        ValueError,
        match=r"'insula' is a response; in 'outgroup_help_learning.*' 'empathy_after' does not "
        r"read it\. Both depend on the latents 'value', 'prediction_error' and share the "
        r"parameters 'insula_error', and that is all.*lead 4: .*'mean_surprise'",
    ):
        em.path_effects(
            learning_fit,
            "outcome",
            "empathy_after",
            through=["prediction_error", "insula"],
            values=(-1, 1),
        )
    with pytest.raises(ValueError, match=r"'value' does not read 'mean_surprise'\. 0 do: none"):
        em.path_effects(
            learning_fit, "outcome", "empathy_after", through=["mean_surprise", "value"],
            values=(-1, 1),
        )  # fmt: skip


def test_an_expression_written_twice_is_one():
    """A next state that repeats the prediction error in place of reading it is cut all the same."""

    def step(state, parameters, data):
        value = state.value + parameters.learning_rate * (data.outcome - state.value)
        return dict(value=value), dict(prediction_error=data.outcome - state.value)

    declared = em.get_model("outgroup_help_learning")
    twice = replace(declared, step=step, summaries=(), states=declared.states)
    equations = read_equations(twice)
    held = symbol("data", HELD)
    found = cut(equations, "prediction_error", held)
    assert found.latents["prediction_error"] is held
    assert found.needs(found.next_states["value"]) == {HELD}
    inputs = [equations.states["value"], equations.parameters["learning_rate"], held]
    following = pytensor.function(inputs, found.next_states["value"], mode="FAST_COMPILE")
    assert following(0.2, 0.5, 3.0) == pytest.approx(1.7)
    assert equations.needs(equations.next_states["value"]) == {"outcome"}  # as they were


# ------------------------------------------------------------------------------- means


@pytest.mark.parametrize(
    ("distribution", "ends"),
    [
        (em.CensoredNormal.dist(3.0, 4.0, 0.0, 10.0), (0.0, 10.0)),
        (em.CensoredNormal.dist(30.0, 2.0, 0.0, 10.0), (0.0, 10.0)),
        (em.OrderedBeta.dist(0.4, 5.0, -1.0, 1.5, -2.0, 7.0), (-2.0, 7.0)),
        (em.HurdleSquareRoot.dist(0.3, 0.2, 0.8), (0.0, np.inf)),
        (em.HurdleSquareRoot.dist(-0.5, -6.0, 0.5), (0.0, np.inf)),
    ],
)
def test_means_of_responses_against_integrals(distribution, ends):
    value = pt.dscalar("value")
    logp = pytensor.function([value], pm.logp(distribution, value), mode="FAST_COMPILE")
    inside = integrate.quad(lambda y: y * np.exp(logp(y)), *ends, limit=200)[0]
    at_ends = sum(end * np.exp(logp(end)) for end in ends if np.isfinite(end))
    assert mean(distribution).eval() == pytest.approx(inside + at_ends, rel=1e-6)


def _any(latent, parameters, data):
    """Of responses whose distribution is given besides."""
    return pm.Normal.dist(0.0, 1.0)


def test_levels_are_summed():
    rating = em.Response("item", _any, "an item", levels=(1, 2, 3, 4))
    found = expected(em.Ordinal.dist(0.3, [-1.0, 0.2, 1.4]), rating).eval()
    borders = np.array([1.0, *special.expit(0.3 - np.array([-1.0, 0.2, 1.4]))])
    assert found == pytest.approx(borders.sum())


def test_without_a_mean_it_is_refused():
    rating = em.Response("rating", _any, "a rating")
    tails = pm.Censored.dist(pm.StudentT.dist(nu=3, mu=0.0, sigma=1.0), lower=0, upper=1)
    for distribution in (tails, pm.Cauchy.dist(0.0, 1.0)):
        with pytest.raises(ValueError, match=r"mean of 'rating' must have a closed form; found"):
            expected(distribution, rating)


# ---------------------------------------------------------------------- tables and refusals


def test_table_and_reading(learning_fit):
    table = em.path_effects(learning_fit, "outcome", "insula", through="value", values=(-1, 1))
    assert list(table.columns) == [
        "response", "change", "path", "mean", "median", "sd", "hdi_low", "hdi_high", "p_positive",
    ]  # fmt: skip
    assert set(table["change"]) == {"outcome: -1 to 1"}
    reading = table.attrs["reading"]
    assert "expected 'insula', in z, where 'outcome' is moved from -1 to 1" in reading
    assert "who keep their own parameters" in reading
    assert "nothing that they lack moves two of 'outcome', 'value' and 'insula'" in reading
    glance = learning_fit.copy()
    glance.attrs["method"] = "laplace"
    told = em.path_effects(glance, "outcome", "insula", through="value", values=(-1, 1))
    assert set(told["method"]) == {"laplace, approximate"}


def test_responses_that_are_read_stay_as_observed():
    """Choices decide what is learned; where outcomes are moved, the choices are those made."""
    rng = np.random.default_rng(5)
    trials = pd.DataFrame(
        {
            "participant": np.repeat(["A", "B", "C"], 10),
            "trial": np.tile(np.arange(1, 11), 3),
            "recipient": rng.choice(["self", "other"], 30),
            "choice": rng.integers(0, 2, 30),
            "outcome_0": rng.integers(0, 2, 30),
            "outcome_1": rng.integers(0, 2, 30),
        }
    )
    model = em.get_model(OWN_MODELS / "choice_learning.py").pool(
        "learning_rate", "inverse_temperature"
    )
    fit = as_fit(model, em.Study(trials=trials, name="choices", simulated=True))
    asked = {"column": "outcome_1", "response": "choice", "values": (0, 1)}
    table = em.path_effects(fit, **asked, through="utility")
    assert (
        "equations read are as observed: 'choice'; what 'outcome_1' does by way"
        in table.attrs["reading"]
    )

    def choosing(outcome_1):
        shares = []
        for number, (_, rows) in enumerate(trials.groupby("participant")):
            rate = draws_of(fit, "learning_rate")[:, number]
            temperature = draws_of(fit, "inverse_temperature")[:, number]
            values, chosen = {}, []
            for row in rows.itertuples():
                value = values.setdefault(row.recipient, [np.full(4, 0.5), np.full(4, 0.5)])
                chosen.append(special.expit(temperature * (value[1] - value[0])))
                outcome = outcome_1 if row.choice else row.outcome_0
                value[row.choice] = value[row.choice] + rate * (outcome - value[row.choice])
            shares.append(np.mean(chosen, axis=0))
        return np.mean(shares, axis=0)

    by_hand = (choosing(1) - choosing(0)).mean()
    assert abs(by_hand) > 0.01
    np.testing.assert_allclose(means_of(table)["total"], by_hand, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"response": "feelings"}, KeyError, "no response 'feelings'.*Did you mean 'feeling'"),
        ({"through": "values"}, KeyError, "has 2: 'value', 'prediction_error'.*mean 'value'"),
        ({"column": "outcomes"}, KeyError, "no column 'outcomes'.*Did you mean 'outcome'"),
        ({"column": "se", "response": "feeling"}, ValueError, "'se': no equation of it reads it"),
        ({"values": (-1, 0)}, KeyError, "one of its 2 levels, '-1', '1'; found 0"),
        ({"values": (1, 1)}, ValueError, r"two different values of 'outcome'.*found \(1, 1\)"),
        ({"response": "empathy_before"}, ValueError, "read on the way to 'empathy_before'"),
    ],
)
def test_refusals(learning_fit, change, error, told):
    asked = {"column": "outcome", "response": "feeling", "through": "value", "values": (-1, 1)}
    with pytest.raises(error, match=told):
        em.path_effects(learning_fit, **(asked | change))


def test_a_covariate_is_no_part_of_a_trial(learning_fit):
    with pytest.raises(ValueError, match=r"covariate of 2 parameters.*em.contrast\(fit, 'learning"):
        em.path_effects(
            learning_fit, "partner_group", "feeling", through="value", values=("in", "out")
        )


def test_a_latent_that_the_response_does_not_read(motives_fit, two_ways_fit):
    with pytest.raises(
        ValueError,
        match="depends on 'approach', 'avoidance', 'utility'; 'empathy' is not among these 3",
    ):
        em.path_effects(motives_fit, "cost", "engage", through="empathy", values=(0, 1))
    with pytest.raises(ValueError, match="number from -3 to 3; found 4 among"):
        em.path_effects(two_ways_fit, "closeness", "help", through="warmth", values=(0, 4))
    with pytest.raises(ValueError, match="'stimulus': the study does not have it"):
        em.path_effects(motives_fit, "stimulus", "AI", through="utility", values=(0, 1))


def test_columns_whose_levels_start_states():
    study = em.load_study("cue_pain")
    model = em.get_model("cue_expectation_learning").rival("first_rating_start")
    fit = as_fit(model, study)
    name = model.states[0].over
    levels = arrange(model, study).levels[name]
    latent = next(iter(model.latents))
    with pytest.raises(ValueError, match="states do not start at responses to its levels"):
        em.path_effects(fit, name, model.responses[0].name, through=latent, values=levels[:2])
