"""The common battery: what every model file must pass, ours and a user's own."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.checks.battery import (
    Bench,
    Found,
    gradient,
    invariance,
    missing_responses,
    normalisation,
    prior,
    reduction,
    results,
    simulator,
)
from empathymodels.checks.bench import make_bench
from empathymodels.declaration.catalog import get_model
from empathymodels.declaration.dependencies import check_declaration
from empathymodels.declaration.equations import read_equations
from empathymodels.declaration.missing_values import needed_by_states
from empathymodels.declaration.model import Model
from empathymodels.declaration.priors import unusual_median
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.messages import counted, listed
from empathymodels.terminal import progress_kind, regular_lines


@checked_arguments
def verify(model: str | Path | Model) -> pd.DataFrame:
    """Return which checks of the common battery a model passes, and what to do where it fails.

    Parameters
    ----------
    model : str or Path or Model
        Name of a built-in model, path of a file of one's own, or a model.

    Returns
    -------
    DataFrame
        Columns ``check``, ``passed`` and ``detail`` (what was compared, or what is wrong and
        what to do). The study is made up from the declared columns. A file whose declaration
        cannot be read gets this one row only.

    Raises
    ------
    FileNotFoundError, KeyError
        There is no such file, or no such built-in model.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.verify("my_model.py").query("not passed")  # doctest: +SKIP
    """
    try:
        found = model if isinstance(model, Model) else get_model(model)
        check_declaration(found)
    except (FileNotFoundError, KeyError):
        raise
    except Exception as error:  # a user's file may raise anything
        return _table([("declaration", (False, str(error)))])
    rows = [("declaration", (True, "the equations use what is declared, and nothing else"))]
    rows += [(name, _tried(check, found)) for name, check in _OF_TEXT.items()]
    under_way = ["simulated study"]
    is_on = progress_kind(None) == "lines"
    says = regular_lines(lambda: f"Verifying {found.label}: {under_way[-1]}", is_on=is_on)
    with says, warnings.catch_warnings():  # nobody needs warnings about a study that is made up
        warnings.simplefilter("ignore", UserWarning)
        try:
            bench = make_bench(found)
        except Exception as error:
            return _table([*rows, ("simulator", (False, _failure(error)))])
        for number, (name, check) in enumerate(_OF_NUMBERS.items(), start=1):
            under_way.append(f"{name}, check {number} of {len(_OF_NUMBERS)} with numbers")
            rows.append((name, _tried(check, bench)))
    return _table(rows)


def _table(rows: list[tuple[str, Found]]) -> pd.DataFrame:
    return pd.DataFrame([{"check": n, "passed": p, "detail": text} for n, (p, text) in rows])


def _tried(check: Callable[[Any], Found], subject: Any) -> Found:
    try:
        passed, detail = check(subject)
    except Exception as error:
        return False, _failure(error)
    return bool(passed), detail


def _failure(error: Exception) -> str:
    return f"The check stopped with {type(error).__name__}: {error}"


# ------------------------------------------------------------------ what the file declares


def _documentation(model: Model) -> Found:
    if not model.source:
        return False, "A model must come from a file: put it into a .py file."
    text = ast.get_docstring(ast.parse(Path(model.source).read_text(encoding="utf-8"))) or ""
    wrong = []
    if ".. math::" not in text:
        wrong.append("the module docstring has no equations: add a `.. math::` block")
    if not re.search(r"\b10\.\d{4,9}/\S+", text):
        wrong.append("the module docstring cites no paper with its DOI: add one (10....)")
    if not any(reference.doi for reference in model.references):
        wrong.append("`references` is empty: add Reference(citation, doi)")
    declared: list[Any] = [*model.parameters, *model.columns, *model.responses]
    silent = [entry.name for entry in declared if not entry.meaning.strip()]
    if silent:
        wrong.append(f"{listed(silent)} has no meaning: say in words what it stands for")
    return not wrong, "; ".join(wrong) or "equations, DOI, and a meaning of every name"


def _typical(model: Model) -> Found:
    wrong = []
    for parameter in model.parameters:
        (low, high), (least, most) = parameter.typical, SUPPORTS[parameter.support].ends
        if not least <= low < high <= most:
            wrong.append(
                f"the typical range of '{parameter.name}' must rise and lie in its support "
                f"'{parameter.support}'; found ({low}, {high}). Correct typical="
            )
    return not wrong, "; ".join(wrong) or counted(len(model.parameters), "range")


def _medians(model: Model) -> Found:
    """Priors of means that lie where the parameter ordinarily does."""
    wrong = [told for parameter in model.parameters if (told := unusual_median(parameter))]
    return not wrong, " ".join(wrong) or counted(len(model.parameters), "prior")


def _rivals(model: Model) -> Found:
    wrong = []
    for name in model.rivals_by_name:
        try:
            check_declaration(model.rival(name))
        except Exception as error:
            wrong.append(f"rival '{name}' cannot be built: {error}")
    return not wrong, "; ".join(wrong) or counted(len(model.rivals_by_name), "rival")


def _missing_values(model: Model) -> Found:
    texts = []
    for state, (always, in_branches) in needed_by_states(read_equations(model)).items():
        where = [f"where {listed(sorted(always))} is missing"] if always else []
        if in_branches:
            read = listed(sorted(in_branches))
            where.append(f"where {read} is missing and would change its update")
        texts.append(f"state '{state}' stays as it is on trials {', or '.join(where)}")
    return True, "; ".join(texts) or "no state is updated by data"


_OF_TEXT: dict[str, Callable[[Model], Found]] = {
    "documentation": _documentation,
    "typical ranges": _typical,
    "prior medians": _medians,
    "rivals": _rivals,
    "missing values": _missing_values,
}


_OF_NUMBERS: dict[str, Callable[[Bench], Found]] = {
    "normalisation": normalisation,
    "simulator": simulator,
    "gradient": gradient,
    "prior": prior,
    "invariance": invariance,
    "missing responses": missing_responses,
    "reduction": reduction,
    "results": results,
}
