"""The people of a data set."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from empathymodels.bids.contents import Contents
from empathymodels.table_files import MISSING_TEXT
from empathymodels.wording import Told, did_you_mean, listed


def people_table(contents: Contents, columns: Mapping[str, str], told: Told) -> pd.DataFrame | None:
    """Return participants.tsv with labels as in file names, or None."""
    people, name = contents.people, columns.get("participant", "participant_id")
    if people is None or people.empty:
        if people is not None:
            told.log.append("participants.tsv had no rows")
        if "participant" in columns:
            told.problems.append(
                "`columns` can name 'participant' only for participants.tsv. Found "
                f"'{name}' and no such table with rows. Drop it: the labels are in the file names."
            )
        return None
    if name not in people:
        told.problems.append(
            f"participants.tsv must have a column '{name}'. It has {listed(people)}. Name that of "
            f'the labels: columns={{"participant": "..."}}.{did_you_mean(name, people)}'
        )
        return None
    people = people.rename(columns={name: "sub-"}).reset_index(drop=True)
    people["sub-"] = people["sub-"].str.removeprefix("sub-")
    return people.mask(people.isin(MISSING_TEXT))
