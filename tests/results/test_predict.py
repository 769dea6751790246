"""Predictions and latents: from priors, from posteriors, for known and for new people."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import empathymodels as em
from empathymodels.cli.output import latent_table
from empathymodels.inference import fits
from empathymodels.inference.fits import arrangement_of
from empathymodels.inference.study_tree import study_tree
from empathymodels.results.predicted_rows import predicted_rows, scored_rows


def table_of(fit, chain, draw):
    """Parameters of one posterior draw, as a table of people."""
    posterior = fit["posterior"].to_dataset().isel(chain=chain, draw=draw)
    names = [n for n in posterior if posterior[n].dims in ((), ("participant",))]
    names = [n for n in names if not str(n).endswith(("_mean", "_sd"))]
    return posterior[names].to_dataframe().reset_index()[["participant", *names]]


def test_latents_are_those_of_the_equations(fit, model, study):
    found = em.latents(fit, draws=8)
    assert list(found) == ["value", "prediction_error"]
    assert found["value"].dims == ("chain", "draw", "trial_row")
    assert found["value"]["trial"].to_numpy().tolist() == study.trials["trial"].tolist()
    own = em.log_likelihood(model, study, table_of(fit, 1, -1))["latents"]
    for name in found:
        np.testing.assert_allclose(found[name][1, -1], own[name], rtol=1e-12)
    outcome = study.trials["outcome"].to_numpy()
    error = found["prediction_error"].to_numpy()
    np.testing.assert_allclose(error, outcome - found["value"].to_numpy(), rtol=1e-12)


def test_latents_carry_the_keys_and_the_timing_of_their_trials(fit, study):
    size = len(study.trials)
    keys = {"session": ["ses-pre"] * size, "block": ["run_A"] * size}
    timing = {"onset": np.linspace(0.0, 90.5, size), "duration": [2, np.nan] * (size // 2)}
    timed = fit.copy()
    timed["study"] = study_tree(replace(study, trials=study.trials.assign(**keys, **timing)))
    found = em.latents(timed, draws=2)
    for name, values in (keys | timing).items():
        assert found["value"][name].dims == ("trial_row",)
        np.testing.assert_array_equal(found["value"][name].to_numpy(), values)
    table = latent_table(found)
    given = ["participant", "session", "block", "trial", "onset", "duration"]
    assert list(table)[:6] == given
    assert set(em.predict(timed, draws=2, seed=1)["observed_data"].coords) >= {"onset", "session"}
    untimed = replace(study, trials=study.trials.assign(onset="at once", duration="long"))
    timed["study"] = study_tree(untimed)
    assert not {"onset", "duration"} & set(em.latents(timed, draws=2).coords)


def test_posterior_prediction(fit, study):
    predicted = em.predict(fit, draws=100, seed=1)
    assert predicted.attrs["prediction"] == "posterior prediction, one step ahead, the same people"
    assert "the same for this model" in predicted.attrs["manner"]
    group = predicted["posterior_predictive"]
    assert group["feeling"].dims == ("chain", "draw", "trial_row")
    assert group["insula"].dims == ("chain", "draw", "region_row")
    assert group["empathy_after"].dims == ("chain", "draw", "participant_row")
    observed = study.trials["feeling"].to_numpy()
    np.testing.assert_array_equal(predicted["observed_data"]["feeling"], observed)


def test_posterior_predictions_are_near_what_was_observed(own_fit, own_study):
    drawn = em.predict(own_fit, draws=100, seed=1)["posterior_predictive"]["rating"]
    mean = drawn.mean(("chain", "draw")).to_numpy()
    assert np.corrcoef(mean, own_study.trials["rating"])[0, 1] > 0.7


def test_seed_decides(fit):
    one, other, third = (em.predict(fit, draws=4, seed=s) for s in (1, 1, 2))
    group = "posterior_predictive"
    assert one[group].to_dataset().equals(other[group].to_dataset())
    assert not one[group].to_dataset().equals(third[group].to_dataset())


def test_prior_prediction(own_model, own_study):
    predicted = em.predict(own_model, own_study, draws=200, seed=1)
    assert predicted.attrs["prediction"] == "prior prediction, one step ahead, new people"
    ratings = predicted["prior_predictive"]["rating"]
    assert dict(ratings.sizes) == {"chain": 1, "draw": 200, "trial_row": len(own_study.trials)}
    # baseline: Normal(5, 2.5) and a spread of HalfNormal(3) around it, slope and noise on top
    assert float(ratings.mean()) == pytest.approx(5, abs=0.6)
    assert 3 < float(ratings.std()) < 6.5


def test_prior_prediction_needs_a_study(own_model):
    with pytest.raises(TypeError, match=r"predict\(model, study, seed=\.\.\.\)"):
        em.predict(own_model, seed=1)
    with pytest.raises(ValueError, match="kind must be"):
        em.predict(own_model, kind="simulated", seed=1)


def other_people(own_study, names):
    """Trials of two or three people, under the names given."""
    used = own_study.participants["participant"].to_numpy()[: len(names)]
    renamed = dict(zip(used, names, strict=True))
    tables = {
        name: table[table["participant"].isin(used)].replace({"participant": renamed})
        for name, table in own_study.tables.items()
    }
    return replace(own_study, **{n: t.reset_index(drop=True) for n, t in tables.items()})


def test_new_people_come_from_the_population(own_fit, own_study):
    study = other_people(own_study, ["X1", "X2"])  # X1 of group in, X2 of group out
    predicted = em.predict(own_fit, study, draws=800, seed=1)
    assert predicted.attrs["prediction"] == "posterior prediction, one step ahead, new people"
    ratings = predicted["posterior_predictive"]["rating"]
    means = [float(ratings.sel(trial_row=ratings["participant"] == x).mean()) for x in ("X1", "X2")]
    people = study.participants.set_index("participant")
    table = em.contrast(own_fit, "baseline", {"group": "out"}, {"group": "in"})
    assert means[1] - means[0] == pytest.approx(float(table["mean"].iloc[0]), abs=0.8)
    assert people["group"].tolist() == ["in", "out"]
    mine = ratings.sel(trial_row=ratings["participant"] == "X1").std("draw").mean()
    known = em.predict(own_fit, draws=800, seed=1)["posterior_predictive"]["rating"]
    theirs = known.sel(trial_row=known["participant"] == "P01").std("draw").mean()
    assert float(mine) > float(theirs)  # a new person is less certain than a known one


def test_known_people_keep_their_parameters(own_fit, own_study):
    study = other_people(own_study, ["P20", "new"])
    predicted = em.predict(own_fit, study, draws=800, seed=1)
    assert predicted.attrs["prediction"].endswith("1 known and 1 new people")
    ratings = predicted["posterior_predictive"]["rating"]
    mine = ratings.sel(trial_row=ratings["participant"] == "P20")
    posterior = own_fit["posterior"].to_dataset().sel(participant="P20")
    intensity = study.trials.loc[study.trials["participant"] == "P20", "intensity"].mean()
    expected = float(posterior["baseline"].mean() + posterior["slope"].mean() * intensity)
    assert float(mine.mean()) == pytest.approx(expected, abs=0.1)
    assert float(mine.std("draw").mean()) < 1.25  # noise 1 and little else


@pytest.fixture(scope="module")
def item_fit(item_model, own_study):
    """Ratings of six pictures, whose appeal rises with their number."""
    pictures = np.resize([1, 2, 3, 4, 5, 6], len(own_study.trials))
    trials = own_study.trials.assign(picture=pictures)
    trials["rating"] = (trials["rating"] + pictures - 3.5).clip(0, 10)
    study = replace(own_study, trials=trials)
    return em.fit(
        item_model, study, covariates={"baseline": "age"}, chains=2, draws=200, tune=300, seed=1
    )


def of_pictures(fit, labels, study=None):
    """Predict with other labels of the six pictures; mean per draw, (draw, picture)."""
    study = study or fits.study_of(fit)
    trials = study.trials.assign(picture=study.trials["picture"].map(dict(enumerate(labels, 1))))
    tree = em.predict(fit, replace(study, trials=trials), draws=400, seed=1)
    rating = tree["posterior_predictive"]["rating"].stack(sample=("chain", "draw"))
    rows = [(trials["picture"] == label).to_numpy() for label in labels]
    means = [rating.isel(trial_row=row).mean("trial_row").to_numpy() for row in rows]
    return tree.attrs["prediction"].partition("step ahead, ")[2], np.transpose(means)


def test_labels_of_items_may_be_texts_or_numbers(item_fit):
    who, numbers = of_pictures(item_fit, [1, 2, 3, 4, 5, 6])
    same, texts = of_pictures(item_fit, ["1", "2", "3", "4", "5", "6"])
    assert who == same == "the same people"
    np.testing.assert_array_equal(numbers, texts)
    assert np.diff(numbers.mean(axis=0)).min() > 0.3


def test_new_items_come_from_the_population(item_fit, capsys):
    """They are told, as a misspelled label is one too; people and other items stay."""
    study = fits.study_of(item_fit)
    study = replace(study, participants=study.participants[["participant"]])  # ages not needed
    who, means = of_pictures(item_fit, [1, 2, "x", "y", 5, 6], study)
    assert who == "the same people, 4 known and 2 new of 'picture'"
    assert "Drawn, since the fit has no such 'picture': 'x', 'y'." in capsys.readouterr().err
    known = of_pictures(item_fit, [1, 2, 3, 4, 5, 6])[1]
    new, old = [2, 3], [0, 1, 4, 5]
    np.testing.assert_allclose(means[:, old].mean(axis=0), known[:, old].mean(axis=0), atol=0.05)
    spread = 10 * float(item_fit["posterior"]["appeal_sd"].mean())
    assert (means[:, new].std(axis=0) > 0.7 * spread).all()
    assert (known.std(axis=0) < 0.3 * spread).all()


def test_new_people_and_items(item_fit):
    study = other_people(fits.study_of(item_fit), ["P01", "new"])
    who, _ = of_pictures(item_fit, [7, 8, 9, 10, 11, 12], study)
    assert who == "1 known and 1 new people, 0 known and 6 new of 'picture'"


def test_new_trials_of_known_people(own_fit, own_study):
    people = own_study.participants["participant"]
    later = pd.DataFrame({"participant": people, "trial": 99, "intensity": 1.0, "rating": 5.0})
    study = replace(own_study, trials=later.assign(rating=np.linspace(1, 9, len(later))))
    predicted = em.predict(own_fit, study, draws=200, seed=1)
    assert predicted.attrs["prediction"].endswith("the same people")
    found = predicted["posterior_predictive"]["rating"].mean(("chain", "draw")).to_numpy()
    posterior = own_fit["posterior"]
    expected = (posterior["baseline"] + posterior["slope"]).mean(("chain", "draw")).to_numpy()
    assert np.corrcoef(found, expected)[0, 1] > 0.95


def test_study_without_responses(own_fit, own_study):
    bare = replace(own_study, trials=own_study.trials.drop(columns="rating"))
    found = em.predict(own_fit, bare, draws=40, seed=1)
    assert not found["observed_data"].data_vars
    same = em.predict(own_fit, draws=40, seed=1)["posterior_predictive"]["rating"]
    np.testing.assert_allclose(found["posterior_predictive"]["rating"], same)


def test_response_left_out_at_fit_may_come_later(model, study, fit, as_drawn):
    without = replace(study, regions=None)
    little = as_drawn(model, without, draws=5)
    found = em.predict(little, study, draws=2, seed=1)["posterior_predictive"]
    assert "insula" not in found and "feeling" in found
    other = em.predict(fit, without, draws=2, seed=1)
    assert set(other["posterior_predictive"].data_vars) - set(other["observed_data"].data_vars) == {
        "insula"
    }
    assert np.isfinite(other["posterior_predictive"]["insula"]).all()


def test_fixed_values_reach_new_people(static_fit, study):
    first = study.participants["participant"].iloc[:3]
    tables = {
        name: table[table["participant"].isin(first)].reset_index(drop=True)
        for name, table in study.tables.items()
    }
    renamed = {name: t.assign(participant="N" + t["participant"]) for name, t in tables.items()}
    predicted = em.predict(static_fit, replace(study, **renamed), draws=20, seed=1)
    ratings = predicted["posterior_predictive"]["feeling"]
    assert ratings.sizes["trial_row"] == len(renamed["trials"])
    assert np.isfinite(ratings).all()


def test_a_fit_has_the_equations_that_its_model_calls_when_it_is_made(
    own_model, own_study, as_drawn
):
    """As in a notebook, whose cell with a helper is run again while the model stays."""
    times = {"baseline": 1.0}

    def rating(latent, parameters, data):
        mean = times["baseline"] * parameters.baseline + parameters.slope * data.intensity
        return pm.Normal.dist(mean, parameters.noise)

    (response,) = own_model.responses
    model = replace(own_model, responses=(replace(response, function=rating),))
    identities, means = set(), []
    for times["baseline"] in (1.0, 3.0):
        fit = as_drawn(model, own_study)
        scored = scored_rows(arrangement_of(fit), "rating")
        means.append(float(predicted_rows(fit, scored, draws=4, seed=1).mean()))
        identities.add(fit.attrs["fingerprint"])
    assert len(identities) == 2
    assert means[1] > 2 * means[0]
