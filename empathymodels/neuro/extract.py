"""Betas of regions from images: the table `regions` of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.messages import counted, listed
from empathymodels.neuro.areas import Area, areas_of, mean_series
from empathymodels.neuro.bids_runs import runs_of
from empathymodels.neuro.images import (
    PLACE_DIMS,
    need_nilearn,
    read_image,
    refuse_together,
    row_label,
    table_of_images,
)
from empathymodels.neuro.series_glm import SeriesGlm, betas_of
from empathymodels.terminal import progress, tell

FILES = ("image", "events", "confounds", "t_r", "slice_time_ref")  # columns that are read, not kept


@checked_arguments
def extract(
    images: Any,
    regions: Any = None,
    *,
    t_r: float | None = None,
    single_trials: Sequence[str] = (),
    contrasts: Mapping[str, str] | None = None,
    hrf_model: str = "glover",
    high_pass: float = 0.01,
    noise_model: str = "ar1",
    task: str | None = None,
    space: str | None = None,
    confounds: Sequence[str] = ("motion", "wm_csf"),
    workers: int = 1,
) -> pd.DataFrame:
    r"""Extract a beta, and its standard error, of each region from brain images.

    Parameters
    ----------
    images : DataFrame, or path of a BIDS dataset
        One row per image, with ``participant``, ``image`` (path or NIfTI image) and any other
        columns, such as ``session`` or ``condition``, which are kept. Where it has a column
        ``events`` (path or table with ``onset``, ``duration``, ``trial_type``), images are time
        series, to which a GLM is fitted; columns ``confounds`` (path or table), ``t_r`` (seconds)
        and ``slice_time_ref`` (moment that volumes stand for, as a share of it) are optional.
        Otherwise each image is a map of betas. Of a BIDS dataset with derivatives of fMRIPrep,
        runs, events and confounds are found (see `task`).
    regions : DataFrame, mapping, or sequence of str, optional
        Spheres as `em.regions` returns them, all of these unless given, or some of their names; or
        a mapping of names to masks (path or image; voxels that are not 0) or to
        ``(x, y, z, radius)`` in mm. Several rows of one name are one region (both hemispheres).
    t_r : float, optional
        Time from volume to volume in seconds.
    single_trials : sequence of str
        Values of ``trial_type`` of which every event gets a beta of its own: column ``trial``,
        numbered from 1 within each image.
    contrasts : mapping of str to str, optional
        Names of betas and their formulas, such as ``{"pain": "pain - touch"}``; otherwise one
        beta per ``trial_type``.
    hrf_model, high_pass, noise_model : str, float, str
        Of nilearn's first-level model: response, lowest frequency kept (Hz), noise.
    task, space : str, optional
        Of a BIDS dataset: the task, and the space of its images.
    confounds : sequence of str
        Of a BIDS dataset: the strategy by which nilearn loads confounds.
    workers : int
        Images that are worked on at once (-1: one per core).

    Returns
    -------
    DataFrame
        The table ``regions`` of a study, one row per image, region and beta: kept columns, and

        - ``region``: its name
        - ``condition``: which beta; ``trial`` where these are single trials
        - ``beta``: percent of the region's mean signal (time series), or the units of the maps
        - ``se``: its standard error; not of maps, which do not tell it
        - ``voxels``: how many voxels were averaged

    Raises
    ------
    ImportError
        nilearn is not installed (extra ``neuro``).
    ValueError
        Files that cannot be read, images that occur twice, regions outside the images or without a
        value, events that do not fit the images, confounds with gaps. All are told at once.

    Notes
    -----
    The mean time series of a region comes first and the GLM second: voxels of a region share much
    of their noise, so neither the mean of their variances nor that mean divided by their number is
    the variance of the region's beta. With :math:`y_t` in percent of its mean over time,

    .. math:: y = X \beta + \epsilon, \qquad \epsilon_t = \rho\, \epsilon_{t-1} + \text{white noise}

    X holds the events through the response, cosines below `high_pass`, and the confounds. Voxels
    that are 0 or no number at any time are left out. Images are used as they are: smooth them, or
    not, before.

    See Also
    --------
    regions : Spheres of the three systems of empathy.
    plot_regions : Where they lie.
    signature_scores : Scores of patterns over many voxels.

    Examples
    --------
    >>> import empathymodels as em
    >>> betas = em.extract(runs, em.regions("experience sharing"), t_r=2.0)  # doctest: +SKIP
    >>> study = em.Study(trials="trials.csv", regions=betas)  # doctest: +SKIP
    """
    need_nilearn()
    table = runs_of(images, task, space, confounds) if _is_folder(images) else images
    table = table_of_images(table, needs=("participant", "image"))
    is_series = "events" in table
    glm = SeriesGlm(
        t_r, tuple(single_trials), dict(contrasts or {}), hrf_model, high_pass, noise_model
    )
    faults = _faulty_rows(table, glm if is_series else None)
    areas = areas_of(regions, faults)
    refuse_together("Images and regions must be what can be read and told apart.", faults)
    from joblib import Parallel, delayed

    jobs = [(row, row_label(row, int(k))) for k, (_, row) in enumerate(table.iterrows())]
    parallel = Parallel(n_jobs=workers, return_as="generator")
    found = parallel(delayed(_of_image)(row, label, areas, glm, is_series) for row, label in jobs)
    parts, few = [], list[str]()
    for part, own_faults, own_few in progress(found, "Images", total=len(jobs)):
        parts.append(part)
        faults += own_faults
        few += own_few
    refuse_together("Every region must have values in every image, and events must fit it.", faults)
    if few:
        tell(
            f"Regions should lie within the images; {counted(len(few), 'region')} of single images "
            f"have values in less than half of their voxels, such as {few[0]}. See `voxels`, and "
            "leave such regions out if they do not measure what they are called."
        )
    return pd.concat(parts, ignore_index=True)


def _is_folder(images: Any) -> bool:
    return isinstance(images, str | Path) and Path(images).is_dir()


def _faulty_rows(table: pd.DataFrame, glm: SeriesGlm | None) -> list[str]:
    """What is wrong with a table of images before any is read."""
    faults = []
    keys = [c for c in table if c not in FILES]
    if (repeated := table.duplicated(keys, keep=False)).any():
        first = table[repeated].iloc[0]
        faults.append(
            f"{int(repeated.sum())} rows that other rows equal in {listed(keys)}, such as "
            f"{row_label(first, 0)}; add the column that tells them apart (session, block, "
            "condition)"
        )
    paths = table["image"].map(lambda image: str(image) if isinstance(image, str | Path) else None)
    if (twice := paths[paths.notna() & paths.duplicated()]).size:
        faults.append(f"{twice.size} images that occur twice, such as {twice.iloc[0]}")
    if table["participant"].isna().any():
        faults.append(f"{int(table['participant'].isna().sum())} rows without participant")
    if glm is not None and glm.t_r is None and "t_r" not in table:
        faults.append("no t_r: give the time from volume to volume in seconds")
    return faults


def _of_image(
    row: pd.Series, label: str, areas: list[Area], glm: SeriesGlm, is_series: bool
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Betas of all regions in one image; what is wrong; which regions have few voxels."""
    try:
        image = read_image(row["image"], label)
        values = np.asanyarray(image.dataobj)  # as it is stored: a time series is large
        values = values if is_series else np.squeeze(values)
        if values.ndim != (4 if is_series else PLACE_DIMS):
            wanted = "a time series (4 dimensions)" if is_series else "one volume"
            raise ValueError(f"{label}: the image must be {wanted}; found shape {image.shape}")
        series, voxels, faults, few = mean_series(values, image, areas, label)
        if faults:
            return pd.DataFrame(), faults, few
        found = (
            betas_of(series, row, glm, label) if is_series else pd.DataFrame({"beta": series[0]})
        )
    except ValueError as fault:
        return pd.DataFrame(), [str(fault)], []
    names = [name for name, _ in areas]
    betas = found.shape[0] // len(names)
    found.insert(0, "region", np.tile(names, betas))
    found["voxels"] = np.tile(voxels, betas)
    for key in [key for key in row.index if key not in FILES][::-1]:
        found.insert(0, key, row[key])
    return found, [], few
