"""Observational learning: a plain loop, rivals, recovery, the authors' log-likelihoods."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from designs import trials_of
from folders import ROOT
from open_copies import COPIES

DATA = ROOT / "data" / "watched_boxes"
FOLDER = COPIES["charpentier_2024"]
VALUES = {
    "observation_weight": 0.35,
    "observational_learning_rate": 0.4,
    "experiential_learning_rate": 0.25,
    "observational_inverse_temperature": 3.0,
    "experiential_inverse_temperature": 2.0,
    "magnitude_weight": 0.8,
}
HABITS = {"orange_bias": 0.3, "left_bias": -0.2, "repetition": 0.5, "imitation": 0.4}


@pytest.fixture(scope="module")
def watching():
    return em.get_model("observational_learning")


@pytest.fixture(scope="module")
def boxes():
    """Three people, two sessions of 60 trials in blocks of 15; some choices are missed."""
    rng = np.random.default_rng(11)
    table = trials_of(trials=60)
    n = len(table)
    table["first_of_block"] = (table["trial"] % 15 == 0).astype(int)
    for name in ("partner_box", "partner_token"):
        table[name] = rng.integers(1, 3, n)
    for name in ("partner_left", "orange_left", "orange_rewarded", "choice"):
        table[name] = rng.integers(0, 2, n).astype(float)
    table["points_at_stake"] = rng.integers(1, 100, n)
    table.loc[rng.random(n) < 0.1, "choice"] = np.nan
    return table


def logistic(x):
    return 1 / (1 + math.exp(-x))


class Person:
    """Both learners with everything they hold, as arrays of two; a weight that is given."""

    def __init__(self, values):
        self.values = values
        self.boxes, self.tokens, self.sizes = [0.5, 0.5], [0.5, 0.5], [0.0, 0.0]

    def orange(self, row):
        """Probability of orange."""
        error = self.watch(row)
        v = self.values
        shown = self.boxes[row.partner_box - 1]
        by_partner = 0.0 if row.first_of_block else shown - (1 - shown)
        by_partner = logistic(v["observational_inverse_temperature"] * by_partner)
        own = v["experiential_inverse_temperature"] * (self.tokens[0] - self.tokens[1])
        own = logistic(own + v["magnitude_weight"] * (self.sizes[0] - self.sizes[1]))
        weight = self.weight(abs(error))
        return weight * by_partner + (1 - weight) * own

    def watch(self, row):
        if row.first_of_block:
            self.boxes = [0.5, 0.5]
        box = row.partner_box - 1
        error = (1 if row.partner_token == 1 else 0) - self.boxes[box]
        self.boxes[box] += self.values["observational_learning_rate"] * error
        self.boxes[1 - box] -= self.values["observational_learning_rate"] * error
        return error

    def weight(self, error):
        return self.values["observation_weight"]

    def learn(self, row):
        if math.isnan(row.choice):
            return
        token = 0 if row.choice == 1 else 1
        got = row.points_at_stake if row.choice == row.orange_rewarded else 0
        error = (1 if got > 0 else 0) - self.tokens[token]
        self.tokens[token] += self.values["experiential_learning_rate"] * error
        self.tokens[1 - token] = 1 - self.tokens[token]
        if got > 0:
            self.sizes[token] = got / 100
            self.sizes[1 - token] /= 2
        else:
            self.sizes[token] /= 2
        self.remember(abs(error), got)

    def remember(self, error, got):
        pass


class Reliable(Person):
    """The weight of a trial follows how large errors are compared with all before."""

    def __init__(self, values):
        super().__init__(values)
        self.of_partner, self.of_own = [], []
        self.surprise, self.got = 0.5, 0.0

    @staticmethod
    def relative(errors):
        least, most = min(errors), max(errors)
        return (errors[-1] - least) / (most - least) if most > least else 0.5

    def weight(self, error):
        self.of_partner.append(error)
        observation = 1 - 2 * self.relative(self.of_partner)
        experience = self.got / 100 - self.surprise
        return logistic(observation - experience + self.values["observation_bias"])

    def remember(self, error, got):
        self.of_own.append(error)
        self.surprise, self.got = self.relative(self.of_own), got


class Habits:
    """Preferences for a colour and for sides."""

    def __init__(self, values):
        self.values, self.side = values, 0

    def orange(self, row):
        v = self.values
        orange = 1 if row.orange_left else -1
        partner = 1 if row.partner_left else -1
        left = v["left_bias"] + v["repetition"] * self.side + v["imitation"] * partner
        return logistic(v["orange_bias"] + orange * left)

    def learn(self, row):
        if not math.isnan(row.choice):
            self.side = 1 if row.choice == row.orange_left else -1


def loop(table, values, kind=Person):
    """Log-probability of every choice, NaN where there is none."""
    found = []
    for _, rows in table.groupby(["participant", "session"], sort=False):
        person = kind(values)
        for row in rows.itertuples():
            orange = person.orange(row)
            chosen = math.nan if math.isnan(row.choice) else orange if row.choice else 1 - orange
            found.append(math.nan if math.isnan(chosen) else math.log(chosen))
            person.learn(row)
    return np.array(found)


def agrees(model, table, values, expected):
    found = em.log_likelihood(model, em.Study(trials=table), values)["row"]["choice"]
    assert 0 < np.isnan(expected).sum() < len(expected) / 5
    np.testing.assert_allclose(found.to_series().to_numpy(), expected, rtol=0, atol=1e-8)


def only(model):
    """Values of the parameters that a model estimates."""
    return {n: v for n, v in VALUES.items() if model.parameter(n).fixed is None}


def test_it_is_the_loop(watching, boxes):
    agrees(watching, boxes, VALUES, loop(boxes, VALUES))


@pytest.mark.parametrize(
    ("rival", "fixed"),
    [
        ("observation_only", {"observation_weight": 1.0}),
        ("experience_only", {"observation_weight": 0.0}),
        ("no_magnitude", {"magnitude_weight": 0.0}),
    ],
)
def test_rivals_that_leave_something_out(watching, boxes, rival, fixed):
    model = watching.rival(rival)
    agrees(model, boxes, only(model), loop(boxes, VALUES | fixed))


def test_weights_by_reliability(watching, boxes):
    values = {n: v for n, v in VALUES.items() if n != "observation_weight"}
    values["observation_bias"] = -0.4
    agrees(watching.rival("dynamic_arbitration"), boxes, values, loop(boxes, values, Reliable))


def test_habits(watching, boxes):
    agrees(watching.rival("choice_biases"), boxes, HABITS, loop(boxes, HABITS, Habits))


def test_statistics(watching):
    """What the partner seems to be after, and what one stays with."""
    table = pd.DataFrame(
        {
            "participant": ["a"] * 6,
            "first_of_block": [1, 0, 0, 0, 1, 0],
            "partner_box": [1, 1, 2, 2, 1, 2],
            "partner_token": [1, 1, 1, 2, 2, 2],
            "choice": [1, 1, 0, np.nan, 0, 0],
            "orange_rewarded": [1, 0, 0, 1, 1, 0],
        }
    )
    found = {s.name: s.function(table) for s in watching.statistics}
    # box 1 looks orange on trials 2 to 4: orange, blue, blue (missed); undecided on trial 6
    assert found["tokens that the partner seems to be after"] == 1
    assert found["rewarded tokens"] == pytest.approx(3 / 5)
    # after a reward: 1 again; after none: 1 then 0, 0 again; the missed choice tells nothing
    assert found["the same token after a reward"] == 1
    assert found["the same token after none"] == pytest.approx(1 / 2)


@pytest.mark.slow
def test_modes_find_what_was_simulated():
    """Of every second person, the order of people and the mean of all."""
    truth = pd.read_csv(DATA / "true_parameters.csv").set_index("participant").iloc[::2]
    trials = em.load_study("watched_boxes").trials
    study = em.Study(trials=trials[trials["participant"].isin(truth.index)])
    fit = em.fit(em.get_model("observational_learning"), study, method="map", seed=1)
    found = fit["posterior"].to_dataset().mean(("chain", "draw"))
    weight = found["observation_weight"].to_series().reindex(truth.index)
    assert np.corrcoef(weight, truth["observation_weight"])[0, 1] > 0.7
    assert weight.mean() == pytest.approx(truth["observation_weight"].mean(), abs=0.1)


# ---------------------------------------------------------------------------- the open study

# of each model: the authors' name of it, their total, and our names of their parameters
PUBLISHED = {
    "observation_only": (
        "obslearn",
        -12170.992187,
        {"observational_learning_rate": "alpha", "observational_inverse_temperature": "beta"},
    ),
    "experience_only": (
        "explearn",
        -12708.108249,
        {
            "experiential_learning_rate": "alpha",
            "experiential_inverse_temperature": "beta",
            "magnitude_weight": "mag_boost",
        },
    ),
    "": (
        "fixarb",
        -11275.846228,
        {
            "observation_weight": "w_ol",
            "observational_learning_rate": "alpha_ol",
            "experiential_learning_rate": "alpha_el",
            "observational_inverse_temperature": "beta_ol",
            "experiential_inverse_temperature": "beta_el",
            "magnitude_weight": "mag_boost",
        },
    ),
}


@cache
def published_fits():
    fits = pd.read_csv(FOLDER / "derived_individual_fits.csv", dtype={"subNb": str})
    return fits.set_index("subNb").rename_axis("participant")


@pytest.fixture(scope="module")
def watched(open_study):
    return open_study("charpentier_2024")


def test_the_study_is_whole(watched):
    trials = watched.trials
    assert (trials["participant"].nunique(), len(trials)) == (126, 20160)
    assert trials["choice"].notna().sum() == published_fits()["n_choices"].sum() == 19994


@pytest.mark.parametrize("rival", PUBLISHED)
def test_the_authors_log_likelihood_is_reproduced(watching, watched, rival):
    theirs, total, names = PUBLISHED[rival]
    fits = published_fits()
    table = pd.DataFrame({ours: fits[f"{theirs}_{column}"] for ours, column in names.items()})
    model = watching.rival(rival) if rival else watching
    result = em.log_likelihood(model, watched, table)
    assert result["row"]["choice"].notnull().sum() == 19994  # as many as were scored
    assert result.attrs["total"] == pytest.approx(total, rel=0, abs=1e-5)
    people = result["participant"]["log_likelihood"].sum("response").to_series()
    assert len(people) == len(fits)
    expected = fits[f"{theirs}_loglik"].reindex(people.index)
    np.testing.assert_allclose(people, expected, rtol=0, atol=1e-8)
