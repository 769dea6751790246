"""What a report says of a study: its tables, what is missing, what was excluded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from empathymodels.declaration.parts import Column
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted, listed
from empathymodels.population.covariates import Covariates
from empathymodels.reporting.tables import Cell, rounded, table
from empathymodels.study.study import Study

FEW_LEVELS = 8  # labels, or different numbers, that are counted one by one


def study_section(
    arrangements: Sequence[Arrangement], covariates: Iterable[Covariates]
) -> dict[str, Any]:
    """Return what there is to say of a study that these models were fitted to."""
    study = arrangements[0].study
    columns = used_columns(arrangements, covariates)
    rows = list(_column_rows(study, columns))
    return {
        "name": study.name,
        "is_simulated": study.simulated,
        "citation": study.citation,
        "notes": study.notes,
        "log": study.log,
        "sizes": sizes(study),
        "per_person": trials_per_person(study),
        "columns": table(
            ("column", "table", "meaning", "values", "missing"),
            rows,
            "Columns that the models read, keys left aside",
        ),
        "unused": _unused(study, columns),
    }


def sizes(study: Study) -> str:
    """Say how large a study is."""
    nouns = {"participants": "participant", "trials": "trial", "regions": "regional response"}
    return ", ".join(counted(len(t), nouns[name]) for name, t in study.tables.items())


def trials_per_person(study: Study) -> str:
    """Say how many trials people have."""
    if study.trials is None:
        return ""
    numbers = study.trials.groupby("participant").size()
    if numbers.nunique() == 1:
        return f"{counted(int(numbers.iloc[0]), 'trial')} per participant"
    return (
        f"between {numbers.min():,} and {numbers.max():,} trials per participant "
        f"(median {numbers.median():,.0f})"
    )


def used_columns(
    arrangements: Iterable[Arrangement], covariates: Iterable[Covariates]
) -> dict[tuple[str, str], Column]:
    """Return the columns that models and their covariates read, by table and name."""
    found: dict[tuple[str, str], Column] = {}
    for arrangement in arrangements:
        model = arrangement.model
        for column in [*(r.values for r in model.responses), *model.columns]:
            found.setdefault((column.table, column.name), column)
    for entry in covariates:
        for name in entry.columns:
            column = Column(name, f"covariate of {entry.parameter}", table="participants")
            found.setdefault(("participants", name), column)
    return found


def _column_rows(study: Study, columns: dict[tuple[str, str], Column]) -> Iterator[list[Any]]:
    for (place, name), column in columns.items():
        frame = study.tables.get(place)
        if frame is None or name not in frame:
            yield [name, place, column.meaning, "", _absent(column)]
            continue
        gaps = int(frame[name].isna().sum())
        share = f"{gaps:,} of {len(frame):,} ({gaps / len(frame):.1%})" if gaps else "0"
        yield [name, place, column.meaning, summary(frame[name]), share]


def _absent(column: Column) -> Cell:
    """Say that a study lacks a column, and what stands for it."""
    if column.default is None:
        return Cell("all: no such column", 1e12, look="bad")
    return Cell(f"no such column: {_label(column.default)} throughout", 1e12)


def summary(values: pd.Series) -> str:
    """Say which values a column has: labels with their numbers, or range, mean and sd."""
    present = values.dropna()
    if present.empty:
        return "none"
    if pd.api.types.is_numeric_dtype(present) and present.nunique() > FEW_LEVELS:
        low, high = rounded(present.min()), rounded(present.max())
        return f"{low} to {high}; mean {rounded(present.mean())}, sd {rounded(present.std())}"
    counts = present.value_counts()
    if len(counts) > FEW_LEVELS:
        return f"{len(counts):,} labels, {counts.min():,} to {counts.max():,} rows each"
    return ", ".join(f"{_label(level)}: {counts[level]:,}" for level in sorted(counts.index))


def _label(level: Any) -> str:
    return f"{level:g}" if isinstance(level, float) else str(level)


def _unused(study: Study, columns: dict[tuple[str, str], Column]) -> str:
    keys = {"participant", "session", "block", "trial", "region", "condition"}
    names = [
        f"{place}.{name}"
        for place, frame in study.tables.items()
        for name in frame
        if name not in keys and (place, name) not in columns
    ]
    return f"Not read by any of the models: {listed(names, 30)}." if names else ""


def observations(arrangement: Arrangement) -> str:
    """Say how many values of each response were scored."""
    return ", ".join(
        f"{len(scored.observed):,} of {name.replace('_', ' ')}"
        for name, scored in arrangement.scored.items()
    )
