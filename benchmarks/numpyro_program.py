"""Sample the NumPyro program of the benchmark; runs in NumPyro's own environment.

``python numpyro_program.py FOLDER --draws 500 --tune 500 --seed 1`` reads
``FOLDER/data.npz`` and writes ``FOLDER/measured.npz``. With ``--draws 0`` it only compiles.
"""

from __future__ import annotations

import time
from timeit import repeat

import numpy as np
import numpyro

CHAINS = 2
numpyro.set_host_device_count(CHAINS)  # before JAX starts: chains run at once, one per core
numpyro.enable_x64()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from choices import (  # noqa: E402
    DEVIATIONS,
    INVERSE_TEMPERATURE_PRIOR,
    LEARNING_RATE_PRIOR,
    PARTICIPANTS,
    POPULATION,
    RECIPIENTS,
    START_VALUE,
    asked,
    split,
)
from numpyro import distributions as dist  # noqa: E402
from numpyro.infer import MCMC, NUTS  # noqa: E402
from numpyro.infer.util import initialize_model  # noqa: E402

REPEATS, CALLS = 200, 10  # kernel alone: the fastest of 200 batches of 10 calls


def model(choice: jax.Array, outcome: jax.Array) -> None:
    """Declare the posterior of choices and outcomes, both (trial, participant, recipient)."""
    rate = jax.nn.sigmoid(_people("learning_rate", LEARNING_RATE_PRIOR))
    inverse_temperature = jnp.exp(_people("inverse_temperature", INVERSE_TEMPERATURE_PRIOR))

    def trial(values: tuple[jax.Array, jax.Array], seen: tuple[jax.Array, jax.Array]):
        (first, second), (chosen, gained) = values, seen
        step = rate * (gained - jnp.where(chosen == 1, second, first))
        after = first + (1 - chosen) * step, second + chosen * step
        return after, second - first

    start = jnp.full(choice.shape[1:], START_VALUE)
    _, difference = jax.lax.scan(trial, (start, start), (choice, outcome))
    numpyro.sample("choice", dist.Bernoulli(logits=inverse_temperature * difference), obs=choice)


def _people(parameter: str, prior: tuple[float, float]) -> jax.Array:
    """Return one link-scale value per (participant, recipient), non-centred."""
    of_recipients, of_people = (RECIPIENTS,), (PARTICIPANTS, RECIPIENTS)
    mean = numpyro.sample(f"{parameter}_mean", dist.Normal(prior[0], 1).expand(of_recipients))
    spread = numpyro.sample(f"{parameter}_spread", dist.HalfNormal(prior[1]).expand(of_recipients))
    deviation = numpyro.sample(f"{parameter}_deviation", dist.Normal(0, 1).expand(of_people))
    return mean + spread * deviation


def main() -> None:
    """Compile, sample, and write what was measured."""
    options, data = asked()
    observed = tuple(jnp.asarray(data[name], dtype=float) for name in ("choice", "outcome"))
    began = time.perf_counter()
    start = initialize_model(jax.random.key(options.seed), model, model_args=observed)
    density = jax.jit(jax.value_and_grad(start.potential_fn))
    jax.block_until_ready(density(start.param_info.z))
    measured = {"compile_seconds": time.perf_counter() - began}
    if options.draws:
        measured |= densities(density, data["points"])
        measured |= sampled(observed, options.draws, options.tune, options.seed)
    np.savez(options.folder / "measured.npz", **measured)


def densities(density, points: np.ndarray) -> dict[str, np.ndarray]:
    """Return log density, gradient and time of one evaluation at the common comparison points."""
    found = [density({n: jnp.asarray(v) for n, v in split(point).items()}) for point in points]
    anywhere = {name: jnp.zeros_like(value) for name, value in found[0][1].items()}
    seconds = repeat(lambda: jax.block_until_ready(density(anywhere)), repeat=REPEATS, number=CALLS)
    blocks = [*POPULATION, *DEVIATIONS]
    return {
        "alone_us": np.array(1e6 * min(seconds) / CALLS),
        "log_density": np.array([-float(value) for value, _ in found]),
        "gradient": np.array(
            [np.concatenate([-np.asarray(slope[b]).ravel() for b in blocks]) for _, slope in found]
        ),
    }


def sampled(
    observed: tuple[jax.Array, jax.Array], draws: int, tune: int, seed: int
) -> dict[str, np.ndarray]:
    """Return draws, (chain, draw, recipient), and the cost of getting them.

    NumPyro compiles within every run of parallel chains, so what a run of next to no draws takes
    is subtracted.
    """
    for _ in ("what is made once per process", "what is made in every run"):
        _, _, compiling = _run(observed, 1, 1, seed)
    sampler, steps, seconds = _run(observed, draws, tune, seed)
    fields = sampler.get_extra_fields()
    posterior = sampler.get_samples(group_by_chain=True)
    return {name: np.asarray(posterior[name]) for name in POPULATION} | {
        "sampling_seconds": seconds - compiling,
        "n_gradients": steps + int(fields["num_steps"].sum()),
        "divergences": int(fields["diverging"].sum()),
    }


def _run(
    observed: tuple[jax.Array, jax.Array], draws: int, tune: int, seed: int
) -> tuple[MCMC, int, float]:
    """Sample; return the sampler, steps of its warmup, and seconds."""
    began = time.perf_counter()
    sampler = MCMC(
        NUTS(model), num_warmup=tune, num_samples=draws, num_chains=CHAINS, progress_bar=False
    )
    told = ("num_steps", "diverging")
    sampler.warmup(jax.random.key(seed), *observed, extra_fields=told, collect_warmup=True)
    steps = int(sampler.get_extra_fields()["num_steps"].sum())
    sampler.run(jax.random.key(seed + 1), *observed, extra_fields=told)
    jax.block_until_ready(sampler.get_samples())
    return sampler, steps, time.perf_counter() - began


if __name__ == "__main__":
    main()
