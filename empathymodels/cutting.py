"""The equations cut at a latent, and responses expected in worlds that did not happen.

One run of the equations gives the latent; a second run reads it in place of its own, and gives the
expected response. Data of the two may differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.distributions.moments.means import mean
from pymc.exceptions import UndefinedMomentException
from pytensor.graph.basic import Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import vectorize_graph
from pytensor.graph.rewriting.basic import MergeOptimizer

from empathymodels.arrangement import Arrangement, Scored
from empathymodels.build import Give, observe
from empathymodels.equations import Equations, symbol
from empathymodels.evaluating import Evaluator, evaluator_of
from empathymodels.nouns import Column, Response

HELD = "held latent"  # no column of a study's: equations could not read such a name
LATENT_RUN, OWN_RUN = "latent run", "own run"  # before the names of the data of either


def moved(arrangement: Arrangement, column: str, value: Any) -> Arrangement:
    """Set a column to a value on all rows that have one."""

    def at(frame: pd.DataFrame) -> pd.DataFrame:
        if column not in frame:
            return frame
        values = [value if known else None for known in frame[column].notna()]
        return frame.assign(**{column: pd.Series(values, index=frame.index, dtype=object)})

    scored = {n: replace(one, frame=at(one.frame)) for n, one in arrangement.scored.items()}
    return replace(arrangement, trials=at(arrangement.trials), scored=scored)


def between(own: Evaluator, latent: Evaluator) -> Evaluator:
    """Return the expectation in one world, of a latent that is as in another."""
    taken = {name: x for name, x in latent.data.items() if name.startswith(LATENT_RUN)}
    return replace(own, data=own.data | taken)


def expectation(arrangement: Arrangement, response: str, through: str) -> Evaluator:
    """Return the expected response, averaged over rows and people, of a latent from a run apart."""
    values = pt.dvector("values")
    shared: dict[str, Any] = {}

    def give_in(run: str, known: Mapping[str, Any]) -> Give:
        def give(name: str, array: np.ndarray) -> Any:
            if name in known:
                return known[name]
            key = f"{run} {name}"
            shared[key] = pytensor.shared(array, name=key, shape=array.shape)
            return shared[key]

        return give

    alone = _with_responses(arrangement)
    free = observe(alone, values, give=give_in(LATENT_RUN, {}), latents=[through])
    give = give_in(OWN_RUN, {f"trials:{HELD}": free.latents[through]})
    held = cut_at(_with_responses(arrangement, response), through)
    found = observe(held, values, give=give, latents=arrangement.needs[response].latents)
    scored = arrangement.scored[response]
    mean_of_row = expected(found.distributions[response], scored.response)
    rows = pt.broadcast_to(mean_of_row, (len(scored.observed),))
    average = pt.sum(rows * give("share of row", _shares(scored)), keepdims=True)
    outputs = {("mean", response): average}
    question = repr((response, through))
    return evaluator_of(arrangement, values, outputs, shared, question=question)


def _with_responses(arrangement: Arrangement, *names: str) -> Arrangement:
    """Leave out the distributions of all other responses; equations may still read their values."""
    model = arrangement.model
    kept = tuple(r for r in model.responses if r.name in names)
    left_out = tuple(r for r in model.observables if r.name not in names)
    return replace(arrangement, model=replace(model, responses=kept, left_out=left_out))


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
    outputs = [*equations.next_states.values(), *equations.latents.values()]
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
        latents=dict(zip(equations.latents, found[n_states:], strict=True)),
    )


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
        kind = getattr(distribution.owner.op, "_print_name", [type(distribution.owner.op).__name__])
        raise ValueError(
            f"The mean of '{response.name}' must have a closed form; found none for its 1 "
            f"distribution, {kind[0]}. Ask for another response, or write this one with a "
            "distribution that has a mean (a response with `levels` always does)."
        ) from error


def reads_latent(arrangement: Arrangement, response: Response, latent: str) -> bool:
    """Whether a latent reaches a response, on its own trial or through states of earlier ones."""
    equations = cut(arrangement.equations, latent, symbol("data", HELD))
    needed = arrangement.needs[response.name].latents
    of_people = response.table == "participants" and needed  # summaries of states
    read = equations.next_states.values() if of_people else map(equations.latents.get, needed)
    return HELD in equations.reached_by(read)["data"]
