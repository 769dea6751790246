"""Regulation of empathy: selecting, attending and reappraising, and residuals of one trial."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import empathymodels as em
from folders import BUNDLED

DATA = BUNDLED / "regulated_empathy"


@pytest.fixture(scope="module")
def regulated():
    return em.load_study("regulated_empathy")


@pytest.fixture(scope="module")
def truth():
    table = pd.read_csv(DATA / "true_parameters.csv", dtype={"participant": str})
    return table.set_index("participant")


@pytest.fixture(scope="module")
def values(truth):
    stories = pd.read_csv(DATA / "true_items.csv").set_index("story")
    return dict(truth.items()) | dict(stories.items())


@pytest.fixture(scope="module")
def fits(regulated):
    model = em.get_model("empathy_regulation")
    rivals = ("attention_only", "reappraisal_only")
    return em.fit_rivals(model, regulated, *rivals, chains=2, draws=200, tune=300, seed=1)


def test_ratings_of_a_trial_are_bivariate_normal(regulated, truth, values):
    plain = em.get_model("empathy_regulation").rival("plain_normal")
    found = em.log_likelihood(plain, regulated, values)
    of_people = found["participant"]["log_likelihood"].sel(response=["distress", "concern"])
    total = float(of_people.sum())
    trials = regulated.trials.dropna(subset=["distress"])
    own = truth.loc[trials["participant"]].set_index(trials.index)
    up, down = trials["upregulate"], trials["downregulate"]
    shift = own["shift_up"] * up + own["shift_down"] * down
    gain = 1 + own["attention_up"] * up + own["attention_down"] * down
    moved = {"distress": -shift, "concern": shift}
    residuals = [
        trials[name]
        - own[f"{name}_baseline"]
        - own[f"{name}_slope"] * gain * trials["stimulus"]
        - moved[name]
        - trials["story"].map(values[f"{name}_story"])
        for name in moved
    ]
    noise, correlation = np.array([11.0, 10.0]), np.array([[1, 0.3], [0.3, 1]])
    expected = multivariate_normal([0, 0], noise[:, None] * correlation * noise)
    np.testing.assert_allclose(total, expected.logpdf(np.transpose(residuals)).sum(), rtol=1e-10)


def test_simulated_responses_read_those_simulated_before(regulated, values):
    """What is drawn for concern follows the distress drawn, not the one in the design."""
    model = em.get_model("empathy_regulation")
    quiet = {"distress_story": 0.0, "concern_story": 0.0, "shift_up": 0.0, "shift_down": 0.0}
    simple = model.fix(distress_slope=0.0, concern_slope=0.0, **quiet)
    given = {name: value for name, value in values.items() if name not in quiet}
    given |= {"residual_correlation": 0.8, "distress_noise": 11.0, "concern_noise": 10.0}
    given = {n: v for n, v in given.items() if n not in ("distress_slope", "concern_slope")}
    simulated, used = em.simulate(simple, regulated, given, seed=1)
    own = used.set_index("participant").loc[simulated.trials["participant"]]
    residuals = [
        simulated.trials[name].to_numpy() - own[f"{name}_baseline"].to_numpy()
        for name in ("distress", "concern")
    ]
    assert np.corrcoef(residuals)[0, 1] == pytest.approx(0.8, abs=0.03)
    assert residuals[1].std() == pytest.approx(10, rel=0.05)


@pytest.mark.slow
def test_what_instructions_do_is_recovered(fits, truth):
    posterior = fits["empathy_regulation"]["posterior"]
    for name in [n for n in truth if f"{n}_sd" in posterior]:
        draws = posterior[name].mean("participant").to_numpy()
        assert abs(draws.mean() - truth[name].mean()) < 3 * draws.std()
    residual = posterior["residual_correlation"].to_numpy()
    assert abs(residual.mean() - 0.3) < 3 * residual.std()
    assert residual.std() < 0.04
    shift = posterior["shift_down"].mean(("chain", "draw")).to_series()
    assert shift.corr(truth["shift_down"]) > 0.6


@pytest.mark.slow
def test_strategies_are_told_apart(fits):
    """Attention alone loses, and so does reappraisal alone."""
    table = em.compare(fits)
    elpds = {name: np.asarray(elpd.elpd_i) for name, elpd in table.attrs["elpd"].items()}
    for name in ("attention_only", "reappraisal_only"):
        difference = elpds["empathy_regulation"] - elpds[name]
        assert difference.sum() > 2 * difference.std() * np.sqrt(len(difference)) > 0


@pytest.mark.slow
def test_a_new_story_is_drawn_like_those_of_the_fit(fits, regulated):
    fit, known = fits["empathy_regulation"], regulated.trials["story"]
    shown = known == known.iloc[0]
    trials = regulated.trials.assign(story=known.mask(shown, "new"))
    new = em.predict(fit, replace(regulated, trials=trials), draws=200, seed=1)
    others = known.nunique() - 1
    assert new.attrs["prediction"].endswith(f"the same people, {others} known and 1 new of 'story'")
    same = em.predict(fit, draws=200, seed=1)
    of_story, of_others = (
        [
            tree["posterior_predictive"]["concern"][..., rows.to_numpy()]
            .mean("trial_row")
            .to_numpy()
            for tree in (new, same)
        ]
        for rows in (shown, ~shown)
    )
    spread = 100 * float(fit["posterior"]["concern_story_sd"].mean())
    assert of_story[0].std() > 0.8 * spread
    assert of_story[0].std() > 1.5 * of_story[1].std()
    assert of_others[0].mean() == pytest.approx(of_others[1].mean(), abs=0.1)


@pytest.mark.parametrize("intensities", [[0.5], [0.0, 1.0], [0.0, 0.5, 1.0]])
def test_few_intensities_are_told(regulated, intensities):
    """At one intensity nothing tells a gain from a shift of both; with two, no bend is seen."""
    trials = regulated.trials[regulated.trials["stimulus"].isin(intensities)]
    few = em.Study(trials=trials.drop(columns="instruction"), simulated=True)
    table = em.diagnose_design(em.get_model("empathy_regulation"), few)
    told = table.set_index("check")["advice"]
    if len(intensities) == 1:
        assert "same in all rows" in told["share of people within whom 'stimulus' is constant"]
    elif len(intensities) == 2:
        assert "gain" in told["distinct values of 'stimulus'"]
    else:
        assert "distinct values of 'stimulus'" not in told


@pytest.fixture(scope="module")
def stories(open_study):
    return open_study("buechel_2018")


def test_correlation_of_the_raw_ratings_is_that_of_the_readme(stories):
    assert len(stories.trials) == 1860
    assert stories.trials["distress"].corr(stories.trials["concern"]) == pytest.approx(
        0.450938, abs=1e-6
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_three_parts_make_up_the_correlation_of_raw_ratings(stories):
    """People, stories and residuals: each correlates, and together they predict the whole."""
    model = em.get_model("empathy_regulation").with_range(distress=(1, 7), concern=(1, 7))
    fit = em.fit(model, stories, seed=1)
    table = em.check(fit).set_index("check")["passed"]
    assert table[[name for name in table.index if "R-hat" in name or "ESS" in name]].all()
    assert table["divergences"]
    predicted = em.predict(fit, kind="simulation", draws=400, seed=1)["posterior_predictive"]
    distress, concern = (
        predicted[name].to_numpy().reshape(-1, 1860) for name in ("distress", "concern")
    )
    pairs = zip(distress, concern, strict=True)
    whole = [np.corrcoef(one, other)[0, 1] for one, other in pairs]
    low, high = np.quantile(whole, [0.1, 0.9])
    posterior = fit["posterior"]
    parts = {
        "people": posterior["correlation"][..., 0, 1],
        "stories": posterior["story_correlation"][..., 0, 1],
        "residuals": posterior["residual_correlation"],
    }
    for name, part in parts.items():
        print(name, np.quantile(part, [0.05, 0.5, 0.95]).round(2))
    print("raw ratings", round(low, 3), round(high, 3))
    assert low < 0.450938 < high
    assert all(float(part.mean()) > 2 * float(part.std()) for part in parts.values())
