"""Equations as graphs: what they need, what identifies them, what a declaration must match."""

import textwrap
from dataclasses import replace

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
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
    Summary,
    get_model,
    pick,
    put,
)
from empathymodels.declaration.dependencies import check_declaration, reading_order, response_needs
from empathymodels.declaration.equations import read_equations
from empathymodels.declaration.fingerprint import fingerprint, program_fingerprint
from empathymodels.declaration.missing_values import hold_where_missing, mask_columns, mask_name

ANY = dict(location=Prior("Normal", mu=0, sigma=1), spread=Prior("HalfNormal", sigma=1))


def step(state, parameters, data):
    error = data.outcome - state.value
    next_state = dict(
        value=state.value + parameters.learning_rate * error,
        habit=state.habit + parameters.habit_rate * (data.choice - state.habit),
    )
    return next_state, dict(value=state.value, error=error, habit=state.habit, cost=2 * data.effort)


def rating(latent, parameters, data):
    return pm.Normal.dist(parameters.slope * latent.value + data.age, 1.0)


def choice(latent, parameters, data):
    return pm.Bernoulli.dist(logit_p=latent.habit - latent.cost)


def insula(latent, parameters, data):
    return pm.Normal.dist(latent.error, data.se)


def score(latent, parameters, data):
    return pm.Normal.dist(latent.final + data.age, 1.0)


MODEL = Model(
    "needs",
    tuple(Parameter(n, "", **ANY) for n in ("learning_rate", "habit_rate", "slope", "start")),
    (
        Response("rating", rating, ""),
        Response("choice", choice, "", levels=(0, 1)),
        Response("insula", insula, "", table="regions", region="AI"),
        Response("score", score, "", table="participants"),
    ),
    columns=(
        Column("outcome", ""),
        Column("effort", ""),
        Column("age", "", table="participants"),
        Column("se", "", table="regions"),
    ),
    step=step,
    states=(State("value", "start"), State("habit", 0.0)),
    latents=dict.fromkeys(("value", "error", "habit", "cost"), ""),
    summaries=(Summary("final", of="value", kind="last"),),
    name="needs",
)


# --------------------------------------------------------------------------------------- needs


@pytest.mark.parametrize(
    ("name", "latents", "direct_parameters", "direct_data", "row_data"),
    [
        ("rating", {"value"}, {"slope"}, {"age"}, {"age"}),
        ("choice", {"habit", "cost"}, set(), set(), {"effort"}),
        ("insula", {"error"}, set(), {"se"}, {"se", "outcome"}),
        ("score", {"final"}, set(), {"age"}, {"age"}),
    ],
)
def test_needs_are_read_from_the_graph(name, latents, direct_parameters, direct_data, row_data):
    needs = response_needs(MODEL, MODEL.response(name), read_equations(MODEL))
    assert needs.latents == latents
    assert needs.direct_parameters == direct_parameters
    assert needs.direct_data == direct_data
    assert needs.row_data == row_data


def test_needs_count_what_comes_through_earlier_trials():
    equations = read_equations(MODEL)
    rating_needs = response_needs(MODEL, MODEL.response("rating"), equations)
    assert {"outcome", "age"} <= rating_needs.all_data
    assert {"learning_rate", "slope", "start"} <= rating_needs.parameters
    assert "outcome" in response_needs(MODEL, MODEL.response("score"), equations).all_data
    assert "effort" not in rating_needs.all_data

    static = replace(
        MODEL,
        step=lambda s, p, d: dict(net=p.slope * d.outcome, cost=d.effort * p.start),
        states=(),
        summaries=(),
        latents={"net": "", "cost": ""},
        responses=(Response("rating", lambda latent, p, d: pm.Normal.dist(latent.net, 1.0), ""),),
    )
    needs = response_needs(static, static.responses[0], read_equations(static))
    assert needs.all_data == {"outcome"}
    assert needs.parameters == {"slope"}


def test_masks_name_their_columns():
    assert mask_name({"outcome", "choice"}) == "observed:choice,outcome"
    assert mask_columns("observed:choice,outcome") == ["choice", "outcome"]
    assert mask_columns("outcome") == []


def test_states_are_held_where_their_own_data_are_missing():
    equations = hold_where_missing(read_equations(MODEL), {"outcome", "choice", "effort"})
    masks = [name for name in equations.data if mask_columns(name)]
    assert sorted(masks) == ["observed:choice", "observed:outcome"]
    inputs = [*equations.states.values(), *equations.parameters.values(), *equations.data.values()]
    following = pytensor.function(
        inputs, list(equations.next_states.values()), on_unused_input="ignore", mode="FAST_COMPILE"
    )
    values = {"value": 1.0, "habit": 0.0, "learning_rate": 0.5, "habit_rate": 0.25}
    values |= {"outcome": 3.0, "choice": 1.0, "effort": 0.0, "slope": 0.0, "start": 0.0}
    for outcome_there, choice_there in ((1, 1), (0, 1), (1, 0), (0, 0)):
        values |= {"observed:outcome": outcome_there, "observed:choice": choice_there}
        found = following(*(values[v.name.split(".", 1)[1]] for v in inputs))
        assert [float(v) for v in found] == [2.0 if outcome_there else 1.0, 0.25 * choice_there]


def test_nothing_is_held_where_all_is_observed():
    equations = read_equations(MODEL)
    held = hold_where_missing(equations, {"effort", "age"})
    assert held.next_states == equations.next_states
    assert held.data == equations.data


def test_states_over_levels_have_as_many_scalars_as_declared():
    def of_three(state, parameters, data):
        a, b, c = state.value
        return dict(value=(b, c, a)), dict(total=a + b + c + data.cue)

    declared = replace(
        MODEL,
        step=of_three,
        states=(State("value", 0.0, over="cue"),),
        columns=(Column("cue", "", levels=("x", "y", "z")),),
        parameters=(),
        summaries=(),
        latents={"total": ""},
        responses=(Response("rating", lambda latent, p, d: pm.Normal.dist(latent.total, 1.0), ""),),
    )
    assert list(read_equations(declared).states) == ["value[0]", "value[1]", "value[2]"]
    check_declaration(declared)
    assert fingerprint(declared) == fingerprint(replace(declared))


def test_numbers_that_are_not_positions_cannot_index_a_state():
    def of_two(state, parameters, data):
        seen = pick(state.value, data.cue)
        return dict(value=put(state.value, data.cue, seen + 1)), dict(seen=seen)

    def declared(levels):
        return replace(
            MODEL,
            step=of_two,
            states=(State("value", 0.0, over="cue"),),
            columns=(Column("cue", "", levels=levels),),
            parameters=(),
            summaries=(),
            latents={"seen": ""},
            responses=(
                Response("rating", lambda latent, p, d: pm.Normal.dist(latent.seen, 1.0), ""),
            ),
        )

    for levels in ((0, 1), ("x", "y"), "any"):
        check_declaration(declared(levels))
    with pytest.raises(
        ValueError, match=r"whose levels \(1, 2\) are numbers but not the positions"
    ):
        check_declaration(declared((1, 2)))


# --------------------------------------------------------------------------------- declaration


def with_step(change):
    def changed(state, parameters, data):
        next_state, latents = step(state, parameters, data)
        return change(next_state, latents, state, parameters, data)

    return replace(MODEL, step=changed)


def test_array_operations_of_a_state_are_not_hidden_by_a_latent_of_its_name():
    bad = with_step(
        lambda n, latents, s, p, d: (n | {"value": pt.sum(pt.stack([s.value, d.outcome]))}, latents)
    )
    with pytest.raises(ValueError, match="'value' of model 'needs' uses"):
        read_equations(bad)


@pytest.mark.parametrize(
    "latent",
    [
        lambda data: 1.0 if data.effort > 0.5 else 0.0,
        lambda data: np.where(data.effort > 0.5, 1.0, 0.0),
        lambda data: data.effort * (data.choice == 1),
    ],
    ids=["if", "np.where", "=="],
)
def test_what_cannot_be_done_with_symbols_says_where_and_what_instead(latent):
    with pytest.raises((TypeError, ValueError), match=r"pt\.where|element-wise"):
        read_equations(with_step(lambda n, latents, s, p, d: (n, latents | {"cost": latent(d)})))


def test_declarations_must_match_the_equations():
    assert check_declaration(MODEL) is MODEL
    unused = replace(MODEL, parameters=(*MODEL.parameters, Parameter("spare", "", **ANY)))
    with pytest.raises(ValueError, match="parameter 'spare' is declared but no equation uses it"):
        check_declaration(unused)
    unused = replace(MODEL, columns=(*MODEL.columns, Column("weather", "")))
    with pytest.raises(ValueError, match="column 'weather' is declared but no equation uses it"):
        check_declaration(unused)
    with pytest.raises(ValueError, match="`latents` documents 'value' but `step` returns"):
        check_declaration(replace(MODEL, latents={"value": ""}))


def test_a_scored_latent_must_not_see_its_own_response():
    peeking = with_step(lambda n, latents, s, p, d: (n, latents | {"habit": s.habit + d.choice}))
    with pytest.raises(ValueError, match="response 'choice' depends on its own value on the same"):
        check_declaration(peeking)


def test_summaries_must_name_what_exists():
    wrong = replace(MODEL, summaries=(Summary("final", of="eror", kind="mean"),))
    with pytest.raises(ValueError, match=r"Summary 'final' .* averages 'eror'"):
        check_declaration(wrong)
    wrong = replace(MODEL, summaries=(Summary("final", of="valu", kind="last"),))
    with pytest.raises(ValueError, match=r"the last of 'valu'.*mean 'value'"):
        check_declaration(wrong)


# --------------------------------------------------------------------------------- fingerprint

FILE = '''
"""{title}"""
import pymc as pm
import pytensor.tensor as pt
from empathymodels import Column, Model, Parameter, Prior, Response, State

def step(state, parameters, data):
    """{title}"""
    {local} = data.outcome - state.value  # {title}
    value = state.value + {constant} * parameters.rate * {local}
    return dict(value=value), dict(value=state.value, surprise={operation}({local}))

def rating(latent, parameters, data):
    centre = latent.value + {other} * latent.surprise
    return pm.{distribution}.dist(centre, {noise})

rate = Parameter(
    "rate", "{title}", Prior("Normal", mu={mu}, sigma=1), Prior("HalfNormal", sigma={spread}),
    support="{support}",
)
model = Model(
    "{title}", (rate,), (Response("rating", rating, "{title}", range=(1, {high})),),
    (Column("outcome", "{title}", range=(0, {limit})),),
    step=step, states=(State("value", {start}),), latents=dict(value="{title}", surprise=""),
)
'''
DEFAULTS = dict(
    title="One", local="error", constant="0.5", operation="pt.abs", other="1.0", noise="1.0",
    distribution="Normal", mu="0", spread="1", support="unit", high="9", limit="1", start="0.0",
)  # fmt: skip


@pytest.fixture
def printed(tmp_path):
    def fingerprint_of(**changes):
        path = tmp_path / f"model_{len(list(tmp_path.iterdir()))}.py"
        path.write_text(textwrap.dedent(FILE).format(**DEFAULTS | changes), encoding="utf-8")
        return fingerprint(get_model(path))

    return fingerprint_of


def test_words_and_names_of_locals_do_not_change_the_fingerprint(printed):
    assert printed(title="Another", local="prediction_error") == printed()


@pytest.mark.parametrize(
    "change",
    [
        {"constant": "0.7"},
        {"constant": "0.50000000001"},
        {"operation": "pt.sqr"},
        {"other": "2.0"},
        {"noise": "1.5"},
        {"distribution": "Laplace"},
        {"mu": "1"},
        {"spread": "2"},
        {"support": "positive"},
        {"high": "7"},
        {"limit": "2"},
        {"start": "0.1"},
        {"start": '"rate"'},
    ],
    ids=lambda change: "{}={}".format(*next(iter(change.items()))),
)
def test_what_changes_results_changes_the_fingerprint(printed, change):
    assert printed(**change) != printed()


@pytest.mark.parametrize(
    "changed",
    [
        replace(MODEL, sequence=("block",)),
        replace(MODEL, correlate=("learning_rate", "slope")),
        replace(MODEL, covariates={"slope": "age"}),
        replace(MODEL, states=(State("value", FirstResponse("rating")), MODEL.states[1])),
        replace(MODEL, states=(State("value", FirstResponse("rating", False)), MODEL.states[1])),
        replace(MODEL, summaries=(Summary("final", of="value", kind="change"),)),
        replace(MODEL, responses=MODEL.responses[:3]),
        replace(MODEL, columns=(replace(MODEL.columns[0], follows="choice"), *MODEL.columns[1:])),
        with_step(lambda n, latents, s, p, d: (n | {"habit": n["habit"] * 1.0001}, latents)),
        with_step(
            lambda n, latents, s, p, d: (n | {"value": n["habit"], "habit": n["value"]}, latents)
        ),
        with_step(lambda n, latents, s, p, d: (n, latents | {"cost": 3 * d.effort})),
    ],
    ids=lambda model: "",
)
def test_declarations_change_the_fingerprint(changed):
    prints = {fingerprint(MODEL), fingerprint(changed), fingerprint(replace(changed))}
    assert len(prints) == 2


def test_operations_inside_array_operations_of_responses_change_the_fingerprint():
    def like(operation):
        def grouped(latent, parameters, data):
            return pm.Normal.dist(operation(pt.stack([latent.value, latent.habit])), 1.0)

        return replace(MODEL, responses=(Response("rating", grouped, ""), *MODEL.responses[1:]))

    operations = (pt.sum, pt.prod, pt.max, pt.min, lambda x: pt.cumsum(x)[1])
    prints = [fingerprint(like(operation)) for operation in operations]
    prints += [fingerprint(like(lambda x: pt.cumprod(x)[1])), fingerprint(like(lambda x: x[0]))]
    for solve in (pt.linalg.inv, pt.linalg.pinv, lambda x: x):  # operations inside Blockwise
        matrix = like(lambda x, solve=solve: solve(pt.stack([[x, x], [x, x]])[..., 0])[0, 0])
        prints.append(fingerprint(matrix))
    assert len(set(prints)) == len(prints)


def test_fixed_values_are_part_of_the_model_but_not_of_its_program():
    models = (MODEL, MODEL.fix(learning_rate=0.3), MODEL.fix(learning_rate=0.4))
    assert len({fingerprint(model) for model in models}) == 3
    assert len({program_fingerprint(model) for model in models}) == 1


def test_the_region_of_a_response_is_part_of_the_model_but_not_of_its_program():
    model = em.get_model("closeness_similarity")
    models = (model, model.with_region(MPFC="left hippocampus"), model.with_region(ACC="MPFC"))
    assert len({fingerprint(one) for one in models}) == 3
    assert len({program_fingerprint(one) for one in models}) == 1
    assert fingerprint(models[1].with_region(MPFC="MPFC")) == fingerprint(model)


def test_reading_a_state_is_not_reading_data_of_its_name():
    def with_reading(kind):
        def step(state, parameters, data):
            return {"level": state.level + data.level}, {
                "felt": {"s": state, "d": data}[kind].level
            }

        def rating(latent, parameters, data):
            return pm.Normal.dist(latent.felt, 1.0)

        return Model(
            title="", parameters=(), responses=(Response("rating", rating, ""),), step=step,
            states=(State("level", 0.0),), columns=(Column("level", ""),), latents={"felt": ""},
        )  # fmt: skip

    assert fingerprint(with_reading("s")) != fingerprint(with_reading("d"))


def test_equations_may_read_a_response_that_is_left_out():
    without = MODEL.without("choice")
    assert "choice" in read_equations(without).data


# ------------------------------------------------------------------------------- pick and put


def test_pick_and_put():
    options, index = (pt.dscalar("a"), pt.dscalar("b"), pt.dscalar("c")), pt.dscalar("index")
    function = pytensor.function(
        [*options, index],
        [pick(options, index), *put(options, index, pt.constant(9.0))],
        mode="FAST_COMPILE",
    )
    for k in range(3):
        found = [float(v) for v in function(1.0, 2.0, 3.0, float(k))]
        assert found == [k + 1.0, *(9.0 if i == k else i + 1.0 for i in range(3))]


def test_responses_are_drawn_after_those_they_read():
    read = {"help": {"rating", "cost"}, "rating": {"stimulus"}, "look": set()}
    assert reading_order(read) == ["rating", "help", "look"]
    assert reading_order({"one": {"other"}, "other": {"one"}}) == ["one", "other"]


def test_responses_that_read_each_other_are_refused():
    def distress(latent, parameters, data):
        noise = parameters.distress_noise
        return pm.Normal.dist(latent.felt_distress + data.concern, noise)

    model = em.get_model("empathy_regulation")
    responses = tuple(
        replace(r, function=distress) if r.name == "distress" else r for r in model.responses
    )
    with pytest.raises(ValueError, match="'distress' and 'concern' read each other"):
        check_declaration(replace(model, responses=responses, rivals={}))
