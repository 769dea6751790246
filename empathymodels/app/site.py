"""All addresses of the page, and what answers each; what is refused looks like the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from empathymodels.app import columns_step, data_step, fit_step, plan_step
from empathymodels.app.desk import FOLDER, Desk
from empathymodels.app.refusal import LOOK, REFUSED
from empathymodels.app.uploads import MOST_FILES

MOST_FIELDS = 2000
Handler = Callable[[Desk, Request, FormData], Response]


def look(desk: Desk, request: Request, form: FormData) -> Response:
    """Give the look of a report, and of what is asked beside it."""
    return PlainTextResponse(LOOK, media_type="text/css")


def page_script(desk: Desk, request: Request, form: FormData) -> Response:
    """Give the script of the page."""
    return FileResponse(FOLDER / "pages" / "page.js", media_type="text/javascript")


ONE = "/session/{session}"
GETS: dict[str, Handler] = {
    "/": data_step.show,
    "/look.css": look,
    "/page.js": page_script,
    "/models": data_step.choose_model,
    ONE: data_step.go_on,
    f"{ONE}/columns": columns_step.show,
    f"{ONE}/plan": plan_step.show,
    f"{ONE}/fit": fit_step.show,
    f"{ONE}/progress": fit_step.follow,
    f"{ONE}/files/{{name}}": fit_step.give,
}
POSTS: dict[str, Handler] = {
    "/": data_step.create,
    f"{ONE}/columns": columns_step.match,
    f"{ONE}/tables": data_step.exchange,
    f"{ONE}/plan": plan_step.decide,
    f"{ONE}/stop": fit_step.stop,
    f"{ONE}/resume": fit_step.resume,
    f"{ONE}/remove": data_step.remove,
}


def application(desk: Desk) -> Starlette:
    """Return what answers requests, without a guard."""
    routes = [Route(path, _answering(desk, do)) for path, do in GETS.items()]
    routes += [Route(path, _answering(desk, do), methods=["POST"]) for path, do in POSTS.items()]

    async def refused(request: Request, fault: Exception) -> Response:
        return await run_in_threadpool(_refusal, desk, fault)

    return Starlette(routes=routes, exception_handlers={HTTPException: refused, Exception: refused})


def _answering(desk: Desk, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return what reads a form and then answers in a thread, so that nobody waits for it."""

    async def answer(request: Request) -> Response:
        if request.method != "POST":
            return await run_in_threadpool(handler, desk, request, FormData())
        async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS) as form:
            return await run_in_threadpool(handler, desk, request, form)

    return answer


def _refusal(desk: Desk, fault: Exception) -> Response:
    """Say what cannot be answered, and what to do."""
    status, detail = 500, ""
    if isinstance(fault, HTTPException):
        status = fault.status_code
        detail = "" if fault.detail == HTTPStatus(status).phrase else fault.detail
    title, advice = REFUSED.get(status, REFUSED[500])
    return desk.page("refused", status=status, title=title, said=f"{detail} {advice}".strip())
