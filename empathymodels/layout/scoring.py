"""Which rows of a response are scored, and what their values and joined columns are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from empathymodels.declaration.parts import FirstResponse, Response
from empathymodels.layout.arrangement import Arrangement, Scored, summary_counts
from empathymodels.layout.plausibility import rows_of
from empathymodels.study.keys import join_rows, key_columns


def scored_response(arrangement: Arrangement, response: Response) -> Scored:
    """Return the rows of a response that are scored, with their values."""
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


def unscored(arrangement: Arrangement, response: Response) -> str:
    """Say on how many rows a response has a value and is not scored, and what these lack.

    Empty where there are none. A value that a state starts at is no such row.
    """
    frame, _ = _response_rows(arrangement, response)
    given = arrangement.is_observed(frame, [response.values.name])
    given = given & ~starting_rows(arrangement, response, frame, also_scored=False)
    lost = frame[given & ~frame["_row"].isin(arrangement.scored[response.name].rows)]
    if lost.empty:
        return ""
    needed = sorted(name for name in arrangement.needs[response.name].row_data if name in lost)
    gaps = {name: int(lost[name].isna().sum()) for name in needed}
    lacking = [f"'{name}' is missing on {number:,}" for name, number in gaps.items() if number]
    return (
        f"'{response.name}' is not scored on {len(lost):,} of {int(given.sum()):,} rows of "
        f"{response.table}, where something that it depends on is missing"
        + (f": {', '.join(lacking)}." if lacking else ".")
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
    frame = rows_of(response, frame).reset_index(drop=True)
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
