"""Envy and guilt: the equations by hand, what a design must have, and recovery of the truth."""

import warnings

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.layout.arrange import arrange
from empathymodels.simulation.uninformed import warn_of_uninformed
from folders import BUNDLED

TRUTH = BUNDLED / "split_or_keep" / "true_parameters.csv"
RIVALS = ("no_group", "selfish")
PEOPLE = 16


@pytest.fixture(scope="module")
def divided():
    return em.load_study("split_or_keep")


@pytest.fixture(scope="module")
def inequity():
    return em.get_model("inequity_aversion")


@pytest.fixture(scope="module")
def truth(divided):
    """True parameters of everybody."""
    people = divided.trials["participant"].unique()
    return pd.read_csv(TRUTH).set_index("participant").loc[people]


def only_ahead(trials):
    """Trials on which no option gives the other more than oneself."""
    ahead = (trials["own_a"] >= trials["other_a"]) & (trials["own_b"] >= trials["other_b"])
    return trials[ahead].reset_index(drop=True)


# --------------------------------------------------------------------------------- equations


def by_hand(own, other, envy, guilt):
    """Fehr and Schmidt's utility, case by case."""
    if other > own:
        return own - envy * (other - own)
    return own - guilt * (own - other)


def test_worths_and_likelihood_by_hand(inequity):
    rows = [  # own_a, other_a, own_b, other_b, group, choice
        (10, 10, 14, 2, "in", 1),
        (10, 10, 14, 2, "out", 0),
        (8, 22, 10, 10, "in", 1),
        (3, 7, 9, 4, "out", 0),
        (0, 0, 2, 8, "in", 0),  # an offer of 2 in 10, rejected
    ]
    names = ["own_a", "other_a", "own_b", "other_b", "recipient_group", "choice"]
    trials = pd.DataFrame(rows, columns=names)
    trials = trials.assign(participant=np.resize(["P1", "P2"], len(rows)), trial=range(len(rows)))
    envy, guilt = {"in": 0.6, "out": 1.1}, {"in": 0.35, "out": -0.2}
    values = {f"envy[{g}]": v for g, v in envy.items()}
    values |= {f"guilt[{g}]": v for g, v in guilt.items()} | {"inverse_temperature": 0.5}
    found = em.log_likelihood(inequity, em.Study(trials=trials), values)
    total = 0.0
    for row, (own_a, other_a, own_b, other_b, group, choice) in enumerate(rows):
        a, b = (
            by_hand(own, other, envy[group], guilt[group])
            for own, other in ((own_a, other_a), (own_b, other_b))
        )
        assert float(found["latents"]["worth_a"][row]) == pytest.approx(a)
        assert float(found["latents"]["worth_b"][row]) == pytest.approx(b)
        p = 1 / (1 + np.exp(-0.5 * (b - a)))
        total += np.log(p if choice else 1 - p)
    assert found.attrs["total"] == pytest.approx(total, rel=1e-12)


def test_held_values_and_pooling_are_special_cases(inequity, divided):
    values = {"envy": 0.6, "guilt": 0.0, "inverse_temperature": 0.5}
    one = inequity.rival("no_group")
    held = {name: value for name, value in values.items() if name != "guilt"}
    pooled = em.log_likelihood(one, divided, values).attrs["total"]
    without = em.log_likelihood(one.rival("no_guilt"), divided, held).attrs["total"]
    assert without == pytest.approx(pooled, rel=1e-12)
    split = {f"{name}[{g}]": values[name] for name in ("envy", "guilt") for g in ("in", "out")}
    both = em.log_likelihood(inequity, divided, split | {"inverse_temperature": 0.5})
    assert both.attrs["total"] == pytest.approx(pooled, rel=1e-12)


def test_spite_is_possible_but_not_in_the_rival(inequity):
    assert inequity.fix(guilt=-0.5).parameter("guilt").fixed == -0.5
    with pytest.raises(ValueError, match="'guilt' must lie between 0 and inf; found"):
        inequity.rival("positive").fix(guilt=-0.5)


def test_one_group_needs_no_column(inequity, divided):
    trials = divided.trials.drop(columns="recipient_group")
    values = {"envy[all]": 0.6, "guilt[all]": 0.35, "inverse_temperature": 0.5}
    found = em.log_likelihood(inequity, em.Study(trials=trials), values)
    assert np.isfinite(found.attrs["total"])


# ------------------------------------------------------------------------ what a design tells


def test_both_sides_of_equality_inform_both(inequity, divided):
    table = em.diagnose_design(inequity, divided, draws=4)
    assert table["passed"].all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_uninformed(arrange(inequity, divided))


def test_a_design_without_disadvantage_says_nothing_of_envy(inequity, divided):
    trials = only_ahead(divided.trials)
    study = em.Study(trials=trials)
    with pytest.warns(UserWarning, match=r"No information: .* 'envy\[in\]', 'envy\[out\]' of"):
        warn_of_uninformed(arrange(inequity, study))
    for design in (study, em.Study(trials=trials.drop(columns="choice"))):
        table = em.diagnose_design(inequity, design, draws=4).set_index("check")
        wrong = [f"contraction, {who}: envy[{group}]" for who in ("one person", "population")
                 for group in ("in", "out")]  # fmt: skip
        assert table.index[~table["passed"]].tolist() == wrong
        assert (table.loc[wrong, "value"] == 0).all()


def test_one_group_without_disadvantage(inequity, divided):
    """Where only trials with the other group lack it, only that envy is not informed."""
    trials = divided.trials
    ahead = only_ahead(trials[trials["recipient_group"] == "out"])
    study = em.Study(trials=pd.concat([trials[trials["recipient_group"] == "in"], ahead]))
    with pytest.warns(UserWarning, match=r"; 'envy\[out\]' of 'inequity_aversion' change none"):
        warn_of_uninformed(arrange(inequity, study))


def test_constant_sums_leave_one_number_open(inequity, divided):
    """Then only inverse temperature times (1 + 2 envy) and (1 - 2 guilt) can be known."""
    rng = np.random.default_rng(1)
    trials = divided.trials[["participant", "trial", "choice"]].copy()
    for option in "ab":
        trials[f"own_{option}"] = rng.integers(0, 21, len(trials))
        trials[f"other_{option}"] = 20 - trials[f"own_{option}"]
    study = em.Study(trials=trials)

    def total(inverse_temperature, envy, guilt):
        values = {
            "envy[all]": envy,
            "guilt[all]": guilt,
            "inverse_temperature": inverse_temperature,
        }
        return em.log_likelihood(inequity, study, values).attrs["total"]

    assert total(0.5, 0.6, 0.3) == pytest.approx(total(0.25, 1.7, 0.1), rel=1e-10)
    table = em.diagnose_design(inequity, study, draws=4).set_index("check")
    exact = table.loc["correlation of 'own_a' and 'other_a' within people"]
    assert exact["value"] == -1
    assert not exact["passed"]


# ----------------------------------------------------------------------------------- recovery


@pytest.fixture(scope="module")
def fits(inequity, divided):
    """The first people of the bundled study."""
    people = divided.trials["participant"].unique()[:PEOPLE]
    trials = divided.trials[divided.trials["participant"].isin(people)].reset_index(drop=True)
    study = em.Study(trials=trials, simulated=True, name="split_or_keep, first people")
    how = {"chains": 2, "draws": 300, "tune": 500, "seed": 1}
    return em.fit_rivals(inequity, study, *RIVALS, **how)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_truth_is_recovered(fits, truth):
    posterior = next(iter(fits.values()))["posterior"]
    truth = truth.iloc[:PEOPLE]
    for column, values in truth.items():
        name, _, group = column.rstrip("]").partition("[")
        draws = posterior[name].sel({"recipient_group": group} if group else {})
        draws = draws.sel(participant=truth.index.tolist())
        low, high = draws.mean("participant").quantile([0.005, 0.995])
        assert low < values.mean() < high, column
        assert np.corrcoef(draws.mean(("chain", "draw")), values)[0, 1] > 0.7, column


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_guilt_differs_between_groups(fits):
    fit = next(iter(fits.values()))
    groups = {"recipient_group": "in"}, {"recipient_group": "out"}
    (row,) = em.contrast(fit, "guilt", *groups).to_dict("records")
    print(row)
    assert row["hdi_low"] < 0.45 < row["hdi_high"]  # 0.35 and -0.1
    assert row["p_positive"] > 0.99


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rivals_without_the_effects_lose(fits):
    table = em.compare(fits)
    print(table.to_string())
    assert table.index[0] == "inequity_aversion"
    assert (table["elpd_diff"] + 4 * table["dse"])[list(RIVALS)].max() < 0
