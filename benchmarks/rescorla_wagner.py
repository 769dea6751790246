"""Time several programs of one Rescorla-Wagner posterior, and check that it is one.

50 people x 3 recipients x 48 trials unless asked for others; see README.md for how to run it and
what was measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from choices import PARTICIPANTS, RECIPIENTS, TRIALS, comparison_points, simulate
from measurement import Measurement, agreement, compile_table, speed_table, summarise

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Environment:
    """What a program needs that the package does not: installed in a folder of its own."""

    packages: tuple[str, ...]
    python: str  # version or path, as in uv venv


STAN = Environment(("pystan==3.14.0", "httpstan==4.17.0", "numpy", "setuptools<81"), "3.12")
NUMPYRO = Environment(("numpyro==0.22.0", "jax[cpu]", "numpy"), sys.executable)
HSSM = Environment(("hssm==0.5.0", "nutpie[pymc]"), sys.executable)


@dataclass(frozen=True)
class Settings:
    """What every program is told, and the folder of the environments of their own."""

    draws: int
    tune: int
    seed: int
    environments: Path
    stan_python: str


def stan(data: dict[str, np.ndarray], settings: Settings) -> Measurement:
    """Measure the usual Stan program: a small vector of values, a softmax per trial."""
    return _stan("usual", "stan", data, settings)


def stan_careful(data: dict[str, np.ndarray], settings: Settings) -> Measurement:
    """Measure the same in Stan, written for speed."""
    return _stan("careful", "stan_careful", data, settings)


def scan(data: dict[str, np.ndarray], settings: Settings) -> Measurement:
    """Measure a PyTensor scan over trials, vectorised over people, in nutpie."""
    return _pymc("scan", data, settings)


def engine(data: dict[str, np.ndarray], settings: Settings) -> Measurement:
    """Measure the package's own trial engine, in nutpie."""
    return _pymc("engine", data, settings)


def numpyro(data: dict[str, np.ndarray], settings: Settings) -> Measurement:
    """Measure a `lax.scan` over trials, vectorised over people, in NumPyro on the processor."""
    python = _interpreter("numpyro", NUMPYRO, settings)
    command = [str(python), str(HERE / "numpyro_program.py")]
    return _measured("numpyro", command, data, settings)


def hssm(data: dict[str, np.ndarray], settings: Settings) -> Measurement:
    """Measure HSSM's own model of choices alone, of one recipient, in nutpie."""
    python = _interpreter("hssm", HSSM, settings)
    return _measured("hssm", [str(python), str(HERE / "hssm_program.py")], data, settings)


PROGRAMS: dict[str, Callable[[dict[str, np.ndarray], Settings], Measurement]] = {
    program.__name__: program for program in (stan, stan_careful, numpyro, hssm, scan, engine)
}
EVERY = [name for name in PROGRAMS if RECIPIENTS == 1 or name != "hssm"]


def main() -> None:
    """Run the programs that were asked for and print the tables."""
    options = _options()
    settings = Settings(
        options.draws, options.tune, options.seed, options.environments, options.stan_python
    )
    data = simulate(seed=options.seed) | {"points": comparison_points(seed=options.seed)}
    measured = []
    for name in options.programs.split(","):
        print(f"Running {name} ...", file=sys.stderr, flush=True)
        try:
            measured.append(PROGRAMS[name](data, settings))
        except subprocess.CalledProcessError as failure:
            print(f"{name} failed:\n{failure.stderr[-3000:]}", file=sys.stderr)
    if measured:
        sizes = f"{PARTICIPANTS} people x {RECIPIENTS} x {TRIALS}"
        title = (
            f"Sampling, {sizes}: {options.tune} warmup + {options.draws} draws, seed {options.seed}"
        )
        tables = [speed_table(measured, title=title), compile_table(measured)]
        print(_versions(), *tables, agreement(measured), sep="\n\n")
    if len(measured) < len(options.programs.split(",")):
        sys.exit(1)


def _stan(text: str, name: str, data: dict[str, np.ndarray], settings: Settings) -> Measurement:
    python = _interpreter("stan", replace(STAN, python=settings.stan_python), settings)
    return _measured(name, [str(python), str(HERE / "stan_program.py"), text], data, settings)


def _pymc(name: str, data: dict[str, np.ndarray], settings: Settings) -> Measurement:
    command = [sys.executable, str(HERE / "pymc_programs.py"), name]
    return _measured(name, command, data, settings)


def _measured(
    name: str, command: list[str], data: dict[str, np.ndarray], settings: Settings
) -> Measurement:
    """Compile with empty caches, then compile again and sample, in a process each."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        np.savez(folder / "data.npz", **data)
        fresh = os.environ | {
            "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
            "NUMBA_CACHE_DIR": str(folder / "numba"),
            "XDG_CACHE_HOME": str(folder / "cache"),  # Stan programs and Stan fits
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        results = []
        for draws in (0, settings.draws):
            numbers = {"draws": draws, "tune": settings.tune, "seed": settings.seed}
            flags = [part for k, v in numbers.items() for part in (f"--{k}", str(v))]
            subprocess.run(
                [*command, str(folder), *flags],
                check=True, capture_output=True, text=True, env=fresh, cwd=folder,
            )  # fmt: skip
            with np.load(folder / "measured.npz") as file:
                results.append(dict(file))
    return summarise(name, float(results[0]["compile_seconds"]), results[1])


def _interpreter(name: str, environment: Environment, settings: Settings) -> Path:
    """Return the Python of a program's own environment; make that where it is missing."""
    folder = settings.environments / name
    python, made = folder / "bin" / "python", folder / "made"
    commands = [
        ["uv", "venv", "--clear", "--python", environment.python, str(folder)],
        ["uv", "pip", "install", "--python", str(python), *environment.packages],
    ]
    if not made.is_file():
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, text=True)
        made.touch()
    return python


def _versions() -> str:
    packages = ("nutpie", "numba", "pymc", "pytensor")
    ours = [f"{package} {version(package)}" for package in packages]
    others = [one.packages[0].replace("==", " ") for one in (STAN, NUMPYRO, HSSM)]
    return f"{os.cpu_count()} cores, {', '.join([*ours, *others])}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", default=",".join(EVERY), help="default: %(default)s")
    parser.add_argument("--draws", type=int, default=1000, help="per chain, of two chains")
    parser.add_argument("--tune", type=int, default=500, help="warmup draws per chain")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--environments",
        type=Path,
        default=Path(tempfile.gettempdir()) / "empathymodels-benchmark",
        help="folder of the environments of PyStan, NumPyro and HSSM, made when missing",
    )
    parser.add_argument("--stan-python", default=STAN.python, help="version or path, as in uv venv")
    options = parser.parse_args()
    unknown = set(options.programs.split(",")) - set(PROGRAMS)
    if unknown:
        parser.error(f"--programs has {', '.join(sorted(unknown))}; choose of {list(PROGRAMS)}.")
    return options


if __name__ == "__main__":
    main()
