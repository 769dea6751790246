"""Responses given before or after the states learn from their trial."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy.special import expit
from scipy.stats import norm

import empathymodels as em
from empathymodels import Choice, Column, Model, Parameter, Response, State
from empathymodels.declaration.dependencies import check_declaration
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.layout.arrange import arrange
from empathymodels.layout.rating_timing import mistimed

ANY = {"location": (0, 1), "spread": 0.5}


@pytest.fixture(scope="module")
def ratings(model):
    return model.without("insula", "empathy_before", "empathy_after")


@pytest.fixture(scope="module")
def people(study):
    rng, names = np.random.default_rng(8), study.participants["participant"]
    return pd.DataFrame(
        {
            "participant": names,
            "learning_rate": rng.uniform(0.1, 0.6, len(names)),
            "start_value": rng.uniform(-0.5, 0.5, len(names)),
            "baseline": rng.uniform(4, 6, len(names)),
            "sensitivity": rng.uniform(1, 3, len(names)),
            "feeling_noise": rng.uniform(0.9, 1.6, len(names)),
        }
    )


def rounded(rating, mean, noise):
    """Log-probability of a rating in whole numbers from 1 to 9."""
    below = -np.inf if rating == 1 else rating - 0.5
    above = np.inf if rating == 9 else rating + 0.5
    return np.log(norm.cdf(above, mean, noise) - norm.cdf(below, mean, noise))


@pytest.mark.parametrize("timing", ["before", "after"])
def test_the_likelihood_is_that_of_a_plain_loop(timing, ratings, study, people):
    total, own = 0.0, people.set_index("participant")
    for person, rows in study.trials.groupby("participant", sort=False):
        p = own.loc[person]
        value = p["start_value"]
        for row in rows.sort_values("trial").itertuples():
            learned = value + p["learning_rate"] * (row.outcome - value)
            mean = p["baseline"] + p["sensitivity"] * (learned if timing == "after" else value)
            if np.isfinite(row.feeling):
                total += rounded(row.feeling, mean, p["feeling_noise"])
            value = learned
    plain = em.Study(trials=study.trials, participants=study.participants)
    found = em.log_likelihood(ratings.with_timing(feeling=timing), plain, people)
    assert found.attrs["total"] == pytest.approx(total, abs=1e-6)


def test_before_is_what_models_have_and_can_be_had_back(ratings):
    after = ratings.with_timing(feeling="after")
    assert fingerprint(after) != fingerprint(ratings)
    assert fingerprint(after.with_timing(feeling="before")) == fingerprint(ratings)
    assert after.label == f"{ratings.label} feeling after the trial"
    assert fingerprint(ratings.vary(after.variant[1:])) == fingerprint(after)


def test_it_goes_with_every_rival(ratings, study):
    plain = em.Study(trials=study.trials, participants=study.participants)
    for name in ratings.rivals_by_name:
        one = ratings.with_timing(feeling="after").rival(name)
        other = ratings.rival(name).with_timing(feeling="after")
        assert fingerprint(one) == fingerprint(other)
        assert arrange(one, plain).needs["feeling"].latents == {"later:value"}


def test_what_has_no_timing_is_refused(model):
    with pytest.raises(ValueError, match=r"'empathy_after' cannot be .* no single trials"):
        check_declaration(model.with_timing(empathy_after="after"))
    with pytest.raises(ValueError, match=r"'rating' cannot be given .* or nothing is learned"):
        check_declaration(em.get_model("intergroup_bias").with_timing(rating="after"))
    with pytest.raises(ValueError, match=r"'insula' .* is part of the latents"):
        check_declaration(model.with_timing(insula="after"))
    starting = em.get_model("empathy_learning").rival("first_rating_start")
    with pytest.raises(ValueError, match=r"'closeness' .* a state starts at it"):
        check_declaration(starting.with_timing(closeness="after"))
    with pytest.raises(ValueError, match="no single trials, or nothing is learned"):
        check_declaration(replace(FED_BACK, step=static, states=()))
    with pytest.raises(KeyError, match="has no response 'felt'"):
        model.with_timing(felt="after")


def test_what_is_told_of_it(ratings):
    before, after = em.card(ratings), em.card(ratings.with_timing(feeling="after"))
    assert "Given before the states learn from the trial: `feeling`. " in em.card(
        em.get_model("outgroup_help_learning")
    )
    assert "Given before the states learn from the trial: `feeling`. " in before
    assert "Given" not in em.card(em.get_model("prosocial_learning"))
    assert "takes `model.with_timing(feeling='after')`" in before
    assert "Given after the states learn from the trial: `feeling`" in after
    assert "of value after the trial, baseline" in after.replace("`", "")


# ------------------------------------------------------------------- simulated, and fed back


def both(state, parameters, data):
    """A choice, what it brings, and a rating of that, on which the next choice leans."""
    value = state.value + parameters.rate * (data.outcome - state.value)
    return {"value": value}, {"value": state.value}


def static(state, parameters, data):
    return {"value": parameters.rate + 0 * data.outcome}


def helps(latent, parameters, data):
    return Choice.dist(2 * latent.value - 1)


def rating(latent, parameters, data):
    return em.Ordinal.dist(8 * latent.value, em.thresholds(2.0, 2.0, 2.0))


def trusts(latent, parameters, data):
    return Choice.dist(0.8 * data.rating - 2)


FED_BACK = Model(
    title="a rating after the outcome of a choice, read by another choice",
    step=both,
    states=(State("value", 0.5),),
    latents={"value": "value"},
    columns=(Column("outcome", "what help brought", levels=(0, 1), follows="helps"),),
    parameters=(Parameter("rate", "rate", support="unit", typical=(0.1, 0.6), **ANY),),
    responses=(
        Response("helps", helps, "helps", levels=(0, 1)),
        Response("rating", rating, "rates", levels=(1, 2, 3, 4), timing="after"),
        Response("trusts", trusts, "trusts", levels=(0, 1)),
    ),
    name="fed_back",
)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_ratings_after_an_outcome_are_simulated_from_the_drawn_choice(order):
    """What help brings is 1 and what none brings 0, so the rating shows the drawn choice."""
    rng, n = np.random.default_rng(4), 400
    design = pd.DataFrame(
        {
            "participant": [f"P{k}" for k in range(n) for _ in range(2)],
            "trial": [1, 2] * n,
            "outcome_0": 0.0,
            "outcome_1": 1.0,
        }
    )
    for name in ("helps", "rating", "trusts"):
        design[name] = rng.integers(0, 2, 2 * n).astype(float) + (name == "rating")
    design["outcome"] = design["helps"]
    values = pd.DataFrame({"participant": design["participant"].unique(), "rate": 0.9})
    model = replace(FED_BACK, responses=tuple(FED_BACK.responses[k] for k in order))
    simulated, _ = em.simulate(model, em.Study(trials=design), values, seed=3)
    drawn = simulated.trials[simulated.trials["trial"] == 1]
    helped = drawn["helps"] == 1
    assert (drawn["outcome"] == drawn["helps"]).all()
    assert 0.4 < helped.mean() < 0.6
    cuts = np.array([2.0, 4.0, 6.0])
    for value, rows in ((0.95, drawn[helped]), (0.05, drawn[~helped])):
        expected = 1 + expit(8 * value - cuts).sum()
        assert rows["rating"].mean() == pytest.approx(expected, abs=4 * 0.7 / np.sqrt(len(rows)))
    odds = expit(0.8 * drawn["rating"] - 2)
    assert drawn["trusts"].mean() == pytest.approx(odds.mean(), abs=4 * 0.5 / np.sqrt(n))


# ------------------------------------------------------------------ where nothing was shown


def met(state, parameters, data):
    shown = state.value + parameters.rate * (data.outcome - state.value)
    return {"value": pt.where(pt.eq(data.met, 1), shown, 0.9 * state.value)}, {"value": state.value}


def felt(latent, parameters, data):
    return pm.Normal.dist(latent.value, 0.5)


def test_ratings_follow_from_states_that_stay_as_they_are():
    """Met without an outcome: nothing is learned; not met: forgotten, whatever is missing."""
    rng, rows = np.random.default_rng(6), 120
    table = pd.DataFrame(
        {
            "participant": np.repeat(["a", "b", "c"], 40),
            "trial": np.tile(np.arange(1, 41), 3),
            "met": rng.integers(0, 2, rows),
            "outcome": np.where(rng.random(rows) < 0.4, np.nan, rng.integers(0, 2, rows)),
            "rating": rng.normal(0.5, 0.5, rows),
        }
    )
    model = Model(
        title="a rating after the trial",
        step=met,
        states=(State("value", 0.5),),
        latents={"value": "value"},
        columns=(
            Column("met", "met", levels=(0, 1)),
            Column("outcome", "what came", levels=(0, 1)),
        ),
        parameters=FED_BACK.parameters,
        responses=(
            Response(
                "rating",
                lambda latent, *_: pm.Normal.dist(latent.value, 0.5),
                "felt",
                timing="after",
            ),
        ),
        name="met",
    )
    total = 0.0
    for _, person in table.groupby("participant"):
        value = 0.5
        for row in person.itertuples():
            if not row.met:
                value *= 0.9
            elif np.isfinite(row.outcome):
                value += 0.3 * (row.outcome - value)
            total += norm.logpdf(row.rating, value, 0.5)
    found = em.log_likelihood(model, em.Study(trials=table), {"rate": 0.3})
    assert found.attrs["total"] == pytest.approx(total, abs=1e-9)


# ----------------------------------------------------------------------- what the data show


@pytest.fixture(scope="module")
def shifted(study):
    """Ratings entered as recorded in a study that asked after the outcome."""
    trials = study.trials.copy()
    trials["feeling"] = trials.groupby("participant")["feeling"].shift(-1)
    return em.Study(trials=trials, participants=study.participants)


def test_ratings_at_another_time_than_declared_are_found(ratings, study, shifted):
    plain = em.Study(trials=study.trials, participants=study.participants)
    after = ratings.with_timing(feeling="after")
    (late,) = mistimed(arrange(ratings, shifted))
    assert (late.response, late.column, late.timing) == ("feeling", "outcome", "after")
    assert late.same > 10 > abs(late.previous)
    (early,) = mistimed(arrange(after, plain))
    assert early.timing == "before"
    assert abs(early.same) < 3 < early.previous
    assert not list(mistimed(arrange(ratings, plain)))
    assert not list(mistimed(arrange(after, shifted)))


def partners(state, parameters, data):
    value = em.pick(state.value, data.partner)
    learned = value + parameters.rate * (data.outcome - value)
    return {"value": em.put(state.value, data.partner, learned)}, {"value": value}


def one_value(state, parameters, data):
    return {"value": state.value + parameters.rate * (data.outcome - state.value)}, {
        "value": state.value
    }


def rated(timing, *, over=None):
    """Ratings from 1 to 9 of a value that is learned, of partners apart if it is over these."""
    return Model(
        title="a rating of a value that is learned",
        step=partners if over else one_value,
        states=(State("value", 0.5, over=over),),
        latents={"value": "value"},
        columns=(
            *([Column("partner", "who", levels=("A", "B"))] if over else []),
            Column("outcome", "what came", levels=(0, 1)),
        ),
        parameters=(
            *FED_BACK.parameters,
            Parameter("noise", "noise", support="positive", typical=(0.1, 0.3), **ANY),
        ),
        responses=(
            Response(
                "rating",
                lambda latent, p, data: pm.Normal.dist(2 + 6 * latent.value, p.noise),
                "felt",
                range=(1, 9),
                timing=timing,
            ),
        ),
        name="rated",
    )


def ratings_of(seed, timing, outcomes, *, rate=0.2, people=30, chances=None):
    """Simulated ratings; `outcomes(rng)` of everybody, or by the chance of each of two partners."""
    rng, rows = np.random.default_rng(seed), []
    for person in range(people):
        values = [0.5, 0.5]
        for trial, outcome in enumerate(outcomes(rng), 1):
            who = int(rng.integers(2)) if chances else 0
            came = float(rng.random() < chances[who]) if chances else outcome
            learned = values[who] + rate * (came - values[who])
            shown = learned if timing == "after" else values[who]
            rating = np.clip(np.round(2 + 6 * shown + rng.normal(0, 1.2)), 1, 9)
            rows.append((f"P{person}", trial, "AB"[who], came, rating))
            values[who] = learned
    names = ["participant", "trial", "partner", "outcome", "rating"]
    return em.Study(trials=pd.DataFrame(rows, columns=names))


def blocks(length, trials):
    """Outcomes of which four in five are alike, for as many trials; then the others."""

    def draw(rng):
        chance = np.repeat(np.resize([0.8, 0.2], trials // length + 1), length)[:trials]
        return (rng.random(trials) < (chance if rng.random() < 0.5 else 1 - chance)).astype(float)

    return draw


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("timing", ["before", "after"])
def test_partners_who_differ_are_not_taken_for_timing(timing, seed):
    study = ratings_of(seed, timing, lambda rng: range(60), chances=(0.75, 0.25))
    declared = {"before": "after", "after": "before"}
    right = arrange(rated(timing, over="partner"), study)
    wrong = arrange(rated(declared[timing], over="partner"), study)
    assert not list(mistimed(right))
    assert [found.timing for found in mistimed(wrong)] == [timing]


@pytest.mark.parametrize("timing", ["before", "after"])
@pytest.mark.parametrize(
    ("rate", "length", "people", "trials"),
    [(0.05, 20, 40, 120), (0.03, 20, 40, 120), (0.1, 15, 30, 60), (0.2, 10, 30, 60)],
)
def test_reversals_are_not_taken_for_timing(timing, rate, length, people, trials):
    for seed in range(6):
        draw = blocks(length, trials)
        study = ratings_of(seed, timing, draw, rate=rate, people=people)
        assert not list(mistimed(arrange(rated(timing), study))), seed


@pytest.mark.parametrize("timing", ["before", "after"])
def test_what_cannot_be_told_apart_is_not_taken_for_timing(timing):
    """Outcomes that alternate: the trial before tells what this one brings."""
    study = ratings_of(3, timing, lambda rng: np.resize([1.0, 0.0], 40))
    for declared in ("before", "after"):
        assert not list(mistimed(arrange(rated(declared), study)))


def test_ratings_without_any_outcome_tell_nothing(ratings, study):
    trials = study.trials.assign(outcome=1)
    assert not list(mistimed(arrange(ratings, em.Study(trials=trials))))
    few = em.Study(trials=study.trials[study.trials["trial"] <= 2])
    assert not list(mistimed(arrange(ratings, few)))


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_not_taken_for_it(ratings, study, seed):
    rng = np.random.default_rng(seed)
    trials = study.trials.assign(feeling=rng.integers(1, 10, len(study.trials)).astype(float))
    assert not list(mistimed(arrange(ratings, em.Study(trials=trials))))


def test_a_fit_the_check_and_the_design_say_it(ratings, shifted, as_drawn, monkeypatch):
    monkeypatch.setattr("empathymodels.inference.fit.compiled_density", lambda *_: 1 / 0)
    warned = pytest.warns(UserWarning, match="When was it rated")
    with warned as caught, pytest.raises(ZeroDivisionError):  # before anything is compiled
        em.fit(ratings, shifted, seed=1)
    fit = as_drawn(ratings, shifted)
    told = str(caught[0].message)
    assert "'feeling' goes with 'outcome' of the same trial more than" in told
    assert "model.with_timing(feeling='after')" in told
    row = em.check(fit, draws=20).set_index("check").loc["timing of 'feeling': after 'outcome' (t)"]
    assert row["value"] > 10
    assert not row["passed"]
    design = em.diagnose_design(ratings, shifted, draws=1).set_index("check")
    assert not design.loc["timing of 'feeling': after 'outcome' (t)", "passed"]
    again = as_drawn(ratings.with_timing(feeling="after"), shifted)
    with pytest.raises(ValueError, match=r"a path through 'value' goes by what these were before"):
        em.path_effects(again, "outcome", "feeling", through=["value"], values=(-1, 1))
    told = em.path_effects(
        again, "outcome", "feeling", through=["prediction_error"], values=(-1, 1)
    )
    effects = told.set_index("path")["mean"]
    assert effects["total"] == pytest.approx(effects["through prediction_error"], rel=1e-6)
    assert "timing of 'feeling': after 'outcome' (t)" not in set(em.check(again, draws=20)["check"])
