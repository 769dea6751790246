"""Compare fitted models by how well they predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.checks.check import unconverged
from empathymodels.comparison.by_block import by_block
from empathymodels.comparison.by_participant import by_participant
from empathymodels.comparison.by_trial import by_trial
from empathymodels.comparison.comparable import comparable
from empathymodels.comparison.elpd import is_bad
from empathymodels.comparison.scores import WORST, Asked, Compiled, Fits, Score, troubled
from empathymodels.engine.evaluator import Evaluator
from empathymodels.inference.fits import checked_fits, marked, method_of
from empathymodels.messages import listed, not_converged

UNITS: dict[str, Callable[[Fits, Compiled, list[str], Asked], dict[str, Score]]] = {
    "trial": by_trial,
    "participant": by_participant,
    "future": by_block,
}


@checked_arguments
def compare(
    fits: Mapping[str, xr.DataTree],
    *,
    unit: Literal["trial", "participant", "future"] = "trial",
    response: str | None = None,
    draws: int = 2000,
    refit: bool = False,
    folds: int | None = None,
    from_block: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Rank models by expected log predictive density: of what, you say.

    Parameters
    ----------
    fits : mapping of str to DataTree
        Fits of the same observations.
    unit : {"trial", "participant", "future"}
        What is predicted.

        - ``"trial"``: one more observation of the same people, given the history as input
          (conditional PSIS-LOO; every observed response value is left out in turn). It says
          nothing about new people.
        - ``"participant"``: all observations of somebody new, with the person's own parameters
          integrated out, :math:`\log p(y_s \mid y_{-s})` (leave-one-participant-out, by
          importance sampling: see `empathymodels.comparison.new_person`). Of the person only
          covariates are known.
        - ``"future"``: the next block of the same people from fits to all blocks before it,
          states updated by what happens within the block; the unit is one person's block, all
          its observations jointly. Blocks (and sessions) follow each other as their rows do.
          Needs ``refit=True``. Scores of whole people (before and after) count nowhere, since
          they could tell of later blocks.
    response : str, optional
        Compare on this response only. Otherwise on all that the fits share, jointly.
    draws : int
        About how many posterior draws to use (300 where whole people are left out and the
        likelihood depends on parameters that people share: each draw then needs its own
        evaluations).
    refit : bool
        Fit again where importance sampling cannot be trusted: without each such person, or, with
        more than 10 of them in some model, without each of 10 groups of people, in all models.
        Nothing is fitted unless asked for.
    folds : int, optional
        With ``unit="participant"``: leave people out in this many groups, by refits.
    from_block : int, optional
        With ``unit="future"``: the first block that is predicted, in order of time; 2 unless
        given. A later one leaves out predictions that rest on little, of a condition that nobody
        has met yet for example, and their refits.
    seed : int
        Seed of proposals and groups.

    Returns
    -------
    DataFrame
        Index: names of the fits, best first, marked where a fit is approximate. ArviZ's columns
        (``elpd``, ``p``, ``elpd_diff``, ``weight`` by stacking, ``se``, ``dse``, ...),
        ``pareto_k_bad``, the number of units whose importance weights cannot be trusted, and
        ``monte_carlo_error``, the standard error of the elpd from finite draws and proposals,
        which comes on top of ``se`` (another seed would move the elpd by about so much; NaN
        where weights failed, since none can be told), and
        ``converged``, whether the fit passed all checks of its sampling (see `check`), and the
        chains of every refit agreed without divergences.
        ``attrs``: ``unit``, ``responses``, ``observations`` (units left out), ``reading`` (the
        verdict in words, naming people who cannot be trusted; "not known" where it hangs on
        them), ``elpd`` (ArviZ's result per model, with pointwise values and k),
        ``not_converged`` (what fits failed, by name, their refits included), ``units`` (per model
        a table of every unit: ``elpd``, ``pareto_k``, ``error``, the Monte-Carlo standard error
        (not of trials), ``exact``), and for whole people ``evidences``, the log-density of each
        person given all others (participant, model), which `select` takes.

    Raises
    ------
    ValueError
        Fewer than two fits, a fit that is a single point (method "map"), other rows, other base
        measures (a density against a mass), no shared response, an unknown unit, more folds than
        people, no blocks to predict, `from_block` for another unit or outside the blocks that
        there are, or refits where the unit is not refitted.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), doi:10.1007/s11222-016-9696-4.
    Yao, Vehtari, Simpson & Gelman (2018), doi:10.1214/17-BA1091.
    Merkle, Furr & Rabe-Hesketh (2019), doi:10.1007/s11336-019-09679-0.

    Examples
    --------
    >>> import empathymodels as em
    >>> fits = {"learning": fit, "static": static_fit}  # doctest: +SKIP
    >>> em.compare(fits, unit="participant")  # doctest: +SKIP
    """
    if from_block is not None and unit != "future":
        raise ValueError(
            f"from_block is for unit='future', which predicts block after block; found "
            f"from_block={from_block} with unit='{unit}'. Leave it out, or ask for that unit."
        )
    fits = {_marked(name, fit): fit for name, fit in checked_fits(fits).items()}
    compiled, responses = comparable(fits, response)
    asked = Asked(draws=draws, refit=refit, folds=folds, seed=seed, from_block=from_block)
    scores = UNITS[unit](fits, compiled, responses, asked)
    units = next(iter(scores.values())).units.index
    scores = {name: score.of(units) for name, score in scores.items()}
    elpds = {name: score.elpd for name, score in scores.items()}
    table = az.compare(elpds, round_to="none")
    table["pareto_k_bad"] = [int(is_bad(elpds[name]).sum()) for name in table.index]
    table["monte_carlo_error"] = [scores[name].error for name in table.index]
    poor = {n: why for n, fit in fits.items() if (why := _unconverged(fit, scores[n]))}
    table["converged"] = [name not in poor for name in table.index]
    table.attrs |= {"unit": unit, "not_converged": poor}
    table.attrs |= {
        "responses": responses,
        "observations": int(next(iter(elpds.values())).n_data_points),
        "reading": _reading(table, scores)
        + _shared_only(compiled, responses)
        + _approximate(fits)
        + not_converged(poor),
        "elpd": elpds,
        "units": {name: score.units for name, score in scores.items()},
    }
    if unit == "participant":
        evidences = pd.DataFrame({name: score.units["elpd"] for name, score in scores.items()})
        evidences.attrs |= {"evidence": "log p(y_s | all others)", "not_converged": poor}
        errors = {name: score.units["error"] for name, score in scores.items()}
        evidences.attrs["errors"] = pd.DataFrame(errors)
        table.attrs["evidences"] = evidences
    return table


def _unconverged(fit: xr.DataTree, score: Score) -> str:
    """What a fit and its refits failed, in words; empty if nothing."""
    refits = [f"refit {what}: {why}" for what, why in score.doubts.items()]
    return ", ".join([why for why in (unconverged(fit),) if why] + refits)


def _shared_only(compiled: Mapping[str, Evaluator], responses: list[str]) -> str:
    scored = {name for found in compiled.values() for name in found.arrangement.scored}
    others = sorted(scored - set(responses))
    return f"; compared on {listed(responses)}, without {listed(others)}" if others else ""


def _marked(name: str, fit: xr.DataTree) -> str:
    if method_of(fit) == "map":
        raise ValueError(
            f"Predictions are compared over draws of the posterior; '{name}' is a single point "
            "(method='map'). Fit it with method='nuts'."
        )
    return marked(name, fit)


PREDICTED = {"trial": "", "participant": " new people", "future": " later blocks"}


def _reading(table: pd.DataFrame, scores: Mapping[str, Score]) -> str:
    best, second = table.index[0], table.index[1]
    one, other = scores[best], scores[second]
    failing = one.failing | other.failing
    apart = np.asarray(one.elpd.elpd_i) - np.asarray(other.elpd.elpd_i)
    noise = float(np.hypot(one.known_error, other.known_error))
    verdict = _verdict(apart, noise)
    unit = PREDICTED[table.attrs["unit"]]
    rests_on_few = verdict and failing.mean() > 0.5
    if rests_on_few or verdict != _verdict(apart[~failing], noise):
        exact = one.units["exact"].all() and other.units["exact"].all()
        remedy = "more draws" if exact or not unit else "refits"
        text = f"not known without {remedy}: '{best}' or '{second}'" + (unit and f" for{unit}")
    elif verdict:
        text = f"'{best}' predicts{unit} better than '{second}'"
    else:
        text = f"undecided between '{best}' and '{second}'" + (unit and f" for{unit}")
    text += f": elpd difference {apart.sum():.1f} with standard error {_error(apart):.1f}"
    if noise > 0.05:
        text += f" (Monte-Carlo error {noise:.1f} on top)"
    if failing.any():
        bad = [f"{int(n):,} for '{name}'" for name, n in table["pareto_k_bad"].items() if n]
        # weights of a choice that was nearly certain are often flagged, and matter little
        text += (
            (
                f"; unreliable importance weights: {', '.join(bad)}"
                if bad
                else "; unreliable numbers"
            )
            + f", treat the ranking with care: these observations make {apart[failing].sum():.1f} "
            f"of its {apart.sum():.1f}"
        )
    if table.attrs["unit"] == "participant":
        text += _troubled_people(scores)
    return text


def _verdict(apart: np.ndarray, noise: float) -> int:
    """Sign of a difference between elpds (unit,) that is clear, with all its errors; otherwise 0.

    Fewer than 4 are too few for a standard error to be believed (Sivula, Magnusson & Vehtari
    2020, arXiv:2008.10296).
    """
    difference = float(apart.sum())
    clear = abs(difference) > max(4.0, 2 * np.hypot(_error(apart), noise))
    return int(np.sign(difference)) if clear else 0


def _error(apart: np.ndarray) -> float:
    """Standard error of the sum over units."""
    return float(np.sqrt(apart.size * apart.var())) if apart.size else 0.0


def _troubled_people(scores: Mapping[str, Score]) -> str:
    named = {name: troubled(score) for name, score in scores.items()}
    if not any(named.values()):
        return ""
    people = "; ".join(f"'{n}': {listed(who)}" for n, who in named.items() if who)
    if all(score.units["exact"].all() for score in scores.values()):
        return f"; Monte-Carlo error above {WORST} for {people}. Fit with more draws"
    return (
        f"; importance sampling fails (Pareto k, or a Monte-Carlo error above {WORST}) for people "
        f"{people}. Repeat the comparison with refit=True, which fits again without them"
    )


def _approximate(fits: Mapping[str, xr.DataTree]) -> str:
    names = [name for name, fit in fits.items() if method_of(fit) != "nuts"]
    if not names:
        return ""
    return f"; elpd from approximate draws: {listed(names)}. Fit with method='nuts' to decide"
