r"""Log evidences of models, participant by participant.

Under a prior that is fixed in advance the evidence of one person's data is

.. math:: p(y_s \mid M) = \int p(y_s \mid \theta)\, p(\theta \mid M)\, d\theta,

found by importance sampling from t distributions that are fitted to the integrand in some rounds
(Cappé, Douc, Guillin, Marin & Robert 2008, doi:10.1007/s11222-008-9059-x), a tenth of the prior
mixed in (see `empathymodels.comparison.importance`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.comparison.comparable import comparable
from empathymodels.comparison.compare import compare
from empathymodels.comparison.elpd import is_bad
from empathymodels.comparison.importance import (
    DEFENSIVE,
    heavy_tailed,
    integrals,
    log_mixture,
    log_t,
)
from empathymodels.comparison.scores import WORST
from empathymodels.declaration.model import Model
from empathymodels.inference.fits import model_of, study_of
from empathymodels.inference.point_estimates import Density, density_of
from empathymodels.messages import counted, listed
from empathymodels.study.study import Study
from empathymodels.terminal import tell

ROUNDS, PER_ROUND, LAST = 6, 300, 2000  # rounds of fitting a proposal, and points of each
ENOUGH = 0.2  # share of the points that must count effectively when a proposal is fitted

KINDS = {
    "left_out": "log p(y_s | all others)",
    "fixed_prior": "log p(y_s) under the model's prior of a new person",
}


def participant_evidences(
    fits: Mapping[str, xr.DataTree],
    *,
    evidence: Literal["left_out", "fixed_prior"] = "left_out",
    response: str | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Log evidence of every person's data under every model.

    Parameters
    ----------
    fits : mapping of str to DataTree
        Fits of the same observations.
    evidence : {"left_out", "fixed_prior"}
        ``"left_out"``: the log-density of a person's data given all others, as of
        ``compare(fits, unit="participant")``. ``"fixed_prior"``: of a person alone, under the
        prior that `point_estimates` uses with method "map" (what the model expects of a new
        person); parameters that people share are the person's own there.
    response : str, optional
        Of this response only. Otherwise of all that the fits share, jointly.
    draws : int
        About how many posterior draws to use (``"left_out"``).
    seed : int
        Seed of the proposals.

    Returns
    -------
    DataFrame
        Index ``participant``, one column per fit; ``attrs["evidence"]`` says of what kind, and
        ``attrs["errors"]`` holds Monte-Carlo standard errors (participant, model).

    Raises
    ------
    ValueError
        Unknown kind, or fits that cannot be compared (see `compare`).
    """
    if evidence not in KINDS:
        raise ValueError(
            f"evidence must be one of {listed(KINDS)}; found {evidence!r}. Name one of them."
        )
    if evidence == "left_out":
        table = compare(fits, unit="participant", response=response, draws=draws, seed=seed)
        found = table.attrs["evidences"].copy()
        errors = found.attrs["errors"]
        weak = {name: is_bad(elpd) for name, elpd in table.attrs["elpd"].items()}
        remedy = "Give compare(..., unit='participant', refit=True) in place of the fits."
    else:
        _, responses = comparable(fits, response)
        models = {name: _only(model_of(fit), responses) for name, fit in fits.items()}
        each = {n: under_prior(m, study_of(fits[n]), seed=seed) for n, m in models.items()}
        found = pd.DataFrame({name: one["log_evidence"] for name, one in each.items()})
        errors = pd.DataFrame({name: one["error"] for name, one in each.items()})
        weak = {name: np.zeros(len(one), dtype=bool) for name, one in each.items()}
        remedy = "Leave these people out, or take evidence='left_out'."
    for name, unsure in weak.items():
        sure = (errors[name] <= WORST).to_numpy() & ~unsure  # an error that is NaN is none of these
        people = errors.index[~sure].tolist()
        if people:
            tell(
                f"Log evidences need a Monte-Carlo error of at most {WORST} and even importance "
                f"weights; those of '{name}' fail for {counted(len(people), 'participant')}: "
                f"{listed(people, 8)}. {remedy}"
            )
    found.attrs |= {"evidence": KINDS[evidence], "errors": errors}
    return found


def _only(model: Model, responses: list[str]) -> Model:
    """The model without what is not compared."""
    return model.without(*(r.name for r in model.responses if r.name not in responses))


def under_prior(model: Model, study: Study, *, seed: int = 0) -> pd.DataFrame:
    """Log evidence of every person alone under the prior of a new person.

    Returns
    -------
    DataFrame
        Index ``participant`` (people without observations left out), columns ``log_evidence``
        and ``error``, its Monte-Carlo standard error.
    """
    density = density_of(model, study)
    rng = np.random.default_rng(seed)
    people = len(density.mode)
    mean, covariance = density.mode.copy(), np.tile(np.diag((density.sd / 2) ** 2), (people, 1, 1))
    for _ in range(ROUNDS):
        points, log_weights, likelihood = _weighed(density, mean, covariance, PER_ROUND, rng)
        for s in range(people):
            mean[s], covariance[s] = _fitted(
                points[:, s], log_weights[:, s] + likelihood[:, s], covariance[s]
            )
    _, log_weights, likelihood = _weighed(density, mean, covariance, LAST, rng)
    found = integrals(log_weights.T, likelihood.T)
    table = pd.DataFrame(
        {"log_evidence": found.log_values, "error": found.error},
        index=pd.Index(density.participants, name="participant"),
    )
    return table[density.observations > 0]


def _weighed(
    density: Density,
    mean: np.ndarray,
    covariance: np.ndarray,
    number: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (proposal, person, column), log of prior over proposal, and log-likelihood."""
    people, size = mean.shape
    factor = np.linalg.cholesky(covariance)
    outside = round(DEFENSIVE * number)
    steps = heavy_tailed((number - outside) * people, size, rng).reshape(-1, people, size)
    near = mean + np.einsum("skl,jsl->jsk", factor, steps)
    far = density.mean + density.sd * rng.standard_normal((outside, people, size))
    points = np.concatenate([near, far])
    away = (points - density.mean) / density.sd
    prior = -0.5 * (away**2).sum(axis=-1) - np.log(density.sd).sum() - size * np.log(2 * np.pi) / 2
    around = np.stack([log_t(points[:, s], mean[s], factor[s]) for s in range(people)], axis=1)
    likelihood = np.stack([density.log_likelihood(one) for one in points])
    likelihood = np.nan_to_num(likelihood, nan=-np.inf, neginf=-np.inf)
    return points, prior - log_mixture(around, prior), likelihood


def _fitted(
    points: np.ndarray, weights: np.ndarray, before: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of weighted points, the weights flattened until enough count."""
    finite = weights - weights.max()
    for power in 0.7 ** np.arange(30):
        share = np.exp(power * finite)
        share = share / share.sum()
        if 1 / (share**2).sum() >= ENOUGH * len(share):
            break
    mean = share @ points
    away = points - mean
    covariance = (share[:, None] * away).T @ away
    return mean, covariance + 1e-6 * np.diag(np.diag(before))
