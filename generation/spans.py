"""Places in a text."""

from __future__ import annotations

from collections.abc import Iterable

Spans = tuple[tuple[int, int], ...]
"""Start and end of places in a text, in order and apart, in code points."""


def joined(spans: Iterable[tuple[int, int]], gap: int = 0) -> Spans:
    """Spans in order, those that overlap or have at most so many characters between them as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + gap:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)
