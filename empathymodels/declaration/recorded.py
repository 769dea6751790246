"""What a model explains, by what somebody has recorded: the index that helps to choose one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Response
from empathymodels.declaration.record import all_needs

RECORDED = {  # kinds of what was recorded, in the order of the index
    "choices": "I have choices",
    "ratings": "I have ratings",
    "regions": "I have betas of brain regions",
    "scores": "I have scores, amounts or other measures",
    "participants": "I have scores of people, before or after",
}


def kinds_of(model: Model) -> Iterator[tuple[str, Response]]:
    """Say of every response what kind of recording it is, of `RECORDED`."""
    needs = all_needs(model)
    for response in model.responses:
        kind = needs[response.name].distribution
        if response.table != "trials":
            yield response.table, response
        elif kind in ("Choice", "SoftmaxChoice", "Bernoulli") or response.levels == (0, 1):
            yield "choices", response
        else:
            yield ("scores" if response.range is None else "ratings"), response


def by_recording(models: Iterable[Model]) -> dict[str, list[tuple[Model, list[str]]]]:
    """Return by kind of recording the models that explain it, with what each recording is."""
    found: dict[str, list[tuple[Model, list[str]]]] = {kind: [] for kind in RECORDED}
    for model in models:
        recorded = list(kinds_of(model))
        for kind in dict.fromkeys(kind for kind, _ in recorded):
            said = [response.meaning for own, response in recorded if own == kind]
            found[kind].append((model, said))
    return {kind: rows for kind, rows in found.items() if rows}


def needed_columns(model: Model) -> list[str]:
    """Name the columns without which a model cannot be fitted."""
    return [column.name for column in model.columns if column.default is None]
