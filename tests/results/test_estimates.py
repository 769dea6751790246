"""Tables of what was inferred, and contrasts, against direct computation."""

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.results.population_values import population_average


@pytest.fixture(scope="module")
def table(own_fit):
    return em.estimates(own_fit)


def test_table_is_tidy(table, own_fit):
    assert list(table.columns) == [
        "parameter", "level", "whose", "mean", "median", "sd", "hdi_low", "hdi_high", "p_positive",
        "unit", "shrinkage", "coding",
    ]  # fmt: skip
    assert not table.duplicated(["parameter", "level", "whose"]).any()
    baseline = table[table["parameter"] == "baseline"].set_index("whose")
    people = own_fit["posterior"]["participant"].to_numpy().tolist()
    assert list(baseline.index) == [
        "median person",
        "population average",
        "spread between people",
        "effect of group[T.out]",
        "effect of age",
        *people,
    ]
    assert (table["hdi_low"] <= table["median"]).all()
    assert (table["median"] <= table["hdi_high"]).all()
    noise = table[table["parameter"] == "noise"]
    assert noise["whose"].tolist() == ["population"]
    assert baseline.loc["spread between people", "unit"] == "link"


def test_numbers_are_those_of_the_posterior(table, own_fit):
    row = table.query("parameter == 'slope' and whose == 'P03'").iloc[0]
    draws = own_fit["posterior"]["slope"].sel(participant="P03").to_numpy().ravel()
    low, high = az.hdi(draws, prob=0.9)
    assert row["mean"] == pytest.approx(draws.mean())
    assert row["sd"] == pytest.approx(draws.std(ddof=1))
    assert (row["hdi_low"], row["hdi_high"]) == pytest.approx((low, high))


def test_effects_of_covariates_are_those_of_the_posterior(table, own_fit):
    row = table.query("parameter == 'baseline' and whose == 'effect of age'").iloc[0]
    draws = own_fit["posterior"]["baseline_effect"].sel(baseline_covariate="age").to_numpy()
    assert row["mean"] == pytest.approx(draws.mean())
    assert row["p_positive"] == (draws > 0).mean() < 0.1  # true of the simulated study
    assert row["unit"] == "link"
    assert not table["whose"][table["parameter"] == "slope"].str.startswith("effect").any()


def test_shrinkage_is_a_share_and_larger_with_fewer_trials(table):
    shrinkage = table.query("parameter == 'baseline'").set_index("whose")["shrinkage"].dropna()
    assert len(shrinkage) == 24
    assert shrinkage.between(0, 1).all()
    assert shrinkage["P24"] > 1.5 * shrinkage.drop("P24").max()  # 3 trials, the others 20


def test_true_baselines_are_found(table, own_study):
    found = table.query("parameter == 'baseline'").set_index("whose")["mean"]
    truth = own_study.participants.set_index("participant")["true_baseline"]
    assert found[truth.index].corr(truth) > 0.9


def test_median_person_differs_from_the_population_average(fit):
    found = em.estimates(fit).query("parameter == 'learning_rate'").set_index("whose")["mean"]
    assert found["median person"] != pytest.approx(found["population average"], rel=1e-3)


@pytest.mark.parametrize("name", ["learning_rate", "sensitivity", "baseline"])
def test_population_average_against_monte_carlo(model, name):
    parameter = model.parameter(name)
    mean, spread = np.array([[-1.2, 0.4]]), np.array([[0.5, 1.3]])
    exact = population_average(parameter, model, mean, spread)
    z = np.random.default_rng(1).standard_normal(400_000)
    linked = mean[..., None] + spread[..., None] * z
    value = {
        "learning_rate": lambda x: 1 / (1 + np.exp(-x)),
        "sensitivity": lambda x: 8 * np.exp(x),
        "baseline": lambda x: 1 + 8 * x,
    }[name](linked)
    error = value.std(axis=-1) / np.sqrt(value.shape[-1])
    assert (abs(exact - value.mean(axis=-1)) < 5 * error).all()


def with_effects(fit, name, **draws):
    """A copy of a fit with other population draws of one parameter, of everybody alike."""
    changed = fit.copy()
    posterior = fit["posterior"].to_dataset().copy(deep=True)
    for part, value in draws.items():
        array = posterior[f"{name}_{part}"]
        array[...] = np.broadcast_to(value, array.shape)
    changed["posterior"] = xr.DataTree(posterior)
    return changed


@pytest.fixture(scope="module")
def far_apart(fit):
    """Learning rates of two groups on the logit scale at -3.5 and 3.5, in halves of the people."""
    covariates = fit["constant_data"]["learning_rate_covariates"].to_numpy()
    assert covariates.mean() == 0.5  # 18 people in either group
    return with_effects(fit, "learning_rate", mean=-3.5, effect=7.0, sd=0.3)


def average_of_logits(mean, sd):
    z, w = np.polynomial.hermite_e.hermegauss(80)
    return (w / w.sum()) @ (1 / (1 + np.exp(-(mean + sd * z))))


def test_population_average_is_over_people_with_covariates_of_their_own(far_apart):
    """At the covariates' mean it would be .5 of anything symmetrical; take groups that are not."""
    found = em.estimates(far_apart).query("parameter == 'learning_rate'").set_index("whose")
    low, high = average_of_logits(-3.5, 0.3), average_of_logits(3.5, 0.3)
    assert found.loc["population average", "mean"] == pytest.approx((low + high) / 2, abs=1e-9)
    moved = with_effects(far_apart, "learning_rate", mean=-6.0, effect=5.0, sd=0.8)
    found = em.estimates(moved).query("parameter == 'learning_rate'").set_index("whose")
    low, high = average_of_logits(-6.0, 0.8), average_of_logits(-1.0, 0.8)
    assert found.loc["population average", "mean"] == pytest.approx((low + high) / 2, abs=1e-7)
    assert found.loc["median person", "mean"] == pytest.approx(1 / (1 + np.exp(3.5)), abs=1e-9)


def test_contrast_of_population_averages(far_apart):
    row = em.contrast(
        far_apart,
        "learning_rate",
        {"partner_group": "out"},
        {"partner_group": "in"},
        scale="population average",
    ).iloc[0]
    expected = average_of_logits(3.5, 0.3) - average_of_logits(-3.5, 0.3)
    assert abs(row["mean"]) == pytest.approx(expected, abs=1e-9)


def test_fixed_parameters_are_not_estimated(fit, static_fit):
    estimated = set(em.estimates(static_fit)["parameter"])
    assert "learning_rate" not in estimated
    assert "learning_rate" in set(em.estimates(fit)["parameter"])
    assert "feeling_noise" in estimated


# contrasts


def by_hand(own_fit, own_study):
    """Difference between groups for the same people, on the natural scale."""
    effect = own_fit["posterior"]["baseline_effect"].sel(baseline_covariate="group[T.out]")
    return 10 * effect.to_numpy()


def test_contrast_of_groups(own_fit, own_study):
    row = em.contrast(own_fit, "baseline", {"group": "out"}, {"group": "in"}).iloc[0]
    expected = by_hand(own_fit, own_study).ravel()
    low, high = az.hdi(expected, prob=0.9)
    assert row["mean"] == pytest.approx(expected.mean())
    assert (row["hdi_low"], row["hdi_high"]) == pytest.approx((low, high))
    assert row["p_positive"] == pytest.approx((expected > 0).mean())
    assert (row["first"], row["second"]) == ("group = out", "group = in")
    assert row["mean"] == pytest.approx(1.5, abs=0.7)


@pytest.mark.parametrize(
    ("rope", "verdict"),
    [((-0.1, 0.1), "different"), ((-9.0, 9.0), "practically equal"), ((-9.0, None), "undecided")],
)
def test_verdicts(own_fit, own_study, rope, verdict):
    draws = by_hand(own_fit, own_study)
    rope = (rope[0], float(np.median(draws)) if rope[1] is None else rope[1])
    row = em.contrast(own_fit, "baseline", {"group": "out"}, {"group": "in"}, rope=rope).iloc[0]
    assert row["verdict"] == verdict
    assert row["p_in_rope"] == pytest.approx(((draws >= rope[0]) & (draws <= rope[1])).mean())
    assert row[["p_below_rope", "p_in_rope", "p_above_rope"]].sum() == pytest.approx(1)


@pytest.mark.parametrize("rope", [(0.1, -0.1), (0.1, 0.1), 0.1, (0.1,), (0, float("nan")), ()])
def test_a_rope_must_rise(own_fit, rope):
    with pytest.raises(
        (TypeError, ValueError), match=r"rope must be (two|2) .*; found (float )?[(0]"
    ):
        em.contrast(own_fit, "baseline", {"group": "out"}, {"group": "in"}, rope=rope)


@pytest.mark.parametrize(
    ("parameter", "side", "words"),
    [
        (
            "slope",
            {"group": "out"},
            r"'group' must be .* the formula is none\. Fit with .*'group'}\.\"$",
        ),
        ("baseline", {"grop": "out"}, r"'grop' must be .* table has .*Did you mean 'group'\?"),
        ("baseline", {"group": "outt"}, r"found 'outt'\. Name one of them\. Did you mean 'out'\?"),
    ],
)
def test_sides_that_cannot_be_told_apart_are_refused(own_fit, parameter, side, words):
    with pytest.raises(KeyError, match=words) as error:
        em.contrast(own_fit, parameter, side, {"group": "in"})
    assert "_row" not in str(error.value)


def test_contrast_on_other_scales(own_fit):
    sides = {"first": {"age": 60}, "second": {"age": 30}}
    link, median, average = (
        em.contrast(own_fit, "baseline", **sides, scale=scale).iloc[0]["mean"]
        for scale in ("link", "median person", "population average")
    )
    assert median == pytest.approx(10 * link)
    assert average == pytest.approx(median)  # identity link: the same
    ages = own_fit["constant_data"]["baseline_covariates"].sel(baseline_covariate="age")
    assert ages.std(ddof=1) == pytest.approx(1)


def test_contrast_refuses_what_it_does_not_know(own_fit):
    with pytest.raises(KeyError, match=r"'grup' must be a covariate.*Did you mean 'group'"):
        em.contrast(own_fit, "baseline", {"grup": "out"}, {"group": "in"})
    with pytest.raises(KeyError, match="must be one of 'in', 'out'; found 'others'"):
        em.contrast(own_fit, "baseline", {"group": "others"}, {"group": "in"})
    with pytest.raises(ValueError, match="'noise' is none"):
        em.contrast(own_fit, "noise", {}, {})


def test_tables_can_be_written(table, tmp_path):
    table.to_csv(tmp_path / "estimates.csv", index=False)
    again = pd.read_csv(tmp_path / "estimates.csv")
    np.testing.assert_allclose(again["mean"], table["mean"])
