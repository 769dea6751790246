"""Unpleasantness of seeing pain, after normal and too little sleep (Tamm et al. 2017).

Traps: only rows of the type Rate have ratings, the others repeat the trial; a file of one visit has
another layout and none. Sleep was restricted before the visit that `Sl_cond` names; other columns
are guesses of the condition and stay behind. Trials of one visit were begun anew, so they are
counted here. Decimal commas. Many ratings are at an end of the scale.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from empathymodels.study.open_study import Files, FileTable, OpenStudy
from empathymodels.study.study import Study

ABSENT = {9006, 9010, 9015, 9021, 9024, 9027, 9030, 9031, 9043, 9051, 9052, 9060, 9078, 9097, 9099}
ONE_VISIT = {9016, 9022, 9044, 9066, 9095}
EVENTS = FileTable(
    paths=tuple(
        f"sub-{number}/ses-{visit}/func/sub-{number}_ses-{visit}_task-hands_events.tsv"
        for number in range(9001, 9101)
        if number not in ABSENT
        for visit in ((1,) if number in ONE_VISIT else (1, 2))
    ),
    columns=("event_type", "condition", "picture_number", "unpleasantness_rating"),
    digest="ff50c6e0a2a3a18bb8b49370bca7ff19ffc9b850f816a130e7f36e59e9b49836",
)
SCALES = ("IRI_EC", "IRI_PT", "IRI_PD", "IRI_F")
PEOPLE = FileTable(
    paths=("participants.tsv",),
    columns=("participant_id", "Sex", "AgeGroup", *SCALES, "Sl_cond"),
    digest="658422a6667cc29e75605ea7adaae9df4be4675d8c6c1c23e2673b8955fb283b",
)


def _read(files: Files) -> Study:
    events = EVENTS.read(files)
    named = events["file"].str.extract(r"sub-(?P<participant>\d+)_ses-(?P<session>\d)_")
    events = events.join(named)
    rated = events[events["event_type"] == "Rate"].drop(columns=["file", "event_type"])
    rated["trial"] = rated.groupby(["participant", "session"]).cumcount() + 1
    people = PEOPLE.read(files).drop(columns="file")
    people.insert(0, "participant", people.pop("participant_id").str.removeprefix("sub-"))
    restricted = rated["participant"].map(people.set_index("participant")["Sl_cond"])
    rated["sleep"] = np.where(rated["session"] == restricted, "restricted", "normal")
    numbers = {name: pd.to_numeric(people[name]) for name in (*SCALES, "Sl_cond")}
    with_ratings = people["participant"].isin(rated["participant"])
    return Study(
        trials=rated.astype({"session": int, "unpleasantness_rating": float}),
        participants=people.assign(**numbers)[with_ratings],
        columns={
            "pain": "condition",
            "item": "picture_number",
            "rating": "unpleasantness_rating",
        },
        codes={"pain": {"Pain": 1, "No_Pain": 0}},
        log=(
            f"kept {len(rated):,} of {len(events):,} rows of events: those with a rating",
            f"left out {(~with_ratings).sum()} people without ratings",
        ),
    )


HANDS = OpenStudy(
    title="unpleasantness of seeing hands in pain, after normal and after too little sleep",
    repository="NilsonneData/SleepyBrain1",
    commit="728131d73339936bb314092580a5aa73c2f71f48",
    licence="CC0 1.0",
    citation="Tamm, S., Nilsonne, G., Schwarz, J., Lamm, C., Kecklund, G., Petrovic, P., Fischer, "
    "H., Akerstedt, T., & Lekander, M. (2017). The effect of sleep restriction on empathy for "
    "pain: an fMRI study in younger and older adults. Scientific Reports, 7, 12236. "
    "doi:10.1038/s41598-017-12098-9",
    model="intergroup_bias",
    variant='.fix(group_effect=0, bias=0).split("sleep", "baseline", "pain_effect")',
    read=_read,
    tables=(EVENTS, PEOPLE),
)
