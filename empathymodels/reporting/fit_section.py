"""What a report says of one fit: model, priors, diagnostics, estimates, predictions, settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import xarray as xr

from empathymodels.checks.check import check
from empathymodels.checks.sensitivity import sensitivity
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.text import (
    as_markdown,
    equations_text,
    fixed_text,
    prior_text,
    scale_text,
    steps_text,
    variant_text,
)
from empathymodels.inference.fits import (
    arrangement_of,
    covariates_of,
    marked,
    method_of,
    model_of,
    recorded,
)
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.covariates import Covariates
from empathymodels.reporting.contrasts import Contrast, contrasts_of, omitted_of
from empathymodels.reporting.figures import of_parameters, of_predictions
from empathymodels.reporting.markup import equation, prose
from empathymodels.reporting.tables import Cell, Table, number, of_frame, table
from empathymodels.results.estimates import estimates, rows_of_population

COLUMNS_OF_PEOPLE = 6  # parameters beside each other that paper and screen have room for
SURE = 0.995  # probability from which on draws cannot tell one from certainty
CLEAR = 0.95  # probability from which on a sign is clear
WEAK = "contraction, population: "
PREDICTIVE, INFORMATION = "predictive p: ", "information"
APPROXIMATE = {
    "laplace": "This fit is approximate (method 'laplace'): Gaussians around the most probable "
    "population, no draws of the posterior. They are too narrow for spreads between people, which "
    "have no intervals here. Sample it before anything is reported.",
    "map": "This fit is approximate (method 'map'): a single point without any uncertainty. "
    "Sample it before anything is reported.",
}


@dataclass(frozen=True)
class Fitted:
    """A fit with what a report needs of it.

    Attributes
    ----------
    name : str
        What the report calls it, marked where it is approximate.
    fit : DataTree
        The fit.
    checks, estimates : DataFrame
        Results of `check` and `estimates`.
    arrangement : Arrangement
        Its model and study.
    """

    name: str
    fit: xr.DataTree
    checks: pd.DataFrame
    estimates: pd.DataFrame
    arrangement: Arrangement

    @property
    def method(self) -> str:
        """How the fit was made."""
        return method_of(self.fit)

    @property
    def model(self) -> Model:
        """The model as it was asked for, with responses that the study may lack."""
        return model_of(self.fit)

    @cached_property
    def covariates(self) -> dict[str, Covariates]:
        """The covariates of parameters that are inferred."""
        found = covariates_of(self.fit, self.arrangement)
        free = {p.name for p in self.arrangement.parameters if p.fixed is None}
        return {name: entry for name, entry in found.items() if name in free}

    @property
    def judged(self) -> pd.DataFrame:
        """Checks that can fail, without what they tell besides."""
        return self.checks[self.checks["limit"] != INFORMATION]

    @property
    def noted(self) -> pd.DataFrame:
        """What checks tell besides that wants a look, of single people above all."""
        return self.checks[(self.checks["limit"] == INFORMATION) & (self.checks["advice"] != "")]

    def failed(self) -> pd.DataFrame:
        """Checks that did not pass."""
        return self.checks[~self.checks["passed"].astype(bool)]

    @property
    def uninformed(self) -> set[str]:
        """Values of the population of which data say nearly nothing: a prior is no finding."""
        failed = self.failed()["check"].astype(str)
        return {name.removeprefix(WEAK) for name in failed if name.startswith(WEAK)}

    @cached_property
    def contrasts(self) -> list[Contrast]:
        """Differences between conditions and groups; none of a single point."""
        if self.method == "map":
            return []
        return contrasts_of(self.fit, self.arrangement, self.covariates, self.uninformed)

    @cached_property
    def omitted(self) -> list[str]:
        """Which interactions have more contrasts than these, how many more, and how to get them."""
        if self.method == "map":
            return []
        return omitted_of(self.fit, self.arrangement, self.covariates, self.uninformed)


def fitted(name: str, fit: xr.DataTree, *, draws: int, seed: int) -> Fitted:
    """Compute the tables that a report needs of a fit."""
    checks = check(fit, draws=draws, seed=seed)
    return Fitted(marked(name, fit), fit, checks, estimates(fit), arrangement_of(fit))


def fit_section(
    found: Fitted, earlier: Mapping[str, str], *, draws: int, seed: int
) -> dict[str, Any]:
    """Return what there is to say of a fit.

    Parameters
    ----------
    found : Fitted
        The fit.
    earlier : mapping of str to str
        Text of the equations of fits before it, with their names: it is not told again.
    draws, seed : int
        Draws that predictive checks use, and seed of the predicted data.
    """
    has_draws = found.method != "map"
    drawn = list(of_parameters(found.fit, found.arrangement)) if has_draws else []
    beside = of_predictions(found.fit, found.arrangement, draws=draws, seed=seed)
    return {
        "name": found.name,
        "approximate": APPROXIMATE.get(found.method, ""),
        **_model_texts(found.model, earlier),
        "responses": _responses(found),
        "left_out": recorded(found.fit, "left_out"),
        "held": recorded(found.fit, "held"),
        "priors": _priors(found),
        "covariates": _covariates(found),
        "diagnostics": _checks(found, is_predictive=False),
        "population": _population(found),
        "contrasts": _contrasts(found),
        "omitted": found.omitted,
        "figures": drawn,
        "people": list(_people(found)),
        "predictive": _checks(found, is_predictive=True),
        "predicted": list(beside) if has_draws else [],
        **_sensitivity(found.fit),
        "settings": _settings(found),
    }


def overview(everything: list[Fitted]) -> Table:
    """Return a row per fit: model, how it was made, and how many checks passed."""
    rows = []
    for found in everything:
        bad = len(found.failed())
        total = len(found.judged)
        told = Cell(f"{total - bad} of {total} passed")
        verdict = Cell("none", look="good") if not bad else Cell(str(bad), look="bad")
        draws = found.fit["posterior"].sizes
        how = f"{found.method}, {draws['chain']:,} x {draws['draw']:,} draws"
        rows.append([found.name, found.fit.attrs["label"], how, told, verdict])
    return table(("fit", "model", "method", "checks", "failed"), rows)


# -------------------------------------------------------------------------------- model


def _model_texts(model: Model, earlier: Mapping[str, str]) -> dict[str, Any]:
    text = equations_text(model)
    return {
        "same_as": earlier.get(text, ""),
        "title": model.title,
        "variant": [prose(text) for text in variant_text(model)],
        "equations": prose(text),
        "notes": prose(as_markdown(model.notes)) if model.notes else "",
    }


def _responses(found: Fitted) -> Table:
    gaps = recorded(found.fit, "missing")
    rows = []
    for name, scored in found.arrangement.scored.items():
        response = scored.response
        missing = gaps.get(f"{response.table}.{response.values.name}", 0)
        people = len(set(scored.participant.tolist()))
        needs = found.arrangement.needs[name]
        kind = needs.distribution + (f", {steps_text(response)}" if needs.in_steps else "")
        rows.append([name, response.meaning, kind, len(scored.observed), people, missing])
    header = ("response", "meaning", "distribution", "values", "participants", "missing")
    return table(header, rows, "What the model explains, and how many values it was scored on")


def _priors(found: Fitted) -> Table:
    model = found.arrangement.model
    rows = [
        [
            equation(p.symbol) if p.symbol else "",
            p.name,
            p.meaning,
            p.level if p.by is None else f"{p.level} and {p.by}",
            *prior_words(model, p),
        ]
        for p in found.arrangement.parameters
    ]
    header = ("symbol", "parameter", "meaning", "one per", "mean", "spread", "on the scale")
    return table(
        header, rows, "Priors of the population mean, and of the spread of people or items"
    )


def prior_words(model: Model, parameter: Parameter) -> tuple[str, str, str]:
    """Return the priors of mean and spread, and the scale they are stated on."""
    if parameter.fixed is not None:
        return f"held at {fixed_text(parameter)}", "", ""
    return (
        prior_text(parameter.location),
        prior_text(parameter.spread),
        scale_text(model, parameter),
    )


def _covariates(found: Fitted) -> Table | None:
    rows = []
    for name, entry in found.covariates.items():
        prior = prior_text(found.arrangement.model.parameter(name).effect_prior)
        rows.append([name, entry.formula, prior, "; ".join(map(str, entry.factors))])
    header = ("parameter", "formula", "prior of every effect", "how covariates were taken")
    return table(header, rows, "Covariates of participants, on the link scale") if rows else None


# ------------------------------------------------------------------ diagnostics and estimates


def _verdict(row: Any) -> Cell:
    if row.limit == INFORMATION:
        return Cell("noted")
    return Cell("passed", look="good") if row.passed else Cell("failed", look="bad")


def _checks(found: Fitted, *, is_predictive: bool) -> Table | None:
    told = found.judged
    chosen = told[told["check"].str.startswith(PREDICTIVE) == is_predictive]
    if not is_predictive:
        chosen = pd.concat([chosen, found.noted])
    if chosen.empty:
        return None
    rows = [
        [
            row.check.removeprefix(PREDICTIVE),
            row.value,
            row.limit,
            _verdict(row),
            row.advice,
        ]
        for row in chosen.itertuples()
    ]
    if is_predictive:
        header = ("feature of the data", "predictive p", "limit", "verdict", "what to do")
        return table(header, rows, "Share of predictions above what was observed")
    return table(("check", "value", "limit", "verdict", "what to do"), rows)


def _population(found: Fitted) -> Table:
    rows = [
        [
            Cell(_quantity(parameter.name, level), note=row.whose),
            number(row.median),
            number(row.mean),
            number(row.sd),
            Cell(interval_text(row.hdi_low, row.hdi_high), look="number"),
            probability(row.p_positive),
            row.unit,
        ]
        for parameter, level, every in _by_level(found)
        for row in every.head(rows_of_population(found.fit, parameter)).itertuples()
    ]
    header = ("parameter", "median", "mean", "sd", "90 % interval", "P(> 0)", "scale")
    return table(header, rows, f"Population, {found.name}: highest-density intervals")


def _contrasts(found: Fitted) -> Table | None:
    """Return a row per contrast, with what it says in words."""
    rows = [
        [
            one.label,
            number(one.median),
            Cell(interval_text(one.low, one.high), look="number"),
            probability(one.p_positive),
            _side_words(one),
        ]
        for one in found.contrasts
    ]
    header = ("difference", "median", "90 % interval", "P(> 0)", "in words")
    caption = f"Differences between conditions and groups, {found.name}: of the median person"
    return table(header, rows, f"{caption}, or of what all share") if rows else None


def _side_words(one: Contrast) -> str:
    """Say on which side a contrast lies, and how sure that is."""
    if pd.isna(one.p_positive):
        return ""
    certainty = max(one.p_positive, 1 - one.p_positive)
    above = one.p_positive >= 0.5
    larger, other = (one.more, one.less) if above else (one.less, one.more)
    if certainty < CLEAR:
        return f"open: larger for {larger} with a probability of {certainty:.2f} only"
    sure = f"> {SURE:.2f}" if certainty > SURE else f"{certainty:.2f}"
    return f"larger for {larger} than for {other}, with probability {sure}"


def probability(share: float) -> Cell:
    """Return a posterior probability, which draws cannot tell from certainty near its ends."""
    if share > SURE or share < 1 - SURE:
        return Cell("> 0.99" if share > SURE else "< 0.01", float(share), look="number")
    return Cell("" if pd.isna(share) else f"{share:.2f}", float(share), look="number")


def _quantity(name: str, level: Any) -> str:
    text = name.replace("_", " ")
    return text if pd.isna(level) else f"{text}, {level}"


def interval_text(low: float, high: float) -> str:
    """Return an interval in brackets; empty where there is none."""
    return "" if pd.isna(low) else f"[{low:.3g}, {high:.3g}]"


def _people(found: Fitted) -> Iterator[Table]:
    """Yield sortable tables with a row per participant (or item) and a column per parameter."""
    kinds: dict[str, list[tuple[str, pd.DataFrame]]] = {}
    for parameter, level, rows in _by_level(found):
        if parameter.level != "population":
            people = rows.iloc[rows_of_population(found.fit, parameter) :].set_index("whose")
            column = _quantity(parameter.name, level), people
            kinds.setdefault(parameter.level, []).append(column)
    for kind, columns in kinds.items():
        caption = f"Every {kind}, {found.name}: posterior medians with 90 % intervals"
        for first in range(0, len(columns), COLUMNS_OF_PEOPLE):
            chosen = columns[first : first + COLUMNS_OF_PEOPLE]
            part = f", columns {first + 1} to {first + len(chosen)} of {len(columns)}"
            is_whole = len(columns) <= COLUMNS_OF_PEOPLE
            yield _table_of(kind, chosen, caption if is_whole else caption + part)


def _by_level(found: Fitted) -> Iterator[tuple[Parameter, Any, pd.DataFrame]]:
    """Yield every free parameter, and level of its column, with its rows of the estimates.

    Those of the population come first; places tell them, since a participant may have any name.
    """
    for parameter in found.arrangement.parameters:
        own = found.estimates[found.estimates["parameter"] == parameter.name]
        for level, rows in own.groupby("level", sort=False, dropna=False):
            yield parameter, level, rows


def _table_of(kind: str, columns: list[tuple[str, pd.DataFrame]], caption: str) -> Table:
    rows = []
    for label in columns[0][1].index:
        cells = [Cell(str(label))]
        for _, values in columns:
            at = values.loc[label]
            cells.append(number(at["median"], interval_text(at["hdi_low"], at["hdi_high"])))
        rows.append(cells)
    foot = [Cell("mean shrinkage")]
    foot += [number(values["shrinkage"].mean(), digits=2) for _, values in columns]
    header = (kind, *(name for name, _ in columns))
    return Table(header, rows, caption, foot if foot[1].text else (), is_sortable=True)


# --------------------------------------------------------------- sensitivity and settings


def _sensitivity(fit: xr.DataTree) -> dict[str, Any]:
    """Return the table of power-scaling and its reading, or why there is none."""
    try:
        found = sensitivity(fit)
    except ValueError as error:
        return {"sensitivity": None, "sensitivity_reading": f"Not available: {error}"}
    return {"sensitivity": of_frame(found), "sensitivity_reading": found.attrs["reading"]}


def _settings(found: Fitted) -> Table:
    attributes = found.fit.attrs
    rows: list[list[Any]] = [["method", found.method], ["seed", str(attributes["seed"])]]
    for name, value in recorded(found.fit, "settings").items():
        if value is not None and value != {}:
            rows.append([name.replace("_", " "), _setting_words(value)])
    rows += [["Python", attributes["python"]]]
    rows += [[name, str(version)] for name, version in recorded(found.fit, "versions").items()]
    rows += [["fingerprint of the model", attributes["fingerprint"]]]
    return table(("setting", "value"), rows, "How the fit was made, and with which versions")


def _setting_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {entry}" for name, entry in value.items())
    return str(value)
