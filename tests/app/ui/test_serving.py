"""The server as it runs, asked without a browser."""

import http.client
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def asked(served: Any, path: str, **headers: str) -> http.client.HTTPResponse:
    """What the server answers."""
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=30)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


def test_neither_the_start_nor_a_page_of_another_origin_makes_the_server_ask_another_machine(
    start_ui: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, address)
        monkeypatch.setenv("no_proxy", "")
        served = start_ui(tmp_path / "library", "--address", "0.0.0.0", "--no-password")
        deadline = time.monotonic() + 30
        while "Network URL" not in served.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert asked(served, "/_stcore/stream", Origin=served.url, **UPGRADE).status == 101
        assert asked(served, "/_stcore/stream", Origin="http://evil.example", **UPGRADE).status == 403
        served.process.send_signal(2)
        assert served.process.wait(10) in (0, 130)
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody came
            proxy.accept()


@pytest.fixture(scope="module")
def empty(start_ui: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    return start_ui(tmp_path_factory.mktemp("empty") / "library")


def name_given(answer: http.client.HTTPResponse) -> str:
    """The cookie with a browser's name that an answer sets; empty for none."""
    cookies = answer.headers.get_all("set-cookie", [])
    return next((cookie.split(";")[0] for cookie in cookies if cookie.startswith("ragstone_owner=")), "")


@pytest.mark.parametrize("page", ["/", "/chat", "/library", "/search?q=cable"])
def test_a_browser_gets_its_name_on_whatever_page_it_comes_to_first(empty: Any, page: str) -> None:
    first = asked(empty, page)
    name = name_given(first)
    assert first.status == 200 and name
    assert not name_given(asked(empty, page, Cookie=name))
    assert name_given(asked(empty, page, **{"If-None-Match": first.headers["etag"]}))  # the page was kept, the name not
    assert not name_given(asked(empty, "/_stcore/health"))
