"""People from a population: parameters of everybody, on the natural scale, with labels.

For a participant-level parameter the value of person ``i`` on the link scale is

.. math:: \\text{link}(\\theta_i) = \\mu + x_i^\\top \\gamma + \\sigma (L z)_i

with population mean, covariate effects, spread and (for parameters that a model lets
correlate) the Cholesky factor of an LKJ(2) correlation matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from formulaic import Formula, model_matrix
from formulaic.errors import FormulaicError
from pymc_extras.prior import Prior

from empathymodels.arrangement import Arrangement, is_item
from empathymodels.model import Model, Parameter
from empathymodels.wording import did_you_mean, listed

LKJ_CONCENTRATION = 2.0
LINKS = {"real": "identity", "positive": "log", "unit": "logit"}


def natural(parameter: Parameter, model: Model, linked: Any) -> Any:
    """Turn link-scale values (symbolic) into natural-scale values in the response's units."""
    low, width = scale_of(parameter, model)
    value = {"real": lambda x: x, "positive": pt.exp, "unit": pt.sigmoid}[parameter.support](linked)
    if (low, width) == (0.0, 1.0):
        return value
    return low + width * value


def natural_values(parameter: Parameter, model: Model, linked: Any) -> np.ndarray:
    """Turn link-scale numbers into natural-scale numbers (as `natural`, in NumPy)."""
    low, width = scale_of(parameter, model)
    linked = np.asarray(linked, dtype=float)
    if parameter.support == "positive":
        return low + width * np.exp(linked)
    if parameter.support == "unit":
        return low + width / (1 + np.exp(-linked))
    return low + width * linked


def scale_of(parameter: Parameter, model: Model) -> tuple[float, float]:
    """Zero point and unit that a parameter takes from the range of its response."""
    response = next((r for r in model.responses if r.name == parameter.scale_of), None)
    if response is None or response.range is None:
        return 0.0, 1.0
    low, high = response.range
    return (low if parameter.role == "location" else 0.0), high - low


def parameter_dims(parameter: Parameter) -> tuple[str, ...]:
    """Dims of a parameter's values: whose they are, then the column they are split by."""
    who = {"participant": ("participant",), "population": ()}.get(
        parameter.level, (parameter.level,)
    )
    return who + ((parameter.by,) if parameter.by else ())


def correlated(arrangement: Arrangement) -> list[tuple[Parameter, int]]:
    """The parameter columns whose correlations are inferred, as (parameter, level position)."""
    return [
        (p, k)
        for p in arrangement.parameters
        if p.name in arrangement.model.correlate and p.level == "participant"
        for k in range(len(arrangement.levels[p.by]) if p.by else 1)
    ]


def column_label(parameter: Parameter, arrangement: Arrangement, level: int) -> str:
    """``name`` or ``name[level]``, as in tables of parameters."""
    if parameter.by is None:
        return parameter.name
    return f"{parameter.name}[{arrangement.levels[parameter.by][level]}]"


def coordinates(arrangement: Arrangement, covariates: Mapping[str, Covariates]) -> dict:
    """Labels of every dim of the parameters."""
    coords: dict[str, list] = {"participant": arrangement.participants, **arrangement.levels}
    columns = [column_label(p, arrangement, k) for p, k in correlated(arrangement)]
    if len(columns) > 1:
        coords |= {"correlated": columns, "correlated_with": columns}
    return coords | {f"{name}_covariate": list(x.table.columns) for name, x in covariates.items()}


@dataclass(frozen=True)
class Covariates:
    """A covariate formula with the scaling and coding it took from a fit's participants.

    Attributes
    ----------
    parameter, formula : str
        Parameter and right-hand side.
    centre, scale : dict of str to float
        What numeric covariates were centred and divided by.
    table : DataFrame (participant, covariate)
        Evaluated for the participants of the fit.
    """

    parameter: str
    formula: str
    centre: dict[str, float]
    scale: dict[str, float]
    table: pd.DataFrame
    spec: Any

    def at(self, people: pd.DataFrame) -> pd.DataFrame:
        """Evaluate the formula for other people, with the same scaling and coding."""
        scaled = _scaled(people[_formula_columns(self.parameter, self.formula, people)], self)
        matrix = self.spec.get_model_matrix(scaled, na_action="raise")
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
        if name not in asked and _is_informative(formula, people)
    }
    used = {p.name for p in arrangement.parameters}
    found = {}
    for name, formula in wanted.items():
        parameter = arrangement.model.parameter(name)
        if parameter.level != "participant":
            raise ValueError(
                f"Covariates explain differences between participants; '{name}' has level "
                f"'{parameter.level}'. Remove it from covariates."
            )
        if name in used and formula.strip() != "0":
            found[name] = _evaluate(name, formula, people)
    return found


def _is_informative(formula: str, people: pd.DataFrame) -> bool:
    wanted = [str(variable) for variable in Formula(formula).required_variables]
    return all(column in people and people[column].nunique() > 1 for column in wanted)


def _evaluate(name: str, formula: str, people: pd.DataFrame) -> Covariates:
    used = _formula_columns(name, formula, people)
    incomplete = people.index[people[used].isna().any(axis=1)]
    if len(incomplete):
        raise ValueError(
            f"Covariates of '{name}' ({formula}) must be known for every participant. Missing for "
            f"{len(incomplete)} of {len(people)}: {listed(incomplete)}. Complete the participants "
            "table, or leave these people out with study.exclude(..., reason=...)."
        )
    numeric = [c for c in used if pd.api.types.is_numeric_dtype(people[c])]
    centre = {c: float(people[c].mean()) for c in numeric}
    scale = {c: float(people[c].std()) or 1.0 for c in numeric}
    empty = Covariates(name, formula, centre, scale, pd.DataFrame(), None)
    try:
        matrix = model_matrix(f"1 + {formula}", _scaled(people[used], empty), na_action="raise")
    except (FormulaicError, ValueError) as error:
        raise ValueError(
            f"The covariate formula of '{name}' must be a formula over participant columns, such "
            f"as 'group + age'. Found {formula!r}: {error}."
        ) from error
    table = pd.DataFrame(matrix).drop(columns="Intercept").astype(float)
    table.columns = [str(column) for column in table.columns]
    flat = [column for column in table.columns if table[column].nunique() < 2]
    if flat:
        raise ValueError(
            f"Covariates must differ between participants; {listed(flat)} in the formula "
            f"{formula!r} of '{name}' is constant. Remove it."
        )
    return replace(empty, table=table, spec=matrix.model_spec)


def _scaled(people: pd.DataFrame, covariates: Covariates) -> pd.DataFrame:
    scaled = people.copy()
    for column, centre in covariates.centre.items():
        scaled[column] = (people[column].astype(float) - centre) / covariates.scale[column]
    return scaled


def _formula_columns(name: str, formula: str, people: pd.DataFrame) -> list[str]:
    wanted = sorted(str(variable) for variable in Formula(formula).required_variables)
    unknown = [column for column in wanted if column not in people.columns]
    if unknown:
        hints = "".join(did_you_mean(column, people.columns) for column in unknown)
        raise KeyError(
            f"The covariate formula of '{name}' ({formula}) reads {listed(unknown)}; the "
            f"participants table has {listed(people.columns)}.{hints}"
        )
    return wanted


def add_parameters(
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    centring: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Add all parameters to the PyMC model in context; return them on the natural scale.

    A fixed parameter keeps its place (its variables then follow the prior alone), so that a
    model and the same model with a value held fixed are one compiled program.

    Parameters
    ----------
    arrangement : Arrangement
        Model and study.
    covariates : mapping of str to Covariates
        Covariates per parameter.
    centring : mapping of str to ndarray
        Per parameter of `centrable`, with its dims: 1 where a person's value is sampled
        directly (centred), 0 where its deviation from the mean is, or anything between.

    Returns
    -------
    dict of str to tensor
        Dims as `parameter_dims`.
    """
    model = arrangement.model
    deviations = _correlated_deviations(arrangement)
    values = {}
    for parameter in arrangement.parameters:
        linked = _linked(parameter, covariates.get(parameter.name), deviations, centring)
        free = pm.Data(f"{parameter.name}_free", np.float64(parameter.fixed is None))
        held = pm.Data(f"{parameter.name}_held", fixed_values(parameter, arrangement))
        value = pt.switch(pt.neq(free, 0), natural(parameter, model, linked), held)
        values[parameter.name] = pm.Deterministic(
            parameter.name, value, dims=parameter_dims(parameter)
        )
    return values


def fixed_values(parameter: Parameter, arrangement: Arrangement) -> np.ndarray:
    """Natural-scale values of a fixed parameter, shaped to broadcast (zeros where free)."""
    given = parameter.fixed or 0.0
    if parameter.by is None:
        if isinstance(given, Mapping):
            raise ValueError(
                f"'{parameter.name}' has no levels; found {dict(given)}. Fix it at one number."
            )
        return np.asarray(float(given))
    labels = arrangement.levels[parameter.by]
    if not isinstance(given, Mapping):
        return np.full(len(labels), float(given))
    if set(given) != set(labels):
        raise ValueError(
            f"Fixed values of '{parameter.name}' must name every level of '{parameter.by}': "
            f"{listed(labels)}; found {listed(given)}. Name them all."
        )
    return np.array([given[label] for label in labels], dtype=float)


def _linked(
    parameter: Parameter,
    covariates: Covariates | None,
    deviations: Mapping[str, Any],
    centring: Mapping[str, np.ndarray],
) -> Any:
    name, by = parameter.name, (parameter.by,) if parameter.by else ()
    mean = _prior_variable(parameter.location, f"{name}_mean", by)
    if parameter.level == "population":
        return mean
    assert parameter.spread is not None
    spread = _prior_variable(parameter.spread, f"{name}_sd", by)
    centre = mean
    if covariates is not None:
        effects = pm.Normal(
            f"{name}_effect", 0, spread_scale(parameter), dims=(f"{name}_covariate", *by)
        )
        centre = mean + pt.dot(pm.Data(f"{name}_covariates", covariates.table.to_numpy()), effects)
    if name in deviations:
        return centre + spread * deviations[name]
    # u ~ Normal(c m, s^c) makes m + s^(1 - c) (u - c m) ~ Normal(m, s) for every c: centred for
    # c = 1, non-centred for c = 0 (Gorinova, Moore & Hoffman 2020, arXiv:1906.03028)
    share = pm.Data(f"{name}_centring", centring[name])
    sampled = pm.Normal(
        f"{name}_deviation", share * centre, spread**share, dims=parameter_dims(parameter)
    )
    return centre + spread ** (1 - share) * (sampled - share * centre)


def centrable(arrangement: Arrangement) -> list[Parameter]:
    """Parameters of people or items that are not in the correlated block."""
    columns = correlated(arrangement)
    together = {p.name for p, _ in columns} if len(columns) > 1 else set()
    return [p for p in arrangement.parameters if p.level != "population" and p.name not in together]


def parameter_shape(parameter: Parameter, arrangement: Arrangement) -> tuple[int, ...]:
    """Shape of a parameter's values."""
    sizes = {"participant": len(arrangement.participants)}
    sizes |= {column: len(labels) for column, labels in arrangement.levels.items()}
    return tuple(sizes[dim] for dim in parameter_dims(parameter))


def linked_values(parameter: Parameter, model: Model, values: np.ndarray) -> np.ndarray:
    """Turn natural-scale numbers back into link-scale numbers."""
    low, width = scale_of(parameter, model)
    plain = (values - low) / width
    if parameter.support == "positive":
        return np.log(plain)
    if parameter.support == "unit":
        return np.log(plain) - np.log1p(-plain)
    return plain


def spread_scale(parameter: Parameter) -> float:
    """Prior scale of a covariate effect: that of the spread between people."""
    assert parameter.spread is not None
    scale = parameter.spread.parameters.get("sigma", 1.0)
    return float(scale) if isinstance(scale, int | float) else 1.0


def _prior_variable(prior: Prior, name: str, dims: tuple[str, ...]) -> Any:
    prior = deepcopy(prior)
    prior.dims = dims
    return prior.create_variable(name)


def _correlated_deviations(arrangement: Arrangement) -> dict[str, Any]:
    """Standard-normal deviations, correlated between parameter columns by an LKJ matrix."""
    columns = correlated(arrangement)
    size = len(columns)
    if size < 2:
        return {}
    factor = _lkj_cholesky(size)
    pm.Deterministic("correlation", factor @ factor.T, dims=("correlated", "correlated_with"))
    independent = pm.Normal("correlated_deviation", 0, 1, dims=("participant", "correlated"))
    joint = independent @ factor.T  # (participant, correlated)
    deviations: dict[str, Any] = {}
    for parameter in {p.name: p for p, _ in columns}.values():
        positions = [i for i, (p, _) in enumerate(columns) if p.name == parameter.name]
        block = joint[:, positions[0] : positions[-1] + 1]
        deviations[parameter.name] = block if parameter.by else block[:, 0]
    return deviations


def _lkj_cholesky(size: int) -> Any:
    """Cholesky factor of an LKJ correlation matrix, from canonical partial correlations.

    The partial correlation of columns i > j given all before j is 2b - 1 with
    b ~ Beta(a, a), a = eta + (size - 2 - j) / 2 (Lewandowski, Kurowicka & Joe 2009,
    doi:10.1016/j.jmva.2009.04.008).
    """
    rows, columns = np.tril_indices(size, -1)
    shape = LKJ_CONCENTRATION + (size - 2 - columns) / 2
    partial = 2 * pm.Beta("partial_correlation", shape, shape, shape=len(rows)) - 1
    position = {(int(i), int(j)): k for k, (i, j) in enumerate(zip(rows, columns, strict=True))}
    factor = [[pt.constant(0.0)] * size for _ in range(size)]
    for i in range(size):
        left: Any = pt.constant(1.0)
        for j in range(i):
            partial_ij = partial[position[i, j]]
            factor[i][j] = partial_ij * left
            left = left * pt.sqrt(1 - pt.sqr(partial_ij))
        factor[i][i] = left
    return pt.stack([pt.stack(row) for row in factor])


def item_or_person_index(parameter: Parameter, arrangement: Arrangement, frame: pd.DataFrame) -> np.ndarray | None:
    """Position of every row's value in a parameter's raveled values, or None for a scalar."""
    index, size = None, 1
    if parameter.level != "population":
        column = parameter.level if is_item(parameter) else "participant"
        index = arrangement.codes(frame, column)
    if parameter.by:
        labels, size = arrangement.codes(frame, parameter.by), len(arrangement.levels[parameter.by])
        index = labels if index is None else index * size + labels
    return index
