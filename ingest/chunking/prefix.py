"""What is embedded of a chunk: its passage, and on request the document's title and the headings before it."""

from __future__ import annotations

from collections.abc import Sequence

from ...retrieval.records import TextChunk
from .plan import ChunkPlan, Tokenize


class Prefix:
    """The lines that are embedded before passages, by heading path.

    Args:
        title: The document's title.
        tokenize: An embedder's `token_offsets`.
        plan: Says whether there is a prefix, and how long it may be.
    """

    def __init__(self, title: str, tokenize: Tokenize, plan: ChunkPlan) -> None:
        self._title, self._tokenize = title, tokenize
        self._most = plan.tokens // 4 if plan.prefix else 0
        self._made: dict[str, tuple[str, int]] = {}

    def of(self, heading: str) -> tuple[str, int]:
        """The prefix of a chunk under a heading path, its line feed included, and its tokens."""
        if heading not in self._made:
            self._made[heading] = self._make(heading)
        return self._made[heading]

    def _make(self, heading: str) -> tuple[str, int]:
        known = f"{heading} > ".startswith(f"{self._title} > ")  # the first heading is often the title
        line = heading if known else " > ".join(filter(None, (self._title, heading)))
        if not self._most or not line:
            return "", 0
        tokens = self._tokenize([line])[0]
        if len(tokens) > self._most:
            line = line[: tokens[self._most][0]].rstrip()
        return f"{line}\n", min(len(tokens), self._most)


def embedded_texts(chunks: Sequence[TextChunk], title: str, tokenize: Tokenize, plan: ChunkPlan) -> list[str]:
    """What is to be embedded of the chunks of a document that was cut by this plan."""
    prefix = Prefix(title, tokenize, plan)
    return [prefix.of(chunk.heading)[0] + chunk.passage for chunk in chunks]
