"""How far the analysis of a session is, and what came out of it."""

from __future__ import annotations

import csv
from inspect import signature
from pathlib import Path
from typing import Any

from empathymodels.app.session import Session
from empathymodels.inference.convergence import MOST as MOST_DRAWS
from empathymodels.inference.convergence import Length
from empathymodels.inference.fit import fit
from empathymodels.inference.store_progress import store_progress
from empathymodels.messages import counted, duration, label_in_cell

COMPILING = "being compiled; then chains look for where to start"
TUNE = int(signature(fit).parameters["tune"].default)  # adaptation steps per chain


def progress(session: Session, state: str, ahead: int = 0) -> dict[str, Any]:
    """Return how far an analysis is: state, every fit with its draws, what it is doing."""
    fitted = session.fitted
    fits = [_fit_progress(session, name, fitted.get("draws")) for name in names_of(fitted)]
    left = [one["left"] for one in fits if one["left"]] if state == "started" else []
    under_way = [one for one in fits if one["says"] != "done"][:1] if state == "started" else []
    idle = "waits" if state in ("waiting", "started") else "not begun"
    for one in fits:
        one["says"] = one["says"] or (COMPILING if one in under_way else idle)
    log = session.log("analysis")
    return {
        "state": state,
        "ahead": ahead,
        "fits": fits,
        "left": left[0] if left else "",
        "doing": log[-1] if log else "",
    }


def names_of(choices: dict[str, Any]) -> list[str]:
    """Return the names of the fits of a plan: the model, then rivals."""
    return [choices["model"], *choices.get("rivals", [])]


def _fit_progress(session: Session, name: str, asked: int | None) -> dict[str, Any]:
    if (session.folder / f"{name}.nc").exists():
        return {"name": name, "share": 1.0, "says": "done", "left": ""}
    store = session.folder / f"{name}.zarr"
    at = store_progress(store)
    if not at.adapted:
        says = "being written" if store.exists() and not any(store.glob("begun*")) else ""
        return {"name": name, "share": float(bool(says)), "says": says, "left": ""}
    looks = Length(asked or MOST_DRAWS, is_open=asked is None).looks
    aim = next((look for look in looks if look > at.draws), looks[-1])
    adapted, draws = min(at.adapted, TUNE), min(at.draws, aim)  # blocks under way are among them
    if adapted < TUNE:
        says = f"adapting: {adapted:,} of {TUNE:,} steps per chain"
    else:
        until = "" if asked else f", where convergence is looked for (at most {MOST_DRAWS:,})"
        says = f"{draws:,} of {aim:,} draws per chain{until}"
    share, left = (adapted + draws) / (TUNE + aim), TUNE - adapted + aim - draws
    return {"name": name, "share": round(share, 3), "says": says, "left": _time(at.pace * left)}


def _time(seconds: float) -> str:
    """Return a time in words; nothing of none."""
    return f"about {duration(seconds)}" if seconds else ""


# --------------------------------------------------------------------------------- results


def results(session: Session) -> dict[str, str]:
    """Return the files that may be had, with what they are."""
    files = {"analysis.py": "the Python script that does all this", "report.html": "the report"}
    for name in names_of(session.fitted):
        files |= {
            f"{name}.nc": f"the fit of {name}, for empathymodels or ArviZ",
            f"{name}-estimates.csv": f"estimates of {name}: population and every participant",
            f"{name}-checks.csv": f"checks of {name}",
        }
    files |= {
        "comparison.csv": "comparison of the models",
        "comparison.txt": "what it says",
        "design.csv": "what the design can tell",
    }
    files |= {"design.py": "the Python script of that"}
    if own := session.fitted.get("model_file"):
        files[own["file"]] = "your model, as it was when the analysis was begun"
    return {name: words for name, words in files.items() if (session.folder / name).is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table that a script wrote; none without."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    return [{name: label_in_cell(cell) for name, cell in row.items()} for row in table]


def text_of(path: Path) -> str:
    """Return a text that a script wrote; empty without."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def verdict(checks: list[dict[str, str]]) -> tuple[str, list[dict[str, str]]]:
    """Say in a sentence whether checks passed, and return those that did not."""
    failed = [row for row in checks if row["passed"] != "True"]
    if not failed:
        return f"All {counted(len(checks), 'check')} passed.", []
    return f"{len(failed)} of {counted(len(checks), 'check')} did not pass.", failed


def short(cell: str) -> str:
    """Return a cell with four digits if it is a number.

    Examples
    --------
    >>> [short(cell) for cell in ("0.123456", "12", "linear")]
    ['0.1235', '12', 'linear']
    """
    try:
        return f"{float(cell):.4g}"
    except ValueError:
        return cell
