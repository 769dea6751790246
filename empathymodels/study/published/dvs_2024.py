"""Wins and losses shared with a friend, a stranger and a computer: ratings, ventral striatum.

Traps: betas name nobody; their lines are in the order of the people of the authors' group model.
For regions other than the striatum the order is not known, and they stay behind. Betas keep their
arbitrary unit, which the model's priors do not expect. Of the 228 people 178 have both ratings and
betas. Age stands in three places: with the ratings, in the table of one cohort, and centred in the
group model. There is one rating per person, partner and outcome.
"""

from __future__ import annotations

import pandas as pd

from empathymodels.study.open_study import Files, FileTable, OpenStudy
from empathymodels.study.study import Study

PARTNERS = {1: "computer", 2: "stranger", 3: "friend"}
FIRST_OF_RF1 = 10_000  # people of the other cohort, SRNDNA, have three digits
CELLS = {  # file of betas of each partner and outcome (1: a win)
    ("computer", 0): "01_cname-C_pun",
    ("computer", 1): "02_cname-C_rew",
    ("friend", 0): "03_cname-F_pun",
    ("friend", 1): "04_cname-F_rew",
    ("stranger", 0): "05_cname-S_pun",
    ("stranger", 1): "06_cname-S_rew",
}
BETAS = {
    cell: f"VS-Imanova_2mm.nii_model-1_type-act_cope-{name}.txt" for cell, name in CELLS.items()
}
ORDER = FileTable(
    paths=("code/basic-model.csv",),
    columns=("sub", "age"),
    digest="eb63a619c7b7e37660d370de8f38b5b6729eae00cf604002e53f08c5ef948e29",
)


def _read(files: Files) -> Study:
    scanned = ORDER.read(files).astype({"sub": int, "age": float})
    ratings = pd.read_csv(files["combined_logs-edited.csv"])
    ratings = ratings.assign(partner=ratings["partner"].map(PARTNERS), win=1 - ratings["trait"])
    asked = ratings[["partner", "win", "trial"]].drop_duplicates()  # the same order for everybody
    people = pd.DataFrame({"sub": pd.concat([ratings["sub"], scanned["sub"]]).unique()})
    trials = people.merge(asked, how="cross")
    keys = ["sub", "partner", "win", "trial"]
    trials = trials.merge(ratings[[*keys, "response"]], on=keys, how="left")
    is_rf1 = people["sub"] >= FIRST_OF_RF1
    return Study(
        trials=trials,
        participants=people.assign(
            age=_ages(people["sub"], scanned, files),
            cohort=is_rf1.map({True: "RF1", False: "SRNDNA"}),
        ),
        regions=_betas(scanned["sub"], files).merge(asked)[["sub", "trial", "region", "beta"]],
        columns={"participant": "sub", "rating": "response"},
    )


def _betas(people: pd.Series, files: Files) -> pd.DataFrame:
    """Betas of people in the order of the group model."""
    parts = []
    for (partner, win), name in BETAS.items():
        values = pd.read_csv(files[name], header=None)[0]
        if len(values) != len(people):
            raise ValueError(
                f"'{name}' must have a line for each of the {len(people)} people of "
                f"basic-model.csv; found {len(values)}. Take both of one commit."
            )
        part = pd.DataFrame({"sub": people, "beta": values})
        parts.append(part.assign(partner=partner, win=win, region="VS"))
    return pd.concat(parts)


def _ages(people: pd.Series, scanned: pd.DataFrame, files: Files) -> pd.Series:
    """Age in years, from wherever it is known."""
    rated = pd.read_csv(files["combined_logs_with_age.csv"]).groupby("sub")["age"].first()
    cohort = pd.read_csv(files["participants.tsv"], sep="\t")
    cohort["sub"] = cohort["participant_id"].str.removeprefix("sub-").astype(int)
    known = rated.dropna().combine_first(cohort.set_index("sub")["age"])
    centred = scanned.set_index("sub")["age"]
    mean = (known - centred).mean()  # which ages of the group model are centred at
    return people.map(known.combine_first(centred + mean)).round(2)


SHARED = OpenStudy(
    title="wins and losses shared with a friend, a stranger and a computer",
    repository="DVS-Lab/sharedreward-aging",
    commit="f7bdeb8b80ccaed9985b51c51c81b22cad4fafe7",
    licence="MIT, (c) 2024 Temple University Neuroeconomics Lab",
    citation="DVS-Lab, Temple University. Shared reward and aging: "
    "https://github.com/DVS-Lab/sharedreward-aging. Task: Fareri, D. S., Niznikiewicz, M. A., Lee, "
    "V. K., & Delgado, M. R. (2012). Social network modulation of reward-related signals. Journal "
    "of Neuroscience, 32, 9045-9052. doi:10.1523/JNEUROSCI.0610-12.2012",
    files={
        "code/combined_logs-edited.csv": (
            "35296f9611d2b02e0cc62083ac3b67d53ed03457c703b9c1bec9010b5041f8ed"
        ),
        "code/combined_logs_with_age.csv": (
            "a96cc60f6ed01b1c9b0cd245a7f49dfb34fca74deae444863b83e477c0e5f439"
        ),
        "bids/participants.tsv": "adcb8eb78991c9617d0ebdb19ff8ab1d197e011765352f24c6ef09ac0f536968",
    }
    | {
        f"derivatives/imaging_plots/{BETAS[cell]}": digest
        for cell, digest in {
            ("computer", 0): "a823a30c234e25db9a50f48f40128d8a92771fda8bdeb3d58229328e4fe5b47b",
            ("computer", 1): "fdc2bd42beea01208cd7bd9f29c808b0245bf91720dc8f688dd312d086547cc1",
            ("friend", 0): "46b1b31ac4104487022c2988d0b8ee0773ef2268b4e297316bc1085a5c97f772",
            ("friend", 1): "d4a8bf2555dd047e9e637ad42504df8febf6a3b3ce7427991174a8c77375a1d1",
            ("stranger", 0): "fa1c8890dea2f40b127d8ed19d5367345749fa203599a46bcc1d7ee2745c3a36",
            ("stranger", 1): "e99b1db473d8aea5bf3fd878080d79520d908720db4e46995be2a158f3d26296",
        }.items()
    },
    tables=(ORDER,),
    model="vicarious_reward",
    variant=".with_range(rating=(-5, 5))",
    read=_read,
)
