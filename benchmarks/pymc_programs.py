"""Sample a PyMC program of the benchmark with nutpie; runs in the package's environment.

``python pymc_programs.py scan FOLDER --draws 500 --tune 500 --seed 1`` reads
``FOLDER/data.npz`` and writes ``FOLDER/measured.npz``. With ``--draws 0`` it only compiles.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from timeit import repeat
from typing import Any

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
    asked,
    split,
)

from empathymodels.compiling import compiling
from empathymodels.responses.log_sigmoid import log_sigmoid

CHAINS = 2
REPEATS, CALLS = 200, 10  # kernel alone: the fastest of 200 batches of 10 calls

PILOT = {"tune": 300, "draws": 150, "chains": CHAINS}  # as em.fit does it

Pilot = Callable[[Any, int], tuple[Any, int]]
# from our blocks (see choices.BLOCKS) to a model's variable and the columns of it
Names = dict[str, tuple[str, slice]]


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
        pm.Potential("choices", log_sigmoid((2 * choice - 1) * utility).sum())
    return model, {name: (name, slice(None)) for name in BLOCKS}


def engine_model(data: dict[str, np.ndarray]) -> tuple[pm.Model, Names]:
    """Return the package's model of the same choices, non-centred like the others."""
    import empathymodels as em
    from empathymodels.engine.build import build
    from empathymodels.layout.arrange import arrange

    learner = em.get_model(Path(__file__).with_name("choice_learner.py"))
    centring = {"learning_rate": 0.0, "inverse_temperature": 0.0}
    model = build(arrange(learner, _study(data)), {}, centring=centring)
    names = {}
    for name, columns in (
        ("learning_rate", slice(0, RECIPIENTS)),
        ("inverse_temperature", slice(RECIPIENTS, None)),
    ):
        for block, part in (("mean", "location"), ("spread", "spread"), ("deviation", "deviation")):
            names[f"{name}_{block}"] = (f"participant:{part}", columns)
    return model, names


def _study(data: dict[str, np.ndarray]) -> object:
    """Return the choices as a study: trials of one recipient after the other."""
    import pandas as pd

    import empathymodels as em

    trial, participant, recipient = np.indices(data["choice"].shape)
    trials = len(data["choice"])
    return em.Study(
        trials=pd.DataFrame(
            {
                "participant": [f"{number:02d}" for number in participant.ravel()],
                "trial": (recipient * trials + trial).ravel(),
                "recipient": [f"r{number}" for number in recipient.ravel()],
                "choice": data["choice"].ravel(),
                "outcome": data["outcome"].ravel(),
            }
        )
    )


def measured_centring(
    compiled: nutpie.CompiledModel, seed: int
) -> tuple[nutpie.CompiledModel, int]:
    """Run the package's pilot and swap in the shares of centring that it suggests."""
    pilot = nutpie.sample(
        compiled, **PILOT, cores=CHAINS, seed=seed, save_warmup=True, progress_bar=False
    )
    draws = {name: pilot["posterior"][f"participant:{name}"].to_numpy() for name in PARTS}
    spread = draws["spread"]
    linked = draws["location"][:, :, None] + spread[:, :, None] * draws["deviation"]
    share = np.median(1 - linked.var(axis=(0, 1)) / np.mean(spread**2, axis=(0, 1)), axis=0)
    steps = [pilot[group]["n_steps"].sum() for group in ("warmup_sample_stats", "sample_stats")]
    centred = compiled.with_data(**{"participant:centring": np.clip(share, 0, 1)})
    return centred, sum(int(part) for part in steps)


PARTS = ("location", "spread", "deviation")
MODELS = {"scan": scan_model, "engine": engine_model}
PILOTS = {"engine": measured_centring}
HOW = {"engine": compiling}  # as em.fit compiles, without fastmath; the other as PyTensor does


def main() -> None:
    """Compile, sample, and write what was measured."""
    options, data = asked("program")
    began = time.perf_counter()
    model, names = MODELS[options.program](data)
    with HOW.get(options.program, nullcontext)():
        compiled = nutpie.compile_pymc_model(model)
    measured = {"compile_seconds": time.perf_counter() - began}
    if options.draws:
        measured |= densities(model, compiled, names, data["points"])
        measured |= sampled(
            compiled, names, options.draws, options.tune, options.seed, PILOTS.get(options.program)
        )
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
    order = [variable.name for variable in model.free_RVs]
    if set(order) != {variable for variable, _ in names.values()}:
        return measured
    density, gradient = [], []
    for point in points:
        blocks = split(point)
        parts = {
            variable: np.concatenate(
                [blocks[block] for block, (held, _) in names.items() if held == variable], axis=-1
            )
            for variable in order
        }
        logp, slope = function(np.concatenate([parts[v].ravel() for v in order]), *shared)
        ends = np.cumsum([parts[variable].size for variable in order])[:-1]
        slopes = dict(zip(order, np.split(slope, ends), strict=True))
        density.append(float(logp))
        gradient.append(
            np.concatenate(
                [
                    slopes[held].reshape(parts[held].shape)[..., columns].ravel()
                    for held, columns in (names[block] for block in BLOCKS)
                ]
            )
        )
    return measured | {"log_density": np.array(density), "gradient": np.array(gradient)}


def sampled(
    compiled: nutpie.CompiledModel,
    names: Names,
    draws: int,
    tune: int,
    seed: int,
    pilot: Pilot | None = None,
) -> dict[str, np.ndarray]:
    """Return draws, (chain, draw, recipient), and the cost of getting them, pilot included."""
    began = time.perf_counter()
    pilot_steps = 0
    if pilot is not None:
        compiled, pilot_steps = pilot(compiled, seed)
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
    posterior = trace["posterior"]
    draws_of = {
        block: posterior[names[block][0]].to_numpy()[..., names[block][1]] for block in POPULATION
    }
    return draws_of | {
        "sampling_seconds": seconds,
        "n_gradients": pilot_steps + sum(int(part) for part in steps),
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
