"""Covariates of participants on parameters, by formula."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from formulaic import Formula, model_matrix
from formulaic.errors import FormulaicError

from empathymodels.arrangement import Arrangement
from empathymodels.wording import counted, did_you_mean, listed


@dataclass(frozen=True)
class Covariates:
    """A covariate formula with the scaling and coding it took from a fit's participants.

    Attributes
    ----------
    parameter, formula : str
        Parameter and right-hand side.
    centre, scale : dict of str to float
        What numeric covariates were centred and divided by.
    categories : dict of str to list
        The labels that each other covariate had.
    table : DataFrame (participant, covariate)
        Evaluated for the participants of the fit.
    """

    parameter: str
    formula: str
    centre: dict[str, float]
    scale: dict[str, float]
    categories: dict[str, list]
    table: pd.DataFrame
    spec: Any

    @property
    def columns(self) -> list[str]:
        """The columns of participants that the formula reads."""
        return sorted([*self.centre, *self.categories])

    def at(self, people: pd.DataFrame) -> pd.DataFrame:
        """Evaluate the formula for other people, with the same scaling and coding.

        Raises
        ------
        ValueError
            Somebody is of a category that nobody in the fit was of.
        """
        used = people[_formula_columns(self.parameter, self.formula, people)]
        _refuse_missing(self.parameter, self.formula, used)
        for column, known in self.categories.items():
            new = sorted(set(used[column].dropna()) - set(known), key=str)
            if new:
                raise ValueError(
                    f"Every '{column}' must be one that the fit has seen ({listed(known)}), since "
                    f"'{self.parameter}' depends on it; found {listed(new)}. Leave these people "
                    "out, or fit a study that has them."
                )
        scaled = _scaled(used, self)
        matrix = self.spec.get_model_matrix(scaled, na_action="ignore")
        return pd.DataFrame(matrix).drop(columns="Intercept").astype(float)


def covariates_for(
    arrangement: Arrangement, formulas: Mapping[str, str] | None
) -> dict[str, Covariates]:
    """Evaluate covariate formulas on the participants table.

    Parameters
    ----------
    arrangement : Arrangement
        Model and study.
    formulas : mapping of str to str, optional
        Right-hand side per parameter, for example ``"partner_group + age"``; ``"0"`` means no
        covariates. Numeric columns are centred and scaled by their standard deviation first.
        The model's default formulas are used for other parameters where the study has their
        columns and they differ between people.

    Raises
    ------
    KeyError
        Not a parameter of the model, or a column that does not exist.
    ValueError
        A covariate is missing for some participants (they are named), is constant, or the
        formula is wrong.
    """
    people = arrangement.checked.tables["participants"].set_index("participant")
    people = people.loc[:, [c for c in people.columns if c != "_row"]]
    asked = dict(formulas or {})
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
        if name in used and formula.strip() != "0":
            found[name] = _evaluate(name, formula, people, trials)
    return found


def _is_informative(name: str, formula: str, people: pd.DataFrame) -> bool:
    wanted = _variables(name, formula, people)
    return all(column in people and people[column].nunique() > 1 for column in wanted)


def _variables(name: str, formula: str, people: pd.DataFrame) -> list[str]:
    """Columns that a formula reads; ValueError where it is no formula."""
    try:
        wanted = {str(variable) for variable in Formula(formula).required_variables}
    except FormulaicError as error:
        raise _wrong_formula(name, formula, error) from error
    # a column may have the name of one of the library's own functions, such as `Treatment`
    words = {c for c in people if re.search(rf"(?<![\w.]){re.escape(c)}(?![\w(])", formula)}
    return sorted(wanted | words)


def _wrong_formula(name: str, formula: str, error: Exception) -> ValueError:
    return ValueError(
        f"The covariate formula of '{name}' must be a formula over participant columns, such "
        f"as 'group + age'. Found {formula!r}: {error}. Correct it."
    )


def _evaluate(
    name: str, formula: str, people: pd.DataFrame, trials: pd.DataFrame | None
) -> Covariates:
    used = _formula_columns(name, formula, people, trials)
    _refuse_missing(name, formula, people[used])
    numeric = [c for c in used if pd.api.types.is_numeric_dtype(people[c])]
    centre = {c: float(people[c].mean()) for c in numeric}
    scale = {c: float(people[c].std()) or 1.0 for c in numeric}
    labels = {c: sorted(people[c].unique(), key=str) for c in used if c not in numeric}
    empty = Covariates(name, formula, centre, scale, labels, pd.DataFrame(), None)
    try:
        matrix = model_matrix(
            f"{formula} + 1", _scaled(people[used], empty), na_action="ignore", context={}
        )
    except (FormulaicError, ValueError) as error:
        raise _wrong_formula(name, formula, error) from error
    table = pd.DataFrame(matrix).drop(columns="Intercept").astype(float)
    table.columns = [str(column) for column in table.columns]
    # a label with one level makes no column at all
    flat = [column for column in used if people[column].nunique() < 2]
    flat += [column for column in table.columns if table[column].nunique() < 2]
    if flat:
        raise ValueError(
            f"Covariates must differ between participants; {listed(dict.fromkeys(flat))} in the "
            f"formula {formula!r} of '{name}' is constant. Remove it."
        )
    return replace(empty, table=table, spec=matrix.model_spec)


def _refuse_missing(name: str, formula: str, used: pd.DataFrame) -> None:
    incomplete = used.index[used.isna().any(axis=1)]
    if len(incomplete):
        raise ValueError(
            f"Covariates of '{name}' ({formula}) must be known for every participant. Missing for "
            f"{len(incomplete)} of {len(used)}: {listed(incomplete)}. Complete the participants "
            "table, or leave these people out with study.exclude(..., reason=...)."
        )


def _scaled(people: pd.DataFrame, covariates: Covariates) -> pd.DataFrame:
    scaled = people.copy()
    for column, centre in covariates.centre.items():
        scaled[column] = (people[column].astype(float) - centre) / covariates.scale[column]
    return scaled


def _formula_columns(
    name: str, formula: str, people: pd.DataFrame, trials: pd.DataFrame | None = None
) -> list[str]:
    wanted = _variables(name, formula, people)
    unknown = [column for column in wanted if column not in people.columns]
    if unknown:
        there = [column for column in people.columns if column != "_row"]
        hints = "".join(_where_else(c, trials) or did_you_mean(c, there) for c in unknown)
        raise KeyError(
            f"The covariate formula of '{name}' ({formula}) reads {listed(unknown)}; the "
            f"participants table has {listed(there)}. Correct the formula, or add the column to "
            f"that table.{hints}"
        )
    return wanted


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
