"""From a model and a study to a PyMC model: the only place where the two meet PyMC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from empathymodels.compiling import in_double_precision
from empathymodels.declaration.parts import Parameter
from empathymodels.engine.observe import observe
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted
from empathymodels.population.blocks import blocks, n_levels
from empathymodels.population.covariates import Covariates
from empathymodels.population.variables import add_parameters, fixed_size_data


@in_double_precision()
def build(
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    *,
    centring: Mapping[str, Any] | None = None,
    counted: Mapping[str, np.ndarray] | None = None,
) -> pm.Model:
    """Return the PyMC model of a study that is laid out for a model.

    Parameters
    ----------
    arrangement : Arrangement
        Model and study.
    covariates : mapping of str to Covariates
        As `covariates_for` evaluates them, or as they are in a fit.
    centring : mapping of str to float or sequence, optional
        How far each parameter's values (one number, or one per `by` level) are sampled directly
        (1) in place of their deviations from the mean (0); halfway unless given. The posterior
        is the same.
    counted : mapping of str to ndarray (observation,), optional
        Per response whether an observation counts in the likelihood: sizes stay, so that fits
        to parts of a study share one compiled density.
    """
    shares = shares_of_centring(arrangement, centring or {})
    with pm.Model() as built:
        values = add_parameters(arrangement, covariates, shares)
        needed = arrangement.needed_latents
        observations = observe(arrangement, values, give=fixed_size_data, latents=needed)
        for name, distribution in observations.distributions.items():
            observed = fixed_size_data(f"{name}:observed", arrangement.scored[name].values)
            if counted is None:
                built.register_rv(distribution, name, observed=observed)
            else:
                counts = fixed_size_data(f"{name}:counted", counted[name].astype(float))
                # a switch, not a product: what does not count may be impossible
                each = pt.switch(counts > 0, pm.logp(distribution, observed), 0.0)
                pm.Potential(name, each.sum())
    return built


def shares_of_centring(
    arrangement: Arrangement, centring: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Share of every column per unit, (column,).

    Fixed parameters have none: their variables follow the prior alone, which is a funnel unless
    deviations are sampled.
    """
    found = {}
    for block in blocks(arrangement):
        shares = [_shares(p, n_levels(p, arrangement), centring)[k] for p, k in block.columns]
        found[block.unit] = np.array(shares, dtype=float)
    return found


def _shares(parameter: Parameter, levels: int, centring: Mapping[str, Any]) -> np.ndarray:
    """Shares of a parameter, (level,)."""
    given = 0.0 if parameter.fixed is not None else centring.get(parameter.name, 0.5)
    shape = np.shape(given)
    if shape not in ((), (1,), (levels,)):
        raise ValueError(
            f"The centring of '{parameter.name}' must be one number, or one per level (of "
            f"{counted(levels, 'level')}); found numbers of shape {shape}. Give one number."
        )
    return np.broadcast_to(given, levels)
