"""What a report says first: five sentences on every fit, and one picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from empathymodels.declaration.parts import Parameter
from empathymodels.messages import counted, sentence, words
from empathymodels.plots.effects import draw_effects
from empathymodels.population.covariates import Covariates
from empathymodels.reporting.captions import EFFECTS
from empathymodels.reporting.contrasts import compared_columns
from empathymodels.reporting.figures import Picture, picture
from empathymodels.reporting.fit_section import (
    CLEAR,
    PREDICTIVE,
    SURE,
    WEAK,
    Fitted,
    interval_text,
)
from empathymodels.results.population_values import sign_is_open

SHOWN, TOLD = 8, 3  # effects in the picture, and in the sentence
UNCLEAR = 0.1  # contraction below which priors speak
SAMPLING = ("R-hat", "bulk ESS", "tail ESS", "divergences", "draws at the tree depth limit")
LEAST = f"least {WEAK}"


@dataclass(frozen=True)
class Effect:
    """Something of the population that may be above or below 0.

    Attributes
    ----------
    label : str
        In words.
    median, low, high : float
        Posterior median, and the 90 % interval.
    p_positive : float
        Probability of being above 0.
    scale : str
        Of these numbers.
    is_between : bool
        Whether it is a difference between people or conditions, which questions are mostly about.
    """

    label: str
    median: float
    low: float
    high: float
    p_positive: float
    scale: str
    is_between: bool = False

    @property
    def certainty(self) -> float:
        """Probability of its more probable sign."""
        return max(self.p_positive, 1 - self.p_positive)

    def __str__(self) -> str:
        side = "above" if self.p_positive >= 0.5 else "below"
        sure = f"> {SURE:.2f}" if self.certainty > SURE else f"{self.certainty:.2f}"
        scale = " on the link scale" if self.scale == "link" else ""
        interval = interval_text(self.low, self.high)
        return (
            f"{self.label} is {self.median:.3g}{scale} (90 % interval {interval}), {side} 0 with "
            f"probability {sure}"
        )


def answer(found: Fitted, question: str, compared: str) -> dict[str, Any]:
    """Return what was asked, found, trusted, compared and left open, and a picture of effects.

    Parameters
    ----------
    found : Fitted
        The fit.
    question : str
        What the analysis asks.
    compared : str
        What a comparison of all fits says.
    """
    has_draws = found.method != "map"
    effects = (
        sorted(_effects(found), key=lambda e: (not e.is_between, -_distance(e)))
        if has_draws
        else []
    )
    sentences = {
        "Asked": _asked(found, question),
        "Found": _largest(effects, has_draws=has_draws),
        "Trust": _trust(found),
        "Prediction": compared,
        "Open": _open(found, effects),
    }
    shown = effects[:SHOWN]
    return {"name": found.name, "sentences": sentences, "picture": _picture(shown)}


# ----------------------------------------------------------------------------- effects


def _effects(found: Fitted) -> Iterator[Effect]:
    """Yield contrasts, effects of other covariates, and parameters whose sign is open."""
    for one in found.contrasts:
        if not one.is_of_numbers:  # whose effects are told per standard deviation
            numbers = one.median, one.low, one.high, one.p_positive
            yield Effect(f"{one.label},", *numbers, "natural", is_between=True)
    for parameter in found.arrangement.parameters:
        if parameter.fixed is not None:
            continue
        own = found.estimates[found.estimates["parameter"] == parameter.name]
        name = words(parameter.name)
        entry = found.covariates.get(parameter.name)
        compared = {f"effect of {term}" for term in _terms_of_groups(entry)}
        for row in own.itertuples():
            level = "" if pd.isna(row.level) else f", {row.level}"
            if row.whose in compared:
                continue
            if str(row.whose).startswith("effect of "):
                yield _effect(f"the {row.whose} on {name}{level}", row, row.unit, is_between=True)
            elif row.whose in ("median person", "population") and _may_turn(parameter):
                yield _effect(f"{name}{level}", row, row.unit)


def _terms_of_groups(entry: Covariates | None) -> list[str]:
    """Return the terms of a formula that contrasts tell of: of labels, of one or two columns."""
    groups = {c for c, sides in compared_columns(entry).items() if not sides[0].is_of_numbers}
    found = []
    for term, parts in (entry.coding if entry else {}).items():
        columns = {column for coding in parts for column in coding.columns}
        if all(coding.levels for coding in parts) and columns <= groups and len(columns) <= 2:
            found.append(term)
    return found


def _may_turn(parameter: Parameter) -> bool:
    """Whether its sign says something: left open by its prior, and no place on a scale."""
    if not sign_is_open(parameter) or parameter.role == "location":
        return False
    prior = getattr(parameter.location, "parameters", {})
    middle, width = prior.get("mu"), prior.get("sigma")
    if not isinstance(middle, int | float) or not isinstance(width, int | float):
        return True
    return abs(middle) < width


def _effect(label: str, row: Any, scale: str, *, is_between: bool = False) -> Effect:
    interval = float(row.hdi_low), float(row.hdi_high)
    return Effect(label, float(row.median), *interval, float(row.p_positive), scale, is_between)


def _distance(effect: Effect) -> float:
    """How far an effect is from 0, in half widths of its interval."""
    half = (effect.high - effect.low) / 2
    return abs(effect.median) / half if half > 0 else 0.0


# --------------------------------------------------------------------------- sentences


def _asked(found: Fitted, question: str) -> str:
    people = counted(len(found.arrangement.participants), "participant")
    sizes = [
        f"{len(scored.observed):,} of {words(name)}"
        for name, scored in found.arrangement.scored.items()
    ]
    mark = "" if question.endswith(("?", ".", "!")) else "?"
    opening = f"{question}{mark} " if question else ""
    return f"{opening}{sentence(found.model.title)}: {people}, observations {_plain(sizes)}."


def _largest(effects: list[Effect], *, has_draws: bool) -> str:
    if not has_draws:
        return "A single most probable point: no effect has an interval, and none is told here."
    known = [e for e in effects if np.isfinite(e.p_positive)]
    clear = [effect for effect in known if effect.certainty >= CLEAR][:TOLD]
    if clear:
        return f"{sentence('; '.join(map(str, clear)))}."
    if known:
        return f"Nothing with a clear sign; farthest from 0, {max(known, key=_distance)}."
    return "No parameter of the population could be above or below 0: see the estimates."


def _trust(found: Fitted) -> str:
    bad = [str(name) for name in found.failed()["check"]]
    total = len(found.judged)
    if found.method != "nuts":
        return (
            f"The fit is approximate (method '{found.method}'): sample it before anything is "
            f"reported. {total - len(bad)} of {total} checks passed."
        )
    noted = [
        f"{name}: {str(advice).partition('. ')[0]}"
        for name, advice in zip(found.noted["check"], found.noted["advice"], strict=True)
    ]
    look = f" Look at these (see the diagnostics): {'; '.join(noted)}." if noted else ""
    if not bad:
        return (
            f"All {total} checks passed: chains agree, and the data look as the model predicts."
            + look
        )
    sampling = [name for name in bad if name.startswith(SAMPLING)]
    predictive = [name.removeprefix(PREDICTIVE) for name in bad if name.startswith(PREDICTIVE)]
    other = [name for name in bad if not name.startswith((*SAMPLING, PREDICTIVE))]
    told = [f"{len(bad)} of {total} checks failed."]
    if sampling:
        told.append(
            f"Sampling ({_plain(sampling)}): the numbers may be other ones when it is "
            "run longer, so do not report them yet."
        )
    if predictive:
        told.append(
            f"Data do not look as predicted in {_plain(predictive)}: effects that rest on these "
            "may be those of a wrong model."
        )
    if other:
        told.append(f"See in the diagnostics: {_plain(other)}.")
    return " ".join(told) + look


def _open(found: Fitted, effects: list[Effect]) -> str:
    told = []
    unclear = [e.label.rstrip(",") for e in effects if e.certainty < CLEAR]
    if unclear:
        told.append(f"Which side of 0 they lie on: {_plain(unclear[:TOLD])}.")
    least = found.checks[found.checks["check"].str.startswith(LEAST)]
    for row in least.itertuples():
        name, value = words(str(row.check).removeprefix(LEAST)), float(row.value)
        if value < UNCLEAR:
            told.append(f"The data say nearly nothing of {name} (contraction {value:.2f}).")
        else:
            told.append(
                f"Of the population, {name} is least informed: the data took away {value:.0%} of "
                "its prior variance."
            )
    return " ".join(told) or "No parameter of the population is left to its prior."


def _plain(names: list[str]) -> str:
    """Names in a row, without marks around them."""
    shown = names[:SHOWN]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(shown) + more


# ----------------------------------------------------------------------------- picture


def _picture(effects: list[Effect]) -> Picture | None:
    drawn = [effect for effect in effects if np.isfinite([effect.low, effect.high]).all()]
    if not drawn:
        return None
    return picture(
        lambda: draw_effects(
            [sentence(effect.label.rstrip(",")) for effect in drawn],
            [(effect.low, effect.median, effect.high) for effect in drawn],
            [effect.certainty >= CLEAR for effect in drawn],
        ),
        EFFECTS,
    )
