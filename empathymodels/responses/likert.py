"""Ratings in a few ordered categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymc as pm
import pytensor.tensor as pt

from empathymodels.responses.distribution import (
    ResponseDistribution,
    log_one_minus_exp,
    where_possible,
)
from empathymodels.responses.log_sigmoid import log_sigmoid


class Ordinal(ResponseDistribution):
    r"""Ordered categories cut from a logistic variable (cumulative logit).

    .. math:: P(y \le k) = \frac{1}{1 + e^{-(c_k - \eta)}}, \qquad c_1 < \dots < c_{K-1}

    ``Ordinal.dist(location, cutpoints, lowest=1)``.

    Parameters
    ----------
    location : tensor_like of float
        :math:`\eta`; real.
    cutpoints : sequence of tensor_like of float
        The K - 1 borders between neighbouring categories, rising; see `thresholds`.
    lowest : int
        Number of the lowest category.

    Notes
    -----
    To be used for: Likert items and other ratings with few steps, whose distances nobody knows.

    References
    ----------
    McCullagh (1980), doi:10.1111/j.2517-6161.1980.tb01109.x.

    Examples
    --------
    >>> import pymc as pm
    >>> float(pm.logp(Ordinal.dist(0.0, [-1.0, 1.0]), 2).exp().eval()).__round__(3)
    0.462
    """

    use = "Likert items of few steps"

    def __new__(
        cls, name: str, location: Any, cutpoints: Sequence[Any], lowest: int = 1, **settings: Any
    ) -> Any:
        """Add the distribution to the PyMC model in context."""
        return super().__new__(cls, name, lowest, location, *cutpoints, **settings)

    @classmethod
    def dist(cls, location: Any, cutpoints: Sequence[Any], lowest: int = 1, **settings: Any) -> Any:
        """Return the unnamed distribution, see the class."""
        return super().dist(lowest, location, *cutpoints, **settings)

    @staticmethod
    def draw(lowest: Any, location: Any, *cutpoints_and_size: Any) -> Any:
        """Category whose borders logistic noise around the location falls between."""
        *cutpoints, size = cutpoints_and_size
        return category_of(pm.Logistic.dist(location, 1.0, size=size), lowest, cutpoints)

    @staticmethod
    def log_probability(value: Any, lowest: Any, location: Any, *cutpoints: Any) -> Any:
        """Log-probability of categories (any other value: minus infinity)."""
        category, last = value - lowest, len(cutpoints)
        logp = log_sigmoid(cutpoints[0] - location)
        for k in range(1, last):
            between = log_sigmoid_between(cutpoints[k - 1] - location, cutpoints[k] - location)
            logp = pt.switch(pt.eq(category, k), between, logp)
        logp = pt.switch(pt.eq(category, last), log_sigmoid(location - cutpoints[-1]), logp)
        return where_possible(is_category(category, cutpoints), logp)


def category_of(latent: Any, lowest: Any, cutpoints: Sequence[Any]) -> Any:
    """Category that a value falls into."""
    passed = [pt.gt(latent, cutpoint).astype("int64") for cutpoint in cutpoints]
    return (lowest + sum(passed)).astype("int64")


def is_category(category: Any, cutpoints: Sequence[Any]) -> Any:
    """Whether a number, counted from 0, is one of the categories."""
    inside = pt.and_(pt.ge(category, 0), pt.le(category, len(cutpoints)))
    return pt.and_(inside, pt.eq(category, pt.floor(category)))


def thresholds(first: Any, *steps: Any) -> list[Any]:
    """Rising cutpoints from the first one and the (positive) steps to the following.

    Examples
    --------
    >>> thresholds(-1.5, 1.0, 2.0)
    [-1.5, -0.5, 1.5]
    """
    cutpoints = [first]
    for step in steps:
        cutpoints.append(cutpoints[-1] + step)
    return cutpoints


def log_sigmoid_between(low: Any, high: Any) -> Any:
    r"""``log(sigmoid(high) - sigmoid(low))`` for low < high, without loss of digits.

    :math:`\sigma(h) - \sigma(l) = \sigma(h)\,\sigma(-l)\,(1 - e^{l - h})`.
    """
    return log_sigmoid(high) + log_sigmoid(-low) + log_one_minus_exp(low - high)
