"""Sessions of neurofeedback with a filter in the loop, before anybody is scanned."""

from __future__ import annotations

import numpy as np
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.neuro.filter import Filter
from empathymodels.neuro.kalman import Parameters, advance, feedback, start, summarised


@checked_arguments
def simulate_feedback(
    filter: Filter,
    *,
    runs: int = 12,
    volumes: int = 60,
    n: int = 100,
    learning: float = 0.1,
    ceiling: float = 1.0,
    sham: bool = False,
    seed: int = 0,
) -> xr.Dataset:
    r"""Simulate people who learn to regulate from the feedback that a filter gives.

    Parameters
    ----------
    filter : Filter
        The filter, with its target and rule. Simulated people are its draws of the parameters:
        make it for somebody new.
    runs, volumes, n : int
        Runs of training, volumes per run, and people; all volumes of a run are of regulation.
    learning : float
        Share :math:`\eta` of what is left to learn that a run of perfect feedback teaches.
    ceiling : float
        Largest gain :math:`G` of regulation, in units of the scores.
    sham : bool
        Show everybody the feedback of somebody else.
    seed : int
        Of people and noise.

    Returns
    -------
    Dataset (person, run)
        ``regulation``, the shift during the run; ``latent``, the mean of the true latent;
        ``validity``, the mean product of feedback and the true side of the target (1: perfect);
        ``false_feedback``, the share of volumes whose feedback has the wrong sign; and
        ``runs_to_half`` (person), the first run, from 1, with half of the ceiling gained; NaN if
        there is none.

    Raises
    ------
    ValueError
        Sham feedback for one person alone.

    Notes
    -----
    The latent and its scores are those of `signature_tracking`. From run to run

    .. math:: g_{k+1} = g_k + \eta\, \max(v_k, 0) \, (G - (g_k - g_1))

    with :math:`v_k` the validity of feedback. This rule of learning is ours and no published
    estimate: use it to compare filters, targets and lengths of runs, not to promise an effect.

    See Also
    --------
    Filter : What is in the loop.

    Examples
    --------
    >>> import empathymodels as em
    >>> training = em.simulate_feedback(em.Filter(fit), runs=12)  # doctest: +SKIP
    >>> training["runs_to_half"].median()  # doctest: +SKIP
    """
    if sham and n < 2:
        raise ValueError("sham feedback is that of somebody else: n must be 2 at least; found 1.")
    rng = np.random.default_rng(seed)
    known = filter.parameters
    truth = _people(known, rng.integers(len(known.noise), size=n))
    regulation, gained = truth.regulation.copy(), np.zeros(n)
    order = np.roll(np.arange(n), 1) if sham else np.arange(n)
    found = {
        name: np.empty((n, runs)) for name in ("regulation", "latent", "validity", "false_feedback")
    }
    for run in range(runs):
        latent, shown = _run(filter, truth, regulation + gained, volumes, rng)
        side, shown = np.sign(latent - filter.target), shown[:, order]
        validity = (shown * side).mean(axis=0)
        found["regulation"][:, run] = regulation + gained
        found["latent"][:, run] = latent.mean(axis=0)
        found["validity"][:, run] = validity
        found["false_feedback"][:, run] = (np.sign(shown) == -side).mean(axis=0)
        gained = gained + learning * np.maximum(validity, 0) * (ceiling - gained)
    table = xr.Dataset({name: (("person", "run"), values) for name, values in found.items()})
    table = table.assign_coords(person=np.arange(1, n + 1), run=np.arange(1, runs + 1))
    is_there = table["regulation"] - table["regulation"].isel(run=0) >= ceiling / 2
    first = is_there["run"].where(is_there).min("run")
    return table.assign(runs_to_half=first)


def _people(parameters: Parameters, chosen: np.ndarray) -> Parameters:
    """Take some draws, one per simulated person."""
    return Parameters(**{name: values[chosen] for name, values in vars(parameters).items()})


def _run(
    filter: Filter,
    truth: Parameters,
    regulation: np.ndarray,
    volumes: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """True latents and feedback of one run, each (volume, person)."""
    people = len(regulation)
    known, state = filter.parameters, start(filter.parameters)
    level, spread = truth.baseline + regulation, truth.fluctuation
    deviation = rng.normal(0, spread)
    latent, shown = np.empty((volumes, people)), np.empty((volumes, people))
    for volume in range(volumes):
        latent[volume] = level + deviation
        score = rng.normal(latent[volume], truth.noise)
        step = advance(known, state, score, 1.0)
        state = step.state
        above = summarised(step.mean, step.variance, filter.target)[2]
        shown[volume] = feedback(above, filter.rule)
        innovation = spread * np.sqrt(1 - truth.persistence**2)
        deviation = rng.normal(truth.persistence * deviation, innovation)
    return latent, shown
