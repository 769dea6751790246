"""The first step: data and a model, or an analysis that there is already."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from empathymodels.app import columns_step
from empathymodels.app.desk import FAULTS, STATE_WORDS, Desk, check_own_model, to, words_of
from empathymodels.app.forms import text_in
from empathymodels.app.session import Session
from empathymodels.app.uploads import ENCODINGS, keep_uploads, remove_unread
from empathymodels.declaration.recorded import RECORDED, needed_columns
from empathymodels.study.bundled import list_studies

NO_PLAN: dict[str, Any] = {"rivals": [], "covariates": {}, "draws": None, "seed": 1}


def show(desk: Desk, request: Request, form: FormData, fault: str = "") -> Response:
    """List analyses, and ask for data and a model."""
    known = [
        {
            "session": session,
            "choices": session.choices,
            "state": STATE_WORDS[desk.workers["analysis"].state(session)],
        }
        for session in desk.sessions
    ]
    return desk.page(
        "start",
        status=422 if fault else 200,
        known=known,
        fault=fault,
        form=form or request.query_params,
        studies=list_studies(),
        models=desk.models,
        own_models=desk.own_models,
        encodings=ENCODINGS,
    )


def choose_model(desk: Desk, request: Request, form: FormData) -> Response:
    """List the models by what somebody has recorded."""
    rows = {
        RECORDED[kind]: [
            {"name": model.name, "says": model.title, "recorded": said}
            | {"columns": needed_columns(model)}
            for model, said in models
        ]
        for kind, models in desk.by_recording.items()
    }
    return desk.page("models", kinds=rows)


def create(desk: Desk, request: Request, form: FormData) -> Response:
    """Make a session of files, or of a bundled study, and a model."""
    session = desk.sessions.new()
    try:
        chosen = _chosen(desk, session, form)
        session.choose(**NO_PLAN, **chosen)
    except BaseException as error:  # data that no page lists are not kept, whatever went wrong
        session.remove()
        if not isinstance(error, FAULTS):
            raise
        return show(desk, request, form, words_of(error, session))
    return to(session, "plan" if chosen["study"] else "columns")


def _chosen(desk: Desk, session: Session, form: FormData) -> dict[str, Any]:
    model, study = text_in(form, "model"), text_in(form, "study")
    name, question = text_in(form, "name"), text_in(form, "question")
    if model not in desk.models or (study and study not in list_studies()):
        raise ValueError("Choose a model, and a study of the list or files of your own.")
    given: dict[str, Any] = {"encoding": "utf-8", "files": {}}
    if not study:
        given |= keep_uploads(form, session.folder)
        if not given["files"]:
            raise ValueError(
                "A study is needed: at least one table, a BIDS data set, or a bundled study; "
                "found none. Choose one."
            )
    if own := desk.own_models.get(model):
        shutil.copyfile(own, session.folder / own.name)
        check_own_model(session.folder / own.name)  # it may have changed since the start
        given["model_file"] = {"file": own.name, "own": str(own)}
    about = {"name": name or study or _name_of(given), "question": question, "model": model}
    return about | {"study": study, "columns": {}} | given


def _name_of(given: dict[str, Any]) -> str:
    """Return what a study is called unless somebody says it: as its first file."""
    own = given["bids"]["own"] if "bids" in given else next(iter(given["files"].values()))["own"]
    return Path(own.replace("\\", "/")).stem.partition(",")[0] or "study"


def exchange(desk: Desk, request: Request, form: FormData) -> Response:
    """Take other tables in place of some, more of them, or fewer."""
    session = desk.session(request)
    desk.refuse_while_running(session)
    choices = session.choices
    if choices["study"] or "bids" in choices:
        raise HTTPException(409, "Only tables that were given as files can be exchanged.")
    desk.workers["design"].stop(session)
    gone = [name for name in form.getlist("gone") if isinstance(name, str)]
    before = {table: about for table, about in choices["files"].items() if table not in gone}
    try:
        given = keep_uploads(form, session.folder, before)
        if not given["files"]:
            raise ValueError("A study is needed: at least one table; found none. Keep one.")
    except BaseException as error:
        remove_unread(session)
        if not isinstance(error, FAULTS):
            raise
        return columns_step.show(desk, request, FormData(), words_of(error, session))
    if not any("names" in about for about in given["files"].values()):
        given["file_names"] = ""
    session.choose(**given, columns=_still_matched(choices, given["files"]))
    remove_unread(session)
    return to(session, "columns")


def _still_matched(
    before: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """Return what was matched of tables that have these columns still."""
    return {
        table: names
        for table, names in before["columns"].items()
        if table in files and {*names.values()} <= {"", *files[table]["columns"]}
    }


def go_on(desk: Desk, request: Request, form: FormData) -> Response:
    """Go to where a session is."""
    session = desk.session(request)
    if desk.workers["analysis"].state(session) != "new":
        return to(session, "fit")
    choices = session.choices
    return to(session, "plan" if choices["study"] or choices["columns"] else "columns")


def remove(desk: Desk, request: Request, form: FormData) -> Response:
    """Remove a session with all its files."""
    session = desk.session(request)
    desk.refuse_while_running(session)
    desk.workers["design"].stop(session)
    session.remove()
    return RedirectResponse("/", status_code=303)
