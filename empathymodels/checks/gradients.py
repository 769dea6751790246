"""Slopes of the log-likelihood on the natural scale: compiled, and by finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from empathymodels.compiling import in_double_precision
from empathymodels.engine.evaluator import Evaluator, Values
from empathymodels.engine.observe import observe
from empathymodels.engine.program import Program, SharedData
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import flat_values, parameter_values

Slopes = Callable[[Values], tuple[float, dict[str, np.ndarray]]]


@in_double_precision()
def slopes(arrangement: Arrangement) -> Slopes:
    """Return the total log-likelihood and its gradient, on the natural scale."""
    inputs, data = pt.dvector("values"), SharedData()
    needed = arrangement.needed_latents
    observations = observe(arrangement, inputs, give=data, latents=needed)
    total: Any = pt.constant(0.0)
    for name, distribution in observations.distributions.items():
        observed = data(f"{name}:observed", arrangement.scored[name].values)
        total = total + pm.logp(distribution, observed).sum()
    program = Program([inputs], [total, pt.grad(total, inputs)])

    def at(values: Values) -> tuple[float, dict[str, np.ndarray]]:
        value, gradient = program(flat_values(arrangement, values))
        found = parameter_values(arrangement, gradient[None, None])
        return float(value), {str(name): array.to_numpy()[0, 0] for name, array in found.items()}

    return at


def difference(compiled: Evaluator, values: Values, name: str, index: Any, step: float) -> float:
    """Return half the change of the log-likelihood when everybody's value moves by +- `step`."""
    totals = []
    for sign in (1, -1):
        moved = np.array(values[name], dtype=float)
        moved[index] += sign * step
        found = compiled.of_kind("log_likelihood", {**values, name: moved})
        totals.append(sum(float(logp.sum()) for logp in found.values()))
    return (totals[0] - totals[1]) / 2
