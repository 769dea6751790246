"""From parameter values to latents, log-likelihoods and draws: one function.

`Evaluator` turns natural-scale parameter values into everything that follows from them, for
one study. Whatever is asked about a fit, a user's table of published estimates or a prior
goes through it, one set of values at a time, so memory never grows with draws x trials
beyond what is returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from empathymodels.compiling import in_double_precision
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Parameter
from empathymodels.engine.observe import Give, Observations, observe
from empathymodels.engine.program import (
    OFTEN,
    Program,
    SharedData,
    program_key,
    with_values,
)
from empathymodels.kept import Kept
from empathymodels.layout.arrange import arrange
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import flat_values, parameter_dims
from empathymodels.study.study import Study
from empathymodels.terminal import progress

Values = Mapping[str, Any]
_EVALUATORS, _PROGRAMS = Kept(), Kept()
KINDS = ("latent", "summary", "start", "log_likelihood", "draw", "mean")


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
        What the program is given, which may be other data than those of the study; see `given`.
    """

    arrangement: Arrangement
    parameters: list[Parameter]
    outputs: list[tuple[str, str]]
    program: Program
    data: Mapping[str, np.ndarray]

    def __call__(self, values: Values, *, often: bool = False) -> dict[str, dict[str, np.ndarray]]:
        """Evaluate at one set of natural-scale values; arrays in the evaluator's own order.

        To be asked `often`, it is compiled; see `Program`.
        """
        results = self.program(flat_values(self.arrangement, values), data=self.data, often=often)
        found: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in KINDS}
        for (kind, name), result in zip(self.outputs, results, strict=True):
            found[kind][name] = result
        return found

    def of_kind(self, kind: str, values: Values, *, often: bool = False) -> dict[str, np.ndarray]:
        """Evaluate outputs of one kind alone, by name; others cost nothing, and draw nothing."""
        places = tuple(k for k, (one, _) in enumerate(self.outputs) if one == kind)
        flat = flat_values(self.arrangement, values)
        results = self.program(flat, data=self.data, often=often, only=places)
        return {self.outputs[k][1]: value for k, value in zip(places, results, strict=True)}

    def given(self, data: Mapping[str, np.ndarray]) -> Evaluator:
        """The same given other data of the same shapes; what it does not read is passed over."""
        return replace(self, data=with_values(self.data, data))

    def arrays(self, posterior: xr.Dataset) -> dict[str, np.ndarray]:
        """Draws of the parameters, (chain, draw, ...), in the order that values have here."""
        return {
            p.name: posterior[p.name].transpose("chain", "draw", *parameter_dims(p)).to_numpy()
            for p in self.parameters
        }

    def reseed(self, seed: int | None) -> None:
        """Start the random draws again from a seed."""
        self.program.reseed(seed)


def evaluator(model: Model, study: Study) -> Evaluator:
    """Return the evaluator of a model on a study (kept for the next call)."""
    return _EVALUATORS.get(_key(model, study), lambda: _evaluator(arrange(model, study)))


def arranged_evaluator(arrangement: Arrangement) -> Evaluator:
    """Return the evaluator of a study that is laid out already."""
    key = _key(arrangement.model, arrangement.study)
    return _EVALUATORS.get(key, lambda: _evaluator(arrangement))


def _key(model: Model, study: Study) -> tuple[str, ...]:
    return fingerprint(model), model.label, study.digest


def _evaluator(arrangement: Arrangement) -> Evaluator:
    values, data = pt.dvector("values"), SharedData()
    observations = observe(arrangement, values, give=data, latents=_all_latents(arrangement))
    return evaluator_of(arrangement, values, _outputs(arrangement, observations, data), data)


def evaluator_of(
    arrangement: Arrangement,
    values: Any,
    outputs: Mapping[tuple[str, str], Any],
    data: SharedData,
    *,
    question: str = "",
) -> Evaluator:
    """Return the evaluator of outputs, its program a kept one of the same.

    Parameters
    ----------
    arrangement : Arrangement
        Model and study.
    values : tensor (place,)
        Flat natural-scale parameters, of which everything follows.
    outputs : mapping of (str, str) to tensor
        By kind and name.
    data : SharedData
        What the outputs read.
    question : str
        What tells these outputs from others of the same model.
    """
    given = data.values
    key = program_key(arrangement, given) + question
    program = _PROGRAMS.get(
        key, lambda: Program([values], list(outputs.values()), data.variables, key)
    )
    return Evaluator(arrangement, arrangement.parameters, list(outputs), program, given)


def _all_latents(arrangement: Arrangement) -> list[str]:
    """Latents and summaries, and of latents after the update those that some response reads."""
    names = [summary.name for summary in arrangement.model.summaries]
    return [*arrangement.equations.latents, *arrangement.needed_latents, *names]


@in_double_precision()
def _outputs(
    arrangement: Arrangement, found: Observations, give: Give
) -> dict[tuple[str, str], Any]:
    outputs: dict[tuple[str, str], Any] = {}
    own = {n: v for n, v in found.latents.items() if n in arrangement.equations.latents}
    groups = {"latent": own, "summary": found.summaries, "start": found.starts}
    for kind, values in groups.items():
        outputs |= {(kind, name): value for name, value in values.items()}
    for name, distribution in found.distributions.items():
        observed = arrangement.scored[name].values
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
        whose = give(f"{name}:participant", scored.participant)
        people = people[whose].inc(pm.logp(distribution, give(f"{name}:observed", scored.values)))
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
    arrays = compiled.arrays(posterior)
    places = list(np.ndindex(posterior.sizes["chain"], posterior.sizes["draw"]))
    for place in progress(places, description):
        values = {name: array[place] for name, array in arrays.items()}
        yield place, compiled.of_kind(kind, values, often=len(places) >= OFTEN)


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
