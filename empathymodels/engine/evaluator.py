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
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from pymc.pytensorf import compile, reseed_rngs

from empathymodels.compiling import compiling, in_double_precision
from empathymodels.declaration.fingerprint import fingerprint, program_fingerprint
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Parameter
from empathymodels.engine.observe import Give, Observations, observe
from empathymodels.layout.arrange import arrange
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import flat_values, parameter_dims
from empathymodels.study.study import Study
from empathymodels.terminal import progress

Values = Mapping[str, Any]
_EVALUATORS: OrderedDict[tuple[str, ...], Evaluator] = OrderedDict()
_PROGRAMS: OrderedDict[str, Program] = OrderedDict()
KEPT_EVALUATORS = KEPT_PROGRAMS = 16
KINDS = ("latent", "summary", "start", "log_likelihood", "draw", "mean")


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
        Kind (one of `KINDS`) and name.
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
        found: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in KINDS}
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
    return evaluator_of(arrangement, values, _outputs(arrangement, observations, give), shared)


def evaluator_of(
    arrangement: Arrangement,
    values: Any,
    outputs: Mapping[tuple[str, str], Any],
    shared: dict[str, Any],
    *,
    question: str = "",
) -> Evaluator:
    """Return the evaluator of outputs, compiled unless a program of the same is kept.

    Parameters
    ----------
    arrangement : Arrangement
        Model and study.
    values : tensor (place,)
        Flat natural-scale parameters, of which everything follows.
    outputs : mapping of (str, str) to tensor
        By kind and name.
    shared : dict of str to shared variable
        Data that the outputs read.
    question : str
        What tells these outputs from others of the same model.
    """
    data = {name: variable.get_value() for name, variable in shared.items()}
    key = _program_key(arrangement, data) + question
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
    with compiling():
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


@in_double_precision()
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


@in_double_precision()
def log_likelihood_of_people(
    arrangement: Arrangement, distributions: Mapping[str, Any], give: Give
) -> Any:
    """Sum the log-likelihood of the observed rows of some responses by person, (participant,)."""
    people: Any = pt.zeros(len(arrangement.participants))
    for name, distribution in distributions.items():
        scored = arrangement.scored[name]
        is_discrete = scored.response.levels is not None
        observed = scored.observed.astype("int64") if is_discrete else scored.observed
        whose = give(f"{name}:participant", scored.participant)
        people = people[whose].inc(pm.logp(distribution, give(f"{name}:observed", observed)))
    return people


def each_draw(
    compiled: Evaluator, posterior: xr.Dataset, kind: str, *, description: str
) -> Iterator[tuple[tuple[int, int], dict[str, np.ndarray]]]:
    """Evaluate one draw of a posterior (or prior) group after another.

    Parameters
    ----------
    compiled : Evaluator
        Of the model and study.
    posterior : Dataset (chain, draw, ...)
        Natural-scale parameters.
    kind : str
        Of the evaluator's outputs.
    description : str
        For the progress bar.

    Yields
    ------
    (int, int), dict of str to ndarray (row,)
        Chain and draw, and all outputs of this kind.
    """
    arrays = {
        p.name: posterior[p.name].transpose("chain", "draw", *parameter_dims(p)).to_numpy()
        for p in compiled.parameters
    }
    places = list(np.ndindex(posterior.sizes["chain"], posterior.sizes["draw"]))
    for place in progress(places, description):
        yield place, compiled({name: array[place] for name, array in arrays.items()})[kind]


def evaluate_draws(
    compiled: Evaluator, posterior: xr.Dataset, kind: str, *, description: str
) -> dict[str, np.ndarray]:
    """Evaluate every draw, as `each_draw` does, and keep all: (chain, draw, row) by name."""
    sizes = posterior.sizes["chain"], posterior.sizes["draw"]
    collected: dict[str, np.ndarray] = {}
    for place, found in each_draw(compiled, posterior, kind, description=description):
        for name, value in found.items():
            if name not in collected:
                collected[name] = np.empty((*sizes, len(value)))
            collected[name][place] = value
    return collected
