"""Wider passages around hits: neighbouring chunks, or the whole section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

from .library import Library
from .records import Chunk, Hit

Widening = Literal["none", "neighbours", "section"]
WIDENINGS: tuple[Widening, ...] = get_args(Widening)

SECTION_TOKENS = 800
"""The longest section that a hit is widened to; in a longer one it takes chunks on both sides, as many as fit."""


def widen(library: Library, hits: Sequence[Hit], how: Widening) -> list[Hit]:
    """Let each hit's chunk reach as far as `how` says; its offsets, text and page follow, its id stays.

    A hit whose chunk stands inside an earlier, widened hit says nothing new and is left out.
    """
    if how == "none":
        return list(hits)
    wide: list[Hit] = []
    for hit in hits:
        chunk = hit.chunk
        if any(_covers(other.chunk, chunk) for other in wide):
            continue
        around = library.neighbours(chunk) if how == "neighbours" else _fitting(library.section(chunk), chunk)
        wide.append(replace(hit, rank=len(wide) + 1, chunk=_joined(library, chunk, around)))
    return wide


def _covers(wide: Chunk, chunk: Chunk) -> bool:
    same = wide.document_id == chunk.document_id
    return same and wide.char_start <= chunk.char_start and chunk.char_end <= wide.char_end


def _fitting(section: Sequence[Chunk], chunk: Chunk) -> Sequence[Chunk]:
    """The chunks of a section around one of them, taken in turn before and after it, that fit."""
    place = next((n for n, other in enumerate(section) if other.id == chunk.id), None)
    if place is None:
        return [chunk]
    first = last = place
    room = SECTION_TOKENS - chunk.tokens
    while True:
        sides = [n for n in (first - 1, last + 1) if 0 <= n < len(section) and section[n].tokens <= room]
        if not sides:
            return section[first : last + 1]
        nearest = min(sides, key=lambda n: (abs(n - place), n))
        room -= section[nearest].tokens
        first, last = min(first, nearest), max(last, nearest)


def _joined(library: Library, chunk: Chunk, around: Sequence[Chunk]) -> Chunk:
    if len(around) < 2:
        return chunk
    start, end = min(c.char_start for c in around), max(c.char_end for c in around)
    return replace(
        chunk,
        char_start=start,
        char_end=end,
        text=library.text(chunk.document_id)[start:end],
        tokens=sum(c.tokens for c in around),
        table_header=around[0].table_header,
        page=around[0].page,
        instructions=tuple(sorted({i for c in around for i in c.instructions})),
    )
