"""Supports of parameters: from the link scale to the natural one and back, and what says so."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest
from scipy.special import expit, logit

import empathymodels as em
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.population.scales import Scales, linked_values, natural, natural_values
from empathymodels.simulation.made_up import typical_range

LINKED = np.array([-3.0, -0.4, 0.0, 0.7, 2.5])
INVERSES = {"real": lambda x: x, "positive": np.exp, "unit": expit, "signed": np.tanh}
LINKS = {"real": lambda x: x, "positive": np.log, "unit": logit, "signed": np.arctanh}


def with_slope(model, **changes):
    """The user's own model with another declaration of its slope."""
    slope = replace(model.parameter("slope"), **changes)
    parameters = tuple(slope if p.name == "slope" else p for p in model.parameters)
    return replace(model, parameters=parameters)


@pytest.fixture
def signed(own_model):
    prior = em.Prior("Normal", mu=0, sigma=0.75)
    return with_slope(
        own_model, support="signed", scale_of=None, location=prior, typical=(-0.8, 0.8)
    )


def test_every_support_is_tested_here():
    assert list(INVERSES) == list(LINKS) == list(SUPPORTS)


@pytest.mark.parametrize("support", SUPPORTS)
def test_natural_values_and_back(own_model, support):
    model = with_slope(own_model, support=support, scale_of=None)
    slope = model.parameter("slope")
    values = natural_values(slope, model, LINKED)
    np.testing.assert_allclose(values, INVERSES[support](LINKED), rtol=1e-12)
    np.testing.assert_allclose(linked_values(slope, model, values), LINKED, atol=1e-12)
    np.testing.assert_allclose(LINKS[support](values), LINKED, atol=1e-12)
    low, high = SUPPORTS[support].ends
    assert ((low < values) & (values < high)).all()


@pytest.mark.parametrize("support", SUPPORTS)
def test_natural_values_in_units_of_a_response(own_model, support):
    model = with_slope(own_model, support=support)
    slope = model.parameter("slope")
    values = natural_values(slope, model, LINKED)
    np.testing.assert_allclose(values, 10 * INVERSES[support](LINKED), rtol=1e-12)
    np.testing.assert_allclose(linked_values(slope, model, values), LINKED, atol=1e-12)


def test_inside_a_density_the_same_formulas_hold():
    codes = np.arange(4.0)
    scale = Scales(codes, np.zeros(4), np.ones(4), np.zeros(4), np.zeros(4))
    linked = np.array([[-800.0, 800.0, -30.0, 30.0], [0.3, -0.2, 0.4, -0.6]])
    found = natural(scale, pt.as_tensor(np.clip(linked, -700, 700)), xp=pt).eval()
    functions = zip(linked.T, INVERSES.values(), strict=True)
    expected = np.stack([f(np.clip(column, -700, 700)) for column, f in functions], axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(natural(scale, linked[1:]), expected[1:], rtol=1e-12)


def test_a_signed_parameter_ends_at_minus_one_and_one(signed):
    assert signed.fix(slope=-1.0).parameter("slope").fixed == -1.0
    with pytest.raises(ValueError, match="'slope' must lie between -1 and 1; found the fixed"):
        signed.fix(slope=-1.2)
    assert typical_range(signed.parameter("slope"), signed) == (-0.8, 0.8)


def test_values_outside_are_named(signed, own_study):
    people = own_study.participants["participant"]
    table = pd.DataFrame({"participant": people, "baseline": 5.0, "slope": 0.2, "noise": 1.0})
    table.loc[3, "slope"] = -1.5
    with pytest.raises(ValueError, match=r"in \[-1, 1\].*P04: -1\.5"):
        em.log_likelihood(signed, own_study, table)


def test_cards_name_the_link(signed):
    assert "atanh(value)" in em.card(signed)
    assert em.card(with_slope(signed, scale_of="rating")).count("atanh(value / 10)") == 1


def test_everybody_alone(signed, own_study):
    """Slopes beyond the ends stop there, and are told; others are those of least squares."""
    table = em.point_estimates(signed, own_study).set_index("participant")
    people = own_study.trials.groupby("participant")
    least_squares = people.apply(
        lambda rows: np.polyfit(rows["intensity"], rows["rating"], 1)[0], include_groups=False
    )
    least_squares = least_squares[table.index]
    inside = abs(least_squares) < 0.99
    assert 4 < inside.sum() < 20
    np.testing.assert_allclose(table["slope"][inside], least_squares[inside], rtol=1e-4)
    assert (abs(table["slope"][~inside]) > 0.99).all()
    beyond = abs(least_squares) > 1.02
    assert (table["at_bound"][beyond] == "slope").all()
    assert (table["at_bound"][inside & (abs(least_squares) < 0.97)] == "").all()


def test_estimates_on_both_scales(signed, own_study):
    fit = em.fit(signed, own_study, method="laplace", draws=400, seed=1)
    rows = em.estimates(fit).query("parameter == 'slope'").set_index("whose")
    mean = fit["posterior"]["slope_mean"].to_numpy()
    assert rows.loc["median person", "mean"] == pytest.approx(np.tanh(mean).mean())
    # the average over people lies nearer to 0 than the median person
    assert 0 < rows.loc["population average", "mean"] < rows.loc["median person", "mean"]
    own = fit["posterior"]["slope"]
    assert float(abs(own).max()) <= 1
    assert rows.loc["P01", "shrinkage"] <= 1


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_what_needs_a_column_is_held_where_it_is_absent(own_model, own_study, value):
    optional = em.Column("intensity", "intensity of the pain seen", range=(-1, 1), default=1.0)
    model = replace(with_slope(own_model, weighs="intensity", if_absent=value), columns=(optional,))
    assert f"Held at {10 * value:g} where the study lacks their column: `slope`" in em.card(model)
    plain = em.Study(trials=own_study.trials.drop(columns="intensity"), simulated=True)
    people = own_study.participants[["participant"]].assign(baseline=5.0, noise=1.0)
    found = em.log_likelihood(model, plain, people)
    held = own_model.fix(slope=10 * value)
    constant = em.Study(trials=own_study.trials.assign(intensity=1.0), simulated=True)
    expected = em.log_likelihood(held, constant, people)
    assert found.attrs["total"] == pytest.approx(expected.attrs["total"], rel=1e-12)
