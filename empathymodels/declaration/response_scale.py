"""The range of a response as the unit of parameters, and of values at which they are held."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from empathymodels.declaration.parts import Parameter, Response
from empathymodels.declaration.supports import SUPPORTS

if TYPE_CHECKING:
    from empathymodels.declaration.model import Model


def range_of(model: Model, parameter: Parameter) -> tuple[float, float] | None:
    """Range of the response that a parameter is in units of; None where it is in units of none."""
    response = next((r for r in model.observables if r.name == parameter.scale_of), None)
    return response.range if response is not None else None


def scale_of(model: Model, parameter: Parameter) -> tuple[float, float]:
    """Zero point and unit that a parameter takes from the range of its response."""
    ends = range_of(model, parameter)
    if ends is None:
        return 0.0, 1.0
    low, high = ends
    return (low if parameter.role == "location" else 0.0), high - low


def from_share(model: Model, parameter: Parameter, share: Any) -> Any:
    """Natural-scale value (or one per level) of a share of the range."""
    zero, unit = scale_of(model, parameter)
    return _each(lambda part: zero + unit * part, share)


def to_share(model: Model, parameter: Parameter, value: Any) -> Any:
    """Share of the range of a natural-scale value (or of one per level)."""
    zero, unit = scale_of(model, parameter)
    return _each(lambda number: (number - zero) / unit, value)


def _each(function: Callable[[float], float], value: Any) -> Any:
    if isinstance(value, Mapping):
        return {level: function(number) for level, number in value.items()}
    return function(value)


def natural_support(model: Model, parameter: Parameter) -> tuple[float, float]:
    """Smallest and largest natural-scale value of a parameter, in data units."""
    ends = SUPPORTS[parameter.support].ends
    zero, width = scale_of(model, parameter)
    return zero + width * ends[0], zero + width * ends[1]


def check_resolution(response: Response, step: Any) -> None:
    """Raise ValueError for steps in which a response cannot be recorded."""
    if response.range is None:
        raise ValueError(
            f"Only a response with a range is recorded in steps; '{response.name}' has none. "
            "Leave it out of with_resolution()."
        )
    if step is None or step == "observed":
        return
    width = response.range[1] - response.range[0]
    is_number = isinstance(step, int | float) and not isinstance(step, bool) and step > 0
    if not is_number or abs(width / step - round(width / step)) > 1e-6 or step > width:
        raise ValueError(
            f"The resolution of '{response.name}' must be a number that divides the width of its "
            f"range, {width:g}, or 'observed', or None; found {step!r}. Give for example "
            f"with_resolution({response.name}={width / 100:g})."
        )


def with_ends(response: Response, ends: tuple[float, float]) -> Response:
    """Return a response on another scale, in the steps that were declared."""
    changed = replace(response, range=ends)
    step = response.resolution
    if response.is_resolution_read:
        return replace(changed, resolution="observed", is_resolution_read=False)
    try:
        check_resolution(changed, step)
    except ValueError as error:
        raise ValueError(
            f"The range of '{response.name}' must be a whole number of the steps of {step:g} that "
            f"are declared; found {ends[0]:g} to {ends[1]:g}. Give both anew: "
            f'with_resolution({response.name}="observed").with_range(...).with_resolution(...).'
        ) from error
    return changed


# ------------------------------------------------------------------------- values that are held


def check_fixed(model: Model, parameter: Parameter, value: float | Mapping[str, float]) -> None:
    """Raise ValueError for a natural-scale value that a parameter cannot have."""
    low, high = natural_support(model, parameter)
    for number in _numbers(value):
        if not low <= number <= high:
            raise ValueError(
                f"'{parameter.name}' must lie between {low:g} and {high:g}; found the fixed value "
                f"{number}. Give a value inside (the ends included)."
            )
    _check_units(model, parameter, value)


def _check_units(model: Model, parameter: Parameter, value: float | Mapping[str, float]) -> None:
    """Refuse a noise wider than the range that it is in units of; warn of other such values."""
    ends, (zero, unit) = range_of(model, parameter), scale_of(model, parameter)
    furthest = max(_numbers(value), key=lambda number: abs(number - zero), default=zero)
    if ends is None or abs(furthest - zero) <= unit:
        return
    text = (
        f"'{parameter.name}' is in units of '{parameter.scale_of}', which goes from {ends[0]:g} to "
        f"{ends[1]:g}; found the fixed value {furthest:g}, {abs(furthest - zero) / unit:.3g} times "
        f"the whole range. Give it in these units, or as a share of the range: "
        f"model.fix_share({parameter.name}=...)."
    )
    if SUPPORTS[parameter.support].is_log:
        raise ValueError(text)
    warnings.warn(text, stacklevel=5)


def left_behind(model: Model, changed: Model) -> Iterator[str]:
    """Say of every parameter that is held in units of a range what is wrong when that changes."""
    for parameter in model.parameters:
        old, new = range_of(model, parameter), range_of(changed, parameter)
        fixed = parameter.fixed
        if old is None or new is None or old == new or fixed is None:
            continue
        if parameter.fixed_share is not None:
            continue
        if parameter.role == "scale" and not any(_numbers(fixed)):
            continue  # no difference is none on any scale
        name, of = parameter.name, parameter.scale_of
        yield (
            f"'{name}' is fixed at {_values_text(fixed)} where '{of}' goes from {old[0]:g} to "
            f"{old[1]:g}, and would stay there with {new[0]:g} to {new[1]:g}. Hold it as a share "
            f"of the range, model.fix_share({name}="
            f"{_values_text(to_share(model, parameter, fixed))}), or fix it after the range: "
            f"model.with_range({of}=({new[0]:g}, {new[1]:g})).fix({name}=...)."
        )


def fixed_in_rival(model: Model, rival: Model, moved: Collection[str]) -> Iterator[str]:
    """Say of every parameter that a rival newly holds in units of a range what is wrong.

    The author of a rival knows the ranges that the model declares, not those that have `moved`.
    """
    before = {parameter.name: parameter.fixed for parameter in model.parameters}
    for parameter in rival.parameters:
        fixed, of = parameter.fixed, parameter.scale_of
        if fixed is None or fixed == before.get(parameter.name):
            continue
        if of not in moved or parameter.fixed_share is not None:
            continue
        if parameter.role == "scale" and not any(_numbers(fixed)):
            continue  # no difference is none on any scale
        ends = range_of(rival, parameter)
        if ends is not None:
            yield (
                f"it fixes '{parameter.name}' at {_values_text(fixed)}, whatever the range of "
                f"'{of}', which is {ends[0]:g} to {ends[1]:g} now. Let it hold a share of the "
                f"range, model.fix_share({parameter.name}=...), in the file of the model."
            )


def _numbers(value: float | Mapping[str, float]) -> list[float]:
    return list(value.values()) if isinstance(value, Mapping) else [value]


def _values_text(value: float | Mapping[str, float]) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{level!r}: {number:g}" for level, number in value.items()) + "}"
    return f"{value:g}"
