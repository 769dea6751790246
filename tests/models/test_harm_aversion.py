"""Money against shocks, for oneself or another: a plain loop, rivals, what tells them apart."""

import math

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from folders import BUNDLED

TRUTH = BUNDLED / "profit_from_pain" / "true_parameters.csv"
PROFITING, PAYING = "harm_aversion_profiting", "harm_aversion_paying"
KAPPAS = {
    f"{PROFITING}[self]": 0.45,
    f"{PROFITING}[other]": 0.7,
    f"{PAYING}[self]": 0.25,
    f"{PAYING}[other]": 0.4,
}
ONE = {"harm_aversion[self]": 0.35, "harm_aversion[other]": 0.6}
POOLED = {PROFITING: 0.5, PAYING: 0.3}
TEMPERATURE = {"inverse_temperature": 0.8}


@pytest.fixture(scope="module")
def harm():
    return em.get_model("harm_aversion")


@pytest.fixture(scope="module")
def chosen():
    """Three people, both frames and recipients, offers of nothing at all, missed choices."""
    rng = np.random.default_rng(14)
    n = 90
    sign = rng.choice([-1, 1], n)
    table = pd.DataFrame(
        {
            "participant": np.repeat(["a", "b", "c"], n // 3),
            "trial": np.tile(np.arange(n // 3), 3),
            "money": sign * rng.uniform(0.1, 20, n),
            "shocks": sign * rng.integers(0, 20, n),
            "recipient": rng.choice(["self", "other"], n),
            "switch": rng.integers(0, 2, n).astype(float),
        }
    )
    table.loc[rng.random(n) < 0.1, "switch"] = np.nan
    table.loc[::11, "money"] *= -1  # more money and fewer shocks, or the reverse
    return table


def of(values, name, recipient):
    """One value for both recipients, or one each."""
    return values[name] if name in values else values[f"{name}[{recipient}]"]


def loop(table, values):
    """Log-probability of every choice, NaN where it was missed."""
    found = []
    for row in table.itertuples():
        if math.isnan(row.switch):
            found.append(math.nan)
            continue
        one_frame = any(name.startswith("harm_aversion[") for name in values)
        frame = PROFITING if row.shocks > 0 else PAYING
        kappa = of(values, "harm_aversion" if one_frame else frame, row.recipient)
        loss = values.get("loss_aversion", 1.0)
        money = row.money * (loss if row.money < 0 else 1)
        shocks = row.shocks * (loss if row.shocks > 0 else 1)
        odds = of(values, "inverse_temperature", row.recipient)
        odds *= (1 - kappa) * money - kappa * shocks
        odds -= values.get("default_bias", 0.0)
        p = 1 / (1 + math.exp(-odds if row.switch else odds))
        lapse = values.get("lapse", 0.0)
        found.append(math.log(lapse / 2 + (1 - lapse) * p))
    return np.array(found)


def rows_of(model, table, values):
    found = em.log_likelihood(model, em.Study(trials=table), values)
    return found["row"]["switch"].to_series().to_numpy()


CASES = {
    "": KAPPAS | TEMPERATURE,
    "one_frame": ONE | TEMPERATURE,
    "loss_aversion": ONE | TEMPERATURE | {"loss_aversion": 1.6},
    "one_recipient": POOLED | TEMPERATURE,
    "default_bias": KAPPAS | TEMPERATURE | {"default_bias": 0.7},
    "two_temperatures": KAPPAS | {f"inverse_temperature[{r}]": v for r, v in
                                  (("self", 1.2), ("other", 0.5))},
    "lapses": KAPPAS | TEMPERATURE | {"lapse": 0.15},
}  # fmt: skip


@pytest.mark.parametrize("rival", CASES)
def test_it_is_the_loop(harm, chosen, rival):
    model = harm.rival(rival) if rival else harm
    expected = loop(chosen, CASES[rival])
    assert 0 < np.isnan(expected).sum() < len(expected) / 5
    assert len(np.unique(expected.round(6))) > 50
    np.testing.assert_allclose(rows_of(model, chosen, CASES[rival]), expected, rtol=0, atol=1e-8)


def test_every_rival_is_among_them(harm):
    assert set(CASES) == {"", *harm.rivals}


def test_where_a_person_is_indifferent(harm):
    """One shock is worth kappa / (1 - kappa) units of money, whichever way it goes."""
    rows = [
        (person, sign * 3 * k / (1 - k), sign * 3, who)
        for person in "ab"
        for sign, name in ((1, PROFITING), (-1, PAYING))
        for who in ("self", "other")
        for k in [KAPPAS[f"{name}[{who}]"]]
    ]
    table = pd.DataFrame(rows, columns=["participant", "money", "shocks", "recipient"])
    table = table.assign(trial=range(len(rows)), switch=[0, 1] * 4)
    found = rows_of(harm, table, KAPPAS | TEMPERATURE)
    np.testing.assert_allclose(found, math.log(0.5), rtol=1e-12)


def test_loss_aversion_is_one_odds_ratio_between_frames(harm, chosen):
    """Where money and shocks go together, with another scale of value in each frame."""
    loss, gamma = 1.6, 0.8
    together = chosen[np.sign(chosen["money"]) == np.sign(chosen["shocks"])]
    for sign, name in ((1, PROFITING), (-1, PAYING)):
        table = together[np.sign(together["shocks"]) == sign]
        values = {}
        for who in ("self", "other"):
            kappa = ONE[f"harm_aversion[{who}]"]
            odds = kappa / (1 - kappa) * (loss if sign > 0 else 1 / loss)
            values[f"{name}[{who}]"] = odds / (1 + odds)
            other = PAYING if name == PROFITING else PROFITING
            values[f"{other}[{who}]"] = 0.5  # no such trials here
            scale = 1 - kappa + kappa * loss if sign > 0 else (1 - kappa) * loss + kappa
            values[f"inverse_temperature[{who}]"] = gamma * scale
        lost = ONE | {"inverse_temperature": gamma, "loss_aversion": loss}
        found = rows_of(harm.rival("two_temperatures"), table, values)
        np.testing.assert_allclose(
            found, rows_of(harm.rival("loss_aversion"), table, lost), rtol=0, atol=1e-10
        )


def test_statistics(harm):
    """Harm is to take more shocks, or not to pay for fewer."""
    rows = [  # participant, money, shocks, recipient, switch
        ("a", 9, 3, "self", 1),  # harm, at a high price
        ("a", -1, -3, "self", 0),  # harm
        ("a", 1, 3, "other", 0),
        ("b", -9, -3, "other", 1),
        ("b", 2, 1, "self", 0),
        ("b", -2, -1, "other", 0),  # harm
        ("a", 5, 0, "self", 0),  # no shock more or less: nothing to say of harm
        ("b", -5, 0, "other", 1),
    ]
    names = ["participant", "money", "shocks", "recipient", "switch"]
    table = pd.DataFrame(rows, columns=names)
    found = {s.name: s.function(table) for s in harm.statistics}
    assert found["harm to oneself chosen"] == pytest.approx(2 / 3)
    assert found["harm to another chosen"] == pytest.approx(1 / 3)
    assert found["harm chosen, profiting minus paying"] == pytest.approx(1 / 3 - 2 / 3)
    assert found["harm chosen, high minus low price"] == pytest.approx(1 / 2 - 1 / 2)
    assert found["sd of people's harm chosen"] == pytest.approx(np.std([2 / 3, 1 / 3], ddof=1))
    apart = np.std([1 - 0, 0 - 1 / 2], ddof=1)
    assert found["sd of people's harm chosen, self minus other"] == pytest.approx(apart)


@pytest.mark.slow
def test_modes_find_harm_aversion_of_people():
    trials = em.load_study("profit_from_pain").trials
    truth = pd.read_csv(TRUTH).set_index("participant").iloc[::2]
    study = em.Study(trials=trials[trials["participant"].isin(truth.index)])
    fit = em.fit(em.get_model("harm_aversion"), study, method="map", seed=1)
    posterior = fit["posterior"].to_dataset()
    for name in (PROFITING, PAYING):
        found = posterior[name].mean(("chain", "draw"))
        for who in ("self", "other"):
            people = found.sel(recipient=who).to_series().reindex(truth.index)
            true = truth[f"{name}[{who}]"]
            assert np.corrcoef(people, true)[0, 1] > 0.85
            assert abs((people - true).mean()) < 0.05
