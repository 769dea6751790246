"""A fit per region: one dataset, planted effects and reliabilities, pooling, resuming, errors."""

import contextlib
import importlib.util
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

import empathymodels as em
from empathymodels import cli
from empathymodels.inference.provenance import fit_tree
from empathymodels.layout.arrange import arrange
from empathymodels.neuro import fit_regions as fitting
from empathymodels.neuro.pooling import (
    false_sign_rates,
    pooled,
    shrunken_correlation,
    shrunken_sizes,
)
from empathymodels.neuro.regions_dataset import as_dataset, region_result
from empathymodels.population.covariates import covariates_for
from empathymodels.recovery.replicate_files import Replicate
from empathymodels.simulation.prior_people import prior_people
from folders import ROOT

PEOPLE, BLOCKS, SPREAD = 60, 4, 0.7
EFFECTS = {"stable": 0.8, "unstable": 0.3, "null": 0.0}
ICC = {"stable": 0.9, "unstable": 0.1, "null": 0.5}
SHORT = {"draws": 250, "tune": 350, "chains": 2, "workers": 1}


def betas(latent, parameters, data):
    mean = parameters.baseline + parameters.pain_effect * (data.pain - 0.5)
    return pm.Normal.dist(mean, em.measured(data.se, parameters.noise))


MODEL = em.Model(
    name="pain_in_a_region",
    columns=(
        em.Column("pain", "1: pain; 0: none", table="regions", range=(0, 1)),
        em.Column("se", "of the beta", table="regions", range=(1e-6, 1e6), default=0.0),
    ),
    parameters=(
        em.Parameter("baseline", "level", location=(0, 0.5), spread=0.5),
        em.Parameter("pain_effect", "pain minus none", location=(0, 0.75), spread=0.5),
        em.Parameter(
            "noise", "sd of betas", location=(-0.5, 0.5), level="population", support="positive"
        ),
    ),
    responses=(em.Response("AI", betas, "beta", table="regions", region="AI"),),
    statistics=(em.Statistic.sd("AI"),),
)
SPLIT = MODEL.split("session", "pain_effect")


@pytest.fixture(scope="module")
def study():
    """Betas of pain and none at two sessions, in regions of known effect and reliability."""
    rng, tables = np.random.default_rng(3), []
    keys = [
        (f"P{p:02}", session, block, pain)
        for p in range(PEOPLE)
        for session in (1, 2)
        for block in range(BLOCKS)
        for pain in (0, 1)
    ]
    rows = pd.DataFrame(keys, columns=["participant", "session", "block", "pain"])
    rows["condition"] = np.where(rows["pain"] == 1, "pain", "none")
    who, when = rows["participant"].str[1:].astype(int), rows["session"] - 1
    for name, effect in EFFECTS.items():
        shared, own = rng.normal(size=PEOPLE), rng.normal(size=(PEOPLE, 2))
        person = np.sqrt(ICC[name]) * shared[:, None] + np.sqrt(1 - ICC[name]) * own
        slope = effect + SPREAD * person[who, when]
        mean = rng.normal(0, 0.4, PEOPLE)[who] + slope * (rows["pain"] - 0.5)
        tables.append(rows.assign(region=name, beta=mean + rng.normal(0, 0.4, len(rows))))
    tables.append(rows.assign(region="empty", beta=np.nan))
    return em.Study(regions=pd.concat(tables, ignore_index=True), name="pain twice")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("regions") / "kept"


@pytest.fixture(scope="module")
def fitted(study, folder):
    """The result, and what was told."""
    with contextlib.redirect_stderr(io.StringIO()) as told:
        result = em.fit_regions(SPLIT, study, folder=folder, seed=1, **SHORT)
    return result, told.getvalue()


@pytest.fixture(scope="module")
def result(fitted):
    return fitted[0]


@pytest.mark.dear("makes the fits of four regions, which the others share")
def test_regions_side_by_side(result, study):
    assert result["region"].to_numpy().tolist() == [*EFFECTS, "empty"]
    assert result["pain_effect_mean"].dims == ("region", "draw", "session")
    assert result.sizes["draw"] == 500
    assert result["pain_effect"].sizes["participant"] == PEOPLE
    there = result.sel(region=list(EFFECTS))
    assert (there["rows"] == PEOPLE * BLOCKS * 4).all() and (there["missing"] == 0).all()
    assert (there["participants"] == PEOPLE).all()
    assert (there["rhat"] < 1.1).all() and (there["bulk_ess"] > 20).all()
    assert there["pain_effect_mean"].notnull().all()
    assert there["failed_checks"].to_numpy()[~there["passed"].to_numpy()].all()


def test_a_region_that_fails_is_told_by_name_and_costs_no_other(fitted):
    result, told = fitted
    lost = result.sel(region="empty")
    assert "every value of 'beta' is missing" in str(lost["error"].item())
    assert not bool(lost["passed"]) and bool(lost["pain_effect_mean"].isnull().all())
    assert "1 of 4 regions failed ('empty'), the first with ValueError" in told


def test_the_time_is_told_once_the_first_is_done(fitted):
    told = fitted[1]
    assert "Regions: 3 regions on 1 worker, about " in told
    assert told.count("regions has no column 'se'") == 1


def test_a_region_is_the_fit_of_its_rows(result, study):
    how = {"seed": int(result["seed"].sel(region="null")), "progress": False, **SHORT}
    del how["workers"]
    alone = em.fit(SPLIT.with_region(AI="null"), study, **how)
    both = result["pain_effect_mean"].sel(region="null").to_numpy()
    draws = alone["posterior"]["pain_effect_mean"].to_numpy().reshape(500, 2)
    assert both == pytest.approx(draws, rel=1e-5, abs=1e-9)
    table = em.check(alone)
    failed = table[~table["passed"].astype(bool)]["check"]
    assert all(name in str(result["failed_checks"].sel(region="null").item()) for name in failed)


def test_a_plain_file_holds_it(result, tmp_path):
    result.to_netcdf(tmp_path / "regions.nc")
    again = xr.load_dataset(tmp_path / "regions.nc")
    one, other = (em.region_effects(r, "baseline_mean") for r in (result, again))
    pd.testing.assert_frame_equal(one, other)
    assert one.attrs == other.attrs


# ------------------------------------------------------------------------------ resuming


@pytest.fixture
def done(monkeypatch, result):
    """Regions that are fitted; each gives at once what one of the fits gave."""
    names = []

    def fitted(work, seeds, cores):
        names.append(work.region)
        return {**kept, "seed": 1}

    kept = {
        "draws": {"noise": {"dims": ["draw"], "shape": [2], "labels": {}, "values": [1.0, 2.0]}},
        "people": {},
        "constants": {},
        "numbers": {
            **dict.fromkeys(("rhat", "rhat_people", "bulk_ess", "tail_ess", "divergences"), 1.0),
            **dict.fromkeys(("passed", "rows", "missing", "participants"), 1.0),
        },
        "texts": {"failed_checks": ""},
    }
    monkeypatch.setattr(fitting, "_fitted", fitted)
    monkeypatch.setattr(fitting, "_glance", lambda work: None)
    return names


def test_what_is_there_is_not_fitted_again(study, folder, result, done, capsys):
    again = em.fit_regions(SPLIT, study, folder=folder, seed=1, **SHORT)
    xr.testing.assert_identical(again, result)
    assert not done and "4 of 4 regions are there already" in capsys.readouterr().err


def test_a_few_first_and_then_all(study, tmp_path, done):
    how = {"folder": tmp_path / "few", **SHORT}
    few = em.fit_regions(SPLIT, study, regions=["null", "stable"], **how)
    assert done == ["null", "stable"] == few["region"].to_numpy().tolist()
    every = em.fit_regions(SPLIT, study, regions=list(EFFECTS), **how)
    assert done == ["null", "stable", "unstable"]
    assert every["region"].to_numpy().tolist() == list(EFFECTS)


def test_only_regions_whose_data_changed_are_fitted_again(study, tmp_path, done):
    how = {"folder": tmp_path / "kept", "regions": list(EFFECTS), **SHORT}
    em.fit_regions(SPLIT, study, **how)
    table = study.regions.copy()
    table.loc[table["region"] == "null", "beta"] += 1
    em.fit_regions(SPLIT, em.Study(regions=table), **how)
    assert done == [*EFFECTS, "null"]
    em.fit_regions(MODEL, study, **how)  # another model, in the same folder
    assert done == [*EFFECTS, "null", *EFFECTS]


# ------------------------------------------------------------------------- what is refused


def test_what_is_no_region_is_refused(study):
    with pytest.raises(ValueError, match=r"1 of 2 are not: 'stabel'.*Did you mean 'stable'"):
        em.fit_regions(MODEL, study, regions=["null", "stabel"])
    with pytest.raises(ValueError, match=r"regions must name one or more regions"):
        em.fit_regions(MODEL, study, regions=[])
    with pytest.raises(ValueError, match=r"needs a table of regions; it has 'trials'"):
        trials = pd.DataFrame({"participant": ["a"], "trial": [1]})
        em.fit_regions(em.get_model("vicarious_reward"), em.Study(trials=trials))


def test_the_response_must_be_of_regions(study):
    model = em.get_model("closeness_similarity")
    with pytest.raises(ValueError, match=r"none was named\. .* has 'MPFC', 'ACC'\. Name one"):
        em.fit_regions(model, study)
    with pytest.raises(ValueError, match=r"found 'rating', of another table"):
        em.fit_regions(em.get_model("vicarious_reward"), study, response="rating")
    with pytest.raises(KeyError, match=r"no response 'AII'"):
        em.fit_regions(MODEL, study, response="AII")


def test_a_fault_of_all_regions_is_told_before_any_is_fitted(study):
    without = em.Study(regions=study.regions.drop(columns="pain"))
    with pytest.raises(ValueError, match=r"Region 'stable': .*\n.*Column 'pain' .* must be in"):
        em.fit_regions(MODEL, without, **SHORT)


def test_what_fit_regions_did_not_return_is_refused(result):
    with pytest.raises(TypeError, match=r"What fit_regions\(\) returns must be given"):
        em.region_effects(xr.Dataset({"x": 1}), "x")
    with pytest.raises(KeyError, match=r"Did you mean 'pain_effect_mean'"):
        em.region_effects(result, "pain_efect_mean")
    with pytest.raises(KeyError, match=r"one number per 'session' \('1', '2'\): name one label"):
        em.region_effects(result, "pain_effect_mean")
    with pytest.raises(KeyError, match=r"found 'session': 3\. Name one label"):
        em.region_effects(result, "pain_effect_mean", {"session": 3})
    with pytest.raises(KeyError, match=r"one number per region; found 'session'"):
        em.region_effects(result, "baseline_mean", {"session": 1})


# --------------------------------------------------------------------- effects and pooling


def test_planted_effects_are_found(result):
    table = em.region_effects(result, "pain_effect_mean", {"session": 1})
    assert table.index.tolist() == [*EFFECTS, "empty"]
    for name, effect in EFFECTS.items():
        assert abs(table.loc[name, "mean"] - effect) < 3.5 * table.loc[name, "sd"]
    assert table.loc["empty"].drop(["passed", "failed_checks"]).isna().all()
    assert table.loc["stable", "false_sign"] < 0.01 < table.loc["null", "false_sign"]
    assert "4 regions, 1 without a fit ('empty')" in table.attrs["reading"]
    change = em.region_effects(result, "pain_effect_mean", {"session": 2}, {"session": 1})
    both = em.region_effects(result, "pain_effect_mean", {"session": 2})["mean"] - table["mean"]
    assert change["mean"].to_numpy() == pytest.approx(both.to_numpy(), nan_ok=True)


def test_regions_whose_chains_are_apart_are_not_pooled(result):
    apart = result.copy()
    apart["rhat"] = ("region", [1.0, 1.3, 1.0, np.nan])
    table = em.region_effects(apart, "baseline_mean")
    assert table["pooled_mean"].isna().tolist() == [False, True, False, True]
    assert "1 with chains apart ('unstable')" in table.attrs["reading"]


def test_errors_that_count_as_independent_since_few_people_are_in_all_regions_are_told(result):
    few = result.copy(deep=True)
    few["pain_effect"].loc[{"region": "null", "participant": result["participant"][2:]}] = np.nan
    at = {"session": 1}
    reading = em.region_effects(few, "pain_effect_mean", at).attrs["reading"]
    assert reading.endswith(
        f"; only 2 of {PEOPLE} people are in all of these regions: errors count as independent"
    )
    reading = em.region_effects(result, "pain_effect_mean", at).attrs["reading"]
    assert "independent" not in reading  # of a parameter that is itself called an effect


def test_what_has_no_gaussian_prior_is_not_pooled(result):
    table = em.region_effects(result, "noise")
    assert table["pooled_mean"].isna().all()
    assert "the prior of 'noise' is not Gaussian" in table.attrs["reading"]
    assert table.loc["stable", "mean"] == pytest.approx(0.4, abs=0.05)


def test_pooling_is_bayes_rule():
    """Against sums over a grid of mean and spread, with whole matrices."""
    rng = np.random.default_rng(0)
    estimate, error = np.array([0.6, 0.1, -0.2]), np.array([0.2, 0.3, 0.25])
    people = rng.multivariate_normal(np.zeros(3), np.eye(3) * 0.6 + 0.4, size=30)
    m, s = 0.1, 0.5
    sd = (error**-2.0 + s**-2.0) ** -0.5
    mean = (estimate / error**2 + m / s**2) * sd**2
    middles, spreads = np.linspace(m - 4 * s, m + 4 * s, 81), np.linspace(0.01, 4 * s, 120)
    for who in (None, people):
        size = error if who is None else shrunken_sizes(error, len(who))
        errors = np.diag(size**2)
        if who is not None:
            errors = shrunken_correlation(people) * np.outer(size, size)
        parts = []
        for middle in middles:
            for spread in spreads:
                whole = errors + spread**2 * np.eye(3)
                weight = stats.multivariate_normal(np.full(3, middle), whole).pdf(estimate)
                weight *= np.exp(-(((middle - m) / s) ** 2 + (spread / s) ** 2) / 2)
                gain = spread**2 * np.linalg.inv(whole)
                effects = middle + gain @ (estimate - middle)
                around = np.sqrt(np.diag(spread**2 * (np.eye(3) - gain)))
                parts.append([weight, middle, spread, *effects, *around])
        weight, middle, spread, *rest = np.array(parts).T
        weight, effects, around = weight / weight.sum(), np.array(rest[:3]), np.array(rest[3:])
        found = pooled(mean, sd, m, s, who)
        assert found.mean == pytest.approx(effects @ weight, abs=2e-3)
        variance = (around**2 + (effects - (effects @ weight)[:, None]) ** 2) @ weight
        assert found.sd == pytest.approx(np.sqrt(variance), abs=2e-3)
        above = stats.norm.cdf(effects / around) @ weight
        assert found.p_positive == pytest.approx(above, abs=2e-3)
        assert found.centre[0] == pytest.approx(weight @ middle, abs=2e-3)
        assert found.spread[0] == pytest.approx(weight @ spread, abs=2e-3)
        at = found.quantile(0.2)[:, None]
        below = stats.norm.cdf((at - effects) / around) @ weight
        assert below == pytest.approx([0.2] * 3, abs=2e-3)


def test_sizes_and_correlations_are_shrunken_as_chance_asks():
    rng = np.random.default_rng(2)
    people = 0.5 * rng.normal(size=(2000, 1)) + rng.normal(size=(2000, 8))
    assert shrunken_correlation(people)[0, 1:] == pytest.approx([0.2] * 7, abs=0.05)
    few = rng.normal(size=(20, 50))
    assert abs(shrunken_correlation(few) - np.eye(50)).max() < 0.1
    assert shrunken_sizes(few.std(axis=0), 20).std() < 0.5 * few.std(axis=0).std()
    assert shrunken_sizes(np.array([0.1, 0.9]), 2000) == pytest.approx([0.1, 0.9], rel=0.01)


def test_as_many_signs_are_wrong_as_are_expected_although_errors_go_together():
    spec = importlib.util.spec_from_file_location("regions", ROOT / "benchmarks" / "regions.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    table = benchmark.pooling(40, seed=5)
    together, apart = table.loc["together"], table.loc["independent"]
    assert together["wrong"] == pytest.approx(together["expected"], abs=0.03)
    assert together["covered"] == pytest.approx(0.9, abs=0.04)
    # what taking errors apart would cost
    assert apart["wrong"] > max(1.5 * apart["expected"], together["wrong"])
    assert apart["covered"] < together["covered"] - 0.1


def test_rates_are_means_over_those_at_least_as_sure():
    wrong, rates = false_sign_rates(np.array([0.99, 0.5, 0.1]))
    assert wrong == pytest.approx([0.01, 0.5, 0.1])
    assert rates == pytest.approx([0.01, 0.61 / 3, 0.055])


# ----------------------------------------------------------------------------- reliability


def test_planted_reliabilities_are_found_in_every_region(result):
    table = em.reliability(result, "pain_effect")
    assert list(table)[:4] == ["region", "parameter", "first", "second"]
    icc = table[table["measure"] == "ICC consistency"].set_index("region")
    assert icc.index.tolist() == list(EFFECTS)
    for name, true in ICC.items():
        assert abs(icc.loc[name, "mean"] - true) < 3 * icc.loc[name, "sd"]
    assert icc.loc["stable", "hdi_low"] > icc.loc["unstable", "mean"]
    assert (icc["sd"] < icc["prior_sd"]).all()


def test_reliability_of_a_region_is_that_of_its_fit(as_drawn, study):
    """The same numbers from the draws that are kept as from the fit, with covariates."""
    age = pd.DataFrame({"participant": [f"P{p:02}" for p in range(PEOPLE)]})
    age["age"] = np.linspace(20, 70, PEOPLE)
    aged = replace(study, participants=age)
    model = SPLIT.with_region(AI="stable")
    formulas = {"pain_effect": "age"}
    arrangement = arrange(model, aged)
    covariates = covariates_for(arrangement, formulas)
    drawn = as_drawn(model, aged, draws=40)
    people = prior_people(model, aged, draws=40, seed=1, covariates=formulas)
    fit = fit_tree(people, drawn["sample_stats"].to_dataset(), arrangement, covariates)
    fit.attrs = drawn.attrs
    checks = pd.DataFrame({"check": ["divergences"], "value": [0], "passed": [True]})
    kept = region_result(fit, checks, "AI") | {"seed": 1}
    found = as_dataset({"stable": Replicate(0, 1.0, "", kept)}, arrangement, covariates)
    found.attrs |= {"model": "", "response": "AI", "settings": ""}
    for kind in ("conditional", "unconditional"):
        one = em.reliability(fit, "pain_effect", kind=kind)
        other = em.reliability(found, "pain_effect", kind=kind)
        assert other.attrs["reading"] == one.attrs["reading"]
        numbers = ["mean", "sd", "hdi_low", "hdi_high", "prior_sd"]
        assert other[numbers].to_numpy() == pytest.approx(
            one[numbers].to_numpy(), rel=1e-4, abs=1e-4
        )


def test_reliability_needs_a_split_parameter(result):
    with pytest.raises(ValueError, match=r"two or more values per person .*'baseline' has 0"):
        em.reliability(result, "baseline")
    with pytest.raises(KeyError, match=r"Did you mean 'pain_effect'"):
        em.reliability(result, "pain_efect")


# ----------------------------------------------------------------------- the command line


@pytest.fixture
def command(monkeypatch, study, tmp_path, capsys):
    """Run a command about the study in a file; return exit code, stdout and stderr."""
    monkeypatch.setattr(cli.input, "get_model", lambda name: SPLIT)
    betas = tmp_path / "betas.csv"
    study.regions.to_csv(betas, index=False)

    def run(name, *arguments):
        how = [f"--{option}={value}" for option, value in SHORT.items()] + ["--regions", betas]
        given = [*(how if name == "fit_regions" else ()), *arguments]
        with pytest.raises(SystemExit) as end:
            cli.main([name, *map(str, given)])
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return run


def test_the_command_goes_on_and_writes_all_of_it(command, result, done, tmp_path):
    kept, out = tmp_path / "kept", tmp_path / "all.nc"
    few = ("--region", "null", "--region", "stable")
    code, _, err = command("fit_regions", "mine.py", "--folder", kept, "--out", out, *few)
    assert code == 0, err
    assert done == ["null", "stable"]
    code, _, err = command("fit_regions", "mine.py", "--folder", kept, "--out", out)
    assert code == 2 and "--overwrite" in err and done == ["null", "stable"]
    code, printed, err = command(
        *("fit_regions", "mine.py", "--folder", kept, "--out", out, "--overwrite")
    )
    assert code == 0, err
    assert done == ["null", "stable", "unstable", "empty"]
    assert xr.load_dataset(out)["region"].to_numpy().tolist() == [*EFFECTS, "empty"]
    assert [line.split()[0] for line in printed.splitlines() if "yes" in line][-4:] == [
        *EFFECTS,
        "empty",
    ]
    assert f"empathymodels region_effects {out} QUANTITY, with one of noise" in err


def test_effects_of_a_file_are_those_of_python(command, result, tmp_path):
    kept, out = tmp_path / "result.nc", tmp_path / "effects.csv"
    result.to_netcdf(kept)
    which = ("--first", "session=2", "--second", "session=1", "--prob", "0.8", "--out", out)
    code, printed, err = command("region_effects", kept, "pain_effect_mean", *which)
    assert code == 0, err
    asked = {"session": 2}, {"session": 1}
    expected = em.region_effects(result, "pain_effect_mean", *asked, prob=0.8)
    assert expected.attrs["reading"] in printed
    found = pd.read_csv(out, keep_default_na=False, na_values=[""])  # "null" is a name
    found = found.set_index("region").drop(columns=["passed", "failed_checks"])
    numbers = expected[list(found)].astype(float)
    pd.testing.assert_frame_equal(found, numbers, check_names=False)


def test_what_is_no_result_of_regions_is_told(command, tmp_path):
    text, other = tmp_path / "text.nc", tmp_path / "other.nc"
    text.write_text("no numbers")
    xr.Dataset({"x": 1}).to_netcdf(other, engine="h5netcdf")
    for file, told in (
        (tmp_path / "none.nc", "found no file at"),
        (text, "cannot be read"),
        (other, "What fit_regions() returns must be given"),
    ):
        code, printed, err = command("region_effects", file, "noise")
        assert (code, printed) == (2, "")
        assert told in err and "Traceback" not in err
