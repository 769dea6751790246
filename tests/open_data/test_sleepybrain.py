"""Empathy for pain after too little sleep: sliders with their ends (skipped without data)."""

import pytest

import empathymodels as em
from empathymodels.study.open_studies import OPEN_STUDIES


@pytest.fixture(scope="module")
def hands(open_study):
    """6,554 ratings at two visits, one after restricted sleep."""
    return open_study("tamm_2017")


@pytest.fixture(scope="module")
def model():
    return eval(OPEN_STUDIES["tamm_2017"].call, {"em": em})


def test_ratings_are_those_of_the_readme(hands):
    trials = hands.trials.merge(hands.participants, on="participant")
    assert (len(trials), trials["participant"].nunique()) == (6554, 84)
    assert trials["rating"].isin([0, 100]).sum() == 2736
    means = trials.groupby(["AgeGroup", "sleep", "pain"])["rating"].mean().round(2)
    assert means["Old"].tolist() == [5.17, 42.22, 4.92, 45.35]
    assert means["Young"].tolist() == [4.94, 36.38, 4.01, 35.98]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_distributions_with_masses_at_the_ends(hands, model):
    """Both give the ends a share; which predicts better is reported as it comes out."""
    how = {"chains": 4, "draws": 700, "tune": 700, "seed": 1}
    fits = {name: em.fit(model.rival(name), hands, **how) for name in ("censored", "ordered_beta")}
    for name, fit in fits.items():
        sampling = em.check(fit).set_index("check").iloc[:6]
        print(name, sampling[["value", "passed"]], sep="\n")
        assert sampling["passed"].all()
    table = em.compare(fits)
    print(table.attrs["reading"])
    shares = {}
    for name, fit in fits.items():
        predicted = em.predict(fit, draws=200, seed=1)
        observed = predicted["observed_data"]["rating"].to_numpy()
        drawn = predicted["posterior_predictive"]["rating"].to_numpy()
        for end in (0, 100):
            shares[name, end] = (drawn == end).mean() - (observed == end).mean()
        pain = em.reliability(fit, "pain_effect")
        levels = ({"sleep": "restricted"}, {"sleep": "normal"})
        print(name, pain, em.contrast(fit, "pain_effect", *levels).T, sep="\n")
        assert pain.set_index("measure").loc["ICC consistency", "hdi_low"] > 0.3
    print(shares)
    assert abs(shares["ordered_beta", 0]) < abs(shares["censored", 0]) < 0.03
    assert abs(shares["ordered_beta", 100]) < abs(shares["censored", 100])
