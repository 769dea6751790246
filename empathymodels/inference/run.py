"""Draws as they are asked for: of chains that NUTS moves, or of an approximation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from empathymodels.engine.density import Density
from empathymodels.inference.centring import run_pilot
from empathymodels.inference.convergence import FIRST
from empathymodels.inference.fits import recorded
from empathymodels.inference.laplace import approximate
from empathymodels.inference.partial_fit import in_coordinates_of
from empathymodels.inference.provenance import fit_tree, provenance
from empathymodels.inference.request import Request
from empathymodels.inference.sample import Trace, sample_anew
from empathymodels.inference.starts import start_point, starts_around
from empathymodels.inference.store import Store
from empathymodels.inference.store_draws import kept_draws
from empathymodels.inference.stored_run import sample_to
from empathymodels.population.parametrisation import anchor_labels


@dataclass(frozen=True, eq=False)
class Run:
    """Draws, and how they were made.

    Attributes
    ----------
    density : Density
        In the coordinates of the draws.
    trace : Trace
    settings : dict
        What a fit records of how they were made.
    parts : list of int
        Draws per chain of every part of them that went into a store.
    """

    density: Density
    trace: Trace
    settings: Mapping[str, Any]
    parts: list[int]


def run(density: Density, request: Request, *, seed: int, store: Store | None = None) -> Run:
    """Make the draws of a density that are asked for; NUTS may put them into a store."""
    if request.method == "nuts":
        return _sampled(density, request, store, seed)
    trace = approximate(
        density.compiled,
        density.arrangement,
        start_point(density.built),
        method=request.method,
        draws=request.asked["draws"] or FIRST,
        seed=seed,
    )
    return Run(density, trace, {"draws": trace.stats.sizes["draw"]}, [])


def _sampled(density: Density, request: Request, store: Store | None, seed: int) -> Run:
    """Sample until chains have converged, or have all draws."""
    density, shares, starts = _coordinates(density, request, store, seed)
    arrangement, length = density.arrangement, request.length
    anchoring = density.parametrisation.anchoring
    settings = {name: value for name, value in request.asked.items() if name != "covariates"}
    settings |= {
        "target_accept": request.targets[0],
        "centring": {name: np.asarray(share).round(3).tolist() for name, share in shares.items()},
        "anchoring": anchor_labels(arrangement, anchoring),
        "combinations": len(set(density.linear_map.places[:, 0].tolist())),
    }

    def judge(trace: Trace) -> str:
        return length.verdict(density.labelled(trace.draws)) if length.is_open else ""

    how = {name: settings[name] for name in ("tune", "chains")} | settings["sampler"]
    how |= {**request.running, "seed": seed, "starts": starts, "judge": judge}
    how |= {"targets": request.targets, "length": length}
    if store is None:
        trace = sample_anew(density.compiled, on_interrupt=request.on_interrupt, **how)
        parts = []
    else:
        begun = fit_tree(xr.Dataset(), xr.Dataset(), arrangement, density.covariates)
        formulas = request.asked["covariates"]
        begun.attrs = provenance(arrangement, request.method, seed, settings, formulas)
        exact = {name: np.asarray(share).tolist() for name, share in shares.items()}
        powers = {unit: power.tolist() for unit, power in anchoring.items()}
        begun.attrs |= {
            "asked": store.asked,
            "shares": json.dumps(exact),
            "anchoring": json.dumps(powers),
            "combinations": density.linear_map.to_json(),
        }
        stored = sample_to(store, begun, density.compiled, **how)
        trace, parts = stored.trace, stored.runs
    settings |= {"draws": trace.size, "target_accept": trace.target_accept}
    return Run(density, trace, settings, parts)


def _coordinates(
    density: Density, request: Request, store: Store | None, seed: int
) -> tuple[Density, Mapping[str, Any], np.ndarray]:
    """The density as it is sampled, shares of centring, and where chains start."""
    begun = store.earlier if store else None
    if store is not None and begun is not None and (kept := kept_draws(store.path)):
        return in_coordinates_of(begun, density), recorded(begun, "shares"), kept.last
    if request.shares is None:
        pilot = run_pilot(density, seed=seed, **request.running)
        return pilot.density, pilot.centring, pilot.starts
    return density, request.shares, starts_around(density, seed=seed)
