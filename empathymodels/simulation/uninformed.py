"""Parameters that no observed response depends on, told before anything is sampled."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from empathymodels.engine.evaluator import Evaluator, arranged_evaluator
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted, listed
from empathymodels.population.blocks import column_label, n_levels
from empathymodels.population.given_values import values_from_table
from empathymodels.simulation.made_up import typical_range, typical_values


def warn_of_uninformed(arrangement: Arrangement) -> None:
    """Warn of what a model infers and no response of a study depends on.

    `diagnose_design` tells how much the others are informed.
    """
    silent = list(_uninformed_labels(arranged_evaluator(arrangement)))
    if silent:
        number = sum(len(one.observed) for one in arrangement.scored.values())
        warnings.warn(
            f"No information: every parameter must change how likely some response is; "
            f"{listed(silent, 5)} of '{arrangement.model.label}' change none of "
            f"{counted(number, 'response')}. They will follow their priors and covariates. Add "
            "trials that depend on them, or fix them: model.fix(...).",
            stacklevel=3,
        )


def _uninformed_labels(compiled: Evaluator) -> Iterator[str]:
    """Yield what may move through its typical range without a change of any likelihood."""
    arrangement = compiled.arrangement
    table = typical_values(arrangement, seed=0, individual=True)
    values = values_from_table(arrangement, table)
    before = compiled.of_kind("log_likelihood", values)
    for parameter in arrangement.parameters:
        if parameter.fixed is not None:
            continue
        for level in range(n_levels(parameter, arrangement)):
            moved, place = np.array(values[parameter.name]), (..., level) if parameter.by else ...
            moved[place] = sum(typical_range(parameter, arrangement.model)) - moved[place]
            after = compiled.of_kind("log_likelihood", {**values, parameter.name: moved})
            if all(np.array_equal(after[n], before[n], equal_nan=True) for n in before):
                yield column_label(parameter, arrangement, level)
