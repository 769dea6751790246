"""Simulated two-option choices of Rescorla-Wagner learners, shared by all programs.

A plain NumPy simulation, on purpose independent of every program that is timed.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

SIZES = "BENCHMARK_SIZES"  # variable of the environment, so that every process has the same
PARTICIPANTS, RECIPIENTS, TRIALS = map(int, os.environ.get(SIZES, "50,3,48").split(","))
START_VALUE = 0.5
WIN_PROBABILITY = (0.25, 0.75)  # of the worse and the better option of a sequence

# Priors that every program uses: the mean of a Normal(mean, 1), the scale of a HalfNormal.
LEARNING_RATE_PRIOR = (-1.5, 0.75)  # logit scale
INVERSE_TEMPERATURE_PRIOR = (1.5, 0.5)  # log scale

# Blocks of the unconstrained parameter vector, in the order that all programs report.
# Spreads are there by their logarithm, deviations as (participant, recipient).
POPULATION = (
    "learning_rate_mean",
    "learning_rate_spread",
    "inverse_temperature_mean",
    "inverse_temperature_spread",
)
DEVIATIONS = ("learning_rate_deviation", "inverse_temperature_deviation")
BLOCKS = dict.fromkeys(POPULATION, (RECIPIENTS,)) | dict.fromkeys(
    DEVIATIONS, (PARTICIPANTS, RECIPIENTS)
)

TRUTH = {  # of up to three recipients
    "learning_rate_mean": np.array([-0.5, -1.0, -1.5])[:RECIPIENTS],
    "learning_rate_spread": np.array([0.6, 0.6, 0.6])[:RECIPIENTS],
    "inverse_temperature_mean": np.array([1.4, 1.3, 1.1])[:RECIPIENTS],
    "inverse_temperature_spread": np.array([0.3, 0.3, 0.3])[:RECIPIENTS],
}


def asked(*more: str) -> tuple[argparse.Namespace, dict[str, np.ndarray]]:
    """Read what a program is told on its command line, and the data in its folder."""
    parser = argparse.ArgumentParser()
    for name in more:
        parser.add_argument(name)
    parser.add_argument("folder", type=Path)
    for option in ("draws", "tune", "seed"):
        parser.add_argument(f"--{option}", type=int, required=True)
    options = parser.parse_args()
    with np.load(options.folder / "data.npz") as file:
        return options, dict(file)


def simulate(*, seed: int) -> dict[str, np.ndarray]:
    """Return `choice` and `outcome`, both 0 or 1, as (trial, participant, recipient)."""
    random = np.random.default_rng(seed)
    people = (PARTICIPANTS, RECIPIENTS)
    learning_rate = 1 / (1 + np.exp(-_people("learning_rate", random)))
    inverse_temperature = np.exp(_people("inverse_temperature", random))
    better_option = random.integers(2, size=people)
    value = np.full((2, *people), START_VALUE)
    choice = np.empty((TRIALS, *people), dtype=int)
    outcome = np.empty((TRIALS, *people), dtype=int)
    for trial in range(TRIALS):
        utility = inverse_temperature * (value[1] - value[0])
        choice[trial] = random.random(people) < 1 / (1 + np.exp(-utility))
        win = np.where(choice[trial] == better_option, WIN_PROBABILITY[1], WIN_PROBABILITY[0])
        outcome[trial] = random.random(people) < win
        chosen = np.arange(2)[:, None, None] == choice[trial]
        value += learning_rate * chosen * (outcome[trial] - value)
    return {"choice": choice, "outcome": outcome}


def comparison_points(*, seed: int, count: int = 3) -> np.ndarray:
    """Return unconstrained points, as (point, parameter), to compare log densities at."""
    size = sum(int(np.prod(shape)) for shape in BLOCKS.values())
    return np.random.default_rng(seed).normal(scale=0.7, size=(count, size))


def split(point: np.ndarray) -> dict[str, np.ndarray]:
    """Return the named blocks of an unconstrained point (or of a gradient)."""
    ends = np.cumsum([int(np.prod(shape)) for shape in BLOCKS.values()])
    parts = np.split(point, ends[:-1])
    return {name: part.reshape(BLOCKS[name]) for name, part in zip(BLOCKS, parts, strict=True)}


def _people(parameter: str, random: np.random.Generator) -> np.ndarray:
    deviation = random.normal(size=(PARTICIPANTS, RECIPIENTS))
    return TRUTH[f"{parameter}_mean"] + TRUTH[f"{parameter}_spread"] * deviation
