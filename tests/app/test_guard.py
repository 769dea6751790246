"""Who is answered, with how much, and what an answer may do."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from empathymodels.app import guard
from empathymodels.app.guard import MOST, POLICY

TOKEN, HOST = "a-token-for-tests", "http://127.0.0.1:8000"


def assert_refused(answer, status, title, says):
    """A refusal is a page that looks like the others, asks for nothing and runs nothing."""
    assert answer.status_code == status
    assert f"<h1>{title}</h1>" in answer.text and says in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    look = answer.text.split("<style>")[1].split("</style>")[0]
    digest = b64encode(sha256(look.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert "script" not in answer.text and "unsafe" not in policy
    for asked in re.findall(r'(?:href|src)="([^"]*)"', answer.text):
        assert asked == "data:,"


def test_the_token_is_exchanged_for_a_strict_cookie(stranger):
    answer = stranger.get("/", params={"token": TOKEN}, follow_redirects=False)
    assert answer.status_code == 200 and 'content="0;url=/"' in answer.text
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize("given", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", "\u00fc"])
def test_without_the_token_nothing_is_told(stranger, given):
    answer = stranger.get("/", params={"token": given})
    assert_refused(answer, 403, "This page needs its token", "empathymodels app")
    assert stranger.get("/look.css").status_code == 403
    assert stranger.post("/", data={"model": "prosocial_effort"}).status_code == 403


def test_a_wrong_cookie_is_refused(stranger):
    stranger.cookies.set("empathymodels-8000", "wrong")
    assert stranger.get("/").status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:8001", "127.0.0.1", "evil:8000", ""])
def test_another_host_is_refused_even_with_the_token(client, host):
    """Whoever makes another name lead to this machine (DNS rebinding) gets nothing."""
    answer = client.get("/", params={"token": TOKEN}, headers={"Host": host})
    assert_refused(answer, 421, "This is not the address of the page", "loopback address")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8001", ""])
def test_another_origin_is_refused(client, bundled, origin):
    for ask in (client.get, client.post):
        answer = ask(f"{bundled}/plan", headers={"Origin": origin})
        assert_refused(answer, 403, "Another page asked for this", "Nothing was done")


def test_a_form_needs_an_origin_and_a_link_does_not(client, bundled):
    del client.headers["Origin"]
    assert client.get(f"{bundled}/plan").status_code == 200
    assert client.post(f"{bundled}/stop").status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_links_of_other_pages_lead_nowhere(client, site):
    assert client.get("/", headers={"Sec-Fetch-Site": site}).status_code == 403


def test_uploads_are_bounded(client, begin, monkeypatch, sessions):
    answer = client.post("/", headers={"Content-Length": str(MOST + 1)}, content=b"x")
    assert_refused(answer, 413, "This is too large", "at most 50 MB")
    monkeypatch.setattr(guard, "MOST", 1000)
    assert begin(b"participant,trial\n" * 100).status_code == 413
    assert list(sessions.folder.glob("*/*")) == []


@pytest.mark.parametrize("length", [None, "-1", "many"])
def test_a_length_must_be_said(client, length):
    headers = {} if length is None else {"Content-Length": length}
    answer = client.post("/", content=iter([b"x"]), headers=headers)
    assert_refused(answer, 411, "How long is it?", "must say its length")


def test_a_page_loads_only_what_is_its_own(client, bundled):
    for path in ("/", "/look.css", "/page.js", f"{bundled}/plan", "/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY and "http" not in POLICY


def test_pages_name_no_address_but_their_own(client, bundled):
    for path in ("/", f"{bundled}/plan"):
        text = client.get(path).text
        assert "//" not in text
        assert "<script>" not in text and " onclick" not in text and " style=" not in text


def test_other_languages_than_http_are_not_spoken(client):
    with pytest.raises(RuntimeError, match="Only HTTP"), client.websocket_connect("/"):
        pass
