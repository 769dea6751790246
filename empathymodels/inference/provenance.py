"""What a fit records beside its draws: data, model, versions, settings."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.record import declarations
from empathymodels.inference.fits import approximated, remember
from empathymodels.inference.study_tree import study_tree
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.rows import observed_data
from empathymodels.population.covariates import Covariates
from empathymodels.population.stored_covariates import stored
from empathymodels.version import versions

BUILT_ON = ("pymc", "pytensor", "nutpie", "arviz", "numpy")


def fit_tree(
    posterior: xr.Dataset,
    stats: xr.Dataset,
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
) -> xr.DataTree:
    """Return the groups of a fit, still without attributes."""
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "sample_stats": stats,
            "observed_data": observed_data(arrangement),
            "constant_data": stored(covariates, arrangement),
        }
    )
    tree["study"] = study_tree(arrangement.study)
    return tree


def provenance(
    arrangement: Arrangement,
    method: str,
    seed: int,
    settings: Mapping[str, Any],
    covariates: Mapping[str, str],
) -> dict[str, Any]:
    """Return the attributes of a fit: model, versions, seed, settings, what was left out."""
    model = arrangement.model
    identity = fingerprint(model)
    remember(model, identity, model.variant)
    return {
        "model": model.name,
        "label": approximated(model.label, method),
        "method": method,
        "variant": json.dumps(model.variant),
        "fingerprint": identity,
        "declarations": json.dumps(declarations(model)),
        "source": model.source,
        "model_text": Path(model.source).read_text(encoding="utf-8") if model.source else "",
        "versions": json.dumps(versions(*BUILT_ON)),
        "python": platform.python_version(),
        "seed": seed,
        "settings": json.dumps(settings),
        "covariates": json.dumps(dict(covariates)),
        "missing": json.dumps(arrangement.checked.missing),
        "left_out": json.dumps(arrangement.checked.left_out),
        "held": json.dumps(arrangement.held),
    }
