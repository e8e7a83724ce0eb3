"""Models on their way to this machine, each in a thread of its own."""

from __future__ import annotations

import threading

from ...errors import RagstoneError
from ...generation.models import ModelStore

_DEFECT = "The download broke off because of a defect. The server's terminal shows where; try again."


class Pull:
    """One download; `start` it once. When it is cancelled, the next one goes on from there."""

    def __init__(self, store: ModelStore, name: str) -> None:
        self.name = name
        self.step = "starting"
        self.fraction = 0.0
        self.error = ""
        self._store = store
        self._cancel = threading.Event()
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name=f"pull {self.name}", daemon=True).start()

    def cancel(self) -> None:
        """End it; what has come stays."""
        self._cancel.set()

    @property
    def ended(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._ended.is_set()

    def _run(self) -> None:
        self.error = _DEFECT
        try:
            self._store.pull(self.name, self._told)
            self.error = ""
        except _CancelledError:
            self.error = "Cancelled. The next time it goes on from there."
        except RagstoneError as refused:
            self.error = str(refused)
        finally:
            self._ended.set()

    def _told(self, step: str, done: int, total: int) -> None:
        self.step, self.fraction = step, min(done / total, 1.0) if total else 0.0
        if self._cancel.is_set():
            raise _CancelledError


class _CancelledError(Exception):
    """Ends a download from its progress."""


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
