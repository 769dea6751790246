"""What a design can tell, where that is known: closed forms, collinear and fixed attributes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.checks.information import information, means, population, quantities
from empathymodels.declaration.priors import new_person_prior
from empathymodels.engine.evaluator import evaluator
from empathymodels.population.covariates import covariates_for
from empathymodels.simulation.made_up import made_up_study
from folders import OWN_MODELS

PEOPLE, TRIALS = 12, 40


def design(**columns):
    """Orthogonal attributes of standard deviation 1, and choices by the toss of a coin."""
    rng = np.random.default_rng(3)
    own = rng.standard_normal((PEOPLE, TRIALS, 4))
    own, _ = np.linalg.qr(own - own.mean(axis=1, keepdims=True))
    attributes = np.sqrt(TRIALS) * own.reshape(-1, 4)
    trials = pd.DataFrame(
        {
            "participant": np.repeat([f"P{k:02}" for k in range(PEOPLE)], TRIALS),
            "trial": np.tile(np.arange(TRIALS), PEOPLE),
            "cost": attributes[:, 0],
            "effort": attributes[:, 1],
            "affiliation": attributes[:, 2],
            "engage": rng.integers(0, 2, PEOPLE * TRIALS),
        }
    )
    return trials.assign(**columns)


def diagnosed(trials, model=None):
    model = em.get_model("motivated_empathy") if model is None else model
    table = em.diagnose_design(model, em.Study(trials=trials), draws=4)
    return table.set_index("check")


def failed(table):
    return table.index[~table["passed"]].tolist()


@pytest.fixture(scope="module")
def gains():
    return em.get_model(OWN_MODELS / "weighed_gains.py")


# ------------------------------------------------------------------------- closed forms


def test_information_of_a_logistic_regression(gains):
    trials = design().rename(columns={"cost": "own_loss", "effort": "other_gain", "engage": "help"})
    trials[["own_loss", "other_gain"]] *= 100
    trials.loc[5:9, "help"] = np.nan  # what was not observed tells nothing
    compiled = evaluator(gains, em.Study(trials=trials))
    found = quantities(compiled.arrangement)
    assert [quantity.label for quantity in found] == ["bias", "loss_weight", "gain_weight"]
    rng = np.random.default_rng(1)
    linked = {quantity.label: rng.normal(0, 1, PEOPLE) for quantity in found}
    told = information(compiled, found, linked)

    x = np.column_stack([np.ones(len(trials)), trials[["own_loss", "other_gain"]] / 100])
    values = np.column_stack(list(linked.values()))
    p = 1 / (1 + np.exp(-(x * np.repeat(values, TRIALS, axis=0)).sum(axis=1)))
    weight = p * (1 - p) * trials["help"].notna()
    for person, rows in enumerate(np.split(np.arange(len(trials)), PEOPLE)):
        expected = (x[rows].T * weight.to_numpy()[rows]) @ x[rows]
        assert told[person] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_population_of_a_linear_mixed_model(own_model, own_study):
    """Means and effects of covariates, against X' V^-1 X with V = Z S Z' + noise."""
    model = own_model.fix(noise=2.0)
    compiled = evaluator(model, own_study)
    arrangement = compiled.arrangement
    found = quantities(arrangement)
    linked = {q.label: np.full(len(arrangement.participants), 0.5) for q in found}
    told = np.mean([information(compiled, found, linked) for _ in range(100)], axis=0)
    known = means(arrangement, found, covariates_for(arrangement, {"baseline": "age"}))
    assert known.labels == ["baseline", "baseline by age", "slope"]
    left = population(known, found, told)

    trials = own_study.trials.merge(own_study.participants, on="participant")
    people = own_study.participants["age"]
    age = ((trials["age"] - people.mean()) / people.std()).to_numpy()
    one, intensity = np.ones(len(trials)), trials["intensity"].to_numpy()
    x = 10 * np.column_stack([one, age, intensity])  # parameters are fractions of 0 to 10
    same = trials["participant"].to_numpy()[:, None] == trials["participant"].to_numpy()
    spread = [0.3, 0.2]  # scales of half-normal priors, whose mean square is their square
    v = 4 * np.eye(len(trials)) + 100 * same * (
        spread[0] ** 2 + spread[1] ** 2 * np.outer(intensity, intensity)
    )
    prior = np.array([0.25, 0.3, 0.25])
    precision = np.diag(1 / prior**2) + x.T @ np.linalg.solve(v, x)
    expected = np.linalg.inv(precision) / np.outer(prior, prior)
    assert left == pytest.approx(expected, rel=0.05, abs=1e-4)


def test_what_all_people_share_comes_last_and_has_no_spread(model, study):
    found = quantities(evaluator(model, study).arrangement)
    shared = [quantity.is_shared for quantity in found]
    assert shared == sorted(shared)
    assert all(q.sd_of_mean == q.sd_of_person for q in found if q.is_shared)
    rate = next(q for q in found if q.label == "learning_rate")
    assert rate.sd_of_person == new_person_prior(model.parameter("learning_rate"))[1]
    assert rate.sd_of_mean < rate.sd_of_person


# --------------------------------------------------------------------------- attributes


def test_nothing_is_flagged_where_attributes_are_orthogonal():
    table = diagnosed(design())
    assert failed(table) == []
    assert table.loc["condition number of attributes", "value"] == pytest.approx(1, abs=0.01)
    assert list(table) == ["value", "limit", "passed", "advice"]


def test_collinear_attributes_are_flagged_by_what_they_do_and_by_what_they_tell():
    trials = design()
    table = diagnosed(trials.assign(effort=trials["cost"]))
    traded = "0.71 cost_weight - 0.71 effort_weight"
    assert {
        "correlation of 'cost' and 'effort' within people",
        "condition number of attributes",
        f"contraction, one person: {traded}",
        f"contraction, population: {traded}",
    } == set(failed(table))
    assert table.loc["correlation of 'cost' and 'effort' within people", "value"] == 1.0
    assert table.loc["condition number of attributes", "value"] == np.inf
    assert "0.71 cost - 0.71 effort" in table.loc["condition number of attributes", "advice"]
    # their sum is informed, so that half of what one does not know of each goes away
    assert table.loc[f"contraction, population: {traded}", "value"] == pytest.approx(0, abs=1e-3)
    alone = table.loc["contraction, population: cost_weight", "value"]
    assert 0.4 < alone < 0.5


def test_two_pairs_are_told_apart():
    trials = design()
    both = trials.assign(effort=trials["cost"], suffering=-trials["affiliation"])
    found = [check for check in failed(diagnosed(both)) if "contraction, population" in check]
    assert found == [
        "contraction, population: 0.71 suffering_weight + 0.71 affiliation_weight",
        "contraction, population: 0.71 cost_weight - 0.71 effort_weight",
    ]


def test_an_attribute_that_never_varies_within_people():
    per_person = np.repeat(np.linspace(-1, 1, PEOPLE), TRIALS)
    row = diagnosed(design(cost=per_person)).loc["share of people within whom 'cost' is constant"]
    assert row["value"] == 1.0 and not row["passed"]
    assert "differs only between people" in row["advice"]

    trials = design()
    first = trials["participant"] == "P00"
    table = diagnosed(trials.assign(cost=trials["cost"].mask(first, 0.5), effort=0.3))
    cost = table.loc["share of people within whom 'cost' is constant"]
    assert cost["value"] == round(1 / PEOPLE, 3) and "'P00'" in cost["advice"]
    effort = table.loc["share of people within whom 'effort' is constant"]
    assert effort["value"] == 1.0 and "the same in all rows" in effort["advice"]


def test_two_values_cannot_show_a_bend():
    trials = design()
    row = diagnosed(trials.assign(cost=np.sign(trials["cost"]))).loc["distinct values of 'cost'"]
    assert row["value"] == 2 and row["passed"]
    assert "cannot be told from a shift" in row["advice"]


def test_a_context_that_fixes_the_attributes():
    trials = design()
    context = np.resize(["in", "out"], len(trials))
    fixed = np.where(context == "in", 1.0, -1.0)
    all_fixed = trials.assign(context=context, cost=fixed, effort=-fixed).drop(
        columns="affiliation"
    )
    row = diagnosed(all_fixed).loc["attributes that 'context' fixes"]
    assert row["value"] == "2 of 2" and not row["passed"]
    assert "acts directly or through them, this design cannot tell" in row["advice"]
    both = diagnosed(
        all_fixed, em.get_model("motivated_empathy").rival("both").fix(effort_weight=0)
    )
    traded = "0.58 readiness[in] - 0.58 readiness[out] - 0.58 cost_weight"
    assert f"contraction, population: {traded}" in failed(both)

    # four contexts, one attribute: two contrasts are left
    context = np.resize(["a", "b", "c", "d"], len(trials))
    cost = pd.Series(context).map({"a": -1.0, "b": 0.0, "c": 1.0, "d": 2.0})
    table = diagnosed(trials.assign(context=context, cost=cost, kind=context))
    row = table.loc["attributes that 'context' fixes"]
    assert row["value"] == "1 of 3" and row["passed"]
    assert "2 contrasts" in row["advice"]
    assert "attributes that 'kind' fixes" not in table.index  # no rival splits by it

    table = diagnosed(trials.assign(context=context))
    assert table.loc["attributes that 'context' fixes", "advice"] == ""


# --------------------------------------------------------------------------- responses


def test_people_without_both_outcomes():
    trials = design()
    trials.loc[trials["participant"].isin(["P03", "P07"]), "engage"] = 1
    row = diagnosed(trials).loc["people with one and the same 'engage' throughout"]
    assert row["value"] == 2 and row["passed"]
    assert "'P03', 'P07'" in row["advice"]


def test_levels_without_both_outcomes():
    trials = design(context=np.resize(["in", "out"], PEOPLE * TRIALS))
    trials.loc[(trials["participant"] == "P03") & (trials["context"] == "out"), "engage"] = 0
    table = diagnosed(trials, em.get_model("motivated_empathy").rival("context_directly"))
    row = table.loc["people's levels of 'context' with one and the same 'engage'"]
    assert row["value"] == 1
    assert "'P03 (out)'" in row["advice"]


def test_a_design_without_responses_observes_them_all():
    model = em.get_model(OWN_MODELS / "followed_choice.py")
    planned = made_up_study(model, people=6, trials=20, seed=1)
    table = em.diagnose_design(model, planned, draws=2).set_index("check")
    assert not any("one and the same" in check for check in table.index)
    assert any(check.startswith("contraction, population") for check in table.index)


def test_a_parameter_that_no_observation_depends_on(gains):
    trials = design().rename(columns={"engage": "help"})
    known = tuple(replace(c, default=None) if c.name == "inequity" else c for c in gains.columns)
    model = replace(gains, columns=known)
    table = diagnosed(trials.assign(inequity=0.0), model)
    assert table.loc["contraction, population: inequity_weight", "value"] == 0.0
    assert (
        "its posterior will be its prior"
        in (table.loc["contraction, population: inequity_weight", "advice"])
    )


@pytest.mark.parametrize("name", ["prosocial_effort", "cue_expectation_learning"])
def test_bundled_designs_of_two_kinds_pass(name):
    study = {"prosocial_effort": "effort_for_others", "cue_expectation_learning": "cue_pain"}[name]
    first, second = (
        em.diagnose_design(em.get_model(name), em.load_study(study), draws=2) for _ in range(2)
    )
    assert first["passed"].all()
    pd.testing.assert_frame_equal(first, second)


def test_no_draws(gains):
    with pytest.raises(ValueError, match="draws must be a whole number, at least 1; found 0"):
        em.diagnose_design(gains, em.Study(trials=design()), draws=0)


# ------------------------------------------------------------------------ the open study


def test_own_loss_and_the_others_gain_change_together(gains, open_study):
    study = open_study("saulin_2022")
    table = em.diagnose_design(gains, study, draws=4).set_index("check")
    row = table.loc["correlation of 'own_loss' and 'other_gain' within people"]
    assert row["value"] == pytest.approx(-0.916, abs=1e-3) and not row["passed"]
    assert "'14'" in table.loc["people with one and the same 'help' throughout", "advice"]

    study = em.Study(trials=study.trials, columns={"inequity": "diff_diff"})
    table = em.diagnose_design(gains, study, draws=4).set_index("check")
    row = table.loc["condition number of attributes"]
    assert row["value"] == np.inf
    assert "0.68 own_loss + 0.68 other_gain - 0.28 inequity" in row["advice"]
    traded = "0.58 loss_weight + 0.58 gain_weight - 0.58 inequity_weight"
    assert table.loc[f"contraction, population: {traded}", "value"] < 0.01
