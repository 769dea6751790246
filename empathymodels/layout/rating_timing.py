"""Whether ratings follow what their own trial brings, or what the trial before it brought."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from empathymodels.declaration.dependencies import to_come
from empathymodels.layout.arrangement import Arrangement, Scored

CLEAR, NOTHING = 4.0, 2.0  # t values from which a trial tells something, and below which nothing
FEWEST = 30  # degrees of freedom
COLLINEAR = 0.01  # share of a column's variance that others leave, from which it can be told apart


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
        return f"timing of '{self.response}': {self.timing} '{self.column}' (t)"

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
            f"on the one before of its kind), but the model has it given {declared}. If it was "
            f"recorded {self.timing} '{self.column}' was seen, fit "
            f"model.with_timing({self.response}='{self.timing}')."
        )


def mistimed(arrangement: Arrangement) -> Iterator[Mistimed]:
    """Yield ratings (responses with a range) whose data contradict their `Response.timing`.

    The column on the rating's own trial and on the one before enter one least-squares regression,
    with the rating before and what the response reads of its own trial; all within sequences, and
    within partners or cues where states or parameters differ by these. A rating that precedes what
    its trial brings does not go with it. One that follows it does, and need not go with the trial
    before; but where little is learned from each trial, both trials may tell of the same, so
    ratings declared "after" are found only where their own trial tells nothing.
    """
    for scored in arrangement.scored.values():
        response = scored.response
        if response.table != "trials" or response.range is None or response.levels is not None:
            continue
        for column in _learned_from(arrangement, response.name):
            same, previous = _t_values(arrangement, scored, column)
            is_late = abs(same) > CLEAR and abs(same) > abs(previous)
            is_early = abs(previous) > CLEAR and abs(same) < NOTHING
            if is_late if response.timing == "before" else is_early:
                timing = "after" if is_late else "before"
                yield Mistimed(response.name, column, timing, same, previous)


def _learned_from(arrangement: Arrangement, response: str) -> list[str]:
    """Columns of numbers that states which a response reads learn from, and not it by itself."""
    needs = arrangement.needs[response]
    columns = to_come(needs, arrangement.equations) - needs.direct_data - {*_kinds(arrangement)}
    return [
        c.name
        for c in arrangement.model.columns
        if c.name in columns and c.name in arrangement.trials and not c.is_label
    ]


def _kinds(arrangement: Arrangement) -> list[str]:
    """Columns of trials that say which state, or whose parameter, a trial is about."""
    model = arrangement.model
    named = dict.fromkeys([s.over for s in model.states] + [p.by for p in model.parameters])
    return [name for name in named if name is not None and name in arrangement.trials]


def _t_values(arrangement: Arrangement, scored: Scored, column: str) -> tuple[float, float]:
    """Return t of a column on a rating's trial and the one before; zeros where nothing tells."""
    trials, response = arrangement.trials, scored.response.name
    kinds = [trials[name].to_numpy() for name in _kinds(arrangement)]
    group = pd.DataFrame(dict(enumerate([arrangement.layout.sequence, *kinds])))
    group = group.groupby(list(group), sort=False, dropna=False).ngroup().to_numpy()
    numbers = trials[[column, response]].astype(float)
    before = numbers.groupby(group).shift()
    parts = [numbers[[column]], before[[column]], before[[response]]]
    own = [name for name in arrangement.needs[response].row_data if name in trials]
    if own:
        parts.append(pd.get_dummies(trials[own], dtype=float, drop_first=True))
    rows = pd.concat([*parts, numbers[[response]]], axis=1)
    usable = rows.notna().all(axis=1).to_numpy()
    rows, group = rows[usable], group[usable]
    freedom = len(rows) - rows.shape[1] + 1 - len(set(group))
    if freedom < FEWEST:
        return 0.0, 0.0
    centred = (rows - rows.groupby(group).transform("mean")).to_numpy()
    x, y = centred[:, :-1], centred[:, -1]
    same, previous = (_partial_t(x, y, k, freedom) for k in (0, 1))
    return same, previous


def _partial_t(x: np.ndarray, y: np.ndarray, place: int, freedom: int) -> float:
    """Return t of one column's slope; 0 where the others leave next to nothing of the column."""
    others = np.delete(x, place, axis=1)
    own, rest = x[:, place], np.linalg.lstsq(others, np.column_stack([x[:, place], y]))[0]
    alone, left = own - others @ rest[:, 0], y - others @ rest[:, 1]
    if alone @ alone <= COLLINEAR * (own @ own):
        return 0.0
    slope = (alone @ left) / (alone @ alone)
    noise = ((left - slope * alone) ** 2).sum() / freedom
    return float(slope * np.sqrt(alone @ alone / max(noise, 1e-300)))
