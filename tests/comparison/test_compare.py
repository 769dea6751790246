"""Comparing fits: agreement with ArviZ, and what cannot be compared."""

from dataclasses import replace

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.comparison.elpd import error_of_draws, influence_of_draws, left_out_one_by_one
from empathymodels.inference.study_tree import study_tree

TINY = {"chains": 2, "draws": 100, "tune": 100, "centring": 0.5, "seed": 1}


@pytest.fixture(scope="module")
def flat_fit(own_model, own_study, own_fit):
    """The rival without a slope; it shares the compiled density of `own_fit`."""
    settings = {**TINY, "draws": 400, "tune": 400}
    return em.fit(
        own_model.rival("no_slope"), own_study, covariates={"baseline": "group + age"}, **settings
    )


@pytest.fixture(scope="module")
def compared(own_fit, flat_fit):
    return em.compare({"slope": own_fit, "flat": flat_fit})


def test_agrees_with_arviz_on_the_same_log_likelihood(compared, own_fit, own_model, own_study):
    posterior = own_fit["posterior"].to_dataset()
    trials = own_study.trials
    parameters = posterior[["baseline", "slope"]].sel(participant=trials["participant"].to_numpy())
    location = (
        parameters["baseline"].to_numpy()
        + parameters["slope"].to_numpy() * trials["intensity"].to_numpy()
    )
    noise = posterior["noise"].to_numpy()[..., None]
    z = (trials["rating"].to_numpy() - location) / noise
    logp = -0.5 * z**2 - np.log(noise) - 0.5 * np.log(2 * np.pi)
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior[["noise"]],
            "log_likelihood": xr.Dataset({"rating": (("chain", "draw", "row"), logp)}),
        }
    )
    total = logp.sum(axis=-1)
    reff = min(float(az.ess(total, method="mean")) / total.size, 1.0)
    expected = az.loo(tree, pointwise=True, reff=reff)
    own = compared.attrs["elpd"]["slope"]
    assert own.elpd == pytest.approx(expected.elpd, rel=1e-9)
    np.testing.assert_allclose(np.ravel(own.elpd_i), np.ravel(expected.elpd_i), rtol=1e-7)
    np.testing.assert_allclose(np.ravel(own.pareto_k), np.ravel(expected.pareto_k), atol=1e-7)
    assert compared.loc["slope", "elpd"] == pytest.approx(expected.elpd, rel=1e-9)


def test_the_true_model_wins(compared, own_study):
    assert compared.index.tolist() == ["slope", "flat"]
    assert compared["weight"].sum() == pytest.approx(1)
    assert compared.attrs["observations"] == len(own_study.trials)
    assert compared.attrs["responses"] == ["rating"]
    assert compared.attrs["reading"].startswith("'slope' predicts better than 'flat'")
    assert (compared["pareto_k_bad"] <= 3).all()


def test_fits_that_did_not_converge_are_told(fit, static_fit):
    rough, smooth = unmixed(fit), mixed(static_fit)
    table = em.compare({"learning": rough, "static": smooth}, response="feeling", draws=100)
    assert table["converged"].to_dict() == {"learning": False, "static": True}
    assert list(table.attrs["not_converged"]) == ["learning"]
    assert "; not converged: 'learning' (R-hat" in table.attrs["reading"]
    assert "'static' (" not in table.attrs["reading"].partition("not converged")[2]
    (left, _) = em.plot_compare(table).axes
    marked = [text.get_text() for text in left.get_yticklabels()]
    assert [name.endswith(", not converged") for name in marked] == [True, False]
    evidences = pd.DataFrame(np.eye(5, 2), columns=["learning", "static"])
    evidences.attrs = {"evidence": "any", "not_converged": table.attrs["not_converged"]}
    chosen = em.select(evidences)
    assert chosen["converged"].to_dict() == {"learning": False, "static": True}
    assert "; not converged: 'learning' (R-hat" in chosen.attrs["reading"]
    labels = [text.get_text() for text in em.plot_selection(chosen).axes[0].get_yticklabels()]
    assert labels == ["learning\nnot converged", "static"]
    both = em.select({"pain": evidences, "neutral": evidences})
    assert "'learning in pain' (R-hat" in both.attrs["reading"]


def unmixed(fit):
    """The fit, with chains that are apart."""
    other, posterior = fit.copy(), fit["posterior"].to_dataset()
    apart = xr.DataArray([0.0, 9.0], dims="chain")
    moved = posterior.assign(baseline_mean=posterior["baseline_mean"] + apart)
    other["posterior"] = xr.DataTree(moved)
    return other


def mixed(fit):
    """The fit, with independent draws of what its chains visited, and without divergences."""
    rng, other = np.random.default_rng(3), fit.copy()
    posterior = fit["posterior"].to_dataset()
    size = ("chain", "draw")
    at = {
        dim: xr.DataArray(rng.integers(0, posterior.sizes[dim], (4, 500)), dims=size)
        for dim in size
    }
    other["posterior"] = xr.DataTree(posterior.isel(at))
    stats = fit["sample_stats"].to_dataset().isel(at)
    calm = {"diverging": stats["diverging"] & False, "depth": stats["depth"] * 0 + 5}
    calm |= {n: stats[n] & False for n in ("maxdepth_reached",) if n in stats}
    other["sample_stats"] = xr.DataTree(stats.assign(calm))
    return other


def test_one_response_of_several(fit, static_fit):
    table = em.compare({"learning": fit, "static": static_fit}, response="feeling", draws=100)
    assert table.attrs["responses"] == ["feeling"]
    assert table.attrs["observations"] == 720
    left = "compared on 'feeling', without 'empathy_after', 'empathy_before', 'insula'"
    assert left in table.attrs["reading"]
    assert table.index[0] == "learning"  # true of the simulated study


def test_shared_responses_are_compared_jointly(fit, static_fit):
    table = em.compare({"learning": fit, "static": static_fit}, draws=40)
    assert table.attrs["responses"] == ["feeling", "insula", "empathy_before", "empathy_after"]
    assert "compared on" not in table.attrs["reading"]
    rows = sum(int(fit["observed_data"][r].notnull().sum()) for r in table.attrs["responses"])
    assert table.attrs["observations"] == rows


def test_refusals(own_fit, flat_fit, fit):
    both = {"slope": own_fit, "flat": flat_fit}
    with pytest.raises(ValueError, match="at least two fits; found 'slope'"):
        em.compare({"slope": own_fit})
    with pytest.raises(TypeError, match=r"must be given by name.* found list"):
        em.compare([own_fit, flat_fit])
    with pytest.raises(TypeError, match=r"none: 'flat'\. 'flat' is Model"):
        em.compare({"slope": own_fit, "flat": em.get_model("prosocial_effort")})
    with pytest.raises(ValueError, match="at least 25 posterior draws; found 20 of 'slope'"):
        em.compare(both, draws=20)
    with pytest.raises(ValueError, match="unit must be one of 'trial'"):
        em.compare(both, unit="sentence")
    with pytest.raises(ValueError, match=r"Shared: 'rating'; asked for: ratng"):
        em.compare(both, response="ratng")
    with pytest.raises(ValueError, match=r"Shared: none.*help: 'feeling'"):
        em.compare({"pain": own_fit, "help": fit})


def with_ratings(fit, study, ratings):
    """Return a fit as if it were of other ratings."""
    other = fit.copy()
    other["study"] = study_tree(replace(study, trials=study.trials.assign(rating=ratings)))
    return other


def test_other_rows_are_refused(own_fit, own_study):
    ratings = own_study.trials["rating"].copy()
    ratings[[3, 8]] = np.nan
    words = "scored on 463 rows in 'all' and on 461 in 'fewer', 461 of them shared"
    with pytest.raises(ValueError, match=words):
        em.compare({"all": own_fit, "fewer": with_ratings(own_fit, own_study, ratings)})


def test_other_people_are_refused(own_model, own_fit, own_study):
    fewer = own_study.exclude("participant in ['P03', 'P04']", reason="moved")
    other = em.fit(own_model, fewer, method="laplace", draws=30, seed=1)
    words = r"'all' has 24 and 'some \(.*\)' 22, of whom 2 are in one of them only: 'P03', 'P04'"
    with pytest.raises(ValueError, match=words):
        em.compare({"all": own_fit, "some": other})


def test_other_values_are_refused(own_fit, own_study):
    moved = with_ratings(own_fit, own_study, 10 - own_study.trials["rating"])
    with pytest.raises(ValueError, match="values of 'rating' differ between 'one' and 'other'"):
        em.compare({"one": own_fit, "other": moved})


@pytest.mark.parametrize("unit", ["trial", "participant"])
def test_rows_are_known_by_their_keys(own_fit, own_study, unit):
    """The same fit, of the same study with people and trials in another order."""
    places = np.random.default_rng(0).permutation(24)
    tables = {
        "trials": own_study.trials.sample(frac=1, random_state=3),
        "participants": own_study.participants.iloc[places],
    }

    def moved(group):
        return group.isel(participant=places) if "participant" in group.dims else group

    other = own_fit.map_over_datasets(moved)
    other.attrs = own_fit.attrs
    other["study"] = study_tree(replace(own_study, **tables))
    table = em.compare({"one": own_fit, "other": other}, unit=unit, draws=100)
    assert len(table.attrs["units"]["one"]) == {"trial": 463, "participant": 24}[unit]
    one, two = (table.attrs["units"][name] for name in ("one", "other"))
    pd.testing.assert_index_equal(one.index, two.index)
    np.testing.assert_allclose(one["elpd"], two["elpd"], rtol=0, atol=1e-6)
    assert one["elpd"].std() > 0.5


def test_observations_that_are_the_same_in_a_chain_that_is_stuck():
    """Half of the draws of one unit are alike, and the least likely: no tail to be fitted."""
    values = np.random.default_rng(0).normal(-1, 0.1, (2, 200, 4))
    values[0, :, 1] = -2.0
    coords = {"chain": [0, 1], "draw": np.arange(200)}
    given = xr.DataArray(values, coords, ("chain", "draw", "observation"), name="observation")
    found, _ = left_out_one_by_one("learner", given)
    by_hand = -np.log(np.exp(-values[..., 1]).mean())  # the weights are bounded, none is smoothed
    assert float(found.elpd_i[1]) == pytest.approx(by_hand, abs=1e-9)
    influence = influence_of_draws(values[..., 1], left_out=False)
    assert np.isfinite(error_of_draws(influence))


def test_observations_that_are_the_same_in_every_draw():
    """The first choice of an indifferent learner is always 1/2; a model may hold nothing else."""
    varying = np.random.default_rng(0).normal(-1, 0.1, (2, 200, 4))
    varying[..., 1] = np.log(0.5)
    coords = {"chain": [0, 1], "draw": np.arange(200)}
    for values in (varying, np.full((2, 200, 4), np.log(0.5))):
        given = xr.DataArray(values, coords, ("chain", "draw", "observation"), name="observation")
        found, _ = left_out_one_by_one("learner", given)
        assert float(found.elpd_i[1]) == pytest.approx(np.log(0.5), abs=1e-9)
        assert (np.asarray(found.pareto_k) < 0.7).all()
