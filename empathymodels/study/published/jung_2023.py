"""Expected and experienced pain after cues, of a patient and of one's own (Spacetop).

Traps: the two tasks have one numbering of people and of visits, and run on in each other's runs;
here they are two studies. The authors fitted the own pain of those with 48 trials at least and all
three visits: column `included`.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from empathymodels.study.open_study import Files, OpenStudy
from empathymodels.study.study import Study

COLUMNS = {
    "participant": "src_subject_id",
    "session": "session_id",
    "block": "param_run_num",
    "trial": "trial_index_runwise",
    "cue": "param_cue_type",
    "stimulus": "param_stimulus_type",
    "expectation_rating": "event02_expect_angle",
    "outcome_rating": "event04_actual_angle",
}
TRIALS, VISITS = 48, 3  # what the authors asked of people whom they fitted


def _patient(files: Files) -> Study:
    return Study(trials=files["spacetop_cue_vicarious_0405.csv"], columns=COLUMNS)


def _own(files: Files) -> Study:
    trials = pd.read_csv(files["spacetop_cue_pain_0405.csv"])
    visits = trials.groupby("src_subject_id", sort=False)["session_id"].agg(["size", "nunique"])
    is_included = (visits["size"] >= TRIALS) & (visits["nunique"] == VISITS)
    people = is_included.astype(int).rename("included").reset_index()
    return Study(trials=trials, participants=people, columns=COLUMNS)


_of_spacetop = partial(
    OpenStudy,
    repository="jungheejung/cue_RL",
    commit="49cf27f76a000b76407be1f6ad1e0994b472f548",
    licence="MIT, (c) 2023 jungheejung",
    citation="Jung, H., Wager, T. D., et al. Spacetop: effects of expectations on negative affect, "
    "perceived cognitive effort, and pain. Trial registration NCT05425563",
    model="cue_expectation_learning",
)
PATIENT = _of_spacetop(
    title="a patient's pain, expected after a cue and seen",
    files={
        "data/spacetop_cue_vicarious_0405.csv": (
            "b62e0de15897cff9310f2f50acd4e78e2a4800cb00642fe0f4b31b13b4c378f9"
        )
    },
    read=_patient,
)
OWN = _of_spacetop(
    title="pain of one's own, expected after a cue and felt",
    files={
        "data/spacetop_cue_pain_0405.csv": (
            "31f2a3b554ce58d59989a4564e190b6cf945079425b499fd4cea060737c7e013"
        )
    },
    read=_own,
)
