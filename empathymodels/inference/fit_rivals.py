"""Fit a model and what else could hold, to be compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.declaration.record import all_needs
from empathymodels.inference.fit import fit
from empathymodels.layout.arrange import arrange
from empathymodels.messages import listed
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
        Names of rivals. Unless given, all that the model names, but for those that the study
        cannot be used for (it lacks a column that only they read, say), those that differ only in
        responses that it lacks, and those with densities of ratings for which the model has
        probabilities, which cannot be compared. Which and why is told.
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
        The study cannot be used for the model, or for a rival that was named; found before any
        is fitted.

    See Also
    --------
    compare : Which of them predicts best.
    confuse : Whether such a study can tell them apart.

    Examples
    --------
    >>> import empathymodels as em
    >>> model, study = em.get_model("prosocial_effort"), em.load_study("effort_for_others")
    >>> fits = em.fit_rivals(model, study, "linear", "hyperbolic", seed=1)  # doctest: +SKIP
    >>> em.compare(fits).attrs["reading"]  # doctest: +SKIP
    """
    models = {model.name or model.label: model}
    models |= {name: model.rival(name) for name in rivals or _comparable(model)}
    seen: dict[str, str] = {}
    for name, competitor in list(models.items()):
        try:
            alike = seen.setdefault(fingerprint(arrange(competitor, study).model), name)
        except ValueError as refused:
            if rivals or competitor is model:
                raise
            fault = str(refused)
        else:
            fault = "" if alike == name else f"of this study it says the same as '{alike}'."
        if fault and not rivals:
            del models[name]
            tell(f"Rival '{name}' is left out: {fault}")
    fits = {}
    for place, (name, competitor) in enumerate(models.items(), start=1):
        tell(f"Fit {place} of {len(models)}: {name}")
        fits[name] = fit(competitor, study, **settings)
    return fits


def _comparable(model: Model) -> Iterator[str]:
    """Names of rivals that have probabilities of the same ratings, in steps, as the model."""
    own = _in_steps(model)
    for name in model.rivals_by_name:
        rival = model.rival(name)
        steps = _in_steps(rival)
        apart = sorted(r for r in own.keys() & steps.keys() if own[r] != steps[r])
        if apart:
            tell(
                f"Rival '{name}' is left out: densities and probabilities of {listed(apart)} "
                "cannot be compared. Name it to fit it all the same."
            )
        else:
            yield name


def _in_steps(model: Model) -> dict[str, bool]:
    """Whether a model has probabilities of steps for each of its responses."""
    steps = {r.name: r.resolution is not None for r in model.responses}
    return {name: needs.in_steps and steps[name] for name, needs in all_needs(model).items()}
