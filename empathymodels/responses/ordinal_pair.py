"""Two ratings of one trial in ordered categories, whose latent variables correlate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from empathymodels.responses.distribution import (
    ResponseDistribution,
    evenly_drawn,
    log_one_minus_exp,
    where_possible,
)
from empathymodels.responses.likert import Ordinal, category_of, is_category
from empathymodels.responses.options import pick
from empathymodels.responses.slider import log_normal_tail

NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
FARTHEST = 1e6  # standard deviations; a border beyond counts as there
REACH = 50.0  # twice the log of how much rarer a latent is than the likeliest that is counted
LEAST_LEFT = 1e-4  # variance of a latent given the other that a correlation leaves at least


class OrdinalProbit(Ordinal):
    r"""Ordered categories cut from a normal variable (cumulative probit).

    .. math:: P(y \le k) = \Phi(c_k - \eta), \qquad c_1 < \dots < c_{K-1}

    ``OrdinalProbit.dist(location, cutpoints, lowest=1)``: by itself, or the first of a pair of
    ratings of which `OrdinalGiven` is the second.

    Parameters
    ----------
    location : tensor_like of float
        :math:`\eta`; real.
    cutpoints : sequence of tensor_like of float
        The K - 1 borders between neighbouring categories, rising; see `thresholds`.
    lowest : int
        Number of the lowest category.

    See Also
    --------
    Ordinal : The same of a logistic variable.

    References
    ----------
    McCullagh (1980), doi:10.1111/j.2517-6161.1980.tb01109.x.

    Examples
    --------
    >>> import pymc as pm
    >>> float(pm.logp(OrdinalProbit.dist(0.0, [-1.0, 1.0]), 2).exp().eval()).__round__(3)
    0.683
    """

    use = "Likert items of few steps, by themselves or as the first of two ratings of a trial"

    @staticmethod
    def draw(lowest: Any, location: Any, *cutpoints_and_size: Any) -> Any:
        """Category whose borders normal noise around the location falls between."""
        *cutpoints, size = cutpoints_and_size
        return category_of(pm.Normal.dist(location, 1.0, size=size), lowest, cutpoints)

    @staticmethod
    def log_probability(value: Any, lowest: Any, location: Any, *cutpoints: Any) -> Any:
        """Log-probability of categories (any other value: minus infinity)."""
        low, high = _borders(value - lowest, cutpoints)
        logp = log_normal_between(low - location, high - location)
        return where_possible(is_category(value - lowest, cutpoints), logp)


class OrdinalGiven(ResponseDistribution):
    r"""The second of two ratings of one trial in ordered categories, given the first.

    Both are cut from normal variables that correlate, so that the pair has the probability of a
    rectangle under a bivariate normal; over that of the first rating alone it is

    .. math::

        P(y_2 \mid y_1) = \int w(z) \left[
            \Phi\left(\frac{c_{y_2} - \eta_2 - \rho z}{\sqrt{1 - \rho^2}}\right)
            - \Phi\left(\frac{c_{y_2 - 1} - \eta_2 - \rho z}{\sqrt{1 - \rho^2}}\right)
        \right] dz

    with the density :math:`w` of the first latent's deviation where its category says that it is.
    ``OrdinalGiven.dist(location, cutpoints, other=..., other_location=..., other_cutpoints=...,
    correlation=..., lowest=1)``.

    Parameters
    ----------
    location : tensor_like of float
        :math:`\eta_2`; real.
    cutpoints : sequence of tensor_like of float
        The borders between neighbouring categories of this rating, rising; see `thresholds`.
    other : tensor_like
        The first rating, such as ``data.pleasant``, whose distribution is `OrdinalProbit`.
    other_location, other_cutpoints
        Location and cutpoints of that.
    correlation : tensor_like of float
        :math:`\rho` of the two latents beyond what their locations share, between -1 and 1.
    lowest : int
        Number of the lowest category, of both.

    Notes
    -----
    To be used for: two ratings of one trial that share more than the model says of either. Which
    one is called the first makes no difference to the pair; where it is missing the other is not
    scored. The integral is a sum over 40 points that add up to 1, so that the probabilities of all
    categories always do. Up to a correlation of 0.9 its error is below 1e-8; it grows to 1e-3 at
    0.99, where two ratings are hardly two.

    References
    ----------
    Olsson (1979), doi:10.1007/BF02296207 (polychoric correlation).

    Examples
    --------
    >>> import pymc as pm
    >>> cut = [-1.0, 1.0]
    >>> second = OrdinalGiven.dist(
    ...     0.0, cut, other=3, other_location=0.0, other_cutpoints=cut, correlation=0.6
    ... )
    >>> float(pm.logp(second, 3).exp().eval()).__round__(3)
    0.457
    """

    use = "the second of two ratings of one trial, correlated with the first"

    def __new__(cls, name: str, location: Any, cutpoints: Sequence[Any], **given: Any) -> Any:
        """Add the distribution to the PyMC model in context."""
        numbers, settings = _given(**given)
        return super().__new__(cls, name, *numbers, location, *cutpoints, **settings)

    @classmethod
    def dist(cls, location: Any, cutpoints: Sequence[Any], **given: Any) -> Any:
        """Return the unnamed distribution, see the class."""
        numbers, settings = _given(**given)
        return super().dist(*numbers, location, *cutpoints, **settings)

    @staticmethod
    def draw(
        lowest: Any, low: Any, high: Any, correlation: Any, location: Any, *cutpoints_and_size: Any
    ) -> Any:
        """Category of a latent, given a draw of the other where that one's category has it."""
        *cutpoints, size = cutpoints_and_size
        # the distribution function has digits below 0 only, so the interval is looked at from there
        side = pt.switch(pt.gt(low + high, 0), -1.0, 1.0)
        nearest, farthest = pt.switch(side < 0, -high, low), pt.switch(side < 0, -low, high)
        below = [pt.erfc(-end / np.sqrt(2)) / 2 for end in (nearest, farthest)]
        z = -np.sqrt(2) * pt.erfcinv(2 * (below[0] + evenly_drawn(size) * (below[1] - below[0])))
        first = side * pt.clip(z, *_reachable(nearest, farthest))
        noise = pm.Normal.dist(0.0, _left(correlation), size=size)
        return category_of(location + correlation * first + noise, lowest, cutpoints)

    @staticmethod
    def log_probability(
        value: Any,
        lowest: Any,
        low: Any,
        high: Any,
        correlation: Any,
        location: Any,
        *cutpoints: Any,
    ) -> Any:
        """Log-probability of categories (any other value: minus infinity)."""
        # (…, node)
        start, end, along = map(pt.shape_padright, (*_reachable(low, high), correlation))
        z = (start + end) / 2 + (end - start) / 2 * NODES
        alone = np.log(WEIGHTS) - pt.sqr(z) / 2
        ends = (
            (pt.shape_padright(border - location) - along * z) / _left(along)
            for border in _borders(value - lowest, cutpoints)
        )
        joint = alone + log_normal_between(*ends)
        logp = pt.logsumexp(joint, axis=-1) - pt.logsumexp(alone, axis=-1)
        return where_possible(is_category(value - lowest, cutpoints), logp)


def log_normal_between(low: Any, high: Any) -> Any:
    """Log of the probability that a standard normal lies between two numbers, low < high.

    Finite, with its slopes, however far out they are; beyond `FARTHEST` they count as there.
    """
    low, high = (pt.clip(end, -FARTHEST, FARTHEST) for end in (low, high))
    is_below = pt.lt(low + high, 0)  # the tails that are subtracted are those of the other side
    near = log_normal_tail(pt.switch(is_below, -high, low))
    far = log_normal_tail(pt.switch(is_below, -low, high))
    return near + log_one_minus_exp(far - near)


def _given(
    *,
    other: Any,
    other_location: Any,
    other_cutpoints: Sequence[Any],
    correlation: Any,
    lowest: int = 1,
    **settings: Any,
) -> tuple[list[Any], dict[str, Any]]:
    """Return what is known of the second rating's latent, and settings of the distribution."""
    ends = _borders(pt.as_tensor(other) - lowest, [pt.as_tensor(c) for c in other_cutpoints])
    low, high = (pt.clip(end - other_location, -FARTHEST, FARTHEST) for end in ends)
    return [lowest, low, high, correlation], settings


def _borders(category: Any, cutpoints: Sequence[Any]) -> list[Any]:
    """Lower and upper border of a category, counted from 0."""
    ends = [-2 * FARTHEST, *cutpoints, 2 * FARTHEST]
    return [pick(tuple(ends[:-1]), category), pick(tuple(ends[1:]), category)]


def _reachable(low: Any, high: Any) -> tuple[Any, Any]:
    """Ends of that part of an interval in which a standard normal is not too rare to count."""
    start = pt.maximum(low, -pt.sqrt(pt.sqr(pt.minimum(high, 0.0)) + REACH))
    end = pt.minimum(high, pt.sqrt(pt.sqr(pt.maximum(low, 0.0)) + REACH))
    return start, end


def _left(correlation: Any) -> Any:
    """Standard deviation of a latent given the other one."""
    return pt.sqrt(pt.maximum(1 - pt.sqr(correlation), LEAST_LEFT))
