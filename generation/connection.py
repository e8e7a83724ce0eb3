"""Plain HTTP to an OpenAI-compatible server: its address, the key, what is tried again, and what went wrong.

The key comes from the variable `RAGSTONE_API_KEY` and goes to this server only, for no redirect is followed.
"""

from __future__ import annotations

import email.utils
import ipaddress
import json
import os
import random
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ..errors import BrokenAnswerError, ContextOverflowError, OfflineError, ServerError, SettingsError
from .messages import reason

if TYPE_CHECKING:
    import httpx2

API_KEY = "RAGSTONE_API_KEY"
CONNECT_SECONDS = 10.0
_PAUSES = (0.5, 1.0, 2.0)
"""Seconds to wait before the second, third and fourth try, each made up to half shorter or longer by chance."""
_LONGEST_PAUSE = 60.0
"""Seconds; a server that asks to be left alone for longer is not waited for."""
_PASSING = frozenset({429, 500, 502, 503, 504})
_BEYOND_REPAIR = re.compile(r"validation error|logprobs")
"""llama-cpp-python answers 500 to a request that it cannot read, and when it was not set up to give logprobs."""
_OVERFLOW = re.compile(r"context[ _](?:length|window|size)")
"""As OpenAI, llama-server, vLLM and llama-cpp-python call it."""
_LONGEST_MESSAGE = 300

Result = TypeVar("Result")


class Connection:
    """A server, spoken to in JSON. Safe to use from several threads.

    A request that fails before anything of its answer is here is made up to four times where that may help: the
    connection was refused or reset, or the status is 429, 500, 502, 503 or 504.

    Args:
        url: The base address, such as `http://localhost:8080`; `/v1` is added when it has no path.
        timeout: The most seconds to wait for an answer, and for each next token.
        offline: Refuse any server that is not on this machine.

    Raises:
        SettingsError: The address or the key is malformed.
        OfflineError: `offline`, and the server is elsewhere.
    """

    def __init__(self, url: str, *, timeout: float = 120.0, offline: bool = False) -> None:
        import httpx2

        self.url, self.is_here = _checked_url(url)
        if offline and not self.is_here:
            raise OfflineError(
                "the server is not on this machine, and RAGSTONE_OFFLINE is on",
                path=self.url,
                remedy="Use a server on localhost, or unset server or RAGSTONE_OFFLINE",
            )
        self.timeout = timeout
        self._key = _api_key()
        self._client = httpx2.Client(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx2.Timeout(timeout, connect=CONNECT_SECONDS),
            trust_env=not self.is_here,  # what stays on this machine goes through no proxy
        )

    @property
    def root(self) -> str:
        """The address that the server's own paths, outside OpenAI's API, begin with."""
        return self.url.removesuffix("/v1")

    @property
    def exposes_key(self) -> bool:
        """Whether a key is sent over the network unencrypted."""
        return bool(self._key) and not self.is_here and self.url.startswith("http:")

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def get(self, url: str, read: Callable[[Any], Result]) -> Result:
        """What `read` makes of the JSON at an address of this server.

        Raises:
            ServerError: There is none, or `read` finds something missing or of the wrong type.
        """
        return self._tried(lambda: self._whole("GET", url, None, read))

    def post(self, url: str, body: Mapping[str, Any], read: Callable[[Any], Result]) -> Result:
        """What `read` makes of the JSON that answers a JSON request.

        Raises:
            ServerError: There is none, or `read` finds something missing or of the wrong type.
            ContextOverflowError: The server says that the prompt is too long.
        """
        return self._tried(lambda: self._whole("POST", url, body, read))

    def stream(self, url: str, body: Mapping[str, Any], read: Callable[[Any], Result]) -> Generator[Result, None, None]:
        """What `read` makes of the JSON events of an answer, which has begun when this returns.

        Closing the iterator closes the connection, and the server stops.

        Raises:
            ServerError: There is no answer, or `read` finds something missing or of the wrong type.
            ContextOverflowError: The server says that the prompt is too long.

        The iterator raises:
            BrokenAnswerError: The answer fails after its first event.
        """

        def begin() -> Generator[Result, None, None]:
            events = self._events(url, body, read)
            try:
                first = next(events)
            except StopIteration:
                raise ServerError("it ended the answer before it began", path=self.url, remedy=_LOOK) from None
            return self._rest(first, events)

        return self._tried(begin)

    def _rest(self, first: Result, events: Generator[Result, None, None]) -> Generator[Result, None, None]:
        with closing(events):
            yield first
            try:
                yield from events
            except (ServerError, _PassingError) as error:
                cause = error.error if isinstance(error, _PassingError) else error
                raise BrokenAnswerError(
                    f"the answer broke off ({cause.what})", path=self.url, remedy=f"Ask again. {cause.remedy}"
                ) from error

    def _tried(self, request: Callable[[], Result]) -> Result:
        for pause in _PAUSES:
            try:
                return request()
            except _PassingError as passing:
                wait = random.uniform(pause / 2, pause * 1.5) if passing.wait is None else passing.wait
                if wait > _LONGEST_PAUSE:
                    raise passing.error from passing.__cause__
            time.sleep(wait)
        try:
            return request()
        except _PassingError as passing:
            raise passing.error from passing.__cause__

    def _whole(self, method: str, url: str, body: Mapping[str, Any] | None, read: Callable[[Any], Result]) -> Result:
        with self._failures():
            response = self._client.request(method, url, json=body)
            self._require_success(response)
            return self._read(response.content, response, read)

    def _events(
        self, url: str, body: Mapping[str, Any], read: Callable[[Any], Result]
    ) -> Generator[Result, None, None]:
        with self._failures(), self._client.stream("POST", url, json=body) as response:
            self._require_success(response)
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                self._refuse_content(response)
            # Not the library's own reader: it hides the comments by which a server that hangs keeps the connection
            # alive, and so would wait without end.
            last, rest = time.monotonic(), b""
            for received in chain(response.iter_bytes(), (b"\n",)):
                *lines, rest = (rest + received).split(b"\n")
                for data in (line[5:].strip() for line in lines if line.startswith(b"data:")):
                    if data == b"[DONE]":
                        return
                    yield self._read(data, response, read)
                    last = time.monotonic()
                if time.monotonic() - last > self.timeout:
                    raise self._timeout()

    def _read(self, data: bytes, response: httpx2.Response, read: Callable[[Any], Result]) -> Result:
        try:
            value = json.loads(data)
            if not (isinstance(value, dict) and value.get("error")):
                return read(value)
        except (AttributeError, LookupError, TypeError, ValueError):
            self._refuse_content(response)
        # LM Studio sends an error with status 200; others do so within a stream.
        raise ServerError(_capped(self._without_key(_said(value))), path=self.url, remedy=_LOOK, status=200)

    def _refuse_content(self, response: httpx2.Response) -> NoReturn:
        kind = response.headers.get("content-type", "").partition(";")[0] or "no content type"
        raise ServerError(
            f"what it sent is not what an OpenAI-compatible server sends (HTTP {response.status_code}, {kind})",
            path=self.url,
            remedy="Check that the setting server is the address of the API, which often ends with /v1",
            status=response.status_code,
        )

    def _require_success(self, response: httpx2.Response) -> None:
        if response.is_success:
            return
        response.read()
        status = response.status_code
        try:
            given = response.json()
        except ValueError:  # a page, for eyes
            given = response.reason_phrase
        said = self._without_key(_said(given))
        if status in (400, 413) and _OVERFLOW.search(f"{said} {given}"):
            raise ContextOverflowError(
                f"the server refused the prompt as too long ({_capped(said)})",
                path=self.url,
                remedy="Set context_tokens to what the server was started with",
            )
        what, remedy = f"HTTP {status}: {_capped(said)}", _LOOK
        if response.is_redirect:
            # The key is for the server that was named, and for no other.
            what = f"it redirects to {_place(response.headers.get('location', ''))}, which is not followed"
            remedy = "Set server to that address if you trust it"
        elif status in (401, 403):
            what += ", although a key was sent" if self._key else ", and no key was sent"
            remedy = f"Set {API_KEY} to a key of this server"
        elif status == 404:
            remedy = "Check the settings server and model"
        error = ServerError(what, path=self.url, remedy=remedy, status=status)
        if status in _PASSING and not _BEYOND_REPAIR.search(said):
            raise _PassingError(error, _retry_after(response.headers.get("retry-after", "")))
        raise error

    @contextmanager
    def _failures(self) -> Iterator[None]:
        import httpx2

        try:
            yield
        except httpx2.ConnectTimeout as error:
            what, remedy = f"no connection within {CONNECT_SECONDS:g} s", "Check that it runs, and the setting server"
            raise ServerError(what, path=self.url, remedy=remedy) from error
        except httpx2.TimeoutException as error:
            raise self._timeout() from error
        except httpx2.HTTPError as error:
            unreachable = isinstance(error, (httpx2.ConnectError, httpx2.ProxyError))
            what = "it cannot be reached" if unreachable else "the connection broke"
            remedy = "Check that it runs, and the setting server" if unreachable else _LOOK
            failed = ServerError(f"{what} ({reason(error)})", path=self.url, remedy=remedy)
            if isinstance(error, httpx2.RemoteProtocolError) or _was_cut(error):
                raise _PassingError(failed) from error
            raise failed from error

    def _timeout(self) -> ServerError:
        return ServerError(
            f"no token came for {self.timeout:g} s",
            path=self.url,
            remedy="Raise server_timeout if it is only slow; look at its log otherwise",
        )

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text


class _PassingError(Exception):
    """A failure that may be gone after a while; `wait` is in seconds, None when the server names no time."""

    def __init__(self, error: ServerError, wait: float | None = None) -> None:
        super().__init__(error.what)
        self.error, self.wait = error, wait


_LOOK = "Look at the server's log"


def _checked_url(url: str) -> tuple[str, bool]:
    """The base address without an end slash, and whether it is on this machine."""
    import httpx2

    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        parsed = httpx2.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment or parsed.userinfo:
        raise SettingsError(  # without the address, which may hold a password
            "the setting server is no plain address",
            remedy=f"Give it one such as http://localhost:8080/v1; a key belongs in {API_KEY}",
        )
    path = parsed.path.rstrip("/") or "/v1"
    return str(parsed.copy_with(path=path)), _is_here(parsed.host)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _api_key() -> str:
    key = os.environ.get(API_KEY, "").strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise SettingsError(f"{API_KEY} holds a character that no key has", remedy="Set it to the key alone")
    return key


def _place(location: str) -> str:
    import httpx2

    try:
        parsed = httpx2.URL(location)
    except httpx2.InvalidURL:
        return "an unreadable address"
    return f"{parsed.scheme}://{parsed.host}{parsed.path}" if parsed.host else parsed.path


def _said(given: object) -> str:
    """The message in an error's JSON: OpenAI's form, FastAPI's, Ollama's, or whatever it is."""
    while isinstance(given, dict):
        given = given.get("error") or given.get("message") or given.get("detail") or "no message"
    if isinstance(given, list):  # of faults in the request; the request itself, which they repeat, is left out
        given = "; ".join(str(one.get("msg") or one) if isinstance(one, dict) else str(one) for one in given)
    return " ".join(str(given).split()).rstrip(".") or "no message"


def _capped(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def _was_cut(error: BaseException | None) -> bool:
    """Whether a connection was refused or reset, and not, say, the host's name or certificate wrong."""
    while error is not None:
        if isinstance(error, ConnectionError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _retry_after(header: str) -> float | None:
    """Seconds, from a header that gives them or a date."""
    if header.isdecimal():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
