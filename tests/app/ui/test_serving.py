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
