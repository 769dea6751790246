"""People whose data push a parameter to the end of its range, before a fit and after it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.checks import check as checking
from empathymodels.checks.boundaries import at_an_end, in_different_places, named_places
from empathymodels.checks.deterministic import deterministic_people
from empathymodels.declaration.response_scale import scale_of
from empathymodels.layout.arrange import arrange
from empathymodels.recovery.certificate import design_of
from folders import OWN_MODELS


@pytest.fixture(scope="module")
def ratings(model):
    """Feelings after help, of a model without regions and scores."""
    return model.without("insula", "empathy_before", "empathy_after")


def with_feelings(study, **feelings):
    """The study, with the feelings of some people (by number) replaced."""
    trials = study.trials.copy()
    for person, rule in feelings.items():
        own = trials["participant"] == f"sub-{person[1:]}"
        trials.loc[own, "feeling"] = rule(trials[own])
    return replace(study, trials=trials, regions=None)


def win_stay(rows):
    """9 after help and 1 after none, on the next trial; missing on the first."""
    return rows["outcome"].shift().map({1: 9.0, -1: 1.0})


def test_raters_without_noise_are_named_with_the_reason(ratings, study):
    odd = with_feelings(
        study,
        p01=win_stay,
        p02=lambda rows: rows["outcome"].map({1: 7.0, -1: 3.0}),
        p03=lambda rows: 4.0,
        p04=lambda rows: np.where(rows["trial"] == 7, 5.0, 9.0),
        p05=lambda rows: np.where(rows["trial"] <= 2, 5.0, 1.0),
        p06=lambda rows: rows["outcome"].shift().map({1: 9.0, -1: 1.0}).where(rows["trial"] < 6),
    )
    found = {(f.participant, f.kind): f.how for f in deterministic_people(arrange(ratings, odd))}
    assert found == {
        ("sub-01", "function"): "is always the same after the same previous 'outcome'",
        ("sub-02", "function"): "is always the same after the same 'outcome'",
        ("sub-03", "constant"): "is always 4",
        ("sub-04", "end"): "is 9, an end of its scale, on 19 of 20 trials",
        ("sub-05", "end"): "is 1, an end of its scale, on 18 of 20 trials",
    }  # of sub-06 four values follow, which may be chance


def test_nobody_in_a_study_of_ordinary_people(ratings, study):
    plain = replace(study, regions=None)
    assert deterministic_people(arrange(ratings, plain)) == []
    choices = em.load_study("induced_motives")
    assert deterministic_people(arrange(em.get_model("costly_helping"), choices)) == []


def test_choosers_without_noise_are_named_with_the_reason():
    study = em.load_study("induced_motives")
    trials = study.trials.copy()
    people = study.participants["participant"].tolist()
    own = [trials["participant"] == person for person in people[:3]]
    gain = trials["other_gain"] - 1.7 * trials["own_loss"]
    trials.loc[own[0], "help"] = (gain[own[0]] > gain[own[0]].median()).astype(float)
    trials.loc[own[1], "help"] = 1.0
    noise = np.random.default_rng(1).permutation(trials.loc[own[2], "help"])
    trials.loc[own[2], "help"] = noise
    model = em.get_model("costly_helping")
    found = {
        f.participant: f.kind for f in deterministic_people(arrange(model, em.Study(trials=trials)))
    }
    assert found == {people[0]: "separated", people[1]: "constant"}


def test_the_last_choice_and_its_outcomes_may_decide():
    """Win-stay, lose-shift: neither the choice before nor an outcome decides alone."""
    rng = np.random.default_rng(5)
    names, number = ["stays", "guesses"], 40
    trials = pd.DataFrame(
        {
            "participant": np.repeat(names, number),
            "trial": np.tile(np.arange(1, number + 1), 2),
            "recipient": "self",
            **{f"outcome_{k}": rng.integers(0, 2, 2 * number).astype(float) for k in (0, 1)},
            "choice": rng.integers(0, 2, 2 * number).astype(float),
        }
    )
    for row in range(1, number):
        last = int(trials.loc[row - 1, "choice"])
        won = trials.loc[row - 1, f"outcome_{last}"] == 1
        trials.loc[row, "choice"] = float(last if won else 1 - last)
    model = em.get_model(OWN_MODELS / "choice_learning.py")
    (found,) = deterministic_people(arrange(model, em.Study(trials=trials)))
    assert (found.participant, found.kind) == ("stays", "function")
    for name in ("choice", "outcome_0", "outcome_1"):
        assert f"previous '{name}'" in found.how


def test_the_design_tells_them_beforehand(ratings, study):
    odd = with_feelings(study, p01=win_stay, p02=win_stay, p03=lambda rows: 4.0)
    table = em.diagnose_design(ratings, odd, draws=1).set_index("check")
    row = table.loc["people whose 'feeling' follows from what happened"]
    assert row["value"] == 2
    assert row["advice"].startswith(
        "sub-01: is always the same after the same previous 'outcome'; "
    )
    assert "sub-02: " in row["advice"]
    assert table.loc["people whose 'feeling' is always the same", "value"] == 1


# ------------------------------------------------------------------------------ after a fit


@pytest.fixture(scope="module")
def placed(ratings, study):
    """An arrangement with a win-stay rater, and draws of ordinary people, in four chains."""
    arrangement = arrange(ratings, with_feelings(study, p01=win_stay))
    rng = np.random.default_rng(2)
    size, draws = len(arrangement.participants), {}
    for parameter in arrangement.parameters:
        if parameter.level == "participant":
            levels = arrangement.levels[parameter.by] if parameter.by else []
            shape = (4, 50, size, len(levels)) if levels else (4, 50, size)
            dims = ("chain", "draw", "participant", *([parameter.by] if levels else []))
            draws[parameter.name] = dims, rng.uniform(0.4, 0.6, shape)
    return arrangement, xr.Dataset(draws)


def moved(posterior, name, person, values):
    """The posterior, with one person's values of a parameter (chain, 1) replaced."""
    array = posterior[name].copy(deep=True)
    array[:, :, person] = np.asarray(values) * (1 + 0.01 * array[:, :, person])
    return posterior.assign({name: array})


def test_ordinary_people_sit_nowhere(placed):
    arrangement, posterior = placed
    assert at_an_end(posterior, arrangement) == []
    assert in_different_places(posterior, arrangement) == []


@pytest.mark.parametrize("name", em.list_models())
def test_people_with_typical_values_sit_nowhere(name):
    """Values are in units of responses where a parameter's range is theirs."""
    model = em.get_model(name)
    arrangement = arrange(model, em.load_study(design_of(name)))
    rng, people, draws = np.random.default_rng(3), len(arrangement.participants), {}
    for parameter in arrangement.parameters:
        if parameter.level == "participant":
            levels = [len(arrangement.levels[parameter.by])] if parameter.by else []
            zero, width = scale_of(model, parameter)
            values = zero + width * rng.uniform(*parameter.typical, (2, 50, people, *levels))
            dims = ("chain", "draw", "participant", *([parameter.by] if levels else []))
            draws[parameter.name] = dims, values
    assert named_places(at_an_end(xr.Dataset(draws), arrangement), arrangement) == ""


def test_ends_are_named_with_their_reason(placed):
    arrangement, posterior = placed
    odd = moved(posterior, "feeling_noise", 0, [[1e-3]] * 4)
    odd = moved(odd, "learning_rate", 4, [[0.998]] * 4)
    odd = moved(odd, "learning_rate", 7, [[0.004]] * 4)
    found = at_an_end(odd, arrangement)
    text = named_places(found, arrangement, deterministic_people(arrangement))
    assert "sub-01: 'feeling_noise' near 0 (median 0.001), since their 'feeling' is always" in text
    assert "sub-05: 'learning_rate' near 1 (median 1)" in text
    assert "sub-08: 'learning_rate' near 0 (median 0.004)" in text
    assert len(found) == 3


def test_a_mode_of_its_own_is_named_with_its_chains(placed):
    arrangement, posterior = placed
    odd = moved(posterior, "learning_rate", 31, [[0.001], [0.001], [0.001], [0.36]])
    (place,) = in_different_places(odd, arrangement)
    assert (place.participant, place.label) == ("sub-32", "learning_rate")
    assert place.where == "about 0.001 in chains 1, 2, 3 and about 0.36 in chain 4"
    odd = moved(odd, "learning_rate", 2, [[0.9], [0.2], [0.9], [0.2]])
    text = named_places(in_different_places(odd, arrangement), arrangement)
    assert "sub-03: 'learning_rate' about 0.2 in chains 2, 4 and about 0.9 in chains 1, 3" in text


def test_check_names_them(fit):
    table = em.check(changed(fit), draws=20).set_index("check")
    row = table.loc["people whose chains lie apart"]
    assert (row["value"], bool(row["passed"])) == (1, False)
    assert "sub-09: 'learning_rate' about 0.1 in chain 1 and about 0.8 in chain 2" in row["advice"]
    assert "sub-02: 'feeling_noise' near 0" in table.loc["people at an end of a range", "advice"]


def changed(fit):
    other = fit.copy()
    odd = moved(fit["posterior"].to_dataset(), "learning_rate", 8, [[0.1], [0.8]])
    other["posterior"] = xr.DataTree(moved(odd, "feeling_noise", 1, [[1e-5]] * 2))
    return other


def test_check_names_who_gives_the_same_answer_wherever_the_noise_is(own_model, own_study):
    """Above a quarter of a grain nothing of theirs is at an end, and they are told all the same."""
    trials = own_study.trials.copy()
    trials.loc[trials["participant"].isin(["P07", "P11"]), "rating"] = 3.25
    fit = em.fit(own_model, replace(own_study, trials=trials), method="laplace", seed=1)
    table = em.check(fit, draws=20).set_index("check")
    row = table.loc["people whose 'rating' is always the same"]
    assert (row["value"], row["limit"], bool(row["passed"])) == (2, "information", True)
    assert row["advice"].startswith("P07: is always 3.25; P11: is always 3.25. ")
    assert "Study.exclude" in row["advice"]


def test_check_says_when_no_predictive_check_was_made(fit, monkeypatch):
    monkeypatch.setattr(checking, "predictive_statistics", lambda *given: [])
    row = em.check(fit, draws=20).set_index("check").loc["predictive checks"]
    assert (row["value"], row["limit"], bool(row["passed"])) == (0, "information", True)
    assert "declares no statistic of 'feeling', 'insula'" in row["advice"]
