"""Where a model's reasoning ends and its answer begins."""

from __future__ import annotations

import re


class AnswerPart:
    """What a model writes after a mark, such as `Final answer:` or `</think>`, taken while it is written.

    A model that never writes the mark has answered without reasoning: then all of it is the answer, so that no text is
    lost.

    Args:
        mark: Found without regard to case; empty where the model only answers.
    """

    def __init__(self, mark: str) -> None:
        self.text = ""
        """The answer so far."""
        self.reasoning = ""
        """What came before the mark; empty until it has come."""
        self._mark = mark
        self._waiting = ""  # what was written before the mark is known to come

    def feed(self, piece: str) -> str:
        """Take the model's next words; return those of the answer."""
        if self._mark:
            self._waiting += piece
            found = re.search(re.escape(self._mark), self._waiting, re.IGNORECASE)
            if not found:
                return ""
            self.reasoning = self._waiting[: found.start()].rstrip("* \n")
            piece, self._mark = self._waiting[found.end() :], ""
        if not self.text:
            piece = piece.lstrip("* \n")  # Markdown's bold often ends after the mark
        self.text += piece
        return piece

    def finish(self) -> str:
        """Return what turns out to be the answer at its end."""
        if not self._mark:
            return ""
        self.text, self._mark = self._waiting, ""
        return self.text
