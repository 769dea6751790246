"""Copies of open studies beside the checkout, brought into the form of their repositories.

Most files there are those of the repositories. Others were converted: hundreds of tables put into
one, columns left out or renamed, people renumbered. They are converted back, as far as what is
read goes, so that adapters meet what a download would bring.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

import empathymodels as em
from empathymodels.study.open_studies import OPEN_STUDIES
from folders import STUDIES

COPIES = {
    "buechel_2018": STUDIES / "buechel2018_empathic_reactions",
    "charpentier_2024": STUDIES / "charpentier2024_observational",
    "dvs_2024": STUDIES / "dvs_sharedreward_aging",
    "fareri_2021": STUDIES / "fareri_sla_empathy",
    "fareri_2022": STUDIES / "dvs_trustgame_fareri2022",
    "fareri_2022_connectivity": STUDIES / "dvs_trustgame_fareri2022",
    "jung_2023": STUDIES / "spacetop_vicarious_cue",
    "jung_2023_own": STUDIES / "spacetop_vicarious_cue",
    "lockwood_2024": STUDIES / "lockwood2024_prosocial_effort_vmpfc",
    "nilsonne_2017": STUDIES / "nilsonne_oxazepam_empathy_pain",
    "saulin_2022": STUDIES / "hein_saulin2019_complex_motives",
    "tamm_2017": STUDIES / "sleepybrain_hands_empathy_pain",
}


def fetched_from_copy(name: str) -> em.Study:
    """Return an open study, read from its copy as from a download."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        put_in_published_form(name, place)
        if name == "buechel_2018":  # its copy has no essays, so that bytes cannot be compared
            open_study = OPEN_STUDIES[name]
            return open_study.read(open_study.located(place))
        return em.fetch_study(name, folder=place)


def put_in_published_form(name: str, place: Path) -> None:
    """Write or link the files of a study into a folder, as its repository has them."""
    if name in CONVERTED:
        CONVERTED[name](COPIES[name], place)
    for path in OPEN_STUDIES[name].files:
        file = COPIES[name] / Path(path).name
        if file.exists():
            (place / file.name).symlink_to(file)


def text_of(folder: Path) -> pd.DataFrame:
    """Return the events of a copy as they are written."""
    return _texts(folder / "events_concat.tsv")


def _texts(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, sep="\t", dtype=str, keep_default_na=False)


def split(table: pd.DataFrame, root: Path, task: str, keys: list[str]) -> None:
    """Write a table as the BIDS tree that it was put together from."""
    for labels, part in table.groupby(keys, sort=False):
        names = dict(zip(keys, labels, strict=True))
        said = [f"{key}-{names[key]}" for key in ("sub", "ses") if key in names]
        run = [f"run-{names['run']}"] if "run" in names else []
        file = Path(root, *said, "func", "_".join([*said, f"task-{task}", *run, "events.tsv"]))
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = part.drop(columns=keys)
        absent = rows.columns[(rows == "n/a").all()]
        rows.drop(columns=absent).to_csv(file, sep="\t", index=False)


def _trust(folder: Path, place: Path) -> None:
    split(text_of(folder), place / "bids", "trust", ["sub", "run"])


def _hands(folder: Path, place: Path) -> None:
    split(text_of(folder), place, "hands", ["sub", "ses"])
    people = _texts(folder / "participants_subset.tsv")
    scales = [column for column in people if column.startswith("IRI_")]
    commas = {scale: people[scale].str.replace(".", ",") for scale in scales}
    people.assign(**commas).to_csv(place / "participants.tsv", sep="\t", index=False)


def _shared_reward(folder: Path, place: Path) -> None:
    people = pd.read_csv(folder / "derived_vs_roi_by_person.csv", dtype=str)
    people = people.rename(columns={"age_centred": "age"})
    people[["sub", "age", "fdmean", "flip", "study"]].to_csv(place / "basic-model.csv", index=False)


def _stories(folder: Path, place: Path) -> None:
    ratings = pd.read_csv(folder / "ratings_no_text.csv", dtype=str)
    codes = "R_" + ratings["participant"].str.zfill(3)
    ratings = ratings.assign(response_id=codes, essay='An essay, with "quotes".')
    ratings.drop(columns="participant").to_csv(place / "messages.csv", index=False)


CONVERTED = {
    "buechel_2018": _stories,
    "dvs_2024": _shared_reward,
    "fareri_2022": _trust,
    "tamm_2017": _hands,
}
