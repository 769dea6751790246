"""Design matrices: the values of a formula for people, and how each part of it was taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import formulaic
import numpy as np
import pandas as pd

from empathymodels.declaration.formulas import BASES, Formula, columns_of_factor, label_of
from empathymodels.messages import counted, did_you_mean, listed
from empathymodels.study.expressions import ARITHMETIC, Call, Column, Node, Number, Operation, Text
from empathymodels.study.recoding import LARGEST, as_numbers

FEW = 10  # text with more numbers than this is no set of labels
MEAN = "the mean of all"
_ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "log": np.log,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "I": np.asarray,
}


@dataclass(frozen=True)
class Coding:
    """How one factor of a covariate was taken: by its labels, or as numbers.

    Attributes
    ----------
    factor : str
        As in the formula.
    columns : list of str
        The columns of participants that it reads.
    levels : list of str
        Its labels; none of numbers.
    reference : str
        Label with which the others are compared, or "the mean of all"; empty where each label is
        on its own, as in an interaction without the effect of the label itself.
    centre, scale : float
        Mean that was subtracted of numbers, and standard deviation they were divided by.
    """

    factor: str
    columns: list[str]
    levels: list[str] = field(default_factory=list)
    reference: str = ""
    centre: float = 0.0
    scale: float = 1.0

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Coding:
        """Read it from what a file holds; KeyError, TypeError or ValueError if it is none."""
        columns, levels = ([str(text) for text in record[name]] for name in ("columns", "levels"))
        if not columns:
            raise ValueError("no columns")
        numbers = float(record["centre"]), float(record["scale"])
        return cls(str(record["factor"]), columns, levels, str(record["reference"]), *numbers)

    def __str__(self) -> str:
        """Say it in words."""
        if self.levels and not self.reference:
            return f"{self.factor} by label, each on its own"
        if self.levels:
            against = self.reference if self.reference == MEAN else f"'{self.reference}'"
            return f"{self.factor} by label, against {against}"
        centre = 0.0 if abs(self.centre) < 1e-9 * self.scale else self.centre
        return f"{self.factor} per standard deviation ({self.scale:.4g}) from {centre:.4g}"


@dataclass(frozen=True)
class DesignMatrix:
    """What a formula learned from some people: labels, centres, scales and bases.

    Attributes
    ----------
    formula : Formula
        What is evaluated.
    table : DataFrame (participant, covariate)
        Its values for these people.
    coding : dict of str to tuple of Coding
        Per covariate, how its factors were taken.
    """

    formula: Formula
    table: pd.DataFrame
    coding: dict[str, tuple[Coding, ...]]
    learned: Mapping[Any, Any]
    spec: Any

    @classmethod
    def of(cls, formula: Formula, people: pd.DataFrame) -> DesignMatrix:
        """Learn from people, by participant.

        Raises
        ------
        ValueError
            A column is no set of numbers or labels, or a value is not finite.
        """
        learned: dict[Any, Any] = {}
        values = {label_of(f): _coded(f, people, learned) for f in formula.factors}
        if len(values) < len(formula.factors):
            raise ValueError("A column in `backticks` is named like another part of the formula")
        types = formulaic.parser.types
        intercept = types.Term([types.Factor("+1", eval_method="literal")])
        terms = [types.Term([types.Factor(label_of(f)) for f in t]) for t in formula.terms]
        matrix = formulaic.Formula([intercept, *terms]).get_model_matrix(
            _of_nothing(people), context=values, na_action="ignore"
        )
        table = _without_intercept(matrix)
        factors = {label_of(f): f for f in formula.factors}
        codings = {
            column: tuple(
                _coding(factors[factor.expr], column, learned) for factor in part.term.factors
            )
            for part in matrix.model_spec.structure
            for column in part.columns
            if column in table
        }
        return cls(formula, table, codings, learned, matrix.model_spec)

    def at(self, people: pd.DataFrame) -> pd.DataFrame:
        """Return the covariates of other people, with the same labels, centres and scales."""
        learned = dict(self.learned)
        values = {label_of(f): _coded(f, people, learned) for f in self.formula.factors}
        matrix = self.spec.get_model_matrix(_of_nothing(people), context=values, na_action="ignore")
        return _without_intercept(matrix)


def _of_nothing(people: pd.DataFrame) -> pd.DataFrame:
    """A table without columns: every factor is given by its values."""
    return pd.DataFrame(index=people.index)


def _without_intercept(matrix: Any) -> pd.DataFrame:
    table = pd.DataFrame(matrix).drop(columns="Intercept").astype(float)
    table.columns = [str(column) for column in table.columns]
    return table


# ------------------------------------------------------------------------------ numbers, labels


def holds_numbers(values: pd.Series) -> bool:
    """Whether a column holds numbers; truth values are labels, whatever a reader made of them."""
    known = values.infer_objects()
    is_other = pd.api.types.is_bool_dtype(known) or pd.api.types.is_complex_dtype(known)
    return bool(pd.api.types.is_numeric_dtype(known)) and not is_other


def labels_of(values: pd.Series) -> pd.Series:
    """Return labels as text, numbers as short as they can be written."""
    known = values.infer_objects()
    if holds_numbers(values) and not pd.api.types.is_integer_dtype(known):
        return known.astype(float).map("{:.15g}".format).astype(object)
    return known.astype(str).astype(object)


def label_text(value: Any) -> str:
    """Return one label as `labels_of` has it."""
    return str(labels_of(pd.Series([value])).iloc[0])


def levels_of(values: pd.Series) -> list[str]:
    """Return every label once: in order of their numbers where all are numbers, else of text."""
    found = list(dict.fromkeys(labels_of(values)))
    numbers = as_numbers(pd.Series(found, dtype=object))
    keys = dict(zip(found, numbers, strict=True))
    return sorted(found) if numbers.isna().any() else sorted(found, key=lambda x: (keys[x], x))


def _refuse_unclear_labels(column: str, values: pd.Series) -> None:
    """Refuse text that may be meant as numbers, or that tells people apart and not groups."""
    labels = labels_of(values)
    numbers = as_numbers(labels)
    is_text = values.map(lambda value: isinstance(value, str)).astype(bool)
    is_number = numbers.notna() & (~is_text | is_text[values.notna()].all())
    other = list(dict.fromkeys(labels[~is_number]))
    if is_number.any() and other:
        raise ValueError(
            f"'{column}' must hold numbers or labels, and has both: {is_number.sum():,} of "
            f"{counted(len(labels), 'value')} are numbers, such as '{labels[is_number].iloc[0]}', "
            f"and {(~is_number).sum():,} are not: {listed(other)}. Say what these stand for "
            f'(missing={{"{column}": [{other[0]!r}]}} or codes= of Study), or write C({column}) '
            "if all are labels"
        )
    if is_number.any() and numbers.nunique() > FEW:
        raise ValueError(
            f"'{column}' is text, and its {numbers.nunique():,} labels are all numbers, such as "
            f"'{labels.iloc[0]}'. Make it a column of numbers (pandas.to_numeric), or write "
            f"C({column}) if they are labels"
        )
    people = labels.value_counts()
    if len(people) > FEW and 2 * (people == 1).sum() > len(labels):
        raise ValueError(
            f"'{column}' holds {len(people):,} labels of {counted(len(labels), 'participant')}, "
            f"such as '{labels.iloc[0]}', and most have one of their own: what such labels do "
            "cannot be told from how people differ. Make it a column of numbers if it holds some, "
            f"group the labels by codes=, or write C({column}) to have an effect of each"
        )


# ------------------------------------------------------------------------------------- factors


def _coded(factor: Node, people: pd.DataFrame, learned: dict[Any, Any]) -> Any:
    """Values of a factor; what it takes from these people is kept in `learned`."""
    (*columns,) = columns_of_factor(factor)
    is_label = isinstance(factor, Column) and not holds_numbers(people[columns[0]])
    if factor in learned:
        is_label = isinstance(learned[factor], list)
    if is_label or (isinstance(factor, Call) and factor.function == "C"):
        return _labelled(factor, columns[0], people[columns[0]], learned)
    values = _numbers(factor, people, learned)
    values = np.broadcast_to(values, (len(people), *values.shape[1:]))
    _refuse_infinite(factor, people, values)
    centre, scale = learned.setdefault(factor, _centre_and_scale(values))
    standard = (values - centre) / scale
    if standard.ndim == 1:
        return _numerical(pd.Series(standard, index=people.index))
    parts = {str(k + 1): pd.Series(part, people.index) for k, part in enumerate(standard.T)}
    return _numerical(parts)


def _numerical(values: Any) -> Any:
    """Numbers, or the numbers of several columns by name, as formulaic takes them."""
    return formulaic.materializers.types.FactorValues(values, kind="numerical")


def _labelled(factor: Node, column: str, values: pd.Series, learned: dict[Any, Any]) -> Any:
    if factor not in learned:
        if isinstance(factor, Column):
            _refuse_unclear_labels(column, values)
        learned[factor] = levels_of(values)
    levels = learned[factor]
    labels = labels_of(values)
    new = sorted(set(labels) - set(levels))
    if new:
        raise ValueError(
            f"Every '{column}' must be one that the fit has seen ({listed(levels)}); found "
            f"{listed(new)}. Leave these people out, or fit a study that has them"
        )
    reference = _reference(factor, levels)
    contrasts = formulaic.transforms.contrasts
    is_mean = reference == MEAN
    by = contrasts.SumContrasts() if is_mean else contrasts.TreatmentContrasts(base=reference)
    return formulaic.transforms.C(labels, by, levels=levels)


def _reference(factor: Node, levels: list[str]) -> str:
    """Label with which the others are compared: the first one, unless another is named."""
    match factor:
        case Call("C", (_, Column("Sum") | Call("Sum"))):
            return MEAN
        case Call("C", (_, Call("Treatment", (Text() | Number() as named,)))) | Call(
            "C", (_, Call("Treatment", (), ((_, Text() | Number() as named),)))
        ):
            label = label_text(named.value)
            if label not in levels:
                raise ValueError(
                    f"The reference must be one of {listed(levels)}; found {label!r}"
                    + did_you_mean(label, levels).rstrip("?")
                )
            return label
    return levels[0]


def _centre_and_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over people, 1 where all are alike."""
    alike = np.ptp(values, axis=0) == 0
    centre = np.where(alike, values[0], values.mean(axis=0))
    deviation = values.std(axis=0, ddof=1) if len(values) > 1 else np.ones(values.shape[1:])
    return centre, np.where(alike, 1.0, deviation)


def _refuse_infinite(factor: Node, people: pd.DataFrame, values: np.ndarray) -> None:
    finite = (np.abs(values) < LARGEST).reshape(len(people), -1).all(axis=1)
    if finite.all():
        return
    columns = columns_of_factor(factor)
    wrong = people.loc[~finite, columns]
    found = [
        f"{person} ({', '.join(f'{c} = {row[c]}' for c in columns)})"
        for person, row in wrong.iterrows()
    ]
    raise ValueError(
        f"{label_of(factor)} must be a finite number for everybody, below {LARGEST:g} in size; "
        f"it is none for "
        f"{len(wrong):,} of {counted(len(people), 'participant')}: {listed(found, 5)}. Leave "
        "these people out with study.exclude(..., reason=...), or change the formula"
    )


def _numbers(node: Node, people: pd.DataFrame, learned: dict[Any, Any]) -> Any:
    """Value of arithmetic for people, (participant,) or (participant, column of a basis)."""
    with np.errstate(all="ignore"):
        match node:
            case Number(value):
                return np.float64(value)
            case Column(name):
                return _column(name, people[name])
            case Operation(operator, operands):
                sides = [_numbers(operand, people, learned) for operand in operands]
                return ARITHMETIC[operator](*(sides if len(sides) == 2 else [0.0, *sides]))
            case Call("poly" | "bs" as basis, (inner, *places), options):
                given = [*zip(BASES[basis], places, strict=False), *options]
                asked = {name: value.value for name, value in given if isinstance(value, Number)}
                return _basis(node, _numbers(inner, people, learned), asked, learned)
            case Call("center" | "scale" as function, (inner,)):
                values = np.asarray(_numbers(inner, people, learned))
                key = function, inner
                centre, scale = learned.setdefault(key, _centre_and_scale(np.atleast_1d(values)))
                return (values - centre) / (scale if function == "scale" else 1.0)
            case Call(function, (inner,)):
                return _ELEMENTWISE[function](_numbers(inner, people, learned))
    raise AssertionError(node)  # read_formula lets nothing else through


def _column(name: str, values: pd.Series) -> np.ndarray:
    if not holds_numbers(values):
        _refuse_unclear_labels(name, values)
        raise ValueError(
            f"Only numbers can be calculated with, and '{name}' holds labels: "
            f"{listed(levels_of(values))}"
        )
    return values.infer_objects().to_numpy(dtype=float)


def _basis(
    factor: Call, values: np.ndarray, asked: dict[str, Any], learned: dict[Any, Any]
) -> np.ndarray:
    """Orthogonal polynomials or B-splines that span what was learned."""
    transforms, state = formulaic.transforms, learned.setdefault(("basis", factor), {})
    try:
        if factor.function == "poly":
            return np.asarray(transforms.poly(values, **({"degree": 1} | asked), _state=state))
        found = transforms.basis_spline(values, **({"df": None, "degree": 3} | asked), _state=state)
    except ValueError as error:
        raise ValueError(f"{label_of(factor)}: {str(error).rstrip('.')}") from error
    return np.stack([np.asarray(v) for k, v in found.items() if not str(k).startswith("__")], -1)


def _coding(factor: Node, covariate: str, learned: Mapping[Any, Any]) -> Coding:
    label, columns = label_of(factor), columns_of_factor(factor)
    kept = learned[factor]
    if isinstance(kept, list):
        alone = any(f"{label}[{level}]" in covariate.split(":") for level in kept)
        reference = "" if alone else _reference(factor, kept)
        return Coding(label, columns, levels=kept, reference=reference)
    centre, scale = (np.atleast_1d(part) for part in kept)
    place = next((k for k in range(len(centre)) if f"{label}[{k + 1}]" in covariate), 0)
    name = label if len(centre) == 1 else f"{label}[{place + 1}]"
    return Coding(name, columns, centre=float(centre[place]), scale=float(scale[place]))
