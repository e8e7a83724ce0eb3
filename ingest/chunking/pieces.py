"""From spans to chunks: trim them, repeat table headers, and see that each fits when it is counted for itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...retrieval.records import TextChunk
from .layout import Layout
from .plan import ChunkPlan, Tokenize
from .prefix import Prefix


@dataclass(frozen=True, slots=True)
class Piece:
    """A span that is to become a chunk."""

    start: int
    end: int
    fresh: int
    """Where that begins which the piece before does not hold."""
    headed: bool = True
    """Whether it repeats the header of the table that it begins inside."""


class Budget:
    """How many tokens the text of a chunk may have, and what takes the others."""

    def __init__(self, layout: Layout, plan: ChunkPlan, prefix: Prefix) -> None:
        self.tokens = plan.tokens
        self._layout, self._prefix = layout, prefix

    def room(self, at: int) -> int:
        """The tokens of the text of a chunk that starts here."""
        return self.room_without_header(at) - self._header(at)[1]

    def room_without_header(self, at: int) -> int:
        """The same if the chunk repeats no table header."""
        return self.tokens - self._prefix.of(self._layout.heading(at))[1]

    def header(self, at: int) -> str:
        """The table header that a chunk repeats which starts here: none that takes more than half of the room."""
        return self._header(at)[0]

    def _header(self, at: int) -> tuple[str, int]:
        header = self._layout.header(at)
        if header is None:
            return "", 0
        tokens = self._layout.token(header[1]) - self._layout.token(header[0])
        if tokens > self.room_without_header(at) // 2:
            return "", 0
        return self._layout.text[slice(*header)].rstrip(), tokens


def to_chunks(layout: Layout, pieces: list[Piece], budget: Budget, tokenize: Tokenize) -> list[TextChunk]:
    """The chunks of pieces.

    Every chunk is tokenized for itself, and those that turn out too large are cut again: part of a word, and with some
    tokenizers the first word, can have more tokens alone than within the whole.
    """
    return _Fitting(layout, budget, tokenize).chunks(pieces)


class _Fitting:
    def __init__(self, layout: Layout, budget: Budget, tokenize: Tokenize) -> None:
        self._layout, self._budget, self._tokenize = layout, budget, tokenize

    def chunks(self, pieces: list[Piece]) -> list[TextChunk]:
        fitting: list[tuple[Piece, int]] = []
        while pieces:
            pieces = [self._trimmed(piece) for piece in pieces]
            sized = list(zip(pieces, map(len, self._tokenize(list(map(self._passage, pieces)))), strict=True))
            pieces = []
            for piece, tokens in sized:
                if tokens <= self._budget.room_without_header(piece.start):
                    fitting.append((piece, tokens))
                else:
                    pieces += self._smaller(piece)
        fitting.sort(key=lambda fit: fit[0].start)
        return [self._chunk(ordinal, piece, tokens) for ordinal, (piece, tokens) in enumerate(fitting)]

    def _trimmed(self, piece: Piece) -> Piece:
        """Without white space at its ends, but with the indentation of its first line of code."""
        text, start = self._layout.text, self._layout.ink(piece.start)
        if self._layout.kind(start) == "code":
            start = self._layout.with_indentation(start)
        return replace(piece, start=start, end=start + len(text[start : piece.end].rstrip()))

    def _header(self, piece: Piece) -> str:
        return self._budget.header(piece.start) if piece.headed else ""

    def _passage(self, piece: Piece) -> str:
        header, text = self._header(piece), self._layout.text[piece.start : piece.end]
        return f"{header}\n{text}" if header else text

    def _smaller(self, piece: Piece) -> list[Piece]:
        if piece.start < piece.fresh:
            return [replace(piece, start=piece.fresh)]
        rows = self._layout.rows_between(self._layout.ink(piece.start) + 1, piece.end - 1)
        if not rows and self._header(piece):
            return [replace(piece, headed=False)]
        middle = rows[len(rows) // 2] if rows else self._middle(piece)
        return [replace(piece, end=middle), replace(piece, start=middle, fresh=middle)]

    def _middle(self, piece: Piece) -> int:
        tokens = self._tokenize([self._layout.text[piece.start : piece.end]])[0]
        middle = piece.start + tokens[len(tokens) // 2][0]
        return middle if middle > self._layout.ink(piece.start) else (piece.start + piece.end + 1) // 2

    def _chunk(self, ordinal: int, piece: Piece, tokens: int) -> TextChunk:
        ink = self._layout.ink(piece.start)
        return TextChunk(
            ordinal=ordinal,
            char_start=piece.start,
            char_end=piece.end,
            text=self._layout.text[piece.start : piece.end],
            heading=self._layout.heading(ink),
            page=self._layout.page(ink),
            tokens=tokens,
            table_header=self._header(piece),
        )
