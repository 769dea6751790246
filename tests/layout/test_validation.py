"""A study against a model: what is refused, left out, counted, warned of, and handed on."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pymc_extras.prior import Prior

from empathymodels.declaration.catalog import get_model
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Column, Parameter, Response, State
from empathymodels.layout.plausibility import mistyped_labels, warn_of_constants
from empathymodels.layout.validate import validate
from empathymodels.study.bundled import load_study
from empathymodels.study.study import Study

RATING = Response("rating", lambda *_: None, "how one feels", range=(1, 9), unit="points")
CHOICE = Response("choice", lambda *_: None, "help or not", levels=(0, 1))
INSULA = Response("insula", lambda *_: None, "activity", table="regions", region="AI")
SCORE = Response("score", lambda *_: None, "empathic concern", table="participants")
OUTCOME = Column("outcome", "whether help came", levels=(0, 1))
PARTNER = Column("partner", "whom it concerns", levels=("ingroup", "outgroup"))
BASELINE = Parameter(
    "baseline",
    "feeling without help",
    location=Prior("Normal", mu=0, sigma=1),
    spread=Prior("HalfNormal", sigma=1),
    by="partner",
)


def model(*responses, columns=(), parameters=(), states=()):
    return Model("Test", parameters, responses, columns=columns, states=states, name="test")


@pytest.fixture
def trials():
    return pd.DataFrame(
        {
            "participant": ["P2", "P2", "P1", "P1"],
            "trial": [1, 2, 1, 2],
            "rating": [1, 5, 9, 3],
            "choice": [0, 1, 1, 0],
            "outcome": [1, 0, 1, 1],
            "partner": ["ingroup", "outgroup", "ingroup", "outgroup"],
        }
    )


@pytest.fixture
def regions():
    return pd.DataFrame(
        {
            "participant": ["P1", "P2", "P2"],
            "region": ["AI", "AI", "ACC"],
            "trial": [1, 2, 9],
            "beta": [0.1, np.nan, 0.3],
        }
    )


def refusal(declared, trials, **settings):
    tables = {key: settings.pop(key) for key in ("participants", "regions") if key in settings}
    with pytest.raises(ValueError) as error:
        validate(declared, Study(trials=trials, name="made up", **tables), **settings)
    return " ".join(str(error.value).split())


# what is handed on


def test_valid_data_pass_untouched(trials, regions):
    study = Study(trials=trials, regions=regions)
    before = {name: table.copy(deep=True) for name, table in study.tables.items()}
    declared = model(RATING, CHOICE, columns=(OUTCOME, PARTNER), parameters=(BASELINE,))
    checked = validate(declared, study)
    assert checked.responses == ("rating", "choice")
    assert checked.left_out == checked.missing == {}
    assert checked.tables["trials"]["rating"].dtype == float
    assert checked.tables["trials"]["partner"][0] == "ingroup"
    assert set(checked.tables) == {"trials", "participants"}
    for name, table in study.tables.items():
        pd.testing.assert_frame_equal(table, before[name])


def test_numbers_written_as_text_are_read(trials):
    trials["rating"] = ["1", "5.5", " 9", None]
    read = validate(model(RATING), Study(trials=trials)).tables["trials"]["rating"]
    np.testing.assert_array_equal(read, [1, 5.5, 9, np.nan])


def test_trials_come_in_order_and_know_their_row(trials):
    shuffled = trials.iloc[[3, 0, 2, 1]].assign(trial=[10, 9, 2, 10])
    table = validate(model(RATING), Study(trials=shuffled)).tables["trials"]
    assert table["participant"].tolist() == ["P1", "P1", "P2", "P2"]  # as they first appear
    assert table["trial"].tolist() == [2, 10, 9, 10]
    assert table["_row"].tolist() == [2, 0, 1, 3]


def test_text_sessions_keep_the_order_in_which_each_person_had_them(trials):
    trials = trials.assign(session=["pre", "post", "post", "pre"], trial=1)
    table = validate(model(RATING), Study(trials=trials)).tables["trials"]
    assert table["session"].tolist() == ["pre", "post", "post", "pre"]


def test_numeric_blocks_ascend(trials):
    trials = trials.assign(block=["10", "9", "2", "1"], trial=1)
    table = validate(model(RATING), Study(trials=trials)).tables["trials"]
    assert table["block"].tolist() == [9, 10, 1, 2]


def test_regions_hold_only_what_is_read(trials, regions):
    checked = validate(model(INSULA), Study(trials=trials, regions=regions))
    assert checked.tables["regions"]["region"].unique().tolist() == ["AI"]
    assert checked.tables["regions"]["_row"].tolist() == [0, 1]
    assert checked.missing == {"regions.beta": 1}


def test_missing_values_are_counted(trials):
    trials["outcome"] = [1, np.nan, np.nan, 0]
    trials.loc[0, "rating"] = np.nan
    checked = validate(model(RATING, columns=(OUTCOME,)), Study(trials=trials))
    assert checked.missing == {"trials.outcome": 2, "trials.rating": 1}


# what is left out


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (Response("ratng", RATING.function, ""), "no column 'ratng'. Did you mean 'rating'?"),
        (SCORE, "participants has no column 'score'"),
        (Response("x", RATING.function, "", table="regions", region="AIns"), "'AI', 'ACC'"),
        (Response("empty", RATING.function, ""), "every value of 'empty' is missing"),
    ],
)
def test_responses_that_the_study_lacks_are_left_out(trials, regions, response, reason):
    study = Study(trials=trials.assign(empty=np.nan), regions=regions)
    checked = validate(model(CHOICE, response), study)
    assert checked.responses == ("choice",)
    assert reason in checked.left_out[response.name]


def test_a_response_of_an_absent_table_is_left_out(trials):
    left_out = validate(model(CHOICE, INSULA), Study(trials=trials)).left_out
    assert left_out == {"insula": "the study has no table 'regions'."}


def test_no_response_left(trials):
    text = refusal(model(INSULA, SCORE), trials)
    assert "Model 'test' cannot use study 'made up'" in text
    assert "At least one response of the model must be in the study. Found none of 2" in text
    assert "'insula': the study has no table 'regions'" in text
    assert "trials has 'participant', 'trial', 'rating'" in text
    assert "Study(..., columns={...})" in text


def test_an_absent_column_is_an_error_unless_only_left_out_responses_need_it(trials):
    trials = trials.drop(columns="outcome").assign(outcomes=1)
    declared = model(RATING, INSULA, columns=(OUTCOME,))
    text = refusal(declared, trials)
    assert "Column 'outcome' (whether help came) must be in trials" in text
    assert "'rating' cannot be explained without it" in text
    assert "Did you mean 'outcomes'?" in text
    needed = {"rating": set(), "insula": {"outcome"}}
    assert validate(declared, Study(trials=trials), needed=needed).responses == ("rating",)
    needed = {"rating": {"outcome"}, "insula": {"outcome"}}
    assert "Column 'outcome'" in refusal(declared, trials, needed=needed)


def test_a_response_may_need_another_response(trials):
    text = refusal(
        model(RATING, CHOICE), trials.drop(columns="choice"), needed={"rating": {"choice"}}
    )
    assert "Column 'choice' (help or not) must be in trials: 'rating'" in text


def test_a_default_replaces_an_absent_column(trials):
    reward = Column("reward", "points at stake", default=1.0)
    checked = validate(model(RATING, columns=(reward,)), Study(trials=trials))
    assert "reward" not in checked.tables["trials"]


def test_columns_that_nothing_needs_are_not_checked(trials):
    trials["outcome"] = "unknown"
    declared = model(RATING, columns=(OUTCOME,))
    assert validate(declared, Study(trials=trials), needed={"rating": set()}).missing == {}


# what is refused


def test_decimal_commas_are_recognised(trials):
    text = refusal(model(RATING), trials.assign(rating=["1,5", "2", "3,25", "4"]))
    assert "Found '1,5', '3,25' in 2 of 4 rows" in text and 'decimal=","' in text
    assert "codes=" not in text
    text = refusal(model(RATING), trials.assign(rating=["1,5", "high", "3", "4"]))
    assert "decimal" not in text and "codes=" in text


def test_every_error_is_told_at_once_and_located(trials):
    trials["rating"] = ["1", "high", "10", "inf"]
    trials.loc[[1, 2, 3], "choice"] = 2
    trials.loc[0, "partner"] = "ingruop"
    trials.loc[1, "partner"] = None
    declared = model(RATING, CHOICE, columns=(PARTNER, OUTCOME), parameters=(BASELINE,))
    text = refusal(declared, trials.drop(columns="outcome"))
    for number in range(1, 8):
        assert f" {number}. " in text
    assert "Column 'outcome' (whether help came) must be in trials" in text
    assert (
        "'partner' of trials must be given in every row. Found no value in 1 of 4 rows: "
        "participant 'P2', trial 2. Fill it in." in text
    )
    assert "'partner' of trials must be one of 'ingroup', 'outgroup'. Found 'ingruop'" in text
    assert "Did you mean 'ingroup'?" in text
    assert "'rating' of trials must be a number. Found 'high' in 1 of 4 rows" in text
    assert "missing={'rating': ['high']}" in text
    assert "'rating' of trials must be finite. Found 'inf' in 1 of 4 rows" in text
    assert "'rating' of trials must lie between 1 and 9 points. Found '10' in 1 of 4" in text
    assert (
        "'choice' of trials must be one of 0, 1. Found 2 in 3 of 4 rows: participant 'P2', "
        "trial 2; participant 'P1', trial 1; participant 'P1', trial 2. "
        "Correct this; or say what every code stands for, codes={'choice': {2: ...}}." in text
    )


def test_simulated_responses_may_leave_their_range_but_columns_may_not(trials):
    trials["rating"], trials["reward"] = [0.2, 5, 9.4, 3], [0, 1, 2, 3]
    reward = Column("reward", "points at stake", range=(0, 3))
    declared = model(replace(RATING, resolution=None), columns=(reward,))
    assert "'rating' of trials must lie between 1 and 9" in refusal(declared, trials)
    with pytest.raises(ValueError, match="'rating' of trials must lie between 1 and 9"):
        validate(model(RATING), Study(trials=trials, simulated=True))  # steps have ends
    checked = validate(declared, Study(trials=trials, simulated=True))
    assert checked.tables["trials"]["rating"].tolist() == [0.2, 5, 9.4, 3]
    with pytest.raises(ValueError, match="'reward' of trials must lie between 0 and 3"):
        validate(declared, Study(trials=trials.assign(reward=4), simulated=True))


def test_ratings_between_declared_steps_are_refused(trials):
    halves = replace(RATING, resolution=0.5)
    trials["rating"] = [1.5, 9, 4.3, 6.25]
    told = refusal(model(halves), trials)
    assert "must be recorded in steps of 0.5 from 1. Found 4.3, 6.25 in 2 of 4 rows" in told
    assert 'model.with_resolution(rating="observed")' in told


def test_any_labels_will_do_but_ids_must_be_given(trials):
    target = Column("target", "whose pain is seen", levels="any")
    by_target = Parameter(
        "appeal", "of a target", BASELINE.location, BASELINE.spread, level="target"
    )
    declared = model(RATING, columns=(target,), parameters=(by_target,))
    labels = validate(declared, Study(trials=trials.assign(target=[3, 1, 4, 1]))).tables["trials"]
    assert labels["target"].tolist() == ["3", "1", "4", "1"]
    text = refusal(declared, trials.assign(target=["a", None, "b", None]))
    assert "'target' of trials must be given in every row. Found no value in 2 of 4" in text


def test_values_of_one_region_are_checked_by_its_own_range(trials, regions):
    narrow = Response("insula", RATING.function, "", table="regions", region="AI", range=(0, 0.05))
    text = refusal(model(narrow), trials, regions=regions)
    assert "'beta' of regions must lie between 0 and 0.05. Found 0.1 in 1 of 2 rows" in text
    assert "participant 'P1', region 'AI', trial 1" in text


def test_betas_need_their_trial(trials, regions):
    regions = regions.assign(trial=[8, 9, 1])
    text = refusal(model(INSULA), trials, regions=regions)
    # the beta of P2 is missing, so its trial is not looked for
    assert "no match for 1 of 1 row: participant 'P1', region 'AI', trial 8" in text


# what is warned of


def test_one_participant(trials):
    with pytest.warns(UserWarning, match="Only one participant: the spread"):
        validate(model(RATING), Study(trials=trials.iloc[:2]))


def test_one_trial_per_participant(trials):
    once = Study(trials=trials.iloc[[0, 2]])
    learner = model(RATING, states=(State("value", 0.0),))
    with pytest.warns(UserWarning, match="learning cannot be told from the start value"):
        validate(learner, once)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        validate(model(RATING), once)


def test_identical_responses(trials):
    with pytest.warns(UserWarning, match=r"'rating' is 5 in all 4 rows. What makes it differ"):
        validate(model(RATING), Study(trials=trials.assign(rating=5)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        validate(model(RATING), Study(trials=trials.assign(rating=5), simulated=True))


def test_betas_and_attributes_that_were_not_standardised():
    study = load_study("motives")
    factor = np.where(study.regions["region"] == "AI", 400, 1)
    betas = study.regions.assign(beta=study.regions["beta"] * factor)
    trials = study.trials.assign(cost=study.trials["cost"] / 50, effort=0.3)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        validate(get_model("motivated_empathy"), Study(trials=trials, regions=betas))
    insula, cost = sorted(str(one.message) for one in told)
    assert re.match(r"Other units: 'AI' .*unit 'z'.* near 1; found \d{3} in [\d,]+ rows\.", insula)
    assert re.match(r"Other units: 'cost' .*unit 'sd'.*found 0\.0\d+ in .*with_priors", cost)


def test_column_without_variance(trials):
    column = Column("pain", "pain seen", range=(0, 1))
    with pytest.warns(UserWarning, match=r"No variance: 'pain' is 1.0 in all 4 rows of trials"):
        warn_of_constants([column], {"trials": trials.assign(pain=1.0)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_constants([column], {"trials": trials.assign(pain=[0, 1, 0, 1.0])})


# what may not be what it seems


def counted_rows(labels, people=10):
    """A table in which every person has each label as often as it is said."""
    shown = [label for label, number in labels.items() for _ in range(number)]
    ids = np.repeat([f"P{k}" for k in range(people)], len(shown))
    return pd.DataFrame({"participant": ids, "cue": np.tile(shown, people)})


@pytest.mark.parametrize("other", ["low ", "Low", " LOW", "l\tow"])
def test_labels_that_differ_by_blanks_or_case(other):
    table = counted_rows({"low": 3, "high": 4, other: 1})
    found = list(mistyped_labels(table, "cue", "trials"))
    if other == "l\tow":
        assert found == []  # as frequent as others, and another word
        return
    assert f"'{other}' (10 rows) for 'low' (30 rows)" in found[0]
    assert f"codes={{'cue': {{'{other}': 'low'}}}} with others=\"keep\"" in found[0]
    coded = Study(
        trials=table.assign(trial=range(80)), codes={"cue": {other: "low"}}, others="keep"
    )
    assert set(coded.trials["cue"]) == {"low", "high"}


@pytest.mark.parametrize(
    ("other", "rows"),
    [("calme\u0301", 2), ("ｃalmé", 2), ("cal\u200bmé", 5), ("calmé\u00a0", 5), ("\u2060calmé", 5)],
)
def test_labels_that_a_reader_cannot_distinguish(other, rows):
    """One with something unseen in it is the mistyped one, however frequent it is."""
    table = counted_rows({"calmé": 3, "high": 4, other: rows})
    (found,) = mistyped_labels(table, "cue", "trials")
    assert f"'{other}' ({rows}0 rows) for 'calmé' (30 rows)" in found


def test_labels_of_few_rows():
    table = counted_rows({"ingroup": 6, "outgroup": 6})
    table.loc[[0, 1], "cue"], table.loc[5, "cue"] = "ingruop", "practice"
    (found,) = mistyped_labels(table, "cue", "trials")
    assert "'ingruop' (2 rows) for 'ingroup' (57 rows), 'practice' (1 row). Each" in found
    groups = np.repeat(["control", "patient"], 20).astype(object)
    people = pd.DataFrame({"participant": range(40), "group": groups})
    people.loc[0, "group"], people.loc[1, "group"] = "contol", "other"
    (found,) = mistyped_labels(people, "group", "participants")
    assert "'contol' (1 row) for 'control' (18 rows). Each" in found


@pytest.mark.parametrize(("typo", "meant"), [("contrl", "control"), ("Lesoin", "lesion")])
def test_a_single_mistyped_label_among_few_people(typo, meant):
    groups = ["control", "lesion", "control", typo, "lesion", "control", "lesion"]
    people = pd.DataFrame({"participant": range(7), "group": groups})
    (found,) = mistyped_labels(people, "group", "participants")
    assert f"'{typo}' (1 row) for '{meant}' (3 rows)" in found
    people["group"] = ["site A", "site B", "site A", "site 1", "site 2", "site A", "site 1"]
    assert list(mistyped_labels(people, "group", "participants")) == []


@pytest.mark.parametrize(
    "labels",
    [
        {f"in-pain-{k:02}": 1 for k in range(30)},
        {"-1": 5, "1": 5, "+1": 4},
        {"A+": 3, "A-": 9},
        {"picture 7": 1, "picture 8": 40},
        {"ally": 30, "rival": 3},
    ],
)
def test_labels_that_mean_what_they_say(labels):
    assert list(mistyped_labels(counted_rows(labels), "cue", "trials")) == []


def test_a_mistyped_label_is_told_of_what_a_model_reads(trials):
    cue = Column("cue", "what is shown", levels="any")
    table = trials.assign(cue=["a", "a", "b", "A"])
    with pytest.warns(UserWarning, match=r"Labels of 'cue' .* 'A' \(1 row\) for 'a' \(2 rows\)"):
        validate(model(RATING, columns=(cue,)), Study(trials=table))


@pytest.mark.parametrize("kind", [object, "str", "category", "string"])
def test_a_mistyped_group_of_people_is_told(trials, kind):
    ids = [f"P{k}" for k in range(1, 9)]
    groups = pd.Series(["control"] * 4 + ["patient"] * 3 + ["Control"]).astype(kind)
    people = pd.DataFrame({"participant": ids, "group": groups, "story": ids})
    with pytest.warns(UserWarning, match=r"Labels of 'group' .* 'Control' \(1 row\) for 'control'"):
        validate(model(RATING), Study(trials=trials, participants=people))


def test_a_mistyped_region_is_told(trials):
    rows = [(person, trial, "AI", 0.1) for person in (1, 2) for trial in range(30)]
    betas = pd.DataFrame(rows, columns=["participant", "trial", "region", "beta"])
    betas.loc[3, "region"] = "A1"
    betas["trial"] = np.tile(np.repeat([1, 2], 15), 2)
    betas["session"] = np.arange(60)
    with pytest.warns(UserWarning, match=r"Labels of 'region' in regions .* 'A1' \(1 row\)"):
        validate(model(RATING), Study(trials=trials, regions=betas))


@pytest.mark.parametrize(
    ("near", "key"),
    [
        ("Block", "block"),
        ("run", "block"),
        ("Run number", "block"),
        ("block_nr", "block"),
        ("ses", "session"),
        ("Session ID", "session"),
        ("study_visit", "session"),
        ("runner", ""),
        ("blocked", ""),
        ("clock", ""),
        ("missionary", ""),
    ],
)
def test_a_key_that_starts_states_anew_may_be_misnamed(trials, near, key):
    learned = model(RATING, states=(State("value", 0.0),))
    table = trials.assign(**{near: [1, 2, 1, 2]})
    for declared, rows in (
        (learned, table),
        (model(RATING), table),  # nothing to start anew
        (learned, table.assign(**{near: 1})),  # one for everybody
        (learned, trials.assign(**{key or "block": [1, 2, 1, 2]})),
    ):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            validate(declared, Study(trials=rows))
        said = [str(w.message) for w in found if "start anew" in str(w.message)]
        is_misread = bool(key) and declared is learned and rows is table
        assert len(said) == is_misread
        assert not is_misread or f'columns={{"{key}": "{near}"}}' in said[0]


@pytest.mark.parametrize(
    ("near", "told"),
    [
        ("motives", 1),
        ("Motive", 1),
        ("mottive", 1),
        ("induced_motive", 1),
        ("Induced motive", 1),
        ("motive_nr", 1),
        ("MOTIVE ID", 1),
        ("mood", 0),
        ("motive_latency", 0),
        ("motive_strength", 0),
    ],
)
def test_an_optional_column_may_be_misnamed(trials, near, told):
    motive = Column("motive", "why one helps", levels=("a", "b"), default="a")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        checked = validate(
            model(RATING, columns=(motive,)), Study(trials=trials.assign(**{near: "b"}))
        )
    absent = "trials has no column 'motive' (why one helps): 'a' is taken in every row."
    assert (absent in checked.notices) == (not told)
    words = (
        f"'a' is taken throughout. There is '{near}': if that is it, columns={{\"motive\": \"{near}"
    )
    assert [words in str(one.message) for one in found] == [True] * told


@pytest.mark.parametrize(
    ("unit", "values", "words"),
    [
        (
            "s",
            [741, 380, 1200, 555],
            "are above 648, as if they were in ms. Divide",
        ),
        (
            "ms",
            [0.7, 0.4, 1.2, 0.5],
            "are below 0.6, as if they were in s. Multiply",
        ),
        (
            "sec",
            [741, 380, 1200, 555],
            "are above 648, as if they were in ms. Divide",
        ),
        ("milliseconds", [0.7, 0.4, 1.2, 0.5], "are below 0.6, as if they were in s. Multiply"),
        ("s", [0.7, 12, 1.2, 95], None),
        ("ms", [741, 380, 1200, 20], None),
    ],
)
def test_seconds_and_milliseconds(trials, unit, values, words):
    time = Response("time", RATING.function, "how long it took", unit=unit)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        validate(model(time), Study(trials=trials.assign(time=values)))
    assert [words in str(one.message) for one in found] == ([True] if words else [])


@pytest.mark.parametrize("value", [1e308, -1e308, 1e200, -3e15, np.inf, -np.inf, "-inf", "1e999"])
@pytest.mark.parametrize("name", ["felt", "reward"])
def test_values_that_nobody_measured(trials, value, name):
    felt = Response("felt", RATING.function, "how one feels")
    reward = Column("reward", "points at stake")
    table = trials.assign(felt=1.0, reward=2.0).astype({name: object})
    table.loc[2, name] = value
    text = refusal(model(felt, columns=(reward,)), table)
    assert f"'{name}' of trials must be " in text
    assert "in 1 of 4 rows: participant 'P1', trial 1" in text


def test_people_without_data_and_scales_in_part(trials):
    many = pd.concat([trials.assign(block=k, rating=[1, 2, 5, 4]) for k in range(15)])
    many.loc[many["participant"] == "P1", "rating"] = np.nan
    people = pd.DataFrame({"participant": ["P1", "P2", "P3", "P4"]})
    study = Study(
        trials=many.assign(rating=many["rating"].fillna(3).where(many.participant == "P2"))
    )
    notices = validate(model(RATING), Study(trials=study.trials, participants=people)).notices
    assert "2 of 4 participants have not any trial: 'P3', 'P4'." in notices[0]
    assert "1 of 4 participants has not any response: 'P1'." in notices[1]
    assert len(notices) == 2
    part = Study(trials=many.assign(rating=np.tile([1, 2, 5, 4], 15)))
    (notice,) = validate(model(RATING), part).notices
    assert "'rating' lies between 1 and 5 in all 60 rows, on a scale from 1 to 9" in notice
    assert "model.with_range(rating=(low, high))" in notice
    assert validate(model(RATING), Study(trials=trials)).notices == ()
