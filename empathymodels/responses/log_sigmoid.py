r"""Log of the logistic function, made for likelihoods that a sampler evaluates with their slope.

.. math:: \log\sigma(x) = \min(x, 0) - \log(1 + e^{-|x|}), \qquad
          \frac{d}{dx}\log\sigma(x) = \sigma(-x)

PyTensor's ``softplus`` chooses between four formulas for each value, and its slope takes another
exponential. Here one formula holds everywhere, and value and slope share the exponential: less
than half the time for both together (`benchmarks/`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
from pytensor.scalar.basic import BinaryScalarOp, ScalarVariable, upgrade_to_float
from pytensor.tensor.elemwise import Elemwise


def log_sigmoid(x: Any) -> Any:
    """Natural logarithm of ``1 / (1 + exp(-x))``, element-wise, exact for any real `x`.

    Examples
    --------
    >>> round(log_sigmoid(0.0).eval().item(), 4)
    -0.6931
    """
    x = pt.cast(x, "float64")
    return _log_sigmoid(x, pt.exp(-abs(x)))


def _value(x: float, e: float) -> float:
    more = 1 + e
    # the last term gives back what rounding 1 + e lost, as log1p would
    return min(x, 0.0) - math.log(more) - (e - (more - 1)) / more


def _slope(x: float, e: float) -> float:
    return (1.0 if x < 0 else e) / (1 + e)


class _OfExponential(BinaryScalarOp):
    """A function of x that is also told ``e = exp(-|x|)``: its slope in x is the whole slope."""

    formula: Callable[[float, float], float]

    def impl(self, x: Any, e: Any) -> Any:
        return np.float64(type(self).formula(float(x), float(e)))


class LogSigmoid(_OfExponential):
    """Logarithm of the logistic function of x."""

    formula = staticmethod(_value)

    def pullback(
        self,
        inputs: Sequence[ScalarVariable],
        outputs: Sequence[ScalarVariable],
        cotangents: Sequence[ScalarVariable],
    ) -> list[Any]:
        """Slope in x; that in the exponential counts as none."""
        return [cotangents[0] * _scalar_slope(*inputs), inputs[1].zeros_like()]


class LogSigmoidSlope(_OfExponential):
    """Slope of `LogSigmoid`: the logistic function of -x."""

    formula = staticmethod(_slope)

    def pullback(
        self,
        inputs: Sequence[ScalarVariable],
        outputs: Sequence[ScalarVariable],
        cotangents: Sequence[ScalarVariable],
    ) -> list[Any]:
        """Slope in x; that in the exponential counts as none."""
        _, e = inputs
        return [-cotangents[0] * e / (1 + e) ** 2, e.zeros_like()]


@register_funcify_and_cache_key(LogSigmoid)
@register_funcify_and_cache_key(LogSigmoidSlope)
def funcify(op: _OfExponential, node: Any = None, **kwargs: Any) -> Any:
    """Give PyTensor's numba linker the formula exactly as it stands: without ``fastmath``.

    The key names the module too, since code in numba's cache finds the formula there.
    """
    kind = type(op)
    return numba_njit(kind.formula, fastmath=False), f"{kind.__module__}.{kind.__qualname__} 1"


_scalar_slope = LogSigmoidSlope(upgrade_to_float, name="log_sigmoid_slope")
_log_sigmoid = Elemwise(LogSigmoid(upgrade_to_float, name="log_sigmoid"))
