"""Simulate a design and fit it, again and again, with one compiled program."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from pymc.pytensorf import compile, reseed_rngs

from empathymodels.compiling import compiling, numba_mode
from empathymodels.declaration.model import Model
from empathymodels.engine.build import build
from empathymodels.engine.density import Density, compiled_density
from empathymodels.engine.evaluator import Evaluator, evaluator
from empathymodels.engine.feedback import with_people, with_trials
from empathymodels.engine.pieces import call
from empathymodels.inference.centring import Pilot, run_pilot
from empathymodels.inference.sample import sample
from empathymodels.kept import Kept
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import parameter_dims
from empathymodels.population.covariates import Covariates, covariates_for
from empathymodels.population.given_values import values_from_table
from empathymodels.population.labels import labelled
from empathymodels.population.new_people import draw_people
from empathymodels.population.parametrisation import Parametrisation
from empathymodels.recovery.packed_model import PackedModel, unpacked
from empathymodels.simulation.placeholders import with_placeholders
from empathymodels.simulation.simulate import simulate_responses
from empathymodels.study.study import Study

_REFITTERS = Kept()


@dataclass(frozen=True, eq=False)
class Refitter:
    """Simulates from one model on one design, and refits it there, with one compiled program.

    Attributes
    ----------
    compiled : Evaluator
        Simulates; its arrangement is the design with a legal value of every response.
    covariates : dict of str to Covariates
        As evaluated for the design's people.
    built : pm.Model
        The PyMC model of the design.
    """

    compiled: Evaluator
    covariates: dict[str, Covariates]
    built: pm.Model

    @property
    def arrangement(self) -> Arrangement:
        """Model and design."""
        return self.compiled.arrangement

    @cached_property
    def density(self) -> Density:
        """The compiled density."""
        return compiled_density(self.built, self.arrangement, self.covariates)

    @cached_property
    def _prior(self) -> tuple[Any, list[Any], list[str]]:
        """A function that draws a population from the prior, its random streams, and names."""
        names = [v.name for v in self.built.free_RVs if not v.name.endswith(":deviation")]
        outputs = [self.built[name] for name in names]
        with compiling():
            how = {"random_seed": 0, "return_updates": True, "mode": numba_mode()}
            draw, updates = compile([], outputs, **how)
        return draw, list(updates), names

    def warm_up(self, *, from_prior: bool) -> None:
        """Compile what is compiled at first use."""
        _ = self.density
        if from_prior:
            _ = self._prior

    def population(self, seed: int) -> xr.Dataset:
        """Draw one population from the prior, (chain, draw, ...) of size 1."""
        draw, random, names = self._prior
        reseed_rngs(random, seed)
        raw = {n: np.asarray(value)[None, None] for n, value in zip(names, call(draw), strict=True)}
        return labelled(self.arrangement, self.covariates, Parametrisation({}), raw)

    def people(self, population: xr.Dataset, seed: int) -> xr.Dataset:
        """Add new people, and items, of a population to it."""
        rng = np.random.default_rng(seed)
        people = draw_people(self.arrangement, population, self.covariates, rng)
        return population.merge(people, compat="override")  # what all share is the same in both

    def given(self, parameters: pd.DataFrame | Mapping[str, Any]) -> xr.Dataset:
        """Values that somebody gives for everybody, laid out as a posterior of one draw."""
        values = values_from_table(self.arrangement, parameters)
        labels = {"participant": self.arrangement.participants, **self.arrangement.levels}
        found = {
            p.name: (("chain", "draw", *parameter_dims(p)), np.asarray(values[p.name])[None, None])
            for p in self.arrangement.parameters
        }
        used = {dim for dims, _ in found.values() for dim in dims}
        return xr.Dataset(found, coords={d: v for d, v in labels.items() if d in used})

    def simulate(self, truth: xr.Dataset, seed: int) -> dict[str, np.ndarray]:
        """Draw all responses once, as `simulate_responses` gives them."""
        values = {name: draws[0, 0] for name, draws in self.compiled.arrays(truth).items()}
        self.compiled.reseed(seed)
        return simulate_responses(self.compiled, values)

    def fit(
        self,
        drawn: Mapping[str, np.ndarray],
        *,
        seed: int,
        cores: int,
        **settings: Any,
    ) -> tuple[xr.Dataset, xr.Dataset]:
        """Sample the posterior given simulated responses, as `fit` does.

        Returns
        -------
        Dataset, Dataset
            As groups ``posterior`` and ``sample_stats`` of `fit`; attribute ``seconds`` of the
            latter: pilot and sampling.
        """
        how: dict[str, Any] = {"seed": seed, "cores": cores}
        began = perf_counter()
        pilot = self.pilot(drawn, **how)
        how |= {"starts": pilot.starts, **settings}
        trace = sample(pilot.density.compiled, **how)
        stats = trace.stats.assign_attrs(seconds=perf_counter() - began)
        return pilot.density.labelled(trace.draws), stats

    def pilot(self, drawn: Mapping[str, np.ndarray], *, seed: int, **how: Any) -> Pilot:
        """Run the pilot of a fit to simulated responses."""
        return run_pilot(self._density_of(drawn), seed=seed, **how)

    def _density_of(self, drawn: Mapping[str, np.ndarray]) -> Density:
        """The density with simulated responses, and what they brought about, in place of ours."""
        trials: dict[str, np.ndarray] = {}
        people: dict[str, np.ndarray] = {}
        observed: dict[str, np.ndarray] = {}
        for name, values in drawn.items():
            scored = self.arrangement.scored.get(name)
            if scored is None:  # an outcome that followed from a response
                trials[name] = values
                continue
            observed[f"{name}:observed"] = values
            if scored.response.table == "participants":
                people[name] = values
            if scored.response.table == "trials":
                column = self.arrangement.trials[name].to_numpy(dtype=float, na_value=np.nan)
                trials[name] = column.copy()
                trials[name][scored.trial] = values
        data = with_people(with_trials(self.compiled, trials), people).data
        return self.density.given({**data, **observed})


def refitter(
    model: Model,
    design: Study,
    *,
    covariates: Mapping[str, str] | None = None,
) -> Refitter:
    """Compile a model for a design, which needs no responses.

    Parameters
    ----------
    model, design : Model, Study
        What is fitted to what.
    covariates : mapping of str to str, optional
        Formula per parameter, as in `fit`.
    """
    with warnings.catch_warnings():  # placeholders are identical by design
        warnings.filterwarnings("ignore", message="Identical responses")
        filled = with_placeholders(model, design, model.responses)
        compiled = evaluator(model, filled)
    tables = covariates_for(compiled.arrangement, covariates)
    return Refitter(compiled, tables, build(compiled.arrangement, tables))


def kept_refitter(
    key: str,
    pack: PackedModel | Model,
    design: Study,
    covariates: Mapping[str, str] | None = None,
) -> Refitter:
    """Return what `refitter` returns; a process compiles it once per key.

    The key stands for model, design and covariates.
    """
    return _REFITTERS.get(key, lambda: refitter(unpacked(pack), design, covariates=covariates))
