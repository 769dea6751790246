"""Which paths from a data column to a response a model's graph has; refusals of others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import xarray as xr
from pytensor.graph.basic import Variable
from pytensor.graph.traversal import ancestors

from empathymodels.declaration.equations import ACCUMULATED, Equations, later_name, sum_name, symbol
from empathymodels.declaration.parts import FirstResponse
from empathymodels.inference.fits import covariates_of
from empathymodels.layout.arrange import columns_read
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import did_you_mean, listed
from empathymodels.results.path_worlds import HELD, cut


def check_route(
    arrangement: Arrangement, column: str, response: str, steps: Sequence[str], fit: xr.DataTree
) -> None:
    """Refuse a path that the equations do not have.

    Raises
    ------
    KeyError
        There is no such response or step.
    ValueError
        A step does not read the one before it.
    """
    arrangement.model.response(response)
    _check_steps(arrangement, response, steps)
    _check_column(arrangement, column, response, fit)
    _check_end(arrangement, response, steps[-1])
    for earlier, later in pairwise(steps):
        if not leads(arrangement, earlier, later):
            known = _known(arrangement, response)
            follow = [n for n in known if n != earlier and leads(arrangement, earlier, n)]
            raise ValueError(
                f"Every step of a path must read the one before it; in "
                f"'{arrangement.model.label}' '{later}' does not read '{earlier}'. "
                f"{len(follow)} do: {listed(follow)}. Correct the order or the steps."
            )
    if not moves(arrangement, column, steps[0]):
        moved = [n for n in _known(arrangement, response) if moves(arrangement, column, n)]
        raise ValueError(
            f"A path must start where '{column}' goes in; in '{arrangement.model.label}' "
            f"'{steps[0]}' does not depend on it. {len(moved)} do: {listed(moved)}. Start at one "
            "of these."
        )
    _refuse_first_responses(arrangement, column)


def moves(arrangement: Arrangement, column: str, step: str) -> bool:
    """Whether a column reaches a step, as data or because it splits a parameter or a state."""
    model, equations = arrangement.model, arrangement.equations
    outputs = _outputs(arrangement, equations, step)
    reached, upstream = equations.reached_by(outputs), set(ancestors(outputs))
    carried = [] if upstream.isdisjoint(equations.states.values()) else model.states
    names = reached["parameters"] | {s.start for s in carried if isinstance(s.start, str)}
    splits = {c for p in model.parameters if p.name in names for c in (p.by, p.level)}
    return column in reached["data"] | splits | {s.over for s in carried}


def leads(arrangement: Arrangement, step: str, later: str) -> bool:
    """Whether a step reaches a later one, on its own trial or through states of earlier ones."""
    if step not in arrangement.equations.latents:
        return False  # a summary, which only scores of people read
    equations = cut(arrangement.equations, step, symbol("data", HELD))
    return HELD in equations.reached_by(_outputs(arrangement, equations, later))["data"]


def reaches(arrangement: Arrangement, step: str, response: str) -> bool:
    """Whether a step reaches a response, by whatever it reads."""
    read = arrangement.needs[response].latents
    return any(step == name or leads(arrangement, step, name) for name in read)


def shared_parameters(arrangement: Arrangement, response: str) -> dict[str, list[str]]:
    """Parameters that a response has in common with others which it does not read, by these."""
    needs = arrangement.needs[response]
    common = {
        name: sorted(needs.direct_parameters & other.direct_parameters)
        for name, other in arrangement.needs.items()
        if name != response and name not in needs.direct_data
    }
    return {name: parameters for name, parameters in common.items() if parameters}


def _known(arrangement: Arrangement, response: str) -> list[str]:
    """What a path to a response may go by: latents, and the summaries that it reads."""
    read = arrangement.needs[response].latents
    summaries = [s.name for s in arrangement.model.summaries if s.name in read]
    return [*arrangement.equations.latents, *summaries]


def _outputs(arrangement: Arrangement, equations: Equations, step: str) -> list[Variable]:
    if step in equations.readable:
        return [equations.readable[step]]
    summary = next(s for s in arrangement.model.summaries if s.name == step)
    carried = sum_name(summary) if summary.kind in ACCUMULATED else summary.of
    return [equations.next_states[carried]]


# --------------------------------------------------------------------------------- refusals


def _check_steps(arrangement: Arrangement, response: str, steps: Sequence[str]) -> None:
    known, label = _known(arrangement, response), arrangement.model.label
    read = arrangement.needs[response].latents
    for step in steps:
        if step not in known and step in {r.name for r in arrangement.model.observables}:
            _refuse_response(arrangement, response, step)
        if not known:
            raise ValueError(
                f"A path goes through latents of trials; '{label}' has none that this study can "
                f"tell, '{step}' neither. Predict two designs to see what a column does."
            )
        if step not in known:
            raise KeyError(
                f"`through` must be latents of trials that the study can tell, or summaries of "
                f"these that '{response}' reads; '{label}' has {len(known)}: {listed(known)}. "
                f"Found '{step}'. Name one of them." + did_you_mean(step, known)
            )
    if any(later_name(step) in read for step in steps):
        raise ValueError(
            f"'{response}' is given after the states learn from the trial and reads its latents as "
            f"they are then; a path through {listed(steps)} goes by what these were before. Let it "
            "go through what the states learn from alone, such as a prediction error."
        )
    twice = [step for k, step in enumerate(steps) if step in steps[:k]]
    if twice or not steps:
        raise ValueError(
            f"`through` must name at least one step, and none twice; found {len(steps)}, of which "
            f"twice {listed(twice)}. Name each once, in the order of the path."
        )


def _refuse_response(arrangement: Arrangement, response: str, step: str) -> None:
    """Say what the equations have between two responses, which is no path."""
    needs, known = arrangement.needs[response], _known(arrangement, response)
    there = [name for name in known if reaches(arrangement, name, response)]
    shared = shared_parameters(arrangement, response).get(step, [])
    common = arrangement.needs[step].latents if step in arrangement.needs else ()
    both = [n for n in there if any(n == c or leads(arrangement, n, c) for c in common)]
    read = (
        "reads it on its trial, and is averaged over it"
        if step in needs.direct_data
        else "does not read it"
    )
    raise ValueError(
        f"A path goes by what equations carry, not by what was recorded of it. '{step}' is a "
        f"response; in '{arrangement.model.label}' '{response}' {read}. Both depend on the latents "
        f"{listed(both)} and share the parameters {listed(shared)}, and that is all. To "
        f"'{response}' lead {len(there)}: {listed(there)}. Name some of these."
    )


def _check_end(arrangement: Arrangement, response: str, step: str) -> None:
    read = [name for name in _known(arrangement, response) if reaches(arrangement, name, response)]
    if step not in read:
        raise ValueError(
            f"'{response}' must depend on the latent that its path is to go through; in "
            f"'{arrangement.model.label}' it depends on {listed(read)}; '{step}' is not among "
            f"these {len(read)}. Name one of them, or another response."
        )


def _check_column(arrangement: Arrangement, column: str, response: str, fit: xr.DataTree) -> None:
    read = columns_read(arrangement.model, arrangement.model.response(response))
    if column not in read or not _has(arrangement, response, column):
        _refuse_column(arrangement, column, response, read, fit)


def _has(arrangement: Arrangement, response: str, column: str) -> bool:
    return any(column in x for x in (arrangement.trials, arrangement.scored[response].frame))


def _refuse_column(
    arrangement: Arrangement, column: str, response: str, read: set[str], fit: xr.DataTree
) -> None:
    covariates = covariates_of(fit, arrangement)
    explained = [name for name, found in covariates.items() if column in found.columns]
    there = [c.name for c in arrangement.model.columns if _has(arrangement, response, c.name)]
    usable = [name for name in there if name in read]
    if explained:
        raise ValueError(
            f"A path starts at a column that equations read on the way to '{response}': "
            f"{listed(usable)}. '{column}' is a covariate of {len(explained)} parameters, "
            f"{listed(explained)}: it tells people apart and is no part of a trial. Ask "
            f"em.contrast(fit, '{explained[0]}', ...)."
        )
    arrangement.model.column(column)
    reason = "the study does not have it" if column in read else "no equation of it reads it"
    raise ValueError(
        f"A path starts at a column of the study that equations read on the way to '{response}'. "
        f"Found '{column}': {reason}. There are {len(usable)}: {listed(usable)}. Name one of them."
        + did_you_mean(column, usable)
    )


def _refuse_first_responses(arrangement: Arrangement, column: str) -> None:
    model = arrangement.model
    started = [
        s.name for s in model.states if s.over == column and isinstance(s.start, FirstResponse)
    ]
    if started:
        raise ValueError(
            f"A column can be moved where states do not start at responses to its levels. In "
            f"'{model.label}' {len(started)} do by '{column}': {listed(started)}; responses to a "
            "level that was not shown are unknown. Name another column."
        )
