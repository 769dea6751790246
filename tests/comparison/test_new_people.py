"""Comparing by people and by blocks: against closed forms, quadrature and brute-force refits."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

import empathymodels as em
from empathymodels.comparison import by_block
from empathymodels.comparison import by_participant as units
from empathymodels.comparison import new_person as marginal
from empathymodels.comparison import scores as scores_module
from empathymodels.comparison.by_block import _blocks
from empathymodels.comparison.elpd import weights_of_draws
from empathymodels.comparison.evidence import participant_evidences, under_prior
from empathymodels.comparison.new_person import integrate_people
from empathymodels.declaration.priors import new_person_prior
from empathymodels.engine.build import build
from empathymodels.inference import refit as refitting
from empathymodels.inference.fits import thinned
from empathymodels.inference.refit import refit
from empathymodels.layout.arrange import arrange

SETTINGS = {"chains": 2, "draws": 500, "tune": 500, "seed": 1}


@pytest.fixture(scope="module")
def flat(own_model):
    """Ratings around everybody's own baseline, with one noise: its integral has a closed form."""
    return own_model.rival("no_slope")


@pytest.fixture(scope="module")
def flat_fit(flat, own_study):
    return em.fit(flat, own_study, centring=0.8, **SETTINGS)


@pytest.fixture(scope="module")
def pain_fit(own_model, own_study):
    return em.fit(own_model, own_study, centring=0.8, **SETTINGS)


# --------------------------------------------------------------- integrals with a closed form


def closed_form(fit, study, draws):
    """Log-density (draw,) of each person's ratings with baseline and slope integrated out."""
    chosen = thinned(fit["posterior"].to_dataset(), draws)
    of = {n: x.to_numpy().reshape(-1, *x.shape[2:]) for n, x in chosen.data_vars.items()}
    table = fit["constant_data"]["baseline_covariates"].to_numpy()
    found = {}
    for place, (name, rows) in enumerate(study.trials.groupby("participant")):
        design = np.stack([np.ones(len(rows)), rows["intensity"]], axis=1)
        found[name] = np.empty(len(of["noise"]))
        for d in range(len(of["noise"])):
            mean = [of["baseline_mean"][d] + table[place] @ of["baseline_effect"][d]]
            mean = 10 * np.array([*mean, of["slope_mean"][d]])  # ratings run from 0 to 10
            between = np.diag([of["baseline_sd"][d], of["slope_sd"][d]]) ** 2 * 100
            within = of["noise"][d] ** 2 * np.eye(len(rows))
            covariance = design @ between @ design.T + within
            found[name][d] = multivariate_normal.logpdf(rows["rating"], design @ mean, covariance)
    return found


def test_integrals_agree_with_closed_forms_within_their_error(own_fit, own_study):
    exact = closed_form(own_fit, own_study, 60)
    away = []
    for seed in range(5):
        for one in integrate_people(own_fit, ["rating"], draws=60, seed=seed):
            difference = logsumexp(one.values) - logsumexp(exact[one.participant])
            weights = weights_of_draws(one.values, left_out=True)
            error = np.sqrt(((weights @ one.influence) ** 2).sum())
            assert error < 0.1
            np.testing.assert_allclose(one.values, exact[one.participant], atol=0.5)
            away.append(difference / error)
    away = np.array(away)
    assert len(away) == 5 * 24
    assert (abs(away) < 2).mean() > 0.88
    assert 0.8 < away.std() < 1.3  # the stated error is neither too small nor too large


def exact_scores(study, model):
    """log p(y_s | y_-s) by quadrature over population mean, spread and noise."""
    prior = {p.name: p for p in model.parameters}
    mu = np.linspace(0.3, 0.9, 81)
    tau = np.linspace(0.01, 0.5, 80)
    noise = np.linspace(-2.4, -1.6, 81)
    log_prior = (
        norm.logpdf(mu, 0.5, 0.25)[:, None, None]
        + norm.logpdf(tau, 0, prior["baseline"].spread.parameters["sigma"])[:, None]
        + norm.logpdf(noise, -2.3, 0.5)
    )
    sigma2 = (10 * np.exp(noise)) ** 2
    scores = []
    for _, rows in study.trials.groupby("participant"):
        y, n = rows["rating"].to_numpy(), len(rows)
        total = sigma2 + n * (10 * tau[:, None]) ** 2  # (tau, noise)
        squares = ((y - y.mean()) ** 2).sum() / sigma2
        between = n * (y.mean() - 10 * mu)[:, None, None] ** 2 / total
        log_det = (n - 1) * np.log(sigma2) + np.log(total)
        scores.append(-0.5 * (n * np.log(2 * np.pi) + log_det + squares + between))
    everybody = sum(scores) + log_prior
    return np.array([logsumexp(everybody) - logsumexp(everybody - own) for own in scores])


def test_somebody_new_agrees_with_quadrature(flat, flat_fit, pain_fit, own_study):
    alone = em.fit(flat, own_study, covariates={"baseline": "0"}, centring=0.8, **SETTINGS)
    table = em.compare({"alone": alone, "slopes": pain_fit}, unit="participant")
    units = table.attrs["units"]["alone"]
    away = (units["elpd"] - exact_scores(own_study, flat)) / units["error"]
    assert (units["error"] < 0.5).all()
    assert (abs(away) < 2).mean() >= 0.85
    assert abs(away).max() < 5
    total = abs(units["elpd"].sum() - exact_scores(own_study, flat).sum())
    assert total < 3 * table.loc["alone", "monte_carlo_error"]


def test_new_people_are_another_question_than_new_trials(flat_fit, pain_fit, own_study):
    fits = {"slopes": pain_fit, "flat": flat_fit}
    people, trials = (em.compare(fits, unit=unit) for unit in ("participant", "trial"))
    assert people.attrs["observations"] == 24
    assert trials.attrs["observations"] == len(own_study.trials)
    assert people.loc["slopes", "elpd"] < trials.loc["slopes", "elpd"] - 10
    assert people.attrs["reading"].startswith("'slopes' predicts new people better than 'flat'")
    evidences = people.attrs["evidences"]
    assert evidences.attrs["evidence"] == "log p(y_s | all others)"
    assert evidences.shape == (24, 2)
    assert evidences["slopes"].sum() == pytest.approx(people.loc["slopes", "elpd"])
    assert em.plot_compare(people) is not None


def test_a_correlation_with_itself_has_no_rhat_and_no_warning():
    values = np.random.default_rng(0).normal(size=(2, 100, 1))
    trace = SimpleNamespace(stats={"diverging": np.array([3])})
    for apart, start in ((0.0, "3 divergences"), (4.0, "an R-hat of ")):
        moved = values + np.array([0.0, apart])[:, None, None]
        correlation = np.concatenate([np.ones_like(values), moved], axis=-1)
        posterior = xr.Dataset({"correlation": (("chain", "draw", "pair"), correlation)})
        doubts = refitting._doubts(posterior, trace)
        assert doubts.startswith(start)
        assert doubts.endswith("3 divergences")
        assert "nan" not in doubts


def test_proposals_found_piece_by_piece_are_the_same(own_fit, monkeypatch):
    whole = list(integrate_people(own_fit, ["rating"], draws=20, seed=1))
    monkeypatch.setattr(marginal, "CHUNK", 1)  # a draw at a time
    for one, other in zip(
        whole, integrate_people(own_fit, ["rating"], draws=20, seed=1), strict=True
    ):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.influence, other.influence)


def test_the_time_told_is_that_of_an_undisturbed_call(monkeypatch):
    clock = iter([0.0, 9.0, 9.0, 11.0, 11.0, 12.0, 12.0, 15.0, 15.0, 20.0])
    monkeypatch.setattr(marginal.time, "perf_counter", lambda: next(clock))
    assert marginal._shortest(lambda: None) == 1.0


# -------------------------------------------------------------------------- brute-force refits


def test_what_does_not_count_may_be_impossible(own_model, own_study):
    counts = np.arange(len(own_study.trials)) > 0
    built = build(arrange(own_model, own_study), {}, counted={"rating": counts})
    logp, start = built.compile_logp(), built.initial_point(random_seed=0)
    before = logp(start)
    ratings = built["rating:observed"].get_value()
    with built:
        pm.set_data({"rating:observed": np.where(counts, ratings, -np.inf)})
    assert logp(start) == before
    with built:
        pm.set_data({"rating:counted": np.ones(len(counts))})
    assert logp(start) == -np.inf


@pytest.fixture(scope="module")
def fits(pain_fit, flat_fit):
    return {"slopes": pain_fit, "flat": flat_fit}


@pytest.fixture(scope="module")
def few(study):
    """Twelve people of the bundled study."""
    kept = study.participants["participant"].iloc[::3].tolist()
    tables = {
        name: table[table["participant"].isin(kept)].reset_index(drop=True)
        for name, table in study.tables.items()
    }
    return em.Study(**tables, simulated=True)


@pytest.fixture(scope="module")
def learners(model, few):
    felt = model.without("insula", "empathy_before", "empathy_after")
    return em.fit_rivals(felt, few, "no_learning", centring=0.5, **SETTINGS)


@pytest.mark.slow  # 24 refits; closed forms above hold the same in seconds
def test_learning_models_agree_with_refits_of_everybody(learners):
    quick = em.compare(learners, unit="participant", draws=1000)
    brute = em.compare(learners, unit="participant", draws=1000, folds=12)
    for name in learners:
        one, other = quick.attrs["units"][name], brute.attrs["units"][name]
        assert other["exact"].all()
        good = one["pareto_k"] < quick.attrs["elpd"][name].good_k
        assert good.sum() >= 6  # twelve people are few: what refits are for
        away = (one["elpd"] - other["elpd"])[good] / np.hypot(one["error"], other["error"])[good]
        assert abs(away).max() < 4
    assert brute.index.tolist() == quick.index.tolist()


def test_people_that_weights_fail_for_are_named(fits, monkeypatch):
    monkeypatch.setattr(scores_module, "WORST", 0.0)
    table = em.compare(fits, unit="participant", draws=100)
    words = "importance sampling fails .* for people '(slopes|flat)': 'P01', 'P02', "
    assert re.search(words, table.attrs["reading"])
    assert "refit=True" in table.attrs["reading"]
    assert not any(found["exact"].any() for found in table.attrs["units"].values())


def test_evidences_that_weights_fail_for_are_told(fits, capsys, monkeypatch):
    quick = em.compare(fits, unit="participant", draws=100)
    errors = np.concatenate([score["error"] for score in quick.attrs["units"].values()])
    monkeypatch.setattr(scores_module, "WORST", np.median(errors))  # too much for half of them
    capsys.readouterr()
    table = em.compare(fits, unit="participant", draws=100)
    participant_evidences(fits, draws=100)
    told = capsys.readouterr().err
    for name, score in table.attrs["units"].items():
        k, good = score["pareto_k"], table.attrs["elpd"][name].good_k
        failing = score.index[(k > good) | (score["error"] > scores_module.WORST)].tolist()
        assert (f"those of '{name}' fail for" in told) == bool(failing)
        assert all(f"'{person}'" in told for person in failing)
    assert (table["pareto_k_bad"] > 0).any()  # otherwise nothing was tested


def test_few_of_them_are_left_out_one_by_one_if_asked(fits, monkeypatch):
    monkeypatch.setattr(units, "troubled", lambda score: ["P07"])
    quick = em.compare(fits, unit="participant", draws=100)
    table = em.compare(fits, unit="participant", draws=100, refit=True)
    for name, found in table.attrs["units"].items():
        assert found.index[found["exact"]].tolist() == ["P07"]
        others = found.index != "P07"
        before = quick.attrs["units"][name]
        np.testing.assert_array_equal(found["elpd"][others], before["elpd"][others])
        away = found.loc["P07", "elpd"] - before.loc["P07", "elpd"]
        assert 0 < abs(away) < 3
        assert table.loc[name, "elpd"] == pytest.approx(found["elpd"].sum())
        assert table.attrs["elpd"][name].se == pytest.approx(
            np.sqrt(24 * found["elpd"].var(ddof=0))
        )


@pytest.mark.dear("two models are fitted without each of three groups")
def test_many_of_them_send_all_into_groups(fits, monkeypatch):
    monkeypatch.setattr(scores_module, "WORST", 0.0)
    monkeypatch.setattr(units, "FOLDS", 3)
    doubts, again = "R-hat of 1.30 and 4 divergences", units.fit_again
    monkeypatch.setattr(units, "fit_again", lambda *of: again(*of).assign_attrs(doubts=doubts))
    table = em.compare(fits, unit="participant", draws=100, refit=True)
    assert all(found["exact"].all() for found in table.attrs["units"].values())
    assert table.attrs["elpd"]["flat"].n_folds == 3
    assert not table["converged"].any()
    assert f"refit without group 1 of 3: {doubts}" in table.attrs["not_converged"]["flat"]
    assert f"refit without group 3 of 3: {doubts}" in table.attrs["reading"]
    assert (table["pareto_k_bad"] == 0).all()


def test_repeated_fits_that_do_not_converge_are_told(own_model, own_study, pain_fit, capsys):
    short = em.fit(own_model, own_study, centring=0.8, chains=2, draws=10, tune=10, seed=1)
    everything = {"rating": np.ones(len(own_study.trials), dtype=bool)}
    doubtful = refit(short, everything)
    assert re.match(r"an R-hat of \d+\.\d\d", doubtful.attrs["doubts"])
    assert re.search(r"should agree .* found an R-hat of \d+\.\d\d", capsys.readouterr().err)
    assert refit(pain_fit, everything).attrs["doubts"] == ""
    assert "should agree" not in capsys.readouterr().err


@pytest.mark.parametrize("folds", [1, 25])
def test_impossible_numbers_of_folds(fits, folds):
    told = f"(at least 2|between 2 and the number of people, 24); found {folds}"
    with pytest.raises(ValueError, match=told):
        em.compare(fits, unit="participant", folds=folds)


# ------------------------------------------------------------------------------- later blocks


@pytest.fixture(scope="module")
def in_blocks(own_study):
    """Ratings whose block names do not sort in time; P24 has the first block only."""
    late = own_study.trials["trial"] > 10
    block = np.where(late, "after", "before")
    return em.Study(
        trials=own_study.trials.assign(block=block),
        participants=own_study.participants,
        simulated=True,
    )


@pytest.mark.parametrize("names", [(1, 2), (9, 10), ("after", "before"), ("2nd", "1st")])
@pytest.mark.parametrize("seed", [None, 3])
def test_blocks_are_in_order_of_time_whatever_the_order_of_rows(names, seed, own_model, own_study):
    """By their numbers, or by those of the trials that run on over them."""
    trials = own_study.trials
    early, late = names if isinstance(names[0], int) else names[::-1]
    trials = trials.assign(block=np.where(trials["trial"] > 10, late, early))
    trials = trials[::-1] if seed is None else trials.sample(frac=1, random_state=seed)
    other = em.Study(trials=trials, participants=own_study.participants, simulated=True)
    arrangement = arrange(own_model, other)
    found = _blocks(arrangement, ["rating"])["rating"]
    frame = arrangement.scored["rating"].frame
    assert found.tolist() == (frame["trial"] > 10).astype(int).tolist()


def test_later_blocks_agree_with_a_fit_to_the_first(own_model, flat, in_blocks):
    models = {"slopes": own_model, "flat": flat}
    fits = {n: em.fit(m, in_blocks, centring=0.5, **SETTINGS) for n, m in models.items()}
    table = em.compare(fits, unit="future", refit=True)
    assert table.index[0] == "slopes"
    assert table.attrs["reading"].startswith("'slopes' predicts later blocks better than 'flat'")
    scores = table.attrs["units"]["slopes"]
    assert scores.index.tolist() == [(f"P{k:02}", 2) for k in range(1, 24)]
    assert ((scores["error"] > 0) & (scores["error"] < 0.35)).all()
    assert table.loc["slopes", "monte_carlo_error"] > 0
    title = em.plot_compare(table).axes[0].get_title(loc="left")
    assert title == "prediction, one later block at a time"
    away = []
    first = in_blocks.trials[in_blocks.trials["block"] == "before"].reset_index(drop=True)
    before = replace(in_blocks, trials=first)
    others = {**SETTINGS, "seed": 2}  # the same seed would give the same draws
    alone = em.fit(own_model, before, centring=0.5, **others)["posterior"].to_dataset()
    own = alone[["baseline", "slope", "noise"]].stack(sample=("chain", "draw"))
    for person, rows in in_blocks.trials.query("block == 'after'").groupby("participant"):
        of = own.sel(participant=person)
        intensity = rows["intensity"].to_numpy()
        mean = of["baseline"].to_numpy()[:, None] + of["slope"].to_numpy()[:, None] * intensity
        noise = own["noise"].to_numpy()[:, None]
        joint = norm.logpdf(rows["rating"].to_numpy(), mean, noise).sum(axis=1)
        expected = logsumexp(joint) - np.log(len(joint))
        assert scores.loc[(person, 2), "elpd"] == pytest.approx(expected, abs=0.35)
        away.append((scores.loc[(person, 2), "elpd"] - expected) / scores.loc[(person, 2), "error"])
    assert 0.5 < np.std(away) < 2.2  # both fits err alike: about the square root of 2


def test_later_blocks_need_blocks_and_refits(own_model, flat, pain_fit, flat_fit, in_blocks):
    with pytest.raises(ValueError, match="every person has a single one"):
        em.compare({"a": pain_fit, "b": flat_fit}, unit="future", refit=True)
    quick = [em.fit(m, in_blocks, method="laplace", seed=1) for m in (own_model, flat)]
    with pytest.raises(ValueError, match="1 fit for each of 2 models; found refit=False"):
        em.compare(dict(zip("ab", quick, strict=True)), unit="future")
    with pytest.raises(ValueError, match="Fits are repeated as they were sampled"):
        em.compare(dict(zip("ab", quick, strict=True)), unit="future", refit=True)
    with pytest.raises(ValueError, match="Refits leave out people or later blocks"):
        em.compare({"a": pain_fit, "b": flat_fit}, refit=True)
    for first in (1, 3):
        told = f"between 2 and the number of blocks, 2, .*found {first}"
        with pytest.raises(ValueError, match=told):
            both = dict(zip("ab", quick, strict=True))
            em.compare(both, unit="future", refit=True, from_block=first)
    with pytest.raises(ValueError, match="from_block=2 with unit='participant'"):
        em.compare({"a": pain_fit, "b": flat_fit}, unit="participant", from_block=2)


def test_blocks_are_predicted_from_the_first_that_is_asked_for(own_model, own_study, monkeypatch):
    """With no refit for any block before it, and the same scores of those after."""
    trials = own_study.trials.assign(block=1 + (own_study.trials["trial"] - 1) // 5)
    blocks = replace(own_study, trials=trials)
    fits = {n: em.fit(own_model, blocks, method="laplace", seed=s) for n, s in (("a", 1), ("b", 2))}
    kept = []

    def fit_again(fit, counted):
        kept.append(int(counted["rating"].sum()))
        return fit["posterior"].to_dataset().assign_attrs(doubts="")

    monkeypatch.setattr(by_block, "fit_again", fit_again)
    found = {}
    for first in (None, 4):
        kept.clear()
        table = em.compare(fits, unit="future", refit=True, from_block=first)
        found[first] = table.attrs["units"]["a (laplace, approximate)"]["elpd"]
        before = [int((trials["block"] < k).sum()) for k in range(first or 2, 5)]
        assert len(kept) == 2 * len(before)
        assert kept == sorted(kept[: len(before)]) * 2
    late = found[None][found[None].index.get_level_values("block") == 4]
    assert 0 < len(late) < len(found[None])
    np.testing.assert_allclose(found[4], late)
    assert found[4].index.equals(late.index)


# ------------------------------------------------------------------ evidence of single people


def test_evidence_under_a_fixed_prior_has_a_closed_form(own_model, own_study):
    model = own_model.fix(noise=1.0)
    found = under_prior(model, own_study, seed=2)
    prior = [new_person_prior(model.parameter(name)) for name in ("baseline", "slope")]
    mean, sd = 10 * np.array(prior).T
    for person, rows in own_study.trials.groupby("participant"):
        design = np.stack([np.ones(len(rows)), rows["intensity"]], axis=1)
        covariance = design @ np.diag(sd**2) @ design.T + np.eye(len(rows))
        expected = multivariate_normal.logpdf(rows["rating"], design @ mean, covariance)
        assert found.loc[person, "error"] < 0.05
        away = found.loc[person, "log_evidence"] - expected
        assert abs(away) < 5 * found.loc[person, "error"]


def test_evidences_of_fits_say_what_they_are(pain_fit, flat_fit):
    fits = {"slopes": pain_fit, "flat": flat_fit}
    given = participant_evidences(fits, evidence="fixed_prior")
    others = participant_evidences(fits, draws=200)
    assert given.attrs["evidence"] == "log p(y_s) under the model's prior of a new person"
    assert others.attrs["evidence"] == "log p(y_s | all others)"
    assert (others.sum() > given.sum() + 10).all()  # others tell much about somebody new
    with pytest.raises(ValueError, match="evidence must be one of 'left_out', 'fixed_prior'"):
        participant_evidences(fits, evidence="bic")


def test_selection_by_fits_is_by_evidences_of_people_left_out(pain_fit, flat_fit):
    selected = em.select({"slopes": pain_fit, "flat": flat_fit})
    assert selected.attrs["evidence"] == "log p(y_s | all others)"
    assert selected["exceedance"].idxmax() == "slopes"
