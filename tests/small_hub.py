"""A small hub on this machine, as far as the hub's own client asks it, with a few models and data sets."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

REVISION = "0123456789" * 4
DATA = bytes(range(256)) * 4_000
CROSS = {
    "config.json": b"{}",
    "model.safetensors": DATA,
    "1_Dense/config.json": b"[]",
    "onnx/model.safetensors": DATA,
    "pytorch_model.bin": DATA,
    "README.md": b"#",
}
TRUTHS = (
    b"Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers\n"
    b"Adversarial,Tides,Who pulls?,The moon,The moon; The sun too,Whales;\n"
)
FILES = {
    "somebody/tiny": {"tiny.gguf": DATA},
    "somebody/cross": CROSS,
    "somebody/pickled": {"config.json": b"{}", "model.bin": DATA},
    "datasets/somebody/truths": {"v1/TruthfulQA.csv": TRUTHS, "v1/load.py": b"", "README.md": b"#"},
}
"""By repository, and its name in it."""


@contextmanager
def small_hub() -> Iterator[str]:
    """Serves them; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if asked := re.fullmatch(rf"/api/(models|datasets)/(\w+/\w+)(/revision/{REVISION})?", path):
            self._describe(asked[2] if asked[1] == "models" else f"datasets/{asked[2]}")
        elif asked := re.fullmatch(rf"/((?:datasets/)?\w+/\w+)/resolve/{REVISION}/(.+)", path):
            self._send(FILES.get(asked[1], {}).get(asked[2]))
        else:
            self._send(None)

    def do_HEAD(self) -> None:
        self.do_GET()  # without the data

    def _describe(self, repo: str) -> None:
        files = FILES.get(repo)
        siblings = [{"rfilename": name, "size": len(data)} for name, data in (files or {}).items()]
        told = {"id": repo.removeprefix("datasets/"), "sha": REVISION, "siblings": siblings}
        self._send(None if files is None else json.dumps(told).encode())

    def _send(self, data: bytes | None) -> None:
        self.send_response(404 if data is None else 200)
        self.send_header("ETag", f'"{hashlib.sha256(data or b"").hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data or b"")

    def log_message(self, *_: object) -> None:
        pass
