"""What a fit is, and what it knows: its model, study, layout, settings, method and label."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from empathymodels.declaration.catalog import get_model, list_models
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.engine.evaluator import Evaluator, evaluator
from empathymodels.inference.study_tree import contents, study_from_tree
from empathymodels.kept import Kept
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import listed
from empathymodels.population.covariates import Covariates
from empathymodels.population.stored_covariates import restored
from empathymodels.study.study import Study

ATTRIBUTES = ("model", "fingerprint")  # that every fit has
GROUPS = ("posterior", "study")
LONGEST = 40  # characters of a value in a message
_MODELS: dict[str, Model] = {}
_STUDIES, _EVALUATORS = Kept(), Kept()
PARTIAL = "partial"  # attribute of a fit that was not sampled to its end


def checked_fit(fit: Any) -> xr.DataTree:
    """Return a fit; raise TypeError, with what to do, for whatever is none."""
    if fault := _fault(fit):
        raise TypeError(f"A fit must be given, as fit() and load() return it; found {fault}")
    return fit


def checked_fits(fits: Any) -> dict[str, xr.DataTree]:
    """Return fits by name; raise TypeError for what is no mapping, or names what is no fit."""
    if not _is_mapping(fits):
        found = _fault(fits) or "one fit."
        raise TypeError(
            'Fits must be given by name, for example {"learning": fit, "static": other}; found '
            f"{found}"
        )
    faults = {name: fault for name, fit in fits.items() if (fault := _fault(fit))}
    if faults:
        name, fault = next(iter(faults.items()))
        raise TypeError(
            f"Every entry must be a fit, as fit() and load() return it; {len(faults)} of "
            f"{len(fits)} are none: {listed(faults)}. '{name}' is {fault}"
        )
    return {str(name): fit for name, fit in fits.items()}


def _fault(fit: Any) -> str:
    """Say what was given where it is no fit, and what to do; empty for a fit."""
    if isinstance(fit, xr.DataTree):
        absent = [name for name in ATTRIBUTES if name not in fit.attrs]
        absent += [name for name in GROUPS if name not in fit.children]
        without = f"a DataTree without {listed(absent)}. Give the whole fit, not a part of it."
        return without if absent else ""
    if isinstance(fit, str | Path):
        return f"the text '{fit}'. If it is the file of a fit, load it first: load({str(fit)!r})."
    if _is_mapping(fit):
        return f"a mapping of {listed(fit, 4)}. Give one of its fits."
    text = repr(fit)
    shown = f" {text}" if len(text) <= LONGEST and "\n" not in text else ""
    return f"{type(fit).__name__}{shown}. Fit a model to a study, or load() the file of a fit."


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and not isinstance(value, xr.DataTree | xr.Dataset)


def marked(name: str, fit: xr.DataTree) -> str:
    """Add to a name that a fit is partial, or how its posterior was approximated."""
    if PARTIAL in fit.attrs:
        return f"{name} ({PARTIAL})"
    return approximated(name, method_of(fit))


def approximated(name: str, method: str) -> str:
    """Add to a name how a posterior was approximated, if it was."""
    return name if method == "nuts" else f"{name} ({method}, approximate)"


def method_of(fit: xr.DataTree) -> str:
    """How a fit was made: "nuts", "laplace" or "map"."""
    return str(checked_fit(fit).attrs.get("method", "nuts"))


def remember(model: Model, identity: str, variant: Any) -> None:
    """Keep a model for whoever asks for the model of fits of that fingerprint and variant."""
    _MODELS[_memory_key(identity, variant)] = model


def remembered(fit: xr.DataTree, model: Model) -> xr.DataTree:
    """Return a fit that was read from a file, its model being the one in memory, as laid out."""
    remember(model, fit.attrs["fingerprint"], recorded(fit, "variant"))
    fit.attrs["source"] = model.source
    return fit


def in_steps_of(fit: xr.DataTree, model: Model) -> Model:
    """Return the model with the steps that a fit read from its ratings, where it declares none."""
    steps: dict[str, Any] = {}
    for verb, given in recorded(fit, "variant"):
        steps |= given if verb == "with_read_resolution" else {}
    undeclared = {r.name for r in model.responses if r.resolution == "observed"}
    read = {name: step for name, step in steps.items() if name in undeclared}
    return model.with_read_resolution(**read) if read else model


def _memory_key(identity: str, variant: Any) -> str:
    return identity + json.dumps(variant)


def _key_of(fit: xr.DataTree) -> str:
    return _memory_key(checked_fit(fit).attrs["fingerprint"], recorded(fit, "variant"))


def model_of(fit: xr.DataTree) -> Model:
    """Return the model behind a fit: the one in memory, the installed one, or the user's file.

    Raises
    ------
    ValueError
        The model's equations or declarations are no longer those of the fit.
    """
    key = _key_of(fit)
    if key not in _MODELS:
        _MODELS[key] = find_model(fit)
    return _MODELS[key]


def study_of(fit: xr.DataTree) -> Study:
    """Return the study that a fit carries."""
    tree = checked_fit(fit)["study"]
    return _STUDIES.get(contents(tree), lambda: study_from_tree(tree))


def evaluator_of_fit(fit: xr.DataTree) -> Evaluator:
    """Return the function from draws of a fit to what follows from them, of its own study."""
    model = model_of(fit)  # or a refusal, where none is known
    key = _key_of(fit), contents(fit["study"])
    return _EVALUATORS.get(key, lambda: evaluator(model, study_of(fit)))


def arrangement_of(fit: xr.DataTree) -> Arrangement:
    """Return how the study of a fit is laid out for its model."""
    # of studies with the same contents one is compiled; name, log and citation may be another's
    return replace(evaluator_of_fit(fit).arrangement, study=study_of(fit))


def covariates_of(fit: xr.DataTree, arrangement: Arrangement) -> dict[str, Covariates]:
    """Return the covariates that a fit holds, as they are in it; no formula is evaluated.

    Raises
    ------
    ValueError
        A file holds covariates that are not those of its participants.
    """
    held = fit["constant_data"].to_dataset() if "constant_data" in fit.children else xr.Dataset()
    return restored(
        held, [*recorded(fit, "covariates"), *arrangement.model.covariates], arrangement
    )


def version_of(fit: xr.DataTree) -> str:
    """Return the version of the package that made a fit."""
    return str(recorded(fit, "versions")["empathymodels"])


def recorded(fit: xr.DataTree, name: str) -> Any:
    """Return what a fit records as JSON under a name, such as its settings; {} for nothing."""
    return json.loads(fit.attrs.get(name, "{}"))


def thinned(posterior: xr.Dataset, draws: int) -> xr.Dataset:
    """Keep about `draws` draws in all, evenly spaced within every chain."""
    available = posterior.sizes["draw"]
    per_chain = min(available, max(1, round(draws / posterior.sizes["chain"])))
    kept = np.unique(np.linspace(0, available - 1, per_chain).round().astype(int))
    return posterior.isel(draw=kept)


def find_model(fit: xr.DataTree) -> Model:
    """Return the model behind a fit: the installed one or that of a named file.

    Raises
    ------
    ValueError
        It cannot be found, or its equations or declarations are no longer those of the fit.
    """
    name, source = fit.attrs["model"], fit.attrs.get("source", "")
    if name not in list_models() and not Path(source).is_file():
        raise ValueError(
            f"This fit is of '{name}', which is not among the installed models "
            f"({listed(list_models())}). Load it with load(path, model='{name}.py'), or, if you "
            "trust its author, with load(path, trust_source=True)."
        )
    base = get_model(source if Path(source).is_file() else name)
    written = version_of(fit)
    try:
        model = base.vary(recorded(fit, "variant"))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"What was changed in '{name}' for this fit (made with empathymodels {written}) must "
            f"be possible with the model as it is here. It is not: {error.args[0]} To use the fit, "
            "install that version or restore the model's file; else fit again."
        ) from error
    if fingerprint(model) != fit.attrs["fingerprint"]:
        raise ValueError(
            f"The equations or declarations of '{model.label}' have changed since this fit (made "
            f"with empathymodels {written}). Install that version, restore the model's file, or "
            "fit again. The text that was fitted is in fit.attrs['model_text']."
        )
    return model
