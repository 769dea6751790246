"""Bundled studies are what their READMEs say, and can be made again."""

import re
import tomllib
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.recovery.certificate import design_of

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
MODELS = {
    "care_and_distress": "signature_expression",
    "accurate_perceivers": "empathic_accuracy",
    "care_runs": "signature_tracking",
    "advised_lottery": "advice_taking",
    "chosen_empathy": "empathy_selection",
    "close_others": "closeness_similarity",
    "closeness_learning": "empathy_learning",
    "cue_pain": "cue_expectation_learning",
    "effort_for_others": "prosocial_effort",
    "group_pain": "intergroup_bias",
    "induced_motives": "costly_helping",
    "insula_feedback": "neurofeedback_tuning",
    "money_or_shocks": "moral_conflict_learning",
    "motives": "motivated_empathy",
    "observed_shocks": "vicarious_fear",
    "outgroup_help": "outgroup_help_learning",
    "regulated_empathy": "empathy_regulation",
    "rival_fortunes": "affect_congruence",
    "self_other_no_one": "prosocial_learning",
    "shared_dollars": "social_discounting",
    "shared_wins": "vicarious_reward",
    "shown_empathy": "observational_empathy",
    "split_or_keep": "inequity_aversion",
    "trained_compassion": "training_effects",
    "trust_game": "trust_social_value",
    "watched_boxes": "observational_learning",
}
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


@pytest.mark.parametrize(("name", "model"), MODELS.items())
def test_its_model_can_use_it(name, model):
    study, used = em.load_study(name), em.get_model(model)
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
    if name == "regulated_empathy":
        values |= dict(pd.read_csv(DATA / name / "true_items.csv").set_index("story").items())
    if name == "insula_feedback":
        shared = ("time_constant", "transfer_effect", "transfer_share")
        values |= {column: float(values[column].iloc[0]) for column in shared}
    if name == "accurate_perceivers":
        for file, of in (("true_targets.csv", "target"), ("true_items.csv", "item")):
            values |= dict(pd.read_csv(DATA / name / file).set_index(of).items())
        values["threshold_step"] = float(values["threshold_step"].iloc[0])
    if name == "outgroup_help":
        values = truth
    if name == "motives":
        shared = ("rating_slope", "ai_noise", "tpj_noise", "vs_noise")
        values |= {column: float(values[column].iloc[0]) for column in shared}
        used = used.without("attention", "help")
    found = em.log_likelihood(used, study, values)
    assert set(found["row"].data_vars) == {r.name for r in used.responses}
    assert np.isfinite(found.attrs["total"])


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
