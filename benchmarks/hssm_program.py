"""Sample HSSM's Rescorla-Wagner model of choices alone; runs in HSSM's own environment.

``python hssm_program.py FOLDER --draws 500 --tune 500 --seed 1`` reads ``FOLDER/data.npz`` and
writes ``FOLDER/measured.npz``. With ``--draws 0`` it only compiles. Everybody has one sequence of
choices, and all as many, as HSSM wants it. Its model is sampled by nutpie, as the package's own is.
"""

from __future__ import annotations

import time
from dataclasses import replace
from timeit import repeat

import hssm
import jax
import numpy as np
import nutpie
import pandas as pd
from choices import (
    INVERSE_TEMPERATURE_PRIOR,
    LEARNING_RATE_PRIOR,
    PARTICIPANTS,
    RECIPIENTS,
    asked,
    split,
)
from hssm.rl.registry import get_rlssm_model_config

CHAINS = 2
REPEATS, CALLS = 20, 10  # kernel alone: the fastest of 20 batches of 10 calls
NAMES = {"learning_rate": "rl_alpha", "inverse_temperature": "beta"}
WHOSE = "1|participant_id"
PARTS = {"mean": "Intercept", "spread": f"{WHOSE}_sigma", "deviation": f"{WHOSE}_offset"}


def rlssm(data: dict[str, np.ndarray]) -> hssm.RLSSM:
    """Return HSSM's model of the choices, with the priors that all programs have."""
    if RECIPIENTS != 1:
        raise ValueError("HSSM's learner has one sequence per person: set one recipient.")
    trials = pd.DataFrame(
        {
            "participant_id": np.repeat(np.arange(PARTICIPANTS), len(data["choice"])),
            "response": data["choice"][..., 0].T.ravel(),
            "feedback": data["outcome"][..., 0].T.ravel().astype(float),
        }
    )
    config = get_rlssm_model_config("2AB_RW_InvTempSoftmax")
    config = replace(config, bounds=config.bounds | {"beta": (0.0, 1000.0)})  # ours has no end
    include = [
        _parameter("rl_alpha", "logit", LEARNING_RATE_PRIOR),
        _parameter("beta", "log", INVERSE_TEMPERATURE_PRIOR),
    ]
    return hssm.RLSSM(trials, model_config=config, include=include, p_outlier=0)


def _parameter(name: str, link: str, prior: tuple[float, float]) -> dict[str, object]:
    spread = {"name": "HalfNormal", "sigma": prior[1]}
    return {
        "name": name,
        "formula": f"{name} ~ 1 + ({WHOSE})",
        "link": link,
        "prior": {
            "Intercept": {"name": "Normal", "mu": prior[0], "sigma": 1.0},
            WHOSE: {"name": "Normal", "mu": 0.0, "sigma": spread},
        },
    }


def main() -> None:
    """Compile, sample, and write what was measured."""
    options, data = asked()
    began = time.perf_counter()
    model = rlssm(data).pymc_model
    compiled = nutpie.compile_pymc_model(model, backend="jax", gradient_backend="jax")
    measured = {"compile_seconds": time.perf_counter() - began}
    if options.draws:
        measured |= densities(model, data["points"])
        measured |= sampled(compiled, options.draws, options.tune, options.seed)
    np.savez(options.folder / "measured.npz", **measured)


def densities(model, points: np.ndarray) -> dict[str, np.ndarray]:
    """Return log density and gradient at the common points, and the time of one evaluation."""
    function = model.logp_dlogp_function(ravel_inputs=True, mode="JAX")
    function.set_extra_values({})
    order = [variable.name for variable in model.value_vars]
    density, gradient = [], []
    for point in points:
        blocks = split(point)
        value, slope = function(np.concatenate([blocks[_block(name)].ravel() for name in order]))
        ends = np.cumsum([blocks[_block(name)].size for name in order])[:-1]
        parts = np.split(np.asarray(slope), ends)
        slopes = {_block(name): part for name, part in zip(order, parts, strict=True)}
        density.append(float(value))
        gradient.append(np.concatenate([slopes[block] for block in blocks]))
    anywhere = np.zeros(len(points[0]))
    seconds = repeat(
        lambda: jax.block_until_ready(function(anywhere)), repeat=REPEATS, number=CALLS
    )
    return {
        "alone_us": np.array(1e6 * min(seconds) / CALLS),
        "log_density": np.array(density),
        "gradient": np.array(gradient),
    }


def _block(variable: str) -> str:
    """Return our name of one of HSSM's variables."""
    variable = variable.removesuffix("_log__")
    (parameter,) = (ours for ours, theirs in NAMES.items() if variable.startswith(theirs + "_"))
    (part,) = (ours for ours, theirs in PARTS.items() if variable.endswith(theirs))
    return f"{parameter}_{part}"


def sampled(compiled, draws: int, tune: int, seed: int) -> dict[str, np.ndarray]:
    """Return draws, (chain, draw, recipient), and the cost of getting them."""
    began = time.perf_counter()
    trace = nutpie.sample(
        compiled, draws=draws, tune=tune, chains=CHAINS, cores=CHAINS, seed=seed,
        save_warmup=True, progress_bar=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    steps = [trace[group]["n_steps"].sum() for group in ("warmup_sample_stats", "sample_stats")]
    found = {
        f"{ours}_{part}": trace["posterior"][f"{theirs}_{PARTS[part]}"].to_numpy()[..., None]
        for ours, theirs in NAMES.items()
        for part in ("mean", "spread")
    }
    return found | {
        "sampling_seconds": seconds,
        "n_gradients": sum(int(part) for part in steps),
        "divergences": int(trace["sample_stats"]["diverging"].sum()),
    }


if __name__ == "__main__":
    main()
