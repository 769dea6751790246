"""A model's card: everything it declares on one page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.dependencies import Needs, to_come
from empathymodels.declaration.equations import read_equations
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import (
    Column,
    FirstResponse,
    Parameter,
    State,
    Summary,
)
from empathymodels.declaration.record import all_needs, claim, reads
from empathymodels.declaration.response_scale import scale_of
from empathymodels.declaration.text import (
    SUMMARIES,
    WIDTH,
    as_markdown,
    equations_text,
    prior_texts,
    scale_text,
    steps_text,
    variant_text,
    whole_sentence,
)
from empathymodels.recovery.certificate import certificate_text
from empathymodels.reporting.cite import reference_text
from empathymodels.responses.distribution import ResponseDistribution
from empathymodels.study.keys import KEYS

USES = {  # of distributions of PyMC; ours say it themselves
    "Normal": "ratings that seldom touch the ends of their scale, betas of regions",
    "StudentT": "betas of regions with outliers; a known standard error enters its scale, which is "
    "exact for many degrees of freedom and slightly heavy-tailed for few",
    "Binomial": "counts out of a known number; not where they vary more than that allows",
    "LogNormal": "response times",
}


@checked_arguments
def card(model: Model) -> str:
    """Return all that a model declares, as Markdown that also reads well in a terminal.

    Parameters
    ----------
    model : Model
        The model, or a variant of one.

    Returns
    -------
    str
        Equations (from the docstring of the model's file), parameters and their priors, the
        data it reads, responses, latents, rivals, notes and references.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.card(em.get_model("outgroup_help_learning")).splitlines()[0]
    '# outgroup_help_learning'
    """
    needs = all_needs(model)
    sections = {
        "Equations": equations_text(model),
        "Parameters": _parameters(model),
        "Data": _data(model, needs),
        "Responses": _responses(model, needs),
        "States and latents": _latents(model),
        "Rivals": _pairs(
            (f"`{name}`", claim(rival)) for name, rival in model.rivals_by_name.items()
        ),
        "Notes": as_markdown(model.notes),
        "Certificate": certificate_text(model, _table),
        "References": "\n".join(_item(reference_text(entry)) for entry in model.references),
    }
    opening = "\n\n".join([f"# {model.label}", whole_sentence(model.title), *variant_text(model)])
    parts = [f"## {title}\n\n{text.strip()}" for title, text in sections.items() if text]
    return "\n\n".join([opening, *parts]) + "\n"


def pages(models: Iterable[Model]) -> dict[str, str]:
    """Return the cards of several models by the names of their files, with README.md as index."""
    models = list(models)
    rows = [
        (
            f"[`{m.name}`]({m.name}.md)",
            m.title,
            _code(r.name for r in m.responses),
            _code(m.rivals_by_name),
        )
        for m in models
    ]
    index = _table(("model", "says", "explains", "rivals"), rows)
    return {f"{m.name}.md": card(m) for m in models} | {"README.md": f"# Models\n\n{index}\n"}


def _parameters(model: Model) -> str:
    rows = [
        (
            f"${p.symbol}$" if p.symbol else "",
            f"`{p.name}`",
            p.meaning,
            p.motive or "",
            p.level if p.by is None else f"{p.level} and {p.by}",
        )
        for p in model.parameters
    ]
    priors = [
        (f"`{p.name}`", _typical_text(model, p), *prior_texts(p), scale_text(model, p))
        for p in model.parameters
    ]
    headers = ("parameter", "typical value", "prior of the mean", "of the spread", "on the scale")
    about = ("symbol", "parameter", "meaning", "motive", "one per")
    tables = [_table(about, rows), _table(headers, priors)]
    return "\n\n".join([*tables, *_population_notes(model)])


def _population_notes(model: Model) -> Iterator[str]:
    weights: dict[float, dict[str, str]] = {}
    for p in model.parameters:
        if p.weighs is not None:
            low, width = scale_of(model, p)
            weights.setdefault(low + width * p.if_absent, {})[p.name] = p.weighs
    for value, columns in weights.items():
        yield (
            f"Held at {value:g} where the study lacks their column: {_code(columns)} (for "
            f"{_code(columns.values())})."
        )
    if model.anchors:
        yield _anchor_text(model)
    if model.correlate:
        yield f"Correlations are inferred between {_code(model.correlate)}."
    if model.covariates:
        formulas = (f"`{name} ~ {formula}`" for name, formula in model.covariates.items())
        yield f"Covariates unless others are given: {', '.join(formulas)}."


def _anchor_text(model: Model) -> str:
    """Say which response gives the latents their scale."""
    parts = []
    for name, values in model.anchors.items():
        held = ", ".join(f"`{p}` = {value:g}" for p, value in values.items())
        parts.append(f"`{name}`" + (f" (then {held})" if held else ""))
    return (
        f"The scale of the latents is anchored by the first of these that the study has: "
        f"{', '.join(parts)}. Values are in the units of the response's range."
    )


def _typical_text(model: Model, parameter: Parameter) -> str:
    """Say what is ordinary, in the units of the data."""
    low, width = scale_of(model, parameter)
    response = next((r for r in model.observables if r.name == parameter.scale_of), None)
    unit = parameter.unit if response is None else response.unit
    smallest, largest = (low + width * end for end in parameter.typical)
    return f"{smallest:.3g} to {largest:.3g} {unit}".rstrip()


def _data(model: Model, needs: Mapping[str, Needs]) -> str:
    rows = [(f"`{c.name}`", c.table, c.meaning, _limits(c), _default(c)) for c in model.columns]
    examples = [
        f"{table}.csv\n{','.join(row)}\n{','.join(map(str, row.values()))}"
        for table, row in example_rows(model, needs).items()
    ]
    optional = f" ({_code(model.sequence)} where the study has them)" if model.sequence else ""
    about = f"A row of each table, with all that the model can read{optional}:"
    blocks = ["```text\n" + "\n\n".join(examples) + "\n```"]
    columns = [_table(("column", "table", "meaning", "values", "if absent"), rows)] if rows else []
    return "\n\n".join([*columns, about, *blocks])


def _default(column: Column) -> str:
    if isinstance(column.default, float | int):
        return f"taken as {column.default:g}"
    return "required" if column.default is None else f"taken as '{column.default}'"


def example_rows(model: Model, needs: Mapping[str, Needs]) -> dict[str, dict[str, Any]]:
    """Return one row of every table that a model reads, with keys and made-up values."""
    of_trials = {c.name for c in model.columns if c.table == "trials"}
    by_trial = any(
        r.table == "regions" and (needs[r.name].latents or of_trials & needs[r.name].direct_data)
        for r in model.responses
    )
    keys = {"participant": "01", "session": 1, "block": 1, "trial": 1}
    keys |= {"region": next((r.region for r in model.responses if r.region), "AI")}
    rows: dict[str, dict[str, Any]] = {}
    for table in KEYS:
        read = [c for c in model.columns if c.table == table]
        read += [r.values for r in model.responses if r.table == table]
        used = {"participant", "region", *(("trial", *model.sequence) if by_trial else ())}
        names = used if table == "regions" else {*used, "trial", *model.sequence}
        if read:
            row = {key: keys.get(key, 1) for key in KEYS[table] if key in names}
            rows[table] = row | {column.name: _example(column) for column in read}
    return rows


def _example(column: Column) -> Any:
    if column.levels == "any":
        return f"{column.name}_1"
    if column.levels:
        return column.levels[0]
    if column.default is not None or column.range is None:
        return 0.1
    return f"{sum(column.range) / 2:g}"


def _limits(column: Column) -> str:
    """Say which values a column may hold."""
    unit = f" {column.unit}" if column.unit else ""
    if column.levels == "any":
        return "any labels"
    if column.levels:
        return ", ".join(str(level) for level in column.levels)
    if column.range is None:
        return f"any number{f', {column.unit}' if unit else ''}"
    return "{:g} to {:g}".format(*column.range) + unit


def _responses(model: Model, needs: Mapping[str, Needs]) -> str:
    rows = [
        (
            f"`{r.name}`",
            r.meaning,
            f"{r.table}.{r.values.name}" + (f", region {r.region}" if r.region else ""),
            _limits(r.values) + (f", {steps_text(r)}" if needs[r.name].in_steps else ""),
        )
        for r in model.responses
    ]
    kinds = {r.name: needs[r.name].distribution for r in model.responses}
    read = _pairs(
        (f"`{r.name}`", f"{kinds[r.name]}, of {', '.join(reads(model, needs[r.name]))}")
        for r in model.responses
    )
    uses = USES | {own.__name__: own.use for own in ResponseDistribution.__subclasses__()}
    use = _pairs((kind, uses[kind]) for kind in dict.fromkeys(kinds.values()) if uses.get(kind))
    table = _table(("response", "meaning", "where", "values"), rows)
    parts = [table, "Their distributions, and what these read:", read, *_timing(model, needs)]
    return "\n\n".join([*parts, *(["When to use which:", use] if use else [])])


def _timing(model: Model, needs: Mapping[str, Needs]) -> list[str]:
    """Say whether responses are given before or after the states learn from their trial."""
    equations = read_equations(model)
    if not equations.states:
        return []
    learned_from = set().union(*map(equations.needs, equations.next_states.values()))
    texts = []
    for timing, other in (("before", "after"), ("after", "before")):
        names = [
            r.name
            for r in model.responses
            if r.table != "participants" and r.timing == timing and needs[r.name].latents
            if r.name not in learned_from and to_come(needs[r.name], equations)
        ]
        if names:
            example = f"`model.with_timing({names[0]}='{other}')`"
            texts.append(
                f"Given {timing} the states learn from the trial: {_code(names)}. What was "
                f"recorded {other} that takes {example}."
            )
    return texts


def _latents(model: Model) -> str:
    entries = [(f"`{s.name}` (state)", _state_text(s)) for s in model.states]
    entries += [(f"`{name}`", meaning) for name, meaning in model.latents.items()]
    entries += [(f"`{s.name}` (per person)", _summary_text(s)) for s in model.summaries]
    keys = f", {_code(model.sequence)} (of those that the study has)" if model.sequence else ""
    reset = f"\n\nStates start again with every new participant{keys}."
    return _pairs(entries) + (reset if model.states else "")


def _summary_text(summary: Summary) -> str:
    return SUMMARIES[summary.kind].format(summary.of)


def _state_text(state: State) -> str:
    start: Any = state.start
    if isinstance(start, FirstResponse):
        scored = "" if start.scored else ", which is then not scored"
        text = f"starts at the first `{start.response}`{scored}"
    else:
        text = f"starts at `{start}`" if isinstance(start, str) else f"starts at {start:g}"
    over = f"one per {state.over}; " if state.over else ""
    return f"{state.meaning}; {over}{text}".removeprefix("; ")


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _pairs(entries: Iterable[tuple[str, str]]) -> str:
    return "\n".join(_item(f"{name}: {text}") for name, text in entries)


def _item(text: str) -> str:
    wrapped = fill(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "- " + wrapped.replace("\n", "\n  ")


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns; those that are empty throughout go."""
    kept = [k for k in range(len(headers)) if any(row[k] for row in rows)]
    cells = [[row[k].replace("|", r"\|") for k in kept] for row in [headers, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
