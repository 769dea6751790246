"""Bundled studies are what their READMEs say, and can be made again."""

import re
import tomllib
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from bundled import MODELS
from empathymodels.checks.predictive_statistics import predictive_statistics
from empathymodels.engine.evaluator import evaluator
from empathymodels.layout.arrange import arrange
from empathymodels.population.blocks import parameter_dims
from empathymodels.population.given_values import values_from_table
from empathymodels.recovery.certificate import design_of
from empathymodels.simulation.made_up import typical_range
from folders import ROOT

DATA = ROOT / "data"
FOLDER = DATA / "outgroup_help"
TABLES = [
    (name, file.name) for name in MODELS for file in sorted((DATA / name).glob("*.csv"))
]  # fmt: skip


def about(name):
    return (DATA / name / "README.md").read_text(encoding="utf-8")


def read(file):
    return pd.read_csv(FOLDER / file)


def test_every_model_has_a_study():
    assert em.list_studies() == sorted(MODELS)
    assert sorted(MODELS.values()) == sorted(em.list_models())


@pytest.mark.parametrize("name", MODELS)
def test_checksums_are_those_of_the_readme(name):
    files = {file.name: file for file in (DATA / name).glob("*.csv")}
    stated = dict(
        re.findall(r"^\| `(\w+\.csv)` \| `([0-9a-f]{64})` \|$", about(name), re.MULTILINE)
    )
    assert stated == {n: sha256(file.read_bytes()).hexdigest() for n, file in files.items()}


@pytest.mark.parametrize(("name", "file"), TABLES)
def test_every_column_is_explained(name, file):
    section = about(name).split(f"### `{file}`")[1].split("###")[0].split("\n## ")[0]
    explained = re.findall(r"^\| `([\w\[\]]+)` \|", section, re.MULTILINE)
    assert explained == list(pd.read_csv(DATA / name / file))


@pytest.mark.parametrize(("name", "file"), TABLES)
def test_numbers_are_rounded(name, file):
    numbers = pd.read_csv(DATA / name / file).select_dtypes("number")
    decimals = 4 if file == "true_parameters.csv" else 2
    pd.testing.assert_frame_equal(numbers, numbers.round(decimals))


def true(name):
    """A bundled study's model and the values that the study was simulated with."""
    used = em.get_model(MODELS[name])
    truth = pd.read_csv(DATA / name / "true_parameters.csv")
    values = dict(truth.set_index("participant").items())
    if name == "group_pain":
        items = pd.read_csv(DATA / name / "true_items.csv").set_index("item")["item_effect"]
        values |= {"insula_link": 0.8, "item_effect": items.reindex([*items.index, "request"])}
        values["item_effect"] = values["item_effect"].fillna(0.0)
    if name == "shared_wins":
        values |= dict(pd.read_csv(DATA / name / "true_items.csv").set_index("partner").items())
        shared = ("closeness_slope", "vs_closeness_slope", "vs_noise")
        values |= {column: float(values[column].iloc[0]) for column in shared}
    if name == "care_and_distress":
        values["residual_correlation"] = 0.5
    if name == "close_others":
        shared = ("interaction", "noise", "acc_interaction", "acc_noise")
        values |= {column: float(values[column].iloc[0]) for column in shared}
    if name == "trained_compassion":
        shared = [n for n in values if "_effect[" in n or n in ("ai_noise", "mofc_noise")]
        values |= {column: float(values[column].iloc[0]) for column in shared}
        values |= dict(pd.read_csv(DATA / name / "true_items.csv").set_index("item").items())
    if name == "told_stories":
        shared = [n for n in values if n.endswith(("_loading", "_noise", "]"))]
        values |= {column: float(values[column].iloc[0]) for column in shared}
        values |= dict(pd.read_csv(DATA / name / "true_items.csv").set_index("question").items())
    if name == "trained_cortex":
        shared = [n for n in values if not n.startswith("time_") and not n.endswith("_person")]
        values |= {column: float(values[column].iloc[0]) for column in shared}
        values |= dict(pd.read_csv(DATA / name / "true_items.csv").set_index("region").items())
    if name == "regulated_empathy":
        values |= dict(pd.read_csv(DATA / name / "true_items.csv").set_index("story").items())
    if name == "insula_feedback":
        shared = ("time_constant", "transfer_effect", "transfer_share")
        values |= {column: float(values[column].iloc[0]) for column in shared}
    if name == "accurate_perceivers":
        for file, of in (("true_targets.csv", "target"), ("true_items.csv", "item")):
            values |= dict(pd.read_csv(DATA / name / file).set_index(of).items())
        values["threshold_step"] = float(values["threshold_step"].iloc[0])
    if name == "read_motives":
        values = {column: float(series.iloc[0]) for column, series in values.items()}
    if name == "outgroup_help":
        values = truth
    if name == "motives":
        shared = ("rating_slope", "ai_noise", "tpj_noise", "vs_noise")
        values |= {column: float(values[column].iloc[0]) for column in shared}
        used = used.without("attention", "help")
    if name == "observed_shocks":
        used = used.without("says_shock")
    return used, values


@pytest.mark.parametrize("name", MODELS)
def test_its_model_can_use_it(name):
    model, values = true(name)
    arrangement = arrange(model, em.load_study(name))
    assert set(arrangement.scored) == {r.name for r in model.responses}
    given = values_from_table(arrangement, values)
    assert set(given) == {p.name for p in arrangement.parameters}
    assert all(np.isfinite(value).all() for value in given.values())


def totals(compiled, values, name, index, step):
    """Log-likelihoods where everybody's value of a parameter is less, the same, and more."""
    found = []
    for by in (-step, 0, step):
        moved = np.array(values[name], dtype=float)
        moved[index] += by
        rows = compiled(values | {name: moved})["log_likelihood"].values()
        found.append(sum(float(row.sum()) for row in rows))
    return found


@pytest.mark.parametrize("name", MODELS)
def test_it_is_most_probable_at_its_true_values(name):
    """No parameter would explain the study better if everybody's value were less, or more.

    What a common change of the true values is estimated at lies within 3.5 of its standard errors
    of none, and each parameter is told by the data. That fits find these values again is tested
    with the models, where it takes minutes.
    """
    model, values = true(name)
    compiled = evaluator(model, em.load_study(name))
    at, found = values_from_table(compiled.arrangement, values), {}
    for parameter in compiled.arrangement.parameters:
        if parameter.fixed is None:
            low, high = typical_range(parameter, compiled.arrangement.model)
            step = (high - low) / 100
            levels = 1 if parameter.by is None else at[parameter.name].shape[-1]
            for level in range(levels):
                index = ... if parameter.by is None else (..., level)
                less, same, more = totals(compiled, at, parameter.name, index, step)
                information = (2 * same - less - more) / step**2
                assert information > 0, parameter.name
                error = information**-0.5
                found[parameter.name, level] = (more - less) / (2 * step) * error
    print(name, {key: round(z, 2) for key, z in found.items()})
    assert max(map(abs, found.values())) < 3.5


@pytest.mark.parametrize("name", ["accurate_perceivers", "trust_game"])
def test_features_of_its_model_are_reproduced_at_its_true_values(name):
    """Also those of neighbouring responses, of which each depends on the one before.

    One step ahead, neighbouring predictions share less than neighbouring observations: the
    autocorrelation of ratings would then lie 27 standard deviations too high.
    """
    model, values = true(name)
    compiled = evaluator(model, em.load_study(name))
    at = values_from_table(compiled.arrangement, values)
    draws = {
        p.name: (
            ("chain", "draw", *parameter_dims(p)),
            np.broadcast_to(at[p.name], (1, 60, *np.shape(at[p.name]))),
        )
        for p in compiled.parameters
    }
    found = predictive_statistics(compiled, model, xr.Dataset(draws), seed=1)
    assert {s.name for s in model.statistics} <= {feature.statistic.name for feature in found}
    for feature in found:
        z = (feature.observed - feature.predicted.mean()) / feature.predicted.std()
        assert abs(z) < 3.5, feature.statistic.name


@pytest.mark.parametrize("name", MODELS)
def test_simulating_it_again_gives_the_same_files(name, tmp_path, monkeypatch):
    folder = DATA / name
    spec = spec_from_file_location(f"simulate_{name}", folder / "simulate.py")
    simulate = module_from_spec(spec)
    spec.loader.exec_module(simulate)
    monkeypatch.setattr(simulate, "FOLDER", tmp_path)
    simulate.main()
    files = [*(file.name for file in folder.glob("*.csv")), "study.json"]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(files)
    for file in tmp_path.iterdir():
        assert file.read_bytes() == (folder / file.name).read_bytes(), file.name


@pytest.mark.parametrize("name", MODELS)
def test_the_seed_of_the_readme_is_that_of_the_script(name):
    script = (DATA / name / "simulate.py").read_text(encoding="utf-8")
    seed = re.search(r"^SEED = (\d+)$", script, re.MULTILINE)[1]
    assert f"seed `{seed}`" in about(name)


def test_groups_and_counts(study):
    assert study.participants["partner_group"].value_counts().to_dict() == {"in": 18, "out": 18}
    for table in (study.trials, study.regions):
        trials = table.groupby("participant")["trial"].agg(list)
        assert len(trials) == 36
        assert all(numbers == list(range(1, 21)) for numbers in trials)
    assert read("true_parameters.csv")["participant"].tolist() == list(
        study.participants["participant"]
    )


def test_everybody_is_helped_on_15_of_20_trials_in_an_own_order(study):
    outcomes = study.trials.groupby("participant")["outcome"].agg(tuple)
    assert all(sorted(own) == [-1] * 5 + [1] * 15 for own in outcomes)
    assert outcomes.nunique() == 36


def test_values_lie_in_their_ranges_and_none_is_missing(study):
    ratings = [study.trials["feeling"]]
    ratings += [study.participants[f"empathy_{when}"] for when in ("before", "after")]
    assert all(rating.between(1, 9).all() for rating in ratings)
    assert (study.regions["se"] == 0.4).all()
    assert (study.regions["region"] == "AI").all()
    assert not any(table.isna().any(axis=None) for table in study.tables.values())


def test_the_wheel_takes_the_data_to_where_the_package_looks():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"data": "empathymodels/data"}


def test_every_model_has_a_design_of_its_own():
    """The study that was simulated from it, on which certificates and tests rest."""
    assert {MODELS[design_of(name)] for name in em.list_models()} == set(em.list_models())
