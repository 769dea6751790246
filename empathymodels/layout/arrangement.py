"""What a study laid out for a model is: arrays, positions and labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from empathymodels.declaration.dependencies import Needs
from empathymodels.declaration.equations import (
    ACCUMULATED,
    Equations,
    is_sum,
    scalar_names,
    sum_name,
)
from empathymodels.declaration.missing_values import mask_columns
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Column, FirstResponse, Parameter, Response
from empathymodels.declaration.rating_scale import resolution_of
from empathymodels.layout.engine_order import Layout
from empathymodels.layout.validate import Checked
from empathymodels.messages import listed
from empathymodels.study.keys import in_key_order, key_columns
from empathymodels.study.study import Study


@dataclass(frozen=True)
class Scored:
    """The observed rows of one response.

    Attributes
    ----------
    response : Response
        The declaration.
    rows : ndarray (observation,) of int
        Position of each observation in the response's (checked) table.
    observed : ndarray (observation,) of float
        Its values.
    frame : DataFrame
        The table's rows, joined with the columns of the trial they belong to.
    trial : ndarray (observation,) of int or None
        Place of the trial in engine order, where the response has one.
    participant : ndarray (observation,) of int
        Position of the participant.
    """

    response: Response
    rows: np.ndarray
    observed: np.ndarray
    frame: pd.DataFrame
    trial: np.ndarray | None
    participant: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """Its values as its distribution takes them, whole numbers where these are levels."""
        return self.observed if self.response.levels is None else self.observed.astype("int64")

    @property
    def order(self) -> np.ndarray:
        """Positions of the observations in order of their keys, (observation,)."""
        return in_key_order(self.frame, self.response.table)

    @property
    def keys(self) -> pd.MultiIndex:
        """Keys of the observations, in that order."""
        keys = key_columns(self.frame, self.response.table)
        return pd.MultiIndex.from_frame(self.frame[keys].iloc[self.order].astype(str))


@dataclass(frozen=True)
class Arrangement:
    """A model together with a checked study, as arrays.

    Attributes
    ----------
    model : Model
        The model without the responses that the study cannot inform.
    study : Study
        The study as given.
    checked : Checked
        Result of the validation: what was left out, how much is missing.
    held : dict of str to str
        Parameters that the study cannot tell or that anchor the scale: value and reason.
    equations : Equations
        Trial equations, with states held where their data are missing.
    needs : dict of str to Needs
        What each response depends on.
    participants : list of str
        Labels of dim ``participant``.
    levels : dict of str to list
        Labels of every column that parameters or states are split by.
    trials : DataFrame
        Trial rows in engine order, with participant columns joined.
    layout : Layout
        How those rows form sequences.
    place : ndarray (trial_row,) of int
        Row of the study's own trials table at each place in engine order.
    scored : dict of str to Scored
        Observed rows per response.
    """

    model: Model
    study: Study
    checked: Checked
    held: dict[str, str]
    equations: Equations
    needs: dict[str, Needs]
    participants: list[str]
    levels: dict[str, list]
    trials: pd.DataFrame
    layout: Layout
    place: np.ndarray
    scored: dict[str, Scored]

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters that some remaining response depends on, in declared order."""
        used = set().union(*(needs.parameters for needs in self.needs.values()))
        return [p for p in self.model.parameters if p.name in used]

    @property
    def needed_latents(self) -> set[str]:
        """Latents (and summaries) that some response depends on."""
        return set().union(*(needs.latents for needs in self.needs.values()))

    @property
    def notices(self) -> list[str]:
        """What of the model the study does not inform, and how ratings are taken, in sentences."""
        left_out = self.checked.left_out.items()
        told = [f"Response '{n}' is left out of the likelihood: {why}" for n, why in left_out]
        told += [f"Parameter '{n}' is held at {why}" for n, why in self.held.items()]
        steps = [
            f"'{r.name}' {resolution_of(r):.4g}"
            for r in self.model.responses
            if self.needs[r.name].in_steps
        ]
        if steps:
            told.append(
                f"Ratings are taken as recorded in steps of: {', '.join(steps)}. At an end they "
                "stand for all beyond it. Otherwise: model.with_resolution(...)."
            )
        told += [*self._unchanged_states(), *self.checked.notices]
        people, trials = (
            self.checked.tables.get(table, ()) for table in ("participants", "trials")
        )
        misplaced = [
            column.name
            for column in self.model.columns
            if column.table == "participants"
            and column.name in trials
            and column.name not in people
        ]
        return told + [
            f"Column '{name}' is not read from trials: give it in participants, once per person."
            for name in misplaced
        ]

    def _unchanged_states(self) -> list[str]:
        """Say where states stay as they are since data are missing, in a sentence or none."""
        equations, trials = self.equations, len(self.trials)
        found: dict[str, set[str]] = {}
        for state, updated in equations.next_states.items():
            masks = [mask_columns(name) for name in equations.needs(updated)]
            if not is_sum(state) and any(masks):
                found.setdefault(state.partition("[")[0], set()).update(*masks)
        columns = sorted(set().union(*found.values()))
        if not columns:
            return []
        counts = {c: trials - int(self.is_observed(self.trials, [c]).sum()) for c in columns}
        missing = ", ".join(f"'{column}' on {number:,}" for column, number in counts.items())
        return [
            f"Missing of {trials:,} trials: {missing}. Where that would change their update, "
            f"states stay as they are: {listed(found)}."
        ]

    @property
    def sequence_rows(self) -> pd.DataFrame:
        """One trial row per sequence, longest sequence first."""
        return self.trials.iloc[: len(self.layout.first_rows)]

    def codes(self, frame: pd.DataFrame, column: str) -> np.ndarray:
        """Positions of a frame's labels among `participants` or the levels of a column."""
        labels = self.participants if column == "participant" else self.levels[column]
        if column not in frame:
            raise ValueError(
                f"Every row must tell its '{column}', by which something is split. Some rows have "
                f"only {listed(c for c in frame if c != '_row')}: one row per person cannot tell "
                "sessions apart, and regions need the `trial` key for columns of trials. Add the "
                "key, or leave their responses out with model.without(...)."
            )
        return pd.Index(labels).get_indexer(frame[column])

    def values(self, frame: pd.DataFrame, column: Column) -> np.ndarray:
        """A column as finite floats: labels as positions, missing as some observed value."""
        if column.name not in frame and column.default is None:
            raise ValueError(
                f"Every row must tell its '{column.name}'. Some rows have only "
                f"{listed(c for c in frame if c != '_row')}: regions need the `trial` key to see "
                "columns of trials. Add it (betas of conditions: a row of trials per condition)."
            )
        if column.name not in frame:
            is_label = column.is_label
            value = self.levels[column.name].index(column.default) if is_label else column.default
            return np.full(len(frame), value, dtype=float)
        if column.is_label:
            return np.maximum(self.codes(frame, column.name), 0).astype(float)
        numbers = frame[column.name].to_numpy(dtype=float, na_value=np.nan)
        observed = numbers[np.isfinite(numbers)]
        # masked values never reach a result, but must be legal in branches not taken
        return np.where(np.isfinite(numbers), numbers, observed[0] if len(observed) else 0.0)

    def is_observed(self, frame: pd.DataFrame, names: Iterable[str]) -> np.ndarray:
        """Rows of a frame on which every named column has a value (a default counts)."""
        present = [name for name in names if name in frame]
        return frame[present].notna().all(axis=1).to_numpy()

    def trial_data(self, name: str) -> np.ndarray:
        """A data input of the trial equations, in engine order; masks as 0 and 1."""
        if mask_columns(name):
            return self.is_observed(self.trials, mask_columns(name)).astype(float)
        return self.values(self.trials, trial_column(self.model, name))

    def varies_within_sequence(self, parameter: Parameter) -> bool:
        """Whether a parameter's value changes from trial to trial of some sequence."""
        return any(
            not np.array_equal(codes, codes[: len(self.layout.first_rows)][self.layout.sequence])
            for column in label_columns(parameter)
            if column in self.trials  # those of regions have no part in what trials teach
            for codes in [self.codes(self.trials, column)]
        )

    def start_values(self, state_name: str, start: FirstResponse, level: int | None) -> np.ndarray:
        """First observed response of each sequence (on trials of one level), (sequence,)."""
        state = next(s for s in self.model.states if s.name == state_name)
        values = self.trials[start.response].to_numpy(dtype=float, na_value=np.nan)
        usable = np.isfinite(values)
        if state.over is not None:
            usable &= self.codes(self.trials, state.over) == level
        first = pd.Series(values[usable]).groupby(self.layout.sequence[usable]).first()
        # trials of a sequence without any such response are not scored, see _score
        filled = first.reindex(range(len(self.layout.first_rows))).fillna(0.0)
        return filled.to_numpy()


def trial_column(model: Model, name: str) -> Column:
    """The declaration behind a trial-level data name: a column's, or a response's values."""
    declared = {c.name: c for c in model.columns} | {r.name: r.values for r in model.observables}
    return declared[name]


def summary_counts(arrangement: Arrangement) -> dict[str, np.ndarray]:
    """Trials per sequence over which each averaging summary runs, as ``{name: (sequence,)}``."""
    counts = {}
    for summary in arrangement.model.summaries:
        if summary.kind in ACCUMULATED:
            needed = arrangement.equations.needs(
                arrangement.equations.next_states[sum_name(summary)]
            )
            masks = [name for name in needed if mask_columns(name)]
            observed = np.ones(len(arrangement.trials))
            for mask in masks:
                observed = observed * arrangement.trial_data(mask)
            counts[summary.name] = np.bincount(
                arrangement.layout.sequence, observed, len(arrangement.layout.first_rows)
            )
    return counts


def label_columns(parameter: Parameter) -> list[str]:
    """Return the columns whose labels a parameter has values for."""
    columns = [parameter.by] if parameter.by else []
    return columns + ([parameter.level] if parameter.is_item else [])


def state_scalars(arrangement: Arrangement) -> list[tuple[str, int | None, str]]:
    """Every carried scalar as (state, level position or None, scalar name); sums left out."""
    sizes = {column: len(labels) for column, labels in arrangement.levels.items()}
    return [
        (state.name, k if state.over else None, name)
        for state in arrangement.model.states
        for k, name in enumerate(scalar_names(state, sizes))
    ]
