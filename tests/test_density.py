"""The density that is sampled: its data packed, its places those of the model that is built."""

import numpy as np
import pytest

import empathymodels as em
from empathymodels.build import build
from empathymodels.density import compiled_density, packed
from empathymodels.starting import density_and_slopes, places, start_point

STUDIES = {
    "motivated_empathy": "motives",
    "outgroup_help_learning": "outgroup_help",
    "intergroup_bias": "group_pain",
}


@pytest.mark.parametrize("name", STUDIES)
def test_packing_moves_no_variable(name):
    built, _ = build(em.get_model(name), em.load_study(STUDIES[name]))
    apart = packed(built)
    assert [v.name for v in apart.free_RVs] == [v.name for v in built.free_RVs]
    assert places(apart) == places(built)


def test_data_that_are_swapped_in_reach_the_density(own_model, own_study):
    """As compiled anew with them, from ones or from numbers of another type."""
    built, arrangement = build(own_model, own_study)
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
