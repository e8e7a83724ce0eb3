"""An ingest in a thread of its own: its progress, and a way to end it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ...errors import LibraryLockedError, RagstoneError
from ...ingest.report import IngestReport, Progress
from .engines import Engines

_DEFECT = "The ingest broke off because of a defect. The server's terminal shows where; what was stored stays."


class _CancelledError(Exception):
    """Ends an ingest from its progress."""


class Ingest:
    """One ingest; `start` it once. What is stored when it is cancelled stays, and the next one goes on from there.

    Args:
        engines: Give the engine.
        paths: Files and folders.
        collection: Where new files go; None leaves known ones where they are.
    """

    def __init__(self, engines: Engines, paths: Sequence[Path], collection: str | None) -> None:
        self.paths = list(paths)
        self.collection = collection
        self.progress: Progress | None = None
        self.report: IngestReport | None = None
        self.error = ""
        self.cancelled = False
        self.seconds = 0.0
        self._engines = engines
        self._started = time.monotonic()
        self._cancel = threading.Event()
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="ingest", daemon=True).start()

    def cancel(self) -> None:
        """End it after the file that is being read."""
        self._cancel.set()

    @property
    def cancelling(self) -> bool:
        """Whether it was told to end and has not yet."""
        return self._cancel.is_set() and not self.ended

    @property
    def ended(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; whether it came."""
        return self._ended.wait(seconds)

    @property
    def chunks_per_second(self) -> float | None:
        """So far; None before the first chunk."""
        if self.progress is None or not self.progress.chunks:
            return None
        return self.progress.chunks / self.seconds if self.seconds else None

    @property
    def remaining_seconds(self) -> float | None:
        """As far as it can be told from the bytes that are read; None before a twentieth of them is."""
        fraction = self.progress.fraction if self.progress else 0.0
        return self.seconds * (1 - fraction) / fraction if fraction >= 0.05 else None

    def _run(self) -> None:
        self.error = _DEFECT
        try:
            with self._engines.lease() as rag:
                self.report = rag.ingest(*self.paths, collection=self.collection, on_progress=self._told)
            self.error = ""
        except _CancelledError:
            self.cancelled, self.error = True, ""
        except RagstoneError as refused:
            self.error = str(refused)
        finally:
            self.seconds = time.monotonic() - self._started
            self._ended.set()

    def _told(self, progress: Progress) -> None:
        self.progress, self.seconds = progress, time.monotonic() - self._started
        if self._cancel.is_set():
            raise _CancelledError


class Ingests:
    """The ingest in progress, or the last one. Safe to use from several threads."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._lock = threading.Lock()
        self.last: Ingest | None = None

    def start(self, paths: Sequence[Path], collection: str | None = None) -> Ingest:
        """Begin one.

        Raises:
            LibraryLockedError: One is in progress.
        """
        with self._lock:
            if self.last is not None and not self.last.ended:
                raise LibraryLockedError(
                    "an ingest is in progress",
                    path=self._engines.library.folder,
                    remedy="Wait for its end, or cancel it",
                )
            self.last = Ingest(self._engines, paths, collection)
            self.last.start()
            return self.last
