"""What is asked of a fit, checked before anything is laid out or compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from empathymodels.declaration.model import Model
from empathymodels.inference.convergence import FIRST, TARGETS, Length
from empathymodels.study.recoding import as_numbers

NON_CENTRED = 0.0  # for approximations: how people are centred makes no difference to them


@dataclass(frozen=True)
class Request:
    """How draws are to be made.

    Attributes
    ----------
    method : {"nuts", "laplace", "map"}
    asked : dict
        All that draws of one seed depend on, by the names that `fit` has for it.
    shares : dict of str to float or sequence, or None
        Centring of every parameter; None where a pilot measures it.
    running : dict
        What changes no draw: cores, and whether there is a word of progress.
    on_interrupt : {"raise", "partial"}
    """

    method: str
    asked: Mapping[str, Any]
    shares: Mapping[str, Any] | None
    running: Mapping[str, Any]
    on_interrupt: str

    @property
    def length(self) -> Length:
        """How many draws every chain takes."""
        return Length.of(self.asked)

    @property
    def targets(self) -> tuple[float, ...]:
        """Acceptance rates: chains begin anew at the next one where draws diverged."""
        given = self.asked["target_accept"]
        return TARGETS if self.length.is_open and given is None else (given or TARGETS[0],)


def asked_of(
    *,
    draws: int | None,
    until: str | None,
    max_draws: int,
    tune: int,
    chains: int,
    **others: Any,
) -> dict[str, Any]:
    """Return what is asked of the chains of a fit, open in length where they show convergence."""
    length: dict[str, Any] = {"draws": draws or FIRST}
    if draws is None and until is not None and chains > 1:  # one chain shows no convergence
        length = {"draws": None, "until": until, "max_draws": max_draws}
    return {**length, "tune": tune, "chains": chains, **others}


def shares_asked(
    model: Model, centring: str | float | Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the share of centring per parameter; None where it is to be measured.

    Raises
    ------
    KeyError
        The model has no such parameter.
    ValueError
        A share is none.
    """
    if centring == "measured":
        return None
    given = centring if isinstance(centring, Mapping) else {"": centring}
    numbers = np.concatenate([as_numbers(np.ravel(share)) for share in given.values()] or [[]])
    if not ((numbers >= 0) & (numbers <= 1)).all():
        raise ValueError(
            f"centring must be 'measured', a number from 0 to 1 or a mapping of parameters to "
            f"such numbers; found {centring!r}. Leave it out to have it measured."
        )
    if isinstance(centring, Mapping):
        for name in centring:
            model.parameter(name)
        return centring
    return {p.name: float(centring) for p in model.parameters}
