"""Slopes of the log-likelihood on the natural scale: compiled, and by finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.pytensorf import compile

from empathymodels.compiling import compiling, in_double_precision
from empathymodels.engine.evaluator import Evaluator, Values
from empathymodels.engine.observe import observe
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import flat_values, parameter_values

Slopes = Callable[[Values], tuple[float, dict[str, np.ndarray]]]


@in_double_precision()
def slopes(arrangement: Arrangement) -> Slopes:
    """Compile the total log-likelihood and its gradient, on the natural scale."""
    inputs = pt.dvector("values")
    needed = set().union(*(needs.latents for needs in arrangement.needs.values()))

    def give(name: str, array: np.ndarray) -> Any:
        return pytensor.shared(array, name=name)

    observations = observe(arrangement, inputs, give=give, latents=needed)
    total: Any = pt.constant(0.0)
    for name, distribution in observations.distributions.items():
        scored = arrangement.scored[name]
        is_discrete = scored.response.levels is not None
        observed = scored.observed.astype("int64") if is_discrete else scored.observed
        total = total + pm.logp(distribution, give(name, observed)).sum()
    with compiling():
        function = compile([inputs], [total, pt.grad(total, inputs)], mode="NUMBA")

    def at(values: Values) -> tuple[float, dict[str, np.ndarray]]:
        value, gradient = function(flat_values(arrangement, values))
        found = parameter_values(arrangement, gradient[None, None])
        return float(value), {str(name): array.to_numpy()[0, 0] for name, array in found.items()}

    return at


def difference(compiled: Evaluator, values: Values, name: str, index: Any, step: float) -> float:
    """Return half the change of the log-likelihood when everybody's value moves by +- `step`."""
    totals = []
    for sign in (1, -1):
        moved = np.array(values[name], dtype=float)
        moved[index] += sign * step
        found = compiled({**values, name: moved})["log_likelihood"]
        totals.append(sum(float(logp.sum()) for logp in found.values()))
    return (totals[0] - totals[1]) / 2
