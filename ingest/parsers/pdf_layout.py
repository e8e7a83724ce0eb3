"""From the pages of a PDF to its text: blocks, lines and pages with their offsets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from ...retrieval.records import Line, Page
from ..parsed import Block
from .pdf_blocks import Passage, passages
from .pdf_headings import body_size, mark_headings
from .pdf_margins import drop_margins
from .pdf_model import Bookmark, RawPage, Row
from .pdf_order import in_reading_order, whole_lines
from .pdf_paragraphs import join_words, mark_paragraphs
from .pdf_unicode import readable

_GAP = "\n\n"


def lay_out(pages: Sequence[RawPage], outline: Sequence[Bookmark]) -> tuple[str, list[Block], list[Page]]:
    """Puts the pages into one text, parted by blank lines, and says where in it everything stands."""
    text = _Text()
    rows_of_pages = _lines(pages, outline)
    for number, (page, rows) in enumerate(zip(pages, rows_of_pages, strict=True), start=1):
        if number > 1:
            text.append(_GAP)
        start = text.length
        lines = text.add(chain(passages(rows), _notes(page)))
        text.pages.append(
            Page(number, start, text.length, tuple(lines), label=page.label, links=page.links, ocr=page.ocr)
        )
    return text.whole(), text.blocks, text.pages


def _lines(pages: Sequence[RawPage], outline: Sequence[Bookmark]) -> list[list[Row]]:
    """The lines of each page in reading order, with all that is known of them."""
    for page in pages:
        page.rows = readable(page.rows)
    body = body_size(page.rows for page in pages)
    drop_margins(pages, body)
    lines = [whole_lines(page.rows if page.ocr else in_reading_order(page.rows)) for page in pages]
    for rows in lines:
        mark_paragraphs(rows)
    mark_headings(lines, outline, body)
    join_words(lines)
    return lines


def _notes(page: RawPage) -> Iterable[Passage]:
    notes = readable(page.notes)
    for note in notes:
        note.hyphenated = False
    return passages(notes)


class _Text:
    """A text that grows by passages."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.pages: list[Page] = []
        self.length = 0
        self._pieces: list[str] = []

    def append(self, piece: str) -> None:
        self._pieces.append(piece)
        self.length += len(piece)

    def add(self, found: Iterable[Passage]) -> list[Line]:
        """Adds the passages of a page; its lines."""
        lines: list[Line] = []
        before = None
        for passage in found:
            if before:
                self.append("\n" if before == passage.kind == "list" else _GAP)
            lines += self._add(passage)
            before = passage.kind
        return lines

    def _add(self, passage: Passage) -> list[Line]:
        start = self.length
        lines = []
        for piece in passage.pieces:
            self.append(piece.before)
            first = self.length
            self.append(piece.text)
            if piece.rect:
                lines.append(Line(first, self.length, piece.rect))
        self.blocks.append(Block(passage.kind, start, self.length, passage.level))
        return lines

    def whole(self) -> str:
        return "".join(self._pieces)
