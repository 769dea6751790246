"""Outcomes of people that any model takes on: one number per person, and what it goes with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
from pymc_extras.prior import Prior

from empathymodels.declaration.parts import Column, Parameter, Response, Statistic
from empathymodels.declaration.response_scale import scale_of
from empathymodels.messages import did_you_mean, listed, tell_all
from empathymodels.responses.distribution import measured

if TYPE_CHECKING:
    from empathymodels.declaration.model import Model

UNIT = 0.25  # of the range, in which priors are stated: about one standard deviation of people
UNIT_Z = 1.0  # and for outcomes without a range, which are z-scored
ORDINARY = 4.0  # width of ordinary values of a column that is z-scored
OF_SUMMARY = 2.0  # and of a summary, of which more is not known
LOG_SD = 0.5  # of the prior of noises


@dataclass(frozen=True)
class Outcome:
    """An outcome of people as plain data; see `Model.with_outcome` for the fields."""

    name: str
    on: tuple[str, ...] = ()
    measures: str | None = None
    before: str | None = None
    by: str | None = None
    range: tuple[float, float] | None = None
    meaning: str = ""
    unit: str = ""

    @property
    def recorded(self) -> dict[str, Any]:
        """The fields that were given, as files of fits keep them."""
        return {name: value for name, value in vars(self).items() if value not in (None, "", ())}

    @property
    def slopes(self) -> dict[str, str]:
        """Name of the slope on each number that is read."""
        return {read: f"{self.name}_by_{read}" for read in self.on}

    @property
    def error(self) -> str:
        """Column with the known standard error of a measure."""
        return f"{self.name}_se"

    def part(self, name: str) -> str:
        """Name of one of its parameters."""
        return f"{self.name}_{name}"


def with_outcome(model: Model, outcome: Outcome) -> Model:
    """Return the model with an outcome of people among its responses.

    Raises
    ------
    KeyError, ValueError
        It reads what the model does not know of people, or its fields do not go together.
    """
    tell_all(f"Outcome '{outcome.name}' cannot be added:", list(_problems(model, outcome)))
    columns = (*model.columns, *_columns(model, outcome))
    responses = tuple(_responses(model, outcome))
    statistics = (make(r.name) for r in responses for make in (Statistic.mean, Statistic.sd))
    baselines = {outcome.part("baseline"): outcome.by} if outcome.by and outcome.before else {}
    # parameters last: their units are those of the response
    added = replace(
        model,
        columns=columns,
        responses=(*model.responses, *responses),
        statistics=(*model.statistics, *statistics),
        covariates={**model.covariates, **baselines},
        variant=(*model.variant, ("with_outcome", outcome.recorded)),
    )
    return added.with_parameters(*_parameters(added, outcome))


def outcome_text(outcome: Outcome) -> str:
    """Say what an outcome is taken to be, in a sentence."""
    noise = f"with standard deviation {outcome.part('noise')}"
    if outcome.measures is not None:
        return (
            f"{outcome.name} is normal around {outcome.measures} {noise} beside the known "
            f"{outcome.error}"
        )
    level = outcome.part("baseline")
    terms = [level, *[outcome.part("change")] * (outcome.before is not None)]
    terms += [f"{slope} times {read}" for read, slope in outcome.slopes.items()]
    mean = " + ".join(terms) + (f" (values per {outcome.by})" if outcome.by else "")
    if outcome.before is None:
        return f"{outcome.name} is normal around {mean}, {noise}"
    return (
        f"{outcome.before} is normal around the person's {level}, {outcome.name} around {mean}, "
        f"both {noise}"
    )


# ------------------------------------------------------------------- what a model knows of people


def readable(model: Model) -> dict[str, tuple[str, float]]:
    """Numbers of people that an outcome may go with: where each is read, and how wide it is."""
    found = {s.name: ("latent", OF_SUMMARY) for s in model.summaries}
    for p in model.parameters:
        if p.level == "participant" and p.by is None:
            found[p.name] = "parameters", float(np.ptp(p.typical)) * scale_of(model, p)[1]
    columns = [c for c in model.columns if c.table == "participants" and not c.is_label]
    responses = [r.values for r in model.observables if r.table == "participants"]
    for column in (*columns, *responses):
        found[column.name] = "data", float(np.ptp(column.range)) if column.range else ORDINARY
    return found


def _problems(model: Model, outcome: Outcome) -> Iterator[str]:
    """Say what is wrong with an outcome for a model."""
    known = readable(model)
    measurable = [name for name, (kind, _) in known.items() if kind == "parameters"]
    for read, names in [
        *((read, list(known)) for read in outcome.on),
        *([(outcome.measures, measurable)] if outcome.measures is not None else []),
    ]:
        if read not in names:
            yield (
                f"It must go with a number of people that '{model.name}' has, {listed(names)}; "
                f"found '{read}' (of trials, add a summary: model.with_summary)."
                + did_you_mean(read, names)
            )
    if (outcome.measures is None) == (not outcome.on):
        yield "Give either what it goes with, on=[...], or the parameter that it measures."
    if outcome.measures is not None and (outcome.before or outcome.by):
        yield "What measures a parameter has no `before` and no `by`; leave them out."
    if outcome.range is not None and not outcome.range[0] < outcome.range[1]:
        yield f"A range is two rising numbers; found {outcome.range}. Give for example (1, 9)."
    if outcome.range is None and outcome.measures is None and outcome.unit not in ("", "z"):
        yield (
            f"An outcome without a range must be z-scored; found unit '{outcome.unit}'. Give its "
            "smallest and largest possible value as range=, or z-score it and leave `unit` out."
        )
    if outcome.by is not None:
        column = next((c for c in model.columns if c.name == outcome.by), None)
        if column is not None and (column.table != "participants" or not column.is_label):
            yield f"'{outcome.by}' is no column of labels of participants; `by` must be one."
    taken = {r.name for r in model.observables} | {c.name for c in model.columns}
    taken |= {p.name for p in model.parameters} | {s.name for s in model.summaries}
    for name in filter(None, (outcome.name, outcome.before)):
        if name in taken or not name.isidentifier():
            yield f"'{name}' must be a new name, of letters, digits and _. Rename it."
    if outcome.before == outcome.name:
        yield "What was measured before needs a column of its own. Rename one."


# ---------------------------------------------------------------------------- its declarations


def _columns(model: Model, outcome: Outcome) -> Iterator[Column]:
    """Declare the columns that the model does not have."""
    if outcome.by is not None and all(c.name != outcome.by for c in model.columns):
        yield Column(outcome.by, "label of the person", table="participants", levels="any")
    if outcome.measures is not None:
        yield Column(
            outcome.error,
            f"known standard error of {outcome.name}",
            table="participants",
            range=(0.0, 1e6),
            unit=f"as {outcome.name}",
            default=0.0,
        )


def _responses(model: Model, outcome: Outcome) -> Iterator[Response]:
    """Declare the outcome, and what was measured before."""
    meaning = outcome.meaning or f"{outcome.name.replace('_', ' ')}, one number per person"
    named: dict[str, tuple[Callable[..., Any], str]] = {}
    if outcome.measures is not None:
        named[outcome.name] = _measure(outcome), meaning
    else:
        if outcome.before is not None:
            named[outcome.before] = _level(outcome), f"the same as {outcome.name}, before"
        kinds = {read: kind for read, (kind, _) in readable(model).items() if read in outcome.on}
        named[outcome.name] = _regression(outcome, kinds), meaning
    is_z = outcome.range is None and outcome.measures is None
    unit = outcome.unit or ("z" if is_z else "")
    for name, (function, text) in named.items():
        yield Response(name, function, text, table="participants", range=outcome.range, unit=unit)


def _measure(outcome: Outcome) -> Callable[..., Any]:
    def measure(latent: Any, parameters: Any, data: Any) -> Any:
        """A parameter of the person, with an error."""
        noise = measured(getattr(data, outcome.error), getattr(parameters, outcome.part("noise")))
        return pm.Normal.dist(getattr(parameters, str(outcome.measures)), noise)

    return measure


def _level(outcome: Outcome) -> Callable[..., Any]:
    def level(latent: Any, parameters: Any, data: Any) -> Any:
        """Level of the person before."""
        baseline, noise = (getattr(parameters, outcome.part(n)) for n in ("baseline", "noise"))
        return pm.Normal.dist(baseline, noise)

    return level


def _regression(outcome: Outcome, kinds: Mapping[str, str]) -> Callable[..., Any]:
    def regression(latent: Any, parameters: Any, data: Any) -> Any:
        """Level of the person, moved by what it goes with."""
        views = {"latent": latent, "parameters": parameters, "data": data}
        mean = getattr(parameters, outcome.part("baseline"))
        if outcome.before is not None:
            mean = mean + getattr(parameters, outcome.part("change"))
        for read, slope in outcome.slopes.items():
            mean = mean + getattr(parameters, slope) * getattr(views[kinds[read]], read)
        return pm.Normal.dist(mean, getattr(parameters, outcome.part("noise")))

    return regression


def _parameters(model: Model, outcome: Outcome) -> Iterator[Parameter]:
    """Declare its parameters, in units of its range or of what it measures."""
    if outcome.measures is not None:
        measure = model.parameter(outcome.measures)
        yield _noise(outcome, float(np.ptp(measure.typical)) / 4, measure.scale_of)
        return
    shared: dict[str, Any] = {"scale_of": outcome.name}
    has_range = outcome.range is not None
    middle, unit = (0.5, UNIT) if has_range else (0.0, UNIT_Z)
    typical = middle - unit * 0.8, middle + unit * 0.8
    of_group: dict[str, Any] = {"level": "population", "by": outcome.by}
    yield Parameter(
        outcome.part("baseline"),
        f"{outcome.name} {'before' if outcome.before else 'where all that it goes with is 0'}",
        location=(middle, unit),
        role="location",
        typical=typical,
        **({"spread": 0.8 * unit} if outcome.before else of_group),
        **shared,
    )
    if outcome.before is not None:
        yield Parameter(
            outcome.part("change"),
            f"change of {outcome.name} that nothing else explains",
            location=(0, unit / 2),
            typical=(-unit / 2, unit / 2),
            **of_group,
            **shared,
        )
    widths = readable(model)
    for read, slope in outcome.slopes.items():
        strong = 2 * unit / widths[read][1]  # half of it for a quarter of the width, about an sd
        yield Parameter(
            slope,
            f"change of {outcome.name} per unit of {read.replace('_', ' ')}",
            location=(0, strong),
            typical=(-strong, strong),
            **of_group,
            **shared,
        )
    yield _noise(outcome, unit * (0.4 if outcome.before else 0.7), outcome.name)


def _noise(outcome: Outcome, usual: float, scale_of: str | None) -> Parameter:
    return Parameter(
        outcome.part("noise"),
        f"standard deviation of {outcome.name} around its expectation",
        location=Prior("Normal", mu=round(math.log(usual), 3), sigma=LOG_SD),
        level="population",
        support="positive",
        typical=(usual / 2, usual * 2),
        scale_of=scale_of,
    )
