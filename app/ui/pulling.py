"""Models on their way to this machine, each in a thread of its own."""

from __future__ import annotations

import threading

from ...generation.models import ModelStore
from .background import Background

_CANCELLED = "Cancelled. The next time it goes on from there."
_BROKEN = "The download broke off because of a defect. The server's terminal shows where; try again."


class Pull(Background):
    """One download. When it is cancelled, what has come stays, and the next one goes on from there."""

    def __init__(self, store: ModelStore, name: str) -> None:
        super().__init__(f"pull {name}", cancelled=_CANCELLED, broken=_BROKEN)
        self.name = name
        self.step = "starting"
        self.fraction = 0.0
        self._store = store

    def _work(self) -> None:
        self._store.pull(self.name, self._told)

    def _told(self, step: str, done: int, total: int) -> None:
        self.step, self.fraction = step, min(done / total, 1.0) if total else 0.0
        self._heed()


class Pulls:
    """The downloads since the server started, by model. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pulls: dict[str, Pull] = {}

    def start(self, store: ModelStore, name: str) -> None:
        """Begin one, unless it is on its way."""
        with self._lock:
            known = self._pulls.get(name)
            if known is None or known.ended:
                self._pulls[name] = Pull(store, name)
                self._pulls[name].start()

    def of(self, name: str) -> Pull | None:
        """The last download of a model."""
        return self._pulls.get(name)
