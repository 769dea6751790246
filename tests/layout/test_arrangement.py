"""Studies laid out for models: start values, missing data, joins and summaries, by plain loops."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from pymc_extras.prior import Prior

import empathymodels as em
from empathymodels import (
    Column,
    FirstResponse,
    Model,
    Parameter,
    Response,
    State,
    Study,
    Summary,
    log_likelihood,
    measured,
    pick,
    put,
)
from empathymodels.engine.evaluator import evaluator
from empathymodels.layout.arrange import arrange
from empathymodels.population.given_values import values_from_table

ANY = dict(location=Prior("Normal", mu=0, sigma=1), spread=Prior("HalfNormal", sigma=1))


def log_normal(value, mean, sd=1.0):
    return -0.5 * ((value - mean) / sd) ** 2 - math.log(sd) - 0.5 * math.log(2 * math.pi)


# -------------------------------------------------------------------------------- start values

CUES = ("low", "high")


def by_cue(state, parameters, data):
    """Expectation per cue moves toward the outcome."""
    expected = pick(state.expected, data.cue)
    updated = expected + 0.5 * (data.outcome - expected)
    return dict(expected=put(state.expected, data.cue, updated)), dict(expected=expected)


def plain(state, parameters, data):
    """One expectation for all cues."""
    value = state.expected + 0.5 * (data.outcome - state.expected)
    return dict(expected=value), dict(expected=state.expected)


def rating(latent, parameters, data):
    return pm.Normal.dist(latent.expected, parameters.noise)


NOISY = Parameter("noise", "", ANY["location"], level="population", support="positive")


def starting(start, *, over=None, by=None):
    first = (Parameter(start, "", **ANY, by=by),) if isinstance(start, str) else ()
    cue = (Column("cue", "", levels=CUES),) if over or by else ()
    return Model(
        "starts",
        (NOISY, *first),
        (Response("rating", rating, ""),),
        columns=(Column("outcome", ""), *cue),
        step=by_cue if over else plain,
        states=(State("expected", start, over=over),),
        latents={"expected": ""},
        name="starts",
    )


@pytest.fixture(scope="module")
def cued():
    """Two people, unequal numbers of trials and blocks; the first rating of a block may lack."""
    rng = np.random.default_rng(4)
    rows = [
        {"participant": person, "block": block, "trial": trial + 1}
        for person, blocks in {"b": [3, 6], "a": [5]}.items()
        for block, size in enumerate(blocks, start=1)
        for trial in range(size)
    ]
    table = pd.DataFrame(rows)
    table["cue"] = rng.choice(CUES, len(table))
    table.loc[:2, "cue"] = "low"  # in this block the other cue never comes
    table["outcome"] = rng.normal(size=len(table)).round(2)
    table["rating"] = rng.normal(size=len(table)).round(2)
    table.loc[[0, 5, 9], "rating"] = np.nan
    table.loc[[1, 10], "outcome"] = np.nan
    return table


def start_loop(table, start, *, over=False, scored=True):
    """Log-likelihood per row; `start(rows, cue)` gives the start value of a sequence."""
    found = pd.Series(np.nan, index=table.index)
    for _, rows in table.groupby(["participant", "block"]):
        rows = rows.sort_values("trial")
        expected, seen = {}, set()
        for index, row in rows.iterrows():
            cue = row["cue"] if over else "any"
            if cue not in expected:
                expected[cue] = start(rows, cue)
            if not math.isnan(row["rating"]):
                if scored or cue in seen:
                    found[index] = log_normal(row["rating"], expected[cue])
                seen.add(cue)
            if not math.isnan(row["outcome"]):
                expected[cue] += 0.5 * (row["outcome"] - expected[cue])
    return found.to_numpy()


def first_rating(rows, cue):
    rows = rows if cue == "any" else rows[rows["cue"] == cue]
    rated = rows["rating"].dropna()
    return rated.iloc[0] if len(rated) else math.nan


START = {"b": 0.25, "a": -1.0}
BY_CUE = {"low": {"b": 0.1, "a": 0.2}, "high": {"b": -0.3, "a": 0.4}}
MAPPED = {f"first[{cue}]": pd.Series(values) for cue, values in BY_CUE.items()}


def own(values):
    return lambda rows, cue: values[rows["participant"].iloc[0]]


@pytest.mark.parametrize(
    ("model", "values", "settings"),
    [
        (starting(0.3), {}, {"start": lambda rows, cue: 0.3}),
        (starting("first"), {"first": pd.Series(START)}, {"start": own(START)}),
        (
            starting("first", over="cue", by="cue"),
            MAPPED,
            {"start": lambda rows, cue: own(BY_CUE[cue])(rows, cue), "over": True},
        ),
        (starting("first", over="cue"), {"first": 0.5}, {"start": lambda *_: 0.5, "over": True}),
        (starting(FirstResponse("rating")), {}, {"start": first_rating}),
        (
            starting(FirstResponse("rating", scored=False), over="cue"),
            {},
            {"start": first_rating, "over": True, "scored": False},
        ),
    ],
    ids=["constant", "parameter", "parameter by level", "shared", "first", "first by level"],
)
def test_start_values(cued, model, values, settings):
    found = log_likelihood(model, Study(trials=cued), values | {"noise": 1.0})["row"]["rating"]
    expected = start_loop(cued, **settings)
    assert np.isnan(expected).sum() in (3, 7, 8)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_first_responses_are_scored_or_not(cued):
    study = Study(trials=cued)
    first_seen = {1, 3, 10}  # rows with the first rating of their block
    for scored in (True, False):
        rows = arrange(starting(FirstResponse("rating", scored)), study).scored["rating"].rows
        assert set(rows) == set(np.flatnonzero(cued["rating"].notna())) - (
            set() if scored else first_seen
        )


def test_a_start_value_cannot_change_within_its_sequence(cued):
    with pytest.raises(ValueError, match="'first' is split by 'cue', which changes within"):
        log_likelihood(starting("first", by="cue"), Study(trials=cued), MAPPED | {"noise": 1.0})


# ---------------------------------------------------------------- a study with all three tables

RATE = {"p1": 0.3, "p2": 0.8, "p3": 0.05, "p4": 0.5}
NOISE = 0.7


def step(state, parameters, data):
    error = data.outcome - state.value
    next_state = dict(
        value=state.value + parameters.rate * error, habit=0.8 * state.habit + data.pressed
    )
    return next_state, dict(value=state.value, error=error, habit=state.habit)


def feeling(latent, parameters, data):
    return pm.Normal.dist(latent.value + data.age, 1.0)


def speed(latent, parameters, data):
    return pm.Normal.dist(latent.habit * data.load, 1.0)


def insula(latent, parameters, data):
    return pm.Normal.dist(latent.error, measured(data.se, parameters.noise))


def score(latent, parameters, data):
    mean = latent.last + 2 * latent.change + 3 * latent.mean_error + 5 * latent.surprise
    return pm.Normal.dist(mean, 1.0)


WHOLE = Model(
    "whole",
    (
        Parameter("rate", "", **ANY, support="unit"),
        NOISY,
    ),
    (
        Response("feeling", feeling, ""),
        Response("speed", speed, ""),
        Response("insula", insula, "", table="regions", region="AI"),
        Response("score", score, "", table="participants"),
    ),
    columns=(
        Column("outcome", ""),
        Column("pressed", ""),
        Column("load", ""),
        Column("age", "", table="participants"),
        Column("se", "", table="regions", default=0.0),
    ),
    step=step,
    states=(State("value", 0.25), State("habit", 0.0)),
    latents=dict.fromkeys(("value", "error", "habit"), ""),
    summaries=(
        Summary("last", of="value", kind="last"),
        Summary("change", of="value", kind="change"),
        Summary("mean_error", of="error", kind="mean"),
        Summary("surprise", of="error", kind="mean_absolute"),
    ),
    name="whole",
)
SEQUENCE_LENGTHS = {"p2": [4, 2, 7], "p1": [3, 3], "p3": [1], "p4": [2]}


@pytest.fixture(scope="module")
def tables():
    """People with unequal numbers of blocks and trials, gaps everywhere, betas of two regions."""
    rng = np.random.default_rng(12)
    trials = pd.DataFrame(
        {"participant": person, "block": block, "trial": trial}
        for person, sizes in SEQUENCE_LENGTHS.items()
        for block, size in enumerate(sizes, start=1)
        for trial in range(1, size + 1)
    )
    size = len(trials)
    for name in ("outcome", "load", "feeling", "speed"):
        trials[name] = rng.normal(size=size)
    trials["pressed"] = rng.integers(0, 2, size).astype(float)
    for name, gaps in {
        "outcome": [1, 4, 5, 14, 20, 21],
        "pressed": [0, 4, 9],
        "load": [2, 8],
        "feeling": [3, 11],
        "speed": [6],
    }.items():
        trials.loc[gaps, name] = np.nan
    people = pd.DataFrame(
        {
            "participant": ["p1", "p2", "p3", "p4", "p5"],
            "age": [0.1, -0.4, np.nan, 0.3, 0.2],
            "score": [0.5, -1.0, 0.3, 0.9, 0.8],
        }
    )
    keys = trials[["participant", "block", "trial"]]
    regions = pd.concat([keys.drop([3, 10]).assign(region="AI"), keys.assign(region="ACC")])
    regions["beta"] = rng.normal(size=len(regions))
    regions["se"] = rng.uniform(0.1, 0.5, len(regions))
    regions = regions.sample(frac=1, random_state=5).reset_index(drop=True)
    ours = np.flatnonzero(regions["region"] == "AI")
    regions.loc[ours[2], "beta"] = np.nan
    regions.loc[ours[4], "se"] = np.nan
    return {"trials": trials, "participants": people, "regions": regions}


def whole_loop(tables):
    """Log-likelihoods per row of every table and summaries per person, by plain loops."""
    trials, people = tables["trials"], tables["participants"].set_index("participant")
    found = {name: pd.Series(np.nan, index=trials.index) for name in ("feeling", "speed")}
    latents = {name: pd.Series(np.nan, index=trials.index) for name in ("value", "error", "habit")}
    lasts, changes, errors = {}, {}, {}
    for (person, _), rows in trials.groupby(["participant", "block"]):
        value, habit = 0.25, 0.0
        for index, row in rows.sort_values("trial").iterrows():
            error = row["outcome"] - value
            for name, now in (("value", value), ("error", error), ("habit", habit)):
                latents[name][index] = now
            found["feeling"][index] = log_normal(row["feeling"], value + people.age[person])
            found["speed"][index] = log_normal(row["speed"], habit * row["load"])
            if not math.isnan(error):
                value += RATE[person] * error
                errors.setdefault(person, []).append(error)
            if not math.isnan(row["pressed"]):
                habit = 0.8 * habit + row["pressed"]
        lasts.setdefault(person, []).append(value)
        changes.setdefault(person, []).append(value - 0.25)
    keys = ["participant", "block", "trial"]
    error_of = dict(
        zip(trials[keys].itertuples(index=False, name=None), latents["error"], strict=True)
    )
    found["insula"] = pd.Series(
        [
            log_normal(row.beta, error_of[row.participant, row.block, row.trial],
                       math.hypot(row.se, NOISE))
            if row.region == "AI" else math.nan
            for row in tables["regions"].itertuples()
        ]
    )  # fmt: skip
    summaries = {
        person: {
            "last": np.mean(lasts[person]),
            "change": np.mean(changes[person]),
            "mean_error": np.mean(errors[person]) if person in errors else math.nan,
            "surprise": np.mean(np.abs(errors[person])) if person in errors else math.nan,
        }
        for person in lasts
    }
    scores = []
    for person, row in people.iterrows():
        if person not in summaries:
            scores.append(math.nan)
            continue
        weighted = zip((1, 2, 3, 5), summaries[person].values(), strict=True)
        scores.append(log_normal(row["score"], sum(w * s for w, s in weighted)))
    found["score"] = pd.Series(scores)
    return {name: series.to_numpy() for name, series in found.items()}, latents, summaries


@pytest.fixture(scope="module")
def values():
    return {"rate": pd.Series(RATE | {"p5": 0.5}), "noise": NOISE}


@pytest.fixture(scope="module")
def whole(tables, values):
    return log_likelihood(WHOLE, Study(**tables), values)


@pytest.mark.parametrize(
    ("response", "scored"), [("feeling", 19), ("speed", 19), ("insula", 13), ("score", 3)]
)
def test_rows_equal_a_plain_loop(tables, whole, response, scored):
    expected, _, _ = whole_loop(tables)
    found = whole["row"][response].to_numpy()
    np.testing.assert_allclose(found, expected[response], rtol=1e-12)
    assert np.isfinite(found).sum() == scored


def test_totals_and_people_add_up(tables, whole):
    expected, _, _ = whole_loop(tables)
    assert whole.attrs["total"] == pytest.approx(
        sum(np.nansum(rows) for rows in expected.values()), rel=1e-12
    )
    by_person = whole["participant"]["log_likelihood"].sel(response="feeling")
    feeling_rows = pd.Series(expected["feeling"]).groupby(tables["trials"]["participant"]).sum()
    for person, total in feeling_rows.items():
        assert float(by_person.sel(participant=person)) == pytest.approx(total, rel=1e-12)


def test_summaries_and_latents(tables, values):
    compiled = evaluator(WHOLE, Study(**tables))
    arrangement = compiled.arrangement
    found = compiled(values_from_table(arrangement, values))
    _, latents, summaries = whole_loop(tables)
    for person, expected in summaries.items():
        position = arrangement.participants.index(person)
        for name, number in expected.items():
            if not math.isnan(number):
                assert found["summary"][name][position] == pytest.approx(number, rel=1e-12)
    for name, expected in latents.items():
        in_order = expected.to_numpy()[arrangement.place]
        known = np.isfinite(in_order)
        assert (~known).sum() == (6 if name == "error" else 0)
        np.testing.assert_allclose(found["latent"][name][known], in_order[known], rtol=1e-12)


def test_order_of_rows_does_not_matter(tables, values, whole):
    shuffled = {
        name: table.sample(frac=1, random_state=seed)
        for seed, (name, table) in enumerate(tables.items())
    }
    study = Study(**{name: table.reset_index(drop=True) for name, table in shuffled.items()})
    found = log_likelihood(WHOLE, study, values)
    assert found.attrs["total"] == pytest.approx(whole.attrs["total"], rel=1e-12)
    for response in WHOLE.responses:
        wanted = whole["row"][response.name].to_numpy()[shuffled[response.table].index]
        np.testing.assert_allclose(found["row"][response.name], wanted, rtol=1e-12)


def test_betas_are_joined_by_keys_not_by_position(tables, values, whole):
    trial_of_other_block = tables["regions"].copy()
    ours = (trial_of_other_block["participant"] == "p1") & (trial_of_other_block["block"] == 1)
    swapped = trial_of_other_block.assign(
        block=np.where(ours, 2, np.where(
            (trial_of_other_block["participant"] == "p1"), 1, trial_of_other_block["block"]
        ))
    )  # fmt: skip
    moved = {**tables, "regions": swapped}
    found = log_likelihood(WHOLE, Study(**moved), values)["row"]["insula"]
    expected, _, _ = whole_loop(moved)
    np.testing.assert_allclose(found, expected["insula"], rtol=1e-12)
    assert not np.allclose(found, whole["row"]["insula"], equal_nan=True)


def test_a_person_without_any_outcome_has_no_mean_surprise(tables, whole):
    people = tables["participants"]["participant"].tolist()
    assert math.isnan(whole["row"]["score"][people.index("p4")])  # no outcome at all
    assert math.isnan(whole["row"]["score"][people.index("p5")])  # no trial at all
    assert math.isfinite(whole["row"]["score"][people.index("p3")])


def test_responses_are_left_out_with_their_tables(tables):
    arrangement = arrange(
        WHOLE, Study(trials=tables["trials"], participants=tables["participants"])
    )
    assert list(arrangement.scored) == ["feeling", "speed", "score"]
    assert "regions" in arrangement.checked.left_out["insula"]
    assert [p.name for p in arrangement.parameters] == ["rate"]


def test_layout_of_unequal_sequences(tables):
    layout = arrange(WHOLE, Study(**tables)).layout
    sizes = sorted((n for lengths in SEQUENCE_LENGTHS.values() for n in lengths), reverse=True)
    assert np.bincount(layout.sequence).tolist() == sizes
    assert len(layout.offsets) == max(sizes) + 1


# ----------------------------------------------------------------------------- absent columns


def test_a_first_response_must_be_in_the_study(cued):
    comfort = Response("comfort", rating, "")
    model = starting(FirstResponse("rating"))
    model = replace(model, responses=(*model.responses, comfort))
    unrated = cued.drop(columns="rating").assign(comfort=np.arange(len(cued)))
    with pytest.raises(ValueError, match="'comfort' cannot be explained without it"):
        arrange(model, Study(trials=unrated))


def test_columns_only_latents_need_may_be_absent():
    def static(state, parameters, data):
        return dict(net=data.gain, cost=parameters.dislike * data.effort)

    model = Model(
        "static",
        (Parameter("dislike", "", **ANY), NOISY),
        (
            Response("rating", lambda latent, p, d: pm.Normal.dist(latent.net, p.noise), ""),
            Response("speed", lambda latent, p, d: pm.Normal.dist(latent.cost, 1.0), ""),
        ),
        columns=(Column("gain", ""), Column("effort", "")),
        step=static,
        latents={"net": "", "cost": ""},
        name="static",
    )
    table = pd.DataFrame(
        {
            "participant": ["a", "a", "b"],
            "trial": [1, 2, 1],
            "gain": [1.0, 2, 3],
            "rating": [2.0, 2, 1],
        }
    )
    found = log_likelihood(model, Study(trials=table), {"noise": 1.0})
    expected = [log_normal(r, g) for r, g in zip(table["rating"], table["gain"], strict=True)]
    np.testing.assert_allclose(found["row"]["rating"], expected, rtol=1e-12)
    assert list(arrange(model, Study(trials=table)).equations.latents) == ["net"]


def test_what_absent_columns_and_unused_parameters_reach_is_left_out(tables):
    people = Study(
        trials=tables["trials"].drop(columns="pressed"), participants=tables["participants"]
    )

    def older(latent, parameters, data):
        return pm.Normal.dist(data.age, parameters.noise)

    model = replace(
        WHOLE,
        responses=(*WHOLE.responses[1:3], Response("score", older, "", table="participants")),
    )
    arrangement = arrange(model.without("speed", "insula"), people)
    assert not arrangement.equations.latents
    assert not arrangement.equations.states
    found = log_likelihood(model.without("speed", "insula"), people, {"noise": 1.0})
    ages = tables["participants"]["age"]
    expected = [
        log_normal(s, a) for s, a in zip(tables["participants"]["score"], ages, strict=True)
    ]
    np.testing.assert_allclose(found["row"]["score"], expected, rtol=1e-12)


def test_a_state_without_first_response_is_unknown(cued):
    def comfort(latent, parameters, data):
        return pm.Normal.dist(latent.expected, 1.0)

    model = starting(FirstResponse("rating"))
    model = replace(model, responses=(*model.responses, Response("comfort", comfort, "")))
    unrated = cued.assign(
        comfort=np.arange(len(cued)), rating=cued["rating"].where(cued["participant"] == "a")
    )
    rows = log_likelihood(model, Study(trials=unrated), {"noise": 1.0})["row"]["comfort"]
    assert np.isnan(rows.to_numpy()[unrated["participant"] == "b"]).all()


@pytest.mark.parametrize(
    ("name", "study", "column", "others"),
    [
        ("intergroup_bias", "group_pain", "item", set()),
        ("empathic_accuracy", "accurate_perceivers", "target", {"item_inference"}),
        ("empathy_regulation", "regulated_empathy", "story", set()),
    ],
)
def test_what_one_item_alone_adds_is_held(name, study, column, others):
    """It moves with the mean, and its spread is known from the prior alone."""
    model, study = em.get_model(name), em.load_study(study)
    crossed = {p.name for p in model.parameters if p.is_item and p.fixed is None}
    assert {p.level for p in model.parameters if p.name in crossed - others} == {column}
    assert crossed & {*arrange(model, study).held} == set()

    def held(change):
        tables = study.tables | {"trials": change(study.trials)}
        return arrange(model, em.Study(**tables, simulated=True)).held

    alone = held(lambda trials: trials.assign(**{column: "one"}))
    assert {*alone} == crossed - others
    assert all(why.startswith(f"0: what one '{column}' alone adds") for why in alone.values())
    two = np.where(np.arange(len(study.trials)) % 2, "one", "other")
    assert held(lambda trials: trials.assign(**{column: two})) == {}
    if model.column(column).default is not None:
        absent = held(lambda trials: trials.drop(columns=column))
        assert absent == dict.fromkeys(alone, f"0: no table has a column '{column}'.")
