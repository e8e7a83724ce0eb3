"""Putting a document together, block by block."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from ...retrieval.records import Page
from ..parsed import Block, BlockKind, ParsedDocument
from .text import clean

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
_GAP = "\n\n"


class DocumentBuilder:
    """Collects blocks, parted by blank lines, and the pages that they stand on."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._blocks: list[Block] = []
        self._pages: list[Page] = []
        self._length = 0

    def add(self, kind: BlockKind, text: str, level: int = 0, name: str = "") -> None:
        """Add a block; the white space around its text is dropped, and a block of nothing else is not added."""
        text = clean(text).strip("\n").rstrip() if kind == "code" else clean(text).strip()
        if not text.strip():
            return
        if self._texts:
            self._texts.append(_GAP)
            self._length += len(_GAP)
        indent = len(text) - len(text.lstrip())
        self._blocks.append(Block(kind, self._length + indent, self._length + len(text), level, name))
        self._texts.append(text)
        self._length += len(text)

    def heading(self, title: str, level: int) -> None:
        """Add a heading as Markdown writes it."""
        if title := " ".join(clean(title).split()):
            self.add("heading", f"{'#' * min(level, 6)} {title}", min(level, 6))

    def paragraph(self, text: str) -> None:
        """Add a paragraph."""
        self.add("paragraph", _BLANK_LINES.sub("\n", text))

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Add a table, its first row being the header."""
        self.add("table", markdown_table(rows))

    def page(self, start: int, label: str = "", *, ocr: bool = False) -> None:
        """End a page: it holds what was added since `start`, a `length` from before."""
        first = next((b.char_start for b in self._blocks if b.char_start >= start), self._length)
        self._pages.append(Page(len(self._pages) + 1, first, self._length, label=label, ocr=ocr))

    @property
    def length(self) -> int:
        """Characters so far."""
        return self._length

    def build(self, media_type: str, title: str = "", metadata: Mapping[str, str] | None = None) -> ParsedDocument:
        """The document."""
        known = {name: clean(value).strip() for name, value in (metadata or {}).items() if value and value.strip()}
        title = " ".join(clean(title).split())
        pages, blocks = tuple(self._pages), tuple(self._blocks)
        return ParsedDocument("".join(self._texts), blocks, media_type, title, pages, known)


def markdown_table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as a Markdown table whose first row is the header; empty rows and columns are dropped."""
    filled = [[_cell(cell) for cell in row] for row in rows]
    columns = list(zip_longest(*(row for row in filled if any(row)), fillvalue=""))
    table = list(zip(*(column for column in columns if any(column)), strict=True))
    if not table:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in table]
    return "\n".join([lines[0], "|" + " --- |" * len(table[0]), *lines[1:]])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
