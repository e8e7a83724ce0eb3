"""The guard in front of Streamlit, with an application that says yes to everything behind it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest

from ragstone.app.ui.guard import Guard, owner_of


async def inner(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"inside"})


class Answer:
    def __init__(self, sent: list[dict[str, Any]]) -> None:
        self.kind, self.status = sent[0]["type"], sent[0].get("status")
        self.headers = [(k.decode(), v.decode()) for k, v in sent[0].get("headers", [])]
        self.body = sent[1]["body"].decode() if len(sent) > 1 else ""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


def call(guard: Guard, path: str = "/", method: str = "GET", kind: str = "http", **headers: str) -> Answer:
    body = headers.pop("body", "").encode()
    given = {"host": "localhost:8501"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {"type": kind, "path": path, "method": method, "scheme": "http"}
    scope["headers"] = [(k.encode(), v.encode()) for k, v in given.items()]  # type: ignore[assignment]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as own:  # in this thread the browser of other tests may have left its loop
        own.submit(asyncio.run, guard(scope, receive, send)).result()
    return Answer(sent)


def guarded(password: str | None = None, any_host: bool = False) -> Guard:
    return Guard(inner, password, 8501, any_host)


def test_every_browser_gets_a_name_that_scripts_and_other_sites_cannot_read():
    cookie = call(guarded()).header("set-cookie")
    assert cookie.startswith("ragstone_owner=")
    assert "HttpOnly; SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert "Secure" in call(guarded(), x_forwarded_proto="https").header("set-cookie")
    again = call(guarded(), cookie=cookie.split(";")[0])
    assert not again.header("set-cookie")


FOREIGN = ['prefs={"dark": true}', "theme=dark mode", "café=crème", "alone", "=", 'quoted="a', "a[b]=c", "path=/x"]
"""Cookies of other programs on localhost: browsers do not tell ports apart, and send what they were given."""


@pytest.mark.parametrize("foreign", FOREIGN)
def test_cookies_of_other_programs_take_nothing_from_a_browser(foreign: str):
    owner = call(guarded()).header("set-cookie").split(";")[0]
    guard = guarded("sesame")
    entry = call(guard, "/enter", "POST", body="password=sesame").header("set-cookie").split(";")[0]
    for order in ([foreign, owner, entry], [owner, entry, foreign], [owner, foreign, entry]):
        assert not call(guarded(), cookie="; ".join(order)).header("set-cookie")
        assert call(guard, cookie="; ".join(order)).body == "inside"


def test_an_owner_is_a_hash_of_the_cookie_and_a_short_one_is_nobody():
    assert owner_of({"ragstone_owner": "x" * 43}) not in (None, "x" * 43)
    assert owner_of({"ragstone_owner": "x" * 43}) != owner_of({"ragstone_owner": "y" * 43})
    assert owner_of({"ragstone_owner": "short"}) is None
    assert owner_of({}) is None


def test_a_page_may_load_nothing_from_elsewhere_nor_be_framed():
    answer = call(guarded())
    policy = answer.header("content-security-policy")
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.body == "inside"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "localhost.evil.example", ""])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_without_a_password_only_names_of_this_machine_are_answered(host: str, kind: str):
    answer = call(guarded(), host=host, kind=kind)
    assert (answer.status, answer.kind) in ((403, "http.response.start"), (None, "websocket.close"))
    assert call(guarded(any_host=True), host=host).status == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:8501", "127.0.0.1:8501", "[::1]:8501"])
def test_names_of_this_machine_are_answered(host: str):
    assert call(guarded(), host=host).status == 200


@pytest.mark.parametrize("path", ["/", "/chat", "/_stcore/health", "/_stcore/upload_file/x/y", "/static/js/x.js"])
def test_who_does_not_know_the_password_gets_nothing(path: str):
    guard = guarded("open sesame")
    answer = call(guard, path)
    assert answer.status == 401
    assert "inside" not in answer.body
    assert call(guard, path, kind="websocket").kind == "websocket.close"
    assert call(guard, path, cookie="ragstone_entry_8501=guessed").status == 401


def test_whoever_comes_to_any_page_is_asked_for_the_password():
    page = call(guarded("sesame"), "/search", accept="text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
    assert page.status == 401 and 'type="password"' in page.body
    part = call(guarded("sesame"), "/static/js/x.js", accept="*/*")
    assert part.status == 401 and "password" in part.body and "<form" not in part.body


def test_the_password_opens_and_a_wrong_one_does_not():
    guard = guarded("öpen & sesame")
    assert 'type="password"' in call(guard).body
    wrong = call(guard, "/enter", "POST", body=urlencode({"password": "nope"}))
    assert (wrong.status, wrong.header("set-cookie")) == (401, "")
    assert "not the password" in wrong.body
    right = call(guard, "/enter", "POST", body=urlencode({"password": "öpen & sesame"}))
    assert (right.status, right.header("location")) == (303, "/")
    assert "HttpOnly; SameSite=Strict" in right.header("set-cookie")
    entry = right.header("set-cookie").split(";")[0]
    assert call(guard, cookie=entry, host="ragstone.example.org").body == "inside"
    assert call(guard, cookie=entry, kind="websocket").kind == "websocket.accept"


def test_a_huge_form_is_not_read_to_its_end():
    answer = call(guarded("sesame"), "/enter", "POST", body="x" * 100_000)
    assert answer.status == 401
