"""Runs of a BIDS dataset, with events and confounds, as a table of images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ENTITIES = {"session": "ses", "block": "run"}  # our keys by the names of BIDS


def runs_of(
    folder: Any, task: str | None, space: str | None, confounds: Sequence[str]
) -> pd.DataFrame:
    """Runs of a BIDS dataset as a table of images."""
    from nilearn.glm.first_level import first_level_from_bids
    from nilearn.interfaces.fmriprep import load_confounds

    if task is None:
        raise ValueError("A BIDS dataset may hold several tasks: name one, task='...'.")
    models, images, events, _ = first_level_from_bids(str(folder), task, space_label=space)
    rows = []
    for model, own_images, own_events in zip(models, images, events, strict=True):
        for image, table in zip(own_images, own_events, strict=True):
            entities = {
                key: found[1]
                for key, entity in ENTITIES.items()
                if (found := re.search(rf"_{entity}-([A-Za-z0-9]+)", Path(image).name))
            }
            row = {"participant": f"sub-{model.subject_label}", **entities, "image": image}
            extra = _loaded(load_confounds(image, strategy=tuple(confounds))) if confounds else None
            timing = {"t_r": model.t_r, "slice_time_ref": model.slice_time_ref or 0.0}
            rows.append(row | {"events": table, "confounds": extra} | timing)
    return pd.DataFrame(rows)


def _loaded(found: tuple[pd.DataFrame, Any]) -> pd.DataFrame:
    """Confounds as nilearn loads them, with a regressor for every volume that it leaves out."""
    table, kept = found
    if kept is None:
        return table
    out = np.setdiff1d(np.arange(len(table)), kept)
    alone = {f"volume_{volume}": np.arange(len(table)) == volume for volume in out}
    return table.assign(**{name: values.astype(float) for name, values in alone.items()})
