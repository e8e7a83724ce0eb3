"""Parsing in child processes with limits: a file that hangs, explodes or crashes its parser costs only itself."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ParseError
from .parsed import OcrMode
from .parsers import Reading
from .worker import OUT_OF_MEMORY, decode_reading

Item = TypeVar("Item")

_RECYCLE_FILES = 500
_RECYCLE_BYTES = 768 << 20
"""A child is replaced after so many files, or when it holds more memory between two files (OCR keeps up to 500 MiB)."""
_AHEAD = 4
"""Files that each child may be ahead of the consumer: parsing overlaps embedding, and memory stays bounded."""
_READ = 1 << 20
_PASSED_ON = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "PATH", "TMP", "TMPDIR", "TEMP", "TZ", "VIRTUAL_ENV"),
        *("PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8", "PYTHONHASHSEED", "PYTHONWARNINGS"),
    }
)
_PASSED_ON_ALL = ("LC_", "LD_", "DYLD_", "XDG_", "OMP_", "OPENBLAS_", "MKL_", "KMP_", "MALLOC_")
"""The variables, and how the names of others begin, that Python and its libraries need."""
_ENDING = 5
"""Seconds that a child may take to end once it has closed its pipe."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child process may use, and how it reads files."""

    jobs: int = 1
    """Children at a time."""
    seconds: float = 120
    """Without a sign of life: of a whole file, or of one page or part where the parser tells of them."""
    memory_mb: int = 3072
    """More than the child has at the file's start."""
    ocr: OcrMode = "auto"
    passwords: tuple[str, ...] = ()
    signatures: bool = True
    """Compute the MinHash signature of each document."""


class ParserPool:
    """Child processes that parse files. Use it as a context manager; its children end with it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._own = threading.local()
        """`child` is the one that this thread of the executor talks to."""
        self._children: list[_Child] = []
        self._ended = False
        self._guard = threading.Lock()
        self._executor = ThreadPoolExecutor(limits.jobs, thread_name_prefix="parse")

    def __enter__(self) -> ParserPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        with self._guard:
            self._ended = True
            for child in self._children:
                child.kill()  # which ends the wait of its thread
        self._executor.shutdown(wait=True)
        for child in self._children:
            child.close()

    def read_all(self, items: Iterable[tuple[Item, Path]]) -> Iterator[tuple[Item, list[tuple[Reading, bytes]]]]:
        """Read files in the order given, some ahead: for each its readings with the signatures of their documents.

        A file whose parser was stopped or crashed has one reading, an error; nothing of it is kept.
        """
        waiting: deque[tuple[Item, Future[list[tuple[Reading, bytes]]]]] = deque()
        source = iter(items)
        while True:
            while len(waiting) <= self._limits.jobs * _AHEAD and (following := next(source, None)):
                item, path = following
                waiting.append((item, self._executor.submit(self._read, path)))
            if not waiting:
                return
            item, future = waiting.popleft()
            yield item, future.result()

    def _read(self, path: Path) -> list[tuple[Reading, bytes]]:
        child: _Child | None = getattr(self._own, "child", None)
        if child is None or child.is_worn:
            child = self._own.child = self._instead_of(child)
        return child.read(path)

    def _instead_of(self, worn: _Child | None) -> _Child:
        with self._guard:
            if worn is not None:
                self._children.remove(worn)
                worn.close()
            if self._ended:
                raise CancelledError
            self._children.append(_Child(self._limits))
            return self._children[-1]


class _Child:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process = subprocess.Popen(
            # -P: a document called json.py in the working directory is not to be imported.
            [sys.executable, "-P", "-m", "ragstone.ingest.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment() | {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // limits.jobs))},
        )
        assert self._process.stdin and self._process.stdout
        self._requests, self._messages = self._process.stdin, self._process.stdout
        self._poll = select.poll()  # select() refuses descriptors above 1023
        self._poll.register(self._messages, select.POLLIN)
        self._unread = b""
        self._files = 0

    @property
    def is_worn(self) -> bool:
        ended = self._process.poll() is not None
        return ended or self._files >= _RECYCLE_FILES or _resident_bytes(self._process.pid) > _RECYCLE_BYTES

    def kill(self) -> None:
        """Stop it; from another thread too, whose reading then ends."""
        self._process.kill()

    def close(self) -> None:
        self.kill()
        self._process.wait()
        self._messages.close()
        with suppress(BrokenPipeError):  # what it was to be told is of no interest now
            self._requests.close()

    def read(self, path: Path) -> list[tuple[Reading, bytes]]:
        self._files += 1
        try:
            self._send(path)
            return list(self._readings())
        except (TimeoutError, EOFError, BrokenPipeError, json.JSONDecodeError) as error:
            if isinstance(error, EOFError):
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(_ENDING)  # how it ends by itself tells the reason
            self.kill()
            self._process.wait()
            return [(Reading("", error=self._stopped(error, path)), b"")]

    def _send(self, path: Path) -> None:
        limits = self._limits
        request = {
            "path": str(path),
            "ocr": limits.ocr,
            "passwords": limits.passwords,
            "memory_mb": limits.memory_mb,
            "sign": limits.signatures,
        }
        self._requests.write(json.dumps(request).encode() + b"\n")
        self._requests.flush()

    def _readings(self) -> Iterator[tuple[Reading, bytes]]:
        while "done" not in (message := self._receive()):
            if "alive" not in message:
                yield decode_reading(message)

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + self._limits.seconds
        received = [self._unread]
        while b"\n" not in received[-1]:
            if not self._poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError
            received.append(os.read(self._messages.fileno(), _READ))
            if not received[-1]:
                raise EOFError
        line, self._unread = b"".join(received).split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def _stopped(self, error: Exception, path: Path) -> ParseError:
        if isinstance(error, TimeoutError):
            what = f"its parser gave no sign of life for {self._limits.seconds:g} s and was stopped"
            return ParseError(what, remedy="Raise parse_seconds, or convert the file to another format", path=path)
        code = self._process.returncode
        if code == OUT_OF_MEMORY:
            what, remedy = "the file takes more memory than a parser may have", "Split it, or raise parse_memory_mb"
            return ParseError(what, remedy=remedy, path=path)
        how = signal.strsignal(-code) if code < 0 else f"exit code {code}"
        remedy = "Raise parse_memory_mb, or convert the file to another format"
        return ParseError(f"it crashed its parser ({(how or 'signal').lower()})", remedy=remedy, path=path)


def _environment() -> dict[str, str]:
    """What a child needs to know; a hostile file that takes it over is not to find keys and passwords there."""
    return {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_ALL)}


def _resident_bytes(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
