"""Results of GLMs with many versions of their regressors, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import t as student_t

from empathymodels.arguments import checked_arguments

MASS = 0.95  # of the interval


@checked_arguments
def combine_glms(
    effects: Sequence[Any], variances: Sequence[Any], *, df: float | None = None
) -> xr.Dataset:
    r"""Combine effects that were estimated once per version of events, by Rubin's rules.

    Parameters
    ----------
    effects : sequence of array_like or images, one per version
        Estimated effects: numbers, arrays of one shape, or images (nilearn's ``effect_size``).
    variances : sequence of array_like or images, one per version
        Their squared standard errors (nilearn's ``effect_variance``).
    df : float, optional
        Degrees of freedom of each GLM; many unless given.

    Returns
    -------
    Dataset (dim_0, ...)
        ``effect``; ``se``; ``df``; ``low`` and ``high``, the 95 % interval; ``p`` of no effect,
        two-sided; ``lost``, the share of the variance that is the latents' uncertainty.

    Raises
    ------
    ValueError
        Fewer than two versions, shapes that differ, or variances that are negative.

    Notes
    -----
    With effects :math:`b_d` and variances :math:`v_d` of m versions, mean :math:`\bar b`, mean
    variance W and variance B of the effects between versions, the variance is
    :math:`T = W + (1 + 1/m) B`, with the degrees of freedom of Barnard and Rubin.

    Versions are drawn given behaviour alone, not given the images. So effects shrink by the share
    of the modulator's variance that is uncertain, as with any regressor with error. That share
    follows from the posterior standard deviations in the files beside the events, not from
    ``lost``, which also depends on the noise of the signal.

    References
    ----------
    Rubin, D. B. (1987). Multiple imputation for nonresponse in surveys. Wiley.
    doi:10.1002/9780470316696

    Barnard, J., & Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation.
    Biometrika, 86, 948-955. doi:10.1093/biomet/86.4.948

    See Also
    --------
    to_events : Writes the versions.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.combine_glms([1.0, 1.2, 1.1], [0.04, 0.05, 0.04])["effect"].item()
    1.1
    """
    effect, variance = _stacked("effects", effects), _stacked("variances", variances)
    if effect.shape != variance.shape or len(effect) < 2:
        raise ValueError(
            "effects and variances must be as many, at least two versions, of one shape; found "
            f"{effect.shape} and {variance.shape}, versions first. Give one of each per version."
        )
    if (variance < 0).any():
        raise ValueError(
            f"variances must not be negative; found {int((variance < 0).sum()):,} that are. Give "
            "squared standard errors."
        )
    m = len(effect)
    within, between = variance.mean(axis=0), (1 + 1 / m) * effect.var(axis=0, ddof=1)
    total = within + between
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.where(total > 0, between / total, 0.0)
        freedom = (m - 1) / lost**2
        if df is not None:
            observed = (df + 1) / (df + 3) * df * (1 - lost)
            freedom = 1 / (1 / freedom + 1 / observed)
    middle, se = effect.mean(axis=0), np.sqrt(total)
    reach = student_t.ppf((1 + MASS) / 2, freedom) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * student_t.sf(np.abs(middle) / se, freedom)
    found = {
        "effect": middle,
        "se": se,
        "df": freedom,
        "low": middle - reach,
        "high": middle + reach,
        "p": p,
        "lost": lost,
    }
    dims = [f"dim_{k}" for k in range(middle.ndim)]
    return xr.Dataset({name: (dims, np.asarray(values)) for name, values in found.items()})


def _stacked(name: str, versions: Sequence[Any]) -> np.ndarray:
    """Arrays of all versions, (version, ...)."""
    arrays = [np.asarray(getattr(one, "dataobj", one), dtype=float) for one in versions]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise ValueError(f"{name} must have one shape in all versions; found {sorted(shapes)}.")
    return np.stack(arrays) if arrays else np.zeros((0,))
