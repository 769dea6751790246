"""Suit a model to a study: leave out what the study does not show, and anchor what has no scale."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.declaration.model import Model
from empathymodels.declaration.response_scale import scale_of
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.messages import listed


def available(
    model: Model, responses: Collection[str], tables: Mapping[str, Any]
) -> tuple[Model, dict[str, str]]:
    """Return the model that a study can inform, and what of it is held at a value, and why.

    Responses that the study does not have are left out, weights of columns that it does not have
    are held (at zero, unless the model says otherwise), so is what the only item would add to a
    mean, and the first response that can anchor the model's scale does.

    Parameters
    ----------
    model : Model
        The model.
    responses : collection of str
        Responses that the study has.
    tables : mapping of str to DataFrame
        The study's tables.
    """
    dropped = [r.name for r in model.responses if r.name not in responses]
    suitable = model.without(*dropped) if dropped else model
    held = absent_weights(model, tables) | single_items(model, tables) | anchored(model, responses)
    values = {name: value for name, (value, _) in held.items()}
    reasons = {name: f"{value:g}: {reason}" for name, (value, reason) in held.items()}
    return (suitable.fix(**values) if values else suitable), reasons


def absent_weights(model: Model, tables: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """Values of the free parameters that weigh a column which the study does not have."""
    found = {}
    for parameter in model.parameters:
        if parameter.weighs is None or parameter.fixed is not None:
            continue
        column = model.column(parameter.weighs)
        if column.name not in tables.get(column.table, ()):
            low, width = scale_of(model, parameter)
            reason = f"{column.table} has no column '{column.name}'."
            found[parameter.name] = low + width * parameter.if_absent, reason
    return found


def single_items(model: Model, tables: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """Values of the free deviations of items of which the study has one alone.

    Such a deviation cannot be told from the mean that it is added to, nor how much items differ.
    """
    found = {}
    for parameter in model.parameters:
        if parameter.fixed is not None or not (parameter.is_item and parameter.has_set_mean):
            continue
        labels = [t[parameter.level] for t in tables.values() if parameter.level in t]
        if not labels or pd.concat(labels).nunique() < 2:
            low, width = scale_of(model, parameter)
            middle = np.array(float(parameter.priors["location"].parameters["mu"]))
            value = low + width * float(SUPPORTS[parameter.support].inverse(middle, np))
            reason = f"what one '{parameter.level}' alone adds cannot be told from the mean."
            if not labels:
                reason = f"no table has a column '{parameter.level}'."
            found[parameter.name] = value, reason
    return found


def anchor_of(model: Model, responses: Collection[str]) -> str | None:
    """The first of the responses that can anchor the model's scale."""
    return next((name for name in model.anchors if name in responses), None)


def anchored(model: Model, responses: Collection[str]) -> dict[str, tuple[float, str]]:
    """Values at which the anchor's parameters are held, so that it gives the model its scale."""
    anchor = anchor_of(model, responses)
    found = {}
    for name, value in model.anchors.get(anchor or "", {}).items():
        parameter = model.parameter(name)
        if parameter.fixed is None:
            low, width = scale_of(model, parameter)
            found[name] = low + width * value, f"response '{anchor}' anchors the scale."
    return found


def no_anchor(model: Model, responses: Collection[str]) -> str:
    """Say that nothing anchors the scale of a model that needs it, or return an empty text."""
    if not model.anchors or anchor_of(model, responses):
        return ""
    return (
        f"One response must anchor the scale of '{model.name}': {listed(model.anchors)}, in this "
        f"order. The study has only {listed(responses)}, which could stretch with the weights. "
        "Add one of them, or name its column: Study(..., columns={...})."
    )
