"""Whether ratings follow what their own trial brings, or what the trial before it brought."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from empathymodels.declaration.dependencies import seen_by
from empathymodels.declaration.equations import is_sum
from empathymodels.layout.arrangement import Arrangement, Scored

CLEAR = 4.0  # t value from which one of the two trials counts
FEWEST = 30  # pairs of trials


@dataclass(frozen=True)
class Mistimed:
    """A rating that goes with a column at another time than the model has it.

    Attributes
    ----------
    response, column : str
        Their names.
    timing : str
        What the data show, ``"before"`` or ``"after"``.
    same, previous : float
        t values of the column on the rating's own trial, and on the one before.
    """

    response: str
    column: str
    timing: str
    same: float
    previous: float

    @property
    def row(self) -> str:
        """Name of a finding of it."""
        return f"t of '{self.response}' {self.timing} '{self.column}'"

    @property
    def t_value(self) -> float:
        """Size of the t value on the trial that the data show."""
        return abs(self.same if self.timing == "after" else self.previous)

    def __str__(self) -> str:
        told = {"before": "before the states learn from the trial", "after": "after that"}
        is_after = self.timing == "after"
        declared = told["before" if is_after else "after"]
        trials = ["of the same trial", "of the trial before"]
        return (
            f"'{self.response}' goes with '{self.column}' {trials[not is_after]} more than with "
            f"that {trials[is_after]} (t = {self.same:.1f} on the same trial, {self.previous:.1f} "
            f"one trial earlier), but the model has it given {declared}. If it was recorded "
            f"{self.timing} '{self.column}' was seen, fit "
            f"model.with_timing({self.response}='{self.timing}')."
        )


def mistimed(arrangement: Arrangement) -> Iterator[Mistimed]:
    """Yield ratings whose data contradict their `Response.timing`.

    A rating that precedes what its trial brings cannot follow it, given what came before; one that
    follows it does so more than it follows the trial before. Both are slopes of one least-squares
    regression within sequences, which also holds the rating before and what the response reads of
    its own trial.
    """
    for scored in arrangement.scored.values():
        response = scored.response
        if response.table != "trials" or response.range is None or response.levels is not None:
            continue
        for column in _seen(arrangement, response.name):
            same, previous = _t_values(arrangement, scored, column)
            later = abs(same) > abs(previous)
            timing = "after" if later else "before"
            if max(abs(same), abs(previous)) > CLEAR and timing != response.timing:
                yield Mistimed(response.name, column, timing, same, previous)


def _seen(arrangement: Arrangement, response: str) -> list[str]:
    """Columns of numbers from which states learn that the response reads, and not by itself."""
    equations, model = arrangement.equations, arrangement.model
    needs = arrangement.needs[response]
    if not needs.latents or not equations.states or seen_by(model, needs, equations):
        return []
    updates = [update for name, update in equations.next_states.items() if not is_sum(name)]
    read = set().union(*map(equations.needs, updates))
    own = needs.direct_data | _selecting(arrangement)
    return [
        c.name
        for c in model.columns
        if c.name in read - own and c.name in arrangement.trials and not c.is_label
    ]


def _selecting(arrangement: Arrangement) -> set[str]:
    """Columns that say which state, or whose parameter, a trial is about."""
    model = arrangement.model
    return {s.over for s in model.states if s.over} | {p.by for p in model.parameters if p.by}


def _t_values(arrangement: Arrangement, scored: Scored, column: str) -> tuple[float, float]:
    """T values of a column on a rating's trial and on the one before; zeros where nothing tells."""
    trials, response = arrangement.trials, scored.response.name
    sequence = arrangement.layout.sequence
    numbers = trials[[column, response]].astype(float)
    before = numbers.groupby(sequence).shift()
    own = [name for name in arrangement.needs[response].direct_data if name in trials]
    parts = [numbers[[column]], before[[column]], before[[response]]]
    if own:
        parts.append(pd.get_dummies(trials[own], dtype=float, drop_first=True))
    design = pd.concat(parts, axis=1)
    usable = (design.notna().all(axis=1) & numbers[response].notna()).to_numpy()
    if usable.sum() < FEWEST + design.shape[1] + len(set(sequence[usable])):
        return 0.0, 0.0
    rows = pd.concat([design, numbers[[response]]], axis=1)[usable]
    centred = (rows - rows.groupby(sequence[usable]).transform("mean")).to_numpy()
    x, y = centred[:, :-1], centred[:, -1]
    if np.ptp(x[:, :2], axis=0).min() == 0:
        return 0.0, 0.0
    slopes, *_ = np.linalg.lstsq(x, y, rcond=None)
    freedom = len(y) - x.shape[1] - len(set(sequence[usable]))
    variance = ((y - x @ slopes) ** 2).sum() / freedom
    errors = np.sqrt(np.maximum(variance * np.diag(np.linalg.pinv(x.T @ x)), 1e-300))
    return float(slopes[0] / errors[0]), float(slopes[1] / errors[1])
