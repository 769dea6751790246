"""The bundled study is what its README says, and can be made again."""

import re
import tomllib
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "data" / "outgroup_help"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
TABLES = ["participants.csv", "regions.csv", "trials.csv", "true_parameters.csv"]


def read(name):
    return pd.read_csv(FOLDER / name)


def test_checksums_are_those_of_the_readme():
    stated = dict(re.findall(r"^\| `(\w+\.csv)` \| `([0-9a-f]{64})` \|$", README, re.MULTILINE))
    assert sorted(stated) == TABLES == sorted(file.name for file in FOLDER.glob("*.csv"))
    assert stated == {name: sha256((FOLDER / name).read_bytes()).hexdigest() for name in TABLES}


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_explained(name):
    section = README.split(f"### `{name}`")[1].split("###")[0].split("\n## ")[0]
    explained = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert explained == list(read(name))


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
    for name in TABLES:
        decimals = 4 if name == "true_parameters.csv" else 2
        numbers = read(name).select_dtypes("number")
        pd.testing.assert_frame_equal(numbers, numbers.round(decimals))


def test_simulating_it_again_gives_the_same_files(tmp_path, monkeypatch):
    spec = spec_from_file_location("simulate_outgroup_help", FOLDER / "simulate.py")
    simulate = module_from_spec(spec)
    spec.loader.exec_module(simulate)
    monkeypatch.setattr(simulate, "FOLDER", tmp_path)
    simulate.main()
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([*TABLES, "study.json"])
    for file in tmp_path.iterdir():
        assert file.read_bytes() == (FOLDER / file.name).read_bytes(), file.name


def test_the_seed_of_the_readme_is_that_of_the_script():
    script = (FOLDER / "simulate.py").read_text(encoding="utf-8")
    seed = re.search(r"^SEED = (\d+)$", script, re.MULTILINE)[1]
    assert f"seed `{seed}`" in README


def test_the_wheel_takes_the_data_to_where_the_package_looks():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"data": "empathymodels/data"}
