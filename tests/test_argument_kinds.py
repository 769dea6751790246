"""Arguments of the wrong kind, to every public verb: told by name, before anything is compiled."""

import inspect
import re
import traceback
from collections import ChainMap, UserDict
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.declaration.dependencies import check_declaration
from empathymodels.engine import density
from empathymodels.engine import evaluator as evaluating
from empathymodels.kept import Kept

PACKAGE = str(Path(em.__file__).parent)
NO_NUMBER = ["many", None, [3], True, 1.5, 0, -1, np.nan]
NO_SHARE = ["half", None, [0.5], True, 0, 1, 2, -0.1, np.nan, np.inf]
NO_TEXT = [None, 3, ["a"], b"a", {"a": 1}]
NO_MAPPING = ["a", 3, ["a"], {"a"}]
NO_MODEL = [None, "prosocial_effort", 3, em.Study, ["model"]]
NO_PATH = [None, 3, ["a"], b"a"]
TABLE_OF_ANY_KIND = pd.DataFrame({"a": [1]})


def every(names, wrong):
    return dict.fromkeys(names, wrong)


WRONG = {
    **every(("draws", "n", "tune", "chains", "starts", "max_draws", "cores"), NO_NUMBER),
    **every(("bins", "workers", "folds", "from_block"), ["many", [3], True, 1.5]),
    **every(("seed", "calibration"), ["many", [3], True, 1.5, -1]),
    **every(("prob", "probability", "target_accept"), NO_SHARE),
    "minutes": ["long", None, [1], True, -1, -2, np.nan, np.inf],
    **every(("model", "source"), NO_MODEL),
    **every(("study", "design"), [3, "outgroup_help", ["study"], em.Study]),
    "models": [None, 3, "a", [1], {"a": 3, "b": None}, {}],
    "covariates": [
        *NO_MAPPING,
        {"slope": None},
        {"slope": 3},
        {"slope": ["age"]},
        {1: "age"},
        {"slpoe": "age"},
        {"slope": "agee"},
        {"slope": ""},
        {"slope": "age +"},
        pd.Series(["age", "age"], index=["slope", "slope"]),
        pd.Series(["age"]),
        pd.DataFrame({"slope": ["age"]}),
        [("slope", "age")],
    ],
    **every(("first", "second"), [None, 3, "a", ["a"], {"gruop": "in"}, {1: 2}]),
    "parameter": [*NO_TEXT, "slpoe", ""],
    "response": [3, ["a"], b"a", {"a": 1}, "ratng", ""],
    "latent": [*NO_TEXT, "valeu", ""],
    "column": [*NO_TEXT, "intensty", ""],
    "through": [None, 3, "valeu", [], [3]],
    "values": [None, 3, "ab", (1,), (1, 2, 3), ("a", "b"), (np.nan, 1)],
    **every(("by", "x"), [3, ["a"], b"a", {"a": 1}, "gruop", ""]),
    **every(("unit", "kind", "scale", "method"), [3, ["a"], "", "trails", None]),
    "rope": [3, "ab", (1,), (0.1, -0.1), ("a", "b"), (np.nan, 1)],
    "minus": [3, "ab", ({},), ({"gruop": "in"}, {})],
    "participants": [3.5, ["P99"], "P99", [None]],
    "parameters": [3, "a", ["a"], {"slpoe": 1.0}, {"slope": "a"}, {"slope": None}, pd.DataFrame()],
    **every(("path", "folder", "store"), NO_PATH),
    "name": [*NO_TEXT, "prosocial_efort", ""],
    "table": [None, 3, "a", {}, pd.DataFrame(), TABLE_OF_ANY_KIND],
    "comparison": [3, "a", {}, pd.DataFrame({"a": [1]})],
    "question": [None, 3, ["a"]],
    "truth": [3, "a", ["a"], {"slpoe": 1.0}, pd.DataFrame({"a": [1]})],
    "evidences": [None, 3, "a", [1], {}, pd.DataFrame()],
    "evidence": [3, ["a"], "elpdd"],
    "families": [3, "a", ["a"], {"x": 3}, {"x": ["nobody"]}, {}],
    "groups": [3, "a", {"nobody": "a"}],
    "people": [None, 3, "a", [], [0], [1.5], ["a"]],
    "trials": [3, "a", [], [0], [1.5], ["a"]],
    "effect": [3, "a", ["a"], {"slpoe": 1.0}],
    "population": [3, "normall", ["normal"], {}],
    "until": [3, "converge", ["a"], True],
    "on_interrupt": [None, 3, "stop"],
    "centring": ["measure", None, ["a"], {"slpoe": 1.0}, {"slope": "a"}, 2.0, -1, np.nan],
    "sampler": [
        *NO_MAPPING,
        *({"maxdepth": wrong} for wrong in ("a", None, 8.5, [8], np.array([8]), object())),
        {"maxdept": 8},
        {1: 8},
    ],
    "progress": [3, "yes", ["a"]],
    "refit": [3, "yes", None],
    **every(("trust_source", "overwrite"), [3, "yes", None]),
    "fits": [None, 3, {}],
}
ALLOWED = {  # what some verbs do take
    ("verify", "model"): ["prosocial_effort"],
    ("write_table", "table"): [TABLE_OF_ANY_KIND],
}


@pytest.fixture
def never(monkeypatch):
    """Whatever is compiled to machine code fails a test."""

    def compiled(*_, **__):
        raise AssertionError("something was compiled")

    monkeypatch.setattr(evaluating.Program, "_function", compiled)
    monkeypatch.setattr(evaluating, "_PROGRAMS", Kept())
    monkeypatch.setattr(evaluating, "_EVALUATORS", Kept())
    monkeypatch.setattr(density, "compiled_model", compiled)


@pytest.fixture
def calls(own_model, own_study, drawn_fit, tmp_path):
    """A call of every verb that would work, as keywords."""
    fit, both = {"fit": drawn_fit}, {"model": own_model, "study": own_study}
    design = {"model": own_model, "design": own_study}
    sides = {"parameter": "slope", "first": {}, "second": {}}
    return {
        "calibrate": design,
        "certify": both,
        "check": fit,
        "compare": {"fits": {"a": drawn_fit, "b": drawn_fit}},
        "classify": fit,
        "combine_glms": {"effects": [1.0, 2.0], "variances": [1.0, 1.0]},
        "confuse": {"models": {"a": own_model, "b": own_model.fix(slope=0)}, "design": own_study},
        "card": {"model": own_model},
        "contrast": fit | sides,
        "design_power": design | sides | {"rope": (-0.1, 0.1), "people": (10,)},
        "diagnose_design": both,
        "estimates": fit,
        "extract": {"images": pd.DataFrame()},
        "fetch_study": {"name": "lockwood_2024"},
        "fit": both,
        "fit_regions": both,
        "fit_rivals": both,
        "get_model": {"name": "prosocial_effort"},
        "latents": fit,
        "load": {"path": tmp_path / "fit.nc"},
        "load_study": {"name": "outgroup_help"},
        "log_likelihood": both | {"parameters": {}},
        "loo": fit,
        "plain_normal": {"model": own_model},
        "path_effects": fit
        | {"column": "intensity", "response": "rating", "through": "value", "values": (0, 1)},
        "plot_calibration": {"table": pd.DataFrame()},
        "plot_compare": {"table": pd.DataFrame()},
        "plot_confusion": {"table": pd.DataFrame()},
        "plot_correlations": fit,
        "plot_latent": fit | {"latent": "value"},
        "plot_motives": fit,
        "plot_parameters": fit,
        "plot_people": fit | {"parameter": "slope"},
        "plot_predictions": fit | {"response": "rating"},
        "plot_recovery": {"source": drawn_fit},
        "plot_regions": {},
        "plot_response_over_latent": fit | {"response": "rating", "latent": "value"},
        "plot_selection": {"table": pd.DataFrame()},
        "plot_statistics": fit,
        "point_estimates": both,
        "predict": {"source": drawn_fit, "seed": 1},
        "recover": design,
        "region_effects": {"result": xr.Dataset(), "quantity": "slope_mean"},
        "regions": {},
        "reliability": fit | {"parameter": "slope"},
        "report": {"fits": drawn_fit, "path": tmp_path / "page.html"},
        "save": fit | {"path": tmp_path / "fit.nc"},
        "select": {"evidences": pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 1.0]})},
        "sensitivity": fit,
        "signature_scores": {"images": ["a.nii"], "weight_map": "care.nii"},
        "simulate_feedback": {"filter": None},
        "simulate": both | {"seed": 1},
        "to_events": fit | {"folder": tmp_path / "events", "latent": "value", "task": "help"},
        "train_signature": {"images": pd.DataFrame(), "target_column": "care"},
        "verify": {"model": own_model},
        "with_log_likelihood": fit,
        "write_table": {"table": TABLE_OF_ANY_KIND, "path": tmp_path / "table.csv"},
    }


NO_VERBS = {"cite", "list_models", "list_studies"}
NO_VERBS |= {"measured", "pick", "put", "thresholds", "hgf_binary", "volatile_kalman"}
VERBS = sorted(n for n in em.__all__ if inspect.isfunction(getattr(em, n)) and n not in NO_VERBS)


def test_every_verb_is_tried(calls):
    assert sorted(calls) == VERBS


def faults(verb, given, names):
    """What a verb does with wrong arguments that is no sentence of ours."""
    for name in names:
        for wrong in WRONG.get(name, []):
            default = inspect.signature(verb).parameters[name].default
            allowed = ALLOWED.get((verb.__name__, name), [])
            if default is wrong or any(wrong is one for one in allowed):
                continue
            if told := fault(verb, **given | {name: wrong}):
                yield f"{verb.__name__}({name}={wrong!r:.60}): {told}"


def fault(verb, *args, **given):
    """What a verb does with a call that is no sentence of ours; empty where it tells one."""
    try:
        verb(*args, **given)
    except (TypeError, ValueError, KeyError, FileNotFoundError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        if last.filename.startswith(PACKAGE) and re.search(r"[.?]['\"]?$", str(error)):
            return ""
        told = f"{type(error).__name__}: {str(error)[:150]}"
        return f"{told} at {Path(last.filename).name}:{last.lineno}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:150]}"
    return "taken"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", VERBS)
def test_arguments_of_the_wrong_kind_are_told(name, calls, never, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    verb = getattr(em, name)
    found = list(faults(verb, calls[name], inspect.signature(verb).parameters))
    assert not found, "\n".join(found)
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------ studies and models

TABLE = pd.DataFrame({"participant": ["a", "a", "b"], "trial": [1, 2, 1], "rating": [1, 2, 3]})
CODE_OF_ALL = {1: "low", 2: "middle", 3: "high"}
NO_CODES = [
    *NO_MAPPING,
    *({"rating": wrong} for wrong in (None, 3, "abc", [1], {1: 2}, {})),
    *({"rating": CODE_OF_ALL | {1: wrong}} for wrong in ([2], {2: 3}, b"x", (1,), object())),
    *({"rating": CODE_OF_ALL | {wrong: 3}} for wrong in ((1,), b"1", pd.Timestamp("2020"))),
    {None: CODE_OF_ALL},
    {3: CODE_OF_ALL},
    {"ratng": CODE_OF_ALL},
]
NO_MARKS = [
    *NO_MAPPING,
    *({"rating": wrong} for wrong in (b"1", [[1]], [b"1"], {1: 2}, (1, (2,)), object(), 7)),
    {3: [1]},
    {"ratng": [1]},
]
NO_COLUMNS = [
    *NO_MAPPING,
    *({"rating": wrong} for wrong in (None, 3, ["a"], b"a", "ratng", {"rating": "rating"})),
    {3: "rating"},
    {"trials": {"rating": 3}},
]
NO_FLAG = ["yes", None, 3, [True], 1.0]
OF_STUDY = {
    **every(("trials", "participants", "regions"), [3, "nowhere.csv", b"a", True, {}, [3], []]),
    **every(("name", "citation", "notes", "encoding"), NO_TEXT),
    "columns": NO_COLUMNS,
    "missing": NO_MARKS,
    "codes": NO_CODES,
    "others": [None, 3, "", "drop", ["keep"], True],
    "file_names": [3, ["a"], b"a", {"a": 1}],
    "log": [None, 3, "done", [3], ({},)],
    "simulated": NO_FLAG,
}
OF_BIDS = {
    "folder": [None, 3, ["a"], b"a", "nowhere"],
    "task": [*NO_TEXT, "", "other"],
    "keep": [3, ["a"], b"a", "", "rating >"],
    "labels": [3, {"a": 1}, [3], ["nowhere"]],
    "sessions": [3.5, [None], [["1"]], {"1"}],
    **{name: OF_STUDY[name] for name in ("columns", "missing", "codes", "others")},
}
OF_EXCLUDE = {
    "query": [*NO_TEXT, "", "ratng > 1", "rating >"],
    "table": [None, 3, ["trials"], "trial"],
    "reason": NO_TEXT,
}


def of_study(**given):
    return em.Study(**{"trials": TABLE} | given)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", OF_STUDY)
def test_studies_are_of_what_their_arguments_say(name):
    default = inspect.signature(em.Study).parameters[name].default
    for wrong in [one for one in OF_STUDY[name] if one is not default]:
        assert not fault(of_study, **{name: wrong}), wrong


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_data_sets_and_exclusions_are_of_what_their_arguments_say(tmp_path):
    events = tmp_path / "sub-01" / "func" / "sub-01_task-pain_events.tsv"
    events.parent.mkdir(parents=True)
    events.write_text("onset\tduration\trating\n0\t1\t1\n5\t1\t2\n9\t1\t3\n")
    right = {"folder": tmp_path, "task": "pain"}
    assert len(em.Study.from_bids(**right).trials) == 3
    for name, wrongs in OF_BIDS.items():
        default = inspect.signature(em.Study.from_bids).parameters[name].default
        for wrong in [one for one in wrongs if one is not default]:
            assert not fault(em.Study.from_bids, **right | {name: wrong}), (name, wrong)
    right = {"query": "rating > 2", "reason": "test"}
    for name, wrongs in OF_EXCLUDE.items():
        for wrong in wrongs:
            assert not fault(of_study().exclude, **right | {name: wrong}), (name, wrong)


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        ("missing", {"rating": 3}),
        ("missing", {"rating": [1, np.nan, "7"]}),
        ("missing", {"rating": {3}}),
        ("missing", {"rating": np.array([3.0])}),
        ("codes", {"rating": {1: True, 2.0: None, "3": np.float32(0.5)}}),
        ("codes", {"rating": pd.Series({1: 1.5, 2: 2.5, 3: np.nan})}),
        ("codes", pd.Series({"rating": {np.int64(1): "a", 2: np.int64(7), 3: "c"}})),
        ("columns", {"trials": {"felt": "rating"}}),
        ("log", ["done before"]),
        ("simulated", np.True_),
    ],
)
def test_what_may_be_given_to_a_study(argument, given):
    study = of_study(**{argument: given})
    values = study.trials.get("rating", study.trials.get("felt")).tolist()
    assert all(value != value or isinstance(value, int | float | str) for value in values)


NO_VALUE = ["a", None, [1], b"a", True, np.nan, np.inf, {"in": "a"}, object(), em.Study]
OF_MODEL = {
    **every(("pool", "without", "rival", "parameter", "response", "column"), NO_TEXT),
    "with_population": [*NO_TEXT, "gaussian"],
    "vary": [3, None, "fix", [3], [["fix"]]],
    "with_resolution": ["many", [1], b"a", True, np.nan],
    "split": [3, None, ["a"]],
    "with_outcome": NO_TEXT,
    "with_summary": NO_TEXT,
}
OF_OUTCOME = {
    "on": [None, 3, "value_change", [3], [None]],
    "range": [3, "ab", (1,), (1, 2, 3), (2, 1), (0, "a"), (0, np.inf)],
    **every(("before", "by", "measures"), [3, ["a"], b"a", {"a": 1}]),
    **every(("meaning", "unit"), NO_TEXT),
}
OF_NAMED = {
    ("fix", "learning_rate"): NO_VALUE,
    ("fix_share", "feeling_noise"): NO_VALUE,
    ("with_priors", "learning_rate"): [*NO_VALUE, 3, {"location": 3}, {"place": None}],
    ("with_resolution", "feeling"): ["many", [1], b"a", True, np.nan, 0, -1],
    ("with_region", "insula"): NO_TEXT,
    ("with_timing", "feeling"): [*NO_TEXT, "later"],
    ("with_range", "feeling"): [None, 3, "ab", (1,), (1, 2, 3), (2, 1), (0, "a"), (0, np.inf)],
}


def test_variants_are_of_what_their_arguments_say(model, study):
    for name, wrongs in OF_MODEL.items():
        for wrong in wrongs:
            assert not fault(getattr(model, name), wrong), (name, wrong)
    for (name, argument), wrongs in OF_NAMED.items():
        for wrong in wrongs:
            assert not fault(getattr(model, name), **{argument: wrong}), (name, wrong)
        assert not fault(getattr(model, name), nobody=0.5)
    for name, wrongs in OF_OUTCOME.items():
        for wrong in wrongs:
            given = {"on": ["value_change"]} | {name: wrong}
            assert not fault(model.with_outcome, "relief", **given), (name, wrong)
    for wrong in [*NO_TEXT, "median"]:
        assert not fault(model.with_summary, "late", of="value", kind=wrong), wrong
    for wrong in [*NO_TEXT, "valu"]:
        assert not fault(model.with_summary, "late", of=wrong, kind="last"), wrong
    for wrong in [*NO_TEXT, "no_learnin"]:
        assert not fault(em.fit_rivals, model, study, wrong), wrong
    assert not fault(model.split, "session", ["learning_rate"])


# ---------------------------------------------------------------------------- declarations

PRIOR = em.Prior("Normal", mu=0, sigma=1)
DECLARATIONS = {
    "Column": em.Column("x", "seen"),
    "Parameter": em.Parameter("a", "a weight", location=PRIOR, spread=em.Prior("HalfNormal")),
    "State": em.State("value", 0.0),
    "FirstResponse": em.FirstResponse("rating"),
    "Summary": em.Summary("late", "value", "last"),
    "Response": em.Response("rating", len, "felt"),
    "Statistic": em.Statistic("mean", "rating", len),
    "Reference": em.Reference("Somebody (2020).", "10.1000/1"),
}
NO_FUNCTION = [None, 3, "a", [len], PRIOR]
NO_PRIOR = ["Normal", [PRIOR], {"mu": 0}, em.Prior, True, np.nan]
NO_REAL = ["a", [1], b"a", True, np.nan, np.inf, {1}, object(), em.Study]
NO_RANGE = [3, "ab", (1,), (1, 2, 3), (0, "a"), (0, np.nan), {0, 1}, {0: 1}]
OF_FIELD = {
    "str": NO_TEXT,
    "str | None": [3, ["a"], b"a", {"a": 1}, True],
    "bool": ["yes", None, 3, [True], 1.0],
    "float": [*NO_REAL, None],
    "Table": [*NO_TEXT, "trial"],
    "Prediction": [*NO_TEXT, "simulated"],
    "Support": [*NO_TEXT, "positiv"],
    "Motive | None": [3, ["approach"], "aproach", True],
    "Prior | tuple[float, float]": [*NO_PRIOR, None, 3, (1,), (1, 2, 3), ("a", 1), (0, np.inf)],
    "Prior | float | None": [*NO_PRIOR, (0, 1)],
    "tuple[float, float]": [*NO_RANGE, None],
    "tuple[float, float] | None": NO_RANGE,
    "tuple[float, ...] | None": [3, "ab", ("a",), [None], {1, 2}, len],
    "float | str | None": NO_REAL[1:],
    "float | str | FirstResponse": [*NO_REAL[1:], None, PRIOR],
    "float | Mapping[str, float] | None": [*NO_REAL, {1: 2}, {"in": "a"}, {"in": None}],
    "float | Literal['observed'] | None": [*NO_REAL[1:], "all"],
    "tuple[Any, ...] | Literal['any'] | None": [3, "some", {"a"}, len],
    "Literal['location', 'scale']": [*NO_TEXT, "size"],
    "Literal['before', 'after']": [*NO_TEXT, "later"],
    "Literal['last', 'change', 'mean', 'mean_absolute']": [*NO_TEXT, "first"],
    "Callable[[Any, Any, Any], Any]": NO_FUNCTION,
    "Callable[[Any], float]": NO_FUNCTION,
}


@pytest.mark.parametrize("name", DECLARATIONS)
def test_fields_of_declarations_are_of_what_they_are_declared_as(name):
    part = DECLARATIONS[name]
    for field in fields(part):
        for wrong in OF_FIELD[field.type]:
            assert not fault(replace, part, **{field.name: wrong}), (field.name, wrong)
    with pytest.raises(TypeError, match=rf"{name}\(\) cannot be called so: missing.* It takes '"):
        type(part)()


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("title", NO_TEXT),
        ("notes", NO_TEXT),
        ("population", [*NO_TEXT, "gaussian"]),
        ("step", [3, "a", [len]]),
        ("parameters", [None, 3, "a", PRIOR, [PRIOR], ["slope"], {"slope": PRIOR}]),
        ("responses", [None, 3, "a", [len], ["rating"], DECLARATIONS["Response"]]),
        ("columns", [None, 3, ["intensity"], DECLARATIONS["Column"]]),
        ("states", [None, 3, ["value"], {"value": 0.0}]),
        ("summaries", [None, ["late"]]),
        ("statistics", [None, [len], {"mean": len}]),
        ("references", [None, "Somebody (2020).", ["Somebody (2020)."]]),
        ("sequence", [None, 3, "block", [1]]),
        ("correlate", [None, 3, "slope", [1], ["nobody"]]),
        ("latents", [None, 3, "value", ["value"], {"value": 3}, {1: "a"}]),
        ("covariates", [None, 3, "age", ["age"], {"slope": 3}, {"slope": ["age"]}]),
        ("rivals", [None, 3, len, [3], ["a"], {"a": 3}, {1: len}]),
        ("anchors", [None, 3, ["a"], {"rating": 3}, {"rating": {"slope": "a"}}]),
    ],
)
def test_models_are_made_of_declarations(own_model, own_study, field, wrong):
    def diagnosed(given):
        return em.diagnose_design(replace(own_model, **{field: given}), own_study)

    for one in wrong:
        assert not fault(diagnosed, one), (field, one)


def test_what_stands_for_a_tuple_is_told(own_model):
    with pytest.raises(TypeError, match=r"sequence must be a tuple of text; found str 'block'\. L"):
        replace(own_model, sequence="block")
    with pytest.raises(TypeError, match=r"parameters must be a tuple, each a Parameter; found Par"):
        replace(own_model, parameters=own_model.parameters[0])


def test_names_in_declarations_are_declared(own_model):
    first, second, third = own_model.parameters
    wrong = {
        "scale_of": {"parameters": (replace(first, scale_of="ratng"), second, third)},
        "by": {"parameters": (replace(first, by="gruop"), second, third)},
        "weighs": {"parameters": (replace(first, weighs="intensty"), second, third)},
        "response": {"statistics": (replace(own_model.statistics[0], response="ratng"),)},
        "follows": {"columns": (replace(own_model.columns[0], follows="ratng"),)},
        "over": {"states": (em.State("value", 0.0, over="gruop"),)},
        "correlate": {"correlate": ("slope", "slpoe")},
    }
    for field, change in wrong.items():
        with pytest.raises(ValueError, match=rf"must be declared\. Found: .* has {field}='"):
            check_declaration(replace(own_model, **change))
    with pytest.raises(ValueError, match=r"Only a response of regions has a region; 'rating' is"):
        replace(own_model.responses[0], region="AI")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda: 3, r"It cannot be called with what it is given: .*0 positional arguments"),
        (lambda latent, parameters, data: None, r"It returned NoneType None\."),
        (lambda latent, parameters, data: 3, r"It returned int 3\."),
        (lambda latent, parameters, data: parameters.slope, r"It returned .*Variable param"),
        (lambda latent, parameters, data: 2 * parameters.slope, r"It returned .*Variable Mul"),
        (lambda latent, parameters, data: np.exp(None), r"It stopped in line \d+ of test_arg"),
    ],
)
def test_functions_of_responses_return_a_distribution(own_model, own_study, function, told):
    responses = (replace(own_model.responses[0], function=function),)
    with pytest.raises(TypeError, match=rf"The function of response 'rating' takes .*{told}"):
        em.diagnose_design(replace(own_model, responses=responses), own_study)


# --------------------------------------------------------------- what a fit is asked for


@pytest.mark.parametrize(
    "kind", [pd.Series, MappingProxyType, UserDict, ChainMap, "texts of NumPy"]
)
def test_mappings_of_any_kind_ask_for_the_same_fit(own_model, own_study, tmp_path, kind):
    """With a store, too, and the draws are not lost to a file that cannot hold what was asked."""
    how = {"chains": 1, "draws": 4, "tune": 20, "seed": 1, "centring": 0.5}
    asked = {"covariates": {"baseline": "age"}, "sampler": {"maxdepth": 8}}
    given = {name: kind(mapping) for name, mapping in asked.items()} if callable(kind) else {}
    if not given:
        given["covariates"] = {np.str_("baseline"): np.str_("age")}
        given["sampler"] = {np.str_("maxdepth"): np.int64(8)}
    path = tmp_path / "fit.zarr"
    fit = em.fit(own_model, own_study, **how, **given, store=path)
    assert em.load(path)["posterior"].equals(fit["posterior"])
    same = em.fit(own_model, own_study, **how, **asked, store=path)  # is this fit
    assert same["posterior"].equals(fit["posterior"])
    plain = em.fit(own_model, own_study, **how, **given)
    assert em.load(em.save(plain, tmp_path / "fit.nc"))["posterior"].equals(plain["posterior"])
    assert "baseline_effect" in plain["posterior"]


def test_calls_that_lack_an_argument_or_have_one_too_many(model):
    with pytest.raises(
        TypeError, match=r"fit\(\) cannot be called so: missing .*'study'\. It takes"
    ):
        em.fit(model)
    with pytest.raises(
        TypeError, match=r"Study\(\) .*unexpected keyword.*'trial'.*'trials', 'part"
    ):
        em.Study(trial=TABLE)
    with pytest.raises(TypeError, match=r"Model\.fix\(\) cannot be called so: too many positional"):
        model.fix(0.3)


@pytest.mark.parametrize("number", [np.float32(0.25), np.array(0.25), pd.Series([0.25]).iloc[0]])
def test_numbers_of_arrays_are_numbers(number, model):
    assert model.fix(learning_rate=number) == model.fix(learning_rate=0.25)
