"""Traps: what a model cannot tell from a design is flagged, or kept out by how it is declared.

Held elsewhere: cost and benefit that change together (`test_diagnosing.py`; one slope and a point
of equality in their place in `open_data/test_complex_motives.py`); guilt and envy where amounts add
up (`models/test_inequity.py`). Correlations of estimates against one joint likelihood, with fits,
are in notebook 03; here is only that they are attenuated.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy.special import expit

import empathymodels as em
from empathymodels.checks.contraction import LEAST, contractions
from empathymodels.checks.information import information, one_person, quantities
from empathymodels.declaration.priors import new_person_prior
from empathymodels.engine.evaluator import evaluator
from empathymodels.population.blocks import n_levels
from folders import OWN_MODELS


def informed(model, trials, **linked):
    """Labels, quantities and everybody's information, at priors' centres or at what is given."""
    compiled = evaluator(model, em.Study(trials=trials))
    arrangement = compiled.arrangement
    found = quantities(arrangement)
    values = {}
    for parameter in {q.parameter.name: q.parameter for q in found}.values():
        whose = () if parameter.level == "population" else (len(arrangement.participants),)
        levels = (n_levels(parameter, arrangement),) if parameter.by else ()
        at = linked.get(parameter.name, new_person_prior(parameter)[0])
        values[parameter.name] = np.full(whose + levels, at)
    return [q.label for q in found], found, information(compiled, found, values)


def left_open(labels, found, told):
    """Posterior covariance of people alone, in units of the prior's."""
    return pd.DataFrame(one_person(found, told), labels, labels)


def correlation(left, one, other):
    return left.loc[one, other] / np.sqrt(left.loc[one, one] * left.loc[other, other])


def people_of(parts):
    """Trials of people, (label, columns) each."""
    rows = [
        pd.DataFrame({"participant": label, "trial": np.arange(len(next(iter(c.values()))))} | c)
        for label, c in parts
    ]
    return pd.concat(rows, ignore_index=True)


def learners(trials, people, seed):
    """Choices of one of two options that pay with probability 0.25 and 0.75, by a plain loop."""
    rng = np.random.default_rng(seed)
    for _ in range(people):
        outcomes = (rng.random((trials, 2)) < [0.25, 0.75]).astype(float)
        value, chosen = np.array([0.5, 0.5]), []
        for outcome in outcomes:
            chosen.append(int(rng.random() < expit(4 * (value[1] - value[0]))))
            value[chosen[-1]] += 0.3 * (outcome[chosen[-1]] - value[chosen[-1]])
        recipient = np.resize(["self", "other"], trials)
        yield {
            "outcome_0": outcomes[:, 0],
            "outcome_1": outcomes[:, 1],
            "choice": chosen,
            "recipient": recipient,
        }


@pytest.fixture(scope="module")
def learned():
    """Half of the people have 8 trials, half 96."""
    short = [(f"s{k:02}", own) for k, own in enumerate(learners(8, 20, seed=1))]
    return people_of(short + [(f"t{k:02}", own) for k, own in enumerate(learners(96, 20, seed=2))])


AT = {"learning_rate": -0.85, "inverse_temperature": np.log(4)}


def test_learning_rate_against_inverse_temperature_in_short_blocks(learned):
    model = em.get_model(OWN_MODELS / "choice_learning.py").pool(
        "learning_rate", "inverse_temperature"
    )
    labels, found, told = informed(model, learned, **AT)
    short, long = (left_open(labels, found, part) for part in np.split(told, 2))
    known_short, known_long = 1 - np.diag(short), 1 - np.diag(long)
    assert (known_short < 0.5 * known_long).all()
    for left in (short, long):
        assert correlation(left, "learning_rate", "inverse_temperature") < -0.3


def test_learning_rate_and_inverse_temperature_per_recipient(learned):
    """One inverse temperature for all recipients makes learning rates better known."""
    split = em.get_model(OWN_MODELS / "choice_learning.py")
    rates = ["learning_rate[self]", "learning_rate[other]"]
    known = {}
    for name, model in {"each": split, "one": split.pool("inverse_temperature")}.items():
        left = left_open(*informed(model, learned, **AT))
        known[name] = 1 - np.diag(left.loc[rates, rates])
    assert (known["one"] > known["each"]).all()


def moral_conflict():
    """Own money against another's shocks, of two options: expected each, weighed at the outcome."""

    def step(state, parameters, data):
        weight, chose = parameters.weight, pt.eq(data.choice, 1)
        moved = {}
        for what, share in (("money", weight), ("shock", 1 - weight)):
            rate = getattr(parameters, f"{what}_rate")
            for option, mine in ((0, ~chose), (1, chose)):
                value = getattr(state, f"{what}_{option}")
                error = share * getattr(data, f"{what}_outcome_{option}") - value
                moved[f"{what}_{option}"] = value + pt.where(mine, rate * error, 0.0)
        difference = state.money_1 + state.shock_1 - state.money_0 - state.shock_0
        return moved, dict(utility=parameters.inverse_temperature * difference)

    base = em.get_model(OWN_MODELS / "choice_learning.py")
    rate, scale = (replace(p, by=None) for p in base.parameters)
    weight = replace(rate, name="weight", location=em.Prior("Normal", mu=0, sigma=1))
    parts = [f"{what}_{option}" for what in ("money", "shock") for option in (0, 1)]
    return replace(
        base,
        name="moral_conflict",
        step=step,
        states=tuple(em.State(part, 0.0) for part in parts),
        latents={"utility": "weighted difference of expectations"},
        columns=tuple(
            em.Column(part.replace("_", "_outcome_"), "what the option brings", range=(-1, 1))
            for part in parts
        ),
        parameters=(
            weight,
            replace(rate, name="money_rate"),
            replace(rate, name="shock_rate"),
            scale,
        ),
        rivals={},
    )


def test_learning_rates_in_moral_conflict_are_known_less_than_the_weight():
    """One option mostly brings oneself money and the other person a shock; blocks of 10 trials."""
    rng = np.random.default_rng(4)
    parts = []
    for k in range(12):
        pays, hurts = (rng.random((60, 2)) < [0.2, 0.8] for _ in range(2))  # per option
        columns = {f"money_outcome_{k}": 1.0 * pays[:, k] for k in (0, 1)}
        columns |= {f"shock_outcome_{k}": -1.0 * hurts[:, k] for k in (0, 1)}
        columns |= {"choice": rng.integers(0, 2, 60), "block": np.arange(60) // 10}
        parts.append((f"P{k:02}", columns))
    left = left_open(*informed(moral_conflict(), people_of(parts), weight=0.5))
    known = 1 - np.diag(left.loc[["weight", "money_rate", "shock_rate"]].iloc[:, :3])
    assert known[0] > 1.5 * known[1:].max()


def test_scale_of_the_choice_against_weights():
    """Of a scale and free weights only products are known; one weight held at 1 frees the scale."""
    rng = np.random.default_rng(5)
    rows = {"own_loss": rng.uniform(0, 200, 80), "other_gain": rng.uniform(0, 200, 80)}
    trials = people_of((label, rows | {"help": np.resize([0, 1], 80)}) for label in "ab")
    weights = em.get_model(OWN_MODELS / "weighed_gains.py")

    def scaled(state, parameters, data):
        return dict(utility=parameters.scale * weights.step(state, parameters, data)["utility"])

    scale = replace(weights.parameters[0], name="scale", support="positive")
    too_free = replace(weights, step=scaled, parameters=(*weights.parameters, scale), name="scaled")
    at = {"bias": 0.4, "loss_weight": -0.8, "gain_weight": 0.7, "scale": 0.1}
    labels, _, (told, _) = informed(too_free, trials, **at)
    stretched = np.array([-1.0 if label == "scale" else at[label] for label in labels])
    assert told @ stretched == pytest.approx(0, abs=1e-5 * np.abs(told).max())

    anchored = em.get_model("costly_helping")
    _, _, (told, _) = informed(anchored, trials)
    values = np.linalg.eigvalsh(told)
    assert values[0] > 1e-2 * values[-1]


def test_a_bonus_for_a_partner_against_a_preference_for_them():
    """Where what the other gains never changes, its weight and a bias do the same."""
    rng = np.random.default_rng(6)
    model = em.get_model("costly_helping")
    trials = people_of(
        (
            f"P{k}",
            {
                "own_loss": rng.uniform(0, 200, 60),
                "motive": np.resize(["friend", "stranger"], 60),
                "help": rng.integers(0, 2, 60),
            },
        )
        for k in range(8)
    )
    tied = {}
    for name, gain in {"same": 100.0, "varied": rng.uniform(0, 200, len(trials))}.items():
        study = em.Study(trials=trials.assign(other_gain=gain))
        checks = em.diagnose_design(model, study, draws=2).set_index("check")
        failed = checks.index[~checks["passed"]]
        tied[name] = [c for c in failed if "contraction" in c and "other_weight[friend]" in c]
    assert any("bias[friend]" in check for check in tied["same"])
    assert tied["varied"] == []
    assert {"bias_only", "weight_only"} <= set(model.rivals)


def test_recalibration_where_pain_comes_half_of_the_time():
    r"""Then :math:`|R - \omega|` is one half on average, whatever the recalibration."""
    half, often = np.resize([1, 0], 50), np.resize([1, 1, 1, 1, 0], 50)
    for omega in (0.1, 0.5, 0.9):
        assert np.abs(half - omega).mean() == pytest.approx(0.5)
    rows = [(name, {"pain": pain, "closeness": np.resize([49.0, 51.0], 50)}) for name, pain in
            {"half": half, "often": often}.items()]  # fmt: skip
    model = em.get_model("empathy_learning").without("emotion")
    labels, found, told = informed(model, people_of(rows), learning_rate=-4.0)
    left = [
        left_open(labels, found, one[None]).loc["recalibration", "recalibration"] for one in told
    ]
    assert 1 - left[0] < LEAST < 0.3 < 1 - left[1]


RATES = np.array([0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3])


@pytest.fixture(scope="module")
def profile():
    """Log-likelihoods at several learning rates, of the same ratings of a slow learner."""
    closeness, ratings = 80.0, []
    for _ in range(30):
        ratings.append(closeness)
        closeness += 0.06 * (0.0 - closeness)
    noise = np.random.default_rng(7).normal(0, 8, 30)
    rows = {"pain": np.zeros(30, dtype=int), "closeness": np.clip(ratings + noise, 0, 100)}
    study = em.Study(trials=people_of((f"{rate:g}", rows) for rate in RATES))
    model = em.get_model("empathy_learning").rival("plain_normal").without("emotion")
    model = model.fix(recalibration=0.0)

    def found(start, noise):
        values = {"start_closeness": start, "closeness_noise": noise}
        values |= {"learning_rate": pd.Series(RATES, index=[f"{rate:g}" for rate in RATES])}
        told = em.log_likelihood(model, study, values)["participant"]["log_likelihood"]
        return told.sel(response="closeness", participant=[f"{r:g}" for r in RATES]).to_numpy()

    return found


def test_where_closeness_started_against_how_fast_it_changes(profile):
    """A start that is not the person's own is made up for by the learning rate."""
    own, wrong = (RATES[np.argmax(profile(start, 8.0))] for start in (80.0, 50.0))
    assert own == 0.06
    assert wrong < own
    model = em.get_model("empathy_learning")
    assert model.states[0].start == "start_closeness"
    assert model.parameter("start_closeness").level == "participant"


def test_noise_of_ratings_that_is_not_estimated(profile):
    """Held at five times its size, the likelihood is 25 times flatter, and far lower."""
    free, held = profile(80.0, 8.0), profile(80.0, 40.0)
    assert np.ptp(free) == pytest.approx(25 * np.ptp(held))
    assert free.max() - held.max() > 20
    model = em.get_model("empathy_learning")
    assert model.parameter("closeness_noise").fixed is None
    assert model.rival("published").parameter("closeness_noise").fixed == 40.0


def test_value_and_associability_in_skin_conductance():
    """After outcomes that are always the same, value rises as associability falls."""
    rng = np.random.default_rng(8)
    hybrid = em.get_model("outgroup_help_learning").rival("hybrid_pearce_hall")

    def step(state, parameters, data):
        following, latents = hybrid.step(state, parameters, data)
        return following, latents | {"associability": state.associability}

    def feeling(latent, parameters, data):
        weighed = parameters.baseline + parameters.sensitivity * latent.value
        return pm.Normal.dist(weighed + parameters.arousal * latent.associability, 0.5)

    arousal = replace(hybrid.parameter("sensitivity"), name="arousal")
    model = replace(
        hybrid.without("insula", "empathy_before", "empathy_after"),
        step=step,
        latents=hybrid.latents | {"associability": "recent surprise"},
        parameters=(*(p for p in hybrid.parameters if p.name != "feeling_noise"), arousal),
        name="conductance",
    )
    model = replace(model, responses=(replace(model.responses[0], function=feeling),))
    mixed = rng.permutation(np.resize([1, -1], 40))
    rows = [(n, {"outcome": o, "feeling": np.resize([4.9, 5.1], 40)}) for n, o in
            {"always": np.ones(40, dtype=int), "mixed": mixed}.items()]  # fmt: skip
    labels, found, told = informed(model, people_of(rows), learning_rate=0.0, start_value=0.0)
    always, mixed = (left_open(labels, found, one[None]) for one in told)
    pair = "sensitivity", "arousal"
    assert abs(correlation(always, *pair)) > 1.5 * abs(correlation(mixed, *pair))
    report = {row["check"]: row for row in contractions("one person", labels, always.to_numpy())}
    r = always / np.sqrt(np.outer(np.diag(always), np.diag(always))) - np.eye(len(always))
    told = report["largest posterior correlation, one person"]["value"]
    assert abs(told) == pytest.approx(np.abs(r).to_numpy().max(), abs=1e-3)


def test_temperatures_that_divide():
    """Ours multiplies: give 1 / temperature; a temperature is refused by its name."""
    rows = {"reward": [4.0, 3, 2], "effort": [3.0, 2, 4], "recipient": ["self"] * 3}
    study = em.Study(trials=people_of((label, rows | {"work": [1, 0, 1]}) for label in "ab"))
    model, temperature = (
        em.get_model("prosocial_effort").pool("discount", "inverse_temperature"),
        0.8,
    )
    with pytest.raises(KeyError, match=r"'inverse_temperature'.*unknown: 'temperature'"):
        em.log_likelihood(model, study, {"discount": 0.2, "temperature": temperature})
    values = {"discount": 0.2, "inverse_temperature": 1 / temperature}
    found = em.log_likelihood(model, study, values)["row"]["work"].to_numpy()
    worth = np.array(rows["reward"]) - 0.2 * np.array(rows["effort"]) ** 2
    weights = np.exp(np.stack([np.ones(3), worth]) / temperature)  # of resting and of working
    expected = np.log((weights / weights.sum(axis=0))[[1, 0, 1], range(3)])
    np.testing.assert_allclose(found, np.tile(expected, 2), rtol=1e-10)


def test_estimates_that_are_correlated_as_if_they_were_known():
    """Weights estimated from few choices correlate less with a trait than true ones do."""
    rng = np.random.default_rng(9)
    people, number = [f"P{k:02}" for k in range(60)], 30
    weight = rng.normal(0.8, 0.5, 60)
    trait = 0.8 * (weight - 0.8) / 0.5 + 0.6 * rng.standard_normal(60)
    gain = rng.uniform(-200, 200, (60, number))
    helps = rng.random((60, number)) < expit(weight[:, None] * gain / 100)
    rows = ({"other_gain": g, "help": h.astype(int)} for g, h in zip(gain, helps, strict=True))
    study = em.Study(trials=people_of(zip(people, rows, strict=True)))
    model = em.get_model(OWN_MODELS / "weighed_gains.py").fix(bias=0.0)
    estimates = em.point_estimates(model, study).set_index("participant")["gain_weight"]
    known, estimated = (np.corrcoef(w, trait)[0, 1] for w in (weight, estimates[people]))
    assert estimated < known - 0.05
