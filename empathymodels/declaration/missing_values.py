"""Where a state can be updated although some data are missing, read from its equations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import reduce

import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.graph.traversal import ancestors
from pytensor.scalar.basic import AND, OR, Mul, Switch
from pytensor.tensor.basic import get_underlying_scalar_constant_value
from pytensor.tensor.elemwise import Elemwise

from empathymodels.declaration.equations import Equations, is_sum, symbol, with_states

OBSERVED = "observed:"


@dataclass(frozen=True)
class Known:
    """When a value can be computed.

    Attributes
    ----------
    columns : frozenset of str
        All of these must be observed.
    conditions : tuple of Variable
        And all of these must hold: what a branch reads must be observed where it is taken.
    """

    columns: frozenset[str] = frozenset()
    conditions: tuple[Variable, ...] = ()

    def __and__(self, other: Known) -> Known:
        new = tuple(c for c in other.conditions if c not in self.conditions)
        return Known(self.columns | other.columns, self.conditions + new)

    @property
    def is_certain(self) -> bool:
        """Whether it always can be."""
        return not self.columns and not self.conditions


@dataclass
class Reader:
    """Reads from graphs of one trial when their values are known.

    A value is known where no missing value can change it: a branch that is not taken may miss what
    it likes, and so may a factor of what is multiplied by 0.

    Attributes
    ----------
    equations : Equations
        Whose data are read.
    incomplete : frozenset of str
        Data that are missing on some trials.
    masks : dict of str to Variable
        The 0/1 inputs that were made, by name.
    """

    equations: Equations
    incomplete: frozenset[str]
    masks: dict[str, Variable] = field(default_factory=dict)
    _seen: dict[Variable, Known] = field(default_factory=dict)

    def known(self, value: Variable) -> Known:
        """When a value is known."""
        if value not in self._seen:
            self._seen[value] = self._read(value)
        return self._seen[value]

    def holds(self, known: Known) -> Variable:
        """Return the same as a symbolic truth value."""
        terms = list(known.conditions)
        if known.columns:
            name = mask_name(known.columns)
            terms.insert(0, pt.neq(self.masks.setdefault(name, symbol("data", name)), 0))
        return reduce(pt.and_, terms) if terms else pt.constant(True)

    def _read(self, value: Variable) -> Known:
        missing = self.equations.needs(value) & self.incomplete
        if not missing or value.owner is None:
            return Known(missing)
        inputs = value.owner.inputs
        every = reduce(Known.__and__, map(self.known, inputs))
        op = _scalar_op(value)
        if isinstance(op, Switch):
            return self._of_branches(*inputs)
        if isinstance(op, Mul) or (isinstance(op, AND | OR) and value.dtype == "bool"):
            decisive = [truth for one in inputs for truth in self._decides(op, one, every)]
            if decisive:
                return Known(conditions=(reduce(pt.or_, decisive, self.holds(every)),))
        return every

    def _of_branches(self, condition: Variable, one: Variable, other: Variable) -> Known:
        first, second = self.known(one), self.known(other)
        if first == second:
            return self.known(condition) & first
        taken = pt.neq(pt.switch(condition, self.holds(first), self.holds(second)), 0)
        return self.known(condition) & Known(conditions=(taken,))

    def _decides(self, op: object, value: Variable, every: Known) -> list[Variable]:
        """When one argument settles the result where not all are known; nothing if it cannot."""
        is_product = isinstance(op, Mul)
        if is_product and isinstance(_scalar_op(value), Switch):
            return self._where_zero(*value.owner.inputs)
        if is_product and not self._is_data(value):  # parameters are not 0; data may be
            inner = value.owner.inputs if isinstance(_scalar_op(value), Mul) else []
            return [truth for one in inner for truth in self._decides(op, one, every)]
        settled = pt.neq(value, 0) if isinstance(op, OR) else pt.eq(value, 0)
        known = self.known(value)
        if known == every:
            return []
        return [settled if known.is_certain else pt.and_(self.holds(known), settled)]

    def _where_zero(self, condition: Variable, *branches: Variable) -> list[Variable]:
        """When a choice of two values takes one that is 0."""
        taken = (pt.neq(condition, 0), pt.eq(condition, 0))
        zero = [t for t, branch in zip(taken, branches, strict=True) if _is_zero(branch)]
        known = self.known(condition)
        return zero if known.is_certain else [pt.and_(self.holds(known), t) for t in zero]

    def _is_data(self, value: Variable) -> bool:
        """Whether a value is made of data alone."""
        own = {*self.equations.states.values(), *self.equations.parameters.values()}
        return own.isdisjoint(ancestors([value])) and bool(self.equations.needs(value))


def _scalar_op(value: Variable) -> object:
    op = value.owner.op if value.owner is not None else None
    return op.scalar_op if isinstance(op, Elemwise) else None


def _is_zero(value: Variable) -> bool:
    """Whether a value is the constant 0."""
    constant = get_underlying_scalar_constant_value(value, raise_not_constant=False)
    return not isinstance(constant, Variable) and bool(constant == 0)


def hold_where_missing(equations: Equations, incomplete: Iterable[str]) -> Equations:
    """Make every state keep its value on trials where a missing value would change its update.

    The sums of summaries keep theirs wherever anything is missing that their latent reads. What
    responses read after the update follows from the states that were kept. Adds 0/1 data inputs
    ``observed:<columns>``; see `mask_columns`.
    """
    reader, next_states = Reader(equations, frozenset(incomplete)), {}
    for name, updated in equations.next_states.items():
        strict = Known(equations.needs(updated) & reader.incomplete)
        known = strict if is_sum(name) else reader.known(updated)
        if not known.is_certain:
            updated = pt.switch(reader.holds(known), updated, equations.states[name])
        next_states[name] = updated
    later = equations.later and with_states(equations.latents, equations.states, next_states)
    data = equations.data | reader.masks
    return replace(equations, data=data, next_states=next_states, later=later)


def needed_by_states(equations: Equations) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Columns that hold a state where they are missing: always, and only in a branch that is taken.

    Parameters
    ----------
    equations : Equations
        As read, before `hold_where_missing`. States of one name over levels are told together.
    """
    columns = frozenset(equations.data)
    reader = Reader(equations, columns)
    found: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    for name, updated in equations.next_states.items():
        if not is_sum(name):
            state = name.partition("[")[0]
            always, ever = found.get(state, (columns, frozenset()))
            always &= reader.known(updated).columns
            found[state] = always, ever | equations.needs(updated)
    return {state: (always, ever - always) for state, (always, ever) in found.items() if ever}


def mask_name(columns: Iterable[str]) -> str:
    """Name of the 0/1 input that says where all of `columns` are observed."""
    return OBSERVED + ",".join(sorted(columns))


def mask_columns(name: str) -> list[str]:
    """The columns behind a mask's name; empty for an ordinary data input."""
    return name.removeprefix(OBSERVED).split(",") if name.startswith(OBSERVED) else []
