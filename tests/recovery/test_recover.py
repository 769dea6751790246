"""Recovery and calibration: simulated as `simulate` does, fitted as `fit` does, counted right."""

import json
from dataclasses import replace

import arviz as az
import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.inference.fits import in_steps_of
from empathymodels.inference.sample import sample
from empathymodels.inference.starts import starts_around
from empathymodels.layout.arrange import arrange
from empathymodels.plots.style import GREY
from empathymodels.population.covariates import covariates_for
from empathymodels.recovery import simulated_fits
from empathymodels.recovery.calibrate import _uniformity, _verdict
from empathymodels.recovery.coverage import (
    PROBS,
    _kinds,
    is_informative,
    pooled_coverage,
    pooled_words,
    smallest_chance,
    uninformative_words,
)
from empathymodels.recovery.packed_model import PackedModel, packed, unpacked
from empathymodels.recovery.recover import _inside
from empathymodels.recovery.refitter import refitter
from empathymodels.recovery.simulated_fits import _given
from empathymodels.results.quantities import prior_variances, quantities
from empathymodels.simulation.made_up import made_up_study
from empathymodels.simulation.placeholders import filled_study
from folders import OWN_MODELS

FEW = {"draws": 50, "tune": 100, "seed": 3}


@pytest.fixture(scope="module")
def trials():
    rng = np.random.default_rng(1)
    names = [f"P{k}" for k in range(6)]
    keys = {"participant": np.repeat(names, 8), "trial": np.tile(np.arange(8), 6)}
    return pd.DataFrame({**keys, "intensity": rng.uniform(-1, 1, 48)})


@pytest.fixture(scope="module")
def design(trials):
    people = pd.DataFrame({"participant": trials["participant"].unique()})
    people["age"] = [20.0, 25, 31, 44, 52, 60]
    return em.Study(trials=trials, participants=people)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recovery")


@pytest.fixture(scope="module")
def table(own_model, design, folder):
    return em.recover(own_model, design, n=4, folder=folder, workers=1, **FEW)


@pytest.mark.parametrize("which", ["rated_pain", "followed_choice"])
def test_a_replicate_is_a_fit_of_the_simulated_study(which, design):
    if which == "rated_pain":
        model, study = em.get_model(OWN_MODELS / "rated_pain.py"), design
    else:
        model = em.get_model(OWN_MODELS / "followed_choice.py")
        study = made_up_study(model, people=4, trials=10, seed=1)
    refit = refitter(model, study)
    how = {"draws": 20, "tune": 40, "chains": 2, "target_accept": 0.9, "cores": 1}
    for seed in (1, 2):  # the second is not sampled as suited the first
        truth = refit.people(refit.population(seed), 2)
        drawn = refit.simulate(truth, 3)
        posterior, _ = refit.fit(drawn, seed=4, **how)
        simulated = filled_study(refit.arrangement.study, refit.arrangement, drawn)
        fit = em.fit(model, simulated, seed=4, progress=False, **how)
        for name in posterior:
            assert np.array_equal(posterior[name], fit["posterior"][name]), name


def test_shares_that_suit_one_data_set_leave_the_chains_of_another_stuck(own_model, design):
    """With little noise people are known and values are sampled, with much noise deviations."""
    refit = refitter(own_model, design)
    how = {"seed": 1, "cores": 1}
    pilots = {}
    for noise in (4.0, 0.002):
        slope = pd.Series([0.5, 1.5, 1.0, 2.0, -0.5, 0.8], refit.arrangement.participants)
        truth = refit.given({"baseline": 3.0 + slope, "slope": slope, "noise": noise})
        pilots[noise] = refit.pilot(refit.simulate(truth, 3), **how)
    much, little = pilots.values()
    assert max(much.centring["slope"]) < 0.5 < 0.99 < min(little.centring["slope"])

    def worst(density, starts):
        how_long = {"draws": 200, "tune": 300, "chains": 2}
        trace = sample(density.compiled, starts=starts, **how, **how_long)
        found = quantities(density.labelled(trace.draws), refit.arrangement)
        return np.max(az.rhat(found.natural, chain_axis=0, draw_axis=1))

    frozen = little.density.reparametrised(much.density.parametrisation)
    assert worst(little.density, little.starts) < 1.05
    assert worst(frozen, starts_around(frozen, seed=1)) > 1.05


def test_truths_are_those_that_simulate_takes(own_model, design):
    refit = refitter(own_model, design)
    _, truth = em.simulate(own_model, design, seed=7)
    given = refit.given(truth)
    drawn = refit.simulate(given, 7)
    again, _ = em.simulate(own_model, design, truth, seed=7)
    ratings = again.trials["rating"].to_numpy()[refit.arrangement.scored["rating"].rows]
    assert np.array_equal(drawn["rating"], ratings)


def test_population_values_have_the_variance_that_contraction_is_told_from(own_model, design):
    refit = refitter(own_model, design, covariates={"baseline": "age"})
    found = [
        quantities(refit.people(refit.population(k), k), refit.arrangement) for k in range(1000)
    ]
    drawn = np.concatenate([one.linked[0] for one in found])
    told = prior_variances(
        refit.arrangement, covariates_for(refit.arrangement, {"baseline": "age"})
    )
    for label in dict.fromkeys(found[0].labels):
        mine = drawn[:, [k for k, name in enumerate(found[0].labels) if name == label]]
        # of people the covariates differ: their variance is that over people and replicates
        assert mine.var() == pytest.approx(told[label.split("[")[0]], rel=0.15), label


def test_correlations_have_the_prior_variance_that_is_told(model, study):
    refit = refitter(model, study)
    variances = prior_variances(refit.arrangement, covariates_for(refit.arrangement, None))
    drawn = np.stack(
        [quantities(refit.population(k), refit.arrangement).natural[0, 0] for k in range(1500)]
    )
    labels = quantities(refit.population(0), refit.arrangement).labels
    mine = [k for k, label in enumerate(labels) if label.startswith("correlation")]
    assert len(mine) > 1
    assert drawn[:, mine].var() == pytest.approx(variances["correlation"], rel=0.1)


# ------------------------------------------------------------------------------- the table


def test_the_table_counts_the_replicates(table, own_model):
    found = table.attrs["replicates"]
    assert dict(found.sizes) == {"replicate": 4, "quantity": 6 * 2 + 5}
    assert table["parameter"].is_unique
    row = table.set_index("parameter").loc["slope"]
    mine = found.isel(quantity=found["label"] == "slope")
    error = (mine["mean"] - mine["true"]).to_numpy()
    assert row["values"] == error.size == 24
    assert row["bias"] == pytest.approx(error.mean())
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))
    r = [np.corrcoef(mine["mean"][k], mine["true"][k])[0, 1] for k in range(4)]
    assert row["correlation"] == pytest.approx(np.mean(r))
    inside = (mine["q05"] < mine["true"]) & (mine["true"] < mine["q95"])
    assert row["coverage_90"] == pytest.approx(float(inside.mean()))
    assert row["coverage_90_se"] == pytest.approx(inside.mean("quantity").std(ddof=1) / 2)
    noise = table.set_index("parameter").loc["noise"]
    of_noise = found.isel(quantity=found["label"] == "noise")
    assert noise["contraction"] == pytest.approx(1 - of_noise["variance"].mean() / 0.5**2)
    assert noise["correlation"] == pytest.approx(
        np.corrcoef(of_noise["mean"].squeeze(), of_noise["true"].squeeze())[0, 1]
    )
    assert table["divergences"].iloc[0] == np.mean(found["divergences"].to_numpy() > 0)
    assert row["mixed"] == np.mean(mine["rhat"].to_numpy() <= 1.05)
    assert "4 replicates; 0 failed" in table.attrs["reading"]
    assert set(table["whose"]) == {"people", "population"}


def test_coverage_is_pooled_over_all_numbers_of_a_kind(table):
    found, told = table.attrs["replicates"], table.attrs["pooled"]
    found = found.assign(rhat=xr.ones_like(found["rhat"]))  # so few draws seldom mix
    pooled = pooled_coverage(found, _inside(found)).set_index("kind")
    assert (told["values"] + told["left_out"]).tolist() == pooled["values"].tolist()
    assert pooled["values"].to_dict() == {
        "means": 8,
        "spreads": 8,
        "values of people": 48,
        "shared values": 4,
    }
    means = found.isel(quantity=[str(one).endswith("_mean") for one in found["label"].to_numpy()])
    inside = ((means["q05"] <= means["true"]) & (means["true"] <= means["q95"])).mean("quantity")
    assert pooled.loc["means", "coverage_90"] == pytest.approx(float(inside.mean()))
    assert pooled.loc["means", "coverage_90_se"] == pytest.approx(float(inside.std(ddof=1)) / 2)
    words = pooled_words(pooled.reset_index())
    assert words.startswith("90 % intervals hold") and "of all means (standard error" in words
    assert pooled_words(told) in table.attrs["reading"]


def test_kinds_of_numbers_are_told_from_their_names():
    names = ["slope_mean", "slope", "correlation[a, b]", "mood_mean", "picture_correlation[c, d]"]
    names += ["slope_sd[out]", "slope_effect[age]"]
    whose = ["population", "P1", *5 * ["population"]]
    assert _kinds(names, whose) == [
        "means",
        "values of people",
        "correlations",
        "shared values",  # a parameter of that name, which all share
        "correlations",
        "spreads",
        "effects",
    ]


def test_small_departures_common_to_many_parameters_show_in_the_pool():
    """Of ten means each lies in its interval in 87 of 100 replicates, which no single one shows."""
    rng = np.random.default_rng(1)
    dims = ("replicate", "quantity")
    labels = [name for k in range(10) for name in (f"p{k}_mean", f"p{k}")]
    whose = [name for k in range(10) for name in ("population", "P1")]
    coords = {"label": ("quantity", labels), "whose": ("quantity", whose)}
    found = xr.Dataset({"rhat": (dims, np.ones((100, 20)))}, coords)

    def chance(share):
        hits = xr.DataArray(rng.uniform(size=(100, 20)) < share, dims=dims)
        half = xr.DataArray(rng.uniform(size=(100, 20)) < 0.5, dims=dims)
        inside = {"coverage_50": half, "coverage_90": hits}
        return smallest_chance(pooled_coverage(found, inside), 100)

    assert chance(0.9) > 0.05
    assert chance(0.86) < 0.01
    everything = {name: xr.DataArray(np.ones((3, 20)), dims=dims) for name in PROBS}
    assert smallest_chance(pooled_coverage(found.isel(replicate=slice(3)), everything), 3) > 0.01


def test_pooled_coverage_leaves_out_what_chains_did_not_mix_about():
    """Of the first mean 3 of 20 replicates did not mix, of the second 1; spreads never did."""
    dims = ("replicate", "quantity")
    coords = {"label": ("quantity", ["a_mean", "b_mean", "a_sd", "a", "a", "b"])}
    coords["whose"] = ("quantity", ["population", "population", "population", "P1", "P2", "P1"])
    rhat = np.ones((20, 6))
    rhat[:3, 0], rhat[4, 1], rhat[:, 2], rhat[9, 3] = 1.2, 1.06, 1.5, 1.06
    found = xr.Dataset({"rhat": (dims, rhat)}, coords)
    hit = np.ones((20, 6))
    hit[:, 0], hit[4, 1], hit[5, 1], hit[:, 2] = 0, 0, 0, 0  # where chains did not mix, and once
    inside = dict.fromkeys(PROBS, xr.DataArray(hit, dims=dims))
    pooled = pooled_coverage(found, inside).set_index("kind")
    assert pooled["left_out"].to_dict() == {"means": 21, "spreads": 20, "values of people": 1}
    assert pooled["values"].to_dict() == {"means": 19, "spreads": 0, "values of people": 59}
    assert pooled.loc["means", "coverage_90"] == pytest.approx(18 / 19)
    assert np.isnan(pooled.loc["spreads", "coverage_90"])
    assert pooled.loc["values of people", "coverage_90"] == 1
    told = pooled_words(pooled.reset_index())
    assert told.startswith("90 % intervals hold 0.947 of all means (standard error 0.053); pooled")
    assert told.endswith("coverage leaves out 42 of 120 values, not informative")
    assert 0 < smallest_chance(pooled.reset_index(), 20) <= 1
    assert smallest_chance(pooled.loc[["spreads"]].reset_index(), 20) == 1


def calibrated(**changes):
    """A calibration of three parameters."""
    table = pd.DataFrame(
        {
            "parameter": ["a", "b", "c"],
            "ranks": 100,
            "p_uniform": [0.5, 0.001, 0.3],
            "mixed": [1.0, 0.95, 0.92],
        }
    )
    return table.assign(**changes)


def test_parameters_whose_chains_did_not_mix_are_not_judged():
    pooled = pd.DataFrame({"kind": ["means", "spreads"], "values": 1000, "left_out": 0})
    pooled = pooled.assign(coverage_50=0.5, coverage_50_se=0.01, coverage_90_se=0.01)
    right, wrong = pooled.assign(coverage_90=0.9), pooled.assign(coverage_90=[0.85, 0.9])
    assert _verdict(calibrated(), right).startswith("not uniform: smallest p value 0.001 ('b')")
    assert uninformative_words(calibrated()) == ""
    stuck = calibrated(mixed=[1.0, 0.85, 0.92])
    assert _verdict(stuck, right).startswith("no departure from uniform ranks found: smallest p va")
    assert "after correction for 2 parameters" in _verdict(stuck, right)
    assert (
        "not informative about 'b': of the values, chains of more than 10 % did"
        in uninformative_words(stuck)
    )
    verdict = _verdict(stuck, wrong)
    assert "90 % intervals hold 0.850 of all means (standard error 0.010) and 0.900 of" in verdict
    assert "pooled coverage is not what intervals promise" in verdict
    nothing = calibrated(mixed=0.2)
    assert "uniform" not in _verdict(nothing, right)
    assert "not informative about anything" in uninformative_words(nothing)


def test_every_replicate_has_its_own_truth(table):
    found = table.attrs["replicates"]
    true = found["true"].to_numpy()
    assert len(np.unique(true, axis=0)) == 4
    assert ((found["rank"] > 0) & (found["rank"] < 1)).all()


def test_workers_and_extension_change_nothing(table, own_model, trials, design):
    two = em.recover(own_model, design, n=6, workers=2, **FEW)
    more = two.attrs["replicates"].isel(replicate=slice(4))
    for name in ("true", "mean", "sd", "rank", "rhat"):
        assert np.array_equal(more[name], table.attrs["replicates"][name]), name


def test_a_table_of_trials_is_a_design(own_model, trials):
    table = em.recover(own_model, trials, n=2, workers=1, **FEW)
    assert len(table) == 7


def test_a_model_made_on_the_spot_travels(own_model, design):
    priors = own_model.with_priors(noise=em.Prior("Normal", mu=-1.5, sigma=0.2))
    assert isinstance(packed(priors), PackedModel)
    assert unpacked(packed(priors)).variant == priors.variant
    bare = replace(own_model, statistics=(), responses=own_model.responses, correlate=("slope",))
    assert packed(bare) is bare
    assert packed(replace(own_model, source="")).name == own_model.name
    installed = em.get_model("prosocial_effort").rival("linear")
    assert packed(installed).text == ""
    assert unpacked(packed(installed)).label == installed.label


def test_given_truths_are_the_same_in_all_replicates(own_model, design):
    truth = {"baseline": 4.0, "slope": pd.Series(range(6), [f"P{k}" for k in range(6)]), "noise": 1}
    table = em.recover(own_model, design, n=2, truth=truth, workers=1, **FEW)
    found = table.attrs["replicates"]
    assert set(table["parameter"]) == {"baseline", "slope", "noise"}
    assert np.array_equal(found["true"][0], found["true"][1])
    assert not np.array_equal(found["mean"][0], found["mean"][1])
    assert np.isnan(table.set_index("parameter").loc["noise", "correlation"])


def test_populations_of_a_fit_are_truths(own_model, design, own_fit, own_study):
    covariates = {"baseline": "group + age"}
    table = em.recover(
        own_model, own_study, n=3, truth=own_fit, covariates=covariates, workers=1, **FEW
    )
    found = table.attrs["replicates"]
    mine = found.isel(quantity=found["label"] == "slope_mean")["true"].to_numpy().ravel()
    assert np.isin(mine, own_fit["posterior"]["slope_mean"].to_numpy()).all()
    assert len(set(mine)) == 3
    assert {"baseline_effect[age]"} <= set(table["parameter"])
    with pytest.raises(ValueError, match="same model"):
        em.recover(own_model.rival("no_slope"), own_study, n=1, truth=own_fit)


def test_steps_that_a_fit_read_are_no_other_model(model, study):
    """The flagship's ratings: a fit is of the steps that were found in its data."""
    resolved = arrange(model, study).model
    assert fingerprint(resolved) != fingerprint(model)
    fit = xr.DataTree()
    fit.attrs = {"variant": json.dumps(resolved.variant), "label": resolved.label}
    fit.attrs["fingerprint"] = fingerprint(resolved)
    assert fingerprint(in_steps_of(fit, model)) == fit.attrs["fingerprint"]
    declared = model.with_resolution(feeling=2.0)
    assert in_steps_of(fit, declared).response("feeling").resolution == 2.0
    with pytest.raises(ValueError, match="same model"):
        _given(fit, declared)


def test_impossible_designs_are_refused_before_anything_is_done(own_model, trials, tmp_path):
    with pytest.raises(ValueError, match="intensity"):
        em.recover(own_model, trials.drop(columns="intensity"), n=1, folder=tmp_path)
    with pytest.raises(TypeError, match="design must be a Study or a table"):
        em.recover(own_model, "trials.csv", n=1)
    with pytest.raises(TypeError, match="Truths must be"):
        em.recover(own_model, trials, n=1, truth=3)
    with pytest.raises(KeyError, match="Missing: 'slope', 'noise'"):
        em.recover(own_model, trials, n=1, truth={"baseline": 4.0})
    assert not list(tmp_path.iterdir())


def test_a_replicate_that_cannot_be_fitted_is_kept(own_model, design, folder, monkeypatch, capsys):
    really = simulated_fits._drawn

    def drawn(refit, plan, seeds):
        if seeds.spawn_key == (1,):
            raise FloatingPointError("overflow")
        return really(refit, plan, seeds)

    monkeypatch.setattr(simulated_fits, "_drawn", drawn)
    table = em.recover(own_model, design, n=3, workers=1, **{**FEW, "seed": 9})
    assert table.attrs["failed"] == {1: "FloatingPointError: overflow"}
    assert list(table.attrs["replicates"]["replicate"].to_numpy()) == [0, 2]
    assert "1 failed" in table.attrs["reading"]
    assert "1 of 3 replicates failed" in capsys.readouterr().err


def harmed(result, harm):
    columns = result["quantities"]
    match harm:
        case "nothing":
            result.clear()
            result["quantities"] = {}
        case "a column is missing":
            del columns["q95"]
        case "a column is short":
            columns["mean"].pop()
        case "words for numbers":
            columns["rhat"] = ["fine"] * len(columns["rhat"])
        case "other quantities":
            columns["label"] = [f"{label}_" for label in columns["label"]]
        case "labels are numbers":
            columns["whose"] = list(range(len(columns["whose"])))
        case "no divergences":
            result["divergences"] = None
        case "fewer divergences than none":
            result["divergences"] = -2
        case "endless values":
            columns["mean"][-1] = float("inf")


def test_forged_labels_are_told_whatever_most_have(table, folder):
    file = min(folder.glob("*.json"))
    result = json.loads(file.read_text())["content"]["result"]
    variables = {label.split("[")[0] for label in result["quantities"]["label"]}
    assert simulated_fits._misshapen({0: result}, variables) == set()
    result["quantities"]["label"][0] = "no_such_parameter[x]"
    assert simulated_fits._misshapen({0: result}, variables) == {0}


@pytest.mark.parametrize(
    "harm",
    [
        "nothing",
        "a column is missing",
        "a column is short",
        "words for numbers",
        "other quantities",
        "labels are numbers",
        "no divergences",
        "fewer divergences than none",
        "endless values",
    ],
)
def test_results_of_another_shape_are_told_and_made_again(table, folder, harm):
    files = sorted(folder.glob("*.json"))[:4]
    results = {k: json.loads(file.read_text())["content"]["result"] for k, file in enumerate(files)}
    variables = {label.split("[")[0] for label in results[0]["quantities"]["label"]}
    assert simulated_fits._misshapen(results, variables) == set()
    harmed(results[1], harm)
    assert simulated_fits._misshapen(results, variables) == {1}


@pytest.mark.slow
def test_chains_of_the_flagship_mix_in_every_replicate(model, study):
    """With shares that suit one data set chains of others stay apart: R-hats above 1.1, of many."""
    table = em.recover(model, study, n=7, seed=100)
    print(table.to_string(), table.attrs["reading"])
    assert float(table.attrs["replicates"]["rhat"].max()) < 1.1
    people = table[table["whose"] == "people"]
    assert (people["mixed"] > 0.98).all()


# ----------------------------------------------------------------------------- calibration


def test_calibration_reads_the_replicates_of_recovery(table, own_model, design, folder):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    found = em.calibrate(own_model, design, n=4, folder=folder, workers=1, **FEW)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    replicates = table.attrs["replicates"]
    person = [k % 6 for k in range(4)]
    slopes = replicates.isel(quantity=replicates["label"] == "slope")["rank"].to_numpy()
    mine = found.attrs["ranks"]["slope"].to_numpy()
    assert np.array_equal(mine, slopes[np.arange(4), person])
    assert found["parameter"].tolist() == table["parameter"].tolist()
    number = int(is_informative(found).sum())
    corrected = f"after correction for {number} parameters" in found.attrs["reading"]
    assert corrected == (number > 0)
    assert ("not informative" in found.attrs["reading"]) == (number < 7)
    gross = "fewer than 20 replicates show gross faults only" in found.attrs["reading"]
    assert gross == (number > 0)


@pytest.mark.parametrize(("shape", "uniform"), [(1.0, True), (0.6, False), (1.7, False)])
def test_ranks_that_are_not_uniform_are_found(shape, uniform):
    ranks = np.random.default_rng(2).beta(shape, shape, 300)
    row = _uniformity(xr.DataArray(ranks, dims="replicate"))
    assert (row["p_uniform"] > 0.01) == uniform
    assert row["mean_rank"] == pytest.approx(0.5, abs=0.06)
    assert (row["coverage_50"] > 0.42) == (shape >= 1)


@pytest.mark.slow
def test_a_small_model_is_calibrated(own_model, design):
    table = em.calibrate(own_model, design, n=200, draws=1000, tune=800, target_accept=0.95)
    print(table.to_string(), table.attrs["reading"])
    assert "no departure" in table.attrs["reading"]


# --------------------------------------------------------------------------------- figures


def test_figures_show_every_parameter(table, own_model, design, folder):
    figure = em.plot_recovery(table)
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert [title.split("\n")[0] for title in titles] == [
        "baseline",
        "slope",
        "coverage",
        "estimated minus true",
    ]
    labels = [label.get_text() for label in figure.axes[2].get_yticklabels()]
    shown = [*table["parameter"], "all means", "all spreads"]
    assert labels == [name.replace("_", " ") for name in shown]
    apart = table.assign(mixed=[0.4, *6 * [1.0]])
    apart.attrs = table.attrs
    grey = em.plot_recovery(apart).axes[2]
    colours = [label.get_color() for label in grey.get_yticklabels()]
    assert colours[0] == GREY and set(colours[1:]) == {"black"}
    assert "not informative" in grey.get_xlabel()
    calibration = em.calibrate(own_model, design, n=4, folder=folder, workers=1, **FEW)
    assert len(em.plot_calibration(calibration).axes) == 7
    stuck = calibration.assign(mixed=[0.4, *6 * [1.0]])
    stuck.attrs = calibration.attrs
    titles = [panel.get_title(loc="left") for panel in em.plot_calibration(stuck).axes]
    assert ["not informative" in title for title in titles] == [True] + 6 * [False]
    assert len(em.plot_calibration(calibration, parameters=["noise"]).axes) == 1
    with pytest.raises(KeyError, match="Did you mean 'noise'"):
        em.plot_calibration(calibration, parameters=["noize"])
    assert not plt.get_fignums()


def test_one_fit_needs_its_truth(own_fit):
    with pytest.raises(TypeError, match="against its true values"):
        em.plot_recovery(own_fit)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the cluster's own, not ours
def test_a_cluster_recovers_the_same(table, own_model, design, tmp_path):
    distributed = pytest.importorskip("distributed")
    how = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        distributed.LocalCluster(**how) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        there = em.recover(own_model, design, n=4, folder=tmp_path, **FEW)
    for name in ("true", "mean", "sd", "rank", "rhat"):
        found = there.attrs["replicates"][name]
        assert np.array_equal(found, table.attrs["replicates"][name]), name
