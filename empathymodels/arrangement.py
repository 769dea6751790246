"""A study laid out for a model: arrays, positions and labels, still without any probability.

Trial rows are kept in the engine's order here and inside the probabilistic model;
`Arrangement.place` leads back to the study's own rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from empathymodels.compiling import in_double_precision
from empathymodels.dependencies import Needs, check_declaration, response_needs
from empathymodels.equations import (
    ACCUMULATED,
    Equations,
    computable,
    hold_where_missing,
    mask_columns,
    read_equations,
    scalar_names,
    sum_name,
)
from empathymodels.model import Model
from empathymodels.nouns import Column, FirstResponse, Parameter, Response
from empathymodels.rating_scale import resolution_of, with_resolutions
from empathymodels.reading import in_key_order, join_rows, key_columns
from empathymodels.recursion import Layout, lay_out
from empathymodels.study import Study
from empathymodels.suiting import suited
from empathymodels.table_files import natural
from empathymodels.validation import Checked, validate
from empathymodels.wording import listed


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
    def notices(self) -> list[str]:
        """What of the model the study does not inform, and how ratings are taken, in sentences."""
        left_out = self.checked.left_out.items()
        told = [f"Response '{n}' is left out of the likelihood: {why}" for n, why in left_out]
        told += [f"Parameter '{n}' is held at {why}" for n, why in self.held.items()]
        steps = [
            f"'{r.name}' {resolution_of(r):.4g}"
            for r in self.model.responses
            if self.needs[r.name].distribution == "RoundedNormal"
        ]
        if steps:
            told.append(
                f"Ratings are taken as recorded in steps of: {', '.join(steps)}. At an end they "
                "stand for all beyond it. Otherwise: model.with_resolution(...)."
            )
        told += self.checked.notices
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
            for column in _label_columns(parameter)
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


def arrange(model: Model, study: Study) -> Arrangement:
    """Validate a study against a model and lay it out as arrays.

    Raises
    ------
    ValueError
        All faults of the data at once (see `validate`).
    """
    if not isinstance(model, Model) or not isinstance(study, Study):
        raise TypeError(
            "A model and then a study are needed; found "
            f"{type(model).__name__} and {type(study).__name__}. Give for example "
            "em.get_model('prosocial_effort'), em.Study(trials=table)."
        )
    check_declaration(model)
    reads = {r.name: columns_read(model, r) for r in model.responses}
    checked = validate(model, study, needed=reads)
    kept, held = suited(model, checked.responses, study.tables)
    kept = with_resolutions(kept, checked.tables)
    participants = [str(label) for label in checked.tables["participants"]["participant"]]
    levels = _levels(kept, checked.tables)
    sizes = {column: len(labels) for column, labels in levels.items()}
    trials, layout, place = _trial_rows(kept, checked)
    with in_double_precision():
        equations = hold_where_missing(read_equations(kept, sizes), _incomplete(kept, trials))
    needs = {r.name: response_needs(kept, r, equations) for r in kept.responses}
    inferred = set().union(*(response.parameters for response in needs.values()))
    held = {name: why for name, why in held.items() if name in inferred}
    there = {name for name in equations.data if _is_there(kept, trials, name)}
    equations = computable(equations, kept, inferred, there)
    arrangement = Arrangement(
        kept,
        study,
        checked,
        held,
        equations,
        needs,
        participants,
        levels,
        trials,
        layout,
        place,
        {},
    )
    for response in kept.responses:
        arrangement.scored[response.name] = _score(arrangement, response)
    return arrangement


def _is_there(model: Model, trials: pd.DataFrame, name: str) -> bool:
    return (
        name in trials or bool(mask_columns(name)) or trial_column(model, name).default is not None
    )


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


def columns_read(model: Model, response: Response) -> set[str]:
    """Columns and responses that a response depends on, those that split parameters included."""
    needs = response_needs(model, response, read_equations(model))
    used = [p for p in model.parameters if p.name in needs.parameters]
    columns = {column for p in used for column in _label_columns(p)}
    if needs.latents:
        columns |= {state.over for state in model.states if state.over}
        columns |= {s.start.response for s in model.states if isinstance(s.start, FirstResponse)}
    return set(needs.all_data) | columns


def _label_columns(parameter: Parameter) -> list[str]:
    columns = [parameter.by] if parameter.by else []
    return columns + ([parameter.level] if is_item(parameter) else [])


def is_item(parameter: Parameter) -> bool:
    """Whether a parameter has one value per level of a column (crossed items)."""
    return parameter.level not in ("participant", "population")


def _levels(model: Model, tables: Mapping[str, pd.DataFrame]) -> dict[str, list]:
    split = {column for p in model.parameters for column in _label_columns(p)}
    split |= {state.over for state in model.states if state.over}
    split |= {c.name for c in model.columns if c.is_label}
    levels = {}
    for name in split:
        column = model.column(name)
        if isinstance(column.levels, tuple):
            levels[name] = list(column.levels)
        elif column.table in tables and name in tables[column.table]:
            found = tables[column.table][name].dropna().unique().tolist()
            levels[name] = sorted(found, key=natural)
        elif column.default is not None:
            levels[name] = [column.default]
    return levels


def _trial_rows(model: Model, checked: Checked) -> tuple[pd.DataFrame, Layout, np.ndarray]:
    people = checked.tables["participants"]
    if "trials" not in checked.tables:
        empty = lay_out(np.zeros(0, dtype=np.int64))
        return pd.DataFrame({"participant": []}), empty, np.zeros(0, dtype=np.int64)
    own = [c.name for c in model.columns if c.table == "participants" and c.name in people]
    trials = checked.tables["trials"].drop(columns=own, errors="ignore")
    extra = [c for c in people.columns if c not in trials.columns]
    joined = people.iloc[join_rows(trials, people, "trials", "participants")][extra]
    trials = pd.concat([trials, joined.set_index(trials.index)], axis=1)
    keys = ["participant", *(key for key in model.sequence if key in trials.columns)]
    layout = lay_out(trials.groupby(keys, sort=False).ngroup().to_numpy())
    ordered = trials.iloc[layout.order].reset_index(drop=True)
    return ordered, layout, ordered["_row"].to_numpy()


def _incomplete(model: Model, trials: pd.DataFrame) -> set[str]:
    return {name for name in trials.columns if trials[name].isna().any()}


def _score(arrangement: Arrangement, response: Response) -> Scored:
    frame, trial = _response_rows(arrangement, response)
    value = response.values.name
    needs = arrangement.needs[response.name]
    usable = arrangement.is_observed(frame, [value, *needs.row_data])
    usable = usable & ~starting_rows(arrangement, response, frame, also_scored=False)
    if trial is not None and needs.latents:
        usable = usable & ~_lacks_a_start(arrangement)[trial]
    if response.table == "participants" and needs.latents:
        usable = (
            usable
            & _summarised(arrangement, needs.latents)[arrangement.codes(frame, "participant")]
        )
    kept = frame[usable].reset_index(drop=True)
    return Scored(
        response,
        frame["_row"].to_numpy()[usable],
        kept[value].to_numpy(dtype=float),
        kept,
        None if trial is None else trial[usable],
        arrangement.codes(kept, "participant"),
    )


def _summarised(arrangement: Arrangement, summaries: Iterable[str]) -> np.ndarray:
    """Whether a participant has trials, and a trial to average over for each of `summaries`."""
    people = arrangement.codes(arrangement.sequence_rows, "participant")
    counts = summary_counts(arrangement)
    weights = [np.ones(len(people)), *(counts[name] for name in summaries if name in counts)]
    sizes = [np.bincount(people, weight, len(arrangement.participants)) for weight in weights]
    return np.min(sizes, axis=0) > 0


def _response_rows(
    arrangement: Arrangement, response: Response
) -> tuple[pd.DataFrame, np.ndarray | None]:
    if response.table == "trials":
        return arrangement.trials, np.arange(len(arrangement.trials))
    frame = arrangement.checked.tables[response.table]
    if response.table == "participants":
        return frame, None
    frame = frame[frame["region"] == response.region].reset_index(drop=True)
    trial = None
    if len(arrangement.trials) and "trial" in key_columns(frame, "regions"):
        frame = frame[arrangement.is_observed(frame, [response.values.name])]
        frame = frame.reset_index(drop=True)
        trial = join_rows(frame, arrangement.trials, "regions", "trials")
        joined = arrangement.trials.iloc[trial]
    else:
        people = arrangement.checked.tables["participants"]
        joined = people.iloc[join_rows(frame, people, "regions", "participants")]
    extra = [c for c in joined.columns if c not in frame.columns]
    return pd.concat([frame, joined[extra].set_index(frame.index)], axis=1), trial


def starting_rows(
    arrangement: Arrangement, response: Response, frame: pd.DataFrame, *, also_scored: bool = True
) -> np.ndarray:
    """Rows of a response's table on which it starts a state; see `FirstResponse`."""
    hit = np.zeros(len(frame), dtype=bool)
    for state in arrangement.model.states:
        start = state.start
        if not isinstance(start, FirstResponse) or start.response != response.name:
            continue
        if start.scored and not also_scored:
            continue
        seen = frame[response.values.name].notna().to_numpy()
        keys = pd.DataFrame({"sequence": arrangement.layout.sequence})
        if state.over is not None:
            keys["level"] = arrangement.codes(frame, state.over)
        earlier = keys[seen].duplicated().to_numpy()
        hit[np.flatnonzero(seen)[~earlier]] = True
    return hit


def _lacks_a_start(arrangement: Arrangement) -> np.ndarray:
    """Trials, in engine order, on which a state is read that no response has started."""
    lacking = np.zeros(len(arrangement.trials), dtype=bool)
    for state in arrangement.model.states:
        if isinstance(state.start, FirstResponse):
            keys = pd.DataFrame({"sequence": arrangement.layout.sequence})
            if state.over is not None:
                keys["level"] = arrangement.codes(arrangement.trials, state.over)
            given = arrangement.trials[state.start.response].notna()
            lacking |= ~given.groupby([keys[key] for key in keys]).transform("any").to_numpy()
    return lacking


def state_scalars(arrangement: Arrangement) -> list[tuple[str, int | None, str]]:
    """Every carried scalar as (state, level position or None, scalar name); sums left out."""
    sizes = {column: len(labels) for column, labels in arrangement.levels.items()}
    return [
        (state.name, k if state.over else None, name)
        for state in arrangement.model.states
        for k, name in enumerate(scalar_names(state, sizes))
    ]
