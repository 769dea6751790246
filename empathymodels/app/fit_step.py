"""The last step: how far the fits are, stop and go on, and what came out."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from empathymodels.app import script as scripts
from empathymodels.app.desk import STATE_WORDS, Desk, to
from empathymodels.app.guard import REPORT_POLICY
from empathymodels.app.pictures import pictures
from empathymodels.app.progress import names_of, progress, results, rows, text_of, verdict
from empathymodels.app.session import Session


def show(desk: Desk, request: Request, form: FormData) -> Response:
    """Show how far it is, and in the end what came out."""
    session = desk.session(request)
    state = desk.workers["analysis"].state(session)
    if state == "new":
        return to(session, "plan")
    choices, script = session.choices, session.script("analysis")
    checks = {name: session.folder / f"{name}-checks.csv" for name in names_of(session.fitted)}
    return desk.page(
        "fit",
        session=session,
        choices=choices,
        now=_progress(desk, session),
        state_words=STATE_WORDS[state],
        verdicts={name: verdict(rows(path)) for name, path in checks.items() if path.exists()},
        comparison=rows(session.folder / "comparison.csv"),
        reading=text_of(session.folder / "comparison.txt"),
        pictures=pictures(session) if state == "done" else {},
        files=results(session) if state != "waiting" else {},
        log=session.log("analysis") if state in ("failed", "stopped") else [],
        script=script,
        is_earlier=not scripts.is_same(script, scripts.analysis_script(choices)),
    )


def follow(desk: Desk, request: Request, form: FormData) -> Response:
    """Say in JSON how far it is."""
    session = desk.session(request)
    now = _progress(desk, session)
    return JSONResponse(now | {"design": desk.workers["design"].state(session)})


def _progress(desk: Desk, session: Session) -> dict[str, Any]:
    worker = desk.workers["analysis"]
    state = worker.state(session)
    ahead = worker.ahead(session) if state == "waiting" else 0
    return progress(session, state, ahead)


def stop(desk: Desk, request: Request, form: FormData) -> Response:
    """Stop fitting; draws until now stay."""
    session = desk.session(request)
    desk.workers["analysis"].stop(session)
    return to(session, "fit")


def resume(desk: Desk, request: Request, form: FormData) -> Response:
    """Go on with what was stopped or failed, from the draws that are there.

    Whatever was chosen since: another plan begins by "Fit" alone.
    """
    session = desk.session(request)
    worker = desk.workers["analysis"]
    if worker.state(session) in ("stopped", "failed"):
        worker.add(session, session.script("analysis"))
    return to(session, "fit")


def give(desk: Desk, request: Request, form: FormData) -> Response:
    """Give a file of the results; its name is looked up and never a path."""
    session = desk.session(request)
    drawn = [one.file for shown in pictures(session).values() for one in shown]
    known = [*results(session), *drawn]
    name = next((one for one in known if one == request.path_params["name"]), None)
    if name is None:
        raise HTTPException(404, "There is no such file.")
    path, is_shown = session.folder / name, "save" not in request.query_params
    if is_shown and name in drawn:
        return FileResponse(path, media_type="image/png")
    if is_shown and name == "report.html":
        return FileResponse(path, headers={"Content-Security-Policy": REPORT_POLICY})
    return FileResponse(path, filename=name, media_type="application/octet-stream")
