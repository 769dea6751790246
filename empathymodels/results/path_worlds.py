"""Counterfactual responses: the equations cut at the mediators of a path.

The graph is evaluated once per mediator; each pass replaces the mediator before it by its
counterfactual value. The last pass gives the expected response. Data of the first may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.moments.means import mean
from pymc.exceptions import UndefinedMomentException
from pytensor.graph.basic import Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import clone_replace, vectorize_graph
from pytensor.graph.rewriting.basic import MergeOptimizer

from empathymodels.compiling import in_double_precision
from empathymodels.declaration.equations import Equations, symbol
from empathymodels.declaration.parts import Column, Response
from empathymodels.declaration.rating_scale import steps_of
from empathymodels.engine.evaluator import Evaluator, evaluator_of
from empathymodels.engine.observe import Give, observe
from empathymodels.engine.program import SharedData
from empathymodels.layout.arrangement import Arrangement, Scored
from empathymodels.messages import listed

HELD = "held latent"  # no column of a study's: equations could not read such a name
FIRST_RUN, OWN_RUN = "first run", "own run"  # before the names of the data of either
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)  # of a standard normal, once summed to 1


def moved(arrangement: Arrangement, column: str, value: Any) -> Arrangement:
    """Set a column to a value on all rows that have one."""

    def at(frame: pd.DataFrame) -> pd.DataFrame:
        if column not in frame:
            return frame
        values = [value if known else None for known in frame[column].notna()]
        return frame.assign(**{column: pd.Series(values, index=frame.index, dtype=object)})

    scored = {n: replace(one, frame=at(one.frame)) for n, one in arrangement.scored.items()}
    return replace(arrangement, trials=at(arrangement.trials), scored=scored)


def between(own: Evaluator, first: Evaluator) -> Evaluator:
    """Return E[Y(x, M(x'))]: the response under x, with the first mediator set as under x'."""
    taken = {name: x for name, x in first.data.items() if name.startswith(FIRST_RUN)}
    return own.given(taken)


def expectation(arrangement: Arrangement, response: str, steps: Sequence[str]) -> Evaluator:
    """Return the expected response, averaged over rows and people, of a path from a run apart.

    Parameters
    ----------
    arrangement : Arrangement
        Model and study.
    response : str
        Name of the response.
    steps : sequence of str
        Latents in the order of the path; the last may be a summary of one.
    """
    values, data = pt.dvector("values"), SharedData()
    own, alone = _giving(data, OWN_RUN), _with_responses(arrangement)
    found = observe(alone, values, give=_giving(data, FIRST_RUN)({}), latents=steps[:1])
    for earlier, later in pairwise(steps):
        give = own({f"trials:{HELD}": found.latents[earlier]})
        found = observe(cut_at(alone, earlier), values, give=give, latents=[later])
    held = {steps[-1]: (found.latents | found.summaries)[steps[-1]]}
    scored, weights, known = arrangement.scored[response], pt.ones((1, 1)), {}
    for name in drawn_beside(arrangement, response):
        beside = _holding(held, _on_rows_of(arrangement, name, response), name, values, own, {})
        declared, in_steps = arrangement.scored[name].response, arrangement.needs[name].in_steps
        points, weights = spread_out(beside, declared, in_steps=in_steps)
        known = {f"{place}:{name}": points for place in ("trials", response)}
    only = _with_responses(arrangement, response)
    distribution = _holding(held, only, response, values, own, known)
    mean_of_row = pt.sum(weights * expected(distribution, scored.response), axis=0)
    rows = pt.broadcast_to(mean_of_row, (len(scored.observed),))
    share = own({})("share of row", _shares(scored))
    outputs = {("mean", response): pt.sum(rows * share, keepdims=True)}
    question = repr((response, tuple(steps)))
    return evaluator_of(arrangement, values, outputs, data, question=question)


def _giving(data: SharedData, run: str) -> Callable[[Mapping[str, Any]], Give]:
    """Return how a run of the equations gets its data, but for those that are known."""

    def but_for(known: Mapping[str, Any]) -> Give:
        def give(name: str, array: np.ndarray) -> Any:
            return known[name] if name in known else data(f"{run} {name}", array)

        return give

    return but_for


def _holding(
    held: Mapping[str, Any],
    arrangement: Arrangement,
    response: str,
    values: Any,
    giving: Callable[[Mapping[str, Any]], Give],
    known: Mapping[str, Any],
) -> Any:
    """Return the distribution of a response that finds a latent, or a summary, as it is held."""
    [(step, value)] = held.items()
    give, latents = giving({**known, f"trials:{HELD}": value}), arrangement.needs[response].latents
    if step in arrangement.equations.latents:
        found = observe(cut_at(arrangement, step), values, give=give, latents=latents)
        return found.distributions[response]
    found = observe(arrangement, values, give=give, latents=latents)
    return clone_replace(found.distributions[response], {found.summaries[step]: value})


def _with_responses(arrangement: Arrangement, *names: str) -> Arrangement:
    """Leave out the distributions of all other responses; equations may still read their values."""
    model = arrangement.model
    kept = tuple(r for r in model.responses if r.name in names)
    left_out = tuple(r for r in model.observables if r.name not in names)
    return replace(arrangement, model=replace(model, responses=kept, left_out=left_out))


def drawn_beside(arrangement: Arrangement, response: str) -> list[str]:
    """The response of the same trial, if any, that a response reads, and no equation of trials.

    Raises
    ------
    ValueError
        There are several.
    """
    read = arrangement.needs[response].direct_data - set(arrangement.equations.data)
    found = [r.name for r in arrangement.model.responses if r.name in read]
    if len(found) > 1:
        raise ValueError(
            f"'{response}' must read at most one other response of its trial for its expected "
            f"value; in '{arrangement.model.label}' it reads {len(found)}: {listed(found)}. Ask "
            "for one of these, or for a model in which it does not read them."
        )
    return found


def _on_rows_of(arrangement: Arrangement, name: str, response: str) -> Arrangement:
    """Keep only the response `name`, evaluated on the rows of the `response` that reads it."""
    alone = _with_responses(arrangement, name)
    declared = arrangement.scored[name].response
    rows = replace(arrangement.scored[response], response=declared)
    return replace(alone, scored={**arrangement.scored, name: rows})


@in_double_precision()
def spread_out(distribution: Any, response: Response, *, in_steps: bool = False) -> tuple[Any, Any]:
    """Values that a response may take, and how much each of them counts, both (value, row).

    Its levels, or the steps of a rating that is `in_steps`, with their probabilities, or points
    and weights of Gauss-Hermite quadrature.

    Raises
    ------
    ValueError
        It has no levels and is not normal.
    """
    values: list[Any] = []
    if response.levels is not None:
        values = [np.int64(level) for level in response.levels]
    elif in_steps:
        values = list(steps_of(response))
    if values:
        weights = pt.stack([pt.exp(pm.logp(distribution, value)) for value in values])
        return pt.constant(np.array(values, dtype=float))[:, None], weights
    if not isinstance(distribution.owner.op, pm.Normal.rv_type):
        raise ValueError(
            f"A response that another one reads on its trial must be normal, or have levels, to be "
            f"averaged over; found 1 that is neither, '{response.name}', {_kind(distribution)}. "
            "Ask for another response, or for a model in which it is not read."
        )
    mu, sigma = distribution.owner.op.dist_params(distribution.owner)
    return mu + sigma * NODES[:, None], pt.constant(WEIGHTS / WEIGHTS.sum())[:, None]


def _shares(scored: Scored) -> np.ndarray:
    """Weights of rows under which people count alike, (observation,)."""
    rows = np.bincount(scored.participant)
    return 1 / rows[scored.participant] / np.count_nonzero(rows)


def cut_at(arrangement: Arrangement, latent: str) -> Arrangement:
    """Let everything that reads a latent read the trial column `HELD` in its place."""
    model, equations = arrangement.model, arrangement.equations
    column = Column(HELD, f"{latent}, held", default=0.0)
    return replace(
        arrangement,
        model=replace(model, columns=(*model.columns, column)),
        equations=cut(equations, latent, symbol("data", HELD)),
    )


def cut(equations: Equations, latent: str, held: Variable) -> Equations:
    """Replace a latent by a symbol in the next states and in all latents, itself included.

    An expression that is written twice is one: whatever repeats that of the latent reads it.
    """
    inputs = [
        scalar
        for scalars in (equations.states, equations.parameters, equations.data)
        for scalar in scalars.values()
    ]
    outputs = [*equations.next_states.values(), *equations.readable.values()]
    graph = FunctionGraph(inputs, outputs, clone=True)
    MergeOptimizer().rewrite(graph)
    n_states = len(equations.next_states)
    place = n_states + list(equations.latents).index(latent)
    known = dict(zip(graph.inputs, inputs, strict=True)) | {graph.outputs[place]: held}
    found = vectorize_graph(list(graph.outputs), known)
    return replace(
        equations,
        data=equations.data | {HELD: held},
        next_states=dict(zip(equations.next_states, found[:n_states], strict=True)),
        latents=dict(zip(equations.latents, found[n_states:], strict=False)),
        later=dict(zip(equations.later, found[n_states + len(equations.latents) :], strict=True)),
    )


@in_double_precision()
def expected(distribution: Any, response: Response) -> Any:
    """Mean of a response's distribution, exactly: a sum over its levels, or a closed form.

    Raises
    ------
    ValueError
        It has no levels, and no mean in closed form is known.
    """
    if response.levels is not None:
        return pt.add(
            *(level * pt.exp(pm.logp(distribution, np.int64(level))) for level in response.levels)
        )
    try:
        return mean(distribution)
    except (NotImplementedError, UndefinedMomentException) as error:
        raise ValueError(
            f"The mean of '{response.name}' must have a closed form; found none for its 1 "
            f"distribution, {_kind(distribution)}. Ask for another response, or write this one "
            "with a distribution that has a mean (a response with `levels` always does)."
        ) from error


def _kind(distribution: Any) -> str:
    op = distribution.owner.op
    names: Sequence[str] = getattr(op, "_print_name", [type(op).__name__])
    return names[0]
