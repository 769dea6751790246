"""What is sampled for people whose parameters correlate: one prior, at any share of centring."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy.stats import multivariate_normal, norm

import empathymodels as em
from empathymodels.engine.build import build
from empathymodels.engine.density import compiled_density
from empathymodels.inference.centring import measured_centring, pilot_starts, pilot_trace
from empathymodels.inference.starts import density_and_slopes, places, start_point, starts_around
from empathymodels.layout.arrange import arrange
from empathymodels.population.blocks import Block, blocks
from empathymodels.population.draws import reparametrised
from empathymodels.population.labels import labelled
from empathymodels.population.parametrisation import Parametrisation
from empathymodels.population.scatter import Scatter, cholesky_of
from empathymodels.population.variables import _sampled
from folders import OWN_MODELS

CENTRE = np.array([4.0, -5.0, 1.0, 2.0])
SPREAD = np.array([1.5, 0.7, 0.4, 0.3])
CORRELATIONS = np.array([[1, 0.8, -0.4], [0.8, 1, -0.6], [-0.4, -0.6, 1]])
FACTOR = np.eye(4)
FACTOR[:3, :3] = np.linalg.cholesky(CORRELATIONS)
COVARIANCE = SPREAD[:3, None] * CORRELATIONS * SPREAD[:3]
SHARES = [np.zeros(4), np.ones(4), np.array([0.9, 0.0, 0.4, 0.7])]


def block_of(people):
    """Four columns, of which the first three correlate."""
    return Block("participant", list(range(people)), [(None, 0)] * 4, correlated=3, offset=0)


def scatter_of(block, share):
    return Scatter(np.tile(CENTRE, (block.shape[0], 1)), SPREAD, FACTOR, share)


def values_of(block, share, sampled):
    scatter = scatter_of(block, share)
    return scatter.values(scatter.deviations(sampled))


@pytest.mark.parametrize("share", SHARES, ids=["deviations", "values", "between"])
def test_density_is_that_of_a_multivariate_normal(share):
    block = block_of(people=5)
    sampled = np.random.default_rng(3).normal(size=block.shape)
    values = values_of(block, share, sampled)
    symbolic = Scatter(*map(pt.as_tensor, (CENTRE[None], SPREAD, FACTOR, share)), pt)
    with pm.Model() as model:
        _sampled(block, symbolic)
    found = model.compile_logp()({"participant:deviation": sampled})
    expected = multivariate_normal(CENTRE[:3], COVARIANCE).logpdf(values[:, :3])
    expected = expected + norm(CENTRE[3], SPREAD[3]).logpdf(values[:, 3])
    # values are stretched by spread ** (1 - share) against what is sampled
    stretched = np.log(SPREAD * np.diag(FACTOR)) * (1 - share)
    np.testing.assert_allclose(found, (expected + stretched.sum()).sum(), rtol=1e-12)


@pytest.mark.parametrize("share", SHARES, ids=["deviations", "values", "between"])
def test_draws_have_the_moments_of_the_population(share):
    block = block_of(people=40_000)
    symbolic = Scatter(*map(pt.as_tensor, (CENTRE[None], SPREAD, FACTOR, share)), pt)
    with pm.Model():
        variable = _sampled(block, symbolic)
    values = values_of(block, share, pm.draw(variable, random_seed=1))
    near = 4 * SPREAD / np.sqrt(len(values))
    np.testing.assert_array_less(abs(values.mean(axis=0) - CENTRE), near)
    found = np.corrcoef(values.T)
    np.testing.assert_allclose(values.std(axis=0), SPREAD, rtol=0.015)
    np.testing.assert_allclose(found[:3, :3], CORRELATIONS, atol=0.02)
    np.testing.assert_allclose(found[3, :3], 0, atol=0.02)


@pytest.mark.parametrize("share", SHARES, ids=["deviations", "values", "between"])
@pytest.mark.parametrize("factor", [FACTOR, None], ids=["correlated", "alone"])
def test_what_is_sampled_and_deviations_are_inverses(share, factor):
    scatter = replace(scatter_of(block_of(people=5), share), factor=factor)
    deviations = np.random.default_rng(5).normal(size=(5, 4))
    sampled = scatter.sampled(deviations)
    np.testing.assert_allclose(scatter.deviations(sampled), deviations, rtol=1e-12)
    if (share == 1).all():
        np.testing.assert_allclose(sampled, scatter.values(deviations), rtol=1e-12)
    if (share == 0).all():
        np.testing.assert_allclose(sampled, deviations, rtol=1e-12)


def test_every_draw_has_its_own_population():
    """Draws of two chains at once are what each is alone."""
    rng = np.random.default_rng(7)
    spread = np.exp(rng.normal(size=(2, 3, 4)))
    factor = cholesky_of(rng.uniform(-0.8, 0.8, (2, 3, 3)), correlated=3, columns=4)
    sampled = rng.normal(size=(2, 3, 5, 4))
    scatter = Scatter(rng.normal(size=(2, 3, 5, 4)), spread, factor, SHARES[2])
    together = scatter.values(scatter.deviations(sampled))
    for draw in np.ndindex(2, 3):
        one = Scatter(scatter.centre[draw], spread[draw], factor[draw], SHARES[2])
        alone = one.values(one.deviations(sampled[draw]))
        np.testing.assert_allclose(together[draw], alone, rtol=1e-12)
        np.testing.assert_allclose(one.sampled(one.deviations(sampled[draw])), sampled[draw])


def test_partial_correlations_of_two_columns_given_a_third():
    """p(2, 3 | 1) follows from the plain correlations; a column after these is uncorrelated."""
    r12, r13, r23 = 0.8, -0.4, -0.6
    given = (r23 - r12 * r13) / np.sqrt((1 - r12**2) * (1 - r13**2))
    factor = cholesky_of(np.array([r12, r13, given]), correlated=3, columns=4)
    np.testing.assert_allclose(factor, FACTOR, atol=1e-12)


@pytest.fixture(scope="module")
def first(own_model, own_study):
    """A density of people whose baselines and slopes correlate."""
    arrangement = arrange(replace(own_model, correlate=("baseline", "slope")), own_study)
    return compiled_density(build(arrangement, {}), arrangement, {})


@pytest.mark.dear("a density of correlated people is compiled, and a pilot run")
def test_pilot_draws_are_the_same_people_at_other_shares(first):
    """A density moves by the Jacobian of the sampled values, (1 - share) log spread each."""
    arrangement = first.arrangement
    model = arrangement.model
    shares = {unit: 0.8 + 0 * share for unit, share in first.parametrisation.centring.items()}
    other = first.reparametrised(Parametrisation(shares))
    trace = pilot_trace(first, seed=1, cores=2)
    both = [one.parametrisation for one in (first, other)]
    starts = pilot_starts(trace, first, other)
    changed = trace.draws | reparametrised(arrangement, {}, *both, trace.draws)
    people = [
        labelled(arrangement, {}, coordinates, draws)
        for coordinates, draws in zip(both, (trace.draws, changed), strict=True)
    ]
    for name in model.parameters:
        np.testing.assert_allclose(people[0][name.name], people[1][name.name], rtol=1e-9)
    (block,) = [b for b in blocks(arrangement) if b.unit == "participant"]
    narrowed = np.ones(block.shape[1])
    factor = np.linalg.cholesky(people[0]["correlation"].to_numpy()[0, -1])
    narrowed[: block.correlated] = np.diag(factor)
    spread = [people[0][f"{p.name}_sd"].to_numpy()[0, -1] for p, _ in block.columns]
    spread = [s[k] if np.ndim(s) else s for s, (_, k) in zip(spread, block.columns, strict=True)]
    stretched = block.shape[0] * np.log(np.array(spread) * narrowed).sum() * (0.8 - 0.5)
    point = trace.stats["unconstrained_draw"].to_numpy()[0, -1]
    before = density_and_slopes(first.compiled)(point)[0]
    found = density_and_slopes(other.compiled)(starts[0, -1])[0]
    np.testing.assert_allclose(found, before - stretched)


def test_people_start_alike_near_what_fits_them_together():
    """Every start has the group's signs, whichever sign the priors' draws have."""
    model, rng = em.get_model(OWN_MODELS / "weighed_gains.py"), np.random.default_rng(2)
    keys = {"participant": np.repeat(np.arange(24), 30), "trial": np.tile(np.arange(30), 24)}
    columns = ("own_loss", "inequity", "other_gain")
    trials = pd.DataFrame(keys | {name: rng.uniform(-100, 100, 720) for name in columns})
    truth = {"bias": 0.0, "loss_weight": -3.0, "inequity_weight": -2.0, "gain_weight": 3.0}
    choices, _ = em.simulate(model, em.Study(trials=trials), truth, seed=1)
    arrangement = arrange(model, choices)
    built = build(arrangement, {})
    density = compiled_density(built, arrangement, {})
    starts = starts_around(density, seed=3)
    where = places(built)
    (block,) = [b for b in blocks(arrangement) if b.unit == "participant"]
    labels = [parameter.name for parameter, _ in block.columns]
    free = [labels.index(name) for name in ("loss_weight", "inequity_weight", "gain_weight")]
    locations = starts[:, where["participant:location"]][:, free]
    assert (np.sign(locations) == [-1, -1, 1]).all()
    sampled = starts[:, where["participant:deviation"]].reshape(-1, *block.shape)[..., free]
    # locations are moved by a tenth of the prior at most, and people around half of them
    np.testing.assert_allclose(sampled.mean(axis=1), 0.5 * locations, atol=0.08)
    at = density_and_slopes(density.compiled)
    worst = min(at(start)[0] for start in starts)
    jittered = start_point(built) + np.random.default_rng(1).uniform(-1, 1, starts.shape)
    assert worst > max(at(point)[0] for point in jittered)


def test_fixed_parameters_are_not_centred():
    """Nothing informs their variables: centred, spread and deviations would be a funnel."""
    model = em.get_model("costly_helping").rival("trade_off").fix(slope=0.5)
    wanted = {"slope": 0.9, "bias": 0.8}
    built = build(arrange(model, em.load_study("induced_motives")), {}, centring=wanted)
    (name,) = Parametrisation({"participant": np.zeros(1)}).data
    np.testing.assert_array_equal(built[name].get_value(), [0.8, 0.8, 0.8, 0.0])


KNOWS = {"each value": 1.0, "nothing": 0.0, "some values": 1.0}


@pytest.mark.parametrize("what", KNOWS)
def test_values_that_do_not_follow_the_mean_are_sampled_directly(what):
    """Also where only some are known, and of others that they lie beyond a border of their own."""
    rng = np.random.default_rng(1)
    model = replace(em.get_model("costly_helping").rival("trade_off"), correlate=())
    arrangement = arrange(model, em.load_study("induced_motives"))
    (block,) = blocks(arrangement)
    people, columns = block.shape
    chains, draws = 2, 300
    mean, spread = rng.normal(0, 0.2, (chains, draws)), np.exp(rng.normal(0, 0.1, (chains, draws)))
    border = norm.ppf(rng.uniform(0.2, 0.8, people))
    below = norm.cdf((border - mean[..., None]) / spread[..., None])
    drawn = rng.uniform(size=(chains, draws, people))
    deviation = {
        "each value": (border + 0.1 * norm.ppf(drawn) - mean[..., None]) / spread[..., None],
        "nothing": norm.ppf(drawn),
        "some values": norm.ppf(below + (1 - below) * drawn),
    }[what]
    if what == "some values":
        known = np.arange(people) % 3 == 0
        exact = (border + 0.02 * norm.ppf(drawn) - mean[..., None]) / spread[..., None]
        deviation = np.where(known, exact, deviation)
    deviations = Parametrisation({"participant": np.zeros(columns)}, {})
    density = SimpleNamespace(arrangement=arrangement, covariates={}, parametrisation=deviations)
    raw = {
        "participant:location": np.repeat(mean[..., None], columns, axis=-1),
        "participant:spread": np.repeat(spread[..., None], columns, axis=-1),
        "participant:deviation": np.repeat(deviation[..., None], columns, axis=-1),
    }
    found = measured_centring(SimpleNamespace(draws=raw), density)
    assert set(found) == {p.name for p in model.parameters if p.level == "participant"}
    shares = np.concatenate(list(found.values()))
    np.testing.assert_allclose(shares, KNOWS[what], atol=0.15)
    if what == "some values":  # which the median person's precision does not show
        values = mean[..., None] + spread[..., None] * deviation
        assert np.median(1 - values.var(axis=(0, 1)) / (spread**2).mean()) < 0.75
