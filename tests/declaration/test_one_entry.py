"""A new support is one entry, a new distribution of responses one class: all else follows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import stats

import empathymodels as em
from empathymodels.checks.gradients import slopes
from empathymodels.declaration.supports import SUPPORTS, Support
from empathymodels.layout.arrange import arrange
from empathymodels.population.given_values import values_from_table
from empathymodels.reporting.fit_section import Fitted
from empathymodels.reporting.methods import _prior_text
from empathymodels.responses.distribution import ResponseDistribution

ABOVE_ONE = Support(
    "above one",
    (1.0, np.inf),
    lambda values: np.log(values - 1),
    lambda linked, xp: 1 + xp.exp(linked),
    "log({} - 1)",
    "log scale above 1",
)


class Logistic(ResponseDistribution):
    """Ratings with heavier tails than normal ones."""

    use = "ratings of which some are far off"

    @staticmethod
    def draw(mu, scale, size):
        return pm.Logistic.dist(mu, scale, size=size)

    @staticmethod
    def log_probability(value, mu, scale):
        z = (value - mu) / scale
        return -z - pt.log(scale) - 2 * pt.log1p(pt.exp(-z))

    @staticmethod
    def mean(mu, scale):
        return mu


@pytest.fixture(scope="module", autouse=True)
def entry():
    """The new support, while this file is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUPPORTS, ABOVE_ONE.name, ABOVE_ONE)
        yield


@pytest.fixture(scope="module")
def model(own_model):
    def rating(latent, parameters, data):
        mean = parameters.baseline + parameters.slope * data.intensity
        return Logistic.dist(mean, parameters.noise)

    changes = {"support": ABOVE_ONE.name, "scale_of": None, "typical": (1.2, 3.0)}
    parameters = [
        replace(p, **changes) if p.name in ("slope", "noise") else p for p in own_model.parameters
    ]
    response = replace(own_model.responses[0], function=rating, range=None)
    parameters[0] = replace(parameters[0], scale_of=None)
    return replace(own_model, parameters=tuple(parameters), responses=(response,), rivals={})


@pytest.fixture(scope="module")
def values(own_study):
    table = own_study.participants[["participant"]].assign(baseline=5.0, noise=1.5)
    return table.assign(slope=np.linspace(1.1, 4, len(table)))


def expected(model, study, values):
    """The total log-likelihood by a plain formula."""
    of = values.set_index("participant").loc[study.trials["participant"]]
    mean = of["baseline"].to_numpy() + of["slope"].to_numpy() * study.trials["intensity"]
    return stats.logistic.logpdf(study.trials["rating"], mean, 1.5).sum()


def test_likelihoods_and_slopes(model, own_study, values):
    found = em.log_likelihood(model, own_study, values)
    total = expected(model, own_study, values)
    assert found.attrs["total"] == pytest.approx(total, rel=1e-12)
    arrangement = arrange(model, own_study)
    at = slopes(arrangement)
    total_again, gradient = at(values_from_table(arrangement, values))
    assert total_again == pytest.approx(total, rel=1e-12)
    for person in (0, 7, 23):
        beside = []
        for step in (1e-5, -1e-5):
            moved = values.copy()
            moved.loc[person, "slope"] += step
            beside.append(expected(model, own_study, moved))
        difference = (beside[0] - beside[1]) / 2e-5
        assert gradient["slope"][person] == pytest.approx(difference, rel=1e-5, abs=1e-7)


def test_simulations(model, own_study, values):
    simulated, _ = em.simulate(model, own_study, values, seed=1)
    of = values.set_index("participant").loc[simulated.trials["participant"]]
    mean = of["baseline"].to_numpy() + of["slope"].to_numpy() * simulated.trials["intensity"]
    away = (simulated.trials["rating"] - mean) / 1.5
    assert stats.kstest(away, stats.logistic.cdf).pvalue > 0.01


def test_values_below_the_end_are_refused(model, own_study, values):
    with pytest.raises(ValueError, match=r"'slope'.*\[1, inf\].*0\.5"):
        em.log_likelihood(model, own_study, values.assign(slope=0.5))
    with pytest.raises(ValueError, match="'slope' must lie between 1 and inf"):
        model.fix(slope=0.5)
    with pytest.raises(ValueError, match="'real', 'positive', 'unit', 'signed', 'above one'"):
        replace(model.parameters[0], support="below one")


def test_estimates_and_words(model, own_study, as_drawn):
    fit = as_drawn(model, own_study)
    posterior = fit["posterior"]
    assert float(posterior["slope"].min()) > 1
    rows = em.estimates(fit).query("parameter == 'slope'").set_index("whose")
    mean = posterior["slope_mean"].to_numpy()
    median_person = rows.loc["median person"]
    assert median_person["mean"] == pytest.approx((1 + np.exp(mean)).mean())
    # of a log-normal deviation: 1 + exp(mean + variance / 2)
    average = 1 + np.exp(mean + posterior["slope_sd"].to_numpy() ** 2 / 2)
    assert rows.loc["population average", "mean"] == pytest.approx(average.mean(), rel=1e-6)
    assert set(rows["unit"]) == {"link", "natural"}
    card = em.card(model)
    assert "log(value - 1)" in card
    assert "Logistic" in card and "ratings of which some are far off" in card
    found = Fitted("own", fit, pd.DataFrame(), pd.DataFrame(), arrange(model, own_study))
    assert "log scale above 1" in _prior_text(found, model.parameter("slope"))


def test_fits(model, own_study):
    """The mode of everybody, by a gradient through both."""
    fit = em.fit(model, own_study, method="map", seed=1)
    assert float(fit["posterior"]["slope"].min()) > 1
    assert float(fit["posterior"]["noise"].min()) > 1


def test_fits_people_alone(model, own_study):
    alone = em.point_estimates(model.fix(noise=1.5), own_study, starts=1)
    assert (alone["slope"] > 1).all()
