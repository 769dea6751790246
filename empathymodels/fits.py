"""What a fit is: one reader of what verbs are given for fits, with words for what is none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from empathymodels.wording import listed

ATTRIBUTES = ("model", "fingerprint")  # that every fit has
GROUPS = ("posterior", "study")
LONGEST = 40  # characters of a value in a message


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
