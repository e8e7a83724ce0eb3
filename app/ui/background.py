"""Work in a thread of its own: whether it goes on, how it ended, and a way to end it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

from ...errors import RagstoneError


class _CancelledError(Exception):
    """Ends the work from its progress."""


class Background(ABC):
    """Work that goes on whatever becomes of the page; `start` it once.

    Args:
        name: Of the thread.
        cancelled: What `error` says if the work was cancelled.
        broken: What it says if the work breaks off in a way that nobody foresaw; the terminal then shows the traceback.
    """

    def __init__(self, name: str, *, cancelled: str, broken: str) -> None:
        self.error = ""
        """Why it ended before it was done, and what to do; empty if it is done."""
        self.cancelled = False
        """Whether it ended because it was told to."""
        self._name, self._if_cancelled, self._if_broken = name, cancelled, broken
        self._cancel = threading.Event()
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def cancel(self) -> None:
        """End it at its next step."""
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

    @abstractmethod
    def _work(self) -> None:
        """Do it, and `_heed` from each step."""

    def _heed(self) -> None:
        """Leave the work if it was told to end."""
        if self._cancel.is_set():
            raise _CancelledError

    def _run(self) -> None:
        self.error = self._if_broken
        try:
            self._work()
            self.error = ""
        except _CancelledError:
            self.cancelled, self.error = True, self._if_cancelled
        except RagstoneError as refused:
            self.error = str(refused)
        finally:
            self._ended.set()
