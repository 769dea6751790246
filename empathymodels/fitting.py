"""Fit a model to a study: compile once, sample with nutpie, keep where it came from."""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import nutpie
import pymc as pm
import xarray as xr

from empathymodels.arrangement import Arrangement
from empathymodels.build import build
from empathymodels.equations import fingerprint
from empathymodels.likelihood import evaluator, response_rows
from empathymodels.model import Model
from empathymodels.population import centrable, linked_values, parameter_shape
from empathymodels.saving import find_model, study_from_tree, study_tree
from empathymodels.study import Study
from empathymodels.terminal import is_interactive, tell
from empathymodels.wording import counted, listed

PACKAGES = ("empathymodels", "pymc", "pytensor", "nutpie", "arviz", "numpy")
KEPT_PROGRAMS = 4
_PROGRAMS: OrderedDict[str, Any] = OrderedDict()
_MODELS: dict[str, Model] = {}


def fit(
    model: Model,
    study: Study,
    *,
    covariates: Mapping[str, str] | None = None,
    seed: int | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    target_accept: float = 0.9,
    centring: Literal["measured"] | float | Mapping[str, Any] = "measured",
    sampler: Mapping[str, Any] | None = None,
    progress: bool | None = None,
) -> xr.DataTree:
    """Sample the posterior of a model given a study.

    Parameters
    ----------
    model : Model
        What to fit.
    study : Study
        To what. Responses that it does not have are left out of the likelihood and told.
    covariates : mapping of str to str, optional
        Formula per participant-level parameter over columns of the participants table, for
        example ``{"learning_rate": "partner_group + empathic_concern"}``. Replaces the
        model's default for that parameter; ``"0"`` removes it. Numeric covariates are centred
        and scaled to unit standard deviation, which the result records.
    seed : int, optional
        Seed of the sampler. Without one, a fresh seed is drawn and recorded.
    draws, tune, chains, cores : int
        Draws kept and adaptation steps per chain, number of chains, chains run at a time
        (all cores unless given).
    target_accept : float in (0, 1)
        Acceptance rate the step size is adapted to.
    centring : "measured", float or mapping
        How far person-level values are sampled directly (1, centred) in place of their
        deviations from the mean (0, non-centred). By default measured for every parameter in a
        short pilot run: the median over people of 1 minus the posterior variance over the
        population variance. It changes speed, not the posterior.
    sampler : mapping, optional
        Further arguments of ``nutpie.sample``, for example ``{"maxdepth": 12}``.
    progress : bool, optional
        Show a progress bar. Only at a terminal unless given.

    Returns
    -------
    DataTree
        Groups ``posterior``, ``sample_stats``, ``observed_data``, ``constant_data`` (covariates)
        and ``study``; attributes record model, variant, versions, seed and settings. Person
        parameters carry dim ``participant`` and the labels of their `by` column; on the link
        scale there are ``<name>_mean``, ``<name>_sd`` and, with covariates,
        ``<name>_effect``.

    Raises
    ------
    KeyError
        A covariate formula names an unknown parameter or column.
    ValueError
        The data do not fit the model's declarations (all faults at once), covariates are
        missing for some participants, or the density is infinite at the start.

    Examples
    --------
    >>> import empathymodels as em
    >>> study = em.load_study("outgroup_help")
    >>> model = em.get_model("outgroup_help_learning")
    >>> fit = em.fit(model, study, seed=1, chains=2)  # doctest: +SKIP
    """
    seed = secrets.randbits(31) if seed is None else int(seed)
    cores = cores or min(chains, _cpu_count())
    given = _given_centring(model, centring)
    built, arrangement = build(model, study, covariates=covariates, centring=given)
    _tell_left_out(arrangement)
    program = _program(built, arrangement)
    _check_start(program, built, arrangement)
    shown = is_interactive() if progress is None else progress
    if given is None:
        program = _with_measured_centring(program, arrangement, seed, cores, shown)
    trace = nutpie.sample(
        program,
        draws=draws,
        tune=tune,
        chains=chains,
        cores=cores,
        seed=seed,
        target_accept=target_accept,
        progress_bar=shown,
        save_warmup=False,
        **(sampler or {}),
    )
    settings: dict[str, Any] = dict(draws=draws, tune=tune, chains=chains, target_accept=target_accept)
    settings |= {"centring": _as_text(centring), "sampler": dict(sampler or {})}
    return _tree(trace, built, arrangement, seed, settings, dict(covariates or {}))


def _cpu_count() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tell_left_out(arrangement: Arrangement) -> None:
    for name, reason in arrangement.checked.left_out.items():
        tell(f"Response '{name}' is left out of the likelihood: {reason}")


PILOT = {"tune": 300, "draws": 150, "chains": 2}


def _given_centring(
    model: Model, centring: str | float | Mapping[str, Any]
) -> Mapping[str, Any] | None:
    if centring == "measured":
        return None
    if isinstance(centring, Mapping):
        for name in centring:
            model.parameter(name)
        return centring
    return {p.name: float(centring) for p in model.parameters}


def _as_text(centring: str | float | Mapping[str, Any]) -> Any:
    if isinstance(centring, Mapping):
        return {name: np.asarray(value).tolist() for name, value in centring.items()}
    return centring


def _with_measured_centring(
    program: Any, arrangement: Arrangement, seed: int, cores: int, shown: bool
) -> Any:
    """Swap in the shares that a short pilot run suggests (data, so nothing is recompiled)."""
    measurable = [p for p in centrable(arrangement) if p.fixed is None]
    if not measurable:
        return program
    pilot = nutpie.sample(
        program, **PILOT, cores=cores, seed=seed, progress_bar=shown, save_warmup=False
    )["posterior"]
    shares = {}
    for parameter in measurable:
        values = pilot[parameter.name].to_numpy()
        linked = linked_values(parameter, arrangement.model, values)
        spread = np.mean(pilot[f"{parameter.name}_sd"].to_numpy() ** 2, axis=(0, 1))
        # one share for all people of a column: shares per person, tried on ratings of 110
        # people, left the spread of the column nearly stuck (ESS 8 in place of 234)
        share = np.median(1 - linked.var(axis=(0, 1)) / spread, axis=0)
        shape = parameter_shape(parameter, arrangement)
        shares[f"{parameter.name}_centring"] = np.broadcast_to(np.clip(share, 0, 1), shape)
    return program.with_data(**shares)


def _program(built: pm.Model, arrangement: Arrangement) -> Any:
    """The compiled density; models that differ by data or by fixed values share one."""
    key = _program_key(built, arrangement)
    data = {v.name: v.get_value() for v in built.data_vars}
    if key not in _PROGRAMS:
        _PROGRAMS[key] = nutpie.compile_pymc_model(built)
        while len(_PROGRAMS) > KEPT_PROGRAMS:
            _PROGRAMS.popitem(last=False)
    _PROGRAMS.move_to_end(key)
    program = _PROGRAMS[key]
    used = {variable.name for variable in program.shared_var_keys}
    return program.with_data(**{name: value for name, value in data.items() if name in used})


def _program_key(built: pm.Model, arrangement: Arrangement) -> str:
    """Identity of a compiled density: equations, declarations and shapes, but no values."""
    shapes = sorted((v.name, v.get_value().shape, str(v.dtype)) for v in built.data_vars)
    sizes = sorted((dim, len(labels or ())) for dim, labels in built.coords.items())
    varying = [arrangement.varies_within_sequence(p) for p in arrangement.parameters]
    parts = (fingerprint(arrangement.model), shapes, sizes, varying)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _check_start(program: Any, built: pm.Model, arrangement: Arrangement) -> None:
    """Refuse an infinite density at the start, naming response, participant and trial."""
    start = built.initial_point(random_seed=0)
    names = [v.name for v in built.continuous_value_vars]
    point = np.concatenate([np.ravel(start[name]) for name in names])
    if np.isfinite(program_density(program, point)):
        return
    raise ValueError(_infinite_density(built, arrangement))


def program_density(program: Any, point: np.ndarray) -> float:
    """Log-density of a compiled program at a point on the sampler's scale."""
    shared = [
        program.shared_data[program.shared_var_keys[v]] for v in program.logp_func.get_shared()
    ]
    value, _ = program.logp_func.vm.jit_fn(point, *shared)
    return float(value)


def _infinite_density(built: pm.Model, arrangement: Arrangement) -> str:
    values = pm.draw([built[p.name] for p in arrangement.parameters], random_seed=0)
    named = {p.name: v for p, v in zip(arrangement.parameters, values, strict=True)}
    faults = [
        f"parameter '{name}' is {value.ravel()[~np.isfinite(value.ravel())][0]}"
        for name, value in named.items()
        if not np.isfinite(value).all()
    ]
    compiled = evaluator(arrangement.model, arrangement.study)
    for name, logp in compiled(named)["log_likelihood"].items():
        bad = np.flatnonzero(~np.isfinite(logp))
        if len(bad):
            frame = arrangement.scored[name].frame.iloc[bad[0]]
            where = ", ".join(f"{k} {frame[k]}" for k in ("participant", "trial") if k in frame)
            involved = sorted(arrangement.needs[name].direct_parameters)
            held = [n for n in involved if arrangement.model.parameter(n).fixed is not None]
            faults.append(
                f"response '{name}' has log-density {logp[bad[0]]} at {where} "
                f"({counted(len(bad), 'row')}); it depends on the parameters {listed(involved)}"
                + (f", of which {listed(held)} are fixed" if held else "")
            )
    return (
        "The density must be finite at the start of sampling. Found: "
        + "; ".join(faults or ["an infinite prior density"])
        + ". Check fixed values and priors of these parameters (a noise of zero, say), and the "
        "values of these rows."
    )


# ------------------------------------------------------------------------------ result


def _tree(
    trace: xr.DataTree,
    built: pm.Model,
    arrangement: Arrangement,
    seed: int,
    settings: Mapping[str, Any],
    covariates: Mapping[str, str],
) -> xr.DataTree:
    posterior = trace["posterior"].to_dataset()
    fixed = [p.name for p in arrangement.parameters if p.fixed is not None]
    posterior = posterior.drop_vars([n for n in posterior.data_vars if _is_internal(str(n), fixed)])
    coords = {d: list(built.coords[d]) for d in posterior.dims if d in built.coords}
    posterior = posterior.assign_coords(coords)
    keep = [str(c) for c in posterior.coords if c in posterior.dims]
    posterior = posterior.drop_vars([c for c in posterior.coords if c not in keep])
    constant = {
        f"{name}_covariates": ((("participant", f"{name}_covariate")), variable.get_value())
        for name in covariates_used(built)
        for variable in [built[f"{name}_covariates"]]
    }
    constant_data = xr.Dataset(
        constant,
        coords={d: list(built.coords[d]) for dims, _ in constant.values() for d in dims},
    )
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "sample_stats": trace["sample_stats"].to_dataset(),
            "observed_data": observed_data(arrangement),
            "constant_data": constant_data,
        }
    )
    tree["study"] = study_tree(arrangement.study)
    tree.attrs = _provenance(arrangement, seed, settings, covariates)
    return tree


def covariates_used(built: pm.Model) -> list[str]:
    """Parameters of a built model that have covariates."""
    return [d.removesuffix("_covariate") for d in built.coords if d.endswith("_covariate")]


def _is_internal(name: str, fixed: list[str]) -> bool:
    if (
        name.endswith(("_deviation", "_centring", "_free", "_held"))
        or name == "partial_correlation"
    ):
        return True
    return any(name in (f"{f}_mean", f"{f}_sd", f"{f}_effect") for f in fixed)


def observed_data(arrangement: Arrangement) -> xr.Dataset:
    """Observed values of every response per row of its table (NaN where not scored)."""
    return xr.Dataset(
        {n: response_rows(arrangement, n, s.observed) for n, s in arrangement.scored.items()}
    )


def _provenance(
    arrangement: Arrangement,
    seed: int,
    settings: Mapping[str, Any],
    covariates: Mapping[str, str],
) -> dict[str, Any]:
    model = arrangement.model
    identity = fingerprint(model)
    _MODELS[_memory_key(identity, model.variant)] = model
    return {
        "model": model.name,
        "label": model.label,
        "variant": json.dumps(model.variant),
        "fingerprint": identity,
        "source": model.source,
        "model_text": Path(model.source).read_text(encoding="utf-8") if model.source else "",
        "versions": json.dumps({name: version(name) for name in PACKAGES}),
        "python": platform.python_version(),
        "seed": seed,
        "settings": json.dumps(settings),
        "covariates": json.dumps(dict(covariates)),
        "missing": json.dumps(arrangement.checked.missing),
        "left_out": json.dumps(arrangement.checked.left_out),
    }


def _memory_key(identity: str, variant: Any) -> str:
    return identity + json.dumps(variant)


def model_of(fit: xr.DataTree) -> Model:
    """Return the model behind a fit: the one in memory, the installed one, or the user's file.

    Raises
    ------
    ValueError
        The model's equations or declarations are no longer those of the fit.
    """
    key = _memory_key(fit.attrs["fingerprint"], json.loads(fit.attrs["variant"]))
    if key not in _MODELS:
        _MODELS[key] = find_model(fit)
    return _MODELS[key]


def study_of(fit: xr.DataTree) -> Study:
    """Return the study that a fit carries."""
    return study_from_tree(fit["study"])
