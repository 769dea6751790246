"""People fitted alone: against closed forms, a plain loop, and the truth."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2, norm

import empathymodels as em
from empathymodels.declaration.priors import new_person_prior
from folders import OWN_MODELS

CHOICE = OWN_MODELS / "choice_learning.py"
COLUMNS = ["log_likelihood", "observations", "aic", "bic", "converged", "at_bound"]


# against closed forms


@pytest.fixture(scope="module")
def alone(own_model, own_study):
    return em.point_estimates(own_model, own_study)


def regression(own):
    """Least squares of one person's ratings: intercept, slope, root mean square."""
    design = np.stack([np.ones(len(own)), own["intensity"]], axis=1)
    found, *_ = np.linalg.lstsq(design, own["rating"], rcond=None)
    noise = np.sqrt(np.mean((own["rating"] - design @ found) ** 2))
    return [*found, noise]


def test_maximum_likelihood_is_least_squares(alone, own_study):
    assert list(alone) == ["participant", "baseline", "slope", "noise", *COLUMNS]
    assert alone.attrs["parameters"] == ["baseline", "slope", "noise"]
    assert alone["participant"].tolist() == own_study.participants["participant"].tolist()
    by_person = dict(list(own_study.trials.groupby("participant")))
    for row in alone.itertuples():
        own = by_person[row.participant]
        expected = regression(own)
        np.testing.assert_allclose([row.baseline, row.slope, row.noise], expected, rtol=1e-3)
        mean = expected[0] + expected[1] * own["intensity"]
        total = norm.logpdf(own["rating"], mean, expected[2]).sum()
        assert row.log_likelihood == pytest.approx(total, abs=1e-4)
        assert row.observations == len(own)
        assert row.aic == pytest.approx(6 - 2 * total, abs=1e-3)
        assert row.bic == pytest.approx(3 * math.log(len(own)) - 2 * total, abs=1e-3)
    assert alone["converged"].all()
    assert (alone["at_bound"] == "").all()


def test_map_maximises_likelihood_and_fixed_prior(own_model, own_study):
    table = em.point_estimates(own_model, own_study, method="map").set_index("participant")
    means, sds = [0.5, 0.0, -2.3], np.sqrt([0.25**2 + 0.3**2, 0.25**2 + 0.2**2, 0.5**2])
    for person in ("P01", "P24"):
        own = own_study.trials.query("participant == @person")

        def cost(link, own=own):
            baseline, slope, noise = 10 * link[0], 10 * link[1], 10 * np.exp(link[2])
            logp = norm.logpdf(own["rating"], baseline + slope * own["intensity"], noise)
            return -logp.sum() - norm.logpdf(link, means, sds).sum()

        found = minimize(cost, means, method="BFGS").x
        expected = [10 * found[0], 10 * found[1], 10 * np.exp(found[2])]
        own_values = table.loc[person, ["baseline", "slope", "noise"]].astype(float)
        np.testing.assert_allclose(own_values, expected, rtol=1e-3)
    assert table.attrs["method"] == "map"


def test_fixed_parameters_stay_and_are_not_counted(own_model, own_study, alone):
    held = em.point_estimates(own_model.fix(slope=1.0), own_study)
    assert (held["slope"] == 1).all()
    assert (held["log_likelihood"] < alone["log_likelihood"]).all()
    np.testing.assert_allclose(held["aic"], 4 - 2 * held["log_likelihood"])


def test_what_has_no_maximum_is_told(own_model, own_study, capsys):
    trials = own_study.trials.copy()
    trials.loc[trials["participant"] == "P03", "rating"] = 4.0
    table = em.point_estimates(own_model, replace(own_study, trials=trials))
    table = table.set_index("participant")
    assert table.loc["P03", "at_bound"] == "noise"
    assert table.loc["P03", "baseline"] == pytest.approx(4, abs=1e-3)
    assert (table["at_bound"].drop("P03") == "").all()
    words = "Values at an end of their range in 1 of 24 participants: see column 'at_bound'"
    assert words in capsys.readouterr().err


# learning


@pytest.fixture(scope="module")
def chosen():
    """Choices of 8 people, simulated: 400 trials for each of two recipients."""
    model = em.get_model(CHOICE)
    rng = np.random.default_rng(5)
    trials = pd.DataFrame(
        {
            "participant": np.repeat([f"P{k}" for k in range(8)], 800),
            "trial": np.tile(np.arange(1, 801), 8),
            "recipient": np.resize(["self", "other"], 6400),
            "choice": 0.0,
            "outcome_0": rng.integers(0, 2, 6400) * 1.0,
            "outcome_1": (rng.random(6400) < 0.7) * 1.0,
        }
    )
    trials.loc[0, "choice"] = 1.0
    truth = pd.DataFrame({"participant": [f"P{k}" for k in range(8)]})
    for recipient in ("self", "other"):
        truth[f"learning_rate[{recipient}]"] = rng.uniform(0.1, 0.6, 8)
        truth[f"inverse_temperature[{recipient}]"] = rng.uniform(2, 6, 8)
    study, _ = em.simulate(model, em.Study(trials=trials), truth, seed=3)
    return model, study, truth


@pytest.fixture(scope="module")
def learned(chosen):
    model, study, _ = chosen
    return em.point_estimates(model, study, seed=1)


def test_true_values_are_found(learned, chosen):
    model, study, truth = chosen
    assert set(learned.attrs["parameters"]) == set(truth) - {"participant"}
    for name in learned.attrs["parameters"]:
        assert learned[name].corr(truth[name]) > 0.7, name
        np.testing.assert_allclose(learned[name].mean(), truth[name].mean(), rtol=0.15)
    at_truth = em.log_likelihood(model, study, truth)["participant"]["log_likelihood"]
    gain = learned["log_likelihood"] - at_truth.to_numpy()[:, 0]
    assert (gain >= 0).all()
    # twice the gain of 4 parameters in 8 people follows a chi-square with 32 degrees of freedom
    low, high = chi2.ppf([0.0005, 0.9995], 32)
    assert low < 2 * gain.sum() < high
    names = ["participant", *learned.attrs["parameters"]]
    again = em.log_likelihood(model, study, learned[names])
    assert again.attrs["total"] == pytest.approx(learned["log_likelihood"].sum())


def loop(own, rate, temperature):
    """Log-likelihood of one person's choices for one recipient, by a plain loop."""
    value, total = [0.5, 0.5], 0.0
    for choice, *outcomes in zip(own["choice"], own["outcome_0"], own["outcome_1"], strict=True):
        chosen = int(choice)
        total -= math.log1p(math.exp(temperature * (value[1 - chosen] - value[chosen])))
        value[chosen] += rate * (outcomes[chosen] - value[chosen])
    return total


@pytest.mark.parametrize("person", ["P1", "P6"])
def test_equals_scipy_on_a_plain_loop(person, learned, chosen):
    _, study, _ = chosen
    row = learned.set_index("participant").loc[person]
    total = 0.0
    for recipient in ("self", "other"):
        own = study.trials.query("participant == @person and recipient == @recipient")
        found = minimize(
            lambda link, own=own: -loop(own, 1 / (1 + math.exp(-link[0])), math.exp(link[1])),
            [-1.0, 1.0],
            method="Nelder-Mead",
            options={"xatol": 1e-5, "fatol": 1e-8},
        )
        total -= found.fun
        assert row[f"learning_rate[{recipient}]"] == pytest.approx(
            1 / (1 + math.exp(-found.x[0])), rel=2e-3
        )
        temperature = row[f"inverse_temperature[{recipient}]"]
        assert temperature == pytest.approx(math.exp(found.x[1]), rel=2e-3)
    assert row["log_likelihood"] == pytest.approx(total, abs=1e-4)


def test_what_the_data_are_silent_about_is_missing(learned, chosen):
    model, study, _ = chosen
    trials = study.trials.copy()
    unseen = trials["participant"].isin(["P2", "P5"]) & (trials["recipient"] == "other")
    trials.loc[unseen, "choice"] = np.nan
    trials.loc[trials["participant"] == "P5", "choice"] = np.nan
    table = em.point_estimates(model, replace(study, trials=trials)).set_index("participant")
    names = learned.attrs["parameters"]
    missing = table[names].isna()
    assert missing.loc["P2"].tolist() == ["other" in name for name in names]
    assert missing.loc["P5"].all()
    assert not missing.drop(["P2", "P5"]).any(axis=None)
    assert table.loc["P2", "aic"] == pytest.approx(4 - 2 * table.loc["P2", "log_likelihood"])
    assert table.loc["P5", ["log_likelihood", "observations", "aic", "bic"]].tolist() == [0] * 4
    before = learned.set_index("participant").drop(["P2", "P5"])
    np.testing.assert_allclose(table.loc[before.index, names], before[names], rtol=1e-2)
    filled = em.point_estimates(model, replace(study, trials=trials), method="map")
    assert filled.set_index("participant").loc["P5", "learning_rate[self]"] == pytest.approx(
        1 / (1 + math.e), rel=1e-3
    )


# parameters that people share in the model


def test_items_become_levels_of_every_person(item_model, own_study):
    trials = own_study.trials.assign(picture=np.resize(["a", "b"], len(own_study.trials)))
    study = replace(own_study, trials=trials)
    table = em.point_estimates(item_model, study, method="map")
    assert table.attrs["parameters"] == ["baseline", "slope", "noise", "appeal[a]", "appeal[b]"]
    assert table["converged"].all()
    split = replace(
        item_model,
        parameters=tuple(
            replace(p, by="intensity") if p.name == "appeal" else p for p in item_model.parameters
        ),
    )
    with pytest.raises(ValueError, match=r"one value of 'appeal' per picture.*Pool or fix it"):
        em.point_estimates(split, study)


def test_prior_of_a_new_person(own_model):
    assert new_person_prior(own_model.parameter("noise")) == (-2.3, 0.5)
    exponential = own_model.with_priors(slope={"spread": em.Prior("Exponential", lam=4)})
    mean, sd = new_person_prior(exponential.parameter("slope"))
    assert (mean, sd) == (0, pytest.approx(np.sqrt(0.25**2 + 2 / 16)))
    wide = own_model.with_priors(slope={"spread": em.Prior("HalfCauchy", beta=1)})
    with pytest.raises(ValueError, match=r"finite mean and variance.*'slope'.*with_priors\(slope="):
        new_person_prior(wide.parameter("slope"))


def test_refusals(own_model, own_study):
    with pytest.raises(ValueError, match="method must be 'maximum_likelihood' or 'map'; found 'ml"):
        em.point_estimates(own_model, own_study, method="mle")
    with pytest.raises(ValueError, match="starts must be a whole number, at least 1; found 0"):
        em.point_estimates(own_model, own_study, method="map", starts=0)
