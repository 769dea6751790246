"""Sample a PyMC program of the benchmark with nutpie; runs in the package's environment.

``python pymc_programs.py scan FOLDER --draws 500 --tune 500 --seed 1`` reads
``FOLDER/data.npz`` and writes ``FOLDER/measured.npz``. With ``--draws 0`` it only compiles.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from timeit import repeat

import numpy as np
import nutpie
import pymc as pm
import pytensor
import pytensor.tensor as pt
from choices import (
    BLOCKS,
    INVERSE_TEMPERATURE_PRIOR,
    LEARNING_RATE_PRIOR,
    PARTICIPANTS,
    POPULATION,
    RECIPIENTS,
    START_VALUE,
    split,
)

CHAINS = 2
REPEATS, CALLS = 200, 10  # kernel alone: the fastest of 200 batches of 10 calls

Names = dict[str, str]  # from our blocks (see choices.BLOCKS) to a model's variables


def scan_model(data: dict[str, np.ndarray]) -> tuple[pm.Model, Names]:
    """Return the model as a PyTensor scan over trials, vectorised over all sequences."""
    sequences = PARTICIPANTS * RECIPIENTS
    with pm.Model() as model:
        learning_rate = pm.math.sigmoid(_people("learning_rate", LEARNING_RATE_PRIOR))
        inverse_temperature = pt.exp(_people("inverse_temperature", INVERSE_TEMPERATURE_PRIOR))
        choice = data["choice"].reshape(-1, sequences).astype(float)
        outcome = data["outcome"].reshape(-1, sequences).astype(float)
        start = pt.as_tensor(np.full(sequences, START_VALUE))
        _, _, difference = pytensor.scan(
            _trial,
            sequences=[pt.as_tensor(choice), pt.as_tensor(outcome)],
            outputs_info=[start, start, None],
            non_sequences=[learning_rate.ravel()],
            return_updates=False,
        )
        utility = inverse_temperature.ravel() * difference
        pm.Potential("choices", (choice * utility - pt.softplus(utility)).sum())
    return model, {name: name for name in BLOCKS}


def engine_model(data: dict[str, np.ndarray]) -> tuple[pm.Model, Names]:
    """Return the package's model of the same choices, and what it calls our blocks.

    A block that is missing among the names leaves out the comparison of log densities.
    """
    raise NotImplementedError("The package's public API will build this model.")


MODELS = {"scan": scan_model, "engine": engine_model}


def main() -> None:
    """Compile, sample, and write what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=MODELS)
    parser.add_argument("folder", type=Path)
    for option in ("draws", "tune", "seed"):
        parser.add_argument(f"--{option}", type=int, required=True)
    options = parser.parse_args()
    with np.load(options.folder / "data.npz") as file:
        data = dict(file)
    began = time.perf_counter()
    model, names = MODELS[options.program](data)
    compiled = nutpie.compile_pymc_model(model)
    measured = {"compile_seconds": time.perf_counter() - began}
    if options.draws:
        measured |= densities(model, compiled, names, data["points"])
        measured |= sampled(compiled, names, options.draws, options.tune, options.seed)
    np.savez(options.folder / "measured.npz", **measured)


def densities(
    model: pm.Model, compiled: nutpie.CompiledModel, names: Names, points: np.ndarray
) -> dict[str, np.ndarray]:
    """Return log density, gradient and time of one evaluation at the common comparison points."""
    function = compiled.logp_func.vm.jit_fn
    shared = [variable.get_value() for variable in compiled.logp_func.get_shared()]
    anywhere = np.zeros(compiled.n_dim)
    seconds = repeat(lambda: function(anywhere, *shared), repeat=REPEATS, number=CALLS)
    measured = {"alone_us": 1e6 * min(seconds) / CALLS}
    ours = {variable: block for block, variable in names.items()}
    order = [ours[variable.name] for variable in model.free_RVs if variable.name in ours]
    if set(order) != set(BLOCKS) or len(order) < len(model.free_RVs):
        return measured
    density, gradient = [], []
    for point in points:
        blocks = split(point)
        theirs = np.concatenate([blocks[name].ravel() for name in order])
        logp, slope = function(theirs, *shared)
        ends = np.cumsum([blocks[name].size for name in order])[:-1]
        slopes = dict(zip(order, np.split(slope, ends), strict=True))
        density.append(float(logp))
        gradient.append(np.concatenate([slopes[name] for name in BLOCKS]))
    return measured | {"log_density": np.array(density), "gradient": np.array(gradient)}


def sampled(
    compiled: nutpie.CompiledModel, names: Names, draws: int, tune: int, seed: int
) -> dict[str, np.ndarray]:
    """Return draws, (chain, draw, recipient), and the cost of getting them."""
    began = time.perf_counter()
    trace = nutpie.sample(
        compiled,
        draws=draws,
        tune=tune,
        chains=CHAINS,
        cores=CHAINS,
        seed=seed,
        save_warmup=True,
        progress_bar=False,
    )
    seconds = time.perf_counter() - began
    steps = [trace[group]["n_steps"].sum() for group in ("warmup_sample_stats", "sample_stats")]
    return {name: trace["posterior"][names[name]].to_numpy() for name in POPULATION} | {
        "sampling_seconds": seconds,
        "n_gradients": sum(int(part) for part in steps),
        "divergences": int(trace["sample_stats"]["diverging"].sum()),
    }


def _people(parameter: str, prior: tuple[float, float]) -> pt.TensorVariable:
    """Return one link-scale value per (participant, recipient), non-centred."""
    mean = pm.Normal(f"{parameter}_mean", prior[0], 1, shape=RECIPIENTS)
    spread = pm.HalfNormal(f"{parameter}_spread", prior[1], shape=RECIPIENTS)
    shape = (PARTICIPANTS, RECIPIENTS)
    deviation = pm.Normal(f"{parameter}_deviation", 0, 1, shape=shape)
    return mean + spread * deviation


def _trial(choice, outcome, first, second, learning_rate):
    """Return the values after a trial, and the difference between them before it."""
    error = outcome - pt.switch(choice, second, first)
    step = learning_rate * error
    return first + (1 - choice) * step, second + choice * step, second - first


if __name__ == "__main__":
    main()
