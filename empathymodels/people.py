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
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from pymc_extras.prior import Prior
from scipy.stats import t as student_t

from empathymodels.arrangement import Arrangement, is_item
from empathymodels.model import Model
from empathymodels.nouns import SUPPORTS, Parameter, Population
from empathymodels.response_scale import scale_of
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


@dataclass(frozen=True, eq=False)
class Scatter:
    r"""How units scatter around their means on the link scale, and what the sampler moves for it.

    Values are :math:`\theta = m + \sigma L z` with standard normal z. What is sampled is
    :math:`u = c\,m + M z` with the lower triangular

    .. math:: M_{kk} = (\sigma_k L_{kk})^{c_k}, \qquad M_{kj} = c_k \sigma_k L_{kj} \ (j < k),

    so that every column is, given those before it, centred for c = 1 and non-centred for c = 0
    (Gorinova, Moore & Hoffman 2020, arXiv:1906.03028).

    Attributes
    ----------
    centre : (…, unit, column)
        Means m: location and effects of covariates; of one unit where they are all alike.
    spread : (…, column)
        Spreads :math:`\sigma` of the population.
    factor : (…, column, column) or None
        Cholesky factor L of the correlations; None where no columns correlate.
    share : (column,), optional
        Share of centring c.
    xp : module, optional
        NumPy or ``pytensor.tensor``.
    """

    centre: Any
    spread: Any
    factor: Any
    share: Any = 0.0
    xp: Any = np

    @property
    def mean(self) -> Any:
        """Mean of what is sampled, (…, unit, column)."""
        return self.share * self.centre

    @cached_property
    def mixing(self) -> Any:
        """M (…, column, column), or its diagonal (…, column) where no columns correlate."""
        if self.factor is None:
            return self.spread**self.share
        own = self.xp.eye(self.factor.shape[-1])
        narrowed = self.spread * (self.factor * own).sum(-1)
        before = (self.share * self.spread)[..., :, None] * self.factor * (1 - own)
        return before + (narrowed**self.share)[..., :, None] * own

    def deviations(self, sampled: Any) -> Any:
        """Standard normal z, (…, unit, column), of what is sampled."""
        if self.factor is None:
            return (sampled - self.mean) / self.mixing[..., None, :]
        return unmixed(self.mixing, sampled - self.mean, self.xp)

    def sampled(self, deviations: Any) -> Any:
        """What the sampler moves for these deviations, (…, unit, column)."""
        if self.factor is None:
            return self.mean + self.mixing[..., None, :] * deviations
        return self.mean + deviations @ self.mixing.mT

    def values(self, deviations: Any) -> Any:
        """Link-scale values, (…, unit, column)."""
        mixed = deviations if self.factor is None else deviations @ self.factor.mT
        return self.centre + self.spread[..., None, :] * mixed


QUADRATURE_NODES, QUANTILES = 41, 400  # for expectations over people
DEGREES = 4.0  # of freedom of Student-t deviations: heavy tails, and yet a variance


def standard_deviations(
    kind: Population, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Draw deviations z of mean 0 and variance 1."""
    if kind == "normal":
        return rng.standard_normal(shape)
    return rng.standard_t(DEGREES, shape) / np.sqrt(DEGREES / (DEGREES - 2))


def refuse_heavy_tails(model: Model, what: str) -> None:
    """Raise ValueError where something takes everybody's deviations to be Gaussian, and none is."""
    if model.population != "normal":
        raise ValueError(
            f"{what} takes people's deviations from the population to be Gaussian; found model "
            f"'{model.label}'. Fit it with population='normal' for this, or compare by trial."
        )


def deviation_quadrature(kind: Population) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of an expectation over deviations of mean 0 and variance 1."""
    if kind == "normal":
        nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE_NODES)
        return nodes, weights / weights.sum()
    probabilities = (np.arange(QUANTILES) + 0.5) / QUANTILES
    nodes = student_t.ppf(probabilities, DEGREES) * np.sqrt((DEGREES - 2) / DEGREES)
    return nodes, np.full(QUANTILES, 1 / QUANTILES)


def population_kind(block: Block, model: Model) -> Population:
    """How the units of a block deviate; items are normal in every model."""
    return model.population if block.unit == "participant" else "normal"


@dataclass(frozen=True)
class Anchor:
    r"""In which unit the sampler moves the columns of a block: that of a shared scale.

    Where a positive parameter of the population multiplies what others weigh (a rating's slope
    and the weights of motives), the data may tell their product much better than either. Then
    the sampler moves :math:`c\,\theta` in place of values :math:`\theta`, and likewise means,
    spreads and effects, with :math:`\log c = \sum_s q_s (\log \rho_s - \mu_s)` for scales
    :math:`\rho_s` with prior centres :math:`\mu_s` and powers q of every column; of columns with
    a log link :math:`\log\theta + \log c`. Their priors given the scales are stretched (moved)
    alike, so that all powers have the same posterior.

    Attributes
    ----------
    unit : (…, column)
        The factor c; 1 where the link is a log.
    shift : (…, column)
        Its log where the link is a log, and 0 elsewhere.
    """

    unit: Any
    shift: Any

    @classmethod
    def at(cls, block: Block, log_unit: Any, xp: Any = np) -> Anchor:
        """The anchor of a block for the logs of c, (…, column)."""
        is_log = np.array([float(p.support == "positive") for p, _ in block.columns])
        return cls(xp.exp(log_unit * (1 - is_log)), log_unit * is_log)

    def prior(self, numbers: Mapping[str, Any], columns: list[int]) -> dict[str, Any]:
        """Numbers of the priors of locations ("mu", "sigma") or spreads ("sigma") of columns."""
        shift, unit = self.shift[np.array(columns)], self.unit[np.array(columns)]
        return {n: x * unit + (shift if n == "mu" else 0.0) for n, x in numbers.items()}

    def stretched(self, differences: Any, columns: Any = slice(None)) -> Any:
        """What the sampler moves for spreads or effects, (…, column)."""
        return differences * self.unit[..., columns]

    def unstretched(self, sampled: Any, columns: Any = slice(None)) -> Any:
        """Spreads or effects, (…, column), of what is sampled for them."""
        return sampled / self.unit[..., columns]

    def moved(self, locations: Any) -> Any:
        """What the sampler moves for locations, (…, column)."""
        return locations * self.unit + self.shift

    def released(self, sampled: Any) -> Any:
        """Link-scale values, (…, unit, column), of what is sampled for them."""
        return (sampled - self.shift[..., None, :]) / self.unit[..., None, :]


def scale_columns(block: Block) -> list[int]:
    """Shared columns that may anchor others: positive ones with a Normal prior of the log."""
    return [
        k
        for k, (p, _) in enumerate(block.columns)
        if p.support == "positive" and p.location.distribution == "Normal" and is_plain(p.location)
    ]


def is_plain(prior: Prior) -> bool:
    """Whether a prior has numbers for parameters, and no transform."""
    numbers = prior.parameters.values()
    return prior.transform is None and all(isinstance(x, int | float) for x in numbers)


def unmixed(mixing: Any, mixed: Any, xp: Any) -> Any:
    """Rows z, (…, unit, column), of ``z @ mixing.mT`` for a lower triangular matrix."""
    if xp is not np:
        return xp.linalg.solve_triangular(mixing, mixed.mT, lower=True).mT
    found = np.empty_like(mixed)
    for k in range(mixed.shape[-1]):
        before = found[..., :k] @ mixing[..., k, :k, None]
        found[..., k] = (mixed[..., k] - before[..., 0]) / mixing[..., k, k, None]
    return found


def cholesky_of(partial: Any, correlated: int, columns: int, xp: Any = np) -> Any:
    r"""Cholesky factor of a correlation matrix whose first columns correlate.

    With partial correlations :math:`p_{ij}` of columns i > j given all before j, the entries are
    :math:`L_{ij} = p_{ij} \prod_{k<j} \sqrt{1 - p_{ik}^2}`, where :math:`p_{ii} = 1`
    (Lewandowski, Kurowicka & Joe 2009, doi:10.1016/j.jmva.2009.04.008).

    Parameters
    ----------
    partial : (…, pair)
        Partial correlations, in the order of ``np.tril_indices(correlated, -1)``.
    correlated, columns : int
        How many of the columns correlate.
    xp : module
        NumPy or ``pytensor.tensor``.

    Returns
    -------
    array or tensor (…, column, column)
    """
    rows, before = np.tril_indices(correlated, -1)
    place = np.full((columns, columns), len(rows))  # of the 0 behind the partial correlations
    place[rows, before] = np.arange(len(rows))
    padded = xp.concatenate([partial, xp.zeros_like(partial[..., :1])], axis=-1)
    entries = padded[..., place]
    earlier = np.triu(np.ones((columns, columns)), 1)
    left = xp.exp(xp.log1p(-(entries**2)) @ earlier / 2)
    return (entries + np.eye(columns)) * left
