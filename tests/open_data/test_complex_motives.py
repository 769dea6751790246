"""Helping with one or two motives: shares and points of subjective equality (skip if absent)."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.inference.fits import study_of
from open_copies import COPIES

FOLDER = COPIES["saulin_2022"]
PUBLISHED = {  # points of subjective equality and their 95 % intervals
    "control": (107.2, 81.7, 127.3),
    "reciprocity": (76.6, 47.8, 105.9),
    "empathy": (41.8, 6.2, 70.0),
    "multi-motive": (32.3, -8.2, 59.5),
}
SHARES = {"control": 0.691, "reciprocity": 0.738, "empathy": 0.781, "multi-motive": 0.788}


@pytest.fixture(scope="module")
def helping(open_study):
    """4,938 choices of 33 people, and a contrast of their putamen betas."""
    study = open_study("saulin_2022")
    betas = pd.read_csv(FOLDER / "emp_minus_rec_aal_biputam.csv", header=None).iloc[0]
    people = pd.DataFrame({"participant": range(1, 34), "putamen": betas.to_numpy()})
    return em.Study(trials=study.trials, participants=people)


def test_choices_are_those_of_the_readme(helping):
    assert len(helping.trials) == 4938
    shares = helping.trials.groupby(["motive", "participant"])["help"].mean()
    found = shares.groupby("motive").mean().round(3).to_dict()
    assert found == SHARES
    assert helping.trials["own_loss"].corr(helping.trials["other_gain"]) == pytest.approx(
        -0.916, abs=5e-4
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_one_slope_and_a_bias_per_motive(helping):
    """Points of equality are those of these 33 people: their mean bias over their mean slope."""
    model = em.get_model("costly_helping").rival("trade_off")
    fit = em.fit(model, helping, seed=1)
    checks = em.check(fit).set_index("check")
    print(checks[["value", "passed"]])
    assert checks["passed"].all()
    posterior = fit["posterior"]
    equality = -100 * posterior["bias"].mean("participant") / posterior["slope"].mean("participant")
    medians = {}
    for motive, (stated, low, high) in PUBLISHED.items():
        draws = equality.sel(motive=motive).to_numpy().ravel()
        ours = np.quantile(draws, [0.025, 0.975])
        medians[motive] = np.median(draws)
        print(motive, medians[motive], ours)
        assert ours[0] < stated < ours[1]
        assert ours[1] - ours[0] < 2 * (high - low)
    assert sorted(medians, key=medians.get, reverse=True) == list(PUBLISHED)

    predicted = em.predict(fit, draws=400, seed=1)["posterior_predictive"]["help"]
    drawn = predicted.stack(sample=("chain", "draw")).transpose("trial_row", "sample").to_numpy()
    trials = study_of(fit).trials
    means = pd.DataFrame(drawn.mean(axis=1)).groupby([trials["motive"], trials["participant"]])
    for motive, share in means.mean()[0].groupby("motive").mean().items():
        print(motive, share)
        assert abs(share - SHARES[motive]) < 0.03


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_putamen_as_a_correlate_of_what_empathy_adds(helping):
    """The contrast of putamen betas enters with the choices; no relation is a result too."""
    model = em.get_model("costly_helping").rival("trade_off")
    fit = em.fit(model, helping, covariates={"bias": "putamen"}, seed=1)
    effect = fit["posterior"]["bias_effect"].isel(bias_covariate=0)
    difference = effect.sel(motive="empathy") - effect.sel(motive="reciprocity")
    low, high = np.quantile(difference, [0.025, 0.975])
    print(f"per sd of the putamen contrast: {float(difference.mean()):.2f} [{low:.2f}, {high:.2f}]")
    assert low < 0 < high
