"""Effort for oneself and for another after damage to the brain (Lockwood et al. 2024).

Traps: a choice of 2 is a missed trial, and the group is in the file of estimates.
"""

from __future__ import annotations

import pandas as pd

from empathymodels.study.open_study import Files, OpenStudy
from empathymodels.study.study import Study


def _read(files: Files) -> Study:
    people = pd.read_csv(files["EM_fit_parameters_all.csv"])
    return Study(
        trials=files["lme_data_PM_am-mpfc-lc-ol.csv"],
        participants=people[["ui", "group"]].rename(columns={"ui": "PM_ID"}),
        columns={
            "participant": "PM_ID",
            "trial": "Trial number",
            "work": "Choice",
            "reward": "Reward",
            "effort": "Effort",
            "recipient": "Agent",
        },
        missing={"work": 2},
        codes={
            "recipient": {1: "self", 2: "other"},
            "group": {1: "healthy", 2: "vmPFC", 3: "lesion control", 4: "other lesion"},
        },
    )


EFFORT = OpenStudy(
    title="effort for oneself and for another after damage to the brain",
    repository="SDN-lab/prosocial_motiv_vmpfc",
    commit="628bf17a6c2774ec349e56b6c7f534ba4bf5362d",
    files={
        "PM_R_code/data/lme_data_PM_am-mpfc-lc-ol.csv": (
            "a914671bc0dcbca30405aaea7ab4e17b5429f3b4036b0a584a4fa0e8af1ba532"
        ),
        "PM_R_code/data/EM_fit_parameters_all.csv": (
            "a03d28f50b21e3edfc13dad85eca567bef0ec6e1c17b7bf4fb68ec681c29fbe7"
        ),
    },
    licence="MIT, (c) 2023 SDN-lab",
    citation="Lockwood, P. L., Cutler, J., Drew, D., Abdurahman, A., Jeyaretna, D. S., Apps, "
    "M. A. J., Husain, M., & Manohar, S. G. (2024). Human ventromedial prefrontal cortex is "
    "necessary for prosocial motivation. Nature Human Behaviour, 8, 1403-1416. "
    "doi:10.1038/s41562-024-01899-4",
    model="prosocial_effort",
    read=_read,
)
