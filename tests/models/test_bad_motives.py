"""Data that motives cannot be inferred from: everything is told before anything is compiled."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.layout.arrange import arrange
from empathymodels.layout.plausibility import warn_of_constants

MODEL = em.get_model("motivated_empathy")
MOTIVES = ("suffering", "cost", "competition", "effort")


@pytest.fixture(scope="module")
def motives():
    return em.load_study("motives")


def arranged(trials, regions=None):
    return arrange(MODEL, em.Study(trials=trials, regions=regions))


def test_choice_coded_one_and_two(motives):
    told = (
        r"'engage' of trials must be one of 0, 1. Found 2 in 1,246 of 2,400 rows: participant "
        r"'sub-01', trial 1.*codes=\{'engage': \{2: ...\}\}"
    )
    with pytest.raises(ValueError, match=told):
        arranged(motives.trials.assign(engage=motives.trials["engage"] + 1))


def test_choice_as_text(motives):
    words = np.where(motives.trials["engage"] == 1, "yes", "no")
    with pytest.raises(ValueError, match=r"must be a number. Found 'yes', 'no' in 2,400 of 2,400"):
        arranged(motives.trials.assign(engage=words))


def test_regions_of_nobody(motives):
    strangers = motives.regions.assign(participant="x" + motives.regions["participant"])
    told = "Every row of regions must match one row of trials.*7,200 of 7,200 rows"
    with pytest.raises(ValueError, match=told):
        arranged(motives.trials, strangers)


def test_regions_given_twice(motives):
    twice = pd.concat([motives.regions, motives.regions.iloc[:3]])
    told = "must differ in 'participant', 'region', 'trial'. Found 6 of 7,203 rows"
    with pytest.raises(ValueError, match=told):
        arranged(motives.trials, twice)


@pytest.mark.parametrize("error", [0.0, -0.3])
def test_standard_errors_that_are_not_positive(motives, error):
    told = "'se' of regions must lie between 1e-06 and 1e\\+06.*7,200 of 7,200 rows"
    with pytest.raises(ValueError, match=told):
        arranged(motives.trials, motives.regions.assign(se=error))


def test_no_standard_errors_are_no_error(motives):
    found = arranged(motives.trials, motives.regions.drop(columns="se"))
    assert set(found.scored) == {"engage", "rating", "AI", "TPJ", "VS"}


def test_nothing_anchors_the_scale(motives):
    alone = motives.trials[["participant", "trial", "cost"]].assign(attention=0.5)
    told = "One response must anchor the scale.*The study has only 'attention'"
    with pytest.raises(ValueError, match=told):
        arranged(alone)


def test_one_motive_is_a_model_and_the_others_are_told(motives):
    found = arranged(motives.trials[["participant", "trial", "cost", "engage"]])
    free = {p.name for p in found.parameters if p.fixed is None}
    assert free == {"readiness", "cost_weight"}
    assert "Parameter 'effort_weight' is held at 0: trials has no column 'effort'." in found.notices


def test_attributes_that_never_vary(motives):
    flat = motives.trials.assign(**dict.fromkeys(MOTIVES, 0.5))
    columns = [c for c in MODEL.columns if c.name in MOTIVES]
    with pytest.warns(UserWarning, match="No variance") as told:
        warn_of_constants(columns, arranged(flat).checked.tables)
    assert all(any(name in str(w.message) for w in told) for name in MOTIVES)
    flagged = em.diagnose_design(MODEL, em.Study(trials=flat.drop(columns="rating")), draws=2)
    told = flagged.set_index("check").loc["share of people within whom 'cost' is constant"]
    assert not told["passed"]
    assert "same in all rows" in told["advice"]


@pytest.mark.slow
def test_signs_that_the_data_contradict():
    """Cost that invites: signed weights cannot say so; they fit, near 0, and lose clearly."""
    rng = np.random.default_rng(2)
    people = [f"P{k:02}" for k in range(12)]
    trials = pd.DataFrame(
        {
            "participant": np.repeat(people, 40),
            "trial": np.tile(np.arange(1, 41), 12),
            "cost": rng.standard_normal(480),
        }
    )
    truth = {"readiness": 0.0, "cost_weight": pd.Series(rng.normal(1.2, 0.3, 12), index=people)}
    alone = MODEL.without("rating", "attention", "help", "AI", "TPJ", "VS")
    study, _ = em.simulate(alone, em.Study(trials=trials), truth, seed=3)
    fits = em.fit_rivals(alone, study, "signed", chains=2, draws=300, tune=400, seed=1)
    free, signed = (fit["posterior"]["cost_weight"].mean("participant") for fit in fits.values())
    assert float(free.quantile(0.01)) > 0.6
    assert float(signed.quantile(0.99)) < 0.2  # sizes, that are subtracted
    table = em.compare(fits)
    assert list(table.index) == list(fits)
    assert table["elpd_diff"].iloc[1] < -4 * table["dse"].iloc[1]
    assert table.attrs["reading"].startswith("'motivated_empathy' predicts better than 'signed'")
