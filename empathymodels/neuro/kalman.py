"""A Kalman filter of the model `signature_tracking`, for many draws at once, in NumPy alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LIMIT = 8.0  # standard deviations from what was expected: no score of a brain is that far away
_erf = np.frompyfunc(math.erf, 1, 1)


@dataclass(frozen=True)
class Parameters:
    """Draws of one person's parameters, each (..., draw); see the model `signature_tracking`."""

    baseline: np.ndarray
    regulation: np.ndarray
    persistence: np.ndarray
    fluctuation: np.ndarray
    noise: np.ndarray


@dataclass(frozen=True)
class State:
    """What is expected of the next volume, per draw: deviation, and share of variance unknown."""

    deviation: np.ndarray
    share: np.ndarray


class Filtered(NamedTuple):
    """What a volume leads to, per draw: the next state, the latent's mean and variance; if used."""

    state: State
    mean: np.ndarray
    variance: np.ndarray
    is_used: np.ndarray


def start(parameters: Parameters) -> State:
    """Before the first volume of a run nothing is known of the state but its spread."""
    return State(np.zeros_like(parameters.noise), np.ones_like(parameters.noise))


def advance(
    parameters: Parameters, state: State, value: np.ndarray | float, regulate: np.ndarray | float
) -> Filtered:
    """Take scores of the next volume, (...), into account.

    A value that is NaN, or farther than `LIMIT` standard deviations of all draws from their mean,
    tells nothing.
    """
    level = parameters.baseline + parameters.regulation * np.asarray(regulate)[..., None]
    expected = level + state.deviation
    variance = parameters.fluctuation**2 * state.share
    uncertainty = variance + parameters.noise**2
    score = np.asarray(value, dtype=float)[..., None]
    around = np.sqrt(uncertainty.mean(-1) + expected.var(-1))[..., None]
    near = np.abs(score - expected.mean(-1)[..., None]) <= LIMIT * around  # NaN is not
    gain = np.where(near, variance / uncertainty, 0.0)
    deviation = state.deviation + gain * (np.where(near, score, 0.0) - expected)
    kept = parameters.persistence**2
    following = State(
        parameters.persistence * deviation, kept * (1 - gain) * state.share + 1 - kept
    )
    return Filtered(following, level + deviation, variance * (1 - gain), near[..., 0])


def summarised(
    means: np.ndarray, variances: np.ndarray, target: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard deviation and probability above a target, over draws (the last axis)."""
    sd = np.sqrt(variances.mean(-1) + means.var(-1))
    above = (means - target) / np.sqrt(2 * np.maximum(variances, np.finfo(float).tiny))
    return means.mean(-1), sd, 0.5 + 0.5 * _erf(above).astype(float).mean(-1)


def feedback(above: np.ndarray | float, rule: str) -> np.ndarray:
    """What to show, from -1 to 1, given the probability of being above the target."""
    graded = 2 * np.asarray(above) - 1
    return graded if rule == "graded" else np.where(graded > 0, 1.0, -1.0)


def refuse_impossible(parameters: Parameters) -> None:
    """Raise for values out of their support."""
    noise, fluctuation = parameters.noise, parameters.fluctuation
    if (noise < 0).any() or (fluctuation < 0).any() or (noise + fluctuation <= 0).any():
        raise ValueError("standard deviations must not be below 0, and not both be 0")
    if ((parameters.persistence < 0) | (parameters.persistence >= 1)).any():
        raise ValueError("persistence must be from 0 to below 1")
