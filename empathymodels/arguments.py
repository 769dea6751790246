"""Arguments of public verbs and declarations: of the kind that their signature says, at once.

What an argument may be is read from the signature's own type hints, and within which bounds from
its name: `draws` or `prob` mean the same everywhere. So a signature and what it refuses cannot
part.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cache, wraps
from inspect import BoundArguments, Parameter, signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, TypeAliasType, Union, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd

from empathymodels.messages import listed, printable, shortened

AT_LEAST = {"calibration": 0, "folds": 2, "seed": 0}  # whole numbers; all others 1
ANY_WHOLE = ("workers",)  # below zero: all cores but so many
ANY_NUMBER = ("codes", "missing", "sessions")  # what data hold, NaN included
OF_FITS = ("fits", "evidences")  # of which `empathymodels.inference.fits` says more
SHARES = ("prob", "probability", "target_accept")  # numbers between 0 and 1
EXAMPLES = {  # where kinds in words are hard to read
    "codes": '{"group": {1: "in", 2: "out"}}',
    "columns": '{"participant": "ID"}',
    "covariates": '{"learning_rate": "group + age"}',
    "location": 'em.Prior("Normal", mu=0, sigma=1)',
    "missing": '{"choice": [-99]}',
    "priors": 'em.Prior("Normal", mu=0, sigma=1)',
    "spread": 'em.Prior("HalfNormal", sigma=0.5)',
}
WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "True or False",
    Path: "a path",
    Mapping: "a mapping",
    Sequence: "a list",
    Set: "a set",
    tuple: "a tuple",
    pd.DataFrame: "a table (DataFrame)",
    pd.Series: "a Series",
    Callable: "a function",
    None: "None",
}
HOMES = ("empathymodels", "pymc_extras")  # packages whose classes are told apart


def checked_arguments[**P, R](
    verb: Callable[P, R], *, is_declaration: bool = False
) -> Callable[P, R]:
    """Refuse arguments of another kind than a verb's type hints say, or out of bounds.

    Fits, and names that a verb looks up, are left to it, since it knows what there is. Numbers and
    texts of NumPy, and arrays that are one, reach it as Python's, those of a dict too, and a Series
    for a mapping as a dict.

    Examples
    --------
    >>> @checked_arguments
    ... def halves(draws: int, *, prob: float = 0.9) -> int:
    ...     return draws // 2
    >>> halves(8)
    4
    >>> halves("many")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    TypeError: halves() cannot take these arguments: draws must be a whole number, at least 1; ...
    >>> halves(8, prob=2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: halves() cannot take these arguments: prob must be a number between 0 and 1; ...
    """
    usual, title = signature(verb), verb.__qualname__.removesuffix(".__init__")

    @wraps(verb)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            bound = usual.bind(*args, **kwargs)
        except TypeError as fault:
            own = [name for name in usual.parameters if name not in ("self", "cls")]
            raise TypeError(
                f"{title}() cannot be called so: {fault}. It takes {listed(own, 30)}."
            ) from None
        kinds, problems = _kinds_of(verb), []
        error: type[Exception] = ValueError
        for label, parameter, value in _given(bound):
            allowed = kinds.get(parameter.name, [Any])
            problem, is_of_kind = _problem(label, parameter, allowed, value)
            problems += [problem] if problem else []
            error = error if is_of_kind else TypeError
        if problems:
            called = bound.arguments.get("name") if is_declaration else None
            whose = f" of '{called}'" if isinstance(called, str) else ""
            raise error(f"{title}(){whose} cannot take these arguments: {' '.join(problems)}")
        for name, value in bound.arguments.items():
            kind, allowed = usual.parameters[name].kind, kinds.get(name, [Any])
            bound.arguments[name] = _taken(kind, value, allowed)
        return verb(*bound.args, **bound.kwargs)

    return checked


def checked_fields[T](declaration: type[T]) -> type[T]:
    """Refuse what is of another kind than the fields of a dataclass are declared as.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @checked_fields
    ... @dataclass(frozen=True)
    ... class Picture:
    ...     name: str
    >>> Picture(3)
    Traceback (most recent call last):
    TypeError: Picture() cannot take these arguments: name must be text; found int 3. Give one.
    """
    made = checked_arguments(declaration.__init__, is_declaration=True)
    declaration.__init__ = made  # type: ignore[method-assign]
    return declaration


def _given(bound: BoundArguments) -> Iterator[tuple[str, Parameter, Any]]:
    """Yield what a call calls each argument, its parameter and its value; of several, each."""
    for name, value in bound.arguments.items():
        parameter = bound.signature.parameters[name]
        match parameter.kind:
            case Parameter.VAR_POSITIONAL:
                yield from ((name, parameter, one) for one in value)
            case Parameter.VAR_KEYWORD:
                yield from ((key, parameter, one) for key, one in value.items())
            case _:
                yield name, parameter, value


def _taken(kind: Any, value: Any, allowed: list[Any]) -> Any:
    """Return what a call gives for an argument as the verb takes it."""
    match kind:
        case Parameter.VAR_POSITIONAL:
            return tuple(_taken(None, one, allowed) for one in value)
        case Parameter.VAR_KEYWORD:
            return {key: _taken(None, one, allowed) for key, one in value.items()}
    if isinstance(value, pd.Series) and pd.Series not in allowed and Mapping in map(_bare, allowed):
        value = value.to_dict()
    if type(value) is dict:
        return {_plain(key): _plain(entry) for key, entry in value.items()}
    return _plain(value)


def _plain(value: Any) -> Any:
    """Return a number or a text of NumPy or xarray as Python's, anything else as it is."""
    is_one = getattr(value, "ndim", None) == 0 and hasattr(value, "item")
    return value.item() if is_one else value


@cache
def _kinds_of(verb: Any) -> dict[str, list[Any]]:
    """Return by argument the kinds that its type hint allows."""
    given = {name: hint for name, hint in verb.__annotations__.items() if name != "return"}
    hints = get_type_hints(types.SimpleNamespace(__annotations__=given), verb.__globals__)
    return {name: _kinds(hint) for name, hint in hints.items()}


def _problem(label: str, parameter: Parameter, kinds: list[Any], value: Any) -> tuple[str, bool]:
    """Say what is wrong with an argument, if anything, and whether it is of the right kind."""
    name, has_default = parameter.name, parameter.default is not Parameter.empty
    value = _plain(value)
    is_right = name in OF_FITS or value is parameter.default
    if is_right or any(_is_of(kind, value, name) for kind in kinds):
        return "", True
    words = " or ".join(dict.fromkeys(_words(kind, name) for kind in kinds if kind is not None))
    literals = any(get_origin(kind) is Literal for kind in kinds)
    is_of_kind = literals or any(_is_of(_bare(kind), value, "") for kind in kinds)
    found = shortened(printable(repr(value), keep=""), 80)
    known = found if is_of_kind or value is None else f"{type(value).__name__} {found}"
    advice = f"Leave it out for {_shown(parameter.default)}." if has_default else "Give one."
    if name in EXAMPLES:
        advice = f"Write for example {label}={EXAMPLES[name]}."
    return f"{label} must be {words}; found {known}. {advice}", is_of_kind


def _shown(default: Any) -> str:
    """Say what a default is; a dataclass gives that of mappings as the function that makes it."""
    return (
        "an empty one" if type(default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS" else repr(default)
    )


def _kinds(hint: Any) -> list[Any]:
    """Return the kinds that a type hint allows; None where it may be left out."""
    if isinstance(hint, TypeAliasType):
        return _kinds(hint.__value__)
    if get_origin(hint) in (Union, types.UnionType):
        return [kind for part in get_args(hint) for kind in _kinds(part)]
    return [None if hint is type(None) else hint]


def _bare(kind: Any) -> Any:
    return get_origin(kind) or kind


def _words(kind: Any, name: str) -> str:
    """Say what a kind is: "a list, each a whole number, at least 1"."""
    if get_origin(kind) is Literal:
        shown = list(map(repr, get_args(kind)))
        return f"one of {', '.join(shown)}" if len(shown) > 2 else " or ".join(shown)
    if _bare(kind) is Callable:
        return WORDS[Callable]
    parts = [_each(part, name) for part in get_args(kind) if part is not ...]
    match _bare(kind):
        case origin if origin is tuple and get_args(kind)[-1:] == (...,):
            return _several(WORDS[tuple], parts[0])
        case origin if origin is tuple:
            return f"{len(parts)} values ({'; '.join(parts)})"
        case origin if origin is int:
            is_free = name in (*ANY_WHOLE, *ANY_NUMBER)
            return WORDS[int] + ("" if is_free else f", at least {_least(name)}")
        case origin if origin is float and name in SHARES:
            return "a number between 0 and 1"
        case origin if origin is float and name == "minutes":
            return "a number, at least 0"
    words = WORDS.get(_bare(kind)) or f"a {_bare(kind).__name__}"
    told = [part for part in parts if part]
    return _several(words, " to ".join(told)) if told else words


def _several(words: str, each: str) -> str:
    """Say "a tuple of text", "a list, each a whole number"."""
    return f"{words}, each {each}" if each.startswith("a ") else f"{words} of {each}"


def _each(hint: Any, name: str) -> str:
    kinds = [kind for kind in _kinds(hint) if kind is not None]
    return "" if Any in kinds else " or ".join(dict.fromkeys(_words(k, name) for k in kinds))


def _least(name: str) -> int:
    return AT_LEAST.get(name, 1)


def _is_of(kind: Any, value: Any, name: str) -> bool:
    """Whether a value is of a kind, and within the bounds that the argument's name has."""
    origin, parts = _bare(kind), get_args(kind)
    if kind is None:
        return value is None or (
            name in ANY_NUMBER and any(value is absent for absent in (pd.NA, pd.NaT))
        )
    if origin is Literal:
        return isinstance(value, str) and value in parts
    if origin not in WORDS and not _is_distinct(origin):
        return True  # the verb knows
    if isinstance(value, bool | np.bool_):
        return origin is bool
    if origin is int:
        return isinstance(value, Integral) and _is_within(name, int(value))
    if origin is float:
        return isinstance(value, Real) and _is_within(name, float(value))
    if origin is Mapping:
        is_mapping = isinstance(value, Mapping) or (
            isinstance(value, pd.Series) and value.index.is_unique
        )
        return is_mapping and _hold(parts, value.items(), name)
    if origin is tuple:
        if not isinstance(value, tuple | list):
            return False
        if parts[-1:] == (...,):
            return _hold(parts[:1], ([entry] for entry in value), name)
        return _hold(parts, [value], name)
    if origin in (Sequence, Set):
        lists: Any = (Sequence, np.ndarray, pd.Series, pd.Index) if origin is Sequence else Set
        is_list = isinstance(value, lists)
        is_list = is_list and not isinstance(value, str | bytes)
        return is_list and _hold(parts, ([entry] for entry in value), name)
    return isinstance(value, origin)


def _hold(parts: tuple[Any, ...], rows: Iterable[Iterable[Any]], name: str) -> bool:
    """Whether the values of every row are of the kinds of their places."""
    return not parts or all(
        len(row) == len(parts)
        and all(
            any(_is_of(kind, value, name) for kind in _kinds(part))
            for part, value in zip(parts, row, strict=True)
        )
        for row in map(list, rows)
    )


def _is_distinct(kind: Any) -> bool:
    """Whether a kind is a class of ours, such as `Model`, or a `Prior`."""
    return isinstance(kind, type) and kind.__module__.partition(".")[0] in HOMES


def _is_within(name: str, number: float) -> bool:
    if not name or name in ANY_NUMBER:
        return True
    if name in SHARES:
        return 0 < number < 1
    if name == "minutes":
        return 0 <= number < np.inf
    if isinstance(number, int) and name not in ANY_WHOLE:
        return number >= _least(name)
    return bool(np.isfinite(number))
