"""Ratings on a slider, whose ends many people choose exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from empathymodels.responses.distribution import (
    ResponseDistribution,
    log_one_minus_exp,
    where_possible,
)
from empathymodels.responses.log_sigmoid import log_sigmoid


class CensoredNormal(ResponseDistribution):
    r"""Normal rating of which the scale shows only what lies between its ends.

    .. math::

        y^* \sim \text{Normal}(\mu, \sigma), \qquad y = \min(\max(y^*, l), h)

    A rating at an end has the probability of everything beyond it.

    Parameters
    ----------
    mu : tensor_like of float
        Mean of the rating that a scale without ends would show.
    sigma : tensor_like of float
        Its standard deviation; positive.
    lower, upper : tensor_like of float
        Ends of the scale, in its units.

    Notes
    -----
    To be used for: ratings that pile up at an end because the scale stops there. If the share
    of ratings at an end does not go with the ratings near it, use `OrderedBeta`.

    References
    ----------
    Tobin (1958), doi:10.2307/1907382.

    Examples
    --------
    >>> import pymc as pm
    >>> float(pm.logp(CensoredNormal.dist(0.0, 1.0, 0.0, 10.0), 0.0).exp().eval()).__round__(3)
    0.5
    """

    use = "ratings without steps that pile up at an end because the scale stops there"

    @staticmethod
    def draw(mu: Any, sigma: Any, lower: Any, upper: Any, size: Any) -> Any:
        """Draws of a normal, moved to the nearer end where they are beyond."""
        return pt.clip(pm.Normal.dist(mu, sigma, size=size), lower, upper)

    @staticmethod
    def log_probability(value: Any, mu: Any, sigma: Any, lower: Any, upper: Any) -> Any:
        """Density between the ends, probability at them, minus infinity beyond."""
        z = (value - mu) / sigma
        inside = -0.5 * pt.sqr(z) - pt.log(sigma) - 0.5 * np.log(2 * np.pi)
        at_low = pt.eq(value, lower)
        # one tail probability serves both ends: of the distance outward
        beyond = log_normal_tail(pt.switch(at_low, -z, z))
        at_an_end = pt.or_(at_low, pt.eq(value, upper))
        possible = pt.and_(pt.ge(value, lower), pt.le(value, upper))
        return where_possible(possible, pt.switch(at_an_end, beyond, inside))

    @staticmethod
    def mean(*parameters: Any) -> Any:
        r"""Both ends with their probabilities, and the normal's mean between them.

        .. math::

            l\,\Phi(a) + h\,(1 - \Phi(b)) + \mu\,(\Phi(b) - \Phi(a))
                + \sigma\,(\varphi(a) - \varphi(b)), \qquad
            a = \frac{l - \mu}{\sigma},\; b = \frac{h - \mu}{\sigma}
        """
        mu, sigma, lower, upper = parameters
        a, b = (lower - mu) / sigma, (upper - mu) / sigma
        below, above = pt.erfc(-a / np.sqrt(2)) / 2, pt.erfc(b / np.sqrt(2)) / 2
        slope = (pt.exp(-pt.sqr(a) / 2) - pt.exp(-pt.sqr(b) / 2)) / np.sqrt(2 * np.pi)
        between = mu * (1 - below - above) + sigma * slope
        return lower * below + upper * above + between


def log_normal_tail(z: Any) -> Any:
    """Log of the probability that a standard normal exceeds z."""
    far = pt.gt(z, 0.0)
    # the branch that is not taken gets an argument at which it is harmless
    upper = pt.log(pt.erfcx(pt.switch(far, z, 0.0) / np.sqrt(2)) / 2) - pt.sqr(z) / 2
    lower = pt.log1p(-pt.erfc(-pt.switch(far, 0.0, z) / np.sqrt(2)) / 2)
    return pt.switch(far, upper, lower)


class OrderedBeta(ResponseDistribution):
    r"""Slider rating with its own share at either end, and a beta distribution between them.

    .. math::

        P(y = l) &= 1 - \sigma(\eta - c_1) \\
        P(y = h) &= \sigma(\eta - c_2) \\
        \frac{y - l}{h - l} \mid l < y < h &\sim
            \text{Beta}\big(\sigma(\eta)\,\phi,\; (1 - \sigma(\eta))\,\phi\big)

    One location moves all three: whoever rates higher also reaches the upper end more often.

    Parameters
    ----------
    location : tensor_like of float
        :math:`\eta`, on the logit scale; real.
    precision : tensor_like of float
        :math:`\phi`; positive. Ratings between the ends spread less where it is larger.
    low_cut, high_cut : tensor_like of float
        :math:`c_1 < c_2`, on the scale of the location. Far apart: few ratings at the ends.
    lower, upper : tensor_like of float
        Ends of the scale, in its units (0 and 1 unless given). The density is per unit of the
        scale, so that it can be compared with that of other distributions.

    Notes
    -----
    To be used for: sliders with many ratings exactly at 0 or 100.

    References
    ----------
    Kubinec (2023), Political Analysis 31:519-536, doi:10.1017/pan.2022.20.

    Examples
    --------
    >>> import pymc as pm
    >>> rating = OrderedBeta.dist(0.0, 5.0, -2.0, 2.0, 0.0, 100.0)
    >>> float(pm.logp(rating, 0.0).exp().eval()).__round__(3)
    0.119
    """

    use = "sliders whose ends have shares of their own"

    def __new__(
        cls,
        name: str,
        location: Any,
        precision: Any,
        low_cut: Any,
        high_cut: Any,
        lower: Any = 0.0,
        upper: Any = 1.0,
        **settings: Any,
    ) -> Any:
        """Add the distribution to the PyMC model in context."""
        given = (location, precision, low_cut, high_cut, lower, upper)
        return super().__new__(cls, name, *given, **settings)

    @classmethod
    def dist(
        cls,
        location: Any,
        precision: Any,
        low_cut: Any,
        high_cut: Any,
        lower: Any = 0.0,
        upper: Any = 1.0,
        **settings: Any,
    ) -> Any:
        """Return the unnamed distribution, see the class."""
        return super().dist(location, precision, low_cut, high_cut, lower, upper, **settings)

    @staticmethod
    def draw(
        location: Any, precision: Any, low: Any, high: Any, lower: Any, upper: Any, size: Any
    ) -> Any:
        """An end where logistic noise is beyond a cut, else a beta draw."""
        mean = pt.sigmoid(location)
        between = pm.Beta.dist(mean * precision, (1 - mean) * precision, size=size)
        # a beta draw may round to 0 or 1, which would count as an end
        between = pt.clip(between, 1e-12, 1 - 1e-12)
        noisy = pm.Logistic.dist(location, 1.0, size=size)
        share = pt.switch(pt.lt(noisy, low), 0.0, pt.switch(pt.gt(noisy, high), 1.0, between))
        return lower + (upper - lower) * share

    @staticmethod
    def log_probability(
        value: Any, location: Any, precision: Any, low: Any, high: Any, lower: Any, upper: Any
    ) -> Any:
        """Density between the ends, probability at them, minus infinity beyond."""
        at_low, at_high = pt.eq(value, lower), pt.eq(value, upper)
        inside = pt.and_(pt.gt(value, lower), pt.lt(value, upper))
        share = pt.switch(inside, (value - lower) / (upper - lower), 0.5)
        a, b = pt.sigmoid(location) * precision, pt.sigmoid(-location) * precision
        # gamma(a) = gamma(a + 1) / a, and log(a) is finite where a itself vanishes
        log_a_and_b = log_sigmoid(location) + log_sigmoid(-location) + 2 * pt.log(precision)
        density = (
            (a - 1) * pt.log(share)
            + (b - 1) * pt.log1p(-share)
            + pt.gammaln(precision + 1)
            - pt.log(precision)
            - pt.gammaln(a + 1)
            - pt.gammaln(b + 1)
            + log_a_and_b
            - pt.log(upper - lower)
        )
        # sigmoid(h) - sigmoid(l) = sigmoid(h) sigmoid(-l) (1 - exp(l - h)), without loss of digits
        above, below = location - low, high - location
        log_above, log_below = log_sigmoid(above), log_sigmoid(below)
        log_between = log_above + log_below + log_one_minus_exp(low - high)
        at_an_end = pt.switch(at_low, log_above - above, log_below - below)
        possible = pt.or_(inside, pt.or_(at_low, at_high))
        return where_possible(possible, pt.switch(inside, density + log_between, at_an_end))

    @staticmethod
    def mean(*parameters: Any) -> Any:
        """The upper end with its share, and the beta's mean with the share between the ends."""
        location, _, low, high, lower, upper = parameters
        at_high, above_low = pt.sigmoid(location - high), pt.sigmoid(location - low)
        share = at_high + (above_low - at_high) * pt.sigmoid(location)
        return lower + (upper - lower) * share
