"""Designs of other numbers of people and of trials."""

from __future__ import annotations

import pandas as pd

from empathymodels.messages import counted, listed
from empathymodels.study.study import Study


def resized(study: Study, people: int, trials: int | None = None) -> Study:
    """Return a design of so many people, each with their first so many trials.

    Raises
    ------
    ValueError
        Somebody has fewer trials.
    """
    known = study.participants["participant"].tolist()
    names = [f"P{k:05}" for k in range(1, people + 1)]
    tables: dict[str, pd.DataFrame] = {}
    kept = study.trials
    if kept is not None and trials is not None:
        place = kept.groupby("participant").cumcount()
        sizes = kept["participant"].value_counts()
        short = sizes[sizes < trials]
        if len(short):
            raise ValueError(
                f"A design must have as many trials as are asked for, {trials} per person; "
                f"{counted(len(short), 'participant')} have fewer, {listed(short.index, 3)} for "
                f"example {short.iloc[0]}. Ask for fewer, or give a design with more."
            )
        kept = kept[place < trials]
    for name, table in study.tables.items():
        rows = kept if name == "trials" and kept is not None else table
        if name == "regions" and kept is not None and "trial" in rows:
            keys = [key for key in ("participant", "session", "block", "trial") if key in rows]
            rows = rows.merge(kept[keys].drop_duplicates(), on=keys)
        of_person = dict(list(rows.groupby("participant", sort=False)))
        parts = [
            of_person[known[k % len(known)]].assign(participant=new)
            for k, new in enumerate(names)
            if known[k % len(known)] in of_person
        ]
        tables[name] = pd.concat(parts, ignore_index=True)
    return Study(**tables, name=f"{study.name}, {people} people", simulated=study.simulated)


def trials_per_person(study: Study) -> int:
    """Return the median number of trials that people have."""
    if study.trials is None:
        return 0
    return int(study.trials["participant"].value_counts().median())
