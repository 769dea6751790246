"""Checks after sampling: each fault is found, and the advice names who has it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.checks.predictive_statistics import (
    _value,
    in_time,
    not_simulated,
    predictive_statistics,
)
from empathymodels.engine.evaluator import evaluator
from empathymodels.layout.arrange import arrange
from empathymodels.population.blocks import parameter_dims
from empathymodels.population.given_values import values_from_table
from empathymodels.recovery.certificate import design_of
from folders import OWN_MODELS


def checked(fit, **changes):
    """Check a fit whose posterior or statistics were changed."""
    other = fit.copy(deep=True)
    for group, values in changes.items():
        other[group] = other[group].to_dataset().assign(values)
    table = em.check(other, draws=40)
    assert list(table.columns) == ["check", "value", "limit", "passed", "advice"]
    return table.set_index("check")


@pytest.fixture(scope="module")
def healthy(own_fit):
    """Independent draws in place of the chains: nothing is wrong with these."""
    rng = np.random.default_rng(1)
    posterior = own_fit["posterior"].to_dataset()
    drawn = {}
    for name, array in posterior.data_vars.items():
        flat = array.stack(all=("chain", "draw"))
        order = rng.permutation(flat.sizes["all"])
        drawn[name] = (
            flat.isel(all=order)
            .transpose(..., "all")
            .to_numpy()
            .reshape(*[array.sizes[d] for d in array.dims[2:]], 2, -1)
        )
        drawn[name] = (array.dims, np.moveaxis(drawn[name], (-2, -1), (0, 1)))
    other = own_fit.copy(deep=True)
    other["posterior"] = posterior.assign(drawn)
    stats = other["sample_stats"].to_dataset()
    other["sample_stats"] = stats.assign(diverging=stats["diverging"] & False)
    return other


def test_nothing_is_wrong_with_independent_draws(healthy):
    table = checked(healthy)
    sampling = [
        "R-hat, population",
        "R-hat, people",
        "bulk ESS, population",
        "tail ESS, population",
    ]
    assert table.index[:6].tolist() == [*sampling, "divergences", "draws at the tree depth limit"]
    assert table["passed"].all()
    assert (table["advice"] == "").all()


def test_model_reproduces_its_own_kind_of_data(healthy):
    table = checked(healthy)
    for name in ("predictive p: mean rating", "predictive p: sd of ratings"):
        assert 0.025 < table.loc[name, "value"] < 0.975


def test_chains_that_disagree(healthy):
    mean = healthy["posterior"]["slope_mean"].copy(deep=True)
    mean[0] += 5 * mean.std()
    row = checked(healthy, posterior={"slope_mean": mean}).loc["R-hat, population"]
    assert not row["passed"]
    assert row["value"] > 1.5
    assert row["advice"].startswith("slope_mean (")
    assert "1 in all. Chains disagree" in row["advice"]


def test_one_chain_cannot_disagree(as_drawn, own_model, own_study):
    table = em.check(as_drawn(own_model, own_study, draws=60), draws=20).set_index("check")
    rhat = table.loc[["R-hat, population", "R-hat, people"]]
    assert not rhat["passed"].any()
    assert rhat["advice"].str.startswith("One chain alone").all()


def test_people_whose_chains_disagree(healthy):
    own = healthy["posterior"]["baseline"].copy(deep=True)
    person = own.get_index("participant").get_loc("P07")
    own[0, :, person] += 10 * own[:, :, person].std()
    table = checked(healthy, posterior={"baseline": own})
    assert table.loc["R-hat, people", "advice"].startswith("baseline[P07] (")
    assert table.loc["R-hat, population", "passed"]


def test_few_independent_draws(healthy):
    noise = healthy["posterior"]["noise"].copy(deep=True)
    steps = np.random.default_rng(2).standard_normal(noise.shape)
    slow = np.zeros(noise.shape)
    for draw in range(1, noise.sizes["draw"]):
        slow[:, draw] = 0.97 * slow[:, draw - 1] + steps[:, draw]
    table = checked(healthy, posterior={"noise": (noise.dims, 1 + 0.01 * slow)})
    row = table.loc["bulk ESS, population"]
    assert not row["passed"]
    assert row["value"] < 400
    assert row["advice"].startswith("noise (")
    assert "Sample longer" in row["advice"]


def test_divergences_name_where_they_gather(healthy):
    spread = healthy["posterior"]["slope_sd"]
    diverging = spread < float(spread.quantile(0.01))
    row = checked(healthy, sample_stats={"diverging": diverging}).loc["divergences"]
    assert row["value"] == int(diverging.sum())
    assert not row["passed"]
    assert "gather where 'slope_sd' is unusual" in row["advice"]
    assert "centring=" in row["advice"]


def test_tree_depth(healthy):
    stats = healthy["sample_stats"]
    name = "maxdepth_reached" if "maxdepth_reached" in stats else "depth"
    full = stats[name].copy(data=np.full(stats[name].shape, 1 if "max" in name else 10))
    row = checked(healthy, sample_stats={name: full.astype(stats[name].dtype)}).loc[
        "draws at the tree depth limit"
    ]
    assert not row["passed"]
    assert "maxdepth" in row["advice"]


def test_data_that_the_model_does_not_reproduce(healthy):
    small = healthy["posterior"]["noise"] * 0.3
    row = checked(healthy, posterior={"noise": small}).loc["predictive p: sd of ratings"]
    assert row["value"] < 0.025
    assert not row["passed"]
    assert "Observed " in row["advice"]
    assert "does not reproduce this" in row["advice"]


def test_fixed_parameters_are_not_checked_and_seeds_decide(static_fit):
    one, other = (em.check(static_fit, draws=20, seed=3) for _ in range(2))
    assert one.equals(other)
    assert not one["advice"].str.contains("learning_rate").any()


def test_missing_values_and_responses_are_counted(healthy):
    other = healthy.copy(deep=True)
    other.attrs |= {"missing": '{"trials.rating": 3}', "left_out": '{"insula": "no table"}'}
    table = em.check(other, draws=20).set_index("check")
    assert table.loc["missing: trials.rating", "value"] == 3
    assert table.loc["left out: insula", "value"] == "no table"
    assert table["passed"].all()


def test_statistics_see_rows_in_time():
    study = em.load_study("closeness_learning")
    model = em.get_model("empathy_learning").without("emotion")
    compiled = evaluator(model, study)
    values = {"learning_rate": 0.1, "recalibration": 0.4, "start_closeness": 50.0}
    values = values_from_table(compiled.arrangement, values | {"closeness_noise": 10.0})
    posterior = xr.Dataset(
        {n: (("chain", "draw", "participant"), v[None, None]) for n, v in values.items()}
    )
    features = predictive_statistics(compiled, model, posterior, seed=1)
    found = {feature.statistic.name: feature.observed for feature in features}
    parts = study.trials.groupby(["participant", "block"])
    change, before = parts["closeness"].diff(), parts["pain"].shift()
    expected = change[before == 1].mean() - change[before == 0].mean()
    assert found["change after pain minus no pain"] == pytest.approx(expected)


def _stayed(table):
    """Share of choices that are those of the trial before."""
    before = table["choice"].groupby(table["participant"]).shift()
    return (table["choice"] == before)[before.notna()].mean()


def test_features_of_sequences_are_those_of_simulated_ones():
    """Somebody whose choice is nearly always the last one again: one step ahead misses that."""
    rng = np.random.default_rng(2)
    trials = pd.DataFrame({"participant": np.repeat(["a", "b"], 200), "trial": [*range(200)] * 2})
    trials = trials.assign(outcome_0=rng.uniform(-1, 1, 400), outcome_1=rng.uniform(-1, 1, 400))
    values = {"learning_rate": 0.5, "inverse_temperature": 0.1, "habit_weight": 1.0}
    kinds = ("one_step_ahead", "simulation")
    statistics = tuple(em.Statistic(kind, "choice", _stayed, kind=kind) for kind in kinds)
    model = em.get_model(OWN_MODELS / "followed_choice.py").without("mood")
    model = replace(model, statistics=statistics)
    study, _ = em.simulate(model, em.Study(trials=trials), values, seed=1)
    compiled = evaluator(model, study)
    at = values_from_table(compiled.arrangement, values)
    draws = {
        p.name: (("chain", "draw", *parameter_dims(p)), np.repeat(at[p.name][None, None], 15, 1))
        for p in compiled.parameters
    }
    features = predictive_statistics(compiled, model, xr.Dataset(draws), seed=1)
    found = {feature.statistic.name: feature.p for feature in features}
    assert 0.01 < found["simulation"] < 0.99
    assert found["one_step_ahead"] < 0.01
    assert not_simulated(compiled.arrangement) == {}
    known = em.Study(trials=study.trials.drop(columns=["outcome_0", "outcome_1"]))
    absent = {"simulation": ["outcome_0", "outcome_1"]}
    assert not_simulated(arrange(model, known)) == absent


@pytest.mark.parametrize("name", em.list_models())
def test_features_need_no_column_that_the_model_can_do_without(name):
    """Whatever a study lacks that a default stands for: features have a value, or none."""
    model, study = em.get_model(name), em.load_study(design_of(name))
    optional = {column.name for column in model.columns if column.default is not None}
    tables = {
        table: rows.drop(columns=optional & set(rows)) for table, rows in study.tables.items()
    }
    arrangement = arrange(model, em.Study(**tables))
    for statistic in model.statistics:
        if statistic.response in arrangement.scored:
            scored = arrangement.scored[statistic.response]
            table, order = in_time(scored.frame, model)
            value = _value(statistic, table, scored.observed[order])
            assert isinstance(value, float), statistic.name
