"""The density that is sampled: its data packed, its places those of the model that is built."""

from dataclasses import dataclass, replace

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import empathymodels as em
from empathymodels.engine.build import build
from empathymodels.engine.density import compiled_density, packed
from empathymodels.inference.sample import sample
from empathymodels.inference.starts import density_and_slopes, places, start_point
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for
from empathymodels.simulation.made_up import made_up_study
from folders import OWN_MODELS

STUDIES = {
    "motivated_empathy": "motives",
    "outgroup_help_learning": "outgroup_help",
    "intergroup_bias": "group_pain",
}


@pytest.mark.parametrize("name", STUDIES)
def test_packing_moves_no_variable(name):
    arrangement = arrange(em.get_model(name), em.load_study(STUDIES[name]))
    built = build(arrangement, covariates_for(arrangement, None))
    apart = packed(built)
    assert [v.name for v in apart.free_RVs] == [v.name for v in built.free_RVs]
    assert places(apart) == places(built)


def test_data_that_are_swapped_in_reach_the_density(own_model, own_study):
    """As compiled anew with them, from ones or from numbers of another type."""
    arrangement = arrange(own_model, own_study)
    built = build(arrangement, {})
    density = compiled_density(built, arrangement, {})
    assert len(density.compiled.shared_var_keys) < len(density.data)
    point = start_point(built)
    before = density_and_slopes(density.compiled)(point)[0]
    shifted = np.round(density.data["rating:observed"]).astype(int) + 1
    other = density.given({"rating:observed": shifted, "of no variable": np.zeros(3)})
    assert other.data["rating:observed"].dtype == np.float64
    with built:
        built.set_data("rating:observed", shifted.astype(float))
    expected = float(built.compile_logp()(built.initial_point(random_seed=0)))
    assert abs(expected - before) > 1
    np.testing.assert_allclose(density_and_slopes(other.compiled)(point)[0], expected, rtol=1e-10)
    again = other.given({"rating:observed": density.data["rating:observed"]})
    assert density_and_slopes(again.compiled)(point)[0] == before
    assert density_and_slopes(density.compiled)(point)[0] == before
    with pytest.raises(ValueError, match=r"'rating:observed' has \(\d+,\); found \(2,\)"):
        density.given({"rating:observed": np.zeros(2)})


def test_compiled_slopes_are_those_that_are_interpreted():
    """Through the loops over trials, forward and back."""
    model = em.get_model(OWN_MODELS / "learned_choice.py")
    study, _ = em.simulate(model, made_up_study(model, people=4, trials=12, seed=1), seed=1)
    arrangement = arrange(model, study)
    built = build(arrangement, {})
    point = start_point(built) + np.random.default_rng(1).normal(0, 0.3, len(start_point(built)))
    value, slopes = density_and_slopes(compiled_density(built, arrangement, {}).compiled)(point)
    start = built.initial_point()
    shaped = {name: point[at].reshape(start[name].shape) for name, at in places(built).items()}
    assert value == pytest.approx(float(built.compile_logp()(shaped)), rel=1e-10)
    expected = built.compile_dlogp()(shaped)
    np.testing.assert_allclose(slopes, expected, rtol=1e-8, atol=1e-10)
    assert (expected != 0).all()


def with_regions(model, study):
    """The ratings, and betas of three regions that follow what was seen."""

    def step(state, parameters, data):
        return {"felt": parameters.slope * data.intensity}

    def beta(latent, parameters, data):
        return pm.Normal.dist(latent.felt, parameters.noise)

    names = ("ACC", "AI", "VS")
    betas = [em.Response(n, beta, "beta", table="regions", region=n) for n in names]
    rng = np.random.default_rng(3)
    rows = [study.trials[["participant", "trial"]].assign(region=name) for name in names]
    regions = pd.concat(rows, ignore_index=True)
    regions["beta"] = rng.normal(size=len(regions))
    model = replace(model, step=step, latents={"felt": "what is felt"})
    return replace(model, responses=(*model.responses, *betas)), replace(study, regions=regions)


def test_every_array_of_a_pack_finds_its_place(own_model, own_study):
    """Numbers and positions are swapped at once, in packs of their own."""
    model, study = with_regions(own_model, own_study)
    arrangement = arrange(model, study)
    built = build(arrangement, {})
    density = compiled_density(built, arrangement, {})
    point = start_point(built) + np.random.default_rng(1).normal(0, 0.1, len(start_point(built)))
    value, slopes = density_and_slopes(density.compiled)(point)
    order = np.random.default_rng(2).permutation(len(density.data["trials:intensity"]))
    # trials in another order are the same trials, where regions name them by their new places
    own = [n for n in density.data if n.startswith(("trials:", "rating:"))]
    mixed = {name: density.data[name][order] for name in own}
    named = [n for n in density.data if n.endswith(":place of trial")]
    mixed |= {name: np.argsort(order)[density.data[name]] for name in named}
    assert {array.dtype.kind for array in mixed.values()} == {"f", "i"}
    assert len(named) == 3
    found, moved = density_and_slopes(density.given(mixed).compiled)(point)
    np.testing.assert_allclose(found, value, rtol=1e-10)
    np.testing.assert_allclose(moved, slopes, rtol=1e-8, atol=1e-8)
    one = {"trials:intensity": density.data["trials:intensity"][order]}
    assert abs(density_and_slopes(density.given(one).compiled)(point)[0] - value) > 1e-3


def test_chains_run_beside_no_other_threads(monkeypatch):
    class Stop(Exception):
        pass

    def threads():
        return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]

    seen = []

    def stop(*_, **__):
        seen.extend(threads())
        raise Stop

    monkeypatch.setattr(nutpie, "sample", stop)
    with threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        with pytest.raises(Stop):
            sample(_Anything(), starts=np.zeros((1, 1)), draws=1, tune=1, chains=1)
        assert threads() == before
    assert set(seen) == {1}
    assert set(before) == {2}


@dataclass(frozen=True)
class _Anything:
    initial_point_func: object = None
