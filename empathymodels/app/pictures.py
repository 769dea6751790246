"""The pictures of an analysis: the package's own plots of its fits, and what they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from empathymodels.app.progress import names_of, rows, short
from empathymodels.app.session import Session
from empathymodels.messages import words
from empathymodels.reporting.captions import (
    COMPARISON,
    PARAMETERS,
    Caption,
    of_people,
    of_predictions,
)

ABOUT = {"people": of_people, "predictions": of_predictions}
MOST_TOLD = 12  # medians that a text in place of a picture tells


@dataclass(frozen=True)
class Shown:
    """A picture that was drawn.

    Attributes
    ----------
    file : str
        Its name in the folder of the session.
    caption : Caption
        What it shows, in words.
    """

    file: str
    caption: Caption


def pictures(session: Session) -> dict[str, list[Shown]]:
    """Return the pictures that were drawn, by fit; that of the comparison under ``comparison``."""
    found = {name: list(_of_fit(session.folder, name)) for name in names_of(session.fitted)}
    if (session.folder / "comparison.png").is_file():
        found["comparison"] = [Shown("comparison.png", COMPARISON)]
    return {name: shown for name, shown in found.items() if shown}


def _of_fit(folder: Path, name: str) -> Iterator[Shown]:
    if (folder / f"{name}-parameters.png").is_file():
        says = f"{PARAMETERS.says} {_medians(folder / f'{name}-estimates.csv')}".strip()
        yield Shown(f"{name}-parameters.png", Caption(says, PARAMETERS.reads))
    for kind, about in ABOUT.items():
        for file in sorted(folder.glob(f"{name}-{kind}-*.png")):
            yield Shown(file.name, about(file.stem.removeprefix(f"{name}-{kind}-")))


def _medians(estimates: Path) -> str:
    """Return the medians of the median person in words, for those who do not see curves."""
    told = [
        f"{', '.join(filter(None, (words(row['parameter']), row['level'])))} {short(row['median'])}"
        for row in rows(estimates)
        if row.get("whose") in ("median person", "population")
    ]
    more = f" and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return f"Medians: {'; '.join(told[:MOST_TOLD])}{more}." if told else ""
