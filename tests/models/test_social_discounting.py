"""Social discounting: the equations by hand, both responses or one, and recovery of the truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import empathymodels as em
from folders import BUNDLED

TRUTH = BUNDLED / "shared_dollars" / "true_parameters.csv"
RIVALS = ("exponential", "no_discounting")
PEOPLE = 16
VALUES = {
    "discount_rate": 0.05,
    "undiscounted_value": 80.0,
    "inverse_temperature": 0.1,
    "noise": 8.0,
}


@pytest.fixture(scope="module")
def dollars():
    return em.load_study("shared_dollars")


@pytest.fixture(scope="module")
def social():
    return em.get_model("social_discounting")


def trials_of(rows):
    names = ["distance", "amount_self", "reward", "share", "amount"]
    trials = pd.DataFrame(rows, columns=names)
    people = np.resize(["P1", "P2"], len(trials))
    return trials.assign(participant=people, trial=range(len(trials)))


# --------------------------------------------------------------------------------- equations


def test_values_and_likelihood_by_hand(social):
    rows = [
        (1, 45, 75, 1, np.nan),
        (20, 45, 75, 0, np.nan),
        (100, 5, 150, 1, np.nan),
        (5, np.nan, 75, np.nan, 60.5),
        (1, np.nan, 75, np.nan, 85),
        (100, np.nan, 75, np.nan, 0),
    ]
    found = em.log_likelihood(social, em.Study(trials=trials_of(rows)), VALUES)
    total = 0.0
    for row, (distance, amount_self, reward, share, amount) in enumerate(rows):
        value = 80 * (reward / 75) / (1 + 0.05 * distance)
        assert float(found["latents"]["value"][row]) == pytest.approx(value)
        if share in (0, 1):
            p = 1 / (1 + np.exp(-0.1 * (value - amount_self)))
            total += np.log(p if share else 1 - p)
        else:  # 60.5 shows that amounts were recorded in half dollars
            low = -np.inf if amount == 0 else amount - 0.25
            high = np.inf if amount == 85 else amount + 0.25
            total += np.log(np.diff(norm.cdf([low, high], value, 8))[0])
    assert found.attrs["total"] == pytest.approx(total, rel=1e-12)


SHAPES = {  # share of the value that is left at distance N
    "exponential": ({}, lambda n: np.exp(-0.05 * n)),
    "power": ({"distance_exponent": 0.7}, lambda n: 1 / (1 + 0.05 * n**0.7)),
    "q_exponential": ({"curvature": 2.0}, lambda n: 1 / np.sqrt(1 + 2 * 0.05 * n)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_rivals_fall_as_they_say(social, name):
    shape, left = SHAPES[name]
    distance = np.array([0, 1, 2.5, 10, 100])
    trials = trials_of([(n, 40, 75, n < 5, 40 + n / 4) for n in distance])
    found = em.log_likelihood(social.rival(name), em.Study(trials=trials), VALUES | shape)
    np.testing.assert_allclose(found["latents"]["value"], 80 * left(distance), rtol=1e-12)


def test_shapes_meet_where_they_should(social, dollars):
    def total(name, **shape):
        variant = social if name is None else social.rival(name)
        return em.log_likelihood(variant, dollars, VALUES | shape).attrs["total"]

    hyperbola = total(None)
    assert total("power", distance_exponent=1.0) == pytest.approx(hyperbola, rel=1e-12)
    assert total("q_exponential", curvature=1.0) == pytest.approx(hyperbola, rel=1e-12)
    assert total("q_exponential", curvature=1e-7) == pytest.approx(total("exponential"), rel=1e-5)
    assert abs(total("exponential") - hyperbola) > 10


def test_without_discounting_distance_does_not_matter(social, dollars):
    values = {name: value for name, value in VALUES.items() if name != "discount_rate"}
    flat = social.rival("no_discounting")
    moved = replace(dollars, trials=dollars.trials.assign(distance=37))
    first, second = (
        em.log_likelihood(flat, study, values).attrs["total"] for study in (dollars, moved)
    )
    assert first == pytest.approx(second, rel=1e-12)


def test_either_response_will_do(social, dollars):
    """The likelihood of both is the sum of either alone."""
    choices = em.Study(trials=dollars.trials.drop(columns="amount"))
    amounts = em.Study(trials=dollars.trials.drop(columns=["share", "amount_self"]))
    both = em.log_likelihood(social, dollars, VALUES)
    found = {}
    for name, study in (("share", choices), ("amount", amounts)):
        unused = ("noise",) if name == "share" else ("inverse_temperature",)
        values = {k: v for k, v in VALUES.items() if k not in unused}
        alone = em.log_likelihood(social, study, values)
        assert list(alone["row"].data_vars) == [name]
        found[name] = alone.attrs["total"]
    assert sum(found.values()) == pytest.approx(both.attrs["total"], rel=1e-12)


def test_another_answer_sheet(social):
    trials = trials_of([(1, np.nan, 75, np.nan, 100.0), (10, np.nan, 75, np.nan, 0.0)])
    with pytest.raises(ValueError, match="'amount' of trials must lie between 0 and 85 dollars"):
        em.log_likelihood(social, em.Study(trials=trials), VALUES)
    longer = social.with_range(amount=(0, 100))
    expected = norm.logsf(99.5, 80 / 1.05, 8) + norm.logcdf(0.5, 80 / 1.5, 8)
    found = em.log_likelihood(longer, em.Study(trials=trials.drop(columns="share")), VALUES)
    assert found.attrs["total"] == pytest.approx(expected, rel=1e-12)


# ---------------------------------------------------------------------------------- the battery


class Scattered(em.CensoredNormal):
    """Draws scatter more than the likelihood says."""

    @staticmethod
    def draw(mu, sigma, lower, upper, size):
        return em.CensoredNormal.draw(mu, 1.5 * sigma, lower, upper, size)


class Unbounded(em.CensoredNormal):
    """Draws that would lie beyond an end are not moved to it."""

    @staticmethod
    def draw(mu, sigma, lower, upper, size):
        return em.CensoredNormal.draw(mu, sigma, lower - 1e6, upper + 1e6, size)


@pytest.mark.parametrize("wrong", [Scattered, Unbounded])
def test_draws_that_disagree_with_a_censored_likelihood_are_found(social, wrong):
    """The battery's own integral holds the probability at the ends of the scale."""

    def amount(latent, parameters, data):
        return wrong.dist(latent.value, parameters.noise, data.lowest, data.highest)

    responses = tuple(
        replace(r, function=amount) if r.name == "amount" else r for r in social.responses
    )
    table = em.verify(replace(social, responses=responses)).set_index("check")
    assert not table.loc["simulator", "passed"]
    assert "amount" in table.loc["simulator", "detail"]


# ----------------------------------------------------------------------------------- recovery


@pytest.fixture(scope="module")
def fits(social, dollars):
    """The first people of the bundled study."""
    people = dollars.trials["participant"].unique()[:PEOPLE]
    trials = dollars.trials[dollars.trials["participant"].isin(people)].reset_index(drop=True)
    study = em.Study(trials=trials, simulated=True, name="shared_dollars, first people")
    how = {"chains": 2, "draws": 1000, "tune": 500, "seed": 1}
    return em.fit_rivals(social, study, *RIVALS, **how)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_truth_is_recovered(fits):
    posterior = next(iter(fits.values()))["posterior"]
    truth = np.log(pd.read_csv(TRUTH).set_index("participant").iloc[:PEOPLE])
    for name, values in truth.items():
        draws = np.log(posterior[name].sel(participant=truth.index.tolist())).mean("participant")
        # a mean over people is nearly normal: its 99 % interval is known better by mean and sd
        # than by the few draws beyond a quantile
        reach = norm.ppf(0.995) * float(draws.std())
        assert abs(float(draws.mean()) - values.mean()) < reach, name
    for name in ("discount_rate", "undiscounted_value"):
        mean = np.log(posterior[name]).mean(("chain", "draw"))
        assert np.corrcoef(mean, truth[name])[0, 1] > 0.8, name


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rivals_without_the_effect_lose(fits):
    table = em.compare(fits)
    print(table.to_string())
    assert table.index[0] == "social_discounting"
    assert (table["elpd_diff"] + 3 * table["dse"])[list(RIVALS)].max() < 0
