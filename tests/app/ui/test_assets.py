"""Streamlit's own files, with an application that says yes to everything behind them."""

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from streamlit.file_util import get_static_dir

from ragstone.app.ui.assets import Assets

FOLDER = Path(get_static_dir())


async def behind(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"behind"})


def call(assets: Assets, path: str, accept: str = "gzip, br", method: str = "GET") -> tuple[dict[str, str], bytes]:
    scope = {"type": "http", "path": path, "method": method, "headers": [(b"accept-encoding", accept.encode())]}
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as own:  # in this thread the browser of other tests may have left its loop
        own.submit(asyncio.run, assets(scope, None, send)).result()  # type: ignore[arg-type]
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}, sent[1]["body"]


def static(suffix: str) -> tuple[str, bytes]:
    """The address and the content of Streamlit's largest file of a kind."""
    file = max(FOLDER.rglob(f"index.*{suffix}") if suffix == ".css" else FOLDER.rglob(f"*{suffix}"), key=_size)
    return f"/{file.relative_to(FOLDER).as_posix()}", file.read_bytes()


def _size(file: Path) -> int:
    return file.stat().st_size


@pytest.mark.parametrize(("suffix", "kind"), [(".js", "javascript"), (".css", "text/css")])
def test_a_file_comes_compressed_to_those_who_can_read_that_and_may_be_kept(suffix: str, kind: str):
    path, content = static(suffix)
    assets = Assets(behind, FOLDER)
    for _ in range(2):  # the second comes from memory
        headers, body = call(assets, path)
        assert headers["content-encoding"] == "gzip" and gzip.decompress(body) == content
        assert kind in headers["content-type"] and int(headers["content-length"]) == len(body) < len(content) / 2
        assert "immutable" in headers["cache-control"] and headers["vary"] == "accept-encoding"
    headers, body = call(assets, path, accept="identity")
    assert "content-encoding" not in headers and body == content


def test_a_font_is_compressed_as_it_is():
    path, content = static(".woff2")
    headers, body = call(Assets(behind, FOLDER), path)
    assert "content-encoding" not in headers and body == content


@pytest.mark.parametrize("path", ["/", "/library", "/index.html", "/static/js/none.js", "/static/../index.html"])
def test_all_else_is_left_to_streamlit(path: str):
    assert call(Assets(behind, FOLDER), path)[1] == b"behind"


def test_only_reading_is_answered():
    assert call(Assets(behind, FOLDER), static(".css")[0], method="POST")[1] == b"behind"
