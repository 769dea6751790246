"""Unpleasantness of own pain and of another's, under oxazepam or placebo (Nilsonne et al. 2017).

Traps: only those whom the authors included in this experiment are kept, waves are labels and no
numbers, and ratings have no number: they are in their order.
"""

from __future__ import annotations

import pandas as pd

from empathymodels.study.open_study import Files, OpenStudy
from empathymodels.study.study import Study


def _read(files: Files) -> Study:
    everybody = pd.read_csv(files["demographics.csv"])
    people = everybody.query("Included_EP == True").rename(columns={"Subject": "participant"})
    people["Wave"] = "wave " + people["Wave"].astype(str)
    ratings = pd.read_csv(files["Ratings.csv"])
    ratings = ratings[ratings["Subject"].isin(people["participant"])].copy()
    ratings["trial"] = ratings.groupby("Subject").cumcount() + 1
    return Study(
        trials=ratings,
        participants=people[["participant", "Treatment", "Wave", "IRI_EC"]],
        columns={
            "participant": "Subject",
            "pain": "Stimulus",
            "group": "Condition",
            "rating": "Unpleasantness",
        },
        codes={"pain": {"High": 1, "Low": 0}, "group": {"Self": "in", "Other": "out"}},
        log=(f"kept {len(people)} of {len(everybody)} people: those whom the authors included",),
    )


OXAZEPAM = OpenStudy(
    title="unpleasantness of own pain and of another's, under oxazepam or placebo",
    repository="GNilsonne/Data-and-analysis-code-Oxazepam-and-emotion",
    commit="af10b1ed55a5f53169c4160815caa986bc45f8b5",
    files={
        "Ratings.csv": "e96ef96cfaa92f7f5a4667b0e44522f7eeed2a0ea3e9f1323c578b3e4a0b09f3",
        "demographics.csv": "4bfef1307a4d050f537bf3290eab1ee893f49ec7acc8540a9d98ef12822bbc9b",
    },
    licence="CC0 1.0",
    citation="Nilsonne, G., et al. (2017). Effects of 25 mg oxazepam on emotional mimicry and "
    "empathy for pain: a randomized controlled experiment. Royal Society Open Science, 4. "
    "Data: doi:10.6084/m9.figshare.1558201",
    model="intergroup_bias",
    variant='.rival("no_items")',
    read=_read,
)
