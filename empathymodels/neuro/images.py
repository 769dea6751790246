"""Brain images: read, compared with the grids of others, and what is refused of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.messages import listed

PLACE_DIMS = 3


def need_nilearn() -> None:
    """Raise unless nilearn is there.

    Raises
    ------
    ImportError
        The extra ``neuro`` is not installed.
    """
    try:
        import nilearn  # noqa: F401
    except ImportError:
        raise ImportError(
            "Brain images need nilearn, which is not installed: pip install 'empathymodels[neuro]'."
        ) from None


def read_image(image: Any, where: str) -> Any:
    """Return an image as nibabel's, from a path or as it is.

    Raises
    ------
    ValueError
        Nothing that can be read as an image.
    """
    from nilearn.image import load_img

    if isinstance(image, str | Path) and not Path(image).is_file():
        raise ValueError(f"{where}: no file at {image}")
    try:
        return load_img(os.fspath(image) if isinstance(image, Path) else image, wildcards=False)
    except Exception as fault:
        raise ValueError(f"{where}: no image that nibabel reads ({type(fault).__name__})") from None


def read_volume(image: Any, where: str) -> Any:
    """Return an image of one volume, with three dimensions.

    Raises
    ------
    ValueError
        Nothing that can be read as an image, or several volumes.
    """
    found = read_image(image, where)
    if len(found.shape) == PLACE_DIMS:
        return found
    if np.prod(found.shape[PLACE_DIMS:]) != 1:
        raise ValueError(f"{where}: {found.shape[-1]} volumes; give one row per volume")
    from nilearn.image import index_img

    return index_img(found, 0)


def same_grid(one: Any, other: Any) -> bool:
    """Whether two images have the same voxels at the same places."""
    shapes = one.shape[:PLACE_DIMS] == other.shape[:PLACE_DIMS]
    return shapes and np.allclose(one.affine, other.affine, atol=1e-3)


def on_grid(image: Any, target: Any, *, interpolation: str) -> np.ndarray:
    """Values of an image at the voxels of another one, (x, y, z); 0 outside of it."""
    if same_grid(image, target):
        return np.squeeze(np.asarray(image.get_fdata(), dtype=float))
    from nilearn.image import resample_img

    try:
        moved = resample_img(
            image,
            target_affine=target.affine,
            target_shape=target.shape[:PLACE_DIMS],
            interpolation=interpolation,
            force_resample=True,
            copy_header=True,
        )
    except ValueError as fault:
        if "field of view" not in str(fault):
            raise
        return np.zeros(target.shape[:PLACE_DIMS])  # they have no place in common
    return np.squeeze(np.asarray(moved.get_fdata(), dtype=float))


def places(image: Any) -> np.ndarray:
    """Coordinates of all voxels in mm, (x, y, z, 3)."""
    grid = np.moveaxis(np.indices(image.shape[:PLACE_DIMS]), 0, -1)
    return grid @ image.affine[:3, :3].T + image.affine[:3, 3]


def table_of_images(images: Any, *, needs: Iterable[str] = ("image",)) -> pd.DataFrame:
    """Return one row per image with a column ``image``, from a table or a list of images.

    Raises
    ------
    TypeError
        They are neither.
    ValueError
        Columns are absent, or there is no image.
    """
    if not isinstance(images, Iterable) or isinstance(images, bytes | Mapping):
        raise TypeError(
            f"images must be a table (DataFrame) with one row per image, or a list of paths or "
            f"images; found {type(images).__name__}. Give one; a single image in brackets: [image]."
        )
    if isinstance(images, pd.DataFrame):
        table = images.reset_index(drop=True)
    else:
        listed_images = [images] if isinstance(images, str | Path) else list(images)
        table = pd.DataFrame({"image": pd.Series(listed_images, dtype=object)})
    absent = [column for column in needs if column not in table]
    if absent:
        raise ValueError(
            f"images must be a table with the columns {listed(needs)}; absent: {listed(absent)}. "
            "Give one row per image."
        )
    if table.empty:
        raise ValueError("images must hold at least one image; found none. Give paths or images.")
    return table


def row_label(row: pd.Series, number: int) -> str:
    """Name an image for messages: by its keys, else by its place."""
    keys = [key for key in ("participant", "session", "run", "block", "condition") if key in row]
    return ", ".join(f"{key} {row[key]}" for key in keys) or f"image {number + 1}"


def refuse_together(what: str, faults: list[str]) -> None:
    """Raise for all faults at once.

    Raises
    ------
    ValueError
        There are faults.
    """
    if faults:
        shown = "".join(f"\n- {fault}" for fault in faults[:20])
        more = f"\n- and {len(faults) - 20} more" if len(faults) > 20 else ""
        raise ValueError(f"{what} Found {len(faults)}:{shown}{more}")
