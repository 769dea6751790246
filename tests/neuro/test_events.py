"""Latents in the scanner's GLM: events that nilearn takes, and many versions put together."""

import json

import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import make_first_level_design_matrix, run_glm

import empathymodels as em

LATENTS = ["value", "prediction_error"]
REPETITION, SCANS = 1.5, 140


def timed(study, people=4):
    """The first people of a study in two runs; two of their outcomes are missing."""
    trials = study.trials[
        study.trials["participant"].isin(study.trials["participant"].unique()[:people])
    ]
    trials = trials.reset_index(drop=True)
    trials["block"] = np.where(trials["trial"] <= 10, 1.0, 2.0)  # as readers make of gaps
    place = trials.groupby(["participant", "block"]).cumcount()
    trials["onset"] = 6.0 + 19.0 * place + (place % 3)
    trials["duration"] = 2.0
    trials["outcome"] = trials["outcome"].astype(float)
    trials.loc[[4, 27], "outcome"] = np.nan
    return em.Study(trials=trials, simulated=True)


@pytest.fixture(scope="module")
def model():
    return em.get_model("outgroup_help_learning").without(
        "insula", "empathy_before", "empathy_after"
    )


@pytest.fixture(scope="module")
def fit(model, study, as_drawn):
    return as_drawn(model, timed(study))


@pytest.fixture(scope="module")
def folder(fit, tmp_path_factory):
    place = tmp_path_factory.mktemp("events") / "bids"
    em.to_events(fit, place, latent=LATENTS, task="help", event="outcome")
    return place


def events_of(folder, person="01", run=1):
    name = f"sub-{person}/func/sub-{person}_task-help_run-{run}_events.tsv"
    return pd.read_csv(folder / name, sep="\t"), json.loads(
        (folder / name).with_suffix(".json").read_text()
    )


def test_a_file_per_run_lies_where_bids_has_it(folder):
    found = sorted(str(file.relative_to(folder)) for file in folder.rglob("*.tsv"))
    expected = [
        f"sub-{person}/func/sub-{person}_task-help_run-{run}_events.tsv"
        for person in ("01", "02", "03", "04")
        for run in (1, 2)
    ]
    assert found == expected
    assert len(list(folder.rglob("*.json"))) == len(expected)


def test_every_trial_has_an_event_and_its_centred_modulators(folder, fit):
    events, about = events_of(folder)
    values = em.latents(fit)
    here = (values["participant"] == "sub-01") & (values["block"] == 1)
    kinds = events.groupby("trial_type", sort=False)
    assert kinds.size().to_dict() == {
        "outcome": 9,
        "outcome_value": 9,
        "outcome_prediction_error": 9,
        "outcome_missed": 1,
    }
    assert (kinds.get_group("outcome")["modulation"] == 1).all()
    for name in LATENTS:
        own = values[name].mean(("chain", "draw"))[here.to_numpy()].to_numpy()
        both = np.isfinite(values["prediction_error"].isel(chain=0, draw=0).to_numpy()[here])
        own = own[both]
        written = kinds.get_group(f"outcome_{name}")["modulation"].to_numpy()
        np.testing.assert_allclose(written, own - own.mean(), atol=1e-12)
        assert about["Subtracted"][name] == pytest.approx(own.mean())
        spread = np.array(about["PosteriorStandardDeviation"][name], dtype=float)
        draws = values[name].stack(sample=("chain", "draw")).to_numpy()[here.to_numpy()]
        np.testing.assert_allclose(spread, draws.std(axis=1), atol=1e-6)
    missed = kinds.get_group("outcome_missed")["onset"].tolist()
    assert missed == [6.0 + 19.0 * 4 + 1]
    assert set(about["Correlations"]) == {"value, prediction_error"}
    assert (about["onset"]["Units"], about["Seed"]) == ("s", int(fit.attrs["seed"]))


def test_nilearn_makes_the_design_that_is_meant(folder):
    """Columns are trials and modulators convolved with the response; nothing is added up."""
    events, _ = events_of(folder)
    times = REPETITION * np.arange(SCANS)
    design = make_first_level_design_matrix(times, events, hrf_model="glover", drift_model=None)
    kinds = ["outcome", "outcome_missed", "outcome_prediction_error", "outcome_value"]
    assert sorted(design.columns) == ["constant", *kinds]
    for kind, own in events.groupby("trial_type"):
        alone = np.zeros(SCANS)
        for row in own.itertuples():
            one = pd.DataFrame([{"onset": row.onset, "duration": row.duration, "trial_type": "x"}])
            single = make_first_level_design_matrix(times, one, drift_model=None)
            alone += row.modulation * single["x"].to_numpy()
        np.testing.assert_allclose(design[kind], alone, atol=1e-9)


def test_a_known_effect_is_recovered(folder):
    """Per unit of the latent, whatever the mean response to events is."""
    events, _ = events_of(folder, "02")
    times = REPETITION * np.arange(SCANS)
    design = make_first_level_design_matrix(times, events, drift_model=None)
    rng = np.random.default_rng(3)
    truth = pd.Series({"outcome": 2.0, "outcome_prediction_error": 0.8, "constant": 100.0})
    signal = design[truth.index] @ truth
    measured = signal.to_numpy()[:, None] + rng.normal(0, 0.3, (SCANS, 50))
    labels, results = run_glm(measured, design.to_numpy(), noise_model="ols")
    (result,) = results.values()
    (weights,) = [result.theta[k] for k in [design.columns.get_loc("outcome_prediction_error")]]
    assert len(labels) == 50
    assert weights.mean() == pytest.approx(0.8, abs=4 * weights.std() / np.sqrt(50))


def test_versions_have_one_draw_each(fit, tmp_path):
    written = em.to_events(
        fit, tmp_path / "many", latent="prediction_error", task="help", draws=5, duration=0
    )
    assert len(written) == 5 * 8
    assert len({file.relative_to(tmp_path / "many").parts[0] for file in written}) == 5
    first, second = (pd.read_csv(written[k], sep="\t") for k in (0, 8))
    assert (first["onset"] == second["onset"]).all()
    assert (first["duration"] == 0).all()
    assert abs(first["modulation"] - second["modulation"]).max() > 1e-3
    sidecar = json.loads(written[8].with_suffix(".json").read_text())
    assert sidecar["Version"] == "draw-2"
    draws = em.latents(fit)["prediction_error"].stack(sample=("chain", "draw")).to_numpy()
    own = draws[:10, -1]
    last = pd.read_csv(written[4 * 8], sep="\t").query("trial_type == 'trial_prediction_error'")
    expected = own[np.isfinite(own)] - np.nanmean(own)
    np.testing.assert_allclose(last["modulation"], expected, atol=1e-12)
    for wrong, words in ((1, "2 or more"), (11, "at most what the fit has; found 11 of 10")):
        with pytest.raises(ValueError, match=words):
            em.to_events(fit, tmp_path / "no", latent="value", task="help", draws=wrong)


def test_nothing_is_overwritten(fit, folder):
    with pytest.raises(FileExistsError, match="must not replace anything"):
        em.to_events(fit, folder, latent="value", task="help")


def test_all_faults_are_told_at_once(model, study, as_drawn, tmp_path):
    """Names and ids that BIDS cannot have, times that are absent, trials at one time."""
    trials = timed(study).trials.drop(columns=["duration", "block"])
    trials["participant"] = trials["participant"].str.replace("sub-", "p_")
    trials.loc[3, "onset"] = -np.inf
    odd = as_drawn(model, em.Study(trials=trials.assign(onset=trials["onset"]), simulated=True))
    with pytest.raises(ValueError) as raised:
        em.to_events(odd, tmp_path / "no", latent="value", task="out-group help", event="a b")
    text = str(raised.value)
    for part in (
        "task must consist of letters and digits",
        "event must consist of letters, digits and '_'",
        "labels of 'participant' must be letters and digits, as BIDS wants them; found",
        "must have a column 'duration': columns={'duration': ...} of the study, or duration=",
        "'onset' must be a time in seconds in every trial; found 1 trial without (rows 3)",
        "trials of one run must begin one after another",
    ):
        assert part in text
    assert not (tmp_path / "no").exists()
    with pytest.raises(KeyError, match="has no latent 'valu'"):
        em.to_events(odd, tmp_path / "no", latent="valu", task="help")


def test_modulators_that_stand_still_are_told_once(model, study, as_drawn, tmp_path, capsys):
    still = as_drawn(model.fix(learning_rate=0.0), timed(study, people=2))
    capsys.readouterr()
    written = em.to_events(still, tmp_path / "still", latent=LATENTS, task="help", draws=3)
    told = [line for line in capsys.readouterr().err.splitlines() if "should move" in line]
    assert len(told) == 1
    assert "in 4 files they do not, first 'value' in sub-01_task-help_run-1_events.tsv" in told[0]
    events = pd.read_csv(written[0], sep="\t")
    assert (events.loc[events["trial_type"] == "trial_value", "modulation"] == 0).all()
    assert "Correlations" not in json.loads(written[0].with_suffix(".json").read_text())


# --------------------------------------------------------------------------- Rubin's rules


def test_numbers_are_those_of_the_rules():
    effects, variances = [1.0, 2.0, 4.0], [0.5, 0.7, 0.6]
    found = em.combine_glms(effects, variances)
    within, between = 0.6, np.var(effects, ddof=1)
    total = within + 4 / 3 * between
    assert float(found["effect"]) == pytest.approx(7 / 3)
    assert float(found["se"]) == pytest.approx(np.sqrt(total))
    assert float(found["df"]) == pytest.approx(2 * (1 + within / (4 / 3 * between)) ** 2)
    assert float(found["lost"]) == pytest.approx(4 / 3 * between / total)
    few = em.combine_glms(effects, variances, df=20)
    assert float(few["df"]) < float(found["df"])
    alike = em.combine_glms([np.ones((2, 3))] * 4, [np.full((2, 3), 0.25)] * 4, df=30)
    assert alike["se"].dims == ("dim_0", "dim_1")
    np.testing.assert_allclose(alike["se"], 0.5)
    np.testing.assert_allclose(alike["df"], 31 / 33 * 30)
    with pytest.raises(ValueError, match="at least two versions"):
        em.combine_glms([1.0], [1.0])
    with pytest.raises(ValueError, match="one shape in all versions"):
        em.combine_glms([np.ones(2), np.ones(3)], [np.ones(2), np.ones(3)])
    with pytest.raises(ValueError, match="must not be negative; found 1"):
        em.combine_glms([1.0, 1.0], [1.0, -1.0])


def learned(rate, outcomes):
    """Centred values of a Rescorla-Wagner learner before each outcome."""
    value, found = 0.0, []
    for outcome in outcomes:
        found.append(value)
        value += rate * (outcome - value)
    return np.array(found) - np.mean(found)


def least_squares(x, y):
    weight = x @ y / (x @ x)
    return weight, ((y - weight * x) ** 2).sum() / (len(y) - 2) / (x @ x)


def test_intervals_hold_with_the_uncertainty_of_latents_and_fall_short_without():
    """A learning rate that is known up to a posterior; 300 replicates at a true effect of 1."""
    rng = np.random.default_rng(1)
    with_it, without = [], []
    for _ in range(300):
        outcomes = rng.choice([-1.0, 1.0], 60, p=[0.3, 0.7])
        rates = 1 / (1 + np.exp(1 - 0.7 * rng.normal(size=121)))
        measured = learned(rates[0], outcomes) + 0.5 * rng.normal(size=60)
        measured -= measured.mean()
        mean = np.mean([learned(rate, outcomes) for rate in rates[1:]], axis=0)
        weight, variance = least_squares(mean, measured)
        without.append(abs(weight - 1) < 2.0 * np.sqrt(variance))
        versions = [least_squares(learned(rate, outcomes), measured) for rate in rates[1:21]]
        both = em.combine_glms(*zip(*versions, strict=True), df=58)
        with_it.append(bool(both["low"] < 1 < both["high"]))
    assert 0.92 < np.mean(with_it) < 0.99
    assert np.mean(without) < 0.8
