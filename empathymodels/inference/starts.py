"""Where chains start: near what fits all people together, where the density must be finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pymc as pm
from scipy.optimize import minimize

from empathymodels.engine.c_function import log_density_at
from empathymodels.engine.density import Density, on_one_thread
from empathymodels.engine.evaluator import arranged_evaluator
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted, listed
from empathymodels.population.blocks import POPULATION, blocks
from empathymodels.population.parametrisation import prior_widths, standard_columns

SEARCHES, COPIES = 4, 100  # searches for what fits everybody, and starts around what each found
STEPS = 100  # of a search
BELOW = 20.0  # log-density under the best at which initial values are dropped: chains get stuck
NEAR = 0.1  # how far people start from each other, in prior standard deviations


@on_one_thread
def starts_around(density: Density, *, seed: int) -> np.ndarray:
    """Points (start, place) on the sampler's scale from which chains may start.

    People start alike, near what fits them all together best: from random values a few of them,
    or all, may end up with every weight and slope turned about, which fits ratings as well, and
    stay there. The searches begin around the centres of the priors, as far off as these are wide;
    what fits much worse than the best is left out.
    """
    built, arrangement = density.built, density.arrangement
    at, begin = density_and_slopes(density.compiled), start_point(built)
    rng = np.random.default_rng(seed)
    widths = prior_widths(arrangement, density.covariates, density.parametrisation.centring)
    sd = np.concatenate([width for name, width in widths.items() if name.endswith(":location")])
    moves = _moves(density) * sd

    def falling(locations: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = at(begin + moves @ locations)
        if not np.isfinite(value) or not np.isfinite(slopes).all():
            return np.finfo(float).max, np.zeros(len(locations))
        return -value, -(slopes @ moves)

    # the first search begins where the density is known to be finite
    firsts = rng.uniform(-1, 1, (SEARCHES, len(sd))) * (np.arange(SEARCHES) > 0)[:, None]
    how = {"method": "L-BFGS-B", "jac": True, "options": {"maxiter": STEPS}}
    found = [minimize(falling, first, **how) for first in firsts]
    best = min(one.fun for one in found)
    fitting = np.array([begin + moves @ one.x for one in found if one.fun <= best + BELOW])
    near = np.full(len(begin), NEAR)
    for name, place in places(built).items():
        if name in widths:
            near[place] *= widths[name].ravel()
        elif ":spread" in name or ":partial" in name:
            near[place] = 1.0
    starts = np.repeat(fitting, COPIES, axis=0)
    return starts + near * rng.uniform(-1, 1, starts.shape)


def _moves(density: Density) -> np.ndarray:
    """How every place changes with the locations of the population, while nobody deviates."""
    where, shares, columns = places(density.built), density.parametrisation.centring, []
    size = max(place.stop for place in where.values())
    for block in blocks(density.arrangement):
        for number, k in enumerate(standard_columns(block, "location")):
            column = np.zeros(size)
            column[where[f"{block.unit}:location"].start + number] = 1.0
            if block.unit != POPULATION:
                deviations = where[f"{block.unit}:deviation"]
                of_column = slice(deviations.start + k, deviations.stop, block.shape[1])
                column[of_column] = shares[block.unit][k]
            columns.append(column)
    return np.stack(columns, axis=-1) if columns else np.zeros((size, 0))


def places(built: pm.Model) -> dict[str, slice]:
    """Where every variable lies on the sampler's scale, under the name it has there."""
    found, first = {}, 0
    for variable in built.continuous_value_vars:
        size = int(np.prod(variable.type.shape))
        found[variable.name] = slice(first, first + size)
        first += size
    return found


@on_one_thread
def check_start(density: Density) -> None:
    """Refuse an infinite density at the start, naming response, participant and trial."""
    if not np.isfinite(density_and_slopes(density.compiled)(start_point(density.built))[0]):
        raise ValueError(_infinite_density(density))


def start_point(built: pm.Model) -> np.ndarray:
    """Where sampling starts, before any jitter, on the sampler's scale."""
    start = built.initial_point(random_seed=0)
    return np.concatenate([np.ravel(start[v.name]) for v in built.continuous_value_vars])


def density_and_slopes(compiled: Any) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Log-density of a compiled model and its gradient, at points on the sampler's scale."""
    return partial(log_density_at, compiled)


def _infinite_density(density: Density) -> str:
    built, arrangement = density.built, density.arrangement
    start = built.initial_point(random_seed=0)
    raw = {
        rv.name: np.asarray(_from_sampler(built, rv, start))[None, None] for rv in built.free_RVs
    }
    values = density.labelled(raw)
    named = {p.name: values[p.name].to_numpy()[0, 0] for p in arrangement.parameters}
    faults = [
        f"parameter '{name}' is {value.ravel()[~np.isfinite(value.ravel())][0]}"
        for name, value in named.items()
        if not np.isfinite(value).all()
    ]
    compiled = arranged_evaluator(arrangement)
    for name, logp in compiled.of_kind("log_likelihood", named).items():
        bad = np.flatnonzero(~np.isfinite(logp))
        if len(bad):
            faults.append(_fault(arrangement, name, bad, float(logp[bad[0]])))
    return (
        "The density must be finite at the start of sampling. Found: "
        + "; ".join(faults or ["an infinite prior density"])
        + ". Check fixed values and priors of these parameters (a noise of zero, say), and the "
        "values of these rows."
    )


def _from_sampler(built: pm.Model, variable: Any, start: Mapping[str, np.ndarray]) -> np.ndarray:
    """Value of a variable on its own scale at the sampler's start."""
    value = built.rvs_to_values[variable]
    transform = built.rvs_to_transforms[variable]
    if transform is None:
        return start[value.name]
    return transform.backward(start[value.name], *variable.owner.inputs).eval()


def _fault(arrangement: Arrangement, name: str, bad: np.ndarray, value: float) -> str:
    frame = arrangement.scored[name].frame.iloc[bad[0]]
    where = ", ".join(f"{key} {frame[key]}" for key in ("participant", "trial") if key in frame)
    involved = sorted(arrangement.needs[name].direct_parameters)
    held = [n for n in involved if arrangement.model.parameter(n).fixed is not None]
    text = (
        f"response '{name}' has log-density {value} at {where} ({counted(len(bad), 'row')}); it "
        f"depends on the parameters {listed(involved)}"
    )
    return text + (f", of which {listed(held)} are fixed" if held else "")
