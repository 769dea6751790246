"""How far numbers contract from prior to posterior, and which are known only together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import xarray as xr
from scipy.sparse.csgraph import connected_components

from empathymodels.checks.findings import Finding, combination, finding
from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.priors import new_person_prior
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted
from empathymodels.population.blocks import POPULATION, column_label, n_levels

LEAST = 0.1  # contraction below which the data hardly inform
TIED = 0.95  # posterior correlation from which on two numbers are known only together
LINKED = 0.1  # entry of the projector onto uninformed directions that ties two numbers


def left_open(posterior: xr.Dataset, arrangement: Arrangement) -> tuple[list[str], np.ndarray]:
    """Posterior covariance of the population's means and effects, in units of the prior's.

    Parameters whose prior sets the mean, or has no standard deviation, are left out.

    Parameters
    ----------
    posterior : Dataset (chain, draw, ...)
        Link-scale ``<name>_mean`` and ``<name>_effect``.
    arrangement : Arrangement
        Model and study.

    Returns
    -------
    list of str
        Labels, as in `diagnose_design`.
    ndarray (entry, entry)
    """
    labels, columns = [], []
    for parameter in arrangement.parameters:
        if parameter.fixed is not None or parameter.is_item:
            continue
        prior = None if parameter.has_set_mean else _prior_sd(parameter)
        if prior is None:
            continue
        means = posterior[f"{parameter.name}_mean"]
        for level in range(n_levels(parameter, arrangement)):
            label = column_label(parameter, arrangement, level)
            own = means.isel({parameter.by: level}) if parameter.by else means
            labels.append(label)
            columns.append(np.ravel(own) / prior)
            if f"{parameter.name}_effect" not in posterior:
                continue
            effects = posterior[f"{parameter.name}_effect"]
            effects = effects.isel({parameter.by: level}) if parameter.by else effects
            of_effect = float(parameter.effect_prior.parameters["sigma"])
            by_covariate = f"{parameter.name}_covariate"
            for name in effects[by_covariate].to_numpy():
                labels.append(f"{label} by {name}")
                columns.append(np.ravel(effects.sel({by_covariate: name})) / of_effect)
    return labels, np.atleast_2d(np.cov(columns)) if columns else np.zeros((0, 0))


def _prior_sd(parameter: Parameter) -> float | None:
    """Prior standard deviation of a population mean; none where the prior has no such number."""
    try:
        return new_person_prior(replace(parameter, level=POPULATION, spread=None))[1]
    except (TypeError, ValueError):  # no finite variance, or a hierarchical prior
        return None


def of_posterior(posterior: xr.Dataset, arrangement: Arrangement) -> list[Finding]:
    """Rows for `check`: the least contraction, whatever is hardly informed, and the most tied."""
    labels, left = left_open(posterior, arrangement)
    if not labels:
        return []
    contracted = 1 - np.diag(left)
    least = int(np.argmin(contracted))
    worst = round(float(contracted[least]), 3)
    summary = finding(f"least contraction, population: {labels[least]}", worst, "information", True)
    found = contractions("population", labels, left)
    return [
        summary,
        *(row for row in found if row["check"].startswith("largest") or not row["passed"]),
    ]


def contractions(who: str, labels: list[str], left: np.ndarray) -> list[Finding]:
    """Rows on what is left open, (entry, entry) in units of the prior."""
    known = zip(labels, 1 - np.diag(left), strict=True)
    rows = [_contraction(who, label, value, _UNINFORMED[who]) for label, value in known]
    for text, value in _uninformed(labels, left):
        rows.append(_contraction(who, text, value, _TRADED[who]))
    return [*rows, *_tied(who, labels, left)]


_UNINFORMED = {
    "one person": "A person's own data hardly say anything about it: everybody will be where the "
    "population is. Do not rank people by it; pool or fix it, or add trials on which it acts. See "
    "that the columns are in the units on the card.",
    "population": "The data hardly say anything about it: its posterior will be its prior. Fix it, "
    "leave it out, or add observations on which it acts. See that the columns are in the units on "
    "the card.",
}
_TRADED = {
    "one person": "These trade off: within one person only their priors (and the population) tell "
    "them apart along this direction, in prior standard deviations. Pool or fix one.",
    "population": "These trade off: only their priors tell them apart along this direction, in "
    "prior standard deviations. Fix one, or vary what they act on independently.",
}


def _contraction(who: str, what: str, value: float, advice: str) -> Finding:
    passed = bool(value >= LEAST)
    rounded = round(float(value), 3)
    check = f"contraction, {who}: {what}"
    return finding(check, rounded, f">= {LEAST}", passed, "" if passed else advice)


def _uninformed(labels: list[str], left: np.ndarray) -> Iterator[tuple[str, float]]:
    """Combinations of several numbers that the data hardly inform, and their contraction.

    Uninformed directions may be turned into one another; which numbers they tie is read from
    the projector onto all of them, which does not change with that.
    """
    values, axes = np.linalg.eigh(left)
    weak = axes[:, values > 1 - LEAST]
    number, group = connected_components(abs(weak @ weak.T) > LINKED, directed=False)
    for k in range(number):
        members = np.flatnonzero(group == k)
        values, axes = np.linalg.eigh(left[np.ix_(members, members)])
        text = combination([labels[m] for m in members], axes[:, -1])
        if values[-1] > 1 - LEAST and text.count(" ") > 1:
            yield text, 1 - values[-1]


def _tied(who: str, labels: list[str], left: np.ndarray) -> Iterator[Finding]:
    """Whether any two numbers will be known only together."""
    if len(labels) < 2:
        return
    sd = np.sqrt(np.diag(left))
    r = left / np.outer(sd, sd)
    pairs = sorted(combinations(range(len(labels)), 2), key=lambda pair: -abs(r[pair]))
    tied = [f"{labels[i]} and {labels[j]} ({r[i, j]:.2f})" for i, j in pairs if abs(r[i, j]) > TIED]
    advice = ""
    if tied:
        advice = (
            f"{'; '.join(tied[:3])}; {counted(len(tied), 'pair')} in all. Each is known much worse "
            "than both together: report what the data fix, or fix or pool one."
        )
    text = f"largest posterior correlation, {who}"
    yield finding(text, round(float(r[pairs[0]]), 3), f"within {TIED}", not tied, advice)
