"""Variants of a model as data: a closed list of verbs, each with arguments of one kind.

What a fit's file says of a variant is replayed by these verbs alone, and only after its arguments
are what the verb takes: names, numbers, ranges, and priors that PyMC has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc_extras.prior import CUSTOM_TRANSFORMS, Prior
from pytensor.tensor.elemwise import Elemwise

from empathymodels.declaration.outcomes import Outcome
from empathymodels.declaration.parts import PARTS
from empathymodels.messages import listed

if TYPE_CHECKING:
    from empathymodels.declaration.model import Model

PRIOR = {"dist", "kwargs", "centered", "dims", "transform"}  # what a stored prior may say
DEEPEST = 3  # priors within priors


def replayed(model: Model, changes: Iterable[Any]) -> Model:
    """Return a model after recorded changes.

    Raises
    ------
    KeyError, ValueError
        A change is none of those that `Model` offers, or the model does not allow it.
    """
    for change in changes:
        model = _replayed(model, change)
    return model


def _replayed(model: Model, change: Any) -> Model:
    if isinstance(change, list | tuple) and len(change) == 2 and isinstance(change[0], str):
        verb, argument = change
        if verb in VERBS:
            is_right, replay = VERBS[verb]
            if is_right(argument):
                return replay(model, argument)
    raise ValueError(
        f"A variant is made by {listed(VERBS)}, each with its own arguments; found "
        f"{_shortened(change)}. Make it anew with these."
    )


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def change_text(verb: str, argument: Any) -> str:
    """Say what one change was, for the label of a variant."""
    match verb:
        case "rival":
            return str(argument)
        case "with_range":
            ends = [f"{name}={low:g}-{high:g}" for name, (low, high) in argument.items()]
            return f"range({', '.join(ends)})"
        case "with_resolution":
            none = [name for name, step in argument.items() if step is None]
            steps = [f"{n}={step:g}" for n, step in argument.items() if _is_number(step)]
            told = [f"no_steps({', '.join(none)})"] * bool(none)
            return " ".join([*told, *[f"steps({', '.join(steps)})"] * bool(steps)])
        case "with_read_resolution":
            return ""  # known from the data, and no other model
        case "with_timing":
            return " ".join(f"{name} {when} the trial" for name, when in argument.items())
        case "with_region":
            return f"region({', '.join(f'{name}={region}' for name, region in argument.items())})"
        case "with_priors":
            return f"priors({', '.join(argument)})"
        case "fix":
            return " ".join(f"{name}={value}" for name, value in argument.items())
        case "fix_share":
            return " ".join(f"{name}={value} of range" for name, value in argument.items())
        case "with_population":
            return f"population({argument})"
        case "with_outcome":
            goes_with = ", ".join(argument.get("on", ())) or argument.get("measures", "")
            return f"outcome({argument['name']} on {goes_with})"
        case "with_summary":
            return f"summary({argument['name']})"
    return f"{verb}({', '.join(argument)})"


# ------------------------------------------------------------------- what an argument must be


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value not in ("", "self")


def _are_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_name, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_value(value: Any) -> bool:
    """Whether a parameter may be held at it: a number, or one per level."""
    return _is_number(value) or (
        isinstance(value, Mapping) and all(map(_is_number, value.values()))
    )


def _is_range(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))


def _is_resolution(value: Any) -> bool:
    return value is None or value == "observed" or _is_number(value)


def _is_prior(value: Any, depth: int = 0) -> bool:
    if not isinstance(value, Mapping) or not set(value) <= PRIOR or depth > DEEPEST:
        return False
    distribution = getattr(pm, str(value.get("dist")), None)
    given, dims = value.get("kwargs", {}), value.get("dims")
    return (
        isinstance(distribution, type)
        and issubclass(distribution, pm.Distribution)
        and isinstance(given, Mapping)
        and all(_is_name(n) and n not in PRIOR and _is_input(v, depth) for n, v in given.items())
        and isinstance(value.get("centered", True), bool)
        and (dims is None or _is_name(dims) or _are_names(dims))
        and _is_transform(value.get("transform"))
    )


def _is_input(value: Any, depth: int) -> bool:
    are_numbers = isinstance(value, list | tuple) and all(map(_is_number, value))
    return _is_number(value) or are_numbers or _is_prior(value, depth + 1)


def _is_transform(name: Any) -> bool:
    """Whether it is an element-wise function of PyTensor's, or one that the user registered."""
    if name is None:
        return True
    known = name in CUSTOM_TRANSFORMS or isinstance(getattr(pt, name, None), Elemwise)
    return isinstance(name, str) and known


def _mapping_of(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        return isinstance(value, Mapping) and all(
            _is_name(name) and is_right(entry) for name, entry in value.items()
        )

    return check


def _are_parts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(n in PARTS and _is_prior(p) for n, p in value.items())


def _is_outcome(value: Any) -> bool:
    kinds = {"on": _are_names, "range": _is_range, "meaning": _is_text, "unit": _is_text}
    return (
        isinstance(value, Mapping)
        and "name" in value
        and set(value) <= {field.name for field in fields(Outcome)}
        and all(kinds.get(name, _is_name)(given) for name, given in value.items())
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_summary(value: Any) -> bool:
    are_names = isinstance(value, Mapping) and all(map(_is_name, value.values()))
    return are_names and set(value) == {"name", "of", "kind"}


# --------------------------------------------------------------------------- how it is replayed


def _prior(stored: Mapping[str, Any]) -> Prior:
    """Return the prior that was stored as plain data."""
    dims = stored.get("dims")
    return Prior(
        stored["dist"],
        dims=tuple(dims) if isinstance(dims, list) else dims,
        centered=stored.get("centered", True),
        transform=stored.get("transform"),
        **{name: _input(value) for name, value in stored.get("kwargs", {}).items()},
    )


def _input(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _prior(value)
    return np.array(value) if isinstance(value, list | tuple) else value


def _with_priors(model: Model, stored: Mapping[str, Mapping[str, Any]]) -> Model:
    priors = {name: {k: _prior(p) for k, p in parts.items()} for name, parts in stored.items()}
    return model.with_priors(**priors)


type Replay = tuple[Callable[[Any], bool], Callable[[Any, Any], Model]]  # of the model
VERBS: dict[str, Replay] = {
    "fix": (_mapping_of(_is_value), lambda model, values: model.fix(**values)),
    "fix_share": (_mapping_of(_is_value), lambda model, values: model.fix_share(**values)),
    "pool": (_are_names, lambda model, names: model.pool(*names)),
    "split": (_are_names, lambda model, names: model.split(*names)),
    "with_range": (_mapping_of(_is_range), lambda model, ranges: model.with_range(**ranges)),
    "with_resolution": (
        _mapping_of(_is_resolution),
        lambda model, steps: model.with_resolution(**steps) if steps else model,
    ),
    "with_read_resolution": (
        _mapping_of(_is_number),
        lambda model, steps: model.with_read_resolution(**steps),
    ),
    "with_timing": (
        _mapping_of(lambda when: when in ("before", "after")),
        lambda model, timing: model.with_timing(**timing),
    ),
    "with_region": (
        _mapping_of(lambda region: isinstance(region, str)),
        lambda model, regions: model.with_region(**regions),
    ),
    "with_priors": (_mapping_of(_are_parts), _with_priors),
    "with_outcome": (_is_outcome, lambda model, given: model.with_outcome(**given)),
    "with_summary": (_is_summary, lambda model, given: model.with_summary(**given)),
    "without": (_are_names, lambda model, names: model.without(*names)),
    "with_population": (_is_name, lambda model, kind: model.with_population(kind)),
    "rival": (_is_name, lambda model, name: model.rival(name)),
}
