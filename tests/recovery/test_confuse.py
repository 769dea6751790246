"""Confusion of models: who simulated, who was chosen, and the other way round."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.engine.evaluator import evaluator
from empathymodels.recovery.confuse import _is_contest, _matrix, refuse_incomparable
from empathymodels.recovery.replicate_files import Replicate
from empathymodels.simulation.placeholders import with_placeholders

FEW = {"draws": 100, "tune": 150, "seed": 2}


@pytest.fixture(scope="module")
def trials():
    rng = np.random.default_rng(1)
    names = [f"P{k}" for k in range(5)]
    keys = {"participant": np.repeat(names, 8), "trial": np.tile(np.arange(8), 5)}
    return pd.DataFrame({**keys, "intensity": rng.uniform(-1, 1, 40)})


def test_models_are_simulated_in_turns_and_told_apart(own_model, trials, tmp_path):
    models = {"slope": own_model, "flat": own_model.rival("no_slope")}
    table = em.confuse(models, trials, n=2, folder=tmp_path, workers=1, **FEW)
    assert table.index.tolist() == table.columns.tolist() == ["slope", "flat"]
    assert np.allclose(table.sum(axis=1), 1)
    assert table.attrs["counts"].to_numpy().sum() == 4
    assert table.loc["slope", "slope"] == 1  # slopes differ by far more than the noise
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(before) == 4
    again = em.confuse(models, trials, n=2, folder=tmp_path, workers=1, **FEW)
    assert again.equals(table)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    figure = em.plot_confusion(table)
    assert [text.get_text() for text in figure.axes[0].texts][:2] == ["1.00", "0.00"]


def test_later_blocks_are_predicted_by_refits(own_model, trials, tmp_path):
    models = {"slope": own_model, "flat": own_model.rival("no_slope")}
    blocks = trials.assign(block=np.where(trials["trial"] < 4, 1, 2))
    table = em.confuse(models, blocks, n=1, unit="future", folder=tmp_path, workers=1, **FEW)
    assert table.attrs["unit"] == "future"
    assert not table.attrs["failed"]
    assert table.attrs["counts"].to_numpy().sum() == 2


def replicate(number, simulated, chosen, clear=True):
    return Replicate(number, 1.0, "", {"simulated": simulated, "chosen": chosen, "clear": clear})


def test_the_matrix_counts():
    done = [
        replicate(0, "a", "a"),
        replicate(1, "b", "a"),
        replicate(2, "a", "a", clear=False),
        replicate(3, "b", "b"),
        Replicate(4, 1.0, "ValueError: no", {}),
        replicate(5, "b", "b"),
    ]
    table = _matrix(done, ["a", "b", "c"], "trial")
    assert table.loc["a"].tolist() == [1, 0, 0]
    assert table.loc["b"].tolist() == pytest.approx([1 / 3, 2 / 3, 0])
    assert table.loc["c"].isna().all()
    assert table.attrs["inversion"].loc["a", "a"] == pytest.approx(3 / 4)
    assert table.attrs["inversion"].loc["b", "b"] == 1
    assert table.attrs["clear"]["a"] == 0.5
    assert table.attrs["failed"] == {4: "ValueError: no"}
    assert "chosen in 4 of 5 replicates, clearly in 3; 1 failed" in table.attrs["reading"]


@pytest.mark.parametrize(
    "wrong", [{"simulated": "b"}, {"chosen": "c"}, {"chosen": ["a"]}, {"clear": "yes"}]
)
def test_results_of_other_contests_are_made_again(wrong):
    result = {"simulated": "a", "chosen": "b", "clear": False}
    assert _is_contest(result, ["a", "b"], 2)
    assert not _is_contest(result | wrong, ["a", "b"], 2)


def test_one_model_has_no_rival(own_model, trials):
    with pytest.raises(ValueError, match="two or more, by name; found 'slope'"):
        em.confuse({"slope": own_model}, trials)
    with pytest.raises((TypeError, ValueError), match=r"mapping.*found.* list"):
        em.confuse([own_model, own_model.rival("no_slope")], trials)


def test_a_density_is_not_confused_with_a_mass():
    model, study = em.get_model("affect_congruence"), em.load_study("rival_fortunes")
    models = {"rounded": model, "normal": model.rival("plain_normal")}
    with pytest.raises(
        ValueError, match="of probability masses of steps of 1 in 'rounded' and of dens"
    ):
        em.confuse(models, study, n=1)


def test_data_that_are_a_design_stay_what_they_are():
    """Evaluators are kept: fits of this study may be compared in the same process."""
    model = em.get_model("affect_congruence")
    study = with_placeholders(model, em.load_study("rival_fortunes"), model.responses)
    before = evaluator(model, study).data["observed rating"].copy()
    refuse_incomparable({"normal": model, "other": model.rival("no_stakes")}, study)
    assert np.array_equal(evaluator(model, study).data["observed rating"], before)


def test_nothing_but_failures_is_an_error():
    with pytest.raises(RuntimeError, match="all 1 failed, the first with ValueError: no"):
        _matrix([Replicate(0, 1.0, "ValueError: no", {})], ["a", "b"], "trial")
