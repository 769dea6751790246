"""Fit a model and what else could hold, to be compared."""

from __future__ import annotations

from typing import Any

import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.inference.fit import fit
from empathymodels.layout.arrange import arrange
from empathymodels.study.study import Study
from empathymodels.terminal import tell


@checked_arguments
def fit_rivals(model: Model, study: Study, *rivals: str, **settings: Any) -> dict[str, xr.DataTree]:
    """Fit a model and its rivals to the same study, for `compare`.

    Parameters
    ----------
    model : Model
        The model; fitted first.
    study : Study
        To what.
    *rivals : str
        Names of rivals; all that the model names unless given.
    **settings
        As of `fit`, the same for all.

    Returns
    -------
    dict of str to DataTree
        Fits by name: that of the model, then of the rivals.

    Raises
    ------
    KeyError
        Unknown rival.
    ValueError
        The study cannot be used for one of them (a column that only a rival reads, say); found
        before any is fitted.

    Examples
    --------
    >>> import empathymodels as em
    >>> model, study = em.get_model("prosocial_effort"), em.load_study("effort_for_others")
    >>> fits = em.fit_rivals(model, study, "linear", "hyperbolic", seed=1)  # doctest: +SKIP
    >>> em.compare(fits).attrs["reading"]  # doctest: +SKIP
    """
    models = {model.name or model.label: model}
    models |= {name: model.rival(name) for name in rivals or model.rivals_by_name}
    for competitor in models.values():
        arrange(competitor, study)
    fits = {}
    for place, (name, competitor) in enumerate(models.items(), start=1):
        tell(f"Fit {place} of {len(models)}: {name}")
        fits[name] = fit(competitor, study, **settings)
    return fits
