"""Skin conductance responses: none at all, or a positive amplitude."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from empathymodels.responses.distribution import CERTAIN, ResponseDistribution, where_possible
from empathymodels.responses.log_sigmoid import log_sigmoid


class HurdleSquareRoot(ResponseDistribution):
    r"""Amplitude that is zero or whose square root is normal, as skin conductance is analysed.

    .. math::

        P(y > 0) = \sigma(\eta), \qquad
        \sqrt{y} \mid y > 0 \sim \text{Normal}(\mu, \sigma) \text{ above } 0

    The density is that of the amplitude itself, with the Jacobian
    :math:`1 / (2\sqrt{y})`, so that it can be compared with a model of untransformed
    amplitudes.

    Parameters
    ----------
    responds : tensor_like of float
        :math:`\eta`: logit of the probability of any response; real.
    mu : tensor_like of float
        Mean of the square root before truncation; real.
    sigma : tensor_like of float
        Its standard deviation; positive.

    Notes
    -----
    To be used for: skin conductance with zeros. Heavier tails: ``pm.HurdleLogNormal``.

    Examples
    --------
    >>> import pymc as pm
    >>> float(pm.logp(HurdleSquareRoot.dist(0.0, 1.0, 0.5), 0.0).exp().eval()).__round__(3)
    0.5
    """

    use = "skin conductance with zeros"

    @staticmethod
    def draw(responds: Any, mu: Any, sigma: Any, size: Any) -> Any:
        """Zero, or the square of a normal draw above zero."""
        does = pt.gt(pm.Logistic.dist(responds, 1.0, size=size), 0)
        # a share of the probability above zero, from the far end, and where it lies
        share = pm.Uniform.dist(0.0, 1.0, size=size) * pt.erfc(-mu / sigma / np.sqrt(2))
        root = mu + sigma * np.sqrt(2) * pt.erfcinv(share)
        return pt.switch(does, pt.sqr(root), 0.0)

    @staticmethod
    def log_probability(value: Any, responds: Any, mu: Any, sigma: Any) -> Any:
        """Probability of zero, density above, minus infinity below."""
        is_zero = pt.eq(value, 0)
        root = pt.sqrt(pt.switch(pt.gt(value, 0), value, 1.0))
        # both in units of the normal density at 0, or far below the mean where that vanishes
        start = pt.maximum(-mu / sigma, -CERTAIN)
        from_zero = root * (root - 2 * mu) / pt.sqr(sigma)
        from_far = pt.sqr((root - mu) / sigma) - CERTAIN**2
        distance = pt.switch(pt.gt(start, -CERTAIN), from_zero, from_far)
        above_zero = pt.log(sigma * pt.erfcx(start / np.sqrt(2)) * np.sqrt(np.pi / 2))
        density = -distance / 2 - above_zero - pt.log(2 * root)
        logp = pt.switch(is_zero, log_sigmoid(-responds), log_sigmoid(responds) + density)
        return where_possible(pt.ge(value, 0), logp)

    @staticmethod
    def mean(*parameters: Any) -> Any:
        r"""Probability of any response times the mean square of the truncated normal.

        .. math:: \sigma(\eta) \left( \mu^2 + \sigma^2
            + \mu \sigma \frac{\varphi(\mu / \sigma)}{\Phi(\mu / \sigma)} \right)
        """
        responds, mu, sigma = parameters
        z = mu / sigma
        ratio = np.sqrt(2 / np.pi) / pt.erfcx(-z / np.sqrt(2))
        return pt.sigmoid(responds) * (pt.sqr(mu) + pt.sqr(sigma) + mu * sigma * ratio)
