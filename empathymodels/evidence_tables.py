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

from empathymodels.wording import counted, did_you_mean, listed, tell_all

type Given = pd.DataFrame | Mapping[str, Any]
MOST_COMBINATIONS = 1_000  # of models over conditions


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
    """Return evidences that can be compared; a ValueError lists all that is wrong."""
    tables = {name: _table(one, evidence) for name, one in _by_condition(given).items()}
    problems = [text for name, table in tables.items() for text in _faults(name, table)]
    problems += _not_computed(given, evidence)
    problems += _differences(tables)
    first = next(iter(tables.values()))
    if families is not None:
        problems += _family_faults(families, first.columns)
    by_person = None if groups is None else pd.Series(groups)
    if by_person is not None:
        problems += _group_faults(by_person, first.index)
    tell_all("Models cannot be selected from these evidences:", problems)
    tables = {
        str(name): table.loc[first.index, first.columns].astype(float)
        for name, table in tables.items()
    }
    in_order = None if by_person is None else by_person.loc[first.index]
    return Evidences(str(next(iter(_kinds(tables)))), tables, in_order)


def _by_condition(given: Given) -> Mapping[str, Any]:
    """Return what was given for each condition; for a single one under the name ""."""
    if isinstance(given, pd.DataFrame):
        return {"": given}
    values = list(given.values()) if isinstance(given, Mapping) else []
    if values and all(isinstance(value, xr.DataTree) for value in values):
        return {"": given}
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
    computing = import_module("empathymodels.evidence")  # compiles models: only where needed
    settings = {} if evidence is None else {"evidence": evidence}
    return computing.participant_evidences(given, **settings)


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


def _differences(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield what keeps the tables of several conditions from being joined."""
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
    first, *others = tables
    for name in others:
        for noun in ("index", "columns"):
            one, other = getattr(tables[first], noun), getattr(tables[name], noun)
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
