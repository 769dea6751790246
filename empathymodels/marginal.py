r"""The likelihood of somebody new: a person's data with the person's own parameters integrated out.

.. math::

    p(y_s \mid \phi) = \int p(y_s \mid \theta, \phi)\, p(\theta \mid \phi)\, d\theta
    \approx \frac{1}{J} \sum_{j=1}^J
    \frac{p(y_s \mid \theta_j, \phi)\, p(\theta_j \mid \phi)}{q_s(\theta_j)},
    \qquad \theta_j \sim q_s

with :math:`\phi` the parameters of the population (and all that people share).

Where the likelihood depends on nothing that people share, one evaluation per :math:`\theta_j`
serves every draw of :math:`\phi`, otherwise every draw has proposals of its own. These follow t
distributions around what the person's data (as a Gaussian) and :math:`p(\theta \mid \phi)` say
together, in the first case a mixture over draws, with a tenth of :math:`p(\theta \mid \phi)`, in
the first case its mean over draws, mixed in. The tenth bounds the weights (Owen &
Zhou 2000, doi:10.1080/01621459.2000.10473909). Errors of one proposal concern all draws alike, so
the Monte-Carlo error is found by drawing proposals again, for all draws at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytensor
import pytensor.tensor as pt
import xarray as xr
from scipy.special import gammaln

from empathymodels.arrangement import Arrangement, arrange
from empathymodels.build import observe
from empathymodels.evaluating import Evaluator, evaluator_of, log_likelihood_of_people, progress
from empathymodels.fitting import model_of, study_of
from empathymodels.nouns import Parameter
from empathymodels.people import (
    blocks,
    column_label,
    linked_values,
    natural_values,
    parameter_dims,
)
from empathymodels.predicting import thinned
from empathymodels.terminal import tell

FREEDOM = 5.0  # degrees of freedom of the t distribution
DEFENSIVE = 0.1  # share of the proposals that come from the population
PROPOSALS = 2000  # per person, where one evaluation serves all draws
SHARED_DRAWS, SHARED_PROPOSALS = 300, 300  # where every draw needs its own
EACH = slice(None)  # of the draws
COMPONENTS = 100  # draws whose t distributions are mixed
RESAMPLES = 50  # of the proposals, for the Monte-Carlo error
LONG = 20.0  # seconds of work that are told before
TIMED = 5  # calls that are timed to tell how long the work takes
FURTHEST = 30.0  # link-scale value that stands for one at the end of a range
Moments = tuple[np.ndarray, np.ndarray]  # mean and covariance


@dataclass(frozen=True)
class Integrated:
    """The marginal log-likelihood of one person.

    Attributes
    ----------
    participant : str
    values : ndarray (draw,)
        For every draw of the population.
    resampled : ndarray (resample, draw)
        The same with proposals drawn again from those at hand.
    """

    participant: str
    values: np.ndarray
    resampled: np.ndarray


@dataclass(frozen=True)
class Population:
    """What draws of a posterior say of the population, on the link scale.

    Attributes
    ----------
    columns : list of (Parameter, int)
        Person-level parameters that the responses depend on, and positions of their levels.
    centre : ndarray (draw, person, column)
    factor : ndarray (draw, column, column)
        Cholesky factor of the covariance between people.
    """

    columns: list[tuple[Parameter, int]]
    centre: np.ndarray
    factor: np.ndarray

    @cached_property
    def covariance(self) -> np.ndarray:
        """Between people, (draw, column, column)."""
        return np.matmul(self.factor, np.swapaxes(self.factor, -1, -2))

    @cached_property
    def precision(self) -> np.ndarray:
        """Inverse of the covariance, (draw, column, column)."""
        inverse = np.linalg.inv(self.factor)
        return np.matmul(np.swapaxes(inverse, -1, -2), inverse)

    def log_density(self, person: int, points: np.ndarray) -> np.ndarray:
        """Log-density (draw, point) of a person's link-scale values ([draw,] point, column)."""
        size, centre = len(self.columns), self.centre[:, person]
        width = np.log(np.diagonal(self.factor, axis1=1, axis2=2)).sum(axis=1)
        constant = -width - size * np.log(2 * np.pi) / 2
        if points.ndim == 3:
            away = points - centre[:, None]
            squares = np.einsum("djk,dkl,djl->dj", away, self.precision, away, optimize=True)
            return constant[:, None] - squares / 2
        # the same as one matrix product: a quadratic in the points, around a common origin
        origin = points.mean(axis=0)
        away, towards = points - origin, centre - origin
        products = (away[:, :, None] * away[:, None, :]).reshape(len(points), -1)
        features = np.column_stack([products, away, np.ones(len(points))])
        pull = _times(self.precision, towards)
        level = constant - (towards * pull).sum(axis=1) / 2
        squares = -self.precision.reshape(len(centre), -1) / 2
        return np.column_stack([squares, pull, level]) @ features.T


def integrate_people(
    fit: xr.DataTree,
    responses: list[str],
    *,
    draws: int,
    seed: int,
    population: xr.Dataset | None = None,
    people: list[str] | None = None,
) -> Iterator[Integrated]:
    """Integrate the parameters of one person after another out of the likelihood.

    Parameters
    ----------
    fit : DataTree
        Whose model, study and people are meant; proposals are fitted to its posterior.
    responses : list of str
        Whose likelihood is meant, jointly.
    draws : int
        About how many draws of the population to use.
    seed : int
        Of the proposals.
    population : Dataset, optional
        Another posterior of the same model, of which the population is taken.
    people : list of str, optional
        Only these. Otherwise all who have observations of the responses.
    """
    arrangement = arrange(model_of(fit), study_of(fit))
    used = _used(arrangement, responses)
    shared = [p for p in used if p.level != "participant" and p.fixed is None]
    own = fit["posterior"].to_dataset()
    chosen = own if population is None else population
    chosen = thinned(chosen, min(draws, SHARED_DRAWS) if shared else draws)
    spread = population_of(arrangement, used, chosen, fit["constant_data"].to_dataset())
    compiled = _evaluator(arrangement, responses)
    whom = _observed_people(arrangement, responses)
    whom = [s for s in whom if people is None or arrangement.participants[s] in people]
    rng = np.random.default_rng(seed)
    sets, number = (len(spread.centre), SHARED_PROPOSALS) if shared else (1, PROPOSALS)
    size = len(spread.columns)
    points = np.zeros((sets, number if size else 1, len(arrangement.participants), size))
    moments = {s: _moments(_linked(arrangement, spread, own, s)) for s in whom if size}
    propose, weigh = (_own_points, _own_weights) if shared else (_common_points, _common_weights)
    for s in moments:
        points[:, :, s] = propose(spread, s, moments[s], number, rng)
    likelihood = _likelihoods(compiled, spread, chosen, points)
    for s in whom:
        weights = np.broadcast_to(likelihood[..., s], (len(spread.centre), points.shape[1]))
        if s in moments:
            weights = weights + weigh(spread, s, moments[s], points[:, :, s])
        values, resampled = _averaged(weights, rng)
        yield Integrated(arrangement.participants[s], values, resampled)


def _used(arrangement: Arrangement, responses: list[str]) -> list[Parameter]:
    names = set().union(*(arrangement.needs[name].parameters for name in responses))
    return [p for p in arrangement.parameters if p.name in names]


def _observed_people(arrangement: Arrangement, responses: list[str]) -> list[int]:
    found = [arrangement.scored[name].participant for name in responses]
    return np.unique(np.concatenate(found)).tolist()


def population_of(
    arrangement: Arrangement,
    used: list[Parameter],
    posterior: xr.Dataset,
    constant: xr.Dataset,
) -> Population:
    """Collect what a posterior says of the population of the parameters in use."""
    block = next((b for b in blocks(arrangement) if b.unit == "participant"), None)
    names = {p.name for p in used if p.fixed is None}
    columns = [(p, k) for p, k in block.columns if p.name in names] if block else []
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    centre = np.zeros((size, len(arrangement.participants), len(columns)))
    spread = np.zeros((size, len(columns)))

    def of(name: str, parameter: Parameter, level: int) -> np.ndarray:
        """Draws (draw, ...) of one column of a result."""
        found = posterior[name]
        if parameter.by:
            found = found.isel({parameter.by: level})
        return found.to_numpy().reshape(size, *found.shape[2:])

    for place, (parameter, level) in enumerate(columns):
        centre[..., place] = of(f"{parameter.name}_mean", parameter, level)[:, None]
        spread[:, place] = of(f"{parameter.name}_sd", parameter, level)
        if f"{parameter.name}_effect" in posterior:
            table = constant[f"{parameter.name}_covariates"].to_numpy()
            centre[..., place] += of(f"{parameter.name}_effect", parameter, level) @ table.T
    correlation = np.tile(np.eye(len(columns)), (size, 1, 1))
    if "correlation" in posterior:
        matrix = posterior["correlation"]
        labels = matrix["correlated"].to_numpy().tolist()
        own = [column_label(p, arrangement, k) for p, k in columns]
        here = [(place, labels.index(n)) for place, n in enumerate(own) if n in labels]
        if here:
            to, origin = map(list, zip(*here, strict=True))
            values = matrix.to_numpy().reshape(size, len(labels), len(labels))
            correlation[np.ix_(range(size), to, to)] = values[np.ix_(range(size), origin, origin)]
    return Population(columns, centre, spread[:, :, None] * np.linalg.cholesky(correlation))


def _evaluator(arrangement: Arrangement, responses: list[str]) -> Evaluator:
    """Compile the log-likelihood of every person, all responses together."""
    values = pt.dvector("values")
    shared = {}

    def give(name: str, array: np.ndarray) -> object:
        shared[name] = pytensor.shared(array, name=name, shape=array.shape)
        return shared[name]

    needed = set().union(*(needs.latents for needs in arrangement.needs.values()))
    found = observe(arrangement, values, give=give, latents=needed).distributions
    chosen = {name: found[name] for name in responses}
    people = log_likelihood_of_people(arrangement, chosen, give)
    outputs = {("log_likelihood", "participant"): people}
    question = f"people by {responses}"
    return evaluator_of(arrangement, values, outputs, shared, question=question)


# ------------------------------------------------------------------------------ proposals


def _linked(
    arrangement: Arrangement, population: Population, posterior: xr.Dataset, person: int
) -> np.ndarray:
    """Posterior draws (draw, column) of one person's parameters on the link scale."""
    found = []
    for parameter, level in population.columns:
        values = posterior[parameter.name].isel(participant=person)
        values = values.isel({parameter.by: level}) if parameter.by else values
        with np.errstate(divide="ignore"):
            linked = linked_values(parameter, arrangement.model, values.to_numpy().ravel())
        furthest = np.inf if parameter.support == "real" else FURTHEST
        found.append(np.clip(linked, -furthest, furthest))
    return np.stack(found, axis=-1) if found else np.zeros((1, 0))


def _moments(draws: np.ndarray) -> Moments:
    """Mean and covariance."""
    covariance = np.atleast_2d(np.cov(draws, rowvar=False))
    return draws.mean(axis=0), covariance + 1e-10 * np.diag(np.maximum(np.diag(covariance), 1e-10))


def _common_points(
    population: Population,
    person: int,
    moments: Moments,
    number: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Points (proposal, column) that serve all draws, those of the population last."""
    mean, factor = _given_some(population, person, moments)
    outside = round(DEFENSIVE * number)
    of = np.resize(rng.permutation(len(mean)), number - outside)
    near = mean[of] + _times(factor[of], heavy_tailed(number - outside, mean.shape[1], rng))
    which = rng.integers(len(population.centre), size=outside)
    away = rng.standard_normal((outside, mean.shape[1]))
    far = population.centre[which, person] + _times(population.factor[which], away)
    return np.concatenate([near, far])


def _common_weights(
    population: Population, person: int, moments: Moments, points: np.ndarray
) -> np.ndarray:
    """Log of the prior of every draw over the proposal's density, (draw, proposal)."""
    mean, factor = _given_some(population, person, moments)
    prior = population.log_density(person, points[0])
    around = _log_mean(log_t(points[0], mean, factor))
    return prior - log_mixture(around, _log_mean(prior))


def _log_mean(values: np.ndarray) -> np.ndarray:
    """Log of the mean over the first axis of what has these logs."""
    largest = values.max(axis=0)
    return np.log(np.exp(values - largest).mean(axis=0)) + largest


def _given_some(
    population: Population, person: int, moments: Moments
) -> tuple[np.ndarray, np.ndarray]:
    """As `_given_each`, given some of the draws: the components of a mixture."""
    which = np.unique(np.linspace(0, len(population.centre) - 1, COMPONENTS).astype(int))
    return _given_each(population, person, moments, which)


def _own_points(
    population: Population,
    person: int,
    moments: Moments,
    number: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Points (draw, proposal, column) for every draw, made from the same random numbers."""
    centre, spread = population.centre[:, person], population.factor
    mean, factor = _given_each(population, person, moments)
    outside = round(DEFENSIVE * number)
    near = heavy_tailed(number - outside, centre.shape[1], rng) @ np.swapaxes(factor, -1, -2)
    far = rng.standard_normal((outside, centre.shape[1])) @ np.swapaxes(spread, -1, -2)
    return np.concatenate([mean[:, None] + near, centre[:, None] + far], axis=1)


def _own_weights(
    population: Population, person: int, moments: Moments, points: np.ndarray
) -> np.ndarray:
    """Log of the prior of every draw over the density of its proposals, (draw, proposal)."""
    prior = population.log_density(person, points)
    return prior - log_mixture(log_t(points, *_given_each(population, person, moments)), prior)


def _given_each(
    population: Population, person: int, moments: Moments, which: slice | np.ndarray = EACH
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (draw, column) and Cholesky factor of what data and each draw say of a person."""
    centre = population.centre[:, person]
    between = population.covariance.mean(axis=0)
    data, pull = _of_the_data(moments, between, centre.mean(axis=0))
    precision = population.precision[which]
    covariance = np.linalg.inv(data + precision)
    mean = _times(covariance, pull + _times(precision, centre[which]))
    return mean, np.linalg.cholesky((covariance + np.swapaxes(covariance, -1, -2)) / 2)


def _of_the_data(
    moments: Moments, between: np.ndarray, centre: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Precision, and precision times mean, of the Gaussian that made a prior a posterior."""
    mean, covariance = moments
    after, before = np.linalg.inv(covariance), np.linalg.inv(between)
    values, directions = np.linalg.eigh(after - before)
    informed = directions[:, values > 0]
    precision = (directions * np.maximum(values, 0.0)) @ directions.T
    return precision, informed @ (informed.T @ (after @ mean - before @ centre))


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.matmul(matrices, vectors[..., None])[..., 0]


def heavy_tailed(number: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws (number, size) of a standard t distribution."""
    scale = np.sqrt(rng.chisquare(FREEDOM, size=(number, 1)) / FREEDOM)
    return rng.standard_normal((number, size)) / scale


def log_t(points: np.ndarray, mean: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Log-density (…, point) of t distributions with these means and Cholesky factors."""
    size = mean.shape[-1]
    apart = np.swapaxes(points - mean[..., None, :], -1, -2)
    away = (np.linalg.solve(factor, apart) ** 2).sum(axis=-2)
    constant = gammaln((FREEDOM + size) / 2) - gammaln(FREEDOM / 2)
    constant = constant - size * np.log(FREEDOM * np.pi) / 2
    width = np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1)[..., None]
    return constant - width - (FREEDOM + size) / 2 * np.log1p(away / FREEDOM)


def log_mixture(near: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Log-density of the proposals: those near, and a tenth of those far."""
    return np.logaddexp(np.log1p(-DEFENSIVE) + near, np.log(DEFENSIVE) + far)


# --------------------------------------------------------------------------- likelihoods


def _likelihoods(
    compiled: Evaluator,
    population: Population,
    posterior: xr.Dataset,
    points: np.ndarray,
) -> np.ndarray:
    """Log-likelihoods (draw, proposal, person) at points (draw, proposal, person, column).

    One draw stands for all where its points serve all.
    """
    arrangement = compiled.arrangement
    own = _natural(arrangement, population, points)
    size, number = points.shape[:2]
    flat = {
        p.name: posterior[p.name].transpose("chain", "draw", *parameter_dims(p)).to_numpy()
        for p in compiled.parameters
    }
    flat = {name: array.reshape(-1, *array.shape[2:]) for name, array in flat.items()}
    found = np.empty((size, number, len(arrangement.participants)))

    def at(draw: int, proposal: int) -> None:
        values = {name: array[draw] for name, array in flat.items()}
        for (parameter, level), values_of in zip(population.columns, own, strict=True):
            if parameter.by:
                split = values[parameter.name].copy()
                split[:, level] = values_of[draw, proposal]
                values[parameter.name] = split
            else:
                values[parameter.name] = values_of[draw, proposal]
        found[draw, proposal] = compiled(values)["log_likelihood"]["participant"]

    seconds = _shortest(lambda: at(0, 0)) * size * number
    if seconds > LONG:
        tell(
            f"'{arrangement.model.label}' has parameters that people share: {size:,} draws x "
            f"{number} proposals will take about {seconds:.0f} seconds."
        )
    pairs = [(d, j) for d in range(size) for j in range(number)]
    for draw, proposal in progress(pairs, "Integrating people"):
        at(draw, proposal)
    return np.nan_to_num(found, nan=-np.inf, posinf=np.inf, neginf=-np.inf)


def _shortest(call: Callable[[], None]) -> float:
    """Seconds that a call takes; whatever else the machine does can only make it longer."""
    call()
    taken = []
    for _ in range(TIMED):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)


def _natural(
    arrangement: Arrangement, population: Population, points: np.ndarray
) -> list[np.ndarray]:
    """Natural-scale values (draw, proposal, person) per column."""
    return [
        natural_values(parameter, arrangement.model, points[..., place])
        for place, (parameter, _) in enumerate(population.columns)
    ]


def _averaged(weights: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Log of the mean weight (draw,), and of resampled proposals (resample, draw)."""
    number = weights.shape[1]
    largest = weights.max(axis=1, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    scaled = np.exp(weights - largest)
    outside = round(DEFENSIVE * number)
    parts = [np.arange(number - outside), np.arange(number - outside, number)]
    counts = [
        rng.multinomial(len(part), np.full(len(part), 1 / len(part)), size=RESAMPLES)
        for part in parts
        if len(part)
    ]
    with np.errstate(divide="ignore"):
        values = np.log(scaled.mean(axis=1)) + largest[:, 0]
        resampled = np.log(scaled @ np.concatenate(counts, axis=1).T / number) + largest
    return values, resampled.T
