r"""How frequent models are among people, given what each model makes of everybody's data.

With log evidences :math:`L_{sk}` of person s under model k, frequencies r of the models in the
population, and the model :math:`m_s` that a person's data come from,

.. math::

    r \sim \text{Dirichlet}(\alpha), \quad m_s \sim \text{Categorical}(r), \quad
    p(y_s \mid m_s = k) = \exp L_{sk}

The posterior of r is a mixture of Dirichlet distributions over all ways to assign people to
models. `sample` draws from it, `variational` is the published approximation by a single one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats
from scipy.special import digamma, gammaln, logsumexp, polygamma, softmax

type Predictive = Callable[[np.ndarray], np.ndarray]
FEWEST_EFFECTIVE = 0.5  # share of the draws below which the weights are evened out
NODES, LARGEST_SCORE = 400, 7.0  # normal scores of quadrature; 1e-12 lies beyond


@dataclass(frozen=True, eq=False)
class Frequencies:
    """Draws of the posterior, and the evidence of all data.

    Parameters
    ----------
    counts : array (draw, model)
        Given a draw, frequencies have a Dirichlet distribution with these counts: those of the
        prior plus the people assigned to each model.
    log_evidence : float
        Log probability of everybody's data, frequencies and assignments integrated out.
    """

    counts: np.ndarray
    log_evidence: float


def unequal(counts: np.ndarray) -> np.ndarray:
    """Probability (draw, model) of the next person's model, where any frequencies are possible."""
    return counts / counts.sum(axis=1, keepdims=True)


def equal_families(family: np.ndarray) -> Predictive:
    """Return that probability where all families are equally frequent; unequal within them.

    Models that each are a family of their own are then equally frequent.
    """
    member = np.equal.outer(family, np.unique(family)).astype(float)  # (model, family)
    return lambda counts: counts / (counts @ member @ member.T) / member.shape[1]


def sample(
    evidences: np.ndarray, prior: np.ndarray, predictive: Predictive, *, draws: int, seed: int
) -> Frequencies:
    """Draw from the posterior by assigning one person after the other, in many draws at a time.

    Given the people before, the probability of a person's data is known exactly; draws under
    which they are probable are kept, by their weight. No chain has to converge.

    Parameters
    ----------
    evidences : array (participant, model)
        Log evidences.
    prior : array (model,)
        Counts of the Dirichlet prior.
    predictive : function
        From counts (draw, model) to the next person's probabilities: `unequal`, for example.
    draws, seed : int
        How many draws; the seed of their random numbers.
    """
    rng = np.random.default_rng(seed)
    counts = np.tile(prior.astype(float), (draws, 1))
    log_weights, log_evidence = np.zeros(draws), 0.0
    largest = evidences.max(axis=1)
    for likelihoods in np.exp(evidences - largest[:, None]):
        joint = predictive(counts) * likelihoods  # (draw, model)
        log_weights += np.log(joint.sum(axis=1))
        if _effective(log_weights) < FEWEST_EFFECTIVE * draws:
            kept = _kept(log_weights, rng)
            counts, joint = counts[kept], joint[kept]
            log_evidence += logsumexp(log_weights) - np.log(draws)
            log_weights = np.zeros(draws)
        counts[np.arange(draws), _drawn(joint, rng)] += 1
    log_evidence += logsumexp(log_weights) - np.log(draws) + largest.sum()
    return Frequencies(counts[_kept(log_weights, rng)], float(log_evidence))


def _effective(log_weights: np.ndarray) -> float:
    return float(1 / np.square(softmax(log_weights)).sum())


def _kept(log_weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions of draws in proportion to their weights (systematic resampling)."""
    places = (rng.random() + np.arange(len(log_weights))) / len(log_weights)
    ends = np.cumsum(softmax(log_weights))
    return np.searchsorted(ends[:-1], places)


def _drawn(joint: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one model per row of unnormalised probabilities (draw, model)."""
    ends = np.cumsum(joint, axis=1)
    return (rng.random((len(joint), 1)) * ends[:, -1:] > ends[:, :-1]).sum(axis=1)


def frequency_draws(counts: np.ndarray, *, seed: int) -> np.ndarray:
    """Draw frequencies (draw, model), one set for each draw of counts."""
    values = np.random.default_rng(seed).standard_gamma(counts)
    return values / values.sum(axis=1, keepdims=True)


def responsibilities(evidences: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Probability (participant, model) of each person's model, given everybody's data.

    The mean over draws of frequencies (draw, model) of what follows by Bayes' rule from each.
    """
    likelihoods = np.exp(evidences - evidences.max(axis=1, keepdims=True))
    each = (frequencies * row for row in likelihoods)  # (draw, model) per person
    return np.array([(joint / joint.sum(axis=1, keepdims=True)).mean(axis=0) for joint in each])


# ----------------------------------------------------------- the variational approximation


def variational(evidences: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, float]:
    r"""Approximate the posterior of the frequencies by one Dirichlet distribution.

    Its counts :math:`\alpha` and the assignments :math:`g_{sk}` solve

    .. math::

        g_{sk} \propto \exp(L_{sk} + \psi(\alpha_k) - \psi(\textstyle\sum_j \alpha_j)), \qquad
        \alpha_k = \alpha_{0k} + \textstyle\sum_s g_{sk}

    where a lower bound of the log evidence is largest.

    Parameters
    ----------
    evidences : array (participant, model)
        Log evidences.
    prior : array (model,)
        Counts of the Dirichlet prior.

    Returns
    -------
    counts : array (model,)
        Counts of the Dirichlet distribution.
    bound : float
        The bound of the log evidence ("free energy").

    References
    ----------
    Stephan, Penny, Daunizeau, Moran & Friston (2009), doi:10.1016/j.neuroimage.2009.03.025.
    """

    def losses(log_counts: np.ndarray) -> tuple[float, np.ndarray]:
        counts = np.exp(log_counts)
        bound, updated = _bound(evidences, prior, counts)
        apart = updated - counts  # zero where the equations are solved
        slope = apart * polygamma(1, counts) - apart.sum() * polygamma(1, counts.sum())
        return -bound, -slope * counts

    start = prior + softmax(evidences, axis=1).sum(axis=0)
    found = optimize.minimize(
        losses, np.log(start), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9}
    )
    counts = np.exp(found.x)
    for _ in range(20):  # settles the last digits where evidences are strong
        counts = _bound(evidences, prior, counts)[1]
    return counts, _bound(evidences, prior, counts)[0]


def _bound(
    evidences: np.ndarray, prior: np.ndarray, counts: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the bound at some counts, with the best assignments, and the counts they give."""
    expected = digamma(counts) - digamma(counts.sum())  # of log frequencies
    joint = evidences + expected
    divergence = _log_beta(prior) - _log_beta(counts) + (counts - prior) @ expected
    bound = logsumexp(joint, axis=1).sum() - divergence
    return float(bound), prior + softmax(joint, axis=1).sum(axis=0)


def _log_beta(counts: np.ndarray) -> float:
    return float(gammaln(counts).sum() - gammaln(counts.sum()))


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
