"""The GLM that is fitted to the mean series of regions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.messages import counted, listed


@dataclass(frozen=True)
class SeriesGlm:
    """How a GLM is fitted to a time series."""

    t_r: float | None
    single_trials: tuple[str, ...]
    contrasts: dict[str, str]
    hrf_model: str
    high_pass: float
    noise_model: str


def betas_of(series: np.ndarray, row: pd.Series, glm: SeriesGlm, label: str) -> pd.DataFrame:
    """Fit the GLM to the series (time, region); one row per beta and region."""
    from nilearn.glm import compute_contrast, expression_to_contrast_vector
    from nilearn.glm.first_level import make_first_level_design_matrix, run_glm

    t_r = float(row["t_r"]) if "t_r" in row and pd.notna(row["t_r"]) else glm.t_r
    if t_r is None or not 0 < t_r < np.inf:
        raise ValueError(f"{label}: t_r must be a time above 0 in seconds; found {t_r}")
    events, trials = _events(row["events"], glm.single_trials, label)
    has_shift = "slice_time_ref" in row and pd.notna(row["slice_time_ref"])
    shift = float(row["slice_time_ref"]) if has_shift else 0.0
    times = (np.arange(len(series)) + shift) * t_r
    if (late := events["onset"] >= len(series) * t_r).any():
        raise ValueError(
            f"{label}: {int(late.sum())} events begin after the end of the image "
            f"({len(series) * t_r:g} s), the last at {events['onset'].max():g} s; onsets are in "
            "seconds"
        )
    mean = series.mean(axis=0)
    if (mean <= series.std(axis=0)).any():
        raise ValueError(
            f"{label}: the mean signal of every region must be far above 0, since betas are in "
            "percent of it; give images that were not demeaned or standardised"
        )
    percent = 100 * (series / mean - 1)
    extra = _confounds(row.get("confounds"), len(series), label)
    design = make_first_level_design_matrix(
        times,
        events,
        hrf_model=glm.hrf_model,
        drift_model="cosine",
        high_pass=glm.high_pass,
        add_regs=extra,
    )
    if (rank := np.linalg.matrix_rank(design.to_numpy())) < design.shape[1]:
        raise ValueError(
            f"{label}: the {design.shape[1]} regressors of the GLM must be told apart by the "
            f"{len(design)} volumes; they have rank {rank}. Leave confounds or events out"
        )
    labels, results = run_glm(percent, design.to_numpy(), noise_model=glm.noise_model)
    names = list(events["trial_type"].unique())
    single = {name: name for name in names if name in trials}
    whole = {name: name for name in names if name not in trials}
    wanted = single | (glm.contrasts or whole)
    parts = []
    for name, formula in wanted.items():
        try:
            vector = (
                (design.columns == formula).astype(float)
                if formula in design
                else expression_to_contrast_vector(formula, list(design.columns))
            )
        except Exception:
            raise ValueError(
                f"{label}: contrast '{name}' ({formula}) must be of {listed(whole)}"
            ) from None
        contrast = compute_contrast(labels, results, vector, stat_type="t")
        kept = {"condition": trials[name][0], "trial": trials[name][1]} if name in trials else {}
        part = pd.DataFrame(
            {
                **(kept or {"condition": name}),
                "beta": contrast.effect_size(),
                "se": np.sqrt(contrast.effect_variance()),
            }
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _events(
    given: Any, single: tuple[str, ...], label: str
) -> tuple[pd.DataFrame, dict[str, tuple[str, int]]]:
    """Events, with a type of its own for each single trial; condition and number by that type."""
    events = _read_table(given, f"{label}: events")
    if absent := [c for c in ("onset", "duration", "trial_type") if c not in events]:
        raise ValueError(f"{label}: events have no column {listed(absent)}")
    events = events[[c for c in events if c in ("onset", "duration", "trial_type", "modulation")]]
    times = events[["onset", "duration"]].apply(pd.to_numeric, errors="coerce")
    if bad := int((~np.isfinite(times.to_numpy(dtype=float))).any(axis=1).sum()):
        raise ValueError(f"{label}: {counted(bad, 'event')} without onset or duration in seconds")
    if bad := int(events["trial_type"].isna().sum()):
        raise ValueError(
            f"{label}: {counted(bad, 'event')} without trial_type; name or remove them"
        )
    events = events.assign(**times, trial_type=events["trial_type"].astype(str))
    if absent := [t for t in single if t not in set(events["trial_type"])]:
        raise ValueError(f"{label}: no events {listed(absent)}, of which single betas are wanted")
    events = events.sort_values("onset", kind="stable").reset_index(drop=True)
    alone = events["trial_type"].isin(single)
    numbers = np.cumsum(alone)
    trials = {
        f"trial_{number:04d}": (kind, int(number))
        for kind, number in zip(events["trial_type"][alone], numbers[alone], strict=True)
    }
    events.loc[alone, "trial_type"] = list(trials)
    return events, trials


def _confounds(given: Any, volumes: int, label: str) -> pd.DataFrame | None:
    """Confounds, one row per volume; a first row without value, as derivatives have, is 0."""
    if given is None or (not isinstance(given, pd.DataFrame) and pd.isna(given)):
        return None
    table = _read_table(given, f"{label}: confounds")
    if len(table) != volumes:
        raise ValueError(f"{label}: {len(table)} rows of confounds for {volumes} volumes")
    table = table.apply(pd.to_numeric, errors="coerce").reset_index(drop=True)
    table.loc[0] = table.loc[0].fillna(0.0)
    if bad := [str(c) for c in table if not np.isfinite(table[c]).all()]:
        raise ValueError(f"{label}: confounds without a number in some volumes: {listed(bad)}")
    return table


def _read_table(given: Any, label: str) -> pd.DataFrame:
    if isinstance(given, pd.DataFrame):
        return given.copy()
    if not isinstance(given, str | Path) or not Path(given).is_file():
        raise ValueError(f"{label}: no table, and no file at {given}")
    return pd.read_csv(given, sep=None, engine="python", na_values="n/a")
