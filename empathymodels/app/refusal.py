"""Refusals of whoever is not let in: a page that needs nothing else, as the others look."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path

from starlette.responses import HTMLResponse, Response

FOLDER = Path(__file__).parent
LOOK = "\n".join(
    file.read_text(encoding="utf-8")
    for file in (FOLDER.parent / "reporting" / "report.css", FOLDER / "pages" / "page.css")
)
REFUSED = {  # by status: the title of a refusal, and what to do
    400: ("This could not be read", "Go back, and send it again."),
    404: (
        "Nothing is here",
        "It may have been removed, or the address is mistyped. Look for it on the first page.",
    ),
    405: ("This cannot be asked for so", "Go back, and use the links and buttons of the page."),
    409: ("Not while it is being fitted", "Go to its fit, and stop it first."),
    500: (
        "The page itself failed",
        "Your data and draws are still there. What happened is written in the window of the "
        "server: send that to whoever looks after empathymodels.",
    ),
}
# a page of its own: the look is in it, and nothing but this look
STYLE = b64encode(sha256(LOOK.encode()).digest()).decode("ascii")
POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def refusal(status: int, title: str, words: str) -> Response:
    """Return a page that says why somebody is not let in, and what to do."""
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} - empathymodels</title><link rel="icon" href="data:,">'
        f'<style>{LOOK}</style></head><body><header><p class="kind">empathymodels</p>'
        f'<h1>{escape(title)}</h1></header><main><p class="lead" role="alert">{escape(words)}</p>'
        "</main></body></html>\n"
    )
    return HTMLResponse(text, status_code=status, headers={"Content-Security-Policy": POLICY})
