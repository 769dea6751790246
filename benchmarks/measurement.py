"""Numbers, tables and agreement of the programs, from what each of them wrote."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import arviz as az
import numpy as np
from choices import POPULATION

CHAIN_AGREEMENT = 1.05  # an R-hat above this says: too few draws to compare means
# Two means may differ by this many Monte-Carlo errors. Two-sided normal tail 6e-5, so a
# false alarm among 12 parameters and 6 pairs of programs has probability below 0.5 %.
ERRORS_APART = 4.0
# Relative: Stan's Bernoulli drops exp(-|x|) beyond |x| = 20, which costs it about 1e-8.
DENSITY_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Measurement:
    """What one program needed, and what it found (population parameters as arrays)."""

    name: str
    us_per_gradient: float
    alone_us: float
    ess_per_second: float
    posterior_means: dict[str, np.ndarray]
    monte_carlo_errors: dict[str, np.ndarray]
    largest_rhat: float
    compile_seconds_cold: float
    compile_seconds: float
    sampling_seconds: float
    divergences: int
    n_gradients: int
    log_density: np.ndarray | None
    gradient: np.ndarray | None


def summarise(name: str, cold: float, result: dict[str, np.ndarray]) -> Measurement:
    """Return the measurement of a program from what it wrote and its cold compile time."""
    posterior = az.from_dict({"posterior": {k: result[k] for k in POPULATION}}).posterior
    effective = az.ess(posterior, method="bulk")
    errors = az.mcse(posterior, method="mean")
    rhat = az.rhat(posterior)
    seconds = float(result["sampling_seconds"])
    return Measurement(
        name=name,
        us_per_gradient=1e6 * seconds / int(result["n_gradients"]),
        alone_us=float(result.get("alone_us", np.nan)),
        ess_per_second=min(float(effective[k].min()) for k in POPULATION) / seconds,
        posterior_means={k: result[k].mean((0, 1)) for k in POPULATION},
        monte_carlo_errors={k: errors[k].to_numpy() for k in POPULATION},
        largest_rhat=max(float(rhat[k].max()) for k in POPULATION),
        compile_seconds_cold=cold,
        compile_seconds=float(result["compile_seconds"]),
        sampling_seconds=seconds,
        divergences=int(result["divergences"]),
        n_gradients=int(result["n_gradients"]),
        log_density=result.get("log_density"),
        gradient=result.get("gradient"),
    )


def speed_table(measured: list[Measurement], *, title: str) -> str:
    """Return a Markdown table of sampling speeds, with ratios to the first program."""
    first = measured[0]
    heads = (
        "program", "us/gradient, 2 chains", f"x {first.name}", "us/gradient alone", "gradients",
        "sampling s", "min bulk ESS/s", f"x {first.name}", "divergences", "largest R-hat",
    )  # fmt: skip
    rows = [
        (
            one.name, f"{one.us_per_gradient:.0f}",
            f"{first.us_per_gradient / one.us_per_gradient:.1f}", _or_dash(one.alone_us),
            f"{one.n_gradients}", f"{one.sampling_seconds:.1f}", f"{one.ess_per_second:.1f}",
            f"{one.ess_per_second / first.ess_per_second:.1f}", f"{one.divergences}",
            f"{one.largest_rhat:.3f}",
        )
        for one in measured
    ]  # fmt: skip
    return f"{title}\n\n" + markdown(heads, rows)


def compile_table(measured: list[Measurement]) -> str:
    """Return a Markdown table of the seconds from program text to the first gradient."""
    heads = ("program", "compile s, empty caches", "compile s, warm caches")
    rows = [
        (one.name, f"{one.compile_seconds_cold:.1f}", f"{one.compile_seconds:.1f}")
        for one in measured
    ]
    return "Compiling (in a new process, imports not counted)\n\n" + markdown(heads, rows)


def agreement(measured: list[Measurement]) -> str:
    """Return sentences that say whether all programs have the same posterior."""
    lines = ["Same posterior?", ""]
    for one, other in combinations(measured, 2):
        pair = f"- {one.name} and {other.name}: "
        apart = max(_errors_apart(one, other, name) for name in POPULATION)
        verdict = "agree" if apart < ERRORS_APART else "DISAGREE"
        lines.append(
            f"{pair}posterior means {verdict} within Monte-Carlo error (largest difference "
            f"{apart:.1f} errors, limit {ERRORS_APART:.0f}); {_density_verdict(one, other)}"
        )
    unsure = [one.name for one in measured if one.largest_rhat > CHAIN_AGREEMENT]
    if unsure:
        lines.append(f"- Too few draws to rely on the means of: {', '.join(unsure)} (R-hat).")
    return "\n".join(lines)


def markdown(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _errors_apart(one: Measurement, other: Measurement, name: str) -> float:
    difference = one.posterior_means[name] - other.posterior_means[name]
    error = np.hypot(one.monte_carlo_errors[name], other.monte_carlo_errors[name])
    return float(np.abs(difference / error).max())


def _density_verdict(one: Measurement, other: Measurement) -> str:
    if one.gradient is None or other.gradient is None:
        return "log densities not compared."
    # Programs drop different constants, so differences between points are compared.
    steps = [np.diff(each.log_density) for each in (one, other)]
    same = np.allclose(*steps, rtol=DENSITY_TOLERANCE) and np.allclose(
        one.gradient, other.gradient, rtol=DENSITY_TOLERANCE, atol=DENSITY_TOLERANCE
    )
    difference = np.abs(one.gradient - other.gradient).max()
    return (
        f"log densities (up to a constant) and gradients at {len(one.gradient)} points are "
        f"{'the same' if same else 'DIFFERENT'} (largest gradient difference {difference:.0e})."
    )


def _or_dash(number: float) -> str:
    return "-" if np.isnan(number) else f"{number:.0f}"
