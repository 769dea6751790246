"""Covariates of participants on parameters, by formula.

What a formula makes of people is computed where a fit is made, and goes into the fit. From then
on it is read from there: the formula that a file holds is text, and is not evaluated again but
for other people than those of the fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.declaration.formulas import Formula, read_formula, shown
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted, did_you_mean, listed
from empathymodels.population.design_matrix import (
    FEW,
    Coding,
    DesignMatrix,
    holds_numbers,
    labels_of,
    levels_of,
)
from empathymodels.terminal import tell


@dataclass(frozen=True)
class Covariates:
    """A covariate formula with the values and the coding that it had for a fit's participants.

    Attributes
    ----------
    parameter, formula : str
        Parameter and right-hand side.
    table : DataFrame (participant, covariate)
        Values of the participants of the fit.
    people : DataFrame (participant, column)
        Those participants.
    told : mapping of str to tuple of Coding, optional
        Per covariate, how its factors were taken, where that is known already.
    """

    parameter: str
    formula: str
    table: pd.DataFrame
    people: pd.DataFrame
    told: Mapping[str, tuple[Coding, ...]] | None = None

    @cached_property
    def coding(self) -> Mapping[str, tuple[Coding, ...]]:
        """Per covariate, how its factors were taken; nothing where an old file cannot tell."""
        if self.told is not None:
            return self.told
        try:
            return self.design.coding
        except (KeyError, ValueError):
            return {}

    @property
    def factors(self) -> list[Coding]:
        """How every factor was taken, each once."""
        every = [coding for codings in self.coding.values() for coding in codings]
        return [coding for place, coding in enumerate(every) if coding not in every[:place]]

    @property
    def columns(self) -> list[str]:
        """The columns of participants that the formula reads."""
        return sorted({column for coding in self.factors for column in coding.columns})

    @property
    def levels(self) -> dict[str, list[str]]:
        """The labels of every column that was taken by its labels."""
        return {coding.columns[0]: coding.levels for coding in self.factors if coding.levels}

    @cached_property
    def design(self) -> DesignMatrix:
        """What the formula learned from the participants of the fit.

        Raises
        ------
        ValueError
            A file holds a formula that is none, or values that are not those of its formula.
        """
        design = _design(self.parameter, self.formula, self.people)
        alike = list(design.table) == list(self.table) and np.allclose(design.table, self.table)
        if not alike:
            raise ValueError(
                f"The covariates of '{self.parameter}' in a fit must be those of its formula "
                f"({self.formula!r}), to be known for other people, too. Found other values of "
                f"{listed(self.table)}: the fit was made by an earlier version, in which numbers "
                "were scaled before they were transformed, or the file was changed. Fit again."
            )
        return design

    def at(self, people: pd.DataFrame) -> pd.DataFrame:
        """Evaluate the formula for other people, with the same scaling and coding.

        Raises
        ------
        ValueError
            Somebody is of a category that nobody in the fit was of, or a covariate is missing.
        """
        used = people[_known_columns(self.parameter, self.design.formula, people)]
        _refuse_missing(self.parameter, self.formula, used)
        try:
            return self.design.at(used)
        except ValueError as error:
            raise _not_evaluated(self.parameter, self.formula, error) from error


def covariates_for(
    arrangement: Arrangement, formulas: Mapping[str, str | Covariates] | None
) -> dict[str, Covariates]:
    """Evaluate covariate formulas on the participants table.

    Parameters
    ----------
    arrangement : Arrangement
        Model and study.
    formulas : mapping of str to str, optional
        Right-hand side per parameter, for example ``"partner_group + log(age)"``; ``"0"`` means
        no covariates, and covariates of a fit are taken as they are. Numbers are centred and
        divided by their standard deviation, after any transformation; text and truth values
        are labels, and so are those in ``C(column)``. The model's default formulas are used for
        other parameters where the study has their columns and they differ between people.

    Raises
    ------
    KeyError
        Not a parameter of the model, or a column that does not exist.
    TypeError
        The formulas are no mapping of text to text.
    ValueError
        A covariate is missing or not finite for some participants (they are named), is
        constant, may be meant as numbers or as labels, or the formula is wrong.
    """
    people = people_of(arrangement)
    asked = _checked(formulas)
    wanted = asked | {
        name: formula
        for name, formula in arrangement.model.covariates.items()
        if name not in asked and _is_informative(name, formula, people)
    }
    used = {p.name for p in arrangement.parameters}
    trials = arrangement.study.tables.get("trials")
    found = {}
    for name, formula in wanted.items():
        parameter = arrangement.model.parameter(name)
        if parameter.level != "participant":
            raise ValueError(
                f"Covariates explain differences between participants; '{name}' has level "
                f"'{parameter.level}'. Remove it from covariates."
            )
        if isinstance(formula, Covariates):
            found[name] = formula
        elif name in used and read_formula(name, formula).terms:
            design = _design(name, formula, people, trials)
            found[name] = Covariates(name, formula, design.table, people, design.coding)
    return found


def people_of(arrangement: Arrangement) -> pd.DataFrame:
    """Return the participants of a study, by their labels."""
    people = arrangement.checked.tables["participants"].set_index("participant")
    return people.loc[:, [c for c in people.columns if c != "_row"]]


def tell_coding(covariates: Mapping[str, Covariates]) -> None:
    """Say how every covariate was taken, and which numbers may be meant as labels."""
    for name, found in covariates.items():
        tell(f"Covariates of '{name}': {'; '.join(map(str, found.factors))}.")
    few = {c: values for found in covariates.values() for c, values in _few(found).items()}
    for column, values in few.items():
        tell(
            f"'{column}' holds a few whole numbers ({listed(values)}) and was taken as numbers, "
            f"with one slope. If they stand for labels, write C({column}) in the formula."
        )


def _few(covariates: Covariates) -> dict[str, list[str]]:
    """Columns of a few whole numbers that were taken as numbers, with these."""
    found = {}
    for coding in (coding for coding in covariates.factors if coding.columns):
        column = coding.columns[0]
        as_it_is = coding.factor in (column, f"center({column})", f"scale({column})")
        values = covariates.people.get(column)
        if values is not None and as_it_is and not coding.levels and holds_numbers(values):
            levels = levels_of(values)
            is_few = len(levels) <= min(FEW, len(values) / 2)
            if is_few and (values.infer_objects() % 1 == 0).all():
                found[column] = levels
    return found


# ----------------------------------------------------------------------------------- formulas


def _checked(formulas: Any) -> dict[str, str | Covariates]:
    if formulas is None:
        return {}
    if not isinstance(formulas, Mapping):
        raise TypeError(
            "`covariates` must be a mapping of parameters to formulas, such as "
            f"{{'learning_rate': 'group + age'}}; found {formulas!r}. Give one."
        )
    return dict(formulas)


def _not_evaluated(name: str, formula: str, error: ValueError) -> ValueError:
    return ValueError(f"Covariates of '{name}' ({shown(formula)}): {error}.")


def _is_informative(name: str, formula: str, people: pd.DataFrame) -> bool:
    return all(
        column in people and labels_of(people[column]).nunique() > 1
        for column in read_formula(name, formula).columns
    )


def _design(
    name: str, text: str, people: pd.DataFrame, trials: pd.DataFrame | None = None
) -> DesignMatrix:
    formula = read_formula(name, text)
    used = people[_known_columns(name, formula, people, trials)]
    _refuse_missing(name, text, used)
    flat = [column for column in used if labels_of(used[column]).nunique() < 2]
    if not flat:
        try:
            design = DesignMatrix.of(formula, used)
        except ValueError as error:
            raise _not_evaluated(name, text, error) from error
        flat = [column for column in design.table if design.table[column].nunique() < 2]
    if flat:
        raise ValueError(
            f"Covariates must differ between participants; {listed(flat)} in the formula {text!r} "
            f"of '{name}' is constant. Remove it."
        )
    return design


def _refuse_missing(name: str, formula: str, used: pd.DataFrame) -> None:
    incomplete = used.index[used.isna().any(axis=1)]
    if len(incomplete):
        raise ValueError(
            f"Covariates of '{name}' ({formula}) must be known for every participant. Missing for "
            f"{len(incomplete)} of {len(used)}: {listed(incomplete)}. Complete the participants "
            "table, or leave these people out with study.exclude(..., reason=...)."
        )


def _known_columns(
    name: str, formula: Formula, people: pd.DataFrame, trials: pd.DataFrame | None = None
) -> list[str]:
    unknown = [column for column in formula.columns if column not in people.columns]
    if unknown:
        hints = "".join(_where_else(c, trials) or did_you_mean(c, people.columns) for c in unknown)
        raise KeyError(
            f"The covariate formula of '{name}' ({formula.text}) reads {listed(unknown)}; the "
            f"participants table has {listed(people.columns)}. Correct the formula, or add the "
            f"column to that table.{hints}"
        )
    return formula.columns


def _where_else(column: str, trials: pd.DataFrame | None) -> str:
    """What to do about a covariate that is a column of trials."""
    if trials is None or column not in trials or column == "participant":
        return ""
    several = int((trials.groupby("participant")[column].nunique(dropna=False) > 1).sum())
    if several:
        return (
            f" '{column}' is a column of trials and differs within {several} of "
            f"{counted(trials['participant'].nunique(), 'participant')}: it is no covariate of "
            f"people. model.split('{column}', ...) gives a parameter a value for each of its "
            "labels."
        )
    return (
        f" '{column}' is a column of trials, the same throughout every participant: add "
        f"trials.groupby('participant')['{column}'].first() to the participants table."
    )


# ------------------------------------------------------------------------------------ in a file
