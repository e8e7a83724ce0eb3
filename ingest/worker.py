"""The child process that parses: `python -m ragstone.ingest.worker`.

It reads requests from stdin and writes messages to stdout, one JSON object a line. A parser that crashes, hangs or eats
memory takes only this process with it, and what it is fed cannot reach the network or start a program.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import EncryptedError, ParseError
from ..retrieval.records import Line, Link, Page
from .confinement import confine, limit_memory
from .parsed import Block, ParsedDocument, ParseOptions
from .parsers import Reading, read
from .signatures import signature

OUT_OF_MEMORY = 4
"""The exit code of a child that ran out of memory where no parser could report it."""
_STDIN_CLOSED = 3


def decode_reading(message: Mapping[str, Any]) -> tuple[Reading, bytes]:
    """A reading and its document's MinHash signature, from a message of the child."""
    if message["error"]:
        kind, what, remedy, path = message["error"]
        error = (EncryptedError if kind == "EncryptedError" else ParseError)(what, remedy=remedy, path=path)
        return Reading(message["part"], error=error), b""
    if message["document"] is None:
        return Reading(message["part"]), b""
    told = dict(message["document"])
    told["blocks"] = tuple(Block(*block) for block in told["blocks"])
    told["pages"] = tuple(_page(page) for page in told["pages"])
    return Reading(message["part"], ParsedDocument(**told)), bytes.fromhex(message["signature"])


def _page(told: Mapping[str, Any]) -> Page:
    lines = tuple(Line(start, end, (a, b, c, d)) for start, end, (a, b, c, d) in told["lines"])
    links = tuple(Link((a, b, c, d), uri) for (a, b, c, d), uri in told["links"])
    return Page(**{**told, "lines": lines, "links": links})


def _encoded(reading: Reading, *, sign: bool) -> dict[str, Any]:
    document, error = reading.document, reading.error
    return {
        "part": reading.part,
        "document": None if document is None else _document(document),
        "signature": signature(document.text).hex() if document and sign else "",
        "error": None if error is None else (type(error).__name__, error.what, error.remedy, error.path),
    }


def _document(document: ParsedDocument) -> dict[str, Any]:
    return {
        "text": document.text,
        "blocks": [(b.kind, b.char_start, b.char_end, b.level, b.name) for b in document.blocks],
        "media_type": document.media_type,
        "title": document.title,
        "pages": [
            asdict(page)
            | {"lines": [(x.char_start, x.char_end, x.rect) for x in page.lines]}
            | {"links": [(x.rect, x.uri) for x in page.links]}
            for page in document.pages
        ],
        "metadata": dict(document.metadata),
    }


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole terminal; the parent decides
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not mix with the messages
    confine()
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(requests.put,), daemon=True).start()

    def send(message: Mapping[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    while True:
        request = json.loads(requests.get())
        limit_memory(request["memory_mb"])
        options = ParseOptions(
            ocr=request["ocr"], passwords=tuple(request["passwords"]), alive=lambda: send({"alive": True})
        )
        try:
            for reading in read(Path(request["path"]), options):
                send(_encoded(reading, sign=request["sign"]))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        send({"done": True})


def _receive(put: Callable[[str], None]) -> None:
    for line in sys.stdin:
        put(line)
    os._exit(_STDIN_CLOSED)  # the parent is gone, however it went


if __name__ == "__main__":
    _main()
