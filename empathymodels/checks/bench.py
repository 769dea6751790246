"""What the battery works on: a model on a made-up study, at typical values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.checks.gradients import Slopes, slopes
from empathymodels.declaration.model import Model
from empathymodels.engine.evaluator import Evaluator, Values, evaluator
from empathymodels.layout.arrange import arrange
from empathymodels.population.given_values import values_from_table
from empathymodels.simulation.log_likelihood import log_likelihood
from empathymodels.simulation.made_up import (
    made_up_study,
    typical_values,
)
from empathymodels.simulation.placeholders import with_placeholders
from empathymodels.simulation.simulate import simulate
from empathymodels.study.study import Study

PEOPLE, TRIALS, SEED = 60, 8, 1


@dataclass(frozen=True)
class Bench:
    """A model on a made-up study, with responses simulated at typical values."""

    model: Model
    study: Study
    values: dict[str, Any]
    compiled: Evaluator

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The values in the evaluator's form."""
        return values_from_table(self.compiled.arrangement, self.values)

    @cached_property
    def slopes(self) -> Slopes:
        """Total log-likelihood and gradient per parameter, compiled once."""
        return slopes(self.compiled.arrangement)

    def likelihood(self, study: Study, values: Values | None = None) -> dict[str, pd.Series]:
        """Log-likelihood per row of each response, indexed by the keys of its table."""
        tree = log_likelihood(self.model, study, self.values if values is None else values)
        return {str(name): array.to_series() for name, array in _keyed(tree["row"].to_dataset())}


def _keyed(rows: Any) -> Iterator[tuple[str, Any]]:
    for name, array in rows.data_vars.items():
        dim = array.dims[0]
        keys = [key for key in array.coords if key != dim]
        yield name, array.set_index({dim: keys}) if keys else array


def make_bench(model: Model) -> Bench:
    """Make up a study for a model and simulate its responses."""
    made_up = made_up_study(model, people=PEOPLE, trials=TRIALS, seed=SEED)
    design = with_placeholders(model, made_up, model.responses)
    values = typical_values(arrange(model, design), seed=SEED, individual=True)
    study, _ = simulate(model, design, values, seed=SEED)
    return Bench(model, study, values, evaluator(model, study))
