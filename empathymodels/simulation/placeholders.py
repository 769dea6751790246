"""Studies completed for simulation: responses that are to be drawn, rows that they need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import FirstResponse, Response
from empathymodels.declaration.rating_scale import middle_of
from empathymodels.engine.feedback import option_columns
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.plausibility import rows_of
from empathymodels.messages import counted, listed
from empathymodels.study.study import Study


def with_placeholders(model: Model, study: Study, responses: Iterable[Response]) -> Study:
    """Give a study a legal value of some of the responses on every row.

    It is the median answer that the study holds, so that answers alone show in which steps they
    were recorded; of a response without any, the middle of its scale. A response that starts a
    state repeats its last value instead, since the first is real.

    Raises
    ------
    ValueError
        A state starts with a response that some sequence does not have.
    """
    tables = {name: table.copy() for name, table in study.tables.items()}
    filled = list(responses)
    for response in filled:
        column = response.values.name
        if response.table == "regions":
            tables |= _with_region(tables, response)
            continue
        table = tables[response.table]
        present = table[column] if column in table else pd.Series(np.nan, index=table.index)
        present, keys = present.astype(float), _sequence_keys(model, response, table)
        if keys:
            _refuse_unknown_starts(model, response, present, table[keys])
            sorted_in_time = present[table["trial"].sort_values(kind="stable").index]
            present = sorted_in_time.groupby([table[key] for key in keys]).ffill()
        table[column] = present if keys else present.fillna(_placeholder(response, present))
    for following in model.columns:
        options = option_columns(model, following)
        is_filled = following.follows in {response.name for response in filled}
        if is_filled and set(options) <= set(tables["trials"]):
            # what really follows is filled in once the response is drawn
            tables["trials"][following.name] = tables["trials"][options[0]]
    return replace(study, **tables, simulated=True)


def _sequence_keys(model: Model, response: Response, table: pd.DataFrame) -> list[str]:
    """Columns that tell the sequences whose state a response starts; none if it starts none."""
    started = [
        state
        for state in model.states
        if isinstance(state.start, FirstResponse) and state.start.response == response.name
    ]
    over = [state.over for state in started if state.over and state.over in table]
    keys = ["participant", *(key for key in model.sequence if key in table), *over]
    return list(dict.fromkeys(keys)) if started else []


def _refuse_unknown_starts(
    model: Model, response: Response, present: pd.Series, keys: pd.DataFrame
) -> None:
    known = present.notna().groupby([keys[key] for key in keys]).any()
    if not known.all():
        raise ValueError(
            f"Model '{model.label}' starts with the first '{response.name}' that somebody gave, "
            f"so the design must hold it; {counted(int((~known).sum()), 'sequence')} of "
            f"{len(known)} ({listed(keys)}) have none. Fill in the column '{response.name}' on "
            "the first trial, or use a model whose start value is a parameter."
        )


def _placeholder(response: Response, present: pd.Series) -> float:
    if response.levels is not None:
        return float(response.levels[0])
    answers = present.dropna()
    if len(answers):
        return float(np.quantile(answers, 0.5, method="inverted_cdf"))  # one of them
    return middle_of(response) if response.range else 0.0


def _with_region(tables: dict[str, pd.DataFrame], response: Response) -> dict[str, pd.DataFrame]:
    """Return the table of regions with a value on every row of the response, made if need be."""
    regions = tables.get("regions")
    if regions is not None and len(rows_of(response, regions)):
        betas = regions[response.column].astype(float)
        is_own = regions.index.isin(rows_of(response, regions).index)
        value = _placeholder(response, betas[is_own])
        filled = betas.mask(is_own & betas.isna(), value)
        return {"regions": regions.assign(**{response.column: filled})}
    if response.region is None:  # of which regions there are only a study can tell
        return {}
    keys = [k for k in ("participant", "session", "block", "trial") if k in tables["trials"]]
    value = _placeholder(response, pd.Series(dtype=float))
    made = tables["trials"][keys].assign(region=response.region, **{response.column: value})
    return {"regions": made if regions is None else pd.concat([regions, made], ignore_index=True)}


def filled_study(design: Study, arrangement: Arrangement, drawn: Mapping[str, np.ndarray]) -> Study:
    """Return a design with the responses that `simulate_responses` drew."""
    tables = {name: table.copy() for name, table in design.tables.items()}
    for name, values in drawn.items():
        if name not in arrangement.scored:  # an outcome that followed from a response
            tables["trials"].loc[arrangement.place, name] = values
            continue
        scored = arrangement.scored[name]
        table = tables[scored.response.table]
        table.iloc[scored.rows, table.columns.get_loc(scored.response.values.name)] = values
    log = (*design.log, f"responses simulated from {arrangement.model.label}")
    return replace(design, **tables, log=log, simulated=True)
