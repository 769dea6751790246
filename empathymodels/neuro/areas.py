"""Regions as spheres and masks, and the mean of an image within them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.messages import listed
from empathymodels.neuro.images import PLACE_DIMS, on_grid, places, read_image, same_grid
from empathymodels.neuro.regions import regions as known_regions

SMALL = 0.5  # share of a region's voxels that should have values

type Area = tuple[str, list[Any]]  # a region's name, and its spheres or masks


def areas_of(regions: Any, faults: list[str]) -> list[Area]:
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


def mean_series(
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
