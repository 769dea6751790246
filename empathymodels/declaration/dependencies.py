"""What responses depend on, read from their graphs, and whether a model declares what it uses."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from pytensor.graph.basic import Variable
from pytensor.graph.traversal import ancestors

from empathymodels.declaration.equations import (
    Equations,
    Names,
    is_sum,
    latent_name,
    later_name,
    read_equations,
    symbol,
)
from empathymodels.declaration.formulas import read_formula
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import FirstResponse, Response
from empathymodels.declaration.rating_scale import as_recorded, stated_distribution
from empathymodels.messages import listed


def trace_response(
    model: Model, response: Response, equations: Equations
) -> tuple[Variable, dict[str, dict[str, Variable]]]:
    """Return a response's distribution on scalar placeholders, and those placeholders."""
    stated, placeholders = _trace_stated(model, response, equations)
    return as_recorded(response, stated), placeholders


def _trace_stated(
    model: Model, response: Response, equations: Equations
) -> tuple[Variable, dict[str, dict[str, Variable]]]:
    """Return the same before its scale records it."""
    latents = response_latents(model, response, equations)
    read = {
        "latent": latents,
        "parameters": [p.name for p in model.parameters],
        "data": response_data_names(model, response),
    }
    placeholders = {
        kind: {name: symbol(kind, name) for name in names} for kind, names in read.items()
    }
    views = {kind: Names(kind, values, model.name) for kind, values in placeholders.items()}
    return stated_distribution(response, **views), placeholders


def response_latents(model: Model, response: Response, equations: Equations) -> list[str]:
    """Names a response may read from `latent`: summaries for participants, else latents."""
    if response.table == "participants":
        return [summary.name for summary in model.summaries]
    return list(equations.latents)


def response_data_names(model: Model, response: Response) -> list[str]:
    """Names a response may read from `data`: columns of its table and of those it can join."""
    visible = {
        "trials": ("trials", "participants"),
        "participants": ("participants",),
        "regions": ("regions", "trials", "participants"),
    }[response.table]
    names = [c.name for c in model.columns if c.table in visible]
    responses = [r.name for r in model.observables if r.table in visible and r.table != "regions"]
    return names + responses


@dataclass(frozen=True)
class Needs:
    """What a response's distribution depends on.

    ``distribution`` is its name, ``in_steps`` whether it gives probabilities to the steps of the
    response's scale, rather than have no use for a resolution; ``latents`` (as named by
    `Equations.readable`), ``direct_parameters`` and ``direct_data`` are read by the response's own
    function; ``row_data`` must be observed on a row for the row to be scored, and ``same_trial``
    also has what states that the response reads learn from on its trial; ``parameters`` and
    ``all_data`` also count what reaches it through the states of earlier trials.
    """

    distribution: str
    in_steps: bool
    latents: frozenset[str]
    direct_parameters: frozenset[str]
    direct_data: frozenset[str]
    parameters: frozenset[str]
    row_data: frozenset[str]
    same_trial: frozenset[str]
    all_data: frozenset[str]


def response_needs(model: Model, response: Response, equations: Equations) -> Needs:
    """Read from the graphs what `response` depends on."""
    stated, placeholders = _trace_stated(model, response, equations)
    distribution = as_recorded(response, stated)
    upstream = set(ancestors([distribution]))
    direct = {
        kind: {name for name, scalar in scalars.items() if scalar in upstream}
        for kind, scalars in placeholders.items()
    }
    latents, summaries = direct["latent"], {s.name: s for s in model.summaries}
    if response.timing == "after":
        latents = {later_name(name) if name in equations.later else name for name in latents}
    row_data, same_trial, outputs = set(direct["data"]), set(direct["data"]), []
    for name in latents:
        if name in summaries:
            outputs += list(equations.next_states.values())
        else:
            row_data |= equations.needs(equations.latents[latent_name(name)])
            same_trial |= equations.needs(equations.readable[name])
            outputs.append(equations.readable[name])
    reached = equations.reached_by(outputs)
    started = {s.start for s in model.states if isinstance(s.start, str)} if latents else set()
    return Needs(
        distribution_name(distribution),
        distribution is not stated,
        frozenset(latents),
        frozenset(direct["parameters"]),
        frozenset(direct["data"]),
        frozenset(direct["parameters"] | reached["parameters"] | started),
        frozenset(row_data),
        frozenset(same_trial | row_data),
        frozenset(row_data | reached["data"]),
    )


def to_come(needs: Needs, equations: Equations) -> set[str]:
    """Data from which states learn on a trial, beside what a response of it reads by its latents.

    Nothing for a response of a prediction error: what the trial brings is part of it, so it is
    given neither before nor after.
    """
    updates = [u for name, u in equations.next_states.items() if not is_sum(name)]
    latents = [n for n in map(latent_name, needs.latents) if n in equations.latents]
    own = set().union(*(equations.needs(equations.latents[name]) for name in latents))
    return set().union(*map(equations.needs, updates)) - own if latents else set()


def _no_timing(
    model: Model, response: Response, needs: Needs, equations: Equations
) -> Iterator[str]:
    """Say why a response cannot be given after the states learn from its trial."""
    told = f"response '{response.name}' cannot be given after the states learn from the trial: "
    if response.table == "participants" or not equations.states:
        yield told + "it is of no single trials, or nothing is learned"
    elif needs.latents and not to_come(needs, equations):
        yield told + "what they learn from is part of the latents that it reads"
    starts = [s.start.response for s in model.states if isinstance(s.start, FirstResponse)]
    if response.name in starts:
        yield told + "a state starts at it"


def distribution_name(distribution: Variable) -> str:
    """Name of a distribution, such as ``Normal``."""
    names = getattr(distribution.owner.op, "_print_name", None)
    return names[0] if names else type(distribution.owner.op).__name__


def responses_read(model: Model, needs: Mapping[str, Needs]) -> dict[str, set[str]]:
    """Responses of the same row that each response depends on, by way of what they bring, too."""
    brought = {c.name: c.follows for c in model.columns if c.follows is not None}
    return {
        name: {brought.get(read, read) for read in entry.same_trial} & needs.keys()
        for name, entry in needs.items()
    }


def reading_order(read: Mapping[str, Collection[str]]) -> list[str]:
    """Names such that each comes after those it reads; in a circle, as they stand."""
    order: list[str] = []
    while left := [name for name in read if name not in order]:
        ready = [n for n in left if not set(read[n]) & (set(left) - {n})]
        order.append((ready or left)[0])
    return order


def _unknown_names(model: Model) -> Iterator[str]:
    """Say where a declaration names a parameter, a column or a response that there is not."""
    parameters = [p.name for p in model.parameters]
    columns = [c.name for c in model.columns]
    responses = [r.name for r in model.observables]
    named = [
        *(("parameter", p.name, "scale_of", p.scale_of, responses) for p in model.parameters),
        *(("parameter", p.name, "by", p.by, columns) for p in model.parameters),
        *(("parameter", p.name, "weighs", p.weighs, columns) for p in model.parameters),
        *(("column", c.name, "follows", c.follows, responses) for c in model.columns),
        *(("state", s.name, "over", s.over, columns) for s in model.states),
        *(("statistic", s.name, "response", s.response, responses) for s in model.statistics),
        *(("model", model.name, "correlate", name, parameters) for name in model.correlate),
    ]
    for kind, name, field, given, known in named:
        if given is not None and given not in known:
            yield f"{kind} '{name}' has {field}={given!r}; there are {listed(known)}"


def check_declaration(model: Model) -> Model:
    """Return the model if its equations use exactly what it declares; raise otherwise.

    Raises
    ------
    ValueError
        A declaration names what is not declared, a declared parameter or column is used by no
        equation, a latent of a response depends on that response's own value on the same trial,
        responses read each other in a circle, or `latents` documents other names.
    """
    if unknown := list(_unknown_names(model)):
        raise ValueError(
            f"What a declaration of model '{model.name}' names must be declared. Found: "
            + "; ".join(unknown)
            + ". Declare it or correct the name."
        )
    equations = read_equations(model)
    problems = []
    parameters, data = set(equations.parameters), set(equations.data)
    all_needs = {r.name: response_needs(model, r, equations) for r in model.responses}
    read = responses_read(model, all_needs)
    order = reading_order(read)
    for place, name in enumerate(order):
        if circle := read[name] & set(order[place + 1 :]):
            problems.append(f"responses '{name}' and {listed(sorted(circle))} read each other")
    for response in model.responses:
        needs = all_needs[response.name]
        parameters |= needs.parameters
        data |= needs.all_data
        if response.timing == "after":
            problems += _no_timing(model, response, needs, equations)
        if response.name in needs.same_trial:
            problems.append(
                f"response '{response.name}' depends on its own value on the same trial; only "
                "next states may read it"
            )
    for column in (model.column(state.over) for state in model.states if state.over):
        labels = column.levels
        if not column.is_label and labels is not None and [*labels] != [*range(len(labels))]:
            problems.append(
                f"a state is over '{column.name}', whose levels {labels} are numbers but not the "
                f'positions 0 to {len(labels) - 1} that pick and put count by (levels="any" '
                "makes labels of them)"
            )
    parameters |= {s.start for s in model.states if isinstance(s.start, str)}
    data |= {p.by for p in model.parameters if p.by} | {s.over for s in model.states if s.over}
    data |= {p.level for p in model.parameters if p.level not in ("participant", "population")}
    data |= {c for item in model.covariates.items() for c in read_formula(*item).columns}
    dropped = any(verb in ("without", "pool") for verb, _ in model.variant)
    for kind, declared, used, may_be_idle in (
        ("parameter", [p.name for p in model.parameters], parameters, dropped),
        # a variant need not read all that the model reads: a rival may pool what a column splits
        ("column", [c.name for c in model.columns if c.default is None], data, model.variant),
    ):
        unused = [name for name in declared if name not in used]
        if unused and not may_be_idle:
            problems.append(f"{kind} {listed(unused)} is declared but no equation uses it")
    if model.step is not None and set(model.latents) != set(equations.latents):
        problems.append(
            f"`latents` documents {listed(model.latents)} but `step` returns "
            f"{listed(equations.latents)}"
        )
    if problems:
        raise ValueError(
            f"The declaration of model '{model.name}' must match its equations. Found: "
            + "; ".join(problems)
            + ". Correct the declaration or the equations."
        )
    return model
