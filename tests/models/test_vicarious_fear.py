"""Fear learned from another's shocks: a plain loop, rivals, size, recovery, an open study."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from designs import trials_of
from folders import BUNDLED
from open_copies import COPIES

FOLDER = COPIES["nilsonne_2017"]
DATA = BUNDLED / "observed_shocks"
TRUTH = "true_parameters.csv"
VALUES = {
    "learning_rate": 0.3,
    "social_shock": 0.6,
    "scr_slope": 0.8,
    "scr_baseline": 0.35,
    "habituation": 0.03,
    "readiness": -0.4,
    "readiness_slope": 2.5,
    "scr_noise": 0.25,
    "expectancy_baseline": 12.0,
    "expectancy_slope": 60.0,
    "expectancy_noise": 14.0,
    "yes_bias": -0.3,
    "yes_slope": 4.0,
}
NORMAL = NormalDist()


@pytest.fixture(scope="module")
def fear():
    return em.get_model("vicarious_fear")


@pytest.fixture(scope="module")
def shocks():
    """Three people, two sessions of 40 trials; shocks, conductance and ratings are missing."""
    rng = np.random.default_rng(7)
    table = trials_of()
    n = len(table)
    table["cue"] = rng.choice(["blue", "green", "yellow"], n)
    table["source"] = rng.choice(["social", "direct"], n, p=[0.7, 0.3])
    table["shock"] = rng.integers(0, 2, n).astype(float)
    table.loc[(rng.random(n) < 0.15) | (table["trial"] >= 30), "shock"] = np.nan
    table["first_of_phase"] = table["trial"].isin([0, 30]).astype(int)
    table["scr"] = np.where(rng.random(n) < 0.4, 0.0, rng.gamma(1.5, 0.3, n))
    table.loc[rng.random(n) < 0.1, "scr"] = np.nan
    table["expectancy"] = rng.integers(0, 101, n).astype(float)
    table.loc[rng.random(n) < 0.1, "expectancy"] = np.nan
    table.loc[3:5, "expectancy"] = 0.0, 100.0, 57.0
    table["says_shock"] = np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 2, n))
    return table


class Learner:
    """Rescorla-Wagner: an expectation of every cue."""

    def __init__(self, values, source_size):
        self.values, self.size = values, source_size
        self.expected = {}

    def before(self, row):
        """Expectation, and what arouses beside baseline."""
        expected = self.expected.get(row.cue, 0.5)
        return expected, self.values["scr_slope"] * self.size(row.source) * expected

    def learn(self, row):
        expected = self.expected.get(row.cue, 0.5)
        rate = self.values["learning_rate"]
        self.expected[row.cue] = expected + rate * (row.shock - expected)


class Sized(Learner):
    def before(self, row):
        expected = self.expected.get(row.cue, 0.5)
        size = self.values["social_shock"]
        return expected, self.values["scr_slope"] * size * expected

    def learn(self, row):
        expected = self.expected.get(row.cue, 0.5)
        outcome = row.shock / self.values["social_shock"] if row.source == "direct" else row.shock
        self.expected[row.cue] = expected + self.values["learning_rate"] * (outcome - expected)


class PearceHall(Learner):
    def __init__(self, *given):
        super().__init__(*given)
        self.recent = {}

    def before(self, row):
        expected, arousal = super().before(row)
        slope = self.values["associability_slope"]
        return expected, arousal + slope * self.recent.get(row.cue, 0.5)

    def learn(self, row):
        expected, recent = self.expected.get(row.cue, 0.5), self.recent.get(row.cue, 0.5)
        error = row.shock - expected
        self.expected[row.cue] = expected + self.values["learning_rate"] * recent * error
        weight = self.values["associability_rate"]
        self.recent[row.cue] = weight * abs(error) + (1 - weight) * recent


class Counter(Learner):
    """Counts of shocks and of none, one more each."""

    def __init__(self, *given):
        super().__init__(*given)
        self.counts = {}

    def before(self, row):
        a, b = self.counts.get(row.cue, (1, 1))
        expected = a / (a + b)
        sd = math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
        arousal = self.values["scr_slope"] * self.size(row.source) * expected
        return expected, arousal + self.values["uncertainty_slope"] * sd

    def learn(self, row):
        a, b = self.counts.get(row.cue, (1, 1))
        self.counts[row.cue] = (a + row.shock, b + 1 - row.shock)


def loop(table, values, learner=Learner, *, in_steps=True):
    """Log-probability of every conductance and rating, NaN where there is none."""
    found = {"scr": [], "expectancy": [], "says_shock": []}

    def size(source):
        return 1.0 if source == "direct" else values["social_shock"]

    for _, rows in table.groupby(["participant", "session"], sort=False):
        person, number = learner(values, size), 0
        for row in rows.itertuples():
            number = 0 if row.first_of_phase else number
            expected, arousing = person.before(row)
            arousal = values["scr_baseline"] + arousing
            arousal *= math.exp(-values["habituation"] * number)
            found["scr"].append(conductance(row.scr, arousal, values))
            mean = values["expectancy_baseline"] + values["expectancy_slope"] * expected
            rated = rating(row.expectancy, mean, values["expectancy_noise"], in_steps)
            found["expectancy"].append(rated)
            found["says_shock"].append(answer(row.says_shock, expected, values))
            number += 1
            if not math.isnan(row.shock):
                person.learn(row)
    return {name: np.array(series) for name, series in found.items()}


def conductance(amplitude, arousal, values):
    responds = values["readiness"] + values["readiness_slope"] * arousal
    if math.isnan(amplitude):
        return math.nan
    if amplitude == 0:
        return -math.log1p(math.exp(responds))
    root, noise = math.sqrt(amplitude), values["scr_noise"]
    density = NORMAL.pdf((root - arousal) / noise) / noise / NORMAL.cdf(arousal / noise)
    return -math.log1p(math.exp(-responds)) + math.log(density / (2 * root))


def answer(value, expected, values):
    if math.isnan(value):
        return math.nan
    odds = values["yes_bias"] + values["yes_slope"] * (expected - 0.5)
    return -math.log1p(math.exp(-odds if value == 1 else odds))


def rating(value, mean, noise, in_steps):
    if math.isnan(value):
        return math.nan
    if not in_steps:
        return math.log(NORMAL.pdf((value - mean) / noise) / noise)
    low = -math.inf if value == 0 else (value - 0.5 - mean) / noise
    high = math.inf if value == 100 else (value + 0.5 - mean) / noise
    if low > 0:  # the same on the other side, where no digits are lost
        low, high = -high, -low
    return math.log((math.erfc(-high / math.sqrt(2)) - math.erfc(-low / math.sqrt(2))) / 2)


def agrees(model, table, values, *given, **settings):
    """Hold a model against the loop; fixed parameters are what their values say."""
    free = {n: v for n, v in values.items() if n in {p.name for p in model.parameters}}
    free = {n: v for n, v in free.items() if model.parameter(n).fixed is None}
    found = em.log_likelihood(model, em.Study(trials=table), free)["row"]
    for name, expected in loop(table, values, *given, **settings).items():
        assert 0 < np.isnan(expected).sum() < len(expected) / 5
        np.testing.assert_allclose(
            found[name].to_series().to_numpy(), expected, rtol=0, atol=1e-8, err_msg=name
        )


def test_it_is_the_loop(fear, shocks):
    agrees(fear, shocks, VALUES)
    agrees(fear.rival("plain_normal"), shocks, VALUES, in_steps=False)


def test_without_own_shocks_the_slope_is_one(fear, shocks):
    """Size and slope are known as a product only, so one of them is not estimated."""
    social = shocks.drop(columns="source")
    values = {n: v for n, v in VALUES.items() if n != "scr_slope"}
    found = em.log_likelihood(fear, em.Study(trials=social), values)["row"]
    expected = loop(shocks.assign(source="social"), VALUES | {"scr_slope": 1.0})
    np.testing.assert_allclose(found["scr"].to_numpy(), expected["scr"], rtol=0, atol=1e-8)
    product = {"social_shock": 0.3, "scr_slope": 2.0}
    same = loop(shocks.assign(source="social"), VALUES | product)
    np.testing.assert_allclose(same["scr"], expected["scr"])


def test_habituation_goes_on_unless_a_phase_is_marked(fear, shocks):
    table = shocks.drop(columns="first_of_phase")
    found = em.log_likelihood(fear, em.Study(trials=table), VALUES)["row"]["scr"].to_numpy()
    expected = loop(shocks.assign(first_of_phase=0), VALUES)["scr"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def test_rivals_of_size_and_habituation(fear, shocks):
    agrees(fear.rival("no_habituation"), shocks, VALUES | {"habituation": 0.0})
    agrees(fear.rival("same_size"), shocks, VALUES | {"social_shock": 1.0})
    agrees(fear.rival("sized_errors"), shocks, VALUES, Sized)


def test_rivals_of_learning(fear, shocks):
    fixed = {"learning_rate": 0.0, "social_shock": 0.0, "expectancy_slope": 0.0, "yes_slope": 0.0}
    agrees(fear.rival("no_learning"), shocks, VALUES | fixed)
    values = VALUES | {"associability_rate": 0.4, "associability_slope": 0.2}
    agrees(fear.rival("hybrid_pearce_hall"), shocks, values, PearceHall)
    agrees(fear.rival("beta_bernoulli"), shocks, VALUES | {"uncertainty_slope": 0.7}, Counter)


@pytest.mark.slow
def test_answers_alone_tell_how_fast_people_learn(fear):
    """A study of yes and no: nothing else is asked of it, and rates are found."""
    n, truth = 24, {"yes_bias": 0.0, "yes_slope": 8.0}
    rng = np.random.default_rng(5)
    people = [f"p{k:02}" for k in range(n)]
    table = trials_of(people, sessions=(1,), trials=80)
    table["cue"] = rng.choice(["blue", "yellow"], len(table))
    shocked = np.where(table["trial"] // 20 % 2 == 0, "blue", "yellow")  # reversed every 20 trials
    table["shock"] = np.where(table["cue"] == shocked, rng.random(len(table)) < 0.8, 0).astype(int)
    rates = pd.DataFrame({"participant": people, "learning_rate": np.linspace(0.05, 0.7, n)})
    model = fear.without("scr", "expectancy")
    study, _ = em.simulate(model, em.Study(trials=table), rates.assign(**truth), seed=2)
    fit = em.fit(fear, study, method="map", seed=1)
    assert set(fit["posterior"]) >= {"learning_rate", "yes_slope"}
    assert "social_shock" not in fit["posterior"]
    found = fit["posterior"]["learning_rate"].mean(("chain", "draw")).to_series()
    assert np.corrcoef(found.reindex(people), rates["learning_rate"])[0, 1] > 0.7
    slope = float(np.exp(fit["posterior"]["yes_slope_mean"].mean()))
    assert slope == pytest.approx(truth["yes_slope"], rel=0.35)


@pytest.mark.parametrize("rival", ["same_size", "sized_errors"])
def test_rivals_of_size_need_shocks_of_both(fear, shocks, rival):
    social = em.Study(trials=shocks.drop(columns="source"))
    with pytest.raises(ValueError, match="source"):
        em.log_likelihood(fear.rival(rival), social, VALUES)


def test_what_a_demonstrators_shock_adds(fear):
    """After many shocks the root of conductance is baseline plus size, for oneself plus slope."""
    table = pd.DataFrame({"participant": "a", "trial": range(200), "shock": 1.0})
    table["cue"] = np.resize(["blue", "red"], 200)
    table["source"] = np.resize(["social", "direct"], 200)
    table["scr"], table["expectancy"] = np.linspace(0.1, 0.6, 200), np.arange(200) % 100
    table = pd.concat([table, table.assign(participant="b")], ignore_index=True)
    values = VALUES | {"habituation": 1e-12}
    latents = em.log_likelihood(fear, em.Study(trials=table), values)["latents"]
    arousal = latents["arousal"].to_numpy()
    np.testing.assert_allclose(arousal[:2], [0.35 + 0.8 * 0.6 * 0.5, 0.35 + 0.8 * 0.5])
    np.testing.assert_allclose(arousal[-2:], [0.35 + 0.8 * 0.6, 0.35 + 0.8])


def test_statistics(fear):
    """The cue that a shock followed last against the other one, where shocks are seen or not."""
    table = pd.DataFrame(
        {
            "participant": ["a"] * 7,
            "cue": ["x", "y", "x", "x", "y", "y", "x"],
            "shock": [1, 0, 0, np.nan, np.nan, 1, 0],
            "scr": [9.0, 1.0, 2.0, 4.0, 0.0, 3.0, 7.0],
        }
    )
    found = {s.name: s.function(table) for s in fear.statistics if s.response == "scr"}
    assert found["share of zeros"] == pytest.approx(1 / 7)
    # seen: x is last shocked in rows 1, 2 and 5, y in row 6
    seen = found["scr, last shocked minus other cues, shocks seen"]
    assert seen == pytest.approx(2 - (1 + 3 + 7) / 3)
    assert found["scr, last shocked minus other cues, test"] == 4


@pytest.mark.slow
def test_modes_find_what_was_simulated():
    """Of every third person, for the size and order of what was simulated."""
    trials, truth = em.load_study("observed_shocks").trials, pd.read_csv(DATA / TRUTH)
    truth = truth.set_index("participant").iloc[::3]
    study = em.Study(trials=trials[trials["participant"].isin(truth.index)])
    fit = em.fit(em.get_model("vicarious_fear"), study, method="map", seed=1)
    posterior = fit["posterior"].to_dataset()
    size = float(np.exp(posterior["social_shock_mean"].mean()))
    assert size == pytest.approx(np.exp(np.log(truth["social_shock"]).mean()), rel=0.2)
    rate = posterior["learning_rate"].mean(("chain", "draw")).to_series()
    assert np.corrcoef(rate.reindex(truth.index), truth["learning_rate"])[0, 1] > 0.7


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_instruction_and_trait_are_recovered():
    """True effects of the instructions on size lie in 95 % intervals; people are found again."""
    study = em.load_study("observed_shocks")
    covariates = {"social_shock": 'C(instruction, Treatment("none")) + empathy'}
    fit = em.fit(em.get_model("vicarious_fear"), study, covariates=covariates, seed=1, chains=2)
    posterior = fit["posterior"].to_dataset()
    truth = pd.read_csv(DATA / TRUTH).set_index("participant")
    effects = posterior["social_shock_effect"]
    names = list(effects["social_shock_covariate"].to_numpy())
    spread = study.participants["empathy"].std()
    for word, true in (
        ("enhance", np.log(1.3)),
        ("reduce", np.log(0.7)),
        ("empathy", 0.2 * spread / 0.6),
    ):
        [name] = [n for n in names if word in n]
        draws = effects.sel(social_shock_covariate=name).to_numpy().ravel()
        low, high = np.quantile(draws, [0.025, 0.975])
        print(f"{word}: true {true:.3f}, {draws.mean():.3f} [{low:.3f}, {high:.3f}]")
        assert low < true < high
    for name, least in (("learning_rate", 0.7), ("social_shock", 0.7), ("readiness", 0.7)):
        mean = posterior[name].mean(("chain", "draw")).to_series().reindex(truth.index)
        r = np.corrcoef(mean, truth[name])[0, 1]
        print(f"{name}: r = {r:.3f}")
        assert r > least


# ---------------------------------------------------------------------------- the open study


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_zeros_of_an_open_study_are_predicted(open_study):
    """Responses to shocks, sorted by condition: nothing is learned in them, and no baseline told.

    The nearest use of these data. Strength of shocks is not in the model.
    """
    people = open_study("nilsonne_2017").participants["participant"].astype(int)
    table = pd.read_csv(FOLDER / "SCR.csv").rename(columns={"Subject": "participant", "SCR": "scr"})
    table = table[table["participant"].isin(people)].dropna(subset=["scr"])
    table["trial"] = table.groupby("participant").cumcount() + 1
    study = em.Study(
        trials=table.assign(shock=np.nan, cue=table["Stimulus"]),
        columns={"source": "Condition"},
        codes={"source": {"Self": "direct", "Other": "social"}},
    )
    model = em.get_model("vicarious_fear").fix(learning_rate=0.0, habituation=0.0, scr_baseline=0.0)
    fit = em.fit(model, study, seed=1, chains=2)
    checks = em.check(fit).set_index("check")
    print(checks[["value", "passed"]].to_string())
    predicted = em.predict(fit, study, seed=1)["posterior_predictive"]["scr"].to_numpy()
    observed, zeros = (table["scr"] == 0).mean(), (predicted == 0).mean()
    print(f"share of zeros: observed {observed:.3f}, predicted {zeros:.3f}")
    assert zeros == pytest.approx(observed, abs=0.03)
