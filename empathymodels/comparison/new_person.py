r"""The likelihood of somebody new: a person's data with the person's own parameters integrated out.

.. math::

    p(y_s \mid \phi) = \int p(y_s \mid \theta, \phi)\, p(\theta \mid \phi)\, d\theta

with :math:`\phi` the parameters of the population (and all that people share), for every draw of
:math:`\phi` by importance sampling (`empathymodels.comparison.importance`).

Where the likelihood depends on nothing that people share, one evaluation per :math:`\theta_j`
serves every draw of :math:`\phi`. Draws whose integral these leave uncertain (often those with
little spread between people, near which few proposals lie) get proposals of their own. Otherwise
every draw has its own from the beginning. Errors of one proposal concern all draws alike, so that
the Monte-Carlo error of what is made of them follows from the influence of each proposal on all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytensor.tensor as pt
import xarray as xr

from empathymodels.comparison.importance import Integrals, integrals
from empathymodels.comparison.person_proposals import (
    Gaussian,
    common_points,
    gaussian_of_data,
    own_points,
    own_weights,
)
from empathymodels.comparison.population_density import Population, population_of
from empathymodels.declaration.parts import Parameter
from empathymodels.engine.evaluator import Evaluator, evaluator_of, log_likelihood_of_people
from empathymodels.engine.observe import observe
from empathymodels.engine.program import SharedData
from empathymodels.inference.fits import model_of, study_of, thinned
from empathymodels.layout.arrange import arrange
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.scales import natural_values
from empathymodels.terminal import progress, tell

PROPOSALS = 2000  # per person, where one evaluation serves all draws
SHARED_DRAWS, SHARED_PROPOSALS = 300, 300  # where every draw needs its own
OWN_PROPOSALS = 100  # of draws that these leave uncertain
CHUNK = 4_000_000  # numbers that points worked on at once hold
LONG = 20.0  # seconds of work that are told before
TIMED = 5  # calls that are timed to tell how long the work takes


@dataclass(frozen=True)
class Integrated:
    """The marginal log-likelihood of one person.

    Attributes
    ----------
    participant : str
    values : ndarray (draw,)
        For every draw of the population.
    influence : ndarray (draw, proposal)
        How much every proposal moves each of them.
    """

    participant: str
    values: np.ndarray
    influence: np.ndarray


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
    shared = any(p.level != "participant" and p.fixed is None for p in used)
    own = fit["posterior"].to_dataset()
    chosen = own if population is None else population
    chosen = thinned(chosen, min(draws, SHARED_DRAWS) if shared else draws)
    spread = population_of(arrangement, used, chosen, fit["constant_data"].to_dataset())
    whom = _observed_people(arrangement, responses)
    whom = [s for s in whom if people is None or arrangement.participants[s] in people]
    likelihood = _Likelihood(_evaluator(arrangement, responses), spread, chosen)
    # proposals are drawn by names, so that they are the same whatever the order of people
    named = sorted(whom, key=arrangement.participants.__getitem__)
    told = {s: gaussian_of_data(arrangement, spread, own, s) for s in named if spread.columns}
    rng = np.random.default_rng(seed)
    if not told:
        found = _without_own_parameters(likelihood, whom, len(spread.centre) if shared else 1)
    elif shared:
        found = _every_draw(likelihood, told, whom, rng)
    else:
        found = _common(likelihood, told, whom, rng)
    for s, one in found:
        values = np.broadcast_to(one.log_values, len(spread.centre))
        yield Integrated(arrangement.participants[s], values, one.influence)


def _used(arrangement: Arrangement, responses: list[str]) -> list[Parameter]:
    names = set().union(*(arrangement.needs[name].parameters for name in responses))
    return [p for p in arrangement.parameters if p.name in names]


def _observed_people(arrangement: Arrangement, responses: list[str]) -> list[int]:
    found = [arrangement.scored[name].participant for name in responses]
    return np.unique(np.concatenate(found)).tolist()


def _evaluator(arrangement: Arrangement, responses: list[str]) -> Evaluator:
    """Compile the log-likelihood of every person, all responses together."""
    values, data = pt.dvector("values"), SharedData()
    needed = arrangement.needed_latents
    found = observe(arrangement, values, give=data, latents=needed).distributions
    chosen = {name: found[name] for name in responses}
    people = log_likelihood_of_people(arrangement, chosen, data)
    outputs = {("log_likelihood", "participant"): people}
    question = f"people by {responses}"
    return evaluator_of(arrangement, values, outputs, data, question=question)


# ------------------------------------------------------------------------------- integrals

Found = Iterator[tuple[int, Integrals]]


def _without_own_parameters(likelihood: _Likelihood, whom: list[int], draws: int) -> Found:
    """Nothing to integrate: people differ in nothing that is estimated."""
    empty = np.zeros((draws, 1, 0))
    values = likelihood(lambda some: dict.fromkeys(whom, empty[some]), draws, 1)
    for s in whom:
        yield s, Integrals(values[:, 0, s], np.zeros((draws, 1)), np.full(draws, np.inf))


def _every_draw(
    likelihood: _Likelihood,
    told: dict[int, Gaussian],
    whom: list[int],
    rng: np.random.Generator,
) -> Found:
    """Integrate with proposals of every draw's own."""
    spread = likelihood.population
    near = _Near(dict.fromkeys(told, spread), told, SHARED_PROPOSALS, rng)
    values = likelihood(near, len(spread.centre), SHARED_PROPOSALS)
    for s in whom:
        yield s, integrals(near.log_weights(s), values[..., s])


def _common(
    likelihood: _Likelihood,
    told: dict[int, Gaussian],
    whom: list[int],
    rng: np.random.Generator,
) -> Found:
    """Integrate with proposals that serve all draws, and others where these do not."""
    spread = likelihood.population
    proposed = {s: common_points(spread, one, PROPOSALS, rng) for s, one in told.items()}
    points = {s: points[None] for s, (points, _) in proposed.items()}
    values = likelihood(lambda _: points, 1, PROPOSALS)[0]

    def common(s: int) -> Integrals:
        points, density = proposed[s]
        return integrals(spread.log_density(s, points) - density, values[None, :, s])

    # found again below: kept, the influences of everybody would fill the memory
    uncertain = {s: np.flatnonzero(common(s).uncertain) for s in told}
    some = {s: spread.at(which) for s, which in uncertain.items() if len(which)}
    near = _Near(some, told, OWN_PROPOSALS, rng)
    most = max(map(len, uncertain.values()))
    own = likelihood(near, most, OWN_PROPOSALS) if most else np.zeros(0)
    for s in whom:
        found = common(s)
        if s in some:
            again = integrals(near.log_weights(s), own[: len(uncertain[s]), :, s])
            found = _better(found, again, uncertain[s])
        yield s, found


def _better(common: Integrals, own: Integrals, which: np.ndarray) -> Integrals:
    """Put the integrals of some draws by proposals of their own where these are less uncertain."""
    surer = (own.error < common.error[which]) | (common.effective[which] < own.effective)
    which = which[surer]
    values, effective = common.log_values.copy(), common.effective.copy()
    values[which], effective[which] = own.log_values[surer], own.effective[surer]
    number = common.influence.shape[1]
    influence = np.pad(common.influence, ((0, 0), (0, own.influence.shape[1])))
    influence[which, :number] = 0.0
    influence[which, number:] = own.influence[surer]
    return Integrals(values, influence, effective)


class _Near:
    """Proposals of every draw's own, found anew from the same random numbers where needed.

    Of many people and draws they would fill the memory.
    """

    def __init__(
        self,
        populations: dict[int, Population],
        told: dict[int, Gaussian],
        number: int,
        rng: np.random.Generator,
    ) -> None:
        self.populations, self.told, self.number = populations, told, number
        self.seeds = {s: int(rng.integers(2**63)) for s in populations}

    def __call__(self, some: slice) -> dict[int, np.ndarray]:
        """Points (draw, proposal, column) of some draws, of people who have as many."""
        having = [s for s, one in self.populations.items() if some.start < len(one.centre)]
        return {s: self._points(s, self.populations[s].at(some)) for s in having}

    def _points(self, s: int, population: Population) -> np.ndarray:
        rng = np.random.default_rng(self.seeds[s])
        return own_points(population, self.told[s], self.number, rng)

    def log_weights(self, s: int) -> np.ndarray:
        """Log of a person's prior over the density of the proposals, (draw, proposal)."""
        population = self.populations[s]
        return own_weights(population, self.told[s], self._points(s, population))


# ----------------------------------------------------------------------------- likelihoods

Points = Callable[[slice], dict[int, np.ndarray]]


@dataclass(frozen=True)
class _Likelihood:
    """Log-likelihoods of people at points of their own parameters.

    Attributes
    ----------
    compiled : Evaluator
    population : Population
        Whose columns points have.
    posterior : Dataset
        Of all other parameters, in the order of draws of points.
    """

    compiled: Evaluator
    population: Population
    posterior: xr.Dataset

    def __call__(self, points: Points, draws: int, proposals: int) -> np.ndarray:
        """Log-likelihoods (draw, proposal, person) at points (draw, proposal, column) of people.

        People may have points of fewer draws than others. One draw stands for all where points
        serve all, or where the likelihood depends on nothing that people share.
        """
        arrangement = self.compiled.arrangement
        shape = (draws, proposals, len(arrangement.participants))
        step = max(1, CHUNK // (proposals * shape[-1] * max(len(self.population.columns), 1)))
        arrays = self.compiled.arrays(self.posterior)
        flat = {name: array.reshape(-1, *array.shape[2:]) for name, array in arrays.items()}
        found = np.empty(shape)

        def at(draw: int, proposal: int) -> None:
            values = {name: array[draw] for name, array in flat.items()}
            for (parameter, level), values_of in zip(self.population.columns, own, strict=True):
                here = values_of[draw % step, proposal]
                if parameter.by:
                    split = values[parameter.name].copy()
                    split[:, level] = here
                    values[parameter.name] = split
                else:
                    values[parameter.name] = here
            told = self.compiled.of_kind("log_likelihood", values, often=True)
            found[draw, proposal] = told["participant"]

        own = self._natural(points(slice(0, step)))
        seconds = _shortest(lambda: at(0, 0)) * draws * proposals
        if seconds > LONG:
            tell(
                f"People's own parameters of '{arrangement.model.label}' are integrated out: "
                f"{draws:,} draws x {proposals:,} proposals will take about {seconds:.0f} seconds."
            )
        pairs = list(np.ndindex(draws, proposals))
        for draw, proposal in progress(pairs, "Integrating people"):
            if draw and draw % step == 0 and proposal == 0:
                own = self._natural(points(slice(draw, draw + step)))
            at(draw, proposal)
        return np.nan_to_num(found, copy=False, nan=-np.inf, posinf=np.inf, neginf=-np.inf)

    def _natural(self, points: dict[int, np.ndarray]) -> list[np.ndarray]:
        """Natural-scale values (draw, proposal, person) per column."""
        arrangement, columns = self.compiled.arrangement, self.population.columns
        draws = max(len(of) for of in points.values())
        proposals = next(iter(points.values())).shape[1]
        everybody = np.zeros((draws, proposals, len(arrangement.participants), len(columns)))
        for s, of in points.items():
            everybody[: len(of), :, s] = of
        return [
            natural_values(parameter, arrangement.model, everybody[..., place])
            for place, (parameter, _) in enumerate(columns)
        ]


def _shortest(call: Callable[[], None]) -> float:
    """Seconds that a call takes; whatever else the machine does can only make it longer."""
    call()
    taken = []
    for _ in range(TIMED):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)
