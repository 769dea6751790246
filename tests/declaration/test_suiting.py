"""Attributes and responses that a study lacks, and which response anchors the scale."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.layout.arrange import arrange

ROWS = pd.DataFrame(
    {
        "participant": np.repeat(["a", "b"], 4),
        "trial": np.tile(range(1, 5), 2),
        "cost": [-1.0, 0.3, 0.5, 1.2] * 2,
        "affiliation": [0.4, -1.1, 0.9, 0.1] * 2,
        "engage": [1, 0, 0, 1] * 2,
        "rating": [50.0, 20, 30, 61] * 2,
        "help": [1, 0, 1, 0] * 2,
    }
)
BETAS = ROWS[["participant", "trial"]].assign(region="AI", beta=np.linspace(-1, 1, 8))


@pytest.fixture(scope="module")
def motives():
    return em.get_model("motivated_empathy")


def laid_out(model, *columns, regions=None):
    keys = ["participant", "trial", *columns]
    return arrange(model, em.Study(trials=ROWS[keys], regions=regions))


def test_weights_of_absent_attributes_are_held_at_zero_and_told(motives):
    found = laid_out(motives, "cost", "affiliation", "engage")
    free = [p.name for p in found.parameters if p.fixed is None]
    assert free == ["readiness", "cost_weight", "affiliation_weight"]
    assert found.model.parameter("effort_weight").fixed == 0.0
    assert "Parameter 'effort_weight' is held at 0: trials has no column 'effort'." in found.notices
    assert "Response 'AI' is left out of the likelihood: the study has no table 'regions'." in (
        found.notices
    )
    # of what no remaining response reads nothing is told
    assert not any("stimulus" in notice for notice in found.notices)


@pytest.mark.parametrize(
    ("columns", "regions", "anchor", "held"),
    [
        (("engage", "rating", "help"), BETAS, "engage", {}),
        (("rating", "help"), BETAS, "rating", {"rating_slope": 10.0, "rating_baseline": 50.0}),
        (("help",), BETAS, "AI", {"ai_slope": 0.5, "ai_baseline": 0.0}),
    ],
)
def test_one_response_anchors_the_scale(motives, columns, regions, anchor, held):
    found = laid_out(motives, "cost", "affiliation", *columns, regions=regions)
    of_anchors = ("rating_slope", "rating_baseline", "ai_slope", "ai_baseline")
    fixed = {
        p.name: p.fixed for p in found.parameters if p.fixed is not None and p.name in of_anchors
    }
    assert fixed == held
    told = [n for n in found.notices if "anchors the scale" in n]
    assert len(told) == len(held)
    assert all(f"response '{anchor}' anchors the scale." in notice for notice in told)


def test_what_the_user_fixed_stays(motives):
    found = laid_out(motives.fix(rating_slope=7.0, effort_weight=-1.0), "cost", "rating")
    assert found.model.parameter("rating_slope").fixed == 7.0
    assert found.model.parameter("effort_weight").fixed == -1.0


def test_no_response_that_could_anchor(motives):
    with pytest.raises(ValueError, match="One response must anchor") as told:
        laid_out(motives, "cost", "help")
    assert (
        "One response must anchor the scale of 'motivated_empathy': 'engage', 'rating', 'AI', "
        "'TPJ', in this order. The study has only 'help', which could stretch with the weights. "
        "Add one of them, or name its column: Study(..., columns={...})." in str(told.value)
    )


def test_the_card_says_what_anchors_and_what_may_be_absent(motives):
    text = em.card(motives)
    assert "anchored by the first of these that the study has: `engage`, `rating` (then" in text
    assert "Held at 0 where the study lacks their column: `suffering_weight`" in text


def test_context_acts_where_there_is_one(motives):
    with pytest.raises(ValueError, match=r"Column 'context' .*must be in trials"):
        laid_out(motives.rival("context_directly"), "cost", "engage")


def test_signed_weights_push_one_way(motives):
    trials = em.Study(trials=ROWS[["participant", "trial", "cost", "affiliation", "engage"]])
    values = {"readiness": 0.1, "cost_weight": 0.6, "affiliation_weight": 0.4}
    signed = em.log_likelihood(motives.rival("signed"), trials, values)["latents"]["utility"]
    expected = 0.1 - 0.6 * ROWS["cost"] + 0.4 * ROWS["affiliation"]
    np.testing.assert_allclose(signed.to_numpy(), expected)
    plain = em.log_likelihood(motives, trials, values | {"cost_weight": -0.6})["latents"]["utility"]
    np.testing.assert_allclose(plain.to_numpy(), expected)
