"""Fits that were not sampled to their end: what a store has of them, and how they are marked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xarray as xr

from empathymodels.engine.build import shares_of_centring
from empathymodels.engine.density import Density
from empathymodels.engine.linear_map import LinearMap
from empathymodels.inference.convergence import Length
from empathymodels.inference.fits import PARTIAL, covariates_of, find_model, recorded
from empathymodels.inference.store import refuse_other_version
from empathymodels.inference.store_draws import kept_draws
from empathymodels.inference.study_tree import study_from_tree
from empathymodels.layout.arrange import arrange
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.labels import labelled
from empathymodels.population.parametrisation import Parametrisation
from empathymodels.terminal import tell


def partial_fit(path: Path, begun: xr.DataTree) -> xr.DataTree:
    """Return the fit of the draws that a store has, marked partial.

    Raises
    ------
    ValueError
        No draws are there yet, or another version of the package wrote them.
    """
    refuse_other_version(path, begun)
    settings = recorded(begun, "settings")
    kept, length = kept_draws(path), Length.of(settings)
    if kept is None:
        raise ValueError(
            f"A fit under way can be read once all chains have draws; {path} has "
            f"{length.share(0)}. {_to_go_on(path, begun)}"
        )
    arrangement = arrange(find_model(begun), study_from_tree(begun["study"]))
    covariates = covariates_of(begun, arrangement)
    coordinates = _parametrisation(begun, arrangement)
    fit = begun.copy()
    posterior = labelled(arrangement, covariates, coordinates, kept.trace.draws)
    fit["posterior"] = xr.DataTree(posterior)
    fit["sample_stats"] = xr.DataTree(kept.trace.stats)
    fit.attrs["runs"] = json.dumps(kept.runs)
    fit.attrs["settings"] = json.dumps(settings | {"draws": kept.draws})
    mark_partial(fit, length.share(kept.draws))
    tell(f"{path} is partial: {fit.attrs[PARTIAL]}. {_to_go_on(path, begun)}")
    return fit


def _parametrisation(begun: xr.DataTree, arrangement: Arrangement) -> Parametrisation:
    shares = shares_of_centring(arrangement, recorded(begun, "shares"))
    powers = recorded(begun, "anchoring")
    return Parametrisation(shares, {unit: np.array(each) for unit, each in powers.items()})


def in_coordinates_of(begun: xr.DataTree, density: Density) -> Density:
    """A density in the coordinates of the draws that a store has of a fit that was begun."""
    combined = LinearMap.from_json(begun.attrs["combinations"])
    return density.reparametrised(_parametrisation(begun, density.arrangement)).mapped(combined)


def mark_partial(fit: xr.DataTree, share: str) -> None:
    """Say of a fit that it was not sampled to its end, wherever it is told of."""
    fit.attrs[PARTIAL] = share
    fit.attrs["label"] += f" ({PARTIAL})"


def _to_go_on(path: Path, begun: xr.DataTree) -> str:
    """Say what command goes on with a store."""
    asked = recorded(begun, "asked") | {"seed": int(begun.attrs["seed"])}
    own = {name: asked[name] for name in asked if name not in ("model", "equations", "study")}
    words = ", ".join(f"{name}={value!r}" for name, value in own.items() if value not in (None, {}))
    return f"To go on: em.fit(model, study, {words}, store={str(path)!r}), or the same command."
