"""What llama.cpp says: it goes to the logger at DEBUG instead of stderr, and tells what no function does."""

from __future__ import annotations

import ctypes
import logging
import threading

import llama_cpp

log = logging.getLogger("ragstone.generation.llama")
_TURNS = threading.RLock()


class Collected:
    """Collects what llama.cpp says while it is entered. Threads take turns: llama.cpp has one logger."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __enter__(self) -> Collected:
        _TURNS.acquire()

        @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
        def collect(_level: int, text: bytes, _user: object) -> None:
            self._lines.append(text.decode("utf-8", "replace"))

        self._collect = collect  # llama.cpp keeps only the address
        llama_cpp.llama_log_set(collect, ctypes.c_void_p(0))
        return self

    def __exit__(self, *_: object) -> None:
        quiet()
        _TURNS.release()
        log.debug("%s", self.text)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._lines)


def quiet() -> None:
    """Send what llama.cpp says to the logger."""
    llama_cpp.llama_log_set(_pass_on, ctypes.c_void_p(0))


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _pass_on(_level: int, text: bytes, _user: object) -> None:
    log.debug("%s", text.decode("utf-8", "replace").rstrip())
