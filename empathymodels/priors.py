"""Priors that cannot be: parameters outside what their distribution allows, negative spreads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache

import numpy as np
import pymc as pm
from pymc.logprob.utils import ParameterValueError
from pymc_extras.prior import Prior
from pytensor.compile.mode import Mode

from empathymodels.nouns import Parameter

INTERPRETED = Mode(linker="py", optimizer=None)  # compiling costs more than one evaluation


def impossible_priors(parameter: Parameter) -> Iterator[str]:
    """Say of every prior of a parameter what is wrong with it."""
    for part in ("location", "spread", "effect"):
        prior = getattr(parameter, part)
        rule = _broken_rule(json.dumps(prior.to_dict()), part == "spread") if prior else ""
        if rule:
            yield (
                f"The prior of the {part} of '{parameter.name}' must have {rule}; found {prior}. "
                f"Correct it, or give another: model.with_priors({parameter.name}="
                f'{{"{part}": Prior(...)}}).'
            )


@cache
def _broken_rule(stored: str, is_spread: bool) -> str:
    """What a prior, as JSON, must have and has not; "" where it can be used."""
    prior = Prior.from_dict(json.loads(stored))
    numbers = all(isinstance(value, int | float) for value in prior.parameters.values())
    if not numbers or prior.transform is not None:
        return ""  # its parameters have priors themselves, or its draws are not what is used
    drawn = getattr(pm, prior.distribution).dist(**prior.parameters)
    try:
        below = pm.logp(drawn, -1.0).eval(mode=INTERPRETED)
    except ParameterValueError as broken:
        return str(broken).splitlines()[0]
    return "no values below 0 (HalfNormal, say)" if is_spread and below > -np.inf else ""
