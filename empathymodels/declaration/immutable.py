"""Declarations that nothing changes in place: what they hold is copied, and frozen.

A model is read once and shared by everybody in a process, so a list, a mapping, an array or a
prior in it must not be changed by one who uses it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

import numpy as np
from pymc_extras.prior import Prior

OWN_USE = ("dim_handler",)  # what a Prior keeps in itself while it makes a variable


class Declared:
    """Base of the frozen dataclasses that a model consists of; freezes what they hold."""

    def __post_init__(self) -> None:
        for entry in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, entry.name, frozen(getattr(self, entry.name)))


class FrozenDict(dict[Any, Any]):
    """A dict that refuses changes. Unlike a mapping proxy it can be copied, pickled and JSON."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(_refusal("a mapping"))

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return copy.deepcopy(dict(self), memo)


class FrozenPrior(Prior):
    """A Prior whose distribution and numbers stay as they are; its `deepcopy` may be changed."""

    def __init__(self, prior: Prior) -> None:
        for name, value in vars(prior).items():
            self.__dict__[name] = frozen(value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in OWN_USE:
            raise TypeError(_refusal("a prior"))
        self.__dict__[name] = value


def _refusal(what: str) -> str:
    return (
        f"A declared model is not changed in place; {what} of one was to be. Make a variant: "
        "model.fix(...), model.with_priors(...), or dataclasses.replace(...)."
    )


def frozen(value: Any) -> Any:
    """Return a value that cannot be changed in place: itself, or a frozen copy."""
    if isinstance(value, FrozenDict | FrozenPrior):
        return value
    if isinstance(value, Prior):
        return FrozenPrior(value)
    if isinstance(value, Mapping):
        return FrozenDict({key: frozen(entry) for key, entry in value.items()})
    if type(value) in (list, tuple):
        return tuple(map(frozen, value))
    if isinstance(value, set):
        return frozenset(value)
    if isinstance(value, np.ndarray):
        value = value.copy()
        value.setflags(write=False)
    return value
