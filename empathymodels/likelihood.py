"""From parameter values to latents, log-likelihoods and draws: one compiled function.

`Evaluator` turns natural-scale parameter values into everything that follows from them, for
one study. Whatever is asked about a fit, a user's table of published estimates or a prior
goes through it, one set of values at a time, so memory never grows with draws x trials
beyond what is returned.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from pymc.pytensorf import compile, reseed_rngs
from rich.progress import track

from empathymodels.arrangement import Arrangement, arrange
from empathymodels.build import Give, Observations, observe
from empathymodels.identity import fingerprint, program_fingerprint
from empathymodels.model import Model, natural_support
from empathymodels.nouns import Parameter
from empathymodels.people import (
    column_label,
    fixed_value,
    flat_values,
    parameter_dims,
)
from empathymodels.reading import key_columns
from empathymodels.study import Study
from empathymodels.terminal import is_interactive, without_blas_warning
from empathymodels.wording import did_you_mean, listed

Values = Mapping[str, Any]
_EVALUATORS: OrderedDict[tuple[str, ...], Evaluator] = OrderedDict()
_PROGRAMS: OrderedDict[str, Program] = OrderedDict()
KEPT_EVALUATORS = KEPT_PROGRAMS = 8


@dataclass(frozen=True)
class Program:
    """A compiled function, the data that it reads (replaceable), and its random streams."""

    function: Any
    random: list[Any]
    data: dict[str, Any]
    memo: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluator:
    """A function from parameter values to latents, log-likelihoods and draws.

    Attributes
    ----------
    arrangement : Arrangement
        Model and study.
    parameters : list of Parameter
        The inputs, in order.
    outputs : list of (str, str)
        Kind ("latent", "summary", "start", "log_likelihood" or "draw") and name.
    program : Program
        Shared by all evaluators of the same equations and sizes.
    data : dict of str to ndarray
        The data of this study, as the program reads them.
    """

    arrangement: Arrangement
    parameters: list[Parameter]
    outputs: list[tuple[str, str]]
    program: Program
    data: dict[str, np.ndarray]

    def __call__(self, values: Values) -> dict[str, dict[str, np.ndarray]]:
        """Evaluate at one set of natural-scale values; arrays in the evaluator's own order."""
        for name, array in self.data.items():
            self.program.data[name].set_value(array, borrow=True)
        results = self.program.function(flat_values(self.arrangement, values))
        found: dict[str, dict[str, np.ndarray]] = {
            kind: {} for kind in ("latent", "summary", "start", "log_likelihood", "draw")
        }
        for (kind, name), result in zip(self.outputs, results, strict=True):
            found[kind][name] = result
        return found

    def reseed(self, seed: int | None) -> None:
        """Start the random draws again from a seed."""
        reseed_rngs(self.program.random, seed)


def evaluator(model: Model, study: Study) -> Evaluator:
    """Return the evaluator of a model on a study (kept for the next call)."""
    key = (fingerprint(model), model.label, study.digest)
    if key not in _EVALUATORS:
        _EVALUATORS[key] = _evaluator(arrange(model, study))
        while len(_EVALUATORS) > KEPT_EVALUATORS:
            _EVALUATORS.popitem(last=False)
    _EVALUATORS.move_to_end(key)
    return _EVALUATORS[key]


def _evaluator(arrangement: Arrangement) -> Evaluator:
    values = pt.dvector("values")
    shared: dict[str, Any] = {}

    def give(name: str, array: np.ndarray) -> Any:
        shared[name] = pytensor.shared(array, name=name, shape=array.shape)
        return shared[name]

    observations = observe(arrangement, values, give=give, latents=_all_latents(arrangement))
    outputs = _outputs(arrangement, observations, give)
    data = {name: variable.get_value() for name, variable in shared.items()}
    key = _program_key(arrangement, data)
    if key not in _PROGRAMS:
        _PROGRAMS[key] = _compile([values], list(outputs.values()), shared)
        while len(_PROGRAMS) > KEPT_PROGRAMS:
            _PROGRAMS.popitem(last=False)
    _PROGRAMS.move_to_end(key)
    return Evaluator(arrangement, arrangement.parameters, list(outputs), _PROGRAMS[key], data)


def _program_key(arrangement: Arrangement, data: Mapping[str, np.ndarray]) -> str:
    """Identity of a compiled function: equations, declarations and sizes, but no values."""
    shapes = sorted((name, array.shape, str(array.dtype)) for name, array in data.items())
    sizes = {dim: len(labels) for dim, labels in arrangement.levels.items()}
    sizes |= {"participant": len(arrangement.participants), "trial": len(arrangement.trials)}
    varying = [arrangement.varies_within_sequence(p) for p in arrangement.parameters]
    return repr((program_fingerprint(arrangement.model), shapes, sorted(sizes.items()), varying))


def _compile(inputs: list[Any], outputs: list[Any], shared: dict[str, Any]) -> Program:
    with without_blas_warning():
        function, updates = compile(
            inputs,
            outputs,
            random_seed=0,
            mode="NUMBA",
            return_updates=True,
            on_unused_input="ignore",
        )
    return Program(function, list(updates), shared)


def _all_latents(arrangement: Arrangement) -> list[str]:
    names = [summary.name for summary in arrangement.model.summaries]
    return [*arrangement.equations.latents, *names]


def _outputs(
    arrangement: Arrangement, found: Observations, give: Give
) -> dict[tuple[str, str], Any]:
    outputs: dict[tuple[str, str], Any] = {}
    groups = {"latent": found.latents, "summary": found.summaries, "start": found.starts}
    for kind, values in groups.items():
        outputs |= {(kind, name): value for name, value in values.items()}
    for name, distribution in found.distributions.items():
        observed = arrangement.scored[name].observed
        if arrangement.scored[name].response.levels is not None:
            observed = observed.astype("int64")
        size = len(observed)
        log_likelihood = pm.logp(distribution, give(f"observed {name}", observed))
        outputs["log_likelihood", name] = pt.broadcast_to(log_likelihood, (size,))
        outputs["draw", name] = pt.broadcast_to(distribution, (size,))
    return outputs


# ------------------------------------------------------------------ results with labels

ROW_DIMS = {"trials": "trial_row", "participants": "participant_row", "regions": "region_row"}


def row_coordinates(arrangement: Arrangement, table: str) -> dict[str, Any]:
    """Keys of every row of a study's table, as coordinates.

    Keys of ``trial_row`` keep their names; those of ``region_row`` start with ``region_``
    (one coordinate name can label one dim only); ``participant_row`` is the label itself.
    """
    if table == "participants":
        return {"participant_row": arrangement.participants}
    frame = arrangement.study.tables[table]
    prefix = "region_" if table == "regions" else ""
    return {
        key if key == "region" else prefix + key: (ROW_DIMS[table], _plain(frame[key]))
        for key in key_columns(frame, table)
    }


def _plain(column: pd.Series) -> np.ndarray:
    is_number = pd.api.types.is_numeric_dtype(column)
    return column.to_numpy() if is_number else column.to_numpy(dtype=object)


def response_rows(arrangement: Arrangement, name: str, values: np.ndarray) -> xr.DataArray:
    """Put values on a response's scored rows (…, observation) onto its whole table.

    Rows that were not scored hold NaN.
    """
    scored = arrangement.scored[name]
    table = scored.response.table
    size = len(arrangement.study.tables[table])
    full = np.full((*values.shape[:-1], size), np.nan)
    full[..., scored.rows] = values
    dims = ("chain", "draw")[: values.ndim - 1] if values.ndim > 1 else ()
    return xr.DataArray(
        full, dims=(*dims, ROW_DIMS[table]), coords=row_coordinates(arrangement, table), name=name
    )


def latent_rows(arrangement: Arrangement, name: str, values: np.ndarray) -> xr.DataArray:
    """Put a latent (…, place in engine order) onto the study's trial rows.

    Trials on which the data it needs are missing, and trials without any key, hold NaN.
    """
    trials = arrangement.study.trials
    assert trials is not None
    needed = arrangement.equations.needs(arrangement.equations.latents[name])
    known = arrangement.is_observed(arrangement.trials, needed)
    full = np.full((*values.shape[:-1], len(trials)), np.nan)
    full[..., arrangement.place[known]] = values[..., known]
    dims = ("chain", "draw")[: values.ndim - 1] if values.ndim > 1 else ()
    return xr.DataArray(
        full, dims=(*dims, "trial_row"), coords=row_coordinates(arrangement, "trials"), name=name
    )


def evaluate_draws(
    compiled: Evaluator, posterior: xr.Dataset, kind: str, *, description: str
) -> dict[str, np.ndarray]:
    """Evaluate every draw of a posterior (or prior) group.

    Returns
    -------
    dict of str to ndarray (chain, draw, row)
        For `kind` "latent", "summary", "log_likelihood" or "draw".
    """
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    arrays = {
        p.name: posterior[p.name].transpose("chain", "draw", *parameter_dims(p)).to_numpy()
        for p in compiled.parameters
    }
    collected: dict[str, np.ndarray] = {}
    pairs = [(c, d) for c in range(chains) for d in range(draws)]
    for c, d in progress(pairs, description):
        found = compiled({name: array[c, d] for name, array in arrays.items()})[kind]
        for name, value in found.items():
            if name not in collected:
                collected[name] = np.empty((chains, draws, len(value)))
            collected[name][c, d] = value
    return collected


def progress(items: list[Any], description: str) -> Iterator[Any]:
    """Iterate with a progress bar where somebody can see it."""
    return iter(track(items, description, disable=not is_interactive(), transient=True))


# --------------------------------------------------------------- somebody's own values


def log_likelihood(
    model: Model, study: Study, parameters: pd.DataFrame | Mapping[str, Any]
) -> xr.DataTree:
    """Log-likelihood of a study at given parameters, without sampling.

    Parameters
    ----------
    model : Model
        Model to evaluate.
    study : Study
        Data.
    parameters : DataFrame or mapping
        Natural-scale values in data units. As a table: one row per participant (column or
        index ``participant``), one column ``name`` or ``name[level]`` per value;
        population-level parameters repeat. As a mapping: those names to one number for
        everybody or to a Series indexed by participant.

    Returns
    -------
    DataTree
        ``row``: log-likelihood of every response per row of its table (NaN where nothing was
        scored). ``participant``: the same summed per participant, dims
        (participant, response). ``latents``: the trial-wise latents. Attribute ``total``: the
        sum.

    Raises
    ------
    KeyError
        Columns are missing or unknown.
    ValueError
        Participants are missing, values lie outside the support, or a population-level
        parameter differs between rows.

    Examples
    --------
    >>> import empathymodels as em
    >>> study = em.load_study("outgroup_help")
    >>> model = em.get_model("outgroup_help_learning").without(
    ...     "insula", "empathy_before", "empathy_after"
    ... )
    >>> values = {"learning_rate": 0.3, "start_value": 0, "baseline": 5, "sensitivity": 1}
    >>> result = em.log_likelihood(model, study, {**values, "feeling_noise": 1.0})
    >>> dict(result["row"].sizes)
    {'trial_row': 720}
    """
    compiled = evaluator(model, study)
    arrangement = compiled.arrangement
    everything = compiled(values_from_table(arrangement, model, parameters))
    found, latents = everything["log_likelihood"], everything["latent"]
    rows = {name: response_rows(arrangement, name, value) for name, value in found.items()}
    sums = np.stack(
        [
            np.bincount(arrangement.scored[name].participant, value, len(arrangement.participants))
            for name, value in found.items()
        ],
        axis=-1,
    )
    by_person = xr.DataArray(
        sums,
        dims=("participant", "response"),
        coords={"participant": arrangement.participants, "response": list(found)},
        name="log_likelihood",
    )
    latent_values = {name: latent_rows(arrangement, name, v) for name, v in latents.items()}
    tree = xr.DataTree.from_dict(
        {
            "row": xr.Dataset(rows),
            "participant": by_person.to_dataset(),
            "latents": xr.Dataset(latent_values),
        }
    )
    tree.attrs["total"] = float(sums.sum())
    return tree


def values_from_table(
    arrangement: Arrangement, model: Model, parameters: pd.DataFrame | Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Turn a table (or mapping) of natural-scale values into arrays per parameter."""
    given = _as_columns(arrangement, parameters)
    expected = {
        column_label(p, arrangement, k): (p, k)
        for p in arrangement.parameters
        for k in range(len(arrangement.levels[p.by]) if p.by else 1)
    }
    fixed = {p.name for p in model.parameters if p.fixed is not None}
    absent = [n for n, (p, _) in expected.items() if n not in given and p.name not in fixed]
    declared = {p.name for p in model.parameters}
    unknown = [
        n for n in given if n not in expected and n.split("[")[0] not in declared | {"participant"}
    ]
    if absent or unknown:
        hint = "".join(did_you_mean(name, expected) for name in unknown)
        raise KeyError(
            f"Parameters of model '{model.name}' must have the columns {listed(expected)}. "
            f"Missing: {listed(absent)}; unknown: {listed(unknown)}.{hint}"
        )
    values = {}
    for parameter in arrangement.parameters:
        levels = range(len(arrangement.levels[parameter.by]) if parameter.by else 1)
        held = model.parameter(parameter.name)
        if held.fixed is not None:
            numbers = np.array([fixed_value(held, arrangement, k) for k in levels])
            units = max(len(_labels(arrangement, parameter)), 1)
            array = np.tile(numbers, (units, 1))
            array = array[0] if parameter.level == "population" else array
            values[parameter.name] = array if parameter.by else array[..., 0]
            continue
        columns = [given[column_label(parameter, arrangement, k)] for k in levels]
        array = np.stack([_one_column(arrangement, parameter, c) for c in columns], axis=-1)
        values[parameter.name] = array if parameter.by else array[..., 0]
    return values


def _as_columns(
    arrangement: Arrangement, parameters: pd.DataFrame | Mapping[str, Any]
) -> dict[str, pd.Series | float]:
    if isinstance(parameters, pd.DataFrame):
        table = parameters
        if "participant" in table.columns:
            table = table.set_index("participant")
        table = table.set_axis(table.index.map(_label))
        if table.index.has_duplicates:
            repeated = table.index[table.index.duplicated()].unique()
            raise ValueError(
                "The parameter table must have one row per participant; found several for "
                f"{listed(repeated)}. Keep one row each."
            )
        return {str(name): table[name] for name in table.columns}
    return {
        name: v.set_axis(v.index.map(_label)) if isinstance(v, pd.Series) else float(v)
        for name, v in parameters.items()
    }


def _label(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _one_column(
    arrangement: Arrangement, parameter: Parameter, column: pd.Series | float
) -> np.ndarray:
    labels = _labels(arrangement, parameter)
    low, high = natural_support(arrangement.model, parameter)
    if not isinstance(column, pd.Series):
        numbers = np.full(max(len(labels), 1), float(column))
    elif parameter.level == "population":
        if column.nunique() != 1:
            raise ValueError(
                f"'{parameter.name}' is one value for the whole population; found "
                f"{column.nunique()} different ones. Repeat the same number in every row."
            )
        numbers = np.array([column.iloc[0]], dtype=float)
    else:
        numbers = column.reindex(labels).to_numpy(dtype=float, na_value=np.nan)
    bad = [label for label, x in zip(labels or ["all"], numbers, strict=True) if np.isnan(x)]
    outside = (numbers < low) | (numbers > high)
    if bad or outside.any():
        raise ValueError(
            f"'{parameter.name}' needs a value in [{low}, {high}] for every "
            f"{parameter.level}. Missing for {len(bad)} ({listed(bad, 5)}); outside for "
            f"{int(outside.sum())}. Complete or correct the table."
        )
    return numbers[0] if parameter.level == "population" else numbers


def _labels(arrangement: Arrangement, parameter: Parameter) -> list[str]:
    if parameter.level == "participant":
        return arrangement.participants
    items = [] if parameter.level == "population" else arrangement.levels[parameter.level]
    return [_label(item) for item in items]
