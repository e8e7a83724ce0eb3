"""What stands before Streamlit: who may enter, whose browser it is, and what a page may load."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWNER_COOKIE = "ragstone_owner"
_YEAR = 365 * 24 * 3600
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_MOST_FORM_BYTES = 4096
# Streamlit's own pages need inline styles, and its components' scripts come as blobs. Nothing comes from elsewhere.
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


def owner_of(cookies: Mapping[str, str]) -> str | None:
    """Whose chats a browser with these cookies may see; None before it has got one.

    It is a hash, so that whoever reads the library cannot enter a chat in somebody's name.
    """
    token = cookies.get(OWNER_COOKIE, "")
    return hashlib.sha256(token.encode()).hexdigest()[:32] if len(token) >= 32 else None


class Guard:
    """An ASGI application around Streamlit's.

    It gives each browser a random name in a cookie that scripts cannot read. With a password it lets nobody in who does
    not know it, and takes one guess a second. Without one, it answers only to the machine's own names: a web page
    elsewhere cannot reach it under a name of its own.

    Args:
        app: Streamlit's application.
        password: What opens it; None for no password.
        port: Stands in the cookie's name: cookies do not tell ports apart.
        any_host: Answer to any name also without a password.
    """

    def __init__(self, app: ASGIApp, password: str | None, port: int, any_host: bool) -> None:
        self._app = app
        self._password = password
        self._any_host = any_host or password is not None
        self._entry_cookie = f"ragstone_entry_{port}"
        self._entry = secrets.token_urlsafe(32)
        self._one_guess = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let Streamlit answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)  # it reads cookies as browsers write them, and as Streamlit reads them
        headers, cookies = connection.headers, connection.cookies
        secure = "; Secure" if "https" in (scope["scheme"], headers.get("x-forwarded-proto")) else ""
        if not self._any_host and _name(headers.get("host", "")) not in _LOOPBACK:
            await _refuse(scope, send, 403, "This address is not served. Open http://localhost instead.")
        elif self._password is None or _same(cookies.get(self._entry_cookie, ""), self._entry):
            await self._app(scope, receive, _with_headers(send, scope, cookies, secure))
        elif scope["type"] == "http" and scope["path"] == "/enter" and scope["method"] == "POST":
            await self._enter(scope, receive, send, secure)
        elif scope["type"] == "http" and scope["method"] == "GET" and _wants_page(scope, headers):
            await _respond(send, 401, _form(""), "text/html")
        else:
            await _refuse(scope, send, 401, "Enter the password first.")

    async def _enter(self, scope: Scope, receive: Receive, send: Send, secure: str) -> None:
        body, more = b"", True
        while more and len(body) <= _MOST_FORM_BYTES:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        given = parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
        async with self._one_guess:
            right = _same(given, self._password or "")
            if not right:
                await asyncio.sleep(1)
        if not right:
            await _respond(send, 401, _form("This is not the password."), "text/html")
            return
        cookie = f"{self._entry_cookie}={self._entry}; HttpOnly; SameSite=Strict; Path=/{secure}"
        await _respond(send, 303, "", "text/plain", {"location": "/", "set-cookie": cookie})


def _with_headers(send: Send, scope: Scope, cookies: Mapping[str, str], secure: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message["headers"] if pair[0].lower().decode("latin-1") not in _HEADERS]
            headers += [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
            if _is_page(scope, message) and owner_of(cookies) is None:
                token = secrets.token_urlsafe(32)
                cookie = f"{OWNER_COOKIE}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={_YEAR}{secure}"
                headers.append((b"set-cookie", cookie.encode()))
            message = {**message, "headers": headers}
        await send(message)

    return sending


def _wants_page(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether somebody comes to a page, and not the page to what it consists of."""
    return scope["path"] == "/" or "text/html" in headers.get("accept", "")


def _is_page(scope: Scope, start: Message) -> bool:
    """Whether this is a page, or the word that the first one has not changed since the browser kept it."""
    kinds = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return scope["path"] == "/" or any(kind.startswith(b"text/html") for kind in kinds)


def _name(host: str) -> str:
    """A host without its port."""
    return host if host.endswith("]") else host.rsplit(":", 1)[0]


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())


async def _refuse(scope: Scope, send: Send, status: int, why: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": why})
    else:
        await _respond(send, status, why, "text/plain")


async def _respond(send: Send, status: int, body: str, kind: str, more: Mapping[str, str] | None = None) -> None:
    headers = {"content-type": f"{kind}; charset=utf-8", "cache-control": "no-store"} | _HEADERS | dict(more or {})
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body.encode()})


def _form(problem: str) -> str:
    told = f'<p role="alert">{problem}</p>' if problem else ""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Ragstone</title>
<style>
body{{font:1rem/1.5 system-ui,sans-serif;max-width:22rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}}
input,button{{font:inherit;width:100%;padding:.5rem;margin:.25rem 0 1rem;box-sizing:border-box}}</style></head>
<body><main><h1>Ragstone</h1>{told}<form method="post" action="/enter"><label for="p">Password</label>
<input id="p" name="password" type="password" autocomplete="current-password" autofocus required>
<button>Enter</button></form></main></body></html>"""
