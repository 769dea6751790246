"""Trust in friend, stranger and computer: a plain loop, rivals, what is shown, the open study."""

import math

import numpy as np
import pytest

import empathymodels as em
from designs import trials_of

PARTNERS = ("friend", "stranger", "computer")
VALUES = {
    "learning_rate": 0.3,
    "inverse_temperature": 0.7,
    "bias": 0.4,
    "social_value_friend": 0.8,
    "social_value_stranger": -0.2,
}
AMOUNTS = (0.0, 2.0, 4.0, 8.0)


@pytest.fixture(scope="module")
def trust():
    return em.get_model("trust_social_value")


@pytest.fixture(scope="module")
def games():
    """Four people, two sessions of 45 trials, some missed; nothing is shown if nothing is sent."""
    rng = np.random.default_rng(21)
    table = trials_of("abcd", trials=45)
    table["partner"] = rng.choice(PARTNERS, len(table))
    pair = np.sort([rng.choice(4, 2, replace=False) for _ in range(len(table))], axis=1)
    table["low"], table["high"] = np.array(AMOUNTS)[pair].T
    table["choice"] = rng.integers(0, 2, len(table)).astype(float)
    table.loc[rng.random(len(table)) < 0.1, "choice"] = np.nan
    table["closeness"] = table["partner"].map({"friend": 5.5, "stranger": 1.5, "computer": 0.0})
    table["option"] = rng.integers(0, 4, len(table))
    sent = table["high"].where(table["choice"] == 1, table["low"])
    table["returned"] = rng.integers(0, 2, len(table)).astype(float)
    table.loc[(sent == 0) | table["choice"].isna(), "returned"] = np.nan
    return table


def loop(
    table,
    *,
    social=lambda row: VALUES.get(f"social_value_{row.partner}", 0.0),
    start=lambda partner: 0.5,
    rate=lambda error: VALUES["learning_rate"],
    bias=lambda row: VALUES["bias"],
    forgetting=0.0,
    gain=1.5,
):
    """Log-probability of every choice, NaN where there is none."""
    found = []
    for _, rows in table.groupby(["participant", "session"], sort=False):
        belief = {who: start(who) for who in PARTNERS}
        for row in rows.itertuples():
            worth = gain * belief[row.partner] * (1 + social(row)) - 1
            at_stake = row.high - row.low
            odds = VALUES["inverse_temperature"] * at_stake * worth + bias(row)
            if math.isnan(row.choice):
                found.append(math.nan)
            else:
                found.append(-math.log1p(math.exp(-odds if row.choice else odds)))
            for who in PARTNERS:
                if who != row.partner:
                    belief[who] += forgetting * (start(who) - belief[who])
            if not math.isnan(row.returned):
                error = row.returned - belief[row.partner]
                belief[row.partner] += rate(error) * error
    return np.array(found)


def rows_of(model, table, values):
    found = em.log_likelihood(model, em.Study(trials=table), values)
    return found["row"][model.responses[0].name].to_series().to_numpy()


def agree(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def without(*names, **others):
    return {name: value for name, value in VALUES.items() if name not in names} | others


SOCIAL = ("social_value_friend", "social_value_stranger")


def test_it_is_the_loop(trust, games):
    expected = loop(games)
    assert 0 < np.isnan(expected).sum() < len(expected) / 5
    agree(rows_of(trust, games, VALUES), expected)
    agree(rows_of(trust, games.assign(gain=1.2), VALUES), loop(games, gain=1.2))


def test_what_is_not_shown_may_be_filled_in(trust, games):
    """A list of what would have come back changes nothing where nothing was sent."""
    sent = games["high"].where(games["choice"] == 1, games["low"])
    filled = games.assign(returned=games["returned"].mask(sent == 0, 1.0))
    agree(rows_of(trust, filled, VALUES), loop(games))


def test_rivals_of_the_social_value(trust, games):
    none = trust.rival("no_social_value")
    agree(rows_of(none, games, without(*SOCIAL)), loop(games, social=lambda row: 0.0))
    friend = trust.rival("friend_only")
    only = loop(games, social=lambda row: 0.8 if row.partner == "friend" else 0.0)
    agree(rows_of(friend, games, without("social_value_stranger")), only)
    person = trust.rival("any_person")
    expected = loop(games, social=lambda row: 0.0 if row.partner == "computer" else 0.4)
    agree(rows_of(person, games, without(*SOCIAL, social_value=0.4)), expected)
    close = trust.rival("by_closeness")
    expected = loop(games, social=lambda row: 0.12 * row.closeness)
    agree(rows_of(close, games, without(*SOCIAL, social_value=0.12)), expected)


def test_rivals_of_who_the_partner_is(trust, games):
    starts = {"friend": 0.8, "stranger": 0.55, "computer": 0.35}
    values = without(*SOCIAL)
    values |= {f"start_belief[{who}]": start for who, start in starts.items()}
    expected = loop(games, social=lambda row: 0.0, start=starts.get)
    agree(rows_of(trust.rival("prior_trust"), games, values), expected)
    agree(
        rows_of(trust.rival("estimated_start"), games, {**VALUES, "start_belief": 0.7}),
        loop(games, start=lambda partner: 0.7),
    )
    biases = {"friend": 0.9, "stranger": -0.1, "computer": -0.6}
    values = without(*SOCIAL, "bias") | {f"bias[{who}]": bias for who, bias in biases.items()}
    expected = loop(games, social=lambda row: 0.0, bias=lambda row: biases[row.partner])
    agree(rows_of(trust.rival("partner_bias"), games, values), expected)


def test_rivals_of_learning(trust, games):
    values = without("learning_rate", learning_rate_better=0.5, learning_rate_worse=0.1)
    expected = loop(games, rate=lambda error: 0.5 if error > 0 else 0.1)
    agree(rows_of(trust.rival("rates_by_valence"), games, values), expected)
    expected = loop(games, forgetting=0.15)
    agree(rows_of(trust.rival("forgetting"), games, {**VALUES, "forgetting": 0.15}), expected)
    expected = loop(games, rate=lambda error: 0.0)
    agree(rows_of(trust.rival("no_learning"), games, without("learning_rate")), expected)


def test_four_amounts(trust, games):
    table = games.assign(returned=np.random.default_rng(2).integers(0, 2, len(games)))
    expected = []
    for _, rows in table.groupby(["participant", "session"], sort=False):
        belief = dict.fromkeys(PARTNERS, 0.5)
        for row in rows.itertuples():
            social = VALUES.get(f"social_value_{row.partner}", 0.0)
            worth = 1.5 * belief[row.partner] * (1 + social) - 1
            odds = VALUES["inverse_temperature"] * worth * np.array(AMOUNTS)
            odds = odds + VALUES["bias"] * np.arange(4)
            expected.append(odds[row.option] - np.log(np.exp(odds).sum()))
            if AMOUNTS[row.option] > 0:
                error = row.returned - belief[row.partner]
                belief[row.partner] += VALUES["learning_rate"] * error
    agree(rows_of(trust.rival("four_amounts"), table, VALUES), np.array(expected))


@pytest.mark.slow
def test_the_bundled_study_is_recovered_roughly():
    """Posterior modes of the population, for the sign and size of what was simulated."""
    model, study = em.get_model("trust_social_value"), em.load_study("trust_game")
    fit = em.fit(model, study, method="map", seed=1)
    mean = {
        p.name: float(fit["posterior"][f"{p.name}_mean"].mean())
        for p in model.parameters
        if p.fixed is None
    }
    assert 0.5 < mean["social_value_friend"] < 1.2
    assert 0.1 < mean["social_value_stranger"] < 0.6
    assert -1.4 < mean["inverse_temperature"] < -0.4
    assert 0.4 < mean["bias"] < 1.2
    assert -3.5 < mean["learning_rate"] < -1.2


# ---------------------------------------------------------------------------- the open study


@pytest.fixture(scope="module")
def sent(open_study):
    """14,635 choices of 97 people; what came back is the row after the choice."""
    return open_study("fareri_2022")


def test_shares_are_those_of_the_published_data(sent):
    trials = sent.trials
    assert (len(trials), trials["participant"].nunique()) == (14_635, 97)
    amounts = trials["high"].where(trials["choice"] == 1, trials["low"])
    assert (trials["returned"].notna() == (amounts > 0)).all()
    people = trials.groupby(["participant", "partner"])["choice"].mean().groupby("partner").mean()
    assert people.round(3).to_dict() == {"friend": 0.699, "stranger": 0.594, "computer": 0.526}
    shown = trials.groupby("partner")["returned"].agg(["sum", "count"]).astype(int)
    assert shown.loc["friend"].tolist() == [2130, 4271]
    assert shown.loc["stranger"].tolist() == [1998, 4005]
    assert shown.loc["computer"].tolist() == [1902, 3814]


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_the_open_study_is_fitted_and_predicted(sent, trust):
    fit = em.fit(trust, sent, seed=1)
    checks = em.check(fit).set_index("check")
    print(checks[["value", "passed"]].to_string(), fit.attrs.get("ended"))
    print(em.estimates(fit).to_string()[:3000])
    for row in ("R-hat, population", "R-hat, people", "divergences"):
        assert checks.loc[row, "passed"], checks.loc[row].to_dict()
    for who in PARTNERS:
        assert 0.05 <= checks.loc[f"predictive p: higher amounts to a {who}", "value"] <= 0.95
