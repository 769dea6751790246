"""What the scripts that simulate bundled studies share: people drawn, tables written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

import empathymodels as em

NOTES = "Simulated. True parameters are in true_parameters.csv beside the data; see README.md."


def labels(people: int) -> list[str]:
    """Ids ``sub-01``, ``sub-02``, ..."""
    return [f"sub-{number:02d}" for number in range(1, people + 1)]


def everybody(people: int, trials: pd.DataFrame) -> pd.DataFrame:
    """The same trials for everybody, numbered from 1."""
    numbered = trials.assign(trial=np.arange(1, len(trials) + 1))
    parts = [numbered.assign(participant=label) for label in labels(people)]
    rows = pd.concat(parts, ignore_index=True)
    return rows[["participant", "trial", *trials.columns]]


def shuffled(rng: np.random.Generator, people: int, trials: pd.DataFrame) -> pd.DataFrame:
    """The same trials in an order of everybody's own."""
    parts = []
    for label in labels(people):
        order = trials.iloc[rng.permutation(len(trials))].reset_index(drop=True)
        order.insert(0, "trial", np.arange(1, len(trials) + 1))
        order.insert(0, "participant", label)
        parts.append(order)
    return pd.concat(parts, ignore_index=True)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function."""
    return 1 / (1 + np.exp(-x))


def write(
    folder: Path,
    study: em.Study,
    parameters: pd.DataFrame,
    *,
    citation: str,
    tables: Iterable[str] = ("trials", "participants", "regions"),
    model: str = "",
) -> None:
    """Round to two decimals, and write the tables and study.json, with the model that made them."""
    for name, table in study.tables.items():
        if name not in tables:
            continue
        table.round(2).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    parameters.to_csv(folder / "true_parameters.csv", index=False, lineterminator="\n")
    about = {"citation": citation, "notes": NOTES} | ({"model": model} if model else {})
    (folder / "study.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
