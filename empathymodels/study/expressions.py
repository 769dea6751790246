"""Expressions over the columns of a table, as text: parsed into a tree, never run.

Covariate formulas and row filters are written by hand or come out of files. Neither is Python:
what is not in the grammar of this module is refused where it stands, before any of it is used.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

LONGEST, DEEPEST = 50_000, 100  # characters; operations within operations

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in", "not in")
BINDS = {"or": 1, "|": 1, "and": 2, "&": 2, "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6}
BINDS |= dict.fromkeys(COMPARISONS, 4) | {":": 7, "**": 9}
BINDS_BEFORE = {"not": 3, "+": 8, "-": 8, "~": 8}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}

MARKS = {"column": "`", "single": "'", "double": '"'}  # around texts; within them written twice
_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<word>[^\W\d]\w*)
    | `(?P<column>(?:[^`]|``)++)`
    | '(?P<single>(?:[^']|'')*+)' | "(?P<double>(?:[^"]|"")*+)"
    | (?P<symbol>\*\*|//|==|!=|<=|>=|[-+*/%:<>&|~(),=\[\]])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Number:
    """A number as written."""

    value: int | float


@dataclass(frozen=True)
class Text:
    """A label in quotation marks."""

    value: str


@dataclass(frozen=True)
class Truth:
    """``True`` or ``False``."""

    value: bool


@dataclass(frozen=True)
class Column:
    """A column of the table, by its name."""

    name: str


@dataclass(frozen=True)
class Values:
    """Values in brackets."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Operation:
    """An operator with one operand, or two."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True)
class Call:
    """A named function of the language, with arguments by place and by name."""

    function: str
    arguments: tuple[Node, ...]
    options: tuple[tuple[str, Node], ...] = ()


Node = Number | Text | Truth | Column | Values | Operation | Call


def parse(text: str, *, operators: Collection[str], functions: Collection[str]) -> Node:
    """Return the tree of an expression.

    Parameters
    ----------
    text : str
        The expression.
    operators, functions : collection of str
        Those that may occur; of operators any of `BINDS` and `BINDS_BEFORE`. With ``"in"`` lists
        may occur, too, and with ``"not"`` the words ``True`` and ``False``.

    Raises
    ------
    ValueError
        Anything else occurs; says what and at which character.
    """
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters, more than {LONGEST:,}")
    parser = _Parser(list(_tokens(text)), operators, functions)
    tree = parser.expression(0)
    parser.expect("end")
    return tree


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    place: int

    def __str__(self) -> str:
        """What it is, and where."""
        shown = "the end" if self.kind == "end" else repr(self.text)
        return f"{shown} at character {self.place}"


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            what = "an open quotation mark" if text[place] in "'\"`" else repr(text[place])
            raise ValueError(f"{what} at character {place + 1} is no part of the language")
        kind = str(match.lastgroup)
        if kind != "blank":
            mark, found = MARKS.get(kind, ""), match[kind]
            found = found.replace(2 * mark, mark) if mark else found
            yield _Token("text" if kind in ("single", "double") else kind, found, place + 1)
        place = match.end()
    yield _Token("end", "", place + 1)


class _Parser:
    """Reads tokens from left to right, by how strongly operators bind (Pratt's way)."""

    def __init__(
        self, tokens: list[_Token], operators: Collection[str], functions: Collection[str]
    ) -> None:
        self.tokens, self.operators, self.functions = tokens, operators, functions
        self.place = self.depth = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    @property
    def second(self) -> _Token:
        """The token after the next."""
        return self.tokens[min(self.place + 1, len(self.tokens) - 1)]

    def take(self) -> _Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def sees(self, *texts: str) -> bool:
        """Whether the next token is one of these words or symbols."""
        return self.next.kind in ("word", "symbol") and self.next.text in texts

    def expect(self, text: str) -> None:
        if not (self.sees(text) or self.next.kind == text == "end"):
            wanted = "an operator" if text == "end" else repr(text)
            raise ValueError(f"found {self.next} where {wanted} should be")
        self.take()

    def operator(self) -> str:
        """The operator that comes next; empty where none does."""
        if self.sees("not") and "in" in self.operators and self.second.text == "in":
            return "not in"
        return self.next.text if self.sees(*self.operators) else ""

    def expression(self, floor: int) -> Node:
        """Read operands and operators that bind more strongly than `floor`."""
        before = self.depth
        self.deepen()
        left = self.operand()
        while BINDS.get(operator := self.operator(), 0) > floor:
            self.deepen()
            left = self.comparison(left) if operator in COMPARISONS else self.binary(left)
        self.depth = before
        return left

    def deepen(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError(
                f"it has more than {DEEPEST} operations within one another, at {self.next}"
            )

    def binary(self, left: Node) -> Node:
        operator = self.take().text
        binds = BINDS[operator] - (operator == "**")  # powers are read from the right
        return Operation(operator, (left, self.expression(binds)))

    def comparison(self, left: Node) -> Node:
        """Read ``0 < x < 5`` as ``0 < x and x < 5``."""
        tree: Node | None = None
        while (operator := self.operator()) in COMPARISONS:
            self.deepen()
            for _ in operator.split():
                self.take()
            right = self.expression(BINDS[operator])
            one = Operation(operator, (left, right))
            tree = one if tree is None else Operation("and", (tree, one))
            left = right
        assert tree is not None
        return tree

    def operand(self) -> Node:
        if self.sees(*BINDS_BEFORE) and self.next.text in self.operators:
            operator = self.take().text
            return Operation(operator, (self.expression(BINDS_BEFORE[operator]),))
        if self.sees("("):
            self.take()
            inner = self.expression(0)
            self.expect(")")
            return inner
        if self.sees("[") and "in" in self.operators:
            self.take()
            return Values(tuple(self.listed("]", lambda: self.expression(0))))
        token = self.take()
        match token.kind:
            case "number":
                return Number(_number(token.text))
            case "text":
                return Text(token.text)
            case "column":
                return Column(token.text)
            case "word" if self.sees("("):
                return self.call(token)
            case "word" if "not" in self.operators and token.text in ("True", "False"):
                return Truth(token.text == "True")
            case "word" if token.text not in self.operators and not token.text.startswith("__"):
                return Column(token.text)
        raise ValueError(f"found {token} where a column or a number should be")

    def call(self, name: _Token) -> Node:
        if name.text not in self.functions:
            raise ValueError(f"{name} is no function of the language")
        self.take()
        arguments, options = [], []
        for argument in self.listed(")", self.argument):
            if isinstance(argument, tuple):
                options.append(argument)
            elif options:
                raise ValueError(f"arguments of {name} by place must come before those by name")
            else:
                arguments.append(argument)
        return Call(name.text, tuple(arguments), tuple(options))

    def argument(self) -> Node | tuple[str, Node]:
        if self.next.kind == "word" and self.second.text == "=":
            name = self.take().text
            self.take()
            return name, self.expression(0)
        return self.expression(0)

    def listed[T](self, end: str, read: Callable[[], T]) -> Iterator[T]:
        """Read what stands between commas, and the bracket that ends it."""
        while not self.sees(end):
            yield read()
            if not self.sees(end):
                self.expect(",")
        self.take()


def _number(text: str) -> int | float:
    if text.isdigit() and len(text) < 19:  # as wide as whole numbers of tables
        return int(text)
    return float(text)


def columns_of(node: Node) -> list[str]:
    """Return the names of the columns that a tree reads, each once, in order."""
    parts: tuple[Node, ...] = ()
    match node:
        case Column(name):
            return [name]
        case Operation(_, operands):
            parts = operands
        case Values(items):
            parts = items
        case Call(_, arguments, options):
            parts = (*arguments, *(value for _, value in options))
    return list(dict.fromkeys(name for part in parts for name in columns_of(part)))


def written(node: Node) -> str:
    """Return a tree as text, spaced in one way and with no more parentheses than needed."""
    match node:
        case Column(name):
            return name if re.fullmatch(r"[^\W\d]\w*", name) else _marked(name, "`")
        case Text(value):
            return _marked(value, "'" if '"' in value and "'" not in value else '"')
        case Values(items):
            return f"[{', '.join(map(written, items))}]"
        case Call(function, arguments, options):
            parts = [*map(written, arguments), *(f"{name}={written(v)}" for name, v in options)]
            return f"{function}({', '.join(parts)})"
        case Operation(operator, (only,)):
            gap = " " if operator.isalpha() else ""
            return operator + gap + _enclosed(only, BINDS_BEFORE[operator])
        case Operation(operator, (left, right)):
            binds = BINDS[operator]
            gap = "" if operator == ":" else " "
            power = operator == "**"
            sides = (
                _enclosed(left, binds + (power or operator in COMPARISONS)),
                _enclosed(right, binds + (not power)),
            )
            return f"{gap}{operator}{gap}".join(sides)
    return str(node.value) if isinstance(node, Number | Truth) else ""


def _marked(text: str, mark: str) -> str:
    return f"{mark}{text.replace(mark, 2 * mark)}{mark}"


def _enclosed(node: Node, binds: int) -> str:
    """Return a tree as text, in parentheses where an operator around it binds more strongly."""
    own = BINDS[node.operator] if isinstance(node, Operation) and len(node.operands) == 2 else 10
    return written(node) if own >= binds else f"({written(node)})"
