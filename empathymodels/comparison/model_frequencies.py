r"""How frequent models are among people, given what each model makes of everybody's data.

With log evidences :math:`L_{sk}` of person s under model k, frequencies r of the models in the
population, and the model :math:`m_s` that a person's data come from,

.. math::

    r \sim \text{Dirichlet}(\alpha), \quad m_s \sim \text{Categorical}(r), \quad
    p(y_s \mid m_s = k) = \exp L_{sk}

The posterior of r is a mixture of Dirichlet distributions, one for every way in which people may
divide among the models. `posterior` sums over all of them where they are few enough, and samples
them by sequential Monte Carlo with Gibbs sweeps where they are not; `variational` has the published
approximation by a single distribution.

People are exchangeable, and no result depends on their order: they are sorted by what they are
evidence of and shuffled before anything is computed. In a table sorted by group the first people
would settle frequencies that the last ones contradict.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import logsumexp, softmax

MOST_TERMS = 1.1e9  # of an exact sum: three models of 1,000 people, some seconds
NEGLIGIBLE = 1e-250  # weight of a division of people, in a random order, that cannot recover
FEWEST_EFFECTIVE = 0.5  # share of the draws below which they are resampled
SWEEPS = 2  # of Gibbs sampling after draws are resampled
LAST_SWEEPS = 5  # of Gibbs sampling in the end
NODES, LARGEST_SCORE = 400, 7.0  # normal scores of quadrature; 1e-12 lies beyond


@dataclass(frozen=True, eq=False)
class Frequencies:
    """Posterior of the frequencies, a mixture of Dirichlet distributions.

    Attributes
    ----------
    counts : array (component, model)
        Of each Dirichlet distribution: the prior's plus the people assigned to each model.
    weights : array (component,)
        Probabilities of the components.
    log_evidence : float
        Log probability of everybody's data, frequencies and assignments integrated out.
    """

    counts: np.ndarray
    weights: np.ndarray
    log_evidence: float

    def moments(self, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (family,) of sums of frequencies, member (model, family)."""
        counts, total = self.counts @ member, self.counts[0].sum()
        mean = self.weights @ counts / total
        square = self.weights @ (counts * (counts + 1)) / (total * (total + 1))
        return mean, np.sqrt(np.maximum(square - mean**2, 0))

    def draws(self, number: int, *, seed: int) -> np.ndarray:
        """Draw frequencies (draw, model)."""
        rng = np.random.default_rng(seed)
        chosen = _resampled(self.weights, number, rng)
        values = rng.standard_gamma(self.counts[chosen])
        return values / values.sum(axis=1, keepdims=True)


def posterior(
    evidences: np.ndarray,
    prior: np.ndarray,
    family: np.ndarray | None = None,
    *,
    draws: int,
    seed: int,
) -> Frequencies:
    """Infer how frequent models are.

    Parameters
    ----------
    evidences : array (participant, model)
        Log evidences.
    prior : array (model,)
        Counts of the Dirichlet prior.
    family : array (model,) of int, optional
        Family of each model, where all families are equally frequent and frequencies are unknown
        within them only. Models that each are a family of their own are equally frequent.
        Without families any frequencies are possible.
    draws, seed : int
        How many draws where the sum has too many terms; the seed of random numbers.
    """
    people, size = evidences.shape
    rng = np.random.default_rng(seed)
    differences = evidences - evidences.max(axis=1, keepdims=True)
    order = np.lexsort(differences.T)[rng.permutation(people)]
    likelihoods = np.exp(differences[order])
    member = np.equal.outer(*[np.zeros(size, int) if family is None else family] * 2)
    offset = float(evidences.max(axis=1).sum())
    if (people + 1.0) ** (size - 1) * people <= MOST_TERMS:
        found = by_exact_sum(likelihoods, prior, member)
    else:
        found = by_sequential_monte_carlo(likelihoods, prior, member, draws=draws, rng=rng)
    return Frequencies(found.counts, found.weights, found.log_evidence + offset)


def equal_families_evidence(
    evidences: np.ndarray, prior: np.ndarray, family: np.ndarray, *, draws: int, seed: int
) -> float:
    """Log evidence where all families are equally frequent; arguments as of `posterior`."""
    if len(np.unique(family)) == len(family):  # nothing is unknown but who has which model
        return float((logsumexp(evidences, axis=1) - np.log(len(family))).sum())
    return posterior(evidences, prior, family, draws=draws, seed=seed).log_evidence


# ------------------------------------------------------------------------ the exact sum


def by_exact_sum(likelihoods: np.ndarray, prior: np.ndarray, member: np.ndarray) -> Frequencies:
    """Sum over all assignments of people to models, by dynamic programming over counts.

    Assignments with as many people per model are equally probable a priori. So one weight per
    division of the people until now is carried, in an array with an axis per model but the last,
    whose count is what the others leave.

    Parameters
    ----------
    likelihoods : array (participant, model)
        Of each person's data, up to a factor of the person's own, in a random order of people.
    prior : array (model,)
        Counts of the Dirichlet prior.
    member : array (model, model) of bool
        Whether two models are of one family; families are equally frequent.
    """
    size = len(prior)
    weights, log_evidence = np.ones([1] * (size - 1)), 0.0
    for done, likelihood in enumerate(likelihoods):
        grown = np.zeros([done + 2] * (size - 1))
        for k, predicted in enumerate(_predictive_on_grid(done, prior, member)):
            place = tuple(slice(k == axis, done + 1 + (k == axis)) for axis in range(size - 1))
            grown[place] += weights * (predicted * likelihood[k])
        total = grown.sum()
        grown[grown < NEGLIGIBLE * total] = 0.0
        weights, log_evidence = grown / total, log_evidence + np.log(total)
    places = np.nonzero(weights)
    others = np.stack(places, axis=1) if size > 1 else np.zeros((1, 0))
    last = len(likelihoods) - others.sum(axis=1, keepdims=True)
    return Frequencies(
        prior + np.concatenate([others, last], axis=1), weights[places].ravel(), float(log_evidence)
    )


def _predictive_on_grid(done: int, prior: np.ndarray, member: np.ndarray) -> list[np.ndarray]:
    """Probability of the next person's model after so many people, by counts of all but the last.

    Arrays that broadcast against weights. Where the others' counts exceed the people done the
    weight is zero, and the last model's count is taken as zero.
    """
    size = len(prior)
    open_counts = np.ix_(*[np.arange(done + 1.0)] * (size - 1))
    counts = [count + before for count, before in zip(open_counts, prior[:-1], strict=True)]
    counts.append(np.maximum(done - sum(open_counts), 0) + prior[-1])
    of_families: dict[tuple[bool, ...], np.ndarray] = {}
    for own in map(tuple, member):
        if own not in of_families:
            beside = [counts[k] for k in range(size) if not own[k]]
            total = sum(counts[k] for k in range(size) if own[k])
            # the same wherever weights are not zero, and one number if there is one family
            total = done + prior.sum() - sum(beside) if own[-1] else total
            of_families[own] = np.maximum(total, prior[list(own)].sum()) * _families(member)
    return [counts[k] / of_families[tuple(member[k])] for k in range(size)]


def _families(member: np.ndarray) -> int:
    return len(np.unique(member, axis=0))


# ----------------------------------------------------------------- sequential Monte Carlo


def by_sequential_monte_carlo(
    likelihoods: np.ndarray,
    prior: np.ndarray,
    member: np.ndarray,
    *,
    draws: int,
    rng: np.random.Generator,
) -> Frequencies:
    """Draw assignments by adding one person after the other, in many draws at a time.

    Given the people before, the probability of a person's data is known exactly. Draws are
    resampled by it where weights become uneven; Gibbs sweeps over the people until then make
    those different again that come from the same draw.

    Parameters
    ----------
    likelihoods, prior, member
        As of `by_exact_sum`.
    draws : int
        How many draws.
    rng : Generator
        Source of random numbers.

    References
    ----------
    Gilks & Berzuini (2001), doi:10.1111/1467-9868.00280 (resampling followed by MCMC moves).
    """
    shares = 1 / _families(member)
    counts = np.tile(prior.astype(float), (draws, 1))
    log_weights, log_evidence = np.zeros(draws), 0.0
    for done, likelihood in enumerate(likelihoods):
        joint = shares * counts / (counts @ member) * likelihood  # (draw, model)
        log_weights += np.log(joint.sum(axis=1))
        counts[np.arange(draws), _categorical(joint, rng)] += 1
        weights = softmax(log_weights)
        is_last = done + 1 == len(likelihoods)
        if is_last or 1 / np.square(weights).sum() < FEWEST_EFFECTIVE * draws:
            log_evidence += logsumexp(log_weights) - np.log(draws)
            log_weights = np.zeros(draws)
            counts = counts[_resampled(weights, draws, rng)]
            for _ in range(LAST_SWEEPS if is_last else SWEEPS):
                counts = _gibbs_sweep(counts, likelihoods[: done + 1], prior, member, rng)
    return Frequencies(counts, np.full(draws, 1 / draws), float(log_evidence))


def _gibbs_sweep(
    counts: np.ndarray,
    likelihoods: np.ndarray,
    prior: np.ndarray,
    member: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw frequencies given counts and everybody's model given frequencies: new counts."""
    frequencies = rng.standard_gamma(counts)
    frequencies /= frequencies @ member
    found = np.tile(prior.astype(float), (len(counts), 1))
    every = np.arange(len(counts))
    for likelihood in likelihoods:
        found[every, _categorical(frequencies * likelihood, rng)] += 1
    return found


def _categorical(joint: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one model per row of unnormalised probabilities (draw, model)."""
    ends = np.cumsum(joint, axis=1)
    return (rng.random((len(joint), 1)) * ends[:, -1:] > ends[:, :-1]).sum(axis=1)


def _resampled(weights: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Positions in proportion to their weights (systematic resampling)."""
    places = (rng.random() + np.arange(number)) / number
    ends = np.cumsum(weights)
    return np.searchsorted(ends[:-1] / ends[-1], places)


def responsibilities(evidences: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Probability (participant, model) of each person's model, given everybody's data.

    The mean over draws of frequencies (draw, model) of what follows by Bayes' rule from each.
    """
    likelihoods = np.exp(evidences - evidences.max(axis=1, keepdims=True))
    each = (frequencies * row for row in likelihoods)  # (draw, model) per person
    return np.array([(joint / joint.sum(axis=1, keepdims=True)).mean(axis=0) for joint in each])


def exceedance(counts: np.ndarray) -> np.ndarray:
    r"""Probability (model,) that each frequency of a Dirichlet distribution is the largest.

    Frequencies are independent gamma variables over their sum, so that with their
    densities and distribution functions

    .. math:: p_k = \int f_k(x) \prod_{j \neq k} F_j(x)\, dx

    by quadrature over quantiles at evenly spaced normal scores.

    Examples
    --------
    >>> exceedance(np.array([2.0, 1.0])).round(6)
    array([0.75, 0.25])
    """
    scores = np.linspace(-LARGEST_SCORE, LARGEST_SCORE, NODES)
    weights = softmax(stats.norm.logpdf(scores))
    at = stats.gamma.ppf(stats.norm.cdf(scores)[:, None], counts)  # (node, model): quantiles
    below = stats.gamma.cdf(at[:, :, None], counts)  # (node, model, other)
    own = np.eye(len(counts), dtype=bool)
    return weights @ np.where(own, 1.0, below).prod(axis=2)
