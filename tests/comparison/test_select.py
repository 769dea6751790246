"""Model selection over people: against enumeration and integration, limits, and bad input."""

import sys
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.special import digamma, expit, gammaln, logsumexp, softmax

import empathymodels as em
from empathymodels.comparison.model_frequencies import (
    by_exact_sum,
    by_sequential_monte_carlo,
    equal_families_evidence,
    exceedance,
    posterior,
)
from empathymodels.comparison.variational import variational

KIND = "log p(y_s | all others)"
DRAWS = 20_000
MONTE_CARLO = 0.015  # 4 standard errors of a probability, of 20,000 draws


def table_of(values, models="abcdef", kind=KIND):
    values = np.asarray(values, dtype=float)
    people = pd.Index([f"p{i}" for i in range(len(values))], name="participant")
    table = pd.DataFrame(values, people, list(models[: values.shape[1]]))
    table.attrs["evidence"] = kind
    return table


def simulated(shares, people, apart, seed):
    """Log evidences of models that predict one number per person, each around its own mean.

    These are exact densities; means are `apart` standard deviations from each other.
    """
    rng = np.random.default_rng(seed)
    means = apart * np.arange(len(shares))
    observed = rng.normal(means[rng.choice(len(shares), people, p=shares)])
    return stats.norm.logpdf(observed[:, None], means)


@pytest.fixture(scope="module")
def weak():
    return simulated([0.7, 0.3], 15, 1.5, seed=1)


# --------------------------------------------------------------- against other computations


@pytest.fixture(scope="module")
def integrated(weak):
    """Posterior of the first of two frequencies by numerical integration of its density."""
    share = (np.arange(20_000) + 0.5) / 20_000
    both = np.array([share, 1 - share])
    log_density = logsumexp(np.log(both[:, None]) + weak.T[:, :, None], axis=0)  # (person, node)
    total = log_density.sum(axis=0)
    weights = softmax(total)
    mean = weights @ share
    return {
        "mean": mean,
        "sd": np.sqrt(weights @ (share - mean) ** 2),
        "exceedance": weights[share > 0.5].sum(),
        "log_evidence": logsumexp(total) - np.log(len(share)),
        "whose": np.exp(np.log(share) + weak[:, [0]] - log_density) @ weights,
        "share": share,
        "weights": weights,
    }


def test_two_models_as_integrated(weak, integrated):
    table = em.select(table_of(weak), draws=DRAWS)
    first = table.loc["a"]
    assert first["frequency"] == pytest.approx(integrated["mean"], abs=0.005)
    assert first["sd"] == pytest.approx(integrated["sd"], rel=0.03)
    assert first["exceedance"] == pytest.approx(integrated["exceedance"], abs=MONTE_CARLO)
    assert table.attrs["log_evidence"] == pytest.approx(integrated["log_evidence"], abs=0.03)
    alike = logsumexp(weak - np.log(2), axis=1).sum()
    risk = expit(alike - integrated["log_evidence"])
    assert table.attrs["omnibus_risk"] == pytest.approx(risk, abs=0.01)
    protected = (1 - risk) * integrated["exceedance"] + risk / 2
    assert first["protected_exceedance"] == pytest.approx(protected, abs=MONTE_CARLO)
    whose = table.attrs["responsibilities"]["a"].to_numpy()
    np.testing.assert_allclose(whose, integrated["whose"], atol=0.005)
    inside = (integrated["share"] > first["hdi_low"]) & (integrated["share"] < first["hdi_high"])
    assert integrated["weights"][inside].sum() == pytest.approx(0.95, abs=0.01)


def enumerated(evidences, prior, family=None):
    """Log evidence and mean frequencies over every assignment of people to models.

    With a `family` of each model, families are equally frequent.
    """
    people, size = evidences.shape
    family = np.zeros(size, dtype=int) if family is None else family
    logs, means = [], []
    for models in product(range(size), repeat=people):
        counts = prior + np.bincount(models, minlength=size)
        log_p = evidences[np.arange(people), models].sum() - people * np.log(np.ptp(family) + 1)
        for one in np.unique(family):
            before, after = prior[family == one], counts[family == one]
            log_p += gammaln(before.sum()) - gammaln(after.sum())
            log_p += (gammaln(after) - gammaln(before)).sum()
        logs.append(log_p)
        means.append(counts / counts.sum())
    return logsumexp(logs), softmax(logs) @ np.array(means)


@pytest.mark.parametrize("prior", [np.ones(3), np.array([0.5, 0.5, 1.0])])
@pytest.mark.parametrize("family", [None, np.array([0, 0, 1])])
def test_three_models_as_enumerated(prior, family):
    evidences = simulated([0.2, 0.3, 0.5], 8, 1.0, seed=2)
    log_evidence, means = enumerated(evidences, prior, family)
    found = posterior(evidences, prior, family, draws=DRAWS, seed=1)
    assert found.log_evidence == pytest.approx(log_evidence, abs=1e-9)
    np.testing.assert_allclose(found.moments(np.eye(3))[0], means, atol=1e-12)
    member = np.equal.outer(*[np.zeros(3, int) if family is None else family] * 2)
    rng = np.random.default_rng(1)
    likelihoods = np.exp(evidences)
    drawn = by_sequential_monte_carlo(likelihoods, prior, member, draws=DRAWS, rng=rng)
    assert drawn.log_evidence == pytest.approx(log_evidence, abs=0.02)
    np.testing.assert_allclose(drawn.moments(np.eye(3))[0], means, atol=0.005)


@pytest.mark.parametrize("method", ["exact sum", "sequential Monte Carlo"])
def test_many_people_as_integrated(method, monkeypatch):
    """Weights become uneven here, so that draws are multiplied and dropped."""
    if method != "exact sum":
        monkeypatch.setattr("empathymodels.comparison.model_frequencies.MOST_TERMS", 0)
    evidences = simulated([0.85, 0.15], 300, 2.0, seed=3)
    share = (np.arange(20_000) + 0.5) / 20_000
    each = (np.logaddexp(np.log(share) + a, np.log1p(-share) + b) for a, b in evidences)
    total = sum(each)
    found = posterior(evidences, np.ones(2), draws=DRAWS, seed=1)
    near = 1e-6 if method == "exact sum" else 0.05
    assert found.log_evidence == pytest.approx(logsumexp(total) - np.log(20_000), abs=near)
    draws, weights = found.draws(DRAWS, seed=1)[:, 0], softmax(total)
    for q in (0.05, 0.5, 0.95):
        expected = share[np.searchsorted(weights.cumsum(), q)]
        assert np.quantile(draws, q) == pytest.approx(expected, abs=0.004)


# ---------------------------------------------------------------- the order of people


def summed(evidences, family=None):
    """Log evidence, mean and sd of frequencies: a sum over counts, in logs and in any order."""
    size = evidences.shape[1]
    family = np.zeros(size, dtype=int) if family is None else np.asarray(family)
    logs = {(0,) * size: 0.0}
    for row in evidences:
        grown = {}
        for counts, log_p in logs.items():
            for k in range(size):
                new = (*counts[:k], counts[k] + 1, *counts[k + 1 :])
                own = np.array(counts)[family == family[k]]
                step = np.log((counts[k] + 1) / (own.sum() + len(own)) / (np.ptp(family) + 1))
                term = log_p + row[k] + step
                grown[new] = np.logaddexp(grown[new], term) if new in grown else term
        logs = grown
    counts, weights = 1 + np.array(list(logs)), softmax(list(logs.values()))
    total = counts[0].sum()
    mean = weights @ counts / total
    square = weights @ (counts * (counts + 1)) / (total * (total + 1))
    return logsumexp(list(logs.values())), mean, np.sqrt(square - mean**2)


def in_halves(people, apart):
    """Half of the people are of the first model by so much, the other half of the second."""
    return np.repeat([[apart, 0.0], [0.0, apart]], people // 2, axis=0)


@pytest.fixture(scope="module")
def in_thirds():
    """Sorted: each third of 45 people is of a model of its own, more or less."""
    rng = np.random.default_rng(11)
    return np.repeat(3 * np.eye(3), 15, axis=0) + rng.normal(0, 1, (45, 3))


def test_four_hundred_people_sorted_and_shuffled():
    """Early resampling of a sorted table would leave no draw near the right counts."""
    table = table_of(in_halves(400, 3.0))
    shuffled = table.sample(frac=1, random_state=1)
    for given, seed in product((table, table[::-1], shuffled), (0, 1)):
        found = em.select(given, seed=seed)
        assert found["frequency"].to_numpy() == pytest.approx([0.5, 0.5], abs=1e-12)
        assert found["exceedance"].to_numpy() == pytest.approx([0.5, 0.5], abs=MONTE_CARLO)
        assert found.attrs["omnibus_risk"] == pytest.approx(0.9353635, abs=1e-6)


@pytest.mark.parametrize(("people", "apart"), [(60, 3.0), (120, 6.0)])
def test_two_sorted_halves_as_summed(people, apart):
    evidences = in_halves(people, apart) + np.random.default_rng(0).normal(0, 1, (people, 2))
    log_evidence, mean, sd = summed(evidences)
    alike = logsumexp(evidences - np.log(2), axis=1).sum()
    found = em.select(table_of(evidences))
    np.testing.assert_allclose(found["frequency"], mean, atol=1e-12)
    np.testing.assert_allclose(found["sd"], sd, atol=1e-12)
    assert found.attrs["log_evidence"] == pytest.approx(log_evidence, abs=1e-9)
    assert found.attrs["omnibus_risk"] == pytest.approx(expit(alike - log_evidence), abs=1e-9)


@pytest.mark.parametrize("family", [None, [0, 0, 1], [0, 1, 0]])
def test_three_sorted_thirds_as_summed_and_as_sampled(in_thirds, family):
    log_evidence, mean, sd = summed(in_thirds, family)
    family = None if family is None else np.array(family)
    exact = posterior(in_thirds, np.ones(3), family, draws=DRAWS, seed=0)
    assert exact.log_evidence == pytest.approx(log_evidence, abs=1e-9)
    np.testing.assert_allclose(exact.moments(np.eye(3)), [mean, sd], atol=1e-10)
    member = np.equal.outer(*[np.zeros(3, int) if family is None else family] * 2)
    likelihoods, rng = np.exp(in_thirds), np.random.default_rng(0)  # sorted, at its hardest
    drawn = by_sequential_monte_carlo(likelihoods, np.ones(3), member, draws=DRAWS, rng=rng)
    assert drawn.log_evidence == pytest.approx(log_evidence, abs=0.1)
    np.testing.assert_allclose(drawn.moments(np.eye(3)), [mean, sd], atol=0.005)
    assert by_exact_sum(likelihoods, np.ones(3), member).log_evidence == pytest.approx(
        log_evidence, abs=1e-9
    )


@pytest.fixture(scope="module")
def selected(in_thirds):
    """Selects under two conditions, with people in an order."""
    table, other = table_of(in_thirds), table_of(in_thirds[:, [1, 0, 2]] / 2)
    groups = dict(zip(table.index, np.repeat(["a", "b", "c"], 15), strict=True))
    settings = {"families": {"near": ["a", "b"], "far": ["c"]}, "groups": groups}

    def selected(order):
        pair = {"pain": table.iloc[order], "neutral": other.iloc[order]}
        return em.select(pair, **settings)

    return selected


@pytest.fixture(scope="module")
def exact(selected):
    return selected(np.arange(45))


@pytest.mark.parametrize(("way", "near"), [("in another order", 1e-8), ("drawn", 0.015)])
def test_groups_families_and_conditions_in_any_order_by_either_way(
    selected, exact, way, near, monkeypatch
):
    order = np.arange(45)
    if way == "drawn":
        monkeypatch.setattr("empathymodels.comparison.model_frequencies.MOST_TERMS", 0)
    else:
        order = np.random.default_rng(2).permutation(45)
    one = selected(order)
    pairs = [(exact, one)]
    pairs += [(exact.attrs[k], one.attrs[k]) for k in ("families", "groups", "conditions")]
    for first, second in pairs:
        columns = ["frequency", "sd"]
        second = second.loc[first.index, columns]
        np.testing.assert_allclose(first[columns], second, atol=near)
    for key in ("omnibus_risk", "p_groups_differ"):
        assert one.attrs[key] == pytest.approx(exact.attrs[key], abs=2 * near)
    same = [each.attrs["same_model"]["frequency"] for each in (exact, one)]
    np.testing.assert_allclose(same[1], same[0], atol=0.01)  # nine pairs are sampled


def test_families_as_enumerated():
    evidences = simulated([0.2, 0.3, 0.5], 8, 1.5, seed=4)
    prior, family = np.array([0.5, 0.5, 1.0]), np.array([0, 0, 1])
    log_evidence, means = enumerated(evidences, prior)
    alike = enumerated(evidences, prior, family)[0]
    table = em.select(table_of(evidences), families={"near": ["a", "b"], "far": ["c"]})
    found = table.attrs["families"]
    assert found.index.tolist() == ["near", "far"]
    assert found.loc["far", "frequency"] == pytest.approx(means[2], abs=0.005)
    assert found.attrs["log_evidence"] == pytest.approx(log_evidence, abs=0.02)
    assert found.attrs["omnibus_risk"] == pytest.approx(expit(alike - log_evidence), abs=0.01)
    np.testing.assert_allclose(found.attrs["responsibilities"].sum(axis=1), 1)
    null = equal_families_evidence(evidences, prior, family, draws=DRAWS, seed=1)
    assert null == pytest.approx(alike, abs=1e-9)


def test_groups_as_enumerated():
    evidences = simulated([0.5, 0.5], 12, 2.0, seed=5)
    groups = np.repeat(["young", "old"], 6)
    pooled = enumerated(evidences, np.ones(2))[0]
    apart = sum(enumerated(evidences[groups == g], np.ones(2))[0] for g in ("young", "old"))
    table = table_of(evidences)
    found = em.select(table, groups=pd.Series(groups, table.index)[::-1])  # joined by name
    assert found.attrs["p_groups_differ"] == pytest.approx(expit(apart - pooled), abs=0.01)
    own = em.select(table_of(evidences[:6]))
    pd.testing.assert_frame_equal(found.attrs["groups"].loc["young"], own, check_names=False)


def test_conditions_as_enumerated():
    one, other = (simulated([0.5, 0.5], 6, 2.0, seed=seed) for seed in (6, 7))
    tuples = list(product(range(2), repeat=2))
    joint = np.array([one[:, i] + other[:, j] for i, j in tuples]).T
    prior, family = np.full(4, 0.5), np.array([0, 1, 1, 0])
    log_evidence, means = enumerated(joint, prior)
    alike = enumerated(joint, prior, family)[0]
    given = {"pain": table_of(one), "neutral": table_of(other)[["b", "a"]][::-1]}
    found = em.select(given).attrs["same_model"]
    assert found.loc["same", "frequency"] == pytest.approx(means[[0, 3]].sum(), abs=0.005)
    assert found.attrs["omnibus_risk"] == pytest.approx(expit(alike - log_evidence), abs=0.01)


@pytest.mark.parametrize(("shares", "apart"), [([0.6, 0.4], 1.0), ([0.1, 0.2, 0.7], 3.0)])
def test_variational_equations_are_solved(shares, apart):
    evidences, prior = simulated(shares, 25, apart, seed=8), np.ones(len(shares))
    counts, bound = variational(evidences, prior)
    own = prior + 25 / len(shares)
    for _ in range(5_000):  # plain alternation from equal counts
        assigned = softmax(evidences + digamma(own) - digamma(own.sum()), axis=1)
        own = prior + assigned.sum(axis=0)
    np.testing.assert_allclose(counts, own, rtol=1e-5)
    expected = digamma(own) - digamma(own.sum())
    joint = (assigned * (evidences + expected)).sum() + stats.dirichlet.entropy(own)
    joint += ((prior - 1) * expected).sum() + gammaln(prior.sum()) - gammaln(prior).sum()
    assert bound == pytest.approx(joint + stats.entropy(assigned, axis=1).sum(), abs=1e-6)


def test_variational_bound_is_below_the_evidence_and_its_mean_near(weak, integrated):
    found = em.select(table_of(weak)).attrs["variational"]
    assert found.attrs["log_evidence"] < integrated["log_evidence"]
    assert found.loc["a", "frequency"] == pytest.approx(integrated["mean"], abs=0.1)
    assert found.loc["a", "exceedance"] > integrated["exceedance"]  # surer than it should be


def test_exceedance_of_a_dirichlet_distribution():
    for first, second in ((5.5, 2.5), (1.0, 1.0), (400.0, 2.0), (30.0, 31.0)):
        expected = stats.beta.sf(0.5, first, second)
        assert exceedance(np.array([first, second]))[0] == pytest.approx(expected, abs=1e-10)
    counts = np.array([4.0, 9.0, 1.2, 7.5])
    draws = np.random.default_rng(1).dirichlet(counts, 200_000)
    largest = np.bincount(draws.argmax(axis=1)) / len(draws)
    np.testing.assert_allclose(exceedance(counts), largest, atol=0.005)


def test_intervals_hold_what_they_promise_and_published_ones_do_not():
    """Frequencies drawn from their prior; models that one observation hardly tells apart."""
    rng = np.random.default_rng(9)
    ranks, published = [], []
    for seed in range(300):
        truth = rng.dirichlet(np.ones(3))
        evidences = simulated(truth, 20, 1.0, seed=seed)
        found = posterior(evidences, np.ones(3), draws=1_000, seed=seed)
        ranks.append(np.mean(found.draws(1_000, seed=seed)[:, 0] < truth[0]))
        if seed < 100:
            counts = variational(evidences, np.ones(3))[0]
            published.append(stats.beta.cdf(truth[0], counts[0], counts[1:].sum()))
    covered, covered_by_published = (
        np.mean(np.abs(np.array(r) - 0.5) < 0.45) for r in (ranks, published)
    )
    assert covered == pytest.approx(0.9, abs=0.05)
    assert stats.kstest(ranks, "uniform").pvalue > 0.01
    assert covered_by_published < 0.8  # promised 0.9, which is more than 3 standard errors away


# ------------------------------------------------------------------------------- limits


def test_evidences_that_say_nothing():
    table = em.select(table_of(np.zeros((30, 4))))
    np.testing.assert_allclose(table["frequency"], 0.25, atol=0.01)
    np.testing.assert_allclose(table["protected_exceedance"], 0.25, atol=MONTE_CARLO)
    assert table.attrs["omnibus_risk"] == pytest.approx(0.5, abs=1e-9)
    approximation = table.attrs["variational"]
    np.testing.assert_allclose(approximation["protected_exceedance"], 0.25)
    assert approximation.attrs["omnibus_risk"] > 0.5
    assert "undecided which model is most frequent" in table.attrs["reading"]


def test_evidences_that_say_all():
    chosen = np.repeat([0, 1, 2], [14, 3, 0])
    table = em.select(table_of(-50 + 1_000 * np.eye(3)[chosen]))
    expected = np.array([15, 4, 1]) / 20
    np.testing.assert_allclose(table["frequency"], expected, rtol=1e-12)
    approximation = table.attrs["variational"]
    np.testing.assert_allclose(approximation["count"], [15, 4, 1], rtol=1e-12)
    sd = np.sqrt(expected * (1 - expected) / 21)
    np.testing.assert_allclose(table["sd"], sd, rtol=0.03)
    np.testing.assert_allclose(table["exceedance"], approximation["exceedance"], atol=MONTE_CARLO)
    np.testing.assert_array_equal(table.attrs["responsibilities"], np.eye(3)[chosen])
    log_evidence = gammaln(3) - gammaln(20) + gammaln(15) + gammaln(4) + 17 * 950
    assert table.attrs["log_evidence"] == pytest.approx(log_evidence, abs=1e-6)
    assert table.attrs["reading"].startswith(
        f"by {KIND} of 17 participants: 'a' is the most frequent model: 75 % of people"
    )


def test_only_differences_within_people_count(weak):
    offsets = np.random.default_rng(1).normal(0, 1_000, (len(weak), 1))
    one, other = em.select(table_of(weak)), em.select(table_of(weak + offsets))
    pd.testing.assert_frame_equal(one, other, rtol=1e-6)
    shifted = one.attrs["log_evidence"] + offsets.sum()
    assert other.attrs["log_evidence"] == pytest.approx(shifted, abs=1e-6)


def test_names_and_order_do_not_matter(weak):
    one = em.select(table_of(weak))
    other = em.select(table_of(weak)[["b", "a"]][::-1])
    np.testing.assert_allclose(one["frequency"], other["frequency"][["a", "b"]], atol=0.01)
    whose = other.attrs["responsibilities"].loc[one.attrs["responsibilities"].index]
    np.testing.assert_allclose(one.attrs["responsibilities"]["a"], whose["a"], atol=0.01)


def test_the_same_seed_gives_the_same(weak):
    pd.testing.assert_frame_equal(em.select(table_of(weak)), em.select(table_of(weak)))
    assert not em.select(table_of(weak), seed=1).equals(em.select(table_of(weak), seed=2))


def test_many_poor_models_do_not_make_a_family_probable():
    table = em.select(
        table_of(np.zeros((20, 4))), families={"one": ["a"], "others": ["b", "c", "d"]}
    )
    found = table.attrs["families"]
    np.testing.assert_allclose(found["frequency"], 0.5, atol=0.02)
    assert found.attrs["omnibus_risk"] == pytest.approx(0.5, abs=0.02)


def test_groups_that_differ_and_groups_that_do_not():
    chosen = np.repeat([0, 1], 10)
    sure = table_of(100 * np.eye(2)[chosen])
    differ = em.select(sure, groups=dict(zip(sure.index, chosen, strict=True)))
    assert differ.attrs["p_groups_differ"] > 0.999
    assert "groups differ in their frequencies" in differ.attrs["reading"]
    alike = em.select(sure, groups=dict(zip(sure.index, np.arange(20) % 2, strict=True)))
    # twice 5 of 10, against 10 of 20, all assignments being sure
    evidence = 2 * (2 * gammaln(6) - gammaln(12)) - (2 * gammaln(11) - gammaln(22))
    assert alike.attrs["p_groups_differ"] == pytest.approx(expit(evidence), abs=1e-9)
    silent = em.select(sure * 0, groups=dict(zip(sure.index, chosen, strict=True)))
    assert silent.attrs["p_groups_differ"] == pytest.approx(0.5, abs=1e-9)


def test_people_who_change_and_people_who_do_not():
    chosen = np.arange(20) % 2
    one, same, other = (table_of(100 * np.eye(2)[c]) for c in (chosen, chosen, 1 - chosen))
    stays = em.select({"pain": one, "neutral": same})
    changes = em.select({"pain": one, "neutral": other})
    assert stays.attrs["same_model"].loc["same", "frequency"] == pytest.approx(21 / 22, rel=1e-12)
    assert changes.attrs["same_model"].loc["same", "frequency"] == pytest.approx(1 / 22, rel=1e-12)
    assert "most people have the same model in all conditions" in stays.attrs["reading"]
    assert "most people change their model between conditions" in changes.attrs["reading"]
    assert "each model held in all conditions" in changes.attrs["reading"]
    assert stays.attrs["conditions"].loc[("pain", "a"), "frequency"] == pytest.approx(0.5)
    assert changes.loc["a", "frequency"] == pytest.approx(0.5, abs=0.01)  # sums say nothing
    people = stays.attrs["same_model"].attrs["responsibilities"]
    assert people.columns.tolist() == ["same", "different"]
    assert people.index.equals(one.index)


def test_the_figure_shows_the_table(weak):
    table = em.select(table_of(weak))
    left, right = em.plot_selection(table).axes
    np.testing.assert_allclose(left.lines[1].get_xdata(), table["frequency"])
    ends = np.array([path.vertices[:, 0] for path in left.collections[0].get_paths()])
    np.testing.assert_allclose(ends, table[["hdi_low", "hdi_high"]])
    bars = [bar.get_width() for bar in right.patches]
    np.testing.assert_allclose(bars, table["protected_exceedance"])
    assert [label.get_text() for label in left.get_yticklabels()] == ["a", "b"]
    with pytest.raises(ValueError, match=r"as em\.select\(evidences\) .*2 columns: 'a', 'b'"):
        em.plot_selection(table_of(weak))


# ------------------------------------------------------------------------ what is given


def fit_of(people):
    """As much of a fit as tells who was observed."""
    observed = xr.DataArray(
        np.ones(len(people)), dims="trial_row", coords={"participant": ("trial_row", people)}
    )
    groups = {"observed_data": xr.Dataset({"choice": observed}), "posterior": None, "study": None}
    fit = xr.DataTree.from_dict(groups)
    fit.attrs = {"model": "learning", "fingerprint": "of learning"}
    return fit


def test_ids_may_be_numbers_or_text_with_or_without_their_prefix(weak):
    table = table_of(weak).set_axis([str(k) for k in range(1, 16)])
    expected = em.select(table, groups=dict(zip(table.index, ["x", "y", "y"] * 5, strict=True)))
    for ids in (range(1, 16), np.arange(1.0, 16), [f"sub-{k}" for k in range(1, 16)]):
        groups = pd.Series(["x", "y", "y"] * 5, index=list(ids))
        found = em.select(table, groups=groups[::-1])
        assert found.attrs["p_groups_differ"] == expected.attrs["p_groups_differ"]
        pd.testing.assert_frame_equal(found.attrs["groups"], expected.attrs["groups"])
        numbered = table.set_axis(list(ids))
        numbered.attrs = table.attrs
        both = em.select({"pain": table, "neutral": numbered[::-1]})
        same = em.select({"pain": table, "neutral": table})
        pd.testing.assert_frame_equal(both.attrs["same_model"], same.attrs["same_model"])
    zeros = pd.Series("x", index=[f"{k:02}" for k in range(1, 16)])
    assert "found none for '1', '2', '3', '4', '5' and 4 more" in refusal(table, groups=zeros)


def test_nothing_is_computed_where_groups_or_families_are_wrong(monkeypatch):
    monkeypatch.setitem(sys.modules, "empathymodels.comparison.evidence", SimpleNamespace())
    fits = dict.fromkeys(("learning", "static"), fit_of(["s1", "s2", "s3"]))
    text = refusal(fits, groups={"s1": "old", "s2": "young"}, families={"x": ["learning"]})
    assert "found none for 's3' (1 participant of 3)" in text
    assert "found 'static (0 times)'" in text
    other = {"learning": fit_of(["s1", "s2"]), "static": fit_of(["s1", "s2"])}
    assert "found 's3' only in one" in refusal({"pain": fits, "neutral": other})


def test_fits_are_asked_for_their_evidences(monkeypatch, weak):
    asked = []

    def participant_evidences(fits, *, evidence="left_out"):
        asked.append((list(fits), evidence))
        return table_of(weak, kind=f"evidence: {evidence}")

    computing = SimpleNamespace(participant_evidences=participant_evidences)
    monkeypatch.setitem(sys.modules, "empathymodels.comparison.evidence", computing)
    fits = dict.fromkeys("ab", fit_of([f"p{k}" for k in range(15)]))
    assert em.select(fits).attrs["evidence"] == "evidence: left_out"
    assert em.select(fits, evidence="fixed_prior").attrs["evidence"] == "evidence: fixed_prior"
    several = em.select({"pain": fits, "neutral": fits})
    assert several.attrs["conditions"].index.unique("condition").tolist() == ["pain", "neutral"]
    assert asked == [
        (["a", "b"], "left_out"),
        (["a", "b"], "fixed_prior"),
        *[(["a", "b"], "left_out")] * 2,
    ]


def test_a_comparison_carries_its_evidences(weak):
    comparison = pd.DataFrame({"elpd": [-30.0, -40.0]}, index=["a", "b"])
    comparison.attrs["evidences"] = table_of(weak)
    pd.testing.assert_frame_equal(em.select(comparison), em.select(table_of(weak)))


def test_what_is_given_is_not_changed(weak):
    given = table_of(weak)
    before = given.copy()
    em.select(given, families={"x": ["a"], "y": ["b"]}, groups={p: p < "p5" for p in given.index})
    pd.testing.assert_frame_equal(given, before)


def refusal(*given, **settings):
    with pytest.raises(ValueError, match="Models cannot be selected from these") as told:
        em.select(*given, **settings)
    return str(told.value)


def test_all_faults_of_a_table_at_once(weak):
    table = table_of(weak)
    table.iloc[2, 0], table.iloc[4, 1] = np.nan, -np.inf
    table = table.rename(index={"p7": "p6"})
    table.attrs = {}
    text = refusal(table, families={"x": ["a", "d"], "y": ["a"]}, groups={"p1": "old"})
    for words in (
        "found 'p6' more than once (1 participant)",
        "found nan of 'p2' under 'a', -inf of 'p4' under 'b' (2 values of 30)",
        "found no attrs['evidence'] (1 table)",
        "found 'd' (1 name)",
        "found 'a (2 times)', 'b (0 times)' (2 models)",
        "found none for 'p0', 'p2', 'p3', 'p4', 'p5' and 9 more (14 participants of 15)",
        "found 'old' (1 group)",
    ):
        assert words in text
    assert "  7. " in text
    assert "  8. " not in text


def test_other_faults(weak):
    table = table_of(weak)
    assert "at least two models; found 'a'" in refusal(table[["a"]])
    assert "found 0 values" in refusal(table[:0])
    ids = table.reset_index()
    assert "1 column of other values: 'participant'" in refusal(ids)
    families = refusal(table, families={"x": ["a", "b"], "y": []})
    assert "found 'x', 'y', of which 'y' (1) have none" in families
    with pytest.raises(ValueError, match="families must be a mapping of text to a list of text"):
        em.select(table, families={"x": "a", "y": "b"})
    assert "evidence='fixed_prior' with 1 table" in refusal(table, evidence="fixed_prior")
    groups = pd.Series(["x", "y"] * 8, index=[*table.index, "p0"])
    assert "found 'p0' more than once" in refusal(table, groups=groups)
    absent = table.astype("Float64")
    absent.iloc[0, 0] = pd.NA
    assert "found nan of 'p0' under 'a' (1 value of 30)" in refusal(absent)
    with pytest.raises(TypeError, match=r"found 2 values of type 'int'\. Give"):
        em.select({"a": 1, "b": 2})
    with pytest.raises(TypeError, match="found 1 value of type 'list'"):
        em.select([1.0, 2.0])
    with pytest.raises(ValueError, match=r"draws must be at least 1,000.*found 10"):
        em.select(table, draws=10)
    with pytest.raises(ValueError, match="prob must be a number between 0 and 1; found 95"):
        em.select(table, prob=95)


def test_kinds_of_evidence_do_not_mix(weak):
    other = table_of(weak, kind="-BIC/2")
    text = refusal({"pain": table_of(weak), "neutral": other})
    assert f"found 2 kinds: '{KIND}' for 'pain'; '-BIC/2' for 'neutral'. Compute the same" in text
    unstated = table_of(weak)
    unstated.attrs = {}
    assert "for 'neutral' (1 table)" in refusal({"pain": table_of(weak), "neutral": unstated})


def test_conditions_of_other_people_or_models(weak):
    other = table_of(weak)[1:].rename(columns={"b": "c"})
    text = refusal({"pain": table_of(weak), "neutral": other})
    assert "the same participants; found 'p0' only in one of 'pain' and 'neutral' (1)" in text
    assert "the same models; found 'b', 'c' only in one" in text
    numbered = table_of(weak)[:2].set_axis([1, 2])
    text = refusal({"pain": table_of(weak)[:2], "neutral": numbered})
    assert "found 'p0', 'p1', '1', '2' only in one" in text
    wide = table_of(np.zeros((3, 6)))
    conditions = dict.fromkeys(("one", "two", "three", "four"), wide)
    assert "found 6 models in 4 conditions (1,296)" in refusal(conditions)
