"""Posterior predictive checks: features of the data among those of replicated data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Prediction, Statistic
from empathymodels.engine.evaluator import Evaluator, evaluate_draws
from empathymodels.engine.feedback import fed_back_responses, unknown_outcomes
from empathymodels.kept import Kept
from empathymodels.layout.arrangement import Arrangement
from empathymodels.simulation.simulate_draws import simulate_draws

FEWEST_VALUES, MANY = 20, 0.02  # of values, and share of them at an end, worth a check

ANOTHER = (
    "Plot it (plot_statistics, plot_predictions) and try a rival or another distribution of this "
    "response."
)

OWN_MASS = (
    "Its distribution must give that value a probability of its own: CensoredNormal, OrderedBeta "
    "(sliders), Ordinal (few steps), HurdleSquareRoot or pm.HurdleLogNormal (zeros)."
)

OVERDISPERSED = (
    "Counts that vary more than their distribution allows (overdispersion): pm.BetaBinomial or "
    "pm.NegativeBinomial in its place, or a term for what makes them differ."
)


@dataclass(frozen=True)
class Feature:
    """A statistic of the data, and of predictions of its kind.

    Attributes
    ----------
    statistic : Statistic
        What is computed.
    remedy : str
        What to do where the predictions miss it.
    observed : float
        Its value in the data.
    predicted : ndarray (draw,)
        Its values in predictions, of which those that have one.
    """

    statistic: Statistic
    remedy: str
    observed: float
    predicted: np.ndarray

    @property
    def p(self) -> float:
        """Share of predictions above what was observed, half of ties included."""
        above, tied = self.predicted > self.observed, self.predicted == self.observed
        return float(above.mean() + 0.5 * tied.mean())


def predictive_statistics(
    compiled: Evaluator, model: Model, posterior: xr.Dataset, seed: int
) -> list[Feature]:
    """Compute every statistic of a model, and those of its kinds of responses, that have a value.

    One group only, for example, has no difference between groups. What `check` computed of a fit is
    there for its picture.
    """
    values = blake2b()
    for name in sorted(posterior.data_vars, key=str):
        values.update(np.ascontiguousarray(posterior[name].to_numpy()).data)
    key = id(model), id(compiled), values.digest(), seed
    return _FEATURES.get(key, lambda: _Features(model, compiled, posterior, seed)).found


class _Features:
    """Statistics, with what they are of, so that neither gives its place to another."""

    def __init__(self, model: Model, compiled: Evaluator, posterior: xr.Dataset, seed: int):
        self.model, self.compiled = model, compiled
        self.found = _computed(compiled, model, posterior, seed)


_FEATURES = Kept(8)


def _computed(compiled: Evaluator, model: Model, posterior: xr.Dataset, seed: int) -> list[Feature]:
    drawn = {"one_step_ahead": _drawn(compiled, posterior, seed, "one_step_ahead")}
    declared = _of_responses(compiled.arrangement, model)
    if not fed_back_responses(compiled.arrangement):
        drawn["simulation"] = drawn["one_step_ahead"]
    elif any(s.kind == "simulation" for s in declared) and not unknown_outcomes(
        compiled.arrangement
    ):
        drawn["simulation"] = _drawn(compiled, posterior, seed, "simulation")
    statistics = [(s, ANOTHER) for s in declared if s.kind in drawn]
    of_kind = drawn["one_step_ahead"].items()
    statistics += [pair for name, values in of_kind for pair in _of_kind(compiled, name, values)]
    found = []
    for statistic, remedy in statistics:
        scored = compiled.arrangement.scored[statistic.response]
        table, order = in_time(scored.frame, model)
        values = drawn[statistic.kind][statistic.response].reshape(-1, len(table))[:, order]
        observed = _value(statistic, table, scored.observed[order])
        if np.isfinite(observed):
            predicted = np.array([_value(statistic, table, v) for v in values])
            found.append(Feature(statistic, remedy, observed, predicted[np.isfinite(predicted)]))
    return [feature for feature in found if len(feature.predicted)]


def _drawn(
    compiled: Evaluator, posterior: xr.Dataset, seed: int, kind: Prediction
) -> dict[str, np.ndarray]:
    compiled.reseed(seed)
    if kind == "simulation":
        return simulate_draws(compiled, posterior)
    return evaluate_draws(compiled, posterior, "draw", description="Predictive checks")


def not_simulated(arrangement: Arrangement) -> dict[str, list[str]]:
    """Statistics of whole sequences that a study cannot give, with the columns that it lacks."""
    absent, statistics = (
        unknown_outcomes(arrangement),
        _of_responses(arrangement, arrangement.model),
    )
    return {s.name: absent for s in statistics if s.kind == "simulation" and absent}


def _of_responses(arrangement: Arrangement, model: Model) -> list[Statistic]:
    """Statistics of the responses that a study has."""
    return [s for s in model.statistics if s.response in arrangement.scored]


def in_time(frame: pd.DataFrame, model: Model) -> tuple[pd.DataFrame, pd.Index]:
    """Rows as statistics read them, and where each stood: in time, for lags.

    Columns that a study lacks have the value that the model takes in every row.
    """
    keys = [key for key in ("participant", "session", "block", "trial") if key in frame]
    order = frame.sort_values(keys, kind="stable").index
    absent = {
        column.name: column.default
        for column in model.columns
        if column.name not in frame and column.default is not None
    }
    return frame.loc[order].reset_index(drop=True).assign(**absent), order


def _of_kind(compiled: Evaluator, name: str, drawn: np.ndarray) -> list[tuple[Statistic, str]]:
    """Statistics in which data often contradict the kind of distribution, with their remedies.

    For ratings and amplitudes the share at each end where many observed values lie; for counts
    their variance.
    """
    scored = compiled.arrangement.scored[name]
    values = scored.observed
    if scored.response.levels is not None or len(values) < FEWEST_VALUES:
        return []
    if scored.response.range is None and np.array_equal(drawn, drawn.round()):
        variance = Statistic(f"variance of '{name}'", name, lambda table: table[name].var())
        return [(variance, OVERDISPERSED)]
    least = max(3, MANY * len(values))
    ends = [end for end in (values.min(), values.max()) if (values == end).sum() >= least]
    return [(_share_at(name, float(end)), OWN_MASS) for end in ends]


def _share_at(name: str, end: float) -> Statistic:
    return Statistic(
        f"share of '{name}' at {end:g}", name, lambda table: float((table[name] == end).mean())
    )


def _value(statistic: Statistic, table: pd.DataFrame, values: np.ndarray) -> float:
    with warnings.catch_warnings():  # a mean of no rows is missing, and told by its absence
        warnings.filterwarnings("ignore", message="Mean of empty slice")
        return float(statistic.function(table.assign(**{statistic.response: values})))
