"""Motives against context: what the framework says can be told from what it denies."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.inference import fit_rivals as competing
from folders import BUNDLED

SHAPES = ("context_directly", "intercept_only", "both")


@pytest.fixture(scope="module")
def choices():
    """Only the choices of the bundled study: that context acts through motives is its truth."""
    study = em.load_study("motives")
    return em.Study(trials=study.trials.drop(columns="rating"), simulated=True, name="choices")


@pytest.fixture(scope="module")
def fits(choices):
    model = em.get_model("motivated_empathy")
    return em.fit_rivals(model, choices, *SHAPES, chains=2, draws=300, tune=400, seed=1)


@pytest.mark.slow
def test_motives_explain_what_context_does(fits):
    """The generator beats what is not nested in it, and is not beaten by what it is nested in."""
    table = em.compare(fits)
    assert list(fits) == ["motivated_empathy", *SHAPES]
    elpds = {name: np.asarray(elpd.elpd_i) for name, elpd in table.attrs["elpd"].items()}
    for name in SHAPES:
        difference = elpds["motivated_empathy"] - elpds[name]
        error = difference.std() * np.sqrt(len(difference))
        if name == "both":
            assert difference.sum() > -2 * error
        else:
            assert difference.sum() > 2 * error


@pytest.mark.slow
def test_weights_are_recovered(fits):
    truth = pd.read_csv(BUNDLED / "motives" / "true_parameters.csv")
    posterior = fits["motivated_empathy"]["posterior"]
    weights = [name for name in truth if name.endswith("_weight")]
    assert len(weights) == 7
    for name in weights:
        mean, sd = (float(f(posterior[f"{name}_mean"])) for f in (np.mean, np.std))
        assert abs(mean - truth[name].mean()) < 3 * sd
    low, high = np.quantile(posterior["cost_weight"], [0.05, 0.95], axis=(0, 1))
    covered = (low < truth["cost_weight"]) & (truth["cost_weight"] < high)
    assert covered.mean() > 0.75


def test_rivals_that_cannot_be_used_are_told_before_any_fit(choices, monkeypatch):
    monkeypatch.setattr(competing, "fit", lambda *_, **__: pytest.fail("a model was fitted"))
    model = em.get_model("motivated_empathy")
    plain = em.Study(trials=choices.trials.drop(columns="context"))
    with pytest.raises(ValueError, match="Column 'context'"):
        em.fit_rivals(model, plain, "context_directly")
    with pytest.raises(KeyError, match="has no rival 'contxt'"):
        em.fit_rivals(model, plain, "contxt")


def test_all_rivals_unless_some_are_named(monkeypatch, own_model, own_study):
    monkeypatch.setattr(competing, "fit", lambda model, study, **settings: model.label)
    assert em.fit_rivals(own_model, own_study) == {
        "rated_pain": "rated_pain",
        "no_slope": "rated_pain no_slope",
    }


def test_rivals_that_cannot_be_compared_are_left_out_unless_named(choices, monkeypatch, capsys):
    """As `compare` would refuse them after hours of fitting."""
    monkeypatch.setattr(competing, "fit", lambda model, study, **settings: model.label)
    model = em.get_model("motivated_empathy")
    plain = em.Study(trials=choices.trials.drop(columns="context"))
    fitted = em.fit_rivals(model, plain)
    told = " ".join(capsys.readouterr().err.split())
    for name in ("plain_normal", "context_directly", "both"):
        assert name not in fitted
        assert f"Rival '{name}' is left out" in told
    assert "densities and probabilities of 'attention', 'rating' cannot be compared" in told
    assert {"motivated_empathy", "intercept_only", "signed"} < set(fitted)
    assert "plain_normal" in em.fit_rivals(model, choices, "plain_normal")
    bias = em.get_model("intergroup_bias")
    fitted = em.fit_rivals(bias, em.load_study("group_pain"))
    assert {"plain_normal", "censored", "ordered_beta"}.isdisjoint(fitted)
    assert {"no_bias", "no_group", "no_items"} < set(fitted)


CONTAINED_IN = {  # models of which each is a special case: they may do as well as it
    "both": (),
    "motivated_empathy": ("both",),
    "context_directly": ("both",),
    "approach_only": ("motivated_empathy", "both"),
    "avoidance_only": ("motivated_empathy", "both"),
    "signed": ("motivated_empathy", "both"),
}
CONTAINED_IN["intercept_only"] = tuple(CONTAINED_IN)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("generator", CONTAINED_IN)
def test_what_generated_the_data_wins(choices, generator):
    """Over data sets from a model: it beats what does not contain it in 80 %, and never loses.

    To lose is to be beaten by more than two standard errors, to beat to have the better elpd.
    """
    number, base = 5, em.get_model("motivated_empathy")
    truth = base if generator == base.name else base.rival(generator)
    rivals = [name for name in CONTAINED_IN if name != base.name]
    compared = []
    for seed in range(number):
        data, _ = em.simulate(truth.without("rating", "attention", "help"), choices, seed=seed)
        data = em.Study(trials=data.trials.astype({"engage": int}), simulated=True)
        fits = em.fit_rivals(base, data, *rivals, chains=2, draws=300, tune=400, seed=1)
        elpds = {n: np.asarray(e.elpd_i) for n, e in em.compare(fits).attrs["elpd"].items()}
        for name in set(CONTAINED_IN) - {generator}:
            difference = elpds[generator] - elpds[name]
            error = difference.std() * np.sqrt(len(difference))
            compared.append({"rival": name, "by": difference.sum(), "error": error})
    found = pd.DataFrame(compared)
    print(generator, found.round(1).to_string())
    others = found[~found["rival"].isin(CONTAINED_IN[generator])]
    assert not (found["by"] < -2 * found["error"]).any()
    assert (others.groupby("rival")["by"].agg(lambda by: (by > 0).mean()) >= 0.8).all()
