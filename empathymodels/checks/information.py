r"""How much responses would tell about parameters: Fisher's information, from likelihoods alone.

The score of an observation is the slope of its log-likelihood by everything that its person's
parameters are on the link scale, and by what all people share. Its outer product, expected over
the values that the response could take given the past, is what the observation tells:

.. math::

    I_i(\theta) = \sum_{n \in i} E\left[ s_n s_n^\top \right], \qquad
    s_n = \partial_\theta \log p(y_n \mid y_{<n}, \theta)

The outer product needs no second derivatives and is never negative; in expectation both are the
same. The expectation runs over all values of a response that has few, and over draws of any other.

A slope is a difference of two evaluations that move everybody at once. People do not read one
another's parameters, so that two evaluations per parameter serve all people and observations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.priors import new_person_prior
from empathymodels.engine.evaluator import Evaluator, Values
from empathymodels.engine.feedback import simulated
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import POPULATION, column_label, n_levels, parameter_dims
from empathymodels.population.covariates import Covariates
from empathymodels.population.scales import fixed_value, natural_values

STEP = 1e-4  # of the differences, on the link scale
VALUES = 4  # of a response over which its expectation runs: all of them, or so many draws


@dataclass(frozen=True)
class Quantity:
    """A free number of every person, or of the population, on the link scale.

    Attributes
    ----------
    label : str
        ``name`` or ``name[level]``.
    parameter : Parameter
        The declaration.
    level : int
        Position of its `by` level, 0 where it has none.
    sd_of_mean, sd_of_person : float
        Prior standard deviation of the population's mean, and of a new person's value.
    """

    label: str
    parameter: Parameter
    level: int
    sd_of_mean: float
    sd_of_person: float

    @property
    def is_shared(self) -> bool:
        """Whether all people have the same value."""
        return self.parameter.level == POPULATION


def quantities(arrangement: Arrangement) -> list[Quantity]:
    """Everything that is free: first what every person has, then what all people share.

    Values of crossed items are left out: they are taken as known.
    """
    free = [p for p in arrangement.parameters if p.fixed is None and not p.is_item]
    found = []
    for parameter in sorted(free, key=lambda p: p.level == POPULATION):
        mean_only = replace(parameter, level=POPULATION, spread=None)
        sds = new_person_prior(mean_only)[1], new_person_prior(parameter)[1]
        for level in range(n_levels(parameter, arrangement)):
            label = column_label(parameter, arrangement, level)
            found.append(Quantity(label, parameter, level, *sds))
    return found


# ------------------------------------------------------------------- what observations tell


def informations(
    compiled: Evaluator, found: Sequence[Quantity], *, draws: int, seed: int, as_recorded: bool
) -> Iterator[np.ndarray]:
    """Yield the information (person, quantity, quantity) of sets of people from the prior.

    Parameters
    ----------
    compiled : Evaluator
        Of the model on the study.
    found : sequence of Quantity
        Rows and columns.
    draws : int
        How many sets of people.
    seed : int
        Seed of people and responses.
    as_recorded : bool
        Whether responses that later trials depend on are those of the study; otherwise they
        are simulated.
    """
    rng = np.random.default_rng(seed)
    compiled.reseed(seed)
    for _ in range(draws):
        linked = _new_people(compiled.arrangement, rng)
        values = natural_scale(compiled.arrangement, linked)
        told = compiled if as_recorded else simulated(compiled, values)[0]
        yield information(told, found, linked)


def _new_people(arrangement: Arrangement, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Link-scale values of all free parameters, everybody's own, drawn from the priors."""
    drawn = {}
    for parameter in arrangement.parameters:
        if parameter.fixed is None:
            mean, sd = new_person_prior(parameter)
            drawn[parameter.name] = rng.normal(mean, sd, _shape(parameter, arrangement))
    return drawn


def _shape(parameter: Parameter, arrangement: Arrangement) -> tuple[int, ...]:
    sizes = {dim: len(labels) for dim, labels in arrangement.levels.items()}
    sizes["participant"] = len(arrangement.participants)
    return tuple(sizes[dim] for dim in parameter_dims(parameter))


def natural_scale(arrangement: Arrangement, linked: Mapping[str, np.ndarray]) -> Values:
    """Natural-scale values of all parameters, from link-scale ones of those that are free."""
    values = {}
    for parameter in arrangement.parameters:
        if parameter.fixed is None:
            linked_value = linked[parameter.name]
            values[parameter.name] = natural_values(parameter, arrangement.model, linked_value)
        else:
            levels = range(n_levels(parameter, arrangement))
            held = np.array([fixed_value(parameter, arrangement, level) for level in levels])
            shape = _shape(parameter, arrangement)
            values[parameter.name] = np.broadcast_to(held if parameter.by else held[0], shape)
    return values


def information(
    compiled: Evaluator, found: Sequence[Quantity], linked: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Everybody's information (person, quantity, quantity) at link-scale values.

    NaN for people whose likelihood is not finite there.
    """
    scored = compiled.arrangement.scored.values()
    whose = np.concatenate([one.participant for one in scored])
    total = np.zeros((len(compiled.arrangement.participants), len(found), len(found)))
    order = np.argsort(whose, kind="stable")
    ends = np.cumsum(np.bincount(whose, minlength=len(total)))[:-1]
    for responses, weights in _possible(compiled, natural_scale(compiled.arrangement, linked)):
        weighted = np.sqrt(weights)[:, None] * scores(responses, found, linked)
        weighted[weights == 0] = 0.0  # of what cannot happen the slope may be undefined
        for person, rows in enumerate(np.split(weighted[order], ends)):
            total[person] += rows.T @ rows
    total[~np.isfinite(total).all(axis=(1, 2))] = np.nan
    return total


def scores(
    compiled: Evaluator, found: Sequence[Quantity], linked: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Slopes (observation, quantity) of the log-likelihood of all responses, one after another."""
    model, values = compiled.arrangement.model, natural_scale(compiled.arrangement, linked)
    columns = []
    for quantity in found:
        parameter = quantity.parameter
        beside = []
        for step in (STEP, -STEP):
            moved = np.array(linked[parameter.name])
            moved[(..., quantity.level) if parameter.by else ...] += step
            natural = natural_values(parameter, model, moved)
            told = compiled.of_kind("log_likelihood", {**values, parameter.name: natural})
            beside.append(np.concatenate(list(told.values())))
        columns.append((beside[0] - beside[1]) / (2 * STEP))
    return np.stack(columns, axis=-1)


def _possible(compiled: Evaluator, values: Values) -> Iterator[tuple[Evaluator, np.ndarray]]:
    """Yield values that the responses could take, given the past, and their weights.

    A response of few levels takes each of them once, weighted by its probability; any other is
    drawn. Later trials see the past as it was.
    """
    scored = compiled.arrangement.scored
    levels = {name: one.response.levels or () for name, one in scored.items()}
    few = {name: found for name, found in levels.items() if 0 < len(found) <= VALUES}
    passes = VALUES if len(few) < len(levels) else max(map(len, few.values()))
    for k in range(passes):
        drawn = compiled(values)["draw"]
        given = {}
        for name, one in scored.items():
            value = drawn[name] if name not in few else few[name][min(k, len(few[name]) - 1)]
            given[f"observed {name}"] = np.full(len(one.observed), value)
        responses = compiled.given(given)
        found = responses(values)["log_likelihood"]
        weights = [
            np.exp(found[name]) * (k < len(few[name]))
            if name in few
            else np.full(len(one.observed), 1 / passes)
            for name, one in scored.items()
        ]
        yield responses, np.concatenate(weights)


# ------------------------------------------------------- what is known before and afterwards


def one_person(found: Sequence[Quantity], told: np.ndarray) -> np.ndarray:
    """Expected posterior covariance of a person alone, in units of the prior's.

    Parameters
    ----------
    found : sequence of Quantity
        What is to be known.
    told : ndarray (person, quantity, quantity)
        Information.

    Returns
    -------
    ndarray (quantity, quantity)
        Mean over people.
    """
    prior = np.array([quantity.sd_of_person for quantity in found])
    return _left_open(prior, told).mean(axis=0)


def _left_open(prior: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Posterior covariance (..., entry, entry) in units of the prior's standard deviations."""
    return np.linalg.inv(np.eye(len(prior)) + prior[:, None] * told * prior)


@dataclass(frozen=True)
class Means:
    """What is known of a population: its means, effects of covariates, and what all share.

    Attributes
    ----------
    labels : list of str
        Of its entries.
    prior : ndarray (entry,)
        Prior standard deviations.
    design : ndarray (person, quantity, entry)
        How far every entry moves what is expected of every person.
    """

    labels: list[str]
    prior: np.ndarray
    design: np.ndarray

    def of(self, people: np.ndarray) -> Means:
        """Return the same for some of the people."""
        return replace(self, design=self.design[people])


def means(
    arrangement: Arrangement, found: Sequence[Quantity], covariates: Mapping[str, Covariates]
) -> Means:
    """Lay out what is to be known of the population, without means that priors set."""
    labels, prior, columns = [], [], []
    for place, quantity in enumerate(found):
        of_all = np.zeros((len(arrangement.participants), len(found)))
        of_all[:, place] = 1.0
        if not quantity.parameter.has_set_mean:
            labels.append(quantity.label)
            prior.append(quantity.sd_of_mean)
            columns.append(of_all)
        if quantity.parameter.name in covariates:
            for name, values in covariates[quantity.parameter.name].table.items():
                labels.append(f"{quantity.label} by {name}")
                prior.append(float(quantity.parameter.effect_prior.parameters["sigma"]))
                columns.append(of_all * values.to_numpy()[:, None])
    return Means(labels, np.array(prior), np.stack(columns, axis=-1))


def population(known: Means, found: Sequence[Quantity], told: np.ndarray) -> np.ndarray:
    r"""Posterior covariance of the population's means, in units of the prior's.

    People differ from their expectation by their own deviations, with prior covariance S. With
    these integrated out, a person whose data tell I of the person's values tells of their
    expectation

    .. math:: J = I - I S^{1/2} (1 + S^{1/2} I S^{1/2})^{-1} S^{1/2} I

    Parameters
    ----------
    known : Means
        What is to be known.
    found : sequence of Quantity
        Rows and columns of `told`; what all share does not deviate.
    told : ndarray (person, quantity, quantity)
        Information.

    Returns
    -------
    ndarray (entry, entry)
        All people together.
    """
    spread = np.sqrt([max(q.sd_of_person**2 - q.sd_of_mean**2, 0.0) for q in found])
    half = told * spread  # I S^(1/2)
    left = np.linalg.inv(np.eye(len(found)) + spread[:, None] * half)
    of_means = told - half @ left @ half.transpose(0, 2, 1)
    summed = np.einsum("pqe,pqr,prf->ef", known.design, of_means, known.design, optimize=True)
    return _left_open(known.prior, summed)
