"""Betas of regions from images: the table `regions` of a study."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.messages import counted, listed
from empathymodels.neuro.images import (
    PLACE_DIMS,
    need_nilearn,
    on_grid,
    places,
    read_image,
    refuse_together,
    row_label,
    same_grid,
    table_of_images,
)
from empathymodels.neuro.regions import regions as known_regions
from empathymodels.terminal import progress, tell

FILES = ("image", "events", "confounds", "t_r", "slice_time_ref")  # columns that are read, not kept
ENTITIES = {"session": "ses", "block": "run"}  # our keys by the names of BIDS
SMALL = 0.5  # share of a region's voxels that should have values


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
    table = _bids_table(images, task, space, confounds) if _is_folder(images) else images
    table = table_of_images(table, needs=("participant", "image"))
    is_series = "events" in table
    glm = _Glm(t_r, tuple(single_trials), dict(contrasts or {}), hrf_model, high_pass, noise_model)
    faults = _faulty_rows(table, glm if is_series else None)
    areas = _areas(regions, faults)
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


@dataclass(frozen=True)
class _Glm:
    """How a GLM is fitted to a time series."""

    t_r: float | None
    single_trials: tuple[str, ...]
    contrasts: dict[str, str]
    hrf_model: str
    high_pass: float
    noise_model: str


type Area = tuple[str, list[Any]]  # a region's name, and its spheres or masks


def _is_folder(images: Any) -> bool:
    return isinstance(images, str | Path) and Path(images).is_dir()


def _faulty_rows(table: pd.DataFrame, glm: _Glm | None) -> list[str]:
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


def _areas(regions: Any, faults: list[str]) -> list[Area]:
    """Regions as spheres and masks by their names."""
    if regions is None:
        regions = known_regions()
    if isinstance(regions, str):
        regions = [regions]
    if not isinstance(regions, pd.DataFrame | Mapping):
        names, table = [str(name) for name in regions], known_regions()
        unknown = [name for name in names if name not in set(table["region"])]
        if unknown:
            faults.append(
                f"no region {listed(unknown)}; there are {listed(table['region'].unique())}"
            )
        regions = table[table["region"].isin(names)]
    if isinstance(regions, pd.DataFrame):
        needed = ["region", "x", "y", "z", "radius"]
        if absent := [column for column in needed if column not in regions]:
            faults.append(f"regions: no column {listed(absent)}")
            return []
        spheres = regions[needed[1:]].to_numpy(dtype=float)
        groups = regions.groupby("region", sort=False).indices
        areas: list[Area] = [(str(name), list(spheres[k])) for name, k in groups.items()]
    else:
        areas = [(str(name), [_sphere_or_mask(name, one, faults)]) for name, one in regions.items()]
    for name, shapes in areas:
        for shape in shapes:
            if isinstance(shape, np.ndarray) and not (np.isfinite(shape).all() and shape[3] > 0):
                faults.append(f"region '{name}': a sphere needs x, y, z and a radius above 0 in mm")
    return areas


def _sphere_or_mask(name: Any, given: Any, faults: list[str]) -> Any:
    if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str):
        try:
            sphere = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            sphere = np.empty(0)
        return sphere if sphere.shape == (4,) else np.full(4, np.nan)
    try:
        return read_image(given, f"mask of '{name}'")
    except ValueError as fault:
        faults.append(str(fault))
        return None


def _of_image(
    row: pd.Series, label: str, areas: list[Area], glm: _Glm, is_series: bool
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Betas of all regions in one image; what is wrong; which regions have few voxels."""
    try:
        image = read_image(row["image"], label)
        values = np.asanyarray(image.dataobj)  # as it is stored: a time series is large
        values = values if is_series else np.squeeze(values)
        if values.ndim != (4 if is_series else PLACE_DIMS):
            wanted = "a time series (4 dimensions)" if is_series else "one volume"
            raise ValueError(f"{label}: the image must be {wanted}; found shape {image.shape}")
        series, voxels, faults, few = _means(values, image, areas, label)
        if faults:
            return pd.DataFrame(), faults, few
        found = _fitted(series, row, glm, label) if is_series else pd.DataFrame({"beta": series[0]})
    except ValueError as fault:
        return pd.DataFrame(), [str(fault)], []
    names = [name for name, _ in areas]
    betas = found.shape[0] // len(names)
    found.insert(0, "region", np.tile(names, betas))
    found["voxels"] = np.tile(voxels, betas)
    for key in [key for key in row.index if key not in FILES][::-1]:
        found.insert(0, key, row[key])
    return found, [], few


def _means(
    values: np.ndarray, image: Any, areas: list[Area], label: str
) -> tuple[np.ndarray, list[int], list[str], list[str]]:
    """Mean over the voxels of each region, (time, region), and how many these were."""
    where = places(image)
    means, voxels, faults, few = [], [], list[str](), list[str]()
    for name, shapes in areas:
        inside = np.zeros(values.shape[:PLACE_DIMS], dtype=bool)
        size = 0.0  # of all of it, in voxels, those beyond the image too
        for shape in shapes:
            inside |= _within(shape, image, where)
            size += _voxels(shape, image)
        own = values[inside].astype(float)
        own = own if own.ndim > 1 else own[:, None]  # (voxel, time)
        used = own[(np.isfinite(own) & (own != 0)).all(axis=1)]
        if not len(used):
            why = "none of its voxels has a value" if inside.any() else "it lies outside the image"
            faults.append(f"{label}: region '{name}': {why}")
            continue
        if len(used) < SMALL * max(size, len(own)):
            few.append(f"'{name}' in {label} ({len(used)} of about {max(size, len(own)):.0f})")
        means.append(used.mean(axis=0))
        voxels.append(len(used))
    return np.transpose(means), voxels, faults, few


def _voxels(shape: Any, image: Any) -> float:
    """How many voxels of an image a sphere or a mask has room for."""
    one = abs(np.linalg.det(image.affine[:3, :3]))
    if isinstance(shape, np.ndarray):
        return float(4 / 3 * np.pi * shape[3] ** 3 / one)
    each = abs(np.linalg.det(shape.affine[:3, :3]))
    return float(np.count_nonzero(np.nan_to_num(shape.get_fdata())) * each / one)


def _within(shape: Any, image: Any, where: np.ndarray) -> np.ndarray:
    """Which voxels lie in a sphere (the nearest at least) or a mask."""
    if not isinstance(shape, np.ndarray):
        if same_grid(shape, image):
            mask = np.asarray(shape.get_fdata())
        else:
            mask = on_grid(shape, image, interpolation="nearest")
        return np.isfinite(np.squeeze(mask)) & (np.squeeze(mask) != 0)
    distance = np.linalg.norm(where - shape[:3], axis=-1)
    size = np.linalg.norm(image.affine[:3, :3], axis=0).max()
    return (distance <= shape[3]) | ((distance == distance.min()) & (distance.min() <= size))


def _fitted(series: np.ndarray, row: pd.Series, glm: _Glm, label: str) -> pd.DataFrame:
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


def _loaded(found: tuple[pd.DataFrame, Any]) -> pd.DataFrame:
    """Confounds as nilearn loads them, with a regressor for every volume that it leaves out."""
    table, kept = found
    if kept is None:
        return table
    out = np.setdiff1d(np.arange(len(table)), kept)
    alone = {f"volume_{volume}": np.arange(len(table)) == volume for volume in out}
    return table.assign(**{name: values.astype(float) for name, values in alone.items()})


def _bids_table(
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
