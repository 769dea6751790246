"""What the columns of a design can tell apart, before any model is evaluated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from empathymodels.checks.findings import Finding, combination, finding
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted, listed

CORRELATED, STRONGLY = 0.7, 0.9  # from where on two attributes are told to go together
CONDITION, SEVERE = 10.0, 30.0  # Belsley, Kuh & Welsch's limits of harm and of serious harm
EXACT = 1e-7  # share of the largest singular value at which the smallest counts as 0
BEND = 3  # distinct values that a bend, or a gain beside a shift, takes
KEYS = ("participant", "session", "block", "trial")


def attributes(arrangement: Arrangement) -> tuple[list[str], list[str]]:
    """Names of the numeric and of the label columns of trials that free parameters depend on."""
    model, trials = arrangement.model, arrangement.study.trials
    if trials is None:
        return [], []
    needs = arrangement.needs.values()
    used = arrangement.parameters
    read = set().union(*(n.all_data for n in needs)) | {p.by for p in used if p.by}
    read |= {state.over for state in model.states if state.over}
    read -= {p.weighs for p in used if p.fixed is not None} | {p.level for p in used if p.is_item}
    columns = [c for c in model.columns if c.name in read and c.name in trials]
    columns = [c for c in columns if c.table == "trials"]
    numeric = [c.name for c in columns if not c.is_label]
    return numeric, [c.name for c in columns if c.is_label]


def of_attributes(arrangement: Arrangement) -> list[Finding]:
    """Whether the attributes of trials vary within people, and not all in the same way."""
    numeric, labels = attributes(arrangement)
    if not numeric + labels:
        return []
    frame = arrangement.trials
    weighed = {p.weighs for p in arrangement.parameters if p.fixed is None}
    rows = [_constancy(frame, name) for name in numeric + [n for n in labels if n in weighed]]
    rows += [row for name in numeric for row in _few_values(arrangement, name)]
    centred = _within_people(frame, numeric, labels)
    if centred.shape[1] > 1:
        rows += [*_correlations(centred), _condition(centred)]
    varying = [name for name in numeric if name in centred]
    return [*rows, *_fixed_by_labels(arrangement, varying)]


# ---------------------------------------------------------------------------- one attribute


def _constancy(frame: pd.DataFrame, name: str) -> Finding:
    values = frame[name].groupby(frame["participant"], sort=False).nunique()
    constant = values.index[values < 2]
    share, advice = len(constant) / len(values), ""
    if frame[name].nunique() < 2:
        advice = "It is the same in all rows: what weighs it follows its prior. Vary it, or leave "
        advice += "the column out."
    elif share == 1:
        advice = "It differs only between people, so that what weighs it cannot be told from how "
        advice += "people differ anyway. Vary it from trial to trial, or make it a covariate."
    elif share:
        advice = f"Within {listed(constant, 5)} it never varies: how much it weighs for them is "
        advice += "what the population says. Fine if they are few."
    value = round(share, 3)
    return finding(
        f"share of people within whom '{name}' is constant", value, "0", not share, advice
    )


def _few_values(arrangement: Arrangement, name: str) -> Iterator[Finding]:
    number = arrangement.trials[name].nunique()
    declared = arrangement.model.column(name).levels
    if 1 < number < BEND and (declared is None or len(declared) > number):
        advice = (
            "With two values a gain (a steeper effect) cannot be told from a shift, nor a bend "
            f"from a line: that takes {BEND} or more. Fine for a model with one weight of it."
        )
        yield finding(f"distinct values of '{name}'", number, "information", True, advice)


# ---------------------------------------------------------------------- several attributes


def _within_people(frame: pd.DataFrame, numeric: list[str], labels: list[str]) -> pd.DataFrame:
    """Deviations from people's own means in standard deviations; labels as indicators.

    What never varies within people is left out; missing values lie at the mean.
    """
    columns = {name: frame[name].astype(float) for name in numeric}
    for label in labels:
        for level in sorted(frame[label].dropna().unique(), key=str)[1:]:
            columns[f"{label}[{level}]"] = (frame[label] == level).astype(float)
    table = pd.DataFrame(columns)
    centred = table - table.groupby(frame["participant"], sort=False).transform("mean")
    centred = centred.fillna(0.0)
    spread, scale = centred.std(ddof=0), table.abs().max()
    varying = spread.index[spread > EXACT * scale]
    return centred[varying] / spread[varying]


def _correlations(centred: pd.DataFrame) -> list[Finding]:
    """Rows for pairs that go together; for the closest pair where none do."""
    r = centred.to_numpy().T @ centred.to_numpy() / len(centred)
    names = list(centred)
    pairs = [
        (names[i], names[j], float(r[i, j]))
        for i, j in zip(*np.triu_indices(len(names), 1), strict=True)
        if _column(names[i]) != _column(names[j])
    ]
    pairs.sort(key=lambda pair: -abs(pair[2]))
    rows = []
    for one, other, value in [pair for pair in pairs if abs(pair[2]) > CORRELATED] or pairs[:1]:
        advice = ""
        if abs(value) > CORRELATED:
            is_exact, is_strong = abs(value) > 1 - EXACT, abs(value) > STRONGLY
            how = "always" if is_exact else "nearly always" if is_strong else "often"
            which = "together" if value > 0 else "in opposite directions"
            advice = (
                f"Within people they {how} change {which}: what one weighs is hard to tell from "
                "what the other does. Vary them independently, or estimate one trade-off of both."
            )
        text = f"correlation of '{one}' and '{other}' within people"
        rows.append(
            finding(text, round(value, 3) + 0.0, f"within {CORRELATED}", not advice, advice)
        )
    return rows


def _column(name: str) -> str:
    return name.partition("[")[0]


def _condition(centred: pd.DataFrame) -> Finding:
    _, singular, directions = np.linalg.svd(centred.to_numpy(), full_matrices=False)
    is_exact = singular[-1] < EXACT * singular[0]
    value = np.inf if is_exact else float(singular[0] / singular[-1])
    advice = ""
    if value > CONDITION:
        names = combination(list(centred), directions[-1])
        how = "exactly" if is_exact else "almost" if value > SEVERE else "largely"
        advice = (
            f"Within people {names} (in standard deviations) is {how} constant: each of these "
            "follows from the others. Leave one out, or vary them independently."
        )
    limit = f"<= {CONDITION:g}"
    return finding("condition number of attributes", round(value, 2), limit, not advice, advice)


# ----------------------------------------------------------- attributes that a label stands for


def _fixed_by_labels(arrangement: Arrangement, varying: list[str]) -> Iterator[Finding]:
    """Rows for labels that split parameters here or in a rival, and for any that fixes all."""
    frame, splitting = arrangement.trials, _splitting(arrangement)
    for label in _labels(arrangement, splitting) if varying else []:
        fixed = [name for name in varying if _is_function(frame, name, label)]
        free = [n for n in varying if n not in fixed and not _only_rises(frame, n)]
        if free and label not in splitting:
            continue
        # levels have one contrast fewer; those that the attributes do not span tell them apart
        spanned = np.linalg.matrix_rank(_within_people(frame, fixed, [])) if fixed else 0
        left = int(frame[label].nunique() - 1 - spanned)
        advice = _of_label(label, fixed, left) if fixed else ""
        is_told_apart = not fixed or left > 0
        text, value = f"attributes that '{label}' fixes", f"{len(fixed)} of {len(fixed + free)}"
        limit = "information" if fixed and left > 0 else "0"
        yield finding(text, value, limit, is_told_apart, advice)


def _of_label(label: str, fixed: list[str], left: int) -> str:
    opening = f"Within people {listed(fixed)} never changes unless '{label}' does"
    if left > 0:
        contrasts = counted(left, "contrast")
        return (
            f"{opening}: only {contrasts} between its levels can tell them from '{label}' itself."
        )
    return (
        f"{opening}: whether '{label}' acts directly or through them, this design cannot tell. "
        f"Vary them within the levels of '{label}'."
    )


def _is_function(frame: pd.DataFrame, name: str, label: str) -> bool:
    return bool((frame.groupby(["participant", label])[name].nunique() < 2).all())


def _only_rises(frame: pd.DataFrame, name: str) -> bool:
    """Whether a column counts time: it never falls from one trial of a person to the next."""
    ordered = frame.sort_values("_row")[["participant", name]].dropna()
    return bool((ordered.groupby("participant")[name].diff().dropna() >= 0).all())


def _splitting(arrangement: Arrangement) -> set[str]:
    """Columns by which the model or one of its rivals splits a parameter."""
    model = arrangement.model
    versions = [model, *(model.rival(name) for name in model.rivals_by_name)]
    return {p.by for version in versions for p in version.parameters if p.by}


def _labels(arrangement: Arrangement, splitting: set[str]) -> list[str]:
    """Label columns of trials whose levels repeat within people; no keys, no crossed items."""
    study = arrangement.study.trials
    items = {p.level for p in arrangement.model.parameters if p.is_item}
    if study is None:
        return []
    found = []
    for name in study.columns.difference([*KEYS, *items], sort=False):
        is_label = name in splitting or not pd.api.types.is_numeric_dtype(study[name])
        cells = len(study[["participant", name]].drop_duplicates())
        if is_label and study[name].nunique() > 1 and 2 * cells <= len(study):
            found.append(str(name))
    return found
