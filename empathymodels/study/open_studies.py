"""Open studies of others: where their files are, and how these become a `Study`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from empathymodels.study.study import Study


@dataclass(frozen=True)
class OpenStudy:
    """A published data set under an open licence.

    Attributes
    ----------
    title : str
        What was studied, in words.
    repository, commit : str
        Where its files are on GitHub (owner/name), and in which state.
    files : mapping of str to (str, str)
        Path in the repository and SHA-256 of every file that is read, by its name.
    licence, citation : str
        What to keep with copies, and what to cite.
    model : str
        The built-in model that is nearest.
    read : callable
        Make a study of the files in a folder.
    """

    title: str
    repository: str
    commit: str
    files: Mapping[str, tuple[str, str]]
    licence: str
    citation: str
    model: str
    read: Callable[[Path], Study]

    @property
    def address(self) -> str:
        """Where files are downloaded from."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/"


def _lockwood(folder: Path) -> Study:
    """Group from the file of estimates; a choice of 2 is a missed trial."""
    people = pd.read_csv(folder / "EM_fit_parameters_all.csv")
    return Study(
        trials=folder / "lme_data_PM_am-mpfc-lc-ol.csv",
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


def _charpentier(folder: Path) -> Study:
    """Trials count within blocks, and the side of a box follows from side and colour chosen."""
    trials = pd.read_csv(folder / "data_study1.csv")
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


def _saulin(folder: Path) -> Study:
    """Trials have no number: they are in their order."""
    trials = pd.read_csv(folder / "data_all_trials.csv", sep=";")
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


def _nilsonne(folder: Path) -> Study:
    """Those whom the authors included; ratings are in their order."""
    people = pd.read_csv(folder / "demographics.csv").query("Included_EP == True")
    people = people.rename(columns={"Subject": "participant"})
    people["Wave"] = "wave " + people["Wave"].astype(str)
    ratings = pd.read_csv(folder / "Ratings.csv")
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
    )


OPEN_STUDIES = {
    "charpentier_2024": OpenStudy(
        title="choices after another's choices and own rewards",
        repository="ccharpen/OL_EL_behavior",
        commit="02b6a2415aea3f863a24b40d2670f2ed0672b382",
        files={
            "data_study1.csv": (
                "data/data_study1.csv",
                "9f8ec9766d264dfcfada40b00fb26638ebaaefb75bac7faa0209bf7e96141881",
            )
        },
        licence="MIT, (c) 2023 ccharpen",
        citation="Charpentier, C. J., Wu, Q., Min, S., Ding, W., Cockburn, J., & O'Doherty, J. P. "
        "(2024). Heterogeneity in strategy use during arbitration between experiential and "
        "observational learning. Nature Communications, 15, 4436. doi:10.1038/s41467-024-48548-y",
        model="observational_learning",
        read=_charpentier,
    ),
    "lockwood_2024": OpenStudy(
        title="effort for oneself and for another after damage to the brain",
        repository="SDN-lab/prosocial_motiv_vmpfc",
        commit="628bf17a6c2774ec349e56b6c7f534ba4bf5362d",
        files={
            "lme_data_PM_am-mpfc-lc-ol.csv": (
                "PM_R_code/data/lme_data_PM_am-mpfc-lc-ol.csv",
                "a914671bc0dcbca30405aaea7ab4e17b5429f3b4036b0a584a4fa0e8af1ba532",
            ),
            "EM_fit_parameters_all.csv": (
                "PM_R_code/data/EM_fit_parameters_all.csv",
                "a03d28f50b21e3edfc13dad85eca567bef0ec6e1c17b7bf4fb68ec681c29fbe7",
            ),
        },
        licence="MIT, (c) 2023 SDN-lab",
        citation="Lockwood, P. L., Cutler, J., Drew, D., Abdurahman, A., Jeyaretna, D. S., Apps, "
        "M. A. J., Husain, M., & Manohar, S. G. (2024). Human ventromedial prefrontal cortex is "
        "necessary for prosocial motivation. Nature Human Behaviour, 8, 1403-1416. "
        "doi:10.1038/s41562-024-01899-4",
        model="prosocial_effort",
        read=_lockwood,
    ),
    "nilsonne_2017": OpenStudy(
        title="unpleasantness of own pain and of another's, under oxazepam or placebo",
        repository="GNilsonne/Data-and-analysis-code-Oxazepam-and-emotion",
        commit="af10b1ed55a5f53169c4160815caa986bc45f8b5",
        files={
            "Ratings.csv": (
                "Ratings.csv",
                "e96ef96cfaa92f7f5a4667b0e44522f7eeed2a0ea3e9f1323c578b3e4a0b09f3",
            ),
            "demographics.csv": (
                "demographics.csv",
                "4bfef1307a4d050f537bf3290eab1ee893f49ec7acc8540a9d98ef12822bbc9b",
            ),
        },
        licence="CC0 1.0",
        citation="Nilsonne, G., et al. (2017). Effects of 25 mg oxazepam on emotional mimicry and "
        "empathy for pain: a randomized controlled experiment. Royal Society Open Science, 4. "
        "Data: doi:10.6084/m9.figshare.1558201",
        model="intergroup_bias",
        read=_nilsonne,
    ),
    "saulin_2022": OpenStudy(
        title="help out of empathy, reciprocity or both",
        repository="AnneSaulin/complex_motivations",
        commit="22515ff076d0cda34815e81659f3bc65743724b3",
        files={
            "data_all_trials.csv": (
                "data_all_trials.csv",
                "f0a61b29469ffecddd047402020c1cb968b185757a87ebdc8ebb36fd1f14ace3",
            )
        },
        licence="MIT, (c) 2019 AnneSaulin",
        citation="Saulin, A., Horn, U., Lotze, M., Kaiser, J., & Hein, G. (2022). The neural "
        "computation of human prosocial choices in complex motivational states. NeuroImage, "
        "118827. doi:10.1016/j.neuroimage.2021.118827",
        model="costly_helping",
        read=_saulin,
    ),
}
