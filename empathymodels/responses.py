"""Distributions that responses need and PyMC does not have (or has in a slower form)."""

from __future__ import annotations

from typing import Any

import pytensor.tensor as pt
from pymc.distributions.distribution import Discrete, SymbolicRandomVariable
from pymc.distributions.shape_utils import rv_size_is_none
from pymc.logprob.abstract import _logprob
from pymc.pytensorf import normalize_rng_param
from pytensor.graph.basic import Variable
from pytensor.tensor.random.utils import normalize_size_param

from empathymodels.logistic import log_sigmoid


class ChoiceRV(SymbolicRandomVariable):
    """Random variable behind :class:`Choice`: a Bernoulli draw on the logit scale."""

    name = "choice"
    extended_signature = "[rng],[size],()->[rng],()"
    _print_name = ("Choice", "\\operatorname{Choice}")

    @classmethod
    def rv_op(cls, utility: Any, *, size: Any = None, rng: Any = None) -> Variable:
        utility = pt.as_tensor(utility)
        rng, size = normalize_rng_param(rng), normalize_size_param(size)
        shape = utility.shape if rv_size_is_none(size) else size
        next_rng, uniform = pt.random.uniform(size=shape, rng=rng, return_next_rng=True)
        # logistic noise below the utility: P(choice = 1) = 1 / (1 + exp(-utility))
        draws = pt.lt(pt.log(uniform) - pt.log1p(-uniform), utility).astype("int64")
        return cls(inputs=[rng, size, utility], outputs=[next_rng, draws])(rng, size, utility)


class Choice(Discrete):
    r"""Choice between two options, coded 0 and 1, from the utility difference.

    .. math:: P(y = 1) = \frac{1}{1 + e^{-u}}, \qquad
              \log P(y) = \log\sigma\big((2y - 1) u\big)

    The log-probability takes one exponential, shared with its slope, and stays exact for any
    utility.

    Parameters
    ----------
    utility : tensor_like of float
        Utility of option 1 minus utility of option 0, times the inverse temperature; real.

    Examples
    --------
    >>> import pymc as pm
    >>> float(pm.logp(Choice.dist(0.0), 1).eval()).__round__(4)
    -0.6931
    """

    rv_type = ChoiceRV
    rv_op = ChoiceRV.rv_op

    @classmethod
    def dist(cls, utility: Any, **kwargs: Any) -> Any:
        """Return the unnamed distribution, see the class."""
        return super().dist([pt.as_tensor(utility)], **kwargs)


@_logprob.register(ChoiceRV)
def choice_logprob(op: ChoiceRV, values: Any, *inputs: Any, **kwargs: Any) -> Any:
    """Log-probability of choices coded 0 and 1 (any other value: minus infinity)."""
    (value,), utility = values, inputs[-1]
    possible = pt.or_(pt.eq(value, 0), pt.eq(value, 1))
    # not y u + log_sigmoid(-u): that loses the digits of a probability near 1
    return pt.switch(possible, log_sigmoid((2 * value - 1) * utility), -pt.inf)


def measured(known_error: Any, unexplained: Any) -> Any:
    """Total standard deviation of a value known with a standard error.

    Independent errors add in variance: ``sqrt(unexplained**2 + known_error**2)``. For a
    Student-t response this puts the known (Gaussian) error inside the t's scale, which is an
    approximation: exact for many degrees of freedom, slightly heavy-tailed for few.
    """
    return pt.sqrt(pt.sqr(unexplained) + pt.sqr(known_error))
