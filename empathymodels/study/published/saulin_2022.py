"""Help out of empathy, reciprocity or both (Saulin et al. 2022).

Traps: columns are parted by semicolons, and trials have no number: they are in their order.
"""

from __future__ import annotations

import pandas as pd

from empathymodels.study.open_study import Files, OpenStudy
from empathymodels.study.study import Study


def _read(files: Files) -> Study:
    trials = pd.read_csv(files["data_all_trials.csv"], sep=";")
    trials["trial"] = trials.groupby("ID").cumcount() + 1
    return Study(
        trials=trials,
        columns={
            "participant": "ID",
            "motive": "condition",
            "own_loss": "self_poss_loss",
            "other_gain": "other_poss_gain",
            "help": "resp_code",
        },
    )


MOTIVES = OpenStudy(
    title="help out of empathy, reciprocity or both",
    repository="AnneSaulin/complex_motivations",
    commit="22515ff076d0cda34815e81659f3bc65743724b3",
    files={
        "data_all_trials.csv": "f0a61b29469ffecddd047402020c1cb968b185757a87ebdc8ebb36fd1f14ace3"
    },
    licence="MIT, (c) 2019 AnneSaulin",
    citation="Saulin, A., Horn, U., Lotze, M., Kaiser, J., & Hein, G. (2022). The neural "
    "computation of human prosocial choices in complex motivational states. NeuroImage, "
    "118827. doi:10.1016/j.neuroimage.2021.118827",
    model="costly_helping",
    read=_read,
)
