"""A study laid out for a model: arrays, positions and labels, still without any probability.

Trial rows are kept in the engine's order here and inside the probabilistic model;
`Arrangement.place` leads back to the study's own rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from empathymodels.compiling import in_double_precision
from empathymodels.declaration.dependencies import check_declaration, response_needs
from empathymodels.declaration.equations import computable, read_equations
from empathymodels.declaration.missing_values import hold_where_missing, mask_columns
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import FirstResponse, Response
from empathymodels.declaration.record import all_needs
from empathymodels.layout.arrangement import Arrangement, label_columns, trial_column
from empathymodels.layout.availability import available
from empathymodels.layout.engine_order import Layout, lay_out
from empathymodels.layout.rating_steps import with_steps_of
from empathymodels.layout.scoring import scored_response, unscored
from empathymodels.layout.validate import Checked, validate
from empathymodels.messages import listed, tell_all
from empathymodels.study.keys import join_rows, tables_with
from empathymodels.study.study import Study
from empathymodels.study.table_files import natural


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
    in_steps = {name for name, needs in all_needs(model).items() if needs.in_steps}
    checked = validate(model, study, needed=reads, in_steps=in_steps)
    kept, held = available(model, checked.responses, study.tables)
    kept = with_steps_of(kept, in_steps, checked.tables)
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
        arrangement.scored[response.name] = scored_response(arrangement, response)
    notices = (*checked.notices, *_refuse_unscored(arrangement))
    return replace(arrangement, checked=replace(checked, notices=notices))


def _refuse_unscored(arrangement: Arrangement) -> list[str]:
    """Refuse responses of which no row can be scored, and say where some rows cannot."""
    model, study = arrangement.model, arrangement.study
    lost = {r.name: unscored(arrangement, r) for r in model.responses}
    empty = [name for name, told in lost.items() if told and not len(arrangement.scored[name].rows)]
    without = f", or leave it out: model.without({listed(empty)})" if empty != [*lost] else ""
    tell_all(
        f"Model '{model.label}' cannot use study '{study.name}':",
        [f"{lost[name]} Give what is missing{without}." for name in empty],
    )
    return [told for told in lost.values() if told]


def _is_there(model: Model, trials: pd.DataFrame, name: str) -> bool:
    return (
        name in trials or bool(mask_columns(name)) or trial_column(model, name).default is not None
    )


def columns_read(model: Model, response: Response) -> set[str]:
    """Columns and responses that a response depends on, those that split parameters included."""
    needs = response_needs(model, response, read_equations(model))
    used = [p for p in model.parameters if p.name in needs.parameters]
    columns = {column for p in used for column in label_columns(p)}
    if needs.latents:
        columns |= {state.over for state in model.states if state.over}
        columns |= {s.start.response for s in model.states if isinstance(s.start, FirstResponse)}
    return set(needs.all_data) | columns


def _levels(model: Model, tables: Mapping[str, pd.DataFrame]) -> dict[str, list]:
    split = {column for p in model.parameters for column in label_columns(p)}
    split |= {state.over for state in model.states if state.over}
    split |= {c.name for c in model.columns if c.is_label}
    levels = {}
    for name in split:
        column = model.column(name)
        if isinstance(column.levels, tuple):
            levels[name] = list(column.levels)
        elif homes := tables_with(name, column.table, tables):
            found = pd.concat([tables[home][name] for home in homes]).dropna().unique().tolist()
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
