"""What distributions of responses share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.moments.means import _mean
from pymc.distributions.shape_utils import rv_size_is_none

from empathymodels.compiling import in_double_precision

CERTAIN = 9.0  # standard deviations beyond which a normal has less than the last digit of 1
TINY = 1e-300  # stands for 0 where a logarithm is taken
EPSILON = 2.0**-53  # 1 minus this is the largest number below 1


class ResponseDistribution(ABC):
    """A distribution by two functions: how to draw from it, and its log-probability.

    ``Name.dist(...)`` makes an unnamed distribution, for the responses of a model;
    ``Name("name", ..., observed=...)`` adds it to a PyMC model.

    Attributes
    ----------
    use : str
        What it is to be used for, as cards of models say.
    """

    use: ClassVar[str] = ""

    def __new__(cls, name: str, *parameters: Any, **settings: Any) -> Any:
        """Add the distribution to the PyMC model in context."""
        return pm.CustomDist(name, *_doubles(parameters), **cls._functions(), **settings)

    @classmethod
    def dist(cls, *parameters: Any, **settings: Any) -> Any:
        """Return the unnamed distribution, see the class."""
        made = pm.CustomDist.dist(*_doubles(parameters), **cls._functions(), **settings)
        # PyMC's own `mean` then knows it; every CustomDist is a type of its own
        _mean.register(type(made.owner.op), cls._mean_of)
        return made

    @classmethod
    def _functions(cls) -> dict[str, Any]:
        return {"dist": cls._sized_draw, "logp": cls.log_probability, "class_name": cls.__name__}

    @classmethod
    def _sized_draw(cls, *parameters_and_size: Any) -> Any:
        """Draw as many as the largest parameter has: each part must be drawn anew for each."""
        *parameters, size = parameters_and_size
        if rv_size_is_none(size):
            size = pt.broadcast_shape(*parameters)
        return cls.draw(*parameters, size)

    @classmethod
    def _mean_of(cls, op: Any, variable: Any, *inputs: Any) -> Any:
        return cls.mean(*op.dist_params(variable.owner))

    @staticmethod
    def mean(*parameters: Any) -> Any:
        """Return the expected value, where it has a closed form."""
        raise NotImplementedError("no closed form of the mean is known")

    @staticmethod
    @abstractmethod
    def draw(*parameters_and_size: Any) -> Any:
        """Return a symbolic draw; the last argument is its size."""

    @staticmethod
    @abstractmethod
    def log_probability(value: Any, *parameters: Any) -> Any:
        """Return the log-probability (density, mass or both) of a value."""


def _doubles(parameters: Iterable[Any]) -> list[Any]:
    """Make tensors of numbers; PyTensor would keep a plain 10.0, and its logarithm, as float32."""
    tensors = [pt.as_tensor(parameter) for parameter in parameters]
    return [t if t.dtype.startswith("int") else pt.cast(t, "float64") for t in tensors]


def measured(known_error: Any, unexplained: Any) -> Any:
    """Total standard deviation of a value known with a standard error.

    Independent errors add in variance: ``sqrt(unexplained**2 + known_error**2)``. For a
    Student-t response this puts the known (Gaussian) error inside the t's scale, which is an
    approximation: exact for many degrees of freedom, slightly heavy-tailed for few.
    """
    with in_double_precision():
        return pt.sqrt(pt.sqr(unexplained) + pt.sqr(known_error))


def evenly_drawn(size: Any) -> Any:
    """Numbers between 0 and 1, from which others follow.

    ``pm.Bernoulli`` and ``pm.Gumbel`` draw otherwise when interpreted than when compiled.
    """
    return pm.Uniform.dist(0.0, 1.0, size=size)


def where_possible(possible: Any, log_probability: Any) -> Any:
    """Return the log-probability where a value is possible, minus infinity elsewhere."""
    return pt.switch(possible, log_probability, -pt.inf)


def log_sum(terms: list[Any]) -> Any:
    """Log of a sum of exponentials, element by element, without overflow."""
    largest = terms[0]
    for term in terms[1:]:
        largest = pt.maximum(largest, term)
    return largest + pt.log(pt.add(*(pt.exp(term - largest) for term in terms)))


def log_one_minus_exp(x: Any) -> Any:
    """``log(1 - exp(x))`` for negative x, exact near both ends and finite at 0."""
    return pt.log(-pt.expm1(pt.minimum(x, -TINY)))


def with_lapse(log_probability: Any, lapse: Any, options: Any) -> Any:
    """Log-probability of a choice of which a share is made at random among some options.

    Finite, with its slopes, for lapse rates from 0 to 1, both included.
    """
    inside = pt.clip(lapse, TINY, 1 - EPSILON)
    terms = [pt.log1p(-inside) + log_probability, pt.log(inside / options)]
    return pt.switch(pt.gt(lapse, 0), log_sum(terms), log_probability)
