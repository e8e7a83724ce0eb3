"""A child process that reads files for a parent, which survives what the child does not."""

from __future__ import annotations

import logging
import multiprocessing
import resource
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path

from ragstone.errors import ParseError
from ragstone.ingest.parsed import ParseOptions
from ragstone.ingest.parsers import Reading, read


class ChildReader:
    """Reads files in a child, and starts another when it crashed or was stopped.

    Args:
        options: How files are read.
        seconds: A file may take.
        megabytes: Of address space the child may have.
    """

    def __init__(self, options: ParseOptions, seconds: float = 20, megabytes: int = 3072) -> None:
        self._options, self._seconds, self._megabytes = options, seconds, megabytes
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def __enter__(self) -> ChildReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def __call__(self, path: Path) -> list[Reading]:
        """All that a file holds, or why the child could not tell.

        Raises:
            RuntimeError: An exception left the parsers, which is a bug.
        """
        try:
            self._pipe.send(path)
            if self._pipe.poll(self._seconds):
                readings: list[Reading] | str = self._pipe.recv()
                if isinstance(readings, str):
                    raise RuntimeError(readings)
                return readings
            what = "the parser took too long"
        except (EOFError, OSError):
            self._process.join()
            what = f"the parser crashed (exit code {self._process.exitcode})"
        self._stop()
        self._start()
        return [Reading("", error=ParseError(what, remedy="Report it", path=path))]

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        arguments = (theirs, self._options, self._megabytes)
        self._process = self._context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _serve(pipe: Connection, options: ParseOptions, megabytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()
    warnings.simplefilter("ignore")
    while True:
        path = pipe.recv()
        try:
            answer: list[Reading] | str = list(read(path, options))
        except Exception:  # noqa: BLE001 - that there is none is what is tested
            answer = traceback.format_exc()
        pipe.send(answer)
