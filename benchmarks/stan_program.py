"""Sample a Stan program of the benchmark with PyStan 3; runs in PyStan's own environment.

``python stan_program.py usual FOLDER --draws 500 --tune 500 --seed 1`` reads
``FOLDER/data.npz`` and writes ``FOLDER/measured.npz``. With ``--draws 0`` it only compiles.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import stan
from choices import (
    DEVIATIONS,
    INVERSE_TEMPERATURE_PRIOR,
    LEARNING_RATE_PRIOR,
    POPULATION,
    START_VALUE,
    asked,
    split,
)

CHAINS = 2


def main() -> None:
    """Compile, sample, and write what was measured."""
    options, data = asked("program")
    code = Path(__file__).with_name(f"{options.program}.stan").read_text()
    began = time.perf_counter()
    posterior = stan.build(code, data=stan_data(data), random_seed=options.seed)
    measured = {"compile_seconds": time.perf_counter() - began}
    if options.draws:
        measured |= densities(posterior, data["points"])
        measured |= sampled(posterior, draws=options.draws, tune=options.tune)
    np.savez(options.folder / "measured.npz", **measured)


def stan_data(data: dict[str, np.ndarray]) -> dict[str, object]:
    """Return the data block, with choices as (participant, recipient, trial)."""
    trials, participants, recipients = data["choice"].shape
    return {
        "participants": participants,
        "recipients": recipients,
        "trials": trials,
        "choice": np.moveaxis(data["choice"], 0, -1).tolist(),
        "outcome": np.moveaxis(data["outcome"], 0, -1).astype(float).tolist(),
        "start_value": START_VALUE,
        "learning_rate_prior": list(LEARNING_RATE_PRIOR),
        "inverse_temperature_prior": list(INVERSE_TEMPERATURE_PRIOR),
    }


def densities(posterior: stan.model.Model, points: np.ndarray) -> dict[str, np.ndarray]:
    """Return log density and gradient at the common comparison points."""
    density, gradient = [], []
    for point in points:
        ours = _deviations_transposed(point, rows_first=True).tolist()
        density.append(posterior.log_prob(ours))
        slope = np.array(posterior.grad_log_prob(ours))
        gradient.append(_deviations_transposed(slope, rows_first=False))
    return {"log_density": np.array(density), "gradient": np.array(gradient)}


def sampled(posterior: stan.model.Model, *, draws: int, tune: int) -> dict[str, np.ndarray]:
    """Return draws, (chain, draw, recipient), and the cost of getting them."""
    began = time.perf_counter()
    fit = posterior.sample(num_chains=CHAINS, num_samples=draws, num_warmup=tune, save_warmup=True)
    service_seconds = time.perf_counter() - began

    def by_chain(name: str) -> np.ndarray:
        # PyStan returns (..., draw x chain) with the chain varying fastest.
        values = fit[name]
        return np.moveaxis(values.reshape(-1, tune + draws, CHAINS), (2, 1, 0), (0, 1, 2))

    chain_seconds = [_logged(r"([\d.e+-]+) seconds \(Total\)", out) for out in fit.stan_outputs]
    return {name: by_chain(name)[:, tune:] for name in POPULATION} | {
        # Stan's own clock: without PyStan's transport of draws as JSON.
        "sampling_seconds": max(chain_seconds),
        "service_seconds": service_seconds,
        "n_gradients": by_chain("n_leapfrog__").sum(),
        "divergences": by_chain("divergent__")[:, tune:].sum(),
    }


def _logged(pattern: str, output: bytes) -> float:
    """Return the number that one chain's log gives (other topics repeat the same lines)."""
    log = [line for line in output.decode().splitlines() if '"topic":"logger"' in line]
    return float(re.findall(pattern, "\n".join(log))[0])


def _deviations_transposed(point: np.ndarray, *, rows_first: bool) -> np.ndarray:
    """Return a point with its matrices in Stan's column order, or back from it."""
    blocks = split(point)
    for name in DEVIATIONS:
        matrix = blocks[name]
        rows, columns = matrix.shape
        blocks[name] = matrix.T if rows_first else matrix.reshape(columns, rows).T
    return np.concatenate([block.ravel() for block in blocks.values()])


if __name__ == "__main__":
    main()
