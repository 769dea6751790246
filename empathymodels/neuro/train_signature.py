"""A brain signature from images and ratings of your own, tried on people it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

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
from empathymodels.terminal import progress

FEWEST = 5  # people, for errors over people that mean something


@dataclass(frozen=True)
class Signature:
    """A trained signature.

    Attributes
    ----------
    weight_map : NIfTI image
        Weights per voxel, in units of the target per unit of the images: for `signature_scores`.
    intercept : float
        The target expected of an image of zeros; add it to a dot product with the weights.
    predictions : DataFrame
        One row per image: its columns, ``predicted`` and ``sd``, by a signature that was trained
        without this person.
    evaluation : Series
        What these predictions are worth on new people:

        - ``r``: correlation with the target; ``r_within``: the same within people
        - ``rmse``: root mean square error; ``rmse_of_mean``: that of predicting the mean alone
        - ``slope``: of the target on the prediction; 1 is calibrated, below 1 too extreme
        - ``coverage``: share of targets in the 90 % intervals
        - ``floor``: the 95 % quantile of ``r_within`` where targets are shuffled within people; of
          ``r``, shuffled over people, where everybody has one image (``r_within`` is NaN then)
        - ``p``: share of shuffles in which it is as large
    """

    weight_map: Any
    intercept: float
    predictions: pd.DataFrame
    evaluation: pd.Series


@checked_arguments
def train_signature(
    images: Any,
    target_column: str,
    *,
    mask: Any = None,
    components: int = 50,
    permutations: int = 200,
    seed: int = 0,
) -> Signature:
    r"""Train a Bayesian linear decoder of a rating from brain images.

    Parameters
    ----------
    images : DataFrame
        One row per image: ``participant``, ``image`` (path or NIfTI image, one volume, all on one
        grid) and the target.
    target_column : str
        Column with what is decoded: a number per image, such as a rating of care or distress.
    mask : path or image, optional
        Voxels to use; otherwise those with a value in all images.
    components : int
        Principal components of the images that carry the weights, at most; and no more than half
        as many as images, or the decoder would fit them exactly and know nothing of its error.
    permutations : int
        Shuffles of targets within people, for the floor.
    seed : int
        Of the shuffles.

    Returns
    -------
    Signature
        Weights from all images; predictions and their worth from leaving one person out at a time.

    Raises
    ------
    ImportError
        nilearn is not installed (extra ``neuro``).
    ValueError
        Fewer than 5 people, targets or images that are no numbers, images on different grids, no
        voxel with a value in all of them. All are told at once.

    Notes
    -----
    With principal components :math:`z_i` of the images of those trained on, and :math:`\alpha` and
    :math:`\lambda` estimated from the same data by their marginal likelihood (scikit-learn's
    ``BayesianRidge``):

    .. math:: y_i \sim \text{Normal}(b + w \cdot z_i, \alpha^{-1/2}), \qquad
        w \sim \text{Normal}(0, \lambda^{-1/2})

    Components are made anew for each person left out, so nothing of that person is seen in
    training. Weights say what predicts, not which region responds: a region can have weight because
    it takes out what others have in common (Haufe et al., 2014). What predicts ratings of one study
    may not of the next, by scanner, stimuli or ratings.

    References
    ----------
    MacKay, D. J. C. (1992). Bayesian interpolation. Neural Computation, 4, 415-447.
    doi:10.1162/neco.1992.4.3.415

    Haufe, S., et al. (2014). On the interpretation of weight vectors of linear models in
    multivariate neuroimaging. NeuroImage, 87, 96-110. doi:10.1016/j.neuroimage.2013.10.067

    See Also
    --------
    signature_scores : Scores of new images by the weights.

    Examples
    --------
    >>> import empathymodels as em
    >>> signature = em.train_signature(table, "care", components=40)  # doctest: +SKIP
    >>> signature.evaluation["r_within"], signature.evaluation["floor"]  # doctest: +SKIP
    >>> em.signature_scores(new_images, signature.weight_map)  # doctest: +SKIP
    """
    need_nilearn()
    from nilearn.image import new_img_like

    table = table_of_images(images, needs=("participant", "image", target_column))
    target = _targets(table, target_column)
    values, grid, inside = _values(table, mask)
    people = table["participant"].astype(str).to_numpy()
    splits = [(people != person, people == person) for person in np.unique(people)]
    folds = [_Fold.of(values, train, test, components) for train, test in splits]
    predicted, sd = _left_out(folds, target)
    evaluation = _evaluated(target, predicted, sd, people)
    rng = np.random.default_rng(seed)
    has_several = len(np.unique(people)) < len(people)
    among = people if has_several else np.zeros(len(people))
    shuffles = [_shuffled(target, among, rng) for _ in range(permutations)]
    floor = [
        _within(shuffled, _left_out(folds, shuffled)[0], among)
        for shuffled in progress(shuffles, "Shuffles")
    ]
    evaluation["floor"] = float(np.quantile(floor, 0.95))
    at_least = np.sum(np.array(floor) >= evaluation["r_within" if has_several else "r"])
    evaluation["p"] = float((1 + at_least) / (1 + permutations))
    everybody = np.ones(len(table), dtype=bool)
    whole = _Fold.of(values, everybody, everybody, components)
    fitted = whole.fitted(target)
    weights = np.zeros(inside.shape)
    weights[inside] = fitted.coef_ @ whole.directions
    intercept = float(fitted.intercept_ - fitted.coef_ @ whole.directions @ whole.mean)
    predictions = table.drop(columns="image").assign(predicted=predicted, sd=sd)
    return Signature(new_img_like(grid, weights), intercept, predictions, pd.Series(evaluation))


def _targets(table: pd.DataFrame, name: str) -> np.ndarray:
    """Targets as numbers, of enough people."""
    target = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float)
    faults = []
    if bad := int((~np.isfinite(target)).sum()):
        faults.append(f"{counted(bad, 'row')} of '{name}' without a number; leave these images out")
    if table["participant"].isna().any():
        faults.append(f"{int(table['participant'].isna().sum())} rows without participant")
    if (people := table["participant"].nunique()) < FEWEST:
        faults.append(f"{people} people; at least {FEWEST} are needed to leave one out")
    if not faults and not target.std() > 0:
        faults.append(f"'{name}' is constant")
    refuse_together("Targets must be numbers that vary, of several people.", faults)
    return target


def _values(table: pd.DataFrame, mask: Any) -> tuple[np.ndarray, Any, np.ndarray]:
    """Values of all images at the voxels used, (image, voxel); a grid; which voxels these are."""
    rows: list[np.ndarray] = []
    faults: list[str] = []
    grid = None
    for number, row in progress(list(table.iterrows()), "Images"):
        label = row_label(row, int(number))
        try:
            image = read_volume(row["image"], label)
        except ValueError as fault:
            faults.append(str(fault))
            continue
        grid = image if grid is None else grid
        if same_grid(image, grid):
            rows.append(np.asarray(image.get_fdata(), dtype=float))
        else:
            faults.append(f"{label}: its voxels are not those of the first image; resample it")
    refuse_together("Images must be single volumes on one grid.", faults)
    everything = np.stack(rows)
    inside = (np.isfinite(everything) & (everything != 0)).all(axis=0)
    if mask is not None:
        wanted = on_grid(read_volume(mask, "mask"), grid, interpolation="nearest")
        inside &= np.isfinite(wanted) & (wanted != 0)
    if not inside.any():
        refuse_together("Images must share voxels.", ["no voxel has a value in all images"])
    return everything[:, inside], grid, inside


@dataclass(frozen=True)
class _Fold:
    """Components of the images trained on, and where the images left out lie on them."""

    mean: np.ndarray  # (voxel,)
    directions: np.ndarray  # (component, voxel)
    train: np.ndarray
    test: np.ndarray
    seen: np.ndarray  # (image trained on, component)
    unseen: np.ndarray  # (image left out, component)

    @classmethod
    def of(cls, values: np.ndarray, train: np.ndarray, test: np.ndarray, components: int) -> _Fold:
        mean = values[train].mean(axis=0)
        centred = values[train] - mean
        _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
        kept = min(components, len(centred) // 2, int((sizes > 1e-10 * sizes[0]).sum()))
        directions = directions[:kept]
        unseen = (values[test] - mean) @ directions.T
        return cls(mean, directions, train, test, centred @ directions.T, unseen)

    def fitted(self, target: np.ndarray) -> Any:
        """Fit the decoder to these images' targets."""
        from sklearn.linear_model import BayesianRidge

        return BayesianRidge().fit(self.seen, target[self.train])


def _left_out(folds: list[_Fold], target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prediction of every image, and its standard deviation, without its person."""
    predicted, sd = np.empty(len(target)), np.empty(len(target))
    with threadpool_limits(1):  # many small decompositions
        for fold in folds:
            fitted = fold.fitted(target)
            predicted[fold.test], sd[fold.test] = fitted.predict(fold.unseen, return_std=True)
    return predicted, sd


def _evaluated(
    target: np.ndarray, predicted: np.ndarray, sd: np.ndarray, people: np.ndarray
) -> dict[str, float]:
    """What predictions are worth."""
    spread = predicted.std()
    slope = np.cov(target, predicted, ddof=0)[0, 1] / spread**2 if spread > 0 else np.nan
    return {
        "r": _correlation(target, predicted),
        "r_within": _within(target, predicted, people),
        "rmse": float(np.sqrt(np.mean((target - predicted) ** 2))),
        "rmse_of_mean": float(target.std()),
        "slope": float(slope),
        "coverage": float((np.abs(target - predicted) <= 1.6449 * sd).mean()),
    }


def _within(target: np.ndarray, predicted: np.ndarray, people: np.ndarray) -> float:
    """Correlation around people's own means."""
    table = pd.DataFrame({"target": target, "predicted": predicted})
    around = table - table.groupby(people).transform("mean")
    return _correlation(around["target"].to_numpy(), around["predicted"].to_numpy())


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if not (one.std() > 0 and other.std() > 0):
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def _shuffled(target: np.ndarray, people: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Targets in another order within people."""
    shuffled = target.copy()
    for person in np.unique(people):
        own = np.flatnonzero(people == person)
        shuffled[own] = target[rng.permutation(own)]
    return shuffled
