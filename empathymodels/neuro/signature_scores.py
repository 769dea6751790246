"""How strongly images express a brain signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.messages import counted
from empathymodels.neuro.images import (
    need_nilearn,
    on_grid,
    read_volume,
    refuse_together,
    row_label,
    same_grid,
    table_of_images,
)
from empathymodels.terminal import progress, tell

type Similarity = Literal["dot", "cosine", "correlation"]
FULL = 0.9  # share of a signature's weight that images should cover


@checked_arguments
def signature_scores(
    images: Any,
    weight_map: Any,
    *,
    similarity: Similarity = "dot",
    mask: Any = None,
) -> pd.DataFrame:
    r"""Score images by how much their pattern is that of a weight map.

    Parameters
    ----------
    images : DataFrame, or sequence of paths or images
        A table with a column ``image`` (path or NIfTI image, one volume each) and any others, such
        as ``participant`` and ``condition``, which are kept; or the images alone.
    weight_map : path or image, or mapping of str to these
        The signature; several by their names.
    similarity : {"dot", "cosine", "correlation"}
        Of the image :math:`x` and the weights :math:`w` over the voxels that both have: the dot
        product :math:`\sum_v w_v x_v`; that divided by the lengths of both; or their correlation.
    mask : path or image, optional
        Voxels to take, those that are not 0; otherwise all with a weight.

    Returns
    -------
    DataFrame
        One row per image and signature: all columns of the table but ``image``, and

        - ``signature``: its name; ``signature`` where only one was given
        - ``score``: the similarity
        - ``coverage``: share of the signature's absolute weight where the image has values

    Raises
    ------
    ImportError
        nilearn is not installed (extra ``neuro``).
    ValueError
        Files that are no images, images of many volumes, images or masks that do not overlap with a
        signature, weights that are not finite, or all 0. All are told at once.

    Warns
    -----
    Images that cover less than 90 % of a signature are told.

    Notes
    -----
    Weights are moved to the voxels of the image, linearly, so that no weight changes its sign and
    images are left as they are; an image's value that is 0 or no number is taken to be absent.
    A dot product depends on the units of images, the scanner and the size of voxels: compare within
    a study, on one grid, or take the cosine. Signatures have no units that studies share. No
    weights come with this package: ask those who published them.

    See Also
    --------
    train_signature : Weights from images and ratings of your own.
    extract : Betas of regions.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.signature_scores(table, {"care": "care.nii"}, similarity="cosine")  # doctest: +SKIP
    """
    need_nilearn()
    table = table_of_images(images)
    maps = dict(weight_map) if isinstance(weight_map, Mapping) else {"signature": weight_map}
    faults: list[str] = []
    weights = {name: _read(one, f"weight map '{name}'", faults) for name, one in maps.items()}
    within = None if mask is None else _read(mask, "mask", faults)
    for name, one in weights.items():
        if one is not None and not np.isfinite(one.get_fdata()).all():
            faults.append(f"weight map '{name}': weights that are no numbers")
        elif one is not None and not one.get_fdata().any():
            faults.append(f"weight map '{name}': all weights are 0")
    refuse_together("Signatures must be images of finite weights, not all of them 0.", faults)
    rows: list[dict[str, Any]] = []
    grids = _Grids(weights, within)
    for number, row in progress(list(table.iterrows()), "Images"):
        label = row_label(row, int(number))
        image = _read(row["image"], label, faults)
        if image is None:
            continue
        kept = row.drop("image").to_dict()
        for name, weight in grids.at(image).items():
            values = np.asarray(image.get_fdata(), dtype=float)
            has = np.isfinite(values) & (values != 0)
            coverage = np.abs(weight[has]).sum() / np.abs(weight).sum() if weight.any() else 0.0
            if coverage == 0:
                faults.append(f"{label}: no value where '{name}' has weights")
                continue
            used = has & (grids.mask if grids.mask is not None else weight != 0)
            score = _similarity(values[used], weight[used], similarity)
            rows.append(kept | {"signature": name, "score": score, "coverage": float(coverage)})
    refuse_together("Images must be single volumes that overlap with every signature.", faults)
    scores = pd.DataFrame(rows)
    if (few := int((scores["coverage"] < FULL).sum())) > 0:
        tell(
            f"Images should cover the whole of a signature; {counted(few, 'score')} of "
            f"{len(scores):,} rest on less than {FULL:.0%} of its weight, the least on "
            f"{scores['coverage'].min():.0%}. Compare scores of images that cover the same voxels "
            "(mask=)."
        )
    return scores


class _Grids:
    """Weights and mask at the voxels of images: made anew only where the voxels change."""

    def __init__(self, weights: Mapping[str, Any], mask: Any) -> None:
        self.weights, self.mask_image = weights, mask
        self.last: Any = None
        self.mask: np.ndarray | None = None
        self.values: dict[str, np.ndarray] = {}

    def at(self, image: Any) -> dict[str, np.ndarray]:
        """Weights at the voxels of an image, 0 outside the mask."""
        if self.last is None or not same_grid(self.last, image):
            self.last = image
            if self.mask_image is not None:
                mask = on_grid(self.mask_image, image, interpolation="nearest")
                self.mask = np.isfinite(mask) & (mask != 0)
            self.values = {
                name: on_grid(weight, image, interpolation="linear")
                * (1 if self.mask is None else self.mask)
                for name, weight in self.weights.items()
            }
        return self.values


def _similarity(values: np.ndarray, weights: np.ndarray, kind: str) -> float:
    """Similarity of two vectors."""
    if kind == "dot":
        return float(values @ weights)
    if kind == "correlation":
        values, weights = values - values.mean(), weights - weights.mean()
    lengths = float(np.linalg.norm(values) * np.linalg.norm(weights))
    return float(values @ weights) / lengths if lengths > 0 else float("nan")


def _read(image: Any, label: str, faults: list[str]) -> Any:
    """Read a single volume, or note what is wrong."""
    try:
        return read_volume(image, label)
    except ValueError as fault:
        faults.append(str(fault))
        return None
