"""Ratings recorded in steps, between the ends of their scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.random.basic import NormalRV

from empathymodels.responses.distribution import CERTAIN, ResponseDistribution, where_possible

WITHIN = 1 / np.sqrt(12)  # of a width: standard deviation of what lies anywhere within it
FINEST_MARK = 100  # parts of a scale than which nobody places a mark more precisely
NARROW = 1e-6  # standard deviations; a step of them has its density times its width as probability


class RoundedNormal(ResponseDistribution):
    r"""Normal rating of which the scale records the nearest step, and its ends all beyond them.

    .. math::

        y^* \sim \text{Normal}(\mu, \sigma), \qquad
        P(y) = \begin{cases}
            \Phi\left(\frac{l + r/2 - \mu}{\sigma}\right) & y = l \\
            \Phi\left(\frac{y + r/2 - \mu}{\sigma}\right)
                - \Phi\left(\frac{y - r/2 - \mu}{\sigma}\right) & l < y < h \\
            1 - \Phi\left(\frac{h - r/2 - \mu}{\sigma}\right) & y = h
        \end{cases}

    with the resolution :math:`r`. These are probabilities, at most 1: however small the
    noise, the likelihood stays bounded, as that of a density does not where somebody's ratings
    are met exactly.

    Parameters
    ----------
    mu : tensor_like of float
        Mean of the rating that an endless scale without steps would show; real.
    sigma : tensor_like of float
        Its standard deviation; positive.
    lower, upper : tensor_like of float
        Ends of the scale, in its units.
    resolution : tensor_like of float
        Distance of neighbouring steps, in units of the scale; it divides ``upper - lower``. A
        value between two steps has the probability of the step nearest to it.

    Notes
    -----
    To be used for: ratings in whole numbers, or on a slider that records steps. A response with
    a `range` whose function returns ``pm.Normal.dist`` gets it by itself (see `Response`).

    References
    ----------
    Sheppard (1897), doi:10.1112/plms/s1-29.1.353 (rounding); Tobin (1958), doi:10.2307/1907382
    (ends).

    See Also
    --------
    CensoredNormal : the limit of ever smaller steps; a density between the ends.
    OrderedBeta : ends with shares of their own.

    Examples
    --------
    >>> import pymc as pm
    >>> rating = RoundedNormal.dist(5.0, 1.0, 1.0, 9.0, 1.0)
    >>> float(pm.logp(rating, 5.0).exp().eval()).__round__(4)
    0.3829
    """

    use = "ratings in steps; those at an end stand for all beyond it"

    @staticmethod
    def draw(mu: Any, sigma: Any, lower: Any, upper: Any, resolution: Any, size: Any) -> Any:
        """Draws of a normal at the nearest step, or the nearer end where they are beyond."""
        drawn = pm.Normal.dist(mu, sigma, size=size)
        number, last = _step(drawn, lower, resolution), _step(upper, lower, resolution)
        inside = lower + resolution * pt.maximum(number, 0.0)
        return pt.switch(pt.ge(number, last), upper, inside)

    @staticmethod
    def log_probability(
        value: Any, mu: Any, sigma: Any, lower: Any, upper: Any, resolution: Any
    ) -> Any:
        """Log-probability of the step nearest to a value; minus infinity beyond the ends."""
        possible = pt.and_(pt.ge(value, lower), pt.le(value, upper)) & pt.ge(sigma, 0)
        number = _step(value, lower, resolution)
        at_low, at_high = pt.le(number, 0.0), pt.ge(number, _step(upper, lower, resolution))
        # distance from the mean outward: of an end in its own direction, else in either
        apart = lower + resolution * number - mu
        outward = pt.switch(at_low, -apart, pt.switch(at_high, apart, pt.abs(apart)))
        # tails in units of the normal density at the nearer border, so that none vanishes; the
        # mass of what is further than CERTAIN on the other side of the mean is 1
        near = pt.maximum((outward - resolution / 2) / sigma, -CERTAIN)
        far = (outward + resolution / 2) / sigma
        beyond_far = pt.erfcx(far / np.sqrt(2)) * pt.exp((near - far) * (near + far) / 2)
        at_an_end = pt.or_(at_low, at_high)
        mass = (pt.erfcx(near / np.sqrt(2)) - pt.switch(at_an_end, 0.0, beyond_far)) / 2
        # of a narrow step the two tails are alike to the last digits, and its density will do
        width = resolution / sigma
        narrow = pt.and_(pt.lt(width, NARROW), pt.invert(at_an_end))
        density = width * pt.exp(-(near * width + pt.sqr(width) / 4) / 2) / np.sqrt(2 * np.pi)
        return where_possible(possible, pt.log(pt.switch(narrow, density, mass)) - pt.sqr(near) / 2)

    @staticmethod
    def mean(*parameters: Any) -> Any:
        r"""Lower end plus a step for every border between steps that is passed.

        .. math:: l + r \sum_{k=1}^{(h - l) / r} P\big(y^* > l + (k - \tfrac12)\, r\big)
        """
        mu, sigma, lower, upper, resolution = parameters
        number = _step(upper, lower, resolution)
        borders = lower + resolution * (pt.arange(1, number + 1) - 0.5)
        z = (borders - pt.shape_padright(mu)) / pt.shape_padright(sigma)
        return lower + resolution * (pt.erfc(z / np.sqrt(2)) / 2).sum(axis=-1)


def rounded(distribution: Variable, lower: float, upper: float, resolution: float) -> Variable:
    """Return what a scale with steps records of a distribution.

    This is known of a normal one, with the noise that its scale can tell; any other is returned
    as it is: it has no use for a resolution.
    """
    node = getattr(distribution, "owner", None)
    if node is None or not isinstance(node.op, NormalRV):
        return distribution
    mean, noise = node.op.dist_params(node)
    span = upper - lower
    noise = discernible_noise(noise, grain(resolution, span), span)
    return RoundedNormal.dist(mean, noise, lower, upper, resolution)


def grain(resolution: float, span: float) -> float:
    """Width within which marks on a scale are alike: a step, or the finest that anybody places."""
    return max(resolution, span / FINEST_MARK)


def discernible_noise(noise: Any, alike: Any, span: Any) -> Any:
    r"""Noise of a rating as far as its scale can tell, bounded smoothly from both sides.

    .. math::

        s = \sigma + a \left(1 - \frac{\sigma}{3 a}\right)_+^3
            - \frac{R}{2} \left(x - \tanh x\right), \qquad
        a = \frac{g}{\sqrt{12}}, \quad x = \left(\frac{2 \sigma}{R} - 1\right)_+

    Whatever lies within a grain of width g (see `grain`) counts as the same, with a standard
    deviation of :math:`a`, so ratings say nothing of a smaller noise; and of a noise beyond the
    whole scale of width R that nearly all ratings are at its ends. Without the bounds somebody who
    always gives the same answer would allow a noise of 0, and with it a mean within one step and
    nowhere else, edges on which samplers diverge; and somebody who always rates at one end a
    boundless noise about the mean of everybody else, with half of the ratings at the other end.
    Between 0.87 grains and half of the scale noise is what it is; value, slope and curvature pass
    both borders without a jump.

    Parameters
    ----------
    noise : tensor_like of float
        Standard deviation; not negative, else NaN.
    alike, span : tensor_like of float
        Width within which marks are alike and width of the scale, in the same units; positive.
    """
    noise, half, least = pt.as_tensor_variable(noise), span / 2, alike * WITHIN
    beyond = pt.maximum(noise / half - 1, 0.0)
    bounded = pt.minimum(noise, half) + half * pt.tanh(beyond)
    missing = pt.maximum(1 - bounded / (3 * least), 0.0)
    return pt.switch(pt.lt(noise, 0), np.nan, bounded + least * pt.sqr(missing) * missing)


def _step(value: Any, lower: Any, resolution: Any) -> Any:
    """Number of the step nearest to a value, 0 at the lower end: exact where the value is not."""
    return pt.round((value - lower) / resolution)
