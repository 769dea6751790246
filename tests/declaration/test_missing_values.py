"""States where data are missing: what a missing value cannot change is computed."""

from itertools import product

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.special import expit

import empathymodels as em
from empathymodels import Choice, Column, Model, Parameter, Response, State
from empathymodels.declaration.equations import Equations, read_equations
from empathymodels.declaration.missing_values import Reader, mask_columns, needed_by_states

ANY = {"location": (0, 1), "spread": 0.5}


def trust(state, parameters, data):
    """Beliefs about three partners: the one met is learned of where shown, others are forgotten."""
    following = tuple(
        pt.where(
            pt.eq(data.partner, k),
            belief + parameters.rate * (data.returned - belief),
            0.5 + parameters.kept * (belief - 0.5),
        )
        for k, belief in enumerate(state.belief)
    )
    return {"belief": following}, {"belief": em.pick(state.belief, data.partner)}


TRUST = Model(
    title="beliefs about partners who are met in turn",
    step=trust,
    states=(State("belief", 0.5, over="partner"),),
    latents={"belief": "belief about the partner met"},
    columns=(Column("partner", "who", levels=("friend", "stranger", "computer")),),
    parameters=(
        Parameter("rate", "learning rate", support="unit", typical=(0.1, 0.6), **ANY),
        Parameter("kept", "what is kept", support="unit", typical=(0.5, 0.95), **ANY),
        Parameter("slope", "inverse temperature", support="positive", typical=(1, 6), **ANY),
    ),
    responses=(
        Response(
            "invests",
            lambda latent, p, data: Choice.dist(p.slope * (latent.belief - 0.5)),
            "invests",
            levels=(0, 1),
        ),
        Response(
            "returned",
            lambda latent, p, data: Choice.dist(latent.belief - 0.5),
            "whether something came back",
            levels=(0, 1),
        ),
    ),
    name="trust",
)


def games(seed, *, people=5, trials=40):
    """Games in which nothing is shown on a third of the trials, and some choices are missing."""
    rng = np.random.default_rng(seed)
    rows = people * trials
    table = pd.DataFrame(
        {
            "participant": np.repeat([f"P{k}" for k in range(people)], trials),
            "trial": np.tile(np.arange(1, trials + 1), people),
            "partner": rng.choice(["friend", "stranger", "computer"], rows),
            "invests": rng.integers(0, 2, rows).astype(float),
            "returned": rng.integers(0, 2, rows).astype(float),
        }
    )
    table.loc[rng.random(rows) < 0.33, "returned"] = np.nan
    table.loc[rng.random(rows) < 0.1, "invests"] = np.nan
    values = pd.DataFrame(
        {
            "participant": table["participant"].unique(),
            "rate": rng.uniform(0.1, 0.8, people),
            "kept": rng.uniform(0.3, 0.95, people),
            "slope": rng.uniform(1, 6, people),
        }
    )
    return em.Study(trials=table), values


@pytest.mark.parametrize("seed", [1, 2])
def test_who_is_not_met_is_forgotten_although_nothing_was_shown(seed):
    study, values = games(seed)
    model = TRUST.without("returned")
    total, labels = 0.0, list(TRUST.column("partner").levels)
    for person, rows in study.trials.groupby("participant"):
        own = values.set_index("participant").loc[person]
        belief = dict.fromkeys(labels, 0.5)
        for row in rows.itertuples():
            if np.isfinite(row.invests):
                chance = expit(own["slope"] * (belief[row.partner] - 0.5))
                total += np.log(chance if row.invests else 1 - chance)
            for name in labels:
                if name != row.partner:
                    belief[name] = 0.5 + own["kept"] * (belief[name] - 0.5)
                elif np.isfinite(row.returned):
                    belief[name] += own["rate"] * (row.returned - belief[name])
    found = em.log_likelihood(model, study, values)
    assert found.attrs["total"] == pytest.approx(total, abs=1e-9)


def test_it_is_told_where_states_stay_as_they_are(capsys, monkeypatch):
    study, _ = games(3)
    monkeypatch.setattr("empathymodels.inference.fit.compiled_density", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # told before anything is compiled
        em.fit(TRUST.without("returned"), study, seed=1)
    number = int(study.trials["returned"].isna().sum())
    told = (
        f"Missing of 200 trials: 'returned' on {number}. Where that would change their update, "
        "states stay as they are: 'belief'."
    )
    assert told in capsys.readouterr().err


def test_the_battery_says_what_holds_a_state():
    detail = em.verify(TRUST).set_index("check").loc["missing values", "detail"]
    assert detail == (
        "state 'belief' stays as it is on trials where 'partner' is missing, or where 'returned' "
        "is missing and would change its update"
    )
    assert needed_by_states(read_equations(em.get_model("outgroup_help_learning"))) == {
        "value": ({"outcome"}, frozenset())
    }


# ------------------------------------------------------------------ what counts as known

STATE, PARAMETER = pt.dscalar("state.value"), pt.dscalar("parameters.rate")
DATA = {name: pt.dscalar(f"data.{name}") for name in ("shown", "cue", "met")}
SHOWN, CUE, MET = DATA.values()
LEVELS = (0.0, 1.0, 2.0)

KNOWN = {  # updates, and on which trials they are known where only 'shown' is missing
    "read throughout": (STATE + PARAMETER * (SHOWN - STATE), lambda cue, met: False),
    "in a branch": (pt.where(pt.eq(met := MET, 1), SHOWN, STATE), lambda cue, met: met != 1),
    "in both branches": (pt.where(pt.eq(met, 1), SHOWN, -SHOWN), lambda cue, met: False),
    "in a branch of a branch": (
        pt.where(pt.eq(met, 1), pt.where(pt.gt(CUE, 0), STATE, SHOWN), 2 * STATE),
        lambda cue, met: met != 1 or cue > 0,
    ),
    "as the condition": (pt.where(pt.eq(SHOWN, 1), STATE, 0.0), lambda cue, met: False),
    "and what is false": (
        pt.where(pt.eq(met, 1) & pt.eq(SHOWN, 1), 1.0, STATE),
        lambda cue, met: met != 1,
    ),
    "or what is true": (
        pt.where(pt.eq(SHOWN, 1) | pt.eq(met, 1), 1.0, STATE),
        lambda cue, met: met == 1,
    ),
    "and what a state says": (
        pt.where((STATE < 0.5) & pt.eq(SHOWN, 1), 1.0, 0.0),
        lambda cue, met: False,  # the state is .3
    ),
    "or what a state says": (
        pt.where((STATE < 0.5) | pt.eq(SHOWN, 1), 1.0, 0.0),
        lambda cue, met: True,
    ),
    "times 0": (
        0.9 * STATE + PARAMETER * pt.eq(met, 1) * (SHOWN - STATE),
        lambda cue, met: met != 1,
    ),
    "times a column of 0": (STATE + PARAMETER * SHOWN * CUE, lambda cue, met: cue == 0),
    "times a gate that is closed": (
        PARAMETER * (STATE + pt.where(pt.eq(CUE, 1), 0.0, PARAMETER / 2) * (SHOWN - STATE)),
        lambda cue, met: cue == 1,
    ),
    "times a gate that is open": (
        STATE + PARAMETER * pt.where(pt.eq(CUE, 1), PARAMETER, 0) * SHOWN,
        lambda cue, met: cue != 1,
    ),
    "times a gate that what is missing closes": (
        STATE + pt.where(pt.eq(SHOWN, 1), 0.0, PARAMETER) * SHOWN,
        lambda cue, met: False,
    ),
    "divided by": (STATE + CUE / (1 + SHOWN), lambda cue, met: False),
    "in a branch, and elsewhere": (
        pt.where(pt.eq(met, 1), SHOWN, STATE) + SHOWN,
        lambda cue, met: False,
    ),
}


def reader(incomplete):
    return Reader(Equations({"value": STATE}, {"rate": PARAMETER}, DATA, {}, {}), incomplete)


def compiled(reading, outputs):
    names = list(reading.masks)
    inputs = [STATE, PARAMETER, *DATA.values(), *reading.masks.values()]
    return names, pytensor.function(inputs, outputs, on_unused_input="ignore", mode="FAST_COMPILE")


@pytest.mark.parametrize("name", KNOWN)
def test_what_a_missing_value_cannot_change_is_known(name):
    update, expected = KNOWN[name]
    reading = reader(frozenset({"shown"}))
    names, function = compiled(reading, [reading.holds(reading.known(update))])
    for cue, met, filled in product(LEVELS, repeat=3):
        for there in (0.0, 1.0):
            (known,) = function(0.3, 0.4, filled, cue, met, *[there] * len(names))
            assert bool(known) == (there == 1 or expected(cue, met)), (cue, met, filled, there)


def random_update(rng, depth):
    """Any expression that the equations of a trial may have."""
    if depth == 0:
        return [STATE, PARAMETER, *DATA.values(), pt.constant(0.5)][rng.integers(6)]
    parts = [random_update(rng, depth - 1) for _ in range(3)]
    truths = [pt.gt(parts[0], parts[1]), pt.eq(parts[1], rng.integers(3))]
    return [
        lambda: pt.where(truths[0], parts[1], parts[2]),
        lambda: pt.where(truths[0] & truths[1], parts[1], parts[2]),
        lambda: pt.where(truths[0] | truths[1], parts[2], parts[0]),
        lambda: parts[0] * parts[1],
        lambda: parts[0] * truths[1] + parts[2],
        lambda: parts[0] * pt.where(truths[1], 0.0, parts[1]) + parts[2],
        lambda: parts[0] + parts[1] * parts[2],
        lambda: pt.tanh(parts[0]) - parts[1],
    ][rng.integers(8)]()


@pytest.mark.parametrize("seed", range(25))
def test_what_is_known_does_not_depend_on_what_is_missing(seed):
    rng = np.random.default_rng(seed)
    update = random_update(rng, 3)
    reading = reader(frozenset({"shown", "cue"}))
    known = reading.holds(reading.known(update)).astype("float64")
    names, function = compiled(reading, [known, update])
    for missing in ({"shown"}, {"cue"}, {"shown", "cue"}):
        masks = [float(missing.isdisjoint(mask_columns(name))) for name in names]
        for met, fixed in product(LEVELS, repeat=2):
            ways = [
                {"shown": one, "cue": other, **dict.fromkeys({"shown", "cue"} - missing, fixed)}
                for one, other in product(LEVELS, repeat=2)
            ]
            found = [function(0.3, 0.4, w["shown"], w["cue"], met, *masks) for w in ways]
            truths, values = zip(*found, strict=True)
            if any(truths):
                assert all(truths)
                np.testing.assert_allclose(values, values[0], atol=1e-12)


def test_without_branches_one_mask_holds_all_columns():
    reading = reader(frozenset(DATA))
    known = reading.known(STATE + SHOWN * 2 + CUE)
    assert (known.columns, known.conditions) == ({"shown", "cue"}, ())
    reading.holds(known)
    assert list(reading.masks) == ["observed:cue,shown"]
