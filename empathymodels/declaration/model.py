"""A model: what is declared of it, and its variants.

Everything here is a frozen description. Nothing samples, nothing reads files; the
simulator, the likelihood, its gradient and the model's card are derived from these
declarations elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Literal

import pandas as pd
from pymc_extras.prior import Prior

from empathymodels.arguments import checked_arguments, checked_fields
from empathymodels.declaration.immutable import Declared
from empathymodels.declaration.outcomes import Outcome, with_outcome
from empathymodels.declaration.parts import (
    PARTS,
    Column,
    Parameter,
    Population,
    Reference,
    Response,
    State,
    Statistic,
    Summary,
    as_prior,
)
from empathymodels.declaration.priors import impossible_priors
from empathymodels.declaration.response_scale import (
    check_fixed,
    check_resolution,
    fixed_in_rival,
    from_share,
    left_behind,
    range_of,
    with_ends,
)
from empathymodels.declaration.variants import change_text, replayed
from empathymodels.messages import counted, did_you_mean, listed, tell_all

type Rival = Callable[[Model], Model]


@checked_fields
@dataclass(frozen=True)
class Model(Declared):
    """A declared model. See ``print(model)`` for its card.

    Parameters
    ----------
    title : str
        One line: what the model says. In a file it may be left out, and so may `references` and
        `notes`: they are then read from the docstring, see `get_model`.
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
    rivals : tuple of callable, or mapping of str to callable
        Alternatives, ``rival(model) -> model``, by their own names or others; their docstrings
        say what they claim.
    references : tuple of Reference
        Papers the equations come from.
    notes : str
        What was published and what is ours; traps.
    name, source, variant, left_out, population : str, str, tuple, tuple, str
        Set by the catalog and by the methods below. Responses left out still give parameters
        their scale.
    """

    title: str = ""
    parameters: tuple[Parameter, ...] = ()
    responses: tuple[Response, ...] = ()
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
    rivals: Mapping[str, Rival] | tuple[Rival, ...] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    notes: str = ""
    name: str = ""
    source: str = ""
    variant: tuple[tuple[str, Any], ...] = ()
    population: Population = "normal"
    left_out: tuple[Response, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rivals", self.rivals_by_name)
        Declared.__post_init__(self)

    def __str__(self) -> str:
        card: Callable[[Model], str] = import_module("empathymodels").card  # by the front door
        return card(self)

    def __repr__(self) -> str:
        return f"<Model {self.label}: {self.title}>"

    @property
    def label(self) -> str:
        """Name with every change made to it, for tables and legends."""
        changes = [change_text(verb, argument) for verb, argument in self.variant]
        return " ".join([self.name or "(unnamed)", *(text for text in changes if text)])

    @property
    def rivals_by_name(self) -> Mapping[str, Rival]:
        """The rivals, each under its name."""
        if isinstance(self.rivals, Mapping):
            return self.rivals
        unnamed = [rival for rival in self.rivals if not hasattr(rival, "__name__")]
        if unnamed:
            raise TypeError(
                f"Rivals in a tuple are known by the names of their functions; found "
                f"{counted(len(unnamed), 'rival')} without, such as {unnamed[0]!r}. Give a "
                'mapping: rivals={"name": function}.'
            )
        return {rival.__name__: rival for rival in self.rivals}

    @property
    def observables(self) -> tuple[Response, ...]:
        """All responses, those left out included: the equations may read them as data."""
        return (*self.responses, *self.left_out)

    @checked_arguments
    def parameter(self, name: str) -> Parameter:
        """The declaration of one parameter; KeyError names the existing ones."""
        return _named(self.parameters, name, "parameter", self)

    @checked_arguments
    def response(self, name: str) -> Response:
        """The declaration of one response; KeyError names the existing ones."""
        return _named(self.responses, name, "response", self)

    @checked_arguments
    def column(self, name: str) -> Column:
        """The declaration of one column; KeyError names the existing ones."""
        return _named(self.columns, name, "column", self)

    @checked_arguments
    def fix(self, **values: float | Mapping[Any, float]) -> Model:
        """Return the model with parameters held at natural-scale values, in units of the data.

        Raises
        ------
        ValueError
            A parameter cannot have that value, or a noise would be wider than the range of its
            response.

        See Also
        --------
        fix_share : As fractions of the range of a response, with which they go.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("outgroup_help_learning").fix(learning_rate=0.3)
        >>> model.parameter("learning_rate").fixed
        0.3
        """
        values = {name: _as_recorded(value) for name, value in values.items()}
        model = self._holding(values)
        return replace(model, variant=(*self.variant, ("fix", values)))

    @checked_arguments
    def fix_share(self, **shares: float | Mapping[Any, float]) -> Model:
        """Return the model with parameters held at fractions of the range of their response.

        Parameters
        ----------
        **shares
            Per parameter with `scale_of` a fraction, or one per `by` level: of the range's width,
            and for a location from its low end. The value goes with the range.

        Raises
        ------
        ValueError
            The parameter is in units of no range, or it cannot have that value.

        See Also
        --------
        fix : In the units of the data.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("empathy_learning").fix_share(closeness_noise=0.1)
        >>> model.parameter("closeness_noise").fixed
        10.0
        >>> model.with_range(closeness=(1, 5)).parameter("closeness_noise").fixed
        0.4
        """
        unscaled = [name for name in shares if range_of(self, self.parameter(name)) is None]
        if unscaled:
            raise ValueError(
                f"A share is of the range that a parameter is in units of; {listed(unscaled)} of "
                f"model '{self.name}' is in units of none. Hold it with fix()."
            )
        shares = {name: _as_recorded(share) for name, share in shares.items()}
        model = self._holding_shares(shares)
        return replace(model, variant=(*self.variant, ("fix_share", shares)))

    @checked_arguments
    def pool(self, *names: str) -> Model:
        """Return the model with one value per participant in place of one per `by` level."""
        for name in names:
            if self.parameter(name).by is None:
                raise ValueError(
                    f"Only a parameter with `by` levels can be pooled; '{name}' of model "
                    f"'{self.name}' has none. Leave it out of pool()."
                )
        pooled = self._with_parameters({name: {"by": None} for name in names})
        return replace(pooled, variant=(*self.variant, ("pool", names)))

    @checked_arguments
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
        split = self._with_parameters({name: {"by": column} for name in names})
        known = {c.name for c in self.columns}
        added = () if column in known else (Column(column, "label of the level", levels="any"),)
        correlate = tuple(dict.fromkeys([*self.correlate, *names]))
        variant = (*self.variant, ("split", (column, *names)))
        columns = (*self.columns, *added)
        return replace(split, columns=columns, correlate=correlate, variant=variant)

    @checked_arguments
    def with_range(self, **ranges: tuple[float, float]) -> Model:
        """Return the model with responses on another scale, for example of 1 to 9.

        Priors that are fractions of a response's range go with it, and so do values held by
        `fix_share`. A declared resolution stays, one that a fit read from its data is read anew.

        Raises
        ------
        ValueError
            A range is not two rising numbers, the response has none, the new one is not a whole
            number of declared steps, or a parameter in its units is held at a value that was not
            given as a share of it.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("outgroup_help_learning").with_range(feeling=(0, 100))
        >>> model.response("feeling").range
        (0, 100)
        """
        ranges = {n: tuple(map(_as_recorded, ends)) for n, ends in ranges.items()}
        for name, ends in ranges.items():
            if self.response(name).range is None or not ends[0] < ends[1]:
                raise ValueError(
                    f"A range is two rising numbers, for a response that has one; found {ends!r} "
                    f"for '{name}', whose range is {self.response(name).range}. "
                    "Give for example (0, 100), or leave the response out of with_range()."
                )
        changed = tuple(
            with_ends(r, ranges[r.name]) if r.name in ranges else r for r in self.responses
        )
        model = replace(self, responses=changed, variant=(*self.variant, ("with_range", ranges)))
        tell_all("What is held must go with the range:", list(left_behind(self, model)))
        shares = {p.name: p.fixed_share for p in model.parameters if p.fixed_share is not None}
        return model._holding_shares(shares)

    @checked_arguments
    def with_resolution(
        self,
        resolution: float | Literal["observed"] | None = "observed",
        /,
        **named: float | Literal["observed"] | None,
    ) -> Model:
        """Return the model with ratings recorded in other steps, or in none.

        Parameters
        ----------
        resolution : float or "observed" or None
            For all responses with a range that are not named: distance of the steps, in their
            units, between which ratings are refused; as the data show; or None for the density of
            a normal that has no steps and may leave the scale.
        **named
            The same for single responses.

        Raises
        ------
        KeyError
            The model has no such response.
        ValueError
            A response has no range, or its range is not a whole number of steps.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("outgroup_help_learning").with_resolution(feeling=0.5)
        >>> model.response("feeling").resolution
        0.5
        """
        given = {r.name: resolution for r in self.responses if r.range is not None}
        given = {name: _as_recorded(step) for name, step in (named or given).items()}
        return self._in_steps("with_resolution", given, is_resolution_read=False)

    def with_read_resolution(self, **steps: float) -> Model:
        """Return the model with the steps that the data of a fit show, for whoever reads data.

        Unlike those of `with_resolution` they are no declaration: other data may show finer ones.
        """
        return self._in_steps("with_read_resolution", steps, is_resolution_read=True)

    def _in_steps(self, verb: str, steps: dict[str, Any], *, is_resolution_read: bool) -> Model:
        for name, step in steps.items():
            check_resolution(self.response(name), step)
        changed = tuple(
            replace(r, resolution=steps[r.name], is_resolution_read=is_resolution_read)
            if r.name in steps
            else r
            for r in self.responses
        )
        return replace(self, responses=changed, variant=(*self.variant, (verb, steps)))

    @checked_arguments
    def with_timing(self, **timing: Literal["before", "after"]) -> Model:
        """Return the model with responses given before or after the states learn from the trial.

        Parameters
        ----------
        **timing
            By response: ``"after"``, if it was recorded once the participant had seen what the
            trial brings; ``"before"``, if not.

        Raises
        ------
        KeyError
            The model has no such response.

        Notes
        -----
        Whoever uses the model refuses ``"after"`` for responses of people, in a model that does
        not learn, where what is learned from is part of what the response reads (a prediction
        error), and where a state starts at the response.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("outgroup_help_learning").with_timing(feeling="after")
        >>> model.label
        'outgroup_help_learning feeling after the trial'
        """
        for name in timing:
            self.response(name)
        changed = tuple(
            replace(r, timing=timing[r.name]) if r.name in timing else r for r in self.responses
        )
        return replace(self, responses=changed, variant=(*self.variant, ("with_timing", timing)))

    @checked_arguments
    def with_region(self, **regions: str) -> Model:
        """Return the model with responses that are read from other regions.

        Parameters
        ----------
        **regions
            By response of the table `regions`: the region whose rows it is.

        Raises
        ------
        KeyError
            The model has no such response.
        ValueError
            A response is of another table.

        See Also
        --------
        fit_regions : One fit for each of many regions.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("vicarious_reward").with_region(VS="left putamen")
        >>> model.response("VS").region
        'left putamen'
        """
        changed = {n: replace(self.response(n), region=region) for n, region in regions.items()}
        return replace(
            self,
            responses=tuple(changed.get(r.name, r) for r in self.responses),
            variant=(*self.variant, ("with_region", regions)),
        )

    @checked_arguments
    def with_priors(
        self,
        **priors: Prior | tuple[float, float] | Mapping[str, Prior | tuple[float, float] | float],
    ) -> Model:
        """Return the model with other priors.

        Parameters
        ----------
        **priors
            Per parameter a ``Prior`` (of the population mean, link scale) or a mapping with
            any of ``{"location": Prior, "spread": Prior, "effect": Prior}`` (the last: of
            what covariates add); each may be numbers as in `Parameter`.

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
            wrong = [part for part in parts if part not in PARTS]
            parts |= {part: as_prior(part, parts[part]) for part in parts if part not in wrong}
            if wrong or not all(isinstance(part, Prior) for part in parts.values()):
                raise TypeError(
                    f"The prior of '{name}' must be a Prior or a mapping with the keys "
                    f"'location', 'spread' and 'effect'; found {given!r}. "
                    f'Write for example {name}=Prior("Normal", mu=0, sigma=1), or (0, 1) for it.'
                )
            changed[name] = parts
        model = self._with_parameters(changed)
        stored = {
            n: {part: model.parameter(n).priors[part].to_dict() for part in parts}
            for n, parts in changed.items()
        }
        problems = [p for name in changed for p in impossible_priors(model.parameter(name))]
        tell_all(f"Model '{self.label}' cannot have these priors:", problems)
        return replace(model, variant=(*self.variant, ("with_priors", stored)))

    @checked_arguments
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
        variant = (*self.variant, ("without", responses))
        return replace(self, responses=kept, left_out=left_out, variant=variant)

    @checked_arguments
    def rival(self, name: str) -> Model:
        """Return one of the named alternatives.

        Raises
        ------
        KeyError
            The model has no such rival.
        ValueError
            The rival holds a parameter at a value in units of a range that `with_range` changed.

        Examples
        --------
        >>> import empathymodels as em
        >>> em.get_model("outgroup_help_learning").rival("no_learning").label
        'outgroup_help_learning no_learning'
        """
        if name not in self.rivals_by_name:
            raise KeyError(
                f"Model '{self.name}' has no rival '{name}'. It has {listed(self.rivals_by_name)}. "
                "Correct the name." + did_you_mean(name, self.rivals_by_name)
            )
        changed = self.rivals_by_name[name](self)
        moved = {of for verb, given in self.variant if verb == "with_range" for of in given}
        tell_all(
            f"Rival '{name}' must go with the range:", list(fixed_in_rival(self, changed, moved))
        )
        others = {key: rival for key, rival in changed.rivals_by_name.items() if key != name}
        return replace(changed, rivals=others, variant=(*self.variant, ("rival", name)))

    @checked_arguments
    def with_response(self, name: str, function: Callable[[Any, Any, Any], Any]) -> Model:
        """Return the model with another distribution of one response: a tool of rivals.

        A response that was left out (see `without`) has it while it stays out, so that rivals of
        a model without it are made as those of the whole. Files of fits cannot say which function
        it was; a rival that does this they name.

        Parameters
        ----------
        name : str
            The response.
        function : callable
            Its `function`, see `Response`.

        Raises
        ------
        KeyError
            The model has no such response.

        See Also
        --------
        with_parameters : What the distribution needs.

        Examples
        --------
        >>> import empathymodels as em, pymc as pm
        >>> def heavier(latent, parameters, data):
        ...     return pm.StudentT.dist(4, latent.closeness, parameters.closeness_noise)
        >>> model = em.get_model("empathy_learning").with_response("closeness", heavier)
        >>> model.response("closeness").function.__name__
        'heavier'
        """
        changed = replace(_named(self.observables, name, "response", self), function=function)
        responses, left_out = (
            tuple(changed if r.name == name else r for r in some)
            for some in (self.responses, self.left_out)
        )
        return replace(self, responses=responses, left_out=left_out)

    @checked_arguments
    def with_parameters(self, *parameters: Parameter, without: Sequence[str] = ()) -> Model:
        """Return the model with other parameters: a tool of rivals.

        Parameters
        ----------
        *parameters : Parameter
            Take the place of those of their names; new ones stand where the first of `without`
            stood, or behind all others.
        without : list of str
            Names of parameters to leave out, with their correlations and default covariates.

        Raises
        ------
        KeyError
            The model has no parameter of a name in `without`.

        See Also
        --------
        fix : Holds a parameter at a value.
        split, pool : Change what one parameter has values for.

        Examples
        --------
        >>> from dataclasses import replace
        >>> import empathymodels as em
        >>> model = em.get_model("empathy_learning")
        >>> shared = replace(model.parameter("learning_rate"), level="population")
        >>> model.with_parameters(shared).parameter("learning_rate").level
        'population'
        >>> len(model.with_parameters(without=["recalibration"]).parameters)
        7
        """
        leaving = {name: self.parameter(name).name for name in without}
        known = {p.name for p in self.parameters} - set(leaving)
        given = {p.name: p for p in parameters}
        new = [p for p in parameters if p.name not in known]
        kept: list[Parameter] = []
        for parameter in self.parameters:
            if parameter.name in leaving:
                kept, new = [*kept, *new], []
            else:
                kept.append(given.get(parameter.name, parameter))
        return replace(
            self,
            parameters=(*kept, *new),
            correlate=tuple(name for name in self.correlate if name not in leaving),
            covariates={name: f for name, f in self.covariates.items() if name not in leaving},
        )

    @checked_arguments
    def with_outcome(
        self,
        name: str,
        *,
        on: Sequence[str] = (),
        measures: str | None = None,
        before: str | None = None,
        by: str | None = None,
        range: tuple[float, float] | None = None,
        meaning: str = "",
        unit: str = "",
    ) -> Model:
        r"""Return the model with one more outcome of people: an impression, relief, a beta.

        .. math::

            \text{before}_s \sim \text{Normal}(b_s, \sigma), \qquad
            \text{outcome}_s \sim \text{Normal}(b_s + c + \textstyle\sum_k g_k x_{s,k},\; \sigma)

        with values :math:`x_{s,k}` of the person :math:`s`; without `before` there is no
        :math:`c`, and one :math:`b` for all. Or, with `measures`, what is known of a parameter
        :math:`\theta_s` of the person from elsewhere, with a standard error of its own,

        .. math::

            \text{outcome}_s \sim
                \text{Normal}(\theta_s,\; \sqrt{\sigma^2 + \text{se}_s^2})

        Parameters
        ----------
        name : str
            Column of the table of participants.
        on : list of str
            What it goes with: summaries of the model, parameters of people, columns of numbers or
            other outcomes of people, each with a slope ``<name>_by_<what>``.
        measures : str, optional
            In place of `on`: parameter of people that it measures, in its units. A column
            ``<name>_se`` may hold standard errors (0 unless given).
        before : str, optional
            Column with the same as measured before. A level per person is then inferred from
            both, so that an extreme value before does not pass for a change.
        by : str, optional
            Column of labels of participants, such as a group: levels, changes and slopes are
            inferred for each.
        range : (float, float), optional
            Smallest and largest possible value, in the units of the data. Without it, outcomes
            must be z-scored.
        meaning, unit : str
            For cards and axes.

        Returns
        -------
        Model
            With parameters ``<name>_baseline``, ``<name>_change`` (with `before`), the slopes, and
            ``<name>_noise``. By the prior of a slope, half of the range (two standard deviations,
            where there is none) is an ordinary effect of the typical range of a parameter, of the
            whole range of a column, or of two units of a summary; `with_priors` says otherwise.
            Change other ranges before: a slope's prior does not follow that of what it is on.

        Raises
        ------
        ValueError
            The model knows nothing of that name of people, a name is taken, or arguments do not
            go together.

        See Also
        --------
        with_summary : One more number of people to go with.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("outgroup_help_learning")
        >>> model = model.with_outcome("relief", on=["value_change"], range=(0, 10))
        >>> [p.name for p in model.parameters if p.name.startswith("relief")]
        ['relief_baseline', 'relief_by_value_change', 'relief_noise']
        """
        ends = None if range is None else (_as_recorded(range[0]), _as_recorded(range[1]))
        given = Outcome(name, tuple(on), measures, before, by, ends, meaning, unit)
        return with_outcome(self, given)

    @checked_arguments
    def with_summary(
        self, name: str, *, of: str, kind: Literal["last", "change", "mean", "mean_absolute"]
    ) -> Model:
        """Return the model with one more number of people, for outcomes to go with.

        Parameters
        ----------
        name : str
            A new name.
        of, kind : str
            See `Summary`: a state (for ``"last"`` and ``"change"``) or a latent.

        Raises
        ------
        ValueError
            The name is taken, or there is no such state or latent.

        Examples
        --------
        >>> import empathymodels as em
        >>> model = em.get_model("empathy_learning")
        >>> model = model.with_summary("learned", of="closeness", kind="change")
        >>> model.summaries[-1].name
        'learned'
        """
        carried = [s.name for s in self.states if s.over is None]
        known = carried if kind in ("last", "change") else list(self.latents)
        if of not in known or name in {s.name for s in self.summaries}:
            raise ValueError(
                f"A summary needs a new name, and for the {kind} one of {listed(known)}; found "
                f"'{name}' of '{of}'. Correct the names." + did_you_mean(of, known)
            )
        recorded = {"name": name, "of": of, "kind": kind}
        return replace(
            self,
            summaries=(*self.summaries, Summary(name, of, kind)),
            variant=(*self.variant, ("with_summary", recorded)),
        )

    @checked_arguments
    def with_population(self, population: Population) -> Model:
        """Return the model with people who deviate from the population's means otherwise.

        Parameters
        ----------
        population : {"normal", "student_t"}
            How participants deviate: Gaussian, or Student-t with 4 degrees of freedom (per
            parameter, scaled so that the spread stays a standard deviation), which holds a few
            people far from all others without widening everybody's spread.

        Examples
        --------
        >>> import empathymodels as em
        >>> em.get_model("prosocial_effort").with_population("student_t").label
        'prosocial_effort population(student_t)'
        """
        if population == self.population:
            return self
        variant = (*self.variant, ("with_population", population))
        return replace(self, population=population, variant=variant)

    @checked_arguments
    def vary(self, changes: Sequence[Any]) -> Model:
        """Return the model after recorded changes (see `variant`).

        Raises
        ------
        KeyError, ValueError
            A change is none of the verbs above with its arguments, or the model does not allow it.
        """
        return replayed(self, changes)

    def _holding(self, values: Mapping[str, Any]) -> Model:
        """Hold parameters at natural-scale values."""
        for name, value in values.items():
            check_fixed(self, self.parameter(name), value)
        changed = {n: {"fixed": value, "fixed_share": None} for n, value in values.items()}
        return self._with_parameters(changed)

    def _holding_shares(self, shares: Mapping[str, Any]) -> Model:
        """Hold parameters at shares of their ranges."""
        values = {n: from_share(self, self.parameter(n), share) for n, share in shares.items()}
        held = self._holding(values)
        return held._with_parameters({n: {"fixed_share": share} for n, share in shares.items()})

    def _with_parameters(self, changed: Mapping[str, Mapping[str, Any]]) -> Model:
        parameters = tuple(replace(p, **changed.get(p.name, {})) for p in self.parameters)
        return replace(self, parameters=parameters)


def _as_recorded(value: Any) -> Any:
    """Python numbers and text keys, which a fit file gives back as they were."""
    if isinstance(value, Mapping | pd.Series):
        return {str(label): _as_recorded(number) for label, number in value.items()}
    return value.item() if hasattr(value, "item") else value


def _named(declared: tuple[Any, ...], name: str, kind: str, model: Model) -> Any:
    found = {entry.name: entry for entry in declared}
    if name not in found:
        raise KeyError(
            f"Model '{model.name}' has no {kind} '{name}'. It has {listed(found)}. "
            "Correct the name." + did_you_mean(name, found)
        )
    return found[name]
