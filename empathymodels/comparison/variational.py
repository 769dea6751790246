"""The published approximation to how frequent models are: one Dirichlet distribution."""

from __future__ import annotations

import numpy as np
from scipy import optimize
from scipy.special import digamma, gammaln, logsumexp, polygamma, softmax


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
