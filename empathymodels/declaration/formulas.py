"""Covariate formulas: terms over the columns of participants, read from text and never run.

``a + b`` has both, ``a:b`` their interaction, ``a * b`` all three, ``a / b`` is ``a + a:b``,
``(a + b + c)**2`` has all interactions of two, ``- a`` takes a term out. The mean of the
population is always there, so that ``0`` and ``1`` change nothing. See Wilkinson & Rogers (1973),
doi:10.2307/2346786.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from empathymodels.study.expressions import (
    Call,
    Column,
    Node,
    Number,
    Operation,
    Text,
    columns_of,
    parse,
    written,
)

OPERATORS = ("+", "-", ":", "*", "/", "**")
OF_ONE = ("I", "center", "scale", "log", "log1p", "exp", "sqrt", "abs")
BASES = {"poly": ("degree",), "bs": ("df", "degree")}  # with their whole numbers, by place
FUNCTIONS = ("C", "Treatment", "Sum", *OF_ONE, *BASES)
ALLOWED = (
    "columns (with other characters than letters, digits and _ in `backticks`), + - : * / ** "
    "( ), 0, 1, numbers in arithmetic, labels in Treatment, and the functions "
    + ", ".join(FUNCTIONS)
)
MOST_TERMS, HIGHEST = 200, 50  # terms of a formula; degree, or columns, of a basis

Term = tuple[Node, ...]


@dataclass(frozen=True)
class Formula:
    """A formula that has been read.

    Attributes
    ----------
    text : str
        As written.
    terms : tuple of tuple of Node
        Each term as the factors that it multiplies, without the intercept.
    """

    text: str
    terms: tuple[Term, ...]

    @property
    def factors(self) -> list[Node]:
        """Every factor once, in order."""
        return list(dict.fromkeys(factor for term in self.terms for factor in term))

    @property
    def columns(self) -> list[str]:
        """The columns that the formula reads, each once, in order."""
        found = [name for factor in self.factors for name in columns_of_factor(factor)]
        return list(dict.fromkeys(found))


def read_formula(parameter: str, text: str) -> Formula:
    """Read the formula of a parameter.

    Raises
    ------
    TypeError
        It is no text.
    ValueError
        Anything that is no part of the language.

    Examples
    --------
    >>> read_formula("learning_rate", "group * log(age) - group").columns
    ['age', 'group']
    """
    if not isinstance(text, str):
        raise TypeError(
            f"The covariate formula of '{parameter}' must be text, such as 'group + age'; found "
            f"{text!r}. Write it as text."
        )
    try:
        tree = parse(text, operators=OPERATORS, functions=FUNCTIONS)
        formula = Formula(text, tuple(term for term in _terms(tree) if term))
        for factor in formula.factors:
            _check_factor(factor)
    except ValueError as error:
        raise ValueError(
            f"The covariate formula of '{parameter}' must be a formula over participant columns, "
            f"such as 'group + age'. Found {shown(text)}: {error}. A formula may hold {ALLOWED}; "
            "it is parsed, and no code in it is run. Correct it."
        ) from error
    return formula


def shown(text: str) -> str:
    """Return a text as messages show it: quoted, and cut where it is long."""
    return repr(text) if len(text) < 200 else f"{text[:200]!r}... ({len(text):,} characters)"


def label_of(factor: Node) -> str:
    """Return what the covariates of a factor are called: a column's name, or its text."""
    return factor.name if isinstance(factor, Column) else written(factor)


def columns_of_factor(factor: Node) -> list[str]:
    """Return the columns that a factor reads; contrasts are none."""
    match factor:
        case Call("C", (column, *_)):
            return columns_of(column)
    return columns_of(factor)


def _terms(node: Node) -> list[Term]:
    """Terms that a tree stands for; that without factors is the intercept."""
    found: list[Term]
    match node:
        case Number(0) | Operation("-", (Number(0 | 1),)):
            return []
        case Number(1):
            return [()]
        case Operation("+", (only,)):
            return _terms(only)
        case Operation("+", (left, right)):
            found = _terms(left) + _terms(right)
        case Operation("-", (left, right)):
            gone = {frozenset(term) for term in _terms(right)}
            found = [term for term in _terms(left) if frozenset(term) not in gone]
        case Operation(":" | "*" | "/" as operator, (left, right)):
            one, other = _some_terms(left), _some_terms(right)
            if len(one) == 1 and {*map(frozenset, one)} == {*map(frozenset, other)}:
                raise _not_arithmetic(node, one)
            all_of_it = tuple(factor for term in one for factor in term)
            crossed = _crossed([all_of_it] if operator == "/" else one, other)
            alone = {":": [], "*": [*one, *other], "/": one}
            found = [*alone[operator], *crossed]
        case Operation("**", (left, Number(int(power)))) if 1 <= power < 10:
            one = found = _some_terms(left)
            if len(one) == 1 and power > 1:
                raise _not_arithmetic(node, one)
            for _ in range(power - 1):
                found = _distinct(found + _crossed(found, one))
        case Column() | Call():
            return [(node,)]
        case _:
            raise ValueError(f"{written(node)!r} is no term (arithmetic goes into I(...))")
    return _distinct(found)


def _some_terms(node: Node) -> list[Term]:
    """Terms that are crossed with others: without any, or with the mean, some would vanish."""
    terms = _terms(node)
    if not all(terms) or not terms:
        what = "holds a number" if terms else "is none"
        raise ValueError(
            f"{written(node)!r} is crossed with terms and {what} (arithmetic goes into I(...))"
        )
    return terms


def _not_arithmetic(node: Node, alone: list[Term]) -> ValueError:
    """A term crossed with itself is itself: whoever writes so means a product of numbers."""
    same = ":".join(label_of(factor) for term in alone for factor in term)
    return ValueError(
        f"{written(node)!r} crosses a term with itself, and would be {same!r} alone (arithmetic "
        "goes into I(...), as in I(age ** 2))"
    )


def _crossed(one: list[Term], other: list[Term]) -> list[Term]:
    return [(*first, *second) for first, second in product(one, other)]


def _distinct(terms: list[Term]) -> list[Term]:
    """Every term once, with every factor once."""
    if len(terms) > MOST_TERMS**2:
        raise ValueError(f"it has more than {MOST_TERMS} terms")
    found: dict[frozenset[Node], Term] = {}
    for term in terms:
        found.setdefault(frozenset(term), tuple(dict.fromkeys(term)))
    if len(found) > MOST_TERMS:
        raise ValueError(f"it has {len(found)} terms, more than {MOST_TERMS}")
    return list(found.values())


def _check_factor(factor: Node) -> None:
    match factor:
        case Column() | Call("C", (Column(),), ()):
            return
        case Call("C", (Column(), contrast), ()):
            return _check_contrast(contrast)
        case Call("C"):
            wanted = "one column, and Treatment('reference label') or Sum if needed"
            raise ValueError(f"C() takes {wanted}; found {written(factor)!r}")
        case Call(function, (values, *places), options) if function in BASES:
            named = [*zip(BASES[function], places, strict=False), *options]
            _check_basis(factor, named, is_full=len(places) > len(BASES[function]))
            return _check_arithmetic(values)
    _check_arithmetic(factor)


def _check_contrast(contrast: Node) -> None:
    match contrast:
        case Column("Treatment" | "Sum") | Call("Treatment" | "Sum", (), ()):
            return
        case Call("Treatment", (Text() | Number(),), ()):
            return
        case Call("Treatment", (), (("reference", Text() | Number()),)):
            return
    raise ValueError(
        f"the labels of C() are told apart by Treatment('reference label') or by Sum; found "
        f"{written(contrast)!r}"
    )


def _check_basis(factor: Call, named: list[tuple[str, Node]], *, is_full: bool) -> None:
    known = BASES[factor.function]
    right = [
        name in known and isinstance(value, Number) and value.value in range(1, HIGHEST + 1)
        for name, value in named
    ]
    if is_full or not all(right) or len({name for name, _ in named}) < len(named):
        raise ValueError(
            f"{factor.function}() takes numbers, and {' and '.join(known)} as whole numbers from "
            f"1 to {HIGHEST}; found {written(factor)!r}"
        )


def _check_arithmetic(node: Node) -> None:
    match node:
        case Column() | Number():
            return
        case Operation(operator, operands) if operator != ":":
            for operand in operands:
                _check_arithmetic(operand)
        case Call(function, (only,), ()) if function in OF_ONE:
            _check_arithmetic(only)
        case _:
            raise ValueError(
                f"{written(node)!r} is no arithmetic with columns and numbers, by + - * / ** and "
                f"the functions {', '.join(OF_ONE)}"
            )
