"""The second step: which column is which, and what the study's own check says of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from empathymodels.app.data_set import task_of
from empathymodels.app.desk import FAULTS, Desk, to, words_of
from empathymodels.app.forms import column_in, text_in
from empathymodels.app.matching import (
    Wanted,
    alike,
    arranged_once,
    asked,
    marks,
    meanings,
    model_of,
    whole_study,
)
from empathymodels.declaration.model import Model


def show(desk: Desk, request: Request, form: FormData, fault: str = "") -> Response:
    """Ask which column is which."""
    session = desk.session(request)
    choices = session.choices
    if choices["study"]:
        return to(session, "plan")
    model = model_of(choices, session.folder)
    tables = {
        table: [(want, _preset(choices, table, want, form)) for want in wants]
        for table, wants in asked(choices, model).items()
    }
    return desk.page(
        "columns",
        status=422 if fault else 200,
        fault=fault,
        session=session,
        choices=choices,
        model=model,
        tables=tables,
        data_set=choices.get("bids"),
        has_several=any("names" in file for file in choices["files"].values()),
        file_names=form.get("file_names", choices.get("file_names", "")),
        keep=form.get("keep", choices.get("bids", {}).get("keep", "")),
    )


def _preset(choices: Mapping[str, Any], table: str, want: Wanted, form: FormData) -> dict[str, str]:
    """Return what the fields of a column hold: as sent, as chosen before, or by its name."""
    place = f"{table}.{want.name}"
    before = choices["columns"].get(table)
    own = choices["files"][table]["columns"]
    column = alike(want.name, own) if before is None else before.get(want.name, "")
    codes = choices.get("codes", {}).get(want.name, {})
    preset = {
        "column": column,
        "missing": ", ".join(choices.get("missing", {}).get(want.name, [])),
        "codes": ", ".join(f"{code}={meaning}" for code, meaning in codes.items()),
    }
    if f"{place}.column" in form:
        preset["column"] = ""
        with suppress(ValueError):
            preset["column"] = column_in(form, f"{place}.column", list(own))
    typed = {key: str(form.get(f"{place}.{key}", preset[key])) for key in ("missing", "codes")}
    return preset | typed


def match(desk: Desk, request: Request, form: FormData) -> Response:
    """Take the matched columns, and say at once what the study's own check says of them."""
    session = desk.session(request)
    desk.refuse_while_running(session)
    choices = session.choices
    try:
        if "task" in form and text_in(form, "task") != choices["bids"]["task"]:
            root = session.folder / choices["bids"]["file"]
            session.choose(columns={}, **task_of(root, choices["bids"], text_in(form, "task")))
            return to(session, "columns")
        changed = _matched(choices, model_of(choices, session.folder), form)
        changed["left_out"] = []
        arranged_once(choices | changed, session.folder)
        known = set(whole_study(choices | changed, session.folder).participants["participant"])
    except FAULTS as error:
        return show(desk, request, form, words_of(error, session))
    session.choose(**changed)
    left_out = [one for one in choices.get("left_out", []) if one in known]
    try:
        arranged_once(choices | changed | {"left_out": left_out}, session.folder)
    except FAULTS as error:  # it goes with everybody
        reason = words_of(error, session)
        return show(desk, request, form, f"Nobody is left out now. {reason}")
    session.choose(left_out=left_out)
    return to(session, "plan")


def _matched(choices: Mapping[str, Any], model: Model, form: FormData) -> dict[str, Any]:
    """Return what a form says of columns."""
    columns: dict[str, dict[str, str]] = {}
    missing: dict[str, list[str]] = {}
    codes: dict[str, dict[str, str | float]] = {}
    for table, wants in asked(choices, model).items():
        own = list(choices["files"][table]["columns"])
        columns[table] = {}
        for want in wants:
            place = f"{table}.{want.name}"
            columns[table][want.name] = chosen = column_in(form, f"{place}.column", own)
            if chosen and (given := marks(text_in(form, f"{place}.missing"))):
                missing[want.name] = given
            if chosen and (text := text_in(form, f"{place}.codes")):
                codes[want.name] = meanings(want.name, text)
    changed: dict[str, Any] = {"columns": columns, "missing": missing, "codes": codes}
    changed["file_names"] = text_in(form, "file_names")
    if "bids" in choices:
        changed["bids"] = choices["bids"] | {"keep": text_in(form, "keep")}
    return changed
