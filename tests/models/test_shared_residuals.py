"""What moves a rating beyond motives moves other responses of its trial, if the rival is right."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import empathymodels as em
from empathymodels.layout.arrange import arrange
from folders import BUNDLED

TRUTH = BUNDLED / "motives" / "true_parameters.csv"
LEFT_OUT = ("attention", "TPJ", "VS")
SHARED = {
    "rating_slope": 8.0,
    "ai_noise": 0.8,
    "help_slope": 0.5,
    "help_residual": 1.0,
    "ai_residual": 0.4,
}


@pytest.fixture(scope="module")
def model():
    shared = em.get_model("motivated_empathy").rival("shared_residuals").without(*LEFT_OUT)
    return shared.with_resolution(None)


@pytest.fixture(scope="module")
def values():
    people = pd.read_csv(TRUTH).set_index("participant").iloc[:12]
    kept = ["readiness", "cost_weight", "affiliation_weight", "rating_baseline", "rating_noise"]
    own = dict(people[[*kept, "ai_baseline", "ai_slope"]].items())
    return own | SHARED | {"help_baseline": -0.2}


@pytest.fixture(scope="module")
def simulated(model, values):
    """12 people of the bundled study and two of its motives; they choose to help as well."""
    study = em.load_study("motives")
    people = list(values["readiness"].index)
    columns = ["participant", "trial", "cost", "affiliation", "engage", "rating"]
    trials = study.trials.loc[study.trials["participant"].isin(people), columns].assign(help=0)
    regions = study.regions[study.regions["participant"].isin(people)]
    design = em.Study(trials=trials, regions=regions[regions["region"] == "AI"], simulated=True)
    drawn, _ = em.simulate(model, design, values, seed=3)
    whole = {"engage": int, "help": int}
    return em.Study(trials=drawn.trials.astype(whole), regions=drawn.regions, simulated=True)


def residuals(study, values):
    """Of ratings and betas, with each row's noise of ratings: three Series over betas."""
    plain = em.get_model("motivated_empathy").rival("plain_normal").without(*LEFT_OUT)
    found = em.log_likelihood(plain, study, values)
    empathy = found["latents"]["empathy"].to_numpy()
    trials = study.trials.assign(empathy=empathy)
    rows = study.regions.merge(trials, on=["participant", "trial"])
    own = {name: values[name].loc[rows["participant"]].to_numpy() for name in (
        "rating_baseline", "rating_noise", "ai_baseline", "ai_slope",
    )}  # fmt: skip
    rating = rows["rating"] - own["rating_baseline"] - SHARED["rating_slope"] * rows["empathy"]
    beta = rows["beta"] - own["ai_baseline"] - own["ai_slope"] * rows["empathy"]
    return rating, beta, own["rating_noise"]


def test_rating_and_beta_of_a_trial_are_bivariate_normal(model, simulated, values):
    found = em.log_likelihood(model, simulated, values)["participant"]["log_likelihood"]
    total = float(found.sel(response=["rating", "AI"]).sum())
    base = {n: x for n, x in values.items() if not n.endswith("_residual")}
    rating, beta, noise = residuals(simulated, base)
    kappa, variance = SHARED["ai_residual"], SHARED["ai_noise"] ** 2 + 0.3**2
    joint = multivariate_normal([0, 0], [[1, kappa], [kappa, kappa**2 + variance]])
    by_hand = joint.logpdf(np.transpose([rating / noise, beta])) - np.log(noise)
    np.testing.assert_allclose(total, by_hand.sum(), rtol=1e-10)
    drawn = np.corrcoef(rating / noise, beta)[0, 1]
    assert drawn == pytest.approx(kappa / np.sqrt(kappa**2 + variance), abs=0.08)


@pytest.mark.slow
def test_what_is_shared_is_recovered(model, simulated):
    fit = em.fit(model, simulated, chains=2, draws=250, tune=300, seed=1)
    for name in ("ai_residual", "help_residual"):
        draws = fit["posterior"][name].to_numpy()
        assert abs(draws.mean() - SHARED[name]) < 3 * draws.std()
        assert draws.mean() > 4 * draws.std()


def test_the_model_itself_shares_nothing():
    plain = em.get_model("motivated_empathy")
    rival = plain.rival("shared_residuals")
    added = {p.name for p in rival.parameters} - {p.name for p in plain.parameters}
    assert added == {f"{name}_residual" for name in ("attention", "help", "ai", "tpj", "vs")}
    assert rival.parameters[: len(plain.parameters)] == plain.parameters
    with pytest.raises(KeyError, match="has no rival 'shared_residuals'"):
        rival.rival("shared_residuals")
    assert rival.rival("signed").label == "motivated_empathy shared_residuals signed"


@pytest.mark.dear("six responses, which share seven motives")
def test_the_rival_passes_the_battery():
    table = em.verify(em.get_model("motivated_empathy").rival("shared_residuals"))
    assert table.loc[~table["passed"], ["check", "detail"]].to_numpy().tolist() == []


def test_trials_without_a_rating(model, simulated):
    """Betas of trials that were not rated are not scored; without any ratings it is refused."""
    trials = simulated.trials.copy()
    trials["rating"] = trials["rating"].where(trials["trial"] > 5)
    arrangement = arrange(model, em.Study(trials=trials, regions=simulated.regions, simulated=True))
    assert len(arrangement.scored["AI"].observed) == len(arrangement.scored["help"].observed) == 660
    assert len(arrangement.scored["engage"].observed) == 720
    without = trials.drop(columns="rating")
    unrated = em.Study(trials=without, regions=simulated.regions, simulated=True)
    with pytest.raises(ValueError, match="'help', 'AI' cannot be explained without it"):
        arrange(model, unrated)
    chosen = without.drop(columns="help")
    assert set(arrange(model, em.Study(trials=chosen)).scored) == {"engage"}
