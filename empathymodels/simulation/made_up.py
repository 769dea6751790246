"""Small made-up studies and ordinary parameter values, for any model, from its declarations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Column, FirstResponse, Parameter
from empathymodels.declaration.response_scale import scale_of
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.engine.feedback import option_columns
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import column_label
from empathymodels.study.study import Study

ANY_LABELS = ("a", "b")  # of columns that take the labels a study has


def made_up_study(model: Model, *, people: int, trials: int, seed: int) -> Study:
    """Return a study with every column that a model declares.

    It has no responses but those with which a state starts.

    Parameters
    ----------
    model : Model
        Levels occur equally often in random order, numbers are uniform over their range; a
        column with a default stays within 1 of it. Where blocks reset states there are two.
    people, trials : int
        Number of participants, and of trials of each.
    seed : int
        Seed of all values.

    Examples
    --------
    >>> import empathymodels as em
    >>> made_up_study(em.get_model("outgroup_help_learning"), people=3, trials=4, seed=1)
    <Study made up: 3 participants, 12 trials, 12 region rows>
    """
    rng = np.random.default_rng(seed)
    labels = [f"P{number:05}" for number in range(1, people + 1)]
    keys = {"participant": np.repeat(labels, trials), "trial": np.tile(np.arange(trials), people)}
    rows = pd.DataFrame(keys)
    if "block" in model.sequence and trials > 3:
        rows["block"] = 1 + (rows["trial"] >= trials // 2)
    regions = _region_rows(model, rows)
    tables = {"trials": rows, "participants": pd.DataFrame({"participant": labels})}
    tables |= {} if regions is None else {"regions": regions}
    for column in model.columns:
        if column.table in tables:
            table = tables[column.table]
            for name in (column.name, *option_columns(model, column)):
                table[name] = _made_up(column, len(table), rng)
    starts = {s.start.response for s in model.states if isinstance(s.start, FirstResponse)}
    for name in starts:
        rows[name] = _made_up(model.response(name).values, len(rows), rng)
    return Study(**tables, name="made up")


def _region_rows(model: Model, trials: pd.DataFrame) -> pd.DataFrame | None:
    measured = [response for response in model.responses if response.table == "regions"]
    names = dict.fromkeys(response.region or "region" for response in measured)
    if not names:
        return None
    blank = dict.fromkeys(("beta", *(r.column for r in measured)), np.nan)
    return pd.concat([trials.assign(region=name, **blank) for name in names], ignore_index=True)


def _made_up(column: Column, size: int, rng: np.random.Generator) -> np.ndarray:
    if column.levels is not None:
        levels = ANY_LABELS if column.levels == "any" else column.levels
        return rng.permutation(np.resize(np.array(levels), size))
    low, high = column.range or (-1.0, 1.0)
    if isinstance(column.default, float | int):
        low, high = max(low, column.default - 1), min(high, column.default + 1)
    return rng.uniform(low, high, size)


def typical_values(
    arrangement: Arrangement, *, seed: int, individual: bool
) -> dict[str, pd.Series | float]:
    """Return natural-scale values from the typical ranges, in the form `log_likelihood` takes.

    Parameters
    ----------
    arrangement : Arrangement
        Model and study.
    seed : int
        Seed of the values.
    individual : bool
        Everybody (and every item) gets values of their own, rather than all the same.
    """
    rng = np.random.default_rng(seed)
    values: dict[str, pd.Series | float] = {}
    for parameter in arrangement.parameters:
        low, high = typical_range(parameter, arrangement.model)
        labels = _whose(parameter, arrangement) if individual else []
        for level in range(len(arrangement.levels[parameter.by]) if parameter.by else 1):
            numbers: Any = rng.uniform(low, high, len(labels) or None)
            value = pd.Series(numbers, index=labels) if labels else float(numbers)
            values[column_label(parameter, arrangement, level)] = value
    return values


def typical_range(parameter: Parameter, model: Model) -> tuple[float, float]:
    """Typical range in data units, cut to the parameter's support."""
    zero, unit = scale_of(model, parameter)
    low, high = np.clip(parameter.typical, *SUPPORTS[parameter.support].ends)
    return zero + unit * float(low), zero + unit * float(high)


def _whose(parameter: Parameter, arrangement: Arrangement) -> list[Any]:
    if parameter.level == "population":
        return []
    return arrangement.levels[parameter.level] if parameter.is_item else arrangement.participants
