"""Putting a document together, block by block."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress

from ...retrieval.records import Page
from ..parsed import Block, BlockKind, ParsedDocument
from .spans import heading_title
from .text import clean

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
_GAP = "\n\n"
_MOST_PADDING = 100
"""Empty cells for one cell of a table."""


class DocumentBuilder:
    """Collects blocks, parted by blank lines, and the pages that they stand on."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._blocks: list[Block] = []
        self._pages: list[Page] = []
        self._length = 0
        self._first_heading = ""

    def add(self, kind: BlockKind, text: str, level: int = 0, name: str = "", gap: str = _GAP) -> None:
        """Add a block; the white space around its text is dropped, and a block of nothing else is not added."""
        text = clean(text).strip("\n").rstrip() if kind == "code" else clean(text).strip()
        if not text.strip():
            return
        indent = len(text) - len(text.lstrip())
        self._append(text, [Block(kind, indent, len(text), level, name)], gap)

    def heading(self, title: str, level: int) -> None:
        """Add a heading as Markdown writes it."""
        if title := " ".join(clean(title).split()):
            self._first_heading = self._first_heading or title
            self.add("heading", f"{'#' * min(level, 6)} {title}", min(level, 6))

    def item(self, text: str) -> None:
        """Add an item of a list, on the line below the item before it."""
        listed = self._blocks and self._blocks[-1].kind == "list"
        self.add("list", text, gap="\n" if listed else _GAP)

    def code(self, text: str, language: str = "") -> None:
        """Add code between the fences of Markdown."""
        if text.strip():
            self.add("code", fenced(text, language))

    def paragraph(self, text: str) -> None:
        """Add a paragraph."""
        self.add("paragraph", _BLANK_LINES.sub("\n", text))

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Add a table, its first row being the header."""
        self.add("table", markdown_table(rows))

    def extend(self, document: ParsedDocument) -> None:
        """Add the blocks of another document."""
        for block in document.blocks:
            text = document.text[block.char_start : block.char_end]
            if block.kind == "heading":
                self.heading(heading_title(text), block.level)
            elif block.kind == "list":
                self.item(text)
            else:
                self.add(block.kind, text, name=block.name)

    def append(self, text: str, blocks: Iterable[Block]) -> None:
        """Add a text as it stands, with its blocks; one of nothing but white space is not added."""
        if text.strip():
            self._append(text, blocks, _GAP)

    def _append(self, text: str, blocks: Iterable[Block], gap: str) -> None:
        if self._texts:
            self._texts.append(gap)
            self._length += len(gap)
        start = self._length
        self._blocks.extend(replace(b, char_start=b.char_start + start, char_end=b.char_end + start) for b in blocks)
        self._texts.append(text)
        self._length += len(text)

    def page(self, start: int, label: str = "", *, ocr: bool = False) -> None:
        """End a page: it holds what was added since `start`, a `length` from before."""
        first = next((b.char_start for b in self._blocks if b.char_start >= start), self._length)
        self._pages.append(Page(len(self._pages) + 1, first, self._length, label=label, ocr=ocr))

    @property
    def length(self) -> int:
        """Characters so far."""
        return self._length

    @property
    def first_heading(self) -> str:
        """The first heading so far."""
        return self._first_heading

    def build(self, media_type: str, title: str = "", metadata: Mapping[str, str] | None = None) -> ParsedDocument:
        """The document."""
        known = {name: clean(value).strip() for name, value in (metadata or {}).items() if value and value.strip()}
        title = " ".join(clean(title).split())
        pages, blocks = tuple(self._pages), tuple(self._blocks)
        return ParsedDocument("".join(self._texts), blocks, media_type, title, pages, known)


def markdown_table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as a Markdown table whose first row is the header; empty rows and columns are dropped."""
    filled = [cells for row in rows if any(cells := [cell and _cell(cell) for cell in row])]
    width = max(map(len, filled), default=0)
    used = [False] * width
    for row in filled:
        for column, cell in enumerate(row):
            if cell:
                used[column] = True
    if not all(used):
        filled = [list(compress(row, used)) for row in filled]
    return "\n".join(_lines(filled, sum(used)))


def fenced(code: str, language: str = "") -> str:
    """Code between fences that are longer than any inside it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`{3,}", code)), default=0))
    return f"{fence}{language}\n{code}\n{fence}"


def _lines(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    # Rows are filled up to the header's length, unless that is most of the table: a single long row could make it huge.
    pad = width * len(rows) <= _MOST_PADDING * (sum(map(len, rows)) + _MOST_PADDING)
    for number, row in enumerate(rows):
        yield f"| {' | '.join(row)} |" + "  |" * (width - len(row) if pad or not number else 0)
        if not number:
            yield "|" + " --- |" * width


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
