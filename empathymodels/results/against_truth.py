"""Estimates of one fit beside the true values that its study was simulated with."""

from __future__ import annotations

import pandas as pd

from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import listed
from empathymodels.population.blocks import column_label
from empathymodels.study.participants import matched_participants


def against_truth(
    estimates: pd.DataFrame, truth: pd.DataFrame, arrangement: Arrangement
) -> pd.DataFrame:
    """Return estimates of people and population with their true values, one row each.

    Parameters
    ----------
    estimates : DataFrame
        What `estimates` returns, for the study that `truth` generated.
    truth : DataFrame
        One row per participant; columns ``participant`` and ``name`` or ``name[level]``.
    arrangement : Arrangement
        Model and study.

    Returns
    -------
    DataFrame
        The rows of `estimates`, items left out, and further columns: ``column`` (its name in
        `truth`), ``level_of`` (``"participant"`` or ``"population"``) and ``true``.

    Raises
    ------
    KeyError
        `truth` holds none of the parameters.
    """
    columns = {
        (p.name, arrangement.levels[p.by][k] if p.by else None): (
            column_label(p, arrangement, k),
            p,
        )
        for p in arrangement.parameters
        for k in range(len(arrangement.levels[p.by]) if p.by else 1)
    }
    people = matched_participants(truth["participant"], arrangement.participants)
    true = truth.drop(columns="participant").set_axis(pd.Index(people, dtype=object))
    rows = []
    for row in estimates.to_dict("records"):
        level = None if pd.isna(row["level"]) else row["level"]
        column, parameter = columns[row["parameter"], level]
        if column not in true or parameter.is_item:
            continue
        shared = parameter.level == "population"
        if shared or row["whose"] in true.index:
            value = float(true[column].iloc[0] if shared else true.loc[row["whose"], column])
            rows.append({**row, "column": column, "level_of": parameter.level, "true": value})
    if not rows:
        raise KeyError(
            f"The true values need columns named like the parameters: "
            f"{listed(column for column, _ in columns.values())}; found {listed(true)}. "
            "Rename those of yours."
        )
    return pd.DataFrame(rows)
