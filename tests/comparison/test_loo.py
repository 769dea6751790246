"""One fit scored alone, by this package and by ArviZ on the groups that it reads."""

import warnings

import arviz as az
import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest

import empathymodels as em
from bundled import MODELS
from empathymodels.comparison import loo as leaving_out
from empathymodels.inference.fits import thinned

RESPONSES = ("feeling", "insula", "empathy_before", "empathy_after")


@pytest.fixture(scope="module")
def whole(fit):
    return em.with_log_likelihood(fit, draws=200)


def test_groups_hold_the_rows_that_were_scored(whole, fit, study):
    assert "log_likelihood" not in fit.children
    for group in ("log_likelihood", "posterior_predictive", "observed_data"):
        found = whole[group].to_dataset()
        assert set(found) == set(RESPONSES)
        for name in RESPONSES:
            assert found[name].dims[-1] == f"{name}_row"
            assert np.isfinite(found[name]).all()
    observed = whole["observed_data"]["feeling"]
    given = study.trials.dropna(subset="feeling")
    np.testing.assert_array_equal(observed, given["feeling"])
    assert observed["feeling_participant"].to_numpy().tolist() == given["participant"].tolist()
    assert observed["feeling_trial"].to_numpy().tolist() == given["trial"].tolist()
    before = whole["observed_data"]["empathy_before"]
    people = study.participants.set_index("participant")["empathy_before"]
    np.testing.assert_array_equal(before, people.loc[before["empathy_before_participant"]])


def last_draw(fit):
    """Everybody's values in the last draw of the last chain, as a table."""
    posterior = fit["posterior"].to_dataset().isel(chain=-1, draw=-1)
    names = [n for n in posterior if posterior[n].dims in ((), ("participant",))]
    names = [n for n in names if not str(n).endswith(("_mean", "_sd"))]
    return posterior[names].to_dataframe().reset_index()[["participant", *names]]


def test_all_groups_keep_the_same_draws(fit, model, study):
    thin = em.with_log_likelihood(fit, draws=20)
    for group in ("posterior", "sample_stats", "log_likelihood", "posterior_predictive"):
        assert dict(thin[group].sizes)["draw"] == 10
    np.testing.assert_array_equal(
        thin["posterior"]["learning_rate"],
        thinned(fit["posterior"].to_dataset(), 20)["learning_rate"],
    )
    own = em.log_likelihood(model, study, last_draw(thin))
    np.testing.assert_allclose(
        thin["log_likelihood"]["feeling"][1, -1],
        own["row"]["feeling"].dropna("trial_row"),
        rtol=1e-10,
    )
    assert fit["posterior"].sizes["draw"] == 100


def test_memory_is_bounded(fit, monkeypatch, capsys):
    rows = sum(int(fit["observed_data"][name].notnull().sum()) for name in RESPONSES)
    monkeypatch.setattr(leaving_out, "MOST", 8 * rows + 1)
    thin = em.with_log_likelihood(fit, draws=500)
    assert thin["log_likelihood"].sizes["chain"] * thin["log_likelihood"].sizes["draw"] == 8
    assert "8 draws are kept in place of 500" in capsys.readouterr().err


@pytest.mark.parametrize("name", RESPONSES)
def test_arviz_agrees_with_loo(whole, fit, name):
    own = em.loo(fit, response=name, draws=200)
    with warnings.catch_warnings():  # short chains: some k are high
        warnings.filterwarnings("ignore", message="Estimated shape parameter of Pareto")
        theirs = az.loo(whole, var_name=name, reff=1.0)
    assert theirs.n_data_points == own.n_data_points
    assert theirs.elpd == pytest.approx(own.elpd, abs=0.02 * own.se)


def test_what_arviz_offers_on_predictions_works(whole, static_fit):
    other = em.with_log_likelihood(static_fit, draws=200)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Estimated shape parameter of Pareto")
        ranked = az.compare({"learning": whole, "static": other}, var_name="feeling")
        assert ranked.index[0] == "learning"
        pit = az.loo_pit(whole, var_names="feeling")["feeling"]
        assert ((pit >= 0) & (pit <= 1)).all()
        assert pit.sizes == whole["observed_data"]["feeling"].sizes
        expected, _ = az.loo_expectations(whole, var_name="feeling", kind="mean")
        assert expected.shape == pit.shape
        assert float(az.loo_metrics(whole, var_name="feeling", kind="rmse").mean) > 0
        assert float(np.mean(az.loo_r2(whole, var_name="feeling", summary=False))) > 0
        assert np.isfinite(az.loo_score(whole, var_name="feeling").mean)
        assert az.loo(whole, var_name="feeling", pointwise=True).pareto_k.sizes == pit.sizes
        k = az.loo(whole, var_name="insula", pointwise=True)
        az.plot_loo_pit(whole, var_names="feeling")
    az.plot_khat(k)
    az.plot_ppc_dist(whole, var_names=["feeling"], num_samples=20)
    az.plot_compare(ranked)


def test_loo_of_whole_people_is_that_of_compare(own_fit):
    alone = em.loo(own_fit, unit="participant", draws=100)
    fits = {"one": own_fit, "other": own_fit.copy()}
    both = em.compare(fits, unit="participant", draws=100)
    assert alone.elpd == both.attrs["elpd"]["one"].elpd


def test_refusals(fit):
    with pytest.raises(ValueError, match=r"unit must be one of 'trial'.*found 'person'"):
        em.loo(fit, unit="person")
    with pytest.raises(KeyError, match=r"found 'feelings'.*Did you mean 'feeling'"):
        em.loo(fit, response="feelings")
    with pytest.raises(ValueError, match="Refits leave out people or later blocks"):
        em.loo(fit, refit=True)
    point = fit.copy()
    point.attrs = fit.attrs | {"method": "map"}
    for verb in (em.loo, em.with_log_likelihood):
        with pytest.raises(ValueError, match="this fit is a single point"):
            verb(point)


@pytest.mark.parametrize("name", ["self_other_no_one", "watched_boxes"])
def test_arviz_takes_first_choices_between_equal_options(name, as_drawn):
    """Their log-likelihoods are those of a coin in all draws, of which it can fit no tail."""
    few = em.load_study(name)
    people = few.trials["participant"].unique()[:3]
    trials = few.trials[few.trials["participant"].isin(people)]
    fit = as_drawn(em.get_model(MODELS[name]), em.Study(trials=trials), draws=50, chains=2)
    whole = em.with_log_likelihood(fit)
    values = whole["log_likelihood"]["choice"]
    assert (abs(values - np.log(0.5)) < 1e-9).all(("chain", "draw")).any()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # draws of the prior: most k are high
        assert np.isfinite(az.loo(whole, var_name="choice").elpd)
