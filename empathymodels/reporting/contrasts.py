"""Differences of parameters between conditions and groups, as readers of papers look for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import xarray as xr

from empathymodels.declaration.parts import Parameter
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.levels import levels_of
from empathymodels.messages import words
from empathymodels.population.covariates import Covariates
from empathymodels.results.contrast import contrast_numbers, difference_between

PROB = 0.9  # of intervals
MOST_PAIRED = 4  # levels up to which every pair is compared; of more, each with the first
MOST_CROSSED = 12  # interactions of two columns that are told
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
    found: list[Contrast] = []
    for parameter in arrangement.parameters:
        if parameter.fixed is None and parameter.level in CONTRASTED:
            entry = covariates.get(parameter.name)
            found += _OfParameter(fit, arrangement, parameter, entry).contrasts(uninformed)
    return found


def compared_columns(entry: Covariates | None) -> dict[str, list[_Sides]]:
    """Return by covariate which of its values are compared; none that a file cannot tell of."""
    if entry is None:
        return {}
    try:
        entry.design  # noqa: B018  (formulas of files may be ones that cannot be evaluated)
    except (KeyError, ValueError):
        return {}
    found: dict[str, list[_Sides]] = {}
    for coding in entry.factors:
        column = coding.columns[0]
        if coding.levels:
            first = coding.reference if coding.reference in coding.levels else coding.levels[0]
            others = [level for level in coding.levels if level != first]
            found[column] = _pairs(column, [first, *others])
        elif coding.factor == column:
            ends = (coding.centre + coding.scale, coding.centre)
            names = (f"{ends[0]:.3g}", f"{ends[1]:.3g}")
            found[column] = [_Sides(column, ends, names, is_of_numbers=True)]
    return found


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


@dataclass(frozen=True)
class _OfParameter:
    """The contrasts of one parameter."""

    fit: xr.DataTree
    arrangement: Arrangement
    parameter: Parameter
    entry: Covariates | None

    def contrasts(self, uninformed: Collection[str]) -> Iterator[Contrast]:
        """Yield differences of conditions, of covariates, and their interactions."""
        name, by = self.parameter.name, self.parameter.by
        levels = levels_of(self.arrangement, by) if by else []
        levels = [level for level in levels if f"{name}[{level}]" not in uninformed]
        conditions = _pairs(by, levels, is_condition=True) if by else []
        groups = compared_columns(self.entry)
        places: list[At] = [{by: level} for level in levels] if by else [{}]
        for sides in conditions:
            yield self._difference(sides, {}, str(sides))
        for column, pairs in groups.items():
            for at in places:
                for sides in pairs:
                    yield self._difference(sides, at, f"{words(column)} {sides}")
        for pairs in groups.values():
            yield from self._interactions(conditions, pairs, {})
        for one, other in combinations(groups, 2):
            for at in places if _are_crossed(self.entry, one, other) else []:
                yield from self._interactions(groups[one], groups[other], at)

    def _difference(self, sides: _Sides, at: At, what: str) -> Contrast:
        pair = sides.at(0, at), sides.at(1, at)
        return self._contrast([pair], at, what, sides.called, is_of_numbers=sides.is_of_numbers)

    def _interactions(
        self, firsts: Sequence[_Sides], seconds: Sequence[_Sides], at: At
    ) -> Iterator[Contrast]:
        """Yield how a difference between levels of a column differs between those of another."""
        for one, other in list(product(firsts, seconds))[:MOST_CROSSED]:
            here, there = ((one.at(0, other.at(k, at)), one.at(1, other.at(k, at))) for k in (0, 1))
            within = [f"{one} at {called}" for called in other.called]
            what = (
                f"interaction of {words(one.column)} and {words(other.column)}: {within[0]}, minus "
                f"the same at {other.called[1]}"
            )
            is_of_numbers = one.is_of_numbers or other.is_of_numbers
            sides = within[0], within[1]
            yield self._contrast([here, there], at, what, sides, is_of_numbers=is_of_numbers)

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
        where = f" for {', '.join(map(str, at.values()))}" if at else ""
        return Contrast(
            label=f"{words(name)}{where}, {what}",
            more=sides[0],
            less=sides[1],
            median=float(found["median"]),
            low=float(found["hdi_low"]),
            high=float(found["hdi_high"]),
            p_positive=float(found["p_positive"]),
            is_of_numbers=is_of_numbers,
        )
