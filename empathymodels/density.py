"""The density that is sampled: compiled once, data swapped in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import xarray as xr

from empathymodels.arrangement import Arrangement
from empathymodels.compiling import compiling
from empathymodels.covariates import Covariates
from empathymodels.identity import program_fingerprint
from empathymodels.population import centring_of, labelled

KEPT_DENSITIES = 16  # as many rivals as may be fitted to one study after another
_DENSITIES: OrderedDict[str, Any] = OrderedDict()


@dataclass(frozen=True, eq=False)
class Density:
    """The log-density of a model and a study, compiled, and what it is of.

    Attributes
    ----------
    built : pm.Model
        The PyMC model, with its shares of centring.
    arrangement : Arrangement
        Model and study.
    covariates : dict of str to Covariates
        As evaluated for the study's people.
    compiled : nutpie model
        The compiled log-density. Its data may be others than those of `built`; see `given`.
    """

    built: pm.Model
    arrangement: Arrangement
    covariates: Mapping[str, Covariates]
    compiled: Any

    def given(self, data: Mapping[str, np.ndarray]) -> Density:
        """The same given other data of the same sizes; what it does not read is passed over."""
        read = {variable.name for variable in self.compiled.shared_var_keys}
        read_data = {name: array for name, array in data.items() if name in read}
        return replace(self, compiled=self.compiled.with_data(**read_data))

    def labelled(self, draws: Mapping[str, np.ndarray]) -> xr.Dataset:
        """Draws of the sampled variables as group ``posterior`` of a fit."""
        return labelled(self.arrangement, self.covariates, centring_of(self.built), draws)


def compiled_density(
    built: pm.Model, arrangement: Arrangement, covariates: Mapping[str, Covariates]
) -> Density:
    """Compile a built model, or swap data into a density compiled before.

    Models that differ by data of the same sizes, or by fixed values, share one.
    """
    data = {v.name: v.get_value() for v in built.data_vars}
    key = _key(data, arrangement)
    if key not in _DENSITIES:
        with compiling():
            _DENSITIES[key] = nutpie.compile_pymc_model(built)
        while len(_DENSITIES) > KEPT_DENSITIES:
            _DENSITIES.popitem(last=False)
    _DENSITIES.move_to_end(key)
    return Density(built, arrangement, covariates, _DENSITIES[key]).given(data)


def _key(data: Mapping[str, np.ndarray], arrangement: Arrangement) -> str:
    """Identity of a compiled density: equations, declarations and sizes, but no values."""
    shapes = sorted((name, array.shape, str(array.dtype)) for name, array in data.items())
    sizes = sorted((column, len(labels)) for column, labels in arrangement.levels.items())
    people = len(arrangement.participants)
    varying = [arrangement.varies_within_sequence(p) for p in arrangement.parameters]
    return repr((program_fingerprint(arrangement.model), shapes, sizes, people, varying))
