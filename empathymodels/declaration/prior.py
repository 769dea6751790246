"""Prior: a distribution by its name, refused in plain words where it is none."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from inspect import signature
from numbers import Real
from typing import Any

import pymc as pm
import pymc_extras.prior

from empathymodels.messages import did_you_mean, listed

OPTIONS = ("dims", "centered", "transform", "core_dims")  # which are no numbers of a distribution
USUAL = ("Normal", "HalfNormal", "StudentT", "Exponential", "Gamma", "Beta", "LogNormal", "Uniform")
EXAMPLE = 'Prior("Normal", mu=0, sigma=1)'


class Prior(pymc_extras.prior.Prior):
    """A distribution of PyMC, by its name and its numbers.

    It is the `Prior` of `pymc_extras`, which may be given in its place. The prior of a parameter is
    one on the link scale.

    Parameters
    ----------
    distribution : str
        Name of the distribution, as PyMC has it: ``"Normal"``, ``"HalfNormal"``.
    **numbers
        Its arguments by name, each a number or another prior.

    Raises
    ------
    TypeError
        The distribution is no text, or something is no number.
    ValueError
        There is no such distribution, or it has no such arguments, or lacks one.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.Prior("Normal", mu=-1, sigma=0.5)
    Prior("Normal", mu=-1, sigma=0.5)
    >>> em.Prior("Normal", mu=-1, sigm=0.5)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: Arguments of a Normal are 'mu', 'sigma', 'tau'; found 'sigm' in ...
    """

    def __init__(self, distribution: str, *unnamed: Any, **numbers: Any) -> None:
        given = {name: value for name, value in numbers.items() if name not in OPTIONS}
        _check_name(distribution)
        _check_arguments(distribution, unnamed, given)
        _check_numbers(distribution, given)
        try:
            super().__init__(distribution, **numbers)
        except pymc_extras.prior.UnknownTransformError as fault:
            raise ValueError(
                "The transform of a prior must be a function of PyTensor, such as 'sigmoid' or "
                f"'exp'; found {numbers.get('transform')!r}. Correct the name."
            ) from fault
        if all(isinstance(value, Real) for value in given.values()):
            _check_whole(distribution, given)


def written(distribution: object, given: Mapping[str, Any], unnamed: tuple[Any, ...] = ()) -> str:
    """Return a prior as somebody wrote it."""
    numbers = [repr(value) for value in unnamed]
    numbers += [f"{name}={value!r}" for name, value in given.items()]
    name = f'"{distribution}"' if isinstance(distribution, str) else repr(distribution)
    return f"Prior({', '.join([name, *numbers])})"


def arguments_of(distribution: str) -> list[str]:
    """Return the names of a distribution's numbers."""
    names = signature(getattr(pm, distribution).dist).parameters
    return [name for name in names if name not in ("args", "kwargs", *OPTIONS)]


@cache
def _distributions() -> tuple[str, ...]:
    every = {name: getattr(pm, name) for name in dir(pm) if name[:1].isupper()}
    kind = pm.Distribution
    return tuple(n for n, one in every.items() if isinstance(one, type) and issubclass(one, kind))


def _check_name(distribution: object) -> None:
    if not isinstance(distribution, str):
        raise TypeError(
            "The distribution of a prior must be its name, in quotation marks; found "
            f"{distribution!r}. Write for example {EXAMPLE}."
        )
    if distribution not in _distributions():
        raise ValueError(
            f"The distribution of a prior must be one that PyMC has, such as {listed(USUAL)}; "
            f"found '{distribution}'. Write for example {EXAMPLE}."
            + did_you_mean(distribution, _distributions())
        )


def _check_arguments(distribution: str, unnamed: tuple[Any, ...], given: Mapping[str, Any]) -> None:
    known = arguments_of(distribution)
    whole = written(distribution, given, unnamed)
    if unnamed:
        raise TypeError(
            f"Numbers of a prior must have names, of a {distribution} {listed(known)}; found "
            f"{whole}. Write for example {EXAMPLE}."
        )
    strange = [name for name in given if name not in known]
    if strange:
        raise ValueError(
            f"Arguments of a {distribution} are {listed(known)}; found {listed(strange)} in "
            f"{whole}. Correct the name.{did_you_mean(strange[0], known)}"
        )


def _check_numbers(distribution: str, given: Mapping[str, Any]) -> None:
    wrong = [n for n, value in given.items() if isinstance(value, str | bool) or value is None]
    if wrong:
        raise TypeError(
            f"Arguments of a prior must be numbers or priors; found {wrong[0]}="
            f"{given[wrong[0]]!r} in {written(distribution, given)}. Write it as a number, without "
            "quotation marks."
        )


def _check_whole(distribution: str, given: Mapping[str, Any]) -> None:
    """Refuse a distribution that lacks numbers without which there is none."""
    try:
        getattr(pm, distribution).dist(**given)
    except (TypeError, ValueError) as fault:
        raise ValueError(
            f"The arguments of a {distribution} must make one, neither too few nor two that say "
            f"the same; found {written(distribution, given)}. It may have "
            f"{listed(arguments_of(distribution))}. Name what is lacking, or leave one out."
        ) from fault
