"""Differences of parameters between conditions and groups, as readers of papers look for them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import Any

import xarray as xr

from empathymodels.declaration.parts import Parameter
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.levels import levels_of
from empathymodels.messages import counted, words
from empathymodels.population.covariates import Covariates
from empathymodels.reporting.tables import rounded
from empathymodels.results.contrast import contrast_numbers, difference_between

PROB = 0.9  # of intervals
MOST_PAIRED = 4  # levels up to which every pair is compared; of more, each with the first
MOST_CROSSED = 12  # interactions of two columns that are told
FEWEST, MOST = 3, 17  # digits of the ends of a step
CONTRASTED = ("participant", "population")  # levels of parameters that have contrasts
At = Mapping[str, Any]


@dataclass(frozen=True)
class Contrast:
    """A difference of a parameter between two levels of a column, or of two such differences.

    Attributes
    ----------
    label : str
        What is compared, in words.
    more, less : str
        What the parameter is larger for if the difference is above 0, and below.
    median, low, high : float
        Posterior median, and the 90 % interval, on the parameter's own scale.
    p_positive : float
        Probability of being above 0.
    is_of_numbers : bool
        Whether it is by a standard deviation of a covariate of numbers.
    """

    label: str
    more: str
    less: str
    median: float
    low: float
    high: float
    p_positive: float
    is_of_numbers: bool = False


@dataclass(frozen=True)
class _Sides:
    """What two sides differ in: a column with the value of each, and how they are called."""

    column: str
    values: tuple[Any, Any]
    names: tuple[str, str]
    is_of_numbers: bool = False
    is_condition: bool = False

    def at(self, side: int, rest: At) -> dict[str, Any]:
        return {**rest, self.column: self.values[side]}

    @property
    def called(self) -> tuple[str, str]:
        """What the two sides are called where the column is not named before them."""
        of = "" if self.is_condition else f"{words(self.column)} "
        return f"{of}{self.names[0]}", f"{of}{self.names[1]}"

    def __str__(self) -> str:
        step = " (one standard deviation)" if self.is_of_numbers else ""
        return f"{' minus '.join(self.names)}{step}"


def contrasts_of(
    fit: xr.DataTree,
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    uninformed: Collection[str],
) -> list[Contrast]:
    """Return the contrasts of all free parameters between their levels and covariates.

    Parameters
    ----------
    fit : DataTree
        A fit with draws.
    arrangement : Arrangement
        Its model and study.
    covariates : mapping of str to Covariates
        By parameter.
    uninformed : collection of str
        Values of the population, as ``name[level]``, of which the data say nearly nothing.
    """
    every = _every(fit, arrangement, covariates, uninformed)
    return [contrast for one in every for contrast in one.contrasts()]


def omitted_of(
    fit: xr.DataTree,
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    uninformed: Collection[str],
) -> list[str]:
    """Say for each interaction that has more contrasts than `contrasts_of` returns how to get them.

    Parameters are those of `contrasts_of`.
    """
    every = _every(fit, arrangement, covariates, uninformed)
    return [said for one in every for said in one.omitted()]


def _every(
    fit: xr.DataTree,
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    uninformed: Collection[str],
) -> Iterator[_OfParameter]:
    for parameter in arrangement.parameters:
        if parameter.fixed is None and parameter.level in CONTRASTED:
            entry = covariates.get(parameter.name)
            yield _OfParameter(fit, arrangement, parameter, entry, uninformed)


def compared_columns(entry: Covariates | None) -> dict[str, list[_Sides]]:
    """Return by covariate which of its values are compared.

    There are none that a file cannot tell of, nor of a column that is taken both as numbers and
    by its labels: what is a value of one is none of the other.
    """
    if entry is None:
        return {}
    try:
        entry.design  # noqa: B018  (formulas of files may be ones that cannot be evaluated)
    except (KeyError, ValueError):
        return {}
    found: dict[str, list[_Sides]] = {}
    kinds: dict[str, set[bool]] = {}  # whether by labels, as numbers, or both
    for coding in entry.factors:
        for column in coding.columns:
            kinds.setdefault(column, set()).add(bool(coding.levels))
    for coding in entry.factors:
        column = coding.columns[0]
        if len(kinds[column]) > 1:
            continue
        if coding.levels:
            first = coding.reference if coding.reference in coding.levels else coding.levels[0]
            others = [level for level in coding.levels if level != first]
            found[column] = _pairs(column, [first, *others])
        elif coding.factor == column:
            ends = (coding.centre + coding.scale, coding.centre)
            found[column] = [_Sides(column, ends, _distinct_texts(*ends), is_of_numbers=True)]
    return found


def _distinct_texts(high: float, low: float) -> tuple[str, str]:
    """Return the ends of a step with as many digits as tell how long it is."""
    step, size = high - low, max(abs(high), abs(low))
    digits = 1 + math.ceil(math.log10(size / step)) if step > 0 else MOST
    digits = min(max(digits, FEWEST), MOST)
    return rounded(high, digits), rounded(low, digits)


def _pairs(column: str, levels: Sequence[Any], *, is_condition: bool = False) -> list[_Sides]:
    """Return the pairs of levels that are compared, later ones minus earlier ones."""
    every = combinations(levels, 2)
    chosen = every if len(levels) <= MOST_PAIRED else ((levels[0], one) for one in levels[1:])
    return [
        _Sides(column, (late, early), (str(late), str(early)), is_condition=is_condition)
        for early, late in chosen
    ]


def _are_crossed(entry: Covariates | None, one: str, other: str) -> bool:
    """Whether a formula has a term of two columns together."""
    codings = entry.coding.values() if entry else ()
    terms = [{column for coding in term for column in coding.columns} for term in codings]
    return any({one, other} <= term for term in terms)


def _corners(one: _Sides, other: _Sides, at: At) -> list[tuple[At, At]]:
    """Return the two sides of a column at each side of another."""
    return [(one.at(0, other.at(k, at)), one.at(1, other.at(k, at))) for k in (0, 1)]


def _code(at: At) -> str:
    """Return values of columns as they are written in Python."""
    return repr(
        {str(column): getattr(value, "item", lambda v=value: v)() for column, value in at.items()}
    )


@dataclass(frozen=True)
class _OfParameter:
    """The contrasts of one parameter."""

    fit: xr.DataTree
    arrangement: Arrangement
    parameter: Parameter
    entry: Covariates | None
    uninformed: Collection[str]

    @cached_property
    def levels(self) -> list[Any]:
        """The levels of its column of which data say something."""
        name, by = self.parameter.name, self.parameter.by
        every = levels_of(self.arrangement, by) if by else []
        return [level for level in every if f"{name}[{level}]" not in self.uninformed]

    @property
    def places(self) -> list[At]:
        """Where covariates are compared."""
        by = self.parameter.by
        return [{by: level} for level in self.levels] if by else [{}]

    @cached_property
    def conditions(self) -> list[_Sides]:
        """The pairs of its levels."""
        by = self.parameter.by
        return _pairs(by, self.levels, is_condition=True) if by else []

    @cached_property
    def groups(self) -> dict[str, list[_Sides]]:
        """By covariate the pairs of its values."""
        return compared_columns(self.entry)

    def contrasts(self) -> Iterator[Contrast]:
        """Yield differences of conditions, of covariates, and their interactions."""
        for sides in self.conditions:
            yield self._difference(sides, {}, str(sides))
        for column, pairs in self.groups.items():
            for at in self.places:
                for sides in pairs:
                    yield self._difference(sides, at, f"{words(column)} {sides}")
        for crossed, at in self._crossed():
            for one, other in crossed[:MOST_CROSSED]:
                yield self._interaction(one, other, at)

    def omitted(self) -> Iterator[str]:
        """Say of which interactions there are more than `contrasts` yields, and how to get them."""
        for crossed, at in self._crossed():
            more = crossed[MOST_CROSSED:]
            if more:
                one, other = more[0]
                sides = [_code(side) for pair in _corners(one, other, at) for side in pair]
                yield (
                    f"Of {self._called(at)}, "
                    f"{counted(len(more), 'more interaction')} of {words(one.column)} and "
                    f"{words(other.column)} can be had from em.contrast, such as "
                    f"em.contrast(fit, {self.parameter.name!r}, {sides[0]}, {sides[1]}, "
                    f"minus=({sides[2]}, {sides[3]}))."
                )

    def _crossed(self) -> Iterator[tuple[list[tuple[_Sides, _Sides]], At]]:
        """Yield for two columns all pairs of one with all of the other, and where they are."""
        for pairs in self.groups.values():
            yield list(product(self.conditions, pairs)), {}
        for one, other in combinations(self.groups, 2):
            for at in self.places if _are_crossed(self.entry, one, other) else []:
                yield list(product(self.groups[one], self.groups[other])), at

    def _called(self, at: At) -> str:
        where = f" for {', '.join(map(str, at.values()))}" if at else ""
        return f"{words(self.parameter.name)}{where}"

    def _difference(self, sides: _Sides, at: At, what: str) -> Contrast:
        pair = sides.at(0, at), sides.at(1, at)
        return self._contrast([pair], at, what, sides.called, is_of_numbers=sides.is_of_numbers)

    def _interaction(self, one: _Sides, other: _Sides, at: At) -> Contrast:
        """Return how a difference between levels of a column differs between those of another."""
        within = [f"{one} at {called}" for called in other.called]
        what = (
            f"interaction of {words(one.column)} and {words(other.column)}: {within[0]}, minus "
            f"the same at {other.called[1]}"
        )
        is_of_numbers = one.is_of_numbers or other.is_of_numbers
        sides, pairs = (within[0], within[1]), _corners(one, other, at)
        return self._contrast(pairs, at, what, sides, is_of_numbers=is_of_numbers)

    def _contrast(
        self,
        pairs: Sequence[tuple[At, At]],
        at: At,
        what: str,
        sides: tuple[str, str],
        *,
        is_of_numbers: bool,
    ) -> Contrast:
        name = self.parameter.name
        draws = difference_between(self.fit, self.arrangement, self.entry, name, pairs)
        found = contrast_numbers(draws, PROB)
        return Contrast(
            label=f"{self._called(at)}, {what}",
            more=sides[0],
            less=sides[1],
            median=float(found["median"]),
            low=float(found["hdi_low"]),
            high=float(found["hdi_high"]),
            p_positive=float(found["p_positive"]),
            is_of_numbers=is_of_numbers,
        )
