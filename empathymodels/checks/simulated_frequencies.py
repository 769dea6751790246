"""How often simulated responses take their values, against what the likelihood says."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.replace import vectorize_graph
from scipy import stats

from empathymodels.compiling import in_double_precision
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Response
from empathymodels.declaration.rating_scale import steps_of
from empathymodels.engine.evaluator import Evaluator, Values, evaluator
from empathymodels.engine.feedback import fed_back_responses, option_columns
from empathymodels.engine.observe import observe
from empathymodels.engine.program import Program, SharedData
from empathymodels.layout.arrange import arrange
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import flat_values
from empathymodels.population.given_values import values_from_table
from empathymodels.simulation.log_likelihood import log_likelihood
from empathymodels.simulation.made_up import made_up_study, typical_values
from empathymodels.simulation.placeholders import with_placeholders
from empathymodels.simulation.simulate import simulate, simulate_responses
from empathymodels.study.study import Study

DRAWS, GRID, SPAN = 60, 801, 3  # draws that find where a density lies, points of its integral,
# and how many ranges of the draws it reaches beyond them
BESIDE = 200  # more of them on either side of values that have a probability, taken together
MAX_SEQUENCES, SIMULATED_SEQUENCES, PEOPLE = 256, 20_000, 2_000


def log_density(compiled: Evaluator, arrays: Values, name: str, at: Any) -> np.ndarray:
    """Log-density of every scored row if its value were `at`, the past being what it was."""
    key = f"observed {name}"
    other = compiled.given({key: np.full_like(compiled.data[key], at)})
    return other(arrays)["log_likelihood"][name]


@in_double_precision()
def log_densities(
    arrangement: Arrangement, arrays: Values, name: str, points: np.ndarray
) -> np.ndarray:
    """Log-densities (point, observation) of every scored row at many values of its own.

    As `log_density` at one after the other; what does not depend on them is evaluated once.
    """
    inputs, data = pt.dvector("values"), SharedData()
    needed = arrangement.needed_latents
    distribution = observe(arrangement, inputs, give=data, latents=needed).distributions[name]
    observed = data(f"{name}:observed", arrangement.scored[name].values)
    many = pt.tensor("points", dtype=observed.dtype, shape=(None, points.shape[1]))
    each = vectorize_graph(pm.logp(distribution, observed), {observed: many})
    program = Program([inputs, many], [pt.broadcast_to(each, many.shape)])
    (found,) = program(flat_values(arrangement, arrays), points.astype(observed.dtype))
    return np.asarray(found)


def density_and_places(
    model: Model, study: Study, values: Values, response: Response, seeds: Iterable[int]
) -> tuple[float, np.ndarray]:
    """Return the integral of a density, and the place (0 to 1) of simulated values in it.

    The integral is that of the row on which it is furthest from one, with the probability of
    values that have one (the ends of a censored scale); such a value has a random place within
    its probability. Where later trials depend on responses, only the study's own values are placed:
    others would make another past.
    """
    compiled, name = evaluator(model, study), response.name
    arrays = values_from_table(compiled.arrangement, values)
    draws = np.stack([compiled(arrays)["draw"][name] for _ in range(DRAWS)])
    atoms, grid = _atoms_and_grid(compiled, response, draws)  # grid: (grid, observation)
    at = np.concatenate([grid, np.broadcast_to(atoms[:, None], (len(atoms), grid.shape[1]))])
    log_density_at = log_densities(compiled.arrangement, arrays, name, at)
    density, masses = np.split(np.exp(log_density_at), [len(grid)])
    density = np.nan_to_num(density)  # some log-densities are undefined outside their support
    pieces = np.diff(grid, axis=0) * (density[1:] + density[:-1]) / 2
    cumulative = np.vstack([np.zeros(grid.shape[1]), np.cumsum(pieces, axis=0)])
    observed = [compiled.arrangement.scored[name].observed]
    seeds = list(seeds)
    if not fed_back_responses(compiled.arrangement):
        for seed in seeds:
            again, _ = simulate(model, study, values, seed=seed)
            observed.append(arrange(model, again).scored[name].observed)
    found = np.stack(observed)  # (simulation, observation)
    places = np.transpose(
        [np.interp(row, grid[:, i], cumulative[:, i]) for i, row in enumerate(found.T)]
    )
    within = np.random.default_rng(seeds).uniform(size=found.shape)
    for atom, mass in zip(atoms, masses, strict=True):
        places = places + mass * np.where(found == atom, within, found > atom)
    total = cumulative[-1] + masses.sum(axis=0)
    return float(total[np.argmax(abs(total - 1))]), np.clip(np.ravel(places), 0, 1)


def _atoms_and_grid(
    compiled: Evaluator, response: Response, draws: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values that have a probability, and points of the integral of a density between them."""
    arrangement = compiled.arrangement
    if arrangement.needs[response.name].in_steps:
        return steps_of(arrangement.model.response(response.name)), draws[:1]  # nothing between
    atoms = _atoms(draws)
    return atoms, _grid(draws, atoms)


def _atoms(draws: np.ndarray) -> np.ndarray:
    """Values that are drawn again for the same observation, which a density does not do."""
    ordered = np.sort(draws, axis=0)
    return np.unique(ordered[1:][np.diff(ordered, axis=0) == 0])


def _grid(draws: np.ndarray, atoms: np.ndarray) -> np.ndarray:
    """Points (grid, observation) beyond all draws, and ever closer to both sides of every atom.

    A density may be without limit beside an atom, as that of a square is at 0.
    """
    low, high = draws.min(axis=0), draws.max(axis=0)
    width = high - low
    # of draws that lie at an end of a scale one cannot see how far the density beside it reaches
    width = np.where(np.isin(draws, atoms).any(axis=0), width.max(), width)
    reach = SPAN * np.maximum(width, np.finfo(float).tiny)
    grid = np.linspace(low - reach, high + reach, GRID)
    beside = 1e-9 * width.max()
    near = width.max() * np.geomspace(1e-9, 1, max(1, BESIDE // max(1, len(atoms))))
    edges = np.add.outer(atoms, [*-near, *near]).ravel()
    edges = np.repeat(edges[:, None], grid.shape[1], axis=1)
    grid = np.where(np.isin(grid, atoms), grid + beside, grid)
    return np.sort(np.concatenate([grid, edges]), axis=0)


def level_frequencies(compiled: Evaluator, arrays: Values, response: Response) -> float:
    """P-value of how often the study has each level, all rows together, given their past."""
    levels = response.levels or ()
    logp = [log_density(compiled, arrays, response.name, level) for level in levels]
    expected = np.exp(logp)  # (level, observation)
    observed = compiled.arrangement.scored[response.name].observed
    hit = np.array([observed == level for level in levels])
    variance = np.sum(expected * (1 - expected), axis=1)
    z = (hit - expected).sum(axis=1) / np.sqrt(np.maximum(variance, 1e-12))
    return float(min(1.0, len(levels) * 2 * stats.norm.sf(abs(z).max())))


# ----------------------------------------------------------- sequences of discrete responses


@dataclass(frozen=True)
class Sequences:
    """Every sequence of responses in a short design, several people each."""

    model: Model
    study: Study
    values: dict[str, Any]
    names: list[str]
    number: int
    trials: int


def short_sequences(model: Model, seed: int) -> Sequences | None:
    """Every sequence of a model's discrete trial-level responses, in one short design.

    None where there are no such responses, some are not scored, or later trials depend on
    other responses too (whose values the sequences leave open).
    """
    discrete = [r for r in model.responses if r.table == "trials" and r.levels is not None]
    if not discrete:
        return None
    combinations = list(itertools.product(*(r.levels or () for r in discrete)))
    trials = max(t for t in (1, 2, 3, 4) if t == 1 or len(combinations) ** t <= MAX_SEQUENCES)
    sequences = list(itertools.product(combinations, repeat=trials))
    copies = -(-PEOPLE // len(sequences))
    alike = _same_for_all(model, copies * len(sequences), trials, seed)
    design = with_placeholders(model, alike, model.responses)
    assert design.trials is not None
    responded = np.reshape(sequences * copies, (-1, len(discrete)))
    study = replace(design, trials=_responded(model, design.trials, discrete, responded))
    arrangement = arrange(model, study)
    names = [response.name for response in discrete]
    read_too = {r.name for r in fed_back_responses(arrangement)} - set(names)
    if read_too or any(len(arrangement.scored[n].rows) != len(responded) for n in names):
        return None
    values = typical_values(arrangement, seed=seed, individual=False)
    return Sequences(model, study, values, names, len(sequences), trials)


def _responded(
    model: Model, trials: pd.DataFrame, responses: list[Response], values: np.ndarray
) -> pd.DataFrame:
    """Fill in responses, and what follows from them."""
    trials = trials.copy()
    for response, given in zip(responses, values.T, strict=True):
        trials[response.name] = given.astype(float)
        position = pd.Index(response.levels).get_indexer(given)
        for column in model.columns:
            if column.follows == response.name:
                options = trials[option_columns(model, column)].to_numpy(dtype=float)
                trials[column.name] = options[np.arange(len(options)), position]
    return trials


def _same_for_all(model: Model, people: int, trials: int, seed: int) -> Study:
    """Give the made-up study of one person to many."""
    one = made_up_study(model, people=1, trials=trials, seed=seed)
    labels = [f"P{k:05}" for k in range(people)]
    tables = {}
    for name, table in one.tables.items():
        rows = pd.concat([table] * people, ignore_index=True)
        tables[name] = rows.assign(participant=np.repeat(labels, len(table)))
    return Study(**tables, name="made up")


def probabilities(short: Sequences) -> np.ndarray:
    """Probability of every sequence."""
    found = log_likelihood(short.model, short.study, short.values)["participant"]
    joint = found["log_likelihood"].sel(response=short.names).sum("response")
    return np.exp(joint.to_numpy()[: short.number])


def sequence_frequencies(short: Sequences, seed: int) -> float:
    """P-value (chi-square) of simulated sequences against their probabilities."""
    compiled = evaluator(short.model, short.study)
    arrays = values_from_table(compiled.arrangement, short.values)
    compiled.reseed(seed)
    people = len(compiled.arrangement.participants)
    counts = np.zeros(short.number)
    for _ in range(-(-SIMULATED_SEQUENCES // people)):
        drawn = simulate_responses(compiled, arrays)
        counts += np.bincount(_sequence_codes(compiled, short, drawn), minlength=short.number)
    expected = probabilities(short) * counts.sum()
    rare = expected < 5
    if rare.any():  # pooled, since chi-square needs expected counts of 5 or so
        counts = np.append(counts[~rare], counts[rare].sum())
        expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    statistic = ((counts - expected) ** 2 / expected).sum()
    return float(stats.chi2.sf(statistic, max(len(expected) - 1, 1)))


def _sequence_codes(compiled: Evaluator, short: Sequences, drawn: Values) -> np.ndarray:
    code = np.zeros((len(compiled.arrangement.participants), short.trials), dtype=int)
    size = 1
    for name in short.names:
        levels = short.model.response(name).levels or ()
        order = np.argsort(compiled.arrangement.scored[name].rows)
        positions = pd.Index(levels).get_indexer(drawn[name][order]).reshape(code.shape)
        code, size = code * len(levels) + positions, size * len(levels)
    weights = size ** np.arange(short.trials)[::-1]
    return code @ weights
