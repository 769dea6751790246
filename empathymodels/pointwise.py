r"""Estimates of single people from their own data alone, without a population.

What papers report that fitted every participant apart: maximum likelihood, or the mode under a
prior that is fixed in advance. People share nothing here, so that one gradient of the summed
log-likelihood holds the gradients of all of them, and all are searched for at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
from pymc.pytensorf import compile
from pymc_extras.prior import Prior
from scipy.optimize import minimize

from empathymodels.arguments import checked_arguments
from empathymodels.arrangement import Arrangement, arrange, is_item
from empathymodels.build import observe
from empathymodels.compiling import compiling
from empathymodels.evaluating import log_likelihood_of_people
from empathymodels.model import Model
from empathymodels.nouns import Parameter
from empathymodels.people import Block, blocks, column_label, natural, refuse_heavy_tails, scales
from empathymodels.study import Study
from empathymodels.terminal import tell
from empathymodels.wording import counted

METHODS = ("maximum_likelihood", "map")
WALL = 10.0  # furthest value on the logit scale, and on the log scale from the prior's mean
END = 1e-3  # as near to an end of its range, relative to the range, a value is told
FURTHEST = 100.0  # prior standard deviations from its mean that a value without ends can lie
STEEP = 1e-3  # slope of the log-density, per unit of the link scale, above which a search failed
PROBES = 3  # random points at which a slope of exactly 0 says that the data are silent
TOGETHER, ALONE, ROUNDS = 200, 5000, 3  # steps of a search for all, for one; how often for one
Objective = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Search:
    """What is searched: values (person, column) on the link scale.

    Attributes
    ----------
    at : callable
        ``at(values)`` returns everybody's log-density (person,) and its slopes (person, column).
    low, high : ndarray (column,)
        The walls.
    """

    at: Objective
    low: np.ndarray
    high: np.ndarray


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
    search = Search(likelihood, *_walls(block, mean, sd))
    if method == "map":
        search = replace(search, at=_with_prior(likelihood, mean, sd))
    begin = _starts(search, block.shape[0], mean, sd, starts, np.random.default_rng(seed))
    informed = _informed(likelihood, block, begin[-PROBES:])
    found = _best(search, begin[:starts])
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
    search = Search(_with_prior(likelihood, mean, sd), *_walls(block, mean, sd))
    begin = _starts(search, block.shape[0], mean, sd, 3, np.random.default_rng(seed))
    mode = _best(search, begin[:3])
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
    if not is_item(parameter):
        return replace(parameter, level="participant", spread=spread)
    if parameter.by is not None:
        raise ValueError(
            f"Fitted alone, a person has one value of '{parameter.name}' per {parameter.level}; "
            f"in model '{model.label}' it is split by '{parameter.by}' as well. Pool or fix it."
        )
    return replace(parameter, level="participant", by=parameter.level, spread=spread)


def new_person_prior(parameter: Parameter) -> tuple[float, float]:
    """Mean and standard deviation, on the link scale, that a model expects of a new person."""
    if parameter.fixed is not None:
        return 0.0, 1.0
    mean, variance = _moments(parameter, parameter.location)
    if parameter.spread is not None:
        centre, around = _moments(parameter, parameter.spread)
        variance += centre**2 + around
    if not np.isfinite([mean, variance]).all():
        raise ValueError(
            f"Searches start from the priors, which need a finite mean and variance; those of "
            f"'{parameter.name}' are {mean:g} and {variance:g}. Give others: "
            f"model.with_priors({parameter.name}=...)."
        )
    return mean, float(np.sqrt(variance))


def _moments(parameter: Parameter, prior: Prior) -> tuple[float, float]:
    """Mean and variance of a prior."""
    sigma = prior.parameters.get("sigma", 1.0)
    if prior.distribution == "Normal":
        return float(prior.parameters.get("mu", 0.0)), float(sigma) ** 2
    if prior.distribution == "HalfNormal":
        return float(sigma) * np.sqrt(2 / np.pi), float(sigma) ** 2 * (1 - 2 / np.pi)
    known = prior.preliz
    return float(known.mean()), float(known.var())


# ------------------------------------------------------------------------- what is searched


def _likelihood(arrangement: Arrangement, block: Block) -> Objective:
    """Compile everybody's log-likelihood and its slopes on the link scale."""
    linked = pt.matrix("linked", shape=block.shape)
    needed = set().union(*(needs.latents for needs in arrangement.needs.values()))

    def give(name: str, array: np.ndarray) -> Any:
        return pytensor.shared(array, name=name, shape=np.shape(array))

    values = natural(scales(block, arrangement), linked, xp=pt)
    observations = observe(arrangement, values.ravel(), give=give, latents=needed)
    people = log_likelihood_of_people(arrangement, observations.distributions, give)
    with compiling():
        function = compile([linked], [people, pt.grad(people.sum(), linked)], mode="NUMBA")

    def at(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, slopes = function(values)
        return np.asarray(found), np.asarray(slopes)

    return at


def _with_prior(likelihood: Objective, mean: np.ndarray, sd: np.ndarray) -> Objective:
    def at(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, slopes = likelihood(values)
        away = (values - mean) / sd
        return found - (away**2).sum(axis=1) / 2, slopes - away / sd

    return at


def _walls(block: Block, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest link-scale value of every column; fixed ones stand still."""
    support = np.array([parameter.support for parameter, _ in block.columns])
    centre = np.where(np.isin(support, ("unit", "signed")), 0.0, mean)
    room = np.where(support == "real", FURTHEST * sd, WALL * _pace(support))
    fixed = np.array([parameter.fixed is not None for parameter, _ in block.columns])
    return np.where(fixed, mean, centre - room), np.where(fixed, mean, centre + room)


def _pace(support: np.ndarray) -> np.ndarray:
    """Link-scale distance per unit of logit: atanh is half the logit of the way up the range."""
    return np.where(support == "signed", 0.5, 1.0)


def _starts(
    search: Search,
    people: int,
    mean: np.ndarray,
    sd: np.ndarray,
    number: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """The prior's mean and draws around it, (start, person, column); more of them as probes."""
    away = rng.standard_normal((number + PROBES, people, len(mean)))
    away[0] = 0.0
    drawn = np.clip(mean + sd * away, search.low, search.high)
    for points in drawn[1:]:
        impossible = ~np.isfinite(search.at(points)[0])
        points[impossible] = drawn[0, impossible]
    return drawn


def _informed(likelihood: Objective, block: Block, probes: np.ndarray) -> np.ndarray:
    """Whether a person's data say anything about a column, (person, column)."""
    slopes = np.array([likelihood(points)[1] for points in probes])
    free = np.array([parameter.fixed is None for parameter, _ in block.columns])
    return (slopes != 0).any(axis=0) & free


# ------------------------------------------------------------------------------ the search


def _best(search: Search, starts: np.ndarray) -> np.ndarray:
    """Best values (person, column) over all starts."""
    best = starts[0]
    for start in starts:
        found = _together(search, start)
        better = search.at(found)[0] > search.at(best)[0]
        best = np.where(better[:, None], found, best)
    for _ in range(ROUNDS):
        for person in np.flatnonzero(_steepness(search, best) > STEEP).tolist():
            best[person] = _one(search, best, person)
    return best


def _together(search: Search, start: np.ndarray) -> np.ndarray:
    """Search for everybody at once from one start: the sum of what is independent."""

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        found, slopes = search.at(flat.reshape(start.shape))
        return -float(found.sum()), -slopes.ravel()

    flat = _minimised(cost, start.ravel(), search, people=len(start), steps=TOGETHER)
    return flat.reshape(start.shape)


def _one(search: Search, values: np.ndarray, person: int) -> np.ndarray:
    """Search on for one person, everybody else left where they are."""

    def cost(own: np.ndarray) -> tuple[float, np.ndarray]:
        moved = values.copy()
        moved[person] = own
        found, slopes = search.at(moved)
        return -float(found[person]), -slopes[person]

    return _minimised(cost, values[person], search, people=1, steps=ALONE)


def _minimised(
    cost: Any, start: np.ndarray, search: Search, *, people: int, steps: int
) -> np.ndarray:
    bounds = np.stack([np.tile(search.low, people), np.tile(search.high, people)], axis=1)
    options = {"maxiter": steps, "maxfun": 10 * steps, "ftol": 1e-14, "gtol": STEEP / 10}
    return minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x


def _steepness(search: Search, values: np.ndarray) -> np.ndarray:
    """Largest slope (person,) that does not press against a wall."""
    slopes = search.at(values)[1]
    pressed = ((values <= search.low) & (slopes < 0)) | ((values >= search.high) & (slopes > 0))
    steepness = np.where(pressed, 0.0, abs(slopes)).max(axis=1)
    return np.nan_to_num(steepness, nan=np.inf)


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
    near = _near_an_end(block, search, found) & informed
    return pd.DataFrame(
        {
            "participant": arrangement.participants,
            **dict(zip(labels, values.T, strict=True)),
            "observations": _observations(arrangement),
            "converged": _steepness(search, found) <= STEEP,
            "at_bound": [", ".join(labels[row]) for row in near],
        }
    )


def _observations(arrangement: Arrangement) -> np.ndarray:
    """Scored values of all responses, (person,)."""
    size = len(arrangement.participants)
    people = [scored.participant for scored in arrangement.scored.values()]
    return np.bincount(np.concatenate(people), minlength=size)


def _near_an_end(block: Block, search: Search, found: np.ndarray) -> np.ndarray:
    """Values within a thousandth of an end of their range, or at a wall, (person, column)."""
    support = np.array([parameter.support for parameter, _ in block.columns])
    margin = np.where(support != "real", (WALL + np.log(END)) * _pace(support), 0.0)
    return (found <= search.low + margin) | (found >= search.high - margin)


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
