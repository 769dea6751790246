r"""People from a population: how values of everybody follow from those of the population.

Parameters that vary over the same units (participants, or crossed items) form one matrix of
units by columns, one column per parameter and `by` level. All matrices lie behind each other in
one flat vector of natural-scale values, from which every row of data picks what it needs. The
formulas stand here once; PyTensor evaluates them inside the density, NumPy on draws.

On the link scale unit ``i`` has, with location, covariate effects, spread and the Cholesky factor
of the correlation matrix of the columns that a model lets correlate,

.. math:: \text{link}(\theta_i) = \mu + x_i^\top \Gamma + \sigma (L z)_i
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arrangement import Arrangement, is_item
from empathymodels.model import Model, scale_of
from empathymodels.nouns import SUPPORTS, Parameter
from empathymodels.wording import listed

POPULATION = "population"


@dataclass(frozen=True)
class Block:
    """Parameters that vary over the same units, as a matrix of units by columns.

    Attributes
    ----------
    unit : str
        ``"participant"``, a column of items, or ``"population"`` (a single unit).
    labels : list
        Labels of the units.
    columns : list of (Parameter, int)
        Parameter and position of its `by` level (0 where it has none).
    correlated : int
        How many of the first columns correlate.
    offset : int
        Place of the first value in the flat vector of all parameters.
    """

    unit: str
    labels: list
    columns: list[tuple[Parameter, int]]
    correlated: int
    offset: int

    @property
    def shape(self) -> tuple[int, int]:
        """Number of units and of columns."""
        return len(self.labels), len(self.columns)

    @property
    def free_correlated(self) -> list[int]:
        """Positions of the correlated columns that are not fixed."""
        correlated = enumerate(self.columns[: self.correlated])
        return [k for k, (parameter, _) in correlated if parameter.fixed is None]

    @property
    def correlation(self) -> tuple[str, str, str]:
        """Name of the matrix of correlations among results, and its two dims."""
        of = "" if self.unit == "participant" else f"{self.unit}_"
        return f"{of}correlation", f"{of}correlated", f"{of}correlated_with"

    def places(self, name: str) -> list[int]:
        """Positions of a parameter's columns."""
        return [k for k, (parameter, _) in enumerate(self.columns) if parameter.name == name]


def blocks(arrangement: Arrangement) -> list[Block]:
    """Arrange all parameters in blocks of the same units."""
    found: list[Block] = []
    offset = 0
    for unit in dict.fromkeys(p.level for p in arrangement.parameters):
        here = [p for p in arrangement.parameters if p.level == unit]
        together = [p for p in here if unit != POPULATION and is_correlated(p, arrangement)]
        ordered = together + [p for p in here if p.name not in {t.name for t in together}]
        columns = [(p, k) for p in ordered for k in range(n_levels(p, arrangement))]
        correlated = sum(n_levels(p, arrangement) for p in together)
        labels = {"participant": arrangement.participants, POPULATION: [POPULATION]}
        units = labels.get(unit) or arrangement.levels[unit]
        found.append(Block(unit, units, columns, correlated if correlated > 1 else 0, offset))
        offset += len(units) * len(columns)
    return found


def is_correlated(parameter: Parameter, arrangement: Arrangement) -> bool:
    """Whether a model lets a parameter correlate with others."""
    return parameter.name in arrangement.model.correlate


def n_levels(parameter: Parameter, arrangement: Arrangement) -> int:
    """Number of values per unit."""
    return len(arrangement.levels[parameter.by]) if parameter.by else 1


def parameter_dims(parameter: Parameter) -> tuple[str, ...]:
    """Dims of a parameter's values: whose they are, then the column they are split by."""
    who = () if parameter.level == POPULATION else (parameter.level,)
    return who + ((parameter.by,) if parameter.by else ())


def column_label(parameter: Parameter, arrangement: Arrangement, level: int) -> str:
    """``name`` or ``name[level]``, as in tables of parameters."""
    if parameter.by is None:
        return parameter.name
    return f"{parameter.name}[{arrangement.levels[parameter.by][level]}]"


def correlated_labels(block: Block, arrangement: Arrangement) -> list[str]:
    """Labels of the columns of a block whose correlations are inferred."""
    columns = [block.columns[k] for k in block.free_correlated]
    return [column_label(parameter, arrangement, level) for parameter, level in columns]


def flat_positions(
    parameter: Parameter, arrangement: Arrangement, frame: pd.DataFrame
) -> np.ndarray | int:
    """Place in the flat vector of a parameter's value on every row of a frame."""
    block = next(b for b in blocks(arrangement) if b.unit == parameter.level)
    first = block.offset + block.places(parameter.name)[0]
    units: Any = 0
    if parameter.level != POPULATION:
        column = parameter.level if is_item(parameter) else "participant"
        units = arrangement.codes(frame, column)
    levels = arrangement.codes(frame, parameter.by) if parameter.by else 0
    return first + units * len(block.columns) + levels


def flat_values(arrangement: Arrangement, values: Mapping[str, Any]) -> np.ndarray:
    """Put natural-scale values per parameter, (…, *dims), into flat vectors (…, place)."""
    parts = []
    for block in blocks(arrangement):
        columns = []
        for parameter, level in block.columns:
            array = np.asarray(values[parameter.name], dtype=float)
            array = array[..., level] if parameter.by else array
            columns.append(array[..., None] if block.unit == POPULATION else array)
        matrix = np.stack(columns, axis=-1)
        parts.append(matrix.reshape(*matrix.shape[:-2], -1))
    return np.concatenate(parts, axis=-1) if parts else np.zeros(0)


def parameter_values(arrangement: Arrangement, flat: np.ndarray) -> xr.Dataset:
    """Give flat vectors (chain, draw, place) back as labelled parameters."""
    found = {}
    for block in blocks(arrangement):
        size = int(np.prod(block.shape))
        part = flat[..., block.offset : block.offset + size]
        matrix = part.reshape(*flat.shape[:-1], *block.shape)
        for parameter in {p.name: p for p, _ in block.columns}.values():
            values = matrix[..., block.places(parameter.name)]
            values = values if parameter.by else values[..., 0]
            if block.unit == POPULATION:
                values = values[:, :, 0]
            found[parameter.name] = (("chain", "draw", *parameter_dims(parameter)), values)
    return xr.Dataset(found, coords=parameter_coords(arrangement, found))


def parameter_coords(arrangement: Arrangement, found: Mapping[str, Any]) -> dict[str, list]:
    """Labels of the dims that appear in ``{name: (dims, values)}``."""
    labels: dict[str, list] = {"participant": arrangement.participants, **arrangement.levels}
    used = {dim for dims, _ in found.values() for dim in dims}
    return {dim: values for dim, values in labels.items() if dim in used}


# --------------------------------------------------------------------------- formulas


@dataclass(frozen=True)
class Scales:
    """Support, zero point, unit and fixed value of every column of a block, (column,)."""

    support: Any
    low: Any
    width: Any
    is_fixed: Any
    fixed: Any


def scales(block: Block, arrangement: Arrangement) -> Scales:
    """Collect the scales of a block's columns."""
    places = np.array([scale_of(arrangement.model, p) for p, _ in block.columns])
    return Scales(
        np.array([float(_support_code(p)) for p, _ in block.columns]),
        places[:, 0].copy(),
        places[:, 1].copy(),
        np.array([float(p.fixed is not None) for p, _ in block.columns]),
        np.array([fixed_value(p, arrangement, k) for p, k in block.columns]),
    )


def _support_code(parameter: Parameter) -> int:
    return list(SUPPORTS).index(parameter.support)


def fixed_value(parameter: Parameter, arrangement: Arrangement, level: int) -> float:
    """Natural-scale value at which a column is held (0 where it is free)."""
    given = parameter.fixed or 0.0
    if not isinstance(given, Mapping):
        return float(given)
    labels = arrangement.levels[parameter.by] if parameter.by else []
    if set(given) != set(map(str, labels)):
        raise ValueError(
            f"Fixed values of '{parameter.name}' must name every level of '{parameter.by}': "
            f"{listed(labels)}; found {listed(given)}. Name them all, or give one number."
        )
    return float(given[str(labels[level])])


def natural(scale: Scales, linked: Any, xp: Any = np) -> Any:
    """Natural-scale values (…, column) of link-scale values, with fixed columns filled in.

    ``xp`` is NumPy or ``pytensor.tensor``.
    """
    plain, support = linked, np.asarray(scale.support)
    if (support == 1).any():
        # the exponential sees only the columns it is for: elsewhere it could overflow
        plain = xp.where(support == 1, xp.exp(xp.where(support == 1, linked, 0.0)), plain)
    if (support == 2).any():
        plain = xp.where(support == 2, 1 / (1 + xp.exp(-linked)), plain)
    if (support == 3).any():
        plain = xp.where(support == 3, xp.tanh(linked), plain)
    return xp.where(scale.is_fixed > 0, scale.fixed, scale.low + scale.width * plain)


def natural_values(parameter: Parameter, model: Model, linked: Any) -> np.ndarray:
    """Natural-scale numbers of one free parameter's link-scale numbers."""
    support = np.array(float(_support_code(parameter)))
    low, width = scale_of(model, parameter)
    with np.errstate(over="ignore"):  # exp(-x) of a very low logit: the value is 0
        return natural(
            Scales(support, low, width, np.array(0.0), 0.0), np.asarray(linked, dtype=float)
        )


def linked_values(parameter: Parameter, model: Model, values: np.ndarray) -> np.ndarray:
    """Link-scale numbers of one parameter's natural-scale numbers."""
    low, width = scale_of(model, parameter)
    plain = (values - low) / width
    if parameter.support == "positive":
        return np.log(plain)
    if parameter.support == "unit":
        return np.log(plain) - np.log1p(-plain)
    if parameter.support == "signed":
        return np.arctanh(plain)
    return plain


@dataclass(frozen=True)
class Step:
    """Columns of a block given the columns before them: mean, spread, and what is sampled.

    Each is (…, unit, column), the mean and the spread perhaps of one unit for all.
    """

    mean: Any
    spread: Any
    share: Any
    sampled: Any

    @property
    def deviation(self) -> Any:
        """Standard normal deviation of the values from their mean."""
        return (self.sampled - self.share * self.mean) / self.spread**self.share

    @property
    def values(self) -> Any:
        """Link-scale values."""
        return self.mean + self.spread * self.deviation

    def moved(self, share: Any) -> Any:
        """What would be sampled for the same values at another share."""
        return share * self.mean + self.spread**share * self.deviation


def stepwise(
    block: Block, centre: Any, spread: Any, factor: Any, share: Any, sampled: Any
) -> list[Step]:
    r"""Go through the columns of a block: each correlated one alone, then all others at once.

    With :math:`z = L^{-1}(\theta - m) / \sigma` a correlated column k has, given those before it,
    mean :math:`m_k + \sigma_k \sum_{j<k} L_{kj} z_j` and spread :math:`\sigma_k L_{kk}`. What is
    sampled is ``u ~ Normal(c m, s**c)``, which makes ``m + s**(1 - c) (u - c m) ~ Normal(m, s)``
    for every share c: centred for c = 1, non-centred for c = 0 (Gorinova, Moore & Hoffman 2020,
    arXiv:1906.03028).

    Parameters
    ----------
    block : Block
        Units and columns.
    centre : (…, unit, column)
        Location and effects of covariates.
    spread : (…, column)
        Of the population.
    factor : (…, correlated, correlated)
        Cholesky factor of the correlations (unused without any).
    share : (column,)
        Share of centring.
    sampled : (…, unit, column)
        What the sampler moves.
    """
    steps: list[Step] = []
    # sums of products: compiling a matrix product would cost a minute of BLAS dispatch
    for k in range(block.correlated):
        own = slice(k, k + 1)
        before: Any = sum(
            factor[..., None, k, j, None] * step.deviation for j, step in enumerate(steps)
        )
        mean = centre[..., own] + spread[..., None, own] * before
        narrowed = spread[..., None, own] * factor[..., None, k, own]
        steps.append(Step(mean, narrowed, share[own], sampled[..., own]))
    if block.correlated < len(block.columns):
        rest = slice(block.correlated, None)
        steps.append(
            Step(centre[..., rest], spread[..., None, rest], share[rest], sampled[..., rest])
        )
    return steps


def unit_values(
    block: Block,
    scale: Scales,
    *,
    location: Any,
    spread: Any,
    effect: Any,
    share: Any,
    sampled: Any,
    factor: Any,
    xp: Any = np,
) -> Any:
    """Natural-scale values of all units, (…, unit, column).

    Parameters
    ----------
    block : Block
        Units and columns.
    scale : Scales
        Of its columns.
    location, spread : (…, column)
        Of the population, on the link scale.
    effect : (…, unit, column) or 0
        What covariates add.
    share : (column,)
        Share of centring.
    sampled : (…, unit, column)
        What the sampler moves: distributed as `stepwise` says.
    factor : (…, correlated, correlated)
        Cholesky factor of the correlations (unused without any).
    xp : module
        NumPy or ``pytensor.tensor``.
    """
    if block.unit == POPULATION:
        return natural(scale, location[..., None, :], xp)
    steps = stepwise(block, location[..., None, :] + effect, spread, factor, share, sampled)
    return natural(scale, xp.concatenate([step.values for step in steps], axis=-1), xp)


def cholesky_of(partial: Any, size: int, xp: Any = np) -> Any:
    """Cholesky factor (…, size, size) of the correlation matrix with these partial correlations.

    ``partial`` holds the canonical partial correlation of columns i > j given all before j, in
    the order of ``np.tril_indices(size, -1)`` (Lewandowski, Kurowicka & Joe 2009,
    doi:10.1016/j.jmva.2009.04.008).
    """
    one, zero = xp.ones_like(partial[..., 0]), xp.zeros_like(partial[..., 0])
    rows, place = [], 0
    for i in range(size):
        row, left = [], one
        for _ in range(i):
            entry = partial[..., place]
            row.append(entry * left)
            left = left * xp.sqrt(1 - entry**2)
            place += 1
        rows.append(xp.stack([*row, left, *[zero] * (size - i - 1)], axis=-1))
    return xp.stack(rows, axis=-2)
