"""Streamlit's files for the browser, served from memory and compressed."""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_COMPRESSED = frozenset({".woff2", ".png", ".gif", ".jpg"})


class Assets:
    """An ASGI application around Streamlit's.

    Streamlit reads each of them anew for each browser, in threads and by pieces, and sends it as it is. Here each is
    read and compressed once. Their names hold a hash of their content, so browsers may keep them for good.

    Args:
        app: Streamlit's application.
        folder: Streamlit's files for the browser, among them `index.html` and `static/`.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app = app
        self._files = {f"/{path.relative_to(folder).as_posix()}": path for path in (folder / "static").rglob("*.*")}
        self._read: dict[tuple[str, bool], bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let Streamlit answer."""
        file = self._files.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if file is None:
            await self._app(scope, receive, send)
            return
        accepted = dict(scope["headers"]).get(b"accept-encoding", b"")
        packed = b"gzip" in accepted and file.suffix not in _COMPRESSED
        body = self._read.get((scope["path"], packed))
        if body is None:
            body = await asyncio.to_thread(_content, file, packed)
            self._read[scope["path"], packed] = body
        headers = {
            "content-type": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
            "content-length": str(len(body)),
            "cache-control": "public, immutable, max-age=31536000",
            "vary": "accept-encoding",
        }
        if packed:
            headers["content-encoding"] = "gzip"
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": pairs})
        await send({"type": "http.response.body", "body": body})


def _content(file: Path, packed: bool) -> bytes:
    content = file.read_bytes()
    return gzip.compress(content, 6, mtime=0) if packed else content
