"""Sample a built model with nutpie: compile once, measure centring, refuse a bad start."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import xarray as xr

from empathymodels.arrangement import Arrangement
from empathymodels.covariates import Covariates
from empathymodels.evaluating import evaluator
from empathymodels.identity import program_fingerprint
from empathymodels.nouns import Parameter
from empathymodels.people import POPULATION, blocks, linked_values
from empathymodels.population import labelled, prior_widths, recentred
from empathymodels.terminal import without_blas_warning
from empathymodels.wording import counted, listed

KEPT_DENSITIES = 4
_DENSITIES: OrderedDict[str, Any] = OrderedDict()
# Correlations near one leave a correlated column little room around those before it: with the
# sliders of 84 people at two sessions, centred by .9 or more, one chain of four got stuck.
MOST_CENTRED = 0.5
STARTS = 100
PILOT = {"tune": 300, "draws": 150, "chains": 2}


@dataclass(frozen=True)
class Trace:
    """Draws of the sampled variables, (chain, draw, ...), and the sampler's statistics."""

    draws: dict[str, np.ndarray]
    stats: xr.Dataset


def compiled_density(built: pm.Model, arrangement: Arrangement) -> Any:
    """Compile a model's density, or swap data into one compiled before.

    Models that differ by data of the same sizes, or by fixed values, share one.
    """
    data = {v.name: v.get_value() for v in built.data_vars}
    key = _key(data, arrangement)
    if key not in _DENSITIES:
        with without_blas_warning():
            _DENSITIES[key] = nutpie.compile_pymc_model(built)
        while len(_DENSITIES) > KEPT_DENSITIES:
            _DENSITIES.popitem(last=False)
    _DENSITIES.move_to_end(key)
    density = _DENSITIES[key]
    used = {variable.name for variable in density.shared_var_keys}
    return density.with_data(**{name: array for name, array in data.items() if name in used})


def _key(data: Mapping[str, np.ndarray], arrangement: Arrangement) -> str:
    """Identity of a compiled density: equations, declarations and sizes, but no values."""
    shapes = sorted((name, array.shape, str(array.dtype)) for name, array in data.items())
    sizes = sorted((column, len(labels)) for column, labels in arrangement.levels.items())
    people = len(arrangement.participants)
    varying = [arrangement.varies_within_sequence(p) for p in arrangement.parameters]
    return repr((program_fingerprint(arrangement.model), shapes, sizes, people, varying))


def sample(density: Any, *, starts: np.ndarray, **settings: Any) -> Trace:
    """Run nutpie and return draws and statistics.

    Every chain starts from one of ``starts``, (start, place) on the sampler's scale.
    """
    density = replace(density, initial_point_func=lambda seed: starts[seed % len(starts)])
    tree = nutpie.sample(density, save_warmup=False, **settings)
    draws = {str(n): v.to_numpy() for n, v in tree["posterior"].data_vars.items()}
    return Trace(draws, tree["sample_stats"].to_dataset())


def centring_of(built: pm.Model) -> dict[str, np.ndarray]:
    """Shares of centring that a built model holds, per unit."""
    ends = ":centring"
    return {
        v.name.removesuffix(ends): v.get_value() for v in built.data_vars if v.name.endswith(ends)
    }


def pilot_run(density: Any, starts: np.ndarray, *, seed: int, **how: Any) -> Trace:
    """Sample a few draws, from which centring is measured and the chains start."""
    return sample(density, starts=starts, seed=seed, store_unconstrained=True, **PILOT, **how)


def scattered_starts(built: pm.Model, arrangement: Arrangement, *, seed: int) -> np.ndarray:
    """Points (start, place) around the priors' centres, as far off as the priors are wide.

    A fixed distance on the sampler's scale would put what has a narrow prior (a slope in
    fractions of a rating's range, say) many prior standard deviations away, where other modes lie.
    """
    rng = np.random.default_rng(seed)
    width = prior_widths(arrangement, centring_of(built))
    centre = built.initial_point(random_seed=0)
    parts = [
        np.broadcast_to(width.get(variable.name, 1.0), np.shape(centre[variable.name])).ravel()
        for variable in built.continuous_value_vars
    ]
    return start_point(built) + np.concatenate(parts) * rng.uniform(
        -1, 1, (STARTS, sum(map(len, parts)))
    )


def pilot_starts(
    trace: Trace,
    built: pm.Model,
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
    centring: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Draws of the pilot, (draw, place) on the sampler's scale, as other shares have them."""
    points = trace.stats["unconstrained_draw"].to_numpy().copy()
    changed = recentred(arrangement, covariates, centring_of(built), centring, trace.draws)
    first = 0
    for variable in built.continuous_value_vars:
        size = int(np.prod(variable.type.shape))
        if variable.name in changed:
            points[..., first : first + size] = changed[variable.name].reshape(
                *points.shape[:2], -1
            )
        first += size
    return points.reshape(-1, points.shape[-1])


def measured_centring(
    trace: Trace,
    built: pm.Model,
    arrangement: Arrangement,
    covariates: Mapping[str, Covariates],
) -> dict[str, list[float]]:
    """Measure in a pilot run how much each person's own data say about each parameter.

    Returns
    -------
    dict of str to list of float
        Per parameter and level the median over people (or items) of 1 minus the posterior
        variance over the population variance, on the link scale; for a correlated column, of
        what the columns before it leave open, and at most a half. One share serves all people
        of a column: shares per person, tried on the ratings of 110 people, left the spread of a
        column nearly stuck (effective sample size 8 in place of 234).
    """
    pilot = labelled(arrangement, covariates, centring_of(built), trace.draws)
    found: dict[str, list[float]] = {}
    for block in blocks(arrangement):
        columns = [(p, level) for p, level in block.columns if p.fixed is None]
        if block.unit == POPULATION or not columns:
            continue
        deviations = np.stack([_deviation(p, k, arrangement, pilot) for p, k in columns], axis=-1)
        correlations = np.eye(len(columns))
        if (matrix := block.correlation[0]) in pilot:
            correlated = len(block.free_correlated)
            own = pilot[matrix].mean(("chain", "draw")).to_numpy()
            correlations[:correlated, :correlated] = own
        alone = deviations @ np.linalg.inv(np.linalg.cholesky(correlations)).T
        shares = np.median(1 - alone.var(axis=(0, 1)), axis=0)
        shares = np.clip(np.nan_to_num(shares), 0, 1)
        together = slice(len(block.free_correlated))
        shares[together] = np.minimum(shares[together], MOST_CENTRED)
        for (parameter, _), share in zip(columns, shares, strict=True):
            found.setdefault(parameter.name, []).append(float(share))
    return found


def _deviation(
    parameter: Parameter, level: int, arrangement: Arrangement, pilot: xr.Dataset
) -> np.ndarray:
    """Link-scale values of one column, (chain, draw, unit), in units of the population spread."""
    linked = linked_values(parameter, arrangement.model, pilot[parameter.name].to_numpy())
    spread = pilot[f"{parameter.name}_sd"].to_numpy()
    if parameter.by:
        linked, spread = linked[..., level], spread[..., level]
    return linked / np.sqrt(np.mean(spread**2))


# ------------------------------------------------------------------------- the start


def check_start(
    density: Any, built: pm.Model, arrangement: Arrangement, covariates: Mapping[str, Covariates]
) -> None:
    """Refuse an infinite density at the start, naming response, participant and trial."""
    if not np.isfinite(density_and_slopes(density)(start_point(built))[0]):
        raise ValueError(_infinite_density(built, arrangement, covariates))


def start_point(built: pm.Model) -> np.ndarray:
    """Where sampling starts, before any jitter, on the sampler's scale."""
    start = built.initial_point(random_seed=0)
    return np.concatenate([np.ravel(start[v.name]) for v in built.continuous_value_vars])


def density_and_slopes(density: Any) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Log-density of a compiled model and its gradient, at points on the sampler's scale."""
    given = density.logp_func.get_shared()
    shared = [density.shared_data[density.shared_var_keys[variable]] for variable in given]

    def at(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = density.logp_func.vm.jit_fn(point, *shared)
        return float(value), np.asarray(slopes)

    return at


def _infinite_density(
    built: pm.Model, arrangement: Arrangement, covariates: Mapping[str, Covariates]
) -> str:
    start = built.initial_point(random_seed=0)
    raw = {
        rv.name: np.asarray(_from_sampler(built, rv, start))[None, None] for rv in built.free_RVs
    }
    values = labelled(arrangement, covariates, centring_of(built), raw)
    named = {p.name: values[p.name].to_numpy()[0, 0] for p in arrangement.parameters}
    faults = [
        f"parameter '{name}' is {value.ravel()[~np.isfinite(value.ravel())][0]}"
        for name, value in named.items()
        if not np.isfinite(value).all()
    ]
    compiled = evaluator(arrangement.model, arrangement.study)
    for name, logp in compiled(named)["log_likelihood"].items():
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
