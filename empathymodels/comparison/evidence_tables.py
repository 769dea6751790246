"""Tables of log evidences per participant and model, checked; all faults at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.inference.fits import checked_fits
from empathymodels.messages import counted, did_you_mean, listed, tell_all
from empathymodels.study.participants import matched_participants

type Given = pd.DataFrame | Mapping[str, Any]
MOST_COMBINATIONS = 1_000  # of models over conditions
OPENING = "Models cannot be selected from these evidences:"


@dataclass(frozen=True, eq=False)
class Evidences:
    """What is compared.

    Parameters
    ----------
    kind : str
        What the log evidences are.
    tables : dict of str to DataFrame
        Log evidences (participant, model) by condition, of the same people and models in the
        same order. A single table has the condition "".
    groups : Series or None
        Group of every participant.
    """

    kind: str
    tables: dict[str, pd.DataFrame]
    groups: pd.Series | None

    @property
    def total(self) -> pd.DataFrame:
        """Log evidences (participant, model) where a person's model is the same throughout."""
        first, *others = self.tables.values()
        return sum(others, start=first)


def checked_evidences(
    given: Given,
    *,
    evidence: str | None,
    families: Mapping[str, Sequence[str]] | None,
    groups: Mapping[Any, Any] | pd.Series | None,
) -> Evidences:
    """Return evidences that can be compared; a ValueError lists all that is wrong.

    Of fits, whatever their names and people tell is checked before any evidence is computed.
    """
    by_condition = _by_condition(given)
    outlines = {str(name): _outline(one, evidence) for name, one in by_condition.items()}
    first = next(iter(outlines.values()))
    problems = [text for name, table in outlines.items() for text in _faults(name, table)]
    problems += [*_not_computed(given, evidence), *_differences(outlines)]
    ready = {n: outlines[n] for n, one in by_condition.items() if isinstance(one, pd.DataFrame)}
    problems += _kind_faults(ready)
    if families is not None:
        problems += _family_faults(families, first.columns)
    by_person = None if groups is None else _by_label(pd.Series(groups), first.index)
    if by_person is not None:
        problems += _group_faults(by_person, first.index)
    tell_all(OPENING, problems)
    tables = {str(name): _table(one, evidence) for name, one in by_condition.items()}
    problems = [text for name, table in tables.items() for text in _faults(name, table)]
    tell_all(OPENING, [*problems, *_kind_faults(tables)])
    people = next(iter(tables.values())).index
    tables = {
        name: _by_label(table, people).loc[people, first.columns].astype(float)
        for name, table in tables.items()
    }
    in_order = None if by_person is None else _by_label(by_person, people).loc[people]
    return Evidences(str(next(iter(_kinds(tables)))), tables, in_order)


def _by_label[T: (pd.Series, pd.DataFrame)](rows: T, people: pd.Index) -> T:
    """Name rows as `people` are named, where their ids are the same but for how they are given."""
    found = matched_participants(rows.index, people)
    pairs = zip(rows.index, found, strict=True)
    named = rows.copy()
    named.index = pd.Index([given if match is None else match for given, match in pairs])
    named.index.name = people.name
    return named


def _by_condition(given: Given) -> Mapping[str, Any]:
    """Return what was given for each condition; for a single one under the name ""."""
    if isinstance(given, pd.DataFrame):
        return {"": given}
    values = list(given.values()) if isinstance(given, Mapping) else []
    if any(isinstance(value, xr.DataTree) for value in values):
        return {"": checked_fits(given)}
    if values and all(isinstance(value, pd.DataFrame | Mapping) for value in values):
        return given
    found = [type(value).__name__ for value in values] or [type(given).__name__]
    raise TypeError(
        "Evidences are a table (participant, model), fits by name, or either of them by "
        f"condition; found {counted(len(found), 'value')} of type {listed(dict.fromkeys(found))}. "
        "Give {'learning': fit, 'static': other_fit}, or a DataFrame."
    )


def _table(given: Given, evidence: str | None) -> pd.DataFrame:
    """Return the log evidences themselves: computed from fits, or those behind a comparison."""
    if isinstance(given, pd.DataFrame):
        return given.attrs.get("evidences", given)
    computing = import_module(
        "empathymodels.comparison.evidence"
    )  # compiles models: only where needed
    settings = {} if evidence is None else {"evidence": evidence}
    return computing.participant_evidences(given, **settings)


def _outline(given: Given, evidence: str | None) -> pd.DataFrame:
    """Return evidences that are there, or of fits those people and models that they will be of."""
    if isinstance(given, pd.DataFrame):
        return _table(given, evidence)
    fitting = import_module("empathymodels.inference.fits")
    observed = [fit["observed_data"].to_dataset() for fit in given.values()]
    shared = set.intersection(*({str(name) for name in one} for one in observed))
    people = pd.Index(_observed_people(observed[0], shared), name="participant")
    return pd.DataFrame(0.0, people, [fitting.marked(n, fit) for n, fit in given.items()])


def _observed_people(observed: xr.Dataset, responses: set[str]) -> list[str]:
    """Participants of whom any of some responses was observed."""
    found: dict[str, None] = {}
    for name in sorted(responses):
        values = observed[name]
        keys = ("participant", "region_participant", "participant_row")
        key = next(key for key in keys if key in values.coords)
        found |= dict.fromkeys(values[key].to_numpy()[values.notnull().to_numpy()].tolist())
    return list(found)


def _not_computed(given: Given, evidence: str | None) -> Iterator[str]:
    """Yield that a kind of evidence was asked for where none is computed."""
    ready = [one for one in _by_condition(given).values() if isinstance(one, pd.DataFrame)]
    if evidence is not None and ready:
        yield (
            "evidence= says what to compute from fits; found evidence='"
            f"{evidence}' with {counted(len(ready), 'table')} of evidences that are computed "
            "already. Leave it out, or give the fits."
        )


def _faults(condition: str, table: pd.DataFrame) -> Iterator[str]:
    """Yield what is wrong with one table."""
    where = f" in condition '{condition}'" if condition else ""
    if len(table.columns) < 2:
        yield (
            f"Selection needs at least two models; found {listed(table.columns)}{where}. Add the "
            "evidences of a rival."
        )
    if table.empty:
        yield f"Models need evidences of people; found 0 values{where}. Give a row per person."
    for noun, labels in (("participant", table.index), ("model", table.columns)):
        repeated = labels[labels.duplicated()].unique()
        if len(repeated):
            yield (
                f"Every {noun} stands once; found {listed(repeated, 5)} more than once{where} "
                f"({counted(len(repeated), noun)}). Keep one of each."
            )
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]
    if not all(numeric):
        others = [
            name for name, is_number in zip(table.columns, numeric, strict=True) if not is_number
        ]
        yield (
            f"Log evidences are numbers; found {counted(len(others), 'column')} of other values"
            f"{where}: {listed(others, 5)}. Make ids the index: table.set_index('participant')."
        )
        return
    values = table.to_numpy(float, na_value=np.nan)
    people, models = np.nonzero(~np.isfinite(values))
    if len(people):
        cells = [
            f"{values[i, k]} of '{table.index[i]}' under '{table.columns[k]}'"
            for i, k in zip(people[:3], models[:3], strict=True)
        ]
        more = f" and {len(people) - 3} more" if len(people) > 3 else ""
        yield (
            f"Log evidences are finite; found {', '.join(cells)}{more}{where} "
            f"({counted(len(people), 'value')} of {values.size:,}). Compute them anew, or leave "
            "these people out: table.drop(index=[...])."
        )


def _kinds(tables: Mapping[str, pd.DataFrame]) -> dict[str | None, list[str]]:
    """Return the conditions of each kind of evidence."""
    found: dict[str | None, list[str]] = {}
    for name, table in tables.items():
        kind = table.attrs.get("evidence")
        found.setdefault(None if kind is None else str(kind), []).append(name)
    return found


def _kind_faults(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield that evidences are of no stated kind, or of several."""
    kinds = _kinds(tables)
    if None in kinds:
        where = f" for {listed(kinds[None])}" if len(tables) > 1 else ""
        yield (
            f"A table says what its log evidences are; found no attrs['evidence']{where} "
            f"({counted(len(kinds[None]), 'table')}). Name them, for example "
            'table.attrs["evidence"] = "-BIC/2".'
        )
    elif len(kinds) > 1:
        found = "; ".join(f"'{kind}' for {listed(names)}" for kind, names in kinds.items())
        yield (
            f"Only evidences of one kind are compared; found {counted(len(kinds), 'kind')}: "
            f"{found}. Compute the same for all."
        )


def _differences(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield what keeps the tables of several conditions from being joined."""
    first, *others = tables
    for name in others:
        for noun in ("index", "columns"):
            one, other = getattr(tables[first], noun), getattr(tables[name], noun)
            if noun == "index":
                other = _by_label(tables[name], one).index
            apart = one.symmetric_difference(other, sort=False)
            if len(apart):
                what = "participants" if noun == "index" else "models"
                yield (
                    f"Conditions are compared within the same {what}; found {listed(apart, 5)} "
                    f"only in one of '{first}' and '{name}' ({len(apart):,}). Give both of all."
                )
    models = tables[first].shape[1]
    if others and models ** len(tables) > MOST_COMBINATIONS:
        yield (
            f"Models over all conditions have at most {MOST_COMBINATIONS:,} combinations; found "
            f"{models} models in {len(tables)} conditions ({models ** len(tables):,}). Compare "
            "fewer models, or two conditions at a time."
        )


def _family_faults(families: Mapping[str, Sequence[str]], models: pd.Index) -> Iterator[str]:
    if not isinstance(families, Mapping) or any(
        isinstance(members, str) or not isinstance(members, Iterable)
        for members in families.values()
    ):
        yield (
            "Families are lists of models by name; found "
            f"{type(families).__name__} {families!r}. Give {{'learning': ['one', 'two'], ...}}."
        )
        return
    members = [name for one in families.values() for name in one]
    empty = [name for name, one in families.items() if not list(one)]
    if len(families) < 2 or empty:
        yield (
            f"Selection needs at least two families of one model or more; found {listed(families)}"
            + (f", of which {listed(empty)} ({len(empty)}) have none" if empty else "")
            + ". Put every model into one of several."
        )
    unknown = list(dict.fromkeys(name for name in members if name not in models))
    if unknown:
        yield (
            f"Families consist of the models that are compared ({listed(models)}); found "
            f"{listed(unknown)} ({counted(len(unknown), 'name')}). Correct the names."
            f"{did_you_mean(unknown[0], models)}"
        )
    often = Counter(members)
    misplaced = [f"{name} ({often[name]} times)" for name in models if often[name] != 1]
    if misplaced:
        yield (
            f"Every model is in one family; found {listed(misplaced)} "
            f"({counted(len(misplaced), 'model')}). Put each into exactly one."
        )


def _group_faults(groups: pd.Series, participants: pd.Index) -> Iterator[str]:
    repeated = groups.index[groups.index.duplicated()].unique()
    if len(repeated):
        yield (
            f"Everybody is in one group; found {listed(repeated, 5)} more than once "
            f"({counted(len(repeated), 'participant')}). Keep one row of each."
        )
    known = groups.dropna()
    without = participants[~participants.isin(known.index)]
    if len(without):
        yield (
            f"Everybody has a group; found none for {listed(without, 5)} "
            f"({counted(len(without), 'participant')} of {len(participants):,}). Give a "
            "mapping from participant, such as people.set_index('participant')['group']."
        )
    found = known[known.index.isin(participants)].unique()
    if len(found) < 2:
        yield (
            f"Groups are compared where there are two or more; found {listed(found)} "
            f"({counted(len(found), 'group')}). Leave groups= out, or give the others' evidences."
        )
