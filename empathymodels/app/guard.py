"""Who is answered: this machine, this page, with the token, and nobody else."""

from __future__ import annotations

import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from empathymodels.app.refusal import refusal

MOST = 50_000_000  # bytes of all uploads of a request
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# a report is a page of its own: it has no access to this one, loads nothing and sends nothing
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-top-navigation-by-user-activation; "
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# asks anew from this page itself: browsers send strict cookies on no way that began elsewhere
ENTERED = (
    '<!doctype html><meta http-equiv="refresh" content="0;url=/"><link rel="icon" href="data:,">'
    "<title>empathymodels</title>"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Answers requests that may be answered by an application, and refuses the others.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    port : int
        Port of this machine's loopback address on which it answers.
    token : str
        Secret of the address that the user opens; it is exchanged for a cookie.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str):
        self._app, self._token = app, token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie, self._secret = f"empathymodels-{port}", secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"Only HTTP is answered; found {scope['type']}.")
        request = Request(scope)
        answer = self._refusal(request) or self._entry(request) or self._stranger(request)

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await (answer or self._app)(scope, receive, send_safely)

    def _refusal(self, request: Request) -> Response | None:
        """Refuse what comes by another name, from another page, or is too large."""
        headers = request.headers
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            return refusal(
                421,
                "This is not the address of the page",
                "It answers on the loopback address of this machine only. Open the address that "
                "`empathymodels app` has written in its window.",
            )
        is_read = request.method in ("GET", "HEAD")
        if origin != f"http://{host}" and not (is_read and origin is None):
            return refusal(
                403,
                "Another page asked for this",
                "Only this page itself may send something here. Nothing was done.",
            )
        return None if is_read else self._too_long(headers.get("content-length", ""))

    def _too_long(self, length: str) -> Response | None:
        """Refuse what is too large, or does not say how large it is."""
        if not length.isdecimal():
            return refusal(
                411, "How long is it?", "What is sent must say its length, as browsers do."
            )
        if int(length) > MOST:
            return refusal(
                413,
                "This is too large",
                f"Files that are sent together must have at most {MOST // 1_000_000} MB; found "
                f"{int(length) / 1e6:.0f} MB. Nothing of it was kept. Go back and leave out "
                "files or columns that no model reads, give a data set by its folder on this "
                "machine, or use empathymodels from Python, where nothing is limited.",
            )
        return None

    def _entry(self, request: Request) -> Response | None:
        """Exchange the token for a cookie."""
        if not _same(request.query_params.get("token", ""), self._token):
            return None
        answer = HTMLResponse(ENTERED)
        answer.set_cookie(self._cookie, self._secret, httponly=True, samesite="strict")
        return answer

    def _stranger(self, request: Request) -> Response | None:
        """Refuse whoever does not have the cookie, and pages of others that make use of it."""
        site = request.headers.get("sec-fetch-site", "none")
        has_cookie = _same(request.cookies.get(self._cookie, ""), self._secret)
        if has_cookie and site in ("same-origin", "none"):
            return None
        return refusal(
            403,
            "This page needs its token",
            "Open the address that `empathymodels app` has written in its window: the token is in "
            "it, and changes with every start. If that window is gone, start it again; analyses "
            "are kept.",
        )


def _same(given: str, secret: str) -> bool:
    return secrets.compare_digest(given.encode(), secret.encode())
