"""Choices after another's choices and one's own rewards, study 1 (Charpentier et al. 2024).

Traps: trials count within blocks, and the side of a box follows from side and colour chosen.
"""

from __future__ import annotations

import pandas as pd

from empathymodels.study.open_study import Files, OpenStudy
from empathymodels.study.study import Study


def _read(files: Files) -> Study:
    trials = pd.read_csv(files["data_study1.csv"])
    trials["first_of_block"] = (trials["trialNbBl"] == 1).astype(int)
    trials["orange_left"] = (trials["choiceLR"] == trials["choiceColor"]).astype(int)
    trials["orange_left"] = trials["orange_left"].where(trials["choiceColor"].notna())
    return Study(
        trials=trials,
        columns={
            "participant": "subNb",
            "block": "blockNb",
            "trial": "trialNbBl",
            "partner_box": "boxPartner",
            "partner_token": "tokPartner",
            "partner_left": "chPartnerLR",
            "orange_rewarded": "isOrRew",
            "points_at_stake": "rewMag",
            "choice": "choiceColor",
        },
    )


OBSERVATION = OpenStudy(
    title="choices after another's choices and own rewards",
    repository="ccharpen/OL_EL_behavior",
    commit="02b6a2415aea3f863a24b40d2670f2ed0672b382",
    files={
        "data/data_study1.csv": "9f8ec9766d264dfcfada40b00fb26638ebaaefb75bac7faa0209bf7e96141881"
    },
    licence="MIT, (c) 2023 ccharpen",
    citation="Charpentier, C. J., Wu, Q., Min, S., Ding, W., Cockburn, J., & O'Doherty, J. P. "
    "(2024). Heterogeneity in strategy use during arbitration between experiential and "
    "observational learning. Nature Communications, 15, 4436. doi:10.1038/s41467-024-48548-y",
    model="observational_learning",
    read=_read,
)
