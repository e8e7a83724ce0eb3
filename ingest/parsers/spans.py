"""Offsets of lines and blocks in a text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ..parsed import Block, BlockKind


def line_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each line, without its line feed; only a line feed ends a line."""
    spans = []
    start = 0
    for line in text.split("\n"):
        spans.append((start, start + len(line)))
        start += len(line) + 1
    return spans


def block(text: str, kind: BlockKind, start: int, end: int, level: int = 0, name: str = "") -> Block:
    """The block between two offsets, less the white space around it."""
    inner = text[start:end]
    return Block(kind, start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip()), level, name)


def paragraphs(
    text: str, lines: list[tuple[int, int]], kind: BlockKind = "paragraph", name: str = ""
) -> Iterator[Block]:
    """The paragraphs among some consecutive lines of a text: blank lines part them."""
    for filled, group in groupby(lines, key=lambda span: not text[slice(*span)].isspace() and span[0] < span[1]):
        if filled:
            spans = list(group)
            yield block(text, kind, spans[0][0], spans[-1][1], name=name)


def heading_title(heading: str) -> str:
    """A heading block's words, without the marks of Markdown or reStructuredText around them."""
    for line in heading.split("\n"):
        if any(character.isalnum() for character in line):
            return line.strip().lstrip("#").rstrip("#").strip().strip("*_`")
    return heading.strip()
