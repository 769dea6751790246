"""A model: what is declared of it, and its variants.

Everything here is a frozen description. Nothing samples, nothing reads files; the
simulator, the likelihood, its gradient and the model's card are derived from these
declarations elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pymc_extras.prior import Prior

from empathymodels.nouns import (
    SUPPORTS,
    Column,
    Parameter,
    Reference,
    Response,
    State,
    Statistic,
    Summary,
)
from empathymodels.priors import impossible_priors
from empathymodels.wording import did_you_mean, listed, tell_all


@dataclass(frozen=True)
class Model:
    """A declared model. See ``print(model)`` for its card.

    Parameters
    ----------
    title : str
        One line: what the model says.
    parameters, columns, responses : tuple
        Declarations, see :class:`Parameter`, :class:`Column`, :class:`Response`.
    step : callable, optional
        ``step(state, parameters, data)`` returns ``(next_state, latents)``, or only the
        latents for a model without states. Called once on symbolic scalars.
    states : tuple of State
        What is carried from trial to trial.
    latents : mapping of str to str
        Meaning of each latent that `step` returns.
    summaries : tuple of Summary
        Person-level numbers that participant-level responses may read.
    sequence : tuple of str
        Keys, besides participant, whose change resets the states (those the study has).
    correlate : tuple of str
        Parameters of people, or of items, whose correlations within their kind are inferred.
    anchors : mapping of str to mapping
        Responses that can give the latents their scale, in order. The first that a study has
        holds its parameters at these values (in the units of `scale_of`); the others keep
        theirs free.
    covariates : mapping of str to str
        Default covariate formula per parameter.
    statistics : tuple of Statistic
        Features for posterior predictive checks.
    rivals : mapping of str to callable
        Named alternatives: ``rival(model) -> model``; its docstring says what it claims.
    references : tuple of Reference
        Papers the equations come from.
    notes : str
        What was published and what is ours; traps.
    name, source, variant, left_out : str, str, tuple, tuple
        Set by the catalog and by the methods below. Responses left out still give parameters
        their scale.
    """

    title: str
    parameters: tuple[Parameter, ...]
    responses: tuple[Response, ...]
    columns: tuple[Column, ...] = ()
    step: Callable[..., Any] | None = None
    states: tuple[State, ...] = ()
    latents: Mapping[str, str] = field(default_factory=dict)
    summaries: tuple[Summary, ...] = ()
    sequence: tuple[str, ...] = ("session", "block")
    correlate: tuple[str, ...] = ()
    anchors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    covariates: Mapping[str, str] = field(default_factory=dict)
    statistics: tuple[Statistic, ...] = ()
    rivals: Mapping[str, Callable[[Model], Model]] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    notes: str = ""
    name: str = ""
    source: str = ""
    variant: tuple[tuple[str, Any], ...] = ()
    left_out: tuple[Response, ...] = ()

    def __str__(self) -> str:
        from empathymodels.describing import card

        return card(self)

    def __repr__(self) -> str:
        return f"<Model {self.label}: {self.title}>"

    @property
    def label(self) -> str:
        """Name with every change made to it, for tables and legends."""
        changes = [_variant_text(verb, argument) for verb, argument in self.variant]
        return " ".join([self.name or "(unnamed)", *changes])

    @property
    def observables(self) -> tuple[Response, ...]:
        """All responses, those left out included: the equations may read them as data."""
        return (*self.responses, *self.left_out)

    def parameter(self, name: str) -> Parameter:
        """The declaration of one parameter; KeyError names the existing ones."""
        return _named(self.parameters, name, "parameter", self)

    def response(self, name: str) -> Response:
        """The declaration of one response; KeyError names the existing ones."""
        return _named(self.responses, name, "response", self)

    def column(self, name: str) -> Column:
        """The declaration of one column; KeyError names the existing ones."""
        return _named(self.columns, name, "column", self)

    def fix(self, **values: float | Mapping[str, float]) -> Model:
        """Return the model with parameters held at natural-scale values.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("outgroup_help_learning").fix(learning_rate=0.3)
        >>> model.parameter("learning_rate").fixed
        0.3
        """
        values = {name: _plain(value) for name, value in values.items()}
        for name, value in values.items():
            _check_fixed(self, self.parameter(name), value)
        changed = {name: {"fixed": value} for name, value in values.items()}
        return self._with_parameters(changed, ("fix", dict(values)))

    def pool(self, *names: str) -> Model:
        """Return the model with one value per participant in place of one per `by` level."""
        for name in names:
            if self.parameter(name).by is None:
                raise ValueError(
                    f"Only a parameter with `by` levels can be pooled; '{name}' of model "
                    f"'{self.name}' has none. Leave it out of pool()."
                )
        return self._with_parameters({name: {"by": None} for name in names}, ("pool", list(names)))

    def split(self, column: str, *names: str) -> Model:
        """Return the model with one value per level of a column in place of one per participant.

        What a participant's values at different levels share is inferred: they correlate. By
        session, `reliability` tells how far they are the same.

        Parameters
        ----------
        column : str
            Column of trials, or a key such as ``"session"``. Where the model does not declare
            it, it may hold any labels. What differs between participants is a covariate.
        *names : str
            Participant-level parameters.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("outgroup_help_learning").split("session", "learning_rate")
        >>> model.parameter("learning_rate").by
        'session'
        """
        for name in names:
            parameter = self.parameter(name)
            if parameter.by is not None or parameter.level != "participant":
                raise ValueError(
                    f"Only a parameter with one value per participant can be split; '{name}' has "
                    f"level '{parameter.level}' and by {parameter.by!r}. Leave it out of split()."
                )
        split = self._with_parameters(
            {name: {"by": column} for name in names}, ("split", [column, *names])
        )
        known = {c.name for c in self.columns}
        added = () if column in known else (Column(column, "label of the level", levels="any"),)
        correlate = tuple(dict.fromkeys([*self.correlate, *names]))
        return replace(split, columns=(*self.columns, *added), correlate=correlate)

    def with_range(self, **ranges: tuple[float, float]) -> Model:
        """Return the model with responses on another scale, for example of 1 to 9.

        Priors that are fractions of a response's range go with it.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("outgroup_help_learning").with_range(feeling=(0, 100))
        >>> model.response("feeling").range
        (0, 100)
        """
        ranges = {n: tuple(map(_plain, ends)) for n, ends in ranges.items()}
        for name, ends in ranges.items():
            if self.response(name).range is None or len(ends) != 2 or not ends[0] < ends[1]:
                raise ValueError(
                    f"A range is two rising numbers, for a response that has one; found {ends!r} "
                    f"for '{name}', whose range is {self.response(name).range}. "
                    "Give for example (0, 100), or leave the response out of with_range()."
                )
        changed = tuple(
            replace(r, range=(*ranges[r.name],)) if r.name in ranges else r for r in self.responses
        )
        stored = {name: list(ends) for name, ends in ranges.items()}
        return replace(self, responses=changed, variant=(*self.variant, ("with_range", stored)))

    def with_priors(self, **priors: Prior | Mapping[str, Prior]) -> Model:
        """Return the model with other priors.

        Parameters
        ----------
        **priors
            Per parameter a ``Prior`` (of the population mean, link scale) or a mapping with
            any of ``{"location": Prior, "spread": Prior, "effect": Prior}`` (the last: of
            what covariates add).

        Raises
        ------
        ValueError
            A distribution cannot have the numbers given, or a spread could be below 0.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("outgroup_help_learning").with_priors(
        ...     learning_rate=em.Prior("Normal", mu=-1, sigma=0.5)
        ... )
        >>> model.parameter("learning_rate").location.parameters["mu"]
        -1
        """
        changed = {}
        for name, given in priors.items():
            self.parameter(name)
            parts = dict(given) if isinstance(given, Mapping) else {"location": given}
            wrong = {k: v for k, v in parts.items() if k not in ("location", "spread", "effect")}
            if wrong or not all(isinstance(part, Prior) for part in parts.values()):
                raise TypeError(
                    f"The prior of '{name}' must be a Prior or a mapping with the keys "
                    f"'location', 'spread' and 'effect'; found {given!r}. "
                    f'Write for example {name}=Prior("Normal", mu=0, sigma=1).'
                )
            changed[name] = parts
        stored = {n: {k: p.to_dict() for k, p in parts.items()} for n, parts in changed.items()}
        model = self._with_parameters(changed, ("with_priors", stored))
        problems = [p for name in changed for p in impossible_priors(model.parameter(name))]
        tell_all(f"Model '{self.label}' cannot have these priors:", problems)
        return model

    def without(self, *responses: str) -> Model:
        """Return the model without some responses; parameters only they use are not inferred."""
        for name in responses:
            self.response(name)
        kept = tuple(r for r in self.responses if r.name not in responses)
        if not kept:
            raise ValueError(
                f"A model needs at least one response; without({listed(responses)}) leaves "
                f"'{self.name}' none. Keep at least one."
            )
        left_out = (*self.left_out, *(r for r in self.responses if r.name in responses))
        variant = (*self.variant, ("without", list(responses)))
        return replace(self, responses=kept, left_out=left_out, variant=variant)

    def rival(self, name: str) -> Model:
        """Return one of the named alternatives.

        Examples
        --------
        >>> import empathymodels as em
        >>> em.get_model("outgroup_help_learning").rival("no_learning").label
        'outgroup_help_learning no_learning'
        """
        if name not in self.rivals:
            raise KeyError(
                f"Model '{self.name}' has no rival '{name}'. It has {listed(self.rivals)}. "
                "Correct the name." + did_you_mean(name, self.rivals)
            )
        changed = self.rivals[name](self)
        return replace(changed, variant=(*self.variant, ("rival", name)))

    def vary(self, changes: tuple[tuple[str, Any], ...]) -> Model:
        """Return the model after replaying recorded changes (see `variant`)."""
        model = self
        for verb, argument in changes:
            if verb == "rival":
                model = model.rival(argument)
            elif verb in ("fix", "with_range"):
                model = getattr(model, verb)(**argument)
            elif verb == "with_priors":
                priors = {
                    n: {k: Prior.from_dict(p) for k, p in parts.items()}
                    for n, parts in argument.items()
                }
                model = model.with_priors(**priors)
            else:
                model = getattr(model, verb)(*argument)
        return model

    def _with_parameters(
        self, changed: Mapping[str, Mapping[str, Any]], step: tuple[str, Any]
    ) -> Model:
        parameters = tuple(replace(p, **changed.get(p.name, {})) for p in self.parameters)
        return replace(self, parameters=parameters, variant=(*self.variant, step))


def _plain(value: Any) -> Any:
    """Python numbers and text keys, which a fit file gives back as they were."""
    if isinstance(value, Mapping):
        return {str(label): _plain(number) for label, number in value.items()}
    return value.item() if hasattr(value, "item") else value


def _named(declared: tuple[Any, ...], name: str, kind: str, model: Model) -> Any:
    found = {entry.name: entry for entry in declared}
    if name not in found:
        raise KeyError(
            f"Model '{model.name}' has no {kind} '{name}'. It has {listed(found)}. "
            "Correct the name." + did_you_mean(name, found)
        )
    return found[name]


def _check_fixed(model: Model, parameter: Parameter, value: float | Mapping[str, float]) -> None:
    low, high = natural_support(model, parameter)
    for number in value.values() if isinstance(value, Mapping) else [value]:
        if not low <= number <= high:
            raise ValueError(
                f"'{parameter.name}' must lie between {low:g} and {high:g}; found the fixed value "
                f"{number}. Give a value inside (the ends included)."
            )


def scale_of(model: Model, parameter: Parameter) -> tuple[float, float]:
    """Zero point and unit that a parameter takes from the range of its response."""
    response = next((r for r in model.observables if r.name == parameter.scale_of), None)
    if response is None or response.range is None:
        return 0.0, 1.0
    low, high = response.range
    return (low if parameter.role == "location" else 0.0), high - low


def natural_support(model: Model, parameter: Parameter) -> tuple[float, float]:
    """Smallest and largest natural-scale value of a parameter, in data units."""
    ends = SUPPORTS[parameter.support]
    zero, width = scale_of(model, parameter)
    return zero + width * ends[0], zero + width * ends[1]


def _variant_text(verb: str, argument: Any) -> str:
    if verb == "rival":
        return str(argument)
    if verb == "with_range":
        ends = [f"{name}={low:g}-{high:g}" for name, (low, high) in argument.items()]
        return f"range({', '.join(ends)})"
    if verb == "with_priors":
        return f"priors({', '.join(argument)})"
    if verb == "fix":
        return " ".join(f"{name}={value}" for name, value in argument.items())
    return f"{verb}({', '.join(argument)})"
