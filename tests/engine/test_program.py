"""Programs: interpreted or compiled they give the same, from the same streams."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

import empathymodels as em
from empathymodels.engine.evaluator import evaluator
from empathymodels.engine.program import OFTEN, Program, SharedData
from empathymodels.simulation import simulate_draws as simulating
from empathymodels.simulation.made_up import made_up_study
from empathymodels.simulation.prior_people import prior_people
from folders import OWN_MODELS

SIZE = 50


@pytest.fixture(scope="module")
def drawing():
    """Draws of every distribution of responses around the same numbers."""
    at = pt.dvector("at")
    made = [
        em.Choice.dist(at, 0.1),
        em.SoftmaxChoice.dist([at, -at, 0.3], 0.2, offered=[1, np.arange(SIZE) % 2, 1]),
        em.HurdleSquareRoot.dist(at, at, 0.5),
        em.Ordinal.dist(at, [-1.0, 0.0, 1.0]),
        em.RoundedNormal.dist(at, 1.0, -2.0, 2.0, 0.5),
        em.CensoredNormal.dist(at, 1.0, -1.0, 1.0),
        em.OrderedBeta.dist(at, 4.0, -1.0, 1.0),
        pm.Normal.dist(at, 1.0),
        pm.StudentT.dist(nu=4, mu=at, sigma=0.5),
        pm.Beta.dist(2.0, 3.0, size=SIZE),
    ]
    return Program([at], made)


def test_draws_are_the_same_from_both(drawing):
    at = np.linspace(-3, 3, SIZE)
    both = []
    for often in (False, True):
        drawing.reseed(7)
        both.append([drawing(at, often=often) for _ in range(2)])
    for interpreted, compiled in zip(*both, strict=True):
        for one, other in zip(interpreted, compiled, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    assert not np.array_equal(both[0][0][7], both[0][1][7])


def test_both_go_on_in_the_same_streams(drawing):
    at = np.zeros(SIZE)
    drawing.reseed(3)
    first, then = drawing(at), drawing(at, often=True)
    drawing.reseed(3)
    np.testing.assert_allclose(first[7], drawing(at, often=True)[7], rtol=1e-12)
    np.testing.assert_allclose(then[7], drawing(at)[7], rtol=1e-12)


def test_of_some_outputs_the_others_draw_nothing(drawing):
    at = np.linspace(-1, 1, SIZE)
    for often in (False, True):
        drawing.reseed(5)
        first = drawing(at, often=often)
        drawing.reseed(5)
        normal, beta = drawing(at, often=often, only=(7, 9))
        np.testing.assert_allclose(normal, first[7], rtol=1e-12)
        np.testing.assert_allclose(beta, first[9], rtol=1e-12)
        choices = drawing(at, often=often, only=(0,))[0]
        np.testing.assert_allclose(choices, first[0], rtol=1e-12)


def test_what_must_be_exact_is_rewritten_in_both():
    x, data = pt.dvector("x"), SharedData()
    shift = data("shift", np.zeros(2))
    exact = pt.log(1 - pt.sigmoid(x + shift))
    program = Program([x], [exact, pt.log(x)], data.variables)
    for often in (False, True):
        found, unguarded = program(np.array([40.0, -1.0]), often=often)
        np.testing.assert_allclose(found, [-40, np.log1p(-1 / (1 + np.e))], rtol=1e-12)
        assert np.isnan(unguarded[1])  # and no warning
        moved = program(np.zeros(2), data={"shift": np.array([50.0, 0.0])}, often=often)[0]
        np.testing.assert_allclose(moved, [-50, -np.log(2)], rtol=1e-12)
        program(np.zeros(2), data={"shift": np.zeros(2)})


def test_outputs_of_one_kind_are_those_of_all(own_model, own_study):
    compiled = evaluator(own_model, own_study)
    people = prior_people(own_model, own_study, draws=1, seed=2)
    values = {name: array[0, 0] for name, array in compiled.arrays(people).items()}
    compiled.reseed(3)
    everything = compiled(values)
    compiled.reseed(3)
    for kind in ("log_likelihood", "mean", "latent", "draw"):
        found = compiled.of_kind(kind, values)
        assert list(found) == list(everything[kind])
        for name, array in found.items():
            np.testing.assert_allclose(array, everything[kind][name], rtol=1e-12)


def test_few_draws_are_interpreted_and_many_compiled(as_drawn, own_model, own_study, monkeypatch):
    asked = []
    call = Program.__call__

    def noted(self, *inputs, often=False, **how):
        asked.append(often)
        return call(self, *inputs, **how)  # either way the same, and nothing is compiled

    monkeypatch.setattr(Program, "__call__", noted)
    fit = as_drawn(own_model, own_study, draws=OFTEN)
    em.predict(fit, draws=OFTEN - 1, seed=1)
    assert asked == (OFTEN - 1) * [False]
    asked.clear()
    em.predict(fit, draws=OFTEN, seed=1)
    assert asked == OFTEN * [True]


def test_simulations_of_many_draws_are_compiled_too(monkeypatch):
    model = em.get_model(OWN_MODELS / "followed_choice.py")
    study = made_up_study(model, people=3, trials=4, seed=1)
    asked, call = [], Program.__call__

    def noted(self, *inputs, often=False, **how):
        asked.append(often)
        return call(self, *inputs, **how)

    monkeypatch.setattr(Program, "__call__", noted)
    monkeypatch.setattr(simulating, "OFTEN", 6)
    em.predict(model, study, kind="simulation", draws=5, seed=1)
    assert set(asked) == {False}
    asked.clear()
    em.predict(model, study, kind="simulation", draws=6, seed=1)
    assert set(asked) == {True}
    assert len(asked) > 2 * 6  # starts, trials and responses of each
