"""An ingest in a thread of its own: its progress, and a way to end it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...errors import LibraryLockedError
from ...ingest.report import IngestReport, Progress
from .background import Background
from .engines import Engines

_CANCELLED = "Cancelled. What was stored stays; adding the same files again goes on from there."
_BROKEN = "The ingest broke off because of a defect. The server's terminal shows where; what was stored stays."


class Ingest(Background):
    """One ingest. It is cancelled after the file that is being read; the next one goes on from there.

    Args:
        engines: Give the engine.
        paths: Files and folders.
        collection: Where new files go; None leaves known ones where they are.
    """

    def __init__(self, engines: Engines, paths: Sequence[Path], collection: str | None) -> None:
        super().__init__("ingest", cancelled=_CANCELLED, broken=_BROKEN)
        self.paths = list(paths)
        self.collection = collection
        self.progress: Progress | None = None
        self.report: IngestReport | None = None
        self.seconds = 0.0
        self._engines = engines
        self._started = time.monotonic()

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

    def _work(self) -> None:
        try:
            with self._engines.lease() as rag:
                self.report = rag.ingest(*self.paths, collection=self.collection, on_progress=self._told)
        finally:
            self.seconds = time.monotonic() - self._started

    def _told(self, progress: Progress) -> None:
        self.progress, self.seconds = progress, time.monotonic() - self._started
        self._heed()


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
        with self.held_off():
            self.last = Ingest(self._engines, paths, collection)
            self.last.start()
            return self.last

    @contextmanager
    def held_off(self) -> Iterator[None]:
        """Until the end, let none begin: what else changes the library is not to wait for its end.

        Raises:
            LibraryLockedError: One is in progress.
        """
        with self._lock:
            if self.last is not None and not self.last.ended:
                raise LibraryLockedError(
                    "an ingest is in progress",
                    path=self._engines.library.named,
                    remedy="Wait for its end, or cancel it",
                )
            yield
