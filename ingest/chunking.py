"""Cut a document into chunks along its structure, counted in the embedding model's own tokens.

Every chunk is a slice of the document's text; together, without the overlaps, they hold all of it but white space.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ..retrieval.records import TextChunk
from .parsed import ParsedDocument
from .parsers.spans import heading_title

TokenOffsets = list[tuple[int, int]]
Tokenize = Callable[[Sequence[str]], list[TokenOffsets]]
"""Texts to the offsets of their tokens; an embedder's `token_offsets`."""

Strength = Literal["heading", "block", "line", "sentence", "word", "token"]
LEAST_FILL: dict[Strength, float] = {
    "heading": 0.25,
    "block": 0.5,
    "line": 0.6,
    "sentence": 0.5,
    "word": 0.0,
    "token": 0.0,
}
"""How full a chunk must be before it may end at such a boundary; the strongest that qualifies is taken."""

CHARS_PER_TOKEN = 16
"""A run without spaces can be one token of any length, so a chunk's characters are limited too."""

_SENTENCE_END = re.compile(r"[.!?。！？][\"'”’)\]]*\s+")
_LINE_END = re.compile(r"\n+")


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """How large chunks are.

    Args:
        tokens: The most tokens a chunk has.
        overlap: The most tokens that a chunk repeats of the one before, in whole sentences or lines; none across
        headings.
    """

    tokens: int = 200
    overlap: int = 24


def chunk_document(document: ParsedDocument, tokenize: Tokenize, size: ChunkSize) -> list[TextChunk]:
    """Cut a document into chunks of at most `size.tokens` tokens."""
    overlap = min(size.overlap, size.tokens // 4)  # else chunks as short as a small model's window hardly get on
    text = document.text
    cuts = _Boundaries(document, tokenize([text])[0])
    spans, start, done = [], cuts.skip_space(0), 0
    while start < len(text):
        end, strength = cuts.end_of_chunk(start, done, size.tokens)
        spans.append((start, end))
        done = cuts.skip_space(end)
        if done < len(text) and strength not in ("heading", "token"):
            start = cuts.step_back(start, done, overlap)
        else:
            start = done
    fitted = [piece for span in spans for piece in _fit(text, *span, tokenize, size.tokens)]
    pages = [page.char_start for page in document.pages]
    return [
        TextChunk(
            ordinal=ordinal,
            char_start=a,
            char_end=b,
            text=text[a:b],
            heading=cuts.heading_path(a),
            page=document.pages[bisect_right(pages, a) - 1].number if pages else None,
            tokens=tokens,
        )
        for ordinal, (a, b, tokens) in enumerate(fitted)
    ]


def _fit(text: str, start: int, end: int, tokenize: Tokenize, size: int) -> Iterator[tuple[int, int, int]]:
    """Trim a span and count its tokens anew: a word that was cut can have more of them than it had as part of the
    whole."""
    end = start + len(text[start:end].rstrip())
    tokens = tokenize([text[start:end]])[0]
    if len(tokens) <= size:
        yield start, end, len(tokens)
    else:
        middle = start + tokens[len(tokens) // 2][0]
        yield from _fit(text, start, middle, tokenize, size)
        yield from _fit(text, middle, end, tokenize, size)


class _Boundaries:
    """Where a document's text may be cut, and how many tokens lie between two places."""

    def __init__(self, document: ParsedDocument, tokens: TokenOffsets) -> None:
        self._text = text = document.text
        self._starts = [start for start, _ in tokens]
        headings = [block for block in document.blocks if block.kind == "heading"]
        self._heading_starts = [block.char_start for block in headings]
        self._paths = _paths([(block.level, text[block.char_start : block.char_end]) for block in headings])
        # A heading directly under another stays with it.
        firsts = [b.char_start for a, b in pairwise(headings) if text[a.char_end : b.char_start].strip()]
        self._at: dict[Strength, list[int]] = {
            "heading": [block.char_start for block in headings[:1]] + firsts,
            "block": [block.char_start for block in document.blocks],
            "line": [match.end() for match in _LINE_END.finditer(text)],
            "sentence": [match.end() for match in _SENTENCE_END.finditer(text)],
            "word": [start for start in self._starts if start and text[start - 1].isspace()],
            "token": self._starts,
        }

    def skip_space(self, at: int) -> int:
        rest = len(self._text)
        while at < rest and self._text[at].isspace():
            at += 1
        return at

    def heading_path(self, at: int) -> str:
        """The headings in force at a place, a heading that starts there included."""
        number = bisect_right(self._heading_starts, at)
        return self._paths[number - 1] if number else ""

    def end_of_chunk(self, start: int, done: int, size: int) -> tuple[int, Strength]:
        """The end of the chunk that starts here, after the text already `done`, and what kind of boundary that is."""
        first = bisect_left(self._starts, start)
        over = first + size
        limit = self._starts[over] if over < len(self._starts) else len(self._text)
        limit = min(limit, start + size * CHARS_PER_TOKEN)
        least = {s: self._place(first, int(fill * size), max(start, done) + 1) for s, fill in LEAST_FILL.items()}
        next_heading = self._between("heading", least["heading"], limit)
        if next_heading:
            return next_heading[0], "heading"
        if limit == len(self._text):
            return limit, "block"
        for strength, fill in least.items():
            if candidates := self._between(strength, fill, limit):
                return candidates[-1], strength
        return limit, "token"

    def step_back(self, chunk_start: int, at: int, overlap: int) -> int:
        """The first sentence or line of the chunk's last `overlap` tokens, or `at` when none starts there."""
        earliest = self._starts[max(bisect_left(self._starts, at) - overlap, 0)] if overlap else at
        earliest = max(earliest, chunk_start + 1)
        starts = self._between("sentence", earliest, at - 1) + self._between("line", earliest, at - 1)
        return self.skip_space(min(starts, default=at))

    def _place(self, first: int, tokens: int, least: int) -> int:
        at = first + tokens
        return max(self._starts[at], least) if at < len(self._starts) else len(self._text) + 1

    def _between(self, strength: Strength, start: int, end: int) -> list[int]:
        places = self._at[strength]
        return places[bisect_left(places, start) : bisect_right(places, end)]


def _paths(headings: list[tuple[int, str]]) -> list[str]:
    """The heading path at each heading: its ancestors and itself, outermost first."""
    open_levels: list[tuple[int, str]] = []
    paths = []
    for level, text in headings:
        while open_levels and open_levels[-1][0] >= level:
            open_levels.pop()
        open_levels.append((level, heading_title(text)))
        paths.append(" > ".join(title for _, title in open_levels))
    return paths
