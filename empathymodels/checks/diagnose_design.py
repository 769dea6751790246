r"""Diagnose a design before anything is sampled: what it can tell, and what it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.checks.attributes import of_attributes
from empathymodels.checks.contraction import contractions
from empathymodels.checks.deterministic import KINDS, by_kind, deterministic_people, named
from empathymodels.checks.findings import Finding, finding
from empathymodels.checks.information import informations, means, one_person, population, quantities
from empathymodels.declaration.model import Model
from empathymodels.declaration.priors import median_of_mean, unusual_median
from empathymodels.engine.evaluator import Evaluator, evaluator
from empathymodels.layout.arrangement import Arrangement, Scored
from empathymodels.layout.rating_timing import CLEAR, mistimed
from empathymodels.messages import listed
from empathymodels.population.covariates import covariates_for, tell_coding
from empathymodels.simulation.placeholders import with_placeholders
from empathymodels.study.study import Study


@checked_arguments
def diagnose_design(
    model: Model,
    study: Study,
    *,
    covariates: Mapping[str, str] | None = None,
    draws: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Tell, before anything is sampled, what a design can and cannot tell about a model.

    Nothing is fitted, and recorded responses serve for little more than to say which were observed:
    a design without any responses is taken to observe all of the model's.

    Parameters
    ----------
    model, study : Model, Study
        What is to be fitted to what.
    covariates : mapping of str to str, optional
        Formula per parameter, as in `fit`.
    draws : int
        How many sets of people are drawn from the prior.
    seed : int
        Seed of these people and of their responses.

    Returns
    -------
    DataFrame
        As of `check`: columns ``check``, ``value``, ``limit``, ``passed`` and ``advice``. Rows:

        - per attribute (a numeric column of trials that the model reads) the share of people within
          whom it never varies; the number of distinct values where there are two;
        - correlations of attributes within people (deviations from people's own means; labels as
          indicators), where they exceed 0.7, and the condition number of them all, with
          the columns that make it large;
        - labels that split a parameter of the model or of a rival, and the attributes that never
          change unless the label does;
        - responses of two options: how many people never chose one of them;
        - people whose recorded responses follow from the data without any noise: always the same
          rating, one end of the scale, the same after the same events (win-stay), choices that
          the attributes separate;
        - ratings that go with what their trial brings although they should precede it, or the
          other way round (`Model.with_timing`);
        - contraction of every parameter, for one person alone and for the means of the
          population; numbers that the data hardly inform, or only together;
        - priors whose median lies outside the range that a parameter declares as typical;
        - what of the model the study leaves out or holds (information).

    Raises
    ------
    ValueError
        The data do not fit the model's declarations, or a prior has no finite variance; a study
        without responses does not hold what every option would have brought.

    Notes
    -----
    With Fisher's information :math:`I_i(\theta)` of person i's responses on the link scale, and the
    prior covariance :math:`\Sigma` of a new person, a person's own data leave

    .. math::

        C_i(\theta) = (\Sigma^{-1} + I_i(\theta))^{-1}, \qquad
        \text{contraction}_k = 1 - E\left[ C_i(\theta)_{kk} \right] / \Sigma_{kk}

    in expectation over people :math:`\theta` from the prior: 0 where the prior alone speaks, 1
    where the data settle everything. For the population's means (with effects of covariates, and
    what all people share) deviations of people with prior covariance :math:`S` are integrated
    out before the information is summed over people. A direction v with :math:`v^\top C v` near
    :math:`v^\top \Sigma v` is hardly informed: what loads on it trades off, and only priors tell it
    apart. Both are Gaussian approximations around each drawn person. Spreads between people
    and correlations are held at what the prior expects, crossed items at draws of it.
    Responses that later trials depend on are the recorded ones.

    References
    ----------
    Chaloner & Verdinelli (1995), doi:10.1214/ss/1177009939 (expected posterior covariance of a
    design). Schad, Betancourt & Vasishth (2021), doi:10.1037/met0000275 (contraction). Belsley, Kuh
    & Welsch (1980), doi:10.1002/0471725153 (condition numbers).

    Examples
    --------
    >>> import empathymodels as em
    >>> model = em.get_model("motivated_empathy").without("AI", "TPJ", "VS")
    >>> table = em.diagnose_design(model, em.load_study("motives"), draws=2)
    >>> bool(table.passed.all())
    True
    """
    recorded = _has_responses(model, study)
    design = study if recorded else with_placeholders(model, study, model.responses)
    compiled = evaluator(model, design)
    arrangement = compiled.arrangement
    rows = of_attributes(arrangement)
    if recorded:
        rows += [row for one in arrangement.scored.values() for row in _both(arrangement, one)]
        rows += _without_noise(arrangement)
        rows += _mistimed(arrangement)
    rows += _of_information(compiled, covariates, draws=draws, seed=seed, as_recorded=recorded)
    rows += _priors_elsewhere(arrangement)
    rows += _left_out(arrangement)
    return pd.DataFrame(rows)


def _has_responses(model: Model, study: Study) -> bool:
    """Whether a study has observed any response of the model."""
    for response in model.responses:
        rows = study.tables.get(response.table, pd.DataFrame())
        if response.region is not None and "region" in rows:
            rows = rows[rows["region"] == response.region]
        if response.values.name in rows and rows[response.values.name].notna().any():
            return True
    return False


def _priors_elsewhere(arrangement: Arrangement) -> Iterator[Finding]:
    """Yield priors whose median is no ordinary value of their parameter."""
    for parameter in arrangement.parameters:
        if advice := unusual_median(parameter):
            low, high = parameter.typical
            median = median_of_mean(parameter)
            check = f"prior median: {parameter.name}"
            yield finding(check, median, f"{low:g} to {high:g}", False, advice)


def _left_out(arrangement: Arrangement) -> list[Finding]:
    told = {f"left out: {name}": why for name, why in arrangement.checked.left_out.items()}
    told |= {f"held: {name}": why for name, why in arrangement.held.items()}
    return [finding(check, why, "information", True) for check, why in told.items()]


def _both(arrangement: Arrangement, scored: Scored) -> Iterator[Finding]:
    """People who never chose one of two options: ever, or at a level that has its own parameter."""
    if scored.response.levels is None or len(scored.response.levels) != 2:
        return
    name, people = scored.response.name, scored.frame["participant"]
    values = pd.Series(scored.observed, index=people.index)
    ever = values.groupby(people, sort=False).nunique() < 2
    alike = ever.index[ever].tolist()
    advice = f"{listed(alike, 5)}: fine in a hierarchy, where they lean on the population; alone "
    advice += "(point_estimates) they have no estimate."
    check = f"people with one and the same '{name}' throughout"
    yield finding(check, len(alike), "information", True, advice if alike else "")
    read = arrangement.needs[name].parameters
    for by in dict.fromkeys(p.by for p in arrangement.parameters if p.name in read and p.by):
        keys = [people.rename("participant"), scored.frame[by].rename(by)]
        cells = values[~people.isin(alike)].groupby(keys, sort=False).nunique() < 2
        where = [f"{person} ({level})" for person, level in cells.index[cells]]
        advice = f"{listed(where, 5)}: what differs by '{by}' leans on the population there."
        check = f"people's levels of '{by}' with one and the same '{name}'"
        yield finding(check, len(where), "information", True, advice if where else "")


def _without_noise(arrangement: Arrangement) -> Iterator[Finding]:
    """Yield who responds without noise, by response and kind."""
    for (response, kind), people in by_kind(deterministic_people(arrangement)).items():
        is_choice = arrangement.scored[response].response.levels is not None
        if kind == "constant" and is_choice:
            continue  # told with those who never chose an option
        advice = f"{named(people)}. " + (
            "A slope or an inverse temperature of theirs has no largest value that their data "
            "rule out; fine in a hierarchy, where they lean on the population."
            if is_choice
            else "Nothing in their data keeps a noise of their own above 0: see that they answered "
            "in earnest, and look at them again with check after the fit."
        )
        yield finding(KINDS[kind].format(response), len(people), "information", True, advice)


def _mistimed(arrangement: Arrangement) -> Iterator[Finding]:
    """Yield ratings that go with what their trial brings at another time than declared."""
    for found in mistimed(arrangement):
        yield finding(found.row, round(found.t_value, 1), f"{CLEAR:g}", False, str(found))


# ------------------------------------------------------------------------- of information


def _of_information(
    compiled: Evaluator,
    covariates: Mapping[str, str] | None,
    *,
    draws: int,
    seed: int,
    as_recorded: bool,
) -> list[Finding]:
    arrangement = compiled.arrangement
    found = quantities(arrangement)
    if not found:
        return []
    of_people = covariates_for(arrangement, covariates)
    tell_coding(of_people)
    known = means(arrangement, found, of_people)
    alone, together, lost = [], [], 0
    for told in informations(compiled, found, draws=draws, seed=seed, as_recorded=as_recorded):
        usable = np.isfinite(told).all(axis=(1, 2))
        lost += int((~usable).sum())
        if usable.any():
            alone.append(one_person(found, told[usable]))
            together.append(population(known.of(usable), found, told[usable]))
    rows = []
    if lost:
        advice = "Their likelihood is not finite: the priors reach where the equations break down."
        rows.append(finding("people from the prior left out", lost, "0", False, advice))
    if alone:
        own = [quantity.label for quantity in found if not quantity.is_shared]
        left = np.mean(alone, axis=0)[: len(own), : len(own)]  # what all share comes last
        rows += contractions("one person", own, left)
        rows += contractions("population", known.labels, np.mean(together, axis=0))
    return rows
