"""Choices between two or more options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymc as pm
import pytensor.tensor as pt

from empathymodels.responses.distribution import (
    ResponseDistribution,
    evenly_drawn,
    log_sum,
    where_possible,
    with_lapse,
)
from empathymodels.responses.log_sigmoid import log_sigmoid
from empathymodels.responses.options import pick


class Choice(ResponseDistribution):
    r"""Choice between two options, coded 0 and 1, from the utility difference.

    .. math:: P(y = 1) = \frac{\ell}{2} + (1 - \ell) \frac{1}{1 + e^{-u}}

    Without a lapse rate the log-probability :math:`\log\sigma\big((2y - 1) u\big)` takes one
    exponential, shared with its slope, and stays exact for any utility.

    Parameters
    ----------
    utility : tensor_like of float
        Utility of option 1 minus utility of option 0, times the inverse temperature; real.
    lapse : tensor_like of float, optional
        Share of choices made at random, in [0, 1]. None unless given.

    Notes
    -----
    To be used for: help or not, engage or avoid, work or rest. A tendency to repeat the last
    choice (stickiness) is a term of the utility.

    Examples
    --------
    >>> import pymc as pm
    >>> float(pm.logp(Choice.dist(0.0), 1).eval()).__round__(4)
    -0.6931
    """

    use = "one of two options, coded 0 and 1"

    @staticmethod
    def draw(utility: Any, *lapse_and_size: Any) -> Any:
        """Option 1 where logistic noise leaves its utility above zero."""
        *lapse, size = lapse_and_size
        chosen = pt.gt(pm.Logistic.dist(utility, 1.0, size=size), 0)
        if lapse:
            lapsed = pt.lt(evenly_drawn(size), lapse[0])
            at_random = pt.lt(evenly_drawn(size), 0.5)
            chosen = pt.switch(lapsed, at_random, chosen)
        return chosen.astype("int64")

    @staticmethod
    def log_probability(value: Any, utility: Any, *lapse: Any) -> Any:
        """Log-probability of choices coded 0 and 1 (any other value: minus infinity)."""
        possible = pt.or_(pt.eq(value, 0), pt.eq(value, 1))
        # not y u + log_sigmoid(-u): that loses the digits of a probability near 1
        logp = log_sigmoid((2 * value - 1) * utility)
        if lapse:
            logp = with_lapse(logp, lapse[0], 2)
        return where_possible(possible, logp)


class SoftmaxChoice(ResponseDistribution):
    r"""Choice among K options, coded 0 to K - 1, from their utilities.

    .. math:: P(y = k) = \frac{\ell}{K} + (1 - \ell) \frac{e^{u_k}}{\sum_j e^{u_j}}

    Sum and :math:`K` go over the options that are offered: all of them, unless said.
    ``SoftmaxChoice.dist([u_0, u_1, u_2], lapse=None, offered=None)``.

    Parameters
    ----------
    utilities : sequence of tensor_like of float
        Utility of every option, times the inverse temperature; real.
    lapse : tensor_like of float, optional
        Share of choices made at random among what is offered, in [0, 1]. None unless given.
    offered : sequence of tensor_like, optional
        For every option, whether it is offered (1) or not (0), by trial. Another one that was
        chosen has probability 0. Each row must offer at least one.

    Notes
    -----
    To be used for: more than two options. Stickiness is a bonus of the option chosen last:
    ``put(options, last, pick(options, last) + parameters.stickiness)``.

    Examples
    --------
    >>> import pymc as pm
    >>> float(pm.logp(SoftmaxChoice.dist([0.0, 0.0, 0.0, 0.0]), 3).exp().eval())
    0.25
    """

    use = "one of several options"

    def __new__(
        cls,
        name: str,
        utilities: Sequence[Any],
        lapse: Any = None,
        offered: Sequence[Any] | None = None,
        **settings: Any,
    ) -> Any:
        """Add the distribution to the PyMC model in context."""
        return super().__new__(cls, name, *_arguments(utilities, lapse, offered), **settings)

    @classmethod
    def dist(
        cls,
        utilities: Sequence[Any],
        lapse: Any = None,
        offered: Sequence[Any] | None = None,
        **settings: Any,
    ) -> Any:
        """Return the unnamed distribution, see the class."""
        return super().dist(*_arguments(utilities, lapse, offered), **settings)

    @staticmethod
    def draw(lapse: Any, *utilities_and_size: Any) -> Any:
        """Option of the highest utility, each with Gumbel noise; of equal ones in a lapse."""
        *utilities, size = utilities_and_size
        lapsed = pt.lt(evenly_drawn(size), lapse)
        equal = [pt.switch(pt.and_(lapsed, _is_offered(u)), 0.0, u) for u in utilities]
        gumbel = [-pt.log(-pt.log(1.0 - evenly_drawn(size))) for _ in equal]
        noisy = [noise + utility for noise, utility in zip(gumbel, equal, strict=True)]
        best, chosen = noisy[0], pt.zeros_like(noisy[0])
        for option, worth in enumerate(noisy[1:], 1):
            chosen = pt.switch(pt.gt(worth, best), option, chosen)
            best = pt.maximum(worth, best)
        return chosen.astype("int64")

    @staticmethod
    def log_probability(value: Any, lapse: Any, *utilities: Any) -> Any:
        """Log-probability of options coded 0 to K - 1 (any other value: minus infinity)."""
        inside = pt.and_(pt.ge(value, 0), pt.lt(value, len(utilities)))
        worth = pick(utilities, value)
        whole = pt.and_(inside, pt.eq(value, pt.floor(value)))
        logp = worth - log_sum(list(utilities))
        if not _is_zero(lapse):
            offered = sum(pt.cast(_is_offered(u), "float64") for u in utilities)
            logp = with_lapse(logp, lapse, offered)
        return where_possible(pt.and_(whole, _is_offered(worth)), logp)


def _arguments(utilities: Sequence[Any], lapse: Any, offered: Sequence[Any] | None) -> list[Any]:
    if len(utilities) < 2:
        raise ValueError(
            f"A choice needs the utilities of at least two options; found {len(utilities)}. Give "
            "a list: SoftmaxChoice.dist([u_0, u_1])."
        )
    if offered is None:
        worths = [pt.as_tensor(u) for u in utilities]
    elif len(offered) == len(utilities):
        pairs = zip(offered, utilities, strict=True)
        worths = [pt.switch(pt.gt(is_offered, 0), u, -pt.inf) for is_offered, u in pairs]
    else:
        raise ValueError(
            f"`offered` must say of each option whether it is offered; found {len(offered)} for "
            f"{len(utilities)} options. Give as many: offered=[1, data.offers_1, ...]."
        )
    return [0.0 if lapse is None else lapse, *worths]


def _is_offered(utility: Any) -> Any:
    return pt.gt(utility, -pt.inf)


def _is_zero(lapse: Any) -> bool:
    return getattr(lapse, "data", None) is not None and not lapse.data.any()
