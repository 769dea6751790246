"""Gambles for oneself, a friend and a stranger, with empathy scales (Fareri lab).

Traps: a row of one person bears another's number in `Subject`, and `SubName` is right throughout.
The authors' key describes an earlier coding of `Condition`. The scales stand in the first rows, one
row per person in the order of `SubName`, and have nothing to do with the gambles beside them. A
missed gamble has no response; its response time is missing or 0.
"""

from __future__ import annotations

import pandas as pd

from empathymodels.study.open_study import Files, OpenStudy
from empathymodels.study.study import Study

SCALES = [
    *("IRI_Total", "IRI_EC", "IRI_PT", "IRI_distress", "IRI_fantasy"),
    *("MPSS_Total", "MPSS_friend", "RSE"),
]


def _read(files: Files) -> Study:
    trials = pd.read_csv(files["SLA_Empathy_allsubs_Final_03_31_DF.csv"])
    people = trials.groupby("SubName")[["Sex", "Age", "Include"]].first().reset_index()
    scales = trials.loc[: len(people) - 1, SCALES]
    trials["trial"] = trials.groupby("SubName").cumcount() + 1
    trials["loss"] = 0 - trials["Amount2"]
    trials["response_time"] = (trials["RT"] / 1000).where(trials["Response"].notna())
    kept = ["SubName", "trial", "Condition", "Response", "response_time", "Amount1", "loss"]
    return Study(
        trials=trials[[*kept, "Certain"]],
        participants=people.join(scales),
        columns={
            "participant": "SubName",
            "recipient": "Condition",
            "gamble": "Response",
            "gain": "Amount1",
            "certain": "Certain",
        },
        codes={
            "recipient": {0: "self", 1: "stranger", -1: "friend"},
            "Sex": {0: "male", 1: "female"},
        },
    )


GAMBLES = OpenStudy(
    title="gambles for oneself, a friend and a stranger",
    repository="fareri-lab/SLA_Empathy",
    commit="789594d0fa6b08bf78101748ebea9ad3a9c61a5d",
    files={
        "SLA_Empathy_allsubs_Final_03_31_DF.csv": (
            "464060c8f3cc21655b8d66fd8af602ae8f3adb97505c757a5bfbd71b053b0742"
        )
    },
    licence="MIT, (c) 2019 fareri-lab",
    citation="Fareri lab, Adelphi University. Social loss aversion and empathy: data of 2019 to "
    "2021. https://github.com/fareri-lab/SLA_Empathy",
    model="",
    read=_read,
)
