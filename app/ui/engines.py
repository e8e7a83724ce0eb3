"""The one engine that answers, shared by all sessions and changed without a restart."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ...retrieval.library import Library
from ..chat_models import open_pool
from ..engine import Ragstone
from ..settings import Settings


class Engines:
    """The engine in use, and those that have been replaced and still answer. Safe to use from several threads.

    Args:
        settings: Of the engine; the library is made when there is none.
    """

    def __init__(self, settings: Settings) -> None:
        self.library = Library(settings.library, create=True)
        """For what needs no model; it stays open whatever engine is in use."""
        self.pool = open_pool(settings)
        """Holds the chat models of all engines."""
        self._lock = threading.Lock()
        self._current = Ragstone.open(settings=settings, pool=self.pool)
        self._users: Counter[Ragstone] = Counter()

    @property
    def settings(self) -> Settings:
        """Of the engine in use."""
        return self._current.settings

    @property
    def offload(self) -> tuple[int, int] | None:
        """How many layers of the model are on the GPU, of how many; None before it is loaded here."""
        return self._current.offload

    @contextmanager
    def lease(self) -> Iterator[Ragstone]:
        """The engine in use; it stays open until the end, also when another takes its place."""
        with self._lock:
            engine = self._current
            self._users[engine] += 1
        try:
            yield engine
        finally:
            with self._lock:
                self._users[engine] -= 1
                if unused := not self._users[engine]:
                    del self._users[engine]
                replaced = engine is not self._current
            if unused and replaced:
                engine.close()

    def use_model(self, model: str) -> None:
        """Let another chat model give the next answers; answers in progress are finished by the earlier one.

        Raises:
            ModelNotFoundError: It is not on this machine.
        """
        settings = replace(self.settings, model=model)
        if not settings.server:
            self._current.models.path(model)
        engine = Ragstone.open(settings=settings, pool=self.pool)
        with self._lock:
            before, self._current = self._current, engine
            unused = before not in self._users
        if unused:
            before.close()
