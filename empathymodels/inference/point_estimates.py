r"""Estimates of single people from their own data alone, without a population.

What papers report that fitted every participant apart: maximum likelihood, or the mode under a
prior that is fixed in advance. People share nothing here, so that one gradient of the summed
log-likelihood holds the gradients of all of them, and all are searched for at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import pytensor.tensor as pt
from pymc_extras.prior import Prior

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.priors import new_person_prior
from empathymodels.engine.evaluator import log_likelihood_of_people
from empathymodels.engine.observe import observe
from empathymodels.engine.program import Program, SharedData
from empathymodels.inference.point_search import (
    PROBES,
    STEEP,
    Objective,
    Search,
    best_of,
    informed_by,
    near_an_end,
    starts_of_search,
    steepness_of,
    walls_of,
    with_prior,
)
from empathymodels.layout.arrange import arrange
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted
from empathymodels.population.blocks import Block, blocks, column_label, refuse_heavy_tails
from empathymodels.population.scales import natural, scales
from empathymodels.study.study import Study
from empathymodels.terminal import tell

METHODS = ("maximum_likelihood", "map")


@checked_arguments
def point_estimates(
    model: Model,
    study: Study,
    *,
    method: Literal["maximum_likelihood", "map"] = "maximum_likelihood",
    starts: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Estimate every participant's parameters from that participant's data alone.

    For comparison with published point estimates. Single people's data often leave parameters
    open that a population would settle: prefer `fit`, and leave out responses with few
    observations per person (``model.without``).

    Parameters
    ----------
    model, study : Model, Study
        What to fit to what. Parameters of the population, and of items, are estimated for every
        person too; covariates and correlations play no part.
    method : {"maximum_likelihood", "map"}
        ``"map"`` multiplies each person's likelihood by a prior that is fixed in advance: what
        the model expects of a new person,

        .. math::

            \text{link}(\theta) \sim \text{Normal}(E[\mu],\; V[\mu] + E[\sigma^2])

        from the priors of the population's mean :math:`\mu` and spread :math:`\sigma`
        (:math:`V[\mu]` alone for population-level parameters), and finds the mode on the link
        scale.
    starts : int
        Searches: from the prior's mean, the others from random draws of that prior. The best
        of them counts for each person.
    seed : int
        Seed of the random starts.

    Returns
    -------
    DataFrame
        One row per participant: ``participant``, one column ``name`` or ``name[level]`` per
        parameter on the natural scale in data units (NaN where the person's data say nothing
        about it), ``log_likelihood``, ``observations``, ``aic``, ``bic`` (both count the
        parameters that are neither fixed nor NaN), ``converged``, and ``at_bound``, the columns
        whose value lies at an end of its range (within a thousandth, or for positive
        parameters a thousand times below or above the prior's median; a parameter without
        ends 100 standard deviations from its prior's mean): there the likelihood has no
        maximum, or the data cannot tell the value from the end. Attributes: ``model``,
        ``method``, and ``parameters``, the columns that hold them.

    Raises
    ------
    ValueError
        The data do not fit the model's declarations, the method is unknown, a parameter of
        items is split by levels too, or a prior has no finite variance.

    Examples
    --------
    >>> import empathymodels as em
    >>> study = em.load_study("outgroup_help")
    >>> model = em.get_model("outgroup_help_learning").without(
    ...     "insula", "empathy_before", "empathy_after"
    ... )
    >>> table = em.point_estimates(model, study, method="map")  # doctest: +SKIP
    >>> table[["participant", "learning_rate", "aic", "at_bound"]]  # doctest: +SKIP
    """
    arrangement = arrange(_alone(model), study)
    for notice in arrangement.notices:
        tell(notice)
    block = blocks(arrangement)[0]
    mean, sd = np.array([new_person_prior(model.parameter(p.name)) for p, _ in block.columns]).T
    likelihood = _likelihood(arrangement, block)
    search = Search(likelihood, *walls_of(block, mean, sd))
    if method == "map":
        search = replace(search, at=with_prior(likelihood, mean, sd))
    begin = starts_of_search(search, block.shape[0], mean, sd, starts, np.random.default_rng(seed))
    informed = informed_by(likelihood, block, begin[-PROBES:])
    found = best_of(search, begin[:starts])
    table = _table(arrangement, block, search, found, informed, keep_all=method == "map")
    table.insert(len(block.columns) + 1, "log_likelihood", likelihood(found)[0])
    _add_criteria(table, informed.sum(axis=1))
    labels = list(table)[1 : len(block.columns) + 1]
    table.attrs |= {"model": model.label, "method": method, "parameters": labels}
    _tell(table)
    return table


@dataclass(frozen=True)
class Density:
    """People alone, each under the prior of a new person, in free link-scale columns.

    Attributes
    ----------
    participants : list of str
    observations : ndarray (person,)
        How many values of each are scored.
    mean, sd : ndarray (column,)
        Of the prior.
    mode : ndarray (person, column)
        Most probable values.
    log_likelihood : callable
        ``log_likelihood(values)`` of everybody, (person,), at values (person, column).
    """

    participants: list[str]
    observations: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    mode: np.ndarray
    log_likelihood: Callable[[np.ndarray], np.ndarray]


def density_of(model: Model, study: Study, *, seed: int = 0) -> Density:
    """Compile the density of people alone, and find its modes."""
    arrangement = arrange(_alone(model), study)
    block = blocks(arrangement)[0]
    mean, sd = np.array([new_person_prior(model.parameter(p.name)) for p, _ in block.columns]).T
    likelihood = _likelihood(arrangement, block)
    search = Search(with_prior(likelihood, mean, sd), *walls_of(block, mean, sd))
    begin = starts_of_search(search, block.shape[0], mean, sd, 3, np.random.default_rng(seed))
    mode = best_of(search, begin[:3])
    free = np.array([parameter.fixed is None for parameter, _ in block.columns])

    def at(values: np.ndarray) -> np.ndarray:
        whole = mode.copy()
        whole[:, free] = values
        return likelihood(whole)[0]

    people, observations = arrangement.participants, _observations(arrangement)
    return Density(people, observations, mean[free], sd[free], mode[:, free], at)


def _alone(model: Model) -> Model:
    """Return the model with all parameters of single people."""
    refuse_heavy_tails(model, "Weighing a person alone by the prior")
    parameters = tuple(_of_people(model, p) for p in model.parameters)
    return replace(model, parameters=parameters, correlate=())


def _of_people(model: Model, parameter: Parameter) -> Parameter:
    if parameter.level == "participant":
        return parameter
    spread = parameter.spread or Prior("HalfNormal", sigma=1.0)  # unused: nothing is shared
    if not parameter.is_item:
        return replace(parameter, level="participant", spread=spread)
    if parameter.by is not None:
        raise ValueError(
            f"Fitted alone, a person has one value of '{parameter.name}' per {parameter.level}; "
            f"in model '{model.label}' it is split by '{parameter.by}' as well. Pool or fix it."
        )
    return replace(parameter, level="participant", by=parameter.level, spread=spread)


# ------------------------------------------------------------------------- what is searched


def _likelihood(arrangement: Arrangement, block: Block) -> Objective:
    """Compile everybody's log-likelihood and its slopes on the link scale."""
    linked, data = pt.matrix("linked", shape=block.shape), SharedData()
    values = natural(scales(block, arrangement), linked, xp=pt)
    needed = arrangement.needed_latents
    observations = observe(arrangement, values.ravel(), give=data, latents=needed)
    people = log_likelihood_of_people(arrangement, observations.distributions, data)
    program = Program([linked], [people, pt.grad(people.sum(), linked)])

    def at(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, slopes = program(values, often=True)
        return np.asarray(found), np.asarray(slopes)

    return at


# ------------------------------------------------------------------------------- the table


def _table(
    arrangement: Arrangement,
    block: Block,
    search: Search,
    found: np.ndarray,
    informed: np.ndarray,
    *,
    keep_all: bool,
) -> pd.DataFrame:
    labels = np.array([column_label(p, arrangement, level) for p, level in block.columns])
    fixed = np.array([parameter.fixed is not None for parameter, _ in block.columns])
    known = informed | fixed | keep_all
    values = np.where(known, natural(scales(block, arrangement), found), np.nan)
    near = near_an_end(block, search, found) & informed
    return pd.DataFrame(
        {
            "participant": arrangement.participants,
            **dict(zip(labels, values.T, strict=True)),
            "observations": _observations(arrangement),
            "converged": steepness_of(search, found) <= STEEP,
            "at_bound": [", ".join(labels[row]) for row in near],
        }
    )


def _observations(arrangement: Arrangement) -> np.ndarray:
    """Scored values of all responses, (person,)."""
    size = len(arrangement.participants)
    people = [scored.participant for scored in arrangement.scored.values()]
    return np.bincount(np.concatenate(people), minlength=size)


def _add_criteria(table: pd.DataFrame, counts: np.ndarray) -> None:
    """Add Akaike's and the Bayesian information criterion, given numbers of parameters."""
    deviance = -2 * table["log_likelihood"]
    place = list(table).index("converged")
    table.insert(place, "aic", 2 * counts + deviance)
    table.insert(place + 1, "bic", counts * np.log(table["observations"].clip(lower=1)) + deviance)


def _tell(table: pd.DataFrame) -> None:
    people = counted(len(table), "participant")
    bound, failed = int((table["at_bound"] != "").sum()), int((~table["converged"]).sum())
    if bound:
        tell(f"Values at an end of their range in {bound} of {people}: see column 'at_bound'.")
    if failed:
        tell(f"The search did not end for {failed} of {people}: see column 'converged'.")
