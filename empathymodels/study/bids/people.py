"""The people of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from empathymodels.messages import Notices, counted, did_you_mean, listed
from empathymodels.study.bids.contents import Contents
from empathymodels.study.spellings import same_but_written_otherwise
from empathymodels.study.table_header import MISSING_TEXT


def people_table(
    contents: Contents, columns: Mapping[str, str], told: Notices
) -> pd.DataFrame | None:
    """Return participants.tsv and the scores of phenotype/, labels as in file names, or None."""
    people, name = contents.people, columns.get("participant", "participant_id")
    if people is None or people.empty:
        if people is not None:
            told.log.append("participants.tsv had no rows")
        if "participant" in columns:
            told.problems.append(
                "`columns` can name 'participant' only for participants.tsv. Found "
                f"'{name}' and no such table with rows. Drop it: the labels are in the file names."
            )
        people, name = None, "participant_id"
    elif name not in people:
        told.problems.append(
            f"participants.tsv must have a column '{name}'. It has {listed(people)}. Name that of "
            f'the labels: columns={{"participant": "..."}}.{did_you_mean(name, people)}'
        )
        return None
    scores = [_scores(path, table, told) for path, table in contents.phenotype.items()]
    if people is None:
        if not scores:
            return None
        people = pd.DataFrame({name: list(dict.fromkeys(contents.labels))})
    people = people.rename(columns={name: "sub-"}).reset_index(drop=True)
    people["sub-"] = people["sub-"].str.removeprefix("sub-")
    for path, table in zip(contents.phenotype, scores, strict=True):
        people = _with_scores(people, path, table, told)
    return people.mask(people.isin(MISSING_TEXT))


def _scores(path: Path, table: pd.DataFrame, told: Notices) -> pd.DataFrame:
    """Return a table of phenotype/ with one row per person; sessions become columns."""
    keys = [key for key in ("participant_id", "session_id") if key in table]
    repeated = table.duplicated(keys) if keys else pd.Series(dtype=bool)
    if "participant_id" not in table or repeated.any():
        rows = f"{counted(int(repeated.sum()), 'row')} that share theirs"
        told.problems.append(
            f"Tables in phenotype/ must have one row for each participant_id (and session_id). "
            f"'{path.name}' has {rows if 'participant_id' in table else 'no participant_id'}. "
            "Repair it, or take it out."
        )
        return pd.DataFrame(index=pd.Index([], name="participant_id"))
    table = table.assign(participant_id=table["participant_id"].str.removeprefix("sub-"))
    if "session_id" not in table:
        return table.set_index("participant_id")
    table["session_id"] = table["session_id"].str.removeprefix("ses-")
    if table["session_id"].nunique() < 2:
        return table.drop(columns="session_id").set_index("participant_id")
    wide = table.pivot(index="participant_id", columns="session_id")
    wide.columns = pd.Index([f"{column}_{session}" for column, session in wide.columns])
    told.log.append(f"'{path.name}': a column for each session, such as '{wide.columns[0]}'")
    return wide


def _with_scores(
    people: pd.DataFrame, path: Path, scores: pd.DataFrame, told: Notices
) -> pd.DataFrame:
    twice = [column for column in scores if column in people]
    named = scores.rename(columns={name: f"{path.stem}_{name}" for name in twice})
    strangers = scores.index.difference(people["sub-"])
    size = counted(named.shape[1], "column")
    line = f"took {size} of {len(scores) - len(strangers):,} people from phenotype/{path.name}"
    line += f" ({listed(twice)} as '{path.stem}_...')" if twice else ""
    if len(strangers):
        line += f"; left out {listed(strangers, 3)}, no participants"
        near = same_but_written_otherwise(strangers, people["sub-"]).strip()
        line += f". {near.rstrip('.')}" if near else ""
    (told.done if len(strangers) else told.log).append(line)
    return people.join(named, on="sub-")
