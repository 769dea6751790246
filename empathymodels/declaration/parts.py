"""What a model is declared with: parameters, columns, states, responses of one trial of one person.

Everything here is a frozen description, and so is the `Model` that they make up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
from pymc_extras.prior import Prior

from empathymodels.arguments import checked_fields
from empathymodels.declaration.immutable import Declared
from empathymodels.declaration.prior import Prior as CheckedPrior
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.messages import did_you_mean, listed

Motive = Literal["approach", "avoidance"]
Table = Literal["trials", "participants", "regions"]


Prediction = Literal["one_step_ahead", "simulation"]  # what goes before: observed, or drawn
Population = Literal["normal", "student_t"]  # how participants may deviate from the means
SHORT_FORMS = {  # of priors: what one number or two stand for
    "location": (tuple | list, lambda given: CheckedPrior("Normal", mu=given[0], sigma=given[1])),
    "spread": (Real, lambda given: CheckedPrior("HalfNormal", sigma=given)),
    "effect": (Real, lambda given: CheckedPrior("Normal", mu=0, sigma=given)),
}
PARTS = tuple(SHORT_FORMS)  # of a parameter, that have priors
SET = 1e-3  # standard deviation of a prior up to which it sets a mean


def as_prior(part: str, given: Any) -> Any:
    """Return the prior that numbers stand for; anything else as it is."""
    kind, prior_of = SHORT_FORMS[part]
    is_short = isinstance(given, kind) and not isinstance(given, bool)
    return prior_of(given) if is_short and np.size(given) == 1 + (kind is not Real) else given


@checked_fields
@dataclass(frozen=True)
class Column(Declared):
    """A data column that a model reads.

    Parameters
    ----------
    name : str
        Name of the column in the study's table.
    meaning : str
        What one value says, in words.
    table : {"trials", "participants", "regions"}
        The table it lives in. Rows of other tables see it through the keys they share.
    levels : tuple or "any" or None
        Allowed values. Text levels enter the equations as their position (0, 1, ...),
        numeric levels as they are. ``"any"`` takes the labels that the study has.
    range : (float, float), optional
        Smallest and largest allowed number.
    unit : str
        Unit of the numbers, for cards and axes.
    default : float or str, optional
        Value (a text for labels) used throughout where the study has no such column. Without
        a default the column is required by every response that reads it.
    follows : str, optional
        The response that brought this value about (the outcome of a choice). Full simulation
        then needs what every level of that response would have brought, in columns
        ``<name>_<level>``; without them it is refused.
    """

    name: str
    meaning: str
    table: Table = "trials"
    levels: tuple[Any, ...] | Literal["any"] | None = None
    range: tuple[float, float] | None = None
    unit: str = ""
    default: float | str | None = None
    follows: str | None = None

    @property
    def is_label(self) -> bool:
        """Whether the values are labels (text levels) and not numbers."""
        return self.levels == "any" or (
            self.levels is not None and any(isinstance(level, str) for level in self.levels)
        )


@checked_fields
@dataclass(frozen=True)
class Parameter(Declared):
    """A quantity inferred for every participant, for the population, or for every item.

    On the link scale (identity, log, logit or atanh, by the support) each participant's value is
    the population mean plus covariate effects plus a deviation with the population's spread.

    Parameters
    ----------
    name : str
        Name used in the equations and in every result.
    meaning : str
        What it stands for, in words.
    location : Prior or (float, float)
        Prior of the population mean, on the link scale. Two numbers are mean and standard
        deviation of a Normal. One of at most 0.001 sets the mean, as of a factor or of items
        whose zero is agreed upon: checks then do not ask what data say of it.
    spread : Prior or float, optional
        Prior of the standard deviation between participants (or items), on the link scale. A
        number is the scale of a HalfNormal. Not needed for ``level="population"``.
    effect : Prior or float, optional
        Prior of what a covariate adds per standard deviation (or per level), on the link scale:
        a Normal, or the standard deviation of one around 0. Without it, that is the `sigma` of
        the spread's prior.
    support : {"real", "positive", "unit", "signed"}
        Natural support: any number, above 0, 0 to 1, or -1 to 1; links are identity, log, logit
        and atanh (Fisher's z).
    by : str, optional
        Column whose levels each get their own value. It may change from trial to trial.
    level : str
        ``"participant"``, ``"population"``, or the name of a column (crossed items).
    typical : (float, float)
        Range of ordinary natural-scale values, in the units of `scale_of` (fractions of the
        response's range) where that is given.
    scale_of : str, optional
        A response. The parameter is then in that response's units, and `location`,
        `spread` and `typical` are fractions of the response's range.
    role : {"location", "scale"}
        With `scale_of`: whether zero means the low end of the range (a location) or no
        difference (a scale, slope or noise).
    symbol : str
        Mathematical symbol, for cards.
    fixed : float or mapping, optional
        Natural-scale value (one, or one per `by` level) that replaces inference.
    fixed_share : float or mapping, optional
        The same as a fraction of the range of `scale_of`, where `Model.fix_share` gave it so. It
        then goes with the range.
    weighs : str, optional
        Column (with a default) that this parameter multiplies, or is identified by. Where a study
        lacks it, the parameter is fixed at `if_absent`, which is reported.
    if_absent : float
        That value: on the natural scale, and with `scale_of` as a fraction of the response's range.
    motive : {"approach", "avoidance"}, optional
        For the weight of a motive: whether it is held to invite (above 0) or to discourage
        (below 0). Nothing is forced to have that sign; cards say it, and `plot_motives` shows
        how probable it is.
    unit : str
        Unit of natural-scale values, for cards and axes, where `scale_of` gives none.
    """

    name: str
    meaning: str
    location: Prior | tuple[float, float]
    spread: Prior | float | None = None
    effect: Prior | float | None = None
    support: str = "real"
    by: str | None = None
    level: str = "participant"
    typical: tuple[float, float] = (-1.0, 1.0)
    scale_of: str | None = None
    role: Literal["location", "scale"] = "scale"
    symbol: str = ""
    fixed: float | Mapping[str, float] | None = None
    fixed_share: float | Mapping[str, float] | None = None
    weighs: str | None = None
    if_absent: float = 0.0
    motive: Motive | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        for part in PARTS:
            object.__setattr__(self, part, as_prior(part, getattr(self, part)))
        Declared.__post_init__(self)
        if self.support not in SUPPORTS:
            raise ValueError(
                f"The support of a parameter must be one of {listed(SUPPORTS)}; that of "
                f"'{self.name}' is {self.support!r}. Correct it."
                + did_you_mean(str(self.support), SUPPORTS)
            )
        if self.level != "population" and self.spread is None:
            raise ValueError(
                f"Parameter '{self.name}' varies over {self.level}s and so needs a prior for its "
                "spread. Add spread=0.5, say, for a HalfNormal of that scale."
            )
        if self.effect is not None and not _is_normal(self.effect):
            raise ValueError(
                f"The prior of covariates' effects on '{self.name}' must be a Normal with numbers; "
                f"found {self.effect}. Write effect=0.5, say, for a Normal(0, 0.5)."
            )

    @property
    def priors(self) -> dict[str, Prior]:
        """The priors that it has, by ``"location"``, ``"spread"`` and ``"effect"``."""
        declared = {part: getattr(self, part) for part in PARTS}
        return {part: prior for part, prior in declared.items() if prior is not None}

    @property
    def effect_prior(self) -> Prior:
        """Prior of the effect of a covariate: declared, or of the width of the spread's prior."""
        return self.effect or Prior("Normal", mu=0.0, sigma=self.spread_scale)

    @property
    def spread_scale(self) -> float:
        """Link-scale size of the spread between people that its prior expects; 1 if it has none."""
        sigma = self.priors["spread"].parameters.get("sigma") if self.spread is not None else None
        return float(sigma) if isinstance(sigma, int | float) else 1.0

    @property
    def is_item(self) -> bool:
        """Whether it has one value per level of a column (crossed items)."""
        return self.level not in ("participant", "population")

    @property
    def has_set_mean(self) -> bool:
        """Whether its prior leaves no question about the population's mean."""
        prior = self.priors["location"]
        return _is_normal(prior) and float(prior.parameters["sigma"]) <= SET


def _is_normal(prior: Prior) -> bool:
    numbers = [prior.parameters.get(name) for name in ("mu", "sigma")]
    return (
        prior.distribution == "Normal"
        and set(prior.parameters) == {"mu", "sigma"}
        and all(isinstance(number, int | float) for number in numbers)
        and prior.transform is None
    )


@checked_fields
@dataclass(frozen=True)
class FirstResponse(Declared):
    """Start a state at the first observed response of the sequence.

    Parameters
    ----------
    response : str
        Response whose first observed value in the sequence starts the state (for a state
        over levels: the first value on a trial of that level).
    scored : bool
        Whether that very response still enters the likelihood.
    """

    response: str
    scored: bool = True


@checked_fields
@dataclass(frozen=True)
class State(Declared):
    """A latent quantity that is carried from one trial to the next.

    Parameters
    ----------
    name : str
        Name under which the equations read it.
    start : float or str or FirstResponse
        A constant, the name of a parameter, or the first response of the sequence.
    over : str, optional
        Column with K levels: the equations then get a tuple of K scalars, one per level.
    meaning : str
        What it stands for.
    """

    name: str
    start: float | str | FirstResponse
    over: str | None = None
    meaning: str = ""


@checked_fields
@dataclass(frozen=True)
class Summary(Declared):
    """One number per participant computed from a state or a latent.

    Parameters
    ----------
    name : str
        Name under which participant-level responses read it from `latent`.
    of : str
        State (for ``"last"`` and ``"change"``) or latent (for the means).
    kind : {"last", "change", "mean", "mean_absolute"}
        Final value of the state, or final minus start value, averaged over the participant's
        sequences; or the mean (absolute) value over all of the participant's trials on which
        the latent exists.
    """

    name: str
    of: str
    kind: Literal["last", "change", "mean", "mean_absolute"]


@checked_fields
@dataclass(frozen=True)
class Response(Declared):
    """Something observed, and its distribution given latents, parameters and data.

    Parameters
    ----------
    name : str
        Name of the response in every result.
    function : callable
        ``function(latent, parameters, data)`` returns an unnamed PyMC distribution
        (``pm.Normal.dist(...)``). Every argument is aligned to the observed rows of `table`.
        The ends of the response's own range are ``data.lowest`` and ``data.highest``.
        Of a normal rating (``pm.Normal.dist`` for a response with a `range`) what its scale
        records is observed: the nearest step, and at an end all beyond it (`RoundedNormal`).
        Of a noise below a step over the root of 12, or beyond the whole scale, ratings say nothing
        more, so it counts as that.
    meaning : str
        What is measured.
    table : {"trials", "participants", "regions"}
        Table with one row per observation.
    column : str
        For ``table="regions"``: the column that holds the values. Responses of the other
        tables are found in the column called `name`.
    range : (float, float), optional
        Smallest and largest possible value, in the user's units. Priors of parameters with
        ``scale_of`` this response are fractions of it.
    resolution : float or "observed" or None
        Of a normal rating with a `range`: distance of the steps in which it is recorded, in the
        user's units; ratings between them are refused. ``"observed"``: read from the data, and
        reported (whole units, unless the ratings show finer or coarser steps). None: it has a
        density, without steps and beyond the ends of its scale. Other distributions have no
        use for it.
    is_resolution_read : bool
        Whether a number as `resolution` was read from the data of a fit. Other data may then
        show finer steps than these.
    levels : tuple, optional
        Possible values of a discrete response.
    region : str, optional
        For ``table="regions"``: the region whose rows are read; otherwise those of all regions.
    unit : str
        Unit, for cards and axes.
    timing : {"before", "after"}
        Whether it is given before or after the states learn from the trial. ``"after"``: its
        function reads latents as the equations give them with the next states in place of the
        present ones, such as a feeling toward somebody whose help has just been seen.
    """

    name: str
    function: Callable[[Any, Any, Any], Any]
    meaning: str
    table: Table = "trials"
    column: str = "beta"
    range: tuple[float, float] | None = None
    resolution: float | Literal["observed"] | None = "observed"
    is_resolution_read: bool = False
    levels: tuple[float, ...] | None = None
    region: str | None = None
    unit: str = ""
    timing: Literal["before", "after"] = "before"

    def __post_init__(self) -> None:
        Declared.__post_init__(self)
        if self.region is not None and self.table != "regions":
            raise ValueError(
                f"Only a response of regions has a region; '{self.name}' is of {self.table} and "
                f'has {self.region!r}. Add table="regions", or leave the region out.'
            )

    @property
    def ends(self) -> dict[str, float]:
        """The ends of the range, as `function` finds them in its data."""
        return {} if self.range is None else {"lowest": self.range[0], "highest": self.range[1]}

    @property
    def values(self) -> Column:
        """The data column that holds this response."""
        return Column(
            self.column if self.table == "regions" else self.name,
            self.meaning,
            table=self.table,
            levels=self.levels,
            range=self.range,
            unit=self.unit,
        )


@checked_fields
@dataclass(frozen=True)
class Statistic(Declared):
    """A feature of the data that a good model must reproduce.

    Parameters
    ----------
    name : str
        Short label.
    response : str
        Response it is computed from.
    function : callable
        ``function(table) -> float``, where `table` holds the keys, the model's columns and
        the response (observed or predicted) under its name.
    kind : {"one_step_ahead", "simulation"}
        Predictions that have the feature: each given what was observed before it, or whole
        sequences. A feature that compares responses of neighbouring trials needs the latter where
        the equations read the response: predictions one step ahead follow what was observed, not
        each other. See `predict`.

    Examples
    --------
    >>> Statistic("highest rating", "rating", lambda table: table.rating.max()).name
    'highest rating'
    >>> Statistic.mean("rating").name
    'mean rating'
    """

    name: str
    response: str
    function: Callable[[Any], float]
    kind: Prediction = "one_step_ahead"

    @classmethod
    def mean(cls, response: str, name: str = "") -> Statistic:
        """Mean of a response over all rows: of choices coded 0 and 1, the share of 1."""
        return cls(name or f"mean {response}", response, lambda table: table[response].mean())

    @classmethod
    def sd(cls, response: str, name: str = "") -> Statistic:
        """Standard deviation of a response over all rows."""
        return cls(name or f"sd of {response}", response, lambda table: table[response].std())

    @classmethod
    def between_people(cls, response: str, name: str = "") -> Statistic:
        """Standard deviation between participants of their mean response."""
        return cls(
            name or f"sd of people's mean {response}",
            response,
            lambda table: table.groupby("participant")[response].mean().std(),
        )


@checked_fields
@dataclass(frozen=True)
class Reference(Declared):
    """A paper: citation text and DOI."""

    citation: str
    doi: str
