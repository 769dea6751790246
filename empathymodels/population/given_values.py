"""Values of parameters that somebody gives, published estimates for example, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.response_scale import natural_support
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import did_you_mean, listed
from empathymodels.population.blocks import column_label
from empathymodels.population.scales import fixed_value
from empathymodels.study.participants import matched_participants, participant_label
from empathymodels.study.recoding import as_numbers


def values_from_table(
    arrangement: Arrangement, parameters: pd.DataFrame | Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Turn a table (or mapping) of natural-scale values into arrays per parameter."""
    model = arrangement.model
    given = _as_columns(arrangement, parameters)
    expected = {
        column_label(p, arrangement, k): (p, k)
        for p in arrangement.parameters
        for k in range(len(arrangement.levels[p.by]) if p.by else 1)
    }
    fixed = {p.name for p in model.parameters if p.fixed is not None}
    absent = [n for n, (p, _) in expected.items() if n not in given and p.name not in fixed]
    declared = {p.name for p in model.parameters}
    unknown = [
        n for n in given if n not in expected and n.split("[")[0] not in declared | {"participant"}
    ]
    if absent or unknown:
        hint = "".join(did_you_mean(name, expected) for name in unknown)
        raise KeyError(
            f"Parameters of model '{model.name}' must have the columns {listed(expected)}. "
            f"Missing: {listed(absent)}; unknown: {listed(unknown)}. "
            f"Add or rename columns.{hint}"
        )
    values = {}
    for parameter in arrangement.parameters:
        levels = range(len(arrangement.levels[parameter.by]) if parameter.by else 1)
        held = model.parameter(parameter.name)
        if held.fixed is not None:
            numbers = np.array([fixed_value(held, arrangement, k) for k in levels])
            units = max(len(_labels(arrangement, parameter)), 1)
            array = np.tile(numbers, (units, 1))
            array = array[0] if parameter.level == "population" else array
            values[parameter.name] = array if parameter.by else array[..., 0]
            continue
        columns = [given[column_label(parameter, arrangement, k)] for k in levels]
        array = np.stack([_one_column(arrangement, parameter, c) for c in columns], axis=-1)
        values[parameter.name] = array if parameter.by else array[..., 0]
    return values


def _as_columns(
    arrangement: Arrangement, parameters: pd.DataFrame | Mapping[str, Any]
) -> dict[str, pd.Series | float]:
    if isinstance(parameters, pd.DataFrame):
        table = parameters
        if "participant" in table.columns:
            table = table.set_index("participant")
        table = table.set_axis(table.index.map(participant_label))
        if table.index.has_duplicates:
            repeated = table.index[table.index.duplicated()].unique()
            raise ValueError(
                "The parameter table must have one row per participant; found several for "
                f"{listed(repeated)}. Keep one row each."
            )
        # a table of `point_estimates` names its parameters among other columns
        columns = parameters.attrs.get("parameters", table.columns)
        return {str(name): table[name] for name in columns}
    numbers = {n: v for n, v in parameters.items() if not isinstance(v, pd.Series)}
    wrong = {n: v for n, v in numbers.items() if as_numbers([v]).isna().any()}
    if wrong:
        raise ValueError(
            "Parameters must be numbers, or Series of them by participant; found "
            f"{', '.join(f'{name}={value!r}' for name, value in wrong.items())}. Correct them."
        )
    return {name: float(numbers[name]) if name in numbers else v for name, v in parameters.items()}


def _one_column(
    arrangement: Arrangement, parameter: Parameter, column: pd.Series | float
) -> np.ndarray:
    labels = _labels(arrangement, parameter)
    low, high = natural_support(arrangement.model, parameter)
    if not isinstance(column, pd.Series):
        numbers = np.full(max(len(labels), 1), float(column))
    elif parameter.level == "population":
        if column.nunique() != 1:
            raise ValueError(
                f"'{parameter.name}' is one value for the whole population; found "
                f"{column.nunique()} different ones. Repeat the same number in every row."
            )
        numbers = np.array([column.iloc[0]], dtype=float)
    else:
        known = column.set_axis(matched_participants(column.index, labels))
        numbers = known[known.index.notna()].reindex(labels).to_numpy(dtype=float, na_value=np.nan)
    bad = [label for label, x in zip(labels or ["all"], numbers, strict=True) if np.isnan(x)]
    outside = (numbers < low) | (numbers > high)
    if bad or outside.any():
        named = zip(labels or ["all"], numbers, outside, strict=True)
        beyond = [f"{label}: {number:g}" for label, number, is_out in named if is_out]
        raise ValueError(
            f"'{parameter.name}' needs a value in [{low:g}, {high:g}] for every "
            f"{parameter.level}. Missing for {len(bad)} ({listed(bad, 5)}); outside for "
            f"{len(beyond)} ({listed(beyond, 5)}). Complete or correct the table, or leave these "
            "people out: study.exclude(..., reason=...)."
        )
    return numbers[0] if parameter.level == "population" else numbers


def _labels(arrangement: Arrangement, parameter: Parameter) -> list[str]:
    if parameter.level == "participant":
        return arrangement.participants
    items = [] if parameter.level == "population" else arrangement.levels[parameter.level]
    return [participant_label(item) for item in items]
