"""The density that is sampled: compiled once, data swapped in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import xarray as xr
from threadpoolctl import threadpool_limits

from empathymodels.compiling import compiling
from empathymodels.declaration.fingerprint import graph_text, own_density
from empathymodels.engine.c_function import compiled_model
from empathymodels.engine.linear_map import LinearMap
from empathymodels.engine.program import program_key, with_values
from empathymodels.kept import Kept
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.covariates import Covariates
from empathymodels.population.labels import labelled
from empathymodels.population.parametrisation import Parametrisation

_DENSITIES = Kept()

# For what evaluates densities: their matrices are small, and the threads of a linear algebra
# library would only fight for the cores on which the chains run (five times slower on two). The
# order of their sums does not depend on the number of threads then either.
on_one_thread = threadpool_limits.wrap(limits=1, user_api="blas")


@dataclass(frozen=True, eq=False)
class Density:
    """The log-density of a model and a study, compiled, and what it is of.

    Attributes
    ----------
    built : pm.Model
        The PyMC model.
    arrangement : Arrangement
        Model and study.
    covariates : dict of str to Covariates
        As evaluated for the study's people.
    data : dict of str to ndarray
        What the density is given, which may be other data than those of `built`; see `given`.
    compiled : nutpie model
        The compiled log-density, its data packed.
    """

    built: pm.Model
    arrangement: Arrangement
    covariates: Mapping[str, Covariates]
    data: Mapping[str, np.ndarray]
    compiled: Any

    def given(self, data: Mapping[str, np.ndarray]) -> Density:
        """The same given other data of the same shapes; what it does not read is passed over.

        Raises
        ------
        ValueError
            An array has another shape.
        """
        given = with_values(self.data, data)
        read = {variable.name for variable in self.compiled.shared_var_keys}
        packs = {name: pack for name, pack in _packs(given).items() if name in read}
        return replace(self, data=given, compiled=self.compiled.with_data(**packs))

    @property
    def parametrisation(self) -> Parametrisation:
        """In which coordinates it is sampled."""
        return Parametrisation.of(self.data)

    def reparametrised(self, other: Parametrisation) -> Density:
        """The same in other coordinates: nothing is compiled anew."""
        return self.given(other.data)

    @property
    def linear_map(self) -> LinearMap:
        """What moves a point before all else."""
        return LinearMap.in_density(self.compiled)

    def mapped(self, linear_map: LinearMap) -> Density:
        """The same of points that are moved first, as the given map says and no other.

        Nothing is compiled anew.
        """
        return replace(self, compiled=linear_map.applied_by(self.compiled))

    def labelled(self, draws: Mapping[str, np.ndarray]) -> xr.Dataset:
        """Draws of the sampled variables as group ``posterior`` of a fit."""
        return labelled(self.arrangement, self.covariates, self.parametrisation, draws)


def compiled_density(
    built: pm.Model, arrangement: Arrangement, covariates: Mapping[str, Covariates]
) -> Density:
    """Compile a built model, or swap data into a density compiled before.

    Models that differ by data of the same sizes, or by fixed values, share one.
    """
    data = _data_of(built)
    key = "\n".join([program_key(arrangement, data), *_written(built)])
    compiled = _DENSITIES.get(key, lambda: _compiled(built, key, data))
    return Density(built, arrangement, covariates, data, compiled).given(data)


def _written(built: pm.Model) -> Iterator[str]:
    """All that a built model adds to its equations: names, priors, what is observed."""
    yield repr([variable.name for variable in [*built.basic_RVs, *built.potentials]])
    yield graph_text([*built.basic_RVs, *built.potentials])
    for variable in built.basic_RVs:
        yield from own_density(variable)


def _compiled(built: pm.Model, key: str, data: Mapping[str, np.ndarray]) -> Any:
    with compiling():
        return compiled_model(lambda: packed(built), program=key, data=_packs(data))


def _data_of(built: pm.Model) -> dict[str, np.ndarray]:
    return {variable.name: variable.get_value() for variable in built.data_vars}


def packed(built: pm.Model) -> pm.Model:
    """The same model, all its data in one vector per type.

    Each array that a compiled density is given costs more to compile than the one before it: for
    the 28 of `outgroup_help_learning` 12 seconds, also where all else is in numba's cache.
    """
    data = _data_of(built)
    vectors = {
        name: pytensor.shared(pack, name=name, shape=pack.shape)
        for name, pack in _packs(data).items()
    }
    unpacked: dict[str, Any] = {}
    for pack, names in _members(data).items():
        ends = np.cumsum([data[name].size for name in names])
        for name, end in zip(names, ends.tolist(), strict=True):
            part = vectors[pack][end - data[name].size : end]
            unpacked[name] = part.reshape(data[name].shape)
    found = pm.do(built, unpacked)
    # which has them in an order of its own; places on the sampler's scale follow `built`
    order = [variable.name for variable in built.free_RVs]
    found.free_RVs.sort(key=lambda variable: order.index(variable.name))
    return found


def _packs(data: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All arrays of one type behind each other, in the order of their names."""
    return {
        pack: np.concatenate([data[name].ravel() for name in names])
        for pack, names in _members(data).items()
    }


def _members(data: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
    """Names of the arrays of every pack, in their order."""
    found: dict[str, list[str]] = {}
    for name in sorted(data):
        found.setdefault(f"data of {data[name].dtype}", []).append(name)
    return found
