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
from pymc_extras.prior import Prior
from scipy.special import stdtrit
from scipy.stats import norm
from scipy.stats import t as student_t

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Parameter, Population
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.layout.arrangement import Arrangement

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
        column = parameter.level if parameter.is_item else "participant"
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


QUADRATURE_NODES, QUANTILES = 41, 400  # for expectations over people
DEGREES = 4.0  # of freedom of Student-t deviations: heavy tails, and yet a variance


def standard_deviations(
    kind: Population, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Draw deviations z of mean 0 and variance 1."""
    if kind == "normal":
        return rng.standard_normal(shape)
    return rng.standard_t(DEGREES, shape) / np.sqrt(DEGREES / (DEGREES - 2))


def log_density_of_deviations(kind: Population, values: np.ndarray) -> np.ndarray:
    """Log-density of each deviation z of mean 0 and variance 1."""
    if kind == "normal":
        return norm.logpdf(values)
    narrowed = np.sqrt((DEGREES - 2) / DEGREES)
    return student_t.logpdf(values, DEGREES, scale=narrowed)


def refuse_heavy_tails(model: Model, what: str) -> None:
    """Raise ValueError where something takes everybody's deviations to be Gaussian, and none is."""
    if model.population != "normal":
        raise ValueError(
            f"{what} takes people's deviations from the population to be Gaussian; found model "
            f"'{model.label}'. Take it with population='normal' for this."
        )


def deviation_quadrature(kind: Population) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of an expectation over deviations of mean 0 and variance 1."""
    if kind == "normal":
        nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE_NODES)
        return nodes, weights / weights.sum()
    probabilities = (np.arange(QUANTILES) + 0.5) / QUANTILES
    nodes = stdtrit(DEGREES, probabilities) * np.sqrt((DEGREES - 2) / DEGREES)
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
        is_log = np.array([float(SUPPORTS[p.support].is_log) for p, _ in block.columns])
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
        if SUPPORTS[p.support].is_log
        and (prior := p.priors["location"]).distribution == "Normal"
        and is_plain(prior)
    ]


def is_plain(prior: Prior) -> bool:
    """Whether a prior has numbers for parameters, and no transform."""
    numbers = prior.parameters.values()
    return prior.transform is None and all(isinstance(x, int | float) for x in numbers)
