"""Priors that cannot be: numbers that no distribution has, and spreads that may be negative."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pymc as pm
from pymc.logprob.utils import ParameterValueError
from pymc_extras.prior import Prior

from empathymodels.compiling import INTERPRETED
from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.prior import arguments_of
from empathymodels.declaration.supports import SUPPORTS, Support
from empathymodels.messages import listed

BELOW = -np.geomspace(1e-6, 1e3, 40)  # where no spread can be
EXAMPLES = {  # of right ones
    "location": 'em.Prior("Normal", mu=0, sigma=1)',
    "spread": 'em.Prior("HalfNormal", sigma=0.5)',
    "effect": 'em.Prior("Normal", mu=0, sigma=0.5)',
}
SYMMETRIC = ("Normal", "StudentT", "Laplace", "Logistic")  # about their mu
BOUNDS = ("lower", "upper")  # the only numbers that may be infinite


def impossible_priors(parameter: Parameter) -> Iterator[str]:
    """Say of every prior of a parameter what is wrong with it."""
    varies = parameter.level != "population"  # else its spread, if declared, is not read
    for part in ("location", "spread", "effect") if varies else ("location", "effect"):
        prior = getattr(parameter, part)
        fault = _fault(prior, is_spread=part == "spread") if prior is not None else ""
        if fault:
            yield (
                f"The prior of the {part} of '{parameter.name}' must be possible: {fault}. Found "
                f"{prior}. Correct it, or give another, such as {part}={EXAMPLES[part]} where it "
                f"is declared, or model.with_priors({parameter.name}="
                f'{{"{part}": {EXAMPLES[part]}}}).'
            )


def _fault(prior: Prior, *, is_spread: bool) -> str:
    given = prior.parameters
    inner = [_fault(value, is_spread=False) for value in given.values() if isinstance(value, Prior)]
    if any(inner):
        return next(filter(None, inner))
    several = [name for name, value in given.items() if np.ndim(value) > 0]
    if prior.dims or (several and _is_of_several(prior)):
        return f"it must be of one number; {several[0] if several else 'dims'} makes it of several"
    if several or prior.transform is not None or not all(map(_is_number, given.values())):
        return ""  # what it draws is known when it is drawn
    numbers = {name: float(value) for name, value in given.items()}
    wild = [n for n, v in numbers.items() if np.isnan(v) or (np.isinf(v) and n not in BOUNDS)]
    if wild:
        return f"{wild[0]} must be a finite number; it is {numbers[wild[0]]}"
    return _fault_of_numbers(prior.distribution, tuple(numbers.items()), is_spread)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.ndarray) and np.ndim(value) == 0


def _is_of_several(prior: Prior) -> bool:
    """Whether what it draws is no single number, such as one of points with a density."""
    return bool(getattr(pm, prior.distribution).dist(**prior.parameters).ndim)


@cache
def _fault_of_numbers(
    distribution: str, numbers: tuple[tuple[str, float], ...], is_spread: bool
) -> str:
    try:
        drawn = getattr(pm, distribution).dist(**dict(numbers))
        if drawn.ndim or not drawn.dtype.startswith("float"):
            return "it must give one number, with decimals"
        below = pm.logp(drawn, BELOW).eval(mode=INTERPRETED)
    except ParameterValueError as broken:
        return f"a {distribution} must have {str(broken).splitlines()[0].rstrip('.')}"
    except (TypeError, ValueError, NotImplementedError) as broken:
        known = listed(arguments_of(distribution)) if hasattr(pm, distribution) else "none"
        return (
            f"its arguments, of {known}, must make one number with a density (PyMC says: "
            f"{str(broken).splitlines()[0].rstrip('.')})"
        )
    negative = is_spread and (below > -np.inf).any()
    return "a spread is never below 0 (of HalfNormal, say)" if negative else ""


def median_of_mean(parameter: Parameter) -> float:
    """Median that the prior of a population mean has on the natural scale, as `typical` is stated.

    NaN where it is not known, as where the numbers of the prior have priors themselves.
    """
    prior, support = parameter.priors["location"], SUPPORTS[parameter.support]
    if prior.transform is not None or not all(map(_is_number, prior.parameters.values())):
        return float("nan")
    if prior.distribution in SYMMETRIC:
        middle = float(prior.parameters.get("mu", 0.0))
    else:
        middle = _by_preliz(prior, "median")
    return middle if support.is_linear else float(support.inverse(np.array(middle), np))


def unusual_median(parameter: Parameter) -> str:
    """Say where a prior's median lies outside the range that its parameter declares as ordinary.

    Whoever writes a prior on the natural scale in place of the link scale learns it here.
    """
    median, (low, high) = median_of_mean(parameter), parameter.typical
    if parameter.fixed is not None or np.isnan(median) or low <= median <= high:
        return ""
    support = SUPPORTS[parameter.support]
    unit = f" of the range of {parameter.scale_of}" if parameter.scale_of else ""
    scale = f"{support.words}, where these ends are {_ends(support, low, high)}"
    where = "" if support.is_linear else f" A prior is stated on the {scale}."
    return (
        f"The prior of the mean of '{parameter.name}' should have its median among ordinary "
        f"values, typical={parameter.typical}{unit}; {parameter.location} has it at "
        f"{median:.3g}.{where} "
        "Move the prior, or the range if it is wrong."
    )


def _ends(support: Support, low: float, high: float) -> str:
    """Return both ends of a range on the link scale."""
    with np.errstate(divide="ignore"):
        return " and ".join(f"{float(support.link(np.array(end))):.3g}" for end in (low, high))


def new_person_prior(parameter: Parameter) -> tuple[float, float]:
    """Mean and standard deviation, on the link scale, that a model expects of a new person."""
    if parameter.fixed is not None:
        return 0.0, 1.0
    mean, variance = _moments(parameter, parameter.location)
    if parameter.spread is not None:
        centre, around = _moments(parameter, parameter.spread)
        variance += centre**2 + around
    if not np.isfinite([mean, variance]).all():
        raise ValueError(
            f"Searches start from the priors, which need a finite mean and variance; those of "
            f"'{parameter.name}' are {mean:g} and {variance:g}. Give others: "
            f"model.with_priors({parameter.name}=...)."
        )
    return mean, float(np.sqrt(variance))


def _moments(parameter: Parameter, prior: Prior) -> tuple[float, float]:
    """Mean and variance of a prior."""
    sigma = prior.parameters.get("sigma", 1.0)
    if prior.distribution == "Normal":
        return float(prior.parameters.get("mu", 0.0)), float(sigma) ** 2
    if prior.distribution == "HalfNormal":
        return float(sigma) * np.sqrt(2 / np.pi), float(sigma) ** 2 * (1 - 2 / np.pi)
    return _by_preliz(prior, "mean"), _by_preliz(prior, "var")


def _by_preliz(prior: Prior, what: str) -> float:
    """Return a number of a prior; NaN where PreliZ lacks it, or names its arguments otherwise."""
    try:
        return float(getattr(prior.preliz, what)())
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return float("nan")
