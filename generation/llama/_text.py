"""From an answer's bytes to its text, while they come."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class StreamedText:
    """An answer's bytes as they become text: whole characters, and nothing of a text to stop at."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = stop
        self._held = ""
        self.stopped = False

    def add(self, piece: bytes) -> str:
        """What can be shown now."""
        return self._show(self._decoder.decode(piece))

    def rest(self) -> str:
        """What was held back, at the end."""
        if self.stopped:
            return ""
        shown = self._show(self._decoder.decode(b"", final=True))
        held, self._held = self._held, ""
        return shown + ("" if self.stopped else held)

    def _show(self, text: str) -> str:
        self._held += text
        found = [at for stop in self._stop if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            shown, self._held = self._held[: min(found)], ""
            return shown
        begun = max((_overlap(self._held, stop) for stop in self._stop), default=0)
        shown, self._held = self._held[: len(self._held) - begun], self._held[len(self._held) - begun :]
        return shown


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of a text may be the beginning of another."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
