"""Studies that come with the package."""

from __future__ import annotations

import json
from pathlib import Path

from empathymodels.arguments import checked_arguments
from empathymodels.messages import did_you_mean, listed
from empathymodels.study.study import Study


@checked_arguments
def load_study(name: str) -> Study:
    """Return one of the bundled studies.

    Examples
    --------
    >>> load_study("outgroup_help").name
    'outgroup_help'
    """
    folder = study_folder(name)
    about = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    people, regions = folder / "participants.csv", folder / "regions.csv"
    return Study(
        trials=folder / "trials.csv",
        participants=people if people.exists() else None,
        regions=regions if regions.exists() else None,
        name=name,
        citation=about.get("citation", ""),
        notes=about.get("notes", ""),
    )


def list_studies() -> list[str]:
    """Return the names of the bundled studies.

    Examples
    --------
    >>> "outgroup_help" in list_studies()
    True
    """
    return sorted(file.parent.name for file in _data_folder().glob("*/study.json"))


def study_folder(name: str) -> Path:
    """Return the folder of a bundled study; KeyError names those that exist."""
    known = list_studies()
    if name not in known:
        raise KeyError(
            f"No bundled study is named '{name}'. There are {listed(known)}. Name one of them, or "
            "read your own with Study(trials=...)." + did_you_mean(name, known)
        )
    return _data_folder() / name


def _data_folder() -> Path:
    installed = Path(__file__).parents[1] / "data"
    return installed if installed.exists() else Path(__file__).parents[2] / "data"
