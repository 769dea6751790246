"""The trial engine: values and gradients against scan, differences and plain loops."""

import math
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest
from pymc_extras.prior import Prior
from pytensor.compile.mode import Mode

from empathymodels import (
    Column,
    Model,
    Parameter,
    Response,
    State,
    Study,
    get_model,
    log_likelihood,
    pick,
    put,
)
from empathymodels.declaration.equations import Equations, read_equations
from empathymodels.declaration.missing_values import hold_where_missing
from empathymodels.engine.cell import make_cell
from empathymodels.engine.recursion import Recursion
from empathymodels.layout.engine_order import Layout, lay_out

# ------------------------------------------------------------------------ the model under test


def step(state, parameters, data):
    """Learn three cues' values, their associability and a habit of the person's own choices."""
    value = pick(state.value, data.cue)
    prediction_error = data.outcome - value
    rate = parameters.learning_rate * state.associability
    rate = pt.where(pt.gt(prediction_error, 0), rate, rate * parameters.pessimism)
    surprise = 1 - 1 / (1 + pt.abs(prediction_error))
    forgetting = 1 - parameters.associability_rate
    next_state = dict(
        value=put(state.value, data.cue, value + rate * prediction_error),
        associability=parameters.associability_rate * surprise + forgetting * state.associability,
        # the response is read back: it enters the next trial's state only
        habit=state.habit + parameters.habit_rate * (2 * data.choice - 1 - state.habit),
    )
    utility = parameters.sensitivity * value + parameters.perseveration * state.habit
    latents = dict(
        prediction_error=prediction_error,
        utility=utility,
        choice_probability=pt.sigmoid(utility),
        surprise=pt.log1p(pt.sqr(prediction_error)),
    )
    return next_state, latents


UNIT = dict(location=Prior("Normal", mu=0, sigma=1), spread=Prior("HalfNormal", sigma=1))
STATES = ("value[0]", "value[1]", "value[2]", "associability", "habit")
LATENTS = ("prediction_error", "utility", "choice_probability", "surprise")
PARAMETERS = (
    "learning_rate",
    "pessimism",
    "associability_rate",
    "habit_rate",
    "sensitivity",
    "perseveration",
)
VARYING = ("learning_rate", "sensitivity")  # one value per trial, the others per sequence
DATA = ("cue", "outcome", "choice", "observed:cue,outcome", "observed:cue", "observed:choice")

MODEL = Model(
    "composite",
    tuple(Parameter(name, "", **UNIT) for name in PARAMETERS),
    (Response("choice", lambda *_: None, "", levels=(0, 1)),),
    columns=(Column("cue", "", levels=("a", "b", "c")), Column("outcome", "")),
    step=step,
    states=(State("value", 0.0, over="cue"), State("associability", 1.0), State("habit", 0.0)),
    name="composite",
)
# ragged, one sequence of one trial, codes out of order and with a gap
SEQUENCES = np.array([7, 2, 2, 9, 7, 7, 3, 2, 7, 4, 4, 3, 2, 7, 2, 4])
LAYOUT = lay_out(SEQUENCES)
N_SEQUENCES = len(LAYOUT.first_rows)
POINTS = 100


def equations(model: Model = MODEL) -> Equations:
    return hold_where_missing(read_equations(model, {"cue": 3}), DATA[:3])


def point(seed: int, layout: Layout = LAYOUT) -> dict[str, np.ndarray]:
    """Return inputs and cotangents; every third is ordinary, the others more extreme."""
    rng = np.random.default_rng(seed)
    rows, sequences = len(layout.order), len(layout.first_rows)
    kind = seed % 3
    near_edge = [1e-12, 1e-6, 0.5, 1 - 1e-6, 1 - 1e-12]

    def share(size):
        return rng.uniform(0.05, 0.95, size) if kind < 2 else rng.choice(near_edge, size)

    size = {name: rows if name in VARYING else sequences for name in PARAMETERS}
    values = {f"start of {name}": rng.normal(size=sequences) for name in STATES}
    # not at the edge: next to a surprise of 1 the gradient would be a difference of equals
    values["start of associability"] = rng.uniform(0.05, 0.95, sequences)
    values |= {name: share(size[name]) for name in PARAMETERS[:4]}
    values |= {name: rng.normal(size=size[name]) for name in PARAMETERS[4:]}
    spread = (1.0, 1e3, 1e6)[kind] if seed % 2 else (1.0, 1e-6, 1.0)[kind]
    values["cue"] = rng.integers(0, 3, rows).astype(float)
    values["outcome"] = spread * rng.normal(size=rows)
    values["choice"] = rng.integers(0, 2, rows).astype(float)
    for mask in DATA[3:]:
        values[mask] = (rng.random(rows) < 0.75).astype(float)
    values["observed:cue"] = np.maximum(values["observed:cue"], values["observed:cue,outcome"])
    for name in (*STATES, *LATENTS):
        values[f"cotangent of {name}"] = rng.normal(size=rows)
    for name in STATES:
        values[f"cotangent of final {name}"] = rng.normal(size=sequences)
    return values


STARTS = tuple(f"start of {name}" for name in STATES)
OUTPUTS = (*STATES, *LATENTS, *(f"final {name}" for name in STATES))
INPUTS = (*STARTS, *PARAMETERS, *DATA)
COTANGENTS = tuple(f"cotangent of {name}" for name in OUTPUTS)
GRADIENTS = (*STARTS, *PARAMETERS)

# ---------------------------------------------------------------------------- three ways to run


@dataclass(frozen=True)
class Compiled:
    """A function of named arrays that returns outputs and gradients by name."""

    function: object
    arguments: tuple[str, ...]
    results: tuple[str, ...]

    def __call__(self, values):
        found = self.function(*(values[name] for name in self.arguments))
        return dict(zip(self.results, found, strict=True))


# plain NumPy: shares neither numba nor fused scalar functions with the engine
PLAIN = Mode(linker="py", optimizer="fast_compile")


def compiled(run, weighted=OUTPUTS, mode=None) -> Compiled:
    """Compile all outputs of a way to run and the gradient of a weighted sum of some of them."""
    arguments = (*INPUTS, *(f"cotangent of {name}" for name in weighted))
    symbols = {name: pt.dvector(name) for name in arguments}
    outputs = dict(zip(OUTPUTS, run(symbols), strict=True))
    total = sum((symbols[f"cotangent of {n}"] * outputs[n]).sum() for n in weighted)
    gradients = pt.grad(total, [symbols[name] for name in GRADIENTS], disconnected_inputs="ignore")
    function = pytensor.function(
        list(symbols.values()),
        [*outputs.values(), *gradients],
        mode=mode,
        on_unused_input="ignore",
    )
    names = (*OUTPUTS, *(f"gradient of {name}" for name in GRADIENTS))
    return Compiled(function, arguments, names)


def run_engine(symbols):
    read = equations()
    assert tuple(read.states) == STATES
    assert tuple(read.parameters) == PARAMETERS
    assert set(read.data) == set(DATA)
    cell = make_cell(read, [name in VARYING for name in read.parameters], LATENTS)
    inputs = [symbols[name] for name in (*STARTS, *PARAMETERS, *read.data)]
    return Recursion(cell)(*inputs, pt.constant(LAYOUT.offsets))


def run_scan(symbols):
    """Run the author's step on padded (trial, sequence) arrays, masked, in pytensor.scan."""
    lengths = np.diff(LAYOUT.offsets)
    sequence = np.arange(N_SEQUENCES)
    exists = sequence < lengths[:, None]  # (trial, sequence)
    row = np.where(exists, LAYOUT.offsets[:-1, None] + sequence, 0)
    by_row = (*VARYING, *DATA)
    fixed = [name for name in PARAMETERS if name not in VARYING]

    def trial(exists, *arguments):
        arguments = list(arguments)
        now = {name: arguments.pop(0) for name in by_row}
        states = {name: arguments.pop(0) for name in STATES}
        now |= dict(zip(fixed, arguments, strict=True))
        state = SimpleNamespace(
            value=tuple(states[name] for name in STATES[:3]),
            associability=states["associability"],
            habit=states["habit"],
        )
        next_state, latents = step(state, SimpleNamespace(**now), SimpleNamespace(**now))
        following = [*next_state["value"], next_state["associability"], next_state["habit"]]
        observed = [now["observed:cue,outcome"]] * 4 + [now["observed:choice"]]
        kept = [
            pt.switch(pt.neq(exists * mask, 0), new, states[name])
            for name, new, mask in zip(STATES, following, observed, strict=True)
        ]
        return [*kept, *states.values(), *(latents[name] for name in LATENTS)]

    results = pytensor.scan(
        trial,
        sequences=[pt.constant(exists.astype(float)), *(symbols[name][row] for name in by_row)],
        outputs_info=[symbols[name] for name in STARTS] + [None] * len((*STATES, *LATENTS)),
        non_sequences=[symbols[name] for name in fixed],
        return_updates=False,
    )
    finals, histories = [r[-1] for r in results[: len(STATES)]], results[len(STATES) :]
    return [h[np.nonzero(exists)] for h in histories] + finals


def run_python(values, sequences):
    """Loop over single sequences and trials in plain Python floats, rows in table order."""
    rows = len(sequences)
    found = {name: [math.nan] * rows for name in (*STATES, *LATENTS)}
    finals = {}
    for number in dict.fromkeys(sequences.tolist()):
        mine = [r for r in range(rows) if sequences[r] == number]
        start = values[number]
        value = [start[f"start of value[{k}]"] for k in range(3)]
        associability, habit = start["start of associability"], start["start of habit"]
        for r in mine:
            p = {**start, **values["rows"][r]}
            cue = int(p["cue"])
            for name, number_now in zip(STATES, (*value, associability, habit), strict=True):
                found[name][r] = number_now
            error = p["outcome"] - value[cue]
            utility = p["sensitivity"] * value[cue] + p["perseveration"] * habit
            found["prediction_error"][r] = error
            found["utility"][r] = utility
            found["choice_probability"][r] = 1 / (1 + math.exp(-utility))
            found["surprise"][r] = math.log(1 + error * error)
            if p["observed:cue,outcome"]:
                rate = p["learning_rate"] * associability * (1 if error > 0 else p["pessimism"])
                value[cue] += rate * error
                size = 1 - 1 / (1 + abs(error))
                eta = p["associability_rate"]
                associability = eta * size + (1 - eta) * associability
            if p["observed:choice"]:
                habit += p["habit_rate"] * (2 * p["choice"] - 1 - habit)
        finals[number] = dict(zip(STATES, (*value, associability, habit), strict=True))
    return found, finals


def in_table_order(values):
    """Return a point as dictionaries per row of the table and per code of a sequence."""
    given = {"rows": {}}
    for place, row in enumerate(LAYOUT.order):
        given["rows"][row] = {name: values[name][place] for name in (*VARYING, *DATA)}
    per_sequence = (*STARTS, *(name for name in PARAMETERS if name not in VARYING))
    for s, first in enumerate(LAYOUT.first_rows):
        given[SEQUENCES[first]] = {name: values[name][s] for name in per_sequence}
    return given


@pytest.fixture(scope="module")
def engine():
    return compiled(run_engine)


@pytest.fixture(scope="module")
def scan():
    # also inside the scan; without C, which would only fold constants and take long to compile
    with pytensor.config.change_flags(mode=PLAIN, cxx=""):
        return compiled(run_scan, mode=PLAIN)


def assert_close(found, expected, label):
    """Compare to 1e-13 of an array's largest entry, and to 1e-10 of every entry.

    Below a few roundings of the largest entry there is nothing to compare: next to an edge a
    derivative such as ``1 - rate`` has no more digits than that, whoever computes it.
    """
    assert found.shape == expected.shape
    assert np.isfinite(expected).all()
    largest = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * largest, err_msg=label)
    rounding = 4 * np.finfo(float).eps * largest
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=rounding, err_msg=label)


# ------------------------------------------------------------------------------------ gradients


def test_values_and_gradients_equal_those_of_scan(engine, scan):
    for seed in range(POINTS):
        values = point(seed)
        found, expected = engine(values), scan(values)
        for name in expected:
            assert_close(found[name], expected[name], f"{name} at point {seed}")


def test_gradients_equal_finite_differences(engine):
    values = point(0)

    def total(changed):
        found = engine(changed)
        return sum((values[f"cotangent of {n}"] * found[n]).sum() for n in OUTPUTS)

    gradients = engine(values)
    for name in GRADIENTS:
        differences = []
        for place in range(len(values[name])):
            step_size = np.zeros(len(values[name]))
            step_size[place] = 1e-5
            high = total({**values, name: values[name] + step_size})
            low = total({**values, name: values[name] - step_size})
            differences.append((high - low) / 2e-5)
        np.testing.assert_allclose(
            gradients[f"gradient of {name}"], differences, rtol=1e-6, atol=1e-6, err_msg=name
        )


@pytest.mark.parametrize(
    "weighted",
    [
        ("utility",),
        tuple(f"final {name}" for name in STATES[:4]),
        ("value[1]", "habit", "surprise"),
        ("final habit", "choice_probability"),
    ],
)
def test_cotangents_on_some_outputs_only(scan, weighted):
    partial = compiled(run_engine, weighted)
    for seed in range(6):
        values = point(seed)
        unweighted = {n: np.zeros_like(values[n]) for n in COTANGENTS if n[13:] not in weighted}
        found, expected = partial(values), scan(values | unweighted)
        for name in GRADIENTS:
            label = f"gradient of {name}"
            assert_close(found[label], expected[label], f"{label} at point {seed}")


def test_gradients_stay_finite_at_missing_rows(engine):
    values = point(0)
    assert not values["observed:cue,outcome"].all()
    masked = values["observed:cue,outcome"] == 0
    other = {**values, "outcome": np.where(masked, 1e9, values["outcome"])}
    for name in STATES:
        np.testing.assert_array_equal(engine(other)[name], engine(values)[name])
    no_error = {
        f"cotangent of {n}": np.zeros(len(SEQUENCES)) for n in ("prediction_error", "surprise")
    }
    for name in GRADIENTS:
        label = f"gradient of {name}"
        np.testing.assert_array_equal(
            engine(other | no_error)[label], engine(values | no_error)[label]
        )


# ------------------------------------------------------------------------------------- the loop


def test_loop_equals_a_plain_python_loop(engine):
    for seed in (0, 3, 9):
        values = point(seed)
        by_row, finals = run_python(in_table_order(values), SEQUENCES)
        found = engine(values)
        for name, expected in by_row.items():
            np.testing.assert_allclose(
                found[name], np.array(expected)[LAYOUT.order], rtol=1e-12, atol=1e-14, err_msg=name
            )
        for name in STATES:
            expected = [finals[SEQUENCES[first]][name] for first in LAYOUT.first_rows]
            np.testing.assert_allclose(found[f"final {name}"], expected, rtol=1e-12, atol=1e-14)


@pytest.fixture(scope="module")
def any_layout():
    """Return a small engine (one state, one latent) whose layout is an input."""
    start, rate, outcome = pt.dvectors("start", "rate", "outcome")
    offsets = pt.lvector("offsets")
    x, p, d = pt.dscalar("value"), pt.dscalar("rate"), pt.dscalar("outcome")
    read = Equations(
        {"value": x}, {"rate": p}, {"outcome": d}, {"value": x + p * (d - x)}, {"error": d - x}
    )
    recursion = Recursion(make_cell(read, [False], ["error"]))
    outputs = recursion(start, rate, outcome, offsets)
    total = sum((output * pt.sqr(output)).sum() for output in outputs)
    gradients = pt.grad(total, [start, rate])
    return pytensor.function([start, rate, outcome, offsets], [*outputs, *gradients])


def by_sequence(function, codes, people):
    """Run sequences given as ``{code: (start, rate, outcomes)}``; results keyed by code."""
    layout = lay_out(codes)
    outcome = np.empty(len(codes))
    for code, (_, _, outcomes) in people.items():
        outcome[codes == code] = outcomes
    order = codes[layout.first_rows]
    start = np.array([people[code][0] for code in order], float)
    rate = np.array([people[code][1] for code in order], float)
    history, error, final, *gradients = function(start, rate, outcome[layout.order], layout.offsets)
    in_order = codes[layout.order]
    return {
        code: [history[in_order == code], error[in_order == code]]
        + [array[s] for array in (final, *gradients)]
        for s, code in enumerate(order)
    }


def test_a_sequence_does_not_see_the_others(any_layout):
    rng = np.random.default_rng(5)
    people = {
        c: (rng.normal(), rng.uniform(), rng.normal(size=n)) for c, n in enumerate([3, 1, 4, 4])
    }
    codes = np.repeat([0, 1, 2, 3], [3, 1, 4, 4])
    expected = by_sequence(any_layout, codes, people)
    longer = people | {8: (0.1, 0.2, rng.normal(size=50))}
    for other, everybody in (
        (rng.permutation(codes), people),
        (codes[::-1].copy(), people),
        (rng.permutation(np.concatenate([codes, np.full(50, 8)])), longer),
    ):
        found = by_sequence(any_layout, other, everybody)
        for code in people:
            for array, wanted in zip(found[code], expected[code], strict=True):
                np.testing.assert_array_equal(array, wanted)
    alone = by_sequence(any_layout, np.zeros(4, dtype=int), {0: people[2]})[0]
    for array, wanted in zip(alone, expected[2], strict=True):
        np.testing.assert_array_equal(array, wanted)


@pytest.mark.parametrize("codes", [[0], [4, 4, 4], [0, 1, 2]])
def test_smallest_layouts(any_layout, codes):
    codes = np.array(codes)
    people = {c: (0.5, 0.25, np.arange(1.0, 1 + (codes == c).sum())) for c in set(codes.tolist())}
    found = by_sequence(any_layout, codes, people)
    for code, (value, rate, outcomes) in people.items():
        for t, outcome in enumerate(outcomes):
            assert found[code][0][t] == pytest.approx(value, rel=1e-14)
            value += rate * (outcome - value)
        assert found[code][2] == pytest.approx(value, rel=1e-14)


def test_no_rows_at_all(any_layout):
    layout = lay_out(np.zeros(0, dtype=np.int64))
    none = np.zeros(0)
    for result in any_layout(none, none, none, layout.offsets):
        assert result.shape == (0,)


# --------------------------------------------------------------------------------------- layout


@pytest.mark.parametrize(
    ("codes", "order", "offsets", "first_rows"),
    [
        ([0, 0, 1, 1, 1], [2, 0, 3, 1, 4], [0, 2, 4, 5], [2, 0]),
        ([1, 1, 1, 0, 0], [0, 3, 1, 4, 2], [0, 2, 4, 5], [0, 3]),
        ([5], [0], [0, 1], [0]),
        ([9, 4, 9, 4, 4, 7], [1, 0, 5, 3, 2, 4], [0, 3, 5, 6], [1, 0, 5]),
        ([2, 1, 0], [2, 1, 0], [0, 3], [2, 1, 0]),
        ([], [], [0, 0], []),
    ],
)
def test_lay_out(codes, order, offsets, first_rows):
    layout = lay_out(np.array(codes, dtype=int))
    assert layout.order.tolist() == order
    assert layout.offsets.tolist() == offsets
    assert layout.first_rows.tolist() == first_rows


def test_lay_out_of_random_sequences():
    rng = np.random.default_rng(11)
    for _ in range(50):
        codes = rng.integers(-3, 6, rng.integers(1, 40))
        layout = lay_out(codes)
        lengths = np.diff(layout.offsets)
        assert sorted(layout.order) == list(range(len(codes)))
        assert (np.diff(lengths) <= 0).all()
        assert lengths[0] == len(np.unique(codes))
        for t, first in enumerate(layout.offsets[:-1]):
            for s in range(lengths[t]):
                row = layout.order[first + s]
                code = codes[layout.first_rows[s]]
                assert layout.sequence[first + s] == s
                assert codes[row] == code
                assert (codes[:row] == code).sum() == t  # rows keep their time order


# ------------------------------------------------------------------- unusual but legal equations


def cell_of(states, parameters, data, next_states, latents):
    read = Equations(states, parameters, data, next_states, latents)
    return make_cell(read, [True] * len(parameters), list(latents))


def test_states_that_swap_and_outputs_that_are_constants():
    a, b, p = pt.dscalar("a"), pt.dscalar("b"), pt.dscalar("p")
    cell = cell_of(
        {"a": a, "b": b}, {"p": p}, {}, {"a": b, "b": a}, {"one": pt.constant(1.0), "same": p}
    )
    start_a, start_b, rate = pt.dvectors("start_a", "start_b", "rate")
    outputs = Recursion(cell)(start_a, start_b, rate, pt.constant(np.array([0, 1, 2, 3])))
    gradients = pt.grad(
        outputs[0][1] * 10 + outputs[4][0] + outputs[3][2], [start_a, start_b, rate]
    )
    function = pytensor.function([start_a, start_b, rate], [*outputs, *gradients])
    found = [r.tolist() for r in function([1.0], [2.0], [3.0, 4.0, 5.0])]
    assert found[:4] == [[1, 2, 1], [2, 1, 2], [1, 1, 1], [3, 4, 5]]
    assert found[4:6] == [[2.0], [1.0]]
    # history of a at trial 2 is b's start; a's final is b's start too after three swaps
    assert found[6:] == [[0.0], [11.0], [0.0, 0.0, 1.0]]


def test_evaluates_without_numba():
    read = equations()
    cell = make_cell(read, [name in VARYING for name in read.parameters], LATENTS)
    values = point(0)
    inputs = [values[name] for name in (*STARTS, *PARAMETERS, *read.data)]
    symbols = [pt.dvector(f"input_{i}") for i in range(len(inputs))]
    outputs = Recursion(cell)(*symbols, pt.constant(LAYOUT.offsets))
    gradient = pt.grad(outputs[6].sum(), symbols[0])
    function = pytensor.function(
        symbols, [outputs[6], gradient], mode="FAST_COMPILE", on_unused_input="ignore"
    )
    utility, slope = function(*inputs)
    found, _ = run_python(in_table_order(values), SEQUENCES)
    np.testing.assert_allclose(utility, np.array(found["utility"])[LAYOUT.order], rtol=1e-12)
    assert np.isfinite(slope).all()


# ------------------------------------------------------------------------- what must be refused


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (lambda a, b: pt.stack([a, b])[0], "Subtensor|MakeVector|Join"),
        (lambda a, b: pt.sum(pt.stack([a, b])), "Sum|MakeVector|Join"),
        (lambda a, b: pt.dot(pt.stack([a, b]), pt.stack([b, a])), "Dot|MakeVector|Join"),
        (lambda a, b: pt.max(pt.stack([a, b])), "Max|MakeVector|Join"),
        (lambda a, b: (a + np.array([1.0, 2.0]))[0] + b, "Elemwise|Subtensor|DimShuffle"),
    ],
)
def test_operations_that_are_not_element_wise_are_refused_by_name(operation, name):
    def bad(state, parameters, data):
        next_state, latents = step(state, parameters, data)
        return next_state, latents | {"utility": operation(data.outcome, parameters.pessimism)}

    with pytest.raises(ValueError, match=rf"'utility' of model 'composite' uses .*({name})"):
        read_equations(replace(MODEL, step=bad), {"cue": 3})


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        (lambda s, p, d: p.learning_rat, r"parameters\.learning_rat.*Did you mean 'learning_rate'"),
        (lambda s, p, d: d.outcom, r"data\.outcom`.*Did you mean 'outcome'"),
        (lambda s, p, d: s.associablity, r"state\.associablity.*Did you mean 'associability'"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(reading, message):
    def bad(state, parameters, data):
        next_state, latents = step(state, parameters, data)
        return next_state, latents | {"utility": reading(state, parameters, data)}

    with pytest.raises(AttributeError, match=message):
        read_equations(replace(MODEL, step=bad), {"cue": 3})


def test_states_must_be_those_declared():
    def forgets(state, parameters, data):
        next_state, latents = step(state, parameters, data)
        return {name: value for name, value in next_state.items() if name != "habit"}, latents

    def too_few(state, parameters, data):
        next_state, latents = step(state, parameters, data)
        return next_state | {"value": next_state["value"][:2]}, latents

    with pytest.raises(ValueError, match="returned: 'value', 'associability'"):
        read_equations(replace(MODEL, step=forgets), {"cue": 3})
    with pytest.raises(ValueError, match="'value' of model 'composite' has 3 options"):
        read_equations(replace(MODEL, step=too_few), {"cue": 3})


# ---------------------------------------------------------------------- edited equations

FILE = '''"""A learner."""
import pymc as pm
from empathymodels import Column, Model, Parameter, Prior, Response, State

def step(state, parameters, data):
    value = state.value + CONSTANT * parameters.rate * (data.outcome - state.value)
    return dict(value=value), dict(value=state.value)

def rating(latent, parameters, data):
    return pm.Normal.dist(latent.value, 1.0)

rate = Parameter(
    "rate", "", Prior("Normal", mu=0, sigma=1), Prior("HalfNormal", sigma=1), support="unit"
)
model = Model(
    "learner", (rate,), (Response("rating", rating, ""),), (Column("outcome", ""),),
    step=step, states=(State("value", 0.0),), latents={"value": ""},
)
'''
TRIALS = {
    "participant": ["a", "a", "b"],
    "trial": [1, 2, 1],
    "outcome": [1.0, 2.0, 1.5],
    "rating": [0.5, 0.25, 1.0],
}
ASK = f"""
import sys
import pandas as pd
import empathymodels as em
study = em.Study(trials=pd.DataFrame({TRIALS}))
for path in sys.argv[1:]:
    print(em.log_likelihood(em.get_model(path), study, {{"rate": 0.5}}).attrs["total"])
"""


def expected_total(constant):
    errors = [0.5, 0.25 - constant * 0.5 * 1.0, 1.0]
    return sum(-0.5 * error**2 - 0.5 * math.log(2 * math.pi) for error in errors)


def write(path, constant, nanoseconds):
    path.write_text(FILE.replace("CONSTANT", str(constant)))
    os.utime(path, ns=(nanoseconds, nanoseconds))


def ask_here(path):
    study = Study(trials=pd.DataFrame(TRIALS))
    return log_likelihood(get_model(path), study, {"rate": 0.5}).attrs["total"]


def ask_elsewhere(*paths):
    """Ask a fresh process; it shares this one's folder of compiled functions."""
    folder = f"base_compiledir={pytensor.config.base_compiledir}"
    flags = ",".join(filter(None, [os.environ.get("PYTENSOR_FLAGS", ""), folder]))
    done = subprocess.run(
        [sys.executable, "-c", ASK, *map(str, paths)],
        env={**os.environ, "PYTENSOR_FLAGS": flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [float(line) for line in done.stdout.split()]


def test_an_edited_equation_never_meets_an_old_compilation(tmp_path):
    path, other = tmp_path / "learner.py", tmp_path / "elsewhere" / "learner.py"
    other.parent.mkdir()
    for moment, constant in ((10**18, 0.5), (10**18 + 10**10, 0.7)):
        write(path, constant, moment)
        assert ask_here(path) == pytest.approx(expected_total(constant), rel=1e-12)
    write(other, 0.9, 10**18)
    found = ask_elsewhere(path, other)
    assert found == pytest.approx([expected_total(0.7), expected_total(0.9)], rel=1e-12)
    write(path, 0.5, 10**18 + 2 * 10**10)  # back to the first text
    assert ask_here(path) == pytest.approx(expected_total(0.5), rel=1e-12)


def test_an_edit_within_the_same_second_is_seen(tmp_path, monkeypatch):
    # Python itself tells stale byte code by whole seconds and the length of the text
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "learner.py"
    for nanoseconds, constant in ((10**18 + 1, 0.5), (10**18 + 2, 0.7)):
        write(path, constant, nanoseconds)
        assert ask_here(path) == pytest.approx(expected_total(constant), rel=1e-12)
