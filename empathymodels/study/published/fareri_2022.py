"""Trust in a friend, a stranger and a computer: choices, and connectivity (Fareri et al. 2022).

Traps: what came back is the row after the choice, and only if something was sent. The two amounts
differ from trial to trial. The friends of those who were scanned have played, too: of a pair
(column `pair`) each is the other's friend. A missed trial names no partner and is left out.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from empathymodels.study.open_study import Files, FileTable, OpenStudy
from empathymodels.study.study import Study

NUMBERS = [
    *(104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 115, 116, 117, 118, 120, 121, 122, 124),
    *(125, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 140, 141, 142, 143),
    *(144, 145, 147, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 204, 205, 206, 207),
    *(208, 209, 210, 211, 212, 213, 215, 216, 217, 218, 220, 221, 222, 224, 225, 226, 227, 228),
    *(230, 231, 232, 233, 234, 235, 236, 237, 240, 241, 242, 244, 245, 247, 249, 250, 251, 252),
    *(253, 254, 255, 256, 257, 258, 259),
]
RUNS = {  # of all others 5
    (1, 2): [109, 110, 136, 144, 145, 152, 154, 156],
    (1, 2, 3): [106, 143, 213, 230, 235, 247, 250],
    (1, 2, 3, 4): [
        *(134, 138, 141, 149, 207, 210, 211, 212, 215, 216, 217, 221, 227, 236, 242, 249, 253),
        *(256, 257, 259),
    ],
    (1, 5): [254],
}
OF_PERSON = {number: runs for runs, numbers in RUNS.items() for number in numbers}
EVENTS = FileTable(
    paths=tuple(
        f"bids/sub-{number}/func/sub-{number}_task-trust_run-{run:02}_events.tsv"
        for number in NUMBERS
        for run in OF_PERSON.get(number, (1, 2, 3, 4, 5))
    ),
    columns=("trial_type", "response_time", "choice", "cLow", "cHigh"),
    digest="269b7667c7841e8d6c8461aa560786cb02d95df96fdeafeabc6e4653096b2274",
)
SCANNED = 200  # numbers below are of people who were scanned
NETWORKS = {
    "DMN": "summary_ROI-func_DMN-tpj_type-melodic-nppi-dmn.csv",
    "ECN": "summary_ROI-func_ECN-insula_type-melodic-nppi-ecn.csv",
}
PARTNERS = {"C": "computer", "S": "stranger", "F": "friend"}
CONNECTIONS = {  # by the names that the model has for connections
    "ACC_to_AI": "DMN_def",
    "AI_to_ACC": "DMN_rec",
    "AI_to_VS": "ECN_def",
    "VS_to_AI": "ECN_rec",
}


def _choices(files: Files) -> Study:
    events = EVENTS.read(files)
    named = events["file"].str.extract(r"sub-(?P<sub>\d+)_task-trust_run-(?P<run>\d+)_")
    events = events.join(named.astype(int))
    events[["kind", "partner", "outcome"]] = _kinds(events["trial_type"])
    events = events.assign(returned=_returned(events))
    trials = events[events["kind"].isin(["choice", "missed"])]
    trials = trials.assign(trial=trials.groupby("sub").cumcount() + 1)
    chosen = trials[trials["kind"] == "choice"]
    kept = ["sub", "run", "trial", "partner", "cLow", "cHigh", "choice", "returned"]
    return Study(
        trials=chosen[kept].astype({"cLow": float, "cHigh": float}),
        participants=_people(events["sub"], files["participants.tsv"]),
        columns={"participant": "sub", "low": "cLow", "high": "cHigh"},
        codes={"choice": {"low": 0, "high": 1}},
        log=(f"left out {len(trials) - len(chosen)} missed trials, which name no partner",),
    )


def _kinds(trial_types: pd.Series) -> pd.DataFrame:
    """Part outcome_friend_recip into what it is, of whom, and how it ended."""
    return trial_types.str.extract(r"(\w+?)_([a-z]+)(?:_([a-z]+))?$")


def _returned(events: pd.DataFrame) -> pd.Series:
    """Whether it came back: what the next row of the same run and partner shows."""
    following = events.groupby("file")[["kind", "partner", "outcome"]].shift(-1)
    is_shown = (following["kind"] == "outcome") & (following["partner"] == events["partner"])
    return following["outcome"].where(is_shown).map({"recip": 1.0, "defect": 0.0})


def _people(numbers: pd.Series, file: object) -> pd.DataFrame:
    """Who was scanned and who is whose friend; age and sex are known of those scanned."""
    people = pd.DataFrame({"sub": numbers.unique()})
    is_scanned = people["sub"] < SCANNED
    people["role"] = is_scanned.map({True: "scanned", False: "friend"})
    people["pair"] = "pair " + (people["sub"] % 100).astype(str)
    known = pd.read_csv(file, sep="\t")
    known["sub"] = known["participant_id"].str.removeprefix("sub-").astype(int)
    return people.merge(known[["sub", "age", "sex"]], on="sub", how="left")


def _connectivity(files: Files) -> Study:
    parts = []
    for network, file in NETWORKS.items():
        long = pd.read_csv(files[file]).melt(["participant_id", "age", "sex"])
        long[["partner", "outcome"]] = long["variable"].str.split("_", expand=True)
        parts.append(long.assign(connection=network + "_" + long["outcome"]))
    every = pd.concat(parts)
    table = every.pivot(index=["participant_id", "partner"], columns="connection", values="value")
    table -= table.groupby("participant_id").transform("mean")
    table = (table / table.std()).reset_index()
    table["motive"] = table["partner"].map({letter: k for k, letter in enumerate(PARTNERS)})
    table["partner"] = table["partner"].map(PARTNERS)
    return Study(
        trials=table.assign(trial=table["motive"] + 1),
        participants=every[["participant_id", "age", "sex"]].drop_duplicates(),
        columns={"participant": "participant_id"} | CONNECTIONS,
        log=(
            "everybody's mean over partners was taken from connectivity, and it was divided by "
            "its standard deviation",
        ),
    )


_of_trust = partial(
    OpenStudy,
    repository="DVS-Lab/srndna-trustgame",
    commit="7b36c118bbc135d194cef35916a72d20b9f92a01",
    licence="MIT, (c) 2021 Temple University Neuroeconomics Lab",
    citation="Fareri, D. S., Hackett, K., Tepfer, L. J., Kelly, V., Henninger, N., Reeck, C., "
    "Giovannetti, T., & Smith, D. V. (2022). Age-related differences in ventral striatal and "
    "default mode network function during reciprocated trust. NeuroImage, 256, 119267. "
    "doi:10.1016/j.neuroimage.2022.119267",
)
CHOICES = _of_trust(
    title="money entrusted to a friend, a stranger and a computer",
    files={
        "bids/participants.tsv": "2583e71a5a1752425601111bc24bedcb9ae2db844d47f1c4fbbc581229aa40b9"
    },
    tables=(EVENTS,),
    model="trust_social_value",
    read=_choices,
)
CONNECTIVITY = _of_trust(
    title="connectivity of two networks after a friend, a stranger and a computer returned or not",
    files={
        f"derivatives/imaging/{NETWORKS['DMN']}": (
            "e2b65c134759f089a4ecd66f640a7281b46a937638a4730d6502d89060a8b642"
        ),
        f"derivatives/imaging/{NETWORKS['ECN']}": (
            "63359dff3e4a2cd65ac6fc6b2b28c640916e16a3ef45cefa921993b23fe3a211"
        ),
    },
    model="motive_connectivity",
    read=_connectivity,
)
