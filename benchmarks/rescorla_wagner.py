"""Time several programs of one Rescorla-Wagner posterior, and check that it is one.

50 people x 3 recipients x 48 trials; see README.md for how to run it and what was measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from choices import comparison_points, simulate
from measurement import Measurement, agreement, compile_table, speed_table, summarise

HERE = Path(__file__).parent
STAN_PACKAGES = ("pystan==3.14.0", "httpstan==4.17.0", "numpy", "setuptools<81")


@dataclass(frozen=True)
class Settings:
    """What every program is told, and where PyStan lives."""

    draws: int
    tune: int
    seed: int
    stan_environment: Path
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


PROGRAMS: dict[str, Callable[[dict[str, np.ndarray], Settings], Measurement]] = {
    program.__name__: program for program in (stan, stan_careful, scan, engine)
}


def main() -> None:
    """Run the programs that were asked for and print the tables."""
    options = _options()
    settings = Settings(
        options.draws, options.tune, options.seed, options.stan_environment, options.stan_python
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
        title = f"Sampling: {options.tune} warmup + {options.draws} draws, seed {options.seed}"
        tables = [speed_table(measured, title=title), compile_table(measured)]
        print(_versions(), *tables, agreement(measured), sep="\n\n")
    if len(measured) < len(options.programs.split(",")):
        sys.exit(1)


def _stan(text: str, name: str, data: dict[str, np.ndarray], settings: Settings) -> Measurement:
    python = _stan_interpreter(settings)
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


def _stan_interpreter(settings: Settings) -> Path:
    """Return the Python of PyStan's environment; make the environment where it is missing."""
    folder = settings.stan_environment
    python = folder / "bin" / "python"
    commands = []
    if not folder.exists():
        commands.append(["uv", "venv", "--python", settings.stan_python, str(folder)])
    if not list(folder.glob("lib/*/site-packages/stan")):
        commands.append(["uv", "pip", "install", "--python", str(python), *STAN_PACKAGES])
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, text=True)
    return python


def _versions() -> str:
    packages = ("nutpie", "numba", "pymc", "pytensor")
    ours = [f"{package} {version(package)}" for package in packages]
    return f"{os.cpu_count()} cores, {', '.join([*ours, STAN_PACKAGES[0].replace('==', ' ')])}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", default=",".join(PROGRAMS), help="default: %(default)s")
    parser.add_argument("--draws", type=int, default=1000, help="per chain, of two chains")
    parser.add_argument("--tune", type=int, default=500, help="warmup draws per chain")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--stan-environment",
        type=Path,
        default=Path(tempfile.gettempdir()) / "empathymodels-benchmark-stan",
        help="folder of PyStan's own environment, made when missing",
    )
    parser.add_argument("--stan-python", default="3.12", help="version or path, as in uv venv")
    options = parser.parse_args()
    unknown = set(options.programs.split(",")) - set(PROGRAMS)
    if unknown:
        parser.error(f"--programs has {', '.join(sorted(unknown))}; choose of {list(PROGRAMS)}.")
    return options


if __name__ == "__main__":
    main()
