"""People whose parameter sits at an end of its range, or whose chains are in different places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from empathymodels.checks.deterministic import Follows
from empathymodels.declaration.parts import Parameter, Response
from empathymodels.declaration.rating_scale import grain_of
from empathymodels.declaration.response_scale import natural_support
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted
from empathymodels.population.blocks import column_label, n_levels

NEAR = 0.02  # of the range: within which of an end 95 % of the draws lie
ALIKE = 0.25  # of the width within which marks are alike; a smaller noise leaves them as they are
SMALL = 1e-3  # of its range, for a response without steps
FAR = 30.0  # times the largest (or 1 over that, the smallest) typical value
GAP = 2.0  # standard deviations within chains, between the medians of chains
NAMED = 5  # people whose reasons are told


@dataclass(frozen=True)
class Place:
    """Where a person's parameter is.

    Attributes
    ----------
    participant : str
        Whose.
    label : str
        ``name`` or ``name[level]``.
    parameter : Parameter
        The declaration.
    where : str
        In words.
    """

    participant: str
    label: str
    parameter: Parameter
    where: str


def at_an_end(posterior: xr.Dataset, arrangement: Arrangement) -> list[Place]:
    """Find the people of whom nearly all draws of a parameter lie at an end of its range."""
    found = []
    for parameter, label, draws in _of_people(posterior, arrangement):
        low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95], axis=(0, 1))
        least, most = _ends(parameter, arrangement)
        for k in np.flatnonzero((high < least) | (low > most)):
            is_low = bool(high[k] < least)
            end = f"near {_end(parameter, arrangement, is_low=is_low)} (median {middle[k]:.2g})"
            found.append(Place(arrangement.participants[k], label, parameter, end))
    return found


def in_different_places(posterior: xr.Dataset, arrangement: Arrangement) -> list[Place]:
    """Find the people of whom chains have a parameter in different places."""
    if posterior.sizes["chain"] < 2:
        return []
    found = []
    for parameter, label, draws in _of_people(posterior, arrangement):
        medians, within = np.median(draws, axis=1), draws.std(axis=1)  # (chain, person)
        order = np.argsort(medians, axis=0)
        gaps = np.diff(np.take_along_axis(medians, order, axis=0), axis=0)
        widest = gaps.argmax(axis=0)
        apart = gaps.max(axis=0) > GAP * np.maximum(within.max(axis=0), 1e-12)
        for k in np.flatnonzero(apart):
            cut = widest[k] + 1
            lower, upper = order[:cut, k], order[cut:, k]
            sides = [_of_chains(medians[:, k], chains) for chains in (lower, upper)]
            found.append(Place(arrangement.participants[k], label, parameter, " and ".join(sides)))
    return found


def named_places(
    places: list[Place], arrangement: Arrangement, noiseless: Sequence[Follows] = ()
) -> str:
    """Name people, parameters, places and, where the data show one, the reason."""
    reasons = {(f.participant, f.response): f for f in noiseless}
    texts = [
        f"{place.participant}: '{place.label}' {place.where}{_because(place, arrangement, reasons)}"
        for place in places[:NAMED]
    ]
    more = len(places) - NAMED
    return "; ".join(texts) + (f"; and {counted(more, 'other')}" if more > 0 else "")


def _because(
    place: Place, arrangement: Arrangement, reasons: dict[tuple[str, str], Follows]
) -> str:
    for response, needs in arrangement.needs.items():
        reason = reasons.get((place.participant, response))
        if reason is not None and place.parameter.name in needs.parameters:
            return f", since their '{response}' {reason.how}"
    return ""


def _of_people(
    posterior: xr.Dataset, arrangement: Arrangement
) -> Iterator[tuple[Parameter, str, np.ndarray]]:
    """Yield the free parameters of people, by level, with their draws (chain, draw, person)."""
    for parameter in arrangement.parameters:
        if parameter.level != "participant" or parameter.fixed is not None:
            continue
        values = posterior[parameter.name]
        for level in range(n_levels(parameter, arrangement)):
            own = values.isel({parameter.by: level}) if parameter.by else values
            draws = own.transpose("chain", "draw", "participant").to_numpy()
            yield parameter, column_label(parameter, arrangement, level), draws


def _ends(parameter: Parameter, arrangement: Arrangement) -> tuple[float, float]:
    """Below and above which values count as at an end."""
    low, high = natural_support(arrangement.model, parameter)
    support = SUPPORTS[parameter.support]
    if support.is_bounded:
        margin = NEAR * (high - low)
        return low + margin, high - margin
    if support.is_whole_line:
        return -np.inf, np.inf
    response = next(
        (r for r in arrangement.model.observables if r.name == parameter.scale_of), None
    )
    if response is not None:
        return _smallest(response, arrangement), np.inf
    return parameter.typical[0] / FAR, parameter.typical[1] * FAR


def _smallest(response: Response, arrangement: Arrangement) -> float:
    """Size in a response's units below which nothing changes in what is recorded."""
    needs = arrangement.needs.get(response.name)
    if needs is not None and needs.in_steps:
        return ALIKE * grain_of(response)
    return SMALL * (response.range[1] - response.range[0] if response.range else 1.0)


def _end(parameter: Parameter, arrangement: Arrangement, *, is_low: bool) -> str:
    low, high = natural_support(arrangement.model, parameter)
    end = low if is_low else high
    return f"{end:g}" if np.isfinite(end) else "infinity"


def _of_chains(medians: np.ndarray, chains: Any) -> str:
    names = ", ".join(str(c + 1) for c in sorted(chains.tolist()))
    noun = "chain" if len(chains) == 1 else "chains"
    return f"about {np.median(medians[chains]):.2g} in {noun} {names}"
